"""How each record of the journal changes the book: a pure fold, with a table by kind of record and one by type of entry.
It opens no file and decides nothing; what is asked of the book is in records/book.py, the forms of the records in records/forms.py."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from controller.entries import (
    Crash,
    EntryType,
    Event,
    Found,
    LatchCleared,
    LatchSet,
    LatenessEntry,
    Links,
    Opening,
    Outcome,
    ResetDone,
    Start,
    Stray,
    Terminal,
)
from controller.proofs import OPENED
from controller.ring import TickRow, unpack_tick
from hal.readings import Cause, Purpose, UnitState
from interlocks.words import Trip
from records.book import Book, Exposure, Fraction, Gone, Kept, Status
from records.forms import Drained, Gap, Noted, Opened, Restored, Ticks, rows_of
from records.journal import Cut, Kind, Record
from records.recovery import Evidence
from records.sheets import Taken
from records.wires import AFTER_S, Sealed, WireDue

STEADY_MS = 1000
"""kV and mA of a recovered exposure are taken from ticks after this much beam, past every ramp."""
CLOSE, TESTS_PASSED = "CLOSE", "TESTS_PASSED"
"""Names of events with a meaning of their own: CLOSE carries the fraction's tag as 16 hex digits somewhere in its words, TESTS_PASSED says that the
safety unit has tested itself through."""
TUBE: Final = "TUBE"
"""The kind of an event that the book itself tells: what runs now names another tube than what ran before."""
BINDING: Final = (
    "rig", "software_version", "configuration_sha256", "certificate_sha256", "tube_serial", "machine_serial", "parts_sha256",
)  # fmt: skip
"""Of what runs, what a day's check holds for (records/day.py Bound): a change of any of these ends it, and what is put back is changed once more."""
_TAG = re.compile(r"\b[0-9a-f]{16}\b")


def fold(book: Book, record: Record) -> None:
    """Take one journal record in. Raises msgspec.DecodeError or ValueError for one that this version cannot read."""
    book.last_wall_s = max(book.last_wall_s, record.wall_s)
    _KINDS[Kind(record.kind)](book, record)


def _opened(_book: Book, record: Record) -> None:
    msgspec.msgpack.decode(record.payload, type=Opened)


def _wire(book: Book, record: Record) -> None:
    sealed = msgspec.msgpack.decode(record.payload, type=Sealed)
    due = book.wires_due.pop(sealed.instance, ())
    if left := tuple(one for one in due if one.seq != sealed.seq):
        book.wires_due[sealed.instance] = left
    said = (sealed.sha256.hex(), str(sealed.token), sealed.name, sealed.rule, sealed.told())
    _event(book, record, Noted(sealed.instance, sealed.seq, 0, 0, b""), "WIRE", said)


def _sheet(book: Book, record: Record) -> None:
    """A signed sheet is kept whatever it says; what it is worth is asked when somebody stands on it."""
    taken = msgspec.msgpack.decode(record.payload, type=Taken)
    kept = Kept(record.index, record.wall_s, taken.mono_s, taken.sheet)
    book.sheets.setdefault(taken.sheet.kind, []).append(kept)
    one = taken.sheet
    said = (one.sha256, one.kind.value, one.who, one.role, taken.words)
    _event(book, record, Noted("", 0, 0, 0, b""), "SHEET", said)


def _void(book: Book, record: Record, words: str) -> None:
    """From here on a day's check that was made before counts no longer (accident-A6)."""
    book.void_index, book.void_words = record.index, words
    book.voided.append(record.index)


def _restored(book: Book, record: Record) -> None:
    """What was given since the copy is not here, and would be given once more (accident-A17)."""
    restored = msgspec.msgpack.decode(record.payload, type=Restored)
    book.gone = Gone(record.index, 0, restored.words())
    _void(book, record, restored.words())
    _event(book, record, Noted("", 0, 0, 0, b""), "RESTORED", ("", "RESTORED", "", "", restored.words()))


def _cut(_book: Book, record: Record) -> None:
    msgspec.msgpack.decode(record.payload, type=Cut)


