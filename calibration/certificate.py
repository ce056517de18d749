"""The calibration certificate as a file: strict keys, finite numbers inside bounds, and an Ed25519 signature over its content, or a refusal.
It measures nothing and decides no treatment; what it hands on are the frozen numbers of controller/prescribed.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET

from calibration import gates, keys, signed, toml_file
from calibration.facts import CutoutTable, aged
from calibration.output import first_at
from calibration.schema import MEASURED_MOST_DAYS, CertificateTable, CombinationTable, brought, combined, contradictions
from controller.prescribed import Certificate, Combination, Lead
from hal.errors import ConfigurationError
from hal.readings import Termination, TimerStart

HEAD: Final = b"kerma certificate 2\n"
"""What every signature of a certificate is over first; no signature of another kind of file fits here."""
CLOCKS_APART: Final = timedelta(minutes=10)
"""The clock of the computer where it was signed and this one's differ by no more."""


@dataclass(frozen=True)
class Checked:
    """A certificate whose signatures fit (a provisional one has none): its bytes, its tables, the SHA-256 of what is signed, who signed with a known key,
    and the numbers for treatment."""

    path: Path
    data: bytes
    table: CertificateTable
    sha256: bytes
    signers: tuple[str, ...]
    numbers: Certificate


def load_certificate(
    path: Path,
    public_key: Path,
    wall_s: float,
    *,
    tube_serial: str | None = None,
    machine_serial: str | None = None,
    software_version: str | None = None,
) -> Certificate:
    """Read, check and verify a certificate that is in force at the wall time `wall_s` (s since 1970 UTC).

    Serials are compared where the caller's configuration names them; the software version is that of this program unless given.
    Raises ConfigurationError: file, key, value, bound, and what to do first.
    """
    fitted = {"tube_serial": tube_serial, "machine_serial": machine_serial, "software_version": software_version}
    return certificate_in_force(path, public_key, wall_s, **fitted).numbers


def certificate_in_force(
    path: Path,
    public_key: Path,
    wall_s: float,
    *,
    tube_serial: str | None = None,
    machine_serial: str | None = None,
    software_version: str | None = None,
) -> Checked:
    """The same, with its tables and who signed it. Raises ConfigurationError."""
    data = toml_file.read_bytes(path)
    document = toml_file.parse(path, data)
    table = _consistent(path, document)
    running = software_version if software_version is not None else version("kerma")
    wrong = list(_unfit(path, table, wall_s, tube_serial, machine_serial, running))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return _verified(path, data, document, public_key)


def read_certificate(path: Path, public_key: Path) -> Checked:
    """Read, check and verify a certificate, in force or not: an old one stays readable. Raises ConfigurationError."""
    data = toml_file.read_bytes(path)
    return _verified(path, data, toml_file.parse(path, data), public_key)


def _consistent(path: Path, document: dict[str, Any]) -> CertificateTable:
    table = signed.checked(path, document, CertificateTable)
    wrong = [f"{path}: {words}" for words in contradictions(table)]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return table


def _verified(path: Path, data: bytes, document: dict[str, Any], public_key: Path) -> Checked:
    """Its signatures, and as many and as much beside as its numbers ask for."""
    table = _consistent(path, document)
    if not table.simulated and table.basis == "measured" and keys.demonstrated(public_key):
        raise ConfigurationError(
            f"{public_key}: holds the demonstration key, with which anybody can sign for a real machine; first: take it out, and have your physicist make keys"
        )
    signers = () if table.basis == "provisional" else signed.signers(path, HEAD, document, public_key)
    if table.basis == "measured":
        wrong = [f"{path}: {words}" for words in gates.refused(combined(table), brought(table, signers))]
        if wrong:
            raise ConfigurationError("\n".join(wrong))
    digest = signed.content_sha256(document)
    return Checked(path, data, table, digest, signers, _numbers(table, digest))


def sign_certificate(path: Path, private_key: Path, who: str, wall_s: float) -> None:
    """Sign the file in place as `who` at `wall_s`; an earlier signature of the same person is replaced. Raises ConfigurationError."""
    data = toml_file.read_bytes(path)
    table = _consistent(path, toml_file.parse(path, data))
    if table.basis == "provisional":
        raise ConfigurationError(
            f'{path}: basis = "provisional": is of a name plate, and nobody signs for it; first: calibrate, and sign what was measured'
        )
    in_air = [one.id for one in table.facts.cutouts if one.b_w_ratio is None]
    if in_air:
        raise ConfigurationError(
            f"{path}: facts.cutouts: {', '.join(in_air)}: b_w_ratio is missing, so that the factor is one in air and an order with it gives less at the "
            "surface than it says; first: write the draft anew with kerma calibrate --draft: the session stands, and nothing is exposed again; "
            "where the factor is typed, write b_w_ratio"
        )
    old = next(aged(table.facts, table.expires_at, MEASURED_MOST_DAYS), "")
    if old:
        raise ConfigurationError(f"{path}: facts: {old}")
    typed = next((where for where, one in table.second_checks.items() if one.raw is None), None)
    if typed is not None:
        raise ConfigurationError(
            f"{path}: {typed}.raw is missing: a result without its readings is a word, and was typed by who measured first; "
            "first: let the second physicist measure second-OUTPUT with kerma calibrate, and draft again"
        )
    wrong = [
        f"{path}: {words}" for words in gates.unchecked(combined(table), table.second_checks.values(), table.supersedes)
    ]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    if table.audit is not None and table.audit.tube_serial is None:
        raise ConfigurationError(
            f"{path}: audit.tube_serial is missing: an audit of the tube before says nothing of this one; first: write of which tube it was"
        )
    signed.sign(path, data, HEAD, CertificateTable, private_key, who, wall_s)


