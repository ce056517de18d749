"""The console's line to the desk: gone, slow, foreign and garbled are values; an answer belongs to its request; Alive is said only for a page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from desk_by_hand import OK, ScriptedDesk, snapshot

from console.web import link as room
from console.web.link import Link
from controller.requests import Alive, Answer, Close, Edit, Reply, Request, Stop, Watch
from hal.clock import SystemClock

Scripted = Callable[[Callable[[Request], list[Reply]]], ScriptedDesk]


def line(desk: ScriptedDesk, **named: Any) -> Link:
    said: dict[str, Any] = {"rig": "demo", "simulated": True} | named
    return Link(desk.places.desk, desk.places.stop, said["rig"], said["simulated"], SystemClock())


def play(link: Link, story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """The story beside the line's own task."""

    async def both() -> None:
        running = asyncio.create_task(link.run())
        try:
            await asyncio.wait_for(story(), 20.0)
        finally:
            running.cancel()

    asyncio.run(both())


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


def watched(request: Request) -> list[Reply]:
    return [snapshot()] if isinstance(request, Watch) else [OK]


def test_it_watches_and_asks_but_holds_no_lease_by_itself(scripted: Scripted) -> None:
    """Over a whole conversation no Alive is sent that no page asked for: a dead page lets the desk's lease end."""
    desk = scripted(watched)
    link = line(desk)

    async def story() -> None:
        assert link.trouble()
        await until(lambda: link.snapshot is not None)
        assert not link.trouble()
        assert (await link.ask(Edit())).ok
        assert not [one for one in desk.requests if isinstance(one, Alive)]
        for _ in range(5):
            link.alive()
        await link.ask(Close("x"))
        assert len([one for one in desk.requests if isinstance(one, Alive)]) == 1

    play(link, story)


def test_a_desk_that_is_not_there_and_one_that_goes(tmp_path: Path, scripted: Scripted) -> None:
    async def never() -> None:
        await until(lambda: "nobody answers" in nobody.trouble())
        assert not (await nobody.ask(Edit())).ok

    nobody = Link(tmp_path / "none.sock", tmp_path / "no.sock", "demo", True, SystemClock())
    play(nobody, never)
    desk = scripted(watched)
    link = line(desk)

    async def goes() -> None:
        await until(lambda: link.snapshot is not None)
        desk.end()
        await until(lambda: "closed the connection" in link.trouble() or "nobody answers" in link.trouble())
        assert link.snapshot is not None, "what was seen last stays, with its age"

    play(link, goes)


def test_a_slow_desk_is_said_and_its_late_answer_is_nobodys(scripted: Scripted, monkeypatch: Any) -> None:
    """An answer that did not come in time cuts the line, so that it is never taken for the next one's."""
    monkeypatch.setattr(room, "SLOW_AFTER_S", 0.05)
    slow = scripted(lambda request: [snapshot()] if isinstance(request, Watch) else [])
    link = line(slow)

    async def story() -> None:
        await until(lambda: link.snapshot is not None)
        await until(lambda: "no snapshot for" in link.trouble())
        answer = await link.ask(Edit(), within_s=0.05)
        assert not answer.ok and "no answer" in answer.words
        assert not (await link.ask(Close("next"))).ok

    play(link, story)


def test_a_desk_of_another_rig_is_foreign_and_is_asked_nothing(scripted: Scripted) -> None:
    desk = scripted(watched)
    link = line(desk, simulated=False)

    async def story() -> None:
        await until(lambda: "simulated = true" in link.trouble())
        assert link.snapshot is None
        link.alive()
        assert not (await link.ask(Edit())).ok
        assert [type(one) for one in desk.requests] == [Watch]

    play(link, story)


def test_other_words_end_the_connection_and_it_is_tried_anew(scripted: Scripted, monkeypatch: Any) -> None:
    monkeypatch.setattr(room, "AGAIN_AFTER_S", 0.01)
    words: list[Reply] = [{"kerma": 2}]  # type: ignore[list-item]
    desk = scripted(lambda request: words if isinstance(request, Watch) else [])
    link = line(desk)

    async def story() -> None:
        await until(lambda: "speaks other words" in link.trouble())
        words[:] = [snapshot()]
        await until(lambda: link.snapshot is not None and not link.trouble())

    play(link, story)


def test_stop_goes_both_ways_and_is_no_answer_to_anything(scripted: Scripted) -> None:
    """Its answer is not taken for that of the request it came in between."""
    desk = scripted(
        lambda request: (
            [Answer(True, "stop")]
            if isinstance(request, Stop)
            else [snapshot()]
            if isinstance(request, Watch)
            else [Answer(False, "no")]
        )
    )
    link = line(desk)

    async def story() -> None:
        await until(lambda: link.snapshot is not None)
        assert link.stop()
        assert (await link.ask(Edit())).words == "no"
        await until(lambda: desk.stops == 1)
        assert [type(one) for one in desk.requests] == [Watch, Stop, Edit]

    play(link, story)
