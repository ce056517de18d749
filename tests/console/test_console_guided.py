"""A person at a guided procedure: what is typed becomes events, nothing is exposed unless it was confirmed, and what has no answer blocks. No rig is there."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from desk_by_hand import dose, snapshot
from rich.console import Console

from calibration.bench_air import reduced
from calibration.procedures.journal import Journal
from calibration.procedures.session import Expose, MeterOrder, Phase, Reading, Recorded
from calibration.procedures.step import Accept, Exposure, Grammar, Procedure, Source, Step, Wanted
from console.calibrate.exposing import Answered, Unanswered
from console.calibrate.face import CalibrateFace, Script, picture, plain, spark
from console.calibrate.guided import Guide
from console.calibrate.meter_hand import NoMeters
from console.calibrate.simulated_hand import Room, written_in
from console.desk_client import DeskGoneError
from console.exit_codes import Exit
from controller.requests import Snapshot
from hal.errors import ConfigurationError

AIR = "air 22.4 degC 99.00 kPa"
WALL_S = 1.8e9


def procedure(source: Source = "typed") -> Procedure:
    """Two exposures with a charge each, then a leakage without beam."""
    read = Wanted("E1", "nC", Grammar(-20.0, 20.0), source)
    exposes = Exposure(69.5, 1.6, "F2", "A20", 10.0, 2, 48.0)
    return Procedure(
        "try", "physics", (("E1", "S-1"),),
        (
            Step("beam", "What it gives.", "C1 on E1.", exposes, (), (read,), Accept(cov=0.005), "A2"),
            Step("dark", "What leaks.", "Beam off.", None, (), (read,), Accept(), "A12"),
        ),
    )  # fmt: skip


@dataclass
class Hands:
    """A hand that answers as a test wants, and a meter's wire."""

    answers: list[str] = field(default_factory=list)
    asked: list[Expose] = field(default_factory=list)
    begun: int = 0
    said: tuple[str, str] | str = ("6.41 nC", "S-1")
    unready: str = ""

    def begin(self) -> None:
        self.begun += 1

    def expose(self, asked: Expose) -> Answered | Unanswered:
        self.asked.append(asked)
        how = self.answers.pop(0) if self.answers else "complete"
        if how == "silence":
            return Unanswered(asked.token, "NO ANSWER")
        timer_s = asked.seconds if how == "complete" else 3.0
        return Answered(asked.token, how, timer_s, Recorded(kv=69.5, ma=1.6, counts_1=27000.0), 7)

    def ready(self, step: Step) -> str:
        assert step.reading
        return self.unready

    def read(self, order: MeterOrder) -> tuple[str, str] | str:
        assert order.unit == "nC"
        return self.said


class Line:
    """A desk's line that turns at once; `gone` ends it."""

    def __init__(self) -> None:
        self.gone = False

    def turn(self) -> bool:
        if self.gone:
            raise DeskGoneError("the desk is gone")
        return False


@dataclass
class Play:
    """What came of a script."""

    code: Exit
    shown: str
    hands: Hands
    journal: Journal


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Callable[..., Play]]:
    opened: list[Journal] = []
    wall_s = [WALL_S]

    def run(
        script: str, hands: Hands | None = None, source: Source = "typed", line: Line | None = None, **more: Any
    ) -> Play:
        path, hands = tmp_path / "S.jsonl", hands or Hands()
        for one in opened:
            one.close()
        opened.clear()
        journal = (
            Journal.take_up(path, procedure(source)) if path.exists() else Journal.begin(path, "S", procedure(source))
        )
        opened.append(journal)
        console = Console(file=io.StringIO(), record=True, width=160)
        face = CalibrateFace(
            console, Script(script.splitlines(), more.get("room", str)), "SIMULATED CALIBRATION", plain=True
        )
        meters = hands if source == "wire" else NoMeters()
        at: Any = line or Line()

        def clock() -> float:
            wall_s[0] += more.get("step_s", 1.0)
            return wall_s[0]

        guide = Guide(journal, at, hands, meters, face, clock, lambda: 600.0, 200.0)
        return Play(guide.run(), console.export_text(), hands, journal)

    yield run
    for one in opened:
        one.close()


WHOLE = f"ok S-1\n{AIR}\ngo\n6.4105 nC\ngo\n6.4131 nC\naccept\nok\ngo\n-0.001 nC\naccept\n"


def test_a_whole_session_from_typed_lines(play: Callable[..., Play]) -> None:
    """Each exposure is what the step says, once, with its own token; the end makes nothing valid."""
    told = play(WHOLE)
    assert told.code is Exit.AS_INTENDED and "nothing becomes valid by itself" in told.shown
    assert [one.token for one in told.hands.asked] == ["S-1", "S-2"]
    assert {(one.kv, one.ma, one.seconds, one.limits) for one in told.hands.asked} == {(69.5, 1.6, 10.0, "physics")}
    assert [one.value for one in told.journal.session.held] == [6.4105, 6.4131, -0.001]
    for words in (
        "SIMULATED CALIBRATION",
        "why: What it gives.",
        "connect: C1 on E1.",
        "69.5 kV, 1.6 mA, 10 s = 16 mAs",
        "16 of 48 mAs",
    ):
        assert words in told.shown


