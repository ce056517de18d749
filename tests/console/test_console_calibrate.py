"""`kerma calibrate` around its sessions: who may, what is listed, how long the tube has been warm, and what a draft lacks."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from calibration.draft import Counted, Done, Program, beside_last, draft
from calibration.given import Given, Known
from calibration.job import JobTable, OutputTable, load_job
from calibration.looked import backscatter_between
from calibration.output import output
from calibration.planned import names
from calibration.planned import offered as planned
from calibration.procedures.engine import after
from calibration.procedures.session import Session
from calibration.procedures.step import Procedure
from calibration.schema import CertificateTable, contradictions
from calibration.write import text_of
from console import configuration
from console.calibrate import terminal as calibrate
from console.calibrate.draft import drafted
from console.calibrate.sessions import opened
from console.configuration import Rig
from console.tube_use import since_warmup_s
from hal.errors import ConfigurationError
from hal.units import Seconds
from simulators.quick_bench import QuickBench
from simulators.unknown import as_engraved
from tests.calibration.measured_bench import AT, CAL, MEASURED, document, equipment, instruments, measured
from tests.calibration.procedure_bench import due
from verification import benched
from verification.calibrated import Physicist

EXAMPLES = Path(__file__).parents[2] / "examples"
HOUR_S = 3600.0


NOTHING = Known()


def offered(table: JobTable, name: str, at: datetime, known: Known = NOTHING) -> Procedure:
    return planned(table, name, at, known).procedure


class AtNoon:
    """A clock that stands at E4's noon."""

    def monotonic(self) -> Seconds:
        return Seconds(1000.0)

    def wall(self) -> Seconds:
        return Seconds(AT.timestamp())

    def sleep_until(self, deadline: Seconds) -> None:
        assert deadline


def job_document(**changes: Any) -> dict[str, Any]:
    """E4 as a job file."""
    whole = document()
    combination = whole["combinations"][0]
    made = ("schema", "basis", "software_version", "software_sha256", "effective_at", "instruments", "combinations")
    head = {name: value for name, value in whole.items() if name not in made}
    facts = {
        name: value
        for name, value in combination.items()
        if name not in ("kv", "ma", "filter", "applicator", "r0_mgy_per_s", "measured")
    }
    here = ("readings", "leakage_nc", "opposite_nc", "low_v_nc", "u_pct_k2", "last_r0_mgy_per_s", "derived", "by")
    output = {
        "name": "a20", "kv": 69.5, "ma": 1.6, "filter": "F2", "applicator": "A20", "seconds": 60.0, "most_nc": 20.0, "expected_nc": 6.64, "low_v": 150.0,
        "source": "typed", "combination": facts, "measured": {name: value for name, value in MEASURED.items() if name not in here},
    }  # fmt: skip
    return {
        "certificate": head,
        "instruments": equipment(ref_t_c=22.0, ref_p_kpa=101.325),
        "outputs": [output],
    } | changes


def job(folder: Path, **changes: Any) -> JobTable:
    path = folder / "calibration.toml"
    path.write_text(text_of(job_document(**changes)), encoding="utf-8")
    return load_job(path)


def rig(folder: Path) -> Rig:
    """The examples' rig with E4's tube and machine, its records here."""
    found = configuration.load(EXAMPLES / "rig.toml", os.getuid())
    tube, unit = (
        part.model_copy(update={"serial": serial})
        for part, serial in ((found.file.tube, "T-1"), (found.file.safety_unit, "K-1"))
    )
    file = found.file.model_copy(update={"tube": tube, "safety_unit": unit})
    return replace(found, records=folder / "records", file=file)


def finished(table: JobTable) -> Session:
    """E4's session, walked through to its end."""
    procedure = offered(table, "a20", AT)
    session, at = Session("S", procedure), AT
    for _ in range(200):
        if session.step is None:
            return session
        session, effects = after(session, due(session, at))
        assert not effects.refused, effects.refused
    raise AssertionError("the walk does not end")


