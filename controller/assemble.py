"""Joins the parts into one Loop: the only place where they meet, used alike by the process and by the virtual world.
It starts nothing and reads no clock but the one that it is given."""

from __future__ import annotations

import os

import msgspec

from controller.admission import Site
from controller.blob import Blob, Paths
from controller.desk import Desk, Wire
from controller.dose import Meter
from controller.dossier import Dossier, Identity
from controller.entries import EntryType, Opening
from controller.kernel import Kernels, kernel_sound
from controller.ledger import Ledger
from controller.links import Links
from controller.loop import Loop
from controller.pace import Pace
from controller.punctual import Punctual
from controller.ring import AckFile, Ring, StatementFile
from controller.settings import RigSide
from controller.tags import parts_sha256
from controller.wire_ring import Frames, WireRing
from hal.clock import Clock
from hal.machine import Fitted, Machine
from interlocks.gate import Gate


def assemble(blob: Blob, machine: Machine, clock: Clock, pace: Pace, wire: Wire, kernels: Kernels) -> Loop:
    """One run's Loop over this machine; creates the rings of the blob's instance, and writes the OPENING entry."""
    shm = blob.paths.shm
    ring = Ring.create(shm, blob.tick_hz)
    ledger = Ledger(ring, AckFile(shm), StatementFile(shm))
    frames = WireRing.create(shm, blob.tick_hz)
    opening = Opening(
        instance=blob.instance,
        software_version=blob.software_version,
        rig=blob.rig.name,
        simulated=blob.rig.simulated,
        configuration_sha256=blob.configuration_sha256,
        tick_s=1.0 / blob.tick_hz,
        wall_s=clock.wall(),
        generator_driver=blob.rig.generator_driver,
        safety_unit_driver=blob.rig.safety_unit_driver,
        certificate_sha256=blob.certificate.sha256,
        tube_serial=blob.certificate.tube_serial,
        machine_serial=blob.certificate.machine_serial,
        parts_sha256=parts_sha256(blob.certificate.combinations),
    )
    ledger.put(EntryType.OPENING, opening, clock.monotonic())
    return join(blob, machine, clock, pace, wire, kernels, ledger, frames)


def join(
    blob: Blob,
    machine: Machine,
    clock: Clock,
    pace: Pace,
    wire: Wire,
    kernels: Kernels,
    ledger: Ledger,
    frames: Frames,
) -> Loop:
    """The same over a ledger and a ring of frames that are there: also how a recorded exposure is played again."""
    now, wall_s = clock.monotonic(), clock.wall()
    tick_s = 1.0 / blob.tick_hz
    identity = Identity(blob.rig.name, blob.rig.simulated, blob.instance, blob.software_version, os.getpid())
    gate = Gate(machine, blob.limits, clock, tick_s)
    capabilities = machine.capabilities
    fitted = capabilities.fitted
    meter = Meter(kernels, tick_s, bool(fitted & Fitted.CHAMBERS), bool(fitted & Fitted.TIMER))
    side = RigSide(
        full_scale_kv=capabilities.full_scale_kv,
        full_scale_ma=capabilities.full_scale_ma,
        kv_counts_full_scale=capabilities.kv_counts_full_scale,
        ma_counts_full_scale=capabilities.ma_counts_full_scale,
        lease_ms=blob.lease_ms,
        t2_s=T2_S,
        switch_mode=blob.switch_mode,
        watchdog_s=capabilities.watchdog_s,
        fitted=capabilities.fitted,
        counts_most_per_s=capabilities.counts_most_per_s,
        not_cold=capabilities.not_cold,
    )
    dossier = Dossier(ledger, meter, blob.certificate, Site(blob.limits, side), identity, capabilities, now, wall_s)
    links = Links(frames, gate, ledger)
    public = msgspec.structs.replace(blob, site_key=b"", paths=Paths("", "", ""))
    configuration = msgspec.msgpack.encode(public)
    sound = kernel_sound(kernels)
    punctual = Punctual(pace, ledger)
    return Loop(gate, pace, Desk(wire), ledger, meter, dossier, links, punctual, identity, sound, now, configuration)


T2_S = 0.5
"""From off to verified off before the second contactor opens; a profile may narrow it (docs/safety.md)."""
