"""What must hold of every start of beam: permission, one set of numbers, one token and one ON for it, after a press and a record.
Each judge gives the times and words of what is broken in one story; ids and names are in verification/invariants.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hal.readings import Contact, Purpose, Relay
from verification import papers
from verification.story import ENDS, HV_KV, UNCOMMANDED, Found, On, Story
from verification.times import T1_S
from verification.trace import NOT_RUNNING, Row

READY_S: Final = 60.0
RATE_S: Final = 0.1
DARK_MGY_PER_S: Final = 0.1
"""A two-hundredth of a weak beam, over so long: a true dose rate, which leakage is none of."""
PRESS_TO_ON_S: Final = 2.0
KEYS: Final = int(Contact.KEY_TREAT | Contact.KEY_SERVICE)
CHAIN: Final = (Contact.ESTOP, Contact.DOOR, Contact.APPLICATOR)
SIGNED: Final = (Purpose.TREAT, Purpose.DAILY)
"""What no name plate serves."""
CERTIFIED: Final = {
    "kv": "kv",
    "ma": "ma",
    "filter": "filter_id",
    "filter_code": "filter_code",
    "applicator": "applicator_id",
    "applicator_code": "applicator_code",
    "r0_mgy_per_s": "r0_mgy_per_s",
    "dt_s": "dt_s",
    "tail_mgy": "tail_mgy",
    "n1_mgy_per_count": "n1_mgy_per_count",
    "n2_mgy_per_count": "n2_mgy_per_count",
}
"""What of a combination must be in its START as it stands in the certificate's file: its name there, and here."""
DARK: Final = ("ma", "dt_s", "tail_mgy")
"""What a dry run has none of, whatever its certificate says of a beam."""


def permit(s: Story) -> Found:
    """1."""
    seen = 0
    for on in s.ons:
        row = s.rows[on.at]
        before = next((earlier.state for earlier in _earlier(s, on)), "none")
        if before != "READY" or row.state != "STARTING":
            yield row.t, f"ON for token {on.token} left in {row.state or 'no state'} after {before}"
        if row.forbids or row.blocks:
            yield row.t, f"ON for token {on.token} left over a verdict that forbids it: {row.blocks}"
        open_contacts = [c.name for c in CHAIN if row.contacts >= 0 and not row.contacts & c]
        if open_contacts or (row.contacts >= 0 and not row.contacts & KEYS):
            yield row.t, f"ON for token {on.token} left while {open_contacts or 'the key'} stood open"
        if on.token <= seen:
            yield row.t, f"token {on.token} was used before (last {seen})"
        seen = max(seen, on.token)
        if row.latched:
            yield row.t, f"ON for token {on.token} left with {row.latched} causes latched"
        since = row.t
        for earlier in _earlier(s, on):
            if earlier.state != "READY":
                break
            since = earlier.t
        if row.t - since > READY_S + 2 * s.rig.tick_s:
            yield row.t, f"ON for token {on.token} left {row.t - since:.2f} s after READY (bound {READY_S:.0f} s)"
        pressed = [at for at in s.coil_on("K1") if at <= row.t]
        if not pressed or row.t - pressed[-1] > PRESS_TO_ON_S:
            yield row.t, f"ON for token {on.token} left without a press in the {PRESS_TO_ON_S:.0f} s before"
    for at_s, _ in s.log("tube", "HV rose"):
        if not s.lasting(UNCOMMANDED, at_s, at_s) and not _commanded(s, at_s):
            yield at_s, "high voltage rose without an ON that the generator had taken"


def _earlier(s: Story, on: On) -> Iterator[Row]:
    """The ticks of the same program before this ON, the latest first. Where it was frozen between two of them it was in no other state."""
    for place in range(on.at - 1, -1, -1):
        row = s.rows[place]
        if row.host != s.rows[on.at].host:
            return
        if row.state != NOT_RUNNING:
            yield row


def _commanded(s: Story, at_s: float) -> bool:
    on = False
    for at, what in s.log("generator", "HV ON accepted", "HV off"):
        if at > at_s:
            break
        on = what == "HV ON accepted"
    return on


def binding(s: Story) -> Found:
    """2."""
    for on in s.ons:
        row = s.rows[on.at]
        start = s.starts.get(on.token)
        last = next((asked for at_s, asked in reversed(s.confirmed) if at_s <= row.t), [])
        confirmed = sorted((a.detail["digest"] for a in last), key=lambda digest: digest == row.plan_digest)
        digests = {
            "confirmed at the desk": confirmed[-1] if confirmed else b"",
            "recorded": start.digest if start is not None else b"",
            "planned": row.plan_digest,
            "judged by": on.terms.digest,
            "sent as a plan": on.terms.plan.digest(),
        }
        if len(set(digests.values())) != 1:
            shown = ", ".join(f"{name} {digest.hex()[:8] or 'nothing'}" for name, digest in digests.items())
            yield row.t, f"token {on.token}: {shown}"
        points, active, plan = row.points, row.active, on.terms.plan
        read = (
            (points.kv_counts, points.ma_counts, points.filament_limit_counts, points.filament_preheat_counts)
            if points
            else ()
        )
        wanted = (plan.kv_counts, plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts)
        if read != wanted or active is None or active.block != plan.staging:
            yield row.t, f"token {on.token}: read back {read}, confirmed {wanted}, or another active set"
        yield from _held(s, on)


