"""A job file with every section: each procedure is planned from it, gone through at the quick bench, and what it found stands in the certificate."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from calibration.draft import Done, Program, beside_open, draft
from calibration.given import beside, facts_of
from calibration.machine_facts import Record, told
from calibration.periodic import named as periodic_test
from calibration.periodic_session import value
from calibration.planned import names, offered
from calibration.procedures.session import Exposed, Reading
from calibration.schema import CertificateTable, contradictions
from hal.errors import ConfigurationError
from simulators.quick_bench import QuickBench
from simulators.unknown import as_engraved
from tests.verification.job_at_the_bench import NAME, Shop, job, job_document, warm_bench
from verification.calibrated import Stopped

pytestmark = pytest.mark.timeout(60)
OF_MACHINE = (
    "offset",
    f"second-{NAME}",
    f"audit-{NAME}",
    "scale-kv",
    "scale-ma",
    "fitted-a30",
    "fitted-c15",
    f"interrupt-{NAME}",
    "conditioning",
    "survey",
    "spot",
)


def drafted(shop: Shop, second: str = "P. Two") -> dict[str, Any]:
    """As `kerma calibrate --draft` puts it together."""
    (one,) = shop.table.outputs
    done = Done(shop.done[NAME], "P. One", 69.5, 1.67, beside(one, shop.known, frozenset()))
    by = {f"second-{NAME}": second}
    records = tuple(Record(name, shop.done[name], by.get(name, "P. One")) for name in OF_MACHINE if name in shop.done)
    return draft(shop.table, {NAME: done}, {}, Program("0.1.0", "ab" * 32), shop.who.at, records)


@pytest.mark.parametrize("vented", [True, False], ids=["vented", "sealed"])
def test_each_procedure_of_a_chamber_is_planned_with_how_it_is_built(tmp_path: Path, vented: bool) -> None:
    """Of chamber A, which measures all but the second output: how the instrument's own table says it, in every step that reads it."""
    bench = warm_bench()
    document = job_document(bench)
    document["instruments"][0]["vented"] = vented
    shop = Shop(job(tmp_path, document), bench)
    for name in (NAME, f"second-{NAME}", f"timer-{NAME}", f"linearity-{NAME}", f"hvl-{NAME}", "fitted-a30"):
        planned = offered(shop.table, name, shop.who.at, shop.known).procedure
        read = [one for step in planned.steps for one in step.reading if one.unit == "nC"]
        sealed = not vented and name != f"second-{NAME}"
        assert read and all((one.sealed is True) is sealed for one in read), name


