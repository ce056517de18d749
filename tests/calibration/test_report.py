"""A certificate is shown with everything in it, as table, CSV, JSON and PDF; two are compared; a refused one is not shown at all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from measured_bench import AT, document, scaled

from calibration import report
from calibration.certificate import read_certificate, sign_certificate
from calibration.equipment import stamp
from calibration.paper import plots, write_pdf
from calibration.sign import make_keys
from calibration.write import write_certificate
from console.calibrate import certificate_pages
from console.exit_codes import Exit
from hal.clock import SystemClock
from hal.errors import ConfigurationError

NOW_S = (AT + timedelta(days=1)).timestamp()
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v1.toml, v2.toml (+1.5 %), other.toml of another tube, and k.pub."""
    where = tmp_path_factory.mktemp("report")
    make_keys(where / "k.pem", where / "k.pub")
    first = document()
    for name, content in (("v1", first), ("v2", scaled(first, 1.015)), ("other", document(tube_serial="T-2"))):
        write_certificate(where / f"{name}.toml", content)
        sign_certificate(where / f"{name}.toml", where / "k.pem", "P. One", NOW_S)
    return where


def test_every_factor_reading_and_term_is_shown(folder: Path) -> None:
    """Raw readings with conditions, each factor as applied once with its source, each term, instruments with their dates; CSV and JSON say the same."""
    checked = read_certificate(folder / "v1.toml", folder / "k.pub")
    shown = report.rows(checked)
    names = [row.name for row in shown]
    for name in (
        "reading 5",
        "p_tp, applied once",
        "b_w, applied once",
        "budget: position",
        "uncertainty of R0, k = 2",
        "chamber C1",
        "signed by",
        "typed, measured by no session here",
        "audit",
    ):
        assert names.count(name) == 1, name
    assert next(row for row in shown if row.name == "p_tp, applied once").value == "1.0354789"
    assert "2026-06-01" in next(row for row in shown if row.name == "reading 1").source
    lines = list(csv.DictReader(io.StringIO(report.as_csv(shown))))
    assert [line["name"] for line in lines] == names
    said = json.loads(report.as_json(checked))
    assert said["certificate"]["combinations"][0]["measured"]["readings"][0]["nc"] == 6.4105
    assert [row["name"] for row in said["rows"]] == names
    assert said["signers"] == ["P. One"]


def test_every_signed_value_is_shown(folder: Path) -> None:
    """Nothing is signed that whoever reads the paper, the CSV or the screen does not see."""
    checked = read_certificate(folder / "v1.toml", folder / "k.pub")
    shown = " ".join(f"{row.combination} {row.name} {row.value} {row.source}" for row in report.rows(checked))

    def leaves(value: Any) -> Iterator[Any]:
        if isinstance(value, (dict, list)):
            for one in value.values() if isinstance(value, dict) else value:
                yield from leaves(one)
        else:
            yield value

    for leaf in leaves({key: value for key, value in document().items() if key != "schema"}):
        word = stamp(leaf) if isinstance(leaf, datetime) else str(leaf).lower() if isinstance(leaf, bool) else str(leaf)
        assert word in shown or f"{leaf:g}" in shown, leaf


@pytest.mark.parametrize("name", ["=1+1", "+1;A", "-A", "@SUM(A1)", "=HYPERLINK(1)"])
def test_a_name_is_no_formula_in_a_spreadsheet(name: str) -> None:
    """A cell that a spreadsheet works out would show another certificate than the signed one; numbers below 0 stay numbers."""
    table = (report.Row(name, name, "-0.145", "s", "", name), report.Row("", "supersedes", "-"))
    read = list(csv.DictReader(io.StringIO(report.as_csv(table))))
    assert [read[0][key] for key in ("combination", "name", "value", "source")] == [
        f"'{name}",
        f"'{name}",
        "-0.145",
        f"'{name}",
    ]
    assert read[1]["value"] == "-"


