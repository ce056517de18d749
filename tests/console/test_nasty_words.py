"""Threat T12: words that are a command, a formula, a tag or a picture of other words elsewhere. An order with characters that nobody can see is refused; every
other word stands as it was written on the terminal, in CSV and JSON, on paper and at the interface, or by its number: never another name, never none."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import unicodedata
import zlib
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from desk_by_hand import EXAMPLES, offer
from kept_by_hand import KeptByHand

from calibration import print_words
from console import screen
from console.reports import codes, flat, paper
from console.reports.gather import gather
from console.reports.model import Site, fraction_report
from console.reports.told import FractionReport
from console.treat.plain_words import PlainConsole, order, plain, unfit, visible
from console.web.api import WithReason
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
READABLE = (
    "Łukasz Żółć", "李", "שלום", "مريم", "Zoë O'Brien-Müller", "=1+1", "@SUM(A1)", "-2+3", "+49 30 1", "<script>alert(1)</script>", "<b>&amp;</b><para>",
    "</para>", "nose [left ala]", "[/red] [bold]x", ":warning: ear", "%s %d {0} ${x}", "$(touch x)", "`id`", "; rm -rf /", "' OR '1'='1", 'a"b,c;d', "a\\b^c=d",
    "NULL", "NaN", "1e309", "None", "\\u0000", "../../etc", "x" * 64, "Ñ", "I ı İ ß", "Ⅷ 𝔘𝔫", "½ ° µ kΩ γ-Strahler l·l",
)  # fmt: skip
UNSEEN = (
    "a\x1b[2Jb", "a\nb", "a\tb", "a\rb", "a\x00b", "a\x7fb", "a\x9b31mb", "a\u200bb", "a\u200db", "a\u202eb", "a\u2066b", "\ufeffa", "a\u00adb", "a\u2028b",
    "a\u00a0b", "a\u3000b", " a", "a ", "a  b", "", "\u0301a", "e\u0301", "a\ue000b",
    "P1\ufe0f", "P1\u034f", "P1\u3164", "\u2800P1", "P\u115f1", "P1\U000e0101", "a" + "\u0316" * 4, "\u0420A", "\u0391ntonia",
)  # fmt: skip


@pytest.fixture
def kept(tmp_path: Path) -> KeptByHand:
    return KeptByHand(tmp_path / "records")


def told(kept: KeptByHand, name: str) -> FractionReport:
    return fraction_report(gather(kept.records / "journal"), name, Site("demo", "UTC", codes.load_codes()))


def quoted(words: str) -> str:
    """A TOML basic string."""
    return '"' + "".join(
        f"\\U{ord(one):08X}" if not one.isprintable() or one in '"\\' else one for one in words
    ) + '"'  # fmt: skip


def an_order(folder: Path, **words: str) -> Path:
    text = (EXAMPLES / "short.toml").read_text(encoding="utf-8")
    for key, said in words.items():
        text, times = re.subn(rf'(?m)^{key} = ".*"$', lambda _, k=key, s=said: f"{k} = {quoted(s)}", text, count=1)
        assert times == 1
    path = folder / "order.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("words", READABLE)
def test_t12_what_can_be_read_is_taken_as_it_was_written(words: str, tmp_path: Path) -> None:
    assert unfit(words) == "" and plain(words) == visible(words) == words
    taken = order(an_order(tmp_path, site=words, id_2=words))
    assert (taken.site, taken.patient_id_2) == (words, words)


@pytest.mark.parametrize("words", UNSEEN)
def test_t12_what_nobody_can_see_is_refused_in_an_order_and_as_a_reason(words: str, tmp_path: Path) -> None:
    """With its number, and never sent to the terminal that the refusal is read on."""
    for key in ("site", "id_2", "lesion_id"):
        with pytest.raises(ConfigurationError) as said:
            order(an_order(tmp_path, **{key: words}))
        assert visible(str(said.value)) == str(said.value)
    if words:
        assert unfit(words)
        with pytest.raises(ValueError, match="type it anew"):
            WithReason(page="12345678", reason=words)


@pytest.mark.parametrize("words", READABLE)
def test_t12_a_terminal_shows_the_offer_with_the_words_as_they_are(words: str, prescribed: Prescribed) -> None:
    """No markup, no emoji: a site "nose [left ala]" is not shown as "nose"."""
    console = PlainConsole(file=io.StringIO(), width=200, record=True)
    console.print(screen.offer(msgspec.structs.replace(prescribed, patient_id=words, site=words), offer(), (), True))
    assert console.export_text().count(words) == 2


def test_t12_a_terminal_is_given_no_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    """Also of records that an older program wrote."""
    PlainConsole(width=80).print("patient \x1b[2J\x9b5m\u202eX")
    assert capsys.readouterr().out == "patient <U+001B>[2J<U+009B>5m<U+202E>X\n"


@pytest.mark.parametrize("words", READABLE)
def test_t12_csv_and_json_bring_the_words_back_and_no_formula(words: str, kept: KeptByHand) -> None:
    report = told(kept, kept.golden(site=words))
    cells = dict(row for row in csv.reader(io.StringIO(flat.as_csv(report))) if len(row) == 2)
    assert cells["order.site"].removeprefix("'") == words.removeprefix("'")
    assert not cells["order.site"].lstrip(" ").startswith(flat.FORMULA)
    assert json.loads(flat.as_json(report))["order"]["site"] == words


@pytest.mark.parametrize("words", [*READABLE, *UNSEEN])
def test_t12_paper_shows_each_letter_or_its_number(words: str) -> None:
    """In a font that has it, in the order in which it is read; the markup is whole whatever the words are."""
    shown = "".join(ElementTree.fromstring(f"<x>{print_words.markup(words)}</x>").itertext())
    normal = unicodedata.normalize("NFC", words)
    numbers = re.compile(r"<U\+([0-9A-F]{4,6})>")
    assert numbers.sub(lambda found: chr(int(found[1], 16)), shown) == normal
    assert numbers.sub(lambda found: chr(int(found[1], 16)), print_words.printable(words)) == normal


def test_t12_names_that_the_built_in_fonts_lack() -> None:
    """Latin and Cyrillic are set in the embedded font; what would need another one, or another direction, is a number, not a box."""
    assert (
        print_words.markup("Łukasz Żółć") == '<font name="KermaWide">Łukasz</font> <font name="KermaWide">Żółć</font>'
    )
    assert print_words.markup("Зоя") == '<font name="KermaWide">Зоя</font>'
    assert print_words.markup("李") == "&lt;U+674E&gt;"
    assert print_words.markup("של") == "&lt;U+05E9&gt;&lt;U+05DC&gt;"
    assert print_words.markup("مر") == "&lt;U+0645&gt;&lt;U+0631&gt;"
    assert print_words.markup("Zoë") == "Zoë"


def test_t12_a_report_in_the_embedded_font_is_the_same_twice_and_can_be_copied_from(kept: KeptByHand) -> None:
    """The letters lie in the file with what they are, so that whoever searches the paper finds the name."""
    report = told(kept, kept.golden(site="Łukasz", patient_id="Łukasz"))
    whole = paper.fraction_pdf(report)
    assert paper.fraction_pdf(report) == whole
    inside = []
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", whole, re.DOTALL):
        try:
            inside.append(zlib.decompress(found[1].rstrip(b"\r\n")))
        except zlib.error:
            inside.append(found[1])
    assert b"DejaVu" in whole
    assert b"0141" in b"".join(part for part in inside if b"beginbf" in part)


def test_t12_nothing_is_handed_to_a_shell_and_no_text_is_run() -> None:
    """In no room of the product."""
    found = []
    for room in ("hal", "interlocks", "controller", "records", "calibration", "console"):
        for path in (ROOT / room).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if not re.search(r"\b(eval|exec|system|popen|pickle|yaml|shell)\b", text):
                continue
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call):
                    continue
                name = ast.unparse(node.func)
                if name in ("eval", "exec", "os.system", "os.popen", "pickle.loads", "yaml.load") or any(
                    word.arg == "shell" for word in node.keywords
                ):
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    assert found == []
