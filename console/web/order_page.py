"""The paths below /api/order: what a form for a new order needs, what it comes to while somebody types, and the draft that is written then.
What an order may be is console/prescribe's word; a draft counts by two signatures, which are given at another page."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final, get_args

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field

from console.access.people import Person
from console.kept import rows
from console.prescribe.draft import HEAD, PLACE, Draft, Wrong, draft_of, written
from console.prescribe.shelf import MOST_OF_A_COURSE, Shelf
from console.prescribe.worked import Basis, Worked, basis_of, worked
from console.prescription import Flag, PrescriptionFile, prescribed_of
from console.web.api import Api, Desk, Nothing, RefusedError, Strict, Token, told
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

COMMAND: Final = "order"
AT_MOST: Final = 200


class Asked(Strict):
    """The order as far as it is typed."""

    draft: Draft


class Write(Asked):
    """The same, and up to which fraction it is written in one go, each fraction as a file of its own; without it that one alone."""

    last: Annotated[int | None, Field(ge=1, le=1000)] = None


class Shown(BaseModel):
    """What a form needs: the combinations of the certificate in force, the cut-outs that were measured, the orders that may be followed, the flags."""

    certificate: str
    no_certificate: str
    combinations: list[dict[str, Any]]
    cutouts: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    flags: list[str]


class OneWrong(BaseModel):
    """What is wrong with one field, or with the whole where `field` is empty."""

    field: str
    words: str


class WorkedOut(BaseModel):
    """What the draft comes to: terms, second calculation, everything against it, and what is not written yet. `ready`: it may be written."""

    ready: bool
    wrong: list[OneWrong]
    missing: list[str]
    remarks: list[str]
    numbers: dict[str, Any] | None
    lines: list[dict[str, Any]]


class OneFile(BaseModel):
    """One fraction's file with its SHA-256."""

    fraction: int
    name: Annotated[str, Field(max_length=120)]
    sha256: str


class Written(BaseModel):
    """The first draft's file with its SHA-256, all that were written in this go, and what has to be done before they count."""

    name: Annotated[str, Field(max_length=120)]
    sha256: str
    files: list[OneFile]
    words: str


