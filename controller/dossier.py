"""The exposure in hand: its case, admission, latches and self-test, kept up to date before a decision and after a transition.
It sends no command and decides no event; what must outlive the process goes into the ring from here."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from controller import requests
from controller.admission import Admission, Site, judge_clearance, query_for
from controller.case import Case
from controller.decide import SETTLE_S
from controller.dose import Dose, Meter
from controller.entries import EntryType, Outcome, ResetDone, Start, Statement, Terminal
from controller.entries import Event as EventEntry
from controller.exposure import Decided, Stage
from controller.facts import Facts
from controller.guards import MAINS_OFF_S
from controller.latches import Latches
from controller.ledger import Ledger
from controller.off import Evidence, evidence
from controller.prescribed import Certificate
from controller.proofs import OPENED, Proofs
from controller.requests import Ended, Request
from controller.self_test import Phase, Tests, begin, step
from controller.shown import dose_shown, ended_shown
from controller.states import Event, State
from controller.stray import Uncommanded, adopted
from controller.written import found_entry, start_entry, terminal_entry, void_is_proved
from hal.machine import Capabilities
from hal.readings import Purpose, Readings, Relay, UnitState
from hal.rig import read_back
from hal.units import Seconds
from interlocks.cold import COOL_S, is_cold
from interlocks.dose_rules import drifted
from interlocks.words import Latch, Sent, Trip, Verdict

CLOSED_WORDS: Final = "fraction {tag:016x} closed: {reason}"
"""Words of the entry that closes a fraction; the recorder finds the fraction by its tag."""

K1_OFF_S: Final = 1.0
"""The safety unit does not arm within this time after K1 was closed; nothing is offered before."""

K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
OWED_S: Final = 15.0
"""How long the end of an exposure is owed while its safety unit is not heard: what the unit retained closes the gap, and nothing else does."""
HEARD_S: Final = 1.0
"""The unit must have been heard again this long: past the cable's discharge, so that its counters are whole."""

_AT_REST: Final = (State.STANDBY, State.INTERRUPTED, State.TERMINATED)
_RESTS: Final = (UnitState.IDLE, UnitState.COMMITTED, UnitState.ENDED)
"""The unit permits nothing and its counters stand. COMMITTED is what an unloaded set-up leaves, and what the unit retains stays in it."""
STRANGE_S: Final = 1.5
"""How long a retained token must have been unknown to the records: longer than an end takes to the disk, and the slow block to be read."""
_MAY_HAVE_BEAM: Final = (State.READY, State.STARTING, State.STUCK_ON)
"""After ARMING or READY, states in which an exposure is not VOID: it goes on, or high voltage came that nobody asked for."""


class Identity(msgspec.Struct, frozen=True):
    """Who is running: for entries and snapshots."""

    rig: str
    simulated: bool
    instance: str
    software_version: str
    pid: int


class DossierKept(msgspec.Struct, frozen=True):
    """A dossier as it stands after the tick of a confirmation, fields by their meaning in Dossier."""

    case: Case
    tests: Tests
    latches: tuple[Latch, ...]
    start: Start | None
    anchor: tuple[float, float]
    off_since_s: float | None
    gone_since_s: float | None
    k1_open_since_s: float | None
    resetting: tuple[int, int]
    offers: int
    told: int
    strange_since_s: float | None
    noted: EventEntry | None


class Owed(msgspec.Struct, frozen=True):
    """An end that waits for the safety unit: the stage that it ended in, since when, and since when the unit has been heard again."""

    stage: Stage
    since_s: float
    heard_since_s: float | None = None


class LastEnd(msgspec.Struct, frozen=True):
    """The last TERMINAL as it was put: its number, and the recorder that was heard then (0: none)."""

    seq: int
    terminal: Terminal
    recorder: int


