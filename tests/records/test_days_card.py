"""Shows that the page's day card says of warm-up and check what the lock says; the page reads the recorder's own file, so it is played on no other engine."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from day_bench import SITE, DayRig, made
from records_bench import OPENING

from console.web import service_read
from console.web.day_page import DayPage
from console.web.reading import Reading
from controller.entries import EntryType, Stray
from hal.readings import Purpose
from records.day import against, bound_of
from records.warm_up import cold


def _card(rig: DayRig, monkeypatch: pytest.MonkeyPatch, clock: Any) -> DayPage:
    """The page's day card over the bench's records; what is here now is what runs."""
    monkeypatch.setattr(service_read, "signers_of", lambda _rig: SITE.signers)
    numbers = SimpleNamespace(id="C-1", sha256=OPENING.certificate_sha256, expires_wall_s=4e9)
    monkeypatch.setattr(service_read, "checked_of", lambda *_: SimpleNamespace(numbers=numbers))
    monkeypatch.setattr(service_read, "bound_of", lambda *_: bound_of(OPENING))
    here: Any = SimpleNamespace(
        records=rig.folder,
        time_zone="UTC",
        day_check_waived=False,
        file=SimpleNamespace(tube=SimpleNamespace(serial="T-1")),
    )
    desk: Any = SimpleNamespace(rig=here, clock=clock, orders=SimpleNamespace(listed=list))
    return DayPage(desk, Reading(desk))


def test_g22_g29_the_days_card_says_of_warm_up_and_check_what_the_lock_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told both as done where the clock had been set or the computer had started anew, where the warm-up had not ended steady, and where power had been
    lost in beam since the check."""
    rig = made(tmp_path)
    rig.check()
    clock: Any = SimpleNamespace(
        wall=lambda: rig.clock.wall + clock.set_s, monotonic=lambda: rig.clock.now - clock.gone_s, set_s=0.0, gone_s=0.0
    )
    page = _card(rig, monkeypatch, clock)
    found = page.looked()
    assert found["locks"] == [] and found["warm_up"] == "" and found["day"]["today"]
    for set_s, gone_s in ((600.0, 0.0), (-600.0, 0.0), (0.0, rig.clock.now - 5.0)):
        clock.set_s, clock.gone_s = set_s, gone_s
        found, book = page.looked(), rig.recorder.book  # type: ignore[union-attr]
        cold_tube = next(cold(book, 69.5, clock.monotonic(), clock.wall(), ZoneInfo("UTC")))
        no_check = next(against(book, OPENING, SITE, clock.monotonic(), clock.wall()))
        assert found["warm_up"] == cold_tube and "the clock was set, or this computer started anew" in cold_tube
        assert not found["day"]["today"] and found["day"]["words"].endswith(no_check)
        assert found["locks"] == [cold_tube, found["day"]["words"]]
        assert "nobody knows which day it is" in no_check or set_s < 0.0
    clock.set_s = clock.gone_s = 0.0
    assert page.looked()["locks"] == []
    rig.host.put(EntryType.STRAY, Stray("uncommanded", 0, 0, 0.1, 0, 0, 0.0, 1.0, "", "", rig.clock.wall))
    rig.run(0.02)
    (said,) = page.looked()["locks"]
    assert said.endswith(
        "the daily check counts no longer: uncommanded beam was found: make the daily check first (kerma daily)"
    )
    rig.clock.go(5 * 3600.0)
    assert page.looked()["locks"][0].startswith("the tube had no beam for 5.")
    rig.expose(Purpose.WARMUP, 70.0)
    assert page.looked()["locks"][0].startswith("warm-up: its last 3 exposures are not of 10 s")
    rig.close()
