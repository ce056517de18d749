"""The paths below /api/approvals: what was signed, a signature over an order with the secret asked again, and one withdrawn.
What stands is said by console/access/approvals.py; each act is in the audit before it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from pydantic import AfterValidator, BaseModel, Field

from console.access.approvals import MEANING, Approval
from console.access.people import Person
from console.prescribe.shelf import MOST_OF_A_COURSE
from console.treat.plain_words import plain
from console.web import approved
from console.web.api import Api, Desk, Nothing, RefusedError, Short, Signing, Strict, Token, told
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from records.approved import tag_of

APPROVE: Final = "approve"
ORDERS: Final = "orders"
THEN_LOOK: Final = "; then see in the list whether the signature stands"


class Sign(Signing):
    """The order that was shown, by its name and SHA-256, in the meaning that stood beside the field."""

    order: Short
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    meaning: Annotated[str, Field(max_length=40)]
    accepted: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=16, default_factory=list)]
    """What the order flags, each by its name, as it was ticked."""


class OneOrder(Strict):
    """One file of a course as it was shown, by its name and SHA-256."""

    order: Short
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class SignCourse(Signing):
    """The orders of a course's fractions that were shown, each by its own bytes, in the meaning that stood beside the field."""

    orders: Annotated[list[OneOrder], Field(min_length=2, max_length=MOST_OF_A_COURSE)]
    meaning: Annotated[str, Field(max_length=40)]
    accepted: Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=16, default_factory=list)]
    """What they flag, all of them alike, each by its name, as it was ticked."""


class Withdraw(Signing):
    """One signature by its number."""

    n: Annotated[int, Field(ge=1, le=2**53)]
    reason: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(plain)]


class Orders(BaseModel):
    """Each order with its signatures; and what is wrong with their chain, under which none of them stands."""

    orders: list[dict[str, Any]]
    wrong: list[str]
    entries: int
    key: str


class Given(BaseModel):
    """The number of the signature."""

    n: int
    words: str


class GivenAll(BaseModel):
    """The number of each signature, in the order in which the files were named."""

    n: list[int]
    words: str


class ApprovalsPage:
    """Who asks is looked at first, then the secret, then the bytes of the order, then the audit."""

    def __init__(self, desk: Desk, api: Api) -> None:
        self._desk, self._api = desk, api

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.post("/api/approvals/list", responses=told(401, 409, 503), tags=["approvals"])(self.listed)
        app.post("/api/approvals/sign", responses=told(401, 409, 503), tags=["approvals"])(self.sign)
        app.post("/api/approvals/course", responses=told(401, 409, 503), tags=["approvals"])(self.sign_course)
        app.post("/api/approvals/withdraw", responses=told(401, 409, 503), tags=["approvals"])(self.withdraw)

    async def listed(self, request: Request, _body: Nothing) -> Orders:
        """Every order of the folder with its signatures."""
        self._api.allowed(request, ORDERS)
        try:
            signed = await asyncio.to_thread(self._desk.approvals.signed)
        except ConfigurationError as error:
            raise RefusedError(503, str(error)) from error
        rows = await asyncio.to_thread(
            approved.rows, self._desk.rig, self._desk.orders, self._desk.approvals, self._desk.chart
        )
        return Orders(orders=rows, wrong=list(signed.wrong[:20]), entries=signed.entries, key=signed.key)

    async def sign(self, request: Request, body: Sign, token: Token) -> Given:
        """Sign the very order that was shown."""
        person = await self._proven(request, body, token, body.meaning)
        try:
            prescribed = await asyncio.to_thread(self._desk.orders.shown, body.order, body.sha256)
            n = await self._signed(person, prescribed, body.accepted)
        except ConfigurationError as error:
            raise RefusedError(409, f"{error}{THEN_LOOK}") from error
        return Given(n=n, words=f"signed by {person.name}: {body.meaning}")

    async def sign_course(self, request: Request, body: SignCourse, token: Token) -> GivenAll:
        """Sign each of these orders, which differ in the fraction's number alone: one secret, a signature and an entry of the audit for each file. Everything
        is looked at before the first is signed; what a disk refuses after that is said by fraction."""
        person = await self._proven(request, body, token, body.meaning)
        desk, done = self._desk, dict[int, int]()
        try:
            course = [await asyncio.to_thread(desk.orders.shown, one.order, one.sha256) for one in body.orders]
            words = await asyncio.to_thread(desk.approvals.unsignable, course, person.name, person.role, body.accepted)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error
        if words:
            raise RefusedError(409, f"none is signed: {words}")
        for one in course:
            try:
                done[one.fraction] = await self._signed(person, one, body.accepted)
            except (ConfigurationError, RefusedError) as error:
                left = [other.fraction for other in course if other.fraction not in done]
                raise RefusedError(
                    getattr(error, "status", 409),
                    f"{error}; signed: {_fractions(done)}; not signed: {_fractions(left)}{THEN_LOOK}",
                ) from error
        return GivenAll(n=list(done.values()), words=f"signed by {person.name}: {body.meaning}, {_fractions(done)}")

    async def _signed(self, person: Person, prescribed: Prescribed, accepted: list[str]) -> int:
        """One signature, in the audit before and after. Raises ConfigurationError and RefusedError."""
        sha256 = prescribed.sha256.hex()
        await self._audited(person, do="sign", order_sha256=sha256, meaning=MEANING[person.role])
        n = await asyncio.to_thread(self._desk.approvals.sign_order, prescribed, person.name, person.role, accepted)
        said: dict[str, str | int] = {
            "signature": n,
            "order_sha256": sha256,
            "entry_sha256": self._desk.approvals.written(n),
            "tag": tag_of(prescribed),
            "version": prescribed.version,
        }
        self._desk.clerk.told("signed", person.name, person.role, **said)
        return n

    async def withdraw(self, request: Request, body: Withdraw, token: Token) -> Given:
        """A signature counts no more; what it was stays to be read."""
        person = await self._proven(request, body, token)
        try:
            await self._audited(person, do="withdraw", signature=body.n)
            gone: Approval = await asyncio.to_thread(
                self._desk.approvals.withdraw, body.n, body.reason, person.name, person.role
            )
        except ConfigurationError as error:
            raise RefusedError(409, f"{error}{THEN_LOOK}") from error
        self._desk.clerk.told("withdrawn", person.name, person.role, signature=body.n, order_sha256=gone.sha256)
        after = await self._api.withdrawn(person, gone.sha256)
        return Given(n=body.n, words=f"withdrawn: {gone.who}, {gone.meaning}{after}")

    async def _proven(self, request: Request, body: Signing, token: str, meaning: str | None = None) -> Person:
        """Whose hand it is now: the login's own person with the role of this moment, and the meaning of that role where one was shown."""
        person = await self._api.again(request, self._api.allowed(request, APPROVE, token), APPROVE, body)
        if person.role not in MEANING:
            raise RefusedError(403, f"{person.role} signs no order; first: log in as {' or '.join(MEANING)}")
        if meaning is not None and MEANING[person.role] != meaning:
            raise RefusedError(
                409, f"{person.role} signs for {MEANING[person.role]}, not {meaning!r}; first: look anew"
            )
        return person

    async def _audited(self, person: Person, **what: str | int) -> None:
        words = await self._desk.clerk.first("command", person.name, person.role, command=APPROVE, **what)
        if words:
            raise RefusedError(503, f"{APPROVE} is not done, because it cannot be audited: {words}")


def _fractions(some: Iterable[int]) -> str:
    return f"fraction {', '.join(map(str, some))}" if some else "none"


__all__ = ["ApprovalsPage"]
