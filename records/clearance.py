"""May this fraction be delivered, or its rest? The records' answer to a QUERY, and their last look before a START gets its token.
Pure: what was delivered comes from records/book.py, and whether the certificate has expired is the controller's business."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, tzinfo

import msgspec

from controller.blob import TubeHeat
from controller.channels import smallest_rest_mgy
from controller.entries import Opening, Query, Start
from controller.prescribed import Clearance, Prescribed, Quality
from controller.proofs import NEEDED
from hal.readings import Purpose
from records.book import Book, Fraction, Tally
from records.commissioning import closed
from records.day import against, not_checked, until_s
from records.day_forms import DaySite
from records.heat import too_hot
from records.missing import unanswered
from records.warm_up import CLOCK_S, cold, today

TRIPS_MAX = 3
RESUMES_MAX = 2
GAP_MAX_S = 30 * 60.0
PROOF_S = 24 * 3600.0
"""Beyond any of the first three a resume needs a physicist (docs/records.md); a contact must have been read open within the last."""
HOUR_S = 3600.0
TOKEN_MAX = 0xFFFF_FFFF
ONCE = frozenset({Purpose.TREAT, Purpose.CALIBRATE, Purpose.DRY_RUN})
"""What is closed of these is never delivered again: a patient's fraction, and a calibration's exposure, which is named by its own token."""
LEAST_S = 1.0
"""A fraction's time is not known yet when its clearance is asked for: a tube that has no room for one second has none for it. At the START it is known."""
NOBODY = ("", "CALIBRATION")
"""Under these names lies no patient (console/exposing.py): a patient's dose under another purpose would pass every lock of the day."""
WAIVED_UNTIL_S = 4_102_444_800.0
"""2100-01-01: a simulated rig whose configuration waives the daily check. It is shown, and nothing is decided by it."""


class Day(msgspec.Struct, frozen=True):
    """What a question about the day stands on: where the machine is, what runs (None: not in the records), the two clocks, and the waiver.

    `waived` is true only where rig, records and the running process are all simulated (records/recorder.py). `tube` says what heat the tube bears, if
    the rig file does. `late_s` is how long ago what is judged was written into the ring.
    """

    site: DaySite
    opening: Opening | None
    now_s: float
    wall_s: float
    waived: bool
    tube: TubeHeat | None = None
    late_s: float = 0.0

    def until_s(self, book: Book) -> float:
        """Until when the daily check holds; 0 where it does not."""
        return WAIVED_UNTIL_S if self.waived else until_s(book, self.opening, self.site, self.now_s, self.wall_s)


def judge(book: Book, query: Query, day: Day, lacking: str) -> Clearance:
    """Answer a query at this moment; every reason against it is named, the first to mend first. `lacking`: what the order lacks of its signatures."""
    wall_s = day.wall_s
    fraction = book.fraction_of(query.fraction_tag)
    if fraction is not None and fraction.closed and query.prescribed.purpose not in ONCE:
        fraction = None
    tally = book.tally(fraction) if fraction is not None else None
    is_open = fraction is not None and book.is_open(fraction)
    refused = [
        *([lacking] if lacking else []),
        *_house(book, query, day),
        *of_day(book, query.prescribed, query.certificate_sha256, query.software_version, day),
        *too_hot(book, day.tube, query.prescribed.kv * query.prescribed.ma * LEAST_S, day.now_s, wall_s),
    ]
    if fraction is not None and tally is not None and is_open:
        refused += [*_open(query, tally)]
        if query.resume and not refused:
            refused += [*_resume(query, tally, wall_s, day.site.tz)]
    elif fraction is not None and fraction.closed:
        refused.append(_delivered(query, fraction, tally))
    elif query.resume:
        refused.append("there is nothing to resume: no beam was recorded for this fraction; load it instead")
    if not is_open:
        refused += [*_interval(book, query, wall_s)]
    return Clearance(
        query_seq=query.query_seq,
        fraction_tag=query.fraction_tag,
        refused="; ".join(refused),
        open=is_open,
        token=book.retained_of(fraction) if fraction is not None and is_open else 0,
        segments=tally.segments if tally is not None else 0,
        resumes=tally.resumes if tally is not None else 0,
        trips=tally.trips if tally is not None else 0,
        delivered_mgy=tally.delivered_mgy if tally is not None else 0.0,
        low_mgy=tally.low_mgy if tally is not None else 0.0,
        high_mgy=tally.high_mgy if tally is not None else 0.0,
        beam_s=tally.beam_s if tally is not None else 0.0,
        quality=tally.quality if tally is not None else Quality.GOOD,
        last_end_wall_s=tally.last_end_wall_s if tally is not None else 0.0,
        same_day=tally is None or not tally.segments or _same_day(tally.last_end_wall_s, wall_s, day.site.tz),
        day_check_until_wall_s=day.until_s(book),
        wall_s=wall_s,
        hour_mas=_hour_mas(book, query.prescribed.purpose, wall_s),
    )


