"""The certificate as tables: what a file may hold, key by key, and what is wrong although every value is in its bounds.
It knows no file, no key and no clock; calibration/certificate.py reads, signs and verifies."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from calibration.cutouts import wrong as wrong_cutouts
from calibration.equipment import (
    Base,
    DepthPoint,
    GapPoint,
    Instant,
    Instrument,
    Name,
    Positive,
    Readable,
    Table,
    codes_too_near,
    no_depth_dose,
    stamp,
)
from calibration.facts import Facts
from calibration.facts import wrong as wrong_facts
from calibration.gates import Brought, Combined
from calibration.measured import AuditTable, ComponentTable, MeasuredTable, SecondCheckTable
from calibration.output import Output, first_at, output
from calibration.second_check import wrong as wrong_second

DT_MOST_S = 0.5
"""An end effect this long is a mistake: a resume may add no more to the safety unit's timer."""
G_LEAST_PART = 0.2
"""The table of output against kV must begin at or below this part of the combination's kV."""
READ_KV = 0.05
READ_MA = 0.10
"""What the generator's own meters were certified to show lies so near to the set-points: beyond, the set-points have to be put right."""
PROVISIONAL_MOST_DAYS = 90
"""A tube's name plate serves for its first calibration, and not for good."""
G_AT_KV = 0.01
"""Relative output at the combination's own kV is 1 within this."""
APART_KV, APART_MA = 0.1, 0.01
"""Two combinations of one filter and applicator are further from each other: nearer ones are the same to whoever reads the set-points back."""
GAP_AT_0 = 0.01
"""The factor of a gap of 0 is 1 within this, as the program takes it without a table."""
MEASURED_MOST_DAYS = 400
"""A measurement serves for a year and a month, however often it is signed again (hazard A13)."""
SAME = 1e-6
"""What the file says and what its readings come to differ by no more than digits."""
AGAIN = "have the certificate corrected and signed again"


class OutputPoint(Table):
    """Relative output at one kV, mA unchanged."""

    kv: float = Field(gt=0, le=225)
    rel: float = Field(ge=0, le=10)


class CombinationTable(Table):
    """[[combinations]]: one measured combination; rates in D0 (water, surface, central axis, applicator plane).

    `kv_read` and `ma_read`: what the generator's own meters show at it, a bleeder's current with it; left out they are the set-points."""

    kv: float = Field(gt=0, le=225)
    ma: float = Field(gt=0, le=100)
    filter: Name
    filter_code: int = Field(ge=1, le=0xFE)
    applicator: Name
    applicator_code: int = Field(ge=1, le=0xFE)
    r0_mgy_per_s: float = Field(gt=0, le=2000)
    dt_s: float = Field(gt=-DT_MOST_S, lt=DT_MOST_S)
    tail_mgy: float = Field(ge=0, le=200)
    n1_mgy_per_count: float = Field(ge=1e-4, le=1)
    n2_mgy_per_count: float = Field(ge=1e-4, le=1)
    leak1_cps: float = Field(ge=0, le=100)
    leak2_cps: float = Field(ge=0, le=100)
    effective_ssd_mm: float = Field(ge=10, le=1000)
    max_skin_mgy: Positive
    max_time_s: Positive
    closed_end: bool
    g_kv: list[OutputPoint] = Field(min_length=5, max_length=100)
    pdd: list[DepthPoint] = Field(min_length=2, max_length=200)
    gap_table: list[GapPoint] = Field(default_factory=list, max_length=100)
    kv_read: float = Field(default=0.0, ge=0, le=225)
    ma_read: float = Field(default=0.0, ge=0, le=100)
    measured: MeasuredTable | None = None


class SignatureTable(Table):
    """[[signatures]]: who signed, as what, when, and the signature in hexadecimal digits."""

    who: Name
    role: Literal["physicist"]
    at: Instant
    ed25519: str = Field(pattern=r"^[0-9a-f]{128}$")


