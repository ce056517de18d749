"""What a report takes of a certificate is that of the very certificate and combination that the record names, and nothing of any other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from measured_bench import AT, document

from calibration.certificate import Checked, read_certificate, sign_certificate
from calibration.sign import make_keys
from calibration.write import write_certificate
from console.reports.stated import stated_of


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Checked:
    folder = tmp_path_factory.mktemp("certificate")
    make_keys(folder / "one.pem", folder / "one.pub")
    write_certificate(folder / "c.toml", document())
    sign_certificate(folder / "c.toml", folder / "one.pem", "P. One", AT.timestamp() + 86400.0)
    return read_certificate(folder / "c.toml", folder / "one.pub")


def start(checked: Checked, **changed: Any) -> Any:
    """As much of a START as is asked for."""
    combination = checked.numbers.combinations[0]
    return SimpleNamespace(
        certificate_sha256=checked.sha256, certificate_id="CAL-1", combination=combination, **changed
    )


def test_the_budget_of_the_certificate_is_what_is_stated(checked: Checked) -> None:
    """u of R0 as the budget of its readings has it, and u of depth dose as signed."""
    stated = stated_of(start(checked), (checked,))
    m = checked.table.combinations[0].measured
    assert m is not None
    assert stated.u_r0_pct_k1 == pytest.approx(m.u_pct_k2 / 2.0)
    assert stated.u_pdd_pct_k1 == 2.0
    assert stated.source == "certificate CAL-1, version 1"


def test_another_certificate_states_nothing(checked: Checked) -> None:
    """By its hash, not by its name; and no other combination stands in for the one that was used."""
    other = start(checked)
    other.certificate_sha256 = b"x" * 32
    assert stated_of(other, (checked,)).u_r0_pct_k1 is None
    assert stated_of(start(checked), ()).u_r0_pct_k1 is None
    moved = start(checked)
    moved.combination = SimpleNamespace(kv=50.0, ma=1.6, filter_id="F2", applicator_id="A20")
    assert stated_of(moved, (checked,)).u_r0_pct_k1 is None
