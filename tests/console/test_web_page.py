"""The page's files as they lie: no inline script or style, nothing from elsewhere, nothing written as HTML, and each word in every language."""

from __future__ import annotations

import json
import re

import pytest

from console.web.serve import FILES, HERE, WORDS

PAGE = (HERE / "files" / "treat.html").read_text(encoding="utf-8")
SCRIPT = (HERE / "files" / "treat.js").read_text(encoding="utf-8")
SHEET = (HERE / "files" / "treat.css").read_text(encoding="utf-8")
ENGLISH = json.loads((HERE / "words" / "en.json").read_text(encoding="utf-8"))


def test_nothing_is_inline_and_nothing_is_from_elsewhere() -> None:
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", PAGE)
    assert set(re.findall(r'(?:src|href)="([^"]+)"', PAGE)) == {f"/files/{name}" for name in FILES}
    assert not re.search(r"https?://|@import|url\(", SHEET)
    assert not re.search(r"https?://|wss?://[a-z]", SCRIPT)
    assert re.findall(r"//\$\{(location\.\w+)", SCRIPT) == ["location.hostname", "location.host"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", SCRIPT)


def test_stop_is_bound_to_the_pointer_going_down_and_asks_nothing() -> None:
    assert '$("stop").addEventListener("pointerdown"' in SCRIPT
    assert not re.search(r"\b(confirm|alert|prompt)\(", SCRIPT)


@pytest.mark.parametrize("language", WORDS)
def test_each_language_has_each_word_with_the_same_values(language: str) -> None:
    """And the page asks for no word that is not there."""
    words = json.loads((HERE / "words" / f"{language}.json").read_text(encoding="utf-8"))
    assert set(words) == set(ENGLISH)
    for key, said in words.items():
        assert set(re.findall(r"\{(\w+)\}", said)) == set(re.findall(r"\{(\w+)\}", ENGLISH[key])), key
    asked = set(re.findall(r'\bt\("(\w+)"', SCRIPT)) | set(re.findall(r'data-(?:word|label)="(\w+)"', PAGE))
    assert asked <= set(words)
