"""Over a cold filament, through the shipped loop in virtual time: the bleeder is seen, no dose is given, and each failure of it is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from calibration.procedures.session import Expose
from console.calibrate.exposing import Answered, Hand, Kept, Person, Unanswered
from console.treat.session import Session
from console.tube_use import since_warmup_s
from controller.kernel import PLAIN, Kernels
from controller.requests import Load, Snapshot
from hal.readings import Purpose
from records.files import PosixFiles
from records.journal import read_all
from records.replay import Difference, exposures, replay
from simulators.tube import Tube
from simulators.unit_firmware import UnitFirmware
from simulators.unit_memory import UnitConfig, UnitMemory
from simulators.world import World
from tests.scenarios.test_exposing import Face
from verification.invariants import check_all
from verification.rigs import Choice
from verification.setting import blob_of, lay_out, prescribed, recorder_of
from verification.trace import Observer
from verification.virtual import VirtualRig
from verification.virtual_desk import VirtualDesk, VirtualNow

pytestmark = [pytest.mark.timeout(120), pytest.mark.grid]

LIT_A = 2.9
ASKED = Expose("S-1", "service", 69.5, 0.0, "F2", "A20", 5.0, 0.0, "cold")
Act = Callable[[VirtualRig], None]


class Watching(Face):
    """Does one thing when the beam state is shown for the first time."""

    def __init__(self, rig: VirtualRig, act: Act | None) -> None:
        self._rig, self._act = rig, act
        self.states: list[str] = []

    def progress(self, shown: Snapshot, silent_s: float) -> None:
        super().progress(shown, silent_s)
        if not self.states or self.states[-1] != shown.state:
            self.states.append(shown.state)
        if self._act is not None and shown.state == "IRRADIATING":
            act, self._act = self._act, None
            act(self._rig)


@dataclass
class Dry:
    """A rig with the key in SERVICE, and a physicist at its hand."""

    rig: VirtualRig
    folder: Path
    face: Watching | None = None

    def exposes(self, act: Act | None = None, role: str = "physicist", **other: Any) -> Answered | Unanswered:
        session = Session(VirtualDesk(self.rig), self.folder / "stop", VirtualNow(self.rig))

        def pressed() -> str:
            self.rig.press()
            return ""

        self.face = Watching(self.rig, act)
        hand = Hand(
            session,
            self.rig.blob.certificate,
            self.kept,
            Person("P. One", role),
            self.face,
            pressed,
        )
        return hand.expose(replace(ASKED, **other))

    @property
    def kept(self) -> Kept:
        return Kept(Path(self.rig.recorder_config.database))

    @property
    def memory(self) -> UnitMemory:
        unit = self.rig.world.unit
        assert isinstance(unit, UnitFirmware)
        return unit.nv

    @property
    def state(self) -> str:
        shown = self.rig.snapshot()
        assert shown is not None
        return shown.state

    @property
    def dose_mgy(self) -> float:
        return float(self.rig.truth()["dose_mgy"])


Make = Callable[..., Dry]


@pytest.fixture
def dry(tmp_path: Path, kernels: Kernels) -> Iterator[Make]:
    made: list[VirtualRig] = []

    def make(bleeder_gohm: float = 1.0, generator: str = "spellman-xrv", monitor: bool = True) -> Dry:
        choice = Choice(generator)
        setting = lay_out(tmp_path / "rig", tmp_path / "records", "time", 15020, choice=choice)
        blob = blob_of(setting)
        world = World(
            replace(choice.profile, bleeder_gohm=bleeder_gohm),
            1,
            UnitConfig(site_key=blob.site_key, monitor_fitted=monitor),
        )
        rig = VirtualRig(blob, recorder_of(setting.folder, setting.records), kernels, setting.folder, world)
        rig.room(key="SERVICE")
        made.append(rig)
        return Dry(rig, tmp_path)

    yield make
    for rig in made:
        rig.close()


def played_again(made: Dry) -> list[Difference | None]:
    """Each exposure of the journal through judge, decide and drive once more."""
    made.rig.wait(0.5)
    rows = read_all(PosixFiles(), Path(made.rig.recorder_config.journal_dir))
    return [replay(one, PLAIN).difference for one in exposures(rows) if one.rows]


def lit(rig: VirtualRig) -> None:
    """Whatever is set, the filament gets what it needs for a beam."""
    assert rig.world.plant.supply.hv_on


def test_it_shows_the_bleeder_and_gives_no_dose(dry: Make) -> None:
    """Its record has time, counts, kV and mA, no dose and no charge; the cable empties in STOPPING, and nothing of it counts as beam, heat or a warm tube."""
    made = dry()
    observer = Observer(made.rig)
    answer = made.exposes()
    assert isinstance(answer, Answered) and (answer.ended, answer.timer_s) == ("complete", 5.0)
    assert answer.record.ma == pytest.approx(0.0695, abs=0.0015) and answer.record.kv == pytest.approx(69.5, abs=0.2)
    assert answer.record.set_ma == 0.0 and made.dose_mgy < 1e-9
    row = made.kept.of("S-1")
    assert (
        row["outcome"] == "TERMINATED"
        and row["quality"] == "GOOD"
        and row["high_mgy"] < 0.1
        and row["dt_mgy"] == row["dm_mgy"] == 0.0
    )
    assert made.kept.rows()[0]["purpose"] == "DRY_RUN"
    assert check_all(observer.trace()) == [] and played_again(made) == [None]
    assert since_warmup_s(made.kept.used(), made.kept.rows()[0]["ended_wall_s"] + 60.0) == 0.0


def test_a_cable_that_takes_a_minute_is_neither_stuck_on_nor_latched(dry: Make) -> None:
    """20 GOhm and 1 nF: 53 s until 5 kV; then the next one follows."""
    made = dry(bleeder_gohm=20.0)
    observer = Observer(made.rig)
    began = made.rig.now_s()
    answer = made.exposes()
    assert isinstance(answer, Answered) and answer.ended == "complete"
    assert made.face is not None and "STUCK_ON" not in made.face.states and made.rig.now_s() - began > 50.0
    assert made.memory.latch_code == 0
    assert check_all(observer.trace()) == [] and played_again(made) == [None]


def test_a_filament_that_is_lit_before_is_never_armed(dry: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that heats it whatever is set, and says so: no offer, no high voltage, and the words say what is read back."""
    step, skip_dark = Tube.step, Tube.skip_dark
    monkeypatch.setattr(Tube, "step", lambda self, driving, kv, ma, *_: step(self, driving, kv, ma, LIT_A, LIT_A))
    monkeypatch.setattr(Tube, "skip_dark", lambda self, ms, *_: skip_dark(self, ms, LIT_A, LIT_A))
    made = dry()
    answer = made.exposes()
    assert isinstance(answer, Answered) and answer.ended.startswith("not exposed: no offer"), answer
    assert "this one reads back 2.90 A, at most 0.5 A" in answer.ended
    assert made.dose_mgy == 0.0 and made.memory.run_count == 0


