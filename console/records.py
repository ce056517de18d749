"""`kerma records`: the fractions kept, as a list and one by one; read only, from the recorder's database.
It changes nothing and decides nothing; what may be resumed is for the records themselves."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from console import screen
from console import wire as room
from console.exit_codes import Exit
from console.kept import database, rig_of, rows, stamp, words
from console.treat.plain_words import PlainConsole
from controller.entries import LINKS_APART
from hal.errors import ConfigurationError
from records import fractions, wires
from records.store import StoreError

EXPOSURE_ROWS = (
    "segment", "outcome", "event", "rule", "cause", "d1_mgy", "d2_mgy", "dt_mgy", "dm_mgy", "delivered_mgy",
    "low_mgy", "high_mgy", "quality", "beam_s", "counts_1", "counts_2", "kv_mean", "ma_mean", "recovered", "operator",
)  # fmt: skip
"""What is shown of each exposure, one row each: a fraction has few exposures."""


def listed(config: Path | None, as_json: bool) -> Exit:
    """Print all fractions."""
    rig = rig_of(config)
    found = rows(rig)
    apart = fractions.strays(database(rig))
    if as_json:
        print(json.dumps({"simulated": rig.simulated, "rig": rig.name, "fractions": found, "of_no_fraction": apart}))
        return Exit.AS_INTENDED
    console = PlainConsole()
    console.print(screen.banner(rig.simulated, rig.name), markup=False)
    table = Table(show_edge=False)
    for name in ("id", "started", "fraction", "at depth", "status"):
        table.add_column(name, no_wrap=name in ("id", "started"))
    for row in found:
        table.add_row(*_listed(row))
    console.print(table if found else f"no fraction is kept in {database(rig)}")
    for stray in apart:
        console.print(f"of no fraction, {stamp(stray['wall_s'])[:16]}: {stray['words']}", markup=False)
    return Exit.AS_INTENDED


def _listed(row: dict[str, Any]) -> tuple[str, ...]:
    """Few columns, so that an id stands whole in 80 characters; the rest is for kerma records show."""
    mark = "SIMULATED " if row["simulated"] else ""
    return (
        row["id"],
        stamp(row["started_wall_s"])[:16],
        f"{row['patient_id']} {row['lesion_id']} {row['fraction']}/{row['fractions']}",
        f"{row['delivered_rx_mgy'] / 1000:.3f} of {row['rx_mgy'] / 1000:.3f} Gy",
        f"{mark}{row['status']}{' flagged' if row['flagged'] else ''}, {row['quality']}",
    )


def show(config: Path | None, name: str, as_json: bool) -> Exit:
    """Print one fraction with every exposure that was started for it, and whether the journal behind it is whole."""
    rig = rig_of(config)
    try:
        found = fractions.show(database(rig), name, rig.records / fractions.JOURNAL_NAME)
    except StoreError as error:
        raise ConfigurationError(f"{error}; first: take an id from kerma records list") from error
    if as_json:
        print(json.dumps(found))
        return Exit.AS_INTENDED
    console = PlainConsole()
    console.print(screen.banner(bool(found["simulated"]), rig.name), markup=False)
    facts = Table(show_header=False, show_edge=False)
    for key, value in found.items():
        if not isinstance(value, list | dict):
            facts.add_row(key, stamp(value) if key.endswith("_wall_s") else words(value))
    journal = found["journal"]
    facts.add_row(
        "journal", f"{journal['records']} records, whole" if journal["whole"] else f"NOT WHOLE: {journal['words']}"
    )
    console.print(facts)
    table = Table(title="exposures, doses in D0", title_justify="left")
    table.add_column("token")
    for exposure in found["exposures"]:
        table.add_column(words(exposure["token"]), justify="right")
    for name in EXPOSURE_ROWS:
        table.add_row(name, *(words(exposure[name]) for exposure in found["exposures"]))
    console.print(table)
    for exposure in found["exposures"]:
        if exposure["words"]:
            console.print(f"exposure {exposure['token']}: {exposure['words']}", markup=False, highlight=False)
    for line in wire_lines(found):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return Exit.AS_INTENDED


def wire_lines(found: dict[str, Any]) -> list[str]:
    """How the wires fared in each exposure, and where the frames around its trips are."""
    told = [
        f"wires of exposure {one['token']} {'when ' + one['rule'] + ' tripped' if one['rule'] else 'at its end'}: {link}"
        for one in found["links"]
        for link in one["words"].split(LINKS_APART)
    ]
    for one in found["wires"]:
        look = f"; kerma records wire {one['token']} shows them" if one["name"] else ""
        told.append(f"frames around {one['rule']} of exposure {one['token']}: {one['words']}{look}")
    return told


def wire(config: Path | None, token: int, as_json: bool) -> Exit:
    """Print the frames kept around the trips of one exposure; UNFIT when a file is not the one that the journal sealed, or is gone."""
    rig = rig_of(config)
    try:
        found = fractions.wires(database(rig), token)
    except StoreError as error:
        raise ConfigurationError(f"{error}; first: take a token from kerma records show") from error
    if not found:
        raise ConfigurationError(f"no frames are kept of token {token}; first: take a token from kerma records show")
    code = Exit.AS_INTENDED
    for one in found:
        path = rig.records / wires.FOLDER_NAME / one["name"]
        try:
            kept, changed = wires.read(path, bytes.fromhex(one["sha256"])) if one["name"] else (None, one["words"])
        except (OSError, msgspec.DecodeError) as error:
            kept, changed = None, f"{path}: cannot be read ({error})"
        if changed:
            print(f"NOT AS IT WAS KEPT: {changed}", file=sys.stderr)
            code = Exit.UNFIT
        if kept is not None:
            asked = room.Asked(False, "", None, as_json)
            printer = room.Printer(asked, kept.simulated, kept.rig, kept.wall_less_mono_s)
            at = room.clock_words(kept.trip_ns / 1e9 + kept.wall_less_mono_s)
            printer.begin(f"token {kept.token}, {kept.rule} at {at} UTC, {one['words']}")
            printer.frames(kept.frames, room.in_words(kept.generator_driver, kept.safety_unit_driver), kept.instance)
    return code
