"""A meter that is shown one status after the other, with numbers whose sums are exact: 64 mGy/s, half and a quarter mGy a count, 125 ms a tick.
It simulates nothing: each status is what the test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from dose_bench import K1_CLOSED_HV, SOUND, combination, made, readings, status

from controller.dose import Dose, Meter, _Segment
from controller.kernel import PLAIN
from controller.settings import Settings
from hal.readings import GeneratorMonitor, Health, Relay, UnitState, UnitStatus

TICK_S = 0.125
R0 = 64.0
K1_CLOSED = int(Relay.K1_COMMAND | Relay.K2_COMMAND | Relay.BEAM_LAMP_OK)
SATURATED_1, SATURATED_2 = int(SOUND | Health.SATURATED1), int(SOUND | Health.SATURATED2)


def by_hand(c: dict[str, Any] | None = None, terms: dict[str, Any] | None = None, **changes: Any) -> Settings:
    """64 mGy/s at 32 kV and 2 mA, where output is half of that at 64 kV; half and a quarter mGy a count; a ramp of 250 ms, half a second to discharge at most,
    and a sixteenth with K1 alone."""
    of_beam = {
        "kv": 32.0,
        "ma": 2.0,
        "r0_mgy_per_s": R0,
        "dt_s": -0.125,
        "tail_mgy": 2.0,
        "n1_mgy_per_count": 0.5,
        "n2_mgy_per_count": 0.25,
    }
    of_beam |= {"g_kv": ((16.0, 0.25), (32.0, 0.5), (64.0, 1.0))}
    s = made()
    for_rules = msgspec.structs.replace(
        s.terms, **({"kv": 32.0, "ma": 2.0, "ramp_s": 0.25, "t2d_s": 0.5} | (terms or {}))
    )
    given = {"combination": combination(**(of_beam | (c or {}))), "terms": for_rules}
    given |= {"tail_mgy": 2.0, "discharge_s": 0.0125, "press_to_hv_s": 0.125}
    return msgspec.structs.replace(s, **(given | changes))


@dataclass
class Steps:
    """A meter that is shown one status after the other, 125 ms apart unless the test says otherwise; what is not said stays as it was."""

    s: Settings = field(default_factory=by_hand)
    chambers: bool = True
    timer: bool = True
    unit: UnitStatus = field(default_factory=lambda: status(1.0))
    monitor: GeneratorMonitor | None = None
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.now_s = self.unit.asked_at_s
        self.meter = Meter(PLAIN, TICK_S, self.chambers, self.timer)
        self.meter.begin(self.s, readings(self.now_s, self.unit, self.monitor), self.now_s)

    @property
    def at(self) -> _Segment:
        assert self.meter._segment is not None
        return self.meter._segment

    def see(
        self, after_s: float = TICK_S, kv: float | None = None, given: dict[str, Any] | None = None, **changes: Any
    ) -> Dose:
        """A status so long after the last, with its own clock, and a sample of kV where the test has one."""
        self.now_s += after_s
        clock = {
            "scan": int(self.now_s * 1000),
            "sample_us": (self.unit.sample_us + round(after_s * 1e6)) & 0xFFFF_FFFF,
        }
        self.unit = msgspec.structs.replace(self.unit, asked_at_s=self.now_s, **(clock | changes))
        return self.hear(0.0, kv, given, self.unit)

    def hear(
        self, after_s: float, kv: float | None, given: dict[str, Any] | None = None, unit: UnitStatus | None = None
    ) -> Dose:
        """No new status; a sample of kV where the test has one."""
        self.now_s += after_s
        if kv is not None:
            self.monitor = GeneratorMonitor(self.now_s, kv, 2.0, 3.0, 2846, 1310)
        return self.meter.add(readings(self.now_s, unit or self.unit, self.monitor, **(given or {})), self.now_s)

    def run(self, n: int = 1, each_1: int = 16, each_2: int = 32, **changes: Any) -> Dose:
        """So many statuses in RUN with high voltage, and what each adds to the counters."""
        for _ in range(n):
            counts = {"counts_1": self.unit.counts_1 + each_1, "counts_2": self.unit.counts_2 + each_2}
            given = {"state": UnitState.RUN, "relays": K1_CLOSED_HV, "beam_ms": self.unit.beam_ms + 125} | counts
            said = self.see(**(given | changes))
        return said

    def counted(self, *places: int) -> tuple[int, ...]:
        return tuple(self.at._counted[place] for place in places)
