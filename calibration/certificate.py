"""The calibration certificate as a file: strict keys, finite numbers inside bounds, and an Ed25519 signature over its content, or a refusal.
It measures nothing and decides no treatment; what it hands on are the frozen numbers of controller/prescribed.py."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from controller.prescribed import Certificate, Combination
from hal.errors import ConfigurationError
from hal.readings import Termination, TimerStart

FILE_MAX_BYTES = 1_000_000
DT_MOST_S = 0.5
"""An end effect this long is a mistake: a resume may add no more to the safety unit's timer."""
G_LEAST_PART = 0.2
"""The table of output against kV must begin at or below this part of the combination's kV."""
G_AT_KV = 0.01
"""Relative output at the combination's own kV is 1 within this."""

Name = Annotated[str, Field(min_length=1, max_length=64)]
Positive = Annotated[float, Field(gt=0)]


class Table(BaseModel):
    """Frozen, no unknown key, no conversion, every number finite."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class OutputPoint(Table):
    """Relative output at one kV, mA unchanged."""

    kv: float = Field(gt=0, le=225)
    rel: float = Field(ge=0, le=10)


class DepthPoint(Table):
    """Percentage depth dose on the central axis; 100 at the surface."""

    depth_mm: float = Field(ge=0, le=100)
    pct: float = Field(gt=0, le=120)


class GapPoint(Table):
    """Measured factor of a closed applicator's stand-off."""

    gap_mm: float = Field(ge=-5, le=50)
    factor: float = Field(gt=0, le=1.5)


class CombinationTable(Table):
    """[[combinations]]: one measured combination; rates in D0 (water, surface, central axis, applicator plane)."""

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


class SignatureTable(Table):
    """[[signatures]]: who signed, as what, when, and the signature in hexadecimal digits."""

    who: Name
    role: Literal["physicist"]
    at: AwareDatetime
    ed25519: str = Field(pattern=r"^[0-9a-f]{128}$")


class CertificateTable(Table):
    """The whole file."""

    certificate_schema: Literal[1] = Field(alias="schema")
    id: Name
    supersedes: str = Field(max_length=64)
    simulated: bool
    tube_serial: Name
    machine_serial: Name
    software_version: Name
    effective_at: AwareDatetime
    expires_at: AwareDatetime
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
    signatures: list[SignatureTable] = Field(default_factory=list, max_length=10)


def load_certificate(
    path: Path,
    public_key: Path,
    wall_s: float,
    *,
    tube_serial: str | None = None,
    machine_serial: str | None = None,
    software_version: str | None = None,
) -> Certificate:
    """Read, check and verify a certificate at the wall time `wall_s` (s since 1970 UTC).

    Serials are compared where the caller's configuration names them; the software version is that of this program unless given.
    Raises ConfigurationError: file, key, value, bound, and what to do first.
    """
    document = _document(path)
    table = _checked(path, document)
    wrong = list(_contradictions(path, table))
    running = software_version if software_version is not None else version("kerma")
    wrong += _unfit(path, table, wall_s, tube_serial, machine_serial, running)
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    _verify(path, document, table, public_key)
    return _numbers(table, content_sha256(document))


def canonical(document: dict[str, Any]) -> bytes:
    """The signed content: the file's tables without its signatures, as JSON with sorted keys; layout and comments do not matter."""
    content = {key: value for key, value in document.items() if key != "signatures"}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_stamp).encode()


def content_sha256(document: dict[str, Any]) -> bytes:
    """SHA-256 of the signed content: the identity of a certificate in every record."""
    return hashlib.sha256(canonical(document)).digest()


