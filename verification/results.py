"""Results of many seeds (or cases) as JSON lines: one head that names the sources, then one line for each, written the moment it is known.
It is keyed by seed and sources, so that a campaign goes on where it was cut off, and never mixes two programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

HEAD: Final = "kerma_results"
VERSION: Final = 1


class ResultsError(Exception):
    """A results file cannot be used; the words say why and what to do first."""


class Results:
    """The lines of one file, or of none: then they are only kept in memory. A torn last line, as a kill leaves it, is cut off; `key` names what is counted."""

    def __init__(
        self, path: Path | None, source: str, commit: str = "", resume: bool = False, key: str = "seed"
    ) -> None:
        self.path, self.source, self._key = path, source, key
        self.by_key: dict[Any, dict[str, Any]] = {}
        self._file = None
        if path is None:
            return
        if path.exists() and not resume:
            raise ResultsError(f"{path} is there already; go on with --resume {path}, or choose another file")
        if resume and not path.exists():
            raise ResultsError(f"{path} is not there, so there is nothing to go on with; begin with --json {path}")
        if path.exists():
            self._read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        if not self._file.tell():
            self._write({HEAD: VERSION, "source": source, "commit": commit, "simulated": True})

    def add(self, document: dict[str, Any]) -> bool:
        """Keep one result; False when it was there already, or is not of these sources, and was not kept."""
        key = document[self._key]
        if key in self.by_key or document["source"] != self.source:
            return False
        self.by_key[key] = document
        self._write(document)
        return True

    def all(self) -> list[dict[str, Any]]:
        """Every result, in the order of their keys."""
        return [self.by_key[key] for key in sorted(self.by_key)]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _write(self, document: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(document) + "\n")
            self._file.flush()

    def _read(self, path: Path) -> None:
        lines = path.read_bytes().split(b"\n")
        if lines[-1]:
            os.truncate(path, path.stat().st_size - len(lines[-1]))
        try:
            documents = [json.loads(line) for line in lines[:-1]]
        except ValueError as error:
            raise ResultsError(f"{path} is damaged ({error}); move it away and begin anew") from None
        if not documents:
            return
        head = documents[0]
        if not isinstance(head, dict) or head.get(HEAD) != VERSION:
            raise ResultsError(f"{path} is not a results file of this version; choose another file")
        if head.get("source") != self.source:
            raise ResultsError(
                f"{path} is of other sources ({str(head.get('source'))[:12]}, commit {head.get('commit') or 'unknown'}), "
                f"these are {self.source[:12]}: what another program did proves nothing of this one; choose another file"
            )
        for number, document in enumerate(documents[1:], 2):
            if not isinstance(document, dict) or document.get("source") != self.source or self._key not in document:
                raise ResultsError(f"{path}, line {number}, is no result of these sources; move it away and begin anew")
            self.by_key.setdefault(document[self._key], document)
