"""What stood beside the records when a fraction was started: who had signed its order, the photo and the notes of its lesion, time-out and second calculation;
who signed or corrected the fraction afterwards, and whose lesion it is, by their own chains. The first is of that moment, so that the same record gives the
same report; what is signed, corrected or stated otherwise makes another one, whose file names the chart's entry."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image

from console.access.approvals import HOW, MEANING, Approvals, Signed
from console.access.beside import Missing, said
from console.access.policy import BOTH
from console.reports.gather import Gathered
from console.reports.told import (
    Approval,
    AtLesion,
    ChartTold,
    Confirmation,
    Corrected,
    FractionReport,
    Note,
    Particulars,
    Photo,
    SecondLine,
    SecondTime,
    Signature,
    SignedOff,
    Stated,
    Ticked,
)
from console.treat import particulars as whose
from console.treat.chart import GIVEN, REVIEWED, Confirmed, End, Look, Recorded, asks_review
from console.treat.lesions import NOTE, PHOTO, Attached, Lesions
from controller.entries import Start
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.book import Fraction, Tally

SMALL_PX: Final = 480
QUALITY: Final = 85
WITHDRAWN: Final = "withdrawn"
CLOCKS_APART_S: Final = 5.0
"""Wall times of the console and of the real-time process are of one clock, told apart by at most so much."""


class Beside:
    """The chains of one rig's records, each read once; one that cannot be read is said in every report. Without the audit, which knows whether the chart holds
    all that was made, there is no report: raises ConfigurationError."""

    def __init__(self, records: Path) -> None:
        self._lesions = Lesions(records, lambda: 0.0)
        try:
            self._signed = Approvals(records, lambda: 0.0).signed()
        except ConfigurationError as error:
            self._signed = Signed((), (str(error),))
        self._entries, self._wrong = self._lesions.every()
        self._missing = Missing(records)
        self._chart = Look(records).read()

    def approval(self, starts: Sequence[Start]) -> Approval:
        """The signatures over the order's bytes that stood at the last of these STARTs."""
        first, last = starts[0], starts[-1]
        sha256, at_s = last.prescribed.sha256.hex(), last.wall_s
        signed = self._signed
        if signed.wrong:
            words = f"no signature can be believed, for their chain is not whole ({signed.wrong[0]})"
            return Approval((), tuple(MEANING[role] for role in BOTH), False, signed.key, words)
        stood = [
            one
            for one in signed.of(sha256)
            if one.wall_s <= at_s
            and one.against in ("", WITHDRAWN)
            and (one.withdrawn_s is None or one.withdrawn_s > at_s)
        ]
        given = tuple(
            Signature(one.n, one.meaning, one.who, one.role, _at(one.wall_s), one.wall_s > first.wall_s, one.accepted)
            for one in stood
        )
        missing = [role for role in BOTH if role not in {one.role for one in stood}]
        return Approval(
            given, tuple(MEANING[role] for role in missing), True, signed.key, _said(given, missing, last, len(starts))
        )

    def lesion(self, starts: Sequence[Start]) -> AtLesion:
        """Photo and notes that stood at the last of these STARTs."""
        last = starts[-1]
        if self._wrong:
            words = f"neither photo nor notes can be believed, for their chain is not whole ({self._wrong[0]})"
            return AtLesion(None, (), False, words)
        own = [one for one in self._lesions.of(last.prescribed, self._entries) if _stood(one, last.wall_s)]
        photos = [one for one in own if one.what == PHOTO]
        notes = tuple(Note(one.n, one.who, one.role, _at(one.wall_s), one.words) for one in own if one.what == NOTE)
        photo = self._photo(photos[-1]) if photos else None
        words = "" if photo is not None else "no photo of this lesion stood when it was started"
        return AtLesion(photo, notes, True, words)

    def chart(self, found: Gathered, fraction: Fraction, tally: Tally) -> ChartTold:
        """What people said of this fraction: before each segment, and after its end."""
        chart, known = self._chart, recorded_of(found, fraction, tally)
        gone = self._gone(known.id, starts_of(found, fraction)[-1].prescribed)[1]
        if chart.wrong:
            words = (
                f"nothing that was signed or corrected can be believed, for its chain is not whole ({chart.wrong[0]})"
            )
            return ChartTold((), (), _unsigned(known, ()), (), False, chart.key, words, gone)
        beams = [found.book.exposures[token] for token in fraction.tokens if not found.book.exposures[token].void]
        before = [(one.start, _before(chart.confirmed, one.start)) for one in beams]
        signatures = tuple(
            SignedOff(one.n, one.meaning, one.who, one.role, _at(one.wall_s), one.state == known.state)
            for one in chart.signed(known.id)
        )
        corrections = tuple(
            Corrected(one.n, one.field, one.old, one.new, one.who, one.role, _at(one.wall_s), one.reason)
            for one in chart.corrected(known.id)
        )
        unsigned = _unsigned(known, signatures)
        lacks = [str(start.segment) for start, told in before if told is None]
        words = f"no time-out and no second calculation is kept of segment {', '.join(lacks)}" if lacks else ""
        told = tuple(_confirmation(start.segment, one) for start, one in before if one is not None)
        return ChartTold(told, signatures, unsigned, corrections, True, chart.key, words, gone)

    def particulars(self, starts: Sequence[Start]) -> Particulars:
        """Whose lesion it is, as it is stated now and as it was at the first of these STARTs: at the confirmation that led to it, where one is kept."""
        chart = self._chart
        if chart.wrong:
            words = f"no name and nothing else that was stated can be believed, for its chain is not whole ({chart.wrong[0]})"
            return Particulars(None, (), None, whose.FIELDS, False, words)
        entries = chart.stated(starts[-1].prescribed)
        said = [_stated(one) for one in entries]
        before = _before(chart.confirmed, starts[0])
        then = [
            told
            for one, told in zip(entries, said, strict=True)
            # the chain's own order where it is known: a clock that was set back meanwhile changes nothing of what was there
            if (one.wall_s <= starts[0].wall_s if before is None else one.n < before.n)
        ]
        lacking = tuple(name for name in whose.FIELDS if not said or getattr(said[-1], name) is None)
        words = "" if then else "nothing was stated when it was started" if said else "nothing is stated"
        return Particulars(
            said[-1] if said else None, tuple(said[:-1]), then[-1] if then else None, lacking, True, words
        )

    def wrong(self) -> str:
        """What is wrong with the chart's chain; empty where nothing is."""
        return next(iter(self._chart.wrong), "")

    def entries(self, fraction: Fraction, order: Prescribed) -> tuple[tuple[int, float], ...]:
        """Each entry, by number and time (wall, s), with which somebody signed or corrected this fraction, or stated whose lesion it is; none where the chain
        is not whole."""
        if self._chart.wrong:
            return ()
        signed = [(one.n, one.wall_s) for one in self._chart.signed(fraction.id)]
        corrected = [(one.n, one.wall_s) for one in self._chart.corrected(fraction.id)]
        stated = [(one.n, one.wall_s) for one in self._chart.stated(order)]
        return tuple(sorted([*signed, *corrected, *stated]))

    def entry(self, fraction: Fraction, order: Prescribed) -> int:
        """The last one of these; 0 for none."""
        return max((n for n, _ in self.entries(fraction, order)), default=0)

    def gone(self, fraction: Fraction, order: Prescribed) -> int:
        """The last entry that the audit says was made of this fraction, or stated of its lesion, and the chart does not hold; 0 for none."""
        return self._gone(fraction.id, order)[0]

    def _gone(self, fraction: str, order: Prescribed) -> tuple[int, tuple[str, ...]]:
        found = self._missing.of(fraction, whose.lesion_tag(whose.key_of(order)))
        return max((one.number for one in found), default=0), tuple(said(one) for one in found)

    def picture(self, report: FractionReport) -> bytes | None:
        """The photo for paper, small; None where there is none to be shown."""
        photo = report.lesion.photo if report.lesion is not None else None
        if photo is None or photo.words:
            return None
        return self._small(photo.file)

    def _photo(self, one: Attached) -> Photo:
        words = ""
        try:
            self._small(one.file)
        except ConfigurationError as error:
            words = str(error)
        return Photo(one.file.partition(".")[0], one.file, one.n, one.who, one.role, _at(one.wall_s), words)

    def _small(self, file: str) -> bytes:
        """Drawn anew; the same bytes give the same small ones. Raises ConfigurationError."""
        data, out = self._lesions.photo(file), io.BytesIO()
        try:
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as opened:
                small = opened.convert("RGB")
            small.thumbnail((SMALL_PX, SMALL_PX))
            small.save(out, "JPEG", quality=QUALITY)
        except (OSError, ValueError, SyntaxError) as error:
            raise ConfigurationError(
                f"{file}: cannot be drawn ({error}); first: look at it at the page Treat, attach it anew"
            ) from error
        return out.getvalue()


