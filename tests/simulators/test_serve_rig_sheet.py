"""The rig file as the simulators read it: what they need is checked and named in words, what is others' is left alone, and a real rig is refused.
Nothing is opened here."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.rig_sheet import parse_link, read

GOOD = """
[rig]
name = "demo"
simulated = true
tick_hz = 100
[generator]
driver = "spellman-xrv"
link = "pty:../var/generator"
baud = 9600
[safety_unit]
driver = "kerma-unit"
link = "tcp:127.0.0.1:15020"
[simulated]
control = "c.sock"
seed = 5
site_key_hex = "000102030405060708090a0b0c0d0e0f"
[records]
dir = "elsewhere"
"""


def test_a_good_sheet(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(GOOD)
    sheet = read(path)
    assert (sheet.name, sheet.generator_baud, sheet.unit_baud, sheet.seed) == ("demo", 9600, 115200, 5)
    assert sheet.generator.path == tmp_path / "../var/generator"
    assert (sheet.unit.host, sheet.unit.port) == ("127.0.0.1", 15020)
    assert sheet.site_key == bytes(range(16))
    assert sheet.unit_memory is None


def test_the_example_rig_is_a_good_sheet() -> None:
    sheet = read(Path(__file__).parents[2] / "examples" / "rig.toml")
    assert sheet.control is not None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("simulated = true", "simulated = false", "real rig"),
        ("simulated = true", "simulated = 1", "simulated"),
        ("simulated = true\n", "", "simulated"),
        ("[simulated]", "[simulatedd]", "simulated"),
        ("seed = 5", "seed = -1", "outside"),
        ("seed = 5", "seed = 1.5", "seed"),
        ("seed = 5", "seed = true", "seed"),
        ("seed = 5", "sed = 5", "sed"),
        ("baud = 9600", "baud = 99999999", "outside"),
        ("000102030405060708090a0b0c0d0e0f", "0001", "16 bytes"),
        ("000102030405060708090a0b0c0d0e0f", "zz", "16 bytes"),
        ("pty:../var/generator", "tty:/dev/ttyS0", "simulator can serve"),
        ("tcp:127.0.0.1:15020", "socket:127.0.0.1:15020", "terminal server"),
        ("tcp:127.0.0.1:15020", "tcp:127.0.0.1:99999", "simulator can serve"),
        ("tcp:127.0.0.1:15020", "tcp:127.0.0.1", "simulator can serve"),
        ('driver = "kerma-unit"', 'driver = "pilz-pnoz"', "no simulator"),
        (
            'driver = "kerma-unit"\nlink = "tcp:127.0.0.1:15020"',
            'driver = "wago-750"\nlink = "pty:unit"',
            "network only",
        ),
        ('name = "demo"', "name = 3", "name"),
        ("[rig]", "[rig", "TOML"),
    ],
)
def test_a_bad_sheet_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "rig.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(ValueError, match=said) as error:
        read(path)
    assert str(path) in str(error.value)


METER = """
[electrometer]
driver = "ptw-unidos"
link = "pty:../var/meter"
model = "UNIDOS Tango"
"""


def test_a_sheet_may_have_an_electrometer(tmp_path: Path) -> None:
    """At its usual 9600 baud if none is written; one without a link is read by a person, and there is nothing to serve."""
    path = tmp_path / "rig.toml"
    path.write_text(GOOD)
    assert read(path).electrometer is None
    path.write_text(GOOD + METER)
    meter = read(path).electrometer
    assert meter is not None and (meter.device, meter.baud) == ("ptw-unidos", 9600)
    assert meter.link.path == tmp_path / "../var/meter"
    path.write_text(GOOD + METER.replace('link = "pty:../var/meter"\n', "baud = 19200\n"))
    assert read(path).electrometer is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("ptw-unidos", "keithley", "no simulator"), ("pty:../var", "tty:/dev", "simulator can serve"), ("", "", "")],
)
def test_a_bad_electrometer_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(GOOD + METER.replace(old, new) if said else "electrometer = 3\n" + GOOD)
    with pytest.raises(ValueError, match=r"\[electrometer\].*" + said):
        read(path)


@pytest.mark.parametrize("text", ["", "pty:", "pty", "tcp:", "tcp::1", "tcp:h:x", "tty:/dev/x", "udp:1.2.3.4:5"])
def test_links_that_no_simulator_serves(text: str) -> None:
    with pytest.raises(ValueError, match="simulator can serve"):
        parse_link(text, Path())


def test_a_bench_is_there_only_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(GOOD)
    assert read(path).laboratory is None
    path.write_text(GOOD.replace("seed = 5", "seed = 5\nlaboratory = 0"))
    assert read(path).laboratory == 0
    for wrong in ("laboratory = true", "laboratory = -1", 'laboratory = "7"'):
        path.write_text(GOOD.replace("seed = 5", f"seed = 5\n{wrong}"))
        with pytest.raises(ValueError, match="laboratory"):
            read(path)
