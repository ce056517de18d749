"""Named faults that change step by step, or that one contact sees and another does not: each does what its words say, and leaves nothing."""

from __future__ import annotations

from dataclasses import replace

from simulators.alone import GeneratorAlone
from simulators.generators import PROFILES
from simulators.profile import DEFAULT
from simulators.seam import UnitOutputs
from simulators.spellman_codec import Deframer
from simulators.spellman_face import CommaFace
from simulators.world import World


def turned(world: World, ms: int) -> None:
    world.advance(world.now_us + ms * 1000)


def test_a_door_that_bounces_and_one_that_flaps() -> None:
    """Open and closed in turn, at their pace, and closed when they stop."""
    for name, half_ms in (("door-bounces", 4), ("door-flaps", 300)):
        world = World(DEFAULT, 1)
        turned(world, 50)
        world.faults.start(name)
        seen = []
        for _ in range(6):
            turned(world, half_ms // 2)
            seen.append(world.plant.pins.door_a)
            turned(world, half_ms - half_ms // 2)
        assert seen == [False, True, False, True, False, True]
        world.faults.stop(name)
        turned(world, 10)
        assert world.plant.pins.door_a
        assert world.room.chain_closed()


def test_a_stuck_contact_hides_the_door_from_the_unit_and_not_from_the_chain() -> None:
    """I3: the wired chain has a contact of its own."""
    world = World(DEFAULT, 1)
    world.faults.start("door-contact-stuck")
    turned(world, 5)
    assert world.plant.pins.door_a
    assert world.plant.pins.door_b
    assert not world.room.chain_closed()


def test_a_chain_that_opens_for_less_than_k1_takes_lets_no_contactor_go() -> None:
    """I3: K1 lets go after 15 ms without current; a chain that is closed again by then has moved nothing."""
    for open_ms, opens in ((10, False), (14, False), (16, True)):
        world = World(DEFAULT, 1)
        closed = UnitOutputs()
        closed.k1_close = closed.k2_close = True
        for _ in range(50):
            world.plant.step(closed)
        assert world.plant.k1.closed
        seen = set()
        world.faults.start("door-contact-stuck")
        for ms in range(80):
            if ms == open_ms:
                world.faults.stop("door-contact-stuck")
            world.plant.step(closed)
            seen.add(world.plant.k1.closed)
        assert (False in seen) is opens, open_ms


def test_a_code_that_lies_reads_as_before() -> None:
    """I7: the head has another applicator, and both readers say the one that was there."""
    world = World(DEFAULT, 1)
    turned(world, 5)
    before = world.plant.pins.applicator_a
    world.faults.start("applicator-code-lies")
    turned(world, 5)
    assert world.plant.pins.applicator_a == world.plant.pins.applicator_b == before
    assert world.truth().applicator not in (0, before)


def test_gains_that_swing_creep_and_drift() -> None:
    """Each step follows from the last, within its bound, and the end takes everything back."""
    world = World(DEFAULT, 1)
    world.faults.start("kv-ripple")
    gains = []
    for _ in range(4):
        gains.append(world.plant.supply.kv_gain)
        turned(world, 20)
    assert gains == [1.04, 0.96, 1.04, 0.96]
    world.faults.stop("kv-ripple")
    assert world.plant.supply.kv_gain == 1.0
    world.faults.start("kv-creeps")
    world.faults.start("ma-drifts")
    turned(world, 1005)
    assert 1.05 < world.plant.supply.kv_gain < 1.06
    assert 0.88 < world.plant.supply.ma_gain < 0.90
    turned(world, 20_000)
    assert world.plant.supply.kv_gain == 1.3
    assert world.plant.supply.ma_gain == 0.3
    world.faults.stop("ma-drifts")
    assert world.plant.supply.ma_gain == 1.0


def test_counts_that_jump_and_go_back() -> None:
    """D4, D5: the unit's own count is changed, once, and never below nothing."""
    world = World(DEFAULT, 1)
    nv = world.unit.nv  # type: ignore[union-attr]
    turned(world, 5)
    world.faults.start("chamber-1-jumps")
    turned(world, 50)
    assert nv.counts_1 == 65536
    world.faults.start("chamber-1-back")
    assert nv.counts_1 == 65036
    nv.counts_1 = 3
    world.faults.stop("chamber-1-back")
    world.faults.start("chamber-1-back")
    assert nv.counts_1 == 0


def test_a_supply_refuses_a_question_that_it_knows_and_answers_it_again() -> None:
    """In its own form of an error, each command by itself; what it is told is taken as ever, and a supply without such questions is left as it is."""
    for style, refused in (("bare", ("62", "2")), ("bang", ("62", "!", "2"))):
        world = GeneratorAlone(replace(PROFILES["spellman-dxm"], error_style=style), 1)
        face = world.plant.generator
        world.advance(1_000_000)

        def said(*fields: str, face: CommaFace = face) -> list[tuple[str, ...]]:
            return Deframer(False).feed(face.answer(fields, 1_000_000))

        sound = said("62")
        world.faults.start("filament-query-refused")
        world.faults.start("set-point-query-refused")
        assert said("62") == [refused] and said("14") == [("14", *refused[1:])] and len(said("22")[0]) == 5
        assert said("10", "100") == [("10", "$")]
        world.faults.stop("filament-query-refused")
        assert said("62") == sound and said("14") == [("14", *refused[1:])]
        world.faults.stop("set-point-query-refused")
        assert said("14") == [("14", "100")] and face.refuses == {}
    other = GeneratorAlone(PROFILES["technix"], 1)
    other.faults.start("filament-query-refused")
    other.faults.stop("filament-query-refused")


def test_a_barometer_that_is_wrong_and_one_that_says_so() -> None:
    """D7: what the pins show, and the room's own pressure when it is mended."""
    world = World(DEFAULT, 1)
    turned(world, 20)
    true = world.plant.pins.pressure_10pa
    world.faults.start("barometer-wrong")
    turned(world, 20)
    assert (world.plant.pins.pressure_10pa, world.plant.pins.pressure_ok) == (9_000, True)
    world.faults.stop("barometer-wrong")
    world.faults.start("barometer-lost")
    turned(world, 20)
    assert not world.plant.pins.pressure_ok
    world.faults.stop("barometer-lost")
    assert (world.plant.pins.pressure_10pa, world.plant.pins.pressure_ok) == (true, True)