def starts_of(found: Gathered, fraction: Fraction) -> tuple[Start, ...]:
    """Of its exposures with beam, or of its only START."""
    exposures = [found.book.exposures[token] for token in fraction.tokens]
    beams = [one.start for one in exposures if not one.void]
    return tuple(beams or [exposures[-1].start])


def recorded_of(found: Gathered, fraction: Fraction, tally: Tally) -> Recorded:
    """A fraction of the journal as whoever signs sees it."""
    exposures = [found.book.exposures[token] for token in fraction.tokens]
    beams = [one for one in exposures if not one.void]
    ends = tuple(
        End(
            one.token, one.end.outcome.name, one.end.delivered_mgy, one.end.low_mgy, one.end.high_mgy, one.end.quality.value,
            max(0, one.end.beam_ms - one.start.unit_beam_ms) / 1000.0,
        )
        for one in beams
        if one.end is not None
    )  # fmt: skip
    operators = tuple(one.start.operator for one in beams)
    purpose = exposures[0].start.prescribed.purpose.name
    return Recorded(fraction.id, purpose, tally.status.value, fraction.closed, operators, ends, {})


def _unsigned(known: Recorded, signatures: Sequence[SignedOff]) -> tuple[str, ...]:
    """What is asked for of a treatment: whoever gave it, and a physicist where the dose asks for one."""
    if known.purpose != Purpose.TREAT.name or not known.ends:
        return ()
    asked = (GIVEN, REVIEWED) if asks_review(known.status, known.closed) else (GIVEN,)
    have = {one.meaning for one in signatures if one.covers}
    return tuple(meaning for meaning in asked if meaning not in have)


