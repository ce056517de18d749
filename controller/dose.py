"""The dose of the segment that is being delivered: what each channel says, low, high and quality, and whether the unit let the end go by.
It feeds the kernel with each reading once and judges nothing; the rules that compare the figures are in interlocks, the arithmetic in channels.py."""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections import deque
from operator import itemgetter
from typing import Final

import msgspec
import numpy as np

from controller import kernel
from controller.channels import (
    CUT_S,
    K1_OPENS_S,
    RATE_MAX_OVER_R0,
    SATURATED_OVER_R0,
    Weighed,
    counted,
    past_ramp,
    taken_over,
    timed,
    uncounted_tail_mgy,
    weigh,
    worse,
)
from controller.kernel import Kernels
from controller.prescribed import Quality
from controller.second_sum import SecondSum, most_of
from controller.settings import Settings
from hal.readings import GeneratorMonitor, Health, Readings, Relay, Termination, TimerStart, UnitState, UnitStatus
from interlocks.bands import BANDS
from interlocks.words import DoseFigures

JUMP_SLACK_COUNTS: Final = 5.0
"""A counter that runs faster than this is a bad sample; the slack is for single counts in a short time."""
RATE_WINDOW_US: Final = 100_000
"""27 counts a tick: anything shorter is counting noise (docs/dose.md)."""
BAD_WINDOW_S: Final = 1.0
DEAD_PART: Final = 0.1
ALIVE_PART: Final = 0.5
"""A channel below the first part of R0 while the other is above the second has died; its counts are no dose any more."""
OVERDUE_TICKS: Final = 1.5
OVERDUE_S: Final = 0.02
"""How far past its end the host lets the unit go before it ends the beam itself (TIME_END)."""
REPEAT_S: Final = 0.002
"""Two statuses of one scan this close together are one sample asked for twice, not a clock that stands."""
HV_SEEN: Final = Relay.HV_SEEN.value
K1_OPEN: Final = Relay.K1_MIRROR_OPEN.value
HT1: Final = Health.HT1.value
HT2: Final = Health.HT2.value
SATURATED1: Final = Health.SATURATED1.value
SATURATED2: Final = Health.SATURATED2.value
SATURATED: Final = SATURATED1 | SATURATED2
LOST_1: Final = Health.STUCK1.value | SATURATED1
LOST_2: Final = Health.STUCK2.value | SATURATED2
RUN: Final = int(UnitState.RUN)
"""The bits as plain integers: they are asked for each tick."""
_COUNT_CELLS: Final = struct.Struct(f"={kernel.COUNT_COLUMNS}q")
_MODEL_CELLS: Final = struct.Struct(f"={kernel.MODEL_COLUMNS}d")
"""One row of each kernel's block, written in one go."""
NOT_ENDED: Final = "the end of the beam was not seen"
"""Why nothing is known of what was counted after it."""
COLD_SETTLE_S: Final = 0.2
"""Over a cold filament the means of kV and mA are what is measured: none of the ramp is in them, though the timer runs from K1."""
GAP_TICKS: Final = 3.0
"""A status younger than this many ticks is not a gap."""


