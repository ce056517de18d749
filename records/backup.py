"""A copy of all records, made beside a recorder that runs, and records made anew from such a copy: each file by its SHA-256, the journal by its chain.
It knows which files there are and in what order they may be read; what they say is for those who wrote them."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy.exc import SQLAlchemyError

from records.book import Book
from records.files import FileSystem, held_by_another
from records.folds import fold
from records.forms import Restored
from records.fractions import DATABASE_NAME, JOURNAL_NAME
from records.journal import Journal, JournalError, Kind, Record, segments_up_to, verify
from records.schema import StoreError, readable
from records.store import Store, applied_of, engine_for
from records.wires import FOLDER_NAME as WIRES
from records.wires import Sealed

MANIFEST, MANIFEST_SUM, MANIFEST_SIGNATURE = "manifest.json", "manifest.sha256", "manifest.sig"
HEAD: Final = b"kerma-copy-1\n"
"""What the signature of a manifest begins with, so that it is one of nothing else."""
FORMAT: Final = 1
PARTIAL: Final = ".partial"
"""What a copy is called until all of it is on the disk."""
LOOKS: Final = 20
"""So many times a folder is copied anew that was changed meanwhile."""
_OF_A_PROCESS: Final = ("lock", "recorder.pid")
_PASSING: Final = (".lock", ".new", PARTIAL, "-wal", "-shm", "-journal")


class BackupError(Exception):
    """The copy or the restoring did not come about; the words name the file and what to do first. Nothing that was there is changed."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a copy, by its path in the folder."""

    name: str
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a copy holds: when and by which program it was made, of which rig; the journal's last record with its digest, and what it knows up to there."""

    format: int
    made_wall_s: float
    program: str
    rig: str
    simulated: bool
    last_index: int
    last_digest: str
    last_token: int
    fractions: int
    open_fractions: int
    files: tuple[Entry, ...]


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What lies beside a manifest: the raw public key and the Ed25519 signature, in hex."""

    key: str
    ed25519: str


class About(msgspec.Struct, frozen=True):
    """What a copy says of itself and cannot find out: the program, the rig and whether it is simulated. It is signed with the machine's key of copies."""

    program: str
    rig: str
    simulated: bool
    key: Ed25519PrivateKey


class Trust(msgspec.Struct, frozen=True):
    """Which copy is believed: one of this rig, signed with the other half of this raw public key. `unsigned`: a person knows where a copy without any
    signature was kept; one that has a signature is held to it all the same."""

    rig: str
    simulated: bool
    key: bytes
    unsigned: bool = False


class Made(msgspec.Struct, frozen=True):
    """What was made: where, by which manifest (its SHA-256, for people to write down), signed with which public key (in hex; "": with none), and words on
    what is not as it should be."""

    at: Path
    manifest: Manifest
    sha256: str
    key: str = ""
    words: tuple[str, ...] = ()


Seen = Callable[[str], object]
"""Told each file before it is copied or read."""


def backup(
    files: FileSystem, records: Path, to: Path, about: About, wall_s: float, seen: Seen = lambda _name: None
) -> Made:
    """Copy the records to a folder that is not there yet. Raises BackupError; what is left of a copy that was broken off is called .partial."""
    partial = _new(records, to)
    with _told(partial):
        files.make_folder(partial)
        entries, words, book = _copied(files, records, partial, seen)
        found = verify(files, partial / JOURNAL_NAME)
        counts = (book.last_token, len(book.fractions), len(book.opens()))
        manifest = Manifest(
            FORMAT,
            wall_s,
            about.program,
            about.rig,
            about.simulated,
            found.records,
            found.digest.hex(),
            *counts,
            tuple(sorted(entries, key=lambda entry: entry.name)),
        )
        raw = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
        sha256 = hashlib.sha256(raw).hexdigest()
        _write(files, partial / MANIFEST, raw)
        _write(files, partial / MANIFEST_SUM, _sum(sha256))
        key = public(about.key)
        signature = Signature(key.hex(), about.key.sign(HEAD + raw).hex())
        _write(files, partial / MANIFEST_SIGNATURE, _beside(signature))
        _sync_folders(files, partial)
        checked(files, partial, Trust(about.rig, about.simulated, key))
        files.rename(partial, to)
        files.sync_folder(to.parent)
    return Made(to, manifest, sha256, key.hex(), tuple(words))


