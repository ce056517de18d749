"""A certificate for people and for other programs: rows with unit and source, their CSV and JSON, and the comparison of two certificates.
It takes certificates that are verified already; what is on paper is calibration/paper.py."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from calibration.certificate import Checked
from calibration.equipment import stamp
from calibration.facts import Facts
from calibration.gates import EXPLAIN_PCT, REFUSE_PCT, SECOND_PCT, named
from calibration.given import never_here
from calibration.measured import SecondCheckTable
from calibration.schema import CombinationTable, worked


@dataclass(frozen=True)
class Row:
    """One number or word of a certificate: of which combination ("" for all), its name, its value as it stands, its unit, its k = 1 uncertainty, its source."""

    combination: str
    name: str
    value: str
    unit: str = ""
    u_pct_k1: str = ""
    source: str = ""


@dataclass(frozen=True)
class Moved:
    """One combination in two certificates, mGy/s; None where one of them does not have it. `asks` says what the change asks for."""

    combination: str
    was_mgy_per_s: float | None
    is_mgy_per_s: float | None
    change_pct: float | None
    asks: str


def rows(checked: Checked) -> tuple[Row, ...]:
    """Everything that a certificate says, and what its readings come to."""
    t = checked.table
    head = [
        Row("", "id", t.id), Row("", "version", str(t.version)), Row("", "supersedes", t.supersedes or "-"), Row("", "basis", t.basis),
        Row("", "simulated", str(t.simulated).lower()), Row("", "tube", t.tube_serial), Row("", "machine", t.machine_serial),
        Row("", "software", t.software_version, source=t.software_sha256), Row("", "effective at", stamp(t.effective_at)),
        Row("", "expires at", stamp(t.expires_at)), Row("", "termination", t.termination), Row("", "timer starts at", t.timer_start),
        Row("", "ramp", repr(t.ramp_s), "s", source=t.ramp_profile), Row("", "content SHA-256", checked.sha256.hex()),
        Row("", "explanation", t.explanation or "-"),
    ]  # fmt: skip
    for i in t.instruments:
        dates = f"{i.cal.lab} {i.cal.certificate_no}, {stamp(i.cal.at)} to {stamp(i.cal.expires_at)}"
        head.append(Row("", f"{i.kind} {i.id}", f"{i.model} {i.serial}", source=dates))
    checks = {f"second check{_of(key, one)}": one for key, one in t.second_checks.items()}
    for name, table in (("audit", t.audit), *checks.items(), ("component change", t.component_change)):
        if table is not None:
            said = table.model_dump(exclude={"raw"}, exclude_none=True).items()
            head.append(Row("", name, ", ".join(f"{key} {_word(value)}" for key, value in said)))
    for name, second in checks.items():
        if second.raw is not None:
            head += [Row("", f"{name}: {key}", word) for key, word in _leaves(second.raw.model_dump(exclude_none=True))]
    head += [
        Row(
            "",
            "signed by",
            s.who,
            source=f"{s.role}, {stamp(s.at)}{'' if s.who in checked.signers else ', key not known here'}",
        )
        for s in t.signatures
    ]
    typed = sorted({
        words for c in t.combinations if c.measured is not None for words in never_here(c.model_dump() | c.measured.model_dump())
    })  # fmt: skip
    if typed:
        head.append(Row("", "typed, measured by no session here", "; ".join(typed)))
    signed = t.model_dump(by_alias=True, exclude_none=True)
    head += [Row("", key, word) for key, word in _leaves(signed, HEAD_SHOWN)]
    return (*head, *_facts(t.facts), *(row for c in t.combinations for row in _combination(checked, c)))


def _of(key: str, second: SecondCheckTable) -> str:
    """Of which combination a further second check is; that of the first one stands among its rows."""
    raw = second.raw
    return "" if key == "second_check" or raw is None else f" of {named((raw.kv, raw.ma, raw.filter, raw.applicator))}"


HEAD_SHOWN: Final = frozenset({
    "id", "version", "supersedes", "basis", "simulated", "tube_serial", "machine_serial", "software_version", "software_sha256", "effective_at",
    "expires_at", "termination", "timer_start", "ramp_s", "ramp_profile", "explanation", "audit", "second_check", "further_second_checks", "component_change",
    "signatures", "combinations",
})  # fmt: skip
SHOWN: Final = frozenset({
    "kv", "ma", "filter", "applicator", "r0_mgy_per_s", "dt_s", "tail_mgy", "n1_mgy_per_count", "n2_mgy_per_count", "effective_ssd_mm", "max_skin_mgy",
    "max_time_s", "pdd",
})  # fmt: skip
MEASURED_SHOWN: Final = frozenset({"readings", "rejected", "leakage_nc"})
"""What has a row of its own; everything else that is signed is shown by its key."""


def _leaves(table: Mapping[str, Any], shown: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """(dotted key, words) of every value in a table but those that are shown elsewhere; a list's row of plain values, such as a reading, is one."""
    for key, value in table.items():
        if key in shown:
            continue
        if isinstance(value, Mapping):
            yield from ((f"{key}.{below}", word) for below, word in _leaves(value))
        elif isinstance(value, list):
            for number, one in enumerate(value):
                if isinstance(one, Mapping) and not any(isinstance(below, Mapping | list) for below in one.values()):
                    yield f"{key}.{number}", ", ".join(f"{name} {_word(below)}" for name, below in one.items())
                else:
                    yield from ((f"{key}.{below}", word) for below, word in _leaves({f"{number}": one}))
        else:
            yield key, _word(value)


