"""Every hazard leads to what answers it and to tests that exist, and the check that says so can fail: each kind of broken link is planted once."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from interlocks.rules import TABLE
from verification.hazard import Hazard, row
from verification.hazard_page import at_line, linked
from verification.hazards import HAZARDS, INCIDENT_SCENARIOS, ROOT, functions_of, main, wrong, wrong_in_words

SOUND = row("list-X1", "it breaks", "it does not", "rule:door", "interlocks/test_rules.py::test_every_rule_has_a_case")
DOOR = next(rule for rule in TABLE if rule.id == "door")


def test_every_link_leads_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """What `make lint` asks."""
    assert wrong() == []
    assert main(["--check"]) == 0
    assert "every link leads somewhere" in capsys.readouterr().out


def test_the_lists_are_whole() -> None:
    """As many rows as the lists of hazards have, with no number left out."""
    ids = [hazard.id for hazard in HAZARDS]
    assert len(set(ids)) == len(ids)
    assert {f"Therac-T{n}" for n in range(1, 13)} <= set(ids)
    assert {f"accident-A{n}" for n in range(1, 18)} <= set(ids)
    assert {f"engineering-G{n}" for n in range(1, 34)} | {"engineering-G10b"} <= set(ids)
    assert sum(name.startswith("incident-") for name in ids) == 22


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answers": ()}, "linked to nothing"),
        ({"tests": ()}, "no test shows it"),
        ({"answers": ("rule:gate-of-horn",)}, "no rule has this id"),
        ({"answers": ("cell:READY*NAP",)}, "no state or no event"),
        ({"answers": ("limit:patience",)}, "no limit has this name"),
        ({"answers": ("unit:BOREDOM",)}, "no cause of the safety unit"),
        ({"answers": ("unit-test:taste",)}, "no such self-test"),
        ({"answers": ("code:interlocks/gate.py::Gate.sing",)}, "nothing of this name in it"),
        ({"answers": ("code:interlocks/gale.py::Gate",)}, "no such file"),
        ({"answers": ("page:nowhere.md",)}, "no such page"),
        ({"answers": ("hope:best",)}, "is none of rule"),
        ({"tests": ("interlocks/test_rules.py::test_that_is_not_there",)}, "no such test"),
        ({"tests": ("interlocks/test_rules.py::sound",)}, "no such test"),
        ({"tests": ("demo:picnic",)}, "no scenario"),
        ({"scenario": "the-lost-one"}, "does not exist"),
    ],
)
def test_a_wrong_link_is_found(change: dict[str, object], words: str) -> None:
    assert wrong((SOUND,), ()) == []
    spoilt: Hazard = dataclasses.replace(SOUND, **change)  # type: ignore[arg-type]
    (found,) = wrong((spoilt,), ())
    assert words in found and "list-X1" in found


def test_a_rule_that_names_what_no_row_holds_is_found() -> None:
    """And a row that does not name the rule back."""
    rule = msgspec.structs.replace(DOOR, hazards=("list-X1", "list-X2"))
    assert wrong((SOUND,), (rule,)) == ["the rule door names list-X2, which no row holds"]
    other = dataclasses.replace(SOUND, answers=("rule:key",))
    assert "does not name the rule" in wrong((other,), (rule,))[0]


def test_two_rows_of_one_anchor_are_found() -> None:
    assert wrong((SOUND, SOUND), ()) == ["the anchor list-x1 stands twice"]


def test_a_comment_that_names_what_no_row_holds_is_found() -> None:
    """Every id of a rule is a word of its file; with no rows at all each of them is missed."""
    assert wrong_in_words() == []
    assert "interlocks/gate_law.py names design-A12, which no row holds" in wrong_in_words(())


def test_every_answer_and_test_is_linked_at_its_own_line() -> None:
    """The line that a link names is the one on which the function of its words begins, also of a method and of a name that is assigned."""
    found = 0
    for hazard in HAZARDS:
        for name in (
            *(f"tests/{test}" for test in hazard.tests if "::" in test),
            *(a.removeprefix("code:") for a in hazard.answers if a.startswith("code:")),
        ):
            path, _, inside = name.partition("::")
            _, _, line = at_line(path, inside).rpartition("#L")
            begins = (ROOT / path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
            assert inside.rpartition(".")[2] in begins, (hazard.id, name, begins)
            found += 1
    assert found > 400


def test_an_incident_is_linked_to_what_plays_it() -> None:
    """Beside the command stands the function that plays it, in its own file at its line; of every incident such a function is there."""
    assert all(function in functions_of(path) for path, function in INCIDENT_SCENARIOS.values())
    tyler = next(hazard for hazard in HAZARDS if hazard.id == "incident-tyler")
    line = functions_of("verification/incidents/therac_25.py")["tyler"]
    assert f"(../verification/incidents/therac_25.py#L{line})" in linked(("a", "b", "c", "d"), [tyler])
    for test in tyler.tests:
        path, _, function = test.partition("::")
        assert f"(../tests/{path}#L{functions_of(f'tests/{path}')[function]})" in linked(("a", "b", "c", "d"), [tyler])


def test_a_name_that_is_gone_has_no_line_and_is_found() -> None:
    """A page never leads to the line of another function: without the name it leads to the file, and the check says so."""
    assert at_line("controller/guards.py", "_no_such_guard") == "../controller/guards.py"
    assert at_line("controller/no_such_file.py", "x") == "../controller/no_such_file.py"
    assert wrong((dataclasses.replace(SOUND, answers=("code:controller/guards.py::_no_such_guard",)),), ()) != []
