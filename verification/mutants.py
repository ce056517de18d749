"""`make mutants`: every mutant of the interlocks and of what decides, against the tests that touch it; one that lives and is not listed fails.
It knows which tests touch which file, the list of those that may live, and what was found before; how a mutant is made and played is others' work."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from verification.mutant_run import IMPORT, Target, UnplayableError, play, play_together
from verification.mutant_sources import every_test, one_test, program
from verification.mutate import Mutant, mutants
from verification.results import Results, ResultsError
from verification.sources import ROOT, commit

LIST: Final = ROOT / "verification" / "mutants_survive.toml"
HOME: Final = ROOT / "var" / "mutants"
PAGE: Final = ROOT / "docs" / "verification.md"
BEGINS: Final = "<!-- made by make mutants -->"
ENDS: Final = "<!-- end of what make mutants made -->"
REASONS: Final = ("equivalent", "only words", "second barrier")

_RULES: Final = tuple(f"tests/interlocks/test_{what}.py" for what in ("table", "rules", "questions", "not_fitted"))
_LAW: Final = ("tests/interlocks/test_gate_law.py",)
_GATE: Final = ("tests/interlocks/test_gate.py", "tests/interlocks/test_barriers.py")
_DECIDE: Final = tuple(
    f"tests/controller/test_decide_{what}.py" for what in ("arming", "beam", "confirm", "refusals", "requests", "reset")
)
_SEARCH: Final = (
    "tests/verification/test_explore.py::test_without_a_fault_nothing_is_broken_and_every_state_but_stuck_on_is_reached",
)
_DOSE: Final = tuple(f"tests/controller/test_dose_{what}.py" for what in ("steps", "figures", "parts"))
_SUMS: Final = ("tests/controller/test_dose_second_sum.py::test_two_sums_that_differ_leave_no_dose_but_unknown",)
_MOVES: Final = tuple(f"tests/controller/test_{what}.py" for what in ("table_of_states", "states"))

TESTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "interlocks/gate_law.py": (_LAW, ("tests/interlocks/test_gate.py",)),
    "interlocks/gate.py": (_GATE, ()),
    "interlocks/latch.py": (("tests/interlocks/test_latch.py",), ("tests/controller/test_latches.py",)),
    "interlocks/judge.py": (("tests/interlocks/test_judge_said.py", *_RULES), _GATE),
    "controller/drive.py": (("tests/controller/test_drive.py",), _DECIDE),
    "controller/decide.py": (_DECIDE, _SEARCH),
    "controller/guards.py": (_DECIDE, _SEARCH),
    "interlocks/contact_rules.py": (_RULES, _GATE),
    "interlocks/cold.py": (("tests/interlocks/test_cold.py",), (*_RULES, *_GATE)),
    "interlocks/bands.py": (("tests/interlocks/test_bands.py",), _RULES),
    "interlocks/dose_rules.py": ((*_RULES, "tests/interlocks/test_bands.py"), _GATE),
    "interlocks/generator_rules.py": (_RULES, _GATE),
    "interlocks/house_rules.py": (_RULES, _GATE),
    "interlocks/unit_rules.py": (_RULES, _GATE),
    "interlocks/look.py": (("tests/interlocks/test_look.py", *_RULES), (*_GATE, "tests/interlocks/test_monitor.py")),
    "interlocks/limits.py": (("tests/interlocks/test_limits.py",), ("tests/interlocks/test_gate.py", "tests/controller/test_settings.py")),
    "interlocks/monitor.py": (
        ("tests/interlocks/test_monitor_bounds.py", "tests/interlocks/test_monitor.py"),
        (*_GATE, "tests/interlocks/test_bands.py"),
    ),
    "interlocks/rules.py": (_RULES, _GATE),
    "interlocks/rule.py": (_RULES, ()),
    "interlocks/words.py": (_RULES, _GATE),
    "interlocks/backup_timer.py": (("tests/interlocks/test_backup_timer.py",), ()),
    "controller/states.py": (_MOVES, ("tests/controller/test_drive.py", *_DECIDE, *_SEARCH)),
    "controller/exposure.py": (("tests/controller/test_exposure.py",), ("tests/controller/test_states.py",)),
    "controller/dose.py": (_DOSE, ("tests/controller/test_dose_meter.py", *_SUMS)),
    "controller/second_sum.py": (("tests/controller/test_dose_second_sum.py",), ()),
    "controller/off.py": (("tests/controller/test_off.py",), ()),
    "controller/channels.py": (("tests/controller/test_channels.py",), ()),
    "controller/ends.py": (("tests/controller/test_ends.py",), ()),
    "controller/kernel.py": (("tests/controller/test_kernel_plain.py",), ()),
    "controller/stray.py": (("tests/controller/test_stray_steps.py", "tests/controller/test_stray_bounds.py"), ()),
    "controller/latches.py": (("tests/controller/test_latches_written.py", "tests/controller/test_latches.py"), ()),
}  # fmt: skip
"""By file: the tests that are its own, then others that touch it. Readings drawn at random are left out, for they only show that nothing raises;
of the search only its shortest part is played."""


@dataclass(frozen=True)
class Listed:
    """Mutants that may live: one line in one function, the changes to it, and why."""

    file: str
    inside: str
    line: str
    changes: tuple[str, ...]
    reason: str
    why: str
    pair: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(f"{self.inside} | {self.line} | {change}" for change in self.changes)


@dataclass(frozen=True)
class Barriers:
    """Barriers that stand in for each other: mutated together they must be killed by these tests."""

    name: str
    mutants: tuple[tuple[str, str], ...]
    """(file, key) of each."""
    tests: tuple[str, ...]


@dataclass
class Count:
    """What came of one file."""

    file: str
    mutants: int = 0
    killed: int = 0
    listed: int = 0
    unlisted: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Lines of the list that are out of date."""

    @property
    def whole(self) -> bool:
        return self.killed + self.listed + len(self.unlisted) == self.mutants


