"""`kerma records database`, `backup`, `restore`, `mirror`: what people do with the whole of the records, in words.
What is done is in records/; nothing here moves a recorder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from console.exit_codes import Exit
from console.records import database as database_of
from console.records import rig_of
from records.schema import OURS, Place, StoreError, revision_of, said
from records.store import applied_of, engine_for


def looked_at(place: Place) -> dict[str, Any]:
    """One database: its revision, whether this program reads it, up to which journal record it is. `words` say what is wrong, and what to do first."""
    told: dict[str, Any] = {
        "at": str(place),
        "current": "",
        "head": OURS.head,
        "fits": False,
        "applied": 0,
        "words": "",
    }
    if isinstance(place, Path) and not place.exists():
        return told | {"words": "there is none yet; kerma run makes it"}
    engine = engine_for(place, read_only=True)
    try:
        with engine.begin() as connection:
            told["current"] = revision_of(connection, place)
            told["applied"] = applied_of(connection) if told["current"] else 0
    except (StoreError, SQLAlchemyError) as error:
        return told | {"words": str(error) if isinstance(error, StoreError) else f"cannot be read ({said(error)})"}
    finally:
        engine.dispose()
    return told | {"fits": told["current"] == OURS.head, "words": _fitting(told["current"])}


def _fitting(current: str) -> str:
    if not current:
        return "it is empty; who writes it makes the tables"
    if current < OURS.head:
        return f"older than this program ({OURS.head}); who writes it brings it up at its start: kerma run"
    return f"newer than this program ({OURS.head}); use the newer program" if current > OURS.head else ""


def database(config: Path | None, as_json: bool) -> Exit:
    """Print which schema the database has, and whether it is this program's; UNFIT where it is not."""
    found = [looked_at(database_of(rig_of(config)))]
    if as_json:
        print(json.dumps(found))
    else:
        for one in found:
            fit = "fits" if one["fits"] else "DOES NOT FIT"
            print(
                f"{one['at']}: schema {one['current'] or '-'}, this program's {one['head']}: {fit}; up to journal record {one['applied']}"
            )
            if one["words"]:
                print(f"  {one['words']}")
    return Exit.AS_INTENDED if all(one["fits"] for one in found) else Exit.UNFIT
