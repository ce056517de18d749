"""A certificate is read strictly, bound to its signature, and refused with file, key, value and bound."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from calibration import signed as signing
from calibration.certificate import load_certificate, sign_certificate
from calibration.sign import main, make_keys
from hal.errors import ConfigurationError
from hal.readings import Termination, TimerStart

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NOW_S = 1_800_000_000.0


@pytest.fixture
def signed(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """The example with some text replaced, signed by a key of its own; returns certificate and public key."""
    private, public = tmp_path / "private.pem", tmp_path / "public.pem"
    make_keys(private, public)

    def make(*replaced: tuple[str, str], sign: bool = True) -> tuple[Path, Path]:
        text = (EXAMPLES / "certificate.toml").read_text().partition("\n[[signatures]]")[0]
        for old, new in replaced:
            assert re.search(old, text), old
            text = re.sub(old, new, text, count=1)
        path = tmp_path / "certificate.toml"
        path.write_text(text)
        if sign:
            sign_certificate(path, private, "P. Hysicist", NOW_S)
        return path, public

    return make


def test_the_example_is_in_force() -> None:
    """Signed by the demonstration key, for the simulated tube, with the combination that the example prescription names."""
    c = load_certificate(
        EXAMPLES / "certificate.toml",
        EXAMPLES / "physicist.pub",
        NOW_S,
        tube_serial="SIM-TUBE-0001",
        machine_serial="KU-SIM-0001",
    )
    assert (c.termination, c.timer_start, c.vented_2) == (Termination.MONITOR, TimerStart.HV_SEEN, True)
    assert [(k.kv, k.ma, k.filter_id, k.applicator_id) for k in c.combinations] == [(69.5, 1.6, "F2", "A20")]
    assert len(c.sha256) == 32


def test_the_example_key_is_plainly_marked() -> None:
    assert "DEMONSTRATION KEY" in (EXAMPLES / "DEMONSTRATION-KEY.pem").read_text()


def test_layout_does_not_matter_content_does(signed: Callable[..., tuple[Path, Path]]) -> None:
    """Comments and spaces may change under a signature, and the identity stays; a digit may not."""
    path, public = signed()
    first = load_certificate(path, public, NOW_S)
    text = path.read_text()
    path.write_text("# a comment\n" + text.replace("ramp_s = ", "ramp_s   =   "))
    assert load_certificate(path, public, NOW_S) == first
    path.write_text(re.sub(r"r0_mgy_per_s = \S+", "r0_mgy_per_s = 56.0", text))
    with pytest.raises(ConfigurationError, match="none fits the content and the key"):
        load_certificate(path, public, NOW_S)


@pytest.mark.parametrize("field", ["who", "at"])
def test_the_signer_is_signed_too(signed: Callable[..., tuple[Path, Path]], field: str) -> None:
    """Name and date of a signature cannot be edited."""
    path, public = signed()
    text = path.read_text()
    path.write_text(
        text.replace("P. Hysicist", "Somebody") if field == "who" else re.sub(r"\nat = 2027", "\nat = 2026", text)
    )
    assert path.read_text() != text
    with pytest.raises(ConfigurationError, match="none fits"):
        load_certificate(path, public, NOW_S)


def test_g24_no_signature_and_a_strangers_signature_are_refused(
    signed: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    path, public = signed(sign=False)
    with pytest.raises(ConfigurationError, match="nobody has signed it"):
        load_certificate(path, public, NOW_S)
    make_keys(tmp_path / "other.pem", tmp_path / "other.pub")
    sign_certificate(path, tmp_path / "other.pem", "Stranger", NOW_S)
    with pytest.raises(ConfigurationError, match=r"signatures by Stranger: none fits"):
        load_certificate(path, public, NOW_S)


def test_signing_again_replaces_ones_own_and_keeps_others(
    signed: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    path, public = signed()
    make_keys(tmp_path / "second.pem", tmp_path / "second.pub")
    sign_certificate(path, tmp_path / "second.pem", "Second", NOW_S)
    sign_certificate(path, tmp_path / "private.pem", "P. Hysicist", NOW_S + 60)
    assert path.read_text().count("[[signatures]]") == 2
    assert load_certificate(path, public, NOW_S) == load_certificate(path, tmp_path / "second.pub", NOW_S)


def test_of_two_who_sign_at_once_the_second_is_told_and_no_signature_is_lost(
    signed: Callable[..., tuple[Path, Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second had read the file before the first one's signature stood in it."""
    path, _ = signed()
    make_keys(tmp_path / "second.pem", tmp_path / "second.pub")
    make_keys(tmp_path / "third.pem", tmp_path / "third.pub")
    message, between = signing._message, ["second"]

    def first_another_signs(*arguments: Any) -> bytes:
        if between:
            sign_certificate(path, tmp_path / f"{between.pop()}.pem", "Second", NOW_S)
        return message(*arguments)

    monkeypatch.setattr(signing, "_message", first_another_signs)
    with pytest.raises(ConfigurationError, match="changed while it was being signed"):
        sign_certificate(path, tmp_path / "third.pem", "Third", NOW_S)
    assert path.read_text().count("[[signatures]]") == 2 and "Third" not in path.read_text()
    sign_certificate(path, tmp_path / "third.pem", "Third", NOW_S)
    assert path.read_text().count("[[signatures]]") == 3


