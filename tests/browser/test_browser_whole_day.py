"""The whole day's check at the page, on a rig that runs with its recorder: tests, contacts, readings, the interrupt, what a person sees, signed by a login; the
recorder takes the sheet, and a patient who was refused before is treated. Nothing of it is scripted but the detector's reading and who opens the door."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from conftest import Rigs
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from kept_by_hand import ORDER, KeptByHand
from playwright.sync_api import Browser, Page, expect
from shelf import opened
from test_browser_procedure import SECRET, WIDE, room, staffed
from truth import CLOCK, shown, until

from console import configuration
from console.access import day_key
from console.calibrate import simulated_hand
from console.calibrate.exposing import Hand, Kept, Person
from console.certificate import certificate_of
from console.configuration import Rig
from console.day import daily, warm_up, work
from console.day.noted import FOLDER, Notes
from console.day.sheets import laid_down
from console.day.warm_up import Fitted
from console.desk_client import connect
from console.exit_codes import Exit
from console.kept import database
from console.treat.session import Session
from controller.entries import EntryType
from controller.prescribed import Certificate, Prescribed
from controller.requests import Offer, Snapshot
from hal.readings import Purpose
from hal.units import Seconds
from records import fractions, sheets
from records.commissioning import ITEMS, Audit, Commissioned, Commissioning
from records.day_forms import Baseline, DaySheet, decoded
from records.forms import Noted
from records.journal import Kind
from records.sheets import Sheet, SheetKind
from verification.setting import Setting
from verification.with_console import Served

pytestmark = pytest.mark.timeout(900)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
PHYSICIST = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
STAFF = (("ada", "administrator"), ("olga", "operator"))
DEVICE, NC_PER_MGY = "QA-1 7001", 0.02
BEFORE_S = 5 * 3600.0
"""So long ago lies the last beam of these records: the tube is cold, and a minute of beam makes it warm."""
PATIENT = "EXAMPLE-0003"


class Earlier(KeptByHand):
    """Records of some hours ago, by both clocks."""

    def note(self, kind: EntryType, entry: msgspec.Struct, **more: Any) -> int:
        self.seq += 1
        mono_ns = self._tick_ns(0.0)
        return self.append(Kind.ENTRY, Noted("i1", self.seq, mono_ns, kind, msgspec.msgpack.encode(entry), **more))

    def _tick_ns(self, _at_s: float) -> int:
        return round((self.wall_s - CLOCK.wall() + CLOCK.monotonic()) * 1e9)


def a_working_rig(laid: Setting) -> None:
    """Before anything runs: a rig that does without nothing, its physicist's and its console's keys, and one exposure some hours ago."""
    signers, physicists = laid.folder / "day.pub", laid.folder / "physicist.pub"
    laid.records.chmod(0o700)
    (laid.records / "access").mkdir(mode=0o700)
    signers.write_bytes(day_key.made(laid.records))
    with physicists.open("ab") as keys:
        keys.write(PHYSICIST.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    text = laid.rig_file.read_text(encoding="utf-8")
    assert "[daily]" not in text
    laid.rig_file.write_text(f'{text}\n[daily]\nwaived = false\nsigners = "{signers.name}"\n', encoding="utf-8")
    earlier = Earlier(laid.records, tube_serial=configuration.load(laid.rig_file, os.getuid()).file.tube.serial)
    earlier.wall_s = CLOCK.wall() - BEFORE_S
    earlier.start(msgspec.structs.replace(ORDER, patient_id="", purpose=Purpose.WARMUP), operator="nobody")
    earlier.end(10.0)
    earlier.done()


class Face:
    """Types what a table says to each question of a terminal."""

    def __init__(self, answers: dict[str, Callable[[], str]]) -> None:
        self._answers, self._next, self.said, self.seen = answers, deque[str](), list[str](), list[str]()

    def say(self, words: str) -> None:
        self.said.append(words)

    def show_offer(self, _order: Prescribed, _offer: Offer, _lines: tuple[Any, ...], simulated: bool) -> None:
        assert simulated

    def ask(self, words: str) -> None:
        self._next.append(next(answer for part, answer in self._answers.items() if part in words)())

    def typed(self) -> str | None:
        return self._next.popleft() + "\n" if self._next else None

    def progress(self, snapshot: Snapshot, _silent_s: float) -> None:
        shown_ = f"{snapshot.state}: {snapshot.notice or snapshot.first_to_fix}"
        if shown_ not in self.seen[-1:]:
            self.seen.append(shown_)


class Bench:
    """What is done at a terminal before: commissioning, warm-up, and the physicist's baseline."""

    def __init__(self, up: Served) -> None:
        self.up = up
        self.rig: Rig = configuration.load(up.laid.rig_file, os.getuid())
        self.certificate: Certificate = certificate_of(self.rig, CLOCK.wall())

    def reading(self) -> str:
        """What a detector outside the head would show of the last exposure."""
        ended = shown(self.up).ended
        assert ended is not None
        return f"{ended.dose.delivered_mgy * NC_PER_MGY:.4f} nC"

    def press(self) -> str:
        return simulated_hand.act(self.up.laid.control, "press")

    def let_go(self) -> str:
        return simulated_hand.act(self.up.laid.control, "release")

    def signed(self, kind: SheetKind, content: msgspec.Struct) -> Sheet:
        plain = Sheet(kind, sheets.body(content), "P. One", "physicist", f"{CLOCK.wall():.3f}", b"")
        sheet = msgspec.structs.replace(plain, ed25519=PHYSICIST.sign(plain.message))
        assert laid_down(self.rig, sheet, CLOCK) == ""
        return sheet

    def commissioned(self) -> None:
        c, every = self.certificate, tuple(name for name, _ in ITEMS)
        rows = tuple(Commissioned(o.kv, o.ma, o.filter_id, o.applicator_id, every) for o in c.combinations)
        audit = Audit("mailed dosimeters", "Another House", "2026-10-01", 1.01)
        self.signed(
            SheetKind.COMMISSIONING, Commissioning(c.tube_serial, c.machine_serial, c.sha256.hex(), audit, rows)
        )

    def exposing(self, purpose: Purpose, work_of: Callable[[Session, Hand, Face], Exit]) -> None:
        face = Face({
            "station pressure": lambda: "101.3 kPa", "temperature": lambda: "21.0 degC", "reading of the detector": self.reading, "keep ": lambda: "",
            "": lambda: "yes",
        })  # fmt: skip
        with connect(self.rig.places.desk, CLOCK) as desk:
            session = Session(desk, self.rig.places.stop, CLOCK)
            person, kept = Person("paul", "operator"), Kept(database(self.rig))
            hand = Hand(session, self.certificate, kept, person, face, self.press, self.let_go, purpose)
            how = work_of(session, hand, face)
            assert how is Exit.AS_INTENDED, "\n".join((*face.said[-8:], *face.seen[-16:]))

    def warm(self) -> None:
        one, day = self.certificate.combinations[0], work.day_of(self.rig, CLOCK)
        fitted = Fitted(one.filter_id, one.applicator_id)
        self.exposing(
            Purpose.WARMUP,
            lambda session, hand, face: warm_up.warm_up(session, hand, self.certificate, day, fitted, face),
        )

    def baseline(self) -> None:
        c = self.certificate
        beams = work.beams_of(c)
        wanted = Baseline(c.sha256.hex(), c.tube_serial, c.machine_serial, DEVICE, "nC", False, 0.0, beams, ())

        def sign(base: Baseline) -> Exit:
            self.signed(SheetKind.BASELINE, base)
            return Exit.AS_INTENDED

        notes = Notes(self.rig.records / FOLDER)
        self.exposing(
            Purpose.DAILY, lambda session, hand, face: daily.baseline(session, hand, c, wanted, face, notes, sign)
        )


