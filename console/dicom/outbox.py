"""The outbox: a table of its own of what is to be sent, with each instance's bytes, that survives restarts, dead receivers and damaged entries.
It knows no network and no clock: time is an argument, and how an instance is stored is handed to it."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from sqlalchemy import Float, Integer, LargeBinary, String, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from records.store import engine_for

FOLDER: Final = "dicom"
NAME: Final = "outbox.sqlite"
FIRST_S: Final = 10.0
MOST_S: Final = 3600.0
"""A failed attempt is made again so much later, twice as much each time, up to the last."""


class Sent(Enum):
    """What came of one attempt."""

    STORED = "STORED"
    REFUSED = "REFUSED"
    LATER = "LATER"


class State(Enum):
    """REFUSED stays until a person asks for another attempt."""

    WAITING = "WAITING"
    SENT = "SENT"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class Answer:
    """What came of one attempt, in words that say whose they are."""

    sent: Sent
    words: str


@dataclass(frozen=True)
class Item:
    """One entry as people see it; `data` is not read with it."""

    uid: str
    what: str
    sha256: str
    state: State
    attempts: int
    queued_wall_s: float
    next_wall_s: float
    sent_wall_s: float | None
    words: str


class OutboxError(Exception):
    """The outbox cannot be used; the words name the file and what to do first."""


class Base(DeclarativeBase):
    """Of the outbox alone."""


class Row(Base):
    __tablename__ = "outbox"
    uid: Mapped[str] = mapped_column(String, primary_key=True)
    what: Mapped[str] = mapped_column(String)
    sop_class: Mapped[str] = mapped_column(String)
    sha256: Mapped[str] = mapped_column(String)
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    state: Mapped[str] = mapped_column(String, index=True)
    attempts: Mapped[int] = mapped_column(Integer)
    queued_wall_s: Mapped[float] = mapped_column(Float)
    next_wall_s: Mapped[float] = mapped_column(Float)
    sent_wall_s: Mapped[float | None] = mapped_column(Float, nullable=True)
    words: Mapped[str] = mapped_column(String)


Store = Callable[[str, bytes], Answer]
"""Offer one instance (SOP class, bytes of the file) to the receiver; it gives LATER where nobody answers, and raises nothing."""


class Outbox:
    """The table below a folder of records. Raises OutboxError."""

    def __init__(self, records: Path) -> None:
        self.folder = records / FOLDER
        self._path = self.folder / NAME
        with self._said():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._engine = engine_for(self._path)
            Base.metadata.create_all(self._engine)

    def close(self) -> None:
        self._engine.dispose()

    def put(self, uid: str, what: str, sop_class: str, data: bytes, wall_s: float) -> bool:
        """Queue one instance; False where one of this UID is there already: the first stays, whatever it says."""
        with self._said(), Session(self._engine) as session, session.begin():
            if session.get(Row, uid) is not None:
                return False
            session.add(
                Row(
                    uid=uid,
                    what=what,
                    sop_class=sop_class,
                    sha256=hashlib.sha256(data).hexdigest(),
                    data=data,
                    state=State.WAITING.value,
                    attempts=0,
                    queued_wall_s=wall_s,
                    next_wall_s=wall_s,
                    words="",
                )
            )
            return True

    def uids(self) -> frozenset[str]:
        """Of everything that was ever queued."""
        with self._said(), Session(self._engine) as session:
            return frozenset(session.scalars(select(Row.uid)))

    def items(self) -> tuple[Item, ...]:
        """Everything, the oldest first."""
        with self._said(), Session(self._engine) as session:
            return tuple(map(_item, session.scalars(select(Row).order_by(Row.queued_wall_s, Row.uid))))

    def again(self, uid: str, wall_s: float) -> None:
        """A person asks for another attempt of what was refused. OutboxError where there is no such entry, or it was sent."""
        with self._said(), Session(self._engine) as session, session.begin():
            row = session.get(Row, uid)
            if row is None or row.state == State.SENT.value:
                state = "is not in the outbox" if row is None else "was sent"
                raise OutboxError(f"{uid}: {state}; first: look at kerma dicom outbox")
            row.state, row.next_wall_s = State.WAITING.value, wall_s

    def step(self, store: Store, wall_s: float) -> tuple[tuple[Item, Answer], ...]:
        """One attempt for everything that is due, the oldest first. What fails waits, and holds up nothing behind it: but where nobody answers at all
        (two LATER running) the rest is left for the next step. One sender at a time; another one finds nothing to do."""
        tried: list[tuple[Item, Answer]] = []
        with self._held() as mine:
            silent = 0
            for uid in self._due(wall_s) if mine else ():
                answer = self._offer(uid, store)
                tried.append((self._noted(uid, answer, wall_s), answer))
                silent = silent + 1 if answer.sent is Sent.LATER else 0
                if silent == 2:
                    break
        return tuple(tried)

    def _due(self, wall_s: float) -> list[str]:
        """A time further off than the longest wait is of a clock that was set back: it is due."""
        with self._said(), Session(self._engine) as session:
            waiting = (
                select(Row)
                .where(Row.state == State.WAITING.value)
                .order_by(Row.next_wall_s, Row.queued_wall_s, Row.uid)
            )
            return [row.uid for row in session.scalars(waiting) if not wall_s < row.next_wall_s <= wall_s + MOST_S]

    def _offer(self, uid: str, store: Store) -> Answer:
        with self._said(), Session(self._engine) as session:
            row = session.get(Row, uid)
            assert row is not None
            sop_class, digest, data = row.sop_class, row.sha256, row.data
        if hashlib.sha256(data).hexdigest() != digest:
            return Answer(
                Sent.REFUSED,
                "the outbox: these bytes are not those that were queued; first: see to the disk, then queue it anew",
            )
        return store(sop_class, data)

    def _noted(self, uid: str, answer: Answer, wall_s: float) -> Item:
        with self._said(), Session(self._engine) as session, session.begin():
            row = session.get(Row, uid)
            assert row is not None
            row.attempts += 1
            row.words = answer.words
            row.state = {Sent.STORED: State.SENT, Sent.REFUSED: State.REFUSED, Sent.LATER: State.WAITING}[
                answer.sent
            ].value
            if answer.sent is Sent.STORED:
                row.sent_wall_s = wall_s
            row.next_wall_s = wall_s + min(FIRST_S * 2.0 ** min(row.attempts - 1, 20), MOST_S)
            return _item(row)

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """Whether this process is the one that sends now."""
        with self._said():
            fd = os.open(self.folder / "sending", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
        finally:
            os.close(fd)

    @contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            cause = getattr(error, "orig", None) or error
            raise OutboxError(
                f"{self._path}: {cause}; first: see to the disk; if the file is damaged move it and its -wal away, and queue anew"
            ) from error


def _item(row: Row) -> Item:
    return Item(
        row.uid,
        row.what,
        row.sha256,
        State(row.state),
        row.attempts,
        row.queued_wall_s,
        row.next_wall_s,
        row.sent_wall_s,
        row.words,
    )
