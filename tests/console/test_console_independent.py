"""The offered time is held against the physicist's typed table and against fraction 1: told, stopped, or refused in words where nothing is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from desk_by_hand import EXAMPLES, certificate, offer

from calibration.certificate import read_certificate
from calibration.time_table import EntryTable, TimesTable, TimeTable
from console import configuration
from console.second_calculation import Compared
from console.treat import independent
from console.treat.independent import Beside, beside, compared
from controller.prescribed import Lead, Prescribed, SetUp
from controller.tags import fraction_tag, plan_tag
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.overrides import Override
from records.sheets import Sheet, SheetKind, Signers, body

R0, DT = 55.0, -0.145


def order(prescribed: Prescribed, **changes: Any) -> Prescribed:
    return msgspec.structs.replace(prescribed, **({"rx_mgy": 7000.0, "depth_mm": 3.5} | changes))


def table(prescribed: Prescribed, by: float = 1.0, depth_mm: float = 3.5) -> TimesTable:
    """Typed times of 7 Gy at 3.5 mm, PDD 82, longer by a factor."""
    p = prescribed
    times = [TimeTable(rx_mgy=rx, set_time_s=(rx / 0.82 / R0 - DT) * by) for rx in (50.0, 7000.0, 9000.0)]
    entry = EntryTable(kv=p.kv, ma=p.ma, filter=p.filter_id, applicator=p.applicator_id, depth_mm=depth_mm, times=times)
    return TimesTable.model_construct(id="TT-1", entries=[entry])


def offered(set_s: float, **changes: Any) -> Any:
    return offer(**({"rx_mgy": 7000.0, "d0_mgy": 8536.585, "rest_mgy": 8536.585, "set_time_s": set_s} | changes))


@pytest.mark.parametrize(
    ("by", "agrees", "words"),
    [
        (1.0, True, "155.36 s"),
        (0.975, True, "+2.6 %: above 2 %"),
        (0.94, False, "+6.4 %: above 5 %"),
        (1.06, False, "-5.7 %: above 5 %"),
    ],
)  # fmt: skip
def test_a5_other_data_warn_and_stop(prescribed: Prescribed, by: float, agrees: bool, words: str) -> None:
    """Hazard A5: a certificate that is 6 % wrong agrees with itself, and not with the typed table."""
    asked = order(prescribed)
    lines = compared(asked, certificate(), offered(155.36), False, Beside(table(asked, by)))
    assert isinstance(lines, tuple)
    assert [(line.name, line.agrees) for line in lines] == [("set time, typed table", agrees)]
    assert words in lines[0].calculated


def test_a12_gap_cut_out_and_rest_are_put_in(prescribed: Prescribed) -> None:
    """E6's 160.28 s at a gap of 1 mm; a cut-out factor; and E9's 95.201 s for the rest after 60.30 s."""
    for changes, given in (
        ({"gap_mm": 1.0}, offered(160.28, d0_mgy=8807.6, rest_mgy=8807.6)),
        ({"cutout_factor": 0.9}, offered(8536.585 / 0.9 / R0 - DT)),
        ({}, offered(95.201, rest_mgy=8536.585 - R0 * (60.30 + DT))),
    ):
        asked = order(prescribed, **changes)
        lines = compared(asked, certificate(), given, False, Beside(table(asked)))
        assert isinstance(lines, tuple)
        assert lines[0].agrees
        assert "above" not in lines[0].calculated
        assert float(lines[0].calculated.split()[0]) == pytest.approx(given.set_time_s, abs=0.02)


@pytest.mark.parametrize(
    ("ordered", "measured", "agrees", "said"),
    [
        (0.93, (0.97, 0.932), [True], "0.97, 0.932"),
        (0.5, (0.97, 0.932), [False], "0.97, 0.932"),
        (0.93, (), [False], "none was measured in this applicator and beam"),
        (1.0, (), [], ""),
        (0.93, None, [], ""),
    ],
)  # fmt: skip
def test_a4_a_cut_out_is_one_that_was_measured(
    prescribed: Prescribed, ordered: float, measured: tuple[float, ...] | None, agrees: list[bool], said: str
) -> None:
    """Hazard A4: half of the factor is twice the time, and both second calculations take the factor as it is ordered."""
    asked = order(prescribed, cutout_factor=ordered)
    lines = compared(asked, certificate(), offered(155.36), False, Beside(cutouts=measured))
    assert isinstance(lines, tuple)
    assert [line.agrees for line in lines] == agrees
    assert [line.calculated for line in lines] == ([said] if said else [])


@pytest.mark.parametrize(
    ("measured", "agrees", "said"),
    [
        ((0.93,), False, "0.93"),
        ((0.996,), True, "0.996"),
        ((), False, "none was measured in this applicator and beam"),
    ],
)  # fmt: skip
def test_hazard_a4_a_cut_out_that_is_named_is_compared_also_where_its_factor_is_1(
    prescribed: Prescribed, measured: tuple[float, ...], agrees: bool, said: str
) -> None:
    """An order written by hand names L1 and has factor 1.0 at the surface: L1 was measured with 0.93, and by 1.0 the dose is 7 % less than was ordered."""
    asked = order(prescribed, depth_mm=0.0, set_up=SetUp(cutout_id="L1"), cutout_factor=1.0)
    lines = compared(asked, certificate(), offered(155.36), False, Beside(cutouts=measured))
    assert isinstance(lines, tuple)
    assert [(line.name, line.offered, line.calculated, line.agrees) for line in lines] == [
        ("cut-out factor", "1", said, agrees)
    ]


def test_a5_a12_a_cut_out_at_depth_is_held_against_the_typed_time_at_the_surface(prescribed: Prescribed) -> None:
    """The typed table is of the open field: 7 Gy at 3.5 mm under lead are 7 / 0.72 at the surface, and the table's time for those over 0.93 is compared."""
    lead = Lead("C12", 0.93, ((0.0, 100.0), (3.0, 76.0), (4.0, 68.0)))
    whole = certificate()
    whole = msgspec.structs.replace(
        whole, combinations=(msgspec.structs.replace(whole.combinations[0], leads=(lead,)),)
    )
    asked = order(prescribed, set_up=SetUp(cutout_id="C12"), cutout_factor=0.93)
    at_surface = [TimeTable(rx_mgy=rx, set_time_s=rx / R0 - DT) for rx in (50.0, 7000.0, 14000.0)]
    entry = table(asked).entries[0].model_copy(update={"depth_mm": 0.0, "times": at_surface})
    typed = TimesTable.model_construct(id="TT-1", entries=[entry])
    true_s = 7000.0 / (0.72 * 0.93) / R0 - DT
    for set_s, agrees in ((true_s, True), (7000.0 / (0.82 * 0.93) / R0 - DT, False)):
        lines = compared(asked, whole, offered(set_s), False, Beside(typed, cutouts=(0.93,)))
        assert isinstance(lines, tuple)
        assert [line.agrees for line in lines] == [agrees, True]
        assert float(lines[0].calculated.split()[0]) == pytest.approx(true_s, abs=0.02)
    assert "has no entry" in str(compared(asked, whole, offered(true_s), False, Beside(table(asked))))


