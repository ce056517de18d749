"""The monitor at its bounds, one look after a given memory: what is just allowed is silent, what is just beyond it is named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
from interlock_bench import HV, OPEN, RULES, SENT_REST, SENT_SET_UP, T0, TERMS, TOKEN, armed, beaming, readings
from test_monitor import ARMED, BEAM, HOLD, IN_BEAM, OFF, ON, SOUND, TOLD, apart, of, play, told

from hal.readings import Purpose, Readings, UnitState
from interlocks.monitor import Watched, watch
from interlocks.words import House, Sent

UNIT_S, SLOW_S, MONITOR_S, FLAGS_S = BOUNDS = (0.05, 2.5, 0.09, 0.13)
"""How old each reading may be: four numbers that are not the same."""
INF = math.inf


class Looked(NamedTuple):
    """A memory with changes, one look, what was sent before it, and the law that is named (empty: none)."""

    what: str
    law: str
    sent: Sent = BEAM
    before: dict[str, Any] = {}  # noqa: RUF012
    now_s: float = T0 + 0.21
    changes: dict[str, Any] = {}  # noqa: RUF012
    read: Callable[..., Readings] = beaming
    house: House = TOLD
    after: int = IN_BEAM
    forbade: bool = False
    blocked: bool = False

    def watched(self) -> Watched:
        before = msgspec.structs.replace(play(SOUND[: self.after]), **self.before)
        given = self.read(self.now_s, **self.changes)
        return watch(before, given, self.house, self.sent, self.forbade, self.blocked, BOUNDS, RULES.full_scale_kv)


CALIBRATING = of(BEAM, terms=msgspec.structs.replace(TERMS, purpose=Purpose.CALIBRATE))
AFTER_OFF = of(OFF, off_at_s=0.0)
HELD = {"command": "off", "unit_state": int(UnitState.RUN), "unit_token": TOKEN, "lease_left_ms": 150}
RISEN = {"unit_asked_at_s": 0.05, "unit_lease_left_ms": 154}
REST, ARMING, PRESSED = 2, 3, 6
"""Places in the sound sequence: the next look is at rest, sees ARM, sees ON."""

LOOKS = [
    Looked("apart for 0.3 s", "", house=apart(0.0, 20.0), before={"apart_since_s": 0.0}, now_s=0.3),
    Looked("apart for longer", "19", house=apart(0.0, 20.0), before={"apart_since_s": 0.0}, now_s=0.31),
    Looked("a calibration, apart by less than a third", "", CALIBRATING, {"apart_since_s": 0.0}, 0.31, house=apart(100.0, 140.0)),
    Looked("a calibration, apart by more", "19", CALIBRATING, {"apart_since_s": 0.0}, 0.31, house=apart(100.0, 150.0)),
    Looked("a treatment, apart by less than a third", "19", before={"apart_since_s": 0.0}, now_s=0.31, house=apart(100.0, 140.0)),
    Looked("over for 0.3 s", "", changes={"unit_beam_ms": 170_000}, before={"over_since_s": 0.0}, now_s=0.3),
    Looked("over for longer", "18", changes={"unit_beam_ms": 170_000}, before={"over_since_s": 0.0}, now_s=0.31),
    Looked("no terms, so no limit", "18", of(BEAM, terms=None), {"over_since_s": 0.0}, 0.31, {"unit_beam_ms": 101}, house=told(confirmed=None)),
    Looked("no terms, at the least bound", "", of(BEAM, terms=None), {"over_since_s": 0.0}, 0.31, {"unit_beam_ms": 100}, house=told(confirmed=None)),
    Looked("no status, so no time", "", changes={"unit": None}, before={"over_since_s": 0.0}, now_s=0.31),
    Looked("lit for 0.3 s", "", SENT_REST, {"lit_since_s": 0.0}, 0.3, after=REST),
    Looked("lit for longer", "20", SENT_REST, {"lit_since_s": 0.0}, 0.31, after=REST),
    Looked("lit, and OFF is sent", "", OFF, {"lit_since_s": 0.0}, 0.31, after=REST),
    Looked("a status at its age", "", before={"unit_age_s": UNIT_S + 0.001}),
    Looked("a status too old", "7", before={"unit_age_s": UNIT_S + 0.00101}),
    Looked("kV at its age", "", before={"monitor_age_s": MONITOR_S + 0.001}),
    Looked("kV too old", "7", before={"monitor_age_s": MONITOR_S + 0.00101}),
    Looked("flags at their age", "", before={"flags_age_s": FLAGS_S + 0.001}),
    Looked("flags too old", "7", before={"flags_age_s": FLAGS_S + 0.00101}),
    Looked("an ON of this tick is not held on yet", "", ON, {"unit_age_s": 9.0, "command": "hold", "on_at_s": None, "last_on": 0}),
    Looked("no HOLD, so nothing is held", "", of(BEAM, command="watch"), {"unit_age_s": 9.0}),
    Looked("HOLD over a verdict that blocks a start only", "", blocked=True),
    Looked("ARM over a verdict that forbids", "4", ARMED, after=ARMING, read=armed, forbade=True),
    Looked("ARM over a verdict that blocks a start", "4", ARMED, after=ARMING, read=armed, blocked=True),
    Looked("ARM again over it", "", ARMED, {"command": "arm"}, after=ARMING, read=armed, blocked=True),
    Looked("nothing was seen before", "", ARMED, {"command": ""}, after=ARMING, read=armed, blocked=True),
    Looked("OFF over a verdict that forbids", "", OFF, forbade=True, blocked=True),
    *(
        Looked(f"{command} with {what} out", "REST", of(SENT_SET_UP, command=command, token=TOKEN, **{f"{what}_at_s": 1.0}), before={f"{what}_at_s": 1.0})
        for command in ("set_up", "reset", "unlatch", "test", "clear_faults")
        for what in ("armed", "on")
    ),
    *(
        Looked(f"{command} with nothing out", "", of(SENT_SET_UP, command=command), after=REST, read=readings)
        for command in ("set_up", "reset", "unlatch", "test", "clear_faults")
    ),
    Looked("a higher token armed", "", of(ARMED, armed_at_s=1.0), {"last_armed": TOKEN - 1}, read=armed),
    Looked("the same token armed once more", "6", of(ARMED, armed_at_s=1.0), {"last_armed": TOKEN}, read=armed),
    Looked("the same token, armed as before", "", of(HOLD, armed_at_s=1.0), {"armed_at_s": 1.0, "last_armed": TOKEN, "on_at_s": None}),
    Looked("HOLD after ON", "", before={"command": "on"}),
    Looked("HOLD after ARM", "", HOLD, {"command": "arm"}, after=ARMING, read=armed, house=told(token_acked=None)),
    Looked("HOLD after WATCH", "1", before={"command": "watch"}),
    Looked("ON for a higher token", "", ON, {"last_on": TOKEN - 1}, after=PRESSED),
    Looked("ON for the same token", "6", ON, {"last_on": TOKEN}, after=PRESSED),
    Looked("ON after ARM", "1", ON, {"command": "arm"}, after=PRESSED),
    Looked("ON with no terms", "1", of(ON, terms=None), after=PRESSED, house=told(confirmed=None)),
    *(
        Looked(f"ON with {name} {value}", "1", of(ON, terms=msgspec.structs.replace(TERMS, **{name: value})), after=PRESSED)
        for name in ("set_time_s", "timer_limit_s")
        for value in (0.0, INF, math.nan)
    ),
    Looked("ON with short times", "", of(ON, terms=msgspec.structs.replace(TERMS, set_time_s=0.5, timer_limit_s=0.5)), after=PRESSED),
    Looked("the records' token is not told", "", house=told(token_acked=None)),
    Looked("the records' token is another", "TOKEN", house=told(token_acked=1)),
    Looked("what was confirmed is not told", "", of(BEAM, terms=None), house=told(confirmed=None)),
    Looked("what was confirmed, and no terms", "2", of(BEAM, terms=None), house=told(confirmed=TERMS.digest)),
    Looked("another token, and OFF", "", OFF, house=told(token_acked=1, confirmed=b"x")),
    Looked("ARM of another token", "TOKEN", ARMED, after=ARMING, read=armed, house=told(token_acked=1)),
    Looked("records put are not told", "", house=told(records_put=None, records_durable=0)),
    Looked("durable records are not told", "", house=told(records_put=0, records_durable=None)),
    Looked("as many records as before", "", house=told(records_put=100, records_durable=90)),
    Looked("as much beam time as before", "", before={"beam_s": 9.0}),
    Looked("a little less", "17", before={"beam_s": 9.001}),
    Looked("less, after another ON", "", ON, {"beam_s": 9.1, "last_on": 0}, after=PRESSED),
    Looked("less, and no ON is out", "", HOLD, {"beam_s": 9.1, "on_at_s": None}),
    Looked("a lease that rose by 4 ms", "LEASE", AFTER_OFF, HELD, 0.06, RISEN),
    Looked("by 3 ms", "", AFTER_OFF, HELD, 0.06, RISEN | {"unit_lease_left_ms": 153}),
    Looked("read just after OFF", "", AFTER_OFF, HELD, 0.06, RISEN | {"unit_asked_at_s": 0.049}),
    Looked("read just after a later OFF", "", of(OFF, off_at_s=1.0), HELD, 1.05, RISEN | {"unit_asked_at_s": 1.04}),
    Looked("at the first OFF", "", AFTER_OFF, HELD | {"command": "hold"}, 0.06, RISEN),
    Looked("and no OFF ended a permission", "", of(OFF, off_at_s=None), HELD, 0.06, RISEN),
    Looked("and WATCH since", "", of(OFF, command="watch", off_at_s=0.0), HELD, 0.06, RISEN | {"unit_relays": OPEN, "monitor_kv": 0.0}),
    Looked("without a status", "", AFTER_OFF, HELD, 0.06, {"unit": None}),
    Looked("in ARMED now", "LEASE", AFTER_OFF, HELD, 0.06, RISEN | {"unit_state": int(UnitState.ARMED)}),
    Looked("in ARMED before", "LEASE", AFTER_OFF, HELD | {"unit_state": int(UnitState.ARMED)}, 0.06, RISEN),
    Looked("idle now", "", AFTER_OFF, HELD, 0.06, RISEN | {"unit_state": int(UnitState.IDLE)}),
    Looked("idle before", "", AFTER_OFF, HELD | {"unit_state": int(UnitState.IDLE)}, 0.06, RISEN),
    Looked("of another token", "", AFTER_OFF, HELD | {"unit_token": TOKEN - 1}, 0.06, RISEN),
]  # fmt: skip


@pytest.mark.parametrize("looked", LOOKS, ids=lambda looked: looked.what)
def test_what_is_just_allowed_and_what_is_not(looked: Looked) -> None:
    """The law that is named, or none."""
    assert looked.watched().broken.split(":")[0] == looked.law


@pytest.mark.parametrize(
    ("d1_mgy", "d2_mgy", "is_apart"),
    [(0.0, 11.0, False), (0.0, 11.01, True), (11.01, 0.0, True), (1000.0, 967.0, False), (967.0, 1000.0, False), (1000.0, 966.0, True), (966.0, 1000.0, True)],
)  # fmt: skip
def test_channels_are_apart_beyond_3_3_percent_or_11_mgy(d1_mgy: float, d2_mgy: float, is_apart: bool) -> None:
    """Of the larger dose, whichever it is; since the look in which they were first seen apart."""
    looked = Looked("", "", house=apart(d1_mgy, d2_mgy))
    assert looked.watched().apart_since_s == (looked.now_s if is_apart else INF)


@pytest.mark.parametrize(
    ("limit_s", "beam_ms", "is_over"),
    [(160.0, 161_600, False), (160.0, 161_700, True), (5.0, 5_095, False), (5.0, 5_105, True)],
)
def test_beam_is_over_its_time_beyond_1_percent_or_a_tenth_of_a_second(
    limit_s: float, beam_ms: int, is_over: bool
) -> None:
    """Above the timer's limit, since the look in which it was first seen over."""
    sent = of(BEAM, terms=msgspec.structs.replace(TERMS, timer_limit_s=limit_s))
    looked = Looked("", "", sent, changes={"unit_beam_ms": beam_ms})
    assert looked.watched().over_since_s == (looked.now_s if is_over else INF)


