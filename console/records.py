"""`kerma records`: the fractions kept, as a list and one by one; read only, from the recorder's database.
It changes nothing and decides nothing; what may be resumed is for the records themselves."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from console import configuration, places, screen
from console.configuration import Rig
from console.exit_codes import Exit
from controller.prescribed import Prescribed
from controller.requests import Ended
from hal.errors import ConfigurationError
from records import fractions
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
    if as_json:
        print(json.dumps({"simulated": rig.simulated, "rig": rig.name, "fractions": found}))
        return Exit.AS_INTENDED
    console = Console()
    console.print(screen.banner(rig.simulated, rig.name), markup=False)
    table = Table(show_edge=False)
    for name in ("id", "started", "fraction", "at depth", "status"):
        table.add_column(name, no_wrap=name in ("id", "started"))
    for row in found:
        table.add_row(*_listed(row))
    console.print(table if found else f"no fraction is kept in {database(rig)}")
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
    console = Console()
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
    return Exit.AS_INTENDED


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
