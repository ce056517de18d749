"""Is today's daily check in force? What the signed sheet must say, and what the records themselves must show of it, before anybody is treated.
Pure, and it believes nobody: signature, day, machine, exposures, contacts, tests and tolerances are looked at anew at every question."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from controller.entries import Opening, Outcome
from controller.prescribed import Combination, Prescribed
from controller.proofs import AGAIN_S, NEEDED
from hal.readings import Purpose
from records.book import Book, Exposure, Kept
from records.sheets import Sheet, SheetKind, Signers, wrong_signature
from records.warm_up import CLOCK_S, NOW, today

S = TypeVar("S", bound=msgspec.Struct)
Beamed = tuple[float, float, str, str]
"""A combination: kV, mA, filter, applicator."""
Offs = Mapping[tuple[float, str], tuple[float, float]]
"""For each kV and filter the least and the most of what a certificate's output was measured as that it was when something was begun; 1 where nothing says."""
STOP_PART: Final = 0.03
CALIBRATE_PART: Final = 0.05
"""Output off its baseline: above 3 % nobody is treated, above 5 % the machine is calibrated anew. Neither ever changes a number (accident-A1)."""
SEAT_PART: Final = 0.01
BASELINE_PART: Final = 0.01
"""A detector that was taken off and seated anew reads the same within this, or it was not seated."""
NOT_OFF: Final = (1.0, 1.0)
STATION_KPA: Final = 5.0
TEMPERATURE_C: Final = (10.0, 40.0)
ALTITUDE_M: Final = (-500.0, 6000.0)
"""Where people live. Beyond it the formula of the standard atmosphere is none: above 44.3 km its power has no real value, far off it has none at all."""
REFERENCE_KPA, REFERENCE_C, ZERO_C = 101.325, 20.0, 273.15
SET_S: Final = 0.02
"""An exposure of the check and one of its baseline are of the same set time within two steps of the unit's timer."""
UNREAD_MOST: Final = 1
"""So many whole exposures of a day's check may have no reading in any sheet: a console that died before it was typed."""
READ_DAYS: Final = 7
"""A new baseline begins free within so many days of its output's readings: in between nothing watches the machine, and what moved there would be the baseline.
An assumption: measuring, drafting and signing take less."""
NEAR_S: Final = 2.0 * 86400.0
"""Further apart than this two times are of no one day, whatever the zone."""
FIRST: Final = "make the daily check first (kerma daily)"

ITEMS: Final = (
    ("ready_lamp", "the READY lamp at console, tube and door is lit before a press, and no other"),
    ("beam_lamp", "the BEAM ON lamp at console, tube and door is lit in beam, and dark after it"),
    ("beam_sound", "the sound of beam is heard at the console and in the room"),
    ("emergency_stop", "the emergency stop was pressed in beam or before it, and everything went off"),
    ("viewing", "the place of the patient is seen from the console"),
    ("intercom", "the place of the patient is heard from the console, and the other way"),
    ("filters", "the filters of the day are whole, dry, and marked as their codes say"),
    ("applicators", "the applicators of the day are whole, clean, and not recalled"),
)
"""What only a person can see or hear, each answered by name."""


class Bound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check holds for; digests in hex. A change of any of these voids it."""

    rig: str
    software_version: str
    configuration_sha256: str
    certificate_sha256: str
    tube_serial: str
    machine_serial: str
    parts_sha256: str


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One combination measured: the exposure by its token, and what the detector showed of it, in the detector's own unit and not corrected."""

    kv: float
    ma: float
    filter: str
    applicator: str
    token: int
    reading: float


