"""From the gathered records to what a report says of one fraction: pure, every number the record's own or worked out here from the record's own.
The calculation is made anew from its terms, sharing no code with controller/conversion.py; where it differs from what was recorded the report says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from console.prescription import FLAG_WORDS
from console.reports import causes
from console.reports.beside import Beside, starts_of
from console.reports.codes import CodeRow, on
from console.reports.gather import Gathered
from console.reports.lacks import lacks_of
from console.reports.told import (
    FRACTION_SCHEMA,
    Air,
    Approval,
    AtLesion,
    Beam,
    Before,
    Calculation,
    ChartTold,
    FractionReport,
    Interruption,
    Lesion,
    Machine,
    Order,
    Particulars,
    Patient,
    Rated,
    Segment,
    Signed,
    Source,
    Totals,
    Uncertainty,
    UncertaintyTerm,
    WarmStep,
    WarmUp,
)
from console.reports.told import Stated as Said
from console.reports.trace import ramp_s, trace
from console.second_calculation import on_line, under
from console.treat.chart import REMARK, REVIEWED
from console.treat.particulars import NOT_STATED
from controller.entries import Start
from controller.prescribed import SetUp
from hal.readings import Purpose
from records import warm_up
from records.book import Exposure, Fraction, Kept, Tally
from records.day_forms import DaySheet, decoded
from records.day_readings import STOP_PART
from records.overrides import Override
from records.sheets import SheetKind

AGREE_PART: Final = 1e-6
"""The calculation made anew and the recorded one differ by digits alone."""
GAP_HALF_WIDTH_MM: Final = 0.5
CONTROL_PCT_K1: Final = 0.20
K: Final = 2.0
FRACTION_OFF_PCT: Final = 10.0
"""A fraction off by more is shown for what it may be to the authority (docs/reports.md)."""


@dataclass(frozen=True)
class Stated:
    """What the certificate of this very record states of its uncertainty: of R0 and of depth dose, percent; None where it does not."""

    u_r0_pct_k1: float | None
    u_pdd_pct_k1: float | None
    source: str
    rated: Rated | None = None


NOTHING_STATED: Final = Stated(None, None, "the certificate of this record is not at hand")


@dataclass(frozen=True)
class Site:
    """What is of the site: its name, its time zone, and its table of codes."""

    rig: str
    time_zone: str
    codes: Sequence[CodeRow]


def fraction_report(
    found: Gathered, name: str, site: Site, stated: Stated = NOTHING_STATED, beside: Beside | None = None
) -> FractionReport:
    """The report of one fraction by its id. KeyError where the records have none."""
    book = found.book
    fraction = book.fractions[name]
    tally = book.tally(fraction)
    beams = [book.exposures[token] for token in fraction.tokens if not book.exposures[token].void]
    start = (beams or [book.exposures[fraction.tokens[-1]]])[-1].start
    calculation = calculated(start)
    before = _before(found, fraction, site)
    totals = _totals(tally, fraction, beams, start, calculation)
    shown = beams or [book.exposures[fraction.tokens[0]]]
    daily, overrides = _sheets(found, shown)
    starts = starts_of(found, fraction)
    approval = None if beside is None else beside.approval(starts)
    at_lesion = None if beside is None else beside.lesion(starts)
    chart = None if beside is None else beside.chart(found, fraction, tally)
    entries = () if beside is None else beside.entries(fraction, starts[-1].prescribed)
    gone = 0 if beside is None else beside.gone(fraction, starts[-1].prescribed)
    particulars = None if beside is None else beside.particulars(starts)
    first = first_of(found, fraction)
    air = air_of(found, fraction, site)
    return FractionReport(
        schema=FRACTION_SCHEMA,
        simulated=start.simulated,
        id=name,
        day=str(day_of(first_wall_s(found, fraction), site)),
        time_zone=site.time_zone,
        source=msgspec.structs.replace(source(found, name, entries), chart_gone=gone),
        machine=_machine(found, (beams or [book.exposures[fraction.tokens[-1]]])[-1], site),
        patient=Patient(start.prescribed.patient_id, start.prescribed.patient_id_2),
        order=_order(start),
        beam=_beam(start),
        calculation=calculation,
        uncertainty=uncertain(start, stated),
        segments=tuple(_segment(found, exposure) for exposure in beams),
        starts_without_beam=len(fraction.tokens) - len(beams),
        interruptions=tuple(_interruptions(found, beams)),
        totals=totals,
        before=before,
        daily_check=daily,
        overrides=overrides,
        codes=on(site.codes, day_of(first_wall_s(found, fraction), site), start.prescribed.kv) if start.prescribed.purpose is Purpose.TREAT else (),
        flags=(
            *_flags(totals, before, calculation, found), *_unbelieved(found, shown), *_flagged(start, approval), *unproven(approval, at_lesion),
            *_charted(chart, start.prescribed.purpose), *renamed(particulars),
        ),
        lacks=lacks_of([air]),
        approval=approval,
        lesion=at_lesion,
        chart=chart,
        warm_up=warmed(found, first, site) if start.prescribed.purpose is Purpose.TREAT else None,
        rated=stated.rated,
        air=air,
        particulars=particulars,
    )  # fmt: skip


def _flagged(start: Start, approval: Approval | None) -> Iterator[str]:
    """What the order flags, and who took it on by name with a signature."""
    for flag in start.prescribed.flags:
        who = () if approval is None else tuple(one.who for one in approval.signatures if flag in one.accepted)
        yield f"the order flags: {FLAG_WORDS.get(flag, flag)}; accepted by {', '.join(who) or 'nobody'}"


def unproven(approval: Approval | None, at_lesion: AtLesion | None) -> Iterator[str]:
    """A chain beside the records that is not whole; and signatures that were given after the beam."""
    if approval is not None and not approval.chain_whole:
        yield approval.words
    for one in approval.signatures if approval is not None else ():
        if one.late:
            yield f"{one.who} signed ({one.meaning}) after the first beam of this fraction"
    if at_lesion is not None and not at_lesion.chain_whole:
        yield at_lesion.words


def _charted(chart: ChartTold | None, purpose: Purpose) -> Iterator[str]:
    """What people have said of it, or not: a correction is seen before anything that it corrects."""
    if chart is None or purpose is not Purpose.TREAT:
        return
    if chart.words:
        yield chart.words
    yield from chart.gone
    for one in chart.corrections:
        if one.field != REMARK:
            yield f"corrected: {one.field} was recorded as {one.recorded!r} and should be {one.corrected!r} ({one.who}, {one.role}): {one.reason}"
    if chart.chain_whole and REVIEWED in chart.unsigned:
        yield "a physicist's review is asked for, and nobody has signed it"


def renamed(particulars: Particulars | None) -> Iterator[str]:
    """A chain that is not whole; and a patient who was called, or born, otherwise before."""
    if particulars is None:
        return
    if not particulars.chain_whole:
        yield particulars.words
    said = [*particulars.before, *([particulars.now] if particulars.now is not None else [])]
    for was, one in pairwise(said):
        for what, then, now in (("name", name_of(was), name_of(one)), ("birth date", was.birth_date, one.birth_date)):
            if then and then != now:
                yield f"stated otherwise: the patient's {what} was {then!r} and is {now or NOT_STATED!r} ({one.who}, {one.role}): {one.reason}"


def name_of(said: Said | None) -> str:
    """A stated name for people; empty where none is."""
    return "" if said is None else ", ".join(part for part in (said.family_name, said.given_names) if part)


def warmed(found: Gathered, first: Exposure, site: Site) -> WarmUp:
    """The warm-up as the records had it when this exposure was started, by the rule that locks: records/warm_up.py."""
    wall_s = first.start.wall_s
    now_s = wall_s - (first.seen.wall_s - first.seen.mono_ns * 1e-9)
    before = [*warm_up.of_tube(found.book, first.index)]
    now = warm_up.standing(iter(before), now_s, wall_s, ZoneInfo(site.time_zone))
    if now is None or not now.made:
        idle_s = wall_s - before[0].ended_s if before else math.inf
        words = "no warm-up of that day is in these records before this fraction"
        return WarmUp(_hours(idle_s), warm_up.row_of(idle_s).beam_s, 0.0, (), None, None, words)
    last = [one.rate_mgy_per_s for one in now.made[-warm_up.STEADY_N :]]
    apart = (
        100.0 * (max(last) - min(last)) * len(last) / math.fsum(last)
        if len(last) == warm_up.STEADY_N and min(last) > 0.0
        else None
    )
    steps = tuple(
        WarmStep(instant(one.begun_s) or "", one.kv, one.key[1], one.beam_s, one.rate_mgy_per_s or None)
        for one in now.made
    )
    whole = now.given_s >= now.row.beam_s and now.reached_kv is not None
    words = "" if whole else "the warm-up was not whole when this fraction was started"
    return WarmUp(
        _hours(now.idle_before_s), now.row.beam_s, now.given_s, steps, now.reached_kv, apart, words,
    )  # fmt: skip


def _hours(seconds: float) -> float | None:
    return seconds / 3600.0 if math.isfinite(seconds) else None


def source(found: Gathered, name: str, entries: Sequence[tuple[int, float]] = ()) -> Source:
    """Where it stands in the journal, and in the chart by these entries (number, wall s); and the state before: the entry before, or the record before."""
    last = found.last_told[name]
    earlier = tuple(one.digest.hex() for one in found.told.get(name, ()) if one.index < last.index)
    (entry, made_s), former = (entries[-1] if entries else (0, 0.0)), [n for n, _ in entries[:-1]]
    if entry and made_s > last.wall_s:
        before = last.digest.hex(), former[-1] if former else 0
    else:
        before = (earlier[-1], entry) if earlier else ("", 0)
    return Source(
        last.index,
        last.digest.hex(),
        earlier,
        not found.verified.words,
        found.verified.words,
        chart_entry=entry,
        before_sha256=before[0],
        before_entry=before[1],
    )


def instant(wall_s: float | None) -> str | None:
    """ISO 8601 UTC to the millisecond."""
    if wall_s is None or not wall_s:
        return None
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(wall_s: float, site: Site) -> date:
    """The site's calendar day."""
    return datetime.fromtimestamp(wall_s, ZoneInfo(site.time_zone)).date()


