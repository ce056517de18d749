"""What an order says of the patient's set-up: bolus or cover, backing, cut-out by name, shields, flags. Each is read strictly, stands in the records and in the
report, and does to the dose what docs/dose.md says or nothing; what is flagged is signed by name; an order of the older form stays the order that it was."""

from __future__ import annotations

import copy
import math
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from access_by_hand import SECRET
from desk_by_hand import EXAMPLES, certificate, dumped, offer
from kept_by_hand import ORDER as GOLDEN
from kept_by_hand import KeptByHand
from msgspec import UNSET
from pytest import approx
from test_approvals import Signing
from test_console_configuration import changed
from test_reports_model import report
from test_web_api import Scripted

from console import prescription, screen
from console import second_calculation as second
from console.access.approvals import Approvals
from console.prescription import BY_SIGNATURE, FLAG_WORDS, Flag
from console.reports import paper
from console.treat import independent
from console.treat.independent import Beside
from console.treat.plain_words import order
from controller.conversion import Converted, converted
from controller.prescribed import Backing, Prescribed, SetUp
from controller.requests import Load
from controller.tags import plan_tag
from hal.errors import ConfigurationError
from records.approved import Signatures, values_of

OLD = tomllib.loads((EXAMPLES / "short.toml").read_text(encoding="utf-8"))
PLAIN: dict[str, Any] = {"bolus_or_cover_mm": 0.0, "backing": "full", "shield_notes": "", "tolerance_flags": []}
CUTOUT: dict[str, Any] = {"id": "L-7", "diameter_mm": 12.0, "measured_by": "M. Example"}
BOTH = ("physician", "physicist")
VALUES_OF_SHORT = "94fd3db8dd54f1ddcf7a53ba37e0e6e4"
"""How the name begins that signatures over examples/short.toml were given before an order said anything of a set-up."""


def new(**tables: dict[str, Any]) -> dict[str, Any]:
    """The short order in the newer form, with changes by table."""
    made = copy.deepcopy(OLD) | {"set_up": dict(PLAIN)}
    made["prescription"]["approved_by"] = []
    for name, keys in tables.items():
        made[name] = {**made.get(name, {}), **keys}
    return made


def read(folder: Path, document: dict[str, Any]) -> Prescribed:
    path = folder / "order.toml"
    path.write_text(dumped(document), encoding="utf-8")
    return order(path)


def refused(folder: Path, document: dict[str, Any]) -> str:
    with pytest.raises(ConfigurationError) as error:
        read(folder, document)
    return str(error.value)


def test_the_newer_form_says_all_of_it_and_the_older_one_nothing(tmp_path: Path) -> None:
    """Bolus 0 that somebody wrote is not bolus of which nobody spoke, and a terminal says which it is."""
    whole = new(
        set_up={"bolus_or_cover_mm": 0.0, "backing": "lead", "shield_notes": "2 mm lead over the lid", "tolerance_flags": ["eye", "implant"]},
        cutout=CUTOUT, beam={"cutout_factor": 0.93}, dose={"depth_mm": 0.0},
    )  # fmt: skip
    said = read(tmp_path, whole)
    assert said.set_up == SetUp(
        0.0, Backing.LEAD, "L-7", 12.0, "M. Example", "2 mm lead over the lid", ("eye", "implant")
    )
    assert said.flags == ("backing_lead", "eye", "implant") and set(said.flags) < set(FLAG_WORDS)
    assert (said.by_signature, said.approved_by) == (True, BY_SIGNATURE)
    lines = dict(screen.set_up_lines(said))
    assert (
        "backing lead" in lines["set-up"]
        and "L-7, 12 mm" in lines["cut-out"]
        and "lid" in lines["shields"]
        and "eye" in lines["FLAGGED"]
    )
    old = order(EXAMPLES / "short.toml")
    assert (
        old.set_up is UNSET
        and old.by_signature is UNSET
        and old.flags == ()
        and (old.bolus_mm, old.reach_mm) == (0.0, 3.0)
    )
    assert "not stated" in str(screen.set_up_lines(old))