class Dose(msgspec.Struct, frozen=True, gc=False):
    """One tick's dose, D0 mGy, of this segment, and of the fraction where the name says so.

    `delivered_mgy` is what has been given so far; `settled` true: the end, its tail with it. kV and mA statistics are over steady beam, 0 when
    there was none. `counted` is true when both chambers counted in this segment, or where there are none the high-voltage contact was seen closed;
    `unknown_mgy` is what low and high were widened by. `after_end_1` and `_2`: counts of each channel after the unit's timer had stopped, in the
    `after_end_s` until the last status, and `after_end_k1_s` how long K1 was still seen closed (None: not seen, or not settled; `after_end_unseen` says why).
    """

    d1_mgy: float = 0.0
    d2_mgy: float = 0.0
    dt_mgy: float = 0.0
    dm_mgy: float = 0.0
    delivered_mgy: float = 0.0
    low_mgy: float = 0.0
    high_mgy: float = 0.0
    quality: Quality = Quality.GOOD
    fraction_delivered_mgy: float = 0.0
    fraction_low_mgy: float = 0.0
    fraction_high_mgy: float = 0.0
    fraction_quality: Quality = Quality.GOOD
    rest_mgy: float = 0.0
    rate_1_mgy_per_s: float = 0.0
    rate_2_mgy_per_s: float = 0.0
    beam_s: float = 0.0
    unit_beam_s: float | None = None
    host_beam_s: float | None = None
    beam_ms: int = 0
    counts_1: int = 0
    counts_2: int = 0
    unknown_mgy: float = 0.0
    unknown_s: float = 0.0
    bad_samples: int = 0
    overdue: bool = False
    counted: bool = False
    settled: bool = False
    kv_mean: float = 0.0
    kv_min: float = 0.0
    kv_max: float = 0.0
    ma_mean: float = 0.0
    ma_min: float = 0.0
    ma_max: float = 0.0
    chambers: bool = True
    after_end_1: float | None = None
    after_end_2: float | None = None
    after_end_s: float | None = None
    after_end_k1_s: float | None = None
    after_end_unseen: str = NOT_ENDED

    def figures(self) -> DoseFigures:
        """The same for the interlocks."""
        return DoseFigures(
            self.d1_mgy,
            self.d2_mgy,
            self.dm_mgy,
            self.dt_mgy,
            self.rate_1_mgy_per_s,
            self.rate_2_mgy_per_s,
            self.beam_s,
            self.unit_beam_s,
            self.host_beam_s,
            self.bad_samples,
            self.overdue,
        )


class Steady:
    """Mean, least and greatest kV and mA of steady beam."""

    def __init__(self) -> None:
        self._n = 0
        self._kv = (0.0, 0.0, 0.0)
        self._ma = (0.0, 0.0, 0.0)

    def take(self, kv: float, ma: float) -> None:
        """One sample known to be of steady beam; one that is not finite is not taken."""
        if not (abs(kv) < float("inf") and abs(ma) < float("inf")):
            return
        if self._n == 0:
            self._kv, self._ma = (kv, kv, kv), (ma, ma, ma)
        else:
            self._kv = (self._kv[0] + kv, min(self._kv[1], kv), max(self._kv[2], kv))
            self._ma = (self._ma[0] + ma, min(self._ma[1], ma), max(self._ma[2], ma))
        self._n += 1

    def figures(self) -> tuple[float, float, float, float, float, float]:
        """kV mean, least, greatest; mA mean, least, greatest."""
        n = max(1, self._n)
        return self._kv[0] / n, self._kv[1], self._kv[2], self._ma[0] / n, self._ma[1], self._ma[2]


class AtEnd(msgspec.Struct, frozen=True, gc=False):
    """What both counters, the unit's timer and its clock showed as the beam ended; what was not seen then is 0, and `unseen` says why."""

    beam_ms: int
    clock_us: float = 0.0
    counting_us: float = 0.0
    counts_1: float = 0.0
    counts_2: float = 0.0
    unseen: str = ""