def first_wall_s(found: Gathered, fraction: Fraction) -> float:
    """When its first exposure with beam was started, or its first START."""
    return first_of(found, fraction).start.wall_s


def first_of(found: Gathered, fraction: Fraction) -> Exposure:
    """Its first exposure with beam, or its first START."""
    exposures = [found.book.exposures[token] for token in fraction.tokens]
    return next((e for e in exposures if not e.void), exposures[0])


def air_of(found: Gathered, fraction: Fraction, site: Site) -> Air | None:
    """What was read for the check of this fraction's own day, if one was in the records before it."""
    first = first_of(found, fraction)
    last = _daily(found, first)
    day = None if last is None else decoded(last.sheet.body, DaySheet)
    if last is None or day is None or day.day != str(day_of(first.start.wall_s, site)):
        return None
    return Air(day.p_kpa, day.t_c, instant(day.begun_wall_s) or "", last.sheet.at)


def calculated(start: Start) -> Calculation:
    """The terms once more, from prescription and combination. Bolus is water on the skin: z and b count from its surface."""
    p, c = start.prescribed, start.combination
    b = set_up_of(start).bolus_mm
    f, g, z = c.effective_ssd_mm, p.gap_mm, p.depth_mm + b
    depths = under(p, c)
    pdd = None if isinstance(depths, str) else on_line(depths, z)
    under_bolus = on_line(c.pdd, b) if b else 100.0
    gap: float | None
    surface: float | None
    if c.closed_end:
        gap = surface = on_line(c.gap_table, g) if g else 1.0
    else:
        gap, surface = ((f + z) / (f + g + z)) ** 2, ((f + b) / (f + g + b)) ** 2
    at_skin = None if surface is None or under_bolus is None else surface * under_bolus / 100.0 * p.cutout_factor
    by_terms = None if pdd is None or gap is None else pdd / 100.0 * gap * p.cutout_factor
    d0 = None if by_terms is None else p.rx_mgy / by_terms
    whole = p.purpose is Purpose.TREAT
    agrees = (
        by_terms is not None
        and d0 is not None
        and _same(by_terms, start.rx_factor)
        and (not whole or _same(d0, start.d0_mgy))
    )
    return Calculation(
        pdd_pct=pdd,
        gap_factor=gap,
        surface_gap_factor=surface,
        bolus_pdd_pct=under_bolus,
        cutout_factor=p.cutout_factor,
        skin_factor=at_skin,
        f_by_terms=by_terms,
        f_recorded=start.rx_factor,
        d0_by_terms_mgy=d0,
        d0_recorded_mgy=start.d0_mgy,
        skin_mgy=None if at_skin is None else start.d0_mgy * at_skin,
        time_by_terms_s=None if d0 is None else d0 / c.r0_mgy_per_s - c.dt_s,
        agrees=agrees,
    )  # fmt: skip


