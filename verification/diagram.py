"""The picture of the states, drawn from the table into docs/pictures/states.svg: every pair that moves a state is an arrow or a mark, with its events.
It knows where each state and each arrow stands on the paper; what leads where it takes from the table, and an arrow without a place is an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from controller.states import BEAM, EXPIRES_S, TRANSITIONS, Event, State

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "states.svg"

S = State
Point = tuple[float, float]

GROUPS: Final[tuple[tuple[str, tuple[Event, ...]], ...]] = (
    ("links", (Event.UNIT_LOST, Event.UNIT_REBOOT, Event.GEN_LOST)),
    ("faults", (Event.INTERNAL, Event.TRIP_FAULT)),
    ("ends", (Event.TIME_END, Event.DOSE_END)),
    ("unloads", (Event.STOP, Event.KEY_OFF, Event.DESK_LOST, Event.EDIT)),
)
"""Events that nearly always lead to the same place, so that the picture stays readable; the table below it names each."""

MARKS: Final[tuple[tuple[str, State, tuple[Event, ...], str], ...]] = (
    ("F", State.FAULT, (Event.INTERNAL, Event.TRIP_FAULT), "#c0392b"),
    ("L", State.SELF_TEST, (Event.UNIT_LOST, Event.UNIT_REBOOT, Event.GEN_LOST), "#2c6fbb"),
    ("R", State.SELF_TEST, (Event.RECORDER_LOST,), "#4a8f8a"),
    ("H", State.STUCK_ON, (Event.HV_UNCOMMANDED,), "#7d3c98"),
)
"""Arrows that most states without beam have in common: a mark in the state in the place of an arrow."""

FILLS: Final[dict[str, tuple[str, str, str]]] = {
    "path": ("#eef3f8", "#34495e", "the way to a beam"),
    "beam": ("#ffd500", "#6b5900", "beam is on or coming"),
    "stop": ("#ffe3c2", "#b3641a", "off is sent, not yet proved"),
    "end": ("#e6f4e6", "#2f7d32", "off, over or to be resumed"),
    "latched": ("#f9d6d5", "#a93226", "latched: a person must reset"),
}
KIND: Final[dict[State, str]] = {
    S.SELF_TEST: "path",
    S.STANDBY: "path",
    S.PREPARATORY: "path",
    S.ARMING: "path",
    S.READY: "path",
    S.STARTING: "beam",
    S.IRRADIATING: "beam",
    S.STOPPING: "stop",
    S.INTERRUPTED: "end",
    S.TERMINATED: "end",
    S.FAULT: "latched",
    S.STUCK_ON: "latched",
}
WIDTH, HEIGHT = 1200.0, 1010.0
BOX_W, BOX_H = 180.0, 58.0
MIDDLE, LEFT, FAULT_X, STUCK_X = 530.0, 150.0, 905.0, 1095.0
ROW: Final = {
    state: 80.0 + 110.0 * row
    for row, state in enumerate(
        (S.SELF_TEST, S.STANDBY, S.PREPARATORY, S.ARMING, S.READY, S.STARTING, S.IRRADIATING, S.STOPPING)
    )
}
PLACE: Final[dict[State, Point]] = {
    **{state: (MIDDLE, y) for state, y in ROW.items()},
    S.TERMINATED: (LEFT, ROW[S.STANDBY]),
    S.INTERRUPTED: (LEFT, ROW[S.PREPARATORY]),
    S.FAULT: (FAULT_X, ROW[S.READY]),
    S.STUCK_ON: (STUCK_X, ROW[S.STARTING]),
}
"""The middle of each state's box."""

_L, _R = MIDDLE - BOX_W / 2, MIDDLE + BOX_W / 2
_LE = LEFT + BOX_W / 2
_H = BOX_H / 2
_BUS, _BACK = 395.0, 650.0


def _down(above: State, below: State) -> tuple[Point, ...]:
    return (MIDDLE, ROW[above] + _H), (MIDDLE, ROW[below] - _H)


