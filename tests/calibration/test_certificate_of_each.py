"""Each combination answers for itself: what one cone's change asks for is not brought by another's, nor by a version that left it out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cones_bench import checked, first, following, second, worked
from measured_bench import AT

from calibration import signed
from calibration.accepted import Accepted
from calibration.certificate import HEAD, load_certificate, read_certificate, sign_certificate
from calibration.cutouts import ratio_part
from calibration.draft import second_checks
from calibration.history import left_behind
from calibration.measured import BackscatterTable, SecondCheckTable
from calibration.report import rows
from calibration.schema import CertificateTable
from calibration.sign import make_keys
from calibration.since import since
from calibration.write import write_certificate
from hal.errors import ConfigurationError

NOW_S = (AT + timedelta(days=1)).timestamp()
NAMES = {"one": "P. One", "two": "P. Two", "three": "P. Three"}
Sign = Callable[..., Path]


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three physicists' keys; all.pub holds each public one."""
    folder = tmp_path_factory.mktemp("keys")
    for name in NAMES:
        make_keys(folder / f"{name}.pem", folder / f"{name}.pub")
    (folder / "all.pub").write_bytes(b"".join((folder / f"{name}.pub").read_bytes() for name in NAMES))
    return folder


@pytest.fixture
def keys(key_folder: Path) -> Path:
    return key_folder / "all.pub"


@pytest.fixture
def sign(tmp_path: Path, key_folder: Path) -> Sign:
    """Write and sign a document."""

    def signs(content: dict[str, Any], *by: str) -> Path:
        path = tmp_path / f"{content['id']}.toml"
        write_certificate(path, content)
        for who in by or ("one",):
            sign_certificate(path, key_folder / f"{who}.pem", NAMES[who], NOW_S)
        return path

    return signs


@pytest.fixture
def signed_before(tmp_path: Path, key_folder: Path) -> Sign:
    """The same, as it was signed when one second check served for every combination."""

    def signs(content: dict[str, Any], *by: str) -> Path:
        path = tmp_path / f"{content['id']}.toml"
        write_certificate(path, content)
        for who in by:
            key = key_folder / f"{who}.pem"
            signed.sign(path, path.read_bytes(), HEAD, CertificateTable, key, NAMES[who], NOW_S)
        return path

    return signs