def test_a_finished_session_and_the_job_file_are_a_certificate(tmp_path: Path) -> None:
    """It holds what was read, what the generator's meters showed, and what both come to; signing is all that it lacks."""
    table = job(tmp_path)
    made = draft(table, {"a20": Done(finished(table), "P. One", 69.4, 1.67)}, {}, Program("0.1.0", "ab" * 32), AT)
    checked = CertificateTable.model_validate(made)
    assert list(contradictions(checked)) == []
    (c,) = checked.combinations
    assert c.measured is not None and c.measured.by == "P. One" and len(c.measured.readings) == 5
    assert (c.kv_read, c.ma_read) == (69.4, 1.67)
    assert c.r0_mgy_per_s == pytest.approx(57.663, abs=0.02)
    words = beside_last(made, {(69.5, 1.6, "F2", "A20"): c.r0_mgy_per_s / 1.03}, "CAL-0")
    assert "+3.00 %" in words[1] and "supersedes CAL-0" in words[0]
    assert "none before" in beside_last(made, {}, "")[1]


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A job file whose output types none of these."""
    (one,) = document["outputs"]
    bare = {
        part: {key: value for key, value in one[part].items() if key not in keys}
        for part in ("combination", "measured")
    }
    return document | {"outputs": [one | bare]}


def test_a2_what_a_session_gave_and_what_is_typed_never_stand_beside_one_another(tmp_path: Path) -> None:
    """Another end effect is another rate: 60 s and 0.145 s less, or 0.1 s less. Typed beside the session, and neither, are refused."""
    typed, bare = job(tmp_path), job(tmp_path, **without(job_document(), "dt_s", "u_dt_s"))
    session, program, timer = (
        finished(typed),
        Program("0.1.0", "ab" * 32),
        {"timer": Given({"dt_s": -0.1}, {"u_dt_s": 0.003})},
    )
    rates = []
    for table, given in ((typed, {}), (bare, timer)):
        made = draft(table, {"a20": Done(session, "P. One", 69.4, 1.67, given)}, {}, program, AT)
        assert list(contradictions(CertificateTable.model_validate(made))) == []
        rates.append(made["combinations"][0])
    assert (rates[1]["dt_s"], rates[1]["measured"]["u_dt_s"]) == (-0.1, 0.003)
    assert rates[1]["r0_mgy_per_s"] / rates[0]["r0_mgy_per_s"] == pytest.approx(59.855 / 59.9)
    with pytest.raises(ValueError, match="dt_s, u_dt_s typed beside the finished session timer-a20"):
        draft(typed, {"a20": Done(session, "P. One", 69.4, 1.67, timer)}, {}, program, AT)
    with pytest.raises(ValueError, match="dt_s is neither measured nor typed; measure timer-a20"):
        draft(bare, {"a20": Done(session, "P. One", 69.4, 1.67)}, {}, program, AT)


def test_a12_a_count_is_worth_what_the_readings_own_exposures_counted(tmp_path: Path) -> None:
    """A plate's number, or a reading that was corrected once more in one of two sessions, is off by percents: 1 % is refused, in either channel."""
    table, session, program = job(tmp_path), finished(job(tmp_path)), Program("0.1.0", "ab" * 32)
    c = table.outputs[0].combination
    mgy = 57.663 * (60.0 + c["dt_s"])
    one, two = (
        mgy / c["n1_mgy_per_count"] + 60.0 * c["leak1_cps"],
        mgy / c["n2_mgy_per_count"] / 1.05 + 60.0 * c["leak2_cps"],
    )

    def made(k1: float, k2: float) -> None:
        counted = (Counted(k1 * one, k2 * two, 60.0, 1.05),) * 5
        draft(table, {"a20": Done(session, "P. One", 69.4, 1.67, {}, counted)}, {}, program, AT)

    made(1.005, 0.995)
    for k1, k2, words in (
        (1.03, 1.0, "n1_mgy_per_count = "),
        (1.0, 0.97, "n2_mgy_per_count = "),
        (0.0, 1.0, "counted none"),
    ):
        with pytest.raises(ValueError, match=words):
            made(k1, k2)


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "first: write when it was made"), (-200, "more than 180 days before"), (-100, "was built in at")],
)
def test_a13_an_audit_is_of_this_tube_and_of_now(tmp_path: Path, days: int, words: str) -> None:
    """Hazard A13: of tomorrow, of long ago, or of the tube before this one."""
    document, session = job_document(), finished(job(tmp_path))
    facts = {"tube": benched.tube(Physicist(QuickBench(as_engraved(), 0))).model_dump()}
    facts["tube"] |= {"serial": document["certificate"]["tube_serial"], "installed_on": AT - timedelta(days=50)}
    audit = document["certificate"]["audit"] | {"at": AT + timedelta(days=days)}
    for serial, said in (("T-0", "= T-0: the certificate is of tube T-1"), (None, "is missing")):
        other = {key: value for key, value in (audit | {"tube_serial": serial}).items() if value is not None}
        of_other = job(tmp_path, certificate=document["certificate"] | {"audit": other})
        with pytest.raises(ValueError, match=f"tube_serial {said}"):
            draft(of_other, {"a20": Done(session, "P. One", 69.4, 1.67)}, {}, Program("0.1.0", ""), AT)
    head = document["certificate"] | {"audit": audit} | ({"facts": facts} if days == -100 else {})
    with pytest.raises(ValueError, match=words):
        draft(
            job(tmp_path, certificate=head), {"a20": Done(session, "P. One", 69.4, 1.67)}, {}, Program("0.1.0", ""), AT
        )


