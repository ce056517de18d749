"""What must hold of the journal, the records and the desk: each START with one end, every change told once, and what is shown true.
Each judge gives the times and words of what is broken in one story; ids and names are in verification/invariants.py."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from hal.readings import Cause, Termination
from interlocks.words import Clears
from verification.story import (
    CRASH,
    ENDS,
    EVENT,
    FOUND,
    IN_BEAM,
    LATCH_CLEARED,
    LINKS,
    START,
    STRAY,
    TERMINAL,
    Found,
    Story,
)
from verification.times import T1_S
from verification.trace import LATCH_SET, NOT_RUNNING, Entry, Row

SETTLE_S: Final = 1.5
STALE_S: Final = 1.0


def record_before_beam(s: Story) -> Found:
    """12."""
    for on in s.ons:
        row, start = s.rows[on.at], s.starts.get(on.token)
        if start is None or not start.entry.seen_s < row.t:
            yield row.t, f"ON for token {on.token} left and no START of it was on the disk"


def one_end(s: Story) -> Found:
    """15."""
    if not s.settled or not s.rows or s.rows[-1].state not in (*ENDS, "STANDBY", "PREPARATORY"):
        return
    tokens = [e["token"] for f in s.trace.fractions for e in f["exposures"]]
    if len(tokens) != len(set(tokens)) or set(tokens) != set(s.starts):
        yield s.end_s, f"the journal holds STARTs {sorted(s.starts)}, the records {sorted(tokens)}"
    for fraction in s.trace.fractions:
        given = [e for e in fraction["exposures"] if not e["void"]]
        for exposure in fraction["exposures"]:
            if exposure["provisional"]:
                yield s.end_s, f"exposure {exposure['token']} has no end"
        total = sum(e["delivered_mgy"] for e in given)
        if not math.isclose(total, fraction["delivered_mgy"], abs_tol=0.01):
            yield (
                s.end_s,
                f"fraction {fraction['id']}: segments give {total:.2f} mGy, the fraction says {fraction['delivered_mgy']:.2f}",
            )
        left = fraction["d0_mgy"] - fraction["delivered_mgy"]
        if given and not math.isclose(fraction["rest_mgy"], left, abs_tol=0.5) and fraction["quality"] == "GOOD":
            yield s.end_s, f"fraction {fraction['id']}: rest {fraction['rest_mgy']:.2f} mGy, {left:.2f} are left"


def resume_identity(s: Story) -> Found:
    """16."""
    first: dict[int, int] = {}
    for token in sorted(s.starts):
        start = s.starts[token]
        began = first.setdefault(start.fraction_tag, token)
        before = s.starts[began]
        if before is start:
            continue
        at_s = start.entry.at_s
        for name, one, other in (
            ("prescription", before.prescribed, start.prescribed),
            ("certificate", before.certificate, start.certificate),
            ("combination", before.combination, start.combination),
            ("software", before.software_version, start.software_version),
        ):
            if one != other:
                yield at_s, f"exposure {token} resumes fraction {start.fraction_tag:016x} with another {name}"
        given = [
            e
            for t, e in s.exposures.items()
            if t in s.starts and t < token and s.starts[t].fraction_tag == start.fraction_tag and not e["void"]
        ]
        for what, counted, kept in (
            ("given", start.before_mgy, "delivered_mgy"),
            ("the most that was given", start.before_high_mgy, "high_mgy"),
        ):
            total = sum(e[kept] for e in given)
            if not math.isclose(counted, total, abs_tol=max(0.5, 0.001 * total)):
                yield at_s, f"exposure {token} counts {counted:.1f} mGy as {what} before, the records {total:.1f}"


def _on_offer(s: Story, at_s: float) -> tuple[bytes, int]:
    """The last offer that the desk was shown of this set-up, and the least number that may be confirmed: one that was withdrawn never comes back under its
    own. An offer of an earlier exposure says nothing of this one. Empty: none was shown yet, and hands that look into the program were faster."""
    withdrawn = 0
    for shown in reversed(s.trace.shown[: bisect_right(s.trace.shown, at_s, key=lambda one: one.at_s)]):
        if shown.offer or shown.state != "PREPARATORY":
            return shown.offer, shown.offer_id + withdrawn
        withdrawn = 1
    return b"", 0


def ui_truth(s: Story) -> Found:
    """22. The label that starts beam is made of the offer (console/web); what is judged is the offer that the desk is shown, and what is confirmed."""
    for shown in s.trace.shown:
        row = s.rows[s.place(shown.of_s - 1e-6)]
        if row.state not in (shown.state, NOT_RUNNING):
            yield shown.at_s, f"the desk is shown {shown.state}, the exposure is in {row.state}"
        if not shown.at_s - shown.of_s <= STALE_S:
            yield shown.at_s, f"the desk is shown a state of {shown.at_s - shown.of_s:.2f} s ago"
        if not shown.simulated:
            yield shown.at_s, "the desk is shown a simulated rig without the word"
    for at_s, asked in s.confirmed:
        offer, least = _on_offer(s, at_s)
        if not asked:
            yield at_s, "an exposure is armed, and nobody at the desk had confirmed anything"
        elif offer and not any(a.detail["digest"] == offer and a.detail["offer_id"] >= least for a in asked):
            said = asked[-1].detail
            yield (
                at_s,
                f"offer {said['offer_id']}, {said['digest'].hex()[:8]}, was confirmed; {least}, {offer.hex()[:8]}, was on offer",
            )
    for on in s.ons:
        plan = on.terms.plan
        for shown in s.trace.shown:
            told = shown.offer_kv_counts, shown.offer_ma_counts
            if shown.offer == on.terms.digest and told != (plan.kv_counts, plan.ma_counts):
                yield (
                    shown.at_s,
                    f"token {on.token}: the desk is offered {told}, confirmed are {plan.kv_counts} and {plan.ma_counts}",
                )
                break


LEASE_S: Final = 2.0
STANDS_STILL: Final = ("frozen", "thawed")
"""A process that is stopped and goes on has the same client at its desk."""
NEAR_S: Final = 0.05
"""Where a lease ends within so much of a request, either answer is right."""
SET_UP: Final = ("PREPARATORY", "ARMING", "READY", *IN_BEAM)
"""What any STOP ends at once."""


def lease_of_desk(s: Story) -> Found:
    """23. A client is its connection: who has logged in is the console's, and no part of these worlds."""
    holder: int | None = None
    heard = -math.inf
    strangers: dict[int, float] = {}
    for act in s.trace.acts:
        client = act.detail.get("client", 1)
        if (act.kind == "host" and act.what not in STANDS_STILL) or (act.kind == "parted" and client == holder):
            holder, strangers = None, {}
        elif act.kind == "came" and act.what != "stop":
            if holder in (None, client) or act.at_s - heard > LEASE_S + NEAR_S:
                holder, heard = client, act.at_s
                strangers.pop(client, None)
            elif act.at_s - heard > LEASE_S - NEAR_S:
                holder, strangers = None, {}
            elif act.what != "alive":
                strangers[client] = act.at_s
        elif (
            act.kind in ("told", "elsewhere") and act.detail.get("ok") and act.what in OF_PERSON and client in strangers
        ):
            yield act.at_s, f"client {client} was obeyed while {holder} held the desk"
    for at_s in s.stops:
        until = at_s + T1_S + s.rig.tick_s
        if until >= s.end_s or not s.running(at_s, until):
            continue
        rows = list(s.between(at_s - s.rig.tick_s, until))
        if rows[0].state in SET_UP and all(row.state in SET_UP for row in rows):
            yield at_s, f"STOP came, and {rows[-1].state} goes on {T1_S:.1f} s later"


