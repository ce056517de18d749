"""Who did what: one line of JSON an entry, each with the hash of the one before it, and a signed head beside the log that names the last one.
It takes no line back and judges none (records/audit_check.py does); who cannot write an entry must not do what it says. Signatures are kept in the same way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from calibration.keys import raw
from console.access import whole_file
from hal.errors import ConfigurationError
from records.approved import HEAD, LOG, UNTOLD
from records.files import FileSystem

Told = Mapping[str, str | int | float | bool | None]

KEY, LOCK = "audit.key", "audit.lock"
BEGUN, TORN = "begun", "torn"
FIRST: Final = "0" * 64
"""What the first entry follows."""
TAIL: Final = len(',"hash":""}') + 64
ASIDE: Final = f"first: find out who was there, move {LOG}, {HEAD} and {KEY} aside together, keep them, and begin anew"


@dataclass(frozen=True)
class _End:
    """Where the log ends: `at` bytes hold the entries up to `signed`; what follows is in `loose`, entries up to `n` that were not signed yet, and in `torn`."""

    at: int
    n: int
    hash: str
    size: int
    signed: int
    loose: bytes = b""
    torn: bytes = b""


class Audit:
    """The log of one folder; several processes may write it, one at a time. `disowns`: whole entries that no head was signed over were told to nobody as
    written; before anything is written behind them, an entry names them, so that who reads the log does not take them for what was told."""

    def __init__(self, folder: Path, files: FileSystem, wall: Callable[[], float], disowns: bool = False) -> None:
        self.log, self.head, self._key_path = folder / LOG, folder / HEAD, folder / KEY
        self._lock = folder / LOCK
        self._files, self._wall, self._disowns = files, wall, disowns
        self._key: Ed25519PrivateKey | None = None
        self._end: _End | None = None
        self._written: dict[int, str] = {}

    def note(self, what: str, who: str, role: str, told: Told) -> int:
        """Write one entry; when this returns its number, it is on the disk and signed. Raises ConfigurationError: it may be there or not."""
        try:
            with whole_file.alone(self._files, self._lock):
                end = self._looked()
                key = self._key or self._read_key()
                lines = end.loose
                n, before = end.n, end.hash
                if end.torn:
                    lines += end.torn if end.torn.endswith(b"\n") else end.torn + b"\n"
                    n, before, line = self._line(n, before, TORN, "", "", _told_of(end.torn))
                    lines += line
                if end.loose and self._disowns:
                    n, before, line = self._line(n, before, UNTOLD, "", "", {"first": end.signed + 1, "last": end.n})
                    lines += line
                n, before, line = self._line(n, before, what, who, role, told)
                lines += line
                self._end = None
                self._write(end.at, lines)
                at = end.at + len(lines)
                self._sign(key, at, n, before)
                self._end = _End(at, n, before, at, n)
                self._written[n] = before
                return n
        except OSError as error:
            self._end = None
            raise ConfigurationError(
                f"{self.log}: cannot be written ({error.strerror}); first: make room, or mend the disk"
            ) from error

    def written(self, n: int) -> str:
        """The hash of an entry that this process wrote, by which another log may name it."""
        return self._written[n]

    def checkpoint(self) -> bytes:
        """The signed head as it is, to be kept elsewhere. Raises ConfigurationError."""
        try:
            return self._files.read(self.head)
        except OSError as error:
            raise ConfigurationError(f"{self.head}: cannot be read ({error.strerror}); {ASIDE}") from error

    def kept(self) -> tuple[bytes, bytes | None] | None:
        """Log and head of one moment, as they are and not judged; None where nothing was ever begun. Raises ConfigurationError."""
        if not self.log.exists() and not self.head.exists() and not self._key_path.exists():
            return None
        with whole_file.alone(self._files, self._lock):
            try:
                log = self._files.read(self.log) if self.log.exists() else b""
                return log, self._files.read(self.head) if self.head.exists() else None
            except OSError as error:
                raise ConfigurationError(f"{self.log}: cannot be read ({error.strerror}); first: mend that") from error

    def _looked(self) -> _End:
        try:
            size = self.log.stat().st_size
        except FileNotFoundError:
            return self._begun()
        if self._end is None or self._end.size != size:
            self._end = self._found(self._files.read(self.log))
        return self._end

    def _begun(self) -> _End:
        """No log yet: a key and the first entry. A head or a key without a log is no beginning: somebody took the log away."""
        if self.head.exists():
            raise ConfigurationError(f"{self.log}: is gone, and its signed head is there; {ASIDE}")
        if self._key_path.exists():
            self._key = self._read_key()
        else:
            self._key = Ed25519PrivateKey.generate()
            pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            whole_file.put(self._files, self._key_path, pem)
        n, before, line = self._line(0, FIRST, BEGUN, "", "", {"key": raw(self._key.public_key()).hex()})
        whole_file.put(self._files, self.log, line)
        self._sign(self._key, len(line), n, before)
        return _End(len(line), n, before, len(line), n)

    def _read_key(self) -> Ed25519PrivateKey:
        try:
            key = load_pem_private_key(self._files.read(self._key_path), None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(f"{self._key_path}: is no key ({error}); {ASIDE}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigurationError(f"{self._key_path}: is no Ed25519 key; {ASIDE}")
        return key

    def _found(self, log: bytes) -> _End:
        """The end of the log from its signed head on. What was signed must be there; what was not may be whole, or torn."""
        at, n, kept = self._signed(log)
        signed, end, torn = n, 0, b""
        rest = log[at:]
        # a cut that took the last line's end alone took nothing of what it says
        whole = rest if rest.endswith(b"\n") or not rest else rest + b"\n"
        for line in (one + b"\n" for one in whole.split(b"\n")[:-1]):
            entry = _hash_of(line, n, kept)
            if entry is None or (torn and not _accounts(line, torn)):
                torn += line
                continue
            n, kept, end, torn = n + 1, entry, end + len(torn) + len(line), b""
        torn = torn[: len(rest) - end] if torn else torn
        return _End(at, n, kept, len(log), signed, whole[:end], torn)

    def _signed(self, log: bytes) -> tuple[int, int, str]:
        self._key = self._key or self._read_key()
        if not self.head.exists():
            first = _hash_of(log, 0, FIRST)
            if first is None:
                raise ConfigurationError(f"{self.head}: is gone; {ASIDE}")
            self._sign(self._key, len(log), 1, first)
        try:
            head = json.loads(self._files.read(self.head))
            at, n, kept = int(head["at"]), int(head["n"]), str(head["hash"])
            self._key.public_key().verify(bytes.fromhex(head["signature"]), signed_words(head))
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            raise ConfigurationError(f"{self.head}: is not what was signed here ({error}); {ASIDE}") from error
        if len(log) < at or not log[:at].endswith(f',"hash":"{kept}"}}\n'.encode()):
            raise ConfigurationError(f"{self.log}: entry {n} was signed and does not end at byte {at}; {ASIDE}")
        return at, n, kept

    def _line(self, n: int, before: str, what: str, who: str, role: str, told: Told) -> tuple[int, str, bytes]:
        entry = {
            "n": n + 1,
            "wall_s": self._wall(),
            "what": what,
            "who": who,
            "role": role,
            "told": dict(told),
            "before": before,
        }
        body = json.dumps(entry, separators=(",", ":"), allow_nan=False)
        digest = hashlib.sha256(body.encode()).hexdigest()
        return n + 1, digest, f'{body[:-1]},"hash":"{digest}"}}\n'.encode()

    def _write(self, at: int, lines: bytes) -> None:
        descriptor = self._files.open(self.log)
        try:
            self._files.write(descriptor, lines, at)
            self._files.sync(descriptor)
        finally:
            self._files.close(descriptor)

    def _sign(self, key: Ed25519PrivateKey, at: int, n: int, kept: str) -> None:
        head: dict[str, str | int | float] = {
            "n": n,
            "hash": kept,
            "at": at,
            "wall_s": self._wall(),
            "key": raw(key.public_key()).hex(),
        }
        head["signature"] = key.sign(signed_words(head)).hex()
        whole_file.put(self._files, self.head, json.dumps(head).encode() + b"\n")


def disowned(entries: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    """The numbers of entries that were written and told to nobody as written, by those that name them: of a chain that disowns they count for nothing."""
    told = [one["told"] for one in entries if one["what"] == UNTOLD]
    return frozenset(n for one in told for n in range(int(one["first"]), int(one["last"]) + 1))


def signed_words(head: Mapping[str, object]) -> bytes:
    """What the signature of a head is over: all of it but itself."""
    return json.dumps({key: value for key, value in sorted(head.items()) if key != "signature"}).encode()


def _hash_of(line: bytes, n: int, before: str) -> str | None:
    """The hash of this line if it is the whole entry after `n`."""
    if not line.endswith(b'"}\n') or len(line) <= TAIL:
        return None
    body = line[: -TAIL - 1] + b"}"
    digest = hashlib.sha256(body).hexdigest()
    if line[-TAIL - 1 :] != f',"hash":"{digest}"}}\n'.encode():
        return None
    with suppress(ValueError, KeyError, TypeError):
        entry = json.loads(body)
        if (entry["n"], entry["before"]) == (n + 1, before):
            return digest
    return None


def _accounts(line: bytes, torn: bytes) -> bool:
    """Whether this entry is the one that was written after what was torn."""
    entry = json.loads(line)
    return bool(entry["what"] == TORN) and entry["told"] in (_told_of(torn), _told_of(torn[:-1]))


def _told_of(torn: bytes) -> Told:
    """What a kill, a power cut or a full disk left of entries that nobody was told were written."""
    return {"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()}