DARK = {"unit_relays": OPEN, "monitor_kv": 0.0}


@pytest.mark.parametrize(
    ("now_s", "changes", "is_lit"),
    [
        (1.0, DARK, False),
        (1.0, DARK | {"monitor_kv": 10.0}, False),
        (1.0, DARK | {"monitor_kv": 10.5}, True),
        (1.0, DARK | {"unit_relays": OPEN | HV}, True),
        (UNIT_S, DARK | {"unit_relays": OPEN | HV, "unit_asked_at_s": 0.0}, True),
        (UNIT_S, DARK | {"unit_relays": OPEN | HV, "unit_asked_at_s": -0.001}, False),
        (MONITOR_S, DARK | {"monitor_kv": 30.0, "monitor_asked_at_s": 0.0}, True),
        (MONITOR_S, DARK | {"monitor_kv": 30.0, "monitor_asked_at_s": -0.001}, False),
        (1.0, {"unit": None, "monitor": None}, False),
        (1.0, {"unit": None, "monitor_kv": 30.0}, True),
        (1.0, {"unit_relays": OPEN | HV, "monitor": None}, True),
    ],
)
def test_high_voltage_is_seen_by_the_unit_or_by_kv_in_a_young_reading(
    now_s: float, changes: dict[str, Any], is_lit: bool
) -> None:
    """By either, and by none that is old; with ON out, or with OFF sent, nothing is lit by mistake."""
    looked = Looked("", "", SENT_REST, {}, now_s, changes, readings, after=REST)
    assert looked.watched().lit_since_s == (now_s if is_lit else INF)
    assert Looked("", "", BEAM, {}, now_s, changes, readings).watched().lit_since_s == INF
    assert Looked("", "", OFF, {}, now_s, changes, readings, after=REST).watched().lit_since_s == INF


