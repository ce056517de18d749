"""What people say of a fraction beside its record: time-out and second calculation before the beam, signatures at its end, corrections of words that people
wrote. What was measured is corrected by nobody, nothing is written over, and a chain that is not whole is believed by nobody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import SECRET
from desk_by_hand import certificate, offer, snapshot
from kept_by_hand import ORDER, WALL_S, KeptByHand
from msgspec.structs import replace as other
from test_web_access import Staffed
from test_web_api import CONFIRM, Browser, Scripted
from test_web_api import ORDER as ASKED

from console.reports import commands, flat, keep, paper
from console.reports.beside import Beside, recorded_of
from console.reports.codes import load_codes
from console.reports.course import course_report
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.reports.told import FractionReport
from console.treat import chart, figures
from console.treat.chart import GIVEN, REVIEWED, End, Figure, Line, Recorded, Tick
from console.treat.chart_hand import Chart, uncorrected, unsigned
from console.treat.independent import Beside as Against
from console.treat.particulars import Statement
from console.web.records_read import Kept, recorded
from controller.entries import Outcome
from controller.prescribed import Prescribed, Quality
from controller.requests import Confirm
from controller.tags import fraction_tag
from hal.errors import ConfigurationError
from records.book import Status
from verification.disk import FaultyDisk, Killed, Strike

SITE = Site("demo", "UTC", load_codes())
ENDS = (
    End(1, "INTERRUPTED", 3308.5, 3300.0, 3310.0, "GOOD", 60.3),
    End(2, "TERMINATED", 5228.0, 5220.0, 5230.0, "GOOD", 95.2),
)
WORDS = {name: getattr(ORDER, name) for name in chart.FIELDS if name != chart.REMARK}
GAVE = Recorded("00000000000000ab", "TREAT", "COMPLETE", False, ("olga", "olga"), ENDS, WORDS)


def kept(folder: Path, files: FaultyDisk | None = None) -> Chart:
    (folder / chart.FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    return Chart(folder, lambda: WALL_S, files)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as error:
        act()
    return str(error.value)


def test_each_signature_that_is_not_taken_says_why_and_what_to_do_first() -> None:
    """Taken: whoever gave it, and a physicist who did not. Everything else is refused, and so is what went on since it was shown."""
    state = GAVE.state
    assert unsigned(GAVE, GIVEN, state, "olga", "operator") == ""
    assert unsigned(GAVE, REVIEWED, state, "paul", "physicist") == ""
    on = replace(GAVE, ends=(ENDS[0], replace(ENDS[1], outcome="")))
    for found, meaning, who, role, words in (
        (GAVE, "approved", "olga", "operator", "is no meaning"), (replace(GAVE, purpose="DAILY"), GIVEN, "olga", "operator", "its sheet"),
        (replace(GAVE, ends=()), GIVEN, "olga", "operator", "no beam was on"), (on, GIVEN, "olga", "operator", "no end yet"),
        (GAVE, GIVEN, "otto", "operator", "first: have olga sign"), (GAVE, GIVEN, "paul", "physicist", "first: have olga sign"),
        (GAVE, REVIEWED, "otto", "operator", "first: have a physicist"), (GAVE, REVIEWED, "mia", "physician", "first: have a physicist"),
        (replace(GAVE, operators=("paul",)), REVIEWED, "paul", "physicist", "another physicist"),
    ):  # fmt: skip
        assert words in unsigned(found, meaning, found.state, who, role), (meaning, who, words)
    for more in (replace(GAVE, ends=ENDS[:1]), replace(GAVE, ends=(ENDS[0], replace(ENDS[1], delivered_mgy=5228.1)))):
        assert "it went on since; first: look anew" in unsigned(more, GIVEN, state, "olga", "operator")
    assert replace(GAVE, closed=True, status="PARTIAL").state == state, "the closing changes nothing that was signed"


def test_what_the_machine_measured_is_corrected_by_nobody_and_words_by_their_roles() -> None:
    """Every field of a record that is not in the table is refused to every role; and each refusal of those that are."""
    nothing = chart.NOTHING
    machine = (
        "delivered_mgy", "low_mgy", "high_mgy", "d0_mgy", "rx_mgy", "beam_s", "set_time_s", "timer_s", "started_wall_s", "status", "quality", "closed",
        "counts_1", "kv", "ma", "depth_mm", "operator", "fraction", "id", "", "patient_id ",
    )  # fmt: skip
    for field in machine:
        for role in ("operator", "physician", "physicist", "service", "administrator"):
            assert "first: write a remark" in uncorrected(nothing, GAVE, field, "1", "2", "why", role), field
    assert uncorrected(nothing, GAVE, "remark", "", "he slept", "for the next one", "operator") == ""
    for role in ("physician", "physicist"):
        assert uncorrected(nothing, GAVE, "site", "nose, left ala", "nose, right ala", "misread", role) == ""
    for field, old, new, reason, role, words in (
        ("site", "nose, left ala", "ear", "r", "operator", "first: have physician or physicist"), ("remark", "", "x", "r", "service", "not for the role"),
        ("site", "chin", "ear", "r", "physicist", "first: look anew"), ("site", "nose, left ala", "nose, left ala", "r", "physicist", "already"),
        ("laterality", "left", "upper", "r", "physicist", "none of left, right"), ("site", "nose, left ala", "", "r", "physicist", "0 characters"),
        ("site", "nose, left ala", "ear", "", "physicist", "reason ''"), ("patient_id", "12-34", "12\u202e-35", "r", "physicist", "<U+202E>"),
        ("patient_id", "12-34", "12 · 35", "r", "physicist", "U+00B7"), ("site", "nose, left ala", "e" * 201, "r", "physicist", "201 characters"),
    ):  # fmt: skip
        assert words in uncorrected(nothing, GAVE, field, old, new, reason, role), (field, new)


def test_a_correction_writes_nothing_over_and_the_next_one_follows_it(tmp_path: Path) -> None:
    page = kept(tmp_path)
    page.correct(GAVE, "patient_id", "12-34", "12-35", "read from the wrong wristband", "paul", "physicist")
    assert page.read().now(GAVE, "patient_id") == "12-35" and GAVE.words["patient_id"] == "12-34"
    assert "is '12-35' now" in refused(
        lambda: page.correct(GAVE, "patient_id", "12-34", "12-36", "r", "paul", "physicist")
    )
    page.correct(GAVE, "patient_id", "12-35", "12-34", "it was right", "mia", "physician")
    for words in ("he slept", "he slept"):
        page.correct(GAVE, "remark", "", words, "for the next one", "olga", "operator")
    assert [(one.old, one.new, one.who) for one in page.read().corrected(GAVE.id)[:2]] == [
        ("12-34", "12-35", "paul"),
        ("12-35", "12-34", "mia"),
    ]
    assert len(page.read().corrected(GAVE.id)) == 4 and page.read().corrected("other") == ()


def test_of_a_chain_that_is_not_whole_nothing_counts_and_nothing_is_added(tmp_path: Path) -> None:
    """One byte altered, the tail cut, the head gone; a line that a crash cut off alters nothing."""
    page = kept(tmp_path)
    page.sign(GAVE, GIVEN, GAVE.state, "olga", "operator")
    assert "signed this already" in refused(lambda: page.sign(GAVE, GIVEN, GAVE.state, "olga", "operator"))
    log, head = page.folder / "audit.jsonl", page.folder / "audit.head"
    whole, signed = log.read_bytes(), head.read_bytes()
    assert [one.who for one in page.read().signed(GAVE.id)] == ["olga"]
    for raw, newest in (
        (whole.replace(b"olga", b"otto"), signed),
        (whole[: whole.index(b"\n") + 1], signed),
        (whole, None),
    ):
        log.write_bytes(raw)
        head.write_bytes(newest) if newest is not None else head.unlink()
        found = page.read()
        assert found.wrong and not found.signatures
        assert "not whole" in refused(lambda: page.sign(GAVE, REVIEWED, GAVE.state, "paul", "physicist"))
        assert "not whole" in refused(lambda: page.correct(GAVE, "remark", "", "w", "r", "olga", "operator"))
    log.write_bytes(whole + b'{"n":3,"wall_s"')
    head.write_bytes(signed)
    assert page.read().wrong == () and len(page.read().signatures) == 1


@pytest.mark.grid
@pytest.mark.parametrize("what", ["ENOSPC", "KILL", "TORN KILL", "POWER", "TORN POWER", "SHORT", "EIO"])
def test_what_was_told_to_be_in_the_chart_is_there_after_a_crash_at_any_call(tmp_path: Path, what: str) -> None:
    """A signature and a correction, with a kill, a power cut or a full disk at each call: what was told holds, and the next entry is taken."""
    call, struck = 0, True
    while struck:
        call += 1
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        folder = tmp_path / f"r{call}"
        page, told = kept(folder, disk), list[int]()
        try:
            for act in ("sign", "correct"):
                try:
                    if act == "sign":
                        told.append(page.sign(GAVE, GIVEN, GAVE.state, "olga", "operator"))
                    else:
                        told.append(page.correct(GAVE, "remark", "", "he slept", "r", "olga", "operator"))
                except ConfigurationError as error:
                    assert "first:" in str(error)
        except Killed:
            pass
        struck = bool(disk.struck)
        disk.die(lambda: None)
        if "POWER" in what:
            disk.cut()
        again = kept(folder)
        found = again.read()
        assert found.wrong == () and set(told) <= {one.n for one in (*found.signatures, *found.corrections)}, (
            call,
            found.wrong,
        )
        again.sign(GAVE, REVIEWED, GAVE.state, "paul", "physicist")
        assert again.read().wrong == () and again.read().signatures[-1].who == "paul"
    assert call > 10, "every call was struck once"


class AtPage(Staffed):
    """A staffed console over records in which olga gave a fraction in two segments."""

    def __init__(self, scripted: Scripted, folder: Path, prescribed: Prescribed) -> None:
        super().__init__(scripted, folder, prescribed)
        self.hand = KeptByHand(folder)
        self.hand.start(operator="olga")
        self.hand.end(60.3, Outcome.INTERRUPTED)
        self.fraction = self.hand.book.exposures[self.hand.token].fraction

    def of(self) -> Recorded:
        return recorded(Kept(self.room.rig).fraction(self.fraction))

    async def told(self, page: Browser, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1]["token"]
        return await page.post(f"/api/chart/{path}", body | {"fraction": self.fraction}, x_kerma_token=token)

    async def sign(self, name: str, meaning: str, state: str, secret: str = SECRET) -> tuple[int, Any]:
        return await self.told(
            await self.page(name, False), "sign", {"meaning": meaning, "state": state, "secret": secret}
        )

    async def correct(self, name: str, field: str, old: str, new: str) -> tuple[int, Any]:
        body = {"field": field, "old": old, "new": new, "reason": "misread", "secret": SECRET}
        return await self.told(await self.page(name, False), "correct", body)


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> AtPage:
    return AtPage(scripted, tmp_path, prescribed)


def test_whoever_gave_it_signs_with_the_secret_again_and_a_physicist_reviews(console: AtPage) -> None:
    """Over the state that was shown, each role in its meaning; a wrong secret, another state and another role's are refused; each act is in the audit."""
    records = console.hand.done()
    state = console.of().state

    async def story() -> None:
        assert (await console.sign("olga", GIVEN, state, "wrong secret 77"))[0] == 409
        status, said = await console.sign("olga", GIVEN, "0" * 64)
        assert status == 409 and "look anew" in said["words"]
        assert (await console.sign("olga", GIVEN, state)) == (
            200,
            {"n": 2, "words": "signed by olga: given as recorded"},
        )
        assert "signed this already" in (await console.sign("olga", GIVEN, state))[1]["words"]
        for name in ("mia", "sven", "ada"):
            assert (await console.sign(name, REVIEWED, state))[0] == 403, name
        assert "have olga sign" in (await console.sign("paul", GIVEN, state))[1]["words"]
        assert (await console.sign("paul", REVIEWED, state))[0] == 200

    console.play(story)
    assert [(one.who, one.meaning, one.state == state) for one in Chart(records, lambda: 0.0).read().signatures] == [
        ("olga", GIVEN, True),
        ("paul", REVIEWED, True),
    ]
    asked = [one for one in console.clerk.whats("command") if one["command"] == "sign_off"]
    assert asked[0] == {"command": "sign_off", "fraction": console.fraction, "meaning": GIVEN}
    assert [one["entry"] for one in console.clerk.whats("charted")] == [2, 3]


