"""What a detector's readings say against a day's check: each is of an exposure, in its air, near what it is held against; none of the day is left out.
Pure. Which baselines are in force it does not know: whoever asks hands them in. Of the day's rooms it imports day_forms, never baselines or day."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import takewhile
from typing import Final

from controller.entries import Outcome
from hal.readings import Purpose
from records.book import Book, Exposure, Kept
from records.day_forms import (
    FIRST,
    NOT_OFF,
    Baseline,
    Beamed,
    DaySheet,
    DaySite,
    Held,
    Left,
    Line,
    Offs,
    alike,
    beam_of,
    decoded,
    signed_baselines,
)
from records.sheets import SheetKind, wrong_signature
from records.warm_up import today

STOP_PART: Final = 0.03
CALIBRATE_PART: Final = 0.05
"""Output off its baseline: above 3 % nobody is treated, above 5 % the machine is calibrated anew. Neither ever changes a number (accident-A1)."""
SEAT_PART: Final = 0.01
"""A detector that was taken off and seated anew reads the same within this, or it was not seated."""
STATION_KPA: Final = 5.0
TEMPERATURE_C: Final = (10.0, 40.0)
ALTITUDE_M: Final = (-500.0, 6000.0)
"""Where people live. Beyond it the formula of the standard atmosphere is none: above 44.3 km its power has no real value, far off it has none at all."""
REFERENCE_KPA, REFERENCE_C, ZERO_C = 101.325, 20.0, 273.15
SET_S: Final = 0.02
"""An exposure of the check and one of its baseline are of the same set time within two steps of the unit's timer."""
UNREAD_MOST: Final = 1
"""So many whole exposures of a day's check may have no reading in any sheet: a console that died before it was typed."""
NEAR_S: Final = 2.0 * 86400.0
"""Further apart than this two times are of no one day, whatever the zone."""


def corrected(reading: float, p_kpa: float, t_c: float, vented: bool) -> float:
    """The reading at 101.325 kPa and 20 C."""
    return reading * (REFERENCE_KPA / p_kpa) * ((ZERO_C + t_c) / (ZERO_C + REFERENCE_C)) if vented else reading


def judged(name: str, ratio: float, of: str = "its baseline") -> str:
    """What follows from one reading over its baseline; "" where it passes."""
    off = abs(ratio - 1.0)
    if off <= STOP_PART:
        return ""
    first = "calibrate, and sign a new certificate first" if off > CALIBRATE_PART else "call the physicist first"
    bound = CALIBRATE_PART if off > CALIBRATE_PART else STOP_PART
    return f"{name}: {100 * (ratio - 1.0):+.2f} % off {of}, above {100 * bound:g} %: {first}"


def furthest(
    last: Baseline, first: Baseline, off: Offs, beam: Beamed, reading: float, air: tuple[float, float]
) -> tuple[float, str]:
    """A detector's reading over what it is held against, there where it is furthest from 1, and the words for that: its baseline in force, and, with how far
    the output was off as its first one was begun, what the first detector of all was begun with. A patient's bound is of the whole: each baseline has 1 % of
    its own, and a check that stays within 3 % of the last one would treat at 4 %. 0 where it has no row of this combination, or one that reads nothing."""
    parts = list[tuple[float, str]]()
    begun = off.get((beam[0], beam[2]), NOT_OFF)
    for base, by, of in ((last, NOT_OFF, "its baseline"), (first, begun, "what the first detector was begun with")):
        was = next((row.reading for row in base.lines if beam_of(row) == beam), 0.0)
        parts += [(corrected(reading, *air, base.vented) / was * one, of) for one in by if was > 0.0]
    return max(parts, key=lambda one: abs(one[0] - 1.0), default=(0.0, "its baseline"))


def air_words(p_kpa: float, t_c: float, altitude_m: float) -> str:
    """Why pressure and temperature are not of this place, or ""; a pressure reduced to sea level is not (accident-A12)."""
    standard = REFERENCE_KPA * (1.0 - 2.25577e-5 * altitude_m) ** 5.25588
    if not abs(p_kpa - standard) <= STATION_KPA:
        return f"{p_kpa:g} kPa is not within {STATION_KPA:g} of the {standard:.1f} that {altitude_m:g} m above the sea have: read station pressure"
    low, high = TEMPERATURE_C
    return "" if low <= t_c <= high else f"{t_c:g} C is not within {low:g} to {high:g}: measure it at the detector"


