"""A physicist who goes through the guided procedures at a simulated bench: hands by step, readings as displays show them, every event through the engine.
It knows what each step asks of hands and nothing of what should come out; whole machines at once are verification/coverage.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from calibration.equipment import Applicator, Chamber, Electrometer, HvlSet, Instrument, KvpMeter, MaMeter
from calibration.procedures.audit import CAPSULES
from calibration.procedures.engine import after
from calibration.procedures.parts import CONSOLE, LEAK_S, LEAKAGE, Charge, Setting
from calibration.procedures.session import (
    ACCEPT,
    AnyEvent,
    Back,
    Confirmed,
    Connected,
    Effects,
    Expose,
    Exposed,
    Phase,
    Reading,
    Recorded,
    Reject,
    Session,
)
from calibration.procedures.step import RECORDED, Procedure, Step, Wanted
from simulators.laboratory import ALTITUDE_M, SERIALS
from simulators.quick_bench import QuickBench

BEGAN: Final = datetime(2026, 6, 15, 8, tzinfo=UTC)
MOVING_S, READING_S, ARMING_S = 30.0, 15.0, 8.0
"""What it takes to move something at the bench, to read and reset the electrometer, and from the asking for an exposure to its beam."""
HONEST: Final = {
    "the electrometer is reset before each exposure": "not-reset-between", "its display has no correction for air": "air-already-corrected",
    "its display has no correction for distance": "distance-already-corrected",
}  # fmt: skip
"""Who is asked says what he does: these questions are answered with no by who makes that blunder."""
Hands = Callable[[Step], Mapping[str, Any]]


class Stopped(Exception):  # noqa: N818 - not an error of the program: a refusal, with its step
    """A step was refused, in these words; `hazard` is what the step itself says that it guards against."""

    def __init__(self, step: str, words: str, hazard: str = "") -> None:
        super().__init__(f"{step}: {words}")
        self.step, self.words, self.hazard = step, words, hazard


@dataclass
class Physicist:
    """Goes to the end, or as far as a refusal: `warned` is what was accepted with a warning."""

    bench: QuickBench
    warned: list[str] = field(default_factory=list)
    events: int = 0
    rejects: Callable[[Session, str], AnyEvent | None] | None = None
    """What is done of a refused acceptance: an event, or None for giving up."""
    alters: Callable[[Exposed | Reading], Exposed | Reading] | None = None
    """What is told wrongly, for a test."""
    warm_at_s: float = 0.0
    given_mgy: float = 0.0
    """The last exposure's dose in the plane: what another house reads of its capsules."""
    honest: bool = True
    """Who is not, says that all is as it should be, whatever is done."""

    @property
    def at(self) -> datetime:
        return BEGAN + timedelta(seconds=self.bench.now_s)

    def goes_through(self, procedure: Procedure, name: str, hands: Hands) -> Session:
        """The whole session. Stopped: a step refused."""
        session = Session(name, procedure)
        while session.step is not None:
            session, effects = self._takes(session, self._due(session, hands))
            if isinstance(effects.do, Expose):
                session, _ = self._takes(session, self._answer(session, effects.do))
        return session

    def _takes(self, session: Session, event: AnyEvent) -> tuple[Session, Effects]:
        self.events += 1
        if self.alters is not None and isinstance(event, Exposed | Reading):
            event = self.alters(event)
        now, effects = after(session, event)
        if not effects.refused:
            return now, effects
        instead: AnyEvent | None = None
        if isinstance(event, Confirmed) and event.token == ACCEPT:
            if not event.why and effects.refused.endswith("accept it with the reason, or repeat"):
                self.warned.append(f"{event.step}: {effects.refused.split(';')[0]}")
                instead = Confirmed(event.step, event.at, ACCEPT, "seen, and accepted")
            elif self.rejects is not None:
                instead = self.rejects(session, effects.refused)
        if instead is None:
            raise Stopped(event.step, effects.refused, session.step.hazard if session.step is not None else "")
        return self._takes(session, instead)

    def _due(self, session: Session, hands: Hands) -> AnyEvent:
        step = session.step
        assert step is not None
        match session.phase:
            case Phase.CONNECT:
                self.bench.put(**hands(step))
                self.bench.wait(MOVING_S)
                return Connected(step.id, self.at)
            case Phase.READY:
                until = session.rests_until
                if until is not None and self.at < until:
                    self.bench.wait((until - self.at).total_seconds() + 1.0)
                return Confirmed(step.id, self.at, session.next_token if step.exposes else "")
            case Phase.READ:
                return self._reads(session, step)
            case _:
                return Confirmed(step.id, self.at, ACCEPT)

    def _answer(self, session: Session, asked: Expose) -> Exposed:
        assert session.step is not None
        self.bench.wait(ARMING_S)
        shown = self.bench.expose(asked.kv, asked.ma, asked.seconds, asked.how)
        self.given_mgy = shown.true_mgy
        thin = 101.325 / shown.record["p_kpa"] * (273.15 + shown.record["head_c"]) / 293.15
        kept: dict[str, Any] = shown.record | {"head_p_tp": thin, "counted_s": shown.timer_s}
        record = Recorded(**kept)
        event = Exposed(session.step.id, self.at, asked.token, shown.timer_s, "complete", record)
        self.bench.wait(READING_S)
        return event

    def _reads(self, session: Session, step: Step) -> Reading:
        shot = session.shot
        have = {
            one.instrument
            for one in session.held
            if isinstance(one.event, Reading) and shot is not None and one.event.token == shot.token
        }
        if shot is None:
            have = {one.instrument for one in session.kept(step.id)}
        wanted = next(one for one in step.by_hand if one.instrument not in have)
        if shot is None and wanted.unit == "nC":
            self.bench.without_beam(leak_seconds(session.procedure))
        text, instrument, serial = self._text(step, wanted)
        t_c, p_kpa = (float(self.bench.read(name).text) for name in ("thermometer", "barometer"))
        return Reading(
            step.id,
            self.at,
            shot.token if shot else "",
            text,
            instrument,
            serial,
            t_c,
            p_kpa,
            self.bench.now_s - self.warm_at_s,
        )

    def _text(self, step: Step, wanted: Wanted) -> tuple[str, str, str]:
        """What is written down, of which instrument."""
        if wanted.source == "told":
            admits = self.honest and HONEST.get(wanted.instrument) in self.bench.blundering
            return ("no" if admits else "yes"), wanted.instrument, ""
        if wanted.instrument in RECORDED:
            value = self.bench.record[wanted.instrument]
            return (
                f"{value:.{0 if wanted.unit in ('counts', 'arcs') else 2}f} {wanted.unit}",
                wanted.instrument,
                CONSOLE,
            )
        if wanted.instrument == CAPSULES:
            return f"{self.given_mgy:.0f} mGy", CAPSULES, ENGRAVED[CAPSULES]
        if wanted.unit == "V":
            return "300.4 V", wanted.instrument, ENGRAVED.get(wanted.instrument, "")
        if wanted.instrument == "survey-meter":
            place, _, far = step.id.partition(", ")
            return f"{self.bench.survey(place, far)} mGy/h", wanted.instrument, "SM-1"
        if wanted.instrument in ("spot size", "spot off axis"):
            return f"{self.bench.film()[wanted.instrument]} mm", wanted.instrument, "FI-1"
        said = self.bench.read("timer" if wanted.unit == "s" else wanted.instrument)
        return f"{said.text} {said.unit}", wanted.instrument, said.serial


