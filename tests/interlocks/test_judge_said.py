"""The judge by itself, over rows of the test's own: how long counts, what waits, what comes first, and every word that it puts together."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from interlock_bench import BEAMING, QUIET, ROW, RULES, SENT_ON, SENT_REST, T0, beaming, finding_of, readings

from hal.machine import Fitted
from hal.readings import Readings
from interlocks.judge import judge, shown
from interlocks.look import FLAGS, MONITOR, SLOW, UNIT, Look, Memory, When
from interlocks.rule import Rule
from interlocks.rules import Rules
from interlocks.words import Clears, Sent, Trip, Truth, Verdict

INF = math.inf


def row(name: str = "r", answer: Any = False, **changes: Any) -> Rule:
    """A row that is asked always and answers this, or raises it."""

    def question(_look: Look) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    base = Rule(
        id=name,
        hazards=(),
        when=When.ALWAYS,
        question=question,
        wrong=lambda _look: f"{name} is wrong",
        first="mend it",
    )
    return msgspec.structs.replace(base, **changes)


def rules_of(*rows: Rule) -> Rules:
    return msgspec.structs.replace(RULES, rows=rows)


def judged(
    *rows: Rule, given: Readings | None = None, memory: Memory | None = None, sent: Sent = SENT_REST, tick: int = 0
) -> tuple[Verdict, Memory]:
    """One verdict over these rows."""
    house = BEAMING if sent is SENT_ON else QUIET
    return judge(given or readings(T0), house, sent, memory or Memory(), rules_of(*rows), tick)


def words_of(rule: str, given: Readings, sent: Sent = SENT_REST) -> str:
    """What is said of a rule of the table."""
    verdict, _ = judge(given, QUIET, sent, Memory(), RULES)
    found = finding_of(verdict, rule)
    assert found is not None
    return found.words


def test_what_cannot_be_told_says_which_reading_and_how_old() -> None:
    """Each that the rule needs and that is too old, by its name and age; of a rule that needs none, each that is too old."""
    status = "the safety unit's status"
    assert (
        words_of("door", readings(T0, unit_asked_at_s=T0 - 0.5))
        == f"door cannot be told: {status} is 0.500 s old; first: close the door"
    )
    assert (
        words_of("door", readings(T0, unit=None))
        == f"door cannot be told: {status} has never come; first: close the door"
    )
    for age_s, said in ((0.95e9, "is 950000000.000 s old"), (1e9, "has never come"), (1.05e9, "has never come")):
        assert f"{status} {said};" in words_of("door", readings(T0, unit_asked_at_s=T0 - age_s))
    kv, flags = "the generator's kV and mA is 0.500 s old", "the generator's flags is 0.250 s old"
    old = readings(T0, monitor_asked_at_s=T0 - 0.5, flags_asked_at_s=T0 - 0.25, unit_asked_at_s=T0 - 9.0)
    first = "first: check the generator's power and cable"
    assert words_of("generator_link", old) == f"generator_link cannot be told: {kv} and {flags}; {first}"
    one = readings(T0, flags_asked_at_s=T0 - 0.25)
    assert words_of("generator_link", one) == f"generator_link cannot be told: {flags}; {first}"
    assert words_of("hv_uncommanded", one).startswith(f"hv_uncommanded cannot be told: {flags}; first: ")
    slow = readings(T0, slow_asked_at_s=T0 - 9.0)
    assert words_of("hv_uncommanded", slow).startswith(
        "hv_uncommanded cannot be told: the safety unit's slow block is 9.000 s old; "
    )
    missing = words_of("unit_identity", readings(T0, unit_identity=None))
    assert missing.startswith("unit_identity cannot be told: a reading is missing; first: ")


def test_a_broken_rule_and_broken_words_say_so() -> None:
    """What it raised or answered; for service at least, and for nobody where the row says nobody."""
    (found,) = judged(row("door", ZeroDivisionError("gone")))[0].findings
    assert found.words == "the rule door could not be judged: ZeroDivisionError('gone'); first: do not use, service"
    (found,) = judged(row("door", 1))[0].findings
    assert found.words == "the rule door could not be judged: answered 1; first: do not use, service"
    assert (found.truth, found.trip, found.clears) == (Truth.ERROR, Trip.TRIP_FAULT, Clears.BY_SERVICE)
    assert judged(row("door", 1, clears=Clears.NEVER))[0].findings[0].clears is Clears.NEVER

    def breaks(_look: Look) -> str:
        raise KeyError("words")

    (found,) = judged(row("door", False, wrong=breaks))[0].findings
    assert found.words == "door is not true (KeyError('words')); first: mend it"
    (found,) = judged(row("door", False))[0].findings
    assert found.words == "door is wrong; first: mend it"


def test_an_answer_is_one_of_three() -> None:
    """True, False, or None for what cannot be told; a stale reading is not even asked about."""
    for answer, truth in ((True, Truth.TRUE), (False, Truth.FALSE), (None, Truth.STALE), (0, Truth.ERROR)):
        verdict, _ = judged(row(answer=answer))
        assert list(verdict.truths) == [truth]
    old = readings(T0, unit=None)
    assert list(judged(row(answer=True, needs=UNIT), row(answer=True, needs=SLOW), given=old)[0].truths) == [
        Truth.STALE,
        Truth.TRUE,
    ]


def test_a_verdict_is_whole() -> None:
    """Its number and time; the worst trip first and then the order of the table; what blocks a start, and whether any of it forbids beam."""
    verdict, memory = judged(
        row("a", trip=Trip.TRIP_STOP, while_beam=False),
        row("b", trip=Trip.TRIP_FAULT, blocks_start=False, while_beam=False),
        row("c", trip=Trip.TRIP_STOP, while_beam=False),
        row("d", True),
        tick=77,
    )
    assert (verdict.tick, verdict.at_s, list(verdict.truths)) == (77, T0, [1, 1, 1, 0])
    assert [found.rule for found in verdict.findings] == ["b", "a", "c"]
    assert verdict.blocks_start == ("a", "c") and verdict.forbids_beam is False
    assert (memory.forbade, memory.blocked) == (False, True)
    verdict, memory = judged(row("a", blocks_start=False), row("b", while_beam=False, blocks_start=False))
    assert verdict.forbids_beam is True and verdict.blocks_start == ()
    assert (memory.forbade, memory.blocked) == (True, False)
    assert [found.rule for found in judged(row("a", 1), row("b", trip=Trip.TRIP_FAULT))[0].findings] == ["a", "b"]
    assert judge(readings(T0), QUIET, SENT_REST, Memory(), rules_of(row()))[0].tick == 0
    quiet, memory = judged(row("a", True), memory=Memory(pending={0: (1.0, 2.0)}), tick=78)
    assert (quiet.tick, quiet.at_s, list(quiet.truths), quiet.findings, quiet.blocks_start) == (78, T0, [0], (), ())
    assert quiet.forbids_beam is False and memory.pending == {} and not memory.forbade and not memory.blocked


def test_false_counts_when_it_has_lasted_exactly_so_long() -> None:
    """From the look in which it was first FALSE; STALE and ERROR count at once."""
    lasting = row(persists_for_s=0.5)
    verdict, memory = judged(lasting, given=readings(0.0))
    assert verdict.findings == () and memory.pending == {0: (0.0, 0.0)}
    verdict, later = judged(lasting, given=readings(0.4), memory=memory)
    assert verdict.findings == () and later.pending == {0: (0.0, 0.4)}
    assert judged(lasting, given=readings(0.5), memory=later)[0].findings
    assert judged(row(answer=None, persists_for_s=9.0))[0].findings
    assert judged(row(answer=1, persists_for_s=9.0))[0].findings
    stale, memory = judged(row(answer=None))
    assert stale.findings and memory.pending == {}


def test_a_rule_that_swings_has_not_ended_before_it_was_true_for_its_time() -> None:
    """TRUE for a moment leaves its time running; TRUE for as long as it has to last ends it; another rule's time ends at once."""
    for swings in (True, False):
        memory = judged(row(persists_for_s=0.5, swings=swings), row("other"), given=readings(0.0))[1]
        well = row(answer=True, persists_for_s=0.5, swings=swings)
        short = judged(well, row("other"), given=readings(0.4), memory=memory)[1]
        assert short.pending == ({0: (0.0, 0.0)} if swings else {}) | {1: (0.0, 0.4)}
        again = judged(row(persists_for_s=0.5, swings=swings), row("other"), given=readings(0.45), memory=short)[1]
        assert again.pending[0] == ((0.0, 0.45) if swings else (0.45, 0.45))
        late = judged(
            row(persists_for_s=0.5, swings=swings), given=readings(0.6), memory=Memory(pending={0: (0.0, 0.0)})
        )[1]
        assert late.pending == {0: (0.6, 0.6) if swings else (0.0, 0.6)}
        long = judged(well, row("other"), given=readings(0.5), memory=memory)[1]
        assert long.pending == {1: (0.0, 0.5)}


