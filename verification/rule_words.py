"""The words that the generated pages put beside tables of code: what each rule asks, what each event and state mean.
It judges nothing; numbers in the words are taken from the rules' own constants, so that a page cannot say another bound than the program holds."""

from __future__ import annotations

from typing import Final

from controller.states import EXPIRES_S, Event, State
from interlocks import cold, contact_rules, dose_rules, generator_rules, house_rules, look, unit_rules
from interlocks.bands import CERTIFIED
from interlocks.look import When
from interlocks.words import Clears

_R: Final = dose_rules
_B: Final = CERTIFIED
_G: Final = generator_rules
QUESTIONS: Final[dict[str, str]] = {
    "emergency_stop": f"is the emergency stop's contact closed in both channels, and not open within the last {1000 * contact_rules.CLOSED_FOR_S:.0f} ms?",
    "door": f"is the door closed in both channels, and not open within the last {1000 * contact_rules.CLOSED_FOR_S:.0f} ms?",
    "key": "is the key in exactly one place, and after set-up in the place of this purpose?",
    "applicator_contact": f"is an applicator seated, in both channels, and not gone within the last {1000 * contact_rules.CLOSED_FOR_S:.0f} ms?",
    "applicator_code": "do both readers see the confirmed applicator?",
    "filter_code": "do both readers see the confirmed filter?",
    "switch_released": f"was the beam-on switch seen released within the last {contact_rules.RELEASED_WITHIN_S:g} s?",
    "switch_held": "is the beam-on switch still held (hold-to-run only)?",
    "switch_let_go": f"was the beam-on switch let go within {contact_rules.STUCK_S:g} s of the beam's end?",
    "contacts_agree": "do the two channels of every contact say the same, while anything is permitted?",
    "contacts_agree_at_rest": "do they at any time?",
    "test_pulse": "does the contacts' test pulse come back?",
    "generator_link": "does the generator answer?",
    "generator_identity": "is it the configured model, with the configured full scale?",
    "generator_fault": "is the generator free of faults while it is armed or in beam?",
    "generator_clear": "is the generator free of faults before it is armed?",
    "generator_interlock": "does the generator see its interlock line closed while the unit runs?",
    "kv_high": f"is kV at most {100 * _G.KV_HARD:.0f} % above the set value?",
    "kv_low": f"is kV at most {100 * _G.KV_HARD:.0f} % below it (past the ramp, beam not lost)?",
    "ma_high": f"is mA at most {100 * _G.MA_HARD:.0f} % above the set value? Over a cold filament: at most {cold.MA_PER_KV:g} mA a kV "
    f"and {cold.MA_NOISE:g} mA, with at most {cold.FILAMENT_A:g} A of filament?",
    "ma_low": f"is mA at most {100 * _G.MA_HARD:.0f} % below it (past the ramp, beam not lost)?",
    "kv_steady": f"is kV within {_G.KV_STEADY_KV:g} kV or {100 * _G.KV_STEADY:.0f} % of it, whichever is more?",
    "ma_steady": f"is mA within {100 * _G.MA_STEADY:.0f} % of it?",
    "beam_lost": f"is high voltage on by the flag, and kV above {100 * look.KV_HALF:.0f} % of the set value (past the ramp)?",
    "hv_uncommanded": f"without ON: no flag, no HV_SEEN of the unit, kV at most {100 * look.KV_SOME:.0f} % of full scale, "
    f"no chamber above the largest of the hv_seen threshold, {_G.LEAK_FACTOR:g} x leakage and {100 * _G.R0_PART:.0f} % of R0?",
    "unit_link": "does the safety unit answer?",
    "unit_identity": "is it the configured unit, with the right map, word order and serial number?",
    "scan_true": "does its scan counter advance with time, within 10 % over 100 ms?",
    "boot_count": "has it not restarted?",
    "unit_timer": f"does its timer agree with this computer's clock, within {100 * unit_rules.TIMER_PART:.0f} % or {unit_rules.TIMER_S:g} s?",
    "relay_mirrors": "do both contactors' mirror contacts follow their coils?",
    "mirrors_stay": f"once they had {1000 * unit_rules.MIRROR_S:.0f} ms to follow: do they stay with them, in every look?",
    "unit_latched": "is it in one of its known states, and not LATCHED?",
    "presets_committed": "does it hold the confirmed set, committed?",
    "read_back": "do the generator's four set-points and the unit's whole set read back as confirmed?",
    "active_crc": "is the CRC of the unit's active set the confirmed one, in every status?",
    "set_points_held": "does the generator hold the confirmed kV and mA, in every monitor reply?",
    "lease_armed": "does the unit still hold this token's permission, with lease left?",
    "lamp": "do both warning lamps draw their current?",
    "chamber_supply": "do both chambers have their high tension, and is neither stuck?",
    "chamber_saturation": "is no chamber saturated?",
    "dose_rate_high": f"are both channels at most {100 * _B.rate_high:.0f} % of the certified rate? Over a cold filament: at most what is dark, and "
    f"{cold.DOSE_MGY:g} mGy in all?",
    "dose_rate_low": f"are both channels at least {100 * _B.rate_low:.0f} % of it (past the ramp)?",
    "no_signal": f"do both chambers count at all, {1000 * look.NO_SIGNAL_S:.0f} ms after high voltage was seen?",
    "no_dose": f"do both count more than the bounds of hv_uncommanded, {look.NO_DOSE_S:g} s after?",
    "dose_channels": f"do channel 1 and 2 agree within {100 * _B.channels:.0f} % or {_R.CHANNELS_MGY:g} mGy?",
    "dose_model": f"does the primary agree with the model within {100 * _B.primary:.0f} % (monitor) or "
    f"{100 * _B.model:.0f} % (time), or {_R.MODEL_MGY:g} mGy?",
    "dose_timer": f"where the timer ends the beam: does it agree with channel 1 within {100 * _B.primary:.0f} % or {_R.MODEL_MGY:g} mGy?",
    "bad_samples": f"were fewer than {_R.BAD_SAMPLES} dose samples refused in the last second?",
    "backup_timer": "is beam time, by the unit and by this computer, within the timer's limit and the backup's margin?",
    "overdue": "has the unit ended the beam when its preset was due?",
    "air": f"are pressure ({_R.PRESSURE_KPA[0]:g} to {_R.PRESSURE_KPA[1]:g} kPa) and temperature "
    f"({_R.TEMPERATURE_C[0]:g} to {_R.TEMPERATURE_C[1]:g} C) plausible and their sensors sound?",
    "k_tp_drift": f"has the air correction drifted by at most {100 * _R.DRIFT:.1f} % since the loading?",
    "leakage": "do the chambers count no more than their certified leakage allows, without beam?",
    "leakage_at_start": "did they count no more than that in the last measurement, and was it after the last beam?",
    "recorder_fresh": f"has everything reached the disk within {house_rules.RECORDER_BEAM_S:g} s while the unit runs, "
    f"{house_rules.RECORDER_S:g} s otherwise?",
    "desk_lease": f"was the operator's program heard within {house_rules.DESK_S:g} s?",
    "tick_late": f"were fewer than {house_rules.LATE_TICKS} ticks in a row late?",
    "tick_gap": f"was the last tick at most {1000 * house_rules.GAP_S:.0f} ms ago?",
    "dose_kernel": "does the dose kernel reproduce its golden vector, and the second sum of the counts?",
    "invariants_held": "has the monitor found no contradiction in what this program let out (the invariants that it can see itself)?",
    "calibration_valid": "is the certificate not expired?",
}
"""Each rule's question; TRUE is the only good answer."""

