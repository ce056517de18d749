"""`kerma drivers new`: writes a driver's file with its table, its test with a scripted device, and its line, as a package of its own or in this repository.
It overwrites nothing and installs nothing; what it writes works against the example device that it writes with it, and refuses every other."""

from __future__ import annotations

import keyword
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from hal import registry
from hal.errors import ConfigurationError

NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
NAME_MOST: Final = 32
LINE_MOST: Final = 120
OPENS, ENDS = "@FIRST_PARTY:", "@END"


@dataclass(frozen=True)
class Kind:
    """A kind of driver: the group of its entry point, its folder in this repository, and the first word of its templates."""

    group: str
    folder: str
    template: str


KINDS: Final = {
    "generator": Kind(registry.GENERATORS, "hal/generators", "generator"),
    "safety-unit": Kind(registry.SAFETY_UNITS, "hal/safety_units", "safety_unit"),
    "electrometer": Kind(registry.ELECTROMETERS, "hal/electrometers", "electrometer"),
}


def new(name: str, kind: str, package: Path | None, in_tree: Path | None) -> tuple[Path, ...]:
    """Write everything; the paths that were written. ConfigurationError for what cannot be written: nothing has been written then."""
    refuse_name(name)
    if kind not in KINDS:
        raise ConfigurationError(f"--kind {kind}: there are {', '.join(KINDS)}; first: choose one")
    if (package is None) is (in_tree is None):
        raise ConfigurationError(
            "a driver is a package of its own or a file of this repository; first: give --package FOLDER or --in-tree, one of them"
        )
    files = (
        _package(name, KINDS[kind], kind, package)
        if package is not None
        else _in_tree(name, KINDS[kind], in_tree or Path())
    )
    for path in files:
        if path.exists() and path.name != "pyproject.toml":
            raise ConfigurationError(
                f"{path} is there, and nothing is overwritten; first: move it away, or choose another name"
            )
    if package is not None and (package / "pyproject.toml").exists():
        raise ConfigurationError(
            f"{package} is a package already, and nothing is overwritten; first: choose another folder"
        )
    for path, text in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be written ({error.strerror}); first: choose another folder"
            ) from error
    return tuple(files)


def run(name: str, kind: str, package: Path | None, in_tree: bool) -> None:
    """Write, and say what was written and what to do next."""
    for path in new(name, kind, package, Path() if in_tree else None):
        print(f"{'one line added' if package is None and path.name == 'pyproject.toml' else 'written'}: {path}")
    if package is not None:
        print(f"next: pip install --no-deps --no-build-isolation -e {package}, then python -m pytest {package}")
    else:
        print(
            "next: make setup, then python -m pytest tests/hal; a simulated counterpart of its name is due in simulators/"
        )


def refuse_name(name: str) -> None:
    """A name is small letters, digits and single hyphens, and nobody's yet."""
    if not NAME.fullmatch(name) or len(name) > NAME_MOST or keyword.iskeyword(_module(name)):
        raise ConfigurationError(
            f"name {name!r}: write small letters and digits with single hyphens between, at most {NAME_MOST}, and no word of Python"
        )
    for group in GROUPS:
        if name in registry.names(group):
            raise ConfigurationError(f"name {name!r}: {group} has a driver of this name; first: choose another")


GROUPS: Final = (registry.GENERATORS, registry.SAFETY_UNITS, registry.ELECTROMETERS)


def _module(name: str) -> str:
    return name.replace("-", "_")


def _package(name: str, kind: Kind, kind_words: str, folder: Path) -> dict[Path, str]:
    module = _module(name)
    own = f"kerma_{module}"
    words = {
        "NAME": name,
        "KIND": kind_words,
        "GROUP": kind.group,
        "DISTRIBUTION": f"kerma-{name}",
        "PACKAGE": own,
        "DRIVER": f"{own}.driver",
        "DRIVER_FILE": f"{own}/driver.py",
        "DEVICE": f"scripted_{module}",
        "DEVICE_FILE": f"tests/scripted_{module}.py",
    }
    return {
        folder / "pyproject.toml": rendered("package_pyproject", words),
        folder / "README.md": rendered("package_readme", words),
        folder / own / "__init__.py": rendered("package_init", words),
        folder / own / "driver.py": rendered(f"{kind.template}_driver", words),
        folder / own / "py.typed": "",
        folder / words["DEVICE_FILE"]: rendered(f"{kind.template}_device", words),
        folder / "tests" / f"test_{module}.py": rendered(f"{kind.template}_test", words),
    }


def _in_tree(name: str, kind: Kind, root: Path) -> dict[Path, str]:
    module = _module(name)
    pyproject = root / "pyproject.toml"
    text = _own_pyproject(pyproject)
    words = {
        "NAME": name,
        "DRIVER": f"{kind.folder.replace('/', '.')}.{module}",
        "DEVICE": f"scripted_{module}",
        "DEVICE_FILE": f"tests/hal/scripted_{module}.py",
    }
    return {
        root / kind.folder / f"{module}.py": rendered(f"{kind.template}_driver", words),
        root / words["DEVICE_FILE"]: rendered(f"{kind.template}_device", words),
        root / "tests" / "hal" / f"test_hal_{module}.py": rendered(f"{kind.template}_test", words),
        pyproject: with_line(text, kind.group, f'{name} = "{words["DRIVER"]}:DRIVER"'),
    }


def _own_pyproject(path: Path) -> str:
    """The text of this repository's pyproject.toml. ConfigurationError where it is another's."""
    try:
        text = path.read_text(encoding="utf-8")
        ours = tomllib.loads(text)["project"]["name"] == "kerma"
    except (OSError, ValueError, KeyError, TypeError):
        ours, text = False, ""
    if not ours:
        raise ConfigurationError(
            f"{path} is not Kerma's own; first: go to the repository's folder, or give --package FOLDER"
        )
    return text


def with_line(text: str, group: str, line: str) -> str:
    """A pyproject.toml with one more entry point, first in its group; a group that is not there yet is put behind the others."""
    head = f'[project.entry-points."{group}"]\n'
    if head in text:
        return text.replace(head, f"{head}{line}\n", 1)
    before = "[tool.hatch.build.targets.wheel]\n"
    return text.replace(before, f"{head}{line}\n\n{before}", 1)


def rendered(template: str, words: dict[str, str]) -> str:
    """A template with its words put in, and its own imports in the order that the linter wants."""
    text = (resources.files("console.drivers") / "templates" / f"{template}.txt").read_text(encoding="utf-8")
    for key in sorted(words, key=len, reverse=True):
        text = text.replace(f"@{key}@", words[key])
    before, opened, rest = text.partition(f"{OPENS}\n")
    if not opened:
        return text
    imports, _, after = rest.partition(f"{ENDS}\n")
    return f"{before}\n{_sorted(imports.splitlines())}\n{after}"


def _sorted(lines: list[str]) -> str:
    """From-imports by module, names of one module joined and in the linter's order: constants, classes, functions."""
    by_module: dict[str, list[str]] = {}
    for line in lines:
        _, module, _, names = line.split(maxsplit=3)
        by_module.setdefault(module, []).extend(names.split(", "))
    return "\n".join(_line(module, sorted(names, key=_order)) for module, names in sorted(by_module.items()))


def _line(module: str, names: list[str]) -> str:
    """One import, on one line if it has room there."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= LINE_MOST:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _order(name: str) -> tuple[int, str]:
    constant = name.isupper() and len(name) > 1
    return (0 if constant else 1 if name[0].isupper() else 2, name)
