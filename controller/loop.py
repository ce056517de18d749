"""READ THIS FIRST. The whole program is one sentence, repeated every tick: read one snapshot, judge it, add the dose, step a table,
work out one command, a gate with the last word, write. It reads no clock, opens no file and waits only in pace."""

from __future__ import annotations

from typing import Final

import msgspec

from controller.checkpoint import Checkpoint
from controller.decide import decide
from controller.desk import Desk
from controller.dose import Dose, Meter
from controller.dossier import Dossier, Identity
from controller.drive import drive
from controller.entries import EntryType, Open
from controller.exposure import Decided, Exposure, Stage
from controller.facts import Facts, Ruling
from controller.inputs import Times, Told, pack_fast
from controller.ledger import Ledger
from controller.links import Links
from controller.pace import Pace
from controller.punctual import Punctual
from controller.requests import RuleShown, Snapshot
from controller.self_test import STUCK_RULE
from controller.shown import (
    beam_word,
    dose_by_now,
    dose_shown,
    first_to_fix,
    is_dose_known,
    link_word,
    offer_shown,
    set_up_words,
    told_of_dose,
    trip_words,
    unit_word,
)
from controller.states import AT_REST, RECORDED, Event, State
from hal.readings import Readings, Relay
from hal.units import Seconds
from interlocks.gate import Gate
from interlocks.judge import shown
from interlocks.words import House, Sent, Truth, Verdict, Wanted

K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
K2_OPEN: Final = Relay.K2_MIRROR_OPEN.value
_STATE_NUMBER: Final = {state: number for number, state in enumerate(State)}
COMMANDS: Final = ("off", "watch", "set_up", "arm", "hold", "on", "reset", "unlatch", "test", "clear_faults")
_COMMAND_NUMBER: Final = {tag: number for number, tag in enumerate(COMMANDS)}
TRUTH_NAMES: Final = tuple(truth.name for truth in Truth)
_NOT_TRUE: Final = bytes(ord("1" if truth in (Truth.FALSE, Truth.STALE, Truth.ERROR) else "0") for truth in range(256))
"""Each truth as the digit 1 where the rule was asked and is not true."""


def _opens(opens: tuple[Open, ...]) -> tuple[str, ...]:
    return tuple(
        f"{o.patient_id} lesion {o.lesion_id} fraction {o.fraction}: {o.delivered_mgy:.0f} of {o.d0_mgy:.0f} mGy D0, {o.quality.value}"
        for o in opens
    )


def _bits(truths: bytes) -> int:
    """One bit for each rule that was asked and is not true, the first rule's in the lowest place."""
    return int(truths.translate(_NOT_TRUE)[::-1], 2)


class Tick(msgspec.Struct, frozen=True, gc=False):
    """Everything about one tick, as it is recorded and shown."""

    now: float
    readings: Readings
    verdict: Verdict
    dose: Dose
    decided: Decided
    stage: Stage
    wanted: Wanted
    sent: Sent