def contacts_one_by_one(bench: Bench) -> None:
    """Each opened alone, long enough to be seen in both channels."""
    fitted = bench.certificate.combinations[0].applicator_code
    for opened_, back in (
        ({"emergency_stop": True}, {"emergency_stop": False}), ({"door_open": True}, {"door_open": False}),
        ({"key": "SERVICE"}, {"key": "TREAT"}), ({"applicator": 0}, {"applicator": fitted}),
    ):  # fmt: skip
        for change in (opened_, back):
            room(bench.up, **change)
            CLOCK.sleep_until(Seconds(CLOCK.monotonic() + 0.4))


def entered(browser: Browser, address: str, where: str) -> Page:
    page, _ = opened(browser, address, "", where, WIDE)
    page.get_by_label("Name").fill("olga")
    page.get_by_label("Code").fill(SECRET)
    page.get_by_label("Code").press("Enter")
    page.get_by_text("olga (operator)").wait_for()
    return page


def loaded(page: Page) -> None:
    """The patient's fraction asked for at the page Treat, by whoever is in control there."""
    page.get_by_role("button", name=PATIENT).first.click(timeout=20_000)
    page.get_by_role("button", name="forehead").click()
    page.get_by_role("button", name="Load", exact=True).click()


def closed(page: Page) -> None:
    """The exposure that was interrupted for the check still stands at its end: whoever takes control closes it before a patient is chosen."""
    page.get_by_role("button", name="Take control", exact=True).click()
    page.get_by_text("This page holds control").wait_for()
    page.locator("#state", has_text="ENDED").wait_for()
    page.get_by_role("button", name="Close the fraction").click()
    page.locator("#state", has_text="OFF").wait_for(timeout=20_000)


