"""What the treatment page says of the day before the first patient: on a rig that asks for warm-up and check they lock, named in their order."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT, headers, http
from desk_by_hand import EXAMPLES
from kept_by_hand import KeptByHand

from calibration.periodic import State
from console import configuration
from console.certificate import checked_of
from console.day.work import bound_of
from console.web import service_read
from console.web.day_page import DayPage
from console.web.doors import Doors
from console.web.people import Demonstration
from console.web.reading import Reading
from console.web.serve import HERE, application, assembled
from console.web.service_read import Service
from hal.clock import Seconds, SystemClock
from records.sheets import FOLDER, TAKEN

AGAINST = "the baseline of D1 is another one"


class Set(SystemClock):
    """A clock that stands at this wall time."""

    def __init__(self, at: str) -> None:
        self._wall_s = Seconds(datetime.fromisoformat(at).timestamp())

    def wall(self) -> Seconds:
        return self._wall_s


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


@pytest.mark.parametrize(
    ("zone", "signed", "day", "now", "against", "expected", "others"),
    [
        ("Australia/Sydney", "2026-11-29T21:30:00+00:00", "2026-11-30", "2026-11-29T22:00:00+00:00", "", "", ()),
        ("America/Los_Angeles", "2026-11-30T00:30:00+00:00", "2026-11-29", "2026-11-30T17:00:00+00:00", "", "no daily check today", ("tube_serial",)),
        ("Europe/Vienna", "2026-11-29T07:00:00+00:00", "2026-11-29", "2026-11-29T08:00:00+00:00", AGAINST, AGAINST, ("tube_serial",)),
        ("Europe/Vienna", "2026-11-29T07:00:00+00:00", "2026-11-29", "2026-11-29T08:00:00+00:00", None, "nobody has taken it yet", ()),
        ("Europe/Vienna", "2026-11-29T07:00:00+00:00", "2026-11-29", "2026-11-29T08:00:00+00:00", "",
         "of another configuration sha256, certificate sha256 than is here now", ("configuration_sha256", "certificate_sha256")),
        ("Europe/Vienna", "2026-11-29T07:00:00+00:00", "2026-11-29", "2026-11-29T08:00:00+00:00", "", "of another tube serial than", ("tube_serial",)),
    ],
    ids=["of today, of yesterday in UTC", "of yesterday, of today in UTC", "the records are against it", "not in the database",
         "another file and certificate", "another tube"],
)  # fmt: skip
def test_the_check_is_of_today_by_its_own_day_and_by_the_records_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, signed: str, day: str, now: str, against: str | None, expected: str,
    others: tuple[str, ...],
) -> None:  # fmt: skip
    """Where the machine stands, and not where UTC does; one that the records took in and that opens nothing is none, and so is one of a rig file, a certificate
    or a tube of before. This sheet is read and no lock would take it; what the lock says is shown with a check that is one (tests/records/test_day.py)."""
    kept = KeptByHand(tmp_path / "records")
    kept.wall_s = Set(signed).wall()
    rig = configuration.load(EXAMPLES / "rig.toml", 0)
    bound = bound_of(rig, checked_of(rig, Set(now).wall()).numbers)
    sheet = kept.day_check(day, 99.0, 21.0, against or "", msgspec.structs.replace(bound, **dict.fromkeys(others, "0")))
    records = kept.done()
    (records / FOLDER).mkdir()
    (records / FOLDER / f"{sheet.sha256}{TAKEN}").write_bytes(msgspec.msgpack.encode(sheet))
    if against is None:
        (records / "records.sqlite").unlink()
    monkeypatch.setattr(service_read, "wrong_signature", lambda *_: "")
    monkeypatch.setattr(service_read, "against", lambda *_: iter(()))
    daily = rig.file.daily.model_copy(update={"waived": False, "time_zone": zone})
    rig = replace(rig, records=records, file=rig.file.model_copy(update={"daily": daily}))
    clock = Set(now)
    desk = assembled(rig, tmp_path / "orders", Demonstration(clock), ClerkByHand(), clock)
    found = DayPage(desk, Reading(desk)).looked()
    assert found["day"]["today"] is (expected == "")
    said = [words for words in found["locks"] if "daily check" in words or "day's check" in words]
    assert [expected in words for words in said] == ([True] if expected else [])


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
