"""The second calculation against golden examples, and that a difference is seen.
The oracle numbers are computed by hand from R0, PDD and geometry, not from the controller."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from desk_by_hand import certificate, offer

from console import second_calculation as second
from controller.prescribed import Lead, Prescribed, SetUp
from hal.readings import Purpose, Termination


def order(prescribed: Prescribed, **changes: object) -> Prescribed:
    return msgspec.structs.replace(prescribed, **changes)


@pytest.mark.parametrize(
    ("gap_mm", "d0", "time_s"), [(0.0, 8536.6, 155.36), (1.0, None, 160.28), (-1.0, None, 150.51), (2.0, None, 165.29)]
)
def test_time_at_depth_and_gap(prescribed: Prescribed, gap_mm: float, d0: float | None, time_s: float) -> None:
    """7 Gy at 3.5 mm, PDD 82, R0 55 mGy/s, dt -0.145 s, effective distance 60 mm."""
    asked = order(prescribed, rx_mgy=7000.0, depth_mm=3.5, gap_mm=gap_mm)
    result = second.calculate(asked, certificate().combinations[0], 0.0)
    assert isinstance(result, second.Second)
    assert result.set_time_s == pytest.approx(time_s, abs=0.006)
    if d0 is not None:
        assert result.d0_mgy == pytest.approx(d0, abs=0.06)


def test_the_rest_of_an_interrupted_fraction(prescribed: Prescribed) -> None:
    """Stopped at 60.30 s: delivered 3308.5 mGy, the next time is 95.201 s."""
    asked = order(prescribed, rx_mgy=7000.0, depth_mm=3.5)
    result = second.calculate(asked, certificate().combinations[0], 0.055 * (60.30 - 0.145) * 1000)
    assert isinstance(result, second.Second)
    assert result.set_time_s == pytest.approx(95.201, abs=0.001)


def test_a7_nothing_is_offered_of_a_fraction_that_was_given(prescribed: Prescribed) -> None:
    """Hazard A7: a rest below 0 agreed with itself."""
    asked, used = order(prescribed, rx_mgy=7000.0, depth_mm=3.5), certificate().combinations[0]
    for given in (8536.6, 9000.0, float("nan")):
        assert "nothing is left" in str(second.calculate(asked, used, given))


def test_the_count_preset(prescribed: Prescribed) -> None:
    """(8536.585 - 1.5383) mGy at 20 uGy a count are 426752 counts, with no leakage."""
    used = msgspec.structs.replace(certificate().combinations[0], tail_mgy=1.5383, leak1_cps=0.0)
    result = second.calculate(order(prescribed, rx_mgy=7000.0, depth_mm=3.5), used, 0.0)
    assert isinstance(result, second.Second)
    assert round(result.counts) == 426752


def test_nothing_is_extrapolated(prescribed: Prescribed) -> None:
    used = certificate().combinations[0]
    assert "does not reach" in str(second.calculate(order(prescribed, depth_mm=4.1), used, 0.0))
    closed = msgspec.structs.replace(used, closed_end=True)
    assert "gap table" in str(second.calculate(order(prescribed, gap_mm=1.0), closed, 0.0))


def test_hazard_a12_a_cut_out_at_depth_is_never_calculated_by_the_open_fields_depth_dose(
    prescribed: Prescribed,
) -> None:
    """Whatever wrote the order: at the surface its factor is one of dose, behind it the smaller field gives less than the certificate's table says."""
    used = certificate().combinations[0]
    for factor, depth_mm in ((0.93, 3.5), (1.001, 0.001)):
        asked = order(prescribed, cutout_factor=factor, depth_mm=depth_mm)
        assert "first: have the physicist order the dose at the surface" in str(second.calculate(asked, used, 0.0))
    at_surface = second.calculate(order(prescribed, cutout_factor=0.93, depth_mm=0.0, rx_mgy=7000.0), used, 0.0)
    assert isinstance(at_surface, second.Second)
    assert (at_surface.factor, at_surface.skin_mgy) == (pytest.approx(0.93), pytest.approx(7000.0))


def test_hazard_a12_a_cut_out_at_depth_goes_by_its_own_depth_dose(prescribed: Prescribed) -> None:
    """By other code than the controller's; the factor is that of the cut-out that is named, and its table is not left."""
    lead = Lead("C12", 0.93, ((0.0, 100.0), (3.0, 76.0), (4.0, 68.0)))
    used = msgspec.structs.replace(certificate().combinations[0], leads=(lead,))
    asked = order(prescribed, rx_mgy=7000.0, depth_mm=3.5, set_up=SetUp(cutout_id="C12"), cutout_factor=0.93)
    found = second.calculate(asked, used, 0.0)
    assert isinstance(found, second.Second)
    assert (found.factor, found.skin_mgy) == (pytest.approx(0.72 * 0.93), pytest.approx(7000.0 / 0.72))
    for changes, words in (
        ({"cutout_factor": 0.97}, "C12 has 0.9300; first: write that of the cut-out that is used"),
        (
            {"set_up": SetUp(cutout_id="C10")},
            "0.93 of C10 at depth_mm = 3.5: the certificate's depth dose is of the open field",
        ),
        ({"depth_mm": 4.5}, "depth table does not reach it"),
    ):
        assert words in str(second.calculate(order(asked, **changes), used, 0.0))


