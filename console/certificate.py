"""The certificate in force for a rig, verified and of the rig's own kind, or the words why there is none; the verification itself is calibration's.
It keeps no numbers: every command that needs them verifies them anew; which version was accepted last is kept by calibration/accepted.py."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from calibration.accepted import Accepted
from calibration.certificate import Checked, certificate_in_force
from calibration.equipment import stamp
from calibration.output import first_at
from console import sources, strict
from console.configuration import Rig
from controller.prescribed import Certificate
from hal.errors import ConfigurationError
from records import fractions
from records.store import StoreError

FOLDER: Final = "certificates"
OF_SIGNED: Final = ("TREAT", "DAILY")
"""Purposes that no name plate serves."""


def certificate_of(rig: Rig, wall_s: float) -> Certificate:
    """Load and verify for this tube and this machine, and against what was accepted before. Raises ConfigurationError: what is wrong, what to do first."""
    return checked_of(rig, wall_s).numbers


def checked_of(rig: Rig, wall_s: float) -> Checked:
    """The same, with its tables."""
    checked = certificate_in_force(
        rig.certificate,
        rig.signer_public_key,
        wall_s,
        tube_serial=rig.file.tube.serial,
        machine_serial=rig.file.safety_unit.serial,
    )
    simulated = checked.table.simulated
    if simulated is not rig.simulated:
        wrong = f"does not fit rig.simulated = {strict.shown(rig.simulated)} of {rig.path}"
        first = (
            "use the certificate of this very rig: what was measured on a simulated tube says nothing about a real one"
        )
        raise ConfigurationError(strict.refusal(rig.certificate, "simulated", simulated, wrong, first))
    stated = checked.table.software_sha256
    if stated and not rig.simulated and stated != sources.digest():
        wrong = f"is not that of this program, {sources.digest()[:16]}..."
        first = "have the physicist review what has changed, and sign for this program"
        raise ConfigurationError(strict.refusal(rig.certificate, "software_sha256", stated[:16] + "...", wrong, first))
    older = accepted(rig).refused(checked)
    if older:
        raise ConfigurationError(older)
    return checked


def exchanged(rig: Rig, loaded: Certificate, wall_s: float) -> str:
    """Why the certificate in force is not the one that an order was loaded with, or "": its offers were held against that one, and another lies there now."""
    try:
        now = certificate_of(rig, wall_s)
    except ConfigurationError as error:
        return str(error)
    if now.sha256 == loaded.sha256:
        return ""
    was, lies = (f"{one.id} ({one.sha256.hex()[:16]})" for one in (loaded, now))
    return (
        f"{rig.certificate}: {lies} lies here now, and this order was loaded with {was}; "
        "first: unload, start kerma run again, then load again"
    )


def accepted(rig: Rig) -> Accepted:
    """Where this rig keeps the certificates that it has accepted: beside its records, and as long as those."""
    return Accepted(rig.records / FOLDER)


def accept(rig: Rig, wall_s: float) -> bool:
    """Pin the certificate in force, so that no older one is taken afterwards; True where it is new. Raises ConfigurationError."""
    checked = checked_of(rig, wall_s)
    words = forgotten(rig, checked) or of_before(rig, checked)
    if words:
        raise ConfigurationError(words)
    return accepted(rig).accept(checked, rig.signer_public_key)


def of_before(rig: Rig, checked: Checked) -> str:
    """Why a certificate that was never accepted here is none of the tube that is there, or "": its readings are of before a tube was built in. A new
    signature over old readings makes another certificate of them, which the records cannot know as one of before (hazards A2 and G24). Where the last start
    named another tube, this one is built in only now: it is measured here under a provisional certificate, whose start names it."""
    read = [first_at(c.measured) for c in checked.table.combinations if c.measured is not None]
    if checked.table.basis != "measured" or not read or accepted(rig).knows(checked.sha256.hex()):
        return ""
    try:
        fitted_s = fractions.fitted_at_s(rig.records / fractions.DATABASE_NAME)
    except StoreError as error:
        raise ConfigurationError(f"{error}; first: look with the program that wrote it") from error
    tube, serial = fractions.last_tube(rig.records / fractions.JOURNAL_NAME), checked.table.tube_serial
    if tube not in ("", serial):
        return (
            f"{checked.path}: {checked.table.id} is of tube {serial}, and by the records the last start was with tube {tube}, so that {serial} is built in "
            f"only now: its readings, of {stamp(min(read))} on, are of before that; first: measure this tube anew, from a provisional certificate on, and "
            "sign that"
        )
    if min(read).timestamp() >= fitted_s:
        return ""
    return (
        f"{checked.path}: {checked.table.id} has readings of {stamp(min(read))}, and by the records a tube was built in at "
        f"{stamp(datetime.fromtimestamp(fitted_s, UTC))}: what was read before that is none of the tube that is there; first: measure this tube anew, from a "
        "provisional certificate on, and sign that"
    )


def forgotten(rig: Rig, checked: Checked) -> str:
    """Why the accepted certificates are not those of these records, or "": the folder was removed, or put back from an older day (hazard G24).

    On a real rig whatever treats was accepted, so each one that treated is known there: a folder of an older day, or one in which a copy was put or removed,
    lacks one. A simulated plant's own word treats too, and is never pinned."""
    if rig.simulated or checked.table.basis != "measured":
        return ""
    try:
        rows = fractions.list_fractions(rig.records / fractions.DATABASE_NAME)
    except StoreError as error:
        raise ConfigurationError(f"{error}; first: look with the program that wrote it") from error
    treated = {row["certificate_sha256"]: row["certificate_id"] for row in rows if row["purpose"] in OF_SIGNED}
    known = accepted(rig).contents() | {checked.sha256.hex()} if treated else frozenset()
    lost = next((sha256 for sha256 in treated if sha256 not in known), None)
    if lost is None:
        return ""
    return (
        f"{rig.records / FOLDER}: does not know certificate {treated[lost]} ({lost[:16]}), which treated by these records, so that an older one cannot be "
        "told; first: put the folder back as it was with these records, or lay that certificate's own file there, called like the copies"
    )