WHEN: Final[dict[When, str]] = {
    When.ALWAYS: "always",
    When.SET_UP: "from set-up to OFF",
    When.BEFORE_ARM: "from set-up until ARM",
    When.VENTED: "from set-up to OFF, vented chamber 2",
    When.NOT_ARMED: "until the unit reads ARMED",
    When.CONFIRMED: "from ARM to OFF",
    When.CONFIRMED_VENTED: "from ARM to OFF, vented chamber 2",
    When.HELD: "from the unit's ARMED to its ENDED, or OFF",
    When.HELD_DOWN: "from the press to ENDED, or OFF; hold-to-run only",
    When.NO_BEAM: "no ON is out, cable discharged",
    When.LEAKAGE: "the same, after set-up",
    When.BEAM: "from ON to the unit's ENDED, or OFF",
    When.STEADY: "in beam, past the ramp",
    When.TIMED: "in beam, once both clocks run",
    When.DOSED: "in beam, purposes with dose",
    When.SIGNAL: "in beam, ramp over, high voltage seen for 100 ms",
    When.DOSE: "in beam, high voltage seen for 1 s",
    When.RATED: "in beam, once the rate holds no ramp",
    When.LINE: "in beam, flags later than ON",
    When.STANDING: "from ARM to the unit's ENDED, or OFF",
    When.NEVER: "never: the rig does not have what it stands on (NOT_FITTED)",
}
"""When a question has a meaning; at any other time the rule is NOT_ASKED."""