def test_a_filament_that_is_lit_ends_it_by_what_is_read_back(dry: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(rig: VirtualRig) -> None:
        lit(rig)
        monkeypatch.setattr(Tube, "_regulated", lambda *_: LIT_A)

    made = dry()
    answer = made.exposes(act)
    assert isinstance(answer, Answered) and answer.ended != "complete", answer
    assert "ma_high" in answer.ended and "it is lit" in answer.ended
    assert answer.timer_s < 4.0 and made.dose_mgy < 2.0


def test_a_filament_that_is_lit_behind_its_read_back_ends_it_by_radiation(
    dry: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kV, mA and filament stand still as they were, for a second: what is left are the chambers."""

    def act(rig: VirtualRig) -> None:
        lit(rig)
        rig.fault("readback-frozen", 1.0)
        monkeypatch.setattr(Tube, "_regulated", lambda *_: LIT_A)

    made = dry()
    answer = made.exposes(act)
    assert isinstance(answer, Answered) and "radiation where none was asked" in answer.ended, answer
    assert answer.timer_s < 4.0 and made.dose_mgy < 5.0


def test_counts_that_appear_end_it(dry: Make) -> None:
    """40 a second in both chambers: a leak or a filament, nobody knows which."""
    made = dry()
    answer = made.exposes(lambda rig: rig.fault("leakage-high"))
    assert isinstance(answer, Answered) and "radiation where none was asked" in answer.ended, answer


def test_a_current_that_reads_back_is_never_armed(dry: Make) -> None:
    """The generator keeps 1.6 mA and acknowledges 0."""
    made = dry()
    made.rig.world.plant.supply.ma_counts = 1310
    made.rig.fault("set-point-ignored")
    answer = made.exposes()
    assert isinstance(answer, Answered) and answer.ended.startswith("not exposed: no offer"), answer
    assert made.dose_mgy == 0.0 and made.memory.run_count == 0


@pytest.mark.parametrize("says_off", [False, True])
def test_a_supply_that_ignores_off_is_stuck_on_and_no_cable(dry: Make, says_off: bool) -> None:
    """Its inverter keeps its power too: kV stand where they stood. Whether or not it says so: STUCK_ON, and the unit latches."""

    def act(rig: VirtualRig) -> None:
        supply = rig.world.plant.supply
        if says_off:
            rig.world.plant.tube._bleeder_ma_kv = 0.0
        else:
            supply.deaf_to_off = supply.deaf_to_interlock = supply.power_bypassed = True

    made = dry()
    observer = Observer(made.rig)
    answer = made.exposes(act)
    assert isinstance(answer, Unanswered), answer
    made.rig.wait(3.0)
    assert [one for one in check_all(observer.trace()) if one.invariant == "20"] == []
    assert made.state == "STUCK_ON" and made.memory.latch_code
    assert made.dose_mgy < 1e-9


def test_a_unit_that_is_lost_ends_it_and_is_no_stuck_beam(dry: Make) -> None:
    """Its lease opens K1 without us; the generator's own line and kV say that it is off."""
    made = dry()
    answer = made.exposes(lambda rig: rig.fault("unit-silent", 3.0))
    assert not isinstance(answer, Answered) or "unit_link" in answer.ended, answer
    assert made.face is not None and "STUCK_ON" not in made.face.states and made.dose_mgy < 1e-9


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"ma": 1.6, "mas_cap": 8.1}, "mA 1.6 is not 0"),
        ({"seconds": 10.0}, "for 5 s, and S-1 asks for 10 s"),
        ({"kv": 60.0}, "is in no combination"),
        ({"role": "operator"}, "DRY_RUN is for physicist or service"),
    ],
)
def test_what_is_refused(dry: Make, other: dict[str, Any], words: str) -> None:
    made = dry()
    answer = made.exposes(**other)
    assert isinstance(answer, Answered) and words in answer.ended, answer
    assert made.memory.run_count == 0


