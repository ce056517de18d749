"""Hazards of generator, electronics and software: the engineering list, those of this design, and the faults of the fault list that a rule names.
It holds rows only; injections, times and bounds of the fault list stand where faults are injected."""

from __future__ import annotations

from typing import Final

from verification.hazard import Hazard, row

TRIPS: Final = "interlocks/test_rules.py::test_outside_its_bound_a_rule_trips_in_time "
"""One case for each rule: outside its bound it trips, and in time."""
WIRES: Final = "scenarios/test_wire_faults_in_beam.py::test_a_lying_wire_in_beam "
"""Each way in which a wire can lie, in beam."""
ERRS: Final = "scenarios/test_wire_faults_in_beam.py::test_a_generator_that_errs_in_beam "

ENGINEERING: Final[tuple[Hazard, ...]] = (
    row(
        "engineering-G1",
        "a contactor is welded: off was commanded, and kV stays",
        "high voltage that outlasts off by t2 makes the unit open K2, the second contactor, by itself; the host says BEAM MAY BE ON",
        "rule:hv_uncommanded rule:relay_mirrors unit:MIRROR unit-test:K1 unit-test:K2 cell:STOPPING*OFF_UNVERIFIED",
        "demo:relay-welded demo:off-ignored simulators/test_unit_arming.py::test_k1_welded_k2_opens_at_t2 "
        "simulators/test_unit_arming.py::test_contactor_tests_find_a_weld",
    ),
    row(
        "engineering-G2",
        "the primary timer stands still while the program is frozen",
        "a backup in the unit ends the exposure at its own limit; the host's clock is a third",
        "rule:backup_timer rule:overdue unit:TIME_PRESET unit:COUNT2 unit:K1_LIMIT",
        "interlocks/test_rules.py::test_the_backup_timer_counts_the_hosts_time_too simulators/test_unit_causes.py::test_limits_end_exactly "
        "demo:host-frozen",
    ),
    row(
        "engineering-G3",
        "the backup timer is dead",
        "the unit's timer, lease, contactors, count limit and lamps are tried at every start with beam off, each seen to begin and to pass",
        "unit-test:timer unit-test:lease unit-test:K1 unit-test:K2 unit-test:count-limit unit-test:lamp cell:SELF_TEST*TESTS_FAILED",
        "controller/test_self_test.py::test_each_test_of_the_unit_is_seen_to_begin_and_to_pass "
        "controller/test_self_test.py::test_a_test_that_does_not_pass_in_time_fails_by_name "
        "scenarios/test_dead_backup.py::test_a_dead_part_is_found_before_the_first_exposure "
        "simulators/test_unit_arming.py::test_selftests_pass_and_come_back",
    ),
    row(
        "engineering-G4",
        "a clock steps (time service, daylight saving, midnight) or wraps (2^31, 2^32)",
        "beam time is monotonic and the unit's own; the clock on the wall only stamps, and may not go back behind the last record; "
        "a process that goes by another wall time than the recorder gets no token",
        "code:controller/dossier.py::Dossier.wall_s code:hal/safety_units/scan_check.py::ScanCheck code:records/clearance.py::judge "
        "code:records/clearance.py::_clock_set",
        "controller/test_dossier.py::test_the_wall_clock_is_the_monotonic_one_from_the_start "
        "interlocks/test_rules.py::test_the_certificate_is_not_asked_from_arm_on "
        "records/test_recorder_normal.py::test_clock_set_back_is_refused "
        "records/test_clock_set.py::test_nothing_is_cleared_for_a_process_that_goes_by_another_clock_than_the_recorder "
        "records/test_clock_set.py::test_no_second_fraction_on_the_day_of_the_first_where_time_sync_stepped_the_clock "
        "hal/test_hal_unit.py::test_a_true_scan_is_true_over_the_wrap_and_with_jitter",
    ),
    row(
        "engineering-G5",
        "kV too high or too low, a wrong set-point, scale or divider",
        "windows on kV against the set-point; the model of kV and mA against the chambers; full scale is part of the generator's identity",
        "rule:kv_high rule:kv_low rule:kv_steady rule:dose_model rule:generator_identity limit:kv_max limit:kv_min",
        TRIPS
        + ERRS
        + "hal/test_hal_wrong_profile.py::test_a_profile_on_another_family_sends_nothing_that_acts interlocks/test_limits.py::test_narrowing_never_widens",
        who="whoever builds the generator: a second kV divider, which the safety unit may watch and this program does not read",
    ),
    row(
        "engineering-G6",
        "mA drifts, the filament opens, emission runs away",
        "windows on mA; the filament's limit is a set-point that is read back",
        "rule:ma_high rule:ma_low rule:ma_steady rule:read_back limit:ma_max limit:power_max_w code:console/calibrate/exposing.py::Hand.expose",
        TRIPS
        + ERRS
        + "console/test_console_exposing.py::test_g6_after_a_dry_run_the_filament_has_its_time_before_the_confirmation "
        "console/test_console_exposing.py::test_g6_a_stop_while_the_filament_warms_confirms_nothing "
        "scenarios/test_cold_filament.py::test_g6_a_beam_right_after_a_dry_run",
        who="whoever commissions the generator: its filament limit 10 to 15 % above need",
    ),
    row(
        "engineering-G7",
        "the tube arcs",
        "a generator that drops its high voltage ends the exposure, and nothing puts it on again; the third trip in a fraction is the physicist's",
        "rule:beam_lost rule:generator_fault code:records/clearance.py::_for_physicist code:console/arcs.py::ended",
        "scenarios/test_arcs_played.py::test_g7_whatever_rule_an_arc_ends_the_beam_by_it_is_counted "
        "console/test_arcs.py::test_g7_an_end_is_an_arcs_by_its_rule_and_what_its_words_show "
        "demo:beam-lost interlocks/test_rules.py::test_a_lost_beam_is_a_stop_and_not_a_fault "
        "verification/test_calibrated.py::test_hazard_g7_arcs_hold_a_rung_or_send_one_back "
        "records/test_recorder_normal.py::test_third_resume_and_third_trip_need_a_physicist",
        who="the generator inhibits its high voltage within microseconds",
    ),
    row(
        "engineering-G8",
        "the filter is wrong or missing: 26 to 64 times the rate",
        "the code must be the confirmed one at two readers, in host and unit; the unit's rate comparator opens K1 within 30 ms",
        "rule:filter_code rule:dose_rate_high unit:FILTER unit:RATE",
        "simulators/test_world_rig.py::test_missing_filter_trips_on_rate_before_half_a_gray "
        "scenarios/test_open_beam.py::test_beam_without_its_filter_and_without_its_host_is_never_under_reported "
        "verification/test_calibrated.py::test_hazard_g8_a_wrong_filter_is_another_quality " + TRIPS,
    ),
    row(
        "engineering-G9",
        "the applicator is the wrong one",
        "its code must be the confirmed one at two readers, in host and unit; limits are the applicator's",
        "rule:applicator_code unit:APPL code:controller/refusals.py::bounds",
        TRIPS + "controller/test_settings.py::test_refusals",
    ),
    row(
        "engineering-G10",
        "Modbus: silence, late or doubled frames, wrong unit, word order, a write that is lost",
        "an answer belongs to its own request or to none; every value has the age of its question; every set-point is read back; ON goes out once",
        "code:hal/exchange.py::Exchange rule:unit_link rule:unit_identity rule:scan_true rule:read_back rule:set_points_held",
        WIRES + "scenarios/test_wire_faults_in_beam.py::test_an_on_leaves_once_whatever_becomes_of_its_answer "
        "hal/test_hal_late_replies.py::test_no_late_reply_is_ever_anothers "
        "hal/test_hal_unit_map.py::test_swapped_words_are_a_mismatch",
    ),
    row(
        "engineering-G10b",
        "the program dies, and its device goes on as it was last told",
        "beam is a lease of 200 ms at most 500, renewed by each judged tick; silence ends it",
        "unit:LEASE rule:lease_armed code:interlocks/gate.py::Gate.ask",
        "demo:host-killed simulators/test_world_rig.py::test_a_host_that_falls_silent_loses_the_beam_within_its_lease "
        "scenarios/test_taken_away.py::test_a_host_killed_from_the_press_on_leaves_a_partial",
    ),
    row(
        "engineering-G11",
        "a set-point is half written, kV new and mA old",
        "set-points are written with high voltage off only, and read back before an offer and again before ARM",
        "rule:read_back code:interlocks/gate_law.py::set_up",
        "hal/test_hal_xrv.py::test_set_points_are_not_written_while_high_voltage_is_on "
        "scenarios/test_refusals.py::test_set_points_that_read_back_wrong_are_never_offered",
    ),
    row(
        "engineering-G12",
        "a cable is pulled and another device answers at the name",
        "a wire that comes back is asked who it is before it is told anything; a name on a clinical rig is one that stays a device's own",
        "rule:unit_identity rule:generator_identity code:console/run.py::lines_of_this_kind",
        "hal/test_hal_same_device.py::test_another_of_the_same_model_is_refused_when_it_comes_back "
        "hal/test_hal_rig.py::test_another_device_at_the_other_end_after_a_reconnect_gets_nothing "
        "demo:port-pulled console/test_console_run.py::test_a_clinical_rig_names_its_lines_by_names_that_stay_theirs",
    ),
    row(
        "engineering-G13",
        "the disk fills or stalls in beam, or memory is tidied up",
        "the real-time process writes no disk; the age of what is not yet durable ends the beam at 0.5 s; the dose is kept",
        "rule:recorder_fresh cell:IRRADIATING*RECORDER_LOST code:controller/ring.py::Ring",
        "console/test_console_draft_attacks.py::test_g13_a_full_disk_or_a_kill_at_the_first_line_leaves_no_session_behind "
        "demo:recorder-killed records/test_recorder_crash.py::test_a_write_or_sync_error_ends_the_recorder_for_good "
        "records/test_recorder_crash.py::test_full_disk_is_found_before_the_exposure",
    ),
    row(
        "engineering-G14",
        "power is lost in beam",
        "contactors fall; what the unit retained and the journal settle the dose at the next start; nothing resumes itself",
        "unit:REBOOT code:records/recovery.py::recovered cell:SELF_TEST*TESTS_PASSED",
        "simulators/test_unit_causes.py::test_reboot_in_beam records/test_recorder_crash.py::test_power_cut_at_every_call "
        "scenarios/test_taken_away.py::test_host_and_recorder_killed_together "
        "scenarios/test_taken_away.py::test_a_device_that_restarts",
    ),
    row(
        "engineering-G15",
        "the watchdog is fed by the wrong part",
        "a renewal is spent from the permit that the last pass_on left, once, and echoes the unit's newest challenge",
        "code:interlocks/gate.py::Gate.ask unit:LEASE",
        "interlocks/test_gate.py::test_a_permit_is_one_renewal_spent_by_the_next_ask "
        "interlocks/test_gate.py::test_a_permit_is_void_after_one_and_a_half_ticks_and_5_ms "
        "simulators/test_unit_arming.py::test_a_renewal_with_an_old_challenge_is_a_poll",
    ),
    row(
        "engineering-G16",
        "a contact bounces",
        "the first open reading counts, within the tick, and closing counts when it has lasted 100 ms; an exposure that opening ended does not go on",
        "rule:door rule:contacts_agree unit:DOOR cell:IRRADIATING*TRIP_STOP",
        TRIPS + "interlocks/test_rules.py::test_opening_counts_at_once_and_closing_when_it_has_lasted",
    ),
    row(
        "engineering-G17",
        "a chamber has no high tension, leaks, saturates or is too warm",
        "supply and leakage are asked before the beam, supply and saturation in it",
        "rule:chamber_supply rule:leakage rule:chamber_saturation rule:air",
        TRIPS + "demo:chamber-dead "
        "verification/test_calibrated.py::test_hazard_g17_a_seal_is_proved_by_air_that_changes_only "
        "verification/test_calibrated.py::test_hazard_g17_a_seal_that_leaks_is_found_by_the_air_that_warms",
    ),
    row(
        "engineering-G18",
        "air pressure or temperature is read wrong",
        "both must be plausible and their sensors sound; k_TP is frozen at the loading, and a drift of 0.5 % from its air ends the beam",
        "rule:air rule:k_tp_drift code:controller/settings.py::_k_tp code:records/day_readings.py::air_words",
        TRIPS + "controller/test_settings.py::test_air_that_is_not_a_number "
        "interlocks/test_rules.py::test_g18_another_set_up_of_the_same_settings_forgets_no_drift "
        "scenarios/test_refusals.py::test_g18_air_that_drifted_is_measured_from_the_loading "
        "records/test_day.py::test_a12_a_pressure_of_sea_level_is_not_that_of_the_station",
        who="the physicist: a second barometer at the daily check, and the site's altitude in its baseline",
    ),
    row(
        "engineering-G19",
        "an integrator wraps at 16, 24 or 32 bits",
        "counters are differences modulo 2^32, and one that goes back is no signal",
        "code:controller/kernel.py::count_block rule:no_signal",
        "controller/test_dose_kernel.py::test_counts_are_exact_over_the_wrap interlocks/test_rules.py::test_counters_may_wrap_in_beam "
        "interlocks/test_rules.py::test_a_counter_that_goes_back_in_beam_is_not_a_signal",
    ),
    row(
        "engineering-G20",
        "the cable discharges after off, and that dose is forgotten",
        "the tail is counted until off has held; an end that could not be counted out has the certified tail added, and what K1 alone may take",
        "code:controller/dose.py::Meter.settled code:controller/presets.py::discharge_s code:controller/channels.py::uncounted_tail_mgy",
        "simulators/test_plant_tube.py::test_cable_discharges_at_constant_current_as_in_e10 "
        "controller/test_dose_meter.py::test_settled_before_the_cable_is_empty "
        "controller/test_dose_figures.py::test_a_tail_that_was_not_waited_for_is_unknown "
        "controller/test_recovered_as_live.py::test_a_host_that_died_is_charged_with_the_tail_through_k1_alone "
        "scenarios/test_after_end.py::test_a_contactor_that_hangs_is_seen_in_the_record "
        "simulators/test_unit_arming.py::test_tail_is_counted_through_a_reboot",
    ),
    row(
        "engineering-G21",
        "the anode overheats, oil is lost",
        "an exposure that would end too hot is not begun; what is begun the generator's own trip ends",
        "code:records/heat.py::too_hot rule:generator_fault",
        "records/test_heat.py::test_g21_an_exposure_that_would_end_too_hot_gets_no_token_and_is_told_how_long_to_wait "
        "records/test_heat.py::test_g21_a_clock_that_was_set_cools_no_tube_and_a_computer_that_began_anew_vouches_for_its_own_time_alone",
        who="whoever commissions the tube: its heat and cooling from the data sheet; the generator trips on its anode's heat, its oil and its over-power",
    ),
    row(
        "engineering-G22",
        "the tube is used cold after days of rest",
        "after idle time a warm-up is made before patients",
        "code:records/warm_up.py::cold code:records/clearance.py::of_day page:daily-check.md",
        "records/test_tube_warm.py::test_g22_idle_time_asks_for_its_warm_up_and_minutes_alone_do_not_end_it "
        "console/test_console_draft_attacks.py::test_g22_the_output_of_a_cold_tube_is_refused "
        "console/test_console_draft_attacks.py::test_g22_a_days_warm_up_that_was_not_whole_is_none_for_a_certificate_either "
        "verification/test_calibrated.py::test_hazard_g22_the_ladder_follows_the_idle_time_and_the_tube_rests "
        "verification/test_calibrated.py::test_hazard_g22_without_the_cap_nothing_is_seasoned_nor_surveyed "
        "console/test_console_draft_attacks.py::test_g22_a_ladder_that_was_left_for_hours_is_not_taken_up_at_the_rung_where_it_stood "
        "console/test_console_draft_attacks.py::test_g22_three_exposures_that_agree_over_a_day_are_no_warm_tube "
        "verification/test_calibrated.py::test_g22_an_arc_that_ends_its_exposure_is_counted_and_three_send_a_rung_back "
        "scenarios/test_calibrated_tube.py::test_g22_an_arc_at_the_desk_ends_its_exposure_and_stands_in_the_record "
        "records/test_tube_warm.py::test_g22_another_tubes_warm_up_and_that_of_before_a_tube_was_taken_out_count_for_nothing "
        "records/test_tube_warm.py::test_g22_a_warm_up_of_short_or_broken_exposures_or_without_a_chamber_is_none",
        who="the operator",
    ),
    row(
        "engineering-G23",
        "service mode stays on, or a simulator is connected in a clinic",
        "the key's position and the purpose must fit, in host and unit; simulated and real never mix, in rig, certificate, unit and records",
        "rule:key unit:KEY code:controller/guards.py::_admitted code:records/clearance.py::start_refused "
        "code:console/certificate.py::certificate_of rule:unit_identity rule:generator_identity",
        "scenarios/test_refusals.py::test_a_treatment_is_not_loaded_in_another_key_position "
        "console/test_console_configuration.py::test_a_simulated_rig_opens_nothing_real "
        "console/test_console_run.py::test_g23_a_certificate_of_a_simulated_tube_serves_no_real_rig "
        "hal/test_hal_unit_map.py::test_a_simulated_unit_is_refused_on_a_real_rig "
        "verification/test_calibrated.py::test_hazard_g23_a_tank_or_a_tube_that_leaks",
        who="the physicist signs for the program whose certificate it is: on a real rig no other sources treat; who installs the computer keeps it as it was",
    ),
    row(
        "engineering-G24",
        "a calibration is edited, half written, or of another tube",
        "a certificate is checked key by key, signed, and names tube and machine; what does not fit is refused before anything starts",
        "rule:calibration_valid rule:generator_identity code:calibration/certificate.py::load_certificate code:calibration/accepted.py::Accepted "
        "code:console/certificate.py::of_before",
        "calibration/test_certificate_measured.py::test_g24_every_byte_flipped_is_caught "
        "calibration/test_certificate_measured.py::test_g24_another_tube_machine_or_program_is_refused "
        "console/test_console_draft_attacks.py::test_g24_a_tube_that_is_exchanged_takes_its_sessions_with_it "
        "records/test_day.py::test_a2_g24_a_tube_that_comes_back_has_no_certificate_and_no_combination_of_before "
        "console/test_console_run.py::test_g24_an_older_certificate_than_was_accepted_starts_nothing "
        "console/test_console_run.py::test_g24_the_records_remember_what_a_folder_put_back_has_forgotten "
        "console/test_console_run.py::test_a2_g24_readings_of_before_the_tube_was_built_in_are_none_of_it_whoever_signs_them_again "
        "calibration/test_certificate.py::test_g24_no_signature_and_a_strangers_signature_are_refused "
        "calibration/test_certificate.py::test_g24_content_is_refused_with_key_value_and_bound "
        "console/test_console_run.py::test_what_does_not_fit_is_refused_before_anything_starts",
    ),
    row(
        "engineering-G25",
        "a decimal comma, NaN, infinity, an empty field",
        "what is no finite number is refused at every door, and is true in no rule",
        "code:console/strict.py::check code:controller/refusals.py::not_finite code:interlocks/limits.py::check_terms",
        "console/test_console_configuration.py::test_what_is_not_finite_is_refused_in_the_prescription "
        "controller/test_settings.py::test_nothing_that_is_not_a_number "
        "interlocks/test_any_readings.py::test_a_reading_that_is_no_number_is_true_in_no_rule_that_stands_on_it",
    ),
    row(
        "engineering-G26",
        "a set time above what any exposure may last",
        "hard caps of seconds and counts are burned into the unit; the program's absolute limits are code, and files only narrow them",
        "rule:backup_timer unit:HARD_CAP limit:time_max_s limit:skin_max_mgy limit:rx_max_mgy code:interlocks/limits.py::narrow",
        "simulators/test_unit_causes.py::test_hard_cap_outranks_everything "
        "interlocks/test_limits.py::test_a_configuration_that_widens_is_refused_in_words "
        "interlocks/test_limits.py::test_each_limit_is_narrowed_at_each_level_and_widened_at_none controller/test_settings.py::test_refusals",
    ),
    row(
        "engineering-G27",
        "two consoles, or a start that is pressed twice",
        "one desk has the lease, others only look and stop; an offer is confirmed once; a token gives one ON",
        "code:controller/desk.py::Desk code:interlocks/gate_law.py::on code:console/run.py::take_lock",
        "scenarios/test_refusals.py::test_another_client_may_stop_and_nothing_else scenarios/test_refusals.py::test_an_offer_is_confirmed_once "
        "interlocks/test_gate.py::test_on_goes_out_once_for_a_token_for_ever console/test_console_run.py::test_one_rig_is_run_once",
    ),
    row(
        "engineering-G28",
        "the program is updated in the middle of a course",
        "a fraction that was begun is resumed by the same version only; the certificate names the version it was made with",
        "code:records/clearance.py::_identity code:calibration/certificate.py::load_certificate "
        "code:records/day.py::against code:console/certificate.py::certificate_of",
        "records/test_recorder_normal.py::test_resume_needs_the_same_identity "
        "scenarios/test_refusals.py::test_a_resume_with_something_changed_is_refused "
        "console/test_console_run.py::test_g28_on_a_real_rig_no_other_sources_than_its_physicist_signed_for "
        "records/test_day.py::test_g28_a_change_of_program_configuration_tube_parts_or_certificate_locks "
        "records/test_day.py::test_a6_g28_what_was_exchanged_and_put_back_brings_the_mornings_check_not_back",
        who="the physicist, who signs the certificate for the new program, or none is treated; whoever installs it checks where it came from",
    ),
    row(
        "engineering-G29",
        "records are changed afterwards, or the clock is set back",
        "each record holds the hash of the one before; a change, a missing piece and a cut tail are found; a clock behind the last record "
        "stops treatment",
        "code:records/journal.py::verify code:records/clearance.py::judge code:console/access/marks.py::lacking",
        "console/test_marks.py::test_t9_a_tail_of_the_journal_that_was_cut_with_the_database_is_found "
        "records/test_recorder_crash.py::test_tampering_is_found_by_verify_and_refused "
        "records/test_recorder_crash.py::test_truncated_journal_is_refused "
        "records/test_recorder_normal.py::test_clock_set_back_is_refused",
    ),
    row(
        "engineering-G30",
        "the emergency stop is struck, at any moment, also with the program hung",
        "it is wired in series with both contactors' coils; the program only reports it",
        "rule:emergency_stop unit:ESTOP code:records/clearance.py::_not_proven page:safety-unit.md",
        "demo:emergency-stop simulators/test_unit_causes.py::test_beam_ends_by_itself "
        "records/test_recorder_normal.py::test_i3_each_contact_must_have_been_seen_open_within_a_day_unless_waived",
        who="whoever wires the machine; and who tries it every day",
    ),
    row(
        "engineering-G31",
        "the door opens in the ramp, armed, or in the very tick of the end",
        "whatever the order of events: off within T1, one outcome, one dose",
        "rule:door unit:DOOR cell:READY*TRIP_STOP cell:STARTING*TRIP_STOP cell:IRRADIATING*TRIP_STOP code:controller/decide.py::settled_event",
        "demo:door-opens controller/test_decide_beam.py::test_a_trip_beats_an_end_and_stop_beats_the_door "
        "controller/test_decide_beam.py::test_a_trip_in_the_tick_of_the_evidence_does_not_keep_stopping",
    ),
    row(
        "engineering-G32",
        "the skin is no longer in contact: the patient moves, the head falls",
        "the applicator's contact is asked in two channels all the time",
        "rule:applicator_contact unit:CONTACT",
        TRIPS + "simulators/test_unit_causes.py::test_beam_ends_by_itself",
        who="whoever builds the head: a tilt switch belongs into the applicator contact's two wires, for the unit has no input of its own for it",
    ),
    row(
        "engineering-G33",
        "the ramp never reaches its window",
        "STARTING ends after 2 s with the dose counted; the unit ends it without high voltage in its start window",
        "cell:STARTING*EXPIRED unit:START_WINDOW",
        "scenarios/test_wire_faults_in_beam.py::test_an_on_that_makes_no_beam_ends_by_itself simulators/test_unit_causes.py::test_start_window",
    ),
    row(
        "engineering-G34",
        "high voltage over a filament that ought to be cold, and it is lit; or the charged cable is taken for a beam, or a beam for the cable",
        "a dry run has mA, filament and dose at 0 as device integers that are read back; any radiation, current or heat ends it, in host and unit; off is "
        "proved by a kV that falls as a bleeder lets it, and by nothing that stands",
        "code:interlocks/cold.py::wrong code:controller/refusals.py::cold_side rule:dose_rate_high rule:ma_high rule:ma_steady rule:read_back "
        "unit:RATE unit:COUNT2 code:controller/off.py::discharging rule:hv_uncommanded rule:key",
        "interlocks/test_cold.py::test_a_lit_filament_is_seen_by_its_current_its_heat_and_its_radiation "
        "interlocks/test_cold.py::test_the_gate_lets_no_dry_run_through_that_has_a_current_a_dose_or_a_wide_comparator "
        "controller/test_settings_cold.py::test_what_is_no_dry_run_is_refused_in_words "
        "scenarios/test_cold_filament.py::test_a_filament_that_is_lit_behind_its_read_back_ends_it_by_radiation "
        "scenarios/test_cold_filament.py::test_a_supply_that_ignores_off_is_stuck_on_and_no_cable "
        "scenarios/test_cold_filament.py::test_a_cable_that_takes_a_minute_is_neither_stuck_on_nor_latched "
        "simulators/test_unit_cable.py::test_a_supply_that_goes_on_latches",
    ),
)

