"""What `kerma run` checks and lays out before it becomes the real-time process, and that one rig is run once.
No device is opened and no process but a stand-in recorder is started."""

from __future__ import annotations

import copy
import fcntl
import math
import os
import pty
import stat
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from desk_by_hand import EXAMPLES, dumped

from calibration.accepted import FILE, _sealed
from calibration.certificate import Checked
from calibration.schema import CertificateTable
from console import certificate, configuration, doctor, places, run, sources
from console.access import policy
from console.certificate import accept, certificate_of, checked_of, exchanged
from console.configuration import Rig
from console.limits import narrowed, reaction, unfit
from console.treat import terminal
from console.treat.independent import Beside
from console.treat.plain_words import order
from console.web.fraction import Loaded, Orders
from controller.blob import Blob
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from hal.machine import Capabilities
from hal.rig import make_rig
from records.process import config_of
from records.store import StoreError
from tests.calibration import measured_bench

CLOCK = SystemClock()
UID = os.getuid()


@pytest.fixture
def document(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """The example's rig with every path in a folder of its own and a pseudo-terminal for its generator."""
    master, slave = pty.openpty()
    (tmp_path / "generator").symlink_to(os.ttyname(slave))
    rig = copy.deepcopy(tomllib.loads((EXAMPLES / "rig.toml").read_text()))
    for key in ("file", "signer_public_key"):
        rig["certificate"][key] = str(EXAMPLES / rig["certificate"][key])
    rig["generator"]["link"] = "pty:generator"
    rig["records"]["dir"] = "records"
    rig["paths"] = {"shm": "shm", "desk": "meet/desk.sock", "stop": "meet/stop.sock"}
    yield rig
    os.close(master)
    os.close(slave)


def loaded(tmp_path: Path, document: dict[str, Any]) -> Rig:
    path = tmp_path / "rig.toml"
    path.write_text(dumped(document))
    return configuration.load(path, UID)


def refused(tmp_path: Path, document: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        run.prepared(loaded(tmp_path, document), CLOCK, "i1")
    words = str(caught.value)
    assert "first: " in words, words
    return words


def test_everything_is_handed_over_as_one_document(tmp_path: Path, document: dict[str, Any]) -> None:
    rig = loaded(tmp_path, document)
    start = run.prepared(rig, CLOCK, "abc123")
    for folder in (rig.places.desk.parent, rig.places.shm):
        places.own(folder, UID, 0o755)
    path = run.lay_out(start, UID)
    blob = msgspec.msgpack.decode(path.read_bytes(), type=Blob)
    assert blob == start.blob
    assert (blob.tick_hz, blob.lease_ms, blob.rig.name, blob.rig.simulated, blob.instance) == (
        100.0,
        200,
        "demo",
        True,
        "abc123",
    )
    assert blob.configuration_sha256 == rig.sha256 and blob.certificate.id == "SIM-2025-01"
    assert blob.rig.generator_link == f"pty:{tmp_path / 'generator'}" and blob.rig.turnaround_s == pytest.approx(0.002)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert rig.places.instance.read_text() == "abc123\n" and rig.places.rig_file.read_text() == f"{rig.path}\n"
    with pytest.raises(ConfigurationError, match="cannot be made"):
        run.lay_out(start, UID)


def test_one_rig_is_run_once(tmp_path: Path, document: dict[str, Any]) -> None:
    rig = loaded(tmp_path, document)
    places.own(rig.places.desk.parent, UID, 0o755)
    held = run.take_lock(rig.places)
    assert os.get_inheritable(held), "the lock lives on through execve"
    with pytest.raises(ConfigurationError, match=f"run already by process {os.getpid()}"):
        run.take_lock(rig.places)
    os.close(held)
    os.close(run.take_lock(rig.places))


def test_without_a_file_the_one_rig_that_runs_is_meant(tmp_path: Path) -> None:
    """Of several only the one that runs; none, or two, are refused by name."""
    with pytest.raises(ConfigurationError, match="no rig under"):
        places.the_one(tmp_path)
    rigs = [places.default(name, 1000, tmp_path) for name in ("lab", "room")]
    for rig in rigs:
        rig.stop.parent.mkdir(parents=True)
        rig.stop.touch()
    with pytest.raises(ConfigurationError, match=r"2 rigs: .*lab.*room.*first: "):
        places.the_one(tmp_path)
    held = run.take_lock(rigs[1])
    assert rigs[1].alive and not rigs[0].alive and places.the_one(tmp_path) == rigs[1]
    os.close(held)
    assert not rigs[1].alive


def test_a_link_in_the_locks_place_is_refused_in_words(tmp_path: Path, document: dict[str, Any]) -> None:
    """Anybody's trap or a mistake: no traceback, and nothing at the link's other end is touched."""
    rig = loaded(tmp_path, document)
    places.own(rig.places.desk.parent, UID, 0o755)
    other = tmp_path / "other"
    rig.places.lock.symlink_to(other)
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        run.take_lock(rig.places)
    assert not other.exists()


def test_the_lock_outlives_execve(tmp_path: Path, document: dict[str, Any]) -> None:
    """The very thing that the real-time process stands on: an exec'd image still holds it, its end lets go."""
    rig = loaded(tmp_path, document)
    places.own(rig.places.desk.parent, UID, 0o755)
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        run.take_lock(rig.places)
        os.set_inheritable(told, True)
        os.execv(
            sys.executable,
            [sys.executable, "-c", f"import os, signal; os.write({told}, b'x'); signal.pause()"],
        )
    try:
        assert os.read(ready, 1) == b"x"
        with pytest.raises(ConfigurationError, match=f"process {child}"):
            run.take_lock(rig.places)
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(told)
    os.close(run.take_lock(rig.places))


def test_a_line_that_is_not_there_and_a_line_that_is_no_pseudo_terminal_are_refused(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    link = tmp_path / "generator"
    link.unlink()
    assert "start kerma sim" in refused(tmp_path, document)
    link.symlink_to("/dev/null")
    assert "no pseudo-terminal, although rig.simulated = true" in refused(tmp_path, document)


def test_a_real_rig_whose_line_is_a_pseudo_terminal_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    """However the simulator's line was named: where it leads decides."""
    del document["simulated"]
    document["rig"]["simulated"] = False
    document["generator"]["link"] = "tty:generator"
    document["safety_unit"] |= {"link": "tcp:192.168.1.5:502", "site_key_file": "site.key"}
    assert "a pseudo-terminal, although rig.simulated = false" in refused(tmp_path, document)


def test_g23_a_certificate_of_a_simulated_tube_serves_no_real_rig(tmp_path: Path, document: dict[str, Any]) -> None:
    del document["simulated"]
    document["rig"]["simulated"] = False
    document["generator"]["link"] = "tty:/dev/null"
    document["safety_unit"] |= {"link": "tcp:192.168.1.5:502", "site_key_file": "site.key"}
    rig = loaded(tmp_path, document)
    with pytest.raises(ConfigurationError, match=r"simulated = true: does not fit rig\.simulated = false"):
        certificate_of(rig, CLOCK.wall())


def other_there(monkeypatch: pytest.MonkeyPatch, checked: Checked) -> None:
    """Another certificate lies in the place of this one."""
    other = msgspec.structs.replace(checked.numbers, id="CAL-2", sha256=b"\xab" * 32)
    monkeypatch.setattr(certificate, "certificate_in_force", lambda *_, **__: replace(checked, numbers=other))


def test_what_was_loaded_with_another_certificate_than_lies_there_now_says_which_is_which(
    tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the page and the terminal, right before they confirm; and one that cannot be read any more is none."""
    rig = loaded(tmp_path, document)
    checked = checked_of(rig, CLOCK.wall())
    orders = Orders(rig, tmp_path, CLOCK)
    at_page = Loaded(order(EXAMPLES / "short.toml"), checked.numbers, Beside(), False, None)
    assert exchanged(rig, checked.numbers, CLOCK.wall()) == orders.exchanged(at_page) == ""
    other_there(monkeypatch, checked)
    words = exchanged(rig, checked.numbers, CLOCK.wall())
    was = f"SIM-2025-01 ({checked.sha256.hex()[:16]})"
    assert (
        f"CAL-2 (abababababababab) lies here now, and this order was loaded with {was}; first: unload, start" in words
    )
    assert orders.exchanged(at_page) == words
    monkeypatch.undo()
    assert "first: " in exchanged(rig, checked.numbers, checked.numbers.expires_wall_s + 1.0)


def test_the_terminal_looks_at_the_certificate_once_more_right_before_it_confirms(
    tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A certificate laid there while the offer is read: the process that made the offer does not know it."""
    rig = loaded(tmp_path, document)
    wanted = terminal.prepared(terminal.Asked(EXAMPLES / "short.toml", rig.path, operator="olga", yes=True), rig, CLOCK)
    assert wanted.allowed() == ""
    other_there(monkeypatch, checked_of(rig, CLOCK.wall()))
    assert "CAL-2 (abababababababab) lies here now" in wanted.allowed()


@pytest.mark.parametrize(("stated", "treats"), [(sources.digest(), True), ("ab" * 32, False), ("", True)])
def test_g28_on_a_real_rig_no_other_sources_than_its_physicist_signed_for(
    tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, stated: str, treats: bool
) -> None:
    """Hazard G28: a measured certificate always states them (calibration/schema.py); one that states none is a simulated plant's."""
    checked = checked_of(loaded(tmp_path, document), CLOCK.wall())
    table = checked.table.model_copy(update={"simulated": False, "software_sha256": stated})
    monkeypatch.setattr(certificate, "certificate_in_force", lambda *_, **__: replace(checked, table=table))
    del document["simulated"]
    document["rig"]["simulated"] = False
    document["generator"]["link"] = "tty:/dev/null"
    document["safety_unit"] |= {"link": "tcp:192.168.1.5:502", "site_key_file": "site.key"}
    rig = loaded(tmp_path, document)
    if treats:
        assert certificate_of(rig, CLOCK.wall()) == checked.numbers
        return
    with pytest.raises(
        ConfigurationError, match=r"software_sha256 = .abababababababab\.\.\..*first: have the physicist review"
    ):
        certificate_of(rig, CLOCK.wall())


def test_g24_an_older_certificate_than_was_accepted_starts_nothing(tmp_path: Path, document: dict[str, Any]) -> None:
    """Hazard G24: with a later version pinned beside the records, the version before it is refused, with what to do."""
    rig = loaded(tmp_path, document)
    assert accept(rig, CLOCK.wall()) is False, "a simulated plant's own word is not pinned"
    folder = rig.records / "certificates"
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(_sealed({"SIM-TUBE-0001": {"version": 2, "id": "CAL-2", "sha256": "00" * 32}}))
    for refuses in (certificate_of, accept):
        with pytest.raises(
            ConfigurationError, match=r"version = 1: is older than version 2 \(CAL-2\).*first: use that one"
        ):
            refuses(rig, CLOCK.wall())


def test_g24_the_records_remember_what_a_folder_put_back_has_forgotten(
    tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard G24: pins and copies of an older day know only the older certificate; the last treatment was with the newer one."""
    checked = checked_of(loaded(tmp_path, document), CLOCK.wall())
    real = replace(checked, table=checked.table.model_copy(update={"basis": "measured"}))
    del document["simulated"]
    document["rig"]["simulated"] = False
    document["generator"]["link"] = "tty:/dev/null"
    document["safety_unit"] |= {"link": "tcp:192.168.1.5:502", "site_key_file": "site.key"}
    rig = loaded(tmp_path, document)
    rows: list[dict[str, str]] = []
    monkeypatch.setattr(certificate.fractions, "list_fractions", lambda _database: rows)
    assert certificate.forgotten(rig, real) == "", "nothing was treated yet"
    rows += [
        {"purpose": "CALIBRATE", "certificate_sha256": "11" * 32, "certificate_id": "PLATE"},
        {"purpose": "TREAT", "certificate_sha256": "ab" * 32, "certificate_id": "CAL-2"},
        {"purpose": "TREAT", "certificate_sha256": checked.sha256.hex(), "certificate_id": "CAL-1"},
    ]
    assert (
        "does not know certificate CAL-2 (abababababababab), which treated by these records"
        in certificate.forgotten(rig, real)
    )
    monkeypatch.setattr(certificate, "checked_of", lambda *_: real)
    with pytest.raises(ConfigurationError, match="put the folder back as it was with these records"):
        accept(rig, CLOCK.wall())
    folder = rig.records / "certificates"
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(_sealed({real.table.tube_serial: {"version": 2, "id": "CAL-2", "sha256": "ab" * 32}}))
    assert certificate.forgotten(rig, real) == "", "the pin knows it, and refuses an older one itself"
    rows[1]["certificate_sha256"] = checked.sha256.hex()
    (folder / FILE).unlink()
    assert certificate.forgotten(rig, real) == "", "no other certificate has treated than the one in force"
    rows.append({"purpose": "DAILY", "certificate_sha256": "ef" * 32, "certificate_id": "CAL-0"})
    said = certificate.forgotten(rig, real)
    assert "does not know certificate CAL-0 (efefefefefefefef)" in said, "not the last one alone"
    rows.pop()
    rows[1]["certificate_sha256"] = "cd" * 32
    copy = Path(checked.path).read_bytes()
    (folder / "SIM-TUBE-0001-000001.toml").write_bytes(copy)
    assert "CAL-2" in certificate.forgotten(rig, real)


def test_a2_g24_readings_of_before_the_tube_was_built_in_are_none_of_it_whoever_signs_them_again(
    tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazards A2 and G24: tube A was measured, B was built in and A again; A's old readings, signed anew, are a certificate of which the records know
    nothing. One that was accepted is the records' own to judge, and goes on being read; a name plate has no readings."""
    plant = checked_of(loaded(tmp_path, document), CLOCK.wall())
    rig = loaded(tmp_path, document)
    table = CertificateTable.model_validate(measured_bench.document())
    again = replace(plant, table=table)
    first_s = measured_bench.AT.timestamp()
    fitted = [0.0]
    monkeypatch.setattr(certificate.fractions, "fitted_at_s", lambda _database: fitted[0])
    monkeypatch.setattr(certificate, "checked_of", lambda *_: again)
    words = (
        r"CAL-1 has readings of 2026-06-01T12:00:00Z, and by the records a tube was built in at 2026-06-01T12:00:01Z"
        r".*first: measure this tube anew"
    )
    for built_in_s, refused in ((0.0, False), (first_s, False), (first_s + 1.0, True)):
        fitted[0] = built_in_s
        assert bool(certificate.of_before(rig, again)) is refused, built_in_s
    with pytest.raises(ConfigurationError, match=words):
        accept(rig, CLOCK.wall())
    assert not (rig.records / "certificates").exists(), "nothing is pinned"
    (c,) = table.combinations
    carried = c.model_copy(update={"measured": measured_bench.measured(readings=_later(3600.0))})
    both = replace(plant, table=table.model_copy(update={"combinations": [carried, c]}))
    assert certificate.of_before(rig, both) != "", "one combination that was carried over is enough"
    alone = replace(plant, table=table.model_copy(update={"combinations": [carried]}))
    assert certificate.of_before(rig, alone) == "", "measured since"
    assert certificate.of_before(rig, plant) == "", "a plant's own word has no readings"
    folder = rig.records / "certificates"
    folder.mkdir(parents=True)
    pin = {"version": 1, "id": "CAL-1", "sha256": again.sha256.hex()}
    (folder / FILE).write_bytes(_sealed({table.tube_serial: pin}))
    assert certificate.of_before(rig, again) == "", "accepted before: whether it counts, the records say"

    (folder / FILE).unlink()
    serial, fitted[0] = table.tube_serial, 0.0
    for last, refused in (("", False), (serial, False), ("TUBE-OF-BEFORE", True)):
        monkeypatch.setattr(certificate.fractions, "last_tube", lambda _journal, last=last: last)
        said = certificate.of_before(rig, again)
        assert bool(said) is refused, (last, said)
    assert f"CAL-1 is of tube {serial}, and by the records the last start was with tube TUBE-OF-BEFORE" in said
    with pytest.raises(
        ConfigurationError, match=r"is built in only now: .* from a provisional certificate on, and sign that"
    ):
        accept(rig, CLOCK.wall())
    assert not (folder / FILE).exists() and not [*folder.glob("*.toml")], (
        "nothing is pinned at the very first start with it"
    )
    assert certificate.of_before(rig, plant) == "", "and a provisional one starts, which names the tube to the records"
    (folder / FILE).write_bytes(_sealed({table.tube_serial: pin}))
    assert certificate.of_before(rig, again) == "", "accepted before, as above"

    def damaged(_database: Path) -> float:
        raise StoreError("the database is of a newer program")

    (folder / FILE).unlink()
    monkeypatch.setattr(certificate.fractions, "fitted_at_s", damaged)
    with pytest.raises(ConfigurationError, match="of a newer program; first: look with the program that wrote it"):
        certificate.of_before(rig, again)


def _later(by_s: float) -> list[dict[str, Any]]:
    return [one | {"at": one["at"] + timedelta(seconds=by_s)} for one in measured_bench.READINGS]


@pytest.mark.parametrize(
    ("table", "key", "value", "says"),
    [
        ("generator", "driver", "spellman-xrw", "is not installed"),
        ("safety_unit", "driver", "none", "is not installed"),
        ("tube", "serial", "OTHER-TUBE", "tube_serial"),
        ("safety_unit", "serial", "KU-OTHER", "machine_serial"),
        ("certificate", "file", "none.toml", "none.toml"),
        ("certificate", "signer_public_key", "none.pub", "none.pub"),
        ("limits", "kv_max", 101.0, "widens"),
        ("limits", "time_min_s", 1.0, "widens"),
        ("limits", "kv_min", 99.9, ""),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_starts(
    tmp_path: Path, document: dict[str, Any], table: str, key: str, value: Any, says: str
) -> None:
    document.setdefault(table, {})[key] = value
    if says:
        assert says in refused(tmp_path, document)
    else:
        assert run.prepared(loaded(tmp_path, document), CLOCK, "i").blob.limits.kv_min == value


def test_a_slow_line_may_be_run_but_not_in_clinical_mode(tmp_path: Path, document: dict[str, Any]) -> None:
    """An XRV at 9600 baud reacts slower than T1 (wire arithmetic), so it is bench only, and says which rule is too slow."""
    document["generator"]["baud"] = 9600
    start = run.prepared(loaded(tmp_path, document), CLOCK, "i")
    assert start.notes and all("bound 100 ms" in note for note in start.notes)
    document["rig"]["clinical"] = True
    document["daily"] = {"time_zone": "Europe/Vienna"}
    assert "worst reaction" in refused(tmp_path, document)
    document["generator"]["baud"] = 115200
    document["rig"]["clinical"] = False
    assert run.prepared(loaded(tmp_path, document), CLOCK, "i").notes == ()


@pytest.mark.parametrize(("name", "nothing"), [("fifo_priority", 0), ("lock_memory", False), ("keep_awake", False)])
def test_a_clinical_rig_cannot_leave_out_what_it_needs_of_the_kernel(
    tmp_path: Path, document: dict[str, Any], name: str, nothing: object
) -> None:
    """What is not asked for was not missed, so that such a rig started where the same one, asking, does not; a bench may go without."""
    document["scheduling"] = {name: nothing}
    run.prepared(loaded(tmp_path, document), CLOCK, "i")
    document["rig"]["clinical"] = True
    document["daily"] = {"time_zone": "Europe/Vienna"}
    assert f"scheduling.{name} ask the kernel for nothing although rig.clinical = true" in refused(tmp_path, document)


def test_a_rig_that_could_never_prove_off_or_feed_its_watchdog_is_refused(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """Before anything is opened, with value, bound and what to do first; the same rig a little faster is not."""
    config = run.rig_config(loaded(tmp_path, document))
    xrb80 = msgspec.structs.replace(config, generator_driver="spellman-xrb80", tick_s=0.05)
    assert "550 ms old, bound 500 ms" in "; ".join(unfit(make_rig(xrb80, bytes(16)).capabilities, 0))
    assert unfit(make_rig(msgspec.structs.replace(xrb80, tick_s=0.04), bytes(16)).capabilities, 0) == ()
    wago = msgspec.structs.replace(config, safety_unit_driver="wago-750", tick_s=0.05, safety_unit_link="tcp:[::1]:502")
    assert "300 ms is 6.0 ticks, bound 7 ticks" in "; ".join(unfit(make_rig(wago, bytes(16)).capabilities, 0))
    assert unfit(make_rig(msgspec.structs.replace(wago, tick_s=0.04), bytes(16)).capabilities, 0) == ()
    serial = make_rig(msgspec.structs.replace(config, safety_unit_link="tty:/dev/ttyUSB9", tick_s=0.04), bytes(16))
    assert "asked 25 times a second, bound 35" in "; ".join(unfit(serial.capabilities, 115200))
    faster = msgspec.structs.replace(serial.capabilities, tick_s=0.02)
    assert "has 38400 baud, bound 57600" in "; ".join(unfit(faster, 38400))
    assert unfit(faster, 57600) == unfit(serial.capabilities, 0) == ()
    document["rig"]["tick_hz"] = 20
    document["generator"] |= {"driver": "spellman-xrb80", "baud": 9600}
    assert "rig.tick_hz = 20: the generator's kV may be" in refused(tmp_path, document)


@pytest.mark.parametrize("kind", ["unit", "slow", "monitor", "flags"])
@pytest.mark.parametrize("age_s", [None, 0.0, math.inf, math.nan])
def test_a_reading_whose_age_no_driver_states_is_refused(
    tmp_path: Path, document: dict[str, Any], monkeypatch: pytest.MonkeyPatch, kind: str, age_s: float | None
) -> None:
    """It would count as never old: every bound on age, T1 and the proof of off would be kept by it."""
    whole = run.capabilities_of
    given = {} if age_s is None else {kind: age_s}

    def without(*of: Any) -> Capabilities:
        known = whole(*of)
        rest = {name: old_s for name, old_s in known.worst_age_s.items() if name != kind}
        return msgspec.structs.replace(known, worst_age_s=rest | given)

    monkeypatch.setattr(run, "capabilities_of", without)
    assert f"no driver says how old {kind} may get; first: have it stated" in refused(tmp_path, document)


def test_a_lease_that_its_line_cannot_renew_in_time_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    """It takes a challenge no older than half of it; what to do first is the lease's own key."""
    document["rig"] |= {"tick_hz": 100, "lease_ms": 39}
    said = refused(tmp_path, document)
    assert "rig.lease_ms = 39: renewed each 10 ms, it is at least 40 ms; first: raise it" in said
    document["rig"]["lease_ms"] = 40
    assert run.prepared(loaded(tmp_path, document), CLOCK, "i").blob.lease_ms == 40


def test_a_rig_without_a_wall_is_not_clinical(tmp_path: Path, document: dict[str, Any]) -> None:
    rig = loaded(tmp_path, document)
    capabilities = make_rig(run.rig_config(rig), configuration.site_key(rig)).capabilities
    assert capabilities.clinical() == () and reaction(capabilities, 0.01) == ()
    assert reaction(msgspec.structs.replace(capabilities, off_s=0.09), 0.01)


def test_limits_are_narrowed_by_full_scale_and_file(tmp_path: Path, document: dict[str, Any]) -> None:
    document["limits"] = {"kv_max": 70.0, "rx_max_mgy": 8000}
    limits = narrowed(loaded(tmp_path, document))
    assert (limits.kv_max, limits.ma_max, limits.rx_max_mgy) == (70.0, 5.0, 8000.0)


def test_a_folder_that_another_may_write_is_not_ours(tmp_path: Path) -> None:
    """/dev/shm is open to everybody: a folder or a link that was put there beforehand is refused."""
    folder = tmp_path / "squatted"
    folder.mkdir()
    folder.chmod(0o777)
    for taken in (folder, folder / "below"):
        with pytest.raises(ConfigurationError, match="may be written by others"):
            places.own(taken, UID, 0o755)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    with pytest.raises(ConfigurationError, match="is a link"):
        places.own(link, UID, 0o755)
    with pytest.raises(ConfigurationError, match="belongs to user"):
        places.own(tmp_path / "new", UID + 1, 0o755)


def test_a_recorder_that_ends_at_once_is_said_and_one_that_lives_is_in_a_session_of_its_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(ConfigurationError, match="journal is locked"):
        run.start_recorder((sys.executable, "-c", "import sys; sys.exit('the journal is locked by 77')"), log)
    program = "import threading; threading.Event().wait(20)"
    recorder = run.start_recorder((sys.executable, "-c", program), log)
    try:
        assert os.getsid(recorder.pid) == recorder.pid != os.getsid(0)
    finally:
        recorder.kill()
        recorder.wait(5)


def test_the_sources_hash_changes_with_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = [name for name, _ in sources.files()]
    assert (
        "hal/rig.py" in names
        and "controller/loop.py" in names
        and not [name for name in names if name.startswith(("simulators", "tests"))]
    )
    first = sources.digest()
    assert sources.digest() == first and first[:12] in sources.software_version()
    extra = tmp_path / "x.py"
    extra.write_text("1")
    kept = sources.files()
    monkeypatch.setattr(sources, "files", lambda: (*kept, ("x.py", extra)))
    assert sources.digest() != first


def test_the_environment_has_one_thread_and_a_cache_of_these_sources(tmp_path: Path) -> None:
    made = run.environment(tmp_path)
    assert (made["OPENBLAS_NUM_THREADS"], made["NUMBA_CACHE_DIR"]) == ("1", str(tmp_path))


def test_an_flock_is_what_the_lock_is(tmp_path: Path, document: dict[str, Any]) -> None:
    """A lock file left over by a dead process holds nothing."""
    rig = loaded(tmp_path, document)
    places.own(rig.places.desk.parent, UID, 0o755)
    rig.places.lock.write_text("99999\n")
    fd = run.take_lock(rig.places)
    assert fcntl.fcntl(fd, fcntl.F_GETFD) & fcntl.FD_CLOEXEC == 0
    os.close(fd)


@pytest.mark.parametrize("link", ["tty:/dev/ttyUSB0", "tty:/dev/ttyACM3"])
def test_a_clinical_rig_names_its_lines_by_names_that_stay_theirs(
    tmp_path: Path, document: dict[str, Any], link: str
) -> None:
    """After the next plug such a name may be another device's: refused before anything is opened; doctor says so too."""
    del document["simulated"]
    document["rig"] |= {"simulated": False, "clinical": True}
    document["daily"] = {"time_zone": "Europe/Vienna"}
    document["generator"]["link"] = link
    document["safety_unit"] |= {"link": "tcp:192.0.2.1:502", "site_key_file": "key"}
    words = refused(tmp_path, document)
    assert link in words and "rig.clinical = true" in words and "/dev/serial/by-id" in words
    (line,) = (line for line in doctor.ttys(loaded(tmp_path, document)) if line.what == "generator")
    assert line.level == "bad" and "/dev/serial/by-id" in line.first
    document["rig"]["clinical"] = False
    (line,) = (line for line in doctor.ttys(loaded(tmp_path, document)) if line.what == "generator")
    assert line.level == "warn"
    assert "is not there" in refused(tmp_path, document)


def test_t16_a_simulated_rig_that_calls_itself_clinical_does_not_run(tmp_path: Path, document: dict[str, Any]) -> None:
    """Every device is there, as a program: nobody is treated by it, whatever its file says."""
    document["rig"]["clinical"] = True
    document["daily"] = {"time_zone": "Europe/Vienna"}
    assert "a simulated rig treats nobody" in refused(tmp_path, document)


def test_the_daily_check_is_waived_on_no_real_rig_and_a_clinical_one_says_where_its_days_begin(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """What the recorder is given: the waiver is the simulated rig's alone, and goes where the rig file says so."""
    assert run.prepared(loaded(tmp_path, document), CLOCK, "i").blob.day_check_waived
    document["daily"] = {
        "waived": False,
        "time_zone": "Pacific/Auckland",
        "signers": document["certificate"]["signer_public_key"],
    }
    blob = run.prepared(loaded(tmp_path, document), CLOCK, "i").blob
    assert not blob.day_check_waived and blob.time_zone == "Pacific/Auckland"
    assert blob.day_signers == blob.physicists and all(len(key) == 32 for key in blob.physicists)
    document["daily"] = {"time_zone": "Mars/Olympus"}
    assert "time zone 'Mars/Olympus' is not known" in refused(tmp_path, document)
    document["daily"] = {"waived": True}
    document["rig"]["clinical"] = True
    assert "daily.time_zone is missing although rig.clinical = true" in refused(tmp_path, document)
    del document["simulated"]
    document["rig"] |= {"simulated": False, "clinical": False}
    document["safety_unit"] |= {"link": "tcp:192.0.2.1:502", "site_key_file": "key"}
    document["generator"]["link"] = "tty:/dev/ttyS9"
    assert "daily.waived = true although rig.simulated = false" in refused(tmp_path, document)


def test_the_recorder_is_given_zone_keys_and_the_waiver_of_a_simulated_rig_alone(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    """A document that says waived and not simulated, which no `kerma run` makes, waives nothing."""
    document["daily"] = {"time_zone": "Europe/Vienna"}
    rig = loaded(tmp_path, document)
    start = run.prepared(rig, CLOCK, "i9")
    for folder in (rig.places.desk.parent, rig.places.shm):
        places.own(folder, UID, 0o755)
    path = run.lay_out(start, UID)
    config = config_of(path.parent, rig.records)
    assert (config.time_zone, config.physicists, config.day_check_waived_simulated) == (
        "Europe/Vienna",
        start.blob.physicists,
        True,
    )
    assert config.approvals == ()
    (tmp_path / policy.NAME).write_text('[load]\nclinical = []\nsimulated = ["physicist", "physician"]\n')
    path.write_bytes(msgspec.msgpack.encode(run.prepared(rig, CLOCK, "i9").blob))
    assert config_of(path.parent, rig.records).approvals == policy.BOTH, "the desk asks for what the console asks for"
    (tmp_path / policy.NAME).write_text("[load]\n")
    with pytest.raises(ConfigurationError, match="clinical is missing"):
        run.prepared(rig, CLOCK, "i9")
    real = msgspec.structs.replace(start.blob, rig=msgspec.structs.replace(start.blob.rig, simulated=False))
    path.write_bytes(msgspec.msgpack.encode(real))
    assert not config_of(path.parent, rig.records).day_check_waived_simulated
