"""Which baselines are in force: what each detector is held against under a certificate, or why a new one is not.
Pure. Of the day's rooms it imports day_forms and day_readings (a further detector is begun beside a check whose readings hold), never day."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from controller.prescribed import Combination
from hal.readings import Purpose
from records.book import Book, Kept
from records.day_forms import (
    NOT_OFF,
    BaseLine,
    Baseline,
    Beamed,
    DaySheet,
    DaySite,
    Held,
    Offs,
    alike,
    beam_of,
    decoded,
    signed_baselines,
)
from records.day_readings import altitude_words, corrected, daily_tokens, of_readings
from records.sheets import Sheet, SheetKind, wrong_signature
from records.warm_up import NOW, today

BASELINE_PART: Final = 0.01
"""A new baseline that is further than this from what it is held against has moved."""
READ_DAYS: Final = 7
"""A new baseline begins free within so many days of its output's readings: in between nothing watches the machine, and what moved there would be the baseline.
An assumption: measuring, drafting and signing take less."""


class Stands(msgspec.Struct, frozen=True):
    """What a baseline stands on: its combinations as their certificate has them, and when the first of its exposures was made."""

    outputs: Mapping[Beamed, Combination]
    exposed_wall_s: float


def baseline_of(book: Book, site: DaySite, certificate_sha256: str, device: str) -> tuple[Kept, Baseline] | None:
    """The baseline in force for this certificate and this detector."""
    found = baselines_of(book, site, certificate_sha256).get(alike(device))
    return found.last if found is not None else None


def baselines_of(book: Book, site: DaySite, certificate_sha256: str) -> dict[str, Held]:
    """What each detector of this certificate is held against, by its name as `alike` has it: baselines that a physicist signed and exposures of these records
    measured. A certificate whose output was measured anew begins with any detector; one whose output was read before an earlier one's first baseline begins
    where that was. Of one detector it is the last that says what its first one says, within 1 %; of a further detector the first one counts where a check by
    one of those before it was in force. The 1 % holds for the whole way back to what was measured, through however many detectors and certificates. A machine
    that has moved is calibrated anew and given neither another baseline nor another detector (accident-A1)."""
    every = [*signed_baselines(book, site)]
    akin = _akin([(base, stands_on(book, base)) for _, base in every], certificate_sha256)
    return _in_force(book, site, every, akin).get(certificate_sha256, {})


def rows_before(book: Book, site: DaySite, base: Baseline) -> list[BaseLine]:
    """What the baselines in force of this tube are of, those of this certificate first and then of the newest one: a new baseline is of the same
    combinations, where its certificate has them."""
    every = [*signed_baselines(book, site)]
    found = _in_force(book, site, every, {one.certificate_sha256 for _, one in every})
    newest = (base.certificate_sha256, *reversed(found))
    firsts = [held.first for name in newest for held in found.get(name, {}).values()]
    return [row for first in firsts if _same_tube(first, base) for row in first.lines]


def outputs_of(combinations: Iterable[Combination]) -> dict[Beamed, Combination]:
    """Each combination by what a row of a baseline calls it."""
    return {(one.kv, one.ma, one.filter_id, one.applicator_id): one for one in combinations}


def stands_on(book: Book, base: Baseline) -> Stands:
    """What was exposed for a baseline, as these records have it."""
    made = [book.exposures[token] for token in base.tokens if token in book.exposures]
    return Stands(
        outputs_of(one.start.combination for one in made), min((one.seen.wall_s for one in made), default=math.inf)
    )


def _same_tube(one: Baseline, other: Baseline) -> bool:
    """Whether one says something of the other's output. The machine's serial is its safety unit's: another board turns no tube into another, and a
    certificate that names one frees no old reading."""
    return one.tube_serial == other.tube_serial


def _row_words(row: BaseLine) -> str:
    return " ".join((f"{row.kv:g} kV", f"{row.ma:g} mA", row.filter, row.applicator))


def _not_since(row: BaseLine, now: Stands, was: BaseLine, then: Stands, exposed_wall_s: float) -> bool:
    """Whether nobody has measured the output of a row since an earlier certificate's first baseline was exposed, which is of this kV and filter: its readings
    are older than that, or over READ_DAYS older than the row's own first exposure: the machine may have moved after them. Where nothing says when they were
    taken (a simulated plant, an older program's START) R0 within 1 % of the same combination is so. What was never exposed shows nothing."""
    one = now.outputs.get(beam_of(row))
    if one is None:
        return True
    if one.measured_wall_s is not UNSET:
        return one.measured_wall_s < max(exposed_wall_s, now.exposed_wall_s - READ_DAYS * 86400.0)
    old = then.outputs.get(beam_of(was))
    same = beam_of(row) == beam_of(was)
    return same and (old is None or abs(one.r0_mgy_per_s - old.r0_mgy_per_s) <= BASELINE_PART * old.r0_mgy_per_s)


def _akin(every: Sequence[tuple[Baseline, Stands]], certificate_sha256: str) -> set[str]:
    """This certificate and those whose baselines one of its own may be held against, and in turn theirs: which of its baselines are in force depends on no
    other one's."""
    akin, new = {certificate_sha256}, {certificate_sha256}
    while new:
        mine = [one for one in every if one[0].certificate_sha256 in new]
        others = [one for one in every if one[0].certificate_sha256 not in akin]
        new = {then[0].certificate_sha256 for then in others if any(_may_hold(now, then) for now in mine)}
        akin |= new
    return akin


def _may_hold(now: tuple[Baseline, Stands], then: tuple[Baseline, Stands]) -> bool:
    """Whether a baseline of another certificate can say something of this one."""
    return _same_tube(now[0], then[0]) and any(
        _not_since(row, now[1], was, then[1], then[1].exposed_wall_s)
        for row in now[0].lines
        for was in then[0].lines
        if (row.kv, row.filter) == (was.kv, was.filter)
    )


def _in_force(
    book: Book, site: DaySite, every: Sequence[tuple[Kept, Baseline]], akin: set[str]
) -> dict[str, dict[str, Held]]:
    """The baselines of these certificates that are in force, by certificate and detector, each judged by those before it."""
    found: dict[str, dict[str, Held]] = {}
    for kept, base in every:
        if base.certificate_sha256 not in akin:
            continue
        wrong, off = _weighed(book, site, base, found)
        if not wrong:
            mine, name = found.setdefault(base.certificate_sha256, {}), alike(base.device)
            was = mine.get(name)
            mine[name] = Held(base, (kept, base), off) if was is None else Held(was.first, (kept, base), was.off)
    return found


def of_baseline(book: Book, site: DaySite, sheet: Sheet) -> str:
    """What stands against a new baseline that is signed as it must be."""
    base = decoded(sheet.body, Baseline)
    if base is None:
        return "the baseline is none that this program can read: have the physicist make a new one first"
    return _weighed(book, site, base, _before(book, site, base, stands_on(book, base)))[0]


def _before(book: Book, site: DaySite, base: Baseline, on: Stands) -> dict[str, dict[str, Held]]:
    """What is in force beside a baseline that is not in the records yet."""
    every = [*signed_baselines(book, site)]
    akin = _akin([*((one, stands_on(book, one)) for _, one in every), (base, on)], base.certificate_sha256)
    return _in_force(book, site, every, akin)


def against_begun(
    book: Book, site: DaySite, wanted: Baseline, combinations: Iterable[Combination], wall_s: float
) -> str:
    """What stands against a baseline that is begun now, its readings empty; `combinations` are the certificate's."""
    on = Stands(outputs_of(combinations), wall_s)
    before = _before(book, site, wanted, on)
    others = before.get(wanted.certificate_sha256, {})
    if alike(wanted.device) in others:
        return ""
    words, _ = further(book, site, wanted, others, NOW, wall_s)
    return words or ("" if others else unmeasured(book, wanted, before, on)[0])


def _weighed(book: Book, site: DaySite, base: Baseline, before: Mapping[str, Mapping[str, Held]]) -> tuple[str, Offs]:
    """What stands against a baseline beside those that were in force before it, by certificate, and how far the output was off as it was begun."""
    wrong = wrong_baseline(book, base)
    if wrong:
        return wrong, {}
    others = before.get(base.certificate_sha256, {})
    same = others.get(alike(base.device))
    if same is not None:
        return moved(base, same), {}
    if not others:
        return unmeasured(book, base, before, stands_on(book, base))
    begun = min((book.exposures[token] for token in base.tokens), key=lambda one: one.index)
    return further(book, site, base, others, begun.index, begun.seen.wall_s)


def unmeasured(book: Book, base: Baseline, before: Mapping[str, Mapping[str, Held]], on: Stands) -> tuple[str, Offs]:
    """Why the first baseline under a certificate is none, where an output of it was read before an earlier certificate's first baseline of this tube,
    or over READ_DAYS before this one: as far as anybody has measured it, the detector of before shows of it what it showed, within 1 %, and of the
    combination that it showed it of. A baseline of after those readings is asked, one of before them only where there is none, and beside one that stands on
    newer readings none is given. One that is to be made yet (its readings empty) is asked for detector and combination alone. Beside it how far the output is
    off by those detectors, for whatever is begun from here."""
    known = [one for name, of in before.items() if name != base.certificate_sha256 for one in _firsts(book, base, of)]
    off = dict[tuple[float, str], tuple[float, float]]()
    for row in base.lines:
        since = [
            (held, then, was, exposed_wall_s)
            for held, then, exposed_wall_s in known
            for was in held.first.lines
            if (was.kv, was.filter) == (row.kv, row.filter) and _not_since(row, on, was, then, exposed_wall_s)
        ]
        # one whose certificate's first baseline was exposed after these readings says what a detector showed of this very output
        of_it = [(held, was) for held, _, was, exposed_wall_s in since if _read_s(on, row) < exposed_wall_s]
        old = of_it or [(held, was) for held, _, was, _ in since]
        newer = [held for held, then, _ in known if _read_s(on, row) < _read_s(then, row)]
        another = "" if of_it else next((words for one in since if (words := _another_output(row, on, *one[:3]))), "")
        if wrong := _superseded(row, newer) or _unmeasured_row(base, row, old) or another:
            return wrong, {}
        for held, was in old:
            same = (beam_of(was), alike(held.first.device)) == (beam_of(row), alike(base.device))
            if same and row.reading > 0.0 and was.reading > 0.0:
                _widen(off, held, (row.kv, row.filter), row.reading / was.reading)
    return "", off


def _read_s(on: Stands, row: BaseLine) -> float:
    """When the output of a row was read first, not a number where nothing says it: that is before nothing and after nothing."""
    one = on.outputs.get(beam_of(row))
    return math.nan if one is None or one.measured_wall_s is UNSET else one.measured_wall_s


def _another_output(row: BaseLine, on: Stands, held: Held, then: Stands, was: BaseLine) -> str:
    """Why what a detector showed before the output was read says nothing of it: R0 moved with those readings, so a machine that shows the same is off."""
    now, before = on.outputs.get(beam_of(row)), then.outputs.get(beam_of(was))
    if now is None or before is None:
        return ""
    part = now.r0_mgy_per_s / before.r0_mgy_per_s
    if abs(part - 1.0) <= BASELINE_PART:
        return ""
    return (
        f"{_row_words(row)}: R0 is {100.0 * (part - 1.0):+.2f} % off that under which {held.first.device} had its baseline, and no detector has shown "
        f"this output within {READ_DAYS} days of its readings: measure the output anew, and sign a new certificate first"
    )


def _superseded(row: BaseLine, newer: Sequence[Held]) -> str:
    """Why a row is none whose output was read anew since: the baselines on the newer readings show another output, and say nothing of this one."""
    if not newer:
        return ""
    names = " or ".join(dict.fromkeys(held.first.device for held in newer))
    return (
        f"{_row_words(row)}: the output was read anew since the readings that this certificate has, and the baseline by {names} stands on the newer ones: "
        "draft the certificate from those, or measure the output anew, and sign a new certificate first"
    )


def _widen(off: dict[tuple[float, str], tuple[float, float]], by: Held, beam: tuple[float, str], part: float) -> None:
    """A detector showed this part of its first baseline: with how far the output was off as that was begun, among what is known of this kV and filter."""
    least, most = (part * one for one in by.off.get(beam, NOT_OFF))
    known = off.get(beam, (least, most))
    off[beam] = min(least, known[0]), max(most, known[1])


def _firsts(book: Book, base: Baseline, of: Mapping[str, Held]) -> list[tuple[Held, Stands, float]]:
    """Each detector of one certificate, of this tube, what its first baseline stands on, and when the first of them was exposed."""
    found = [(held, stands_on(book, held.first)) for held in of.values() if _same_tube(held.first, base)]
    exposed_wall_s = min((then.exposed_wall_s for _, then in found), default=math.inf)
    return [(held, then, exposed_wall_s) for held, then in found]


def _unmeasured_row(base: Baseline, row: BaseLine, old: Sequence[tuple[Held, BaseLine]]) -> str:
    """Why this row is none beside the earlier ones of its kV and filter since which nobody has measured it."""
    of_it = [held for held, was in old if beam_of(was) == beam_of(row)]
    same = [one for one in of_it if alike(one.first.device) == alike(base.device)]
    name = _row_words(row)
    if old and not of_it:
        names = " or ".join(dict.fromkeys(_row_words(was) for _, was in old))
        return (
            f"{name}: the output of this certificate was read over {READ_DAYS} days ago, or before the baseline of an earlier one, which is of {names}: "
            "make this one of that, or measure the output anew, and sign a new certificate first"
        )
    if of_it and not same:
        names = " or ".join(dict.fromkeys(one.first.device for one in of_it))
        return (
            f"{name}: the output of this certificate was read over {READ_DAYS} days ago, or before the baseline of an earlier one, which is by {names}: "
            f"make this one with {names}, or measure the output anew, and sign a new certificate first"
        )
    alone = msgspec.structs.replace(base, lines=(row,))
    of = f"an earlier certificate (the output was read before it, or over {READ_DAYS} days ago)"
    wrong = (moved(alone, one, of) for one in same if row.reading > 0.0)
    return next((words for words in wrong if words), "")


def further(
    book: Book, site: DaySite, base: Baseline, others: Mapping[str, Held], begun_index: int, begun_wall_s: float
) -> tuple[str, Offs]:
    """Why a detector without a baseline may get none that was begun at this record and time; "" for the first one of all, and where a check by one of the
    others was in force whose readings are within 1 % of what the first detector was begun with, through all in between. Beside it how far they were off; where
    that is too far the words say it."""
    if not others:
        return "", {}
    far = ""
    for kept in reversed(book.sheets.get(SheetKind.DAILY, [])):
        if kept.index < begun_index and not wrong_signature(kept.sheet, site.signers):
            sheet = decoded(kept.sheet.body, DaySheet)
            if sheet is not None and _stood(book, site, kept, sheet, base, others, begun_index, begun_wall_s):
                off = _off_by(sheet, others[alike(sheet.device)])
                worst = max((part for both in off.values() for part in both), key=lambda part: abs(part - 1.0))
                if abs(worst - 1.0) <= BASELINE_PART:
                    return "", off
                far = f" (the last one read {100 * (worst - 1.0):+.2f} % off that)" if worst < math.inf else ""
            break
    names = " or ".join(one.first.device for one in others.values())
    return (
        f"{base.device} is a further detector beside {names}, and no daily check by {names} within {100 * BASELINE_PART:g} % of what the first detector "
        f"was begun with was in force as its baseline was begun{far}: make the daily check with {names} first; where it is further off, or that detector is "
        "gone, calibrate, and sign a new certificate first"
    ), {}


def _stood(
    book: Book,
    site: DaySite,
    kept: Kept,
    sheet: DaySheet,
    base: Baseline,
    others: Mapping[str, Held],
    begun_index: int,
    begun_wall_s: float,
) -> bool:
    """Whether this check, the last one of before, held the output as a further detector's baseline was begun; what comes later takes nothing of it away."""
    by = others.get(alike(sheet.device))
    if by is None or by.last[0].sheet.sha256 != sheet.baseline_sha256:
        return False
    # a sheet is kept whatever number it says, and of most numbers there is no day: that would end the recorder at this question, and ever after
    if not 0.0 <= sheet.begun_wall_s <= kept.wall_s:
        return False
    bound = (sheet.bound.certificate_sha256, sheet.bound.tube_serial, sheet.bound.machine_serial)
    days = {str(today(at, site.tz)) for at in (sheet.begun_wall_s, kept.wall_s, begun_wall_s)}
    beams = {(one.kv, one.filter) for one in sheet.lines}
    return (
        bound == (base.certificate_sha256, base.tube_serial, base.machine_serial)
        and days == {sheet.day}
        and not any(kept.index < one <= begun_index for one in (*book.voided, *book.exchanged))
        and not daily_tokens(book, kept.index, begun_index)
        and beams >= {(row.kv, row.filter) for row in base.lines}
        and not any(of_readings(book, kept, sheet, by, site, others))
    )


def _off_by(sheet: DaySheet, by: Held) -> Offs:
    """How far the output is off what the first detector was begun with, by a check's readings, the second seating's too: one reading alone would let the
    output creep by what two seatings differ. What its detector was not begun with is off without bound."""
    was = {(row.kv, row.ma, row.filter, row.applicator): row.reading for row in by.first.lines}
    off = dict[tuple[float, str], tuple[float, float]]()
    for one in (*sheet.lines, sheet.seated_anew):
        before = was.get((one.kv, one.ma, one.filter, one.applicator), 0.0)
        part = corrected(one.reading, sheet.p_kpa, sheet.t_c, by.first.vented) / before if before > 0.0 else math.inf
        _widen(off, by, (one.kv, one.filter), part)
    return off


def moved(new: Baseline, by: Held, of: str = "this certificate") -> str:
    """By which combination a new baseline has moved from its detector's first one under its certificate, or under another that has the same output, or "";
    with how far the output was off as that was begun."""
    for row in new.lines:
        was = [one for one in by.first.lines if (one.kv, one.filter) == (row.kv, row.filter)]
        same = [one.reading for one in was if (beam_of(one), one.set_s) == (beam_of(row), row.set_s)]
        name = _row_words(row)
        if was and not same:
            before_name, before_s = _row_words(was[0]), was[0].set_s
            return f"{name}, {row.set_s:g} s: the first baseline of {of} has {before_name}, {before_s:g} s, of this kV and filter: make this one of that first"
        before, off = same[0] if same else row.reading, by.off.get((row.kv, row.filter), NOT_OFF)
        if not (before > 0.0 and all(abs(row.reading * part - before) <= BASELINE_PART * before for part in off)):
            begun = max(off, key=lambda part: abs(part - 1.0))
            beside = f", begun with the output {100 * (begun - 1.0):+.2f} % off," if off != NOT_OFF else ""
            return (
                f"{name}: {row.reading:g} where the first baseline of {of} has "
                f"{before:g}{beside or ','} more than {100 * BASELINE_PART:g} % apart: calibrate, and sign a new certificate first"
            )
    return ""


def wrong_baseline(book: Book, base: Baseline) -> str:
    """Whether a baseline was measured: each of its exposures is in the records, for a check and with its certificate, and there is one for each line, which
    read something, where a machine can stand."""
    if wrong := altitude_words(base.altitude_m):
        return f"the baseline's altitude: {wrong}, and have the physicist make a new one first"
    for token in base.tokens:
        one = book.exposures.get(token)
        start = one.start if one is not None and not one.void else None
        if (
            start is None
            or start.prescribed.purpose is not Purpose.DAILY
            or start.certificate_sha256.hex() != base.certificate_sha256
        ):
            return f"exposure {token} of the baseline is none of a check with its certificate: have the physicist make a new one first"
    if len(base.tokens) < len(base.lines) or not base.lines:
        return "the baseline has no exposure of its own for each combination: have the physicist make a new one first"
    if empty := next((one for one in base.lines if not one.reading > 0.0), None):
        return f"{_row_words(empty)}: the baseline reads {empty.reading:g}, which is nothing to hold a reading against: have the physicist make a new one first"
    return ""
