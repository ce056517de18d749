"""`kerma status`, `kerma reset` and `kerma close`: one question to the desk and its answer.
It holds no lease longer than the question and starts nothing."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from console import places, screen
from console.desk_client import DeskGoneError, connect
from console.exit_codes import Exit
from console.places import Places
from console.treat.plain_words import PlainConsole
from console.treat.session import Session
from controller.requests import Adopt, Close, Reset, Snapshot
from hal.clock import Clock
from hal.errors import ConfigurationError

Daily = Callable[[Snapshot], str]
WITHIN_S = 2.0
SETTLED_S = 0.25
"""Snapshots come ten a second; within this one is there that was taken after the answer."""


def places_of(config: Path | None) -> Places:
    """Where the rig of this file meets, or the only rig of this machine. Raises ConfigurationError."""
    if config is None:
        return places.the_one()
    found = places.of_file(config, os.getuid())
    if found is None:
        from console import configuration

        return configuration.load(config, os.getuid()).places
    return found


def daily_of(config: Path | None) -> Daily | None:
    """Who says how the day's check stands: asked of the records where a rig file is named."""
    if config is None:
        return None

    def words(shown: Snapshot) -> str:
        from console import configuration
        from console.day.state import daily_words

        try:
            return daily_words(configuration.load(config, os.getuid()), shown)
        except ConfigurationError as error:
            return f"NOT KNOWN: {error}"

    return words


def status(where: Places, clock: Clock, as_json: bool, daily: Daily | None = None) -> Exit:
    """Print one snapshot, and behind it how the day's check stands. NO_ANSWER when nobody gives one within two seconds."""
    try:
        with connect(where.desk, clock) as desk:
            shown = desk.snapshot(WITHIN_S)
    except DeskGoneError as error:
        return no_answer(str(error), as_json)
    if shown is None:
        return no_answer(
            f"{where.desk}: connected, but no snapshot within {WITHIN_S} s: the real-time process does not turn, or its desk is full",
            as_json,
        )
    if as_json:
        more = {} if daily is None else {"daily_check": daily(shown)}
        print(json.dumps(screen.values(shown) | more))
    else:
        PlainConsole().print(screen.status(shown))
        said = daily(shown) if daily is not None else "not asked; name the rig file (--config)"
        print(f"daily check: {said}")
    return Exit.AS_INTENDED


def no_answer(words: str, as_json: bool) -> Exit:
    """Say that nobody answers: what is not seen is not known to be off."""
    if as_json:
        print(json.dumps({"answer": None, "words": words, "exit": int(Exit.NO_ANSWER)}))
    print(f"NO ANSWER: {words}", file=sys.stderr)
    return Exit.NO_ANSWER


def ask(where: Places, clock: Clock, request: Reset | Close | Adopt, as_json: bool = False) -> Exit:
    """Put one request to the desk and print its answer. A partial fraction is closed in two steps, the second of which needs no new decision."""
    try:
        with connect(where.desk, clock) as desk:
            session = Session(desk, where.stop, clock)
            answer = session.ask(request)
            session.turn(SETTLED_S)
            session.turn(SETTLED_S)
            shown = session.snapshot
            if isinstance(request, Close) and answer.ok and shown is not None and shown.state == "TERMINATED":
                answer = session.ask(request)
                session.turn(SETTLED_S)
                session.turn(SETTLED_S)
    except DeskGoneError as error:
        return no_answer(str(error), as_json)
    shown = session.snapshot
    code = Exit.AS_INTENDED if answer.ok else Exit.REFUSED
    if as_json:
        state = shown.state if shown is not None else None
        print(json.dumps({"taken": answer.ok, "words": answer.words, "state": state, "exit": int(code)}))
        return code
    if shown is not None:
        print(f"{screen.banner(shown.simulated, shown.rig)}; {screen.state_words(shown)}")
    print(("taken: " if answer.ok else "REFUSED: ") + answer.words, file=sys.stdout if answer.ok else sys.stderr)
    return code
