"""How a page is looked at: in four languages and in words made longer by rule, wide and on a phone, in both themes; what is cut, outside or over something
else is named, and where STOP stands. It proves nothing by itself."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from console.web.serve import HERE, WORDS

SIZES: Final = {1280: {"width": 1280, "height": 800}, 390: {"width": 390, "height": 844}}
THEMES: Final = ("dark", "light")
LOOKS: Final = tuple(product(SIZES, THEMES))
THEMED: Final = "(root, theme) => { root.dataset.theme = theme; }"
STOP_AT: Final = {1280: "976 280 764", 390: "24 342 808"}
"""Its left side, its width and its bottom: what a finger has learnt. It grows upwards where its legend needs a second line."""
ACCENTS: Final = str.maketrans("aceinouyACEINOUY", "àçéîñôûýÀÇÉÎÑÔÛÝ")
PSEUDO: Final = "pseudo"

LANGUAGES: Final = (*WORDS, PSEUDO)

LAID: Final = """() => {
  const boxes = [...document.querySelectorAll("h1, h2, h3, p, button, a, select, input, th, td, dt, dd, li, label > span")].filter((one) => {
    const style = getComputedStyle(one);
    const elsewhere = one.closest("#stop, #simulated, .scrolled, details:not([open]) > :not(summary)");
    return one.offsetParent !== null && style.visibility !== "hidden" && !elsewhere && style.position !== "fixed";
  });
  const found = [];
  for (const one of boxes) {
    const name = `${one.tagName} ${one.textContent.slice(0, 60)}`, box = one.getBoundingClientRect();
    if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 && !["INPUT", "SELECT"].includes(one.tagName)) found.push(`cut: ${name}`);
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`outside: ${name}`);
  }
  const leaves = boxes.filter((one) => !boxes.some((other) => other !== one && one.contains(other)) && one.textContent.trim() && !one.closest("#band"));
  for (let a = 0; a < leaves.length; a++) for (let b = a + 1; b < leaves.length; b++) {
    const one = leaves[a].getBoundingClientRect(), other = leaves[b].getBoundingClientRect();
    const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left), high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (wide > 2 && high > 2) found.push(`over each other: ${leaves[a].textContent.slice(0, 40)} | ${leaves[b].textContent.slice(0, 40)}`);
  }
  // a word that stands on two lines is not read at a glance; in a table's cells it may be
  for (const one of document.querySelectorAll("#state, #steps li, button, h2, thead th")) for (const node of one.childNodes) {
    if (node.nodeType !== Node.TEXT_NODE || !one.offsetParent) continue;
    for (const { 0: word, index } of node.data.matchAll(/[^\\s\\u00ad-]+/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) found.push(`broken: ${word}`);
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  return found;
}"""


def pseudo(said: str) -> str:
    """Accented, 40 % longer and in brackets; what stands in braces stays. STOP is one word in every language."""
    if said == "STOP":
        return said
    parts = re.split(r"(\{\w+\})", said)
    long = "".join(part if part.startswith("{") else part.translate(ACCENTS) for part in parts)
    more = (" ~~~~~" * len(said))[: max(2, round(0.4 * len(said)))]
    return f"[{long}{more}]"


def words_of(language: str) -> dict[str, str]:
    """The words of a language; of the pseudo-locale, made by rule."""
    english: dict[str, str] = json.loads((HERE / "words" / "en.json").read_text(encoding="utf-8"))
    if language == PSEUDO:
        return {key: pseudo(said) for key, said in english.items()}
    found: dict[str, str] = json.loads((HERE / "words" / f"{language}.json").read_text(encoding="utf-8"))
    return found


def whole(page: Page, path: Path, of: str = "") -> None:
    """A picture of the whole page, or of one part of it, on a screen so high that nothing of it lies under STOP."""
    size = page.viewport_size
    assert size is not None
    page.evaluate("scrollTo(0, 0)")
    page.set_viewport_size({"width": size["width"], "height": page.evaluate("document.documentElement.scrollHeight")})
    page.wait_for_timeout(300)
    page.locator(of or "html").screenshot(path=path)
    page.set_viewport_size(size)


class Laid:
    """What was wrong so far, said all at once in the end: one long word is seldom alone."""

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def look(self, page: Page, name: str, size: int, theme: str) -> None:
        """One page as it stands, at this size and in this theme."""
        if page.viewport_size != SIZES[size]:
            page.set_viewport_size({"width": SIZES[size]["width"], "height": SIZES[size]["height"]})
        page.locator("html").evaluate(THEMED, theme)
        found: list[str] = page.evaluate(LAID)
        box = page.locator("#stop").bounding_box()
        assert box is not None
        at = f"{box['x']:.0f} {box['width']:.0f} {box['y'] + box['height']:.0f}"
        if at != STOP_AT[size] or box["height"] < 96:
            found.append(f"STOP stands at {at}, {box['height']:.0f} high, and belongs at {STOP_AT[size]}")
        self.wrong += [f"{name} {size} {theme}: {one}" for one in found]

    def judge(self) -> None:
        assert not self.wrong, "\n".join(self.wrong)
