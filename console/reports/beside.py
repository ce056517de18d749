"""What stood beside the records when a fraction was started: who had signed its order, the photo and the notes of its lesion, by their own chains.
It is of that moment, so that the same record gives the same report: what was signed, withdrawn or attached later is shown at the page Records."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from PIL import Image

from console.access.approvals import HOW, MEANING, Approvals, Signed
from console.access.policy import BOTH
from console.reports.gather import Gathered
from console.reports.told import Approval, AtLesion, FractionReport, Note, Photo, Signature
from console.treat.lesions import NOTE, PHOTO, Attached, Lesions
from controller.entries import Start
from hal.errors import ConfigurationError
from hal.readings import Purpose
from records.book import Fraction

SMALL_PX: Final = 480
QUALITY: Final = 85
WITHDRAWN: Final = "withdrawn"


class Beside:
    """Both chains of one rig's records, each read once; one that cannot be read is said in every report."""

    def __init__(self, records: Path) -> None:
        self._lesions = Lesions(records, lambda: 0.0)
        try:
            self._signed = Approvals(records, lambda: 0.0).signed()
        except ConfigurationError as error:
            self._signed = Signed((), (str(error),))
        self._entries, self._wrong = self._lesions.every()

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
