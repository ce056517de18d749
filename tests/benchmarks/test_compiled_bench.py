"""The bench of compiled modules believes no player that has died, and says so where the compiled world went another way.
It compiles nothing here and compares no figure of a machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import compiled
from benchmarks.compiled import PACKAGES, ROOT, Window, copied, main, window


def _says(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_a_window_is_what_the_player_says_and_a_dead_player_has_none() -> None:
    process = _says("input(); print('412.5 abc', flush=True); input()")
    assert window(process) == Window(412.5, "abc")
    with pytest.raises(SystemExit, match="ended before its windows"):
        window(process)
    process.communicate()


@pytest.mark.parametrize(("digest", "code", "words"), [("a", 0, "the same way"), ("b", 1, "WENT ANOTHER WAY")])
def test_two_worlds_that_differ_end_in_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digest: str, code: int, words: str
) -> None:
    monkeypatch.setattr(compiled, "compare", lambda *_: [(Window(400.0, "a"), Window(200.0, digest))])
    assert main(["simulators/plant.py"]) == code
    said = capsys.readouterr().out
    assert words in said and "times as fast: 2.00" in said


@pytest.mark.parametrize("chosen", [["--windows", "0"], ["--windows", "100", "--ticks", "1000"]])
def test_windows_that_the_beam_does_not_hold_are_refused(chosen: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(chosen)
    assert "longer than the beam" in capsys.readouterr().err


def test_the_copy_holds_every_package_and_the_sources_are_left_alone(tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree", [])
    assert sorted(found.name for found in tree.iterdir()) == sorted(PACKAGES)
    assert (tree / "simulators" / "plant.py").read_bytes() == (ROOT / "simulators" / "plant.py").read_bytes()
