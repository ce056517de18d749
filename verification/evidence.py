"""What a long run came to, small enough to be kept in the repository: the files of one folder of `make verify` and those of `make mutants`, packed, so that
another machine goes on where this one stopped, and so that anybody can play any line again (`check`) and hold it against what is kept. It plays and judges
nothing itself."""

from __future__ import annotations

import json
import lzma
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from verification.carry import SEEDS, played_again, sample
from verification.mutants import HOME as MUTANTS
from verification.results import HEAD
from verification.sources import ROOT, source_hash
from verification.verify import HOME

KEPT: Final = ROOT / "docs" / "evidence"
"""One folder for each program of which something is kept, named as under var/verify."""
PACKED: Final = ".xz"
OF_MUTANTS: Final = "mutants"
"""The folder beside those: one file for each file that is altered. Each says of which program it is, and each line on which test it stands."""
KINDS: Final = (".jsonl", ".json", ".txt")
NAME: Final = 16
"""So many digits of the sources' hash name a folder."""
OF_THE_MACHINE: Final = ("wall_s", "worker")
"""What a line says of the machine that made it and of nothing else: not kept."""
FOLDERS: Final = re.compile(rf"(?:{re.escape(tempfile.gettempdir())}|{re.escape(str(ROOT))})/(?:[\w.@+-]+/)*")
"""Where this machine had a file that a test's words name: only the file's own name is kept."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


class EvidenceError(Exception):
    """Nothing was packed or unpacked; the words say why and what to do first."""


def pack(folder: Path, kept: Path) -> dict[str, int]:
    """Every result of `folder` into `kept` (a folder), each file by itself; how many lines each has. A torn last line, as a kill leaves it, is left out.
    Packing again overwrites, so EvidenceError where `kept` has more lines of the same program's file than `folder`."""
    files = sorted(path for path in folder.glob("*") if path.suffix in KINDS)
    if not files:
        raise EvidenceError(f"{folder} has no results; play some first: make verify")
    counts = {}
    for path in files:
        whole = path.read_bytes()
        lines = whole[: whole.rfind(b"\n") + 1].splitlines(keepends=True) if path.suffix == ".jsonl" else [whole]
        small = [_small(line) for line in lines] if path.suffix == ".jsonl" else lines
        before = kept / f"{path.name}{PACKED}"
        if path.suffix == ".jsonl" and (there := _lines(before, _program(small))) > len(small):
            raise EvidenceError(
                f"{before} has {there} lines and {path} {len(small)}; first: unpack, and go on from there"
            )
        kept.mkdir(parents=True, exist_ok=True)
        new = before.with_suffix(".new")
        new.write_bytes(lzma.compress(b"".join(small), preset=9 | lzma.PRESET_EXTREME))
        new.replace(before)
        counts[path.name] = len(small)
    return counts


def unpack(kept: Path, folder: Path) -> dict[str, int]:
    """Every file of `kept` into `folder`, but those that are there: what was played here stays. How many lines came of each."""
    files = sorted(kept.glob(f"*{PACKED}"))
    if not files:
        raise EvidenceError(f"nothing is kept in {kept}; what there is: {', '.join(_every(kept.parent)) or 'nothing'}")
    counts = {}
    for path in files:
        to = folder / path.name.removesuffix(PACKED)
        if to.exists():
            continue
        try:
            whole = lzma.decompress(path.read_bytes())
        except (lzma.LZMAError, EOFError) as error:
            raise EvidenceError(f"{path} is damaged ({error}); take it from the repository again") from None
        folder.mkdir(parents=True, exist_ok=True)
        new = to.with_suffix(".new")
        new.write_bytes(whole)
        new.replace(to)
        counts[to.name] = whole.count(b"\n")
    return counts


def lines_of(kept: Path, name: str) -> list[dict[str, Any]]:
    """The results of one kept file, without its head."""
    whole = lzma.decompress((kept / f"{name}{PACKED}").read_bytes())
    return [one for one in (json.loads(line) for line in whole.splitlines()) if HEAD not in one]


def _small(line: bytes) -> bytes:
    told = json.loads(line)
    kept = json.dumps({key: value for key, value in told.items() if key not in OF_THE_MACHINE})
    return FOLDERS.sub("", kept).encode() + b"\n"


def _lines(path: Path, program: object) -> int:
    """How many lines are kept in `path` of this program; those of another one are not missed."""
    if not path.exists():
        return 0
    lines = lzma.decompress(path.read_bytes()).splitlines()
    return len(lines) if _program(lines) == program else 0


def _program(lines: list[bytes]) -> object:
    return json.loads(lines[0]).get("source") if lines else None


def _every(kept: Path) -> list[str]:
    return sorted(path.name for path in kept.glob("*") if path.is_dir())


Sources = Annotated[str, typer.Option(help=f"the first {NAME} digits of the sources' hash; these sources by default")]


Mutated = Annotated[bool, typer.Option("--mutants", help="what make mutants keeps, instead of what make verify does")]


@app.command("pack")
def pack_command(
    mutants: Mutated = False,
    home: Annotated[Path | None, typer.Option(help="where make verify, or make mutants, keeps what it has")] = None,
) -> None:
    """Pack what was played on these sources, or the mutants that were, into docs/evidence."""
    here, kept = (home or MUTANTS, KEPT / OF_MUTANTS) if mutants else _of_sources(home, "")
    _said(lambda: pack(here, kept), f"packed into {kept}")


@app.command("unpack")
def unpack_command(
    sources: Sources = "",
    mutants: Mutated = False,
    to: Annotated[Path | None, typer.Option(help="another folder, to carry from")] = None,
    home: Annotated[Path | None, typer.Option(help="where make verify, or make mutants, keeps what it has")] = None,
) -> None:
    """Put what is kept of these sources, or of mutants, where `make verify`, or `make mutants`, goes on with it; files that are there stay."""
    here, kept = (home or MUTANTS, KEPT / OF_MUTANTS) if mutants else _of_sources(home, sources)
    _said(lambda: unpack(kept, to or here), f"unpacked into {to or here}")


def _of_sources(home: Path | None, sources: str) -> tuple[Path, Path]:
    """Where `make verify` has what it played of these sources, and where that is kept."""
    name = sources or source_hash()[:NAME]
    return (home or HOME) / name, KEPT / name


@app.command("check")
def check_command(
    count: Annotated[int, typer.Option(help="so many seeds, drawn by the draw below", min=1)] = 20,
    draw: Annotated[str, typer.Option(help="any word: another draw")] = "check",
    workers: Annotated[int, typer.Option(help="processes", min=1)] = 2,
) -> None:
    """Play kept seeds of these sources again: each must be the same to the last digit, else exit 1."""
    name = source_hash()[:NAME]
    if not (KEPT / name / f"{SEEDS}{PACKED}").exists():
        typer.echo(
            f"no seeds are kept of these sources ({name}); what there is: {', '.join(_every(KEPT)) or 'nothing'}"
        )
        raise typer.Exit(1)
    drawn = sample(lines_of(KEPT / name, SEEDS), count, draw)
    differ = played_again({SEEDS: drawn}, workers)
    typer.echo("\n".join([*differ, f"{len(drawn)} seeds played again, {len(differ)} of them not what was kept"]))
    raise typer.Exit(1 if differ else 0)


def _said(act: Any, words: str) -> None:
    try:
        counts = act()
    except EvidenceError as error:
        typer.echo(f"{error}")
        raise typer.Exit(1) from None
    typer.echo(f"{words}: {', '.join(f'{name} {count} lines' for name, count in counts.items()) or 'nothing new'}")


if __name__ == "__main__":
    app()
