"""Beam that belongs to no exposure, tick by tick: what of the unit's memory is not known, who may take it in, and when a piece of it is written down."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decide_bench import CONTACTS, LOST, SERVICE, open_fraction, readings, statement, verdict
from dose_bench import certificate

from controller import stray
from controller.entries import Stray
from controller.requests import Adopt
from controller.stray import Uncommanded, adopt_refused, adopted, highest_mgy, unknown_token
from hal.readings import Cause, UnitState
from interlocks.words import Clears, Finding, Trip, Truth, Verdict

CERTIFICATE = certificate()
WALL_S = 1_800_000_000.0
ADOPT = Adopt("service", "S. Engineer", "the records were lost")
KNOWN = statement(reset_due_token=40, opens=(open_fraction(41),))


def test_bounds_and_names_are_those_that_records_keep() -> None:
    """docs/dose.md; the kinds of an entry are read by every later program."""
    assert (stray.RULE, stray.ADOPTED, stray.UNCOMMANDED) == ("hv_uncommanded", "adopted", "uncommanded")
    assert (stray.UNSEEN_S, stray.QUIET_S, stray.PIECE_S, stray.COUNTED_S) == (0.3, 0.5, 1.0, 10.0)
    assert (stray.FULL, stray.AIR_MOST) == (65535, 2.0)


# What the unit retains


@pytest.mark.parametrize(("token", "unknown"), [(0, 0), (1, 1), (40, 0), (41, 0), (42, 42)])
def test_a_retained_token_is_unknown_when_no_record_has_it(token: int, unknown: int) -> None:
    """0 is none; one that is open, or whose reset is due, is known."""
    assert unknown_token(readings(unit_token=token), KNOWN) == unknown


def test_what_was_not_heard_or_still_runs_is_not_unknown() -> None:
    """No unit, no records, a link that is lost, or a beam that goes on."""
    assert unknown_token(readings(unit=None), KNOWN) == 0
    assert unknown_token(readings(unit_token=42), None) == 0
    assert unknown_token(readings(unit_token=42, unit_link=LOST), KNOWN) == 0
    assert unknown_token(readings(unit_token=42, unit_state=int(UnitState.RUN)), KNOWN) == 0
    assert unknown_token(readings(unit_token=42, unit_state=int(UnitState.ENDED)), KNOWN) == 42


def retained(**changes: Any) -> Any:
    """A unit that retains exposure 42, its key in SERVICE."""
    return readings(**({"unit_token": 42, "unit_contacts_a": SERVICE, "unit_contacts_b": SERVICE} | changes))


@pytest.mark.parametrize(
    ("request_", "changes", "words"),
    [
        (ADOPT, {}, ""),
        (Adopt("physicist", "S.", "lost"), {}, "needs the role service, a name and a reason"),
        (Adopt("service", " ", "lost"), {}, "needs the role service, a name and a reason"),
        (Adopt("service", "S.", " "), {}, "needs the role service, a name and a reason"),
        (ADOPT, {"unit": None}, "has not been read"),
        (ADOPT, {"slow": None}, "has not been read"),
        (ADOPT, {"unit_token": 41}, "retains nothing that the records do not know"),
        (ADOPT, {"unit_contacts_a": CONTACTS}, "the key is not in SERVICE"),
        (ADOPT, {"unit_contacts_b": CONTACTS}, "the key is not in SERVICE"),
    ],
    ids=str,
)
def test_service_takes_in_what_no_record_knows_with_the_key_in_service(
    request_: Adopt, changes: dict[str, Any], words: str
) -> None:
    """Anything lacking is named."""
    refused = adopt_refused(request_, retained(**changes), KNOWN)
    assert words in refused
    assert bool(refused) is bool(words)


@pytest.mark.parametrize(
    ("beam_ms", "k1_ms", "cause", "open_s"),
    [
        (3000, 2500, Cause.COUNT_PRESET, 0.0),
        (2500, 3000, Cause.DOOR, 0.0),
        (3000, 0, Cause.RATE, 0.07),
        (3000, 0, Cause.FILTER, 0.07),
    ],
)
def test_a_retained_exposure_is_taken_in_with_its_highest_dose(
    beam_ms: int, k1_ms: int, cause: Cause, open_s: float
) -> None:
    """By the longer of its two times; where its filter may have been gone, at the highest rate until the contactor had opened. Nothing is its low bound."""
    r = retained(
        unit_beam_ms=beam_ms, unit_counts_1=700, unit_counts_2=800, unit_first_cause=int(cause), slow_k1_ms=k1_ms, slow_fraction_tag=7,
    )  # fmt: skip
    high = highest_mgy(CERTIFICATE, 3.0, 700, 800, open_s)
    told = adopted(ADOPT, r, CERTIFICATE, WALL_S)
    assert told is not None
    assert told.high_mgy == pytest.approx(high)
    assert msgspec.structs.replace(told, high_mgy=0.0) == Stray(
        "adopted", 42, 7, 3.0, 700, 800, 0.0, 0.0, "S. Engineer", "the records were lost", WALL_S
    )


@pytest.mark.parametrize("counts", [(50_000, 0), (0, 50_000)])
def test_a_retained_exposure_s_counts_bound_its_dose_where_its_time_says_less(counts: tuple[int, int]) -> None:
    """Each channel's own, with what a count of it is worth."""
    told = adopted(ADOPT, retained(unit_counts_1=counts[0], unit_counts_2=counts[1]), CERTIFICATE, WALL_S)
    assert told is not None
    assert (told.seconds, told.counts_1, told.counts_2) == (0.0, *counts)
    assert told.high_mgy == pytest.approx(highest_mgy(CERTIFICATE, 0.0, *counts, 0.0))


