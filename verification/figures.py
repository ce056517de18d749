"""What many runs come to: how many, how much beam, what was broken, how fast the beam went off by fault, and how far a dose was off.
It works on the documents of results alone, so that a run of yesterday and of another machine counts like one of today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

HOST_GONE: Final = frozenset({"host-kill", "host-freeze"})
"""A host that is gone sends nothing: the safety unit ends the beam within T3."""
FULL_END: Final = "DOSE_END"
"""An exposure that ended by its dose did not end by what broke."""


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
    beam_off: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
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
    for reaction in d["reactions"]:
        if reaction["ended_by"] in ("", FULL_END):
            continue
        for kind in ("off_sent", "beam_off"):
            if reaction[f"{kind}_s"] is not None and not (kind == "off_sent" and reaction["fault"] in HOST_GONE):
                getattr(sums, kind).setdefault(reaction["fault"], []).append((reaction[f"{kind}_s"], seed))
