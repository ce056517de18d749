"""The real-time process: one thread, one loop, started by `kerma run` through execve with a checked configuration.
It knows no page, no database and no file but its configuration and the folder on tmpfs."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec

from controller.assemble import assemble
from controller.blob import Blob
from controller.desk import Sockets
from controller.ends import own_words
from controller.entries import Crash, EntryType
from controller.kernel import prepare
from controller.kernel_asked import ask_kernel, hold_reserve
from controller.loop import Loop
from controller.pace import KernelPace
from controller.self_test import STUCK_RULE
from hal.clock import SystemClock
from hal.rig import make_rig

EXIT_CRASH: Final = 70
EXIT_NOT_CLINICAL: Final = 71
EXIT_STUCK_ON: Final = 72


def run(loop: Loop) -> int:
    """Tick until a signal asked for the end and the beam is verifiably not wanted. Whatever escapes a tick shuts the gate and ends the process."""
    try:
        while not (loop.stop_requested and loop.may_end):
            loop.tick(loop.pace.next())
    except BaseException as error:
        loop.gate.shut()
        words = "".join(traceback.format_exception_only(error)).strip()[:400]
        try:
            loop.ledger.put(EntryType.CRASH, Crash(words), loop.pace.now())
            loop.links.keep(loop.pace.now())
            sys.stderr.write(f"kerma: an error escaped the tick; the gate is shut, the process ends: {words}\n")
            traceback.print_exc()
        finally:
            os._exit(EXIT_CRASH)
    loop.gate.shut()
    code = EXIT_STUCK_ON if loop.stuck_on else 0
    with contextlib.suppress(Exception):
        loop.dossier.leave(loop.pace.now())
    with contextlib.suppress(Exception):
        if code:
            sys.stderr.write(f"kerma: {own_words(STUCK_RULE)}\n")
        loop.links.keep(loop.pace.now())
    return code


def main(arguments: list[str]) -> int:
    """`python -m controller BLOB`: decode, compile, assemble, ask the kernel, run."""
    blob = msgspec.msgpack.decode(Path(arguments[0]).read_bytes(), type=Blob)
    clock = SystemClock()
    kernels = prepare()
    machine = make_rig(blob.rig, blob.site_key)
    pace = KernelPace(clock, 1.0 / blob.tick_hz)
    sockets = Sockets(blob.paths.desk, blob.paths.stop)
    loop = assemble(blob, machine, clock, pace, sockets, kernels)

    def stop(_number: int, _frame: FrameType | None) -> None:
        loop.stop_requested = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    reserve = hold_reserve()
    lacking = ask_kernel(blob.scheduling)
    if lacking and blob.clinical:
        sys.stderr.write("kerma: clinical mode needs real-time scheduling: " + "; ".join(lacking) + "\n")
        return EXIT_NOT_CLINICAL
    loop.notices = lacking
    sys.stdout.write(
        f"kerma: ready, pid {os.getpid()}, {'SIMULATED ' if blob.rig.simulated else ''}rig {blob.rig.name}\n"
    )
    sys.stdout.flush()
    pace.restart()
    code = run(loop)
    sockets.close()
    del reserve
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
