"""`kerma records`: the fractions kept, as a list and one by one; read only, from the recorder's database.
It changes nothing and decides nothing; what may be resumed is for the records themselves."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from console import configuration, places, screen
from console import wire as room
from console.configuration import Rig
from console.exit_codes import Exit
from console.treat.plain_words import PlainConsole
from controller.entries import LINKS_APART
from controller.prescribed import Prescribed
from controller.requests import Ended
from hal.errors import ConfigurationError
from records import fractions, wires
from records.store import StoreError

EXPOSURE_ROWS = (
    "segment", "outcome", "event", "rule", "cause", "d1_mgy", "d2_mgy", "dt_mgy", "dm_mgy", "delivered_mgy",
    "low_mgy", "high_mgy", "quality", "beam_s", "counts_1", "counts_2", "kv_mean", "ma_mean", "recovered", "operator",
)  # fmt: skip
"""What is shown of each exposure, one row each: a fraction has few exposures."""
COURSE = ("patient_id", "course_id", "lesion_id", "prescription_id", "fraction")


def database(rig: Rig) -> Path:
    """Where the recorder keeps what people look at."""
    return rig.records / fractions.DATABASE_NAME


def rig_of(config: Path | None) -> Rig:
    """The rig of this file, or the only rig of this machine by the file that it was started with. Raises ConfigurationError."""
    if config is None:
        named = places.the_one().rig_file
        try:
            config = Path(named.read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ConfigurationError(
                f"{named}: cannot be read ({error.strerror}); first: say which rig with --config RIG.toml"
            ) from error
    return configuration.load(config, os.getuid())


def rows(rig: Rig) -> list[dict[str, Any]]:
    """Every fraction kept, the newest first. Raises ConfigurationError where the database cannot be read."""
    try:
        return fractions.list_fractions(database(rig))
    except StoreError as error:
        raise ConfigurationError(f"{error}; first: look with the program that wrote it") from error


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


def words(value: object) -> str:
    """A value of a record for people; what is not known is a dash."""
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def stamp(wall_s: object) -> str:
    """Wall time for people, UTC."""
    return (
        datetime.fromtimestamp(float(wall_s), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        if isinstance(wall_s, int | float)
        else "-"
    )


def record_words(rig: Rig, ended: Ended | None) -> str:
    """Where the record of this end lies."""
    if ended is None:
        return f"{rig.records}"
    return f"kerma records show {ended.fraction_tag:016x} --config {rig.path} ({database(rig)})"


def first_set_time_s(rig: Rig, prescribed: Prescribed) -> float | None:
    """The timer setting of the earliest fraction before this one of this prescription in this version, as it was first started: fraction 1, or where a new
    version began later, its first. None where these records have none."""
    wanted = tuple(getattr(prescribed, name) for name in COURSE[:-1])
    found = [
        row
        for row in rows(rig)
        if tuple(row[name] for name in COURSE[:-1]) == wanted
        and row["fraction"] < prescribed.fraction
        and row["prescription_version"] == prescribed.version
        and row["purpose"] == prescribed.purpose.name
    ]
    for row in sorted(found, key=lambda row: (int(row["fraction"]), -found.index(row))):
        starts = [
            one["set_time_s"] for one in fractions.show(database(rig), row["id"])["exposures"] if not one["provisional"]
        ]
        if starts:
            return float(starts[0])
    return None


def given_d0_mgy(rig: Rig, prescribed: Prescribed) -> float | None:
    """What the records say was given of this open fraction (D0): delivered while it is GOOD, else the high bound; None where they say nothing."""
    wanted = (
        prescribed.patient_id,
        prescribed.course_id,
        prescribed.lesion_id,
        prescribed.prescription_id,
        prescribed.fraction,
    )
    found = [row for row in rows(rig) if not row["closed"] and tuple(row[name] for name in COURSE) == wanted]
    if len(found) != 1:
        return None
    return float(found[0]["delivered_mgy"] if found[0]["quality"] == "GOOD" else found[0]["high_mgy"])
