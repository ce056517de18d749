"""What must hold of the journal, the records and the desk: each START with one end, every change told once, and what is shown true.
Each judge gives the times and words of what is broken in one story; ids and names are in verification/invariants.py."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Final

from verification.story import ENDS, EVENT, T1_S, Found, Story
from verification.trace import NOT_RUNNING, Row

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
    """22. The label that starts beam belongs to the console's pages, which do not exist yet; what is judged is what the desk is shown and what is confirmed."""
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


def lease_of_desk(s: Story) -> Found:
    """23. Logins wait for the console's pages; here a client is its connection."""
    holder, heard = 1, -math.inf
    for act in s.trace.acts:
        if act.kind != "told" or not act.detail.get("ok") or act.what in ("stop", "status", "watch"):
            continue
        client = act.detail.get("client", 1)
        if client != holder and act.at_s - heard < 2.0:
            yield act.at_s, f"client {client} was obeyed while {holder} held the desk"
        holder, heard = client, act.at_s


UNSYNCED_S: Final = 0.5
"""How much of the journal's tail a power cut may take with it."""


def audit(s: Story) -> Found:
    """24. Logins and overrides wait for the console's pages; here it is each change of state, each START and each end. What a power cut takes is no gap."""
    if s.trace.chain.words:
        yield s.end_s, f"the journal's chain: {s.trace.chain.words}"
    if s.trace.chain.secret:
        yield s.end_s, "the site key stands in the journal"
    if not s.settled:
        return
    moves: dict[str, list[tuple[float, str, str]]] = {}
    before: Row | None = None
    for row in s.rows:
        if row.state == NOT_RUNNING:
            continue
        if before is not None and before.host == row.host and before.state != row.state:
            moves.setdefault(f"{s.rig.instance}{row.host}", []).append((row.t, before.state, row.state))
        before = row
    kept: dict[str, list[tuple[str, str]]] = {}
    for entry in s.trace.entries:
        if entry.kind != EVENT or entry.fields[0] == entry.fields[2]:
            continue
        kept.setdefault(entry.instance, []).append((entry.fields[0], entry.fields[2]))
    cuts = [act.at_s for act in s.trace.acts if (act.kind, act.what) == ("power", "off")]

    def due_by(at: float) -> bool:
        return at < s.end_s - SETTLE_S and not any(cut - UNSYNCED_S <= at <= cut for cut in cuts)

    for instance, made in moves.items():
        told = kept.get(instance, [])
        due = [(a, b) for at, a, b in made if due_by(at)]
        every = [(a, b) for _, a, b in made]
        if told[: len(due)] != due or told != every[: len(told)]:
            first = next((n for n, pair in enumerate(due) if n >= len(told) or told[n] != pair), len(due))
            yield (
                made[min(first, len(made) - 1)][0],
                f"{instance}: {len(every)} changes of state, {len(told)} in the journal; first apart: number {first + 1}",
            )


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
