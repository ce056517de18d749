"""The paths below /api/chart: a fraction signed at its end, and what a person corrects beside its record, each with the secret asked again and in the audit
before it is done. What may be signed or corrected is console/treat/chart.py's word; a record is changed by nothing here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from console.treat.chart import FIELDS, MEANINGS, Read, Recorded, asks_review
from console.treat.chart_hand import unsigned
from console.web.api import Api, Desk, RefusedError, Signing, Token, told
from console.web.people import Person
from console.web.reading import Reading
from console.web.records_read import Kept, recorded
from hal.errors import ConfigurationError

SIGN, CORRECT = "sign_off", "correct"
ID: Final = "^[0-9a-f]{16}(-[0-9]{1,6})?$"
Field_ = Annotated[str, Field(min_length=1, max_length=40)]
Words = Annotated[str, Field(max_length=200)]


class Sign(Signing):
    """The fraction, the state of its record that was shown, and in which meaning."""

    fraction: Annotated[str, Field(pattern=ID)]
    state: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    meaning: Annotated[str, Field(max_length=40)]


class Correct(Signing):
    """One field of a fraction: what stood there as it was shown, what should stand, and why."""

    fraction: Annotated[str, Field(pattern=ID)]
    field: Field_
    old: Words
    new: Words
    reason: Words


class Noted(BaseModel):
    """The number of the entry."""

    n: int
    words: str


class ChartPage:
    """Who asks is looked at first, then the secret, then the record, then the audit."""

    def __init__(self, desk: Desk, api: Api, reading: Reading) -> None:
        self._desk, self._api, self._reading = desk, api, reading
        self._kept = Kept(desk.rig)

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.post("/api/chart/sign", responses=told(401, 404, 409, 503), tags=["chart"])(self.sign)
        app.post("/api/chart/correct", responses=told(401, 404, 409, 503), tags=["chart"])(self.correct)

    async def sign(self, request: Request, body: Sign, token: Token) -> Noted:
        """Sign the state of the record that was shown."""
        person, found = await self._asked(request, body, SIGN, body.fraction, token)
        # asked before the audit is told, so that it tells of what was done and not of each try
        words = unsigned(found, body.meaning, body.state, person.name, person.role)
        if words:
            raise RefusedError(409, words)
        await self._audited(person, SIGN, fraction=body.fraction, meaning=body.meaning)
        n = await self._done(self._desk.chart.sign, found, body.meaning, body.state, person.name, person.role)
        self._charted(person, SIGN, n, body.fraction)
        return Noted(n=n, words=f"signed by {person.name}: {body.meaning}")

    async def correct(self, request: Request, body: Correct, token: Token) -> Noted:
        """Add a correction; what was recorded stays as it is, and both are shown."""
        person, found = await self._asked(request, body, CORRECT, body.fraction, token)
        await self._audited(person, CORRECT, fraction=body.fraction, field=body.field if body.field in FIELDS else "")
        change = body.field, body.old, body.new, body.reason
        n = await self._done(self._desk.chart.correct, found, *change, person.name, person.role)
        self._charted(person, CORRECT, n, body.fraction)
        return Noted(n=n, words=f"corrected by {person.name}: {body.field}")

    def _charted(self, person: Person, do: str, n: int, fraction: str) -> None:
        said: dict[str, str | int] = {
            "do": do,
            "entry": n,
            "fraction": fraction,
            "entry_sha256": self._desk.chart.written(n),
        }
        self._desk.clerk.told("charted", person.name, person.role, **said)

    async def _asked(
        self, request: Request, body: Signing, command: str, fraction: str, token: str
    ) -> tuple[Person, Recorded]:
        person = await self._api.again(request, self._api.allowed(request, command, token), command, body)
        self._api.timely(person, command)
        return person, recorded(await self._reading.turn(self._kept.fraction, fraction))

    async def _done(self, work: Callable[..., int], *given: Any) -> int:
        try:
            return await asyncio.to_thread(work, *given)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error

    async def _audited(self, person: Person, command: str, **what: str) -> None:
        words = await self._desk.clerk.first("command", person.name, person.role, command=command, **what)
        if words:
            raise RefusedError(503, f"{command} is not done, because it cannot be audited: {words}")


def told_of(chart: Read, found: dict[str, Any]) -> dict[str, Any]:
    """What the chart says of this fraction, for the page: confirmations, signatures with whether they are over the record as it is, corrections."""
    known = recorded(found)
    tag = str(found["tag"])
    return {
        "state": known.state,
        "wrong": list(chart.wrong[:5]),
        "review": asks_review(known.status, known.closed),
        "operators": list(dict.fromkeys(known.operators)),
        "meanings": list(MEANINGS),
        "confirmed": [msgspec.to_builtins(one) for one in chart.confirmed if one.tag == tag],
        "signatures": [
            msgspec.to_builtins(one) | {"covers": one.state == known.state} for one in chart.signed(known.id)
        ],
        "corrections": [msgspec.to_builtins(one) for one in chart.corrected(known.id)],
        "now": {field: chart.now(known, field) for field in FIELDS},
        "fields": {field: list(roles) for field, roles in FIELDS.items()},
    }
