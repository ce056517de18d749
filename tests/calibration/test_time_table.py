"""The physicist's time table is strict and signed, is read at its own depths and doses only, and is what a wrong certificate cannot agree with."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from measured_bench import AT

from calibration.certificate import sign_certificate
from calibration.sign import main, make_keys
from calibration.time_table import TimesTable, against_first, independent, load_times, sign_times, time_of
from calibration.write import text_of
from hal.errors import ConfigurationError

NOW_S = (AT + timedelta(days=1)).timestamp()
KEY = (69.5, 1.6, "F2", "A20")
ENTRY = {"kv": 69.5, "ma": 1.6, "filter": "F2", "applicator": "A20", "depth_mm": 3.5}
TIMES = [{"rx_mgy": rx, "set_time_s": rx / 0.82 / 55.0 + 0.145} for rx in (100.0, 7000.0, 10000.0)]
DOCUMENT: dict[str, Any] = {
    "schema": 1, "id": "TT-1", "tube_serial": "T-1", "machine_serial": "K-1", "certificate": "CAL-1", "method": "spreadsheet of the department, own PDD",
    "effective_at": AT, "expires_at": AT + timedelta(days=365), "entries": [ENTRY | {"times": TIMES}],
}  # fmt: skip
FITS = {"tube_serial": "T-1", "machine_serial": "K-1", "certificate": "CAL-1"}


@pytest.fixture
def laid(tmp_path: Path) -> Path:
    """A signed table beside its keys."""
    make_keys(tmp_path / "k.pem", tmp_path / "k.pub")
    path = tmp_path / "times.toml"
    path.write_text(text_of(DOCUMENT))
    assert main(["times", str(path), str(tmp_path / "k.pem"), "P. One"]) == 0
    return path


def load(path: Path, wall_s: float = NOW_S, **fits: str) -> TimesTable:
    return load_times(path, path.with_name("k.pub"), wall_s, **(FITS | fits))


def test_e5_by_the_typed_table(laid: Path) -> None:
    """7 Gy at 3.5 mm: 155.36 s; linear between typed doses; exact in depth and combination, or words."""
    table = load(laid)
    assert time_of(table, KEY, 3.5, 7000.0) == pytest.approx(155.355643, rel=1e-8)
    assert time_of(table, KEY, 3.5, 3550.0) == pytest.approx(3550.0 / 0.82 / 55.0 + 0.145, rel=1e-9)
    for key, depth, rx, words in (
        (KEY, 3.0, 7000.0, "has no entry 69.5 kV, 1.6 mA, F2, A20 at 3 mm"),
        ((69.5, 1.6, "F2", "A30"), 3.5, 7000.0, "has no entry"),
        (KEY, 3.5, 99.0, "99.0 mGy is outside 100 to 10000 mGy"),
        (KEY, 3.5, 10001.0, "is outside"),
    ):
        said = time_of(table, key, depth, rx)
        assert isinstance(said, str)
        assert words in said
        assert "first: have the physicist" in said


@pytest.mark.parametrize(
    ("wall_s", "fits", "words"),
    [
        (NOW_S + 366 * 86400.0, {}, "is in force from"),
        (NOW_S - 2 * 86400.0, {}, "is in force from"),
        (NOW_S, {"tube_serial": "T-9"}, 'tube_serial = "T-1": is not "T-9"'),
        (NOW_S, {"machine_serial": "K-9"}, "machine_serial"),
        (NOW_S, {"certificate": "CAL-2"}, 'certificate = "CAL-1": is not "CAL-2"'),
    ],
)
def test_a13_g24_a_table_of_another_time_tube_machine_or_certificate(
    laid: Path, wall_s: float, fits: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load(laid, wall_s, **fits)


def test_g24_a_changed_table_and_a_certificates_signature(laid: Path, tmp_path: Path) -> None:
    """Hazard G24: a digit changed is caught; what was signed as another kind of file does not fit."""
    text = laid.read_text()
    laid.write_text(text.replace("rx_mgy = 7000.0", "rx_mgy = 7001.0"))
    with pytest.raises(ConfigurationError, match="none fits"):
        load(laid)
    laid.write_text(text.partition("\n[[signatures]]")[0])
    with pytest.raises(ConfigurationError, match="nobody has signed"):
        load(laid)
    with pytest.raises(ConfigurationError, match="is not a key that is known here"):
        sign_certificate(laid, tmp_path / "k.pem", "P. One", NOW_S)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([ENTRY | {"times": TIMES}] * 2, "stands here twice"),
        ([ENTRY | {"times": TIMES[::-1]}], "do not ascend together"),
        ([ENTRY | {"times": TIMES[:1]}], "at least 2"),
        ([ENTRY | {"times": TIMES, "minutes": 2.6}], "minutes = 2.6: is not a key"),
    ],
)
def test_a3_a_table_that_is_none_cannot_be_signed(laid: Path, entries: list[dict[str, Any]], words: str) -> None:
    """Hazard A3, A4: unknown keys, minutes and mixed-up doses are refused before anybody signs."""
    laid.write_text(text_of(DOCUMENT | {"entries": entries}))
    with pytest.raises(ConfigurationError, match=words):
        sign_times(laid, laid.with_name("k.pem"), "P. One", NOW_S)


PARTS = [
    (0.0, True, False),
    (0.019, True, False),
    (-0.021, True, True),
    (0.049, True, True),
    (0.051, False, True),
    (-0.051, False, True),
    (0.89, False, True),
]


@pytest.mark.parametrize(("off", "agrees", "warned"), PARTS)
def test_a5_independent_data_warn_at_2_and_stop_at_5_pct(off: float, agrees: bool, warned: bool) -> None:
    """Hazards A5, A4: other data, typed by a person; +89 % (A1) has no way past it."""
    got = independent(155.0 * (1.0 + off), 155.0)
    assert (got.agrees, got.warned, got.overridable) == (agrees, warned, False)
    assert got.off == pytest.approx(off)
    for short in (independent(3.0 + 0.19, 3.0), independent(3.0 - 0.19, 3.0)):
        assert not short.agrees and short.warned, "6 % of the shortest exposure are as much as of any other"
    rounded = independent(3.0 + 0.1, 3.0)
    assert rounded.agrees and not rounded.warned, "a typed time is rounded"


def test_a5_what_is_no_time_agrees_with_nothing() -> None:
    """Hazard A5: a comparison with what is no number is not passed."""
    for none in (float("nan"), float("inf"), float("-inf")):
        for got in (independent(none, 155.0), against_first(none, 155.0, physicist=True)):
            assert (got.agrees, got.warned, got.overridable) == (False, True, False)


@pytest.mark.parametrize(
    ("off", "physicist", "agrees"),
    [(0.049, False, True), (0.051, False, False), (-0.051, False, False), (0.051, True, True), (0.099, True, True), (0.101, True, False), (0.89, True, False)],
)  # fmt: skip
def test_a1_time_off_fraction_1_is_the_physicists_and_above_10_pct_nobodys(
    off: float, physicist: bool, agrees: bool
) -> None:
    """Hazard A1: 436.6 s where fraction 1 had 230.7 s."""
    got = against_first(230.7 * (1.0 + off), 230.7, physicist)
    assert (got.agrees, got.overridable) == (agrees, abs(off) <= 0.10)
    assert not against_first(436.6, 230.7, True).agrees