def test_with_the_key_in_treat_it_is_refused_and_no_patient_has_one(dry: Make) -> None:
    made = dry()
    made.rig.room(key="TREAT")
    answer = made.exposes()
    assert isinstance(answer, Answered) and "key is not in SERVICE" in answer.ended
    made.rig.room(key="SERVICE")
    made.rig.wait(0.5)
    said = made.rig.ask(Load(msgspec.structs.replace(prescribed(), purpose=Purpose.DRY_RUN), "op", "physicist"))
    assert not said.ok and "mA 1.6 is not 0" in said.words


@pytest.mark.parametrize("generator", ["spellman-ux", "spellman-dxm"])
def test_every_generator_whose_filament_can_be_set(dry: Make, generator: str) -> None:
    made = dry(generator=generator)
    answer = made.exposes()
    assert isinstance(answer, Answered) and answer.ended == "complete", answer
    assert answer.record.ma == pytest.approx(0.0695, abs=0.003) and made.dose_mgy < 1e-9


def test_a_filament_that_nobody_reads_any_more_ends_it(dry: Make) -> None:
    """A DXM answers 62 with a bare 2, which is 2 counts of 4095 or error 2: unknown after 2 s, and no dry run goes on over it."""
    made = dry(generator="spellman-dxm")
    answer = made.exposes(lambda rig: rig.fault("filament-query-refused"))
    assert isinstance(answer, Answered) and "filament" in answer.ended, answer
    assert made.dose_mgy < 1e-9


