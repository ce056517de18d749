"""`kerma wire` shows what passed, in the driver's words, says what was lost and what is SIMULATED, and goes on over a restart until Ctrl-C."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from console import records, wire
from console.exit_codes import Exit
from console.places import Places
from console.wire import Asked, in_words
from controller.wire_ring import WireFrame, WireRing
from hal.rig import RigConfig
from hal.units import Seconds
from hal.wire_log import LOG_FRAMES, FrameLog
from records.wires import Kept

DISARM = bytes.fromhex("0007 0000 0006 01 06 0210 0001")
FLAGS = b"\x0222,p\x03"
"""Command 22 with its check character: 0x32+0x32+0x2C = 0x90, two's complement 0x70, with 0x40 set 0x70."""


class Clock:
    """Each sleep lets something happen; the last one is Ctrl-C."""

    def __init__(self, *then: Callable[[], None]) -> None:
        self.now = 1000.0
        self._then = list(then)

    def monotonic(self) -> Seconds:
        return Seconds(self.now)

    def wall(self) -> Seconds:
        return Seconds(self.now + 1_795_000_000.0 - 1000.0)

    def sleep_until(self, deadline: Seconds) -> None:
        self.now = deadline
        if not self._then:
            raise KeyboardInterrupt
        self._then.pop(0)()


class Process:
    """As much of a real-time process as leaves frames."""

    def __init__(self, where: Places, name: str, simulated: bool = True) -> None:
        rig = RigConfig(
            name="demo", simulated=simulated, generator_driver="spellman-xrv", generator_link="pty:g", generator_baud=9600, generator_model="XRV",
            full_scale_kv=100.0, full_scale_ma=5.0, turnaround_s=0.002, safety_unit_driver="kerma-unit", safety_unit_link="tcp:127.0.0.1:1",
            safety_unit_baud=115200, unit_serial="KU",
        )  # fmt: skip
        folder = where.shm / name
        self.ring = WireRing(str(folder), 64)
        (folder / "blob").write_bytes(msgspec.msgpack.encode({"rig": rig, "site_key": b"secret", "tick_hz": 100.0}))
        where.instance.write_text(name + "\n", encoding="ascii")
        self.logs = {"generator": FrameLog(), "unit": FrameLog(), "unit stop": FrameLog()}

    def says(self, link: str, data: bytes, at_s: float = 1000.0, sent: bool = True) -> None:
        self.logs[link].add(Seconds(at_s), sent, data)
        self.ring.put(self.logs, Seconds(at_s))


@pytest.fixture
def where(tmp_path: Path) -> Places:
    return Places(tmp_path, tmp_path / "desk.sock", tmp_path / "stop.sock")


def asked(follow: bool = False, link: str = "", last_s: float | None = None, as_json: bool = False) -> Asked:
    return Asked(follow, link, last_s, as_json)


