"""The snapshot that people and programs are shown, made of one tick; it computes nothing that the tick did not already decide.
It knows no screen: console/screen.py draws it."""

from __future__ import annotations

from controller.case import Case
from controller.channels import differing
from controller.dose import Dose
from controller.entries import Outcome, Terminal
from controller.exposure import Stage
from controller.off import Evidence
from controller.prescribed import Quality
from controller.requests import DoseShown, Ended, Offer
from controller.self_test import Tests
from controller.settings import Settings
from controller.states import State
from hal.machine import Capabilities
from hal.readings import Link, Purpose, Readings, Termination, UnitState
from hal.scaling import from_counts
from interlocks.cold import FILAMENT_A, filament_words, is_cold
from interlocks.dose_rules import drifted
from interlocks.words import Sent, Trip, Verdict


def beam_word(stage: Stage, off: Evidence) -> str:
    """ "off" only on evidence; "MAY BE ON" whenever there is none."""
    if stage.state is State.STUCK_ON:
        return "MAY BE ON"
    if stage.state in (State.STARTING, State.IRRADIATING):
        return "on"
    return "off" if off.verified else "MAY BE ON"


def is_dose_known(stage: Stage, case: Case, unended: bool) -> bool:
    """Whether a dose may be shown beside what is loaded: after beam that belongs to no exposure of it, or that an exposure may have had whose end is not
    known yet, none may."""
    of_another = unended and stage.state is State.PREPARATORY
    return case.token != 0 or not (of_another or stage.state in (State.FAULT, State.STUCK_ON))


def trip_words(stage: Stage, case: Case) -> str:
    """Why it came to this state, as long as that stands: a new offer is made where nothing of it is left."""
    return "" if stage.state is State.PREPARATORY and case.offer_at_s is not None else stage.words


def first_to_fix(stage: Stage, verdict: Verdict, tests: Tests) -> str:
    """What a person mends first. In SELF_TEST that is how the tests stand, or the recorder, without which they begin again each tick and know not why;
    a fault names its own cause before what else is found, and what it was when no rule finds anything any more."""
    if stage.state is State.SELF_TEST:
        lost = (f.words for f in verdict.findings if f.trip is Trip.RECORDER_LOST)
        return next(lost, tests.words)
    latched = stage.state in (State.FAULT, State.STUCK_ON)
    if not verdict.findings:
        return stage.words if latched else ""
    cause = (f.words for f in verdict.findings if latched and f.rule == stage.rule)
    return next(cause, verdict.findings[0].words)


def unit_word(readings: Readings) -> str:
    """The safety unit's state by name; an unknown code is shown as it is."""
    if readings.unit is None:
        return "unknown"
    state = readings.unit.state
    return UnitState(state).name if state in UnitState._value2member_map_ else f"0x{state:04X}"


def set_up_words(case: Case, readings: Readings, unended: bool, machine: Capabilities) -> str:
    """What of the set-up does not read back yet, by value, or why it is not offered; empty when all is well, or nothing is being set up."""
    settings, points, unit = case.settings, readings.set_points, readings.unit
    if settings is None or unit is None:
        return ""
    if unended:
        return "the exposure before has no end yet, the unit ran in it; first: unload, and load or resume when it has its end, within 3 s"
    air = drifted(readings, settings.terms, machine.fitted)
    if air:
        return air
    if points is None:
        return "the generator's set-points have not been read back yet"
    plan = settings.plan
    pairs = {
        "kV": (points.kv_counts, plan.kv_counts),
        "mA": (points.ma_counts, plan.ma_counts),
        "filament limit": (points.filament_limit_counts, plan.filament_limit_counts),
        "filament preheat": (points.filament_preheat_counts, plan.filament_preheat_counts),
    }
    wrong = [
        f"{name} reads back {read} counts, set {wanted}" for name, (read, wanted) in pairs.items() if read != wanted
    ]
    if unit.state != UnitState.COMMITTED or unit.active_crc != plan.staging_crc:
        wrong.append(f"the safety unit is {unit_word(readings)} and has not committed the set")
    if settings.terms.purpose is Purpose.DRY_RUN and not is_cold(readings.monitor):
        wrong.append(
            f"a dry run is over a cold filament, and this one reads back {filament_words(readings.monitor)}, at most {FILAMENT_A:g} A; "
            "first: wait; where it stays lit, have the generator looked at"
        )
    return "; ".join(wrong)