class Dossier:
    """Everything that is known of the exposure in hand. A new Dossier on the same machine and records knows nothing of the old one."""

    def __init__(
        self,
        ledger: Ledger,
        meter: Meter,
        certificate: Certificate,
        site: Site,
        identity: Identity,
        machine: Capabilities,
        now: Seconds,
        wall_s: float,
    ) -> None:
        self._ledger, self._meter, self._certificate = ledger, meter, certificate
        self._site, self._identity, self._machine = site, identity, machine
        self.case = Case()
        self.tests: Tests = begin(now)
        self.admission = Admission()
        self._latches = Latches(ledger)
        self._proofs = Proofs()
        self._uncommanded = Uncommanded()
        self.ended: Ended | None = None
        self.unlatching = False
        self._start: Start | None = None
        self._anchor = (wall_s, float(now))
        self._off_since: float | None = None
        self._gone_since: float | None = None
        self._k1_open_since: float | None = None
        self._same_since: float | None = None
        self._away_since: float | None = None
        self._power_cycled = False
        self._resetting = (0, 0)
        self._offers = self._told = 0
        self._strange_since: float | None = None
        self._noted: EventEntry | None = None
        self._owed: Owed | None = None
        self._ended_seq = 0
        self._last_end: LastEnd | None = None

    @property
    def latches(self) -> tuple[Latch, ...]:
        """What is latched now."""
        return self._latches.held

    @property
    def unended(self) -> bool:
        """An exposure from before this set-up could not be proved VOID and has no end yet. The records give no START beside it, and a second would
        hide it from what ends it at rest: nothing is offered until the fraction is unloaded."""
        return self._start is not None

    def keep(self) -> DossierKept:
        """Where it stands now."""
        return DossierKept(
            case=self.case,
            tests=self.tests,
            latches=self.latches,
            start=self._start,
            anchor=self._anchor,
            off_since_s=self._off_since,
            gone_since_s=self._gone_since,
            k1_open_since_s=self._k1_open_since,
            resetting=self._resetting,
            offers=self._offers,
            told=self._told,
            strange_since_s=self._strange_since,
            noted=self._noted,
        )

    def take_up(self, kept: DossierKept, readings: Readings) -> None:
        """Go on from there; `readings` are those of the confirmation, with which the segment's dose began (kerma replay)."""
        self.case, self.tests, self._start, self._anchor = kept.case, kept.tests, kept.start, kept.anchor
        self._latches.take_up(kept.latches)
        self._off_since, self._gone_since = kept.off_since_s, kept.gone_since_s
        self._k1_open_since, self._resetting = kept.k1_open_since_s, kept.resetting
        self._offers, self._told, self._strange_since = kept.offers, kept.told, kept.strange_since_s
        self._noted = kept.noted
        # what was open then had been told: the key is in one of its places only, so one of its contacts always is
        self._proofs.opened(readings)
        if kept.case.settings is not None:
            self._meter.begin(kept.case.settings, readings, readings.now_s)

    @property
    def confirmed(self) -> bytes:
        """The digest of what was confirmed; empty when nothing was."""
        settings = self.case.settings
        return settings.digest if settings is not None and self.case.confirmed_at_s is not None else b""

    def wall_s(self, now: float) -> float:
        """Wall time by the monotonic clock from the start's anchor; it cannot step."""
        return self._anchor[0] + (now - self._anchor[1])

    def facts(
        self, stage: Stage, readings: Readings, verdict: Verdict, dose: Dose, sent: Sent, kernel_sound: bool
    ) -> Facts:
        """Bring everything up to this snapshot and say what decide needs of it."""
        now = Seconds(readings.now_s)
        self._retell_end(now)
        self._latches.retell(self._ledger.statement, now, self.wall_s(now))
        self._latches.open(self._ledger.statement, self._anchor[1])
        # the meter keeps an exposure until the next one begins: chambers that counted in a former one prove nothing of this one's silence
        off = evidence(readings, self._machine, dose.counted and bool(self.case.start_seq))
        self._off_since = _since(self._off_since, off.verified, readings.now_s)
        self._gone_since = _since(self._gone_since, off.gone, readings.now_s)
        if stage.state is State.SELF_TEST:
            self._self_test(readings, off, kernel_sound)
        opened = self._proofs.opened(readings)
        if opened:
            entry = EventEntry(stage.state.value, OPENED, stage.state.value, "", opened)
            self._ledger.put(EntryType.EVENT, entry, Seconds(readings.now_s))
        self._follow_reset(readings)
        self._follow_retained(stage, readings)
        k1_open = readings.unit is not None and bool(readings.unit.relays & K1_OPEN)
        self._k1_open_since = _since(self._k1_open_since, k1_open, readings.now_s)
        if sent.on_at_s is not None and sent.on_at_s != self.case.on_at_s:
            self.case = msgspec.structs.replace(self.case, on_at_s=sent.on_at_s)
        self._follow_case(stage, readings, verdict)
        self._follow_generator(stage, readings)
        return Facts(
            machine=self._machine,
            sent=sent,
            case=self.case,
            tests=self.tests,
            off=off,
            latches=self.latches,
            statement=self._ledger.statement,
            admitted=self.admission.settings,
            refused=self.admission.refused,
            terminal_durable=not self.case.terminal_seq or self._ledger.durable(self.case.terminal_seq),
            unended=self.unended,
            reset_read_back=readings.unit is not None and readings.unit.token == 0 and not self._resetting[0],
            off_since_s=self._off_since,
            generator_power_cycled=self._power_cycled,
        )

    def admit(self, request: Request | None, stage: Stage, readings: Readings, number: int) -> None:
        """Ask the records about a fraction, once for each request, and take their answer. `number` names the query."""
        if not isinstance(request, requests.Load | requests.Resume):
            self.admission = Admission()
            return
        if self.admission.request is not request:
            self.admission = Admission(request=request)
        ended = not self.case.terminal_seq or self._ledger.durable(self.case.terminal_seq)
        if (
            not self.admission.query_seq
            and ended
            and stage.state in (State.STANDBY, State.INTERRUPTED)
            and not self.latches
        ):
            asked_at = Seconds(readings.now_s)
            query = query_for(
                request, number, self._certificate, self._identity.software_version, self.wall_s(asked_at)
            )
            self._ledger.put(EntryType.QUERY, query, asked_at)
            self.admission = msgspec.structs.replace(self.admission, query_seq=number, asked_at_s=readings.now_s)
        self.admission = judge_clearance(
            self.admission, self._ledger.statement, readings, self._certificate, self._site
        )

    def moved(
        self,
        before: Stage,
        stage: Stage,
        decided: Decided,
        readings: Readings,
        verdict: Verdict,
        request: Request | None,
        sent: Sent,
        off: Evidence,
    ) -> None:
        """After the table was stepped: latches, and what a transition leaves behind."""
        now = Seconds(readings.now_s)
        self._follow_stray(readings, verdict)
        self._latches.follow(stage, decided, verdict, now, self.wall_s(now))
        if stage.state is State.STUCK_ON and self._gone_for_s(stage, now) >= SETTLE_S:
            self._terminate(stage, readings, sent, off)
        if self._owed is not None:
            self._settle_owed(stage, readings, sent, off)
        if not stage.entered:
            return
        self._note(
            EventEntry(before.state.value, decided.event.name, stage.state.value, decided.rule, decided.words), now
        )
        if before.state in (State.ARMING, State.READY) and stage.state not in _MAY_HAVE_BEAM:
            self._void(stage, readings, sent)
        if before.state is State.STOPPING and stage.state is not State.STUCK_ON:
            if stage.state is State.FAULT and readings.unit_link.lost and self._machine.retains:
                self._owe(stage, readings, sent)
            else:
                self._terminate(stage, readings, sent, off)
        if decided.event is Event.RESET and isinstance(request, requests.Adopt):
            self._adopt(request, readings)
        elif decided.event is Event.RESET:
            self._latches.clear(request, verdict, now, self.wall_s(now))
        if decided.event is Event.CLOSE:
            self._close(before, request, now)
        enter = _ENTERED.get(stage.state)
        if enter is not None:
            enter(self, before, decided, readings, request)

    def _follow_stray(self, readings: Readings, verdict: Verdict) -> None:
        """Beam that nobody asked for, where no exposure's own record will hold it."""
        wall_s = self.wall_s(readings.now_s)
        exposing, unsettled = self._start is not None, not self.tests.found_seq
        entry = self._uncommanded.follow(readings, verdict, exposing, unsettled, self._certificate, wall_s)
        if entry is not None:
            self._ledger.put(EntryType.STRAY, entry, Seconds(readings.now_s))

    def leave(self, now: Seconds) -> None:
        """The process ends as it was asked to: beam of no exposure that has been seen and not written down is. An exposure that is open stays so: the next
        process says when off was found, and until then its beam is charged (records/recovery.py)."""
        entry = self._uncommanded.rest(self._certificate, self.wall_s(now))
        if entry is not None:
            self._ledger.put(EntryType.STRAY, entry, now)

    def _adopt(self, request: requests.Adopt, readings: Readings) -> None:
        """What the unit retains becomes a record with bounds, the physicist's latch with it; then the unit may be reset by its token."""
        now = Seconds(readings.now_s)
        entry = adopted(request, readings, self._certificate, self.wall_s(now))
        if entry is not None:
            self._ledger.put(EntryType.STRAY, entry, now)
            self._latches.adopted(now, self.wall_s(now))

    def _gone_for_s(self, stage: Stage, now: Seconds) -> float:
        """How long high voltage has been gone in this state: what was so before the state began proves nothing of what began it."""
        return now - max(self._gone_since, stage.since_s) if self._gone_since is not None else 0.0

    def _note(self, entry: EventEntry, now: Seconds) -> None:
        """Into the journal, but a self-test that begins again for the same reason is one event and not a hundred a second."""
        if entry == self._noted and entry.state == entry.to:
            return
        self._noted = entry
        self._ledger.put(EntryType.EVENT, entry, now)

    def waiting(self, request: Request | None, stage: Stage, refused: str, readings: Readings) -> None:
        """A request that waits for the unit: a reset for its latch to be cleared, a close for its retained exposure to be reset."""
        durable = not self.case.terminal_seq or self._ledger.durable(self.case.terminal_seq)
        if (
            isinstance(request, requests.Close)
            and stage.state is State.TERMINATED
            and durable
            and not self.case.closing
        ):
            self.case = msgspec.structs.replace(self.case, closing=True)
        latched_unit = readings.unit is not None and readings.unit.state == UnitState.LATCHED
        self.unlatching = (
            isinstance(request, requests.Reset)
            and not refused
            and latched_unit
            and stage.state in (State.FAULT, State.STUCK_ON)
        )

    def refresh_ended(self) -> None:
        """Once the end is on the disk, say so."""
        if (
            self.ended is not None
            and not self.ended.durable
            and self._ended_seq
            and self._ledger.durable(self._ended_seq)
        ):
            self.ended = msgspec.structs.replace(self.ended, durable=True)

    def _self_test(self, readings: Readings, off: Evidence, kernel_sound: bool) -> None:
        self.tests = step(self.tests, readings, off, self._ledger.statement, kernel_sound, self._machine.unit_tests)
        if self.tests.phase is Phase.RECONCILE and not self.tests.found_seq:
            self.tests = msgspec.structs.replace(self.tests, found_seq=self._found(readings))

    def _found(self, readings: Readings) -> int:
        """What the unit retains, told to the records; the entry's number."""
        seq, _ = self._ledger.put(EntryType.FOUND, found_entry(readings), Seconds(readings.now_s))
        self._latches.found(seq)
        return seq

    def _follow_reset(self, readings: Readings) -> None:
        """Note the reset of a retained exposure once the unit's token reads back as 0."""
        unit, statement = readings.unit, self._ledger.statement
        if unit is None or readings.unit_link.lost:
            return
        if self._resetting[0] and unit.token == 0:
            self._ledger.put(EntryType.RESET_DONE, ResetDone(*self._resetting), Seconds(readings.now_s))
            self._resetting = (0, 0)
        elif unit.token and statement is not None and statement.reset_due_token == unit.token:
            tag = readings.slow.fraction_tag if readings.slow is not None else 0
            self._resetting = (unit.token, tag)

    def _follow_retained(self, stage: Stage, readings: Readings) -> None:
        """At rest, what the unit retains and the records take for another is told to them as at a start: a press in the tick of an unload runs
        without ON, unseen; and so is an exposure that could not be proved VOID."""
        unit, statement, now = readings.unit, self._ledger.statement, readings.now_s
        if unit is None or statement is None:
            return
        strange = (
            stage.state in _AT_REST
            and unit.state in _RESTS
            and not readings.unit_link.lost
            and (self.unended or not self._is_known(unit.token, statement))
        )
        self._strange_since = _since(self._strange_since, strange, now)
        if self._strange_since is not None and now - self._strange_since >= STRANGE_S:
            self._found(readings)
            self._told, self._start, self._strange_since = unit.token, None, None

    def _is_known(self, token: int, statement: Statement) -> bool:
        """Whether the records know what the unit retains, or were told of it."""
        return token in (0, self._told, statement.reset_due_token) or any(o.token == token for o in statement.opens)

    def _follow_generator(self, stage: Stage, readings: Readings) -> None:
        """Since STUCK_ON began, has the generator been away for as long as a switch at the mains takes, and come back?"""
        stuck = stage.state is State.STUCK_ON
        away, lost, now = self._away_since, readings.generator_link.lost, readings.now_s
        back = away is not None and not lost and now - away >= MAINS_OFF_S
        self._power_cycled = stuck and (self._power_cycled or back)
        self._away_since = _since(away, stuck and lost, now)

    def _follow_case(self, stage: Stage, readings: Readings, verdict: Verdict) -> None:
        """Take the token when the START is durable, make an offer when the devices read back as planned, end a forced re-commit. No offer is made that
        a rule would take back in the same tick, with an OFF and a new commit, thirty times a second for as long as a door stands open."""
        case, settings, unit, now = self.case, self.case.settings, readings.unit, readings.now_s
        if settings is None or unit is None:
            return
        if stage.state is State.ARMING and not case.token:
            token = self._ledger.token_of(case.start_seq, case.start_crc)
            self.case = msgspec.structs.replace(case, token=token) if token else case
        elif stage.state is State.PREPARATORY and case.recommit:
            if unit.state in (UnitState.IDLE, UnitState.ENDED):
                self.case = msgspec.structs.replace(case, recommit=False)
        elif stage.state is State.PREPARATORY:
            air = drifted(readings, settings.terms, self._machine.fitted)
            same = read_back(readings) == settings.plan and unit.state == UnitState.COMMITTED and not air
            self._same_since = _since(self._same_since, same, now)
            rested = self._k1_open_since is not None and now - self._k1_open_since > K1_OFF_S
            if settings.terms.purpose is Purpose.DRY_RUN:
                rested = (
                    rested
                    and self._same_since is not None
                    and now - self._same_since >= COOL_S
                    and is_cold(readings.monitor)
                )
            stands = not any(finding.trip is Trip.TRIP_STOP for finding in verdict.findings)
            if same and rested and stands and not (self.unended or self.latches or case.on_offer(now)):
                self._offers += 1
                self.case = msgspec.structs.replace(case, offer_id=self._offers, offer_at_s=now)
            elif not same and case.offer_at_s is not None:
                self.case = msgspec.structs.replace(case, offer_at_s=None)

    def _close(self, before: Stage, request: Request | None, now: Seconds) -> None:
        """A person closes the fraction: the record is told, and the unit's retained exposure will be due for reset."""
        if before.state is State.TERMINATED:
            return
        statement, settings = self._ledger.statement, self.case.settings
        tag = settings.fraction_tag if settings is not None else 0
        if not tag and statement is not None and statement.opens:
            tag = statement.opens[0].fraction_tag
        reason = request.reason if isinstance(request, requests.Close) and request.reason else "by the operator"
        words = CLOSED_WORDS.format(tag=tag, reason=reason)
        # no second change of state: that has its own entry, and the audit counts them
        at = State.TERMINATED.value
        self._ledger.put(EntryType.EVENT, EventEntry(at, "CLOSE", at, "", words), now)

    def _void(self, stage: Stage, readings: Readings, sent: Sent) -> None:
        """An exposure that was never pressed is VOID if the unit itself proves it; otherwise the next self-test settles it from what the unit retains."""
        settings, start = self.case.settings, self._start
        if settings is None or start is None or not void_is_proved(start, self.case.token, readings):
            return
        now = Seconds(readings.now_s)
        dose = self._meter.settled(readings)
        terminal = terminal_entry(stage, self.case, settings, dose, readings, sent, Outcome.VOID, self.wall_s(now))
        self._latch_left(start, readings)
        seq = self._put_end(terminal, now)
        self.case = msgspec.structs.replace(self.case, terminal_seq=seq, terminal=terminal)
        self._start = None

    def _put_end(self, terminal: Terminal, now: Seconds) -> int:
        """The entry's number."""
        ack = self._ledger.ack
        seq, _ = self._ledger.put(EntryType.TERMINAL, terminal, now)
        self._last_end = LastEnd(seq, terminal, ack.recorder if ack is not None else 0)
        return seq

    def _retell_end(self, now: Seconds) -> None:
        """An end that another recorder calls durable and does not know lay in a gap of the ring: it is written once more, and waited for anew. Not where that
        recorder gave its START no token: it has no exposure to end."""
        last, ack = self._last_end, self._ledger.ack
        if last is None or ack is None or ack.recorder == last.recorder or not self._ledger.durable(last.seq):
            return
        self._last_end = None
        token = last.terminal.token or (ack.token if ack.start_seq == last.terminal.start_seq else 0)
        if token in (0, ack.ended_token):
            return
        seq = self._put_end(last.terminal, now)
        if self.case.terminal_seq == last.seq:
            self.case = msgspec.structs.replace(self.case, terminal_seq=seq)
        if self._ended_seq == last.seq:
            self._ended_seq = seq

    def _owe(self, stage: Stage, readings: Readings, sent: Sent) -> None:
        """Off is proved and the unit is silent: its counters will say what the gap held, to the count. Until then people are shown the bounds."""
        settings = self.case.settings
        if settings is None or self._start is None:
            return
        self._owed, self._ended_seq = Owed(stage, readings.now_s), 0
        dose, wall_s = self._meter.dose, self.wall_s(readings.now_s)
        so_far = terminal_entry(stage, self.case, settings, dose, readings, sent, Outcome.FAULT, wall_s)
        self.ended = ended_shown(stage, so_far, dose_shown(settings, dose), sent, durable=False)

    def _settle_owed(self, stage: Stage, readings: Readings, sent: Sent, off: Evidence) -> None:
        """The end, once the unit has been heard again for a while; by the bounds when it stays away, or when FAULT is left."""
        owed, unit, now = self._owed, readings.unit, readings.now_s
        if owed is None:
            return
        heard = not readings.unit_link.lost and unit is not None and unit.asked_at_s > owed.since_s
        owed = self._owed = msgspec.structs.replace(owed, heard_since_s=_since(owed.heard_since_s, heard, now))
        known = owed.heard_since_s is not None and now - owed.heard_since_s >= HEARD_S
        if known or now - owed.since_s > OWED_S or stage.state is not State.FAULT:
            self._owed = None
            self._terminate(owed.stage, readings, sent, off)

    def _terminate(self, stage: Stage, readings: Readings, sent: Sent, off: Evidence) -> None:
        """The one end of the exposure, with its settled dose; beam found at a start belongs to no exposure and has none. An exposure whose beam could
        not be proved off ends when high voltage is gone; until then its dose goes on."""
        settings = self.case.settings
        if settings is None or self._start is None:
            return
        now = Seconds(readings.now_s)
        dose = self._meter.settled(readings)
        outcome = {
            State.TERMINATED: Outcome.TERMINATED,
            State.INTERRUPTED: Outcome.INTERRUPTED,
            State.STUCK_ON: Outcome.STUCK_ON,
        }.get(stage.state, Outcome.FAULT)
        if off.verified:
            self.case = msgspec.structs.replace(self.case, off_verified_at_s=now)
        terminal = terminal_entry(stage, self.case, settings, dose, readings, sent, outcome, self.wall_s(now))
        self._latch_left(self._start, readings)
        seq = self._put_end(terminal, now)
        self.case = msgspec.structs.replace(self.case, terminal_seq=seq, terminal=terminal)
        self._ended_seq = seq
        self.ended = ended_shown(stage, terminal, dose_shown(settings, dose), sent, durable=False)
        self._start = None

    def _latch_left(self, start: Start, readings: Readings) -> None:
        """What the unit ended this exposure for, where it is this exposure that it tells of."""
        unit, now = readings.unit, Seconds(readings.now_s)
        if unit is not None and unit.token == self.case.token:
            self._latches.ended(start, unit.first_cause, now, self.wall_s(now))

    def enter_self_test(self, _b: Stage, _d: Decided, readings: Readings, _q: Request | None) -> None:
        self.tests = begin(readings.now_s)
        self.case = Case()
        self._start = None

    def enter_standby(self, _b: Stage, _d: Decided, _r: Readings, _q: Request | None) -> None:
        self.case = Case()

    def enter_preparatory(self, before: Stage, _d: Decided, _r: Readings, request: Request | None) -> None:
        """A fresh case for LOAD and RESUME; back from ARMING or READY, or on a stop event, the same settings with a new commit and offer."""
        admitted = self.admission.settings
        if before.state in (State.STANDBY, State.INTERRUPTED) and admitted is not None:
            operator = request.operator if isinstance(request, requests.Load | requests.Resume) else ""
            resume = isinstance(request, requests.Resume)
            self.case = Case(settings=admitted, operator=operator, resume=resume, offer_id=self._offers)
            self.ended = None
            return
        old = self.case
        self.case = Case(
            settings=old.settings,
            operator=old.operator,
            resume=old.resume,
            offer_id=old.offer_id,
            recommit=True,
            terminal_seq=old.terminal_seq,
        )

    def enter_arming(self, _b: Stage, _d: Decided, readings: Readings, _q: Request | None) -> None:
        """Confirmed: START goes into the ring, and the meter begins from the unit's counters as they stand."""
        settings, now = self.case.settings, Seconds(readings.now_s)
        if settings is None:
            return
        identity = self._identity
        start = start_entry(
            settings, self.case, readings, self.wall_s(now), identity.software_version, identity.simulated
        )
        if start is None:
            return
        seq, packed = self._ledger.put(EntryType.START, start, now)
        self._start, self._last_end = start, None
        self.case = msgspec.structs.replace(
            self.case, start_seq=seq, start_crc=zlib.crc32(packed), confirmed_at_s=now, offer_at_s=None, terminal_seq=0
        )
        self._meter.begin(settings, readings, now)

    def enter_terminated(self, before: Stage, _d: Decided, _r: Readings, _q: Request | None) -> None:
        """Beam ended as it should: the fraction is closed by the CLOSE that follows; a partial closed by a person already is."""
        if before.state in (State.STANDBY, State.INTERRUPTED):
            self.case = msgspec.structs.replace(self.case, closing=True)


def _since(since_s: float | None, holds: bool, now_s: float) -> float | None:
    """Since when it has held without a break."""
    return (since_s if since_s is not None else now_s) if holds else None


_Entering = Callable[[Dossier, Stage, Decided, Readings, Request | None], None]

_ENTERED: Final[dict[State, _Entering]] = {
    State.SELF_TEST: Dossier.enter_self_test,
    State.STANDBY: Dossier.enter_standby,
    State.PREPARATORY: Dossier.enter_preparatory,
    State.ARMING: Dossier.enter_arming,
    State.TERMINATED: Dossier.enter_terminated,
}
