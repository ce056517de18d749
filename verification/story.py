"""One trace read for its judges: which ON, which faults and when, whose dose, what was asked and taken. It also says what a run's faults excuse.
It judges nothing; the table of invariants does."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from interlocks.words import Terms
from verification.times import T1_S, T2_MOST_S, reaction_s
from verification.trace import LATCH_SET, NOT_RUNNING, Act, Entry, Row, Trace

OFF_FRESH_S: Final = 0.25
"""What is no older proves off, whatever the wire."""
CONTACTOR_S: Final = 0.05
FALL_S: Final = 0.15
"""The cable's discharge to 5 kV, and a tick for the eyes."""
DRY_RUN: Final = 0x7878
"""The safety unit's word for it."""
CABLE_S: Final = 90.0
"""The longest that a cable takes with its bleeder alone."""
T2D_MOST_S: Final = 4.0
"""The longest discharge that any certificate may state; what counts before anything was set up."""
HV_KV: Final = 5.0
NO_CURRENT_MA: Final = 0.001
OVER_R0: Final = 1.25

Found = Iterator[tuple[float, str]]
"""When, and by what values, something did not hold."""

BEAMING: Final = ("STARTING", "IRRADIATING", "STOPPING")
IN_BEAM: Final = ("STARTING", "IRRADIATING")
ENDS: Final = ("INTERRUPTED", "FAULT", "STUCK_ON", "TERMINATED")
PERMITTING: Final = ("hold", "on")

FOR_EVER: Final = float("inf")

ONE_CHANNEL: Final = (
    "chamber-1-dead",
    "chamber-2-dead",
    "chamber-1-drift",
    "chamber-saturated",
    "chamber-1-jumps",
    "chamber-1-back",
)
COMMON: Final = (
    "chambers-low",
    "chambers-drift",
    "kv-ripple",
    "kv-creeps",
    "ma-drifts",
    "barometer-wrong",
    "barometer-lost",
    "unit-timer-dead",
    "unit-count-limit-dead",
    "chamber-supply-lost",
    "leakage-high",
    "pressure-drift",
    "kv-high",
    "kv-low",
    "ma-high",
    "ma-low",
    "kv-overshoot",
    "kv-undershoot",
    "unit-timer-slow",
)
FAULTY_BEAM: Final = (
    "filter-missing",
    "filter-swapped",
    "applicator-removed",
    "applicator-swapped",
    "applicator-code-lies",
    "hv-spontaneous",
    "hv-on-at-start",
)
"""Faults whose beam is not the confirmed one: the time that nothing can shorten is charged with its own rate."""
UNCOMMANDED: Final = ("hv-spontaneous", "hv-on-at-start")
STAYS_ON: Final = ("k1-welded", "k2-welded", "off-command-ignored", "off-ignored", "filament-open", *UNCOMMANDED)
"""Faults of the plant that no software can prevent (G5, G6): what counts then is that everything was cut in time and said."""
LYING_VALUES: Final = ("readback-frozen", "readback-off", "generator-garbled")
LYING_MA: Final = ("ma-reads-low",)
LYING_UNIT: Final = ("unit-scan-frozen",)
"""Devices that say themselves what is not so: of kV, mA and filament, of mA alone, and of all that the safety unit tells."""
LYING_WIRES: Final = (
    "stale",
    "stuck",
    "another-reply",
    "tenfold",
    "shifted",
    "byte-swapped",
    "word-swapped",
    "wrong-function",
)
"""Tamperings that seal a wrong value with a right checksum: nobody who reads one frame can tell."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """A fault and when it lasted, s."""

    name: str
    from_s: float
    until_s: float = FOR_EVER


@dataclass(frozen=True)
class Expectation:
    """What the plan did to the run. `faults` are those that the world's own log does not tell (disks, hosts, processes); those in the log count anyway.

    `part` is e_f of invariant 9 and `rate_mgy_per_s` the rate that the time which nothing can shorten is charged with; None: by the faults in the log.
    `whole`: the run was turned on until everything had settled, so that records and ends may be asked for.
    """

    faults: tuple[Lasting, ...] = ()
    part: float | None = None
    rate_mgy_per_s: float | None = None
    whole: bool = True


@dataclass(frozen=True, slots=True)
class On:
    """One ON that the gate let out: its row's place, its token, the terms it stood on; `until` is the place of the next ON, or the end."""

    at: int
    until: int
    token: int
    terms: Terms


KILLED: Final = ("host", "killed")
NO_ANSWER: Final = ("alive", "status", "watch", "stop")
AT_ONCE: Final = ("an earlier request is still waiting", "another client holds the control lease")
"""Refusals that do not wait until what was asked before has been answered."""


