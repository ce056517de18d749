"""Orders are loaded with the signatures of a physician and a physicist over their very bytes, at the page and at the terminal; a signature survives any
crash, does not outlive a change, a withdrawal or its chain, and is never one person's in both meanings."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import BADGE, PIN, SECRET, quiet
from desk_by_hand import EXAMPLES, OK, dumped, offer, snapshot
from test_web_access import Staffed
from test_web_api import CONFIRM, Browser, Scripted, StoodClock
from typer.testing import CliRunner

from console.access import approvals as store
from console.access import policy
from console.access.approvals import Approvals
from console.cli import build
from console.treat import terminal
from console.web.clerk import Clerk
from console.web.doors import Doors
from console.web.fraction import Orders
from console.web.link import SLOW_AFTER_S
from console.web.serve import application
from console.web.standing import Standing
from controller.prescribed import Prescribed
from controller.requests import Answer, Confirm, Edit, Load
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from records.approved import Signatures
from verification.disk import FaultyDisk, Killed, Strike

ONE, OTHER = "a" * 64, "b" * 64
BOTH = policy.BOTH


def kept(folder: Path, files: FaultyDisk | None = None) -> Approvals:
    (folder / store.FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    return Approvals(folder, lambda: 1.8e9, files)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigurationError) as error:
        act()
    return str(error.value)


def test_an_order_needs_both_over_its_very_bytes_and_says_what_is_missing(tmp_path: Path) -> None:
    approvals = kept(tmp_path)
    words = approvals.signed().refusal(ONE, BOTH)
    assert '"prescribed" (physician) and "physics checked" (physicist) is missing' in words and "first: have a" in words
    approvals.sign(ONE, "RX-7 version 2", "mia", "physician")
    assert '"physics checked" (physicist) is missing' in approvals.signed().refusal(ONE, BOTH)
    approvals.sign(ONE, "RX-7 version 2", "paul", "physicist")
    signed = approvals.signed()
    assert signed.refusal(ONE, BOTH) == "" and signed.wrong == ()
    assert signed.refusal(OTHER, BOTH) and signed.refusal(OTHER, ()) == "", "a changed file is another order"
    assert [(one.who, one.role, one.meaning, one.sha256) for one in signed.approvals] == [
        ("mia", "physician", "prescribed", ONE), ("paul", "physicist", "physics checked", ONE),
    ]  # fmt: skip
    assert "signed this order already" in refused(lambda: approvals.sign(ONE, "RX-7", "mia", "physician"))
    for role in ("operator", "service", "administrator", ""):
        assert "first:" in refused(lambda role=role: approvals.sign(ONE, "RX-7", "olga", role))  # type: ignore[misc]


def test_one_person_does_not_give_both_whatever_role_that_person_has_today(tmp_path: Path) -> None:
    approvals = kept(tmp_path)
    approvals.sign(ONE, "RX", "paul", "physicist")
    assert "another person" in refused(lambda: approvals.sign(ONE, "RX", "paul", "physician"))
    approvals._note(store.GIVEN, "paul", "physician", {"sha256": ONE, "meaning": "prescribed", "order": "RX"})
    approvals._note(store.GIVEN, "olga", "operator", {"sha256": ONE, "meaning": "prescribed", "order": "RX"})
    approvals._note(store.GIVEN, "sven", "physician", {"sha256": ONE, "meaning": "physics checked", "order": "RX"})
    signed = approvals.signed()
    assert signed.missing(ONE, BOTH) == ("physician",), "the reader judges what was written once more"
    assert [bool(one.against) for one in signed.approvals] == [False, True, True, True]


def test_a_withdrawn_signature_counts_no_more_and_stays_to_be_read(tmp_path: Path) -> None:
    approvals = kept(tmp_path)
    n = approvals.sign(ONE, "RX", "mia", "physician")
    approvals._note(store.GIVEN, "mia", "physician", {"sha256": ONE, "meaning": "prescribed", "order": "RX"})
    approvals.withdraw(n, "depth was 4 mm", "paul", "physicist")
    signed = approvals.signed()
    assert signed.missing(ONE, BOTH) == BOTH, "a second one of the same person does not stand in its place"
    assert "paul withdrew mia's: depth was 4 mm" in signed.refusal(ONE, BOTH)
    assert (signed.approvals[0].withdrawn_by, signed.approvals[0].reason) == ("paul", "depth was 4 mm")
    assert "no signature" in refused(lambda: approvals.withdraw(n, "again", "paul", "physicist"))
    assert "no signature 99" in refused(lambda: approvals.withdraw(99, "r", "paul", "physicist"))
    approvals.sign(ONE, "RX", "mia", "physician")
    assert approvals.signed().missing(ONE, BOTH) == ("physicist",), "signed anew"


def test_of_a_chain_that_is_not_whole_nothing_counts(tmp_path: Path) -> None:
    """Each byte of one line altered, the tail cut, the head gone or another's: no order is approved, and no signature is added."""
    approvals = kept(tmp_path)
    approvals.sign(ONE, "RX", "mia", "physician")
    approvals.sign(ONE, "RX", "paul", "physicist")
    log, head = approvals._chain.log, approvals._chain.head
    whole, signed = log.read_bytes(), head.read_bytes()
    last = whole.rindex(b"\n", 0, -1) + 1
    for at in range(last, len(whole) - 1):
        log.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = approvals.signed()
        assert found.missing(ONE, BOTH) == BOTH and found.wrong, at
        assert "kerma approvals verify" in found.refusal(ONE, BOTH)
    assert "not whole" in refused(lambda: approvals.sign(OTHER, "RX", "mia", "physician"))
    for left, newest in (
        (whole[:last], signed),
        (b"", signed),
        (whole, b"{}"),
        (whole, signed.replace(b'"n": 3', b'"n": 2')),
    ):
        log.write_bytes(left)
        head.write_bytes(newest)
        assert approvals.signed().missing(ONE, BOTH) == BOTH
    log.write_bytes(whole)
    head.unlink()
    assert approvals.signed().missing(ONE, BOTH) == BOTH
    head.write_bytes(signed)
    assert approvals.signed().missing(ONE, BOTH) == ()
    log.write_bytes(whole + b'{"n":4,"wall_s"')
    assert approvals.signed().missing(ONE, BOTH) == (), "a line that a crash cut off alters nothing that was signed"