def _copied(files: FileSystem, records: Path, partial: Path, seen: Seen) -> tuple[list[Entry], list[str], Book]:
    """Every file, with words on what is not as it should be, and what the journal says up to where it was copied."""
    book, sealed = Book(), dict[str, bytes]()
    entries: list[Entry] = []
    # the journal after what speaks of it: the audit names its newest record, and a copy must not lack that one
    for folder in _folders(records):
        copied, _ = _folder(files, records, folder, partial, None, seen)
        entries += copied
    last, words = _last(files, records)
    segments = [*_journal(files, records, partial, last, _folding(book, sealed), seen)]
    if not segments:
        raise BackupError(
            f"{records / JOURNAL_NAME}: there are no records yet; see whether this is the right folder first"
        )
    frames, more = _folder(files, records, records / WIRES, partial, sealed, seen)
    return [*entries, *segments, *frames], [*words, *more], book


def checked(files: FileSystem, source: Path, trust: Trust, seen: Seen = lambda _name: None) -> Made:
    """Read a whole copy: manifest with its signature, each file, the journal's chain. Raises BackupError at the first that is not as it was made."""
    manifest, raw_manifest = _manifest(files, source)
    key = _signed(files, source, raw_manifest, trust)
    if (manifest.rig, manifest.simulated) != (trust.rig, trust.simulated):
        raise BackupError(
            f"{source}: is a copy of the {_kind(manifest.simulated)} rig {manifest.rig}, and this is the {_kind(trust.simulated)} rig {trust.rig}; "
            "use a copy of this one first"
        )
    there = {str(path.relative_to(source)) for path in source.rglob("*") if not path.is_dir() or path.is_symlink()}
    wanted = {entry.name for entry in manifest.files} | {MANIFEST, MANIFEST_SUM, MANIFEST_SIGNATURE}
    for name in sorted(there - wanted):
        raise BackupError(
            f"{source / name}: is no part of this copy; find out who put it there, and take it away first"
        )
    for entry in manifest.files:
        seen(entry.name)
        _as_copied(files, source / entry.name, entry)
    found = verify(files, source / JOURNAL_NAME)
    if found.words or (found.records, found.digest.hex()) != (manifest.last_index, manifest.last_digest):
        why = found.words or f"it ends at record {found.records}, and {manifest.last_index} was copied"
        raise BackupError(
            f"{source / JOURNAL_NAME}: the chain is not the one that was copied: {why}; use another copy first"
        )
    return Made(source, manifest, hashlib.sha256(raw_manifest).hexdigest(), key)


