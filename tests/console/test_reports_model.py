"""What a report says is what the journal holds: the worked example of three segments to five digits, every status, bounds, ends in words, intervals, sums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from kept_by_hand import COMBINATION, DAY_S, GOLDEN, ORDER, TICK, KeptByHand

from console.reports import causes, flat, paper
from console.reports.codes import load_codes
from console.reports.course import course_report, courses
from console.reports.gather import Gathered, gather
from console.reports.lacks import LACKS, NO_AIR
from console.reports.model import Site, Stated, fraction_report, uncertain
from console.reports.told import FractionReport
from console.reports.trace import trace
from controller.entries import Outcome
from controller.prescribed import Quality
from controller.ring import TickRow
from controller.states import Event
from hal.readings import Cause
from records.journal import Kind
from records.overrides import Override
from records.sheets import Sheet, SheetKind, Taken, body

SITE = Site("demo", "Europe/Berlin", load_codes())


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    return KeptByHand(tmp_path / "records")


def read(kept: KeptByHand) -> Gathered:
    return gather(kept.records / "journal")


def report(kept: KeptByHand, name: str = "") -> FractionReport:
    found = read(kept)
    return fraction_report(found, name or list(found.book.fractions)[-1], SITE)


def test_the_worked_example(kept: KeptByHand) -> None:
    """E5 and E9: D0, set time, parts and the sum of the timer, each by the terms of docs/dose.md."""
    told = report(kept, kept.golden())
    c, t = told.calculation, told.totals
    assert c.agrees
    assert c.pdd_pct == pytest.approx(82.0, rel=1e-9)
    assert c.d0_by_terms_mgy == pytest.approx(8536.5854, rel=1e-5)
    assert c.time_by_terms_s == pytest.approx(155.355643, rel=1e-5)
    assert [s.delivered_mgy for s in told.segments] == pytest.approx([3308.5, 2286.6, 2941.5], abs=0.2)
    assert t.timer_sum_s == pytest.approx(sum(GOLDEN), abs=1e-9)
    assert t.timer_sum_by_terms_s == pytest.approx(155.645643, rel=1e-5)
    assert (t.status, t.quality, t.resumes, t.trips) == ("COMPLETE", "GOOD", 2, 1)
    assert t.delivered_rx_mgy == pytest.approx(7000.0, rel=1e-4)
    assert told.flags == ()


def test_interruptions_have_cause_pause_dose_and_reason(kept: KeptByHand) -> None:
    first, second = report(kept, kept.golden()).interruptions
    assert first.cause == "an interlock opened; rule door; safety unit: door; the door is open"
    assert (first.pause_s, first.reason, first.physicist) == (240.0, "the door was opened", False)
    assert second.delivered_d0_mgy == pytest.approx(3308.5 + 2286.6, abs=0.2)
    assert (second.reason, second.physicist) == ("the patient coughed", True)


@pytest.mark.parametrize(
    ("ordered", "gap", "factor", "time_s"), [(7000.0, 1.0, 0.96923, 160.28), (7000.0, -1.0, 1.0323, 150.51), (7000.0, 2.0, 0.93986, 165.29)]
)  # fmt: skip
def test_the_gap_of_the_worked_example(
    kept: KeptByHand, ordered: float, gap: float, factor: float, time_s: float
) -> None:
    """E6; and a recorded F that is not the terms' is said to differ."""
    kept.start(msgspec.structs.replace(ORDER, rx_mgy=ordered, gap_mm=gap))
    kept.end(10.0)
    told = report(kept)
    assert told.calculation.gap_factor == pytest.approx(factor, rel=1e-4)
    assert told.calculation.time_by_terms_s == pytest.approx(time_s, rel=1e-4)
    assert not told.calculation.agrees
    assert any("not the recorded one" in flag for flag in told.flags)


