"""No two test files have one name: pytest would import one of them and refuse the other, and with it the whole run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def test_each_test_file_has_a_name_of_its_own() -> None:
    files = Counter(
        path.name for path in Path(__file__).resolve().parents[1].rglob("*.py") if path.name != "conftest.py"
    )
    assert [name for name, times in files.items() if times > 1] == []