def test_an_order_of_the_older_form_is_named_written_and_signed_as_before(prescribed: Prescribed) -> None:
    """A course in the middle, and a fraction that lies interrupted, go on by the file that was signed: its bytes in the records and the name of its values are
    those of the program before."""
    assert b"set_up" not in msgspec.msgpack.encode(prescribed) and b"by_signature" not in msgspec.msgpack.encode(
        prescribed
    )
    assert values_of(prescribed).startswith(VALUES_OF_SHORT)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(prescribed), type=Prescribed) == prescribed
    newer = msgspec.structs.replace(prescribed, set_up=SetUp(bolus_mm=0.5, tolerance_flags=("eye",)), by_signature=True)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(newer), type=Prescribed) == newer
    assert values_of(newer) != values_of(prescribed) and plan_tag(newer) == plan_tag(prescribed)


@pytest.mark.parametrize(
    ("table", "key", "value", "words"),
    [
        ("set_up", "bolus_or_cover_mm", -0.1, "at least 0"),
        ("set_up", "bolus_or_cover_mm", 30.1, "at most 30"),
        ("set_up", "bolus_or_cover_mm", math.nan, "not a finite number"),
        ("set_up", "backing", "bone", "is none of"),
        ("set_up", "shield_notes", "x" * 401, "at most 400 characters"),
        ("set_up", "tolerance_flags", ["heart"], "is none of"),
        ("set_up", "tolerance_flags", ["eye", "eye"], "names one twice"),
        ("set_up", "bolus_mm", 1.0, "write bolus_or_cover_mm"),
        ("cutout", "id", "", "too short"),
        ("cutout", "diameter_mm", 0.0, "more than 0"),
        ("cutout", "diameter_mm", 200.1, "at most 200"),
        ("cutout", "factor", 0.9, "not a key"),
    ],
)
def test_each_key_has_its_bound_and_says_it(tmp_path: Path, table: str, key: str, value: object, words: str) -> None:
    document = new(cutout=CUTOUT, beam={"cutout_factor": 0.93}, dose={"depth_mm": 0.0})
    said = refused(tmp_path, changed(document, table, key, value))
    assert f"{table}.{key}" in said and words in said and "first:" in said


@pytest.mark.parametrize("table", ["set_up", "cutout"])
def test_each_key_is_missed_by_name(tmp_path: Path, table: str) -> None:
    document = new(cutout=CUTOUT, beam={"cutout_factor": 0.93}, dose={"depth_mm": 0.0})
    for key in document[table]:
        without = copy.deepcopy(document)
        del without[table][key]
        assert f"{table}.{key} is missing" in refused(tmp_path, without)


def test_words_that_nobody_can_see_are_refused_in_them_too(tmp_path: Path) -> None:
    """Threat T12, for what the operator reads at the patient."""
    for document in (
        new(set_up={"shield_notes": "left eye\u202e"}),
        new(cutout=CUTOUT | {"id": "L\u200b7"}, beam={"cutout_factor": 0.93}, dose={"depth_mm": 0.0}),
        new(cutout=CUTOUT | {"measured_by": " M"}, beam={"cutout_factor": 0.93}, dose={"depth_mm": 0.0}),
    ):
        assert "first: type it anew" in refused(tmp_path, document)


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    """A factor without its lead, lead without a set-up, lead under bolus (hazard A12), and nobody who approved an order of the older form.

    Lead at a depth is named, and whether the certificate has its depth dose is for both calculations."""
    for document, words in (
        (new(beam={"cutout_factor": 0.93}, dose={"depth_mm": 0.0}), "belongs to no cut-out"),
        (changed(OLD, "dose", "depth_mm", 0.0) | {"cutout": CUTOUT}, "[cutout] stands without [set_up]"),
        (new(cutout=CUTOUT, dose={"depth_mm": 0.0}, set_up={"bolus_or_cover_mm": 2.0}), "with a cut-out it is refused"),
        (changed(OLD, "prescription", "approved_by", []), "at least 1 without [set_up]"),
    ):
        said = refused(tmp_path, document)
        assert words in said and "first:" in said, said
    assert read(tmp_path, new(cutout=CUTOUT, dose={"depth_mm": 0.0})).cutout_factor == 1.0, (
        "a lead that takes nothing away was measured too"
    )
    deep = read(tmp_path, new(cutout=CUTOUT, beam={"cutout_factor": 0.93}))
    assert (deep.cutout_id, deep.depth_mm) == ("L-7", 3.0)
    used = certificate().combinations[0]
    assert "L-7 has no depth dose of its own" in str(converted(deep, used)) and "open field" in str(
        second.calculate(deep, used, 0.0)
    )