def test_a_person_corrects_words_beside_the_record_and_no_byte_of_it_changes(console: AtPage) -> None:
    """Dose and time are refused to everybody, words to whoever may not; what is taken leaves journal and database as they were, and no patient in the audit."""
    records = console.hand.done()
    before = {path: path.read_bytes() for path in sorted((records / "journal").iterdir()) if path.is_file()}
    rows = Kept(console.room.rig).fraction(console.fraction)

    async def story() -> None:
        for field, old in (
            ("delivered_mgy", "3308.5"),
            ("beam_s", "60.3"),
            ("status", "PARTIAL"),
            ("started_wall_s", "1"),
        ):
            for name in ("olga", "mia", "paul"):
                status, said = await console.correct(name, field, old, "9999")
                assert status == 409 and "first: write a remark" in said["words"], (field, name)
        assert (await console.correct("sven", "remark", "", "x"))[0] == 403
        assert (await console.correct("ada", "remark", "", "x"))[0] == 403
        assert (
            "have physician or physicist" in (await console.correct("olga", "patient_id", "12-34", "12-35"))[1]["words"]
        )
        assert (await console.correct("mia", "patient_id", "12-34", "12-35"))[0] == 200
        assert (await console.correct("olga", "remark", "", "Mrs Planted slept"))[0] == 200
        console.clerk.kept.full = True
        status, said = await console.correct("olga", "remark", "", "not audited")
        assert status == 503 and "cannot be audited" in said["words"]

    console.play(story)
    assert {path: path.read_bytes() for path in before} == before
    assert Kept(console.room.rig).fraction(console.fraction) == rows
    assert [one.new for one in Chart(records, lambda: 0.0).read().corrections] == ["12-35", "Mrs Planted slept"]
    assert "Planted" not in json.dumps([entry for *_, entry in console.clerk.kept.entries])


