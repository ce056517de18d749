"""What will be delivered: the arithmetic of first starts and resumes, the staging bytes by hand, and every refusal."""

from __future__ import annotations

import struct
import zlib
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from dose_bench import (
    LIMITS,
    RIG,
    SOUND,
    WALL_S,
    at_rest,
    certificate,
    clearance,
    combination,
    identity,
    made,
    prescribed,
    readings,
    retained,
    slow,
    status,
)

from controller.channels import smallest_rest_mgy
from controller.prescribed import Lead, Quality, SetUp
from controller.settings import Settings, fraction_tag, make_settings, plan_tag
from hal.readings import Health, Purpose, SwitchMode, Termination, TimerStart

TIME = Termination.TIME


def refused(**changes: Any) -> tuple[str, ...]:
    """The words of a refusal; the arguments replace those of a case that would be taken."""
    p = changes.pop("p", prescribed())
    cert = changes.pop("cert", None) or certificate(changes.pop("c", None))
    given = {"clearance": clearance(p), "limits": LIMITS, "readings": at_rest(), "rig": RIG, "wall_s": WALL_S} | changes
    result = make_settings(
        p, cert, given["clearance"], given["limits"], given["readings"], given["rig"], given["wall_s"]
    )
    assert not isinstance(result, Settings)
    return result


def test_golden_numbers_of_e5_and_e10() -> None:
    """D0 8.5366 Gy, 155.36 s, count preset 426752."""
    s = made()
    assert s.d0_mgy == pytest.approx(8536.585366)
    assert (s.set_time_s, s.count_preset_1) == (155.36, 426_752)
    assert s.rounding_mgy == pytest.approx(55.0 * (155.36 - 155.355643), abs=1e-4)
    assert s.rx_factor * s.d0_mgy == pytest.approx(7000.0)
    assert made(cert=certificate(termination=TIME)).timer_preset_ms == 155_360


def test_margins_in_monitor_mode() -> None:
    """Timer +max(4 %, 1 s), channel 2 +max(4 %, 2 cGy), K1 one press and 0.5 s more; rate 1.5 times the certified."""
    s = made()
    nominal_s = s.d0_mgy / 55.0
    assert s.timer_preset_ms == pytest.approx(1000 * (1.04 * nominal_s + 0.145), abs=1)
    assert s.k1_limit_ms == pytest.approx(s.timer_preset_ms + 60 + 500, abs=1)
    assert s.count_limit_2 == round((1.04 * s.d0_mgy - 1.5383) / 0.0196)
    assert s.rate_limit_per_10ms == 42  # 1.5 * 55 / 0.02 / 100 = 41.25
    short = made(prescribed(rx_mgy=400.0, depth_mm=0.0))
    assert short.timer_preset_ms == pytest.approx(1000 * (400 / 55 + 1.0 + 0.145), abs=1)
    assert short.count_limit_2 == round((420.0 - 1.5383) / 0.0196)


def test_margins_in_time_mode() -> None:
    """The timer ends, the counts are backups at +max(4 %, 2 cGy), K1 one press and 0.5 s more."""
    s = made(cert=certificate(termination=TIME))
    assert s.terms.termination is TIME
    assert s.timer_preset_ms == 1000 * s.set_time_s == 155_360
    assert s.k1_limit_ms == pytest.approx(155_360 + 60 + 500, abs=10)
    assert s.count_preset_1 == round((1.04 * s.d0_mgy - 1.5383) / 0.02)
    assert s.count_limit_2 == round((1.04 * s.d0_mgy - 1.5383) / 0.0196)


