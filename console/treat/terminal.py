"""The operator's terminal for `kerma treat`: checks what must be checked before the desk is asked, draws, reads the typed yes, prints the end.
The steps themselves are console/treat/treat.py; this room knows terminals and files."""

from __future__ import annotations

import getpass
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from console import configuration, screen
from console.access import folder, marks, policy
from console.access.approvals import Approvals
from console.access.audit import Told
from console.calibrate import simulated_hand
from console.certificate import checked_of, exchanged
from console.configuration import Rig
from console.desk_client import DeskGoneError, connect
from console.exit_codes import WORDS, Exit
from console.kept import given_d0_mgy, record_words
from console.prescribe.shelf import displaced, folder_beside
from console.second_calculation import Compared
from console.treat import chart, figures, particulars
from console.treat.chart_hand import Chart, told_of
from console.treat.independent import beside
from console.treat.plain_words import PlainConsole, order, unfit, visible
from console.treat.session import Session, signals_stop
from console.treat.treat import Result, Wanted, treat
from console.typed_line import TypedLine
from controller.prescribed import Prescribed
from controller.requests import Offer, Snapshot
from hal.clock import Clock
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.approved import LOG

PLAIN_EVERY_S = 1.0
WORDS_AT_MOST = 200
"""Of a name or a reason, as at the page."""
TIME_OUT = (
    ("patient", "the patient said both identifiers, and they are the order's:"),
    ("lesion", "lesion, side and site are the order's:"),
    ("applicator", "applicator and filter are on, shields are in place:"),
    ("room", "nobody but the patient is in the room, the door is closed:"),
)
"""What is looked at before the confirmation, in the page's own items and order."""


@dataclass(frozen=True)
class Asked:
    """The command line of `kerma treat`, as typed."""

    prescription: Path
    config: Path
    resume: bool = False
    reason: str = ""
    operator: str = ""
    yes: bool = False
    physicist: bool = False
    as_json: bool = False


class TerminalFace:
    """A terminal with a live picture, or plain lines where there is none; with `as_json` everything but the document goes to standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._last = ("", 0.0)
        self._line = TypedLine()

    def say(self, words: str) -> None:
        self._console.print(words, markup=False, highlight=False)

    def show_offer(self, prescribed: Prescribed, offer: Offer, compared: tuple[Compared, ...], simulated: bool) -> None:
        self.pause()
        self._console.print(screen.offer(prescribed, offer, compared, simulated))

    def ask(self, words: str) -> None:
        self.pause()
        self._line.fresh()
        self._console.print(words, end="", markup=False, highlight=False)

    def typed(self) -> str | None:
        return self._line.taken()

    def progress(self, snapshot: Snapshot, silent_s: float) -> None:
        if snapshot.state in ("SELF_TEST", "STANDBY", "PREPARATORY"):
            return
        if self._console.is_terminal:
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False, transient=False)
                self._live.start()
            self._live.update(screen.progress(snapshot, silent_s), refresh=True)
            return
        state, at_s = self._last
        if snapshot.state != state or snapshot.at_s - at_s >= PLAIN_EVERY_S:
            self._last = (snapshot.state, snapshot.at_s)
            self.say(screen.plain(snapshot))

    def pause(self) -> None:
        """Leave the live picture as it stands and go on below it."""
        if self._live is not None:
            self._live.stop()
            self._live = None


def run(asked: Asked, clock: Clock) -> Exit:
    """`kerma treat`: everything from the command line to the exit code."""
    console = PlainConsole(stderr=asked.as_json)
    try:
        rig = configuration.load(asked.config, os.getuid())
        wanted = prepared(asked, rig, clock)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return Exit.USAGE
    console.print(screen.banner(rig.simulated, rig.name), style="black on magenta" if rig.simulated else "")
    if wanted.prescribed.purpose is Purpose.TREAT:
        console.print(whose(rig, wanted.prescribed), markup=False, highlight=False)
    face = TerminalFace(console)
    try:
        with connect(rig.places.desk, clock) as desk:
            session = Session(desk, rig.places.stop, clock)
            with signals_stop(session):
                result = same_kind(session, rig) or treat(session, wanted, face)
    except DeskGoneError as error:
        result = Result(Exit.NO_ANSWER, str(error))
    finally:
        face.pause()
    tell(result, wanted.prescribed, rig, asked.as_json, console)
    if result.ended is not None and result.ended.durable:
        _marked(rig, clock, console)
    return result.code


def _marked(rig: Rig, clock: Clock, console: Console) -> None:
    """Where a console keeps an audit, it is told of this end too; what cannot be written is said, and changes nothing of what was given."""
    if not _audited(rig):
        return
    try:
        new = marks.newest(rig.records)
        if new is not None:
            _, audit = folder.opened(rig.records, clock)
            audit.note(marks.NOTED, chart.TERMINAL, "", {"record": new.record, "sha256": new.sha256})
    except ConfigurationError as error:
        console.print(f"the end is recorded, and not marked in the audit: {error}", markup=False, highlight=False)


def _audited(rig: Rig) -> bool:
    return (rig.records / folder.FOLDER / LOG).exists()


def _told(rig: Rig, clock: Clock, operator: str, told: Told) -> None:
    """The confirmation's entry in the chart, for the audit where one is kept. Raises ConfigurationError: then nothing is confirmed."""
    if _audited(rig):
        _, audit = folder.opened(rig.records, clock)
        audit.note("charted", operator, "", told)


