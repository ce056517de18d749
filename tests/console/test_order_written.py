"""A new order at the page and at the terminal: what it comes to while it is typed, what is refused with value and bound, the draft that overwrites nothing and
counts for nothing before both have signed it, and the newer version that takes an older one's place."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import shutil
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from access_by_hand import SECRET
from desk_by_hand import EXAMPLES, dumped, offer, snapshot
from kept_by_hand import ORDER as GOLDEN
from kept_by_hand import KeptByHand
from pytest import approx
from test_approvals import Signing
from test_web_api import CONFIRM, Browser, Scripted
from test_web_service import put as put_ticks
from test_web_service import service

from calibration.facts import CutoutTable, RatioTable
from console import configuration
from console.access.approvals import Approvals
from console.access.audit import Audit
from console.exit_codes import Exit
from console.prescribe import terminal
from console.prescribe.draft import FIELD, PLACE, Draft, draft_of, for_calculation, looked, written
from console.prescribe.shelf import Shelf, displaced, name_of, superseded
from console.prescribe.worked import Basis, basis_of, worked
from console.prescription import PrescriptionFile, prescribed_of
from console.treat import terminal as treating
from console.treat.chart_hand import Chart
from console.treat.plain_words import order
from console.web import approved as pages
from console.web.fraction import Orders
from console.web.service_bundle import bundle
from console.web.service_read import Service
from console.web.service_ring import Following
from controller.entries import Outcome
from controller.prescribed import Lead, Prescribed
from controller.requests import Confirm, Edit, Load, Resume
from controller.ring import Ring
from controller.tags import fraction_tag
from hal.clock import SystemClock
from hal.errors import ConfigurationError
from records.approved import NONE, Signatures, values_of
from records.files import PosixFiles
from verification.disk import FaultyDisk, Strike

RIG = configuration.load(EXAMPLES / "rig.toml", 0)
BASIS = basis_of(RIG, 1.8e9)
WHOLE = Draft(
    id="RX-9", version=1, patient_id="P-SECRET-77", patient_id_2="1961-02-03", course_id="C1", lesion_id="L2", site="ear, right helix", laterality="right",
    rx_mgy=7000.0, depth_mm=3.0, fraction=1, fractions=6, min_interval_h=48.0, kv=69.5, ma=1.6, filter="F2", applicator="A20", gap_mm=0.0, cutout_id="",
    bolus_or_cover_mm=0.0, backing="full", shield_notes="", tolerance_flags=[],
)  # fmt: skip


def but(**changes: Any) -> Draft:
    return WHOLE.model_copy(update=changes)


def file_of(draft: Draft) -> PrescriptionFile:
    found = looked(draft).file
    assert found is not None, looked(draft)
    return found


def of(draft: Draft) -> Prescribed:
    return prescribed_of(file_of(draft), bytes(32))


def put(folder: Path, draft: Draft) -> Prescribed:
    """A draft that was written, as it is read."""
    shelf = Shelf(folder)
    return order(folder / shelf.write(file_of(draft), written(file_of(draft), "by a test"), list, None))


def refusals(draft: Draft, basis: Basis = BASIS) -> dict[str, str]:
    return {one.field: one.words for one in worked(draft, basis).wrong}


def test_every_field_has_its_place_in_the_file_and_every_key_its_field() -> None:
    keys = {
        f"{table}.{key}"
        for table, field in PrescriptionFile.model_fields.items()
        for kind in (field.annotation, *getattr(field.annotation, "__args__", ()))
        if hasattr(kind, "model_fields")
        for key in kind.model_fields  # type: ignore[union-attr]
    }
    assert set(FIELD) == keys - {"prescription.purpose", "prescription.approved_by"}
    assert tuple(PLACE) == tuple(Draft.model_fields)


def test_a_whole_draft_is_the_file_that_reads_back_as_it(tmp_path: Path) -> None:
    """Nobody approved it: the file says so, and names nothing of a patient in its own name."""
    for draft in (
        WHOLE, but(shield_notes='2 mm "lead" \\ over the eye', backing="lead", tolerance_flags=["eye", "implant"], bolus_or_cover_mm=2.0),
        but(cutout_id="L-7", cutout_factor=0.93, cutout_diameter_mm=12.0, cutout_measured_by="M. Example", depth_mm=0.0, id="RX/9 b"),
    ):  # fmt: skip
        one = put(tmp_path, draft)
        assert draft_of(one) == draft.model_copy(update={"cutout_factor": one.cutout_factor})
        assert one.by_signature is True and one.approved_by == ("the signatures of a physician and a physicist",)
        name = name_of(one)
        assert "SECRET" not in name and (tmp_path / name).stat().st_mode & 0o777 == 0o600
        (tmp_path / name).unlink()
    assert name == "RX_9_b-v1-f1.toml"


def test_what_is_missing_is_named_and_refuses_nothing_yet() -> None:
    """Each field taken away alone; what may be empty may be."""
    assert worked(WHOLE, BASIS).ready
    for name in PLACE:
        made = worked(but(**{name: None}), BASIS)
        if name in (
            "cutout_id",
            "cutout_factor",
            "cutout_diameter_mm",
            "cutout_measured_by",
            "shield_notes",
            "tolerance_flags",
        ):
            assert made.ready, name
        else:
            assert (made.looked.missing, made.wrong, made.ready) == ((name,), (), False), made
    lead = but(cutout_id="L-7", depth_mm=0.0)
    assert set(looked(lead).missing) == {"cutout_factor", "cutout_diameter_mm", "cutout_measured_by"}
    empty = worked(Draft(), BASIS)
    assert empty.numbers is None and empty.wrong == () and for_calculation(Draft()) is None


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"depth_mm": 10.1}, "depth_mm", "depth 10.1 mm is outside the PDD table, 0 to 10 mm (certificate); first: prescribe within it"),
        ({"depth_mm": 31.0}, "depth_mm", "dose.depth_mm = 31.0: is above the bound: at most 30"),
        ({"depth_mm": 6.0, "bolus_or_cover_mm": 5.0}, "depth_mm", "depth 6 mm under 5 mm of bolus is outside the PDD table"),
        ({"kv": 70.0}, "applicator", "70 kV, 1.6 mA, filter F2, applicator A20 has no entry in the signed certificate SIM-2025-01, which has 69.5 kV"),
        ({"applicator": "A30"}, "applicator", "has no entry in the signed certificate"),
        ({"rx_mgy": 12800.0}, "rx_mgy", "skin dose 15058.8 mGy is above 15000 (applicator A20); first: prescribe less"),
        ({"rx_mgy": 20.0}, "rx_mgy", "is below 3.00 s (3 s, ten ramps, limits); first: choose a combination with a lower rate"),
        ({"rx_mgy": 20001.0}, "rx_mgy", "is above the bound: at most 20000"),
        ({"gap_mm": 20.5}, "gap_mm", "beam.gap_mm = 20.5: is above the bound: at most 20"),
        ({"fraction": 7}, "fraction", "is above the bound: at most dose.fractions = 6"),
        ({"site": "ear\u200b"}, "site", "course.site: holds U+200B, a character that shows nothing or turns"),
        ({"laterality": "both"}, "laterality", "is none of"),
        ({"tolerance_flags": ["heart"]}, "tolerance_flags", "is none of"),
        ({"cutout_id": "L-7", "cutout_factor": 0.9, "cutout_diameter_mm": 9.0, "cutout_measured_by": "M"}, "cutout_id", "L-7 has no depth dose of its own"),
    ],
)  # fmt: skip
def test_each_refusal_names_value_bound_and_what_to_do_first(changes: dict[str, Any], field: str, words: str) -> None:
    """A depth outside the PDD table, a combination without a signed entry, a skin dose above the applicator's cap, every bound of the file: at its field."""
    made = worked(but(**changes), BASIS)
    found = {one.field: one.words for one in made.wrong}
    assert words in found.get(field, ""), found
    assert all("first:" in one.words for one in made.wrong) and not made.ready


