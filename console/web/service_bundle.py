"""The support bundle: one ZIP of what a person far away needs to see what the machine did, without patients.
What goes in is named here one by one, and nothing else does; then every identifier that the records know is looked for once more in all of it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from console.reports.flat import cell
from console.treat.chart import FOLDER as CHART
from console.web.records_read import reading
from console.web.service_read import Service, is_fault
from console.web.service_ring import STATES, Following
from console.web.service_wear import Counted
from console.web.unread import NotReadError, NotThereError
from records.approved import LOG
from records.fractions import DATABASE_NAME
from records.store import EventRow, FractionRow, OpeningRow

REMOVED: Final = "[removed]"
TAG: Final = re.compile(r"\b[0-9a-f]{16}(?:-\d+)?\b")
"""A fraction's tag is made of the patient's identifiers: whoever knows those can find it again."""
NAMING: Final = ("family_name", "given_names", "birth_date", "diagnosis", "earlier_words")
"""Of what is stated beside an order, the words that are a patient's."""
LEAST: Final = 3
"""Shorter identifiers are left where they stand: they would take words apart; no text of a person goes in, so none is expected."""
MOST_NAMES: Final = 50_000
ROWS: Final = 5000
LOG_BYTES: Final = 64 * 1024
TRACE_HEAD: Final = (
    "wall_s", "state", "kv", "ma", "d1_mgy", "d2_mgy", "dm_mgy", "delivered_mgy", "beam_ms", "counts_1", "counts_2", "unit_state", "first_cause", "not_true",
    "late", "lateness_us", "unit_age_ms", "generator_age_ms", "token",
)  # fmt: skip
MAINTENANCE_HEAD: Final = (
    "id", "what", "since", "unit", "interval", "stands", "whole", "serviced_wall_s", "assumption",
)  # fmt: skip
README: Final = """Support bundle of rig {rig}{simulated}.

Left out: patients, prescriptions, orders, sites, reasons and names that persons wrote, keys, signed sheets, reports.
Every identifier of a patient that the records know was looked for in each file and replaced by {removed}.
No check of a program is proof: look through the files before you send them.
"""


def bundle(service: Service, following: Following, simulated: bool) -> bytes:
    """The ZIP. Raises NotReadError; what cannot be read says so in its own file."""
    clean = cleaner(service)
    mark = ", SIMULATED" if simulated else ""
    instance, ticks = following.whole()
    files: dict[str, Callable[[], str]] = {
        "README.txt": lambda: README.format(rig=service.rig.name, simulated=mark, removed=REMOVED),
        "configuration.json": lambda: _json(service.configuration(instance)),
        "counters.json": lambda: _json(service.counters()),
        "interlocks.json": lambda: _json(service.interlocks()),
        "due.json": lambda: _json(_without_who(service.due())),
        "faults.csv": lambda: table_csv(
            ("index", "wall_s", "kind", "instance", "event", "state", "to", "rule", "words"), _faults(service)
        ),
        "processes.csv": lambda: table_csv(
            ("wall_s", "instance", "software_version", "configuration_sha256", "tick_s"), _processes(service)
        ),
        "frames.csv": lambda: table_csv(
            ("number", "wall_s", "wire", "sent", "hex", "words"), following.frames(0, "")["rows"]
        ),
        "ticks.csv": lambda: traces_csv(ticks),
        "maintenance.csv": lambda: maintenance_csv(service),
        "recorder.log": lambda: _log(service),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, make in files.items():
            try:
                text = make()
            except (NotReadError, NotThereError, OSError) as error:
                text = f"cannot be read: {error}\n"
            packed.writestr(name, clean(text))
    return out.getvalue()


def cleaner(service: Service) -> Callable[[str], str]:
    """What takes every known identifier of a patient out of a text. Raises NotReadError where the records cannot say which those are."""
    names: set[str] = set()
    with reading(service.rig.records / DATABASE_NAME) as session:
        if session is not None:
            of = (
                FractionRow.patient_id, FractionRow.patient_id_2, FractionRow.course_id, FractionRow.lesion_id, FractionRow.site,
                FractionRow.prescription_id,
            )  # fmt: skip
            for row in session.execute(select(*of).distinct().limit(MOST_NAMES)):
                names |= {str(value) for value in row}
    if len(names) >= MOST_NAMES:
        raise NotReadError(
            f"above {MOST_NAMES} identifiers: not all of them can be looked for; first: make the bundle by hand"
        )
    long = sorted((name for name in names if len(name) >= LEAST), key=len, reverse=True)
    spelled = [re.escape(form) for form in sorted(_forms(long), key=len, reverse=True)]
    # a person's name is a word of the language too: it is looked for as a whole word, so that no key of a file is taken apart
    whole = [
        rf"(?<!\w){re.escape(form)}(?!\w)"
        for form in sorted(_forms(stated_words(service.rig.records)), key=len, reverse=True)
    ]
    known = re.compile("|".join([*spelled, *whole]), re.IGNORECASE) if spelled or whole else None

    def cleaned(text: str) -> str:
        return known.sub(REMOVED, text) if known is not None else text

    return cleaned


def _forms(names: Iterable[str]) -> set[str]:
    """Each as it stands, as JSON may write it, and as CSV may."""
    return {
        form
        for name in names
        for form in (name, json.dumps(name)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1], name.replace('"', '""'))
    }