def _wait(waiting: list[Act], act: Act) -> None:
    """What waits for an answer after this."""
    if act.kind == "asked":
        if act.what not in NO_ANSWER:
            waiting.append(act)
    elif act.kind == "host":
        waiting.clear()
    elif waiting and act.what != "stop":
        waiting.pop(-1 if act.what.startswith(AT_ONCE) else 0)


START: Final = 4
TERMINAL: Final = 5
LATCH_CLEARED: Final = 7
FOUND: Final = 9
EVENT: Final = 10
CRASH: Final = 11
LINKS: Final = 12
STRAY: Final = 15
"""Kinds of entries, as docs/records.md numbers them."""
LATCH_TRIP: Final = 1
HV_UNCOMMANDED: Final = 1
"""Where a LATCH_SET says for what it is, and its word for high voltage that nobody asked for or could prove off."""


class Start:
    """The fields of a START that the judges ask for, by their places in the journal."""

    def __init__(self, entry: Entry) -> None:
        f = entry.fields
        self.entry = entry
        self.token = entry.token
        self.digest: bytes = f[0]
        self.fraction_tag: int = f[1]
        self.segment: int = f[3]
        self.resume: bool = f[4]
        self.prescribed: dict[str, Any] = f[5]
        self.certificate: tuple[str, bytes] = (f[6], f[7])
        self.combination: dict[str, Any] = f[8]
        self.d0_mgy: float = f[9]
        self.before_mgy: float = f[11]
        self.before_high_mgy: float = f[13]
        self.software_version: str = f[23]
        self.wall_s: float = f[26]
        self.termination: int = f[27]


def lit(row: Row) -> bool:
    """Whether there is high voltage that can make beam: a charge that stands on a cable when the filament has gone out is none."""
    return row.kv > HV_KV and (row.hv_on or row.ma > NO_CURRENT_MA)


