"""Readings typed in by a person: what is understood, to the last digit, and everything that is refused, with words that say what to write."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hal import registry
from hal.electrometer import Hold, Interval, MeterReading, MeterState, Reset, SetRange, Start, Unit, Zero
from hal.electrometers import manual
from hal.electrometers.manual import Entry, ManualElectrometer, parse
from hal.registry import ElectrometerSetting
from hal.transport import Pipe
from hal.units import Seconds

WHEN = "2026-11-28T14:05Z"
WALL_S = datetime(2026, 11, 28, 14, 6, tzinfo=UTC).timestamp()
GOOD = ("6.4105", "nC", "0.2", "M. Curie", WHEN)


def parsed(**changes: str) -> Entry | str:
    names = ("value", "unit", "uncertainty_pct", "who", "when")
    return parse(**(dict(zip(names, GOOD, strict=True)) | changes), now_wall_s=WALL_S)


def nothing_is_opened(_link: str, _baud: int) -> Pipe:
    raise AssertionError("a manual electrometer opens nothing")


def meter(serial: str = "123456") -> ManualElectrometer:
    setting = ElectrometerSetting("", 0, "UNIDOS Tango", serial, 0.0, 0.01, False)
    return ManualElectrometer(setting, nothing_is_opened)


def test_a_whole_entry_is_understood() -> None:
    """6.4105 nC with 0.2 % is 6.4105e-9 C with 1.2821e-11 C."""
    entry = parsed()
    assert isinstance(entry, Entry)
    assert entry.value == pytest.approx(6.4105e-9, rel=1e-15) and entry.unit is Unit.COULOMB
    assert entry.uncertainty == pytest.approx(1.2821e-11, rel=1e-12)
    assert (entry.who, entry.at_wall_s) == ("M. Curie", WALL_S - 60.0)


@pytest.mark.parametrize("unit", manual.UNITS)
def test_every_unit_by_its_power_of_ten(unit: str) -> None:
    powers = {"u": -6, "n": -9, "p": -12, "m": -3}
    entry = parsed(value="-2.5", unit=unit)
    assert isinstance(entry, Entry)
    assert entry.value == pytest.approx(-2.5 * 10.0 ** powers.get(unit[0], 0), rel=1e-12)
    assert entry.unit.value == unit.lstrip("unpm") and entry.uncertainty > 0.0


@pytest.mark.parametrize("text", ["1", "0.5", "+3.25", "-6.4282", "123456789.123456789", "6.41E-9", "1e2"])
def test_plain_numbers(text: str) -> None:
    entry = parsed(value=text, unit="C")
    assert isinstance(entry, Entry) and entry.value == float(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "nan", "NaN", "inf", "-Infinity", "OL", "overload", "1_000", "1 000", "0x10", "1.", ".5", "--1", "1e",
        "1e999", "6.4 nC", "६.4", "1\n", " 1", "1/3",
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused(text: str) -> None:
    for name in ("value", "uncertainty_pct"):
        said = parsed(**{name: text})
        assert isinstance(said, str) and repr(text) in said and "first: " in said


@pytest.mark.parametrize("text", ["6,4105", "1,000.5", "6.410,5", ","])
def test_a_comma_is_refused_and_never_guessed_at(text: str) -> None:
    said = parsed(value=text)
    assert isinstance(said, str) and "comma" in said and "first: " in said


@pytest.mark.parametrize("unit", ["", "nc", "NC", "n C", "µC", "kGy", "Gy/min", "R", "rad", "V", "nC "])
def test_no_unit_or_another_is_refused(unit: str) -> None:
    said = parsed(unit=unit)
    assert isinstance(said, str) and repr(unit) in said and "nC" in said


@pytest.mark.parametrize("text", ["0", "-0.5", "100.1", "0.0"])
def test_an_uncertainty_of_nothing_or_more_than_all_is_refused(text: str) -> None:
    said = parsed(uncertainty_pct=text)
    assert isinstance(said, str) and "100 %" in said


def test_zero_is_no_reading() -> None:
    assert isinstance(parsed(value="0.0"), str)


@pytest.mark.parametrize("who", ["", " ", "x" * 65, "a\nb", " Curie", "Curie ", "\t"])
def test_somebody_must_have_read_it(who: str) -> None:
    said = parsed(who=who)
    assert isinstance(said, str) and "name" in said


@pytest.mark.parametrize("who", ["Q", "Marie Skłodowska-Curie", "x" * 64])
def test_names(who: str) -> None:
    assert isinstance(parsed(who=who), Entry)


@pytest.mark.parametrize(
    "when",
    [
        "", "now", "2026-11-28", "2026-11-28T14:05", "14:05Z", "2026-13-01T00:00Z", "2026-02-30T00:00Z", "28.11.2026 14:05", "2026-11-28T25:00Z",
        "2026-11-28T14:05 Z",
    ],
)  # fmt: skip
def test_a_time_without_date_or_zone_is_refused(when: str) -> None:
    said = parsed(when=when)
    assert isinstance(said, str) and repr(when) in said


def test_times_of_any_zone_are_one_time_and_the_future_is_refused() -> None:
    for when in ("2026-11-28T15:05+01:00", "2026-11-28 14:05:00Z", "2026-11-28T09:05-05:00"):
        entry = parsed(when=when)
        assert isinstance(entry, Entry) and entry.at_wall_s == WALL_S - 60.0
    said = parsed(when="2026-11-28T14:08Z")
    assert isinstance(said, str) and "120 s ahead" in said
    assert isinstance(parsed(when="2026-11-28T14:07Z"), Entry), "clocks may differ by a minute"


def test_an_entry_becomes_the_reading_with_its_uncertainty() -> None:
    typed, entry, rate = meter(), parsed(), parsed(value="0.1069", unit="nA", uncertainty_pct="1")
    assert isinstance(entry, Entry) and isinstance(rate, Entry)
    assert typed.reading is None and typed.type_in(entry, Seconds(5.0)) and typed.entry == entry
    assert typed.reading == MeterReading(
        5.0, MeterState.HELD, entry.value, Unit.COULOMB, None, None, settled=True, uncertainty=entry.uncertainty
    )
    assert typed.type_in(rate, Seconds(6.0)) and typed.reading.integral is None
    assert (typed.reading.rate, typed.reading.rate_unit) == (pytest.approx(1.069e-10), Unit.AMPERE)
    assert not typed.link(Seconds(1e6)).lost and typed.link(Seconds(9.0)).last_good_s == 6.0


def test_an_electrometer_without_a_serial_number_takes_no_reading() -> None:
    """Its calibration factor holds for one number only."""
    typed, entry = meter(serial=""), parsed()
    assert isinstance(entry, Entry) and not typed.identified
    assert not typed.type_in(entry, Seconds(5.0)) and typed.reading is None
    assert typed.refusal is not None and "serial number" in typed.refusal.words


@pytest.mark.parametrize("order", [Start(), Hold(), Reset(), Zero(), Interval(60), SetRange("LOW")])
def test_orders_are_a_persons_to_carry_out(order: object) -> None:
    typed = meter()
    typed.ask(Seconds(1.0), True)
    typed.take(Seconds(1.0))
    assert not typed.want(order, Seconds(2.0)) and typed.pending is None  # type: ignore[arg-type]
    assert typed.refusal is not None and "type in what it shows" in typed.refusal.words and typed.done is None


def test_it_is_a_driver_like_another_and_says_that_it_has_no_wire() -> None:
    driver = registry.electrometer("manual")
    setting = ElectrometerSetting("", 0, "any", "7", 0.0, 0.01, False)
    assert isinstance(driver.make(setting, nothing_is_opened), ManualElectrometer)
    assert driver.wires == () and driver.polls(setting) == () and driver.worst_age_s(setting) == {}
    assert driver.decode(False, b"\xff") and not driver.zeroes and driver.interval_most_s == 0