def checked(page: Page, bench: Bench) -> None:
    """Every question answered as it comes, the switch pressed where the page offers it, until the page asks for the signature."""
    question, sign = page.locator("#question"), page.get_by_role("button", name="Sign the daily check")
    state, press = page.locator("#state"), page.get_by_role("button", name="SIMULATED: press the switch")
    lines = {"station pressure": "101.3 kPa", "temperature at": "21.0 degC", "keep ": ""}
    end, done = CLOCK.monotonic() + 240.0, ""
    while not sign.is_visible():
        assert question.count() == 1 and CLOCK.monotonic() < end, page.locator("main").text_content()
        page.wait_for_timeout(300)
        if state.text_content() == "READY" and press.is_visible():
            press.click()
            # once for each exposure: the button stands there while the beam is on too
            expect(state).not_to_have_text("READY", timeout=20_000)
            interrupted_where_asked(page, bench.up)
            continue
        asked = question.text_content() or ""
        if asked == done or not asked or not question.is_visible():
            continue
        page.wait_for_timeout(800)  # a button says nothing right after a new question
        if (question.text_content() or "") != asked:
            continue
        if "open each alone" in asked:
            contacts_one_by_one(bench)
            page.get_by_role("button", name="Done", exact=True).click()
        elif "reading of the detector" in asked:
            typed(page, bench.reading())
        elif line := next((words for part, words in lines.items() if part in asked), None):
            typed(page, line)
        elif "keep " in asked:
            page.get_by_role("button", name="Done", exact=True).click()
        else:
            page.get_by_role("button", name="Yes", exact=True).click()
        done = asked


def said(page: Page) -> str:
    return page.get_by_role("log").text_content() or ""


def typed(page: Page, line: str) -> None:
    page.locator("#procedure-line").fill(line)
    page.locator("#procedure-line").press("Enter")


def interrupted_where_asked(page: Page, up: Served) -> None:
    """The door is opened in the beam that is to be interrupted, as the page says, and closed again."""
    if "is to be interrupted" not in said(page):
        return
    until(up, lambda one: one.state == "IRRADIATING", 30.0)
    room(up, door_open=True)
    until(up, lambda one: one.state not in ("IRRADIATING", "STOPPING"), 10.0)
    room(up, door_open=False)


def test_a_whole_days_check_at_the_page_opens_the_day(browser: Browser, rigs: Rigs) -> None:
    """Refused before, with the check named first; made, signed by olga's secret, taken by the recorder under her name and the console's key; then her patient
    is treated to the end."""
    up = rigs.standing(prepared=a_working_rig)
    bench = Bench(up)
    bench.warm()
    bench.commissioned()
    bench.baseline()
    with staffed(up, STAFF) as address:
        page = entered(browser, address, "")
        page.get_by_role("button", name="Take control", exact=True).click()
        page.get_by_text("This page holds control").wait_for()
        loaded(page)
        page.locator("#answer", has_text="daily check").wait_for(timeout=20_000)
        assert shown(up).state == "STANDBY", "nobody is treated before the day's check"
        page.context.close()
        page = entered(browser, address, "service")
        page.get_by_role("button", name="Procedures", exact=True).click()
        page.get_by_role("button", name="Take control", exact=True).click()
        page.get_by_role("button", name="Begin the daily check").click()
        checked(page, bench)
        page.get_by_text("You sign this check of").wait_for()
        page.screenshot(path=PICTURES / "day-whole-sign-1280.png", full_page=True)
        page.wait_for_timeout(900)  # a button says nothing right after a new question
        page.get_by_label("Password (or PIN) again").last.fill(SECRET)
        page.get_by_role("button", name="Sign the daily check").click()
        page.get_by_text("signed, and in the records").first.wait_for(timeout=30_000)
        expect(page.get_by_role("button", name="Begin the daily check")).to_be_visible()
        page.context.close()
        (taken,) = in_the_records(bench)
        assert taken.who == "olga (login)"
        sheet = decoded(taken.body, DaySheet)
        assert sheet is not None and len(sheet.lines) == len(work.beams_of(bench.certificate)) and sheet.interrupt_token
        page = entered(browser, address, "")
        closed(page)
        loaded(page)
        treated(page, up)
        page.context.close()


def in_the_records(bench: Bench) -> list[Sheet]:
    """Each sheet of a day's check that the recorder has taken, and against which it has no word."""
    found = []
    for path in sorted((bench.rig.records / sheets.FOLDER).glob(f"*{sheets.TAKEN}")):
        one = sheets.read(path)
        if isinstance(one, Sheet) and one.kind is SheetKind.DAILY:
            assert fractions.sheet_words(database(bench.rig), one.sha256) == ""
            found.append(one)
    return found


def treated(page: Page, up: Served) -> None:
    """From the loaded order to its end."""
    page.locator("#state", has_text="PREPARING").wait_for(timeout=40_000)
    for name in ("Applicator and shields", "The room is ready"):
        page.get_by_role("button", name=name).click()
    page.get_by_role("button", name="Confirm exactly this").click(timeout=40_000)
    page.locator("#state", has_text="READY").wait_for(timeout=40_000)
    page.get_by_role("button", name="SIMULATED: press").click()
    page.locator("#state", has_text="ENDED").wait_for(timeout=60_000)
    ended = until(up, lambda one: one.ended is not None).ended
    assert ended is not None and ended.outcome == "TERMINATED" and re.match("DOSE_END|TIME_END", ended.event)