def _held(s: Story, on: On) -> Found:
    """What the devices truly hold while high voltage is on; a change must have ended it in T1 and T2 once it can be read."""
    plan = on.terms.plan
    wanted = (plan.kv_counts, plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts)
    since: float | None = None
    for row in s.rows[on.at : on.until + 1]:
        supply = s.rig.generator == "spellman-xrv" and row.held != wanted
        unit = s.rig.own_unit and row.active_set != plan.staging
        if row.kv <= HV_KV or not row.hv_on or not (supply or unit):
            since = None
            continue
        since = row.t if since is None else since
        # the supply's set-points are read back once a second; what they do to the beam meanwhile is for the windows of kV and mA
        unseen_s = s.rig.worst_age_s.get("set_points", 0.0) if supply and not unit else 0.0
        if row.t - since > T1_S + s.t2_s + unseen_s:
            yield (
                row.t,
                f"token {on.token}: high voltage is on over {row.held}, confirmed {wanted}, or over another active set",
            )
            return


def latch(s: Story) -> Found:
    """5."""
    for number, on in enumerate(s.ons):
        row = s.rows[on.at]
        first = s.ons[number - 1].at if number else 0
        tripped = [r for r in s.rows[first : on.at] if r.state in ENDS and r.event]
        latched = [r.t for r in s.rows[first : on.at] if r.latched]
        after = tripped[-1].t if tripped else s.rows[first].t
        order: list[tuple[str, tuple[str, ...]]] = [("load or resume", ("load", "resume")), ("confirm", ("confirm",))]
        for rule, since_s in s.latched(row.t).items():
            yield (
                row.t,
                f"ON for token {on.token} left although the journal holds {rule} latched since {since_s:.2f} s, and nobody reset it",
            )
        if latched:
            order.insert(0, ("reset", ("reset",)))
            after = min(after, latched[0])
        for what, tags in order:
            times = [at for at, tag in s.taken if tag in tags and after - s.rig.tick_s <= at <= row.t]
            if not times:
                yield row.t, f"ON for token {on.token} left without a {what} after {after:.2f} s"
                break
            after = times[-1] if what != "reset" else times[0]


def no_re_on(s: Story) -> Found:
    """6."""
    ons = [s.rows[on.at].t for on in s.ons]
    left = [w.at_s for w in s.trace.wrote if w.what == "on"]
    if len(left) > len(ons):
        yield left[-1], f"{len(left)} ON left on the wire for {len(ons)} tokens"
    for at_s in left:
        if not any(-s.rig.tick_s <= at_s - on <= 0.3 for on in ons):
            yield at_s, "ON left on the wire in a tick for which the gate let none out"
    if s.wire_trouble("generator", 0.0, s.end_s):
        return
    for at_s, what in s.log("generator", "HV ON"):
        if not any(-s.rig.tick_s <= at_s - on <= 0.5 for on in ons):
            yield at_s, f"the generator says {what!r}, and no ON was let out before"


def restart_safe(s: Story) -> Found:
    """14. The unit's own word for what its chambers and its kV monitor show is HV_SEEN. Bought I/O in its place knows no DISARM: there the generator's OFF."""
    host, testing, full = 0, False, s.rig.limits["kv_max"]
    for place, row in enumerate(s.rows):
        if row.state == NOT_RUNNING:
            continue
        if row.host != host:
            host, testing = row.host, True
            if host > 1 and row.state != "SELF_TEST" and not (row.state == "FAULT" and row.event):
                yield row.t, f"process {host} began in {row.state}"
        if not testing:
            continue
        if row.sent is not None and row.sent.command in ("set_up", "arm", "hold", "on"):
            yield row.t, f"process {host} sent {row.sent.command} before its self-test was over"
        if row.state == "STANDBY":
            testing = False
            unit, monitor = row.unit, row.monitor
            by_unit = unit is not None and s.proves_off("unit", unit.asked_at_s, row)
            by_unit = (
                by_unit
                and unit is not None
                and bool(unit.relays & Relay.K1_MIRROR_OPEN and not unit.relays & Relay.HV_SEEN)
            )
            by_kv = (
                monitor is not None and s.proves_off("monitor", monitor.asked_at_s, row) and monitor.kv < 0.05 * full
            )
            if not (by_unit and by_kv) or row.kv > HV_KV:
                yield row.t, f"process {host} reached STANDBY without off read back ({row.kv:.1f} kV are there)"
            before = s.rows[max(0, place - round(RATE_S / s.rig.tick_s))]
            rate = (row.mgy - before.mgy) / (row.t - before.t) if row.t > before.t else 0.0
            if rate > DARK_MGY_PER_S:
                yield row.t, f"process {host} reached STANDBY while the chambers stand in {rate:.2f} mGy/s"
            off = {one.part for one in s.trace.firsts if one.host == host and one.is_off and one.at_s <= row.t}
            for part in ("generator", "unit") if s.rig.own_unit else ("generator",):
                if part not in off:
                    yield (
                        row.t,
                        f"process {host} reached STANDBY, and the first that it changed on the {part}'s wire was not OFF",
                    )
    for first in s.trace.firsts:
        if not first.is_off and (s.rig.own_unit or first.part == "generator"):
            yield (
                first.at_s,
                f"the first that process {first.host} changed on the {first.part}'s wire is no OFF, but {first.data!r}",
            )


