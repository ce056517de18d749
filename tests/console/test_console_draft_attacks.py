"""A tired engineer on the way from finished sessions to a draft: other tubes, other days, other people, copies, and numbers in each other's place.
Each attempt is named after its hazard; none leaves a draft behind."""

from __future__ import annotations

import errno
import io
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from test_console_calibrate import AtNoon, job, job_document, rig, without

from calibration import gates
from calibration.belongs import before_change, by_one, cold
from calibration.draft import Done, Program, draft
from calibration.geometry import not_held
from calibration.given import Known
from calibration.job import RESERVED, JobTable
from calibration.planned import BESIDE, SERVICE, offered, whose
from calibration.procedures.engine import after
from calibration.procedures.session import Exposed, Leave, Phase, Recorded, Session, Void
from calibration.schema import CertificateTable, CombinationTable
from calibration.sign import make_keys
from calibration.since import since
from calibration.write import content_of, text_of, write_certificate
from console.calibrate import certificate_pages, terminal
from console.calibrate import draft as calibration_draft
from console.calibrate import sessions as calibration_sessions
from console.calibrate.draft import drafted
from console.calibrate.exposing import Person
from console.calibrate.sessions import FOLDER, began, files, known_of, opened, stands, voided
from console.calibrate.terminal import Asked, unwarmed
from console.configuration import Rig
from console.exit_codes import Exit
from console.tube_use import warmed_at
from console.web import procedure_calibration
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from hal.readings import Purpose, TimerStart
from hal.units import Seconds
from records.warm_up import Beam
from simulators.quick_bench import QuickBench
from simulators.unknown import as_engraved
from tests.calibration.measured_bench import AT, MEASURED, document, equipment
from tests.calibration.procedure_bench import due
from tests.calibration.test_dark import counting, ended
from verification.benched import tube
from verification.calibrated import Physicist

pytestmark = pytest.mark.timeout(60)
DAY = timedelta(days=1)
NOTHING = Known()
HOUR_S = 3600.0


class Later(AtNoon):
    """A clock some time after E4's noon."""

    def __init__(self, later: timedelta = timedelta(hours=2)) -> None:
        self._later = later

    def wall(self) -> Seconds:
        return Seconds((AT + self._later).timestamp())


def warmed(
    at_s: float, beams: int = 3, apart_s: float = 30.0, seconds: float = 20.0, **changed: Any
) -> tuple[Beam, ...]:
    """A warm-up of so many exposures whose last one ended then, after the tube was used five hours before the first."""
    key = (69.5, 1.6, "F2", "A20")
    ends = [at_s - apart_s * (beams - 1 - place) for place in range(beams)]
    made = [
        Beam(2 + place, end_s - seconds, end_s, seconds, Purpose.WARMUP, 69.5, key, 50.0, True, 0.0)
        for place, end_s in enumerate(ends)
    ]
    made[-1] = replace(made[-1], **changed)
    used_s = ends[0] - 5 * HOUR_S
    used = Beam(1, used_s - 60.0, used_s, 60.0, Purpose.CALIBRATE, 69.5, key, 50.0, True, 0.0)
    return (*reversed(made), used)


def set_by(seconds: float) -> Any:
    """The clocks at `AT`, the wall clock set forward by this since the exposures of before."""
    return SimpleNamespace(wall=AT.timestamp, monotonic=lambda: AT.timestamp() - seconds)


class Records:
    """What the records hold of these exposures: all by one person, unless a test says otherwise."""

    def __init__(self, people: Mapping[str, str] | None = None) -> None:
        self.people = dict(people or {})

    def of(self, token: str) -> Mapping[str, Any]:
        return {
            "operator": self.people.get(token.rsplit("-", 1)[1], "P. One"), "kv_mean": 69.4, "ma_mean": 1.67, "beam_s": 60.0, "k_tp": 1.05,
            "counts_1": MGY / 0.02 + 30.0, "counts_2": MGY / 0.0196 / 1.05 + 18.0,
        }  # fmt: skip

    def used(self) -> list[dict[str, Any]]:
        return self.rows()

    def beams(self) -> tuple[Beam, ...]:
        return warmed(AT.timestamp() - 100.0)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "started_wall_s": AT.timestamp() - 600.0,
                "ended_wall_s": AT.timestamp() - 1.0,
                "purpose": "WARMUP",
                "prescription_id": "w",
                "clocks_s": 0.0,
            }
        ]


def finished_dark() -> Session:
    return ended(counting())[0]


MGY = 57.663 * (60.0 - 0.145)


def measure(where: Rig, table: JobTable, name: str = "a20", at: datetime = AT, events: int = 1000) -> Path:
    """A session in its file, as far as so many events."""
    with opened(where, name, offered(table, name, at, NOTHING), at, anew=True) as journal:
        for place in range(events):
            if journal.session.step is None:
                break
            event = due(journal.session, at + timedelta(seconds=30 * place))
            if isinstance(event, Exposed):
                record = Recorded(p_kpa=98.7, counts_1=1000.0)
                event = Exposed(event.step, event.at, event.token, event.timer_s, event.ended, record)
            assert not journal.take(event).refused
        return journal.path


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, where: Rig, table: JobTable, **more: Any) -> Path:
    """`kerma calibrate --draft`."""
    monkeypatch.setattr(calibration_draft, "Kept", lambda _database: more.get("records", Records()))
    out = folder / "draft.toml"
    drafted(
        where, table, out, more.get("clock", Later()), Console(file=io.StringIO(), width=200), folder / "none.sqlite"
    )
    return out


def test_one_sound_session_is_a_draft_and_says_on_which_session_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table, where = job(tmp_path), rig(tmp_path)
    path = measure(where, table)
    assert made(tmp_path, monkeypatch, where, table).exists()
    known = known_of(where, table, AT + DAY, {})
    assert list(calibration_draft.used(where, known, table)) == [f"a20: {path.stem}, ended 2026-06-01T12:21:30Z"]