class Loop:
    """One machine, one exposure at a time."""

    def __init__(
        self,
        gate: Gate,
        pace: Pace,
        desk: Desk,
        ledger: Ledger,
        meter: Meter,
        dossier: Dossier,
        links: Links,
        punctual: Punctual,
        identity: Identity,
        kernel_sound: bool,
        now: Seconds,
        configuration: bytes,
    ) -> None:
        self.gate, self.pace, self.desk, self.ledger = gate, pace, desk, ledger
        self.meter, self.dossier, self.links, self.identity = meter, dossier, links, identity
        self.punctual = punctual
        self.exposure = Exposure(now)
        self.stop_requested = False
        self.notices: tuple[str, ...] = ()
        self._kernel_sound = kernel_sound
        self._before: float | None = None
        self._number = 0
        self._configuration = configuration
        self._told = Told()
        self._truths, self._not_true = b"", 0

    def tick(self, now: Seconds) -> Tick:
        """One turn of the sentence."""
        gap_s = now - self._before if self._before is not None else 0.0
        self._before = now
        self._number += 1
        self.gate.ask(now)
        now = self.pace.slot(self.gate.fds)
        self.ledger.poll()
        readings, verdict = self.gate.look(now, self._house(now, gap_s))
        dose = self.meter.add(readings, now)
        asked = self.desk.take(now, self.stop_requested)
        before = self.exposure.stage
        self.dossier.admit(asked.request, before, readings, self._number)
        facts = self.dossier.facts(before, readings, verdict, dose, self.gate.sent, self._kernel_sound)
        decided, ruling = decide(before, asked, readings, verdict, dose, facts)
        self.exposure.step(decided, now)
        stage = self.exposure.stage
        self.dossier.moved(before, stage, decided, readings, verdict, asked.request, self.gate.sent, facts.off)
        self.links.follow(before, stage, decided, self.dossier.case, now)
        self.punctual.follow(stage, self.dossier.case, now)
        self.dossier.waiting(asked.request, stage, ruling.refused, readings)
        if facts.case is not self.dossier.case or facts.tests is not self.dossier.tests:
            facts = msgspec.structs.replace(facts, case=self.dossier.case, tests=self.dossier.tests)
        wanted = drive(stage, self.dossier.case, readings, facts, self.dossier.unlatching)
        sent = self.gate.pass_on(wanted, verdict)
        self._settle(ruling, decided, now)
        tick = Tick(now, readings, verdict, dose, decided, stage, wanted, sent)
        return self._tell(tick, facts, before)

    @property
    def may_end(self) -> bool:
        """True when the process may go: nothing is set up, armed or on its way off, so that what was begun has its end in the ring."""
        return self.exposure.stage.state in AT_REST

    @property
    def stuck_on(self) -> bool:
        """True where off could not be proved and nobody has cleared that since: whoever ended the process is told that beam may be on."""
        return self.exposure.stage.state is State.STUCK_ON or any(
            one.rule == STUCK_RULE for one in self.dossier.latches
        )

    def _house(self, now: Seconds, gap_s: float) -> House:
        return House(
            recorder_lag_s=self.ledger.lag_s(now),
            desk_age_s=self.desk.age_s(now),
            late_ticks=self.pace.late,
            wall_s=self.dossier.wall_s(now),
            tick_gap_s=gap_s,
            kernel_ok=self._kernel_sound and not self.meter.sums,
            dose=self.meter.dose.figures(),
            sums=self.meter.sums,
            records_put=self.ledger.last_seq,
            records_durable=self.ledger.durable_seq,
            token_acked=self.ledger.token_acked,
            confirmed=self.dossier.confirmed,
        )

    def _settle(self, ruling: Ruling, decided: Decided, now: Seconds) -> None:
        """Answer the request that was ruled on; one that a worse event overtook is refused with that event's words."""
        taken = ruling.event is not Event.NONE and ruling.event is decided.event
        if ruling.event is not Event.NONE and not taken:
            ruling = Ruling(refused=f"{decided.event.name} came first: {decided.words or decided.rule}")
        self.desk.settle(ruling, taken, now)

    def checkpoint(self, readings: Readings) -> Checkpoint:
        """Everything that the next tick stands on, after the tick of a confirmation; the gate is shut then."""
        return Checkpoint(
            configuration=self._configuration,
            number=self._number,
            begun_s=self._before or 0.0,
            stage=self.exposure.stage,
            kernel_sound=self._kernel_sound,
            readings=readings,
            gate=self.gate.keep(),
            dossier=self.dossier.keep(),
            desk=self.desk.keep(),
            ledger=self.ledger.keep(),
        )

    def take_up(self, kept: Checkpoint) -> None:
        """Go on from a checkpoint: on a recorded machine, never on a real one."""
        self._number, self._before = kept.number, kept.begun_s
        self.exposure.take_up(kept.stage)
        self.gate.take_up(kept.gate)
        self.dossier.take_up(kept.dossier, kept.readings)
        self.desk.take_up(kept.desk)
        self.ledger.take_up(kept.ledger)

    def _came(self, tick: Tick) -> bytes:
        """All that came into this tick and what left the gate in it, for a replay: what changes seldom as an entry of its own, the rest behind the tick."""
        heard = self.desk.heard
        news = self._told.news(tick.readings, heard, self.ledger.ack, self.ledger.statement)
        if news is not None:
            self.ledger.put_bytes(EntryType.INPUT, news, Seconds(tick.now))
        gate = self.gate
        times = Times(self._before or 0.0, tick.now, gate.passed_at_s)
        return pack_fast(times, tick.readings, heard, gate.offs, gate.renewed, gate.written, tick.wanted.command)

    def _tell(self, tick: Tick, facts: Facts, before: Stage) -> Tick:
        """The tick into the ring, the frames of its wires into theirs; a snapshot to whoever waits for one."""
        self._record(tick, self._came(tick) if before.state in RECORDED else b"")
        if tick.stage.entered and tick.stage.state is State.ARMING:
            self._told.begin()
            self.ledger.put(EntryType.CHECKPOINT, self.checkpoint(tick.readings), Seconds(tick.now))
        self.links.keep(Seconds(tick.now))
        self.dossier.refresh_ended()
        if self.desk.due(Seconds(tick.now)):
            self.desk.publish(self._snapshot(tick, facts), Seconds(tick.now))
        return tick

    def _record(self, tick: Tick, came: bytes) -> None:
        r, unit, monitor, dose = tick.readings, tick.readings.unit, tick.readings.monitor, tick.dose
        if tick.verdict.truths is not self._truths:  # nearly always the same bytes, where nothing is wrong
            self._truths, self._not_true = tick.verdict.truths, _bits(tick.verdict.truths)
        seq = self.ledger.ring.put_tick(
            int(tick.now * 1e9),
            _STATE_NUMBER[tick.stage.state],
            int(tick.decided.event),
            _COMMAND_NUMBER.get(tick.sent.command, 0),
            self._not_true,
            monitor.kv if monitor is not None else -1.0,
            monitor.ma if monitor is not None else -1.0,
            dose.d1_mgy,
            dose.d2_mgy,
            dose.dm_mgy,
            dose.delivered_mgy,
            unit.beam_ms if unit is not None else 0,
            unit.counts_1 if unit is not None else 0,
            unit.counts_2 if unit is not None else 0,
            unit.state if unit is not None else 0,
            unit.first_cause if unit is not None else 0,
            unit.contacts_a if unit is not None else 0,
            unit.contacts_b if unit is not None else 0,
            unit.relays if unit is not None else 0,
            self.pace.late,
            self.pace.late_us,
            (r.now_s - unit.asked_at_s) * 1e3 if unit is not None else -1.0,
            (r.now_s - monitor.asked_at_s) * 1e3 if monitor is not None else -1.0,
            self.dossier.case.token,
            came,
        )
        self.ledger.note(seq, Seconds(tick.now))

    def _snapshot(self, tick: Tick, facts: Facts) -> Snapshot:
        r, case, machine, dossier = tick.readings, self.dossier.case, facts.machine, self.dossier
        unit, monitor, settings = r.unit, r.monitor, case.settings
        rules = tuple(
            [RuleShown(rule, TRUTH_NAMES[truth], age_s, words) for rule, truth, age_s, words in shown(tick.verdict, r)]
        )
        statement, dose = self.ledger.statement, dose_by_now(case, tick.dose)
        return Snapshot(
            simulated=self.identity.simulated,
            rig=self.identity.rig,
            instance=self.identity.instance,
            pid=self.identity.pid,
            tick=self._number,
            at_s=tick.now,
            wall_s=dossier.wall_s(tick.now),
            state=tick.stage.state.value,
            since_s=tick.now - tick.stage.since_s,
            beam=beam_word(tick.stage, facts.off),
            kv_set=settings.combination.kv if settings is not None else None,
            kv=monitor.kv if monitor is not None else None,
            ma_set=settings.combination.ma if settings is not None else None,
            ma=monitor.ma if monitor is not None else None,
            unit_state=unit_word(r),
            k1_open=bool(unit.relays & K1_OPEN) if unit is not None else None,
            k2_open=bool(unit.relays & K2_OPEN) if unit is not None else None,
            rules=rules,
            first_to_fix=first_to_fix(tick.stage, tick.verdict, dossier.tests)
            or (set_up_words(case, r, dossier.unended, machine) if tick.stage.state is State.PREPARATORY else ""),
            latches=tuple(latch.words for latch in dossier.latches),
            offer=offer_shown(case, r, machine),
            dose=dose_shown(settings, dose)
            if settings is not None and is_dose_known(tick.stage, case, dossier.unended)
            else None,
            emulated=machine.emulated,
            ended=dossier.ended,
            open_fractions=_opens(statement.opens if statement is not None else ()),
            recorder_lag_s=self.ledger.lag_s(Seconds(tick.now)),
            desk_age_s=self.desk.age_s(Seconds(tick.now)),
            late_ticks=self.pace.late,
            skipped_ticks=self.pace.skipped,
            lateness_us=self.pace.lateness_us(),
            lateness_counts=self.pace.histogram(),
            links=(
                link_word("unit", r.unit_link, tick.now),
                link_word("generator", r.generator_link, tick.now),
            ),
            wires=self.links.summary(),
            notice="; ".join(
                words for words in (*self.notices, *told_of_dose(settings, dose), trip_words(tick.stage, case)) if words
            ),
        )