R0 = r"r0_mgy_per_s = \S+"


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ((R0, "r0_mgy_per_s = nan"), r"combinations\.0\.r0_mgy_per_s = nan: .*finite"),
        ((R0, "r0_mgy_per_s = inf"), r"r0_mgy_per_s = inf: .*finite"),
        ((R0, 'r0_mgy_per_s = "55"'), r'r0_mgy_per_s = "55": .*number'),
        ((R0, "r0_mgy_per_s = 0.0"), r"r0_mgy_per_s = 0\.0: .*greater than 0"),
        ((R0, "r0_mgy_per_s = 9000.0"), r"less than or equal to 2000"),
        ((R0, "r0_gy_per_min = 3.3"), r"r0_mgy_per_s is missing"),
        ((R0, "r0_mgy_per_s = 55.0\nr0_gy_per_min = 3.3"), r"r0_gy_per_min = 3\.3: is not a key that is known here"),
        ((r"schema = 2", "schema = 1"), r"schema = 1"),
        ((r"dt_s = \S+", "dt_s = -0.6"), r"dt_s = -0\.6: .*greater than -0\.5"),
        ((r"filter_code = \S+", "filter_code = 255"), r"filter_code = 255: .*254"),
        ((r'termination = "monitor"', 'termination = "dose"'), r'termination = "dose"'),
        ((r"effective_at = \S+", "effective_at = 2025-01-01T00:00:00"), r"effective_at = 2025-01-01 00:00:00: .*timezone"),
        ((r"depth_mm = 2\.0", "depth_mm = 0.5"), r"combinations\.0\.pdd: does not ascend"),
        ((r"pct = 100\.0", "pct = 99.0"), r"pdd: begins with 99 % at 0 mm"),
        ((r"rel = 1\.0", "rel = 1.2"), r"g_kv: is 1\.2\d+ at 69\.5 kV, not 1 within 0\.01"),
        ((r"gap_table = \[\]|closed_end = false", "closed_end = false\ngap_table = [{ gap_mm = 0.0, factor = 1.0 }]"), r"gap_table: stands with an open"),
        ((r"expires_at = \S+", "expires_at = 2024-01-01T00:00:00Z"), r"expires_at = 2024-01-01T00:00:00Z: is not after"),
    ],
)  # fmt: skip
def test_g24_content_is_refused_with_key_value_and_bound(
    signed: Callable[..., tuple[Path, Path]], replaced: tuple[str, str], words: str
) -> None:
    """Every refusal stands in the words of the file; nothing bad can even be signed."""
    path, public = signed(replaced, sign=False)
    with pytest.raises(ConfigurationError, match=words) as refused:
        load_certificate(path, public, NOW_S)
    assert str(path) in str(refused.value)
    assert "first: " in str(refused.value)
    with pytest.raises(ConfigurationError):
        sign_certificate(path, public.with_name("private.pem"), "P. Hysicist", NOW_S)


