"""The recorder's normal day over a real ring: tokens, ends, resets, closing, resuming, and what people then read.
Nothing fails here; that is test_recorder_crash.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from records_bench import R0, Rig, prescribed, warmup

from controller.entries import EntryType, Event, LatchCleared, LatchSet, Outcome
from controller.prescribed import Quality
from controller.proofs import NEEDED, OPENED
from interlocks.words import Clears, Trip
from records.fractions import list_fractions, show
from records.recorder import Recorder, RecorderError

TO_MIDNIGHT_S = 46_400.0
"""From the bench's beginning, 11:06:40 UTC."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.new_recorder()
    yield made
    made.close()


def only(rig: Rig) -> dict[str, object]:
    rows = list_fractions(rig.config.database)
    assert len(rows) == 1
    return show(rig.config.database, rows[0]["id"], rig.config.journal_dir)


def test_a_start_is_answered_in_the_same_step_with_its_own_crc(rig: Rig) -> None:
    """No token before the entry is durable; then the token, the CRC of exactly the bytes that were put, and the same token again for ever."""
    rig.host.found()
    rig.step()
    rig.host.confirm()
    assert rig.host.take_token() == 0
    rig.clock.go(0.02)
    rig.step()
    token = rig.host.take_token()
    ack = rig.host.ack()
    assert token > 0 and ack is not None and ack.durable_seq == rig.host.start_seq
    rig.run(0.5)
    assert rig.host.take_token() == token


def test_complete_fraction_is_closed_reset_and_never_delivered_again(rig: Rig) -> None:
    rig.deliver(17.9, Outcome.TERMINATED)
    said = rig.host.statement()
    assert said.opens == () and said.reset_due_token == rig.host.token and said.last_token == rig.host.token
    ack = rig.host.ack()
    assert ack is not None and ack.ended_token == rig.host.token
    rig.host.reset()
    rig.run(0.02)
    assert rig.host.statement().reset_due_token == 0
    rig.host.query()
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and "not delivered again" in clearance.refused
    rig.host.confirm()
    rig.run(0.1)
    assert rig.host.take_token() == 0, "a closed fraction got another token"
    row = only(rig)
    assert (row["status"], row["closed"], row["simulated"], row["quality"]) == ("COMPLETE", True, True, "GOOD")
    assert row["journal"] == {"records": row["journal"]["records"], "whole": True, "words": ""}
    (segment,) = row["exposures"]
    assert segment["cause"] == "COUNT_PRESET" and segment["kv_mean"] == 69.5 and segment["reset"]
    assert segment["delivered_mgy"] == pytest.approx(R0 * 17.9, abs=0.1)
    assert row["delivered_rx_mgy"] == pytest.approx(R0 * 17.9 * 0.85, abs=0.1)


def test_partial_stays_open_and_only_the_rest_is_cleared(rig: Rig) -> None:
    """INTERRUPTED leaves the fraction open and unreset; load is refused, resume gets delivered dose, retained token and segment number."""
    rig.deliver(6.0, Outcome.INTERRUPTED)
    said = rig.host.statement()
    assert said.reset_due_token == 0
    assert [(o.token, o.fraction) for o in said.opens] == [(rig.host.token, 1)]
    first = rig.host.token
    rig.host.query()
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.open and "resume it" in clearance.refused
    rig.host.query(resume=True)
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.refused == ""
    assert (clearance.token, clearance.segments, clearance.resumes, clearance.trips) == (first, 1, 0, 1)
    assert clearance.delivered_mgy == pytest.approx(R0 * 6.0, abs=0.1) and clearance.same_day
    assert clearance.beam_s == pytest.approx(6.0)
    rig.deliver(11.9, Outcome.TERMINATED, segment=2, resume=True, delivered_mgy=clearance.delivered_mgy)
    row = only(rig)
    assert (row["status"], row["segments"], row["resumes"]) == ("COMPLETE", 2, 1)
    assert row["delivered_mgy"] + row["rest_mgy"] == pytest.approx(1000.0)
    assert [s["segment"] for s in row["exposures"]] == [1, 2]


def test_a_person_closes_a_partial(rig: Rig) -> None:
    rig.deliver(6.0, Outcome.INTERRUPTED)
    rig.host.close_fraction(1001)
    rig.run(0.02)
    said = rig.host.statement()
    assert said.opens == () and said.reset_due_token == rig.host.token
    row = only(rig)
    assert (row["status"], row["closed"]) == ("PARTIAL", True)
    rig.host.query(resume=True)
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and "closed" in clearance.refused


