"""A hand that has keys and no pointer: it goes by Tab to what it wants, and holds that the focus is seen at each place on its way.
It proves nothing by itself."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Locator, Page, expect

TABS: Final = 60
HEARD: Final = """() => {
  window.hands = [];
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, (event) => window.hands.push(event.pointerType || event.type), true);
}"""
SEEN: Final = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return "";
  const name = `${one.tagName} ${one.id} ${one.textContent.slice(0, 40)}`, style = getComputedStyle(one), box = one.getBoundingClientRect();
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return `no outline: ${name}`;
  if (one.id === "panel") return "";
  if (box.top < 0 || box.bottom > innerHeight || box.left < 0 || box.right > innerWidth) return `outside of the window: ${name}`;
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return one.contains(top) ? "" : `covered by ${top?.tagName} ${top?.id}: ${name}`;
}"""
"""What is wrong with the place of the focus; empty where its outline is seen and nothing lies over it."""


def hands(page: Page) -> set[str]:
    """What has touched this page since `HEARD` was put into it."""
    found: list[str] = page.evaluate("window.hands")
    return set(found)


class Keys:
    """Tab, Enter and letters; Space is STOP on every page, so that nothing is chosen by it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.evaluate(HEARD)

    def to(self, wanted: Locator) -> None:
        """By Tab alone; nowhere on the way is the focus unseen."""
        expect(wanted).to_be_enabled(timeout=40_000)
        for _ in range(TABS):
            if wanted.evaluate("(one) => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
            wrong = self.page.evaluate(SEEN)
            assert not wrong, wrong
        raise AssertionError(f"{TABS} times Tab did not lead to {wanted}")

    def enter(self, name: str) -> None:
        """The button of that name, or whose name holds it."""
        self.to(self.page.get_by_role("button", name=name).first)
        self.page.keyboard.press("Enter")

    def type(self, label: str, said: str) -> None:
        self.to(self.page.get_by_label(label))
        self.page.keyboard.type(said)

    def at_the_panel(self) -> None:
        """After a step the focus is on its panel, seen, and on no button that was not there before: a key that bounces chooses nothing."""
        expect(self.page.locator("#panel")).to_be_focused(timeout=10_000)
        wrong = self.page.evaluate(SEEN)
        assert not wrong, wrong