ROUTES: Final[dict[tuple[State, State], tuple[tuple[Point, ...], Point, str]]] = {
    (S.SELF_TEST, S.STANDBY): (_down(S.SELF_TEST, S.STANDBY), (MIDDLE + 8, 138), "start"),
    (S.STANDBY, S.PREPARATORY): (_down(S.STANDBY, S.PREPARATORY), (MIDDLE + 8, 248), "start"),
    (S.PREPARATORY, S.ARMING): (_down(S.PREPARATORY, S.ARMING), (MIDDLE + 8, 358), "start"),
    (S.ARMING, S.READY): (_down(S.ARMING, S.READY), (MIDDLE + 8, 468), "start"),
    (S.READY, S.STARTING): (_down(S.READY, S.STARTING), (MIDDLE + 8, 578), "start"),
    (S.STARTING, S.IRRADIATING): (_down(S.STARTING, S.IRRADIATING), (MIDDLE + 8, 688), "start"),
    (S.IRRADIATING, S.STOPPING): (_down(S.IRRADIATING, S.STOPPING), (MIDDLE - 10, 790), "end"),
    (S.STARTING, S.STOPPING): (
        ((_R, ROW[S.STARTING]), (_BACK, ROW[S.STARTING]), (_BACK, ROW[S.STOPPING] - 12), (_R, ROW[S.STOPPING] - 12)),
        (_BACK + 8, 705),
        "start",
    ),
    (S.STANDBY, S.SELF_TEST): (((_L + 30, ROW[S.STANDBY] - _H), (_L + 30, ROW[S.SELF_TEST] + _H)), (_L + 22, 138), "end"),
    (S.PREPARATORY, S.STANDBY): (
        ((_L, ROW[S.PREPARATORY] - 10), (_BUS, ROW[S.PREPARATORY] - 10), (_BUS, ROW[S.STANDBY] + 18), (_L, ROW[S.STANDBY] + 18)),
        (_BUS - 6, ROW[S.PREPARATORY] - 26),
        "end",
    ),
    (S.ARMING, S.STANDBY): (
        ((_L, ROW[S.ARMING]), (_BUS, ROW[S.ARMING]), (_BUS, ROW[S.STANDBY] + 18), (_L, ROW[S.STANDBY] + 18)),
        (_BUS - 6, ROW[S.ARMING] + 4),
        "end",
    ),
    (S.READY, S.STANDBY): (
        ((_L, ROW[S.READY]), (_BUS, ROW[S.READY]), (_BUS, ROW[S.STANDBY] + 18), (_L, ROW[S.STANDBY] + 18)),
        (_BUS - 6, ROW[S.READY] + 4),
        "end",
    ),
    (S.ARMING, S.PREPARATORY): (
        ((_R, ROW[S.ARMING]), (_BACK, ROW[S.ARMING]), (_BACK, ROW[S.PREPARATORY]), (_R, ROW[S.PREPARATORY])),
        (_BACK + 8, ROW[S.ARMING] + 4),
        "start",
    ),
    (S.READY, S.PREPARATORY): (
        ((_R, ROW[S.READY]), (_BACK, ROW[S.READY]), (_BACK, ROW[S.PREPARATORY]), (_R, ROW[S.PREPARATORY])),
        (_BACK + 8, ROW[S.READY] + 4),
        "start",
    ),
    (S.STANDBY, S.TERMINATED): (((_L, ROW[S.STANDBY] - 14), (_LE, ROW[S.STANDBY] - 14)), (320, ROW[S.STANDBY] - 20), "middle"),
    (S.TERMINATED, S.STANDBY): (((_LE, ROW[S.STANDBY] + 4), (_L, ROW[S.STANDBY] + 4)), (320, ROW[S.STANDBY] + 18), "middle"),
    (S.INTERRUPTED, S.PREPARATORY): (((_LE, ROW[S.PREPARATORY] + 12), (_L, ROW[S.PREPARATORY] + 12)), (300, ROW[S.PREPARATORY] + 27), "middle"),
    (S.INTERRUPTED, S.TERMINATED): (((LEFT, ROW[S.PREPARATORY] - _H), (LEFT, ROW[S.STANDBY] + _H)), (LEFT + 8, 248), "start"),
    (S.STOPPING, S.INTERRUPTED): (
        ((_L, ROW[S.STOPPING] - 12), (LEFT, ROW[S.STOPPING] - 12), (LEFT, ROW[S.PREPARATORY] + _H)),
        (LEFT + 8, ROW[S.STOPPING] - 20),
        "start",
    ),
    (S.STOPPING, S.TERMINATED): (
        ((_L, ROW[S.STOPPING] + 12), (40, ROW[S.STOPPING] + 12), (40, ROW[S.STANDBY]), (LEFT - BOX_W / 2, ROW[S.STANDBY])),
        (48, ROW[S.STOPPING] + 28),
        "start",
    ),
    (S.STOPPING, S.FAULT): (
        ((_R, ROW[S.STOPPING] + 4), (FAULT_X, ROW[S.STOPPING] + 4), (FAULT_X, ROW[S.READY] + _H)),
        (FAULT_X - 8, ROW[S.STOPPING] - 4),
        "end",
    ),
    (S.STOPPING, S.STUCK_ON): (
        ((_R, ROW[S.STOPPING] + 20), (STUCK_X, ROW[S.STOPPING] + 20), (STUCK_X, ROW[S.STARTING] + _H)),
        (STUCK_X - 8, ROW[S.STOPPING] + 36),
        "end",
    ),
    (S.SELF_TEST, S.FAULT): (
        ((_R, ROW[S.SELF_TEST] + 10), (FAULT_X - 30, ROW[S.SELF_TEST] + 10), (FAULT_X - 30, ROW[S.READY] - _H)),
        (_R + 26, ROW[S.SELF_TEST] + 26),
        "start",
    ),
    (S.FAULT, S.SELF_TEST): (
        ((FAULT_X + 30, ROW[S.READY] - _H), (FAULT_X + 30, ROW[S.SELF_TEST] - 6), (_R, ROW[S.SELF_TEST] - 6)),
        (FAULT_X + 22, ROW[S.SELF_TEST] + 40),
        "end",
    ),
    (S.SELF_TEST, S.STUCK_ON): (
        ((_R, ROW[S.SELF_TEST] - 16), (STUCK_X - 30, ROW[S.SELF_TEST] - 16), (STUCK_X - 30, ROW[S.STARTING] - _H)),
        (_R + 26, ROW[S.SELF_TEST] - 20),
        "start",
    ),
    (S.STUCK_ON, S.SELF_TEST): (
        ((STUCK_X + 30, ROW[S.STARTING] - _H), (STUCK_X + 30, 30), (MIDDLE, 30), (MIDDLE, ROW[S.SELF_TEST] - _H)),
        (STUCK_X + 22, ROW[S.SELF_TEST] + 40),
        "end",
    ),
    (S.SELF_TEST, S.STOPPING): (
        ((_L, ROW[S.SELF_TEST]), (275, ROW[S.SELF_TEST]), (275, ROW[S.STOPPING] - 0), (_L, ROW[S.STOPPING] - 0)),
        (283, ROW[S.SELF_TEST] - 6),
        "start",
    ),
}  # fmt: skip
"""Of each arrow the corners, and where its events stand."""


