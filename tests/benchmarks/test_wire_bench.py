"""The bench's own arithmetic and pages, from made-up times: medians, goals that can be missed, the part of the page, the picture.
No figure of a machine is compared here: those are for make bench-wire."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import react_rows, wire_page
from benchmarks.wire_contest import CONTESTANTS, PROGRAMS, SLAVES, SOURCES, WIRES, Noise, Place
from benchmarks.wire_masters import MASTERS
from benchmarks.wire_page import GOALS, Result

PLACE = Place("apart", "slave on CPU 0, master on CPU 1", 0, 1)
NOISE = Noise(0.25, 0.01, 1.0, 2.0)
US = {"libmodbus-rtu": 10, "kerma-rtu": 20, "pymodbus-sync-rtu": 1000, "c-comma": 10}


def made_up(**us: int) -> Result:
    """Three windows of each: once, twice and five times its time in us."""
    times = {one.name: US.get(one.name, 20) for one in CONTESTANTS} | {
        name.replace("_", "-"): value for name, value in us.items()
    }
    windows = {name: [[value * 1000 * part] * 9 for part in (1, 2, 5)] for name, value in times.items()}
    return wire_page.result(PLACE, windows, NOISE)


def test_a_figure_is_the_median_window_and_the_worst_one_stands_beside_it() -> None:
    figure = made_up().figures["kerma-rtu"]
    assert (figure.median_us, figure.best_us, figure.worst_us, figure.p99_us) == (40.0, 20.0, 100.0, 100.0)


def test_goals_are_those_of_the_issue_and_each_can_be_missed() -> None:
    assert [(goal.ours, goal.other, goal.most) for goal in GOALS] == [
        ("kerma-rtu", "libmodbus-rtu", 4.0),
        ("kerma-rtu", "pymodbus-sync-rtu", 0.1),
        ("kerma-tcp", "libmodbus-tcp", 3.0),
        ("kerma-tcp", "pymodbus-sync-tcp", 1.0),
        ("kerma-comma", "c-comma", 4.0),
    ]
    assert all(held.met for held in made_up().goals)
    assert [held.met for held in made_up(kerma_rtu=41).goals] == [False, True, True, True, True]
    assert [held.met for held in made_up(pymodbus_sync_rtu=199).goals] == [True, False, True, True, True]
    assert [held.met for held in made_up(libmodbus_tcp=6).goals] == [True, True, False, True, True]
    assert [held.met for held in made_up(kerma_tcp=21).goals] == [True, True, True, False, True]
    assert [held.met for held in made_up(kerma_comma=41).goals] == [True, True, True, True, False]


def test_a_missed_goal_stands_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("a\n<!-- measured by make bench-wire -->\nold\n<!-- end of bench-wire -->\nb\n")
    wire_page.write_page(page, wire_page.page_part([made_up(kerma_rtu=41)], {"CPUs": "2"}))
    text = page.read_text()
    assert text.startswith("a\n<!-- measured") and text.endswith("<!-- end of bench-wire -->\nb\n")
    assert "old" not in text
    assert "| RTU read: at most 4 times libmodbus | 4 | 4.1 (4.1) | **no** |" in text
    assert "| Modbus RTU, 20 registers, pty | Kerma | 82 (205; 205) |" in text
    assert "other processes took 25 % of all CPU time, the host 1.0 %" in text
    page.write_text("no markers")
    with pytest.raises(SystemExit, match="0 parts"):
        wire_page.write_page(page, "x")


def test_docs_performance_has_its_part_and_names_the_command() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
    (part,) = (block[0] for block in wire_page.PART.finditer(page.read_text(encoding="utf-8")))
    for one in CONTESTANTS:
        assert f"| {WIRES[one.wire]} | {one.words} |" in part
    for goal in GOALS:
        assert goal.words in part
    assert "`make bench-wire`" in page.read_text(encoding="utf-8")


def test_the_picture_is_whole_and_names_every_master() -> None:
    svg = wire_page.picture([made_up(), made_up()])
    said = [element.text for element in ET.fromstring(svg).iter() if element.text]
    for one in CONTESTANTS:
        assert one.words in said
    assert svg.count("<rect") == 1 + 2 + 2 * len(CONTESTANTS)


def test_json_holds_every_figure() -> None:
    told = json.loads(json.dumps(wire_page.plain([made_up()], {"CPUs": "2"})))
    (place,) = told["places"]
    assert set(place["contestants"]) == {one.name for one in CONTESTANTS}
    assert place["contestants"]["kerma-rtu"]["median_us"] == 40.0
    assert [goal["met"] for goal in place["goals"]] == [True] * len(GOALS)


def test_every_contestant_has_its_program() -> None:
    for one in CONTESTANTS:
        assert one.program[0] in PROGRAMS if one.program else one.name in MASTERS
    assert {path.stem for path in SOURCES.glob("*.c")} == {*PROGRAMS, *react_rows.PROGRAMS, "dose"}
    assert {program for program, *_ in SLAVES.values()} <= set(PROGRAMS)
