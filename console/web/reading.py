"""Who may read what at a page, and a turn for it outside the event loop: few at once, and no longer than a page waits.
It knows no record; a read that takes too long is words, and its turn is free again when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec
from fastapi import Request, Response

from console.web.api import COOKIE, Desk, RefusedError
from console.web.people import Person
from console.web.unread import NotReadError, NotThereError

AT_ONCE: Final = 2
"""Reads beside each other, each in a thread of its own: none of those that the line to the desk and the login use."""
WAITING: Final = 16
WITHIN_S: Final = 8.0
"""Above the 5 s for which the database waits for a lock."""

T = TypeVar("T")


class Reading:
    """The turns of one console."""

    def __init__(self, desk: Desk, within_s: float = WITHIN_S) -> None:
        self._desk, self._within_s = desk, within_s
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="reading")
        self._taken = 0

    def allowed(self, request: Request, command: str, token: str | None = None) -> Person:
        """Whoever is logged in, if the role may; where a token is asked for, this login's own, once."""
        cookie = request.cookies.get(COOKIE, "")
        person = self._desk.person(cookie)
        if person is None:
            raise RefusedError(401, "nobody is logged in; first: log in")
        if not self._desk.may(cookie, command):
            raise RefusedError(403, f"{command} is not for the role {person.role} here")
        if token is not None and not self._desk.tokens.use(token, cookie, self._desk.clock.monotonic()):
            raise RefusedError(403, "the token was used, is too old or is another login's; first: ask for a new one")
        return person

    async def audited(self, request: Request, command: str, token: str | None = None, **told: str) -> Person:
        """The same for what leaves the machine: written into the audit before it is given."""
        person = self.allowed(request, command, token)
        words = await self._desk.clerk.first("command", person.name, person.role, command=command, **told)
        if words:
            raise RefusedError(503, f"{command} is not given, because it cannot be audited: {words}")
        return person

    async def turn(self, read: Callable[..., T], *given: Any) -> T:
        """What the read gives; whatever went wrong is a refusal with words."""
        if self._taken >= AT_ONCE + WAITING:
            raise RefusedError(503, f"{self._taken} reads wait already; first: ask again in a moment")
        self._taken += 1
        asked = asyncio.get_running_loop().run_in_executor(self._threads, lambda: read(*given))
        asked.add_done_callback(self._ended)
        try:
            async with asyncio.timeout(self._within_s):
                return await asyncio.shield(asked)
        except TimeoutError as error:
            raise RefusedError(
                503, f"not read within {self._within_s:g} s; first: ask again, and see whether the disk keeps up"
            ) from error
        except NotThereError as error:
            raise RefusedError(404, str(error)) from error
        except NotReadError as error:
            raise RefusedError(503, str(error)) from error

    async def answer(self, read: Callable[..., Any], *given: Any) -> Response:
        """The same as a JSON document that is written in the read's own thread: a long one holds up no other page."""
        raw = await self.turn(lambda: msgspec.json.encode(read(*given)))
        return Response(raw, media_type="application/json")

    def _ended(self, asked: asyncio.Future[Any]) -> None:
        self._taken -= 1
        if not asked.cancelled():
            asked.exception()
