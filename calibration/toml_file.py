"""The bytes of a small file, and the TOML in them, or a refusal that says where it is wrong; every file that people write is read here.
It knows no table: what a file may hold is for whoever reads it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from hal.errors import ConfigurationError

FILE_MAX_BYTES = 1_000_000
"""A file of people is a page long, a certificate some; anything near this size is the wrong file."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a small file. Raises ConfigurationError where there is none or it is too large to be one of ours."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of an existing file"
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than {FILE_MAX_BYTES} bytes; first: see that it is the right file")
    return data


def parse(path: Path, data: bytes) -> dict[str, Any]:
    """TOML to a dictionary. Raises ConfigurationError with the line and the column."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 text (byte {error.start}); first: save it as UTF-8") from error
    except (ValueError, RecursionError) as error:  # ValueError also where a number has more digits than Python takes
        raise ConfigurationError(f"{path}: is not TOML ({error}); first: {_advice(data, str(error))}") from error


def _advice(data: bytes, words: str) -> str:
    at = re.search(r"line (\d+)", words)
    lines = data.decode("utf-8").splitlines()
    if at is None or int(at.group(1)) > len(lines):
        return "mend what is named"
    line = lines[int(at.group(1)) - 1]
    comma = re.match(r"\s*([\w.\"-]+)\s*=\s*([-+]?\d+,\d+)\s*(#.*)?$", line)
    if comma:
        return f"{comma.group(1)} = {comma.group(2)}: write a decimal point ({comma.group(2).replace(',', '.')}), not a comma"
    return f"mend that line: {line.strip()!r}"
