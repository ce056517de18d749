"""What `kerma records` shows of a database that the recorder's own rows made.
How they came to be there is the records' business."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desk_by_hand import EXAMPLES, dumped, ended

from console import configuration, places, records
from console.configuration import Rig
from console.exit_codes import Exit
from console.kept import given_d0_mgy, record_words
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

ROW: dict[str, Any] = {
    "id": "00000000000000ab", "started_wall_s": 1.8e9, "patient_id": "EXAMPLE-0002", "lesion_id": "L1", "course_id": "C1", "fraction": 1, "fractions": 6,
    "prescription_id": "RX-DEMO", "rx_mgy": 950.0, "delivered_mgy": 500.0, "high_mgy": 510.0, "delivered_rx_mgy": 425.0, "status": "PARTIAL",
    "flagged": False, "quality": "GOOD", "segments": 1, "simulated": True, "closed": False,
}  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    document["records"]["dir"] = "records"
    (tmp_path / "rig.toml").write_text(dumped(document))
    return configuration.load(tmp_path / "rig.toml", 1000)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def keep(*rows: dict[str, Any]) -> None:
        monkeypatch.setattr(records.fractions, "list_fractions", lambda _: [ROW | row for row in rows])

    return keep


def test_no_database_yet_is_an_empty_list_and_nothing_to_show(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert records.listed(rig.path, False) is Exit.AS_INTENDED
    assert "no fraction is kept" in capsys.readouterr().out
    assert records.listed(rig.path, True) is Exit.AS_INTENDED
    assert json.loads(capsys.readouterr().out)["fractions"] == []
    with pytest.raises(ConfigurationError, match="first: take an id"):
        records.show(rig.path, "ab", False)


def test_without_a_file_the_rig_that_was_started_is_meant(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meet = places.Places(tmp_path, tmp_path / "desk.sock", tmp_path / "stop.sock")
    monkeypatch.setattr(places, "the_one", lambda: meet)
    with pytest.raises(ConfigurationError, match="say which rig"):
        records.rig_of(None)
    meet.rig_file.write_text(f"{rig.path}\n")
    assert records.rig_of(None).path == rig.path


def test_what_is_no_database_is_words(rig: Rig) -> None:
    rig.records.mkdir()
    records.database(rig).write_bytes(b"this is no database at all" * 100)
    with pytest.raises(ConfigurationError, match="first: "):
        records.listed(rig.path, False)


def test_the_list_says_simulated(
    rig: Rig, kept: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "220")
    kept({})
    records.listed(rig.path, False)
    out = capsys.readouterr().out
    for word in ("00000000000000ab", "0.425 of 0.950 Gy", "PARTIAL", "1/6", "2027-01-15"):
        assert word in out, word
    assert out.count("SIMULATED") == 2


@pytest.mark.parametrize(
    ("rows", "given"),
    [
        (({},), 500.0),
        (({"quality": "DEGRADED"},), 510.0),
        (({"quality": "UNKNOWN"},), 510.0),
        (({"closed": True},), None),
        (({"fraction": 2},), None),
        (({"patient_id": "another"},), None),
        ((), None),
    ],
)
def test_what_was_given_before_is_the_delivered_dose_or_its_high_bound(
    rig: Rig, kept: Callable[..., None], prescribed: Prescribed, rows: tuple[dict[str, Any], ...], given: float | None
) -> None:
    kept(*rows)
    assert given_d0_mgy(rig, prescribed) == given


def test_another_prescription_is_another_fraction(rig: Rig, kept: Callable[..., None], prescribed: Prescribed) -> None:
    kept({})
    assert given_d0_mgy(rig, msgspec.structs.replace(prescribed, prescription_id="RX-2")) is None


def test_where_the_record_lies(rig: Rig) -> None:
    assert "kerma records show 0000000000000063" in record_words(rig, ended())
    assert str(rig.records) == record_words(rig, None)