def _unfit(
    path: Path, table: CertificateTable, wall_s: float, tube: str | None, machine: str | None, software: str
) -> Iterator[str]:
    """Whether it is in force now, for this tube, machine and program."""
    now = datetime.fromtimestamp(wall_s, UTC)
    if now < table.effective_at:
        yield (
            f"{path}: effective_at = {signed.exact(table.effective_at)}: lies after now, {signed.exact(now)}; "
            "first: check the clock, or use the certificate in force"
        )
    if now >= table.expires_at:
        yield f"{path}: expires_at = {signed.exact(table.expires_at)}: has passed, now {signed.exact(now)}; first: calibrate, and sign a new certificate"
    measured = table.combinations if table.basis == "measured" else []
    readings = [("the last reading", r.at) for c in measured if c.measured is not None for r in c.measured.readings]
    signed_at = [(f"the signature of {s.who}", s.at) for s in table.signatures if measured]
    for what, at in (*signed_at, *sorted(readings, key=lambda one: one[1])[-1:]):
        if at > now + CLOCKS_APART:
            yield f"{path}: {what} is of {signed.exact(at)}, after now, {signed.exact(now)}; first: check the clock"
    for key, has, needs, first in (
        ("tube_serial", table.tube_serial, tube, "calibrate this tube; no certificate moves to another tube"),
        ("machine_serial", table.machine_serial, machine, "use this machine's own certificate"),
        ("software_version", table.software_version, software, "have the physicist review and sign for this version"),
    ):
        if needs is not None and has != needs:
            yield f'{path}: {key} = "{has}": is not "{needs}"; first: {first}'


def _numbers(table: CertificateTable, sha256: bytes) -> Certificate:
    return Certificate(
        id=table.id,
        sha256=sha256,
        tube_serial=table.tube_serial,
        machine_serial=table.machine_serial,
        software_version=table.software_version,
        effective_wall_s=table.effective_at.timestamp(),
        expires_wall_s=table.expires_at.timestamp(),
        termination=Termination[table.termination.upper()],
        timer_start=TimerStart[table.timer_start.upper()],
        capacitance_nf=float(table.capacitance_nf),
        off_latency_s=float(table.off_latency_s),
        press_to_hv_s=float(table.press_to_hv_s),
        ramp_s=float(table.ramp_s),
        filament_limit_counts=table.filament_limit_counts,
        filament_preheat_counts=table.filament_preheat_counts,
        vented_2=table.vented_2,
        ref_pressure_kpa=float(table.ref_pressure_kpa),
        ref_temperature_c=float(table.ref_temperature_c),
        combinations=tuple(_combination(c, table.facts.cutouts) for c in table.combinations),
        provisional=table.basis == "provisional",
        safety_unit_fw=table.safety_unit_fw,
        generator_fw=table.generator_fw,
    )


def _leads(c: CombinationTable, cutouts: Sequence[CutoutTable]) -> tuple[Lead, ...]:
    """The cut-outs of this applicator whose factor and depth dose are of this beam."""
    beam = (c.kv, c.filter, c.applicator)
    return tuple(
        Lead(one.id, float(one.factor), tuple((float(point.depth_mm), float(point.pct)) for point in one.depth.pdd))
        for one in cutouts
        if one.depth is not None
        and one.b_w_ratio is not None
        and (one.b_w_ratio.kv, one.b_w_ratio.filter, one.applicator) == beam
    )


def _combination(c: CombinationTable, cutouts: Sequence[CutoutTable]) -> Combination:
    return Combination(
        kv=float(c.kv),
        ma=float(c.ma),
        filter_id=c.filter,
        filter_code=c.filter_code,
        applicator_id=c.applicator,
        applicator_code=c.applicator_code,
        r0_mgy_per_s=float(c.r0_mgy_per_s),
        dt_s=float(c.dt_s),
        tail_mgy=float(c.tail_mgy),
        n1_mgy_per_count=float(c.n1_mgy_per_count),
        n2_mgy_per_count=float(c.n2_mgy_per_count),
        leak1_cps=float(c.leak1_cps),
        leak2_cps=float(c.leak2_cps),
        g_kv=tuple((float(point.kv), float(point.rel)) for point in c.g_kv),
        pdd=tuple((float(point.depth_mm), float(point.pct)) for point in c.pdd),
        effective_ssd_mm=float(c.effective_ssd_mm),
        max_skin_mgy=float(c.max_skin_mgy),
        max_time_s=float(c.max_time_s),
        closed_end=c.closed_end,
        gap_table=tuple((float(point.gap_mm), float(point.factor)) for point in c.gap_table),
        kv_read=float(c.kv_read),
        ma_read=float(c.ma_read),
        leads=_leads(c, cutouts),
        measured_wall_s=UNSET if c.measured is None else first_at(c.measured).timestamp(),
    )
