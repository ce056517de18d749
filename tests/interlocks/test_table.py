"""The table of rules as it was designed, written down a second time: when each is asked, what it stands on, how long it may be false, and what follows.
Whoever changes a row changes it here too, or has slipped."""

from __future__ import annotations

import re

import msgspec
import pytest
from interlock_bench import CAPABILITIES, RULES, TICK_S

from hal.poll_plan import LATE_TICKS, LEAST_S, POLLS
from interlocks.look import FLAGS, MONITOR, SLOW, UNIT, When
from interlocks.rule import Rule
from interlocks.rules import (
    SLOW_LEAST_S,
    SOURCE_WORDS,
    SOURCES,
    T1_S,
    TABLE,
    distinct,
    level,
    reaction_s,
)
from interlocks.words import Clears, DoseFigures, House, Sent, Trip, Truth

DESIGNED = """
rule                   asked            needs         stands on      for s waits for  blocks and ends trip      when stale cleared by
emergency_stop         ALWAYS           unit          -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
door                   ALWAYS           unit          -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
key                    ALWAYS           unit          -              0     -          start beam KEY_OFF        TRIP_STOP  BY_ITSELF
applicator_contact     ALWAYS           unit          -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
applicator_code        SET_UP           unit          CODES          0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
filter_code            SET_UP           unit          CODES          0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
switch_released        NOT_ARMED        unit          -              0     -          start -    TRIP_STOP      TRIP_STOP  BY_ITSELF
switch_held            HELD_DOWN        unit          -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
switch_let_go          NOT_ARMED        unit          -              0     -          start -    TRIP_FAULT     TRIP_STOP  BY_SERVICE
contacts_agree         STANDING         unit          PAIRS          0.1   -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
contacts_agree_at_rest ALWAYS           unit          PAIRS          0.5   -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
test_pulse             ALWAYS           unit          TEST_PULSE     0.1   -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
generator_link         ALWAYS           monitor+flags -              0     -          start beam GEN_LOST       GEN_LOST   BY_OPERATOR
generator_identity     ALWAYS           -             -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
generator_fault        STANDING         flags         -              0     unit       start beam TRIP_FAULT     TRIP_STOP  BY_ITSELF
generator_clear        BEFORE_ARM       flags         -              0     -          start -    TRIP_STOP      TRIP_STOP  BY_ITSELF
generator_interlock    LINE             flags         -              0     unit       start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
kv_high                BEAM             monitor       -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
kv_low                 STEADY           monitor       -              0     unit+flags start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
ma_high                BEAM             monitor       -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
ma_low                 STEADY           monitor       -              0     unit+flags start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
kv_steady              STEADY           monitor       -              0.1   unit       start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
ma_steady              STEADY           monitor       -              0.2   unit       start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
beam_lost              BEAM             monitor+flags -              0     unit       start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
hv_uncommanded         NO_BEAM          -             -              0     -          start beam HV_UNCOMMANDED TRIP_STOP  BY_SERVICE
unit_link              ALWAYS           unit          -              0     -          start beam UNIT_LOST      UNIT_LOST  BY_OPERATOR
unit_identity          ALWAYS           -             -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
scan_true              ALWAYS           unit          SCAN           0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
boot_count             ALWAYS           unit          -              0     -          start beam UNIT_REBOOT    TRIP_STOP  BY_OPERATOR
unit_timer             TIMED            -             TIMER          0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
relay_mirrors          ALWAYS           unit          -              0.1   -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
mirrors_stay           STANDING         unit          -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
unit_latched           ALWAYS           unit          -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_ITSELF
presets_committed      SET_UP           unit          -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_ITSELF
read_back              CONFIRMED        -             -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_OPERATOR
active_crc             CONFIRMED        unit          -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_OPERATOR
set_points_held        CONFIRMED        monitor       -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_OPERATOR
lease_armed            HELD             unit          -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_ITSELF
lamp                   ALWAYS           unit          LAMPS          0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
chamber_supply         ALWAYS           unit          CHAMBER_SUPPLY 0     -          start beam TRIP_FAULT     TRIP_STOP  BY_PHYSICIST
chamber_saturation     ALWAYS           unit          CHAMBERS       0     -          start beam TRIP_FAULT     TRIP_STOP  BY_PHYSICIST
dose_rate_high         BEAM             -             CHAMBERS       0.02  -          start beam TRIP_FAULT     TRIP_STOP  BY_PHYSICIST
dose_rate_low          RATED            -             CHAMBERS       0.02  -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
no_signal              SIGNAL           unit          CHAMBERS       0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
no_dose                DOSE             unit          CHAMBERS       0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
dose_channels          DOSED            -             CHAMBERS       0     -          start beam TRIP_FAULT     TRIP_STOP  BY_PHYSICIST
dose_model             DOSED            -             -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_PHYSICIST
dose_timer             DOSED            -             CHAMBERS       0     -          start beam TRIP_FAULT     TRIP_STOP  BY_PHYSICIST
bad_samples            BEAM             -             -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_OPERATOR
backup_timer           CONFIRMED        unit          -              0     -          start beam TIME_END       TRIP_STOP  BY_PHYSICIST
overdue                BEAM             -             -              0     -          start beam TIME_END       TRIP_STOP  BY_PHYSICIST
air                    VENTED           unit+slow     AIR            0     -          start beam TRIP_STOP      TRIP_STOP  BY_ITSELF
k_tp_drift             CONFIRMED_VENTED slow          AIR            0     -          start beam TRIP_STOP      TRIP_STOP  BY_ITSELF
leakage                LEAKAGE          slow          CHAMBERS       1.5   -          start -    TRIP_STOP      TRIP_STOP  BY_ITSELF
leakage_at_start       BEFORE_ARM       slow          CHAMBERS       0     -          start -    TRIP_STOP      TRIP_STOP  BY_ITSELF
recorder_fresh         ALWAYS           -             -              0     -          start beam RECORDER_LOST  TRIP_STOP  BY_OPERATOR
desk_lease             SET_UP           -             -              0     -          start beam DESK_LOST      TRIP_STOP  BY_ITSELF
tick_late              ALWAYS           -             -              0     -          start beam TRIP_STOP      TRIP_STOP  BY_ITSELF
tick_gap               ALWAYS           -             -              0     -          start beam INTERNAL       TRIP_STOP  BY_OPERATOR
dose_kernel            ALWAYS           -             -              0     -          start beam INTERNAL       TRIP_STOP  BY_SERVICE
invariants_held        ALWAYS           -             -              0     -          start beam TRIP_FAULT     TRIP_STOP  BY_SERVICE
calibration_valid      BEFORE_ARM       -             -              0     -          start -    TRIP_STOP      TRIP_STOP  BY_ITSELF
"""
BITS = {"unit": UNIT, "slow": SLOW, "monitor": MONITOR, "flags": FLAGS}


