"""`kerma run`: checks everything beforehand, hands it over as one document, starts the recorder, and then becomes the real-time process.
After that moment nothing of this room is left in the process; before it nothing has been opened that could make beam."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from calibration.keys import public_keys
from console import configuration, places, screen, sources
from console.access import policy
from console.certificate import accept, certificate_of
from console.configuration import Rig
from console.exit_codes import Exit
from console.limits import ageless, narrowed, reaction, serial_baud, too_short, unfit
from console.rig_file import TubeTable
from controller.blob import Blob, Paths, Scheduling, TubeHeat
from hal.clock import Clock, SystemClock
from hal.errors import ConfigurationError
from hal.machine import Capabilities
from hal.readings import SwitchMode
from hal.rig import RigConfig, make_rig
from hal.transport import numbered

PTS = Path("/dev/pts")
RECORDER_FIRST_LOOK_S = 0.5
"""A recorder that cannot start says so at once; later than this it is the real-time process that waits for it."""


@dataclass(frozen=True)
class Start:
    """Everything that a run needs, checked; `notes` are what a person should know."""

    rig: Rig
    blob: Blob
    emulated: str
    notes: tuple[str, ...]


def prepared(rig: Rig, clock: Clock, instance: str) -> Start:
    """Check a rig against its drivers, limits and certificate. Raises ConfigurationError; opens no device."""
    lines_of_this_kind(rig)
    key = configuration.site_key(rig)
    config = rig_config(rig)
    capabilities = capabilities_of(rig, config, key)
    limits = narrowed(rig)
    certificate = certificate_of(rig, clock.wall())
    if rig.simulated:
        # the firmware of a simulated device is the simulator's own, and changes with it
        certificate = msgspec.structs.replace(certificate, safety_unit_fw="", generator_fw="")
    unstated = ageless(capabilities)
    if unstated:
        raise ConfigurationError(f"{rig.path}: {unstated}")
    never = unfit(capabilities, serial_baud(config))
    if never:
        raise ConfigurationError(
            f"{rig.path}: rig.tick_hz = {rig.file.rig.tick_hz:g}: {'; '.join(never)}; first: raise rig.tick_hz, or use a faster line"
        )
    short = too_short(capabilities, rig.file.rig.lease_ms / 1000.0)
    if short:
        raise ConfigurationError(f"{rig.path}: {short}")
    slow = reaction(capabilities, config.tick_s)
    lacking = (*(f"the rig lacks {name}" for name in capabilities.clinical()), *slow)
    if rig.file.rig.clinical and lacking:
        raise ConfigurationError(
            f"{rig.path}: rig.clinical = true: {'; '.join(lacking)}; first: use a faster line or a fuller safety unit, or set rig.clinical = false"
        )
    configuration.of_one_kind(rig.path, rig.simulated, rig.file.rig.clinical)
    file = rig.file
    blob = Blob(
        rig=config,
        site_key=key,
        tick_hz=float(file.rig.tick_hz),
        lease_ms=file.rig.lease_ms,
        limits=limits,
        certificate=certificate,
        paths=Paths(str(rig.places.shm / instance), str(rig.places.desk), str(rig.places.stop)),
        instance=instance,
        software_version=sources.software_version(),
        configuration_sha256=rig.sha256,
        clinical=file.rig.clinical,
        switch_mode=SwitchMode[file.safety_unit.switch.upper()],
        scheduling=Scheduling(**file.scheduling.model_dump()),
        tube_heat=_tube_heat(file.tube),
        time_zone=rig.time_zone,
        physicists=raw_keys(rig.signer_public_key),
        day_signers=raw_keys(rig.day_signers) if rig.day_signers is not None else (),
        day_check_waived=rig.day_check_waived,
        approvals=policy.asked_of(rig.path, rig.simulated),
    )
    return Start(rig, blob, capabilities.emulated, tuple(f"not for clinical use: {words}" for words in lacking))


def _tube_heat(tube: TubeTable) -> TubeHeat | None:
    if tube.heat_capacity_j is None or tube.cooling_tau_s is None:
        return None
    return TubeHeat(tube.heat_capacity_j, tube.cooling_tau_s)


def raw_keys(path: Path) -> tuple[bytes, ...]:
    """The keys of a file as the recorder is given them. Raises ConfigurationError."""
    return tuple(key.public_bytes(Encoding.Raw, PublicFormat.Raw) for key in public_keys(path))


def capabilities_of(rig: Rig, config: RigConfig, key: bytes) -> Capabilities:
    """What the rig's drivers can do; makes them, and opens nothing. Raises ConfigurationError."""
    try:
        return make_rig(config, key).capabilities
    except ConfigurationError as error:
        raise ConfigurationError(
            f"{rig.path}: {error}; first: correct it; kerma drivers names what is installed"
        ) from error


def rig_config(rig: Rig) -> RigConfig:
    """The rig in the words of hal."""
    generator, unit = rig.file.generator, rig.file.safety_unit
    return RigConfig(
        name=rig.name,
        simulated=rig.simulated,
        generator_driver=generator.driver,
        generator_link=rig.generator.words(),
        generator_baud=generator.baud,
        generator_model=generator.model,
        full_scale_kv=float(generator.full_scale_kv),
        full_scale_ma=float(generator.full_scale_ma),
        turnaround_s=generator.turnaround_ms / 1000,
        safety_unit_driver=unit.driver,
        safety_unit_link=rig.safety_unit.words(),
        safety_unit_baud=unit.baud,
        unit_serial=unit.serial,
        unit_id=unit.unit_id,
        tick_s=1.0 / rig.file.rig.tick_hz,
    )


