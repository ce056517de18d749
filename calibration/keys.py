"""Ed25519 keys as files: the physicists' public keys, one PEM block each in one file, and a physicist's private key, or a refusal.
It signs nothing and verifies nothing."""

from __future__ import annotations

import os
import re
import stat
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
DEMONSTRATION = bytes.fromhex("86147cceeccd41039598c3c3c6d583251428529aae179a37eb149cf69b65a961")
"""The public half of examples/DEMONSTRATION-KEY.pem: everybody has the other half."""


def public_keys(path: Path) -> tuple[Ed25519PublicKey, ...]:
    """Every key of the file, each once. Raises ConfigurationError where one of them is none."""
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of the signer's public key"
        ) from error
    if mode & stat.S_IWOTH:
        raise ConfigurationError(
            f"{path}: may be written by everybody (mode {stat.S_IMODE(mode):04o}), and who signs stands in it; first: see whose keys are in it, chmod o-w"
        )
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
        found[raw(key)] = key
    if len(found) > MOST_KEYS:
        raise ConfigurationError(
            f"{path}: holds more than {MOST_KEYS} keys; first: leave those of this machine's physicists"
        )
    return tuple(found.values())


def demonstrated(path: Path) -> bool:
    """Whether the file holds the demonstration key, with which anybody signs. Raises ConfigurationError."""
    return any(raw(key) == DEMONSTRATION for key in public_keys(path))


def raw(key: Ed25519PublicKey) -> bytes:
    """Its 32 bytes."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def private_key(path: Path) -> Ed25519PrivateKey:
    """For its owner's eyes only. Raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            mode, data = os.fstat(file.fileno()).st_mode, file.read()
        key = load_pem_private_key(data, None)
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
    if mode & 0o077 and raw(key.public_key()) != DEMONSTRATION:
        raise ConfigurationError(
            f"{path}: may be read by others (mode {stat.S_IMODE(mode):04o}, wanted 0600); first: chmod 600, and make a new pair if others could read it"
        )
    return key
