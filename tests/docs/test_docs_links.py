"""Every relative link of README and docs leads somewhere, and every `kerma` command that they name exists."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main

from console.cli import build

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?<!air )\bkerma ([a-z]+(?:-[a-z]+)*)(?: ([a-z]+))?")
MODULE = re.compile(r"python -m ((?:verification|calibration|controller|records)[a-z_.]*)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


def anchors(page: Path) -> set[str]:
    """A page's headings as a forge makes anchors of them, and the anchors that it sets itself."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    heads = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in HEADING.findall(text)}
    return heads | set(ANCHOR.findall(text))


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
        if anchor:
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


def test_the_reader_of_commands_finds_some() -> None:
    """The tests above are not empty: README names most commands."""
    found = {name for name, _ in named(ROOT / "README.md")}
    assert {"sim", "run", "treat", "inject", "stop", "status", "records", "demo", "reset", "drivers"} <= found
