"""A generator that is not the configured one: FAULT in words that name both, and high voltage on is never on its wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.kernel import Kernels
from controller.requests import Load, Reset
from controller.states import State
from verification.reach import OPERATOR, settle, state, turn_until
from verification.setting import lay_out, prescribed, virtual_rig


@pytest.mark.parametrize(
    ("said", "written", "words"),
    [
        ('model = "XRV100N500"', 'model = "XRV160N500"', "model is 'XRV100N500', the configuration says 'XRV160N500'"),
        ("full_scale_kv = 100.0", "full_scale_kv = 90.0", "kV"),
        ("full_scale_ma = 5.0", "full_scale_ma = 6.0", "mA"),
    ],
)
def test_a_wrong_generator_is_a_fault_that_says_so(
    tmp_path: Path, kernels: Kernels, said: str, written: str, words: str
) -> None:
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020)
    text = setting.rig_file.read_text()
    assert text.count(said) == 1
    setting.rig_file.write_text(text.replace(said, written))
    rig = virtual_rig(setting, kernels)
    try:
        turn_until(rig, State.FAULT, within=500)
        shown = rig.until(lambda s: s.state == "FAULT", 1.0, "a snapshot")
        assert words in shown.first_to_fix
        assert not rig.ask(Reset("service", OPERATOR, "try again")).ok
        assert not rig.ask(Load(prescribed(), OPERATOR)).ok
        rig.press()
        rig.wait(2.0)
        assert state(rig) is State.FAULT
        assert not [what for _, who, what in rig.log() if who == "generator" and "HV" in what]
    finally:
        rig.close()


def test_who_does_not_answer_is_said(tmp_path: Path, kernels: Kernels) -> None:
    """A silent device starts no test anew each tick, so that the words can name it; once it answers, the tests run."""
    setting = lay_out(tmp_path / "rig", tmp_path / "records", "monitor", 15020)
    rig = virtual_rig(setting, kernels, fault="generator-silent")
    try:
        rig.wait(3.0)
        shown = rig.until(lambda s: s.state == "SELF_TEST", 1.0, "a snapshot")
        assert shown.first_to_fix.startswith("the generator does not answer")
        rig.mend("generator-silent")
        assert settle(rig) is State.STANDBY
    finally:
        rig.close()
