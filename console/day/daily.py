"""`kerma daily`: the daily check step by step: the unit's tests, each contact alone, air, each kV and filter by the detector outside the head, a second
seating, an interrupt, what a person sees; then the signature. It changes no number of anything, and whether the check holds the records say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from calibration.bench_air import reduced
from console.calibrate.exposing import COMPLETE, Answered, Hand, Unanswered
from console.day.noted import Noted, Notes
from console.day.warm_up import Day, asked
from console.exit_codes import Exit
from console.treat.asking import StoppedError, line, measured, until, yes
from console.treat.session import Session
from console.treat.treat import GONE_AFTER_S, Face
from controller.prescribed import Certificate, Combination
from controller.proofs import AGAIN_S, NEEDED
from controller.requests import Reset, Retest
from records.day import ITEMS
from records.day_forms import BaseLine, Baseline, Bound, DaySheet, Left, Line, Offs, alike
from records.day_readings import SEAT_PART, STOP_PART, UNREAD_MOST, air_words, corrected, furthest, judged
from records.warm_up import today

SET_S: Final = 10.0
INTERRUPT_S: Final = 20.0
TESTS_WITHIN_S: Final = 60.0
FACTOR: Final = 10.0
"""A reading further than this from its baseline is of another unit or another range, and is asked for again."""
P_KPA: Final = (60.0, 110.0)
T_C: Final = (0.0, 50.0)
REJECT: Final = "reject"
NOT_SEATED: Final = "not seated"


@dataclass(frozen=True)
class Site:
    """What the check stands on: who makes it, what runs, the baseline with its digest, which contacts were seen open alone since a time, and exposures of
    today's checks that no sheet tells of, with what the detector showed of them. `physicist`: a physicist makes and signs it. `first` is the detector's first
    baseline (None: this is it), `off` how far the output was off as that was begun: the records hold the readings against these, too."""

    who: str
    bound: Bound
    baseline: Baseline
    baseline_sha256: str
    opened: Callable[[float], frozenset[str]]
    untold: Callable[[], Sequence[int]]
    notes: Notes
    physicist: bool = False
    first: Baseline | None = None
    off: Offs = field(default_factory=dict)


@dataclass
class _Draft:
    begun_s: float
    p_kpa: float = 0.0
    t_c: float = 0.0
    lines: list[Line] = field(default_factory=list)
    anew: Line | None = None
    interrupt: int = 0
    left: list[Left] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


class Measuring:
    """Exposures of a check and their readings; every exposure is either a line or left with its reason."""

    def __init__(
        self,
        session: Session,
        hand: Hand,
        face: Face,
        name: str,
        device: str,
        air: tuple[float, float],
        left: list[Left],
        notes: Notes,
        stands: bool = True,
    ) -> None:
        """`air`: station pressure in kPa and temperature in degC, which go with each reading. `stands`: a reading that a person keeps is one of the day's from
        then on. Of a baseline it is not, before that is signed: a baseline that was stopped has readings, which the next check tells, and none that was
        kept."""
        self._session, self._hand, self._face, self._name, self._left = session, hand, face, name, left
        self._device, self._air, self._notes, self._stands = device, air, notes, stands
        self._number = 0

    def expose(self, one: Combination, seconds: float) -> Answered:
        """One exposure. Raises StoppedError after a STOP, whenever in this check it came, and where nobody knows how it ended."""
        if self._session.stopped:
            raise StoppedError("stopped")
        self._number += 1
        self._face.say(
            f"exposure {self._number}: {one.kv:g} kV, {one.ma:g} mA, {one.filter_id}, {one.applicator_id}, {seconds:g} s"
        )
        answer = self._hand.expose(asked(self._name, self._number, one, seconds))
        if isinstance(answer, Unanswered):
            raise StoppedError(answer.words)
        if not answer.number:
            raise StoppedError(answer.ended)
        return answer

    def reading(self, one: Combination, seconds: float, unit: str, near: float) -> Line:
        """Expose until there is a whole exposure whose reading nobody rejects. After one that something or somebody ended a person says whether to go on:
        it may have been a STOP from elsewhere. Raises StoppedError where not."""
        while True:
            answer = self.expose(one, seconds)
            if answer.ended != COMPLETE:
                self.leave(answer.number, answer.ended)
                if not yes(self._session, self._face, "the room is empty, and it is exposed once more"):
                    raise StoppedError("not exposed once more")
                continue
            least, most = (near / FACTOR, near * FACTOR) if near > 0.0 else (1e-6, 1e8)
            value = measured(self._session, self._face, "reading of the detector", unit, least, most)
            self._note(answer.number, value, kept=False)
            said = line(self._session, self._face, f'keep {value:g} {unit}? Enter, or "{REJECT} REASON"')
            word, _, why = said.partition(" ")
            if word != REJECT:
                self._note(answer.number, value, kept=self._stands)
                return Line(one.kv, one.ma, one.filter_id, one.applicator_id, answer.number, value)
            self.leave(answer.number, why.strip() or "rejected without a reason", value)

    def leave(self, token: int, why: str, reading: float | None = None) -> None:
        told = Left(token, why) if reading is None else Left(token, why, reading, False, self._device, *self._air)
        self._left.append(told)
        self._face.say(f"exposure {token} serves no reading: {why}")

    def not_seated(self, *lines: Line) -> None:
        """The detector was not seated in one of these, and nobody knows in which: none is what it shows, whoever kept it. What is off is the physicist's then,
        and asks not for a new certificate: the seat is not the machine. An operator's it is never (accident-A1)."""
        for one in lines:
            self._note(one.token, one.reading, kept=False, why=NOT_SEATED)

    def _note(self, token: int, reading: float, kept: bool, why: str = "") -> None:
        self._notes.put(Noted(token, self._device, reading, kept, *self._air, why))


