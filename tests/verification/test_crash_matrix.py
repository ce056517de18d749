"""A slice of the crash matrix, and proof that the matrix sees what it is for: a disk that lies, records kept too late, a journal that was tampered with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.kernel import Kernels, prepare
from records.journal import Journal
from verification.chain import chain_of, read_chain
from verification.crash_matrix import USUAL, Case, calls_of, cases, laid, play
from verification.disk import WHATS, FaultyDisk

SLICES = 60


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    return prepare()


@pytest.fixture(scope="module")
def verbs(kernels: Kernels) -> list[str]:
    """The treatment without a fault."""
    return calls_of(kernels)


def test_the_matrix_holds_every_call_and_every_kind(verbs: list[str]) -> None:
    """No call is left out, and what tears a write is played at each write."""
    chosen = cases(verbs)
    for what in USUAL:
        assert [case.call for case in chosen if case.what == what] == list(range(1, len(verbs) + 1))
    writes = [call for call, verb in enumerate(verbs, 1) if verb in ("write", "replace")]
    assert [case.call for case in chosen if case.what == "TORN POWER"] == writes
    assert {case.what for case in chosen} == set(WHATS)
    assert len(verbs) > 250


@pytest.mark.parametrize(("part", "what"), [(0.02, "POWER"), (0.45, "KILL"), (0.6, "TORN POWER"), (0.93, "EIO")])
def test_a_case_of_the_matrix(kernels: Kernels, verbs: list[str], part: float, what: str) -> None:
    """At the start of the records, about the token, in beam, at the end."""
    played = play(kernels, Case(round(part * len(verbs)), what, 5))
    assert played.wrong == () and played.struck.startswith(what), played


def test_a_case_that_struck_nothing_is_wrong(kernels: Kernels) -> None:
    """A call that the treatment never makes shows nothing."""
    played = play(kernels, Case(100_000, "KILL", 5))
    assert "nothing was struck" in played.wrong[0]


@pytest.mark.grid
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("slice_", range(SLICES))
def test_the_whole_matrix(kernels: Kernels, verbs: list[str], slice_: int) -> None:
    wrong = [played for case in cases(verbs, SLICES, slice_) if (played := play(kernels, case)).wrong]
    assert wrong == []


# the matrix itself


@pytest.fixture
def lazy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A recorder whose journal is never synced: everything is acknowledged, nothing durable."""
    real = Journal.sync

    def sync(journal: Journal) -> None:
        kept = journal._files.sync
        journal._files.sync = lambda _fd: None  # type: ignore[method-assign]
        real(journal)
        journal._files.sync = kept  # type: ignore[method-assign]

    monkeypatch.setattr(Journal, "sync", sync)
    yield


def in_beam(verbs: list[str]) -> int:
    """A sync in beam: what was written since the last one is not durable yet."""
    return verbs.index("sync", round(0.66 * len(verbs))) + 1


@pytest.mark.usefixtures("lazy")
def test_a_token_before_its_start_is_durable_is_seen(kernels: Kernels, verbs: list[str]) -> None:
    """Invariant 12, at the tick in which the unit is armed."""
    played = play(kernels, Case(in_beam(verbs), "POWER", 4))
    assert any("its START is not durable" in words for words in played.wrong), played


def test_a_dose_said_lower_than_given_is_seen(
    kernels: Kernels, verbs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 11: a recovery that took the last durable tick for the end."""
    monkeypatch.setattr("records.recovery.RATE_MAX_OVER_R0", 0.0)
    monkeypatch.setattr("records.recovery.implausible", lambda *_: "not believed, for a test")
    played = play(kernels, Case(in_beam(verbs), "POWER", 4))
    assert any("invariant 11" in words for words in played.wrong), played


@pytest.mark.parametrize("place", ["payload", "middle", "cut"])
def test_the_second_reader_sees_what_was_changed(kernels: Kernels, place: str) -> None:
    with laid(kernels, FaultyDisk()) as (rig, records):
        rig.wait(4.0)
        rig.kill_recorder()
        ((name, raw),) = rig.disk.durable_in(records / "journal")
        whole = chain_of(records / "journal")
    assert whole.unsound() == [] and whole.records > 4 and whole.torn_bytes == 0
    changed = bytearray(raw)
    changed[{"payload": 200, "middle": len(raw) // 2, "cut": len(raw) - 20}[place]] ^= 1
    found = read_chain([(name, bytes(changed)), ("00000002.journal", b"")])
    assert found.records < whole.records and found.unsound()


def test_a_missing_segment_is_seen() -> None:
    assert read_chain([("00000002.journal", b"")]).unsound() == ["segment 1 is missing"]


def test_nothing_is_left_in_memory(kernels: Kernels) -> None:
    with laid(kernels, FaultyDisk()) as (_, records):
        folder = records.parent
        assert folder.exists()
    assert not Path(folder).exists()