def line(row: Rule) -> list[str]:
    """A row of the program, as this page writes it."""

    def names(bits: int) -> str:
        assert not bits & ~sum(BITS.values())
        return "+".join(name for name, bit in BITS.items() if bits & bit) or "-"

    return [
        row.id,
        row.when.name,
        names(row.needs),
        "+".join(part.name or "" for part in type(row.stands_on) if part & row.stands_on) or "-",
        f"{row.persists_for_s:g}",
        names(row.waits_for),
        "start" if row.blocks_start else "-",
        "beam" if row.while_beam else "-",
        row.trip.name,
        row.stale_trip.name,
        row.clears.name,
    ]


def test_every_row_is_as_it_was_designed() -> None:
    """All rows, in their order, and every property of each but its question and its words; those are asked in test_rules.py. Two values may not swing."""
    assert [line(row) for row in TABLE] == [text.split() for text in DESIGNED.strip().splitlines()[1:]]
    assert {row.id for row in TABLE if row.swings} == {"kv_steady", "ma_steady"}


def test_only_kv_and_ma_are_held_against_their_windows_while_they_swing() -> None:
    """Anywhere else a value that came back begins its persistence anew."""
    assert [row.id for row in TABLE if row.swings] == ["kv_steady", "ma_steady"]


def test_numbers_and_their_order_are_as_they_were_designed() -> None:
    """Records, the ring and the priority of trips carry these numbers."""
    assert {t.name: t.value for t in Truth} == {
        "TRUE": 0, "FALSE": 1, "STALE": 2, "ERROR": 3, "NOT_ASKED": 4, "NOT_FITTED": 5,
    }  # fmt: skip
    assert {t.name: t.value for t in Trip} == {
        "HV_UNCOMMANDED": 1, "INTERNAL": 3, "UNIT_LOST": 4, "UNIT_REBOOT": 5, "GEN_LOST": 6, "TRIP_FAULT": 7,
        "TRIP_STOP": 9, "KEY_OFF": 10, "RECORDER_LOST": 11, "DESK_LOST": 12, "TIME_END": 13,
    }  # fmt: skip
    assert {c.name: c.value for c in Clears} == {
        "BY_ITSELF": 0, "BY_OPERATOR": 1, "BY_PHYSICIST": 2, "BY_SERVICE": 3, "NEVER": 4,
    }  # fmt: skip
    assert [when.name for when in When] == [
        "ALWAYS",
        "SET_UP",
        "BEFORE_ARM",
        "VENTED",
        "NOT_ARMED",
        "CONFIRMED",
        "CONFIRMED_VENTED",
        "HELD",
        "HELD_DOWN",
        "NO_BEAM",
        "LEAKAGE",
        "BEAM",
        "STEADY",
        "TIMED",
        "DOSED",
        "SIGNAL",
        "DOSE",
        "RATED",
        "LINE",
        "STANDING",
        "NEVER",
    ]
    assert [when.value for when in When] == list(range(21))


