"""The command line: names, help, exit codes of refused input, and that STOP loads nothing that it does not need.
Commands run in this process through typer's own runner, or as processes where imports are what is asked."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path

import pytest
from desk_by_hand import EXAMPLES, dumped
from typer.testing import CliRunner, Result

from console import cli
from console.calibrate import simulated_hand
from console.exit_codes import Exit


def kerma(*arguments: str) -> Result:
    return CliRunner().invoke(cli.build(arguments), list(arguments))


OWN = ("run", "treat", "stop", "status", "reset", "close", "records", "drivers", "doctor", "wire")


def test_help_names_every_command_and_every_exit_code() -> None:
    shown = kerma("--help").output
    for name in (*OWN, "sim", "inject", "demo"):
        assert name in shown, name
    for code in Exit:
        assert code.name in shown, code
    assert "Not a certified medical device" in shown


@pytest.mark.parametrize("command", OWN)
def test_every_command_has_help(command: str) -> None:
    result = kerma(command, "--help")
    assert result.exit_code == 0 and "Usage" in result.output


def test_version() -> None:
    result = kerma("--version")
    assert result.exit_code == 0 and result.output.strip() == f"kerma {version('kerma')}"


@pytest.mark.parametrize(
    "arguments",
    [("nothing-of-the-kind",), ("treat",), ("run",), ("stop", "--yes"), ("drivers", "show"), ("run", "--config")],
)
def test_what_is_no_command_line_ends_with_usage(arguments: Sequence[str]) -> None:
    assert kerma(*arguments).exit_code == Exit.USAGE


@pytest.mark.parametrize("arguments", [("run",), ("status",), ("doctor",), ("treat", str(EXAMPLES / "short.toml"))])
def test_a_bad_rig_file_is_words_and_usage_not_a_traceback(tmp_path: Path, arguments: Sequence[str]) -> None:
    bad = tmp_path / "rig.toml"
    bad.write_text("[rig]\nname = 3\n")
    result = kerma(*arguments, "--config", str(bad))
    assert result.exit_code == Exit.USAGE
    assert "rig.name = 3" in result.stderr and "Traceback" not in result.output


def test_an_unknown_driver_is_words_and_usage() -> None:
    result = kerma("drivers", "show", "nobody")
    assert result.exit_code == Exit.USAGE and "not installed" in result.stderr


def test_drivers_and_their_poll_plans() -> None:
    assert "spellman-xrv" in kerma("drivers").output and "kerma-unit" in kerma("drivers").output
    fast, slow = kerma("drivers", "show", "spellman-xrv"), kerma("drivers", "show", "spellman-xrv", "--baud", "9600")
    assert fast.exit_code == slow.exit_code == 0 and "monitor" in fast.output and fast.output != slow.output
    assert kerma("drivers", "show", "kerma-unit", "--baud", "0", "--json").exit_code == 0


def real_rig(tmp_path: Path) -> Path:
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    del document["simulated"]
    document["rig"]["simulated"] = False
    document["generator"]["link"] = "tty:/dev/kerma-generator"
    document["safety_unit"] |= {"link": "tcp:192.168.1.5:502", "site_key_file": "site.key"}
    path = tmp_path / "rig.toml"
    path.write_text(dumped(document))
    return path


def test_yes_is_refused_on_a_rig_that_is_not_simulated(tmp_path: Path) -> None:
    """A machine that makes X-rays is confirmed by a person."""
    result = kerma("treat", str(EXAMPLES / "short.toml"), "--config", str(real_rig(tmp_path)), "--yes")
    assert result.exit_code == Exit.USAGE and "--yes" in result.stderr and "simulated = false" in result.stderr


def test_a_piped_yes_is_refused_on_a_rig_that_is_not_simulated(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli.build(("treat",)),
        ["treat", str(EXAMPLES / "short.toml"), "--config", str(real_rig(tmp_path))],
        input="yes\n",
    )
    assert result.exit_code == Exit.USAGE and "no terminal" in result.stderr


@pytest.mark.parametrize(("options", "says"), [(["--resume"], "--reason"), (["--physicist"], "--resume")])
def test_options_that_belong_together(options: list[str], says: str) -> None:
    result = kerma("treat", str(EXAMPLES / "short.toml"), "--config", str(EXAMPLES / "rig.toml"), *options)
    assert result.exit_code == Exit.USAGE and says in result.stderr


def test_a_command_of_another_room_that_cannot_be_loaded_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoint("broken", "no_such_room.cli:run", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [broken, *entry_points(group=group)])
    assert "broken" in kerma("--help").output
    result = kerma("broken")
    assert result.exit_code == Exit.USAGE and "cannot be loaded" in result.stderr
    assert kerma("--version").exit_code == 0


def test_stop_loads_no_file_reader_no_driver_no_kernel_and_no_other_room() -> None:
    """What STOP does not load cannot keep it from going out."""
    program = (
        "import sys, runpy; sys.argv = ['kerma', 'stop', '--help']\n"
        "from console import cli, stop\n"
        "app = cli.build(sys.argv[1:])\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run(
        [sys.executable, "-P", "-c", program], capture_output=True, text=True, timeout=30, check=True
    ).stdout
    for module in (
        "pydantic",
        "numba",
        "numpy",
        "serial",
        "pymodbus",
        "sqlalchemy",
        "cryptography",
        "simulators",
        "verification",
        "records",
    ):
        assert f"'{module}'" not in shown, module


def test_a_simulated_hand_says_what_went_wrong(tmp_path: Path) -> None:
    words = simulated_hand.act(tmp_path / "none.sock", "press", 0.2)
    assert "does not do 'press'" in words and "kerma sim" in words
