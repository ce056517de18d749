"""A measured certificate is written, signed, read, pinned; whatever does not fit it is refused with words, each by a test named for its hazard."""

from __future__ import annotations

import fcntl
import re
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from measured_bench import AT, READINGS, document, equipment, instruments, measured, scaled, seconded

from calibration import signed
from calibration.accepted import FILE, LOCK, Accepted
from calibration.atomic import replaced
from calibration.certificate import HEAD, load_certificate, read_certificate, sign_certificate
from calibration.history import repeated
from calibration.measured import MeasuredTable
from calibration.output import output
from calibration.report import rows
from calibration.schema import CertificateTable
from calibration.sign import make_keys
from calibration.write import text_of, write_certificate
from hal.errors import ConfigurationError

NOW_S = (AT + timedelta(days=1)).timestamp()
Make = Callable[..., Path]
SECOND = {"who": "P. Two", "chamber": "C2", "result_pct": 0.4, "at": AT}
PART = {"what": "tube", "old_serial": "T-0", "new_serial": "T-1", "by": "S", "at": AT - timedelta(days=2)}


@pytest.fixture(scope="module")
def key_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two physicists' keys; both.pub holds both public ones."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("one", "two"):
        make_keys(folder / f"{name}.pem", folder / f"{name}.pub")
    (folder / "both.pub").write_bytes((folder / "one.pub").read_bytes() + (folder / "two.pub").read_bytes())
    return folder


@pytest.fixture
def make(tmp_path: Path, key_folder: Path) -> Make:
    """Write and sign a document."""

    def made(content: dict[str, Any], *by: str, name: str = "c.toml") -> Path:
        path = tmp_path / name
        write_certificate(path, seconded(content))
        for who in by or ("one",):
            sign_certificate(path, key_folder / f"{who}.pem", f"P. {who.title()}", NOW_S)
        return path

    return made


@pytest.fixture
def keys(key_folder: Path) -> Path:
    return key_folder / "both.pub"


def test_a_measured_certificate_goes_round(make: Make, keys: Path) -> None:
    """Written, signed, read: the same document, and the numbers for treatment out of it."""
    path = make(document())
    signed = tomllib.loads(path.read_text())
    assert {key: value for key, value in signed.items() if key != "signatures"} == document()
    c = load_certificate(path, keys, NOW_S, tube_serial="T-1", machine_serial="K-1")
    assert c.combinations[0].r0_mgy_per_s == pytest.approx(57.663, rel=1e-5)
    assert c.combinations[0].measured_wall_s == AT.timestamp(), "the first reading of its output"
    checked = read_certificate(path, keys)
    assert checked.signers == ("P. One",)
    assert checked.numbers == c
    assert not list(path.parent.glob("*.new"))


@pytest.mark.parametrize("step", [37, pytest.param(1, marks=[pytest.mark.grid, pytest.mark.timeout(300)])])
def test_g24_every_byte_flipped_is_caught(make: Make, keys: Path, step: int) -> None:
    """Hazard G24: one bit of each byte; it is refused, or it lies in layout only and nothing that is signed has changed."""
    path = make(document())
    whole = path.read_bytes()
    first = read_certificate(path, keys)
    taken = 0
    for at in range(0, len(whole), step):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 7)]) + whole[at + 1 :])
        try:
            again = read_certificate(path, keys)
        except ConfigurationError:
            continue
        taken += 1
        assert (again.sha256, again.numbers, again.signers) == (first.sha256, first.numbers, first.signers)
        assert whole[at : at + 1].isspace() or whole[at] in b'"TZ+' or bytes([whole[at]]).isalnum()
    assert taken < len(whole) / step / 10


def test_g24_a_part_of_a_second_is_signed_too(make: Make, keys: Path) -> None:
    """Hazard G24: no digit of the file is outside the signature."""
    path = make(document())
    path.write_text(
        path.read_text().replace("effective_at = 2026-06-01T12:00:00Z", "effective_at = 2026-06-01T12:00:00.5Z")
    )
    with pytest.raises(ConfigurationError, match="none fits the content"):
        read_certificate(path, keys)


@pytest.mark.parametrize("cut", [0, 1, 100, 1000, -1000, -100, -2])
def test_g24_a_half_written_certificate_is_refused(make: Make, keys: Path, cut: int) -> None:
    """Hazard G24: cut anywhere."""
    path = make(document())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ConfigurationError):
        read_certificate(path, keys)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"tube_serial": "T-9"}, r'tube_serial = "T-1": is not "T-9"; first: calibrate this tube'),
        ({"machine_serial": "K-9"}, r'machine_serial = "K-1": is not "K-9"; first: use this machine'),
        ({"software_version": "9"}, r'software_version = "0\.1\.0": is not "9"; first: have the physicist review'),
    ],
)
def test_g24_another_tube_machine_or_program_is_refused(
    make: Make, keys: Path, given: dict[str, str], words: str
) -> None:
    """Hazard G24: a certificate is of one tube in one machine under one program."""
    with pytest.raises(ConfigurationError, match=words):
        load_certificate(make(document()), keys, NOW_S, **given)


