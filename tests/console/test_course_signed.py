"""A course written in one go and signed in one act: each fraction is a file, an entry of the chain and one of the audit of its own; one secret, and nothing is
signed with the others that differs from them in more than its number."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from access_by_hand import SECRET
from msgspec.structs import replace as other
from test_order_written import BASIS, WHOLE, Writing, but, file_of, order
from test_web_api import Browser, Scripted

from console.access.approvals import OF_EACH, Approvals, unlike
from console.prescribe.draft import Draft, written
from console.prescribe.shelf import MOST_OF_A_COURSE
from controller.prescribed import Prescribed
from hal.errors import ConfigurationError
from records.approved import BOTH, Signatures

FLAGS = ["eye", "implant"]


class Course(Writing):
    """A console at which a course is written and signed."""

    async def go(self, page: Browser, draft: Draft, last: int | None) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1].get("token", "none")
        body: dict[str, Any] = {"draft": draft.model_dump()} | ({} if last is None else {"last": last})
        return await page.post("/api/order/write", body, x_kerma_token=token)

    async def all_of(self, page: Browser, meaning: str, orders: list[dict[str, str]], **more: Any) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1].get("token", "none")
        body = {"orders": orders, "meaning": meaning, "secret": SECRET} | more
        return await page.post("/api/approvals/course", body, x_kerma_token=token)


@pytest.fixture
def console(
    scripted: Scripted,
    tmp_path: Path,
    prescribed: Prescribed,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Course]:
    from console.web import order_page

    monkeypatch.setattr(order_page, "basis_of", lambda _rig, _wall_s: BASIS)
    yield Course(scripted, tmp_path, prescribed)


def named(said: dict[str, Any]) -> list[dict[str, str]]:
    return [{"order": one["name"], "sha256": one["sha256"]} for one in said["files"]]


def test_eight_fractions_are_written_in_one_go_and_signed_in_two_acts(console: Course) -> None:
    """Eight files, sixteen signatures, one secret each for physician and physicist; the desk's own law is content with each file, and the audit has each."""

    async def story() -> None:
        mia, paul = await console.page("mia", False), await console.page("paul", False)
        status, said = await console.go(mia, but(fractions=8, tolerance_flags=FLAGS), 8)
        assert status == 200 and [one["fraction"] for one in said["files"]] == list(range(1, 9))
        assert said["files"][7]["name"] == "RX-9-v1-f8.toml" and "count for nothing yet" in said["words"]
        orders = named(said)
        listed = (await mia.post("/api/approvals/list", {}))[1]["orders"]
        assert len({one["alike"] for one in listed if one["name"].startswith("RX-9")}) == 1
        status, refused = await console.all_of(mia, "prescribed", orders, accepted=["eye"])
        assert status == 409 and "none is signed: not accepted: implant" in refused["words"]
        for page, meaning in ((mia, "prescribed"), (paul, "physics checked")):
            status, done = await console.all_of(page, meaning, orders, accepted=FLAGS)
            assert status == 200 and len(set(done["n"])) == 8, done
        status, refused = await console.all_of(mia, "prescribed", orders, accepted=FLAGS)
        assert status == 409 and "fraction 1: mia has signed this order already" in refused["words"]

    console.play(story)
    signed, desk = Approvals(console.folder, lambda: 0.0).signed(), Signatures(console.folder)
    assert len(signed.approvals) == 16 and not signed.wrong
    for fraction in range(1, 9):
        one = order(console.folder / f"RX-9-v1-f{fraction}.toml")
        assert one.fraction == fraction and desk.unsigned(one, BOTH) == ""
    asked = [one for one in console.clerk.whats("command") if one.get("do") == "sign"]
    told = console.clerk.whats("signed")
    assert len({one["order_sha256"] for one in asked}) == 8 and len(asked) == len(told) == 16
    assert len({one["entry_sha256"] for one in told}) == 16