def test_the_numbers_are_those_of_the_dose_page_and_stand_beside_the_second_calculation() -> None:
    """7 Gy at 3 mm, PDD 85: D0 8235.3, skin the same, time by R0 and dt of the certificate; bolus and gap as docs/dose.md says."""
    made = worked(WHOLE, BASIS)
    n = made.numbers
    assert n is not None and BASIS.certificate is not None
    c = BASIS.certificate.combinations[0]
    assert (n.pdd_pct, n.gap_factor, n.factor) == (approx(85.0), approx(1.0), approx(0.85))
    assert n.d0_mgy == approx(7000 / 0.85) == n.skin_mgy and n.skin_most_mgy == 15000.0
    assert n.time_s == approx(7000 / 0.85 / c.r0_mgy_per_s - c.dt_s, abs=0.005) and n.ends_by == "monitor"
    assert [(one.name, one.agrees) for one in made.lines] == [
        ("factor", True),
        ("d0", True),
        ("skin", True),
        ("time", True),
    ]
    bolus = worked(but(bolus_or_cover_mm=1.0, depth_mm=2.0, gap_mm=1.0), BASIS).numbers
    assert bolus is not None and (bolus.reach_mm, bolus.pdd_pct) == (3.0, approx(85.0))
    assert bolus.gap_factor == approx((63 / 64) ** 2) and bolus.skin_mgy == approx(
        bolus.d0_mgy * 0.947 * (61 / 62) ** 2
    )