def calibration(s: Story) -> Found:
    """25. What is certified is asked of the certificate's own file, read anew (verification/papers.py), and not of what the program made of it."""
    for on in s.ons:
        row, terms, start, paper = s.rows[on.at], on.terms, s.starts.get(on.token), s.rig.paper
        if (row.applicator, row.filter) != (terms.applicator_code, terms.filter_code):
            yield (
                row.t,
                (
                    f"token {on.token}: applicator {row.applicator:#04x} and filter {row.filter:#04x} are fitted, "
                    f"certified for {terms.applicator_code:#04x} and {terms.filter_code:#04x}"
                ),
            )
        if start is None or paper is None:
            yield (
                row.t,
                f"token {on.token}: {'its START names no certificate' if start is None else 'the world has none'}",
            )
            continue
        name, digest = start.certificate
        if (name, digest) != (paper.id, paper.sha256):
            yield (
                row.t,
                (
                    f"token {on.token}: its START names certificate {name} {digest.hex()[:8] or 'of no bytes'}, "
                    f"in force is {paper.id} {paper.sha256.hex()[:8]}"
                ),
            )
        if not paper.signers and (terms.purpose in SIGNED or not paper.provisional):
            yield row.t, f"token {on.token}: nobody whose key this rig knows has signed certificate {paper.id}"
        for whose, at_s in (("the program's", start.wall_s), ("the recorder's", start.entry.wall_s)):
            if not paper.effective_s <= at_s < paper.expires_s:
                yield row.t, f"token {on.token}: by {whose} clock certificate {paper.id} is not in force"
        if terms.certificate_expires_wall_s != paper.expires_s:
            yield row.t, f"token {on.token}: its terms hold another expiry than certificate {paper.id}"
        is_dry = terms.purpose is Purpose.DRY_RUN
        certified = [
            {full: 0.0 if is_dry and name in DARK else one[name] for name, full in CERTIFIED.items()}
            for one in paper.combinations
        ]
        if not any(one.items() <= start.combination.items() for one in certified):
            yield row.t, f"token {on.token}: its combination is none of certificate {paper.id}"
        codes = (start.combination["applicator_code"], start.combination["filter_code"])
        if codes != (row.applicator, row.filter):
            yield row.t, f"token {on.token}: its START is of {codes[0]:#04x} and {codes[1]:#04x}, which are not fitted"
        if not s.rig.waives_day and terms.purpose is Purpose.TREAT:
            of = {"certificate": digest, "software": start.software_version, "combination": start.combination}
            words = papers.no_day(s.trace.sheets, start.entry.index, start.entry.wall_s, s.rig.zone, of)
            if words:
                yield row.t, f"token {on.token}: {words}"


def token(s: Story) -> Found:
    """TOKEN."""
    known: set[int] = set()
    for row in s.rows:
        sent = row.sent
        if sent is None or sent.armed_at_s is None or sent.token is None or sent.token in known:
            continue
        known.add(sent.token)
        start = s.starts.get(sent.token)
        if start is None or not start.entry.seen_s <= row.t:
            yield row.t, f"token {sent.token} was armed, and no START of it was on the disk"


def press(s: Story) -> Found:
    """PRESS. In a self-test K1 may close alone: without K2 the inverter has no power."""
    for at_s in s.coil_on("K1"):
        if s.rows[s.place(at_s)].state == "SELF_TEST" and not s.coil("K2", at_s):
            continue
        rows = list(s.between(at_s - 5.0, at_s + 0.02))
        held = [r.switch for r in rows]
        hand = any(a.kind == "hand" and a.what == "pressed" and at_s - 1.0 <= a.at_s <= at_s for a in s.trace.acts)
        if not hand and not (any(held[-3:]) and not all(held)):
            yield at_s, "K1 was told to close and the beam-on switch had not been pressed"


def once(s: Story) -> Found:
    """ONCE."""
    for on in s.ons:
        from_s, until_s = s.rows[on.at].t - s.rig.tick_s, s.rows[on.until].t - s.rig.tick_s
        if on.until == len(s.rows) - 1:
            until_s = s.end_s + 1.0
        left = [w.at_s for w in s.trace.wrote if w.what == "on" and from_s <= w.at_s < until_s]
        if len(left) > 1:
            yield left[1], f"ON left {len(left)} times on the wire for token {on.token}"
        heard = [at for at, _ in s.log("generator", "HV ON") if from_s <= at < until_s]
        if len(heard) > 1 and not s.wire_trouble("generator", from_s, heard[1]):
            yield heard[1], f"the generator heard ON {len(heard)} times for token {on.token}"
