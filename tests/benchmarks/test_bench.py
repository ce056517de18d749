"""The table of make bench says of each figure whether it is met, the page takes it, and the C beside the dose kernel does the same steps.
No figure of a machine is compared here: those are for make bench."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from benchmarks import (
    bench,
    kernel_rows,
    process_rig,
    process_rows,
    react_host,
    react_lost,
    react_rows,
    recorded_journal,
    table,
)
from benchmarks.table import Figure, quantile
from controller.kernel import PLAIN, prepare


def test_a_median_is_held_against_its_bound_and_the_worst_window_is_on_the_wrong_side() -> None:
    most = Figure("a", "at most 2", (1.0, 3.0, 2.0), 2.0)
    least = Figure("b", "at least 2", (1.0, 3.0, 1.9), 2.0, least=True)
    each = Figure("d", "each at most 2", (1.0, 3.0, 2.0), 2.0, each=True)
    printed = Figure("c", "printed", (1.0, 2.0), None)
    assert (each.median, each.worst, each.met) == (2.0, 3.0, False)
    assert Figure("e", "each at most 3", (1.0, 3.0, 2.0), 3.0, each=True).met
    assert (most.median, most.worst, most.met) == (2.0, 3.0, True)
    assert (least.median, least.worst, least.met) == (1.9, 1.0, False)
    assert printed.met is None and printed.cells()[-1] == "printed"
    assert [quantile(range(1000), part) for part in (0.5, 0.999, 1.0)] == [500, 999, 999]


def test_the_page_takes_the_table_and_says_of_what_was_missed_what_limits_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- measured by make bench -->\nold\n<!-- end of bench -->\nafter\n")
    figures = [Figure("a", "at most 2", (3.0,), 2.0, "beside"), Figure("b", "at most 2", (1.0,), 2.0)]
    notes = bench.notes_of(figures)
    assert len(notes) == 1 and notes[0].startswith("a: missed")
    facts = bench.about()
    assert list(facts)[:2] == ["commit", "on"] and re.fullmatch(r"[0-9a-f]{12}\+?|unknown", facts["commit"])
    assert date.fromisoformat(facts["on"]) and facts["Python"]
    table.write_page(page, table.page_part(figures, {"commit": "abc", "on": "2026-01-02", "CPUs": "2"}, notes))
    said = page.read_text()
    assert "Machine: commit abc, on 2026-01-02, CPUs 2.\n" in said
    assert said.startswith("before\n") and said.endswith("after\n") and "old" not in said
    assert "| a | at most 2 | 3 | 3 | beside | NO |" in said and "- a: missed" in said and "CPUs 2" in said
    with pytest.raises(SystemExit, match="0 parts"):
        page.write_text("nothing")
        table.write_page(page, "")


def test_a_row_measured_apart_leaves_the_others_as_they_were_and_is_said(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- measured by make bench -->\nold\n<!-- end of bench -->\n")
    a, b, c = (Figure(name, "at most 2", (3.0,), 2.0) for name in ("a: 99 %", "b", "c"))
    with pytest.raises(SystemExit, match="none of these"):
        table.page_part_anew(page, [a], {}, [])
    table.write_page(
        page, table.page_part([a, b, c], {"CPUs": "2"}, ["a: 99 %: missed. Why.", "b: missed. Why.", "c: missed. Why."])
    )
    now, beside = Figure("b", "at most 2", (1.0,), 2.0), Figure("b, made", "at most 2", (5.0,), 2.0)
    table.write_page(page, table.page_part_anew(page, [now, beside], {"CPUs": "4"}, ["b, made: missed. New."]))
    lines = page.read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines if line.startswith("|")][2:] == [
        "| a: 99 %",
        "| b",
        "| b, made",
        "| c",
    ]
    assert "| b | at most 2 | 1 | 1 |  | yes |" in lines
    assert [line for line in lines if line.startswith("- ")] == [
        "- a: 99 %: missed. Why.",
        "- c: missed. Why.",
        "- b, made: missed. New.",
    ]
    assert lines[-3:-1] == ["Machine: CPUs 2.", "Apart: b; b, made. Machine: CPUs 4."]
    table.write_page(page, table.page_part_anew(page, [now], {"CPUs": "8"}, []))
    table.write_page(page, table.page_part_anew(page, [now], {"CPUs": "16"}, []))
    last = page.read_text().splitlines()[-4:-1]
    assert last == ["Machine: CPUs 2.", "Apart: b; b, made. Machine: CPUs 4.", "Apart: b. Machine: CPUs 16."]


@pytest.mark.grid
def test_a_recorded_fraction_in_one_block_is_what_the_live_loop_came_to() -> None:
    """A short one; a sample altered by one count, or one left out, is not the same."""
    kept = recorded_journal.record(prepare(), 150.0)
    assert kept.same(PLAIN) and len(kept.counts.rows) > 100 and 3.0 < kept.beam_s < 5.0
    kept.counts.rows[60, 3] += 1
    assert kept.same(PLAIN)  # the next sample has it again
    kept.counts.rows[-1, 3] += 1
    assert not kept.same(PLAIN)
    kept.counts.rows[-1, 3] -= 1
    kept.model.rows[60, 1] += 1.0
    assert not kept.same(PLAIN)


def test_the_bound_on_a_reaction_is_on_every_one() -> None:
    """One reaction of eighty too late, and the row is missed, however good the medians are."""
    pairs = [([5.0] * 40, [5.0] * 40), ([5.0] * 39 + [14.0], [5.0] * 39 + [9.0])]
    *ratios, longest = react_rows.figures(100, 1.2, pairs)
    assert all(one.met for one in ratios[:1]) and longest.met is False
    assert (longest.median, longest.worst) == (9.5, 14.0)
    assert longest.beside == "1 of 80 over; C 7 ms, worst window 9 ms"


def test_a_row_that_cannot_be_measured_keeps_no_other_from_being(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_windows: int) -> list[Figure]:
        raise SystemExit("there is no cyclictest")

    rows = {"wake": (broken, "lateness"), "kernel": (lambda _: [Figure("a", "at most 2", (1.0,), 2.0)], "dose")}
    monkeypatch.setattr(bench, "ROWS", rows)
    figures, failed = bench.measured(tuple(rows), 9, Console(quiet=True))
    assert [one.name for one in figures] == ["a"]
    assert failed == ["wake (lateness) was not measured: there is no cyclictest"]
    assert bench.main(["--row", "wake"]) == 1 and bench.main(["--row", "kernel"]) == 0


def test_what_is_known_of_limits_names_figures_and_the_real_page_has_its_place() -> None:
    known = json.loads(bench.NOTES.read_text())
    assert all(isinstance(words, str) and words.endswith(".") for words in known.values())
    assert table.PART.search(bench.PAGE.read_text()) is not None


def test_the_same_steps_in_c_and_in_plain_python_give_the_same_bits() -> None:
    """Where there is a compiler; where there is none, the bench says what installs it."""
    block = kernel_rows.Block(600)
    ours = block.both(PLAIN)
    assert ours[0][13] > 0 and ours[1][3] > 0.0
    if shutil.which("gcc") is None:
        with pytest.raises(SystemExit, match="bench-tools"):
            kernel_rows.in_c()
        return
    assert [a.tobytes() for a in ours] == [b.tobytes() for b in block.both(kernel_rows.in_c())]


def test_the_exposure_of_the_reaction_bench_is_in_the_middle_of_its_beam(tmp_path: Path) -> None:
    held, blocks = react_host.hold(tmp_path)
    assert len(blocks) == 2 * sum(count for _, count in react_host.BLOCKS)
    assert held.sent.on_at_s is not None and held.monitor.kv > 60.0 and held.flags.hv_on


def test_what_a_window_lost_is_counted_and_the_longest_stands_first() -> None:
    """This process has had page faults; a window whose reactions all kept the bound says none over."""
    now = react_lost.counted((os.getpid(),))
    assert now.faults > 0 and now.waited_ms >= 0.0 and now.stolen_ms >= 0.0
    short = react_lost.Looked("C", (1.0, 1.59), now, 20.0, 30.0)
    long = react_lost.Looked("Kerma", (1.0, 1.61, 5.0), now, 900.0, 30.0)
    assert (short.over, long.over) == (0, 2)
    hosts, longest = (list(react_lost.table([short, long]).columns[n].cells) for n in (0, 1))
    assert hosts == ["Kerma", "C"] and longest == ["5.00", "1.59"]


def test_a_window_in_which_the_console_answered_nothing_is_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made again, and after some the row is not measured."""
    rates = [0.0, 5.0, 0.0, 0.0, 0.0]

    @contextmanager
    def loaded(_port: int) -> Iterator[Callable[[], float]]:
        yield lambda: rates.pop(0)

    monkeypatch.setattr(process_rows, "loaded", loaded)
    assert process_rows.asked(1, lambda: (1.0, 2.0)) == ((1.0, 2.0), 5.0)
    with pytest.raises(SystemExit, match="answered no request in 3 windows"):
        process_rows.asked(1, lambda: (1.0, 2.0))


@pytest.mark.parametrize(
    ("state", "offer", "back"),
    [
        ("PREPARATORY", 7, False),
        ("ARMING", None, False),
        ("READY", None, False),
        ("PREPARATORY", None, True),
        ("PREPARATORY", 8, True),
        ("STANDBY", None, True),
        ("FAULT", None, True),
    ],
)
def test_an_exposure_that_was_set_back_is_told_at_once_with_its_cause(
    state: str, offer: int | None, back: bool
) -> None:
    """Not after 20 s as a state alone: a machine that was taken away is known by its words, and measured anew. An older look is none of it."""
    shown = SimpleNamespace(state=state, offer=None if offer is None else SimpleNamespace(id=offer))
    assert process_rig._set_back(cast(Any, shown), 7) is back
