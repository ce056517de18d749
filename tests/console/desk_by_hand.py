"""What the console's tests share: example files as dictionaries, a way to write them back, words of the desk made by hand, and a scripted desk.
It proves nothing by itself."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from console.places import Places
from controller.prescribed import Certificate, Combination
from controller.requests import Answer, DoseShown, Ended, Offer, Reply, Request, RuleShown, Snapshot
from hal.readings import Purpose, Termination, TimerStart

EXAMPLES = Path(__file__).parents[2] / "examples"


def dumped(document: dict[str, Any]) -> str:
    """TOML of nested tables of plain values."""
    lines: list[str] = []

    def table(name: str, values: dict[str, Any]) -> None:
        if name:
            lines.append(f"[{name}]")
        inner = {key: value for key, value in values.items() if isinstance(value, dict)}
        for key, value in values.items():
            if key not in inner:
                lines.append(f"{key} = {json.dumps(value).replace('NaN', 'nan').replace('Infinity', 'inf')}")
        for key, value in inner.items():
            table(f"{name}.{key}" if name else key, value)

    table("", document)
    return "\n".join(lines) + "\n"


def snapshot(**changes: Any) -> Snapshot:
    """A quiet simulated rig in STANDBY, with changes."""
    quiet: dict[str, Any] = {
        "simulated": True,
        "rig": "demo",
        "instance": "i1",
        "pid": 4321,
        "tick": 100,
        "at_s": 1e12,
        "wall_s": 1.8e9,
        "state": "STANDBY",
        "since_s": 2.5,
        "beam": "off",
        "kv_set": None,
        "kv": 0.0,
        "ma_set": None,
        "ma": 0.0,
        "unit_state": "IDLE",
        "k1_open": True,
        "k2_open": True,
        "rules": (RuleShown("door", "TRUE", 0.012, ""), RuleShown("key", "TRUE", 0.012, "")),
        "first_to_fix": "",
        "latches": (),
        "offer": None,
        "dose": None,
        "ended": None,
        "open_fractions": (),
        "recorder_lag_s": 0.03,
        "desk_age_s": 0.1,
        "late_ticks": 0,
        "skipped_ticks": 0,
        "lateness_us": (40.0, 120.0, 900.0),
        "links": ("unit up",),
    }
    return Snapshot(**(quiet | changes))


def dose(**changes: Any) -> DoseShown:
    plain: dict[str, Any] = {
        "d1_mgy": 1117.6, "d2_mgy": 1120.0, "dt_mgy": 1118.0, "dm_mgy": 1119.0, "delivered_mgy": 1117.6, "low_mgy": 1117.6, "high_mgy": 1120.0,
        "quality": "GOOD", "d0_mgy": 1117.647, "rx_factor": 0.85, "beam_s": 20.45, "set_time_s": 20.46, "rate_mgy_per_s": 55.0,
    }  # fmt: skip
    return DoseShown(**(plain | changes))


def ended(**changes: Any) -> Ended:
    plain: dict[str, Any] = {
        "token": 7, "fraction_tag": 99, "segment": 1, "outcome": "TERMINATED", "event": "DOSE_END", "rule": "unit:COUNT_PRESET", "words": "",
        "void": False, "dose": dose(), "rest_mgy": 0.0, "durable": True, "reaction_s": None,
    }  # fmt: skip
    return Ended(**(plain | changes))


def offer(**changes: Any) -> Offer:
    """The offer that the examples' short prescription and `certificate` give."""
    plain: dict[str, Any] = {
        "id": 1, "digest": b"\x01" * 32, "kv": 69.499, "ma": 1.6, "kv_counts": 2846, "ma_counts": 1310, "applicator_id": "A20", "filter_id": "F2",
        "purpose": Purpose.TREAT, "termination": "monitor", "rx_mgy": 950.0, "skin_mgy": 1117.647, "d0_mgy": 1117.647, "rest_mgy": 1117.647,
        "set_time_s": 20.47, "count_preset": 55815, "timer_preset_ms": 21470, "segment": 1, "certificate_sha256": b"\x02" * 32,
    }  # fmt: skip
    return Offer(**(plain | changes))


def certificate(**changes: Any) -> Certificate:
    combination = Combination(
        kv=69.5, ma=1.6, filter_id="F2", filter_code=0xF2, applicator_id="A20", applicator_code=0x35, r0_mgy_per_s=55.0, dt_s=-0.145,
        tail_mgy=1.5, n1_mgy_per_count=0.02, n2_mgy_per_count=0.0196, leak1_cps=0.5, leak2_cps=0.3, g_kv=((10.0, 0.0), (69.5, 1.0)),
        pdd=((0.0, 100.0), (3.0, 85.0), (4.0, 79.0)), effective_ssd_mm=60.0, max_skin_mgy=20_000.0, max_time_s=600.0,
    )  # fmt: skip
    plain: dict[str, Any] = {
        "id": "C-1", "sha256": b"\x02" * 32, "tube_serial": "T", "machine_serial": "M", "software_version": "0.1.0", "effective_wall_s": 0.0,
        "expires_wall_s": 4e9, "termination": Termination.MONITOR, "timer_start": TimerStart.HV_SEEN, "capacitance_nf": 1.0, "off_latency_s": 0.012,
        "press_to_hv_s": 0.1, "ramp_s": 0.25, "filament_limit_counts": 2866, "filament_preheat_counts": 2375, "vented_2": True,
        "ref_pressure_kpa": 101.325, "ref_temperature_c": 20.0, "combinations": (combination,),
    }  # fmt: skip
    return Certificate(**(plain | changes))


class ScriptedDesk:
    """A desk on real sockets whose answers a test writes: `heard(request)` gives the replies to one request; everything that came is kept."""

    def __init__(self, folder: Path, heard: Callable[[Request], list[Reply]]) -> None:
        self.places = Places(folder, folder / "desk.sock", folder / "stop.sock")
        self.requests: list[Request] = []
        self.stops = 0
        self._heard = heard
        self._ended = threading.Event()
        self._stop = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._stop.bind(str(self.places.stop))
        self._stop.setblocking(False)
        self._desk = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._desk.bind(str(self.places.desk))
        self._desk.listen(4)
        self._desk.settimeout(0.002)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        decode, encode = msgspec.msgpack.Decoder(Request), msgspec.msgpack.Encoder()
        clients: list[socket.socket] = []
        while not self._ended.is_set():
            try:
                client, _ = self._desk.accept()
                client.settimeout(0.002)
                clients.append(client)
            except TimeoutError:
                pass
            for client in list(clients):
                for _ in range(8):
                    try:
                        packet = client.recv(65536)
                    except TimeoutError:
                        break
                    except OSError:
                        packet = b""
                    if not packet:
                        clients.remove(client)
                        client.close()
                        break
                    request = decode.decode(packet)
                    self.requests.append(request)
                    with contextlib.suppress(OSError):
                        for reply in self._heard(request):
                            client.send(encode.encode(reply))
            try:
                while self._stop.recv(16):
                    self.stops += 1
            except OSError:
                pass
        for client in clients:
            client.close()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(5.0)
        self._desk.close()
        self._stop.close()


OK = Answer(True, "taken")
