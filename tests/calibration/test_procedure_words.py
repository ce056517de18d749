"""What a step can ask for beyond one reading: the record's own, several of one exposure, answers, a rest, no beam, a judgement that warns, a step back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration.procedures.engine import after
from calibration.procedures.judgements import JUDGEMENTS
from calibration.procedures.session import (
    ACCEPT,
    AnyEvent,
    Back,
    Confirmed,
    Connected,
    Effects,
    Expose,
    Exposed,
    Figure,
    MeterOrder,
    Phase,
    Reading,
    Recorded,
    Reject,
    Session,
    Verdict,
)
from calibration.procedures.step import Accept, Exposure, Grammar, Procedure, Source, Step, Wanted
from tests.calibration.measured_bench import AT

pytestmark = pytest.mark.timeout(60)
WIDE = Grammar(0.0, 200.0)
EXPOSES = Exposure(70.0, 1.0, "F2", "A20", 10.0, 2, 40.0)
KVP, RECORD = Wanted("M", "kV", WIDE, "typed"), Wanted("kv", "kV", WIDE, "record")


def step(name: str, **changes: Any) -> Step:
    return replace(Step(name, "why", "connect", EXPOSES, (), (KVP, RECORD), Accept(), ""), **changes)


def session(*steps: Step) -> Session:
    return Session("S", Procedure("P", "service", (("M", "S-M"),), steps))


def taken(now: Session, *events: AnyEvent) -> Session:
    for event in events:
        now, effects = after(now, event)
        assert not effects.refused, effects
    return now


def refused(now: Session, event: AnyEvent) -> str:
    same, effects = after(now, event)
    assert same is now and effects.do is None
    return effects.refused


def exposed(
    now: Session, kv: float | None = 69.9, seconds: float = 10.0, later_s: float = 0.0
) -> tuple[Session, Effects]:
    """Confirmed and answered."""
    assert now.step is not None
    at = AT + timedelta(seconds=later_s)
    token = now.next_token
    now = taken(now, Confirmed(now.step.id, at, token))
    return after(now, Exposed(now.step.id if now.step else "", at, token, seconds, "complete", Recorded(kv=kv)))


def read(name: str, token: str, text: str = "70.1 kV") -> Reading:
    return Reading(name, AT, token, text, "M", "S-M", 22.0, 101.0, 600.0)


def test_the_record_gives_its_reading_and_the_person_the_other() -> None:
    now = taken(session(step("a")), Connected("a", AT))
    now, effects = exposed(now)
    assert (
        effects.do is None and now.phase is Phase.READ and now.values("a", "kv") == (69.9,) and now.sets(step("a")) == 0
    )
    assert "serves one reading" in refused(now, read("a", ""))
    now = taken(now, read("a", "S-1"))
    assert now.values("a") == (70.1,) and now.sets(step("a")) == 1 and now.phase is Phase.READY
    assert "no reading is due" in refused(now, read("a", "S-1"))


def test_a2_what_the_record_does_not_hold_spoils_the_exposure() -> None:
    now = taken(session(step("a")), Connected("a", AT))
    for kv, words in ((None, "holds no kv"), (300.0, "not within")):
        now, effects = exposed(now, kv)
        assert effects.do is None and words in now.shots[-1].spoiled and not now.held and now.phase is Phase.READY


def test_a2_rejecting_one_reading_rejects_the_whole_exposure() -> None:
    now = taken(session(step("a")), Connected("a", AT))
    now, _ = exposed(now)
    half = taken(now, Reject("a", AT, 0, "knocked"))
    assert not half.kept("a") and half.shots[-1].spoiled == "knocked" and half.phase is Phase.READY
    whole = taken(taken(now, read("a", "S-1")), Reject("a", AT, 1, "knocked"))
    assert not whole.kept("a") and [one.rejected for one in whole.held] == ["knocked"] * 2


def test_readings_of_the_record_only_need_no_person_and_a_wire_is_ordered_in_its_turn() -> None:
    now = taken(session(step("a", reading=(RECORD,))), Connected("a", AT))
    for _ in range(2):
        now, effects = exposed(now)
        assert effects.do is None
    assert now.phase is Phase.JUDGE
    both = step("a", reading=(KVP, replace(KVP, instrument="W", source="wire")))
    now = taken(Session("S", Procedure("P", "service", (("M", "S-M"), ("W", "S-W")), (both,))), Connected("a", AT))
    now, effects = exposed(now)
    assert effects.do is None
    now, effects = after(now, read("a", "S-1"))
    assert effects.do == MeterOrder("W", "kV")


def test_nothing_moved_is_connected_still_until_the_session_is_left() -> None:
    one = step("a", reading=(RECORD,), exposes=replace(EXPOSES, n=1))
    now = taken(session(one, replace(one, id="b", connect="")), Connected("a", AT))
    now, _ = exposed(now)
    now = taken(now, Confirmed("a", AT, ACCEPT))
    assert now.phase is Phase.READY and now.connect == "connect"
    assert replace(now, connected=False).phase is Phase.CONNECT


def test_an_answer_is_yes_or_no() -> None:
    told = Step("a", "why", "look", None, (), (Wanted("lamp", "", WIDE, "told"),), Accept(), "")
    now = taken(session(told), Connected("a", AT), Confirmed("a", AT, ""))
    answer = Reading("a", AT, "", "yes", "lamp", "", 22.0, 101.0, 0.0)
    assert "yes or no" in refused(now, msgspec.structs.replace(answer, text="ja"))
    assert taken(now, answer).values("a") == (1.0,)


def test_g21_the_tube_rests_between_exposures_of_a_session() -> None:
    rests = step("a", reading=(RECORD,), exposes=replace(EXPOSES, rest_s=60.0))
    now = taken(session(rests), Connected("a", AT))
    now, _ = exposed(now)
    assert now.rests_until == AT + timedelta(seconds=60)
    assert "rests until 12:01:00" in refused(now, Confirmed("a", AT + timedelta(seconds=59), "S-2"))
    now, _ = exposed(now, later_s=60.0)
    assert now.phase is Phase.JUDGE


def test_without_beam_there_is_no_charge_and_still_an_end() -> None:
    cold = step("a", reading=(RECORD,), exposes=Exposure(70.0, 0.0, "F2", "A20", 10.0, 2, 0.0, "cold"))
    now = taken(session(cold), Connected("a", AT))
    asked = after(now, Confirmed("a", AT, "S-1"))[1].do
    assert isinstance(asked, Expose) and (asked.how, asked.ma, asked.mas_cap) == ("cold", 0.0, 0.0)
    for _ in range(8):
        now, _ = exposed(now, seconds=3.0)
    assert "8 exposures were made" in refused(now, Confirmed("a", AT, now.next_token))
    for how, kv, ma in (("cold", 70.0, 1.0), ("dark", 70.0, 0.0), ("beam", 70.0, 0.0), ("dark", 0.0, -1.0)):
        with pytest.raises(ValueError, match="state them so"):
            Exposure(kv, ma, "F2", "A20", 10.0, 2, 40.0, how)  # type: ignore[arg-type]


def test_a_judgement_refuses_warns_and_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def judgement(now: Session, of: Step) -> Verdict:
        (value,) = now.values(of.id)
        if value > 90.0:
            raise ValueError("far too high; mend it")
        return Verdict(
            "", ("a little high",) if value > dict(of.accept.numbers)["warn"] else (), (Figure("kv", value, "kV"),)
        )

    monkeypatch.setitem(JUDGEMENTS, "high", judgement)  # type: ignore[arg-type]
    one = step(
        "a",
        reading=(RECORD,),
        exposes=replace(EXPOSES, n=1),
        accept=Accept(judgement="high", numbers=(("warn", 80.0),)),
    )
    start = taken(session(one), Connected("a", AT))
    for kv, why, words in (
        (95.0, "", "far too high"),
        (85.0, " ", "a little high; accept it with the reason"),
        (85.0, "known", ""),
        (70.0, "", ""),
    ):
        now, _ = exposed(start, kv)
        now, effects = after(now, Confirmed("a", AT, ACCEPT, why))
        assert words in effects.refused and bool(words) == bool(effects.refused)
        if not words:
            (passed,) = now.passed
            assert now.phase is Phase.DONE and passed.why == why and passed.verdict.figures == (Figure("kv", kv, "kV"),)
    unknown = replace(one, accept=Accept(judgement="none"))
    now, _ = exposed(taken(session(unknown), Connected("a", AT)))
    assert "no judgement is called none" in refused(now, Confirmed("a", AT, ACCEPT))


def test_back_is_where_a_step_names_it_and_takes_all_anew() -> None:
    one = step("a", reading=(RECORD,), exposes=replace(EXPOSES, n=1))
    now = taken(session(one, replace(one, id="b", accept=Accept(back="a"))), Connected("a", AT))
    assert "goes back to no other" in refused(now, Back("a", AT, "arcs"))
    now, _ = exposed(now)
    now = taken(now, Confirmed("a", AT, ACCEPT), Connected("b", AT))
    now, _ = exposed(now)
    assert "has a reason" in refused(now, Back("b", AT, " "))
    now = taken(now, Back("b", AT, "arcs"))
    assert now.place == 0 and not now.passed and {one.rejected for one in now.held} == {"arcs"} and len(now.shots) == 2
    with pytest.raises(ValueError, match="no step before it"):
        session(replace(one, accept=Accept(back="b")))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ((KVP, KVP), "two readings of one instrument"),
        ((replace(RECORD, unit="mA"),), "no exposure's record holds"),
        ((replace(RECORD, instrument="colour"),), "no exposure's record holds"),
    ],
)
def test_a4_a_step_that_cannot_be_read_is_no_step(wanted: tuple[Wanted, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        step("a", reading=wanted)


def test_a13_a_source_that_needs_an_instrument_needs_its_serial() -> None:
    sources: tuple[Source, ...] = ("wire", "typed")
    for source in sources:
        with pytest.raises(ValueError, match="serial number is not stated"):
            session(step("a", reading=(replace(KVP, instrument="X", source=source),)))


LADDER = Procedure(
    "L", "service", (("M", "S-M"),),
    (
        step("a", exposes=Exposure(50.0, 1.0, "F2", "A20", 10.0, 1, 40.0)),
        step("dark", connect="", exposes=Exposure(0.0, 0.0, "F2", "A20", 10.0, 1, 0.0, "dark"), reading=(Wanted("counts_1", "counts", WIDE, "record"),)),
        step("b", exposes=Exposure(60.0, 1.0, "F2", "A20", 10.0, 2, 60.0, "beam", 30.0), accept=Accept(back="a")),
    ),
)  # fmt: skip
IDS, WHEN = st.sampled_from(["a", "dark", "b"]), st.integers(0, 600).map(lambda s: AT + timedelta(seconds=s))
ANYTHING = st.one_of(
    st.builds(Connected, IDS, WHEN),
    st.builds(Confirmed, IDS, WHEN, st.sampled_from(["", ACCEPT, "S-1", "S-2", "S-3", "S-4"]), st.sampled_from(["", "known"])),
    st.builds(Exposed, IDS, WHEN, st.sampled_from(["S-1", "S-2", "S-3"]), st.sampled_from([10.0, 3.0]), st.sampled_from(["complete", "K1"]),
              st.sampled_from([Recorded(kv=60.0, counts_1=5.0), Recorded()])),
    st.builds(Reading, IDS, WHEN, st.sampled_from(["", "S-1", "S-2"]), st.just("60.1 kV"), st.just("M"), st.just("S-M"), st.just(22.0),
              st.just(101.0), st.just(1.0)),
    st.builds(Reject, IDS, WHEN, st.sampled_from([None, 0, 1, 2]), st.just("why")),
    st.builds(Back, IDS, WHEN, st.sampled_from(["", "arcs"])),
)  # fmt: skip


def next_of(now: Session, later: timedelta) -> AnyEvent:
    """What a careful person and a sound desk give next."""
    assert now.step is not None
    at = (now.last_at or AT) + later
    match now.phase:
        case Phase.CONNECT:
            return Connected(now.step.id, at)
        case Phase.READY:
            return Confirmed(now.step.id, at, now.next_token)
        case Phase.EXPOSING:
            assert now.shot is not None
            return Exposed(now.step.id, at, now.shot.token, 10.0, "complete", Recorded(kv=60.0, counts_1=5.0))
        case Phase.READ:
            assert now.shot is not None
            return Reading(now.step.id, at, now.shot.token, "60.1 kV", "M", "S-M", 22.0, 101.0, 1.0)
        case _:
            return Confirmed(now.step.id, at, ACCEPT)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.just(10), st.just(40), ANYTHING), max_size=50))
def test_any_events_at_a_ladder_keep_rests_charges_and_whole_exposures(choices: list[int | AnyEvent]) -> None:
    """A number stands for the event that is due, so many seconds after the last."""
    now, taken = Session("S", LADDER), list[AnyEvent]()
    for choice in choices:
        if now.step is None:
            break
        event = next_of(now, timedelta(seconds=choice)) if isinstance(choice, int) else choice
        before, (now, effects) = now, after(now, event)
        if effects.refused:
            assert now is before
            continue
        taken.append(event)
        if isinstance(effects.do, Expose):
            ended = [one.ended_at for one in before.shots if one.ended_at]
            rest_s = before.step.exposes.rest_s if before.step and before.step.exposes else 0.0
            assert all((event.at - one).total_seconds() >= rest_s for one in ended)
        assert now.place <= before.place or (isinstance(event, Confirmed) and event.token == ACCEPT)
        assert now.place >= before.place or isinstance(event, Back)
        assert sum(one.open for one in now.shots) <= 1 and len(now.held) >= len(before.held)
        assert all(one.open or one.ended_at is not None for one in now.shots)
        for one in LADDER.steps:
            assert one.exposes is not None
            asked = [shot for shot in now.shots if shot.step == one.id]
            assert one.exposes.mas * len(asked) <= one.exposes.mas_cap + 1e-9 or one.exposes.how != "beam"
            kept = {(held.event.token, held.instrument) for held in now.kept(one.id)}
            assert len(kept) == len(now.kept(one.id))
            whole = {shot.token for shot in asked if shot.read and not shot.spoiled}
            assert {token for token, _ in kept} <= whole | {shot.token for shot in asked if shot.unread}
    again = Session("S", LADDER)
    for event in taken:
        again, _ = after(again, event)
    assert again == now


def test_an_exposure_that_the_desk_refused_takes_nothing_of_the_steps_charge() -> None:
    """The hour's charge is used up, or a contact is open: whoever asks again later finds the step's own charge as it was. What may have had beam counts."""
    for timer_s, used in ((0.0, 0.0), (0.02, 40.0)):
        now = taken(session(step("a")), Connected("a", AT))
        for _ in range(4):
            token = now.next_token
            now = taken(
                now,
                Confirmed("a", AT, token),
                Exposed("a", AT, token, timer_s, "not exposed: mas_hour = 3028.8 is above 3000"),
            )
        assert now.used_mas(step("a")) == used
        asked = Confirmed("a", AT, now.next_token)
        if used:
            assert "40 mAs are used in step a" in refused(now, asked)
        else:
            assert isinstance(after(now, asked)[1].do, Expose)