def _hour_mas(book: Book, purpose: Purpose, wall_s: float) -> float:
    """What was asked of the tube under this purpose within the last hour, from the last tick of each on; an exposure that had no beam is none, one that was cut
    short counts whole."""
    return math.fsum(
        e.start.combination.ma * e.start.set_time_s
        for e in book.exposures.values()
        if not e.void and e.start.prescribed.purpose is purpose and wall_s - e.seen.wall_s < HOUR_S
    )


def start_refused(book: Book, start: Start, simulated: bool, day: Day, lacking: str, asked: Query | None) -> str:
    """Why this START gets no token; empty when it does: what nobody may overrule, and what a physicist may, where he did not. `asked` is the question
    that its process asked last."""
    if lacking:
        return lacking
    wrong = _not_finite("START", start)
    if wrong:
        return f"{wrong} is no number; load the fraction again"
    if start.simulated is not simulated:
        kind = "simulated" if simulated else "real"
        return f"these records are of a {kind} rig and the exposure is not; use the rig's own records"
    moved = _clock_set(start.wall_s, day)
    if moved:
        return moved
    if book.running:
        return f"exposure {min(book.running)} has no end yet; restart the real-time process, which settles it"
    if not 0 <= start.unit_last_token < TOKEN_MAX:
        return f"the unit's last token is {start.unit_last_token}, at most {TOKEN_MAX - 1} can be followed; service"
    fraction = book.fraction_of(start.fraction_tag)
    others = [f for f in book.fractions.values() if f is not fraction and book.is_open(f)]
    if others:
        return f"fraction {others[0].id} is still open; resume or close it first"
    once = start.prescribed.purpose in ONCE
    # what was cleared may have been cleared yesterday: between the question and the press lies a midnight as well as any other minute
    locked = next(of_day(book, start.prescribed, start.certificate_sha256, start.software_version, day), "")
    if locked:
        return locked
    power_w = start.combination.kv * start.combination.ma
    hot = next(too_hot(book, day.tube, power_w * start.set_time_s, day.now_s, day.wall_s), "")
    if hot:
        return hot
    if fraction is None or (fraction.closed and not once):
        return (
            "" if start.segment == 1 else f"segment {start.segment} of a fraction that was never begun; load it again"
        )
    if fraction.closed:
        return f"fraction {fraction.id} is closed; it is not delivered twice"
    tally = book.tally(fraction)
    if start.segment != tally.segments + 1:
        return f"segment {start.segment} where the records expect {tally.segments + 1}; load or resume again"
    if tally.segments and _plan(start.plan_tag, tally):
        return _plan(start.plan_tag, tally)
    charged_mgy = start.delivered_mgy if tally.quality is Quality.GOOD else start.high_mgy
    if charged_mgy < tally.charge_mgy * (1.0 - 1e-9):
        return f"it counts {charged_mgy:.1f} mGy as delivered, the records {tally.charge_mgy:.1f}; resume again"
    # a resume's offer may be held: what was an operator's when it was cleared may have become a physicist's
    own = asked is not None and asked.resume and asked.fraction_tag == start.fraction_tag
    beyond = _not_allowed(tally, asked if own else None, day.wall_s, day.site.tz) if tally.segments else ""
    return f"{beyond}; unload it and resume again" if beyond else ""


def begun_by(book: Book, tag: int, prescribed: Prescribed) -> bool:
    """This fraction is open and its first beam was by these very bytes: by nothing else is its rest given."""
    fraction = book.fraction_of(tag)
    if fraction is None or not book.is_open(fraction):
        return False
    first = book.tally(fraction).first
    return first is not None and first.prescribed.sha256 == prescribed.sha256


