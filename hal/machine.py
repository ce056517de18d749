"""The machine as the rest of the program sees it: ask, read, write, beam_off, and the file descriptors to wait on; none of them waits.
It knows no rule: the gate is its only holder."""

from __future__ import annotations

from enum import IntFlag
from typing import Final, Protocol

import msgspec

from hal.commands import Command
from hal.figures import LinkFigures
from hal.readings import Readings
from hal.units import Seconds
from hal.wire_log import FrameLog


class Renewal(msgspec.Struct, frozen=True, gc=False):
    """The lease to renew with the next status request: the armed token, for how long. The rig adds the newest challenge."""

    token: int
    lease_ms: int


LINKS: Final = ("generator", "unit", "unit stop")
"""The wires of a rig by name; the last is the connection that a unit may have for DISARM alone."""


class Fitted(IntFlag):
    """What a rig has to ask; a rule that stands on a part that is not fitted is NOT FITTED, never TRUE.

    `TIMER`: an exposure timer that is not this computer's; `SCAN`: a sign that the device's own cycle goes on.
    """

    CHAMBERS = 1
    CHAMBER_SUPPLY = 2
    AIR = 4
    CODES = 8
    TEST_PULSE = 16
    LAMPS = 32
    TIMER = 64
    SCAN = 128
    PAIRS = 256


ALL_FITTED: Final = Fitted(511)
CLINICAL_PARTS: Final = {
    Fitted.CHAMBERS: "two chambers",
    Fitted.CHAMBER_SUPPLY: "a supervised chamber supply",
    Fitted.AIR: "a barometer and a thermometer",
    Fitted.CODES: "applicator and filter codes",
    Fitted.TEST_PULSE: "a test pulse on its contacts",
    Fitted.LAMPS: "supervised lamps",
    Fitted.TIMER: "a timer beside this computer's",
    Fitted.SCAN: "a sign that its unit's cycle goes on",
    Fitted.PAIRS: "contacts that are compared",
}
"""In words what a clinical rig must have of each part that a rule can stand on: without it a rule would be NOT FITTED."""
NOTHING_FITTED: Final = Fitted(0)
ALL_PAIRED: Final = 0x3F
"""Every contact of `hal.readings.Contact` but the test pulse in two channels."""
ALL_TESTS: Final = (1, 2, 3, 4, 5, 6)
CUT_S: Final = 0.07
"""From the end of the lease until the contactor has opened: 20 ms of the unit and 50 ms of it (docs/safety.md)."""


class Capabilities(msgspec.Struct, frozen=True):
    """What this rig can do by itself; a rig that lacks timer, lease, second contactor or count limits is bench only.

    `worst_age_s` gives for each kind of reading (unit, slow, monitor, flags, set_points) the oldest that it may get by the poll plan;
    `off_s` the longest that an off command can wait for its wire. `watchdog_s` is the device's own fixed time of silence (None: the lease of the rig
    file), `cut_s` what then passes until the contactor is open. `paired` are the contacts with two channels, `unit_tests` the self-tests that the
    unit can do, `retains` whether it keeps an exposure when this computer dies, `emulated` what stands in for a safety unit (empty: nothing does),
    `counts_most_per_s` the most that its counters can take (None: more than any chamber gives). `tick_s` is the loop's period that the ages are for.
    `not_cold` says why the generator's high voltage cannot stand over a filament that is known to be cold (empty: it can).
    """

    simulated: bool
    generator: str
    safety_unit: str
    full_scale_kv: float
    full_scale_ma: float
    kv_counts_full_scale: int
    ma_counts_full_scale: int
    hardware_timer: bool
    lease: bool
    second_contactor: bool
    count_limits: bool
    set_point_read_back: bool
    wire_watchdog_s: float | None
    worst_age_s: dict[str, float]
    off_s: float
    identifies: bool = True
    fitted: Fitted = ALL_FITTED
    paired: int = ALL_PAIRED
    unit_tests: tuple[int, ...] = ALL_TESTS
    watchdog_s: float | None = None
    cut_s: float = CUT_S
    retains: bool = True
    emulated: str = ""
    counts_most_per_s: float | None = None
    tick_s: float = 0.01
    not_cold: str = "nobody said whether its filament can be kept cold"

    def silence_off_s(self, lease_s: float) -> float:
        """The longest beam after this computer's last word, s, with the rig file's lease."""
        return (lease_s if self.watchdog_s is None else self.watchdog_s) + self.cut_s

    def clinical(self) -> tuple[str, ...]:
        """What keeps this rig from clinical use; empty when nothing does. A rule that is NOT FITTED always does, whatever else a driver claims."""
        needs = {
            "an exposure timer": self.hardware_timer,
            "a lease": self.lease and self.watchdog_s is None,
            "a second contactor": self.second_contactor,
            "count limits": self.count_limits,
            "set-point read-back": self.set_point_read_back,
            "a generator that says what it is": self.identifies,
            "a safety unit of its own": not self.emulated,
            "a unit that keeps an exposure": self.retains,
            "every contact in two channels": self.paired & ALL_PAIRED == ALL_PAIRED,
            "every self-test of the unit": set(ALL_TESTS) <= set(self.unit_tests),
            **{words: part in self.fitted for part, words in CLINICAL_PARTS.items()},
        }
        return tuple(name for name, has in needs.items() if not has)


class Machine(Protocol):
    """A generator and a safety unit joined; every verb returns at once and none raises for what a wire does.

    `fds` are the descriptors of the links whose reply fits the slot. `ask` sends what is due and spends a renewal; `read` takes what has come
    and returns the snapshot; `write` starts a command (level: repeating it is harmless, except ON, which the gate lets out once);
    `beam_off` is True when the off bytes have left for both devices, callers repeat it until then. `logs` hold what passed on each wire until it is
    taken, `figures` say how each has fared; both are by the names of LINKS.
    """

    @property
    def fds(self) -> tuple[int, ...]: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def logs(self) -> dict[str, FrameLog]: ...

    def figures(self) -> dict[str, LinkFigures]: ...

    def ask(self, renew: Renewal | None, now: Seconds) -> None: ...

    def read(self, now: Seconds) -> Readings: ...

    def write(self, command: Command, now: Seconds) -> None: ...

    def beam_off(self, now: Seconds) -> bool: ...