def set_up_of(start: Start) -> SetUp:
    """What the order said of the set-up; an older form of it says nothing, which is no bolus."""
    said = start.prescribed.set_up
    return SetUp() if said is UNSET else said


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= AGREE_PART * abs(other)


def uncertain(start: Start, stated: Stated) -> Uncertainty:
    """Of the dose at depth: the certificate's own terms, the bound of the day's check, and two that are assumed and say so."""
    p, c = start.prescribed, start.combination
    gap_pct = (
        100.0 * 2.0 * GAP_HALF_WIDTH_MM / math.sqrt(3.0) / (c.effective_ssd_mm + p.depth_mm + set_up_of(start).bolus_mm)
    )
    terms = (
        UncertaintyTerm("R0, calibration at the surface", stated.u_r0_pct_k1, stated.source),
        UncertaintyTerm("percentage depth dose", stated.u_pdd_pct_k1, stated.source),
        UncertaintyTerm("gap", round(gap_pct, 5), f"assumed: within {GAP_HALF_WIDTH_MM:g} mm, rectangular"),
        UncertaintyTerm("output of the day", round(100.0 * STOP_PART / math.sqrt(3.0), 5), f"bound of the daily check, {100 * STOP_PART:g} %, rectangular"),
        UncertaintyTerm("control", CONTROL_PCT_K1, "assumed: the program against its primary channel"),
    )  # fmt: skip
    known = [term.u_pct_k1 for term in terms if term.u_pct_k1 is not None]
    whole = K * math.sqrt(math.fsum(u * u for u in known)) if len(known) == len(terms) else None
    calibration = None if stated.u_r0_pct_k1 is None else K * stated.u_r0_pct_k1
    return Uncertainty(calibration, terms, whole, None if whole is None else p.rx_mgy * whole / 100.0)


