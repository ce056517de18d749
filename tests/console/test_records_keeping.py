"""What people do with the whole of the records: which schema the database has, a copy and back, and the physicist's word on what is missing.
What is done with them is proved in tests/records."""

from __future__ import annotations

import json
import shutil
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
from desk_by_hand import EXAMPLES, dumped, snapshot
from kept_by_hand import WALL_S, KeptByHand

from console import places
from console import records_keeping as room
from console.access.approvals import Approvals
from console.access.folder import looked
from console.day import missing
from console.desk_client import DeskGoneError
from console.exit_codes import Exit
from hal.errors import ConfigurationError
from records.mirror import Step
from records.store import StoreError, engine_for


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    """A folder of records with one fraction, and a rig file that names it."""
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    document["records"]["dir"] = "records"
    document["paths"] = {"shm": "shm", "desk": "desk.sock", "stop": "stop.sock"}
    (tmp_path / "rig.toml").write_text(dumped(document))
    shutil.copy(EXAMPLES / "physicist.pub", tmp_path)
    made = KeptByHand(tmp_path / "records")
    made.golden()
    return made


def test_the_database_is_shown_with_its_schema(
    kept: KeptByHand, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = tmp_path / "rig.toml"
    assert room.database(rig, False) is Exit.UNFIT
    assert "there is none yet; kerma run makes it" in capsys.readouterr().out
    database = kept.done() / "records.sqlite"
    assert room.database(rig, True) is Exit.AS_INTENDED
    (told,) = json.loads(capsys.readouterr().out)
    assert told["current"] == told["head"] == "0003" and told["applied"] == kept.journal.next_index - 1
    engine = engine_for(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE meta SET value = '7' WHERE key = 'schema'")
    assert room.database(rig, False) is Exit.UNFIT
    assert "schema 0007, this program's 0003: DOES NOT FIT" in capsys.readouterr().out
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE meta")
    engine.dispose()
    assert room.database(rig, False) is Exit.UNFIT
    assert "no database of this program; move it away first" in capsys.readouterr().out


class Stopped:
    def wall(self) -> float:
        return WALL_S

    def monotonic(self) -> float:
        return 1.0

    def sleep_until(self, moment: float) -> None:
        raise AssertionError(f"nothing here waits until {moment}")


def back(folder: Path, to: Path, reason: str = "why", **more: Any) -> Exit:
    return room.restore(
        folder / "rig.toml",
        room.Restoring(folder / "copy", to, "S. One", reason, **more),
        Stopped(),  # type: ignore[arg-type]
    )


def test_a_copy_and_back_in_words(
    kept: KeptByHand, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = kept.done()
    monkeypatch.setattr(places, "running", lambda: ())
    assert room.backup(tmp_path / "rig.toml", tmp_path / "copy", Stopped()) is Exit.AS_INTENDED
    said = capsys.readouterr().out
    assert (
        "1 fractions (0 open), last token 3" in said
        and "SIMULATED, rig " in said
        and "manifest SHA-256 " in said
        and "patients" in said
    )
    with pytest.raises(ConfigurationError, match="copy: is there, and is not written over; name a new folder first"):
        room.backup(tmp_path / "rig.toml", tmp_path / "copy", Stopped())
    with pytest.raises(ConfigurationError, match="is there and not empty"):
        back(tmp_path, records)
    records.rename(tmp_path / "old")
    assert back(tmp_path, records, "the disk died") is Exit.AS_INTENDED
    assert (
        "nobody is treated before the physicist has signed for it; first: kerma run, then kerma sheet missing"
        in capsys.readouterr().out
    )
    assert missing.run(tmp_path / "rig.toml", "", None) is Exit.AS_INTENDED
    assert "this simulated rig does without" in capsys.readouterr().out
    rig = tmp_path / "rig.toml"
    rig.write_text(rig.read_text() + "\n[daily]\nwaived = false\n")
    assert missing.run(rig, "", None) is Exit.REFUSED
    said = capsys.readouterr().out
    assert "restored by S. One" in said and "the disk died" in said and "--found WORDS" in said
    assert room.database(tmp_path / "rig.toml", False) is Exit.AS_INTENDED


@pytest.mark.grid
def test_a_copy_is_this_machines_or_somebody_vouches_for_it_and_the_audit_says_so(
    kept: KeptByHand, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key is the machine's, by its site key: with another one, or with none, a copy is taken only by words that stay."""
    records, rig = kept.done(), tmp_path / "rig.toml"
    records.chmod(0o700)
    monkeypatch.setattr(places, "running", lambda: ())
    room.backup(rig, tmp_path / "copy", Stopped())
    key = capsys.readouterr().out.partition("signed with key ")[2][:64]
    site = tomllib.loads(rig.read_text())["simulated"]["site_key_hex"]
    assert site.encode() not in b"".join(one.read_bytes() for one in (tmp_path / "copy").rglob("*") if one.is_file())
    records.rename(tmp_path / "old")
    rig.write_text(rig.read_text().replace(site, "ab" * 32))
    with pytest.raises(ConfigurationError, match=r"give the key that was written down when it was made \(--key\)"):
        back(tmp_path, records)
    with pytest.raises(ConfigurationError, match="is no key of 64 hex digits"):
        back(tmp_path, records, key="abc")
    assert back(tmp_path, records, key=key) is Exit.AS_INTENDED
    assert "NOT SIGNED" not in capsys.readouterr().out
    shutil.rmtree(records)
    (tmp_path / "copy" / "manifest.sig").unlink()
    with pytest.raises(ConfigurationError, match="is not signed"):
        back(tmp_path, records)
    assert back(tmp_path, records, unsigned=True) is Exit.AS_INTENDED
    assert "NOT SIGNED: nothing but the word of whoever kept it" in capsys.readouterr().out
    last = json.loads((records / "access" / "audit.jsonl").read_bytes().split(b"\n")[-2])
    assert (last["what"], last["told"]["signed"], last["told"]["key"]) == ("restored", False, "")
    found = looked(records)
    assert found is not None and not found.wrong


@pytest.mark.grid
def test_an_audit_that_takes_no_entry_keeps_nobody_from_the_records(
    kept: KeptByHand, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = kept.done()
    monkeypatch.setattr(places, "running", lambda: ())
    (records / "access").mkdir(mode=0o700)
    (records / "access" / "audit.head").write_bytes(b"{}")
    room.backup(tmp_path / "rig.toml", tmp_path / "copy", Stopped())
    records.rename(tmp_path / "old")
    assert back(tmp_path, records) is Exit.AS_INTENDED
    assert "the journal says that it was restored, and the audit cannot be told" in capsys.readouterr().out


def test_nothing_missing_is_said_too(kept: KeptByHand, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigurationError, match="the right rig"):
        missing.run(other(tmp_path), "", None)
    kept.done()
    assert missing.run(tmp_path / "rig.toml", "", None) is Exit.AS_INTENDED
    assert "no records are known to be missing" in capsys.readouterr().out


def other(folder: Path) -> Path:
    (folder / "other").mkdir()
    path = folder / "other" / "rig.toml"
    path.write_text((folder / "rig.toml").read_text())
    return path


def test_records_of_a_rig_that_runs_are_not_restored(
    kept: KeptByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder was moved away, and its process writes on."""
    kept.done().rename(tmp_path / "old")

    class Running(places.Places):
        @property
        def alive(self) -> bool:
            return True

    meet = Running(tmp_path, tmp_path / "desk.sock", tmp_path / "stop.sock")
    monkeypatch.setattr(places, "running", lambda: (meet,))
    with pytest.raises(ConfigurationError, match="where its records are cannot be told"):
        back(tmp_path, tmp_path / "records")
    meet.rig_file.write_text(f"{tmp_path / 'rig.toml'}\n")
    with pytest.raises(ConfigurationError, match=r"runs on these records; first: end kerma run"):
        back(tmp_path, tmp_path / "records")
    with pytest.raises(ConfigurationError, match=r"manifest.json: cannot be read"):
        back(tmp_path, tmp_path / "elsewhere")


class Second:
    """A copy that does as it is told, one answer a step; then it is asked to end."""

    def __init__(self, ended: list[int], *answers: Step | StoreError) -> None:
        self.ended, self.answers = ended, list(answers)

    def step(self) -> Step:
        answer = self.answers.pop(0)
        if not self.answers:
            self.ended.append(15)
        if isinstance(answer, StoreError):
            raise answer
        return answer


class Going(Stopped):
    """Time passes only in waiting."""

    def __init__(self) -> None:
        self.now, self.waits = 0.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep_until(self, moment: float) -> None:
        self.waits.append(moment - self.now)
        self.now = moment


def test_a_server_that_is_away_is_said_and_tried_ever_more_slowly(capsys: pytest.CaptureFixture[str]) -> None:
    ended: list[int] = []
    clock, gone = Going(), StoreError("no route to the server")
    level = [Step(5, 9), Step(9, 9, ("exposure 3 was altered",)), Step(9, 9)]
    second: Any = Second(ended, gone, gone, gone, *level, Step(9, 9), gone, Step(9, 9))
    room._follow(second, clock, False, ended)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["mirror"], one.get("again_in_s")) for one in told] == [
        ("not reached", 2.0), ("not reached", 4.0), ("not reached", 8.0), ("behind", None), ("note", None), ("level", None), ("not reached", 2.0),
        ("level", None),
    ]  # fmt: skip
    assert max(clock.waits) <= room.POLL_S, "a signal is heard within a second"
    with pytest.raises(ConfigurationError, match="no route to the server"):
        room._follow(Second([], gone, gone), clock, True, [])  # type: ignore[arg-type]


def test_a_rig_without_a_second_database_says_how_to_name_one(kept: KeptByHand, tmp_path: Path) -> None:
    kept.done()
    with pytest.raises(ConfigurationError, match=r"first: write mirror = .postgresql://"):
        room.mirror(tmp_path / "rig.toml", Stopped(), True)


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "ANSWER_S", 0.05)
    with pytest.raises(StoreError, match=r"has said nothing for 0\.05 s"), room.answering():
        threading.Event().wait(30.0)


def test_signatures_come_back_with_their_chain_and_go_on(
    kept: KeptByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = kept.done()
    records.chmod(0o700)
    monkeypatch.setattr(places, "running", lambda: ())
    Approvals(records, lambda: WALL_S).sign("ab" * 32, "RX-7", "Dr. A", "physician")
    room.backup(tmp_path / "rig.toml", tmp_path / "copy", Stopped())
    records.rename(tmp_path / "old")
    back(tmp_path, records, "the disk died")
    again = Approvals(records, lambda: WALL_S)
    assert again.signed().wrong == () and [one.who for one in again.signed().of("ab" * 32)] == ["Dr. A"]
    again.sign("ab" * 32, "RX-7", "M. B", "physicist")
    assert again.signed().missing("ab" * 32, ("physician", "physicist")) == ()


def test_no_copy_is_made_while_beam_is_or_may_be_on(
    kept: KeptByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.done()
    shown: list[object] = [
        snapshot(state="IRRADIATING", beam="on"),
        snapshot(state="FAULT", beam="MAY BE ON"),
        None,
        DeskGoneError("no desk"),
    ]
    says = [
        "may be .IRRADIATING.",
        "may be .FAULT.",
        "does not say within",
        "does not say whether beam is on .no desk.",
    ]

    class Desk:
        def __enter__(self) -> Desk:
            return self

        def __exit__(self, *_: object) -> None: ...

        def snapshot(self, _within_s: float) -> object:
            answer = shown.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(places.Places, "alive", property(lambda _: True))
    monkeypatch.setattr(room, "connect", lambda *_: Desk())
    for words in says:
        with pytest.raises(ConfigurationError, match=words):
            room.backup(tmp_path / "rig.toml", tmp_path / "copy", Stopped())
    shown.append(snapshot(state="STANDBY", beam="off"))
    assert room.backup(tmp_path / "rig.toml", tmp_path / "copy", Stopped()) is Exit.AS_INTENDED