def read_list(path: Path) -> tuple[list[Listed], list[Barriers]]:
    """The list, checked: a reason of the three, words for it, and a declared pair for each second barrier."""
    document = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    pairs = [
        Barriers(p["name"], tuple((m["file"], f"{m['in']} | {m['line']} | {m['change']}") for m in p["mutant"]), tuple(p["tests"]))
        for p in document.get("pair", [])
    ]  # fmt: skip
    names = {pair.name for pair in pairs}
    listed = [
        Listed(s["file"], s["in"], s["line"], tuple(s["changes"]), s["reason"], s["why"], s.get("pair", ""))
        for s in document.get("survivor", [])
    ]
    for one in listed:
        where = f"{path}: {one.file}, {one.inside}, {one.line!r}"
        if one.reason not in REASONS or not one.why:
            raise ResultsError(f"{where}: the reason is {one.reason!r}; one of {', '.join(REASONS)}, and why in words")
        if (one.reason == "second barrier") is not bool(one.pair) or (one.pair and one.pair not in names):
            raise ResultsError(f"{where}: a second barrier names its pair, and {one.pair!r} is none; add [[pair]]")
    return listed, pairs


def source_of(target: Target) -> str:
    """The program that the results of a file are kept for."""
    return program(target.root, target.file, target.tests)


def stands_on(target: Target, killed_by: str) -> str:
    """What one result stands on beside the program: the test that killed, nothing where the module cannot even be imported, else every test."""
    if killed_by.startswith(IMPORT):
        return IMPORT
    return one_test(target.root, killed_by) if "::" in killed_by else every_test(target.root, target.tests)


def judge(file: str, born: Sequence[Mutant], killed_by: dict[str, str], listed: Sequence[Listed]) -> Count:
    """What is known of one file, against the list; what was not played is not counted, and the file is then not whole."""
    count = Count(file, len(born))
    may_live = {key for one in listed if one.file == file for key in one.keys}
    for mutant in born:
        if mutant.key not in killed_by:
            continue
        by = killed_by[mutant.key]
        if by:
            count.killed += 1
            if mutant.key in may_live:
                count.wrong.append(f"listed, but killed by {by}: {mutant.key}")
        elif mutant.key in may_live:
            count.listed += 1
        else:
            count.unlisted.append(f"line {mutant.lineno}: {mutant.key}")
    count.wrong += [f"listed, but there is no such mutant: {key}" for key in sorted(may_live - {m.key for m in born})]
    return count


