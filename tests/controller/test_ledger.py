"""The real-time side of the record: what counts as durable, which START a token belongs to, and how far behind the recorder is."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from decide_bench import statement

from controller.entries import Ack, Crash, EntryType, ResetDone
from controller.ledger import Ledger
from controller.ring import AckFile, Ring, StatementFile
from hal.units import Seconds
from records.answers import Answers
from records.files import PosixFiles

T = 100.0


class Bench:
    """A ledger over a ring in a folder, and the recorder's two files to write by hand."""

    def __init__(self, folder: Path) -> None:
        self.ring = Ring(str(folder), 64)
        self.answers = Answers(PosixFiles(), folder)
        self.folder = folder
        self.ledger = Ledger(self.ring, AckFile(str(folder)), StatementFile(str(folder)))

    def acknowledge(
        self, durable_seq: int, start_seq: int = 0, start_crc: int = 0, token: int = 0, recorder: int = 1
    ) -> None:
        """The recorder says so, and the ledger reads it."""
        self.answers.acknowledge(Ack(recorder, durable_seq, start_seq, start_crc, token, 0))
        self.ledger.poll()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.ring.close()
    made.answers.close()


def test_nothing_is_durable_before_the_recorder_has_spoken(bench: Bench) -> None:
    """No acknowledgement: infinite lag, nothing durable, no token."""
    seq, packed = bench.ledger.put(EntryType.RESET_DONE, ResetDone(1, 2), Seconds(T))
    bench.ledger.poll()
    assert not bench.ledger.durable(seq)
    assert bench.ledger.lag_s(Seconds(T)) == float("inf")
    assert bench.ledger.token_of(seq, zlib.crc32(packed)) == 0


def test_durable_is_up_to_the_acknowledged_number(bench: Bench) -> None:
    """The entry itself and those before it, not the next."""
    first, _ = bench.ledger.put(EntryType.RESET_DONE, ResetDone(1, 2), Seconds(T))
    second, _ = bench.ledger.put(EntryType.RESET_DONE, ResetDone(2, 2), Seconds(T + 1))
    bench.acknowledge(first)
    assert bench.ledger.durable(first)
    assert not bench.ledger.durable(second)
    bench.acknowledge(second)
    assert bench.ledger.durable(second)


def test_an_entry_in_parts_is_durable_with_its_last_part(bench: Bench) -> None:
    """The number that is given back is that of the last part."""
    seq, packed = bench.ledger.put(EntryType.CRASH, Crash("x" * 1000), Seconds(T))
    assert len(packed) > 900
    assert seq > 1
    bench.acknowledge(seq - 1)
    assert not bench.ledger.durable(seq)


@pytest.mark.parametrize(
    ("durable", "start", "crc", "token", "given"),
    [
        (5, 5, 77, 9, 9),
        (6, 5, 77, 9, 9),
        (4, 5, 77, 9, 0),
        (5, 4, 77, 9, 0),
        (5, 6, 77, 9, 0),
        (5, 5, 78, 9, 0),
        (5, 5, 77, 0, 0),
    ],
    ids=["ours", "later", "not-durable", "an-earlier-start", "a-later-start", "other-bytes", "refused"],
)
def test_a_token_is_that_of_the_durable_start_with_these_bytes(
    bench: Bench, durable: int, start: int, crc: int, token: int, given: int
) -> None:
    """START number 5 with CRC 77 was put: only an acknowledgement of exactly that gives its token."""
    bench.ledger.note(6, Seconds(T))
    bench.acknowledge(durable, start, crc, token)
    assert bench.ledger.token_of(5, 77) == given
    assert bench.ledger.token_of(0, 77) == 0


def test_lag_is_the_age_of_the_oldest_entry_that_is_not_durable(bench: Bench) -> None:
    """Three entries a second apart: the lag counts from the first that is missing; 0 when none is."""
    for n in range(3):
        bench.ledger.put(EntryType.RESET_DONE, ResetDone(n, 0), Seconds(T + n))
    bench.acknowledge(0)
    assert bench.ledger.lag_s(Seconds(T + 2.5)) == pytest.approx(2.5)
    bench.acknowledge(1)
    assert bench.ledger.lag_s(Seconds(T + 2.5)) == pytest.approx(1.5)
    bench.acknowledge(3)
    assert bench.ledger.lag_s(Seconds(T + 2.5)) == 0.0
    assert bench.ledger.lag_s(Seconds(T + 1000.0)) == 0.0


def test_a_recorder_that_falls_back_makes_the_lag_grow(bench: Bench) -> None:
    """A new recorder that has less on its disk is believed: what it does not hold is not durable."""
    for n in range(3):
        bench.ledger.put(EntryType.RESET_DONE, ResetDone(n, 0), Seconds(T + n))
    bench.acknowledge(3)
    bench.acknowledge(1, recorder=2)
    assert not bench.ledger.durable(3)
    assert bench.ledger.lag_s(Seconds(T + 4.0)) == pytest.approx(3.0)


def test_a_word_about_entries_that_were_never_put_is_not_believed(bench: Bench) -> None:
    """Another process's recorder, or one that is wrong: it makes nothing durable, gives no token, and lets the lag grow."""
    for n in range(3):
        bench.ledger.put(EntryType.RESET_DONE, ResetDone(n, 0), Seconds(T + n))
    bench.acknowledge(4, start_seq=3, start_crc=77, token=9)
    assert bench.ledger.ack is None and bench.ledger.token_of(3, 77) == 0
    bench.acknowledge(1)
    bench.acknowledge(1 << 40, start_seq=3, start_crc=77, token=9)
    assert not bench.ledger.durable(2) and bench.ledger.token_of(3, 77) == 0
    assert bench.ledger.lag_s(Seconds(T + 4.0)) == pytest.approx(3.0)


def test_a_lag_beyond_what_is_remembered_is_infinite(bench: Bench) -> None:
    """More entries behind than the ledger remembers times of: not a small number by wrap-around."""
    bench.acknowledge(0)
    bench.ledger.note(1 << 16, Seconds(T))
    assert bench.ledger.lag_s(Seconds(T)) == float("inf")


def test_damaged_words_are_no_words(bench: Bench) -> None:
    """Half-written files keep what was last good; what never was good is nothing."""
    bench.ledger.note(7, Seconds(T))
    bench.acknowledge(7)
    (bench.folder / "ack").write_bytes(b"\xff" * 64)
    bench.ledger.poll()
    assert bench.ledger.ack is not None
    assert bench.ledger.ack.durable_seq == 7
    (bench.folder / "statement").write_bytes(b"nonsense")
    bench.ledger.poll()
    assert bench.ledger.statement is None
    bench.answers.state(statement(version=2, last_token=5))
    bench.ledger.poll()
    assert bench.ledger.statement is not None
    (bench.folder / "statement").unlink()
    bench.ledger.poll()
    assert bench.ledger.statement.last_token == 5