def test_a13_an_expired_certificate_is_refused_and_stays_readable(make: Make, keys: Path) -> None:
    """Hazard A13: expired, or not yet in force; to look at it is another thing."""
    path = make(document())
    for wall_s, words in ((NOW_S + 366 * 86400.0, "has passed"), (NOW_S - 2 * 86400.0, "lies after now")):
        with pytest.raises(ConfigurationError, match=words):
            load_certificate(path, keys, wall_s)
    assert read_certificate(path, keys).table.id == "CAL-1"


def test_g24_unsigned_and_by_a_stranger(make: Make, keys: Path, tmp_path: Path) -> None:
    """Hazard G24."""
    path = tmp_path / "c.toml"
    write_certificate(path, document())
    with pytest.raises(ConfigurationError, match="nobody has signed it"):
        load_certificate(path, keys, NOW_S)
    make_keys(tmp_path / "s.pem", tmp_path / "s.pub")
    sign_certificate(path, tmp_path / "s.pem", "Stranger", NOW_S)
    with pytest.raises(ConfigurationError, match="signatures by Stranger: none fits"):
        load_certificate(path, keys, NOW_S)


def changed(**of_combination: Any) -> dict[str, Any]:
    """The document with its combination changed."""
    whole = document()
    return whole | {"combinations": [whole["combinations"][0] | of_combination]}