def test_the_clinical_uncertainty_of_the_worked_budget(kept: KeptByHand) -> None:
    """E11: 2.5799 % of R0 and 2 % of depth dose come to 7.6217 %, 0.53352 Gy of 7; where one is not stated nothing is."""
    start = kept.start()
    whole = uncertain(start, Stated(2.5799, 2.0, "certificate"))
    assert whole.calibration_pct_k2 == pytest.approx(5.1598)
    assert whole.clinical_pct_k2 == pytest.approx(7.6217, rel=1e-4)
    assert whole.clinical_rx_mgy_k2 == pytest.approx(533.52, rel=1e-4)
    assert uncertain(start, Stated(2.5799, None, "")).clinical_pct_k2 is None


@pytest.mark.parametrize(
    ("part", "quality", "status", "word"),
    [
        (0.9899, "GOOD", "PARTIAL", "PARTIAL"),
        (0.9901, "GOOD", "COMPLETE", ""),
        (1.0099, "GOOD", "COMPLETE", ""),
        (1.0101, "GOOD", "COMPLETE", "above the prescription"),
        (1.0301, "GOOD", "OVER", "OVER"),
        (1.0, "UNKNOWN", "UNKNOWN", "UNKNOWN"),
        (0.88, "GOOD", "PARTIAL", "beyond 10 %"),
    ],
)
def test_the_status_is_the_rule_of_docs_dose(
    kept: KeptByHand, part: float, quality: str, status: str, word: str
) -> None:
    """At each edge of max(1 %, 2 cGy) and max(3 %, 5 cGy) about 7 Gy, and a flag that says so."""
    kept.start()
    dose = part * 7000.0 / 0.82
    kept.end(
        100.0,
        Outcome.INTERRUPTED,
        delivered_mgy=dose,
        low_mgy=0.9 * dose,
        high_mgy=1.1 * dose,
        quality=Quality[quality],
    )
    kept.close()
    told = report(kept)
    assert told.totals.status == status
    assert any(word in flag for flag in told.flags) if word else told.flags == ()
    assert (told.totals.low_d0_mgy, told.totals.high_d0_mgy) == (0.9 * dose, 1.1 * dose)


def test_what_is_open_is_not_yet_off(kept: KeptByHand) -> None:
    """A fraction that was stopped half-way may be resumed: it is PARTIAL, and nothing is to be reported before it is closed."""
    kept.start()
    kept.end(60.3, Outcome.INTERRUPTED)
    assert not any("reported" in flag for flag in report(kept).flags)
    assert not any("reported" in flag for flag in course_report(read(kept), "12-34", "C1", SITE).flags)
    kept.close()
    assert any("beyond 10 %: may be to be reported" in flag for flag in report(kept).flags)


def test_an_exposure_without_an_end_is_provisional(kept: KeptByHand) -> None:
    kept.start()
    kept.ticks(5.0)
    told = report(kept)
    assert told.totals.status == "RUNNING"
    assert (told.segments[0].provisional, told.segments[0].quality) == (True, "UNKNOWN")
    assert told.segments[0].high_mgy > 0.0
    assert any("provisional" in flag for flag in told.flags)


def test_a_start_without_beam_is_counted_and_is_no_segment(kept: KeptByHand) -> None:
    kept.start()
    kept.end(0.0, Outcome.VOID, delivered_mgy=0.0)
    kept.start()
    kept.end(155.36)
    told = report(kept)
    assert (len(told.segments), told.starts_without_beam) == (1, 1)


def test_a_recovered_end_has_no_figures_that_nobody_saw(kept: KeptByHand) -> None:
    kept.start()
    kept.end(
        20.0,
        Outcome.INTERRUPTED,
        event="RECOVERED",
        unit_cause=Cause.LEASE,
        kv_max=0.0,
        dm_mgy=float("nan"),
        on_at_s=None,
        quality=Quality.DEGRADED,
    )
    segment = report(kept).segments[0]
    assert (segment.recovered, segment.ended_by) == (True, "unknown")
    assert (segment.kv_mean, segment.dm_mgy, segment.on_to_off_s) == (None, None, None)
    assert "lease" in segment.end_words