class Meter:
    """Integrates one segment at a time. Before the first `begin`, and from `settled` until the next, it only repeats what it last said.

    Without `chambers` the timer and the kV-mA model are all there is, and no dose is better than DEGRADED. Without a `timer` of the unit's own, beam
    time is what this computer saw: what it did not see at the end is unknown.
    """

    def __init__(self, kernels: Kernels, tick_s: float, chambers: bool = True, timer: bool = True) -> None:
        self._kernels = kernels
        self._tick_s = tick_s
        self._chambers = chambers
        self._timer = timer
        self._segment: _Segment | None = None
        self._dose = Dose()
        self.sums = ""
        """Words when the kernel and the second sum once differed; no beam from then on, for as long as this process lives."""

    @property
    def dose(self) -> Dose:
        """What was last said."""
        return self._dose

    def begin(self, settings: Settings, readings: Readings, now: float) -> None:
        """Start a segment from the unit's retained counters as they stand; ValueError when the unit has not been read."""
        if readings.unit is None:
            raise ValueError("a segment cannot begin before the safety unit has been read")
        self._segment = _Segment(
            self._kernels, self._tick_s, settings, readings.unit, readings.monitor, self._chambers, self._timer
        )
        self._dose = self._segment.dose(now)

    def add(self, readings: Readings, now: float) -> Dose:
        """Take what is new in this tick's readings and say the dose so far."""
        segment = self._segment
        if segment is not None:
            segment.take(readings, now)
            self._dose = segment.dose(now)
            self.sums = segment.second.words or self.sums
        return self._dose

    def settled(self, readings: Readings) -> Dose:
        """The segment's last word, after off was verified: tail as counted, DT where it holds, and what nobody saw charged to the bounds."""
        segment = self._segment
        if segment is not None:
            segment.take(readings, readings.now_s)
            self._dose = segment.final(readings.now_s, readings.on_sent_at_s is not None)
            self.sums = segment.second.words or self.sums
            self._segment = None
        return self._dose