DESIGN: Final[tuple[Hazard, ...]] = (
    row(
        "design-A1",
        "one welded or ignored contactor defeats timer, lease, limits and contacts together",
        "two contactors by two means: K1 in the interlock line, K2 in the inverter's power; the unit opens K2 by itself; mirrors follow their coils",
        "rule:relay_mirrors rule:mirrors_stay unit:MIRROR unit-test:K1 unit-test:K2",
        "demo:relay-welded simulators/test_unit_arming.py::test_arm_refuses_with_a_welded_contactor",
    ),
    row(
        "design-A2",
        "the generator drops its high voltage by itself, and a program puts it on again",
        "ON is an edge that a token buys once; a lost beam ends the exposure",
        "rule:beam_lost code:interlocks/gate_law.py::on",
        "demo:beam-lost interlocks/test_gate.py::test_on_goes_out_once_for_a_token_for_ever",
    ),
    row(
        "design-A3",
        "nothing outside this program ends the beam when this program is gone",
        "beam is a lease in the unit",
        "rule:lease_armed unit:LEASE",
        "demo:host-killed simulators/test_unit_arming.py::test_lease_lapse_in_armed",
    ),
    row(
        "design-A5",
        "a program that stands still at the end of the dose overruns it",
        "the unit ends the exposure by its own preset; the program only watches that it does",
        "rule:presets_committed rule:backup_timer rule:overdue unit:COUNT_PRESET unit:TIME_PRESET",
        "controller/test_dose_meter.py::test_overdue_when_the_unit_does_not_end simulators/test_unit_causes.py::test_limits_end_exactly "
        "demo:time-mode",
    ),
    row(
        "design-A6",
        "no limit on dose stands outside this program",
        "count limits, a rate comparator and no-dose are committed to the unit and read back",
        "rule:presets_committed unit:COUNT2 unit:RATE unit:NO_DOSE unit:DISAGREE",
        "simulators/test_unit_causes.py::test_beam_ends_by_itself controller/test_settings_unit.py::test_every_register_means_what_was_meant",
    ),
    row(
        "design-A7",
        "software alone can start the beam",
        "K1 closes only on a new press of the hardware switch while armed; the host sees the press and then sends ON",
        "rule:switch_released cell:READY*PRESS unit:SWITCH",
        "controller/test_states.py::test_ready_and_press_is_the_only_way_into_starting "
        "simulators/test_unit_arming.py::test_press_without_arm_does_nothing",
    ),
    row(
        "design-A8",
        "high voltage rises as soon as a contactor closes",
        "ARM needs the generator's flag off and kV below 5 %, read afresh; high voltage before ON is STUCK_ON",
        "rule:hv_uncommanded code:interlocks/gate_law.py::beam_is_off cell:READY*HV_UNCOMMANDED",
        "scenarios/test_uncommanded.py::test_beam_before_on_is_in_the_record "
        "simulators/test_world_rig.py::test_spontaneous_hv_in_armed_is_cut_by_k2_and_latched",
    ),
    row(
        "design-A10",
        "the opened interlock line itself leaves a fault in the generator",
        "it is cleared at a self-test only, with off verified, and asked again before ARM",
        "rule:generator_clear code:controller/self_test.py::step",
        "controller/test_self_test.py::test_a_generator_fault_is_cleared_with_off_verified_or_fails",
    ),
    row(
        "design-A11",
        "off is believed without evidence, or never believed because a plug was pulled",
        "off is proved by the contactor's mirror or, with the unit's link lost, by kV and the generator's own line; one positive sign at "
        "least, none against it",
        "code:controller/off.py::evidence cell:STOPPING*OFF_UNVERIFIED",
        "controller/test_off.py::test_never_verified_without_a_positive_sign controller/test_off.py::test_both_links_lost_is_never_verified",
    ),
    row(
        "design-A12",
        "a permission that was good before the program stood still is used after it",
        "ON and renewal are refused when more than 20 ms lie between look and pass_on, by the gate's own clock",
        "code:interlocks/gate_law.py::on code:interlocks/gate.py::Gate.pass_on",
        "interlocks/test_gate.py::test_a_freeze_between_look_and_pass_on_voids_on "
        "interlocks/test_gate.py::test_a_freeze_between_look_and_pass_on_voids_the_renewal",
    ),
    row(
        "design-A13",
        "a reply that lay in a buffer passes for a new one",
        "age counts from the question; the unit's scan must keep time",
        "rule:scan_true code:interlocks/look.py::fresh",
        "hal/test_hal_exchange.py::test_one_request_is_outstanding_and_its_age_counts_from_its_sending "
        "interlocks/test_rules.py::test_an_old_missing_or_future_reading_makes_its_rules_stale",
    ),
    row(
        "design-A15",
        "an exception leaves a tick half done, and the next one runs on",
        "the gate's look sends off before anything else runs; whatever escapes a tick shuts the gate and ends the process",
        "code:controller/__main__.py::run code:interlocks/gate.py::Gate.look",
        "controller/test_run.py::test_whatever_escapes_a_tick_shuts_the_gate_and_ends_the_process "
        "interlocks/test_gate.py::test_the_look_itself_sends_off_when_the_verdict_forbids_beam",
    ),
    row(
        "design-A16",
        "a fault that should stay latched is forgotten by a restart",
        "the unit keeps its own latch; the records hand latches back before a self-test can pass",
        "rule:unit_latched code:controller/latches.py::Latches.open cell:SELF_TEST*LATCH_FOUND cell:SELF_TEST*STUCK_FOUND",
        "controller/test_dossier.py::test_the_opening_statement_hands_latches_back_once "
        "records/test_recorder_normal.py::test_latches_survive_and_clear "
        "simulators/test_unit_arming.py::test_latched_survives_reboot_and_power_loss "
        "scenarios/test_uncommanded.py::test_stuck_on_survives_a_restart_however_it_came "
        "scenarios/test_pieces.py::test_a_latch_survives_restart_and_power_loss_and_goes_by_its_role",
    ),
    row(
        "design-A17",
        "the records are lost while the safety unit retains an exposure, and its dose is nowhere",
        "service takes it in with its high bound, the physicist decides, and only then is the unit reset by its token",
        "code:controller/stray.py::adopted code:controller/guards.py::_adopt",
        "scenarios/test_stray.py::test_an_exposure_that_the_records_lost_is_taken_in_by_service_and_decided_by_the_physicist",
    ),
    row(
        "design-B1",
        "what checks the program shares its memory with what it checks",
        "the dose kernel must reproduce its golden vector at each start and agree with a second sum to the count, and a monitor of its own watches "
        "what was let out; independence is the unit's",
        "rule:dose_kernel rule:invariants_held page:safety.md",
        "controller/test_dose_kernel.py::test_golden_vector_sees_a_broken_kernel "
        "controller/test_self_test.py::test_a_kernel_that_is_not_sound_fails_the_self_test "
        "scenarios/test_two_sums.py::test_one_count_left_out_ends_the_beam",
    ),
    row(
        "design-B2",
        "the safety unit's processor is one point for timer, contactors and counters",
        "the host watches its boot count, its scan and its timer against a clock of its own",
        "rule:boot_count rule:unit_timer rule:scan_true page:safety-unit.md",
        TRIPS + "demo:unit-reboots hal/test_hal_unit.py::test_a_scan_that_runs_untrue_is_found_within_the_window",
    ),
    row(
        "design-D5",
        "an end by the backup is taken for a normal one, and its rest is given",
        "an end by a backup is TERMINATED, latched for the physicist, and leaves no rest to resume",
        "cell:IRRADIATING*TIME_END code:controller/latches.py::Latches code:records/folds.py::_end",
        "scenarios/test_refusals.py::test_an_end_by_the_timer_needs_the_physicist "
        "controller/test_decide_beam.py::test_only_the_primary_preset_is_a_normal_end",
    ),
    row(
        "design-D6",
        "the record falls behind without bound",
        "the age of the oldest entry that is not durable ends the beam at 0.5 s",
        "rule:recorder_fresh",
        "controller/test_ledger.py::test_lag_is_the_age_of_the_oldest_entry_that_is_not_durable demo:recorder-killed",
    ),
    row(
        "design-D8",
        "what was confirmed and what is compared are not the same numbers",
        "everything is quantised to the devices' integers at the load; hashes are over integers that were read",
        "rule:read_back rule:active_crc rule:set_points_held code:controller/settings.py::make_settings",
        "controller/test_settings.py::test_staging_bytes_by_hand hal/test_hal_rig.py::test_the_plan_is_read_back_from_the_devices_alone",
    ),
    row(
        "design-D11",
        "STOP waits behind other messages",
        "it has a socket of its own that is drained first, and needs no account",
        "code:controller/desk.py::Desk",
        "demo:stop-flooded controller/test_desk.py::test_a_flooded_stop_socket_still_stops_and_drains_a_bounded_number",
    ),
    row(
        "design-D12",
        "the operator's program dies and the beam goes on",
        "the desk has a lease of 2 s",
        "rule:desk_lease cell:IRRADIATING*DESK_LOST",
        "demo:desk-killed controller/test_desk.py::test_a_lease_that_is_not_renewed_passes_on",
    ),
    row(
        "design-D13",
        "another Modbus master writes to the safety unit",
        "it can neither arm nor reset without the site key, what it stages is found by the read-back, and OFF ends what it feeds",
        "rule:read_back rule:active_crc rule:lease_armed unit:DISARM page:arming.md",
        "simulators/test_unit_arming.py::test_d13_disarm_ends_what_another_master_feeds "
        "simulators/test_unit_arming.py::test_d13_another_master_can_feed_the_lease_of_a_dead_host_and_moves_no_preset",
        who="the network: generator and safety unit on wires that nobody else is on",
        stands_open="a renewal carries no mac: a master that reads token and challenge can feed the lease of a program that is dead; presets, limits and "
        "contacts end that beam, and the lease does not",
    ),
    row(
        "design-D14",
        "the key stands where this purpose is not allowed",
        "one table of purposes and key positions, in host and unit",
        "rule:key unit:KEY code:controller/guards.py::_admitted",
        "simulators/test_unit_arming.py::test_service_purposes_want_the_service_key "
        "scenarios/test_refusals.py::test_a_treatment_is_not_loaded_in_another_key_position",
    ),
)


