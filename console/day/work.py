"""The day's work from the command line: checks rig, keys and certificate, holds the desk, and hands over to console/day/warm_up.py and console/day/daily.py.
It knows files and terminals, and asks nothing of a person by itself."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from console import configuration, hour_charge, screen, sources
from console.calibrate import simulated_hand
from console.calibrate.exposing import Hand, Kept, Person
from console.certificate import certificate_of
from console.configuration import Rig
from console.day import daily as room
from console.day import warm_up
from console.day.daily import SET_S, Site
from console.day.noted import FOLDER, Notes
from console.day.sheets import Signer, laid_down, signed, signers_of, told
from console.day.state import kept_day
from console.day.warm_up import Day, Fitted
from console.desk_client import DeskGoneError, connect
from console.exit_codes import Exit
from console.followed import Followed
from console.kept import database
from console.treat.plain_words import PlainConsole
from console.treat.session import Session, signals_stop
from console.treat.terminal import TerminalFace, same_kind
from controller.prescribed import Certificate
from controller.tags import parts_sha256
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records import fractions
from records.baselines import against_begun, baselines_of, outputs_of, rows_before
from records.day_forms import BaseLine, Baseline, Bound, DaySheet, alike, decoded, zone_named
from records.day_readings import altitude_words
from records.sheets import Sheet, SheetKind, taken, wrong_signature
from records.warm_up import Beam, of_tube, today

Work = Callable[[Session, Hand, TerminalFace], Exit]


@dataclass(frozen=True)
class Asked:
    """What all of the day's commands are told: the rig, who is at the desk in which role, and whether a simulated room presses its own switch."""

    config: Path
    operator: str
    press: bool
    role: str = "operator"


@dataclass(frozen=True)
class Detector:
    """The detector outside the head, as a baseline names it."""

    device: str
    unit: str
    vented: bool
    altitude_m: float | None


def run_warm_up(asked: Asked, filter_id: str, applicator_id: str, clock: Clock) -> Exit:
    """`kerma warm-up`."""
    rig, certificate = prepared(asked, clock)
    fitted = Fitted(filter_id, applicator_id)
    day = warm_day_of(rig, clock)
    return held(
        asked, rig, certificate, Purpose.WARMUP, clock,
        lambda session, hand, face: warm_up.warm_up(session, hand, certificate, day, fitted, face),
    )  # fmt: skip


def run_daily(asked: Asked, signer: Signer, device: str, clock: Clock) -> Exit:
    """`kerma daily`."""
    rig, certificate = prepared(asked, clock)
    day, site = day_of(rig, clock), site_of(rig, certificate, device, signer.who, clock)
    site = replace(site, physicist=signer.role == "physicist")

    def sign(sheet: DaySheet) -> Exit:
        return told(laid_down(rig, signed(SheetKind.DAILY, sheet, signer, rig, clock.wall()), clock))

    return held(
        asked, rig, certificate, Purpose.DAILY, clock,
        lambda session, hand, face: room.daily(session, hand, certificate, day, site, face, sign),
    )  # fmt: skip


def run_baseline(asked: Asked, signer: Signer, detector: Detector, clock: Clock) -> Exit:
    """`kerma daily --baseline`."""
    if not alike(detector.device):
        raise ConfigurationError("--baseline needs --device; first: write the detector's name and serial number")
    if detector.altitude_m is None:
        raise ConfigurationError(
            "--baseline needs --altitude; first: write how many metres above the sea the machine stands: each day's station pressure is held against it"
        )
    if wrong := altitude_words(detector.altitude_m):
        raise ConfigurationError(f"--altitude: {wrong}")
    rig, certificate = prepared(asked, clock)
    wanted = baseline_begun(rig, baseline_of(certificate, detector, detector.altitude_m), certificate)
    wrong = no_baseline_yet(rig, certificate, wanted, clock)
    if wrong:
        raise ConfigurationError(wrong)
    return held(
        asked, rig, certificate, Purpose.DAILY, clock,
        lambda session, hand, face: room.baseline(
            session, hand, certificate, wanted, face, Notes(rig.records / FOLDER), lambda base: kept_baseline(rig, base, signer, clock)
        ),
    )  # fmt: skip


