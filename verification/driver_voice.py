"""A generator's shipped driver as the voice of a bench: set-points, on and off go the way that they go in a treatment, with its wire's own delays.
It knows no dose and no safety unit."""

from __future__ import annotations

import zlib
from typing import Final

from hal import registry
from hal.commands import Plan, SetUp
from hal.registry import GeneratorSetting
from hal.transport import Pipe
from hal.units import Seconds
from simulators.generator_face import GeneratorTcpFace
from simulators.plant import Plant
from simulators.profile import Profile
from verification.pipes import FacePipe, LinePipe

TICK_US: Final = 10_000
EPOCH_S: Final = 100.0
STAGING: Final = bytes(4) + (600_000).to_bytes(4, "big") + bytes(48)
"""Nothing but a K1 limit, from which a generator with a timer of its own sets it."""


class DriverVoice:
    """`step` each ms; every tenth is a tick of the driver."""

    def __init__(self, profile: Profile, plant: Plant) -> None:
        self._plant = plant
        self._profile = profile
        self._on = False
        self._plan: Plan | None = None
        driver = registry.generator(profile.generator)
        packets = profile.generator_packets or "pty" not in driver.wires
        self._filament = driver.filament_set_points
        face = GeneratorTcpFace(plant.generator_line, lambda: plant.now_us)

        def open_pipe(_link: str, _baud: int) -> Pipe:
            return FacePipe(face) if packets else LinePipe(plant, plant.generator_line)

        self._generator = driver.make(
            GeneratorSetting(
                "tcp:127.0.0.1:1" if packets else "pty:bench",
                0 if packets else profile.generator_baud,
                profile.model,
                profile.full_scale_kv,
                profile.full_scale_ma,
                profile.turnaround_us * 1e-6 + 0.0005,
                TICK_US * 1e-6,
                True,
            ),
            open_pipe,
        )

    @property
    def _now(self) -> Seconds:
        return Seconds(EPOCH_S + self._plant.now_us * 1e-6)

    def step(self) -> None:
        """One ms has passed at the plant."""
        if self._plant.now_us % TICK_US:
            return
        self._generator.take(self._now)
        self._generator.ask(self._now, not self._on, not self._on, False)

    def want(self, kv_counts: int, ma_counts: int) -> None:
        """Work towards these set-points, with the filament's own where it has any."""
        limit = self._profile.filament_limit_counts if self._filament else 0
        preheat = self._profile.filament_preheat_counts if self._filament else 0
        self._plan = Plan(kv_counts, ma_counts, limit, preheat, STAGING, zlib.crc32(STAGING))
        self._generator.want(SetUp(self._plan), self._now)

    def holds(self) -> bool:
        """The device has said all four back."""
        points, plan = self._generator.set_points, self._plan
        return (
            points is not None
            and plan is not None
            and (points.kv_counts, points.ma_counts) == (plan.kv_counts, plan.ma_counts)
        )

    def on(self) -> None:
        self._on = True
        self._generator.on(self._now)

    def off(self) -> None:
        self._on = False
        self._generator.off(self._now, at_once=True)