def lines_of_this_kind(rig: Rig) -> None:
    """A simulated rig's lines end in a pseudo-terminal, a real rig's never do; on a clinical rig a line's name stays its own. Raises ConfigurationError."""
    for key, link in (("generator.link", rig.generator), ("safety_unit.link", rig.safety_unit)):
        if link.path is None:
            continue
        if rig.file.rig.clinical and numbered(str(link.path)):
            raise ConfigurationError(
                f'{rig.path}: {key} = "{link.words()}": after the next plug this name may be another device\'s, and rig.clinical = true; '
                "first: write its name under /dev/serial/by-id (or by-path), see ls -l /dev/serial/by-id"
            )
        pseudo = PTS in link.path.resolve().parents
        if not link.path.exists():
            first = (
                "start kerma sim with this file"
                if rig.simulated
                else "plug the device in, and see ls -l /dev/serial/by-id"
            )
            raise ConfigurationError(f'{rig.path}: {key} = "{link.words()}": is not there; first: {first}')
        if pseudo is not rig.simulated:
            kind = "a pseudo-terminal" if pseudo else "no pseudo-terminal"
            raise ConfigurationError(
                f'{rig.path}: {key} = "{link.words()}": leads to {link.path.resolve()}, {kind}, although rig.simulated = '
                f"{screen.yes(rig.simulated)}; first: correct the link"
            )


def take_lock(where: places.Places) -> int:
    """Hold this rig for one process; the descriptor lives on through execve, and the kernel lets go when the process ends.

    Raises ConfigurationError where another process holds it, or what lies there is no file of its own.
    """
    try:
        fd = os.open(where.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ConfigurationError(f"{where.lock}: cannot be opened ({error.strerror}); first: remove it") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
        os.close(fd)
        raise ConfigurationError(
            f"{where.lock}: this rig is run already by process {holder or 'unknown'}; first: end that one (kill {holder or 'PID'}, beam off)"
        ) from error
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    os.set_inheritable(fd, True)
    return fd


def lay_out(start: Start, uid: int) -> Path:
    """Make the instance's folder (0700, never one that was there) and write the document into it (0600). Returns the document's path."""
    where, blob = start.rig.places, start.blob
    folder = Path(blob.paths.shm)
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: cannot be made ({error.strerror}); first: set paths.shm to a folder that may be written"
        ) from error
    document = folder / "blob"
    with os.fdopen(os.open(document, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.msgpack.encode(blob))
    for path, said in ((where.instance, blob.instance), (where.rig_file, str(start.rig.path))):
        fresh = path.with_name(f"{path.name}.{blob.instance}")
        fresh.write_text(f"{said}\n", encoding="utf-8")
        fresh.replace(path)
    places.own(folder, uid, 0o700)
    return document


def recorder_command(rig: Rig, instance_folder: Path) -> tuple[str, ...]:
    """The recorder of one instance; -P keeps the current folder off the module path."""
    return (sys.executable, "-P", "-m", "records", str(instance_folder), str(rig.records))


def start_recorder(command: tuple[str, ...], log: Path) -> subprocess.Popen[bytes]:
    """Start the recorder in a session of its own, so that Ctrl-C here does not reach it. Raises ConfigurationError where it ends at once."""
    with log.open("ab") as words:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, start_new_session=True, close_fds=True
        )
    try:
        code = process.wait(RECORDER_FIRST_LOOK_S)
    except subprocess.TimeoutExpired:
        return process
    said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
    raise ConfigurationError(
        f"the recorder ended at once (code {code}): {' '.join(said) or 'without a word'}; first: mend that, see {log}"
    )


def environment(cache: Path) -> dict[str, str]:
    """What the real-time process is started with: one thread, and compiled kernels of exactly these sources."""
    return dict(os.environ) | {"OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "NUMBA_CACHE_DIR": str(cache)}


def run(config: Path, check_only: bool) -> Exit:
    """Check; then start, unless only the check was asked for. Raises ConfigurationError."""
    uid = os.getuid()
    rig = configuration.load(config, uid)
    start = prepared(rig, SystemClock(), secrets.token_hex(8))
    print(screen.banner(rig.simulated, rig.name, start.emulated))
    for note in (*start.notes, policy.words(start.blob.approvals)):
        print(note)
    if not check_only:
        become(start, uid)
    print("checked; nothing was started")
    return Exit.AS_INTENDED


def become(start: Start, uid: int) -> NoReturn:
    """Take the rig's lock, lay out the instance, start the recorder, and become the real-time process. Raises ConfigurationError, never returns."""
    rig = start.rig
    for folder in (rig.places.desk.parent, rig.places.stop.parent, rig.places.shm):
        places.own(folder, uid, 0o755)
    places.own(rig.records, uid, 0o700)
    take_lock(rig.places)
    accept(rig, SystemClock().wall())
    cache = sources.own_kernel_cache(Path.home(), uid)
    document = lay_out(start, uid)
    try:
        recorder = start_recorder(recorder_command(rig, document.parent), rig.records / "recorder.log")
    except ConfigurationError:
        shutil.rmtree(document.parent, ignore_errors=True)
        raise
    (rig.records / "recorder.pid").write_text(f"{recorder.pid}\n", encoding="ascii")
    print(
        f"instance {start.blob.instance}, pid {os.getpid()}, recorder {recorder.pid}, version {start.blob.software_version}"
    )
    print(f"desk {rig.places.desk}\nstop {rig.places.stop}", flush=True)
    sys.stderr.flush()
    os.execve(sys.executable, [sys.executable, "-P", "-m", "controller", str(document)], environment(cache))