def test_what_was_not_read_is_not_taken_in() -> None:
    assert adopted(ADOPT, retained(unit=None), CERTIFICATE, WALL_S) is None
    assert adopted(ADOPT, retained(slow=None), CERTIFICATE, WALL_S) is None


# High voltage that nobody asked for


def found(rule: str = "hv_uncommanded", truth: Truth = Truth.FALSE) -> Verdict:
    """A verdict with this finding, and another before it."""
    door = Finding("door", Truth.FALSE, Trip.TRIP_STOP, Clears.BY_OPERATOR, "words")
    return verdict(door, Finding(rule, truth, Trip.HV_UNCOMMANDED, Clears.BY_SERVICE, "words"))


SEEN = found()
NOTHING = verdict()


def follow(
    of: Uncommanded,
    at_s: float,
    told: Verdict = NOTHING,
    exposing: bool = False,
    unsettled: bool = False,
    **changes: Any,
) -> Stray | None:
    """One tick; without a slow block unless one is given."""
    given = changes if any(name.startswith("slow") for name in changes) else changes | {"slow": None}
    return of.follow(readings(now_s=at_s, **given), told, exposing, unsettled, CERTIFICATE, WALL_S)


def entry(seconds: float, counts_1: int = 0, counts_2: int = 0, saturated_s: float = 0.0, tails: int = 1) -> Stray:
    """What is written of a piece so long."""
    high = highest_mgy(CERTIFICATE, seconds, counts_1, counts_2, saturated_s, tails)
    return Stray("uncommanded", 0, 0, seconds, counts_1, counts_2, 0.0, high, "", "", WALL_S)


def same(one: Stray | None, other: Stray) -> bool:
    """Equal but for the last bits of times and doses."""
    assert one is not None
    assert one.seconds == pytest.approx(other.seconds)
    assert one.high_mgy == pytest.approx(other.high_mgy)
    return msgspec.structs.replace(one, seconds=0.0, high_mgy=0.0) == msgspec.structs.replace(
        other, seconds=0.0, high_mgy=0.0
    )


