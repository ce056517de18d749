"""A day at the bench of records_bench: warm-up, a daily check whose every part can be spoiled, its signature, and the question about a patient.
It judges nothing: the tests do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from records_bench import OPENING, Rig, prescribed

from controller.entries import EntryType, Event, Outcome
from controller.prescribed import Prescribed
from controller.proofs import PROVEN
from hal.readings import Purpose, UnitState
from records import commissioning
from records.baselines import baseline_of
from records.commissioning import Audit, Commissioned, Commissioning
from records.day import ITEMS, bound_of
from records.day_forms import BaseLine, Baseline, DaySheet, DaySite, Line, zone_named
from records.folds import TESTS_PASSED
from records.recorder import RecorderConfig
from records.sheets import Sheet, SheetKind, Signers, body, hand_in
from records.warm_up import today as day_of

PHYSICIST = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OPERATOR = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x03" * 32)
DEVICE = "QA-1 7001"
READING = 12.5
SET_S = 10.0


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


SITE = DaySite("UTC", Signers((raw(PHYSICIST),), (raw(OPERATOR),)))


def signed(
    kind: SheetKind, content: msgspec.Struct, key: Ed25519PrivateKey, role: str, who: str = "A. Person"
) -> Sheet:
    at = datetime(2026, 11, 18, tzinfo=UTC).isoformat()
    plain = Sheet(kind, body(content), who, role, at, b"")
    return msgspec.structs.replace(plain, ed25519=key.sign(plain.message))


@dataclass
class DayRig(Rig):
    """The bench with the signers of a rig and a zone, and no waiver."""

    waived: bool = False
    zone: str = "UTC"
    changed: dict[str, Any] = field(default_factory=dict)
    started: dict[str, Any] = field(default_factory=dict)
    """What else each START says: another certificate, another R0."""

    @property
    def config(self) -> RecorderConfig:
        plain = msgspec.structs.replace(
            super().config, time_zone=self.zone, physicists=(raw(PHYSICIST),), day_signers=(raw(OPERATOR),)
        )
        return msgspec.structs.replace(plain, **self.changed)

    def expose(
        self, purpose: Purpose, beam_s: float = SET_S, outcome: Outcome = Outcome.TERMINATED, **order: Any
    ) -> int:
        """One exposure with its end, and the unit reset; gives its token."""
        self.to_beam(
            prescribed(**({"purpose": purpose, "patient_id": "CALIBRATION", "fraction": 50, "fractions": 60} | order)),
            **({"set_time_s": SET_S} | self.started),
        )
        self.clock.go(beam_s)
        self.unit.beam(beam_s)
        self.host.tick()
        self.run(0.02)
        token = self.host.token
        self.end_beam(outcome)
        self.host.reset()
        self.unit.state = UnitState.IDLE
        self.run(0.02)
        return token

    def used(self, idle_s: float = 6 * 3600.0) -> None:
        """The tube was used, and then rested."""
        self.expose(Purpose.CALIBRATE)
        self.clock.go(idle_s)

    def opened(self) -> None:
        """Commissioned, used, rested, and warm again."""
        self.commissioned()
        self.used()
        self.warm_up()

    def warm_up(self, exposures: int = 3, **order: Any) -> None:
        for _ in range(exposures):
            self.expose(Purpose.WARMUP, 20.0, **order)

    def contacts(self) -> None:
        """Each contact opened alone, in both channels."""
        for contact in PROVEN:
            self.host.put(EntryType.EVENT, Event("", "CONTACTS_OPEN", "", "", f"{contact.name}.A {contact.name}.B"))
        self.run(0.02)

    def tests(self) -> None:
        self.host.put(EntryType.EVENT, Event("SELF_TEST", TESTS_PASSED, "STANDBY", "", "all tests passed"))
        self.run(0.02)

    def baseline(self, key: Ed25519PrivateKey = PHYSICIST, **changed: Any) -> Sheet:
        token = self.expose(Purpose.DAILY)
        plain = Baseline(
            OPENING.certificate_sha256.hex(), OPENING.tube_serial, OPENING.machine_serial, DEVICE, "nC", True, 0.0,
            (BaseLine(69.5, 1.6, "F1", "A20", SET_S, READING),), (token,),
        )  # fmt: skip
        sheet = signed(SheetKind.BASELINE, msgspec.structs.replace(plain, **changed), key, "physicist")
        self.lay_down(sheet)
        return sheet

    def measured(self, baseline: Sheet, **changed: Any) -> DaySheet:
        """The check's exposures and everything that people do in it, as a sheet that is not signed yet."""
        begun_s = self.clock.wall
        self.tests()
        self.contacts()
        tokens = [self.expose(Purpose.DAILY) for _ in range(2)]
        interrupted = self.expose(Purpose.DAILY, 4.0, Outcome.INTERRUPTED)
        plain = DaySheet(
            day=str(day_of(self.clock.wall, zone_named(self.zone))),
            begun_wall_s=begun_s,
            bound=bound_of(self.host.opening),
            device=DEVICE,
            baseline_sha256=baseline.sha256,
            p_kpa=101.325,
            t_c=20.0,
            lines=(Line(69.5, 1.6, "F1", "A20", tokens[0], 1.004 * READING),),
            seated_anew=Line(69.5, 1.6, "F1", "A20", tokens[1], 1.002 * READING),
            interrupt_token=interrupted,
            left=(),
            items=tuple(name for name, _ in ITEMS),
        )
        return msgspec.structs.replace(plain, **changed)

    def commissioned(self, key: Ed25519PrivateKey = PHYSICIST, **changed: Any) -> Sheet:
        every = tuple(name for name, _ in commissioning.ITEMS)
        plain = Commissioning(
            OPENING.tube_serial, OPENING.machine_serial, OPENING.certificate_sha256.hex(), Audit("mailed dosimeters", "Another House", "2026-10-01", 1.012),
            (Commissioned(69.5, 1.6, "F1", "A20", every),),
        )  # fmt: skip
        sheet = signed(SheetKind.COMMISSIONING, msgspec.structs.replace(plain, **changed), key, "physicist")
        self.lay_down(sheet)
        return sheet

    def check(self, key: Ed25519PrivateKey = OPERATOR, role: str = "operator", **changed: Any) -> Sheet:
        """A whole day: used, warmed up, checked, signed, and in the records."""
        self.opened()
        sheet = signed(SheetKind.DAILY, self.measured(self.baseline(), **changed), key, role)
        self.lay_down(sheet)
        return sheet

    def lay_down(self, sheet: Sheet) -> None:
        hand_in(self.folder, sheet)
        self.clock.go(0.2)
        self.run(0.04)

    def refused(self, order: Prescribed | None = None, **changed: Any) -> str:
        """What the records say to a treatment now."""
        self.host.query(order, **changed)
        self.run(0.02)
        clearance = self.host.statement().clearance
        assert clearance is not None
        return clearance.refused