def _machine(found: Gathered, exposure: Exposure, site: Site) -> Machine:
    opening, start = found.book.openings.get(exposure.instance), exposure.start
    return Machine(
        rig=opening.rig if opening is not None else site.rig,
        machine_serial=opening.machine_serial if opening is not None else "",
        tube_serial=opening.tube_serial if opening is not None else "",
        generator_driver=opening.generator_driver if opening is not None else "",
        safety_unit_driver=opening.safety_unit_driver if opening is not None else "",
        software_version=start.software_version,
        configuration_sha256=opening.configuration_sha256.hex() if opening is not None else "",
        certificate_id=start.certificate_id,
        certificate_sha256=start.certificate_sha256.hex(),
    )


def _order(start: Start) -> Order:
    p, s = start.prescribed, set_up_of(start)
    return Order(
        prescription_id=p.prescription_id,
        version=p.version,
        sha256=p.sha256.hex(),
        approved_by=p.approved_by,
        purpose=p.purpose.name,
        course_id=p.course_id,
        lesion_id=p.lesion_id,
        site=p.site,
        laterality=p.laterality,
        fraction=p.fraction,
        fractions=p.fractions,
        rx_mgy=p.rx_mgy,
        depth_mm=p.depth_mm,
        gap_mm=p.gap_mm,
        cutout_factor=p.cutout_factor,
        min_interval_h=p.min_interval_h,
        set_up_stated=p.set_up is not UNSET,
        bolus_or_cover_mm=s.bolus_mm,
        backing=s.backing.value,
        cutout_id=s.cutout_id,
        cutout_diameter_mm=s.cutout_diameter_mm,
        cutout_measured_by=s.cutout_measured_by,
        shield_notes=s.shield_notes,
        tolerance_flags=s.tolerance_flags,
    )


