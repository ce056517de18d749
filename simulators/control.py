"""The simulated rig's control socket: one JSON document a line in, one a line out, for faults, the room's hands, and what is true.
It acts on a world through its public verbs only, and a mistake in a request is answered in words, never by an exception."""

from __future__ import annotations

import json
import math
import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from simulators.endpoints import drop_lock, hold_lock

LINE_B: Final = 65536
BACKLOG_B: Final = 1 << 22
LOG_LINES: Final = 2000
PATH_MAX_B: Final = 107

Answer = dict[str, Any]


class FaultsLike(Protocol):
    """The named faults of a world."""

    def names(self) -> list[str]: ...

    def words(self, name: str) -> str: ...

    def active(self) -> list[str]: ...

    def start(self, name: str, for_us: int | None = None) -> None: ...

    def stop(self, name: str) -> None: ...


class Controlled(Protocol):
    """What the control socket needs of a world."""

    @property
    def now_us(self) -> int: ...

    @property
    def room(self) -> Any: ...

    @property
    def faults(self) -> FaultsLike: ...

    @property
    def log(self) -> list[tuple[int, str, str]]: ...

    def truth(self) -> Any: ...


class Control:
    """Answers requests; faults with at_s wait in `due` until due_now() is called at their time. `held_up_us` is the worst that this machine ever
    kept the served world waiting: real devices are never held up, so what happened beside it proves nothing."""

    def __init__(self, world: Controlled) -> None:
        self._world = world
        self.due: list[tuple[int, str, int | None]] = []
        self.held_up_us = 0
        self._verbs: dict[str, Callable[[Answer], Answer]] = {
            "fault": self._fault,
            "stop": self._stop,
            "press": lambda _: self._hand("press"),
            "release": lambda _: self._hand("release"),
            "truth": lambda _: self._truth(),
            "log": self._log,
            "list": lambda _: self._list(),
            "room": self._room,
            "bench": self._bench,
            "read": self._read,
            "papers": lambda _: {"papers": self._laboratory().papers()},
        }

    def answer(self, line: bytes) -> bytes:
        """One request line to one answer line, always JSON, always with `ok`."""
        try:
            asked = json.loads(line)
            if not isinstance(asked, dict):
                raise ValueError("a request is one JSON object a line")
            verb = self._verbs.get(str(asked.get("do")))
            if verb is None:
                raise ValueError(f"do = {asked.get('do')!r} is not known; known: {', '.join(self._verbs)}")
            said = {"ok": True, **verb(asked)}
        except (ValueError, TypeError, RecursionError) as error:
            said = {"ok": False, "error": str(error)}
        return json.dumps({"simulated": True, **said}).encode() + b"\n"

    def due_now(self) -> None:
        """Start the faults whose time has come."""
        if not self.due or self.due[0][0] > self._world.now_us:
            return
        for at_us, name, for_us in list(self.due):
            if at_us <= self._world.now_us:
                self.due.remove((at_us, name, for_us))
                self._world.faults.start(name, for_us)

    def _seconds(self, asked: Answer, key: str) -> int | None:
        value = asked.get(key)
        if value is None:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or not 0 <= value <= 86_400:
            raise ValueError(f"{key} = {value!r} is not a number of seconds in 0 .. 86400")
        return round(float(value) * 1e6)

    def _name(self, asked: Answer) -> str:
        name, known = asked.get("name"), self._world.faults.names()
        if not isinstance(name, str) or name not in known:
            raise ValueError(f"fault {name!r} is not known; known: {', '.join(known)}")
        return name

    def _fault(self, asked: Answer) -> Answer:
        name, at_us, for_us = self._name(asked), self._seconds(asked, "at_s"), self._seconds(asked, "for_s")
        if for_us == 0:
            raise ValueError(
                "for_s = 0: a fault lasts more than 0 s; leave for_s out for one that lasts until it is stopped"
            )
        if at_us:
            self.due.append((self._world.now_us + at_us, name, for_us))
            self.due.sort(key=lambda entry: entry[0])
        else:
            self._world.faults.start(name, for_us)
        return {"name": name, "words": self._world.faults.words(name)}

    def _stop(self, asked: Answer) -> Answer:
        name = self._name(asked)
        self.due = [entry for entry in self.due if entry[1] != name]
        self._world.faults.stop(name)
        return {"name": name}

    def _truth(self) -> Answer:
        laboratory = getattr(self._world, "laboratory", None)
        bench = {} if laboratory is None else {"bench": laboratory.truth()}
        return {
            "truth": asdict(self._world.truth()),
            "now_us": self._world.now_us,
            "held_up_us": self.held_up_us,
            **bench,
        }

    def _laboratory(self) -> Any:
        laboratory = getattr(self._world, "laboratory", None)
        if laboratory is None:
            raise ValueError("there is no physicist's bench at this rig; write laboratory = SEED under [simulated]")
        return laboratory

    def _bench(self, asked: Answer) -> Answer:
        """Hands at the physicist's bench."""
        wanted = asked.get("set")
        if not isinstance(wanted, dict) or not wanted:
            raise ValueError(f"set = {wanted!r} is not a table of what to set at the bench")
        self._laboratory().put(wanted)
        return {"set": wanted}

    def _read(self, asked: Answer) -> Answer:
        """What a person reads off an instrument."""
        return asdict(self._laboratory().read(str(asked.get("instrument"))))

    def _hand(self, what: str) -> Answer:
        room = self._world.room
        if what == "press":
            room.press()
        else:
            room.release()
        return {}

    def _log(self, asked: Answer) -> Answer:
        log = self._world.log
        first = asked.get("from", max(0, len(log) - LOG_LINES))
        if not isinstance(first, int) or isinstance(first, bool) or first < 0:
            raise ValueError(f"from = {first!r} is not a line number (0 or more)")
        lines = log[first : first + LOG_LINES]
        return {"log": lines, "next": first + len(lines)}

    def _list(self) -> Answer:
        faults = self._world.faults
        return {"faults": {name: faults.words(name) for name in faults.names()}, "active": faults.active()}

    def _room(self, asked: Answer) -> Answer:
        wanted = asked.get("set")
        if not isinstance(wanted, dict) or not wanted:
            raise ValueError(f"set = {wanted!r} is not a table of {', '.join(ROOM_KEYS)}")
        for key, value in wanted.items():
            kind = ROOM_KEYS.get(key)
            if kind is None or type(value) is not kind:
                raise ValueError(
                    f"room {key!r} = {value!r}; known: {', '.join(f'{k} ({v.__name__})' for k, v in ROOM_KEYS.items())}"
                )
        room = self._world.room
        for key, value in wanted.items():
            if key == "door_open":
                (room.open_door if value else room.close_door)()
            elif key == "emergency_stop":
                (room.press_emergency_stop if value else room.reset_emergency_stop)()
            elif key == "key":
                room.turn_key(value)
            elif key == "switch":
                (room.press if value else room.release)()
            elif key == "applicator":
                room.fit_applicator(value)
            else:
                room.fit_filter(value)
        return {"set": wanted}