def made(folder: Path, **changed: Any) -> DayRig:
    rig = DayRig(folder, **changed)
    rig.new_recorder()
    return rig


def by_detector(rig: DayRig, device: str, base: Any, part: float = 1.0, **changed: Any) -> str:
    """A whole check by this detector, each reading this part of READING; gives what the records say to a treatment then."""
    content = rig.measured(base, device=device, **changed)
    read = [msgspec.structs.replace(one, reading=part * READING) for one in (*content.lines, content.seated_anew)]
    content = msgspec.structs.replace(content, lines=(read[0],), seated_anew=read[1])
    rig.lay_down(signed(SheetKind.DAILY, content, OPERATOR, "operator"))
    return rig.refused()


def next_day(rig: DayRig) -> None:
    """24 h later, and warm again."""
    rig.clock.go(24 * 3600.0)
    for _ in range(3):
        rig.expose(Purpose.WARMUP, 110.0)


def row(part: float = 1.0) -> dict[str, Any]:
    """What a baseline changes to read this part of READING."""
    return {"lines": (BaseLine(69.5, 1.6, "F1", "A20", 10.0, part * READING),)}


def fit_tube(rig: DayRig, tube: str, wait_s: float) -> None:
    """Another tube is built in, so long later: rig file and certificate name it, and the process begins anew."""
    rig.restart_host(wait_s)
    rig.host.put(EntryType.OPENING, msgspec.structs.replace(rig.host.opening, tube_serial=tube))
    rig.host.found()
    rig.run(0.04)


def in_force(rig: DayRig, device: str, certificate: bytes = OPENING.certificate_sha256) -> bool:
    """Whether this detector has a baseline of the certificate that holds."""
    return baseline_of(rig.recorder.book, SITE, certificate.hex(), device) is not None  # type: ignore[union-attr]
