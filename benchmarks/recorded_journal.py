"""A fraction of four minutes that the simulated world gives and the shipped loop and recorder keep, and its samples as the journal brings them back.
It times nothing: it records, plays the record again with kernels that keep what they are given, and hands that on as one block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from controller import kernel
from controller.kernel import Kernels
from records.files import PosixFiles
from records.journal import read_all
from records.replay import exposures, replay
from verification.scenarios import ended, to_ready
from verification.setting import lay_out, prescribed, virtual_rig

BEAM_S: Final = 240.0
RX_MGY: Final = 11_300.0
"""A little more than BEAM_S of beam of the simulated tube."""
PORT: Final = 15020
"""Nobody listens there: the world is in virtual time."""


@dataclass(frozen=True)
class Fed:
    """What one of the kernels was given, all calls in one, what with, and its state after the last."""

    rows: Any
    given: tuple[Any, Any]
    state: Any


@dataclass(frozen=True)
class Samples:
    """A fraction's samples as one block of each kernel, with what the live loop came to, sample by sample."""

    counts: Fed
    model: Fed

    @property
    def beam_s(self) -> float:
        return float(self.counts.state[kernel.COUNTING_US]) * 1e-6

    def both(self, kernels: Kernels) -> tuple[Any, Any]:
        """The whole journal in one block of each kernel."""
        integers, floats = np.zeros(kernel.COUNT_STATE, dtype=np.int64), np.zeros(kernel.MODEL_STATE)
        limits, masks = self.counts.given
        table, scale = self.model.given
        kernels.counters(self.counts.rows, limits, masks, integers)
        kernels.model(self.model.rows, table, scale, floats)
        return integers, floats

    def same(self, kernels: Kernels) -> bool:
        """Whether one block comes to what the samples one by one came to, to the last bit."""
        again = self.both(kernels)
        return all(a.tobytes() == fed.state.tobytes() for a, fed in zip(again, (self.counts, self.model), strict=True))


class _Keeper:
    """A kernel that keeps what it is given, by the state that it is to add to."""

    def __init__(self, shipped: Any) -> None:
        self._shipped = shipped
        self._kept: list[tuple[Any, tuple[Any, Any], list[Any]]] = []

    def __call__(self, rows: Any, first: Any, second: Any, state: Any) -> None:
        self._shipped(rows, first, second, state)
        if not self._kept or self._kept[-1][0] is not state:
            self._kept.append((state, (first, second), []))
        self._kept[-1][2].append(rows.copy())

    def longest(self) -> Fed:
        """The state that was added to most often: the fraction, and not the golden vector."""
        state, given, rows = max(self._kept, key=lambda one: len(one[2]))
        return Fed(np.concatenate(rows), given, state)


def record(kernels: Kernels, rx_mgy: float = RX_MGY) -> Samples:
    """Give the fraction, read its journal, and play it again. SystemExit where it was not recorded, or comes out otherwise than it was."""
    with TemporaryDirectory(prefix="kerma-bench-") as name:
        folder = Path(name)
        rig = virtual_rig(lay_out(folder / "rig", folder / "records", "monitor", PORT), kernels)
        try:
            to_ready(rig, prescribed(rx_mgy))
            rig.press()
            end = ended(rig, 2.0 * BEAM_S)
            rig.wait(1.0)
            recorded = list(exposures(read_all(PosixFiles(), Path(rig.recorder_config.journal_dir))))
        finally:
            rig.close()
    if end.state != "TERMINATED" or len(recorded) != 1:
        raise SystemExit(f"{len(recorded)} exposures were recorded, and the last ended in {end.state}: {end.notice}")
    counters, model = _Keeper(kernels.counters), _Keeper(kernels.model)
    told = replay(recorded[0], Kernels(counters, model))
    if told.difference is not None:
        raise SystemExit(f"the record comes out otherwise: {told.difference.words()}")
    return Samples(counters.longest(), model.longest())
