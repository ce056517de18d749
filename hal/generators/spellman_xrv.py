"""The Spellman XRV: who it must say it is before 98 may be sent, its round of polls, and its set-points written and read back.
It knows no rule about the beam: ON goes out once when it is told so, OFF at once and as often as it is told so."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Final

from hal import poll_plan
from hal.commands import ClearFaults, Command, Plan, SetUp
from hal.errors import Trouble, TroubleKind
from hal.exchange import Answer
from hal.generators import spellman_xrv_table as t
from hal.generators.spellman import CommaDialect, Order, Said
from hal.readings import GeneratorFlags, GeneratorIdentity, GeneratorMonitor, GeneratorSetPoints, Link, Refusal
from hal.registry import GeneratorDriver, GeneratorSetting, OpenPipe
from hal.scaling import COUNTS_FULL_SCALE, from_counts, from_monitor, scale_mismatch
from hal.transport import parse_link
from hal.units import Seconds
from hal.wire import Wire

ON_VOID_S: Final = 0.050
RETRY_S: Final = 0.200
ASK_AGAIN_S: Final = 1.0
STALE_LINK_S: Final = 1.0
DEADLINE_MARGIN_S: Final = 0.030
DRAIN_LEAST_S: Final = 0.020


class SpellmanXrv:
    """One XRV on a serial line (or its Ethernet port); see `hal.registry.Generator` for the verbs."""

    def __init__(self, setting: GeneratorSetting, open_pipe: OpenPipe) -> None:
        packets = parse_link(setting.link).packets
        longest_s = poll_plan.BITS_A_CHARACTER * 2 * t.LONGEST_REPLY_B / setting.baud if setting.baud else 0.0
        self._setting = setting
        self._wire: Wire[Order, Said] = Wire(
            lambda: open_pipe(setting.link, setting.baud),
            lambda: CommaDialect(t.BOOK, packets),
            longest_s + 2.0 * setting.turnaround_s + DEADLINE_MARGIN_S,
            max(DRAIN_LEAST_S, 2.0 * setting.turnaround_s),
        )
        self._faulty_round = t.polls(setting)
        self._round = self._faulty_round[:-1]
        self._take: dict[str, Callable[[Said, Seconds], None]] = {
            t.MONITOR.name: self._on_monitor,
            t.FLAGS.name: self._on_flags,
            t.FAULTS.name: self._on_faults,
            **{row.name: self._on_set_point for row in t.READ_BACK},
        }
        self.identity: GeneratorIdentity | None = None
        self.monitor: GeneratorMonitor | None = None
        self.flags: GeneratorFlags | None = None
        self.set_points: GeneratorSetPoints | None = None
        self.on_sent_at_s: float | None = None
        self.refusal: Refusal | None = None
        self._command: Command | None = None
        self._cleared: Command | None = None
        self._clear_at_s = -math.inf
        self._on_due_s: float | None = None
        self._on_leaving = False
        self._off_at_s = -math.inf
        self._from_scratch()

    def _from_scratch(self) -> None:
        """After an opening nothing is known of the device: it may be another one."""
        self._opened = self._wire.opened
        self.identity = None
        self._who: dict[str, Said] = {}
        self._identifying = True
        self._who_from_s = 0.0
        self._asked: dict[str, float] = {}
        self._pieces: dict[str, tuple[float, int]] = {}
        self._fault_names: tuple[str, ...] = ()
        self._to_write: deque[Order] = deque()
        self._wrote_at_s = -math.inf
        self._write_again_s = -math.inf
        self._extra = False
        self._silenced = False

    @property
    def identified(self) -> bool:
        return self.identity is not None and not self.identity.mismatch

    @property
    def on_waits(self) -> bool:
        """An ON is queued and has not wholly left."""
        return self._on_due_s is not None

    def link(self, now: Seconds) -> Link:
        last = self._wire.last_good_s
        lost = not self._wire.up or self.identity is None or last is None or now - last > STALE_LINK_S
        return self._wire.link(lost)

    def ask(self, now: Seconds, may_open: bool, may_write: bool, quiet: bool) -> None:
        """One request if the wire is free. `may_write`: no ON stands and the unit is disarmed; `quiet`: nothing but ON (a press is pending)."""
        self._wire.serve(now, may_open)
        if self._wire.opened != self._opened:
            self._from_scratch()
        self.take(now)
        if self.identified and not self._silenced and may_write:
            # Newly known: its off goes out before anything else is asked or written.
            self.off(now, at_once=True)
        self._send_on(now)
        exchange = self._wire.exchange
        if exchange is None or not exchange.idle or quiet or self.on_waits:
            return
        order = self._next(now, may_write)
        if order is not None:
            self._asked[order.command.name] = now
            exchange.ask(order, now)

    def take(self, now: Seconds) -> None:
        answer = self._wire.poll(now)
        if answer is not None:
            self._heard(answer, now)
        self._watch_on(now)

    def want(self, command: Command | None, now: Seconds) -> None:  # noqa: ARG002 - what is due goes out with the next ask
        """What to work towards from now on; None, or a command of no concern here, stops what was going on."""
        if command != self._command:
            self._command = command
            self._to_write.clear()
            self._cleared = None

    def on(self, now: Seconds) -> None:
        """High voltage on, once. It goes now, or when the running reply is in, or within ON_VOID_S not at all."""
        if not self.identified:
            self._refuse(now, "on", "the generator is not identified")
            return
        self._on_due_s = now
        self._send_on(now)

    def forget_on(self, now: Seconds) -> None:
        """Withdraws an ON that has not wholly left."""
        exchange = self._wire.exchange
        if self._on_leaving and exchange is not None:
            exchange.purge(now)
        self._on_due_s, self._on_leaving = None, False

    def off(self, now: Seconds, at_once: bool) -> bool:
        """High voltage off, behind nothing, again each OFF_REPEAT_S (`at_once`: even if the last is younger). True when its bytes have left."""
        self.forget_on(now)
        self._to_write.clear()
        self._command = None
        exchange = self._wire.exchange
        if exchange is None or not self.identified or self._wire.opened != self._opened:
            return False
        if at_once or now - self._off_at_s >= t.OFF_REPEAT_S:
            self._off_at_s = now
            exchange.purge(now)
            overtaken = exchange.asking
            if overtaken is not None:
                self._asked.pop(overtaken.command.name, None)
            self._silenced = exchange.off(t.OFF, now) or self._silenced
            self._extra = True
        elif not exchange.flushed:
            self.take(now)
        return exchange.flushed

    def _send_on(self, now: Seconds) -> None:
        exchange = self._wire.exchange
        if self._on_due_s is None or self._on_leaving or exchange is None:
            return
        self.take(now)
        if self._on_due_s is not None and exchange.ask(t.ON, now):
            self._on_leaving = True
            self._watch_on(now)

    def _watch_on(self, now: Seconds) -> None:
        """An ON has left when its last byte has; one that has not within ON_VOID_S is void, for nobody waits at the switch any more."""
        if self._on_due_s is None:
            return
        exchange = self._wire.exchange
        if self._on_leaving and exchange is not None and exchange.flushed:
            self.on_sent_at_s = now
            self._on_due_s, self._on_leaving = None, False
        elif now - self._on_due_s > ON_VOID_S or exchange is None:
            self.forget_on(now)
            self._refuse(
                now,
                "on",
                f"void: its bytes had not left within {ON_VOID_S * 1000:.0f} ms; release the switch and arm again",
            )

    def _next(self, now: Seconds, may_write: bool) -> Order | None:
        if not self.identified:
            return self._identify(now)
        if may_write and not self._extra:
            order = self._due_work(now)
            if order is not None:
                self._extra = True
                return order
        polls = self._faulty_round if self.flags is not None and self.flags.fault else self._round
        poll = poll_plan.due(polls, self._asked, now, self._extra)
        if poll is None:
            return None
        self._extra = bool(poll.every_s)
        return t.ORDERS[poll.name]

    def _identify(self, now: Seconds) -> Order | None:
        if self.identity is not None and not self._identifying:
            if now - self.identity.asked_at_s < ASK_AGAIN_S:
                return None
            self._identifying = True
            self._who = {}
        for row in t.IDENTIFY:
            if row.name not in self._who:
                return t.ORDERS[row.name]
        return None

    def _due_work(self, now: Seconds) -> Order | None:
        if isinstance(self._command, SetUp):
            return self._set_up(self._command.plan, now)
        if (
            isinstance(self._command, ClearFaults)
            and self._cleared != self._command
            and now - self._clear_at_s >= RETRY_S
        ):
            self._clear_at_s = now
            return t.CLEAR
        return None

    def _set_up(self, plan: Plan, now: Seconds) -> Order | None:
        """Writes what differs, then reads all four back, until they are the plan's."""
        wanted = (plan.kv_counts, plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts)
        if not all(0 <= counts <= COUNTS_FULL_SCALE for counts in wanted):
            self._refuse_once(
                now,
                "set-points",
                f"{wanted} are not all within 0 to {COUNTS_FULL_SCALE} counts (full scale); load again",
            )
            return None
        if self._to_write:
            self._wrote_at_s = now
            return self._to_write.popleft()
        for row in t.READ_BACK:
            if row.name not in self._pieces or self._pieces[row.name][0] <= self._wrote_at_s:
                return t.ORDERS[row.name]
        if now < self._write_again_s:
            return None
        held = tuple(self._pieces[row.name][1] for row in t.READ_BACK)
        pairs = zip(t.WRITES, wanted, held, strict=True)
        self._to_write.extend(Order(row, (want,)) for row, want, has in pairs if want != has)
        if not self._to_write:
            return None
        if self.flags is None or self.flags.hv_on:
            self._to_write.clear()
            self._refuse_once(now, "set-points", "not written while high voltage is on or unknown; send off first")
            return None
        self._write_again_s = now + RETRY_S
        self._wrote_at_s = now
        return self._to_write.popleft()

    def _heard(self, answer: Answer[Order, Said], now: Seconds) -> None:
        name, value = answer.q.command.name, answer.value
        try:
            if isinstance(value, Trouble):
                self._troubled(answer.q, value, now)
            elif name in self._take:
                if name in t.READ_BACK_NAMES:
                    self._pieces[name] = (answer.asked_at, int(value.numbers[0]))
                self._take[name](value, answer.asked_at)
            elif answer.q.command in t.IDENTIFY:
                self._who[name] = value
                self._judge_identity(answer.asked_at)
            elif answer.q == t.CLEAR:
                self._cleared = self._command
        except Exception as why:  # a decoder's fault must not stop the tick
            self._wire.trouble(Trouble(TroubleKind.FRAME_BAD, name, repr(why)))

    def _troubled(self, q: Order, trouble: Trouble, now: Seconds) -> None:
        self._asked.pop(q.command.name, None)
        if trouble.kind not in (TroubleKind.REFUSED, TroubleKind.BUSY):
            return
        if q.command in t.IDENTIFY:
            self._mismatched(now, f"{q.command.name}: {trouble.detail}")
        elif q in (t.CLEAR, t.ON, t.OFF) or q.command in t.WRITES:
            self._cleared = self._command if q == t.CLEAR else self._cleared
            self._refuse(now, q.command.name, trouble.detail)

    def _judge_identity(self, asked_at: Seconds) -> None:
        if t.MODEL.name in self._who:
            self._who_from_s = asked_at if len(self._who) == 1 else self._who_from_s
            model = " ".join(self._who[t.MODEL.name].text)
            if model != self._setting.model or not model.startswith(t.MODELS):
                self._mismatched(
                    asked_at, f"model is {model!r}, the configuration says {self._setting.model!r} (dialect {t.MODELS})"
                )
                return
        if len(self._who) < len(t.IDENTIFY):
            return
        kv, ma, _polarity = self._who[t.SCALING.name].numbers
        flags = self._who[t.FLAG_COUNT.name].numbers
        words = (
            scale_mismatch(kv, self._setting.full_scale_kv, "kV"),
            scale_mismatch(ma, self._setting.full_scale_ma, "mA"),
            ""
            if len(flags) == t.FLAGS.count
            else f"command 22 answers with {len(flags)} values, an XRV with {t.FLAGS.count}",
        )
        self._identified("; ".join(word for word in words if word), kv, ma)

    def _mismatched(self, asked_at: float, words: str) -> None:
        self._who_from_s = asked_at
        self._identified(words, 0.0, 0.0)

    def _identified(self, mismatch: str, kv: float, ma: float) -> None:
        said = {name: " ".join(value.text) for name, value in self._who.items()}
        self.identity = GeneratorIdentity(
            self._who_from_s, said.get(t.MODEL.name, ""), said.get(t.DSP.name, ""), kv, ma, mismatch
        )
        self._identifying = False
        if not mismatch:
            self._wire.content()

    def _on_monitor(self, said: Said, asked_at: Seconds) -> None:
        kv, ma, filament, kv_set, ma_set = (int(n) for n in said.numbers[:5])
        if self.flags is None or self.flags.remote:
            # In remote mode places 4 and 5 are the idle panel's; what it holds then is what 14 and 15 said.
            kv_set = self._pieces.get(t.READ_BACK[0].name, (0.0, kv_set))[1]
            ma_set = self._pieces.get(t.READ_BACK[1].name, (0.0, ma_set))[1]
        setting = self._setting
        self.monitor = GeneratorMonitor(
            asked_at,
            from_monitor(kv, setting.full_scale_kv),
            from_monitor(ma, setting.full_scale_ma),
            from_counts(filament, t.FILAMENT_FULL_SCALE_A),
            kv_set,
            ma_set,
        )

    def _on_flags(self, said: Said, asked_at: Seconds) -> None:
        flag = said.numbers
        fault = flag[4] == 1
        closed = flag[1] == 1 and flag[2] == 1 and flag[16] == 1
        if not fault:
            self._fault_names = ()
        names = (self._fault_names or ("fault, not yet named",)) if fault else ()
        self.flags = GeneratorFlags(asked_at, flag[0] == 1, closed, flag[15] == 1, flag[5] == 0, fault, names)

    def _on_faults(self, said: Said, asked_at: Seconds) -> None:  # noqa: ARG002 - shown with the flags, whose age counts
        self._fault_names = tuple(name for name, flag in zip(t.FAULT_NAMES, said.numbers, strict=True) if flag)

    def _on_set_point(self, said: Said, asked_at: Seconds) -> None:  # noqa: ARG002 - kept with its time in _pieces
        if len(self._pieces) == len(t.READ_BACK):
            ages = [self._pieces[row.name] for row in t.READ_BACK]
            self.set_points = GeneratorSetPoints(min(age for age, _ in ages), *(counts for _, counts in ages))

    def _refuse(self, now: float, what: str, words: str) -> None:
        self.refusal = Refusal(now, what, words)

    def _refuse_once(self, now: float, what: str, words: str) -> None:
        if self.refusal is None or (self.refusal.what, self.refusal.words) != (what, words):
            self._refuse(now, what, words)


DRIVER: Final = GeneratorDriver(
    name="spellman-xrv",
    words="Spellman XRV (comma protocol, RS-232 or Ethernet 50001): kV, mA and filament in counts of 4095; no exposure timer, no usable watchdog",
    make=SpellmanXrv,
    polls=t.polls,
    worst_age_s=t.worst_age_s,
    off_s=t.off_s,
    counts_full_scale=COUNTS_FULL_SCALE,
    set_point_read_back=True,
    wire_watchdog_s=None,
)
