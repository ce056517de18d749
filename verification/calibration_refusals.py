"""What a calibration refuses, from the first reading to the last signature: each refusal with its bound, its hazard and the tests that are named after it.
It holds rows and checks their links; the refusals themselves stand where the numbers are, and docs/calibration.md shows this table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from verification.hazards import HAZARDS, test_wrong

BENCH: Final = "verification/test_calibrated.py::test_"
MEASURED: Final = "calibration/test_certificate_measured.py::test_"
PINNED: Final = "calibration/test_certificate_measured.py::TestPinned.test_"
EACH: Final = "calibration/test_certificate_of_each.py::TestOfTheSameCombination.test_"
BEFORE: Final = "calibration/test_certificate_of_each.py::TestOfAllBefore.test_"
LEFT: Final = "calibration/test_certificate_of_each.py::TestLeftBehind.test_"
OUTPUT: Final = "calibration/test_output.py::test_"
DAY: Final = "records/test_day.py::test_"
WARM: Final = "records/test_tube_warm.py::test_"
ATTACKS: Final = "console/test_console_draft_attacks.py::test_"
BLUNDERS: Final = "verification/test_blundered.py::test_"
PROCEDURES: Final = "calibration/test_procedures.py::test_"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Where, what is refused with its bound, the hazards by their ids, and node ids without tests/."""

    where: str
    what: str
    hazards: tuple[str, ...]
    tests: tuple[str, ...]


def _row(where: str, what: str, hazards: str, *tests: str) -> Refusal:
    return Refusal(where, what, tuple(hazards.split()), tests)


