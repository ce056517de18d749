"""What an incident is played on: virtual rigs that are watched from the first tick, and what was found wrong, in words.
It knows no incident; verification/incidents/ holds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from controller.kernel import Kernels
from verification.hands import Stuck
from verification.invariants import check_all
from verification.reach import wrong
from verification.rigs import Choice
from verification.setting import lay_out, virtual_rig
from verification.story import Expectation
from verification.trace import Observer
from verification.virtual import VirtualRig


class Theatre:
    """Rigs in folders of their own, and everything that was not as it should be. `say` tells what was seen, `must` what had to hold."""

    def __init__(self, folder: Path, kernels: Kernels) -> None:
        self._folder, self._kernels = folder, kernels
        self._rigs: list[tuple[VirtualRig, Observer]] = []
        self._finished: list[VirtualRig] = []
        self.wrong: list[str] = []
        self.seen: list[str] = []

    @property
    def kernels(self) -> Kernels:
        return self._kernels

    @property
    def folder(self) -> Path:
        return self._folder

    def rig(
        self, termination: str = "monitor", seed: int = 1, fault: str = "", choice: Choice | None = None
    ) -> VirtualRig:
        """A fresh rig with records of its own, watched from its first tick."""
        folder = self._folder / f"{len(self._rigs)}"
        setting = lay_out(folder / "rig", folder / "records", termination, 15020, seed, choice)
        rig = virtual_rig(setting, self._kernels, seed, fault)
        self._rigs.append((rig, Observer(rig)))
        return rig

    def must(self, holds: bool, words: str) -> None:
        """What has to hold; the words say what was wrong."""
        if not holds:
            self.wrong.append(words)

    def say(self, words: str) -> None:
        """What was seen."""
        self.seen.append(words)

    def finish(
        self, rig: VirtualRig, presses: int, expectation: Expectation | None = None, unseen: bool = False
    ) -> None:
        """Every invariant over this rig's whole run, and nothing left undone in world and records. `unseen`: no software can see what was broken, so
        the records' dose is not held against the true one."""
        rig.wait(0.5)
        self._finished.append(rig)
        self.wrong += [words for words in wrong(rig, presses) if not (unseen and "the records'" in words)]
        observer = next(watched for made, watched in self._rigs if made is rig)
        self.wrong += [
            f"invariant {broken.invariant} at {broken.at_s:.3f} s: {broken.words}"
            for broken in check_all(observer.trace(), expectation)
        ]

    def unseen(self) -> list[str]:
        """What was played and never judged: nothing seen, or a rig whose invariants nobody asked for."""
        found = [] if self.seen else ["nothing was seen: it was not played"]
        left = sum(1 for rig, _ in self._rigs if rig not in self._finished)
        return [*found, f"{left} rigs were never judged"] if left else found

    def close(self) -> None:
        """Let go of every rig's files."""
        for rig, _ in self._rigs:
            rig.close()


@dataclass(frozen=True, slots=True)
class Incident:
    """`name` is the anchor of its row in docs/hazards.md; `happened` what happened there, `played` what is done here to the whole machine."""

    name: str
    happened: str
    played: str
    play: Callable[[Theatre], None]


def perform(incident: Incident, folder: Path, kernels: Kernels) -> Theatre:
    """Play one incident; what it waited for in vain is part of what was wrong, and so is what escaped it or was never judged."""
    theatre = Theatre(folder, kernels)
    try:
        incident.play(theatre)
        theatre.wrong += theatre.unseen()
    except Stuck as stuck:
        theatre.wrong.append(str(stuck))
    except Exception as error:
        theatre.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        theatre.close()
    return theatre
