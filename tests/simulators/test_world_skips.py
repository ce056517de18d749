"""Where nothing but counting would happen the world skips: one that walks each millisecond must come to the same bytes and the same everything.
Compared is all that there is, down to the last random number, not only what is true."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from world_host import RigHost

from simulators.faults import TABLE
from simulators.generators import PROFILES
from simulators.plant import Plant
from simulators.profile import DEFAULT, Profile
from simulators.world import World

KEPT_EVERY = 15
PLAIN = (bool, int, float, str, bytes, type(None))


class Walked(World):
    """A world that is only ever asked for one millisecond more, and so walks each of them whole."""

    __slots__ = ()

    def advance(self, to_us: int) -> None:
        while self.now_us + 1000 <= to_us:
            super().advance(self.now_us + 1000)


def everything(thing: object, path: str = "world", seen: set[int] | None = None) -> Iterator[tuple[str, object]]:
    """Every value that can be reached from a world, with where it stands."""
    seen = set() if seen is None else seen
    if isinstance(thing, PLAIN):
        yield path, thing
        return
    if callable(thing) or id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, random.Random):
        yield path, thing.getstate()
    elif isinstance(thing, bytearray | set | frozenset):
        yield path, sorted(thing)
    elif isinstance(thing, dict):
        for key, value in thing.items():
            yield from everything(value, f"{path}[{key}]", seen)
    elif isinstance(thing, list | tuple | deque):
        yield path, len(thing)
        for place, value in enumerate(thing):
            yield from everything(value, f"{path}[{place}]", seen)
    else:
        names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
        names += [field.name for field in fields(thing)] if is_dataclass(thing) else []
        for name in dict.fromkeys([*names, *getattr(thing, "__dict__", {})]):
            yield from everything(getattr(thing, name), f"{path}.{name}", seen)


def hosts(profile: Profile = DEFAULT, seed: int = 3) -> tuple[RigHost, RigHost]:
    """Two scripted hosts with the same rig under the same seed; the second one's world walks."""
    skips, walks = RigHost(profile, seed), RigHost(profile, seed)
    walks.world = Walked(profile, seed)
    walks.tcp = walks.world.unit_tcp.connect()
    return skips, walks


def same(skips: RigHost, walks: RigHost) -> None:
    assert skips.seen == walks.seen
    assert skips.heard == walks.heard
    assert skips.world.log == walks.world.log
    first, second = dict(everything(skips.world)), dict(everything(walks.world))
    assert len(first) > 150
    assert [path for path in first | second if first.get(path) != second.get(path)] == []


def play(script: Callable[[RigHost], None], profile: Profile = DEFAULT, seed: int = 3) -> None:
    pair = hosts(profile, seed)
    for host in pair:
        script(host)
    same(*pair)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.grid] if at % KEPT_EVERY else []) for at, n in enumerate(TABLE)],
)
def test_a_fault_in_the_beam_and_its_end_are_the_same(name: str) -> None:
    def script(host: RigHost) -> None:
        host.set_up()
        host.start()
        host.run(400)
        host.world.faults.start(name, 377_000)
        host.run(800)

    play(script)


ENDS: dict[str, dict[str, int]] = {
    "COUNT_PRESET": {"count_preset_1": 900, "count_limit_2": 5_000},
    "COUNT2": {"count_limit_2": 900},
    "TIME_PRESET": {"preset_ms": 487},
    "K1_LIMIT": {"preset_ms": 600, "k1_limit_ms": 603},
    "START_WINDOW": {"start_window_ms": 200},
    "LEASE": {},
}


@pytest.mark.parametrize("cause", ENDS)
def test_the_unit_ends_the_beam_in_the_same_millisecond(cause: str) -> None:
    """Each limit that is counted towards is reached in a scan that is walked."""

    def script(host: RigHost) -> None:
        host.set_up()
        host.commit(**ENDS[cause])
        if cause == "START_WINDOW":
            host.world.faults.start("hv-never-rises")
        host.start()
        host.run(300)
        host.renewing = cause != "LEASE"
        host.until_ended(3000)
        host.run(300)

    play(script)


def test_an_arm_that_nobody_presses_expires_in_the_same_millisecond() -> None:
    def script(host: RigHost) -> None:
        host.set_up()
        host.commit(arm_window_s=1)
        host.arm()
        host.run(1300)

    play(script)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_a_rig_without_a_host_is_the_same_in_any_stride(profile: Profile) -> None:
    """Hands act, the host is dead: however far the world is asked to go at a time."""
    strides = random.Random(8)
    free, walked = World(profile, 11), Walked(profile, 11)
    for number in range(40):
        to_us = free.now_us + strides.choice((1000, 2000, 9000, 10_000, 10_500, 33_000, 250_000))
        for world in (free, walked):
            (world.room.press if number % 4 == 1 else world.room.release)()
            if number == 20:
                world.unit.reboot(world.now_us)
            if number == 25:
                world.faults.start("hv-spontaneous", 200_000)
            world.advance(to_us)
    assert free.log == walked.log
    assert [pair for pair in zip(everything(free), everything(walked), strict=True) if pair[0] != pair[1]] == []


def test_a_beam_and_a_rig_at_rest_are_mostly_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes it fast stays: one whole step in each 10 ms, and the comparison above compares two different ways."""
    host, walks = hosts()
    counted: Counter[str] = Counter()
    step = Plant.step

    def counting(plant: Plant, out: Any) -> None:
        counted["skips" if plant is host.world.plant else "walks"] += 1
        step(plant, out)

    monkeypatch.setattr(Plant, "step", counting)
    for one in (host, walks):
        one.set_up()
        one.commit(count_preset_1=50_000, count_limit_2=54_000)
        one.start()
        one.run(2000)
    assert host.world.truth().dose_rate_mgy_s > 10
    before = counted["skips"]
    assert counted["walks"] == host.world.now_us // 1000
    host.run(1000)
    assert counted["skips"] - before <= 220
    host.disarm()
    host.run(500)
    before = counted["skips"]
    host.run(1000)
    assert counted["skips"] - before <= 220