def _house(book: Book, query: Query, day: Day) -> Iterator[str]:
    """What stands against any fraction."""
    wall_s = day.wall_s
    wrong = _not_finite("the prescription", query.prescribed)
    if wrong:
        yield f"{wrong} is no number; correct the file"
    if wall_s < book.last_wall_s:
        yield (
            f"the clock shows {_stamp(wall_s)}, which is before the last record ({_stamp(book.last_wall_s)}): set the clock first"
        )
    moved = _clock_set(query.wall_s, day) if query.wall_s != 0.0 else ""
    if moved:
        yield moved
    for token in sorted(book.running):
        yield f"exposure {token} has no end yet; restart the real-time process (kerma run), which settles it"
    for fraction in book.fractions.values():
        if fraction.tag != query.fraction_tag and book.is_open(fraction):
            last = book.exposures[fraction.tokens[-1]].start.prescribed
            yield (
                f"patient {last.patient_id}, lesion {last.lesion_id}, fraction {last.fraction} is still open ({fraction.id}): "
                "resume it or close it first"
            )


def _clock_set(process_wall_s: float, day: Day) -> str:
    """Why nothing is judged by time when the process that asks has another wall time than the recorder had then; empty where the two agree. The process's is
    that of its begin, carried on by the monotonic clock: a clock that was set since is only known to a new process."""
    moved_s = day.wall_s - day.late_s - process_wall_s
    if abs(moved_s) <= CLOCK_S:
        return ""
    return (
        f"the clock was set by {moved_s:+.0f} s since the real-time process began (at most {CLOCK_S:.0f}), and that process still goes by the old one: "
        "see that the clock is right, then restart the real-time process (kerma run)"
    )


def of_day(
    book: Book, prescribed: Prescribed, certificate_sha256: bytes, software_version: str, day: Day
) -> Iterator[str]:
    """What stands against a treatment by the day: records that are missing, a cold tube, a combination that nobody opened, no daily check in force,
    contacts that nobody saw open.
    The check itself comes after the warm-up. Nobody may overrule any of it."""
    if day.waived:
        return
    if prescribed.purpose is not Purpose.TREAT and prescribed.patient_id not in NOBODY:
        yield (
            f"{prescribed.purpose.name} is for nobody, and the order names patient {prescribed.patient_id}: what a patient is given has the "
            "purpose treat; correct the file first"
        )
    if prescribed.purpose not in (Purpose.TREAT, Purpose.DAILY):
        return
    if prescribed.purpose is Purpose.TREAT:
        yield from unanswered(book, day.site)
    yield from cold(book, prescribed.kv, day.now_s, day.wall_s, day.site.tz)
    if prescribed.purpose is not Purpose.TREAT:
        return
    opening = day.opening
    if opening is not None and (opening.certificate_sha256, opening.software_version) != (
        certificate_sha256,
        software_version,
    ):
        yield "the fraction is asked for with another certificate or program than runs here; restart the real-time process (kerma run)"
    yield from closed(book, opening, day.site, prescribed)
    yield from against(book, opening, day.site, day.now_s, day.wall_s)
    yield from not_checked(book, day.site, prescribed)
    yield from _not_proven(book, day.wall_s)


def _not_proven(book: Book, wall_s: float) -> Iterator[str]:
    """Contacts that nobody has seen open for a day, in either channel: they may be stuck closed."""
    old = [name for name in NEEDED if not wall_s - book.opened.get(name, -math.inf) <= PROOF_S]
    if old:
        yield f"not seen open within {PROOF_S / 3600:.0f} h: {', '.join(old)}; open each of these contacts once, and close it again"


def _open(query: Query, tally: Tally) -> Iterator[str]:
    """What stands against a fraction that was begun."""
    edited = _plan(query.plan_tag, tally)
    if edited:
        yield edited
    if not query.resume:
        yield (
            f"this fraction was begun and is open ({tally.delivered_mgy / 10:.1f} cGy D0 delivered, {tally.quality.value}): "
            "resume it, or close it"
        )


def _plan(plan_tag: int, tally: Tally) -> str:
    first = tally.first
    if first is None or first.plan_tag == plan_tag:
        return ""
    return (
        f"the prescription was changed after this fraction was begun (file {plan_tag:016x}, begun with {first.plan_tag:016x}): "
        "use the unchanged file, or close the fraction"
    )


def _delivered(query: Query, fraction: Fraction, tally: Tally | None) -> str:
    p = query.prescribed
    given = f"{tally.delivered_mgy / 10:.1f} cGy D0, {tally.status.value}" if tally is not None else ""
    return (
        f"fraction {p.fraction} of patient {p.patient_id}, lesion {p.lesion_id} is closed ({given}; {fraction.closed_words}): "
        "it is not delivered again"
    )