def _beam(start: Start) -> Beam:
    c = start.combination
    return Beam(
        kv_set=c.kv,
        ma_set=c.ma,
        filter_id=c.filter_id,
        filter_code=c.filter_code,
        applicator_id=c.applicator_id,
        applicator_code=c.applicator_code,
        closed_end=c.closed_end,
        effective_ssd_mm=c.effective_ssd_mm,
        ends_by=start.termination.name.lower(),
        timer_starts_at=start.timer_start.name.lower(),
        r0_mgy_per_s=c.r0_mgy_per_s,
        dt_s=c.dt_s,
        tail_mgy=c.tail_mgy,
        n1_mgy_per_count=c.n1_mgy_per_count,
        n2_mgy_per_count=c.n2_mgy_per_count,
    )


def _segment(found: Gathered, exposure: Exposure) -> Segment:
    start, end = exposure.start, exposure.end
    common: dict[str, object] = {
        "number": start.segment,
        "token": exposure.token,
        "record_index": exposure.index,
        "started_at": instant(start.wall_s),
        "operator": start.operator,
        "resume": start.resume,
        "set_time_s": start.set_time_s,
        "k_tp": start.k_tp,
        "settings_sha256": start.digest.hex(),
        "trace": trace(found.ticks.get(exposure.token, ())),
        "ramp_s": ramp_s(found.ticks.get(exposure.token, ()), start.combination.kv),
    }
    return _ended(exposure, found, common) if end is not None else _running(exposure, found, common)


def _ended(exposure: Exposure, found: Gathered, common: dict[str, object]) -> Segment:
    start, end = exposure.start, exposure.end
    assert end is not None
    recovered, seen = end.event == causes.RECOVERED, end.kv_max > 0.0
    on_to_off = end.off_at_s - end.on_at_s if end.on_at_s is not None and end.off_at_s is not None else None
    figures = ("kv_mean", "kv_min", "kv_max", "ma_mean", "ma_min", "ma_max")
    arc, arc_words = causes.arc_of(end)
    return msgspec.convert(
        common
        | {name: number(getattr(end, name)) if seen else None for name in figures}
        | {name: getattr(end, name) for name in ("d1_mgy", "d2_mgy", "dt_mgy", "delivered_mgy", "low_mgy", "high_mgy", "unknown_s", "counts_1", "counts_2")}
        | {
            # by the clock of its beginning: the time between the two is the beam's, whoever set the computer's clock in it
            "ended_at": instant(exposure.end_wall_s if recovered else end.wall_s),
            "provisional": False,
            "recovered": recovered,
            "outcome": end.outcome.name,
            "ended_by": causes.by_whom(end),
            "end_words": causes.end_words(end),
            "end_event": end.event,
            "end_rule": end.rule,
            "unit_cause": causes.cause_words(end.unit_cause),
            "timer_s": max(0, end.beam_ms - start.unit_beam_ms) / 1000.0,
            "host_beam_s": end.host_beam_s,
            "arc": arc,
            "arc_words": arc_words,
            "on_to_off_s": None if recovered else on_to_off,
            "dm_mgy": None if recovered else number(end.dm_mgy),
            "quality": end.quality.value,
            "record_sha256": found.digests[exposure.token].hex(),
        },
        Segment,
    )  # fmt: skip


