"""The job file of a calibration: instruments, what the certificate is to say of tube and machine, and each output that is to be measured.
It measures nothing; whatever a procedure gives stands in no job file, and what it does not give has to stand there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError, create_model

from calibration import signed, toml_file
from calibration.equipment import Applicator, Base, Instrument, Name, Positive, Table, no_depth_dose
from calibration.facts import Facts
from calibration.job_parts import (
    AuditJob,
    DependenceTable,
    FittedJob,
    HvlTable,
    MonitorTable,
    OffsetJob,
    ScaleJob,
    SecondTable,
    ServiceJob,
)
from calibration.measured import MeasuredTable
from calibration.schema import CertificateTable, CombinationTable
from hal.errors import ConfigurationError

Kind = TypeVar("Kind", bound=Base)

MEASURED_HERE: Final = frozenset(
    {"readings", "rejected", "leakage_nc", "opposite_nc", "low_v_nc", "u_pct_k2", "last_r0_mgy_per_s", "derived", "by"}
)
"""Of a measurement, what the session and the certificate before give."""
COMBINED_HERE: Final = frozenset({"r0_mgy_per_s", "measured", "kv_read", "ma_read", "kv", "ma", "filter", "applicator"})
SESSIONS_GIVE: Final = frozenset({
    "dt_s", "u_dt_s", "ma_steps", "time_steps", "layers", "n1_mgy_per_count", "n2_mgy_per_count", "g_kv", "leak1_cps", "leak2_cps",
    "tail_mgy", "u_tail_mgy",
})  # fmt: skip
"""Of combination and measurement, what a session beside the output gives: typed where there is none, and never beside one (calibration/planned.py)."""
HEAD_HERE: Final = frozenset(
    {"certificate_schema", "basis", "software_version", "software_sha256", "effective_at", "combinations", "instruments", "signatures"}
)  # fmt: skip


RESERVED: Final = frozenset({
    "dark", "warm", "timer", "tail", "linearity", "interrupt", "hvl", "dependence", "monitor", "second", "audit", "scale", "fitted", "conditioning",
    "survey", "spot", "offset",
})  # fmt: skip
"""What the names of other sessions begin with: an output is called none of these, and begins with none of them."""


class OutputTable(Table):
    """[[outputs]]: one combination, how its output is measured, what the sessions beside it need, and what stays typed (`combination`, `measured`)."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    kv: float = Field(gt=0, le=225)
    ma: float = Field(gt=0, le=100)
    filter: Name
    applicator: Name
    seconds: float = Field(ge=3, le=300)
    most_nc: Positive
    expected_nc: Positive
    low_v: Positive
    source: Literal["typed", "wire"]
    kpa_recorded: bool = False
    combination: dict[str, Any]
    measured: dict[str, Any]
    timer_meter: Name | None = None
    hvl: HvlTable | None = None
    monitor: MonitorTable | None = None
    dependence: DependenceTable | None = None
    second: SecondTable | None = None
    audit: AuditJob | None = None


class JobTable(Table):
    """The whole file; `certificate` is the head of the certificate that is to be written, with what is known of tube and applicators (`facts`)."""

    certificate: dict[str, Any]
    instruments: list[Instrument] = Field(min_length=1, max_length=50)
    outputs: list[OutputTable] = Field(min_length=1, max_length=100)
    offset: OffsetJob | None = None
    scales: list[ScaleJob] = Field(default_factory=list, max_length=20)
    fitted: list[FittedJob] = Field(default_factory=list, max_length=50)
    conditioning: ServiceJob | None = None
    survey: ServiceJob | None = None
    spot: ServiceJob | None = None

    @property
    def facts(self) -> Facts:
        """What is typed of the machine."""
        return Facts.model_validate(self.certificate.get("facts", {}))

    def applicator(self, name: str) -> Applicator:
        """ConfigurationError: the facts hold none of this id."""
        found = next((one for one in self.facts.applicators if one.id == name), None)
        if found is None:
            raise ConfigurationError(
                f"{name}: is no applicator of certificate.facts; first: write it there, with its kind"
            )
        return found

    def instrument(self, kind: type[Kind], name: str) -> Kind:
        """ConfigurationError: there is none of this kind with this id."""
        found = next((one for one in self.instruments if one.id == name), None)
        if not isinstance(found, kind):
            raise ConfigurationError(
                f"{name}: is no {kind.__name__.lower()} of the job file; first: write the one that is used"
            )
        return found

    def output(self, name: str) -> OutputTable:
        """ConfigurationError: no output has this name."""
        found = next((one for one in self.outputs if one.name == name), None)
        if found is None:
            raise ConfigurationError(
                f"{name}: is no output of the job file; first: take one of {', '.join(one.name for one in self.outputs)}"
            )
        return found


