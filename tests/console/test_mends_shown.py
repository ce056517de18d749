"""Each mend that docs/console.md tells of is taken out of a copy of the sources, and its test fails there: a test that passes without the mend shows nothing.
Every mended row of the page is in the table, or is named as one that needs a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest

from verification.evil.patch import Change, apply
from verification.evil.run import Job, one
from verification.sources import ROOT


class Mend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One mend taken out, and the test that must fail then."""

    row: str
    test: str
    changes: tuple[Change, ...]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """mends.toml; what is under `by_browser` is said of a row, by its beginning."""

    mend: tuple[Mend, ...]
    by_browser: dict[str, str]


TABLE: Final = msgspec.toml.decode(Path(__file__).with_name("mends.toml").read_bytes(), type=Table)
PAGE: Final = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
MENDED: Final = re.findall(
    r"^\| ([^|]+) \|[^|]*\| \*mended\*", PAGE.partition("## What was tried against it")[2].partition("\n## ")[0], re.M
)


def test_every_mended_row_of_the_page_is_here_and_every_patch_fits(tmp_path: Path) -> None:
    rows = {mend.row for mend in TABLE.mend} | set(TABLE.by_browser)
    assert [said for said in MENDED if not any(said.startswith(row) for row in rows)] == []
    assert [row for row in rows if sum(said.startswith(row) for said in MENDED) != 1] == []
    for mend in TABLE.mend:
        for file in {change.file for change in mend.changes}:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text((ROOT / file).read_text(encoding="utf-8"), encoding="utf-8")
        apply(mend.changes, tmp_path)


@pytest.mark.grid
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mend", TABLE.mend, ids=lambda mend: mend.row)
def test_without_its_mend_each_fails(mend: Mend) -> None:
    told = one(Job(mend.row, "", mend.changes, f"test tests/console/{mend.test}", "test"))
    assert told.wrong == "" and "test" in told.caught, told
