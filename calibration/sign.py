"""Commands for the physicist: make a pair of Ed25519 keys, and sign a certificate or a time table in place.
It checks what the file says, not whether it is true."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from calibration.certificate import sign_certificate
from calibration.time_table import sign_times
from hal.clock import SystemClock
from hal.errors import ConfigurationError


def make_keys(private: Path, public: Path, words: str = "") -> None:
    """Write a new pair, PEM; the private one for its owner's eyes only. An existing file is never overwritten (FileExistsError)."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    shared = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = f"{words}\n".encode() if words else b""
    for path, data, mode in ((private, secret, 0o600), (public, shared, 0o644)):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(head + data)


def main(arguments: list[str]) -> int:
    """`python -m calibration.sign keys PRIVATE PUBLIC`, `... sign CERTIFICATE PRIVATE WHO` and `... times TABLE PRIVATE WHO`; 0, or 1 with words."""
    parser = argparse.ArgumentParser(prog="python -m calibration.sign", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    keys = verbs.add_parser("keys", help="make a pair of keys")
    keys.add_argument("private", type=Path)
    keys.add_argument("public", type=Path)
    keys.add_argument("--words", default="", help="a line that is written above both keys")
    for name, what in (("sign", "certificate"), ("times", "time table")):
        sign = verbs.add_parser(name, help=f"sign a {what} in place")
        sign.add_argument("file", type=Path, metavar=what.upper().replace(" ", "_"))
        sign.add_argument("private", type=Path)
        sign.add_argument("who")
    asked = parser.parse_args(arguments)
    try:
        if asked.verb == "keys":
            make_keys(asked.private, asked.public, asked.words)
        else:
            signs = sign_certificate if asked.verb == "sign" else sign_times
            signs(asked.file, asked.private, asked.who, SystemClock().wall())
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
