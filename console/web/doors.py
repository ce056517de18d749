"""Who may knock: the outermost layer of the console's HTTP. Host and Origin exactly, JSON with our own header, small bodies, few sockets, strict headers;
STOP passes first. It knows no user and no command."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
HEADER: Final = b"x-kerma"
FROM: Final = b"sec-fetch-site"
OURS: Final = (b"same-origin", b"none")
"""What a browser says of where a request comes from: our own page, or a person's own hand; another program says nothing of it."""
OWN_PORT: Final = {"http": 80, "https": 443}
BODY_BYTES: Final = 16 * 1024
WIDE: Final = {"/api/lesion/photo": 3 * 1024 * 1024}
"""A photo in base64 (console/treat/picture.py has its own bound)."""
WIDE_AT_ONCE: Final = 2
BODY_WITHIN_S: Final = 3.0
REQUESTS_AT_ONCE: Final = 64
SOCKETS_AT_ONCE: Final = 32
STRICT: Final = (
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' %s; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), usb=(), serial=()"),
    (b"cache-control", b"no-store"),
)


def hosts(port: int, names: Sequence[str] = NAMES, scheme: str = "http") -> frozenset[bytes]:
    """Every Host that is this console: by each of its names, at this port; without one only where that is the scheme's own."""
    named = {f"{name}:{port}".encode() for name in names}
    return frozenset(named | ({name.encode() for name in names} if port == OWN_PORT[scheme] else set()))


class Doors:
    """Wraps the application. `stop` is called for POST /stop before anything else is looked at but the host; true when STOP was handed over."""

    def __init__(
        self,
        app: App,
        port: int,
        stop_port: int,
        stop: Callable[[], bool],
        names: Sequence[str] = NAMES,
        scheme: str = "http",
    ) -> None:
        self._app = app
        self._hosts = hosts(port, names, scheme)
        self._origins = frozenset(f"{scheme}://".encode() + host for host in self._hosts)
        self._stop = stop
        # a policy has no way to write an IPv6 address
        doors = b" ".join(f"{scheme}://{name}:{stop_port}".encode() for name in names if not name.startswith("["))
        self._strict = tuple((name, value % doors if b"%s" in value else value) for name, value in STRICT)
        self._requests = 0
        self._wide = 0
        self._sockets = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, self._dressed(send))
        else:
            await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _one(scope, b"host") not in self._hosts:
            await _refuse(
                send, 403, "this host name is not the console's; first: use the address that kerma console printed"
            )
            return
        if scope["path"] == "/stop":
            await self._stopped(scope, send)
            return
        status, words = self._wrong(scope)
        if not words and self._requests >= REQUESTS_AT_ONCE:
            status, words = (
                503,
                f"{self._requests} requests at once, at most {REQUESTS_AT_ONCE}; first: ask again; STOP is always taken",
            )
        if words:
            await _refuse(send, status, words)
            return
        wide = int(scope["method"] == "POST" and scope["path"] in WIDE)
        if wide and self._wide >= WIDE_AT_ONCE:
            await _refuse(send, 503, f"{self._wide} photos at once, at most {WIDE_AT_ONCE}; first: ask again")
            return
        self._requests += 1
        self._wide += wide
        try:
            body = await _body(receive, WIDE[scope["path"]] if wide else BODY_BYTES)
            if isinstance(body, str):
                await _refuse(send, 413, body)
                return
            await self._app(scope, _replayed(body, receive), send)
        finally:
            self._requests -= 1
            self._wide -= wide

    async def _stopped(self, scope: Scope, send: Send) -> None:
        """STOP needs no login, no token, no body and no header: an unwanted STOP is a nuisance, a refused one a danger."""
        if scope["method"] != "POST":
            await _refuse(send, 405, "STOP is asked by POST")
        elif self._stop():
            await _answer(send, 200, {"sent": True, "words": "STOP was handed over; look whether the beam is off"})
        else:
            await _refuse(send, 503, "NO ANSWER: press the emergency stop; nobody listens at the stop socket")

    def _wrong(self, scope: Scope) -> tuple[int, str]:
        """Why a request is not let in. Whatever changes anything is a POST; it must come from our own page, as JSON, with our own header."""
        origin = _one(scope, b"origin")
        if scope["method"] in ("GET", "HEAD"):
            foreign = origin is not None and origin not in self._origins
            # a picture or a link of another page of this very machine comes with our cookie and without an origin
            foreign = foreign or (scope["path"].startswith("/api/") and _one(scope, FROM, OURS[0]) not in OURS)
            return (403, "this origin is not the console's") if foreign else (0, "")
        if scope["method"] != "POST":
            return 405, f"{scope['method']} is not used here"
        if origin not in self._origins:
            return 403, "this origin is not the console's; first: use the console's own page"
        if _one(scope, HEADER) != b"console":
            return 403, "the header X-Kerma: console is missing"
        if _one(scope, b"content-type") != b"application/json":
            return 403, "the body is not said to be application/json"
        length = _one(scope, b"content-length") or b"0"
        most = WIDE.get(scope["path"], BODY_BYTES)
        if not length.isdigit() or len(length) > 9 or int(length) > most:
            return 413, f"the body has {length[:12].decode('latin-1')} bytes, at most {most}"
        return 0, ""

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        fits = _one(scope, b"host") in self._hosts and _one(scope, b"origin") in self._origins
        if not fits or self._sockets >= SOCKETS_AT_ONCE:
            await receive()
            await send({"type": "websocket.close", "code": 1008 if not fits else 1013})
            return
        self._sockets += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._sockets -= 1

    def _dressed(self, send: Send) -> Send:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in dict(self._strict)]
                message = {**message, "headers": [*kept, *self._strict]}
            await send(message)

        return sent


def _one(scope: Scope, name: bytes, without: bytes | None = None) -> bytes | None:
    """The one value of a header, in lower case for names and tokens; `without` where there is none, None where there is more than one."""
    found = [value for key, value in scope["headers"] if key.lower() == name]
    return bytes(found[0]).lower() if len(found) == 1 else None if found else without


async def _body(receive: Receive, most: int) -> bytes | str:
    """The whole body, or why it is refused: too long, or not there in time."""
    body = b""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BODY_WITHIN_S):
            while True:
                message = await receive()
                body += bytes(message.get("body", b""))
                if len(body) > most:
                    return f"the body is above {most} bytes"
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return body
    return f"the body did not come within {BODY_WITHIN_S:.0f} s"


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(send: Send, status: int, words: str) -> None:
    await _answer(send, status, {"words": words})


async def _answer(send: Send, status: int, document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