def altitude_words(altitude_m: float) -> str:
    """Why no machine stands at this altitude, or ""."""
    low, high = ALTITUDE_M
    if low <= altitude_m <= high:
        return ""
    return (
        f"{altitude_m:g} m above the sea is not within {low:g} to {high:g}: write the altitude of the site, in metres"
    )


def daily_tokens(book: Book, after: int, before: int) -> set[int]:
    """Exposures for a day's check that had beam, or may have it, and began between two records."""
    found: set[int] = set()
    for one in reversed(book.exposures.values()):
        if one.index <= after:
            break
        if one.index < before and one.start.prescribed.purpose is Purpose.DAILY and not one.void:
            found.add(one.token)
    return found


def of_readings(
    book: Book, kept: Kept, sheet: DaySheet, by: Held, site: DaySite, known: Mapping[str, Held]
) -> Iterator[str]:
    """What the readings themselves say against a check, as it was signed; nothing that came after it is asked. `known` are the baselines that readings are
    held against: whoever asks has them, for which of them are in force is itself asked by the readings of checks."""
    wrong_air = air_words(sheet.p_kpa, sheet.t_c, by.last[1].altitude_m)
    if wrong_air:
        yield f"the daily check's air: {wrong_air}, and {FIRST}"
        return
    lines = (*sheet.lines, sheet.seated_anew)
    if not sheet.lines or len({one.token for one in lines}) != len(lines):
        yield f"the daily check has no reading of its own for each combination: {FIRST}"
        return
    for one in lines:
        yield from _line(book, one, sheet, by, site.tz)
    yield from _seated(sheet)
    yield from _accounted(book, kept, sheet, site, known)


def _furthest(by: Held, beam: Beamed, reading: float, air: tuple[float, float]) -> tuple[float, str]:
    return furthest(by.last[1], by.first, by.off, beam, reading, air)


def _line(book: Book, one: Line, sheet: DaySheet, by: Held, zone: tzinfo) -> Iterator[str]:
    name = f"{one.kv:g} kV {one.ma:g} mA {one.filter} {one.applicator}"
    row = next(
        (
            b
            for b in by.last[1].lines
            if (b.kv, b.ma, b.filter, b.applicator) == (one.kv, one.ma, one.filter, one.applicator)
        ),
        None,
    )
    if row is None:
        yield f"{name} has no baseline: have the physicist make one first (kerma daily --baseline)"
        return
    exposure = book.exposures.get(one.token)
    p = exposure.start.prescribed if exposure is not None else None
    if (
        exposure is None
        or p is None
        or (p.kv, p.ma, p.filter_id, p.applicator_id)
        != (
            one.kv,
            one.ma,
            one.filter,
            one.applicator,
        )
    ):
        yield f"{name}: exposure {one.token} of the records is none of it: {FIRST}"
        return
    yield from of_today(exposure, sheet, zone)
    if exposure.end is None or exposure.end.outcome is not Outcome.TERMINATED:
        yield f"{name}: exposure {one.token} did not end as it should: {FIRST}"
    if not abs(exposure.start.set_time_s - row.set_s) <= SET_S:
        yield f"{name}: exposure {one.token} was set to {exposure.start.set_time_s:g} s, its baseline to {row.set_s:g}: {FIRST}"
    wrong = judged(f"the daily check, {name}", *_furthest(by, beam_of(row), one.reading, (sheet.p_kpa, sheet.t_c)))
    if wrong:
        yield wrong


def of_today(exposure: Exposure, sheet: DaySheet, zone: tzinfo) -> Iterator[str]:
    start = exposure.start
    same = (start.certificate_sha256.hex(), start.software_version) == (
        sheet.bound.certificate_sha256,
        sheet.bound.software_version,
    )
    if start.prescribed.purpose is not Purpose.DAILY or not same:
        yield f"exposure {exposure.token} was no exposure of a daily check with this certificate and program: {FIRST}"
    if str(today(exposure.seen.wall_s, zone)) != sheet.day or exposure.seen.wall_s < sheet.begun_wall_s:
        yield f"exposure {exposure.token} is not of this check of {sheet.day}: {FIRST}"


