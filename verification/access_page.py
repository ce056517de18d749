"""The table of roles as people read it, made from the console's own data.
It judges no cell; tests/console/test_access_table.py does."""

from __future__ import annotations

from console.access.table import EVERYBODY, GROUPS, KEYS, MODES, TABLE, TWO_PERSONS, Row

HEADS = ("command", "what it is", *EVERYBODY, "mode", "key", "state", "audit", "secret again")


def access_table() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """One row for each command."""
    return HEADS, [_row(row) for row in TABLE]


def _row(row: Row) -> tuple[str, ...]:
    roles = tuple("yes" if role in row.roles else "" for role in EVERYBODY)
    two = [state for command, state in TWO_PERSONS if command == row.command]
    what = row.what + "".join(f"; out of {state} by two persons" for state in two)
    return (
        f"`{row.command}`", what, *roles, _all(row.modes, MODES), _all(row.keys, KEYS), _all(row.groups, tuple(GROUPS)),
        "first" if row.starts else "",
        "yes" if row.again else "",
    )  # fmt: skip


def _all(named: tuple[str, ...], every: tuple[str, ...]) -> str:
    return "any" if named == every else ", ".join(name.replace("_", " ") for name in named)


def groups_table() -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Which states give the same leave."""
    rows: list[tuple[str, ...]] = [
        (name.replace("_", " "), ", ".join(states) or "the desk does not answer") for name, states in GROUPS.items()
    ]
    return ("state in the table", "states of the machine"), rows
