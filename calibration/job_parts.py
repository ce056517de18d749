"""The further sections of a job file: what each guided procedure beside the output needs to be planned, by the names of the instruments in the same file.
It holds tables only; which procedure comes of a section is calibration/planned.py."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from calibration.equipment import Name, NotNegative, Positive, Table
from calibration.facts import LeadDepthTable
from calibration.measured import BackscatterTable

SLUG: Final = r"^[a-z0-9][a-z0-9.-]{0,31}$"
Slug = Annotated[str, Field(pattern=SLUG)]
Kv = Annotated[float, Field(gt=0, le=225)]
Ma = Annotated[float, Field(gt=0, le=100)]


class HvlTable(Table):
    """outputs.hvl: the narrow beam. `applicator` is one of the certificate's facts, nothing fitted.

    `expected_mm`: the last HVL, or what this filter should give."""

    applicator: Name
    sheets: Name
    stack_mm: list[NotNegative] = Field(min_length=3, max_length=30)
    chamber_mm: Positive
    aperture_mm: Positive
    expected_mm: Positive
    most_nc: Positive


class MonitorTable(Table):
    """outputs.monitor: the chambers' supply, and the meter that reads it. Leakage in the dark stays typed in `combination`."""

    supply_v: Positive
    voltmeter: Name


class SecondTable(Table):
    """outputs.second: the second physicist's own measurement of this output, with another chamber at the same place."""

    chamber: Name
    low_v: Positive
    expected_nc: Positive


class AuditJob(Table):
    """outputs.audit: whose capsules are given a dose for how long, under which number, and how well that house reads them (k = 1)."""

    kind: Literal["TLD", "OSL"]
    by: Name
    capsules: Name
    seconds: float = Field(ge=3, le=300)
    u_pct: float = Field(ge=0, le=10)


class LowPoint(Table):
    """Relative output at a kV where the beam is too weak to be exposed at the desk."""

    kv: Kv
    rel: float = Field(ge=0, le=1)


class DependenceTable(Table):
    """outputs.dependence: what the read-back of mA holds of the bleeder, for each kV (left out where the session `offset` measures it); which parts of the
    combination's kV are exposed, and what is typed below.

    A beam of less than a quarter of what the name plate lets expect is ended (interlocks/bands.py), so the lowest points stay typed."""

    offset_ma_per_kv: float | None = Field(default=None, ge=-0.01, le=0.01)
    parts: list[Annotated[float, Field(ge=0.15, le=1)]] = Field(min_length=3, max_length=20)
    low: list[LowPoint] = Field(default_factory=list, max_length=20)


class OffsetJob(Table):
    """[offset]: high voltage over a cold filament at each kV of the outputs and of the scales of mA; `meter` in the return, where there is one."""

    filter: Name
    applicator: Name
    meter: Name | None = None
    source: Literal["typed"] = "typed"


class ScaleJob(Table):
    """[[scales]]: set-points up and down, `at` in kV or mA; a scale of mA is of one `kv`, one of kV of one `ma`."""

    name: Slug
    unit: Literal["kV", "mA"]
    at: list[Positive] = Field(min_length=3, max_length=20)
    kv: Kv | None = None
    ma: Ma | None = None
    filter: Name
    applicator: Name
    meter: Name
    source: Literal["typed"] = "typed"


class FittedJob(Table):
    """[[fitted]]: an applicator against that of the output `reference`, or a cut-out in it, with its own history of factors in air.

    `backscatter`: of the cut-out's own field, where the built-in table has none at this distance (15 mm away from 50 mm SSD, for one). `depth`: the depth
    dose under this lead as it was measured in water, without which an order with it stays at the surface."""

    name: Slug
    reference: str
    applicator: Name
    cutout: str = Field(default="", max_length=64)
    diameter_mm: Positive | None = None
    history: list[Positive] = Field(default_factory=list, max_length=50)
    backscatter: BackscatterTable | None = None
    depth: LeadDepthTable | None = None


class ServiceJob(Table):
    """[conditioning], [survey], [spot]: what is set, what is fitted, and the meter or film where one is read."""

    kv: Kv
    ma: Ma
    filter: Name
    applicator: Name
    instrument: Name | None = None