def _ticks(book: Book, record: Record) -> None:
    ticks = msgspec.msgpack.decode(record.payload, type=Ticks)
    last = book.seqs.get(ticks.instance, 0)
    evidence: dict[int, Evidence] = {}
    for kept in rows_of(ticks.rows):
        last = max(kept.seq, last)
        if kept.kind != EntryType.TICK:
            continue
        row = unpack_tick(kept.payload)
        exposure = book.exposures.get(row.token)
        if exposure is not None and exposure.end is None and exposure.instance == ticks.instance:
            seen = evidence.get(row.token, exposure.seen)
            wall_s = ticks.wall_s(kept.mono_ns, record.wall_s)
            evidence[row.token] = _look(exposure, seen, kept.mono_ns, wall_s, row)
    book.seqs[ticks.instance] = last
    for token, seen in evidence.items():
        book.exposures[token] = msgspec.structs.replace(book.exposures[token], seen=seen)


def _look(exposure: Exposure, seen: Evidence, mono_ns: int, wall_s: float, row: TickRow) -> Evidence:
    """The evidence after one more tick; a tick without a fresh status makes the old one older."""
    if not row.unit_age_ms >= 0.0:
        age_s = seen.unit_age_s + (mono_ns - seen.mono_ns) * 1e-9
        return msgspec.structs.replace(seen, mono_ns=mono_ns, wall_s=wall_s, unit_age_s=age_s)
    running = row.unit_state == UnitState.RUN
    samples, kv, ma = seen.samples, seen.kv, seen.ma
    if running and row.kv >= 0.0 and row.ma >= 0.0 and row.beam_ms - exposure.start.unit_beam_ms >= STEADY_MS:
        samples += 1
        kv, ma = _average(kv, row.kv, samples), _average(ma, row.ma, samples)
    return Evidence(
        mono_ns=mono_ns,
        wall_s=wall_s,
        beam_ms=row.beam_ms,
        counts_1=row.counts_1,
        counts_2=row.counts_2,
        unit_age_s=row.unit_age_ms / 1e3,
        ran=seen.ran or running,
        samples=samples,
        kv=kv,
        ma=ma,
        uncounted=_uncounted(seen, mono_ns, wall_s, row),
    )


def _uncounted(seen: Evidence, mono_ns: int, wall_s: float, row: TickRow) -> tuple[int, float] | None:
    """Since when high voltage goes uncounted: not while a counter of the unit still moves, from one tick to the next."""
    before, now = (seen.beam_ms, seen.counts_1, seen.counts_2), (row.beam_ms, row.counts_1, row.counts_2)
    if seen.uncounted is None or now == before or seen.gapped:
        return seen.uncounted
    age_s = row.unit_age_ms / 1e3
    return max(seen.uncounted, (mono_ns - round(age_s * 1e9), wall_s - age_s))


def _average(before: tuple[float, float, float], value: float, samples: int) -> tuple[float, float, float]:
    if samples == 1:
        return value, value, value
    mean, least, most = before
    return mean + (value - mean) / samples, min(least, value), max(most, value)


def _gap(book: Book, record: Record) -> None:
    gap = msgspec.msgpack.decode(record.payload, type=Gap)
    book.seqs[gap.instance] = max(gap.last, book.seqs.get(gap.instance, 0))
    _mark(book, gap.instance, gapped=True)
    for latch in gap.latches:
        _latched(book, record, latch)


def _drained(book: Book, record: Record) -> None:
    drained = msgspec.msgpack.decode(record.payload, type=Drained)
    book.drained.add(drained.instance)
    book.wires_due.pop(drained.instance, None)
    _mark(book, drained.instance, gapped=False)


def _mark(book: Book, instance: str, *, gapped: bool) -> None:
    """Say of a process's running exposures that ticks were lost, or that nothing more can come. What was lost may have told of high voltage that nobody
    commanded: from the last tick before it on none is proved off."""
    for token in book.running:
        exposure = book.exposures[token]
        if exposure.instance == instance:
            seen = exposure.seen
            changed = (
                msgspec.structs.replace(seen, gapped=True, uncounted=seen.uncounted or (seen.mono_ns, seen.wall_s))
                if gapped
                else msgspec.structs.replace(seen, whole=not seen.gapped)
            )
            book.exposures[token] = msgspec.structs.replace(exposure, seen=changed, lossy=exposure.lossy or gapped)
            book.changes.fractions.add(exposure.fraction)


def _entry(book: Book, record: Record) -> None:
    noted = msgspec.msgpack.decode(record.payload, type=Noted)
    if noted.seq <= book.seqs.get(noted.instance, 0):
        raise ValueError(f"entry {noted.seq} of {noted.instance} is in the journal twice (index {record.index})")
    book.seqs[noted.instance] = noted.seq
    _ENTRIES[EntryType(noted.type)](book, record, noted)
    for end in noted.ends:
        _end(book, record, noted, end)
    for token in noted.resets:
        _reset(book, token)


