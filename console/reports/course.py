"""From the gathered records to what a report says of one course: every fraction in order, sums by lesion, intervals, and what may be to be reported.
Pure; the bounds are one table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from console.reports.beside import Beside, starts_of
from console.reports.codes import on
from console.reports.gather import Gathered, Telling
from console.reports.lacks import lacks_of
from console.reports.model import (
    FRACTION_OFF_PCT,
    Site,
    air_of,
    calculated,
    day_of,
    first_wall_s,
    instant,
    interval_h,
    lesion,
    name_of,
    renamed,
    treated,
    unproven,
)
from console.reports.told import (
    COURSE_SCHEMA,
    CourseReport,
    FractionLine,
    Lesion,
    OfLesion,
    Patient,
    Source,
    Stated,
)
from controller.prescribed import Prescribed
from records.book import Fraction, Status

TOTAL_OFF_PCT: Final = 20.0
WEEK_OFF_PCT: Final = 30.0
FEW_FRACTIONS: Final = 3
"""What may be to be reported to the authority: a week off by more than 30 %, the whole by more than 20 %, or 10 % where there are three fractions at most."""
WEEK_S: Final = 7 * 86400.0


def courses(found: Gathered) -> tuple[tuple[str, str], ...]:
    """Patient and course of every treatment in these records."""
    starts = (found.book.exposures[fraction.tokens[0]].start.prescribed for fraction in found.book.fractions.values())
    return tuple(dict.fromkeys((p.patient_id, p.course_id) for p in starts if p.purpose.name == "TREAT"))


def course_report(
    found: Gathered, patient_id: str, course_id: str, site: Site, beside: Beside | None = None
) -> CourseReport:
    """The report of one course. KeyError where the records have no treatment of it."""
    fractions = [one for one in treated(found, patient_id) if _prescribed(found, one).course_id == course_id]
    if not fractions:
        raise KeyError(course_id)
    by_lesion: dict[str, list[Fraction]] = {}
    for fraction in fractions:
        by_lesion.setdefault(_prescribed(found, fraction).lesion_id, []).append(fraction)
    lesions = tuple(lesion(found, some) for some in by_lesion.values())
    last = max((found.last_told[one.id] for one in fractions), key=lambda telling: telling.index)
    start = found.book.exposures[fractions[-1].tokens[-1]]
    opening = found.book.openings.get(start.instance)
    of_lesions = tuple(
        OfLesion(name, beside.particulars([start for one in some for start in starts_of(found, one)]))
        for name, some in by_lesion.items()
        if beside is not None
    )
    return CourseReport(
        schema=COURSE_SCHEMA,
        simulated=any(found.book.exposures[one.tokens[0]].start.simulated for one in fractions),
        rig=opening.rig if opening is not None else site.rig,
        time_zone=site.time_zone,
        course_id=course_id,
        patient=Patient(patient_id, start.start.prescribed.patient_id_2),
        source=_source(
            found,
            fractions,
            last,
            max((beside.entry(one, _prescribed(found, one)) for one in fractions), default=0)
            if beside is not None
            else 0,
            max((beside.gone(one, _prescribed(found, one)) for one in fractions), default=0)
            if beside is not None
            else 0,
        ),
        fractions=(lines := tuple(_line(found, one, fractions, site, beside) for one in fractions)),
        lesions=lesions,
        flags=(
            *_two_patients(found, fractions),
            *_flags(found, by_lesion, lesions),
            *_unproven(lines),
            *_named(of_lesions),
        ),
        particulars=of_lesions,
        lacks=lacks_of([air_of(found, one, site) for one in fractions]),
    )


def _prescribed(found: Gathered, fraction: Fraction) -> Prescribed:
    return found.book.exposures[fraction.tokens[0]].start.prescribed


def _source(found: Gathered, fractions: Sequence[Fraction], last: Telling, entry: int, gone: int) -> Source:
    """Every record that told of one of its fractions, in the journal's order."""
    every = sorted(
        (one for fraction in fractions for one in found.told.get(fraction.id, ())), key=lambda one: one.index
    )
    earlier = tuple(one.digest.hex() for one in every if one.index < last.index)
    whole, words = not found.verified.words, found.verified.words
    return Source(last.index, last.digest.hex(), earlier, whole, words, entry, gone)


def _unproven(lines: Sequence[FractionLine]) -> Iterator[str]:
    """Each once: a chain that is not whole is so for every fraction."""
    yield from dict.fromkeys(said for line in lines for said in unproven(line.approval, line.lesion))
    for line in lines:
        yield from (f"fraction {line.id}: {said}" for said in (line.chart.gone if line.chart is not None else ()))


def _named(of_lesions: Sequence[OfLesion]) -> Iterator[str]:
    """Each once; and a patient who is named otherwise for one lesion than for another: people find out which is right."""
    yield from dict.fromkeys(said for one in of_lesions for said in renamed(one.particulars))
    for what, of in (("name", name_of), ("birth date", _born)):
        said = dict.fromkeys(words for one in of_lesions if (words := of(one.particulars.now)))
        if len(said) > 1:
            yield f"the patient's {what} is stated differently for lesions of this course: {' and '.join(map(repr, said))}"


