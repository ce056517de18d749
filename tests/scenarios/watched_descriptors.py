"""What the real-time process may have open while the beam is on, and which calls it may make upon what: two tables, each row with its reason.
It knows the words of strace and of /proc and who may do what; it starts and watches nothing."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OPEN: Final = {
    "wire": "the generator's terminal, the safety unit's connections",
    "desk": "where requests come in and snapshots go out",
    "stop": "where anybody may ask for off",
    "lock of the desk": "one process has this desk",
    "ring": "each tick's record, and each frame of the wires: memory, mapped beforehand",
    "acknowledgement": "what the recorder has made durable, on tmpfs",
    "/dev/cpu_dma_latency": "held open, it keeps the processors awake",
    "null": "standard input",
    "log": "standard output and error: open, and nothing goes there",
    "pipe": "two of pyserial's own, to break off a wait; never used",
}
"""Everything that is open from READY to the end; the same before and after."""

CALLS: Final = {
    ("clock_nanosleep", ""): "waits for the next tick",
    ("pselect6", "wire"): "waits for a reply",
    ("read", "wire"): "a reply, from the terminal",
    ("write", "wire"): "a request, to the terminal",
    ("recvfrom", "wire"): "a reply, from a connection",
    ("sendto", "wire"): "a request, to a connection",
    ("recvfrom", "stop"): "whether somebody asks for off",
    ("accept4", "desk"): "somebody new at the desk",
    ("recvfrom", "desk"): "a request of the desk",
    ("sendto", "desk"): "a snapshot or an answer to the desk",
    ("pread64", "acknowledgement"): "how far the recorder is",
    ("newfstatat", "statement"): "whether the recorder's statement is a new one",
    ("openat", "statement"): "a new one is read: twice or so in a fraction, on tmpfs",
    ("fstat", "statement"): "the same",
    ("ioctl", "statement"): "the same",
    ("lseek", "statement"): "the same",
    ("read", "statement"): "the same",
    ("close", "statement"): "the same",
    ("restart_syscall", ""): "strace itself, as it comes in the middle of a wait",
}
"""Every call that may be made, upon what, and what for. What is not here is refused: also a write to the log, and any upon the ring, which is only memory."""

_CALL: Final = re.compile(r"(?:\d+\s+)?(\w+)\((.*)")
_DESCRIPTOR: Final = re.compile(
    r"\b\d+<(TCP(?:v6)?:\[[^\]]*\]|UNIX(?:-\w+)?:\[[^\]]*\]|[^<>]*(?:<[^<>]*>)?)>|AT_FDCWD(?:<[^<>]*>)?, \"([^\"]*)\""
)
"""A descriptor with what stands behind it (-yy), or a path."""
_NO_CALL: Final = re.compile(r"(?:\d+\s+)?(?:---|\+\+\+) ")
"""A signal, or the end of a process."""


@dataclass(frozen=True)
class Names:
    """Where the wires and rooms of one rig are."""

    tty: str
    port: int
    desk: str
    stop: str
    shm: str
    log: str

    def kind(self, what: str) -> str:
        """What is behind a descriptor, by its word in the tables; by its own name where the tables have none."""
        what = re.sub(r"<char [\d:]+>$", "", what)
        if what == self.tty or re.fullmatch(rf"TCP:\[127\.0\.0\.1:\d+->127\.0\.0\.1:{self.port}\]", what):
            return "wire"
        socket = re.fullmatch(r"UNIX(?:-\w+)?:\[[^,]*,\"(.*)\"\]", what)
        if socket is not None:
            return {self.desk: "desk", self.stop: "stop"}.get(socket[1], what)
        room = re.fullmatch(rf"{re.escape(self.shm)}/[0-9a-f]+/(.*)", what)
        if room is not None:
            known = {"ring.new (deleted)": "ring", "wire.new (deleted)": "ring", "ack": "acknowledgement"}
            return {**known, "statement": "statement"}.get(room[1], what)
        named = {self.log: "log", "/dev/null": "null", f"{self.desk}.lock": "lock of the desk"}
        return "pipe" if what.startswith("pipe:[") else named.get(what, what)


def judged_by_calls(lines: list[str], names: Names) -> Counter[tuple[str, str]]:
    """Every call stands in the table with what it is made upon; ticks were seen, and their writes. A line that is not understood is no call that may be."""
    calls: Counter[tuple[str, str]] = Counter()
    for line in lines:
        found = _CALL.match(line)
        if found is None:
            assert _NO_CALL.match(line), f"strace said what is not understood: {line}"
            continue
        arguments = found[2].rpartition(" = ")[0] or found[2]
        upon = [names.kind(one[0] or one[1]) for one in _DESCRIPTOR.findall(arguments)]
        calls.update((found[1], one) for one in upon or [""])
    assert not set(calls) - set(CALLS), {call: times for call, times in calls.items() if call not in CALLS}
    for call in (("clock_nanosleep", ""), ("newfstatat", "statement"), ("write", "wire"), ("sendto", "wire")):
        assert calls[call] > 100, (call, calls)
    return calls


def judged_by_what_is_open(before: dict[int, tuple[str, int]], after: dict[int, tuple[str, int]], names: Names) -> None:
    """Nothing is open that is not in the table, nothing was opened or closed, and nothing went to a file, whose place would have moved."""
    strange = {what for what, _ in before.values() if names.kind(what) not in OPEN}
    assert not strange, strange
    assert before == after


def what_is_open(pid: int) -> dict[int, tuple[str, int]]:
    """By /proc: of each descriptor what is behind it, sockets in strace's words, and the place in it."""
    sockets = _sockets(pid)
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        what = os.readlink(f"/proc/{pid}/fd/{name}")
        place = Path(f"/proc/{pid}/fdinfo/{name}").read_text().split()[1]
        found[int(name)] = sockets.get(what, what), int(place)
    return found


def _sockets(pid: int) -> dict[str, str]:
    named = {}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        named[f"socket:[{fields[9]}]"] = f"TCP:[{_address(fields[1])}->{_address(fields[2])}]"
    for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]:
        fields = line.split()
        named[f"socket:[{fields[6]}]"] = f'UNIX:[{fields[6]},"{fields[7] if len(fields) > 7 else ""}"]'
    return named


def _address(word: str) -> str:
    host, port = word.split(":")
    return f"{'.'.join(str(one) for one in reversed(bytes.fromhex(host)))}:{int(port, 16)}"