def test_every_procedure_of_the_table_is_planned_measured_and_stands_in_the_certificate(tmp_path: Path) -> None:
    bench = warm_bench()
    shop = Shop(job(tmp_path, job_document(bench)), bench)
    listed = names(shop.table)
    kinds = ("dark", "warm", "timer", "linearity", "interrupt", "hvl", "dependence", "tail", "monitor")
    assert set(listed) == {*(f"{kind}-{NAME}" for kind in kinds), NAME, *OF_MACHINE}
    with pytest.raises(ValueError, match="dt_s is neither measured nor typed; measure timer-a20"):
        offered(shop.table, f"interrupt-{NAME}", shop.who.at, shop.known)
    for later in ("tail", "monitor", "audit"):
        with pytest.raises(ValueError, match=f"{NAME} was not measured"):
            offered(shop.table, f"{later}-{NAME}", shop.who.at, shop.known)
    for name in sorted(
        listed,
        key=lambda name: (
            name != "offset",
            name.startswith("conditioning"),
            name.startswith(("monitor", "tail", "audit")),
            name == NAME,
            name.startswith("interrupt"),
        ),
    ):
        shop.measures(name)
    made = drafted(shop)
    table = CertificateTable.model_validate(made)
    assert list(contradictions(table)) == []
    (c,), facts = table.combinations, table.facts
    assert c.measured is not None and len(c.measured.layers) == 11 and len(c.g_kv) == 8 and c.g_kv[0].rel == 0.0
    assert c.dt_s == pytest.approx(-0.127, abs=0.02) and c.n1_mgy_per_count == pytest.approx(0.02, rel=0.1)
    _, after_s, _ = bench.true_beam_s(69.5, 1.6, 10.0)
    assert c.tail_mgy == pytest.approx(c.r0_mgy_per_s * after_s, abs=2.0 * c.measured.u_tail_mgy + 0.03 * c.tail_mgy)
    assert 0.0 < c.measured.u_tail_mgy < 0.1 * c.tail_mgy, "of this session, not as it was put in before there was one"
    steps = c.measured.time_steps
    assert [one.at for one in steps] == pytest.approx([5.0, 30.0, 60.0], abs=0.02), (
        "two of the timer's session, one of the output's"
    )
    per_s = [one.reading / (one.at + c.dt_s) for one in steps]
    assert max(per_s) / min(per_s) == pytest.approx(1.0, abs=0.005)
    typed = shop.table.outputs[0].model_copy(update={"measured": shop.table.outputs[0].measured | {"time_steps": []}})
    with pytest.raises(ValueError, match="time_steps typed beside the finished session timer-a20"):
        facts_of(typed, beside(typed, shop.known))
    bleeder = bench.machine.drawn["bleeder"]
    (offset,) = facts.ma_offset
    assert (
        offset.read_back_ma == pytest.approx(bench.machine.true_kv(69.5) / bleeder * 1e-3, abs=0.002)
        and offset.meter_ma
    )
    assert (c.leak1_cps, c.leak2_cps) == (pytest.approx(0.5, abs=0.1), pytest.approx(0.3, abs=0.1))
    assert [one.unit for one in facts.scales] == ["kV", "mA"] and facts.interrupt_ratio == pytest.approx(1.0, abs=0.01)
    assert [one.id for one in facts.cutouts] == ["C15"] and facts.tube is not None
    (lead,) = facts.cutouts
    assert lead.b_w_ratio is not None and lead.factor == pytest.approx(lead.in_air * 1.08 / 1.1031, rel=2e-3)
    assert beside_open(made)[0].startswith("cut-out C15 in 20 mm, 69.5 kV, F2: factor at the surface 0.98")
    assert facts.tube.leak_survey.by == "P. One" and facts.tube.ma_seconds > 0.0
    assert (
        table.second_check is not None
        and table.second_check.who == "P. Two"
        and abs(table.second_check.result_pct) < 2.0
    )
    assert table.audit is not None and (table.audit.kind, table.audit.by, table.audit.tube_serial) == (
        "TLD",
        "Another House",
        "SIM-1",
    )
    assert table.audit.ratio == pytest.approx(1.0, abs=0.05) and table.audit.ratio != 1.0
    typed_too = shop.table.model_copy(update={"certificate": shop.table.certificate | {"audit": made["audit"]}})
    shop.table, alone = typed_too, shop.table
    with pytest.raises(ValueError, match=r"certificate\.audit: typed beside a finished session"):
        drafted(shop)
    shop.table = alone
    with pytest.raises(ValueError, match="measured it the first time too; have another physicist measure"):
        drafted(shop, "ONE, P")
    _periodic(shop, table)
    words = told(shop.table, tuple(Record(name, shop.done[name], "P. One") for name in OF_MACHINE))
    assert words[0].startswith("mA offset 0.96") and "a bleeder of" in words[0]
    assert words[1].startswith("applicator 30 mm against 20 mm: factor in air") and [
        one.partition(" ")[0] for one in words[2:4]
    ] == ["cut-out", "focal"]


def _periodic(shop: Shop, table: CertificateTable) -> None:
    """What each kind of session gives to the periodic tests: against a certificate of its own numbers no change, and the rest as it was found."""
    before = table.model_copy(update={"effective_at": shop.who.at.replace(year=2020)})

    def gives(test: str, name: str) -> float:
        return value(periodic_test(test), shop.table, name, shop.done[name], shop.known, before)

    same = {"output": NAME, "end_effect": f"timer-{NAME}", "hvl": f"hvl-{NAME}", "applicator_factors": "fitted-c15"}
    for test, name in same.items():
        assert gives(test, name) == pytest.approx(0.0, abs=1e-5), test
        with pytest.raises(ValueError, match="was in force, which may stand on it"):
            value(periodic_test(test), shop.table, name, shop.done[name], shop.known, table)
    assert table.facts.interrupt_ratio is not None
    assert gives("interrupt", f"interrupt-{NAME}") == pytest.approx(100.0 * (table.facts.interrupt_ratio - 1.0))
    assert 0.0 < gives("focal_spot", "spot") < 0.5 and 0.0 < gives("reproducibility", NAME) < 0.5
    with pytest.raises(ValueError, match=r"has no measured 69\.5 kV, 1\.6 mA, F2, 30 mm"):
        gives("applicator_factors", "fitted-a30")
    (c,) = before.combinations
    wider = before.model_copy(update={"combinations": [c, c.model_copy(update={"applicator": "30 mm"})]})
    found = value(
        periodic_test("applicator_factors"), shop.table, "fitted-a30", shop.done["fitted-a30"], shop.known, wider
    )
    true = shop.who.bench.machine.in_air(30) / shop.who.bench.machine.in_air(20)
    assert found == pytest.approx(
        100.0 * (true - 1.0), abs=0.1
    )  # the numbers of the 20 mm one stand for the 30 mm one's