def _two_patients(found: Gathered, fractions: Sequence[Fraction]) -> Iterator[str]:
    """A patient is who both identifiers say: where the second one differs, one of them was typed wrongly, or sums and names are of two."""
    ids = dict.fromkeys(_prescribed(found, one).patient_id_2 for one in fractions)
    if len(ids) > 1:
        yield (
            f"the fractions of this course have different second identifiers ({' and '.join(map(repr, ids))}), and its sums are of all of them; "
            "particulars are those of each lesion's last fraction: find out whose they are"
        )


def _born(said: Stated | None) -> str:
    return "" if said is None else said.birth_date or ""


def _line(
    found: Gathered, fraction: Fraction, all_of_it: Sequence[Fraction], site: Site, beside: Beside | None
) -> FractionLine:
    book = found.book
    tally, start = book.tally(fraction), book.exposures[fraction.tokens[-1]].start
    p, began = start.prescribed, first_wall_s(found, fraction)
    day, at_skin = day_of(began, site), calculated(start).skin_factor
    earlier = [one for one in treated(found, p.patient_id, p.lesion_id) if first_wall_s(found, one) < began]
    since = interval_h(found, fraction, earlier)
    same_day = [
        one.id
        for one in all_of_it
        if one is not fraction
        and day_of(first_wall_s(found, one), site) == day
        and _prescribed(found, one).lesion_id == p.lesion_id
    ]
    return FractionLine(
        id=fraction.id,
        day=str(day),
        started_at=instant(began) or "",
        lesion_id=p.lesion_id,
        fraction=p.fraction,
        fractions=p.fractions,
        status=tally.status.value,
        flagged=tally.flagged,
        quality=tally.quality.value,
        rx_mgy=p.rx_mgy,
        delivered_rx_mgy=tally.delivered_mgy * start.rx_factor,
        low_rx_mgy=tally.low_mgy * start.rx_factor,
        high_rx_mgy=tally.high_mgy * start.rx_factor,
        delivered_d0_mgy=tally.delivered_mgy,
        delivered_skin_mgy=None if at_skin is None else tally.delivered_mgy * at_skin,
        timer_sum_s=tally.beam_s,
        resumes=tally.resumes,
        interval_h=since,
        interval_kept=since is None or since >= p.min_interval_h,
        same_day=tuple(same_day),
        codes=tuple(code.code for code in on(site.codes, day, p.kv) if code.once_per == "fraction"),
        record_sha256=found.last_told[fraction.id].digest.hex(),
        approval=None if beside is None else beside.approval(starts_of(found, fraction)),
        lesion=None if beside is None else beside.lesion(starts_of(found, fraction)),
        chart=None if beside is None else beside.chart(found, fraction, tally),
    )


def _flags(found: Gathered, by_lesion: dict[str, list[Fraction]], lesions: Sequence[Lesion]) -> Iterator[str]:
    if found.verified.words:
        yield f"the journal is not whole: {found.verified.words}"
    for (name, fractions), whole in zip(by_lesion.items(), lesions, strict=True):
        tallies = [found.book.tally(one) for one in fractions]
        for status in (Status.RUNNING, Status.UNKNOWN, Status.OVER, Status.PARTIAL):
            some = [one.id for one, tally in zip(fractions, tallies, strict=True) if tally.status is status]
            if some:
                yield f"lesion {name}: {status.value}: fraction {', '.join(some)}"
        if not all(one.closed for one in fractions):
            continue
        off = _off_pct(whole.delivered_rx_mgy, whole.ordered_rx_mgy)
        bound = FRACTION_OFF_PCT if whole.fractions_ordered <= FEW_FRACTIONS else TOTAL_OFF_PCT
        if abs(off) > bound:
            yield f"lesion {name}: all fractions so far are {off:+.1f} % off what was ordered for them, beyond {bound:g} %: may be to be reported"
        for at, week in _weeks(found, fractions):
            if abs(week) > WEEK_OFF_PCT:
                yield f"lesion {name}: the seven days from {at} are {week:+.1f} % off, beyond {WEEK_OFF_PCT:g} %: may be to be reported"


def _weeks(found: Gathered, fractions: Sequence[Fraction]) -> Iterator[tuple[str, float]]:
    """Seven days from each fraction on: what was given against what was ordered for these fractions."""
    book = found.book
    for first in fractions:
        began = first_wall_s(found, first)
        some = [one for one in fractions if 0.0 <= first_wall_s(found, one) - began < WEEK_S]
        given = math.fsum(
            book.tally(one).delivered_mgy * book.exposures[one.tokens[-1]].start.rx_factor for one in some
        )
        yield (instant(began) or "")[:10], _off_pct(given, math.fsum(_prescribed(found, one).rx_mgy for one in some))


def _off_pct(given: float, ordered: float) -> float:
    return 100.0 * (given / ordered - 1.0) if ordered > 0.0 else 0.0
