"""The hand that exposes for a procedure: one request of the engine becomes one exposure on the path of every exposure, and its record becomes the answer.
A person has confirmed its token before; this room changes no number, asks for no token twice, and where it does not know an end it gives no answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from calibration.dosimetry.in_air import p_tp
from calibration.dosimetry.units import Celsius, Kilopascals
from calibration.procedures.session import Expose, Recorded
from console import arcs
from console.exit_codes import Exit
from console.followed import Followed
from console.hour_charge import NO_WAIT, Waits
from console.second_calculation import COLD_S, Compared, combination
from console.treat.session import Session
from console.treat.treat import AFTER_CONFIRM, Face, Result, Wanted, treat
from controller.prescribed import Certificate, Prescribed
from controller.requests import Close, Ended, Offer
from controller.tags import fraction_tag
from hal.readings import Purpose
from records import fractions
from records.book import Book
from records.store import StoreError
from records.warm_up import Beam, of_tube

PATIENT: Final = "CALIBRATION"
"""Nobody lies there; exposures of procedures are found in the records under this name."""
COMPLETE: Final = "complete"
SAME_S: Final = 0.0051
"""The timer's step is 10 ms: an offer whose time is further from what was asked is of something else."""
RECORD_WITHIN_S: Final = 5.0
SILENT: Final = (
    f"exposure {{token}} ended as it was asked for, and the records told nothing of it within {RECORD_WITHIN_S:g} s, so that nobody knows by which certificate "
    "it was made; first: see that the recorder runs and the disk has room (kerma records list shows the exposure), then reject this one with that reason, and "
    "expose again"
)
LOOK_WITHIN_S: Final = 2.0
NOTHING: Final = Recorded()
FILAMENT_S: Final = 1.5
"""A dry run leaves the filament cold, and an offer sets its stand-by again: who presses within half a second of that sees the current overshoot, and the
beam is ended. It is confirmed no sooner than this after its offer; a filament takes 0.2 to 0.4 s to follow. An assumption."""
QUIET: Final = ("SELF_TEST", "STANDBY", "PREPARATORY", "FAULT")
"""States in which an exposure that left no end has given no beam."""


@dataclass(frozen=True)
class Answered:
    """How an exposure ended: "complete", or why not. `timer_s` is the safety unit's, `number` its own token; `record` is empty where nothing is kept."""

    token: str
    ended: str
    timer_s: float
    record: Recorded = NOTHING
    number: int = 0


@dataclass(frozen=True)
class Unanswered:
    """Nobody knows how it ended, or whether; a person looks, and rejects it with the reason."""

    token: str
    words: str


class Records(Protocol):
    """What the hand asks of the records."""

    def known(self, token: str) -> bool: ...

    def exposure(self, tag: int, number: int) -> Mapping[str, Any] | None: ...

    def cold(self) -> bool: ...