def test_one_sign_is_written_down_once_it_has_been_quiet_for_half_a_second() -> None:
    """As long as it may have lasted unseen, before and after; then it is forgotten."""
    of = Uncommanded()
    assert follow(of, 99.0) is None
    assert follow(of, 100.0, SEEN) is None
    assert follow(of, 100.484375) is None
    assert same(follow(of, 100.5), entry(0.6))
    assert follow(of, 101.5) is None
    assert follow(of, 200.0, SEEN) is None
    assert same(follow(of, 200.5), entry(0.6))


def test_it_lasts_from_the_first_sign_to_the_last() -> None:
    """Whatever lies between, while it is no half second."""
    of = Uncommanded()
    for at_s, told in ((100.0, SEEN), (100.25, NOTHING), (100.5, SEEN), (100.75, SEEN), (100.984375, NOTHING)):
        assert follow(of, at_s, told) is None
    assert same(follow(of, 101.25), entry(1.35))


def test_beam_that_lasts_is_written_down_every_second() -> None:
    """What may have passed unseen, and the tail, stand in the first piece; the next goes on where that ended, so that nothing is there twice or nowhere."""
    of = Uncommanded()
    pieces = [told for step in range(17) if (told := follow(of, 100.0 + 0.25 * step, SEEN)) is not None]
    assert len(pieces) == 4
    assert same(pieces[0], entry(1.6))
    for piece in pieces[1:]:
        assert same(piece, entry(1.0, tails=0))
    assert follow(of, 104.25, SEEN) is None
    assert same(follow(of, 104.75), entry(0.25, tails=0))
    assert follow(of, 106.0) is None
    follow(of, 200.0, SEEN)
    assert same(follow(of, 200.5), entry(0.6)), "a beam of later has its own"


def test_counts_go_on_from_piece_to_piece() -> None:
    """A window of the unit's rates that lies over the end of a piece is in the next one."""
    of = Uncommanded()
    follow(of, 100.0, SEEN)
    first = follow(of, 101.0, SEEN, slow_asked_at_s=100.9, slow_rate_1=100, slow_rate_2=0)
    follow(of, 101.25, SEEN, slow_asked_at_s=101.1, slow_rate_1=100, slow_rate_2=0)
    last = follow(of, 101.75)
    assert first is not None and last is not None
    assert (first.counts_1, last.counts_1) == (1200, 200), "in windows of 100 ms from 0.3 s before the first sign"


def test_what_is_not_written_down_yet_can_be_asked_for_once() -> None:
    """As the process ends."""
    of = Uncommanded()
    assert of.rest(CERTIFICATE, WALL_S) is None
    follow(of, 100.0, SEEN)
    follow(of, 100.25, SEEN)
    assert same(of.rest(CERTIFICATE, WALL_S), entry(0.85))
    assert of.rest(CERTIFICATE, WALL_S) is None


def test_beam_that_the_unit_counts_is_looked_at_for_longer() -> None:
    """Of a process before, with counters that move: it is no piece after a second, as its own record will have it."""
    of = Uncommanded()
    told = [
        follow(of, 100.0 + 0.25 * step, SEEN, unsettled=True, unit_counts_1=5 + step, unit_counts_2=6)
        for step in range(39)
    ]
    assert told == [None] * 39
    assert of.rest(CERTIFICATE, WALL_S) is None


@pytest.mark.parametrize(
    "told", [NOTHING, found("hv_expected"), found(truth=Truth.ERROR)], ids=["quiet", "another rule", "not judged"]
)
def test_only_the_rule_s_own_no_is_a_sign(told: Verdict) -> None:
    of = Uncommanded()
    assert follow(of, 100.0, told) is None
    assert follow(of, 101.0) is None


