"""Slaves that are not ours and not pymodbus under our drivers: what a driver reads, and what it is refused, is the same as on our own simulated wire.
The device's time is turned by hand and waits for the foreign stack's threads, so that a slow machine changes nothing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from foreign_slaves import STACKS, Answer, ModbusTkTcp, Patient, ReadsFirst, Slave, ask

from hal import registry
from hal.commands import Arm, Command, Plan, SetUp
from hal.errors import Trouble
from hal.exchange import Exchange
from hal.machine import Renewal
from hal.modbus import Question, Registers, RtuDialect, TcpDialect, read, read_coils, read_write, write, write_one
from hal.readings import UnitState
from hal.registry import SafetyUnitSetting
from hal.transport import Pipe, open_pipe, parse_link
from hal.units import Seconds
from simulators import modbus_codec, unit_registers, unit_requests
from simulators.profile import DEFAULT
from simulators.unit_memory import UnitConfig
from simulators.world import World
from verification.pipes import FacePipe, LinePipe

pytestmark = [
    # modbus_tk's own loop asks its Event by the old name.
    pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning"),
]
KEY = bytes(range(32))
EPOCH_S = 900.0
SETTLED_TICKS = 30
"""Contactors and their mirrors have moved by then."""
SERIAL = "KU-SIM-0001"
OWN = {"tcp": "tcp:127.0.0.1:502", "rtu": "pty:/dev/null"}
STAGED = (
    60_000, 65_000, 5_000, 5_200, 200, 2000, 0x35, 0xF2, 30, 6, 0x1E1E, 60, 1000, 200, 1, 2, 0xC3, 0x5A, 0xF00F, 30, 40,
)  # fmt: skip


def staging(**changed: int) -> bytes:
    """A set that the unit takes, or with a time preset that it does not."""
    first, *rest = STAGED
    return struct.pack(">IIIIHHBBBBHHHHQQBBHHH", changed.get("time_ms", first), *rest)


def plan(data: bytes) -> Plan:
    return Plan(0, 0, 0, 0, data, zlib.crc32(data))


def unit_of(world: World) -> Answer:
    """The simulated unit's registers and refusals as a device without a wire."""
    unit = world.unit
    return lambda pdu: modbus_codec.answer(
        pdu,
        lambda address, words: unit_registers.read(unit, address, words),
        lambda address, data: unit_requests.write(unit, address, data),
    )


class Bench:
    """kerma-unit's driver and the simulated unit, over our own face in memory (stack tcp or rtu) or over a foreign stack's threads and a real wire."""

    def __init__(self, stack: str) -> None:
        self.world = World(DEFAULT, 1, UnitConfig(site_key=KEY))
        self.world.advance(1_500_000)
        self.slave: Slave | None = STACKS[stack](unit_of(self.world), 1) if stack in STACKS else None
        self.pipes: list[Pipe] = []
        link = OWN[stack] if self.slave is None else self.slave.link
        self.packets = parse_link(link).packets
        setting = SafetyUnitSetting(link, DEFAULT.unit_baud, 1, SERIAL, True, KEY, 0.002, 0.01)
        self.unit = registry.safety_unit("kerma-unit").make(setting, self._open)

    def _open(self, link: str, baud: int) -> Pipe:
        pipe: Pipe
        if self.slave is not None:
            pipe = Patient(open_pipe(link, baud), self.packets)
        else:
            pipe = FacePipe(self.world.unit_tcp) if self.packets else LinePipe(self.world, self.world.unit_line)
        self.pipes.append(pipe)
        return pipe

    @property
    def now(self) -> Seconds:
        return Seconds(EPOCH_S + self.world.now_us * 1e-6)

    def _wait(self) -> None:
        for pipe in self.pipes:
            if isinstance(pipe, Patient):
                pipe.wait()

    def tick(self, renew: Renewal | None = None) -> None:
        """10 ms of the unit's life; every reply of a foreign stack is in before the next step, however long its threads take."""
        self._wait()
        self.world.advance(self.world.now_us + 8000)
        self.unit.ask(renew, self.now, True)
        self._wait()
        self.world.advance(self.world.now_us + 2000)
        self.unit.take(self.now)

    def until(self, what: str, reached: Callable[[], object], renew: Renewal | None = None) -> None:
        for _ in range(500):
            if reached():
                return
            self.tick(renew)
        raise AssertionError(
            f"{what} did not come: {self.unit.refusal} {self.unit.identity} {self.unit.link(self.now)}"
        )

    def want(self, command: Command) -> None:
        self.unit.want(command, self.now)

    def state(self) -> int | None:
        return None if self.unit.status is None else self.unit.status.state

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.close()
        if self.slave is not None:
            self.slave.close()


