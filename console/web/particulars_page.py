"""The paths below /api/order/particulars: whose lesion an order is of, as people state it, and a statement that corrects the one before beside it.
Whoever may write an order states it, with the secret asked again; the audit is told that it was done, by the order's SHA-256, and nothing of the patient."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from console.treat.chart import STATED
from console.treat.chart_hand import stated_of
from console.treat.particulars import EARLIER, INTENTS, KEY, Statement
from console.web.api import Api, Desk, RefusedError, Short, Signing, Strict, Token, told
from console.web.order_page import COMMAND
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

T = TypeVar("T")
Words = Annotated[str, Field(max_length=1000)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class OfOrder(Strict):
    """The order that was shown, by its name and its SHA-256: whose lesion is stated is what it says."""

    order: Short
    sha256: Sha256


class State(OfOrder, Signing):
    """What is stated, each field empty where it is not; `stood` is the entry that was shown, 0 for none, and `reason` why it is corrected."""

    stood: Annotated[int, Field(ge=0, le=2**53)]
    family_name: Words = ""
    given_names: Words = ""
    birth_date: Words = ""
    diagnosis: Words = ""
    diagnosis_code: Words = ""
    intent: Words = ""
    earlier: Words = ""
    earlier_words: Words = ""
    reason: Words = ""


class Particulars(BaseModel):
    """What stands of this order's patient, course and lesion, by `whose` it is, what stood before it, the newest first, what is wrong with it, and what may be
    chosen."""

    whose: dict[str, str]
    now: dict[str, Any] | None
    before: list[dict[str, Any]]
    wrong: list[str]
    gone: list[str]
    intents: list[str]
    earlier: list[str]


class Stated(BaseModel):
    """The number of the entry."""

    n: int
    words: str


class ParticularsPage:
    """Who asks is looked at first, then the secret, then the statement, then the audit."""

    def __init__(self, desk: Desk, api: Api) -> None:
        self._desk, self._api = desk, api

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.post("/api/order/particulars", responses=told(401, 409, 503), tags=["orders"])(self.look)
        app.post("/api/order/particulars/state", responses=told(401, 409, 503), tags=["orders"])(self.state)

    async def look(self, request: Request, body: OfOrder) -> Particulars:
        """What is stated of this order's patient, course and lesion."""
        self._api.allowed(request, COMMAND)
        order: Prescribed = await self._done(self._desk.orders.shown, body.order, body.sha256)
        found = await self._done(self._desk.chart.shown, order)
        whose = {name: getattr(order, name) for name in KEY}
        return Particulars(**found, whose=whose, intents=list(INTENTS), earlier=list(EARLIER))

    async def state(self, request: Request, body: State, token: Token) -> Stated:
        """State it, or correct what is stated; what stood before is kept and shown."""
        person = await self._api.again(request, self._api.allowed(request, COMMAND, token), COMMAND, body)
        self._api.timely(person, COMMAND)
        order: Prescribed = await self._done(self._desk.orders.shown, body.order, body.sha256)
        said = Statement(*(getattr(body, name) for name in Statement.__struct_fields__))
        # asked before the audit is told, so that it tells of what was done and not of each try
        words: str = await self._done(self._desk.chart.against, order, body.stood, said, body.reason)
        if words:
            raise RefusedError(409, words)
        what = {"command": COMMAND, "do": STATED, "order_sha256": body.sha256}
        words = await self._desk.clerk.first("command", person.name, person.role, **what)
        if words:
            raise RefusedError(503, f"{COMMAND} is not done, because it cannot be audited: {words}")
        n: int = await self._done(
            self._desk.chart.state, order, body.stood, said, body.reason, person.name, person.role
        )
        charted = stated_of(order, n, self._desk.chart.written(n))
        self._desk.clerk.told("charted", person.name, person.role, **charted)
        return Stated(n=n, words=f"stated by {person.name}: entry {n}")

    async def _done(self, work: Callable[..., T], *given: object) -> T:
        try:
            return await asyncio.to_thread(work, *given)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error
