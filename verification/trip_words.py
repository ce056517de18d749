"""What has happened when a rule of the interlocks ends or forbids a beam: one plain sentence for each, for whoever stands beside a patient (docs/trips.md).
It judges nothing; bounds in the words are the rules' own constants. What the screen says beside it, with the values of the moment, is said by the rule."""

from __future__ import annotations

from typing import Final

from interlocks import cold, contact_rules, dose_rules, generator_rules, house_rules, look, unit_rules
from interlocks.backup_timer import MARGIN_PART, MARGIN_S
from interlocks.bands import CERTIFIED


def percent(part: float) -> str:
    """A part of a whole as the page says it."""
    return f"{100 * part:.0f} %"


_C: Final = contact_rules
_D: Final = dose_rules
_G: Final = generator_rules
_H: Final = house_rules
HAPPENED: Final[dict[str, str]] = {
    "emergency_stop": f"the emergency stop is pressed, or was within the last {1000 * _C.CLOSED_FOR_S:.0f} ms",
    "door": f"the door is open, or was within the last {1000 * _C.CLOSED_FOR_S:.0f} ms",
    "key": "the key is not where this exposure needs it (TREAT for a patient, the day's check and a warm-up; SERVICE for a calibration and a dry "
    "run), or between its places",
    "applicator_contact": f"no applicator is seated, or none was within the last {1000 * _C.CLOSED_FOR_S:.0f} ms",
    "applicator_code": "another applicator is fitted than the one that was confirmed, or its two readers do not agree",
    "filter_code": "another filter is in the beam than the one that was confirmed, or its two readers do not agree",
    "switch_released": f"the beam-on switch has not been seen let go for more than {_C.RELEASED_WITHIN_S:g} s: it is held, or it is stuck",
    "switch_held": "the beam-on switch was let go before the end, on a machine where it must be held",
    "switch_let_go": f"the beam-on switch is still pressed {_C.STUCK_S:g} s after the beam ended: it is held, or it is stuck",
    "contacts_agree": f"the two channels of a contact have differed for more than {1000 * _C.PAIR_S:.0f} ms: one of them is broken",
    "contacts_agree_at_rest": f"the two channels of a contact have differed for more than {1000 * _C.PAIR_REST_S:.0f} ms with nothing permitted: one of "
    "them is broken",
    "test_pulse": "the test pulse through the contacts does not come back: a contact that opens might not be seen",
    "generator_link": "the generator does not answer",
    "generator_identity": "the generator is not the one that the rig file names, or has not said who it is",
    "generator_fault": "the generator reports a fault of its own, armed or in beam",
    "generator_clear": "the generator reports a fault of its own, before it is armed",
    "generator_interlock": "the generator sees its interlock line open while the safety unit says that it runs",
    "kv_high": f"kV is more than {percent(_G.KV_HARD)} above the set value",
    "kv_low": f"kV is more than {percent(_G.KV_HARD)} below the set value",
    "ma_high": f"mA is more than {percent(_G.MA_HARD)} above the set value; in a dry run: more current flows than over a cold filament ({cold.MA_PER_KV:g} mA "
    f"a kV and {cold.MA_NOISE:g} mA), or the filament draws more than {cold.FILAMENT_A:g} A",
    "ma_low": f"mA is more than {percent(_G.MA_HARD)} below the set value",
    "kv_steady": f"kV has been off the set value by more than {_G.KV_STEADY_KV:g} kV and {percent(_G.KV_STEADY)} for "
    f"{1000 * _G.KV_STEADY_FOR_S:.0f} ms, or swings about it",
    "ma_steady": f"mA has been off the set value by more than {percent(_G.MA_STEADY)} for {1000 * _G.MA_STEADY_FOR_S:.0f} ms, or swings about it",
    "beam_lost": f"the high voltage went by itself: the generator says off, or kV is below {percent(look.KV_HALF)} of the set value",
    "hv_uncommanded": "there is high voltage or radiation that nobody asked for: **the beam may be on**",
    "unit_link": "the safety unit does not answer; without this program's word it ends a beam by itself",
    "unit_identity": "the safety unit is not the one that the rig file names, or has not said who it is",
    "scan_true": "the safety unit's own count of its scans does not keep time: what it says may be old",
    "boot_count": "the safety unit has restarted",
    "unit_timer": f"the safety unit's timer and this computer's clock differ by more than {percent(unit_rules.TIMER_PART)} and {unit_rules.TIMER_S:g} s",
    "relay_mirrors": f"a contactor has not followed its command within {1000 * unit_rules.MIRROR_S:.0f} ms: K1 or K2, by its mirror contact",
    "mirrors_stay": "a contactor's mirror contact left its command for a moment: the contactor is slow, or the contact is loose",
    "unit_latched": "the safety unit has latched itself, or says a state that there is none of",
    "presets_committed": "the safety unit does not hold the limits of this exposure",
    "read_back": "generator or safety unit read back other values than were confirmed",
    "active_crc": "the safety unit holds another set than was confirmed",
    "set_points_held": "the generator holds another kV or mA than was confirmed",
    "lease_armed": "the safety unit no longer holds the permission for this exposure",
    "lamp": "a warning lamp draws no current: it is out, or its wire is broken",
    "chamber_supply": "a dose chamber has no high tension, or its signal is stuck",
    "chamber_saturation": "a dose chamber counts as fast as it can: the dose is higher than it reads",
    "dose_rate_high": f"a chamber shows more than {percent(CERTIFIED.rate_high)} of the certified dose rate; in a dry run: radiation where there may be none",
    "dose_rate_low": f"a chamber shows less than {percent(CERTIFIED.rate_low)} of the certified dose rate",
    "no_signal": f"a chamber counts nothing {1000 * look.NO_SIGNAL_S:.0f} ms after high voltage came",
    "no_dose": f"a chamber counts hardly anything {look.NO_DOSE_S:g} s after high voltage came",
    "dose_channels": f"the two dose channels differ by more than {percent(CERTIFIED.channels)} and {_D.CHANNELS_MGY:g} mGy",
    "dose_model": f"the dose by chamber 1 differs by more than {percent(CERTIFIED.primary)} and {_D.MODEL_MGY:g} mGy from what the timer, or kV "
    f"and mA, make it; where the timer ends the beam: timer and kV with mA differ by more than {percent(CERTIFIED.model)} and {_D.MODEL_MGY:g} mGy",
    "dose_timer": f"the timer that ends this beam and chamber 1 differ by more than {percent(CERTIFIED.primary)} and {_D.MODEL_MGY:g} mGy",
    "bad_samples": f"{_D.BAD_SAMPLES} dose samples of one second could not be believed",
    "backup_timer": f"the beam went on past the timer's limit by more than {percent(MARGIN_PART)} of it and {MARGIN_S:g} s: nothing that should have ended it "
    "did",
    "overdue": "the safety unit should have ended the beam by its preset, and did not",
    "air": f"pressure or temperature is outside {_D.PRESSURE_KPA[0]:g} to {_D.PRESSURE_KPA[1]:g} kPa and {_D.TEMPERATURE_C[0]:g} to "
    f"{_D.TEMPERATURE_C[1]:g} C, or a sensor calls itself unsound",
    "k_tp_drift": f"air pressure and temperature have moved the dose by more than {100 * _D.DRIFT:.1f} % since the fraction was loaded",
    "leakage": "the chambers count more than their leakage without any beam",
    "leakage_at_start": "the chambers count more than their leakage without any beam, or were not measured since the last one",
    "recorder_fresh": f"nothing has reached the disk for {_H.RECORDER_BEAM_S:g} s of beam, or {_H.RECORDER_S:g} s without",
    "desk_lease": f"the operator's program has not been heard for {_H.DESK_S:g} s",
    "tick_late": f"this program was late {_H.LATE_TICKS} times in a row: something else keeps the computer busy",
    "tick_gap": f"this program stood still for more than {1000 * _H.GAP_S:.0f} ms",
    "dose_kernel": "this computer does not add up the dose as it must, or its two sums of it differ",
    "invariants_held": "this program has contradicted itself",
    "calibration_valid": "the certificate has expired",
}
"""For each rule what has happened, as it is said to whoever has to act."""
