"""A cut-out's factor is one of dose at the surface: its own field's smaller backscatter is in it once, and a certificate without that serves no order."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from calibration import signed
from calibration.certificate import HEAD, read_certificate, sign_certificate
from calibration.cutouts import Field, b_w_ratio, between, ratio_part
from calibration.dosimetry.units import MillimetresAl
from calibration.measured import BackscatterTable
from calibration.procedures.applicator import applicator
from calibration.schema import CertificateTable, contradictions
from calibration.sign import make_keys
from calibration.write import write_certificate
from console.prescription import load
from console.second_calculation import Second, calculate
from console.treat.independent import lead
from controller.conversion import Converted, converted
from controller.prescribed import SetUp
from hal.errors import ConfigurationError
from simulators.quick_bench import QuickBench
from simulators.unknown import unknown
from tests.calibration.measured_bench import AT, document, measured
from verification import benched
from verification.calibrated import Physicist

pytestmark = pytest.mark.timeout(60)
TEN = BackscatterTable(value=1.055, u_pct=1.5, source="AAPM TG-61 table 5, 10 mm at 50 mm SSD")
EXAMPLES = Path(__file__).resolve().parents[2] / "console" / "examples"
EXPECTED_AL = MillimetresAl(1.85)


def layers(hvl_mm: float) -> list[dict[str, float]]:
    return [{"al_mm": mm, "reading": 10.0 * 0.5 ** (mm / hvl_mm)} for mm in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)]


@pytest.mark.parametrize(
    ("fitted", "typed", "off_pct"), [("20 mm", None, 2.0), ("10 mm", TEN, 6.0)], ids=["20-in-30", "10-in-30"]
)
@pytest.mark.parametrize("seed", [3, 4])
def test_hazard_a12_an_order_with_a_cut_out_gives_at_the_surface_what_it_says(
    fitted: str, typed: BackscatterTable | None, off_pct: float, seed: int
) -> None:
    """Tubes of unknown truth, whose smaller field scatters less back: within u, and without the ratio of both B_w less by all of it.

    R0 and the time are taken as exact, so that what is left is the factor's; the bench knows nothing of the tables that the ratio is from."""
    who = Physicist(QuickBench(unknown(seed), seed))
    benched.warmed(who.bench)
    found = applicator(benched.applicator_session(who, fitted, "lead", reference="30 mm"))
    kv, mm = who.bench.machine.true_kv(69.5), float(fitted.split()[0])
    rates = {}
    for name in ("30 mm", fitted):
        who.bench.put(applicator=name)
        rates[name] = who.bench.rate(kv, 1.6)
    m = measured(field_mm=30.0, layers=layers(who.bench.machine.hvl_mm_al(kv, benched.FILTER_CODE)))
    ratio = b_w_ratio(m, 60.0, mm, typed)
    row = found.cutout(mm, "P. One", AT, {"value": ratio.value, "u_pct": ratio.u_pct})

    def given_pct(factor: float) -> float:
        """At the surface, of 7 Gy that were ordered with this factor."""
        seconds = 7000.0 / factor / rates["30 mm"]
        return 100.0 * (rates[fitted] * seconds / 7000.0 - 1.0)

    assert abs(given_pct(row["factor"])) < 2.0 * row["u_pct"] and abs(given_pct(row["factor"])) < 0.6
    assert given_pct(found.factor) < -off_pct


def test_e13_the_factor_in_air_becomes_the_one_at_the_surface() -> None:
    ratio = between(EXPECTED_AL, 60.0, Field(20.0), Field(30.0))
    assert 0.97830 * ratio.value == pytest.approx(0.95491, rel=1e-5)
    assert ratio.u_pct == 1.5 and "1.10066" in ratio.source and "1.12762" in ratio.source


