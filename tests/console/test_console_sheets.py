"""What a physicist signs comes into the records with its answer, or is refused in words before: periodic tests and what is due, commissioning, overrides.
A recorder is turned by the clock of the one who waits for it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desk_by_hand import EXAMPLES, dumped

from calibration.periodic import TABLE, Done
from calibration.sign import make_keys
from console import configuration
from console.configuration import Rig
from console.day import sheets
from console.day.sheets import Signer
from console.exit_codes import Exit
from hal.errors import ConfigurationError
from hal.units import Seconds
from records.commissioning import ITEMS
from records.recorder import Recorder, RecorderConfig

WALL = 1_795_000_000.0


class Turning:
    """A clock that turns a recorder while somebody sleeps, if there is one."""

    def __init__(self, recorder: Recorder | None) -> None:
        self.now, self.recorder = 100.0, recorder

    def monotonic(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Seconds:
        return Seconds(WALL + self.now)

    def sleep_until(self, deadline: Seconds) -> None:
        self.now = deadline
        if self.recorder is not None:
            self.recorder.step(self.now, WALL + self.now)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """The examples' rig with its records here, and a key of ours beside the physicist's."""
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    make_keys(tmp_path / "own.pem", tmp_path / "own.pub")
    make_keys(tmp_path / "other.pem", tmp_path / "other.pub")
    both = (EXAMPLES / "physicist.pub").read_bytes() + (tmp_path / "own.pub").read_bytes()
    (tmp_path / "physicists.pub").write_bytes(both)
    document["certificate"] |= {
        "file": str(EXAMPLES / "certificate.toml"),
        "signer_public_key": str(tmp_path / "physicists.pub"),
    }
    document["records"] = {"dir": str(tmp_path / "records")}
    path = tmp_path / "rig.toml"
    path.write_text(dumped(document), encoding="utf-8")
    (tmp_path / "records").mkdir()
    return configuration.load(path, 1000)


@pytest.fixture
def clock(rig: Rig) -> Iterator[Turning]:
    recorder = Recorder(
        RecorderConfig(str(rig.records / "journal"), str(rig.records / "records.sqlite"), str(rig.records / "shm"), simulated=True,
                       physicists=sheets.signers_of(rig).physicists)
    )  # fmt: skip
    yield Turning(recorder)
    recorder.close()


def me(rig: Rig, key: str = "own.pem") -> Signer:
    return Signer("P. One", "physicist", rig.path.parent / key)


def result(**changed: Any) -> Done:
    return msgspec.structs.replace(Done("output", "2026-11-17", "SIM-TUBE-0001", 1.1, None, ""), **changed)


def test_a_signed_result_is_in_the_records_and_what_is_due_follows_from_it(
    rig: Rig, clock: Turning, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert sheets.done(rig, clock, result(), me(rig)) is Exit.AS_INTENDED
    assert sheets.done(rig, clock, result(value=-2.4, on="2026-11-18"), me(rig)) is Exit.AS_INTENDED
    capsys.readouterr()
    picture = tmp_path / "trend.png"
    assert sheets.due(rig, clock, "output", picture, as_json=True) is Exit.UNFIT
    rows = {row["test"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == {one.id for one in TABLE}
    assert rows["output"]["state"] == "TOLD" and "-2.4 % on 2026-11-18, tolerance 2 %" in rows["output"]["words"]
    assert rows["hvl"]["state"] == "NEVER" and picture.read_bytes().startswith(b"\x89PNG")
    assert sheets.due(rig, clock, "", None, as_json=False) is Exit.UNFIT
    assert "SIMULATED" in capsys.readouterr().out
    with pytest.raises(ConfigurationError, match="--plot needs --out"):
        sheets.due(rig, clock, "output", None, as_json=False)
    for test, words in (("safety", "has no trend"), ("hvl", "no signed result yet")):
        with pytest.raises(ConfigurationError, match=words):
            sheets.due(rig, clock, test, picture, as_json=False)


def test_g24_a_strangers_key_signs_nothing_and_nobody_takes_a_sheet_without_a_recorder(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    waiting = Turning(None)
    with pytest.raises(ConfigurationError, match="fits no physicist's key of this rig"):
        sheets.done(rig, waiting, result(), me(rig, "other.pem"))
    with pytest.raises(ConfigurationError, match="is after today"):
        sheets.done(rig, waiting, result(on="2026-12-01"), me(rig))
    assert sheets.done(rig, waiting, result(), me(rig)) is Exit.NO_ANSWER
    assert "start kerma run" in capsys.readouterr().out


SHEET = """
tube_serial = "SIM-TUBE-0001"
machine_serial = "KU-SIM-0001"
certificate_sha256 = "{sha}"
[audit]
kind = "mailed dosimeters"
by = "Another House"
on = "{on}"
ratio = {ratio}
[[combinations]]
kv = 69.5
ma = {ma}
filter = "F2"
applicator = "A20"
items = {items}
"""


def test_a2_commissioning_is_refused_in_words_until_it_is_whole_and_of_what_is_fitted(
    rig: Rig, clock: Turning, tmp_path: Path
) -> None:
    from console.certificate import certificate_of

    sha = certificate_of(rig, clock.wall()).sha256.hex()
    every = [name for name, _ in ITEMS]
    file = tmp_path / "open.toml"
    for changed, said in (
        ({"ratio": "1.06"}, "off by more than 5 %"),
        ({"items": json.dumps(every[1:])}, "not done: scales"),
        ({"ma": "1.5"}, "is not in certificate"),
        ({"sha": "00"}, "certificate_sha256"),
        ({"ratio": '"1"'}, r"audit\.ratio|Expected `float`"),
        ({"ratio": "1.0\nluck = 1"}, "luck"),
        ({"on": "soon"}, "is no day like"),
        ({"on": "2027-01-01"}, "is after today"),
    ):
        whole = {"on": "2026-10-01", "sha": sha, "ratio": "0.98", "ma": "1.6", "items": json.dumps(every)} | changed
        file.write_text(SHEET.format(**whole), encoding="utf-8")
        with pytest.raises(ConfigurationError, match=said):
            sheets.commissioned(rig, clock, file, me(rig))
    file.write_text(
        SHEET.format(on="2026-10-01", sha=sha, ratio="0.98", ma="1.6", items=json.dumps(every)), encoding="utf-8"
    )
    assert sheets.commissioned(rig, clock, file, me(rig)) is Exit.AS_INTENDED


@pytest.mark.parametrize(
    ("offered_s", "first_s", "said"),
    [(21.9, 20.0, ""), (22.1, 20.0, "above 10 %: nobody may"), (20.5, 20.0, "nothing is to be overridden"), (21.9, None, "fraction 1 of this order is not")],
)  # fmt: skip
def test_a1_a_physicist_may_override_between_5_and_10_percent_alone(
    rig: Rig, clock: Turning, monkeypatch: pytest.MonkeyPatch, offered_s: float, first_s: float | None, said: str
) -> None:
    monkeypatch.setattr(sheets, "first_set_time_s", lambda _rig, _order: first_s)
    file = EXAMPLES / "short.toml"
    if not said:
        with pytest.raises(ConfigurationError, match="--reason is empty"):
            sheets.overridden(rig, clock, file, offered_s, " ", me(rig))
        assert sheets.overridden(rig, clock, file, offered_s, "another gap", me(rig)) is Exit.AS_INTENDED
        return
    with pytest.raises(ConfigurationError, match=said):
        sheets.overridden(rig, clock, file, offered_s, "another gap", me(rig))
