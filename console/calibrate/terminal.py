"""`kerma calibrate`: lists what is to be measured and what is open, takes a session up or begins one, and writes the draft of a certificate from finished ones.
The steps are calibration/procedures, the person's side console/calibrate/guided.py; this room knows files, terminals and the rig."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final

from rich.console import Console

from calibration.equipment import Barometer, Electrometer
from calibration.given import Known
from calibration.job import JobTable, load_job
from calibration.planned import Planned, names
from calibration.procedures.journal import Journal
from calibration.procedures.session import Session
from calibration.procedures.step import Limits, Procedure
from console import configuration, hour_charge
from console import kept as room
from console.calibrate import simulated_hand
from console.calibrate.draft import drafted, last_n1, steady_tokens
from console.calibrate.exposing import Hand, Kept, Person
from console.calibrate.face import CalibrateFace, Keyboard, Lines, Script
from console.calibrate.guided import Face, Guide, Meters
from console.calibrate.meter_hand import NoMeters, WireMeter
from console.calibrate.sessions import (
    FOLDER,
    files,
    known_of,
    measurable,
    of_this_rig,
    of_this_start,
    opened,
    stands,
    voided,
)
from console.certificate import certificate_of
from console.configuration import Rig
from console.desk_client import DeskGoneError, connect, send_stop
from console.exit_codes import Exit
from console.treat import terminal
from console.treat.session import Session as Line
from console.treat.session import signals_stop
from console.tube_use import since_warmup_s, warmed_at
from controller.prescribed import Certificate
from hal import registry
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Purpose
from hal.registry import ElectrometerSetting
from hal.transport import open_pipe
from records.day_forms import zone_named

ROLES: Final = ("physicist", "service")
MAY: Final[dict[Limits, tuple[str, ...]]] = {"physics": ("physicist",), "service": ("physicist", "service")}
"""Which roles may do procedures under which limits."""
JOB: Final = "calibration.toml"
METER_TICK_S: Final = 0.05


@dataclass(frozen=True)
class Asked:
    """The command line of `kerma calibrate`, as typed."""

    config: Path
    procedure: str = ""
    job: Path | None = None
    anew: bool = False
    draft: Path | None = None
    by: str = ""
    role: str = "physicist"
    plain: bool = False
    press: bool = False
    script: Path | None = None
    transcript: Path | None = None
    void: str = ""


def run(asked: Asked, clock: Clock) -> Exit:
    """Everything from the command line to the exit code. Raises ConfigurationError."""
    rig = configuration.load(asked.config, os.getuid())
    job = load_job(asked.job or rig.path.parent / JOB)
    of_this_rig(rig, job)
    console = Console(record=asked.transcript is not None)
    if asked.draft is not None:
        return drafted(rig, job, asked.draft, clock, console)
    if asked.void and not asked.procedure:
        raise ConfigurationError("--void: of which procedure is not said; first: name it, its newest session is voided")
    if not asked.procedure:
        listed(rig, job, clock, console)
        return Exit.AS_INTENDED
    at = _at(clock)
    if asked.void:
        why = f"{asked.void} ({asked.by.strip() or getpass.getuser()})"
        words = f"{voided(rig, asked.procedure, at, why)}: voided: {why}"
        console.print(words, markup=False, highlight=False)
        return Exit.AS_INTENDED
    known = known_of(rig, job, at, last_n1(rig, job))
    planned = measurable(job, asked.procedure, at, known)
    for words in unwarmed(job, asked.procedure, known, Kept(room.database(rig)), clock, zone_named(rig.time_zone)):
        console.print(words, markup=False, highlight=False)
    procedure = planned.procedure
    checked(asked, rig, procedure.limits)
    site = sited(rig, job, planned, clock)
    try:
        with (
            connect(rig.places.desk, clock) as desk,
            opened(rig, asked.procedure, planned, at, asked.anew) as journal,
        ):
            line = Line(desk, rig.places.stop, clock)
            with signals_stop(line):
                wrong = terminal.same_kind(line, rig)
                if wrong is not None:
                    console.print(wrong.words, markup=False, highlight=False)
                    return wrong.code
                control = rig.control
                pressed = control if asked.press or asked.script is not None else None
                lines = _lines(asked, rig, line)
                return guided(
                    site,
                    journal,
                    line,
                    lines,
                    asked,
                    console,
                    pressed,
                )
    except DeskGoneError as error:
        console.print(str(error), markup=False, highlight=False)
        return Exit.NO_ANSWER
    finally:
        if asked.transcript is not None:
            asked.transcript.write_text(console.export_text(), encoding="utf-8")


def unwarmed(job: JobTable, name: str, known: Known, kept: Kept, clock: Clock, zone: tzinfo) -> Iterator[str]:
    """That an output which is begun now gives no draft, said before it is measured and not after."""
    one = next((one for one in job.outputs if one.name == name), None)
    if one is None:
        return
    steady, wall_s = steady_tokens(job, known, one.kv), clock.wall()
    if warmed_at(kept.used(), wall_s, steady, kept.beams(), one.kv, zone, wall_s - clock.monotonic()) is None:
        yield (
            f"the tube was not warmed up at {one.kv:g} kV, or paused for hours since, or the clock was set or this computer started anew since: "
            f"measure warm-{name} first, or the draft of {name} is refused"
        )


@dataclass(frozen=True)
class Site:
    """What a session stands on."""

    rig: Rig
    job: JobTable
    planned: Planned
    certificate: Certificate
    clock: Clock


def sited(rig: Rig, job: JobTable, planned: Planned, clock: Clock) -> Site:
    """Where a procedure is gone through. ConfigurationError: no certificate is in force, or what is measured by it is none of this job file."""
    certificate = certificate_of(rig, clock.wall())
    of_this_start(job, certificate)
    return Site(rig, job, planned, certificate, clock)


def guided(
    site: Site, journal: Journal, line: Line, lines: Lines, asked: Asked, console: Console, control: Path | None,
    press: Callable[[], str] | None = None, database: Path | None = None,
) -> Exit:  # fmt: skip
    """One person at a terminal and one session."""
    person = Person(asked.by.strip() or getpass.getuser(), asked.role)
    face = CalibrateFace(console, lines, banner(site, journal.session, person), asked.plain or not console.is_terminal)
    return faced(site, journal, line, face, person, control, press, database)


def faced(
    site: Site, journal: Journal, line: Line, face: Face, person: Person, control: Path | None = None,
    press: Callable[[], str] | None = None, database: Path | None = None,
) -> Exit:  # fmt: skip
    """One person before any face, and one session: everything put together. `control`: the simulated room presses by itself."""
    rig, clock = site.rig, site.clock
    kept = Kept(database or room.database(rig))
    release = None
    if control is not None:
        press, release = (
            (lambda: simulated_hand.act(control, "press")),
            (lambda: simulated_hand.act(control, "release")),
        )
    waits = hour_charge.waits(rig, Purpose.CALIBRATE, clock, database)
    hand = Hand(line, site.certificate, kept, person, face, press, release, waits=waits)
    altitude_m = barometer(site.job).altitude_m
    guide = Guide(
        journal, line, hand, meters(site, line), face, clock.wall, lambda: since_warmup_s(kept.used(), clock.wall()), altitude_m
    )  # fmt: skip
    return guide.run()


def barometer(job: JobTable) -> Barometer:
    """The one that lies in this room. ConfigurationError: none, or several at different altitudes."""
    found = [one for one in job.instruments if isinstance(one, Barometer)]
    if len({one.altitude_m for one in found}) != 1:
        raise ConfigurationError(
            f"{len(found)} barometers at {len({one.altitude_m for one in found})} altitudes in the job file; first: write those of this room"
        )
    return found[0]


def banner(site: Site, session: Session, person: Person) -> str:
    """Over every step: that this is no treatment, of which rig, under whose hands and limits."""
    mark = "SIMULATED " if site.rig.simulated else ""
    paper = f"certificate {site.certificate.id}{' PROVISIONAL' if site.certificate.provisional else ''}"
    dry = all(one.exposes is None or one.exposes.how == "cold" for one in session.procedure.steps)
    what = "DRY RUN, HIGH VOLTAGE OVER A COLD FILAMENT" if dry else "CALIBRATION"
    return f"{mark}{what} rig {site.rig.name}, key in SERVICE, {person.name} ({person.role}), limits {session.procedure.limits}, {paper}"


def checked(asked: Asked, rig: Rig, limits: Limits) -> None:
    """Whether this may be asked at all. Raises ConfigurationError."""
    if asked.role not in ROLES:
        raise ConfigurationError(f"--role {asked.role}: is none of {', '.join(ROLES)}; first: say as what you are here")
    wrong = under(asked.role, asked.procedure, limits)
    if wrong:
        raise ConfigurationError(f"--role {asked.role}: {wrong}")
    if (asked.script is not None or asked.press) and not rig.simulated:
        raise ConfigurationError(
            f"{rig.path}: rig.simulated = false; first: leave --script and --press out: a person types and presses"
        )
    if asked.script is None and not rig.simulated and not sys.stdin.isatty():
        raise ConfigurationError("standard input is no terminal; first: run kerma calibrate at a terminal")


def under(role: str, name: str, limits: Limits) -> str:
    """Why this role may not do a procedure of these limits; empty where it may."""
    return "" if role in MAY[limits] else f"{name} is measured under {limits} limits; first: have the physicist do it"


def listed(rig: Rig, job: JobTable, clock: Clock, console: Console) -> None:
    """Print everything that may be measured, and how its sessions stand."""
    folder = rig.records / FOLDER
    console.print("SIMULATED" if rig.simulated else rig.name, markup=False)
    at = _at(clock)
    known = known_of(rig, job, at, last_n1(rig, job))
    for name in names(job):
        try:
            planned = measurable(job, name, at, known)
        except ConfigurationError as error:
            words = str(error)
            console.print(words if words.startswith(name) else f"{name}: {words}", markup=False, highlight=False)
            continue
        procedure = planned.procedure
        console.print(f"{name}: {procedure.name}, limits {procedure.limits}", markup=False, highlight=False)
        for words in lacking(procedure, rig, clock):
            console.print(f"  {words}", markup=False, highlight=False)
        for path in files(folder, name):
            console.print(f"  {path.stem}: {stands(path, planned)}", markup=False, highlight=False)


def lacking(procedure: Procedure, rig: Rig, clock: Clock) -> Iterator[str]:
    """Which exposures of a procedure the certificate in force has no combination for: the desk would refuse them one by one."""
    try:
        certificate = certificate_of(rig, clock.wall())
    except ConfigurationError as error:
        yield f"no certificate is in force: {error}"
        return
    has = {(c.kv, c.ma, c.filter_id, c.applicator_id) for c in certificate.combinations}
    asked = (step.exposes for step in procedure.steps if step.exposes is not None and step.exposes.how == "beam")
    for kv, ma, filter_id, fitted in dict.fromkeys((one.kv, one.ma, one.filter, one.applicator) for one in asked):
        if (kv, ma, filter_id, fitted) not in has:
            yield (
                f"certificate {certificate.id} has no {kv:g} kV, {ma:g} mA, {filter_id}, {fitted}: "
                "write it into the plate's file, and make the certificate anew"
            )


def meters(site: Site, line: Line) -> Meters:
    """The electrometer of the rig file on its wire, if it has one. Raises ConfigurationError: it is not the job's."""
    table = site.rig.file.electrometer
    steps = site.planned.procedure.steps
    on_wire = {one.instrument for step in steps for one in step.reading if one.source == "wire"}
    if not on_wire or table is None or table.link is None:
        return NoMeters()
    wanted = site.job.instrument(Electrometer, on_wire.pop())
    if wanted.serial != table.serial:
        raise ConfigurationError(
            f"electrometer.serial = {table.serial}: the job file names {wanted.id} {wanted.serial}; first: connect that"
        )
    setting = ElectrometerSetting(
        table.link, table.baud, table.model, table.serial, 0.05, METER_TICK_S, site.rig.simulated
    )
    driver = registry.electrometer(table.driver).make(setting, open_pipe)
    return WireMeter(
        wanted.id, wanted.serial, driver, site.clock, METER_TICK_S, lambda: line.turn(0.0), site.planned.dark_s
    )


def _lines(asked: Asked, rig: Rig, line: Line) -> Lines:
    if asked.script is None:

        def stop() -> None:
            line.stopped = True
            send_stop(rig.places.stop)

        return Keyboard(stop)
    try:
        text = asked.script.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{asked.script}: cannot be read ({error}); first: give the path of a script"
        ) from error
    control = rig.control
    assert control is not None

    def wait(seconds: float) -> None:
        until = line.now() + seconds
        while line.now() < until:
            line.turn()

    return Script(text.splitlines(), simulated_hand.Room(lambda request: simulated_hand.asked(control, request), wait))


def _at(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.wall(), UTC)