@pytest.mark.grid
@pytest.mark.parametrize("what", ["ENOSPC", "KILL", "TORN KILL", "POWER", "TORN POWER", "SHORT", "EIO"])
def test_a_signature_that_was_told_stands_after_a_crash_at_any_call_and_no_other_does(
    tmp_path: Path, what: str
) -> None:
    """Sign, sign, withdraw, with a kill, a power cut or a full disk at each call: what was told holds, and the next signature is taken."""
    call, struck = 0, True
    while struck:
        call += 1
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        approvals = kept(tmp_path / f"r{call}", disk)
        told: list[str] = []
        n = 0
        try:
            for act in ("physician", "physicist", "withdraw"):
                try:
                    if act == "withdraw" and "physicist" not in told:
                        continue
                    if act == "withdraw":
                        approvals.withdraw(n, "reason", "mia", "physician")
                    else:
                        n = approvals.sign(ONE, "RX", act, act)
                    told.append(act)
                except ConfigurationError as error:
                    assert "first:" in str(error)
        except Killed:
            pass
        struck = bool(disk.struck)
        disk.die(lambda: None)
        if "POWER" in what:
            disk.cut()
        again = kept(tmp_path / f"r{call}")
        signed = again.signed()
        assert signed.wrong == (), (call, signed.wrong)
        missing = signed.missing(ONE, BOTH)
        assert "physician" not in told or "physician" not in missing, (call, told)
        if "withdraw" in told:
            assert "physicist" in missing, (call, told)
        elif "physicist" in told and n:
            assert "physicist" not in missing or any(one.reason for one in signed.approvals), call
        assert signed.of(OTHER) == ()
        again.sign(OTHER, "RX", "mia", "physician")
        assert again.signed().missing(OTHER, BOTH) == ("physicist",) and again.signed().wrong == ()
        assert set(missing) <= set(again.signed().missing(ONE, BOTH)), (call, "it comes to stand by another signature")
    assert call > 15, "every call was struck once"


