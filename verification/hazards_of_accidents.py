"""Hazards that have hurt people: the flaws of the Therac-25, and accidents and recalls of radiotherapy since, each as a requirement of ours.
It holds rows only; what a row is stands in verification/hazard.py, and verification/hazards.py checks every link."""

from __future__ import annotations

from typing import Final

from verification.hazard import Hazard, row

THERAC: Final[tuple[Hazard, ...]] = (
    row(
        "Therac-T1",
        "an edit while the machine sets itself up is shown and not acted on (the Tyler accidents)",
        "what runs is one frozen set of device integers, hashed; it is read back from the devices and confirmed by that hash; an edit unloads it",
        "code:controller/guards.py::_confirm code:interlocks/gate_law.py::arm rule:read_back rule:active_crc rule:set_points_held "
        "cell:PREPARATORY*EDIT cell:READY*EDIT",
        "scenarios/test_refusals.py::test_an_edit_at_8_of_24_chosen_ticks_never_beams_with_another_set "
        "scenarios/test_refusals.py::test_an_edit_at_the_other_16_of_24_chosen_ticks_never_beams_with_another_set "
        "controller/test_decide_confirm.py::test_devices_that_hold_something_else_are_refused",
    ),
    row(
        "Therac-T2",
        "a flag that is counted up wraps to 0, and the check is skipped (the Yakima accident)",
        "what guards a beam is an enumeration or a fresh answer of this tick, never a counter that may wrap; a verdict is good once, in its own tick",
        "code:interlocks/judge.py::judge code:interlocks/gate.py::Gate.pass_on",
        "interlocks/test_gate.py::test_a_verdict_is_good_once_and_in_its_own_tick_only "
        "interlocks/test_rules.py::test_what_is_shown_has_a_line_for_every_rule",
    ),
    row(
        "Therac-T3",
        "one key proceeds after a malfunction, five times over",
        "a trip latches; the right role clears it with name and reason once its cause is gone; resuming is a new confirmation and a new "
        "press; the third "
        "resume and the third trip are the physicist's",
        "code:interlocks/latch.py::cleared code:controller/guards.py::_reset code:records/clearance.py::_for_physicist",
        "scenarios/test_refusals.py::test_after_two_resumes_a_physicist_is_needed "
        "records/test_recorder_normal.py::test_third_resume_and_third_trip_need_a_physicist "
        "records/test_recorder_normal.py::test_a_resume_is_judged_again_at_its_start "
        "scenarios/test_refusals.py::test_a_resume_that_was_held_over_midnight_needs_a_physicist "
        "controller/test_decide_reset.py::test_a_cause_that_is_still_there_is_not_reset "
        "console/test_console_daily.py::test_therac_t3_after_a_stop_nothing_is_exposed_in_this_check "
        "console/test_console_daily.py::test_therac_t3_an_exposure_that_was_ended_elsewhere_is_made_again_when_a_person_says_so",
    ),
    row(
        "Therac-T4",
        "a malfunction is a number that nobody explains",
        "every way that a beam ends or does not begin has words: what, with value and bound, and what to do first",
        "page:trips.md code:controller/ends.py::CAUSES code:interlocks/judge.py::judge",
        "docs/test_trips.py::test_every_code_has_what_happened_and_what_to_do_first "
        "interlocks/test_rules.py::test_words_of_a_bound_name_value_and_bound",
    ),
    row(
        "Therac-T5",
        "nothing outside the program ends the beam",
        "a separate unit lets beam through only while its lease is renewed, and holds timer and count limits of its own; emergency stop, "
        "door and key cut by wire",
        "rule:lease_armed unit:LEASE unit:TIME_PRESET unit:COUNT2 unit:ESTOP unit-test:lease code:controller/guards.py::_load",
        "demo:host-killed demo:host-frozen demo:black-hole "
        "simulators/test_world_rig.py::test_a_host_that_falls_silent_loses_the_beam_within_its_lease "
        "simulators/test_world_rig.py::test_door_cuts_hv_by_wire_and_the_unit_names_the_cause",
    ),
    row(
        "Therac-T6",
        "a saturated chamber reads almost nothing, and dose is given again",
        "saturation is high, never low; a rate above 150 % or below 50 % ends the beam; a dose that is not known is UNKNOWN and counts as "
        "its high bound",
        "rule:chamber_saturation rule:dose_rate_high rule:dose_rate_low unit:RATE code:controller/channels.py::weigh",
        "simulators/test_plant_parts.py::test_chamber_saturates_high_with_its_flag_never_low "
        "controller/test_dose_meter.py::test_no_chamber_below_its_ceiling_is_unknown_and_high "
        "scenarios/test_open_beam.py::test_beam_without_its_filter_and_without_its_host_is_never_under_reported",
    ),
    row(
        "Therac-T7",
        "one bit decides where a movable part stands",
        "applicator and filter have codes that differ in two bits at least, all-0 and all-1 are none, and two readers must agree with what "
        "was confirmed",
        "rule:applicator_code rule:filter_code unit:APPL unit:FILTER",
        "simulators/test_plant_parts.py::test_codes_keep_their_distance interlocks/test_rules.py::test_outside_its_bound_a_rule_trips_in_time",
    ),
    row(
        "Therac-T8",
        "tasks share variables without agreement",
        "one thread owns the exposure; processes speak by messages and by records with a checksum each; no half of anything is read",
        "code:controller/loop.py::Loop code:controller/ring.py::RingReader",
        "records/test_ring.py::test_a_flipped_bit_is_never_read records/test_ring.py::test_half_an_entry_is_no_entry "
        "house/test_process.py::test_the_real_time_process_holds_no_room_above_it_and_one_thread",
    ),
    row(
        "Therac-T9",
        "a field that is left alone fills itself with what stood there before",
        "no field of a prescription has a default that gives dose; the offer shows kV, mA, dose, time and applicator as read back, and a "
        "typed yes is needed",
        "code:console/prescription.py::PrescriptionFile code:controller/guards.py::_confirm",
        "console/test_console_configuration.py::test_each_key_of_the_prescription_is_missed_by_name "
        "console/test_console_treat.py::test_anything_but_a_typed_yes_unloads",
    ),
    row(
        "Therac-T10",
        "camera and intercom are out, and nobody sees or hears the patient",
        "that the patient can be seen and heard is checked each day before the first exposure",
        "code:records/day.py::_people_and_contacts page:daily-check.md",
        "records/test_day.py::test_a1_a15_what_a_sheet_leaves_out_locks "
        "records/test_day.py::test_a1_g22_without_a_check_or_a_warm_tube_treatment_is_refused_and_a_check_without_a_warm_tube",
        who="the operator, before each exposure",
    ),
    row(
        "Therac-T11",
        "the maker's risk analysis leaves the software out",
        "every row of this table leads to an answer and to a test, or says that it does not; make lint fails otherwise",
        "code:verification/hazards.py::wrong",
        "house/test_hazards.py::test_every_link_leads_somewhere house/test_hazards.py::test_a_wrong_link_is_found",
    ),
    row(
        "Therac-T12",
        "after an error the plan's state is kept and used again",
        "after a trip nothing that was confirmed is left: a new set-up, read-back, offer, confirmation and token are needed",
        "cell:READY*TRIP_FAULT cell:FAULT*RESET cell:READY*TRIP_STOP code:controller/dossier.py::Dossier.enter_self_test",
        "scenarios/test_pieces.py::test_a_start_begins_nothing_by_itself "
        "controller/test_dossier.py::test_after_a_stop_event_the_unit_must_be_committed_anew "
        "controller/test_states.py::test_no_state_is_left_for_starting_by_recovery",
    ),
)