CLOCKED = (
    "asked_at_s", "at_s", "scan", "host_seq_echo", "challenge", "counts_1", "counts_2", "sample_us", "lease_left_ms",
    "uptime_s", "arm_left_s", "renewals_not_held", "rate_1", "rate_2", "pressure_kpa", "temperature_c", "lamp_ma",
)  # fmt: skip
"""What moves with the millisecond at which a reply is read; the registers themselves are compared while time stands still."""


def told(reading: Any) -> dict[str, Any] | None:
    """A reading without what only time changes."""
    if reading is None:
        return None
    return {key: value for key, value in msgspec.structs.asdict(reading).items() if key not in CLOCKED}


def story(stack: str) -> list[tuple[str, Any]]:
    """What the driver reads and is refused on the way from an unknown wire to ARMED and back."""
    bench, unit = Bench(stack), None
    seen: list[tuple[str, Any]] = []

    def tell(stage: str, renew: Renewal | None = None) -> None:
        for _ in range(SETTLED_TICKS):
            bench.tick(renew)
        bench.until(f"{stage}: a fresh status", fresh(bench, "status"), renew)
        readings = (unit.identity, unit.status, unit.active, unit.refusal)
        seen.append((stage, (*(told(reading) for reading in readings), unit.history)))

    try:
        unit = bench.unit
        bench.until("identity", lambda: unit.identified and unit.status and unit.slow and unit.active)
        bench.until("history", lambda: unit.history is not None)
        tell("known")
        bench.want(SetUp(plan(staging(time_ms=0xFFFFFFFF))))
        bench.until("a refused commit", lambda: unit.refusal is not None)
        tell("refused set-up")
        good = plan(staging())
        bench.want(SetUp(good))
        bench.until("the set read back", lambda: unit.active.block == good.staging)
        bench.until("COMMITTED", lambda: bench.state() == UnitState.COMMITTED)
        tell("committed")
        bench.want(Arm(1, good.staging_crc ^ 1))
        bench.until("a refused ARM", lambda: unit.refusal.what == "arm")
        tell("refused arm")
        bench.world.unit.host_seq += 5_000_000
        bench.tick()
        tell("the sequence found again")
        bench.want(Arm(1, good.staging_crc))
        bench.until("ARMED", lambda: bench.state() == UnitState.ARMED, Renewal(1, 200))
        tell("armed", Renewal(1, 200))
        unit.off(bench.now, at_once=True)
        bench.until("disarmed", lambda: bench.state() != UnitState.ARMED, Renewal(1, 200))
        tell("disarmed")
        bench.until("a fresh slow block", fresh(bench, "slow", "active"))
        seen.append(("at last", (told(unit.slow), told(unit.active), unit.link(bench.now).lost)))
    finally:
        bench.close()
    return seen


def fresh(bench: Bench, *names: str) -> Callable[[], bool]:
    """True once these readings have been asked for anew."""
    began = bench.now
    return lambda: all(getattr(bench.unit, name).asked_at_s > began for name in names)


@pytest.mark.parametrize("stack", STACKS)
def test_the_driver_reads_the_same_and_is_refused_the_same(stack: str) -> None:
    foreign, own = story(stack), story(stack.rpartition("-")[2])
    assert [stage for stage, _ in foreign] == [stage for stage, _ in own]
    for (stage, theirs), (_, ours) in zip(foreign, own, strict=True):
        assert theirs == ours, stage
    told_of = dict(own)
    refusals = [told_of[stage][3] for stage in ("refused set-up", "refused arm")]
    assert refusals == [
        {"what": "commit", "words": "exception 3: value refused"},
        {"what": "arm", "words": "exception 3: value refused"},
    ]