def _seated(sheet: DaySheet) -> Iterator[str]:
    first, anew = sheet.lines[0], sheet.seated_anew
    if (first.kv, first.ma, first.filter, first.applicator) != (anew.kv, anew.ma, anew.filter, anew.applicator):
        yield f"the detector was not seated anew for the first combination: {FIRST}"
    elif not abs(anew.reading - first.reading) <= SEAT_PART * abs(first.reading):
        off = 100 * (anew.reading / first.reading - 1.0) if first.reading else float("inf")
        yield f"seated anew the detector shows {off:+.2f} %, above {100 * SEAT_PART:g} %: it was not seated: {FIRST}"


def _accounted(book: Book, kept: Kept, sheet: DaySheet, site: DaySite, known: Mapping[str, Held]) -> Iterator[str]:
    """Whoever measures until it fits leaves exposures that stand in no sheet, or readings that stand in two."""
    told, readings = {token for _, base in signed_baselines(book, site) for token in base.tokens}, dict[int, float]()
    made = _made_that_day(book, kept, sheet, site)
    before = [*_sheets_before(book, kept, min((one.index for one in made), default=kept.index), site)]
    for one in before:
        told |= _told(one)
        readings |= {line.token: line.reading for line in (*one.lines, one.seated_anew)}
    since = max((one for one in book.voided if one < kept.index), default=0)
    daily = {
        one.token
        for one in made
        if one.start.prescribed.purpose is Purpose.DAILY and since < one.index < kept.index and not one.void
    }
    if missing := sorted(daily - told - _told(sheet)):
        yield f"exposures of the daily check that its sheet does not tell of: {', '.join(map(str, missing))}: {FIRST}"
    yield from _off_today(book, kept, sheet, before, site, known)
    yield from _unread(book, kept, sheet, before, site, known)
    for line in (*sheet.lines, sheet.seated_anew):
        if readings.get(line.token, line.reading) != line.reading:
            yield f"exposure {line.token} read {readings[line.token]:g} in the sheet before and {line.reading:g} in this one: {FIRST}"


def _off_today(
    book: Book, kept: Kept, sheet: DaySheet, before: Sequence[DaySheet], site: DaySite, known: Mapping[str, Held]
) -> Iterator[str]:
    """Readings of this day and certificate that serve this check no more and were off: what was measured once is not gone because it was measured again, or
    told otherwise: of an exposure the first sheet that tells a reading has it. Above 3 % the physicist makes the check; one above 5 % that a person had kept
    asks for a new certificate (accident-A1). One that is held against nothing says not how far it is off, and is the physicist's."""
    off: dict[int, Left] = {}
    for one in (*before, sheet):
        lines = () if one is sheet else (*one.lines, one.seated_anew)
        told = {left.token: left for left in one.left if left.reading is not None}
        told |= {line.token: Left(line.token, "", line.reading, True, one.device, one.p_kpa, one.t_c) for line in lines}
        off = told | off
    for left in off.values():
        found, off_by = _off_part(book, left, sheet, site, known)
        if not found > STOP_PART:
            continue
        said = f"exposure {left.token} of this day read {left.reading:g} by {left.device}"
        if left.kept and CALIBRATE_PART < found < math.inf:
            yield f"{said}, {off_by}: calibrate, and sign a new certificate first"
        elif kept.sheet.role != "physicist":
            yield f"{said}, {off_by}: have the physicist make the daily check and sign it first (kerma daily --physicist)"


def _unread(
    book: Book, kept: Kept, sheet: DaySheet, before: Sequence[DaySheet], site: DaySite, known: Mapping[str, Held]
) -> Iterator[str]:
    """Exposures of this day and certificate that ran to their end as a reading's do, and whose reading nobody told. One may be a crash's; whoever leaves a
    check before typing what was off leaves more of them, and then the physicist makes the check."""
    every = (*before, sheet)
    told = {line.token for one in every for line in (*one.lines, one.seated_anew)}
    told |= {left.token for one in every for left in one.left if left.reading is not None}
    unread = sorted({left.token for one in every for left in one.left} - told)
    whole = [token for token in unread if _serves(book.exposures.get(token), sheet, site, known)]
    if len(whole) > UNREAD_MOST and kept.sheet.role != "physicist":
        yield (
            f"exposures {', '.join(map(str, whole))} of this day ran to their end, and no sheet tells what the detector showed of them (at most "
            f"{UNREAD_MOST} may be so): have the physicist make the daily check and sign it first (kerma daily --physicist)"
        )