def _resume(query: Query, tally: Tally, wall_s: float, zone: tzinfo) -> Iterator[str]:
    """What stands against delivering the rest: identity first, which nobody may overrule, then what a physicist may."""
    first, last = tally.first, tally.last
    if first is None or last is None:
        return
    yield from _identity(query, first)
    rest_mgy, least_mgy = last.d0_mgy - tally.charge_mgy, smallest_rest_mgy(last.d0_mgy)
    if not rest_mgy > least_mgy:
        yield f"the rest is {rest_mgy / 10:.2f} cGy D0, at or below max(1 %, 2 cGy) = {least_mgy / 10:.2f}: close the fraction"
    beyond = _not_allowed(tally, query, wall_s, zone)
    if beyond:
        yield beyond


def _identity(query: Query, first: Start) -> Iterator[str]:
    p, begun = query.prescribed, first.prescribed
    pairs = (
        ("purpose", p.purpose.name, begun.purpose.name),
        ("patient", p.patient_id, begun.patient_id),
        ("second patient id", p.patient_id_2, begun.patient_id_2),
        ("lesion", p.lesion_id, begun.lesion_id),
        ("fraction", str(p.fraction), str(begun.fraction)),
        ("applicator", p.applicator_id, begun.applicator_id),
        ("certificate", query.certificate_sha256.hex()[:16], first.certificate_sha256.hex()[:16]),
        ("software", query.software_version, first.software_version),
    )
    for what, now, then in pairs:
        if now != then:
            yield f"the {what} is {now or 'empty'}, this fraction was begun with {then or 'empty'}: a resume needs the same"


def _not_allowed(tally: Tally, query: Query | None, wall_s: float, zone: tzinfo) -> str:
    """What of a resume is a physicist's and was not asked for by one, with a reason."""
    physicist = ", ".join(_for_physicist(tally, wall_s, zone))
    if not physicist:
        return ""
    if query is None or not query.physicist:
        return f"a physicist is needed: {physicist}"
    return "" if query.reason.strip() else f"the physicist's reason is needed: {physicist}"


def _for_physicist(tally: Tally, wall_s: float, zone: tzinfo) -> Iterator[str]:
    gap_s = wall_s - tally.last_end_wall_s
    if tally.trips >= TRIPS_MAX:
        yield f"{tally.trips} trips (fewer than {TRIPS_MAX})"
    if tally.resumes >= RESUMES_MAX:
        yield f"{tally.resumes} resumes (fewer than {RESUMES_MAX})"
    if not gap_s <= GAP_MAX_S:
        yield f"{gap_s / 60:.0f} min since the last beam (at most {GAP_MAX_S / 60:.0f})"
    if not _same_day(tally.last_end_wall_s, wall_s, zone):
        yield "another day"
    if tally.quality is Quality.UNKNOWN:
        yield f"the dose is not known ({tally.low_mgy / 10:.1f} to {tally.high_mgy / 10:.1f} cGy D0)"


def _interval(book: Book, query: Query, wall_s: float) -> Iterator[str]:
    """Least time since the last fraction of the same patient and lesion."""
    p = query.prescribed
    if p.purpose is not Purpose.TREAT:
        return
    ends = []
    for fraction in book.fractions.values():
        first = book.exposures[fraction.tokens[0]].start.prescribed if fraction.tokens else None
        if first is None or fraction.tag == query.fraction_tag or first.purpose is not Purpose.TREAT:
            continue
        if (first.patient_id, first.lesion_id) == (p.patient_id, p.lesion_id):
            ends.append(book.tally(fraction).last_end_wall_s)
    since_h = (wall_s - max(ends)) / 3600.0 if ends else math.inf
    if not since_h >= p.min_interval_h:
        yield f"{since_h:.1f} h since the last fraction of this lesion, at least {p.min_interval_h:g} (prescription min_interval_h): wait"


def _same_day(first_s: float, second_s: float, zone: tzinfo) -> bool:
    """The same calendar day where the machine stands, whatever zone the computer was set to."""
    return today(first_s, zone) == today(second_s, zone)


def _stamp(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s).isoformat(" ", "seconds")


def _not_finite(name: str, value: object) -> str:
    """Path of the first number that is NaN or infinite; empty when there is none."""
    if isinstance(value, float):
        return "" if math.isfinite(value) else name
    if isinstance(value, msgspec.Struct):
        parts = ((f"{name}.{one}", getattr(value, one)) for one in value.__struct_fields__)
    elif isinstance(value, tuple):
        parts = ((f"{name}[{i}]", one) for i, one in enumerate(value))
    else:
        return ""
    return next((wrong for wrong in (_not_finite(*part) for part in parts) if wrong), "")