@pytest.mark.parametrize(
    ("changed", "order", "words"),
    [
        ({"plan_tag": 6}, {}, "was changed after this fraction was begun"),
        ({"certificate_sha256": b"z" * 32}, {}, "the certificate is"),
        ({"software_version": "1.1"}, {}, "the software is"),
        ({}, {"applicator_id": "A30"}, "the applicator is"),
        ({}, {"patient_id": "9"}, "the patient is"),
        ({}, {"patient_id_2": "someone else"}, "the second patient id is"),
        ({}, {"lesion_id": "L2"}, "the lesion is"),
        ({}, {"rx_mgy": float("nan")}, "no number"),
        ({"fraction_tag": 77}, {"fraction": 2}, "is still open"),
    ],
)
def test_resume_needs_the_same_identity(
    rig: Rig, changed: dict[str, object], order: dict[str, object], words: str
) -> None:
    """Not even a physicist resumes with another patient, lesion, plan, applicator, certificate or program."""
    rig.deliver(6.0, Outcome.INTERRUPTED)
    rig.host.query(prescribed(**order), **({"resume": True, "physicist": True, "reason": "r"} | changed))
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and words in clearance.refused


def test_resume_beyond_the_limits_needs_a_physicist_with_a_reason(rig: Rig) -> None:
    rig.deliver(6.0, Outcome.INTERRUPTED)
    rig.clock.go(31 * 60)
    for asked, words in (
        ({}, "a physicist is needed: 31 min"),
        ({"physicist": True}, "reason is needed"),
        ({"physicist": True, "reason": "patient was sick"}, ""),
    ):
        rig.host.query(resume=True, **asked)
        rig.run(0.02)
        clearance = rig.host.statement().clearance
        assert clearance is not None
        assert words in clearance.refused if words else clearance.refused == ""


@pytest.mark.parametrize(
    ("begun_s", "asked_s", "held_s", "asked", "words"),
    [
        (0, 29 * 60, 15 * 60, {}, "a physicist is needed: 44 min since the last beam (at most 30)"),
        (0, 29 * 60, 15 * 60, {"physicist": True}, "the physicist's reason is needed: 44 min since"),
        (0, 29 * 60, 15 * 60, {"physicist": True, "reason": "patient was sick"}, ""),
        (0, 29 * 60, 30, {}, ""),
        (TO_MIDNIGHT_S - 300, 120, 240, {}, "a physicist is needed: another day"),
        (TO_MIDNIGHT_S - 300, 120, 240, {"physicist": True, "reason": "seen"}, ""),
        (TO_MIDNIGHT_S - 300, 120, 60, {}, ""),
    ],
)
def test_a_resume_is_judged_again_at_its_start(
    rig: Rig, begun_s: float, asked_s: float, held_s: float, asked: dict[str, object], words: str
) -> None:
    """An operator's resume that was cleared 29 min after the beam, or before midnight, and held: its START gets no token by then, and the recorder
    says why; by a physicist's with a reason it does."""
    rig.clock.go(begun_s)
    rig.deliver(6.0, Outcome.INTERRUPTED)
    rig.clock.go(asked_s)
    rig.host.query(resume=True, **asked)
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.refused == ""
    rig.clock.go(held_s)
    rig.host.confirm(segment=2, resume=True, delivered_mgy=clearance.delivered_mgy)
    assert rig.recorder is not None
    told = " ".join(rig.recorder.step(rig.clock.now, rig.clock.wall).words)
    assert (rig.host.take_token() == 0) is bool(words)
    assert words in told if words else not told


@pytest.mark.parametrize("stale", ["unasked", "another fraction", "an operator's since", "a load"])
def test_a_physicists_word_is_of_the_resume_that_was_asked_for_last(rig: Rig, stale: str) -> None:
    """A START stands on the last question of its own process and for its own fraction; what a physicist allowed of another one allows nothing."""
    rig.deliver(6.0, Outcome.INTERRUPTED)
    rig.clock.go(31 * 60)
    allowed: dict[str, object] = {"resume": True, "physicist": True, "reason": "seen"}
    for asked in {
        "unasked": (),
        "another fraction": (allowed | {"fraction_tag": 77},),
        "an operator's since": (allowed, {"resume": True}),
        "a load": (allowed | {"resume": False},),
    }[stale]:
        rig.host.query(**asked)
    rig.run(0.02)
    for expected in (False, True):
        rig.host.confirm(segment=2, resume=True, delivered_mgy=336.0)
        rig.run(0.02)
        assert (rig.host.take_token() > 0) is expected
        rig.host.query(**allowed)
        rig.run(0.02)
        rig.drop_recorder()
        rig.new_recorder()