@pytest.mark.parametrize(
    ("changes", "by"),
    [
        ({}, "primary"),
        ({"event": "TIME_END"}, "backup"),
        ({"outcome": Outcome.INTERRUPTED, "event": "STOP"}, "operator"),
        ({"outcome": Outcome.INTERRUPTED, "event": "KEY_OFF"}, "operator"),
        ({"outcome": Outcome.INTERRUPTED, "event": "TRIP_STOP", "unit_cause": Cause.ESTOP}, "operator"),
        ({"outcome": Outcome.FAULT, "event": "TRIP_FAULT", "unit_cause": Cause.RATE}, "machine"),
        ({"outcome": Outcome.INTERRUPTED, "event": "TRIP_STOP", "unit_cause": 99}, "machine"),
    ],
)
def test_who_ended_it(kept: KeptByHand, changes: dict[str, Any], by: str) -> None:
    kept.start()
    kept.end(20.0, changes.pop("outcome", Outcome.TERMINATED), **changes)
    assert report(kept).segments[0].ended_by == by


def test_every_cause_and_event_has_its_words() -> None:
    assert set(causes.CAUSES) == set(Cause)
    ends = {event.name for event in Event if event <= Event.OFF_UNVERIFIED}
    assert ends | {causes.RECOVERED} == set(causes.EVENTS)
    assert "99" in causes.cause_words(99)


@pytest.mark.parametrize(
    ("changes", "arc", "words"),
    [
        ({}, False, "shorter than a poll"),
        ({"outcome": Outcome.INTERRUPTED}, False, "no, none ended it"),
        ({"outcome": Outcome.INTERRUPTED, "rule": "beam_lost", "words": "kV fell to 3"}, True, "a supply that dropped"),
        (
            {"outcome": Outcome.FAULT, "rule": "generator_fault", "words": "a fault: cathode arc"},
            True,
            "the generator names an arc",
        ),
        (
            {"outcome": Outcome.FAULT, "rule": "generator_fault", "words": "a fault; first: look for an arc"},
            False,
            "none ended it",
        ),
        ({"outcome": Outcome.INTERRUPTED, "rule": "door", "words": "an arc lamp"}, False, "none ended it"),
        ({"outcome": Outcome.INTERRUPTED, "event": "RECOVERED", "rule": "beam_lost"}, None, "nobody saw the end"),
    ],
)
def test_an_arc_is_told_by_the_ends_rule_and_words_and_what_is_not_seen_with_it(
    kept: KeptByHand, changes: dict[str, Any], arc: bool | None, words: str
) -> None:
    """Of each segment whether an arc ended it; an end that nobody saw is no "no"."""
    kept.start()
    kept.end(20.0, **changes)
    told = report(kept)
    assert told.segments[0].arc is arc and words in told.segments[0].arc_words
    assert f"segments.0.arc,{'' if arc is None else str(arc).lower()}\r\n" in flat.as_csv(told)
    assert paper.words(arc) == {True: "yes", False: "no", None: "-"}[arc]


def test_the_hosts_clock_stands_beside_the_units_timer_as_what_it_is(kept: KeptByHand) -> None:
    """A record of before, an end that was not seen, and one that runs have none: never a number that nobody measured."""
    kept.start()
    kept.end(20.0, Outcome.INTERRUPTED)
    kept.start(segment=2, unit_beam_ms=20000)
    kept.end(30.0, Outcome.INTERRUPTED, host_beam_s=30.0041)
    kept.start(segment=3, unit_beam_ms=50000)
    told = report(kept).segments
    assert [(one.timer_s, one.host_beam_s) for one in told] == [(20.0, None), (30.0, 30.0041), (0.0, None)]
    assert told[2].arc is None and "no end yet" in told[2].arc_words