def sign_certificate(path: Path, private_key: Path, who: str, wall_s: float) -> None:
    """Sign the file in place as `who` at `wall_s`; an earlier signature of the same person is replaced. Raises ConfigurationError."""
    document = _document(path)
    table = _checked(path, document)
    wrong = list(_contradictions(path, table))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    key = _private(private_key)
    kept = [entry for entry in document.get("signatures", []) if entry["who"] != who]
    new: dict[str, Any] = {"who": who, "role": "physicist", "at": datetime.fromtimestamp(int(wall_s), UTC)}
    new["ed25519"] = key.sign(_message(document, new)).hex()
    text = path.read_text(encoding="utf-8").partition("\n[[signatures]]")[0].rstrip() + "\n"
    for entry in (*kept, new):
        text += f"\n[[signatures]]\nwho = {json.dumps(entry['who'], ensure_ascii=False)}\nrole = {json.dumps(entry['role'])}\n"
        text += f"at = {_stamp(entry['at'])}\ned25519 = {json.dumps(entry['ed25519'])}\n"
    signed = _parsed(path, text.encode())
    if canonical(signed) != canonical(document):
        raise ConfigurationError(
            f"{path}: [[signatures]] does not stand at its end; first: move it there, then sign again"
        )
    _checked(path, signed)
    beside = path.with_name(path.name + ".new")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)


def _message(document: dict[str, Any], signature: dict[str, Any]) -> bytes:
    """What is signed: the content, and who signs it as what and when."""
    signer = {name: signature[name] for name in ("who", "role", "at")}
    tail = json.dumps(signer, sort_keys=True, separators=(",", ":"), default=_stamp).encode()
    return b"kerma certificate 1\n" + canonical(document) + b"\n" + tail


