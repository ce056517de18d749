"""What is said of tubes that went through the loop and the bench: one that stopped, one on which both ways part, and that the page has such a table."""

from __future__ import annotations

from typing import Any

from verification.whole_tubes import APART_PCT, BEGINS, ENDS, PAGE, TREATED, by_bench, page_part, wrong


def found(given_pct: float) -> dict[str, Any]:
    return {"end": TREATED, "found": {"given_pct": given_pct, "k2_pct": 5.16, "dt_ms": 0.3, "hvl_mm": 0.016}}


def tube(seed: int, loop: dict[str, Any], bench: dict[str, Any]) -> dict[str, Any]:
    return {"seed": seed, "source": "s", "commit": "c", "cpu_s": 80.0, "loop": loop, "bench": bench}


def test_a_tube_that_stops_or_on_which_both_ways_part_is_a_fault_and_one_outside_k_2_is_counted() -> None:
    stopped = {"end": "kerma calibrate warm-a20 ended with NOT_CONFIRMED", "found": None}
    rows = [
        tube(1, found(-0.8), found(-0.81)), tube(2, stopped, found(1.0)), tube(3, found(2.0), found(2.1 + APART_PCT)), tube(4, found(6.0), found(6.0)),
    ]  # fmt: skip
    assert [bool(wrong(one)) for one in rows] == [False, True, True, False]
    assert (
        wrong(rows[1]) == ("loop: kerma calibrate warm-a20 ended with NOT_CONFIRMED",)
        and "-0.60 % apart" in wrong(rows[2])[0]
    )
    part = page_part(rows)
    assert "| 2 | kerma calibrate warm-a20 ended with NOT_CONFIRMED / treated | - | +1.00 % |" in part
    assert (
        "Of 4 tubes (seeds 1 to 4, commit c) 3 went from name plate to a treated fraction through the shipped loop, 1 stopped; 2 of the 3 doses"
        in part
    )


def test_the_page_has_the_table_and_the_bench_comes_to_what_it_says() -> None:
    """Its own row of seed 7, of the bench's way, which costs nothing."""
    part = PAGE.read_text(encoding="utf-8").split(BEGINS)[1].split(ENDS)[0]
    row = next(line for line in part.splitlines() if line.startswith("| 7 |"))
    came = by_bench(7).found
    assert came is not None and row.split(" | ")[3] == f"{came.given_pct:+.2f} %"
