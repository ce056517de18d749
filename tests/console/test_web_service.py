"""What the Service page reads: the ring of the running process, faults with their last seconds, interlocks, configuration, a bundle without patients."""

from __future__ import annotations

import asyncio
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from access_by_hand import ClerkByHand
from asgi_by_hand import PORT, headers, http
from desk_by_hand import EXAMPLES
from kept_by_hand import ORDER, TICK, KeptByHand

from console import configuration
from console.access import table
from console.access.table import Situation
from console.places import Places
from console.web.doors import Doors
from console.web.people import Demonstration, Person, Typed
from console.web.serve import application, assembled
from console.web.service_bundle import REMOVED, bundle
from console.web.service_read import Service, running_of
from console.web.service_ring import Following
from console.web.unread import NotThereError
from controller.entries import EntryType, Event, LatchCleared, LatchSet, Outcome
from controller.ring import Ring, TickRow, pack_tick
from controller.states import Event as Happened
from controller.states import State
from hal.clock import SystemClock
from interlocks.rules import TABLE
from interlocks.words import Clears, Trip
from records.forms import Ticks, pack_row
from records.journal import Kind

STATES = list(State)
PLANTED = (
    "Zebulon Quist",
    "PAT-7741-X",
    "1931-02-29",
    "left nostril of Quist",
    "RX-QUIST-9",
    "widow of Zebulon",
    "=Quist+1",
    "COURSE-4417",
    "NAEVUS-88",
)


def put(ring: Ring, at_s: float, **changed: Any) -> None:
    row = msgspec.structs.replace(TICK, **changed)
    state, event, command, *rest = msgspec.structs.astuple(row)
    ring.put_tick(int(at_s * 1e9), state, event, command, *rest)


def placed(tmp_path: Path, name: str) -> Places:
    """A process of this name was started last."""
    where = Places(tmp_path / "shm", tmp_path / "desk.sock", tmp_path / "stop.sock")
    where.instance.write_text(f"{name}\n")
    return where


def test_the_ring_is_followed_at_20_hz_with_the_worst_lateness(tmp_path: Path) -> None:
    """3 s at 100 Hz: some 60 rows, in one a lateness that only one tick had; the rate is that of the dose; then another process begins."""
    where = placed(tmp_path, "one")
    following = Following(where, SystemClock())
    assert "first: start kerma run" in following.traces(0)["words"]
    ring = Ring.create(str(where.shm / "one"), 100.0)
    for n in range(300):
        put(
            ring,
            10.0 + n * 0.01,
            token=7,
            delivered_mgy=0.55 * n,
            lateness_us=900.0 if n == 151 else 3.0,
            kv=-1.0 if n > 250 else 69.5,
        )
    found = following.traces(0)
    assert found["instance"] == "one" and not found["words"] and 58 <= len(found["rows"]) <= 60
    assert [row[8] for row in found["rows"]].count(900.0) == 1
    assert found["rows"][-1][7] == pytest.approx(55.0, rel=0.01) and found["rows"][-1][3] is None
    assert following.traces(found["rows"][-1][0])["rows"] == []
    assert len(following.whole()[1]) == 300
    ring.close()
    assert "has ended" in following.traces(0)["words"]
    other = Ring.create(str(where.shm / "two"), 100.0)
    where.instance.write_text("two\n")
    put(other, 20.0, state=STATES.index(State.FAULT))
    put(other, 20.1)
    found = following.traces(0)
    assert found["instance"] == "two" and [row[2] for row in found["rows"]] == ["FAULT"]
    other.close()


def service(records: Path, tmp_path: Path) -> Service:
    rig = replace(configuration.load(EXAMPLES / "rig.toml", 0), records=records, places=placed(tmp_path, "i1"))
    return Service(rig, SystemClock())


