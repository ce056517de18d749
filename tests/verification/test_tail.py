"""The tail's procedure at a simulated bench: what it comes to, which scatter the host's tick explains and which it does not, and what is no tail at all.
Through the shipped loop it goes in tests/scenarios/test_tail_session.py; the other refusals stand in test_calibrated.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from calibration.procedures.journal import Journal
from calibration.procedures.session import Exposed, Reading, Recorded
from calibration.procedures.tail import N, tail, tail_procedure
from hal.errors import ConfigurationError
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from verification.benched import OF_PLATE_CPS, tail_session, warmed
from verification.calibrated import Physicist, Stopped, at

pytestmark = pytest.mark.timeout(60)
RATE_CPS = 2700.0
"""Of channel 1, more or less."""


def physicist(alters: Callable[[Exposed | Reading], Exposed | Reading] | None = None) -> Physicist:
    bench = QuickBench(unknown(3), 3)
    warmed(bench)
    return Physicist(bench, alters=alters, warm_at_s=bench.now_s)


def test_unknown_tubes_have_the_tail_that_their_sessions_say() -> None:
    """Twelve tubes of unknown contactor, cable and chambers: the truth lies within 2 u of eleven at least."""
    within = 0
    for seed in range(1, 13):
        bench = QuickBench(unknown(seed), seed)
        warmed(bench)
        found = tail(tail_session(Physicist(bench, warm_at_s=bench.now_s)))
        _, after_s, _ = bench.true_beam_s(69.5, 1.6, 10.0)
        within += abs(found.tail_mgy - 55.0 * after_s) <= 2.0 * found.u_tail_mgy
    assert within >= 11 and found.u_tail_mgy < 0.02


def later(ms: float) -> Callable[[Exposed | Reading], Exposed | Reading]:
    """Every other end comes so much later: both channels count on for as long."""

    def alter(event: Exposed | Reading) -> Exposed | Reading:
        if isinstance(event, Exposed) and int(event.token.rsplit("-", 1)[1]) % 2:
            one, two = event.record.after_off_1, event.record.after_off_2
            assert one is not None and two is not None
            more = RATE_CPS * ms / 1000.0
            changed = msgspec.structs.replace(event.record, after_off_1=one + more, after_off_2=two + more)
            return msgspec.structs.replace(event, record=changed)
        return event

    return alter


@pytest.mark.parametrize(("tick_s", "ms"), [(0.01, 8.0), (0.05, 40.0)])
def test_what_the_hosts_tick_explains_is_no_fault_of_k1(tick_s: float, ms: float) -> None:
    """OFF by wire goes out with the tick that reads of the end: a rig at 20 Hz scatters more, and without its tick the same ends are refused."""
    found = tail(tail_session(physicist(later(ms)), tick_s))
    with pytest.raises(Stopped, match="the tail varies by"):
        tail_session(physicist(later(ms)))
    assert found.u_tail_mgy > 55.0 * tick_s / 12**0.5, "where in the tick an end falls is in the uncertainty"


@pytest.mark.parametrize(("tick_s", "ms"), [(0.0, 8.0), (0.01, 25.0), (0.05, 75.0)])
def test_a7_a_contactor_slow_on_some_ends_is_refused(tick_s: float, ms: float) -> None:
    """Hazard A7: what the tick does not explain is looked at, and no mean is taken of it."""
    with pytest.raises(
        Stopped,
        match=r"the tail varies by [0-9.]+ ms from end to end, at most [0-9.]+ are explained; have K1 looked at",
    ):
        tail_session(physicist(later(ms)), tick_s)


def test_leakage_is_no_tail() -> None:
    """Counts of nothing in the time after the end are taken off each channel by what the dark gave."""
    plain = tail(tail_session(physicist()))
    who = physicist()
    procedure = tail_procedure(at(), 55.0, -0.13, (5.0, 0.3), 0.0)
    leaking = tail(who.goes_through(procedure, "tail", lambda _step: {"applicator": "20 mm", "chamber": "none"}))
    assert plain.tail_s - leaking.tail_s == pytest.approx((5.0 - 0.5) * 0.4 / RATE_CPS, rel=0.15)


UNSEEN = "the beam was ended by STOP stop, not by the unit's preset"
SPOILS: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"record": Recorded(counts_1=27000.0, counts_2=27500.0, after_off_unseen=UNSEEN)},
        f"the record holds no after_off_1: {UNSEEN}",
    ),
    ({"record": Recorded(counts_1=27000.0, counts_2=27500.0)}, "the record holds no after_off_1"),
    ({"ended": "interrupted, STOP, stop"}, "ended by interrupted, STOP, stop"),
    ({"ended": "terminated, TIME_END, backup_timer"}, "ended by terminated, TIME_END, backup_timer"),
)


@pytest.mark.parametrize(("changes", "words"), SPOILS, ids=[words for _, words in SPOILS])
def test_a7_an_end_that_was_not_seen_or_was_no_preset_is_no_tail(changes: dict[str, Any], words: str) -> None:
    """Hazard A7: such an exposure is spoiled in the words of its record, and another one takes its place."""

    def alter(event: Exposed | Reading) -> Exposed | Reading:
        first = isinstance(event, Exposed) and event.token.endswith("-1")
        return msgspec.structs.replace(event, **changes) if first else event

    session = tail_session(physicist(alter))
    assert [one.spoiled for one in session.shots if one.spoiled] == [words]
    assert len(session.shots) == N + 1 and tail(session).tail_mgy > 0.5


@pytest.mark.parametrize(
    ("setting", "r0", "dt_s", "tick_s", "of"),
    [
        (at(60.0), 55.0, -0.13, 0.01, "unit 1"), (at(69.5, 1.0), 55.0, -0.13, 0.01, "unit 1"), (at(69.5, 1.6, "F1"), 55.0, -0.13, 0.01, "unit 1"),
        (at(), 56.0, -0.13, 0.01, "unit 1"), (at(), 55.0, -0.12, 0.01, "unit 1"), (at(), 55.0, -0.13, 0.05, "unit 1"), (at(), 55.0, -0.13, 0.01, "unit 2"),
    ],
    ids=["kV", "mA", "filter", "R0", "end effect", "tick", "firmware"],
)  # fmt: skip
def test_a7_a_tail_of_another_beam_tick_or_firmware_is_not_taken(
    tmp_path: Path, setting: Any, r0: float, dt_s: float, tick_s: float, of: str
) -> None:
    """Hazard A7: a session serves what it was measured for; where anything that it stands on has changed, it is measured anew."""
    path = tmp_path / "tail-a20.jsonl"
    Journal.begin(path, "tail-a20", tail_procedure(at(), 55.0, -0.13, OF_PLATE_CPS, 0.01), "unit 1").close()
    with Journal.take_up(path, tail_procedure(at(), 55.0, -0.13, OF_PLATE_CPS, 0.01), "unit 1") as journal:
        assert journal.session.step is not None
    with pytest.raises(ConfigurationError, match="begin a session anew"):
        Journal.take_up(path, tail_procedure(setting, r0, dt_s, OF_PLATE_CPS, tick_s), of)