def _running(exposure: Exposure, found: Gathered, common: dict[str, object]) -> Segment:
    """Bounds of now, which are UNKNOWN by definition."""
    figures = found.book.figures(exposure)
    w, nothing = (
        figures.weighed,
        ("dm_mgy", "on_to_off_s", "ended_at", "kv_mean", "kv_min", "kv_max", "ma_mean", "ma_min", "ma_max"),
    )
    return msgspec.convert(
        common
        | dict.fromkeys(nothing)
        | {
            "provisional": True,
            "recovered": False,
            "outcome": "RUNNING",
            "ended_by": "",
            "end_words": f"has no end yet; {figures.words}",
            "end_event": "",
            "end_rule": "",
            "unit_cause": "",
            "timer_s": figures.beam_s,
            "arc_words": "not known, for it has no end yet",
            "counts_1": exposure.seen.counts_1,
            "counts_2": exposure.seen.counts_2,
            "d1_mgy": figures.d1_mgy,
            "d2_mgy": figures.d2_mgy,
            "dt_mgy": figures.dt_mgy,
            "delivered_mgy": w.delivered_mgy,
            "low_mgy": w.low_mgy,
            "high_mgy": w.high_mgy,
            "quality": w.quality.value,
            "unknown_s": figures.charged_s,
            "record_sha256": "",
        },
        Segment,
    )  # fmt: skip


def number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _interruptions(found: Gathered, beams: Sequence[Exposure]) -> Iterator[Interruption]:
    given: list[float] = []
    for before, after in zip(beams, [*beams[1:], None], strict=True):
        if before.end is None or (after is None and causes.by_whom(before.end) == "primary"):
            continue
        given.append(before.end.delivered_mgy)
        asked = found.asked.get(after.token) if after is not None else None
        yield Interruption(
            after_segment=before.start.segment,
            cause=causes.end_words(before.end),
            pause_s=None if after is None else max(0.0, after.start.wall_s - before.end_wall_s),
            delivered_d0_mgy=math.fsum(given),
            resumed_by="" if after is None else after.start.operator,
            physicist=asked is not None and asked.physicist,
            reason="" if asked is None else asked.reason,
        )


def _totals(
    tally: Tally, fraction: Fraction, beams: Sequence[Exposure], start: Start, calculation: Calculation
) -> Totals:
    factor, skin = start.rx_factor, calculation.skin_factor
    rx = start.prescribed.rx_mgy
    d0 = start.d0_mgy
    terms = None if not beams else d0 / start.combination.r0_mgy_per_s - len(beams) * start.combination.dt_s
    return Totals(
        status=tally.status.value,
        flagged=tally.flagged,
        closed=fraction.closed,
        closed_words=fraction.closed_words,
        quality=tally.quality.value,
        delivered_d0_mgy=tally.delivered_mgy,
        low_d0_mgy=tally.low_mgy,
        high_d0_mgy=tally.high_mgy,
        delivered_rx_mgy=tally.delivered_mgy * factor,
        low_rx_mgy=tally.low_mgy * factor,
        high_rx_mgy=tally.high_mgy * factor,
        delivered_skin_mgy=None if skin is None else tally.delivered_mgy * skin,
        low_skin_mgy=None if skin is None else tally.low_mgy * skin,
        high_skin_mgy=None if skin is None else tally.high_mgy * skin,
        off_rx_mgy=tally.delivered_mgy * factor - rx,
        off_pct=100.0 * (tally.delivered_mgy * factor / rx - 1.0) if rx > 0.0 else 0.0,
        rest_d0_mgy=tally.rest_mgy,
        timer_sum_s=tally.beam_s,
        timer_sum_by_terms_s=terms,
        set_sum_s=math.fsum(exposure.start.set_time_s for exposure in beams),
        resumes=tally.resumes,
        trips=tally.trips,
    )  # fmt: skip


