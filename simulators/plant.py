"""Everything that is iron, glass and wire: room, wired chain, contactors, supply, tube and chambers, truly coupled and advanced 1 ms at a time.
It knows what is true; the safety unit and the host see of it only pins and bytes."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.chamber import Chamber
from simulators.contactors import Contactor
from simulators.generators import firmware
from simulators.line import SerialLine
from simulators.profile import Profile
from simulators.room import Room
from simulators.seam import UnitInputs, UnitOutputs
from simulators.supply import Supply
from simulators.tube import Tube

STEP_US = 1000
SLOW_MS = 10
HV_ON_KV = 5.0


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true now. Dose: D0, absorbed dose to water, surface, central axis, applicator plane, mGy since world start; rate over the last ms."""

    now_us: int
    kv: float
    ma: float
    hv_on: bool
    dose_rate_mgy_s: float
    dose_mgy: float
    k1_closed: bool
    k2_closed: bool
    k1_coil: bool
    k2_coil: bool
    chain_closed: bool
    generator_hv_on: bool
    supply_ready: bool
    applicator: int
    filter: int
    pulses_1: int
    pulses_2: int
    pressure_kpa: float
    temperature_c: float
    anode_j: float
    filament_k: float


class Plant:
    """`step` takes what the unit drives and sets what its pins see; `log` is what really happened, when (us), to whom."""

    __slots__ = (
        "_app_output",
        "_beam",
        "_chain",
        "_curves",
        "_filter_output",
        "_head_per_mgy",
        "_hv",
        "_k1_coil",
        "_k2_coil",
        "_lamp",
        "_p",
        "_slow",
        "_step_mgy",
        "chamber_1",
        "chamber_2",
        "dose_mgy",
        "generator",
        "generator_line",
        "k1",
        "k2",
        "log",
        "now_us",
        "pins",
        "pressure_drift_kpa_s",
        "pressure_kpa",
        "room",
        "supply",
        "temperature_c",
        "tube",
    )

    def __init__(self, profile: Profile, seed: int) -> None:
        p = self._p = profile
        self.now_us = 0
        self.log: list[tuple[int, str, str]] = []
        self.room = Room(p)
        self.tube = Tube(p, seed * 16 + 1)
        self.generator_line = SerialLine(p.generator_baud)
        self.supply = Supply(p, self.tube, seed * 16 + 2)
        self.generator = firmware(p, self.supply, self.generator_line, seed * 16 + 3)
        self.k1 = Contactor(p.contactor_close_ms, p.k1_open_ms)
        self.k2 = Contactor(p.contactor_close_ms, p.k2_open_ms)
        self.chamber_1 = Chamber(p.mgy_per_count_1, p.leak_1_cps, p.chamber_noise, p.converter_max_cps, seed * 16 + 4)
        self.chamber_2 = Chamber(p.mgy_per_count_2, p.leak_2_cps, p.chamber_noise, p.converter_max_cps, seed * 16 + 5)
        self.pressure_kpa = p.room_kpa
        self.temperature_c = p.chamber_c
        self.pressure_drift_kpa_s = 0.0
        self.dose_mgy = 0.0
        self.pins = UnitInputs()
        self._curves = {(slid, fitted): curve for slid, fitted, curve in p.curves}
        self._step_mgy = 0.0
        self._slow = 0
        self._hv = self._beam = self._k1_coil = self._k2_coil = self._chain = False
        self._lamp = -1
        self._rewire()
        self._air()

    def _rewire(self) -> None:
        """Hands or faults changed the room: set pins, chain and the factors of output."""
        room, p = self.room, self._p
        room.wire(self.pins)
        self._chain = room.chain_closed()
        code, filter_code = room.applicator_now(), room.filter_now()
        fitted = [a for a in p.applicators if a.code == code]
        # With no applicator the reference plane stays where it was; only its scatter is missing.
        self._app_output, scatter = (fitted[0].output, fitted[0].scatter) if fitted else (0.9, 0.98)
        slid = [f.output for f in p.filters if f.code == filter_code]
        self._filter_output = (slid[0] if slid else p.no_filter_output) * p.rate_mgy_per_s
        self._head_per_mgy = scatter
        if self._curves:
            behind = filter_code if slid else 0, code if fitted else p.applicator_code
            self.tube.through(self._curves[behind])
        self._lamp = -1

    def _air(self) -> None:
        """Chamber 2, if it is vented, holds the room's air; the unit's sensors read the same."""
        p = self._p
        if p.vented_2:
            self.chamber_2.air = (
                self.pressure_kpa / p.reference_kpa * (273.15 + p.reference_c) / (273.15 + self.temperature_c)
            )
        self.pins.pressure_10pa = round(self.pressure_kpa * 100.0)
        self.pins.temperature_centi_c = round(self.temperature_c * 100.0)

    def breathe(self, pressure_kpa: float, temperature_c: float) -> None:
        """The air is now this: pressure of the room, temperature in the head."""
        self.pressure_kpa, self.temperature_c = pressure_kpa, temperature_c
        self._air()

    def step(self, out: UnitOutputs) -> None:
        """One ms: the plant follows the coils, then shows itself on the pins."""
        self.now_us = now = self.now_us + STEP_US
        if self.room.changed:
            self._rewire()
        k1, k2, supply, tube = self.k1, self.k2, self.supply, self.tube
        chain = self._chain
        if k1.step(out.k1_close and chain, now):
            self.log.append((now, "K1", "closed" if k1.closed else "opened"))
        if k2.step(out.k2_close and chain, now):
            self.log.append((now, "K2", "closed" if k2.closed else "opened"))
        waiting = self.generator_line.to_device
        if waiting.busy():
            data = waiting.take(now)
            if data:
                self.generator.receive(data, now)
        self.generator.step(now)
        supply.step(now, k1.closed, k2.closed)
        if supply.notes:
            self.log += [(now, "generator", words) for words in supply.notes]
            supply.notes.clear()
        head = tube.output_s * self._filter_output
        if head and self.generator.shutter_open:
            self._step_mgy = mgy = head * self._app_output
            self.dose_mgy += mgy
            head *= self._head_per_mgy
        else:
            head = self._step_mgy = 0.0
        self.chamber_1.step(head)
        self.chamber_2.step(head)
        self._show(out)
        self._slow += 1
        if self._slow >= SLOW_MS:
            self._slow = 0
            self._slow_step(now)

    def idle_ms(self, out: UnitOutputs) -> int:
        """How many steps from now on, up to the next slow one, would only go on as they are: nothing moves, is on the wire or is due."""
        coil_1, coil_2 = out.k1_close, out.k2_close
        if (
            self.room.changed
            or coil_1 is not self._k1_coil
            or coil_2 is not self._k2_coil
            or out.beam_lamp != self._lamp
            or self.generator_line.to_device.busy()
            or not self.k1.rests(coil_1 and self._chain)
            or not self.k2.rests(coil_2 and self._chain)
            or not self.supply.rests(self.now_us + STEP_US, self.k1.closed, self.k2.closed)
        ):
            return 0
        return min(SLOW_MS - self._slow, self.generator.idle_ms())

    def skip(self, ms: int) -> None:
        """`ms` steps, at most `idle_ms`, with what would only be seen between them left out; doses add up in the same order."""
        self.now_us = now = self.now_us + ms * STEP_US
        heads = self.supply.skip(ms)
        pins, tube, one, two = self.pins, self.tube, self.chamber_1, self.chamber_2
        if heads[-1] and self.generator.shutter_open:
            filter_output, app_output, head_per_mgy = self._filter_output, self._app_output, self._head_per_mgy
            dose, mgy = self.dose_mgy, 0.0
            for place, output_s in enumerate(heads):
                head = output_s * filter_output
                mgy = head * app_output
                dose += mgy
                heads[place] = head * head_per_mgy
            self.dose_mgy, self._step_mgy = dose, mgy
        one.skip(heads)
        two.skip(heads)
        pins.pulses_1, pins.pulses_2 = one.pulses, two.pulses
        pins.saturated_1, pins.saturated_2 = one.saturated, two.saturated
        pins.ma_centi = int(tube.ma * 100.0 + 0.5)
        self._slow += ms
        if self._slow >= SLOW_MS:
            self._slow = 0
            self._slow_step(now)

    def _show(self, out: UnitOutputs) -> None:
        pins, tube = self.pins, self.tube
        one, two = self.chamber_1, self.chamber_2
        pins.pulses_1, pins.pulses_2 = one.pulses, two.pulses
        pins.saturated_1, pins.saturated_2 = one.saturated, two.saturated
        pins.k1_mirror_open, pins.k2_mirror_open = self.k1.mirror_open, self.k2.mirror_open
        kv = tube.kv
        pins.kv_centi, pins.ma_centi = int(kv * 100.0 + 0.5), int(tube.ma * 100.0 + 0.5)
        if out.beam_lamp != self._lamp:
            self._lamp = out.beam_lamp
            lit = self._p.lamp_ma if out.beam_lamp else self._p.lamp_trickle_ma
            pins.lamp_ma = lit if pins.beam_lamp_ok else 0
        if (kv > HV_ON_KV) is not self._hv:
            self._hv = not self._hv
            self.log.append((self.now_us, "tube", "HV rose" if self._hv else "HV fell"))
        if (self._step_mgy > 0.0) is not self._beam:
            self._beam = not self._beam
            self.log.append((self.now_us, "tube", "beam on" if self._beam else "beam off"))
        if out.k1_close is not self._k1_coil or out.k2_close is not self._k2_coil:
            self._note_coils(out)

    def _note_coils(self, out: UnitOutputs) -> None:
        for name, now_on, was_on in (("K1", out.k1_close, self._k1_coil), ("K2", out.k2_close, self._k2_coil)):
            if now_on is not was_on:
                self.log.append((self.now_us, "unit", f"{name} coil {'on' if now_on else 'off'}"))
        self._k1_coil, self._k2_coil = out.k1_close, out.k2_close

    def _slow_step(self, now_us: int) -> None:
        self.supply.slow_step(now_us)
        self.tube.slow_step(SLOW_MS)
        self.chamber_1.slow_step(SLOW_MS)
        self.chamber_2.slow_step(SLOW_MS)
        self.pins.ht_1, self.pins.ht_2 = self.chamber_1.ht, self.chamber_2.ht
        if self.pressure_drift_kpa_s:
            self.pressure_kpa += self.pressure_drift_kpa_s * SLOW_MS * 1e-3
            self._air()

    def truth(self) -> Truth:
        """What is true now."""
        return Truth(
            now_us=self.now_us,
            kv=self.tube.kv,
            ma=self.tube.ma,
            hv_on=self.tube.kv > HV_ON_KV,
            dose_rate_mgy_s=self._step_mgy * 1000.0,
            dose_mgy=self.dose_mgy,
            k1_closed=self.k1.closed,
            k2_closed=self.k2.closed,
            k1_coil=self._k1_coil,
            k2_coil=self._k2_coil,
            chain_closed=self._chain,
            generator_hv_on=self.supply.hv_on,
            supply_ready=self.supply.ready,
            applicator=self.room.applicator_now(),
            filter=self.room.filter_now(),
            pulses_1=self.chamber_1.pulses,
            pulses_2=self.chamber_2.pulses,
            pressure_kpa=self.pressure_kpa,
            temperature_c=self.temperature_c,
            anode_j=self.tube.anode_j,
            filament_k=self.tube.filament_k,
        )
