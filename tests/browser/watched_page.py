"""A page in the browser that notes what it asked for and what its console said, with the steps that every treatment begins with.
It proves nothing by itself."""

from __future__ import annotations

from playwright.sync_api import Browser, Page
from playwright.sync_api import TimeoutError as NotInTimeError

from verification.with_console import Served


class Watched:
    """A page that notes what it asked for and what its console said."""

    def __init__(self, browser: Browser, rig: Served, size: dict[str, int], touch: bool = False) -> None:
        context = browser.new_context(
            viewport={"width": size["width"], "height": size["height"]}, has_touch=touch, reduced_motion="reduce"
        )
        self.page: Page = context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(rig.address)
        self.rig = rig

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
        page.get_by_text(patient).first.click(timeout=10_000)
        page.get_by_role("button", name=lesion).click()
        page.get_by_role("button", name="Load", exact=True).click()

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
