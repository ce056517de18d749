"""Threats T1, T2, T3 and T8 at the outermost layer: what a foreign page, a foreign name or a flood may reach, and that STOP passes all of it."""

from __future__ import annotations

import asyncio

import pytest
from asgi_by_hand import PORT, Socket, headers, http

from console.web.doors import BODY_BYTES, REQUESTS_AT_ONCE, SOCKETS_AT_ONCE, Doors, Receive, Scope, Send

FOREIGN = (
    "https://evil.example", "null", "http://127.0.0.1:8321.evil.example", "http://evil.example:8321", "http://127.0.0.1:83210", "https://127.0.0.1:8321",
    "http://127.0.0.1", "http://127.0.0.1:8322", "http://xlocalhost:8321", "http://127.0.0.1:8321/",
)  # fmt: skip
REBOUND = (
    "evil.example",
    "evil.example:8321",
    "127.0.0.1",
    "127.0.0.1:8322",
    "127.0.0.1:8321.evil.example",
    "[::1]",
    "[::1]:80",
    "localhost",
    "0.0.0.0:8321",
    "",
)


class Inside:
    """The application behind the doors: it counts who came in, and waits where a test wants it to."""

    def __init__(self) -> None:
        self.came = 0
        self.stops = 0
        self.hold = asyncio.Event()
        self.hold.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.came += 1
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
            return
        await self.hold.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"in"})

    def stop(self) -> bool:
        self.stops += 1
        return True


def doors(inside: Inside) -> Doors:
    return Doors(inside, PORT, PORT + 1, inside.stop)


