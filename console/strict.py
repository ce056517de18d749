"""How a file of people is read: strictly, once, with every mistake named by file, key, value, bound and what to do first.
It knows no rig and no prescription; those are models that it is given."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from calibration import toml_file
from hal.errors import ConfigurationError


class Strict(BaseModel):
    """A table of a file: frozen, no unknown key, no conversion (a number in quotes is not a number), no NaN and no infinity."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


M = TypeVar("M", bound=Strict)


@dataclass(frozen=True)
class Taken(Generic[M]):
    """A file as it was read: its checked content and the SHA-256 of its bytes (32 bytes)."""

    path: Path
    model: M
    sha256: bytes


def read(path: Path, model: type[M]) -> Taken[M]:
    """Read and check a TOML file. Raises ConfigurationError with one line for each mistake found."""
    data = toml_file.read_bytes(path)
    return Taken(path, check(path, toml_file.parse(path, data), model), hashlib.sha256(data).digest())


def check(path: Path, document: dict[str, Any], model: type[M]) -> M:
    """A dictionary to a checked model. Raises ConfigurationError, one line for each mistake."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        lines = [_line(path, model, dict(problem)) for problem in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(lines)) from None


def refusal(path: Path, key: str, value: object, wrong: str, first: str) -> str:
    """The one form of every refusal of a file's content."""
    return f"{path}: {key} = {shown(value)}: {wrong}; first: {first}"


_SECRET = re.compile(r"(://[^:@/\s]*:|password=)[^@&\s\"]*", re.IGNORECASE)
"""A password in a URL, where none belongs."""


def shown(value: object) -> str:
    """A value as a person wrote it, cut to a line; what is secret is not shown."""
    if isinstance(value, bool):
        return "true" if value else "false"
    words = repr(value) if not isinstance(value, str) else f'"{value}"'
    words = _SECRET.sub(r"\1...", words.replace("\n", " "))
    return words if len(words) <= 80 else words[:77] + "..."


WORDS: dict[str, str] = {
    "finite_number": "is not a finite number",
    "float_type": "is not a number (no quotes, a decimal point and not a comma, the unit stands in the key's name)",
    "int_type": "is not a whole number (no quotes, no decimal point)",
    "int_from_float": "is not a whole number",
    "bool_type": "is neither true nor false",
    "string_type": "is not a text in quotes",
    "list_type": "is not a list [ ... ]",
    "model_type": "is not a table of keys",
    "model_attributes_type": "is not a table of keys",
    "dict_type": "is not a table of keys",
    "greater_than_equal": "is below the bound: at least {ge}",
    "greater_than": "is at or below the bound: more than {gt}",
    "less_than_equal": "is above the bound: at most {le}",
    "less_than": "is at or above the bound: less than {lt}",
    "string_too_short": "is too short: at least {min_length} characters",
    "string_too_long": "is too long: at most {max_length} characters",
    "string_pattern_mismatch": "does not have the form {pattern}",
    "literal_error": "is none of {expected}",
    "too_short": "has too few entries: at least {min_length}",
    "too_long": "has too many entries: at most {max_length}",
}
"""Kinds of mistake in our words; braces are filled from the checker's own context."""


def _line(path: Path, model: type[Strict], problem: dict[str, Any]) -> str:
    kind = str(problem["type"])
    where = tuple(problem["loc"])
    key = ".".join(str(part) for part in where)
    value = "(not shown)" if where and "key" in str(where[-1]) else problem["input"]
    context = dict(problem.get("ctx") or {})
    if kind == "missing":
        return f"{path}: {key} is missing; first: {_advice(model, where)}"
    if kind == "extra_forbidden":
        return refusal(path, key, value, "is not a key that is known here", _nearest(model, where))
    if kind == "value_error":
        wrong, _, first = str(context["error"]).partition("; first: ")
        first = first or _advice(model, where)
        return refusal(path, key, value, wrong, first) if where else f"{path}: {wrong}; first: {first}"
    wrong = WORDS[kind].format(**context) if kind in WORDS else str(problem["msg"])
    return refusal(path, key, value, wrong, _advice(model, where))


def _fields(model: type[BaseModel], where: tuple[int | str, ...]) -> tuple[dict[str, FieldInfo], FieldInfo | None]:
    """The fields of the table that holds the last part of `where`, and that part's own field if it is one."""
    fields, field = model.model_fields, None
    for depth, part in enumerate(where):
        field = fields.get(str(part))
        inner = _table_of(field)
        if depth < len(where) - 1 and inner is not None:
            fields = inner.model_fields
    return dict(fields), field


def _table_of(field: FieldInfo | None) -> type[BaseModel] | None:
    if field is None:
        return None
    kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _advice(model: type[BaseModel], where: tuple[int | str, ...]) -> str:
    names = tuple(part for part in where if isinstance(part, str))
    _, field = _fields(model, names)
    if field is not None and field.description:
        return field.description
    return f"write the table [{'.'.join(names)}]" if _table_of(field) else "mend it"


def _nearest(model: type[BaseModel], where: tuple[int | str, ...]) -> str:
    """What to do about an unknown key: most are a known one without its unit, with another unit, or misspelt."""
    fields, _ = _fields(model, where)
    wrong = str(where[-1])
    stem = wrong.rsplit("_", 1)[0]
    units = [
        name for name in fields if name.rsplit("_", 1)[0] in (stem, wrong) or name.startswith((stem + "_", wrong + "_"))
    ]
    if units:
        return f"write {units[0]}: the unit is part of the key's name"
    close = difflib.get_close_matches(wrong, fields, n=1)
    if close:
        return f"write {close[0]}, or remove {wrong}"
    return f"remove it; known here: {', '.join(fields)}"