def _serves(exposure: Exposure | None, sheet: DaySheet, site: DaySite, known: Mapping[str, Held]) -> bool:
    """Whether an exposure of this day and certificate would have served a reading: whole, and for a set time of a baseline."""
    if exposure is None or exposure.end is None or exposure.end.outcome is not Outcome.TERMINATED:
        return False
    start, p = exposure.start, exposure.start.prescribed
    rows = {
        (row.kv, row.ma, row.filter, row.applicator, row.set_s)
        for held in known.values()
        for base in (held.first, held.last[1])
        for row in base.lines
    }
    return (
        p.purpose is Purpose.DAILY
        and start.certificate_sha256.hex() == sheet.bound.certificate_sha256
        and str(today(exposure.seen.wall_s, site.tz)) == sheet.day
        and any(
            (p.kv, p.ma, p.filter_id, p.applicator_id) == row[:4] and abs(start.set_time_s - row[4]) <= SET_S
            for row in rows
        )
    )


def _off_part(book: Book, left: Left, sheet: DaySheet, site: DaySite, known: Mapping[str, Held]) -> tuple[float, str]:
    """By which part a reading is off what its detector is held against, with the words for it: by the air in which it was read, for another air makes it no
    better (by the air of this sheet where an older program noted none). Infinite where it can be held against nothing; 0 where the exposure is of another day
    or certificate, or was not whole."""
    exposure = book.exposures.get(left.token)
    if (
        exposure is None
        or left.reading is None
        or exposure.start.certificate_sha256.hex() != sheet.bound.certificate_sha256
        or str(today(exposure.seen.wall_s, site.tz)) != sheet.day
    ):
        return 0.0, ""
    p = exposure.start.prescribed
    by = known.get(alike(left.device))
    found = by.last if by is not None else None
    key = (p.kv, p.ma, p.filter_id, p.applicator_id)
    rows = [one for one in found[1].lines if (one.kv, one.ma, one.filter, one.applicator) == key] if found else []
    if by is None or not found or not rows or not rows[0].reading > 0.0:
        said = "that has no baseline in force for it"
        return math.inf, said
    own = left.p_kpa is not None and left.t_c is not None
    p_kpa, t_c = (left.p_kpa or 0.0, left.t_c or 0.0) if own else (sheet.p_kpa, sheet.t_c)
    if wrong := air_words(p_kpa, t_c, found[1].altitude_m):
        said = f"in an air that is not of this place ({wrong})"
        return math.inf, said
    ratio, of = _furthest(by, key, left.reading, (p_kpa, t_c))
    part = abs(ratio - 1.0)
    bound = CALIBRATE_PART if left.kept and part > CALIBRATE_PART else STOP_PART
    said = f"{100 * part:.2f} % off {of}, above {100 * bound:g} %"
    return part, said


def _told(sheet: DaySheet) -> set[int]:
    lines = {one.token for one in (*sheet.lines, sheet.seated_anew)}
    return lines | {sheet.interrupt_token} | {one.token for one in sheet.left if one.why.strip()}


def _made_that_day(book: Book, kept: Kept, sheet: DaySheet, site: DaySite) -> list[Exposure]:
    """Every exposure of the day of a sheet that came into the records on its own day, whatever it was for, in the order of the records."""
    return [
        one
        for one in book.exposures.values()
        if abs(one.seen.wall_s - kept.wall_s) <= NEAR_S and str(today(one.seen.wall_s, site.tz)) == sheet.day
    ]


def _sheets_before(book: Book, kept: Kept, since_index: int, site: DaySite) -> Iterator[DaySheet]:
    """The day's other checks in the order of the records, signed as they must be, and whatever came of them. A sheet tells of exposures that are made: one
    of before the day's first tells of none of them, and its signature is not looked at, for these records keep the sheets of years."""
    late = takewhile(lambda one: one.index > since_index, reversed(book.sheets.get(SheetKind.DAILY, [])))
    for one in reversed([*late]):
        if one.index < kept.index and not wrong_signature(one.sheet, site.signers):
            sheet = decoded(one.sheet.body, DaySheet)
            if sheet is not None:
                yield sheet
