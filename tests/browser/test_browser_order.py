"""A new prescription in a browser: typed by key with its numbers beside it, refused with value and bound, written as a draft, signed by two; nobody is treated.
In both themes, in German and in words that are 40 % longer, wide and on a phone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from laid import LOOKS, PSEUDO, Laid, words_of
from playwright.sync_api import Browser, Page
from shelf import EXAMPLES, KeptByHand, console_on
from test_browser_approvals import PEOPLE, PHONE, SECRET, WIDE, entered, sound, staffed
from test_browser_pages import page_in

from console.treat.plain_words import order
from console.web.serve import HERE

pytestmark = pytest.mark.timeout(300)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
TYPED = {
    "patient_id": "12-35", "patient_id_2": "1948-07-30", "course_id": "C1", "lesion_id": "L1", "site": "ear, right helix", "id": "RX-77", "fractions": "6",
    "min_interval_h": "48", "rx_mgy": "7", "depth_mm": "2", "bolus_or_cover_mm": "1", "shield_notes": "2 mm lead behind the ear",
}  # fmt: skip


def certified(kept: KeptByHand) -> None:
    """People and an order, and the certificate by which numbers are worked out."""
    staffed(kept)
    for name in ("certificate.toml", "physicist.pub"):
        shutil.copy(EXAMPLES / name, kept.records.parent / name)


@pytest.fixture(scope="module")
def staffed_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A simulated rig with users, which asks for no signature by itself: what is written here needs both all the same."""
    folder = tmp_path_factory.mktemp("ordered")
    PICTURES.mkdir(parents=True, exist_ok=True)
    with console_on(folder, certified) as (address, _):
        yield address, folder


def fill(page: Page, **changes: str) -> None:
    """Every field, by its name in the form."""
    for name, words in (TYPED | changes).items():
        page.locator(f"input[name={name}]").fill(words)
    page.locator("select[name=laterality]").select_option("right")
    page.locator("select[name=backing]").select_option("thin")
    page.locator("select[name=combination]").select_option("0")


def test_an_order_is_typed_written_and_signed_by_two(browser: Browser, staffed_rig: tuple[str, Path]) -> None:
    """Nothing can be written before all of it is right; the draft is not approved before both have signed it with its flag ticked."""
    address, folder = staffed_rig
    page, said = entered(browser, address, "order", "mia", WIDE)
    write = page.get_by_role("button", name="Write the draft")
    page.get_by_text("Not written yet:").wait_for()
    assert write.is_disabled()
    fill(page, depth_mm="10.5")
    page.get_by_text("depth 10.5 mm under 1 mm of bolus is outside the PDD table, 0 to 10 mm").wait_for()
    page.locator("input[name=depth_mm]").fill("2")
    page.locator("input[name=rx_mgy]").fill("13,5")
    page.get_by_text("a plain number with a point").wait_for()
    page.locator("input[name=rx_mgy]").fill("13.5")
    page.get_by_text("is above 15000 (applicator A20); first: prescribe less").wait_for()
    assert write.is_disabled()
    page.screenshot(path=PICTURES / "order-refused-1280.png", full_page=True)
    page.locator("input[name=rx_mgy]").fill("7")
    page.locator("dd", has_text="7.799 Gy (at most 15.000 Gy)").wait_for()
    page.locator("dd", has_text="2.0 mm below the skin, 3.0 mm in water").wait_for()
    page.get_by_text("A thin part: less scatters back").wait_for()
    sound(page, said)
    page.screenshot(path=PICTURES / "order-1280.png", full_page=True)
    write.click()
    page.get_by_text("RX-77-v1-f1.toml is written, and counts for nothing yet").wait_for()
    page.context.close()
    one = order(folder / "orders" / "RX-77-v1-f1.toml")
    assert (one.rx_mgy, one.depth_mm, one.bolus_mm, one.flags, one.by_signature) == (
        7000.0,
        2.0,
        1.0,
        ("backing_thin",),
        True,
    )
    for name, meaning, size in (("mia", "prescribed", WIDE), ("paul", "physics checked", PHONE)):
        page, said = entered(browser, address, "records", name, size)
        page.get_by_role("button", name="Orders and approvals").click()
        card = page.locator("section.order", has=page.get_by_role("heading", name="RX-77"))
        card.get_by_label("Password (or PIN) again").first.fill(SECRET)
        sign = card.get_by_role("button", name=f"Sign: {meaning}")
        sign.click()
        assert card.get_by_text(f"{meaning}: {name}").count() == 0, "not without the tick"
        card.get_by_label("I accept: A thin part").check()
        card.get_by_label("Password (or PIN) again").first.fill(SECRET)
        sign.click()
        card.get_by_text(f"{meaning}: {name} ({PEOPLE[name]})").wait_for()
        card.get_by_text("Accepting: A thin part").first.wait_for()
        if name == "paul":
            sound(page, said)
            page.screenshot(path=PICTURES / "order-approved-390.png", full_page=True)
        page.context.close()