def _stamp(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in a certificate")
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of a certificate"
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than {FILE_MAX_BYTES} bytes; first: see that it is a certificate")
    return _parsed(path, data)


def _parsed(path: Path, data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: is not TOML ({error}); first: mend that line") from error


def _checked(path: Path, document: dict[str, Any]) -> CertificateTable:
    try:
        return CertificateTable.model_validate(document)
    except ValidationError as error:
        lines = []
        for problem in error.errors(include_url=False):
            key = ".".join(str(part) for part in problem["loc"]) or "(the file)"
            if problem["type"] == "missing":
                lines.append(f"{path}: {key} is missing; first: write it, and have the certificate signed again")
                continue
            unknown = problem["type"] == "extra_forbidden"
            wrong = "is not a key that is known here" if unknown else problem["msg"].lower()
            first = "remove it" if unknown else "correct it"
            lines.append(
                f"{path}: {key} = {_shown(problem['input'])}: {wrong}; first: {first}, and have the certificate signed again"
            )
        raise ConfigurationError("\n".join(lines)) from None


def _shown(value: object) -> str:
    words = f'"{value}"' if isinstance(value, str) else str(value)
    return words if len(words) <= 60 else words[:57] + "..."


def _contradictions(path: Path, table: CertificateTable) -> Iterator[str]:
    """What is wrong although every value is in its bounds."""
    again = "have the certificate corrected and signed again"
    if table.expires_at <= table.effective_at:
        yield f"{path}: expires_at = {_stamp(table.expires_at)}: is not after effective_at {_stamp(table.effective_at)}; first: {again}"
    seen: set[tuple[float, float, str, str]] = set()
    codes: dict[tuple[str, int], str] = {}
    for i, c in enumerate(table.combinations):
        where = f"{path}: combinations.{i}"
        key = (c.kv, c.ma, c.filter, c.applicator)
        if key in seen:
            yield f"{where}: {c.kv:g} kV, {c.ma:g} mA, {c.filter}, {c.applicator} stands here twice; first: {again}"
        seen.add(key)
        for kind, code, name in (("filter", c.filter_code, c.filter), ("applicator", c.applicator_code, c.applicator)):
            if codes.setdefault((kind, code), name) != name:
                yield f"{where}.{kind}_code = {code}: also stands for {codes[kind, code]}; first: {again}"
        for name, xs in (
            ("g_kv", [point.kv for point in c.g_kv]),
            ("pdd", [point.depth_mm for point in c.pdd]),
            ("gap_table", [point.gap_mm for point in c.gap_table]),
        ):
            if any(high <= low for low, high in pairwise(xs)):
                yield f"{where}.{name}: does not ascend strictly; first: {again}"
                break
        else:
            yield from _tables(where, c, again)


def _tables(where: str, c: CombinationTable, again: str) -> Iterator[str]:
    if c.pdd[0].depth_mm != 0.0 or c.pdd[0].pct != 100.0:
        yield f"{where}.pdd: begins with {c.pdd[0].pct:g} % at {c.pdd[0].depth_mm:g} mm, not 100 % at 0 mm; first: {again}"
    if c.g_kv[0].kv > G_LEAST_PART * c.kv:
        yield f"{where}.g_kv: begins at {c.g_kv[0].kv:g} kV, above {G_LEAST_PART:g} of {c.kv:g} kV; first: {again}"
    low, high = next(((a, b) for a, b in pairwise(c.g_kv) if b.kv >= c.kv), (c.g_kv[-2], c.g_kv[-1]))
    at_kv = low.rel + (high.rel - low.rel) * (c.kv - low.kv) / (high.kv - low.kv)
    if abs(at_kv - 1.0) > G_AT_KV:
        yield f"{where}.g_kv: is {at_kv:.4f} at {c.kv:g} kV, not 1 within {G_AT_KV:g}; first: {again}"
    if any(b.rel < a.rel for a, b in pairwise(c.g_kv)):
        yield f"{where}.g_kv: output falls with kV; first: {again}"
    if c.gap_table and not c.closed_end:
        yield f"{where}.gap_table: stands with an open applicator, which takes the inverse square; first: {again}"


def _unfit(
    path: Path, table: CertificateTable, wall_s: float, tube: str | None, machine: str | None, software: str
) -> Iterator[str]:
    """Whether it is in force now, for this tube, machine and program."""
    now = datetime.fromtimestamp(wall_s, UTC)
    if now < table.effective_at:
        yield (
            f"{path}: effective_at = {_stamp(table.effective_at)}: lies after now, {_stamp(now)}; "
            "first: check the clock, or use the certificate in force"
        )
    if now >= table.expires_at:
        yield f"{path}: expires_at = {_stamp(table.expires_at)}: has passed, now {_stamp(now)}; first: calibrate, and sign a new certificate"
    for key, has, needs, first in (
        ("tube_serial", table.tube_serial, tube, "calibrate this tube; no certificate moves to another tube"),
        ("machine_serial", table.machine_serial, machine, "use this machine's own certificate"),
        ("software_version", table.software_version, software, "have the physicist review and sign for this version"),
    ):
        if needs is not None and has != needs:
            yield f'{path}: {key} = "{has}": is not "{needs}"; first: {first}'


def _verify(path: Path, document: dict[str, Any], table: CertificateTable, public_key: Path) -> None:
    """At least one signature must be by the configured signer, over exactly this content."""
    key = _public(public_key)
    if not table.signatures:
        raise ConfigurationError(
            f"{path}: signatures is missing: nobody has signed it; first: have the physicist sign it (calibration/sign.py)"
        )
    for entry in document["signatures"]:
        try:
            key.verify(bytes.fromhex(entry["ed25519"]), _message(document, entry))
        except InvalidSignature:
            continue
        return
    who = ", ".join(entry.who for entry in table.signatures)
    raise ConfigurationError(
        f"{path}: signatures by {who}: none fits the content and the key {public_key}; "
        "first: undo the last change of the file, or have the physicist sign it again"
    )


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of the signer's public key"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"{path}: is no public key in PEM form; first: give the signer's public key"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(f"{path}: is not an Ed25519 key; first: give the signer's public key")
    return key


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of your private key"
        ) from error
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"{path}: is no unencrypted private key in PEM form; first: give your private key"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"{path}: is not an Ed25519 key; first: give your private key")
    return key


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
        combinations=tuple(_combination(c) for c in table.combinations),
    )


def _combination(c: CombinationTable) -> Combination:
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
    )