@pytest.mark.parametrize(("key", "serial"), [("tube_serial", "T-2"), ("machine_serial", "K-2")])
def test_a2_what_is_measured_on_one_tube_stands_in_no_other_tubes_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, serial: str
) -> None:
    """The job file of another machine, taken along on a stick: its certificate would have this tube's readings."""
    whole, where = job_document(), rig(tmp_path)
    table = job(tmp_path, certificate=whole["certificate"] | {key: serial})
    with pytest.raises(ConfigurationError, match=rf"certificate.{key} = {serial}: .* drives"):
        made(tmp_path, monkeypatch, where, table)
    assert not (tmp_path / "draft.toml").exists()


def test_g24_a_tube_that_is_exchanged_takes_its_sessions_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rig and job file name the new tube, and the old one's session lies there still, of the same instruments."""
    whole, where = job_document(), rig(tmp_path)
    measure(where, job(tmp_path))
    other = where.file.tube.model_copy(update={"serial": "T-2"})
    where = replace(where, file=where.file.model_copy(update={"tube": other}))
    table = job(tmp_path, certificate=whole["certificate"] | {"tube_serial": "T-2"})
    with pytest.raises(ConfigurationError, match="is of tube T-1, machine K-1, and tube T-2, machine K-1 is here"):
        made(tmp_path, monkeypatch, where, table)


@pytest.mark.parametrize("key", ["safety_unit_fw", "generator_fw", "ramp_profile"])
@pytest.mark.parametrize("kind", ["timer", "tail"])
def test_a13_an_end_effect_and_a_tail_hold_for_their_ramp_and_firmware(tmp_path: Path, key: str, kind: str) -> None:
    """Hazards A7 and A13: what an exposure gives beyond its time belongs to what makes it so, and no other session is asked that."""
    whole = job_document()
    now, then = (job(tmp_path, certificate=whole["certificate"] | {key: value}) for value in ("2.0", "1.0"))
    assert whose(now, f"{kind}-a20") != whose(then, f"{kind}-a20") and whose(now, "hvl-a20") == whose(then, "hvl-a20")


@pytest.mark.parametrize("kind", ["timer", "tail", "second"])
def test_hazard_a7_a_session_holds_for_the_event_that_starts_the_timer(tmp_path: Path, kind: str) -> None:
    """Hazard A7: between K1 and high voltage lie some 150 ms, in dt and in every set time. A session is of the start that its job file names; one from high
    voltage is named as it was before, so that it is still taken up."""
    whole = job_document()
    from_k1, from_hv = (
        job(tmp_path, certificate=whole["certificate"] | {"timer_start": start}) for start in ("k1_closed", "hv_seen")
    )
    names = ("a20", f"{kind}-a20")
    assert all("timer from k1_closed" in whose(from_k1, name) for name in names)
    assert not any("timer" in whose(from_hv, name) for name in names)


def test_hazard_a7_an_output_of_another_timer_start_is_no_part_of_a_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard A7: measured from K1, and then the job file is put to high voltage."""
    whole, where = job_document(), rig(tmp_path)
    measure(where, job(tmp_path, certificate=whole["certificate"] | {"timer_start": "k1_closed"}))
    table = job(tmp_path, certificate=whole["certificate"] | {"timer_start": "hv_seen"})
    with pytest.raises(ConfigurationError, match="timer from k1_closed, and tube T-1, machine K-1 is here"):
        made(tmp_path, monkeypatch, where, table)


@pytest.mark.parametrize("door", ["terminal", "page"])
@pytest.mark.parametrize("name", ["timer-a20", "a20"])
def test_hazard_a7_nothing_is_measured_by_another_timer_start_than_that_of_the_certificate_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, door: str, name: str
) -> None:
    """Hazard A7: the job file says from K1, and the unit runs by the certificate in force, from high voltage: dt would come out 158 ms off, and in every later
    fraction. No session is begun for it, at neither door."""
    table, where = (
        job(tmp_path, certificate=job_document()["certificate"] | {"timer_start": "k1_closed"}),
        rig(tmp_path),
    )
    in_force = SimpleNamespace(id="CAL-0", timer_start=TimerStart.HV_SEEN, combinations=())
    monkeypatch.setattr(terminal, "certificate_of", lambda _rig, _wall: in_force)
    words = (
        r"timer_start = k1_closed: by CAL-0, which is in force, the safety unit's timer starts at hv_seen.*; first: "
    )
    with pytest.raises(ConfigurationError, match=words):
        if door == "page":
            monkeypatch.setattr(procedure_calibration, "load_job", lambda _path: table)
            person = Person("P. One", "physicist")
            procedure_calibration.calibration(where, Later(), name, False, person)(SimpleNamespace(), print)  # type: ignore[arg-type]
        else:
            monkeypatch.setattr(terminal, "load_job", lambda _path: table)
            monkeypatch.setattr(terminal.configuration, "load", lambda *_: where)
            terminal.run(Asked(where.path, name, script=tmp_path / "script"), Later())
    assert not list(where.records.glob("calibration/*"))
    in_force.timer_start = TimerStart.K1_CLOSED
    planned = offered(table, "a20", AT, NOTHING)
    assert terminal.sited(where, table, planned, Later()).certificate is in_force  # type: ignore[comparison-overlap]


def test_a13_a_session_of_months_ago_is_no_part_of_this_calibration(tmp_path: Path) -> None:
    """Half-value layers of last year beside the output of today."""
    table, where = job(tmp_path), rig(tmp_path)
    paths = [measure(where, table, at=AT + days * DAY) for days in (0, 31)]
    old, new = (calibration_sessions.read(path, offered(table, "a20", began(path), NOTHING)) for path in paths)
    done = Done(new, "P. One", 69.4, 1.67, beside={"hvl-a20": old})
    with pytest.raises(ValueError, match=r"hvl-a20: .* more than 30 days from the output"):
        draft(table, {"a20": done}, {}, Program("0.1.0", "ab" * 32), AT + 32 * DAY)


def test_a13_what_was_measured_before_a_part_was_exchanged_is_another_machines(tmp_path: Path) -> None:
    whole = job_document()
    change = {"what": "tube", "old_serial": "1", "new_serial": "2", "by": "S. One", "at": AT + DAY}
    book = tube(Physicist(QuickBench(as_engraved(), 0))).model_dump() | {"serial": "T-1", "installed_on": AT + 2 * DAY}
    for head, words in (
        ({"component_change": change}, "and the tube was exchanged"),
        ({"facts": {"tube": book}}, "tube T-1 was built in"),
    ):
        table = job(tmp_path, certificate=whole["certificate"] | head)
        session = calibration_sessions.read(measure(rig(tmp_path), table), offered(table, "a20", AT, NOTHING))
        assert words in next(before_change(table, {"a20": session}))
        assert list(before_change(job(tmp_path), {"a20": session})) == []


def test_a5_two_people_at_one_session_are_no_check_of_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second physicist makes the first exposure, and the first one all others."""
    table, where = job(tmp_path), rig(tmp_path)
    measure(where, table)
    with pytest.raises(ConfigurationError, match=r"was exposed by P. One and P. Two; one person measures it"):
        made(tmp_path, monkeypatch, where, table, records=Records({"1": "P. Two"}))
    assert by_one("a20", ["P. One", "p  one"]) == "P. One"
    with pytest.raises(ValueError, match="do not say who"):
        by_one("a20", [" "])


