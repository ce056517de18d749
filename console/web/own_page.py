"""The path /api/own/password: another password of one's own, by the old one; every other login of this person ends, and this page has a new one.
What a password must be is said by console/access; the change stands in the audit before it is made."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import FastAPI, Request, Response
from pydantic import Field

from console.access.people import TOO_MANY, Typed
from console.web.api import COOKIE, Api, Desk, Done, RefusedError, Strict, Token, told

COMMAND: Final = "own"


class Passwords(Strict):
    """The old one and the new one."""

    old: Annotated[str, Field(min_length=1, max_length=200)]
    new: Annotated[str, Field(min_length=1, max_length=200)]


class OwnPage:
    """Whoever is logged in, about that person alone."""

    def __init__(self, desk: Desk, api: Api) -> None:
        self._desk, self._api = desk, api

    def join(self, app: FastAPI) -> None:
        """Add the path to the application."""
        app.post("/api/own/password", responses=told(401, 409, 503), tags=["people"])(self.password)

    async def password(self, request: Request, response: Response, body: Passwords, token: Token) -> Done:
        """Change it; a page that holds control gives it back before."""
        person = self._api.allowed(request, COMMAND, token)
        held = self._desk.control.holder(self._desk.clock.monotonic())
        if held is not None and held.person.name == person.name:
            raise RefusedError(409, f"{person.name} holds control on a page; first: give it back there")
        audit = self._desk.clerk.audit
        source = request.client.host if request.client is not None else "nowhere"

        def noted(before: str, after: str) -> None:
            said = {"do": "own password", "name": person.name, "file_before": before, "file_after": after}
            audit.note("users", person.name, person.role, said)

        typed = Typed(person.name, body.old, source)
        entry = await self._api.worked(self._desk.access.own_password, typed, person.name, body.new, noted)
        if entry.words:
            if not entry.words.startswith(TOO_MANY):
                self._desk.clerk.told("own password refused", person.name, person.role, source=source)
            raise RefusedError(409, entry.words)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, entry.cookie, httponly=True, secure=secure, samesite="strict", path="/")
        return Done(words=f"{person.name} has another password; every other login of {person.name} has ended")
