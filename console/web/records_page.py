"""The paths below /api/records: what the Records pages show, for whoever is logged in and may; reports as files, made by a process of their own.
Reading is console/web/records_read.py's; nothing here changes a record."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request, Response
from pydantic import BaseModel, Field

from console.access import policy
from console.access.approvals import Signed
from console.access.beside import Missing, said
from console.treat.particulars import key_of, lesion_of, lesion_tag
from console.web import approved
from console.web.api import Desk, Done, RefusedError, Strict, Token, told
from console.web.chart_page import ID, told_of
from console.web.reading import Reading
from console.web.records_read import Kept
from hal.errors import ConfigurationError

COMMAND: Final = "records"
REPORT: Final = "report"
MADE_WITHIN_S: Final = 60.0
KINDS: Final = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8", "json": "application/json"}

Search = Annotated[
    str, Query(max_length=100, description="Words, each found in an identifier, site, course, lesion or id.")
]
Cursor = Annotated[str, Query(max_length=100, description="`next` of the page before.")]
Patient = Annotated[str, Query(max_length=64)]
FractionId = Annotated[str, Query(pattern=ID)]
ReportName = Annotated[
    str, Query(pattern="^fraction-[0-9a-f-]{16,24}-[0-9]{8}(-c[0-9]{6})?(-g[0-9]{6})?[.](pdf|csv|json)$")
]


class MakeReport(Strict):
    """The fraction of which PDF, CSV and JSON are wanted."""

    fraction: Annotated[str, Field(pattern=ID)]


class Patients(BaseModel):
    """A page of patients; `next` is empty on the last one, and `wrong` says why no name that was stated counts."""

    patients: list[dict[str, Any]]
    next: str
    words: str
    wrong: list[str]


class Lesions(BaseModel):
    """One patient's lesions, each with its prescription and the sums of it."""

    lesions: list[dict[str, Any]]
    words: str


class Fractions(BaseModel):
    """A page of fractions, the newest first."""

    fractions: list[dict[str, Any]]
    next: str
    words: str


class Trace(BaseModel):
    """One exposure's trace: points of seconds, kV, mA and dose (mGy D0); `ticks` is how many the journal holds."""

    token: int
    ticks: int
    points: list[tuple[float, float | None, float | None, float | None]]
    words: str


class RecordsPage:
    """Who asks is looked at first, then one bounded read."""

    def __init__(self, desk: Desk, reading: Reading) -> None:
        self._reading, self._rig = reading, desk.rig
        self._kept, self._approvals, self._chart = Kept(desk.rig), desk.approvals, desk.chart
        self._missing = Missing(desk.rig.records)
        self._making = asyncio.Lock()

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        for name, answer, of in (
            ("patients", self.patients, Patients), ("lesions", self.lesions, Lesions), ("fractions", self.fractions, Fractions),
            ("fraction", self.fraction, dict[str, Any]), ("trace", self.trace, Trace),
        ):  # fmt: skip
            app.get(f"/api/records/{name}", responses=told(401, 404, 503), tags=["records"], response_model=of)(answer)
        app.get("/api/records/report", responses=told(401, 404, 503), tags=["records"], response_class=Response)(
            self.report
        )
        app.post("/api/records/report", responses=told(401, 503), tags=["records"])(self.make)

    async def patients(self, request: Request, search: Search = "", after: Patient = "") -> Response:
        """Patients by their identifiers, 50 a page, with the names that were stated."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._patients, search, after)

    async def lesions(self, request: Request, patient: Patient) -> Response:
        """One patient's lesions and prescriptions."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._kept.lesions, patient)

    async def fractions(
        self, request: Request, search: Search = "", patient: Patient = "", before: Cursor = ""
    ) -> Response:
        """Fractions, the newest first, 50 a page."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._kept.fractions, search, patient, before)

    async def fraction(self, request: Request, fraction: FractionId) -> Response:
        """One fraction with its exposures, events, corrections and reports."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._fraction, fraction)

    def _fraction(self, fraction: str) -> dict[str, Any]:
        """As it is kept, with the signatures over the order by which it was begun; nothing is asked for any more."""
        found = self._kept.fraction(fraction)
        try:
            signed = self._approvals.signed()
        except ConfigurationError as error:
            signed = Signed((), (str(error),))
        said = approved.told(signed, found["prescription_sha256"], policy.BOTH)
        found["approval"] = said | {"words": "", "wrong": list(signed.wrong[:20])}
        chart = self._chart.read()
        found["chart"] = told_of(chart, found) | {"gone": self._gone(fraction, lesion_tag(key_of(lesion_of(found))))}
        found["particulars"] = self._chart.shown(lesion_of(found))
        return found

    def _patients(self, search: str, after: str) -> dict[str, Any]:
        """With the names that were stated last of each course's lesion; two patients of one name are two, by their identifiers."""
        found = self._kept.patients(search, after)
        chart = self._chart.read()
        for row in found["patients"]:
            row["names"] = list(chart.names(row["patient_id"]))
        found["wrong"] = list(chart.wrong[:5])
        return found

    def _gone(self, fraction: str, lesion: str) -> list[str]:
        """What the audit says was made of this fraction, or stated of its lesion, and the chart does not hold."""
        try:
            return [said(one) for one in self._missing.of(fraction, lesion)]
        except ConfigurationError as error:
            return [str(error)]

    async def trace(self, request: Request, token: Annotated[int, Query(ge=1, le=2**53)]) -> Response:
        """One exposure's trace, from the journal."""
        self._reading.allowed(request, COMMAND)
        return await self._reading.answer(self._kept.trace, token)

    async def report(self, request: Request, name: ReportName) -> Response:
        """A report that lies there, as a file."""
        await self._reading.audited(request, REPORT, file=name)
        raw = await self._reading.turn(self._kept.report, name)
        return Response(
            raw,
            media_type=KINDS[name.rpartition(".")[2]],
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def make(self, request: Request, body: MakeReport, token: Token) -> Done:
        """Write PDF, CSV and JSON of this fraction as it stands, beside the journal; what is there already stays."""
        await self._reading.audited(request, REPORT, token, fraction=body.fraction)
        if self._making.locked():
            raise RefusedError(503, "another report is being made; first: ask again in a moment")
        async with self._making:
            code, words = await reported(self._rig.path, body.fraction)
        if code:
            raise RefusedError(503, words or f"kerma records report ended with {code}")
        return Done(words="written")


async def reported(rig_file: Path, fraction: str) -> tuple[int, str]:
    """`kerma records report` in a process of its own, behind everything else: it reads the whole journal, which may take its time and its memory."""
    process = await asyncio.create_subprocess_exec(
        "nice", "-n", "15", sys.executable, "-P", "-m", "console", "records", "report", fraction, "--config", str(rig_file),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        env={name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")},
    )  # fmt: skip
    try:
        async with asyncio.timeout(MADE_WITHIN_S):
            _, said = await process.communicate()
    except TimeoutError:
        return (
            1,
            f"no report within {MADE_WITHIN_S:g} s: the journal is long; first: kerma records report {fraction} at a terminal",
        )
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace").strip()[-400:]
