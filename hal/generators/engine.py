"""One generator on one wire, whatever its dialect: identified, off, prepared, set up until it reads back equal, polled in turn, ON once, OFF ahead of all.
It knows the order of things and no command of any device: those stand in the sheet of its dialect (hal/generators/sheet.py)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, Generic, TypeVar

from hal import poll_plan
from hal.commands import ClearFaults, Command, Plan, SetUp
from hal.errors import Trouble, TroubleKind
from hal.exchange import Answer, Exchange, Stage
from hal.generators.sheet import OFF_REPEAT_S, Later, Piece, SetPoint, Sheet, Who, backup_s, off_poll, worst_age_s
from hal.readings import GeneratorFlags, GeneratorIdentity, GeneratorMonitor, GeneratorSetPoints, Link, Refusal
from hal.registry import GeneratorSetting, OpenPipe
from hal.transport import parse_link
from hal.units import Seconds
from hal.wire import Wire

ON_VOID_S: Final = 0.050
ON_VOID_TICKS: Final = 1.5
"""An ON that waits for the running reply leaves with the next tick; at 20 Hz that one comes 50 ms later and would itself be the end of the ON."""
PRESS_HOLDS_POLLS_S: Final = 0.03
PRESS_HOLDS_TICKS: Final = 1.5
"""After a press the wire is kept free for ON, but no longer than this: a press that gets no ON must not make its readings old, or a slow K1 is taken for a
lost generator (fault-X1). Where ticks are slow the ON comes with the next one, and a question that has nothing to do with it would be in its way."""
SETTLES_S: Final = 0.5
"""For so long after an ON the round may still be behind for it."""
RETRY_S: Final = 0.200
ASK_AGAIN_S: Final = 1.0
STALE_LINK_S: Final = 1.0
DEADLINE_MARGIN_S: Final = 0.030
FAILED_MOST, FAILED_IN_S = 3, 1.0
"""One reply that is lost or damaged in beam is borne; so many in so long are a lost link."""
DRAIN_LEAST_S: Final = 0.020
LATE_S: Final = 0.010
"""A question of the round may be answered so much later than it should be, and once more its turnaround: one that is lost is asked again in time."""
ROUNDING_S: Final = 1e-6
SPARES_S: Final = 0.300
"""An off that is only a repeat may let a running answer come first, but never comes later than this after the last off."""
SPARE_TICKS: Final = 4
"""Where ticks are slow such a repeat comes this often and no more: else off would take every other turn of the wire, and nothing could be read on it."""
OWED_TICKS: Final = 1.5
SLOT_TICKS: Final = 0.25
"""A repeat that will be due within this tick's slot: no question takes the wire before it. Whoever wants off no more lets that time pass by."""

Q = TypeVar("Q")
A = TypeVar("A")


