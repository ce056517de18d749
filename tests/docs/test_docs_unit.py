"""docs/safety-unit.md, the simulated unit's map and the driver's map name the same registers, causes and coded words."""

import re
from pathlib import Path

from hal import readings
from hal.safety_units import kerma_map
from simulators import unit_map

PAGE = Path(__file__).resolve().parents[2] / "docs" / "safety-unit.md"
TEXT = PAGE.read_text(encoding="utf-8")
FLAT = " ".join(TEXT.split())
SECTIONS = {
    head.split()[0]: body for head, body in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
}


def first_cells(section: str) -> list[str]:
    """The first cell of each row of a section's tables, bare of emphasis."""
    rows = (line for line in section.splitlines() if line.startswith("|"))
    return [row.split("|")[1].strip().replace("*", "") for row in rows]


def addresses(section: str) -> set[int]:
    """Every register address that stands in a first cell."""
    return {int(word, 16) for cell in first_cells(section) for word in re.findall(r"\b[0-9A-F]{4}\b", cell)}


def test_every_readable_and_writable_register_is_on_the_page() -> None:
    """Each register of the simulated unit's map begins at an address that the page names; sets and history by their block."""
    on_page = addresses(SECTIONS["3."])
    in_blocks = (
        "staging_",
        "active_",
        "challenge_echo",
        "renew_token",
        "arm_",
        "reset_",
        "lease_ms",
        "verb",
        "unlatch_word",
    )
    for register in unit_map.REGISTERS:
        if not register.name.startswith(in_blocks) and register.address < 0x0300:
            assert register.address in on_page, f"{register.address:04X} {register.name}"
    for block in (*unit_map.READABLE, *unit_map.WRITABLE):
        last = block.first + block.words - 1
        assert f"{block.first:04X}" in TEXT and (block.words <= 2 or f"{last:04X}" in TEXT), block.name


def test_the_set_has_the_page_s_offsets() -> None:
    """Section 4 names each field of the set at its place, and its name or its parts."""
    on_page = {int(cell.split(",")[0].strip("+"), 16) for cell in first_cells(SECTIONS["4."]) if cell.startswith("+")}
    offsets = {field.address for field in unit_map.SET_FIELDS} - {0x14}
    assert on_page == offsets


def test_causes_and_coded_words() -> None:
    """Numbers and names of causes, states and purposes are the same on the page, in the unit and in the driver's words."""
    listed = {
        int(number): name
        for number, name in re.findall(
            r"\b(\d+) ([A-Z][A-Z_0-9]+)\b", SECTIONS["3."].split("### 3.3")[1].split("`first_cause`")[0]
        )
    }
    assert listed == {cause.value: cause.name for cause in readings.Cause}
    assert listed == {cause.value: cause.name for cause in unit_map.Cause if cause is not unit_map.Cause.RESERVED}
    for state in unit_map.State:
        assert f"{state.name} 0x{state.value:04X}" in FLAT
        assert readings.UnitState[state.name] == state.value
    for purpose in unit_map.Purpose:
        assert f"{purpose.name} 0x{purpose.value:04X}" in FLAT
        assert readings.Purpose[purpose.name] == purpose.value
    for number, name in unit_map.TESTS.items():
        assert f"{number} {name}" in FLAT


def test_driver_and_unit_have_the_same_blocks() -> None:
    """Two maps, written apart, agree block by block; the driver reads six of the eight history entries at once."""
    theirs = {
        block.first: block.words for block in (*unit_map.READABLE, *unit_map.WRITABLE, unit_map.STATUS, unit_map.SLOW)
    }
    theirs[unit_map.STATUS.first] = unit_map.STATUS.words
    for block in kerma_map.BLOCKS:
        if block is kerma_map.HISTORY:
            assert block.registers == kerma_map.HISTORY_ENTRIES * unit_map.HISTORY_WORDS <= theirs[block.at]
        else:
            assert theirs[block.at] == block.registers, block.name
