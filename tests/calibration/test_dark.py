"""Counts in the dark: the mean with its chance, a chamber that leaks, what comes and goes, and that a typed number beside a finished session is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from calibration.given import GIVES, facts_of, lacking
from calibration.procedures.dark import N, counted, dark, dark_procedure, words
from calibration.procedures.engine import after
from calibration.procedures.parts import Setting
from calibration.procedures.session import ACCEPT, Confirmed, Connected, Expose, Exposed, Recorded, Session
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from tests.calibration.measured_bench import AT
from verification.benched import dark_session, warmed
from verification.calibrated import Physicist

pytestmark = pytest.mark.timeout(60)
PROCEDURE = dark_procedure(Setting(69.5, 1.6, "F2", "A20"))


def counting(*counts_1: float, seconds: float | None = 7.0) -> Session:
    """A session whose exposures counted so in channel 1, 4 each in the others, and 2 each in channel 2."""
    session, _ = after(Session("dark-a20.20260601T120000.abcd", PROCEDURE), Connected("dark", AT))
    for n in (*counts_1, *[4.0] * N)[:N]:
        session, _ = after(session, Confirmed("dark", AT, session.next_token))
        assert session.shot is not None
        record = Recorded(counts_1=n, counts_2=2.0, counted_s=seconds)
        session, effects = after(session, Exposed("dark", AT, session.shot.token, 5.0, "complete", record))
        assert not effects.refused, effects
    return session


def ended(session: Session) -> tuple[Session, str]:
    session, effects = after(session, Confirmed("dark", AT, ACCEPT))
    return session, effects.refused


def test_a_count_has_its_chance_and_a_chamber_that_counts_nothing_a_bound() -> None:
    """The bound of 95 in 100 by the tables of Poisson's law: 3.00 of no count, 54.3 of 42."""
    nothing = counted(0.0, 84.0)
    assert nothing.cps == 0.0 and nothing.most_cps * 84.0 == pytest.approx(3.0, abs=0.05)
    some = counted(42.0, 84.0)
    assert (
        some.cps == 0.5
        and some.u_cps == pytest.approx(0.078, abs=0.001)
        and some.most_cps * 84.0 == pytest.approx(54.3, abs=0.2)
    )
    with pytest.raises(ValueError, match="does not say for how long"):
        counted(42.0, 0.0)


def test_both_channels_are_found_at_the_bench() -> None:
    """The bench's chambers count 0.5 and 0.3 a second of nothing."""
    who = Physicist(QuickBench(unknown(3), 3))
    warmed(who.bench)
    session = dark_session(who)
    found = dark(session)
    for one, true in ((found.one, 0.5), (found.two, 0.3)):
        assert abs(one.cps - true) < 2.0 * one.u_cps < 0.4 and one.cps < one.most_cps
    assert "counts a second, u 0." in words(session) and session.void == ""


def test_hazard_a6_a_chamber_that_leaks_and_what_comes_and_goes_are_refused() -> None:
    assert ended(counting())[1] == ""
    assert "above 5; dry or clean the chamber" in ended(counting(*[40.0] * N))[1]
    assert "exposure 3 counted 30 in channel 1" in ended(counting(4.0, 4.0, 30.0))[1]
    assert after(*begun(seconds=None))[0].shots[-1].spoiled == "the record holds no counted_s"


def begun(seconds: float | None) -> tuple[Session, Exposed]:
    session, _ = after(Session("S", PROCEDURE), Connected("dark", AT))
    session, effects = after(session, Confirmed("dark", AT, session.next_token))
    assert isinstance(effects.do, Expose) and (effects.do.how, effects.do.ma, effects.do.kv) == ("cold", 0.0, 69.5)
    return session, Exposed(
        "dark", AT, effects.do.token, 5.0, "complete", Recorded(counts_1=4.0, counts_2=2.0, counted_s=seconds)
    )


def test_a2_a_number_typed_beside_a_finished_session_is_refused() -> None:
    session, refused = ended(counting())
    assert not refused
    one: Any = SimpleNamespace(name="a20", combination={"leak1_cps": 0.5}, measured={})
    given = {"dark": GIVES["dark"](one, session)}
    assert given["dark"].combination == {"leak1_cps": 0.571, "leak2_cps": 0.286}
    with pytest.raises(ValueError, match="leak1_cps typed beside the finished session dark-a20"):
        facts_of(one, given)
    with pytest.raises(ValueError, match="leak1_cps is neither measured nor typed; measure dark-a20, or write it"):
        lacking(one, {}, "leak1_cps")