def test_a5_two_people_at_a_session_beside_the_output_are_refused_too(tmp_path: Path) -> None:
    """End effect, half-value layers, counts: what they give stands in the certificate as much as the output does."""
    table, where = job(tmp_path), rig(tmp_path)
    (one,) = table.outputs
    output = calibration_sessions.read(measure(where, table), offered(table, "a20", AT, NOTHING))
    known = Known({"a20": output, "dark-a20": finished_dark()}.get)
    records: Any = Records({"3": "P. Two"})
    with pytest.raises(ValueError, match=r"dark-a20: was exposed by P. One and P. Two; one person measures it"):
        calibration_draft.finished(
            one, known, SimpleNamespace(of=lambda token: (records if "dark" in token else Records()).of(token))
        )  # type: ignore[arg-type]
    assert calibration_draft.finished(one, known, Records()) is not None  # type: ignore[arg-type]


def test_a1_a_newer_session_that_somebody_began_out_of_doubt_is_finished_or_voided_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, where = job(tmp_path), rig(tmp_path)
    measure(where, table)
    doubt = measure(where, table, at=AT + timedelta(hours=1), events=12)
    with pytest.raises(ConfigurationError, match=f"{doubt.stem} is open in step readings, and newer"):
        made(tmp_path, monkeypatch, where, table)
    assert voided(where, "a20", AT + DAY, "the first one stands") == doubt.stem
    assert stands(doubt, offered(table, "a20", AT, NOTHING)) == "voided: the first one stands"
    assert made(tmp_path, monkeypatch, where, table).exists()


def test_a1_who_knows_that_a_finished_session_is_wrong_can_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is never taken again, and stays to be read; what is voided takes nothing more."""
    table, where = job(tmp_path), rig(tmp_path)
    path = measure(where, table)
    with pytest.raises(ConfigurationError, match="with its reason"):
        voided(where, "a20", AT + DAY, " ")
    voided(where, "a20", AT + DAY, "chamber B was plugged in")
    with pytest.raises(ConfigurationError, match="a20 was not measured"):
        made(tmp_path, monkeypatch, where, table)
    with pytest.raises(ConfigurationError, match="no session that could be voided"):
        voided(where, "a20", AT + DAY, "again")
    session = calibration_sessions.read(path, offered(table, "a20", AT, NOTHING))
    assert session.phase is Phase.DONE and "chamber B" in after(session, Leave("", AT + DAY))[1].refused
    with pytest.raises(ValueError, match="was voided"):
        draft(table, {"a20": Done(session, "P. One", 69.4, 1.67)}, {}, Program("0.1.0", ""), AT)


def test_a1_a_newer_session_that_was_voided_is_told_to_whoever_signs_the_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard A1: the newest finished session is voided, and the one before it serves again; nobody who signs saw that there had been another."""
    table, where = job(tmp_path), rig(tmp_path)
    older = measure(where, table)
    newer = [measure(where, table, at=AT + timedelta(hours=hours)) for hours in (1, 2)]
    for path, why in zip(reversed(newer), ("3 % higher", "a wet cap"), strict=True):
        assert voided(where, "a20", AT + timedelta(hours=3), f"{why} (P. One)") == path.stem
    console = Console(file=io.StringIO(), width=400)
    monkeypatch.setattr(calibration_draft, "Kept", lambda _database: Records())
    drafted(where, table, tmp_path / "draft.toml", Later(timedelta(hours=4)), console, tmp_path / "none.sqlite")
    (line,) = (one for one in console.file.getvalue().splitlines() if one.startswith("a20: a20."))  # type: ignore[attr-defined]
    ended = f"a20: {older.stem}, ended 2026-06-01T12:21:30Z"
    told = [f"a newer one was voided: {path.stem}" for path in reversed(newer)]
    assert line.startswith(f"{ended}; {told[0]}: 3 % higher (P. One); {told[1]}: a wet")
    voided(where, "a20", AT + timedelta(hours=4), "all of them")
    assert list(calibration_draft.used(where, known_of(where, table, AT + DAY, {}), table)) == []


