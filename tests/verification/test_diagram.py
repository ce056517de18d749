"""The picture of the states is the table: drawn anew it is the same file, every pair that moves a state is in it, and a new row without a place is an error."""

import pytest

from controller.states import TRANSITIONS, Event, State
from verification import diagram


def test_the_picture_is_that_of_the_table() -> None:
    """A changed table makes another picture; first: python -m verification.diagram."""
    assert diagram.PICTURE.read_text(encoding="utf-8") == diagram.draw()


def test_every_pair_that_moves_a_state_is_an_arrow_or_a_mark() -> None:
    """Nothing is left out but loops, and nothing is drawn that the table does not say."""
    said = {
        (state, event)
        for state in State
        for letter, _, events, _ in diagram.MARKS
        if letter in diagram.marked(state)
        for event in events
    }
    groups = dict(diagram.GROUPS)
    for (state, _to), words in diagram.arrows().items():
        for word in words:
            said |= {(state, event) for event in groups.get(word, ())} or {(state, Event[word])}
    moves = {(s, e) for s in State for e, to in TRANSITIONS[s].items() if to not in (None, s)}
    assert said == moves


def test_an_arrow_without_a_place_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is new to the table cannot be forgotten in the picture."""
    monkeypatch.setitem(TRANSITIONS[State.FAULT], Event.LOAD, State.PREPARATORY)
    with pytest.raises(ValueError, match="FAULT to PREPARATORY"):
        diagram.draw()