def events_in(row: dict[Event, State | None]) -> dict[State, list[Event]]:
    """Where a state's events lead, without those that are ignored."""
    leads: dict[State, list[Event]] = {}
    for event in Event:
        to = row.get(event)
        if to is not None:
            leads.setdefault(to, []).append(event)
    return leads


def grouped(events: list[Event]) -> list[str]:
    """The events of one arrow in words, those that go together under one name."""
    left, words = list(events), []
    for name, members in GROUPS:
        if all(member in left for member in members):
            words.append(name)
            left = [event for event in left if event not in members]
    return [*(event.name for event in left), *words]


def marked(state: State) -> list[str]:
    """The marks of a state: every event of the mark leads from here to the mark's state."""
    return [
        letter
        for letter, to, events, _ in MARKS
        if state is not to and all(TRANSITIONS[state][event] is to for event in events)
    ]


def arrows() -> dict[tuple[State, State], list[str]]:
    """Every arrow that is drawn, with its events in words; loops and what a mark says are left out."""
    drawn: dict[tuple[State, State], list[str]] = {}
    by_letter = {letter: (to, events) for letter, to, events, _ in MARKS}
    for state in State:
        said = {(event, to) for letter in marked(state) for to, events in (by_letter[letter],) for event in events}
        for to, events in events_in(TRANSITIONS[state]).items():
            left = [event for event in events if (event, to) not in said]
            if left and to is not state:
                drawn[state, to] = grouped(left)
    return drawn


def draw() -> str:
    """The picture as SVG."""
    shown = arrows()
    nowhere = [f"{a.name} to {b.name}" for a, b in shown if (a, b) not in ROUTES]
    unused = [f"{a.name} to {b.name}" for a, b in ROUTES if (a, b) not in shown]
    if nowhere or unused:
        raise ValueError(
            f"the picture has no place for {nowhere or 'nothing'}, and a place too many for {unused or 'nothing'}: verification/diagram.py"
        )
    return "".join(
        (
            *_head(),
            *(part for pair, words in shown.items() for part in _arrow(pair, words)),
            *_boxes(),
            *_legend(),
            "</svg>\n",
        )
    )