def load_job(path: Path) -> JobTable:
    """Read it strictly. Raises ConfigurationError: what is missing, too much, or wrong."""
    job = signed.checked(path, toml_file.parse(path, toml_file.read_bytes(path)), JobTable)
    wrong = [*_wrong_keys(job), *_wrong_names(job)]
    if wrong:
        raise ConfigurationError("\n".join(f"{path}: {words}" for words in wrong))
    return job


def _wrong_keys(job: JobTable) -> Iterator[str]:
    yield from _keys("certificate", job.certificate, CertificateTable, HEAD_HERE)
    for one in job.outputs:
        yield from _keys(f"outputs {one.name}: combination", one.combination, CombinationTable, COMBINED_HERE)
        yield from _keys(f"outputs {one.name}: measured", one.measured, MeasuredTable, MEASURED_HERE)


def _wrong_names(job: JobTable) -> Iterator[str]:
    for where, names in (
        ("outputs", [one.name for one in job.outputs]),
        ("scales", [one.name for one in job.scales]),
        ("fitted", [one.name for one in job.fitted]),
    ):
        if len(set(names)) != len(names):
            yield f"{where}: a name stands there twice; first: name each of them"
    for output in job.outputs:
        if output.name.partition("-")[0] in RESERVED:
            yield f"outputs {output.name}: would be taken for a session of that kind; first: call it after its applicator"
    try:
        assert job.facts
    except ValidationError as error:
        yield f"certificate.facts: {error.errors()[0]['msg'].lower()} at {'.'.join(map(str, error.errors()[0]['loc']))}; first: correct it"
    for one in job.scales:
        needs, other = ("ma", "kv") if one.unit == "kV" else ("kv", "ma")
        if getattr(one, needs) is None or getattr(one, other) is not None:
            yield f"scales {one.name}: a scale of {one.unit} has {needs} and no {other}; first: write that"
    for each in job.fitted:
        if bool(each.cutout) != (each.diameter_mm is not None):
            yield f"fitted {each.name}: cutout and diameter_mm stand together; first: write both, or none"
        if each.backscatter is not None and not each.cutout:
            yield f"fitted {each.name}: backscatter is of a cut-out's own field; first: leave it out, an applicator's is its output's"
        if each.depth is not None and not each.cutout:
            yield f"fitted {each.name}: depth is of a cut-out's own field; first: leave it out, an applicator's depth dose is its output's"
        if each.depth is not None:
            yield from (
                f"fitted {each.name}: depth {words}; first: correct it" for words in no_depth_dose(each.depth.pdd)
            )
        reference = next((one for one in job.outputs if one.name == each.reference), None)
        if each.cutout and reference is not None and reference.applicator != each.applicator:
            yield (
                f"fitted {each.name}: cut-out {each.cutout} lies in {each.applicator}, and reference {each.reference} is of {reference.applicator}; "
                "first: name the output of the applicator that it lies in"
            )


def _keys(where: str, given: Mapping[str, Any], table: type[Table], here: frozenset[str]) -> Iterator[str]:
    """Every key of the table that is not given elsewhere, and no other."""
    fields = {name: field for name, field in table.model_fields.items() if name not in here}
    missing = [name for name, field in fields.items() if field.is_required() and name not in {*given, *SESSIONS_GIVE}]
    unknown = [name for name in given if name not in fields]
    for name, value in given.items():
        if name in fields:
            yield from _wrong_value(f"{where}: {name}", value, table, name)
    if missing:
        yield f"{where}: {', '.join(missing)} missing; first: write them"
    if unknown:
        yield f"{where}: {', '.join(unknown)} has no place there; first: leave it out"


def _wrong_value(where: str, value: Any, table: type[Table], name: str) -> Iterator[str]:
    """What the certificate would refuse of a number, before anything is exposed for it: cm for mm, a time without its zone."""
    try:
        _of_one(table, name).model_validate({table.model_fields[name].alias or "value": value})
    except ValidationError as error:
        first = error.errors()[0]
        at = "".join(f".{part}" for part in first["loc"][1:])
        yield f"{where}{at}: {first['msg'].lower()}; first: correct it"


@cache
def _of_one(table: type[Table], name: str) -> type[Table]:
    """A table of this one key."""
    field = table.model_fields[name]
    one: Any = {field.alias or "value": (field.annotation, field)}
    return create_model("One", __base__=Table, **one)
