"""The users' file: one line cannot be wrong unseen, the last administrator stays, and a kill, a power cut or a full disk at any call leaves old or new."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from access_by_hand import SECRET, Rig, quiet

from console.access import whole_file
from console.access.users import Users
from hal.errors import ConfigurationError
from records.files import PosixFiles
from verification.disk import FaultyDisk, Killed, Strike


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "access").staffed()


def refused(do: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as raised:
        do()
    return str(raised.value)


def test_the_file_is_its_users_alone_and_holds_no_secret(rig: Rig) -> None:
    assert stat.S_IMODE(rig.users.path.stat().st_mode) == 0o600
    assert SECRET not in rig.users.path.read_text()
    assert sorted(path.name for path in rig.users.path.parent.iterdir()) == ["users.json", "users.lock"]


def test_the_last_administrator_stays(rig: Rig) -> None:
    assert "last administrator" in refused(lambda: rig.office.role("ada", "operator", quiet))
    assert "last administrator" in refused(lambda: rig.office.enabled("ada", False, quiet))
    rig.office.role("paul", "administrator", quiet)
    rig.office.enabled("ada", False, quiet)
    assert "last administrator" in refused(lambda: rig.office.enabled("paul", False, quiet))
    rig.office.password("paul", SECRET + "!", quiet)


def test_names_are_given_once_and_roles_are_known(rig: Rig, tmp_path: Path) -> None:
    rig.office.enabled("olga", False, quiet)
    assert "never given twice" in refused(lambda: rig.office.add("olga", "operator", SECRET, quiet))
    for name in ("Olga", "o", "", "a b", "../x", "nobody", "terminal", "x" * 33, "olga\n", "1st"):
        assert "cannot be had" in refused(lambda name=name: rig.office.add(name, "operator", SECRET, quiet))
    assert "no role" in refused(lambda: rig.office.add("otto", "root", SECRET, quiet))
    assert "no role" in refused(lambda: rig.office.role("olga", "nobody", quiet))
    assert "no user" in refused(lambda: rig.office.role("otto", "operator", quiet))
    empty = Rig(tmp_path / "new")
    assert "must be an administrator" in refused(lambda: empty.office.add("olga", "operator", SECRET, quiet))


def test_a_change_that_cannot_be_told_is_not_made(rig: Rig) -> None:
    before = rig.users.path.read_bytes()

    def nobody_hears(_before: str, _after: str) -> None:
        raise ConfigurationError("the audit cannot be written")

    assert "audit" in refused(lambda: rig.office.role("olga", "service", nobody_hears))
    assert rig.users.path.read_bytes() == before


def test_a_change_by_another_process_counts_at_once(rig: Rig) -> None:
    other = Rig(rig.users.path.parent)
    cookie = rig.enter("olga")
    other.office.enabled("olga", False, quiet)
    assert rig.people.who(cookie, False) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw[:0], lambda raw: raw[:-40], lambda raw: raw.replace(b'"operator"', b'"captain"'), lambda raw: raw.replace(b'"paul"', b'"olga"'),
        lambda raw: raw.replace(b'"administrator"', b'"operator"'), lambda raw: raw.replace(b'"format": 1', b'"format": 2'),
        lambda raw: raw.replace(b'"stamp"', b'"stomp"'),
    ],
)  # fmt: skip
def test_t4_a_damaged_file_lets_nobody_in_and_is_no_first_run(rig: Rig, spoil: Callable[[bytes], bytes]) -> None:
    cookie = rig.enter("ada")
    rig.users.path.write_bytes(spoil(rig.users.path.read_bytes()))
    assert not rig.people.first_run
    assert rig.people.who(cookie, False) is None
    assert "first:" in rig.enter("ada")
    assert "first:" in refused(lambda: rig.office.add("eve", "administrator", SECRET, quiet))


def test_t14_a_file_that_others_may_read_lets_nobody_in(rig: Rig) -> None:
    rig.users.path.chmod(0o640)
    assert "0600" in rig.enter("ada")


def changed(folder: Path, disk: FaultyDisk) -> None:
    """One change on this disk."""
    Rig(folder, disk).office.role("olga", "service", quiet)


@pytest.mark.parametrize("what", ["KILL", "TORN KILL", "POWER", "TORN POWER", "ENOSPC", "EIO", "SHORT"])
def test_the_file_is_old_or_new_whatever_happens_at_whichever_call(tmp_path: Path, what: str) -> None:
    """And after it the next change is made as if nothing had been."""
    whole = Rig(tmp_path / "whole").staffed().users.path.read_bytes()
    call, ended = 0, False
    while not ended:
        call += 1
        folder = tmp_path / f"access{call}"
        rig = Rig(folder)
        whole_file.put(PosixFiles(), rig.users.path, whole)
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        made = False
        try:
            changed(folder, disk)
            made = True
        except Killed:
            disk.die(lambda: None)
        except ConfigurationError as error:
            assert "first:" in str(error)
        ended = not disk.struck
        if "POWER" in what:
            disk.cut()
        roles = {one.name: one.role for one in Users(folder, PosixFiles()).book().users}
        assert roles["olga"] in (("service",) if made else ("operator", "service")), disk.struck
        assert made or roles["olga"] == "service" or rig.users.path.read_bytes() == whole
        Rig(folder).office.role("olga", "physicist", quiet)
        assert stat.S_IMODE(rig.users.path.stat().st_mode) == 0o600
        assert not [path for path in folder.iterdir() if path.suffix == ".new"]
    assert call > 6, "every call was struck once"


def test_nothing_in_the_file_is_left_unread(rig: Rig) -> None:
    document = msgspec.json.decode(rig.users.path.read_bytes())
    assert set(document) == {"format", "salt", "users"}
    assert set(document["users"][1]) == {"name", "role", "password", "stamp", "made_s", "enabled", "badge", "pin"}