def ticks(kept: KeptByHand, *rows: tuple[float, TickRow]) -> None:
    packed = b""
    for at_s, row in rows:
        kept.seq += 1
        packed += pack_row(kept.seq, int(at_s * 1e9), EntryType.TICK, pack_tick(row))
    kept.append(Kind.TICKS, Ticks("i1", packed))


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    """A fraction with planted names that tripped on the door, a latch that somebody cleared with a reason, and ticks in which a rule opened."""
    kept = KeptByHand(tmp_path / "records")
    order = msgspec.structs.replace(
        ORDER,
        patient_id=PLANTED[1],
        patient_id_2=PLANTED[2],
        site=PLANTED[3],
        course_id=PLANTED[7],
        lesion_id=PLANTED[8],
        prescription_id=PLANTED[4],
        approved_by=(PLANTED[0],),
    )
    kept.start(order, reason=PLANTED[5], operator="op")
    door = next(place for place, row in enumerate(TABLE) if row.id == "door")
    closed = msgspec.structs.replace(TICK, not_true=0)
    opened = msgspec.structs.replace(TICK, not_true=1 << door, kv=0.0)
    kept.seq = 5_000_000
    ticks(kept, *((0.01 * n, closed) for n in range(500)), *((5.0 + 0.01 * n, opened) for n in range(20)))
    kept.note(
        EntryType.EVENT,
        Event("IRRADIATING", Happened.TRIP_STOP.name, "STOPPING", "door", "the door is open; first: close it"),
    )
    kept.end(30.0, Outcome.INTERRUPTED)
    kept.note(
        EntryType.LATCH_SET, LatchSet("stuck_on", Trip.TRIP_FAULT, Clears.BY_SERVICE, "the beam stayed on", kept.wall_s)
    )
    kept.note(EntryType.LATCH_CLEARED, LatchCleared("stuck_on", "service", PLANTED[0], PLANTED[5], kept.wall_s))
    kept.note(EntryType.EVENT, Event("INTERRUPTED", "CLOSE", "TERMINATED", "", f"closed: {PLANTED[6]} {PLANTED[0]}"))
    return kept


def test_a_fault_with_its_cause_what_to_do_and_the_seconds_before(kept: KeptByHand, tmp_path: Path) -> None:
    found = service(kept.done(), tmp_path)
    page = found.faults(0)
    trip = next(row for row in page["faults"] if row["kind"] == "EVENT")
    assert (trip["rule"], trip["cause"], trip["first"]) == ("door", "the door is open", "close it")
    assert {(row["rule"], row["event"]): row["count"] for row in page["sums"]}[("door", "TRIP_STOP")] == 2
    before = found.before(trip["index"])
    assert before["ticks"] >= 500 and before["points"][0][1] == 69.5 and before["points"][-1][1] == 0.0
    with pytest.raises(NotThereError, match="first:"):
        found.before(1)
    history = found.interlocks()
    assert [(row["rule"], row["true"]) for row in history["changes"]] == [("door", False)]
    assert [(row["set"], row["role"]) for row in history["latches"]] == [(False, "service"), (True, "")]
    assert PLANTED[5] not in str(history), "why a person cleared a latch stays in the records"


def test_what_runs_is_held_against_the_file_key_by_key(kept: KeptByHand, tmp_path: Path) -> None:
    """One key differs: it is named with both values; the key of the site is never read."""
    found = service(kept.done(), tmp_path)
    folder = found.rig.places.shm / "i1"
    folder.mkdir(parents=True)
    document: dict[str, Any] = msgspec.msgpack.decode(
        msgspec.msgpack.encode(msgspec.structs.replace(running_of(found.rig), tick_hz=50.0))
    )
    (folder / "blob").write_bytes(msgspec.msgpack.encode(document | {"site_key": b"SECRET-OF-THE-SITE"}))
    shown = found.configuration("i1")
    assert [(row["key"], row["values"][:2]) for row in shown["rows"] if not row["same"]] == [("tick_hz", ["100", "50"])]
    assert any("no configuration" in words or "ends at record" in words for words in shown["words"]), (
        "and what is not there is said"
    )
    assert "first: start kerma run" in str(found.configuration("")["words"])
    assert "SECRET" not in str(shown) and "site_key" not in str(shown)


def test_what_is_due_and_what_the_machine_has_done(kept: KeptByHand, tmp_path: Path) -> None:
    found = service(kept.done(), tmp_path)
    counted, due = found.counters(), found.due()
    assert [(row["purpose"], row["exposures"], row["beam_s"]) for row in counted["purposes"]] == [("TREAT", 1, 30.0)]
    assert counted["parts"]["tube"] == "SIM-TUBE-0001" and counted["processes"] == 1
    assert due["day"]["waived"] and {row["state"] for row in due["tests"]} == {"NEVER"}


