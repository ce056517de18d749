"""The soak sees what it looks for: a fraction that ends otherwise, a dose that is off, a loop that grows; and its edges lie in a beam."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from controller.kernel import PLAIN
from verification import soak
from verification.soak import Edge, apart, grown, held, judged, run


class Hidden(msgspec.Struct, gc=False):
    """As many of the loop's are."""

    kept: list[bytes]


TOLD: dict[str, Any] = {
    "outcome": "TERMINATED", "event": "DOSE_END", "rule": "unit:COUNT_PRESET", "quality": "GOOD", "provisional": False,
    "delivered_mgy": 235.3, "low_mgy": 230.0, "high_mgy": 240.0,
}  # fmt: skip


def test_runs_that_part_are_seen() -> None:
    """The same; a dose that is off by its last bit; another end; one exposure too few; the same records of another true dose."""
    assert apart([TOLD, TOLD], [TOLD, TOLD]) == (2, [])
    same, (words,) = apart([TOLD, TOLD], [TOLD, TOLD | {"delivered_mgy": math.nextafter(235.3, 236.0)}])
    assert same == 1 and words.startswith("fraction 1: delivered_mgy 235.3000")
    assert "FAULT" in apart([TOLD], [TOLD | {"outcome": "FAULT"}])[1][0]
    assert apart([TOLD, TOLD], [TOLD])[1] == ["1 exposures, 2 at uptime 0"]
    ran = {"name": "an hour", "told": [TOLD], "truths_mgy": [235.0], "held_first": (1, 1000), "held_last": (1, 1000)}
    assert judged(ran, ran) == ("1 of 1 the same", [])
    assert judged(ran, ran | {"truths_mgy": [235.1]})[1] != []


def test_a_loop_that_grows_is_seen() -> None:
    """What it leads to is counted, code and simulators are not; two parts in a hundred are none."""
    loop = SimpleNamespace(kept=[b"x" * 1000])
    _, before = held(loop)
    loop.kept += [bytes(1000 + n) for n in range(50)]
    count, after = held(loop)
    assert count > 50 and 50_000 < after - before < 60_000
    hidden = Hidden([b"x" * 1000])
    _, before_hidden = held(SimpleNamespace(one=hidden))
    hidden.kept += [bytes(1000 + n) for n in range(50)]
    assert held(SimpleNamespace(one=hidden))[1] - before_hidden > 50_000, (
        "a Struct that the collector does not look into"
    )
    assert held(soak) == (0, 0)
    assert grown({"held_first": (1, before), "held_last": (count, after)}) != []
    assert grown({"held_first": (1, 1000), "held_last": (1, 1019)}) == []


def test_a_dose_that_drifts_in_ten_hours_is_seen() -> None:
    """At another rate the bound is that of a dose without a fault; another end is seen too, and so is a whole run of the same wrong end."""
    held_same = {"held_first": (1, 1000), "held_last": (1, 1000)}
    first = {"name": "uptime 0", "told": [TOLD], "truths_mgy": [235.0], **held_same}
    long = {"name": soak.LONG, "told": [TOLD, TOLD], "truths_mgy": [235.0, 479.0], **held_same}
    assert judged(long, first)[1] == []
    assert "fraction 1" in judged(long | {"truths_mgy": [235.0, 480.1]}, first)[1][0]
    assert judged(long | {"told": [TOLD, TOLD | {"delivered_mgy": 245.2}]}, first)[1] == []
    assert judged(long | {"told": [TOLD, TOLD | {"delivered_mgy": 245.4}]}, first)[1] != []
    ill = {"told": [TOLD | {"outcome": "FAULT"}] * 2}
    assert len(judged(long | ill, first)[1]) == 4
    assert len(judged(long | ill, first | {"told": [TOLD | {"outcome": "FAULT"}]})[1]) == 2, (
        "the same wrong end in each"
    )


def test_a_fraction_over_an_edge_is_the_same_as_at_uptime_0(tmp_path: Path) -> None:
    """To the last digit, and the true dose too; the unit's own counter of milliseconds passes 2^32 in the beam as well."""
    usual = run(tmp_path / "usual", PLAIN, soak.EDGES[0], 0, 1, 100, 0.0, lambda _: None)
    over = run(
        tmp_path / "over", PLAIN, Edge("over", 2**32 / 1e3, 2**32), usual.middles_us[0], 1, 100, 0.0, lambda _: None
    )
    same, parted = apart(usual.told, over.told)
    assert (same, parted) == (1, [])
    assert (over.middles_us, over.truths_mgy) == (usual.middles_us, usual.truths_mgy)
    assert usual.held_first[1] > 100_000
