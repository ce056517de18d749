"""The outbox in virtual time: nothing is lost, nothing is sent twice, a failure waits longer each time, and one bad entry holds up nobody."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from console.dicom.outbox import FIRST_S, MOST_S, Answer, Outbox, OutboxError, Sent

NOW = 1_795_000_000.0
STORED, LATER, REFUSED = (Answer(sent, sent.value.lower()) for sent in (Sent.STORED, Sent.LATER, Sent.REFUSED))


class Peer:
    """Answers by the first byte of an instance; counts what it was offered."""

    def __init__(self, **answers: Answer) -> None:
        self.answers, self.offered = answers, list[str]()

    def store(self, _sop_class: str, data: bytes) -> Answer:
        name = data.decode()
        self.offered.append(name)
        return self.answers.get(name, STORED)


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path)


def fill(outbox: Outbox, names: str) -> None:
    for number, name in enumerate(names):
        assert outbox.put(f"2.25.{number}", name, "1.2", name.encode(), NOW + number)


def states(outbox: Outbox) -> str:
    return "".join(one.state.value[0] for one in outbox.items())


def test_each_is_sent_once_in_order(outbox: Outbox) -> None:
    fill(outbox, "abc")
    peer = Peer()
    assert [answer.sent for _, answer in outbox.step(peer.store, NOW + 10)] == [Sent.STORED] * 3
    assert outbox.step(peer.store, NOW + 1e6) == ()
    assert peer.offered == list("abc")


def test_one_uid_is_queued_once_whatever_it_says(outbox: Outbox) -> None:
    assert outbox.put("2.25.1", "a", "1.2", b"a", NOW)
    assert not outbox.put("2.25.1", "b", "1.2", b"b", NOW)
    assert [one.what for one in outbox.items()] == ["a"]


def test_a_dead_receiver_is_tried_ever_more_slowly(outbox: Outbox) -> None:
    """10, 20, 40 s ... to an hour; the moment it answers everything goes."""
    fill(outbox, "a")
    peer, tried, now = Peer(a=LATER), list[float](), NOW
    for _ in range(12):
        assert outbox.step(peer.store, now - 0.01) == ()
        tried.append(now)
        outbox.step(peer.store, now)
        now = outbox.items()[0].next_wall_s
    gaps = [later - earlier for earlier, later in pairwise(tried)]
    assert gaps[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert gaps[-1] == MOST_S
    assert [answer.sent for _, answer in outbox.step(Peer().store, now)] == [Sent.STORED]


def test_a_dead_receiver_is_not_asked_for_each_of_a_thousand(outbox: Outbox) -> None:
    fill(outbox, "abcdefgh")
    peer = Peer(**dict.fromkeys("abcdefgh", LATER))
    outbox.step(peer.store, NOW + 10)
    assert peer.offered == ["a", "b"]


@pytest.mark.parametrize("answer", [REFUSED, LATER])
@pytest.mark.parametrize("at", range(3))
def test_a_poisoned_one_holds_up_nobody(outbox: Outbox, answer: Answer, at: int) -> None:
    """Refused for good, or killing the association each time: the others go in the same step."""
    fill(outbox, "abc")
    peer = Peer(**{"abc"[at]: answer})
    outbox.step(peer.store, NOW + 10)
    assert peer.offered == list("abc")
    expected = "R" if answer is REFUSED else "W"
    assert states(outbox) == "".join(expected if n == at else "S" for n in range(3))


def test_two_poisoned_ones_at_the_head_do_not_keep_the_rest(outbox: Outbox) -> None:
    """They end the step as a dead receiver would; the next one begins with what has not been tried."""
    fill(outbox, "abcd")
    peer = Peer(a=LATER, b=LATER)
    outbox.step(peer.store, NOW + 10)
    outbox.step(peer.store, NOW + 11)
    assert states(outbox) == "WWSS"


def test_refused_stays_until_a_person_asks(outbox: Outbox) -> None:
    fill(outbox, "a")
    outbox.step(Peer(a=REFUSED).store, NOW)
    assert outbox.step(Peer().store, NOW + 1e6) == ()
    outbox.again("2.25.0", NOW + 1e6)
    outbox.step(Peer().store, NOW + 1e6)
    assert states(outbox) == "S"
    with pytest.raises(OutboxError, match="was sent"):
        outbox.again("2.25.0", NOW)
    with pytest.raises(OutboxError, match="is not in the outbox"):
        outbox.again("2.25.9", NOW)


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    """Attempts, times and states are those of before; only what waits is tried."""
    first = Outbox(tmp_path)
    fill(first, "abc")
    first.step(Peer(b=REFUSED, c=LATER).store, NOW + 10)
    before = first.items()
    first.close()
    again = Outbox(tmp_path)
    assert again.items() == before
    peer = Peer()
    again.step(peer.store, NOW + 10 + FIRST_S)
    assert peer.offered == ["c"]


def test_killed_after_the_receiver_had_it_the_same_instance_goes_again(outbox: Outbox) -> None:
    """The receiver's answer was lost with the process: the same UID and the same bytes, so there is still one."""
    fill(outbox, "a")
    got: list[bytes] = []

    def die(_sop_class: str, data: bytes) -> Answer:
        got.append(data)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox.step(die, NOW)
    outbox.step(lambda _c, data: got.append(data) or STORED, NOW)  # type: ignore[func-returns-value]
    assert got == [b"a", b"a"]
    assert states(outbox) == "S"


def test_damaged_bytes_are_not_sent(outbox: Outbox, tmp_path: Path) -> None:
    fill(outbox, "abc")
    with sqlite3.connect(tmp_path / "dicom" / "outbox.sqlite") as connection:
        connection.execute("UPDATE outbox SET data = ? WHERE what = 'b'", (b"half of",))
    peer = Peer()
    outbox.step(peer.store, NOW + 10)
    assert peer.offered == ["a", "c"]
    assert states(outbox) == "SRS"
    assert "not those that were queued" in outbox.items()[1].words


def test_a_clock_that_was_set_back_makes_nothing_wait_for_years(outbox: Outbox) -> None:
    fill(outbox, "a")
    outbox.step(Peer(a=LATER).store, NOW + 1e8)
    assert [answer.sent for _, answer in outbox.step(Peer().store, NOW)] == [Sent.STORED]


def test_two_senders_do_not_send_together(outbox: Outbox, tmp_path: Path) -> None:
    """While one holds the lock the other finds nothing to do."""
    fill(outbox, "a")
    fd = os.open(tmp_path / "dicom" / "sending", os.O_RDWR | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    assert outbox.step(Peer().store, NOW) == ()
    os.close(fd)
    assert len(outbox.step(Peer().store, NOW)) == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda outbox: outbox.items(),
        lambda outbox: outbox.put("2.25.7", "x", "1.2", b"x", NOW),
        lambda outbox: outbox.step(Peer().store, NOW),
    ],
)
def test_a_damaged_file_is_words(tmp_path: Path, use: Callable[[Outbox], object]) -> None:
    outbox = Outbox(tmp_path)
    fill(outbox, "a")
    outbox.close()
    for suffix in ("-wal", "-shm"):
        (tmp_path / "dicom" / f"outbox.sqlite{suffix}").unlink(missing_ok=True)
    (tmp_path / "dicom" / "outbox.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(OutboxError, match="first: see to the disk"):
        use(Outbox(tmp_path))
