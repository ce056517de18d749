"""Where the console may listen, and what it must bring to be reached from other machines: a certificate, its key, and the names that stand in it.
It opens no port and knows no user; nobody is ever asked for a certificate of their own, for STOP must need nothing."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from console.web.doors import NAMES
from hal.errors import ConfigurationError

LOOPBACK: Final = "127.0.0.1"
NAMES_AT_MOST: Final = 32
BYTES_AT_MOST: Final = 256 * 1024


@dataclass(frozen=True)
class Tls:
    """A certificate and its key, which belong together."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Address:
    """Where to listen, and every name by which a browser may call it, as it stands in the Host header before the port."""

    host: str = LOOPBACK
    names: tuple[str, ...] = NAMES
    tls: Tls | None = None

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @property
    def abroad(self) -> bool:
        """True when other machines reach it."""
        return not _loopback(self.host)

    @property
    def scheme(self) -> str:
        return "http" if self.tls is None else "https"

    def shown(self, port: int) -> str:
        """What a person types: the first name of the certificate, or loopback."""
        name = self.names[len(NAMES)] if len(self.names) > len(NAMES) else LOOPBACK
        return f"{self.scheme}://{name}:{port}/"


def address(host: str, certificate: Path | None, key: Path | None, wall_s: float, uid: int) -> Address:
    """The address that was asked for, checked. Raises ConfigurationError."""
    host = LOOPBACK if host == "localhost" else host
    try:
        ipaddress.ip_address(host)
    except ValueError as error:
        raise ConfigurationError(
            f"--host: {host!r} is no address; first: write one of this machine's addresses, 0.0.0.0 for all, or leave it out for this machine alone"
        ) from error
    if (certificate is None) != (key is None):
        there, missing = ("--tls-cert", "--tls-key") if key is None else ("--tls-key", "--tls-cert")
        raise ConfigurationError(f"{there} is given and {missing} is not; first: give both")
    if certificate is None or key is None:
        if not _loopback(host):
            raise ConfigurationError(
                f"--host: {host}: other machines would reach the console, and what passes on the way could be read and changed; "
                "first: give --tls-cert and --tls-key, or leave --host out"
            )
        return Address(host)
    tls = Tls(certificate.absolute(), key.absolute())
    _own_secret(tls.key, uid)
    names = names_of(tls.certificate, wall_s)
    context(tls)
    return Address(host, (*NAMES, *(name for name in names if name not in NAMES)), tls)


def context(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or newer, no renegotiation, no certificate of the client. Raises ConfigurationError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.verify_mode = ssl.CERT_NONE
    try:
        # a key with a password would ask for it at the terminal, and wait
        made.load_cert_chain(tls.certificate, tls.key, password=lambda: b"")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"--tls-cert: {tls.certificate} with {tls.key}: cannot be used ({error}); "
            "first: give a certificate in PEM with its chain, and its own key without a password"
        ) from error
    return made


def names_of(path: Path, wall_s: float) -> tuple[str, ...]:
    """The names and addresses that a certificate is for. Raises ConfigurationError where there are none, or it is not in force."""
    # not above: the STOP door needs none of it, and is there the sooner
    from cryptography import x509

    try:
        data = path.read_bytes()[:BYTES_AT_MOST]
        found = x509.load_pem_x509_certificate(data)
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound) as error:
        raise ConfigurationError(
            f"--tls-cert: {path}: {error}; first: give a certificate in PEM that names this machine (subjectAltName)"
        ) from error
    now = datetime.fromtimestamp(wall_s, UTC)
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        raise ConfigurationError(
            f"--tls-cert: {path}: holds from {found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}, and today is {now:%Y-%m-%d}; "
            "first: have it renewed, or set the clock"
        )
    named = [name.lower() for name in alternative.get_values_for_type(x509.DNSName)]
    addresses = alternative.get_values_for_type(x509.IPAddress)
    named += [f"[{one}]" if one.version == 6 else str(one) for one in addresses]
    wrong = [name for name in named if "*" in name or not name.isascii() or not name.strip()]
    if wrong or not named or len(named) > NAMES_AT_MOST:
        what = f"names {wrong[0]!r}" if wrong else f"has {len(named)} names"
        raise ConfigurationError(
            f"--tls-cert: {path}: {what}; wanted 1 to {NAMES_AT_MOST} whole names or addresses, for a browser's Host must be one of them exactly"
        )
    return tuple(named)


def _own_secret(path: Path, uid: int) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(
            f"--tls-key: {path}: cannot be read ({error.strerror}); first: name the key of --tls-cert"
        ) from error
    if not stat.S_ISREG(found.st_mode) or found.st_uid not in (uid, 0) or found.st_mode & 0o077:
        raise ConfigurationError(
            f"--tls-key: {path}: belongs to user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}; wanted a file of user {uid} that nobody else "
            "may read; first: chmod 600, and a new key where somebody could have read it"
        )
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"--tls-key: {path}: may not be read by user {uid}; first: chown it")


def _loopback(host: str) -> bool:
    return ipaddress.ip_address(host).is_loopback