@pytest.mark.parametrize(
    ("waits_for", "unit_asked_s", "flags_asked_s", "now_s", "counts"),
    [
        (UNIT, 0.0, 0.05, 0.05, False), (UNIT, 0.01, 0.0, 0.05, True), (FLAGS, 0.05, 0.0, 0.05, False), (FLAGS, 0.0, 0.01, 0.05, True),
        (UNIT | FLAGS, 0.01, 0.0, 0.05, False), (UNIT | FLAGS, 0.0, 0.01, 0.05, False), (UNIT | FLAGS, 0.01, 0.01, 0.05, True),
        (UNIT | FLAGS, 0.0, 0.0, 0.1, True), (UNIT | FLAGS, 0.0, 0.0, 0.0999, False), (MONITOR, 0.0, 0.0, 0.05, True), (0, 0.0, 0.0, 0.05, True),
    ],
)  # fmt: skip
def test_a_rule_that_waits_counts_once_both_came_later_or_t1_has_passed(
    waits_for: int, unit_asked_s: float, flags_asked_s: float, now_s: float, counts: bool
) -> None:
    """In beam; a reading of the very moment is not later. At rest it waits for nothing."""
    asked = {"unit_asked_at_s": unit_asked_s, "flags_asked_at_s": flags_asked_s}
    memory = Memory(pending={0: (0.0, 0.0)})
    waiting = row(waits_for=waits_for)
    verdict, _ = judged(waiting, given=beaming(now_s, **asked), memory=memory, sent=SENT_ON)
    assert bool(verdict.findings) is counts
    assert judged(waiting, given=readings(now_s, **asked), memory=memory)[0].findings


