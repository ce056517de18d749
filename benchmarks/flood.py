"""`make bench-flood`: how late the real-time process begins its ticks with the beam on, while its console is flooded, against the same run without; and STOP.
The flood is a process of its own; what it asks for is what anybody on the network could. What must hold is asked of the simulated world and the records."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table

from benchmarks.process_rig import ProcessRig, late_us, process_rig
from hal.clock import SystemClock
from verification.chain import chain_of
from verification.hands import Stuck
from verification.reach import LEAST_MGY
from verification.real import RealRig
from verification.setting import free_port

CLOCK: Final = SystemClock()
RX_MGY: Final = 1200.0
"""Longer than the window at the example rig's rate."""
REQUESTS: Final = 1000
"""A second."""
SOCKETS: Final = 200
"""Of them half say half a request and no more; the others ask."""
ALLOWED_US: Final = 20_000.0
"""What a tick's beginning may be late, flooded or not: twice its own 10 ms."""
UP_WITHIN_S: Final = 30.0
FIRST: Final = "answered\n"
"""What the flood's process says at its first answer: a window begins no earlier."""
TRIES: Final = 4
TAKEN_AWAY: Final = 75
ASKED: Final = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
    b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
    b"POST /api/load HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
    b"POST /api/login HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}",
)


@dataclass(frozen=True)
class Run:
    """One exposure: how late its ticks began in the window, and how long STOP took from the click to the answer, and to the lamp."""

    ticks: int
    half_us: float
    p999_us: float
    worst_us: float
    late: int
    answered_per_s: float
    stop_answer_s: float
    stop_dark_s: float
    ended: str
    broken: tuple[str, ...] = ()
    """What did not hold of this exposure, in words."""


def exposed(flooded: bool, window_s: float) -> Run:
    """A new rig and a new console; the beam on for the window, then STOP by its door."""
    with process_rig(100, network=True) as rig, console(rig) as port:
        beam(rig)
        with flood(port, flooded) as stopped:
            rig.rig.wait(0.5)
            reader, begun_s = rig.lateness(), CLOCK.monotonic()
            rig.rig.wait(window_s)
            ended_s = CLOCK.monotonic()
            shown = rig.rig.until(lambda _: True, 5.0, "a snapshot")
            if shown.state != "IRRADIATING":
                worst_us = max(late_us(reader, begun_s, ended_s), default=0.0)
                raise BeamLostError(
                    f"the beam ended in the window, in which no tick began later than {worst_us:.0f} us: {shown.state}: {shown.notice}"
                )
            answer_s, dark_s = stop(rig, port + 1)
            answered = stopped()
        late = sorted(late_us(reader, begun_s, ended_s))
        shown = rig.rig.until(lambda s: s.ended is not None and s.ended.durable, 20.0, "the end in the records")
        assert shown.ended is not None
        return Run(
            len(late), median(late), late[int(0.999 * (len(late) - 1))], late[-1], sum(1 for one in late if one > ALLOWED_US),
            answered / (ended_s - begun_s), answer_s, dark_s, f"{shown.ended.outcome} by {shown.ended.event}", tuple(broken(rig.rig, rig.setting.records)),
        )  # fmt: skip


def broken(rig: RealRig, records: Path) -> list[str]:
    """What must hold of an exposure that has ended, whatever was done to its console: asked of the world's truth, its log, the journal and the database."""
    truth, chain = rig.truth(), chain_of(records / "journal")
    kept = [exposure for fraction in rig.records() for exposure in fraction["exposures"]]
    high_mgy, ons = sum(one["high_mgy"] for one in kept), [what for _, _, what in rig.log()].count("HV ON accepted")
    held = {
        "high voltage is on": not truth["hv_on"],
        f"{ons} ON commands for one press": ons == 1,
        f"the records' high bound is {high_mgy:.1f} mGy, truly {truth['dose_mgy']:.1f}": high_mgy >= truth["dose_mgy"] - LEAST_MGY,
        f"the database shows {len(kept)} exposures, the journal {len(chain.starts)}": {one["token"] for one in kept} == set(chain.starts),
    }  # fmt: skip
    return [
        *chain.unsound(),
        *(f"exposure {token} has no end" for token in chain.open()),
        *(words for words, well in held.items() if not well),
    ]


