"""`kerma drivers` and `kerma drivers show`: every driver with all that it can and cannot do, and a plan whose figures are those that refuse a slow rig.
The figures are worked out by hand from the wire's speed, or compared with what `kerma run` says of the same rig."""

from __future__ import annotations

import copy
import json
import os
import pty
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pytest
from desk_by_hand import EXAMPLES, dumped
from typer.testing import CliRunner, Result

from console import cli, configuration, run
from console.drivers import listed as drivers
from console.drivers import plan as driver_plan
from console.exit_codes import Exit
from hal import registry
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from interlocks.look import SLOW
from interlocks.rules import T1_S, TABLE

ALL = [
    (kind, name)
    for kind, group in (
        ("generator", registry.GENERATORS),
        ("safety unit", registry.SAFETY_UNITS),
        ("electrometer", registry.ELECTROMETERS),
    )
    for name in registry.names(group)
]
SHOWN = [
    (name, baud)
    for kind, name in ALL
    if kind != "electrometer"
    for baud in (0, 9600, 115200)
    if any((wire == "tcp") is (baud == 0) for wire in drivers.wires_of(kind, name))
    if kind != "generator" or baud <= registry.generator(name).baud_most
]


def kerma(*arguments: str) -> Result:
    return CliRunner().invoke(cli.build(arguments), list(arguments))


def test_every_installed_driver_is_listed_with_every_capability() -> None:
    rows = json.loads(kerma("drivers", "--json").output)
    assert [(row["kind"], row["name"]) for row in rows] == ALL
    for row in rows:
        facts = row["capabilities"]
        if row["kind"] == "generator":
            driver = registry.generator(row["name"])
            assert facts["exposure_timer"] is driver.exposure_timer
            assert (facts["wire_watchdog_s"], facts["wire_watchdog_least_s"]) == (
                driver.wire_watchdog_s,
                driver.wire_watchdog_least_s,
            )
            assert facts["set_point_read_back"] is driver.set_point_read_back
            assert facts["identifies"] is driver.identifies
            assert (tuple(facts["unsolicited"]), tuple(facts["wires"])) == (driver.unsolicited, driver.wires)
            assert facts["checksum_words"] == driver.checksum.value and facts["faults"] == len(driver.faults)
        if row["kind"] == "safety unit":
            unit = registry.safety_unit(row["name"])
            assert [facts[name] for name in ("exposure_timer", "lease", "second_contactor", "count_limits")] == [
                unit.hardware_timer,
                unit.lease,
                unit.second_contactor,
                unit.count_limits,
            ]
        if row["kind"] == "electrometer":
            meter = registry.electrometer(row["name"])
            assert (facts["interval_most_s"], facts["zeroes"]) == (meter.interval_most_s, meter.zeroes)
            assert (tuple(facts["ranges"]), tuple(facts["wires"])) == (meter.ranges, meter.wires)
            assert facts["overload"] and facts["units"] == [unit.value for unit in meter.units]
        assert row["clinical"] is not bool(row["bench_only_because"]) and not row["broken"]


def test_the_table_is_eighty_columns_wide_and_says_why_a_driver_is_for_the_bench() -> None:
    """Each driver's row holds its use; what has no room is said below, in words."""
    said = kerma("drivers").output
    assert max(map(len, said.splitlines())) <= 80
    rows = {line.split()[0]: line for line in reversed(said.splitlines()) if line.strip()}
    assert rows["spellman-xrv"].split() == [
        "spellman-xrv",
        "no",
        "none",
        "yes",
        "yes",
        "no",
        "6",
        "bit",
        "line",
        "net",
        "27",
        "clinical",
    ]
    assert rows["technix"].split()[-1] == "bench" and rows["kerma-unit"].split()[-1] == "clinical"
    flat = " ".join(said.split())
    assert "technix is for the bench only: it lacks set-point read-back" in flat
    assert "none: HV stays on if the host dies, the safety unit ends it" in flat
    assert "spellman-ux says by itself: 22 when" in flat


def test_a_driver_that_cannot_be_loaded_is_words_and_breaks_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's package, half removed: the rest of the list stands."""
    broken = EntryPoint("broken-hv", "no_such_room.driver:DRIVER", registry.GENERATORS)

    def points(group: str) -> list[EntryPoint]:
        return [*entry_points(group=group), *([broken] if group == registry.GENERATORS else [])]

    monkeypatch.setattr(registry, "entry_points", points)
    said = kerma("drivers")
    assert said.exit_code == 0 and "spellman-xrv" in said.output
    flat = " ".join(said.output.split())
    assert "broken-hv (generator) cannot be loaded (No module named 'no_such_room')" in flat and "first:" in flat
    row = {row["name"]: row for row in json.loads(kerma("drivers", "--json").output)}["broken-hv"]
    assert row["broken"] and row["clinical"] is False