CLEARED_BY: Final[dict[Clears, str]] = {
    Clears.BY_ITSELF: "itself",
    Clears.BY_OPERATOR: "operator",
    Clears.BY_PHYSICIST: "physicist",
    Clears.BY_SERVICE: "service",
    Clears.NEVER: "nobody",
}

STATES: Final[dict[State, tuple[str, str]]] = {
    State.SELF_TEST: (
        "every start: identities, off proved for 1 s, records reconciled, the unit's six dry runs",
        "OFF, then RESET, TEST or CLEAR_FAULTS as each phase needs",
    ),
    State.STANDBY: (
        "nothing is loaded",
        "readings only; OFF if the unit still permits anything, or ARM was not taken back",
    ),
    State.PREPARATORY: (
        "a fraction is loaded: set up, read back, offered for confirmation",
        "SET_UP until the read-back is the plan",
    ),
    State.ARMING: (
        "confirmed: START is on its way to the disk, then the unit is armed",
        "nothing until the token is there, then ARM, then HOLD",
    ),
    State.READY: ("armed: the next press of the switch starts the beam", "HOLD"),
    State.STARTING: (
        "the switch was pressed and the unit runs: ON was sent, values rise",
        "ON in the first tick only, then HOLD",
    ),
    State.IRRADIATING: ("beam on, kV and mA within their windows, both chambers count", "HOLD"),
    State.STOPPING: ("off was sent and is not yet proved; dose still counts", "OFF, ten times a second"),
    State.INTERRUPTED: ("off; a rest may be left to resume", "readings only"),
    State.TERMINATED: (
        "off; over",
        "readings only; RESET of the unit once the record is durable and the fraction is closed",
    ),
    State.FAULT: ("latched; a person must reset it", "OFF; UNLATCH while service clears the unit's own latch"),
    State.STUCK_ON: (
        "beam may be on: it could not be proved off, or came without a command",
        "OFF, for ever; UNLATCH as in FAULT",
    ),
}
"""For each state what it is, and what is wanted of the machine in it (controller/drive.py)."""

EVENTS: Final[dict[Event, str]] = {
    Event.HV_UNCOMMANDED: "high voltage that nobody asked for",
    Event.STUCK_FOUND: "the records say that a beam could not be proved off before this start",
    Event.LATCH_FOUND: "the records or the safety unit hold a latch from before this start",
    Event.INTERNAL: "this program stood still for more than 200 ms, or its dose kernel is unsound",
    Event.UNIT_LOST: "the safety unit is silent",
    Event.UNIT_REBOOT: "the safety unit has restarted",
    Event.GEN_LOST: "the generator is silent",
    Event.TRIP_FAULT: "a rule that means a fault of a device, of a channel or of what was confirmed",
    Event.STOP: "STOP by a person or a signal",
    Event.TRIP_STOP: "a rule that means: end this exposure, it may be resumed",
    Event.KEY_OFF: "the key left its place",
    Event.RECORDER_LOST: "records do not reach the disk",
    Event.DESK_LOST: "the operator's program is not heard",
    Event.TIME_END: "a backup ended the beam, or had to: latched for the physicist",
    Event.DOSE_END: "the unit ended the beam by the preset that was meant to end it",
    Event.OFF_UNVERIFIED: "off could not be proved in time",
    Event.OFF_VERIFIED_FAULT: "off is proved; the worst seen was a fault",
    Event.OFF_VERIFIED_INTERRUPTED: "off is proved; dose is missing",
    Event.OFF_VERIFIED_TERMINATED: "off is proved; nothing is left to give",
    Event.EXPIRED: "the state lasted too long: "
    + ", ".join(f"{state.value} {bound:g} s" for state, bound in EXPIRES_S.items()),
    Event.EDIT: "unload",
    Event.TESTS_FAILED: "a self-test failed",
    Event.TESTS_PASSED: "all self-tests passed",
    Event.RETEST: "a person asks for the self-test",
    Event.RESET: "a person of the right role clears latches, with a name and a reason",
    Event.CLOSE: "a person closes the fraction, its record durable",
    Event.LOAD: "a fraction is loaded that records, certificate and limits admit",
    Event.RESUME: "the rest of the open fraction is loaded",
    Event.CONFIRM: "a person confirms exactly what was read back",
    Event.ARMED: "START is durable and the unit reads ARMED with its token and set",
    Event.PRESS: "one new press of the hardware switch: the unit runs, K1 closed",
    Event.BEAM_OK: "kV and mA within their windows, both chambers count",
}
"""What each event means; NONE is a tick in which nothing happened."""
