"""A simulated rig with everything beside it, in a folder of its own: `kerma sim`, `kerma run` with its recorder, and `kerma console`.
`make console` starts it, and the browser is tested on it. It ends every process that it started, by its id, and leaves the records."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import typer

from hal.clock import SystemClock
from hal.units import Seconds
from verification import setting

UP_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.1
ENDS_WITHIN_S: Final = 10.0
CODE: Final = re.compile(r"code (\d{8})")
BEFORE_LOOPS: Final = 85
"""A real device is held up by no loop of this machine, and a loop has 80."""
Order = tuple[str, str, str, str, float]
ORDERS: Final[tuple[Order, ...]] = (
    ("EXAMPLE-0002", "L1", "nose, left ala", "left", 950.0),
    ("EXAMPLE-0002", "L2", "ear, right helix", "right", 700.0),
    ("EXAMPLE-0003", "L1", "forehead", "midline", 300.0),
    ("EXAMPLE-0004", "L1", "cheek, left", "left", 1200.0),
    ("EXAMPLE-0005", "L1", "chin", "midline", 1200.0),
)
"""Patient, lesion, site, side, mGy at 3 mm: nobody's."""


@dataclass(frozen=True)
class Served:
    """Where the console is, and what the demonstration operator types."""

    port: int
    code: str
    laid: setting.Setting
    pids: dict[str, int]
    again: Callable[[], Served]
    """A console at the same port in the place of one that has died; it draws a new code."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def served(
    folder: Path,
    records: Path,
    port: int = 0,
    seed: int = 1,
    nice: int = 0,
    switch: str = "once",
    prepared: Callable[[setting.Setting], None] | None = None,
) -> Iterator[Served]:
    """Everything up and answering; `nice` is how rig and console stand among this machine's processes, where that may be changed; `switch` is the rig file's;
    `prepared` is called when all files lie there and nothing was started. RuntimeError: something did not come up, with what it said last."""
    laid = setting.lay_out(folder, records, "monitor", setting.free_port(), seed)
    by_network(laid.rig_file)
    text = laid.rig_file.read_text(encoding="utf-8")
    laid.rig_file.write_text(text.replace("[safety_unit]\n", f'[safety_unit]\nswitch = "{switch}"\n'), encoding="utf-8")
    lay_orders(folder / "orders")
    if prepared is not None:
        prepared(laid)
    port = port or setting.free_port()
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        started["sim"] = _started("sim", ["sim", str(laid.rig_file), "--control", str(laid.control)], folder, nice)
        _wait(laid.control.exists, started, folder)
        started["run"] = _started("run", ["run", "--config", str(laid.rig_file)], folder, nice)
        _wait(laid.desk.exists, started, folder)

        def console() -> Served:
            if "console" in started:
                started["console"].wait(ENDS_WITHIN_S)
            log, arguments = folder / "console.log", ["console", "--config", str(laid.rig_file), "--port", str(port)]
            before = log.stat().st_size if log.exists() else 0
            started["console"] = _started("console", arguments, folder, nice)
            _wait(lambda: _answers(port), started, folder)
            found = CODE.search(log.read_bytes()[before:].decode("utf-8"))
            if found is None:
                raise RuntimeError("kerma console has printed no code")
            return Served(port, found[1], laid, {name: process.pid for name, process in started.items()}, console)

        up = console()
        if nice:
            _before_loops(up.pids["sim"])
            with suppress(OSError, ValueError):
                _stands(int((records / "recorder.pid").read_text()), nice)
        yield up
    finally:
        _end(started, records)
        setting.clear(folder)


def by_network(rig_file: Path) -> None:
    """The generator behind a terminal server: the kernel hands bytes of a terminal on by a worker that has no priority, and on a busy machine whoever
    reads there stands still for 100 ms, also where nothing else keeps it waiting."""
    text = rig_file.read_text(encoding="utf-8")
    changed, count = re.subn(r'(?m)^link = "pty:[^"]*"$', f'link = "socket:127.0.0.1:{setting.free_port()}"', text)
    if count != 1:
        raise RuntimeError(f"{rig_file}: {count} links are terminals, one was expected")
    rig_file.write_text(changed, encoding="utf-8")


def lay_orders(folder: Path, orders: tuple[Order, ...] = ORDERS) -> None:
    """The demonstration's orders or others, each a file of its own made of the short example."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (setting.EXAMPLES / "short.toml").read_text(encoding="utf-8")
    for patient, lesion, site, side, rx_mgy in orders:
        values = {"lesion_id": lesion, "site": site, "laterality": side}
        made = text.replace('"EXAMPLE-0002"', f'"{patient}"').replace(
            '"RX-DEMO"', f'"RX-{patient.rpartition("-")[2]}-{lesion}"'
        )
        for key, value in values.items():
            made = re.sub(rf'(?m)^{key} = ".*"$', f'{key} = "{value}"', made)
        made = re.sub(r"(?m)^rx_mgy_per_fraction = .*$", f"rx_mgy_per_fraction = {rx_mgy}", made)
        (folder / f"{patient.lower()}-{lesion.lower()}.toml").write_text(made, encoding="utf-8")


def _started(name: str, arguments: list[str], folder: Path, nice: int) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "console", *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
    if nice:
        _stands(process.pid, nice)
    return process


def _stands(pid: int, nice: int) -> None:
    """Each session is a group of its own for the kernel, the recorder's too, and among groups only the group's value counts."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, nice)
        Path(f"/proc/{pid}/autogroup").write_text(str(nice), encoding="ascii")


def _before_loops(pid: int) -> None:
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(BEFORE_LOOPS))


def _wait(there: Callable[[], bool], started: dict[str, subprocess.Popen[bytes]], folder: Path) -> None:
    clock = SystemClock()
    until = clock.monotonic() + UP_WITHIN_S
    while not there():
        for name, process in started.items():
            if process.poll() is not None:
                raise RuntimeError(f"kerma {name} ended with code {process.returncode}: {_tail(folder, name)}")
        if clock.monotonic() > until:
            raise RuntimeError(
                f"not up within {UP_WITHIN_S:.0f} s: {' | '.join(_tail(folder, name) for name in started)}"
            )
        clock.sleep_until(Seconds(clock.monotonic() + LOOK_EVERY_S))


def _tail(folder: Path, name: str) -> str:
    lines = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return f"{name}: " + " ".join(lines[-4:])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _end(started: dict[str, subprocess.Popen[bytes]], records: Path) -> None:
    """Politely first, the console before the rig; each wait is bounded."""
    for process in reversed(started.values()):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(OSError, ValueError):
        os.kill(int((records / "recorder.pid").read_text()), signal.SIGTERM)


def main(port: int = typer.Option(8321, help="the pages' port; STOP has the next one")) -> None:
    """Start a simulated rig with its console, print the address, and go on until Ctrl-C."""
    folder = Path(tempfile.mkdtemp(prefix="kerma-console-"))
    records = Path.cwd() / "var" / "console" / folder.name.removeprefix("kerma-console-")
    records.mkdir(parents=True, mode=0o700)

    def heard(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, heard)
    typer.echo("SIMULATED  the rig, the loop and the console come up")
    with suppress(KeyboardInterrupt), served(folder, records, port) as up:
        typer.echo(
            f"SIMULATED  {up.address}  log in as demonstration, code {up.code}; Ctrl-C ends it; records in {records}"
        )
        while True:
            signal.pause()


if __name__ == "__main__":
    typer.run(main)