def test_third_resume_and_third_trip_need_a_physicist(rig: Rig) -> None:
    delivered = 0.0
    for segment in (1, 2, 3):
        rig.deliver(3.0, Outcome.INTERRUPTED, segment=segment, resume=segment > 1, delivered_mgy=delivered)
        delivered += 168.0
    rig.host.query(resume=True)
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and "3 trips" in clearance.refused and "2 resumes" in clearance.refused


def test_a_rest_of_almost_nothing_is_closed_not_resumed(rig: Rig) -> None:
    """By the high bound 15 mGy are left: not even a physicist resumes for that."""
    rig.to_beam()
    rig.run(16.5, beam=True)
    rig.end_beam(Outcome.INTERRUPTED, quality=Quality.DEGRADED, high_mgy=985.0)
    rig.host.query(resume=True, physicist=True, reason="r")
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.open and "the rest is 1.50 cGy" in clearance.refused


def test_an_interruption_within_tolerance_is_complete(rig: Rig) -> None:
    rig.deliver(17.6, Outcome.INTERRUPTED)
    assert rig.host.statement().opens == ()
    assert only(rig)["status"] == "COMPLETE"


def test_interval_between_fractions_of_one_lesion(rig: Rig) -> None:
    rig.deliver(17.9, Outcome.TERMINATED)
    rig.host.reset()
    rig.host.query(prescribed(fraction=2))
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and "at least 20" in clearance.refused
    rig.host.query(prescribed(fraction=2, lesion_id="L9"))
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.refused == ""
    rig.clock.go(21 * 3600)
    rig.host.query(prescribed(fraction=2))
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.refused == ""


def test_clock_set_back_is_refused(rig: Rig) -> None:
    rig.run(0.2)
    rig.clock.wall -= 3600.0
    rig.host.query()
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and "before the last record" in clearance.refused


def test_i3_each_contact_must_have_been_seen_open_within_a_day_unless_waived(tmp_path: Path) -> None:
    """In each channel by itself; what was seen survives the recorder, and is too old a day later. A warm-up does not ask."""
    rig = Rig(tmp_path, waived=False)
    rig.new_recorder()
    seen: list[str] = []
    for name in NEEDED:
        rig.host.query()
        rig.run(0.02)
        clearance = rig.host.statement().clearance
        assert clearance is not None
        missing = clearance.refused.partition("h: ")[2].partition(";")[0].split(", ")
        assert missing == [other for other in NEEDED if other not in seen]
        seen.append(name)
        rig.host.put(EntryType.EVENT, Event("", OPENED, "", "", name))
    rig.run(0.02)
    rig.drop_recorder()
    rig.new_recorder()
    for wait_s, refused in ((23 * 3600.0, False), (3601.0, True)):
        rig.clock.go(wait_s)
        rig.host.query()
        rig.run(0.02)
        clearance = rig.host.statement().clearance
        assert clearance is not None and ("not seen open within 24 h" in clearance.refused) is refused
    rig.host.query(warmup())
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.refused == ""
    rig.close()


