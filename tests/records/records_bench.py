"""A scripted real-time side over a real ring, with a simulated unit's registers, in virtual time, on a disk that may fail as told.
It judges nothing: the tests do."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from controller.entries import (
    Ack,
    EntryType,
    Event,
    Found,
    Opening,
    Outcome,
    Query,
    ResetDone,
    Start,
    Statement,
    Terminal,
)
from controller.prescribed import Combination, Prescribed, Quality
from controller.ring import AckFile, Ring, StatementFile, TickRow
from controller.wire_ring import WireRing
from hal.readings import Cause, Purpose, Termination, UnitState
from hal.units import Seconds
from hal.wire_log import FrameLog
from records.recorder import Recorder, RecorderConfig
from records.store import engine_for, place_of
from verification.disk import FaultyDisk

WALL = 1_795_000_000.0
TICK_S = 0.01
R0 = 56.0
"""28 counts of either channel in a tick."""
COMBINATION = Combination(
    kv=69.5,
    ma=1.6,
    filter_id="F1",
    filter_code=3,
    applicator_id="A20",
    applicator_code=5,
    r0_mgy_per_s=R0,
    dt_s=0.02,
    tail_mgy=1.5,
    n1_mgy_per_count=0.02,
    n2_mgy_per_count=0.02,
    leak1_cps=0.0,
    leak2_cps=0.0,
    g_kv=((10.0, 0.1), (69.5, 1.0)),
    pdd=((0.0, 100.0), (3.0, 85.0)),
    effective_ssd_mm=60.0,
    max_skin_mgy=20000.0,
    max_time_s=600.0,
)

OPENING = Opening(
    instance="",
    software_version="1.0",
    rig="bench",
    simulated=True,
    configuration_sha256=b"c" * 32,
    tick_s=TICK_S,
    wall_s=WALL,
    certificate_sha256=b"k" * 32,
    tube_serial="T-1",
    machine_serial="M-1",
    parts_sha256=b"q" * 32,
)
"""What runs at the bench: changed, it is another machine or another program."""


def prescribed(**changed: object) -> Prescribed:
    plain = Prescribed(
        prescription_id="P1",
        version=1,
        sha256=b"p" * 32,
        patient_id="1234",
        patient_id_2="Doe",
        course_id="C1",
        lesion_id="L1",
        site="nose",
        laterality="left",
        rx_mgy=850.0,
        depth_mm=3.0,
        fraction=1,
        fractions=6,
        min_interval_h=20.0,
        kv=69.5,
        ma=1.6,
        filter_id="F1",
        applicator_id="A20",
        gap_mm=0.0,
        cutout_factor=1.0,
        approved_by=("dr",),
    )
    return msgspec.structs.replace(plain, **changed)


@dataclass
class Unit:
    """The safety unit's retained registers. `rate` counts per second of both channels while the beam is on."""

    token: int = 0
    last_token: int = 0
    fraction_tag: int = 0
    boot: int = 7
    beam_ms: int = 0
    counts: int = 0
    runs: int = 0
    state: int = UnitState.IDLE
    cause: int = 0
    rate: float = R0 / 0.02

    def beam(self, seconds: float) -> None:
        self.beam_ms += round(seconds * 1000)
        self.counts += round(seconds * self.rate)


