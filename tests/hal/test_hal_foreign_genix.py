"""The GeniX3D's driver on slaves that are not ours and not pymodbus: what it reads on the way to a beam and back is the same as on our own simulated port.
The device's time is turned by hand and waits for the foreign stack's threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from conformance_bench import Bench, Spy
from foreign_slaves import STACKS, Answer, Patient, Slave, ask

from hal.errors import Trouble
from hal.exchange import Exchange
from hal.modbus import (
    Question,
    Registers,
    TcpDialect,
    answer_of,
    pdu_bytes,
    read,
    read_coils,
    read_write,
    write,
    write_coil,
    write_one,
)
from hal.transport import Pipe, open_pipe

pytestmark = [
    # modbus_tk's own loop asks its Event by the old name.
    pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning"),
]
OVER_TCP = tuple(stack for stack in STACKS if stack.endswith("-tcp"))
SETTLED_S = 4.0


class Foreign(Bench):
    """The bench of the conformance suite, over a foreign stack's threads and a real socket; the device answers at once, without a turnaround."""

    def __init__(self, stack: str, folder: Path) -> None:
        super().__init__("genix3d", "memory", folder)
        self.slave: Slave = STACKS[stack](device(self), 1)
        self.patient: list[Patient] = []
        self.setting = msgspec.structs.replace(self.setting, link=self.slave.link)
        self.generator = self.driver.make(self.setting, self._open)

    def _open(self, link: str, baud: int) -> Pipe:
        self.pipes.append(open_pipe(link, baud))
        self.patient.append(Patient(self.pipes[-1], packets=True))
        return Spy(self.patient[-1], self.sent, self)

    def tick(self, may_open: bool = True, may_write: bool = True, pressed: bool = False) -> None:
        for pipe in self.patient:
            pipe.wait()
        super().tick(may_open, may_write, pressed)

    def close(self) -> None:
        super().close()
        self.slave.close()


def device(bench: Bench) -> Answer:
    """The simulated source's own answers, without a wire."""
    firmware: Any = bench.world.plant.generator
    return lambda pdu: firmware.answer(pdu, bench.world.now_us)


def told(reading: Any) -> dict[str, Any] | None:
    """A reading without its time; what is measured, to a tenth of full scale (each read-back has its own noise)."""
    if reading is None:
        return None
    fields = msgspec.structs.asdict(reading) | {"asked_at_s": None}
    return fields | {key: round(fields[key] / most, 1) for key, most in (("kv", 50.0), ("ma", 0.6)) if key in fields}


def story(bench: Bench) -> list[tuple[str, Any]]:
    """What the driver reads from an unknown port to a beam and back."""
    seen: list[tuple[str, Any]] = []

    def tell(stage: str, **how: bool) -> None:
        bench.ticks(SETTLED_S, **how)
        g = bench.generator
        seen.append((stage, [told(reading) for reading in (g.identity, g.monitor, g.flags, g.set_points, g.refusal)]))

    try:
        tell("known")
        bench.known().ready()
        tell("ready")
        bench.beam()
        tell("beam", may_open=False, may_write=False)
        bench.generator.off(bench.now, at_once=True)
        tell("off")
        seen.append(("orders", orders(bench)))
    finally:
        bench.close()
    return seen


def orders(bench: Bench) -> list[tuple[int, int]]:
    """Every coil that the driver wrote, and what it wrote, from the bytes on the wire."""
    return [
        (int.from_bytes(frame[8:10], "big"), int.from_bytes(frame[10:12], "big"))
        for _, frame in bench.sent.chunks
        if frame[7] == 5
    ]


@pytest.mark.parametrize("stack", OVER_TCP)
def test_the_driver_reads_the_same_and_orders_the_same(stack: str, tmp_path: Path) -> None:
    foreign, own = story(Foreign(stack, tmp_path)), story(Bench("genix3d", "memory", tmp_path))
    for (stage, theirs), (_, ours) in zip(foreign, own, strict=True):
        assert theirs == ours, stage
    assert (251, 0xFF00) in foreign[-1][1]
    assert foreign[2][1][1]["kv"] == 1.0


QUESTIONS: tuple[Question, ...] = (
    read_coils("status", 210, 30),
    read_coils("orders", 240, 13),
    read_coils("all", 210, 43),
    read("HT", 50, 2),
    read("tube", 54, 3),
    read_coils("before the first", 209, 2),
    read_coils("past the last", 240, 14),
    read("no register", 52, 1),
    read("over the gap", 50, 5),
    write_coil("a status", 210, True),
    write_coil("no coil", 253, True),
    write_coil("standby", 250, True),
    read_coils("orders", 240, 13),
    write_one("function 6", 50, 1),
    write("function 16", 50, bytes(4)),
    read_write("function 23", 50, bytes(4), 50, 2),
)


@pytest.mark.parametrize("stack", OVER_TCP)
def test_same_coils_registers_and_exceptions_while_time_stands_still(stack: str, tmp_path: Path) -> None:
    """Every coil and register of the map, and what it has not: over the foreign frames comes what the source itself says."""
    ours, theirs = Bench("genix3d", "memory", tmp_path), Bench("genix3d", "memory", tmp_path)
    for bench in (ours, theirs):
        bench.pass_ms(6000)
    slave = STACKS[stack](device(theirs), 1)
    pipe = open_pipe(slave.link, 0)
    exchange = Exchange(pipe, TcpDialect(1), 1e6, 0.0)
    kinds = set()
    try:
        for question in QUESTIONS:
            own = answer_of(device(ours)(pdu_bytes(question)), question)
            foreign = ask(exchange, pipe, question)
            assert foreign == own, question
            kinds.add(own.detail if isinstance(own, Trouble) else type(own))
    finally:
        pipe.close()
        slave.close()
        for bench in (ours, theirs):
            bench.close()
    assert kinds == {Registers, "exception 1: function not supported", "exception 2: no such register"}
