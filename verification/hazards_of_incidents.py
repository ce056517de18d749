"""Incidents by their names, of radiotherapy and of other trades, each as one requirement that a test can show.
It holds rows only; verification/incidents/ plays each of them on the whole machine, by the name in its last column."""

from __future__ import annotations

from typing import Final

from verification.hazard import Hazard, row

INCIDENTS: Final[tuple[Hazard, ...]] = (
    row(
        "incident-tyler",
        "Therac-25, Tyler 1986: the mode is edited within the eight seconds in which the magnets move; the screen shows the edit, the "
        "machine keeps the first set",
        "an edit at any moment unloads; what runs is the set that was read back from the devices and confirmed by its hash, or nothing runs",
        "rule:read_back rule:active_crc rule:set_points_held code:controller/guards.py::_confirm code:interlocks/gate_law.py::plan_wrong "
        "cell:ARMING*EDIT cell:READY*EDIT cell:IRRADIATING*EDIT",
        "scenarios/test_refusals.py::test_an_edit_at_8_of_24_chosen_ticks_never_beams_with_another_set "
        "scenarios/test_refusals.py::test_an_edit_at_the_other_16_of_24_chosen_ticks_never_beams_with_another_set "
        "scenarios/test_refusals.py::test_set_points_that_read_back_wrong_are_never_offered "
        "controller/test_decide_confirm.py::test_another_digest_is_refused",
        scenario="tyler",
    ),
    row(
        "incident-yakima",
        "Therac-25, Yakima 1987: a flag is counted up on each pass and is 0 on every 256th; the turntable is not looked at in that pass",
        "no flag is counted; each look asks every rule anew, however often it was asked before",
        "code:interlocks/judge.py::judge code:interlocks/gate_law.py::on",
        "interlocks/test_gate.py::test_a_verdict_is_good_once_and_in_its_own_tick_only "
        "interlocks/test_gate.py::test_on_is_refused_in_every_wrong_condition",
        scenario="yakima",
    ),
    row(
        "incident-proceed",
        "Therac-25: one key proceeds after a pause, up to five times, without a record",
        "a trip latches, and nothing but a reset by the right role, a new confirmation and a new press goes on; the third trip is the physicist's",
        "code:controller/guards.py::_reset code:records/clearance.py::_for_physicist cell:FAULT*RESET",
        "scenarios/test_refusals.py::test_after_two_resumes_a_physicist_is_needed "
        "records/test_recorder_normal.py::test_third_resume_and_third_trip_need_a_physicist",
        scenario="proceed",
    ),
    row(
        "incident-malfunction-54",
        "Therac-25: MALFUNCTION 54, which no manual explained",
        "every code has words with value, bound, dose so far and what to do first",
        "page:trips.md code:controller/ends.py::CAUSES code:interlocks/judge.py::judge",
        "docs/test_trips.py::test_every_code_has_what_happened_and_what_to_do_first "
        "interlocks/test_rules.py::test_words_of_a_bound_name_value_and_bound controller/test_shown.py::test_what_is_first_to_fix",
        scenario="malfunction-54",
    ),
    row(
        "incident-saturated-chamber",
        "Therac-25: the chamber is saturated by a beam that is a hundred times too strong, and the screen shows too little dose",
        "a saturated channel is never below its ceiling's rate; the dose is UNKNOWN, its high bound counts, and the physicist decides",
        "rule:chamber_saturation unit:RATE code:controller/dose.py::Meter code:records/clearance.py::_for_physicist",
        "controller/test_dose_meter.py::test_no_chamber_below_its_ceiling_is_unknown_and_high "
        "controller/test_off.py::test_a_saturated_chamber_is_not_quiet "
        "scenarios/test_open_beam.py::test_beam_without_its_filter_and_without_its_host_is_never_under_reported",
        scenario="saturated-chamber",
    ),
    row(
        "incident-removed-interlock",
        "Therac-25: the hardware interlocks of the machine before it were left out, and its program was kept",
        "a rig without a safety unit that has timer, lease, contactors and counters is for the bench, says so on every screen, and is "
        "refused as clinical",
        "code:console/run.py::prepared",
        "console/test_console_run.py::test_a_rig_without_a_wall_is_not_clinical "
        "interlocks/test_not_fitted.py::test_a_part_that_is_missing_takes_its_rules_and_no_others",
        scenario="removed-interlock",
    ),
    row(
        "incident-no-trace",
        "Therac-25: nobody could say afterwards what the machine had done",
        "every tick around an exposure is in the journal, and the frames on the wires from 5 s before a trip to 1 s after it",
        "code:records/forms.py::Ticks code:records/journal.py::Journal",
        "records/test_wires_kept.py::test_a_trip_leaves_five_seconds_before_and_one_after "
        "records/test_recorder_crash.py::test_rt_killed_in_beam_is_provisional_then_by_the_units_counters",
        scenario="no-trace",
    ),
    row(
        "incident-xoft",
        "electronic brachytherapy 2014: output measured with the source not fully in the chamber; 436.6 s instead of 230.7 s",
        "a calibration or a time that steps by more than 10 % needs a physicist and a second person",
        "code:console/second_calculation.py::checked code:calibration/gates.py::refused code:calibration/time_table.py::against_first "
        "code:records/day_readings.py::judged",
        "console/test_console_second.py::test_a4_an_offer_that_differs_is_seen "
        "calibration/test_certificate_measured.py::test_a1_a_change_of_output_asks_for_more "
        "console/test_console_independent.py::test_a1_a_time_off_fraction_1_is_stopped "
        "records/test_day.py::test_a1_a_detector_that_is_not_seated_is_found_by_seating_it_anew",
        who="the physicist, with a jig that proves its own seating",
        scenario="xoft",
    ),
    row(
        "incident-costa-rica",
        "San Jose 1996: after a change of source 0.3 min was read as 30 s; 114 patients",
        "no bare number: a key carries its unit, and a text with a unit or a comma is refused with the number written out",
        "code:console/strict.py::check",
        "console/test_console_configuration.py::test_a_dose_in_quotes_with_a_comma_or_with_a_unit_is_no_number "
        "console/test_console_configuration.py::test_a_decimal_comma_is_refused_with_the_point_written_out",
        scenario="costa-rica",
    ),
    row(
        "incident-nucletron",
        "afterloader 1999: editing one field by hand changed another (the step size)",
        "an order is one file with one hash; a change of a byte is another order, and a fraction that was begun keeps its own",
        "code:controller/settings.py::make_settings code:records/clearance.py::_plan",
        "console/test_console_configuration.py::test_one_changed_byte_is_another_prescription "
        "scenarios/test_refusals.py::test_a_resume_with_something_changed_is_refused",
        scenario="nucletron",
    ),
    row(
        "incident-bumped-table",
        "remote console 1996: the table is bumped, and the console loses contact in the middle of a treatment",
        "a lost link ends the beam; nothing comes on again by itself; the rest is what the unit's counters leave",
        "rule:unit_link rule:generator_link cell:IRRADIATING*UNIT_LOST cell:IRRADIATING*GEN_LOST unit:LEASE",
        "demo:link-lost demo:port-pulled demo:connection-reset scenarios/test_wire_faults_in_beam.py::test_a_wire_that_lies_for_a_moment_in_beam",
        scenario="bumped-table",
    ),
    row(
        "incident-no-source",
        "afterloader 1996: the timer ran, and no source was exposed",
        "dose is what chambers measured; no dose 1 s after high voltage ends the beam",
        "rule:no_dose rule:no_signal unit:NO_DOSE unit:START_WINDOW",
        "scenarios/test_wire_faults_in_beam.py::test_an_on_that_makes_no_beam_ends_by_itself "
        "interlocks/test_rules.py::test_counts_of_leakage_only_are_no_dose_one_second_after_hv_was_seen",
        scenario="no-source",
    ),
    row(
        "incident-iba",
        "proton therapy: a stop and its switch moved together, so the switch could not see that the stop had moved",
        "a switch that moves with what it senses is found by a measurement of dose from end to end",
        "code:records/day_readings.py::_line",
        "records/test_day.py::test_a1_a_failing_reading_locks_with_value_bound_and_what_first",
        who="whoever builds the head; the physicist by an end-to-end measurement",
        scenario="iba",
    ),
    row(
        "incident-zaragoza",
        "Zaragoza 1990: an energy meter stands still at one value, whatever the machine does",
        "a read-back that stands still is found by dose: the chambers, the model of kV and mA, and the unit's timer are compared all the time",
        "rule:dose_model rule:dose_rate_high rule:dose_rate_low rule:beam_lost",
        "scenarios/test_wire_faults_in_beam.py::test_a_generator_that_errs_in_beam "
        "scenarios/test_wire_faults_in_beam.py::test_answers_from_before_do_not_hide_beam_that_goes",
        scenario="zaragoza",
    ),
    row(
        "incident-reflexion",
        "2024 recall: the dose of a fraction that was finished in another session was wrong",
        "for any split into parts over restarts and days the sum is what was prescribed",
        "code:controller/refusals.py::retained code:records/clearance.py::judge unit:COUNT_PRESET",
        "controller/test_settings.py::test_resume_in_time_mode_sums_to_the_prescription "
        "simulators/test_unit_arming.py::test_resume_delivers_only_the_rest "
        "simulators/test_world_certify.py::test_segments_of_a_resumed_fraction_add_up_by_the_end_effect",
        scenario="reflexion",
    ),
    row(
        "incident-siemens",
        "2021: dose was computed with a wrong distance, and an alarm of 2 Gy was false",
        "the distance comes from the applicator that is sensed, by its certificate, and from nowhere else",
        "code:controller/conversion.py::converted rule:applicator_code",
        "controller/test_settings.py::test_closed_applicators_take_their_own_table controller/test_settings.py::test_gap_and_cutout",
        scenario="siemens",
    ),
    row(
        "incident-infusion-pump",
        "infusion pumps: a key bounces and 10 becomes 100; alarms that do not sound",
        "nothing that gives dose is typed at the desk: an order is a file, checked and shown, and confirmed by one whole word; one press is "
        "one press; an alarm is heard by its priority at the treatment page, and as long as a browser gives no sound the page says so",
        "code:console/prescription.py::load code:controller/guards.py::_confirm",
        "console/test_console_treat.py::test_anything_but_a_typed_yes_unloads simulators/test_unit_arming.py::test_a_bouncing_switch_is_one_press "
        "browser/test_browser_pages.py::test_an_alarm_is_heard_after_the_first_hand_and_acknowledged_without_being_cleared",
        scenario="infusion-pump",
    ),
    row(
        "incident-boeing-787",
        "2015: all generator controllers fail together after 248 days, when a counter of hundredths of a second overflows",
        "counters of the unit are differences modulo their size; time here is a float of seconds or an integer of nanoseconds",
        "code:hal/safety_units/scan_check.py::ScanCheck code:controller/kernel.py::count_block",
        "hal/test_hal_unit.py::test_a_true_scan_is_true_over_the_wrap_and_with_jitter interlocks/test_rules.py::test_counters_may_wrap_in_beam "
        "simulators/test_unit_registers.py::test_scan_sample_and_counts_wrap_at_2_32 "
        "controller/test_dose_kernel.py::test_counts_are_exact_over_the_wrap",
        scenario="boeing-787",
    ),
    row(
        "incident-patriot",
        "1991: a tenth of a second is no binary number; after 100 h the clock is 0.34 s off",
        "a deadline is a multiple of the tick from one beginning, never a sum of ticks; dose is summed with compensation",
        "code:controller/pace.py::KernelPace code:controller/kernel.py::model_block",
        "controller/test_pace.py::test_deadlines_are_absolute controller/test_dose_kernel.py::test_compensation_beats_fastmath_on_a_plain_sum",
        scenario="patriot",
    ),
    row(
        "incident-toyota",
        "2005-10: one task is dead, the others feed the watchdog, and the throttle stays open",
        "the lease is renewed only by the tick that read, judged, decided and passed on; there is no thread and no timer that could",
        "code:interlocks/gate.py::Gate.ask unit:LEASE",
        "interlocks/test_gate.py::test_a_permit_is_one_renewal_spent_by_the_next_ask "
        "interlocks/test_gate.py::test_a_look_that_raises_leaves_no_verdict_behind demo:recorder-killed demo:desk-killed",
        scenario="toyota",
    ),
    row(
        "incident-ariane-5",
        "1996: a conversion overflows without a handler; the second unit fails the same way; its error message is taken for data",
        "what is no number is true in no rule; an exception ends the process with off first; no error frame decodes as a measurement",
        "code:controller/__main__.py::run code:interlocks/judge.py::judge",
        "controller/test_run.py::test_whatever_escapes_a_tick_shuts_the_gate_and_ends_the_process "
        "interlocks/test_any_readings.py::test_judging_never_raises_and_no_rule_breaks "
        "hal/test_hal_decoders.py::test_any_bytes",
        scenario="ariane-5",
    ),
    row(
        "incident-px4",
        "drone software: a fault that the simulator does not know passes its test in silence",
        "a fault that cannot be injected fails the run that asks for it",
        "code:simulators/faults.py::Faults",
        "simulators/test_world_rig.py::test_every_fault_starts_changes_something_and_stops "
        "simulators/test_world_rig.py::test_faults_refuse_unknown_names_and_times "
        "scenarios/test_wire_faults_in_beam.py::test_every_wire_fault_has_a_name_for_inject",
        scenario="px4",
    ),
)
