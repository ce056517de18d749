"""What must hold while high voltage is on, and of how it ends: where it may be, how fast it goes, on what readings and by whose lease.
Each judge gives the times and words of what is broken in one story; ids and names are in verification/invariants.py."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from hal.readings import Contact
from verification.story import (
    BEAMING,
    CONTACTOR_S,
    FALL_S,
    HV_KV,
    IN_BEAM,
    PERMITTING,
    STAYS_ON,
    T2D_MOST_S,
    Found,
    Story,
    lit,
)
from verification.times import T1_S
from verification.trace import NOT_RUNNING, Row

SETTLE_S: Final = 1.5
BLEEDER_S: Final = 30.0
KEPT_MORE: Final = 1.1
"""The slowest bleeder that empties a cable, and how far above it a kV may stand before it is no cable's."""
KEYS: Final = int(Contact.KEY_TREAT | Contact.KEY_SERVICE)
CHAIN: Final = (Contact.ESTOP, Contact.DOOR, Contact.APPLICATOR)
_HELD: Final = (0x4444, 0x8787)
"""The safety unit's words for ARMED and RUN."""


def containment(s: Story) -> Found:
    """3."""
    since: float | None = None
    told = False
    for row in s.rows:
        outside = lit(row) and row.state not in BEAMING
        if not outside:
            since, told = None, False
            continue
        if since is None:
            since = row.t
        allowed = T1_S + s.t2_s if row.state != NOT_RUNNING else s.rig.silence_s + s.t2_s
        if not told and row.t - since > allowed and not s.cut(row.t):
            told = True
            yield (
                row.t,
                f"high voltage of {row.kv:.1f} kV in {row.state or 'no state'} for {row.t - since:.2f} s, and the contactors are driven",
            )
        elif not told and row.t - since > allowed + CONTACTOR_S + s.discharge_s(since):
            told = True
            if not s.lasting(STAYS_ON, since - 60.0, row.t):
                yield row.t, f"high voltage of {row.kv:.1f} kV in {row.state or 'no state'} {row.t - since:.2f} s on"


def _opened(s: Story) -> Iterator[tuple[Row, str]]:
    """Rows in which a contact of the chain, or the key that was in use, has opened in both or one of its channels under beam or permission."""
    before: Row | None = None
    for row in s.rows:
        if before is not None and row.contacts >= 0 and before.contacts >= 0 and _may_beam(before):
            gone = before.contacts & ~row.contacts
            names = [c.name or "?" for c in CHAIN if gone & c]
            if gone & KEYS:
                names.append("KEY")
            for name in names:
                yield row, name
        before = row


def _may_beam(row: Row) -> bool:
    """High voltage, or K1 closed; but the unit's own test of K1, with K2 open, lets none come, and an OFF for it would only begin the tests anew."""
    tested = row.state == "SELF_TEST" and not row.k2
    return row.hv_on or (row.k1 and not tested)


def reaction(s: Story) -> Found:
    """4."""
    for row, name in _opened(s):
        yield from _off_after(s, row.t, name)
        if row.t + T1_S < s.end_s and s.coil("K1", row.t + T1_S):
            yield row.t, f"{name} opened and the safety unit still drives K1 {T1_S:.1f} s later"
    for at_s in s.stops:
        row = s.rows[s.place(at_s)]
        if _may_beam(row) or (row.sent is not None and row.sent.armed_at_s is not None):
            yield from _off_after(s, at_s, "STOP")
        late = [on for on in s.ons if at_s < s.rows[on.at].t <= at_s + T1_S]
        if late and s.running(at_s, at_s + T1_S):
            yield at_s, f"STOP came and ON for token {late[0].token} left {s.rows[late[0].at].t - at_s:.3f} s later"


def _off_after(s: Story, at_s: float, name: str) -> Found:
    until = at_s + T1_S + s.rig.tick_s
    if until < s.end_s and s.running(at_s, until):
        sent = [r for r in s.between(at_s, until) if r.sent is not None and r.sent.command == "off"]
        if not sent:
            yield at_s, f"{name}: OFF did not leave within {T1_S:.1f} s"
    deadline = at_s + T1_S + s.t2_s + FALL_S
    still = s.hv_after(deadline)
    if still is None:
        return
    if s.lasting(STAYS_ON, at_s - 60.0, deadline):
        later = at_s + T1_S + s.t2_s + CONTACTOR_S + s.discharge_s(at_s)
        still = s.hv_after(later)
        if still is not None and not s.cut(later):
            yield at_s, f"{name}: {still.kv:.1f} kV {later - at_s:.2f} s later, and the contactors are driven"
        return
    if deadline < at_s + s.discharge_s(at_s) and s.cut(deadline):
        return
    yield at_s, f"{name}: {still.kv:.1f} kV are on {deadline - at_s:.2f} s later"


def freshness(s: Story) -> Found:
    """7."""
    tick, bounds = s.rig.tick_s, {name: s.oldest_s(name) for name in ("unit", "monitor", "flags")}
    lying_since: float | None = None
    for row in s.rows:
        if row.state not in IN_BEAM or (row.sent is not None and row.sent.command == "off"):
            lying_since = None
            continue
        for name, part in (("unit", row.unit), ("monitor", row.monitor), ("flags", row.flags)):
            age = math.inf if part is None else row.age_s(part.asked_at_s)
            if not -0.001 <= age <= bounds[name]:
                yield row.t, f"{row.state} goes on with a {name} reading of {age:.3f} s (bound {bounds[name]:.3f} s)"
        if not s.rig.own_unit or row.unit is None:
            continue
        true_age = ((row.scan - row.unit.scan) & 0xFFFFFFFF) * 1e-3
        if true_age <= bounds["unit"] + tick:
            lying_since = None
        else:
            lying_since = row.t if lying_since is None else lying_since
            if row.t - lying_since > T1_S + 2 * tick:
                yield row.t, f"{row.state} goes on with a unit status that is truly {true_age:.3f} s old"


