"""What a person at a guided procedure sees: the step, what it will expose, a live trace, the readings; on a terminal, or as plain lines without cursor control.
It decides nothing; where its lines come from, a keyboard or a script, is given to it."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from calibration.procedures.judgements import judged
from calibration.procedures.session import Phase, Session
from calibration.procedures.step import Step
from console import screen
from console.second_calculation import Compared
from console.typed_line import TypedLine
from controller.prescribed import Prescribed
from controller.requests import Offer, Snapshot

EVERY_S: Final = 0.25
"""A picture no more often than this: a slow line still carries STOP."""
PLAIN_EVERY_S: Final = 2.0
KEPT: Final = 600
WIDTH: Final = 48
BARS: Final = "▁▂▃▄▅▆▇█"
STOP_KEYS: Final = frozenset(b" \x1b\x03")
"""Space, Esc, Ctrl-C."""


class Lines(Protocol):
    """Where typed lines come from. `typed`: the line, "" for the end of input, None while there is none yet."""

    def fresh(self) -> None: ...

    def typed(self) -> str | None: ...

    def exposing(self, on: bool) -> None: ...


class Keyboard:
    """Standard input; while something is exposed, a thread of its own waits for Space, Esc or Ctrl-C and sends STOP, whatever the terminal does."""

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._line = TypedLine()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._kept: list[object] | None = None

    def fresh(self) -> None:
        self._line.fresh()

    def typed(self) -> str | None:
        return self._line.taken()

    def exposing(self, on: bool) -> None:
        fd = sys.stdin.fileno()
        if on and os.isatty(fd):
            self._kept = list(termios.tcgetattr(fd))
            tty.setcbreak(fd)
            self._ended.clear()
            self._thread = threading.Thread(target=self._watch, args=(fd,), daemon=True)
            self._thread.start()
        elif self._thread is not None:
            self._ended.set()
            self._thread.join(1.0)
            self._thread = None
            if self._kept is not None:
                with contextlib.suppress(termios.error):  # a terminal that is gone is set to nothing
                    termios.tcsetattr(fd, termios.TCSADRAIN, self._kept)  # type: ignore[arg-type]

    def _watch(self, fd: int) -> None:
        while not self._ended.is_set():
            if not select.select([fd], [], [], 0.05)[0]:
                continue
            try:
                keys = os.read(fd, 64)
            except OSError:
                keys = b""
            if not keys or STOP_KEYS & set(keys):
                self._stop()
            if not keys:
                return  # the terminal is gone, and nobody could press STOP


class Script:
    """Typed lines of a file, in their order. "#" begins a note, and a line that begins with "@" is a hand in a simulated room: what it gives, if anything,
    is what the person types."""

    def __init__(self, lines: Iterable[str], hands: Callable[[str], str]) -> None:
        self._lines = deque(line.strip() for line in lines)
        self._hands = hands
        self.echo: Callable[[str], None] = lambda _line: None

    def fresh(self) -> None:
        """A script is written before; there is nothing to throw away."""

    def typed(self) -> str | None:
        while self._lines:
            line = self._lines.popleft()
            if not line or line.startswith("#"):
                continue
            if line.startswith("@"):
                said = self._hands(line[1:].strip())
                self.echo(f"{line}{f'  -> {said}' if said else ''}")
                if not said:
                    continue
                return f"{said}\n"
            self.echo(line)
            return f"{line}\n"
        return ""

    def exposing(self, on: bool) -> None:
        """A script presses no key meanwhile."""


class CalibrateFace:
    """Prints to `console`. `plain`: whole lines only, no live picture."""

    def __init__(self, console: Console, lines: Lines, banner: str, plain: bool) -> None:
        self._console, self._lines, self._banner, self._plain = console, lines, banner, plain
        self._live: Live | None = None
        self._shown_s = float("-inf")
        self._state = ""
        self._trace: deque[tuple[float, float, float]] = deque(maxlen=KEPT)
        self._step = ""
        self._said = -1
        if isinstance(lines, Script):
            lines.echo = self._echo

    def say(self, words: str) -> None:
        self._end_live()
        self._console.print(words, markup=False, highlight=False)

    def ask(self, words: str) -> None:
        self._end_live()
        self._lines.fresh()
        self._console.print(words, end="", markup=False, highlight=False, style="bold")

    def typed(self) -> str | None:
        return self._lines.typed()

    def exposing(self, on: bool) -> None:
        self._lines.exposing(on)
        if on:
            self._trace.clear()
            self._state, self._shown_s = "", float("-inf")
            self.say("Space, Esc or Ctrl-C is STOP")
        else:
            self._end_live()

    def show_offer(self, prescribed: Prescribed, offer: Offer, compared: tuple[Compared, ...], simulated: bool) -> None:
        agree = all(line.agrees for line in compared)
        mark = "SIMULATED  " if simulated else ""
        self.say(
            f"{mark}offered {offer.kv:.2f} kV, {offer.ma:.3f} mA, {offer.set_time_s:.2f} s, {offer.filter_id}, {offer.applicator_id}, "
            f"purpose {offer.purpose.name} ({prescribed.prescription_id}): {len(compared)} comparisons, {'all agree' if agree else 'NOT ALL AGREE'}"
        )

    def progress(self, snapshot: Snapshot, silent_s: float) -> None:
        """Keep every snapshot, draw at most four a second."""
        beam = snapshot.state in ("STARTING", "IRRADIATING", "STOPPING")
        if beam:
            rate = snapshot.dose.rate_mgy_per_s if snapshot.dose is not None else 0.0
            self._trace.append((snapshot.kv or 0.0, snapshot.ma or 0.0, rate))
        if snapshot.state in ("SELF_TEST", "STANDBY", "PREPARATORY"):
            return
        every = PLAIN_EVERY_S if self._plain else EVERY_S
        if snapshot.state == self._state and snapshot.at_s - self._shown_s < every:
            return
        self._state, self._shown_s = snapshot.state, snapshot.at_s
        if self._plain:
            self.say(plain(snapshot))
            return
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()
        self._live.update(picture(snapshot, tuple(self._trace), silent_s), refresh=True)

    def step(self, session: Session, used_mas: float) -> None:
        """The step, once when it comes up; what is exposed next, each time."""
        step = session.step
        if step is None:
            return
        if self._step != step.id:
            self._step, self._said = step.id, -1
            self._end_live()
            self._console.print(f"== {self._banner} ==", style="bold red", markup=False, highlight=False)
            self._console.print(heading(session, step), markup=False, highlight=False)
        if session.phase is Phase.READY and step.exposes is not None:
            what = step.exposes
            self.say(
                f"{session.next_token} will expose {what.kv:g} kV, {what.ma:g} mA, {what.seconds:g} s = {what.mas:g} mAs, {what.filter}, {what.applicator}; "
                f"{used_mas:g} of {what.mas_cap:g} mAs of this step are used; {session.sets(step)} of {step.least_sets + session.more} read"
            )

    def readings(self, session: Session) -> None:
        """What was read, and what is said of it, when there is something new."""
        step = session.step
        count = len(session.held) + sum(1 for one in session.held if one.rejected)
        if step is None or count == self._said or session.phase not in (Phase.JUDGE, Phase.READY):
            return
        self._said = count
        rows = [(place, one) for place, one in enumerate(session.held) if one.step == step.id]
        if not rows:
            return
        table = Table(show_edge=False)
        for head in ("N", "instrument", "reading", "timer, s", "rejected"):
            table.add_column(head)
        units = {one.instrument: one.unit for one in step.reading}
        for place, one in rows:
            timer = "-" if one.timer_s is None else f"{one.timer_s:.2f}"
            table.add_row(
                str(place), one.instrument, f"{one.value:g} {units.get(one.instrument, '')}", timer, one.rejected
            )
        self._console.print(table, markup=False)
        if session.phase is Phase.JUDGE:
            self._judged(session, step)

    def _judged(self, session: Session, step: Step) -> None:
        verdict = judged(session, step)
        for figure in verdict.figures:
            self.say(f"{figure.name}: {figure.value:.4g} {figure.unit}")
        for words in verdict.warned:
            self.say(f"WARNING {words}")
        self.say(
            f"not to be accepted: {verdict.refused}"
            if verdict.refused
            else "may be accepted"
            if not verdict.warned
            else "may be accepted with the reason"
        )

    def _echo(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def heading(session: Session, step: Step) -> str:
    """The step in words: which of how many, why, what to connect."""
    place = f"step {session.place + 1} of {len(session.procedure.steps)}"
    return (
        f"{session.procedure.name}, limits {session.procedure.limits}\n{place}: {step.id}  (hazard {step.hazard})\nwhy: {step.why}\n"
        f"connect: {session.connect}"
    )


def plain(snapshot: Snapshot) -> str:
    """One line for a screen without a picture."""
    mark = "SIMULATED " if snapshot.simulated else ""
    rate = snapshot.dose.rate_mgy_per_s if snapshot.dose is not None else 0.0
    return (
        f"{mark}{snapshot.state:<11} beam {snapshot.beam:<9} {screen.number(snapshot.kv, 'kV', 1)}  {screen.number(snapshot.ma, 'mA', 3)}  "
        f"{screen.time_words(snapshot.dose)}  {rate:.1f} mGy/s"
    )


def picture(snapshot: Snapshot, trace: tuple[tuple[float, float, float], ...], silent_s: float) -> RenderableType:
    """State and the traces of kV, mA and dose rate; the newest at the right."""
    words, style = screen.STATES.get(snapshot.state, ("unknown state", "bold white on red"))
    head = Text()
    if snapshot.simulated:
        head.append(" SIMULATED ", style="black on magenta")
    head.append(f" {snapshot.state}: {words} ", style=style)
    head.append(f"  beam {snapshot.beam}  time {screen.time_words(snapshot.dose)}")
    if silent_s > screen.OLD_S:
        head.append(f"  {silent_s:.1f} s OLD", style="bold white on red")
    table = Table.grid(padding=(0, 2))
    for place, (name, unit, digits) in enumerate((("kV", "kV", 1), ("mA", "mA", 3), ("rate", "mGy/s", 1))):
        row = [one[place] for one in trace]
        table.add_row(name, spark(row), f"{row[-1]:.{digits}f} {unit}" if row else "-")
    return Group(head, table)


def spark(values: Iterable[float]) -> str:
    """The values as bars from 0 to their highest, the newest at the right; each bar is the mean of those that it stands for."""
    held = list(values)
    if not held:
        return ""
    per = -(-len(held) // WIDTH)
    means = [sum(part) / len(part) for part in _parts(held, per)]
    top = max(means)
    return "".join(BARS[min(len(BARS) - 1, int(len(BARS) * one / top))] if top > 0.0 else BARS[0] for one in means)


def _parts(values: list[float], per: int) -> Iterator[list[float]]:
    for begin in range(0, len(values), per):
        yield values[begin : begin + per]
