"""Every path of /openapi.json with what schemathesis makes of its own description, right and wrong: nothing ends with 5xx that is not described, each
answer has a described status and form, and who is not logged in moves nothing. Seeded; `make test-browser` plays it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
import schemathesis
from access_by_hand import ClerkByHand
from asgi_by_hand import OURS, headers
from desk_by_hand import EXAMPLES, OK, ScriptedDesk, snapshot
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console import configuration
from console.web.doors import Doors, Message
from console.web.people import Demonstration, Person
from console.web.serve import application, assembled
from controller.requests import Alive, Reply, Request, Stop, Watch
from hal.clock import SystemClock

pytestmark = [pytest.mark.openapi, pytest.mark.timeout(600)]
PORT = 8321
PAGE = "page-0123456789"
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
RIGHT, WRONG = schemathesis.GenerationMode
PROCESSES = 1
"""Each report is made by a process of its own: one is started."""
SEEDED = settings(
    max_examples=15, derandomize=True, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip
UNMOVED = (Watch, Alive, Stop)


class Fuzzed:
    """The console in this process on a scripted desk, one loop for all its requests."""

    def __init__(self, scripted: Callable[[Callable[[Request], list[Reply]]], ScriptedDesk], folder: Path) -> None:
        self.desk = scripted(self._heard)
        self.clock = SystemClock()
        self.access = Demonstration(self.clock)
        rig = replace(
            configuration.load(EXAMPLES / "rig.toml", 0), places=self.desk.places, records=folder, control=None
        )
        self.room = assembled(rig, folder, self.access, ClerkByHand(), self.clock)
        inside = application(self.room)
        self.schema = schemathesis.openapi.from_dict(inside.openapi())
        self.app = Doors(inside, PORT, PORT + 1, self.room.link.stop)
        self.loop = asyncio.new_event_loop()
        self.line = self.loop.create_task(self.room.link.run())
        self.loop.run_until_complete(self._fresh())

    def _heard(self, request: Request) -> list[Reply]:
        return [snapshot()] if isinstance(request, Watch | Alive) else [OK, snapshot()]

    async def _fresh(self) -> None:
        """A snapshot of the last second: this desk sends one when it is asked."""
        async with asyncio.timeout(10.0):
            while self.room.link.snapshot is None or self.room.link.trouble():
                self.room.link.alive()
                await asyncio.sleep(0.002)

    def close(self) -> None:
        self.line.cancel()
        self.loop.run_until_complete(asyncio.gather(self.line, return_exceptions=True))
        self.loop.close()

    def enter(self) -> str:
        """A login that holds control with PAGE."""
        now = self.clock.monotonic()
        cookie = self.access._sessions.open("demonstration", "operator", 0, now)
        assert self.room.control.take(PAGE, cookie, Person("demonstration", "operator"), now, "STANDBY", True) == ""
        return cookie

    def asked(self, case: schemathesis.Case, cookie: str) -> Response:
        """One request by our own page, as the case says, and its answer."""
        given = {name: str(value) for name, value in (case.headers or {}).items() if str(value).isprintable()}
        given = {name: value for name, value in given.items() if value.isascii() and name.isascii()}
        named = [
            (key.lower().encode(), value.encode())
            for key, value in given.items()
            if key.lower().encode() not in dict(OURS)
        ]
        whole = [*headers(), *named, *([(b"cookie", f"kerma={cookie}".encode())] if cookie else [])]
        self.loop.run_until_complete(self._fresh())
        body = b"" if case.method == "GET" or _unset(case.body) else case.body
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = case.formatted_path
        status, answered, said = self.loop.run_until_complete(
            _sent(self.app, case.method, path, urlencode(case.query or {}, doseq=True).encode(), whole, body)
        )
        request = requests.Request(case.method, f"http://127.0.0.1:{PORT}{path}").prepare()
        return Response(
            status_code=status, headers={name: [value] for name, value in answered.items()}, content=said, request=request, elapsed=0.0, verify=False
        )  # fmt: skip


def _unset(body: object) -> bool:
    return type(body).__name__ == "NotSet"


async def _sent(
    app: Doors, method: str, path: str, query: bytes, whole: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    given: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Message] = []

    async def receive() -> Message:
        if not given:
            await asyncio.Event().wait()
        return given.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path, "raw_path": path.encode(),
        "query_string": query, "root_path": "", "headers": whole, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", PORT),
    }  # fmt: skip
    async with asyncio.timeout(30.0):
        await app(scope, receive, send)
    answered = {key.decode().title(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def fuzzed(scripted: Callable[[Callable[[Request], list[Reply]]], ScriptedDesk], tmp_path: Path) -> Iterator[Fuzzed]:
    made = Fuzzed(scripted, tmp_path)
    yield made
    made.close()


def once(cases: Any, mode: Any, seen: Callable[[Any, schemathesis.Case], None]) -> None:
    """One operation, one mode; in the order of its seed, and no smaller one searched for."""

    @SEEDED
    @given(case=cases)
    def one(case: schemathesis.Case) -> None:
        seen(mode, case)

    with contextlib.suppress(Unsatisfiable) if mode is WRONG else contextlib.nullcontext():
        # a path that takes nothing has no wrong form
        one()


def played(fuzzed: Fuzzed, seen: Callable[[Any, schemathesis.Case], None]) -> int:
    """Every operation, right and wrong, the same cases each time; how many operations there are."""
    count = 0
    for result in fuzzed.schema.get_all_operations():
        count += 1
        for mode in (RIGHT, WRONG):
            once(result.ok().as_strategy(generation_mode=mode), mode, seen)
    return count


def test_who_is_not_logged_in_moves_nothing(fuzzed: Fuzzed) -> None:
    """And is told so in a described way; what is right by its form is refused with 401 or 403, but for what anybody may ask."""

    def seen(mode: Any, case: schemathesis.Case) -> None:
        answer = fuzzed.asked(case, "")
        case.validate_response(answer, checks=[not_a_server_error, *CHECKS])
        if mode is RIGHT and case.path not in ("/api/logout", "/api/ticket"):
            assert answer.status_code in (401, 403, 409 if case.path == "/api/set-up" else 422, 422), case.path

    assert played(fuzzed, seen) >= 20
    assert [one for one in fuzzed.desk.requests if not isinstance(one, UNMOVED)] == []


def test_whoever_holds_control_is_answered_as_it_is_described(fuzzed: Fuzzed) -> None:
    """With a login, a token for each command and control: each answer has a described status and form; what is wrong by its form reaches no desk."""
    state = {"cookie": fuzzed.enter()}

    reports: list[schemathesis.Case] = []

    def seen(mode: Any, case: schemathesis.Case) -> None:
        if mode is RIGHT and (case.method, case.path) == ("POST", "/api/records/report"):
            reports.append(case)
            if len(reports) > PROCESSES:
                return
        if fuzzed.room.person(state["cookie"]) is None or not fuzzed.room.control.here(
            PAGE, state["cookie"], fuzzed.clock.monotonic()
        ):
            state["cookie"] = fuzzed.enter()
        if case.headers is not None and "X-Kerma-Token" in case.headers:
            case.headers["X-Kerma-Token"] = fuzzed.room.tokens.give(state["cookie"], fuzzed.clock.monotonic())
        if mode is RIGHT and isinstance(case.body, dict) and "page" in case.body:
            case.body["page"] = PAGE
        before = len([one for one in fuzzed.desk.requests if not isinstance(one, UNMOVED)])
        answer = fuzzed.asked(case, state["cookie"])
        checks = CHECKS if answer.status_code == 503 else [not_a_server_error, *CHECKS]
        case.validate_response(answer, checks=checks)
        after = len([one for one in fuzzed.desk.requests if not isinstance(one, UNMOVED)])
        assert (after == before) or answer.status_code in (200, 409, 503), case.path

    assert played(fuzzed, seen) >= 20
    reached = {type(one).__name__ for one in fuzzed.desk.requests}
    assert {"Edit", "Close", "Retest", "Reset"} <= reached, (
        "the commands were not reached, and so nothing was shown of them"
    )