def test_hazard_a12_readings_in_water_hold_their_own_backscatter() -> None:
    """The quantity decides, and not the place: with it twice the time would be too long (hazard A12)."""
    water = measured(quantity="DOSE_RATE_WATER_SURFACE")
    assert b_w_ratio(water, 60.0, 10.0, None).value == 1.0
    with pytest.raises(ValueError, match="takes no backscatter"):
        b_w_ratio(water, 60.0, 10.0, TEN)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (Field(10.0), "the table has no backscatter for a field of 10 mm at 60 mm"),
        (Field(30.0), "is no cut-out in one of 30 mm"),
        (Field(20.0, TEN.model_copy(update={"value": 1.2})), "5 % and more from the table's 1.1007"),
        (Field(10.0, TEN.model_copy(update={"value": 1.1276})), "the fields next to 10 mm have"),
        (Field(25.0, TEN.model_copy(update={"value": 1.14})), "a smaller field scatters no more back"),
    ],
)
def test_hazard_a12_a_ratio_that_cannot_be_so_is_refused_in_words(field: Field, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        between(EXPECTED_AL, 60.0, field, Field(30.0))


def certificate(**row: Any) -> dict[str, Any]:
    """One with a cut-out of 12 mm; what is given changes its row."""
    whole = document()
    (c,) = CertificateTable.model_validate(whole).combinations
    ratio = ratio_part(
        c, 12.0, BackscatterTable(value=1.064, u_pct=1.5, source="between 10 and 20 mm of TG-61 table 5")
    )
    lead_12 = {
        "derived": False, "id": "C12", "applicator": "A20", "diameter_mm": 12.0, "factor": 0.98 * ratio["value"], "u_pct": 1.6,
        "readings_nc": [4.9, 4.901, 4.899, 4.9, 4.9], "reference_nc": [5.0, 5.001, 4.999, 5.0, 5.0], "by": "P. One", "at": AT, "b_w_ratio": ratio,
    } | row  # fmt: skip
    return whole | {"facts": {"cutouts": [{key: value for key, value in lead_12.items() if value is not None}]}}


def test_hazard_a13_a_cut_out_of_years_ago_is_not_signed_into_a_new_certificate(tmp_path: Path) -> None:
    """Three years of cone factors (A2): a job file keeps its cut-outs, and the last finished session of each was taken however old it was."""
    private, public, file = (tmp_path / name for name in ("a.pem", "a.pub", "new.toml"))
    make_keys(private, public)
    for days, signs in ((1000, False), (30, True)):
        write_certificate(file, certificate(at=AT - timedelta(days=days)))
        if signs:
            sign_certificate(file, private, "P. One", AT.timestamp())
        else:
            with pytest.raises(ConfigurationError, match=r"cut-out C12: was measured at .* more than 400 days before"):
                sign_certificate(file, private, "P. One", AT.timestamp())


UNDER = {
    "derived": False, "u_pct": 2.0, "source": "plane-parallel chamber in water, 12 mm lead in A20", "by": "P. One", "at": AT,
    "pdd": [{"depth_mm": mm, "pct": pct} for mm, pct in ((0.0, 100.0), (3.0, 76.0), (4.0, 68.0))],
}  # fmt: skip


def points(*rows: tuple[float, float]) -> dict[str, Any]:
    return {"pdd": [{"depth_mm": mm, "pct": pct} for mm, pct in rows]}


def test_hazard_a12_an_order_at_depth_under_lead_goes_by_the_depth_dose_under_it(tmp_path: Path) -> None:
    """From the signed certificate to D0: 72 % at 3.5 mm under the lead; in another beam, and without it, it is refused in words."""
    private, public, file = (tmp_path / name for name in ("a.pem", "a.pub", "c.toml"))
    make_keys(private, public)
    write_certificate(file, certificate(depth=UNDER))
    sign_certificate(file, private, "P. One", AT.timestamp())
    (c,) = read_certificate(file, public).numbers.combinations
    factor = c.leads[0].factor
    asked = msgspec.structs.replace(
        load(EXAMPLES / "short.toml"),
        rx_mgy=7000.0,
        depth_mm=3.5,
        set_up=SetUp(cutout_id="C12"),
        cutout_factor=factor,
        gap_mm=0.0,
    )
    found = converted(asked, c)
    assert isinstance(found, Converted) and found.d0_mgy == pytest.approx(7000.0 / (0.72 * factor))
    second = calculate(asked, c, 0.0)
    assert isinstance(second, Second) and second.d0_mgy == pytest.approx(found.d0_mgy, rel=1e-12)
    write_certificate(file, certificate())
    sign_certificate(file, private, "P. One", AT.timestamp())
    (bare,) = read_certificate(file, public).numbers.combinations
    assert bare.leads == ()
    assert "has no depth dose of its own" in str(converted(asked, bare)) and "open field" in str(
        calculate(asked, bare, 0.0)
    )


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (points((0.0, 99.0), (3.0, 76.0), (4.0, 68.0)), "begins with 99 % at 0 mm, not 100 % at 0 mm"),
        (points((0.5, 100.0), (3.0, 76.0), (4.0, 68.0)), "begins with 100 % at 0.5 mm"),
        (points((0.0, 100.0), (3.0, 76.0), (3.0, 68.0)), "does not ascend strictly"),
        (points((0.0, 100.0), (3.0, 70.0), (4.0, 73.0)), "rises by more than 2 % with depth"),
        (points((0.0, 100.0), (3.0, 88.0), (4.0, 75.0)), "88 % at 3 mm, and the open A20 has 85.0 %: a smaller field falls faster"),
        (points((0.0, 100.0), (3.0, 85.0), (4.0, 79.0)), "has the very numbers of the open A20's; measure it itself"),
    ],
)  # fmt: skip
def test_hazards_a2_a12_what_is_no_depth_dose_under_that_lead_may_not_be_signed(
    depth: dict[str, Any], words: str
) -> None:
    """Hazards A2, A12: the open field's table, or one that no smaller field has, under the name of the cut-out."""
    assert not list(contradictions(CertificateTable.model_validate(certificate(depth=UNDER))))
    said = "\n".join(contradictions(CertificateTable.model_validate(certificate(depth=UNDER | depth))))
    assert f"facts.cutouts.0.depth: {words}" in said, said