class Left(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An exposure of the check that serves no reading, and why: all beam is accounted for (accident-A14). What a detector showed of it is told all the same
    (None: nobody typed it), by which one, whether a person kept it as what it shows, and in what air it was read; sheets of before have no such words."""

    token: int
    why: str
    reading: float | None = None
    kept: bool = False
    device: str = ""
    p_kpa: float | None = None
    t_c: float | None = None


class DaySheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day's check. `seated_anew` is the first combination once more, with the detector taken off and put back in between."""

    day: str
    begun_wall_s: float
    bound: Bound
    device: str
    baseline_sha256: str
    p_kpa: float
    t_c: float
    lines: tuple[Line, ...]
    seated_anew: Line
    interrupt_token: int
    left: tuple[Left, ...]
    items: tuple[str, ...]


class BaseLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the detector showed of one combination when the certificate was made: per exposure of this set time, at 101.325 kPa and 20 C if it is vented."""

    kv: float
    ma: float
    filter: str
    applicator: str
    set_s: float
    reading: float


class Baseline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every day's readings are held against; the physicist's, and of one certificate. `tokens` are all exposures made for it."""

    certificate_sha256: str
    tube_serial: str
    machine_serial: str
    device: str
    unit: str
    vented: bool
    altitude_m: float
    lines: tuple[BaseLine, ...]
    tokens: tuple[int, ...]


class Held(msgspec.Struct, frozen=True):
    """A detector's baselines under one certificate: the first one, and the one in force with where it lies. `off`: how far the output was off as the first
    one was begun, told through every detector and certificate in between by the readings that they were begun with."""

    first: Baseline
    last: tuple[Kept, Baseline]
    off: Offs


class Stands(msgspec.Struct, frozen=True):
    """What a baseline stands on: its combinations as their certificate has them, and when the first of its exposures was made."""

    outputs: Mapping[Beamed, Combination]
    exposed_wall_s: float


class DaySite(msgspec.Struct, frozen=True):
    """Where the machine stands, and whose signatures count there."""

    zone: str
    signers: Signers

    @property
    def tz(self) -> tzinfo:
        return zone_named(self.zone)


def zone_named(name: str) -> tzinfo:
    """A time zone by its IANA name. ValueError: this computer does not know it."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(
            f"time zone {name!r} is not known on this computer ({error}); write an IANA name such as Europe/Vienna, or install tzdata"
        ) from error


def bound_of(opening: Opening) -> Bound:
    """What runs now."""
    return Bound(
        rig=opening.rig,
        software_version=opening.software_version,
        configuration_sha256=opening.configuration_sha256.hex(),
        certificate_sha256=opening.certificate_sha256.hex(),
        tube_serial=opening.tube_serial,
        machine_serial=opening.machine_serial,
        parts_sha256=opening.parts_sha256.hex(),
    )


def midnight_s(day: str, zone: tzinfo) -> float:
    """The wall time at which this day ends where the machine stands: 23, 24 or 25 hours after it began."""
    return datetime.combine(
        datetime.fromisoformat(day).date() + timedelta(days=1), datetime.min.time(), zone
    ).timestamp()


def held(book: Book, site: DaySite) -> tuple[Kept, DaySheet] | None:
    """The last sheet of a day's check that is signed as it must be; one that is not is nobody's, and takes nothing away."""
    for kept in reversed(book.sheets.get(SheetKind.DAILY, [])):
        if not wrong_signature(kept.sheet, site.signers):
            sheet = decoded(kept.sheet.body, DaySheet)
            return (kept, sheet) if sheet is not None else None
    return None


def until_s(book: Book, opening: Opening | None, site: DaySite, now_s: float, wall_s: float) -> float:
    """Until when today's check is in force, 0 where none is."""
    found = held(book, site)
    if found is None or next(against(book, opening, site, now_s, wall_s), ""):
        return 0.0
    return midnight_s(found[1].day, site.tz)


def against(book: Book, opening: Opening | None, site: DaySite, now_s: float, wall_s: float) -> Iterator[str]:
    """Why today's check is not in force, for any combination; nothing where it is."""
    found = held(book, site)
    if found is None:
        yield f"the daily check has not been made: {FIRST}"
        return
    yield from of_sheet(book, *found, opening, site, now_s, wall_s)


def of_sheet(
    book: Book, kept: Kept, sheet: DaySheet, opening: Opening | None, site: DaySite, now_s: float, wall_s: float
) -> Iterator[str]:
    """Why this sheet, signed as it must be, is no check in force: the day and the clocks first, and where those do not fit nothing else."""
    zone = site.tz
    if str(today(wall_s, zone)) != sheet.day:
        yield f"the daily check is of {sheet.day}, and today is {today(wall_s, zone)} ({site.zone}): {FIRST}"
        return
    if not 0.0 <= sheet.begun_wall_s <= kept.wall_s or str(today(sheet.begun_wall_s, zone)) != sheet.day:
        yield f"the daily check of {sheet.day} says that it was begun on another day: {FIRST}"
        return
    if str(today(kept.wall_s, zone)) != sheet.day:
        yield f"the daily check of {sheet.day} came into the records on {today(kept.wall_s, zone)}: {FIRST}"
        return
    if not kept.wall_s <= wall_s:
        yield f"the daily check of {sheet.day} came into the records {kept.wall_s - wall_s:.0f} s after what the clock shows now; it was set back: {FIRST}"
        return
    moved_s = abs((wall_s - now_s) - (kept.wall_s - kept.mono_s))
    if not moved_s <= CLOCK_S:
        yield (
            f"since the daily check the clock was set, or this computer started anew ({moved_s:.0f} s apart, at most {CLOCK_S:.0f}), "
            f"so nobody knows which day it is: {FIRST}"
        )
        return
    if kept.index < book.void_index:
        yield f"the daily check counts no longer: {book.void_words}: {FIRST}"
        return
    yield from _another(book, kept, sheet, opening)
    yield from _measured(book, kept, sheet, site)
    yield from _people_and_contacts(book, sheet)


def not_checked(book: Book, site: DaySite, prescribed: Prescribed) -> Iterator[str]:
    """Why today's check does not cover this combination."""
    found = held(book, site)
    if found is not None and not any(
        (one.kv, one.filter) == (prescribed.kv, prescribed.filter_id) for one in found[1].lines
    ):
        has = "; ".join(f"{one.kv:g} kV, filter {one.filter}" for one in found[1].lines)
        yield f"today's daily check has {has}, and not {prescribed.kv:g} kV with filter {prescribed.filter_id}: {FIRST}"


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
        was = next((row.reading for row in base.lines if _beam(row) == beam), 0.0)
        parts += [(corrected(reading, *air, base.vented) / was * one, of) for one in by if was > 0.0]
    return max(parts, key=lambda one: abs(one[0] - 1.0), default=(0.0, "its baseline"))


def air_words(p_kpa: float, t_c: float, altitude_m: float) -> str:
    """Why pressure and temperature are not of this place, or ""; a pressure reduced to sea level is not (accident-A12)."""
    standard = REFERENCE_KPA * (1.0 - 2.25577e-5 * altitude_m) ** 5.25588
    if not abs(p_kpa - standard) <= STATION_KPA:
        return f"{p_kpa:g} kPa is not within {STATION_KPA:g} of the {standard:.1f} that {altitude_m:g} m above the sea have: read station pressure"
    low, high = TEMPERATURE_C
    return "" if low <= t_c <= high else f"{t_c:g} C is not within {low:g} to {high:g}: measure it at the detector"


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
    every = [*_baselines(book, site)]
    akin = _akin([(base, stands_on(book, base)) for _, base in every], certificate_sha256)
    return _in_force(book, site, every, akin).get(certificate_sha256, {})


def rows_before(book: Book, site: DaySite, base: Baseline) -> list[BaseLine]:
    """What the baselines in force of this tube are of, those of this certificate first and then of the newest one: a new baseline is of the same
    combinations, where its certificate has them."""
    every = [*_baselines(book, site)]
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


def _beam(row: BaseLine) -> Beamed:
    return row.kv, row.ma, row.filter, row.applicator


def _row_words(row: BaseLine) -> str:
    return " ".join((f"{row.kv:g} kV", f"{row.ma:g} mA", row.filter, row.applicator))


def _not_since(row: BaseLine, now: Stands, was: BaseLine, then: Stands, exposed_wall_s: float) -> bool:
    """Whether nobody has measured the output of a row since an earlier certificate's first baseline was exposed, which is of this kV and filter: its readings
    are older than that, or over READ_DAYS older than the row's own first exposure: the machine may have moved after them. Where nothing says when they were
    taken (a simulated plant, an older program's START) R0 within 1 % of the same combination is so. What was never exposed shows nothing."""
    one = now.outputs.get(_beam(row))
    if one is None:
        return True
    if one.measured_wall_s is not UNSET:
        return one.measured_wall_s < max(exposed_wall_s, now.exposed_wall_s - READ_DAYS * 86400.0)
    old = then.outputs.get(_beam(was))
    same = _beam(row) == _beam(was)
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


def alike(device: str) -> str:
    """A detector's name without what people write differently: case, accents, spaces and signs."""
    return "".join(one for one in unicodedata.normalize("NFKD", device).casefold() if one.isalnum())


def of_baseline(book: Book, site: DaySite, sheet: Sheet) -> str:
    """What stands against a new baseline that is signed as it must be."""
    base = decoded(sheet.body, Baseline)
    if base is None:
        return "the baseline is none that this program can read: have the physicist make a new one first"
    return _weighed(book, site, base, _before(book, site, base, stands_on(book, base)))[0]


def _before(book: Book, site: DaySite, base: Baseline, on: Stands) -> dict[str, dict[str, Held]]:
    """What is in force beside a baseline that is not in the records yet."""
    every = [*_baselines(book, site)]
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
            same = (_beam(was), alike(held.first.device)) == (_beam(row), alike(base.device))
            if same and row.reading > 0.0 and was.reading > 0.0:
                _widen(off, held, (row.kv, row.filter), row.reading / was.reading)
    return "", off


def _read_s(on: Stands, row: BaseLine) -> float:
    """When the output of a row was read first, not a number where nothing says it: that is before nothing and after nothing."""
    one = on.outputs.get(_beam(row))
    return math.nan if one is None or one.measured_wall_s is UNSET else one.measured_wall_s


def _another_output(row: BaseLine, on: Stands, held: Held, then: Stands, was: BaseLine) -> str:
    """Why what a detector showed before the output was read says nothing of it: R0 moved with those readings, so a machine that shows the same is off."""
    now, before = on.outputs.get(_beam(row)), then.outputs.get(_beam(was))
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
    of_it = [held for held, was in old if _beam(was) == _beam(row)]
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
        and not any(_readings(book, kept, sheet, by, site, others))
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


def _baselines(book: Book, site: DaySite) -> Iterator[tuple[Kept, Baseline]]:
    """Every baseline that is signed as it must be, in the order of the records."""
    for kept in book.sheets.get(SheetKind.BASELINE, []):
        base = decoded(kept.sheet.body, Baseline) if not wrong_signature(kept.sheet, site.signers) else None
        if base is not None:
            yield kept, base


def moved(new: Baseline, by: Held, of: str = "this certificate") -> str:
    """By which combination a new baseline has moved from its detector's first one under its certificate, or under another that has the same output, or "";
    with how far the output was off as that was begun."""
    for row in new.lines:
        was = [one for one in by.first.lines if (one.kv, one.filter) == (row.kv, row.filter)]
        same = [one.reading for one in was if (_beam(one), one.set_s) == (_beam(row), row.set_s)]
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


def altitude_words(altitude_m: float) -> str:
    """Why no machine stands at this altitude, or ""."""
    low, high = ALTITUDE_M
    if low <= altitude_m <= high:
        return ""
    return (
        f"{altitude_m:g} m above the sea is not within {low:g} to {high:g}: write the altitude of the site, in metres"
    )


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


def daily_tokens(book: Book, after: int, before: int) -> set[int]:
    """Exposures for a day's check that had beam, or may have it, and began between two records."""
    found: set[int] = set()
    for one in reversed(book.exposures.values()):
        if one.index <= after:
            break
        if one.index < before and one.start.prescribed.purpose is Purpose.DAILY and not one.void:
            found.add(one.token)
    return found


def _another(book: Book, kept: Kept, sheet: DaySheet, opening: Opening | None) -> Iterator[str]:
    """What runs is what was checked, and nothing else ran in between: what was put back was not looked at since (accident-A6)."""
    if opening is None:
        yield f"what runs now is not in the records: {FIRST}"
        return
    now = bound_of(opening)
    for what in Bound.__struct_fields__:
        then, has = getattr(sheet.bound, what), getattr(now, what)
        if then != has or not has:
            yield f"the daily check is of {what.replace('_', ' ')} {then[:24] or 'none'}, and {has[:24] or 'none'} is there now: {FIRST}"
    if kept.index < book.changed_index:
        yield f"the daily check is of before {book.changed_words}: {FIRST}"


def _measured(book: Book, kept: Kept, sheet: DaySheet, site: DaySite) -> Iterator[str]:
    """Exposures and readings: of this day, of this machine, all accounted for, and near their baseline."""
    known = baselines_of(book, site, sheet.bound.certificate_sha256)
    by = known.get(alike(sheet.device))
    if by is None or by.last[0].sheet.sha256 != sheet.baseline_sha256:
        yield f"the daily check is not against the baseline in force for {sheet.device}: {FIRST}"
        return
    base = by.last[1]
    if (base.tube_serial, base.machine_serial) != (sheet.bound.tube_serial, sheet.bound.machine_serial):
        yield f"the baseline of {sheet.device} is of another tube or machine: have the physicist make a new one first"
    yield from _readings(book, kept, sheet, by, site, known)
    yield from _interrupted(book, sheet, site.tz)
    yield from _after(book, kept, sheet)


def _readings(
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
    yield from _of_today(exposure, sheet, zone)
    if exposure.end is None or exposure.end.outcome is not Outcome.TERMINATED:
        yield f"{name}: exposure {one.token} did not end as it should: {FIRST}"
    if not abs(exposure.start.set_time_s - row.set_s) <= SET_S:
        yield f"{name}: exposure {one.token} was set to {exposure.start.set_time_s:g} s, its baseline to {row.set_s:g}: {FIRST}"
    wrong = judged(f"the daily check, {name}", *_furthest(by, _beam(row), one.reading, (sheet.p_kpa, sheet.t_c)))
    if wrong:
        yield wrong


def _of_today(exposure: Exposure, sheet: DaySheet, zone: tzinfo) -> Iterator[str]:
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


def _interrupted(book: Book, sheet: DaySheet, zone: tzinfo) -> Iterator[str]:
    exposure = book.exposures.get(sheet.interrupt_token)
    if exposure is None or exposure.end is None or exposure.void or exposure.end.outcome is not Outcome.INTERRUPTED:
        yield f"no exposure of the daily check was interrupted ({sheet.interrupt_token}): {FIRST}"
        return
    yield from _of_today(exposure, sheet, zone)


def _after(book: Book, kept: Kept, sheet: DaySheet) -> Iterator[str]:
    """What came after the check's exposures: what voids them, a change of what runs, and a check that was begun later and is to be ended."""
    for token in (*(one.token for one in (*sheet.lines, sheet.seated_anew)), sheet.interrupt_token):
        exposure = book.exposures.get(token)
        if exposure is not None and exposure.index < book.void_index:
            yield f"exposure {token} is of before: {book.void_words}: {FIRST}"
        if exposure is not None and exposure.index < book.changed_index:
            yield f"exposure {token} is of before {book.changed_words}: {FIRST}"
    if later := sorted(daily_tokens(book, kept.index, 1 << 63)):
        yield f"a daily check was begun after the last one was signed (exposure {later[0]}): end that one first (kerma daily)"


def _accounted(book: Book, kept: Kept, sheet: DaySheet, site: DaySite, known: Mapping[str, Held]) -> Iterator[str]:
    """Whoever measures until it fits leaves exposures that stand in no sheet, or readings that stand in two."""
    told, readings = {token for _, base in _baselines(book, site) for token in base.tokens}, dict[int, float]()
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


def _people_and_contacts(book: Book, sheet: DaySheet) -> Iterator[str]:
    missing = [name for name, _ in ITEMS if name not in sheet.items]
    if missing:
        yield f"the daily check does not say yes to {', '.join(missing)}: {FIRST}"
    since = sheet.begun_wall_s - AGAIN_S
    old = [name for name in NEEDED if not since <= book.opened_alone.get(name, 0.0)]
    if old:
        yield f"not seen open one by one in the daily check: {', '.join(old)}: open each of these contacts once, alone, and {FIRST}"
    if not sheet.begun_wall_s <= book.tests_passed_wall_s:
        yield f"the safety unit's own tests (timer, lease, count limit, K1, K2, lamp) did not pass in the daily check: {FIRST}"


def decoded(raw: bytes, kind: type[S]) -> S | None:
    """A sheet's content, None where it is none of this kind."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