def of_measured(**changes: Any) -> dict[str, Any]:
    return changed(measured=document()["combinations"][0]["measured"] | changes)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed(r0_mgy_per_s=58.0), r"combinations\.0\.r0_mgy_per_s = 58\.0: the readings come to 57\.66"),
        (of_measured(u_pct_k2=4.0), r"measured\.u_pct_k2 = 4\.0: the readings come to 5\.1"),
        (changed(dt_s=-0.2), r"r0_mgy_per_s = .*: the readings come to"),
        (of_measured(readings=READINGS[:3]), "3 readings are fewer than 5"),
        ({k: v for k, v in document().items() if k != "software_sha256"}, "software_sha256 is missing"),
        (document(version=2), "the first version supersedes none"),
        (document(supersedes="CAL-0"), "the first version supersedes none"),
        (document(basis="plant"), "stands with measurements"),
        (document(basis="plant", simulated=False), "a real tube is measured"),
        (document(instruments=document()["instruments"] * 2), "an id stands there twice"),
        (document(instruments=document()["instruments"][1:]), "C1: is no chamber among the instruments"),
        ({k: v for k, v in document().items() if k != "instruments"}, "is no chamber"),
    ],
)
def test_a12_what_the_readings_do_not_come_to_cannot_be_signed(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    """Hazards A12, A5: every number is worked out again from the raw readings when it is written, signed and read."""
    with pytest.raises(ConfigurationError, match=words):
        write_certificate(tmp_path / "c.toml", content)
    assert not (tmp_path / "c.toml").exists()
    (tmp_path / "by hand.toml").write_text(text_of(content))
    with pytest.raises(ConfigurationError, match=words):
        read_certificate(tmp_path / "by hand.toml", tmp_path)


def test_a12_a_chamber_nearer_than_the_plane_is_refused() -> None:
    """60 and 61 mm exchanged are 6.4 % of R0, and every other number fits."""
    with pytest.raises(ValueError, match="they are not exchanged"):
        output(measured(chamber_ref_to_focus_mm=60.0, plane_to_focus_mm=61.0), instruments(), 69.5, -0.145, 60.0)


def test_a2_a_combination_without_a_measurement_of_its_own(tmp_path: Path) -> None:
    """Hazard A2: none missing, none derived, none with another's readings."""
    whole = document()
    own = whole["combinations"][0]
    other = own | {"applicator": "A25", "applicator_code": 0x5A}
    bare = {key: value for key, value in other.items() if key != "measured"}
    with pytest.raises(ConfigurationError, match=r"combinations\.1: measured is missing; first: measure each"):
        write_certificate(tmp_path / "c.toml", whole | {"combinations": [own, bare]})
    with pytest.raises(ValueError, match="derived"):
        write_certificate(tmp_path / "c.toml", of_measured(derived=True))
    near = own | {"applicator": "A25", "applicator_code": 0x34}
    with pytest.raises(ConfigurationError, match="differ in fewer than 2 bits"):
        write_certificate(tmp_path / "c.toml", whole | {"combinations": [own, near]})


def test_a2_anothers_readings_are_refused(make: Make, keys: Path) -> None:
    """Hazard A2."""
    own = document()["combinations"][0]
    path = make(document(combinations=[own, own | {"applicator": "A25", "applicator_code": 0x5A}]))
    with pytest.raises(ConfigurationError, match="has the very readings of"):
        load_certificate(path, keys, NOW_S)


@pytest.mark.parametrize(
    ("key", "good", "bad", "words"),
    [("kv_read", 72.9, 73.1, "more than 5 % from 69.5"), ("ma_read", 1.75, 1.77, "more than 10 % from 1.6"), ("ma_read", 1.45, 1.43, "more than 10 %")],
)  # fmt: skip
def test_a12_meters_far_from_their_set_points_cannot_be_signed(
    tmp_path: Path, key: str, good: float, bad: float, words: str
) -> None:
    """Hazard A12: windows in beam are about what the generator's own meters were certified to show; a scale that is far off is put right, not certified."""
    write_certificate(tmp_path / "c.toml", changed(**{key: good}))
    with pytest.raises(ConfigurationError, match=f"{key} = .*{words}.*put the generator's scale right"):
        write_certificate(tmp_path / "c.toml", changed(**{key: bad}))


def test_a2_a_table_of_kv_that_begins_too_high_cannot_be_signed(tmp_path: Path) -> None:
    """Hazard A2: what is left out of the ramp's table would be a formula's."""
    rows = [{"kv": kv, "rel": (kv / 69.5) ** 1.72} for kv in (13.0, 30.0, 50.0, 60.0, 69.5)]
    write_certificate(tmp_path / "c.toml", changed(g_kv=rows))
    with pytest.raises(ConfigurationError, match=r"begins at 14 kV, above 0\.2 of 69\.5 kV"):
        write_certificate(tmp_path / "c.toml", changed(g_kv=[{"kv": 14.0, "rel": 0.06}, *rows[1:]]))


@pytest.mark.parametrize("key", ["extra", "r0_gy_per_min"])
def test_a3_an_unknown_key_and_minutes_are_refused(tmp_path: Path, key: str) -> None:
    """Hazard A3: no key is in minutes, and none is unknown."""
    with pytest.raises(ValueError, match=key):
        write_certificate(tmp_path / "c.toml", changed(**{key: 3.4598}))


def test_a13_the_first_certificate_of_a_tube_is_audited(make: Make, keys: Path) -> None:
    path = make({key: value for key, value in document().items() if key != "audit"})
    with pytest.raises(ConfigurationError, match="has no audit"):
        load_certificate(path, keys, NOW_S)
    far = make(document(audit=document()["audit"] | {"ratio": 0.94}))
    with pytest.raises(ConfigurationError, match="off by more than 5 %"):
        load_certificate(far, keys, NOW_S)


def second(**raw: Any) -> dict[str, Any]:
    """A certificate with a second check, whose readings are changed."""
    whole = seconded(document(second_check=SECOND))
    had = whole["second_check"]["raw"]
    changes = {"measured": had["measured"] | raw.pop("measured", {})}
    return whole | {"second_check": whole["second_check"] | {"raw": had | changes | raw}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (second(measured={"readings": READINGS}), "are the first one's readings, digit for digit"),
        (second(measured={"by": "P. One"}), "was read by P. One with C2, and P. Two with C2 is written"),
        (second(measured={"chamber": "C1"}), "was read by P. Two with C1"),
        (second(measured={"leakage_nc": 0.01}), "its readings come to 0.2"),
        (second(measured={"field_mm": 3.0}), r"second_check\.raw: .*3 mm"), (second(ma=2.0), "no combination has 69.5 kV, 2 mA"),
        (second() | {"second_check": second()["second_check"] | {"result_pct": 0.1}}, "result_pct = 0.1: its readings come to 0.4"),
        (second() | {"second_check": second()["second_check"] | {"at": AT}}, "its own last reading is of"),
        (second() | {"second_check": second()["second_check"] | {"at": AT + timedelta(days=8)}}, "not at most 7 days before"),
    ],
    ids=["copied", "one-person", "first-chamber", "a-reading-changed", "too-large", "another-output", "typed-result", "before", "of-long-ago"],
)  # fmt: skip
def test_a5_a_second_check_is_what_its_own_readings_come_to(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    """Hazard A5: the result beside them is no word that somebody gives."""
    with pytest.raises(ConfigurationError, match=words):
        write_certificate(tmp_path / "c.toml", content)


def test_a5_a_second_check_without_its_readings_is_signed_by_nobody_and_an_old_one_stays_readable(
    keys: Path, key_folder: Path, tmp_path: Path
) -> None:
    """Hazard A5: a typed result is a word of who measured first. What was signed before the readings were in it is what it was."""
    path = tmp_path / "c.toml"
    write_certificate(path, document(second_check=SECOND))
    with pytest.raises(ConfigurationError, match=r"second_check\.raw is missing"):
        sign_certificate(path, key_folder / "one.pem", "P. One", NOW_S)
    signed.sign(path, path.read_bytes(), HEAD, CertificateTable, key_folder / "one.pem", "P. One", NOW_S)
    assert read_certificate(path, keys).table.second_check is not None
    write_certificate(path, second())
    sign_certificate(path, key_folder / "one.pem", "P. One", NOW_S)
    shown = {row.name: row for row in rows(read_certificate(path, keys))}
    reading = shown["second check: measured.readings.0"].value
    assert "raw" not in shown["second check"].value and reading.startswith("nc 6.43") and "p_kpa" in reading


def test_a5_the_second_readings_of_an_earlier_certificate_serve_once() -> None:
    """Hazard A5: copied into the next version with the result that they come to there."""
    old, new = (CertificateTable.model_validate(second() | {"id": name}) for name in ("CAL-1", "CAL-2"))
    assert new.second_check is not None
    other = new.model_copy(update={"second_check": new.second_check.model_copy(update={"result_pct": 1.1})})
    assert [words for words in repeated(other, [old]) if "are the readings of CAL-1" in words]
    assert not list(repeated(CertificateTable.model_validate(document(id="CAL-2")), [old]))


def test_a13_the_audit_is_of_this_tube(make: Make, keys: Path, key_folder: Path, tmp_path: Path) -> None:
    """Hazard A13: the tube before was audited, and had another output; a certificate of before the key was there stays what it was, and none is signed anew."""
    audit = document()["audit"]
    with pytest.raises(ConfigurationError, match=r"audit\.tube_serial = T-0: the certificate is of tube T-1"):
        make(document(audit=audit | {"tube_serial": "T-0"}))
    before = {key: value for key, value in audit.items() if key != "tube_serial"}
    with pytest.raises(ConfigurationError, match=r"audit\.tube_serial is missing"):
        make(document(audit=before))
    path = tmp_path / "c.toml"
    signed.sign(path, path.read_bytes(), HEAD, CertificateTable, key_folder / "one.pem", "P. One", NOW_S)
    assert load_certificate(path, keys, NOW_S).id == "CAL-1"


@pytest.mark.parametrize(
    ("by", "changes", "signers", "words"),
    [
        (1.019, {}, ("one",), ""),
        (1.03, {}, ("one",), "above 2 %, and explanation is empty"),
        (1.03, {"explanation": "target"}, ("one",), ""),
        (0.93, {"explanation": "target", "second_check": SECOND}, ("one",), "one physicist has signed"),
        (0.93, {"explanation": "target"}, ("one", "two"), "A20: -7.00 % .* no second check is of it"),
        (0.93, {"explanation": "target", "second_check": SECOND}, ("one", "two"), ""),
        (1.89, {"explanation": "target", "second_check": SECOND}, ("one", "two"), r"\+89.*above 10 %: refused"),
        (1.89, {"explanation": "tube", "second_check": SECOND, "component_change": PART}, ("one", "two"), ""),
    ],
)
def test_a1_a_change_of_output_asks_for_more(
    make: Make, keys: Path, by: float, changes: dict[str, Any], signers: tuple[str, ...], words: str
) -> None:
    """Hazard A1: nothing below 2 %; explanation; second physicist and chamber above 5 %; refused above 10 % until a part was exchanged."""
    content = scaled(document(), by, **changes)
    if words:
        with pytest.raises(ConfigurationError, match=words):
            load_certificate(make(content, *signers), keys, NOW_S)
    else:
        assert load_certificate(make(content, *signers), keys, NOW_S).combinations[0].r0_mgy_per_s == pytest.approx(
            57.663 * by, rel=1e-5
        )


C = document()["combinations"][0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        # G24: one applicator's name for two codes: the coded contact would pass another applicator
        (document(combinations=[C, C | {"kv": 60.0, "applicator_code": 0x5A}]), "A20 has code 53 elsewhere"),
        (document(combinations=[C, C | {"kv": 60.0, "filter_code": 0x5A}]), "F2 has code 242 elsewhere"),
        # A2: two entries that nobody can tell apart at the machine
        (document(combinations=[C, C | {"kv": 69.55, "ma": 1.605}]), "too near to another"),
        # G24: a time table is of a certificate by its id
        (document(version=2, supersedes="CAL-1"), "is its own id"),
        # A13: good for ever, or signed anew for ever
        (document(expires_at=AT.replace(year=2099)), "more than 400 days before expires_at = 2099"),
        (document(effective_at=AT.replace(year=2036), expires_at=AT.replace(year=2037)), "measured at 2026-06-01"),
        # A3, A4: tables that are none
        (changed(pdd=[{"depth_mm": z, "pct": p} for z, p in ((0.0, 100.0), (3.0, 5.0), (4.0, 119.0))]), "rises by more than 2 %"),
        (changed(closed_end=True, gap_table=[{"gap_mm": g, "factor": f} for g, f in ((0.0, 0.5), (5.0, 0.4))]), "is 0.5000 at 0 mm"),
        (changed(closed_end=True, gap_table=[{"gap_mm": g, "factor": f} for g, f in ((0.0, 1.0), (5.0, 1.4))]), "rises with the gap"),
        # A5: a second chamber that is the first one, is none, or was out of date
        (document(second_check=SECOND | {"chamber": "B1"}), "B1: is no chamber among the instruments"),
        (document(second_check=SECOND | {"chamber": "C9"}), "C9: is no chamber among the instruments"),
        (document(second_check=SECOND | {"at": AT + timedelta(days=301)}), "its calibration expired"),
        (document(second_check=SECOND, instruments=[*equipment()[:-1], equipment()[-1] | {"serial": "s c1"}]), "is s c1, and so is the first one"),
    ],
)  # fmt: skip
def test_a2_a5_a13_g24_what_would_hide_something_cannot_be_signed(
    tmp_path: Path, content: dict[str, Any], words: str
) -> None:
    """Hazards A2, A5, A13, G24: contradictions that every single value is within its bounds of."""
    with pytest.raises(ConfigurationError, match=words):
        write_certificate(tmp_path / "c.toml", content)