def test_the_next_fraction_and_a_new_version_begin_with_what_is_there(
    browser: Browser, staffed_rig: tuple[str, Path]
) -> None:
    """And an operator is told who writes orders."""
    address, _ = staffed_rig
    page, _ = entered(browser, address, "order", "paul", WIDE)
    follow = page.locator("select[name=follow]")
    follow.select_option(label=next(one for one in follow.locator("option").all_inner_texts() if "RX-DEMO" in one))
    page.get_by_role("button", name="A new version").click()
    assert (
        page.locator("input[name=version]").input_value() == "2"
        and page.locator("input[name=rx_mgy]").input_value() == "0.95"
    )
    page.get_by_text("Not written yet: Bolus or cover").wait_for()
    follow.select_option(label=next(one for one in follow.locator("option").all_inner_texts() if "RX-DEMO" in one))
    page.get_by_role("button", name="Its next fraction").click()
    assert page.locator("input[name=fraction]").input_value() == "2"
    page.context.close()
    page, _ = entered(browser, address, "order", "olga", WIDE)
    page.get_by_text("Orders are written by a physician or a physicist").wait_for()
    assert page.locator("form.new").count() == 0
    page.context.close()


def test_a17_whose_order_it_is_is_stated_corrected_and_shown_to_whoever_signs(
    browser: Browser, staffed_rig: tuple[str, Path]
) -> None:
    """A name with markup is words; a refusal says what to do first; a correction asks why, and both stand on the phone too."""
    address, _ = staffed_rig
    markup = "<b>O'Neil</b>"
    for name, size, family, said_first in (("mia", WIDE, markup, False), ("paul", PHONE, "Łukasiewicz", True)):
        page, said = entered(browser, address, "order", name, size)
        follow = page.locator("select[name=follow]")
        follow.select_option(label=next(one for one in follow.locator("option").all_inner_texts() if "RX-DEMO" in one))
        page.get_by_role("button", name="Particulars of the patient").click()
        page.locator("b", has_text="EXAMPLE-0002").wait_for()
        form = page.locator("form.particulars")
        form.locator("input[name=p-family_name]").fill(family)
        form.locator("input[name=p-birth_date]").fill("1950-13-01")
        form.locator("select[name=p-intent]").select_option("curative")
        form.locator("select[name=p-earlier]").select_option("none")
        send = form.get_by_role("button", name="Correct the particulars" if said_first else "State the particulars")
        form.get_by_label("Password (or PIN) again").fill(SECRET)
        if said_first:
            page.get_by_role("cell", name=markup).or_(page.get_by_text("Stated by: mia (physician)")).first.wait_for()
            form.get_by_label("Reason").fill("misread")
        send.click()
        page.get_by_text("birth_date '1950-13-01' is no date; first: write YYYY-MM-DD").wait_for()
        form.locator("input[name=p-birth_date]").fill("1950-01-31")
        form.get_by_label("Password (or PIN) again").fill(SECRET)
        send.click()
        page.get_by_text(f"Stated by: {name} ({PEOPLE[name]})").wait_for()
        sound(page, said)
        page.screenshot(path=PICTURES / f"particulars-{size['width']}.png", full_page=True)
        page.context.close()
    page, said = entered(browser, address, "records", "mia", PHONE)
    page.get_by_role("button", name="Orders and approvals").click()
    card = page.locator("section.order", has=page.get_by_role("heading", name="RX-DEMO")).first
    card.get_by_text("Łukasiewicz").first.wait_for()
    card.get_by_role("cell", name=markup).wait_for()
    assert (
        card.locator("dd").get_by_text("1950-01-31").first.is_visible()
        and page.locator("b", has_text="O'Neil").count() == 0
    )
    sound(page, said)
    page.screenshot(path=PICTURES / "particulars-records-390.png", full_page=True)
    page.context.close()