class NoBeamError(Exception):
    """It did not come to beam, before any flood: a machine that was taken away."""


def beam(rig: ProcessRig) -> None:
    """Loaded, confirmed, pressed, on."""
    try:
        rig.standby()
        rig.ready(RX_MGY)
        rig.rig.press()
        rig.rig.until(lambda s: s.state == "IRRADIATING", 20.0, "beam")
    except Stuck as why:
        raise NoBeamError(str(why)) from why


class BeamLostError(Exception):
    """Somebody else than STOP ended it within the window."""


def exposed_in_the_end(flooded: bool, window_s: float) -> Run:
    """Begun anew where it did not come to beam, or ended although nobody flooded it, some times: a machine that is taken away shows nothing.

    Stuck: it never came so far. BeamLostError: a flooded one ended; that counts at once.
    """
    why = ""
    for _ in range(TRIES):
        try:
            return exposed(flooded, window_s)
        except (NoBeamError, Stuck) as words:
            why = str(words)
        except BeamLostError as words:
            if flooded:
                raise
            why = str(words)
    raise Stuck(f"no beam of {window_s:g} s in {TRIES} tries, {'before the flood' if flooded else 'left alone'}: {why}")


def stop(rig: ProcessRig, door: int) -> tuple[float, float]:
    """STOP as a page sends it; seconds to the answer, and to the snapshot that says off."""
    begun_s = CLOCK.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", door, timeout=10.0)
    with contextlib.closing(connection):
        connection.request("POST", "/stop")
        if connection.getresponse().status != 200:
            raise Stuck("the STOP door did not hand STOP over")
    answer_s = CLOCK.monotonic() - begun_s
    rig.rig.until(lambda s: s.beam == "off", 10.0, "beam off")
    return answer_s, CLOCK.monotonic() - begun_s


@contextlib.contextmanager
def console(rig: ProcessRig, nice: int = 0) -> Iterator[int]:
    """`kerma console` beside the rig, answering; its port."""
    port = free_port()
    out = (rig.setting.folder / "console.log").open("wb")
    process = subprocess.Popen(
        ["nice", "-n", str(nice), sys.executable, "-P", "-m", "console", "console", "--config", str(rig.setting.rig_file), "--port", str(port)],
        stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
    )  # fmt: skip
    try:
        until = CLOCK.monotonic() + UP_WITHIN_S
        while not _there(port):
            if process.poll() is not None or CLOCK.monotonic() > until:
                raise Stuck(f"the console did not come up: {Path(out.name).read_text()[-500:]}")
            rig.rig.wait(0.1)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        out.close()


def _there(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def flood(port: int, flooded: bool, nice: int = 0) -> Iterator[Callable[[], int]]:
    """The flood's process, once its first request is answered; what is yielded ends it and says how many were. Stuck: none was within UP_WITHIN_S."""
    if not flooded:
        yield lambda: 0
        return
    process = subprocess.Popen(
        ["nice", "-n", str(nice), sys.executable, "-P", "-m", "benchmarks.flood", "--flood", str(port)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip

    def ended() -> int:
        said, _ = process.communicate(timeout=20.0)
        return int(said)

    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], UP_WITHIN_S)
        if not ready or process.stdout.readline() != FIRST:
            raise Stuck(f"the console answered no request within {UP_WITHIN_S:g} s")
        yield ended
    finally:
        process.kill()
        process.wait()


async def flooding(port: int) -> int:
    """Until standard input ends: half of the sockets stay in half a request, the others ask, all together so many a second; how many were answered."""
    answered = [0]
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    asking = SOCKETS // 2
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_half(port)) for _ in range(SOCKETS - asking)]
        tasks += [group.create_task(_asking(port, number, asking / REQUESTS, answered)) for number in range(asking)]
        await ended.wait()
        for task in tasks:
            task.cancel()
    return answered[0]


