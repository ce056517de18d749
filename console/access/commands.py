"""`kerma users` and `kerma audit`: words for people at the machine's own terminal, which belongs to whoever may write the records.
Each change stands in the audit before it is made; what a user or an entry is, other rooms say."""

from __future__ import annotations

import getpass
import json
import os
import pwd
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.table import Table

from console import screen
from console.access import beside, folder, marks
from console.access import day_key as day
from console.access.passwords import Hasher
from console.access.people import Office
from console.exit_codes import Exit
from console.kept import rig_of, stamp
from console.treat.plain_words import PlainConsole
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from records.approved import LOG

WRONG: Final = 1
"""`kerma audit verify` where something is wrong; the number is part of its contract."""
TERMINAL: Final = "terminal"


def listed(config: Path | None, as_json: bool) -> Exit:
    """Name, role and ways in; no hash is shown."""
    users, _ = folder.opened(rig_of(config).records, SystemClock())
    rows = [
        {
            "name": one.name,
            "role": one.role,
            "enabled": one.enabled,
            "badge": bool(one.badge),
            "made": stamp(one.made_s),
        }
        for one in users.book().users
    ]
    if as_json:
        print(json.dumps(rows))
        return Exit.AS_INTENDED
    table = Table("name", "role", "lets in", "made")
    for row in rows:
        ways = "password or badge" if row["badge"] else "password"
        table.add_row(str(row["name"]), str(row["role"]), ways if row["enabled"] else "DISABLED", str(row["made"]))
    if rows:
        PlainConsole().print(table)
    else:
        print("there are no users; first: kerma users add NAME --role administrator")
    return Exit.AS_INTENDED


def changed(config: Path | None, do: str, name: str, role: str = "") -> Exit:
    """One change of one user. Raises ConfigurationError."""
    rig = rig_of(config)
    users, audit = folder.opened(rig.records, SystemClock())
    office = Office(users, Hasher(), SystemClock().wall)

    def noted(before: str, after: str) -> None:
        by = pwd.getpwuid(os.getuid()).pw_name
        told: dict[str, str] = {"do": do, "name": name, "by": by, "file_before": before, "file_after": after}
        audit.note("users", TERMINAL, "", told | ({"role": role} if role else {}))

    if do not in ("add",) and users.book().named(name) is None:
        raise ConfigurationError(f"there is no user {name}; first: kerma users list")
    work: dict[str, Callable[[], None]] = {
        "add": lambda: office.add(name, role, twice(f"password of {name}"), noted),
        "role": lambda: office.role(name, role, noted),
        "password": lambda: office.password(name, twice(f"password of {name}"), noted),
        "badge": lambda: office.badge(name, hidden(f"badge of {name} (read it now)"), twice("PIN"), noted),
        "no badge": lambda: office.badge(name, "", "", noted),
        "disable": lambda: office.enabled(name, False, noted),
        "enable": lambda: office.enabled(name, True, noted),
    }
    work[do]()
    print(f"{screen.banner(rig.simulated, rig.name)}\n{name}: {do} {role}".rstrip())
    return Exit.AS_INTENDED


def hidden(words: str) -> str:
    """One line that is not shown. Raises ConfigurationError where nobody types: a secret comes from no pipe and no command line."""
    if not sys.stdin.isatty():
        raise ConfigurationError("a secret is typed at a terminal, and this is none; first: run it at one")
    return getpass.getpass(f"{words}: ")


def twice(words: str) -> str:
    """The same, typed twice."""
    secret = hidden(words)
    if hidden(f"{words}, again") != secret:
        raise ConfigurationError("the two are not the same; first: type it anew")
    return secret


def verify(config: Path | None, kept: list[Path], key: str, as_json: bool) -> int:
    """Whether anybody altered the audit, and where."""
    rig = rig_of(config)
    found = folder.looked(rig.records, kept, key.lower())
    chains = beside.compared(rig.records)
    if found is None:
        print(f"{rig.records / folder.FOLDER}: no audit was ever begun here")
        for one in chains.wrong():
            print(f"WRONG  {one}")
        return WRONG if kept or chains.wrong() else Exit.AS_INTENDED
    found.wrong += chains.wrong()
    with PlainConsole(stderr=True).status("the journal is held against what the audit says of it"):
        found.wrong += marks.every(rig.records)
    if as_json:
        print(
            json.dumps(
                {
                    "entries": found.entries,
                    "key": found.key,
                    "after_the_last": found.after_the_last,
                    "wrong": found.wrong,
                }
            )
        )
    else:
        log = rig.records / folder.FOLDER / LOG
        print(f"{log}: {found.entries} entries, key {found.key}, {found.after_the_last} after the last checkpoint")
        for one in found.wrong:
            print(f"WRONG  {one}")
        print(
            "something is wrong; first: keep the folder as it is, and find out who was there"
            if found.wrong
            else "nothing was altered"
        )
    return WRONG if found.wrong else Exit.AS_INTENDED