def test_a_second_calculation_that_differs_refuses_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hazard A5: the figures stand side by side, and where they do not agree nothing is written."""
    from console import second_calculation as second

    true = second.calculate

    def wrong(*given: Any) -> Any:
        made = true(*given)
        assert isinstance(made, second.Second)
        return replace(made, d0_mgy=made.d0_mgy * 1.006)

    monkeypatch.setattr(second, "calculate", wrong)
    made = worked(WHOLE, BASIS)
    assert not made.ready and "the second calculation differs (d0)" in made.wrong[0].words
    assert [one.name for one in made.lines if not one.agrees] == ["d0"]
    monkeypatch.setattr(second, "calculate", lambda *_: "no table")
    assert "no second calculation: no table" in refusals(WHOLE)[""]


def test_without_a_certificate_in_force_there_is_no_order(tmp_path: Path) -> None:
    """The words are those of whatever is wrong with it; the rest of the form is looked at all the same."""
    none = basis_of(replace(RIG, certificate=tmp_path / "gone.toml"), 1.8e9)
    made = worked(but(depth_mm=31.0), none)
    assert not made.ready and made.numbers is None
    words = {one.field: one.words for one in made.wrong}
    assert (
        "no order without a certificate in force" in words["applicator"]
        and "gone.toml" in words["applicator"]
        and "depth_mm = 31.0" in words["depth_mm"]
    )


def test_a_rig_that_is_narrowed_refuses_what_its_limits_do_not_carry() -> None:
    """Dose at depth, dose at the skin and time, each by the rig's own bound, which may be below the applicator's."""
    for changes, words in (
        ({"rx_max_mgy": 6000.0}, "prescribed dose 7000 mGy is above 6000 (limits); first: prescribe less"),
        ({"skin_max_mgy": 8000.0}, "skin dose 8235.3 mGy is above 8000 (limits); first:"),
        ({"time_max_s": 100.0}, "beam time 149.9 s is above 100 (limits, applicator); first:"),
    ):
        narrow = replace(BASIS, limits=msgspec.structs.replace(BASIS.limits, **changes))
        assert words in refusals(WHOLE, narrow)["rx_mgy"], changes


def lead(name: str, factor: float = 0.93, kv: float = 69.5) -> CutoutTable:
    ratio = RatioTable(kv=kv, ma=1.6, filter="F2", value=0.95, u_pct=1.5, source="table")
    return CutoutTable(
        derived=False, id=name, applicator="A20", diameter_mm=12.0, factor=factor, u_pct=2.0, readings_nc=[1.0, 1.1, 1.0, 1.0, 1.0],
        reference_nc=[1.0] * 5, by="M", at=datetime(2026, 1, 1, tzinfo=UTC), b_w_ratio=ratio,
    )  # fmt: skip


def test_hazard_a4_a_cut_out_is_one_that_was_measured_with_its_factor_and_size() -> None:
    """Its name in this applicator and beam; a factor of another, or of one in another beam, is refused with the number that belongs there."""
    basis = replace(BASIS, cutouts=(lead("L-7"), lead("L-8", kv=50.0)))
    right = but(cutout_id="L-7", cutout_factor=0.93, cutout_diameter_mm=12.0, cutout_measured_by="M", depth_mm=0.0)
    assert worked(right, basis).ready
    for changes, field, words in (
        ({"cutout_id": "L-9"}, "cutout_id", "measured were: L-7; first: choose one of these"),
        ({"cutout_id": "L-8"}, "cutout_id", "was not measured in this applicator and beam"),
        ({"cutout_factor": 0.94}, "cutout_factor", "is not that of L-7, 0.93; first: write 0.93"),
        ({"cutout_diameter_mm": 15.0}, "cutout_diameter_mm", "is not that of L-7, 12 mm"),
    ):
        assert words in refusals(right.model_copy(update=changes), basis)[field]


def test_hazard_a12_a_cut_out_at_a_depth_goes_by_its_own_depth_dose() -> None:
    """The table that was measured under this very lead, in both calculations; the typed table is then asked at the surface."""
    assert BASIS.certificate is not None
    used = msgspec.structs.replace(
        BASIS.certificate.combinations[0], leads=(Lead("L-7", 0.93, ((0.0, 100.0), (4.0, 76.0))),)
    )
    basis = replace(
        BASIS, certificate=msgspec.structs.replace(BASIS.certificate, combinations=(used,)), cutouts=(lead("L-7"),)
    )
    made = worked(but(cutout_id="L-7", cutout_factor=0.93, cutout_diameter_mm=12.0, cutout_measured_by="M"), basis)
    n = made.numbers
    assert made.ready and n is not None and (n.pdd_pct, n.factor) == (approx(82.0), approx(0.82 * 0.93))
    assert all(one.agrees for one in made.lines) and n.skin_mgy == approx(7000.0 / 0.82)


def test_a_version_comes_after_the_newest_and_nothing_is_written_over(tmp_path: Path) -> None:
    """A further fraction is as the others of its version; anything else is a new version, one above the newest."""
    first, shelf = put(tmp_path, WHOLE), Shelf(tmp_path)
    before = (tmp_path / name_of(first)).read_bytes()

    def said(draft: Draft) -> dict[str, str]:
        return {one.field: one.words for one in shelf.against(of(draft), [])}

    assert said(but(fraction=2)) == {} == said(but(version=2)) == said(but(id="RX-10"))
    assert (
        "is there (RX-9-v1-f1.toml) and is never written over; first: begin with fraction 2" in said(WHOLE)["version"]
    )
    assert "version 3 is above the bound: at most 2" in said(but(version=3))["version"]
    assert "version 2 is above the bound: at most 1" in said(but(id="RX-10", version=2))["version"]
    assert (
        "dose.rx_mgy_per_fraction is another than in fraction 1 of version 1"
        in said(but(fraction=2, rx_mgy=6000.0))["rx_mgy"]
    )
    assert "set_up.backing is another" in said(but(fraction=2, backing="thin"))["backing"]
    for name, value in (("patient_id", "P2"), ("course_id", "C2"), ("lesion_id", "L3")):
        assert "order of another patient, course or lesion" in said(but(**{name: value}, version=2))["id"]
        assert "SECRET" not in said(but(**{name: value}, version=2))["id"]
    with pytest.raises(ConfigurationError, match="never written over"):
        shelf.write(file_of(WHOLE), written(file_of(WHOLE), "again"), list, None)
    (tmp_path / "RX-9-v2-f1.toml").write_bytes(b"not an order")
    with pytest.raises(ConfigurationError, match="is there already"):
        shelf.write(file_of(but(version=2)), written(file_of(but(version=2)), "x"), list, None)
    (tmp_path / "RX-9-v2-f1.toml").unlink()
    put(tmp_path, but(version=2, rx_mgy=6000.0))
    assert "version 1 is below the bound: at least 2" in said(but(fraction=2))["version"]
    assert (tmp_path / name_of(first)).read_bytes() == before


def row(**changes: Any) -> dict[str, Any]:
    plain = {
        "purpose": "TREAT", "prescription_id": "RX-9", "patient_id": "P-SECRET-77", "course_id": "C1", "lesion_id": "L2", "prescription_version": 1,
        "fraction": 1, "closed": False, "status": "PARTIAL",
    }  # fmt: skip
    return plain | changes


def test_no_new_version_while_a_fraction_of_the_old_one_is_open_or_loaded(tmp_path: Path) -> None:
    """Who must finish a fraction needs the order that it was begun with; what was given is not ordered again."""
    put(tmp_path, WHOLE)
    shelf = Shelf(tmp_path)

    def said(draft: Draft, rows: list[dict[str, Any]], loaded: Prescribed | None = None) -> list[str]:
        return [one.words for one in shelf.against(of(draft), rows, loaded)]

    (words,) = said(but(version=2, fraction=2), [row()])
    assert words == "fraction 1 of version 1 is open (PARTIAL); first: resume it or close it, then write version 2"
    (words,) = said(but(version=2, fraction=2), [], of(WHOLE))
    assert words == "version 1 of RX-9 is loaded; first: unload it, then write version 2"
    assert (
        said(
            but(version=2, fraction=2),
            [row(closed=True), row(prescription_id="RX-1"), row(purpose="DAILY")],
            of(but(id="RX-8")),
        )
        == []
    )
    assert said(but(version=2, fraction=2), [row(status="NONE")]) == [], "a START without beam left nothing to finish"
    assert said(but(fraction=2), [row()]) == [], "the next fraction of the same version changes nothing of it"
    (words,) = said(but(version=2), [row(closed=True, status="COMPLETE")])
    assert words == "fraction 1 is closed (COMPLETE) and is not given again; first: write the next one"
    (words,) = said(but(fraction=2), [row(patient_id="P2", closed=True)])
    assert "another patient" in words
    (tmp_path / "RX-9-v1-f1.toml").unlink()
    (words,) = said(but(fraction=2), [row(closed=True)])
    assert "is known to the records, and its file is not here; first: put it back, or write version 2" in words


def test_the_records_of_a_rig_are_what_an_open_fraction_is_known_by(tmp_path: Path) -> None:
    """The rows that the recorder keeps, of a fraction that was stopped and not closed."""
    from console.kept import rows

    kept = KeptByHand(tmp_path / "records")
    kept.start(GOLDEN)
    kept.end(60.3, Outcome.INTERRUPTED)
    kept.done()
    shelf = Shelf(tmp_path / "orders")
    found = rows(replace(RIG, records=tmp_path / "records"))
    wanted = msgspec.structs.replace(GOLDEN, version=3, fraction=2)
    (one,) = shelf.against(wanted, found)
    assert "fraction 1 of version 2 is open (PARTIAL)" in one.words


@pytest.mark.parametrize("what", ["ENOSPC", "EIO", "SHORT"])
def test_a_full_or_failing_disk_leaves_no_part_of_an_order(tmp_path: Path, what: str) -> None:
    """At each call that writing makes: the order is there whole and reads back, or it is not there; and words are said."""
    call, struck = 0, True
    while struck:
        call += 1
        folder = tmp_path / f"o{call}"
        disk = FaultyDisk(seed=call, strikes=[Strike(call, what)])
        words = ""
        try:
            Shelf(folder, disk).write(file_of(WHOLE), written(file_of(WHOLE), "x"), list, None)
        except ConfigurationError as error:
            words = str(error)
        struck = bool(disk.struck)
        there = list(folder.glob("*.toml")) if folder.exists() else []
        assert [draft_of(order(one)).id for one in there] == ["RX-9"] * len(there), (call, there)
        assert there or "first:" in words, (call, words)
        disk.die(lambda: None)
    assert call > 4


def test_a_newer_version_takes_the_place_of_an_older_one_from_its_first_signature(tmp_path: Path) -> None:
    """A draft that nobody signed changes nothing; one that needs no signature counts as it lies there; a withdrawn signature gives the place back."""
    approvals = Approvals(tmp_path, lambda: 1.8e9)
    old, new = put(tmp_path / "o", WHOLE), put(tmp_path / "o", but(version=2, rx_mgy=6000.0))
    assert fraction_tag(old) == fraction_tag(new)
    both = [old, new]
    assert superseded(old, both, NONE, ()) == superseded(new, both, NONE, ()) == ""
    n = approvals.sign_order(new, "mia", "physician", ())
    words = superseded(old, both, approvals.signed(), ("physicist",))
    said = "version 2 of RX-9, fraction 1, takes the place of version 1: mia (physician) signed it on 2027-01-15 08:00:00Z; first: use version 2"
    assert words.startswith(said) and superseded(old, [], approvals.signed(), ()) == words, "wherever the file lies"
    assert superseded(new, both, approvals.signed(), ()) == ""
    other = msgspec.structs.replace(old, fraction=2)
    assert superseded(other, both, approvals.signed(), ()) == "", "another fraction goes on by its own order"
    approvals.withdraw(n, "typed wrong", "mia", "physician")
    assert superseded(old, both, approvals.signed(), ()) == ""
    plain = msgspec.structs.replace(new, by_signature=msgspec.UNSET)
    assert (
        "takes the place" in superseded(old, [old, plain], NONE, ())
        and superseded(old, [old, plain], NONE, ("physician",)) == ""
    )


class Writing(Signing):
    """A clinical console whose certificate and records are the simulated rig's: numbers to work with, signatures to ask for."""

    async def ordered(self, page: Browser, path: str, body: Any = None) -> tuple[int, Any]:
        return await page.post(f"/api/order/{path}", {} if body is None else {"draft": body})

    async def write(self, page: Browser, draft: Draft) -> tuple[int, Any]:
        token = (await page.post("/api/token"))[1].get("token", "none")
        return await page.post("/api/order/write", {"draft": draft.model_dump()}, x_kerma_token=token)