REGULATES: Final = 1.005
"""A limit bounds what may be set; a supply that is set to it holds it to half a percent."""


def caps(s: Story) -> Found:
    """10."""
    limits = s.rig.limits
    since: float | None = None
    for row in s.rows:
        if row.kv <= limits["kv_max"] * REGULATES and row.ma <= limits["ma_max"] * REGULATES:
            since = None
            continue
        since = row.t if since is None else since
        if row.t - since > T1_S + s.t2_s:
            yield (
                row.t,
                f"{row.kv:.1f} kV, {row.ma:.2f} mA for {row.t - since:.2f} s (bounds {limits['kv_max']} kV, {limits['ma_max']} mA)",
            )
            since = None
    for tag in s.tags:
        _, true = s.true_of(tag)
        if true > limits["skin_max_mgy"]:
            yield s.end_s, f"fraction {tag:016x}: truly {true:.0f} mGy at the skin (bound {limits['skin_max_mgy']:.0f})"
        beam_s = s.beam_s(s.of_fraction(tag))
        longest = max(1.04 * limits["time_max_s"], limits["time_max_s"] + 1.0) + T1_S
        if beam_s > longest:
            yield s.end_s, f"fraction {tag:016x}: {beam_s:.1f} s of beam (bound {longest:.1f} s)"


def off_verified(s: Story) -> Found:
    """20."""
    since: float | None = None
    for row in s.rows:
        if row.state != "STOPPING":
            since = None
            continue
        since = row.t if since is None else since
        bound = max(s.t2_s, s.discharge_s(since)) + s.t3_s + SETTLE_S
        if s.dry(since) and row.kv > KEPT_MORE * s.rows[s.place(since)].kv * math.exp((since - row.t) / BLEEDER_S):
            bound = T2D_MOST_S + s.t3_s + SETTLE_S  # it does not empty: somebody drives it
        if row.t - since > bound:
            yield (
                row.t,
                f"STOPPING for {row.t - since:.2f} s, off neither verified nor called STUCK_ON (bound {bound:.2f} s)",
            )
            since = row.t
    for shown in s.trace.shown:
        row = s.rows[s.place(shown.of_s)]
        if shown.beam == "off" and row.kv > HV_KV:
            yield shown.at_s, f"the desk is shown beam off, truly {row.kv:.1f} kV are on"


def lease(s: Story) -> Found:
    """LEASE."""
    if not s.rig.own_unit:
        return
    before: Row | None = None
    tick = s.rig.tick_s
    for place, row in enumerate(s.rows):
        last, before = before, row
        if (
            last is None
            or row.unit_state not in _HELD
            or last.unit_state not in _HELD
            or row.unit_token != last.unit_token
        ):
            continue
        run_out = last.lease_left_ms - round((row.t - last.t) * 1000.0)
        if row.lease_left_ms <= run_out + 3:
            continue
        late = s.rig.timed_unit_wire or s.wire_trouble("unit", row.t - 0.5, row.t)
        reach = 0.15 if late else 1.5 * tick + 0.005 + 0.003
        # the tick before is the last that ran: a process that stood for 10 ms has a permit that is young enough
        ran = [r for r in s.rows[max(0, place - 16) : place] if r.sent is not None]
        if not any(
            r.host == row.host and r.sent is not None and r.sent.command in PERMITTING and not r.forbids and row.t - r.t <= reach
            for r in (ran if late else ran[-1:])
        ):  # fmt: skip
            yield (
                row.t,
                f"the lease was renewed to {row.lease_left_ms} ms and the tick before had left no permit ({last.state or 'no state'})",
            )


def host_dead(s: Story) -> Found:
    """DEAD."""
    back = [a.at_s for a in s.trace.acts if a.kind == "host" and a.what in ("started", "thawed")]
    for act in s.trace.acts:
        if act.kind != "host" or act.what not in ("killed", "frozen") or not s.coil("K1", act.at_s):
            continue
        deadline = act.at_s + s.rig.silence_s + 0.02
        if any(act.at_s < at < deadline for at in back) or deadline > s.end_s:
            continue
        if s.coil("K1", deadline):
            yield (
                act.at_s,
                f"the host was {act.what} and the safety unit still drives K1 {deadline - act.at_s:.2f} s later",
            )
        later = deadline + s.t2_s
        if s.rig.own_unit and later < s.end_s and s.coil("K2", later):
            yield (
                act.at_s,
                f"the host was {act.what} and the safety unit still drives K2 {later - act.at_s:.2f} s later",
            )
        gone = later + CONTACTOR_S + FALL_S
        still = s.hv_after(gone)
        if still is not None and not s.lasting(STAYS_ON, act.at_s - 60.0, gone):
            yield act.at_s, f"the host was {act.what} and {still.kv:.1f} kV are on {gone - act.at_s:.2f} s later"
