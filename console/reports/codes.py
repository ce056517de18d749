"""The table of procedure codes: rows of data with days of validity and a range of kV, read strictly from a file, and those that hold on one day.
No code stands in the program; what is billed is decided by people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from console.reports.told import Code
from console.strict import Strict, read
from hal.errors import ConfigurationError

CODES: Final = Path(__file__).with_name("codes.toml")
Word = Annotated[str, Field(min_length=1, max_length=200)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
OPEN_END: Final = date.max


class CodeRow(Strict):
    """[[codes]]: one code in one time of validity."""

    system: Word = Field(description="write the system of codes, such as CPT")
    code: Word = Field(description="write the code")
    words: Word = Field(description="write what it is for")
    once_per: Literal["fraction", "course"] = Field(description='write "fraction" or "course"')
    kv_above: float = Field(ge=0, le=1000, description="write the tube voltage in kV above which it holds")
    kv_to: float = Field(gt=0, le=1000, description="write the tube voltage in kV up to which it holds")
    valid_from: Day = Field(description="write the first day, like 2026-01-01")
    valid_until: Day | Literal[""] = Field(description='write the last day, "" while none is known')
    verify: str = Field(max_length=200, description="write what is still to be verified, or nothing")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.kv_above >= self.kv_to:
            raise ValueError(
                f"kv_above = {self.kv_above:g}: is not below kv_to = {self.kv_to:g}; first: correct the range"
            )
        if self.first > self.last:
            raise ValueError(f"valid_from = {self.valid_from}: is after valid_until; first: correct the days")
        return self

    @property
    def first(self) -> date:
        return date.fromisoformat(self.valid_from)

    @property
    def last(self) -> date:
        return date.fromisoformat(self.valid_until) if self.valid_until else OPEN_END


class CodeFile(Strict):
    """The whole table."""

    file_schema: Literal[1] = Field(alias="schema", description="write 1")
    codes: list[CodeRow] = Field(max_length=500, description="write one [[codes]] for each code")


def load_codes(path: Path = CODES) -> tuple[CodeRow, ...]:
    """Read the table. Raises ConfigurationError, also where one code holds twice at one moment."""
    rows = tuple(read(path, CodeFile).model.codes)
    for one, other in combinations(rows, 2):
        same = (one.system, one.code) == (other.system, other.code)
        days = one.first <= other.last and other.first <= one.last
        if same and days and one.kv_above < other.kv_to and other.kv_above < one.kv_to:
            raise ConfigurationError(
                f"{path}: {one.system} {one.code} stands twice for one day and tube voltage; first: end one row before the other begins"
            )
    return rows


def on(rows: Sequence[CodeRow], day: date, kv: float) -> tuple[Code, ...]:
    """What the table has for this day and tube voltage, in its order."""
    return tuple(
        Code(row.system, row.code, row.words, row.once_per, row.verify)
        for row in rows
        if row.first <= day <= row.last and row.kv_above < kv <= row.kv_to
    )