@pytest.mark.parametrize("what", ["ENOSPC", "KILL"])
def test_t4_a_signature_that_was_refused_is_not_given_by_the_next_persons(tmp_path: Path, what: str) -> None:
    """Its line is on the disk and its head is not: who signed was told so and sees in the list that it does not stand. Nor does it when another has signed:
    it is signed anew, or it is none; of a withdrawal that was written so nothing is taken back."""
    refused_ones = 0
    for call in range(1, 40):
        disk = FaultyDisk(seed=1, strikes=[Strike(call, what)])
        folder = tmp_path / f"r{call}"
        kept(folder).sign(OTHER, "RX", "sven", "physician")
        with suppress(ConfigurationError, Killed):
            kept(folder, disk).sign(ONE, "RX", "mia", "physician")
        disk.die(lambda: None)
        approvals = kept(folder)
        if not disk.struck or approvals.signed().missing(ONE, BOTH) != BOTH:
            continue
        refused_ones += b'"who":"mia"' in approvals._chain.log.read_bytes()
        approvals.sign(ONE, "RX", "paul", "physicist")
        assert approvals.signed().missing(ONE, BOTH) == ("physician",), call
        assert approvals.signed().wrong == ()
        approvals.sign(ONE, "RX", "mia", "physician")
        assert approvals.signed().refusal(ONE, BOTH) == ""
    assert refused_ones > 3, "a line without its head was looked at"


def test_a_withdrawal_that_was_refused_is_one_when_the_next_line_is_written(tmp_path: Path) -> None:
    """The safe side: nobody treats by a signature that somebody meant to withdraw."""
    approvals = kept(tmp_path)
    n = approvals.sign(ONE, "RX", "mia", "physician")
    head = approvals._chain.head.read_bytes()
    approvals.withdraw(n, "depth was 4 mm", "mia", "physician")
    approvals._chain.head.write_bytes(head)
    again = kept(tmp_path)
    assert again.signed().missing(ONE, BOTH) == ("physicist",)
    again.sign(ONE, "RX", "paul", "physicist")
    assert again.signed().missing(ONE, BOTH) == ("physician",) and again.signed().wrong == ()


def test_t9_a_line_without_a_hash_that_fits_is_no_signature_whatever_is_written_behind_it(tmp_path: Path) -> None:
    """Without the key somebody adds what looks like a crash's torn line and reads like a signature: the next person's entry accounts for its bytes, and no
    more."""
    approvals = kept(tmp_path)
    approvals.sign(OTHER, "RX", "mia", "physician")
    log = approvals._chain.log
    told = {"sha256": ONE, "values": "", "meaning": "prescribed", "order": "RX"}
    for n in (2, 3, 4):
        forged = {
            "n": n,
            "wall_s": 1.0,
            "what": store.GIVEN,
            "who": "mia",
            "role": "physician",
            "told": told,
            "before": "",
            "hash": "",
        }
        again = kept(tmp_path)
        with log.open("ab") as file:
            file.write(json.dumps(forged).encode())
        assert again.signed().wrong == () and again.signed().missing(ONE, BOTH) == BOTH
        again.sign("c" * 63 + str(n), "RX", "paul", "physicist")
        assert again.signed().wrong == () and again.signed().of(ONE) == ()


def test_a_cut_that_took_a_lines_end_alone_leaves_the_chain_whole(tmp_path: Path) -> None:
    """One byte of a write is lost: the next entry follows the line, and does not stand beside it under the same number."""
    approvals = kept(tmp_path)
    approvals.sign(OTHER, "RX", "mia", "physician")
    log, head = approvals._chain.log, approvals._chain.head
    signed = head.read_bytes()
    approvals.sign(ONE, "RX", "mia", "physician")
    head.write_bytes(signed)
    log.write_bytes(log.read_bytes()[:-1])
    again = kept(tmp_path)
    again.sign(ONE, "RX", "paul", "physicist")
    assert again.signed().wrong == () and again.signed().missing(ONE, BOTH) == ("physician",)