def test_leakage_and_air_go_into_the_counts() -> None:
    """The preset holds leakage times planned time; a vented channel 2 counts less in thin air."""
    leaking = made(cert=certificate(combination(leak1_cps=10.0)))
    assert leaking.count_preset_1 - made().count_preset_1 == pytest.approx(10.0 * 155.36, abs=1)
    thin = at_rest(slow=slow(100.0, pressure_kpa=99.10, temperature_c=31.0))
    s = made(cert=certificate(vented_2=True), readings=thin)
    assert s.k_tp == pytest.approx(1.0608, rel=2e-5)
    assert s.count_limit_2 == round((1.04 * s.d0_mgy - 1.5383) / (0.0196 * s.k_tp))
    assert s.terms.air_k_per_kpa == pytest.approx(304.15 / 99.10)
    for unread in ({"pressure_kpa": NAN}, {"pressure_kpa": 0.0}, {"temperature_c": NAN}):
        assert made(readings=at_rest(slow=slow(100.0, **unread))).terms.air_k_per_kpa == 0.0
    assert s.count_preset_1 == made().count_preset_1


def test_staging_bytes_by_hand() -> None:
    """All 56 bytes, register by register as the safety unit's map has them, and the CRC over them."""
    p = prescribed()
    s = made(p, rig=msgspec.structs.replace(RIG, switch_mode=SwitchMode.HOLD))
    by_hand = (
        struct.pack(">I", s.timer_preset_ms)  # 0300 preset_ms
        + struct.pack(">I", s.k1_limit_ms)  # 0302
        + bytes.fromhex("00068300")  # 0304 count_preset_1 = 426752
        + struct.pack(">I", s.count_limit_2)  # 0306
        + bytes.fromhex("00c8")  # 0308 lease_max_ms 200
        + bytes.fromhex("07d0")  # 0309 start_window_ms 2000
        + bytes.fromhex("35f2")  # 030A applicator : filter
        + bytes.fromhex("2304")  # 030B t2 350 ms : t2d 400 ms
        + bytes.fromhex("1e1e")  # 030C purpose TREAT
        + bytes.fromhex("003c")  # 030D arm_window_s 60
        + bytes.fromhex("03e8")  # 030E no_dose_ms 1000
        + bytes.fromhex("008b")  # 030F 100 permille and the 3.9 % by which the committed counts differ
        + struct.pack(">Q", fraction_tag(p))  # 0310
        + bytes(range(8))  # 0314 plan_tag: the first 8 bytes of the file's SHA-256
        + bytes.fromhex("c3a5")  # 0318 monitor : hold
        + bytes.fromhex("f00f")  # 0319 timer starts at hv_seen
        + bytes.fromhex("002a")  # 031A 42 counts per 10 ms
        + bytes.fromhex("0006")  # 031B 2 % of 281 counts in 100 ms
    )
    assert len(by_hand) == 56
    assert s.plan.staging.hex() == by_hand.hex()
    assert s.plan.staging_crc == zlib.crc32(by_hand)
    assert s.digest == s.plan.digest() == s.terms.digest
    assert (s.plan.kv_counts, s.plan.ma_counts) == (2846, 1310)
    time = made(cert=certificate(termination=TIME, timer_start=TimerStart.K1_CLOSED))
    assert time.plan.staging[48:52].hex() == "3c5a0ff0"


def test_firmware_that_was_not_measured_with_treats_nobody_and_may_be_calibrated() -> None:
    """End effect and tail belong to the firmware: a change of either device's stops treatment and daily check (G28), and no calibration."""
    for changed, said in (
        ({"safety_unit_fw": "2.0"}, "the safety unit's firmware is "),
        ({"generator_fw": "2.0"}, "the generator's firmware is "),
    ):
        for purpose in (Purpose.TREAT, Purpose.DAILY):
            found = refused(p=prescribed(purpose=purpose, rx_mgy=1000.0), cert=certificate(**changed))
            assert any(words.startswith(said) and "measured with 2.0" in words for words in found), found
        assert made(prescribed(purpose=Purpose.CALIBRATE), cert=certificate(**changed)).segment == 1


def test_codes_and_tags_are_one_value_each() -> None:
    """The tag names patient, course, lesion, prescription and fraction number, and nothing else; parts cannot run into one another."""
    base = fraction_tag(prescribed())
    assert fraction_tag(prescribed(rx_mgy=1.0, site="ear", version=2, sha256=b"x" * 32)) == base
    others = [
        prescribed(patient_id="P2"),
        prescribed(course_id="C2"),
        prescribed(lesion_id="L2"),
        prescribed(prescription_id="RX2"),
        prescribed(fraction=2),
        prescribed(patient_id="P1C", course_id="1"),
    ]
    assert len({base, *(fraction_tag(p) for p in others)}) == 7
    assert plan_tag(prescribed()) == 0x0001020304050607