def _facts(f: Facts) -> Iterator[Row]:
    """The machine beside its combinations."""
    if f.tube is not None:
        yield Row(
            "",
            "tube model",
            f"{f.tube.model} {f.tube.serial}",
            source=f"{f.tube.max_kv:g} kV, {f.tube.max_ma:g} mA, {f.tube.max_w:g} W at most",
        )
    for one in f.filters:
        yield Row(
            "",
            f"filter {one.id}",
            f"{one.code:#04x}",
            source=", ".join(f"{layer.thickness_mm:g} mm {layer.material}" for layer in one.layers),
        )
    for applicator in f.applicators:
        yield Row(
            "",
            f"applicator {applicator.id}",
            f"{applicator.code:#04x}",
            source=f"{applicator.kind}, {applicator.serial}, lot {applicator.lot}",
        )
    for offset in f.ma_offset:
        yield Row("", f"mA offset at {offset.kv:g} kV", repr(offset.read_back_ma), "mA", source="filament cold")
    for scale in f.scales:
        at = f" at {scale.at_kv:g} kV" if scale.at_kv else ""
        source = f"{scale.meter}, {stamp(scale.at)}, worst residual {scale.worst_pct:.3f} %"
        yield Row(
            "",
            f"{scale.unit} scale{at}",
            f"{scale.offset:.6g} + {scale.slope:.6g} x read-back",
            scale.unit,
            source=source,
        )
    for cutout in f.cutouts:
        yield Row(
            "",
            f"cut-out {cutout.id} in {cutout.applicator}",
            repr(cutout.factor),
            "at the surface" if cutout.b_w_ratio is not None else "in air",
            repr(cutout.u_pct),
            f"{cutout.by}, {stamp(cutout.at)}{'' if cutout.b_w_ratio is not None else '; without backscatter: serves no order'}",
        )
        yield Row("", f"cut-out {cutout.id}: readings in air", f"{cutout.in_air:.8g}")
        ratio = cutout.b_w_ratio
        if ratio is not None:
            yield Row(
                "", f"cut-out {cutout.id}: b_w_ratio, applied once", f"{ratio.value:.8g}", "", f"{ratio.u_pct:.4g}",
                f"{ratio.kv:g} kV, {ratio.ma:g} mA, {ratio.filter}: {ratio.source}",
            )  # fmt: skip
        if cutout.depth is not None:
            under = cutout.depth
            for point in under.pdd:
                yield Row(
                    "", f"cut-out {cutout.id}: PDD at {point.depth_mm:g} mm", repr(point.pct), "%", repr(under.u_pct),
                    f"{under.by}, {stamp(under.at)}: {under.source}",
                )  # fmt: skip
    if f.interrupt_ratio is not None:
        yield Row("", "a dose in pieces against one", repr(f.interrupt_ratio))


