"""Hold-to-run: the beam is on as long as the switch is held, and a switch that is let go ends it like a door."""

from pathlib import Path

import pytest

from controller.kernel import Kernels
from controller.requests import Edit
from verification.reach import exposures
from verification.scenarios import beam_off_after, ended, in_state, to_ready
from verification.setting import lay_out, prescribed, virtual_rig
from verification.virtual import VirtualRig


@pytest.fixture
def held(tmp_path: Path, kernels: Kernels) -> VirtualRig:
    """The example rig with its switch committed as hold-to-run."""
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020)
    text = setting.rig_file.read_text(encoding="utf-8")
    setting.rig_file.write_text(text.replace("[safety_unit]\n", '[safety_unit]\nswitch = "hold"\n'), encoding="utf-8")
    return virtual_rig(setting, kernels)


def test_a_switch_that_is_held_to_the_end_gives_the_whole_fraction(held: VirtualRig) -> None:
    """Held all the while: the unit's preset ends it."""
    to_ready(held, prescribed(300.0))
    held.room(switch=True)
    end = ended(held, 30.0)
    assert (end.state, end.ended.event if end.ended else "") == ("TERMINATED", "DOSE_END")
    held.close()


def test_a_switch_that_is_let_go_ends_the_beam_and_a_new_press_does_not_bring_it_back(held: VirtualRig) -> None:
    """Off within 100 ms and the contactor's time; pressing again starts nothing."""
    to_ready(held, prescribed(300.0))
    held.room(switch=True)
    held.until(in_state("IRRADIATING"), 4.0, "IRRADIATING")
    held.wait(1.0)
    let_go = held.now_s()
    held.room(switch=False)
    end = ended(held)
    assert end.state == "INTERRUPTED"
    off = beam_off_after(held, let_go)
    assert off is not None
    assert off <= 0.2
    held.room(switch=True)
    held.wait(3.0)
    assert not held.truth()["hv_on"]
    held.close()


def test_a_press_that_is_let_go_between_two_looks_ends_ready_at_once_and_its_counts_are_the_record_s(
    held: VirtualRig,
) -> None:
    """4 ms: RUN is never read. The screen does not go on to say that the next press starts the beam, but what happened and what to do; once unloaded, the
    exposure has its end by what the unit counted, and the fraction is given."""
    to_ready(held, prescribed(300.0))
    held.wait(0.5)
    held.room(switch=True)
    held.world.advance(held.world.now_us + 4_000)
    held.room(switch=False)
    shown = held.until(in_state("PREPARATORY"), 0.03, "the end of READY")
    assert "SWITCH: the beam-on switch was let go" in shown.notice
    held.wait(0.5)
    shown = held.snapshot()
    assert shown is not None
    assert "the unit ran in it; first: unload" in shown.first_to_fix and shown.offer is None
    held.press()
    held.wait(1.0)
    assert not held.truth()["hv_on"]
    unit = held.world.unit.nv
    counted = (unit.retained_token, unit.beam_ms / 1000.0, unit.counts_1, unit.counts_2)
    assert held.ask(Edit()).ok
    held.wait(3.0)
    (end,) = exposures(held)
    assert (end["token"], end["beam_s"], end["counts_1"], end["counts_2"]) == counted
    assert end["outcome"] == ("INTERRUPTED" if any(counted[1:]) else "VOID") and end["cause"] == "SWITCH"
    shown = held.snapshot()
    assert shown is not None
    to_ready(held, prescribed(300.0), "let go too early" if shown.open_fractions else "")
    held.room(switch=True)
    assert ended(held, 30.0).state == "TERMINATED"
    held.close()
