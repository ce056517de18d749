"""The entries of one exposure, made of settings, readings and dose: START, TERMINAL, FOUND, and whether an end may be called VOID.
Pure; controller/dossier.py says when one is due, controller/ledger.py writes it."""

from __future__ import annotations

from controller.case import Case
from controller.dose import Dose
from controller.entries import Found, Outcome, Start, Terminal
from controller.exposure import Stage
from controller.prescribed import Quality
from controller.settings import Settings
from controller.states import Event
from hal.readings import Purpose, Readings, UnitState
from interlocks.words import Sent


def start_entry(
    settings: Settings, case: Case, readings: Readings, wall_s: float, version: str, simulated: bool
) -> Start | None:
    """START over the unit's counters as they stand; None while the unit has not been read whole."""
    unit, slow = readings.unit, readings.slow
    if unit is None or slow is None:
        return None
    return Start(
        digest=settings.digest,
        fraction_tag=settings.fraction_tag,
        plan_tag=settings.plan_tag,
        segment=settings.segment,
        resume=case.resume,
        prescribed=settings.prescribed,
        certificate_id=settings.certificate_id,
        certificate_sha256=settings.certificate_sha256,
        combination=settings.combination,
        d0_mgy=settings.d0_mgy,
        rx_factor=settings.rx_factor,
        delivered_mgy=settings.delivered_before_mgy,
        low_mgy=settings.low_before_mgy,
        high_mgy=settings.high_before_mgy,
        set_time_s=settings.terms.set_time_s,
        k_tp=settings.terms.k_tp,
        unit_boot_count=unit.boot_count,
        unit_counts_1=unit.counts_1,
        unit_counts_2=unit.counts_2,
        unit_beam_ms=unit.beam_ms,
        unit_run_count=slow.run_count,
        unit_last_token=slow.last_token,
        lease_s=settings.silence_s,
        software_version=version,
        simulated=simulated,
        operator=case.operator,
        wall_s=wall_s,
        termination=settings.terms.termination,
        timer_start=settings.terms.timer_start,
        ramp_s=settings.terms.ramp_s,
        press_to_hv_s=settings.press_to_hv_s,
    )


def void_is_proved(start: Start, token: int, readings: Readings) -> bool:
    """True when the unit itself shows that the exposure never had beam: it did not end one with this token, and has the same boot, beam time and
    both counters as at START. Of one that it ended the counters go on for a while, and are its record's once they stand."""
    unit = readings.unit
    return (
        unit is not None
        and not readings.unit_link.lost
        and (not token or unit.token != token or unit.state != UnitState.ENDED)
        and unit.boot_count == start.unit_boot_count
        and (unit.beam_ms, unit.counts_1, unit.counts_2)
        == (start.unit_beam_ms, start.unit_counts_1, start.unit_counts_2)
    )


def _own_off(case: Case, sent: Sent) -> float | None:
    """When this exposure was sent off; None where the newest OFF is that of one before it."""
    off_at_s, from_s = sent.off_at_s, case.confirmed_at_s
    return None if off_at_s is None or from_s is None or off_at_s < from_s else off_at_s


def terminal_entry(
    stage: Stage,
    case: Case,
    settings: Settings,
    dose: Dose,
    readings: Readings,
    sent: Sent,
    outcome: Outcome,
    wall_s: float,
) -> Terminal:
    """The end of an exposure with its settled dose; VOID carries none."""
    unit, void = readings.unit, outcome is Outcome.VOID
    unseen = not_by_preset(stage, settings, void) or dose.after_end_unseen
    before = (settings.delivered_before_mgy, settings.low_before_mgy, settings.high_before_mgy)
    delivered, low, high = (
        before if void else (dose.fraction_delivered_mgy, dose.fraction_low_mgy, dose.fraction_high_mgy)
    )
    return Terminal(
        token=case.token,
        start_seq=case.start_seq,
        fraction_tag=settings.fraction_tag,
        segment=settings.segment,
        outcome=outcome,
        void=void,
        event=stage.event.name,
        rule=stage.rule,
        words=stage.words,
        unit_cause=unit.first_cause if unit is not None else 0,
        d1_mgy=0.0 if void else dose.d1_mgy,
        d2_mgy=0.0 if void else dose.d2_mgy,
        dt_mgy=0.0 if void else dose.dt_mgy,
        dm_mgy=0.0 if void else dose.dm_mgy,
        delivered_mgy=0.0 if void else dose.delivered_mgy,
        low_mgy=0.0 if void else dose.low_mgy,
        high_mgy=0.0 if void else dose.high_mgy,
        fraction_delivered_mgy=delivered,
        fraction_low_mgy=low,
        fraction_high_mgy=high,
        rest_mgy=max(0.0, settings.d0_mgy - delivered),
        quality=Quality.GOOD if void else dose.quality,
        beam_ms=unit.beam_ms if unit is not None else 0,
        counts_1=unit.counts_1 if unit is not None else 0,
        counts_2=unit.counts_2 if unit is not None else 0,
        unknown_s=0.0 if void else dose.unknown_s,
        kv_mean=dose.kv_mean,
        kv_min=dose.kv_min,
        kv_max=dose.kv_max,
        ma_mean=dose.ma_mean,
        ma_min=dose.ma_min,
        ma_max=dose.ma_max,
        on_at_s=case.on_at_s,
        off_at_s=_own_off(case, sent),
        off_verified_s=case.off_verified_at_s,
        wall_s=wall_s,
        host_beam_s=None if void else dose.host_beam_s,
        after_end_1=None if unseen else dose.after_end_1,
        after_end_2=None if unseen else dose.after_end_2,
        after_end_s=None if unseen else dose.after_end_s,
        after_end_k1_s=None if unseen else dose.after_end_k1_s,
        after_end_unseen=unseen,
    )


def not_by_preset(stage: Stage, settings: Settings, void: bool) -> str:
    """Why the beam was not at its full rate until the unit's own preset ended it, so that what was counted after it is no ordinary tail; empty when it was."""
    if void:
        return "there was no beam"
    if settings.terms.purpose is Purpose.DRY_RUN:
        return "a dry run has no beam"
    if stage.event is not Event.DOSE_END:
        return f"the beam was ended by {' '.join(part for part in (stage.event.name, stage.rule) if part)}, not by the unit's preset"
    return ""


def found_entry(readings: Readings) -> Found:
    """What the unit retains, as found after off was verified; `sound` is false while any of it could not be read."""
    unit, slow = readings.unit, readings.slow
    if unit is None or slow is None:
        return Found(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sound=False)
    return Found(
        token=unit.token,
        fraction_tag=slow.fraction_tag,
        boot_count=unit.boot_count,
        beam_ms=unit.beam_ms,
        k1_ms=slow.k1_ms,
        counts_1=unit.counts_1,
        counts_2=unit.counts_2,
        run_count=slow.run_count,
        last_token=slow.last_token,
        cause=unit.first_cause,
        sound=unit.state in (UnitState.IDLE, UnitState.COMMITTED, UnitState.ENDED, UnitState.LATCHED),
    )
