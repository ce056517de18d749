"""What was measured for one combination, as a certificate holds it: raw readings with their conditions, instruments, geometry, layers, terms of the budget.
Tables only: every key has its unit in its name; what they come to is calibration/output.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from calibration.equipment import Instant, Name, Positive, Table, Words

Charge = Annotated[float, Field(ge=-1e5, le=1e5)]
"""nC; no electrometer of such a bench shows more."""


class ReadingTable(Table):
    """One exposure as it was read."""

    nc: Charge
    set_s: Annotated[float, Field(ge=3, le=600)]
    t_c: float = Field(ge=10, le=45)
    p_kpa: float = Field(ge=60, le=110)
    since_warmup_s: float = Field(ge=0)
    at: Instant


class RejectedTable(Table):
    """A reading that was taken and not kept, and why: it stays to be seen."""

    step: Name
    nc: Charge
    at: Instant
    why: Words


class LayerTable(Table):
    """A reading behind so much aluminium, any unit; the stack begins at 0."""

    al_mm: float = Field(ge=0, le=20)
    reading: Positive


class StepTable(Table):
    """One reading of a linearity test: the set-point, and what was read at it."""

    at: Positive
    reading: Positive


class TermTable(Table):
    """A term of the budget that the readings do not give: quality of the beam, for one."""

    term: Name
    type: Literal["A", "B"]
    stated: float = Field(ge=0, le=50)
    distribution: Literal["normal", "normal_k2", "rectangular", "triangular"]
    pct_per_unit: float = Field(ge=0, le=100)
    source: Words


class BackscatterTable(Table):
    """A backscatter factor that is not of the built-in table: measured, or of another named table."""

    value: float = Field(ge=1, le=1.5)
    u_pct: float = Field(ge=0, le=10)
    source: Words


class MeasuredTable(Table):
    """[combinations.measured]: everything that R0 of this combination comes from. Nothing here is derived from another combination (hazard A2)."""

    derived: Literal[False]
    quantity: Literal["AIR_KERMA_RATE_IN_AIR", "DOSE_RATE_WATER_SURFACE"]
    by: Name
    chamber: Name
    electrometer: Name
    barometer: Name
    thermometer: Name
    readings: list[ReadingTable] = Field(min_length=1, max_length=50)
    rejected: list[RejectedTable] = Field(default_factory=list, max_length=200)
    operating_v: Positive
    low_v: Positive
    low_v_nc: Charge
    opposite_nc: Charge
    leakage_nc: float = Field(ge=-0.1, le=0.1)
    chamber_ref_to_focus_mm: float = Field(ge=10, le=1500)
    plane_to_focus_mm: float = Field(ge=10, le=1000)
    position_half_width_mm: Positive
    field_mm: float = Field(ge=3, le=300)
    layers: list[LayerTable] = Field(min_length=3, max_length=30)
    backscatter: BackscatterTable | None = None
    u_dt_s: float = Field(ge=0, le=0.010)
    u_tail_mgy: float = Field(ge=0, le=200)
    ma_steps: list[StepTable] = Field(min_length=3, max_length=20)
    time_steps: list[StepTable] = Field(min_length=3, max_length=20)
    terms: list[TermTable] = Field(min_length=1, max_length=30)
    u_pct_k2: Positive
    pdd_source: Literal["measured", "published"]
    u_pdd_pct: float = Field(ge=0, le=20)
    flatness_pct: float = Field(ge=0, le=50)
    last_r0_mgy_per_s: float = Field(ge=0, le=2000)


class SecondReadingsTable(Table):
    """second_check.raw: what the other physicist read, and of which combination; the result is worked out again from it (hazard A5)."""

    kv: Positive
    ma: Positive
    filter: Name
    applicator: Name
    measured: MeasuredTable


class SecondCheckTable(Table):
    """[second_check]: another physicist's own measurement with another chamber. Without `raw` it is of an older certificate: a result that was typed."""

    who: Name
    chamber: Name
    result_pct: float = Field(ge=-50, le=50)
    at: Instant
    raw: SecondReadingsTable | None = None


class AuditTable(Table):
    """[audit]: an independent audit of the output, stated dose over audited dose, and of which tube it was (None: of an older certificate)."""

    kind: Literal["TLD", "OSL", "visit", "simulated"]
    by: Name
    at: Instant
    ratio: float = Field(gt=0.5, lt=2)
    u_pct: float = Field(ge=0, le=10)
    tube_serial: Name | None = None


class ComponentTable(Table):
    """[component_change]: what was exchanged that explains a change above 10 %."""

    what: Words
    old_serial: Name
    new_serial: Name
    by: Name
    at: Instant
