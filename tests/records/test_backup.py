"""Copies of the records and records made from copies: whole beside a recorder that runs, or not there at all; whatever is wrong with a copy is named.
What the source held is never changed, and what is there is never written over."""

from __future__ import annotations

import errno
import hashlib
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from records_bench import WALL, Rig, flip

from controller.entries import EntryType, Event, Outcome
from records.backup import (
    HEAD,
    MANIFEST,
    MANIFEST_SIGNATURE,
    MANIFEST_SUM,
    About,
    BackupError,
    Made,
    Trust,
    backup,
    checked,
    held,
    public,
    restore,
)
from records.book import Book
from records.files import PosixFiles
from records.folds import fold
from records.fractions import list_fractions, show
from records.journal import Record, verify

KEY, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (7, 8))
ABOUT = About("0.1.0", "bench", True, KEY)
TRUST = Trust("bench", True, public(KEY))
FILES = PosixFiles()
VERBS = ("make_folder", "names", "read", "create", "open", "write", "sync", "sync_folder", "rename", "remove")


BESIDE = {
    "approvals/audit.jsonl": b"{}", "approvals/audit.head": b"{}", "lesions/photo-1": b"\xff" * 3000, "reports/a.pdf": b"%PDF", "reports/lock": b"",
    "recorder.log": b"{}", "recorder.pid": b"7", "access/.users.json.new": b"half", "access/users.json": b"[]",
}  # fmt: skip


class Dead(BaseException):
    """kill -9."""


class Struck(PosixFiles):
    """The kernel's files; the so-many-th call fails, or is the process's last."""

    def __init__(self, at: int, what: str) -> None:
        self.at, self.what, self.calls, self.place = at, what, 0, ""

    def hit(self, verb: str, place: object) -> bool:
        """Whether a write is to be torn."""
        self.calls += 1
        if self.calls < self.at:
            return False
        self.place = str(place)
        if self.what == "full" and verb in ("names", "read", "open", "remove"):
            return False
        if self.what == "full":
            raise OSError(errno.ENOSPC, "No space left on device", *([] if isinstance(place, int) else [self.place]))
        if self.what == "torn" and verb == "write":
            return True
        raise Dead


