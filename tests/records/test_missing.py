"""Records that are missing lock every treatment until the physicist has signed for that very gap: a fraction that was given and is in no record any more
would be given once more (accident-A17, design-A17)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from day_bench import OPERATOR, PHYSICIST, STRANGER, DayRig, signed
from records_bench import prescribed

from controller.entries import Outcome
from hal.readings import Purpose, UnitState
from records.backup import About, Trust, backup, public, restore
from records.files import PosixFiles
from records.fractions import list_fractions
from records.missing import Missing
from records.sheets import SheetKind, hand_in


@dataclass
class Clinic(DayRig):
    """Its records in a folder of their own."""

    def __post_init__(self) -> None:
        self.changed = {"journal_dir": str(self.records / "journal"), "database": str(self.records / "records.sqlite")}
        super().__post_init__()

    @property
    def records(self) -> Path:
        return self.folder / "records"

    def lay_down(self, sheet: object) -> None:
        hand_in(self.records, sheet)  # type: ignore[arg-type]
        self.clock.go(0.2)
        self.run(0.04)

    def treat(self) -> None:
        """A patient's fraction to its end."""
        self.expose(Purpose.TREAT, 160.0, Outcome.TERMINATED, patient_id="P-1", fraction=1, fractions=6)

    def begin_again(self) -> None:
        """Another process on the same machine."""
        self.drop_recorder()
        self.restart_host(60.0)
        self.unit.state = UnitState.IDLE
        shutil.rmtree(self.folder / "shm" / f"host{self.hosts - 1}")
        self.new_recorder()
        self.host.found()
        self.run(0.2)

    def word(
        self,
        key: object = PHYSICIST,
        index: int | None = None,
        found: str = "charts compared: fraction 1 of P-1 was given",
    ) -> str:
        """Sign for the gap; what the records say to it."""
        assert self.recorder is not None
        gone = self.recorder.book.gone.index if index is None else index
        role = "operator" if key is OPERATOR else "physicist"
        self.lay_down(signed(SheetKind.MISSING, Missing(gone, found), key, role))  # type: ignore[arg-type]
        return self.recorder.book.sheets[SheetKind.MISSING][-1].sheet.body.decode()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic(tmp_path)
    made.new_recorder()
    yield made
    made.close()


ABOUT = About("0", "bench", True, PHYSICIST)
TRUST = Trust("bench", True, public(PHYSICIST))
PATIENT = prescribed(patient_id="P-1", fraction=1, fractions=6)
LOCKED = "what was given meanwhile could be given twice"


def test_a_fraction_that_was_given_after_the_copy_is_not_given_once_more(rig: Clinic) -> None:
    """Treated, the disk dies, the older copy comes back: whatever the day's check says, the physicist decides first."""
    rig.check()
    assert rig.refused(PATIENT) == ""
    backup(PosixFiles(), rig.records, rig.folder / "copy", ABOUT, rig.clock.wall)
    rig.treat()
    assert "is closed" in rig.refused(PATIENT)
    rig.drop_recorder()
    shutil.rmtree(rig.records)
    restore(PosixFiles(), rig.folder / "copy", rig.records, TRUST, "S. One", "the disk died", rig.clock.wall)
    rig.begin_again()
    said = rig.refused(PATIENT)
    assert "is closed" not in said, "the records know nothing of it"
    assert "the safety unit has had token" in said and LOCKED in said
    last = rig.unit.last_token
    assert rig.recorder is not None and last > rig.recorder.book.last_token
    assert rig.expose(Purpose.WARMUP, 20.0) > last, "a token that the unit has had is given once more"
    rig.warm_up()
    rig.lay_down(signed(SheetKind.DAILY, rig.measured(rig.baseline()), OPERATOR, "operator"))
    assert rig.refused(PATIENT).startswith("the safety unit has had token"), (
        "a new check opened what only the physicist may"
    )
    rig.host.confirm(PATIENT)
    rig.run(0.1)
    assert rig.host.take_token() == 0, "a START got its token past the lock"
    for key, index, found in (
        (STRANGER, None, "x"),
        (OPERATOR, None, "x"),
        (PHYSICIST, 1, "x"),
        (PHYSICIST, None, " "),
    ):
        rig.word(key, index, found)
        assert LOCKED in rig.refused(PATIENT)
    rig.word()
    assert rig.refused(PATIENT) == ""
    rig.begin_again()
    assert LOCKED not in rig.refused(PATIENT), "the word is for good"
    assert [row["patient_id"] for row in list_fractions(rig.config.database)].count("P-1") == 0


def test_a_copy_that_lacks_no_exposure_locks_too(rig: Clinic) -> None:
    """What is missing may be a latch, a closing or a signature: no token shows that."""
    rig.expose(Purpose.CALIBRATE)
    backup(PosixFiles(), rig.records, rig.folder / "copy", ABOUT, rig.clock.wall)
    rig.drop_recorder()
    shutil.rmtree(rig.records)
    restore(PosixFiles(), rig.folder / "copy", rig.records, TRUST, "S. One", "the disk died", rig.clock.wall)
    rig.begin_again()
    said = rig.refused(PATIENT)
    assert "restored by S. One from the copy of 2026-11-18" in said and "the disk died" in said and LOCKED in said
    assert rig.refused(prescribed(purpose=Purpose.WARMUP, patient_id="CALIBRATION", fraction=3)) == ""
    rig.word()
    assert LOCKED not in rig.refused(PATIENT)


@pytest.mark.grid
def test_a_later_gap_needs_a_word_of_its_own(rig: Clinic) -> None:
    rig.expose(Purpose.CALIBRATE)
    rig.unit.last_token += 5
    rig.begin_again()
    assert LOCKED in rig.refused(PATIENT)
    first = rig.recorder.book.gone if rig.recorder is not None else None
    rig.begin_again()
    assert rig.recorder is not None and rig.recorder.book.gone == first, "the same gap, seen again"
    rig.word()
    assert LOCKED not in rig.refused(PATIENT)
    rig.unit.last_token += 1
    rig.begin_again()
    assert LOCKED in rig.refused(PATIENT)


@pytest.mark.grid
def test_a_rig_whose_day_is_waived_is_simulated_and_locks_nothing(tmp_path: Path) -> None:
    rig = Clinic(tmp_path, waived=True)
    rig.new_recorder()
    rig.unit.last_token = 7
    rig.begin_again()
    assert LOCKED not in rig.refused(msgspec.structs.replace(PATIENT, fraction=2))
    rig.close()