def _as_copied(files: FileSystem, path: Path, entry: Entry) -> bytes:
    """One file of a copy, if its bytes are those that were copied. Raises BackupError."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise BackupError(f"{path}: is no file; use another copy first")
        raw = files.read(path)
    except FileNotFoundError:
        raise BackupError(f"{path}: is missing in this copy; use another copy first") from None
    except OSError as error:
        raise BackupError(f"{path}: cannot be read ({error.strerror}); use another copy first") from error
    if len(raw) != entry.bytes or hashlib.sha256(raw).hexdigest() != entry.sha256:
        raise BackupError(
            f"{path}: has {len(raw)} bytes and is not what was copied ({entry.bytes} bytes, SHA-256 {entry.sha256[:16]}...); use another copy first"
        )
    return raw


def restore(
    files: FileSystem,
    source: Path,
    to: Path,
    trust: Trust,
    who: str,
    reason: str,
    wall_s: float,
    seen: Seen = lambda _name: None,
    audited: Callable[[Path, Made], object] = lambda _partial, _made: None,
) -> Made:
    """Make a folder of records from a copy, after all of it was read and found whole. The journal's next record says that it was restored, by whom and why:
    no patient is treated before the physicist has signed for what is missing (records/missing.py). `audited` is told before the folder gets its name, and
    may refuse. Raises BackupError."""
    if not who.strip() or not reason.strip():
        raise BackupError("a restored record names who did it, and why: give both first (--who, --reason)")
    made = checked(files, source, trust, seen)
    partial = _empty(source, to)
    with _told(partial):
        files.make_folder(partial)
        for entry in made.manifest.files:
            path = partial / entry.name
            if not path.parent.is_dir():
                files.make_folder(path.parent)
            # looked at once more: the disk may give other bytes than it gave to who checked them, and the copy may be another by now
            _write(files, path, _as_copied(files, source / entry.name, entry))
        _marked(
            files,
            partial,
            Restored(
                made.manifest.made_wall_s,
                made.manifest.last_index,
                bytes.fromhex(made.sha256),
                who,
                reason,
                unsigned=not made.key,
            ),
            wall_s,
        )
        audited(partial, made)
        _sync_folders(files, partial)
        files.rename(partial, to)
        files.sync_folder(to.parent)
    return msgspec.structs.replace(made, at=to)


def held(records: Path) -> bool:
    """Whether a recorder holds these records now."""
    return held_by_another(records / JOURNAL_NAME / "lock")


@contextmanager
def _told(partial: Path) -> Iterator[None]:
    """Whatever the disk, the journal or a database says, in words; what was made so far goes."""
    try:
        yield
    except OSError as error:
        words = f"{error.filename or partial}: {error.strerror or error}; nothing was made: see to the disk first"
    except sqlite3.Error as error:
        words = f"{partial}: a database could not be copied ({error}); nothing was made: begin anew first"
    except (JournalError, StoreError, SQLAlchemyError, msgspec.DecodeError, ValueError) as error:
        words = f"{error}; nothing was made"
    except BackupError as error:
        words = str(error)
    else:
        return
    shutil.rmtree(partial, ignore_errors=True)
    raise BackupError(words)


def _new(records: Path, to: Path) -> Path:
    """Where the copy is made until it is whole."""
    partial = to.with_name(to.name + PARTIAL)
    if not (records / JOURNAL_NAME).is_dir():
        raise BackupError(f"{records}: holds no journal; name the folder of a rig's records first")
    if records.resolve() in (to.resolve(), *to.resolve().parents):
        raise BackupError(f"{to}: lies within the records themselves; name a folder on another disk first")
    for path, first in (
        (to, "name a new folder first"),
        (partial, "it was left by a copy that was broken off: remove it first"),
    ):
        if os.path.lexists(path):
            raise BackupError(f"{path}: is there, and is not written over; {first}")
    return partial


def _empty(source: Path, to: Path) -> Path:
    """Where the records are made until they are whole."""
    partial = to.with_name(to.name + PARTIAL)
    if held(to):
        raise BackupError(f"{to}: a recorder runs on these records; end kerma run first")
    if os.path.lexists(to) and (to.is_symlink() or not to.is_dir() or os.listdir(to)):
        raise BackupError(f"{to}: is there and not empty; nothing is written over: move it away and keep it first")
    if source.resolve() in (to.resolve(), *to.resolve().parents):
        raise BackupError(f"{to}: lies within the copy; name the folder of the rig's records first")
    if os.path.lexists(partial):
        raise BackupError(f"{partial}: is there; it was left by a restoring that was broken off: remove it first")
    return partial


def _last(files: FileSystem, records: Path) -> tuple[int, list[str]]:
    """Up to which record to copy, and words where bytes are left out. Beside a recorder: what the database was told, which comes after the journal's
    sync. Where none runs: all that is whole, and no less than the database knows. Raises BackupError."""
    running = held(records)
    database = records / DATABASE_NAME
    known = 0
    if running or database.exists():
        engine = engine_for(database, read_only=True)
        try:
            with engine.connect() as connection:
                known = applied_of(connection) if readable(connection, database) else 0
        finally:
            engine.dispose()
    if running:
        return known, []
    found = verify(files, records / JOURNAL_NAME)
    if found.records < known:
        raise BackupError(
            f"{records / JOURNAL_NAME}: ends at record {found.records}, and {database} knows {known}: records were lost; keep both as they are and call "
            f"service first{f' ({found.words})' if found.words else ''}"
        )
    return found.records, [f"{found.words}; they are not copied"] if found.words else []


def _folding(book: Book, sealed: dict[str, bytes]) -> Callable[[Record], object]:
    def take(record: Record) -> None:
        fold(book, record)
        if record.kind == Kind.WIRE:
            one = msgspec.msgpack.decode(record.payload, type=Sealed)
            if one.name:
                sealed[one.name] = one.sha256

    return take


def _journal(
    files: FileSystem, records: Path, partial: Path, last: int, take: Callable[[Record], object], seen: Seen
) -> Iterator[Entry]:
    """The journal's segments, without what a recorder has only begun, and without zeros at their ends."""
    source = records / JOURNAL_NAME
    if last:
        files.make_folder(partial / JOURNAL_NAME)
    for name, raw in segments_up_to(files, source, last, take):
        seen(f"{JOURNAL_NAME}/{name}")
        yield _put(files, partial, f"{JOURNAL_NAME}/{name}", raw)


