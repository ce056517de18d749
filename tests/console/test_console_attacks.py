"""What was tried against the console by a reviewer who did not write it (docs/console.md): control between two pages, tabs and watchers, a STOP whose answer
never comes, photos that cannot be believed, more orders than are shown. Each failed before it was mended."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any, Final

import pytest
from access_by_hand import Rig
from asgi_by_hand import Socket
from desk_by_hand import EXAMPLES, OK, offer, snapshot
from playwright._impl._driver import compute_driver_executable
from test_lesions import AtLesions, made
from test_web_api import COMPARED, CONFIRM, ORDER, Browser, Console, Scripted

from console import configuration
from console.access import folder, policy
from console.access.approvals import Approvals
from console.access.sessions import OF_ONE
from console.treat import lesions, terminal
from console.web import fraction, live
from console.web.control import GONE_AFTER_S
from console.web.fraction import Orders
from console.web.live import NOBODY_AT_MOST, TICKET, UNKNOWN_AT_MOST
from console.web.serve import HERE
from controller.prescribed import Prescribed
from controller.requests import Answer, Confirm, Edit, Load
from hal.clock import SystemClock
from hal.errors import ConfigurationError


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Console:
    return Console(scripted, tmp_path, prescribed)


async def two(console: Console) -> tuple[Browser, Browser]:
    """One page in control, another one that watches."""
    first, second = Browser(console), Browser(console)
    await first.ready()
    await second.enter()
    await second.open()
    return first, second


@pytest.mark.parametrize(("gone", "state"), [("silent", "PREPARATORY"), ("given back", "READY")])
def test_what_was_loaded_before_control_was_given_back_is_unloaded_by_whoever_takes_it(
    console: Console, gone: str, state: str
) -> None:
    """Within the 2 s of the desk's lease it still stood loaded, in the name of the one before, and was confirmed by the next without being loaded."""

    async def story() -> None:
        first, second = await two(console)
        console.shown = snapshot(state=state, offer=offer())
        assert (await first.command("load", ORDER))[0] == 200
        await console._seen(state)
        if gone == "silent":
            console.clock.more_s += GONE_AFTER_S + 0.1
            console.room.link._show(console.shown)
        else:
            assert (await first.command("control/leave"))[0] == 200
        assert (await second.command("control/take"))[0] == 200
        assert len(console.asked(Edit)) == 1
        status, said = await second.command("confirm", CONFIRM)
        why = "not loaded here" if state == "PREPARATORY" else "no offer to confirm"
        assert status == 409 and why in said["words"] and not console.asked(Confirm)
        assert console.room.fraction.loaded is None

    console.play(story)


def test_control_is_not_taken_in_beam_from_a_page_that_has_just_fallen_silent(console: Console) -> None:
    """The lease was ending that beam; a stranger's page would have kept it alive."""

    async def story() -> None:
        first, second = await two(console)
        console.shown = snapshot(state="IRRADIATING", beam="on")
        await first.command("edit")
        await console._seen("IRRADIATING")
        console.clock.more_s += GONE_AFTER_S + 0.1
        for page in (second, first):
            status, said = await page.command("control/take")
            assert status == 409 and "IRRADIATING" in said["words"]

    console.play(story)


def test_control_is_not_here_where_what_another_loaded_cannot_be_unloaded(console: Console) -> None:
    async def story() -> None:
        first, second = await two(console)
        console.shown = snapshot(state="READY", offer=offer())
        assert (await first.command("load", ORDER))[0] == 200
        await console._seen("READY")
        console.answer = Answer(False, "another client holds the control lease; it must end first")
        status, said = await second.command("control/take", {"over": True})
        assert status == 409 and "lease" in said["words"]
        assert console.room.control.holder(console.clock.monotonic()) is None

    console.play(story)