def under(bolus_mm: float, **changes: Any) -> Prescribed:
    made: dict[str, Any] = {"rx_mgy": 7000.0, "depth_mm": 3.5 - bolus_mm, "set_up": SetUp(bolus_mm=bolus_mm)}
    return msgspec.structs.replace(order(EXAMPLES / "short.toml"), **(made | changes))


@pytest.mark.parametrize(
    ("gap_mm", "d0", "time_s"), [(0.0, 8536.585, 155.36), (1.0, 8807.6, 160.28), (-1.0, 8269.6, 150.51)]
)
def test_bolus_is_water_above_the_depth_in_both_calculations(gap_mm: float, d0: float, time_s: float) -> None:
    """E5 and E6 of docs/dose.md, with 0.5 mm of the 3.5 laid on the skin: the same D0 and time; the skin is then 0.5 mm deep, at PDD 97.5."""
    asked, used = under(0.5, gap_mm=gap_mm), certificate().combinations[0]
    first, other = converted(asked, used), second.calculate(asked, used, 0.0)
    assert isinstance(first, Converted) and isinstance(other, second.Second)
    for one in (first, other):
        assert one.d0_mgy == approx(d0, rel=1e-4)
        assert one.skin_mgy == approx(first.d0_mgy * 0.975 * (60.5 / (60.5 + gap_mm)) ** 2, rel=1e-9)
    assert other.set_time_s == approx(time_s, abs=0.006)
    bare = converted(under(0.0, gap_mm=gap_mm), used)
    assert (
        isinstance(bare, Converted)
        and bare.rx_factor == approx(first.rx_factor, rel=1e-12)
        and bare.skin_mgy > first.skin_mgy
    )


def test_bolus_of_a_closed_end_takes_its_gap_from_the_table() -> None:
    """No inverse square there: the table's factor for depth and skin, and the depth dose of the bolus."""
    used = msgspec.structs.replace(certificate().combinations[0], closed_end=True, gap_table=((0.0, 1.0), (2.0, 0.9)))
    asked = under(0.5, gap_mm=1.0)
    first, other = converted(asked, used), second.calculate(asked, used, 0.0)
    assert isinstance(first, Converted) and isinstance(other, second.Second)
    assert first.rx_factor == approx(0.82 * 0.95) == other.factor
    assert first.skin_mgy == approx(7000.0 / (0.82 * 0.95) * 0.95 * 0.975) == other.skin_mgy


def test_bolus_that_leaves_the_depth_table_or_lies_over_lead_is_refused_by_both_calculations() -> None:
    """Nothing is extrapolated, and no smaller field is calculated by the open one's depth dose (hazard A12)."""
    used = certificate().combinations[0]
    for asked, words, other in (
        (
            under(2.0, depth_mm=2.5),
            "depth 2.5 mm under 2 mm of bolus is outside the PDD table, 0 to 4 mm",
            "under 2.0 mm of bolus: the certificate's depth table",
        ),
        (under(1.0, depth_mm=0.0, cutout_factor=0.93), "bolus 1 mm with cut-out factor 0.93", "under 1 mm of bolus"),
    ):
        said, also = converted(asked, used), second.calculate(asked, used, 0.0)
        assert isinstance(said, tuple) and words in said[0], said
        assert isinstance(also, str) and other in also, also


