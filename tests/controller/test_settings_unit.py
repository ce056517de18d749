"""The simulated safety unit, which knows only its own map, takes what the settings stage: first starts, resumes, both terminations."""

from __future__ import annotations

import dataclasses
import random

import pytest
from dose_bench import certificate, clearance, combination, made, prescribed, retained

from controller.channels import counted, timed
from hal.readings import Termination
from simulators.unit_limits import decode, refusal
from simulators.unit_memory import UnitConfig, UnitMemory

CONFIG = UnitConfig(site_key=b"k" * 16)


def test_every_register_means_what_was_meant() -> None:
    """Decoded by the unit's own layout."""
    s = made()
    unit = decode(s.plan.staging)
    assert (unit.preset_ms, unit.k1_limit_ms) == (s.timer_preset_ms, s.k1_limit_ms)
    assert (unit.count_preset_1, unit.count_limit_2) == (s.count_preset_1, s.count_limit_2)
    assert (unit.applicator, unit.filter_code) == (0x35, 0xF2)
    assert (unit.t2_ms / 1000, unit.t2d_ms / 1000) == (s.terms.t2_s, s.terms.t2d_s)
    assert (unit.fraction_tag, unit.plan_tag) == (s.fraction_tag, s.plan_tag)
    assert (unit.lease_max_ms, unit.start_window_ms, unit.arm_window_s, unit.no_dose_ms) == (200, 2000, 60, 1000)
    assert unit.monitor
    assert not decode(made(cert=certificate(termination=Termination.TIME)).plan.staging).monitor


@pytest.mark.parametrize("termination", list(Termination))
@pytest.mark.parametrize("seed", range(20))
def test_the_unit_takes_every_start_and_resume(termination: Termination, seed: int) -> None:
    """Random rates, end effects, doses and interruptions, up to five starts; each set passes the unit's checks against the one that ran."""
    rng = random.Random(seed)
    c = combination(
        r0_mgy_per_s=rng.uniform(20.0, 200.0),
        dt_s=rng.uniform(-0.4, 0.05),
        tail_mgy=rng.uniform(0.0, 3.0),
        leak1_cps=rng.uniform(0.0, 2.0),
        leak2_cps=rng.uniform(0.0, 2.0),
    )
    cert = certificate(c, termination=termination, press_to_hv_s=rng.uniform(0.02, 0.3))
    p = prescribed(rx_mgy=rng.uniform(2000.0, 9000.0))
    s = made(p, cert)
    memory = UnitMemory()
    assert refusal(s.plan.staging, CONFIG, memory) == ""
    beam_ms = counts_1 = counts_2 = k1_ms = 0
    delivered = 0.0
    for start in range(1, 6):
        ran_s = rng.uniform(0.5, 0.15 * s.d0_mgy / c.r0_mgy_per_s + 0.5)
        given = timed(c.r0_mgy_per_s, ran_s, c.dt_s)
        beam_ms += round(1000 * ran_s)
        k1_ms += round(1000 * (ran_s + cert.press_to_hv_s))
        delivered += given
        counts_1 += round(given / c.n1_mgy_per_count + c.leak1_cps * ran_s)
        counts_2 += round(given / c.n2_mgy_per_count + c.leak2_cps * ran_s)
        if s.d0_mgy - delivered < max(200.0, 4.0 * c.r0_mgy_per_s):
            break
        memory = dataclasses.replace(
            memory,
            retained_token=start,
            beam_ms=beam_ms,
            k1_ms=k1_ms,
            counts_1=counts_1,
            counts_2=counts_2,
            ran=s.plan.staging,
        )
        primary = (
            counted(counts_1, beam_ms / 1000.0, c.n1_mgy_per_count, c.leak1_cps, 1.0)
            if termination is Termination.MONITOR
            else delivered
        )
        words = clearance(
            p, open=True, token=start, segments=start, delivered_mgy=primary, low_mgy=primary, high_mgy=primary
        )
        s = made(p, cert, clearance=words, readings=retained(p, s, 100.0, start, beam_ms, counts_1, counts_2, k1_ms))
        assert refusal(s.plan.staging, CONFIG, memory) == ""
