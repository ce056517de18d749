"""`kerma replay`: recorded exposures played again through judge, decide and drive, and the first place where one comes out otherwise.
It reads a journal and changes nothing; how an exposure is played again is records/replay.py's business."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from console import kept
from console.exit_codes import Exit
from console.treat.plain_words import PlainConsole
from controller.kernel import PLAIN
from hal.errors import ConfigurationError
from records.files import PosixFiles
from records.fractions import JOURNAL_NAME
from records.journal import JournalError, read_all
from records.replay import Recorded, Replayed, exposures, replay


def run(folder: Path | None, config: Path | None, token: int | None, as_json: bool) -> Exit:
    """Play every exposure of a folder of records again, or the one of this token. DIFFERENT when any comes out otherwise, else NOT_WHOLE when any record
    stops before its exposure's end.

    Raises ConfigurationError when there is no journal, none that is whole, or nothing in it to play.
    """
    journal = (folder if folder is not None else kept.rig_of(config).records) / JOURNAL_NAME
    found = _found(journal, token)
    console = PlainConsole(stderr=as_json)
    told: list[Replayed] = []
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        for one in found:
            task = bar.add_task(f"token {one.token}", total=len(one.rows))
            told.append(replay(one, PLAIN, lambda ticks, task=task: bar.update(task, completed=ticks)))  # type: ignore[misc]
            bar.remove_task(task)
            if not as_json:
                console.print(words(told[-1]), markup=False, highlight=False, soft_wrap=True)
    if as_json:
        print(json.dumps({"exposures": [msgspec.to_builtins(one) for one in told]}))
    if any(one.difference for one in told):
        return Exit.DIFFERENT
    return Exit.NOT_WHOLE if any(one.lacks for one in told) else Exit.AS_INTENDED


def _found(journal: Path, token: int | None) -> list[Recorded]:
    try:
        found = [one for one in exposures(read_all(PosixFiles(), journal)) if token in (None, one.token)]
    except (JournalError, OSError, msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"{journal}: cannot be played again ({error}); first: kerma records list") from error
    if not found:
        which = "no exposure" if token is None else f"no exposure of token {token}"
        raise ConfigurationError(f"{journal}: {which} can be played again; first: take a token from kerma records show")
    return found


def words(one: Replayed) -> str:
    """One exposure in a line: what came out the same, or the first difference, or what the record lacks."""
    passed = " > ".join(one.states)
    told = f"token {one.token}: {one.ticks} ticks ({one.seconds:.1f} s), {one.events} entries, {passed}; {one.ended}"
    if one.difference is not None:
        return f"{told}; DIFFERENT: {one.difference.words()}"
    if one.lacks:
        return f"{told}; NOT WHOLE: {one.lacks}; every decision up to there the same"
    return f"{told}; every decision the same"
