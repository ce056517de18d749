"""The certificate in force for a rig, verified, or the words why there is none; the verification itself is calibration's.
It keeps nothing: every command that needs the numbers verifies them anew."""

from __future__ import annotations

from calibration.certificate import load_certificate
from console.configuration import Rig
from controller.prescribed import Certificate


def certificate_of(rig: Rig, wall_s: float) -> Certificate:
    """Load and verify. Raises ConfigurationError: file, key, value, bound and what to do first."""
    return load_certificate(rig.certificate, rig.signer_public_key, wall_s)