class Kept:
    """The records in a rig's database; StoreError is not caught: who cannot look does not expose."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._journal = Followed(database.parent / fractions.JOURNAL_NAME)

    def known(self, token: str) -> bool:
        """Whether an exposure of this token was ever started, whatever came of it."""
        return any(
            (row["patient_id"], row["prescription_id"]) == (PATIENT, token)
            for row in fractions.list_fractions(self._database)
        )

    def rows(self) -> list[dict[str, Any]]:
        """Every fraction kept, the newest first."""
        return fractions.list_fractions(self._database)

    def used(self) -> list[dict[str, Any]]:
        """What the tube that is there had, the newest first: the same as `beams`, each with the token that it was asked for by."""
        return self._journal.look(lambda book: [_use(book, one) for one in of_tube(book)])

    def beams(self) -> tuple[Beam, ...]:
        """What the tube that is there had, the newest first, by the journal beside the database: with the clocks that the lock goes by."""
        return self._journal.look(lambda book: tuple(of_tube(book)))

    def cold(self) -> bool:
        """Whether the newest exposure was over a cold filament."""
        return any(row["purpose"] == Purpose.DRY_RUN.name for row in self.rows()[:1])

    def of(self, token: str) -> Mapping[str, Any]:
        """The ended exposure of a token that had beam; empty where there is none."""
        for row in self.rows():
            if (row["patient_id"], row["prescription_id"]) == (PATIENT, token):
                found = fractions.show(self._database, str(row["id"]))["exposures"]
                return next((one for one in found if not one["void"] and one["outcome"] is not None), {})
        return {}

    def exposure(self, tag: int, number: int) -> Mapping[str, Any] | None:
        """The ended exposure of this number; None where it is not there yet."""
        found = f"{tag:016x}"
        if not any(str(row["id"]).startswith(found) for row in fractions.list_fractions(self._database)):
            return None
        shown = fractions.show(self._database, found)
        by = {"certificate_sha256": shown["certificate_sha256"]}
        return next(
            (row | by for row in shown["exposures"] if row["token"] == number and row["outcome"] is not None), None
        )


def _use(book: Book, one: Beam) -> dict[str, Any]:
    return {
        "started_wall_s": one.begun_s, "ended_wall_s": one.ended_s, "purpose": one.purpose.name, "clocks_s": one.clocks_s,
        "prescription_id": book.exposures[one.token].start.prescribed.prescription_id,
    }  # fmt: skip


@dataclass(frozen=True)
class Person:
    """Who is at the terminal, in which role."""

    name: str
    role: str


class Hand:
    """Exposes what is asked of it, one exposure at a time. `press` and `release` act on a simulated room's switch (None: a person does); `waits` says of
    what was not exposed how long the hour's charge has no room for it."""

    def __init__(
        self,
        session: Session,
        certificate: Certificate,
        records: Records,
        person: Person,
        face: Face,
        press: Callable[[], str] | None = None,
        release: Callable[[], str] | None = None,
        purpose: Purpose = Purpose.CALIBRATE,
        waits: Waits = lambda _mas: NO_WAIT,
    ) -> None:
        self._session, self._certificate, self._records = session, certificate, records
        self._person, self._face, self._press, self._release = person, face, press, release
        self._purpose, self._waits = purpose, waits
        self._asked: set[str] = set()

    def begin(self) -> None:
        """Before a person is asked to confirm: a STOP of before is over, one from now on holds."""
        self._session.stopped = False

    def expose(self, asked: Expose) -> Answered | Unanswered:
        """One exposure, from the desk's offer to the record of its end."""
        if asked.token in self._asked or self._known(asked.token):
            return Unanswered(
                asked.token, f"exposure {asked.token} was asked for already; look at kerma records list, and reject it"
            )
        self._asked.add(asked.token)
        prescribed = order(asked, self._certificate, self._person, self._purpose)
        if isinstance(prescribed, str):
            return _not_exposed(asked, prescribed)
        wanted = Wanted(
            prescribed,
            self._certificate,
            self._person.name,
            yes=True,
            press=self._press,
            release=self._release,
            role=self._person.role,
            further=lambda offer: compared(asked, offer),
            allowed=lambda: self._warmed(asked),
        )
        return self._answer(asked, prescribed, treat(self._session, wanted, self._face))

    def _warmed(self, asked: Expose) -> str:
        """After a dry run the filament is given its time at the stand-by that the offer has set; words where a STOP came meanwhile."""
        if asked.how == "cold" or not self._cold():
            return ""
        session, until = self._session, self._session.now() + FILAMENT_S
        while session.now() < until:
            session.turn()
            if session.stopped:
                return "stopped while the filament warmed up; unloaded, nothing was delivered"
        return ""

    def _cold(self) -> bool:
        """Records that cannot be asked may hold a dry run."""
        try:
            return self._records.cold()
        except StoreError:
            return True

    def _known(self, token: str) -> bool:
        try:
            return self._records.known(token)
        except StoreError:
            return True

    def _answer(self, asked: Expose, prescribed: Prescribed, result: Result) -> Answered | Unanswered:
        ended = result.ended
        if ended is None:
            return self._without_end(asked, result)
        if result.code is Exit.STUCK_ON or not ended.durable:
            return Unanswered(asked.token, result.words or f"{ended.outcome}: {ended.words}")
        how = COMPLETE if result.code is Exit.AS_INTENDED else how_it_ended(ended)
        if ended.outcome == "INTERRUPTED":
            answer = self._session.ask(Close(f"calibration exposure {asked.token}: {how}"))
            how = how if answer.ok else f"{how}; not closed: {answer.words}"
        row, offer = self._recorded(prescribed, ended), result.offer
        if row is None or offer is None:
            if how == COMPLETE:
                return Unanswered(asked.token, SILENT.format(token=ended.token))
            return Answered(asked.token, how, ended.dose.beam_s, number=ended.token)
        seen = bool(row["kv_mean"])
        record = Recorded(
            set_kv=offer.kv, set_ma=offer.ma, kv=row["kv_mean"] if seen else None, ma=row["ma_mean"] if seen else None,
            counts_1=float(row["counts_1"]), counts_2=float(row["counts_2"]), head_p_tp=head_p_tp(self._certificate, float(row["k_tp"])),
            counted_s=_counted_s(row), clock_s=row.get("host_beam_s"), arcs=float(arcs.ended(row)), after_off_1=row.get("after_end_1"),
            after_off_2=row.get("after_end_2"), after_off_s=row.get("after_end_s"), k1_closed_s=row.get("after_end_k1_s"),
            after_off_unseen=row.get("after_end_unseen") or "",
        )  # fmt: skip
        return Answered(
            asked.token, self._by_this(str(row["certificate_sha256"])) or how, float(row["beam_s"]), record, ended.token
        )

    def _by_this(self, sha256: str) -> str:
        """Why an exposure by this certificate is none of what is measured here, or "": by another one the unit's timer may start elsewhere (hazard A7)."""
        here = self._certificate
        if sha256 == here.sha256.hex():
            return ""
        return f"was made by certificate {sha256[:16]}, which kerma run still has, and {here.id} lies here: start kerma run anew, and expose again"

    def _without_end(self, asked: Expose, result: Result) -> Answered | Unanswered:
        """Refused, not confirmed, or left: no beam only where a look made since says so, and the records know of none."""
        words = result.words or result.code.name
        if result.code is not Exit.NO_ANSWER and self._quiet() and not self._known(asked.token):
            wait = self._waits(asked.ma * asked.seconds)
            return _not_exposed(asked, f"{words}; {wait}" if wait else words)
        return Unanswered(asked.token, words)

    def _quiet(self) -> bool:
        session, until = self._session, self._session.now() + LOOK_WITHIN_S
        while session.now() < until:
            shown = session.snapshot if session.turn() else None
            if shown is not None:
                return shown.state in QUIET and shown.state not in AFTER_CONFIRM and shown.beam == "off"
        return False

    def _recorded(self, prescribed: Prescribed, ended: Ended) -> Mapping[str, Any] | None:
        """The records' own row of this end; it comes a moment after the end is on the disk."""
        session, until = self._session, self._session.now() + RECORD_WITHIN_S
        while session.now() < until:
            try:
                found = self._records.exposure(fraction_tag(prescribed), ended.token)
            except StoreError:
                return None
            if found is not None:
                return found
            session.turn()
        return None