def test_it_is_left_and_taken_up_again_at_any_line(play: Callable[..., Play]) -> None:
    """The end of input after each line in turn: nothing is exposed twice, and the session ends as if it had never been left."""
    lines, hands = WHOLE.splitlines(), Hands()
    told = play("", hands)
    for line in (*lines[:8], "\n".join(lines[8:10]), lines[10]):
        told = play(f"ok S-1\n{AIR}\n{line}\n", hands)
    assert told.code is Exit.AS_INTENDED
    assert [one.token for one in hands.asked] == ["S-1", "S-2"]


def test_a2_no_answer_blocks_until_a_person_rejects_it(play: Callable[..., Play]) -> None:
    told = play(f"ok S-1\n{AIR}\ngo\ngo\n6.41 nC\naccept\n", Hands(["silence"]))
    assert len(told.hands.asked) == 1 and told.journal.session.phase is Phase.EXPOSING
    assert "NO ANSWER for S-1" in told.shown and "refused: nothing is to be confirmed" in told.shown
    again = play("reject exposure the desk was gone\nok S-1\ngo\n", Hands())
    assert [one.token for one in again.hands.asked] == ["S-2"]


def test_a7_an_exposure_that_ended_otherwise_serves_no_reading(play: Callable[..., Play]) -> None:
    told = play(f"ok S-1\n{AIR}\ngo\n6.41 nC\n", Hands(["interrupted, STOP"]))
    assert "interrupted, STOP, 3.00 s by the safety unit" in told.shown
    assert "no reading is due" in told.shown and not told.journal.session.held


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("6,41 nC", "is no number with its unit"),
        ("6.41 pC", "is in pC, and nC is wanted"),
        ("6.41", "is no number with its unit"),
        ("64.1 nC", "is not within"),
        ("read", "no reading on a wire is due"),
        ("reject x", "write it like reject 3"),
        ("reject 0 why", "is none of 0"),
        ("back why", "goes back to no other"),
        ("air 22.4 99.0", "write it like air"),
        ("air 22.4 C 99.0 kPa", "is in C, and degC is wanted"),
        ("air 22.4 degC 104.20 kPa", "read station pressure"),
        ("air 22.4 degC 101.30 kPa", "is 2.4 more; read the barometer itself"),
        ("air station", "write it like air"),
        ("accept", "refused"),
    ],
)
def test_what_is_typed_wrongly_is_said_and_does_nothing(play: Callable[..., Play], line: str, words: str) -> None:
    """Hazards A3 (units) and engineering-G18 (pressure reduced to sea level): refused in words, and the session stands where it stood."""
    told = play(f"ok S-1\n{AIR}\ngo\n{line}\n")
    assert words in told.shown
    assert told.journal.session.phase is Phase.READ and not told.journal.session.held


@pytest.mark.parametrize("line", ["ok", "ok S-2", "ok S-1 S-2"])
def test_a13_another_instrument_is_seen_before_anything_is_exposed(play: Callable[..., Play], line: str) -> None:
    """Hazard A13: the serial number is typed as it is engraved."""
    told = play(f"{line}\ngo\n")
    assert "E1 S-1 is wanted" in told.shown and not told.hands.asked


def test_g18_a_reading_without_air_waits_for_it_and_old_air_is_measured_anew(play: Callable[..., Play]) -> None:
    told = play(f"ok S-1\ngo\n6.41 nC\n{AIR}\n6.41 nC\n")
    assert "the air is not known" in told.shown and len(told.journal.session.held) == 1
    old = play(f"ok S-1\n{AIR}\ngo\n6.42 nC\n", step_s=400.0)
    assert "the air is of" in old.shown and len(old.journal.session.held) == 1


def test_a12_a_pressure_as_high_as_one_reduced_to_sea_level_is_asked_twice(play: Callable[..., Play]) -> None:
    """Hazard A12, below the altitude where it cannot be at all: who has looked at the barometer says so."""
    told = play("ok S-1\nair 22.4 degC 101.30 kPa station\ngo\n6.41 nC\n")
    (held,) = told.journal.session.held
    assert isinstance(held.event, Reading) and held.event.p_kpa == 101.3
    assert (
        reduced(101.3, 400.0) and reduced(100.8, 100.0) == "" and reduced(102.2, 100.0) and reduced(103.0, 30.0) == ""
    )


def test_a_wire_is_made_ready_before_and_read_after(play: Callable[..., Play]) -> None:
    told = play(f"ok S-1\n{AIR}\ngo\ngo\naccept\nok\ngo\naccept\n", Hands(), "wire")
    assert told.code is Exit.AS_INTENDED and len(told.hands.asked) == 2