def _start(book: Book, record: Record, noted: Noted) -> None:
    start = msgspec.msgpack.decode(noted.entry, type=Start)
    if not noted.token:
        book.refused_starts[noted.instance] = (noted.seq, noted.words)
        _event(book, record, noted, "START_REFUSED", ("", "START_REFUSED", "", "", noted.words))
        return
    fraction = book.fraction_of(start.fraction_tag)
    if fraction is None or fraction.closed:
        fraction = _new_fraction(book, start.fraction_tag, fraction)
    book.fractions[fraction.id] = msgspec.structs.replace(fraction, tokens=(*fraction.tokens, noted.token))
    seen = Evidence(noted.mono_ns, record.wall_s, start.unit_beam_ms, start.unit_counts_1, start.unit_counts_2)
    book.exposures[noted.token] = Exposure(
        noted.token, noted.instance, noted.seq, record.index, fraction.id, start, zlib.crc32(noted.entry), seen
    )
    book.last_token = max(book.last_token, noted.token)
    book.running.add(noted.token)
    book.by_start[noted.instance, noted.seq] = noted.token
    book.last_start[noted.instance] = noted.token
    book.changes.fractions.add(fraction.id)


def _new_fraction(book: Book, tag: int, before: Fraction | None) -> Fraction:
    number = 1 if before is None else int(before.id.partition("-")[2] or 1) + 1
    fraction = Fraction(f"{tag:016x}" if number == 1 else f"{tag:016x}-{number}", tag)
    book.fractions[fraction.id] = fraction
    book.latest[tag] = fraction.id
    return fraction


def _end(book: Book, record: Record, noted: Noted, end: Terminal) -> None:
    """The one end of an exposure; a second one is a fault of whoever wrote it.

    What the real-time process calls TERMINATED is over whatever the dose says (a backup that ended it leaves no rest to resume, design-D5).
    """
    exposure = book.exposures[end.token]
    if exposure.end is not None:
        raise ValueError(f"exposure {end.token} is ended twice (index {record.index})")
    recovered = end.event == "RECOVERED"
    ended = msgspec.structs.replace(
        exposure,
        end=end,
        end_index=record.index,
        end_wall_s=exposure.seen.wall_s,
    )
    book.exposures[end.token] = ended
    book.running.discard(end.token)
    if not end.void and (recovered or end.event == "UNIT_REBOOT" or end.unit_cause == Cause.REBOOT):
        _void(book, record, f"power or program were lost in beam (exposure {end.token})")
    book.last_ended[exposure.instance] = end.token
    # a VOID may have been RUN unseen: the reset that is then due harms nothing where the unit retains nothing
    if noted.type != EntryType.FOUND and (not end.void or exposure.seen.ran or not book.retained):
        book.retained = end.token
    fraction = book.fractions[exposure.fraction]
    tally = book.tally(fraction)
    treat = exposure.start.prescribed.purpose is Purpose.TREAT
    over = end.outcome is Outcome.TERMINATED or tally.status in (Status.COMPLETE, Status.OVER) or not treat
    if not end.void and over:
        book.fractions[fraction.id] = msgspec.structs.replace(fraction, closed=True, closed_words="delivered")
    book.changes.fractions.add(fraction.id)
    words = end.words if not noted.words else f"{end.words}; {noted.words}"
    _event(book, record, noted, "TERMINAL", (end.outcome.name, end.event, "VOID" if end.void else "", end.rule, words))


def _reset(book: Book, token: int) -> None:
    exposure = book.exposures.get(token)
    if exposure is not None and exposure.end is not None:
        book.exposures[token] = msgspec.structs.replace(exposure, reset=True)
        book.changes.fractions.add(exposure.fraction)
    if book.retained == token:
        book.retained = 0


def _opening(book: Book, record: Record, noted: Noted) -> None:
    """What ran before it stays in the book: what was exchanged and put back is the same again by its names, and nobody has looked at it since."""
    opening = msgspec.msgpack.decode(noted.entry, type=Opening)
    if book.ran is not None and (words := _exchanged(book.ran, opening)):
        book.changed_index, book.changed_words = record.index, words
        book.exchanged.append(record.index)
    book.ran = opening
    _tube(book, record, noted, opening.tube_serial)
    book.certificates.add(opening.certificate_sha256)
    book.openings[noted.instance] = opening
    book.changes.openings.append((record.index, opening))


