"""`kerma demo`: one scenario, or all of them, on the simulated rig, shown as it happens and judged at the end.
It knows how to show and to say; what a scenario is stands in verification/scenarios.py."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from console import screen
from console.exit_codes import Exit, of_end
from controller.kernel import Kernels, prepare
from controller.prescribed import Prescribed
from controller.requests import Snapshot
from hal.clock import SystemClock
from hal.units import Seconds
from verification import setting
from verification.hands import Stuck
from verification.real import RealRig
from verification.rigs import BEAMS, USUAL, Choice
from verification.scenarios import SCENARIOS, Scenario, Told, find, means_of, play
from verification.virtual import VirtualRig

NOT_AS_IT_SHOULD: Final = 1
STOLEN_S: Final = 0.015
"""A wake-up later than this was the machine's doing; a scenario that went wrong beside one proves nothing."""
TRIES: Final = 2
PLAIN_EVERY_S: Final = 1.0
SHORT: Final = {"as it should": "ok", "inconclusive": "INCONCL."}
ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def demo(
    scenario: Annotated[str, typer.Option(help="name of a scenario, or 'all'; --list names them")] = "normal",
    speed: Annotated[
        float,
        typer.Option(help="1: real processes in real time; above: virtual time, at most this many times real time"),
    ] = 1.0,
    list_: Annotated[bool, typer.Option("--list", help="name every scenario and end")] = False,
    json_: Annotated[bool, typer.Option("--json", help="print one JSON document instead of pictures")] = False,
    seed: Annotated[int, typer.Option(help="seed of the simulated world")] = 1,
    generator: Annotated[str, typer.Option(help=f"the generator: {', '.join(BEAMS)}, or 'all'")] = USUAL,
    generator_wire: Annotated[
        str,
        typer.Option(
            help="pty, tcp (its own network port) or socket (a terminal server); default: what is natural to it"
        ),
    ] = "",
    unit: Annotated[str, typer.Option(help="the safety unit, by its driver's name")] = "kerma-unit",
    unit_wire: Annotated[str, typer.Option(help="the safety unit's wire: tcp or rtu")] = "tcp",
) -> None:
    """Deliver a fraction on the SIMULATED rig, or break it in a named way; exit 0 when it ended as it should, 1 when not, 75 inconclusive."""
    out = Console(stderr=json_)
    if list_:
        _list(out, json_)
        raise typer.Exit(0)
    if not 1.0 <= speed <= 10_000.0:
        out.print(f"--speed {speed:g} is outside 1 to 10000")
        raise typer.Exit(int(Exit.USAGE))
    try:
        chosen = SCENARIOS if scenario == "all" else (find(scenario),)
        rigs = tuple(
            Choice(name, generator_wire, unit, unit_wire) for name in (BEAMS if generator == "all" else (generator,))
        )
    except ValueError as error:
        out.print(str(error))
        raise typer.Exit(int(Exit.USAGE)) from error
    means = means_of(unit)
    refused = [words for one in chosen if (words := one.refused(means))]
    for words in refused:
        out.print(words)
    chosen = tuple(one for one in chosen if not one.refused(means))
    if not chosen:
        raise typer.Exit(int(Exit.USAGE))
    kernels = prepare() if speed > 1.0 else None
    with _leaving_nothing():
        results = [(rig, *_tried(one, rig, speed, seed, kernels, out, quiet=json_)) for rig in rigs for one in chosen]
    if json_:
        documents = [_document(rig, told, verdict) for rig, told, verdict in results]
        typer.echo(json.dumps(documents if len(documents) > 1 else documents[0]))
    elif len(results) > 1:
        out.print(_table(results))
    verdicts = {verdict for _, _, verdict in results}
    code = NOT_AS_IT_SHOULD if "wrong" in verdicts else int(Exit.INCONCLUSIVE) if "inconclusive" in verdicts else 0
    raise typer.Exit(code)


@contextmanager
def _leaving_nothing() -> Iterator[None]:
    """Ctrl-C, a closed terminal and a polite kill end a play by way of its clean-up, which a second one does not cut short."""

    def heard(number: int, _frame: FrameType | None) -> None:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)
        raise SystemExit(128 + number)

    kept = {ending: signal.signal(ending, heard) for ending in ENDINGS}
    try:
        yield
    finally:
        for ending, handler in kept.items():
            signal.signal(ending, handler)


def _document(rig: Choice, told: Told, verdict: str) -> dict[str, Any]:
    """What was told, without the last screen."""
    return asdict(replace(told, last=None)) | {"rig": rig.words, "verdict": verdict, "simulated": True}


def _list(out: Console, json_: bool) -> None:
    if json_:
        typer.echo(json.dumps({s.name: s.words for s in SCENARIOS}))
        return
    table = Table("scenario", "what happens", "how it must end")
    for s in SCENARIOS:
        table.add_row(s.name, s.words, f"{'/'.join(s.expected.states)} by {'/'.join(s.expected.events)}")
    out.print(table)


def _tried(
    scenario: Scenario, rig: Choice, speed: float, seed: int, kernels: Kernels | None, out: Console, quiet: bool
) -> tuple[Told, str]:
    """Play it; if it went wrong while the machine was taken away, once more; then it is inconclusive."""
    told = Told(scenario.name)
    for attempt in range(TRIES):
        told, stolen_s = _once(scenario, rig, speed, seed, kernels, out, quiet)
        if told.ok:
            return told, "as it should"
        if stolen_s < STOLEN_S:
            return told, "wrong"
        out.print(
            f"the machine was taken away for {stolen_s * 1000:.0f} ms; {'once more' if attempt + 1 < TRIES else 'inconclusive'}"
        )
    return told, "inconclusive"


