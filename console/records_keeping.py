"""`kerma records database`, `backup`, `restore`, `mirror`: what people do with the whole of the records, in words.
What is done is in records/; nothing here moves a recorder."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from sqlalchemy.exc import SQLAlchemyError

from console import places
from console.access import folder
from console.access.table import beam_may_be_on
from console.configuration import Rig, site_key
from console.desk_client import DeskGoneError, connect
from console.exit_codes import Exit
from console.kept import database as database_of
from console.kept import rig_of, stamp
from console.sources import software_version
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.units import Seconds
from records import backup as room
from records.files import PosixFiles
from records.mirror import Mirror, MirrorError
from records.schema import OURS, Place, StoreError, revision_of, said
from records.store import applied_of, engine_for

POLL_S: Final = 1.0
FIRST_S, MOST_S = 2.0, 300.0
"""After a failure the next attempt is made so much later, twice as much each time, up to the last."""
LOOK_S: Final = 2.0
ANSWER_S: Final = 60.0
"""Above what the server itself is allowed for one statement (records/store.py)."""


def looked_at(place: Place) -> dict[str, Any]:
    """One database: its revision, whether this program reads it, up to which journal record it is. `words` say what is wrong, and what to do first."""
    told: dict[str, Any] = {
        "at": str(place),
        "current": "",
        "head": OURS.head,
        "fits": False,
        "applied": 0,
        "words": "",
    }
    if isinstance(place, Path) and not place.exists():
        return told | {"words": "there is none yet; kerma run makes it"}
    engine = engine_for(place, read_only=True)
    try:
        with engine.begin() as connection:
            told["current"] = revision_of(connection, place)
            told["applied"] = applied_of(connection) if told["current"] else 0
    except (StoreError, SQLAlchemyError) as error:
        return told | {"words": str(error) if isinstance(error, StoreError) else f"cannot be read ({said(error)})"}
    finally:
        engine.dispose()
    return told | {"fits": told["current"] == OURS.head, "words": _fitting(told["current"])}


def _fitting(current: str) -> str:
    if not current:
        return "it is empty; who writes it makes the tables"
    if current < OURS.head:
        return f"older than this program ({OURS.head}); who writes it brings it up at its start: kerma run"
    return f"newer than this program ({OURS.head}); use the newer program" if current > OURS.head else ""


def database(config: Path | None, as_json: bool) -> Exit:
    """Print which schema the database has, and whether it is this program's; UNFIT where it is not."""
    rig = rig_of(config)
    found = [looked_at(database_of(rig))]
    if rig.file.records.mirror is not None:
        try:
            with answering():
                found.append(looked_at(rig.file.records.mirror))
        except StoreError as error:
            found.append(
                found[0]
                | {"at": rig.file.records.mirror, "current": "", "fits": False, "applied": 0, "words": str(error)}
            )
    if as_json:
        print(json.dumps(found))
    else:
        for one in found:
            fit = "fits" if one["fits"] else "DOES NOT FIT"
            print(
                f"{one['at']}: schema {one['current'] or '-'}, this program's {one['head']}: {fit}; up to journal record {one['applied']}"
            )
            if one["words"]:
                print(f"  {one['words']}")
        for one in found[1:]:
            if one["fits"]:
                print(f"  {max(0, found[0]['applied'] - one['applied'])} journal records behind")
    return Exit.AS_INTENDED if all(one["fits"] for one in found) else Exit.UNFIT


def backup(config: Path | None, to: Path, clock: Clock) -> Exit:
    """Copy all records of a rig to a folder that is not there yet; a recorder may run beside. Raises ConfigurationError."""
    rig = rig_of(config)
    beam = _beam_of(rig, clock)
    if beam:
        raise ConfigurationError(
            f"{beam}; a disk that is busy with a copy is a late journal, which ends the beam; first: wait for its end"
        )
    about = room.About(software_version(), rig.name, rig.simulated, key_of_copies(rig))
    with _shown("copied") as seen, _refused():
        made = room.backup(PosixFiles(), rig.records, _place(to), about, clock.wall(), seen)
    for words in made.words:
        print(f"NOT AS IT SHOULD BE: {words}")
    _tell("copied to", made)
    print(f"signed with key {made.key}: write it down elsewhere, with this rig's name")
    print("it holds the records of patients, and keys: keep it where only those may read who may read the records")
    return Exit.UNFIT if made.words else Exit.AS_INTENDED


