"""What the console's rooms ask of the fractions kept: which rig, where its database is, what was given and set before; and words for a value and a time.
It reads only and prints nothing; the commands are in records.py."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from console import configuration, places
from console.configuration import Rig
from controller.prescribed import Prescribed
from controller.requests import Ended
from hal.errors import ConfigurationError
from records import fractions
from records.store import StoreError

COURSE: Final = ("patient_id", "course_id", "lesion_id", "prescription_id", "fraction")


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
