"""Proof that a contact can open: when each contact that cuts a beam was read open, in each channel (fault-I3: a contact that is stuck closed looks sound).
It judges no age; records/clearance.py does, and the records keep the times over a restart."""

from __future__ import annotations

from typing import Final

from hal.readings import Contact, Readings

PROVEN: Final = (Contact.ESTOP, Contact.DOOR, Contact.KEY_TREAT, Contact.APPLICATOR)
"""Closed to permit: one that no longer opens no longer cuts. The switch is watched at each press, the key's SERVICE by the key's own rule."""
NEEDED: Final = tuple(f"{contact.name}.{channel}" for contact in PROVEN for channel in "AB")
"""What must have been read open, as the records name it."""
OPENED: Final = "CONTACTS_OPEN"
"""The event's name; its words are names out of NEEDED."""
AGAIN_S: Final = 600.0
"""A contact that stays open or bounces is told once in this time."""
_BITS: Final = sum(contact.value for contact in PROVEN)


class Proofs:
    """What this process has told already; a new one tells everything anew, which only makes proofs younger."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def opened(self, readings: Readings) -> str:
        """Names of contacts that are open now and were not told of late; empty when there is nothing to tell."""
        unit = readings.unit
        if unit is None or readings.unit_link.lost or unit.contacts_a & unit.contacts_b & _BITS == _BITS:
            return ""
        now, new = readings.now_s, []
        for channel, contacts in (("A", unit.contacts_a), ("B", unit.contacts_b)):
            for contact in PROVEN:
                name = f"{contact.name}.{channel}"
                if not contacts & contact.value and not now - self._told.get(name, -AGAIN_S) < AGAIN_S:
                    self._told[name] = now
                    new.append(name)
        return " ".join(new)
