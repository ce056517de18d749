"""From "load this" to settings or words: the records are asked once, only their answer to this very query counts, and silence is a refusal."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decide_bench import NOW, statement
from dose_bench import LIMITS, RIG, WALL_S, at_rest, certificate, clearance, prescribed

from controller.admission import ANSWER_S, Admission, Site, judge_clearance, query_for
from controller.prescribed import Clearance
from controller.requests import Edit, Load, Resume
from controller.settings import Settings, fraction_tag, plan_tag

P = prescribed()
LOAD = Load(P, "op")
RESUME = Resume(P, "op", "go on", physicist=True)
SITE = Site(LIMITS, RIG)
ASKED = Admission(request=LOAD, query_seq=17, asked_at_s=NOW - 1.0)


def answered(pending: Admission = ASKED, answer: Clearance | None = None, **changes: Any) -> Admission:
    """What comes of this answer."""
    said = statement(clearance=answer)
    return judge_clearance(pending, said, changes.pop("readings", at_rest(NOW)), certificate(), SITE)


def test_the_query_names_everything_that_the_records_judge_by() -> None:
    """Fraction, file, certificate, software and the process's own wall time; a physicist and a reason only with a resume."""
    q = query_for(RESUME, 17, certificate(), "1.2", 5.0)
    assert (q.query_seq, q.fraction_tag, q.plan_tag) == (17, fraction_tag(P), plan_tag(P))
    assert (q.resume, q.physicist, q.reason) == (True, True, "go on")
    assert (q.certificate_sha256, q.software_version, q.wall_s) == (certificate().sha256, "1.2", 5.0)
    q = query_for(LOAD, 18, certificate(), "1.2", 5.0)
    assert (q.resume, q.physicist, q.reason) == (False, False, "")


def test_a_clearance_makes_settings() -> None:
    """The good case."""
    told = answered(answer=clearance(P, query_seq=17))
    assert isinstance(told.settings, Settings)
    assert told.refused == ""


def test_only_the_answer_to_this_query_counts() -> None:
    """An older or later answer, or none, is waited over; after 3 s that is a refusal which asks after the recorder."""
    for answer in (None, clearance(P, query_seq=16), clearance(P, query_seq=18)):
        assert answered(answer=answer) == ASKED
        late = msgspec.structs.replace(ASKED, asked_at_s=NOW - ANSWER_S - 0.01)
        assert "recorder did not answer" in answered(late, answer).refused
    assert judge_clearance(ASKED, None, at_rest(NOW), certificate(), SITE) == ASKED


def test_the_units_slow_block_must_be_later_than_the_request() -> None:
    """What it says of the contactor's time may be of the fraction before, which was reset since; one that never comes is a refusal after 3 s."""
    r = at_rest(NOW)
    assert r.slow is not None
    old = msgspec.structs.replace(r, slow=msgspec.structs.replace(r.slow, asked_at_s=NOW - 1.01))
    assert answered(answer=clearance(P, query_seq=17), readings=old) == ASKED
    overdue = msgspec.structs.replace(ASKED, asked_at_s=NOW - ANSWER_S - 0.01)
    older = msgspec.structs.replace(r, slow=msgspec.structs.replace(r.slow, asked_at_s=NOW - 9.0))
    assert "slow block" in answered(overdue, clearance(P, query_seq=17), readings=older).refused


def test_before_the_query_nothing_is_judged() -> None:
    """An answer that lies about from before is not taken."""
    fresh = Admission(request=LOAD)
    assert answered(fresh, clearance(P, query_seq=0)) == fresh


def test_what_was_judged_stays_judged() -> None:
    """Settings or refusal once made are not made again from another answer."""
    told = answered(answer=clearance(P, query_seq=17))
    assert answered(told, clearance(P, query_seq=17, refused="no")) is told
    refused = answered(answer=clearance(P, query_seq=17, refused="no"))
    assert refused.refused == "no"
    assert answered(refused, clearance(P, query_seq=17)) is refused


def test_a_begun_fraction_is_resumed_and_an_unbegun_one_is_loaded() -> None:
    """LOAD over an open fraction and RESUME of one that is not open are refused, whatever the records forgot to say."""
    assert "resume it" in answered(answer=clearance(P, query_seq=17, open=True)).refused
    resume = msgspec.structs.replace(ASKED, request=RESUME)
    assert "nothing to resume" in answered(resume, clearance(P, query_seq=17)).refused


@pytest.mark.parametrize("missing", ["unit", "slow"])
def test_without_the_unit_nothing_is_worked_out(missing: str) -> None:
    """Refused with what to wait for."""
    r = msgspec.structs.replace(at_rest(NOW), **{missing: None})
    assert "not been read" in answered(answer=clearance(P, query_seq=17), readings=r).refused


def test_another_request_is_never_settings() -> None:
    """Only LOAD and RESUME can be admitted."""
    odd = msgspec.structs.replace(ASKED, request=Edit())
    assert answered(odd, clearance(P, query_seq=17)).settings is None


def test_every_reason_of_the_settings_is_passed_on() -> None:
    """Out of range twice: both named."""
    bad = msgspec.structs.replace(P, depth_mm=99.0, cutout_factor=7.0)
    pending = msgspec.structs.replace(ASKED, request=Load(bad, "op"))
    words = answered(pending, clearance(bad, query_seq=17)).refused
    assert "depth" in words
    assert "cut-out" in words


def test_wall_time_is_the_records() -> None:
    """A certificate that has expired by the records' clock is refused though nothing else knows the time."""
    late = clearance(P, query_seq=17, wall_s=WALL_S + 2e6)
    assert "expired" in answered(answer=late).refused