@pytest.mark.parametrize("who", ["P. One", "p one", "One, P.", "P.  Öne".replace("Ö", "O"), "Ｐ. One"])
def test_a5_a_second_physicist_is_another_person(make: Make, keys: Path, key_folder: Path, who: str) -> None:
    """Hazard A5: the same one under another spelling, also with a second key, is one person."""
    path = make(scaled(document(), 1.07, explanation="x", second_check=SECOND | {"who": who}))
    sign_certificate(path, key_folder / "two.pem", who, NOW_S)
    with pytest.raises(ConfigurationError, match=r"one physicist has signed|measured it the first time too"):
        load_certificate(path, keys, NOW_S)


def test_a5_who_measured_the_second_time_has_signed(make: Make, keys: Path) -> None:
    """Hazard A5: a name in the second check that no key stands for is nobody."""
    path = make(scaled(document(), 1.07, explanation="x", second_check=SECOND | {"who": "P. Three"}), "one", "two")
    with pytest.raises(ConfigurationError, match=r"P. Three: has not signed"):
        load_certificate(path, keys, NOW_S)


def test_a13_a_clock_that_was_set_back(make: Make, keys: Path) -> None:
    """Hazard A13: an expired certificate does not come back to life with the clock; what was read or signed after now cannot be."""
    path = make(document(effective_at=AT - timedelta(days=10)))
    with pytest.raises(ConfigurationError, match=r"the signature of P. One is of .*check the clock"):
        load_certificate(path, keys, NOW_S - 3600.0)
    with pytest.raises(ConfigurationError, match=r"the last reading is of .*check the clock"):
        load_certificate(path, keys, NOW_S - 2 * 86400.0)
    assert load_certificate(path, keys, NOW_S - 300.0).id == "CAL-1"