def whose(rig: Rig, prescribed: Prescribed) -> str:
    """The name for the time-out, beside both identifiers, by which alone the patient is known."""
    look = chart.Look(rig.records)
    found = look.read()
    entries = found.stated(prescribed)
    said = particulars.told(entries[-1] if entries else None)
    name = (
        f"not believed, for the chart's chain is not whole ({found.wrong[0]})"
        if found.wrong
        else f"{said['name']}, born {said['born']}"
    )
    lost = "".join(f"\nLOOK  {words}" for words in look.gone(prescribed))
    return f"patient {prescribed.patient_id}, {prescribed.patient_id_2}; name {name}{lost}"


def prepared(asked: Asked, rig: Rig, clock: Clock) -> Wanted:
    """Check the command line against the rig and read the files. Raises ConfigurationError."""
    for option, words in (("--operator", asked.operator), ("--reason", asked.reason)):
        wrong = unfit(words.strip()) or (
            f"has {len(words)} characters, at most {WORDS_AT_MOST}" if len(words) > WORDS_AT_MOST else ""
        )
        if wrong:
            raise ConfigurationError(f"{option} {visible(words)!r} {wrong}; first: type it anew")
    if asked.yes and not rig.simulated:
        raise ConfigurationError(
            f"--yes: {rig.path} says rig.simulated = false; first: leave --yes out: on a real rig a person confirms and presses"
        )
    if not rig.simulated and not sys.stdin.isatty():
        raise ConfigurationError(
            "standard input is no terminal; first: run kerma treat at a terminal: on a real rig a person types yes"
        )
    if asked.resume and not asked.reason.strip():
        raise ConfigurationError("--resume needs --reason; first: say in a few words why the fraction was interrupted")
    if asked.physicist and not asked.resume:
        raise ConfigurationError("--physicist goes with --resume only; first: leave it out")
    prescribed = order(asked.prescription)
    if prescribed.purpose is not Purpose.TREAT and not rig.simulated:
        raise ConfigurationError(
            f'{asked.prescription}: prescription.purpose = "{prescribed.purpose.name.lower()}": kerma treat gives patients their fractions and nothing else; '
            "first: use kerma warm-up, kerma daily or kerma calibrate"
        )
    folder = None if asked.resume else asked.prescription.parent
    against = unapproved(rig, prescribed, clock, folder)
    if against:
        raise ConfigurationError(against)
    checked = checked_of(rig, clock.wall())
    others = beside(rig, prescribed, checked, clock.wall(), asked.resume)
    control = rig.control if asked.yes else None
    operator = asked.operator.strip() or getpass.getuser()
    given_mgy = given_d0_mgy(rig, prescribed) if asked.resume else None
    treats = prescribed.purpose is Purpose.TREAT
    page = Chart(rig.records, clock.wall)

    def charted(offer: Offer, ticked: tuple[str, ...], compared: tuple[Compared, ...]) -> str:
        found = figures.figures(prescribed, checked.numbers, offer, given_mgy, asked.resume, others)
        ticks = [chart.Tick(name, None) for name in ticked]
        try:
            n = page.confirm(prescribed, offer, operator, "", chart.TERMINAL, ticks, figures.lines(compared), found)
            _told(rig, clock, operator, told_of(prescribed, n, page.written(n)))
        except ConfigurationError as error:
            return f"not confirmed, because time-out and second calculation cannot be kept: {error}"
        return ""

    return Wanted(
        prescribed=prescribed,
        certificate=checked.numbers,
        operator=operator,
        resume=asked.resume,
        reason=asked.reason,
        physicist=asked.physicist,
        yes=asked.yes,
        press=None if control is None else lambda: simulated_hand.act(control, "press"),
        release=None if control is None else lambda: simulated_hand.act(control, "release"),
        given_d0_mgy=given_mgy,
        beside=others,
        allowed=lambda: unapproved(rig, prescribed, clock, folder) or exchanged(rig, checked.numbers, clock.wall()),
        time_out=TIME_OUT if treats else (),
        charted=charted if treats else Wanted.charted,
    )


