"""A session's file: one JSON line for each event, each hashed onto the last and on the disk before anything is done; taking up again is replaying it.
It knows no device; what an event means is calibration/procedures/engine.py."""

from __future__ import annotations

import fcntl
import hashlib
import os
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from calibration.procedures.engine import after
from calibration.procedures.session import AnyEvent, Effects, Session, Void
from calibration.procedures.step import Procedure
from hal.errors import ConfigurationError


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line: which session, of which procedure, word for word, and of which machine ("": nobody said)."""

    session: str
    procedure: str
    sha256: str
    of: str = ""


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    is_: msgspec.Raw = msgspec.field(name="is")


_LINES: Final = msgspec.json.Decoder(_Line)
_HEADS: Final = msgspec.json.Decoder(Head)
_EVENTS: Final[msgspec.json.Decoder[AnyEvent]] = msgspec.json.Decoder(AnyEvent)
START: Final = "0" * 64


class Journal:
    """A session with its file. One process at a time; after a write that failed it takes nothing more."""

    def __init__(self, path: Path, session: Session, descriptor: int, chain: str, told: str) -> None:
        self.path, self.session, self.told = path, session, told
        self._descriptor, self._chain, self._shut = descriptor, chain, ""

    @classmethod
    def begin(cls, path: Path, name: str, procedure: Procedure, of: str = "") -> Self:
        """A new session in a new file. ConfigurationError: the file is there already. OSError: it could not be written."""
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        except FileExistsError:
            raise ConfigurationError(f"{path}: is there already; take it up, or name another") from None
        try:
            _alone(path, descriptor)
            line, chain = _line(START, msgspec.json.encode(_head(name, procedure, of)))
            _append(descriptor, line)
            _sync_folder(path)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, Session(name, procedure), descriptor, chain, "")

    @classmethod
    def take_up(cls, path: Path, procedure: Procedure, of: str = "") -> Self:
        """The session as its file tells it. A torn last line is dropped and told; ConfigurationError for any other damage, and for another machine's."""
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            _alone(path, descriptor)
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            session, chain = _replayed(path, data[:whole], procedure, of)
            told = _torn(path, data[whole:], chain)
            if told:
                os.ftruncate(descriptor, whole)
                os.fsync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(path, session, descriptor, chain, told)

    @staticmethod
    def void(path: Path, at: datetime, why: str) -> str:
        """Void a session, whatever procedure or machine it is of, if it was not yet: its id, or "". ConfigurationError: no reason, or it is damaged."""
        if not why.strip():
            raise ConfigurationError("a session is voided with its reason; write it")
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            _alone(path, descriptor)
            data = path.read_bytes()
            whole = data.rfind(b"\n") + 1
            bodies, chain = _bodies(path, data[:whole])
            if _voided(bodies):
                return ""
            os.ftruncate(descriptor, whole)
            _append(descriptor, _line(chain, msgspec.json.encode(Void("", at, why)))[0])
            return _HEADS.decode(bodies[0]).session
        except msgspec.DecodeError as error:
            raise ConfigurationError(f"{path}: {error}; begin a session anew") from None
        finally:
            os.close(descriptor)

    def take(self, event: AnyEvent) -> Effects:
        """Take an event: first the file, then the session, then what is to be done."""
        if self._shut:
            return Effects(refused=self._shut)
        session, effects = after(self.session, event)
        if effects.refused:
            return effects
        line, chain = _line(self._chain, msgspec.json.encode(event))
        try:
            _append(self._descriptor, line)
        except OSError as error:
            self._shut = f"{self.path}: could not be written ({error.strerror}), and nothing was done; mend the disk, and take the session up again"
            return Effects(refused=self._shut)
        self.session, self._chain = session, chain
        return effects

    def close(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def _head(name: str, procedure: Procedure, of: str) -> Head:
    return Head(name, procedure.name, hashlib.sha256(msgspec.json.encode(procedure)).hexdigest(), of)


def _line(before: str, body: bytes) -> tuple[bytes, str]:
    chain = hashlib.sha256(before.encode() + body).hexdigest()
    return msgspec.json.encode(_Line(chain, msgspec.Raw(body))) + b"\n", chain


def _replayed(path: Path, data: bytes, procedure: Procedure, of: str) -> tuple[Session, str]:
    bodies, chain = _bodies(path, data)
    return _played(path, bodies, procedure, of), chain


def _bodies(path: Path, data: bytes) -> tuple[list[bytes], str]:
    """What the whole lines hold, each the one that follows; and the chain's end."""
    lines = data.split(b"\n")[:-1]
    if not lines:
        raise ConfigurationError(f"{path}: has no whole line; begin a session anew")
    chain, bodies = START, list[bytes]()
    for place, line in enumerate(lines, 1):
        body = _body(line, chain)
        if body is None:
            raise ConfigurationError(f"{path}, line {place}: is damaged; the session counts for nothing, begin anew")
        _, chain = _line(chain, body)
        bodies.append(body)
    return bodies, chain


def _played(path: Path, bodies: list[bytes], procedure: Procedure, of: str) -> Session:
    try:
        head = _HEADS.decode(bodies[0])
        wrong = ""
        if head.of != of:
            wrong = f"{path}: is of {head.of or 'a machine that it does not name'}, and {of or 'none'} is here; begin a session anew"
        elif head != _head(head.session, procedure, of):
            wrong = f"{path}: is of {head.procedure} with other steps or instruments; begin a session anew"
        if wrong:
            why = _voided(bodies)
            if not why:
                raise ConfigurationError(wrong)
            return Session(head.session, procedure, void=why)  # whatever it was of, it counts for nothing
        session = Session(head.session, procedure)
        for place, body in enumerate(bodies[1:], 2):
            session, effects = after(session, _EVENTS.decode(body))
            if effects.refused:
                raise ConfigurationError(f"{path}, line {place}: {effects.refused}; begin a session anew")
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path}: {error}; begin a session anew") from None
    return session


def _voided(bodies: list[bytes]) -> str:
    """Why a session was voided, by its last line; or ""."""
    last = _EVENTS.decode(bodies[-1]) if len(bodies) > 1 else None
    return last.why if isinstance(last, Void) else ""


def _body(line: bytes, chain: str) -> bytes | None:
    """A line's content when the line is, byte for byte, the one that follows."""
    try:
        body = bytes(_LINES.decode(line).is_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return body if _line(chain, body)[0] == line + b"\n" else None


def _torn(path: Path, rest: bytes, chain: str) -> str:
    """Words for an unfinished last line, or "". A whole line with one byte behind it was not torn but changed."""
    if not rest:
        return ""
    if _body(rest[:-1], chain) is not None:
        raise ConfigurationError(
            f"{path}: the end of its last line is damaged; the session counts for nothing, begin anew"
        )
    return f"{path}: its last line was not finished ({len(rest)} bytes) and is dropped; what it told did not happen"


def _alone(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationError(f"{path}: is open elsewhere; leave it there first") from None


def _append(descriptor: int, line: bytes) -> None:
    done = 0
    while done < len(line):
        done += os.write(descriptor, line[done:])
    os.fsync(descriptor)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
