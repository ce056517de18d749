"""Counters and their intervals at the Service page: what is counted, when a service is due, who says that it was done, and that it stands in the audit."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT, headers, http
from desk_by_hand import EXAMPLES
from kept_by_hand import KeptByHand
from test_web_service import Somebody

from console import configuration, maintenance
from console.access.audit import Audit
from console.maintenance import DUE, OK, SOON, TABLE, stands
from console.web.doors import Doors
from console.web.people import Typed
from console.web.serve import application, assembled
from console.web.service_bundle import maintenance_csv
from console.web.service_read import Service
from console.web.service_wear import Counted
from controller.entries import EntryType, Event, Outcome
from hal.clock import SystemClock
from records.files import PosixFiles

ARC = "the generator reports a fault: anode arc; first: read its manual for this fault, then reset"
SEARCHED = "the generator reports a fault: under-voltage; first: look for an arc"
LOST = "the beam was lost: high voltage off, 0.0 kV (bound 34.8 kV); first: look for an arc; resume only if the generator is sound"


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    """Two exposures with 155 s of beam in all, one self-test that passed; the first ended by a fault that names an arc, which stands in the log twice as each
    trip does, the other by one that only says to look for one."""
    made = KeptByHand(tmp_path / "records")
    made.note(EntryType.EVENT, Event("SELF_TEST", "TESTS_PASSED", "STANDBY", "", ""))
    made.start()
    made.note(EntryType.EVENT, Event("IRRADIATING", "TRIP_FAULT", "STOPPING", "generator_fault", ARC))
    made.end(100.0, Outcome.FAULT, event="TRIP_FAULT", rule="generator_fault", words=ARC)
    made.start(segment=2)
    made.end(55.0, Outcome.FAULT, event="TRIP_FAULT", rule="generator_fault", words=SEARCHED)
    return made


def counted(records: Path) -> Counted:
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=records)
    return Counted(Service(rig, SystemClock()))


def audited(records: Path, row: str, at: float, whole: bool = True) -> None:
    """A service as the audit holds it; where it is not whole, as somebody writes it who has no key, or a crash leaves it."""
    (records / "access").mkdir(mode=0o700, exist_ok=True)
    audit = Audit(records / "access", PosixFiles(), lambda: 1.8e9)
    audit.note("maintained", "sven", "service", {"row": row, "at": at})
    if not whole:
        log = records / "access" / "audit.jsonl"
        *before, line = log.read_bytes().splitlines(keepends=True)
        unsigned = line.partition(b',"hash"')[0] + b"}\n"
        log.write_bytes(b"".join(before) + unsigned + line[:-9])


def of(found: dict[str, Any]) -> dict[str, tuple[float, str]]:
    return {row["id"]: (row["since"], row["stands"]) for row in found["rows"]}


def test_each_row_says_where_its_number_comes_from() -> None:
    assert all(row.every > 0.0 and row.assumption.startswith("assumption: ") for row in TABLE)
    assert len({row.id for row in TABLE}) == len(TABLE)


@pytest.mark.parametrize(
    ("since", "said"), [(0.0, OK), (89.9, OK), (90.0, SOON), (99.9, SOON), (100.0, DUE), (1e9, DUE)]
)
def test_a_count_stands_against_its_interval(since: float, said: str) -> None:
    assert stands(since, 100.0) == said


def test_beam_arcs_and_closings_are_counted_from_the_records(kept: KeptByHand) -> None:
    """155 s; an arc counts once, and the fault that says to look for one is none; two exposures and a self-test closed the contactors."""
    found = of(counted(kept.done()).rows())
    assert found == {"tube_beam": (round(155.0 / 3600.0, 3), OK), "tube_arcs": (1.0, OK), "contactor_cycles": (3.0, OK)}


def test_a_beam_lost_is_an_arcs_and_a_start_without_beam_is_not(kept: KeptByHand) -> None:
    """As the calibration procedures count them: high voltage that never came on is told as a beam that was lost, and closed the contactors all the same."""
    for outcome in (Outcome.INTERRUPTED, Outcome.VOID):
        kept.start(segment=3)
        kept.end(1.0, outcome, event="TRIP_STOP", rule="beam_lost", words=LOST)
    found = of(counted(kept.done()).rows())
    assert found["tube_arcs"] == (2.0, OK) and found["contactor_cycles"] == (5.0, OK)


def test_after_a_service_it_is_counted_anew_and_records_begun_anew_hide_nothing(kept: KeptByHand) -> None:
    """A counter above what the records hold was read in others: all that is here is since. What has no hash that
    fits was not done: a line that a crash cut, or that somebody wrote there."""
    records = kept.done()
    audited(records, "contactor_cycles", 2.0)
    audited(records, "tube_beam", 400.0)
    audited(records, "tube_arcs", 1.0, whole=False)
    found = counted(records).rows()
    assert of(found) == {
        "tube_beam": (round(155.0 / 3600.0, 3), OK),
        "tube_arcs": (1.0, OK),
        "contactor_cycles": (1.0, OK),
    }
    assert [row["by"] for row in found["rows"]] == ["sven (service)", "", "sven (service)"]


def test_the_export_has_each_row_and_nobodys_name(kept: KeptByHand) -> None:
    records = kept.done()
    audited(records, "tube_arcs", 0.0)
    rows = list(csv.DictReader(io.StringIO(maintenance_csv(counted(records).service))))
    assert [row["id"] for row in rows] == [row.id for row in TABLE]
    assert rows[1]["stands"] == OK and rows[1]["serviced_wall_s"] == "1800000000.0"
    assert "sven" not in str(rows)


def test_due_is_said_at_the_interval(kept: KeptByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table's numbers are its own: three closings are due of three, and soon of three and a third."""
    records = kept.done()
    for every, said in ((3.0, DUE), (3.2, SOON), (4.0, OK)):
        table = tuple(replace(row, every=every) if row.id == "contactor_cycles" else row for row in TABLE)
        monkeypatch.setattr(maintenance, "TABLE", table)
        assert of(counted(records).rows())["contactor_cycles"] == (3.0, said)