def test_purposes_that_end_on_time() -> None:
    """Warm-up ends by the timer whatever the certificate says; the daily check ends as certified."""
    assert made(prescribed(purpose=Purpose.WARMUP)).terms.termination is TIME
    assert made(prescribed(purpose=Purpose.DAILY)).terms.termination is Termination.MONITOR


def test_gap_and_cutout() -> None:
    """E6: one mm of gap is 4.92 s more; the cut-out's factor raises D0 and not the skin dose of the prescription."""
    assert made(prescribed(gap_mm=1.0)).set_time_s == pytest.approx(160.28, abs=0.006)
    assert made(prescribed(gap_mm=-1.0)).set_time_s == pytest.approx(150.51, abs=0.006)
    whole, cut = made(prescribed(depth_mm=0.0)), made(prescribed(depth_mm=0.0, cutout_factor=0.9))
    assert cut.d0_mgy == pytest.approx(whole.d0_mgy / 0.9)
    assert cut.skin_mgy == pytest.approx(whole.skin_mgy)


LEAD = Lead("C12", 0.93, ((0.0, 100.0), (3.0, 76.0), (4.0, 68.0)))
NAMED = SetUp(cutout_id="C12")


def test_hazard_a12_under_a_cut_out_the_dose_at_depth_is_of_its_own_depth_dose() -> None:
    """72 % at 3.5 mm under the lead, where the open field has 82 %: D0 = D / (0.72 x 0.93), and with the open field's table an eighth less would be given."""
    cut = made(prescribed(set_up=NAMED, cutout_factor=0.93), certificate(combination(leads=(LEAD,))))
    assert cut.rx_factor == pytest.approx(0.72 * 0.93) and cut.d0_mgy == pytest.approx(7000.0 / (0.72 * 0.93))
    assert cut.skin_mgy == pytest.approx(7000.0 / 0.72)
    assert made(prescribed(set_up=NAMED, depth_mm=0.0, cutout_factor=0.93)).rx_factor == pytest.approx(0.93)


@pytest.mark.parametrize(
    ("p", "leads", "words"),
    [
        ({"cutout_factor": 0.93}, (LEAD,), "cut-out factor 0.93 at depth 3.5 mm, and the order names no cut-out"),
        ({"cutout_factor": 1.001}, (LEAD,), "the order names no cut-out"),
        ({"set_up": NAMED, "cutout_factor": 0.93}, (), "C12 has no depth dose of its own in this beam"),
        ({"set_up": NAMED}, (), "C12 has no depth dose of its own in this beam"),
        ({"set_up": SetUp(cutout_id="C10"), "cutout_factor": 0.93}, (LEAD,), "C10 has no depth dose of its own in this beam"),
        ({"set_up": NAMED, "cutout_factor": 0.97}, (LEAD,), "cut-out factor 0.97 is not the 0.9300 of C12"),
        ({"set_up": NAMED, "cutout_factor": 0.93, "depth_mm": 4.1}, (LEAD,), "outside the PDD table, 0 to 4 mm"),
    ],
    ids=["no-id", "hardly-any", "none-measured", "none-measured-factor-1", "another", "anothers-factor", "beyond-its-own"],
)  # fmt: skip
def test_hazard_a12_a_cut_out_at_depth_without_its_own_depth_dose_is_refused(
    p: dict[str, Any], leads: tuple[Lead, ...], words: str
) -> None:
    """By the process that irradiates, whatever wrote the order."""
    assert any(words in said for said in refused(p=prescribed(**p), c=combination(leads=leads)))


@pytest.mark.parametrize(("factor", "said"), [(1.0, "1"), (0.97, "0.97")])
def test_hazard_a4_a_cut_out_that_is_named_has_its_own_factor_at_the_surface_too(factor: float, said: str) -> None:
    """Whatever wrote the order: by a factor of 1.0 what is named is not applied, and 7 % less than was ordered would be given."""
    words = refused(p=prescribed(set_up=NAMED, depth_mm=0.0, cutout_factor=factor), c=combination(leads=(LEAD,)))
    assert any(f"cut-out factor {said} is not the 0.9300 of C12" in one for one in words)