def test_the_air_of_the_day_is_told_with_its_time_where_a_check_of_that_day_stands(kept: KeptByHand) -> None:
    """The day before, and a check that came after the beam, are another day's air: then it is said to be lacking, and only then."""
    kept.day_check("2026-11-17", 99.0, 19.0)
    first = kept.golden()
    kept.day_check("2026-11-18", 100.25, 21.5)
    kept.wall_s += 60.0
    second = kept.golden(lesion_id="L2", course_id="C2")
    lacking, told = report(kept, first), report(kept, second)
    assert lacking.air is None and lacking.lacks == LACKS and "no daily check of this day" in paper._air(lacking)
    assert told.air is not None and (told.air.p_kpa, told.air.t_c) == (100.25, 21.5)
    assert (told.air.begun_at, told.air.signed_at) == ("2026-11-18T11:04:15.646Z", "2026-11-18T11:14:15+00:00")
    assert told.lacks == tuple(one for one in LACKS if one is not NO_AIR)
    assert "100.25 kPa, 21.5 C" in paper._air(told) and "by segment: 1.00690, 1.00690, 1.00690" in paper._air(told)
    assert paper.fraction_pdf(told).startswith(b"%PDF")
    found = read(kept)
    of = [course_report(found, ORDER.patient_id, course, SITE) for course in ("C1", "C2")]
    assert [NO_AIR in one.lacks for one in of] == [True, False]


def test_a_sheet_that_the_records_did_not_believe_is_told_as_nobodys_word(kept: KeptByHand) -> None:
    """The records keep every sheet that is laid down. One with a wrong signature gives no air, no day's check and no override; the override is a flag."""
    kept.day_check("2026-11-18", 100.25, 21.5)
    kept.day_check("2026-11-18", 90.0, 30.0, against="fits no key of this rig")
    start = kept.start()
    word = Override(f"{start.fraction_tag:016x}", f"{5:016x}", (b"k" * 32).hex(), 155.36, 140.0, "because")
    for who, wrong in (("Dr. True", ""), ("Dr. False", "fits no physicist's key of this rig")):
        kept.append(
            Kind.SHEET, Taken(Sheet(SheetKind.OVERRIDE, body(word), who, "physicist", "2026-11-18", b"s"), 1.0, wrong)
        )
    kept.end(20.0, Outcome.INTERRUPTED)
    kept.start(segment=2, unit_beam_ms=20000)
    kept.end(30.0, Outcome.INTERRUPTED)
    told = report(kept)
    assert told.daily_check is not None and "100.25 kPa" in told.daily_check.words
    assert told.air is not None and told.air.p_kpa == 100.25
    assert [one.who for one in told.overrides] == ["Dr. True"]
    assert [flag for flag in told.flags if "Dr. False" in flag and "fits no physicist's key" in flag]
    assert not any("Dr. True" in flag for flag in told.flags)


def test_intervals_same_day_and_sums_of_a_lesion(kept: KeptByHand) -> None:
    """The second fraction comes 24 h after the first where 48 were ordered; the third on the second's day; another lesion keeps its own sums."""
    kept.golden()
    kept.wall_s += DAY_S
    second = kept.golden(fraction=2)
    kept.wall_s += 3600.0
    third = kept.golden(fraction=3)
    other = kept.golden(lesion_id="L2", site="ear")
    found = read(kept)
    told = fraction_report(found, second, SITE)
    assert told.before.interval_h == pytest.approx(24.0, abs=0.01)
    assert not told.before.interval_kept
    assert told.before.same_day == ()
    told = fraction_report(found, third, SITE)
    assert told.before.same_day == (second,)
    assert any("same day" in flag for flag in told.flags)
    assert told.before.with_this.fractions_given == 3
    assert told.before.with_this.delivered_rx_mgy == pytest.approx(21000.0, rel=1e-4)
    told = fraction_report(found, other, SITE)
    assert (told.before.interval_h, told.before.same_day_lesions) == (None, ("L1",))
    course = course_report(found, *courses(found)[0], SITE)
    assert [(one.lesion_id, one.fractions_given) for one in course.lesions] == [("L1", 3), ("L2", 1)]
    assert [line.interval_kept for line in course.fractions] == [True, False, False, True]
    assert course.lesions[0].delivered_rx_mgy == pytest.approx(21000.0, rel=1e-4)