@pytest.fixture
def console(
    scripted: Scripted, tmp_path: Path, prescribed: Prescribed, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Writing]:
    from console.web import order_page

    monkeypatch.setattr(order_page, "basis_of", lambda _rig, _wall_s: BASIS)
    yield Writing(scripted, tmp_path, prescribed)


def test_who_may_write_an_order_and_who_may_not(console: Writing) -> None:
    """Threat T4: physician and physicist; nobody else, not without a token, and each token once."""

    async def story() -> None:
        for name in ("olga", "sven", "ada"):
            page = await console.page(name, False)
            for path, body in (("form", None), ("work", WHOLE.model_dump())):
                status, said = await console.ordered(page, path, body)
                assert status == 403 and "not for the role" in said["words"], name
            assert (await console.write(page, WHOLE))[0] == 403
        mia = await console.page("mia", False)
        assert (await mia.post("/api/order/write", {"draft": WHOLE.model_dump()}, x_kerma_token="none"))[0] == 403
        token = (await mia.post("/api/token"))[1]["token"]
        body = {"draft": WHOLE.model_dump()}
        assert (await mia.post("/api/order/write", body, x_kerma_token=token))[0] == 200
        assert (
            await mia.post("/api/order/write", body | {"draft": but(fraction=2).model_dump()}, x_kerma_token=token)
        )[0] == 403
        assert (await Browser(console).post("/api/order/form", {}))[0] == 401

    console.play(story)
    assert len(list(console.folder.glob("RX-9*.toml"))) == 1


