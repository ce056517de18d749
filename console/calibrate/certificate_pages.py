"""What `kerma certificate` does: reads, verifies, prints. Every refusal is in the words of calibration.
It keeps nothing and pins nothing."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from calibration import report
from calibration.certificate import Checked, read_certificate, sign_certificate
from calibration.equipment import stamp
from calibration.provisional import load_plate, provisional
from calibration.write import content_of, write_certificate
from console import configuration
from console.calibrate.writing import written
from console.certificate import checked_of
from console.exit_codes import Exit
from console.treat.plain_words import PlainConsole
from hal.clock import Clock
from hal.errors import ConfigurationError


def show(file: Path, key: Path, as_json: bool, as_csv: bool) -> Exit:
    """Print every row."""
    checked = read_certificate(file, key)
    if as_json or as_csv:
        print(
            report.as_json(checked) if as_json else report.as_csv(report.rows(checked)),
            end="" if as_csv and not as_json else "\n",
        )
        return Exit.AS_INTENDED
    console = PlainConsole()
    _banner(console, checked)
    table = Table(show_edge=False)
    for head in ("combination", "name", "value", "unit", "u, k = 1, %", "source"):
        table.add_column(head)
    for row in report.rows(checked):
        table.add_row(row.combination, row.name, row.value, row.unit, row.u_pct_k1, row.source)
    console.print(table, markup=False)
    return Exit.AS_INTENDED


def verify(file: Path, key: Path, config: Path | None, clock: Clock) -> Exit:
    """Say that it holds, or be refused."""
    checked = read_certificate(file, key)
    console = PlainConsole()
    _banner(console, checked)
    if config is not None:
        rig = replace(configuration.load(config, os.getuid()), certificate=file, signer_public_key=key)
        checked = checked_of(rig, clock.wall())
    force = f", in force for {config}" if config is not None else "; whether it is in force, --config RIG.toml says"
    signed = f"signed by {', '.join(checked.signers)}" if checked.signers else "signed by nobody"
    words = f"{checked.table.id}, version {checked.table.version}: whole, {signed}{force}"
    console.print(words, markup=False, highlight=False, soft_wrap=True)
    return Exit.AS_INTENDED


def sign(file: Path, private: Path, who: str, clock: Clock) -> Exit:
    """Sign in place."""
    if not who.strip():
        raise ConfigurationError("--who is empty; first: write who signs")
    with written(file):
        sign_certificate(file, private, who.strip(), clock.wall())
    content = content_of(tomllib.loads(file.read_text(encoding="utf-8")))
    PlainConsole().print(
        f"{file}: signed by {who.strip()}, content {content}", markup=False, highlight=False, soft_wrap=True
    )
    return Exit.AS_INTENDED


def plate(plate: Path, out: Path, clock: Clock) -> Exit:
    """Write the certificate of a name plate, in force from now; nothing is written over."""
    made = provisional(load_plate(plate), version("kerma"), datetime.fromtimestamp(clock.wall(), UTC))
    if out.exists():
        raise ConfigurationError(f"{out}: is there already; first: name another file")
    with written(out):
        write_certificate(out, made)
    words = f"{out}: written, provisional until {stamp(made['expires_at'])}; name it as certificate.file of the rig, and start kerma run"
    PlainConsole().print(words, markup=False, highlight=False, soft_wrap=True)
    return Exit.AS_INTENDED


def pdf(file: Path, out: Path, key: Path, before: list[Path]) -> Exit:
    """Write the paper; earlier certificates must be of the same tube."""
    from calibration.paper import write_pdf

    checked = read_certificate(file, key)
    earlier = [_of_tube(checked, read_certificate(path, key)) for path in before]
    console = PlainConsole()
    with written(out), console.status(f"writing {out}"):
        write_pdf(out, checked, earlier)
    console.print(f"{out}: written", markup=False, highlight=False, soft_wrap=True)
    return Exit.AS_INTENDED


def compare(file: Path, old: Path, key: Path, as_json: bool) -> Exit:
    """Print what moved."""
    checked = read_certificate(file, key)
    moved = report.compare(checked, _of_tube(checked, read_certificate(old, key)))
    if as_json:
        print(json.dumps([asdict(one) for one in moved]))
        return Exit.AS_INTENDED
    console = PlainConsole()
    _banner(console, checked)
    table = Table(show_edge=False)
    for head in ("combination", "was, mGy/s", "is, mGy/s", "change, %", "asks for"):
        table.add_column(head)
    for one in moved:
        numbers = ("-" if value is None else f"{value:.3f}" for value in (one.was_mgy_per_s, one.is_mgy_per_s))
        table.add_row(one.combination, *numbers, "-" if one.change_pct is None else f"{one.change_pct:+.2f}", one.asks)
    console.print(table, markup=False)
    return Exit.AS_INTENDED


def _of_tube(checked: Checked, other: Checked) -> Checked:
    if other.table.tube_serial != checked.table.tube_serial:
        raise ConfigurationError(
            f"{other.path}: tube_serial = {other.table.tube_serial!r}: is not {checked.table.tube_serial!r}; first: give certificates of one tube"
        )
    return other


def _banner(console: Console, checked: Checked) -> None:
    if checked.numbers.provisional:
        console.print(
            "PROVISIONAL: of a name plate, signed by nobody; for calibration only", style="bold red", markup=False
        )
    if checked.table.simulated:
        console.print("SIMULATED: this certifies no real machine", style="bold yellow", markup=False)
