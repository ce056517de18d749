"""What many runs come to: how many, how much beam, what was broken, how fast the beam went off by fault, and how far a dose was off.
It works on the documents of results alone, so that a run of yesterday and of another machine counts like one of today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from statistics import median
from typing import Any, Final

from verification.times import T1_S, T2_MOST_S, T3_MOST_S

HOST_GONE: Final = frozenset({"host-kill", "host-freeze"})
"""A host that is gone sends nothing: the safety unit ends the beam within T3."""
FULL_END: Final = "DOSE_END"
"""An exposure that ended by its dose did not end by what broke."""
BY_HAND: Final = frozenset({"STOP", "EDIT", "CLOSE", "KEY_OFF", "DESK_LOST"})
OF_PEOPLE: Final = ("I*", "O*", "H5/desk-dead", "desk-leave")
"""Faults that are a hand's doing; any other fault did not end what a hand ended."""
GONE: Final = (*HOST_GONE, "H2/stalls", "H3/*", "H4/*", "H8/*", "O4/power-cycle")
DARK: Final = ("power-cut", "S3/power-cut", "H10/mains-lost")
"""Everything has lost its power, the supply too."""
CONTACTS: Final = (
    "I1/*",
    "I2/*",
    "I4/*",
    "I8/applicator-removed",
    "I8/applicator-swapped",
    "I8/filter-*",
    "I9/*",
    "I10/*",
    "O11/*",
)
NO_EMISSION: Final = ("G4/filament-open",)
"""Nothing but the divider empties the cable then: high voltage without rays, which STUCK_ON says, and no beam that T2 speaks of."""
SILENT: Final = ("L1/*-dropped", "L2/*", "L12/*", "M2/*", "M3/*")
KINDS: Final = (
    (f"a contact, the key, the applicator or the filter: OFF sent (T1: {T1_S * 1000.0:.0f} ms)", CONTACTS, "off_sent"),
    (
        f"the program raised an error: beam off (T1 + T2: {(T1_S + T2_MOST_S) * 1000.0:.0f} ms at most)",
        ("H7/*",),
        "beam_off",
    ),
    (
        f"the program killed, frozen or hanging: beam off (T3 + T2: {(T3_MOST_S + T2_MOST_S) * 1000.0:.0f} ms at most)",
        GONE,
        "beam_off",
    ),
    ("a wire that fell silent: OFF sent (T1, and the age that its poll plan lets a reading have)", SILENT, "off_sent"),
    (f"OFF sent to beam off, where OFF came first (T2: {T2_MOST_S * 1000.0:.0f} ms at most)", ("*",), "off_to_end"),
    (
        "OFF sent to high voltage gone, where the filament is out and its divider alone empties the cable (no T2: there are no rays)",
        NO_EMISSION,
        "cable_empty",
    ),
    ("any fault: beam off (drifts and full disks have times of their own)", ("*",), "beam_off"),
)
"""What is told of reaction times: of which faults, which time, against what. Whether a reaction came at all is for the invariants."""


@dataclass(frozen=True)
class Times:
    """Reaction times of one fault in s: how many, the median and the worst, and the seed of the worst."""

    fault: str
    count: int
    median_s: float
    worst_s: float
    seed: int