class GeneratorEngine(Generic[Q, A]):
    """See `hal.registry.Generator` for the verbs."""

    def __init__(self, sheet: Sheet[Q, A], setting: GeneratorSetting, open_pipe: OpenPipe) -> None:
        packets = parse_link(setting.link).packets
        longest_s = poll_plan.BITS_A_CHARACTER * 2 * sheet.longest_reply_b / setting.baud if setting.baud else 0.0
        self._sheet = sheet
        self._setting = setting
        self._slot_s = SLOT_TICKS * setting.tick_s
        self._spare_every_s = max(OFF_REPEAT_S, min(SPARES_S, SPARE_TICKS * setting.tick_s))
        self._off_every_s = OFF_REPEAT_S - ROUNDING_S
        self._on_void_s = max(ON_VOID_S, ON_VOID_TICKS * setting.tick_s)
        self._wire: Wire[Q, A] = Wire(
            lambda: open_pipe(setting.link, setting.baud),
            lambda: sheet.dialect(packets),
            longest_s + 2.0 * setting.turnaround_s + DEADLINE_MARGIN_S,
            max(DRAIN_LEAST_S, 2.0 * setting.turnaround_s),
        )
        self._name = sheet.dialect(packets).name
        self._faulty_round = sheet.polls(setting)
        self._round = tuple(poll for poll in self._faulty_round if poll.name not in sheet.fault_polls)
        self._within_s = {
            poll.name: poll.takes_s(setting.baud) + setting.turnaround_s + LATE_S for poll in self._faulty_round
        }
        self._free = tuple(poll for poll in self._round if not poll.every_s)
        self._turn_s = {poll.name: poll_plan.turn_s(poll, setting.baud, setting.tick_s) for poll in self._free}
        self._act_s = poll_plan.turn_s(off_poll(sheet, setting), setting.baud, setting.tick_s)
        at_once = sum(later.after_s <= place * self._act_s for place, later in enumerate(sheet.on_then, 1))
        self._start_s = (1 + min(at_once, sheet.follow_most)) * self._act_s
        self._other_s = max(poll_plan.turn_s(p, setting.baud, setting.tick_s) for p in self._round)
        self._due_in_s = _due_in_s(sheet, setting)
        self._holds_s = max(PRESS_HOLDS_POLLS_S, PRESS_HOLDS_TICKS * setting.tick_s)
        self._identify_names = tuple(self._name(q) for q in sheet.identify)
        points = (*sheet.set_points, sheet.backup)
        self._points = {_held_by(self._name, point): point for point in points if point is not None}
        self._echoed = {point.name for point in self._points.values() if point.read is None}
        self.on_sent_at_s: float | None = None
        self.refusal: Refusal | None = None
        self._command: Command | None = None
        self._cleared: Command | None = None
        self._clear_at_s = -math.inf
        self._on_due_s: float | None = None
        self._on_leaving = False
        self._pressed_at_s = math.inf
        self._off_at_s = -math.inf
        self._off_waits = False
        self._failed: deque[float] = deque(maxlen=FAILED_MOST)
        self._known: tuple[str, str] | None = None
        self._from_scratch()

    def _from_scratch(self) -> None:
        """After an opening nothing is known of the device: it may be another one."""
        self._opened = self._wire.opened
        self.identity: GeneratorIdentity | None = None
        self.monitor: GeneratorMonitor | None = None
        self.flags: GeneratorFlags | None = None
        self.set_points: GeneratorSetPoints | None = None
        self._who: dict[str, A] = {}
        self._identifying = True
        self._who_from_s = 0.0
        self._asked: dict[str, float] = {}
        self._pieces: dict[str, Piece[A]] = {}
        self._before: dict[str, Piece[A]] = {}
        self._prepared = 0
        self._prepare_wrote = False
        self._prepare_again_s = -math.inf
        self._to_write: deque[tuple[str, Q]] = deque()
        self._writing: dict[str, Q] = {}
        self._wrote_at_s = -math.inf
        self._write_again_s = -math.inf
        self._later: list[tuple[float, bool, Q]] = []
        self._first = 0
        self._followed = 0
        self._silenced = False
        self._off_asked_s = -math.inf
        self._withheld = False
        self._overtaken_s = poll_plan.NEVER
        self._backup_s: int | None = None

    @property
    def wires(self) -> tuple[Wire[Q, A], ...]:
        return (self._wire,)

    @property
    def identified(self) -> bool:
        return self.identity is not None and not self.identity.mismatch

    @property
    def prepared(self) -> bool:
        """Everything that must hold before a set-point is written has been seen to hold."""
        return self._prepared == len(self._sheet.preparations)

    @property
    def on_waits(self) -> bool:
        """An ON is queued and has not wholly left."""
        return self._on_due_s is not None

    def link(self, now: Seconds) -> Link:
        last = self._wire.last_good_s
        lost = not self._wire.up or self.identity is None or last is None or now - last > STALE_LINK_S
        lost = lost or (len(self._failed) == FAILED_MOST and now - self._failed[0] <= FAILED_IN_S)
        return self._wire.link(lost, now)

    def ask(self, now: Seconds, may_open: bool, may_write: bool, pressed: bool, spare: bool = False) -> None:
        """One request if the wire is free, and what is never answered beside it. `may_write`: no ON stands and the unit is disarmed; `pressed`: a press is
        pending, and an ON may come; `spare`: as for `off`."""
        self._pressed_at_s = min(self._pressed_at_s, now) if pressed else math.inf
        self._off_every_s = self._spare_every_s if spare else OFF_REPEAT_S - ROUNDING_S
        self._wire.serve(now, may_open)
        if self._wire.opened != self._opened:
            self._from_scratch()
        self.take(now)
        if self.identified and not self._silenced and may_write:
            # Newly known: its off goes out before anything else is asked or written.
            self.off(now, at_once=True)
        if self._off_waits:
            self.off(now, at_once=False)
        self._send_on(now)
        exchange = self._wire.exchange
        if exchange is None or not exchange.idle or self.on_waits or self._off_waits:
            return
        self._withheld = self._off_owed(now)
        if not self._withheld:
            self._turn(exchange, now, may_write)

    def _turn(self, exchange: Exchange[Q, A], now: Seconds, may_write: bool) -> None:
        """What follows an ON or an OFF, else a write or a question, on an idle wire."""
        late, quiet = None, False
        if self._pressed_at_s <= now:
            quiet = now - self._pressed_at_s < self._holds_s
            late = self._late(now, self._act_s + self._start_s)
        elif self._off_wanted(now):
            late = self._late(now, self._act_s + self._other_s)
        elif self._later or (self.on_sent_at_s is not None and now - self.on_sent_at_s < SETTLES_S):
            late = self._late(now, self._other_s)
        follows = self._due_later(now, late is not None)
        if follows is not None and exchange.ask(follows, now):
            self.take(now)  # one that is never answered has left by now, and the turn is still to be had
            if not exchange.idle:
                self._followed += 1
                if self._followed >= self._sheet.follow_most:
                    self._first = len(self._free)
                return
        if late is not None:
            request: Q | None = self._ask_free(late)
        else:
            request = None if quiet else self._next(now, may_write)
        if request is not None:
            name = self._name(request)
            self._overtaken_s = self._asked.get(name, poll_plan.NEVER)
            self._asked[name] = now
            exchange.ask(request, now, self._within_s.get(name))

    def take(self, now: Seconds) -> None:
        answer = self._wire.poll(now)
        if answer is not None:
            self._heard(answer, now)
            exchange = self._wire.exchange
            if exchange is not None and exchange.tells and (answer := self._wire.poll(now)) is not None:
                self._heard(answer, now)
        self._watch_on(now)

    def want(self, command: Command | None, now: Seconds) -> None:  # noqa: ARG002 - what is due goes out with the next ask
        """What to work towards from now on; None, or a command of no concern here, stops what was going on."""
        self._off_asked_s = -math.inf
        if command != self._command:
            self._command = command
            self._to_write.clear()
            self._cleared = None
            if isinstance(command, SetUp):
                self._back_up(command.plan)

    def on(self, now: Seconds) -> None:
        """High voltage on, once. It goes now, or when the running reply is in, or within 50 ms (or one and a half ticks) not at all."""
        known = self.set_points is not None and self.flags is not None
        if not self.identified or not self.prepared or not known:
            self._refuse(
                now,
                "on",
                "the generator is not identified and prepared, or its set-points or flags are not known; load again",
            )
            return
        if self._off_waits:
            self._refuse(now, "on", "an off has not left yet; release the switch and arm again")
            return
        self._on_due_s = now
        self._send_on(now)

    def forget_on(self, now: Seconds) -> None:
        """Withdraws an ON that has not wholly left."""
        exchange = self._wire.exchange
        if self._on_leaving and exchange is not None:
            exchange.purge(now)
        self._on_due_s, self._on_leaving = None, False

    def off(self, now: Seconds, at_once: bool, spare: bool = False) -> bool:
        """High voltage off, behind nothing, again each OFF_REPEAT_S (`at_once`: even if the last is younger). True when its bytes have left.

        On a half-duplex wire it may have to wait for the running reply; nothing else goes out before it. `spare`: the beam is known to be off, and a
        repeat lets the running answer come first, up to SPARES_S after the last off, so that on a slow line there are readings at all; False until then.
        """
        self.forget_on(now)
        self._to_write.clear()
        self._command = None
        exchange = self._wire.exchange
        if exchange is None or not self.identified or self._wire.opened != self._opened:
            self._off_waits = False
            self._off_asked_s = -math.inf
            return False
        self._off_asked_s = now
        self._failed.clear()
        if spare and not at_once and self._lets(now):
            if self._withheld and exchange.idle:
                self._turn(exchange, now, may_write=False)
            self._withheld = False
            return False
        if at_once or self._off_waits or now - self._off_at_s >= OFF_REPEAT_S - ROUNDING_S:
            if self._off_waits:
                self.take(now)
            self._off_at_s = now
            if at_once or not spare:
                self._later = _timed(self._sheet.off_then, now, last=True)
            exchange.make_way(now)
            overtaken = exchange.asking
            if overtaken is not None:
                self._asked[self._name(overtaken)] = self._overtaken_s
            self._off_waits = not exchange.off(self._sheet.off, now) and exchange.stage is not Stage.GONE
            self._silenced = self._silenced or not self._off_waits
            self._first = max(1, self._first, len(self._free) if at_once else 0)
            self._followed = 0 if at_once else self._sheet.follow_most
        elif not exchange.flushed:
            self.take(now)
        return exchange.flushed and not self._off_waits

    def _off_owed(self, now: Seconds) -> bool:
        """A repeat of off is due, or will be in this tick: no question takes the wire before it."""
        return self._off_wanted(now) and now - self._off_at_s >= self._off_every_s - self._slot_s

    def _off_wanted(self, now: Seconds) -> bool:
        """Whoever wants off says so each OFF_REPEAT_S, or each tick where it was not sent."""
        return now - self._off_asked_s <= OFF_REPEAT_S + OWED_TICKS * self._setting.tick_s

    def _lets(self, now: Seconds) -> bool:
        """A repeat is due and may still wait: the last off has left whole and is answered, and something else runs, or has not had its turns yet."""
        exchange, since_s = self._wire.exchange, now - self._off_at_s
        if exchange is None or self._off_waits or not exchange.flushed or exchange.asking == self._sheet.off:
            return False
        if not OFF_REPEAT_S - ROUNDING_S <= since_s <= SPARES_S - self._setting.tick_s:
            return False
        return since_s < self._spare_every_s - self._slot_s or not exchange.idle

    def _send_on(self, now: Seconds) -> None:
        exchange = self._wire.exchange
        if self._on_due_s is None or self._on_leaving or exchange is None:
            return
        self.take(now)
        if self._on_due_s is not None and exchange.ask(self._sheet.on, now):
            self._on_leaving = True
            self._watch_on(now)

    def _watch_on(self, now: Seconds) -> None:
        """An ON has left when its last byte has; one that has not in time is void, for nobody waits at the switch any more."""
        if self._on_due_s is None:
            return
        exchange = self._wire.exchange
        if self._on_leaving and exchange is not None and exchange.flushed:
            self.on_sent_at_s = now
            self._later = _timed(self._sheet.on_then, now)
            self._on_due_s, self._on_leaving = None, False
        elif now - self._on_due_s > self._on_void_s or exchange is None:
            self.forget_on(now)
            self._refuse(
                now,
                "on",
                f"void: its bytes had not left within {self._on_void_s * 1000:.0f} ms; release the switch and arm again",
            )

    def _late(self, now: Seconds, other_s: float) -> str | None:
        """The question that goes now: would the wire be another's for `other_s` (an ON that is awaited, what follows one), a reading would be older than its
        rule lets it be."""
        if not self.identified:
            return None
        then_s, pieces, due_in_s = now + other_s, self._pieces, self._due_in_s
        due = [(pieces[name].asked_at_s + due_in_s[name], name) for name in due_in_s if name in pieces]
        due.sort()
        for due_s, name in due:
            then_s += self._turn_s[name]
            if then_s > due_s:
                return due[0][1]
        return None

    def _due_later(self, now: Seconds, late: bool) -> Q | None:
        """What follows an ON or an OFF, in its order, once its time has come, and after `follow_most` of them a round of questions; what is for after the last
        OFF waits until none is wanted any more. `late`: a reading would be too old for it, so that nothing follows but what belongs to the OFF itself."""
        if not self._later or now < self._later[0][0] or self._followed >= self._sheet.follow_most:
            return None
        if late and (self._later[0][1] or self._later[0][0] > self._off_at_s):
            return None
        if self._later[0][1] and self._off_wanted(now):
            return None
        return self._later.pop(0)[2]

    def _next(self, now: Seconds, may_write: bool) -> Q | None:
        if not self.identified:
            return self._identify(now)
        if may_write and not self._first:
            request = self._due_work(now)
            if request is not None:
                self._first = 1
                return request
        polls = self._faulty_round if self.flags is not None and self.flags.fault else self._round
        poll = poll_plan.due(polls, self._asked, now, self._first > 0)
        if poll is None:
            return None
        if not poll.every_s:
            return self._ask_free(poll.name)
        self._first = len(self._free)
        return self._sheet.requests[poll.name]

    def _ask_free(self, name: str) -> Q:
        """A question of the free-running round: one fewer that goes before anything else."""
        self._first = max(0, self._first - 1)
        self._followed = self._followed if self._first else 0
        return self._sheet.requests[name]

    def _identify(self, now: Seconds) -> Q | None:
        if self.identity is not None and not self._identifying:
            if now - self.identity.asked_at_s < ASK_AGAIN_S:
                return None
            self._identifying = True
            self._who = {}
        for name, request in zip(self._identify_names, self._sheet.identify, strict=True):
            if name not in self._who:
                return request
        return self._sheet.watch if self._identifying else None

    def _due_work(self, now: Seconds) -> Q | None:
        if not self.prepared:
            return self._prepare(now)
        if isinstance(self._command, SetUp):
            return self._set_up(self._command.plan, now)
        clears = isinstance(self._command, ClearFaults) and self._cleared != self._command
        if clears and now - self._clear_at_s >= RETRY_S:
            self._clear_at_s = now
            self._later = _timed(self._sheet.clear_then, now)
            return self._sheet.clear
        return None

    def _prepare(self, now: Seconds) -> Q | None:
        """The next preparation's write, then its read; again after a while if it does not hold."""
        step = self._sheet.preparations[self._prepared]
        if step.hv_off and (self.flags is None or self.flags.hv_on):
            return None
        if self._prepare_wrote and step.read is not None:
            return step.read
        if now < self._prepare_again_s:
            return None
        self._prepare_again_s = now + RETRY_S
        if step.hv_off:
            self._moving(now)
        return step.write

    def _set_up(self, plan: Plan, now: Seconds) -> Q | None:
        """Writes what differs, then reads all back, until they are the plan's."""
        wanted = (plan.kv_counts, plan.ma_counts, plan.filament_limit_counts, plan.filament_preheat_counts)
        unfit = _unfit(self._sheet, wanted) or _unlimited(self._sheet, plan)
        if unfit:
            self._refuse_once(now, "set-points", unfit)
            return None
        if self._to_write:
            return self._write(now)
        for name, point in self._points.items():
            piece = self._pieces.get(name)
            if point.read is not None and (piece is None or piece.asked_at_s <= self._wrote_at_s):
                return point.read
        if now < self._write_again_s:
            return None
        points: list[SetPoint[Q, A] | None] = [*self._sheet.set_points]
        counts = [*wanted]
        if self._sheet.backup is not None:
            points.append(self._sheet.backup)
            counts.append(self._back_up(plan))
        for each, want in zip(points, counts, strict=True):
            has = None if each is None else self._held(each)
            if each is None or has == want:
                continue
            if each.write is None:
                self._to_write.clear()
                self._refuse_once(
                    now, "set-points", f"{each.name} is the device's own, {has} counts, not {want}; order what it has"
                )
                return None
            self._to_write.append((each.name, each.write(want)))
        if not self._to_write:
            return None
        if self.flags is None or self.flags.hv_on:
            self._to_write.clear()
            self._refuse_once(now, "set-points", "not written while high voltage is on or unknown; send off first")
            return None
        self._write_again_s = now + RETRY_S
        return self._write(now)

    def _back_up(self, plan: Plan) -> int:
        """What the device's own timer is to be set to; until it reads back so, none of the set-points counts as known."""
        self._backup_s = backup_s(plan.k1_limit_ms)
        if self._sheet.backup is not None and self._held(self._sheet.backup) != self._backup_s:
            self.set_points = None
        return self._backup_s

    def _write(self, now: Seconds) -> Q:
        self._moving(now)
        name, request = self._to_write.popleft()
        self._writing[name] = request
        if name in self._echoed:
            self._pieces.pop(name, None)
        return request

    def _moving(self, now: Seconds) -> None:
        """A set-point is being written (fault-M6, -M8): what was known of them before is no word on what is held, whether or not this one is acknowledged."""
        self._wrote_at_s = now
        self.set_points = None

    def _held(self, point: SetPoint[Q, A]) -> int | None:
        piece = self._pieces.get(_held_by(self._name, point))
        return None if piece is None else point.counts(piece.value)

    def _heard(self, answer: Answer[Q, A], now: Seconds) -> None:
        name, value = self._name(answer.q), answer.value
        try:
            if isinstance(value, Trouble):
                self._troubled(answer.q, value, now)
            else:
                self._took(answer.q, name, Piece(answer.asked_at, value), now)
        except Exception as why:  # a decoder's fault must not stop the tick
            self._wire.trouble(Trouble(TroubleKind.FRAME_BAD, name, repr(why)))

    def _took(self, q: Q, name: str, piece: Piece[A], now: Seconds) -> None:
        """Puts a good answer where it belongs; one answer may belong to several readings."""
        sheet = self._sheet
        piece = self._folded(name, piece)
        if not self.identified:
            if name in self._identify_names and self._identifying:
                self._who_from_s = piece.asked_at_s if not self._who else self._who_from_s
                self._who[name] = piece.value
                self._judge_identity()
            return
        self._check_prepared(q, piece.value, now)
        if q == sheet.clear:
            self._cleared = self._command
        self._pieces[name] = piece
        for point_name, written in self._writing.items():
            if point_name in self._echoed and q == written:
                self._pieces[point_name] = piece
        if name in sheet.flags_from or name in sheet.flags_also:
            self.flags = sheet.flags(self._setting, self._pieces) or self.flags
        if name in sheet.monitor_from:
            self.monitor = sheet.monitor(self._setting, self._pieces) or self.monitor
        if name in self._points or self._echoed:
            self._publish_set_points()

    def _folded(self, name: str, piece: Piece[A]) -> Piece[A]:
        """The answer with what it shows together with those of its name before it."""
        if self._sheet.fold is None:
            return piece
        kept = Piece(piece.asked_at_s, self._sheet.fold(name, self._before.get(name), piece))
        self._before[name] = kept
        return kept

    def _judge_identity(self) -> None:
        who = self._sheet.who(self._setting, self._who)
        if who.mismatch or who.complete:
            self._identified(who)

    def _identified(self, who: Who) -> None:
        """What it says it is. Whatever comes back after a loss must be what was there before, in model and firmware, until a person starts anew."""
        said = (who.model, who.firmware)
        if not who.mismatch and self._known is not None and said != self._known:
            words = f"it says {_named(said)}, and was {_named(self._known)} before; look at the device, then start kerma run again"
            who = replace(who, mismatch=words)
        if who.mismatch:
            self._wire.trouble(Trouble(TroubleKind.WRONG_DEVICE, "identify", who.mismatch))
        else:
            self._known = said
        self.identity = GeneratorIdentity(
            self._who_from_s, who.model, who.firmware, who.full_scale_kv, who.full_scale_ma, who.mismatch
        )
        self._identifying = False
        if not who.mismatch:
            self._wire.content()

    def _check_prepared(self, q: Q, value: A, now: Seconds) -> None:
        """A preparation's answer: it holds, or is done again; one that held and no longer does takes the set-points' word away."""
        for at, step in enumerate(self._sheet.preparations):
            proof = step.write if step.read is None else step.read
            if at > self._prepared:
                return
            if q == step.write and at == self._prepared:
                self._prepare_wrote = True
            if q != proof:
                continue
            wrong = step.wrong(value)
            if wrong:
                self._prepared, self._prepare_wrote = at, False
                self.set_points = None
                for echoed in self._echoed:  # what was only echoed may not be held any more
                    self._pieces.pop(echoed, None)
                self._refuse_once(now, self._name(q), wrong)
                return
            if at == self._prepared:
                self._prepared, self._prepare_wrote = at + 1, False
                self._prepare_again_s = -math.inf

    def _publish_set_points(self) -> None:
        """All four as one reading, as old as the oldest; an echo holds for as long as the device goes on answering."""
        flags, backup = self.flags, self._sheet.backup
        if not self.prepared or (self._echoed and flags is None):
            return
        if backup is not None and (self._backup_s is None or self._held(backup) != self._backup_s):
            self.set_points = None
            return
        counts, ages = [], []
        for point in self._sheet.set_points:
            piece = None if point is None else self._pieces.get(_held_by(self._name, point))
            if point is None:
                counts.append(0)
                continue
            if piece is None or (point.read is not None and piece.asked_at_s <= self._wrote_at_s):
                return
            counts.append(point.counts(piece.value))
            held_at_s = piece.asked_at_s
            if point.read is None and flags is not None:
                held_at_s = max(held_at_s, flags.asked_at_s)
            ages.append(held_at_s)
        self.set_points = GeneratorSetPoints(min(ages, default=-math.inf), *counts)

    def _troubled(self, q: Q, trouble: Trouble, now: Seconds) -> None:
        name, sheet = self._name(q), self._sheet
        self._asked.pop(name, None)
        if trouble.kind not in (TroubleKind.REFUSED, TroubleKind.BUSY):
            self._first = len(self._free)  # what was held up goes before anything else
            if self.on_sent_at_s is not None and self.on_sent_at_s > self._off_at_s:
                self._failed.append(now)
            return
        if not self.identified:
            if name in self._identify_names and trouble.kind is TroubleKind.REFUSED:
                self._identified(replace(sheet.who(self._setting, self._who), mismatch=f"{name}: {trouble.detail}"))
            return
        if q == sheet.clear:
            self._cleared = self._command
        polled = {poll.name for poll in self._faulty_round}
        if name not in polled:
            self._refuse(now, name, trouble.detail)

    def _refuse(self, now: float, what: str, words: str) -> None:
        self.refusal = Refusal(now, what, words)

    def _refuse_once(self, now: float, what: str, words: str) -> None:
        if self.refusal is None or (self.refusal.what, self.refusal.words) != (what, words):
            self._refuse(now, what, words)


