"""What a session measured is no number that somebody types into the periodic tests: the sheet takes the session's file, or is refused in words."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_console_calibrate import job, job_document, rig
from test_console_draft_attacks import Later, Records, measure

from calibration import periodic
from calibration.certificate import sign_certificate
from calibration.job import JobTable
from calibration.sign import make_keys
from calibration.write import write_certificate
from console.calibrate.sessions import voided
from console.configuration import Rig
from console.day import measured
from console.day.measured import Typed, result_of
from console.day.sheets import Signer
from hal.errors import ConfigurationError
from records.day_forms import decoded
from records.sheets import body
from tests.calibration.measured_bench import AT, document

DAY = timedelta(days=1)
LATER = Later(3 * DAY)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Rig, JobTable]:
    """The rig with E4's certificate in force, its job file beside it, and records that know who exposed."""
    monkeypatch.setattr(measured, "Kept", lambda _database: Records())
    private, public, certificate = (tmp_path / name for name in ("a.pem", "a.pub", "certificate.toml"))
    make_keys(private, public)
    write_certificate(certificate, document())
    sign_certificate(certificate, private, "P. One", AT.timestamp() + 3600.0)
    where = replace(rig(tmp_path), certificate=certificate, signer_public_key=public, path=tmp_path / "rig.toml")
    where.records.mkdir()
    return where, job(tmp_path)


def signs(where: Rig, *sessions: Path, test: str = "output", who: str = "P. One", **typed: Any) -> periodic.Done:
    return result_of(where, LATER, Typed(test, sessions=sessions, **typed), Signer(who, "physicist", Path("a.pem")))


def test_a_result_is_what_its_session_gave_with_its_day_its_people_and_its_digest(bench: tuple[Rig, JobTable]) -> None:
    """E4 once more, a day after its certificate: the same R0, and 0.03 % of scatter."""
    where, table = bench
    path = measure(where, table, at=AT + DAY)
    done = signs(where, path)
    assert done.value == pytest.approx(0.0, abs=1e-6) and done.on == "2026-06-02" and done.tube_serial == "T-1"
    (row,) = done.sessions
    assert (row.session, row.by) == (path.stem, "P. One") and row.sha256 == hashlib.sha256(
        path.read_bytes()
    ).hexdigest()
    assert signs(where, path, test="reproducibility").value == pytest.approx(0.030, abs=0.002)
    assert not periodic.wrong(done, (AT + DAY).date()) and decoded(body(done), periodic.Done) == done
    copied = msgspec.structs.replace(done, value=1.4)
    assert "is not what its sessions gave" in periodic.wrong(copied, (AT + DAY).date())


def test_hazard_a4_a_number_is_not_typed_where_a_session_measured_it(bench: tuple[Rig, JobTable]) -> None:
    """A digit dropped or a sign lost by hand: beside the session, and instead of it. What no session measures is typed as before."""
    where, table = bench
    assert signs(where, value=1.1, on="2026-06-02").value == 1.1
    path = measure(where, table, at=AT + DAY)
    for typed in ({"value": 0.0}, {"works": True}, {"on": "2026-06-03"}):
        with pytest.raises(ConfigurationError, match="typed beside a session"):
            signs(where, path, **typed)
    with pytest.raises(
        ConfigurationError, match=f"session {path.stem} measured it on 2026-06-02; first: give --session"
    ):
        signs(where, value=1.1)
    assert signs(where, test="head_angle", value=0.4).value == 0.4
    assert signs(where, test="safety", works=True).works
    voided(where, "a20", AT + 2 * DAY, "the cable moved")
    assert signs(where, value=1.1).value == 1.1


def _copy(where: Rig, table: JobTable) -> Path:
    path = measure(where, table, at=AT + DAY)
    return Path(shutil.copy(path, where.records / path.name))


def _older(where: Rig, table: JobTable) -> Path:
    path = measure(where, table, at=AT + DAY)
    measure(where, table, at=AT + 1.5 * DAY)
    return path


def _open(where: Rig, table: JobTable) -> Path:
    path = measure(where, table, at=AT + DAY)
    measure(where, table, at=AT + 1.5 * DAY, events=8)
    return path


def _changed(where: Rig, table: JobTable) -> Path:
    path = measure(where, table, at=AT + DAY)
    path.write_bytes(path.read_bytes().replace(b"6.4105", b"6.1405", 1))
    return path


def _voided(where: Rig, table: JobTable) -> Path:
    path = measure(where, table, at=AT + DAY)
    voided(where, "a20", AT + 2 * DAY, "wrong chamber")
    return path


@pytest.mark.parametrize(
    ("made", "typed", "words"),
    [
        (lambda where, table: measure(where, table, at=AT - DAY), {}, "ended before certificate CAL-1 was in force"),
        (_copy, {}, "is no session of this rig"), (_older, {}, "is the last one that is finished"), (_open, {}, "is open in step"),
        (_changed, {}, "begin a(new| session anew)"), (_voided, {}, "voided, or not the last"),
        (lambda where, table: measure(where, table, at=AT + 9 * DAY), {}, "after now"),
        (lambda where, table: measure(where, table, at=AT + DAY), {"who": "P. Two"}, "was measured by P. One, and P. Two signs"),
        (lambda where, table: measure(where, table, at=AT + DAY), {"test": "hvl"}, "is no session that measures beam quality"),
        (lambda where, table: measure(where, table, at=AT + DAY), {"test": "congruence"}, "no session measures that"),
    ],
    ids=["a1-its-own-certificate", "g24-copy", "a1-the-better-of-two", "a1-doubted", "g24-edited", "a1-voided", "a13-tomorrow", "a5-person",
         "a2-another-test", "no-session"],
)  # fmt: skip
def test_hazards_a1_a2_a5_a13_g24_a_session_that_is_none_for_this_result_is_refused(
    bench: tuple[Rig, JobTable], made: Any, typed: Mapping[str, Any], words: str
) -> None:
    where, table = bench
    path = made(where, table)
    with pytest.raises(ConfigurationError, match=words):
        signs(where, path, **typed)


def test_hazard_g24_the_sessions_of_another_tube_give_nothing(bench: tuple[Rig, JobTable], tmp_path: Path) -> None:
    where, table = bench
    path = measure(where, table, at=AT + DAY)
    head = job_document()["certificate"] | {"tube_serial": "T-2"}
    job(tmp_path, certificate=head)
    with pytest.raises(ConfigurationError, match="take the job file of this machine and tube"):
        signs(where, path)


def test_hazard_a1_a_session_serves_once_and_the_month_is_of_each_combination(
    bench: tuple[Rig, JobTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    where, table = bench
    path = measure(where, table, at=AT + DAY)
    done = signs(where, path)
    monkeypatch.setattr(measured, "results", lambda *_: (done,))
    with pytest.raises(ConfigurationError, match="is in the records already as a result of output"):
        signs(where, path)
    assert (
        signs(where, value=1.1, on="2026-06-03").value == 1.1
    )  # what that session gave is told, and this is another one
    monkeypatch.setattr(measured, "results", lambda *_: ())
    at = measured.bench(where, LATER, None)
    second = at.table.combinations[0].model_copy(update={"ma": 2.0})
    wider = replace(at, table=at.table.model_copy(update={"combinations": [*at.table.combinations, second]}))
    with pytest.raises(ConfigurationError, match=r"none of the sessions is of 69\.5 kV, 2 mA"):
        measured.measured(wider, "output", [path], "P. One", (), "")