@dataclass
class Clock:
    now: float = 1000.0
    wall: float = WALL

    def go(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


class Host:
    """The real-time process as far as its ring shows: what it puts there, and what it is told."""

    def __init__(self, shm: Path, name: str, clock: Clock, unit: Unit, slots: int = 4096) -> None:
        self.clock, self.unit, self.name = clock, unit, name
        self.folder = str(shm / name)
        self.ring = Ring(self.folder, slots)
        self.wires = WireRing(self.folder, 1024)
        self.log = FrameLog()
        self.acks, self.statements = AckFile(self.folder), StatementFile(self.folder)
        self.token = 0
        self.start_seq = 0
        self.start_crc = 0
        self.start: Start | None = None
        self.queries = 0
        self._apart_s = clock.wall - clock.now
        self.opening = msgspec.structs.replace(OPENING, instance=name, wall_s=clock.wall)
        self.put(EntryType.OPENING, self.opening)

    @property
    def wall_s(self) -> float:
        """The process's own wall time: that of its begin, and on with the monotonic clock. It follows no clock that is set."""
        return self._apart_s + self.clock.now

    def put(self, kind: EntryType, entry: msgspec.Struct) -> int:
        return self.ring.put(kind, msgspec.msgpack.encode(entry), int(self.clock.now * 1e9))

    def ack(self) -> Ack | None:
        return self.acks.read()

    def statement(self) -> Statement:
        said = self.statements.read()
        assert said is not None
        return said

    def pass_by(self, data: bytes) -> None:
        """One frame of the unit's wire."""
        self.log.add(Seconds(self.clock.now), True, data)
        self.wires.put({"unit": self.log}, Seconds(self.clock.now))

    def tick(self) -> None:
        unit = self.unit
        row = TickRow(
            state=6 if unit.state == UnitState.RUN else 1,
            event=33,
            command=4,
            not_true=0,
            kv=69.4,
            ma=1.61,
            d1_mgy=0.0,
            d2_mgy=0.0,
            dm_mgy=0.0,
            delivered_mgy=0.0,
            beam_ms=unit.beam_ms,
            counts_1=unit.counts,
            counts_2=unit.counts,
            unit_state=unit.state,
            first_cause=unit.cause,
            contacts_a=0,
            contacts_b=0,
            relays=0,
            late=0,
            lateness_us=10.0,
            unit_age_ms=2.0,
            generator_age_ms=20.0,
            token=self.token,
        )
        self.ring.put_tick(int(self.clock.now * 1e9), *msgspec.structs.astuple(row))

    def query(self, order: Prescribed | None = None, **changed: object) -> int:
        order = order if order is not None else prescribed()
        self.queries += 1
        plain = Query(
            query_seq=self.queries,
            fraction_tag=1000 + order.fraction,
            plan_tag=5,
            resume=False,
            physicist=False,
            reason="",
            prescribed=order,
            certificate_sha256=b"k" * 32,
            software_version="1.0",
            wall_s=self.wall_s,
        )
        return self.put(EntryType.QUERY, msgspec.structs.replace(plain, **changed))

    def confirm(self, order: Prescribed | None = None, **changed: object) -> None:
        """START, as after a confirmation."""
        order = order if order is not None else prescribed()
        unit = self.unit
        plain = Start(
            digest=b"d" * 32,
            fraction_tag=1000 + order.fraction,
            plan_tag=5,
            segment=1,
            resume=False,
            prescribed=order,
            certificate_id="cert-1",
            certificate_sha256=b"k" * 32,
            combination=COMBINATION,
            d0_mgy=1000.0,
            rx_factor=0.85,
            delivered_mgy=0.0,
            low_mgy=0.0,
            high_mgy=0.0,
            set_time_s=18.0,
            k_tp=1.0,
            unit_boot_count=unit.boot,
            unit_counts_1=unit.counts,
            unit_counts_2=unit.counts,
            unit_beam_ms=unit.beam_ms,
            unit_run_count=unit.runs,
            unit_last_token=unit.last_token,
            lease_s=0.2,
            software_version="1.0",
            simulated=True,
            operator="op",
            wall_s=self.wall_s,
            termination=Termination.MONITOR,
            ramp_s=0.3,
        )
        self.start = msgspec.structs.replace(plain, **changed)
        packed = msgspec.msgpack.encode(self.start)
        self.start_seq = self.ring.put(EntryType.START, packed, int(self.clock.now * 1e9))
        self.start_crc = zlib.crc32(packed)
        self.token = 0

    def take_token(self) -> int:
        """The token of the START in hand, if the records have given one."""
        ack = self.ack()
        if ack is not None and (ack.start_seq, ack.start_crc) == (self.start_seq, self.start_crc):
            self.token = ack.token
        return self.token

    def arm(self) -> None:
        unit, start = self.unit, self.start
        assert self.token > unit.last_token and start is not None
        unit.last_token, unit.state = self.token, UnitState.ARMED

    def press(self) -> None:
        unit, start = self.unit, self.start
        assert start is not None
        unit.token, unit.fraction_tag, unit.state, unit.runs = (
            self.token,
            start.fraction_tag,
            UnitState.RUN,
            unit.runs + 1,
        )

    def terminal(self, outcome: Outcome = Outcome.TERMINATED, **changed: object) -> int:
        unit, start = self.unit, self.start
        assert start is not None
        dose = (unit.counts - start.unit_counts_1) * 0.02
        void = outcome is Outcome.VOID
        dose = 0.0 if void else dose
        plain = Terminal(
            token=self.token,
            start_seq=self.start_seq,
            fraction_tag=start.fraction_tag,
            segment=start.segment,
            outcome=outcome,
            void=void,
            event="DOSE_END" if outcome is Outcome.TERMINATED else "TRIP_STOP",
            rule="",
            words="",
            unit_cause=unit.cause,
            d1_mgy=dose,
            d2_mgy=dose,
            dt_mgy=dose,
            dm_mgy=dose,
            delivered_mgy=dose,
            low_mgy=dose,
            high_mgy=dose,
            fraction_delivered_mgy=dose,
            fraction_low_mgy=dose,
            fraction_high_mgy=dose,
            rest_mgy=start.d0_mgy - dose,
            quality=Quality.GOOD,
            beam_ms=unit.beam_ms,
            counts_1=unit.counts,
            counts_2=unit.counts,
            unknown_s=0.0,
            kv_mean=69.5,
            kv_min=69.4,
            kv_max=69.6,
            ma_mean=1.6,
            ma_min=1.59,
            ma_max=1.61,
            on_at_s=1.0,
            off_at_s=2.0,
            off_verified_s=2.1,
            wall_s=self.wall_s,
        )
        return self.put(EntryType.TERMINAL, msgspec.structs.replace(plain, **changed))

    def found(self, **changed: object) -> int:
        unit = self.unit
        plain = Found(
            token=unit.token,
            fraction_tag=unit.fraction_tag,
            boot_count=unit.boot,
            beam_ms=unit.beam_ms,
            k1_ms=unit.beam_ms,
            counts_1=unit.counts,
            counts_2=unit.counts,
            run_count=unit.runs,
            last_token=unit.last_token,
            cause=unit.cause,
            sound=True,
        )
        return self.put(EntryType.FOUND, msgspec.structs.replace(plain, **changed))

    def close_fraction(self, tag: int) -> None:
        self.put(EntryType.EVENT, Event("INTERRUPTED", "CLOSE", "TERMINATED", "", f"fraction {tag:016x} closed: done"))

    def reset(self) -> None:
        """The unit forgets, as asked, and the ring says so."""
        token, tag = self.unit.token, self.unit.fraction_tag
        self.unit.token = self.unit.beam_ms = self.unit.counts = self.unit.fraction_tag = 0
        self.put(EntryType.RESET_DONE, ResetDone(token, tag))

    def kill(self) -> None:
        self.ring.close()
        self.wires.close()
        self.acks.close()


def in_a_file(folder: Path) -> str:
    """The usual database of a folder of records."""
    return str(folder / "records.sqlite")


PLACES: Callable[[Path], str] = in_a_file
"""Where the database of a folder is; `--on postgres` has them on a server."""


@dataclass
class Rig:
    """Clock, unit, host and recorder over one folder."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    unit: Unit = field(default_factory=Unit)
    hosts: int = 0
    segment_bytes: int = 1 << 18
    waived: bool = True
    host: Host = field(init=False)
    recorder: Recorder | None = None
    disk: FaultyDisk | None = None

    def __post_init__(self) -> None:
        (self.folder / "shm").mkdir(exist_ok=True)
        self.new_host()

    @property
    def config(self) -> RecorderConfig:
        return RecorderConfig(
            journal_dir=str(self.folder / "journal"),
            database=PLACES(self.folder),
            shm_root=str(self.folder / "shm"),
            simulated=True,
            day_check_waived_simulated=self.waived,
            segment_bytes=self.segment_bytes,
        )

    def new_host(self, slots: int = 4096) -> Host:
        self.hosts += 1
        self.host = Host(self.folder / "shm", f"host{self.hosts}", self.clock, self.unit, slots)
        return self.host

    def new_recorder(self, disk: FaultyDisk | None = None) -> Recorder:
        """On the kernel's own files, or on a disk that fails as told."""
        self.disk = disk
        if disk is None:
            self.recorder = Recorder(self.config)
        else:
            disk.volatile = self.folder / "shm"
            self.recorder = Recorder(self.config, disk, disk.database)
        return self.recorder

    def drop_recorder(self) -> None:
        """Its process is dead, by a strike or by this."""
        recorder, self.recorder = self.recorder, None
        let_go = recorder.abandon if recorder is not None else _nothing
        if self.disk is not None:
            self.disk.die(let_go)
        else:
            let_go()

    def step(self) -> None:
        if self.recorder is not None:
            self.recorder.step(self.clock.now, self.clock.wall)

    def run(self, seconds: float, beam: bool = False) -> None:
        """Ticks of the host and steps of the recorder."""
        for n in range(round(seconds / TICK_S)):
            self.clock.go(TICK_S)
            if beam:
                self.unit.beam(TICK_S)
            self.host.tick()
            if n % 2 == 1:
                self.step()

    def to_beam(self, order: Prescribed | None = None, **changed: object) -> None:
        """START, token, ARM, press."""
        self.host.confirm(order, **changed)
        self.run(0.02)
        assert self.host.take_token()
        self.host.arm()
        self.run(0.1)
        self.host.press()

    def end_beam(self, outcome: Outcome = Outcome.TERMINATED, **changed: object) -> None:
        self.unit.state = UnitState.ENDED
        self.unit.cause = Cause.COUNT_PRESET if outcome is Outcome.TERMINATED else Cause.DOOR
        self.run(0.05)
        self.host.terminal(outcome, **changed)
        self.run(0.04)

    def deliver(self, seconds: float, outcome: Outcome, order: Prescribed | None = None, **changed: object) -> None:
        self.to_beam(order, **changed)
        self.run(seconds, beam=True)
        self.end_beam(outcome)

    def restart_host(self, wait_s: float = 1.0) -> Host:
        """kill -9 of the host and a new one that finds what the unit retains; the lease ran out long ago."""
        self.host.kill()
        if self.unit.state in (UnitState.RUN, UnitState.ARMED):
            self.unit.state = UnitState.ENDED if self.unit.state == UnitState.RUN else UnitState.IDLE
            self.unit.cause = Cause.LEASE
        self.clock.go(wait_s)
        self.new_host()
        return self.host

    def close(self) -> None:
        self.drop_recorder()
        self.host.kill()


def _nothing() -> None:
    """No process is there to end."""


def journal_files(folder: Path) -> list[Path]:
    return sorted(p for p in (folder / "journal").iterdir() if p.suffix == ".journal")


def flip(path: Path, at: int) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x10]))


def lose_database(rig: Rig) -> None:
    """Nothing is left of it, on either engine."""
    place = place_of(rig.config.database)
    if isinstance(place, Path):
        for path in place.parent.glob(f"{place.name}*"):
            path.unlink()
        return
    engine = engine_for(place)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def warmup(**changed: object) -> Prescribed:
    return prescribed(purpose=Purpose.WARMUP, patient_id="", **changed)
