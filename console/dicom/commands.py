"""`kerma dicom`: instances of the records as files, into the outbox, and from there to a receiver; words for people.
What an instance says is beams.py and document.py; when something is sent again is outbox.py."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from rich.table import Table

from console import screen
from console.configuration import Rig
from console.dicom import beams, document, uids
from console.dicom.common import as_file
from console.dicom.outbox import Outbox, OutboxError, Sent, State
from console.dicom.send import Receiver, Sender, receiver
from console.dicom.words import UnfitError
from console.exit_codes import Exit
from console.kept import rig_of, stamp
from console.reports import keep, paper
from console.reports.beside import Beside
from console.reports.commands import journal_of, made, site_of
from console.reports.follow import Moved
from console.reports.gather import gather
from console.reports.stated import certificates
from console.reports.told import FractionReport
from console.treat.plain_words import PlainConsole
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.fractions import JOURNAL_NAME
from records.store import StoreError

POLL_S: Final = 5.0


def instances(
    report: FractionReport, known: frozenset[str] = frozenset(), picture: bytes | None = None
) -> Iterator[tuple[str, Dataset]]:
    """Every instance of one fraction but those `known`, with words on it: a record for each exposure that ended, and the report where none runs.
    UnfitError."""
    o, serial = report.order, report.machine.machine_serial
    of = f"fraction {report.id}, {o.fraction} of {o.fractions}"
    for segment in report.segments:
        if not segment.provisional and uids.record(serial, segment.record_sha256) not in known:
            yield f"{of}, exposure {segment.number}", beams.record(report, segment)
    whole = report.segments and not any(segment.provisional for segment in report.segments)
    if whole and document.uid_of(report) not in known:
        charted = f", entry {report.source.chart_entry} of the chart" if report.source.chart_entry else ""
        yield (
            f"{of}, report of record {report.source.record_index}{charted}",
            document.document(report, paper.fraction_pdf(report, picture)),
        )


def _reports(rig: Rig, name: str, beside: Beside) -> list[FractionReport]:
    """Of treatments that had beam: of one by its id, or of all."""
    found = gather(journal_of(rig))
    if found.verified.words:
        raise ConfigurationError(
            f"the journal is not whole, and nothing is made of it for others: {found.verified.words}"
        )
    if beside.wrong():
        raise ConfigurationError(
            f"the chart's chain is not whole, nobody's name in it is believed, and nothing is made of it for others: {beside.wrong()}"
        )
    book = found.book
    some = [one for one in book.fractions if one.startswith(name) and book.tally(book.fractions[one]).segments]
    treatments = [
        one for one in some if book.exposures[book.fractions[one].tokens[0]].start.prescribed.purpose.name == "TREAT"
    ]
    if name and len(treatments) != 1:
        raise ConfigurationError(
            f"{name}: {len(treatments)} treatments begin so; first: take an id from kerma records list"
        )
    site, at_hand = site_of(rig), certificates(rig)
    return [made(found, one, site, at_hand, beside) for one in treatments]


def write(config: Path | None, name: str, out: Path | None) -> Exit:
    """The instances of one fraction as files."""
    rig = rig_of(config)
    beside = Beside(rig.records)
    try:
        found = _reports(rig, name, beside)
        if len(found) != 1:
            raise ConfigurationError(f"{len(found)} treatments are meant; first: take an id from kerma records list")
        report = found[0]
        some = {
            f"{data.SOPInstanceUID}.dcm": as_file(data) for _, data in instances(report, picture=beside.picture(report))
        }
        folder = out or rig.records / keep.FOLDER
        keep.keep(folder, some)
    except UnfitError as error:
        raise ConfigurationError(str(error)) from error
    except OSError as error:
        raise ConfigurationError(
            f"instances cannot be written ({error.strerror or error}); first: see to the disk"
        ) from error
    console = PlainConsole()
    console.print(screen.banner(report.simulated, rig.name), markup=False)
    for file in some:
        console.print(f"{folder / file}", markup=False, highlight=False, soft_wrap=True)
    return Exit.AS_INTENDED


def fill(rig: Rig, outbox: Outbox, name: str, wall_s: float) -> tuple[list[str], list[str]]:
    """Queue what is not there yet; what was queued, and words on what DICOM cannot hold, which holds up nothing else."""
    queued, unfit, known = [], [], outbox.uids()
    beside = Beside(rig.records)
    for report in _reports(rig, name, beside):
        try:
            for what, data in instances(report, known, beside.picture(report)):
                if outbox.put(str(data.SOPInstanceUID), what, str(data.SOPClassUID), as_file(data), wall_s):
                    queued.append(what)
        except UnfitError as error:
            unfit.append(f"fraction {report.id}: {error}")
    return queued, unfit


def queue(config: Path | None, name: str, clock: Clock) -> Exit:
    """Queue the instances of one fraction, or of all."""
    rig = rig_of(config)
    with _opened(rig) as outbox:
        queued, unfit = fill(rig, outbox, name, clock.wall())
    for what in queued:
        print(f"queued: {what}")
    if not queued:
        print("nothing new to queue")
    for words in unfit:
        print(f"NOT QUEUED: {words}", file=sys.stderr)
    return Exit.REFUSED if unfit else Exit.AS_INTENDED


def show(config: Path | None, again: str, as_json: bool, clock: Clock) -> Exit:
    """What is in the outbox; with `again` ask for another attempt first."""
    rig = rig_of(config)
    with _opened(rig) as outbox:
        if again:
            outbox.again(again, clock.wall())
        items = outbox.items()
    if as_json:
        print(json.dumps([asdict(one) | {"state": one.state.value} for one in items]))
        return Exit.AS_INTENDED
    console = PlainConsole()
    console.print(screen.banner(rig.simulated, rig.name), markup=False)
    table = Table(show_edge=False)
    for head in ("state", "tries", "next, UTC", "what", "said"):
        table.add_column(head, overflow="fold")
    for one in items:
        next_at = stamp(one.next_wall_s) if one.state is State.WAITING else "-"
        table.add_row(one.state.value, str(one.attempts), next_at, f"{one.what}\n{one.uid}", one.words)
    console.print(table if items else "the outbox is empty")
    return Exit.REFUSED if any(one.state is State.REFUSED for one in items) else Exit.AS_INTENDED


def send(config: Path | None, to: str, calling: str, follow: bool, clock: Clock) -> Exit:
    """One attempt for all that is due; with `follow` queue and send by itself until asked to end."""
    rig, where = rig_of(config), receiver(to, calling)
    with _opened(rig) as outbox:
        if not follow:
            return _sent(outbox, where, clock.wall())
        ended: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _: ended.append(got))
        moved = Moved(rig.records)
        while not ended:
            try:
                if moved.look() and (rig.records / JOURNAL_NAME).is_dir():
                    _, unfit = fill(rig, outbox, "", clock.wall())
                    moved.taken()
                    for words in unfit:
                        print(json.dumps({"dicom": "not queued", "words": words}), file=sys.stderr, flush=True)
                _sent(outbox, where, clock.wall())
            except (ConfigurationError, OutboxError, StoreError) as error:
                print(json.dumps({"dicom": "later", "words": str(error)}), file=sys.stderr, flush=True)
            now_s = clock.monotonic()
            clock.sleep_until(type(now_s)(now_s + POLL_S))
    return Exit.AS_INTENDED


def _sent(outbox: Outbox, where: Receiver, wall_s: float) -> Exit:
    with Sender(where) as sender:
        tried = outbox.step(sender.store, wall_s)
    for item, answer in tried:
        line = {"dicom": answer.sent.value, "what": item.what, "uid": item.uid, "words": answer.words}
        print(json.dumps(line), flush=True)
    if any(answer.sent is Sent.LATER for _, answer in tried):
        return Exit.NO_ANSWER
    return Exit.REFUSED if any(answer.sent is Sent.REFUSED for _, answer in tried) else Exit.AS_INTENDED


class _opened:  # noqa: N801 - a context, read like a word
    """The outbox of a rig, its errors as those of a command."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def __enter__(self) -> Outbox:
        try:
            self._outbox = Outbox(self._rig.records)
        except OutboxError as error:
            raise ConfigurationError(str(error)) from error
        return self._outbox

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._outbox.close()
        if isinstance(error, OutboxError):
            raise ConfigurationError(str(error)) from error
