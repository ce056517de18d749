"""Is today's daily check in force? What the signed sheet must say, and what the records themselves must show of it, before anybody is treated.
Pure, and it believes nobody: signature, day, machine, exposures, contacts, tests and tolerances are looked at anew at every question.
It is the last of the day's rooms (day_forms, day_readings, baselines, day): it imports the others, and none of them imports it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Final

from controller.entries import Opening, Outcome
from controller.prescribed import Prescribed
from controller.proofs import AGAIN_S, NEEDED
from records.baselines import baselines_of
from records.book import Book, Kept
from records.day_forms import FIRST, Bound, DaySheet, DaySite, alike, decoded
from records.day_readings import daily_tokens, of_readings, of_today
from records.sheets import SheetKind, wrong_signature
from records.warm_up import CLOCK_S, today

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
    yield from of_readings(book, kept, sheet, by, site, known)
    yield from _interrupted(book, sheet, site.tz)
    yield from _after(book, kept, sheet)


def _interrupted(book: Book, sheet: DaySheet, zone: tzinfo) -> Iterator[str]:
    exposure = book.exposures.get(sheet.interrupt_token)
    if exposure is None or exposure.end is None or exposure.void or exposure.end.outcome is not Outcome.INTERRUPTED:
        yield f"no exposure of the daily check was interrupted ({sheet.interrupt_token}): {FIRST}"
        return
    yield from of_today(exposure, sheet, zone)


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