def play_file(target: Target, born: Sequence[Mutant], home: Path, workers: int, out: Console) -> dict[str, str]:
    """By key what killed each; what is known of these sources is not played again, what is known of others says which test comes first."""
    source, path = source_of(target), kept(home, target.file)
    hints = _put_aside(target, path, source)
    results = Results(path, source, commit(), resume=path.exists(), key="key")
    todo = [mutant for mutant in born if mutant.key not in results.by_key]
    bar = Progress(
        TextColumn(target.file), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), console=out
    )  # fmt: skip
    try:
        if todo:
            with bar:
                task = bar.add_task(target.file, total=len(born), completed=len(born) - len(todo))
                for document in _dealt_out(target, todo, workers, hints):
                    by = document["killed_by"]
                    results.add(document | {"stands_on": stands_on(target, by), "source": source})
                    bar.advance(task)
    finally:
        results.close()
    return {key: str(document["killed_by"]) for key, document in results.by_key.items()}


def kept(home: Path, file: str) -> Path:
    """Where the results of one file are kept."""
    return home / (file.replace("/", "-").removesuffix(".py") + ".jsonl")


def _put_aside(target: Target, path: Path, source: str) -> dict[str, str]:
    """By key what killed it before. Results of another program, or that stand on tests that are others now, are put aside: they are hints from then on."""
    aside = path.with_suffix(".hints")
    hints = dict(json.loads(aside.read_text(encoding="utf-8"))) if aside.exists() else {}
    if not path.exists():
        return hints
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    documents = [json.loads(line) for line in lines]
    if documents and documents[0].get("source") == source:
        good = [d.get("stands_on") == stands_on(target, d["killed_by"]) for d in documents[1:]]
        if all(good):
            return hints
        kept_lines = [lines[0], *(line for line, is_good in zip(lines[1:], good, strict=True) if is_good)]
    else:
        kept_lines = []
    hints |= {d["key"]: d["killed_by"] for d in documents if d.get("killed_by")}
    aside.write_text(json.dumps(hints), encoding="utf-8")
    if kept_lines:
        path.write_text("\n".join(kept_lines) + "\n", encoding="utf-8")
    else:
        path.unlink()
    return hints


def _dealt_out(target: Target, todo: Sequence[Mutant], workers: int, hints: dict[str, str]) -> Any:
    """Every document as it comes, from so many processes that are forked before anything of the product is imported."""
    context = get_context("fork")
    queue = context.Queue()
    hands = [
        context.Process(target=_hand, args=(target, todo[start::workers], queue, hints)) for start in range(workers)
    ]
    for hand in hands:
        hand.start()
    left = len(hands)
    try:
        while left:
            document = queue.get()
            if "fault" in document:
                raise UnplayableError(document["fault"])
            if document:
                yield document
            else:
                left -= 1
    finally:
        for hand in hands:
            if left:
                hand.terminate()
            hand.join()


def _hand(target: Target, todo: Sequence[Mutant], queue: Any, hints: dict[str, str]) -> None:
    try:
        play(target, todo, queue.put, hints)
        queue.put({})
    except UnplayableError as why:
        queue.put({"fault": str(why)})


def play_pairs(root: Path, pairs: Sequence[Barriers], out: Console) -> list[str]:
    """Each declared set: its tests must pass over each alone, else they show nothing of the other, and fail over all together; what is wrong in words."""
    wrong = []
    for pair in pairs:
        chosen: dict[Target, Mutant] = {}
        for file, key in pair.mutants:
            found = [mutant for mutant in mutants(root, file) if mutant.key == key]
            if found:
                chosen[Target(root, file, pair.tests)] = found[0]
            else:
                wrong.append(f"pair {pair.name}: there is no such mutant of {file}: {key}")
        if len(chosen) != len(pair.mutants):
            continue
        for target, mutant in chosen.items():
            alone = play_together(root, {target: mutant}, pair.tests)
            if alone:
                wrong.append(
                    f"pair {pair.name}: the one in {target.file} is killed alone by {alone}; name a test that needs both"
                )
        killed_by = play_together(root, chosen, pair.tests)
        out.print(
            f"pair {pair.name}: {f'killed by {killed_by}' if killed_by else 'lives'}", highlight=False, markup=False
        )
        if not killed_by:
            wrong.append(f"pair {pair.name}: both mutated together live through {', '.join(pair.tests)}")
    return wrong