class _Segment:
    """One segment under integration; all that lasts from tick to tick stands here and in the kernels' state."""

    def __init__(
        self,
        kernels: Kernels,
        tick_s: float,
        settings: Settings,
        unit: UnitStatus,
        monitor: GeneratorMonitor | None,
        chambers: bool,
        timer: bool,
    ) -> None:
        c = settings.combination
        self._kernels, self._tick_s, self._settings = kernels, tick_s, settings
        self._cold = BANDS[settings.terms.purpose].cold
        jump = BANDS[settings.terms.purpose].jump
        per_us = jump * c.r0_mgy_per_s * 1e-6
        k = settings.k_tp
        self._limits = np.array(
            [per_us / c.n1_mgy_per_count, per_us / (c.n2_mgy_per_count * min(k, 1.0)), JUMP_SLACK_COUNTS]
        )
        self._masks = np.array([kernel.MASK32, kernel.MASK32])
        self.second = SecondSum(
            most_of(jump, c.r0_mgy_per_s, c.n1_mgy_per_count),
            most_of(jump, c.r0_mgy_per_s, c.n2_mgy_per_count * min(k, 1.0)),
        )
        self._counts = np.zeros(kernel.COUNT_STATE, dtype=np.int64)
        self._counted: list[int] = self._counts.tolist()
        self._count_row = np.zeros((1, kernel.COUNT_COLUMNS), dtype=np.int64)
        self._count_cells = self._count_row.data.cast("B")
        self._table = np.array(c.g_kv, dtype=np.float64)
        # over a cold filament kV and mA stand for no dose: the read-back of mA is a bleeder's
        relative = _relative_output(c.g_kv, settings.terms.kv)
        self._scale = 0.0 if self._cold else c.r0_mgy_per_s / (settings.terms.ma * relative)
        self._model = np.zeros(kernel.MODEL_STATE)
        self._modelled: list[float] = self._model.tolist()
        self._model_row = np.zeros((1, kernel.MODEL_COLUMNS))
        self._model_cells = self._model_row.data.cast("B")
        self._origin_s = unit.asked_at_s
        self._unit_at_s = float("-inf")
        self._unit = unit
        self._base = (unit.beam_ms, unit.counts_1, unit.counts_2)
        self._beam_ms = 0
        self._ran = False
        self._rebooted = False
        self._ended_at_s: float | None = None
        self._at_end: AtEnd | None = None
        self._k1_closed_us = 0
        self._alone_mgy = 0.0 if self._cold else uncounted_tail_mgy(settings.tail_mgy, c.r0_mgy_per_s)
        self._started_at_s: float | None = None
        self._host_beam_s: float | None = None
        self._chambers, self._timer = chambers, timer
        self._hv_told = False
        self._lost_1 = self._lost_2 = not chambers
        self._dark_s = 0.0
        self._ramp_mgy = 0.0
        self._saturated_s = 0.0
        self._window: deque[tuple[int, int, int]] = deque()
        self._rates = (0.0, 0.0)
        self._bad: deque[float] = deque()
        self._bad_seen = 0
        self._live = False
        self._monitor_at_s = float("-inf")
        self._steady = Steady()
        self._steady_after_s = settings.terms.ramp_s + (settings.press_to_hv_s + COLD_SETTLE_S if self._cold else 0.0)
        self._waiting: deque[GeneratorMonitor] = deque()
        self._take_unit(unit)
        if monitor is not None:
            self._take_monitor(monitor)

    def take(self, readings: Readings, now: float) -> None:
        """Feed what is newer than the last of its kind."""
        unit, monitor = readings.unit, readings.monitor
        self._live = (
            self._live or readings.on_sent_at_s is not None or (readings.flags is not None and readings.flags.hv_on)
        )
        if unit is not None and unit.asked_at_s > self._unit_at_s:
            self._take_unit(unit)
        if monitor is not None and monitor.asked_at_s > self._monitor_at_s:
            self._take_monitor(monitor)
        bad = self._counted[kernel.BAD_COUNTS] + int(self._modelled[kernel.M_BAD])
        self._bad.extend([now] * (bad - self._bad_seen))
        self._bad_seen = bad
        while self._bad and now - self._bad[0] > BAD_WINDOW_S:
            self._bad.popleft()

    def _take_unit(self, unit: UnitStatus) -> None:
        before = self._unit
        if unit.scan == before.scan and 0.0 < unit.asked_at_s - before.asked_at_s < REPEAT_S:
            return
        running, seen = unit.state == RUN, bool(unit.relays & HV_SEEN)
        between_s = 0.5 * (max(self._unit_at_s, self._origin_s) + unit.asked_at_s)
        if running:
            self._ran, self._ended_at_s, self._at_end = True, None, None
        elif self._ran and self._ended_at_s is None:
            self._ended_at_s = between_s
            self._at_end = self._seen_at_end(before, unit)
            self._dark_s += self._untimed_s(unit.asked_at_s - before.asked_at_s)
        discharging = self._ended_at_s is not None and (
            unit.asked_at_s - self._ended_at_s < self._settings.terms.t2d_s or (self._cold and seen)
        )
        self._rebooted = self._rebooted or (self._ran and unit.boot_count != before.boot_count)
        if seen and not running and not discharging:
            self._dark_s += max(0.0, unit.asked_at_s - before.asked_at_s)
        health, flags = unit.health, 0
        if running or before.state == RUN or discharging:
            flags = kernel.COUNTING
            self._lost_1 = self._lost_1 or not health & HT1 or bool(health & LOST_1)
            self._lost_2 = self._lost_2 or not health & HT2 or bool(health & LOST_2)
            if self._lost_1 and self._lost_2 and (health | before.health) & SATURATED:
                self._saturated_s += max(0.0, unit.asked_at_s - before.asked_at_s)
        flags |= kernel.SATURATED_1 if health & SATURATED1 else 0
        flags |= kernel.SATURATED_2 if health & SATURATED2 else 0
        flags |= kernel.REBASED if unit.boot_count != before.boot_count else 0
        host_us = round(unit.asked_at_s * 1e6)
        _COUNT_CELLS.pack_into(self._count_cells, 0, host_us, unit.sample_us, unit.counts_1, unit.counts_2, flags)
        self._kernels.counters(self._count_row, self._limits, self._masks, self._counts)
        self._counted = self._counts.tolist()
        if not unit.relays & K1_OPEN:
            self._k1_closed_us = self._counted[kernel.CLOCK_US]
        self.second.take(host_us, unit.sample_us, unit.counts_1, unit.counts_2, flags, self._counted)
        self._beam_ms = max(self._beam_ms, unit.beam_ms - self._base[0])
        self._live = self._live or seen
        self._hv_told = self._hv_told or (running and seen)
        self._host_clock(unit, between_s)
        self._unit, self._unit_at_s = unit, unit.asked_at_s
        self._rate(running)
        self._confirm_steady(running)

    def _seen_at_end(self, before: UnitStatus, unit: UnitStatus) -> AtEnd:
        """The counters at the unit's own end: as its last status in RUN had them, carried on at the rate of the 100 ms before it for the ms that its timer
        ran on, which are fewer than those between two statuses. It latches no counts of its own; `unit` is the first status out of RUN."""
        counts, window = self._counted, self._window
        on_ms, most_ms = unit.beam_ms - before.beam_ms, 1000.0 * GAP_TICKS * self._tick_s
        flat_ms = 1000.0 * (self._settings.terms.ramp_s + self._settings.press_to_hv_s) + 2e-3 * RATE_WINDOW_US
        unseen = ""
        if not (self._timer and self._chambers):
            unseen = "the safety unit has no timer or no chambers of its own"
        elif unit.boot_count != before.boot_count:
            unseen = "the safety unit restarted at the end"
        elif not 0 <= on_ms <= most_ms:
            unseen = f"its timer ran on for {on_ms} ms that no status saw, at most {most_ms:g} can be told"
        elif before.beam_ms - self._base[0] < flat_ms:
            unseen = f"the beam ended {before.beam_ms - self._base[0]} ms after its start, and is even from {flat_ms:.0f} ms on"
        elif (
            counts[kernel.LAST_US] != before.sample_us
            or not counts[kernel.CLOCK_1] == counts[kernel.CLOCK_2] == counts[kernel.CLOCK_US]
        ):
            unseen = "the last sample of the beam did not count"
        elif window[-1][0] - window[0][0] > 2 * RATE_WINDOW_US:
            unseen = f"{1e-3 * (window[-1][0] - window[0][0]):.0f} ms before the end no status was seen"
        elif self._lost_1 or self._lost_2:
            unseen = f"channel {1 if self._lost_1 else 2} had failed"
        if unseen:
            return AtEnd(unit.beam_ms, unseen=unseen)
        (first_us, first_1, first_2), (last_us, last_1, last_2) = window[0], window[-1]
        on_us = 1000.0 * on_ms
        part = on_us / (last_us - first_us)
        return AtEnd(
            unit.beam_ms,
            last_us + on_us,
            counts[kernel.COUNTING_US] + on_us,
            last_1 + part * (last_1 - first_1),
            last_2 + part * (last_2 - first_2),
        )

    def _untimed_s(self, gap_s: float) -> float:
        """Beam that nobody timed between the last status in RUN and the first after it, and until K1 followed; a unit's own timer has it all, and
        chambers have all but a gap."""
        if self._timer or (self._chambers and gap_s <= GAP_TICKS * self._tick_s):
            return 0.0
        return min(gap_s + self._tick_s, self._longest_s())

    def _host_clock(self, unit: UnitStatus, between_s: float) -> None:
        """The host's own measure of beam time: from the start event to the end, each known to half the time between two statuses."""
        if self._started_at_s is None:
            from_k1 = self._settings.terms.timer_start is TimerStart.K1_CLOSED
            begun = not unit.relays & K1_OPEN if from_k1 else unit.relays & HV_SEEN
            if not (begun and unit.state == RUN):
                return
            self._started_at_s = between_s
        until_s = self._ended_at_s if self._ended_at_s is not None else unit.asked_at_s
        self._host_beam_s = max(0.0, until_s - self._started_at_s)

    def _rate(self, running: bool) -> None:
        """Both channels' rates over the last 100 ms of the device's clock; which of them has died."""
        counts, window, s = self._counted, self._window, self._settings
        clock_us = counts[kernel.CLOCK_US]
        if window and clock_us <= window[-1][0]:
            return
        window.append((clock_us, counts[kernel.SUM_1], counts[kernel.SUM_2]))
        while len(window) > 2 and clock_us - window[1][0] >= RATE_WINDOW_US:
            window.popleft()
        if clock_us < RATE_WINDOW_US:
            return
        us, sum_1, sum_2 = window[0]
        c, seconds = s.combination, (clock_us - us) * 1e-6
        rate_1 = counted(window[-1][1] - sum_1, seconds, c.n1_mgy_per_count, c.leak1_cps, 1.0) / seconds
        rate_2 = counted(window[-1][2] - sum_2, seconds, c.n2_mgy_per_count, c.leak2_cps, s.k_tp) / seconds
        self._rates = (rate_1, rate_2)
        if running:
            dead, alive = DEAD_PART * c.r0_mgy_per_s, ALIVE_PART * c.r0_mgy_per_s
            self._lost_1 = self._lost_1 or (rate_1 < dead and rate_2 > alive)
            self._lost_2 = self._lost_2 or (rate_2 < dead and rate_1 > alive)

    def _take_monitor(self, monitor: GeneratorMonitor) -> None:
        since_s, live = monitor.asked_at_s - self._origin_s, 1.0 if self._live else 0.0
        _MODEL_CELLS.pack_into(self._model_cells, 0, since_s, monitor.kv, monitor.ma, live)
        self._kernels.model(self._model_row, self._table, self._scale, self._model)
        self._modelled = self._model.tolist()
        self._monitor_at_s = monitor.asked_at_s
        if (
            self._started_at_s is not None
            and self._ended_at_s is None
            and monitor.asked_at_s >= self._started_at_s + self._steady_after_s
        ):
            self._waiting.append(monitor)

    def _confirm_steady(self, running: bool) -> None:
        """A sample of after the ramp counts as steady once a later status still says RUN."""
        while self._waiting and self._waiting[0].asked_at_s < self._unit_at_s:
            monitor = self._waiting.popleft()
            if running:
                self._steady.take(monitor.kv, monitor.ma)

    def dose(self, now: float) -> Dose:
        """The dose so far; a unit that has been silent for some ticks of beam widens high."""
        s = self._settings
        gap_s = now - self._unit_at_s
        silent = self._ran and self._ended_at_s is None and gap_s > GAP_TICKS * self._tick_s
        unknown_s = min(gap_s, self._longest_s()) if silent else 0.0
        return self._said(unknown_s, 0.0, settled=False, tail_mgy=0.0 if self._ended_at_s is not None else s.tail_mgy)

    def final(self, now: float, on_sent: bool) -> Dose:
        """The dose of the finished segment. Counters that were last read before the cable had emptied, or before the unit's end was seen, leave
        unknown dose; so does an ON whose RUN was never seen."""
        s = self._settings
        gap_s = max(0.0, now - self._unit_at_s)
        silent = gap_s > GAP_TICKS * self._tick_s
        if self._ended_at_s is not None:
            said = self._said(0.0, 0.0 if self._emptied() else self._alone_mgy, settled=True, tail_mgy=0.0)
        elif self._ran or (on_sent and silent):
            said = self._said(min(gap_s, self._longest_s()), s.tail_mgy, settled=True, tail_mgy=s.tail_mgy)
        else:
            said = self._said(0.0, 0.0, settled=True, tail_mgy=0.0)
        goes_on = self._unit.relays & HV_SEEN or self._unit.state == RUN
        said = self._after_end(self._twice(said), bool(goes_on))
        return _not_over(said, s) if (goes_on and not silent) or self.second.words else said

    def _after_end(self, said: Dose, goes_on: bool) -> Dose:
        """With what each channel counted after the end; nothing is said of counters that may count on, or of a timer that did."""
        at, counts = self._at_end, self._counted
        if at is None:
            return said
        unseen = at.unseen
        if not unseen and (goes_on or not self._emptied()):
            unseen = "the counters were last read before the cable had emptied"
        elif not unseen and self._unit.beam_ms != at.beam_ms:
            unseen = f"the timer ran on by {self._unit.beam_ms - at.beam_ms} ms after the end"
        elif not unseen and (
            self._rebooted or counts[kernel.CLOCK_1] != counts[kernel.CLOCK_2] or self._lost_1 or self._lost_2
        ):
            unseen = "a channel failed, or a sample did not count, after the end"
        if unseen:
            return msgspec.structs.replace(said, after_end_unseen=unseen)
        return msgspec.structs.replace(
            said,
            after_end_1=counts[kernel.SUM_1] - at.counts_1,
            after_end_2=counts[kernel.SUM_2] - at.counts_2,
            after_end_s=1e-6 * (counts[kernel.COUNTING_US] - at.counting_us),
            after_end_k1_s=1e-6 * max(0.0, self._k1_closed_us - at.clock_us),
            after_end_unseen="",
        )

    def _emptied(self) -> bool:
        """Whether the counters were read after the cable had emptied, however the beam had ended: by wire, or by K1 alone."""
        empties_s = self._settings.discharge_s + K1_OPENS_S
        return self._ended_at_s is not None and self._unit_at_s >= self._ended_at_s + empties_s

    def _twice(self, said: Dose) -> Dose:
        """The dose of both chambers by the second sum: it must be the same, and where it is not the high bound has the higher."""
        s = self._settings
        c = s.combination
        exact = (
            self.second.check_dose(1, said.d1_mgy, c.n1_mgy_per_count, c.leak1_cps, 1.0),
            self.second.check_dose(2, said.d2_mgy, c.n2_mgy_per_count, c.leak2_cps, s.k_tp),
        )
        if not self.second.words:
            return said
        high = max(said.high_mgy, *(float(one) + said.unknown_mgy for one in exact))
        return msgspec.structs.replace(said, high_mgy=high, fraction_high_mgy=s.high_before_mgy + high)

    def _longest_s(self) -> float:
        """Longest beam that a silent unit can have given: its lease or watchdog, its contactor, two ticks of ours."""
        return self._settings.silence_s + CUT_S + 2.0 * self._tick_s

    def _said(self, unknown_s: float, open_mgy: float, settled: bool, tail_mgy: float) -> Dose:
        """Weigh the channels; `tail_mgy` is what the timer's dose holds that has not come yet. High voltage while the unit does not count, before its RUN
        or after its tail, is time that no channel saw."""
        unknown_s += self._dark_s
        s, c, counts = self._settings, self._settings.combination, self._counted
        counting_s = counts[kernel.COUNTING_US] * 1e-6
        sum_1, sum_2 = counts[kernel.SUM_1], counts[kernel.SUM_2]
        beam_s = self._beam_ms / 1000.0
        d1 = counted(sum_1, counting_s, c.n1_mgy_per_count, c.leak1_cps, 1.0)
        d2 = counted(sum_2, counting_s, c.n2_mgy_per_count, c.leak2_cps, s.k_tp)
        modelled = self._modelled
        dm = max(0.0, modelled[kernel.M_SUM] + modelled[kernel.M_COMPENSATION])
        holds = not self._cold and past_ramp(beam_s, s.terms.ramp_s, s.press_to_hv_s, s.terms.timer_start)
        dt = max(0.0, timed(c.r0_mgy_per_s, beam_s, c.dt_s) - tail_mgy) if holds else None
        rate_max = RATE_MAX_OVER_R0 * c.r0_mgy_per_s
        unseen_1 = counts[kernel.PENDING_1] * c.n1_mgy_per_count
        unseen_2 = counts[kernel.PENDING_2] * c.n2_mgy_per_count * s.k_tp
        uncounted = rate_max * CUT_S + s.tail_mgy if self._rebooted else open_mgy
        saturated = SATURATED_OVER_R0 * c.r0_mgy_per_s * self._saturated_s
        unknown = rate_max * unknown_s + uncounted + saturated + max(unseen_1, unseen_2)
        valid_1, valid_2 = None if self._lost_1 else d1, None if self._lost_2 else d2
        by_timer = s.terms.termination is Termination.TIME
        if not holds and valid_1 is not None:
            self._ramp_mgy = valid_1
        if self._chambers:
            primary = taken_over(dt, self._ramp_mgy) if by_timer and dt is not None else valid_1
            weighed = _weighed(primary, valid_1, valid_2, dt, by_timer, rate_max * beam_s, unknown)
        else:
            # within the ramp the model is all there is, and it is blind where the generator did not answer: never zero for missing
            blind = (
                max(0.0, rate_max * beam_s + self._alone_mgy - dm) if settled and dt is None and beam_s > 0.0 else 0.0
            )
            weighed = weigh(dt, (None, None, dm), rate_max * beam_s, unknown + blind)
        overdue = (
            self._unit.state == RUN
            and not settled
            and (dt if by_timer and dt is not None else d1) + s.tail_mgy
            > s.rest_mgy + (OVERDUE_TICKS * self._tick_s + OVERDUE_S) * c.r0_mgy_per_s
        )
        started = self._started_at_s is not None
        fraction = s.delivered_before_mgy + weighed.delivered_mgy
        return Dose(
            d1,
            d2,
            dt if dt is not None else dm,
            dm,
            weighed.delivered_mgy,
            weighed.low_mgy,
            weighed.high_mgy,
            weighed.quality,
            fraction,
            s.low_before_mgy + weighed.low_mgy,
            s.high_before_mgy + weighed.high_mgy,
            worse(s.quality_before, weighed.quality),
            s.d0_mgy - fraction,
            *self._rates,
            beam_s,
            beam_s if started else None,
            self._host_beam_s,
            self._beam_ms,
            (self._unit.counts_1 - self._base[1]) & kernel.MASK32,
            (self._unit.counts_2 - self._base[2]) & kernel.MASK32,
            unknown,
            unknown_s,
            len(self._bad),
            overdue,
            (sum_1 > 0 and sum_2 > 0 if self._chambers else self._hv_told) and self._ran and not self._cold,
            settled,
            *self._steady.figures(),
            self._chambers,
        )


