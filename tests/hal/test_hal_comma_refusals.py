"""What a Spellman supply refuses and what was never read is unknown, and never a value on the safe side of a rule.
A refusal may be a code and nothing else (`62,2,`), which has the shape of an answer of one value."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from conformance_bench import Bench

from hal.commands import SetUp
from hal.errors import Trouble, TroubleKind
from hal.generators import spellman_dxm as dxm
from hal.generators import spellman_ux as ux
from hal.generators import spellman_xrb011 as xrb011
from hal.generators.sheet import Piece
from hal.generators.spellman import CommaBook, CommaCommand, CommaDialect, Order, Said, frame
from hal.readings import GeneratorMonitor
from hal.registry import GeneratorSetting
from interlocks.cold import is_cold
from simulators.generator_xrb011 import Xrb011Face
from simulators.generators import PROFILES
from simulators.spellman_face import CommaFace

DXM = GeneratorSetting("tty:/x", 115200, "DXM100P600", 100.0, 6.0, 0.002, 0.01, True)
STYLES = ("bare", "bang")
ON = {"spellman-dxm": dxm.ON, "spellman-xrb011": xrb011.ON}


def taken(book: CommaBook, row: CommaCommand, code: int) -> object:
    """What the driver makes of a reply that is one small number."""
    wire, order = CommaDialect(book, False), Order(row)
    wire.encode(order)
    return wire.take(bytearray(frame(row.number, (code,), False)), order, None)


@pytest.mark.parametrize(
    ("book", "row"),
    [
        (dxm.BOOK, dxm.FILAMENT),
        *((dxm.BOOK, row) for row in dxm.PROOFS),
        (dxm.BOOK, dxm.DSP),
        (ux.BOOK, ux.DSP),
        (xrb011.BOOK, xrb011.FIRMWARE),
    ],
)
def test_a_lone_code_is_the_refusal_where_as_a_value_it_would_be_believed(book: CommaBook, row: CommaCommand) -> None:
    """Each code of the book, and no number beside them: 0 and what is above are values."""
    for code in book.errors:
        heard = taken(book, row, code)
        assert isinstance(heard, Trouble) and heard.kind is TroubleKind.REFUSED
        assert f"error {code}: {book.errors[code]}" in heard.detail and "nothing tells them apart" in heard.detail
    for value in (0, max(book.errors) + 1):
        assert isinstance(taken(book, row, value), Said)


def test_kv_and_ma_have_small_values_once_the_device_has_proved_that_it_answers() -> None:
    """A converter shows some counts of nothing; that the command is known was proved by `PROOFS` before any set-point."""
    assert taken(dxm.BOOK, dxm.KV, 2) == taken(dxm.BOOK, dxm.MA, 2) == Said(numbers=(2.0,))
    assert [step.write.command for step in dxm.SHEET.preparations[1:]] == list(dxm.PROOFS)


def read(at_s: float, **filament: Piece[Said]) -> GeneratorMonitor:
    made = dxm.monitor(DXM, {"kv": Piece(at_s, Said((0.0,))), "ma": Piece(at_s, Said((0.0,))), **filament})
    assert made is not None
    return made


def test_a_filament_that_was_never_read_or_too_long_ago_is_unknown_and_not_cold() -> None:
    """NaN from 2 s on; the reading stays as young as its kV and mA."""
    never = read(500.0)
    assert math.isnan(never.filament_a) and not is_cold(never)
    for age_s, known in ((0.0, True), (1.99, True), (2.01, False), (499.0, False)):
        seen = read(500.0, filament=Piece(500.0 - age_s, Said((0.0,))))
        assert seen.asked_at_s == 500.0
        assert (seen.filament_a == 0.0, is_cold(seen)) == (known, known), age_s


def test_set_points_that_were_never_read_are_those_of_no_plan() -> None:
    """0 mA is what a dry run wants; a device that was not asked must not seem to hold it."""
    measured = {"analog": Piece(1.0, Said((0.0,) * 7)), "measured": Piece(1.0, Said((0.0,) * 3))}
    for monitor in (read(1.0), ux.monitor(DXM, measured), xrb011.monitor(DXM, measured)):
        assert monitor is not None and (monitor.kv_set_counts, monitor.ma_set_counts) == (-1, -1)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    name, style = request.param
    monkeypatch.setitem(PROFILES, name, replace(PROFILES[name], error_style=style))
    made = Bench(name, "memory", tmp_path)
    yield made
    made.close()


def on(name: str) -> pytest.MarkDecorator:
    """The supply of this name, refusing in either form."""
    return pytest.mark.parametrize("bench", [(name, style) for style in STYLES], indirect=True, ids=STYLES)


def filament_known(bench: Bench) -> bool:
    seen = bench.generator.monitor
    return seen is not None and not math.isnan(seen.filament_a)


@on("spellman-dxm")
def test_a_dxm_that_refuses_its_filament_has_one_that_is_not_cold(bench: Bench) -> None:
    """Within 2 s and a round, kV and mA as fresh as ever; answered again, it is known again."""
    bench.ready()
    bench.until(2.0, "the filament's current", lambda: filament_known(bench))
    bench.world.faults.start("filament-query-refused")
    bench.until(2.2, "a filament that is unknown", lambda: not filament_known(bench))
    seen = bench.generator.monitor
    assert seen is not None and not is_cold(seen) and bench.now - seen.asked_at_s < 0.1
    bench.ticks(1.0)
    assert not filament_known(bench)
    bench.world.faults.stop("filament-query-refused")
    bench.until(0.2, "a filament that is known again", lambda: filament_known(bench))


def never_set_nor_on(bench: Bench, words: str) -> None:
    """No set-point is written and no ON leaves, and the words say why."""
    bench.known()
    bench.want_set_up()
    bench.ticks(3.0)
    refusal = bench.generator.refusal
    assert refusal is not None and words in refusal.words
    bench.generator.on(bench.now)
    bench.ticks(0.5)
    sent = b"".join(data for _, data in bench.sent.chunks)
    assert b"\x0210," not in sent and frame(ON[bench.driver.name].command.number, (1,), False) not in sent
    assert bench.generator.set_points is None and not bench.hv_on


@on("spellman-dxm")
@pytest.mark.parametrize("what", ["kv", "ma", "filament"])
def test_a_dxm_that_lacks_a_question_of_the_round_is_never_set_nor_switched_on(bench: Bench, what: str) -> None:
    bench.world.faults.start(f"{what}-query-refused")
    never_set_nor_on(bench, "error 2")


@on("spellman-dxm")
def test_a_dxm_whose_set_points_are_refused_holds_no_plan(bench: Bench) -> None:
    """Bare, they read 2 counts each, which is no plan's; else they get old."""
    bench.ready()
    was = bench.generator.set_points
    assert was is not None
    bench.world.faults.start("set-point-query-refused")
    bench.ticks(2.0, may_write=False)
    points = bench.generator.set_points
    assert not bench.set_up() or (points is not None and points.asked_at_s <= was.asked_at_s + 0.1)


