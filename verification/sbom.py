"""`python -m verification.sbom FILE`: what is inside a release, as CycloneDX 1.6, made from the locked requirements and from what the installed packages say.
It asks no network and names no time: the same lock and the same environment give the same bytes."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from packaging.markers import Marker

ROOT: Final = Path(__file__).resolve().parents[1]
MACHINE: Final = {
    "python_version": "3.11", "python_full_version": "3.11.0", "implementation_name": "cpython", "implementation_version": "3.11.0",
    "platform_python_implementation": "CPython", "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64",
    "platform_release": "", "platform_version": "", "extra": "",
}  # fmt: skip
"""What a release runs on; a locked package that is for another machine is no part of it."""
ENTRY: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^ ;\\]+)( ; (?P<marker>[^\\]+?))? *\\?$"
)
HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]+)")
NAME_OF_A_LICENCE: Final = 100
"""Some packages put the whole text where its name belongs."""


@dataclass(frozen=True)
class Locked:
    """One package of the lock: what pip may install, and for whose sake it is there (empty: it was asked for by name)."""

    name: str
    version: str
    sha256: tuple[str, ...]
    via: tuple[str, ...]


def locked(text: str) -> tuple[Locked, ...]:
    """Every package of a compiled requirements file that is for this machine, by name. ValueError: a line that is none of it."""
    found: dict[str, Locked] = {}
    head: re.Match[str] | None = None
    hashes: list[str] = []
    via: list[str] = []

    def ended() -> None:
        if head is None or (head["marker"] and not Marker(head["marker"]).evaluate(MACHINE)):
            return
        name = named(head["name"])
        if name in found:
            raise ValueError(f"{name} is locked twice for one machine: {found[name].version} and {head['version']}")
        found[name] = Locked(name, head["version"], tuple(hashes), tuple(via))

    for line in text.splitlines():
        words = line.strip()
        if line.startswith((" ", "\t")):
            hashes += HASH.findall(words)
            if words.startswith("#"):
                one = words.lstrip("# ").removeprefix("via").strip()
                via += [named(one)] if one and not one.startswith("-r") else []
            elif not words.startswith("--hash="):
                raise ValueError(f"{words!r} belongs to no package; first: make lock")
        elif words and not words.startswith("#"):
            ended()
            head, hashes, via = ENTRY.match(words), [], []
            if head is None:
                raise ValueError(f"{words!r} names no package with its version; first: make lock")
    ended()
    return tuple(sorted(found.values(), key=lambda one: one.name))


def named(name: str) -> str:
    """A package's name in the one form that all agree on."""
    return re.sub(r"[-_.]+", "-", name).lower()


def document() -> str:
    """The list of parts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    packages = locked((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    purls = {one.name: f"pkg:pypi/{one.name}@{one.version}" for one in packages}
    direct = [named(re.split(r"[=<>\[; ]", one)[0]) for one in project["dependencies"]]
    needed = _closure(direct, packages)
    own = f"pkg:pypi/{project['name']}@{project['version']}"
    wants = {
        purls[one.name]: sorted(purls[other.name] for other in packages if one.name in other.via) for one in packages
    }
    wants[own] = sorted(purls[name] for name in direct)
    return (
        json.dumps(
            {
                "bomFormat": "CycloneDX",
                "specVersion": "1.6",
                "version": 1,
                "metadata": {
                    "component": {
                        "type": "application", "bom-ref": own, "name": project["name"], "version": project["version"], "purl": own,
                        "description": project["description"],
                    },
                },
                "components": [_part(one, purls[one.name], one.name in needed) for one in packages],
                "dependencies": [{"ref": ref, "dependsOn": on} for ref, on in sorted(wants.items())],
            },
            indent=1,
            ensure_ascii=False,
        )
        + "\n"
    )  # fmt: skip


def _closure(direct: list[str], packages: tuple[Locked, ...]) -> frozenset[str]:
    """What the product needs, and what that needs; the rest builds and tests it."""
    needed: set[str] = set(direct)
    while True:
        more = {one.name for one in packages if needed & set(one.via)} - needed
        if not more:
            return frozenset(needed)
        needed |= more


def _part(one: Locked, purl: str, needed: bool) -> dict[str, Any]:
    licences = list(_licences(one))
    return {
        "type": "library", "bom-ref": purl, "name": one.name, "version": one.version, "purl": purl, "scope": "required" if needed else "excluded",
        "hashes": [{"alg": "SHA-256", "content": value} for value in one.sha256],
    } | ({"licenses": licences} if licences else {})  # fmt: skip


def _licences(one: Locked) -> Iterator[dict[str, Any]]:
    """What the installed package says; nothing where another version is installed, or none."""
    try:
        found = distribution(one.name)
    except PackageNotFoundError:
        return
    if found.version != one.version:
        return
    (expression, *_), (words, *_) = (found.metadata.get_all(key) or ("",) for key in ("License-Expression", "License"))
    classified = [
        row.rsplit(" :: ", 1)[-1] for row in found.metadata.get_all("Classifier") or [] if row.startswith("License ::")
    ]
    if expression:
        yield {"expression": expression}
    elif words and len(words) <= NAME_OF_A_LICENCE and "\n" not in words:
        yield {"license": {"name": words}}
    else:
        yield from ({"license": {"name": row}} for row in classified)


def main(arguments: list[str]) -> int:
    """Write the list and say how long it is."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m verification.sbom FILE\n")
        return 2
    text = document()
    Path(arguments[0]).write_text(text, encoding="utf-8")
    parts = json.loads(text)["components"]
    required = sum(1 for part in parts if part["scope"] == "required")
    sys.stdout.write(
        f"{arguments[0]}: {len(parts)} packages, {required} of them in a release, the rest to build and test it\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
