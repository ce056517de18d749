"""The paths below /api/procedure: which procedures there are, the one that is being done, to begin or take one up, a line typed at it, and a signature.
What a line means say console/calibrate/guided.py and console/day; here is who may type it."""

from __future__ import annotations

import io
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Request
from pydantic import AfterValidator, BaseModel, Field
from rich.console import Console

from calibration.job import load_job
from console.access import day_key
from console.calibrate import terminal
from console.calibrate.exposing import Person
from console.calibrate.sessions import of_this_rig
from console.certificate import certificate_of
from console.treat.plain_words import plain
from console.web import procedure_calibration, procedure_day
from console.web.api import Api, Desk, Done, OfPage, RefusedError, Short, Signing, Token, cookie_of, told
from console.web.procedure import Begun, Procedure, Work
from console.web.procedure_calibration import calibration
from console.web.procedure_day import Wanted as OfDay
from console.web.procedure_day import day
from console.web.reading import Reading
from console.web.unread import NotReadError
from hal.errors import ConfigurationError
from records.store import StoreError

WATCH: Final = "service"
BEGIN: Final = "procedure"
STEP: Final = "step"
DAY: Final = "day"
ANSWER: Final = "answer"
SIGN: Final = "sign"
LEAVE: Final = "leave"
LINES: Final = {procedure_calibration.KIND: STEP, procedure_day.KIND: ANSWER}
"""What a typed line is, by the kind of the procedure."""
WIDTH: Final = 10_000