def test_a2_what_is_typed_beside_a_finished_session_of_the_machine_is_refused(tmp_path: Path) -> None:
    """Hazard A2, for the scales: the rows that were read stand alone."""
    bench = warm_bench()
    shop = Shop(job(tmp_path, job_document(bench)), bench)
    for name in (
        "offset",
        f"dark-{NAME}",
        f"timer-{NAME}",
        f"linearity-{NAME}",
        f"hvl-{NAME}",
        f"dependence-{NAME}",
        NAME,
        f"tail-{NAME}",
        f"monitor-{NAME}",
        "scale-kv",
    ):
        shop.measures(name)
    typed = drafted(shop)["facts"]["scales"]
    document = job_document(bench)
    document["certificate"]["facts"]["scales"] = typed
    shop.table = job(tmp_path, document)
    with pytest.raises(ValueError, match=r"facts\.scales: typed beside a finished session"):
        drafted(shop)


@pytest.mark.parametrize(("table", "key", "value"), [("combination", "tail_mgy", 1.5), ("measured", "u_tail_mgy", 0.1)])
def test_a7_a_tail_is_measured_or_typed_and_never_both(tmp_path: Path, table: str, key: str, value: float) -> None:
    """Hazards A2 and A7: beside its finished session it is refused; without one it is asked for, and a placeholder is no uncertainty."""
    bench = warm_bench()
    shop = Shop(job(tmp_path, job_document(bench)), bench)
    for kind in ("dark-", "timer-", "linearity-", "hvl-", "dependence-", "", "tail-", "monitor-"):
        shop.measures("offset" if kind == "dependence-" else f"{kind}{NAME}")
        if kind == "dependence-":
            shop.measures(f"{kind}{NAME}")
    assert drafted(shop)["combinations"][0]["tail_mgy"] > 0.5
    measured_one, output = shop.table, shop.table.outputs[0]
    typed = output.model_copy(update={table: getattr(output, table) | {key: value}})
    shop.table = measured_one.model_copy(update={"outputs": [typed]})
    with pytest.raises(ValueError, match=f"{key} typed beside the finished session tail-{NAME}"):
        drafted(shop)
    del shop.done[f"tail-{NAME}"]
    other = "u_tail_mgy" if key == "tail_mgy" else "tail_mgy"
    with pytest.raises(ValueError, match=f"{other} is neither measured nor typed; measure tail-{NAME}, or write it"):
        drafted(shop)


TYPED = [{"kv": 69.5, "read_back_ma": 0.07, "meter_ma": 0.07}]
"""Of a generator whose filament nobody can keep cold."""


@cache
def plain() -> dict[str, Any]:
    return job_document(warm_bench())


def changed(path: str, value: Any) -> dict[str, Any]:
    document = deepcopy(plain())
    *parts, last = path.split("/")
    row: Any = document
    for part in parts:
        row = row[int(part)] if part.isdigit() else row[part]
    if value is None:
        del row[last]
    else:
        row[last] = value
    return document