class CertificateTable(Table):
    """The whole file. `basis` says where the rates are from: `measured`; `plant`, what a simulated tube told of itself, which serves no real machine; or
    `provisional`, a name plate's, which nobody signs and which serves calibration only."""

    certificate_schema: Literal[2] = Field(alias="schema")
    id: Name
    version: int = Field(ge=1, le=1_000_000)
    supersedes: Annotated[str, Readable] = Field(max_length=64)
    simulated: bool
    basis: Literal["measured", "plant", "provisional"]
    tube_serial: Name
    machine_serial: Name
    software_version: Name
    software_sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    safety_unit_fw: Annotated[str, Readable] = Field(default="", max_length=64)
    generator_fw: Annotated[str, Readable] = Field(default="", max_length=64)
    ramp_profile: Annotated[str, Readable] = Field(default="", max_length=64)
    explanation: Annotated[str, Readable] = Field(default="", max_length=2000)
    effective_at: Instant
    expires_at: Instant
    termination: Literal["time", "monitor"]
    timer_start: Literal["k1_closed", "hv_seen"]
    capacitance_nf: float = Field(gt=0, le=100)
    off_latency_s: float = Field(ge=0, le=0.5)
    press_to_hv_s: float = Field(gt=0, le=2)
    ramp_s: float = Field(gt=0, le=5)
    filament_limit_counts: int = Field(ge=0, le=4095)
    filament_preheat_counts: int = Field(ge=0, le=4095)
    vented_2: bool
    ref_pressure_kpa: float = Field(ge=90, le=110)
    ref_temperature_c: float = Field(ge=15, le=25)
    combinations: list[CombinationTable] = Field(min_length=1, max_length=500)
    instruments: list[Instrument] = Field(default_factory=list, max_length=50)
    facts: Facts = Facts()
    second_check: SecondCheckTable | None = None
    further_second_checks: list[SecondCheckTable] = Field(default_factory=list, max_length=100)
    audit: AuditTable | None = None
    component_change: ComponentTable | None = None
    signatures: list[SignatureTable] = Field(default_factory=list, max_length=10)

    @property
    def second_checks(self) -> dict[str, SecondCheckTable]:
        """Each second check by its key in the file."""
        alone = {} if self.second_check is None else {"second_check": self.second_check}
        return alone | {f"further_second_checks.{i}": one for i, one in enumerate(self.further_second_checks)}


def contradictions(table: CertificateTable) -> Iterator[str]:
    """What is wrong although every value is in its bounds."""
    if table.expires_at <= table.effective_at:
        yield f"expires_at = {stamp(table.expires_at)}: is not after effective_at {stamp(table.effective_at)}; first: {AGAIN}"
    yield from _basis(table)
    yield from wrong_facts(table.facts, table.tube_serial, table.combinations, table.instruments)
    yield from wrong_cutouts(table.facts.cutouts, table.combinations)
    codes: dict[tuple[str, int], str] = {}
    names: dict[tuple[str, str], int] = {}
    for i, c in enumerate(table.combinations):
        where = f"combinations.{i}"
        if any(_near(c, other) for other in table.combinations[:i]):
            yield f"{where}: {c.kv!r} kV, {c.ma!r} mA, {c.filter}, {c.applicator} stands here twice, or too near to another; first: {AGAIN}"
        for kind, code, name in (("filter", c.filter_code, c.filter), ("applicator", c.applicator_code, c.applicator)):
            if codes.setdefault((kind, code), name) != name:
                yield f"{where}.{kind}_code = {code}: also stands for {codes[kind, code]}; first: {AGAIN}"
            if names.setdefault((kind, name), code) != code:
                yield f"{where}.{kind}_code = {code}: {name} has code {names[kind, name]} elsewhere; first: {AGAIN}"
        for name, xs in (
            ("g_kv", [point.kv for point in c.g_kv]),
            ("pdd", [point.depth_mm for point in c.pdd]),
            ("gap_table", [point.gap_mm for point in c.gap_table]),
        ):
            if any(high <= low for low, high in pairwise(xs)):
                yield f"{where}.{name}: does not ascend strictly; first: {AGAIN}"
                break
        else:
            yield from _tables(where, c)


