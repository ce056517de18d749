"""Incidents of other machines, played on this one: each is answered. The longest are played by make grid.
What each must show stands in verification/incidents.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusal_bench import slice_of

from controller.kernel import Kernels
from verification.hazards_of_incidents import INCIDENTS as HAZARDS
from verification.incident import Incident, Theatre, perform
from verification.incidents import INCIDENTS, find

IN_TEST = (
    "proceed", "malfunction-54", "removed-interlock", "no-trace", "xoft", "costa-rica", "no-source", "siemens", "infusion-pump", "px4",
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", slice_of([one.name for one in INCIDENTS], lambda name: name in IN_TEST))
def test_an_incident_is_answered(tmp_path: Path, kernels: Kernels, name: str) -> None:
    """Nothing wrong, and something seen: an incident that shows nothing was not played."""
    theatre = perform(find(name), tmp_path, kernels)
    assert theatre.wrong == []
    assert theatre.seen


def test_every_incident_of_the_hazards_is_played(tmp_path: Path) -> None:
    """Names are those of docs/hazards.md, each once."""
    names = [one.name for one in INCIDENTS]
    assert len(set(names)) == len(names)
    assert set(names) == {row.anchor for row in HAZARDS}
    assert all(row.scenario == row.anchor for row in HAZARDS)


def test_what_was_waited_for_in_vain_is_wrong(tmp_path: Path, kernels: Kernels) -> None:
    """A play that cannot go on, and a rig that is left in beam, are told."""

    def waits(theatre: Theatre) -> None:
        theatre.rig().until(lambda shown: shown.state == "IRRADIATING", 0.1, "a beam that nobody began")

    stuck = perform(Incident("x", "", "", waits), tmp_path / "a", kernels)
    assert any("a beam that nobody began" in words for words in stuck.wrong)
    unseen = perform(Incident("x", "", "", lambda theatre: theatre.rig().wait(0.1)), tmp_path / "b", kernels)
    assert unseen.wrong == ["nothing was seen: it was not played", "1 rigs were never judged"]
    escaped = perform(Incident("x", "", "", lambda theatre: theatre.rig().room(nonsense=1)), tmp_path / "c", kernels)
    assert escaped.wrong
    with pytest.raises(ValueError, match="there are: tyler"):
        find("nothing")