def test_the_page_of_a_fraction_tells_both_what_was_recorded_and_what_should_stand(console: AtPage) -> None:
    records = console.hand.done()
    Chart(records, lambda: WALL_S).correct(
        console.of(), "site", "nose, left ala", "nose, right ala", "misread", "paul", "physicist"
    )

    async def story() -> None:
        page = await console.page("olga", False)
        status, said, _ = await _got(console, page, f"/api/records/fraction?fraction={console.fraction}")
        assert status == 200 and said["site"] == "nose, left ala"
        told = said["chart"]
        assert told["now"]["site"] == "nose, right ala" and told["corrections"][0]["old"] == "nose, left ala"
        assert (told["wrong"], told["review"], told["operators"], told["signatures"]) == ([], False, ["olga"], [])

    console.play(story)


async def _got(console: Any, page: Browser, path: str) -> tuple[int, Any, dict[str, str]]:
    from asgi_by_hand import http

    return await http(console.app, path, b"", page.headers(), "GET")


def test_a17_nothing_is_confirmed_whose_time_out_and_second_calculation_cannot_be_kept(
    console: AtPage, prescribed: Prescribed
) -> None:
    """They are on the disk before the desk is asked: each item with its time, each calculated time with its bound, and the presets."""
    good = CONFIRM | {"ago_s": [40.0, 30.0, 20.0, 10.0]}

    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await page.command("load", ASKED))[0] == 200
        await console._seen("PREPARATORY")
        assert (await page.command("confirm", CONFIRM | {"ago_s": [1.0]}))[0] == 409
        log = console.room.chart.folder
        log.mkdir(mode=0o700)
        (log / "audit.jsonl").mkdir()
        status, said = await page.command("confirm", good)
        assert status == 503 and "cannot be kept" in said["words"] and "first:" in said["words"]
        assert not console.asked(Confirm)
        (log / "audit.jsonl").rmdir()
        assert (await page.command("confirm", good))[0] == 200
        assert len(console.asked(Confirm)) == 1

    console.play(story)
    (one,) = console.room.chart.read().confirmed
    assert (one.who, one.role, one.place, one.tag) == ("olga", "operator", "page", f"{fraction_tag(prescribed):016x}")
    assert [tick.item for tick in one.ticked] == list(CONFIRM["checked"])  # type: ignore[call-overload]
    at = [tick.at_s for tick in one.ticked]
    assert at[0] is not None and at[2] is not None and 19.0 < one.wall_s - at[2] < 25.0 < one.wall_s - at[0]
    assert [(time.method, time.bound_pct, time.bound_s, time.agrees) for time in one.figures] == [
        (figures.ARITHMETIC, 0.5, 0.02, True)
    ]
    assert one.figures[0].offered_s == offer().set_time_s and abs(one.figures[0].diff_pct) < 0.5
    assert all(line.agrees for line in one.lines) and (one.count_preset, one.digest) == (
        offer().count_preset,
        "01" * 32,
    )