def _head() -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" font-family="Helvetica, Arial, sans-serif" font-size="13">\n'
        "<title>The states of one exposure, and every event that moves them</title>\n"
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">'
        '<path d="M0,0 L10,5 L0,10 z" fill="context-stroke"/></marker></defs>\n'
        f'<rect width="{WIDTH:g}" height="{HEIGHT:g}" fill="#ffffff"/>\n'
    )


def _colour(pair: tuple[State, State]) -> str:
    state, to = pair
    if KIND[to] == "latched":
        return FILLS["latched"][1]
    if to is S.STOPPING:
        return FILLS["stop"][1]
    return FILLS["path"][1] if ROW.get(to, 0.0) > ROW.get(state, 1e9) else "#5d6d7e"


def _arrow(pair: tuple[State, State], words: list[str]) -> Iterator[str]:
    corners, (x, y), anchor = ROUTES[pair]
    colour = _colour(pair)
    forward = pair[0] in ROW and pair[1] in ROW and 0 < ROW[pair[1]] - ROW[pair[0]] < 111.0
    points = " ".join(f"{px:g},{py:g}" for px, py in corners)
    yield (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{2.6 if forward else 1.4}" '
        'stroke-linejoin="round" marker-end="url(#tip)"/>\n'
    )
    for number, line in enumerate(_lines(words)):
        yield (
            f'<text x="{x:g}" y="{y + 15 * number:g}" text-anchor="{anchor}" fill="{colour}" stroke="#ffffff" stroke-width="4" '
            f'paint-order="stroke" font-size="12">{escape(line)}</text>\n'
        )


def _lines(words: list[str], most: int = 26) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) + 2 <= most:
            lines[-1] += f", {word}"
        else:
            lines[-1] += ","
            lines.append(word)
    return lines


def _boxes() -> Iterator[str]:
    colours = {letter: colour for letter, _, _, colour in MARKS}
    for state, (x, y) in PLACE.items():
        fill, edge, _ = FILLS[KIND[state]]
        yield (
            f'<rect x="{x - BOX_W / 2:g}" y="{y - _H:g}" width="{BOX_W:g}" height="{BOX_H:g}" rx="9" fill="{fill}" stroke="{edge}" '
            f'stroke-width="{3 if state in BEAM or KIND[state] == "latched" else 1.6:g}"/>\n'
        )
        marks = marked(state)
        lasts = f"{EXPIRES_S[state]:g} s at most" if state in EXPIRES_S else ""
        name_y = y + 5 if not marks and not lasts else y - 5
        yield f'<text x="{x:g}" y="{name_y:g}" text-anchor="middle" font-weight="bold" font-size="15" fill="#1b2631">{state.name}</text>\n'
        if lasts:
            yield f'<text x="{x - BOX_W / 2 + 10:g}" y="{y + 19:g}" font-size="11" fill="#566573">{lasts}</text>\n'
        for place, letter in enumerate(reversed(marks)):
            yield from _mark(x + BOX_W / 2 - 16 - 21 * place, y + 15, letter, colours[letter])


def _mark(x: float, y: float, letter: str, colour: str) -> Iterator[str]:
    yield f'<circle cx="{x:g}" cy="{y:g}" r="9" fill="{colour}"/>'
    yield f'<text x="{x:g}" y="{y + 4:g}" text-anchor="middle" font-size="11" font-weight="bold" fill="#ffffff">{letter}</text>\n'


def _legend() -> Iterator[str]:
    y = 922.0
    for place, (fill, edge, words) in enumerate(FILLS.values()):
        x = 40.0 + 232.0 * place
        yield f'<rect x="{x:g}" y="{y - 12:g}" width="20" height="15" rx="3" fill="{fill}" stroke="{edge}"/>'
        yield f'<text x="{x + 27:g}" y="{y:g}">{escape(words)}</text>\n'
    for place, (letter, to, events, colour) in enumerate(MARKS):
        x, row_y = 50.0 + 580.0 * (place % 2), y + 30.0 + 26.0 * (place // 2)
        yield from _mark(x, row_y - 4, letter, colour)
        yield f'<text x="{x + 17:g}" y="{row_y:g}">in a state: {", ".join(event.name for event in events)} leads to {to.name}</text>\n'
    words = "; ".join(f"{name}: {', '.join(member.name for member in members)}" for name, members in GROUPS)
    yield f'<text x="40" y="{y + 80:g}" font-size="11.5">{escape(words)}</text>\n'


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(draw(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