@pytest.mark.parametrize("generator", ["spellman-xrb011", "spellman-xrb80", "seifert-3003", "technix", "genix3d"])
def test_a_generator_whose_filament_nobody_can_set_says_so(dry: Make, generator: str) -> None:
    made = dry(generator=generator)
    answer = made.exposes(kv=Choice(generator).beam.kv)
    assert isinstance(answer, Answered) and "no DRY_RUN with this generator" in answer.ended, answer


def test_a_program_that_dies_in_it_leaves_no_dose_by_its_time(dry: Make) -> None:
    """What the safety unit retains closes the record: 5 s at the certified rate would be 275 mGy, and nothing was given."""
    made = dry()

    def act(rig: VirtualRig) -> None:
        rig.kill_host()
        rig.wait(8.0)
        rig.start_host()

    answer = made.exposes(act)
    assert not isinstance(answer, Answered) or answer.ended != "complete", answer
    made.rig.wait(12.0)
    row = made.kept.of("S-1")
    assert row["recovered"] and row["quality"] == "GOOD" and row["high_mgy"] < 0.5, row
    assert made.dose_mgy < 1e-9


def test_an_exposure_with_the_key_in_service_is_played_again_as_it_was(dry: Make) -> None:
    """A calibration: the key's contact for treatment stands open all the while, and had been told before."""
    made = dry()
    answer = made.exposes(how="beam", ma=1.6, mas_cap=6.47, seconds=4.0)
    assert isinstance(answer, Answered) and answer.ended == "complete", answer
    assert played_again(made) == [None]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda rig: rig.stop(), "STOP"),
        (lambda rig: rig.room(door_open=True), "door"),
        (lambda rig: rig.room(key="TREAT"), "key"),
        (lambda rig: rig.room(emergency_stop=True), "emergency"),
        (lambda rig: rig.fault("unit-timer-dead"), "timer"),
        (lambda rig: rig.fault("arc"), "the beam was lost"),
    ],
)
def test_it_ends_like_every_exposure(dry: Make, act: Act, words: str) -> None:
    """STOP, door, key, emergency stop, a dead timer, an arc: it ends, its cable empties, and it is nowhere taken for whole."""
    made = dry()
    answer = made.exposes(act)
    assert isinstance(answer, Answered) and answer.ended != "complete" and words in answer.ended, answer
    assert answer.timer_s < 5.7 and made.dose_mgy < 1e-9
    assert made.face is not None and "STUCK_ON" not in made.face.states


def test_a_stopped_one_is_closed_and_the_next_is_whole(dry: Make) -> None:
    made = dry()
    first = made.exposes(lambda rig: rig.stop())
    assert isinstance(first, Answered) and first.ended.startswith("interrupted"), first
    second = made.exposes(token="S-2")
    assert isinstance(second, Answered) and second.ended == "complete", second
    again = made.exposes(token="S-2")
    assert isinstance(again, Unanswered) and "asked for already" in again.words


def test_a_unit_without_a_monitor_of_kv_waits_for_no_high_voltage(dry: Make) -> None:
    """No start window is asked, for no chamber may see anything; off is proved by the generator's kV and K1's mirror."""
    made = dry(monitor=False)
    answer = made.exposes()
    assert isinstance(answer, Answered) and (answer.ended, answer.timer_s) == ("complete", 5.0), answer


@pytest.mark.parametrize("waits", [True, False])
def test_g6_a_beam_right_after_a_dry_run(dry: Make, monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    """Hazard G6: the hand gives the filament its time, and the beam is whole. Who does not sees the current overshoot: the beam is ended within half a
    second, its dose is counted, and nothing is taken for whole."""
    if not waits:
        monkeypatch.setattr("console.calibrate.exposing.FILAMENT_S", 0.0)
    made = dry()
    assert isinstance(made.exposes(), Answered)
    answer = made.exposes(token="S-2", ma=1.6, seconds=4.0, mas_cap=6.47, how="beam")
    assert isinstance(answer, Answered)
    if waits:
        assert answer.ended == "complete", answer
        return
    assert "ma_steady" in answer.ended and "let the filament warm up" in answer.ended and answer.timer_s < 0.6, answer
    row = made.kept.of("S-2")
    assert row["quality"] == "GOOD" and 1.0 < made.dose_mgy <= row["high_mgy"] < 30.0
