"""What a certificate holds of the machine beside its combinations: tube, filters, applicators, the scales of kV and mA with their rows, cut-outs measured each.
Tables, and in words where they contradict one another or the combinations; whatever their rows come to is worked out again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from statistics import fmean
from typing import Annotated, Final, Literal, Protocol

from pydantic import Field

from calibration.equipment import (
    Applicator,
    Base,
    DepthPoint,
    Filter,
    Instant,
    KvpMeter,
    MaMeter,
    Name,
    NotNegative,
    Positive,
    Readable,
    Table,
    Tube,
    stamp,
    unusable,
)
from calibration.formulas import straight
from calibration.measured import BackscatterTable

SAME: Final = 1e-6
STOP_PCT: Final = 2.0
"""A scale whose points lie further off their line is none (PMC5849838)."""
LEAD_ADDS: Final = 1.005
"""A cut-out takes scatter away; what is above it is scatter of the readings, or they are the other column's. An assumption."""
RATIO_LEAST: Final = 0.7
"""Backscatter of the largest field here is 1.21, of none 1: a ratio below 0.83 is of another quantity. An assumption, with room for larger tables."""
AGAIN: Final = "correct the certificate, and sign it again"


class OffsetTable(Table):
    """[[ma_offset]]: what the read-back shows at this kV with the filament cold; `meter_ma` the meter in the return, where there was one."""

    kv: Positive
    read_back_ma: float = Field(ge=-0.01, le=0.5)
    meter_ma: float | None = Field(default=None, ge=-0.5, le=0.5)


class ScaleRow(Table):
    """Set-point, read-back and meter, offsets taken off."""

    set: Positive
    read_back: Positive
    meter: Positive


class ScaleTable(Table):
    """[[scales]]: what is truly there is offset + slope x read-back."""

    unit: Literal["kV", "mA"]
    at_kv: NotNegative
    meter: Name
    at: Instant
    slope: Positive
    offset: float
    worst_pct: float = Field(ge=0, le=STOP_PCT)
    rows: list[ScaleRow] = Field(min_length=3, max_length=100)


class RatioTable(Table):
    """cutouts.b_w_ratio: backscatter of the cut-out's own field over that of the open one, in the beam whose output was the reference (hazard A12).

    `b_w`: the factor of the cut-out's field where the built-in table has none, typed with its source. `u_pct` is of k = 1."""

    kv: Positive
    ma: Positive
    filter: Name
    value: float = Field(ge=RATIO_LEAST, le=1.0)
    u_pct: float = Field(ge=0, le=10)
    source: Annotated[str, Field(min_length=1, max_length=1000), Readable]
    b_w: BackscatterTable | None = None


class LeadDepthTable(Table):
    """cutouts.depth: the depth dose under this lead, measured itself in water on the central axis, % of the dose at its own surface; `u_pct` is of k = 1.

    Nothing else may stand there: a smaller field's dose falls faster with depth than the open one's (hazard A12), and by how much no formula says."""

    derived: Literal[False]
    pdd: list[DepthPoint] = Field(min_length=3, max_length=200)
    u_pct: float = Field(gt=0, le=10)
    source: Annotated[str, Field(min_length=1, max_length=1000), Readable]
    by: Name
    at: Instant


class CutoutTable(Table):
    """[[cutouts]]: lead in an applicator, measured itself against the open applicator. `derived` is false, and nothing else is read (hazard A2).

    Readings are as at 20 degC and 101.325 kPa. `factor` is the dose at the surface against the open applicator's: b_w_ratio times the ratio of the
    readings. One without b_w_ratio is of an older certificate: a ratio in air alone, which stays to be read and serves no order. One without `depth`
    serves orders at the surface alone."""

    derived: Literal[False]
    id: Name
    applicator: Name
    diameter_mm: Positive
    factor: float = Field(ge=0.5, le=1.5)
    u_pct: float = Field(ge=0, le=10)
    readings_nc: list[Annotated[float, Field(gt=0)]] = Field(min_length=5, max_length=50)
    reference_nc: list[Annotated[float, Field(gt=0)]] = Field(min_length=5, max_length=50)
    by: Name
    at: Instant
    b_w_ratio: RatioTable | None = None
    depth: LeadDepthTable | None = None

    @property
    def in_air(self) -> float:
        """The ratio of the readings, as far as the file says it: what the applicator's own history holds."""
        return self.factor / self.b_w_ratio.value if self.b_w_ratio is not None else self.factor


class Keyed(Protocol):
    """What names a combination."""

    @property
    def kv(self) -> float: ...
    @property
    def ma(self) -> float: ...
    @property
    def filter(self) -> str: ...
    @property
    def applicator(self) -> str: ...


class Combined(Keyed, Protocol):
    """Of a combination, what these tables are held against."""

    @property
    def filter_code(self) -> int: ...
    @property
    def applicator_code(self) -> int: ...
    @property
    def max_skin_mgy(self) -> float: ...
    @property
    def max_time_s(self) -> float: ...


class Facts(Table):
    """[facts]: the machine. Each list may be empty; what it holds is then not stated."""

    tube: Tube | None = None
    filters: list[Filter] = Field(default_factory=list, max_length=20)
    applicators: list[Applicator] = Field(default_factory=list, max_length=50)
    ma_offset: list[OffsetTable] = Field(default_factory=list, max_length=20)
    scales: list[ScaleTable] = Field(default_factory=list, max_length=20)
    cutouts: list[CutoutTable] = Field(default_factory=list, max_length=100)
    interrupt_ratio: float | None = Field(default=None, gt=0.96, lt=1.04)