def _folders(records: Path) -> list[Path]:
    """Every folder of the records but those of journal and wires, each read by itself."""
    found = sorted(path for path in records.rglob("*") if path.is_dir() and not path.is_symlink())
    own = {records / JOURNAL_NAME, records / WIRES}
    return [records, *(path for path in found if not own & {path, *path.parents})]


def _folder(
    files: FileSystem, records: Path, folder: Path, partial: Path, sealed: dict[str, bytes] | None, seen: Seen
) -> tuple[list[Entry], list[str]]:
    """The files of one folder as they were at one moment: it is copied anew where it was changed meanwhile, for heads, chains and users belong together.
    Of the wires only what the journal has sealed: the rest is not whole yet."""
    for _ in range(LOOKS):
        before = _listed(folder)
        entries, words = [], []
        for path in before:
            name = str(path.relative_to(records))
            seen(name)
            try:
                if path.suffix == ".sqlite":
                    entries.append(_database(files, path, partial, name))
                    continue
                raw = files.read(path)
            except FileNotFoundError:
                continue
            if sealed is not None:
                if path.name not in sealed:
                    continue
                if hashlib.sha256(raw).digest() != sealed[path.name]:
                    words.append(f"{path}: is not as the journal sealed it; it was copied as it is")
            if raw:
                entries.append(_put(files, partial, name, raw))
        if _listed(folder) == before:
            gone = set(sealed or ()) - {path.name for path in before}
            return entries, words + [f"{folder / name}: was sealed by the journal and is gone" for name in sorted(gone)]
        for entry in entries:
            files.remove(partial / entry.name)
    raise BackupError(
        f"{folder}: was changed each time it was copied; end what writes there, or begin anew at a quieter time"
    )