def test_a2_a_combination_twice_and_a_code_for_two_names(signed: Callable[..., tuple[Path, Path]]) -> None:
    path, public = signed(sign=False)
    text = path.read_text()
    combination = text[text.index("[[combinations]]") :]
    path.write_text(text + "\n" + combination)
    with pytest.raises(ConfigurationError, match="stands here twice"):
        load_certificate(path, public, NOW_S)
    path.write_text(text + "\n" + combination.replace('"A20"', '"A30"'))
    with pytest.raises(ConfigurationError, match="applicator_code = 53: also stands for A20"):
        load_certificate(path, public, NOW_S)


@pytest.mark.parametrize(
    ("wall_s", "given", "words"),
    [
        (1_700_000_000.0, {}, r"effective_at = 2025-01-01T00:00:00Z: lies after now, 2023"),
        (4_900_000_000.0, {}, r"expires_at = 2125-01-01T00:00:00Z: has passed, now 2125"),
        (NOW_S, {"tube_serial": "T-9"}, r'tube_serial = "SIM-TUBE-0001": is not "T-9"'),
        (NOW_S, {"machine_serial": "KU-9"}, r'machine_serial = "KU-SIM-0001": is not "KU-9"'),
        (NOW_S, {"software_version": "9.9"}, r'software_version = "0.1.0": is not "9.9"'),
    ],
)
def test_a13_not_in_force(wall_s: float, given: dict[str, str], words: str) -> None:
    """Expiry is exclusive; a certificate is for one tube, machine and program."""
    with pytest.raises(ConfigurationError, match=words):
        load_certificate(EXAMPLES / "certificate.toml", EXAMPLES / "physicist.pub", wall_s, **given)


def test_g24_files_that_are_not_there_or_not_what_they_should_be(tmp_path: Path) -> None:
    example, key = EXAMPLES / "certificate.toml", EXAMPLES / "physicist.pub"
    bad = tmp_path / "bad"
    bad.write_bytes(b"\xff\xfe")
    for certificate, public, words in (
        (tmp_path / "none", key, "cannot be read"),
        (tmp_path, key, "cannot be read"),
        (bad, key, "is not UTF-8 text"),
        (example, tmp_path / "none", "cannot be read"),
        (example, bad, "is no public key"),
        (example, EXAMPLES / "DEMONSTRATION-KEY.pem", "is no public key"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            load_certificate(certificate, public, NOW_S)


def test_the_command_makes_keys_and_signs(
    signed: Callable[..., tuple[Path, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys are never overwritten, the private one is for its owner only; errors are words and exit 1."""
    private, public = tmp_path / "new.pem", tmp_path / "new.pub"
    assert main(["keys", str(private), str(public), "--words", "a line"]) == 0
    assert private.stat().st_mode & 0o077 == 0
    before = private.read_bytes()
    assert main(["keys", str(private), str(public)]) == 1
    assert private.read_bytes() == before
    path, _ = signed(sign=False)
    assert main(["sign", str(path), str(private), "N. Ew"]) == 0
    assert load_certificate(path, public, NOW_S).id
    assert main(["sign", str(path), str(public), "N. Ew"]) == 1
    assert "private key" in capsys.readouterr().err


def test_g24_an_encrypted_or_other_private_key_is_refused(
    signed: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    path, _ = signed(sign=False)
    raw = Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "der").write_bytes(raw)
    with pytest.raises(ConfigurationError, match="no unencrypted private key"):
        sign_certificate(path, tmp_path / "der", "X", NOW_S)