DIFFERENT: dict[str, Any] = {
    "rx_mgy": 7100.0, "site": "ear, left helix", "laterality": "left", "patient_id": "P-OTHER", "patient_id_2": "1999-09-09", "course_id": "C2",
    "lesion_id": "L3", "depth_mm": 2.0, "fractions": 7, "min_interval_h": 24.0, "gap_mm": 1.0, "bolus_or_cover_mm": 1.0, "backing": "thin",
    "shield_notes": "2 mm lead", "tolerance_flags": ["eye"], "id": "RX-10", "version": 2,
}  # fmt: skip


@pytest.mark.parametrize("field", DIFFERENT)
def test_what_differs_in_more_than_its_number_is_signed_with_nothing_else(console: Course, field: str) -> None:
    """Each field of an order by itself, in a file that somebody has laid beside the others: nothing of it is signed, and the words name field and fraction."""

    async def story() -> None:
        mia = await console.page("mia", False)
        status, said = await console.go(mia, WHOLE, 2)
        assert status == 200
        file = file_of(but(fraction=3, **{field: DIFFERENT[field]}))
        path = console.folder / "beside.toml"
        path.write_bytes(written(file, "by hand"))
        orders = [*named(said), {"order": path.name, "sha256": order(path).sha256.hex()}]
        flags = list(order(path).flags)
        for accepted in ([], flags):
            status, refused = await console.all_of(mia, "prescribed", orders, accepted=accepted)
            assert status == 409 and "none is signed: fraction 3 differs from fraction 1 in " in refused["words"]

    console.play(story)
    assert not Approvals(console.folder, lambda: 0.0).signed().approvals


def test_each_field_that_an_order_has_is_compared() -> None:
    """Whatever an order will say one day: every field but the two that each file has of its own."""
    one = other(BASE, sha256=b"a" * 32, fraction=1)
    assert unlike([one, other(one, sha256=b"b" * 32, fraction=2)]) == ""
    for name in one.__struct_fields__:
        if name not in OF_EACH:
            changed = other(one, sha256=b"b" * 32, fraction=2, **{name: "another"})
            assert f"in {name} ('another', not " in unlike([one, changed]), name
    assert "fraction 1 is there twice" in unlike([one, other(one, sha256=b"b" * 32)])
    assert "one order is no course" in unlike([one])


def test_who_signs_a_course_and_who_does_not(console: Course) -> None:
    """Threat T4: the role, its meaning, the own secret and a token, as for one order; a file that was changed since it was shown, or is not there."""

    async def story() -> None:
        mia, paul, olga = (
            await console.page("mia", False),
            await console.page("paul", False),
            await console.page("olga", False),
        )
        orders = named((await console.go(mia, WHOLE, 3))[1])
        assert (await console.all_of(olga, "prescribed", orders))[0] == 403
        for meaning in ("physics checked", ""):
            status, said = await console.all_of(mia, meaning, orders)
            assert status == 409 and "physician signs for prescribed" in said["words"]
        assert (await console.all_of(mia, "prescribed", orders, secret="wrong secret 77"))[0] == 409
        body = {"orders": orders, "meaning": "prescribed", "secret": SECRET}
        assert (await mia.post("/api/approvals/course", body, x_kerma_token="none"))[0] == 403
        status, said = await console.all_of(mia, "prescribed", [*orders[:2], {**orders[2], "sha256": "0" * 64}])
        assert status == 409 and "was changed since it was shown" in said["words"]
        status, said = await console.all_of(mia, "prescribed", [*orders, {"order": "none.toml", "sha256": "0" * 64}])
        assert status == 409 and "is no order in" in said["words"]
        status, said = await console.all_of(mia, "prescribed", [orders[0], orders[0]])
        assert status == 409 and "fraction 1 is there twice" in said["words"]
        assert (await console.all_of(mia, "prescribed", orders[:1]))[0] == 422
        console.room.approvals.sign_order(order(console.folder / orders[1]["order"]), "paul", "physician", ())
        status, said = await console.all_of(paul, "physics checked", orders)
        assert status == 409 and "fraction 2: paul signed these bytes as physician already" in said["words"]

    console.play(story)
    assert len(Approvals(console.folder, lambda: 0.0).signed().approvals) == 1


