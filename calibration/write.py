"""A certificate's tables as text: TOML that reads back as the same document, unsigned, and put in its place whole.
It invents nothing and rounds nothing; what is written has been checked before."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from calibration.atomic import replaced
from calibration.equipment import stamp
from calibration.schema import CertificateTable, contradictions
from calibration.signed import content_sha256
from hal.errors import ConfigurationError

SHOWN: Final = 16


def write_certificate(path: Path, document: Mapping[str, Any]) -> None:
    """Check and write an unsigned certificate. Raises ConfigurationError where its content may not even be signed; ValueError where it is no table of ours."""
    content = {key: value for key, value in document.items() if key != "signatures"}
    wrong = [f"{path}: {words}" for words in contradictions(CertificateTable.model_validate(content))]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    text = text_of(content)
    if tomllib.loads(text) != content:
        raise ValueError(f"{path}: the text does not read back as the document; whole seconds and plain values only")
    replaced(path, text.encode())


def content_of(document: Mapping[str, Any]) -> str:
    """The first digits of the content's SHA-256, signatures left out: who signs sees whether a draft was changed since it was written."""
    return content_sha256(dict(document)).hex()[:SHOWN]


def text_of(document: Mapping[str, Any]) -> str:
    """TOML: plain values first, then each table, then each list of tables; what lies deeper stands in one line."""
    plain = [f"{key} = {_value(value)}\n" for key, value in document.items() if not _tabular(value)]
    return "".join(plain) + "".join(_blocks(document))


def _blocks(document: Mapping[str, Any]) -> Iterator[str]:
    for key, value in document.items():
        if not _tabular(value):
            continue
        head, rows = (f"[{key}]", [value]) if isinstance(value, Mapping) else (f"[[{key}]]", value)
        for row in rows:
            yield f"\n{head}\n" + "".join(f"{name} = {_value(one)}\n" for name, one in row.items())


def _tabular(value: object) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _value(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return stamp(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return repr(value)
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
        case list():
            return "[" + ", ".join(_value(one) for one in value) + "]"
    raise ValueError(f"{value!r} has no place in a certificate; leave it out")