def test_no_planted_name_is_in_any_file_of_the_bundle(kept: KeptByHand, tmp_path: Path) -> None:
    """Names, a birth date, ids, a site, an order's number and reasons, planted wherever a record or a log holds words."""
    records = kept.done()
    of = f"{PLANTED[1]}, {PLANTED[7]}, {PLANTED[8]}"
    (records / "recorder.log").write_text(f"fraction {kept.began.fraction_tag:016x} of {of}: {PLANTED[3]}\n")
    (records / "console.jsonl").write_text(PLANTED[0])
    found = service(records, tmp_path)
    ring = Ring.create(str(found.rig.places.shm / "i1"), 100.0)
    put(ring, 1.0)
    packed = zipfile.ZipFile(io.BytesIO(bundle(found, Following(found.rig.places, SystemClock()), True)))
    ring.close()
    said = {name: packed.read(name).decode() for name in packed.namelist()}
    assert {"README.txt", "faults.csv", "ticks.csv", "configuration.json", "maintenance.csv", "recorder.log"} <= set(
        said
    )
    assert (
        "the door is open" in said["faults.csv"]
        and "IRRADIATING" in said["ticks.csv"]
        and "SIMULATED" in said["README.txt"]
    )
    assert REMOVED in said["recorder.log"]
    for name, text in said.items():
        for planted in (*PLANTED, "Quist", "Zebulon", f"{kept.began.fraction_tag:016x}"):
            assert planted.lower() not in text.lower(), (name, planted)


class Somebody(Demonstration):
    """A demonstration whose person has a role that a test gives, judged by the table itself."""

    role = "operator"

    def who(self, cookie: str, beam: bool, /) -> Person | None:
        person = super().who(cookie, beam)
        return None if person is None else Person(person.name, self.role, person.locked)

    def may(self, role: str, command: str, where: Situation, /) -> bool:
        return table.may(role, command, where)


def test_only_who_may_and_only_a_simulated_room(kept: KeptByHand, tmp_path: Path) -> None:
    """Nothing without a login; the room needs a token, and is refused where the rig has none that is simulated."""
    rig = replace(
        configuration.load(EXAMPLES / "rig.toml", 0), records=kept.done(), places=placed(tmp_path, "i1"), control=None
    )
    access = Somebody(SystemClock())
    app = Doors(
        application(assembled(rig, tmp_path, access, ClerkByHand(), SystemClock())), PORT, PORT + 1, lambda: True
    )

    async def story() -> None:
        paths = (
            "traces",
            "wire",
            "faults",
            "before?index=1",
            "interlocks",
            "due",
            "counters",
            "configuration",
            "ticks.csv",
            "bundle.zip",
        )
        for path in paths:
            assert (await http(app, f"/api/service/{path}", b"", headers(), "GET"))[0] == 401, path
        cookie = access.enter(Typed("demonstration", access.code, "here")).cookie
        given = headers(cookie=f"kerma={cookie}")
        for path in paths:
            status, said, _ = await http(app, f"/api/service/{path}", b"", given, "GET")
            wanted = {"before?index=1": 404, "bundle.zip": 403}.get(path, 200)
            assert status == wanted and (status == 200 or said["words"]), (path, said)
        access.role = "physicist"
        status, said, answered = await http(app, "/api/service/bundle.zip", b"", given, "GET")
        assert status == 200 and answered["content-type"] == "application/zip"
        assert "attachment" in answered["content-disposition"]
        for body, token, status in (({"do": "list"}, "wrong", 403), ({"do": "pull"}, "", 422)):
            assert (await http(app, "/api/service/room", body, headers(cookie=f"kerma={cookie}", x_kerma_token=token)))[
                0
            ] == status
        _, said, _ = await http(app, "/api/token", {}, given)
        status, said, _ = await http(
            app, "/api/service/room", {"do": "list"}, headers(cookie=f"kerma={cookie}", x_kerma_token=said["token"])
        )
        assert (status, "simulated" in said["words"]) == (409, True)

    asyncio.run(story())
