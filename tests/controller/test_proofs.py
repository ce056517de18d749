"""A contact that is read open is told to the records, once in ten minutes and for each channel by itself; what is closed, or not read, is no proof."""

from __future__ import annotations

import msgspec
import pytest

from controller.proofs import AGAIN_S, NEEDED, PROVEN, Proofs
from hal.readings import Link, Readings, UnitStatus
from interlocks.look import NO_UNIT

CLOSED = sum(contact.value for contact in PROVEN)
GOOD = Link(1.0, False, 1, 1)


def read(now_s: float, a: int, b: int, link: Link = GOOD) -> Readings:
    unit: UnitStatus = msgspec.structs.replace(NO_UNIT, asked_at_s=now_s, contacts_a=a, contacts_b=b)
    return Readings(now_s, link, GOOD, unit=unit)


@pytest.mark.parametrize("contact", PROVEN)
def test_what_is_open_is_told_once_in_each_channel(contact: int) -> None:
    proofs, name = Proofs(), next(c.name for c in PROVEN if c == contact)
    assert proofs.opened(read(1.0, CLOSED, CLOSED)) == ""
    assert proofs.opened(read(2.0, CLOSED & ~contact, CLOSED)) == f"{name}.A"
    assert proofs.opened(read(2.01, CLOSED & ~contact, CLOSED & ~contact)) == f"{name}.B"
    assert proofs.opened(read(3.0, 0, 0)).split() == [n for n in NEEDED[0::2] if n != f"{name}.A"] + [
        n for n in NEEDED[1::2] if n != f"{name}.B"
    ]
    assert proofs.opened(read(4.0, 0, 0)) == ""
    assert set(proofs.opened(read(4.0 + AGAIN_S, 0, 0)).split()) == set(NEEDED)


def test_what_was_not_read_is_no_proof() -> None:
    proofs = Proofs()
    assert proofs.opened(Readings(1.0, GOOD, GOOD)) == ""
    assert proofs.opened(read(1.0, 0, 0, Link(0.0, True, 3, 0))) == ""
