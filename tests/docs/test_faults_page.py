"""The table of every fault id (docs/hazards.md): none is left out, each has words, and what it says of an id is what the matrix plays."""

from __future__ import annotations

import pytest

from controller.states import State
from verification import faults_page, hazards, pages
from verification.fault_ids import FAULT_IDS, FIRST, SHOWN_BY
from verification.matrix import cells

ROWS = dict(zip(FAULT_IDS, faults_page.fault_rows(), strict=True))
PAGE = (pages.DOCS / "hazards.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("fault_id", FAULT_IDS)
def test_every_fault_id_has_its_row(fault_id: str) -> None:
    """Id, words, injections by their names or how many, and what shows it."""
    row, injections = ROWS[fault_id], FAULT_IDS[fault_id]
    assert len(row) == len(faults_page.HEADS) and all(row)
    assert row[0] in (fault_id, f"[{fault_id}](hazards.md#fault-{fault_id.lower()})")
    assert len(row[1]) > 8 and pages.table(faults_page.HEADS, [row]).splitlines()[-1] in PAGE
    named = [one.name for one in injections if f"`{one.name}`" in row[2]]
    assert len(named) == len(injections) or f"and {len(injections) - len(named)} more" in row[2]
    assert (f"({len(cells(fault_id))} cells)" in row[-1]) if injections else ("cells" not in row[-1])
    assert row[-1] != "-" and all(
        hazards.test_wrong(test.removeprefix("tests/")) == "" for test in SHOWN_BY.get(fault_id, ())
    )


def test_words_stand_once() -> None:
    """An id has the words of its hazard's row, or its own here, never both; and none stands here that is no id."""
    of_a_row = {hazard.id.removeprefix("fault-") for hazard in hazards.HAZARDS if hazard.id.startswith("fault-")}
    assert set(faults_page.WHAT) == set(FAULT_IDS) - of_a_row
    assert of_a_row <= set(FAULT_IDS)


def test_a_fault_id_without_words_or_a_bound_is_not_made_up() -> None:
    """A new id fails here until it has words; one that ends a beam in its time says the time, and one that does not says so."""
    with pytest.raises(KeyError):
        faults_page.what_breaks("L99")
    assert ROWS["I9"][4] == "0.25 s" and ROWS["H1"][4] == "it may go on"
    assert ROWS["G6"][4].endswith("it may go on with some")
    assert ROWS["L15"][2].startswith("nothing") and ROWS["L15"][3:6] == ("-", "-", "-")


def test_who_may_be_first_is_who_the_matrix_lets_be() -> None:
    """Each rule and cause that the matrix names for an injection stands in its row; an injection that is bound to nobody says so."""
    assert {"unit:DOOR", "door"} == set(FIRST["door-open"])
    assert "[`unit:DOOR`]" in ROWS["I1"][5] and "[`door`](interlocks.md#door)" in ROWS["I1"][5]
    assert "[`applicator_contact`]" in ROWS["I8"][5] and "anybody" not in ROWS["I8"][5]
    assert ROWS["O3"][5] == "anybody may be first" and ROWS["G3"][5].count("`beam_lost`") == 1


def test_how_many_are_played_where() -> None:
    """README and docs/safety.md say how many fault ids and injections are played in how many states; it is counted here."""
    every = [one for injections in FAULT_IDS.values() for one in injections]
    everywhere = sum(all(one.applies(at) for at in State) for one in every)
    by_id = [
        all(any(one.applies(at) for one in injections) for at in State)
        for injections in FAULT_IDS.values()
        if injections
    ]
    readme = " ".join((pages.ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(by_id)} of {len(FAULT_IDS)} ids, {len(every)} ways to inject them, {len(cells())} cells" in readme
    assert (
        f"{sum(by_id)} ids in each of the twelve states by one injection or another, {everywhere} injections in each of them"
        in readme
    )
    safety = " ".join((pages.DOCS / "safety.md").read_text(encoding="utf-8").split())
    assert (
        f"Of {len(FAULT_IDS)} named faults {sum(by_id)} are met in every state by at least one of their injections"
        in safety
    )
    assert f"{len(by_id) - sum(by_id)} in the states in which they mean something" in safety
    assert f"{len(FAULT_IDS) - len(by_id)} have tests of their own" in safety
