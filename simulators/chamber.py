"""Two monitor chambers in the head, each with its charge-to-frequency converter: true dose in the head becomes pulses, with noise, leakage and defects.
They know the dose rate that reaches them and the air they hold; not the prescription, nor who counts."""

from __future__ import annotations

import random


class Chamber:
    """One chamber: `step` takes the D0-equivalent dose in the head over one ms; `pulses` only ever rises."""

    __slots__ = (
        "_acc",
        "_drifted",
        "_leak_ms",
        "_max_ms",
        "_per_mgy",
        "_rng",
        "_scale",
        "_spread",
        "air",
        "drift_per_s",
        "extra_leak_ms",
        "gain",
        "ht",
        "jammed",
        "pulses",
        "saturated",
    )

    def __init__(self, mgy_per_count: float, leak_cps: float, noise: float, max_cps: float, seed: int) -> None:
        self._per_mgy = 1.0 / mgy_per_count
        self._leak_ms = leak_cps * 1e-3
        self._max_ms = max_cps * 1e-3
        self._spread = noise
        self._rng = random.Random(seed)
        self._scale = self._per_mgy
        self._drifted = 1.0
        self._acc = 0.0
        self.pulses = 0
        self.saturated = False
        self.ht = True
        self.air = 1.0  # density of the air inside against the reference; 1 for a sealed chamber
        self.gain = 1.0
        self.drift_per_s = 0.0
        self.extra_leak_ms = 0.0
        self.jammed = False  # converter stands at its ceiling

    def step(self, mgy: float) -> None:
        """One ms in which `mgy` of D0-equivalent dose passed the head."""
        counts = self._leak_ms + self.extra_leak_ms
        if mgy:
            counts += mgy * self._scale
        if self.jammed or counts > self._max_ms:
            counts = self._max_ms
            self.saturated = True
        elif self.saturated:
            self.saturated = False
        acc = self._acc + counts
        if acc >= 1.0:
            whole = int(acc)
            self.pulses += whole
            acc -= whole
        self._acc = acc

    def skip(self, mgys: list[float]) -> None:
        """One step for each of these doses, with nothing in between."""
        leak, scale, most, acc, jammed = (
            self._leak_ms + self.extra_leak_ms, self._scale, self._max_ms, self._acc, self.jammed,
        )  # fmt: skip
        counts, pulses = leak, self.pulses
        for mgy in mgys:
            counts = leak + mgy * scale
            acc += most if jammed or counts > most else counts
            if acc >= 1.0:
                whole = int(acc)
                pulses += whole
                acc -= whole
        self._acc, self.pulses = acc, pulses
        self.saturated = jammed or counts > most

    def slow_step(self, ms: int) -> None:
        """Every 10 ms: a new draw of the converter's noise, held inside 1 %; what bends the gain."""
        noise = 1.0 + min(max(self._rng.gauss(0.0, self._spread), -0.01), 0.01)
        if self.drift_per_s:
            self._drifted = max(0.0, self._drifted + self.drift_per_s * ms * 1e-3)
        elif self._drifted != 1.0:
            self._drifted = 1.0
        self._scale = self._per_mgy * self.air * self.gain * self._drifted * noise
