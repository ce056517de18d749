"""`make verify`: every stage in turn, each skipped where it is complete for these sources, and the page with what they came to.
It knows order, folder and page; what a stage does stands in verification/stages.py."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from hal.clock import SystemClock
from verification.figures import figures
from verification.results import Results
from verification.sources import ROOT, commit, source_hash
from verification.stages import STAGES, Room, Stage, Verdict

PAGE: Final = ROOT / "docs" / "verification.md"
PICTURE: Final = "pictures/verification.png"
HOME: Final = ROOT / "var" / "verify"
BEGINS: Final = "<!-- made by make verify -->"
ENDS: Final = "<!-- end of what make verify made -->"
CARRIED: Final = "carried.json"
"""What `verification.carry` took over from an older run."""
SHOWN: Final = 20
SOON_S: Final = 30.0
"""What took no longer was carried, or is so little that its time says nothing."""
NOT_AS_IT_SHOULD: Final = 1


def verify(
    workers: Annotated[int, typer.Option(help="processes", min=1)] = 2,
    only: Annotated[str, typer.Option(help=f"these stages, by commas: {', '.join(s.name for s in STAGES)}")] = "",
    part: Annotated[
        float, typer.Option(help="this part of each stage, to try it; the page wants the whole", min=1e-4, max=1.0)
    ] = 1.0,
    home: Annotated[Path, typer.Option(help="where it keeps what it has")] = HOME,
    page: Annotated[
        bool, typer.Option("--page", help="write the made part of docs/verification.md from what is complete")
    ] = False,
) -> None:
    """Show what can be shown by running: every stage in turn, resumable; exit 0 when all of them are complete and nothing was broken."""
    out = Console()
    wanted = [word.strip() for word in only.split(",") if word.strip()]
    unknown = set(wanted) - {stage.name for stage in STAGES}
    if unknown:
        out.print(f"no stage {', '.join(sorted(unknown))}; there are: {', '.join(stage.name for stage in STAGES)}")
        raise typer.Exit(2)
    folder = home / (source_hash()[:16] + ("" if part >= 1.0 else f"-part-{part:g}"))
    folder.mkdir(parents=True, exist_ok=True)
    out.print(
        f"SIMULATED  sources {source_hash()[:12]}, commit {commit() or 'unknown'}, kept in {folder}", highlight=False
    )
    room = Room(folder, workers, out, part)
    chosen = [stage for stage in STAGES if not wanted or stage.name in wanted]
    for stage in chosen:
        play(stage, room)
    kept = {stage.name: read(stage, room) for stage in STAGES}
    tell([(stage, kept[stage.name]) for stage in chosen], out)
    if page:
        if part < 1.0:
            out.print("--page wants the whole, and this is a part; nothing was written")
            raise typer.Exit(2)
        write_page(kept, folder, PAGE)
        out.print(f"written: {PAGE}")
    good = all(verdict is not None and not verdict["broken"] for verdict in (kept[stage.name] for stage in chosen))
    raise typer.Exit(0 if good else NOT_AS_IT_SHOULD)


def play(stage: Stage, room: Room) -> None:
    """One stage, unless it is complete for these sources and nothing was broken in it; its verdict is kept as JSON."""
    before = read(stage, room)
    if before is not None and not before["broken"]:
        room.out.print(f"{stage.name}: complete", highlight=False)
        return
    room.out.print(f"{stage.name}: {stage.words}", highlight=False)
    clock = SystemClock()
    begun_s, lacking = clock.monotonic(), stage.lacking()
    if lacking:
        verdict = Verdict({}, (lacking,))
    else:
        try:
            verdict = stage.run(room)
        except Exception as error:  # a stage that ends so has shown nothing, and the ones after it are still played
            verdict = Verdict({}, (f"{type(error).__name__}: {error}",))
    document = asdict(verdict) | {
        "stage": stage.name, "source": source_hash(), "commit": commit(), "took_s": clock.monotonic() - begun_s,
        "wall_s": clock.wall(), "simulated": True,
    }  # fmt: skip
    path = room.file(_name(stage))
    path.with_suffix(".new").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".new").replace(path)


def read(stage: Stage, room: Room) -> dict[str, Any] | None:
    """The verdict that is kept of a stage; None when it was never brought to its end."""
    path = room.file(_name(stage))
    if not path.exists():
        return None
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document if document["source"] == source_hash() else None


def _name(stage: Stage) -> str:
    return f"{stage.name.replace(' ', '-')}.json"


def tell(verdicts: list[tuple[Stage, dict[str, Any] | None]], out: Console) -> None:
    """One table, and the first of everything that was broken."""
    table = Table("stage", "figure", "", box=None)
    for stage, verdict in verdicts:
        broken = ["never brought to its end"] if verdict is None else verdict["broken"]
        table.add_row(stage.name, "", f"[bold red]{len(broken)} broken[/]" if broken else "[bold green]holds[/]")
        for name, words in ({} if verdict is None else verdict["figures"]).items():
            table.add_row("", name, words)
    out.print(table)
    for stage, verdict in verdicts:
        for words in ([] if verdict is None else verdict["broken"])[:SHOWN]:
            out.print(f"[bold red]{stage.name}[/]: {words}", highlight=False, soft_wrap=True)


def write_page(kept: dict[str, dict[str, Any] | None], folder: Path, page: Path) -> None:
    """The made part of the page, between its two marks, and the picture beside it."""
    text = page.read_text(encoding="utf-8")
    body = f"{BEGINS}\n{made(kept)}{carried(folder / CARRIED)}\n{ENDS}"
    text, found = re.subn(f"(?s){re.escape(BEGINS)}.*?{re.escape(ENDS)}", lambda _: body, text)
    if found != 1:
        raise ValueError(f"{page} has {found} places for what is made, wanted 1: {BEGINS} ... {ENDS}")
    seeds = folder / "seeds.jsonl"
    if seeds.exists():
        from verification.plots import draw

        results = Results(seeds, source_hash(), resume=True)
        results.close()
        draw(figures(results.all()), page.parent / PICTURE)
    page.write_text(text, encoding="utf-8")


NO_DIGEST: Final = (
    "What a seed's digest is over changed too: those that were kept were left behind, and the program of that commit played the sample beside this one, by "
    "today's."
)
CARRIES: Final = (
    "Not all of this was played on these sources. What had held on an older commit was carried over, newest first; each row stands on the ones below it. "
    "Of what was carried a sample, drawn at random, was played again and was the same to the last digit; what had been called broken was played anew. "
    "The files that decide a run and had changed since a commit: `git diff --stat COMMIT`.",
    "| commit | cells and pairs | crash cases | seeds | of these played again | files that changed | what changed |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def carried(path: Path) -> str:
    """What of it was played on older sources, as a table; empty when everything was played on these."""
    if not path.exists():
        return ""
    told: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8"))
    begins, *lines = CARRIES
    while told is not None:
        counts, again = (
            [every.get(name, 0) for name in ("cells.jsonl", "crashes.jsonl", "seeds.jsonl")]
            for every in (told["counts"], told.get("again", {}))
        )
        why = " ".join((told["because"], *([NO_DIGEST] if told.get("no_digest") else ())))
        lines.append(
            f"| `{told['commit']}` | {' | '.join(map(str, counts))} | {' / '.join(map(str, again)) if any(again) else 'none: only judges changed'} "
            f"| {_rooms(told['changed'])} | {_cell(why)} |"
        )
        told = told.get("before")
    return "\n\n".join(("", begins, "\n".join(lines)))


def _rooms(names: list[str]) -> str:
    """How many files of each room."""
    rooms = Counter(name.partition("/")[0] for name in names)
    return ", ".join(f"{room} {count}" for room, count in sorted(rooms.items()))


def made(kept: dict[str, dict[str, Any] | None]) -> str:
    """Figures, seed ranges, sources and commit, as Markdown."""
    whens = [verdict["wall_s"] for verdict in kept.values() if verdict is not None]
    when = datetime.fromtimestamp(max(whens), UTC).date().isoformat() if whens else "never"
    lines = [
        f"SIMULATED, on {when}, sources `{source_hash()[:16]}`, commit `{commit() or 'unknown'}`.",
        "",
        "| stage | what it shows | figure | | broken |",
        "| --- | --- | --- | --- | --- |",
    ]
    for stage in STAGES:
        verdict = kept.get(stage.name)
        broken = "not played" if verdict is None else str(len(verdict["broken"]))
        lines.append(f"| **{stage.name}** | {stage.words} | | | {broken} |")
        if verdict is None:
            continue
        lines += [f"| | | {name} | {_cell(words)} | |" for name, words in verdict["figures"].items()]
        lines += [f"| | | seeds, {name} | {first} to {last} | |" for name, (first, last) in verdict["seeds"].items()]
        if verdict["took_s"] >= SOON_S:
            lines.append(f"| | | took | {verdict['took_s'] / 60.0:.0f} min | |")
    if kept.get("seeds") is not None:
        lines += ["", f"![Dose errors and reaction times]({PICTURE})"]
    return "\n".join(lines)


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


def main() -> None:
    """`python -m verification.verify`."""
    typer.run(verify)


if __name__ == "__main__":
    main()