Name = Annotated[str, Field(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Wanted(OfPage):
    """A procedure by its name. The open session is taken up; `anew` begins another."""

    name: Name
    anew: bool = False


class Typed(OfPage):
    """A line for the question of this number, as it was shown."""

    question: Annotated[int, Field(ge=1, le=2**53)]
    line: Annotated[str, Field(max_length=200), AfterValidator(plain)]


class WantedDay(OfPage):
    """The day's check, with this detector (the baseline's if left out), or the warm-up, with this filter and applicator on the head."""

    what: Literal["daily", "warm-up"]
    device: Short = ""
    filter_id: Short = ""
    applicator_id: Short = ""


class SignCheck(OfPage, Signing):
    """What was shown, by its question and its SHA-256, with one's own secret."""

    question: Annotated[int, Field(ge=1, le=2**53)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class OfToday(BaseModel):
    """Why no page of this console signs a day's check, and the command that does; and what may be on the head in a warm-up."""

    unable: str
    filters: list[str]
    applicators: list[str]


class Now(BaseModel):
    """The procedure that is done now or was last; none: {}."""

    procedure: dict[str, Any]


class Which(BaseModel):
    """Every procedure of the job file and how its sessions stand, as `kerma calibrate` prints it."""

    lines: list[str]


class ProceduresPage:
    """One procedure at a time, as there is one machine."""

    def __init__(self, desk: Desk, api: Api, reading: Reading) -> None:
        self._desk, self._api, self._reading = desk, api, reading
        self._now: Procedure | None = None

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.get("/api/procedure", responses=told(401), tags=["procedures"])(self.now)
        app.get("/api/procedure/list", responses=told(401, 503), tags=["procedures"])(self.which)
        app.get("/api/procedure/day", responses=told(401, 503), tags=["procedures"])(self.of_today)
        app.post("/api/procedure/day", responses=told(401, 409, 503), tags=["procedures"])(self.begin_day)
        app.post("/api/procedure/sign", responses=told(401, 409, 503), tags=["procedures"])(self.sign)
        app.post("/api/procedure/leave", responses=told(401, 409, 503), tags=["procedures"])(self.leave)
        app.post("/api/procedure/begin", responses=told(401, 409, 503), tags=["procedures"])(self.begin)
        app.post("/api/procedure/line", responses=told(401, 409, 503), tags=["procedures"])(self.line)

    async def now(self, request: Request) -> Now:
        """The procedure as it stands: its step, its question, its words, readings and trace. Whoever watches sees what whoever types sees."""
        self._reading.allowed(request, WATCH)
        return Now(procedure={} if self._now is None else self._now.shown())

    async def which(self, request: Request) -> Which:
        """What may be measured, and what is open."""
        self._reading.allowed(request, WATCH)
        return Which(lines=await self._reading.turn(self._listed))

    async def of_today(self, request: Request) -> OfToday:
        """What the day's work stands on at this console."""
        self._reading.allowed(request, WATCH)
        return OfToday(**await self._reading.turn(self._of_today))

    async def begin(self, request: Request, body: Wanted, token: Token) -> Done:
        """Begin a calibration procedure, or take it up; it is this control's from now on."""
        person = await self._api.commanding(request, BEGIN, body, token, name=body.name, anew=body.anew)
        who = Person(person.name, person.role)
        work = calibration(self._desk.rig, self._desk.clock, body.name, body.anew, who)
        return await self._begun(request, BEGIN, Begun(body.name, procedure_calibration.KIND, who, work))

    async def begin_day(self, request: Request, body: WantedDay, token: Token) -> Done:
        """Begin the day's check or a warm-up; it is this control's from now on."""
        person = await self._api.commanding(request, DAY, body, token, name=body.what)
        who = Person(person.name, person.role)
        wanted = OfDay(body.what, body.device.strip(), body.filter_id, body.applicator_id)
        work: Work = day(self._desk.rig, self._desk.clock, wanted, who)
        return await self._begun(request, DAY, Begun(body.what, procedure_day.KIND, who, work))

    async def _begun(self, request: Request, command: str, asked: Begun) -> Done:
        """One at a time, for as long as the control stands in which it was begun."""
        if self._now is not None and self._now.running:
            raise RefusedError(409, "a procedure is being done; first: leave it")
        control, cookie, clerk = self._desk.control, cookie_of(request), self._desk.clerk
        tenure, who = control.tenure, asked.person

        def held() -> bool:
            holder = control.holder(self._desk.clock.monotonic())
            return holder is not None and holder.cookie == cookie and control.tenure == tenure

        def ended(_words: str) -> None:
            clerk.told("done", who.name, who.role, command=command, name=asked.name)

        self._desk.fraction.clear()
        self._now = begun = Procedure(self._desk.rig, self._desk.link, self._desk.clock, asked, held, ended)
        words = await begun.begin()
        if words:
            raise RefusedError(409, words)
        return Done(words=f"{asked.name} is open")

    async def line(self, request: Request, body: Typed, token: Token) -> Done:
        """Type one line at the procedure."""
        command = LINES[self._now.kind] if self._now is not None else STEP
        person = await self._api.commanding(request, command, body, token, question=body.question)
        now = self._running()
        self._api.still(request, body, person, command)
        return _taken(now.type(body.question, body.line))

    async def sign(self, request: Request, body: SignCheck, token: Token) -> Done:
        """Sign the very check that was shown, with the secret asked again; whether it holds the records say."""
        person = await self._api.commanding(request, SIGN, body, token, question=body.question, sheet=body.sha256)
        person = await self._api.again(request, person, SIGN, body)
        self._api.still(request, body, person, SIGN)
        return _taken(self._running().sign(body.question, body.sha256, person.name))

    async def leave(self, request: Request, body: OfPage, token: Token) -> Done:
        """Leave it where it is: the next question has no answer."""
        await self._api.commanding(request, LEAVE, body, token)
        self._running().leave()
        return Done(words="left")

    def _running(self) -> Procedure:
        if self._now is None or not self._now.running:
            raise RefusedError(409, "no procedure is being done; first: begin or take up one")
        return self._now

    def _of_today(self) -> dict[str, Any]:
        rig = self._desk.rig
        try:
            known = certificate_of(rig, self._desk.clock.wall()).combinations
        except ConfigurationError as error:
            return {"unable": str(error), "filters": [], "applicators": []}
        filters, applicators = {one.filter_id for one in known}, {one.applicator_id for one in known}
        return {"unable": day_key.unable(rig), "filters": sorted(filters), "applicators": sorted(applicators)}

    def _listed(self) -> list[str]:
        rig = self._desk.rig
        paper = Console(file=io.StringIO(), width=WIDTH, record=True)
        try:
            job = load_job(rig.path.parent / terminal.JOB)
            of_this_rig(rig, job)
            terminal.listed(rig, job, self._desk.clock, paper)
        except (ConfigurationError, StoreError, OSError) as error:
            raise NotReadError(str(error)) from error
        return [line.rstrip() for line in paper.export_text().splitlines()]


def _taken(words: str) -> Done:
    if words:
        raise RefusedError(409, words)
    return Done(words="taken")