def _near(c: CombinationTable, other: CombinationTable) -> bool:
    """Whether two combinations cannot be told apart at the machine."""
    same = (c.filter, c.applicator) == (other.filter, other.applicator)
    return same and abs(c.kv - other.kv) < APART_KV and abs(c.ma - other.ma) < APART_MA


def _tables(where: str, c: CombinationTable) -> Iterator[str]:
    yield from (f"{where}.pdd: {words}; first: {AGAIN}" for words in no_depth_dose(c.pdd))
    if c.g_kv[0].kv > G_LEAST_PART * c.kv:
        yield f"{where}.g_kv: begins at {c.g_kv[0].kv:g} kV, above {G_LEAST_PART:g} of {c.kv:g} kV; first: {AGAIN}"
    low, high = next(((a, b) for a, b in pairwise(c.g_kv) if b.kv >= c.kv), (c.g_kv[-2], c.g_kv[-1]))
    at_kv = low.rel + (high.rel - low.rel) * (c.kv - low.kv) / (high.kv - low.kv)
    if abs(at_kv - 1.0) > G_AT_KV:
        yield f"{where}.g_kv: is {at_kv:.4f} at {c.kv:g} kV, not 1 within {G_AT_KV:g}; first: {AGAIN}"
    if any(b.rel < a.rel for a, b in pairwise(c.g_kv)):
        yield f"{where}.g_kv: output falls with kV; first: {AGAIN}"
    for name, read, as_set, part in (("kv_read", c.kv_read, c.kv, READ_KV), ("ma_read", c.ma_read, c.ma, READ_MA)):
        if read and abs(read - as_set) > part * as_set:
            yield f"{where}.{name} = {read:g}: is more than {100 * part:g} % from {as_set:g}; first: put the generator's scale right, and measure again"
    if any(b.factor > a.factor for a, b in pairwise(c.gap_table)):
        yield f"{where}.gap_table: rises with the gap; first: {AGAIN}"
    for a, b in pairwise(c.gap_table):
        at_0 = a.factor - (b.factor - a.factor) * a.gap_mm / (b.gap_mm - a.gap_mm)
        if a.gap_mm <= 0.0 <= b.gap_mm and abs(at_0 - 1.0) > GAP_AT_0:
            yield f"{where}.gap_table: is {at_0:.4f} at 0 mm, not 1 within {GAP_AT_0:g}; first: {AGAIN}"
    if c.gap_table and not c.closed_end:
        yield f"{where}.gap_table: stands with an open applicator, which takes the inverse square; first: {AGAIN}"


def _basis(table: CertificateTable) -> Iterator[str]:
    """Whether the certificate says whence its numbers are, and brings what that needs."""
    if (table.version == 1) != (not table.supersedes):
        yield f'version = {table.version}, supersedes = "{table.supersedes}": the first version supersedes none, each later one names one; first: {AGAIN}'
    if table.supersedes == table.id:
        yield f'supersedes = "{table.supersedes}": is its own id; first: give each version an id of its own'
    bare = [f"combinations.{i}" for i, c in enumerate(table.combinations) if c.measured is None]
    if table.basis == "provisional":
        yield from _provisional(table, len(bare))
        return
    if table.basis == "plant":
        if not table.simulated:
            yield 'basis = "plant": a real tube is measured; first: measure, and sign that'
        if len(bare) < len(table.combinations) or table.instruments:
            yield f'basis = "plant": stands with measurements; first: {AGAIN}'
        return
    if bare:
        yield f"{', '.join(bare)}: measured is missing; first: measure each combination itself, nothing is derived"
        return
    for key in ("software_sha256", "safety_unit_fw", "generator_fw", "ramp_profile"):
        if not getattr(table, key):
            yield f"{key} is missing: end effect and tail hold for these only; first: write it, and sign again"
    if len({one.id for one in table.instruments}) != len(table.instruments):
        yield f"instruments: an id stands there twice; first: {AGAIN}"
    for kind in ("filter", "applicator"):
        near = codes_too_near(sorted({getattr(c, f"{kind}_code") for c in table.combinations}))
        if near:
            yield f"{kind}_code: {near}; first: {AGAIN}"
    yield from wrong_second(table.second_checks, table.instruments, table.combinations)
    yield from _audit(table)
    for i, c in enumerate(table.combinations):
        yield from _worked(f"combinations.{i}", table, c)
        if c.measured is not None and table.expires_at > first_at(c.measured) + timedelta(days=MEASURED_MOST_DAYS):
            yield (
                f"combinations.{i}: was measured at {stamp(first_at(c.measured))}, more than {MEASURED_MOST_DAYS} days before "
                f"expires_at = {stamp(table.expires_at)}; first: measure again, or let it expire sooner"
            )


