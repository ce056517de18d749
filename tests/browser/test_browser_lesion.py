"""A photo of the lesion in a browser: drawn anew and attached at the page Treat, compared before the offer is confirmed, with a note of the set-up."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from by_hand import by_hand
from desk_by_hand import offer, snapshot
from PIL import Image
from playwright.sync_api import Browser, Page
from shelf import opened

from controller.requests import Confirm, RuleShown, Snapshot

pytestmark = pytest.mark.timeout(240)
PICTURES = Path(os.environ.get("KERMA_PICTURES", "var/browser"))
WIDE = {"width": 1280, "height": 800}


def photo(folder: Path) -> Path:
    """As a telephone makes one: large, turned, and with words about where it was taken."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Mrs Planted, at home"
    path = folder / "photo.jpg"
    Image.radial_gradient("L").resize((2400, 1800)).convert("RGB").save(path, "JPEG", exif=exif)
    return path


def to_the_offer(page: Page) -> None:
    """In control, the lesion loaded, applicator and room looked at."""
    page.get_by_role("button", name="Take control").click()
    page.get_by_role("button", name="EXAMPLE-0002").first.click()
    page.get_by_role("button", name="nose").click()
    page.get_by_role("button", name="Load", exact=True).click()
    page.get_by_role("button", name="Applicator and shields").click()
    page.get_by_role("button", name="The room is ready").click()


def test_a_photo_is_attached_and_compared_before_anything_is_confirmed(browser: Browser, tmp_path: Path) -> None:
    with by_hand(tmp_path) as console:
        console.after = {"Load": snapshot(state="PREPARATORY", offer=offer()), "Confirm": snapshot(state="ARMING")}
        page, said = opened(browser, console.address, console.access.code, "", WIDE)
        page.get_by_role("button", name="Take control").click()
        page.get_by_role("button", name="EXAMPLE-0002").first.click()
        page.get_by_role("button", name="nose").click()
        page.get_by_text("NOT SIGNED by a physician; this rig does not ask for it").wait_for()
        page.get_by_text("There is NO PHOTO").wait_for()
        attach = page.get_by_label("Attach a photo")
        attach.set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
        page.get_by_text("no picture that can be read here").wait_for()
        attach.set_input_files(photo(tmp_path))
        page.get_by_role("img", name="Photo of the lesion").wait_for()
        page.get_by_label("Note of the set-up").fill("supine, head to the left")
        page.get_by_role("button", name="Attach the note").click()
        page.get_by_text("• supine, head to the left").wait_for()
        page.get_by_role("button", name="Load", exact=True).click()
        page.get_by_role("button", name="Applicator and shields").click()
        page.get_by_role("button", name="The room is ready").click()
        page.get_by_role("img", name="Photo of the lesion").wait_for()
        page.get_by_text("• supine, head to the left").wait_for()
        page.wait_for_timeout(1500)
        assert page.get_by_role("button", name="Confirm exactly this").is_disabled(), "not compared yet"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(path=PICTURES / "lesion-confirm-1280.png", full_page=True)
        page.get_by_role("button", name="Compared with the lesion").click()
        page.get_by_role("button", name="Confirm exactly this").click()
        page.locator("#state", has_text="ARMING").wait_for()
        assert [one for one in console.desk.requests if isinstance(one, Confirm)]
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        page.get_by_role("button", name="Applicator and shields").click()
        page.get_by_role("button", name="The room is ready").click()
        page.get_by_role("img", name="Photo of the lesion").wait_for()
        for _ in range(2):
            found = Axe().run(page, options={"rules": {"color-contrast-enhanced": {"enabled": True}}})
            assert found.violations_count == 0, found.generate_report()
            page.get_by_role("button", name="Light / dark").click()
            if page.get_by_role("button", name="Take control").is_visible():
                # who looks as long as axe does is silent, and loses control; what was loaded is unloaded by whoever takes it
                console.after["Edit"] = snapshot()
                to_the_offer(page)
                page.get_by_role("img", name="Photo of the lesion").wait_for()
        (kept,) = (console.records / "lesions").glob("*.jpg")
        raw = kept.read_bytes()
        assert Image.open(io.BytesIO(raw)).size == (1200, 1600), "turned as it was taken"
        assert b"Planted" not in raw and b"Exif" not in raw, "nothing but the picture goes out"
        assert not [words for words in said if "Security Policy" in words or "dialog" in words], said
        page.context.close()


@pytest.mark.parametrize(
    ("broken", "again"),
    [
        (
            snapshot(state="PREPARATORY", rules=(RuleShown("door", "FALSE", 0.01, "the door is open"),)),
            ["The room is ready"],
        ),
        (
            snapshot(state="PREPARATORY", rules=(RuleShown("door", "STALE", 0.9, "the door is not known"),)),
            ["The room is ready"],
        ),
        (
            snapshot(state="PREPARATORY", rules=(RuleShown("applicator_contact", "FALSE", 0.01, "no applicator"),)),
            ["Applicator and shields"],
        ),
        (snapshot(state="READY"), ["Applicator and shields", "The room is ready"]),
        (snapshot(state="PREPARATORY"), []),
    ],
    ids=["door", "door-stale", "applicator", "armed", "offer-made-anew"],
)
def test_what_somebody_may_have_changed_is_looked_at_anew(
    browser: Browser, tmp_path: Path, broken: Snapshot, again: list[str]
) -> None:
    """Room and applicator were looked at; then the door was open, or the applicator off, or the machine armed and set back. The next offer is confirmed by
    nobody who has not looked again at what may be otherwise now; one that was made anew by itself asks for nothing."""
    with by_hand(tmp_path) as console:
        prepared = snapshot(state="PREPARATORY", offer=offer(id=2))
        console.after = {"Load": snapshot(state="PREPARATORY", offer=offer())}
        page, _ = opened(browser, console.address, console.access.code, "", WIDE)
        to_the_offer(page)
        confirm = page.get_by_role("button", name="Confirm exactly this")
        confirm.wait_for()
        console.shown = broken
        page.wait_for_timeout(500)
        console.shown = prepared
        page.locator("#why-title", has_text="nothing open").wait_for()
        for name in again:
            page.get_by_role("button", name=name).wait_for()
            assert not confirm.is_visible()
            page.get_by_role("button", name=name).click()
        confirm.wait_for()
        page.context.close()
