"""The served rig as a process, and two Modbus masters that are not ours: minimalmodbus over a pty, pyModbusTCP over TCP.
They read what docs/safety-unit.md says, can DISARM, and can neither arm nor reset."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import minimalmodbus
import pytest
from pyModbusTCP.client import ModbusClient
from unit_bench import pack_set

from simulators.cli import ask

KEY_HEX = "00112233445566778899aabbccddeeff"
PROGRAM = (
    "import typer; from simulators.cli import inject, sim; app = typer.Typer(); "
    "app.command('sim')(sim); app.command('inject')(inject); app()"
)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert isinstance(port, int)
        return port


def kerma(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_ready(process: subprocess.Popen[str]) -> list[str]:
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if "ready" in line:
            return lines
    raise AssertionError(f"ended before it was ready: {lines}")


def finish(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    return out


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """A served rig (unit on TCP) and, from the same program, a unit by itself on a pty."""
    folder = tmp_path_factory.mktemp("rig")
    port = free_port()
    (folder / "rig.toml").write_text(
        f'[rig]\nname = "t"\nsimulated = true\n[generator]\ndriver = "spellman-xrv"\nlink = "pty:var/generator"\nbaud = 115200\nmodel = "x"\n'
        f'[safety_unit]\ndriver = "kerma-unit"\nlink = "tcp:127.0.0.1:{port}"\n'
        f'[simulated]\ncontrol = "var/c"\nseed = 3\nsite_key_hex = "{KEY_HEX}"\nunit_memory = "var/nv.json"\n[records]\ndir = "x"\n'
    )
    served = kerma("sim", "rig.toml", cwd=folder)
    alone = kerma("sim", "--device", "kerma-unit", "--listen", "pty:var/unit", cwd=folder)
    try:
        assert all("SIMULATED" in line for line in wait_ready(served) + wait_ready(alone))
        yield folder, port
        assert "SIMULATED: ended" in finish(served)
        finish(alone)
        assert sorted(path.name for path in (folder / "var").iterdir()) == ["nv.json"]
    finally:
        for process in (served, alone):
            if process.poll() is None:
                process.kill()
                process.communicate()


def words(values: list[int]) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def registers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


@pytest.mark.realtime
def test_a_foreign_master_over_tcp(rig: tuple[Path, int]) -> None:
    folder, port = rig
    master = ModbusClient(host="127.0.0.1", port=port, unit_id=1, timeout=5.0)
    identity = words(master.read_holding_registers(0x0000, 30))
    assert identity[:4] == b"KERM"
    assert zlib.crc32(identity[:-4]) == int.from_bytes(identity[-4:], "big")
    assert master.read_holding_registers(0x0106, 1) == [0x1111]
    assert master.write_multiple_registers(0x0300, registers(pack_set(applicator=0x35, filter=0xF2)))
    crc = zlib.crc32(pack_set(applicator=0x35, filter=0xF2))
    assert master.write_multiple_registers(0x031C, [crc >> 16, crc & 0xFFFF])
    status = words(master.read_holding_registers(0x0100, 32))
    assert zlib.crc32(status[:-4]) == int.from_bytes(status[-4:], "big")
    assert status[12:14] == b"\x22\x22"
    challenge = registers(status)[4:6]
    assert not master.write_multiple_registers(0x0320, [0, 1, crc >> 16, crc & 0xFFFF, *challenge, 0xDEAD, 0xBEEF])
    assert master.last_except == 3
    assert not master.write_multiple_registers(0x0328, [0, 1, 0x5253, 0, *challenge, 0xDEAD, 0xBEEF])
    assert master.last_except == 3
    assert master.read_holding_registers(0x0106, 1) == [0x2222]
    assert master.write_single_register(0x0210, 1)
    assert master.read_holding_registers(0x0106, 1) == [0x1111]
    assert master.read_holding_registers(0x0107, 1) == [18]
    master.close()
    truth = ask(folder / "var" / "c", {"do": "truth"})
    assert truth["ok"] is True


@pytest.mark.realtime
def test_a_foreign_master_over_rtu_on_a_pty(rig: tuple[Path, int]) -> None:
    folder, _ = rig
    master = minimalmodbus.Instrument(str(folder / "var" / "unit"), 1)
    assert master.serial is not None
    master.serial.baudrate, master.serial.timeout = 115200, 0.7  # a refusal is shorter than what it waits for
    try:
        identity = words(master.read_registers(0x0000, 30))
        assert identity[:4] == b"KERM"
        assert zlib.crc32(identity[:-4]) == int.from_bytes(identity[-4:], "big")
        status = words(master.read_registers(0x0100, 32))
        assert zlib.crc32(status[:-4]) == int.from_bytes(status[-4:], "big")
        master.write_register(0x0210, 1, functioncode=6)
        master.write_register(0x0210, 1, functioncode=16)
        for address in (0x0320, 0x0328):
            with pytest.raises(minimalmodbus.IllegalRequestError):
                master.write_registers(address, [0, 1, 2, 3, 4, 5, 6, 7])
        with pytest.raises(minimalmodbus.IllegalRequestError):
            master.read_registers(0x0320, 8)
    finally:
        master.serial.close()


@pytest.mark.realtime
def test_inject_and_its_mistakes(rig: tuple[Path, int]) -> None:
    """inject reaches the served rig; a second simulator on the same wires is refused; each mistake has its exit code."""
    folder, _ = rig
    for arguments, code, said in (
        (("inject", "door-open", "--for", "0.1", "--control", "var/c"), 0, "SIMULATED"),
        (("inject", "--list"), 0, "door-open"),
        (("inject", "nonsense", "--control", "var/c"), 2, "not known"),
        (("inject", "door-open", "--control", "var/nobody"), 3, "does not answer"),
        (("sim", "rig.toml"), 3, "another simulator"),
    ):
        process = kerma(*arguments, cwd=folder)
        out, _ = process.communicate(timeout=20)
        assert (process.returncode, said in out) == (code, True), out
    assert os.path.islink(folder / "var" / "generator")
