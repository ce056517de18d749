"""What the tests of this folder share beside the hands of verification/reach.py: slices of tables, and a watch on every ON.
It brings no rig anywhere itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from controller.states import State
from hal.commands import On
from verification.virtual import VirtualRig

MakeRig = Callable[..., VirtualRig]
"""What the fixture of this name is; see conftest.py."""


def slice_of(cases: Iterable[Any], kept: Callable[[Any], bool]) -> list[Any]:
    """The cases of a table as parameters: `make test` plays those that are `kept`, `make grid` all the others too.
    A tuple is many parameters."""
    marks = {True: (), False: (pytest.mark.grid,)}
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=marks[bool(kept(case))]) for case in cases
    ]


class OnWatch:
    """Sees every tick: in what states ON was wanted and let out, and for which token and digest."""

    def __init__(self, rig: VirtualRig) -> None:
        self.wanted: list[tuple[State, int, bytes]] = []
        rig.tick_hooks.append(self.see)

    def see(self, tick: Any) -> None:
        command = tick.wanted.command
        if isinstance(command, On):
            assert tick.wanted.terms is not None
            self.wanted.append((tick.stage.state, command.token, tick.wanted.terms.digest))
