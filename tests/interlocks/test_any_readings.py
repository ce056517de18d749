"""Whatever the readings say, judging never raises, and what is not a number or not there is never taken for true."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interlock_bench import (
    BEAMING,
    LIMITS,
    RULES,
    SENT_ARMED,
    SENT_ON,
    SENT_REST,
    SENT_SET_UP,
    T0,
    TERMS,
    TOKEN,
    FakeClock,
    FakeMachine,
    beaming,
    remembered,
    truth_of,
)

from hal.commands import Arm, Hold, Off, On, SetUp, Watch
from hal.readings import (
    GeneratorFlags,
    GeneratorIdentity,
    GeneratorMonitor,
    GeneratorSetPoints,
    Link,
    Readings,
    UnitActive,
    UnitIdentity,
    UnitSlow,
    UnitStatus,
)
from hal.units import Seconds
from interlocks.gate import Gate
from interlocks.judge import judge, shown
from interlocks.look import Memory
from interlocks.words import DoseFigures, House, Sent, Truth, Wanted

ANY_FLOAT = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e309, 5e-324, 69.5, 1.6, T0, T0 - 0.01, T0 + 0.01]),
)
ANY_INT = st.one_of(
    st.integers(0, (1 << 32) - 1), st.sampled_from([0, 1, 0xFF, 0xFFFF, 0x4444, 0x8787, 0x7878, 0xBBBB, TOKEN])
)


def any_of(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of this struct: every number may be anything that fits its type."""
    by_type = {
        "float": ANY_FLOAT,
        "int": ANY_INT,
        "bool": st.booleans(),
        "str": st.sampled_from(["", "odd"]),
        "bytes": st.binary(max_size=4),
        "bytes | None": st.none() | st.binary(max_size=4),
        "float | None": st.none() | ANY_FLOAT,
        "int | None": st.none() | ANY_INT,
        "tuple[str, ...]": st.sampled_from([(), ("arc",), ("interlock",)]),
        "DoseFigures": st.deferred(lambda: any_of(DoseFigures)),
    }
    return st.builds(
        kind, **{field.name: by_type[kind.__annotations__[field.name]] for field in msgspec.structs.fields(kind)}
    )


LINKS = any_of(Link)
ANY_READINGS = st.builds(
    Readings,
    now_s=ANY_FLOAT,
    unit_link=LINKS,
    generator_link=LINKS,
    unit=st.none() | any_of(UnitStatus),
    slow=st.none() | any_of(UnitSlow),
    unit_identity=st.none() | any_of(UnitIdentity),
    active=st.none() | any_of(UnitActive),
    generator_identity=st.none() | any_of(GeneratorIdentity),
    monitor=st.none() | any_of(GeneratorMonitor),
    flags=st.none() | any_of(GeneratorFlags),
    set_points=st.none() | any_of(GeneratorSetPoints),
    on_sent_at_s=st.none() | ANY_FLOAT,
    scan_true=st.booleans(),
)
ANY_HOUSE = any_of(House)
SENTS = st.sampled_from([Sent(), SENT_REST, SENT_SET_UP, SENT_ARMED, SENT_ON])
SLOWLY = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@SLOWLY
@given(st.lists(st.tuples(ANY_READINGS, ANY_HOUSE, SENTS), min_size=1, max_size=4))
def test_judging_never_raises_and_no_rule_breaks(steps: list[tuple[Readings, House, Sent]]) -> None:
    """Any readings, any house, one after another: a verdict of the table's length, no ERROR, lines to show, findings worst first."""
    memory = Memory()
    for tick, (readings, house, sent) in enumerate(steps):
        verdict, memory = judge(readings, house, sent, memory, RULES, tick)
        assert len(verdict.truths) == len(RULES.rows)
        assert Truth.ERROR not in verdict.truths, [f.words for f in verdict.findings if f.truth is Truth.ERROR]
        assert [f.trip for f in verdict.findings] == sorted(f.trip for f in verdict.findings)
        assert verdict.forbids_beam == any(
            row.while_beam for row in RULES.rows if row.id in {f.rule for f in verdict.findings}
        )
        assert len(shown(verdict, readings)) == len(RULES.rows)


WANTED = st.sampled_from(
    [
        Wanted(command, terms)
        for command in (Off(), Watch(), SetUp(TERMS.plan), Arm(TOKEN, TERMS.plan.staging_crc), Hold(TOKEN), On(TOKEN))
        for terms in (None, TERMS)
    ]
)


@SLOWLY
@given(st.lists(st.tuples(ANY_READINGS, ANY_HOUSE, WANTED, st.floats(0.0, 0.5)), min_size=1, max_size=5))
def test_the_gate_lets_no_beam_out_on_any_readings(steps: list[tuple[Readings, House, Wanted, float]]) -> None:
    """Random readings never add up to an ON or a renewal, nothing raises, and OFF always gets out."""
    machine, clock = FakeMachine(), FakeClock()
    gate = Gate(machine, LIMITS, clock, 0.01)
    for readings, house, wanted, step in steps:
        clock.now += step
        now = Seconds(clock.now)
        gate.ask(now)
        machine.says = readings
        _, verdict = gate.look(now, house)
        before = len(machine.offs)
        sent = gate.pass_on(wanted, verdict)
        if isinstance(wanted.command, Off) and before == 0:
            assert sent.command == "off" and machine.offs
    assert not any(isinstance(command, On) for command in machine.written)
    assert set(machine.renewals) == {None}