def test_hazards_a2_a12_a13_a_depth_dose_is_measured_with_its_backscatter_and_of_this_year(tmp_path: Path) -> None:
    """Derived it has no place; beside a factor in air it serves nothing; of years ago nobody signs it."""
    with pytest.raises(ValidationError, match="derived"):
        CertificateTable.model_validate(certificate(depth=UNDER | {"derived": True}))
    in_air = certificate(depth=UNDER, factor=0.98, u_pct=0.1, b_w_ratio=None)
    assert "stands with a factor in air" in "\n".join(contradictions(CertificateTable.model_validate(in_air)))
    private, public, file = (tmp_path / name for name in ("a.pem", "a.pub", "c.toml"))
    make_keys(private, public)
    write_certificate(file, certificate(depth=UNDER | {"at": AT - timedelta(days=1000)}))
    with pytest.raises(
        ConfigurationError, match=r"the depth dose under C12: was measured at .* more than 400 days before"
    ):
        sign_certificate(file, private, "P. One", AT.timestamp())


def test_hazard_a12_a_certificate_of_before_stays_readable_and_its_cut_outs_serve_no_order(tmp_path: Path) -> None:
    """A factor in air is not taken for one at the surface: it is signed by nobody any more, and an order with it is refused in words."""
    private, public, old, new = (tmp_path / name for name in ("a.pem", "a.pub", "old.toml", "new.toml"))
    make_keys(private, public)
    order, at = load(EXAMPLES / "short.toml"), AT.timestamp()
    write_certificate(new, certificate())
    sign_certificate(new, private, "P. One", at)
    factors, in_air = lead(read_certificate(new, public), order)
    assert in_air == () and factors == (pytest.approx(0.98 * 1.064 / 1.10066, rel=1e-5),)
    assert lead(read_certificate(new, public), msgspec.structs.replace(order, filter_id="F3"))[0] == ()
    write_certificate(old, certificate(factor=0.98, u_pct=0.1, b_w_ratio=None))
    with pytest.raises(ConfigurationError, match="C12: b_w_ratio is missing"):
        sign_certificate(old, private, "P. One", at)
    signed.sign(old, old.read_bytes(), HEAD, CertificateTable, private, "P. One", at)
    assert lead(read_certificate(old, public), order) == ((), ("C12",))


def test_hazard_a12_a_window_of_physics_holds_whatever_is_signed() -> None:
    for value in (0.6, 1.01):
        whole = certificate()
        whole["facts"]["cutouts"][0]["b_w_ratio"] |= {"value": value}
        with pytest.raises(ValidationError, match=r"b_w_ratio\.value"):
            CertificateTable.model_validate(whole)
    assert not list(contradictions(CertificateTable.model_validate(certificate())))