def unapproved(rig: Rig, prescribed: Prescribed, clock: Clock, folder: Path | None = None) -> str:
    """Why this order may not be loaded, or confirmed: the same signatures as at the page, over a journal that is the one that was marked last; and a newer
    version, signed or in its folder or the site's, but for a resume."""
    try:
        configuration.of_one_kind(rig.path, rig.simulated, rig.file.rig.clinical)
        treats = prescribed.purpose is Purpose.TREAT
        asked = policy.asked_of(rig.path, rig.simulated) if treats else ()
        approvals = Approvals(rig.records, clock.wall)
        signatures = approvals.against(prescribed, asked) if treats else ""
        newer = ""
        if treats and folder is not None and not signatures:
            newer = displaced(prescribed, (folder, folder_beside(rig.path)), approvals.signed(), asked)
        return signatures or newer or marks.lacking(rig.records)
    except ConfigurationError as error:
        return str(error)


def same_kind(session: Session, rig: Rig) -> Result | None:
    """The process that answers must be of the kind that the file says; --yes and a simulated press stand on it."""
    until = session.now() + 3.0
    while session.snapshot is None and session.now() < until:
        session.turn()
    shown = session.snapshot
    if shown is None:
        return Result(Exit.NO_ANSWER, "connected, but no snapshot came within 3 s; first: look at kerma status")
    if (shown.simulated, shown.rig) == (rig.simulated, rig.name):
        return None
    says = f"{rig.path} says rig {rig.name}, simulated = {screen.yes(rig.simulated)}"
    return Result(
        Exit.REFUSED,
        f"{says}, the process that answers says rig {shown.rig}, simulated = {screen.yes(shown.simulated)}; first: start kerma run with this file",
    )


def tell(result: Result, prescribed: Prescribed, rig: Rig, as_json: bool, console: Console) -> None:
    """Print the end: a table for people, or one document."""
    record = record_words(rig, result.ended)
    if result.ended is not None:
        console.print(screen.end(prescribed, result.ended, result.code, record, rig.simulated))
    if result.words:
        console.print(result.words, markup=False, highlight=False)
    if result.ended is None:
        mark = "SIMULATED  " if rig.simulated else ""
        console.print(f"{mark}{WORDS[result.code]} (exit {int(result.code)})", markup=False, highlight=False)
    if as_json:
        print(json.dumps(document(result, prescribed, rig, record)))


def document(result: Result, prescribed: Prescribed, rig: Rig, record: str) -> dict[str, Any]:
    """The whole result as plain values: one document for --json."""
    return {
        "simulated": rig.simulated,
        "rig": rig.name,
        "exit": int(result.code),
        "result": result.code.name,
        "words": result.words,
        "prescription": screen.values(prescribed),
        "offer": None if result.offer is None else screen.values(result.offer),
        "second_calculation": [
            {"name": line.name, "offered": line.offered, "calculated": line.calculated, "agrees": line.agrees}
            for line in result.compared
        ],
        "ended": None if result.ended is None else screen.values(result.ended),
        "states": list(result.trail),
        "record": record,
    }
