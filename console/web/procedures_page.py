"""The paths below /api/procedure: which calibration procedures there are, the one that is being done, to begin or take one up, and a line typed at it.
What a line means says console/calibrate/guided.py; here is who may type it."""

from __future__ import annotations

import io
from typing import Annotated, Any, Final

from fastapi import FastAPI, Request
from pydantic import AfterValidator, BaseModel, Field
from rich.console import Console

from calibration.job import load_job
from console.calibrate import terminal
from console.calibrate.exposing import Person
from console.calibrate.sessions import of_this_rig
from console.treat.plain_words import plain
from console.web.api import Api, Desk, Done, OfPage, RefusedError, Token, cookie_of, told
from console.web.procedure import Begun, Procedure
from console.web.reading import Reading
from console.web.unread import NotReadError
from hal.errors import ConfigurationError
from records.store import StoreError

WATCH: Final = "service"
BEGIN: Final = "procedure"
STEP: Final = "step"
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

    async def begin(self, request: Request, body: Wanted, token: Token) -> Done:
        """Begin a procedure, or take it up; it is this control's from now on."""
        person = await self._api.commanding(request, BEGIN, body, token, name=body.name, anew=body.anew)
        if self._now is not None and self._now.running:
            raise RefusedError(409, "a procedure is being done; first: leave it")
        control, cookie, clerk = self._desk.control, cookie_of(request), self._desk.clerk
        tenure = control.tenure

        def held() -> bool:
            holder = control.holder(self._desk.clock.monotonic())
            return holder is not None and holder.cookie == cookie and control.tenure == tenure

        def ended(_words: str) -> None:
            clerk.told("done", person.name, person.role, command=BEGIN, name=body.name)

        self._desk.fraction.clear()
        asked = Begun(body.name, body.anew, Person(person.name, person.role))
        self._now = begun = Procedure(self._desk.rig, self._desk.link, self._desk.clock, asked, held, ended)
        words = await begun.begin()
        if words:
            raise RefusedError(409, words)
        return Done(words=f"{body.name} is open")

    async def line(self, request: Request, body: Typed, token: Token) -> Done:
        """Type one line at the procedure."""
        person = await self._api.commanding(request, STEP, body, token, question=body.question)
        if self._now is None or not self._now.running:
            raise RefusedError(409, "no procedure is being done; first: begin or take up one")
        self._api.still(request, body, person, STEP)
        words = self._now.type(body.question, body.line)
        if words:
            raise RefusedError(409, words)
        return Done(words="taken")

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