def test_a13_a_session_of_tomorrow_hides_none_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stood a year ahead for a session, and was put right: by its name it is the newest for a year."""
    table, where = job(tmp_path), rig(tmp_path)
    ahead = measure(where, table, at=AT + 200 * DAY)
    measure(where, table)
    with pytest.raises(ConfigurationError, match=f"{ahead.name}: is of .* after now"):
        made(tmp_path, monkeypatch, where, table)
    assert voided(where, "a20", AT + DAY, "the clock stood ahead") == ahead.stem
    assert made(tmp_path, monkeypatch, where, table).exists()


def test_a13_a_copy_of_an_old_session_under_a_new_time_is_no_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, where = job(tmp_path), rig(tmp_path)
    path = measure(where, table)
    path.with_name(f"a20.{AT + timedelta(hours=1):%Y%m%dT%H%M%S}.abcd.jsonl").write_bytes(path.read_bytes())
    with pytest.raises(ConfigurationError, match="take the copy away"):
        made(tmp_path, monkeypatch, where, table)


def test_a13_an_instrument_whose_calibration_ended_during_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in date when the session was begun, and three days later no more."""
    table, where = job(tmp_path), rig(tmp_path)
    at = AT + 299 * DAY
    with opened(where, "a20", offered(table, "a20", at, NOTHING), at, anew=True) as journal:
        while journal.session.step is not None:
            assert not journal.take(due(journal.session, at if journal.session.place < 2 else at + 3 * DAY)).refused
    with pytest.raises(ConfigurationError, match="its calibration expired"):
        made(tmp_path, monkeypatch, where, table, clock=Later(303 * DAY))


