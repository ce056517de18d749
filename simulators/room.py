"""The treatment room as wires see it: door, emergency stop, key, beam-on switch, applicator and filter, each contact in two channels.
It knows what people and hands did, and which contact is broken; not what any of it means for the beam."""

from __future__ import annotations

from simulators.profile import Profile
from simulators.seam import UnitInputs

KEYS = ("OFF", "TREAT", "SERVICE")


class Room:
    """Hands act through the verbs; `broken` holds named overlays that faults lay over the true state and take away again."""

    __slots__ = (
        "_codes",
        "applicator",
        "broken",
        "changed",
        "door_open",
        "emergency_stop",
        "filter",
        "key",
        "switch_held",
    )

    def __init__(self, profile: Profile) -> None:
        self._codes = (
            frozenset(a.code for a in profile.applicators),
            frozenset(f.code for f in profile.filters),
        )
        self.door_open = False
        self.emergency_stop = False
        self.key = "TREAT"
        self.switch_held = False
        self.applicator = profile.applicator_code
        self.filter = profile.filter_code
        self.broken: set[str] = set()
        self.changed = True

    def press(self) -> None:
        """Press and hold the beam-on switch."""
        self.switch_held = True
        self.changed = True

    def release(self) -> None:
        """Let go of the beam-on switch."""
        self.switch_held = False
        self.changed = True

    def open_door(self) -> None:
        """Open the door."""
        self.door_open = True
        self.changed = True

    def close_door(self) -> None:
        """Close the door."""
        self.door_open = False
        self.changed = True

    def press_emergency_stop(self) -> None:
        """Strike the latching mushroom button."""
        self.emergency_stop = True
        self.changed = True

    def reset_emergency_stop(self) -> None:
        """Twist it out again."""
        self.emergency_stop = False
        self.changed = True

    def turn_key(self, position: str) -> None:
        """OFF, TREAT or SERVICE."""
        if position not in KEYS:
            raise ValueError(f"key position {position!r}: one of {', '.join(KEYS)}")
        self.key = position
        self.changed = True

    def fit_applicator(self, code: int) -> None:
        """Fit the applicator with this code; 0 = take it off."""
        if code and code not in self._codes[0]:
            raise ValueError(f"applicator code {code:#04x}: none such in the profile")
        self.applicator = code
        self.changed = True

    def fit_filter(self, code: int) -> None:
        """Slide the filter with this code in; 0 = take it out."""
        if code and code not in self._codes[1]:
            raise ValueError(f"filter code {code:#04x}: none such in the profile")
        self.filter = code
        self.changed = True

    def lay(self, name: str) -> None:
        """A fault lays its overlay."""
        self.broken.add(name)
        self.changed = True

    def lift(self, name: str) -> None:
        """A fault takes its overlay away."""
        self.broken.discard(name)
        self.changed = True

    def key_now(self) -> str:
        """The key's position with overlays."""
        if "key-off" in self.broken:
            return "OFF"
        return "SERVICE" if "key-service" in self.broken else self.key

    def applicator_now(self) -> int:
        """Code of the applicator that is truly fitted, 0 none."""
        if "applicator-removed" in self.broken:
            return 0
        other = "applicator-swapped" in self.broken or "applicator-code-lies" in self.broken
        return self._other(0, self.applicator) if other else self.applicator

    def filter_now(self) -> int:
        """Code of the filter that is truly in the beam, 0 none."""
        if "filter-missing" in self.broken:
            return 0
        return self._other(1, self.filter) if "filter-swapped" in self.broken else self.filter

    def _other(self, which: int, code: int) -> int:
        return min(self._codes[which] - {code})

    def chain_closed(self) -> bool:
        """The wired chain of the coil supplies: emergency stop, door and key in series, on contacts of their own."""
        broken = self.broken
        return not (
            self.emergency_stop
            or "emergency-stop" in broken
            or self.door_open
            or "door-open" in broken
            or "door-contact-stuck" in broken
            or self.key_now() == "OFF"
        )

    def wire(self, pins: UnitInputs) -> None:
        """Set the unit's contact and code pins to what is now."""
        broken = self.broken
        pins.estop_a = pins.estop_b = not (self.emergency_stop or "emergency-stop" in broken)
        pins.door_a = not (self.door_open or "door-open" in broken)
        pins.door_b = pins.door_a and "contact-channel-disagrees" not in broken
        key = self.key_now()
        pins.key_treat_a = pins.key_treat_b = key == "TREAT"
        pins.key_service_a = pins.key_service_b = key == "SERVICE"
        applicator = self.applicator_now()
        pins.contact_a = pins.contact_b = applicator != 0 and "contact-lost" not in broken
        pins.applicator_a = pins.applicator_b = self.applicator if "applicator-code-lies" in broken else applicator
        pins.filter_a = pins.filter_b = self.filter_now()
        held = (self.switch_held and "switch-released" not in broken) or "switch-stuck" in broken
        pins.switch_a = pins.switch_b = held
        pins.test_pulse = "test-pulse-lost" not in broken
        pins.beam_lamp_ok = "lamp-open" not in broken
        self.changed = False
