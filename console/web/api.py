"""The console's documented interface: what a page may read, and each command with everything that must hold before it is asked of the desk.
It draws nothing and decides nothing about the beam: the desk answers, and its words are passed on."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from console.access import table
from console.access.approvals import Approvals
from console.access.people import TOO_MANY
from console.access.table import Situation
from console.configuration import Rig
from console.treat import chart
from console.treat.chart import Tick
from console.treat.chart_hand import Chart, told_of
from console.treat.lesions import Lesions
from console.treat.plain_words import plain
from console.web import approved
from console.web.clerk import Clerk
from console.web.control import IN_BEAM, Control
from console.web.fraction import Fraction, Orders
from console.web.link import Link
from console.web.marking import Marking
from console.web.people import NOBODY, Access, Person, Typed
from console.web.switch import Switch
from console.web.tokens import Tokens
from controller import requests
from controller.prescribed import Prescribed
from hal.clock import Clock
from hal.errors import ConfigurationError

T = TypeVar("T")

COOKIE: Final = "kerma"
UNLOADABLE: Final = ("PREPARATORY", "ARMING", "READY")

Short = Annotated[str, Field(max_length=200), AfterValidator(plain)]
Page = Annotated[str, Field(min_length=8, max_length=64)]
Token = Annotated[
    str, Header(alias="X-Kerma-Token", max_length=64, description="One-time token, from POST /api/token.")
]


class Strict(BaseModel):
    """Nothing unknown, nothing turned into another kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Nothing(Strict):
    """An empty document."""


class Problem(BaseModel):
    """Why it was not done, and what to do first."""

    words: str


class Done(BaseModel):
    """It was taken."""

    words: str


class Given(BaseModel):
    """A token for one use, within 20 s."""

    token: str


class Enter(Strict):
    """A login: a name with its password, or what a badge reader gave with its PIN."""

    name: Annotated[str, Field(max_length=64)] = ""
    secret: Annotated[str, Field(min_length=1, max_length=200)]
    badge: Annotated[str, Field(max_length=64)] = ""


class SetUp(Strict):
    """The first administrator, by the code that stands where the console was started."""

    code: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    secret: Annotated[str, Field(min_length=1, max_length=200)]


class Leave(Strict):
    """A logout, of this page or of every page of this person."""

    everywhere: bool = False


class Entered(BaseModel):
    """Who is logged in now."""

    name: str
    role: str


class OfPage(Strict):
    """A command of one page."""

    page: Page


class Take(OfPage):
    """Take control; `over` from a page that holds it."""

    over: bool = False


class Hold(OfPage):
    """One press of the simulated switch, by the page's own number of it: each press has a greater one."""

    hold: Annotated[int, Field(ge=1, le=2**53)]


class LoadOrder(OfPage):
    """The order that was shown, by its name and its SHA-256."""

    order: Short
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Signing(Strict):
    """One's own secret once more: a password, or a badge with its PIN."""

    secret: Annotated[str, Field(max_length=200)]
    badge: Annotated[str, Field(max_length=64)] = ""


class ResumeOrder(LoadOrder, Signing):
    """The same order again, with the reason for which it was interrupted and the secret of whoever lets it go on."""

    reason: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(plain)]


class ConfirmOffer(OfPage):
    """The very offer that was shown, by number and digest, and what was looked at before."""

    offer_id: Annotated[int, Field(ge=0, le=2**53)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{2,128}$")]
    checked: Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=8)]
    photo: Annotated[str, Field(pattern="^([0-9a-f]{64}[.](png|jpg))?$")] = ""
    """The photo of the lesion that was compared; empty where there is none."""
    ago_s: Annotated[list[Annotated[float, Field(ge=0.0, le=86400.0)] | None], Field(max_length=8)] = []
    """How long ago each of `checked` was ticked, by the page's own clock, in seconds; one that is missing or null is refused in words."""