def daily(
    session: Session,
    hand: Hand,
    certificate: Certificate,
    day: Day,
    site: Site,
    face: Face,
    sign: Callable[[DaySheet], Exit],
) -> Exit:
    """The whole check; `sign` has it signed and laid down. A check that fails is not signed, and treatment stays locked."""
    base = site.baseline
    rungs = [_combination(certificate, row) for row in base.lines]
    if not rungs or any(one is None for one in rungs):
        face.say(
            f"the baseline of {base.device} has combinations that certificate {certificate.id} has not; have the physicist make a new one"
        )
        return Exit.USAGE
    draft = _Draft(day.wall())
    try:
        _left_over(session, face, site, draft)
        _tests(session, face)
        _contacts(session, face, site, draft)
        _air(session, face, base, draft)
        # with an air that is refused there is no check, and no reading to be noted in it
        if not draft.wrong:
            air = (draft.p_kpa, draft.t_c)
            name = f"D-{draft.begun_s:.0f}"
            measuring = Measuring(session, hand, face, name, base.device, air, draft.left, site.notes)
            # after a detector that was not seated the check has failed, and whatever is read in that seat says nothing of the machine
            if _readings(session, face, site, [one for one in rungs if one is not None], measuring, draft):
                _interrupt(session, face, site.who, rungs[0], measuring, draft)
                _people(session, face, draft)
    except StoppedError as error:
        face.say(f"{error}; the check is not made, treatment stays locked")
        return Exit.NOT_CONFIRMED
    if draft.wrong:
        face.say("the check has not passed, treatment stays locked:\n" + "\n".join(draft.wrong))
        return Exit.REFUSED
    return sign(_sheet(draft, day, site))


def baseline(
    session: Session,
    hand: Hand,
    certificate: Certificate,
    wanted: Baseline,
    face: Face,
    notes: Notes,
    sign: Callable[[Baseline], Exit],
) -> Exit:
    """What the days' readings will be held against: each combination of `wanted` (whose readings are empty) measured now, by the physicist. One that is
    stopped leaves what it read to the day's next check, which tells it."""
    left: list[Left] = []
    lines: list[BaseLine] = []
    tokens: list[int] = []
    name = f"B-{session.now():.0f}-{certificate.sha256.hex()[:8]}"
    try:
        draft = _Draft(0.0)
        _air(session, face, wanted, draft)
        if draft.wrong:
            face.say("; ".join(draft.wrong))
            return Exit.REFUSED
        if not yes(session, face, f"{wanted.device} is seated in its jig, the room is empty"):
            return Exit.NOT_CONFIRMED
        air = (draft.p_kpa, draft.t_c)
        measuring = Measuring(session, hand, face, name, wanted.device, air, left, notes, stands=False)
        for row in wanted.lines:
            one = _combination(certificate, row)
            if one is None:
                face.say(
                    f"{row.kv:g} kV {row.ma:g} mA {row.filter} {row.applicator} is not in certificate {certificate.id}"
                )
                return Exit.USAGE
            shown = measuring.reading(one, row.set_s, wanted.unit, 0.0)
            tokens.append(shown.token)
            value = corrected(shown.reading, draft.p_kpa, draft.t_c, wanted.vented)
            lines.append(msgspec.structs.replace(row, reading=value))
    except StoppedError as error:
        face.say(f"{error}; there is no baseline")
        return Exit.NOT_CONFIRMED
    every = (*tokens, *(one.token for one in left))
    return sign(msgspec.structs.replace(wanted, lines=tuple(lines), tokens=every))


def _combination(certificate: Certificate, row: BaseLine) -> Combination | None:
    key = (row.kv, row.ma, row.filter, row.applicator)
    return next((c for c in certificate.combinations if (c.kv, c.ma, c.filter_id, c.applicator_id) == key), None)


