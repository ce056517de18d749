"""The row that the loop leaves of each tick, which it hands over by place: every field is that of its name.
Where the bytes lie is tests/records/test_ring.py's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from refusal_bench import MakeRig

from controller.loop import COMMANDS, Tick
from controller.ring import TickRow
from controller.states import State
from interlocks.words import Truth
from verification.reach import to_beam, turn_until

NOT_TRUE = (Truth.FALSE, Truth.STALE, Truth.ERROR)
NOT_IN_THE_TICK = {"lateness_us", "late", "token", "not_true"}
"""Of the pace, the dossier and the rules; asked beside."""


def _row_of(tick: Tick) -> dict[str, Any]:
    unit, monitor = tick.readings.unit, tick.readings.monitor
    assert unit is not None and monitor is not None
    return {
        "state": list(State).index(tick.stage.state),
        "event": int(tick.decided.event),
        "command": COMMANDS.index(tick.sent.command) if tick.sent.command else 0,
        "unit_state": unit.state,
        "unit_age_ms": 1e3 * (tick.readings.now_s - unit.asked_at_s),
        "generator_age_ms": 1e3 * (tick.readings.now_s - monitor.asked_at_s),
        **{name: getattr(monitor, name) for name in ("kv", "ma")},
        **{name: getattr(tick.dose, name) for name in ("d1_mgy", "d2_mgy", "dm_mgy", "delivered_mgy")},
        **{
            name: getattr(unit, name)
            for name in ("beam_ms", "counts_1", "counts_2", "first_cause", "contacts_a", "contacts_b", "relays")
        },
    }


def test_each_field_of_a_ticks_row_is_the_one_of_its_name(make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the beam over a door contact that breaks in one channel to the end; fields alike by nature are seen apart, so none can stand for another."""
    rig = make_rig()
    to_beam(rig)
    assert rig.loop is not None
    loop, ring = rig.loop, rig.loop.ledger.ring
    put, rows, ticks = ring.put_tick, [], []

    def seen(mono_ns: int, *fields: Any) -> int:
        rows.append(TickRow(*fields[: len(TickRow.__struct_fields__)]))
        assert rows[-1].late == loop.pace.late and rows[-1].lateness_us == loop.pace.late_us
        assert rows[-1].token == loop.dossier.case.token
        return put(mono_ns, *fields)

    monkeypatch.setattr(ring, "put_tick", seen)
    rig.tick_hooks.append(ticks.append)
    rig.wait(0.5)
    rig.fault("contact-channel-disagrees")
    turn_until(rig, State.FAULT)
    assert len(rows) == len(ticks) > 50
    for row, tick in zip(rows, ticks, strict=True):
        plain = msgspec.structs.asdict(row)
        assert {name: plain[name] for name in plain if name not in NOT_IN_THE_TICK} == pytest.approx(_row_of(tick))
        assert (row.not_true > 0) == any(truth in NOT_TRUE for truth in tick.verdict.truths)
    for one, other in (
        ("contacts_a", "contacts_b"),
        ("counts_1", "counts_2"),
        ("d1_mgy", "d2_mgy"),
        ("d1_mgy", "dm_mgy"),
    ):
        assert any(getattr(row, one) != getattr(row, other) for row in rows), f"{one} and {other} were never apart"
