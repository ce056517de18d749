"""Counts in the dark: what both monitor chambers count with high voltage over a cold filament, where nothing gives them radiation (ADR 0027).
It bounds a chamber that leaks; what a count is worth in beam is calibration/procedures/monitor.py."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from calibration.procedures.monitor import MOST_LEAK_CPS
from calibration.procedures.parts import LIVE, Setting, at_end, recorded
from calibration.procedures.session import Figure, Judgement, Session, Verdict
from calibration.procedures.step import Accept, Procedure, Step
from interlocks.cold import SECONDS

N: Final = 12
"""Some 95 s of counting: half a count a second is then known to 15 %, and a chamber that counts nothing is below 0.03."""
APART, SOME = 4.0, 2.0
"""One exposure counts within so many standard deviations, and some counts, of the mean of all: what comes and goes is no leakage. Assumptions."""


@dataclass(frozen=True)
class Counted:
    """Of one channel: counts a second, their standard uncertainty by counting, and what they are below in 95 of 100."""

    cps: float
    u_cps: float
    most_cps: float


@dataclass(frozen=True)
class Dark:
    """Both channels."""

    one: Counted
    two: Counted


def dark_procedure(setting: Setting) -> Procedure:
    """At the output's kV. Nobody chooses the time: it is that of every exposure over a cold filament."""
    step = Step(
        "dark", "What a chamber counts of nothing is taken off what it counts in beam; one that leaks is to be dried, not corrected.",
        f"Applicator {setting.applicator}; the filament is cold, and stays so.", setting.without_beam("cold", SECONDS, N), LIVE,
        recorded("counts_1", "counts_2", "counted_s"), Accept(judgement="dark"), "A6",
    )  # fmt: skip
    return Procedure(f"dark {setting.kv:g} kV {setting.filter} {setting.applicator}", "service", (), (step,))


def counted(counts: float, seconds: float) -> Counted:
    """A count's own chance, also where the pulses are regular: that is the wider one of the two, and a pulse more or less at each end is in it."""
    if not seconds > 0.0:
        raise ValueError(
            f"{seconds:g} s were counted in; the record does not say for how long it counted, see to the records"
        )
    above = counts + 1.0
    most = above * (1.0 - 1.0 / (9.0 * above) + 1.645 / (3.0 * math.sqrt(above))) ** 3
    return Counted(counts / seconds, math.sqrt(above) / seconds, most / seconds)


def _found(session: Session, step: Step) -> Dark:
    seconds = session.values(step.id, "counted_s")
    found = []
    for channel in "12":
        counts = session.values(step.id, f"counts_{channel}")
        rate = counted(math.fsum(counts), math.fsum(seconds))
        for number, (n, s) in enumerate(zip(counts, seconds, strict=True), 1):
            wanted = rate.cps * s
            if abs(n - wanted) > APART * math.sqrt(wanted) + SOME:
                raise ValueError(
                    f"exposure {number} counted {n:g} in channel {channel}, and {wanted:.1f} are the mean of all: something came and went; "
                    "find it, reject, and repeat"
                )
        if rate.cps > MOST_LEAK_CPS:
            raise ValueError(
                f"channel {channel} counts {rate.cps:.2f} a second in the dark, above {MOST_LEAK_CPS:g}; dry or clean the chamber, and begin anew"
            )
        found.append(rate)
    return Dark(*found)


def judged(session: Session, step: Step) -> Verdict:
    """Both rates, and what they are below."""
    found = _found(session, step)
    figures = [
        Figure(f"{what} {channel}", value, "cps")
        for channel, one in enumerate((found.one, found.two), 1)
        for what, value in (("dark", one.cps), ("at most", one.most_cps))
    ]
    return Verdict("", (), tuple(figures))


def dark(session: Session) -> Dark:
    """What the session found. ValueError: it is not at its end."""
    at_end(session)
    return _found(session, session.procedure.steps[-1])


def words(session: Session) -> str:
    """For who signs: the certificate holds the mean alone."""
    found = dark(session)
    said = (
        f"channel {channel} {one.cps:.3f} counts a second, u {one.u_cps:.3f} (k = 1), below {one.most_cps:.3f} in 95 of 100"
        for channel, one in enumerate((found.one, found.two), 1)
    )
    return f"in the dark: {'; '.join(said)}"


JUDGEMENTS: Final[Mapping[str, Judgement]] = {"dark": judged}
