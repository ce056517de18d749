"""Records of a SIMULATED course to make reports of: a fraction that the door interrupted and that was resumed, played in virtual time by the shipped loop.
It knows the scenario and where the files go; what a report says of them is console/reports. `measured` is of the tube that docs/calibration.md calibrates, with
the certificate that came of it: one of the examples' own states no uncertainty."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Final

import msgspec

from controller.kernel import prepare
from simulators.unit_memory import UnitConfig
from simulators.unknown import unknown
from simulators.world import World
from verification import scenarios
from verification.calibrate_story import CERTIFICATE, PUBLIC, SEED
from verification.rigs import with_values
from verification.setting import CERTIFICATES, Setting, blob_of, lay_out, prescribed, recorder_of, virtual_rig
from verification.virtual import WALL_S, VirtualRig

STORY: Final = "resume"
LATER_S: Final = 86_400.0
"""The fraction is of the day after the calibration."""


def example(folder: Path, termination: str = "monitor") -> Setting:
    """Play it; hands on the rig file and its records below `folder`."""
    setting = lay_out(folder / "rig", folder / "records", termination, 1)
    rig = virtual_rig(setting, prepare())
    with contextlib.closing(rig):
        told = scenarios.play(scenarios.find(STORY), rig, prescribed())
        rig.wait(1.0)
    if not told.ok:
        raise RuntimeError(f"the example did not go as it should: {told}")
    return setting


def measured(folder: Path) -> Setting:
    """The same fraction on the calibrated tube. The world's true dose judges nothing here: it is off by what the certificate says it may be."""
    setting = lay_out(folder / "rig", folder / "records", "time", 1)
    machine, scenario = unknown(SEED), scenarios.find(STORY)
    values = {
        "tube": {"serial": f'"{machine.profile.tube_serial}"'},
        "certificate": {"signer_public_key": '"physicist.pub"'},
    }
    setting.rig_file.write_text(with_values(setting.rig_file.read_text(encoding="utf-8"), values), encoding="utf-8")
    shutil.copy(CERTIFICATE, setting.folder / CERTIFICATES["time"])
    shutil.copy(PUBLIC, setting.folder / "physicist.pub")
    blob = blob_of(setting, WALL_S + LATER_S)
    paper = msgspec.structs.replace(blob.certificate, safety_unit_fw="", generator_fw="")
    world = World(machine.profile, SEED, UnitConfig(site_key=blob.site_key))
    recorder = recorder_of(setting.folder, setting.records)
    rig = VirtualRig(msgspec.structs.replace(blob, certificate=paper), recorder, prepare(), setting.folder, world)
    with contextlib.closing(rig):
        # a program reads the wall clock once, when it is begun
        rig.kill_host()
        rig.clock.wall_step_s = LATER_S
        rig.start_host()
        told = scenarios.Told(scenario.name)
        scenario.story(rig, prescribed(), told)
        rig.wait(1.0)
    if told.wrong or told.state not in scenario.expected.states:
        raise RuntimeError(f"the example did not go as it should: {told}")
    return setting