def test_each_method_of_the_second_calculation_is_kept_with_its_own_figure(prescribed: Prescribed) -> None:
    """Fraction 1's time stands with its 5 %; what was not compared has no figure."""
    found = figures.figures(
        other(prescribed, fraction=2, fractions=6), certificate(), offer(), None, False, Against(first_s=20.0)
    )
    assert [(one.method, one.bound_pct) for one in found] == [(figures.ARITHMETIC, 0.5), (figures.FIRST, 5.0)]
    assert found[1].diff_pct == pytest.approx(100.0 * (offer().set_time_s / 20.0 - 1.0))
    assert figures.figures(other(prescribed, kv=50.0), certificate(), offer(), None, False, Against()) == ()


class Room:
    """Records with the chart beside them; `now_s` is its clock."""

    def __init__(self, records: Path) -> None:
        self.kept = KeptByHand(records)
        records.chmod(0o700)
        self.now_s = WALL_S
        self.chart = Chart(records, lambda: self.now_s)

    def start(self, **changed: Any) -> None:
        """Confirmed at the page a second before it is started."""
        self.now_s = self.kept.wall_s - 1.0
        tag = fraction_tag(ORDER)
        of = offer(digest=b"d" * 32, segment=changed.get("segment", 1))
        ticks = [Tick("patient", self.now_s - 30.0), Tick("room", None)]
        figure = Figure(figures.ARITHMETIC, "certificate CERT-1", 155.36, 155.35, 0.006, 0.5, 0.02, True)
        self.chart.confirm(
            ORDER, of, "op", "operator", "page", ticks, [Line("set time", "155.36 s", "155.35 s", True)], [figure]
        )
        self.kept.start(fraction_tag=tag, **changed)

    @property
    def fraction(self) -> str:
        return next(iter(self.kept.book.fractions))

    def of(self) -> Recorded:
        found = gather(self.kept.records / "journal")
        fraction = found.book.fractions[self.fraction]
        return replace(recorded_of(found, fraction, found.book.tally(fraction)), words=WORDS)

    def report(self) -> FractionReport:
        found = gather(self.kept.records / "journal")
        return fraction_report(found, self.fraction, SITE, beside=Beside(self.kept.records))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "records")


