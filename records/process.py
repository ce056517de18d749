"""The recorder as a process: a session of its own, one loop of steps, one JSON line on standard error for whatever is worth a word.
It ends when the process that it was started for is dead and drained, when asked to (SIGTERM), or for good when the storage fails."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import msgspec
import structlog

from controller.blob import Blob
from hal.clock import Clock, SystemClock
from hal.units import Seconds
from records.fractions import DATABASE_NAME, JOURNAL_NAME
from records.recorder import Recorder, RecorderConfig, RecorderError

STEP_S = 0.02
TAKE_OVER_S = 10.0
"""How long a new recorder waits for the one before it to end."""
BIRTH_S = 120.0
"""How long the process that it was started for may take to make its ring."""
EXIT_HELD, EXIT_STORAGE, EXIT_USAGE = 75, 74, 64
"""sysexits(3): EX_TEMPFAIL, another recorder holds these records; EX_IOERR, records cannot be kept; EX_USAGE."""


def config_of(folder: Path, records: Path) -> RecorderConfig:
    """The recorder's configuration for the instance whose folder (with its `blob`) is given, keeping records in a folder of their own."""
    blob = msgspec.msgpack.decode((folder / "blob").read_bytes(), type=Blob)
    plain = config_for(str(records), str(folder.parent), blob.instance, blob.rig.simulated)
    return msgspec.structs.replace(
        plain,
        day_check_waived_simulated=blob.rig.simulated and blob.day_check_waived,
        tube_heat=blob.tube_heat,
        time_zone=blob.time_zone,
        physicists=blob.physicists,
        day_signers=blob.day_signers,
        approvals=blob.approvals,
    )


def config_for(records: str, shm_root: str, instance: str, simulated: bool) -> RecorderConfig:
    """The names within a folder of records, of a rig whose site and signers do not matter: a simulated one, which does without the daily check."""
    return RecorderConfig(
        journal_dir=os.path.join(records, JOURNAL_NAME),
        database=os.path.join(records, DATABASE_NAME),
        shm_root=shm_root,
        instance=instance,
        simulated=simulated,
        day_check_waived_simulated=simulated,
    )


Make = Callable[[RecorderConfig], Recorder]
"""How the process makes its recorder: `Recorder`, or a test's on a disk that fails as told."""


def main(arguments: list[str], make: Make = Recorder) -> int:
    """`python -m records CONFIG` (a msgpack RecorderConfig) or `python -m records INSTANCE_FOLDER RECORDS_FOLDER`."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[structlog.processors.add_log_level, structlog.processors.JSONRenderer()],
    )
    if len(arguments) == 1:
        config = msgspec.msgpack.decode(Path(arguments[0]).read_bytes(), type=RecorderConfig)
    elif len(arguments) == 2:
        config = config_of(Path(arguments[0]), Path(arguments[1]))
    else:
        log.error("usage", words="python -m records CONFIG, or INSTANCE_FOLDER RECORDS_FOLDER")
        return EXIT_USAGE
    # one that already leads a group has one of its own, which is what matters for Ctrl-C
    with suppress(PermissionError):
        os.setsid()
    asked: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    signal.signal(signal.SIGTERM, stop)
    # Ctrl-C is for the process at the terminal; the recorder outlives it until its ring is drained
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return run(config, SystemClock(), lambda: bool(asked), log, make)


def run(
    config: RecorderConfig,
    clock: Clock,
    asked: Callable[[], bool],
    log: structlog.typing.WrappedLogger,
    make: Make = Recorder,
) -> int:
    """Turn a recorder until it may end; gives the exit code."""
    recorder, words = _taken_over(config, clock, asked, make)
    if recorder is None:
        log.error("not started", words=words, wall_s=clock.wall())
        return EXIT_HELD if "another recorder" in words else EXIT_STORAGE
    log.info("started", pid=os.getpid(), instance=config.instance, simulated=config.simulated, wall_s=clock.wall())
    born_until_s = clock.monotonic() + BIRTH_S
    try:
        while True:
            now_s, wall_s, ending = clock.monotonic(), clock.wall(), asked()
            progress = recorder.step(now_s, wall_s, at_once=ending)
            for said in progress.words:
                log.info("note", words=said, wall_s=wall_s)
            if ending or _is_over(recorder, config.instance, now_s > born_until_s):
                break
            clock.sleep_until(Seconds(now_s + STEP_S))
    except RecorderError as error:
        log.error("ended for good", words=str(error), wall_s=clock.wall())
        return EXIT_STORAGE
    finally:
        recorder.close()
    log.info("ended", wall_s=clock.wall())
    return 0


def _taken_over(
    config: RecorderConfig, clock: Clock, asked: Callable[[], bool], make: Make
) -> tuple[Recorder | None, str]:
    """A recorder, once the one before it has let go; or why there is none."""
    until_s = clock.monotonic() + TAKE_OVER_S
    while True:
        try:
            return make(config), ""
        except RecorderError as error:
            if "another recorder" not in str(error) or asked() or clock.monotonic() > until_s:
                return None, str(error)
        clock.sleep_until(Seconds(clock.monotonic() + STEP_S))


def _is_over(recorder: Recorder, instance: str, grown: bool) -> bool:
    """Whether the process that this recorder was started for is done with: dead and drained, or never born.

    Where it was never born, the next one may be living on this recorder, for its own gave up waiting for the records.
    """
    return bool(instance) and (recorder.finished(instance) or (grown and not recorder.serving))
