"""A calibration procedure as a page's thread follows it: the job, the session's file and the terminal's own guide before another face.
It asks nobody by itself; who may type is looked at where a line comes in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from calibration.job import load_job
from console import kept
from console.calibrate import terminal
from console.calibrate.draft import last_n1
from console.calibrate.exposing import Kept, Person
from console.calibrate.sessions import known_of, measurable, of_this_rig, opened
from console.configuration import Rig
from console.exit_codes import Exit
from console.treat.session import Session as Line
from console.web.procedure import Opened, Work
from console.web.procedure_face import PageFace
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.day_forms import zone_named

KIND: Final = "calibration"
ENDS: Final = {
    Exit.AS_INTENDED: "at its end; nothing becomes valid by itself",
    Exit.NOT_CONFIRMED: "left, and taken up again by its name",
}
SILENT: Final = "left, for the desk does not answer; it is taken up again by its name"


def calibration(rig: Rig, clock: Clock, name: str, anew: bool, person: Person) -> Work:
    """The procedure of this name; its open session is taken up unless another is wanted."""

    def work(line: Line, open_: Opened) -> str:
        job = load_job(rig.path.parent / terminal.JOB)
        of_this_rig(rig, job)
        at = datetime.fromtimestamp(clock.wall(), UTC)
        known = known_of(rig, job, at, last_n1(rig, job))
        planned = measurable(job, name, at, known)
        wrong = terminal.under(person.role, name, planned.procedure.limits)
        if wrong:
            raise ConfigurationError(wrong)
        site = terminal.sited(rig, job, planned, clock)
        with opened(rig, name, planned, at, anew) as journal:
            face = PageFace(terminal.banner(site, journal.session, person))
            for words in terminal.unwarmed(
                job, name, known, Kept(kept.database(rig)), clock, zone_named(rig.time_zone)
            ):
                face.say(words)
            open_(face, journal.session.id)
            return ENDS.get(terminal.faced(site, journal, line, face, person), SILENT)

    return work
