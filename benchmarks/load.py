"""What a busy disk is to the real-time process: another process that writes and syncs without pause.
It knows no rig, and ends with the process that started it: `python -m benchmarks.load FOLDER`."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Final

BLOCK: Final = os.urandom(1 << 20)
BLOCKS: Final = 64
NICE: Final = 10
_PR_SET_PDEATHSIG = 1


def disk(folder: Path) -> None:
    """64 MiB written, each MiB synced, and again."""
    while True:
        with (folder / "load.bin").open("wb", buffering=0) as file:
            for _ in range(BLOCKS):
                file.write(BLOCK)
                os.fsync(file.fileno())


def main(arguments: list[str]) -> int:
    """Runs until it is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(NICE)
    disk(Path(arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