def key_of_copies(rig: Rig) -> Ed25519PrivateKey:
    """The key that signs this machine's copies: from its site key, which is in no copy, and named so that it signs nothing else. Raises ConfigurationError."""
    seed = HKDF(SHA256(), 32, None, b"kerma copies of records 1").derive(site_key(rig))
    return Ed25519PrivateKey.from_private_bytes(seed)


@dataclass(frozen=True)
class Restoring:
    """The command line of `kerma records restore`, as typed."""

    source: Path
    to: Path
    who: str
    reason: str
    key: str = ""
    unsigned: bool = False


def _trusted(rig: Rig, asked: Restoring) -> room.Trust:
    if not asked.key:
        return room.Trust(rig.name, rig.simulated, room.public(key_of_copies(rig)), asked.unsigned)
    if not re.fullmatch("[0-9a-fA-F]{64}", asked.key):
        raise ConfigurationError(
            f"--key {asked.key!r}: is no key of 64 hex digits; first: give the one that was printed when the copy was made"
        )
    return room.Trust(rig.name, rig.simulated, bytes.fromhex(asked.key), asked.unsigned)


def restore(config: Path | None, asked: Restoring, clock: Clock) -> Exit:
    """Make a folder of records from a copy of this rig, once all of the copy was read. Raises ConfigurationError."""
    rig, to = rig_of(config), _place(asked.to)
    trust = _trusted(rig, asked)
    running = _of_a_rig_that_runs(to)
    if running:
        raise ConfigurationError(f"{to}: {running}; first: end kerma run")
    words: list[str] = []
    with _shown("restored") as seen, _refused():
        made = room.restore(
            PosixFiles(),
            _place(asked.source),
            to,
            trust,
            asked.who,
            asked.reason,
            clock.wall(),
            seen,
            _audited(clock, words),
        )
    _tell("restored to", made)
    for one in words:
        print(one)
    if not made.key:
        print("NOT SIGNED: nothing but the word of whoever kept it says that this copy is as it was made")
    print(
        f"what came after {stamp(made.manifest.made_wall_s)} is missing: nobody is treated before the physicist has signed for it; "
        "first: kerma run, then kerma sheet missing"
    )
    return Exit.AS_INTENDED


def _audited(clock: Clock, words: list[str]) -> Callable[[Path, room.Made], object]:
    """The audit of what is restored goes on with the word of it, before the folder gets its name. The journal holds the same word by its own chain, so
    that an audit that takes no more entries is said, and keeps nobody from his records."""

    def note(partial: Path, made: room.Made) -> None:
        told: dict[str, str | int | float | bool | None] = {
            "manifest_sha256": made.sha256,
            "signed": bool(made.key),
            "key": made.key,
            "record": made.manifest.last_index,
        }
        try:
            _, audit = folder.opened(partial, clock)
            audit.note("restored", "terminal", "", told)
        except ConfigurationError as error:
            words.append(f"the journal says that it was restored, and the audit cannot be told: {error}")

    return note


def mirror(config: Path | None, clock: Clock, once: bool) -> Exit:
    """Bring the second database up to the records, then follow them until asked to end; one JSON line on standard error for whatever is worth a word.

    Raises ConfigurationError for what trying again will not mend, and with `once` for everything.
    """
    rig = rig_of(config)
    url = rig.file.records.mirror
    if url is None:
        raise ConfigurationError(
            f'{rig.path}: names no second database; first: write mirror = "postgresql://..." under [records]'
        )
    second, ended = Mirror(rig.records, url), list[int]()
    if not once:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _: ended.append(got))
    try:
        _follow(second, clock, once, ended)
    except MirrorError as error:
        raise ConfigurationError(str(error)) from error
    finally:
        second.close()
    return Exit.AS_INTENDED


