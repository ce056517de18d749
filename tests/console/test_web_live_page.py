"""docs/console.md says each field of the live line: held against a frame that is really sent, the desk's own words, and the line's bounds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from desk_by_hand import dose, ended, offer, snapshot
from test_web_api import Browser, Console, Scripted

from console import screen
from console.web import live
from console.web.control import GONE_AFTER_S
from console.web.switch import HELD_WITHIN_S
from controller.desk import SNAPSHOT_EVERY_S
from controller.prescribed import Prescribed
from controller.requests import DoseShown, Ended, Offer, RuleShown, Snapshot
from hal.figures import LinkSummary

PAGE: Final = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
UNITS: Final = {"_mgy_per_s": "mGy/s", "_mgy": "mGy", "_us": "µs", "_ms": "ms", "_s": "s", "_counts": "counts"}
"""How a name says its unit, the longest ending first."""
STRUCTS: Final = {
    "snapshot": Snapshot, "rules": RuleShown, "offer": Offer, "dose": DoseShown, "ended": Ended, "wires": LinkSummary,
}  # fmt: skip


def block(name: str) -> str:
    found = re.search(rf"<!-- live: {name} -->\n(.*?)<!-- end of {name} -->", PAGE, re.DOTALL)
    assert found is not None, name
    return found[1]


def rows(name: str) -> dict[str, tuple[str, str]]:
    """Each field's unit and words; the head is none."""
    said = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", block(name).partition("| --- |")[2], re.M)
    return {key: (unit, words) for key, unit, words in said}


@pytest.mark.parametrize("name", STRUCTS)
def test_the_page_names_each_field_of_what_the_desk_says_in_its_order(name: str) -> None:
    tag = ["type"] if STRUCTS[name].__struct_config__.tag is not None else []
    assert list(rows(name)) == [*tag, *STRUCTS[name].__struct_fields__]


@pytest.mark.parametrize("name", ["frame", "rig", "control", *STRUCTS])
def test_each_field_has_words_and_the_unit_that_its_name_says(name: str) -> None:
    for key, (unit, words) in rows(name).items():
        assert words.strip(), key
        wanted = next((said for ending, said in UNITS.items() if key.endswith(ending)), unit)
        assert unit == wanted or key == "lateness_counts", (name, key, unit)


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Console:
    return Console(scripted, tmp_path, prescribed)


def test_a_frame_that_is_sent_has_the_fields_of_the_page_and_of_its_example(console: Console) -> None:
    """Nothing is sent that is not said, and nothing is said that is not sent; the example is one by its keys and kinds."""
    frames: list[Any] = []

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot(offer=offer(), dose=dose(), ended=ended())
        await page.command("retest")
        frame = await page.show()
        while frame["snapshot"]["offer"] is None:
            frame = await page.show()
        frames.append(frame)

    console.play(story)
    (frame,) = frames
    example = json.loads(block("example").strip().removeprefix("```json").removesuffix("```"))
    for said in (frame, example):
        assert set(said) == set(rows("frame"))
        assert set(said["rig"]) == set(rows("rig")) and set(said["control"]) == set(rows("control"))
        assert set(said["snapshot"]) == set(rows("snapshot"))
    for name in ("offer", "dose", "ended"):
        assert set(frame["snapshot"][name]) == set(rows(name))
    assert frame["rig"]["bands"].keys() == example["rig"]["bands"].keys()
    like = screen.values(snapshot(dose=dose()))
    for key, value in example["snapshot"].items():
        kinds = {type(value), type(like[key])}
        assert kinds <= {int, float} or len(kinds) == 1 or None in (value, like[key]), key
    msgspec.json.decode(re.findall(r"```json\n(\{\"seen.*?\})\n```", PAGE)[0], type=live.Here)


def test_the_page_says_the_lines_own_bounds() -> None:
    """Times, rates and closing codes, as the code has them."""
    text = PAGE.partition("### The live line, frame by frame")[2].partition("<!-- live: frame")[0]
    for words in (
        f"Within {live.TICKET_WITHIN_S:g} s the page says", f"{1 / SNAPSHOT_EVERY_S:g} a second", f"at least one in {live.AT_LEAST_EVERY_S:g} s",
        f"not answered within {live.SHOWN_WITHIN_S:g} s", f"more than {live.A_SECOND} messages", f"lease ({GONE_AFTER_S:g} s)", f"switch ({HELD_WITHIN_S:g} s)",
    ):  # fmt: skip
        assert words in text, words
    codes = (live.TICKET, live.ELSEWHERE, live.SILENT, live.TALKATIVE, live.GARBLED)
    assert tuple(int(code) for code in re.findall(r"^\| (\d{4}) \|", text, re.M)) == codes
    for key, empty in live.NOBODYS.items():
        assert f"`{key}`" in text, (key, empty)