def baseline_of(certificate: Certificate, detector: Detector, altitude_m: float) -> Baseline:
    """What is to be measured, its readings empty."""
    return Baseline(
        certificate.sha256.hex(), certificate.tube_serial, certificate.machine_serial, detector.device, detector.unit,
        detector.vented, altitude_m, beams_of(certificate), (),
    )  # fmt: skip


def baseline_begun(rig: Rig, wanted: Baseline, certificate: Certificate) -> Baseline:
    """The same, of the combinations that the baselines of before are of."""
    book, site, _ = kept_day(rig)
    return msgspec.structs.replace(wanted, lines=beams_of(certificate, rows_before(book, site, wanted)))


def no_baseline_yet(rig: Rig, certificate: Certificate, wanted: Baseline, clock: Clock) -> str:
    """Why these records would take no baseline that is begun now, "" where they would: said before anything is exposed for it."""
    book, site, _ = kept_day(rig)
    return against_begun(book, site, wanted, certificate.combinations, clock.wall())


def kept_baseline(rig: Rig, base: Baseline, signer: Signer, clock: Clock) -> Exit:
    """Sign and keep a baseline."""
    return told(laid_down(rig, signed(SheetKind.BASELINE, base, signer, rig, clock.wall()), clock))


def beams_of(certificate: Certificate, before: Sequence[BaseLine] = ()) -> tuple[BaseLine, ...]:
    """One combination for each kV and filter of the certificate: the one that has a baseline already (the first of `before`), or the first that it names."""
    has, found = outputs_of(certificate.combinations), dict[tuple[float, str], BaseLine]()
    for c in certificate.combinations:
        found.setdefault((c.kv, c.filter_id), BaseLine(c.kv, c.ma, c.filter_id, c.applicator_id, SET_S, 0.0))
    for row in reversed(before):
        if (row.kv, row.ma, row.filter, row.applicator) in has:
            found[row.kv, row.filter] = msgspec.structs.replace(row, reading=0.0)
    return tuple(found.values())


def prepared(asked: Asked, clock: Clock) -> tuple[Rig, Certificate]:
    """Rig and certificate in force. Raises ConfigurationError."""
    rig = configuration.load(asked.config, os.getuid())
    if asked.press and not rig.simulated:
        raise ConfigurationError(
            f"--press: {rig.path} says rig.simulated = false; first: leave --press out: on a real rig a person presses"
        )
    if not rig.simulated and not sys.stdin.isatty():
        raise ConfigurationError("standard input is no terminal; first: run this at a terminal: a person answers")
    return rig, certificate_of(rig, clock.wall())


def day_of(rig: Rig, clock: Clock) -> Day:
    """The day where this rig stands, with the beams of the tube that is there."""

    def beams() -> tuple[Beam, ...]:
        return fractions.beams_kept(database(rig), clock.wall() - clock.monotonic(), of_this_tube=True)

    return Day(beams, clock.wall, zone_named(rig.time_zone))


def warm_day_of(rig: Rig, clock: Clock) -> Day:
    """The same for a warm-up, by the journal: whoever warms up is asked for what the lock asks for, and told how far it is, by the lock's own times. The
    database has the real-time process's, which follow no clock that is set: after that no exposure of now would be one of this warm-up."""
    followed = Followed(rig.records / fractions.JOURNAL_NAME)
    return Day(lambda: followed.look(lambda book: tuple(of_tube(book))), clock.wall, zone_named(rig.time_zone))


