"""The times that every bound of verification is made of: T1, T2 and T3, as the largest that any rig may have. What a run's own rig has is in its story.
Nothing else may write one of these numbers down."""

from __future__ import annotations

from typing import Final

T1_S: Final = 0.1
"""From an event at a device to the bytes of OFF sent."""
T2_MOST_S: Final = 0.5
"""From OFF to no high voltage, else K2: the largest t2 that a profile may ask for. A rig's own is in the set that its safety unit holds."""
T3_MOST_S: Final = 0.5
"""The longest beam after a host's last word: the largest lease of a safety unit of our own. A rig's own is its lease and what its contactor takes; bought
I/O in the unit's place has a watchdog of up to a second, and is said to be EMULATED."""


def reaction_s(t2_s: float = T2_MOST_S, t3_s: float = T3_MOST_S) -> float:
    """T1 + T2 + T3: how long a beam may go on over what should have ended it, whatever single thing is broken."""
    return T1_S + t2_s + t3_s