def _listed(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Its files with what shows a change; a database shows none, for it is copied at one moment by itself, and a log only grows."""
    found: dict[Path, tuple[int, int, int]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(status.st_mode):
            raise BackupError(
                f"{path}: is a link, and where it leads is not copied; put what it leads to in its place first"
            )
        passing = path.name in (*_OF_A_PROCESS, DATABASE_NAME) or path.name.endswith(_PASSING)
        if stat.S_ISREG(status.st_mode) and not passing:
            alone = path.suffix in (".sqlite", ".log")
            found[path] = (0, 0, 0) if alone else (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def _database(files: FileSystem, path: Path, partial: Path, name: str) -> Entry:
    """A database of somebody else's (the outbox), as it is at one moment, by SQLite's own copying."""
    to = partial / name
    if not to.parent.is_dir():
        files.make_folder(to.parent)
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as source,
        closing(sqlite3.connect(to)) as copy,
    ):
        to.chmod(0o600)
        source.backup(copy)
    fd = files.open(to)
    try:
        files.sync(fd)
    finally:
        files.close(fd)
    return _entry(name, files.read(to))


def _put(files: FileSystem, partial: Path, name: str, raw: bytes) -> Entry:
    path = partial / name
    if not path.parent.is_dir():
        files.make_folder(path.parent)
    _write(files, path, raw)
    return _entry(name, raw)


def _entry(name: str, raw: bytes) -> Entry:
    return Entry(name, len(raw), hashlib.sha256(raw).hexdigest())


def _write(files: FileSystem, path: Path, raw: bytes) -> None:
    """A new file (0600) with these bytes, on the disk."""
    fd = files.create(path, len(raw))
    try:
        files.write(fd, raw, 0)
        files.sync(fd)
    except OSError as error:
        # the kernel names no file for a descriptor
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        files.close(fd)


def _sync_folders(files: FileSystem, partial: Path) -> None:
    for folder in sorted((path for path in partial.rglob("*") if path.is_dir()), reverse=True):
        files.sync_folder(folder)
    files.sync_folder(partial)


def _sum(sha256: str) -> bytes:
    """As `sha256sum -c` reads it."""
    return f"{sha256}  {MANIFEST}\n".encode()


def public(key: Ed25519PrivateKey) -> bytes:
    """The half that may be shown."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _beside(signature: Signature) -> bytes:
    return msgspec.json.encode(signature) + b"\n"


def _kind(simulated: bool) -> str:
    return "simulated" if simulated else "real"


def _signed(files: FileSystem, source: Path, raw: bytes, trust: Trust) -> str:
    """The key by which this manifest is believed, in hex; "" where it has no signature and a person vouches for it. Raises BackupError."""
    path = source / MANIFEST_SIGNATURE
    try:
        written = files.read(path)
        found = msgspec.json.decode(written, type=Signature)
        if written != _beside(found):
            raise ValueError("it is not as it is written here")
        key, signature = bytes.fromhex(found.key), bytes.fromhex(found.ed25519)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, HEAD + raw)
    except FileNotFoundError:
        if trust.unsigned:
            return ""
        raise BackupError(
            f"{source}: is not signed: an older program made it, or somebody took its signature away; use a signed copy first, or where you know who "
            "kept it, say so (--unsigned), which stands in journal and audit"
        ) from None
    except OSError as error:
        raise BackupError(f"{path}: cannot be read ({error.strerror}); use another copy first") from error
    except (msgspec.DecodeError, ValueError, InvalidSignature) as error:
        raise BackupError(
            f"{path}: does not fit {MANIFEST}: one of them was changed after it was signed; use another copy first"
        ) from error
    if key != trust.key:
        raise BackupError(
            f"{source}: is signed with key {found.key[:16]}..., and this rig's copies with {trust.key.hex()[:16]}...: it is another machine's, or the site key "
            "was changed since; use a copy of this machine first, or give the key that was written down when it was made (--key)"
        )
    return found.key


def _manifest(files: FileSystem, source: Path) -> tuple[Manifest, bytes]:
    """The manifest, by its own sum, and its bytes."""
    path = source / MANIFEST
    try:
        raw, told = files.read(path), files.read(source / MANIFEST_SUM)
    except OSError as error:
        raise BackupError(
            f"{error.filename}: cannot be read ({error.strerror}); {source} is no whole copy of records: use another first"
        ) from error
    sha256 = hashlib.sha256(raw).hexdigest()
    if told != _sum(sha256):
        raise BackupError(f"{path}: is not what {MANIFEST_SUM} says of it; use another copy first")
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, ValueError) as error:
        raise BackupError(
            f"{path}: is no manifest that this program can read ({error}); use the newer program first"
        ) from error
    if manifest.format != FORMAT:
        raise BackupError(f"{path}: format {manifest.format}, this program knows {FORMAT}; use the newer program first")
    for entry in manifest.files:
        parts = Path(entry.name).parts
        if Path(entry.name).is_absolute() or ".." in parts or not parts:
            raise BackupError(f"{path}: names {entry.name!r}, which leads out of the copy; find out who wrote it first")
    return manifest, raw


def _marked(files: FileSystem, partial: Path, restored: Restored, wall_s: float) -> None:
    """The journal goes on with the word that it was restored, and the database is made from all of it."""
    book, journal = Book(), Journal(files, partial / JOURNAL_NAME)
    try:
        for record in journal.open():
            fold(book, record)
        journal.go_on()
        fold(book, journal.append(Kind.RESTORED, msgspec.msgpack.encode(restored), wall_s))
        journal.sync()
        store = Store(partial / DATABASE_NAME)
        try:
            store.project(book, book.changes, journal.next_index - 1, journal.last_digest)
        finally:
            store.close()
    finally:
        journal.close()
