"""`kerma demo` leaves nothing behind, however it is ended: no process and no file on tmpfs. Only kill -9 is beyond it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hal.clock import SystemClock
from hal.units import Seconds

WITHIN_S = 40.0


def processes_of(folder: Path) -> list[str]:
    """Command lines of living processes that name this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{folder}/kerma-" in line:
                found.append(line)
    return found


def wait_for(holds: bool, folder: Path) -> list[str]:
    """Until there are such processes, or none; what there is then."""
    clock = SystemClock()
    until = clock.monotonic() + WITHIN_S
    while bool(found := processes_of(folder)) is not holds and clock.monotonic() < until:
        clock.sleep_until(Seconds(clock.monotonic() + 0.05))
    return found


@pytest.mark.realtime
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_demo_that_is_ended_takes_everything_with_it(number: signal.Signals) -> None:
    """A closed terminal (HUP), a polite kill and Ctrl-C, each sent twice, to the operator's process alone."""
    with TemporaryDirectory(prefix="kd-") as name:
        folder = Path(name)
        demo = subprocess.Popen(
            [sys.executable, "-P", "-m", "console", "demo"],
            cwd=folder, env=os.environ | {"TMPDIR": name}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert wait_for(True, folder), "nothing was started"
        (played,) = folder.glob("kerma-*")
        demo.send_signal(number)
        demo.send_signal(number)
        assert demo.wait(WITHIN_S) == 128 + number
        assert wait_for(False, folder) == []
        assert not played.exists()
        assert not (Path("/dev/shm") / f"kerma-{os.getuid()}" / played.name).exists()
