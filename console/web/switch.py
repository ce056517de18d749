"""SIMULATED: the room's beam-on switch in a page's hand, pressed as long as the page that pressed it holds it and is there. It decides nothing: what a
switch that was let go means says the safety unit. On a real rig there is nothing here to press; a person presses the hardware switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from console.calibrate import simulated_hand
from hal.clock import Clock

HELD_WITHIN_S: Final = 1.0
"""A page that holds the switch and has said nothing so long lets it go; one that is there answers ten frames a second."""
LEAST_S: Final = 0.1
"""No finger is shorter on a switch: two channels must both see it."""
LOOK_EVERY_S: Final = 0.05
TRIES: Final = 5
TRY_AGAIN_S: Final = 0.2
BY_HAND, BY_SILENCE, BY_LINE, BY_CONTROL = (
    "the page lets go",
    "the page is silent",
    "the page's line has ended",
    "control changed hands",
)
NOT_LET_GO: Final = "SIMULATED: the switch could not be let go; first: press STOP"

Act = Callable[[Path, str], str]


@dataclass
class _Hold:
    """One press: of which page, the page's own number of it, when it began, and when the page was last heard."""

    page: str
    number: int
    since_s: float
    heard_s: float
    still: Callable[[], bool]


class Switch:
    """One switch, one hand at a time. `noted` is told why it was let go. Used in the console's loop alone; the simulator is asked in threads, in order."""

    def __init__(
        self, control: Path | None, clock: Clock, noted: Callable[[str, int], None], act: Act = simulated_hand.act
    ) -> None:
        self._control, self._clock, self._noted, self._act = control, clock, noted, act
        self._turn = asyncio.Lock()
        self._hold: _Hold | None = None
        self._let_go: dict[str, int] = {}
        self._tasks: set[asyncio.Task[str]] = set()
        self.trouble = ""

    async def press(self, page: str, number: int, still: Callable[[], bool]) -> str:
        """Press and hold. Empty when it is pressed, or was let go again meanwhile; otherwise why not. `still` says whether this page may hold it."""
        if self._control is None:
            return "this is no simulated rig; first: press the switch"
        if number <= self._let_go.get(page, 0):
            return "it was let go before it was pressed"
        if self._hold is not None:
            return "another hand holds the switch; first: have it let go"
        now = self._clock.monotonic()
        own = self._hold = _Hold(page, number, now, now, still)
        async with self._turn:
            words = await asyncio.to_thread(self._act, self._control, "press") if self._hold is own else ""
        if words:
            self._end(own, words)
            return words
        self._start(self._watched(own))
        return ""

    async def release(self, page: str, number: int) -> str:
        """Let go of this press, and of each before it, whether or not it has come here yet. Empty when it is let go; otherwise why not."""
        self._let_go[page] = max(number, self._let_go.get(page, 0))
        held = self._hold
        if held is None or held.page != page or held.number > number:
            return ""
        return await self._end(held, BY_HAND)

    def heard(self, page: str) -> None:
        """The page is there."""
        if self._hold is not None and self._hold.page == page:
            self._hold.heard_s = self._clock.monotonic()

    def gone(self, page: str) -> None:
        """Its line has ended: nobody holds anything there any more."""
        self._let_go.pop(page, None)
        held = self._hold
        if held is not None and held.page == page:
            self._end(held, BY_LINE)

    def _end(self, held: _Hold, why: str) -> asyncio.Task[str]:
        """No hand from this moment on; the simulator is told behind whatever it is told now."""
        if self._hold is held:
            self._hold = None
            self._noted(why, held.number)
        return self._start(self._opened(held))

    async def _opened(self, held: _Hold) -> str:
        assert self._control is not None
        async with self._turn:
            await asyncio.sleep(max(0.0, held.since_s + LEAST_S - self._clock.monotonic()))
            for _ in range(TRIES):
                self.trouble = await asyncio.to_thread(self._act, self._control, "release")
                if not self.trouble:
                    return ""
                await asyncio.sleep(TRY_AGAIN_S)
        self.trouble = f"{NOT_LET_GO} ({self.trouble})"
        return self.trouble

    async def _watched(self, held: _Hold) -> str:
        """As long as it is held: a page that is silent, or may not hold it any more, does not."""
        while self._hold is held:
            if self._clock.monotonic() - held.heard_s > HELD_WITHIN_S:
                self._end(held, BY_SILENCE)
            elif not held.still():
                self._end(held, BY_CONTROL)
            await asyncio.sleep(LOOK_EVERY_S)
        return ""

    def _start(self, work: Coroutine[Any, Any, str]) -> asyncio.Task[str]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