def stated_words(records: Path) -> set[str]:
    """What was ever stated of a patient in the chart's lines, whether or not their chain is whole: what is taken out need not be believed."""
    try:
        lines = (records / CHART / LOG).read_bytes().splitlines()
    except FileNotFoundError:
        return set()
    found: set[str] = set()
    for line in lines:
        with contextlib.suppress(ValueError, AttributeError):
            said = json.loads(line).get("told", {})
            found |= {str(said[name]) for name in NAMING if said.get(name)}
    return {one for one in found if len(one) >= LEAST}


def traces_csv(ticks: Iterable[tuple[float, Any]]) -> str:
    """Every tick as it came, one row each."""
    names = TRACE_HEAD[2:]
    rows = (
        (
            round(wall_s, 4),
            STATES[row.state].value if row.state < len(STATES) else row.state,
            *(getattr(row, name) for name in names),
        )
        for wall_s, row in ticks
    )
    return table_csv(TRACE_HEAD, rows)


def maintenance_csv(service: Service) -> str:
    """Counters against their intervals, without the name of whoever serviced."""
    return table_csv(
        MAINTENANCE_HEAD, ([row[key] for key in MAINTENANCE_HEAD] for row in Counted(service).rows()["rows"])
    )


def table_csv(head: tuple[str, ...], rows: Iterable[Iterable[Any]]) -> str:
    """Rows under a head, for a spreadsheet: nothing in a cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return out.getvalue()


def _json(document: Any) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False)


def _without_who(due: dict[str, Any]) -> dict[str, Any]:
    return due | {"day": {key: value for key, value in due["day"].items() if key not in ("who", "words")}}


def _faults(service: Service) -> Iterator[tuple[Any, ...]]:
    """The newest faults; the tag of a fraction in their words goes."""
    with reading(service.rig.records / DATABASE_NAME) as session:
        if session is None:
            return
        for row in session.scalars(select(EventRow).where(is_fault()).order_by(EventRow.index.desc()).limit(ROWS)):
            said = TAG.sub(REMOVED, row.words)
            yield row.index, row.wall_s, row.kind, row.instance, row.event, row.state, row.to, row.rule, said


def _processes(service: Service) -> Iterator[tuple[Any, ...]]:
    with reading(service.rig.records / DATABASE_NAME) as session:
        if session is None:
            return
        for row in session.scalars(select(OpeningRow).order_by(OpeningRow.index.desc()).limit(ROWS)):
            yield row.wall_s, row.instance, row.software_version, row.configuration_sha256, row.tick_s


def _log(service: Service) -> str:
    """The end of the recorder's own log."""
    with (service.rig.records / "recorder.log").open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - LOG_BYTES))
        return TAG.sub(REMOVED, file.read().decode(errors="replace"))