def command(
    only: Annotated[list[str] | None, typer.Option(help="this file, and no other; may be given again")] = None,
    workers: Annotated[int, typer.Option(help="processes", min=1)] = 1,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="only the declared pairs of barriers, mutated together")
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="play nothing; write the made part of docs/verification.md from what is kept")
    ] = False,
    root: Annotated[Path, typer.Option(help="another tree")] = ROOT,
    tests: Annotated[list[str] | None, typer.Option(help="the tests to play, instead of those of the table")] = None,
    survive: Annotated[Path, typer.Option(help="the list of mutants that may live")] = LIST,
    home: Annotated[Path, typer.Option(help="where it keeps what it has")] = HOME,
) -> None:
    """Alter the program in every place as a hand may slip, and see that a test fails; exit 0 when all that lives is listed, and the list is true."""
    out = Console(soft_wrap=True)
    unknown = [] if tests else [file for file in only or () if file not in TESTS]
    if unknown:
        out.print(f"no tests are named for {', '.join(unknown)}; there are: {', '.join(TESTS)}")
        raise typer.Exit(2)
    try:
        listed, declared = read_list(survive)
        if page:
            write_page(listed, home)
            return
        wrong = play_pairs(root, declared, out) if pairs or not only else []
        counts = []
        for file in () if pairs else only or tuple(TESTS):
            own, others = (tuple(tests), ()) if tests else TESTS[file]
            born = mutants(root, file)
            killed_by = play_file(Target(root, file, own, others), born, home, workers, out)
            counts.append(judge(file, born, killed_by, listed))
    except (UnplayableError, ResultsError) as why:
        out.print(f"[bold red]{why}[/]")
        raise typer.Exit(2) from None
    out.print(tell(counts))
    for count in counts:
        wrong += [f"{count.file}: lives and is not listed, {key}" for key in count.unlisted]
        wrong += [f"{count.file}: {words}" for words in count.wrong]
        wrong += (
            [] if count.whole else [f"{count.file}: not every mutant was played; begin again, what is known is kept"]
        )
    for words in wrong:
        out.print(words, style="red", highlight=False, markup=False)
    raise typer.Exit(1 if wrong else 0)


def tell(counts: Sequence[Count]) -> Table:
    """One row a file, and the sum."""
    table = Table("file", "mutants", "killed", "live, listed", "live, not listed", "list out of date", box=None)
    for c in counts:
        table.add_row(c.file, f"{c.mutants}", f"{c.killed}", f"{c.listed}", f"{len(c.unlisted)}", f"{len(c.wrong)}")
    sums = [sum(c.mutants for c in counts), sum(c.killed for c in counts), sum(c.listed for c in counts)]
    table.add_row(
        "all", *map(str, sums), f"{sum(len(c.unlisted) for c in counts)}", f"{sum(len(c.wrong) for c in counts)}"
    )
    return table


def write_page(listed: Sequence[Listed], home: Path) -> None:
    """The made part of the page, from what is kept: which program was played, and whether it is the same; a file that was not played to its end
    is said to be so."""
    lines = [
        "| file | mutants | killed | live, listed | live, not listed | listed: equivalent / only words / second barrier | program | since then |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    counts = []
    for file, (own, others) in TESTS.items():
        target = Target(ROOT, file, own, others)
        source, path = source_of(target), kept(home, file)
        documents = (
            [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]] if path.exists() else []
        )
        known = {str(d["key"]): str(d["killed_by"]) for d in documents[1:]}
        count = judge(file, mutants(ROOT, file), known, listed)
        if not count.whole:
            lines.append(f"| `{file}` | {count.mutants} | not played to the end | | | | | |")
            continue
        counts.append(count)
        by = [sum(len(one.keys) for one in listed if (one.file, one.reason) == (file, reason)) for reason in REASONS]
        source_played = str(documents[0]["source"])
        since = "" if source_played == source else "what its tests import has changed"
        lines.append(
            f"| `{file}` | {count.mutants} | {count.killed} | {count.listed} | {len(count.unlisted)} "
            f"| {' / '.join(map(str, by))} | `{source_played[:8]}` | {since} |"
        )
    lines.append(
        f"| {len(counts)} files of {len(TESTS)} | {sum(c.mutants for c in counts)} | {sum(c.killed for c in counts)} "
        f"| {sum(c.listed for c in counts)} | {sum(len(c.unlisted) for c in counts)} | | | |"
    )
    text, found = re.subn(
        f"(?s){re.escape(BEGINS)}.*?{re.escape(ENDS)}",
        lambda _: f"{BEGINS}\n{chr(10).join(lines)}\n{ENDS}",
        PAGE.read_text(encoding="utf-8"),
    )
    if found != 1:
        raise ResultsError(f"{PAGE} has {found} places for what is made, wanted 1: {BEGINS} ... {ENDS}")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    typer.run(command)
