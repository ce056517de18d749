"""What `make test` leaves to `make grid`, so that it stays within its five minutes on two cores: of dear tables every so many rows, and a few dear tests.
`make grid` plays all of it; which rows are kept follows from the order of collection alone."""

from __future__ import annotations

from typing import Final

import pytest

EVERY: Final = {
    "scenarios/test_matrix.py": 9,
    "scenarios/test_seeded.py": 3,
    "scenarios/test_taken_away.py": 4,
    "scenarios/test_genix3d_in_beam.py": 3,
    "scenarios/test_every_generator.py": 3,
    "scenarios/test_wire_faults_in_beam.py": 3,
    "scenarios/test_refusals.py": 3,
    "scenarios/test_virtual.py": 3,
    "calibration/test_procedure_journal.py": 4,
    "hal/test_conformance_electrometers.py": 2,
    "hal/test_conformance_generators.py": 2,
    "verification/test_crash_matrix.py": 2,
}
"""Of a file's parametrized cases that `make test` would play, one in so many is played there."""
LEFT: Final = (
    "test_recorder_crash.py::test_power_cut_at_every_call",
    "test_recorder_crash.py::test_killed_at_every_call[recorder-and-host]",
    "test_recorder_crash.py::test_a_write_or_sync_error_ends_the_recorder_for_good[ENOSPC]",
    "test_campaign.py::test_a_worker_that_is_killed_loses_no_seed",
    "test_console_driver_new.py::test_a_package_lints_and_types",
    "test_foreign_masters.py::test_every_refusal_and_a_refused_write_changes_nothing[minimalmodbus-rtu]",
    "test_mutants.py::test_it_finds_what_lives_and_kills_what_a_test_sees",
    "test_matrix.py::test_nothing_grows_in_a_rig_that_rests",
)
"""Single tests that cost seconds each and whose subject the slice shows in another way."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks with `grid` what is left out, before the markers are asked for."""
    seen: dict[str, int] = {}
    for item in items:
        if item.get_closest_marker("grid") is not None or item.get_closest_marker("realtime") is not None:
            continue
        file = next((name for name in EVERY if item.path.as_posix().endswith(name)), "")
        if any(left in item.nodeid for left in LEFT):
            item.add_marker(pytest.mark.grid)
        elif file and "[" in item.nodeid:
            place = seen[file] = seen.get(file, -1) + 1
            if place % EVERY[file]:
                item.add_marker(pytest.mark.grid)