CRC = zlib.crc32(staging())
QUESTIONS: tuple[Question, ...] = (
    read("identity", 0x0000, 30),
    read("status", 0x0100, 32),
    read("slow", 0x0120, 32),
    read("status and slow", 0x0100, 64),
    read("one register", 0x0106, 1),
    read("staging", 0x0300, 28),
    read("active", 0x0340, 30),
    *(read("history", 0x0400 + 36 * place, 36) for place in range(4)),
    read("past the block", 0x0340, 31),
    read("no block", 0x0500, 1),
    read("write-only", 0x0320, 8),
    read_coils("coils", 0, 8),
    write("no block", 0x0500, b"\0\1"),
    write("half a block", 0x0300, bytes(20)),
    write("staging", 0x0300, staging()),
    read("staging", 0x0300, 28),
    write("commit, wrong sum", 0x031C, (CRC ^ 1).to_bytes(4, "big")),
    write("commit", 0x031C, CRC.to_bytes(4, "big")),
    read("active", 0x0340, 30),
    write("arm unsigned", 0x0320, struct.pack(">IIII", 1, CRC, 0, 0)),
    write("reset unsigned", 0x0328, struct.pack(">IHHII", 1, 0x5253, 0, 0, 0)),
    write("test out of state", 0x0330, b"\0\1"),
    write("unlatch", 0x0334, struct.pack(">HH", 0, 0x554C)),
    read_write("poll", 0x0200, struct.pack(">IIIHH", 7, 0, 0, 0, 0), 0x0100, 32),
    read_write("an old sequence", 0x0200, struct.pack(">IIIHH", 7, 0, 0, 0, 0), 0x0100, 32),
    read_write("no verb", 0x0200, struct.pack(">IIIHH", 8, 0, 0, 0, 9), 0x0100, 32),
    write_one("function 6 elsewhere", 0x0330, 1),
    write_one("disarm", 0x0210, 1),
    read("status", 0x0100, 32),
)


@pytest.mark.parametrize("stack", STACKS)
def test_same_registers_and_same_exceptions_while_time_stands_still(stack: str) -> None:
    """Every block of the map, whole, and every way to be refused: what comes back through the foreign frames is what the unit itself says."""
    worlds = [World(DEFAULT, 1, UnitConfig(site_key=KEY)) for _ in range(2)]
    for world in worlds:
        world.advance(1_500_000)
    slave = STACKS[stack](unit_of(worlds[0]), 1)
    theirs = open_pipe(slave.link, 115200)
    ours = FacePipe(worlds[1].unit_tcp)
    dialect = TcpDialect if parse_link(slave.link).packets else RtuDialect
    kinds = set()
    try:
        over_theirs = (Exchange(theirs, dialect(1), 1e6, 0.0), theirs)
        over_ours = (Exchange(ours, TcpDialect(1), 1e6, 0.0), ours)
        for question in QUESTIONS:
            own, foreign = ask(*over_ours, question), ask(*over_theirs, question)
            assert foreign == own, question
            kinds.add(own.detail if isinstance(own, Trouble) else type(own))
    finally:
        theirs.close()
        slave.close()
    refusals = ("exception 1: function not supported", "exception 2: no such register", "exception 3: value refused")
    assert kinds == {Registers, *refusals}


@pytest.fixture
def reads_first() -> Iterator[Bench]:
    """modbus_tk as it is: function 23 reads the status before it writes the sequence."""
    bench = Bench("tcp")
    bench.slave = ModbusTkTcp(unit_of(bench.world), 1, ReadsFirst)
    setting = SafetyUnitSetting(bench.slave.link, 0, 1, SERIAL, True, KEY, 0.002, 0.01)
    bench.unit = registry.safety_unit("kerma-unit").make(setting, bench._open)
    yield bench
    bench.close()


def test_a_slave_that_reads_before_it_writes_is_not_believed(reads_first: Bench) -> None:
    """Its status echoes the sequence before: it is nobody's answer to this request, and the link stays lost."""
    for _ in range(100):
        reads_first.tick()
    unit = reads_first.unit
    assert unit.identified
    assert unit.link(reads_first.now).lost
    assert "(echoes " in unit.link(reads_first.now).last_trouble
