"""Records of a SIMULATED course to make reports of: a fraction that the door interrupted and that was resumed, played in virtual time by the shipped loop.
It knows the scenario and where the files go; what a report says of them is console/reports."""

from __future__ import annotations

import contextlib
from pathlib import Path

from controller.kernel import prepare
from verification import scenarios
from verification.setting import Setting, lay_out, prescribed, virtual_rig


def example(folder: Path, termination: str = "monitor") -> Setting:
    """Play it; hands on the rig file and its records below `folder`."""
    setting = lay_out(folder / "rig", folder / "records", termination, 1)
    rig = virtual_rig(setting, prepare())
    with contextlib.closing(rig):
        told = scenarios.play(scenarios.find("resume"), rig, prescribed())
        rig.wait(1.0)
    if not told.ok:
        raise RuntimeError(f"the example did not go as it should: {told}")
    return setting