@on("spellman-dxm")
def test_no_plan_may_ask_for_counts_that_are_an_errors_code(bench: Bench) -> None:
    """2 counts that are read back prove nothing, so they are not written."""
    bench.known()
    bench.want(SetUp(msgspec.structs.replace(bench.plan, filament_limit_counts=2)))
    bench.ticks(2.0)
    refusal = bench.generator.refusal
    assert refusal is not None and "filament limit 2 counts" in refusal.words and "error 2" in refusal.words
    assert b"\x0210," not in b"".join(data for _, data in bench.sent.chunks)


@on("spellman-xrb011")
@pytest.mark.parametrize("code", range(1, 11))
def test_an_xrb011_that_answers_always_the_same_has_no_watchdog(bench: Bench, code: int) -> None:
    """Error 1 reads as the 1 s that is wanted, and an error of any other code might be the proof's 3: no one number is both."""
    bench.world.faults.start("watchdog-query-refused")
    face = bench.world.plant.generator
    assert isinstance(face, CommaFace) and face.refuses == {"28": 1}
    face.refuses["28"] = code
    never_set_nor_on(bench, f"{code}")


@pytest.mark.parametrize("bench", [("spellman-dxm", "bare")], indirect=True)
def test_a_firmware_that_is_an_errors_code_is_no_identity(bench: Bench) -> None:
    face = bench.world.plant.generator
    assert isinstance(face, CommaFace)
    face.refuses["23"] = 2
    bench.until(3.0, "an answer to who it is", lambda: bench.generator.identity is not None)
    assert not bench.generator.identified and "dsp: error 2" in bench.generator.identity.mismatch


@pytest.mark.parametrize("bench", [("spellman-xrb011", "bare")], indirect=True)
def test_an_xrb011_that_takes_the_question_for_an_order_has_no_watchdog(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `28,n` is published: a device to which 28 without a number is 28,0 acknowledges it and has no watchdog any more."""
    answer = Xrb011Face.answer

    def obeys(face: Xrb011Face, fields: tuple[str, ...], now_us: int) -> bytes:
        return answer(face, ("28", "0") if fields == ("28",) else fields, now_us)

    monkeypatch.setattr(Xrb011Face, "answer", obeys)
    bench.known()
    bench.want_set_up()
    bench.ticks(3.0)
    bench.generator.on(bench.now)
    bench.ticks(0.5)
    assert bench.world.plant.supply.watchdog_ms == 0 and bench.world.plant.supply.kv_counts == 0
    assert bench.generator.set_points is None and not bench.hv_on