class WithReason(OfPage):
    """A command that needs a reason in words."""

    reason: Short = ""


class WithSecond(WithReason):
    """A reset; out of STUCK_ON with a second person, who gives a login of his own."""

    second: Enter | None = None


class Listed(BaseModel):
    """The orders of this rig; one that cannot be read says why."""

    orders: list[dict[str, Any]]


class RefusedError(Exception):
    """A request that is answered with a status and words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass(frozen=True)
class Desk:
    """What the interface stands on."""

    rig: Rig
    link: Link
    control: Control
    access: Access
    orders: Orders
    fraction: Fraction
    tickets: Tokens
    tokens: Tokens
    clock: Clock
    clerk: Clerk
    approvals: Approvals
    lesions: Lesions
    chart: Chart
    marking: Marking
    switch: Switch
    abroad: bool = False
    """Other machines reach this console: what a page without a login is shown names no patient."""

    @property
    def where(self) -> Situation:
        return table.situation(self.link.snapshot, self.rig.simulated, not self.link.trouble())

    def seen(self, cookie: str) -> Person | None:
        """Whose login it is, locked or not."""
        return self.access.who(cookie, table.beam_may_be_on(self.link.snapshot)) if cookie else None

    def login(self, cookie: str) -> str:
        """The cookie of a login; all that are none count as one, so that invented ones take nobody's place."""
        return cookie if self.seen(cookie) is not None else ""

    def person(self, cookie: str) -> Person | None:
        """Who is there; a locked page is nobody's."""
        person = self.seen(cookie)
        return None if person is None or person.locked else person

    def may(self, cookie: str, command: str) -> bool:
        person = self.person(cookie)
        return self.access.may(person.role if person is not None else NOBODY, command, self.where)


