"""The hand on the beam-on switch of a simulated room: one line of JSON to the simulator's control socket, and its answer.
It is called only where the rig file and the running process both say SIMULATED; a real switch is pressed by a person."""

from __future__ import annotations

import json
import socket
from pathlib import Path


def act(control: Path, verb: str, timeout_s: float = 2.0) -> str:
    """Do one thing in the simulated room ("press", "release"); returns the words of what went wrong, empty when nothing did."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(str(control))
            sock.sendall(json.dumps({"do": verb}).encode() + b"\n")
            reply = sock.makefile("rb").readline(65536)
        answer = json.loads(reply) if reply.strip() else {}
    except (OSError, ValueError) as error:
        return f"the simulator's control socket {control} does not do {verb!r} ({error}); first: see that kerma sim serves this rig"
    refused = isinstance(answer, dict) and (answer.get("ok") is False or answer.get("error"))
    return f"the simulator refused {verb!r}: {answer}" if refused else ""
