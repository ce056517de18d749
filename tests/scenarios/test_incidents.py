"""Incidents of other machines, played on this one: each is answered. The longest are played by make grid.
What each must show stands in verification/incidents/."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from refusal_bench import slice_of

from controller import guards
from controller.kernel import Kernels
from controller.requests import Confirm, Edit, Load, Request
from interlocks import gate
from interlocks.judge import judge
from simulators.room import Room
from verification.hazards_of_incidents import INCIDENTS as HAZARDS
from verification.incident import Incident, Theatre, perform
from verification.incidents import clocks, therac_25, unnoticed_failures, wrong_numbers, yakima
from verification.incidents.table import INCIDENTS, find
from verification.rigs import Choice
from verification.virtual import VirtualRig

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


def _nothing(*_of: Any, **_named: Any) -> None:
    """Done instead of what was to go wrong."""


def _no_fault(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(VirtualRig, "fault", _nothing)


def _no_edit(patch: pytest.MonkeyPatch) -> None:
    sent = therac_25.send

    def send(rig: VirtualRig, request: Request) -> None:
        if not isinstance(request, Edit | Load):
            sent(rig, request)

    patch.setattr(therac_25, "send", send)


def _no_death(patch: pytest.MonkeyPatch) -> None:
    for death in ("kill_host", "freeze_host", "kill_recorder", "stall_recorder", "leave_desk", "fault"):
        patch.setattr(VirtualRig, death, _nothing)


def _no_uptime(patch: pytest.MonkeyPatch) -> None:
    on = VirtualRig.power_on
    patch.setattr(VirtualRig, "power_on", lambda rig, _uptime_s=None: on(rig))


def _no_power_cut(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(VirtualRig, "power_cut", _nothing)
    patch.setattr(VirtualRig, "power_on", _nothing)


WITHOUT: Final[dict[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "tyler": _no_edit,
    "yakima": _no_fault,
    "proceed": _no_fault,
    "malfunction-54": _no_fault,
    "saturated-chamber": _no_fault,
    "removed-interlock": lambda patch: patch.setattr(therac_25, "REMOVED", Choice(generator_wire="tcp")),
    "no-trace": _no_fault,
    "xoft": lambda patch: patch.setattr(wrong_numbers, "XOFT_TIMES", 1.0),
    "costa-rica": lambda patch: patch.setattr(wrong_numbers, "NO_DOSES", ("950.0",)),
    "nucletron": lambda patch: patch.setattr(wrong_numbers, "edit", lambda order, _field, _value: order),
    "bumped-table": _no_fault,
    "no-source": _no_fault,
    "iba": _no_fault,
    "zaragoza": _no_fault,
    "reflexion": _no_power_cut,
    "siemens": _no_fault,
    "infusion-pump": lambda patch: patch.setattr(Room, "release", _nothing),
    "boeing-787": _no_uptime,
    "patriot": _no_uptime,
    "toyota": _no_death,
    "ariane-5": lambda patch: patch.setattr(unnoticed_failures, "raise_in", lambda _part: _nothing),
    "px4": _no_fault,
}
"""Each incident with what goes wrong in it left out."""
SOON: Final = (
    "tyler", "yakima", "removed-interlock", "costa-rica", "nucletron", "no-source", "iba", "zaragoza", "siemens", "px4",
)  # fmt: skip


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", slice_of([one.name for one in INCIDENTS], lambda name: name in SOON))
def test_an_incident_in_which_nothing_goes_wrong_is_called_broken(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """One that holds without what it is about would hold whatever the machine did."""
    WITHOUT[name](monkeypatch)
    wrong = perform(find(name), tmp_path, kernels).wrong
    assert wrong
    assert not [words for words in wrong if "Error: " in words], "it broke down instead of being called broken"


def _a_start_that_asks_no_rule(patch: pytest.MonkeyPatch) -> None:
    asked = guards._confirm

    def confirm(request: Request, stage: Any, readings: Any, verdict: Any, facts: Any) -> Any:
        return asked(request, stage, readings, msgspec.structs.replace(verdict, blocks_start=()), facts)

    patch.setitem(guards._GUARDS, Confirm, confirm)


def _a_door_that_is_not_looked_at_on_every_256th_pass(patch: pytest.MonkeyPatch) -> None:
    passes = 0

    def counted(*of: Any) -> Any:
        nonlocal passes
        passes += 1
        verdict, memory = judge(*of)
        if passes % 256:
            return verdict, memory
        rest = tuple(finding for finding in verdict.findings if finding.rule != "door")
        starts = tuple(rule for rule in verdict.blocks_start if rule != "door")
        return msgspec.structs.replace(verdict, findings=rest, blocks_start=starts, forbids_beam=bool(rest)), memory

    patch.setattr(gate, "judge", counted)


@pytest.mark.parametrize(
    ("take_away", "held"),
    [(_nothing, True), (_a_start_that_asks_no_rule, False), (_a_door_that_is_not_looked_at_on_every_256th_pass, False)],
)
def test_yakima_holds_by_the_door_alone(
    tmp_path: Path,
    kernels: Kernels,
    monkeypatch: pytest.MonkeyPatch,
    take_away: Callable[[pytest.MonkeyPatch], None],
    held: bool,
) -> None:
    """With fewer passes: a confirmation that asks no rule, and a door that is not looked at once in 256 passes, are both called broken."""
    monkeypatch.setattr(yakima, "YAKIMA_STARTS", 3)
    monkeypatch.setattr(yakima, "YAKIMA_PASSES", 300)
    take_away(monkeypatch)
    assert (perform(find("yakima"), tmp_path, kernels).wrong == []) is held


@pytest.mark.parametrize("after_s", [1.0, 18.0])
def test_an_edge_that_lies_outside_the_beam_is_called_broken(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch, after_s: float
) -> None:
    """A clock whose edge is crossed before the beam, or after it, shows nothing."""
    monkeypatch.setattr(clocks, "EDGES", clocks.EDGES[-1:])
    monkeypatch.setattr(clocks, "EDGE_AFTER_BOOT_S", after_s)
    wrong = perform(find("boeing-787"), tmp_path, kernels).wrong
    assert [words for words in wrong if "is not between beam on" in words] == wrong != []


@pytest.mark.parametrize("shuts", [True, False])
def test_ariane_holds_by_the_gate_that_shuts(
    tmp_path: Path, kernels: Kernels, monkeypatch: pytest.MonkeyPatch, shuts: bool
) -> None:
    """A process that ends by an exception and leaves its beam to the lease is called broken."""
    monkeypatch.setattr(unnoticed_failures, "PARTS", unnoticed_failures.PARTS[:1])
    if not shuts:
        monkeypatch.setattr(gate.Gate, "shut", _nothing)
    wrong = perform(find("ariane-5"), tmp_path, kernels).wrong
    assert any("beam off after" in words for words in wrong) is not shuts


def test_every_incident_of_the_hazards_is_played(tmp_path: Path) -> None:
    """Names are those of docs/hazards.md, each once."""
    names = [one.name for one in INCIDENTS]
    assert len(set(names)) == len(names)
    assert set(names) == {row.anchor for row in HAZARDS} == set(WITHOUT)
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
