"""Each guided procedure at the simulated bench: the procedure as data, what its steps ask of the hands, and the session that a physicist comes home with.
It knows how a bench is set up; what the sessions come to is the procedures' own, and what is true the bench's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Any, Final

from calibration.equipment import Base, Tube
from calibration.output import Output
from calibration.procedures.applicator import applicator_procedure
from calibration.procedures.audit import CAPSULES, audit_procedure
from calibration.procedures.conditioning import conditioning_procedure
from calibration.procedures.dark import dark_procedure
from calibration.procedures.end_effect import Start, end_effect_procedure
from calibration.procedures.hvl import hvl_procedure
from calibration.procedures.interrupt import interrupt_procedure
from calibration.procedures.kv_dependence import kv_dependence_procedure
from calibration.procedures.linearity import linearity_procedure
from calibration.procedures.ma_offset import ma_offset, ma_offset_procedure
from calibration.procedures.monitor import Vents, monitor_procedure
from calibration.procedures.output import OF_NAME_PLATE, Beam, output_procedure
from calibration.procedures.parts import WHOLE, Desk, charges, mean
from calibration.procedures.scales import kv_scale_procedure, ma_scale_procedure
from calibration.procedures.session import Session
from calibration.procedures.step import Step
from calibration.procedures.survey import focal_spot_procedure, leakage_survey_procedure
from calibration.procedures.tail import tail_procedure
from simulators.quick_bench import QuickBench
from simulators.unknown import as_engraved
from verification.calibrated import (
    ENGRAVED,
    Physicist,
    applicator,
    at,
    back_or_again,
    chamber,
    charge,
    instrument,
    kvp_meter,
    ma_meter,
    sheets,
)

SECONDS: Final = 60.0
CHAMBER_MM: Final = 61.0
PLANE_MM: Final = 60.0
STACK_MM: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0)
FILTER_CODE: Final = 0xF2
EXPECTED_HVL_MM: Final = 1.95
RAMP_S: Final = 0.32
REPRODUCIBLE: Final = 0.0005
KVS: Final = (40.0, 50.0, 60.0, 69.5, 80.0)
OF_PLATE_CPS: Final = (0.5, 0.3)
IDLE_S: Final = 10 * 86400.0


def instruments(bench: QuickBench) -> dict[str, Base]:
    """All that a certificate of this bench names."""
    return {
        "A": chamber(bench, "A"),
        "B": chamber(bench, "B"),
        **{name: instrument(name) for name in ("electrometer", "barometer", "thermometer")},
    }


def warmed(bench: QuickBench) -> None:
    """A quarter of an hour of beam: the steep part of the first half hour is over."""
    for _ in range(10):
        bench.expose(69.5, 1.6, 90.0)
        bench.wait(10.0)


def hands_of_output(step: Step, key: str = "A", fitted: str = "20 mm") -> dict[str, Any]:
    """Where the chamber is, and at which voltage."""
    volts = {"polarity": -300, "recombination": 150}.get(step.id, 300)
    return {
        "chamber": key,
        "applicator": fitted,
        "distance_mm": CHAMBER_MM + (20.0 if step.id == "further" else 0.0),
        "volts": volts,
        "al_mm": 0.0,
    }


@cache
def expected_nc(key: str, fitted: str) -> float:
    """What a machine that is its name plate gives this chamber in the set time."""
    bench = QuickBench(as_engraved(), 0)
    bench.put(chamber=key, distance_mm=CHAMBER_MM, applicator=fitted)
    bench.expose(69.5, 1.6, SECONDS)
    return float(bench.read("electrometer").text)


def output_session(who: Physicist, key: str = "A", fitted: str = "20 mm", known: tuple[Base, ...] = ()) -> Session:
    """The output procedure with a chamber."""
    beam = Beam(69.5, 1.6, "F2", fitted, SECONDS, 40.0, CHAMBER_MM, expected_nc(key, fitted), OF_NAME_PLATE, True)
    procedure = output_procedure(
        beam, chamber(who.bench, key), instrument("electrometer"), 150.0, "typed", who.at, known
    )
    return who.goes_through(procedure, f"output-{key}", lambda step: hands_of_output(step, key, fitted))


def hvl_session(who: Physicist) -> Session:
    """The aluminium stack with nothing fitted."""
    procedure = hvl_procedure(
        at(fitted="calibration, none"),
        applicator("calibration, none"),
        sheets(),
        STACK_MM,
        charge(),
        300.0,
        20.0,
        EXPECTED_HVL_MM,
        who.at,
    )

    def hands(step: Step) -> dict[str, Any]:
        mm = float(step.id.split()[0]) if step.id[0].isdigit() else 0.0
        return {"chamber": "A", "applicator": "calibration, none", "distance_mm": 300.0, "al_mm": mm, "volts": 300}

    return who.goes_through(procedure, "hvl", hands)


def end_effect_session(who: Physicist, start: Start = "hv_seen", desk: Desk = WHOLE) -> Session:
    """The timer, the rounds, and many starts."""
    procedure = end_effect_procedure(
        at(), charge(), "A in air", REPRODUCIBLE, 0.001, RAMP_S, kvp_meter("kvp-meter"), "typed", who.at, start, desk
    )
    return who.goes_through(procedure, "end-effect", hands_of_output)


def monitor_session(
    who: Physicist, mgy_per_nc: float, heats: bool = True, last_n1: float = 0.0, desk: Desk = WHOLE
) -> Session:
    """Both monitor chambers against the reference chamber, cold and warm."""
    who.bench.wait(3600.0 if heats else 0.0)
    procedure = monitor_procedure(
        at(), charge(), "A in air", SECONDS, mgy_per_nc, Vents(False, True, 20.0, 101.325), 300.0, last_n1, who.at, desk, None,
        None if "dark" in desk.does else OF_PLATE_CPS,
    )  # fmt: skip

    def hands(step: Step) -> dict[str, Any]:
        if step.id == "seal" and heats:
            for _ in range(4):
                who.bench.expose(69.5, 1.6, 180.0)
        return hands_of_output(step)

    return who.goes_through(procedure, "monitor", hands)


def dark_session(who: Physicist) -> Session:
    """What the chambers count of nothing, over a cold filament."""
    return who.goes_through(dark_procedure(at()), "dark", lambda _step: {"applicator": "20 mm", "chamber": "none"})


def linearity_session(who: Physicist) -> Session:
    """Charge for each mA."""
    procedure = linearity_procedure(at(), charge(), "A in air")
    return who.goes_through(procedure, "linearity", hands_of_output)


def mgy_per_nc(found: Output, session: Session, dt_s: float) -> float:
    """D0 in the plane for one nC of the reference chamber in the reference air."""
    return found.r0_mgy_per_s * (SECONDS + dt_s) / mean(charges(session, "readings"))


def ma_offset_session(who: Physicist) -> Session:
    """Cold filament, kV after kV."""
    procedure = ma_offset_procedure((40.0, 60.0, 69.5), at(fitted="conditioning cap"), ma_meter(), "typed", who.at)
    return who.goes_through(procedure, "ma-offset", lambda _step: {"applicator": "conditioning cap", "chamber": "none"})


def kv_scale_session(who: Physicist, meter: str = "divider") -> Session:
    """Up and down, by the divider or the meter that touches nothing."""
    procedure = kv_scale_procedure(KVS, at(ma=1.0), kvp_meter(meter), "typed", who.at)
    return who.goes_through(procedure, "kv-scale", lambda _step: {"applicator": "20 mm", "chamber": "none"})


def ma_scale_session(who: Physicist) -> Session:
    """After the offset, at the clinical kV."""
    offset = ma_offset(ma_offset_session(who))
    procedure = ma_scale_procedure((0.4, 0.8, 1.2, 1.6, 2.0), at(), ma_meter(), offset, "typed", who.at)
    return who.goes_through(procedure, "ma-scale", lambda _step: {"applicator": "20 mm", "chamber": "none"})


def tail_session(who: Physicist, tick_s: float = 0.0) -> Session:
    """Counts after the end; R0 and end effect of the name plate do for what is tested."""
    procedure = tail_procedure(at(), 55.0, -0.13, OF_PLATE_CPS, tick_s)
    return who.goes_through(procedure, "tail", lambda _step: {"applicator": "20 mm", "chamber": "none"})


def applicator_session(
    who: Physicist, name: str = "30 mm", cutout: str = "", history: tuple[float, ...] = (), reference: str = "20 mm"
) -> Session:
    """Against the 20 mm one, or another."""
    procedure = applicator_procedure(at(fitted=reference), name, cutout, charge(), "A in air", SECONDS, history)

    def hands(step: Step) -> dict[str, Any]:
        return hands_of_output(step, fitted=name if step.id == "applicator" else reference)

    return who.goes_through(procedure, "applicator", hands)


def kv_dependence_session(who: Physicist) -> Session:
    """Down to 15 % and back."""
    procedure = kv_dependence_procedure(at(), charge(), "A in air", 0.001)
    return who.goes_through(procedure, "kv-dependence", hands_of_output)


def interrupt_session(who: Physicist, dt_s: float = -0.127) -> Session:
    """One against three pieces."""
    return who.goes_through(
        interrupt_procedure(at(), charge(), "A in air", SECONDS, dt_s), "interrupt", hands_of_output
    )


def audit_session(who: Physicist) -> Session:
    """Capsules of another house, at an output that is stated as it is."""
    rate = who.bench.rate(who.bench.machine.true_kv(69.5), 1.6 * (1.0 + who.bench.machine.drawn["ma_scale"]))
    procedure = audit_procedure(at(), 40.0, rate, -0.127, "Another House", ENGRAVED[CAPSULES])
    return who.goes_through(procedure, "audit", lambda _step: {"applicator": "20 mm", "chamber": "none"})


def tube(who: Physicist, idle_s: float = IDLE_S) -> Tube:
    """The bench's tube, that has idled so long."""
    return Tube.model_validate({
        "id": "T-1", "serial": "SIM-1", "model": "M", "target_angle_deg": 30.0, "inherent_mm_be": 0.8, "max_kv": 80.0, "max_ma": 5.0, "max_w": 250.0,
        "heat_capacity_j": 40000.0, "cooling_tau_s": 300.0, "max_on_s": 180.0, "min_rest_s": 60.0, "installed_on": who.at, "hours_s": 0.0,
        "arcs_total": 0, "ma_seconds": 0.0, "leak_survey": {"at": who.at, "mgy_h_1m": 0.1, "mgy_h_5cm": 1.0, "by": "S. One"}, "focal_spot_mm": 1.0,
        "last_beam_at": who.at - timedelta(seconds=idle_s),
    })  # fmt: skip