def test_a_disk_that_fills_between_two_files_leaves_what_was_said(
    console: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of signatures and of files: what stands is named, what does not too, and the rest is signed or written by itself afterwards."""

    async def story() -> None:
        mia = await console.page("mia", False)
        shelf_write, count = type(page_of(console))._written, [0]

        async def third_fails(self: Any, person: Any, file: Any) -> Any:
            count[0] += 1
            if count[0] == 3:
                console.clerk.kept.full = True
            return await shelf_write(self, person, file)

        monkeypatch.setattr(type(page_of(console)), "_written", third_fails)
        status, said = await console.go(mia, WHOLE, 4)
        console.clerk.kept.full = False
        assert status == 503 and "written: RX-9-v1-f1.toml, RX-9-v1-f2.toml; the others are not" in said["words"]
        assert sorted(path.name for path in console.folder.glob("RX-9*")) == ["RX-9-v1-f1.toml", "RX-9-v1-f2.toml"]
        status, said = await console.go(mia, WHOLE, 4)
        assert status == 409 and "first: begin with fraction 3, the first that is not there, or write" in said["words"]
        status, said = await console.go(mia, but(fraction=3), 4)
        assert status == 200
        orders = [
            {"order": path.name, "sha256": order(path).sha256.hex()} for path in sorted(console.folder.glob("RX-9*"))
        ]
        sign, signed = console.room.approvals.sign_order, [0]

        def third_is_full(*given: Any) -> int:
            signed[0] += 1
            if signed[0] == 3:
                raise ConfigurationError("the disk is full; first: make room")
            return sign(*given)

        monkeypatch.setattr(console.room.approvals, "sign_order", third_is_full)
        status, said = await console.all_of(mia, "prescribed", orders)
        assert status == 409 and "signed: fraction 1, 2; not signed: fraction 3, 4; then see" in said["words"]
        status, said = await console.all_of(mia, "prescribed", orders[2:])
        assert status == 200 and len(said["n"]) == 2

    console.play(story)
    assert len(Approvals(console.folder, lambda: 0.0).signed().approvals) == 4


def page_of(_console: Course) -> Any:
    from console.web.order_page import OrderPage

    return OrderPage.__new__(OrderPage)


def test_what_is_refused_of_one_fraction_writes_none(console: Course) -> None:
    """A last one that is before the first, above the course, above what one act takes; a fraction that is there; a dose that is too high."""

    async def story() -> None:
        mia = await console.page("mia", False)
        for draft, last, words in (
            (but(fraction=3), 2, "one at least and 60 at most"), (WHOLE, 7, "dose.fraction = 7: is above the bound"),
            (but(fractions=60), MOST_OF_A_COURSE + 1, "one at least and 60 at most"), (but(rx_mgy=17000.0), 6, "fraction 1: "),
            (but(site=None), 6, "not written yet: course.site"), (but(fraction=None), 6, "not written yet: dose.fraction"),
        ):  # fmt: skip
            status, said = await console.go(mia, draft, last)
            assert status == 409 and words in said["words"], (last, said)
        assert not list(console.folder.glob("RX-9*"))
        assert (await console.go(mia, but(fraction=3), None))[0] == 200
        status, said = await console.go(mia, WHOLE, 6)
        assert status == 409 and "fraction 3: version 1, fraction 3 is there" in said["words"]
        assert len(list(console.folder.glob("RX-9*"))) == 1
        status, said = await console.go(mia, but(fraction=4), 6)
        assert status == 200 and [one["fraction"] for one in said["files"]] == [4, 5, 6]

    console.play(story)


BASE = Prescribed(
    prescription_id="RX-9", version=1, sha256=b"p" * 32, patient_id="12-34", patient_id_2="1950-01-01", course_id="C1", lesion_id="L1", site="nose",
    laterality="left", rx_mgy=7000.0, depth_mm=3.5, fraction=1, fractions=6, min_interval_h=48.0, kv=69.5, ma=1.6, filter_id="F2", applicator_id="A20",
    gap_mm=0.0, cutout_factor=1.0, approved_by=("Dr. A", "M. B"),
)  # fmt: skip
