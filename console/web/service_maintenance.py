"""The paths of maintenance below /api/service: counters against their intervals, the same as CSV, and that something was serviced.
It counts nothing itself and locks nothing; a service that was done is one entry of the audit, with the counter as it stood."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, Field

from console import maintenance
from console.web.api import Desk, Done, RefusedError, Strict, Token, told
from console.web.reading import Reading
from console.web.service_bundle import maintenance_csv
from console.web.service_read import Service
from console.web.service_wear import DONE, Counted

COMMAND: Final = "service"
MAINTAIN: Final = "maintain"
BY_ID: Final = {one.id: one for one in maintenance.TABLE}


class Maintained(Strict):
    """What was serviced, by its row."""

    row: Annotated[str, Field(pattern="^[a-z_]{1,40}$")]


class Rows(BaseModel):
    """Each row with its counter since the last service."""

    rows: list[dict[str, Any]]
    words: str


class MaintenancePage:
    """Who asks is looked at first, then one bounded read; a service that was done stands in the audit or is not done."""

    def __init__(self, desk: Desk, turns: Reading) -> None:
        self._desk, self._reading = desk, turns
        self._service = Service(desk.rig, desk.clock)
        self._counted = Counted(self._service)

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.get("/api/service/maintenance", responses=told(401, 503), tags=["service"])(self.maintenance)
        app.get("/api/service/maintenance.csv", responses=told(401, 503), tags=["service"], response_class=Response)(
            self.csv
        )
        app.post("/api/service/maintained", responses=told(401, 404, 503), tags=["service"])(self.maintained)

    async def maintenance(self, request: Request) -> Rows:
        """Counters, intervals, how they stand, and the last service of each."""
        self._reading.allowed(request, COMMAND)
        return Rows(**await self._reading.turn(self._counted.rows))

    async def csv(self, request: Request) -> Response:
        """The same as CSV, without names."""
        self._reading.allowed(request, COMMAND)
        raw = await self._reading.turn(maintenance_csv, self._service)
        return Response(
            raw, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": 'attachment; filename="maintenance.csv"'}
        )  # fmt: skip

    async def maintained(self, request: Request, body: Maintained, token: Token) -> Done:
        """This was serviced now: it is counted anew from here."""
        person = self._reading.allowed(request, MAINTAIN, token)
        row = BY_ID.get(body.row)
        if row is None:
            raise RefusedError(404, f"there is no row {body.row}; first: choose one of {', '.join(BY_ID)}")
        found = await self._reading.turn(self._counted.rows)
        at = next(float(one["whole"]) for one in found["rows"] if one["id"] == row.id)
        words = await self._desk.clerk.first(DONE, person.name, person.role, row=row.id, at=at)
        if words:
            raise RefusedError(503, f"{MAINTAIN} is not done, because it cannot be audited: {words}")
        return Done(words=f"{row.what}: counted anew from {at:g} {row.unit}")