def _tube(book: Book, record: Record, noted: Noted, serial: str) -> None:
    """Since when this tube is there: of what was done before it is built in, or built in again, nothing is known of it, and no certificate of before
    counts on."""
    if book.tube and serial and serial != book.tube:
        said = f"tube {serial} was built in where {book.tube} was"
        _event(book, record, noted, TUBE, (book.tube, TUBE, serial, "", said))
        book.fitted.append(book.changes.events[-1])
        book.former |= book.certificates
    book.tube = serial or book.tube


def _exchanged(before: Opening, now: Opening) -> str:
    """What of the binding is another than ran before, or ""."""
    pairs = ((what.replace("_", " "), getattr(before, what), getattr(now, what)) for what in BINDING)
    return ", ".join(
        f"{what} was changed from {_short(was)} to {_short(new)}" for what, was, new in pairs if was != new
    )


def _short(value: str | bytes) -> str:
    return (value.hex() if isinstance(value, bytes) else value)[:24] or "none"


def _query(book: Book, record: Record, noted: Noted) -> None:
    if noted.clearance is not None:
        book.clearances[noted.instance] = noted.clearance
        book.queries[noted.instance] = noted.entry
        words = noted.clearance.refused or "cleared"
        _event(book, record, noted, "QUERY", ("", "QUERY", "", "", words))


def _terminal(book: Book, record: Record, noted: Noted) -> None:
    if not noted.ends:
        _event(book, record, noted, "TERMINAL_IGNORED", ("", "TERMINAL", "", "", noted.words))


def _latch_set(book: Book, record: Record, noted: Noted) -> None:
    latch = msgspec.msgpack.decode(noted.entry, type=LatchSet)
    _latched(book, record, latch)
    if latch.trip is Trip.HV_UNCOMMANDED:
        _stuck(book, record, noted)


def _stuck(book: Book, record: Record, noted: Noted) -> None:
    """High voltage may be on in this process's exposures that have no end: from the first sign on, until they get it, whoever clears the latch."""
    for token in book.running:
        exposure = book.exposures[token]
        if exposure.instance == noted.instance and exposure.seen.uncounted is None:
            seen = msgspec.structs.replace(exposure.seen, uncounted=(noted.mono_ns, record.wall_s))
            book.exposures[token] = msgspec.structs.replace(exposure, seen=seen)
            book.changes.fractions.add(exposure.fraction)


def _latched(book: Book, record: Record, latch: LatchSet) -> None:
    before = book.latches.get(latch.rule)
    if before is None or before.clears < latch.clears:
        book.latches[latch.rule] = latch
    book.changes.latches.append((record.index, latch))


def _latch_cleared(book: Book, record: Record, noted: Noted) -> None:
    gone = msgspec.msgpack.decode(noted.entry, type=LatchCleared)
    book.latches.pop(gone.rule, None)
    book.changes.latches.append((record.index, gone))


def _reset_done(book: Book, record: Record, noted: Noted) -> None:
    done = msgspec.msgpack.decode(noted.entry, type=ResetDone)
    _reset(book, done.token)
    _event(book, record, noted, "RESET_DONE", ("", "RESET_DONE", "", "", f"token {done.token}"))


def _found(book: Book, record: Record, noted: Noted) -> None:
    found = msgspec.msgpack.decode(noted.entry, type=Found)
    book.found[noted.instance] = noted.seq
    if found.sound:
        book.retained = found.token
        if found.last_token > book.last_token:
            told = f"the safety unit has had token {found.last_token}, these records know {book.last_token}: some are missing"
            _void(book, record, told)
            if found.last_token > book.gone.token:
                book.gone = Gone(record.index, found.last_token, told)
    for latch in noted.latches:
        _latched(book, record, latch)
    words = f"the unit retains token {found.token}, {found.beam_ms} ms, {found.counts_1} and {found.counts_2} counts"
    _event(book, record, noted, "FOUND", ("", "FOUND", "", "", f"{words}; {noted.words}" if noted.words else words))


