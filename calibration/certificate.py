"""The calibration certificate as a file: strict keys, finite numbers inside bounds, and an Ed25519 signature over its content, or a refusal.
It measures nothing and decides no treatment; what it hands on are the frozen numbers of controller/prescribed.py."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from pydantic import ValidationError

from calibration import gates, keys
from calibration.atomic import replaced
from calibration.schema import CertificateTable, CombinationTable, brought, combined, contradictions
from controller.prescribed import Certificate, Combination
from hal.errors import ConfigurationError
from hal.readings import Termination, TimerStart

FILE_MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Checked:
    """A certificate whose signatures fit: its bytes, its tables, the SHA-256 of what is signed, who signed with a known key, and the numbers for treatment."""

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
    data = _bytes(path)
    document = _parsed(path, data)
    table = _consistent(path, document)
    running = software_version if software_version is not None else version("kerma")
    wrong = list(_unfit(path, table, wall_s, tube_serial, machine_serial, running))
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return _verified(path, data, document, public_key)


def read_certificate(path: Path, public_key: Path) -> Checked:
    """Read, check and verify a certificate, in force or not: an old one stays readable. Raises ConfigurationError."""
    data = _bytes(path)
    return _verified(path, data, _parsed(path, data), public_key)


def _consistent(path: Path, document: dict[str, Any]) -> CertificateTable:
    table = _checked(path, document)
    wrong = [f"{path}: {words}" for words in contradictions(table)]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return table


def _verified(path: Path, data: bytes, document: dict[str, Any], public_key: Path) -> Checked:
    """Its signatures, and as many and as much beside as its numbers ask for."""
    table = _consistent(path, document)
    signers = _signers(path, document, table, public_key)
    if table.basis == "measured":
        wrong = [f"{path}: {words}" for words in gates.refused(combined(table), brought(table, len(signers)))]
        if wrong:
            raise ConfigurationError("\n".join(wrong))
    digest = content_sha256(document)
    return Checked(path, data, table, digest, signers, _numbers(table, digest))


def canonical(document: dict[str, Any]) -> bytes:
    """The signed content: the file's tables without its signatures, as JSON with sorted keys; layout and comments do not matter."""
    content = {key: value for key, value in document.items() if key != "signatures"}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_stamp).encode()


def content_sha256(document: dict[str, Any]) -> bytes:
    """SHA-256 of the signed content: the identity of a certificate in every record."""
    return hashlib.sha256(canonical(document)).digest()


def sign_certificate(path: Path, private_key: Path, who: str, wall_s: float) -> None:
    """Sign the file in place as `who` at `wall_s`; an earlier signature of the same person is replaced. Raises ConfigurationError."""
    document = _parsed(path, _bytes(path))
    _consistent(path, document)
    key = keys.private_key(private_key)
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
    replaced(path, text.encode())


def _message(document: dict[str, Any], signature: dict[str, Any]) -> bytes:
    """What is signed: the content, and who signs it as what and when."""
    signer = {name: signature[name] for name in ("who", "role", "at")}
    tail = json.dumps(signer, sort_keys=True, separators=(",", ":"), default=_stamp).encode()
    return b"kerma certificate 2\n" + canonical(document) + b"\n" + tail


def _stamp(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in a certificate")
    utc = value.astimezone(UTC)
    return utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if utc.microsecond else "%Y-%m-%dT%H:%M:%SZ")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read ({error.strerror}); first: give the path of a certificate"
        ) from error
    if len(data) > FILE_MAX_BYTES:
        raise ConfigurationError(f"{path}: is larger than {FILE_MAX_BYTES} bytes; first: see that it is a certificate")
    return data


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


def _signers(path: Path, document: dict[str, Any], table: CertificateTable, public_key: Path) -> tuple[str, ...]:
    """Who signed exactly this content with a known key, each key and each name once; one at least."""
    known = list(keys.public_keys(public_key))
    if not table.signatures:
        raise ConfigurationError(
            f"{path}: signatures is missing: nobody has signed it; first: have the physicist sign it (calibration/sign.py)"
        )
    signers: list[str] = []
    for entry in document["signatures"]:
        for key in known:
            try:
                key.verify(bytes.fromhex(entry["ed25519"]), _message(document, entry))
            except InvalidSignature:
                continue
            known.remove(key)
            if entry["who"] not in signers:
                signers.append(entry["who"])
            break
    if signers:
        return tuple(signers)
    who = ", ".join(entry.who for entry in table.signatures)
    raise ConfigurationError(
        f"{path}: signatures by {who}: none fits the content and the key {public_key}; "
        "first: undo the last change of the file, or have the physicist sign it again"
    )


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