NAN_OF: dict[str, tuple[str, ...]] = {
    "monitor_kv": ("kv_high", "kv_low", "kv_steady", "beam_lost"),
    "monitor_ma": ("ma_high", "ma_low", "ma_steady"),
    "unit_asked_at_s": ("door", "emergency_stop", "unit_link", "lease_armed"),
    "monitor_asked_at_s": ("kv_high", "beam_lost", "generator_link"),
    "flags_asked_at_s": ("beam_lost", "generator_link", "generator_fault"),
    "slow_pressure_kpa": ("k_tp_drift", "air"),
    "slow_temperature_c": ("k_tp_drift", "air"),
}


@pytest.mark.parametrize("field", NAN_OF)
def test_a_reading_that_is_no_number_is_true_in_no_rule_that_stands_on_it(field: str) -> None:
    """NaN in beam: not TRUE and not unasked, in each of its rules, and beam is forbidden in time."""
    memory = remembered(beaming, SENT_ON, BEAMING)
    for n in range(30):
        verdict, memory = judge(beaming(T0 + 0.01 * n, **{field: math.nan}), BEAMING, SENT_ON, memory, RULES)
        for rule in NAN_OF[field]:
            assert truth_of(verdict, rule) in (Truth.FALSE, Truth.STALE), rule
    assert verdict.forbids_beam


NAN_IN_HOUSE = {
    "recorder_lag_s": ("recorder_fresh",),
    "desk_age_s": ("desk_lease",),
    "tick_gap_s": ("tick_gap",),
    "d1_mgy": ("dose_channels", "dose_model"),
    "d2_mgy": ("dose_channels",),
    "dm_mgy": ("dose_model",),
    "dt_mgy": ("dose_model",),
    "rate_1_mgy_per_s": ("dose_rate_high", "dose_rate_low"),
    "rate_2_mgy_per_s": ("dose_rate_high", "dose_rate_low"),
    "unit_beam_s": ("unit_timer",),
    "host_beam_s": ("unit_timer",),
}


@pytest.mark.parametrize("field", NAN_IN_HOUSE)
def test_a_figure_of_the_house_that_is_no_number_is_true_in_none_of_its_rules(field: str) -> None:
    """The same for what the program says of itself."""
    if field in DoseFigures.__struct_fields__:
        house = msgspec.structs.replace(BEAMING, dose=msgspec.structs.replace(BEAMING.dose, **{field: math.nan}))
    else:
        house = msgspec.structs.replace(BEAMING, **{field: math.nan})
    memory = remembered(beaming, SENT_ON, BEAMING)
    for n in range(10):
        verdict, memory = judge(beaming(T0 + 0.01 * n), house, SENT_ON, memory, RULES)
        for rule in NAN_IN_HOUSE[field]:
            assert truth_of(verdict, rule) is Truth.FALSE, rule
    assert verdict.forbids_beam


def test_a_time_that_is_no_number_makes_every_reading_stale() -> None:
    """now = NaN: no age can be told."""
    verdict, _ = judge(msgspec.structs.replace(beaming(), now_s=math.nan), BEAMING, SENT_ON, Memory(), RULES)
    assert verdict.forbids_beam
    assert truth_of(verdict, "unit_link") is Truth.STALE and truth_of(verdict, "generator_link") is Truth.STALE
    assert truth_of(verdict, "hv_uncommanded") in (Truth.STALE, Truth.NOT_ASKED)


def test_a_quiet_verdict_builds_nothing() -> None:
    """No findings, no pending rules, and the quiet answer is the same object's worth of truths every time."""
    memory = remembered(beaming, SENT_ON, BEAMING)
    verdict, memory = judge(beaming(), BEAMING, SENT_ON, memory, RULES)
    assert verdict.findings == () and verdict.blocks_start == () and memory.pending == {}


PARTS = {
    "unit": UnitStatus,
    "slow": UnitSlow,
    "monitor": GeneratorMonitor,
    "flags": GeneratorFlags,
    "set_points": GeneratorSetPoints,
}
FIELDS = [(part, field) for part, kind in PARTS.items() for field in kind.__struct_fields__]


@SLOWLY
@given(st.sampled_from(FIELDS), st.data())
def test_one_odd_field_in_a_sound_beam_never_raises(place: tuple[str, str], data: st.DataObject) -> None:
    """Any one field of any one reading at any value: judged without ERROR, for as long as a persistence lasts."""
    part, field = place
    kinds = {"float": ANY_FLOAT, "bool": st.booleans(), "tuple[str, ...]": st.just(("odd",))}
    value = data.draw(kinds.get(PARTS[part].__annotations__[field], ANY_INT))
    memory = remembered(beaming, SENT_ON, BEAMING)
    for n in range(3):
        r = beaming(T0 + 0.1 * n)
        r = msgspec.structs.replace(r, **{part: msgspec.structs.replace(getattr(r, part), **{field: value})})
        verdict, memory = judge(r, BEAMING, SENT_ON, memory, RULES)
        assert Truth.ERROR not in verdict.truths, [f.words for f in verdict.findings if f.truth is Truth.ERROR]