@pytest.mark.parametrize(("value", "words"), [(1.06, ""), (1.18, "next to 10 mm"), (1.0, "next to 10 mm")])
def test_a2_a_typed_backscatter_that_the_table_has_not_lies_between_its_neighbours(value: float, words: str) -> None:
    """A 10 mm field at 60 mm: the table has 10 mm at 50 mm only. Where it has a value, that one judges."""
    one = OutputTable.model_validate(job_document()["outputs"][0])
    found = output(measured(), instruments(), 69.5, -0.145, 60.0)
    typed = {"field_mm": 10.0, "backscatter": {"value": value, "u_pct": 2.0, "source": "a film"}}
    said = list(backscatter_between(one, typed, found))
    assert (words in said[0]) if words else said == []
    assert list(backscatter_between(one, {"field_mm": 20.0, "backscatter": typed["backscatter"]}, found)) == []


def test_a2_a_draft_without_a_finished_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a20 was not measured"):
        draft(job(tmp_path), {}, {}, Program("0.1.0", ""), AT)
    with pytest.raises(ConfigurationError, match="a20 was not measured"):
        drafted(
            rig(tmp_path),
            job(tmp_path),
            tmp_path / "out.toml",
            AtNoon(),
            Console(file=io.StringIO()),
            tmp_path / "none.sqlite",
        )
    (tmp_path / "there.toml").write_text("")
    with pytest.raises(ConfigurationError, match="is there already"):
        drafted(rig(tmp_path), job(tmp_path), tmp_path / "there.toml", AtNoon(), Console(file=io.StringIO()))


@pytest.mark.parametrize(
    ("where", "key", "words"),
    [
        ("combination", "r0_mgy_per_s", "combination: r0_mgy_per_s has no place there"),
        ("measured", "readings", "measured: readings has no place there"),
        ("measured", "terms", "measured: terms missing"),
        ("combination", "max_skin_mgy", "combination: max_skin_mgy missing"),
    ],
)
def test_a2_what_is_measured_stands_in_no_job_file_and_the_rest_must(
    tmp_path: Path, where: str, key: str, words: str
) -> None:
    """Hazard A2: nobody types an output, and nothing that the certificate needs is left to be guessed."""
    output = job_document()["outputs"][0]
    facts = dict(output[where])
    if key in facts:
        del facts[key]
    else:
        facts[key] = 1.0
    with pytest.raises(ConfigurationError, match=words):
        job(tmp_path, outputs=[output | {where: facts}])


def test_a2_what_may_be_measured_and_what_may_not_now(tmp_path: Path) -> None:
    table = job(tmp_path)
    assert names(table) == ("dark-a20", "warm-a20", "timer-a20", "linearity-a20", "interrupt-a20", "a20", "tail-a20")
    meter = {
        "kind": "kvp_meter",
        "u_pct_k1": 1.5,
        "least_kv": 35.0,
        "most_kv": 110.0,
        "id": "KV",
        "model": "M",
        "serial": "KV-1",
        "cal": CAL,
    }
    metered = job(tmp_path, instruments=[*equipment(ref_t_c=22.0, ref_p_kpa=101.325), meter])
    assert "timer-a20" in names(metered) and offered(metered, "timer-a20", AT).steps[0].id == "timer"
    clocked = offered(table, "timer-a20", AT).steps
    assert "timer" not in [one.id for one in clocked], "without a meter the record's own clock proves the timer"
    assert all("clock_s" in [read.instrument for read in one.reading] for one in clocked if one.exposes is not None)
    with pytest.raises(ValueError, match="a20 was not measured; what a tail gives comes of its output: do that first"):
        offered(table, "tail-a20", AT)
    for name in names(table)[:-1]:
        assert offered(table, name, AT).limits == ("service" if name == "dark-a20" else "physics")
    with pytest.raises(ConfigurationError, match="is no output of the job file"):
        offered(table, "a30", AT)
    with pytest.raises(ValueError, match="expired"):
        offered(table, "a20", AT.replace(year=AT.year + 2))