@pytest.mark.parametrize(
    ("name", "path", "value", "words"),
    [
        ("hvl-a20", "outputs/0/hvl/applicator", "20 mm", "the narrow beam wants nothing fitted"),
        ("hvl-a20", "outputs/0/hvl/chamber_mm", 61.0, "300 mm at least"),
        ("hvl-a20", "outputs/0/hvl/stack_mm", [0.0, 0.7, 1.0], "cannot be laid of the sheets"),
        ("timer-a20", "outputs/0/timer_meter", None, "kvp-meter, divider are meters of kV"),
        ("hvl-a20", "outputs/0/hvl", None, "has no hvl in the job file"),
        ("scale-ma", "offset/meter", None, "offset was not measured; do that first"),
        ("scale-ma", "offset", None, "nobody measured it: write \\[offset\\] and measure offset first"),
        ("scale-ma", "certificate/facts/ma_offset", TYPED, "typed beside \\[offset\\]; take it out"),
        ("dependence-a20", "offset/meter", None, "offset was not measured; do that first"),
        ("dependence-a20", "outputs/0/dependence/offset_ma_per_kv", 0.001, "typed beside \\[offset\\]; take it out"),
        ("offset", "offset", None, "is no section of the job file"),
        ("offset", "offset/meter", "divider", "is no mameter of the job file"),
        ("scale-kv", "scales/0/at", [10.0, 40.0, 200.0], "is not within the 10 to 150 kV of divider"),
        ("scale-kv", "scales/0/meter", "ma-meter", "is no kvpmeter of the job file"),
        ("scale-x", "scales/0/name", "kv", "x: is no scale of the job file"),
        ("fitted-a30", "fitted/0/applicator", "20 mm", "is the reference; measure its output"),
        ("dependence-a20", "outputs/0/dependence/parts", [0.5, 0.7, 0.9], "the largest is 1"),
        ("conditioning", "conditioning/applicator", "20 mm", "put the conditioning cap on first"),
        ("conditioning", "certificate/facts/tube", None, "facts.tube is missing"),
        ("conditioning", "conditioning", None, "is no section of the job file"),
        ("survey", "survey/applicator", "20 mm", "put the cap on"),
        ("survey", "survey/instrument", "divider", "is no qadevice of the job file"),
        ("spot", "spot/instrument", None, "is no qadevice of the job file"),
    ],
)  # fmt: skip
def test_a2_a12_g22_what_cannot_be_planned_says_why(
    tmp_path: Path, name: str, path: str, value: Any, words: str
) -> None:
    table = job(tmp_path, changed(path, value))
    shop = Shop(table, QuickBench(as_engraved(), 0))
    if path.endswith("parts"):
        shop.measures("offset")
    with pytest.raises((ValueError, ConfigurationError), match=words):
        offered(table, name, shop.who.at, shop.known)


def test_a13_an_offset_of_long_ago_serves_no_scale(tmp_path: Path) -> None:
    """Hazard A13: a bleeder that was measured a month ago may be another one."""
    bench = warm_bench()
    shop = Shop(job(tmp_path, job_document(bench)), bench)
    shop.measures("offset")
    at = shop.who.at
    assert offered(shop.table, "scale-ma", at + timedelta(days=29), shop.known).procedure.steps
    with pytest.raises(ValueError, match="more than 30 days from it; measure offset anew"):
        offered(shop.table, "scale-ma", at + timedelta(days=31), shop.known)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("scales/1/name", "kv", "a name stands there twice"),
        ("scales/0/kv", 69.5, "a scale of kV has ma and no kv"),
        ("fitted/1/diameter_mm", None, "cutout and diameter_mm stand together"),
        ("certificate/facts/interrupt_ratio", 2.0, "certificate.facts"),
        ("fitted/1/applicator", "30 mm", "name the output of the applicator that it lies in"),
        ("fitted/0/backscatter", {"value": 1.1, "u_pct": 1.5, "source": "x"}, "is of a cut-out's own field"),
    ],
)
def test_a4_what_contradicts_itself_is_no_job_file(tmp_path: Path, path: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        job(tmp_path, changed(path, value))


def test_g23_a_head_that_leaks_through_its_tank_is_not_passed_by_a_desk_without_a_cold_filament(tmp_path: Path) -> None:
    """The beam in the cap is more than high voltage alone: what the tank shows then is held against the tank's own limit."""
    bench = warm_bench()
    shop = Shop(job(tmp_path, job_document(bench)), bench)

    def more(event: Exposed | Reading) -> Exposed | Reading:
        tank = isinstance(event, Reading) and event.step.startswith("tank")
        return msgspec.structs.replace(event, text="0.03 mGy/h") if tank else event

    shop.who.alters = more
    with pytest.raises(Stopped, match="have the shielding mended"):
        shop.measures("survey")