def bound_of(rig: Rig, certificate: Certificate) -> Bound:
    """What this rig file, these sources and this certificate are; the records compare it with what really runs."""
    return Bound(
        rig=rig.name,
        software_version=sources.software_version(),
        configuration_sha256=rig.sha256.hex(),
        certificate_sha256=certificate.sha256.hex(),
        tube_serial=certificate.tube_serial,
        machine_serial=certificate.machine_serial,
        parts_sha256=parts_sha256(certificate.combinations).hex(),
    )


def site_of(rig: Rig, certificate: Certificate, device: str, who: str, clock: Clock) -> Site:
    """The baseline in force and what the records say of today. Raises ConfigurationError: there is no baseline."""
    book, site, whole = kept_day(rig)
    found = [
        one
        for name, one in baselines_of(book, site, certificate.sha256.hex()).items()
        if device == "" or name == alike(device)
    ]
    if not found:
        raise ConfigurationError(
            f"certificate {certificate.id} has no baseline in force for {device or 'any detector'}{f' ({whole.words})' if whole.words else ''}; "
            "first: have the physicist make one (kerma daily --baseline)"
        )
    by = max(found, key=lambda one: one.last[0].index)
    kept, base = by.last

    def untold() -> tuple[int, ...]:
        return untold_tokens(rig, believed_sheets(rig), clock)

    def opened(since_s: float) -> frozenset[str]:
        return fractions.opened_alone(database(rig), since_s)

    notes = Notes(rig.records / FOLDER)
    return Site(
        who, bound_of(rig, certificate), base, kept.sheet.sha256, opened, untold, notes, first=by.first, off=by.off
    )


def believed_sheets(rig: Rig) -> tuple[Sheet, ...]:
    """Sheets in these records that are signed as this rig asks, the newest first."""
    return tuple(sheet for sheet in taken(rig.records) if not wrong_signature(sheet, signers_of(rig)))


def untold_tokens(rig: Rig, believed: tuple[Sheet, ...], clock: Clock) -> tuple[int, ...]:
    """Today's exposures for a check or a baseline that no sheet tells of, of whichever tube, the oldest first."""
    known: set[int] = set()
    for sheet in believed:
        check = decoded(sheet.body, DaySheet) if sheet.kind is SheetKind.DAILY else None
        base = decoded(sheet.body, Baseline) if sheet.kind is SheetKind.BASELINE else None
        if check is not None:
            known |= {one.token for one in (*check.lines, check.seated_anew)} | {check.interrupt_token}
            known |= {one.token for one in check.left}
        if base is not None:
            known |= set(base.tokens)
    day = day_of(rig, clock)
    now = today(clock.wall(), day.zone)
    beams = fractions.beams_kept(database(rig), clock.wall() - clock.monotonic(), of_this_tube=False)
    made = [one for one in beams if one.purpose is Purpose.DAILY and today(one.ended_s, day.zone) == now]
    return tuple(sorted({one.token for one in made} - known))


def held(asked: Asked, rig: Rig, certificate: Certificate, purpose: Purpose, clock: Clock, work: Work) -> Exit:
    """Hold the desk for one work; Ctrl-C is STOP."""
    console = PlainConsole()
    console.print(screen.banner(rig.simulated, rig.name), style="black on magenta" if rig.simulated else "")
    face = TerminalFace(console)
    control = rig.control if asked.press else None
    person = Person(asked.operator.strip() or getpass.getuser(), asked.role)
    try:
        with connect(rig.places.desk, clock) as desk:
            session = Session(desk, rig.places.stop, clock)
            hand = Hand(
                session, certificate, Kept(database(rig)), person, face,
                None if control is None else lambda: simulated_hand.act(control, "press"),
                None if control is None else lambda: simulated_hand.act(control, "release"),
                purpose, hour_charge.waits(rig, purpose, clock),
            )  # fmt: skip
            with signals_stop(session):
                other = same_kind(session, rig)
                if other is not None:
                    print(other.words)
                    return other.code
                return work(session, hand, face)
    except DeskGoneError as error:
        print(error)
        return Exit.NO_ANSWER
    finally:
        face.pause()
