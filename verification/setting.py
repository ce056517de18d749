"""The simulated rig of the examples in a folder of its own: fresh paths, a free port, its own records; and the same rig as a Blob for virtual time.
It changes where things meet and lie, and nothing of what they are."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from calibration.certificate import load_certificate, sign_certificate
from calibration.sign import make_keys
from console import configuration, prescription, sources
from console.limits import narrowed
from console.run import rig_config
from controller.blob import Blob, Paths
from controller.kernel import Kernels
from controller.prescribed import Prescribed
from hal.readings import SwitchMode
from records.recorder import RecorderConfig
from simulators.unit_memory import UnitConfig
from simulators.units import BENCH_IO
from simulators.world import World
from verification import papers
from verification.disk import FaultyDisk
from verification.real import RealRig
from verification.rigs import Choice, with_values
from verification.virtual import EPOCH_S, WALL_S, VirtualRig

EXAMPLES: Final = Path(configuration.__file__).parent / "examples"
CERTIFICATES: Final = {"monitor": "certificate.toml", "time": "certificate-time.toml"}


@dataclass(frozen=True)
class Setting:
    """A rig file in a folder of its own, and where its processes meet. `records` is the folder that outlives the run."""

    rig_file: Path
    folder: Path
    records: Path
    control: Path
    desk: Path
    stop: Path
    shm: Path
    choice: Choice

    @property
    def database(self) -> Path:
        return self.records / "records.sqlite"


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lay_out(
    folder: Path, records: Path, termination: str, port: int, seed: int = 1, choice: Choice | None = None
) -> Setting:
    """Write the examples' rig file anew, with every path in `folder` and the records in `records`; the certificate ends by `termination`.

    `port` is the safety unit's; a generator on a network gets a free one of its own.
    """
    choice = choice or Choice()
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*CERTIFICATES.values(), "physicist.pub"):
        shutil.copy(EXAMPLES / name, folder / name)
    shm = Path("/dev/shm") / f"kerma-{os.getuid()}" / folder.name
    setting = Setting(
        folder / "rig.toml",
        folder,
        records,
        folder / "control.sock",
        folder / "desk.sock",
        folder / "stop.sock",
        shm,
        choice,
    )
    termination = choice.termination or termination
    certificate = CERTIFICATES[termination]
    measured = choice.certificate(termination)
    if measured is not None:
        shutil.copy(measured, folder / certificate)
    if choice.bench:
        _certify_bench(folder, certificate, choice)
    text = (EXAMPLES / "rig.toml").read_text(encoding="utf-8")
    changes = choice.tables(folder, (free_port(), port))
    changes["simulated"] = {
        "control": f'"{setting.control}"',
        "seed": str(seed),
        "unit_memory": f'"{folder / "unit-memory.json"}"',
    }
    changes["certificate"] = {"file": f'"{certificate}"'}
    changes["records"] = {"dir": f'"{records}"'}
    text = with_values(text, changes)
    text += f'\n[paths]\nshm = "{shm}"\ndesk = "{setting.desk}"\nstop = "{setting.stop}"\n'
    setting.rig_file.write_text(text, encoding="utf-8")
    return setting


def _certify_bench(folder: Path, certificate: str, choice: Choice) -> None:
    """The same measured constants for the rig with bought I/O, with its serial number, chambers and end effect, signed with a key of this folder."""
    kind = BENCH_IO[choice.unit]
    text = (folder / certificate).read_text(encoding="utf-8").split("\n[[signatures]]")[0] + "\n"
    for key, value in (("machine_serial", f'"{kind.serial}"'), ("vented_2", str(kind.vented_2).lower())):
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        if found != 1:
            raise ValueError(f"{certificate}: {key} stands there {found} times, not once")
    for key, times, plus in (("n[12]_mgy_per_count", kind.coarser, 0.0), ("dt_s", 1.0, kind.later_s)):
        parts = re.split(rf"(?m)^({key}) = (\S+)$", text)
        for at in range(2, len(parts), 3):
            parts[at] = f" = {float(parts[at]) * times + plus:.7g}"
        text = "".join(parts)
    (folder / certificate).write_text(text, encoding="utf-8")
    (folder / "physicist.pub").unlink()
    make_keys(
        folder / "physicist.pem", folder / "physicist.pub", "SIMULATED: opens nothing but this folder's certificate"
    )
    sign_certificate(folder / certificate, folder / "physicist.pem", "M. Example", WALL_S)


def real_rig(setting: Setting) -> RealRig:
    """Hands on real processes; nothing is started yet."""
    return RealRig(
        setting.rig_file, setting.folder, setting.control, setting.desk, setting.stop, setting.database, setting.shm
    )


def blob_of(setting: Setting, wall_s: float = WALL_S) -> Blob:
    """What the real-time process of this rig file is started with, in virtual time: no sockets, and the certificate verified. Its judges read that anew."""
    rig = configuration.load(setting.rig_file, os.getuid())
    papers.keep(rig.certificate.read_bytes(), rig.signer_public_key.read_bytes())
    return Blob(
        rig=rig_config(rig),
        site_key=configuration.site_key(rig),
        tick_hz=float(rig.file.rig.tick_hz),
        lease_ms=rig.file.rig.lease_ms,
        limits=narrowed(rig),
        certificate=load_certificate(rig.certificate, rig.signer_public_key, wall_s),
        paths=Paths(shm="", desk="", stop=""),
        instance="v",
        software_version=sources.software_version(),
        configuration_sha256=rig.sha256,
        clinical=False,
        switch_mode=SwitchMode[rig.file.safety_unit.switch.upper()],
    )


def recorder_of(folder: Path, records: Path) -> RecorderConfig:
    """The recorder of a virtual rig: its rings below `folder`, its files in `records`."""
    return RecorderConfig(
        journal_dir=str(records / "journal"),
        database=str(records / "records.sqlite"),
        shm_root=str(folder / "shm"),
        instance="v",
        simulated=True,
        day_check_waived_simulated=True,
    )


def virtual_rig(
    setting: Setting,
    kernels: Kernels,
    seed: int = 1,
    fault: str = "",
    disk: FaultyDisk | None = None,
    epoch_s: float = EPOCH_S,
    grain_s: float = 0.0,
) -> VirtualRig:
    """Hands in virtual time on the same rig file; a fault named here is there from the start, a disk given here is under the records, `epoch_s` is what
    the host's monotonic clock shows then, and `grain_s` what its times are whole numbers of."""
    blob = blob_of(setting)
    world = World(
        replace(setting.choice.profile, unit_baud=blob.rig.safety_unit_baud), seed, UnitConfig(site_key=blob.site_key)
    )
    if fault:
        world.faults.start(fault)
    recorder = recorder_of(setting.folder, setting.records)
    return VirtualRig(blob, recorder, kernels, setting.folder, world, disk, epoch_s, grain_s)


def prescribed(rx_mgy: float | None = None, choice: Choice | None = None) -> Prescribed:
    """The demonstration's prescription, about 20 s of beam, or the same order with another dose or beam, whose hash is another as an edited file's would be."""
    short = prescription.load(EXAMPLES / "short.toml")
    beam = (choice or Choice()).beam
    if rx_mgy is None and (beam.kv, beam.ma) == (short.kv, short.ma):
        return short
    rx_mgy = short.rx_mgy if rx_mgy is None else rx_mgy
    digest = hashlib.sha256(f"{rx_mgy} {beam.kv} {beam.ma}".encode()).digest()
    return msgspec.structs.replace(short, rx_mgy=rx_mgy, kv=beam.kv, ma=beam.ma, sha256=digest)


def clear(folder: Path) -> None:
    """Remove a setting's folder and what its processes left on tmpfs; records that lie elsewhere stay."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(Path("/dev/shm") / f"kerma-{os.getuid()}" / folder.name, ignore_errors=True)