def _audit(table: CertificateTable) -> Iterator[str]:
    """Whether the audit was of this tube: the one before had another output (hazard A13). One that names no tube was signed for what it is."""
    audit, tube = table.audit, table.facts.tube
    if audit is None or audit.tube_serial is None:
        return
    if audit.tube_serial != table.tube_serial:
        yield f"audit.tube_serial = {audit.tube_serial}: the certificate is of tube {table.tube_serial}; first: have this tube's output audited"
    if tube is not None and audit.at < tube.installed_on:
        yield f"audit.at = {stamp(audit.at)}: tube {tube.serial} was built in at {stamp(tube.installed_on)}; first: have this tube's output audited"


def _provisional(table: CertificateTable, bare: int) -> Iterator[str]:
    """Numbers that nobody measured: no measurement, no signature, no version after it, the timer ends, and soon it is over."""
    if bare < len(table.combinations) or table.instruments or table.signatures or table.version != 1:
        yield 'basis = "provisional": stands with measurements, instruments, signatures or an earlier version; first: write a measured certificate instead'
    if table.termination != "time":
        yield f'termination = "{table.termination}": a name plate knows no counts that end a beam; first: write "time"'
    if table.expires_at - table.effective_at > timedelta(days=PROVISIONAL_MOST_DAYS):
        yield f"expires_at = {stamp(table.expires_at)}: is more than {PROVISIONAL_MOST_DAYS} days after effective_at; first: calibrate sooner"


def _worked(where: str, table: CertificateTable, c: CombinationTable) -> Iterator[str]:
    """Whether the readings come to what the combination says."""
    try:
        found = worked(table, c)
    except ValueError as error:
        yield f"{where}.measured: {error}; first: measure again, and sign that"
        return
    for key, says, comes in (
        ("r0_mgy_per_s", c.r0_mgy_per_s, found.r0_mgy_per_s),
        ("measured.u_pct_k2", c.measured.u_pct_k2 if c.measured else 0.0, found.budget.u_pct_k2),
    ):
        if not abs(says - comes) <= SAME * comes:
            yield f"{where}.{key} = {says!r}: the readings come to {comes:.9g}; first: {AGAIN}"


def worked(table: CertificateTable, c: CombinationTable) -> Output:
    """What a combination's own readings come to. ValueError: what is wrong with them."""
    if c.measured is None:
        raise ValueError("nothing was measured; measure it")
    instruments: dict[str, Base] = {one.id: one for one in table.instruments}
    return output(c.measured, instruments, c.kv, c.dt_s, c.effective_ssd_mm)


def combined(table: CertificateTable) -> tuple[Combined, ...]:
    """The measured combinations as the gates want them."""
    return tuple(
        Combined(
            (c.kv, c.ma, c.filter, c.applicator), c.r0_mgy_per_s, c.measured.last_r0_mgy_per_s, c.measured.chamber,
            tuple(reading.nc for reading in c.measured.readings), first_at(c.measured),
        )
        for c in table.combinations
        if c.measured is not None
    )  # fmt: skip


def brought(table: CertificateTable, signers: tuple[str, ...]) -> Brought:
    """What the certificate brings beside its numbers, signed by these people, each with a key of his own."""
    by = frozenset(c.measured.by for c in table.combinations if c.measured is not None)
    return Brought(
        table.supersedes, table.explanation, table.second_checks, table.component_change, table.audit, signers, by
    )