def _follow(second: Mirror, clock: Clock, once: bool, ended: list[int]) -> None:
    wait_s, behind = FIRST_S, -1
    while not ended:
        try:
            with answering():
                step = second.step()
        except StoreError as error:
            if once:
                raise ConfigurationError(str(error)) from error
            _line("not reached", words=str(error), again_in_s=wait_s, wall_s=clock.wall())
            _wait(clock, wait_s, ended)
            wait_s, behind = min(2.0 * wait_s, MOST_S), -1
            continue
        wait_s = FIRST_S
        for words in step.words:
            _line("note", words=words, wall_s=clock.wall())
        if behind < 0 or (step.behind == 0) != (behind == 0):
            _line(
                "level" if not step.behind else "behind",
                applied=step.applied,
                durable=step.durable,
                wall_s=clock.wall(),
            )
        behind = step.behind
        if not behind and once:
            return
        if not behind:
            _wait(clock, POLL_S, ended)


def _wait(clock: Clock, seconds: float, ended: list[int]) -> None:
    """A signal is heard within a second."""
    until_s = clock.monotonic() + seconds
    while not ended and clock.monotonic() < until_s:
        clock.sleep_until(Seconds(min(until_s, clock.monotonic() + POLL_S)))


def _line(what: str, **told: object) -> None:
    print(json.dumps({"mirror": what} | told), file=sys.stderr, flush=True)


@contextmanager
def answering() -> Iterator[None]:
    """A server that is stopped keeps its connections, and no time limit of its own ends a question to it: after so long this side gives up (StoreError)."""

    words = f"the server of the second database has said nothing for {ANSWER_S:g} s; see whether it is stopped or overloaded first"
    given_up: list[int] = []

    def silent(number: int, _frame: FrameType | None) -> None:
        given_up.append(number)
        raise StoreError(words)

    before = signal.signal(signal.SIGALRM, silent)
    signal.setitimer(signal.ITIMER_REAL, ANSWER_S)
    try:
        yield
    except StoreError as error:
        # leaving a transaction with such a server is refused too, in words that help nobody
        if given_up:
            raise StoreError(words) from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def _place(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _tell(what: str, made: room.Made) -> None:
    one = made.manifest
    mark = "SIMULATED, " if one.simulated else ""
    print(
        f"{what} {made.at}: {mark}rig {one.rig}, {one.fractions} fractions ({one.open_fractions} open), last token {one.last_token}, up to journal record "
        f"{one.last_index}, {len(one.files)} files, {sum(entry.bytes for entry in one.files)} bytes"
    )
    print(f"manifest SHA-256 {made.sha256}")


def _beam_of(rig: Rig, clock: Clock) -> str:
    """Why a beam may be on; empty where the rig says that it is off, or does not run."""
    if not rig.places.alive:
        return ""
    try:
        with connect(rig.places.desk, clock) as desk:
            shown = desk.snapshot(LOOK_S)
    except DeskGoneError as error:
        return f"the rig runs and does not say whether beam is on ({error})"
    if shown is None:
        return f"the rig runs and does not say within {LOOK_S:g} s whether beam is on"
    return f"beam is on, or may be ({shown.state})" if beam_may_be_on(shown) else ""


def _of_a_rig_that_runs(to: Path) -> str:
    """Why these may be the records of a rig that runs now; empty where they are of none."""
    for one in places.running():
        if not one.alive:
            continue
        try:
            named = Path(one.rig_file.read_text(encoding="utf-8").strip())
            folder = named.parent / tomllib.loads(named.read_text(encoding="utf-8"))["records"]["dir"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"a rig runs under {one.shm}, and where its records are cannot be told ({error})"
        if folder.resolve() == to.resolve():
            return f"the rig of {named} runs on these records"
    return ""


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except room.BackupError as error:
        raise ConfigurationError(str(error)) from error


@contextmanager
def _shown(done: str) -> Iterator[Callable[[str], object]]:
    """Each file as it is taken up, on standard error."""
    columns = (SpinnerColumn(), TextColumn("{task.completed} files " + done), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda name: progress.update(task, advance=1, description=name)
