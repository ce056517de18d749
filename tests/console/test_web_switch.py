"""The simulated beam-on switch in a page's hand: pressed while it is held, let go by the hand, by silence, by a lost line and by lost control; never left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from desk_by_hand import snapshot
from test_web_api import Browser, Console, Scripted

from console.web import switch as room
from console.web.control import GONE_AFTER_S
from console.web.doors import Doors
from console.web.serve import application
from console.web.switch import BY_CONTROL, BY_HAND, BY_LINE, BY_SILENCE, HELD_WITHIN_S, Switch
from controller.prescribed import Prescribed


class Room:
    """The simulated room: what its switch was told, and `refused`, what it answers so often."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.refused: list[str] = []

    def act(self, _control: Path, verb: str) -> str:
        if self.refused:
            return self.refused.pop(0)
        self.told.append(verb)
        return ""


class Held(Console):
    """A console at a simulated room whose switch a test looks at; `why` is how each press ended."""

    def __init__(self, scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> None:
        super().__init__(scripted, tmp_path, prescribed)
        self.simulated = Room()
        self.why: list[str] = []
        switch = Switch(
            tmp_path / "control.sock", self.clock, lambda why, _hold: self.why.append(why), self.simulated.act
        )
        self.room = replace(self.room, switch=switch)
        self.app = Doors(application(self.room), 8321, 8322, self.room.link.stop)

    async def until(self, told: list[str]) -> None:
        async with asyncio.timeout(10.0):
            while self.simulated.told != told:
                await asyncio.sleep(0.005)


@pytest.fixture
def bench(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Held:
    return Held(scripted, tmp_path, prescribed)


async def held(bench: Held) -> Browser:
    """A page in control that holds the switch."""
    page = Browser(bench)
    await page.ready()
    assert (await page.command("press", {"hold": 1}))[0] == 200
    await bench.until(["press"])
    return page


async def let_go(page: Browser, hold: int) -> tuple[int, Any]:
    return await page.post("/api/release", {"page": page.page, "hold": hold})


def test_it_is_pressed_until_the_hand_lets_go_and_letting_go_asks_for_no_token(bench: Held) -> None:
    """And once only: the same press let go twice tells the room once; another one needs a greater number."""

    async def story() -> None:
        page = await held(bench)
        await asyncio.sleep(0.3)
        assert bench.simulated.told == ["press"], "nothing but a hand lets go"
        assert (await let_go(page, 1))[0] == 200 and (await let_go(page, 1))[0] == 200
        assert bench.simulated.told == ["press", "release"] and bench.why == [BY_HAND]
        status, answer = await page.command("press", {"hold": 1})
        assert status == 409 and "let go before it was pressed" in answer["words"]
        assert (await page.command("press", {"hold": 2}))[0] == 200
        await bench.until(["press", "release", "press"])

    bench.play(story)


def test_what_is_let_go_before_it_is_pressed_is_never_pressed(bench: Held) -> None:
    """Two requests of one page overtake one another: the release is heard first."""

    async def story() -> None:
        page = Browser(bench)
        await page.ready()
        assert (await let_go(page, 7))[0] == 200
        status, answer = await page.command("press", {"hold": 7})
        assert status == 409 and "let go before" in answer["words"]
        assert bench.simulated.told == []

    bench.play(story)


async def silent(bench: Held, page: Browser, _other: Browser) -> None:
    bench.clock.more_s += HELD_WITHIN_S + 0.1


async def line_lost(bench: Held, page: Browser, _other: Browser) -> None:
    assert page.socket is not None
    page.socket.go()


async def opened_anew(bench: Held, page: Browser, _other: Browser) -> None:
    await page.open(page.page)


async def given_back(bench: Held, page: Browser, _other: Browser) -> None:
    assert (await page.command("control/leave"))[0] == 200


async def taken_over(bench: Held, page: Browser, other: Browser) -> None:
    assert (await other.command("control/take", {"over": True}))[0] == 200


async def logged_out(bench: Held, page: Browser, _other: Browser) -> None:
    assert (await page.post("/api/logout"))[0] == 200


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (silent, BY_SILENCE), (line_lost, BY_LINE), (opened_anew, BY_LINE), (given_back, BY_CONTROL), (taken_over, BY_CONTROL), (logged_out, BY_CONTROL),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)  # fmt: skip
def test_a_page_that_is_lost_holds_nothing(
    bench: Held, lose: Callable[[Held, Browser, Browser], Coroutine[Any, Any, None]], why: str
) -> None:
    """A switch that nobody holds is let go, whatever took the hand away; and another page lets go of nothing."""

    async def story() -> None:
        page = await held(bench)
        other = Browser(bench)
        await other.enter()
        await other.open()
        assert (await let_go(other, 9))[0] == 200
        await asyncio.sleep(0.1)
        assert bench.simulated.told == ["press"]
        await lose(bench, page, other)
        await bench.until(["press", "release"])
        assert bench.why == [why]

    bench.play(story)


def test_a_room_that_does_not_hear_the_release_is_told_again_and_then_says_so(bench: Held) -> None:
    """Twice in vain is nothing; where it stays so the page is answered in words, and each frame says it until it is let go."""

    async def story() -> None:
        page = await held(bench)
        bench.simulated.refused = ["no answer", "no answer"]
        assert (await let_go(page, 1))[0] == 200
        assert bench.simulated.told == ["press", "release"]
        assert (await page.command("press", {"hold": 2}))[0] == 200
        bench.simulated.refused = ["no answer"] * room.TRIES
        status, answer = await let_go(page, 2)
        assert status == 503 and "could not be let go; first: press STOP" in answer["words"]
        frame = await page.show()
        while "could not be let go" not in frame["trouble"]:
            frame = await page.show()

    bench.play(story)


def test_a_press_that_the_room_refuses_is_none(bench: Held) -> None:
    async def story() -> None:
        page = Browser(bench)
        await page.ready()
        bench.simulated.refused = [
            "the simulator's control socket does not answer; first: see that kerma sim serves this rig"
        ]
        status, answer = await page.command("press", {"hold": 1})
        assert status == 409 and "does not answer" in answer["words"]
        await bench.until(["release"])

    bench.play(story)


def test_one_hand_holds_it_and_a_page_without_control_or_a_real_rig_presses_nothing(bench: Held) -> None:
    async def story() -> None:
        page = await held(bench)
        other = Browser(bench)
        await other.enter()
        await other.open()
        status, answer = await other.command("press", {"hold": 1})
        assert status == 409 and "another page" in answer["words"]
        status, answer = await page.command("press", {"hold": 2})
        assert status == 409 and "another hand holds" in answer["words"]
        bench.clock.more_s += GONE_AFTER_S + 1.0
        await bench.until(["press", "release"])

    bench.play(story)


def test_a_rig_without_a_simulated_room_has_no_switch_to_press(console_of_a_real_room: Console) -> None:
    """No control socket: the words send a person to the switch itself."""
    console = console_of_a_real_room

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot()
        status, answer = await page.command("press", {"hold": 1})
        assert status == 409 and "first: press the switch" in answer["words"]

    console.play(story)


@pytest.fixture
def console_of_a_real_room(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Console:
    return Console(scripted, tmp_path, prescribed)
