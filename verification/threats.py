"""What attacks the console and the release, T1 to T16, and what people do wrong at it, O1 to O11: each with its control, its tests and what stands open.
It finds rows whose links lead nowhere; it judges no control's worth. `python -m verification.threats --check` is part of make lint."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from verification.hazard import Hazard, row
from verification.hazard_page import linked
from verification.hazards import wrong_with

SILENT: Final = "console/test_web_impatient.py::"
MARKS: Final = "console/test_marks.py::"
CHAINS: Final = "console/test_chains.py::"
TRIED: Final = "console/test_console_attacks.py::"
DOORS: Final = "console/test_web_doors.py::"
API: Final = "console/test_web_api.py::"
PROCEDURES: Final = "console/test_web_procedures.py::"
TLS: Final = "console/test_web_tls.py::"
SIGNED: Final = "console/test_approvals.py::"
LAW: Final = "records/test_approved.py::"
NASTY: Final = "console/test_nasty_words.py::"
RELEASE: Final = "house/test_release.py::"
ACCESS: Final = "console/test_web_access.py::"
TABLE: Final = "console/test_access_table.py::"
LOGINS: Final = "console/test_access_logins.py::"
AUDIT: Final = "console/test_access_audit.py::"
DOOR: Final = "console/test_web_stop_door.py::"
RUN: Final = "console/test_console_run.py::"
FILE: Final = "console/test_console_configuration.py::"
MATRIX: Final = "scenarios/test_matrix.py::test_a_fault_in_beam "
"""Each fault id in beam on a virtual rig; `make grid` plays it in every state."""
REFUSED: Final = "scenarios/test_refusals.py::"

THREATS: Final[tuple[Hazard, ...]] = (
    row(
        "threat-T1",
        "a page from elsewhere drives the machine through a browser that is logged in",
        "what changes anything is a POST of JSON with the exact Origin, a header of our own and a token for one use; cookies are SameSite=Strict",
        "code:console/web/doors.py::Doors code:console/web/tokens.py::Tokens",
        f"{DOORS}test_t1_no_page_but_ours_commands {DOORS}test_t1_a_header_twice_is_none "
        f"{DOORS}test_t1_what_is_ours_comes_in_and_other_methods_do_not {API}test_t1_each_command_needs_a_token_of_its_own",
    ),
    row(
        "threat-T2",
        "a page from elsewhere opens the live line",
        "the exact Origin before the line is accepted, and a ticket for one use in its first message",
        "code:console/web/doors.py::Doors code:console/web/live.py::Live",
        f"{DOORS}test_t2_no_page_but_ours_opens_the_live_line {API}test_t2_the_live_line_needs_a_ticket_once",
    ),
    row(
        "threat-T3",
        "a foreign name is bound to this machine's address",
        "a list of host names with port, exact, also for STOP, the STOP door and the live line",
        "code:console/web/doors.py::hosts code:console/web/stop_door.py::StopDoor",
        f"{DOORS}test_t3_no_name_but_ours_is_answered {DOORS}test_t3_loopback_by_each_of_its_names_is_ours {DOOR}test_t3_a_foreign_name_is_refused",
    ),
    row(
        "threat-T4",
        "somebody does what is not for their role",
        "one table of role, command and situation, which denies what it does not name; the desk judges each role once more; STUCK_ON is left by two persons; "
        "an order is loaded with the signatures of two persons, each given with the secret asked again, and the records ask for them at the question and "
        "at the START, whichever program asks the desk",
        "code:console/access/table.py::may code:console/access/people.py::People code:console/access/approvals.py::Approvals "
        "code:records/approved.py::Signatures "
        "code:console/web/standing.py::Standing code:controller/guards.py::_reset page:access.md",
        f"{TABLE}test_t4_each_cell {TABLE}test_t4_a_command_that_the_table_does_not_name_is_denied_to_everybody {ACCESS}test_t4_each_role_at_each_command "
        f"{ACCESS}test_t4_stuck_on_is_left_by_two_persons_with_a_login_each "
        f"{SIGNED}test_t4_a_signature_asks_the_persons_own_secret_again_and_no_other_role_gives_one {SIGNED}test_t4_a_physician_signs_and_starts_nothing "
        f"{SIGNED}test_one_person_does_not_give_both_whatever_role_that_person_has_today "
        f"{SIGNED}test_t4_a_signature_that_was_refused_is_not_given_by_the_next_persons "
        f"{SIGNED}test_a_withdrawal_that_was_refused_is_one_when_the_next_line_is_written "
        f"{SIGNED}test_a_signature_that_is_withdrawn_unloads_what_is_loaded_by_it "
        "console/test_order_written.py::test_who_may_write_an_order_and_who_may_not "
        "console/test_course_signed.py::test_who_signs_a_course_and_who_does_not "
        "console/test_course_signed.py::test_what_differs_in_more_than_its_number_is_signed_with_nothing_else "
        "console/test_order_set_up.py::test_an_order_that_names_nobody_needs_both_signatures_whatever_the_rig_asks_for "
        f"{SIGNED}test_what_another_console_withdraws_unloads_what_is_loaded_here "
        f"{LAW}test_what_is_not_signed_is_refused_with_words_and_what_is_signed_is_cleared {LAW}test_a_start_that_nobody_asked_about_gets_no_token "
        f"{LAW}test_a_signature_withdrawn_before_start_gives_token_0_and_one_in_beam_ends_nothing "
        f"{LAW}test_the_values_are_those_that_were_signed_and_a_borrowed_name_gives_nothing "
        "scenarios/test_unsigned_in_the_loop.py::test_an_order_without_its_signatures_never_beams_whoever_asks_the_desk "
        "scenarios/test_unsigned_in_the_loop.py::test_a_disk_that_does_not_answer_keeps_the_answer_and_not_the_loop "
        f"console/test_access_users.py::test_t4_a_damaged_file_lets_nobody_in_and_is_no_first_run "
        f"{API}test_t4_watching_is_all_that_a_real_rig_gives_without_people controller/test_decide_requests.py::test_who_may_load_what "
        "controller/test_decide_reset.py::test_each_role_clears_its_own_class_and_the_operators",
    ),
    row(
        "threat-T5",
        "a password is guessed, or one login is everybody's",
        "argon2, long passwords, a delay for each name and each source that grows; an unknown name costs and says the same; STOP has no such door",
        "code:console/access/passwords.py::Hasher code:console/access/throttle.py::Throttle code:console/access/people.py::People",
        f"{LOGINS}test_t5_a_thousand_tries_take_days_and_the_right_one_is_taken_when_its_time_has_come "
        f"{LOGINS}test_t5_one_place_is_shut_for_a_short_while_and_many_names_do_not_open_it "
        f"{LOGINS}test_t5_a_name_that_is_unknown_or_disabled_costs_and_says_the_same {LOGINS}test_t5_argon2_works_one_at_a_time "
        "console/test_own_password.py::test_t5_ones_own_password_by_the_old_one_and_every_other_login_ends "
        "console/test_own_password.py::test_t5_a_wrong_old_one_is_throttled_and_a_weak_new_one_is_refused_in_words "
        f"{ACCESS}test_t5_a_flood_of_logins_keeps_neither_pages_nor_stop_waiting {API}test_t5_codes_are_not_guessed_and_stop_is_never_locked_out",
        who="one login is one person's: said at the first day, and looked for in the audit",
    ),
    row(
        "threat-T6",
        "a login is stolen, kept after logout, or left in a stale tab",
        "a new cookie of 256 bits at each login, of which only the hash is kept; a page that nobody touches is locked, then logged out, never in beam; "
        "one page in control, bound to its login; the rest of a fraction, a signature and another password ask for the secret again; a guided procedure "
        "begins no exposure when the control in which it was begun has ended",
        "code:console/access/sessions.py::Sessions code:console/web/control.py::Control code:console/web/api.py::Api "
        "code:console/web/procedure_line.py::Relay",
        f"{LOGINS}test_t6_a_cookie_is_256_bits_and_only_its_hash_is_kept {LOGINS}test_t6_each_login_has_a_new_cookie_and_a_logout_ends_it "
        f"{LOGINS}test_t6_who_was_changed_logs_in_anew_but_not_in_beam {LOGINS}test_t6_an_idle_page_is_locked_then_logged_out_and_neither_in_beam "
        f"{ACCESS}test_t6_a_page_that_nobody_touches_is_locked_and_keeps_neither_control_nor_lease "
        f"{ACCESS}test_t6_logout_everywhere_ends_every_page_of_one_person {API}test_t6_a_stale_tab_and_a_logout "
        f"{API}test_a_silent_page_loses_control_and_says_nothing_on_its_behalf "
        f"{ACCESS}test_t6_a_login_alone_is_not_enough_where_the_table_asks_for_the_secret_again "
        f"{API}test_t6_the_rest_is_given_by_whoever_gives_the_secret_again "
        f"{PROCEDURES}test_t6_an_exposure_is_not_begun_for_whoever_said_go_and_is_gone "
        f"{PROCEDURES}test_t6_the_procedures_line_asks_nothing_that_leads_to_a_beam_for_a_control_that_has_ended "
        f"{TRIED}test_what_was_loaded_before_control_was_given_back_is_unloaded_by_whoever_takes_it "
        f"{TRIED}test_control_is_not_taken_in_beam_from_a_page_that_has_just_fallen_silent "
        f"{TRIED}test_an_order_that_is_being_read_while_control_changes_hands_is_not_loaded "
        f"{TRIED}test_another_login_does_not_end_the_one_at_which_that_person_treats",
        who="no other service on the machine that treats: a browser gives its cookies to every port of a machine",
    ),
    row(
        "threat-T7",
        "somebody on the network listens, or stands in between",
        "loopback alone, or TLS 1.2 and newer with a certificate of the machine, for pages and STOP door; its names are the only hosts; Secure cookies",
        "code:console/web/tls.py::address code:console/web/tls.py::context code:console/web/stop_door.py::StopDoor",
        f"{TLS}test_t7_without_tls_nothing_but_loopback_is_served {TLS}test_t7_what_is_wrong_with_certificate_or_key_is_said "
        f"{TLS}test_t7_the_certificates_names_are_the_hosts {TLS}test_t7_pages_over_tls {TLS}test_t7_stop_goes_out_by_its_door_over_tls "
        f"{TLS}test_t7_clients_in_half_a_handshake_keep_no_stop {TLS}test_t7_a_cookie_is_secure_under_tls "
        f"{TLS}test_t7_a_page_from_elsewhere_that_is_not_logged_in_is_shown_no_patient",
        who="the certificate: from an authority that the department's machines trust, renewed in time; the network itself",
    ),
    row(
        "threat-T8",
        "a flood: requests, sockets, half requests, silent connections, great bodies, talkative pages; requests that nobody foresaw",
        "a process of its own; bounds on bodies, requests, sockets and messages; one frame in flight; STOP at a door of its own; a bounded desk",
        "code:console/web/doors.py::Doors code:console/web/impatient.py::Impatient code:console/web/stop_door.py::StopDoor code:console/web/live.py::Live "
        "code:controller/desk.py::Desk",
        f"{DOORS}test_t8_a_body_too_long_is_refused_whether_it_is_declared_or_not "
        "console/test_lesions.py::test_a_bomb_is_refused_where_it_passes_the_size_that_it_says "
        f"{DOORS}test_t8_more_requests_than_may_be_at_once_are_refused_and_stop_is_not "
        f"{DOORS}test_t8_more_live_lines_than_may_be_open_are_refused_and_one_that_closes_makes_room "
        f"{DOOR}test_t8_clients_that_only_hold_a_connection_shut_nobody_out {DOOR}test_t8_a_head_without_end_is_cut "
        "console/test_web_openapi.py::test_who_is_not_logged_in_moves_nothing "
        "console/test_web_openapi.py::test_whoever_holds_control_is_answered_as_it_is_described "
        f"{API}test_t8_a_page_that_shows_nothing_gets_no_second_frame {API}test_t8_a_talkative_page_is_closed "
        "controller/test_desk_sockets.py::test_a_client_that_floods_is_heard_a_few_packets_a_tick "
        "controller/test_desk.py::test_a_flooded_stop_socket_still_stops_and_drains_a_bounded_number "
        f"{SILENT}test_t8_connections_that_only_stand_there_keep_no_stop_at_the_pages_port "
        f"{SILENT}test_t8_a_head_that_does_not_come_is_not_waited_for "
        f"{TRIED}test_watchers_without_a_login_leave_room_for_whoever_treats {TRIED}test_a_stop_that_nobody_answers_is_said_and_stays_said "
        "browser/test_flood.py::test_t8_a_flooded_console_keeps_no_stop",
        stands_open="the figures of make bench-flood in docs/performance.md are of a machine that other programs shared: none of a quiet one is kept yet",
    ),
    row(
        "threat-T9",
        "somebody alters, deletes, inserts or reorders a record, or cuts its tail",
        "the journal is a chain of hashes, the database is made anew from it where they differ; who did what is a chain of its own, with a signed head and "
        "checkpoints to be kept elsewhere, and after each end it is told the newest record of the journal, without which nothing is loaded; what leads to a "
        "beam is not done when it cannot be written there; each act in a chain beside the records is told to the audit by number and hash, and a chain that "
        "lacks one is named, in reports too; a copy of all records is signed with the machine's own key, which is in no copy, and is held to it "
        "before it is put back",
        "code:records/journal.py::verify code:console/access/audit.py::Audit code:records/audit_check.py::check code:console/access/marks.py::lacking "
        "code:console/access/beside.py::compared "
        "code:console/web/marking.py::Marking code:records/backup.py::checked page:decisions/0026-a-copy-is-signed-with-the-machines-own-key.md",
        f"{AUDIT}test_t9_each_byte_altered_is_found {AUDIT}test_t9_each_byte_of_the_signed_head_altered_is_found "
        f"{AUDIT}test_t9_a_line_taken_out_put_in_doubled_or_moved_is_found_and_named "
        f"{AUDIT}test_t9_a_tail_that_was_cut_is_found_and_nothing_is_written_after_it {AUDIT}test_t9_a_chain_made_anew_without_the_key_is_found "
        f"{AUDIT}test_t9_whoever_has_the_key_too_is_found_by_a_checkpoint_kept_elsewhere {AUDIT}test_t9_users_changed_by_another_way_are_found "
        f"{ACCESS}test_t9_what_leads_to_a_beam_is_not_done_when_it_cannot_be_audited_and_stop_is {SIGNED}test_of_a_chain_that_is_not_whole_nothing_counts "
        f"{SIGNED}test_t9_a_line_without_a_hash_that_fits_is_no_signature_whatever_is_written_behind_it "
        f"{SIGNED}test_a_cut_that_took_a_lines_end_alone_leaves_the_chain_whole "
        f"{SIGNED}test_kerma_approvals_lists_and_verifies_also_against_the_audit {LAW}test_of_a_chain_that_is_damaged_cut_gone_or_no_file_nothing_counts "
        f"{LAW}test_a_withdrawal_that_a_folder_put_back_has_forgotten_is_known_by_the_audit "
        "records/test_damaged_files.py::test_a_damaged_file_is_refused_in_words_or_made_anew "
        "records/test_damaged_files.py::test_a_lower_dose_in_the_database_is_told_and_written_anew "
        "records/test_backup.py::test_a_copy_that_is_not_signed_by_this_machine_is_refused_in_words "
        "records/test_backup.py::test_t9_a_file_that_is_another_one_when_it_is_put_back_is_refused "
        "console/test_records_keeping.py::test_a_copy_is_this_machines_or_somebody_vouches_for_it_and_the_audit_says_so "
        "console/test_chart.py::test_of_a_chain_that_is_not_whole_nothing_counts_and_nothing_is_added "
        "console/test_chart.py::test_a_chart_that_is_not_whole_is_said_first_and_believed_by_no_report "
        "console/test_chart.py::test_a_person_corrects_words_beside_the_record_and_no_byte_of_it_changes "
        "console/test_chart.py::test_what_the_machine_measured_is_corrected_by_nobody_and_words_by_their_roles "
        f"{CHAINS}test_an_older_folder_put_back_or_taken_away_is_named_entry_by_entry {CHAINS}test_a_tail_that_is_cut_says_what_is_gone "
        f"{CHAINS}test_t9_a_line_without_its_hash_counts_for_nothing_after_the_next_entry_has_accounted_for_it "
        "console/test_marks.py::test_t9_a_line_without_its_hash_marks_and_accepts_nothing "
        f"{CHAINS}test_entries_that_change_places_and_a_chain_made_anew_with_other_words_are_named "
        f"{CHAINS}test_what_the_audit_never_heard_of_is_named_where_it_is_older_or_gone_or_somebody_wrote "
        f"{CHAINS}test_a_report_says_what_the_chart_has_lost_beside_not_signed_and_is_another_file "
        f"{CHAINS}test_the_command_ends_with_one_where_something_is_gone_and_says_what "
        f"{MARKS}test_t9_a_tail_of_the_journal_that_was_cut_with_the_database_is_found "
        f"{MARKS}test_t9_an_end_that_became_durable_and_its_closing_are_marked "
        f"{MARKS}test_t9_nothing_is_loaded_with_a_journal_that_lacks_what_was_marked_until_a_person_took_it "
        f"{MARKS}test_t9_the_newest_mark_is_found_however_much_stands_behind_it",
        who="checkpoints: put where the machine's own user cannot write (kerma audit checkpoint)",
    ),
    row(
        "threat-T10",
        "a certificate or configuration is forged, or an older one put back",
        "every byte of a certificate is signed by a physicist whose key the rig knows; what was accepted is pinned and copied, and where that folder is put "
        "back the records remember; a change of configuration or program locks treatment until the day is checked anew",
        "code:calibration/signed.py::signers code:calibration/accepted.py::Accepted code:console/certificate.py::forgotten code:records/day.py::against",
        "calibration/test_certificate.py::test_g24_no_signature_and_a_strangers_signature_are_refused "
        "calibration/test_certificate_measured.py::test_g24_every_byte_flipped_is_caught "
        "calibration/test_certificate_measured.py::test_g24_unsigned_and_by_a_stranger "
        f"{RUN}test_g24_an_older_certificate_than_was_accepted_starts_nothing "
        f"{RUN}test_g24_the_records_remember_what_a_folder_put_back_has_forgotten "
        f"{RUN}test_g28_on_a_real_rig_no_other_sources_than_its_physicist_signed_for "
        "records/test_day.py::test_g28_a_change_of_program_configuration_tube_parts_or_certificate_locks "
        "records/test_day.py::test_g24_only_a_signature_that_the_rig_knows_counts_and_every_byte_is_under_it",
    ),
    row(
        "threat-T11",
        "a foreign device at the plug passes for the generator or the safety unit",
        "identity before any command; what comes back after a loss must be what was there before; a clinical rig names its lines by names that stay theirs",
        "rule:generator_identity code:console/run.py::lines_of_this_kind code:hal/rig.py::Rig",
        "hal/test_hal_same_device.py::test_another_of_the_same_model_is_refused_when_it_comes_back "
        "hal/test_hal_wrong_profile.py::test_a_profile_on_another_family_sends_nothing_that_acts "
        "scenarios/test_wrong_device.py::test_a_wrong_generator_is_a_fault_that_says_so "
        f"{RUN}test_a_clinical_rig_names_its_lines_by_names_that_stay_theirs",
        who="the housing: a generator answers no challenge, so that one that lies about its identity is kept out by a locked case",
    ),
    row(
        "threat-T12",
        "words that are a command elsewhere: in names of patients, orders, reasons; in logs, pages, CSV, paper, DICOM, a shell",
        "an order or a reason with characters that nobody can see is refused; pages set text alone under a strict policy; a terminal is given no markup and no "
        "control character, a CSV no formula, a shell nothing; paper shows each letter, or its number",
        "code:console/treat/plain_words.py::order code:console/treat/plain_words.py::PlainConsole code:console/reports/flat.py::cell "
        "code:calibration/print_words.py::markup code:console/web/doors.py::STRICT code:console/dicom/words.py::text",
        f"{NASTY}test_t12_what_can_be_read_is_taken_as_it_was_written {NASTY}test_t12_what_nobody_can_see_is_refused_in_an_order_and_as_a_reason "
        f"{NASTY}test_t12_a_terminal_shows_the_offer_with_the_words_as_they_are {NASTY}test_t12_a_terminal_is_given_no_control_character "
        f"{NASTY}test_t12_csv_and_json_bring_the_words_back_and_no_formula {NASTY}test_t12_paper_shows_each_letter_or_its_number "
        f"{NASTY}test_t12_names_that_the_built_in_fonts_lack {NASTY}test_t12_nothing_is_handed_to_a_shell_and_no_text_is_run "
        "console/test_particulars.py::test_a_name_of_any_script_with_markup_or_of_200_characters_is_taken_as_it_is "
        "console/test_particulars.py::test_each_thing_that_cannot_be_stated_says_value_bound_and_what_to_do_first "
        "console/test_particulars.py::test_t12_particulars_that_fill_more_than_a_page_go_on_overleaf "
        "console/test_reports_kept.py::test_no_cell_of_a_csv_is_a_formula console/test_reports_kept.py::test_any_words_can_be_printed "
        f"console/test_dicom_instances.py::test_words_come_back_as_one_value {DOORS}test_every_answer_is_strictly_dressed "
        "console/test_web_page.py::test_nothing_is_inline_and_nothing_is_from_elsewhere "
        f"{TRIED}test_an_identifier_that_would_be_shown_as_anothers_is_refused",
    ),
    row(
        "threat-T13",
        "a package that the program is built on was altered",
        "every package by version and hash, none from a registry that is named; a list of what is inside, without network (make sbom); the real-time process "
        "holds no package but those of its list",
        "code:verification/sbom.py::document code:verification/sbom.py::locked",
        f"{RELEASE}test_t13_every_package_is_locked_by_version_and_hash_and_no_registry_is_named "
        f"{RELEASE}test_t13_the_list_of_parts_is_whole_and_the_same_twice "
        "house/test_process.py::test_the_real_time_process_holds_no_room_above_it_and_one_thread",
        who="known vulnerabilities of what the list names: looked up on a machine with a network, at each release and each month",
    ),
    row(
        "threat-T14",
        "patient data leaves the machine: in logs, messages, file modes",
        "records and users are files of their user alone; a report's file name holds no name; the audit and the support bundle hold no patient and no secret",
        "code:console/places.py::own code:console/access/whole_file.py::put",
        f"{ACCESS}test_t14_no_secret_and_no_patient_is_in_the_audit_or_among_the_users "
        f"console/test_access_users.py::test_t14_a_file_that_others_may_read_lets_nobody_in "
        f"{TLS}test_t7_a_page_from_elsewhere_that_is_not_logged_in_is_shown_no_patient {RUN}test_a_folder_that_another_may_write_is_not_ours "
        "console/test_web_service.py::test_no_planted_name_is_in_any_file_of_the_bundle "
        "console/test_lesions.py::test_t14_photos_notes_and_signatures_are_in_no_bundle_no_service_page_and_no_audit "
        "console/test_particulars.py::test_t14_a_bundle_holds_no_name_whatever_file_it_came_into "
        "console/test_particulars.py::test_t4_who_writes_orders_states_whose_they_are_with_the_secret_again "
        "console/test_particulars.py::test_t7_a_name_is_told_to_whoever_sees_orders_and_to_no_page_without_a_login "
        "console/test_lesions.py::test_only_who_sees_patients_sees_or_attaches_a_photo",
    ),
    row(
        "threat-T15",
        "a way in that was left: a debug door, a default password",
        "no user until a code that is printed at the machine's own terminal made the first; the demonstration's code is drawn at each start, and on a real rig "
        "it is good for nothing; two ports and no other",
        "code:console/access/set_up.py::SetUpCode code:console/web/serve.py::admitted code:console/web/serve.py::application",
        f"{LOGINS}test_t15_there_is_no_user_until_the_code_made_one {LOGINS}test_t15_the_code_ends_by_time_by_tries_and_is_another_each_time "
        f"{LOGINS}test_t15_a_password_that_is_easily_guessed_is_refused {ACCESS}test_t15_a_rig_without_users_shows_the_first_run_and_takes_the_code_once "
        f"{ACCESS}test_t15_who_may_come_in_is_said_at_the_machines_own_terminal {DOOR}test_nothing_but_stop_is_here "
        "browser/test_ports.py::test_t15_nothing_listens_but_the_pages_and_the_stop_door",
        who="the machine's own consoles, its serial console and its maker's accounts: closed where it is set up",
    ),
    row(
        "threat-T16",
        "the simulators' way to break things is reachable on a machine that treats",
        "a release holds neither simulators nor verification, nor their commands; no room of the product imports them; a rig says by its file whether it is "
        "simulated, opens lines of that kind alone, and says SIMULATED over everything",
        "code:console/run.py::lines_of_this_kind code:console/configuration.py::of_one_kind code:console/cli.py::build "
        "page:decisions/0002-top-level-packages-in-one-distribution.md",
        f"{RELEASE}test_t16_the_wheel_holds_the_product_and_nothing_that_breaks_machines "
        f"{RELEASE}test_t16_a_release_runs_without_them_and_has_none_of_their_commands house/test_contracts.py::test_a_planted_import_breaks_its_contract "
        f"{FILE}test_a_real_rig_opens_no_simulator {FILE}test_a_simulated_rig_opens_nothing_real "
        f"{RUN}test_a_real_rig_whose_line_is_a_pseudo_terminal_is_refused {RUN}test_g23_a_certificate_of_a_simulated_tube_serves_no_real_rig "
        "console/test_console_screen.py::test_a_real_rig_never_says_simulated_and_a_simulated_one_always_does "
        f"{MARKS}test_t16_a_simulated_rig_that_calls_itself_clinical_loads_nothing {RUN}test_t16_a_simulated_rig_that_calls_itself_clinical_does_not_run",
    ),
)

OPERATORS: Final[tuple[Hazard, ...]] = (
    row(
        "operator-O1",
        "a double start: double click, key bounce, a request sent twice",
        "one token for one command, one offer for one confirmation, one press for one beam",
        "code:console/web/tokens.py::Tokens code:controller/guards.py::_confirm unit:SWITCH cell:READY*PRESS",
        MATRIX + f"{REFUSED}test_an_offer_is_confirmed_once {API}test_t1_each_command_needs_a_token_of_its_own "
        "simulators/test_unit_arming.py::test_a_bouncing_switch_is_one_press "
        "scenarios/test_matrix.py::test_a_fault_of_one_tick_is_injected_whatever_the_clock_says",
    ),
    row(
        "operator-O2",
        "an edit while the machine sets itself up",
        "an edit unloads; what is confirmed is the digest of what the devices read back",
        "code:controller/guards.py::_confirm rule:read_back rule:active_crc",
        MATRIX
        + f"{REFUSED}test_an_edit_at_8_of_24_chosen_ticks_never_beams_with_another_set "
        + f"{REFUSED}test_an_edit_at_the_other_16_of_24_chosen_ticks_never_beams_with_another_set {API}test_a_stale_unchecked_or_wrong_offer_is_not_passed_on",
    ),
    row(
        "operator-O3",
        "STOP and start are hammered",
        "STOP wins in its tick and discards what came with it; nothing is queued; K1 stays open for the unit's second",
        "code:controller/desk.py::Desk code:controller/dossier.py::Dossier",
        MATRIX
        + f"{REFUSED}test_stop_at_6_of_17_chosen_ticks_wins {REFUSED}test_stop_at_the_other_11_of_17_chosen_ticks_wins "
        "controller/test_desk.py::test_stop_discards_every_request_before_it_and_with_it",
    ),
    row(
        "operator-O4",
        "power goes in the middle of a treatment",
        "the rest is known after the start, and is resumed by a new confirmation alone",
        "code:records/recovery.py::recovered code:controller/refusals.py::retained",
        MATRIX + "scenarios/test_power_cut.py::test_power_cut_in_beam_ends_the_beam_at_once_and_loses_no_dose "
        "scenarios/test_power_cut.py::test_power_cut_before_the_press_leaves_a_void",
    ),
    row(
        "operator-O5",
        "a resume for another patient, plan or applicator",
        "a resume is the same order by every part of its identity, or it is refused",
        "code:records/clearance.py::judge",
        MATRIX
        + f"{REFUSED}test_a_resume_with_something_changed_is_refused records/test_recorder_normal.py::test_resume_needs_the_same_identity",
    ),
    row(
        "operator-O6",
        "two consoles, a page opened twice, the back button, a message replayed",
        "one lease at the desk, one page in control, a token for each command; others watch",
        "code:console/web/control.py::Control code:controller/desk.py::Desk",
        MATRIX
        + f"{API}test_of_two_consoles_one_commands_and_a_takeover_unloads_and_is_recorded {API}test_control_does_not_change_hands_in_beam "
        "controller/test_desk.py::test_anybody_may_stop_and_only_the_leaseholder_may_command",
    ),
    row(
        "operator-O7",
        "the console dies, or its page is gone, in beam",
        "the lease of 2 s ends the beam; the switch, the emergency stop and the STOP door need no console",
        "rule:desk_lease",
        MATRIX + "demo:desk-killed console/test_web_link.py::test_it_watches_and_asks_but_holds_no_lease_by_itself "
        f"{API}test_a_silent_page_loses_control_and_says_nothing_on_its_behalf",
    ),
    row(
        "operator-O8",
        "a number that is none: out of bounds, a decimal comma, a unit behind it, NaN, 1e309",
        "nothing that gives dose is typed at the page; a file's numbers are finite, in bounds and written with a point, or refused with the key",
        "code:console/prescription.py::load",
        MATRIX
        + f"{FILE}test_a_decimal_comma_is_refused_with_the_point_written_out {FILE}test_what_is_not_finite_is_refused_in_the_prescription "
        f"{FILE}test_a_dose_in_quotes_with_a_comma_or_with_a_unit_is_no_number {FILE}test_out_of_bounds_in_the_prescription_names_value_and_bound",
    ),
    row(
        "operator-O9",
        "alarms come without end, and are clicked away",
        "a trip latches until the right role clears it with a reason and its cause is gone; the third trip of a fraction is the physicist's",
        "code:controller/guards.py::_reset code:records/clearance.py::judge",
        MATRIX + "controller/test_decide_reset.py::test_a_cause_that_is_still_there_is_not_reset "
        "controller/test_decide_reset.py::test_a_reset_names_role_person_and_reason "
        "records/test_recorder_normal.py::test_third_resume_and_third_trip_need_a_physicist",
    ),
    row(
        "operator-O10",
        "shifts change, nobody is there, a login ends with the beam on",
        "anybody may STOP at any time; a start needs a login that is alive and a page in control",
        "code:console/web/doors.py::Doors code:console/web/control.py::Control",
        MATRIX + f"{DOORS}test_stop_needs_nothing_but_the_host {REFUSED}test_another_client_may_stop_and_nothing_else "
        f"{API}test_who_is_not_logged_in_watches_and_asks_nothing",
    ),
    row(
        "operator-O11",
        "the machine is left set for calibration",
        "a purpose needs its key position; a calibration writes no patient's record and is no operator's work",
        "code:controller/guards.py::_load rule:key",
        MATRIX
        + f"{REFUSED}test_a_treatment_is_not_loaded_in_another_key_position controller/test_decide_requests.py::test_a_calibration_is_no_operators_work "
        "controller/test_decide_requests.py::test_the_key_must_stand_where_the_purpose_needs_it "
        "records/test_day.py::test_g23_a_patient_is_given_nothing_under_another_purpose",
    ),
)
ROWS: Final = (*THREATS, *OPERATORS)
NUMBERS: Final = {"threat-T": 16, "operator-O": 11}
"""How many each list has."""


def wrong(rows: Sequence[Hazard] = ROWS) -> Iterator[str]:
    """Every link that leads nowhere, and every number of the two lists that has no row, or two."""
    for one in rows:
        yield from wrong_with(one)
    ids = [one.id for one in rows]
    for name, last in NUMBERS.items():
        for number in range(1, last + 1):
            if ids.count(f"{name}{number}") != 1:
                yield f"{name}{number}: has {ids.count(f'{name}{number}')} rows, not one"


def table(rows: Sequence[Hazard]) -> str:
    """One list as docs/threats.md shows it."""
    return linked(("threat", "what may happen, and what must hold", "control", "shown by"), rows)


def standing_open() -> str:
    """What is not there, by row."""
    return (
        "".join(f"- [{one.id}](#{one.anchor}): {one.stands_open}\n" for one in ROWS if one.stands_open) or "Nothing.\n"
    )


def main(arguments: list[str]) -> int:
    """Exit 1 with every wrong link; without --check also a line for each row."""
    found = list(wrong())
    for words in found:
        sys.stdout.write(f"threats: {words}\n")
    if "--check" not in arguments:
        sys.stdout.write("".join(f"{one.id}: {one.what}\n" for one in ROWS))
    if not found:
        open_rows = sum(1 for one in ROWS if one.stands_open)
        sys.stdout.write(f"threats: {len(ROWS)} rows, every link leads somewhere; {open_rows} stand open in part\n")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