def test_an_order_that_is_being_read_while_control_changes_hands_is_not_loaded(console: Console) -> None:
    async def story() -> None:
        first, second = await two(console)
        reading, read, of = threading.Event(), threading.Event(), console.room.orders.read

        def slow(*given: Any) -> Any:
            reading.set()
            assert read.wait(10.0)
            return of(*given)

        console.room.orders.read = slow  # type: ignore[method-assign]
        asked = asyncio.create_task(first.command("load", ORDER))
        await asyncio.to_thread(reading.wait, 10.0)
        assert (await second.command("control/take", {"over": True}))[0] == 200
        read.set()
        status, said = await asked
        assert status == 409 and "another page" in said["words"] and not console.asked(Load)

    console.play(story)


def test_an_order_that_the_desk_takes_after_control_changed_hands_is_confirmed_by_nobody(console: Console) -> None:
    """The desk may take 8 s for its answer, and nothing stood loaded when the other page took control."""

    async def story() -> None:
        _, second = await two(console)
        tenure = console.room.control.tenure
        assert (await second.command("control/take", {"over": True}))[0] == 200
        console.room.link._show(snapshot(state="PREPARATORY", offer=offer()))
        console.room.fraction.take(console.room.orders.read("", "", False), console.clock.monotonic(), tenure)
        status, said = await second.command("confirm", CONFIRM)
        assert status == 409 and "before control changed hands" in said["words"] and not console.asked(Confirm)

    console.play(story)


def test_watchers_without_a_login_leave_room_for_whoever_treats(console: Console) -> None:
    async def story() -> None:
        for _ in range(NOBODY_AT_MOST):
            await Browser(console).open()
        late, known = Browser(console), Browser(console)
        await known.enter()
        assert (await known.open())["person"]["name"] == "demonstration"
        with pytest.raises(AssertionError, match=str(TICKET)):
            await late.open()

    console.play(story)