def leak_seconds(procedure: Procedure) -> float:
    """How long an electrometer integrates of nothing: as its step says, or as long as the readings do."""
    if any(step.id == LEAKAGE and f"{LEAK_S:g} s" in step.connect for step in procedure.steps):
        return LEAK_S
    return next(step.exposes.seconds for step in procedure.steps if step.exposes is not None)


def back_or_again(session: Session, words: str) -> AnyEvent:
    """What a patient person does at a rung: goes back where that is said, else rejects the last exposure."""
    assert session.step is not None and session.last_at is not None
    if words.split(";")[1].strip().startswith("go back"):
        return Back(session.step.id, session.last_at, "arcs")
    last = max(place for place, one in enumerate(session.held) if one.step == session.step.id and not one.rejected)
    return Reject(session.step.id, session.last_at, last, "arcs")


# --- the bench's instruments, as a person types them from their papers -----------------------------------------------------------------------


def _cal(number: str, date: str, expires: str) -> dict[str, Any]:
    at, until = (datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (date, expires))
    return {"lab": "ADCL", "at": at, "expires_at": until, "certificate_no": number}


def chamber(bench: QuickBench, key: str) -> Chamber:
    """A reference chamber by its paper."""
    paper = bench.paper(key)
    nk = [
        {"hvl_mm_al": hvl, "kv": 70.0, "mgy_per_nc": 1000.0 * value, "u_pct_k1": 0.7}
        for hvl, value in sorted(paper.n_k_gy_per_nc.items())
    ]
    return Chamber.model_validate({
        "kind": "chamber", "id": key, "model": "PP", "serial": paper.serial, "cal": _cal(paper.certificate, paper.date, paper.expires), "type": "pp",
        "volume_cc": 0.2, "sensitive_mm": paper.sensitive_mm, "ref_point_mm_from_face": 0.5, "vented": True, "foil_mm": 0.1,
        "polarising_v": float(paper.volts), "stem_factor": paper.stem_factor, "u_stem_pct": 0.5, "nk": nk, "coefficient": "air_kerma",
        "ref_form": paper.ref_form, "ref_t_c": paper.ref_c, "ref_p_kpa": paper.ref_kpa, "protocol": "TG61",
    })  # fmt: skip