def test_two_certificates_are_compared(folder: Path) -> None:
    """Up to 2 % nothing more, and each further bound by its words; what is new or gone is said."""
    one, two = (read_certificate(folder / name, folder / "k.pub") for name in ("v1.toml", "v2.toml"))
    (moved,) = report.compare(two, one)
    assert (moved.combination, moved.asks) == ("69.5 kV, 1.6 mA, F2, A20", "nothing more")
    assert moved.change_pct == pytest.approx(1.5, abs=1e-6)
    for by, words in ((1.03, "an explanation"), (0.94, "a second physicist"), (1.11, "an exchanged component")):
        assert words in report._moved("x", 1.0, by).asks
    assert (report._moved("x", None, 1.0).asks, report._moved("x", 1.0, None).asks) == ("is new", "is gone")


def test_paper(folder: Path, tmp_path: Path) -> None:
    """A PDF of several pages with pictures, the same bytes each time; a plant's own certificate too; SIMULATED on it."""
    one, two = (read_certificate(folder / name, folder / "k.pub") for name in ("v1.toml", "v2.toml"))
    write_pdf(tmp_path / "a.pdf", two, [one])
    data = (tmp_path / "a.pdf").read_bytes()
    assert data.startswith(b"%PDF-") and data.rstrip().endswith(b"%%EOF")
    assert data.count(b"/Type /Page\n") >= 2 and b"/Subtype /Image" in data
    plant = read_certificate(EXAMPLES / "certificate.toml", EXAMPLES / "physicist.pub")
    assert plots(plant.table.combinations[0], [plant]).startswith(b"\x89PNG")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        certificate_pages.pdf(folder / "v1.toml", tmp_path / "none" / "a.pdf", folder / "k.pub", [])
    with pytest.raises(ConfigurationError, match="give certificates of one tube"):
        certificate_pages.pdf(folder / "v1.toml", tmp_path / "b.pdf", folder / "k.pub", [folder / "other.toml"])


def test_the_commands(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """show, verify, compare at the terminal; a changed certificate is refused by each of them."""
    v1, v2, key = folder / "v1.toml", folder / "v2.toml", folder / "k.pub"
    assert certificate_pages.show(v1, key, False, False) is Exit.AS_INTENDED
    assert "SIMULATED" in capsys.readouterr().out
    assert certificate_pages.show(v1, key, False, True) is Exit.AS_INTENDED
    assert capsys.readouterr().out.startswith("combination,name,value,unit,u_pct_k1,source\n")
    certificate_pages.show(v1, key, True, False)
    assert json.loads(capsys.readouterr().out)["signers"] == ["P. One"]
    certificate_pages.verify(v1, key, None, SystemClock())
    assert "CAL-1, version 1: whole, signed by P. One; whether it is in force" in capsys.readouterr().out
    example = EXAMPLES / "certificate.toml"
    certificate_pages.verify(example, EXAMPLES / "physicist.pub", EXAMPLES / "rig.toml", SystemClock())
    assert "in force for" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="machine_serial"):
        certificate_pages.verify(v1, key, EXAMPLES / "rig.toml", SystemClock())
    certificate_pages.compare(v2, v1, key, False)
    assert "+1.50" in capsys.readouterr().out
    certificate_pages.compare(v2, v1, key, True)
    assert json.loads(capsys.readouterr().out)[0]["asks"] == "nothing more"
    bad = tmp_path / "bad.toml"
    bad.write_text(v1.read_text().replace("tail_mgy = 1.5", "tail_mgy = 1.6"))
    for call in (
        lambda: certificate_pages.show(bad, key, False, False),
        lambda: certificate_pages.verify(bad, key, None, SystemClock()),
        lambda: certificate_pages.compare(bad, v1, key, False),
        lambda: certificate_pages.pdf(bad, tmp_path / "x.pdf", key, []),
    ):
        with pytest.raises(ConfigurationError, match="none fits the content"):
            call()
    assert not (tmp_path / "x.pdf").exists()