def test_an_order_is_typed_written_signed_by_two_and_loaded_and_an_older_version_is_not(console: Writing) -> None:
    """From the form to the desk; the draft loads nothing before both have signed, the second version takes the first's place, a resume keeps its order."""

    short = but(rx_mgy=950.0)

    def small(**changes: Any) -> Draft:
        return short.model_copy(update=changes)

    async def story() -> None:
        mia, paul, olga = (
            await console.page("mia", False),
            await console.page("paul", False),
            await console.page("olga"),
        )
        status, form = await console.ordered(mia, "form")
        assert status == 200 and form["certificate"] == "SIM-2025-01" and form["combinations"][0]["most_mm"] == 10.0
        status, made = await console.ordered(mia, "work", small(depth_mm=None).model_dump())
        assert (status, made["ready"], made["missing"], made["numbers"]) == (200, False, ["depth_mm"], None)
        status, made = await console.ordered(mia, "work", short.model_dump())
        assert made["ready"] and made["numbers"]["skin_mgy"] == approx(1117.647) and len(made["lines"]) == 4
        status, said = await console.write(mia, small(depth_mm=11.0))
        assert status == 409 and "outside the PDD table, 0 to 10 mm" in said["words"]
        status, said = await console.write(mia, small(site=None))
        assert status == 409 and "not written yet: course.site; first:" in said["words"]
        status, done = await console.write(mia, short)
        assert status == 200 and done["name"] == "RX-9-v1-f1.toml" and "counts for nothing yet" in done["words"]
        assert (await console.write(mia, short))[0] == 409
        first = order(console.folder / done["name"])
        console.room.orders.read = lambda *_: replace(console.loads.read("", "", False), prescribed=first)
        console.order = {"order": done["name"], "sha256": done["sha256"]}
        await olga.command("control/take")
        status, said = await olga.command("load", console.order)
        assert status == 409 and "not approved" in said["words"] and not console.asked(Load)
        for page, meaning in ((mia, "prescribed"), (paul, "physics checked")):
            assert (await console.sign(page, meaning))[0] == 200
        console.shown = snapshot(state="PREPARATORY", offer=offer())
        assert (await olga.command("load", console.order))[0] == 200
        status, said = await console.write(mia, small(version=2, rx_mgy=900.0))
        assert status == 409 and "version 1 of RX-9 is loaded; first: unload it" in said["words"]
        console.room.fraction.clear()
        status, done = await console.write(mia, small(version=2, rx_mgy=900.0))
        assert status == 200
        second = order(console.folder / done["name"])
        assert (await olga.command("load", console.order))[0] == 200, "a draft that nobody signed changes nothing"
        console.room.approvals.sign_order(second, "mia", "physician", ())
        await console._seen("PREPARATORY")
        status, said = await olga.command("confirm", CONFIRM)
        assert (
            status == 409
            and "version 2 of RX-9, fraction 1, takes the place of version 1" in said["words"]
            and not console.asked(Confirm)
        )
        status, said = await olga.command("load", console.order)
        assert status == 409 and "takes the place" in said["words"]
        rows = {one["name"]: one["approval"]["words"] for one in (await olga.post("/api/orders"))[1]["orders"]}
        assert (
            "takes the place" in rows["RX-9-v1-f1.toml"]
            and '"physics checked" (physicist) is missing' in rows["RX-9-v2-f1.toml"]
        )
        assert (await olga.command("resume", console.order | {"reason": "r", "secret": SECRET}))[0] == 200, (
            "what was begun with it is finished with it"
        )
        assert console.asked(Resume)

    console.play(story)
    told = json.dumps(console.clerk.whats("command") + console.clerk.whats("order written"))
    assert '"do": "write"' in told and "order_sha256" in told


