"""The certificate of a name plate: what it holds, that nobody signs it, that it is never pinned, and what it may not pretend."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from calibration.accepted import Accepted
from calibration.certificate import certificate_in_force, read_certificate, sign_certificate
from calibration.provisional import load_plate, provisional
from calibration.schema import CertificateTable, contradictions
from calibration.write import write_certificate
from hal.errors import ConfigurationError
from hal.readings import Termination
from tests.calibration.measured_bench import AT

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KEY = EXAMPLES / "physicist.pub"


def document(**changes: Any) -> dict[str, Any]:
    return provisional(load_plate(EXAMPLES / "plate.toml"), "0.1.0", AT) | changes


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "provisional.toml"
    write_certificate(path, document(**changes))
    return path


def test_it_serves_without_a_signature_and_says_what_it_is(tmp_path: Path) -> None:
    checked = certificate_in_force(written(tmp_path), KEY, AT.timestamp() + 1.0, software_version="0.1.0")
    assert checked.numbers.provisional and checked.signers == ()
    assert checked.numbers.termination is Termination.TIME
    (c,) = checked.numbers.combinations
    assert (c.r0_mgy_per_s, c.dt_s, c.tail_mgy) == (55.0, 0.0, 0.0)
    assert not read_certificate(EXAMPLES / "certificate.toml", KEY).numbers.provisional


def test_output_goes_with_kv_by_the_plates_exponent_and_with_ma(tmp_path: Path) -> None:
    text = (EXAMPLES / "plate.toml").read_text(encoding="utf-8")
    half = text.replace("kv = 69.5\nma = 1.6\n", "kv = 34.75\nma = 0.8\n", 1)
    plate = tmp_path / "plate.toml"
    plate.write_text(half, encoding="utf-8")
    made = provisional(load_plate(plate), "0.1.0", AT)["combinations"][0]
    assert made["r0_mgy_per_s"] == pytest.approx(55.0 * 0.5**1.72 * 0.5)
    assert made["g_kv"][-1] == {"kv": 34.75, "rel": 1.0}


def test_a12_the_bleeders_current_of_the_data_sheet_is_expected_in_the_read_back(tmp_path: Path) -> None:
    """Hazard A12: at half the mA a bleeder of 1 GOhm is 9 % of the read-back, and ends the beam (5 %) where nobody said that it is there; a read-back
    that is nothing but bleeder is refused."""
    text = (EXAMPLES / "plate.toml").read_text(encoding="utf-8")
    plate = tmp_path / "plate.toml"
    for ma, wrong in (("0.8", ""), ("0.2", "ma_read = 0.2695: is more than 10 % from 0.2")):
        plate.write_text(
            text.replace("\nma = 1.6\n", f"\nma = {ma}\n").replace("rate_kv", "bleeder_gohm = 1.0\nrate_kv"),
            encoding="utf-8",
        )
        made = provisional(load_plate(plate), "0.1.0", AT)
        assert made["combinations"][0]["ma_read"] == pytest.approx(float(ma) + 0.0695)
        assert wrong in next(contradictions(CertificateTable.model_validate(made)), "")
        assert bool(wrong) is bool(list(contradictions(CertificateTable.model_validate(made))))
    assert "ma_read" not in document()["combinations"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"termination": "monitor"}, "a name plate knows no counts"),
        ({"version": 2, "supersedes": "CAL-1"}, "stands with measurements"),
        ({"expires_at": AT + timedelta(days=91)}, "more than 90 days"),
    ],
)
def test_a13_what_it_may_not_say(changes: dict[str, Any], words: str) -> None:
    assert any(words in one for one in contradictions(CertificateTable.model_validate(document(**changes))))


def test_a13_nobody_signs_it(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(ConfigurationError, match="nobody signs for it"):
        sign_certificate(path, tmp_path / "no.pem", "P. One", AT.timestamp())


def test_g24_written_over_to_measured_it_is_refused(tmp_path: Path) -> None:
    """Somebody edits the one word that keeps it from treating: it lacks every measurement, and every signature."""
    path = written(tmp_path)
    for basis in ("measured", "plant"):
        text = path.read_text(encoding="utf-8").replace('basis = "provisional"', f'basis = "{basis}"')
        other = tmp_path / f"{basis}.toml"
        other.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=r"measured is missing|nobody has signed it"):
            read_certificate(other, KEY)


def test_it_is_taken_beside_any_pin_and_leaves_none(tmp_path: Path) -> None:
    accepted = Accepted(tmp_path / "pins")
    checked = read_certificate(written(tmp_path), KEY)
    assert accepted.refused(checked) == "" and not accepted.accept(checked, KEY)
    assert accepted.pin(checked.table.tube_serial) is None