def test_lines_that_say_nothing_make_room(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """They held every live line, three seconds each and then again. Here none of them would ever have waited long enough to be closed for that."""
    monkeypatch.setattr(live, "TICKET_WITHIN_S", 3600.0)

    async def story() -> None:
        silent = [Socket(console.app, Browser(console).headers()) for _ in range(UNKNOWN_AT_MOST + 2)]
        for one in silent:
            assert (await one.heard())["type"] == "websocket.accept"
        assert [(await one.heard()).get("code") for one in silent[:2]] == [TICKET, TICKET]
        assert (await Browser(console).open())["snapshot"] is not None

    console.play(story)


def test_invented_cookies_take_no_ticket_away(console: Console) -> None:
    """Each had sixteen of its own, and 512 in all pushed out the ticket of whoever treats."""

    async def story() -> None:
        known = Browser(console)
        await known.enter()
        ticket = (await known.post("/api/ticket"))[1]["token"]
        tickets = console.room.tickets
        for number in range(600):
            tickets.give(console.room.login(f"invented{number}"), console.clock.monotonic())
        assert tickets.use(ticket, known.cookie, console.clock.monotonic())

    console.play(story)


def test_another_login_does_not_end_the_one_at_which_that_person_treats(tmp_path: Path) -> None:
    """The oldest login had to make room, touched or not: a fifth one interrupted the beam of the first."""
    rig = Rig(tmp_path / "access").staffed()
    treating = rig.enter("olga")
    for _ in range(OF_ONE + 2):
        rig.hand.now_s += 5.0
        rig.people.touch(treating)
        rig.hand.now_s += 1.0
        rig.enter("olga")
    assert rig.people.who(treating, False) is not None


def test_what_cannot_be_believed_is_not_no_photo(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> None:
    """A chain that was altered, or a photo that is gone, let the offer be confirmed uncompared."""
    console = AtLesions(scripted, tmp_path, prescribed)
    kept_at = console.room.lesions
    name = kept_at.attach(prescribed, made("JPEG"), "olga", "operator")

    async def story() -> None:
        page = await console.page("olga")
        await page.command("control/take")
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await page.command("load", console.order))[0] == 200
        await console._seen("PREPARATORY")
        log, photo = kept_at.folder / "audit.jsonl", kept_at.folder / name
        kept, compared = (
            photo.read_bytes(),
            COMPARED | {"photo": name},
        )
        for body, path, wrong, words in (
            (compared, photo, kept + b"x", "not what was attached"),
            (compared, photo, None, "cannot be read"),
            (CONFIRM, log, log.read_bytes().replace(b"L1", b"L2"), "cannot be known"),
        ):
            path.unlink() if wrong is None else path.write_bytes(wrong)
            status, said = await page.command("confirm", body)
            assert status == 409 and words in said["words"] and "first:" in said["words"]
            photo.write_bytes(kept)
        assert not console.asked(Confirm)

    console.play(story)


def test_a_withdrawal_that_was_put_back_from_a_backup_is_still_one(tmp_path: Path) -> None:
    """The folder of signatures is whole by itself, and older: the audit knows. It was looked at by kerma approvals verify alone."""
    records = tmp_path / "records"
    records.mkdir(mode=0o700)
    kept, (_, audit) = Approvals(records, lambda: 1.8e9), folder.opened(records, SystemClock())
    order, other = "a" * 64, "b" * 64
    for sha256 in (order, other):
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            n = kept.sign(sha256, "o", who, role)
            audit.note("signed", who, role, {"signature": n, "order_sha256": sha256})
    before = Path(shutil.copytree(kept.folder, tmp_path / "before"))
    kept.withdraw(2, "wrong side", "mia", "physician")
    audit.note("withdrawn", "mia", "physician", {"signature": 2, "order_sha256": order})
    assert "mia withdrew mia's" in kept.refusal(order, policy.BOTH)
    shutil.rmtree(kept.folder)
    shutil.copytree(before, kept.folder)
    again = Approvals(records, lambda: 1.8e9)
    assert again.signed().refusal(order, policy.BOTH) == "", "by itself it stands"
    assert "the audit says that mia withdrew it, and here it stands; first:" in again.refusal(order, policy.BOTH)
    assert again.refusal(other, policy.BOTH) == "" and again.refusal(order, ()) == ""


def test_a_name_or_reason_that_nobody_can_see_is_refused_at_the_terminal_too(tmp_path: Path) -> None:
    """It went into the journal, and so onto paper, as somebody's whom it was not."""
    rig = configuration.load(EXAMPLES / "rig.toml", 0)
    for words in ("olg\u202ea", "ol\ufe0fga", "olg\u0430", "a" * 201, "olga\x1b[2J"):
        for named in ({"operator": words}, {"reason": words, "resume": True}):
            asked = terminal.Asked(tmp_path / "none.toml", EXAMPLES / "rig.toml", **named)  # type: ignore[arg-type]
            with pytest.raises(ConfigurationError, match=r"^--(operator|reason) .*first: type it anew"):
                terminal.prepared(asked, rig, SystemClock())


def test_a_photo_never_takes_the_room_that_the_records_need(
    tmp_path: Path, prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = lesions.Lesions(tmp_path / "records", lambda: 1.8e9)
    monkeypatch.setattr(lesions, "FREE_LEAST_BYTES", 1 << 62)
    with pytest.raises(ConfigurationError, match="are the records'; first: make room"):
        kept.attach(prescribed, made("JPEG"), "olga", "operator")
    assert not list(kept.folder.glob("*.jpg"))


def test_a_second_load_that_the_desk_refuses_takes_nothing_from_the_first(console: Console) -> None:
    """A double tap: the fraction that stood loaded could not be confirmed any more, for the console had forgotten it."""

    async def story() -> None:
        page = Browser(console)
        await page.ready()
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await page.command("load", ORDER))[0] == 200
        await console._seen("PREPARATORY")
        console.answer = Answer(False, "loading a fraction is refused in PREPARATORY")
        assert (await page.command("load", ORDER))[0] == 409
        console.answer = OK
        assert (await page.command("confirm", CONFIRM))[0] == 200

    console.play(story)


def test_more_orders_than_are_listed_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fraction, "AT_MOST", 2)
    for name in "abc":
        (tmp_path / f"{name}.toml").write_bytes((EXAMPLES / "short.toml").read_bytes())
    rows = Orders(configuration.load(EXAMPLES / "rig.toml", 0), tmp_path, SystemClock()).listed()
    assert [row["name"] for row in rows] == ["a.toml", "b.toml", ""]
    assert rows[-1]["order"] is None and "3 orders, of which the first 2 are listed; first:" in rows[-1]["words"]