def test_a_wire_that_is_not_ready_exposes_nothing_and_one_that_fails_is_read_again(play: Callable[..., Play]) -> None:
    told = play(f"ok S-1\n{AIR}\ngo\n", Hands(unready="it does not say who it is"), "wire")
    assert not told.hands.asked and "nothing was exposed" in told.shown
    told = play(f"ok S-1\n{AIR}\ngo\n6.41 nC\nread\n", Hands(said="its value does not settle"), "wire")
    assert told.shown.count("its value does not settle") == 2 and "is read on its wire" in told.shown
    assert not told.journal.session.held


def test_a13_an_instrument_of_another_serial_number_on_the_wire_is_refused(play: Callable[..., Play]) -> None:
    told = play(f"ok S-1\n{AIR}\ngo\n", Hands(said=("6.41 nC", "S-9")), "wire")
    assert "S-9 was read, and E1 S-1 is wanted" in told.shown and not told.journal.session.held


def test_a_desk_that_goes_leaves_the_session(play: Callable[..., Play]) -> None:
    line = Line()
    line.gone = True
    told = play("ok S-1\n", line=line)
    assert told.code is Exit.NO_ANSWER and "taken up again" in told.shown


def test_help_leave_and_rejection(play: Callable[..., Play]) -> None:
    told = play(f"help\nok S-1\n{AIR}\ngo\n6.41 nC\nreject 0 cable moved\nleave\ngo\n")
    assert "reject N WHY" in told.shown and told.code is Exit.NOT_CONFIRMED
    assert told.journal.session.held[0].rejected == "cable moved" and len(told.hands.asked) == 1


def test_a_script_of_hands_types_what_they_read() -> None:
    done: list[dict[str, Any]] = []

    def answers(request: dict[str, Any]) -> dict[str, Any]:
        done.append(request)
        shown = {"electrometer": ("641.05", "pC"), "thermometer": ("22.4", "degC"), "barometer": ("99.00", "kPa")}
        text, unit = shown.get(str(request.get("instrument")), ("", ""))
        return {"ok": request.get("set") != {"volts": 900}, "error": "E08", "text": text, "unit": unit}

    waited: list[float] = []
    room = Room(answers, waited.append)
    script = Script(["# note", "", "@room key SERVICE", "@wait 2.5", "@air", "@read electrometer nC", "go"], room)
    assert [script.typed() for _ in range(4)] == ["air 22.4 degC 99.00 kPa\n", "0.64105 nC\n", "go\n", ""]
    assert done[0] == {"do": "room", "set": {"key": "SERVICE"}} and waited == [2.5]
    for line in ("bench volts 900", "bench volts", "fly", "read"):
        with pytest.raises(ConfigurationError, match="first:"):
            room(line)


@pytest.mark.parametrize(
    ("said", "unit", "written"),
    [
        ("641.05 pC", "nC", "0.64105 nC"), ("0.64 nC", "nC", "0.64 nC"), ("641,05 pC", "nC", "641,05 pC"), ("6.4 mGy", "nC", "6.4 mGy"),
        ("-0.020 pC", "nC", "-0.000020 nC"), ("6.4 xC", "nC", "6.4 xC"),
    ],
)  # fmt: skip
def test_a_display_is_written_in_another_prefix_and_never_in_another_unit(said: str, unit: str, written: str) -> None:
    assert written_in(said, unit) == written


def test_the_picture_draws_at_most_four_a_second_and_plain_lines_have_no_cursor_control() -> None:
    def lines_of(is_plain: bool) -> str:
        console = Console(file=io.StringIO(), force_terminal=True, width=100)
        face = CalibrateFace(console, Script([], str), "CALIBRATION", plain=is_plain)
        face.exposing(True)
        for tick in range(21):
            face.progress(beaming(tick), 0.0)
        face.exposing(False)
        file = console.file
        assert isinstance(file, io.StringIO)
        return file.getvalue()

    drawn, flat = lines_of(False), lines_of(True)
    assert drawn.count("IRRADIATING") == pytest.approx(9, abs=1)
    assert flat.count("IRRADIATING") == 2 and "\x1b[1A" not in flat and "\x1b[2K" not in flat


def beaming(tick: int) -> Snapshot:
    """10 snapshots a second."""
    return snapshot(state="IRRADIATING", beam="on", kv=69.5, ma=1.6, dose=dose(), at_s=100.0 + 0.1 * tick)


def test_traces_and_lines() -> None:
    assert spark([]) == "" and spark([0.0, 0.0]) == "▁▁" and spark([0.0, 1.0, 2.0]) == "▁▅█"
    assert len(spark([1.0] * 500)) <= 48
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(beaming(1), ((69.5, 1.6, 55.0),) * 10, 0.9))
    file = console.file
    assert isinstance(file, io.StringIO)
    shown = file.getvalue()
    assert "BEAM ON" in shown and "0.9 s OLD" in shown and "55.0 mGy/s" in shown and "█" in shown
    assert "SIMULATED IRRADIATING" in plain(beaming(1)) and "69.5 kV" in plain(beaming(1))