REFUSALS: Final[tuple[Refusal, ...]] = (
    _row("every procedure", "key not in SERVICE, another role; a script on a real rig", "engineering-G23",
         "console/test_console_calibrate.py::test_g23_who_may_and_where_a_script_may"),
    _row("every procedure", "more than 300 mAs an exposure, 3000 mAs an hour", "engineering-G26",
         "controller/test_settings_calibrate.py::test_g26_the_charge_of_an_exposure_and_of_an_hour_is_bounded",
         "scenarios/test_name_plate.py::test_g26_a_full_hour_says_when_the_next_exposure_is_possible_and_then_it_is"),
    _row("every procedure", "more charge than the step has: spoiled exposures count", "engineering-G26",
         PROCEDURES + "hazard_g26_a_spoiled_exposure_serves_no_reading_and_its_charge_counts"),
    _row("every procedure", "an instrument whose own calibration has ended, or of another serial number", "accident-A13",
         "calibration/test_equipment.py::test_a13_an_expired_instrument_is_refused", PROCEDURES + "hazard_a13_an_instrument_out_of_date_begins_nothing",
         "console/test_console_guided.py::test_a13_an_instrument_of_another_serial_number_on_the_wire_is_refused"),
    _row("every procedure", "a number without its unit, in minutes, with a comma", "accident-A3 accident-A4",
         PROCEDURES + "hazards_a3_and_a4_a_number_has_one_form", "calibration/test_dosimetry.py::test_a3_minutes_and_bare_numbers_are_no_time",
         BLUNDERS + "hazard_a3_minutes_and_other_units", BLUNDERS + "hazard_a4_an_entry_outside_the_grammar_and_a_reading_of_two"),
    _row("every procedure", "a result of a session that is not at its end", "accident-A2", BENCH + "hazard_a2_nothing_is_found_before_the_end",
         "console/test_console_calibrate.py::test_a2_a_draft_without_a_finished_session_is_refused"),
    _row("every procedure", "a session's file with one byte, or one line, otherwise", "engineering-G24",
         "calibration/test_procedure_journal.py::test_g24_every_flipped_byte_is_refused",
         "calibration/test_procedure_journal.py::test_g24_a_line_taken_out_or_another_procedure_is_refused"),
    _row("mA offset", "not stable within 5 uA, up and down 5 uA apart, a current that is emission", "accident-A12",
         BENCH + "hazard_a12_an_offset_or_a_scale_that_is_none"),
    _row("mA offset", "a scale of mA before the offset, or a month after it", "accident-A13 accident-A2",
         "verification/test_job_at_the_bench.py::test_a13_an_offset_of_long_ago_serves_no_scale",
         "verification/test_job_at_the_bench.py::test_a2_a12_g22_what_cannot_be_planned_says_why"),
    _row("kV scale, mA scale", "a point more than 2 % off the line (1 % is told); a reading in another unit", "accident-A12",
         BENCH + "hazard_a12_an_offset_or_a_scale_that_is_none"),
    _row("kV scale, mA scale", "a certified read-back more than 5 % of kV or 10 % of mA from its set-point", "accident-A12",
         MEASURED + "a12_meters_far_from_their_set_points_cannot_be_signed"),
    _row("timer and end effect", "the unit's timer off the monotonic clock by more than max(1 %, 0.1 s)", "accident-A3 accident-A7",
         BENCH + "hazard_a3_a_timer_that_another_clock_does_not_meet", BENCH + "hazard_a7_an_end_effect_a_tail_or_pieces_that_do_not_sum"),
    _row("timer and end effect", "u above 10 ms, an order that is not ABBA, short exposures below 10 ramps", "accident-A7",
         "calibration/test_end_effect.py::test_hazard_a7_exposures_that_give_no_end_effect_are_refused"),
    _row("timer and end effect, tail", "a session of another ramp, timer start or firmware", "accident-A13",
         ATTACKS + "a13_an_end_effect_and_a_tail_hold_for_their_ramp_and_firmware"),
    _row("every procedure", "a timer that starts, by the certificate in force, at another event than the job file names; a session of another start",
         "accident-A7", ATTACKS + "hazard_a7_nothing_is_measured_by_another_timer_start_than_that_of_the_certificate_in_force",
         ATTACKS + "hazard_a7_an_output_of_another_timer_start_is_no_part_of_a_draft",
         ATTACKS + "hazard_a7_a_session_holds_for_the_event_that_starts_the_timer"),
    _row("every procedure", "an exposure by another certificate than the one that lies at the rig, or of which the records tell nothing in 5 s",
         "accident-A7",
         "console/test_console_exposing.py::test_a7_an_exposure_by_another_certificate_than_the_one_that_lies_here_is_no_reading",
         "console/test_console_exposing.py::test_a7_an_exposure_of_which_the_records_tell_nothing_is_no_reading"),
    _row("tail", "a standard deviation above 10 % and 3 counts, channels 15 % apart, nothing counted, K1 closed after the order to open", "accident-A7",
         BENCH + "hazard_a7_an_end_effect_a_tail_or_pieces_that_do_not_sum"),
    _row("output", "readings that vary by more than 0.5 %, fewer than 5, one number five times", "accident-A1 accident-A2",
         PROCEDURES + "hazard_a1_a_wide_spread_is_refused_until_a_reading_is_rejected_with_its_reason",
         PROCEDURES + "hazard_a2_a_step_with_too_few_readings_is_not_accepted",
         "calibration/test_dosimetry.py::test_a1_readings_that_vary_or_are_few_are_refused"),
    _row("output", "a charge that is not what is expected within 10 % (25 % by a name plate)", "accident-A1 accident-A2 accident-A4",
         PROCEDURES + "hazards_a1_a2_a4_and_a12_what_the_readings_of_an_output_are_refused_for",
         BLUNDERS + "hazard_a1_a_detector_that_is_not_where_it_should_be"),
    _row("output", "an inverse square missed by 0.5 %; chamber and plane exchanged", "accident-A1 accident-A12",
         PROCEDURES + "hazard_a1_a_chamber_that_is_not_where_it_is_said_to_be_breaks_the_inverse_square",
         ATTACKS + "a12_two_columns_exchanged_and_sizes_of_another_applicator_expose_nothing"),
    _row("output", "a chamber too large for the field; a Farmer below 30 mm", "accident-A14",
         "calibration/test_equipment.py::test_a14_a_chamber_that_does_not_fit_the_field_is_refused",
         ATTACKS + "a14_a_chamber_fits_the_cut_out_and_not_the_applicator_around_it"),
    _row("output", "leakage, polarity, P_ion outside 0.998 to 1.02, station pressure, set times that differ", "accident-A12",
         OUTPUT + "a1_a12_a13_a14_a_measurement_that_may_not_be_used_is_refused", OUTPUT + "a3_a12_a13_numbers_that_cannot_be_so_are_refused"),
    _row("output", "a reading that is corrected by hand, or a factor twice; backscatter with dose in water", "accident-A12",
         PROCEDURES + "hazard_a12_who_corrects_a_reading_himself_is_stopped_before_it", BLUNDERS + "hazard_a12_a_correction_twice",
         "calibration/test_dosimetry.py::test_a12_each_factor_is_applied_once", "calibration/test_dosimetry.py::test_a12_dose_to_water_takes_no_backscatter"),
    _row("output", "N_K, B_w or mu beyond the calibrated qualities; a reference form that is not stated", "accident-A13",
         "calibration/test_dosimetry.py::test_a13_a_coefficient_is_not_carried_beyond_its_qualities",
         "calibration/test_dosimetry.py::test_a13_tables_give_their_own_points_and_nothing_beyond",
         OUTPUT + "a3_a12_a13_numbers_that_cannot_be_so_are_refused"),
    _row("output", "a combination without a measurement of its own, or with another's readings", "accident-A2",
         MEASURED + "a2_a_combination_without_a_measurement_of_its_own", MEASURED + "a2_anothers_readings_are_refused",
         BLUNDERS + "hazard_a2_an_applicator_by_a_formula"),
    _row("linearity", "mA or time off by more than 2 % (1 % is told)", "accident-A2 accident-A1",
         BENCH + "hazard_a2_a_factor_a_layer_or_an_output_that_cannot_be", "calibration/test_dosimetry.py::test_a1_readings_that_vary_or_are_few_are_refused"),
    _row("applicators, cut-outs", "a derived entry; readings that are the reference's; 5 % from its own history", "accident-A2",
         "calibration/test_facts.py::test_hazard_a2_a_derived_cut_out_is_refused_by_the_schema", OUTPUT + "a2_a_derived_entry_has_no_place",
         BENCH + "hazard_a2_an_applicator_is_held_against_its_own_history"),
    _row("applicators, cut-outs", "backscatter that is none of that field; a factor in air", "accident-A12",
         "calibration/test_cutouts.py::test_hazard_a12_a_ratio_that_cannot_be_so_is_refused_in_words",
         "calibration/test_cutouts.py::test_hazard_a12_a_certificate_of_before_stays_readable_and_its_cut_outs_serve_no_order"),
    _row("applicators, cut-outs", "an order at a depth under lead without the depth dose of that lead; the open field's numbers for it",
         "accident-A12 accident-A2",
         "controller/test_settings.py::test_hazard_a12_a_cut_out_at_depth_without_its_own_depth_dose_is_refused",
         "console/test_console_second.py::test_hazard_a12_a_cut_out_at_depth_is_never_calculated_by_the_open_fields_depth_dose",
         "calibration/test_cutouts.py::test_hazards_a2_a12_what_is_no_depth_dose_under_that_lead_may_not_be_signed"),
    _row("monitor chambers", "leakage, supply, a count that varies, channels 3 % apart", "accident-A6",
         BENCH + "hazard_a6_a_monitor_chamber_that_leaks_varies_or_has_no_supply",
         "calibration/test_dark.py::test_hazard_a6_a_chamber_that_leaks_and_what_comes_and_goes_are_refused"),
    _row("monitor chambers", "a seal that follows the air", "engineering-G17", BENCH + "hazard_g17_a_seal_that_leaks_is_found_by_the_air_that_warms",
         BENCH + "hazard_g17_a_seal_is_proved_by_air_that_changes_only"),
    _row("monitor chambers", "a count that is worth 1 % otherwise than the output's own exposures counted", "accident-A12",
         "console/test_console_calibrate.py::test_a12_a_count_is_worth_what_the_readings_own_exposures_counted"),
    _row("HVL", "15 % off what this filter should give (10 % is told); a stack that is none", "engineering-G8 accident-A2",
         BENCH + "hazard_g8_a_wrong_filter_is_another_quality", BENCH + "hazard_a2_a_geometry_that_reads_scatter_begins_nothing",
         "calibration/test_dosimetry.py::test_a2_a_stack_that_is_none_is_refused"),
    _row("kV dependence", "output that falls with kV, or is no power of it; a table that begins above 20 % of the kV", "accident-A2",
         BENCH + "hazard_a2_a_factor_a_layer_or_an_output_that_cannot_be", MEASURED + "a2_a_table_of_kv_that_begins_too_high_cannot_be_signed"),
    _row("interrupt error", "pieces 4 % off the whole (2 % is told)", "accident-A7",
         BENCH + "hazard_a7_an_end_effect_a_tail_or_pieces_that_do_not_sum", BENCH + "hazard_a7_a_resume_without_its_end_effect_is_seen_in_the_pieces"),
    _row("tube conditioning", "no cap, more than the tube bears, a ladder left for 8 h; arcs hold or send one back", "engineering-G22 engineering-G7",
         BENCH + "hazard_g22_without_the_cap_nothing_is_seasoned_nor_surveyed", BENCH + "hazard_g7_arcs_hold_a_rung_or_send_one_back",
         ATTACKS + "g22_a_ladder_that_was_left_for_hours_is_not_taken_up_at_the_rung_where_it_stood"),
    _row("leakage survey, focal spot", "1 mGy/h at 1 m, 300 mGy/h at 5 cm, the tank's bound; a dead meter; a spot that moved",
         "engineering-G23 accident-A6 accident-A1", BENCH + "hazard_g23_a_tank_or_a_tube_that_leaks",
         "verification/test_attacked_procedures.py::test_a6_a_survey_begins_with_a_meter_that_lives",
         BENCH + "hazard_a1_a_focal_spot_that_is_not_where_it_was"),
    _row("warm-up", "minutes without steadiness (three exposures within 0.5 %); an output of a cold tube, or of one warm at a lower kV", "engineering-G22",
         WARM + "g22_idle_time_asks_for_its_warm_up_and_minutes_alone_do_not_end_it", ATTACKS + "g22_the_output_of_a_cold_tube_is_refused",
         ATTACKS + "g22_the_output_after_a_warm_up_at_a_lower_kv_gives_no_draft",
         WARM + "g22_a_warm_up_of_short_or_broken_exposures_or_without_a_chamber_is_none"),
    _row("daily check", "3 % stops, 5 % asks for a calibration; nothing is ever rescaled", "accident-A1",
         DAY + "a1_a_failing_reading_locks_with_value_bound_and_what_first", DAY + "a1_a_check_never_rescales_anything",
         "console/test_console_daily.py::test_a1_a_check_that_fails_is_not_signed_and_says_why"),
    _row("daily check", "a detector that is not seated: seated anew it shows 1 % otherwise", "accident-A1",
         DAY + "a1_a_detector_that_is_not_seated_is_found_by_seating_it_anew"),
    _row("daily check", "a kV or filter that was not checked today", "accident-A2", DAY + "a2_a_combination_that_was_not_checked_is_not_treated"),
    _row("daily check", "a contact that was not seen open alone in each channel; a unit's test that was not made in it", "fault-I3 engineering-G3",
         DAY + "i3_g3_contacts_are_proved_one_by_one_and_the_units_tests_in_the_check_itself",
         "console/test_console_daily.py::test_i3_contacts_that_the_records_did_not_see_alone_are_named_and_asked_for_again"),
    _row("daily check", "lamps, patient seen and heard, an exposure that was interrupted: left out", "accident-A1 accident-A15",
         DAY + "a1_a15_what_a_sheet_leaves_out_locks"),
    _row("daily check", "a pressure that is none of this station", "accident-A12", DAY + "a12_a_pressure_of_sea_level_is_not_that_of_the_station",
         "console/test_console_daily.py::test_hazard_a12_a_pressure_as_high_as_one_reduced_to_sea_level_is_asked_for_once_more"),
    _row("daily check", "no check, none of today, or a cold tube: nobody is treated", "accident-A1 engineering-G22 accident-A13",
         DAY + "a1_g22_without_a_check_or_a_warm_tube_treatment_is_refused_and_a_check_without_a_warm_tube",
         DAY + "a13_a_sheet_of_another_day_and_two_days_in_one_lock"),
    _row("daily check", "program, configuration, tube, part or certificate changed since", "engineering-G28",
         DAY + "g28_a_change_of_program_configuration_tube_parts_or_certificate_locks",
         DAY + "g28_a_check_survives_recorder_and_process_and_not_one_of_another_program"),
    _row("daily check", "power lost in beam since", "accident-A6",
         DAY + "a6_power_lost_in_beam_locks_again_and_the_mornings_sheet_laid_down_once_more_opens_nothing"),
    _row("daily check", "a sheet that nobody signed whose key the rig knows", "engineering-G24",
         DAY + "g24_only_a_signature_that_the_rig_knows_counts_and_every_byte_is_under_it"),
    _row("monthly, annual", "a result without day, number or action; one that is the certificate's own session", "accident-A13 accident-A1",
         "calibration/test_periodic.py::test_a13_a_result_without_day_number_or_action_is_refused_in_words",
         "console/test_console_periodic_sessions.py::test_hazard_a1_a_session_serves_once_and_the_month_is_of_each_combination"),
    _row("commissioning", "a combination that no physicist opened, item by item", "accident-A2",
         DAY + "a2_a_combination_is_closed_until_a_physicist_has_commissioned_it_item_by_item",
         "console/test_console_sheets.py::test_a2_commissioning_is_refused_in_words_until_it_is_whole_and_of_what_is_fitted"),
    _row("commissioning", "the first certificate of a tube without an audit within 5 %, of this tube", "accident-A13",
         MEASURED + "a13_the_first_certificate_of_a_tube_is_audited", MEASURED + "a13_the_audit_is_of_this_tube"),
    _row("the certificate", "2 % without an explanation, 5 % without a second physicist and chamber, 10 % without an exchanged part", "accident-A1",
         MEASURED + "a1_a_change_of_output_asks_for_more", OUTPUT + "a1_the_further_it_moved_the_more_is_asked",
         PINNED + "a1_small_steps_do_not_add_up_to_a_large_one"),
    _row("the certificate", "a second check that is the first one, of one person with two names, or typed without readings", "accident-A5",
         MEASURED + "a5_a_second_check_is_what_its_own_readings_come_to", MEASURED + "a5_one_physicist_with_two_names_is_one",
         BLUNDERS + "hazard_a5_a_second_measurement_that_is_the_first"),
    _row("the certificate", "a second check of another combination than the one that moved above 5 %, or of one of several", "accident-A2 accident-A5",
         EACH + "a2_a5_the_cone_that_moved_is_the_one_that_is_measured_again", EACH + "a5_each_cone_that_moved_has_a_second_check_of_its_own",
         EACH + "a2_one_cones_second_readings_under_another_ones_name"),
    _row("the certificate", "small steps, or a combination left out and brought back, that add up, without all that one step of that size asks for",
         "accident-A1 accident-A2 accident-A5", BEFORE + "a1_a5_creep_asks_for_a_second_physicist_and_not_for_a_second_check_alone",
         BEFORE + "a1_a2_a_cone_that_was_left_out_is_held_against_the_last_version_that_had_it",
         BEFORE + "a1_a2_anothers_second_check_does_not_divide_a_large_step",
         BEFORE + "a1_a5_a_second_check_that_nothing_asked_for_explains_nothing_later_unless_it_is_one"),
    _row("the certificate", "old readings beside another combination of the same kV and filter that moved by more than 2 % since, also by an exchanged part",
         "accident-A1 accident-A2",
         LEFT + "a1_a2_a_cone_that_was_not_read_anew_is_refused_where_another_one_moved",
         LEFT + "a1_a2_by_how_much_and_how_long_before",
         LEFT + "a1_a2_an_exchanged_part_excuses_no_cone_that_was_not_read_anew",
         LEFT + "a1_a2_a_cone_that_comes_back_with_old_readings_is_refused",
         LEFT + "a1_a2_after_all_were_read_anew_one_of_them_may_be_read_alone"),
    _row("the certificate", "a depth dose, a count's dose or a gap's factor that moved by 2, 5 or 10 % without what R0 would bring", "accident-A1 accident-A2",
         PINNED + "a1_whatever_the_dose_is_proportional_to_is_held_against_the_last",
         BEFORE + "a1_a2_the_factor_of_a_gap_moves_a_patients_dose_as_r0_does",
         BEFORE + "a1_a_gap_that_moved_is_told_to_whoever_signs_and_refused_above_10_percent"),
    _row("the certificate", "a cut-out's factor, or the depth dose under it, that moved by 2, 5 or 10 % without what R0 would bring", "accident-A1 accident-A2",
         BEFORE + "a1_a2_what_a_cut_out_gives_at_the_surface_and_at_depth_moves_a_patients_dose_as_r0_does",
         BEFORE + "a1_a2_a_cut_out_that_is_added_beside_one_of_its_size_is_held_against_that",
         BEFORE + "a1_a2_a_cut_out_that_moved_below_5_percent_is_explained_and_above_it_measured_again",
         BEFORE + "a1_a2_a_depth_dose_under_lead_that_was_left_out_is_held_against_the_last_one",
         BEFORE + "a1_a_depth_dose_under_lead_that_moved_is_told_to_whoever_signs_and_refused_above_10_percent"),
    _row("the certificate", "what its readings do not come to", "accident-A12", MEASURED + "a12_what_the_readings_do_not_come_to_cannot_be_signed"),
    _row("the certificate", "any byte that is another; half of a file; unsigned, or by a stranger", "engineering-G24",
         MEASURED + "g24_every_byte_flipped_is_caught", MEASURED + "g24_a_half_written_certificate_is_refused", MEASURED + "g24_unsigned_and_by_a_stranger"),
    _row("the certificate", "of another tube, machine or program", "engineering-G24", MEASURED + "g24_another_tube_machine_or_program_is_refused"),
    _row("the certificate", "an applicator that is another code's, recalled, or for the service", "accident-A2 accident-A16 engineering-G24",
         "calibration/test_facts.py::test_a2_a12_a13_a16_g24_what_contradicts_itself_may_not_be_signed",
         MEASURED + "a2_a5_a13_g24_what_would_hide_something_cannot_be_signed"),
    _row("the certificate", "expired (and it stays readable); measured more than 400 days before it would expire", "accident-A13",
         MEASURED + "a13_an_expired_certificate_is_refused_and_stays_readable", "scenarios/test_refusals.py::test_a13_an_expired_certificate_starts_nothing",
         BLUNDERS + "hazard_a13_a_paper_of_another_time"),
    _row("the certificate", "older than the one accepted, or another of the same version", "engineering-G24",
         PINNED + "g24_older_and_other_versions_are_refused",
         "console/test_console_run.py::test_g24_an_older_certificate_than_was_accepted_starts_nothing"),
    _row("the certificate", "readings of before the tube was built in, signed anew", "accident-A2 engineering-G24",
         "console/test_console_run.py::test_a2_g24_readings_of_before_the_tube_was_built_in_are_none_of_it_whoever_signs_them_again"),
    _row("the certificate", "killed at any write: the old one stands", "engineering-G24", PINNED + "g24_killed_at_each_write_it_goes_on"),
    _row("every fraction", "the arithmetic by other code differs", "accident-A4 accident-A5",
         "console/test_console_second.py::test_a4_an_offer_that_differs_is_seen",
         "console/test_console_treat.py::test_a4_a5_an_offer_that_the_second_calculation_does_not_meet_is_never_confirmed"),
    _row("every fraction", "5 % off the typed table (2 % is told); no table on a real rig", "accident-A5",
         "calibration/test_time_table.py::test_a5_independent_data_warn_at_2_and_stop_at_5_pct",
         "console/test_console_independent.py::test_a5_other_data_warn_and_stop",
         "console/test_console_independent.py::test_a5_a_real_rig_treats_nobody_without_a_table"),
    _row("every fraction", "5 % off fraction 1 without the physicist, 10 % for anybody", "accident-A1",
         "calibration/test_time_table.py::test_a1_time_off_fraction_1_is_the_physicists_and_above_10_pct_nobodys",
         "console/test_console_treat.py::test_a1_a_time_off_that_of_fraction_1_is_never_confirmed"),
)  # fmt: skip


def wrong(rows: Iterable[Refusal] = REFUSALS) -> Iterator[str]:
    """What is wrong with the rows: a hazard that no table holds, a test that is none, a test that is not named after a hazard of its row."""
    known = {row.id for row in HAZARDS}
    for row in rows:
        short = {hazard.rpartition("-")[2].lower() for hazard in row.hazards}
        for hazard in row.hazards:
            if hazard not in known:
                yield f"{row.where}: {hazard}: no row of hazards has this id"
        if not row.hazards or not row.tests:
            yield f"{row.where}: {row.what}: has no hazard, or no test; first: name both"
        named = set()
        for test in row.tests:
            if test_wrong(test):
                yield f"{row.where}: {test}: {test_wrong(test)}"
            mine = short & set(test.rpartition("::")[2].rpartition(".")[2].split("_"))
            if not mine:
                yield f"{row.where}: {test}: is named after none of {', '.join(row.hazards)}; first: name it after one"
            named |= mine
        for lacking in sorted(short - named):
            yield f"{row.where}: {row.what}: no test is named after {lacking.upper()}; first: name one"