def test_what_is_asked_for_stands_in_a_file_beside_the_rig_and_is_both_without_one(tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    assert policy.asked_of(rig, False) == ("physician", "physicist") and policy.asked_of(rig, True) == ()
    path = tmp_path / policy.NAME
    for text, clinical, simulated in (
        ('[load]\nclinical = ["physicist"]\n', ("physicist",), ()), ("[load]\nclinical = []\n", (), ()),
        ('[load]\nclinical = ["physicist", "physician"]\nsimulated = ["physician"]\n', BOTH, ("physician",)),
    ):  # fmt: skip
        path.write_text(text)
        path.chmod(0o644)
        assert (policy.asked_of(rig, False), policy.asked_of(rig, True)) == (clinical, simulated)
    double = '[load]\nclinical = ["physicist", "physicist"]\n'
    for text in (
        "",
        "[load]\n",
        '[load]\nclinical = ["operator"]\n',
        double,
        "[load]\nclinical = []\nmore = 1\n",
        "x",
    ):
        path.write_text(text)
        words = refused(lambda: policy.asked_of(rig, False))
        assert str(path) in words, text
    path.chmod(0o666)
    assert "others may write it" in refused(lambda: policy.asked_of(rig, False))


class Signing(Staffed):
    """A clinical console with the order of the examples in its folder, and a physician beside the others."""

    timed = StoodClock

    def __init__(self, scripted: Scripted, folder: Path, prescribed: Prescribed) -> None:
        super().__init__(scripted, folder, prescribed)
        self.folder = folder
        self.order = {"order": "short.toml", "sha256": prescribed.sha256.hex()}
        (folder / "short.toml").write_bytes((EXAMPLES / "short.toml").read_bytes())
        self.loads = self.room.orders
        file = self.room.rig.file.model_copy(
            update={"rig": self.room.rig.file.rig.model_copy(update={"simulated": False})}
        )
        rig = replace(self.room.rig, path=folder / "rig.toml", file=file)
        listed = Orders(rig, folder, self.clock)
        listed.read = self.loads.read  # type: ignore[method-assign]
        listed.exchanged = self.loads.exchanged  # type: ignore[method-assign]
        self.room = replace(self.room, rig=rig, orders=listed)
        self.app = Doors(application(self.room), 8321, 8322, self.room.link.stop)

    async def sign(self, page: Browser, meaning: str, secret: str = SECRET, **more: Any) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1].get("token", "none")
        body = self.order | {"meaning": meaning, "secret": secret} | more
        return await page.post("/api/approvals/sign", body, x_kerma_token=token)

    async def withdraw(self, page: Browser, n: int, reason: str, secret: str = SECRET) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1].get("token", "none")
        return await page.post(
            "/api/approvals/withdraw", {"n": n, "reason": reason, "secret": secret}, x_kerma_token=token
        )


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Signing:
    return Signing(scripted, tmp_path, prescribed)


def test_a_clinical_rig_loads_and_confirms_only_what_both_have_signed(console: Signing, prescribed: Prescribed) -> None:
    desk = Signatures(console.folder)

    async def story() -> None:
        page, mia, paul = (
            await console.page("olga"),
            await console.page("mia", False),
            await console.page("paul", False),
        )
        await page.command("control/take")
        status, said = await page.command("load", console.order)
        assert status == 409 and "not approved" in said["words"] and "first: have a physician sign it" in said["words"]
        assert (await console.sign(mia, "prescribed"))[0] == 200
        status, said = await page.command("resume", console.order | {"reason": "r", "secret": SECRET})
        assert status == 409 and '"physics checked"' in said["words"]
        assert '"physics checked"' in desk.unsigned(prescribed, BOTH)
        status, signed = await console.sign(paul, "physics checked")
        assert status == 200 and not console.asked(Load)
        assert desk.unsigned(prescribed, BOTH) == "", "what is signed at the page is what the desk's own law asks for"
        rows = (await page.post("/api/orders"))[1]["orders"]
        assert [one["who"] for one in rows[0]["approval"]["given"]] == ["mia", "paul"] and rows[0]["approval"][
            "words"
        ] == ""
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await page.command("load", console.order))[0] == 200
        await console._seen("PREPARATORY")
        console.room.approvals.withdraw(signed["n"], "wrong side", "mia", "physician")
        status, said = await page.command("confirm", CONFIRM)
        assert status == 409 and "mia withdrew paul's: wrong side" in said["words"]
        assert not console.asked(Confirm), "withdrawn by another console between loading and confirming"
        assert (await console.sign(paul, "physics checked"))[0] == 200
        assert (await page.command("confirm", CONFIRM))[0] == 200

    console.play(story)
    assert {
        "command": "approve",
        "do": "sign",
        "order_sha256": console.order["sha256"],
        "meaning": "prescribed",
    } in console.clerk.whats("command")
    assert len(told := console.clerk.whats("signed")) == 3
    assert all(len(one["tag"]) == 16 and one["version"] == 1 for one in told), "by which a lost newer version is known"