def test_the_typed_table_is_asked_at_the_depth_in_water(monkeypatch: pytest.MonkeyPatch) -> None:
    """3 mm below 0.5 mm of bolus is its 3.5 mm, and its dose is the one there."""
    asked: list[tuple[float, float]] = []

    def time_of(_table: object, _key: object, depth_mm: float, rx_mgy: float) -> float:
        asked.append((depth_mm, rx_mgy))
        return 155.36

    monkeypatch.setattr(independent, "time_of", time_of)
    beside = Beside(times=object())  # type: ignore[arg-type]
    lines = independent.compared(
        under(0.5), certificate(), offer(set_time_s=155.36, d0_mgy=8536.6, rest_mgy=8536.6), False, beside
    )
    assert not isinstance(lines, str) and lines[0].agrees
    assert asked == [(3.5, approx(7000.0))]


def test_the_report_says_set_up_bolus_and_flags_and_who_accepted_them(tmp_path: Path) -> None:
    """The calculation made anew from its terms agrees with what the machine used; a flag that nobody accepted says so."""
    kept = KeptByHand(tmp_path / "records")
    said = SetUp(0.5, Backing.THIN, "", 0.0, "", "lead over the eye", ("eye",))
    placed = msgspec.structs.replace(GOLDEN, depth_mm=3.0, set_up=said)
    kept.start(placed)
    kept.end(155.36)
    told = report(kept)
    c, o = told.calculation, told.order
    assert c.agrees and c.pdd_pct == approx(82.0) and c.bolus_pdd_pct == approx(97.5) and c.skin_factor == approx(0.975)
    assert c.skin_mgy == approx(8536.585 * 0.975, rel=1e-5)
    assert told.totals.delivered_skin_mgy == approx(told.totals.delivered_d0_mgy * 0.975)
    assert (o.set_up_stated, o.bolus_or_cover_mm, o.backing, o.shield_notes, o.tolerance_flags) == (
        True,
        0.5,
        "thin",
        "lead over the eye",
        ("eye",),
    )
    assert [flag for flag in told.flags if "order flags" in flag] == [
        f"the order flags: {FLAG_WORDS['backing_thin']}; accepted by nobody", f"the order flags: {FLAG_WORDS['eye']}; accepted by nobody",
    ]  # fmt: skip
    assert paper.set_up(o) == ["bolus or cover 0.5 mm; backing thin; no cut-out", "shields: lead over the eye"]
    assert paper.fraction_pdf(told).startswith(b"%PDF")
    other = KeptByHand(tmp_path / "older")
    old = report(other, other.golden())
    assert not old.order.set_up_stated and "not stated" in paper.set_up(old.order)[0] and old.flags == ()


def test_each_flag_has_words_for_paper_and_for_the_page() -> None:
    flags = {f"backing_{one.value}" for one in Backing if one is not Backing.FULL} | set(Flag.__args__)  # type: ignore[attr-defined]
    assert flags == set(FLAG_WORDS)
    words = msgspec.json.decode((Path(prescription.__file__).parent / "web" / "words" / "en.json").read_bytes())
    assert {f"flag_{one}" for one in flags} == {key for key in words if key.startswith("flag_")}


def flagged(prescribed: Prescribed) -> Prescribed:
    return msgspec.structs.replace(
        prescribed, sha256=b"f" * 32, set_up=SetUp(backing=Backing.THIN, tolerance_flags=("eye",)), by_signature=True
    )


