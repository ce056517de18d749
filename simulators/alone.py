"""One simulated device by itself on a bench: a generator whose interlock line and inverter power are closed for good, or an electrometer with its own source.
It knows no safety unit; for that reason it is for trying a driver, never for an exposure."""

from __future__ import annotations

from dataclasses import replace

from simulators.electrometers import BAUDS, Electrometer
from simulators.faults import Faults
from simulators.generator_face import GeneratorTcpFace
from simulators.plant import STEP_US, Plant, Truth
from simulators.profile import DEFAULT, Profile
from simulators.seam import UnitOutputs


class NoUnit:
    """Stands where the faults of a safety unit would act: nothing is there."""

    def __init__(self) -> None:
        self.faults: set[str] = set()

    def reboot(self, now_us: int) -> None:
        """Nothing reboots."""


class GeneratorAlone:
    """A world of one supply and its tube."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.plant = Plant(profile, seed)
        self.now_us = 0
        self.log = self.plant.log
        self.room = self.plant.room
        self.generator_line = self.plant.generator_line
        self.generator_tcp = GeneratorTcpFace(self.generator_line, lambda: self.plant.now_us)
        self.faults = Faults(self.plant, NoUnit())
        self._out = UnitOutputs(k1_close=True, k2_close=True)

    def advance(self, to_us: int) -> None:
        """Step 1 ms at a time until the next step would pass `to_us`."""
        while self.now_us + STEP_US <= to_us:
            self.now_us += STEP_US
            if self.now_us >= self.faults.next_us:
                self.faults.step(self.now_us)
            self.plant.step(self._out)

    def truth(self) -> Truth:
        """What is true now."""
        return self.plant.truth()


class ElectrometerAlone:
    """A world of one electrometer and a dose rate that hands set; a rig whose power is off stands beside it, for its air and its faults."""

    def __init__(self, name: str, seed: int, baud: int | None = None) -> None:
        self.plant = Plant(DEFAULT, seed)
        self.now_us = 0
        self.log = self.plant.log
        self.room = self.plant.room
        self.mgy_s = 0.0
        self.dose_mgy = 0.0
        self.electrometer = Electrometer(name, seed, BAUDS[name] if baud is None else baud, lambda: self.now_us)
        self.faults = Faults(self.plant, NoUnit(), seed=seed)
        self.faults.plug("electrometer", self.electrometer.line)
        self._out = UnitOutputs()

    def advance(self, to_us: int) -> None:
        """Step 1 ms at a time until the next step would pass `to_us`."""
        while self.now_us + STEP_US <= to_us:
            self.now_us += STEP_US
            if self.now_us >= self.faults.next_us:
                self.faults.step(self.now_us)
            self.plant.step(self._out)
            self.dose_mgy += self.mgy_s * 1e-3
            self.electrometer.step(self.now_us, self.dose_mgy, self.plant.chamber_2.air)

    def truth(self) -> Truth:
        """What is true now, the dose being that of the source."""
        return replace(self.plant.truth(), dose_mgy=self.dose_mgy, dose_rate_mgy_s=self.mgy_s)