def test_the_report_tells_time_out_second_calculation_presets_and_who_signed_or_did_not(room: Room) -> None:
    room.start()
    room.kept.end(155.36)
    told = room.report()
    assert told.chart is not None and told.chart.unsigned == (GIVEN,) and told.chart.words == ""
    (one,) = told.chart.confirmations
    assert [(tick.item, tick.at) for tick in one.ticked] == [("patient", "2026-11-18T11:06:09Z"), ("room", None)]
    assert (one.times[0].method, one.times[0].bound_pct, one.timer_preset_s) == (
        figures.ARITHMETIC,
        0.5,
        offer().timer_preset_ms / 1000.0,
    )
    assert paper.signed_off(told.chart)[0] == "given as recorded: NOT SIGNED"
    room.chart.sign(room.of(), GIVEN, room.of().state, "op", "operator")
    after = room.report()
    assert after.chart is not None and after.chart.unsigned == () and after.chart.signatures[0].covers
    assert "given as recorded: op (operator)" in paper.signed_off(after.chart)[0]
    assert flat.read_json(flat.as_json(after)) == after and "arithmetic by other code" in flat.as_csv(after)
    assert paper.fraction_pdf(after).startswith(b"%PDF")
    assert keep.stem(after) == f"{keep.stem(told)}-c{after.source.chart_entry:06d}", "another state is another file"
    bare = Room(room.kept.records.parent / "other")
    bare.kept.golden()
    without = bare.report().chart
    assert without is not None and "no time-out and no second calculation is kept of segment 1, 2, 3" in without.words


