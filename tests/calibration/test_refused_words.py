"""Names that look like others, times that are none, numbers of too many digits: what a file may hold besides an honest certificate is refused with words.
Whatever is accepted nevertheless has the same content under the same signature."""

from __future__ import annotations

from pathlib import Path

import pytest
from measured_bench import document

from calibration import toml_file
from calibration.certificate import read_certificate, sign_certificate
from calibration.sign import make_keys
from calibration.write import text_of, write_certificate
from hal.errors import ConfigurationError

TEXT = text_of(document())
AT = "effective_at = 2026-06-01T12:00:00Z"


@pytest.mark.parametrize(
    ("was", "is_", "words"),
    [
        ('id = "CAL-1"', 'id = "CAL\\u202e1-"', "invisible"),
        ('id = "CAL-1"', 'id = "CAL-1\\u200b"', "invisible"),
        ('id = "CAL-1"', 'id = "CAL-1\\u001b[2J"', "invisible"),
        ('id = "CAL-1"', 'id = "CAL-1 "', "space at its begin or end"),
        ('id = "CAL-1"', 'id = " "', "no letter and no digit"),
        ('id = "CAL-1"', 'id = "-"', "no letter and no digit"),
        ('id = "CAL-1"', 'id = "CAL-1\\u3164"', "invisible"),
        ('id = "CAL-1"', 'id = "CAL-A\\u030a"', "nfc"),
        (AT, "effective_at = 0001-01-01T00:00:00+23:59", "effective_at"),
        (AT, "effective_at = 2026-06-01T12:00:00", "timezone"),
        (AT, "effective_at = 2026-06-01", "valid datetime"),
        ("expires_at = 2027-06-01T12:00:00Z", "expires_at = 9999-12-31T23:59:59-23:59", "expires_at"),
        ("kv = 69.5\n", f"kv = {'9' * 5000}\n", "Exceeds the limit"),
        ("kv = 69.5\n", f"kv = {'9' * 400}\n", "valid number"),
        ("kv = 69.5\n", "kv = 1e400\n", "finite"),
        ("kv = 69.5\n", "kv = nan\n", "finite"),
        ("kv = 69.5\n", "kv = -inf\n", "finite"),
        ("kv = 69.5\n", 'kv = "69.5"\n', "valid number"),
        ("kv = 69.5\n", "kv = ٦٩.5\n", "is not TOML"),
        ("kv = 69.5\n", "kv = 69,5\n", "write a decimal point"),
        ("kv = 69.5\n", "kv = 69.5\nkv = 50.0\n", "Cannot overwrite"),
        ("kv = 69.5\n", "kv = 69.5\nkv.kv = 50.0\n", "is not TOML"),
        ('id = "CAL-1"', '\ufeffid = "CAL-1"', "is not TOML"),
    ],
)  # fmt: skip
def test_a4_what_is_outside_the_grammar_is_refused(tmp_path: Path, was: str, is_: str, words: str) -> None:
    """Hazard A4: never a traceback, never a value that is nearly what was meant."""
    assert TEXT.count(was) >= 1
    path = tmp_path / "c.toml"
    path.write_text(TEXT.replace(was, is_, 1), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=words):
        read_certificate(path, tmp_path)


def test_g24_layout_is_free_and_content_is_not(tmp_path: Path) -> None:
    """Lines that end as Windows ends them, and 69_500e-3 for 69.5, are the same content under the same signature; -0.0 for 0.0 is not."""
    make_keys(tmp_path / "k.pem", tmp_path / "k.pub")
    path = tmp_path / "c.toml"
    write_certificate(path, document())
    sign_certificate(path, tmp_path / "k.pem", "P. One", 1_800_000_000.0)
    text, first = path.read_text(), read_certificate(path, tmp_path / "k.pub")
    for other in (text.replace("\n", "\r\n"), text.replace("kv = 69.5\n", "kv = 69_500e-3\n", 1)):
        path.write_bytes(other.encode())
        again = read_certificate(path, tmp_path / "k.pub")
        assert (again.sha256, again.numbers) == (first.sha256, first.numbers)
    path.write_text(text.replace("tail_mgy = 1.5", "tail_mgy = 1.50000001"))
    with pytest.raises(ConfigurationError, match="none fits the content"):
        read_certificate(path, tmp_path / "k.pub")


def test_g24_who_signs_has_a_name_that_can_be_read(tmp_path: Path) -> None:
    """A file is left as it was where the signature could not be read again."""
    make_keys(tmp_path / "k.pem", tmp_path / "k.pub")
    path = tmp_path / "c.toml"
    write_certificate(path, document())
    before = path.read_bytes()
    for who in ("", " ", "P. One\u200b", "P.\x7fOne", "P" * 65):
        with pytest.raises(ConfigurationError, match="who"):
            sign_certificate(path, tmp_path / "k.pem", who, 1_800_000_000.0)
        assert path.read_bytes() == before


def test_g24_what_is_signed_is_what_was_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is exchanged between the check and the signature: nothing is signed, and the file that was put there is not written over."""
    make_keys(tmp_path / "k.pem", tmp_path / "k.pub")
    path, other = tmp_path / "c.toml", tmp_path / "other.toml"
    write_certificate(path, document())
    write_certificate(other, document(machine_serial="K-9"))
    real = toml_file.read_bytes

    def exchanged(of: Path) -> bytes:
        data = real(of)
        of.write_bytes(other.read_bytes())
        return data

    monkeypatch.setattr("calibration.toml_file.read_bytes", exchanged)
    with pytest.raises(ConfigurationError, match="was changed while it was being signed"):
        sign_certificate(path, tmp_path / "k.pem", "P. One", 1_800_000_000.0)
    assert path.read_bytes() == other.read_bytes()
