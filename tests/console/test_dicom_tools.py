"""Against tools that are not ours: every kind of instance passes dciodvfy without an error, and what is sent arrives at storescp, once, whatever dies.
`make test-dicom` installs them and plays this; without them it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from desk_by_hand import EXAMPLES, dumped
from kept_by_hand import ORDER, KeptByHand
from pydicom import dcmread

from console import configuration
from console.configuration import Rig
from console.dicom.commands import fill, instances, write
from console.dicom.common import as_file
from console.dicom.outbox import Outbox, Sent, State
from console.dicom.send import Receiver, Sender, answered, receiver
from console.exit_codes import Exit
from console.reports.beside import Beside
from console.reports.codes import load_codes
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.treat.chart_hand import Chart
from console.treat.particulars import Statement
from controller.entries import Outcome
from controller.prescribed import Quality
from hal.errors import ConfigurationError
from hal.readings import Cause, Termination
from verification.dicom_peer import StoreScp, judged

pytestmark = [pytest.mark.dicom, pytest.mark.timeout(240)]
SITE = Site("demo", "UTC", load_codes())
NOW = 1_795_000_000.0
EVIL = "Jürgen ^Łukasz=李\\ <&>"


def whole(kept: KeptByHand) -> None:
    kept.golden()


def monitor(kept: KeptByHand) -> None:
    kept.start(termination=Termination.MONITOR)
    kept.end(155.36)


def recovered(kept: KeptByHand) -> None:
    kept.start()
    kept.end(
        20.0,
        Outcome.INTERRUPTED,
        event="RECOVERED",
        unit_cause=Cause.LEASE,
        kv_max=0.0,
        dm_mgy=float("nan"),
        quality=Quality.UNKNOWN,
    )
    kept.close()


def nothing_given(kept: KeptByHand) -> None:
    kept.start()
    kept.end(0.15, Outcome.FAULT, event="TRIP_FAULT", unit_cause=Cause.RATE)


def evil(kept: KeptByHand) -> None:
    order = msgspec.structs.replace(
        ORDER,
        site=EVIL,
        patient_id=EVIL,
        filter_id="F" * 64,
        applicator_id="A" * 64,
        course_id="C" * 64,
        approved_by=(EVIL,),
    )
    kept.start(order, operator=EVIL * 5)
    kept.end(155.36, words=EVIL)


def named(kept: KeptByHand) -> None:
    """A name of two components that both are too long, in letters that are two and three bytes."""
    stated(kept, Statement("Зоя " * 12 + "Łukasiewicz", "李" * 40, "1950-01-31"))


def named_once(kept: KeptByHand) -> None:
    stated(kept, Statement(EVIL))


def stated(kept: KeptByHand, said: Statement) -> None:
    kept.records.chmod(0o700)
    Chart(kept.records, lambda: kept.wall_s - 60.0).state(ORDER, 0, said, "", "mia", "physician")
    kept.start()
    kept.end(155.36)


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    return KeptByHand(tmp_path / "records")


@pytest.fixture
def rig(kept: KeptByHand, tmp_path: Path) -> Rig:
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text())
    document["records"]["dir"] = "records"
    (tmp_path / "rig.toml").write_text(dumped(document))
    return configuration.load(tmp_path / "rig.toml", 1000)


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[StoreScp]:
    found = StoreScp(tmp_path / "received")
    yield found
    found.stop()


def to(scp: StoreScp) -> Receiver:
    return receiver(scp.where)


def made(kept: KeptByHand) -> list[bytes]:
    found = gather(kept.records / "journal")
    return [
        as_file(data)
        for name in found.book.fractions
        for _, data in instances(fraction_report(found, name, SITE, beside=Beside(kept.records)))
    ]


@pytest.mark.parametrize("simulated", [True, False])
@pytest.mark.parametrize(
    "play", [whole, monitor, recovered, nothing_given, evil, named, named_once], ids=lambda one: one.__name__
)
def test_the_validator_finds_no_error(tmp_path: Path, play: Callable[[KeptByHand], None], simulated: bool) -> None:
    kept = KeptByHand(tmp_path / "records", simulated)
    play(kept)
    files = made(kept)
    assert len(files) >= 2
    for number, raw in enumerate(files):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(raw)
        found = judged(path)
        assert found.errors == ()
        assert found.kind == ("EncapsulatedPDF" if number == len(files) - 1 else "RTBeamsTreatmentRecord")


@pytest.mark.parametrize(
    "gone", ["PrimaryDosimeterUnit", "TreatmentMachineSequence", "Modality", "TreatmentSessionBeamSequence"]
)
def test_the_validator_would_find_one(kept: KeptByHand, tmp_path: Path, gone: str) -> None:
    """An instance that lacks one attribute of type 1 is an error: silence above means something."""
    kept.golden()
    (tmp_path / "x.dcm").write_bytes(made(kept)[0])
    data = dcmread(tmp_path / "x.dcm")
    delattr(data, gone)
    data.save_as(tmp_path / "x.dcm")
    assert judged(tmp_path / "x.dcm").errors != ()


def kerma(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).parent / "kerma"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_is_sent_is_what_arrives(kept: KeptByHand, rig: Rig, scp: StoreScp) -> None:
    """By the commands, as a person does it: dead receiver, then a living one; asked again nothing goes twice."""
    kept.golden()
    config = ("--config", str(rig.path))
    assert kerma("dicom", "queue", *config).stdout.count("queued:") == 4
    assert kerma("dicom", "queue", *config).stdout == "nothing new to queue\n"
    dead = kerma("dicom", "send", "--to", scp.where, *config)
    assert (dead.returncode, dead.stdout.count("LATER")) == (Exit.NO_ANSWER, 2)
    scp.start()
    with_two_waiting = kerma("dicom", "send", "--to", scp.where, *config)
    assert (with_two_waiting.returncode, with_two_waiting.stdout.count("STORED")) == (Exit.AS_INTENDED, 2)
    outbox = Outbox(rig.records)
    with Sender(to(scp)) as sender:
        outbox.step(sender.store, NOW + 10**9)
    assert {one.state for one in outbox.items()} == {State.SENT}
    assert (
        kerma("dicom", "write", next(iter(kept.book.fractions)), "--out", str(rig.records / "out"), *config).returncode
        == 0
    )
    originals = {path.stem: dcmread(path) for path in (rig.records / "out").glob("*.dcm")}
    assert set(scp.got) == set(originals)
    for uid, path in scp.got.items():
        assert dcmread(path) == originals[uid]


@pytest.mark.parametrize("option", ["--refuse", "--abort-after", "--abort-during"])
def test_a_receiver_that_refuses_or_breaks_off_is_tried_later(
    kept: KeptByHand, rig: Rig, scp: StoreScp, option: str
) -> None:
    """Every entry waits, says why, and goes as soon as the receiver is well; it then has each once."""
    kept.golden()
    outbox = Outbox(rig.records)
    fill(rig, outbox, "", NOW)
    scp.start(option)
    with Sender(to(scp)) as sender:
        tried = outbox.step(sender.store, NOW)
    assert [answer.sent for _, answer in tried] == [Sent.LATER] * 2
    assert all(scp.where in answer.words for _, answer in tried)
    scp.start()
    with Sender(to(scp)) as sender:
        outbox.step(sender.store, NOW + 60)
    assert {one.state for one in outbox.items()} == {State.SENT}
    assert set(scp.got) == {one.uid for one in outbox.items()}


def test_a_poisoned_entry_goes_past_the_others(kept: KeptByHand, rig: Rig, scp: StoreScp) -> None:
    """Bytes that are no DICOM, and a kind that the receiver does not take, are refused; what is good arrives in the same step."""
    kept.golden()
    outbox = Outbox(rig.records)
    outbox.put("2.25.1", "poison", "1.2.3", b"no dicom", NOW - 2)
    outbox.put("2.25.2", "unknown kind", "1.2.3", made(kept)[0], NOW - 1)
    fill(rig, outbox, "", NOW)
    scp.start()
    with Sender(to(scp)) as sender:
        outbox.step(sender.store, NOW)
    assert [one.state for one in outbox.items()].count(State.SENT) == 4
    assert {one.what for one in outbox.items() if one.state is State.REFUSED} == {"poison", "unknown kind"}


def test_a_sender_that_is_killed_leaves_each_instance_once(kept: KeptByHand, rig: Rig, scp: StoreScp) -> None:
    """Killed at several moments of sending 24 instances, and started again: at the end the receiver has each, once."""
    for number in range(1, 7):
        kept.golden(fraction=number)
    outbox = Outbox(rig.records)
    fill(rig, outbox, "", NOW)
    outbox.close()
    scp.start()
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom console.dicom.outbox import Outbox\nfrom console.dicom.send import Sender, receiver\n"
        "left = [int(sys.argv[3])]\nsender = Sender(receiver(sys.argv[2]))\n"
        "def store(*instance):\n    answer = sender.store(*instance)\n    left[0] -= 1\n"
        "    if left[0] == 0:\n        os.kill(os.getpid(), 9)\n    return answer\n"
        "Outbox(Path(sys.argv[1])).step(store, 1.9e9)\n"
    )
    codes = []
    for after in (1, 5, 9, 99):
        command = [sys.executable, "-c", script, str(rig.records), scp.where, str(after)]
        codes.append(subprocess.run(command, timeout=60, check=False).returncode)
    assert codes == [-signal.SIGKILL] * 3 + [0]
    items = Outbox(rig.records).items()
    assert {one.state for one in items} == {State.SENT}
    assert (len(items), set(scp.got)) == (24, {one.uid for one in items})


def test_the_follower_sends_by_itself_and_ends_when_asked(kept: KeptByHand, rig: Rig, scp: StoreScp) -> None:
    kept.golden()
    scp.start()
    command = [
        str(Path(sys.executable).parent / "kerma"),
        "dicom",
        "send",
        "--follow",
        "--to",
        scp.where,
        "--config",
        str(rig.path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        lines = [follower.stdout.readline() for _ in range(4)]
        os.kill(follower.pid, signal.SIGTERM)
        assert follower.wait(30) == 0
    assert all("STORED" in line for line in lines)
    assert len(scp.got) == 4


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        *((status, Sent.STORED) for status in (0x0000, 0xB000, 0xB007)),
        *((status, Sent.LATER) for status in (0xA700, None)),
        *((status, Sent.REFUSED) for status in (0xA900, 0xC000, 0x0122, 0x0110)),
    ],
)
def test_each_status_has_its_consequence(status: int | None, sent: Sent) -> None:
    assert answered(status, "X").sent is sent


@pytest.mark.parametrize(
    "wrong", ["PACS", "PACS@host", "@host:104", "PACS@host:0", "PACS@host:65536", "A" * 17 + "@h:1", "P\\S@h:1"]
)
def test_a_receiver_is_written_plainly(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="first: write it like"):
        receiver(wrong)


def test_an_identifier_too_long_is_said_and_holds_up_nothing_else(kept: KeptByHand, rig: Rig) -> None:
    """A simulated patient's 64 characters do not fit behind the mark; the other fraction is queued."""
    kept.golden(patient_id="9" * 64)
    kept.golden()
    queued, unfit = fill(rig, Outbox(rig.records), "", NOW)
    assert (len(queued), len(unfit)) == (4, 1)
    assert "longer than the 64 bytes" in unfit[0]


def test_which_fraction_is_meant_must_be_plain(kept: KeptByHand, rig: Rig) -> None:
    kept.golden()
    kept.golden(fraction=2)
    for name, words in (("", "2 treatments are meant"), ("zz", "0 treatments begin so")):
        with pytest.raises(ConfigurationError, match=words):
            write(rig.path, name, None)


def test_nothing_is_made_of_a_damaged_journal(kept: KeptByHand, rig: Rig) -> None:
    kept.golden()
    path = next((kept.records / "journal").glob("*.journal"))
    raw = bytearray(path.read_bytes())
    raw[len(raw.rstrip(b"\0")) - 3] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ConfigurationError, match="the journal is not whole"):
        fill(rig, Outbox(rig.records), "", NOW)
