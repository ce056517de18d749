"""The recorder: drains rings into the journal, then the database, and only then says so; gives tokens, answers queries, ends what nobody ended.
It reads no clock, knows no device and decides nothing about beam; records/process.py turns it, and so does the virtual world."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

import msgspec

from controller.blob import TubeHeat
from controller.entries import Ack, EntryType, Event, Found, LatchSet, Outcome, Query, Start, Statement, Terminal
from controller.latches import left_by
from controller.prescribed import Quality
from controller.ring import RING, RingEntry, RingGap, RingReader, StatementFile
from interlocks.words import Clears, Trip
from records import commissioning, missing, sheets
from records.answers import Answers
from records.approved import Signatures
from records.baselines import of_baseline
from records.book import Book, Changes, Exposure, Kept, summed
from records.clearance import TOKEN_MAX, Day, begun_by, judge, start_refused
from records.day import of_sheet
from records.day_forms import DaySheet, DaySite, decoded, zone_named
from records.files import FileSystem, PosixFiles
from records.folds import fold
from records.forms import ENTRY_WORDS, Drained, Gap, Noted, Opened, Ticks, pack_row
from records.journal import SEGMENT_BYTES, Journal, JournalError, Kind, Record
from records.recovery import never_ran, recovered, terminal, unbelievable
from records.sieve import Sieve
from records.store import OpenDatabase, Store, StoreError, engine_for, place_of
from records.wires import AFTER_S, FOLDER_NAME, Keeping, WireDue

GROUP_S = 0.08
"""What is not urgent is synced after this long: with steps of 20 ms that is within 100 ms."""
LOOK_S = 0.1
"""How often the folder of instances is looked at."""
AT_ONCE = 4096
"""Ring records taken from one process in one step; more come in the next."""
ROOM_BYTES = 4 * 1024 * 1024
"""Journal room that must be there before an exposure gets its token."""
GAP_RULE: Final = "ring_gap"
"""Of the latch that every gap sets: what was lost may have been a latch, or the end of an exposure, and the worst of these was high voltage that nobody
commanded, which is for service."""
GAP_FIRST: Final = (
    "a latch or an end may have been among them; first: service looks at the log, and whether high voltage is gone"
)
GAP_DOSE: Final = "ring records of it were lost: its dose is not known"
_STORAGE = (JournalError, StoreError, OSError, msgspec.DecodeError, ValueError)
"""What ends a recorder for good with words; anything else is a fault of this program and goes its own way."""
_LAZY = (EntryType.TICK, EntryType.EVENT, EntryType.LINKS, EntryType.LATENESS, EntryType.CHECKPOINT)


class RecorderError(Exception):
    """The recorder stops for good; the words say why and what to do first. A new one on the same files takes over."""


class RecorderConfig(msgspec.Struct, frozen=True):
    """Where things are. `shm_root` is the folder of all instances' folders; `instance` the one that this recorder was started for ("" for none).

    `day_check_waived_simulated` counts only where `simulated` is true too. `tube_heat` None: nobody asks. `time_zone` is that
    of the site's days; the keys are raw public keys. `approvals` are the roles whose signatures an order needs; none: nobody asks.
    """

    journal_dir: str
    database: str
    shm_root: str
    instance: str = ""
    simulated: bool = False
    day_check_waived_simulated: bool = False
    segment_bytes: int = SEGMENT_BYTES
    tube_heat: TubeHeat | None = None
    time_zone: str = "UTC"
    physicists: tuple[bytes, ...] = ()
    day_signers: tuple[bytes, ...] = ()
    approvals: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True):
    """What one step did: entries taken, whether anything was synced, words for the log, processes whose rings are done with."""

    entries: int
    synced: bool
    words: tuple[str, ...]
    drained: tuple[str, ...]


class _Source:
    """One process's folder: its ring, what was handled of it, and the two files that answer it."""

    def __init__(self, files: FileSystem, folder: Path, book: Book) -> None:
        self.name = folder.name
        self.folder = folder
        self.reader = RingReader(str(folder), book.seqs.get(folder.name, 0) + 1)
        self.answers = Answers(files, folder)
        before = StatementFile(str(folder)).read()
        self.version = before.version if before is not None else 0
        self.said: Statement | None = None
        self.handled = book.seqs.get(folder.name, 0)
        self.sieve = Sieve()
        self.rows = bytearray()
        self.last_ns = 0
        self.keeping: Keeping | None = None
        self.done = self.wrote = False

    def close(self) -> None:
        if self.keeping is not None:
            self.keeping.close()
        self.reader.close()
        self.answers.close()