@pytest.mark.parametrize(
    "changes",
    [
        *({"origin": origin} for origin in FOREIGN), {"origin": None}, {"x_kerma": None}, {"x_kerma": "other"}, {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"}, {"content_type": "application/json; charset=x"}, {"content_type": None},
    ],
)  # fmt: skip
def test_t1_no_page_but_ours_commands(changes: dict[str, str | None]) -> None:
    """Cross-origin, form and text/plain POSTs are 403, and the application never sees them."""
    inside = Inside()
    status, said, _ = asyncio.run(http(doors(inside), "/api/load", given=headers(**changes)))
    assert (status, inside.came) == (403, 0)
    assert said["words"]


@pytest.mark.parametrize(
    ("given", "path", "status"),
    [("same-site", "/api/service/bundle.zip", 403), ("cross-site", "/api/records/report", 403), ("same-origin", "/api/day", 200), ("none", "/api/day", 200),
     (None, "/api/day", 200), ("cross-site", "/", 200)],
)  # fmt: skip
def test_t1_a_picture_of_another_page_of_this_machine_reads_nothing(given: str | None, path: str, status: int) -> None:
    """Another port of this machine is the same site: the cookie comes along, and no Origin. The first page may be linked to."""
    asked = headers(origin=None, sec_fetch_site=given)
    assert asyncio.run(http(doors(Inside()), path, given=asked, method="GET"))[0] == status


def test_t1_a_header_twice_is_none() -> None:
    """Two Origins or Hosts, one of them ours, are no origin and no host."""
    for name in (b"origin", b"host"):
        inside = Inside()
        given = [*headers(), (name, b"http://evil.example")]
        assert asyncio.run(http(doors(inside), "/api/load", given=given))[0] == 403
        assert inside.came == 0


def test_t1_what_is_ours_comes_in_and_other_methods_do_not() -> None:
    inside = Inside()
    assert asyncio.run(http(doors(inside), "/api/load"))[0] == 200
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert asyncio.run(http(doors(inside), "/api/load", method=method))[0] == 405
    assert inside.came == 1


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_t2_no_page_but_ours_opens_the_live_line(origin: str | None) -> None:
    """Refused before it is accepted."""

    async def knock() -> None:
        inside = Inside()
        socket = Socket(doors(inside), headers(origin=origin))
        assert (await socket.heard())["type"] == "websocket.close"
        await socket.task
        assert inside.came == 0

    asyncio.run(knock())


@pytest.mark.parametrize("host", REBOUND)
def test_t3_no_name_but_ours_is_answered(host: str) -> None:
    """A name that was bound to this machine from outside reaches neither page, interface, live line nor STOP."""

    async def knock() -> None:
        inside = Inside()
        for path, method in (("/", "GET"), ("/api/load", "POST"), ("/stop", "POST")):
            assert (await http(doors(inside), path, given=headers(host=host), method=method))[0] == 403
        socket = Socket(doors(inside), headers(host=host))
        assert (await socket.heard())["type"] == "websocket.close"
        assert (inside.came, inside.stops) == (0, 0)

    asyncio.run(knock())


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_t3_loopback_by_each_of_its_names_is_ours(name: str) -> None:
    async def knock() -> None:
        inside = Inside()
        ours = headers(host=f"{name}:8321", origin=f"http://{name}:8321")
        assert (await http(doors(inside), "/api/load", given=ours))[0] == 200
        socket = Socket(doors(inside), ours)
        assert (await socket.heard())["type"] == "websocket.accept"
        socket.go()
        await socket.task

    asyncio.run(knock())


@pytest.mark.parametrize("origin", ["https://evil.example", None])
def test_stop_needs_nothing_but_the_host(origin: str | None) -> None:
    """No login, token, header, origin or body."""
    inside = Inside()
    given = [(b"host", b"127.0.0.1:8321")] + ([(b"origin", origin.encode())] if origin else [])
    status, said, _ = asyncio.run(http(doors(inside), "/stop", b"\x00" * (BODY_BYTES + 1), given))
    assert (status, said["sent"], inside.stops, inside.came) == (200, True, 1, 0)
    assert asyncio.run(http(doors(inside), "/stop", method="GET"))[0] == 405
    assert inside.stops == 1


def test_stop_that_nobody_takes_says_so() -> None:
    status, said, _ = asyncio.run(http(Doors(Inside(), PORT, PORT + 1, lambda: False), "/stop"))
    assert status == 503
    assert "emergency stop" in said["words"]


def test_t8_a_body_too_long_is_refused_whether_it_is_declared_or_not() -> None:
    inside = Inside()
    for given in (headers(content_length=str(BODY_BYTES + 1)), headers(content_length="x"), headers()):
        assert asyncio.run(http(doors(inside), "/api/load", b"1" * (BODY_BYTES + 1), given))[0] == 413
    assert inside.came == 0


def test_t8_more_requests_than_may_be_at_once_are_refused_and_stop_is_not() -> None:
    async def flood() -> None:
        inside = Inside()
        inside.hold.clear()
        door = doors(inside)
        held = [asyncio.ensure_future(http(door, "/api/load")) for _ in range(REQUESTS_AT_ONCE)]
        while inside.came < REQUESTS_AT_ONCE:
            await asyncio.sleep(0)
        assert (await http(door, "/api/load"))[0] == 503
        assert (await http(door, "/stop"))[0] == 200
        inside.hold.set()
        assert {(await one)[0] for one in held} == {200}
        assert (await http(door, "/api/load"))[0] == 200

    asyncio.run(flood())


def test_t8_more_live_lines_than_may_be_open_are_refused_and_one_that_closes_makes_room() -> None:
    async def flood() -> None:
        door = doors(Inside())
        open_ = [Socket(door, headers()) for _ in range(SOCKETS_AT_ONCE)]
        assert {(await socket.heard())["type"] for socket in open_} == {"websocket.accept"}
        late = Socket(door, headers())
        assert (await late.heard())["type"] == "websocket.close"
        open_[0].go()
        await open_[0].task
        assert (await Socket(door, headers()).heard())["type"] == "websocket.accept"
        for socket in open_[1:]:
            socket.go()

    asyncio.run(flood())


def test_every_answer_is_strictly_dressed() -> None:
    """Also a refusal; no inline script, no eval, nothing from elsewhere but STOP's own door."""
    for given in (headers(), headers(host="evil.example")):
        _, _, answered = asyncio.run(http(doors(Inside()), "/", given=given, method="GET"))
        policy = answered["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http://127.0.0.1:8322" in policy
        assert answered["x-frame-options"] == "DENY"
        assert answered["x-content-type-options"] == "nosniff"