def _not_exposed(asked: Expose, words: str) -> Answered:
    return Answered(asked.token, f"not exposed: {words}", 0.0)


def _counted_s(row: Mapping[str, Any]) -> float | None:
    """From high voltage on until it was proved off: so long both counters ran. None: the record lacks one of both."""
    on_s, off_s = row.get("on_at_s"), row.get("off_verified_s")
    return None if on_s is None or off_s is None else float(off_s) - float(on_s)


def head_p_tp(certificate: Certificate, k_tp: float) -> float | None:
    """The air of the head to 20 degC and 101.325 kPa; None where the certificate corrects no channel for it, and nobody looked."""
    if not certificate.vented_2:
        return None
    reference = Celsius(certificate.ref_temperature_c), Kilopascals(certificate.ref_pressure_kpa)
    return k_tp * p_tp(*reference, "20C").value


def order(asked: Expose, certificate: Certificate, person: Person, purpose: Purpose) -> Prescribed | str:
    """The exposure as the desk is asked for it: at the surface, no gap, the dose that takes these seconds; or why there is none.

    With a cold filament it is a dry run, of no dose, whose seconds are the program's own."""
    if asked.how == "dark":
        return f"the desk exposes with high voltage only, and {asked.token} asks for {asked.how}; first: do that step by hand at the generator"
    if asked.how == "cold":
        if asked.seconds != COLD_S:
            return (
                f"over a cold filament the desk exposes for {COLD_S:g} s, and {asked.token} asks for {asked.seconds:g} s; "
                "first: do that step by the maker's program"
            )
        purpose = Purpose.DRY_RUN
    beam = (asked.kv, asked.ma, asked.filter, asked.applicator)
    text = msgspec.json.encode(asked)
    made = Prescribed(
        prescription_id=asked.token, version=1, sha256=hashlib.sha256(text).digest(), patient_id=PATIENT, patient_id_2=asked.limits,
        course_id=asked.token.rpartition("-")[0], lesion_id=purpose.name, site="no patient", laterality="none", rx_mgy=0.0, depth_mm=0.0,
        fraction=1, fractions=1, min_interval_h=0.0, kv=beam[0], ma=beam[1], filter_id=beam[2], applicator_id=beam[3], gap_mm=0.0,
        cutout_factor=1.0, approved_by=(f"{person.name} ({person.role})",), purpose=purpose,
    )  # fmt: skip
    if asked.how == "cold":
        return made
    used = combination(certificate, made)
    if used is None:
        return (
            f"certificate {certificate.id} has no combination {asked.kv:g} kV, {asked.ma:g} mA, filter {asked.filter}, "
            f"applicator {asked.applicator}; first: add it, and start kerma run again"
        )
    return msgspec.structs.replace(made, rx_mgy=used.r0_mgy_per_s * (asked.seconds + used.dt_s))


def compared(asked: Expose, offer: Offer) -> tuple[Compared, ...]:
    """The offer against what the procedure asked for: its time, its charge, and that it is a first and whole one. Any difference ends it."""
    mas = max(asked.ma, offer.ma) * offer.set_time_s
    lines = [
        Compared("time asked for", f"{offer.set_time_s:.3f} s", f"{asked.seconds:.3f} s", abs(offer.set_time_s - asked.seconds) <= SAME_S),
        Compared("charge, at most", f"{mas:.2f} mAs", f"{asked.mas_cap:.2f} mAs", mas <= asked.mas_cap),
        Compared("segment", str(offer.segment), "1", offer.segment == 1),
    ]  # fmt: skip
    if offer.termination == "time":
        preset_s = offer.timer_preset_ms / 1000.0
        lines.append(
            Compared("timer preset", f"{preset_s:.3f} s", f"{asked.seconds:.3f} s", abs(preset_s - asked.seconds) <= SAME_S)
        )  # fmt: skip
    return tuple(lines)


def how_it_ended(ended: Ended) -> str:
    """An end that is none of the intended ones, in a few words."""
    what = "no beam" if ended.void else ended.outcome.lower()
    return ", ".join(part for part in (what, ended.event, ended.rule, ended.words) if part)