def _once(
    scenario: Scenario, choice: Choice, speed: float, seed: int, kernels: Kernels | None, out: Console, quiet: bool
) -> tuple[Told, float]:
    """One play in a fresh folder; the records stay, everything else goes."""
    folder = Path(tempfile.mkdtemp(prefix="kerma-"))
    records = _records_folder(folder)
    laid = setting.lay_out(folder, records, scenario.termination, setting.free_port(), seed, choice)
    prescribed = setting.prescribed(scenario.rx_mgy, choice)
    out.print(f"SIMULATED  {choice.words}, scenario {scenario.name}: {scenario.words}")
    rig: RealRig | VirtualRig | None = None
    told = Told(scenario.name)
    try:
        if kernels is not None:
            rig = setting.virtual_rig(laid, kernels, seed, scenario.fault_at_start)
            rig.throttle = _throttle(speed)
        else:
            rig = setting.real_rig(laid)
            rig.start(scenario.fault_at_start)
        live = Live(console=out, refresh_per_second=8, transient=True) if out.is_terminal and not quiet else None
        with live if live is not None else nullcontext():
            rig.watcher = _watcher(out, live, quiet)
            told = play(scenario, rig, prescribed, means_of(choice.unit))
        stolen_s = rig.stolen_s()
        if not quiet:
            _say(out, told, rig.snapshot(), prescribed, records)
    except Stuck as stuck:
        told.wrong.append(str(stuck))
        stolen_s = rig.stolen_s() if rig is not None else 0.0
        out.print(f"[bold red]{stuck}[/]")
    finally:
        if rig is not None:
            rig.close()
        setting.clear(folder)
    return told, stolen_s


def _records_folder(folder: Path) -> Path:
    """Where the records of this run stay: var/demo here, or beside the temporary folder when nothing may be written here."""
    here = Path.cwd() / "var" / "demo" / folder.name.removeprefix("kerma-")
    try:
        here.mkdir(parents=True, mode=0o700)
    except OSError:
        here = folder.with_name(f"{folder.name}-records")
        here.mkdir(mode=0o700)
    return here


def _throttle(speed: float) -> Callable[[float], None]:
    """Sleep so that virtual time runs at most `speed` times as fast as real time."""
    clock = SystemClock()
    begun: list[float] = []

    def hold(virtual_s: float) -> None:
        if not begun:
            begun.extend((clock.monotonic(), virtual_s))
        clock.sleep_until(Seconds(begun[0] + (virtual_s - begun[1]) / speed))

    return hold


def _watcher(out: Console, live: Live | None, quiet: bool) -> Callable[[Snapshot], None]:
    shown_at, shown_state = float("-inf"), ""

    def watch(snapshot: Snapshot) -> None:
        nonlocal shown_at, shown_state
        if live is not None:
            live.update(screen.progress(snapshot))
        elif not quiet and (snapshot.at_s - shown_at >= PLAIN_EVERY_S or snapshot.state != shown_state):
            shown_at, shown_state = snapshot.at_s, snapshot.state
            out.print(screen.plain(snapshot), highlight=False, soft_wrap=True)

    return watch


def _say(out: Console, told: Told, snapshot: Snapshot | None, prescribed: Prescribed, records: Path) -> None:
    """The end as the operator sees it, then what truly happened and how fast."""
    if told.last is not None and told.last.ended is not None:
        ended = told.last.ended
        out.print(screen.end(prescribed, ended, of_end(ended), str(records), simulated=True))
    elif snapshot is not None:
        out.print(screen.plain(snapshot), highlight=False, soft_wrap=True)
    for words in told.said:
        out.print(f"  {words}", highlight=False)
    if told.beam_off_s is not None and told.budget_s is not None:
        out.print(
            f"  beam off {told.beam_off_s * 1000:.0f} ms after the event, budget {told.budget_s * 1000:.0f} ms",
            highlight=False,
        )
    if told.true_mgy:
        out.print(f"  true dose of the simulated world {told.true_mgy:.1f} mGy (D0)", highlight=False)
    for words in told.wrong:
        out.print(f"  [bold red]wrong:[/] {words}", highlight=False)
    verdict = "[bold green]ended as it should[/]" if told.ok else "[bold red]did not end as it should[/]"
    out.print(f"SIMULATED  {told.name}: {verdict}: {told.state} by {told.event}; records in {records}", highlight=False)


def _table(results: list[tuple[Choice, Told, str]]) -> Table:
    """All of them, one line each, within 80 columns; named by the generator where there are several."""
    rigs, stories = len({rig for rig, _, _ in results}) > 1, len({told.name for _, told, _ in results}) > 1
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_row("SIMULATED", "ended in", "by", "beam off", "true", "kept", "", style="bold")
    for column in table.columns:
        column.no_wrap = True
    for rig, told, verdict in results:
        timed = told.beam_off_s is not None and told.budget_s is not None
        off = f"{(told.beam_off_s or 0) * 1000:.0f} of {(told.budget_s or 0) * 1000:.0f} ms" if timed else "-"
        kept = f"{told.delivered_mgy:.1f}" if told.delivered_mgy is not None else "-"
        name = " ".join(word for word, shown in ((rig.generator, rigs), (told.name, stories or not rigs)) if shown)
        table.add_row(name, told.state, told.event, off, f"{told.true_mgy:.1f}", kept, SHORT.get(verdict, verdict))
    return table
