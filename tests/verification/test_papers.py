"""Who judges reads signed papers anew: of the same files it must come to what the product comes to, and a changed byte, another key or another name is seen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from calibration.certificate import read_certificate
from calibration.sign import make_keys
from records.sheets import Sheet, SheetKind, Taken
from verification import papers
from verification.rigs import CERTIFICATES
from verification.setting import EXAMPLES

KEYS = EXAMPLES / "physicist.pub"
FILES = sorted([*CERTIFICATES.glob("*.toml"), EXAMPLES / "certificate.toml", EXAMPLES / "certificate-time.toml"])


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_both_readings_of_a_certificate_agree(path: Path) -> None:
    """Hash, name, dates and signers, by two programs that share nothing but the file."""
    paper, checked = papers.read(path.read_bytes(), KEYS.read_bytes()), read_certificate(path, KEYS)
    assert (paper.id, paper.sha256, paper.signers) == (checked.numbers.id, checked.sha256, checked.signers)
    assert (paper.effective_s, paper.expires_s) == (checked.numbers.effective_wall_s, checked.numbers.expires_wall_s)
    assert (paper.provisional, len(paper.combinations)) == (False, len(checked.numbers.combinations))


def test_a_changed_certificate_is_signed_by_nobody(tmp_path: Path) -> None:
    """A rate, the signer's name, and the key are each under the signature; and a name plate's file says what it is."""
    data, keys = (EXAMPLES / "certificate.toml").read_bytes(), KEYS.read_bytes()
    make_keys(tmp_path / "other.pem", tmp_path / "other.pub")
    assert papers.read(data, keys).signers == ("M. Example",)
    assert papers.read(data.replace(b"dt_s = -", b"dt_s = -1", 1), keys).signers == ()
    assert papers.read(data.replace(b'who = "M. Example"', b'who = "A. Other"'), keys).signers == ()
    assert papers.read(data, (tmp_path / "other.pub").read_bytes()).signers == ()
    assert papers.read(data, (tmp_path / "other.pub").read_bytes() + keys).signers == ("M. Example",)
    assert papers.read(data.replace(b'basis = "plant"', b'basis = "provisional"'), keys).provisional


def test_a_sheet_of_the_journal_is_signed_or_not() -> None:
    """As records/sheets.py writes it: by whose key, and not with another word in it."""
    key = Ed25519PrivateKey.from_private_bytes(b"\x05" * 32)
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    bare = Sheet(SheetKind.DAILY, b'{"day":"2026-11-30"}', "M. Example", "physicist", "2026-11-30T08:00:00Z", b"")
    sheet = msgspec.structs.replace(bare, ed25519=key.sign(bare.message))

    def judged(one: Sheet, physicists: tuple[bytes, ...], others: tuple[bytes, ...]) -> papers.Sheet:
        return papers.sheet(7, msgspec.msgpack.encode(Taken(one, 1.0, "")), physicists, others)

    read = judged(sheet, (raw,), ())
    assert (read.index, read.kind, read.content, read.sha256) == (7, "daily", {"day": "2026-11-30"}, sheet.sha256)
    assert (read.by_physicist, read.by_other) == (True, False)
    assert judged(sheet, (), (raw,)).by_other
    assert not judged(msgspec.structs.replace(sheet, body=b'{"day":"2026-11-29"}'), (raw,), (raw,)).by_physicist
    assert not judged(msgspec.structs.replace(sheet, who="A. Other"), (raw,), (raw,)).by_other