ENGRAVED: Final = {"survey-meter": "SM-1", "film": "FI-1", "sheets": "AL-1", "voltmeter": "VM-1", CAPSULES: "TLD-1"}
OTHERS: Final[dict[str, dict[str, Any]]] = {
    "electrometer": {"kind": "electrometer", "factor": 1.0, "u_pct": 0.2, "leakage_na": 0.0},
    "barometer": {"kind": "barometer", "reads": "station", "altitude_m": ALTITUDE_M},
    "thermometer": {"kind": "thermometer", "u_c": 0.5},
    "kvp-meter": {"kind": "kvp_meter", "u_pct_k1": 1.5, "least_kv": 35.0, "most_kv": 110.0},
    "divider": {"kind": "kvp_meter", "u_pct_k1": 0.25, "least_kv": 10.0, "most_kv": 150.0},
    "ma-meter": {"kind": "ma_meter", "u_pct_k1": 0.2},
    "sheets": {"kind": "hvl_set", "purity_pct": 99.9, "sheets_mm": [0.5, 0.5, 1.0, 2.0, 4.0]},
    "survey-meter": {"kind": "qa_device", "jig": "none"},
    "film": {"kind": "qa_device", "jig": "none"},
    "voltmeter": {"kind": "qa_device", "jig": "none"},
}  # fmt: skip


def instrument(name: str) -> Any:
    """One of the bench's other instruments."""
    serial = ENGRAVED.get(name) or SERIALS[name]
    table = {"id": name, "model": "M", "serial": serial, "cal": _cal(f"N-{serial}", "2026-01-31", "2028-01-31")}
    adapter: TypeAdapter[Any] = TypeAdapter(Instrument)
    return adapter.validate_python(table | OTHERS[name])


def charge(source: str = "typed") -> Charge:
    """The chamber's charge on the bench's electrometer."""
    electrometer: Electrometer = instrument("electrometer")
    return Charge(electrometer, 40.0, "wire" if source == "wire" else "typed")


def kvp_meter(name: str = "divider") -> KvpMeter:
    """The meter of kV: divider, or kvp-meter without touching anything."""
    meter: KvpMeter = instrument(name)
    return meter


def ma_meter() -> MaMeter:
    meter: MaMeter = instrument("ma-meter")
    return meter


def sheets() -> HvlSet:
    found: HvlSet = instrument("sheets")
    return found


def applicator(name: str) -> Applicator:
    """An applicator's table."""
    kinds = {"conditioning cap": "conditioning_cap", "calibration, none": "calibration_none"}
    mm = float(name.removesuffix(" mm")) if name.endswith(" mm") else 20.0
    return Applicator.model_validate({
        "id": name, "serial": f"AP-{name}", "code": 0x35, "kind": kinds.get(name, "clinical"), "shape": "circle", "diameter_mm": mm, "end": "open",
        "plane_to_focus_mm": 60.0, "effective_ssd_mm": 60.0, "u_mm": 0.3, "contact_sensor": True, "lot": "L1", "recalled": False,
        "max_skin_mgy": 15000.0, "max_time_s": 300.0,
    })  # fmt: skip


def at(kv: float = 69.5, ma: float = 1.6, filter_id: str = "F2", fitted: str = "20 mm") -> Setting:
    """A setting of the bench's machine."""
    return Setting(kv, ma, filter_id, fitted)