async def _half(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /api/load HTTP/1.1\r\nHost: 127.0.0.1")
            await reader.read(1000)
            writer.close()
        await asyncio.sleep(0.1)


async def _asking(port: int, number: int, every_s: float, answered: list[int]) -> None:
    """Requests on one connection at their times; one that is not answered by then makes the next one late, not a queue."""
    loop = asyncio.get_running_loop()
    next_s = loop.time() + every_s * (number % 10) / 10
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            try:
                while True:
                    await asyncio.sleep(max(0.0, next_s - loop.time()))
                    next_s = max(next_s + every_s, loop.time() - every_s)
                    request = ASKED[answered[0] % len(ASKED)]
                    writer.write(request % port if b"%d" in request else request)
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = next(
                        (
                            row.split(b":")[1]
                            for row in head.lower().split(b"\r\n")
                            if row.startswith(b"content-length:")
                        ),
                        b"0",
                    )
                    await reader.readexactly(int(length))
                    answered[0] += 1
                    if answered[0] == 1:
                        sys.stdout.write(FIRST)
                        sys.stdout.flush()
            finally:
                writer.close()
        await asyncio.sleep(every_s)


def shown(runs: dict[str, list[Run]]) -> Table:
    """Medians over the rounds; the worst tick is the worst of all."""
    table = Table(
        title=f"beam on, 100 ticks a second; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs",
        title_justify="left",
    )
    for head in (
        "console",
        "ticks",
        "half within",
        "99.9 % within",
        "worst",
        f"later than {ALLOWED_US / 1000:.0f} ms",
        "requests answered a second",
    ):
        table.add_column(head, justify="right")
    for head in ("STOP answered", "beam off shown", "ended", "invariants broken"):
        table.add_column(head, justify="right")
    for name, some in runs.items():
        table.add_row(
            name, str(sum(one.ticks for one in some)), f"{median(one.half_us for one in some):.0f} us", f"{median(one.p999_us for one in some):.0f} us",
            f"{max(one.worst_us for one in some):.0f} us", str(sum(one.late for one in some)), f"{median(one.answered_per_s for one in some):.0f}",
            f"{1000 * median(one.stop_answer_s for one in some):.1f} ms", f"{1000 * median(one.stop_dark_s for one in some):.0f} ms",
            ", ".join(sorted({one.ended for one in some})), str(sum(len(one.broken) for one in some)),
        )  # fmt: skip
    return table


def main(arguments: list[str]) -> int:
    """Rounds by turns, the table, and the ratio. Exit 1: a flooded run ended otherwise than by STOP, a tick was too late, or something did not hold;
    75: nothing could be shown."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--flood", type=int)
    asked = parser.parse_args(arguments)
    if asked.flood is not None:
        sys.stdout.write(f"{asyncio.run(flooding(asked.flood))}\n")
        return 0
    screen = Console()
    runs: dict[str, list[Run]] = {"left alone": [], "flooded": []}
    for number in range(asked.rounds):
        for name, some in runs.items():
            with screen.status(f"round {number + 1} of {asked.rounds}, {name}"):
                try:
                    some.append(exposed_in_the_end(name == "flooded", asked.seconds))
                except Stuck as why:
                    screen.print(f"the machine was taken away: {why}")
                    return TAKEN_AWAY
                except BeamLostError as why:
                    screen.print(f"flooded, {why}")
                    return 1
    screen.print(shown(runs))
    ratio = median(one.p999_us for one in runs["flooded"]) / median(one.p999_us for one in runs["left alone"])
    wrong = [one for one in runs["flooded"] if one.late or not one.ended.endswith("STOP")]
    said = [words for some in runs.values() for one in some for words in one.broken]
    for words in said:
        screen.print(f"did not hold: {words}", highlight=False)
    screen.print(
        f"99.9 % of the ticks: {ratio:.2f} times as late with the flood; {'no' if not wrong else len(wrong)} flooded run broke its bound"
    )
    if asked.json:
        asked.json.write_text(
            json.dumps({name: [asdict(one) for one in some] for name, some in runs.items()}, indent=1)
        )
    return int(bool(wrong or said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