UNSYNCED_S: Final = 0.5
"""How much of the journal's tail a power cut may take with it."""


OF_PERSON: Final = {
    "load": "LOAD",
    "resume": "RESUME",
    "confirm": "CONFIRM",
    "edit": "EDIT",
    "close": "CLOSE",
    "reset": "RESET",
    "adopt": "RESET",
    "retest": "RETEST",
}
"""What people may ask for, and the event that it is in the journal."""
SAYING: Final = (LATCH_SET, LATCH_CLEARED, EVENT, CRASH, LINKS, STRAY)
"""Entries that are words for people; a START names its patient, by number."""
Move = tuple[str, str, str]


def audit(s: Story) -> Found:
    """24. Logins and orders have chains of their own (console/access), which no virtual world writes; nor does any hold a PIN, a password or a full name:
    what is planted is the site key, and the patients' numbers. What a power cut takes is no gap."""
    if s.trace.chain.words:
        yield s.end_s, f"the journal's chain: {s.trace.chain.words}"
    if s.trace.chain.secret:
        yield s.end_s, "the site key stands in the records"
    yield from _named(s)
    yield from _once(s)
    yield from _latches_told(s)
    yield from _unseen_latched(s)
    if not s.settled:
        return
    cuts = [act.at_s for act in s.trace.acts if (act.kind, act.what) == ("power", "off")]

    def due_by(at: float) -> bool:
        return at < s.end_s - SETTLE_S and not any(cut - UNSYNCED_S <= at <= cut for cut in cuts)

    kept: dict[str, list[Move]] = {}
    for entry in s.trace.entries:
        if entry.kind == EVENT and _is_move(entry.fields[0], entry.fields[1], entry.fields[2]):
            _add(kept.setdefault(entry.instance, []), (entry.fields[0], entry.fields[1], entry.fields[2]))
    for instance, made in _moves(s).items():
        told = kept.get(instance, [])
        due = [move for at, move in made if due_by(at)]
        every = [move for _, move in made]
        if told[: len(due)] != due or told != every[: len(told)]:
            first = next((n for n, pair in enumerate(due) if n >= len(told) or told[n] != pair), len(due))
            yield (
                made[min(first, len(made) - 1)][0],
                f"{instance}: {len(every)} changes of state, {len(told)} in the journal; first apart: number {first + 1}",
            )
    started = {(e.instance, e.seq) for e in s.trace.entries if e.kind == START}
    for at_s, host, seq in _armings(s):
        if due_by(at_s) and (f"{s.rig.instance}{host}", seq) not in started:
            yield at_s, f"an exposure is armed, and the journal holds no START {seq} of its process"


