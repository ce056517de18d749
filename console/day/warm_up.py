"""`kerma warm-up`: exposes what the idle time asks for until the tube is steady, each exposure on the path of every exposure, and says when it is warm.
It decides nothing about being warm: the records do, at every question (records/warm_up.py)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo

from calibration.procedures.session import Expose
from calibration.warm_up import Todo, following, ladder
from console.calibrate.exposing import COMPLETE, Hand, Unanswered
from console.exit_codes import Exit
from console.treat.asking import StoppedError, yes
from console.treat.session import Session
from console.treat.treat import Face
from controller.prescribed import Certificate, Combination
from records.warm_up import CLOCK_S, Beam, Standing, standing

CLEAR = "the room is empty, nobody is under the beam, the door is closed"


@dataclass(frozen=True)
class Fitted:
    """What is on the head now."""

    filter_id: str
    applicator_id: str


@dataclass(frozen=True)
class Day:
    """What the work of a day stands on: the records' beams, the wall clock, and the site's zone."""

    beams: Callable[[], tuple[Beam, ...]]
    wall: Callable[[], float]
    zone: tzinfo


def stands(day: Day, now_s: float) -> tuple[float, Standing | None]:
    """Idle time and the warm-up as it stands; where the clock was set since the last beam, nobody knows how long that is ago."""
    made, wall_s = day.beams(), day.wall()
    known = made and abs(wall_s - now_s - made[0].clocks_s) <= CLOCK_S
    idle_s = wall_s - made[0].ended_s if known else math.inf
    return idle_s, standing(iter(made), now_s, wall_s, day.zone)


def asked(name: str, number: int, one: Combination, seconds: float) -> Expose:
    """One exposure of a day's work, as the hand is asked for it."""
    token = f"{name}-{number}"
    return Expose(token, "service", one.kv, one.ma, one.filter_id, one.applicator_id, seconds, one.ma * seconds * 1.01)


def warm_up(session: Session, hand: Hand, certificate: Certificate, day: Day, fitted: Fitted, face: Face) -> Exit:
    """Until it is warm, or a person stops it, or it will not be."""
    try:
        rungs = ladder(certificate.combinations, fitted.filter_id, fitted.applicator_id)
    except ValueError as error:
        face.say(str(error))
        return Exit.USAGE
    name = f"W-{day.wall():.0f}"
    try:
        for number in _numbers():
            todo = following(rungs, *stands(day, session.now()))
            face.say(todo.words)
            if todo.combination is None:
                return Exit.AS_INTENDED if todo.words.startswith("warm") else Exit.UNFIT
            if number == 1 and not yes(session, face, CLEAR):
                return Exit.NOT_CONFIRMED
            if session.stopped:
                raise StoppedError("stopped")
            if not _expose(hand, name, number, todo, face):
                return Exit.INTERRUPTED
    except StoppedError as error:
        face.say(str(error))
    return Exit.NOT_CONFIRMED


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def _expose(hand: Hand, name: str, number: int, todo: Todo, face: Face) -> bool:
    one = todo.combination
    assert one is not None
    face.say(f"exposure {number}: {one.kv:g} kV, {one.ma:g} mA, {todo.seconds:g} s")
    answer = hand.expose(asked(name, number, one, todo.seconds))
    if isinstance(answer, Unanswered):
        face.say(answer.words)
        return False
    if answer.ended != COMPLETE:
        face.say(f"exposure {number}: {answer.ended}")
        return False
    return True
