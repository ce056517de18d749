"""Ed25519 keys as files: the physicists' public keys, one PEM block each in one file, and a physicist's private key, or a refusal.
It signs nothing and verifies nothing."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from hal.errors import ConfigurationError

PEM = re.compile(rb"-----BEGIN [^-]+-----.*?-----END [^-]+-----", re.DOTALL)
MOST_KEYS = 20


def public_keys(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """Every key of the file, each once. Raises ConfigurationError where one of them is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of the signer's public key"
        ) from error
    found: dict[bytes, Ed25519PublicKey] = {}
    for block in PEM.findall(data)[: MOST_KEYS + 1] or [data]:
        try:
            key = load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(
                f"{path}: is no public key in PEM form; first: give the signer's public key"
            ) from error
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigurationError(f"{path}: is not an Ed25519 key; first: give the signer's public key")
        found[key.public_bytes(Encoding.Raw, PublicFormat.Raw)] = key
    if len(found) > MOST_KEYS:
        raise ConfigurationError(
            f"{path}: holds more than {MOST_KEYS} keys; first: leave those of this machine's physicists"
        )
    return tuple(found.values())


def private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of your private key"
        ) from error
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"{path}: is no unencrypted private key in PEM form; first: give your private key"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: is not an Ed25519 key; first: give your private key")
    return key