@pytest.mark.parametrize("baud", [0, 9600, 115200])
def test_an_electrometer_is_shown_with_its_plan_and_stands_under_no_rule(baud: int) -> None:
    said = kerma("drivers", "show", "ptw-unidos", "--baud", str(baud))
    assert said.exit_code == 0 and max(map(len, said.output.splitlines())) <= 80
    assert "no rule of a beam stands on it" in said.output
    shown = json.loads(kerma("drivers", "show", "ptw-unidos", "--baud", str(baud), "--json").output)
    assert shown["baud"] == baud and set(shown["worst_age_s"]) == {"reading", "range", "interval", "zero"}
    value = next(poll for poll in shown["polls"] if poll["name"] == "value")
    assert value["takes_s"] == pytest.approx(0.002 + (84 * 10 / baud if baud else 0.0))


def test_a_line_faster_than_the_device_speaks_is_refused() -> None:
    """A plan at a speed that the device does not have would keep T1 on paper only."""
    said = kerma("drivers", "show", "seifert-3003", "--baud", "115200")
    assert said.exit_code == Exit.USAGE and "speaks at 9600 baud at most" in " ".join(said.output.split())
    row = next(row for row in drivers.listed() if row.name == "seifert-3003")
    assert row.bench_only_because == ("a wire that keeps T1",)


def test_readings_that_are_typed_in_have_no_plan() -> None:
    said = kerma("drivers", "show", "manual")
    assert said.exit_code == Exit.USAGE and "typed in" in said.output


@pytest.mark.parametrize(("name", "baud"), SHOWN, ids=[f"{name}-{baud}" for name, baud in SHOWN])
def test_every_driver_is_shown_on_each_of_its_wires(name: str, baud: int) -> None:
    """The table fits 80 columns; every rule that ends a beam is there, with its figure or why it has none."""
    said = kerma("drivers", "show", name, "--baud", str(baud))
    assert said.exit_code == 0 and max(map(len, said.output.splitlines())) <= 80, said.output
    shown = json.loads(kerma("drivers", "show", name, "--baud", str(baud), "--json").output)
    assert [row["rule"] for row in shown["rules"]] == [row.id for row in TABLE if row.while_beam]
    for row, rule in zip(shown["rules"], (row for row in TABLE if row.while_beam), strict=True):
        without = not rule.needs or bool(rule.needs & SLOW) or row["words"] == "NOT FITTED"
        assert (row["kept"] is None) is without, row
        assert row["words"] != "NOT FITTED" or rule.stands_on, row
        assert row["kept"] is None or row["kept"] is (row["worst_s"] <= T1_S)
    assert shown["worst_age_s"] and shown["off_s"] >= 0 and shown["together_with"]
    for poll in shown["polls"]:
        line_s = 10 * (poll["sends_b"] + poll["answers_b"]) / baud if baud else 0.0
        assert poll["takes_s"] == pytest.approx(poll["turnaround_s"] + line_s)


def test_an_xrv_s_plan_at_9600_by_hand() -> None:
    """19 is 5 bytes there and 45 back: 50 x 10 bits / 9600 = 52.1 ms, with 2 ms turnaround 54.1. An off waits for twice 7 bytes, 14.6 ms,
    and a rule on a monitor that may be 260 ms old reacts within 275 ms."""
    said = kerma("drivers", "show", "spellman-xrv", "--baud", "9600").output
    rows = [line.split() for line in said.splitlines()]
    assert ["monitor", "in", "turn", "5", "45", "52.1", "ms", "54.1", "ms"] in rows
    assert ["monitor", "260", "ms"] in rows and ["an", "off", "waits", "at", "most", "14.6", "ms"] in rows
    assert ["kv_high", "monitor", "275", "ms", "BROKEN"] in rows and ["door", "unit", "27", "ms", "kept"] in rows
    assert "on a rig of spellman-xrv and kerma-unit over TCP" in said
    assert "clinical = true is refused" in said


def test_the_rate_from_which_t1_is_kept_is_named() -> None:
    """By the XRB80's plan a rule waits 112 ms at 100 Hz; at 125 Hz T1 is kept, and on a line of 9600 baud at no rate."""
    plan = driver_plan.plan("spellman-xrb80", 115200)
    assert "a loop of 125 Hz keeps it" in " ".join(driver_plan.verdict(plan))
    assert "is kept by all" in " ".join(driver_plan.verdict(driver_plan.plan("spellman-xrb80", 115200, tick_hz=125.0)))
    flat = " ".join(kerma("drivers").output.split())
    assert "spellman-xrb80 keeps T1 only from a loop of 125 Hz on" in flat and "spellman-xrv keeps T1" not in flat
    rows = {row["name"]: row["t1_kept_from_hz"] for row in json.loads(kerma("drivers", "--json").output)}
    assert (rows["spellman-xrb80"], rows["spellman-xrv"], rows["kerma-unit"]) == (125.0, 100.0, 100.0)
    assert driver_plan.kept_from_hz("spellman-xrb80", 9600, 2.0) is None


