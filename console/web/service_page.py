"""The paths below /api/service: traces, wires, faults, interlocks, what is due, counters, configuration, the support bundle, and the simulated room.
No patient stands in any of them; nothing of it touches the loop, and only the simulated room is ever moved."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, Field

from console.calibrate import simulated_hand
from console.web.api import COOKIE, Desk, RefusedError, Strict, Token, told
from console.web.reading import Reading
from console.web.service_bundle import bundle, traces_csv
from console.web.service_read import Service
from console.web.service_ring import Following

COMMAND: Final = "service"
BUNDLE: Final = "bundle"
SIMULATOR: Final = "simulator"

After = Annotated[int, Query(ge=0, le=2**53, description="The number of the last row that was shown.")]


class Rows(BaseModel):
    """Rows above a number."""

    rows: list[list[Any]]
    words: str
    instance: str = ""
    lost: int = 0
    next: int = 0
    left_out: int = 0


class Room(Strict):
    """What the simulated room does: `fault` with a name (and for how long), `stop` with a name, or `room` with one thing of it."""

    do: Literal["fault", "stop", "room", "list"]
    name: Annotated[str, Field(max_length=60, pattern="^[a-z0-9_]*$")] = ""
    value: bool | Literal["TREAT", "SERVICE", "OFF"] | None = None
    for_s: Annotated[float, Field(gt=0, le=3600)] | None = None


class ServicePage:
    """Who asks is looked at first, then one bounded read."""

    def __init__(self, desk: Desk, reading: Reading) -> None:
        self._desk, self._reading = desk, reading
        self._service = Service(desk.rig, desk.clock)
        self._following = Following(desk.rig.places, desk.clock)

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        for name, answer in (
            ("traces", self.traces), ("wire", self.wire), ("faults", self.faults), ("before", self.before), ("interlocks", self.interlocks),
            ("due", self.due), ("counters", self.counters), ("configuration", self.configuration),
        ):  # fmt: skip
            of = Rows if name in ("traces", "wire") else dict[str, Any]
            app.get(f"/api/service/{name}", responses=told(401, 404, 503), tags=["service"], response_model=of)(answer)
        app.get("/api/service/ticks.csv", responses=told(401, 503), tags=["service"], response_class=Response)(
            self.ticks
        )
        app.get("/api/service/bundle.zip", responses=told(401, 503), tags=["service"], response_class=Response)(
            self.bundle
        )
        app.post("/api/service/room", responses=told(401, 409, 503), tags=["service"])(self.room)

    async def traces(self, request: Request, after: After = 0) -> Response:
        """20 rows a second of the running process: number, wall s, state, kV, mA, filament A, temperature C, mGy/s D0, worst lateness in us."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._following.traces, after)

    async def wire(self, request: Request, after: After = 0, link: Literal["", "generator", "unit"] = "") -> Response:
        """Frames of the wires: number, wall s, wire, sent, hex, the driver's words."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._following.frames, after, link)

    async def faults(self, request: Request, before: After = 0) -> Response:
        """Faults with cause and what to do first, the newest first, 50 a page."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._service.faults, before)

    async def before(self, request: Request, index: Annotated[int, Query(ge=1, le=2**53)]) -> Response:
        """The seconds around one fault: s, kV, mA, delivered mGy, lateness us, age of the unit's status ms."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._service.before, index)

    async def interlocks(self, request: Request) -> Response:
        """When each rule changed, and the latches."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._service.interlocks)

    async def due(self, request: Request) -> Response:
        """Certificate, day's check, periodic tests, calibration sessions."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._service.due)

    async def counters(self, request: Request) -> Response:
        """What the machine has done."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._service.counters)

    async def configuration(self, request: Request) -> Response:
        """The file, the running process and the last exposure's, key by key."""
        self._reading.allowed(request, COMMAND)
        shown = self._desk.link.snapshot
        running = shown.instance if shown is not None and not self._desk.link.trouble() else ""
        return await self._reading.answer(self._service.configuration, running)

    async def ticks(self, request: Request) -> Response:
        """Every tick that the ring holds, at full rate, as CSV."""
        self._reading.allowed(request, COMMAND)
        raw = await self._reading.turn(lambda: traces_csv(self._following.whole()[1]))
        return Response(
            raw,
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="ticks.csv"'},
        )

    async def bundle(self, request: Request) -> Response:
        """The support bundle, patients left out."""
        await self._reading.audited(request, BUNDLE)
        raw = await self._reading.turn(bundle, self._service, self._following, self._desk.rig.simulated)
        return Response(
            raw,
            media_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="kerma-support.zip"'},
        )

    async def room(self, request: Request, body: Room, token: Token) -> dict[str, Any]:
        """SIMULATED: break or mend something of the simulated rig; `list` names what can be broken."""
        await self._reading.audited(request, SIMULATOR, do=body.do, name=body.name)
        if not self._desk.tokens.use(token, request.cookies.get(COOKIE, ""), self._desk.clock.monotonic()):
            raise RefusedError(403, "the token was used, is too old or is another login's; first: ask for a new one")
        control, shown = self._desk.rig.control, self._desk.link.snapshot
        if control is None or not self._desk.rig.simulated or (shown is not None and not shown.simulated):
            raise RefusedError(409, "this is no simulated rig; first: go to a simulated one")
        asked: dict[str, Any] = {"do": body.do}
        if body.do == "room":
            asked["set"] = {body.name: body.value}
        elif body.do != "list":
            asked |= {"name": body.name} | ({} if body.for_s is None or body.do == "stop" else {"for_s": body.for_s})
        answer = await self._reading.turn(simulated_hand.asked, control, asked)
        if answer.get("ok") is not True:
            raise RefusedError(503, str(answer.get("error", answer)))
        return answer
