"""The hands of a simulated room: one line of JSON to the simulator's control socket, and its answer; and the few words in which a script asks for them.
It is called only where the rig file and the running process both say SIMULATED; a real switch is pressed by a person."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from hal.errors import ConfigurationError

Answers = Callable[[dict[str, Any]], dict[str, Any]]
PREFIXES: Final = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0}
FIRST: Final = "first: see that kerma sim serves this rig"


def asked(control: Path, request: dict[str, Any], timeout_s: float = 2.0) -> dict[str, Any]:
    """One request and its answer; what went wrong on the way stands in the answer's `error`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(str(control))
            sock.sendall(json.dumps(request).encode() + b"\n")
            reply = sock.makefile("rb").readline(65536)
        answer = json.loads(reply) if reply.strip() else {}
    except (OSError, ValueError) as error:
        return {
            "error": f"the simulator's control socket {control} does not do {request.get('do')!r} ({error}); {FIRST}"
        }
    return answer if isinstance(answer, dict) else {"error": f"the simulator answered {answer!r}"}


def act(control: Path, verb: str, timeout_s: float = 2.0) -> str:
    """Do one thing in the simulated room ("press", "release"); returns the words of what went wrong, empty when nothing did."""
    answer = asked(control, {"do": verb}, timeout_s)
    if FIRST in str(answer.get("error", "")):
        return str(answer["error"])
    refused = answer.get("ok") is False or answer.get("error")
    return f"the simulator refused {verb!r}: {answer}" if refused else ""


class Room:
    """What a script's lines after "@" do. `wait` lets so many seconds pass."""

    def __init__(self, answers: Answers, wait: Callable[[float], None]) -> None:
        self._answers, self._wait = answers, wait

    def __call__(self, line: str) -> str:
        """Do it; what a person then types, or "". ConfigurationError: it was not done."""
        verb, *words = line.split()
        match verb, words:
            case "wait", [seconds]:
                self._wait(float(seconds))
            case (("room" | "bench"), [*pairs]) if pairs and len(pairs) % 2 == 0:
                self._ask(
                    {"do": verb, "set": {key: _value(text) for key, text in zip(pairs[::2], pairs[1::2], strict=True)}}
                )
            case "read", [instrument]:
                return self._read(instrument)
            case "read", [instrument, unit]:
                return written_in(self._read(instrument), unit)
            case "air", []:
                return f"air {self._read('thermometer')} {self._read('barometer')}"
            case _:
                raise ConfigurationError(
                    f"@{line}: is no hand that is known here; first: write @room, @bench, @read, @air or @wait with their words"
                )
        return ""

    def _read(self, instrument: str) -> str:
        said = self._ask({"do": "read", "instrument": instrument})
        return f"{said['text']} {said['unit']}"

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._answers(request)
        if answer.get("ok") is not True:
            raise ConfigurationError(
                f"{json.dumps(request)}: {answer.get('error', answer)}; first: correct that line of the script"
            )
        return answer


def written_in(said: str, unit: str) -> str:
    """A display's number as a person writes it in another prefix of its unit: the point moved, no digit changed."""
    text, _, shown = said.partition(" ")
    if shown == unit or shown[-1:] != unit[-1:] or not {shown[:-1], unit[:-1]} <= set(PREFIXES):
        return said
    try:
        return f"{Decimal(text).scaleb(PREFIXES[shown[:-1]] - PREFIXES[unit[:-1]]):f} {unit}"
    except InvalidOperation:
        return said


def _value(text: str) -> Any:
    """A number or true or false as such, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