def test_g22_the_output_of_a_cold_tube_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warm is who was warmed up, and in use since then without a pause of hours."""
    table, where = job(tmp_path), rig(tmp_path)
    measure(where, table)
    rows: list[dict[str, Any]] = []
    made(tmp_path, monkeypatch, where, table).unlink()
    monkeypatch.setattr(Records, "rows", lambda _self: rows)
    monkeypatch.setattr(Records, "beams", lambda _self: ())
    with pytest.raises(ConfigurationError, match="had not been warmed up"):
        made(tmp_path, monkeypatch, where, table)

    def row(began_h: float, ended_h: float, purpose: str = "CALIBRATE", token: str = "") -> dict[str, Any]:
        return {
            "started_wall_s": began_h * HOUR_S,
            "ended_wall_s": ended_h * HOUR_S,
            "purpose": purpose,
            "prescription_id": token,
            "clocks_s": 0.0,
        }

    days, steady = row(1.0, 1.2, "WARMUP"), row(1.0, 1.2, token="warm-a20.x-3")
    for use, is_warm in (
        ([days], False), ([steady], True), ([row(1.0, 1.2)], False), ([steady, row(4.0, 4.1), row(8.0, 8.1)], True), ([steady, row(8.0, 8.1)], False),
        ([], False),
    ):  # fmt: skip
        at_h = max((one["ended_wall_s"] for one in use), default=0.0) / HOUR_S + 0.1
        assert (warmed_at(use, at_h * HOUR_S, {"warm-a20.x-3"}, (), 69.5, UTC) is not None) is is_warm, use
    assert cold(Session("S", offered(table, "a20", AT, NOTHING).procedure), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chamber_ref_to_focus_mm": 60.0, "plane_to_focus_mm": 61.0}, "see that the two are not exchanged"),
        ({"plane_to_focus_mm": 59.0}, "plane_to_focus_mm = 59: A20 has 60 mm"),
        ({"field_mm": 30.0}, "field_mm = 30: A20 has 20 mm"),
    ],
)
def test_a12_two_columns_exchanged_and_sizes_of_another_applicator_expose_nothing(
    tmp_path: Path, changes: dict[str, float], words: str
) -> None:
    """60 and 61 mm taken for one another are 6.5 % of dose, and the inverse square over 20 mm shows 0.8 % of it."""
    whole = job_document()
    (one,) = whole["outputs"]
    head = whole["certificate"] | {"facts": {"applicators": [fitted("A20", 20.0)]}}
    table = job(tmp_path, certificate=head, outputs=[one | {"measured": one["measured"] | changes}])
    with pytest.raises(ValueError, match=words):
        offered(table, "a20", AT, NOTHING)
    assert offered(job(tmp_path, certificate=head), "a20", AT, NOTHING)


def test_a2_an_effective_distance_of_another_applicator(tmp_path: Path) -> None:
    whole = job_document()
    table = job(
        tmp_path,
        certificate=whole["certificate"]
        | {"facts": {"applicators": [fitted("A20", 20.0) | {"effective_ssd_mm": 63.0}]}},
    )
    with pytest.raises(ValueError, match="effective_ssd_mm = 60: A20 has 63 mm"):
        offered(table, "a20", AT, NOTHING)


def fitted(name: str, mm: float) -> dict[str, Any]:
    return {
        "id": name, "serial": f"AP-{name}", "code": 0x35, "kind": "clinical", "shape": "circle", "diameter_mm": mm, "end": "open", "plane_to_focus_mm": 60.0,
        "effective_ssd_mm": 60.0, "u_mm": 0.3, "contact_sensor": True, "lot": "L1", "recalled": False, "max_skin_mgy": 15000.0, "max_time_s": 300.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("mm", "words"), [(8.0, "do not fit a field of 8 mm"), (20.0, "is no cut-out in A20"), (12.0, "")]
)
def test_a14_a_chamber_fits_the_cut_out_and_not_the_applicator_around_it(tmp_path: Path, mm: float, words: str) -> None:
    """Toulouse: a chamber as large as the field reads its edge."""
    whole = job_document()
    head = whole["certificate"] | {"facts": {"applicators": [fitted("A20", 20.0)]}}
    row = {"name": "c1", "reference": "a20", "applicator": "A20", "cutout": "C-1", "diameter_mm": mm}
    table = job(tmp_path, certificate=head, fitted=[row])
    if words:
        with pytest.raises(ValueError, match=words):
            offered(table, "fitted-c1", AT, NOTHING)
    else:
        assert offered(table, "fitted-c1", AT, NOTHING).procedure.limits == "physics"


def test_g22_a_survey_and_a_ladder_go_as_high_as_the_outputs(tmp_path: Path) -> None:
    """At 30 kV every head is tight."""
    whole = job_document()
    cap = fitted("CAP", 20.0) | {"kind": "conditioning_cap", "code": 0x53}
    meter = {
        "kind": "qa_device",
        "id": "SM",
        "model": "M",
        "serial": "S-SM",
        "jig": "none",
        "cal": equipment()[0]["cal"],
    }
    book = tube(Physicist(QuickBench(as_engraved(), 0))).model_dump() | {"serial": "T-1", "last_beam_at": AT - DAY}
    head = whole["certificate"] | {"facts": {"applicators": [cap], "tube": book}}
    for name in ("survey", "conditioning"):
        for kv, ma in ((69.5, 1.6), (30.0, 1.6), (69.5, 0.2)):
            section = {"kv": kv, "ma": ma, "filter": "F2", "applicator": "CAP"} | (
                {"instrument": "SM"} if name == "survey" else {}
            )
            table = job(tmp_path, certificate=head, instruments=[*whole["instruments"], meter], **{name: section})
            if (kv, ma) == (69.5, 1.6):
                assert offered(table, name, AT, NOTHING)
            else:
                with pytest.raises(ValueError, match=r"the outputs go up to 69.5 kV, 1.6 mA"):
                    offered(table, name, AT, NOTHING)
        bare = head | {"facts": {"applicators": [cap]}}
        section = {"kv": 69.5, "ma": 1.6, "filter": "F2", "applicator": "CAP"} | (
            {"instrument": "SM"} if name == "survey" else {}
        )
        table = job(tmp_path, certificate=bare, instruments=[*whole["instruments"], meter], **{name: section})
        with pytest.raises(ValueError, match=r"facts.tube is missing"):
            offered(table, name, AT, NOTHING)


def test_g22_a_ladder_that_was_left_for_hours_is_not_taken_up_at_the_rung_where_it_stood(tmp_path: Path) -> None:
    """A month idle, half a ladder, a night, and the top: its steps go by the rest before it, and not by the one in its middle."""
    whole, where = job_document(), rig(tmp_path)
    cap = fitted("CAP", 20.0) | {"kind": "conditioning_cap", "code": 0x53}
    book = tube(Physicist(QuickBench(as_engraved(), 0))).model_dump() | {"serial": "T-1", "last_beam_at": AT - 40 * DAY}
    section = {"kv": 69.5, "ma": 1.6, "filter": "F2", "applicator": "CAP"}
    table = job(
        tmp_path,
        certificate=whole["certificate"] | {"facts": {"applicators": [cap], "tube": book}},
        conditioning=section,
    )
    planned = offered(table, "conditioning", AT, NOTHING)
    path = measure(where, table, "conditioning", events=3)
    with opened(where, "conditioning", planned, AT + timedelta(hours=7), anew=False) as journal:
        assert journal.path == path and len(journal.session.shots) == 1
    late = AT + timedelta(hours=9)
    with (
        pytest.raises(ConfigurationError, match=r"the tube rested 9.0 h after .* begin anew"),
        opened(where, "conditioning", planned, late, anew=False),
    ):
        pass
    with opened(where, "conditioning", planned, late, anew=True) as journal:
        assert journal.path != path and not journal.session.shots


def test_g22_three_exposures_that_agree_over_a_day_are_no_warm_tube(tmp_path: Path) -> None:
    """Each as cold as the other: they agree, and the output after them is of a cold tube."""
    table, where = job(tmp_path), rig(tmp_path)
    path = measure(where, table, "warm-a20")
    session = calibration_sessions.read(path, offered(table, "warm-a20", AT, NOTHING))
    known = Known(lambda name: session if name == "warm-a20" else None)
    assert len(calibration_draft.steady_tokens(table, known, 69.5)) == len(session.shots) == 3
    apart = [replace(shot, asked_at=AT + timedelta(hours=3 * place)) for place, shot in enumerate(session.shots)]
    cooled = replace(session, shots=tuple(apart))
    assert calibration_draft.steady_tokens(table, Known(lambda _name: cooled), 69.5) == frozenset()


def test_g22_a_tube_that_is_steady_at_a_lower_kv_is_none_at_a_higher_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard G22: a session of beam at 50 kV made the output at 69.5 kV one of a warm tube, where the lock of a treatment refuses the same; the other way
    round it does. Told when the output is begun, and no draft."""
    (one,) = job_document()["outputs"]
    table, where = job(tmp_path, outputs=[one, one | {"name": "low", "kv": 50.0}]), rig(tmp_path)
    low = calibration_sessions.read(measure(where, table, "warm-low"), offered(table, "warm-low", AT, NOTHING))
    high = calibration_sessions.read(measure(where, table, "warm-a20"), offered(table, "warm-a20", AT, NOTHING))
    for session, kv, is_warm in (
        (low, 50.0, True), (low, 50.1, True), (low, 69.5, False), (high, 69.5, True), (high, 50.0, True), (high, 100.0, False),
    ):  # fmt: skip
        name = "warm-low" if session is low else "warm-a20"
        known = Known(lambda asked, name=name, session=session: session if asked == name else None)  # type: ignore[misc]
        assert bool(calibration_draft.steady_tokens(table, known, kv)) is is_warm, (name, kv)
    known = Known(lambda asked: low if asked == "warm-low" else None)
    at_s, token = AT.timestamp() - 100.0, max(calibration_draft.steady_tokens(table, known, 50.0))
    used = [
        {
            "started_wall_s": at_s - 20.0,
            "ended_wall_s": at_s,
            "purpose": "CALIBRATE",
            "prescription_id": token,
            "clocks_s": 0.0,
        }
    ]
    kept: Any = SimpleNamespace(used=lambda: used, beams=tuple)
    assert list(unwarmed(table, "low", known, kept, set_by(0.0), UTC)) == []
    (words,) = unwarmed(table, "a20", known, kept, set_by(0.0), UTC)
    assert words.startswith("the tube was not warmed up at 69.5 kV")