def test_a2_a_combination_is_met_exactly_or_not_at_all(prescribed: Prescribed) -> None:
    assert "no combination" in str(second.checked(order(prescribed, kv=69.6), certificate(), offer(), None, False))


@pytest.mark.parametrize("purpose", [Purpose.TREAT, Purpose.DAILY, Purpose.WARMUP, Purpose.CALIBRATE, Purpose.DRY_RUN])
@pytest.mark.parametrize(
    ("made_by", "named"), [(b"\xab" * 32, "certificate abababababababab, "), (b"", "of an older program, which does not name it")]
)  # fmt: skip
def test_an_offer_by_another_certificate_is_held_against_nothing(
    prescribed: Prescribed, purpose: Purpose, made_by: bytes, named: str
) -> None:
    """Where a cap was lowered every figure agrees: kerma run was not started again, and the old cap would hold on."""
    asked = order(prescribed, purpose=purpose)
    said = second.checked(asked, certificate(), offer(certificate_sha256=made_by, purpose=purpose), None, False)
    assert isinstance(said, str) and named in said
    assert "which kerma run still has, and C-1 (0202020202020202) lies here; first: start kerma run again" in said


def test_an_offer_that_agrees(prescribed: Prescribed) -> None:
    lines = second.checked(prescribed, certificate(), offer(), None, False)
    assert not isinstance(lines, str)
    assert [line.name for line in lines if not line.agrees] == []
    assert {"set time", "count preset", "dose at the skin", "applicator", "tube voltage"} <= {
        line.name for line in lines
    }


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"rx_mgy": 956.0}, "dose at depth"),
        ({"d0_mgy": 1124.0}, "dose at the applicator (D0)"),
        ({"skin_mgy": 1111.0}, "dose at the skin"),
        ({"rest_mgy": 1124.0}, "rest of D0 in this segment"),
        ({"set_time_s": 20.68}, "set time"),
        ({"set_time_s": 20.47 - 0.145}, "set time"),  # an end effect left out
        ({"set_time_s": 20.25}, "set time"),
        ({"kv": 69.3}, "tube voltage"),
        ({"ma": 1.62}, "tube current"),
        ({"applicator_id": "A10"}, "applicator"),
        ({"filter_id": "F1"}, "filter"),
        ({"purpose": Purpose.DRY_RUN}, "purpose"),
        ({"termination": "time"}, "ends by"),
        ({"count_preset": 55500}, "count preset"),
        ({"set_time_s": float("nan")}, "set time"),
    ],
)
def test_a4_an_offer_that_differs_is_seen(prescribed: Prescribed, changes: dict[str, object], name: str) -> None:
    lines = second.checked(prescribed, certificate(), offer(**changes), None, False)
    assert not isinstance(lines, str)
    assert [line.name for line in lines if not line.agrees] == [name]


def test_a_resumed_offer_is_checked_against_what_the_records_say(prescribed: Prescribed) -> None:
    rest = offer(rest_mgy=617.647, set_time_s=11.37, count_preset=99999, segment=2)
    good = second.checked(prescribed, certificate(), rest, 500.0, True)
    bad = second.checked(prescribed, certificate(), rest, 600.0, True)
    own = second.checked(prescribed, certificate(), rest, None, True)
    assert not isinstance(good, str) and all(line.agrees for line in good)
    assert not isinstance(own, str) and all(line.agrees for line in own)
    assert not isinstance(bad, str)
    assert [line.name for line in bad if not line.agrees] == ["rest of D0 in this segment", "set time"]


def test_a_warm_up_ends_on_time_whatever_the_certificate_says(prescribed: Prescribed) -> None:
    asked = order(prescribed, purpose=Purpose.WARMUP)
    assert certificate().termination is Termination.MONITOR
    lines = second.checked(asked, certificate(), offer(purpose=Purpose.WARMUP, termination="time"), None, False)
    assert not isinstance(lines, str) and all(line.agrees for line in lines)


def test_a_line_is_frozen() -> None:
    line = second.Compared("a", "1", "1", True)
    assert replace(line, agrees=False) != line