def test_what_is_shown_of_each_row() -> None:
    """Id, truth, the age of the oldest reading that it needs, words: of a finding its own, of one that has not lasted that it has not, of a part its name."""
    rows = (
        row("plain", True),
        row("two", True, needs=UNIT | MONITOR),
        row("gone", True, needs=SLOW),
        row("half", True, needs=UNIT | SLOW),
        row("young", False, persists_for_s=9.0, needs=FLAGS),
        row("found", False),
        row("part", when=When.NEVER, stands_on=Fitted.CODES),
        row("parts", when=When.NEVER, stands_on=Fitted.CODES | Fitted.CHAMBER_SUPPLY),
        row("later", when=When.SET_UP),
    )
    given = readings(T0, slow=None)
    said = shown(judged(*rows, given=given)[0], given, rows)
    assert [(name, truth.name, words) for name, truth, _, words in said] == [
        ("plain", "TRUE", ""),
        ("two", "TRUE", ""),
        ("gone", "STALE", "gone cannot be told: the safety unit's slow block has never come; first: mend it"),
        ("half", "STALE", "half cannot be told: the safety unit's slow block has never come; first: mend it"),
        ("young", "FALSE", "not yet for long enough"),
        ("found", "FALSE", "found is wrong; first: mend it"),
        ("part", "NOT_FITTED", "this rig has no codes"),
        ("parts", "NOT_FITTED", f"this rig has no {', no '.join(sorted(('chamber supply', 'codes'), key=_order))}"),
        ("later", "NOT_ASKED", ""),
    ]
    ages = {name: age for name, _, age, _ in said}
    assert (ages["plain"], ages["gone"], ages["half"], ages["found"]) == (None,) * 4
    assert (ages["two"], ages["young"]) == pytest.approx((0.02, 0.01))
    assert [name for name, *_ in shown(judge(given, QUIET, SENT_REST, Memory(), RULES)[0], given)] == list(ROW)


def test_a_verdict_of_another_table_is_not_shown() -> None:
    """Truths that do not go with the rows are an error, never the word of one rule beside another's name."""
    given = readings(T0)
    with pytest.raises(ValueError, match="zip"):
        shown(judged(row("a"), row("b"))[0], given, (row("a"),))


def _order(name: str) -> int:
    return Fitted[name.upper().replace(" ", "_")].value
