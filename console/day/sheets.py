"""Signed sheets from the person's side: content read from a file or an answer, signed with a private key, laid down for the recorder, and its answer.
It decides nothing of what a sheet is worth; every lock looks at the journal anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from rich.table import Table

from calibration import keys, periodic, toml_file
from calibration.time_table import against_first
from console.certificate import certificate_of
from console.configuration import Rig
from console.exit_codes import Exit
from console.kept import database, first_set_time_s, rig_of
from console.run import raw_keys
from console.treat.plain_words import PlainConsole, order
from controller.tags import fraction_tag, plan_tag
from hal.clock import Clock, SystemClock
from hal.errors import ConfigurationError
from hal.units import Seconds
from records import commissioning, fractions, sheets
from records.day_forms import zone_named
from records.overrides import Override
from records.sheets import Sheet, SheetKind, Signers
from records.warm_up import today

ANSWER_WITHIN_S = 5.0
LOOK_S = 0.1
S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True)
class Signer:
    """Who signs, and with what."""

    who: str
    role: str
    key: Path


def signers_of(rig: Rig) -> Signers:
    """Whose signatures count for this rig. Raises ConfigurationError."""
    return Signers(raw_keys(rig.signer_public_key), raw_keys(rig.day_signers) if rig.day_signers is not None else ())


def signed(kind: SheetKind, content: msgspec.Struct, signer: Signer, rig: Rig, wall_s: float) -> Sheet:
    """A sheet with its signature; one that this rig would not believe is refused at once. Raises ConfigurationError."""
    at = datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="seconds")
    plain = Sheet(kind, sheets.body(content), signer.who.strip(), signer.role, at, b"")
    sheet = msgspec.structs.replace(plain, ed25519=keys.private_key(signer.key).sign(plain.message))
    wrong = sheets.wrong_signature(sheet, signers_of(rig))
    if wrong:
        raise ConfigurationError(f"{signer.key}: {wrong}")
    return sheet


def laid_down(rig: Rig, sheet: Sheet, clock: Clock) -> str | None:
    """Lay a sheet down and wait for what the records say to it: "" for nothing against it, None where nobody took it in time."""
    try:
        sheets.hand_in(rig.records, sheet)
    except OSError as error:
        raise ConfigurationError(
            f"{rig.records}: the sheet cannot be written ({error.strerror}); first: see to the disk"
        ) from error
    until = clock.monotonic() + ANSWER_WITHIN_S
    while clock.monotonic() < until:
        said = fractions.sheet_words(database(rig), sheet.sha256)
        if said is not None:
            return said
        clock.sleep_until(Seconds(clock.monotonic() + LOOK_S))
    return None


def said_of(answer: str | None) -> tuple[Exit, str]:
    """How it went, for people."""
    if answer is None:
        return (
            Exit.NO_ANSWER,
            "the sheet lies there and nobody has taken it yet; first: start kerma run, which takes it in",
        )
    if answer:
        return Exit.REFUSED, f"in the records, and it opens nothing: {answer}"
    return Exit.AS_INTENDED, "in the records"


def told(answer: str | None) -> Exit:
    """Say how it went."""
    code, words = said_of(answer)
    print(words)
    return code


def content_of(path: Path, kind: type[S]) -> S:
    """A sheet's content from a TOML file. Raises ConfigurationError."""
    try:
        return msgspec.convert(toml_file.parse(path, toml_file.read_bytes(path)), kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path}: {error}; first: correct it") from error


def day_of(rig: Rig, clock: Clock) -> date:
    """Today, where the machine stands."""
    return today(clock.wall(), zone_named(rig.time_zone))


def done(rig: Rig, clock: Clock, result: periodic.Done, signer: Signer) -> Exit:
    """Sign and keep the result of a periodic test."""
    wrong = periodic.wrong(result, day_of(rig, clock))
    if wrong:
        raise ConfigurationError(wrong)
    return told(laid_down(rig, signed(SheetKind.PERIODIC, result, signer, rig, clock.wall()), clock))


def commissioned(rig: Rig, clock: Clock, file: Path, signer: Signer) -> Exit:
    """Sign and keep a commissioning sheet, for this tube, this machine and a certificate that is in force."""
    content = content_of(file, commissioning.Commissioning)
    certificate = certificate_of(rig, clock.wall())
    for key, has, needs in (
        ("tube_serial", content.tube_serial, certificate.tube_serial),
        ("machine_serial", content.machine_serial, certificate.machine_serial),
        ("certificate_sha256", content.certificate_sha256, certificate.sha256.hex()),
    ):
        if has != needs:
            raise ConfigurationError(
                f'{file}: {key} = "{has}": is not "{needs}"; first: write what is fitted and in force'
            )
    wrong = [*commissioning.wrong(content), *_of_no_day(content.audit, rig, clock.wall())]
    known = {(c.kv, c.ma, c.filter_id, c.applicator_id) for c in certificate.combinations}
    wrong += [
        f"{c.kv:g} kV {c.ma:g} mA {c.filter} {c.applicator}: is not in certificate {certificate.id}: measure it first"
        for c in content.combinations
        if c.items and (c.kv, c.ma, c.filter, c.applicator) not in known
    ]
    if wrong:
        raise ConfigurationError("\n".join(f"{file}: {words}" for words in wrong))
    return told(laid_down(rig, signed(SheetKind.COMMISSIONING, content, signer, rig, clock.wall()), clock))


