"""One electrometer driver and its simulated device on one wire, turned by hand in virtual time: memory, a real pty, or a real socket on loopback.
The kernel's buffers are real where the wire is; time never is, so that every test gives the same each time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hal import registry
from hal.electrometer import MeterOrder, MeterState
from hal.registry import Electrometer, ElectrometerSetting
from hal.transport import Gone, Pipe, open_pipe
from hal.units import Seconds
from simulators.alone import ElectrometerAlone
from simulators.endpoints import Endpoint, PtyEndpoint, TcpEndpoint
from verification.pipes import FacePipe, LinePipe

EPOCH_S = 900.0
TICK_S = 0.01
MODEL, SERIAL = "UNIDOS Tango", "123456"
NETWORK = ("tcp", "socket")


class Spy:
    """A pipe that remembers what was sent through it, and that can be cut."""

    def __init__(self, pipe: Pipe, bench: Bench) -> None:
        self._pipe, self._bench = pipe, bench

    @property
    def fd(self) -> int | None:
        return self._pipe.fd

    def take(self) -> bytes:
        self._see()
        return self._pipe.take()

    def send(self, data: bytes) -> int:
        self._see()
        taken = self._pipe.send(data)
        if taken:
            self._bench.sent.append((self._bench.now, data[:taken]))
        return taken

    def close(self) -> None:
        self._pipe.close()

    def _see(self) -> None:
        if self._bench.cut:
            raise Gone("the test has cut the cable")


class Bench:
    """`tick` is one turn of a caller's loop: 10 ms of the world in steps of 1 ms, then take and ask."""

    def __init__(
        self, name: str, wire: str, folder: Path, model: str = MODEL, serial: str = SERIAL, baud: int | None = None
    ) -> None:
        self.driver = registry.electrometer(name)
        self.world = ElectrometerAlone(name, 1, 0 if wire in NETWORK else baud)
        self.device = self.world.electrometer.device
        self.sent: list[tuple[float, bytes]] = []
        self.cut = False
        self.opened = 0
        self.pipes: list[Pipe] = []
        self._endpoint: Endpoint | None = None
        link, meter = f"pty:{folder / 'meter'}", self.world.electrometer
        if wire == "pty":
            self._endpoint = PtyEndpoint(folder / "meter", meter.line)
        elif wire in NETWORK:
            served = TcpEndpoint("127.0.0.1", 0, meter.tcp)
            self._endpoint, link = served, f"{wire}:127.0.0.1:{served.port}"
        turnaround_s = self.device.turnaround_us * 1e-6 + 0.0005
        self.setting = ElectrometerSetting(link, meter.line.baud, model, serial, turnaround_s, TICK_S, True)
        self.meter: Electrometer = self.driver.make(self.setting, self._open)

    def _open(self, link: str, baud: int) -> Pipe:
        if self.cut:
            raise Gone("the test has cut the cable")
        self.opened += 1
        pipe: Pipe
        if self._endpoint is not None:
            pipe = open_pipe(link, baud)
        elif link.startswith(NETWORK):
            pipe = FacePipe(self.world.electrometer.tcp)
        else:
            pipe = LinePipe(self.world, self.world.electrometer.line)
        self.pipes.append(pipe)
        return Spy(pipe, self)

    @property
    def now(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    @property
    def texts(self) -> list[str]:
        """What the driver has sent, command by command."""
        return b"".join(data for _, data in self.sent).decode("ascii").split("\r\n")[:-1]

    @property
    def acts(self) -> list[str]:
        """What of it asked the device to change something."""
        return [text for text in self.texts if text.split(";")[0] in ("STA", "HLD", "RES", "INT", "NUL", "RGE", "TOK")
                or text.startswith(("IT;", "HV;"))]  # fmt: skip

    def pass_ms(self, ms: int) -> None:
        """Time at the device and on the wire; the host does nothing."""
        for _ in range(ms):
            self.world.advance(self.world.now_us + 1000)
            if self._endpoint is not None:
                self._endpoint.serve(self.world.now_us)

    def tick(self, may_open: bool = True) -> None:
        self.pass_ms(round(TICK_S * 1000))
        self.meter.take(self.now)
        self.meter.ask(self.now, may_open)

    def ticks(self, seconds: float, may_open: bool = True) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.tick(may_open)

    def until(self, seconds: float, what: str, reached: Callable[[], object]) -> None:
        """Tick until `reached()` is true; AssertionError with what was awaited when it is not within `seconds`."""
        for _ in range(round(seconds / TICK_S)):
            if reached():
                return
            self.tick()
        raise AssertionError(f"{what} did not come within {seconds} s: {self.meter.refusal} {self.meter.identity}")

    def known(self) -> Bench:
        """Identified, all readings there, the device through its start."""
        self.until(15.0, "identity", lambda: self.meter.identified)
        self.until(15.0, "a reading in RES", lambda: self.state is MeterState.RESET and self.meter.range)
        return self

    @property
    def state(self) -> MeterState | None:
        return None if self.meter.reading is None else self.meter.reading.state

    def order(self, order: MeterOrder, seconds: float = 15.0) -> bool:
        """Give an order and wait for its end: True when it is done, False when it is refused."""
        if not self.meter.want(order, self.now):
            return False
        self.until(seconds, str(order), lambda: self.meter.pending is None)
        done = self.meter.done
        return done is not None and done.order == order and self.meter.refusal is None

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()
        if self._endpoint is not None:
            self._endpoint.close()
