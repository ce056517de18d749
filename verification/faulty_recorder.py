"""The recorder as a process on a disk that fails as told: `python -m verification.faulty_recorder INSTANCE_FOLDER RECORDS_FOLDER PLAN`.
It is the shipped recorder in everything but the disk under it; the product has no switch that does this."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import msgspec
from sqlalchemy import Engine

from hal.clock import SystemClock
from hal.units import Seconds
from records import process
from records.recorder import Recorder, RecorderConfig
from records.store import Place, engine_for
from verification.disk import FaultyDisk, Killed, Strike


class DiskPlan(msgspec.Struct, frozen=True):
    """What the disk does, and when: a strike (what "" for none) at a call, and syncs that take `slow_s` from a call on."""

    call: int
    what: str = ""
    calls: int = 1
    slow_s: float = 0.0
    seed: int = 0


class KernelDisk(FaultyDisk):
    """Real syncs, and a kill that the kernel does: nobody tidies up."""

    def __init__(self, plan: DiskPlan, volatile: Path) -> None:
        strikes = [Strike(plan.call, plan.what, plan.calls)] if plan.what else []
        super().__init__(plan.seed, strikes, volatile)
        self._plan, self._clock = plan, SystemClock()

    def sync(self, fd: int) -> None:
        super().sync(fd)
        if self._plan.slow_s and self.calls >= self._plan.call:
            self._clock.sleep_until(Seconds(self._clock.monotonic() + self._plan.slow_s))
        os.fdatasync(fd)

    def database(self, path: Place) -> Engine:
        """With the shipped engine's own syncs."""
        return self.listened(engine_for(path))

    def _die(self, strike: Strike) -> Killed:
        os.kill(os.getpid(), signal.SIGKILL)
        return super()._die(strike)


def main(arguments: list[str]) -> int:
    """Run the recorder; gives its exit code."""
    plan = msgspec.json.decode(arguments[2], type=DiskPlan)

    def make(config: RecorderConfig) -> Recorder:
        disk = KernelDisk(plan, Path(config.shm_root))
        return Recorder(config, disk, disk.database)

    return process.main(arguments[:2], make)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