def test_sessions_are_listed_as_they_stand(tmp_path: Path) -> None:
    """None, begun, and one of other steps."""
    table, where, at = job(tmp_path), rig(tmp_path), AT
    console = Console(file=io.StringIO(), record=True, width=200)
    calibrate.listed(where, table, AtNoon(), console)
    procedure = planned(table, "a20", at, NOTHING)
    with opened(where, "a20", procedure, at, anew=False) as journal:
        first = journal.path
    with opened(where, "a20", procedure, at, anew=False) as journal:
        assert journal.path == first
    with opened(where, "a20", procedure, at, anew=True) as journal:
        assert journal.path != first
    calibrate.listed(where, table, AtNoon(), console)
    other = table.model_copy(update={"outputs": [table.outputs[0].model_copy(update={"seconds": 30.0})]})
    calibrate.listed(where, other, AtNoon(), console)
    shown = console.export_text()
    assert shown.count("open, step asked, connect is due") == 2 and "a20: output 69.5 kV" in shown
    assert "begin" in shown.split("open, step asked")[-1]


def test_what_the_certificate_in_force_lacks_is_said_before_the_desk_refuses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three quarters and half of the mA are in no certificate that has the combination itself only; the numbers are those that a person can type."""
    table, where = job(tmp_path), rig(tmp_path)
    has = SimpleNamespace(kv=69.5, ma=1.6, filter_id="F2", applicator_id="A20")
    monkeypatch.setattr(calibrate, "certificate_of", lambda _rig, _wall: SimpleNamespace(id="P-1", combinations=(has,)))
    said = list(calibrate.lacking(offered(table, "linearity-a20", AT), where, AtNoon()))
    assert len(said) == 2 and said[0].startswith("certificate P-1 has no 69.5 kV, 0.8 mA, F2, A20: write it")
    assert list(calibrate.lacking(offered(table, "a20", AT), where, AtNoon())) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"role": "operator"}, "is none of physicist, service"),
        ({"role": "service"}, "have the physicist do it"),
        ({"script": Path("x"), "real": True}, "a person types and presses"),
        ({"press": True, "real": True}, "a person types and presses"),
        ({"real": True}, "is no terminal"),
    ],
)
def test_g23_who_may_and_where_a_script_may(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    real = changes.pop("real", False)
    where = rig(tmp_path)
    if real:
        where = replace(
            where, file=where.file.model_copy(update={"rig": where.file.rig.model_copy(update={"simulated": False})})
        )
    with pytest.raises(ConfigurationError, match=words):
        calibrate.checked(calibrate.Asked(tmp_path / "rig.toml", "a20", **changes), where, "physics")


def row(began_h: float, ended_h: float, purpose: str = "CALIBRATE") -> dict[str, Any]:
    return {"started_wall_s": began_h * HOUR_S, "ended_wall_s": ended_h * HOUR_S, "purpose": purpose, "clocks_s": 0.0}


@pytest.mark.parametrize(
    ("rows", "hours"),
    [
        ([], 0.0),
        ([row(1.0, 1.1)], 0.0),
        ([row(8.0, 8.1)], 1.9),
        ([row(7.0, 7.1), row(8.0, 8.1)], 2.9),
        ([row(1.0, 1.1), row(8.0, 8.1)], 1.9),
        ([row(7.0, 7.1), row(7.5, 7.6, "WARMUP"), row(8.0, 8.1)], 2.4),
        ([row(1.0, 1.1, "WARMUP"), row(8.0, 8.1)], 1.9),
    ],
)
def test_minutes_since_warm_up_are_of_beam_without_a_pause_of_hours(rows: list[dict[str, Any]], hours: float) -> None:
    """At ten o'clock: since the last warm-up, or since the tube was first used; a pause above four hours makes it cold."""
    assert since_warmup_s(rows, 10.0 * HOUR_S) == pytest.approx(hours * HOUR_S)