def test_an_order_that_cannot_be_audited_is_not_written(console: Writing) -> None:
    """Threat T9: the disk of the audit is full, and the folder of orders stays as it is."""

    async def story() -> None:
        mia = await console.page("mia", False)
        console.clerk.kept.full = True
        status, said = await console.write(mia, WHOLE)
        assert status == 503 and "cannot be audited" in said["words"]
        console.clerk.kept.full = False

    console.play(story)
    assert not list(console.folder.glob("RX-9*"))


def test_what_a_patient_is_called_stands_in_the_order_alone(
    console: Writing, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in the audit, not in a log, not in a refusal's record, not in the answer to whoever writes."""
    notes = but(shield_notes="Mrs Planted keeps her ring")
    answers: list[str] = []

    async def story() -> None:
        mia = await console.page("mia", False)
        for draft in (notes, notes, notes.model_copy(update={"depth_mm": 11.0})):
            said = await console.write(mia, draft)
            answers.append(json.dumps(said))

    console.play(story)
    out = capsys.readouterr()
    audit = json.dumps(
        console.clerk.whats("command") + console.clerk.whats("refused") + console.clerk.whats("order written")
    )
    everywhere = caplog.text + out.out + out.err + audit + "".join(answers)
    for planted in ("P-SECRET-77", "1961-02-03", "Planted", "right helix"):
        assert planted not in everywhere, planted
    assert b"Planted" in (console.folder / "RX-9-v1-f1.toml").read_bytes()


def test_terminal_and_desk_know_a_newer_version_too(tmp_path: Path) -> None:
    """`kerma treat` of an older one is refused by the folder that its file lies in, and a resume is not."""
    old, new = put(tmp_path, WHOLE), put(tmp_path, but(version=2))
    rig = replace(RIG, records=tmp_path / "records")
    approvals = Approvals(rig.records, SystemClock().wall)
    for one in (old, new):
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            approvals.sign_order(one, who, role, ())
    assert "takes the place of version 1" in treating.unapproved(rig, old, SystemClock(), tmp_path)
    assert (
        treating.unapproved(rig, old, SystemClock(), None)
        == treating.unapproved(rig, new, SystemClock(), tmp_path)
        == ""
    )
    desk = Signatures(rig.records)
    assert "takes the place of version 1" in desk.unsigned(old, ()) and desk.unsigned(new, ()) == ""
    assert desk.unsigned(old, (), begun=True) == "", "its rest is given by the order that it was begun with"


def test_the_terminal_looks_for_a_newer_version_in_the_sites_folder_too(tmp_path: Path) -> None:
    """The older file is typed from a folder of its own; a program that noted no versions signed both, so that the folders alone know."""
    old, _, new = (
        put(tmp_path / "home", WHOLE),
        put(tmp_path / "orders", WHOLE),
        put(tmp_path / "orders", but(version=2)),
    )
    rig = replace(RIG, path=tmp_path / "rig.toml", records=tmp_path / "records")
    approvals = Approvals(rig.records, SystemClock().wall)
    assert treating.unapproved(rig, new, SystemClock(), tmp_path / "orders") != "", "an order by signature needs both"
    for one in (old, new):
        for who, role in (("mia", "physician"), ("paul", "physicist")):
            approvals.sign(one.sha256.hex(), "RX-9", who, role, values_of(one), " ".join(one.flags))
    words = treating.unapproved(rig, old, SystemClock(), tmp_path / "home")
    assert words.startswith("version 2 of RX-9, fraction 1, takes the place of version 1; first: use version 2")
    assert treating.unapproved(rig, new, SystemClock(), tmp_path / "home") == ""
    (tmp_path / "orders" / name_of(new)).unlink()
    assert treating.unapproved(rig, old, SystemClock(), tmp_path / "home") == ""
    approvals.sign_order(msgspec.structs.replace(new, version=3, sha256=b"3" * 32), "mia", "physician", new.flags)
    words = treating.unapproved(rig, old, SystemClock(), tmp_path / "home")
    assert words.startswith(
        "version 3 of RX-9, fraction 1, takes the place of version 1: mia (physician) signed it on "
    )


ORDER_OF = '[prescription]\nid = "{}"\nversion = {}\n'


@pytest.mark.parametrize(
    ("said", "stops"),
    [
        (b"not an order", True),
        (b"\xff\xfe", True),
        (ORDER_OF.format("RX-9", 2).encode(), True),
        (ORDER_OF.format("RX-9", '"2"').encode(), True),
        (ORDER_OF.format("RX-9\u200b", 2).encode(), True),
        (b'[perscription]\nid = "RX-1"\n[patient]\n', True),
        (ORDER_OF.format("RX-9", 1).encode(), False),
        (ORDER_OF.format("RX-8", 2).encode(), False),
        (b"[rig]\n", False),
        (None, True),
    ],
    ids=["no-toml", "no-text", "cut-off", "version-in-quotes", "unseen-letter", "mistyped-table", "not-newer", "another", "no-order", "dangling-link"],
)  # fmt: skip
def test_what_may_be_a_newer_version_and_cannot_be_read_refuses_and_is_named(
    tmp_path: Path, said: bytes | None, stops: bool
) -> None:
    """At the page, in its list, and at the terminal: the file by its path, and what to do first. What is surely another order, an older one or none keeps
    nobody waiting."""
    old, path = put(tmp_path / "orders", WHOLE), tmp_path / "orders" / "RX-9-v2-f1.toml"
    path.symlink_to(tmp_path / "nowhere") if said is None else path.write_bytes(said)
    rig = replace(RIG, path=tmp_path / "rig.toml", records=tmp_path / "records")
    approvals, orders = Approvals(rig.records, lambda: 1.8e9), Orders(rig, tmp_path / "orders", SystemClock())
    for who, role in (("mia", "physician"), ("paul", "physicist")):
        approvals.sign_order(old, who, role, old.flags)
    listed = {
        one["name"]: one["approval"]["words"]
        for one in pages.rows(rig, orders, approvals, Chart(rig.records, lambda: 1.8e9))
    }
    for words in (
        pages.refusal(rig, tmp_path / "orders", approvals, old),
        listed[name_of(old)],
        treating.unapproved(rig, old, SystemClock(), tmp_path / "home"),
    ):
        assert bool(words) is stops, words
        assert not stops or words.startswith(
            f"{path}: cannot be read, and may be a newer version of RX-9, which is version 1; first: see"
        )
    assert pages.refusal(rig, None, approvals, old) == treating.unapproved(rig, old, SystemClock(), None) == "", (
        "a resume is by its own order"
    )


def test_a_folder_that_cannot_be_listed_refuses_and_one_that_is_not_there_does_not(tmp_path: Path) -> None:
    old = put(tmp_path / "home", WHOLE)
    assert displaced(old, (tmp_path / "home", tmp_path / "none"), NONE, ()) == ""
    (tmp_path / "file").write_bytes(b"")
    assert displaced(old, (tmp_path / "home", tmp_path / "file"), NONE, ()).startswith(
        f"{tmp_path / 'file'}: cannot be read"
    )


ANSWERS = {
    "patient's number": "P-1", "second identifier": "1961-02-03", "course": "C1", "lesion": "L2", "where": "ear, right helix", "side": "right",
    "number of the order": "RX-9", "version": "", "number of this": "", "fractions in all": "6", "least": "48", "combination": "1", "dose of": "7",
    "depth": "3", "gap": "", "bolus": "1.5", "behind": "thin", "cut-out": "", "what is shielded": "lead over the eye",
    "to be minded": "eye", "write this": "yes",
}  # fmt: skip


@pytest.fixture
def desk_rig(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    document = tomllib.loads((EXAMPLES / "rig.toml").read_text(encoding="utf-8"))
    document["records"]["dir"] = str(tmp_path / "records")
    (tmp_path / "examples" / "rig.toml").write_text(dumped(document), encoding="utf-8")
    return tmp_path / "examples" / "rig.toml"


class Typist:
    """Answers by the beginning of the question; a list is gone through."""

    def __init__(self, **changes: Any) -> None:
        self.answers = {
            key: list(value) if isinstance(value, list) else [value] for key, value in (ANSWERS | changes).items()
        }
        self.asked: list[str] = []

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        key = next(key for key in self.answers if question.startswith(key))
        left = self.answers[key]
        said = left.pop(0) if len(left) > 1 else left[0]
        if said is None:
            raise EOFError
        return str(said)


def test_the_terminal_asks_each_field_with_its_bounds_and_writes_what_was_confirmed(
    desk_rig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is out of bounds is asked again with value and bound; the draft is the page's own, and counts by two signatures."""
    typist = Typist(
        depth=["31", "3,5", "", "3"],
        combination=["7", "1"],
        side=["both", "right"],
        version=["x", "1"],
        behind=["bone", "thin"],
    )
    assert terminal.new(desk_rig, None, None, SystemClock(), typist) is Exit.AS_INTENDED
    out = capsys.readouterr().out
    for words in (
        "dose.depth_mm = 31.0: is above the bound: at most 30", "'3,5' is no number with a point", "is not written; first: write it",
        "'7' is no combination: 1 to 1",
        'course.laterality = "both": is none of', "'x' is no whole number", "set_up.backing", "planned time", "counts for nothing yet",
    ):  # fmt: skip
        assert words in out, words
    one = order(desk_rig.parent / "orders" / "RX-9-v1-f1.toml")
    assert (one.rx_mgy, one.reach_mm, one.flags, one.by_signature) == (7000.0, 4.5, ("backing_thin", "eye"), True)
    assert not any("cut-out" not in question and "measured" in question for question in typist.asked), (
        "no questions of lead where there is none"
    )
    again = Typist()
    with pytest.raises(ConfigurationError, match=r"never written over[\s\S]*nothing was written"):
        terminal.new(desk_rig, None, None, SystemClock(), again)
    follow = desk_rig.parent / "orders" / "RX-9-v1-f1.toml"
    nothing = dict.fromkeys(ANSWERS, "") | {"number of this": "2", "write this": "yes"}
    assert terminal.new(desk_rig, None, follow, SystemClock(), Typist(**nothing)) is Exit.AS_INTENDED
    assert draft_of(order(desk_rig.parent / "orders" / "RX-9-v1-f2.toml")) == draft_of(one).model_copy(
        update={"fraction": 2}
    )


@pytest.mark.parametrize("changes", [{"write this": "y"}, {"write this": ""}, {"gap": None}])
def test_anything_but_a_typed_yes_writes_nothing(desk_rig: Path, changes: dict[str, Any]) -> None:
    assert terminal.new(desk_rig, None, None, SystemClock(), Typist(**changes)) is Exit.NOT_CONFIRMED
    assert not list((desk_rig.parent / "orders").glob("*"))


def test_what_the_numbers_refuse_is_not_offered_to_be_written(desk_rig: Path) -> None:
    typist = Typist(**{"depth": "10", "dose of": "12.8"})
    with pytest.raises(ConfigurationError, match="outside the PDD table"):
        terminal.new(desk_rig, None, None, SystemClock(), typist)
    assert not any(question.startswith("write this") for question in typist.asked)


def test_show_and_check_say_what_an_order_comes_to_and_what_stands_against_it(
    desk_rig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An order of the older form is worked out as it is; a draft lacks its signatures, and the exit code says that something stands against it."""
    clock = SystemClock()
    assert terminal.show(desk_rig, EXAMPLES / "short.toml", clock, as_json=True) is Exit.AS_INTENDED
    shown = json.loads(capsys.readouterr().out)
    assert (
        shown["numbers"]["d0_mgy"] == approx(1117.647)
        and shown["missing"] == ["set_up.bolus_or_cover_mm", "set_up.backing"]
        and shown["wrong"] == []
    )
    assert terminal.check(desk_rig, EXAMPLES / "short.toml", clock, as_json=False) == Exit.AS_INTENDED
    assert "older form" in capsys.readouterr().out
    put(desk_rig.parent / "orders", WHOLE)
    path = desk_rig.parent / "orders" / "RX-9-v1-f1.toml"
    assert terminal.check(desk_rig, path, clock, as_json=False) == terminal.WRONG
    assert "WRONG  the order is not approved as it is now" in capsys.readouterr().out
    assert terminal.show(desk_rig, path, clock, as_json=False) is Exit.AS_INTENDED
    assert "PDD" in capsys.readouterr().out


def test_where_an_audit_is_kept_a_draft_at_the_terminal_stands_in_it_first(desk_rig: Path) -> None:
    """By its SHA-256; and where the audit cannot be written there is no draft."""
    from console.access import folder

    rig = configuration.load(desk_rig, 0)
    _, audit = folder.opened(rig.records, SystemClock())
    audit.note("console begins", "console", "", {})
    assert terminal.new(desk_rig, None, None, SystemClock(), Typist()) is Exit.AS_INTENDED
    (path,) = (desk_rig.parent / "orders").glob("*.toml")
    log = (rig.records / "access" / "audit.jsonl").read_text(encoding="utf-8")
    assert hashlib.sha256(path.read_bytes()).hexdigest() in log and "P-1" not in log
    (rig.records / "access" / "audit.head").write_text("{}")
    with pytest.raises(ConfigurationError):
        terminal.new(desk_rig, None, None, SystemClock(), Typist(**{"number of the order": "RX-10"}))
    assert len(list((desk_rig.parent / "orders").glob("*.toml"))) == 1


def test_no_edit_is_sent_where_nothing_was_superseded(console: Writing) -> None:
    """The look at what is loaded reads the folder too: a signed newer version unloads an older one that is READY, and a resumed one stays."""
    from console.web.standing import Standing

    first = put(console.folder, WHOLE)

    async def story() -> None:
        for one in (first,):
            for who, role in (("mia", "physician"), ("paul", "physicist")):
                console.room.approvals.sign_order(one, who, role, ())
        loaded = replace(console.loads.read("", "", False), prescribed=first)
        console.room.link._show(snapshot(state="READY", at_s=0.0))
        console.room.fraction.take(replace(loaded, resumed=True), 0.0, 0)
        second = put(console.folder, but(version=2))
        console.room.approvals.sign_order(second, "mia", "physician", ())
        await Standing(console.room).look()
        assert not console.asked(Edit)
        console.room.fraction.take(loaded, 0.0, 0)
        await Standing(console.room).look()
        await asyncio.sleep(0.05)
        assert len(console.asked(Edit)) == 1

    console.play(story)


def test_the_support_bundle_has_nothing_of_an_order_that_is_only_written(tmp_path: Path) -> None:
    """The records do not know its patient yet, so nothing would look for the name: no file of the bundle is made of the orders or of the audit."""
    kept = KeptByHand(tmp_path / "records")
    kept.golden()
    shutil.copy(EXAMPLES / "rig.toml", tmp_path / "rig.toml")
    found = Service(replace(service(kept.done(), tmp_path).rig, path=tmp_path / "rig.toml"), SystemClock())
    one = put(found.rig.path.parent / "orders", but(shield_notes="Mrs Planted keeps her ring"))
    own = Audit(found.rig.records / "access", PosixFiles(), SystemClock().wall)
    (found.rig.records / "access").mkdir(mode=0o700)
    own.note("command", "mia", "physician", {"command": "order", "do": "write", "order_sha256": one.sha256.hex()})
    ring = Ring.create(str(found.rig.places.shm / "i1"), 100.0)
    put_ticks(ring, 1.0)
    packed = zipfile.ZipFile(io.BytesIO(bundle(found, Following(found.rig.places, SystemClock()), True)))
    ring.close()
    said = "".join(packed.read(name).decode() for name in packed.namelist())
    assert len(packed.namelist()) >= 8
    for planted in ("P-SECRET-77", "1961-02-03", "Planted", "right helix", "RX-9", one.sha256.hex()[:16]):
        assert planted not in said, planted