def chains(config: Path | None, as_json: bool) -> int:
    """Each chain beside the records against what the audit says was made in it."""
    rig = rig_of(config)
    found = beside.compared(rig.records)
    wrong = found.wrong()
    if as_json:
        rows = [{"chain": name, "entries": made.entries, "told": found.told[name]} for name, made in found.made.items()]
        print(json.dumps({"chains": rows, "wrong": wrong, "notes": list(found.notes)}))
        return WRONG if wrong else Exit.AS_INTENDED
    for name, made in found.made.items():
        print(
            f"{rig.records / name}: {made.entries} entries; the audit says that {found.told[name]} things were done in it"
        )
    for mark, lines in (("WRONG", wrong), ("NOTE", found.notes)):
        for line in lines:
            print(f"{mark:<5}  {line}")
    print(
        "something is wrong; first: keep every folder as it is, look for the newer one, and find out who was there: kerma audit verify"
        if wrong
        else "nothing is gone, and nothing is there that the audit never heard of"
    )
    return WRONG if wrong else Exit.AS_INTENDED


def checkpoint(config: Path | None, out: Path) -> Exit:
    """The signed head as a new file; that it was taken stands in the audit, and under this very signature."""
    rig = rig_of(config)
    _, audit = folder.opened(rig.records, SystemClock())
    new = marks.newest(rig.records)
    if new is not None and not marks.lacking(rig.records):
        audit.note(marks.NOTED, TERMINAL, "", {"record": new.record, "sha256": new.sha256})
    audit.note("checkpoint", TERMINAL, "", {"by": pwd.getpwuid(os.getuid()).pw_name})
    data = audit.checkpoint()
    _new_file(out, data)
    head = json.loads(data)
    print(f"{out}: entry {head['n']}, key {head['key']}; keep it elsewhere")
    return Exit.AS_INTENDED


def day_key(config: Path | None, out: Path) -> Exit:
    """The console's key for a day's check, made where there is none, and its public half as a new file; whose signatures count says the rig file alone."""
    rig = rig_of(config)
    _, audit = folder.opened(rig.records, SystemClock())
    audit.note("day key", TERMINAL, "", {"by": pwd.getpwuid(os.getuid()).pw_name, "out": str(out)})
    _new_file(out, day.made(rig.records))
    print(
        f"{screen.banner(rig.simulated, rig.name)}\n{out}: write its block into the file that [daily] signers of {rig.path} names, and into no other; "
        "then start kerma run and kerma console again: from then on whoever logs in as operator or physicist signs the day's check with the own secret"
    )
    return Exit.AS_INTENDED


def _new_file(out: Path, data: bytes) -> None:
    """Nothing is ever written over. Raises ConfigurationError."""
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written ({error.strerror}); first: name a new file") from error


def accept_records(config: Path | None) -> Exit:
    """The journal as it stands, although the audit says that it held more; a person types so at the machine's own terminal, and it stands in the audit."""
    rig = rig_of(config)
    lost, new = marks.lacking(rig.records), marks.newest(rig.records)
    if not lost:
        raise ConfigurationError("the journal is the one that was marked last: there is nothing to accept")
    if new is None:
        raise ConfigurationError(
            f"{lost}\nthere are no records now; first: start kerma run, which makes the database, then ask again"
        )
    print(lost)
    if asked(f"take the journal as it is, up to record {new.record}; type yes: ").strip().lower() != "yes":
        raise ConfigurationError("nothing was changed")
    _, audit = folder.opened(rig.records, SystemClock())
    audit.note(marks.ACCEPTED, TERMINAL, "", {"record": new.record, "sha256": new.sha256})
    print(f"accepted up to record {new.record}; it stands in the audit")
    return Exit.AS_INTENDED


def asked(words: str) -> str:
    """One line, typed at a terminal."""
    if not sys.stdin.isatty():
        raise ConfigurationError("standard input is no terminal; first: ask at the machine's own terminal")
    return input(words)


def show(config: Path | None, last: int, as_json: bool) -> Exit:
    """The newest entries as they stand; kerma audit verify says whether they are what was written."""
    path = rig_of(config).records / folder.FOLDER / LOG
    try:
        lines = path.read_bytes().split(b"\n")[:-1][-last:]
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror}); first: kerma audit verify") from error
    console = PlainConsole()
    for line in lines:
        try:
            entry = json.loads(line)
            told = " ".join(f"{name}={value}" for name, value in entry["told"].items() if not name.startswith("file_"))
            shown = f"{entry['n']:>6}  {stamp(entry['wall_s'])}  {entry['who']:<16} {entry['what']}  {told}"
        except (ValueError, KeyError, TypeError, AttributeError):
            entry, shown = {"damaged": line.decode("utf-8", "replace")}, "DAMAGED  kerma audit verify says where"
        if as_json:
            print(json.dumps(entry))
        else:
            console.print(shown)
    return Exit.AS_INTENDED