def _fault(name: str, what: str, rules: str, tests: str) -> Hazard:
    """A row of the fault list: the requirement is that the rules which name it act in time."""
    named = " ".join(f"rule:{rule}" for rule in rules.split())
    shall = "the rules that ask about it forbid the start or end the beam, T1 after what they let last; what they find is in the record"
    return row(f"fault-{name}", what, shall, named, tests)


RESTARTS: Final = "scenarios/test_taken_away.py::test_a_device_that_restarts"
NOT_APPLIED: Final = (
    "scenarios/test_wire_faults_in_beam.py::test_set_points_that_are_acknowledged_and_not_applied_never_lead_to_beam"
)
WRONG_ONE: Final = "scenarios/test_wrong_device.py::test_a_wrong_generator_is_a_fault_that_says_so"
EDITS: Final = (
    "scenarios/test_refusals.py::test_an_edit_at_8_of_24_chosen_ticks_never_beams_with_another_set "
    "scenarios/test_refusals.py::test_an_edit_at_the_other_16_of_24_chosen_ticks_never_beams_with_another_set"
)
FULL_DISK: Final = "records/test_recorder_crash.py::test_full_disk_is_found_before_the_exposure"
EXPIRED: Final = "scenarios/test_refusals.py::test_a13_an_expired_certificate_starts_nothing"
FAULTS: Final[tuple[Hazard, ...]] = (
    row(
        "fault-I2",
        "a contact bounces as it closes",
        "opening is never debounced beyond a tick; closing counts once it has lasted 100 ms",
        "rule:emergency_stop rule:door rule:applicator_contact",
        "interlocks/test_rules.py::test_opening_counts_at_once_and_closing_when_it_has_lasted",
    ),
    row(
        "fault-H1",
        "the clock on the wall jumps, an hour or to another year",
        "it moves no beam: after ARM it is not asked, and what is stamped is the monotonic clock from one anchor; "
        "nothing new is begun until the process goes by the clock that was set",
        "code:controller/dossier.py::Dossier.wall_s code:records/clearance.py::_clock_set",
        "interlocks/test_rules.py::test_the_certificate_is_not_asked_from_arm_on "
        "controller/test_dossier.py::test_the_wall_clock_is_the_monotonic_one_from_the_start "
        "records/test_clock_set.py::test_nothing_is_cleared_for_a_process_that_goes_by_another_clock_than_the_recorder",
    ),
    row(
        "fault-L7",
        "an answer of another request, of the same shape, is taken for one's own",
        "every block carries what only it can hold: its own number, and a CRC over all of it",
        "code:hal/safety_units/kerma_map.py::status_of",
        "hal/test_hal_wire_faults.py::test_a_block_is_never_taken_for_another " + WIRES,
    ),
    row(
        "fault-X2",
        "a contactor, or its mirror contact, is loose: it leaves its coil's command for a moment, again and again",
        "once it has had its time to follow, one look at which it does not is enough; two short moments are not two harmless ones",
        "rule:mirrors_stay unit:MIRROR",
        "interlocks/test_rules.py::test_a_mirror_that_had_followed_may_not_leave " + TRIPS,
    ),
    row(
        "fault-X3",
        "the safety unit's clock runs fast or slow, by less than its scan may",
        "its timer is held against the program's own; what was said of the dose does not fall as the timer takes over",
        "rule:unit_timer code:controller/dose.py::Meter",
        "controller/test_dose_meter.py::test_as_the_timer_takes_over_nothing_that_was_said_is_taken_back " + TRIPS,
    ),
    row(
        "fault-X4",
        "more current flows than the generator reads and regulates: kV and mA look right, and the timer ends the beam",
        "where the timer is the primary, it is held against what a chamber counted; the unit's second count limit stands behind it",
        "rule:dose_timer unit:COUNT2",
        TRIPS,
    ),
    row(
        "fault-X1",
        "K1 closes late after a press, and another part is blamed for it",
        "no ON before K1 is read closed; the words of the end name K1, and no wire",
        "rule:relay_mirrors",
        "scenarios/test_slow_k1.py::test_a_k1_that_closes_late_is_named_and_no_wire_is_blamed",
    ),
    row(
        "fault-X8",
        "the safety unit says that it ended an exposure and names no cause, or one that is none",
        "it is a fault of the unit, not a stop: nothing is resumed before somebody has looked",
        "code:controller/decide.py::cause_event",
        "controller/test_decide_beam.py::test_every_cause_register_has_an_event_that_stops",
    ),
    _fault("D1", "a dose channel is dead", "chamber_supply dose_rate_low no_signal no_dose", "demo:chamber-dead " + TRIPS),
    _fault("D2", "one dose channel drifts", "dose_channels", TRIPS),
    _fault("D3", "both dose channels drift alike", "dose_model", "demo:channels-low " + TRIPS),
    _fault("D4", "a saturated chamber reads low, as if dose were missing", "chamber_saturation dose_rate_high", TRIPS),
    _fault(
        "D6",
        "chambers count without beam",
        "leakage leakage_at_start",
        "scenarios/test_leaking.py::test_a_fast_operator_does_not_start_with_chambers_that_leak " + TRIPS,
    ),
    _fault("D7", "a wrong correction for air, or a wrong sum, makes every dose wrong", "k_tp_drift dose_kernel", TRIPS),
    _fault("D8", "dose samples come late or not at all", "bad_samples", TRIPS),
    _fault("G1", "kV is too high, too low or late", "kv_high kv_low kv_steady", TRIPS + ERRS),
    _fault("G2", "mA stands wrong", "ma_high ma_low ma_steady dose_timer", TRIPS + ERRS),
    _fault("G3", "the tube arcs, or the generator has a fault, and exposure goes on", "generator_fault generator_clear beam_lost", "demo:beam-lost " + TRIPS),
    _fault("G4", "filament open, cold or too hot", "generator_fault generator_clear", TRIPS),
    _fault("G5", "high voltage stays on after off", "generator_interlock hv_uncommanded", "demo:off-ignored " + TRIPS),
    _fault("G6", "high voltage comes without a command", "hv_uncommanded", "demo:hv-on-at-start " + TRIPS),
    _fault("G9", "a device restarts and forgets its set-points", "boot_count set_points_held", "demo:unit-reboots " + RESTARTS),
    _fault("G10", "the generator says on, and no dose comes", "no_dose", "scenarios/test_wire_faults_in_beam.py::test_an_on_that_makes_no_beam_ends_by_itself"),
    _fault("G11", "the device's exposure timer runs wrong", "unit_timer", TRIPS),
    _fault("H2", "the computer sleeps or its clock stalls", "tick_gap", "demo:host-frozen " + TRIPS),
    _fault("H3", "the process is stopped and later goes on", "tick_gap", "scenarios/test_taken_away.py::test_a_frozen_host_goes_on_with_nothing"),
    _fault("H6", "other work keeps the loop from its processor", "tick_late", TRIPS),
    _fault("H10", "the processor is slowed down, by heat or by lack of power", "tick_late", TRIPS),
    row(
        "fault-H7",
        "the program contradicts itself, or an exception leaves it half done",
        "a monitor asks each look what the tick before let out; a broken invariant ends the beam and is service's; an exception ends the process",
        "rule:invariants_held code:controller/__main__.py::run",
        "interlocks/test_monitor.py::test_every_law_has_a_sequence_that_breaks_it interlocks/test_monitor.py::test_the_rule_trips_and_needs_service "
        "controller/test_run.py::test_whatever_escapes_a_tick_shuts_the_gate_and_ends_the_process",
    ),
    _fault("I1", "an interlock opens", "door generator_interlock", "demo:door-opens " + TRIPS),
    row(
        "fault-I3",
        "a contact is stuck closed: it looks sound, and cuts nothing",
        "each contact that cuts a beam must have been read open in each channel within a day, or no treatment is begun (waived on simulated "
        "rigs only)",
        "code:records/clearance.py::_not_proven code:controller/proofs.py::Proofs",
        "records/test_recorder_normal.py::test_i3_each_contact_must_have_been_seen_open_within_a_day_unless_waived "
        "controller/test_proofs.py::test_what_is_open_is_told_once_in_each_channel",
    ),
    _fault("I5", "the two channels of a contact disagree", "contacts_agree contacts_agree_at_rest", TRIPS),
    _fault("I6", "a contact's wire is shorted: it can no longer open", "test_pulse", TRIPS),
    _fault("I8", "the applicator is changed after it was checked", "applicator_code", TRIPS),
    _fault("I9", "the emergency stop in any state", "emergency_stop", "demo:emergency-stop " + TRIPS),
    _fault("I10", "the key is turned off and on again quickly", "key", "demo:key-off " + TRIPS),
    _fault("L2", "a device is silent", "generator_link unit_link", WIRES + "demo:black-hole"),
    _fault("L3", "bytes are damaged on the wire", "bad_samples", WIRES),
    _fault("L8", "a device answers the same for ever", "scan_true", WIRES),
    _fault("L10", "a reply is whole and its value is wrong", "dose_model", WIRES),
    _fault("L12", "the port vanishes (a cable is pulled)", "generator_link", WIRES + "demo:port-pulled"),
    _fault("M2", "the connection is reset", "unit_link", WIRES + "demo:connection-reset"),
    _fault("M3", "the connection is half open: nobody at the other end", "generator_link unit_link", WIRES + "demo:black-hole"),
    _fault("M6", "a write is acknowledged and not done", "read_back", NOT_APPLIED),
    _fault("M7", "another device, map or scale than expected", "generator_identity unit_identity", WIRES + WRONG_ONE),
    _fault("M8", "somebody else writes set-points", "read_back active_crc set_points_held", WIRES),
    _fault("O2", "what was edited is not what runs", "read_back active_crc set_points_held", EDITS),
    _fault("O7", "the console dies or its network is lost in beam", "desk_lease", "demo:desk-killed"),
    _fault("S1", "nothing can be written to the disk", "recorder_fresh", FULL_DISK + " demo:recorder-killed"),
    _fault("S6", "calibration of another applicator, tube or energy, or expired", "calibration_valid", EXPIRED),
)  # fmt: skip
"""Those ids of the fault list that a rule or a comment names; the whole list is injected elsewhere."""