class OrderPage:
    """Who asks is looked at first; a draft stands in the audit by its SHA-256 alone before it is written."""

    def __init__(self, desk: Desk, api: Api) -> None:
        self._desk, self._api = desk, api
        self._turn = asyncio.Lock()

    def join(self, app: FastAPI) -> None:
        """Add every path to the application."""
        app.post("/api/order/form", responses=told(401, 409, 503), tags=["orders"])(self.form)
        app.post("/api/order/work", responses=told(401, 409, 503), tags=["orders"])(self.work)
        app.post("/api/order/write", responses=told(401, 409, 503), tags=["orders"])(self.write)

    async def form(self, request: Request, _body: Nothing) -> Shown:
        """What may be chosen, and which orders may be followed."""
        self._api.allowed(request, COMMAND)
        shown: Shown = await self._done(self._form)
        return shown

    async def work(self, request: Request, body: Asked) -> WorkedOut:
        """What this draft comes to; nothing is kept of it."""
        self._api.allowed(request, COMMAND)
        async with self._turn:
            made: WorkedOut = await self._done(self._worked_out, body.draft)
            return made

    async def write(self, request: Request, body: Write, token: Token) -> Written:
        """Write the draft into the folder of orders, and the fractions that follow it up to `last`; it counts when a physician and a physicist have signed it.
        Everything is looked at before the first is written; what a disk refuses after that is said by file."""
        person = self._api.allowed(request, COMMAND, token)
        files: list[OneFile] = []
        async with self._turn:
            course = await self._done(self._course, body)
            try:
                for file in course:
                    files += [await self._written(person, file)]
            except RefusedError as error:
                there = f"; written: {', '.join(one.name for one in files)}; the others are not" if files else ""
                raise RefusedError(error.status, f"{error.words}{there}") from error
        names = ", ".join(one.name for one in files)
        counts = "count for nothing yet" if len(files) > 1 else "counts for nothing yet"
        return Written(
            name=files[0].name,
            sha256=files[0].sha256,
            files=files,
            words=f"{names} {'are' if len(files) > 1 else 'is'} written, and {counts}; first: have a physician and a physicist sign",
        )

    def _course(self, body: Write) -> list[PrescriptionFile]:
        """The checked file of each fraction, before any of them is written. Raises ConfigurationError."""
        first = body.draft.fraction
        last = first if body.last is None else body.last
        if first is not None and last is not None and not first <= last < first + MOST_OF_A_COURSE:
            raise ConfigurationError(
                f"fractions {first} to {last}: one at least and {MOST_OF_A_COURSE} at most are written in one go; first: write another last one"
            )
        found = []
        for fraction in [first] if first is None or last is None else range(first, last + 1):
            made, wrong = self._whole(body.draft.model_copy(update={"fraction": fraction}))
            if made.looked.file is None or wrong or not made.ready:
                lacking = (
                    f"not written yet: {', '.join(PLACE[one] for one in made.looked.missing)}; first: write them"
                    if made.looked.missing
                    else ""
                )
                which = f"fraction {fraction}: " if last != first else ""
                raise ConfigurationError(
                    "\n".join(f"{which}{words}" for words in [one.words for one in wrong] or [lacking])
                )
            found.append(made.looked.file)
        return found

    async def _written(self, person: Person, file: PrescriptionFile) -> OneFile:
        """One file, in the audit by its SHA-256 before and after."""
        at = datetime.fromtimestamp(self._desk.clock.wall(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        data = written(file, f"Written by {person.name} ({person.role}), {at}. {HEAD}")
        sha256 = hashlib.sha256(data).hexdigest()
        said = {"command": COMMAND, "do": "write", "order_sha256": sha256}
        words = await self._desk.clerk.first("command", person.name, person.role, **said)
        if words:
            raise RefusedError(503, f"{COMMAND} is not done, because it cannot be audited: {words}")
        name = await self._done(self._shelf.write, file, data, lambda: rows(self._desk.rig), self._loaded)
        self._desk.clerk.told("order written", person.name, person.role, order_sha256=sha256)
        return OneFile(fraction=file.dose.fraction, name=name, sha256=sha256)

    @property
    def _shelf(self) -> Shelf:
        return Shelf(self._desk.orders.folder)

    @property
    def _loaded(self) -> Prescribed | None:
        loaded = self._desk.fraction.loaded
        return loaded.prescribed if loaded is not None else None

    def _form(self) -> Shown:
        basis = self._basis()
        certificate, found = basis.certificate, self._shelf.orders()
        return Shown(
            certificate=certificate.id if certificate is not None else "",
            no_certificate=basis.no_certificate,
            combinations=[] if certificate is None else [
                {"kv": c.kv, "ma": c.ma, "filter": c.filter_id, "applicator": c.applicator_id, "least_mm": c.pdd[0][0], "most_mm": c.pdd[-1][0],
                 "max_skin_mgy": min(c.max_skin_mgy, basis.limits.skin_max_mgy)}
                for c in certificate.combinations
            ],
            cutouts=[
                {"id": one.id, "applicator": one.applicator, "factor": one.factor, "diameter_mm": one.diameter_mm, "measured_by": one.by}
                for one in basis.cutouts or () if one.b_w_ratio is not None
            ],
            orders=[{"name": name, "sha256": one.sha256.hex(), "draft": draft_of(one).model_dump()} for name, one in found[:AT_MOST]],
            flags=list(get_args(Flag)),
        )  # fmt: skip

    def _basis(self) -> Basis:
        return basis_of(self._desk.rig, self._desk.clock.wall())

    def _whole(self, draft: Draft) -> tuple[Worked, tuple[Wrong, ...]]:
        """What it comes to, and everything against it: of the numbers, and of what is there already."""
        made = worked(draft, self._basis())
        if made.looked.file is None:
            return made, made.wrong
        wanted = prescribed_of(made.looked.file, bytes(32))
        return made, (*made.wrong, *self._shelf.against(wanted, rows(self._desk.rig), self._loaded))

    def _worked_out(self, draft: Draft) -> WorkedOut:
        made, wrong = self._whole(draft)
        return WorkedOut(
            ready=made.ready and not wrong,
            wrong=[OneWrong(field=one.field, words=one.words) for one in wrong],
            missing=list(made.looked.missing),
            remarks=list(made.remarks),
            numbers=None if made.numbers is None else asdict(made.numbers),
            lines=[asdict(one) for one in made.lines],
        )

    async def _done(self, work: Any, *given: Any) -> Any:
        try:
            return await asyncio.to_thread(work, *given)
        except ConfigurationError as error:
            raise RefusedError(409, str(error)) from error