@dataclass
class Figures:
    """Sums over results."""

    runs: int = 0
    fault_runs: int = 0
    beam_s: float = 0.0
    beam_s_by_hz: dict[int, float] = field(default_factory=dict)
    """Beam by the rate at which the program was run."""
    simulated_s: float = 0.0
    cpu_s: float = 0.0
    ticks: int = 0
    exposures: int = 0
    broken: list[tuple[int, str, str]] = field(default_factory=list)
    most_over_mgy: float = 0.0
    most_over_seed: int | None = None
    most_over_faults: tuple[str, ...] = ()
    worst_error: float = 0.0
    worst_error_seed: int | None = None
    off_sent: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """By fault, where nothing else broke in the run and the beam was on: s from the fault on, and the seed."""
    beam_off: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    off_to_end: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """The same, from OFF on, where OFF left with the beam on and the program lived to send it."""
    cable_empty: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
    """The same, where no emission empties the cable."""
    before_off: int = 0
    """Beams that were over before any OFF had left: the safety unit, the wired chain or the supply ended them alone."""
    errors: list[tuple[float, bool]] = field(default_factory=list)
    """(true - prescribed) / prescribed of every complete fraction, and whether nothing broke in its run."""
    ends: dict[str, int] = field(default_factory=dict)

    @property
    def beam_by_rate(self) -> str:
        """Hours of beam by rate, in words."""
        hours = (f"{beam_s / 3600.0:.1f} h at {hz} Hz" for hz, beam_s in sorted(self.beam_s_by_hz.items()))
        return ", ".join(hours) or "-"

    @property
    def speed(self) -> float:
        """Simulated seconds for each second of a processor."""
        return self.simulated_s / self.cpu_s if self.cpu_s else 0.0

    def times(self, kind: str) -> list[Times]:
        """By fault, the slowest first; `kind` is off_sent or beam_off."""
        found = []
        for fault, values in getattr(self, kind).items():
            worst_s, seed = max(values)
            found.append(Times(fault, len(values), median(value for value, _ in values), worst_s, seed))
        return sorted(found, key=lambda times: -times.worst_s)

    def reactions(self) -> Iterable[tuple[str, int, float, float, str, int]]:
        """By each of KINDS: how many, the worst and the median in s, the fault and the seed of the worst."""
        for words, patterns, kind in KINDS:
            values = sorted(
                (value, fault, seed)
                for fault, every in getattr(self, kind).items()
                if any(fnmatch(fault, pattern) for pattern in patterns)
                for value, seed in every
            )
            if values:
                worst_s, fault, seed = values[-1]
                yield words, len(values), worst_s, median(value for value, _, _ in values), fault, seed

    def clean_errors(self) -> list[float]:
        """|true - prescribed| / prescribed of the complete fractions in whose run nothing broke, the smallest first."""
        return sorted(abs(error) for error, whole in self.errors if whole)


def figures(documents: Iterable[dict[str, Any]]) -> Figures:
    """Add them up."""
    sums = Figures()
    for document in documents:
        _add(sums, document)
    return sums


def _add(sums: Figures, d: dict[str, Any]) -> None:
    seed, faults = int(d["seed"]), tuple(d["faults"])
    sums.runs += 1
    sums.fault_runs += bool(d["began"])
    for name in ("beam_s", "simulated_s", "cpu_s", "ticks"):
        setattr(sums, name, getattr(sums, name) + d[name])
    sums.beam_s_by_hz[d["tick_hz"]] = sums.beam_s_by_hz.get(d["tick_hz"], 0.0) + d["beam_s"]
    sums.ends[d["end_state"]] = sums.ends.get(d["end_state"], 0) + 1
    sums.broken += [(seed, name, words) for name, _, words in d["broken"]]
    for given in d["given"]:
        sums.exposures += given["exposures"]
        if given["d0_mgy"] is None:
            continue
        over_mgy = given["true_mgy"] - given["d0_mgy"]
        if over_mgy > sums.most_over_mgy:
            sums.most_over_mgy, sums.most_over_seed, sums.most_over_faults = over_mgy, seed, faults
        if given["status"] == "COMPLETE":
            error = over_mgy / given["d0_mgy"]
            sums.errors.append((error, not faults))
            if not faults and abs(error) > abs(sums.worst_error):
                sums.worst_error, sums.worst_error_seed = error, seed
    for reaction in d["reactions"] if len(d["began"]) == 1 else ():
        if not _ended_it(reaction):
            continue
        for kind in ("off_sent", "beam_off"):
            if reaction[f"{kind}_s"] is not None and not (kind == "off_sent" and reaction["fault"] in HOST_GONE):
                _keep(sums, kind, reaction["fault"], reaction[f"{kind}_s"], seed)
        _add_after_off(sums, reaction, seed)


def _keep(sums: Figures, kind: str, fault: str, value_s: float, seed: int) -> None:
    getattr(sums, kind).setdefault(fault, []).append((value_s, seed))


def _add_after_off(sums: Figures, reaction: dict[str, Any], seed: int) -> None:
    """T2 by itself: from the bytes of OFF to the true end. Where the program is gone, an OFF is that of the next process, or none."""
    fault, sent_s, gone_s = reaction["fault"], reaction["off_sent_s"], reaction["beam_off_s"]
    if gone_s is None:
        return
    if sent_s is None or gone_s < sent_s:
        sums.before_off += 1
    elif not any(fnmatch(fault, pattern) for pattern in (*GONE, *DARK)):
        kind = "cable_empty" if fault in NO_EMISSION else "off_to_end"
        _keep(sums, kind, fault, gone_s - sent_s, seed)


def _ended_it(reaction: dict[str, Any]) -> bool:
    """Whether this fault ended the beam that was on: not its dose, nor somebody's hand whose doing the fault was not."""
    by = reaction["ended_by"]
    of_people = any(fnmatch(reaction["fault"], pattern) for pattern in OF_PEOPLE)
    return reaction["state"] == "IRRADIATING" and by not in ("", FULL_END) and (of_people or by not in BY_HAND)