def test_a5_no_entry_is_no_second_calculation(prescribed: Prescribed) -> None:
    asked = order(prescribed)
    said = compared(asked, certificate(), offered(155.36), False, Beside(table(asked, depth_mm=3.0)))
    assert "has no entry" in str(said)
    closed = msgspec.structs.replace(certificate().combinations[0], closed_end=True)
    shut = msgspec.structs.replace(certificate(), combinations=(closed,))
    assert "gap table" in str(
        compared(order(prescribed, gap_mm=1.0), shut, offered(155.36), False, Beside(table(asked)))
    )
    warmup = order(prescribed, purpose=Purpose.WARMUP)
    assert compared(warmup, certificate(), offered(155.36), False, Beside(table(asked))) == ()


@pytest.mark.parametrize(
    ("first_s", "agrees", "words"),
    [
        (155.0, True, "155.00 s"),
        (146.0, False, "needs the physicist (kerma sheet override)"),
        (165.0, False, "needs the physicist"),
        (140.0, False, "above 10 %: nobody may"),
    ],
)  # fmt: skip
def test_a1_a_time_off_fraction_1_is_stopped(prescribed: Prescribed, first_s: float, agrees: bool, words: str) -> None:
    """Hazard A1; the rest of an interrupted fraction is not a whole fraction's time, and is not compared."""
    asked = order(prescribed, fraction=2, fractions=6)
    lines = compared(asked, certificate(), offered(155.36), False, Beside(None, first_s))
    assert isinstance(lines, tuple)
    assert [(line.name, line.agrees) for line in lines] == [("set time, fraction 1", agrees)]
    assert words in lines[0].calculated
    assert compared(asked, certificate(), offered(155.36), True, Beside(None, first_s)) == ()
    unknown = compared(asked, certificate(), offered(155.36), False, Beside())
    assert isinstance(unknown, tuple)
    assert not unknown[0].agrees and unknown[0].calculated.startswith("not in these records: see that they are")
    begun = order(prescribed, fraction=2, fractions=6, version=2)
    anew = compared(begun, certificate(), offered(155.36), False, Beside())
    assert isinstance(anew, tuple) and anew[0].agrees and anew[0].calculated == "this version's first"