class Story:
    """A trace with what its judges ask more than once."""

    def __init__(self, trace: Trace, expectation: Expectation) -> None:
        self.trace, self.expected = trace, expectation
        self.rows = trace.rows
        self.rig = trace.rig
        self.times = [row.t for row in trace.rows]

    @cached_property
    def t2_s(self) -> float:
        """This rig's t2: what its safety unit was set up with, and the largest that there may be where it never was."""
        set_up = {row.sent.terms.t2_s for row in self.rows if row.sent is not None and row.sent.terms is not None}
        return min(max(set_up, default=T2_MOST_S), T2_MOST_S)

    @property
    def t3_s(self) -> float:
        """This rig's T3: its lease, or its watchdog, and what the contactor takes."""
        return self.rig.silence_s

    @property
    def reaction_s(self) -> float:
        """T1 + T2 + T3 of this rig."""
        return reaction_s(self.t2_s, self.t3_s)

    @cached_property
    def faults(self) -> tuple[Lasting, ...]:
        """Every fault and when it lasted."""
        open_at: dict[str, float] = {}
        found = list(self.expected.faults)
        for at_s, who, what in self.trace.log:
            name, _, word = what.rpartition(" ")
            if who == "fault" and word == "starts":
                open_at[name] = at_s
            elif who == "fault" and word == "stops":
                found.append(Lasting(name, open_at.pop(name, at_s), at_s))
        return (*found, *(Lasting(name, at_s) for name, at_s in open_at.items()))

    def lasting(self, names: tuple[str, ...], from_s: float, until_s: float) -> bool:
        """Whether one of these faults lasted at any time in between."""
        return any(f.name in names and f.from_s <= until_s and f.until_s >= from_s for f in self.faults)

    def wire_trouble(self, link: str, from_s: float, until_s: float) -> bool:
        """Whether anything was done to this link's bytes, or to its device's answers, in between."""
        return any(
            f.from_s <= until_s and f.until_s >= from_s
            and (f.name.startswith(f"{link}-wire-") or f.name in (f"{link}-silent", f"{link}-garbled", f"{link}-late", f"{link}-rebooted"))
            for f in self.faults
        )  # fmt: skip

    @cached_property
    def any_fault(self) -> bool:
        """Whether anything was broken at all, devices, hosts or hands that stop."""
        return bool(self.faults) or any(a.kind in ("host", "recorder") and a.what != "started" for a in self.trace.acts)

    @cached_property
    def ons(self) -> tuple[On, ...]:
        """Every ON that was let out."""
        found: list[tuple[int, int, Terms]] = []
        before: float | None = None
        host = 0
        for at, row in enumerate(self.rows):
            sent = row.sent
            if sent is None:
                continue
            if row.host != host:
                host, before = row.host, None
            if sent.on_at_s is not None and sent.on_at_s != before and sent.terms is not None:
                found.append((at, sent.token or 0, sent.terms))
            before = sent.on_at_s
        ends = [at for at, _, _ in found[1:]] + [len(self.rows) - 1] * bool(found)
        return tuple(On(at, until, token, terms) for (at, token, terms), until in zip(found, ends, strict=True))

    def latched(self, at_s: float) -> dict[str, float]:
        """What the journal holds latched at this time, by its cause: since when. A process that has died takes nothing of it away."""
        held: dict[str, float] = {}
        for entry in self.trace.entries:
            if entry.at_s > at_s:
                continue
            if entry.kind == LATCH_SET:
                held.setdefault(str(entry.fields[0]), entry.at_s)
            elif entry.kind == LATCH_CLEARED:
                held.pop(str(entry.fields[0]), None)
        return held

    @cached_property
    def starts(self) -> dict[int, Start]:
        """Every START that the journal holds, by its token."""
        return {e.token: Start(e) for e in self.trace.entries if e.kind == START and e.token}

    @cached_property
    def exposures(self) -> dict[int, dict[str, Any]]:
        """Every exposure of the records, by its token."""
        return {e["token"]: e for fraction in self.trace.fractions for e in fraction["exposures"]}

    @cached_property
    def true_mgy(self) -> dict[int, float]:
        """The true dose of each token's ON, up to the next ON or the end."""
        return {on.token: self.rows[on.until].mgy - self.rows[on.at].mgy for on in self.ons}

    def of_fraction(self, tag: int) -> list[On]:
        """The ONs of one fraction."""
        return [on for on in self.ons if on.token in self.starts and self.starts[on.token].fraction_tag == tag]

    @cached_property
    def tags(self) -> tuple[int, ...]:
        """Every fraction that was started, in order."""
        return tuple(dict.fromkeys(s.fraction_tag for s in self.starts.values()))

    @cached_property
    def most_mgy_per_s(self) -> float:
        """The highest true rate of the run, over 5 rows."""
        rows = self.rows
        return max(
            ((b.mgy - a.mgy) / (b.t - a.t) for a, b in zip(rows, rows[5:], strict=False) if b.t > a.t), default=0.0
        )

    def log(self, who: str, *words: str) -> list[tuple[float, str]]:
        """What the world's log says of one part, all of it or what begins with one of these words."""
        return [
            (at, what) for at, whose, what in self.trace.log if whose == who and (not words or what.startswith(words))
        ]

    @cached_property
    def _coils(self) -> dict[str, tuple[list[float], list[bool]]]:
        found: dict[str, tuple[list[float], list[bool]]] = {"K1": ([], []), "K2": ([], [])}
        for at, what in self.log("unit", "K1 coil", "K2 coil"):
            times, states = found[what[:2]]
            times.append(at)
            states.append(what.endswith("on"))
        return found

    @cached_property
    def unit_changes(self) -> list[float]:
        """When the safety unit went on, by the world's log: another state, a test, a reset; what its coils do is beside that."""
        return [at for at, what in self.log("unit") if not what.startswith(("K1 ", "K2 "))]

    def coil(self, name: str, at_s: float) -> bool:
        """Whether this contactor's coil was driven then."""
        times, states = self._coils[name]
        place = bisect_right(times, at_s)
        return bool(place) and states[place - 1]

    def coil_on(self, name: str) -> list[float]:
        """When this coil was switched on."""
        times, states = self._coils[name]
        return [at for at, on in zip(times, states, strict=True) if on]

    def cut(self, at_s: float) -> bool:
        """Whether both coils were without current then."""
        return not self.coil("K1", at_s) and not self.coil("K2", at_s)

    def place(self, at_s: float) -> int:
        """The first row at or after this time, or the last."""
        return min(bisect_left(self.times, at_s), len(self.rows) - 1)

    def next_tick_s(self, at_s: float) -> float:
        """When the tick after the one that began at `at_s` began; the end of the run where there is none."""
        return self.times[min(bisect_right(self.times, at_s), len(self.times) - 1)]

    def between(self, from_s: float, until_s: float) -> Iterator[Row]:
        """Rows of this stretch of time, ends included."""
        for place in range(bisect_left(self.times, from_s), bisect_right(self.times, until_s)):
            yield self.rows[place]

    def true_of(self, tag: int) -> tuple[float, float]:
        """D0 and the true dose of a fraction, mGy."""
        d0 = next(start.d0_mgy for start in self.starts.values() if start.fraction_tag == tag)
        return d0, sum(self.true_mgy[on.token] for on in self.of_fraction(tag))

    def beam_s(self, ons: list[On]) -> float:
        """True seconds of beam of these ONs."""
        total = 0.0
        for on in ons:
            from_s, until_s = self.rows[on.at].t, self.rows[on.until].t
            begun: float | None = None
            for at, what in self.log("tube", "beam on", "beam off"):
                if not from_s <= at <= until_s:
                    continue
                if what == "beam on":
                    begun = at
                elif begun is not None:
                    total, begun = total + at - begun - self._without_s(begun, at), None
            total += until_s - begun - self._without_s(begun, until_s) if begun is not None else 0.0
        return total

    def _without_s(self, from_s: float, until_s: float) -> float:
        """For how long of this stretch a cable kept its charge without electrons: that is no beam."""
        return self.rig.tick_s * sum(row.kv > HV_KV and not lit(row) for row in self.between(from_s, until_s))

    @property
    def settled(self) -> bool:
        """Whether records may be asked for everything: a recorder runs, and the run was turned on to its end."""
        return self.expected.whole and self.trace.recorder_runs

    @property
    def end_s(self) -> float:
        """When the trace ends."""
        return self.times[-1] if self.times else 0.0

    def running(self, from_s: float, until_s: float) -> bool:
        """Whether one host ran all this time."""
        rows = list(self.between(from_s, until_s))
        return bool(rows) and all(row.state != NOT_RUNNING and row.host == rows[0].host for row in rows)

    def terms_at(self, at_s: float) -> Terms | None:
        """The terms that were set up last before this time."""
        for place in range(self.place(at_s), -1, -1):
            sent = self.rows[place].sent
            if sent is not None and sent.terms is not None:
                return sent.terms
        return None

    def oldest_s(self, name: str) -> float:
        """The oldest a reading may be on which the beam goes on: by the poll plan of this wire, or T1 where that is faster."""
        return max(T1_S, self.rig.worst_age_s.get(name, 0.0) + 2 * self.rig.tick_s) + self.rig.tick_s

    def proves_off(self, name: str, asked_at_s: float, row: Row) -> bool:
        """Whether a reading is young enough to prove off: 250 ms; kV and flags on a slower wire its plan and a tick, T2 at most, where it was asked for
        after the last DISARM and after any ON."""
        age_s = row.age_s(asked_at_s)
        if age_s <= OFF_FRESH_S + 1e-6:
            return True
        left = [w.at_s for w in self.trace.wrote if w.at_s <= row.t]
        after = bool(left) and row.t - age_s >= left[-1] - 1e-6
        worst_s = min(self.rig.worst_age_s.get(name, 0.0) + self.rig.tick_s, self.t2_s)
        return name != "unit" and after and age_s <= worst_s + 1e-6

    def discharge_s(self, at_s: float) -> float:
        """The longest that the cable may take to empty."""
        terms = self.terms_at(at_s)
        if self.dry(at_s):
            return CABLE_S
        return max(FALL_S, terms.t2d_s) if terms is not None else T2D_MOST_S

    def dry(self, at_s: float) -> bool:
        """Whether what was set up last before this time is high voltage over a cold filament: its cable has a bleeder, and nothing else, to empty it."""
        terms = self.terms_at(at_s)
        return terms is not None and int(terms.purpose) == DRY_RUN

    def hv_after(self, deadline_s: float) -> Row | None:
        """The row at this time if high voltage is on in it; None past the trace's end."""
        if deadline_s > self.end_s:
            return None
        row = self.rows[self.place(deadline_s)]
        return row if lit(row) else None

    @cached_property
    def taken(self) -> list[tuple[float, str]]:
        """Requests that were accepted, by their words."""
        return [(a.at_s, a.what) for a in self.trace.acts if a.kind == "told" and a.detail.get("ok")]

    def asked(self, *tags: str) -> list[Act]:
        """Requests of these kinds, accepted or not."""
        return [a for a in self.trace.acts if a.kind == "asked" and a.what in tags]

    @cached_property
    def confirmed(self) -> list[tuple[float, list[Act]]]:
        """Each entry into ARMING, with the confirmations that may have brought it: those that wait for an answer then. One that was refused before is none.
        Answers come in the order of requests but for those that are given at once; of requests that were lost more wait here than there."""
        acts = [act for act in self.trace.acts if act.kind in ("asked", "told") or (act.kind, act.what) == KILLED]
        found: list[tuple[float, list[Act]]] = []
        waiting: list[Act] = []
        at, before = 0, NOT_RUNNING
        for row in self.rows:
            if row.state == NOT_RUNNING:
                continue
            began, before = row.state == "ARMING" and before != "ARMING", row.state
            if not began:
                continue
            while at < len(acts) and acts[at].at_s <= row.t:
                act = acts[at]
                if act.kind == "told" and act.what == "confirm" and act.detail.get("ok") and act.at_s == row.t:
                    break
                if (act.kind, act.what) == KILLED and act.at_s == row.t:
                    break  # it had armed before it died in that very tick
                _wait(waiting, act)
                at += 1
            found.append((row.t, [act for act in waiting if act.what == "confirm"]))
        return found

    @cached_property
    def stops(self) -> list[float]:
        """When STOP was pressed, or came from whatever client."""
        return [
            a.at_s
            for a in self.trace.acts
            if (a.kind, a.what) in (("hand", "stop"), ("asked", "stop"), ("came", "stop"))
        ]