def test_a_course_flags_what_may_be_to_be_reported(kept: KeptByHand) -> None:
    """Three fractions ordered, one of them a third short: the whole is 10 % off, the week 33 %; an UNKNOWN one is named."""
    for number, part in ((1, 0.6), (2, 1.0)):
        kept.start(msgspec.structs.replace(ORDER, fraction=number, fractions=3, min_interval_h=0.0))
        kept.end(90.0, delivered_mgy=part * 7000 / 0.82)
        kept.wall_s += 10 * DAY_S
    kept.start(msgspec.structs.replace(ORDER, fraction=3, fractions=3, lesion_id="L9"))
    kept.end(90.0, quality=Quality.UNKNOWN)
    found = read(kept)
    course = course_report(found, "12-34", "C1", SITE)
    said = "\n".join(course.flags)
    assert "lesion L1: all fractions so far are -20.0 % off" in said
    assert "lesion L1: the seven days from 2026-11-18 are -40.0 % off" in said
    assert "lesion L9: UNKNOWN" in said


def test_low_and_high_are_summed_beside(kept: KeptByHand) -> None:
    for number in (1, 2):
        kept.start(msgspec.structs.replace(ORDER, fraction=number))
        kept.end(155.36, low_mgy=8400.0, high_mgy=8600.0)
    lesion = course_report(read(kept), "12-34", "C1", SITE).lesions[0]
    assert (lesion.low_rx_mgy, lesion.high_rx_mgy) == pytest.approx((2 * 8400 * 0.82, 2 * 8600 * 0.82))


def test_the_report_names_the_record_and_every_state_before_it(kept: KeptByHand) -> None:
    """After a resume the record is another one, and the report names those before; what tells nothing new changes nothing."""
    name = kept.golden()
    told = report(kept, name)
    assert [s.record_sha256 for s in told.segments] == [*told.source.earlier_sha256, told.source.record_sha256]
    kept.golden(fraction=2)
    assert report(kept, name) == told


def test_a_changed_journal_is_said(kept: KeptByHand) -> None:
    name = kept.golden()
    kept.golden(fraction=2)
    path = next((kept.records / "journal").glob("*.journal"))
    raw = bytearray(path.read_bytes())
    raw[len(raw.rstrip(b"\0")) - 3] ^= 1
    path.write_bytes(raw)
    told = report(kept, name)
    assert not told.source.journal_whole
    assert told.flags[0].startswith("the journal is not whole")


def test_a_trace_keeps_every_extreme() -> None:
    """One tick of 12,000 with a dip of kV, one with a spike of mA: both are among the few that are drawn."""
    ticks: list[tuple[int, TickRow]] = [(n * 10**7, TICK) for n in range(12000)]
    ticks[4321] = (ticks[4321][0], msgspec.structs.replace(TICK, kv=41.0))
    ticks[8765] = (ticks[8765][0], msgspec.structs.replace(TICK, ma=2.9))
    points = trace(ticks)
    assert len(points) <= 420
    assert min(p.kv for p in points if p.kv is not None) == 41.0
    assert max(p.ma for p in points if p.ma is not None) == 2.9
    missing = trace([(0, TICK), (10**7, msgspec.structs.replace(TICK, kv=-1.0, ma=float("nan")))])
    assert (missing[1].kv, missing[1].ma) == (None, None)


def test_a_closed_applicator_has_its_measured_table(kept: KeptByHand) -> None:
    table = msgspec.structs.replace(COMBINATION, closed_end=True, gap_table=((0.0, 1.0), (2.0, 0.9)))
    kept.start(msgspec.structs.replace(ORDER, gap_mm=1.0), combination=table)
    kept.end(10.0)
    c = report(kept).calculation
    assert (c.gap_factor, c.surface_gap_factor) == pytest.approx((0.95, 0.95))