def test_what_nobody_has_said_yet_is_as_it_was_designed() -> None:
    """What a house, a figure, a rule and what was sent are before anything is told: nothing given, nothing out, the kernel trusted until it fails."""
    house, dose, sent = House(1.0, 2.0, 3, 4.0), DoseFigures(), Sent()
    assert (house.tick_gap_s, house.kernel_ok, house.dose, house.sums) == (0.0, True, dose, "")
    assert (house.records_put, house.records_durable, house.token_acked, house.confirmed) == (None,) * 4
    assert msgspec.structs.astuple(dose) == (*(0.0,) * 7, None, None, 0, False)
    assert msgspec.structs.astuple(sent) == (0, "off", *(None,) * 8, "", None)
    row = Rule(
        id="r", hazards=(), when=When.ALWAYS, question=lambda _look: True, wrong=lambda _look: "w", first="f"
    )  # fmt: skip
    assert line(row) == ["r", "ALWAYS", "-", "-", "0", "-", "start", "beam", "TRIP_STOP", "TRIP_STOP", "BY_OPERATOR"]
    for stale, clears in (
        (Trip.UNIT_LOST, Clears.BY_SERVICE),
        (Trip.GEN_LOST, Clears.BY_SERVICE),
        (Trip.TRIP_FAULT, Clears.BY_ITSELF),
    ):
        told = msgspec.structs.replace(row, stale_trip=stale, clears=Clears.BY_SERVICE)
        assert told.stale_clears is clears


def test_bounds_of_age_are_as_they_were_designed() -> None:
    """T1 and how old a reading may get, and what each source is called; two rows of one id are refused by name."""
    assert (T1_S, LEAST_S, POLLS, LATE_TICKS, SLOW_LEAST_S) == (0.1, 0.05, 2.0, 2.0, 2.5)
    assert SOURCES == ((UNIT, "unit"), (SLOW, "slow"), (MONITOR, "monitor"), (FLAGS, "flags"))
    assert (UNIT, SLOW, MONITOR, FLAGS) == (1, 2, 4, 8)
    assert SOURCE_WORDS == {
        UNIT: "the safety unit's status",
        SLOW: "the safety unit's slow block",
        MONITOR: "the generator's kV and mA",
        FLAGS: "the generator's flags",
    }
    assert distinct(TABLE) == TABLE
    with pytest.raises(ValueError, match=re.escape("two rules have the same id: emergency_stop, key")):
        distinct((*TABLE, TABLE[0], TABLE[2]))


POLLED_S = {"unit": 0.03, "slow": 1.02, "monitor": 0.05, "flags": 0.04}


def test_the_worst_reaction_of_a_rule_is_its_oldest_reading_and_the_time_of_off() -> None:
    """Of every rule that ends a beam on a polled reading; none is claimed for one on the slow block, which guards a drift, or on nothing polled."""
    wanted = {}
    for text in DESIGNED.strip().splitlines()[1:]:
        name, _, needs, *_, ends, _, _, _ = text.split()
        if ends == "beam" and needs != "-" and "slow" not in needs:
            wanted[name] = max(POLLED_S[source] for source in needs.split("+")) + 0.02
    rig = msgspec.structs.replace(CAPABILITIES, worst_age_s=POLLED_S, off_s=0.02)
    assert reaction_s(RULES, rig) == pytest.approx(wanted)
    assert [wanted[name] for name in ("door", "generator_fault", "kv_high", "beam_lost")] == [0.05, 0.06, 0.07, 0.07]
    unknown = msgspec.structs.replace(rig, worst_age_s={})
    assert reaction_s(RULES, unknown) == dict.fromkeys(wanted, 0.02)


def test_of_what_a_rig_does_not_say_the_least_bound_is_taken() -> None:
    """A source without a worst age is never let grow older than the youngest that any rig has."""
    silent = level(msgspec.structs.replace(CAPABILITIES, worst_age_s={}), TICK_S)
    assert silent.stale_after_s == pytest.approx((0.05, 2.5, 0.05, 0.05))


def test_every_source_has_its_bound_or_no_rule_has_one() -> None:
    """Fewer or more bounds than sources is an error, never a rule without a bound."""
    for bounds in ((0.05, 2.5, 0.09), (0.05, 2.5, 0.09, 0.09, 1.0)):
        with pytest.raises(ValueError, match="zip"):
            msgspec.structs.replace(RULES, stale_after_s=bounds).stale_after(TABLE[0])


def test_what_is_asked_at_a_moment_is_worked_out_once() -> None:
    """A tick builds nothing: the same moment gives the same object."""
    rules, moment = level(CAPABILITIES, TICK_S), tuple(when is When.ALWAYS for when in When)
    assert rules.asked(moment) is rules.asked(moment)