def _of_no_day(audit: commissioning.Audit, rig: Rig, wall_s: float) -> Iterator[str]:
    """An audit that nobody has made yet, or of a day that nobody can look up (hazard A13)."""
    try:
        on = date.fromisoformat(audit.on)
    except ValueError:
        yield f'audit.on = "{audit.on}": is no day like 2026-11-28; first: write when the audit was made'
        return
    now = today(wall_s, zone_named(rig.time_zone))
    if on > now:
        yield f"audit.on = {on}: is after today, {now}; first: have the output audited, and write when that was"


def overridden(rig: Rig, clock: Clock, file: Path, offered_s: float, reason: str, signer: Signer) -> Exit:
    """Sign and keep a physicist's word on one fraction whose time is 5 to 10 % off that of fraction 1 (accident-A1)."""
    prescribed, certificate = order(file), certificate_of(rig, clock.wall())
    first_s = first_set_time_s(rig, prescribed)
    if first_s is None:
        raise ConfigurationError(
            f"{file}: fraction 1 of this order is not in these records; first: use the records that have it"
        )
    found = against_first(offered_s, first_s, physicist=True)
    if not found.agrees:
        raise ConfigurationError(
            f"{offered_s:.2f} s is {100 * found.off:+.1f} % off the {first_s:.2f} s of fraction 1, above 10 %: nobody may override that; "
            "first: find out why"
        )
    if not found.warned:
        raise ConfigurationError(
            f"{offered_s:.2f} s is {100 * found.off:+.1f} % off the {first_s:.2f} s of fraction 1: nothing is to be overridden; first: treat"
        )
    if not reason.strip():
        raise ConfigurationError("--reason is empty; first: write why this fraction may be given all the same")
    word = Override(
        f"{fraction_tag(prescribed):016x}",
        f"{plan_tag(prescribed):016x}",
        certificate.sha256.hex(),
        offered_s,
        first_s,
        reason,
    )
    return told(laid_down(rig, signed(SheetKind.OVERRIDE, word, signer, rig, clock.wall()), clock))


def due(rig: Rig, clock: Clock, plot: str, out: Path | None, as_json: bool) -> Exit:
    """`kerma due`: every test as it stands, the worst first; UNFIT where one is overdue, was never done, asks for action, or has a sheet of no day."""
    taken, signers, tube = sheets.taken(rig.records), signers_of(rig), rig.file.tube.serial
    kept = periodic.results(taken, signers, tube)
    found = periodic.due(kept, day_of(rig, clock), periodic.of_no_day(taken, signers, tube))
    if plot:
        if out is None:
            raise ConfigurationError("--plot needs --out; first: name the picture to write")
        out.write_bytes(_trend(periodic.named(plot), kept))
    if as_json:
        print(json.dumps([_row(one) for one in found]))
    else:
        mark = "SIMULATED  " if rig.simulated else ""
        table = Table(title=f"{mark}{rig.name}, tube {rig.file.tube.serial}", title_justify="left")
        for head in ("test", "every", "what", "as it stands"):
            table.add_column(head, overflow="fold")
        for one in found:
            table.add_row(one.test.id, one.test.every, one.test.what, one.words)
        PlainConsole().print(table)
    bad = (periodic.State.NEVER, periodic.State.OVERDUE, periodic.State.ACT)
    return Exit.UNFIT if any(one.state in bad or one.beside for one in found) else Exit.AS_INTENDED


def _trend(test: periodic.Test, kept: tuple[periodic.Done, ...]) -> bytes:
    """ConfigurationError: there is nothing to draw."""
    if test.action is None:
        raise ConfigurationError(f"{test.id}: works or does not, and has no trend; first: name a test with a number")
    if not any(one.test == test.id for one in kept):
        raise ConfigurationError(f"{test.id}: has no signed result yet; first: do it, and sign it")
    return periodic.trend(test, kept)


def _row(one: periodic.Due) -> dict[str, Any]:
    return {
        "test": one.test.id,
        "every": one.test.every,
        "what": one.test.what,
        "state": one.state.name,
        "last": None if one.last is None else msgspec.to_builtins(one.last),
        "next": None if one.on is None else one.on.isoformat(),
        "words": one.words,
    }


def run_due(config: Path | None, plot: str, out: Path | None, as_json: bool) -> Exit:
    """`kerma due`, from the command line."""
    try:
        return due(rig_of(config), SystemClock(), plot, out, as_json)
    except OSError as error:
        print(f"{out}: cannot be written ({error.strerror}); first: name another file", file=sys.stderr)
        return Exit.USAGE


def run_commission(config: Path | None, file: Path, signer: Signer) -> Exit:
    """`kerma sheet commission`, from the command line."""
    return commissioned(rig_of(config), SystemClock(), file, signer)


def run_override(config: Path | None, file: Path, offered_s: float, reason: str, signer: Signer) -> Exit:
    """`kerma sheet override`, from the command line."""
    return overridden(rig_of(config), SystemClock(), file, offered_s, reason, signer)