class Recorder:
    """Opens journal and database (raises RecorderError when another recorder holds them, or they are not whole), then is turned by `step`."""

    def __init__(
        self, config: RecorderConfig, files: FileSystem | None = None, open_database: OpenDatabase = engine_for
    ) -> None:
        self._config = config
        self._files = files if files is not None else PosixFiles()
        self._open_database = open_database
        self._number = secrets.randbits(63)
        self._sources: dict[str, _Source] = {}
        self._looked_at_s: float | None = None
        self._dirty_since_s: float | None = None
        self._urgent = True
        self._failed = ""
        self._words: list[str] = []
        self._refused: set[str] = set()
        self._store: Store | None = None
        self._now_s = 0.0
        self._site = DaySite(config.time_zone, sheets.Signers(config.physicists, config.day_signers))
        self._signatures = Signatures(Path(config.journal_dir).parent)
        if config.approvals:
            self._signatures.ahead()
        self.book = Book()
        try:
            zone_named(config.time_zone)
        except ValueError as error:
            raise RecorderError(str(error)) from error
        try:
            self._journal = Journal(self._files, Path(config.journal_dir), config.segment_bytes)
        except JournalError as error:
            raise RecorderError(str(error)) from error
        try:
            self._open()
        except BaseException as error:
            self.abandon()
            if isinstance(error, _STORAGE):
                raise RecorderError(str(error)) from error
            raise

    def step(self, now_s: float, wall_s: float, at_once: bool = False) -> Progress:
        """Drain, journal, sync if due (or `at_once`), answer. `now_s` is monotonic. Raises RecorderError once and ever after: there is no retry."""
        if self._failed:
            raise RecorderError(self._failed)
        self._now_s = now_s
        try:
            return self._step(now_s, wall_s, at_once)
        except _STORAGE as error:
            self._failed = str(error)
            raise RecorderError(self._failed) from error

    def close(self) -> None:
        """Let go of everything; what was drained but not synced is drained again by the next recorder."""
        self.abandon()

    def abandon(self) -> None:
        """What the kernel does when the process is killed: descriptors and locks go, nothing is written."""
        self._failed = self._failed or "closed"
        for source in self._sources.values():
            source.close()
        self._sources.clear()
        self._journal.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    def finished(self, instance: str) -> bool:
        """True when this process is dead and its ring was drained to its end."""
        return instance in self.book.drained

    @property
    def serving(self) -> bool:
        """True while any process's ring is being drained."""
        return bool(self._sources)

    def _open(self) -> None:
        config = self._config
        before = None
        for record in self._journal.open():
            if before is None:
                before = self._open_store()
            fold(self.book, record)
            if record.index <= before[0]:
                self.book.changes = Changes()
            if record.index == before[0] and record.digest != before[1]:
                raise JournalError(
                    f"{config.journal_dir}: record {record.index} is not the one that {config.database} knows; call service"
                )
        applied, _ = before if before is not None else self._open_store()
        if applied >= self._journal.next_index:
            raise JournalError(
                f"{config.journal_dir}: ends at record {self._journal.next_index - 1}, but {config.database} knows {applied}: "
                "records were lost; keep both as they are and call service"
            )
        self._journal.go_on()
        if self.book.changes != Changes():
            self._project()
        if self._store is not None:
            self._words += self._store.mend(self.book)

    def _open_store(self) -> tuple[int, bytes]:
        self._store = Store(place_of(self._config.database), self._open_database)
        return self._store.applied, self._store.digest

    def _step(self, now_s: float, wall_s: float, at_once: bool) -> Progress:
        if self._urgent and self._looked_at_s is None:
            self._began(wall_s)
        if self._looked_at_s is None or now_s - self._looked_at_s >= LOOK_S:
            self._look()
            self._take_sheets(now_s, wall_s)
            self._looked_at_s = now_s
        entries = self._drain_all(now_s, wall_s)
        self._keep_wires(now_s, wall_s)
        if self._dirty_since_s is None and (entries or self._journal.dirty):
            self._dirty_since_s = now_s
        due = self._dirty_since_s is not None and now_s - self._dirty_since_s >= GROUP_S
        synced = self._urgent or due or (at_once and self._dirty_since_s is not None)
        if synced:
            self._flush(wall_s)
        drained = tuple(name for name, source in self._sources.items() if source.done)
        for name in drained:
            self._leave(self._sources.pop(name))
        words, self._words = tuple(self._words), []
        return Progress(entries, synced, words, drained)

    def _began(self, wall_s: float) -> None:
        if self._journal.cut is not None:
            cut = self._journal.cut
            self._words.append(f"a torn tail of {cut.dropped_bytes} bytes was cut from journal segment {cut.segment}")
            self._append(Kind.CUT, cut, wall_s)
        self._append(Kind.OPENED, Opened(self._number, self._config.instance, self._config.simulated), wall_s)

    def _look(self) -> None:
        """Take up the ring of every folder that is ours and has one; remove what is left of those that are done with."""
        root = self._config.shm_root
        if not os.path.isdir(root):
            return
        for name in sorted(os.listdir(root)):
            if name in self._sources or name in self._refused:
                continue
            folder = Path(root, name)
            if not _is_ours(folder):
                continue
            if name in self.book.drained:
                if name != self._config.instance:
                    self._remove(folder)
            elif (folder / RING).exists():
                self._take_up(name, folder)

    def _take_sheets(self, now_s: float, wall_s: float) -> None:
        """Signed sheets that people laid down: into the journal, whatever they say; what cannot be read is put aside, and one that is there already goes."""
        for path in sheets.waiting(Path(self._config.journal_dir).parent / sheets.FOLDER):
            sheet = sheets.read(path)
            if isinstance(sheet, str):
                self._words.append(f"{sheet}; it is put aside{sheets.put_aside(path)}")
                continue
            if all(kept.sheet != sheet for kept in self.book.sheets.get(sheet.kind, [])):
                for source in self._sources.values():
                    self._pour(source, wall_s)
                words = self._of_sheet(sheet, now_s, wall_s)
                self._append(Kind.SHEET, sheets.Taken(sheet, now_s, words), wall_s)
                self._words.append(f"{sheet.kind.value} sheet of {sheet.who}: {words or 'taken'}")
                # before its file goes it must be on the disk
                self._flush(wall_s)
            self._files.rename(path, path.with_suffix(sheets.TAKEN))

    def _of_sheet(self, sheet: sheets.Sheet, now_s: float, wall_s: float) -> str:
        """What stands against a sheet now, for whoever laid it down."""
        wrong = sheets.wrong_signature(sheet, self._site.signers)
        if not wrong and sheet.kind is sheets.SheetKind.COMMISSIONING:
            said = commissioning.of(sheet)
            return (
                "; ".join(commissioning.wrong(said)) if said is not None else "it is no commissioning that can be read"
            )
        if not wrong and sheet.kind is sheets.SheetKind.MISSING:
            return missing.against(self.book, sheet)
        if not wrong and sheet.kind is sheets.SheetKind.BASELINE:
            return of_baseline(self.book, self._site, sheet)
        if wrong or sheet.kind is not sheets.SheetKind.DAILY:
            return wrong
        content = decoded(sheet.body, DaySheet)
        if content is None:
            return "the daily sheet is none that this program can read; make the daily check first (kerma daily)"
        opening = self.book.openings.get(next(reversed(self._sources), ""))
        kept = Kept(self._journal.next_index, wall_s, now_s, sheet)
        return "; ".join(of_sheet(self.book, kept, content, opening, self._site, now_s, wall_s))

    def _take_up(self, name: str, folder: Path) -> None:
        try:
            self._sources[name] = _Source(self._files, folder, self.book)
        except (OSError, ValueError) as error:
            # one folder that cannot be read must not take the records from the others
            self._refused.add(name)
            self._words.append(f"{folder}: its ring cannot be read ({error}); it is left alone")
            return
        self._urgent = True

    def _remove(self, folder: Path) -> None:
        """Remove the files of a drained process, the ring last so that a kill half-way is seen, and then the folder."""
        try:
            for name in sorted(self._files.names(folder), key=lambda name: (name == RING, name)):
                self._files.remove(folder / name)
            folder.rmdir()
        except OSError as error:
            self._refused.add(folder.name)
            self._words.append(f"{folder}: cannot be removed ({error}); remove it by hand")

    def _drain_all(self, now_s: float, wall_s: float) -> int:
        """Dead processes first and to their end, then those with an exposure that has no end: what they wrote must be known before another process
        says what the unit retained. A process that is the only one is asked whether it lives only when it has just written nothing."""
        sources = tuple(self._sources.values())
        if len(sources) == 1:
            alive = sources[0].wrote or not sources[0].reader.writer_is_dead()
            return self._drain_whole(sources[0], alive, now_s, wall_s)
        waiting = {self.book.exposures[token].instance for token in self.book.running}
        order = sorted(
            (not source.reader.writer_is_dead(), source.name not in waiting, source.name) for source in sources
        )
        return sum(self._drain_whole(self._sources[name], alive, now_s, wall_s) for alive, _, name in order)

    def _drain_whole(self, source: _Source, alive: bool, now_s: float, wall_s: float) -> int:
        """What is there of one process; of a dead one all of it, past what is damaged, and its end."""
        came = entries = self._drain(source, wall_s)
        source.wrote = came > 0
        while not alive and (came or self._skipped(source, wall_s)):
            came = self._drain(source, wall_s)
            entries += came
        if not alive:
            self._end_of(source, now_s, wall_s)
        return entries

    def _drain(self, source: _Source, wall_s: float) -> int:
        found = source.reader.read(AT_ONCE)
        for item in found:
            if isinstance(item, RingGap):
                self._gap(source, item, wall_s)
            elif item.kind == EntryType.TICK:
                self._tick(source, item)
            elif item.kind == EntryType.INPUT:
                self._row(source, item)
            else:
                self._entry(source, item, wall_s)
        return len(found)

    def _skipped(self, source: _Source, wall_s: float) -> bool:
        """Whether more lies in a dead process's ring behind records that are damaged; these are told."""
        gap = source.reader.lost()
        if gap is not None:
            self._gap(source, gap, wall_s)
        return gap is not None

    def _keep_wires(self, now_s: float, wall_s: float) -> None:
        """What was on the wires around a trip, once all of it has passed, a piece in each step; a later trip has a file of its own."""
        for name, (due, *_) in tuple(self.book.wires_due.items()) if self.book.wires_due else ():
            source = self._sources.get(name)
            if source is not None and now_s * 1e9 >= due.mono_ns + AFTER_S * 1e9:
                self._keep_wire(source, due, wall_s - now_s, wall_s)

    def _keep_wire(self, source: _Source, due: WireDue, wall_less_mono_s: float, wall_s: float) -> bool:
        """One piece; True when it was the last."""
        if source.keeping is None:
            folder = Path(self._config.journal_dir).parent / FOLDER_NAME
            opening = self.book.openings.get(source.name)
            source.keeping = Keeping(self._files, folder, due, opening, source.folder, wall_less_mono_s)
        sealed = source.keeping.step()
        if sealed is None:
            return False
        source.keeping.close()
        source.keeping = None
        self._pour(source, wall_s)
        self._append(Kind.WIRE, sealed, wall_s)
        self._words.append(f"wires of {source.name} around {due.rule}: {sealed.told()}")
        return True

    def _end_of(self, source: _Source, now_s: float, wall_s: float) -> None:
        self._pour(source, wall_s)
        due = self.book.wires_due.get(source.name, ())
        token = self.book.last_start.get(source.name, 0)
        if not due and token in self.book.running:
            ended_ns = source.last_ns or int(now_s * 1e9)
            due = (WireDue(source.handled, ended_ns, "the process ended in an exposure", token),)
        for one in due:
            while not self._keep_wire(source, one, wall_s - now_s, wall_s):
                continue
        self._append(Kind.DRAINED, Drained(source.name, source.handled), wall_s)
        source.done = self._urgent = True
        half = ", with half an entry at its end" if source.reader.half_read else ""
        self._words.append(f"process {source.name} is dead; its ring is drained up to {source.handled}{half}")

    def _gap(self, source: _Source, gap: RingGap, wall_s: float) -> None:
        self._pour(source, wall_s)
        words = f"ring records {gap.first} to {gap.last} of {source.name} were overwritten before they were read, or damaged"
        latch = LatchSet(GAP_RULE, Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, f"{words}; {GAP_FIRST}", wall_s)
        held = GAP_RULE in self.book.latches
        self._append(Kind.GAP, Gap(source.name, gap.first, gap.last, () if held else (latch,)), wall_s)
        source.handled = gap.last
        # whoever lives hears of another recorder: it takes over the latch, and tells again what this one cannot know
        self._number = secrets.randbits(63)
        for hears in self._sources.values():
            hears.said = None
        self._urgent = True
        self._words.append(words)

    def _tick(self, source: _Source, item: RingEntry) -> None:
        source.handled = item.seq
        source.last_ns = item.mono_ns
        owed = self.book.last_start.get(source.name, 0) in self.book.running
        if source.sieve.keeps(item.payload, item.mono_ns, owed):
            self._row(source, item)

    def _row(self, source: _Source, item: RingEntry) -> None:
        source.handled = item.seq
        source.rows += pack_row(item.seq, item.mono_ns, item.kind, item.payload)

    def _entry(self, source: _Source, item: RingEntry, wall_s: float) -> None:
        self._pour(source, wall_s)
        noted = self._understood(_readable(Noted(source.name, item.seq, item.mono_ns, item.kind, item.payload)), wall_s)
        kind = EntryType(noted.type)
        self._append(Kind.ENTRY, noted, wall_s)
        source.handled = item.seq
        self._urgent = self._urgent or kind not in _LAZY or bool(self.book.changes.fractions)
        if noted.words:
            self._words.append(f"{kind.name} {item.seq} of {source.name}: {noted.words}")

    def _understood(self, noted: Noted, wall_s: float) -> Noted:
        """What the records make of an entry, worked out once and kept with it."""
        if noted.type == EntryType.START:
            return self._started(noted, wall_s)
        if noted.type == EntryType.TERMINAL:
            return self._terminated(noted, wall_s)
        if noted.type == EntryType.FOUND:
            return self._doubted(self._reconciled(noted, wall_s))
        return self._answered(noted, wall_s) if noted.type == EntryType.QUERY else noted

    def _started(self, noted: Noted, wall_s: float) -> Noted:
        start = msgspec.msgpack.decode(noted.entry, type=Start)
        # read anew and not kept from the question: a signature may have been withdrawn since
        lacking = self._unsigned(start)
        day, packed = self._day(noted, wall_s), self.book.queries.get(noted.instance)
        asked = msgspec.msgpack.decode(packed, type=Query) if packed is not None else None
        words = start_refused(self.book, start, self._config.simulated, day, lacking, asked)
        self._journal.make_room(ROOM_BYTES)
        token = max(self._journal.next_index, start.unit_last_token + 1, self.book.last_token + 1)
        if not words and token > TOKEN_MAX:
            words = f"token {token} does not fit 32 bits; service"
        return msgspec.structs.replace(noted, token=0 if words else token, words=words)

    def _terminated(self, noted: Noted, wall_s: float) -> Noted:
        """Take the end that the real-time process wrote, by its START: a journal that was lost gives that another token, and the dose is no less given.
        One whose dose is no number is worked out anew from the unit's registers in it."""
        end = msgspec.msgpack.decode(noted.entry, type=Terminal)
        token = self.book.by_start.get((noted.instance, end.start_seq), 0)
        exposure = self.book.exposures.get(token)
        if exposure is None:
            return msgspec.structs.replace(
                noted, words=f"an end of START {end.start_seq}, token {end.token}, that has no token here"
            )
        if exposure.end is not None:
            return msgspec.structs.replace(
                noted, words=f"exposure {token} has its end already: {exposure.end.outcome.name}"
            )
        known_as = f"the unit knew it as token {end.token}" if end.token not in (0, token) else ""
        end = msgspec.structs.replace(end, token=token)
        wrong = unbelievable(end)
        if wrong:
            end = self._worked_out(exposure, end, noted, wall_s)
        end = summed(self.book, self.book.fractions[exposure.fraction], end)
        return msgspec.structs.replace(
            noted, ends=(end,), words=f"{wrong}: dose worked out anew" if wrong else known_as
        )

    def _worked_out(self, exposure: Exposure, end: Terminal, noted: Noted, wall_s: float) -> Terminal:
        start = exposure.start
        found = Found(
            token=exposure.token,
            fraction_tag=start.fraction_tag,
            boot_count=start.unit_boot_count,
            beam_ms=end.beam_ms,
            k1_ms=0,
            counts_1=end.counts_1,
            counts_2=end.counts_2,
            run_count=0,
            last_token=exposure.token,
            cause=end.unit_cause,
            sound=True,
        )
        tick_s = self.book.tick_s(exposure.instance)
        figures = recovered(start, exposure.token, found, noted.mono_ns, wall_s, exposure.seen, tick_s)
        return terminal(start, exposure.token, exposure.seq, found, figures, exposure.seen, wall_s)

    def _reconciled(self, noted: Noted, wall_s: float) -> Noted:
        """What the unit retained ends every exposure that has no end, leaves the latch that whoever had seen that end would have set, and shows which resets
        were done."""
        found = msgspec.msgpack.decode(noted.entry, type=Found)
        ends, latches = [], []
        for token in sorted(self.book.running):
            exposure = self.book.exposures[token]
            seen = exposure.seen
            if exposure.instance == noted.instance:
                seen = msgspec.structs.replace(seen, whole=not seen.gapped)
            start, tick_s = exposure.start, self.book.tick_s(exposure.instance)
            # high voltage that nobody asked for may come with K1 open, where the unit counts nothing
            latched = any(latch.trip is Trip.HV_UNCOMMANDED for latch in self.book.latches.values())
            uncommanded = latched or seen.uncounted is not None
            if not uncommanded and never_ran(start, token, found, seen):
                figures = None
            else:
                figures = recovered(start, token, found, noted.mono_ns, wall_s, seen, tick_s)
            end = terminal(start, token, exposure.seq, found, figures, seen, wall_s)
            ends.append(summed(self.book, self.book.fractions[exposure.fraction], end))
            left = left_by(start, found.cause, wall_s) if found.sound and found.token == token else None
            latches += [left] if left is not None and left.rule not in self.book.latches else []
        retained = self.book.retained
        held = self.book.exposures.get(retained)
        gone = found.sound and found.token != retained and held is not None and held.end is not None
        words = "; ".join(f"exposure {end.token}: {end.outcome.name}, {end.words}" for end in ends)
        if found.sound and found.token and found.token not in self.book.exposures:
            words = f"exposure {found.token} is not in these records{'; ' if words else ''}{words}"
        return msgspec.structs.replace(
            noted, ends=tuple(ends), latches=tuple(latches), resets=(retained,) if gone else (), words=words
        )

    def _doubted(self, noted: Noted) -> Noted:
        """No dose is known of an exposure whose ring lost records: beam that its safety unit could not count may have been among them."""
        ends = []
        for end in noted.ends:
            exposure = self.book.exposures[end.token]
            if exposure.lossy and not end.void:
                end = msgspec.structs.replace(
                    end,
                    outcome=Outcome.INTERRUPTED,
                    quality=Quality.UNKNOWN,
                    delivered_mgy=end.high_mgy,
                    words=f"{end.words}; {GAP_DOSE}",
                )
                end = summed(self.book, self.book.fractions[exposure.fraction], end)
            ends.append(end)
        return msgspec.structs.replace(noted, ends=tuple(ends))

    def _answered(self, noted: Noted, wall_s: float) -> Noted:
        query = msgspec.msgpack.decode(noted.entry, type=Query)
        day, lacking = self._day(noted, wall_s), self._unsigned(query)
        return msgspec.structs.replace(noted, clearance=judge(self.book, query, day, lacking))

    def _unsigned(self, of: Query | Start) -> str:
        """What an order lacks of the signatures that are asked for, or which newer one took its place, as they lie beside the journal at this moment."""
        begun = begun_by(self.book, of.fraction_tag, of.prescribed)
        return self._signatures.unsigned(of.prescribed, self._config.approvals, begun)

    def _day(self, noted: Noted, wall_s: float) -> Day:
        """What the day is judged by for this entry's process; without its opening it is no simulated one, and nothing is waived."""
        opening, config = self.book.openings.get(noted.instance), self._config
        simulated = config.simulated and opening is not None and opening.simulated
        waived = simulated and config.day_check_waived_simulated
        late_s = max(0.0, self._now_s - noted.mono_ns * 1e-9)
        return Day(self._site, opening, self._now_s, wall_s, waived, config.tube_heat, late_s)

    def _pour(self, source: _Source, wall_s: float) -> None:
        """Ticks that were gathered, as one record, before anything that came after them."""
        if source.rows:
            rows = bytes(source.rows)
            source.rows.clear()
            self._append(Kind.TICKS, Ticks(source.name, rows, self._now_s), wall_s)

    def _append(self, kind: Kind, payload: msgspec.Struct, wall_s: float) -> Record:
        record = self._journal.append(kind, msgspec.msgpack.encode(payload), wall_s)
        fold(self.book, record)
        return record

    def _flush(self, wall_s: float) -> None:
        """The order that everything stands on: journal on the disk, then the database, then the acknowledgement and the statement."""
        for source in self._sources.values():
            self._pour(source, wall_s)
        self._journal.sync()
        told = self.book.changes != Changes()
        if told:
            self._project()
        for source in self._sources.values():
            self._acknowledge(source)
            if told or source.said is None:
                self._state(source)
        self._dirty_since_s, self._urgent = None, False

    def _project(self) -> None:
        if self._store is not None:
            self._store.project(self.book, self.book.changes, self._journal.next_index - 1, self._journal.last_digest)
        self.book.changes = Changes()

    def _acknowledge(self, source: _Source) -> None:
        exposure = self.book.exposures.get(self.book.last_start.get(source.name, 0))
        source.answers.acknowledge(
            Ack(
                recorder=self._number,
                durable_seq=source.handled,
                start_seq=exposure.seq if exposure is not None else 0,
                start_crc=exposure.start_crc if exposure is not None else 0,
                token=exposure.token if exposure is not None else 0,
                ended_token=self.book.last_ended.get(source.name, 0),
            )
        )

    def _state(self, source: _Source) -> None:
        book = self.book
        refused_seq, refused = book.refused_starts.get(source.name, (0, ""))
        statement = Statement(
            version=0,
            recorder=f"{self._number:016x}",
            last_token=book.last_token,
            last_wall_s=0.0,
            latches=tuple(book.latches.values()),
            opens=book.opens(),
            reconciled_found_seq=book.found.get(source.name, 0),
            reset_due_token=book.reset_due,
            clearance=book.clearances.get(source.name),
            refused_seq=refused_seq,
            refused=refused,
        )
        if statement == source.said:
            return
        source.said = statement
        source.version += 1
        source.answers.state(msgspec.structs.replace(statement, version=source.version, last_wall_s=book.last_wall_s))

    def _leave(self, source: _Source) -> None:
        source.close()
        if source.name != self._config.instance:
            self._remove(source.folder)


def _readable(noted: Noted) -> Noted:
    """The entry, or an EVENT that keeps its bytes as words when this version cannot read it: a journal must never hold what stops its own replay."""
    try:
        msgspec.msgpack.decode(noted.entry, type=ENTRY_WORDS[EntryType(noted.type)])
    except (msgspec.DecodeError, KeyError, ValueError) as error:
        words = f"entry of type {noted.type} cannot be read ({error}): {noted.entry.hex()}"
        told = msgspec.msgpack.encode(Event("", "UNREADABLE", "", "", words))
        return msgspec.structs.replace(noted, type=EntryType.EVENT, entry=told, words=words[:200])
    return noted


def _is_ours(folder: Path) -> bool:
    """A private folder of our own user and no link: anything else is somebody's trap or not an instance."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077
