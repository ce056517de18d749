"""The search of everything that the shipped program can do in a small world: complete, no law broken, and every law can be broken."""

import pytest

from controller.states import State
from verification.explore import explore


def test_without_a_fault_nothing_is_broken_and_every_state_but_stuck_on_is_reached() -> None:
    """People and devices alone, in any order: the search ends, the laws hold, and nothing passes because it was never reached."""
    found = explore(0)
    assert found.complete
    assert found.broken == []
    assert set(found.reached) == {state.name for state in State} - {"STUCK_ON"}


@pytest.mark.grid
@pytest.mark.timeout(900)
def test_with_one_fault_nothing_is_broken_and_every_state_is_reached() -> None:
    """One fault of each kind at every place: the laws hold, and STUCK_ON is reached and left."""
    found = explore(1)
    assert found.complete
    assert found.broken == []
    assert set(found.reached) == {state.name for state in State}