def test_a2_a_new_combination_beside_old_ones_says_why(make: Make, keys: Path) -> None:
    """Hazard A2: what was not in the last certificate has nothing to be compared with."""
    second = scaled(document(), 1.0)
    own = second["combinations"][0]
    m = own["measured"] | {
        "last_r0_mgy_per_s": 0.0,
        "readings": [one | {"nc": one["nc"] + 1e-7} for one in own["measured"]["readings"]],
    }
    new = own | {
        "kv": 60.0,
        "measured": m,
        "g_kv": [{"kv": kv, "rel": (kv / 60.0) ** 1.72} for kv in (10.0, 20.0, 35.0, 50.0, 60.0)],
    }
    path = make(second | {"combinations": [own, worked_out(new)]})
    with pytest.raises(ConfigurationError, match=r"60 kV, 1.6 mA, F2, A20: was not in CAL-1, and explanation is empty"):
        load_certificate(path, keys, NOW_S)


def worked_out(c: dict[str, Any]) -> dict[str, Any]:
    """A combination with the numbers that its readings come to."""
    m = MeasuredTable.model_validate(c["measured"])
    found = output(m, instruments(), c["kv"], c["dt_s"], c["effective_ssd_mm"])
    return c | {"r0_mgy_per_s": found.r0_mgy_per_s, "measured": c["measured"] | {"u_pct_k2": found.budget.u_pct_k2}}