def _weighed(
    primary: float | None,
    d1: float | None,
    d2: float | None,
    dt: float | None,
    by_timer: bool,
    ceiling_mgy: float,
    unknown_mgy: float,
) -> Weighed:
    """The channels beside the primary; a timer that does not hold yet is not a lost channel, so it is left out. One that stands below the primary counts
    for low like any other."""
    chambers = (d1, d2) if by_timer else (d2,)
    others = chambers if dt is None else (*chambers, dt)
    return weigh(primary, others, ceiling_mgy, unknown_mgy)


def _not_over(said: Dose, s: Settings) -> Dose:
    """Settled although the unit still sees high voltage (what comes after is not in it), or over two sums that differ: the dose is UNKNOWN."""
    return msgspec.structs.replace(
        said,
        delivered_mgy=said.high_mgy,
        quality=Quality.UNKNOWN,
        fraction_delivered_mgy=s.delivered_before_mgy + said.high_mgy,
        fraction_quality=Quality.UNKNOWN,
        rest_mgy=s.d0_mgy - s.delivered_before_mgy - said.high_mgy,
    )


def _relative_output(table: tuple[tuple[float, float], ...], kv: float) -> float:
    """g at the combination's own kV, by the kernel's law: linear, and on along the last two points above the table."""
    k = min(max(1, bisect_left(table, kv, key=itemgetter(0))), len(table) - 1)
    (kv_0, g_0), (kv_1, g_1) = table[k - 1], table[k]
    return g_0 + (kv - kv_0) / (kv_1 - kv_0) * (g_1 - g_0)