class TestOfTheSameCombination:
    """What moved above 5 % is measured again by the second physicist, and nothing else in its place."""

    def test_a2_a5_the_cone_that_moved_is_the_one_that_is_measured_again(self, sign: Sign, keys: Path) -> None:
        """Hazards A2 and A5: A30 read 8 % more, and the second physicist measured A20, which had not moved."""
        whole = following(first("A20", "A30"), {"A20": 1.003, "A30": 1.08})
        with pytest.raises(
            ConfigurationError,
            match=r"69.5 kV, 1.6 mA, F2, A30: \+8\.00 % since CAL-1, above 5 %, and no second check is of it; first: .*measure this very",
        ):
            sign(checked(whole, "A20"), "one", "two")
        path = sign(checked(whole, "A30"), "one", "two")
        assert load_certificate(path, keys, NOW_S).id == "CAL-2"

    def test_a5_each_cone_that_moved_has_a_second_check_of_its_own(
        self, sign: Sign, keys: Path, tmp_path: Path
    ) -> None:
        """Hazard A5: of two cones above 5 % one was measured again; with both the certificate is signed, accepted and shown."""
        v1 = first("A20", "A30", "A40")
        whole = following(v1, {"A20": 1.003, "A30": 1.08, "A40": 0.94})
        with pytest.raises(
            ConfigurationError, match=r"A40: -6\.00 % since CAL-1, above 5 %, and no second check is of it"
        ):
            sign(checked(whole, "A30"), "one", "two")
        path = sign(checked(whole, "A30", "A40"), "one", "two")
        store = Accepted(tmp_path / "accepted")
        store.accept(read_certificate(sign(v1), keys), keys)
        assert store.accept(read_certificate(path, keys), keys) is True
        shown = {row.name: row.value for row in rows(read_certificate(path, keys))}
        assert "who P. Two" in shown["second check of 69.5 kV, 1.6 mA, F2, A40"]
        assert shown["second check of 69.5 kV, 1.6 mA, F2, A40: measured.readings.0"].startswith("nc 7.2599")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"result_pct": 0.1}, r"further_second_checks\.0\.result_pct = 0\.1: its readings come to 0\.4"),
            ({"chamber": "C1"}, r"further_second_checks\.0\.chamber = C1: is S-C1, and so is the first one"),
            ({"who": "P. Three"}, r"further_second_checks\.0\.raw: was read by P. Two with C2, and P. Three with C2"),
            ({"raw": None}, r"further_second_checks\.0\.raw is missing"),
        ],
        ids=["typed-result", "first-chamber", "by-another", "without-readings"],
    )  # fmt: skip
    def test_a5_a_further_check_is_held_to_what_the_first_one_is(
        self, sign: Sign, change: dict[str, Any], words: str
    ) -> None:
        """Hazard A5: the second cone's check is no word either."""
        whole = checked(following(first("A20", "A30"), {"A20": 0.93, "A30": 1.08}), "A20", "A30")
        (further,) = whole["further_second_checks"]
        changed = {key: value for key, value in (further | change).items() if value is not None}
        with pytest.raises(ConfigurationError, match=words):
            sign(whole | {"further_second_checks": [changed]}, "one", "two")

    def test_a2_one_cones_second_readings_under_another_ones_name(self, sign: Sign) -> None:
        """Hazard A2: two cones that read nearly alike, and the second physicist's readings of one stand for both."""
        v1 = first("A20", "A30")
        alike = following(v1, {"A20": 1.08, "A30": 1.08 * 0.985 / 1.1})
        first_one, copied = second(alike, "A20"), second(alike, "A30")
        nc = [one["nc"] for one in first_one["raw"]["measured"]["readings"]]
        m = copied["raw"]["measured"]
        readings = [one | {"nc": value} for one, value in zip(m["readings"], nc, strict=True)]
        copied["raw"]["measured"] = m | {"readings": readings, "leakage_nc": first_one["raw"]["measured"]["leakage_nc"]}
        with pytest.raises(
            ConfigurationError,
            match=r"further_second_checks\.0\.raw: are the readings of second_check, digit for digit",
        ):
            sign(alike | {"second_check": first_one, "further_second_checks": [copied]}, "one", "two")

    @pytest.mark.parametrize(
        ("who", "pct", "signers", "words"),
        [
            ("P. Three", 0.4, ("one", "two"), "P. Three: has not signed"),
            ("P. One", 0.4, ("one", "two"), "P. One: measured it the first time too"),
            ("P. Three", 2.5, ("one", "two", "three"), "the two differ by more than 2 %"),
            ("P. Three", 0.4, ("one", "two", "three"), ""),
        ],
        ids=["unsigned", "the-first-one", "they-differ", "a-third-physicist"],
    )
    def test_a5_who_made_a_further_check_has_signed_and_did_not_measure_first(
        self, sign: Sign, keys: Path, who: str, pct: float, signers: tuple[str, ...], words: str
    ) -> None:
        """Hazard A5: every second check is by somebody who signs for it, and agrees with the first measurement."""
        whole = checked(following(first("A20", "A30"), {"A20": 0.93, "A30": 1.08}), "A20")
        path = sign(whole | {"further_second_checks": [second(whole, "A30", who, pct)]}, *signers)
        if words:
            with pytest.raises(ConfigurationError, match=words):
                read_certificate(path, keys)
        else:
            assert len(read_certificate(path, keys).table.second_checks) == 2

    def test_a5_a_draft_brings_every_second_check_that_was_measured(self) -> None:
        """Hazard A5: of several the one that was furthest off stood in the draft, and the others were left out."""
        whole = following(first("A20", "A30", "A40"), {"A20": 0.93, "A30": 1.08, "A40": 1.07})
        checks = [second(whole, name, pct=pct) for name, pct in (("A20", 0.4), ("A30", 1.9), ("A40", 0.7))]
        tables = [SecondCheckTable.model_validate(one) for one in checks]
        assert second_checks(tables[:1]) == {"second_check": checks[0]}
        assert second_checks(tables) == {"second_check": checks[0], "further_second_checks": checks[1:]}

    def test_a2_a5_what_was_accepted_before_stays_in_force_and_is_not_signed_anew(
        self, sign: Sign, signed_before: Sign, keys: Path, key_folder: Path, tmp_path: Path
    ) -> None:
        """Hazards A2 and A5: a certificate whose one second check was of a cone that had not moved is read, is the last one, and treats as it did; it gets no
        further signature, is accepted by no computer that did not know it, and the cone that moved is measured again with the next version."""
        v1, store = first("A20", "A30"), Accepted(tmp_path / "accepted")
        store.accept(read_certificate(sign(v1), keys), keys)
        v2 = checked(following(v1, {"A20": 1.003, "A30": 1.08}), "A20")
        path = signed_before(v2, "one", "two")
        old = read_certificate(path, keys)
        with pytest.raises(ConfigurationError, match=r"A30: R0 is \+8\.00 % from that of CAL-1, .*second_check of it"):
            store.accept(old, keys)
        store.copy("T-1", 2).write_bytes(old.data)
        assert store.refused(old) == "" and store.accept(old, keys) is False
        assert load_certificate(path, keys, NOW_S).id == "CAL-2"
        last = store.last("T-1", keys)
        assert last is not None and last.sha256 == old.sha256
        with pytest.raises(ConfigurationError, match="no second check is of it"):
            sign_certificate(path, key_folder / "three.pem", "P. Three", NOW_S)
        v3 = following(v2, {"A20": 1.003, "A30": 1.08})
        with pytest.raises(ConfigurationError, match=r"A30: R0 is \+8\.00 % from that of CAL-1, .*second_check of it"):
            store.accept(read_certificate(sign(v3), keys), keys)
        assert store.accept(read_certificate(sign(checked(v3, "A30"), "one", "two"), keys), keys) is True