def _before(confirmed: Sequence[Confirmed], start: Start) -> Confirmed | None:
    """The confirmation of these very settings that led to this START: the last one before it."""
    key = f"{start.fraction_tag:016x}", start.digest.hex()
    own = [one for one in confirmed if (one.tag, one.digest) == key and one.wall_s <= start.wall_s + CLOCKS_APART_S]
    return own[-1] if own else None


def _confirmation(segment: int, one: Confirmed) -> Confirmation:
    return Confirmation(
        segment=segment,
        number=one.n,
        at=_at(one.wall_s),
        who=one.who,
        role=one.role,
        place=one.place,
        ticked=tuple(Ticked(tick.item, None if tick.at_s is None else _at(tick.at_s)) for tick in one.ticked),
        lines=tuple(SecondLine(line.name, line.offered, line.calculated, line.agrees) for line in one.lines),
        times=tuple(
            SecondTime(
                figure.method, figure.source, figure.offered_s, figure.calculated_s, figure.diff_pct, figure.bound_pct, figure.bound_s, figure.agrees,
            )
            for figure in one.figures
        ),
        timer_preset_s=one.timer_preset_ms / 1000.0,
        count_preset=one.count_preset,
    )  # fmt: skip


def _stated(one: whose.Particulars) -> Stated:
    said = {name: getattr(one, name) or None for name in whose.FIELDS}
    return Stated(number=one.n, who=one.who, role=one.role, at=_at(one.wall_s), reason=one.reason, **said)


def _at(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _stood(one: Attached, at_s: float) -> bool:
    return one.wall_s <= at_s and (one.away_s is None or one.away_s > at_s)


def _said(given: Sequence[Signature], missing: Sequence[str], start: Start, starts: int) -> str:
    """For people: what was there, what was not."""
    when = "it was started" if starts == 1 else "it was last started"
    if start.prescribed.purpose is not Purpose.TREAT:
        return f"an order of purpose {start.prescribed.purpose.name} is not signed"
    if not given:
        asked = "; a simulated rig need not ask for any" if start.simulated else ""
        return f"NOT APPROVED BY SIGNATURE: nobody had signed this order when {when}{asked}"
    if missing:
        lacks = " and ".join(f"{MEANING[role]} ({role})" for role in missing)
        return f"approved in part: {lacks} was missing when {when}"
    return f"approved: {' and '.join(f'{MEANING[role]} ({role})' for role in HOW)}, when {when}"