def test_closed_applicators_take_their_own_table() -> None:
    closed = combination(closed_end=True, gap_table=((0.0, 1.0), (2.0, 0.9)))
    assert made(prescribed(gap_mm=1.0), certificate(closed)).rx_factor == pytest.approx(0.82 * 0.95)
    assert made(cert=certificate(combination(closed_end=True))).rx_factor == pytest.approx(0.82)


def resumed(
    cert_changes: dict[str, Any], stops_s: list[float], quality: Quality = Quality.GOOD
) -> tuple[Settings, list[Settings]]:
    """Interrupt a fraction after each of `stops_s` of beam, resume it each time; returns the last settings and all."""
    p, cert = prescribed(), certificate(**cert_changes)
    c = cert.combinations[0]
    all_settings = [made(p, cert)]
    beam_ms, delivered = 0, 0.0
    for k, stop_s in enumerate(stops_s, start=1):
        beam_ms += round(1000 * stop_s)
        delivered += c.r0_mgy_per_s * (stop_s + c.dt_s)
        counts_1, counts_2 = round(delivered / c.n1_mgy_per_count), round(delivered / c.n2_mgy_per_count)
        unit = retained(p, all_settings[-1], 100.0, k, beam_ms, counts_1, counts_2)
        words = clearance(
            p,
            open=True,
            token=k,
            segments=k,
            delivered_mgy=delivered,
            low_mgy=delivered - 5.0,
            high_mgy=delivered + 5.0,
            quality=quality,
        )
        all_settings.append(made(p, cert, readings=unit, clearance=words))
    return all_settings[-1], all_settings


def test_resume_in_time_mode_sums_to_the_prescription() -> None:
    """E9: 60.30 s, 41.72 s, and the rest; each start has its own end effect."""
    last, every = resumed({"termination": TIME}, [60.30, 41.72])
    assert every[1].set_time_s == pytest.approx(95.201, abs=0.0051)
    assert last.set_time_s == pytest.approx(53.626, abs=0.0051)
    assert last.timer_preset_ms == 60_300 + 41_720 + round(1000 * last.set_time_s)
    given = 55.0 * sum(t - 0.145 for t in (60.30, 41.72, last.set_time_s))
    assert given == pytest.approx(last.d0_mgy, abs=55.0 * 0.0051)
    assert last.segment == 3


@pytest.mark.parametrize("pieces", [1, 2, 3, 5])
@pytest.mark.parametrize("termination", [TIME, Termination.MONITOR])
def test_resume_in_pieces_keeps_the_units_limits(pieces: int, termination: Termination) -> None:
    """However often it is stopped, the limits are those of the first start plus one end effect a start, and the pieces give the prescription."""
    last, every = resumed({"termination": termination}, [20.0] * pieces)
    first = every[0]
    for before, after in pairwise(every):
        assert after.timer_preset_ms <= before.timer_preset_ms + 500
        assert after.k1_limit_ms <= before.k1_limit_ms + 500
        assert after.count_preset_1 <= before.count_preset_1 * 1.01
        assert after.count_limit_2 == before.count_limit_2
    assert last.rest_mgy == pytest.approx(first.d0_mgy - pieces * 55.0 * (20.0 - 0.145))
    if termination is Termination.MONITOR:
        assert abs(last.count_preset_1 - first.count_preset_1) <= 1
    else:
        assert last.timer_preset_ms - first.timer_preset_ms == pytest.approx(145 * pieces, abs=6)


def test_resume_of_a_degraded_dose_takes_the_upper_bound() -> None:
    """Operator may resume DEGRADED for D0 - high."""
    last, _ = resumed({}, [60.0], Quality.DEGRADED)
    assert last.rest_mgy == pytest.approx(last.d0_mgy - (55.0 * (60.0 - 0.145) + 5.0))
    assert last.delivered_before_mgy == pytest.approx(55.0 * (60.0 - 0.145))