def _combination(checked: Checked, c: CombinationTable) -> Iterator[Row]:
    name = name_of(c)
    for key, value, unit in (
        ("R0", c.r0_mgy_per_s, "mGy/s"), ("end effect", c.dt_s, "s"), ("tail", c.tail_mgy, "mGy"), ("channel 1", c.n1_mgy_per_count, "mGy/count"),
        ("channel 2", c.n2_mgy_per_count, "mGy/count"), ("effective SSD", c.effective_ssd_mm, "mm"), ("most skin dose", c.max_skin_mgy, "mGy"),
        ("most time", c.max_time_s, "s"),
    ):  # fmt: skip
        yield Row(name, key, repr(value), unit)
    for key, value, unit in (("kV as read back", c.kv_read, "kV"), ("mA as read back", c.ma_read, "mA")):
        if value:
            yield Row(name, key, repr(value), unit)
    for point in c.pdd:
        yield Row(name, f"PDD at {point.depth_mm:g} mm", repr(point.pct), "%")
    for word in _leaves(c.model_dump(exclude={"measured"}), SHOWN):
        yield Row(name, *word)
    if c.measured is None:
        return
    for word in _leaves(c.measured.model_dump(exclude_none=True), MEASURED_SHOWN):
        yield Row(name, *word)
    m, found = c.measured, worked(checked.table, c)
    for i, r in enumerate(m.readings, 1):
        yield Row(
            name,
            f"reading {i}",
            repr(r.nc),
            "nC",
            source=f"{stamp(r.at)}, {r.set_s:g} s, {r.t_c:g} degC, {r.p_kpa:g} kPa, {r.since_warmup_s:g} s since warm-up",
        )
    for gone in m.rejected:
        yield Row(name, f"rejected, {gone.step}", repr(gone.nc), "nC", source=f"{stamp(gone.at)}, {gone.why}")
    yield Row(name, "leakage", repr(m.leakage_nc), "nC")
    yield Row(name, "variation", f"{100 * found.cov:.4f}", "%")
    yield Row(name, "HVL 1, HVL 2", f"{found.hvl_1.value:.4f}, {found.hvl_2.value:.4f}", "mm Al")
    for factor in found.chain.factors:
        yield Row(
            name,
            f"{factor.name}, applied once",
            f"{factor.value:.8g}",
            u_pct_k1=f"{factor.u_pct:.4g}",
            source=factor.source,
        )
    for term in found.budget.terms:
        yield Row(
            name, f"budget: {term.name}", repr(term.stated), term.distribution, f"{term.u_pct:.5g}", f"type {term.type}"
        )
    yield Row(name, "uncertainty of R0, k = 2", f"{found.budget.u_pct_k2:.4f}", "%", f"{found.budget.u_pct_k1:.4f}")
    yield Row(
        name, "linearity in mA, in time", f"{100 * found.ma_nonlinearity:.3f}, {100 * found.time_nonlinearity:.3f}", "%"
    )
    for words in found.warned:
        yield Row(name, "warning", words)


def name_of(c: CombinationTable) -> str:
    """A combination in words."""
    return named((c.kv, c.ma, c.filter, c.applicator))


def as_csv(table: Sequence[Row]) -> str:
    """One row a line, with a head."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(asdict(Row("", "", ""))), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in asdict(row).items()} for row in table)
    return out.getvalue()


def _cell(value: str) -> str:
    """Words that a spreadsheet would work out begin with an apostrophe; numbers stay numbers."""
    if not value.startswith(("=", "+", "-", "@", "\t", "\r")) or value == "-":
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def as_json(checked: Checked) -> str:
    """The document as it was signed, who signed it, and what its readings come to."""
    document: dict[str, Any] = {
        "certificate": checked.table.model_dump(mode="json", by_alias=True, exclude_none=True),
        "content_sha256": checked.sha256.hex(),
        "signers": list(checked.signers),
        "rows": [asdict(row) for row in rows(checked)],
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False)


def compare(new: Checked, old: Checked) -> tuple[Moved, ...]:
    """Combination by combination, the new one's first."""
    was, now = ({name_of(c): c.r0_mgy_per_s for c in one.table.combinations} for one in (old, new))
    return tuple(_moved(name, was.get(name), now.get(name)) for name in dict.fromkeys((*now, *was)))


def _moved(name: str, was: float | None, now: float | None) -> Moved:
    if was is None or now is None:
        return Moved(name, was, now, None, "is new" if was is None else "is gone")
    change = 100.0 * (now / was - 1.0)
    steps = (
        (REFUSE_PCT, "an exchanged component, everything measured anew"),
        (SECOND_PCT, "a second physicist and chamber"),
        (EXPLAIN_PCT, "an explanation"),
    )
    return Moved(name, was, now, change, next((words for bound, words in steps if abs(change) > bound), "nothing more"))


def _word(value: object) -> str:
    return (
        stamp(value) if isinstance(value, datetime) else str(value).lower() if isinstance(value, bool) else str(value)
    )
