"""What the treatment page says of the day before the first patient: on a rig that asks for warm-up and check they lock, named in their order."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT, headers, http
from desk_by_hand import EXAMPLES

from calibration.periodic import State
from console import configuration
from console.web.day_page import DayPage
from console.web.doors import Doors
from console.web.people import Demonstration
from console.web.reading import Reading
from console.web.serve import HERE, application, assembled
from console.web.service_read import Service
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


def test_every_test_that_is_not_done_well_is_told_on_the_card_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is soon due or out of tolerance too, as page Service has them; each way of standing has its word."""
    desk = assembled(
        replace(configuration.load(EXAMPLES / "rig.toml", 0), records=tmp_path),
        tmp_path / "orders",
        Demonstration(SystemClock()),
        ClerkByHand(),
        SystemClock(),
    )
    page = DayPage(desk, Reading(desk))
    every = [{"test": state.value, "what": state.value, "state": state.name} for state in State]
    due = page._service.due() | {"tests": every}
    monkeypatch.setattr(Service, "due", lambda _service: due)
    assert [one["state"] for one in page.looked()["tests"]] == [
        state.name for state in State if state is not State.WELL
    ]
    words = json.loads((HERE / "words" / "en.json").read_text(encoding="utf-8"))
    assert {name for name in words if name.startswith("test_")} == {f"test_{state.name}" for state in State}


def test_nobody_is_told_the_day_without_a_login(tmp_path: Path) -> None:
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=tmp_path)
    clock = SystemClock()
    desk = assembled(rig, tmp_path / "orders", Demonstration(clock), ClerkByHand(), clock)
    app = Doors(application(desk), PORT, PORT + 1, lambda: True)
    assert asyncio.run(http(app, "/api/day", b"", headers(), "GET"))[0] == 401