def _counted(verb: str) -> Callable[..., Any]:
    def call(self: Struck, *arguments: Any) -> Any:
        torn = self.hit(verb, arguments[0])
        if torn:
            fd, data, at = arguments
            PosixFiles.write(self, fd, data[: len(data) // 2], at)
            raise Dead
        return getattr(PosixFiles, verb)(self, *arguments)

    return call


for _verb in VERBS:
    setattr(Struck, _verb, _counted(_verb))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def book_of(folder: Path, last: int = 1 << 62) -> Book:
    book = Book()

    def take(record: Record) -> None:
        if record.index <= last:
            fold(book, record)

    assert verify(FILES, folder / "journal", take).words == ""
    return book


def copied(rig: Rig, name: str = "copy", files: PosixFiles = FILES) -> Made:
    return backup(files, rig.folder / "records", rig.folder / name, ABOUT, WALL + 5.0)


def restored(rig: Rig, files: PosixFiles = FILES, to: str = "again") -> Made:
    return restore(files, rig.folder / "copy", rig.folder / to, TRUST, "P. One", "the disk died", WALL + 1000.0)


class Bench(Rig):
    """Its records in a folder of their own, with what lies beside a journal."""

    @property
    def config(self) -> Any:
        records = self.folder / "records"
        return msgspec.structs.replace(
            super().config, journal_dir=str(records / "journal"), database=str(records / "records.sqlite")
        )

    def beside(self) -> None:
        records = self.folder / "records"
        for name, raw in BESIDE.items():
            (records / name).parent.mkdir(mode=0o700, exist_ok=True)
            (records / name).write_bytes(raw)
        (records / "dicom").mkdir(exist_ok=True)
        with sqlite3.connect(records / "dicom" / "outbox.sqlite") as outbox:
            outbox.execute("PRAGMA journal_mode=WAL")
            outbox.execute("CREATE TABLE IF NOT EXISTS sent (uid TEXT)")
            outbox.execute("INSERT INTO sent VALUES ('1.2.3')")
        outbox.close()


@pytest.fixture
def rig() -> Iterator[Bench]:
    """A recorder that runs, with one exposure and what others keep beside the journal; on tmpfs, where a sync costs nothing."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield from _bench(Path(folder))


def _bench(folder: Path) -> Iterator[Bench]:
    made = Bench(folder, segment_bytes=1 << 16)
    made.new_recorder()
    made.deliver(1.0, Outcome.INTERRUPTED)
    made.run(0.2)
    made.beside()
    yield made
    made.close()


def test_a_copy_beside_a_running_recorder_is_whole_and_comes_back(rig: Bench) -> None:
    records, copy, again = (rig.folder / name for name in ("records", "copy", "again"))
    assert held(records)
    # begun and not synced: no part of any copy yet
    rig.host.tick()
    assert rig.recorder is not None
    rig.recorder._drain_all(rig.clock.now, rig.clock.wall)
    made = copied(rig)
    assert not made.words and made.manifest.fractions == 1 and made.manifest.open_fractions == 1
    assert made.manifest.last_index == verify(FILES, copy / "journal").records < rig.recorder._journal.next_index - 1
    names = {entry.name for entry in made.manifest.files}
    assert {"approvals/audit.head", "lesions/photo-1", "dicom/outbox.sqlite", "access/users.json"} <= names
    assert not {"records.sqlite", "recorder.pid", "reports/lock", "access/.users.json.new", "journal/lock"} & names
    assert all(
        stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600) for path in (copy, *copy.rglob("*"))
    )
    assert (
        (copy / MANIFEST_SUM).read_text().split()[0]
        == made.sha256
        == hashlib.sha256((copy / MANIFEST).read_bytes()).hexdigest()
    )
    before = [show(records / "records.sqlite", row["id"]) for row in list_fractions(records / "records.sqlite")]
    assert restored(rig).at == again
    assert [show(again / "records.sqlite", row["id"]) for row in list_fractions(again / "records.sqlite")] == before
    assert tree(again)["lesions/photo-1"] == b"\xff" * 3000
    with sqlite3.connect(again / "dicom" / "outbox.sqlite") as outbox:
        assert outbox.execute("SELECT uid FROM sent").fetchall() == [("1.2.3",)]
    outbox.close()
    assert book_of(again).gone.words.startswith("restored by P. One from the copy of 2026-11-18")
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in (again / "journal").iterdir())


@pytest.mark.grid
def test_the_journal_is_no_older_than_what_speaks_of_it(rig: Bench) -> None:
    """The audit names the journal's newest record: a copy whose journal lacked that one would look as if its tail had been cut."""
    before = verify(FILES, rig.folder / "records" / "journal").records

    class Noting(PosixFiles):
        def read(self, path: Path) -> bytes:
            raw = super().read(path)
            if path.name == "users.json":
                rig.host.close_fraction(1001)
                rig.run(0.2)
            return raw

    assert copied(rig, files=Noting()).manifest.last_index > before


@pytest.mark.grid
def test_a_recorder_goes_on_from_restored_records(rig: Bench) -> None:
    copied(rig)
    restored(rig)
    rig.drop_recorder()
    shutil.rmtree(rig.folder / "records")
    (rig.folder / "again").rename(rig.folder / "records")
    rig.restart_host(6.0)
    rig.new_recorder()
    rig.host.found()
    rig.run(0.3)
    rig.host.close_fraction(1001)
    rig.run(0.1)
    (row,) = list_fractions(rig.config.database)
    assert row["closed"] and show(rig.config.database, row["id"], rig.config.journal_dir)["journal"]["whole"]


def test_frames_that_are_not_as_sealed_or_gone_are_named(rig: Bench) -> None:
    rig.host.put(EntryType.EVENT, Event("IRRADIATING", "TRIP_FAULT", "STOPPING", "door", "the door is open"))
    rig.run(1.5)
    (wire,) = (rig.folder / "records" / "wires").iterdir()
    assert not copied(rig).words
    flip(wire, 9)
    assert "is not as the journal sealed it" in copied(rig, "two").words[0]
    wire.unlink()
    assert "was sealed by the journal and is gone" in copied(rig, "three").words[0]


def test_nothing_is_written_over(rig: Bench) -> None:
    copied(rig)
    before = tree(rig.folder)
    with pytest.raises(BackupError, match="copy: is there, and is not written over"):
        copied(rig)
    with pytest.raises(BackupError, match="lies within the records"):
        backup(FILES, rig.folder / "records", rig.folder / "records" / "x", ABOUT, WALL)
    with pytest.raises(BackupError, match="holds no journal"):
        backup(FILES, rig.folder, rig.folder / "x", ABOUT, WALL)
    with pytest.raises(BackupError, match="a recorder runs on these records"):
        restored(rig, to="records")
    with pytest.raises(BackupError, match="lies within the copy"):
        restored(rig, to="copy/x")
    (rig.folder / "full").mkdir()
    (rig.folder / "full" / "x").touch()
    with pytest.raises(BackupError, match="is there and not empty"):
        restored(rig, to="full")
    with pytest.raises(BackupError, match="names who did it, and why"):
        restore(FILES, rig.folder / "copy", rig.folder / "y", TRUST, " ", "x", WALL)
    (rig.folder / "z.partial").mkdir()
    for do in (lambda: copied(rig, "z"), lambda: restored(rig, to="z")):
        with pytest.raises(BackupError, match=r"z.partial: .* was broken off: remove it first"):
            do()
    shutil.rmtree(rig.folder / "full")
    shutil.rmtree(rig.folder / "z.partial")
    assert tree(rig.folder) == before


@pytest.mark.grid
def test_a_link_and_a_folder_that_never_stands_still_are_refused(rig: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    link = rig.folder / "records" / "reports" / "link"
    link.symlink_to("/etc/hostname")
    with pytest.raises(BackupError, match="is a link"):
        copied(rig)
    link.unlink()

    class Restless(PosixFiles):
        def read(self, path: Path) -> bytes:
            if path.name == "users.json":
                path.write_bytes(path.read_bytes() + b" ")
            return super().read(path)

    with pytest.raises(BackupError, match="access: was changed each time"):
        copied(rig, files=Restless())
    assert not [path for path in rig.folder.iterdir() if path.name.startswith("copy")]


GRID = pytest.mark.grid


@pytest.mark.parametrize(
    ("do", "what"),
    [
        ("backup", "kill"),
        *(pytest.param("backup", what, marks=GRID) for what in ("full", "torn")),
        *(pytest.param("restore", what, marks=GRID) for what in ("full", "kill", "torn")),
    ],
)
def test_whatever_happens_at_any_call_there_is_a_whole_folder_or_none(rig: Bench, do: str, what: str) -> None:
    """For every call: an error is words and leaves nothing; a kill leaves a folder that is called .partial, and nothing else was touched."""
    rig.drop_recorder()
    if do == "restore":
        copied(rig)
    name = "copy" if do == "backup" else "again"
    to, partial = rig.folder / name, rig.folder / f"{name}.partial"
    before = tree(rig.folder)
    at, reached = 0, True
    while reached:
        at += 1
        disk = Struck(at, what)
        words = ""
        try:
            (copied if do == "backup" else restored)(rig, files=disk)
        except BackupError as error:
            words = str(error)
        except Dead:
            pass
        reached = bool(disk.place)
        if reached and words:
            assert str(rig.folder) in words and "No space left" in words and "nothing was made" in words
        if to.exists():
            # the name is there and only its folder's sync is left: all of it is on the disk
            assert what == "torn" or not reached or disk.place == str(rig.folder), disk.place
            found = (
                checked(FILES, to, TRUST).manifest.fractions
                if do == "backup"
                else len(list_fractions(to / "records.sqlite"))
            )
            assert found == 1 and not partial.exists()
            shutil.rmtree(to)
        assert not (words and partial.exists())
        shutil.rmtree(partial, ignore_errors=True)
        assert tree(rig.folder) == before
    assert at > (30 if what != "torn" else 5)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": lambda path: flip(path, path.stat().st_size // 2),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "missing": lambda path: path.unlink(),
    "a link": lambda path: (
        path.rename(path.parents[len(path.parents) - 3] / "elsewhere"),
        path.symlink_to("/etc/hostname"),
    ),
}


@pytest.mark.parametrize("damage", ["flipped", *(pytest.param(one, marks=GRID) for one in DAMAGES if one != "flipped")])
def test_each_file_of_a_copy_that_is_not_as_it_was_made_is_named(rig: Bench, damage: str) -> None:
    copied(rig)
    copy = rig.folder / "copy"
    for name in tree(copy):
        work = rig.folder / "work"
        shutil.copytree(copy, work)
        DAMAGES[damage](work / name)
        with pytest.raises(BackupError) as refused:
            restore(FILES, work, rig.folder / "again", TRUST, "P. One", "why", WALL)
        words = str(refused.value)
        assert (name in words or MANIFEST in words or name == MANIFEST_SIGNATURE) and any(
            one in words for one in ("use another", "find out", "use a signed copy")
        ), words
        assert not (rig.folder / "again").exists() and not (rig.folder / "again.partial").exists()
        shutil.rmtree(work)


@pytest.mark.parametrize("name", ["approvals/audit.jsonl", "access/users.json", "lesions/photo-1"])
def test_t9_a_file_that_is_another_one_when_it_is_put_back_is_refused(rig: Bench, name: str) -> None:
    """It was whole when the copy was checked: then the disk gave other bytes, or somebody laid another file there. Nothing is made of it."""
    copied(rig)
    copy, again = rig.folder / "copy", rig.folder / "again"
    looked: list[Path] = []

    class Twice(PosixFiles):
        def read(self, path: Path) -> bytes:
            raw = super().read(path)
            if path != copy / name:
                return raw
            looked.append(path)
            return raw if len(looked) == 1 else bytes([raw[0] ^ 1]) + raw[1:]

    with pytest.raises(BackupError, match=f"{name}: has .* is not what was copied"):
        restore(Twice(), copy, again, TRUST, "P. One", "the disk died", WALL)
    assert len(looked) == 2 and not again.exists() and not (rig.folder / "again.partial").exists()


def test_a_strange_file_and_a_manifest_that_leads_away_are_refused(rig: Bench) -> None:
    copied(rig)
    copy = rig.folder / "copy"
    (copy / "journal" / "00000099.journal").write_bytes(b"x")
    with pytest.raises(BackupError, match=r"00000099.journal: is no part of this copy"):
        checked(FILES, copy, TRUST)
    (copy / "journal" / "00000099.journal").unlink()
    raw = (copy / MANIFEST).read_bytes()
    for changed, says in (
        (raw.replace(b'"lesions/photo-1"', b'"../lesions/ph-1"'), "leads out of the copy"),
        (raw.replace(b'"format": 1', b'"format": 2'), "format 2, this program knows 1; use the newer program"),
        (raw.replace(b'"rig"', b'"rug"'), "is no manifest that this program can read"),
        (raw.replace(b'"last_index": ', b'"last_index": 1'), "the chain is not the one that was copied"),
    ):
        assert changed != raw
        named(copy, changed)
        with pytest.raises(BackupError, match=says):
            checked(FILES, copy, TRUST)


def named(copy: Path, raw: bytes, key: Ed25519PrivateKey = KEY) -> None:
    """Another manifest in the place of the copy's, with its sum, signed with this key."""
    (copy / MANIFEST).write_bytes(raw)
    (copy / MANIFEST_SUM).write_text(f"{hashlib.sha256(raw).hexdigest()}  {MANIFEST}\n")
    signature = {"key": public(key).hex(), "ed25519": key.sign(HEAD + raw).hex()}
    (copy / MANIFEST_SIGNATURE).write_bytes(msgspec.json.encode(signature) + b"\n")


def test_a_copy_that_is_not_signed_by_this_machine_is_refused_in_words(rig: Bench) -> None:
    """Changed with its sum made anew, of another machine, of another rig, without a signature: each is said, and only the last may be vouched for."""
    made = copied(rig)
    copy = rig.folder / "copy"
    raw, signature = (copy / MANIFEST).read_bytes(), (copy / MANIFEST_SIGNATURE).read_bytes()
    assert made.key == public(KEY).hex() and public(KEY).hex().encode() in signature

    def said(trust: Trust = TRUST) -> str:
        with pytest.raises(BackupError) as refused:
            checked(FILES, copy, trust)
        return str(refused.value)

    vouched = msgspec.structs.replace(TRUST, unsigned=True)
    changed = raw.replace(b'"fractions": 1', b'"fractions": 0')
    named(copy, changed)
    (copy / MANIFEST_SIGNATURE).write_bytes(signature)
    for trust in (TRUST, vouched):
        assert "was changed after it was signed; use another copy first" in said(trust), "the sum is anybody's to make"
    named(copy, changed, STRANGER)
    for trust in (TRUST, vouched):
        assert "it is another machine's, or the site key" in said(trust), (
            "whoever made a manifest anew has no key of ours"
        )
    named(copy, raw)
    assert "is a copy of the simulated rig bench, and this is the real rig bench" in said(
        msgspec.structs.replace(TRUST, simulated=False)
    )
    assert "this is the simulated rig other" in said(msgspec.structs.replace(TRUST, rig="other"))
    assert checked(FILES, copy, vouched).key == public(KEY).hex()
    for bad in (b"", b"{}", b"[" * 50_000, signature[:-9]):
        (copy / MANIFEST_SIGNATURE).write_bytes(bad)
        assert "manifest.sig" in said(vouched)
    (copy / MANIFEST_SIGNATURE).unlink()
    assert "is not signed: an older program made it, or somebody took its signature away" in said()
    assert "rig other" in said(msgspec.structs.replace(vouched, rig="other"))
    restore(FILES, copy, rig.folder / "again", vouched, "P. One", "the disk died", WALL + 1000.0)
    assert book_of(rig.folder / "again").gone.words.startswith(
        "restored by P. One from the UNSIGNED copy of 2026-11-18"
    )


def test_a_damaged_journal_is_not_copied(rig: Bench) -> None:
    rig.drop_recorder()
    first = rig.folder / "records" / "journal" / "00000001.journal"
    flip(first, 2000)
    with pytest.raises(
        BackupError, match=r"records were lost; keep both as they are and call service first .*00000001.journal"
    ):
        copied(rig)
    assert not list(rig.folder.glob("copy*"))