def test_a_second_commit_of_the_same_resume_is_the_same_plan() -> None:
    """Once the resume's own set is active, the numbers do not creep."""
    p = prescribed()
    last, every = resumed({}, [60.0])
    delivered = 55.0 * (60.0 - 0.145)
    unit = retained(p, last, 100.0, 1, 60_000, round(delivered / 0.02), round(delivered / 0.0196))
    words = clearance(
        p, open=True, token=1, segments=1, delivered_mgy=delivered, low_mgy=delivered - 5, high_mgy=delivered + 5
    )
    assert made(p, readings=unit, clearance=words).plan == last.plan
    assert every[0].plan != last.plan


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize(
    ("where", "field"),
    [
        ("p", "rx_mgy"),
        ("p", "depth_mm"),
        ("p", "gap_mm"),
        ("c", "r0_mgy_per_s"),
        ("c", "dt_s"),
        ("c", "pdd"),
        ("cert", "ramp_s"),
        ("limits", "kv_max"),
        ("clearance", "high_mgy"),
        ("rig", "t2_s"),
    ],
)
def test_nothing_that_is_not_a_number(where: str, field: str, bad: float) -> None:
    """NaN and infinity are refused at the boundary, by their path."""
    value: Any = ((0.0, 100.0), (bad, 50.0)) if field == "pdd" else bad
    changes: dict[str, Any] = {
        "p": lambda: {"p": prescribed(**{field: value})},
        "c": lambda: {"c": combination(**{field: value})},
        "cert": lambda: {"cert": certificate(**{field: value})},
        "limits": lambda: {"limits": msgspec.structs.replace(LIMITS, **{field: value})},
        "clearance": lambda: {"clearance": clearance(prescribed(), **{field: value})},
        "rig": lambda: {"rig": msgspec.structs.replace(RIG, **{field: value})},
    }[where]()
    words = refused(**changes)
    assert field in words[0]
    assert "not a number" in words[0]


def test_air_that_is_not_a_number() -> None:
    """A broken sensor's NaN is refused as out of its bounds."""
    words = refused(cert=certificate(vented_2=True), readings=at_rest(slow=slow(100.0, pressure_kpa=NAN)))
    assert "air pressure (kPa) nan is outside 60 to 110" in words[0]


OPEN = {"open": True, "token": 1, "segments": 1}