ACCIDENTS: Final[tuple[Hazard, ...]] = (
    row(
        "accident-A1",
        "a source is measured while it is not fully in the chamber, and the time comes out almost twice as long (2014)",
        "output outside 3 % of its trend blocks; a time more than 5 % off fraction 1 needs a physicist's reason; a daily check never rescales a rate",
        "code:calibration/gates.py::refused code:calibration/time_table.py::against_first code:console/second_calculation.py::checked "
        "code:calibration/history.py::unexplained code:calibration/history.py::left_behind code:calibration/procedures/output.py::readings "
        "code:records/day_readings.py::judged code:records/day_readings.py::_seated "
        "code:records/baselines.py::further code:records/baselines.py::unmeasured code:records/day_readings.py::_off_today",
        "records/test_day.py::test_a1_a_failing_reading_locks_with_value_bound_and_what_first "
        "records/test_day.py::test_a1_a_detector_that_is_not_seated_is_found_by_seating_it_anew "
        "records/test_day.py::test_a1_a_check_never_rescales_anything "
        "console/test_console_daily.py::test_a1_readings_of_a_detector_that_was_not_seated_are_kept_by_nobody_and_are_no_operators "
        "records/test_readings_today.py::test_a1_a_reading_that_was_off_today_is_not_measured_away "
        "records/test_readings_today.py::test_a1_a_reading_that_was_off_stays_so_in_every_later_check_of_the_day_and_under_the_next_days_no_more "
        "records/test_readings_today.py::test_a1_a_failed_check_that_was_signed_all_the_same_is_one_of_the_readings_of_its_day "
        "records/test_readings_today.py::test_a1_a_reading_that_was_off_is_what_the_first_sheet_told_of_it "
        "records/test_readings_today.py::test_a1_a12_the_air_of_the_next_check_makes_no_reading_of_before_better "
        "records/test_readings_today.py::test_a1_whoever_leaves_checks_before_a_reading_is_typed_calls_the_physicist "
        "records/test_readings_today.py::test_a1_a_sheet_that_says_another_day_is_one_of_those_that_were_laid_down_on_this_one "
        "records/test_readings_today.py::test_a1_a_further_detector_is_given_its_baseline_on_a_day_with_readings_that_serve_no_line "
        "console/test_console_daily.py::test_a1_what_a_baseline_that_was_stopped_has_read_is_told_by_the_next_check "
        "console/test_console_daily.py::test_a1_what_makes_a_check_the_physicists_is_said_before_anything_is_exposed_for_it "
        "console/test_console_daily.py::test_a1_what_a_check_that_failed_or_was_left_has_read_is_told_by_the_next_one "
        "console/test_console_daily.py::test_a1_a_reading_that_cannot_be_written_or_read_ends_the_check "
        "records/test_baselines.py::test_a1_another_detectors_name_hides_no_machine_that_has_moved "
        "records/test_baselines.py::test_a1_a_further_detector_has_no_baseline_where_no_check_is_in_force "
        "records/test_baselines_anew.py::test_a1_a_certificate_signed_anew_without_a_measurement_hides_no_machine_that_has_moved "
        "records/test_baselines_anew.py::test_a1_an_output_that_was_read_before_the_baseline_of_before_is_held_against_it_whatever_its_r0 "
        "records/test_baselines_anew.py::test_a1_readings_of_long_before_a_baseline_free_no_machine_that_moved_after_them "
        "records/test_baselines_anew.py::test_a1_a_second_baseline_of_the_same_certificate_is_of_what_the_first_one_is_of "
        "records/test_baselines_anew.py::test_a1_a_new_baseline_is_of_the_combination_that_has_one_already "
        "records/test_baselines_anew.py::test_a1_a_baseline_creeps_away_by_no_row_of_unmeasured_certificates_and_a_refused_one_is_none_to_hold_against "
        "records/test_baselines_anew.py::test_a1_a_detector_that_an_unmeasured_certificate_cannot_begin_with_is_refused_before_anything_is_exposed "
        "records/test_baselines.py::test_a1_further_detectors_add_not_up_what_each_may_be_off "
        "records/test_baselines.py::test_a1_two_seatings_of_a_check_let_no_output_creep_between_detectors "
        "records/test_baselines_anew.py::test_a1_what_a_detector_was_begun_with_holds_under_the_next_certificate_too "
        "records/test_baselines.py::test_a1_a_further_detectors_baseline_that_was_refused_comes_not_into_force_with_what_happens_later "
        "records/test_baselines.py::test_a1_a_further_detectors_baseline_is_refused_before_anything_is_exposed_for_it "
        "verification/test_blundered.py::test_hazard_a1_a_detector_that_is_not_where_it_should_be "
        "verification/test_calibrated.py::test_hazard_a1_a_focal_spot_that_is_not_where_it_was "
        "calibration/test_procedures.py::test_hazard_a1_a_wide_spread_is_refused_until_a_reading_is_rejected_with_its_reason "
        "calibration/test_certificate_measured.py::test_a1_a_change_of_output_asks_for_more "
        "calibration/test_output.py::test_a1_the_further_it_moved_the_more_is_asked "
        "calibration/test_certificate_of_each.py::TestOfAllBefore.test_a1_a2_the_factor_of_a_gap_moves_a_patients_dose_as_r0_does "
        "calibration/test_certificate_of_each.py::TestOfAllBefore.test_a1_a2_a_cut_out_that_is_added_beside_one_of_its_size_is_held_against_that "
        "calibration/test_certificate_of_each.py::TestOfAllBefore.test_a1_a2_what_a_cut_out_gives_at_the_surface_and_at_depth_moves_a_patients_dose_as_r0_does "
        "calibration/test_certificate_of_each.py::TestOfAllBefore.test_a1_creep_above_10_percent_asks_for_an_exchanged_part_and_everything_anew "
        "verification/test_attacked_procedures.py::test_a1_a_chamber_one_millimetre_from_its_place_is_told_with_what_that_is_of_dose "
        "console/test_console_draft_attacks.py::test_a1_a_newer_session_that_was_voided_is_told_to_whoever_signs_the_draft "
        "console/test_console_draft_attacks.py::test_a1_a_newer_session_that_somebody_began_out_of_doubt_is_finished_or_voided_first "
        "console/test_console_draft_attacks.py::test_a1_what_is_typed_as_expected_is_held_against_the_certificate_before "
        "console/test_console_treat.py::test_a1_a_time_off_that_of_fraction_1_is_never_confirmed "
        "console/test_console_treat.py::test_a4_a5_an_offer_that_the_second_calculation_does_not_meet_is_never_confirmed",
        who="the physicist, with a detector outside the head in a jig that proves its own seating",
    ),
    row(
        "accident-A2",
        "one setting is measured and the other cones are worked out by a formula that nobody tested (2004-07)",
        "a combination of kV, mA, filter and applicator is delivered only if the certificate holds it exactly; nothing is interpolated "
        "between combinations",
        "code:controller/settings.py::_combination code:calibration/schema.py::worked code:calibration/gates.py::refused "
        "code:calibration/procedures/applicator.py::read_each",
        "verification/test_blundered.py::test_hazard_a2_an_applicator_by_a_formula "
        "verification/test_calibrated.py::test_hazard_a2_a_factor_a_layer_or_an_output_that_cannot_be "
        "verification/test_calibrated.py::test_hazard_a2_an_applicator_is_held_against_its_own_history "
        "verification/test_calibrated.py::test_hazard_a2_a_geometry_that_reads_scatter_begins_nothing "
        "verification/test_attacked_procedures.py::test_a2_a12_it_is_refused_by_the_step_that_should "
        "console/test_console_draft_attacks.py::test_a2_what_is_measured_on_one_tube_stands_in_no_other_tubes_certificate "
        "controller/test_settings.py::test_refusals console/test_console_second.py::test_a2_a_combination_is_met_exactly_or_not_at_all "
        "calibration/test_certificate_measured.py::test_a2_a_combination_without_a_measurement_of_its_own "
        "calibration/test_certificate_of_each.py::TestOfTheSameCombination.test_a2_a5_the_cone_that_moved_is_the_one_that_is_measured_again "
        "calibration/test_certificate_of_each.py::TestOfAllBefore.test_a1_a2_a_cone_that_was_left_out_is_held_against_the_last_version_that_had_it "
        "calibration/test_certificate_of_each.py::TestLeftBehind.test_a1_a2_a_cone_that_was_not_read_anew_is_refused_where_another_one_moved "
        "calibration/test_certificate_of_each.py::TestLeftBehind.test_a1_a2_by_how_much_and_how_long_before "
        "calibration/test_certificate_of_each.py::TestLeftBehind.test_a1_a2_an_exchanged_part_excuses_no_cone_that_was_not_read_anew "
        "calibration/test_certificate_of_each.py::TestLeftBehind.test_a1_a2_a_cone_that_comes_back_with_old_readings_is_refused "
        "calibration/test_certificate_of_each.py::TestLeftBehind.test_a1_a2_after_all_were_read_anew_one_of_them_may_be_read_alone "
        "calibration/test_certificate_measured.py::test_a2_anothers_readings_are_refused",
        who="the physicist measures each combination; where a certificate moved by less than 5 % one signature is enough",
    ),
    row(
        "accident-A3",
        "minutes are read as seconds (1996)",
        "a key carries its unit in its name, a value with a unit or a comma is refused, and every number is shown with its unit",
        "code:console/strict.py::check code:calibration/dosimetry/units.py::bare code:calibration/procedures/step.py::number",
        "verification/test_blundered.py::test_hazard_a3_minutes_and_other_units "
        "verification/test_calibrated.py::test_hazard_a3_a_timer_that_another_clock_does_not_meet "
        "console/test_console_draft_attacks.py::test_a3_a_number_in_another_unit_is_refused_before_anything_is_exposed "
        "calibration/test_dosimetry.py::test_a3_minutes_and_bare_numbers_are_no_time "
        "calibration/test_dosimetry.py::test_a3_a_bare_number_is_never_taken "
        "console/test_console_configuration.py::test_a_dose_in_quotes_with_a_comma_or_with_a_unit_is_no_number "
        "controller/test_settings.py::test_golden_numbers_of_e5_and_e10",
    ),
    row(
        "accident-A4",
        "an unusual entry is accepted and the times double (2000-01)",
        "a key that is not known, or a value outside its bounds, is refused with value and bound; a second calculation must meet the time",
        "code:console/strict.py::check code:console/second_calculation.py::checked code:calibration/procedures/step.py::number "
        "code:console/treat/independent.py::compared code:controller/conversion.py::depth_dose",
        "verification/test_blundered.py::test_hazard_a4_an_entry_outside_the_grammar_and_a_reading_of_two "
        "console/test_console_configuration.py::test_an_unknown_key_is_an_error_and_the_known_one_is_named "
        "console/test_console_periodic_sessions.py::test_hazard_a4_a_number_is_not_typed_where_a_session_measured_it "
        "console/test_order_written.py::test_each_refusal_names_value_bound_and_what_to_do_first "
        "console/test_order_written.py::test_hazard_a4_a_cut_out_is_one_that_was_measured_with_its_factor_and_size "
        "console/test_console_independent.py::test_hazard_a4_a_cut_out_that_is_named_is_compared_also_where_its_factor_is_1 "
        "controller/test_settings.py::test_hazard_a4_a_cut_out_that_is_named_has_its_own_factor_at_the_surface_too "
        "console/test_console_second.py::test_a4_an_offer_that_differs_is_seen",
    ),
    row(
        "accident-A5",
        "the second check repeats the first one's method, and a warning of 100 % is explained away (2015)",
        "one second calculation is other code, the other one stands on the physicist's own typed times; neither can be overruled at the desk",
        "code:console/second_calculation.py::checked code:console/treat/independent.py::compared code:calibration/time_table.py::independent "
        "code:calibration/procedures/second.py::second_check code:calibration/gates.py::unchecked",
        "verification/test_blundered.py::test_hazard_a5_a_second_measurement_that_is_the_first "
        "verification/test_blundered.py::test_hazard_a5_what_is_no_second_check "
        "console/test_console_draft_attacks.py::test_a5_two_people_at_one_session_are_no_check_of_one_another "
        "console/test_console_draft_attacks.py::test_a5_two_people_at_a_session_beside_the_output_are_refused_too "
        "console/test_console_independent.py::test_a5_other_data_warn_and_stop "
        "calibration/test_certificate_measured.py::test_a5_one_physicist_with_two_names_is_one "
        "calibration/test_certificate_measured.py::test_a5_a_second_check_is_what_its_own_readings_come_to "
        "calibration/test_certificate_of_each.py::TestOfTheSameCombination.test_a2_a5_the_cone_that_moved_is_the_one_that_is_measured_again "
        "calibration/test_certificate_of_each.py::TestOfAllBefore.test_a1_a5_creep_asks_for_a_second_physicist_and_not_for_a_second_check_alone "
        "calibration/test_certificate_of_each.py::TestOfTheSameCombination.test_a5_each_cone_that_moved_has_a_second_check_of_its_own "
        "console/test_console_treat.py::test_a4_a5_an_offer_that_the_second_calculation_does_not_meet_is_never_confirmed "
        "console/test_console_second.py::test_time_at_depth_and_gap",
        who="the physicist, with a table of times of his own",
    ),
    row(
        "accident-A6",
        "after a power cut the dose monitor is dead and its safety part broken, and treatment goes on (2001)",
        "every start is a self-test with off proved by contactor, kV and chambers; in beam a chamber that gives no signal 100 ms after high "
        "voltage trips",
        "rule:no_signal rule:chamber_supply cell:SELF_TEST*TESTS_PASSED unit:NO_DOSE code:controller/self_test.py::step "
        "code:records/day.py::against",
        "demo:chamber-dead "
        "calibration/test_dark.py::test_hazard_a6_a_chamber_that_leaks_and_what_comes_and_goes_are_refused "
        "verification/test_calibrated.py::test_hazard_a6_a_monitor_chamber_that_leaks_varies_or_has_no_supply "
        "records/test_day.py::test_a6_power_lost_in_beam_locks_again_and_the_mornings_sheet_laid_down_once_more_opens_nothing "
        "interlocks/test_rules.py::test_a_chamber_that_dies_in_beam_trips_within_a_tenth_of_a_second_and_a_little "
        "controller/test_self_test.py::test_off_must_be_proved_strictly_for_a_second_without_a_break",
    ),
    row(
        "accident-A7",
        "the rest of a fraction is given wrong in another session (2024)",
        "the unit's retained timer and counters run on to the same limits, so a resume delivers the rest and only the rest",
        "code:controller/refusals.py::retained code:controller/presets.py::beyond_retained unit:COUNT_PRESET code:calibration/end_effect.py::end_effect "
        "code:calibration/procedures/interrupt.py::interrupted code:calibration/procedures/tail.py::tail",
        "scenarios/test_pieces.py::test_a_fraction_in_any_pieces_sums_to_what_was_ordered "
        "verification/test_calibrated.py::test_hazard_a7_an_end_effect_a_tail_or_pieces_that_do_not_sum "
        "verification/test_calibrated.py::test_hazard_a7_a_resume_without_its_end_effect_is_seen_in_the_pieces "
        "calibration/test_end_effect.py::test_hazard_a7_exposures_that_give_no_end_effect_are_refused "
        "console/test_console_draft_attacks.py::test_hazard_a7_nothing_is_measured_by_another_timer_start_than_that_of_the_certificate_in_force "
        "verification/test_tail.py::test_a7_a_contactor_slow_on_some_ends_is_refused "
        "verification/test_tail.py::test_a7_an_end_that_was_not_seen_or_was_no_preset_is_no_tail "
        "verification/test_tail.py::test_a7_a_tail_of_another_beam_tick_or_firmware_is_not_taken "
        "verification/test_job_at_the_bench.py::test_a7_a_tail_is_measured_or_typed_and_never_both "
        "simulators/test_unit_arming.py::test_resume_delivers_only_the_rest "
        "scenarios/test_refusals.py::test_a_resume_gives_the_rest_and_no_more "
        "controller/test_settings.py::test_resume_in_time_mode_sums_to_the_prescription",
    ),
    row(
        "accident-A8",
        "a backup had to end the beam, and treatment goes on with the smaller dose (2020)",
        "an end by a backup, and channels more than 3 % apart, latch for the physicist; the high bound is kept beside the dose",
        "rule:overdue rule:dose_channels cell:IRRADIATING*TIME_END unit:DISAGREE code:controller/latches.py::Latches",
        "demo:channels-low scenarios/test_refusals.py::test_an_end_by_the_timer_needs_the_physicist",
    ),
    row(
        "accident-A9",
        "an applicator's base plate comes off (2022)",
        "seat and code are sensed all the time by two channels each; losing either ends the beam within 100 ms",
        "rule:applicator_contact unit:CONTACT unit:APPL",
        "interlocks/test_rules.py::test_outside_its_bound_a_rule_trips_in_time simulators/test_unit_causes.py::test_beam_ends_by_itself",
    ),
    row(
        "accident-A10",
        "an interlock's own hardware fails in beam, and nothing says so (2018)",
        "contacts are energised to permit, in two channels, with a test pulse; a unit that stops answering is an open interlock",
        "rule:contacts_agree rule:contacts_agree_at_rest unit:PAIR unit:TEST_PULSE rule:unit_link",
        "simulators/test_unit_causes.py::test_beam_ends_by_itself demo:black-hole",
    ),
    row(
        "accident-A11",
        "the exposure switch sticks",
        "it must have been seen released within 5 s before the unit is armed, and one press gives one beam; one that stays pressed after "
        "the beam is a fault",
        "rule:switch_released rule:switch_let_go rule:switch_held unit:SWITCH",
        "interlocks/test_rules.py::test_a_switch_that_stays_pressed_after_the_end_is_a_fault_two_seconds_later "
        "scenarios/test_refusals.py::test_a_stuck_switch_never_arms "
        "scenarios/test_refusals.py::test_a_switch_that_sticks_in_beam_starts_nothing_again "
        "simulators/test_unit_arming.py::test_one_run_per_arm "
        "scenarios/test_hold_to_run.py::test_a_switch_that_is_let_go_ends_the_beam_and_a_new_press_does_not_bring_it_back",
    ),
    row(
        "accident-A12",
        "a distance correction is applied twice, for ten years (1982-91)",
        "each factor of the chain from prescription to time is applied once, in one place, and golden numbers hold the whole chain",
        "code:controller/conversion.py::converted code:calibration/dosimetry/chain.py::Chain.times code:calibration/procedures/output.py::readings "
        "code:calibration/cutouts.py::b_w_ratio code:controller/conversion.py::depth_dose code:calibration/cutouts.py::no_depth",
        "verification/test_blundered.py::test_hazard_a12_a_correction_twice "
        "verification/test_calibrated.py::test_hazard_a12_an_offset_or_a_scale_that_is_none "
        "calibration/test_cutouts.py::test_hazard_a12_an_order_with_a_cut_out_gives_at_the_surface_what_it_says "
        "console/test_console_second.py::test_hazard_a12_a_cut_out_at_depth_is_never_calculated_by_the_open_fields_depth_dose "
        "console/test_console_second.py::test_hazard_a12_a_cut_out_at_depth_goes_by_its_own_depth_dose "
        "console/test_order_written.py::test_hazard_a12_a_cut_out_at_a_depth_goes_by_its_own_depth_dose "
        "console/test_order_set_up.py::test_bolus_that_leaves_the_depth_table_or_lies_over_lead_is_refused_by_both_calculations "
        "console/test_console_configuration.py::test_hazard_a12_an_order_of_a_cut_out_at_depth_is_refused "
        "controller/test_settings.py::test_hazard_a12_a_cut_out_at_depth_without_its_own_depth_dose_is_refused "
        "calibration/test_cutouts.py::test_hazard_a12_an_order_at_depth_under_lead_goes_by_the_depth_dose_under_it "
        "calibration/test_cutouts.py::test_hazards_a2_a12_what_is_no_depth_dose_under_that_lead_may_not_be_signed "
        "verification/test_blundered.py::test_hazard_a12_air_corrected_twice_moves_what_a_count_is_worth "
        "console/test_console_daily.py::test_hazard_a12_a_pressure_as_high_as_one_reduced_to_sea_level_is_asked_for_once_more "
        "calibration/test_provisional.py::test_a12_the_bleeders_current_of_the_data_sheet_is_expected_in_the_read_back "
        "calibration/test_dosimetry.py::test_a12_each_factor_is_applied_once "
        "calibration/test_certificate_measured.py::test_a12_what_the_readings_do_not_come_to_cannot_be_signed "
        "console/test_console_draft_attacks.py::test_a12_two_columns_exchanged_and_sizes_of_another_applicator_expose_nothing "
        "controller/test_settings.py::test_gap_and_cutout controller/test_settings.py::test_golden_numbers_of_e5_and_e10 "
        "calibration/test_formulas.py::test_the_controller_agrees",
    ),
    row(
        "accident-A13",
        "a calibration is wrong from its first day, or used past its date (1974-76, 1988)",
        "a certificate is signed, has a first and a last day, and is asked before arming whether it holds",
        "rule:calibration_valid code:controller/refusals.py::paper code:calibration/certificate.py::load_certificate "
        "code:calibration/equipment.py::superseded",
        "verification/test_blundered.py::test_hazard_a13_a_paper_of_another_time "
        "scenarios/test_refusals.py::test_a13_an_expired_certificate_starts_nothing calibration/test_certificate.py::test_a13_not_in_force "
        "console/test_console_draft_attacks.py::test_a13_a_session_of_months_ago_is_no_part_of_this_calibration "
        "console/test_console_draft_attacks.py::test_a13_what_was_measured_before_a_part_was_exchanged_is_another_machines "
        "calibration/test_cutouts.py::test_hazard_a13_a_cut_out_of_years_ago_is_not_signed_into_a_new_certificate "
        "calibration/test_equipment.py::test_a13_an_expired_instrument_is_refused "
        "calibration/test_certificate_measured.py::test_a13_the_audit_is_of_this_tube "
        "verification/test_calibrated.py::test_a13_an_audit_that_is_5_percent_off_is_not_accepted "
        "calibration/test_certificate_measured.py::test_a13_the_first_certificate_of_a_tube_is_audited",
        who="the physicist: that the numbers are right, by an audit from outside",
    ),
    row(
        "accident-A14",
        "beam for images and checks is not counted; a chamber too large for the field measures the output (2004-07)",
        "every beam has a START and exactly one end in the records, whatever its purpose; beam that nobody asked for has a record of its "
        "own with bounds",
        "code:records/book.py::Exposure code:records/clearance.py::start_refused code:controller/stray.py::Uncommanded "
        "code:calibration/equipment.py::unfit_for_field",
        "calibration/test_equipment.py::test_a14_a_chamber_that_does_not_fit_the_field_is_refused "
        "console/test_console_draft_attacks.py::test_a14_a_chamber_fits_the_cut_out_and_not_the_applicator_around_it "
        "scenarios/test_stray.py::test_beam_that_nobody_asked_for_is_in_the_machines_sum "
        "scenarios/test_uncommanded.py::test_beam_before_on_is_in_the_record "
        "records/test_recorder_normal.py::test_warm_up_may_be_repeated_and_never_stays_open",
        who="the physicist: the chamber that was written down is the one that was used",
    ),
    row(
        "accident-A15",
        "an alarm is taken for faulty, and the source is left in the patient (1992)",
        "off is believed only with evidence of contactor, kV and chambers; without it the screen says BEAM MAY BE ON; both warning lamps "
        "are supervised",
        "rule:lamp unit:LAMP unit-test:lamp code:controller/off.py::evidence cell:STOPPING*OFF_UNVERIFIED",
        "demo:off-ignored controller/test_off.py::test_never_verified_without_a_positive_sign "
        "interlocks/test_rules.py::test_outside_its_bound_a_rule_trips_in_time",
        who="whoever builds the room: an area monitor with an alarm of its own; the unit has no input for one",
    ),
    row(
        "accident-A16",
        "an accessory sheds material into patients, and the lots in use are not known (2011)",
        "the record names the applicator, and a recalled lot is not used",
        "code:calibration/facts.py::_applicator",
        "calibration/test_facts.py::test_a2_a12_a13_a16_g24_what_contradicts_itself_may_not_be_signed "
        "records/test_day.py::test_a1_a15_what_a_sheet_leaves_out_locks",
        who="the clinic follows recalls and marks a lot in its certificate; and who makes the daily check says that none is recalled",
    ),
    row(
        "accident-A17",
        "the wrong patient, the wrong lesion, or the same fraction twice in a day",
        "two patient ids, lesion, site and side are in the order and the offer; a fraction that is closed is never delivered again; the "
        "least interval holds; where a photo of the lesion stands beside the records, nothing is confirmed at the page before a person has compared it with "
        "patient, side and site; patient and lesion are looked at anew before the rest of a fraction; a stated name stands beside both identifiers and "
        "identifies nobody; while records are known to be missing nobody is treated "
        "before the physicist has signed for what was given meanwhile",
        "code:records/clearance.py::judge code:records/clearance.py::_interval code:console/prescription.py::PatientTable "
        "code:records/missing.py::unanswered code:console/treat/lesions.py::Lesions code:console/web/api.py::Api",
        "records/test_missing.py::test_a_fraction_that_was_given_after_the_copy_is_not_given_once_more "
        "records/test_missing.py::test_a_copy_that_lacks_no_exposure_locks_too "
        "scenarios/test_daily_check.py::test_a_restored_copy_treats_nobody_before_the_physicist_has_signed_for_what_is_missing "
        "scenarios/test_refusals.py::test_a_fraction_is_not_delivered_twice "
        "records/test_recorder_normal.py::test_interval_between_fractions_of_one_lesion "
        "console/test_chart.py::test_a17_nothing_is_confirmed_whose_time_out_and_second_calculation_cannot_be_kept "
        "console/test_lesions.py::test_a_photo_belongs_to_one_lesion_with_its_side_and_site "
        "console/test_lesions.py::test_an_offer_is_confirmed_only_with_the_photo_that_stands_compared "
        "console/test_lesions.py::test_a_photo_that_was_altered_or_a_chain_that_is_not_whole_is_said_and_not_shown "
        "console/test_console_attacks.py::test_what_cannot_be_believed_is_not_no_photo "
        "console/test_treat_panels.py::test_each_identifier_is_isolated_and_no_two_patients_are_one_button "
        "console/test_treat_panels.py::test_a17_a_name_stands_beside_both_identifiers_and_names_that_differ_say_so "
        "console/test_particulars.py::test_two_patients_of_one_name_and_one_patient_of_two_courses_are_each_their_own "
        "console/test_chains.py::test_a17_a_name_is_told_with_what_the_audit_knows_was_stated_since "
        "console/test_chains.py::test_a17_what_was_told_to_nobody_as_written_is_not_made_by_the_next_entry "
        "console/test_particulars.py::test_a17_a_course_under_two_second_identifiers_says_so_before_any_name "
        "console/test_particulars.py::test_nothing_that_loads_confirms_or_counts_goes_by_a_name "
        "console/test_treat_panels.py::test_two_courses_of_one_lesion_are_told_apart_and_the_chosen_one_is_loaded "
        "console/test_treat_panels.py::test_whoever_takes_control_begins_with_the_patient "
        "console/test_treat_panels.py::test_a17_what_a_person_looked_at_is_sent_with_its_own_time "
        "console/test_treat_panels.py::test_a17_a_resume_asks_for_patient_and_lesion_anew "
        "console/test_treat_panels.py::test_a17_what_was_looked_at_too_long_ago_or_was_unloaded_is_asked_for_anew "
        "console/test_web_api.py::test_a17_what_was_looked_at_before_an_interruption_does_not_count_for_the_rest "
        "console/test_console_attacks.py::test_an_identifier_that_would_be_shown_as_anothers_is_refused",
        who="the operator, by the patient's own words and the lesion itself; no photo is asked for where there is none, and kerma treat shows none",
    ),
)