def conditioning_session(who: Physicist, idle_s: float = IDLE_S, desk: Desk = WHOLE) -> Session:
    """A tube that has forgotten its kV."""
    who.bench.seasoned_kv = 50.0
    who.rejects = back_or_again
    procedure = conditioning_procedure(tube(who, idle_s), applicator("conditioning cap"), "F2", 69.5, 1.6, who.at, desk)
    return who.goes_through(
        procedure, "conditioning", lambda _step: {"applicator": "conditioning cap", "chamber": "none"}
    )


def survey_session(who: Physicist) -> Session:
    """Around the head, and the tank."""
    procedure = leakage_survey_procedure(at(), applicator("conditioning cap"), instrument("survey-meter"), who.at)
    return who.goes_through(procedure, "survey", lambda _step: {"applicator": "conditioning cap", "chamber": "none"})


def focal_spot_session(who: Physicist) -> Session:
    """A film."""
    procedure = focal_spot_procedure(at(), instrument("film"), 1.0)
    return who.goes_through(procedure, "focal-spot", lambda _step: {"applicator": "20 mm", "chamber": "none"})


SESSIONS: Final[Mapping[str, Callable[[Physicist], Session]]] = {
    "mA offset": ma_offset_session, "kV scale": kv_scale_session, "mA scale": ma_scale_session, "timer and end effect": end_effect_session,
    "tail": tail_session, "output": output_session, "applicators": applicator_session, "monitor chambers": lambda who: monitor_session(who, 520.0),
    "counts in the dark": dark_session,
    "HVL": hvl_session, "kV dependence": kv_dependence_session, "linearity": linearity_session, "interrupt error": interrupt_session,
    "output audit": audit_session,
    "conditioning": conditioning_session, "leakage survey": survey_session, "focal spot": focal_spot_session,
}  # fmt: skip
"""Every guided procedure, by its name."""
