"""Every rule on every snapshot: one verdict, worst finding first, and what is to be remembered; an exception inside a rule is an answer.
It sends nothing and knows no rule by name; in the quiet case it builds nothing but the truths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from hal.readings import Readings
from interlocks.look import FLAGS, MONITOR, SLOW, UNIT, Look, Memory, Times, remember, take
from interlocks.monitor import watch
from interlocks.rule import Rule
from interlocks.rules import NOT_ASKED, NOT_FITTED, SOURCE_WORDS, SOURCES, T1_S, TABLE, Rules
from interlocks.words import Clears, Finding, House, Sent, Trip, Truth, Verdict

FALSE: Final = int(Truth.FALSE)
STALE: Final = int(Truth.STALE)
ERROR: Final = int(Truth.ERROR)

_TRUTHS: Final = tuple(Truth)
"""By number."""
_PLAIN: Final = (int(Truth.TRUE), NOT_ASKED)
"""Of these there is nothing to say."""

_Answer = tuple[int, Rule, int, str]
"""Place in the table, the row, its truth, the exception's words (ERROR only)."""


def judge(
    readings: Readings, house: House, sent: Sent, memory: Memory, rules: Rules, tick: int = 0
) -> tuple[Verdict, Memory]:
    """The verdict on this snapshot, with `tick` for its number, and the memory for the next."""
    watched = watch(
        memory.watched,
        readings,
        house,
        sent,
        memory.forbade,
        memory.blocked,
        rules.stale_after_s,
        rules.full_scale_kv,
    )
    memory = remember(readings, sent, memory, watched)
    look = take(readings, house, sent, memory, rules.stale_after_s, rules.full_scale_kv, rules.paired)
    asked, stale = rules.asked(look.asked), look.stale
    not_true: list[_Answer] = []
    for place, needs, question in asked.questions:
        error = ""
        if needs & stale:
            truth = STALE
        else:
            try:
                answer = question(look)
            except Exception as why:  # a rule that breaks is a rule that is not true
                truth, error = ERROR, repr(why)
            else:
                if answer is True:
                    continue
                truth = FALSE if answer is False else STALE if answer is None else ERROR
                error = f"answered {answer!r}" if truth == ERROR else ""
        not_true.append((place, rules.rows[place], truth, error))
    if not not_true:
        if memory.pending:
            memory = msgspec.structs.replace(memory, pending=_pending([], memory.pending, rules, look.now_s))
        return Verdict(tick, readings.now_s, asked.truths, (), (), False), memory
    truths = bytearray(asked.truths)
    for place, _, truth, _ in not_true:
        truths[place] = truth
    pending = _pending(not_true, memory.pending, rules, look.now_s)
    counting = [answer for answer in not_true if _counts(answer, pending, look)]
    verdict = _verdict(tick, look, truths, counting)
    return verdict, msgspec.structs.replace(
        memory, pending=pending, forbade=verdict.forbids_beam, blocked=bool(verdict.blocks_start)
    )


def _pending(not_true: list[_Answer], before: Times, rules: Rules, now_s: float) -> dict[int, tuple[float, float]]:
    """Since when each is FALSE, and when it last was; one that swings has not ended before it was TRUE for as long as it has to last."""
    rows = rules.rows
    pending = {
        place: times
        for place, times in before.items()
        if rows[place].swings and now_s - times[1] < rows[place].persists_for_s
    }
    for place, row, truth, _ in not_true:
        if truth == FALSE:
            was = pending.get(place) if row.swings else before.get(place)
            pending[place] = (was[0] if was is not None else now_s, now_s)
    return pending


