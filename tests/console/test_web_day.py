"""What the treatment page says of the day before the first patient: on a rig that asks for warm-up and check they lock, named in their order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT, headers, http
from desk_by_hand import EXAMPLES

from console import configuration
from console.web.day_page import DayPage
from console.web.doors import Doors
from console.web.people import Demonstration
from console.web.reading import Reading
from console.web.serve import application, assembled
from hal.clock import SystemClock


@pytest.mark.parametrize("waived", [False, True])
def test_the_day_says_what_locks_with_the_first_thing_first(tmp_path: Path, waived: bool) -> None:
    """Nothing was ever done here: the tube is cold and nobody made the check. Where a simulated rig waives the day, nothing locks."""
    rig = configuration.load(EXAMPLES / "rig.toml", 0)
    daily = rig.file.daily.model_copy(update={"waived": waived})
    rig = replace(rig, records=tmp_path, file=rig.file.model_copy(update={"daily": daily}))
    clock = SystemClock()
    desk = assembled(rig, tmp_path / "orders", Demonstration(clock), ClerkByHand(), clock)
    found = DayPage(desk, Reading(desk)).looked()
    assert found["day"]["waived"] is waived
    assert ["kerma warm-up" in words for words in found["locks"]] == ([] if waived else [True, False])
    assert ["kerma daily" in words for words in found["locks"]] == ([] if waived else [False, True])
    assert found["certificate"]["id"]


def test_nobody_is_told_the_day_without_a_login(tmp_path: Path) -> None:
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=tmp_path)
    clock = SystemClock()
    desk = assembled(rig, tmp_path / "orders", Demonstration(clock), ClerkByHand(), clock)
    app = Doors(application(desk), PORT, PORT + 1, lambda: True)
    assert asyncio.run(http(app, "/api/day", b"", headers(), "GET"))[0] == 401
