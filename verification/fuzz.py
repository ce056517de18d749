"""`python -m verification.fuzz [--seconds N]`: every decoder against bytes that a fuzzer makes, with atheris where it is installed, else by blind mutation.
It knows how to unpack a fuzzer's bytes into a row, a question, cuts and data; what must hold is in verification/decoders.py."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hal.clock import SystemClock

ROOT: Final = Path(__file__).resolve().parent.parent
SEEDS: Final = ROOT / "tests" / "hal" / "fuzz_corpus.txt"
"""One input a line, in hex; a comment after #. Whatever a fuzzer ever found stays here."""
WORK: Final = ROOT / "var" / "fuzz"
SECONDS: Final = 60
HEAD_B: Final = 4
"""Row, question, overtaken question (even = none), cut; then the data."""
LONGEST_B: Final = 400
INSTRUMENTED: Final = ("hal", "pymodbus")


def seeds() -> tuple[bytes, ...]:
    """The seed corpus."""
    lines = (line.partition("#")[0].strip() for line in SEEDS.read_text(encoding="ascii").splitlines())
    return tuple(bytes.fromhex(line) for line in lines if line)


def one_input(decoders: Any, rows: tuple[Any, ...], data: bytes) -> None:
    """Try one fuzzer's input; an AssertionError or any other exception is a find."""
    if len(data) <= HEAD_B:
        return
    row, place, overtaken, cut = data[:HEAD_B]
    rest = data[HEAD_B : HEAD_B + LONGEST_B]
    decoders.try_row(rows[row % len(rows)], place, rest, (cut,), overtaken // 2 if overtaken % 2 else None)


def fresh_seeds(rows: tuple[Any, ...]) -> list[bytes]:
    """What the simulated devices say today, as inputs."""
    return [
        bytes((at, place, 0, len(said) // 2)) + said
        for at, row in enumerate(rows)
        for place, said in enumerate(row.replies())
        if said
    ]


def mutated(stream: random.Random, corpus: list[bytes]) -> bytes:
    """One or two inputs cut and spliced, with some bytes turned, lost or repeated."""
    data = bytearray(stream.choice(corpus))
    for _ in range(1 + stream.randrange(4)):
        at = stream.randrange(len(data) + 1)
        act = stream.randrange(5)
        if act == 0 and at < len(data):
            data[at] ^= 1 << stream.randrange(8)
        elif act == 1:
            del data[at : at + 1 + stream.randrange(4)]
        elif act == 2:
            data[at:at] = stream.randbytes(1 + stream.randrange(4))
        elif act == 3:
            other = stream.choice(corpus)
            data[at:] = other[stream.randrange(len(other)) :]
        else:
            data[at:at] = data[at : at + 1 + stream.randrange(8)]
    return bytes(data)


def blind(try_one: Callable[[bytes], None], corpus: list[bytes], seconds: float, seed: int) -> int:
    """Mutation without sight of coverage, for `seconds`; how many inputs were tried. A find is raised with its input in hex."""
    now_s = SystemClock().monotonic
    stream, until, tried = random.Random(seed), now_s() + seconds, 0
    while now_s() < until:
        for _ in range(100):
            data = mutated(stream, corpus)
            try:
                try_one(data)
            except Exception as found:
                raise AssertionError(f"input {data.hex()} (seed {seed}): {found!r}") from found
            tried += 1
    return tried


def guided(atheris: Any, try_one: Callable[[bytes], None], corpus: list[bytes], seconds: int) -> None:
    """libFuzzer, guided by coverage; it ends the process itself, with 0 or with its find in var/fuzz/."""
    found, start = WORK / "corpus", WORK / "seeds"
    for folder in (found, start):
        folder.mkdir(parents=True, exist_ok=True)
    for data in corpus:
        (start / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    options = (
        f"-max_total_time={seconds}",
        f"-max_len={HEAD_B + LONGEST_B}",
        f"-artifact_prefix={WORK}/",
        "-print_final_stats=1",
    )
    atheris.Setup([sys.argv[0], *options, str(found), str(start)], try_one)
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Fuzz for `--seconds N` (60), or with `--blind` without atheris."""
    seconds = int(arguments[arguments.index("--seconds") + 1]) if "--seconds" in arguments else SECONDS
    atheris: Any = None
    if "--blind" not in arguments and importlib.util.find_spec("atheris") is not None:
        atheris = importlib.import_module("atheris")
        with atheris.instrument_imports(include=list(INSTRUMENTED)):
            decoders: Any = importlib.import_module("verification.decoders")
            rows = decoders.rows()
    else:
        decoders = importlib.import_module("verification.decoders")
        rows = decoders.rows()
    corpus = [*seeds(), *fresh_seeds(rows)]
    for data in corpus:
        one_input(decoders, rows, data)
    sys.stdout.write(f"{len(rows)} decoders, {len(corpus)} inputs to begin with, {seconds} s\n")
    sys.stdout.flush()
    if atheris is not None:
        guided(atheris, lambda data: one_input(decoders, rows, data), corpus, seconds)
    else:
        tried = blind(lambda data: one_input(decoders, rows, data), corpus, seconds, 1)
        sys.stdout.write(f"{tried} inputs by blind mutation, nothing found\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
