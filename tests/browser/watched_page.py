"""A page in the browser that notes what it asked for and what its console said, with the steps that every treatment begins with.
It proves nothing by itself."""

from __future__ import annotations

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as NotInTimeError

from verification.with_console import Served, lay_orders

WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}


class Watched:
    """A page that notes what it asked for and what its console said."""

    def __init__(self, browser: Browser, rig: Served, size: dict[str, int], phone: bool = False) -> None:
        context = browser.new_context(
            viewport={"width": size["width"], "height": size["height"]}, has_touch=phone, is_mobile=phone, reduced_motion="reduce"
        )  # fmt: skip
        self._watch(context.new_page(), rig)
        self.page.goto(rig.address)

    @classmethod
    def over(cls, page: Page, rig: Served) -> Watched:
        """One that is open already."""
        made = cls.__new__(cls)
        made._watch(page, rig)
        return made

    def _watch(self, page: Page, rig: Served) -> None:
        self.page, self.rig = page, rig
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))

    def prescribe(self, patient: str, site: str, rx_mgy: float) -> None:
        """An order of this test alone, before anybody has logged in: what another one has treated or left is nothing to it."""
        lay_orders(self.rig.laid.folder / "orders", ((patient, "L1", site, "left", rx_mgy),))

    def enter(self) -> None:
        """Logged in and in control; typed by key."""
        page = self.page
        page.get_by_label("Code").fill(self.rig.code)
        page.get_by_label("Code").press("Enter")
        page.get_by_role("button", name="Take control").click()
        page.get_by_text("This page holds control").wait_for()

    def load(self, patient: str, lesion: str) -> None:
        page = self.page
        self.state("OFF")
        page.get_by_role("button", name=patient).first.click(timeout=10_000)
        page.get_by_role("button", name=lesion).click()
        page.get_by_role("button", name="Load", exact=True).click()

    def asked_again(self) -> None:
        """After an interruption somebody else may sit there: both identifiers and the lesion are looked at anew."""
        self.page.get_by_role("button", name="The patient said both identifiers").click()
        self.page.get_by_role("button", name="Lesion, side and site are these").click()

    def confirm(self) -> None:
        page = self.page
        page.get_by_role("button", name="Applicator and shields").click()
        page.get_by_role("button", name="The room is ready").click()
        page.get_by_role("button", name="Confirm exactly this").click(timeout=40_000)

    def state(self, word: str, within_s: float = 40.0) -> None:
        try:
            self.page.locator("#state", has_text=word).wait_for(timeout=within_s * 1000)
        except NotInTimeError as error:
            shown = " | ".join(
                self.page.locator(name).text_content() or ""
                for name in ("#state", "#alarm", "#notice", "#first", "#answer")
            )
            raise AssertionError(
                f"{word} did not come within {within_s:g} s; the page shows {shown}; {self.said}"
            ) from error

    def close(self) -> None:
        self.page.context.close()
