"""A time table that was corrected does not come back: the last one of each certificate is remembered, and what is remembered is whole or refused."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desk_by_hand import EXAMPLES

from calibration.certificate import read_certificate
from calibration.time_table import TimesTable
from console import configuration
from console.treat import independent
from console.treat.independent import beside
from console.treat.times_kept import FILE, FOLDER, LOCK, keep
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from tests.calibration.measured_bench import AT

ENTRY = {"kv": 69.5, "ma": 1.6, "filter": "F2", "applicator": "A20", "depth_mm": 3.5}
TIMES = [{"rx_mgy": rx, "set_time_s": rx / 0.82 / 55.0 + 0.145} for rx in (100.0, 7000.0)]
NEXT = AT + timedelta(days=1)


def table(**changes: Any) -> TimesTable:
    return TimesTable.model_validate({
        "schema": 1, "id": "TT-1", "tube_serial": "T-1", "machine_serial": "K-1", "certificate": "CAL-1", "method": "spreadsheet", "effective_at": AT,
        "expires_at": AT + timedelta(days=365), "entries": [ENTRY | {"times": TIMES}],
    } | changes)  # fmt: skip


def test_hazard_a5_an_older_table_of_the_same_certificate_does_not_come_back(tmp_path: Path) -> None:
    """Hazards A5 and G24: a typing error was found and corrected, and the file of before is put back."""
    keep(tmp_path, table())
    keep(tmp_path, table())
    kept = (tmp_path / FILE).read_bytes()
    signed = table(signatures=[{"who": "P. Two", "role": "physicist", "at": AT, "ed25519": "0" * 128}])
    keep(tmp_path, signed)
    assert (tmp_path / FILE).read_bytes() == kept, "another signature is the same table"
    with pytest.raises(ConfigurationError, match="TT-1: is another than TT-1, which was used, and of the same time"):
        keep(tmp_path, table(method="another spreadsheet"))
    keep(tmp_path, table(id="TT-2", effective_at=NEXT))
    with pytest.raises(ConfigurationError, match="TT-1: is of 2026-06-01T12:00:00Z, older than TT-2"):
        keep(tmp_path, table())
    keep(tmp_path, table(certificate="CAL-2"))  # another certificate has tables of its own
    keep(tmp_path, table(id="TT-2", effective_at=NEXT))


@pytest.mark.parametrize("damage", [b"{}", b"", b"[1]", b'{"tables": {"T-1 CAL-1": 1}, "sha256": ""}'])
def test_what_is_remembered_is_whole_or_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    with pytest.raises(ConfigurationError, match="is damaged"):
        keep(tmp_path, table())
    assert (tmp_path / FILE).read_bytes() == damage


def test_every_digit_of_what_is_remembered_counts(tmp_path: Path) -> None:
    keep(tmp_path, table())
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole.replace(b"2026-06-01", b"2020-06-01"))
    with pytest.raises(ConfigurationError, match="is damaged"):
        keep(tmp_path, table())


def test_a5_what_cannot_be_remembered_treats_nobody(
    tmp_path: Path, prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another process is at it: nobody waits."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        keep(tmp_path / "file" / "times", table())
    with (tmp_path / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="another process is at it"):
            keep(tmp_path, table())
    rig = replace(
        configuration.load(EXAMPLES / "rig.toml", 1000), records=tmp_path / "records", time_table=Path("t.toml")
    )
    checked = read_certificate(EXAMPLES / "certificate.toml", EXAMPLES / "physicist.pub")
    asked = msgspec.structs.replace(prescribed, fraction=1)
    found = [table(effective_at=NEXT), table()]
    monkeypatch.setattr(independent, "load_times", lambda *_: found.pop(0))
    assert beside(rig, asked, checked, 1.8e9, False).times is not None and (rig.records / FOLDER / FILE).exists()
    with pytest.raises(ConfigurationError, match="older than TT-1"):
        beside(rig, asked, checked, 1.8e9, False)