def test_the_desk_gives_nothing_that_is_flagged_and_not_accepted_by_each_who_signs(
    tmp_path: Path, prescribed: Prescribed
) -> None:
    """Published backscatter is too high for a thin part: nobody invents a factor, and nobody is treated so without the physicist's word for it."""
    approvals, desk, asked = Approvals(tmp_path, lambda: 1.8e9), Signatures(tmp_path), flagged(prescribed)
    approvals.sign(asked.sha256.hex(), "o", "mia", "physician", values_of(asked), "backing_thin eye")
    approvals.sign(asked.sha256.hex(), "o", "paul", "physicist", values_of(asked), "eye")
    for words in (desk.unsigned(asked, BOTH), approvals.against(asked, BOTH)):
        assert (
            "the physicist's signature does not accept what the order flags (backing_thin)" in words
            and "first:" in words
        )
    approvals.withdraw(3, "not looked at", "paul", "physicist")
    for accepted, words in (
        ((), "not accepted: backing_thin, eye"),
        (("eye",), "not accepted: backing_thin"),
        (("eye", "backing_thin", "x"), "no flag of this order: 'x'"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            approvals.sign_order(asked, "paul", "physicist", accepted)
    approvals.sign_order(asked, "paul", "physicist", ("eye", "backing_thin"))
    assert desk.unsigned(asked, BOTH) == approvals.against(asked, BOTH) == ""
    assert [one.accepted for one in approvals.signed().approvals][0::2] == [
        ("backing_thin", "eye"),
        ("backing_thin", "eye"),
    ]


def test_an_order_that_names_nobody_needs_both_signatures_whatever_the_rig_asks_for(
    tmp_path: Path, prescribed: Prescribed
) -> None:
    """A simulated rig asks for none, and a rig's policy may ask for one; an order of the older form is under them as before."""
    approvals, desk = Approvals(tmp_path, lambda: 1.8e9), Signatures(tmp_path)
    asked = msgspec.structs.replace(prescribed, by_signature=True)
    for policy in ((), ("physicist",), BOTH):
        for words in (desk.unsigned(asked, policy), approvals.against(asked, policy)):
            assert '"prescribed" (physician) and "physics checked" (physicist) is missing' in words, policy
        assert bool(desk.unsigned(prescribed, policy)) == bool(policy)
    for who, role in (("mia", "physician"), ("paul", "physicist")):
        approvals.sign_order(asked, who, role, ())
    assert desk.unsigned(asked, ()) == approvals.against(asked, ()) == ""


@pytest.fixture
def console(scripted: Scripted, tmp_path: Path, prescribed: Prescribed) -> Signing:
    return Signing(scripted, tmp_path, prescribed)


def test_the_page_signs_with_each_flag_ticked_and_lists_what_was_accepted(console: Signing, tmp_path: Path) -> None:
    """A signature without the tick is refused and writes nothing; the operator sees the order, its flags and who accepted them."""
    asked = read(tmp_path, new(set_up={"backing": "thin"}))
    (tmp_path / "order.toml").rename(console.folder / "short.toml")
    console.order["sha256"] = asked.sha256.hex()

    async def story() -> None:
        mia, paul, olga = (
            await console.page("mia", False),
            await console.page("paul", False),
            await console.page("olga"),
        )
        for page, meaning in ((mia, "prescribed"), (paul, "physics checked")):
            status, said = await console.sign(page, meaning)
            assert status == 409 and "not accepted: backing_thin" in said["words"] and "first:" in said["words"]
        assert console.room.approvals.signed().approvals == ()
        for page, meaning in ((mia, "prescribed"), (paul, "physics checked")):
            assert (await console.sign(page, meaning, SECRET, accepted=["backing_thin"]))[0] == 200
        (row,) = (await olga.post("/api/orders"))[1]["orders"]
        assert (
            row["flags"] == ["backing_thin"]
            and row["order"]["set_up"]["backing"] == "thin"
            and row["approval"]["words"] == ""
        )
        assert [one["accepted"] for one in row["approval"]["given"]] == [["backing_thin"], ["backing_thin"]]
        assert not console.asked(Load)

    console.play(story)
