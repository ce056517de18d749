"""Everything that the real-time process is started with, checked by `kerma run` beforehand and handed over as one msgpack document.
It reads no file and checks nothing: what is wrong in a configuration was refused before this existed."""

from __future__ import annotations

import msgspec

from controller.prescribed import Certificate
from hal.readings import SwitchMode
from hal.rig import RigConfig
from interlocks.words import Limits


class Paths(msgspec.Struct, frozen=True):
    """Where the processes meet. `shm` is this instance's folder on tmpfs (ring, ack, statement); the sockets are AF_UNIX."""

    shm: str
    desk: str
    stop: str


class Scheduling(msgspec.Struct, frozen=True):
    """What is asked of the kernel; `fifo_priority` 0, `cpu` -1 and false ask for nothing."""

    fifo_priority: int = 80
    cpu: int = -1
    lock_memory: bool = True
    keep_awake: bool = True


class TubeHeat(msgspec.Struct, frozen=True):
    """The most heat that the tube may hold, and the time constant with which it cools."""

    heat_capacity_j: float
    cooling_tau_s: float


class Blob(msgspec.Struct, frozen=True):
    """One run of the real-time process. `clinical` is refused beforehand on a rig that may not be clinical.

    The last six are the recorder's: what heat the tube bears (None: not asked), the zone of the site's days, raw public keys of those who may sign,
    whether a simulated rig does without a check, and which roles must have signed an order.
    """

    rig: RigConfig
    site_key: bytes
    tick_hz: float
    lease_ms: int
    limits: Limits
    certificate: Certificate
    paths: Paths
    instance: str
    software_version: str
    configuration_sha256: bytes
    clinical: bool
    switch_mode: SwitchMode = SwitchMode.ONCE
    scheduling: Scheduling = Scheduling()
    tube_heat: TubeHeat | None = None
    time_zone: str = "UTC"
    physicists: tuple[bytes, ...] = ()
    day_signers: tuple[bytes, ...] = ()
    day_check_waived: bool = False
    approvals: tuple[str, ...] = ()
