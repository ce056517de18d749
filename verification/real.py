"""The same hands on real processes: the simulated rig, `kerma run` with its recorder, and an operator's desk, over a pty, TCP and sockets.
It kills and freezes by the process ids that it started or was told by them, and by no name."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from console.desk_client import Desk, DeskGoneError, connect, send_stop
from controller.requests import Alive, Answer, Request, Reset, Snapshot, Watch
from hal.clock import SystemClock
from hal.units import Seconds
from records.fractions import list_fractions, show
from verification.hands import Stuck
from verification.trace import Act

START_S: Final = 40.0
PUMP_S: Final = 0.05
ALIVE_EVERY_S: Final = 0.5
PRESS_S: Final = 0.3
EXCHANGES: Final = 5
FATE: Final = {signal.SIGSTOP: "frozen", signal.SIGCONT: "thawed", signal.SIGKILL: "killed"}


class Ended(Stuck):
    """What was waited for cannot come, for its process has ended by itself: no waiting explains that."""


class RealRig:
    """One rig file, its processes and its desk. Every process is started in a session of its own and ended by its own id.

    `each_turn` is done in each wait, by name; `environment` is added to that of the real-time process, which hands it to its recorder.
    """

    def __init__(
        self, rig_file: Path, folder: Path, control: Path, desk: Path, stop: Path, database: Path, shm: Path
    ) -> None:
        self._rig_file, self._folder, self._control, self._shm = rig_file, folder, control, shm
        self._desk_path, self._stop_path, self._database = desk, stop, database
        self._clock = SystemClock()
        self._sim: subprocess.Popen[bytes] | None = None
        self._host: subprocess.Popen[bytes] | None = None
        self._recorder: subprocess.Popen[bytes] | None = None
        self._desk: Desk | None = None
        self._snapshot: Snapshot | None = None
        self._answers: deque[Answer] = deque()
        self._release_at: float | None = None
        self._alive_at = float("-inf")
        self._at_desk = True
        self._stolen_s = 0.0
        self._world_offset: float | None = None
        self.watcher: Callable[[Snapshot], None] | None = None
        self.each_turn: dict[str, Callable[[], None]] = {}
        self.environment: dict[str, str] = {}
        self.acts: list[Act] = []
        """What was done to the rig from outside, and when."""

    def start(self, fault: str = "") -> None:
        """Serve the simulated rig, lay the fault that is there from the start, and start the real-time process."""
        self._sim = self._spawn("sim", ["sim", str(self._rig_file), "--control", str(self._control)])
        self._wait_for(
            lambda: self._control.exists() and self._controlled({"do": "truth"}) is not None, "the simulated rig"
        )
        if fault:
            self.fault(fault)
        self.start_host()

    def now_s(self) -> float:
        return self._clock.monotonic()

    def snapshot(self) -> Snapshot | None:
        return self._snapshot

    def ask(self, request: Request) -> Answer:
        self._at_desk = True
        self._answers.clear()
        who = {"role": request.role, "who": request.who, "reason": request.reason} if isinstance(request, Reset) else {}
        self._note("came", str(request.__struct_config__.tag), who)
        self._send(request)
        until = self.now_s() + 12.0
        while not self._answers:
            if self.now_s() > until:
                raise Stuck(f"no answer to {type(request).__name__} within 12 s")
            self._pump()
        return self._answers.popleft()

    def until(self, condition: Callable[[Snapshot], bool], within_s: float, what: str) -> Snapshot:
        until = self.now_s() + within_s
        while True:
            if self._snapshot is not None and condition(self._snapshot):
                return self._snapshot
            if self.now_s() > until:
                seen = self._snapshot
                state = f"{seen.state}, {seen.first_to_fix or seen.notice}" if seen is not None else "no snapshot"
                raise Stuck(f"{what} did not come within {within_s:.1f} s; the rig shows {state}\n{self._tails()}")
            self._pump()

    def wait(self, seconds: float) -> None:
        until = self.now_s() + seconds
        while self.now_s() < until:
            self._pump()

    def press(self) -> None:
        self._note("hand", "pressed")
        self._controlled({"do": "press"})
        self._release_at = self.now_s() + PRESS_S

    def stop(self) -> None:
        send_stop(self._stop_path)

    def flood_stop(self, datagrams: int) -> int:
        """As many STOPs as the socket takes, each without waiting; a full queue is STOP too."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sent = 0
            for _ in range(datagrams):
                with contextlib.suppress(OSError):
                    sock.sendto(b"STOP", str(self._stop_path))
                    sent += 1
        return sent

    def fault(self, name: str, for_s: float | None = None) -> None:
        self._act({"do": "fault", "name": name, "for_s": for_s})

    def mend(self, name: str) -> None:
        self._act({"do": "stop", "name": name})

    def room(self, **settings: object) -> None:
        self._act({"do": "room", "set": settings})

    def truth(self) -> dict[str, Any]:
        return dict(self._act({"do": "truth"})["truth"])

    def log(self) -> list[tuple[float, str, str]]:
        """The world's log on this process's monotonic clock; the two are tied by the quickest of a few exchanges, good to its round trip."""
        if self._world_offset is None:
            self._world_offset = min(self._tie() for _ in range(EXCHANGES))[1]
        lines: list[Any] = []
        first = 0
        while True:
            said = self._act({"do": "log", "from": first})
            lines.extend(said["log"])
            if not said["log"]:
                return [(self._world_offset + at_us * 1e-6, who, what) for at_us, who, what in lines]
            first = said["next"]

    def _tie(self) -> tuple[float, float]:
        """How long one exchange took, and by how much the world's clock is then behind this one, s."""
        before = self.now_s()
        world_us = self._act({"do": "truth"})["now_us"]
        after = self.now_s()
        return after - before, 0.5 * (before + after) - world_us * 1e-6

    def _note(self, kind: str, what: str, detail: dict[str, Any] | None = None) -> None:
        self.acts.append(Act(self.now_s(), kind, what, detail or {}))

    def leave_desk(self) -> None:
        """The operator's program dies: its socket closes without a word."""
        self._at_desk = False
        self._close_desk()
        with contextlib.suppress(DeskGoneError):
            self._desk = connect(self._desk_path, self._clock)
            self._desk.send(Watch())

    def kill_host(self) -> None:
        if self._host is not None:
            if self._host.poll() is None:
                self._note("host", "killed")
            self._host.kill()
            self._host.wait()
            self._host = None
        self._close_desk()
        self._snapshot = None

    def freeze_host(self) -> None:
        self.signal("host", signal.SIGSTOP)

    def thaw_host(self) -> None:
        self.signal("host", signal.SIGCONT)

    def start_host(self) -> None:
        self._recorder = None
        self._note("host", "started")
        self._host = self._spawn("run", ["run", "--config", str(self._rig_file)], self.environment)
        self._wait_for(self._connected, "the real-time process's desk")
        self._alive_at = float("-inf")

    def running(self, who: str) -> bool:
        """Whether this process is alive: host, recorder or sim."""
        return self._pid(who) is not None

    def signal(self, who: str, number: signal.Signals) -> None:
        """To one process, by its id: host, recorder or sim; nothing where it is dead."""
        pid = self._pid(who)
        if pid is not None:
            self._note(who, FATE.get(number, number.name))
            os.kill(pid, number)

    def _pid(self, who: str) -> int | None:
        """None when it is dead, also when nobody has taken its exit code yet."""
        process = {"host": self._host, "sim": self._sim, "recorder": self._recorder}[who]
        if process is not None:
            return process.pid if process.poll() is None else None
        if who != "recorder":
            return None
        try:
            pid = int((self._database.parent / "recorder.pid").read_text())
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return None
        return None if state == "Z" else pid

    def kill_recorder(self) -> None:
        self.signal("recorder", signal.SIGKILL)

    def start_recorder(self, module: str = "records", *more: str) -> None:
        """A recorder of its own for the instance that runs, as a service manager would start it; or another program of ours in its place."""
        name = self._desk_path.with_name(self._desk_path.name + ".instance").read_text().strip()
        command = [sys.executable, "-P", "-m", module, str(self._shm / name), str(self._database.parent), *more]
        process = self._popen("recorder", command)
        (self._database.parent / "recorder.pid").write_text(f"{process.pid}\n", encoding="ascii")
        self._recorder = process

    def records(self) -> list[dict[str, Any]]:
        return [show(self._database, row["id"]) for row in list_fractions(self._database)]

    def site_key(self) -> bytes:
        """The simulated unit's key, which no record may hold."""
        return bytes.fromhex(tomllib.loads(self._rig_file.read_text(encoding="utf-8"))["simulated"]["site_key_hex"])

    def stolen_s(self, but: str = "") -> float:
        """The worst that this machine kept the real-time process or the simulated devices waiting; `but` (host, sim) was stopped by hand, and is not asked."""
        said = self._controlled({"do": "truth"})
        held_up_s = said.get("held_up_us", 0) * 1e-6 if said is not None else 0.0
        waited = {"host": self._stolen_s, "sim": held_up_s}
        return max(s for who, s in waited.items() if who != but)

    def close(self) -> None:
        """End everything that was started, politely first; each wait is bounded."""
        self._close_desk()
        for process in (self._host, self._recorder, self._sim):
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(8.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._host = self._recorder = self._sim = None
        pid_file = self._database.parent / "recorder.pid"
        with contextlib.suppress(OSError, ValueError):
            os.kill(int(pid_file.read_text()), signal.SIGTERM)

    def _spawn(self, name: str, arguments: list[str], more: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        return self._popen(name, [sys.executable, "-P", "-m", "console", *arguments], more)

    def _popen(self, name: str, command: list[str], more: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        environment = dict(os.environ) | (more or {})
        with (self._folder / f"{name}.log").open("ab") as out:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env=environment
            )

    def _tails(self) -> str:
        tails = []
        for name in ("sim", "run"):
            path = self._folder / f"{name}.log"
            if path.exists():
                tails.append(f"{name}: " + " | ".join(path.read_text(errors="replace").splitlines()[-4:]))
        return "\n".join(tails)

    def _wait_for(self, there: Callable[[], bool], what: str) -> None:
        until = self.now_s() + START_S
        while not there():
            for process in (self._sim, self._host):
                if process is not None and process.poll() is not None:
                    raise Ended(
                        f"{what} did not come up: a process ended with code {process.returncode}\n{self._tails()}"
                    )
            if self.now_s() > until:
                raise Stuck(f"{what} did not come up within {START_S:.0f} s\n{self._tails()}")
            self._clock.sleep_until(Seconds(self.now_s() + PUMP_S))

    def _connected(self) -> bool:
        try:
            self._desk = connect(self._desk_path, self._clock)
            self._desk.send(Watch())
        except DeskGoneError:
            self._close_desk()
            return False
        return True

    def _close_desk(self) -> None:
        if self._desk is not None:
            self._desk.close()
        self._desk = None

    def _pump(self) -> None:
        """Keep the lease, let go of the switch, take what the desk says; waits at most PUMP_S."""
        now = self.now_s()
        for act in tuple(self.each_turn.values()):
            act()
        if self._release_at is not None and now >= self._release_at:
            self._controlled({"do": "release"})
            self._release_at = None
        if self._desk is None:
            self._clock.sleep_until(Seconds(now + PUMP_S))
            return
        try:
            if self._at_desk and now - self._alive_at >= ALIVE_EVERY_S:
                self._alive_at = now
                self._desk.send(Alive())
            reply = self._desk.receive(PUMP_S)
        except DeskGoneError:
            self._close_desk()
            return
        if isinstance(reply, Answer):
            self._answers.append(reply)
        elif isinstance(reply, Snapshot):
            self._snapshot = reply
            self._stolen_s = max(self._stolen_s, reply.lateness_us[2] * 1e-6)
            if self.watcher is not None:
                self.watcher(reply)

    def _send(self, request: Request) -> None:
        if self._desk is None:
            raise Stuck(f"nobody is at the desk to take {type(request).__name__}\n{self._tails()}")
        self._desk.send(request)

    def _act(self, document: dict[str, Any]) -> dict[str, Any]:
        said = self._controlled(document)
        if said is None or not said.get("ok"):
            raise Stuck(f"the simulator did not do {document}: {said}")
        return said

    def _controlled(self, document: dict[str, Any]) -> dict[str, Any] | None:
        """One line to the simulator's control socket and its answer; None when nobody answers within 5 s."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(5.0)
                sock.connect(str(self._control))
                sock.sendall(json.dumps({k: v for k, v in document.items() if v is not None}).encode() + b"\n")
                line = sock.makefile("rb").readline(1 << 22)
            return dict(json.loads(line))
        except (OSError, ValueError):
            return None