def test_a_machine_that_is_busy_for_seconds_between_two_steps_refuses_nothing_here(
    console: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scripted desk shows what it is asked and is silent in between: on a starved machine a second of that was a desk that does not turn, and each of
    these stories ended with its 503. Here ten seconds pass at each look at the machine's own clock."""
    passed = itertools.count(1e6, 10.0)
    monkeypatch.setattr(SystemClock, "monotonic", lambda _clock: next(passed))

    async def story() -> None:
        page, mia = await console.page("olga"), await console.page("mia", False)
        assert (await page.command("control/take"))[0] == 200
        assert (await console.sign(mia, "prescribed"))[0] == 200
        assert (await page.command("load", console.order))[0] == 409

    console.play(story)


def test_a_desk_that_is_silent_is_told_with_503_and_nothing_is_loaded_until_it_turns_again(console: Signing) -> None:
    """A console that does not hear the desk answers so, also where it is starved itself; whoever asks again after the next snapshot is answered as ever."""

    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            console.room.approvals.sign(console.order["sha256"], "o", who, role)
        console.clock.more_s += SLOW_AFTER_S + 0.1
        status, said = await page.command("load", console.order)
        assert status == 503 and said["words"].startswith("no snapshot for 1.1 s; first: look at the warning lamp")
        assert not console.asked(Load)
        console.room.link.alive()
        before = console.room.link.number
        while console.room.link.number == before:
            await asyncio.sleep(0.002)
        assert (await page.command("load", console.order))[0] == 200 and len(console.asked(Load)) == 1

    console.play(story)


@pytest.mark.parametrize(
    ("state", "words"),
    [("PREPARATORY", "unloaded now"), ("READY", "unloaded now"), ("IRRADIATING", "first: press STOP"), ("STANDBY", "")],
)
def test_a_signature_that_is_withdrawn_unloads_what_is_loaded_by_it(console: Signing, state: str, words: str) -> None:
    """Also where it was confirmed: the next press would have been of an order that its physician took back."""

    async def story() -> None:
        page, mia = await console.page("olga"), await console.page("mia", False)
        await page.command("control/take")
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            console.room.approvals.sign(console.order["sha256"], "o", who, role)
        console.shown = snapshot(state=state, offer=offer(), at_s=0.0)
        assert (await page.command("load", console.order))[0] == 200
        await console._seen(state)
        status, said = await console.withdraw(mia, 2, "wrong side")
        assert status == 200 and words in said["words"] and ("; " in said["words"]) == bool(words)
        assert len(console.asked(Edit)) == ("unloaded" in words)
        console.answer = Answer(False, "another client holds the control lease")
        if state == "READY":
            console.room.approvals.sign(console.order["sha256"], "o", "mia", "physician")
            console.room.fraction.take(console.loads.read("", "", False), 0.0, 0)
            status, said = await console.withdraw(mia, 5, "wrong side")
            assert "could not be unloaded" in said["words"] and "press STOP" in said["words"]

    console.play(story)
    assert console.clerk.whats("withdrawn")


def test_what_another_console_withdraws_unloads_what_is_loaded_here(console: Signing) -> None:
    """Two consoles at one rig do not hear of each other; READY stayed READY."""

    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        approvals, standing = console.room.approvals, Standing(console.room)
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            approvals.sign(console.order["sha256"], "o", who, role)
        console.shown = snapshot(state="READY", at_s=0.0)
        assert (await page.command("load", console.order))[0] == 200
        await console._seen("READY")
        await standing.look()
        assert not console.asked(Edit)
        approvals.withdraw(2, "wrong side", "mia", "physician")
        console.room.link._show(snapshot(state="IRRADIATING", at_s=0.0))
        await standing.look()
        assert not console.asked(Edit), "in beam a person says STOP"
        console.room.link._show(console.shown)
        console.answer = Answer(False, "another client holds the control lease")
        await standing.look()
        assert console.room.fraction.loaded is not None, "asked again at the next look"
        console.answer = OK
        await standing.look()
        assert len(console.asked(Edit)) == 2 and console.room.fraction.loaded is None

    console.play(story)
    assert console.clerk.whats("unloaded") == [{"order_sha256": console.order["sha256"]}]


def test_t4_a_signature_asks_the_persons_own_secret_again_and_no_other_role_gives_one(console: Signing) -> None:
    async def story() -> None:
        for name in ("olga", "sven", "ada"):
            status, said = await console.sign(await console.page(name, False), "prescribed")
            assert status == 403 and "not for the role" in said["words"]
        mia = await console.page("mia", False)
        status, said = await console.sign(mia, "prescribed", "plum harvest on monday")
        assert status == 409 and "do not fit" in said["words"]
        status, said = await console.sign(mia, "prescribed", PIN, badge=BADGE)
        assert status == 409 and "another than mia" in said["words"], "a colleague's badge signs for nobody else"
        status, said = await console.sign(mia, "physics checked")
        assert status == 409 and "signs for prescribed" in said["words"]
        status, said = await console.sign(mia, "prescribed", sha256="0" * 64)
        assert status == 409 and "changed since it was shown" in said["words"]
        console.people.office.role("mia", "operator", quiet)
        assert (await console.sign(mia, "prescribed"))[0] in (401, 403)
        console.clerk.kept.full = True
        status, said = await console.sign(await console.page("paul", False), "physics checked")
        assert status == 503 and "cannot be audited" in said["words"]

    console.play(story)
    assert console.room.approvals.signed().approvals == ()
    assert len(console.clerk.whats("secret refused")) == 2


def test_t4_a_physician_signs_and_starts_nothing(console: Signing) -> None:
    async def story() -> None:
        mia = await console.page("mia")
        for command, body in (
            ("control/take", {}),
            ("load", console.order),
            ("confirm", CONFIRM),
            ("reset", {"reason": "r"}),
            ("retest", {}),
        ):
            status, said = await mia.command(command, body)
            assert status == 403 and "not for the role physician" in said["words"], command
        assert (await mia.post("/api/orders"))[0] == 200 and (await mia.post("/stop"))[0] == 200

    console.play(story)


def test_a_simulated_rig_says_not_approved_and_loads(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed
) -> None:
    console = Signing(scripted, tmp_path, prescribed)
    console.room = replace(console.room, rig=replace(console.room.rig, file=replace_simulated(console, True)))
    console.app = Doors(application(console.room), 8321, 8322, console.room.link.stop)

    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        row = (await page.post("/api/orders"))[1]["orders"][0]["approval"]
        assert row == {"given": [], "asked": [], "missing": ["physician", "physicist"], "words": ""}
        assert (await page.command("load", console.order))[0] == 200
        (tmp_path / policy.NAME).write_text('[load]\nclinical = []\nsimulated = ["physicist"]\n')
        status, said = await page.command("load", console.order)
        assert status == 409 and "physicist" in said["words"]
        (tmp_path / policy.NAME).write_text("[load]\n")
        status, said = await page.command("load", console.order)
        assert status == 409 and "clinical is missing" in said["words"], (
            "a policy that cannot be read asks for nothing less"
        )

    console.play(story)


def replace_simulated(console: Signing, simulated: bool) -> Any:
    file = console.room.rig.file
    return file.model_copy(update={"rig": file.rig.model_copy(update={"simulated": simulated})})


def test_at_the_terminal_the_same_signatures_are_asked_for(
    tmp_path: Path, prescribed: Prescribed, console: Signing
) -> None:
    """kerma treat refuses with the same words; nothing else of a real rig is looked at before."""
    words = terminal.unapproved(console.room.rig, prescribed, SystemClock())
    assert "not approved" in words and "first:" in words
    console.room.approvals.sign(prescribed.sha256.hex(), "RX", "mia", "physician")
    console.room.approvals.sign(prescribed.sha256.hex(), "RX", "paul", "physicist")
    assert terminal.unapproved(console.room.rig, prescribed, SystemClock()) == ""


def test_kerma_approvals_lists_and_verifies_also_against_the_audit(tmp_path: Path, prescribed: Prescribed) -> None:
    document = {"load": {"clinical": ["physician"], "simulated": ["physician", "physicist"]}}
    (tmp_path / policy.NAME).write_text(dumped(document))
    text = (EXAMPLES / "rig.toml").read_text(encoding="utf-8")
    for name in ("certificate.toml", "physicist.pub", "short.toml", "rig.toml"):
        (tmp_path / name).write_bytes((EXAMPLES / name).read_bytes())
    (tmp_path / "rig.toml").write_text(text, encoding="utf-8")

    def kerma(*arguments: str) -> tuple[int, str]:
        words = ["approvals", *arguments, "--config", str(tmp_path / "rig.toml")]
        ended = CliRunner().invoke(build(words), words)
        return ended.exit_code, ended.stdout

    from console import configuration

    records = configuration.load(tmp_path / "rig.toml", 0).records
    assert kerma("verify")[0] == 0 and "nothing was signed" in kerma("list")[1]
    approvals = Approvals(records, lambda: 1.8e9)
    sha256 = prescribed.sha256.hex()
    n = approvals.sign(sha256, "RX-1 version 1", "mia", "physician")
    code, said = kerma("list", "--order", str(tmp_path / "short.toml"), "--json")
    document = json.loads(said)
    assert code == 0 and document["asked"] == ["physician", "physicist"] and document["approvals"][0]["who"] == "mia"
    assert '"physics checked" (physicist) is missing' in document["words"]
    assert "mia" in kerma("list")[1] and kerma("verify")[0] == 0
    from console.access import folder

    _, audit = folder.opened(records, SystemClock())
    audit.note("signed", "mia", "physician", {"signature": n, "order_sha256": sha256})
    assert kerma("verify")[0] == 0
    audit.note("withdrawn", "paul", "physicist", {"signature": n, "order_sha256": sha256})
    audit.note("signed", "paul", "physicist", {"signature": 9, "order_sha256": sha256})
    code, said = kerma("verify", "--json")
    wrong = json.loads(said)["wrong"]
    assert code == 1 and "here it stands" in wrong[0] and "signature 9" in wrong[1], "a folder put back from a backup"
    log = records / store.FOLDER / "audit.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"mia"', b'"eve"'))
    assert kerma("verify")[0] == 1 and "WRONG" in kerma("list")[1]


def test_the_real_clerk_writes_no_patient_into_the_audit_with_a_signature(
    console: Signing, prescribed: Prescribed
) -> None:
    from console.access.audit import Audit
    from records.files import PosixFiles

    folder = console.folder / "access"
    clerk = Clerk(Audit(folder, PosixFiles(), console.clock.wall))
    console.room = replace(console.room, clerk=clerk)
    console.app = Doors(application(console.room), 8321, 8322, console.room.link.stop)

    async def story() -> None:
        mia = await console.page("mia", False)
        n = (await console.sign(mia, "prescribed"))[1]["n"]
        assert (await console.withdraw(mia, n, "Mrs Planted has another depth"))[0] == 200
        await asyncio.sleep(0)

    console.play(story)
    clerk.close()
    raw = (folder / "audit.jsonl").read_bytes()
    for words in (prescribed.patient_id, prescribed.prescription_id, "Planted", SECRET, "short.toml"):
        assert words.encode() not in raw
    assert b'"withdrawn"' in raw and SECRET.encode() not in console.room.approvals._chain.log.read_bytes()
