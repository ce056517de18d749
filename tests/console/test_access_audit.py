"""The audit: what was told to be written is there and signed after any kill, power cut or full disk;
no byte of it is altered, put in, taken out or cut unseen."""

from __future__ import annotations

import json
import stat
from itertools import pairwise
from pathlib import Path

import pytest
from access_by_hand import Rig

from console.access.audit import Audit
from hal.errors import ConfigurationError
from records.audit_check import Found, check
from records.files import PosixFiles
from verification.disk import FaultyDisk, Killed, Strike


def audit_of(folder: Path, files: PosixFiles | None = None) -> Audit:
    folder.mkdir(mode=0o700, exist_ok=True)
    return Audit(folder, files or PosixFiles(), lambda: 1.8e9)


def found(audit: Audit, kept: bytes = b"") -> Found:
    heads = [("audit.head", audit.head.read_bytes())] if audit.head.exists() else []
    return check(audit.log.read_bytes(), [*heads, *([("kept", kept)] if kept else [])], None)


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Six entries and the one that began it."""
    made = audit_of(tmp_path / "access")
    for n in range(6):
        made.note("command", "olga", "operator", {"command": "load", "order": f"{n:02}"})
    return made


def test_a_log_that_nobody_touched_is_right_and_its_files_are_its_users_alone(audit: Audit) -> None:
    right = found(audit)
    assert (right.wrong, right.entries, right.after_the_last) == ([], 7, 0)
    assert {stat.S_IMODE(path.stat().st_mode) for path in audit.log.parent.iterdir()} == {0o600}
    again = audit_of(audit.log.parent)
    assert again.note("logout", "olga", "operator", {}) == 8
    assert audit.note("login", "olga", "operator", {}) == 9, "two processes write one log"
    assert found(audit).wrong == []


def test_t9_each_byte_altered_is_found(tmp_path: Path) -> None:
    """Every byte of the log, one after the other, and the line is named."""
    audit = audit_of(tmp_path / "access")
    for n in range(2):
        audit.note("command", "olga", "operator", {"n": n})
    log, head = audit.log.read_bytes(), audit.head.read_bytes()
    for at in range(len(log)):
        spoilt = log[:at] + bytes([log[at] ^ 1]) + log[at + 1 :]
        wrong = check(spoilt, [("audit.head", head)], None).wrong
        number = log[:at].count(b"\n") + 1
        assert any(f"line {number}: " in one or f"line {number + 1}: " in one for one in wrong), (at, wrong)


def test_t9_each_byte_of_the_signed_head_altered_is_found(audit: Audit) -> None:
    log, head = audit.log.read_bytes(), audit.head.read_bytes().rstrip()
    for at in range(len(head)):
        for bit in (1, 4):
            spoilt = head[:at] + bytes([head[at] ^ bit]) + head[at + 1 :]
            same = head[at : at + 1].isalpha() and spoilt.lower() == head.lower()
            assert same or check(log, [("audit.head", spoilt)], None).wrong, at


def test_t9_a_line_taken_out_put_in_doubled_or_moved_is_found_and_named(audit: Audit) -> None:
    lines, head = audit.log.read_bytes().splitlines(keepends=True), audit.head.read_bytes()

    def wrong(changed: list[bytes]) -> str:
        return "; ".join(check(b"".join(changed), [("audit.head", head)], None).wrong)

    for at in range(len(lines) - 1):
        assert f"line {at + 1}: entry {at + 2} stands where entry {at + 1} is wanted" in wrong(
            lines[:at] + lines[at + 1 :]
        )
        assert f"line {at + 2}: entry {at + 1} stands" in wrong(lines[: at + 1] + lines[at:])
        moved = [*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]]
        assert f"line {at + 1}: entry {at + 2} stands" in wrong(moved)
    other = audit_of(audit.log.parent.parent / "other")
    for n in range(6):
        other.note("command", "eve", "operator", {"command": "load", "order": f"{n:02}"})
    foreign = other.log.read_bytes().splitlines(keepends=True)
    assert "line 4: entry 4 does not follow" in wrong([*lines[:3], foreign[3], *lines[4:]])
    assert "line 4: entry 3 stands" in wrong([*lines[:3], foreign[2], *lines[3:]])
    assert "signed by" in wrong(foreign)


def test_t9_a_tail_that_was_cut_is_found_and_nothing_is_written_after_it(audit: Audit) -> None:
    lines = audit.log.read_bytes().splitlines(keepends=True)
    for left in range(7):
        audit.log.write_bytes(b"".join(lines[:left]))
        assert any(f"the log ends with entry {left}: its tail was cut" in one for one in found(audit).wrong)
        for writer in (audit, audit_of(audit.log.parent)):
            with pytest.raises(ConfigurationError, match=r"entry 7 was signed.*first:"):
                writer.note("login", "eve", "operator", {})


def test_t9_a_chain_made_anew_without_the_key_is_found(audit: Audit) -> None:
    """Whoever can count hashes anew needs the key, or a head that fits."""
    forged = audit_of(audit.log.parent.parent / "forged")
    forged._files.create(forged._key_path, 1)
    whole = audit._key_path.read_bytes()
    forged._key_path.write_bytes(whole)
    for n in range(6):
        forged.note("command", "eve", "operator", {"command": "load", "order": f"{n:02}"})
    wrong = check(forged.log.read_bytes(), [("audit.head", audit.head.read_bytes())], None).wrong
    assert any("not the one that was signed" in one for one in wrong)


def test_t9_whoever_has_the_key_too_is_found_by_a_checkpoint_kept_elsewhere(audit: Audit, tmp_path: Path) -> None:
    """And only by that: log, head and key stand in one folder."""
    kept = audit.checkpoint()
    lines = audit.log.read_bytes().splitlines(keepends=True)
    audit.head.unlink()
    audit.log.write_bytes(lines[0])
    again = audit_of(audit.log.parent)
    again.note("login", "eve", "operator", {})
    assert found(again).wrong == []
    assert any("its tail was cut" in one for one in found(again, kept).wrong)
    for n in range(9):
        again.note("login", "eve", "operator", {"n": n})
    assert any("not the one that was signed" in one for one in found(again, kept).wrong)
    for path in audit.log.parent.iterdir():
        path.unlink()
    anew = audit_of(audit.log.parent)
    anew.note("login", "eve", "operator", {})
    assert any("signed by" in one for one in found(anew, kept).wrong)


@pytest.mark.parametrize("gone", ["log", "head", "_key_path"])
def test_t9_a_file_that_is_gone_is_said_and_no_new_log_is_begun(audit: Audit, gone: str) -> None:
    getattr(audit, gone).unlink()
    with pytest.raises(ConfigurationError, match="first:"):
        audit_of(audit.log.parent).note("login", "eve", "operator", {})
    if gone == "head":
        assert any("no signed head" in one for one in found(audit).wrong)


def test_t9_users_changed_by_another_way_are_found(audit: Audit, tmp_path: Path) -> None:
    rig = Rig(audit.log.parent)

    def noted(before: str, after: str) -> None:
        audit.note("users", "terminal", "", {"file_before": before, "file_after": after})

    rig.office.add("ada", "administrator", "plum harvest on tuesday", noted)

    def wrong() -> list[str]:
        users = rig.users.path.read_bytes() if rig.users.path.exists() else None
        return check(audit.log.read_bytes(), [("audit.head", audit.head.read_bytes())], users).wrong

    assert wrong() == []
    rig.users.path.write_bytes(rig.users.path.read_bytes().replace(b'"ada"', b'"eve"'))
    assert "altered by another way" in wrong()[0]
    rig.users.path.unlink()
    assert "is gone" in wrong()[0]


def test_words_with_line_ends_and_quotes_stay_one_line(audit: Audit) -> None:
    audit.note("command", "olga", "operator", {"reason": 'x"}\n{"n":9,"what":"forged"}\r\u2028\x00'})
    assert found(audit).wrong == []
    assert audit.log.read_bytes().count(b"\n") == 8
    last = json.loads(audit.log.read_text().splitlines()[-1])
    assert last["told"]["reason"].startswith('x"}\n')


@pytest.mark.parametrize(
    "what",
    [
        "TORN POWER",
        "SHORT",
        *(pytest.param(what, marks=pytest.mark.grid) for what in ("KILL", "TORN KILL", "POWER", "ENOSPC", "EIO")),
    ],
)
def test_t9_what_was_told_to_be_written_is_there_whatever_happens_at_whichever_call(tmp_path: Path, what: str) -> None:
    """Two crashes one after the other, too; and the next entry is written as if nothing had been, and the log is right."""
    call, ended = 0, False
    while not ended:
        call += 1
        folder = tmp_path / f"access{call}"
        told: list[int] = []
        ended = True
        for seed, struck in ((call, call), (call + 1000, 1 + call % 7)):
            disk = FaultyDisk(seed=seed, strikes=[Strike(struck, what)])
            audit = audit_of(folder, disk)
            for n in range(3):
                try:
                    told.append(audit.note("command", "olga", "operator", {"n": len(told) + n}))
                except Killed:
                    break
                except ConfigurationError as error:
                    assert "first:" in str(error)
            ended = ended and (not disk.struck or seed > 1000)
            disk.die(lambda: None)
            if "POWER" in what:
                disk.cut()
        audit = audit_of(folder)
        last = audit.note("login", "olga", "operator", {})
        right = found(audit)
        assert (right.wrong, right.after_the_last) == ([], 0), (call, disk.struck)
        assert right.entries == last
        lines = [
            json.loads(line)
            for line in audit.log.read_bytes().split(b"\n")
            if line.endswith(b'"}') and b'"hash"' in line
        ]
        assert set(told) <= {line["n"] for line in lines}
        assert all(one < other for one, other in pairwise(told))
    assert call > 15, "every call was struck once"