def _is_move(state: str, event: str, to: str) -> bool:
    """A change of state, or a reset that leaves it as it is: other entries that change none are beside one that does."""
    return state != to or event == "RESET"


def _add(moves: list[Move], move: Move) -> None:
    """A reset that is asked again where the last one stands has changed nothing, and may be left out."""
    if move[0] != move[2] or moves[-1:] != [move]:
        moves.append(move)


def _moves(s: Story) -> dict[str, list[tuple[float, Move]]]:
    """What each process did, by its ticks, with the event of each."""
    made: dict[str, list[tuple[float, Move]]] = {}
    before: Row | None = None
    for row in s.rows:
        if row.state == NOT_RUNNING:
            continue
        if before is not None and before.host == row.host and _is_move(before.state, row.event, row.state):
            moves, move = made.setdefault(f"{s.rig.instance}{row.host}", []), (before.state, row.event, row.state)
            if move[0] != move[2] or not moves or moves[-1][1] != move:
                moves.append((row.t, move))
        before = row
    return made


def _armings(s: Story) -> Iterator[tuple[float, int, int]]:
    """When an exposure was begun, by which process, and the number of its START in that one's ring."""
    before: Row | None = None
    for row in s.rows:
        if row.state == "READY" and before is not None and before.state == "ARMING" and before.host == row.host:
            yield row.t, row.host, row.start_seq
        before = row if row.state != NOT_RUNNING else before


def _named(s: Story) -> Found:
    """No patient stands in words."""
    names = {str(start.prescribed["patient_id"]) for start in s.starts.values()} - {""}
    for entry in s.trace.entries:
        if entry.kind in SAYING and any(name in str(entry.fields) for name in names):
            yield entry.at_s, f"entry {entry.index} of {entry.instance} names a patient in its words"


def _once(s: Story) -> Found:
    """Each entry of a ring, each START and each end is in the journal once; whatever was granted is an event of its tick, which has its entry."""
    seen: set[tuple[object, ...]] = set()
    for entry in s.trace.entries:
        keys: list[tuple[object, ...]] = [(entry.instance, entry.seq, entry.kind)]
        if entry.kind == START and entry.token:
            keys.append(("START", entry.token))
        if entry.kind == TERMINAL:
            token, start_seq = entry.fields[:2]
            keys.append(("end", token) if token else ("end of START", entry.instance, start_seq))
        for key in keys:
            if key in seen:
                yield entry.at_s, f"{key} is in the journal twice"
        seen.update(keys)
    for act in s.trace.acts:
        if act.kind not in ("told", "elsewhere") or not act.detail.get("ok") or act.what not in OF_PERSON:
            continue
        row = s.rows[max(0, bisect_right(s.times, act.at_s) - 1)]
        if row.state != NOT_RUNNING and row.event != OF_PERSON[act.what]:
            yield act.at_s, f"{act.what} was granted in a tick whose event is {row.event or 'none'}"


def _latches_told(s: Story) -> Found:
    """Each latch is set once and cleared once in turn, by a person who had asked for it in that role, by name and for a reason.
    An entry bears the time at which its tick began: a process that is kept waiting in a tick hears in it what came until the next one."""
    held: dict[str, str] = {}
    asked = [a for a in s.trace.acts if (a.kind, a.what) == ("came", "reset")]
    for entry in s.trace.entries:
        if entry.kind == LATCH_SET:
            # a process that begins may latch anew before the recorder has handed it what the last one left
            if held.get(entry.fields[0]) == entry.instance:
                yield entry.at_s, f"latch {entry.fields[0]} is set twice"
            held[entry.fields[0]] = entry.instance
        elif entry.kind == LATCH_CLEARED:
            rule, role, who, reason = entry.fields[:4]
            if rule not in held:
                yield entry.at_s, f"latch {rule} is cleared, and was not set"
            held.pop(rule, None)
            said = {"role": role, "who": who, "reason": reason}
            heard_s = max(entry.at_s + NEAR_S, s.next_tick_s(entry.at_s))
            if not who or not reason or not any(a.at_s <= heard_s and said.items() <= a.detail.items() for a in asked):
                yield entry.at_s, f"latch {rule} is cleared by {who or 'nobody'} as {role}, who had not asked for it"