def _told(book: Book, record: Record, noted: Noted) -> None:
    event = msgspec.msgpack.decode(noted.entry, type=Event)
    _event(book, record, noted, "EVENT", (event.state, event.event, event.to, event.rule, event.words))
    # an exposure without an end yet is shown with the bounds of now, not with those of its START
    running = (book.exposures[token] for token in book.running)
    book.changes.fractions.update(one.fraction for one in running if one.instance == noted.instance)
    if event.trips:
        _due(book, noted, event.rule or event.event)
    if event.event == CLOSE:
        _close(book, event.words)
    elif event.event == TESTS_PASSED:
        book.tests_passed_wall_s = record.wall_s
    elif event.event == OPENED:
        names = event.words.split()
        book.opened.update(dict.fromkeys(names, record.wall_s))
        if len({name.partition(".")[0] for name in names}) == 1:
            book.opened_alone.update(dict.fromkeys(names, record.wall_s))


def _close(book: Book, words: str) -> None:
    """A person closes a fraction; one whose exposure has no end yet stays open."""
    found = _TAG.search(words)
    fraction = book.fraction_of(int(found.group(), 16)) if found is not None else None
    if fraction is None or fraction.closed or any(token in book.running for token in fraction.tokens):
        return
    book.fractions[fraction.id] = msgspec.structs.replace(fraction, closed=True, closed_words=words)
    book.changes.fractions.add(fraction.id)


def _checkpoint(_book: Book, _record: Record, _noted: Noted) -> None:
    """Of use to a replay alone (records/replay.py)."""


def _stray(book: Book, record: Record, noted: Noted) -> None:
    """The machine's own sum: beam that no fraction holds."""
    stray = msgspec.msgpack.decode(noted.entry, type=Stray)
    book.strays.append(stray)
    _void(book, record, f"{stray.kind} beam was found")
    _event(book, record, noted, "STRAY", ("", stray.kind, "", "", stray.words()))


def _crash(book: Book, record: Record, noted: Noted) -> None:
    crash = msgspec.msgpack.decode(noted.entry, type=Crash)
    _event(book, record, noted, "CRASH", ("", "CRASH", "", "", crash.words))
    _due(book, noted, "CRASH")


def _due(book: Book, noted: Noted, rule: str) -> None:
    """What was on the wires is to be kept, once for trips that come together."""
    token = book.last_start.get(noted.instance, 0)
    due = WireDue(noted.seq, noted.mono_ns, rule, token if token in book.running else 0)
    before = book.wires_due.get(noted.instance, ())
    if not before or due.mono_ns > before[-1].mono_ns + AFTER_S * 1e9:
        book.wires_due[noted.instance] = (*before, due)


def _links(book: Book, record: Record, noted: Noted) -> None:
    links = msgspec.msgpack.decode(noted.entry, type=Links)
    _event(book, record, noted, "LINKS", ("", str(links.token), "", links.rule, links.words()))


def _lateness(book: Book, record: Record, noted: Noted) -> None:
    lateness = msgspec.msgpack.decode(noted.entry, type=LatenessEntry)
    _event(book, record, noted, "LATENESS", ("", str(lateness.token), "", "", lateness.words()))


def _tick(_book: Book, record: Record, _noted: Noted) -> None:
    raise ValueError(f"a tick stands alone in the journal (index {record.index})")


def _event(book: Book, record: Record, noted: Noted, kind: str, words: tuple[str, str, str, str, str]) -> None:
    book.changes.events.append((record.index, record.wall_s, noted, kind, words))


_KINDS: dict[Kind, Callable[[Book, Record], None]] = {
    Kind.OPENED: _opened,
    Kind.ENTRY: _entry,
    Kind.TICKS: _ticks,
    Kind.GAP: _gap,
    Kind.DRAINED: _drained,
    Kind.CUT: _cut,
    Kind.WIRE: _wire,
    Kind.SHEET: _sheet,
    Kind.RESTORED: _restored,
}
_ENTRIES: dict[EntryType, Callable[[Book, Record, Noted], None]] = {
    EntryType.TICK: _tick,
    EntryType.OPENING: _opening,
    EntryType.QUERY: _query,
    EntryType.START: _start,
    EntryType.TERMINAL: _terminal,
    EntryType.LATCH_SET: _latch_set,
    EntryType.LATCH_CLEARED: _latch_cleared,
    EntryType.RESET_DONE: _reset_done,
    EntryType.FOUND: _found,
    EntryType.EVENT: _told,
    EntryType.CRASH: _crash,
    EntryType.LINKS: _links,
    EntryType.LATENESS: _lateness,
    EntryType.CHECKPOINT: _checkpoint,
    EntryType.STRAY: _stray,
}