def make(sheet: Sheet[Q, A]) -> partial[GeneratorEngine[Q, A]]:
    """What a driver's `make` is: the engine, given its sheet."""
    return partial(GeneratorEngine, sheet)


def _named(said: tuple[str, str]) -> str:
    model, firmware = said
    return f"model {model!r}, firmware {firmware!r}"


def _held_by(name: Callable[[Q], str], point: SetPoint[Q, A]) -> str:
    """The name of the answer that holds a set-point: its read's, or its own where the echo is all there is."""
    return point.name if point.read is None else name(point.read)


def _timed(later: tuple[Later[Q], ...], now: float, last: bool = False) -> list[tuple[float, bool, Q]]:
    """When each is due; `last`: what comes later than the repeat of an OFF is for after the last one."""
    return [(now + entry.after_s, last and entry.after_s >= OFF_REPEAT_S, entry.request) for entry in later]


def _due_in_s(sheet: Sheet[Q, A], setting: GeneratorSetting) -> dict[str, float]:
    """How long after the asking of each free-running question its next answer must be here: at the look before it the reading is as old as its rule bears."""
    ages, tick_s = worst_age_s(sheet, setting), setting.tick_s
    due: dict[str, float] = {}
    for names, reading in ((sheet.monitor_from, "monitor"), (sheet.flags_from, "flags")):
        for name in names:
            within_s = poll_plan.bound_s(ages[reading], tick_s) + (1.0 - SLOT_TICKS) * tick_s
            due[name] = min(within_s, due.get(name, within_s))
    return due