_PHYSICIST, _SERVICE = int(Clears.BY_PHYSICIST), int(Clears.BY_SERVICE)
_LEAVES: Final[dict[int, int]] = {
    **dict.fromkeys((Cause.K1_LIMIT, Cause.COUNT2, Cause.HARD_CAP, Cause.RATE, Cause.DISAGREE, Cause.SPONTANEOUS), _PHYSICIST),
    **dict.fromkeys((Cause.PAIR, Cause.MIRROR, Cause.TEST_PULSE), _SERVICE),
}  # fmt: skip
"""Who is asked for after an end by these causes."""
_TERMINAL_VOID, _TERMINAL_CAUSE = 5, 9
"""Their places in an end."""
_OTHER_PRESET: Final = {Termination.MONITOR: Cause.TIME_PRESET, Termination.TIME: Cause.COUNT_PRESET}
"""The preset that ought not to have been the one that ended the beam."""


def _unseen_latched(s: Story) -> Found:
    """An exposure that the safety unit ended for what is broken, or by a limit that is not its preset, leaves somebody to be asked, whoever saw it and
    whatever else there was: with its end a latch of that cause's role is held."""
    held: dict[str, int] = {}
    ends: dict[int, Entry] = {}
    for at, entry in enumerate(s.trace.entries):
        if entry.kind == LATCH_CLEARED:
            held.pop(entry.fields[0], None)
        if entry.kind == LATCH_SET:
            held[entry.fields[0]] = entry.fields[2]
        if entry.kind not in (TERMINAL, FOUND):
            continue
        # what the records latch with FOUND follows it in the list, under the same number
        with_it = [e.fields for e in s.trace.entries[at + 1 : at + 2] if e.kind == LATCH_SET and e.index == entry.index]
        roles = {*held.values(), *(fields[2] for fields in with_it)}
        for token, start in s.starts.items():
            if (
                token in ends
                or entry.index < start.entry.index
                or (entry.kind == TERMINAL and entry.fields[0] != token)
            ):
                continue
            ends[token] = entry
            cause = _told_cause(entry, token)
            wanted = _LEAVES.get(cause, _PHYSICIST if cause == _OTHER_PRESET[Termination(start.termination)] else 0)
            if wanted and wanted not in roles:
                yield (
                    entry.at_s,
                    f"exposure {token} was ended by unit:{Cause(cause).name}, and nobody is asked for: latched is {sorted(held) or 'nothing'}",
                )


def _told_cause(entry: Entry, token: int) -> int:
    """What the unit ended it for, by its TERMINAL, or by a FOUND that is of this exposure and sound; 0 where neither says. In that of a VOID the unit may
    still tell of the exposure before."""
    if entry.kind == TERMINAL:
        return 0 if entry.fields[_TERMINAL_VOID] else int(entry.fields[_TERMINAL_CAUSE])
    return int(entry.fields[9]) if entry.fields[0] == token and entry.fields[10] else 0


def void(s: Story) -> Found:
    """VOID. A READY ends so by its 60 s, by the unit's own window of as long, or by a hand; what a press had begun without ON is not for VOID."""
    if not s.settled or not s.rig.own_unit:
        return
    given = {on.token for on in s.ons}
    armed_s = 0.0
    before: Row | None = None
    for row in s.rows:
        last, before = before, row
        if last is None or row.host != last.host or row.state == last.state:
            continue
        if row.state == "READY":
            armed_s = row.t
        if last.state != "READY" or row.state not in ("PREPARATORY", "STANDBY"):
            continue
        pressed = any(armed_s <= at <= row.t + T1_S for at in s.coil_on("K1"))
        if pressed or s.wire_trouble("unit", armed_s, row.t) or row.t > s.end_s - SETTLE_S:
            continue
        exposure = s.exposures.get(last.token)
        if last.token in given:
            yield row.t, f"READY of token {last.token} was left by {row.event} after its ON"
        elif exposure is None or not exposure["void"] or exposure["delivered_mgy"] != 0.0:
            yield (
                row.t,
                f"READY of token {last.token} was left by {row.event} without ON, and the records hold no VOID of it",
            )