def test_what_an_exposure_s_own_record_counts_is_none_of_it() -> None:
    """No piece begins in an exposure, and one that has begun is not made longer by it."""
    of = Uncommanded()
    assert follow(of, 100.0, SEEN, exposing=True) is None
    assert follow(of, 101.0) is None
    follow(of, 102.0, SEEN)
    follow(of, 102.25, SEEN, exposing=True)
    assert same(follow(of, 102.5), entry(0.6))


def test_counts_are_the_unit_s_rates_for_the_time_since_they_were_last_read() -> None:
    """From what may have passed unseen before the first sign; a rate of before that, or one that is read again, adds nothing."""
    of = Uncommanded()
    follow(of, 100.0, SEEN, slow_asked_at_s=99.5, slow_rate_1=1000, slow_rate_2=1000)
    follow(of, 100.25, SEEN, slow_asked_at_s=100.2, slow_rate_1=8, slow_rate_2=16)
    follow(of, 100.375, SEEN, slow_asked_at_s=100.2, slow_rate_1=8, slow_rate_2=16)
    follow(of, 100.5, SEEN, slow_asked_at_s=100.4, slow_rate_1=3, slow_rate_2=1)
    assert same(follow(of, 101.0), entry(1.1, 5 * 8 + 2 * 3, 5 * 16 + 2 * 1))
    follow(of, 200.0, SEEN)
    assert same(follow(of, 200.5), entry(0.6)), "counts of the piece before are forgotten"


def test_many_counts_bound_the_dose_where_time_says_less() -> None:
    """Channel 1's and channel 2's."""
    for name, counts in (("slow_rate_1", (50_000, 0)), ("slow_rate_2", (0, 50_000))):
        of = Uncommanded()
        follow(of, 100.0, SEEN)
        follow(of, 100.25, NOTHING, **{"slow_asked_at_s": 100.2, "slow_rate_1": 0, "slow_rate_2": 0} | {name: 10_000})
        assert same(follow(of, 100.5), entry(0.6, *counts))


@pytest.mark.parametrize("rates", [(65535, 16), (8, 65535)])
def test_a_rate_that_is_full_is_time_at_the_highest_rate(rates: tuple[int, int]) -> None:
    """Neither channel's counts of that time are believed; the next are, from there on."""
    of = Uncommanded()
    follow(of, 100.0, SEEN)
    follow(of, 100.125, SEEN, slow_asked_at_s=100.0, slow_rate_1=rates[0], slow_rate_2=rates[1])
    follow(of, 100.25, SEEN, slow_asked_at_s=100.2, slow_rate_1=rates[0], slow_rate_2=rates[1])
    follow(of, 100.5, SEEN, slow_asked_at_s=100.4, slow_rate_1=8, slow_rate_2=16)
    assert same(follow(of, 101.0), entry(1.1, 16, 32, 0.5))
    follow(of, 200.0, SEEN)
    assert same(follow(of, 200.5), entry(0.6)), "saturated time of the piece before is forgotten"


@pytest.mark.parametrize(
    ("unsettled", "before", "after", "written"),
    [
        (True, (5, 6), (9, 6), False),
        (True, (5, 6), (5, 9), False),
        (True, (5, 6), (5, 6), True),
        (False, (5, 6), (9, 9), True),
        (True, None, (9, 9), True),
        (True, (5, 6), None, True),
    ],
)
def test_beam_that_a_process_before_began_is_counted_by_its_own_record(
    unsettled: bool, before: tuple[int, int] | None, after: tuple[int, int] | None, written: bool
) -> None:
    """Where the unit's counters move until the self-test has settled it; where they stand still, or were not heard, it is written here."""

    def unit(counts: tuple[int, int] | None) -> dict[str, Any]:
        return {"unit": None} if counts is None else {"unit_counts_1": counts[0], "unit_counts_2": counts[1]}

    of = Uncommanded()
    follow(of, 100.0, SEEN, unsettled=unsettled, **unit(before))
    told = follow(of, 100.5, NOTHING, unsettled=unsettled, **unit(after))
    assert (told is not None) is written
    assert follow(of, 101.5) is None