def test_g22_the_output_after_a_warm_up_at_a_lower_kv_gives_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard G22: the same session of beam by its tokens in the records, at the output's own kV and below it; the warm one gets as far as to be asked for
    the other output of its job file."""
    (one,) = job_document()["outputs"]
    for folder, kv, words in (("own", 69.5, "warmer was not measured"), ("low", 50.0, "had not been warmed up")):
        here = tmp_path / folder
        here.mkdir()
        table, where = job(here, outputs=[one, one | {"name": "warmer", "kv": kv}]), rig(here)
        before = AT - timedelta(minutes=20)
        path = measure(where, table, "warm-warmer", at=before)
        session = calibration_sessions.read(path, offered(table, "warm-warmer", before, NOTHING))
        measure(where, table)
        at_s, token = AT.timestamp() - 100.0, session.shots[-1].token
        used = [
            {
                "started_wall_s": at_s - 20.0,
                "ended_wall_s": at_s,
                "purpose": "CALIBRATE",
                "prescription_id": token,
                "clocks_s": 0.0,
            }
        ]
        monkeypatch.setattr(Records, "rows", lambda _self, used=used: used)
        monkeypatch.setattr(Records, "beams", lambda _self: ())
        with pytest.raises(ConfigurationError, match=words):
            made(here, monkeypatch, where, table)


def test_a2_no_output_is_called_as_another_session_and_a_point_in_a_name_is_no_other_session(tmp_path: Path) -> None:
    assert set(RESERVED) == {*BESIDE, *SERVICE, "scale", "fitted", "offset"}
    (one,) = job_document()["outputs"]
    for name in ("survey", "hvl-a20", "second-a20"):
        with pytest.raises(ConfigurationError, match="would be taken for a session of that kind"):
            job(tmp_path, outputs=[one | {"name": name}])
    folder = tmp_path / FOLDER
    folder.mkdir()
    stems = [f"scale-kv{more}.20260601T120000.abcd" for more in ("", ".1")]
    for stem in (*stems, "scale-kv.old.abcd", "scale-kv.20260601T120000.abcd.2"):
        (folder / f"{stem}.jsonl").write_bytes(b"{}\n")
    assert [path.stem for path in files(folder, "scale-kv")] == stems[:1]


def test_a1_what_is_typed_as_expected_is_held_against_the_certificate_before(tmp_path: Path) -> None:
    """A half-value layer and a cut-out's factor: `expected_mm` and `history` are typed by who measures."""
    old = CertificateTable.model_validate(document())
    cutout = {"id": "C-1", "applicator": "A20", "factor": 0.97}
    before = SimpleNamespace(**cutout, b_w_ratio=None, in_air=0.97)
    was = SimpleNamespace(combinations=old.combinations, facts=SimpleNamespace(cutouts=[before]))
    new = document()
    (c,) = new["combinations"]
    thick = [one | {"al_mm": 1.2 * one["al_mm"]} for one in MEASURED["layers"]]
    new |= {
        "combinations": [c | {"measured": c["measured"] | {"layers": thick}}],
        "facts": {"cutouts": [cutout | {"factor": 1.03}]},
    }
    found = {one.what.rpartition(": ")[2]: one for one in since(new, was)}  # type: ignore[arg-type]
    assert found["HVL"].refused and found["HVL"].change_pct == pytest.approx(20.0)
    assert found["cut-out C-1 in A20, in air"].refused and not found["end effect"].refused
    assert "was 0.9700, +6.19 %" in found["cut-out C-1 in A20, in air"].words
    surface = [cutout | {"factor": 0.97 * 0.94, "b_w_ratio": {"value": 0.94}}]
    (moved,) = (one for one in since(new | {"facts": {"cutouts": surface}}, was) if one.what.startswith("cut-out"))  # type: ignore[arg-type]
    assert not moved.refused and abs(moved.change_pct) < 1e-9  # a factor in air is held against one in air
    assert not any(one.refused for one in since(document(), old))


def test_a2_two_drafts_of_one_session_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft takes nothing away and adds nothing: the second one has the first one's readings and numbers, and no file is written over."""
    table, where = job(tmp_path), rig(tmp_path)
    measure(where, table)
    first = made(tmp_path, monkeypatch, where, table)
    text = first.read_text()
    with pytest.raises(ConfigurationError, match="is there already"):
        made(tmp_path, monkeypatch, where, table)
    first.unlink()
    assert made(tmp_path, monkeypatch, where, table).read_text() == text
    assert not list(gates.compared_with_last((), {}, ""))
    bare = job(tmp_path, **without(job_document(), "dt_s"))
    with pytest.raises(ConfigurationError, match="dt_s is neither measured nor typed"):
        first.unlink()
        made(tmp_path, monkeypatch, where, bare)


def test_a_voided_session_is_voided_as_a_whole(tmp_path: Path) -> None:
    session = Session("S", offered(job(tmp_path), "a20", AT, NOTHING).procedure)
    now, effects = after(session, Void("", AT, "wrong chamber"))
    assert (
        not effects.refused and now.void == "wrong chamber" and "was voided" in after(now, Void("", AT, "x"))[1].refused
    )