def test_who_services_says_so_and_nobody_else_and_never_without_the_audit(kept: KeptByHand, tmp_path: Path) -> None:
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=kept.done())
    access, clerk = Somebody(SystemClock()), ClerkByHand()
    desk = assembled(rig, tmp_path, access, clerk, SystemClock())
    app = Doors(application(desk), PORT, PORT + 1, lambda: True)

    async def story() -> None:
        for path in ("maintenance", "maintenance.csv"):
            assert (await http(app, f"/api/service/{path}", b"", headers(), "GET"))[0] == 401, path
        cookie = access.enter(Typed("demonstration", access.code, "here")).cookie
        given = headers(cookie=f"kerma={cookie}")

        async def said(row: str) -> int:
            _, token, _ = await http(app, "/api/token", {}, given)
            with_token = headers(cookie=f"kerma={cookie}", x_kerma_token=token["token"])
            return (await http(app, "/api/service/maintained", {"row": row}, with_token))[0]

        assert (await http(app, "/api/service/maintenance", b"", given, "GET"))[0] == 200
        assert await said("tube_arcs") == 403, "an operator looks"
        access.role = "service"
        clerk.kept.full = True
        assert await said("tube_arcs") == 503
        clerk.kept.full = False
        assert await said("no_such_row") == 404
        assert await said("tube_arcs") == 200
        assert (await http(app, "/api/service/maintained", {"row": "tube_arcs"}, given))[0] == 422, "no token"
        access.role = "physician"
        assert (await http(app, "/api/service/maintenance", b"", given, "GET"))[0] == 403

    asyncio.run(story())
    assert clerk.whats("maintained") == [{"row": "tube_arcs", "at": 1.0}]