def test_a_correction_after_the_beam_did_not_stand_before_it_whatever_the_clock_says(room: Room) -> None:
    """A clock that was set back by an hour dates the correction before the START; the name of the treatment record, which has one UID, stays what it was."""
    n = room.chart.state(ORDER, 0, Statement("Meier"), "", "mia", "physician")
    room.start()
    room.kept.end(155.36)
    room.now_s -= 3600.0
    room.chart.state(ORDER, n, Statement("Mayer"), "misread", "mia", "physician")
    told = room.report().particulars
    assert told is not None and told.now is not None and told.at_start is not None
    assert (told.now.family_name, told.at_start.family_name) == ("Mayer", "Meier")


def test_a_confirmation_of_other_settings_or_of_later_is_not_this_segments(room: Room) -> None:
    room.start()
    room.kept.end(60.3, Outcome.INTERRUPTED)
    room.kept.wall_s += 100.0
    room.start(segment=2, digest=b"e" * 32)
    room.kept.end(95.2)
    told = room.report().chart
    assert told is not None and [one.segment for one in told.confirmations] == [1]
    assert told.words == "no time-out and no second calculation is kept of segment 2"


@pytest.mark.parametrize(
    ("status", "changed", "closes", "asked"),
    [
        (Status.COMPLETE, {}, False, (GIVEN,)), (Status.PARTIAL, {"timer_s": 60.3}, False, (GIVEN,)),
        (Status.PARTIAL, {"timer_s": 60.3}, True, (GIVEN, REVIEWED)),
        (Status.OVER, {"timer_s": 170.0}, False, (GIVEN, REVIEWED)), (Status.UNKNOWN, {"quality": Quality.UNKNOWN}, False, (GIVEN, REVIEWED)),
    ],
)  # fmt: skip
def test_a_physicist_is_asked_where_the_dose_asks_for_one(
    room: Room, status: Status, changed: dict[str, Any], closes: bool, asked: tuple[str, ...]
) -> None:
    """Too much, nobody knows how much, or a part that stays one; it is a flag until it is signed over the record as it is."""
    room.start()
    room.kept.end(
        changed.pop("timer_s", 155.36),
        Outcome.INTERRUPTED if status is Status.PARTIAL else Outcome.TERMINATED,
        **changed,
    )
    if closes:
        room.kept.close()
    told = room.report()
    assert told.totals.status == status.value and told.chart is not None and told.chart.unsigned == asked
    due = [flag for flag in told.flags if "physicist's review" in flag]
    assert bool(due) == (REVIEWED in asked)
    if due:
        room.chart.sign(room.of(), REVIEWED, room.of().state, "paul", "physicist")
        assert not [flag for flag in room.report().flags if "physicist's review" in flag]


def test_a_signature_over_an_earlier_state_does_not_cover_the_rest(room: Room) -> None:
    room.start()
    room.kept.end(60.3, Outcome.INTERRUPTED)
    room.chart.sign(room.of(), GIVEN, room.of().state, "op", "operator")
    room.kept.wall_s += 100.0
    room.start(segment=2)
    room.kept.end(95.2)
    told = room.report().chart
    assert told is not None and told.unsigned == (GIVEN,) and not told.signatures[0].covers
    assert "OVER AN EARLIER STATE" in paper.signed_off(told)[0]


