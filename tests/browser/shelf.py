"""A console on records made by hand, without a rig beside it: what the Records and Service pages show of them, and that they say NO DATA.
It proves nothing by itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page

from hal.clock import SystemClock
from hal.units import Seconds
from verification import setting

TESTS = Path(__file__).parents[1]
sys.path.append(str(TESTS / "console"))
from desk_by_hand import EXAMPLES, dumped  # noqa: E402
from kept_by_hand import ORDER as ORDER  # noqa: E402
from kept_by_hand import KeptByHand  # noqa: E402

HOSTILE = "<script>alert(1)</script>"
FORMULA = '=HYPERLINK("x")'
CODE = r"code ([0-9A-Z-]{8,})\s|log in with name and password"


@contextmanager
def console_on(folder: Path, fill: Callable[[KeptByHand], None], real: bool = False) -> Iterator[tuple[str, str]]:
    """Address and code of a console on these records; of a real rig the code for its first administrator, or none where `fill` made users."""
    kept = KeptByHand(folder / "records")
    fill(kept)
    kept.done()
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    document["records"]["dir"] = "records"
    document["paths"] = {"shm": "shm", "desk": "desk.sock", "stop": "stop.sock"}
    if real:
        del document["simulated"]
        document["rig"]["simulated"] = False
        document["generator"]["link"] = document["safety_unit"]["link"] = "tty:/dev/serial/by-id/none"
        document["safety_unit"]["site_key_file"] = "site.key"
    (folder / "rig.toml").write_text(dumped(document), encoding="utf-8")
    port = setting.free_port()
    with (folder / "console.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "console", "console", "--config", str(folder / "rig.toml"), "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        )  # fmt: skip
    try:
        clock = SystemClock()
        until = clock.monotonic() + 60.0
        while not (found := re.search(CODE, (folder / "console.log").read_text(encoding="utf-8"))):
            assert process.poll() is None and clock.monotonic() < until, (folder / "console.log").read_text(
                encoding="utf-8"
            )
            clock.sleep_until(Seconds(clock.monotonic() + 0.1))
        yield f"http://127.0.0.1:{port}/", found[1] or ""
    finally:
        process.terminate()
        process.wait(20.0)


def opened(browser: Browser, address: str, code: str, where: str, size: dict[str, int]) -> tuple[Page, list[str]]:
    """A page of somebody who has logged in on it; and what its console said."""
    page = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, reduced_motion="reduce"
    ).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    page.goto(address + where)
    if code:
        page.get_by_label("Code").fill(code)
        page.get_by_label("Code").press("Enter")
        page.get_by_text("demonstration (operator)").wait_for()
    return page, said