def aged(facts: Facts, expires_at: datetime, most_days: int) -> Iterator[str]:
    """Cut-outs and scales that would serve for longer than a measurement does, however often they are signed again (hazards A2 and A13)."""
    named = [(f"cut-out {one.id}", one.at) for one in facts.cutouts]
    named += [(f"the depth dose under {one.id}", one.depth.at) for one in facts.cutouts if one.depth is not None]
    named += [(f"the scale of {one.unit} of {one.meter}", one.at) for one in facts.scales]
    for what, at in named:
        if expires_at > at + timedelta(days=most_days):
            yield (
                f"{what}: was measured at {stamp(at)}, more than {most_days} days before expires_at = {stamp(expires_at)}; "
                "first: measure it again, or take it out"
            )


def wrong(
    facts: Facts, tube_serial: str, combinations: Sequence[Combined], instruments: Sequence[Base]
) -> Iterator[str]:
    """What is wrong although every value is in its bounds."""
    tube = facts.tube
    if tube is not None and tube.serial != tube_serial:
        yield f"facts.tube.serial = {tube.serial}: the certificate is of tube {tube_serial}; first: {AGAIN}"
    for place, c in enumerate(combinations):
        where = f"combinations.{place}"
        if tube is not None and (c.kv > tube.max_kv or c.ma > tube.max_ma or c.kv * c.ma > tube.max_w):
            yield f"{where}: {c.kv:g} kV, {c.ma:g} mA are above what tube {tube.serial} bears; first: {AGAIN}"
        yield from _filter(where, facts.filters, c)
        yield from _applicator(where, facts.applicators, c)
    for place, one in enumerate(facts.scales):
        yield from _scale(f"facts.scales.{place}", one, instruments)
    known = {c.applicator for c in combinations}
    for place, cutout in enumerate(facts.cutouts):
        yield from _cutout(f"facts.cutouts.{place}", cutout, known)


def _filter(where: str, filters: Sequence[Filter], c: Combined) -> Iterator[str]:
    if not filters:
        return
    found = next((one for one in filters if one.id == c.filter), None)
    if found is None:
        yield f"{where}.filter = {c.filter}: is none of facts.filters; first: {AGAIN}"
    elif found.code != c.filter_code:
        yield f"{where}.filter_code = {c.filter_code}: {c.filter} has {found.code}; first: {AGAIN}"
    elif c.kv not in found.allowed_kv:
        yield f"{where}: {c.filter} is not for {c.kv:g} kV; first: {AGAIN}"


def _applicator(where: str, applicators: Sequence[Applicator], c: Combined) -> Iterator[str]:
    if not applicators:
        return
    found = next((one for one in applicators if one.id == c.applicator), None)
    if found is None:
        yield f"{where}.applicator = {c.applicator}: is none of facts.applicators; first: {AGAIN}"
    elif found.code != c.applicator_code:
        yield f"{where}.applicator_code = {c.applicator_code}: {c.applicator} has {found.code}; first: {AGAIN}"
    elif found.kind != "clinical":
        yield f"{where}.applicator = {c.applicator}: is {found.kind}, and nobody is treated with it; first: take the combination out"
    elif found.recalled:
        yield f"{where}.applicator = {c.applicator}: lot {found.lot} is recalled; first: take the combination out"
    elif c.max_skin_mgy > found.max_skin_mgy or c.max_time_s > found.max_time_s:
        yield f"{where}: max_skin_mgy or max_time_s is above that of {c.applicator}; first: {AGAIN}"


def _scale(where: str, one: ScaleTable, instruments: Sequence[Base]) -> Iterator[str]:
    """Whether the rows come to the line, and the meter was one and in date."""
    kind = KvpMeter if one.unit == "kV" else MaMeter
    meter = next((instrument for instrument in instruments if instrument.id == one.meter), None)
    if not isinstance(meter, kind):
        yield f"{where}.meter = {one.meter}: is no meter of {one.unit} among the instruments; first: {AGAIN}"
    elif unusable(meter, one.at):
        yield f"{where}: {unusable(meter, one.at)}"
    try:
        slope, offset, worst = straight([row.read_back for row in one.rows], [row.meter for row in one.rows])
    except ValueError as words:
        yield f"{where}: {words}; first: {AGAIN}"
        return
    for key, says, comes in (
        ("slope", one.slope, slope),
        ("offset", one.offset, offset),
        ("worst_pct", one.worst_pct, worst),
    ):
        if abs(says - comes) > SAME * max(1.0, abs(comes)):
            yield f"{where}.{key} = {says!r}: the rows come to {comes:.9g}; first: {AGAIN}"


def _cutout(where: str, one: CutoutTable, applicators: set[str]) -> Iterator[str]:
    if one.applicator not in applicators:
        yield f"{where}.applicator = {one.applicator}: no combination has it; first: {AGAIN}"
    in_air = fmean(one.readings_nc) / fmean(one.reference_nc)
    comes = in_air * (one.b_w_ratio.value if one.b_w_ratio is not None else 1.0)
    if abs(one.factor - comes) > SAME * comes:
        yield f"{where}.factor = {one.factor!r}: the readings come to {comes:.9g}; first: {AGAIN}"
    if one.b_w_ratio is not None and one.u_pct < one.b_w_ratio.u_pct:
        yield f"{where}.u_pct = {one.u_pct:g}: is below the {one.b_w_ratio.u_pct:g} % of its backscatter alone; first: {AGAIN}"
    if in_air > LEAD_ADDS:
        yield f"{where}.factor: {in_air:g} in air: lead adds nothing, at most {LEAD_ADDS:g}; its readings and the reference's are exchanged; first: {AGAIN}"
    if one.readings_nc == one.reference_nc or len(set(one.readings_nc)) == 1:
        yield f"{where}.readings_nc: are the reference's, or all one number; first: measure it itself, nothing is derived"