def told(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The documented errors of one path; every refusal has words."""
    words = {
        401: "nobody is logged in", 403: "not from the console's own page, or not for this role, or the token was used",
        404: "not in these records", 405: "another method", 409: "refused: control, state, a stale offer, or the desk's own words", 413: "the body is too long",
        422: "not the document that is described here", 503: "the desk does not answer, or too many requests at once",
    }  # fmt: skip
    return {status: {"model": Problem, "description": words[status]} for status in (403, 413, 422, 503, *statuses)}


AT_THE_DOOR: Final = 8
"""Logins that may wait for their turn."""


class Api:
    """The paths below /api. Each command: a login, the role's leave, its token, control, the audit, and only then the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._door = ThreadPoolExecutor(1, "logins")
        self._at_the_door = 0

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.add_exception_handler(RefusedError, self._refused)
        app.add_exception_handler(RequestValidationError, _invalid)
        app.add_exception_handler(HTTPException, _no_request)
        app.post("/api/login", responses=told(401, 503), tags=["people"])(self.login)
        app.post("/api/set-up", responses=told(409, 503), tags=["people"])(self.set_up)
        app.post("/api/logout", responses=told(), tags=["people"])(self.logout)
        app.post("/api/ticket", responses=told(), tags=["tokens"])(self.ticket)
        app.post("/api/token", responses=told(401), tags=["tokens"])(self.token)
        app.post("/api/orders", responses=told(401, 409, 503), tags=["orders"])(self.listed)
        app.post("/api/control/take", responses=told(401, 409, 503), tags=["control"])(self.take)
        app.post("/api/release", responses=told(401, 409, 503), tags=["commands"])(self.release)
        app.post("/api/control/leave", responses=told(401, 409, 503), tags=["control"])(self.leave)
        for name, command in (
            ("load", self.load), ("resume", self.resume), ("confirm", self.confirm), ("edit", self.edit), ("close", self.close),
            ("retest", self.retest), ("reset", self.reset), ("press", self.press),
        ):  # fmt: skip
            app.post(f"/api/{name}", responses=told(401, 409, 503), tags=["commands"])(command)

    async def login(self, request: Request, response: Response, body: Enter) -> Entered:
        """Log in; a new cookie takes the place of the old one, which is worth nothing from then on."""
        typed = _typed(request, body)
        entry = await self.worked(self._desk.access.enter, typed)
        person = self._desk.person(entry.cookie)
        if person is None:
            if not entry.words.startswith(TOO_MANY):
                self._desk.clerk.told("login refused", entry.name, "", source=typed.source, badge=bool(typed.badge))
            raise RefusedError(401, entry.words or "this login has just ended; first: log in anew")
        self._desk.clerk.told("login", person.name, person.role, source=typed.source, badge=bool(typed.badge))
        self._forget(request)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, entry.cookie, httponly=True, secure=secure, samesite="strict", path="/")
        return Entered(name=person.name, role=person.role)

    async def set_up(self, body: SetUp) -> Done:
        """Make the first administrator of this rig; then log in."""
        audit = self._desk.clerk.audit

        def noted(before: str, after: str) -> None:
            audit.note("users", body.name, "", {"do": "set up", "file_before": before, "file_after": after})

        words = await self.worked(self._desk.access.set_up, body.code, body.name, body.secret, noted)
        if words:
            raise RefusedError(409, words)
        return Done(words=f"{body.name} is the administrator of this rig; first: log in")

    async def logout(self, request: Request, response: Response, body: Leave) -> Done:
        """Log out; control is given back."""
        person = self._desk.seen(cookie_of(request))
        if person is not None:
            self._desk.clerk.told("logout", person.name, person.role, everywhere=body.everywhere)
        self._forget(request)
        if body.everywhere and person is not None:
            self._desk.access.leave_all(person.name)
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return Done(words="logged out")

    async def ticket(self, request: Request, _body: Nothing) -> Given:
        """A ticket for the live line /live, for its first message."""
        return Given(token=self._desk.tickets.give(self._desk.login(cookie_of(request)), self._now()))

    async def token(self, request: Request, _body: Nothing) -> Given:
        """A token for one command."""
        if self._desk.person(cookie_of(request)) is None:
            raise RefusedError(401, "nobody is logged in; first: log in")
        return Given(token=self._desk.tokens.give(cookie_of(request), self._now()))

    async def listed(self, request: Request, _body: Nothing) -> Listed:
        """Every order of this rig."""
        self.allowed(request, "orders")
        return Listed(
            orders=await asyncio.to_thread(
                approved.rows, self._desk.rig, self._desk.orders, self._desk.approvals, self._desk.chart
            )
        )

    async def _approved(self, order: Prescribed, resumed: bool) -> None:
        """The signatures that this rig or the order itself asks for stand over its bytes and accept what it flags; no newer version took its place."""
        folder = None if resumed else self._desk.orders.folder
        words = await asyncio.to_thread(approved.refusal, self._desk.rig, folder, self._desk.approvals, order)
        if words:
            raise RefusedError(409, words)

    async def take(self, request: Request, body: Take, token: Token) -> Done:
        """Take control; whoever takes it over while something is loaded unloads it first."""
        person = self.allowed(request, "control", token)
        await self._first(person, "control", over=body.over)
        control, cookie = self._desk.control, cookie_of(request)
        shown, before = self._desk.link.snapshot, control.tenure
        state = shown.state if shown is not None else ""
        words = control.take(body.page, cookie, person, self._now(), state, body.over)
        if words:
            raise RefusedError(409, words)
        if control.tenure != before and state in UNLOADABLE:
            self._desk.fraction.clear()
            await self._unloaded(person, body.page, cookie)
        return Done(words="control is here")

    async def _unloaded(self, person: Person, page: str, cookie: str) -> None:
        """Whoever takes control has nothing of another's loaded; where it cannot be unloaded, control is not here either, and the lease ends it."""
        try:
            await self._asked(person, "edit", requests.Edit())
        except RefusedError:
            self._desk.control.leave(cookie, page)
            raise

    async def leave(self, request: Request, body: OfPage, token: Token) -> Done:
        """Give control back."""
        self.allowed(request, "leave", token)
        self._desk.control.leave(cookie_of(request), body.page)
        return Done(words="control was given back")

    async def load(self, request: Request, body: LoadOrder, token: Token) -> Done:
        """Load the order that was shown."""
        person = await self.commanding(request, "load", body, token, order_sha256=body.sha256)
        return await self._load(request, body, person, "load", "")

    async def resume(self, request: Request, body: ResumeOrder, token: Token) -> Done:
        """Load the rest of the open fraction."""
        person = await self.commanding(request, "resume", body, token, order_sha256=body.sha256)
        person = await self.again(request, person, "resume", body)
        self.still(request, body, person, "resume")
        return await self._load(request, body, person, "resume", body.reason)

    async def _load(self, request: Request, body: LoadOrder, person: Person, command: str, reason: str) -> Done:
        tenure = self._desk.control.tenure
        try:
            loaded = await asyncio.to_thread(self._desk.orders.read, body.order, body.sha256, command == "resume")
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error
        await self._approved(loaded.prescribed, command == "resume")
        lost = await asyncio.to_thread(self._desk.marking.refusal)
        if lost:
            raise RefusedError(409, lost)
        asked: requests.Request = requests.Load(loaded.prescribed, person.name, person.role)
        if command == "resume":
            asked = requests.Resume(loaded.prescribed, person.name, reason, person.role == "physicist")
        self.still(request, body, person, command)
        before = self._desk.fraction.put_aside()
        try:
            done = await self._asked(person, command, asked)
        except RefusedError as error:
            if error.status == 409:
                self._desk.fraction.put_back(before)
            raise
        self._desk.fraction.take(loaded, self._now(), tenure)
        return done

    async def confirm(self, request: Request, body: ConfirmOffer, token: Token) -> Done:
        """Confirm exactly the offer that was shown; the desk judges its number and digest once more."""
        now_s, wall_s = self._now(), self._desk.clock.wall()
        person = await self.commanding(request, "confirm", body, token, offer=body.offer_id, digest=body.digest)
        shown = self._desk.link.snapshot
        if shown is None or self._desk.link.trouble():
            raise RefusedError(503, self._desk.link.trouble() or "there is no snapshot")
        if body.ago_s and len(body.ago_s) != len(body.checked):
            raise RefusedError(
                409,
                f"{len(body.checked)} items were checked and {len(body.ago_s)} times told; first: go through the steps anew",
            )
        looks = tuple(zip(body.checked, body.ago_s or [None] * len(body.checked), strict=True))
        wrong = self._desk.fraction.wrong(shown, body.offer_id, body.digest, looks, self._desk.control.tenure, now_s)
        if wrong:
            raise RefusedError(409, wrong)
        loaded = self._desk.fraction.loaded
        assert loaded is not None
        await self._approved(loaded.prescribed, loaded.resumed)
        other = await asyncio.to_thread(self._desk.orders.exchanged, loaded)
        if other:
            raise RefusedError(409, other)
        await self._compared(loaded.prescribed, body)
        ticked = [Tick(item, None if ago_s is None else wall_s - ago_s) for item, ago_s in looks]
        await self._charted(person, loaded.prescribed, shown, ticked)
        self.still(request, body, person, "confirm")
        return await self._asked(person, "confirm", requests.Confirm(body.offer_id, bytes.fromhex(body.digest)))

    async def _charted(self, person: Person, order: Prescribed, shown: requests.Snapshot, ticked: list[Tick]) -> None:
        """Time-out and second calculation go into the chart before the desk is asked: a beam of which nobody could say who looked is none."""
        offer = shown.offer
        assert offer is not None
        lines, figures = self._desk.fraction.calculated(offer)
        try:
            n = await asyncio.to_thread(
                self._desk.chart.confirm, order, offer, person.name, person.role, chart.PAGE, ticked, lines, figures
            )
        except ConfigurationError as error:
            raise RefusedError(
                503, f"confirm is not done, because time-out and second calculation cannot be kept: {error}"
            ) from error
        self._desk.clerk.told("charted", person.name, person.role, **told_of(order, n, self._desk.chart.written(n)))

    async def _compared(self, order: Prescribed, body: ConfirmOffer) -> None:
        """The photo that stands now was the one that was compared, and is what was attached; a chain that cannot be believed is not "no photo"."""
        about = await asyncio.to_thread(self._desk.lesions.about, order)
        if about.wrong:
            raise RefusedError(
                409,
                f"whether a photo of this lesion was attached cannot be known ({about.wrong[0]}); first: find out who was there, move the folder "
                f"{self._desk.lesions.folder} aside, keep it, and attach the photo anew",
            )
        if body.photo != (about.photo.file if about.photo is not None else ""):
            raise RefusedError(409, "another photo stands at this lesion than was shown, or none; first: look anew")
        if about.photo is None:
            return
        if "photo" not in body.checked:
            raise RefusedError(409, "the lesion was not compared with its photo; first: compare patient, side and site")
        try:
            await asyncio.to_thread(self._desk.lesions.photo, about.photo.file)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error

    async def edit(self, request: Request, body: OfPage, token: Token) -> Done:
        """Unload; anything confirmed is void."""
        person = await self.commanding(request, "edit", body, token)
        done = await self._asked(person, "edit", requests.Edit())
        self._desk.fraction.clear()
        return done

    async def close(self, request: Request, body: WithReason, token: Token) -> Done:
        """Close the ended fraction; a partial one stays partial."""
        person = await self.commanding(request, "close", body, token)
        return await self._asked(person, "close", requests.Close(body.reason))

    async def retest(self, request: Request, body: OfPage, token: Token) -> Done:
        """Back to the self-test."""
        person = await self.commanding(request, "retest", body, token)
        return await self._asked(person, "retest", requests.Retest())

    async def reset(self, request: Request, body: WithSecond, token: Token) -> Done:
        """Clear the latches that this role may clear; the cause must be gone. STUCK_ON needs a second person."""
        person = await self.commanding(request, "reset", body, token)
        who, shown = person.name, self._desk.link.snapshot
        if shown is not None and ("reset", shown.state) in table.TWO_PERSONS:
            if body.second is None:
                raise RefusedError(
                    409, f"{shown.state} is left by two persons; first: have the second one log in beside you"
                )
            second = await self.worked(self._desk.access.witness, _typed(request, body.second), person.name)
            if second.words:
                raise RefusedError(409, f"the second person: {second.words}")
            await self._first(person, "reset", second=second.name)
            self._holding(request, body)
            who = f"{person.name}, {second.name}"
        return await self._asked(person, "reset", requests.Reset(person.role, who, body.reason))

    async def press(self, request: Request, body: Hold, token: Token) -> Done:
        """SIMULATED: press the room's beam-on switch and hold it, as long as this page is there, in control and has not let go; on a real rig a person does."""
        person = await self.commanding(request, "room", body, token, hold=body.hold)
        shown, cookie = self._desk.link.snapshot, cookie_of(request)
        if shown is None or not shown.simulated:
            raise RefusedError(409, "this is no simulated rig; first: press the switch")
        self.still(request, body, person, "room")
        words = await self._desk.switch.press(
            body.page, body.hold, lambda: self._desk.control.holds(body.page, cookie, self._now())
        )
        if words:
            raise RefusedError(409, words)
        return Done(words="SIMULATED: pressed, and held until it is let go")

    async def release(self, request: Request, body: Hold) -> Done:
        """SIMULATED: let go of the switch. It asks for no token: it presses nothing. Whose login or control has ended holds the switch no more anyway."""
        if self._desk.seen(cookie_of(request)) is None:
            raise RefusedError(401, "nobody is logged in, and so nobody holds it here; first: log in")
        if not self._desk.may(cookie_of(request), "release"):
            raise RefusedError(
                409, "this login, or a rig that is not simulated, has no switch here; first: let go of the switch"
            )
        words = await self._desk.switch.release(body.page, body.hold)
        if words:
            raise RefusedError(503, words)
        return Done(words="SIMULATED: let go")

    def _now(self) -> float:
        return self._desk.clock.monotonic()

    def _forget(self, request: Request) -> None:
        self._desk.control.leave(cookie_of(request))
        self._desk.access.leave(cookie_of(request))

    async def worked(self, work: Callable[..., T], *given: object) -> T:
        """What hashes a secret, by the one worker at the door. A flood of logins waits there, or is refused; everything else goes on."""
        if self._at_the_door >= AT_THE_DOOR:
            raise RefusedError(
                503, f"{self._at_the_door} logins wait, at most {AT_THE_DOOR}; first: ask again; STOP is always taken"
            )
        self._at_the_door += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._door, work, *given)
        finally:
            self._at_the_door -= 1

    def allowed(self, request: Request, command: str, token: str | None = None) -> Person:
        """Who asks, if this login may ask this now."""
        person = self._known(request, command, token)
        self.timely(person, command)
        return person

    def _known(self, request: Request, command: str, token: str | None = None) -> Person:
        """A login, a role that may ask this on this rig at some time, and the token."""
        cookie, may, mode = cookie_of(request), self._desk.access.may, self._desk.where.mode
        person = self._desk.seen(cookie)
        if person is None:
            raise RefusedError(401, "nobody is logged in; first: log in")
        if person.locked:
            raise RefusedError(401, f"this page of {person.name} is locked; first: log in anew")
        self._desk.access.touch(cookie)
        request.state.asked = person, command
        if not any(
            may(person.role, command, Situation(mode, key, group)) for key in table.KEYS for group in table.GROUPS
        ):
            raise RefusedError(403, table.why_not(person.role, command, self._desk.where))
        if token is not None and not self._desk.tokens.use(token, cookie, self._now()):
            raise RefusedError(403, "the token was used, is too old or is another login's; first: ask for a new one")
        return person

    def timely(self, person: Person, command: str) -> None:
        """The role may ask this now."""
        where = self._desk.where
        if not self._desk.access.may(person.role, command, where):
            trouble = self._desk.link.trouble() if where.group == table.NO_DATA else ""
            raise (
                RefusedError(503, trouble) if trouble else RefusedError(409, table.why_not(person.role, command, where))
            )

    async def _first(self, person: Person, command: str, **told: str | int | bool) -> None:
        """Into the audit: before it is done where the table says so, else when its turn comes."""
        clerk = self._desk.clerk
        if not table.starts(command):
            clerk.told("command", person.name, person.role, command=command, **told)
            return
        words = await clerk.first("command", person.name, person.role, command=command, **told)
        if words:
            raise RefusedError(503, f"{command} is not done, because it cannot be audited: {words}")

    async def commanding(
        self, request: Request, command: str, body: OfPage, token: str, **told: str | int | bool
    ) -> Person:
        """Who asks, if it is the page in control, this login may ask this now, and it stands in the audit."""
        person = self._known(request, command, token)
        self._holding(request, body)
        self.timely(person, command)
        await self._first(person, command, **told)
        self._holding(request, body)
        return person

    async def again(self, request: Request, person: Person, command: str, body: Signing) -> Person:
        """Whose hand it is now: the login's own person by the secret given again, with the role of this moment; a look at the login is not enough here.
        Wrong ones are told to the audit and throttled as those of a login."""
        if not body.secret:
            raise RefusedError(
                409, f"{command} asks for your password, or the PIN of your badge, again; first: type it"
            )
        source = source_of(request)
        typed = Typed(person.name, body.secret, source, body.badge)
        entry = await self.worked(self._desk.access.again, typed, person.name)
        if entry.words:
            if not entry.words.startswith(TOO_MANY):
                self._desk.clerk.told("secret refused", person.name, person.role, command=command, source=source)
            raise RefusedError(409, entry.words)
        return Person(entry.name, entry.role)

    def still(self, request: Request, body: OfPage, person: Person, command: str) -> None:
        """Right before the desk is asked: what was read from files took its time, and control or state may be another's by now."""
        self._holding(request, body)
        self.timely(person, command)

    async def withdrawn(self, person: Person, sha256: str) -> str:
        """What follows where a signature over the order that is loaded here was withdrawn: it is unloaded. Words for whoever withdrew it."""
        loaded, shown = self._desk.fraction.loaded, self._desk.link.snapshot
        if loaded is None or shown is None or loaded.prescribed.sha256.hex() != sha256:
            return ""
        if not await asyncio.to_thread(approved.refusal, self._desk.rig, None, self._desk.approvals, loaded.prescribed):
            return ""
        if shown.state in IN_BEAM:
            return "; beam may be on for this very order; first: press STOP if it must not go on"
        if shown.state not in UNLOADABLE:
            return ""
        try:
            await self._asked(person, "edit", requests.Edit())
        except RefusedError as error:
            return f"; the order is loaded and could not be unloaded ({error.words}); first: press STOP"
        self._desk.fraction.clear()
        return "; the order was loaded, and is unloaded now"

    def _holding(self, request: Request, body: OfPage) -> None:
        """Looked at before and after what takes time: meanwhile control may have changed hands."""
        if self._desk.control.holds(body.page, cookie_of(request), self._now()):
            return
        held = self._desk.control.holder(self._now())
        whose = (
            f"{held.person.name} holds control on another page"
            if held is not None
            else "this page does not hold control"
        )
        raise RefusedError(409, f"{whose}; first: take control")

    async def _asked(self, person: Person, command: str, request: requests.Request) -> Done:
        trouble = self._desk.link.trouble()
        if trouble:
            raise RefusedError(503, trouble)
        answer = await self._desk.link.ask(request)
        if not answer.ok:
            raise RefusedError(503 if self._desk.link.trouble() else 409, answer.words)
        self._desk.clerk.told("done", person.name, person.role, command=command)
        return Done(words=answer.words)

    async def _refused(self, request: Request, error: Exception) -> JSONResponse:
        """Words for the page; into the audit goes who was refused what, without the words: they may name a patient."""
        assert isinstance(error, RefusedError)
        asked: tuple[Person, str] | None = getattr(request.state, "asked", None)
        if asked is not None:
            person, command = asked
            self._desk.clerk.told("refused", person.name, person.role, command=command, status=error.status)
        return JSONResponse({"words": error.words}, error.status)


def page_number() -> str:
    """A new page's own number."""
    return secrets.token_urlsafe(16)


def cookie_of(request: Request) -> str:
    return request.cookies.get(COOKIE, "")


def source_of(request: Request) -> str:
    """The machine that asks."""
    return request.client.host if request.client is not None else "nowhere"


def _typed(request: Request, body: Enter) -> Typed:
    return Typed(body.name, body.secret, source_of(request), body.badge)


async def _no_request(_: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: bytes that are no JSON in UTF-8, a path or a method that is not there."""
    assert isinstance(error, HTTPException)
    if error.status_code == 400:
        return JSONResponse({"words": "the body is no JSON in UTF-8"}, 422)
    return JSONResponse({"words": f"{error.detail}; first: see /openapi.json"}, error.status_code)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors()[:4])
    return JSONResponse({"words": f"not the document that is wanted: {found}"}, 422)
