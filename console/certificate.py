"""The certificate in force for a rig, verified and of the rig's own kind, or the words why there is none; the verification itself is calibration's.
It keeps nothing: every command that needs the numbers verifies them anew."""

from __future__ import annotations

from calibration.certificate import load_certificate
from console import strict
from console.configuration import Rig
from controller.prescribed import Certificate
from hal.errors import ConfigurationError


def certificate_of(rig: Rig, wall_s: float) -> Certificate:
    """Load and verify for this tube and this machine. Raises ConfigurationError: file, key, value, bound and what to do first."""
    certificate = load_certificate(
        rig.certificate,
        rig.signer_public_key,
        wall_s,
        tube_serial=rig.file.tube.serial,
        machine_serial=rig.file.safety_unit.serial,
    )
    measured = strict.parse(rig.certificate, strict.read_bytes(rig.certificate)).get("simulated")
    if measured is not rig.simulated:
        wrong = f"does not fit rig.simulated = {strict.shown(rig.simulated)} of {rig.path}"
        first = (
            "use the certificate of this very rig: what was measured on a simulated tube says nothing about a real one"
        )
        raise ConfigurationError(strict.refusal(rig.certificate, "simulated", measured, wrong, first))
    return certificate