def test_the_memory_is_what_was_read_and_sent() -> None:
    """Each field after a look in beam, and after one in which nothing was read."""
    seen = Looked("", "", house=told(records_put=120, records_durable=110)).watched()
    assert (seen.command, seen.armed_at_s, seen.on_at_s) == ("hold", T0 + 0.03, T0 + 0.06)
    assert (seen.last_armed, seen.last_on, seen.unit_token, seen.lease_left_ms) == (TOKEN, TOKEN, TOKEN, 190)
    assert (seen.unit_age_s, seen.monitor_age_s, seen.flags_age_s) == pytest.approx((0.002, 0.02, 0.01))
    assert (seen.unit_state, seen.beam_s, seen.put, seen.durable) == (int(UnitState.RUN), 9.0, 120, 110)
    assert seen.unit_asked_s == pytest.approx(T0 + 0.208)
    nothing = Looked("", "", OFF, {}, T0 + 0.21, {"unit": None, "monitor": None, "flags": None}).watched()
    assert (nothing.unit_age_s, nothing.monitor_age_s, nothing.flags_age_s) == (INF, INF, INF)
    assert (nothing.unit_state, nothing.unit_token, nothing.lease_left_ms, nothing.unit_asked_s) == (0, 0, 0, -INF)
    bare = Looked("", "", OFF, house=told(records_put=None, records_durable=None)).watched()
    assert (bare.put, bare.durable, bare.last_armed, bare.last_on) == (0, 0, TOKEN, TOKEN)
    assert Looked("", "", of(BEAM, token=None), house=told(token_acked=None)).watched().last_on == TOKEN
    higher = Looked("", "", of(BEAM, token=TOKEN + 2), house=told(token_acked=None)).watched()
    assert (higher.last_armed, higher.last_on) == (TOKEN + 2, TOKEN + 2)
    none = {"last_armed": 0, "last_on": 0}
    nobody = Looked("", "", of(BEAM, token=None), none, house=told(token_acked=None)).watched()
    assert (nobody.last_armed, nobody.last_on) == (0, 0)
    assert Looked("", "", of(BEAM, armed_at_s=None, token=TOKEN + 2), house=TOLD).watched().last_armed == TOKEN
    reset = Looked("", "", of(SENT_SET_UP, command="reset", armed_at_s=1.0), {"armed_at_s": 1.0}).watched()
    assert reset.broken == "REST: reset was let out while token 0 was armed"
    assert Looked("", "", of(BEAM, command="watch"), house=apart(0.0, 20.0)).watched().apart_since_s == INF
    on = Looked("", "", ON, {"last_on": 0}, after=PRESSED, house=apart(0.0, 20.0))
    assert on.watched().apart_since_s == on.now_s
    nothing = ("", None, None, 0, 0, INF, INF, INF, 0, 0, 0, -INF, 0.0, 0, 0, INF, INF, INF, "")
    assert msgspec.structs.astuple(Watched()) == nothing
