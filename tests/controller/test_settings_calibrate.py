"""A calibration's settings: a name plate serves nothing else, the charge of an exposure and of an hour is bounded, and the unit's limits are wide."""

from __future__ import annotations

import msgspec
import pytest
from dose_bench import LIMITS, RIG, WALL_S, at_rest, certificate, clearance, combination, made, prescribed

from controller.prescribed import Certificate, Prescribed
from controller.settings import Refusal, Settings, make_settings
from hal.readings import Purpose
from interlocks.limits import ABSOLUTE, MODES, check_terms, narrow

PLATE = certificate(provisional=True)
COLD_RIG = msgspec.structs.replace(RIG, not_cold="")


def order(seconds: float, **changes: object) -> Prescribed:
    """So many seconds at the surface."""
    beam = {"purpose": Purpose.CALIBRATE, "rx_mgy": 55.0 * (seconds - 0.145), "depth_mm": 0.0, "approved_by": ()}
    return prescribed(**(beam | changes))


def settings(p: Prescribed, cert: Certificate = PLATE, hour_mas: float = 0.0) -> Settings | Refusal:
    return make_settings(p, cert, clearance(p, hour_mas=hour_mas), LIMITS, at_rest(), RIG, WALL_S)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_name_plate_serves_calibration_and_nothing_that_stands_on_a_dose(purpose: Purpose) -> None:
    """Hazard A1: numbers that nobody measured never treat, whoever asks and whatever the file is called."""
    if purpose is Purpose.DRY_RUN:
        asked = order(20.0, purpose=purpose, ma=0.0, rx_mgy=0.0)
        result = make_settings(asked, PLATE, clearance(asked), LIMITS, at_rest(), COLD_RIG, WALL_S)
    else:
        result = settings(order(20.0, purpose=purpose, approved_by=("dr",)))
    if purpose in (Purpose.CALIBRATE, Purpose.DRY_RUN):
        assert isinstance(result, Settings)
    else:
        assert not isinstance(result, Settings)
        assert any("is provisional" in words and f"{purpose.name} needs a signed one" in words for words in result)


def test_the_time_is_what_was_asked_and_the_unit_holds_it() -> None:
    result = settings(order(20.0))
    assert isinstance(result, Settings)
    assert (result.set_time_s, result.timer_preset_ms) == (20.0, 20_000)
    assert result.k1_limit_ms < 21_000


def test_what_if_the_tube_gives_three_times_the_plate() -> None:
    """The timer ends it after the same seconds; the unit's counters and its rate comparator would end it at four times, a treatment's at 1.5."""
    calibration, treatment = settings(order(20.0)), made(p=prescribed(), cert=certificate())
    assert isinstance(calibration, Settings)
    counts = 20.0 * 55.0 / 0.02
    assert 3.0 * counts < calibration.count_preset_1 < 4.3 * counts
    assert 3.0 * counts < calibration.count_limit_2 < 4.4 * counts
    assert calibration.rate_limit_per_10ms == pytest.approx(4.0 * 27.5, abs=1)
    assert treatment.rate_limit_per_10ms == pytest.approx(1.5 * 27.5, abs=1)


@pytest.mark.parametrize(
    ("seconds", "before", "words"),
    [(187.5, 0.0, ""), (187.6, 0.0, "mas = "), (60.0, 2904.0, ""), (60.0, 2904.1, "mas_hour = ")],
)
def test_g26_the_charge_of_an_exposure_and_of_an_hour_is_bounded(seconds: float, before: float, words: str) -> None:
    """1.6 mA: 300 mAs are 187.5 s; 60 s are 96 mAs of the hour's 3000."""
    result = settings(order(seconds), hour_mas=before)
    if words:
        assert not isinstance(result, Settings) and any(one.startswith(words) for one in result)
    else:
        assert isinstance(result, Settings)


def test_the_gate_asks_for_the_charge_too() -> None:
    """What the settings let through by a mistake, the gate's own look at the terms does not."""
    result = settings(order(60.0))
    assert isinstance(result, Settings)
    limits = narrow(ABSOLUTE, LIMITS, MODES[Purpose.CALIBRATE])
    assert check_terms(limits, result.terms) == ()
    longer = msgspec.structs.replace(result.terms, set_time_s=187.6, timer_limit_s=187.6)
    assert any(words.startswith("mas = ") for words in check_terms(limits, longer))


def test_windows_are_about_what_the_meters_were_certified_to_show() -> None:
    """A bleeder's current is in every reading of mA: the rules and the model stand on the certified read-back, the generator is set to the set-point."""
    c = combination(kv_read=69.4, ma_read=1.67)
    plain, read = made(cert=certificate()), made(cert=certificate(c))
    assert (read.terms.kv, read.terms.ma) == (69.4, 1.67)
    assert (plain.terms.kv, plain.terms.ma) == (69.5, 1.6)
    assert read.plan == plain.plan
