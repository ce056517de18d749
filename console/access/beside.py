"""Does each chain beside the records hold what the audit says was made in it, and nothing that the audit never heard of. An older folder that is put back is
whole by itself: only what stands elsewhere knows more. It reads both, entry by entry, believes a line by its own hash alone, and mends nothing."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from console.access.audit import disowned
from hal.errors import ConfigurationError
from records.approved import AUDIT, HEAD, LOG
from records.audit_check import check, entry_of

APPROVALS, CHART, LESIONS = "approvals", "chart", "lesions"
CHAINS: Final = (APPROVALS, CHART, LESIONS)
"""Each is a folder beside the records, under this name."""
SIGN, WITHDRAW, PARTICULARS = "sign", "withdraw", "particulars"
MADE: Final = {
    (APPROVALS, "approved"): SIGN, (APPROVALS, "withdrawn"): WITHDRAW, (CHART, "confirmed"): "confirm", (CHART, "signed"): "sign_off",
    (CHART, "corrected"): "correct", (CHART, PARTICULARS): PARTICULARS, (LESIONS, "photo"): "photo", (LESIONS, "note"): "note",
    (LESIONS, "taken away"): "taken away",
}  # fmt: skip
"""What an entry of a chain is called in the audit, by chain and kind; what stands here not (a chain's beginning, a torn line) nobody did."""
HEARD: Final = {"signed": APPROVALS, "withdrawn": APPROVALS, "charted": CHART, "attached": LESIONS}
"""The audit's entries that say: it was done."""
ASKED: Final = {
    "approve": APPROVALS, "confirm": CHART, "sign_off": CHART, "correct": CHART, "lesion": LESIONS, "order": CHART,
}  # fmt: skip
"""The audit's commands, each written before it was done; of those for orders, such as state whose lesion it is."""
WORDS: Final = {
    SIGN: "a signature over an order", WITHDRAW: "a signature's withdrawal", "confirm": "a confirmation before the beam", "sign_off": "a signature at the end",
    "correct": "a correction", PARTICULARS: "a statement of whose lesion it is", "photo": "a photo", "note": "a note",
    "taken away": "a photo or note taken away",
}  # fmt: skip
TERMINAL: Final = "terminal"
ASKED_WITHIN_S: Final = 60.0
"""So long before an entry may lie the command that asked for it."""
MOST: Final = 20
BLOCK_BYTES: Final = 1 << 20

Key = tuple[str, str, int]
"""Chain, what was done, and its number: an entry's own, or that of the signature that was withdrawn."""


@dataclass(frozen=True)
class Act:
    """One thing that somebody did, as a chain or the audit has it. `of` is its order's SHA-256, its fraction or its lesion's tag; empty if not said."""

    chain: str
    do: str
    number: int
    who: str
    wall_s: float
    of: str = ""
    sha256: str = ""
    place: str = ""

    @property
    def key(self) -> Key:
        return self.chain, self.do, self.number

    def is_of(self, told: Act) -> bool:
        """Whether this act of a chain is the one that the audit tells of."""
        same = (told.who == self.who, not (told.of and self.of) or told.of == self.of)
        return all(same) and told.sha256 in ("", self.sha256)

    def words(self) -> str:
        name = "signature" if self.chain == APPROVALS else "entry"
        return f"{self.chain} {name} {self.number} ({WORDS[self.do]}, {self.who}, {_stamp(self.wall_s)})"


@dataclass(frozen=True)
class Made:
    """One chain as it lies there: what was done in it, of how many entries, and what is wrong with it by itself."""

    acts: Mapping[Key, Act] = field(default_factory=dict)
    entries: int = 0
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """All chains against the audit. `gone`: the audit says that it was made, and it is not there; `unheard`: it is there, and the audit neither heard of it nor
    that anybody asked; `notes`: it is there, and the audit has one half of it."""

    made: Mapping[str, Made]
    told: Mapping[str, int]
    gone: tuple[Act, ...] = ()
    unheard: tuple[Act, ...] = ()
    notes: tuple[str, ...] = ()

    def wrong(self) -> list[str]:
        """Everything that is wrong, in words, what is gone first; of many the first are named."""
        lines = [f"{name}: {one}" for name, made in self.made.items() for one in made.wrong[:MOST]]
        for acts, said in ((self.gone, self._gone), (self.unheard, self._unheard)):
            for name in CHAINS:
                own = [one for one in acts if one.chain == name]
                lines += [said(one) for one in own[:MOST]]
                lines += [f"{name}: {len(own) - MOST} more like these"] if len(own) > MOST else []
        return lines

    def _gone(self, told: Act) -> str:
        there = self.made[told.chain].acts.get(told.key)
        what = "it is not there" if there is None else f"another stands in its place: {there.words()}"
        return f"{told.words()}: the audit says that it was made, and {what}: an older folder was put back, or its tail was cut"

    def _unheard(self, one: Act) -> str:
        return f"{one.words()}: the audit heard neither of it nor that anybody asked for it: an older audit was put back, or it was written by another way"


class Heard:
    """What the audit says was done, and asked for, in the chains: read on from where the last look ended. Whether it was altered is asked elsewhere."""

    def __init__(self, records: Path) -> None:
        self._path = records / AUDIT / LOG
        self._begun(0)

    def _begun(self, inode: int) -> None:
        self._inode, self._at = inode, 0
        self.acts: dict[Key, list[Act]] = {}
        self.of: dict[tuple[str, str], list[Act]] = {}
        """The same by what was done and of what."""
        self.asked: list[tuple[str, str, float]] = []

    def look(self) -> None:
        """Read on. Raises ConfigurationError."""
        try:
            with _opened(self._path) as opened:
                status = os.fstat(opened.fileno())
                if status.st_ino != self._inode or status.st_size < self._at:
                    self._begun(status.st_ino)
                opened.seek(self._at)
                rest = b""
                while block := opened.read(BLOCK_BYTES):
                    # a line that has no end yet is none
                    whole, ended, rest = (rest + block).rpartition(b"\n")
                    self._at += len(whole) + len(ended)
                    for line in whole.split(b"\n"):
                        self._take(line)
        except FileNotFoundError:
            self._begun(0)
        except OSError as error:
            raise ConfigurationError(
                f"{self._path}: cannot be read ({error.strerror}); first: kerma audit verify"
            ) from error

    def _take(self, line: bytes) -> None:
        if not any(b'"what":"' + name.encode() in line for name in (*HEARD, "command")):
            return
        entry = entry_of(line)
        if entry is None:
            return
        with suppress(KeyError, TypeError, ValueError):
            told, what = entry["told"], str(entry["what"])
            if (
                what == "command"
                and told["command"] in ASKED
                and (told["command"] != "order" or told["do"] == PARTICULARS)
            ):
                self.asked.append((ASKED[told["command"]], entry["who"], entry["wall_s"]))
            elif what in HEARD:
                one = _told(HEARD[what], what, entry, told)
                self.acts.setdefault(one.key, []).append(one)
                self.of.setdefault((one.do, one.of), []).append(one)


def made(records: Path, chain: str) -> Made:
    """One chain, read without its lock; the head is read first, so that whatever it signs is in the log by then. Raises ConfigurationError."""
    folder = records / chain
    head, log = _read(folder / HEAD), _read(folder / LOG)
    if head is None and log is None:
        return Made()
    log = log or b""
    found = check(log, [] if head is None else [(HEAD, head)], None)
    if head is None and found.entries <= 1 and log.count(b"\n") <= 1:
        return Made(entries=found.entries)
    wrong = tuple(one for one in found.wrong if "is cut off; the next entry will say so" not in one)
    # what stands after the signed head was told to nobody, and counts for nothing yet
    signed = max(found.entries, 0) if wrong else found.entries - found.after_the_last
    acts = {one.key: one for one in _acts(chain, log, signed, bool(wrong))}
    return Made(acts, found.entries, wrong)


def compared(records: Path) -> Compared:
    """Every chain against the audit. What is being made meanwhile is no find: of what the audit told before the chains were read, all must be there; of what is
    there, the audit may have heard until they were. Raises ConfigurationError."""
    heard = Heard(records)
    heard.look()
    before = [one for acts in heard.acts.values() for one in acts]
    every = {name: made(records, name) for name in CHAINS}
    heard.look()
    gone = tuple(_gone(before, every))
    unheard: list[Act] = []
    notes: list[str] = []
    for one in (act for own in every.values() for act in own.acts.values()):
        if any(one.is_of(told) for told in heard.acts.get(one.key, ())) or _named_by(one, gone):
            continue
        note = _half(one, heard)
        if note:
            notes.append(f"{one.words()}: {note}")
        else:
            unheard.append(one)
    told = {name: sum(key[0] == name for key in heard.acts) for name in CHAINS}
    return Compared(every, told, gone, tuple(unheard), tuple(notes))


class Missing:
    """What is gone of the chart of one rig's records, for whoever shows a fraction: asked again it reads what is new."""

    def __init__(self, records: Path) -> None:
        self._records, self._heard = records, Heard(records)
        self._turn = threading.Lock()
        self._seen: object = None
        self._made = Made()

    def of(self, fraction: str, lesion: str) -> tuple[Act, ...]:
        """What the audit says was made of this fraction, or stated of its lesion (by its tag), and the chart does not hold. Raises ConfigurationError."""
        return self._gone({PARTICULARS: lesion, "confirm": fraction[:16], "sign_off": fraction, "correct": fraction})

    def stated(self, lesion: str) -> tuple[Act, ...]:
        """What the audit says was stated of this lesion (by its tag), and the chart does not hold. Raises ConfigurationError."""
        return self._gone({PARTICULARS: lesion})

    def _gone(self, mine: Mapping[str, str]) -> tuple[Act, ...]:
        with self._turn:
            self._heard.look()
            own = [one for key in mine.items() for one in self._heard.of.get(key, ())]
            seen = tuple(_moved(self._records / CHART / name) for name in (HEAD, LOG))
            if own and seen != self._seen:
                self._made, self._seen = made(self._records, CHART), seen
            return tuple(_gone(own, {CHART: self._made}))


def said(gone: Act) -> str:
    """One thing that is gone of a fraction's chart, for whoever reads its record."""
    return (
        f"the audit says that {gone.who} made {WORDS[gone.do]} ({_stamp(gone.wall_s)}, entry {gone.number}), and this chart does not hold it: "
        "an older one was put back, or its tail was cut; first: kerma audit chains, and look for the newer folder"
    )


def _gone(told: Iterable[Act], every: Mapping[str, Made]) -> Iterator[Act]:
    for one in told:
        there = every[one.chain].acts.get(one.key)
        if there is None or not there.is_of(one):
            yield one


def _named_by(one: Act, gone: Iterable[Act]) -> bool:
    """What stands in the place of another is named with that one already."""
    return any(told.key == one.key for told in gone)


def _half(one: Act, heard: Heard) -> str:
    """Why an entry that the audit did not hear of may stand there all the same; empty where nothing says so."""
    for chain, who, wall_s in heard.asked:
        if (
            (chain, who) == (one.chain, one.who)
            and wall_s <= one.wall_s + 1.0
            and one.wall_s - wall_s <= ASKED_WITHIN_S
        ):
            return "the audit says that it was asked for, and not that it was done: a kill or a full disk came between"
    first = min(
        (number for (chain, _, number), acts in heard.acts.items() if chain == one.chain and acts[0].sha256),
        default=None,
    )
    if one.place == TERMINAL and (first is None or one.number < first):
        return "it was made at a terminal while no audit was kept here, or by a program that told it nothing"
    return ""


def _told(chain: str, what: str, entry: Mapping[str, Any], told: Mapping[str, Any]) -> Act:
    do = {"signed": SIGN, "withdrawn": WITHDRAW}.get(what) or str(told["do"])
    number = told["signature"] if chain == APPROVALS else told["entry"]
    # a photo belongs to its lesion, and the audit knows the order alone
    of = {APPROVALS: told.get("order_sha256"), CHART: told.get("lesion" if do == PARTICULARS else "fraction")}.get(
        chain
    )
    if do not in WORDS:
        raise ValueError(do)
    return Act(chain, do, int(number), entry["who"], entry["wall_s"], str(of or ""), str(told.get("entry_sha256", "")))


def _acts(chain: str, log: bytes, signed: int, every: bool) -> Iterator[Act]:
    entries = [entry for line in log.split(b"\n")[:-1] if (entry := entry_of(line)) is not None]
    nobodys = disowned(entries)
    for entry in entries:
        do = MADE.get((chain, entry["what"]))
        if do is None or entry["n"] in nobodys or (entry["n"] > signed and not every):
            continue
        told = entry["told"]
        number = told.get("of") if do == WITHDRAW else entry["n"]
        if not isinstance(number, int):
            continue
        of = {SIGN: "sha256", "confirm": "tag", "sign_off": "fraction", "correct": "fraction"}.get(do, "")
        place = str(told.get("place", "")) or (TERMINAL if entry["role"] == TERMINAL else "")
        yield Act(chain, do, number, entry["who"], entry["wall_s"], str(told.get(of, "")), entry["hash"], place)


def _opened(path: Path) -> BinaryIO:
    """What is no file of ours (a link, a pipe that never ends) holds nobody up."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")


def _read(path: Path) -> bytes | None:
    try:
        with _opened(path) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); first: mend that") from error


def _moved(path: Path) -> tuple[int, ...]:
    try:
        found = path.lstat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _stamp(wall_s: float) -> str:
    try:
        return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "at no time"
