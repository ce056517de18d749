"""What counts as a change on each generator's wire, in the tables of the trace: questions are none, OFF is one, and so is every other order."""

from __future__ import annotations

import pytest

from verification.rigs import BEAMS
from verification.trace import CHANGES, DISARM_BYTES, ON_BYTES, UNIT_CHANGES

SAID: tuple[tuple[str, bytes, bytes, bytes], ...] = (
    ("spellman-xrv", b"\x0226,l\x03\x0223,o\x03", b"\x0298,0,G\x03", b"\x0210,2846,s\x03"),
    ("spellman-xrv", b"\x0226,\x03\x0223,\x03", b"\x0298,0,\x03", b"\x0210,2846,\x03"),
    ("spellman-dxm", b"\x0226,l\x03\x0260,n\x03", b"\x0298,0,G\x03", b"\x0299,1,E\x03"),
    ("spellman-ux", b"\x0220,r\x03", b"\x0299,0,F\x03", b"\x0211,2048,x\x03"),
    ("spellman-xrb011", b"\x0219,j\x03", b"\x0299,0,F\x03", b"\x0228,1,M\x03"),
    ("spellman-xrb80", b"\x02VMON;E\r\n\x02WDTT;B\r\n", b"\x02ENBL 0;T\r\n", b"\x02WDTE 1;@\r\n"),
    ("seifert-3003", b"ID\nSR:01\nTA:1\n", b"HV:0\nCS:1\n", b"SV:069500\n"),
    ("genix3d", b"\0\1\0\0\0\6\1\1\0\xd2\0\x1e\0\2\0\0\0\6\1\3\0\x32\0\2", b"\0\3\0\0\0\6\1\5\0\xfb\0\0", b"\0\3\0\0\0\6\1\5\0\xf8\xff\0"),
    ("technix", b"E\ra1\r", b"P6,1\r", b"d1,2846\r"),
)  # fmt: skip
"""Driver, questions, OFF, another order; as seen on the wires of sound runs."""


def test_every_generator_that_can_be_played_is_in_the_tables() -> None:
    """A generator whose orders nobody knows would be judged by nothing."""
    assert set(CHANGES) == set(ON_BYTES) == {name for name, *_ in SAID} == set(BEAMS)


@pytest.mark.parametrize(
    ("driver", "asked", "off", "order"), SAID, ids=[f"{row[0]} {number}" for number, row in enumerate(SAID)]
)
def test_off_is_told_from_a_question_and_from_another_order(
    driver: str, asked: bytes, off: bytes, order: bytes
) -> None:
    """In one stream, whatever was asked before, and not before an order is whole."""
    changes, begins = CHANGES[driver]
    assert changes.search(asked) is None
    first, other = changes.search(asked + off + order), changes.search(asked + order + off)
    assert first is not None and first[0].startswith(begins)
    assert other is not None and not other[0].startswith(begins)
    assert changes.search(asked + off[: len(begins) // 2]) is None


@pytest.mark.parametrize(
    ("kind", "head"),
    [*(("tcp", bytes((0, number, 0, 0, 0, 6))) for number in (2, 5, 6, 15, 16)), ("rtu", b"")],
)
def test_the_units_writes_are_changes_and_its_polls_are_none(kind: str, head: bytes) -> None:
    """DISARM among them; a poll or a renewal writes and reads in one (function 23)."""
    changes = UNIT_CHANGES[kind]
    disarm, staging = changes.search(head + b"\1\6\2\x10\0\1"), changes.search(head + b"\1\x10\3\0\0\x1c")
    assert disarm is not None and disarm[1].startswith(DISARM_BYTES[0])
    assert staging is not None and not staging[1].startswith(DISARM_BYTES[0])
    assert changes.search(head + b"\1\3\0\0\0\x1e") is None
    assert changes.search(head + b"\1\x17\0\x20\0\x1e\2\0\0\x08\x10\5\2\0\6\2\x10") is None