def test_an_identifier_that_would_be_shown_as_anothers_is_refused(tmp_path: Path) -> None:
    """A · B · C is the patient A with B · C, and A · B with C."""
    text = (EXAMPLES / "short.toml").read_text()
    path = tmp_path / "a.toml"
    orders = Orders(configuration.load(EXAMPLES / "rig.toml", 0), tmp_path, SystemClock())
    for words, taken in (("1 · 2", False), ("1 ·", False), ("· 1", False), ("paral·lel", True)):
        path.write_text(text.replace("EXAMPLE-0002", words))
        row = orders.listed()[0]
        assert (row["order"] is not None) == taken, words
        assert taken or "U+00B7" in row["words"]


STOPS = """
const source = process.argv[1], answers = [];
for (const ways of JSON.parse(process.argv[2])) {
  let now = 0;
  const timers = [], said = { dataset: {} }, told = [];
  Object.defineProperty(said, "textContent", { set: (word) => told.push(word) });
  const later = (act, ms) => timers.push([now + ms, act]);
  const button = { classList: { add: () => 0, remove: () => 0 } };
  const fetched = (way) => new Promise((done, failed) => {
    const status = ways[way === "/stop" ? 0 : 1];
    if (status) later(() => (status === "dead" ? failed(new Error("dead")) : done({ ok: status === 200, status })), 10);
  });
  const given = {
    $: (id) => (id === "stop" ? button : said), t: (word) => word, fetch: fetched, setTimeout: later, location: { port: "80" },
    STOP_ANSWERED_MS: 1500, STOP_SAID_MS: 3000,
  };
  new Function(...Object.keys(given), `let stops = 0; ${source}; stop();`)(...Object.values(given));
  while (timers.length) {
    timers.sort((one, other) => one[0] - other[0]);
    const [at, act] = timers.shift();
    now = at;
    act();
    await new Promise((done) => setImmediate(done));
  }
  answers.push(told);
}
console.log(JSON.stringify(answers));
"""
ANSWERED: Final[tuple[tuple[list[Any], str], ...]] = (
    ([200, 200], "stop_taken"), ([None, 200], "stop_door"), ([500, 200], "stop_door"), ([200, None], "stop_taken"), ([None, None], "stop_nobody"),
    ([500, None], "stop_nobody"), (["dead", "dead"], "stop_nobody"),
)  # fmt: skip


def test_a_stop_that_nobody_answers_is_said_and_stays_said() -> None:
    """The page's own function, by itself: a console that hangs never answered, and the page went back to its legend as if all were well. The other way's
    answer was not even waited for."""
    shell = (HERE / "files" / "shell.js").read_text(encoding="utf-8")
    source = shell[shell.index("function stop() {") : shell.index('$("stop").addEventListener("pointerdown"')]
    node = str(compute_driver_executable()[0])
    command = [node, "--input-type=module", "-e", STOPS, source, json.dumps([ways for ways, _ in ANSWERED])]
    answers = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout)
    for told, (ways, last) in zip(answers, ANSWERED, strict=True):
        assert told[0] == "stop_sent" and last in told[1:], ways
        assert told[-1] == ("stop_nobody" if last == "stop_nobody" else "stop_keys"), ways