def test_what_is_over_its_bound_never_reads_as_being_on_it() -> None:
    """100.4 ms is shown as 101: a worst case is rounded up, here and where a clinical rig is refused."""
    assert driver_plan.worst_ms(0.1004) == "101 ms" and driver_plan.worst_ms(0.1) == "100 ms"
    assert "For the bench only, whatever the line" in " ".join(driver_plan.verdict(driver_plan.plan("technix", 9600)))


@pytest.mark.parametrize(("name", "words"), [("spellman-xrb80", "bound 500 ms"), ("wago-750", "bound 7 ticks")])
def test_what_a_run_would_refuse_is_said_with_value_and_bound(name: str, words: str) -> None:
    shown = driver_plan.plan(name, None, tick_hz=20.0)
    assert words in driver_plan.verdict(shown)[-1] and driver_plan.values(shown)["refused_because"]
    assert driver_plan.values(driver_plan.plan(name, None, tick_hz=25.0))["refused_because"] == []


def test_a_faster_loop_and_a_slower_device_change_the_plan() -> None:
    """Both options reach the arithmetic: shorter ticks make values younger, a slow device older."""
    usual = driver_plan.plan("spellman-xrv", 115200)
    assert driver_plan.plan("spellman-xrv", 115200, tick_hz=500.0).worst_age_s["monitor"] < usual.worst_age_s["monitor"]
    slow = driver_plan.plan("spellman-xrv", 115200, turnaround_ms=20.0)
    assert slow.worst_age_s["monitor"] > usual.worst_age_s["monitor"]
    unit = driver_plan.plan("kerma-unit", 0, turnaround_ms=8.0)
    assert unit.worst_age_s["unit"] == unit.capabilities.worst_age_s["unit"] == pytest.approx(0.018)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nobody",), "not installed"),
        (("spellman-xrv", "--baud", "9601"), "none of 1200"),
        (("spellman-xrb011", "--baud", "9600", "--tick-hz", "0"), "--tick-hz 0 is outside 10 to 1000"),
        (("spellman-xrv", "--turnaround-ms", "nan"), "--turnaround-ms nan is outside"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(arguments: tuple[str, ...], says: str) -> None:
    said = kerma("drivers", "show", *arguments)
    assert said.exit_code == Exit.USAGE and says in said.stderr


def test_a_wire_that_a_driver_does_not_speak_on_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"speaks on tty only.*first: give --baud 115200"):
        driver_plan.wire_of("one", ("tty",), 0, 100.0, 2.0)
    with pytest.raises(ConfigurationError, match=r"speaks on tcp only.*first: leave --baud out"):
        driver_plan.wire_of("one", ("tcp",), 9600, 100.0, 2.0)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The example's rig, its generator on a pseudo-terminal."""
    master, slave = pty.openpty()
    (tmp_path / "generator").symlink_to(os.ttyname(slave))
    document = copy.deepcopy(tomllib.loads((EXAMPLES / "rig.toml").read_text()))
    for key in ("file", "signer_public_key"):
        document["certificate"][key] = str(EXAMPLES / document["certificate"][key])
    document["generator"]["link"] = "pty:generator"
    document["paths"] = {"shm": "shm", "desk": "meet/desk.sock", "stop": "meet/stop.sock"}
    yield document
    os.close(master)
    os.close(slave)


def test_a_clinical_rig_whose_plan_breaks_t1_is_refused_with_rule_and_figure(
    tmp_path: Path, rig: dict[str, Any]
) -> None:
    """XRV at 9600: refused in the words that `show` gives, rule by rule; at 115200 nothing is said."""
    rig["rig"]["clinical"] = True
    rig["daily"] = {**rig.get("daily", {}), "time_zone": "UTC"}
    path = tmp_path / "rig.toml"
    rig["generator"]["baud"] = 9600
    path.write_text(dumped(rig))
    with pytest.raises(ConfigurationError) as caught:
        run.prepared(configuration.load(path, os.getuid()), SystemClock(), "i")
    words = str(caught.value)
    assert "rig.clinical = true" in words and "kv_high: worst reaction 275 ms, bound 100 ms" in words
    turnaround_ms = rig["generator"]["turnaround_ms"]
    shown = driver_plan.reactions(driver_plan.plan("spellman-xrv", 9600, turnaround_ms=turnaround_ms))
    for each in shown:
        said = f"{each.rule}: worst reaction" in words
        assert said is (each.kept is False), each
    rig["generator"]["baud"] = 115200
    rig["rig"]["clinical"] = False
    path.write_text(dumped(rig))
    assert run.prepared(configuration.load(path, os.getuid()), SystemClock(), "i").notes == ()
