"""`kerma users` and `kerma audit` at the machine's own terminal: what they change stands in the audit, and what was altered is named."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import BADGE, CHEAP, PIN, SECRET
from desk_by_hand import EXAMPLES, dumped

from console.access import commands as room
from console.cli import build
from console.exit_codes import Exit
from hal.errors import ConfigurationError


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rig file with records of its own, and a terminal at which everything asked is answered rightly."""
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    document["records"]["dir"] = "records"
    path = tmp_path / "rig.toml"
    path.write_text(dumped(document), encoding="utf-8")
    monkeypatch.setattr(room, "Hasher", lambda: CHEAP)
    monkeypatch.setattr(room, "hidden", lambda words: PIN if "PIN" in words else BADGE if "badge" in words else SECRET)
    return path


def run(*words: str) -> int:
    """The exit code of `kerma` with these words."""
    try:
        build(words)(list(words), standalone_mode=True)
    except SystemExit as end:
        return int(end.code or 0)
    raise AssertionError


@pytest.fixture
def kerma(rig: Path) -> Callable[..., int]:
    return lambda *words: run(*words, "--config", str(rig))


def test_users_are_made_changed_and_shown_and_the_audit_says_so(
    kerma: Callable[..., int], rig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kerma("users", "list") == 0 and "there are no users; first:" in capsys.readouterr().out
    assert kerma("users", "add", "olga", "--role", "operator") == Exit.USAGE
    assert "must be an administrator" in capsys.readouterr().err
    assert kerma("users", "add", "ada", "--role", "administrator") == 0
    for do, role in (
        ("add", "operator"), ("badge", ""), ("role", "physicist"), ("password", ""), ("no badge", ""), ("disable", ""), ("enable", ""),
    ):  # fmt: skip
        assert room.changed(rig, do, "olga", role) == 0, do
    capsys.readouterr()
    assert kerma("users", "list", "--json") == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert [(row["name"], row["role"], row["enabled"], row["badge"]) for row in rows] == [
        ("ada", "administrator", True, False), ("olga", "physicist", True, False),
    ]  # fmt: skip
    for do, name in (("disable", "ada"), ("role", "eve")):
        with pytest.raises(ConfigurationError, match="first:"):
            room.changed(rig, do, name, "operator")
    capsys.readouterr()
    assert kerma("audit", "show", "--json") == 0
    entries = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [entry["told"]["do"] for entry in entries if entry["what"] == "users"] == [
        "add", "add", "badge", "role", "password", "no badge", "disable", "enable",
    ]  # fmt: skip
    assert kerma("audit", "verify") == 0 and "nothing was altered" in capsys.readouterr().out
    folder = rig.parent / "records" / "access"
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not any(secret.encode() in everything for secret in (SECRET, PIN, BADGE))


def test_t9_verify_names_what_was_altered_and_a_checkpoint_shows_a_folder_put_back(
    kerma: Callable[..., int], rig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def verify(*kept: Path) -> int:
        return room.verify(rig, list(kept), "", False)

    assert verify() == 0 and "no audit was ever begun" in capsys.readouterr().out
    room.changed(rig, "add", "ada", "administrator")
    folder = rig.parent / "records" / "access"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    kept = rig.parent / "kept.json"
    assert room.checkpoint(rig, kept) == 0
    assert kerma("audit", "checkpoint", str(kept)) == Exit.USAGE, "no file is written over"
    assert verify(kept) == 0
    for path, raw in before.items():
        path.write_bytes(raw)
    capsys.readouterr()
    assert verify() == 0
    assert kerma("audit", "verify", "--checkpoint", str(kept)) == 1 and "tail was cut" in capsys.readouterr().out
    assert room.verify(rig, [], "0" * 64, False) == 1 and "is signed by" in capsys.readouterr().out
    users = folder / "users.json"
    users.write_bytes(users.read_bytes().replace(b'"ada"', b'"eve"'))
    assert room.verify(rig, [], "", True) == 1
    assert "altered by another way" in json.loads(capsys.readouterr().out)["wrong"][0]
    log = folder / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"terminal"', b'"nobody."', 1))
    assert verify() == 1 and "line 2: was altered" in capsys.readouterr().out
    assert room.show(rig, 50, False) == 0


def test_t15_a_secret_comes_from_no_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("a secret from a pipe\n"))
    with pytest.raises(ConfigurationError, match="typed at a terminal"):
        room.hidden("password")
    monkeypatch.undo()
    monkeypatch.setattr(room, "hidden", lambda words: words)
    with pytest.raises(ConfigurationError, match="not the same"):
        room.twice("password")
