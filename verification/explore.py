"""`kerma explore`: every state that the shipped program can reach in the world of verification/explore_world.py, with up to two faults, and every step judged.
It knows how to search and to tell; what may happen, what the program does and what must hold stand in the three files beside it."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from controller.states import BEAM, TRANSITIONS, Event, State
from hal.clock import SystemClock
from hal.readings import UnitState
from verification.explore_host import STATES, Host, Seen, Shipped, Ticked, aged, seen
from verification.explore_laws import LAWS, Ghost, Step, after_step
from verification.explore_world import (
    GOOD,
    HELD,
    KEY_SERVICE,
    LOADED,
    MOVES,
    NOTHING,
    PART,
    Ask,
    Move,
    World,
    acknowledged,
    obeyed,
    passed,
)

BOUND: Final = "bounded"
DEADLOCK: Final = "deadlock"
GRAPH_LAWS: Final = {
    BOUND: "STOPPING is left within a deadline and two ticks, for off or for STUCK_ON",
    DEADLOCK: "from every state a person comes back to STANDBY once the causes are mended",
}
STOPPING_STEPS: Final = ("too long", "goes on", "a while", "goes on")


class Node(NamedTuple):
    """One state of everything."""

    host: Host
    world: World
    ghost: Ghost


@dataclass(frozen=True)
class CounterExample:
    """The shortest way to a breach: each step in words, and what was broken."""

    law: str
    words: str
    faults: int
    steps: tuple[str, ...]


@dataclass
class Explored:
    """What a search found. `complete` is False when it was cut short at `most_states`."""

    faults: int
    states: int = 0
    edges: int = 0
    ticks: int = 0
    seconds: float = 0.0
    complete: bool = False
    reached: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    by_faults: list[int] = field(default_factory=list)
    broken: list[CounterExample] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.complete and not self.broken


def canonical(node: Node) -> Node:
    """The same node with tokens named 1, 2, 3 in their order, and without what no later step depends on."""
    host, world, ghost = node
    unit = world.unit
    if unit.cause and (host.state not in _HEARS_CAUSE or unit.state not in _TELLS_CAUSE):
        unit = unit._replace(cause=0)
    if unit.presses and not host.pressed:
        unit = unit._replace(presses=0)
    if unit.crc and unit.state == UnitState.IDLE and not (host.set_up or host.armed):
        unit = unit._replace(crc=NOTHING)
    if host.off and not host.on_sent:
        host = host._replace(off=0)
    if host.on == host.off == 0 and (host.on_sent or (host.terms and not host.set_up)):
        host = host._replace(on_sent=False, terms=host.set_up)
    state = STATES[host.state]
    at_rest = state not in LOADED
    if not host.start and state not in NEEDS_CASE and (host.case_token or host.confirmed):
        host = host._replace(case_token=0, confirmed=False)
    if (not host.start and state in HELD) or state in (State.INTERRUPTED, State.TERMINATED):
        host = host._replace(loaded=False, recommit=False)
    if (state in PEOPLE_MEND and unit.contacts) or (state is State.STUCK_ON and unit.contacts != KEY_SERVICE):
        unit = unit._replace(contacts=GOOD)
    if not world.desk and (at_rest or state is State.STOPPING):
        world = world._replace(desk=True)
    if state is State.STUCK_ON and not host.start:
        host = host._replace(gone=0, age=0)
    if at_rest and world.generator.points:
        world = world._replace(generator=world.generator._replace(points=NOTHING))
    if world.channels_disagree and not host.on:
        world = world._replace(channels_disagree=False)
    if at_rest and world.open and not world.start and not host.start and world.dose:
        world = world._replace(dose=PART)
    dose = world.dose if host.loaded or host.start or world.open or world.start or unit.kept else 0
    token = world.token if world.start else 0
    frozen = world.unit_frozen[0] if world.unit_frozen else None
    live = {
        host.token, host.permit, host.case_token, host.resetting, unit.token, unit.kept, token, world.end_token, world.due, world.open,
    }  # fmt: skip
    if frozen is not None:
        live |= {frozen.token, frozen.kept}
    live.discard(0)
    least = min(live, default=1 << 30)
    spent = (host.last_armed, host.last_on, unit.last, ghost.on)
    used = sorted(live.union(number for number in spent if number >= least))
    name = {number: place + 1 for place, number in enumerate(used)}
    if not used or used[-1] != len(used) or not all(number in name or not number for number in spent):
        get = name.get
        host = host._replace(
            token=get(host.token, 0),
            last_armed=get(host.last_armed, 0),
            last_on=get(host.last_on, 0),
            permit=get(host.permit, 0),
            case_token=get(host.case_token, 0),
            resetting=get(host.resetting, 0),
        )
        unit = unit._replace(token=get(unit.token, 0), kept=get(unit.kept, 0), last=get(unit.last, 0))
        ghost = ghost._replace(on=get(ghost.on, 0))
        if frozen is not None and world.unit_frozen is not None:
            old = frozen._replace(token=get(frozen.token, 0), kept=get(frozen.kept, 0), last=0)
            world = world._replace(unit_frozen=(old, world.unit_frozen[1]))
        world = world._replace(
            unit=unit,
            token=get(token, 0),
            end_token=get(world.end_token, 0),
            due=get(world.due, 0),
            open=get(world.open, 0),
            dose=dose,
        )
    else:
        world = world._replace(unit=unit, token=token, dose=dose)
    return Node(host, world, ghost)


NEEDS_CASE: Final = frozenset((State.ARMING, State.READY, *BEAM, State.STOPPING))
PEOPLE_MEND: Final = frozenset((State.SELF_TEST, State.STANDBY, State.TERMINATED))
"""Where nothing is loaded a person closes the door, turns the key back and comes to the desk: who does not meets it when a fraction is loaded."""
_HEARS_CAUSE: Final = frozenset(STATES.index(state) for state in (State.READY, *BEAM))
_TELLS_CAUSE: Final = (UnitState.ENDED, UnitState.LATCHED)


EVENT_OF: Final[dict[Ask, Event]] = {
    Ask.LOAD: Event.LOAD,
    Ask.RESUME: Event.RESUME,
    Ask.CONFIRM: Event.CONFIRM,
    Ask.CONFIRM_OLD: Event.CONFIRM,
    Ask.CONFIRM_OTHER: Event.CONFIRM,
    Ask.EDIT: Event.EDIT,
    Ask.CLOSE: Event.CLOSE,
    Ask.RESET_OPERATOR: Event.RESET,
    Ask.RESET_PHYSICIST: Event.RESET,
    Ask.RESET_SERVICE: Event.RESET,
    Ask.RETEST: Event.RETEST,
}


def _has_row(state: State, ask: Ask) -> bool:
    return TRANSITIONS[state][EVENT_OF[ask]] is not None


class Search:
    """Breadth first by faults spent, then by steps: a node that was reached with fewer faults is never searched again, for it can do more there."""

    def __init__(self, shipped: Shipped | None = None) -> None:
        self._shipped = shipped or Shipped()
        self._ticked: dict[tuple[Host, Seen, Ask, bool], Ticked] = {}
        self.number: dict[Node, int] = {}
        self.nodes: list[Node] = []
        self.parent = array("i")
        self.by_move = array("h")
        self.spent = array("b")
        self.sources, self.targets = array("i"), array("i")
        self.edges = 0
        self.broken: dict[str, tuple[int, int, str]] = {}

    @property
    def ticks(self) -> int:
        """How many different ticks of the program were run; the other steps are one of these again."""
        return len(self._ticked)

    def step(self, node: Node, move: Move) -> tuple[Step, Node] | None:
        """The step of this move from this node, and where it leads; None where the move cannot happen."""
        host, world, ghost = node
        state = STATES[host.state]
        if move.only is not None and state not in move.only:
            return None
        changed = move.change(acknowledged(world))
        if changed is None:
            return None
        now = passed(changed, move.passes, bool(host.permit))
        before = Host(latches=host.latches) if move.restarts else aged(host, move.passes, now.unit.switch)
        reads = seen(now, move.stood_still)
        key = (before, reads, move.ask, move.stop)
        ticked = self._ticked.get(key)
        if ticked is None:
            ticked = self._ticked[key] = self._shipped.tick(*key)
        after = obeyed(now, ticked.said)
        step = Step(before, now, move, ticked, after, ghost, self._shipped.service)
        return step, canonical(Node(ticked.host, after, after_step(step)))

    def run(
        self, faults: int, most_states: int, told: Callable[[int, int, int], None], to_the_first: bool = False
    ) -> bool:
        """Search it whole, until there are this many states, or to the first breach; `told` hears faults spent, states and steps now and then."""
        self._add(Node(Host(), World(), Ghost()), -1, -1, 0)
        layer, later = [0], list[tuple[Node, int, int]]()
        for spent in range(faults + 1):
            at = 0
            while at < len(layer):
                number = layer[at]
                at += 1
                if not at % 500:
                    told(spent, len(self.nodes), self.edges)
                if len(self.nodes) > most_states or (to_the_first and self.broken):
                    return False
                self._open(number, spent, faults, layer, later)
            waiting, later, layer = later, [], []
            for node, parent, move in waiting:
                if node not in self.number:
                    layer.append(self._add(node, parent, move, spent + 1))
        return True

    def _add(self, node: Node, parent: int, move: int, spent: int) -> int:
        number = self.number[node] = len(self.nodes)
        self.nodes.append(node)
        self.parent.append(parent)
        self.by_move.append(move)
        self.spent.append(spent)
        return number

    def _open(self, number: int, spent: int, faults: int, layer: list[int], later: list[tuple[Node, int, int]]) -> None:
        node = self.nodes[number]
        for place, move in enumerate(MOVES):
            if move.fault and spent == faults:
                break
            if move.ask and spent >= max(1, faults) and not _has_row(STATES[node.host.state], move.ask):
                # A person may ask for anything in every state, and a row that is missing must show; the last faults alone are searched without, for time.
                continue
            made = self.step(node, move)
            if made is None:
                continue
            step, to = made
            self.edges += 1
            self._judge(step, number, place)
            known = self.number.get(to)
            if move.fault:
                if known is None:
                    later.append((to, number, place))
                continue
            if known is None:
                known = self._add(to, number, place, spent)
                layer.append(known)
            if known != number:
                self.sources.append(number)
                self.targets.append(known)

    def way(self, number: int) -> tuple[str, ...]:
        """How this node is reached, shortest with as few faults: each move in words, and the state after it."""
        steps: list[str] = []
        while self.parent[number] >= 0:
            steps.append(f"{MOVES[self.by_move[number]].words}: {STATES[self.nodes[number].host.state].name}")
            number = self.parent[number]
        return tuple(reversed(steps))

    def counter_examples(self) -> list[CounterExample]:
        """Each broken law with its way; the last step says what was sent."""
        found = []
        for law, (number, place, words) in self.broken.items():
            move, spent = MOVES[place], self.spent[number]
            made = self.step(self.nodes[number], move)
            last = made[0] if made is not None else None
            sent = f"{last.to.name}, by {last.event.name}; sent: {_sent(last)}" if last is not None else ""
            steps = self.way(number) + ((f"{move.words}: {sent}",) if place >= 0 else ())
            found.append(CounterExample(law, words, spent + move.fault if place >= 0 else spent, steps))
        return found

    def judge_graph(self) -> None:
        """The laws of the whole graph: STOPPING ends in time, and from everywhere there is a way back."""
        by_name = {move.name: move for move in MOVES}
        for number, node in enumerate(self.nodes):
            if STATES[node.host.state] is State.STOPPING and not self._ends(node, by_name):
                self.broken[BOUND] = (number, -1, GRAPH_LAWS[BOUND])
                break
        lost = self._without_way_back()
        if lost is not None:
            self.broken[DEADLOCK] = (
                lost,
                -1,
                f"no way leads from {STATES[self.nodes[lost].host.state].name} to STANDBY",
            )

    def _ends(self, node: Node, by_name: dict[str, Move]) -> bool:
        for name in STOPPING_STEPS:
            made = self.step(node, by_name[name])
            if made is None:
                return False
            node = made[1]
            if STATES[node.host.state] is not State.STOPPING:
                return True
        return False

    def _without_way_back(self) -> int | None:
        """The first node from which no moves of people and devices lead to STANDBY; faults are no way."""
        sources, targets = np.frombuffer(self.sources, np.int32), np.frombuffer(self.targets, np.int32)
        order = np.argsort(targets, kind="stable")
        into, begins = sources[order], np.searchsorted(targets[order], np.arange(len(self.nodes) + 1))
        home = np.fromiter((STATES[node.host.state] is State.STANDBY for node in self.nodes), bool, len(self.nodes))
        front = list(np.flatnonzero(home))
        while front:
            to = front.pop()
            for number in into[begins[to] : begins[to + 1]]:
                if not home[number]:
                    home[number] = True
                    front.append(number)
        lost = np.flatnonzero(~home)
        return int(lost[0]) if len(lost) else None

    def _judge(self, step: Step, number: int, place: int) -> None:
        for law in LAWS:
            if law.name not in self.broken:
                words = law.broken(step)
                if words:
                    self.broken[law.name] = (number, place, words)


def _sent(step: Step) -> str:
    said = step.ticked.said
    sent = [
        word
        for word in ("off" if said.off else "", said.command, "and a renewal is left" if said.renews else "")
        if word
    ]
    return " ".join(sent) or "nothing"


def explore(
    faults: int = 1,
    most_states: int = 5_000_000,
    to_the_first: bool = False,
    told: Callable[[int, int, int], None] = lambda _spent, _states, _edges: None,
    dry: bool = False,
) -> Explored:
    """Search everything that at most this many faults can lead to; `told` hears faults spent, states and steps now and then. `dry`: of a dry run."""
    clock, search = SystemClock(), Search(Shipped(dry))
    begun = clock.monotonic()
    complete = search.run(faults, most_states, told, to_the_first)
    if complete:
        search.judge_graph()
    return Explored(
        faults=faults,
        states=len(search.nodes),
        edges=search.edges,
        ticks=search.ticks,
        seconds=clock.monotonic() - begun,
        complete=complete,
        reached=tuple(state.name for state in State if any(STATES[node.host.state] is state for node in search.nodes)),
        laws=(*(law.name for law in LAWS), *GRAPH_LAWS),
        by_faults=[search.spent.count(spent) for spent in range(faults + 1)],
        broken=search.counter_examples(),
    )


def command(
    faults: Annotated[int, typer.Option(help="how many faults may happen, 0 to 2", min=0, max=2)] = 1,
    json_: Annotated[Path | None, typer.Option("--json", help="write the result there as JSON", metavar="FILE")] = None,
) -> None:
    """Search every state that the shipped table, rules, decisions and commands can reach, with up to two faults; exit 1 when a law is broken."""
    out = Console()
    with Progress(*Progress.get_default_columns()[:1], transient=True, console=out) as progress:
        task = progress.add_task("searching", total=None)

        def told(spent: int, states: int, edges: int) -> None:
            progress.update(
                task, description=f"searching with {spent} of {faults} faults: {states:,} states, {edges:,} steps"
            )

        found = explore(faults, told=told)
    if json_ is not None:
        json_.write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    _show(found, out)
    raise typer.Exit(0 if found.ok else 1)


def _show(found: Explored, out: Console) -> None:
    whole = "the whole of it" if found.complete else "CUT SHORT"
    out.print(
        f"{found.states:,} states, {found.edges:,} steps, {found.ticks:,} different ticks of the program, "
        f"{found.faults} faults at most, {found.seconds:.0f} s: {whole}",
        highlight=False,
    )
    broken = {example.law for example in found.broken}
    words = {law.name: law.words for law in LAWS} | GRAPH_LAWS
    table = Table("law", "what it says", "")
    for name in found.laws:
        table.add_row(name, words[name], "[bold red]BROKEN[/]" if name in broken else "held")
    out.print(table)
    for example in found.broken:
        out.print(
            f"[bold red]{example.law}[/]: {example.words}; the shortest way, with {example.faults} faults:",
            highlight=False,
        )
        for number, step in enumerate(example.steps, 1):
            out.print(f"  {number:3} {step}", highlight=False)
