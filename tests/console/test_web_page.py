"""The page's files as they lie: no inline script or style, nothing from elsewhere, nothing written as HTML, and each word in every language."""

from __future__ import annotations

import json
import re

import pytest

from console.web.serve import FILES, HERE, PAGES, WORDS

TEXT = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "files").iterdir()}
SHELL = TEXT["shell.js"]
SCRIPTS = "\n".join(text for name, text in sorted(TEXT.items()) if name.endswith(".js"))
ENGLISH = json.loads((HERE / "words" / "en.json").read_text(encoding="utf-8"))


def test_nothing_is_inline_and_nothing_is_from_elsewhere() -> None:
    assert set(TEXT) == {*FILES, *PAGES.values()}
    for name, text in TEXT.items():
        if name.endswith(".html"):
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text), name
            named = set(re.findall(r'(?:src|href)="([^"]+)"', text))
            assert named <= {f"/files/{one}" for one in FILES} | set(PAGES), name
        elif name.endswith(".css"):
            assert not re.search(r"https?://|@import|url\(", text), name
    assert set(re.findall(r'from "([^"]+)"', SCRIPTS)) <= {f"/files/{one}" for one in FILES}
    assert not re.search(r"https?://|wss?://[a-z]", SCRIPTS.replace("http://www.w3.org/2000/svg", ""))
    assert re.findall(r"//\$\{(location\.\w+)", SCRIPTS) == ["location.hostname", "location.host"]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", SCRIPTS)


def test_stop_is_bound_to_the_pointer_going_down_and_asks_nothing() -> None:
    """On every page: each has the button, and the shell, which binds it, is a script of its own that needs no other: where any other file does not come, STOP
    works all the same; where the shell does not, the button says so."""
    assert '$("stop").addEventListener("pointerdown"' in SHELL
    assert not re.search(r"\b(confirm|alert|prompt)\(", SCRIPTS)
    assert "import " not in SHELL, "the shell stands alone"
    assert SHELL.index('addEventListener("pointerdown"') < SHELL.index('await fetch("/words'), "no word is waited for"
    for page in PAGES.values():
        button = re.search(r'<button id="stop".*</button>', TEXT[page])
        assert button is not None, page
        assert (
            button[0] == '<button id="stop" type="button"><span data-word="stop">STOP</span>'
            '<small id="stop-said" data-word="stop_keys">NO ANSWER: press the emergency stop</small></button>'
        )
        scripts = re.findall(r'<script src="([^"]+)" type="module"></script>', TEXT[page])
        assert scripts == ["/files/shell.js", "/files/finger.js", f"/files/{page.replace('.html', '.js')}"], page
        script = TEXT[page.replace(".html", ".js")]
        assert 'from "/files/shell.js"' in script.splitlines()[1], page


@pytest.mark.parametrize("language", WORDS)
def test_each_language_has_each_word_with_the_same_values(language: str) -> None:
    """And the page asks for no word that is not there."""
    words = json.loads((HERE / "words" / f"{language}.json").read_text(encoding="utf-8"))
    assert set(words) == set(ENGLISH)
    assert words["stop"] == "STOP"
    for key, said in words.items():
        assert said.strip(), key
        assert set(re.findall(r"\{(\w+)\}", said)) == set(re.findall(r"\{(\w+)\}", ENGLISH[key])), key
    asked = set(re.findall(r'\bt\("(\w+)"', SCRIPTS)) | set(
        re.findall(r'data-(?:word|label)="(\w+)"', "".join(TEXT.values()))
    )
    assert asked <= set(words)


def test_every_language_can_be_chosen_and_nothing_is_said_outside_the_words() -> None:
    """The list of the shell is the list that is served; a page's own text is STOP, that it has no answer, NO DATA and signs, until its words
    have come."""
    chosen = re.search(r"const LANGUAGES = \{(.*)\};", SHELL)
    assert chosen is not None
    assert tuple(re.findall(r"(\w+): ", chosen[1])) == WORDS
    for name in PAGES.values():
        body = TEXT[name].partition("<body")[2].partition(">")[2]
        said = {text.strip() for text in re.findall(r">([^<>]+)<", body)} - {""}
        assert said <= {"STOP", "NO ANSWER: press the emergency stop", "NO DATA", "?", "–"}, name


def test_no_identifier_stands_beside_another_in_one_run_of_text() -> None:
    """In one run, שלום and 7 are shown as 7 and שלום are: another patient. Each is isolated; only the key of a comparison joins them."""
    assert not re.search(r"patient_id\} · |patient_id_2\} · ", SCRIPTS)
    assert 'h("bdi", {}, one)' in SHELL
    assert len(re.findall(r"named\(one\.patient_id, one\.patient_id_2", SCRIPTS)) == 7


def test_a_number_reads_the_same_in_every_language() -> None:
    """A dose with a comma is another dose to who reads a comma as thousands: the page never asks the language how to write one."""
    assert not re.search(r"Intl\.NumberFormat|toLocaleString", SCRIPTS)


def test_the_four_heads_are_one_but_for_the_pages_own_script() -> None:
    """Pages are plain files that are served as they lie (decision 0021), so that what is the same in each is held the same here."""
    heads = {
        re.sub(r"/files/\w+\.js\" type=\"module\"></script>\n  </head>", "", TEXT[page].partition("<body")[0])
        for page in PAGES.values()
    }
    assert len(heads) == 1
