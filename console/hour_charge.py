"""When the hour has room for an exposure's charge again, by what was asked of the tube under the same purpose within it.
It refuses nothing: the bound is held by the process that irradiates (controller/refusals.py); this reads it forward, so that nobody has to try."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from console.configuration import Rig
from console.kept import database
from console.limits import narrowed
from hal.clock import Clock
from hal.readings import Purpose
from interlocks.limits import ABSOLUTE, MODES, narrow
from records.clearance import HOUR_S
from records.schema import readable
from records.store import FractionRow, SegmentRow, StoreError, engine_for

Waits = Callable[[float], str]
"""How long to wait until so many mAs are possible, in words; empty where they are possible now, or where nobody can tell."""
NO_WAIT: Final = ""


class Given(NamedTuple):
    """One exposure that may have had beam: its end, or START where it has none (s since 1970 UTC), and the charge that was asked for, which counts whole."""

    at_s: float
    mas: float


def possible_at_s(given: Iterable[Given], adds_mas: float, bound_mas: float, now_s: float) -> float | None:
    """From when on the charge is within the bound, if nothing else is exposed; `now_s` where it is now, None where it never is."""
    if not adds_mas <= bound_mas:
        return None
    held, at_s = sorted(one for one in given if now_s - one.at_s < HOUR_S), now_s
    while not math.fsum(one.mas for one in held) + adds_mas <= bound_mas:
        at_s = held.pop(0).at_s + HOUR_S
    return at_s


def wait_words(given: Iterable[Given], adds_mas: float, bound_mas: float, now_s: float) -> str:
    """How long to wait for an exposure of this charge; empty where the hour has room for it, or never has."""
    held = [one for one in given if now_s - one.at_s < HOUR_S]
    at_s = possible_at_s(held, adds_mas, bound_mas, now_s)
    if at_s is None or at_s <= now_s:
        return NO_WAIT
    minutes, seconds = divmod(math.ceil(at_s - now_s), 60)
    return (
        f"this hour was asked for {math.fsum(one.mas for one in held):.1f} mAs already, and {adds_mas:.1f} mAs more are above its {bound_mas:g} mAs: "
        f"first wait {minutes} min {seconds:02d} s, until {datetime.fromtimestamp(math.ceil(at_s), UTC):%H:%M:%S} UTC, then ask for it again"
    )


def given(place: Path, purpose: Purpose, now_s: float) -> list[Given]:
    """What was asked for within the last hour under this purpose. Raises StoreError."""
    if not place.exists():
        return []
    engine = engine_for(place, read_only=True)
    try:
        with Session(engine) as session:
            if not readable(session.connection(), place):
                return []
            at_s = func.coalesce(SegmentRow.ended_wall_s, SegmentRow.started_wall_s)
            query = select(at_s, FractionRow.ma * SegmentRow.set_time_s)
            query = query.join(FractionRow, SegmentRow.fraction_id == FractionRow.id).where(
                FractionRow.purpose == purpose.name,
                SegmentRow.void.is_(False),
                at_s > now_s - HOUR_S,
            )
            return [Given(*row) for row in session.execute(query)]
    except SQLAlchemyError as error:
        raise StoreError(f"{place}: cannot be read ({error})") from error
    finally:
        engine.dispose()


def waits(rig: Rig, purpose: Purpose, clock: Clock, place: Path | None = None) -> Waits:
    """The question for this rig and purpose; `place` where its records lie elsewhere. Raises ConfigurationError: limits that are none."""
    bound_mas, place = narrow(ABSOLUTE, narrowed(rig), MODES[purpose]).mas_hour_max, place or database(rig)

    def words(adds_mas: float) -> str:
        try:
            return wait_words(given(place, purpose, clock.wall()), adds_mas, bound_mas, clock.wall())
        except StoreError:
            return NO_WAIT

    return words