def test_page_and_report_name_one_state_alike(console: AtPage) -> None:
    """What is signed at the page by the database is what the report holds against the journal."""
    records = console.hand.done()
    found = gather(records / "journal")
    fraction = found.book.fractions[console.fraction]
    assert recorded_of(found, fraction, found.book.tally(fraction)).state == console.of().state


def test_a_correction_is_a_flag_with_both_words_and_no_sum_goes_by_it(room: Room) -> None:
    room.start()
    room.kept.end(155.36)
    before = room.report()
    room.chart.correct(room.of(), "patient_id", "12-34", "12-35", "=wrong wristband", "paul", "physicist")
    room.chart.correct(room.of(), "remark", "", "he slept", "for the next one", "op", "operator")
    told = room.report()
    assert told.chart is not None and [(one.recorded, one.corrected) for one in told.chart.corrections] == [
        ("12-34", "12-35"),
        ("", "he slept"),
    ]
    assert [
        flag
        for flag in told.flags
        if flag.startswith("corrected: patient_id was recorded as '12-34' and should be '12-35' (paul, physicist)")
    ]
    assert (told.patient, told.totals, told.before) == (before.patient, before.totals, before.before)
    assert "'=wrong wristband" in flat.as_csv(told), "no formula for a spreadsheet"
    assert paper.fraction_pdf(told) != paper.fraction_pdf(before)
    course = course_report(gather(room.kept.records / "journal"), "12-34", "C1", SITE, Beside(room.kept.records))
    assert course.fractions[0].chart == told.chart and course.source.chart_entry == told.source.chart_entry
    assert paper.course_pdf(course).startswith(b"%PDF")


def test_a_chart_that_is_not_whole_is_said_first_and_believed_by_no_report(room: Room) -> None:
    room.start()
    room.kept.end(155.36)
    room.chart.sign(room.of(), GIVEN, room.of().state, "op", "operator")
    log = room.chart.folder / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"who":"op"', b'"who":"ob"'))
    told = room.report()
    assert (
        told.chart is not None
        and not told.chart.chain_whole
        and told.chart.signatures == ()
        and told.chart.unsigned == (GIVEN,)
    )
    assert told.chart.words in told.flags and "NOT WHOLE" in paper.signed_off(told.chart)[-1]


def test_the_follower_writes_another_report_where_a_closed_fraction_was_signed(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stays as it is."""
    room.start()
    room.kept.end(155.36)
    room.kept.close()
    of = room.of()
    rig: Any = type("Rig", (), {"records": room.kept.done()})()
    monkeypatch.setattr(commands, "certificates", lambda _rig: ())
    done: set[str] = set()
    first = commands.write_all(rig, SITE, done)
    assert first and commands.write_all(rig, SITE, done) == []
    kept_bytes = {path: path.read_bytes() for path in first}
    room.chart.sign(of, GIVEN, of.state, "op", "operator")
    more = commands.write_all(rig, SITE, done)
    assert {path.suffix for path in more} == {".pdf", ".csv", ".json"} and all("-c0000" in path.name for path in more)
    assert {path: path.read_bytes() for path in first} == kept_bytes
    assert commands.write_all(rig, SITE, done) == []


def test_the_sheet_of_a_race_between_two_signatures_has_both(tmp_path: Path) -> None:
    """Two consoles at one chart: each looks anew before it writes, and neither takes the other's entry away."""
    one, two = kept(tmp_path), kept(tmp_path)

    async def both() -> None:
        await asyncio.gather(
            asyncio.to_thread(one.sign, GAVE, GIVEN, GAVE.state, "olga", "operator"),
            asyncio.to_thread(two.sign, GAVE, REVIEWED, GAVE.state, "paul", "physicist"),
        )

    asyncio.run(both())
    assert {(row.who, row.meaning) for row in one.read().signatures} == {("olga", GIVEN), ("paul", REVIEWED)}