def test_a5_one_physicist_with_two_names_is_one(make: Make, keys: Path, key_folder: Path) -> None:
    """Hazard A5: a second signature counts by its key, not by its name."""
    path = make(scaled(document(), 1.07, explanation="x", second_check=SECOND))
    sign_certificate(path, key_folder / "one.pem", "P. Two", NOW_S)
    assert path.read_text().count("[[signatures]]") == 2
    with pytest.raises(ConfigurationError, match="one physicist has signed"):
        load_certificate(path, keys, NOW_S)


class TestPinned:
    """The store of what was accepted."""

    def test_g24_older_and_other_versions_are_refused(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard G24: forward one by one, never back, and never another of the same version; every copy stays readable."""
        store = Accepted(tmp_path / "accepted")
        first, second = document(), scaled(document(), 1.01)
        v1, v2 = (read_certificate(make(one, name=f"{one['id']}.toml"), keys) for one in (first, second))
        assert "no version of tube T-1 was accepted here" in store.refused(v2)
        assert store.accept(v1, keys) is True
        assert store.accept(v1, keys) is False
        assert store.accept(v2, keys) is True
        with pytest.raises(
            ConfigurationError, match=r"version = 1: is older than version 2 \(CAL-2\), which was accepted"
        ):
            store.accept(v1, keys)
        other = read_certificate(make(scaled(document(), 1.005), name="other.toml"), keys)
        assert "is another than the accepted CAL-2" in store.refused(other)
        v3 = scaled(second, 1.0)
        for bad in (v3 | {"supersedes": "CAL-1"}, v3 | {"version": 4}):
            assert "does not follow version 2" in store.refused(read_certificate(make(bad, name="v3.toml"), keys))
        last = store.last("T-1", keys)
        assert last is not None
        assert (last.table.id, read_certificate(store.copy("T-1", 1), keys).table.id) == ("CAL-2", "CAL-1")
        assert store.last("T-2", keys) is None

    def test_a5_the_last_certificate_itself_is_compared(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard A5: a certificate that misquotes the last R0 would hide a change."""
        store = Accepted(tmp_path / "accepted")
        store.accept(read_certificate(make(document()), keys), keys)
        lied = scaled(document(), 1.2)
        lied["combinations"][0]["measured"]["last_r0_mgy_per_s"] = lied["combinations"][0]["r0_mgy_per_s"]
        with pytest.raises(ConfigurationError, match=r"last_r0_mgy_per_s = 69\.\d+, and CAL-1 says 57\.66"):
            store.accept(read_certificate(make(lied, name="2.toml"), keys), keys)

    def test_g24_damage_is_never_taken_for_nothing(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard G24: each byte of the pins flipped is refused or changes nothing; an exchanged copy is told."""
        store = Accepted(tmp_path / "accepted")
        store.accept(read_certificate(make(document()), keys), keys)
        path = tmp_path / "accepted" / FILE
        whole = path.read_bytes()
        for at in range(0, len(whole), 7):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(ConfigurationError, match="is damaged"):
                store.pin("T-1")
        path.write_bytes(whole)
        copy = store.copy("T-1", 1)
        copy.write_bytes(make(document(explanation="other"), name="o.toml").read_bytes())
        with pytest.raises(ConfigurationError, match="is not what was accepted"):
            store.last("T-1", keys)
        copy.unlink()
        with pytest.raises(ConfigurationError, match="cannot be read"):
            store.last("T-1", keys)

    def test_a1_small_steps_do_not_add_up_to_a_large_one(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard A1: 1.9 % each time asked for nothing, and after seven certificates the output had moved by 12 %."""
        store = Accepted(tmp_path / "accepted")
        old = document()
        store.accept(read_certificate(make(old), keys), keys)

        def step(old: dict[str, Any], *by: str, **brings: Any) -> dict[str, Any]:
            new = scaled({key: value for key, value in old.items() if key != "second_check"}, 1.019, **brings)
            store.accept(read_certificate(make(new, *by, name=f"{new['id']}.toml"), keys), keys)
            return new

        two = step(old)
        with pytest.raises(
            ConfigurationError,
            match=r"R0 is \+3\.84 % from that of CAL-1, above 2 %, and no certificate since has explanation",
        ):
            step(two)
        three = step(two, explanation="target")
        with pytest.raises(
            ConfigurationError,
            match=r"\+5\.81 % from that of CAL-1, above 5 %, and no certificate since has second_check",
        ):
            step(three, explanation="target")
        brings = {"explanation": "target", "second_check": SECOND}
        four = step(three, "one", "two", **brings)
        with pytest.raises(ConfigurationError, match=r"second_check\.result_pct = .*: its readings come to"):
            step(four, "one", "two", **(brings | {"second_check": seconded(four)["second_check"]}))
        five = step(four, explanation="target")
        six = step(five, explanation="target")
        with pytest.raises(
            ConfigurationError,
            match=r"\+11\.96 % from that of CAL-1, above 10 %, and no certificate since has component_change",
        ):
            step(six, "one", "two", explanation="target", second_check=SECOND | {"result_pct": 0.5})

    @pytest.mark.parametrize(
        ("of_c", "words"),
        [
            ({"pdd": [{"depth_mm": z, "pct": pct} for z, pct in ((0.0, 100.0), (3.0, 80.0), (4.0, 79.0))]}, r"depth dose at 3 mm is -5\.88 %"),
            ({"n1_mgy_per_count": 0.021}, r"dose of a count is \+5\.00 %"),
        ],
    )  # fmt: skip
    def test_a1_whatever_the_dose_is_proportional_to_is_held_against_the_last(
        self, make: Make, keys: Path, tmp_path: Path, of_c: dict[str, Any], words: str
    ) -> None:
        """Hazard A1: depth dose, and where counts end the beam the dose of a count, move a patient's dose as R0 does."""
        store = Accepted(tmp_path / "accepted")
        first = document(termination="monitor")
        store.accept(read_certificate(make(first), keys), keys)
        second = scaled(first, 1.0)
        second["combinations"][0] |= of_c
        with pytest.raises(ConfigurationError, match=words):
            store.accept(read_certificate(make(second, name="2.toml"), keys), keys)

    @pytest.mark.parametrize("name", [{"applicator": "A20-new"}, {"filter": "F2-new"}, {"kv": 69.55}])
    def test_a2_another_name_is_no_new_combination(
        self, make: Make, keys: Path, tmp_path: Path, name: dict[str, Any]
    ) -> None:
        """Hazard A2: what the machine cannot tell from an old combination is compared with that, whatever it is called."""
        store = Accepted(tmp_path / "accepted")
        store.accept(read_certificate(make(document()), keys), keys)
        second = scaled(document(), 1.3, explanation="a new applicator")
        second["combinations"][0] |= name
        second["combinations"][0]["measured"]["last_r0_mgy_per_s"] = 0.0
        with pytest.raises(ConfigurationError, match=r"R0 is \+30\.00 % from that of CAL-1, above 10 %"):
            store.accept(read_certificate(make(second, name="2.toml"), keys), keys)

    def test_a1_a_part_that_was_exchanged_before_explains_nothing(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard A1: the last certificate was measured with it already."""
        store = Accepted(tmp_path / "accepted")
        store.accept(read_certificate(make(document()), keys), keys)
        second = scaled(document(), 1.2, explanation="tube", second_check=SECOND, component_change=PART)
        with pytest.raises(ConfigurationError, match=r"component_change\.at = .*: is of before CAL-1 was measured"):
            store.accept(read_certificate(make(second, "one", "two", name="2.toml"), keys), keys)

    def test_g24_an_id_is_of_one_version(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard G24: a time table that was signed for a certificate's id would serve the next one too."""
        store = Accepted(tmp_path / "accepted")
        first, second = document(), scaled(document(), 1.0)
        for one in (first, second):
            store.accept(read_certificate(make(one, name=f"{one['id']}.toml"), keys), keys)
        third = scaled(second, 1.0, id="CAL-1")
        with pytest.raises(ConfigurationError, match="id = CAL-1: version 1 has it too"):
            store.accept(read_certificate(make(third, name="3.toml"), keys), keys)

    @pytest.mark.parametrize("lost", ["pins", "pins of yesterday", "copies"])
    def test_g24_pins_and_copies_each_remember(self, make: Make, keys: Path, tmp_path: Path, lost: str) -> None:
        """Hazard G24: the file of pins removed or put back from an older day, or the copies removed: no older certificate is taken."""
        folder = tmp_path / "accepted"
        store = Accepted(folder)
        first, second = document(), scaled(document(), 1.0)
        v1, v2 = (read_certificate(make(one, name=f"{one['id']}.toml"), keys) for one in (first, second))
        store.accept(v1, keys)
        yesterday = (folder / FILE).read_bytes()
        store.accept(v2, keys)
        if lost == "pins":
            (folder / FILE).unlink()
        elif lost == "pins of yesterday":
            (folder / FILE).write_bytes(yesterday)
        else:
            for path in folder.glob("*.toml"):
                path.unlink()
        assert store.knows(v2.sha256.hex()) and not store.knows("00" * 32)
        assert "is older than version 2" in store.refused(v1)
        assert store.refused(v2) == ""
        assert store.accept(v2, keys) is False
        assert (folder / FILE).read_bytes() != yesterday
        assert store.copy("T-1", 2).read_bytes() == v2.data

    @pytest.mark.parametrize("step", range(4))
    def test_g24_killed_at_each_write_it_goes_on(
        self, make: Make, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
    ) -> None:
        """Hazard G24: a disk that is full, or a process that is killed, before or after each file is put in place: accepted anew it is whole."""
        folder = tmp_path / "accepted"
        store = Accepted(folder)
        first, second = document(), scaled(document(), 1.0)
        v1, v2 = (read_certificate(make(one, name=f"{one['id']}.toml"), keys) for one in (first, second))
        store.accept(v1, keys)
        real, done = replaced, []

        def dies(path: Path, data: bytes) -> None:
            done.append(path)
            if len(done) - 1 == step // 2:
                if step % 2:
                    real(path, data)
                raise KeyboardInterrupt
            real(path, data)

        monkeypatch.setattr("calibration.accepted.replaced", dies)
        with pytest.raises(KeyboardInterrupt):
            store.accept(v2, keys)
        monkeypatch.undo()
        assert store.refused(v2) == ""
        store.accept(v2, keys)
        assert "is older than version 2" in store.refused(v1)
        last = store.last("T-1", keys)
        assert last is not None and last.sha256 == v2.sha256

    def test_g24_one_process_accepts_at_a_time(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """Hazard G24: two machines that share a folder would each write the pins without the other's."""
        store = Accepted(tmp_path / "accepted")
        checked = read_certificate(make(document()), keys)
        (tmp_path / "accepted").mkdir()
        with (tmp_path / "accepted" / LOCK).open("wb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(ConfigurationError, match="another process is accepting"):
                store.accept(checked, keys)
        assert store.accept(checked, keys) is True

    def test_g13_a_disk_that_takes_nothing_is_told(self, make: Make, keys: Path, tmp_path: Path) -> None:
        """The pin stays as it was."""
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigurationError, match=r"cannot be (written|read)"):
            Accepted(tmp_path / "file" / "accepted").accept(read_certificate(make(document()), keys), keys)


def test_g24_a_key_file_is_keys_only(make: Make, key_folder: Path, tmp_path: Path) -> None:
    """Among several keys one that is none is refused, not left out."""
    path = make(document())
    mixed = tmp_path / "mixed.pub"
    mixed.write_bytes((key_folder / "one.pub").read_bytes() + (key_folder / "one.pem").read_bytes())
    with pytest.raises(ConfigurationError, match="is no public key"):
        read_certificate(path, mixed)
    assert re.match("P. One", read_certificate(path, key_folder / "one.pub").signers[0])


def test_g24_a_key_that_others_could_have_is_no_key(make: Make, keys: Path, key_folder: Path, tmp_path: Path) -> None:
    """Hazard G24: a private key that others may read, public keys that everybody may write, and the demonstration key at a real machine."""
    path = make(document())
    loose, open_keys, shown = tmp_path / "loose.pem", tmp_path / "open.pub", tmp_path / "shown.pub"
    loose.write_bytes((key_folder / "one.pem").read_bytes())
    for mode in (0o640, 0o604, 0o620):
        loose.chmod(mode)
        with pytest.raises(ConfigurationError, match="may be read by others"):
            sign_certificate(path, loose, "P. One", NOW_S)
    open_keys.write_bytes(keys.read_bytes())
    open_keys.chmod(0o666)
    with pytest.raises(ConfigurationError, match="may be written by everybody"):
        read_certificate(path, open_keys)
    examples = Path(__file__).resolve().parents[2] / "examples"
    real = tmp_path / "real.toml"
    write_certificate(real, document(simulated=False))
    sign_certificate(real, examples / "DEMONSTRATION-KEY.pem", "P. One", NOW_S)
    shown.write_bytes(keys.read_bytes() + (examples / "physicist.pub").read_bytes())
    with pytest.raises(ConfigurationError, match="demonstration key, with which anybody can sign"):
        load_certificate(real, shown, NOW_S)


def test_only_plain_values_are_written() -> None:
    for bad in (None, 1 + 2j):
        with pytest.raises(ValueError, match="has no place"):
            text_of({"a": bad})
    assert (
        text_of({"a": True, "b": [1, 2.5], "t": {"c": "ä\n"}, "l": []})
        == 'a = true\nb = [1, 2.5]\nl = []\n\n[t]\nc = "ä\\n"\n'
    )
