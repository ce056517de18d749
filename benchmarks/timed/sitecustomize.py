"""Imported by Python before a program's first line: in the real-time process it times ticks, their calls on the wires and their records.
It changes nothing that a tick does; what the times mean is worked out in benchmarks/process_rows.py."""

import atexit
import os
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any

if "controller" in sys.orig_argv and "KERMA_TIMED" in os.environ:
    BEGUN_NS = time.monotonic_ns()
    MOST, COLUMNS = 400_000, 6
    kept = array("q", bytes(8 * MOST * COLUMNS))
    place = wire_ns = slot_ns = put_ns = 0

    from controller.loop import Loop
    from controller.pace import KernelPace
    from controller.ring import Ring
    from controller.states import State
    from hal.transport import SerialPipe, TcpPipe

    NUMBER = {state: number for number, state in enumerate(State)}
    now = time.monotonic_ns

    def on_wire(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            global wire_ns
            began = now()
            try:
                return method(*arguments)
            finally:
                wire_ns += now() - began

        return call

    def waited(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            global slot_ns
            began = now()
            try:
                return method(*arguments)
            finally:
                slot_ns += now() - began

        return call

    def put(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            global put_ns
            began = now()
            try:
                return method(*arguments, **named)
            finally:
                put_ns = now() - began

        return call

    def ticked(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(loop: Loop, at: float) -> Any:
            global place, wire_ns, slot_ns
            wire_ns = slot_ns = 0
            began = now()
            tick = method(loop, at)
            ended = now()
            if place < MOST * COLUMNS:
                kept[place] = began
                kept[place + 1] = ended - began
                kept[place + 2] = wire_ns
                kept[place + 3] = slot_ns
                kept[place + 4] = put_ns
                kept[place + 5] = NUMBER[tick.stage.state]
                place += COLUMNS
            return tick

        return call

    WRAPPED: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
        (Loop, "tick", ticked),
        (KernelPace, "slot", waited),
        (Ring, "put_tick", put),
        *((pipe, verb, on_wire) for pipe in (SerialPipe, TcpPipe) for verb in ("take", "send")),
    )
    for owner, name, wrap in WRAPPED:
        setattr(owner, name, wrap(getattr(owner, name)))

    def leave() -> None:
        out = os.environ["KERMA_TIMED"]
        with open(out + ".new", "wb") as file:
            array("q", [BEGUN_NS]).tofile(file)
            kept[:place].tofile(file)
        os.rename(out + ".new", out)

    atexit.register(leave)