ROOM_KEYS: Final[dict[str, type]] = {
    "door_open": bool, "emergency_stop": bool, "key": str, "switch": bool, "applicator": int, "filter": int,
}  # fmt: skip


class ControlEndpoint:
    """The control socket (AF_UNIX, stream, 0600): any number of clients, each line answered in order."""

    def __init__(self, path: Path, control: Control) -> None:
        if len(os.fsencode(path)) > PATH_MAX_B:
            raise OSError(
                f"control socket {path} is longer than {PATH_MAX_B} bytes, the kernel's bound; choose a shorter path"
            )
        self._path, self._control = path, control
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_socket():
            raise OSError(f"{path} is there and is not a socket; move it away or choose another path")
        self._lock = hold_lock(str(path))
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(8)
        self._socket.setblocking(False)
        self._clients: list[tuple[socket.socket, bytearray, bytearray]] = []
        self.words = f"control {path}"

    def fds(self) -> list[int]:
        return [self._socket.fileno(), *(sock.fileno() for sock, _, _ in self._clients)]

    def serve(self, now_us: int) -> None:  # noqa: ARG002 - a request is answered when it is read
        """Accept, read lines, answer."""
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                break
            sock.setblocking(False)
            self._clients.append((sock, bytearray(), bytearray()))
        for client in [client for client in self._clients if not self._pump(*client)]:
            client[0].close()
            self._clients.remove(client)

    def _pump(self, sock: socket.socket, heard: bytearray, waiting: bytearray) -> bool:
        ended = False
        try:
            data = sock.recv(LINE_B)
            ended = not data
            heard += data
        except BlockingIOError:
            pass
        except OSError:
            return False
        while b"\n" in heard:
            line, _, rest = bytes(heard).partition(b"\n")
            heard[:] = rest
            waiting += self._control.answer(line)
        if len(heard) > LINE_B or len(waiting) > BACKLOG_B:
            return False
        if waiting:
            try:
                del waiting[: sock.send(waiting)]
            except BlockingIOError:
                pass
            except OSError:
                return False
        return not ended

    def close(self) -> None:
        """Remove the socket, then its lock."""
        for sock, _, _ in self._clients:
            sock.close()
        self._socket.close()
        self._path.unlink(missing_ok=True)
        drop_lock(str(self._path), self._lock)