def _left_over(session: Session, face: Face, site: Site, draft: _Draft) -> None:
    """Exposures of a check that was left or failed: each is told, with the reason, and with what the detector showed of it."""
    damaged = dict[int, str]()
    noted = {token: _noted(session, face, site, token, damaged) for token in site.untold()}
    if noted:
        named = ", ".join(
            f"{token}{f' (read {one.reading:g})' if one is not None else ''}" for token, one in noted.items()
        )
        for words in _physicists(noted, site.baseline):
            face.say(words)
        why = line(session, face, f"exposures {named} are of a check that was left; why") or "left without a reason"
        draft.left += [
            Left(token, why + damaged.get(token, "")) if one is None else _told_again(one, why)
            for token, one in noted.items()
        ]


def _noted(session: Session, face: Face, site: Site, token: int, damaged: dict[int, str]) -> Noted | None:
    """What was noted of an exposure. Of a note that is there and cannot be read nobody knows what it said: an operator's check ends there; a physicist says
    why the check goes on without it, which the sheet tells, and the exposure is one without a reading. Raises StoppedError."""
    try:
        return site.notes.of(token)
    except StoppedError as error:
        if not site.physicist:
            raise
        face.say(str(error))
        why = line(
            session, face, f"exposure {token} then counts as one without a reading; why it may (empty: leave the check)"
        )
        if not why:
            raise
        damaged[token] = f" (its note cannot be read: {why})"
        return None


def _told_again(one: Noted, why: str) -> Left:
    words = f"{why} ({one.why})" if one.why else why
    return Left(one.token, words, one.reading, one.kept, one.device, one.p_kpa, one.t_c)


def _physicists(noted: Mapping[int, Noted | None], base: Baseline) -> list[str]:
    """What of an earlier check's exposures may make this one the physicist's, said before anything is exposed for it."""
    unread = [str(token) for token, one in noted.items() if one is None]
    by = {one.device: None for one in noted.values() if one is not None and alike(one.device) != alike(base.device)}
    said = []
    if len(unread) > UNREAD_MOST:
        said.append(
            f"exposures {', '.join(unread)} have no reading; of those that ran to their end at most {UNREAD_MOST} may have none"
        )
    if by:
        said.append(f"what {', '.join(by)} showed needs a baseline in force of that detector")
    return [f"{words}: else have the physicist make this check first (kerma daily --physicist)" for words in said]


def _tests(session: Session, face: Face) -> None:
    face.say("the safety unit tests itself: timer, lease, K1, K2, count limit, lamp")
    answer = session.ask(Retest())
    if not answer.ok:
        raise StoppedError(f"the self-test cannot begin: {answer.words}")
    end_s, seen = session.now() + TESTS_WITHIN_S, False
    while session.now() < end_s:
        shown = session.snapshot if session.turn() else None
        if session.stopped:
            raise StoppedError("stopped")
        if shown is not None and shown.state == "SELF_TEST":
            seen = True
        elif shown is not None and seen and shown.state == "STANDBY":
            return
        elif shown is not None and shown.state not in ("SELF_TEST", "STANDBY"):
            raise StoppedError(f"the self-test ended in {shown.state}: {shown.first_to_fix or shown.notice}")
    raise StoppedError(f"the self-test did not pass within {TESTS_WITHIN_S:.0f} s; first: look at kerma status")


def _contacts(session: Session, face: Face, site: Site, draft: _Draft) -> None:
    """Each contact opened alone, as the records saw it in both channels; what latches is cleared by a person, as ever."""

    def missing() -> str:
        seen = site.opened(draft.begun_s - AGAIN_S)
        lacks = [name for name in NEEDED if name not in seen]
        return (
            f"not seen open alone: {', '.join(lacks)}; one was open already, or two were open at once" if lacks else ""
        )

    until(
        session,
        face,
        "open each alone and close it again: emergency stop, door, key (to SERVICE and back), applicator contact",
        missing,
    )


def _air(session: Session, face: Face, base: Baseline, draft: _Draft) -> None:
    draft.p_kpa = measured(session, face, "station pressure", "kPa", *P_KPA)
    draft.t_c = measured(session, face, "temperature at the detector", "degC", *T_C)
    wrong, sea_level = air_words(draft.p_kpa, draft.t_c, base.altitude_m), reduced(draft.p_kpa, base.altitude_m)
    if not wrong and sea_level and not yes(session, face, f"{sea_level}; does the barometer itself show it"):
        wrong = f"{sea_level}: what a weather service tells is no station pressure"
    if wrong:
        draft.wrong.append(wrong)
        face.say(wrong)