def half(p: Any = None, **changes: Any) -> dict[str, Any]:
    """A resume after 60 s of beam, with something wrong; `unit`, `slow` and `words` replace parts."""
    p = p or prescribed()
    delivered = 55.0 * (60.0 - 0.145)
    r = retained(p, made(), 100.0, 1, 60_000, round(delivered / 0.02), round(delivered / 0.0196))
    assert r.unit is not None
    assert r.slow is not None
    r = msgspec.structs.replace(
        r,
        unit=msgspec.structs.replace(r.unit, **changes.get("unit", {})),
        slow=msgspec.structs.replace(r.slow, **changes.get("slow", {})),
        **changes.get("readings", {}),
    )
    said = {"delivered_mgy": delivered, "low_mgy": delivered, "high_mgy": delivered} | OPEN | changes.get("words", {})
    return {"p": changes.get("asked", p), "readings": r, "clearance": clearance(p, **said)}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "records refuse": ({"clearance": clearance(prescribed(), refused="interval 3 h below 48 h")}, "interval 3 h below 48 h"),
    "other fraction": ({"clearance": clearance(prescribed(fraction=2))}, "answered for another fraction"),
    "not approved": ({"p": prescribed(approved_by=())}, "names no approver"),
    "no file": ({"p": prescribed(sha256=b"")}, "carries no SHA-256"),
    "expired": ({"cert": certificate(expires_wall_s=WALL_S)}, "certificate C1 expired 0 s ago"),
    "not yet": ({"cert": certificate(effective_wall_s=WALL_S + 5)}, "takes effect 5 s from now"),
    "other kV": ({"p": prescribed(kv=69.4)}, "69.4 kV, 1.6 mA, filter F2, applicator A20 is not in certificate C1"),
    "other mA": ({"p": prescribed(ma=1.61)}, "which has 69.5 kV, 1.6 mA"),
    "other filter": ({"p": prescribed(filter_id="F1")}, "filter F1, applicator A20 is not in certificate"),
    "other applicator": ({"p": prescribed(applicator_id="A30")}, "applicator A30 is not in certificate"),
    "unit not read": ({"readings": readings(100.0)}, "status, slow readings, identity has not been read"),
    "too deep": ({"p": prescribed(depth_mm=5.1)}, "depth 5.1 mm is outside the PDD table, 0 to 5 mm"),
    "negative depth": ({"p": prescribed(depth_mm=-1.0)}, "depth -1 mm is outside the PDD table"),
    "no dose": ({"p": prescribed(rx_mgy=0.0)}, "prescribed dose 0 mGy is not above 0"),
    "gap too wide": ({"p": prescribed(gap_mm=21.0)}, "gap 21 mm is outside -5 to 20 mm"),
    "gap on closed": ({"p": prescribed(gap_mm=1.0), "c": combination(closed_end=True)}, "gap 1 mm is outside 0: no table"),
    "gap off table": (
        {"p": prescribed(gap_mm=3.0), "c": combination(closed_end=True, gap_table=((0.0, 1.0), (2.0, 0.9)))},
        "gap 3 mm is outside its measured table, 0 to 2 mm",
    ),
    "cut-out": ({"p": prescribed(cutout_factor=0.3)}, "cut-out factor 0.3 is outside 0.5 to 1.1"),
    "kV limit": ({"limits": msgspec.structs.replace(LIMITS, kv_max=60.0)}, "kV 69.5 is outside 50 to 60 (limits)"),
    "mA limit": ({"limits": msgspec.structs.replace(LIMITS, ma_max=1.0)}, "mA 1.6 is outside 0.1 to 1 (limits)"),
    "full scale": ({"rig": msgspec.structs.replace(RIG, full_scale_kv=60.0)}, "kV 69.5 is outside 0 to 60 (the generator's"),
    "scaling": ({"rig": msgspec.structs.replace(RIG, kv_counts_full_scale=100)}, "kV 69.5 cannot be set on this generator, its nearest is 70"),
    "power": ({"limits": msgspec.structs.replace(LIMITS, power_max_w=100.0)}, "power (W) 111.2 is outside 0 to 100"),
    "dose limit": ({"limits": msgspec.structs.replace(LIMITS, rx_max_mgy=6000.0)}, "prescribed dose (mGy) 7000 is outside 0 to 6000"),
    "skin limit": ({"limits": msgspec.structs.replace(LIMITS, skin_max_mgy=8000.0)}, "skin dose (mGy) 8536.6 is above 8000 (limits)"),
    "purpose's dose": (
        {"p": prescribed(rx_mgy=11_000.0, purpose=Purpose.DAILY), "clearance": clearance(prescribed(rx_mgy=11_000.0, purpose=Purpose.DAILY))},
        "prescribed dose (mGy) 11000 is outside 0 to 10000 (limits)",
    ),
    "applicator's skin": ({"c": combination(max_skin_mgy=8000.0)}, "skin dose (mGy) 8536.6 is above 8000 (applicator A20)"),
    "applicator's time": ({"c": combination(max_time_s=100.0)}, "beam time (s) 155.4 is above 100 (applicator A20)"),
    "time limit": ({"limits": msgspec.structs.replace(LIMITS, time_max_s=100.0)}, "beam time (s) 155.4 is above 100 (limits)"),
    "too short": ({"p": prescribed(rx_mgy=100.0, depth_mm=0.0)}, "set time 1.96 s is below 3.00 s"),
    "ten ramps": ({"cert": certificate(ramp_s=20.0)}, "set time 155.36 s is below 200.00 s"),
    "hard cap s": ({"readings": at_rest(unit_identity=identity(hard_cap_s=150))}, "is outside 1 to 150000 (hard cap"),
    "hard cap counts": ({"readings": at_rest(unit_identity=identity(hard_cap_counts=400_000))}, "count preset 1 426752 is outside 1 to 400000"),
    "lease": ({"rig": msgspec.structs.replace(RIG, lease_ms=600)}, "lease (ms) 600 is outside 20 to 500 (the safety unit)"),
    "t2": ({"rig": msgspec.structs.replace(RIG, t2_s=0.6)}, "t2 (s) 0.6 is outside 0.01 to 0.5"),
    "t2d": ({"cert": certificate(capacitance_nf=100.0)}, "t2d (100 ms)"),
    "code": ({"c": combination(filter_code=0xFF)}, "filter code 255 is outside 1 to 254"),
    "filament": ({"cert": certificate(filament_limit_counts=5000)}, "filament limit 5000 counts is outside 0 to 4095"),
    "no rate": ({"c": combination(r0_mgy_per_s=0.0)}, "r0_mgy_per_s 0 is not above 0 (certificate)"),
    "old air": ({"cert": certificate(vented_2=True), "readings": at_rest(slow=slow(90.0))}, "10.0 s old (bound 5 s)"),
    "bad sensor": (
        {"cert": certificate(vented_2=True), "readings": at_rest(unit=status(100.0, health=int(SOUND & ~Health.PRESSURE_OK)))},
        "calls its pressure or temperature sensor unsound",
    ),
    "counters left": ({"readings": at_rest(unit=status(100.0, counts_1=5))}, "counters are not at 0 (0 ms, 5 and 0 counts)"),
    "retained, not open": (half(words={"open": False, "token": 0, "segments": 0}), "still retains exposure 1"),
    "open, not retained": (half(unit={"token": 0}), "the records hold exposure 1 open, the safety unit retains none"),
    "other tag": (half(slow={"fraction_tag": 7}), "of another fraction"),
    "edited file": (half(asked=prescribed(sha256=b"e" * 32)), "not the one that this fraction was started with"),
    "limits unread": (half(readings={"active": None}), "have not been read back"),
    "records behind": (half(words={"delivered_mgy": 3000.0, "low_mgy": 3000.0, "high_mgy": 3000.0}), "counted 3292.0 mGy in this fraction"),
    "little rest": (
        half(
            unit={"counts_1": 424_000, "counts_2": 432_000, "beam_ms": 154_400},
            words={"delivered_mgy": 8480.0, "low_mgy": 8470.0, "high_mgy": 8490.0},
        ),
        "the rest, 56.6 mGy, is not above 85.4 mGy",
    ),
    "contactor time": (half(slow={"k1_ms": 68_000}), "needs"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refusals(name: str) -> None:
    """Each names the value, the bound and its source, and says what to do first."""
    changes, words = CASES[name]
    said = refused(**changes)
    assert any(words in line for line in said), said
    assert all("; " in line or line == "interval 3 h below 48 h" for line in said), said


def test_every_reason_is_said_at_once() -> None:
    """Two things wrong give two lines."""
    said = refused(cert=certificate(expires_wall_s=WALL_S), p=prescribed(kv=69.4))
    assert len(said) == 2


def test_resume_above_the_retained_limits_is_refused() -> None:
    """Limits that the unit would not accept are refused here, with its bound."""
    p = prescribed()
    small = made(p, certificate(combination(r0_mgy_per_s=60.0)))
    delivered = 55.0 * (60.0 - 0.145)
    unit = retained(p, small, 100.0, 1, 60_000, round(delivered / 0.02), round(delivered / 0.0196))
    said = clearance(p, open=True, token=1, segments=1, delivered_mgy=delivered, low_mgy=delivered, high_mgy=delivered)
    words = refused(p=p, readings=unit, clearance=said)
    assert any("timer preset (ms)" in line and "lets a resume have" in line for line in words)


def test_a_press_without_beam_does_not_bar_the_resume() -> None:
    """The unit then retains a later token than the records' last; the tag and the counted dose are what must agree."""
    case = half(unit={"token": 2})
    assert made(case["p"], readings=case["readings"], clearance=case["clearance"]).resume


def test_smallest_rest() -> None:
    assert smallest_rest_mgy(1000.0) == 20.0
    assert smallest_rest_mgy(8000.0) == 80.0
