"""Imported by Python before a program's first line: in the real-time process it notes what Python's audit hook and its collector say, and writes it at the end.
It knows only which process it is in; what the notes mean is judged in tests/scenarios/test_whole_fraction_watched.py."""

import atexit
import gc
import json
import os
import sys
import time

if "controller" in sys.orig_argv and "KERMA_WATCHED" in os.environ:
    OUT = os.environ["KERMA_WATCHED"]
    notes: list[tuple[float, str, str]] = []

    def heard(event: str, arguments: object) -> None:
        notes.append((time.monotonic(), event, str(arguments)[:200]))

    def swept(phase: str, _about: object) -> None:
        notes.append((time.monotonic(), f"gc {phase}", ""))

    def leave() -> None:
        kept = tuple(notes)
        with open(OUT + ".new", "w", encoding="utf-8") as file:
            json.dump(kept, file)
        os.rename(OUT + ".new", OUT)

    sys.addaudithook(heard)
    gc.callbacks.append(swept)
    atexit.register(leave)