def test_waiver_counts_only_where_simulated(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.recorder = Recorder(msgspec.structs.replace(rig.config, simulated=False))
    rig.host.query()
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and "daily check" in clearance.refused
    rig.host.confirm()
    rig.run(0.1)
    assert rig.host.take_token() == 0, "a simulated exposure got a token of real records"
    rig.close()


def test_warm_up_may_be_repeated_and_never_stays_open(rig: Rig) -> None:
    for _ in range(2):
        rig.host.query(warmup())
        rig.run(0.02)
        clearance = rig.host.statement().clearance
        assert clearance is not None and clearance.refused == "" and not clearance.open
        rig.deliver(2.0, Outcome.INTERRUPTED, warmup())
        assert rig.host.statement().opens == ()
        assert rig.host.statement().reset_due_token == rig.host.token
        rig.host.reset()
        rig.run(0.02)
    assert len(list_fractions(rig.config.database)) == 2


def test_void_leaves_no_fraction_open_and_its_number_free(rig: Rig) -> None:
    """READY expires: VOID; the next START of the same fraction and segment gets a higher token."""
    rig.host.confirm()
    rig.run(0.02)
    first = rig.host.take_token()
    rig.host.arm()
    rig.run(0.1)
    rig.host.terminal(Outcome.VOID)
    rig.run(0.02)
    assert rig.host.statement().opens == ()
    rig.deliver(17.9, Outcome.TERMINATED)
    assert rig.host.token > first
    row = only(rig)
    assert row["status"] == "COMPLETE" and [s["void"] for s in row["exposures"]] == [True, False]


def test_degraded_is_resumed_from_the_high_bound(rig: Rig) -> None:
    """The clearance tells what was delivered beside the bound that a resume must count from; a START that counts from less gets no token."""
    rig.to_beam()
    rig.run(6.0, beam=True)
    rig.end_beam(Outcome.INTERRUPTED, quality=Quality.DEGRADED, high_mgy=350.0)
    rig.host.query(resume=True)
    rig.run(0.02)
    clearance = rig.host.statement().clearance
    assert clearance is not None and clearance.high_mgy == 350.0 and clearance.quality is Quality.DEGRADED
    assert clearance.delivered_mgy == pytest.approx(336.0)
    rig.host.confirm(segment=2, resume=True, delivered_mgy=336.0, high_mgy=349.0)
    rig.run(0.1)
    assert rig.host.take_token() == 0, "a START that counts less than the high bound got a token"
    rig.host.confirm(segment=2, resume=True, delivered_mgy=336.0, high_mgy=350.0)
    rig.run(0.1)
    assert rig.host.take_token()


def test_latches_survive_and_clear(rig: Rig) -> None:
    latch = LatchSet("channels_agree", Trip.TRIP_FAULT, Clears.BY_PHYSICIST, "4 %", rig.clock.wall)
    rig.host.put(EntryType.LATCH_SET, latch)
    rig.run(0.02)
    assert rig.host.statement().latches == (latch,)
    rig.drop_recorder()
    rig.new_recorder()
    rig.run(0.04)
    assert rig.host.statement().latches == (latch,)
    rig.host.put(EntryType.LATCH_CLEARED, LatchCleared("channels_agree", "physicist", "x", "checked", rig.clock.wall))
    rig.run(0.02)
    assert rig.host.statement().latches == ()


def test_token_follows_the_unit(rig: Rig) -> None:
    """A unit that has seen higher tokens than these records gets a higher one still."""
    rig.unit.last_token = 5_000_000
    rig.host.confirm()
    rig.run(0.02)
    assert rig.host.take_token() == 5_000_001


def test_an_end_that_is_no_number_is_worked_out_anew(rig: Rig) -> None:
    rig.to_beam()
    rig.run(6.0, beam=True)
    rig.end_beam(Outcome.INTERRUPTED, delivered_mgy=float("nan"))
    row = only(rig)
    assert row["delivered_mgy"] == pytest.approx(R0 * 6.0, abs=2.0) and row["exposures"][0]["recovered"]


def test_unreadable_entry_is_kept_as_words_and_does_not_stop_the_records(rig: Rig) -> None:
    rig.host.ring.put(EntryType.START, b"\xc1 not msgpack", 1)
    rig.run(0.04)
    rig.drop_recorder()
    rig.new_recorder()
    rig.run(0.04)
    rig.deliver(17.9, Outcome.TERMINATED)
    assert only(rig)["status"] == "COMPLETE"


def test_second_recorder_is_refused(rig: Rig) -> None:
    with pytest.raises(RecorderError, match="another recorder"):
        Recorder(rig.config)
    rig.drop_recorder()
    rig.new_recorder()


def test_liveness_is_the_durable_sequence_number(rig: Rig) -> None:
    """With ticks of an idle machine thinned out, the acknowledgement still keeps within 120 ms of the ring."""
    rig.run(0.2)
    for _ in range(100):
        rig.run(0.1)
        ack = rig.host.ack()
        assert ack is not None and rig.host.ring.seq - ack.durable_seq <= 12