def _readings(
    session: Session, face: Face, site: Site, rungs: Sequence[Combination], measuring: Measuring, draft: _Draft
) -> bool:
    """Each combination once, the first one twice; whether the detector was seated."""
    base = site.baseline
    if not yes(session, face, f"{base.device} is seated in its jig, the room is empty, the key is in TREAT"):
        raise StoppedError("not seated")
    for place, (row, one) in enumerate(zip(base.lines, rungs, strict=True)):
        if place and not yes(
            session, face, f"{one.filter_id} and {one.applicator_id} are on the head, the detector is seated"
        ):
            raise StoppedError("not seated")
        shown = measuring.reading(one, row.set_s, base.unit, row.reading)
        draft.lines.append(shown)
        beam, air = (one.kv, one.ma, one.filter_id, one.applicator_id), (draft.p_kpa, draft.t_c)
        ratio, of = furthest(base, site.first or base, site.off, beam, shown.reading, air)
        name = f"{one.kv:g} kV {one.ma:g} mA {one.filter_id} {one.applicator_id}"
        face.say(f"{name}: {100.0 * (ratio - 1.0):+.2f} % off {of}")
        wrong = judged(name, ratio, of)
        if not place and not _seated_anew(session, face, site, one, measuring, draft):
            return False
        if wrong:
            draft.wrong.append(wrong)
    return True


def _seated_anew(
    session: Session, face: Face, site: Site, one: Combination, measuring: Measuring, draft: _Draft
) -> bool:
    """Whether the detector shows the same again; where not, who makes the next check is said: one that is off may not be measured away by an operator."""
    if not yes(session, face, "the detector was taken off and seated anew, the room is empty"):
        raise StoppedError("not seated anew")
    base, first = site.baseline, draft.lines[0]
    draft.anew = measuring.reading(one, base.lines[0].set_s, base.unit, base.lines[0].reading)
    off = draft.anew.reading / first.reading - 1.0
    face.say(f"seated anew: {100.0 * off:+.2f} %")
    if abs(off) <= SEAT_PART:
        return True
    measuring.not_seated(first, draft.anew)
    beam, air = (one.kv, one.ma, one.filter_id, one.applicator_id), (draft.p_kpa, draft.t_c)
    held = [furthest(base, site.first or base, site.off, beam, line.reading, air) for line in (first, draft.anew)]
    physicists = any(judged("", *one) for one in held)
    draft.wrong.append(
        f"seated anew the detector shows {100.0 * off:+.2f} %, above {100 * SEAT_PART:g} %: it was not seated"
        + (
            f"; one of both readings is above {100 * STOP_PART:g} % off what it is held against: have the physicist make the next check of the day "
            "(kerma daily --physicist)"
            if physicists
            else ""
        )
    )
    return False


def _interrupt(
    session: Session, face: Face, who: str, one: Combination | None, measuring: Measuring, draft: _Draft
) -> None:
    """A beam that a person ends; one that nobody ended is left, and made again."""
    assert one is not None
    while not draft.interrupt:
        face.say("the next exposure is to be interrupted: open the door while the beam is on, and close it again")
        answer = measuring.expose(one, INTERRUPT_S)
        if answer.ended.startswith("interrupted"):
            draft.interrupt = answer.number
        else:
            measuring.leave(answer.number, f"was not interrupted: {answer.ended}")
        _cleared(session, face, who)


def _cleared(session: Session, face: Face, who: str) -> None:
    """What the interrupt latched, the operator clears as after any other; this terminal holds the desk, so it is asked from here."""
    while True:
        shown = session.snapshot if session.turn() else None
        if session.stopped or session.silent_s() > GONE_AFTER_S:
            raise StoppedError("stopped, or the desk does not answer")
        if shown is None:
            continue
        if not shown.latches:
            return
        if not yes(session, face, f"latched: {'; '.join(shown.latches)}; clear it"):
            raise StoppedError("not cleared")
        answer = session.ask(Reset("operator", who, "daily check: interrupted on purpose"))
        if not answer.ok:
            face.say(answer.words)


def _people(session: Session, face: Face, draft: _Draft) -> None:
    for name, words in ITEMS:
        if yes(session, face, words):
            draft.items.append(name)
        else:
            draft.wrong.append(f"{name}: not as it should be; have it mended first")


def _sheet(draft: _Draft, day: Day, site: Site) -> DaySheet:
    assert draft.anew is not None
    return DaySheet(
        day=str(today(day.wall(), day.zone)),
        begun_wall_s=draft.begun_s,
        bound=site.bound,
        device=site.baseline.device,
        baseline_sha256=site.baseline_sha256,
        p_kpa=draft.p_kpa,
        t_c=draft.t_c,
        lines=tuple(draft.lines),
        seated_anew=draft.anew,
        interrupt_token=draft.interrupt,
        left=tuple(draft.left),
        items=tuple(draft.items),
    )