def test_frames_stand_with_time_wire_direction_hex_and_words(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    process = Process(where, "a1")
    process.says("generator", FLAGS, 999.99)
    process.says("unit stop", DISARM, 1000.0)
    assert wire.run(where, Clock(), asked()) is Exit.AS_INTENDED
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.startswith("SIMULATED  rig demo")
    assert first.endswith(f"generator -> {FLAGS.hex(' ')}  22 flags")
    assert second.endswith(f"unit stop -> {DISARM.hex(' ')}  #7 DISARM")
    assert first[:12] < second[:12] and first[8] == "."


def test_a_real_rig_is_not_called_simulated(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    Process(where, "a1", simulated=False).says("generator", FLAGS)
    wire.run(where, Clock(), asked())
    assert "SIMULATED" not in capsys.readouterr().out


def test_one_link_and_the_last_seconds_only(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    process = Process(where, "a1")
    for at_s in (990.0, 999.5, 1000.0):
        process.says("generator", FLAGS, at_s)
        process.says("unit", DISARM, at_s)
        process.says("unit stop", DISARM, at_s)
    wire.run(where, Clock(), asked(link="unit", last_s=1.0, as_json=True))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["link"], one["mono_ns"]) for one in told] == [
        ("unit", int(999.5e9)), ("unit stop", int(999.5e9)), ("unit", int(1000e9)), ("unit stop", int(1000e9)),
    ]  # fmt: skip
    assert told[0] == {
        "simulated": True, "rig": "demo", "instance": "a1", "wall_s": 1_794_999_999.5, "mono_ns": 999_500_000_000, "link": "unit", "sent": True,
        "hex": DISARM.hex(), "words": "#7 DISARM",
    }  # fmt: skip


def test_no_process_is_no_answer(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    assert wire.run(where, Clock(), asked()) is Exit.NO_ANSWER
    assert "first: start kerma run" in capsys.readouterr().err


def test_following_goes_on_over_a_restart_and_ends_politely(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    first = Process(where, "a1")
    first.says("generator", b"before it was asked")
    second: list[Process] = []
    clock = Clock(
        lambda: first.says("generator", FLAGS),
        first.ring.close,
        lambda: None,
        lambda: second.append(Process(where, "b2")) or second[0].says("unit", DISARM),  # type: ignore[func-returns-value]
        lambda: None,
    )
    assert wire.run(where, clock, asked(follow=True)) is Exit.AS_INTENDED
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert "following instance a1" in lines[0] and lines[1].endswith("22 flags")
    assert "following instance b2" in lines[2] and lines[3].endswith("#7 DISARM"), "from its first frame"
    assert len(lines) == 4
    assert "instance a1 has ended" in said.err and "waiting for kerma run" in said.err


def test_following_waits_for_a_process_that_is_not_there_yet(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[Process] = []
    clock = Clock(
        lambda: made.append(Process(where, "a1")),
        lambda: made[0].says("unit", DISARM),
        lambda: None,
    )
    assert wire.run(where, clock, asked(follow=True)) is Exit.AS_INTENDED
    assert capsys.readouterr().out.splitlines()[-1].endswith("#7 DISARM")


def test_a_reader_that_is_too_slow_says_how_much_it_missed(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    process = Process(where, "a1")

    def flood() -> None:
        for _ in range(200):
            process.says("unit", DISARM)

    wire.run(where, Clock(flood, lambda: None), asked(follow=True, as_json=True))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    lost = sum(one["lost"] for one in told if "lost" in one)
    assert lost + sum("hex" in one for one in told) == 200 and lost > 100


def test_a_flooded_wire_says_so(where: Places, capsys: pytest.CaptureFixture[str]) -> None:
    process = Process(where, "a1")
    for _ in range(LOG_FRAMES + 2):
        process.logs["generator"].add(Seconds(1000.0), False, b"x")
    process.says("unit", DISARM)
    wire.run(where, Clock(), asked())
    assert "LOST 2 on generator" in capsys.readouterr().out


def test_words_never_end_the_listing() -> None:
    words = in_words("no-such-driver", "kerma-unit")
    assert "not installed here" in words("generator", True, b"x")
    assert words("unit stop", True, DISARM) == "#7 DISARM"
    assert "part of a frame" in words("unit", False, b"\xff\xff")


def test_the_document_of_a_process_is_read_without_its_key(where: Places) -> None:
    Process(where, "a1")
    assert set(wire.Document.__struct_fields__) == {"rig"}


@pytest.mark.parametrize("name", ["../a1", "", "a/b", "x" * 65])
def test_a_foreign_instance_name_is_followed_nowhere(where: Places, name: str) -> None:
    Process(where, "a1")
    where.instance.write_text(name)
    assert wire.run(where, Clock(), asked()) is Exit.NO_ANSWER


def test_what_was_kept_of_a_trip_is_shown_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = Kept(
        "a1",
        7,
        "door",
        10**12,
        1_794_999_000.0,
        "demo",
        True,
        "spellman-xrv",
        "kerma-unit",
        (WireFrame(10**12, "unit stop", True, DISARM),),
    )
    data = msgspec.msgpack.encode(kept)
    (tmp_path / "wires").mkdir()
    (tmp_path / "wires" / "a1-1.wire").write_bytes(data)
    row = {
        "token": 7,
        "rule": "door",
        "words": "1 frames in wires/a1-1.wire",
        "name": "a1-1.wire",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    monkeypatch.setattr(records, "rig_of", lambda _: SimpleNamespace(records=tmp_path))
    monkeypatch.setattr(records.fractions, "wires", lambda _database, _token: [row])
    assert records.wire(None, 7, False) is Exit.AS_INTENDED
    head, line = capsys.readouterr().out.splitlines()
    assert "SIMULATED" in head and "token 7, door at" in head and line.endswith("#7 DISARM")
    (tmp_path / "wires" / "a1-1.wire").write_bytes(data.replace(b"door", b"roof"))
    assert records.wire(None, 7, False) is Exit.UNFIT
    assert "was changed since it was kept" in capsys.readouterr().err
    (tmp_path / "wires" / "a1-1.wire").unlink()
    assert records.wire(None, 7, False) is Exit.UNFIT


def test_figures_and_frames_of_an_exposure_in_records_show() -> None:
    found = {
        "links": [
            {"token": 7, "rule": "door", "words": "unit: 9 of 9 good | generator: 8 of 9 good"},
            {"token": 7, "rule": "", "words": "unit: 10 of 10 good"},
        ],
        "wires": [{"token": 7, "rule": "door", "words": "12 frames in wires/a1-1.wire", "name": "a1-1.wire"}],
    }
    assert records.wire_lines(found) == [
        "wires of exposure 7 when door tripped: unit: 9 of 9 good",
        "wires of exposure 7 when door tripped: generator: 8 of 9 good",
        "wires of exposure 7 at its end: unit: 10 of 10 good",
        "frames around door of exposure 7: 12 frames in wires/a1-1.wire; kerma records wire 7 shows them",
    ]