G5 = {0.0: 1.0, 5.0: 0.93, 10.0: 0.86}


def closed(table: dict[float, float]) -> dict[str, Any]:
    """A closed end with these factors (gap in mm: factor)."""
    return {"closed_end": True, "gap_table": [{"gap_mm": gap, "factor": factor} for gap, factor in table.items()]}


def with_end(whole: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    """The certificate with what is said of A30's end."""
    return whole | {"combinations": [worked(c | end) if c["applicator"] == "A30" else c for c in whole["combinations"]]}


UNDER = {0.0: 100.0, 3.0: 76.0, 4.0: 68.0}
RATIO = 0.98
"""Of the cut-out's readings against the open cone's."""


def with_lead(
    whole: dict[str, Any], ratio: float = RATIO, under: dict[float, float] | None = None, **row: Any
) -> dict[str, Any]:
    """The certificate with a cut-out of 12 mm in A30, and what is typed of the depth dose under it (None: nothing)."""
    c = next(c for c in CertificateTable.model_validate(whole).combinations if c.applicator == "A30")
    typed = BackscatterTable(value=1.064, u_pct=1.5, source="between 10 and 20 mm of TG-61 table 5")
    b_w = ratio_part(c, 12.0, typed)
    points = [{"depth_mm": mm, "pct": pct} for mm, pct in (under or {}).items()]
    signed_by = {"derived": False, "by": "P. One", "at": AT}
    depth = {"depth": {"u_pct": 2.0, "source": "in water", "pdd": points, **signed_by}} if points else {}
    lead = {
        "id": "C12", "applicator": "A30", "diameter_mm": 12.0, "factor": ratio * b_w["value"], "u_pct": 1.6, "readings_nc": [5.0 * ratio] * 4 + [5.001 * ratio],
        "reference_nc": [5.0] * 4 + [5.001], "b_w_ratio": b_w, **signed_by, **depth,
    }  # fmt: skip
    return whole | {"facts": {"cutouts": [lead | row]}}


class TestOfAllBefore:
    """What adds up is held against every version before, for each combination by itself, and what it asks for is asked whole."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Accepted:
        return Accepted(tmp_path / "accepted")

    @pytest.fixture
    def accepts(self, store: Accepted, sign: Sign, keys: Path) -> Callable[..., dict[str, Any]]:
        """Sign a version and accept it; the document."""

        def accepting(content: dict[str, Any], *by: str) -> dict[str, Any]:
            assert store.accept(read_certificate(sign(content, *by), keys), keys) is True
            return content

        return accepting

    @pytest.mark.parametrize(
        ("who", "pct", "signers", "words"),
        [
            (
                "P. Two",
                0.4,
                ("one",),
                r"A30: R0 is \+6\.10 % from that of CAL-1, above 5 %, and one physicist has signed",
            ),
            ("P. Three", 0.4, ("one", "two"), r"second_check\.who = P\. Three: has not signed"),
            ("P. One", 0.4, ("one", "two"), r"second_check\.who = P\. One: measured it the first time too"),
            ("P. Two", 2.5, ("one", "two"), "the two differ by more than 2 %"),
            ("P. Two", 0.4, ("one", "two"), ""),
        ],
        ids=["one-signature", "unsigned", "the-first-one", "they-differ", "whole"],
    )
    def test_a1_a5_creep_asks_for_a_second_physicist_and_not_for_a_second_check_alone(
        self, accepts: Callable[..., dict[str, Any]], who: str, pct: float, signers: tuple[str, ...], words: str
    ) -> None:
        """Hazards A1 and A5: 3 % twice; that a second check stood there was enough, by whomever it was and whoever had signed."""
        v1 = accepts(first("A20", "A30"))
        v2 = accepts(following(v1, {"A20": 1.0, "A30": 1.03}))
        v3 = checked(following(v2, {"A20": 1.0, "A30": 1.061}), "A30", who=who, pct=pct)
        if words:
            with pytest.raises(ConfigurationError, match=words):
                accepts(v3, *signers)
        else:
            accepts(v3, *signers)

    def test_a1_a5_a_second_check_that_nothing_asked_for_explains_nothing_later_unless_it_is_one(
        self, store: Accepted, accepts: Callable[..., dict[str, Any]], signed_before: Sign, keys: Path
    ) -> None:
        """Hazards A1 and A5: at 3 % nobody asks whose the second check is, and at 6 % it would count. It is asked when it is accepted; and one that was
        accepted before by one signature counts for nothing."""
        v1 = accepts(first("A20"))
        v2 = checked(following(v1, {"A20": 1.03}), "A20")
        with pytest.raises(ConfigurationError, match=r"second_check\.who = P\. Two: has not signed"):
            accepts(v2, "one")
        store.copy("T-1", 2).write_bytes(signed_before(v2, "one").read_bytes())
        assert store.refused(read_certificate(store.copy("T-1", 2), keys)) == ""
        v3 = following(v2, {"A20": 1.061})
        with pytest.raises(
            ConfigurationError, match=r"A20: R0 is \+6\.10 % from that of CAL-1, above 5 %, .*second_check of it"
        ):
            accepts(v3)
        accepts(checked(v3, "A20", pct=0.5), "one", "two")

    def test_a1_a2_a_cone_that_was_left_out_is_held_against_the_last_version_that_had_it(
        self, accepts: Callable[..., dict[str, Any]]
    ) -> None:
        """Hazards A1 and A2: a version leaves A30 out and brings a second check of A20; the next one brings A30 back 9 % higher, as if it were new."""
        v1 = accepts(first("A20", "A30"))
        v2 = accepts(checked(following(v1, {"A20": 1.08}), "A20"), "one", "two")
        back = following(v2, {"A20": 1.08, "A30": 1.09})
        with pytest.raises(
            ConfigurationError, match=r"A30: R0 is \+9\.00 % from that of CAL-1, above 5 %, .*second_check of it"
        ):
            accepts(back)
        with pytest.raises(ConfigurationError, match=r"A30: R0 is \+9\.00 % .*above 5 %, and one physicist has signed"):
            accepts(checked(back, "A30"), "one")
        with pytest.raises(
            ConfigurationError, match=r"A30: R0 is \+11\.00 % .*above 10 %, .*component_change before it"
        ):
            accepts(checked(following(v2, {"A20": 1.08, "A30": 1.11}), "A30"), "one", "two")
        accepts(checked(back, "A30"), "one", "two")

    def test_a1_a2_anothers_second_check_does_not_divide_a_large_step(
        self, accepts: Callable[..., dict[str, Any]]
    ) -> None:
        """Hazards A1 and A2: A30 moves 4.5 % beside a second check of A20, and 4.3 % with the next version."""
        v1 = accepts(first("A20", "A30"))
        v2 = accepts(checked(following(v1, {"A20": 1.08, "A30": 1.045}), "A20"), "one", "two")
        v3 = following(v2, {"A20": 1.08, "A30": 1.09})
        with pytest.raises(
            ConfigurationError, match=r"A30: R0 is \+9\.00 % from that of CAL-1, above 5 %, .*second_check of it"
        ):
            accepts(v3)
        v4 = following(accepts(checked(v3, "A30"), "one", "two"), {"A20": 1.08, "A30": 1.11})
        with pytest.raises(ConfigurationError, match=r"A30: R0 is \+11\.00 % from that of CAL-1, above 10 %"):
            accepts(v4)

    def test_a1_creep_above_10_percent_asks_for_an_exchanged_part_and_everything_anew(
        self, accepts: Callable[..., dict[str, Any]]
    ) -> None:
        """Hazard A1: 6 % and 5 %; a part that was exchanged for itself, or after this was measured, was enough."""
        v1 = accepts(moved_back(first("A20", "A30"), 10))
        v2 = accepts(checked(moved_back(following(v1, {"A20": 1.0, "A30": 1.06}), 9), "A30"), "one", "two")
        v3 = checked(following(v2, {"A20": 1.0, "A30": 1.112}), "A30", pct=0.5)
        with pytest.raises(ConfigurationError, match=r"R0 is \+11\.20 % .*above 10 %, .*component_change before it"):
            accepts(v3, "one", "two")
        with pytest.raises(ConfigurationError, match=r"component_change: T-1 was exchanged for itself"):
            accepts(v3 | {"component_change": EXCHANGED | {"old_serial": "T-1"}}, "one", "two")
        late = EXCHANGED | {"at": AT + timedelta(seconds=30)}
        with pytest.raises(ConfigurationError, match=r"and no certificate since has component_change before it"):
            accepts(v3 | {"component_change": late}, "one", "two")

    @pytest.mark.parametrize(
        ("was", "now", "words"),
        [
            (closed(G5), closed({0.0: 1.0, 5.0: 0.80, 10.0: 0.79}), r"factor at a gap of 5 mm is -13\.98 % from that of CAL-1, above 10 %"),
            (closed(G5), closed({0.0: 1.0, 2.0: 0.90, 10.0: 0.86}), r"factor at a gap of 2 mm is -7\.41 % from that of CAL-1, above 5 %"),
            (closed(G5), closed({0.0: 1.0, 10.0: 0.86}), ""),
            (closed({0.0: 1.0, 5.0: 0.85, 10.0: 0.84}), closed({0.0: 1.0, 10.0: 0.84}), r"factor at a gap of 5 mm is \+8\.24 %"),
            (closed(G5), closed({0.0: 1.0, 4.0: 0.943}), ""),
            (closed(G5), closed({}), ""),
            ({}, {"effective_ssd_mm": 71.0}, r"factor at a gap of 20 mm is \+8\.22 %"),
            ({"effective_ssd_mm": 71.0}, {}, r"factor at a gap of 20 mm is -7\.60 %"),
            ({}, {"effective_ssd_mm": 61.0}, ""),
            ({}, closed({0.0: 1.0, 5.0: 0.80}), r"factor at a gap of 5 mm is -6\.11 %"),
        ],
        ids=["typed-wrong", "a-new-point", "fewer-points", "a-point-taken-out", "shorter", "none", "longer-ssd", "shorter-ssd", "its-digits", "closed-now"],
    )  # fmt: skip
    def test_a1_a2_the_factor_of_a_gap_moves_a_patients_dose_as_r0_does(
        self, accepts: Callable[..., dict[str, Any]], was: dict[str, Any], now: dict[str, Any], words: str
    ) -> None:
        """Hazards A1 and A2: both second calculations take it from the certificate, so nothing after this one would see it. At every point of the old and of
        the new table; with an open end by the inverse square over the effective distance."""
        v1 = accepts(with_end(first("A20", "A30"), was))
        v2 = with_end(following(v1, {"A20": 1.0, "A30": 1.0}), now)
        if words:
            with pytest.raises(ConfigurationError, match=rf"A30: {words}"):
                accepts(v2)
        else:
            accepts(v2)

    @pytest.mark.parametrize(
        ("now", "words"),
        [
            (closed({0.0: 1.0, 5.0: 0.80, 10.0: 0.79}), "A30: factor at a gap of 5 mm: 0.8000, was 0.9300, -13.98 %"),
            (closed({**G5, 5.0: 0.92}), "A30: factor at a gap of 5 mm: 0.9200, was 0.9300, -1.08 %"),
            (closed(G5), ""),
        ],
    )
    def test_a1_a_gap_that_moved_is_told_to_whoever_signs_and_refused_above_10_percent(
        self, now: dict[str, Any], words: str
    ) -> None:
        """Hazard A1: no session measures it, so a draft tells what was typed otherwise."""
        v1 = with_end(first("A20", "A30"), closed(G5))
        v2 = with_end(following(v1, {"A20": 1.0, "A30": 1.0}), now)
        found = [one for one in since(v2, CertificateTable.model_validate(v1)) if "gap" in one.what]
        assert [one.words.removeprefix("69.5 kV, 1.6 mA, F2, ") for one in found] == ([words] if words else [])
        assert [one.refused for one in found] == (["-13.98" in words] if words else [])

    def test_a1_a_table_of_gaps_that_was_left_out_is_held_against_the_last_one(
        self, accepts: Callable[..., dict[str, Any]]
    ) -> None:
        """Hazard A1: a version without the table, with a second check of the cone, and the next one with another table."""
        v1 = accepts(with_end(first("A30"), closed(G5)))
        v2 = accepts(checked(with_end(following(v1, {"A30": 1.0}), closed({})), "A30"), "one", "two")
        back = with_end(following(v2, {"A30": 1.0}), closed({**G5, 5.0: 0.86}))
        with pytest.raises(
            ConfigurationError, match=r"factor at a gap of 5 mm is -7\.53 % from that of CAL-1, above 5 %"
        ):
            accepts(back)

    @pytest.mark.parametrize(
        ("ratio", "under", "words"),
        [
            (0.98, {0.0: 100.0, 3.0: 60.8, 4.0: 54.4}, r"depth dose under cut-out C12 at 3 mm is -20\.00 % from that of CAL-1, above 10 %"),
            (0.98, {0.0: 100.0, 3.0: 71.0, 4.0: 68.0}, r"depth dose under cut-out C12 at 3 mm is -6\.58 % from that of CAL-1, above 5 %"),
            (0.98, {0.0: 100.0, 2.0: 78.0, 4.0: 68.0}, r"depth dose under cut-out C12 at 2 mm is -7\.14 % from that of CAL-1, above 5 %"),
            (0.98, {0.0: 100.0, 1.0: 92.0, 3.0: 76.0}, ""),
            (0.92, UNDER, r"factor of cut-out C12 is -6\.12 % from that of CAL-1, above 5 %"),
            (0.80, UNDER, r"factor of cut-out C12 is -18\.37 % from that of CAL-1, above 10 %"),
            (0.98, UNDER, ""),
            (0.98, {}, ""),
        ],
        ids=["20-low", "a-point", "a-new-point", "shorter", "factor", "factor-far", "same", "no-depth"],
    )  # fmt: skip
    def test_a1_a2_what_a_cut_out_gives_at_the_surface_and_at_depth_moves_a_patients_dose_as_r0_does(
        self, accepts: Callable[..., dict[str, Any]], ratio: float, under: dict[float, float], words: str
    ) -> None:
        """Hazards A1 and A2: the depth dose under lead is typed, and the typed time table is asked at the surface by that same one, so that both second
        calculations agree with whatever stands here: 20 % low gives 25 % more at depth."""
        v1 = accepts(with_lead(first("A20", "A30"), under=UNDER))
        v2 = with_lead(following(v1, {"A20": 1.0, "A30": 1.0}), ratio, under)
        if words:
            with pytest.raises(ConfigurationError, match=rf"A30: {words}"):
                accepts(v2)
        else:
            accepts(v2)

    def test_a1_a2_a_cut_out_that_moved_below_5_percent_is_explained_and_above_it_measured_again(
        self, accepts: Callable[..., dict[str, Any]]
    ) -> None:
        """Hazards A1 and A2: the same three levels as of R0; one step, or two that add up."""
        v1 = accepts(with_lead(first("A30"), under=UNDER))
        v2 = with_lead(following(v1, {"A30": 1.0}), under={0.0: 100.0, 3.0: 73.5, 4.0: 68.0})
        with pytest.raises(
            ConfigurationError, match=r"depth dose under cut-out C12 at 3 mm is -3\.29 % .*above 2 %, .*explanation"
        ):
            accepts(v2 | {"explanation": ""})
        accepts(v2)
        v3 = with_lead(following(v2, {"A30": 1.0}), under={0.0: 100.0, 3.0: 71.5, 4.0: 68.0})
        with pytest.raises(
            ConfigurationError, match=r"depth dose under cut-out C12 at 3 mm is -5\.92 % from that of CAL-1, above 5 %"
        ):
            accepts(v3)
        accepts(checked(v3, "A30"), "one", "two")

    def test_a1_a2_a_depth_dose_under_lead_that_was_left_out_is_held_against_the_last_one(
        self, accepts: Callable[..., dict[str, Any]]
    ) -> None:
        """Hazards A1 and A2: a version without it, with a second check of the cone, and the next one with another table; a filter or the
        cut-out under another name is the same."""
        v1 = accepts(with_lead(first("A30"), under=UNDER))
        v2 = accepts(checked(with_lead(following(v1, {"A30": 1.0})), "A30"), "one", "two")
        low = {0.0: 100.0, 3.0: 76.0, 4.0: 63.0}
        back = following(v2, {"A30": 1.0})
        words = r"depth dose under cut-out C12 at 4 mm is -7\.35 % from that of CAL-1, above 5 %"
        with pytest.raises(ConfigurationError, match=words):
            accepts(with_lead(back, under=low))
        renamed = back | {"combinations": [c | {"filter": "F-two"} for c in back["combinations"]]}
        with pytest.raises(ConfigurationError, match=words):
            accepts(with_lead(renamed, under=low))
        with pytest.raises(ConfigurationError, match=words.replace("C12", "C12-new")):
            accepts(with_lead(back, under=low, id="C12-new"))

    @pytest.mark.parametrize(("diameter_mm", "refused"), [(12.0, True), (12.4, True), (13.0, False)])
    def test_a1_a2_a_cut_out_that_is_added_beside_one_of_its_size_is_held_against_that(
        self, accepts: Callable[..., dict[str, Any]], diameter_mm: float, refused: bool
    ) -> None:
        """Hazards A1 and A2: the old one stays in the file, and an order takes the new one, whose typed depth dose is 20 % low at 4 mm. What a change asks
        for settles it, and from then on it is held against itself; one of another size is a new one."""
        v1 = accepts(with_lead(first("A30"), under=UNDER))
        back = following(v1, {"A30": 1.0})
        old = with_lead(back, under=UNDER)["facts"]["cutouts"]
        low = {0.0: 100.0, 3.0: 74.0, 4.0: 63.0}
        new = with_lead(back, under=low, id="B12", diameter_mm=diameter_mm)["facts"]["cutouts"]
        v2 = back | {"facts": {"cutouts": old + new}}
        if refused:
            words = r"A30: depth dose under cut-out B12 at 4 mm is -7\.35 % from that of CAL-1, above 5 %"
            with pytest.raises(ConfigurationError, match=words):
                accepts(v2)
            v2 = checked(v2, "A30")
        v2 = accepts(v2, *(("one", "two") if refused else ()))
        accepts(following(v2, {"A30": 1.0}) | {"facts": v2["facts"]})

    @pytest.mark.parametrize(
        ("under", "words"),
        [
            ({0.0: 100.0, 3.0: 60.8, 4.0: 54.4}, "cut-out C12 in A30: depth dose at 3 mm: 60.8000 %, was 76.0000, -20.00 %"),
            ({0.0: 100.0, 3.0: 75.0, 4.0: 68.0}, "cut-out C12 in A30: depth dose at 3 mm: 75.0000 %, was 76.0000, -1.32 %"),
            (UNDER, ""),
        ],
    )  # fmt: skip
    def test_a1_a_depth_dose_under_lead_that_moved_is_told_to_whoever_signs_and_refused_above_10_percent(
        self, under: dict[float, float], words: str
    ) -> None:
        """Hazard A1: no session measures it, so a draft tells what was typed otherwise."""
        v1 = with_lead(first("A20", "A30"), under=UNDER)
        v2 = with_lead(following(v1, {"A20": 1.0, "A30": 1.0}), under=under)
        found = [one for one in since(v2, CertificateTable.model_validate(v1)) if "depth dose" in one.what]
        assert [one.words for one in found] == ([words] if words else [])
        assert [one.refused for one in found] == (["-20" in words] if words else [])

    def test_a1_a_cone_comes_back_after_an_exchanged_part(self, accepts: Callable[..., dict[str, Any]]) -> None:
        """Hazard A1: what was measured before the tube was exchanged was another machine; a cone that was left out then comes back with a second check."""
        v1 = accepts(moved_back(first("A20", "A30"), 10))
        tube = {"component_change": EXCHANGED}
        v2 = accepts(checked(following(v1, {"A20": 1.5}, **tube), "A20"), "one", "two")
        back = following(v2, {"A20": 1.5, "A30": 1.4})
        with pytest.raises(
            ConfigurationError, match=r"A30: R0 is \+40\.00 % from that of CAL-1, above 5 %, .*second_check of it"
        ):
            accepts(back)
        accepts(checked(back, "A30"), "one", "two")


EXCHANGED = {"what": "tube", "old_serial": "T-0", "new_serial": "T-1", "by": "S", "at": AT - timedelta(days=2)}


def moved_back(whole: dict[str, Any], days: int) -> dict[str, Any]:
    """The certificate as it would be of so many days before."""
    cones = []
    for c in whole["combinations"]:
        m = c["measured"]
        readings = [one | {"at": one["at"] - timedelta(days=days)} for one in m["readings"]]
        cones.append(c | {"measured": m | {"readings": readings}})
    return whole | {"combinations": cones}


def read_before(whole: dict[str, Any], **days: float) -> dict[str, Any]:
    """The certificate with each of these cones read so many days before."""
    cones = []
    for c in whole["combinations"]:
        by, m = timedelta(days=days.get(c["applicator"], 0.0)), c["measured"]
        cones.append(c | {"measured": m | {"readings": [one | {"at": one["at"] - by} for one in m["readings"]]}})
    return whole | {"combinations": cones}


class TestLeftBehind:
    """What is measured anew and has moved is no word for what was not measured anew, in the same beam."""

    V1 = read_before(first("A20", "A30"), A20=30, A30=30)

    @staticmethod
    def said(*documents: dict[str, Any]) -> list[str]:
        """What the last one leaves behind of those before it."""
        *before, new = [CertificateTable.model_validate(one) for one in documents]
        return list(left_behind(new.id, new.combinations, before[::-1]))

    def test_a1_a2_a_cone_that_was_not_read_anew_is_refused_where_another_one_moved(
        self, sign: Sign, keys: Path, tmp_path: Path
    ) -> None:
        """Hazards A1 and A2: A20 alone was read anew and gave 4 % less; A30, with its old readings, would treat with 4 % too much."""
        store = Accepted(tmp_path / "accepted")
        store.accept(read_certificate(sign(self.V1), keys), keys)
        moved = following(self.V1, {"A20": 0.96, "A30": 1.0})
        with pytest.raises(
            ConfigurationError,
            match=r"F2, A30: was read at 2026-05-02.*, and 69\.5 kV, 1\.6 mA, F2, A20, read at 2026-06-01.*, has moved since: its R0 in CAL-2 is "
            r"-4\.00 % from that of CAL-1, above 2 %, .*; first: measure it anew too",
        ):
            store.accept(read_certificate(sign(read_before(moved, A30=30)), keys), keys)
        whole = following(self.V1, {"A20": 0.96, "A30": 0.96})
        assert store.accept(read_certificate(sign(read_before(whole, A20=0.5)), keys), keys) is True

    @pytest.mark.parametrize(
        ("by", "days", "refused"),
        [
            ((0.96, 1.0), (0, 30), True),
            ((1.04, 1.0), (0, 30), True),
            ((0.96, 1.0), (0, 20), True),
            ((1.0, 0.96), (30, 0), True),
            ((0.96, 0.96), (0, 0.5), False),
            ((0.96, 0.96), (0.5, 0), False),
            ((0.96, 1.0), (0, 0.5), True),
            ((0.96, 1.0), (0.5, 0), False),
            ((0.96, 1.03), (0, 0.5), False),
            ((0.96, 0.975), (0, 0.5), False),
            ((0.985, 0.97), (0.5, 0), False),
            ((0.96, 0.96), (0, 8), True),
            ((0.99, 1.0), (0, 30), False),
            ((1.0, 1.0), (30, 30), False),
        ],
        ids=[
            "one", "upwards", "a-session-of-between", "the-other", "all", "all-turned-about", "one-moved-after", "one-moved-and-the-other-after",
            "each-its-own-way", "a-little-less", "a-little-more", "too-far-apart", "by-1-pct", "none",
        ],
    )  # fmt: skip
    def test_a1_a2_by_how_much_and_how_long_before(
        self, by: tuple[float, float], days: tuple[float, float], refused: bool
    ) -> None:
        """Hazards A1 and A2: everybody who measures all cones in one calibration, in any order, is let through; so is one cone that moved by 1 %. One that has
        not moved is read after the one that has."""
        new = following(self.V1, dict(zip(("A20", "A30"), by, strict=True)))
        said = self.said(self.V1, read_before(new, A20=days[0], A30=days[1]))
        assert len(said) == int(refused), said

    def test_a1_a2_an_exchanged_part_excuses_no_cone_that_was_not_read_anew(self) -> None:
        """Hazards A1 and A2: the part moved the others too. Another filter is another beam."""
        new = read_before(following(self.V1, {"A20": 0.96, "A30": 1.0}, component_change=EXCHANGED), A30=30)
        assert len(self.said(self.V1, new)) == 1
        other = [
            c | ({"filter": "F9", "filter_code": 0x17} if c["applicator"] == "A30" else {}) for c in new["combinations"]
        ]
        assert self.said(self.V1, new | {"combinations": other}) == []

    def test_a1_a2_a_cone_that_comes_back_with_old_readings_is_refused(self) -> None:
        """Hazards A1 and A2: A30 is left out of the version in which A20 moved, and comes back; also without A20, and where small steps add up."""
        v2 = following(self.V1, {"A20": 0.96})
        for by in ({"A20": 0.96, "A30": 1.0}, {"A30": 1.0}):
            assert len(self.said(self.V1, v2, read_before(following(v2, by), A30=30))) == 1
        assert self.said(self.V1, v2, following(v2, {"A20": 0.96, "A30": 0.96})) == []
        step = read_before(following(self.V1, {"A20": 0.985, "A30": 1.0}), A20=10, A30=30)
        assert self.said(self.V1, step) == []
        assert len(self.said(self.V1, step, read_before(following(step, {"A20": 0.97, "A30": 1.0}), A30=30))) == 1

    def test_a1_a2_after_all_were_read_anew_one_of_them_may_be_read_alone(self) -> None:
        """Hazards A1 and A2: what moved before the kept readings is in them; they are held against what was read with them: nobody is locked out."""
        v2 = read_before(following(self.V1, {"A20": 0.96, "A30": 0.96}), A20=12, A30=10)
        v3 = read_before(following(v2, {"A20": 0.965, "A30": 0.96, "A40": 0.96}), A30=10, A40=8)
        assert self.said(self.V1, v2) == self.said(self.V1, v2, v3) == []
