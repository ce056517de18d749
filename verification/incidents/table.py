"""Every incident that can be played, by its name in docs/hazards.md: what happened, what is played of it, and the function that plays it.
Each function stands in the neighbour that is named for what went wrong."""

from __future__ import annotations

from typing import Final

from verification.incident import Incident
from verification.incidents.blind_machines import bumped_table, iba, no_source, zaragoza
from verification.incidents.clocks import boeing, patriot
from verification.incidents.therac_25 import malfunction_54, no_trace, proceed, removed_interlock, saturated, tyler
from verification.incidents.unnoticed_failures import ariane, px4, toyota
from verification.incidents.wrong_numbers import calibration_189, infusion_pump, nucletron, reflexion, siemens, units
from verification.incidents.yakima import yakima

INCIDENTS: Final[tuple[Incident, ...]] = (
    Incident("tyler", "1986: an edit within eight seconds was shown and not acted on", "41 edits within 10 s of a confirmation, then a press", tyler),
    Incident("yakima", "1987: a counted flag was 0 on every 256th pass", "300 starts as the door opens, 70,000 passes with it open", yakima),
    Incident("proceed", "one key proceeded after a malfunction, five times", "five proceeds and presses after the filter fell out", proceed),
    Incident("malfunction-54", "a number that no manual explained", "four kinds of end, each read at the desk", malfunction_54),
    Incident("saturated-chamber", "a saturated chamber read as too little dose", "the primary channel at its ceiling in beam", saturated),
    Incident("removed-interlock", "the hardware interlocks were left out", "bought I/O in its place, as clinical and on the bench", removed_interlock),
    Incident("no-trace", "nobody could say what the machine had done", "an arc in beam; the record is played again tick by tick", no_trace),
    Incident("xoft", "2014: 436.6 s instead of 230.7 s", "a certificate of 1/1.89 of the true output, in beam", calibration_189),
    Incident("costa-rica", "1996: 0.3 min read as 30 s", "nine ways of writing a dose that are none", units),
    Incident("nucletron", "1999: an edit of one field changed another", "five fields of an open order edited one by one", nucletron),
    Incident("bumped-table", "1996: contact was lost in the middle of a treatment", "gaps of 0.1 to 10 s on the unit's link, then the rest", bumped_table),
    Incident("no-source", "1996: the timer ran with no source exposed", "ON is taken and no high voltage comes", no_source),
    Incident("iba", "a stop and its switch moved together", "the code of the confirmed applicator on another one", iba),
    Incident("zaragoza", "1990: the meter stood still at one value", "read-backs frozen while kV falls by 15 %", zaragoza),
    Incident("reflexion", "2024: the rest of a partial fraction was wrong", "three pieces over a restart, a power cut and midnight", reflexion),
    Incident("siemens", "2021: a wrong distance in the dose", "another applicator than the order's is sensed", siemens),
    Incident("infusion-pump", "a bouncing key entered a digit twice", "the beam-on switch bounces thirty times", infusion_pump),
    Incident("boeing-787", "2015: all units fail together after 248 days", "a fraction over each edge of a 32-bit clock", boeing),
    Incident("patriot", "1991: 0.34 s off after 100 h", "a fraction after 100 h and after 1000 days", patriot),
    Incident("toyota", "one task dead, the others alive", "each part killed or stopped in turn", toyota),
    Incident("ariane-5", "1996: an exception ended both computers and was read as data", "an exception at each part of a tick", ariane),
    Incident("px4", "a fault that the simulator did not have passed unseen", "a fault of a name that nobody knows", px4),
)  # fmt: skip
"""Every incident of docs/hazards.md that can be played, in its order."""


def find(name: str) -> Incident:
    """The incident of that name; ValueError lists them all."""
    for incident in INCIDENTS:
        if incident.name == name:
            return incident
    raise ValueError(f"no incident {name!r}; there are: {', '.join(one.name for one in INCIDENTS)}")
