"""Recorded exposures of many plays, played again through judge, decide and drive: every decision must come out the same.
It knows which plays there are to record; how an exposure is played again is the records' business."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Final

from controller.kernel import PLAIN
from records.files import PosixFiles
from records.journal import read_all
from records.replay import exposures, replay
from verification.evil.plays import CHOICES, VIRTUAL
from verification.hands import Stuck
from verification.setting import lay_out, virtual_rig

WITHOUT: Final = frozenset({"slow disk", "another filter", "confirmed by an old digest", "confirmed by an old number"})
"""Plays in which nothing that can be replayed reaches the disk: one that stalls, and starts that are refused."""
CUT: Final = frozenset({"killed at the unit's end"})
"""Plays in which the program is killed in beam: the record of that exposure stops there, and no other may."""
NAMES: Final = tuple(name for name in VIRTUAL if name not in WITHOUT)


def play_again(name: str) -> tuple[int, int, list[str]]:
    """How many exposures and ticks of this play were played again, and in words where one came out otherwise or is not whole; nothing to play
    is wrong too."""
    with tempfile.TemporaryDirectory(prefix="kerma-replay-") as folder:
        at = Path(folder)
        rig = virtual_rig(lay_out(at / "rig", at / "records", "monitor", 15020, 1, CHOICES.get(name)), PLAIN)
        try:
            with contextlib.suppress(Stuck):
                VIRTUAL[name](rig)
            rig.wait(0.3)
            recorded = list(exposures(read_all(PosixFiles(), Path(rig.recorder_config.journal_dir))))
        finally:
            rig.close()
        told = [replay(one, PLAIN) for one in recorded]
    wrong = [f"{name}, token {one.token}: {one.difference.words()}" for one in told if one.difference is not None]
    if name not in CUT:
        wrong += [f"{name}, token {one.token}: {one.lacks}" for one in told if one.lacks]
    return len(told), sum(one.ticks for one in told), wrong or ([] if told else [f"{name}: no exposure was recorded"])