def lesion(found: Gathered, fractions: Sequence[Fraction]) -> Lesion:
    """Sums over these fractions of one lesion, of which there is one at least. Each with its own factor."""
    book = found.book
    tallies = [(book.tally(fraction), book.exposures[fraction.tokens[-1]].start) for fraction in fractions]
    given = [(tally, start) for tally, start in tallies if tally.segments]
    last = tallies[-1][1].prescribed
    skins = [(tally.delivered_mgy, calculated(start).skin_factor) for tally, start in given]
    return Lesion(
        lesion_id=last.lesion_id,
        site=last.site,
        laterality=last.laterality,
        fractions_given=len(given),
        fractions_ordered=last.fractions,
        ordered_rx_mgy=math.fsum(start.prescribed.rx_mgy for _, start in given),
        delivered_rx_mgy=math.fsum(tally.delivered_mgy * start.rx_factor for tally, start in given),
        low_rx_mgy=math.fsum(tally.low_mgy * start.rx_factor for tally, start in given),
        high_rx_mgy=math.fsum(tally.high_mgy * start.rx_factor for tally, start in given),
        delivered_skin_mgy=None
        if any(part is None for _, part in skins)
        else math.fsum(dose * part for dose, part in skins if part is not None),
    )  # fmt: skip


def treated(found: Gathered, patient_id: str, lesion_id: str = "") -> list[Fraction]:
    """Treatments of this patient that had beam, or may have it, in the order of their first beam; of one lesion where it is named."""
    book = found.book

    def of(fraction: Fraction) -> bool:
        p = book.exposures[fraction.tokens[0]].start.prescribed
        named = p.patient_id == patient_id and lesion_id in ("", p.lesion_id) and p.purpose is Purpose.TREAT
        return named and book.tally(fraction).segments > 0

    return sorted(filter(of, book.fractions.values()), key=lambda fraction: first_wall_s(found, fraction))


def interval_h(found: Gathered, fraction: Fraction, earlier: Sequence[Fraction]) -> float | None:
    """From the last beam of the fractions before it to its own first START, in hours; None for the first."""
    ends = [found.book.tally(one).last_end_wall_s for one in earlier]
    return (first_wall_s(found, fraction) - max(ends)) / 3600.0 if ends else None


def _before(found: Gathered, fraction: Fraction, site: Site) -> Before:
    book = found.book
    p = book.exposures[fraction.tokens[0]].start.prescribed
    began = first_wall_s(found, fraction)
    of_lesion = [
        one
        for one in treated(found, p.patient_id, p.lesion_id)
        if one is not fraction and first_wall_s(found, one) < began
    ]
    since = interval_h(found, fraction, of_lesion)
    day = day_of(began, site)
    others = [
        one
        for one in treated(found, p.patient_id)
        if one is not fraction and day_of(first_wall_s(found, one), site) == day
    ]

    def lesion_of(one: Fraction) -> str:
        return book.exposures[one.tokens[0]].start.prescribed.lesion_id

    others = [one for one in others if first_wall_s(found, one) < began]
    course = [one for one in of_lesion if book.exposures[one.tokens[0]].start.prescribed.course_id == p.course_id]
    return Before(
        previous_fraction=of_lesion[-1].id if of_lesion else "",
        interval_h=since,
        least_interval_h=p.min_interval_h,
        interval_kept=since is None or since >= p.min_interval_h,
        same_day=tuple(one.id for one in others if lesion_of(one) == p.lesion_id),
        same_day_lesions=tuple(dict.fromkeys(lesion_of(one) for one in others if lesion_of(one) != p.lesion_id)),
        with_this=lesion(found, [*course, fraction]),
    )  # fmt: skip


