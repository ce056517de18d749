"""Every relative link of README and docs leads somewhere, and every `kerma` command that they name exists."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main

from console.cli import build
from interlocks.rules import TABLE

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?<!air )\bkerma ([a-z]+(?:-[a-z]+)*)(?: ([a-z]+))?")
MODULE = re.compile(r"python -m ((?:verification|calibration|controller|records)[a-z_.]*)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TEST = re.compile(r"def (test_\w+)")
NAMED_TEST = re.compile(r"`(test_\w+)(?:\.py)?`")
BEGINS = re.compile(r"\s*(async def|def|class) \w|[A-Za-z_]\w*(: .*)? = ")
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


def anchors(page: Path) -> set[str]:
    """A page's headings as a forge makes anchors of them, and the anchors that it sets itself."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    heads = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in HEADING.findall(text)}
    return heads | set(ANCHOR.findall(text))


def begins_a_name(source: Path, anchor: str) -> bool:
    """Whether this anchor of a Python file is a line on which a function, a class or an assigned name begins."""
    lines, number = source.read_text(encoding="utf-8").splitlines(), anchor.removeprefix("L")
    return (
        anchor == f"L{number}"
        and number.isdigit()
        and bool(BEGINS.match([*lines, ""][min(int(number), len(lines) + 1) - 1]))
    )


@cache
def commands() -> dict[str, set[str]]:
    """The command line's own words."""
    top = typer.main.get_command(build(["--help"]))
    return {name: set(getattr(command, "commands", {})) for name, command in top.commands.items()}  # type: ignore[attr-defined]


def named(page: Path) -> Iterator[tuple[str, str]]:
    """Commands in code of a page: name and the word after it."""
    for code in CODE.findall(page.read_text(encoding="utf-8")):
        yield from COMMAND.findall(code)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """File and heading are there; links to other hosts are not followed."""
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert ROOT in target.parents, f"{page.name}: {link} leaves the repository"
        if anchor and target.suffix == ".py":
            assert begins_a_name(target, anchor), f"{page.name}: {link}; first: python -m verification.pages"
        elif anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    known = commands()
    for name, second in named(page):
        assert name in known, f"{page.name}: kerma {name}"
        if known[name] and second:
            assert second in known[name], f"{page.name}: kerma {name} {second}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_modules_exist(page: Path) -> None:
    for module in MODULE.findall(page.read_text(encoding="utf-8")):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{page.name}: python -m {module}"


@cache
def names_of_tests() -> set[str]:
    """Every test, and every file of tests, by its name."""
    files = list((ROOT / "tests").rglob("*.py"))
    return {path.stem for path in files} | {
        name for path in files for name in TEST.findall(path.read_text(encoding="utf-8"))
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    """A page that says what keeps a thing so does not outlive the test."""
    for name in set(NAMED_TEST.findall(page.read_text(encoding="utf-8"))) - {row.id for row in TABLE}:
        assert name in names_of_tests(), f"{page.name}: {name}"


def test_a_line_on_which_nothing_begins_is_found() -> None:
    """A link that a moved function has left behind is none."""
    here = Path(__file__)
    lines = here.read_text(encoding="utf-8").splitlines()
    line = next(number for number, words in enumerate(lines, 1) if words.startswith("def anchors("))
    assert begins_a_name(here, f"L{line}")
    assert not any(
        begins_a_name(here, anchor) for anchor in (f"L{line + 1}", f"L{len(lines) + 1}", "L0", "L", f"{line}", "top")
    )


def test_the_reader_of_commands_finds_some() -> None:
    """The tests above are not empty: README names most commands."""
    found = {name for name, _ in named(ROOT / "README.md")}
    assert {"sim", "run", "treat", "inject", "stop", "status", "records", "demo", "reset", "drivers"} <= found