def _unfit(sheet: Sheet[Q, A], wanted: tuple[int, ...]) -> str:
    """Why these counts cannot be set on this device; empty if they can."""
    for point, counts, place in zip(
        sheet.set_points, wanted, ("kV", "mA", "filament limit", "filament preheat"), strict=True
    ):
        if point is None and counts:
            return f"{place} {counts} counts, but this device has no such set-point (0); correct the certificate"
        if point is not None and not 0 <= counts <= point.most:
            return f"{place} {counts} is outside 0 to {point.most} counts (full scale of {point.name}); load again"
        if point is not None and 0 < counts <= point.unclear:
            return f"{place} {counts} counts read back cannot be told from the device's error {counts} (codes: 1 to {point.unclear}); correct the certificate"
        if point is not None and counts % point.step:
            return f"{place} {counts} counts is no whole number of steps of {point.step}, and this device takes no other; correct the certificate"
    return ""


def _unlimited(sheet: Sheet[Q, A], plan: Plan) -> str:
    """Why the device's own exposure timer cannot be set from this plan; empty if it can, or there is none."""
    if sheet.backup is None:
        return ""
    if plan.k1_limit_ms <= 0:
        return "the plan's K1 limit is 0 s, and the generator's own timer is set from it; load again"
    wanted = backup_s(plan.k1_limit_ms)
    if wanted > sheet.backup.most:
        return f"the generator's own timer would be {wanted} s, above the {sheet.backup.most} s that it can be set to; load again"
    return ""