def _sheets(found: Gathered, exposures: Sequence[Exposure]) -> tuple[Signed | None, tuple[Signed, ...]]:
    """The day's check that was in the records as the first exposure began, and the overrides of before the last; of both what the records believed."""
    last = _daily(found, exposures[0])
    words = ""
    if last is not None:
        day = decoded(last.sheet.body, DaySheet)
        words = "" if day is None else f"of {day.day}, {day.p_kpa:g} kPa, {day.t_c:g} C, detector {day.device}"
    over = [
        _signed(one, f"{said.reason} (set time {said.set_time_s:.2f} s, of fraction 1 {said.first_s:.2f} s)")
        for one, said in _overrides(found, exposures)
        if not found.against.get(one.index)
    ]
    return (None if last is None else _signed(last, words)), tuple(over)


def _overrides(found: Gathered, exposures: Sequence[Exposure]) -> Iterator[tuple[Kept, Override]]:
    """Sheets that speak of this fraction, of before its last exposure, whoever signed them."""
    tag = f"{exposures[0].start.fraction_tag:016x}"
    for one in found.book.sheets.get(SheetKind.OVERRIDE, ()):
        said = decoded(one.sheet.body, Override)
        if said is not None and said.fraction_tag == tag and one.index < exposures[-1].index:
            yield one, said


def _unbelieved(found: Gathered, exposures: Sequence[Exposure]) -> Iterator[str]:
    """The records keep every sheet that is laid down, whatever it says: one that they did not believe is nobody's word."""
    for one, _ in _overrides(found, exposures):
        if wrong := found.against.get(one.index):
            yield f"a sheet in the name of {one.sheet.who} would let this fraction's time pass, and the records did not believe it: {wrong}"


def _daily(found: Gathered, first: Exposure) -> Kept | None:
    """The last sheet of a day's check in the records as this exposure began, of those that they believed when they took them."""
    sheets = found.book.sheets.get(SheetKind.DAILY, ())
    daily = [one for one in sheets if one.index < first.index and not found.against.get(one.index)]
    return daily[-1] if daily else None


def _signed(kept: Kept, words: str) -> Signed:
    sheet = kept.sheet
    return Signed(sheet.kind.value, sheet.who, sheet.role, sheet.at, sheet.sha256, kept.index, words)


def _flags(totals: Totals, before: Before, calculation: Calculation, found: Gathered) -> Iterator[str]:
    """What a person must see first."""
    if found.verified.words:
        yield f"the journal is not whole: {found.verified.words}"
    if not calculation.agrees:
        yield "the calculation made anew from its terms is not the recorded one: have the physicist look"
    if totals.status == "RUNNING":
        yield "an exposure has no end yet: every dose here is provisional"
    if totals.status == "UNKNOWN":
        yield "the dose is UNKNOWN: delivered is the high bound; for the physicist"
    if totals.status == "OVER":
        yield f"OVER: {totals.off_rx_mgy / 10:+.1f} cGy at depth, beyond max(3 %, 5 cGy): report it"
    elif totals.flagged:
        yield f"above the prescription by {totals.off_rx_mgy / 10:.1f} cGy at depth, more than max(1 %, 2 cGy)"
    if totals.status == "PARTIAL":
        yield f"PARTIAL: {totals.off_rx_mgy / 10:+.1f} cGy at depth"
    if totals.closed and abs(totals.off_pct) > FRACTION_OFF_PCT:
        yield f"this fraction is {totals.off_pct:+.1f} % off, beyond {FRACTION_OFF_PCT:g} %: may be to be reported"
    if not before.interval_kept and before.interval_h is not None:
        yield f"{before.interval_h:.1f} h after the last fraction of this lesion, at least {before.least_interval_h:g} were ordered"
    if before.same_day:
        yield f"another fraction of this lesion on the same day: {', '.join(before.same_day)}"
