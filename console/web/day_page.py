"""The path /api/day: how the day stands before the first patient, from certificate, records and sheets: warm-up, daily check, periodic tests.
It locks nothing: what locks is the records' own word at each load. Of warm-up and check that word is told here too, by both clocks; what is of one order
(its kV and filter, contacts not seen open) is told only there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from pydantic import BaseModel

from calibration.periodic import State
from console.treat.due import Stands, stands
from console.web.api import Desk, told
from console.web.reading import Reading
from console.web.records_read import Kept
from console.web.service_read import Service
from console.web.unread import NotReadError
from hal.errors import ConfigurationError

COMMAND = "orders"
LISTED = (
    "patient_id", "patient_id_2", "course_id", "lesion_id", "site", "laterality", "prescription_id", "fraction", "fractions", "rx_mgy", "sha256",
)  # fmt: skip


class Today(BaseModel):
    """The day: what it says of each part, and what locks treatment with the first thing to do, the first to do first."""

    locks: list[str]
    certificate: dict[str, Any]
    warm_up: str
    day: dict[str, Any]
    tests: list[dict[str, Any]]
    orders: list[dict[str, Any]]
    orders_words: str


class DayPage:
    """Who asks is looked at first, then one bounded read."""

    def __init__(self, desk: Desk, reading: Reading) -> None:
        self._desk, self._reading = desk, reading
        self._service, self._kept = Service(desk.rig, desk.clock), Kept(desk.rig)

    def join(self, app: FastAPI) -> None:
        """Add the path to the application."""
        app.get("/api/day", responses=told(401, 503), tags=["orders"])(self.today)

    async def today(self, request: Request) -> Today:
        """How the day stands before the first patient."""
        self._reading.allowed(request, COMMAND)
        return Today(**await self._reading.turn(self.looked))

    def looked(self) -> dict[str, Any]:
        """What stands now, each part in words; what cannot be read is a lock, not a silence."""
        due, cold = self._service.due(), self._cold()
        waived = bool(due["day"]["waived"])
        tests = [one for one in due["tests"] if one["state"] != State.WELL.name]
        locks = list(_locks(due, "" if waived else cold))
        orders, words = self._orders()
        return {
            "locks": locks, "certificate": due["certificate"], "warm_up": cold, "day": due["day"], "tests": tests, "orders": orders, "orders_words": words,
        }  # fmt: skip

    def _orders(self) -> tuple[list[dict[str, Any]], str]:
        """Today's list: each order that can be read, with how it stands; or the words why nobody knows."""
        orders = [one["order"] for one in self._desk.orders.listed() if one["order"] is not None]
        zone, wall_s = ZoneInfo(self._desk.rig.time_zone), self._desk.clock.wall()
        try:
            rows = self._kept.treated([one["patient_id"] for one in orders])
        except NotReadError as error:
            return [], str(error)
        return [_listed(one, stands(one, rows, wall_s, zone)) for one in orders], ""

    def _cold(self) -> str:
        try:
            return self._service.cold()
        except ConfigurationError as error:
            return str(error)


def _listed(order: dict[str, Any], found: Stands) -> dict[str, Any]:
    return {name: order[name] for name in LISTED} | {
        "mark": found.mark.value,
        "at_s": found.at_s,
        "delivered_rx_mgy": found.delivered_rx_mgy,
    }


def _locks(due: dict[str, Any], cold: str) -> Iterator[str]:
    if due["words"]:
        yield due["words"]
    if cold:
        yield cold
    if not due["day"]["waived"] and not due["day"]["today"]:
        last = due["day"]["last"] or "never"
        yield (
            due["day"]["words"]
            or f"no daily check today, the last one {last}; make it first (page Service, Procedures, or kerma daily)"
        )
