"""The paths below /api/people and /api/audit: an administrator's look at users and changes to them, and whether the audit is what was written.
What a user is and what is wrong with a change is said by console/access; each change stands in the audit before it is made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from console.access import folder
from console.access.people import Office
from console.web.api import Api, Desk, Done, Nothing, RefusedError, Strict, Token, told
from hal.errors import ConfigurationError

PEOPLE: Final = "people"
AUDIT: Final = "audit"
NOBODYS: Final = (
    "this rig has a demonstration operator and no users; first: kerma users add, then start kerma console anew"
)


class Known(BaseModel):
    """One user; nothing of a secret."""

    name: str
    role: str
    enabled: bool
    badge: bool
    made_s: float


class Listed(BaseModel):
    """All of them."""

    users: list[Known]


class Change(Strict):
    """One change of one user. `secret` is a password, or a badge's PIN."""

    do: Literal["add", "role", "password", "badge", "no badge", "disable", "enable"]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Annotated[str, Field(max_length=20)] = ""
    secret: Annotated[str, Field(max_length=200)] = ""
    badge: Annotated[str, Field(max_length=64)] = ""


class Verified(BaseModel):
    """What the checker found."""

    entries: int
    key: str
    after_the_last: int
    wrong: list[str]


class PeoplePage:
    """Who asks is looked at first."""

    def __init__(self, desk: Desk, api: Api) -> None:
        self._desk, self._api = desk, api

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.post("/api/people/list", responses=told(401, 409, 503), tags=["people"])(self.listed)
        app.post("/api/people/change", responses=told(401, 409, 503), tags=["people"])(self.change)
        app.post("/api/audit/verify", responses=told(401, 409, 503), tags=["people"])(self.verify)

    async def listed(self, request: Request, _body: Nothing) -> Listed:
        """Every user with the role."""
        self._api.allowed(request, PEOPLE)
        try:
            book = self._office().users.book()
        except ConfigurationError as error:
            raise RefusedError(503, str(error)) from error
        return Listed(
            users=[
                Known(name=one.name, role=one.role, enabled=one.enabled, badge=bool(one.badge), made_s=one.made_s)
                for one in book.users
            ]
        )

    async def change(self, request: Request, body: Change, token: Token) -> Done:
        """Change one user; that person's logins end."""
        person, office = self._api.allowed(request, PEOPLE, token), self._office()
        audit = self._desk.clerk.audit

        def noted(before: str, after: str) -> None:
            said: dict[str, str] = {"do": body.do, "name": body.name, "file_before": before, "file_after": after}
            audit.note("users", person.name, person.role, said | ({"role": body.role} if body.role else {}))

        work: dict[str, tuple[Callable[..., None], tuple[Any, ...]]] = {
            "add": (office.add, (body.name, body.role, body.secret)),
            "role": (office.role, (body.name, body.role)),
            "password": (office.password, (body.name, body.secret)),
            "badge": (office.badge, (body.name, body.badge, body.secret)),
            "no badge": (office.badge, (body.name, "", "")),
            "disable": (office.enabled, (body.name, False)),
            "enable": (office.enabled, (body.name, True)),
        }
        do, given = work[body.do]
        try:
            await self._api.worked(do, *given, noted)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error
        return Done(words=f"{body.name}: {body.do}")

    async def verify(self, request: Request, _body: Nothing) -> Verified:
        """Whether the audit is what was written, without a checkpoint that is kept elsewhere."""
        self._api.allowed(request, AUDIT)
        try:
            found = await asyncio.to_thread(folder.looked, self._desk.rig.records)
        except ConfigurationError as error:
            raise RefusedError(503, str(error)) from error
        if found is None:
            raise RefusedError(409, "no audit was begun here yet")
        return Verified(
            entries=found.entries, key=found.key, after_the_last=found.after_the_last, wrong=found.wrong[:100]
        )

    def _office(self) -> Office:
        office = self._desk.access.office
        if office is None:
            raise RefusedError(409, NOBODYS)
        return office