def test_a1_a_physicists_signed_word_on_this_fraction_and_this_time_lets_it_be_given(prescribed: Prescribed) -> None:
    """Between 5 and 10 %; another time, another key, and anything above 10 % stay stopped (hazard A1)."""
    key, other = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
    signers = Signers((key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),))
    asked = order(prescribed, fraction=2, fractions=6)
    word = Override(
        f"{fraction_tag(asked):016x}",
        f"{plan_tag(asked):016x}",
        certificate().sha256.hex(),
        155.36,
        146.0,
        "another gap",
    )

    def lines(of_first_s: float, by: Ed25519PrivateKey = key, **changed: Any) -> Compared:
        plain = Sheet(
            SheetKind.OVERRIDE, body(msgspec.structs.replace(word, **changed)), "P. One", "physicist", "", b""
        )
        sheet = msgspec.structs.replace(plain, ed25519=by.sign(plain.message))
        found = compared(asked, certificate(), offered(155.36), False, Beside(None, of_first_s, (sheet,), signers))
        assert isinstance(found, tuple)
        return found[0]

    assert lines(146.0).agrees and "P. One has signed for it" in lines(146.0).calculated
    assert not lines(146.0, other).agrees and not lines(146.0, set_time_s=155.5).agrees and not lines(146.1).agrees
    assert not lines(140.0, first_s=140.0).agrees and "above 10 %: nobody may" in lines(140.0, first_s=140.0).calculated


def test_a5_a_real_rig_treats_nobody_without_a_table(prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A simulated one may; a table that is named is read, or refused; fraction 1 is looked up for later fractions only."""
    rig = configuration.load(EXAMPLES / "rig.toml", 1000)
    asked: list[int] = []
    monkeypatch.setattr(independent, "first_set_time_s", lambda _rig, order: asked.append(order.fraction) or 155.0)
    checked = read_certificate(EXAMPLES / "certificate.toml", EXAMPLES / "physicist.pub")
    assert beside(rig, order(prescribed, fraction=1), checked, 1.8e9, False) == Beside()
    later = beside(rig, order(prescribed, fraction=2), checked, 1.8e9, False)
    assert (later.times, later.first_s, later.sheets) == (None, 155.0, ()) and len(later.signers.physicists) == 1
    assert beside(rig, order(prescribed, fraction=2), checked, 1.8e9, True) == Beside()
    assert asked == [2]
    real = replace(rig, file=rig.file.model_copy(update={"rig": rig.file.rig.model_copy(update={"simulated": False})}))
    with pytest.raises(ConfigurationError, match=r"certificate\.time_table is missing; first: have the physicist"):
        beside(real, order(prescribed), checked, 1.8e9, False)
    with pytest.raises(ConfigurationError, match=r"none\.toml: cannot be read"):
        beside(replace(rig, time_table=Path("none.toml")), order(prescribed), checked, 1.8e9, False)