def test_g13_a_full_disk_or_a_kill_at_the_first_line_leaves_no_session_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused in words; what lies there then is in nobody's way, and the next session begins as if it had never been."""
    table, where = job(tmp_path), rig(tmp_path)
    planned = offered(table, "a20", AT, NOTHING)

    def full(_descriptor: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with (
            pytest.raises(ConfigurationError, match="No space left on device"),
            opened(where, "a20", planned, AT, anew=False),
        ):
            pass
    (left,) = (where.records / FOLDER).glob("a20.*.jsonl")
    left.write_bytes(b'{"sha256":"ab')  # a kill in the middle of the line
    assert files(where.records / FOLDER, "a20") == []
    measure(where, table)
    with monkeypatch.context() as patched:
        patched.setattr(calibration_draft, "write_certificate", lambda *_: full(0, b""))
        with pytest.raises(ConfigurationError, match="No space left on device"):
            made(tmp_path, patched, where, table)
    assert made(tmp_path, monkeypatch, where, table).exists()


def test_a13_a_cut_out_of_years_ago_gives_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, where = job_document(), rig(tmp_path)
    row = {
        "derived": False, "id": "C-1", "applicator": "A20", "diameter_mm": 12.0, "factor": 0.98, "u_pct": 1.6, "readings_nc": [4.9, 4.901, 4.899, 4.9, 4.9],
        "reference_nc": [5.0, 5.001, 4.999, 5.0, 5.0], "by": "P. One", "at": AT - 1000 * DAY,
    }  # fmt: skip
    table = job(tmp_path, certificate=whole["certificate"] | {"facts": {"cutouts": [row]}})
    measure(where, table)
    with pytest.raises(
        ConfigurationError, match="cut-out C-1: was measured at 2023-09-05T12:00:00Z, more than 400 days"
    ):
        made(tmp_path, monkeypatch, where, table)
    assert not (tmp_path / "draft.toml").exists()


def test_g13_a_disk_that_is_full_at_the_signature_leaves_the_draft_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half certificate, no file of another name beside it, and words; signed when there is room."""
    file, private = tmp_path / "draft.toml", tmp_path / "a.pem"
    make_keys(private, tmp_path / "a.pub")
    write_certificate(file, document())
    before = file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, call, full)
            with pytest.raises(ConfigurationError, match=r"draft.toml: cannot be written \(No space left on device\)"):
                certificate_pages.sign(file, private, "P. One", SystemClock())
        assert file.read_bytes() == before and {one.name for one in tmp_path.iterdir()} == {
            "draft.toml",
            "a.pem",
            "a.pub",
        }
    assert (
        certificate_pages.sign(file, private, "P. One", SystemClock()) is Exit.AS_INTENDED
        and file.read_bytes() != before
    )


@pytest.mark.parametrize(
    ("part", "key", "value", "words"),
    [
        ("measured", "plane_to_focus_mm", 6.0, "plane_to_focus_mm: input should be greater than or equal to 10"),
        ("measured", "u_dt_s", 4.0, "u_dt_s: input should be less than or equal to 0.01"),
        ("combination", "tail_mgy", "1,5", "tail_mgy: input should be a valid number"),
        ("combination", "leak1_cps", float("nan"), "leak1_cps: input should be a finite number"),
        (
            "combination",
            "g_kv",
            [{"kv": 10.0, "rel": -1.0}] * 5,
            "g_kv.0.rel: input should be greater than or equal to 0",
        ),
        ("combination", "closed_end", 0, "closed_end: input should be a valid boolean"),
    ],
)
def test_a3_a_number_in_another_unit_is_refused_before_anything_is_exposed(
    tmp_path: Path, part: str, key: str, value: Any, words: str
) -> None:
    """Centimetres for millimetres, milliseconds for seconds, a comma, a number that is none: when the job file is read, not a day later at the draft."""
    (one,) = job_document()["outputs"]
    with pytest.raises(ConfigurationError) as refused:
        job(tmp_path, outputs=[one | {part: one[part] | {key: value}}])
    assert words in str(refused.value)


def test_g25_a_flag_is_no_number_in_a_job_file(tmp_path: Path) -> None:
    head = job_document()["certificate"] | {"vented_2": 1}
    with pytest.raises(ConfigurationError, match="certificate: vented_2: input should be a valid boolean"):
        job(tmp_path, certificate=head)


def test_a1_a2_a_session_of_before_another_cone_moved_gives_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazards A1 and A2: A30 read 4 % less ten days after this session of A20, as its certificate says; at 1 % less there is a draft, as there was."""
    table, where = job(tmp_path), rig(tmp_path)
    measure(where, table)
    c = CombinationTable.model_validate(
        tomllib.loads(made(tmp_path, monkeypatch, where, table).read_text(encoding="utf-8"))["combinations"][0]
    )

    def other(id_: str, days: int, factor: float) -> Any:
        assert c.measured is not None
        readings = [one.model_copy(update={"at": one.at + timedelta(days=days)}) for one in c.measured.readings]
        read = {"measured": c.measured.model_copy(update={"readings": readings})}
        moved = {"applicator": "A30", "applicator_code": 0x5A, "r0_mgy_per_s": factor * c.r0_mgy_per_s}
        return SimpleNamespace(id=id_, combinations=[c.model_copy(update=read | moved)])

    for factor, refused in ((0.96, True), (0.99, False)):
        before = [other("CAL-2", 10, factor), other("CAL-1", -30, 1.0)]
        store = SimpleNamespace(last=lambda *_: None, before=lambda serial, of=before: of if serial == "T-1" else [])
        monkeypatch.setattr(calibration_draft, "accepted", lambda _rig, of=store: of)
        (tmp_path / "draft.toml").unlink(missing_ok=True)
        if refused:
            with pytest.raises(
                ConfigurationError,
                match=r"A20: was read at 2026-06-01.*A30, read at 2026-06-11.*-4\.00 % .*measure it anew too",
            ):
                made(tmp_path, monkeypatch, where, table)
        assert refused or made(tmp_path, monkeypatch, where, table).exists()
        assert (tmp_path / "draft.toml").exists() is not refused


def test_who_signs_sees_the_content_that_was_drafted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draft that was edited before it is signed has other digits; a signature changes none."""
    table, where = job(tmp_path), rig(tmp_path)
    measure(where, table)
    out = made(tmp_path, monkeypatch, where, table)
    whole = tomllib.loads(out.read_text(encoding="utf-8"))
    said = content_of(whole)
    assert content_of(whole | {"signatures": [{"who": "P. One"}]}) == said
    assert content_of(whole | {"explanation": "none"}) != said


def test_a13_the_serial_number_of_the_chamber_is_typed_too(tmp_path: Path) -> None:
    """Two chambers look alike, and their coefficients differ by 13 %."""
    assert offered(job(tmp_path), "a20", AT, NOTHING).procedure.serials == (("E1", "S-E1"), ("C1", "S-C1"))


def test_g22_a_days_warm_up_that_was_not_whole_is_none_for_a_certificate_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One exposure of three seconds that somebody broke off was a warm-up to the draft: it asks what the lock asks, at that moment."""
    table, where, at_s = job(tmp_path), rig(tmp_path), AT.timestamp()
    measure(where, table)
    first_s = at_s + 3600.0
    for beams, is_warm in (
        (warmed(at_s), True),
        (warmed(at_s, sound=False), False),
        (warmed(at_s, rate_mgy_per_s=51.0), False),
        (warmed(at_s, 1, seconds=3.0, sound=False), False),
        (warmed(at_s, 1, seconds=60.0), False),
        (warmed(at_s, seconds=15.0), False),
        (warmed(at_s, apart_s=900.0), True),
        (warmed(at_s, apart_s=901.0), False),
        (warmed(at_s - 3.5 * HOUR_S), False),
        (warmed(first_s + 1.0), False),
    ):
        found = warmed_at([], first_s, (), beams, 69.5, UTC)
        assert found == (datetime.fromtimestamp(at_s, UTC) if is_warm else None), beams
    assert warmed_at([], first_s, (), warmed(at_s), 90.0, UTC) is None, "steady at 69.5 kV"
    monkeypatch.setattr(Records, "beams", lambda _self: warmed(at_s - 100.0, sound=False))
    with pytest.raises(ConfigurationError, match="had not been warmed up"):
        made(tmp_path, monkeypatch, where, table)


def test_g29_a_warm_up_of_before_the_clock_was_set_is_none_for_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Warm, hours of rest, and the clock set back over them, or the computer started anew: by the wall clock the output follows its warm-up at once. Neither
    the day's own warm-up counts then nor a session's, and the draft is refused as of a cold tube."""
    table, where, at_s = job(tmp_path), rig(tmp_path), AT.timestamp()
    measure(where, table)
    read = Beam(9, at_s + 1.0, at_s + 61.0, 60.0, Purpose.CALIBRATE, 69.5, (69.5, 1.6, "F2", "A20"), 50.0, True, 0.0)
    steady = {
        "started_wall_s": at_s - 120.0, "ended_wall_s": at_s - 100.0, "purpose": "CALIBRATE", "prescription_id": "warm-a20.x-3", "clocks_s": 0.0,
    }  # fmt: skip
    of_session = {
        "started_wall_s": read.begun_s,
        "ended_wall_s": read.ended_s,
        "purpose": "CALIBRATE",
        "prescription_id": "a20.x-1",
    }
    for moved_s, is_warm in ((0.0, True), (119.0, True), (-121.0, False), (121.0, False), (-6 * HOUR_S, False)):
        made_then = (replace(read, clocks_s=moved_s), *warmed(at_s))
        found = warmed_at([], at_s + 70.0, (), made_then, 69.5, UTC)
        assert (found is not None) is is_warm, moved_s
        rows = [of_session | {"clocks_s": moved_s}, steady]
        assert (warmed_at(rows, at_s + 70.0, {"warm-a20.x-3"}, (), 69.5, UTC) is not None) is is_warm, moved_s
        assert (warmed_at([], at_s + 0.5, (), warmed(at_s), 69.5, UTC, moved_s) is not None) is is_warm, moved_s
        assert (warmed_at([steady], at_s, {"warm-a20.x-3"}, (), 69.5, UTC, moved_s) is not None) is is_warm, moved_s
    shot = replace(read, begun_s=at_s - 50.0, ended_s=at_s - 1.0, clocks_s=-6 * HOUR_S)
    monkeypatch.setattr(Records, "beams", lambda _self: (shot, *warmed(at_s - 100.0)))
    with pytest.raises(ConfigurationError, match="or the clock was set or the computer started anew in between"):
        made(tmp_path, monkeypatch, where, table)


def test_g22_who_begins_an_output_with_a_cold_tube_is_told_before_and_not_after(tmp_path: Path) -> None:
    """Also where the clock was set since the warm-up: the draft would be refused."""
    table, warm = job(tmp_path), Records().beams()
    for name, beams, set_s, told in (
        ("a20", (), 0.0, True),
        ("a20", warm, 0.0, False),
        ("a20", warm, 130.0, True),
        ("linearity-a20", (), 0.0, False),
    ):
        kept: Any = SimpleNamespace(used=list, beams=lambda beams=beams: beams)
        assert bool(list(unwarmed(table, name, NOTHING, kept, set_by(set_s), UTC))) is told, (name, beams)


def test_a2_a_job_file_without_its_applicators_says_what_was_held_against_nothing(tmp_path: Path) -> None:
    whole = job_document()
    held = job(tmp_path, certificate=whole["certificate"] | {"facts": {"applicators": [fitted("A20", 20.0)]}})
    assert list(not_held(held, held.outputs[0])) == []
    (words,) = not_held(job(tmp_path), job(tmp_path).outputs[0])
    assert "A20 is none of certificate.facts.applicators" in words


def test_a_void_names_its_procedure(tmp_path: Path) -> None:
    (tmp_path / "calibration.toml").write_text(text_of(job_document()), encoding="utf-8")
    asked = Asked(tmp_path / "rig.toml", job=tmp_path / "calibration.toml", void="wrong")
    where = rig(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(terminal.configuration, "load", lambda _path, _user: where)
        with pytest.raises(ConfigurationError, match="of which procedure is not said"):
            terminal.run(asked, Later())
        measure(where, job(tmp_path))
        voiding = replace(asked, procedure="a20", by="P. One")
        assert terminal.run(voiding, Later(2 * DAY)) is Exit.AS_INTENDED
    (path,) = files(tmp_path / "records" / FOLDER, "a20")
    assert stands(path, offered(job(tmp_path), "a20", AT, NOTHING)) == "voided: wrong (P. One)"


def test_a1_last_years_session_of_other_steps_is_voided_and_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job file says 30 s this year: the old session refuses the draft, and can be voided though nobody can take it up."""
    table, where = job(tmp_path), rig(tmp_path)
    path = measure(where, table)
    (one,) = job_document()["outputs"]
    other = job(tmp_path, outputs=[one | {"seconds": 30.0}])
    with pytest.raises(ConfigurationError, match="with other steps or instruments"):
        made(tmp_path, monkeypatch, where, other)
    assert voided(where, "a20", AT + DAY, "of last year") == path.stem
    assert stands(path, offered(other, "a20", AT, NOTHING)) == "voided: of last year"
    with pytest.raises(ConfigurationError, match="a20 was not measured"):
        made(tmp_path, monkeypatch, where, other)
    path.write_bytes(path.read_bytes()[:-9] + b"changed!\n")
    with pytest.raises(ConfigurationError, match="is damaged"):
        voided(where, "a20", AT + DAY, "again")