def link_word(name: str, link: Link, now_s: float) -> str:
    """One line about a wire."""
    age = "never" if link.last_good_s is None else f"{(now_s - link.last_good_s) * 1000:.0f} ms"
    state = "LOST" if link.lost else "up"
    last = f", last trouble: {link.last_trouble}" if link.last_trouble else ""
    return f"{name} {state}, last good {age}, {link.good}/{link.sent} good{last}"


def offer_shown(case: Case, readings: Readings, machine: Capabilities) -> Offer | None:
    """The offer as it may be confirmed: device integers read back, and what they mean."""
    settings = case.settings
    if settings is None or case.offer_at_s is None or readings.set_points is None:
        return None
    points = readings.set_points
    return Offer(
        id=case.offer_id,
        digest=settings.digest,
        kv=from_counts(points.kv_counts, machine.full_scale_kv, machine.kv_counts_full_scale),
        ma=from_counts(points.ma_counts, machine.full_scale_ma, machine.ma_counts_full_scale),
        kv_counts=points.kv_counts,
        ma_counts=points.ma_counts,
        applicator_id=settings.combination.applicator_id,
        filter_id=settings.combination.filter_id,
        purpose=settings.prescribed.purpose,
        termination=settings.terms.termination.name.lower(),
        rx_mgy=settings.prescribed.rx_mgy,
        skin_mgy=settings.skin_mgy,
        d0_mgy=settings.d0_mgy,
        rest_mgy=settings.rest_mgy,
        set_time_s=settings.terms.set_time_s,
        count_preset=settings.count_preset_1,
        timer_preset_ms=settings.timer_preset_ms,
        segment=settings.segment,
        certificate_sha256=settings.certificate_sha256,
    )


def dose_by_now(case: Case, dose: Dose) -> Dose:
    """What may be said of the dose in this tick. Until the records have taken the START the meter may hold the exposure before, another patient's it may be:
    of this fraction only what the records say was given before it. No beam can be meant before there is a token."""
    s = case.settings
    if s is None or case.token:
        return dose
    return Dose(
        fraction_delivered_mgy=s.delivered_before_mgy,
        fraction_low_mgy=s.low_before_mgy,
        fraction_high_mgy=s.high_before_mgy,
        fraction_quality=s.quality_before,
        rest_mgy=s.rest_mgy,
        chambers=dose.chambers,
    )


def dose_shown(settings: Settings, dose: Dose) -> DoseShown:
    """Dose of the fraction so far."""
    return DoseShown(
        d1_mgy=dose.d1_mgy,
        d2_mgy=dose.d2_mgy,
        dt_mgy=dose.dt_mgy,
        dm_mgy=dose.dm_mgy,
        delivered_mgy=dose.fraction_delivered_mgy,
        low_mgy=dose.fraction_low_mgy,
        high_mgy=dose.fraction_high_mgy,
        quality=dose.fraction_quality.value,
        d0_mgy=settings.d0_mgy,
        rx_factor=settings.rx_factor,
        beam_s=dose.beam_s,
        set_time_s=settings.terms.set_time_s,
        rate_mgy_per_s=dose.rate_1_mgy_per_s,
        chambers=dose.chambers,
    )


def told_of_dose(settings: Settings | None, dose: Dose) -> tuple[str, ...]:
    """Channels that differ by more than they should and by less than ends the beam, in words."""
    if settings is None or not dose.counted:
        return ()
    by_time = settings.terms.termination is Termination.TIME and dose.dt_mgy > 0.0
    chambers = (dose.d1_mgy, dose.d2_mgy) if dose.chambers else (None, None)
    return differing(*chambers, *((dose.dt_mgy, dose.dm_mgy) if by_time else (None, None)))


def ended_shown(stage: Stage, terminal: Terminal, dose: DoseShown, sent: Sent, durable: bool) -> Ended:
    """How the exposure ended; `reaction_s` is from the decision to end it to the off bytes. The rest is what a resume would give: D0 less delivered while the
    fraction's dose is GOOD, less high otherwise."""
    reaction = None
    if stage.stopped_at_s is not None and sent.off_at_s is not None:
        reaction = max(0.0, sent.off_at_s - stage.stopped_at_s)
    return Ended(
        token=terminal.token,
        fraction_tag=terminal.fraction_tag,
        segment=terminal.segment,
        outcome=Outcome(terminal.outcome).name,
        event=terminal.event,
        rule=terminal.rule,
        words=terminal.words,
        void=terminal.void,
        dose=dose,
        rest_mgy=terminal.rest_mgy if dose.quality == Quality.GOOD.value else dose.d0_mgy - dose.high_mgy,
        durable=durable,
        reaction_s=reaction,
    )