def _counts(answer: _Answer, pending: Times, look: Look) -> bool:
    """FALSE counts once it has lasted, and for a rule that waits, once later readings have said that the exposure goes on."""
    place, row, truth, _ = answer
    if truth != FALSE:
        return True
    since = pending[place][0]
    lasted = look.now_s - since
    if lasted < row.persists_for_s:
        return False
    if not look.running or not lasted < T1_S:
        return True
    unit_waits = row.waits_for & UNIT and look.unit.asked_at_s <= since
    flags_wait = row.waits_for & FLAGS and look.flags.asked_at_s <= since
    return not (unit_waits or flags_wait)


def _verdict(tick: int, look: Look, truths: bytearray, counting: list[_Answer]) -> Verdict:
    findings = sorted(
        ((_finding(answer, look), answer) for answer in counting), key=lambda pair: (pair[0].trip, pair[1][0])
    )
    return Verdict(
        tick,
        look.now_s,
        bytes(truths),
        tuple(finding for finding, _ in findings),
        tuple(finding.rule for finding, answer in findings if answer[1].blocks_start),
        any(answer[1].while_beam for _, answer in findings),
    )


def _finding(answer: _Answer, look: Look) -> Finding:
    _, row, truth, error = answer
    if truth == ERROR:
        words = f"the rule {row.id} could not be judged: {error}; first: do not use, service"
        return Finding(row.id, Truth.ERROR, Trip.TRIP_FAULT, max(row.clears, Clears.BY_SERVICE), words)
    if truth == STALE:
        return Finding(row.id, Truth.STALE, row.stale_trip, row.stale_clears, _stale_words(row, look))
    try:
        wrong = row.wrong(look)
    except Exception as why:  # the words of a broken rule must not keep it from tripping
        wrong = f"{row.id} is not true ({why!r})"
    return Finding(row.id, Truth.FALSE, row.trip, row.clears, f"{wrong}; first: {row.first}")


def _stale_words(row: Rule, look: Look) -> str:
    asked_at = {
        UNIT: look.unit.asked_at_s,
        SLOW: look.slow.asked_at_s,
        MONITOR: look.monitor.asked_at_s,
        FLAGS: look.flags.asked_at_s,
    }
    old = [
        f"{SOURCE_WORDS[bit]} {f'is {look.now_s - at:.3f} s old' if look.now_s - at < 1e9 else 'has never come'}"
        for bit, at in asked_at.items()
        if (row.needs or look.stale) & look.stale & bit
    ]
    return f"{row.id} cannot be told: {' and '.join(old) or 'a reading is missing'}; first: {row.first}"


def _quiet_words(row: Rule, truth: int) -> str:
    """What is said of a rule without a finding."""
    if truth == NOT_FITTED:
        return f"this rig has no {', no '.join((part.name or '?').lower().replace('_', ' ') for part in row.stands_on)}"
    return "" if truth in _PLAIN else "not yet for long enough"


def shown(
    verdict: Verdict, readings: Readings, table: tuple[Rule, ...] = TABLE
) -> tuple[tuple[str, Truth, float | None, str], ...]:
    """For people: each rule's id, truth, age of its oldest evidence in s (None: it stands on no polled reading, or there is none), words if not true."""
    parts = (readings.unit, readings.slow, readings.monitor, readings.flags)
    asked_at = {
        bit: part.asked_at_s if part is not None else None for (bit, _), part in zip(SOURCES, parts, strict=True)
    }
    ages = {needs: _age(needs, asked_at, readings.now_s) for needs in {row.needs for row in table}}
    words = {finding.rule: finding.words for finding in verdict.findings}
    return tuple(
        [
            (
                row.id,
                _TRUTHS[truth],
                ages[row.needs],
                words.get(row.id) or _quiet_words(row, truth),
            )
            for row, truth in zip(table, verdict.truths, strict=True)
        ]
    )


def _age(needs: int, asked_at: Mapping[int, float | None], now_s: float) -> float | None:
    """Age of the oldest of the readings that a rule needs; None when one is missing, or it needs none."""
    needed = [at for bit, at in asked_at.items() if needs & bit]
    return max((now_s - at for at in needed if at is not None), default=None) if None not in needed else None