def test_a_name_of_one_long_word_makes_the_treatment_page_no_wider_than_a_phone(browser: Browser) -> None:
    """By the page's own style, in each place where a name stands there: the button of a patient, the line of the lesions, the table of an order."""
    style = (HERE / "files" / "treat.css").read_text(encoding="utf-8")
    name = f'<span class="name"><bdi>{"W" * 200}</bdi>, born <bdi>1950-01-31</bdi></span>'
    page = browser.new_page(viewport={"width": PHONE["width"], "height": PHONE["height"]})
    page.set_content(
        f'<!doctype html><meta name="viewport" content="width=device-width"><style>{style}</style><main><section id="panel"><p>{name}</p>'
        f'<button class="pick">12-34<small>{name}</small></button><table class="pairs"><tr><th>Name</th><td>{name}</td></tr></table></section></main>'
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", PSEUDO])
def test_the_form_is_laid_out_in_every_language(browser: Browser, staffed_rig: tuple[str, Path], language: str) -> None:
    """Filled, with a refusal at its field; nothing is cut, outside or over anything, and STOP stands where it stands everywhere."""
    words, laid = words_of(language), Laid()
    page = page_in(browser, language)
    page.goto(staffed_rig[0] + "order")
    page.get_by_label(words["name"], exact=True).fill("mia")
    page.get_by_label(words["code"], exact=True).fill(SECRET)
    page.get_by_label(words["code"], exact=True).press("Enter")
    page.locator("input[name=rx_mgy]").wait_for()
    fill(page, rx_mgy="13.5")
    page.get_by_text("is above 15000 (applicator A20)").wait_for()
    page.locator("select[name=follow]").select_option(index=1)
    page.get_by_role("button", name=words["particulars"]).click()
    page.locator("form.particulars").wait_for()
    for size, theme in LOOKS:
        laid.look(page, f"order-{language}", size, theme)
        page.screenshot(path=PICTURES / f"order-{language}-{theme}-{size}.png", full_page=True)
    page.context.close()
    laid.judge()


def test_a_course_is_written_in_one_go_and_signed_in_one_act(browser: Browser, staffed_rig: tuple[str, Path]) -> None:
    """Eight files by one button, two acts for all their signatures; what is signed stands there as a table, wide and on a phone."""
    address, folder = staffed_rig
    page, said = entered(browser, address, "order", "mia", WIDE)
    page.get_by_text("Not written yet:").wait_for()
    fill(page, id="RX-88", lesion_id="L8", fractions="8", fraction="1", version="1")
    page.get_by_label("Up to fraction (of 8)").fill("nine")
    page.get_by_role("button", name="Write the draft").click()
    page.locator("#answer", has_text="plain number").wait_for()
    page.get_by_label("Up to fraction (of 8)").fill("8")
    page.get_by_role("button", name="Write the draft").click()
    page.get_by_text("8 orders are written, and count for nothing yet").wait_for()
    page.get_by_role("cell", name="RX-88-v1-f8.toml").wait_for()
    sound(page, said)
    page.context.close()
    assert [order(folder / "orders" / f"RX-88-v1-f{n}.toml").fraction for n in range(1, 9)] == list(range(1, 9))
    laid = Laid()
    for name, meaning, size in (("mia", "prescribed", WIDE), ("paul", "physics checked", PHONE)):
        page, said = entered(browser, address, "records", name, size)
        page.get_by_role("button", name="Orders and approvals").click()
        course = page.locator("section.course", has=page.get_by_role("heading", name="RX-88"))
        course.get_by_role("cell", name="8 of 8").wait_for()
        course.get_by_label("I accept: A thin part").check()
        for width, theme in LOOKS if name == "mia" else ():
            laid.look(page, "course", width, theme)
            course.evaluate("(one) => one.scrollIntoView()")
            page.screenshot(path=PICTURES / f"course-{theme}-{width}.png")
        course.get_by_label("Password (or PIN) again").fill(SECRET)
        course.get_by_role("button", name=f"Sign all 8: {meaning}").click()
        course.wait_for(state="detached", timeout=60_000)
        signed = page.locator("section.order", has=page.get_by_role("heading", name="RX-88"))
        assert signed.get_by_text(f"{meaning}: {name} ({PEOPLE[name]})").count() == 8
        sound(page, said)
        page.context.close()
    laid.judge()
