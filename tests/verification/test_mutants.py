"""`make mutants` on a small planted tree: it finds what lives, kills what a test sees, keeps what it found, and does not believe an old list."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from verification.mutant_sources import every_test, one_test, program
from verification.mutants import ROOT, TESTS, judge, read_list
from verification.mutate import Mutant, mutants
from verification.results import ResultsError

PLANTED = '''"""Planted."""

BOUND = 2.0
ROWS = ("a", "b")


def low(x: float) -> str:
    """Words."""
    if x < BOUND:
        return f"{x} is too low"
    return ""


def never_asked(x: int) -> int:
    return x + 1
'''
TEST = """from planted import ROWS, low


def test_low() -> None:
    assert low(1.0) and low(1.99) and not low(2.15)
    assert ROWS == ("a", "b")
"""
LIVES = "low | if x < BOUND: | x < BOUND -> x <= BOUND"
ENTRY = '[[survivor]]\nfile = "planted.py"\nin = "{}"\nline = "{}"\nchanges = ["{}"]\nreason = "{}"\nwhy = "w"\n'


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    (tmp_path / "planted.py").write_text(PLANTED, encoding="utf-8")
    (tmp_path / "test_planted.py").write_text(TEST, encoding="utf-8")
    return tmp_path


def run(tree: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "verification.mutants", "--root", tree, "--only", "planted.py", "--tests", "test_planted.py",
         "--survive", tree / "list.toml", "--home", tree / "kept", *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )  # fmt: skip


def test_it_finds_what_lives_and_kills_what_a_test_sees(planted: Path) -> None:
    """A boundary that no test touches lives, and a function that none calls; a value at import, a row and a condition that one asks for die.
    A second run plays nothing again; with the list complete it is content."""
    first = run(planted)
    lives = sorted(line.split(": ", 2)[2] for line in first.stdout.splitlines() if "not listed, line" in line)
    assert first.returncode == 1, first.stderr
    assert lives == [
        LIVES,
        *(f"never_asked | return x + 1 | {change}" for change in ("1 -> 0", "1 -> 2", "x + 1 -> x - 1")),
    ]
    kept = next(planted.glob("kept/planted.jsonl"))
    before = kept.read_bytes()
    parts = [key.split(" | ") for key in lives]
    (planted / "list.toml").write_text("".join(ENTRY.format(*part, "equivalent") for part in parts), encoding="utf-8")
    second = run(planted)
    assert second.returncode == 0, second.stdout + second.stderr
    assert kept.read_bytes() == before


def test_a_list_that_is_out_of_date_is_told(planted: Path) -> None:
    """A listed mutant that is killed, and one that is no more, are wrong; one that was not played is not counted."""
    born = mutants(planted, "planted.py")
    killed_by = {mutant.key: "" if mutant.key == LIVES else "a test" for mutant in born}
    (planted / "list.toml").write_text(
        ENTRY.format("low", "if x < BOUND:", "x < BOUND -> x >= BOUND", "only words")
        + ENTRY.format("gone", "if x < BOUND:", "x < BOUND -> x <= BOUND", "equivalent"),
        encoding="utf-8",
    )
    count = judge("planted.py", born, killed_by, read_list(planted / "list.toml")[0])
    assert [words.split(":")[0] for words in count.wrong] == [
        "listed, but killed by a test",
        "listed, but there is no such mutant",
    ]
    assert len(count.unlisted) == 1 and LIVES in count.unlisted[0] and count.whole
    del killed_by[LIVES]
    assert not judge("planted.py", born, killed_by, ()).whole


PAIR = '[[pair]]\nname = "{}"\ntests = ["test_planted.py"]\n'
ONE = '[[pair.mutant]]\nfile = "{}"\nin = "{}"\nline = "{}"\nchange = "{}"\n'
AT_THE_BOUND = ("planted.py", "low", "if x < BOUND:", "x < BOUND -> x <= BOUND")
TURNED = ("planted.py", "low", "if x < BOUND:", "x < BOUND -> x >= BOUND")
UNASKED = ("other.py", "", "OTHER = 1", "1 -> 2")


@pytest.mark.grid
def test_a_pair_shows_something_only_where_each_alone_lives_and_both_die(planted: Path) -> None:
    """Two that live together are no barriers; one that dies alone says nothing of the other; one that is no more is told."""
    (planted / "other.py").write_text("OTHER = 1\n", encoding="utf-8")
    (planted / "list.toml").write_text(
        "".join(
            PAIR.format(name) + "".join(ONE.format(*one) for one in mutants_of)
            for name, mutants_of in (
                ("lives", (AT_THE_BOUND, UNASKED)),
                ("alone", (TURNED, UNASKED)),
                ("gone", (UNASKED, ("planted.py", "low", "gone", "1 -> 2"))),
            )
        ),
        encoding="utf-8",
    )
    said = run(planted, "--pairs")
    assert said.returncode == 1, said.stderr
    assert "pair lives: both mutated together live" in said.stdout
    assert "pair alone: the one in planted.py is killed alone by test_planted.py::test_low" in said.stdout
    assert "pair gone: there is no such mutant" in said.stdout


@pytest.mark.parametrize("reason", ["", "because", "second barrier"])
def test_a_reason_is_one_of_three_and_a_second_barrier_names_its_pair(planted: Path, reason: str) -> None:
    """A list without reasons is refused as a whole."""
    (planted / "list.toml").write_text(ENTRY.format("low", "l", "c", reason), encoding="utf-8")
    with pytest.raises(ResultsError):
        read_list(planted / "list.toml")


def test_a_test_that_is_added_makes_no_kill_old_and_one_that_is_changed_does(planted: Path) -> None:
    """What a kill stands on: the killing test and all of its file that is no test. A mutant that lives stands on every test."""
    test, tests = planted / "test_planted.py", ("test_planted.py",)

    def stands_on() -> tuple[str, str]:
        one_test.cache_clear()
        every_test.cache_clear()
        return one_test(planted, "test_planted.py::test_low[1]"), every_test(planted, tests)

    one, every = stands_on()
    assert one and one_test(planted, "test_planted.py::test_gone") == one_test(planted, "gone.py::test_low") == ""
    test.write_text(TEST + "\n\ndef test_more() -> None:\n    assert low(0.0)\n", encoding="utf-8")
    assert stands_on()[0] == one and stands_on()[1] != every
    test.write_text("BASE = 1.0\n" + TEST, encoding="utf-8")
    assert stands_on()[0] != one
    test.write_text(TEST.replace("1.99", "1.98"), encoding="utf-8")
    assert stands_on()[0] != one


def test_what_a_result_is_kept_for_is_all_that_is_imported(planted: Path) -> None:
    """A module that the file asks for counts, and a bench that the test asks for; the test itself, and what nobody asks for, does not."""
    (planted / "asked.py").write_text("ONE = 1\n", encoding="utf-8")
    (planted / "bench.py").write_text("TWO = 2\n", encoding="utf-8")
    (planted / "other.py").write_text("THREE = 3\n", encoding="utf-8")
    (planted / "planted.py").write_text("import asked\n" + PLANTED, encoding="utf-8")
    (planted / "test_planted.py").write_text("from bench import TWO\n" + TEST, encoding="utf-8")
    before = program(planted, "planted.py", ("test_planted.py",))
    for name, differs in (("asked.py", True), ("bench.py", True), ("other.py", False), ("test_planted.py", False)):
        text = (planted / name).read_text(encoding="utf-8")
        (planted / name).write_text(text + "\nMORE = 4\n", encoding="utf-8")
        assert (program(planted, "planted.py", ("test_planted.py",)) != before) is differs, name
        (planted / name).write_text(text, encoding="utf-8")


def changes(tree: Path, source: str) -> set[str]:
    (tree / "m.py").write_text(source, encoding="utf-8")
    return {mutant.change for mutant in mutants(tree, "m.py")}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("def f(a, b):\n return a < b", {"a < b -> a <= b", "a < b -> a >= b"}),
        ("def f(a, b):\n return a and b", {"a and b -> a or b", "a and b -> b", "a and b -> a"}),
        ("def f(a):\n return not a", {"not a -> a"}),
        ("def f(a):\n return a is None", {"a is None -> a is not None"}),
        ("def f(a):\n return min(a)", {"min(a) -> max(a)"}),
        ("def f(a):\n a.b = a", {"a.b = a -> pass"}),
        ("def f(a):\n return (a if a.b else a.c)", {"a if a.b else a.c -> a", "a if a.b else a.c -> a.c"}),
        ("def f(a):\n if a:\n  return f'no {a}'", {"if a: -> if False:", "if a: -> if True:", "f'no {a}' -> ''"}),
        ("def f(a):\n return a.rate_1", {"a.rate_1 -> a.rate_2"}),
        ("T = 2.0", {"2.0 -> 2.2", "2.0 -> 1.8", "2.0 -> 0.0"}),
        ("T = 5", {"5 -> 6", "5 -> 4", "5 -> 0"}),
        ("T = True", {"True -> False"}),
        ("class E(IntEnum):\n A = a\n B = b\ndef f():\n return E.A", {"E.A -> E.B"}),
        ("T = (a, b)", {"a dropped", "b dropped"}),
        ("T = f(a, b=1.0)", {"b=.. dropped"}),
        ("def f(a: int = g) -> 'int':\n 'words'\n assert a > 0\n h(a, 'words for people')", {"h(a, 'words for people') -> pass"}),
    ],
)  # fmt: skip
def test_what_is_altered(tmp_path: Path, source: str, wanted: set[str]) -> None:
    """Each way in which a hand may slip; hints, docstrings, words and assertions stay."""
    made = changes(tmp_path, source)
    assert wanted <= made
    if "words" in source:
        assert made == wanted


def test_every_cell_of_the_table_of_states_is_altered() -> None:
    """Twelve states times thirty-two events."""
    cells = [mutant for mutant in mutants(ROOT, "controller/states.py") if mutant.added]
    assert len({mutant.key for mutant in cells}) == 12 * 32


def test_no_mutant_is_the_program_itself(tmp_path: Path) -> None:
    """What compiles to the same code would live by right, so it is none; and no two have one name."""
    assert changes(tmp_path, "x: int\ndef f():\n return None") == set()
    born: list[Mutant] = mutants(ROOT, "interlocks/latch.py")
    assert born and len({mutant.key for mutant in born}) == len(born)


def test_the_table_of_tests_names_files_that_are_there() -> None:
    """Every file of interlocks/ and those of the controller, with tests that exist; the interlocks are complete."""
    rooms = {f"interlocks/{p.name}" for p in (ROOT / "interlocks").glob("*.py") if p.name != "__init__.py"}
    parts = "decide guards off ends stray latches drive exposure states dose channels kernel second_sum"
    assert set(TESTS) == rooms | {f"controller/{name}.py" for name in parts.split()}
    for own, others in TESTS.values():
        assert own and all((ROOT / test.split("::")[0]).is_file() for test in (*own, *others))


NOT_ALTERED = {
    "data": "case entries facts prescribed requests",
    "held by tests of their own alone": "ledger self_test settings",
}
"""What the altered files import of the controller and is not altered itself, and why."""


def test_what_is_split_out_of_an_altered_file_is_altered_too() -> None:
    """A file that an altered one imports of the controller is in the table of tests, or named here: else a split takes it out without a word."""
    altered = {Path(file).stem for file in TESTS if file.startswith("controller/")}
    imported: set[str] = set()
    for name in altered:
        for node in ast.walk(ast.parse((ROOT / "controller" / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "controller":
                imported |= {one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("controller."):
                imported.add(node.module.split(".")[1])
    assert imported - altered == set(" ".join(NOT_ALTERED.values()).split())
