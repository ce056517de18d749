"""The numbers of one simulated rig: supply, tube, contactors, chambers, applicators and filters, as a manufacturer's data sheet would give them.
It knows no state, no protocol and no rule; a certificate is measured from the running plant, never copied from here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Applicator:
    """One applicator: coded plug, output against the reference applicator, and how its scatter raises the monitor chambers' reading."""

    code: int
    name: str
    output: float
    scatter: float


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: coded slide and its output against the filter the rate was given for."""

    code: int
    name: str
    output: float


# Codes keep a Hamming distance of at least 2 (applicators even, filters odd weight), from one another and from 0x00 and 0xFF.
APPLICATORS = (
    Applicator(0x35, "20 mm", 1.0, 1.0),
    Applicator(0x53, "10 mm", 0.9312, 1.011),
    Applicator(0x1D, "15 mm", 0.9688, 1.005),
    Applicator(0x66, "30 mm", 1.0472, 0.993),
    Applicator(0x99, "calibration, none", 0.9012, 0.982),
    Applicator(0xAA, "conditioning cap", 0.0, 1.034),
)
FILTERS = (
    Filter(0xF2, "F2", 1.0),
    Filter(0x6D, "F1", 1.92),
    Filter(0x5B, "F3", 0.54),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """The simulated rig: an XRV-class 100 kV 5 mA supply, a 69.5 kV 1.6 mA skin tube, two contactors, two monitor chambers."""

    # supply: whose wire it speaks (a name of simulators/generators.py), as packets of its own network port or on a line
    generator: str = "spellman-xrv"
    generator_packets: bool = False
    full_scale_kv: float = 100.0
    full_scale_ma: float = 5.0
    kv_set_counts: int = 4095
    ma_set_counts: int = 4095
    counts_full_scale: int = 4095
    adc_overrange: float = 1.2
    model: str = "XRV100N500"
    dsp_part: str = "SWM0215-001"
    dsp_version: str = "1.07"
    fpga_part: str = "SWM0216-001"
    fpga_version: str = "1.03"
    generator_baud: int = 115200
    turnaround_us: int = 1500
    error_style: str = "bare"  # "bare": CMD,n,   "bang": CMD,!,n,
    power_limit_w: int = 500
    ramp_ms: int = 250
    hv_on_delay_ms: int = 20
    charge_ms: int = 300
    boot_ms: int = 500
    boots_local: bool = False
    interlock_latches: bool = False
    watchdog_ms: int = 0
    over_voltage_pct: int = 110
    arc_limit: int = 4
    arc_window_ms: int = 10_000
    quench_ms: int = 120
    adc_noise: float = 0.001
    # tube and cable
    tube_serial: str = "SIM-TUBE-0001"
    cable_nf: float = 1.0
    bleeder_gohm: float = 20.0
    filament_area_cm2: float = 0.125
    filament_tau_ms: float = 250.0
    filament_full_scale_a: float = 5.0
    filament_reference_a: float = 3.0
    filament_reference_k: float = 2200.0
    filament_exponent: float = 0.55
    filament_limit_counts: int = 2866
    filament_preheat_counts: int = 2375
    anode_limit_j: float = 40_000.0
    anode_warning_j: float = 30_000.0
    anode_tau_s: float = 300.0
    arcs_per_h_at_full_kv: float = 0.5
    # output: D0 rate at the reference point, and its law in kV (local exponent n at the reference, nothing below the threshold)
    rate_mgy_per_s: float = 55.0
    rate_kv: float = 69.5
    rate_ma: float = 1.6
    rate_exponent: float = 1.72
    rate_threshold_kv: float = 8.0
    no_filter_output: float = 64.0
    applicators: tuple[Applicator, ...] = APPLICATORS
    filters: tuple[Filter, ...] = FILTERS
    applicator_code: int = 0x35
    filter_code: int = 0xF2
    # what no name plate says: true kV and mA for what is set and read back, D0 by kV behind each filter and applicator (codes; filter 0: none), its drift
    kv_true_scale: float = 1.0
    kv_true_offset_kv: float = 0.0
    ma_true_scale: float = 1.0
    curves: tuple[tuple[int, int, tuple[float, ...]], ...] = ()
    curve_step_kv: float = 0.25
    sag_part: float = 0.0
    sag_tau_s: float = 600.0
    first_part: float = 0.0
    first_tau_s: float = 20.0
    cooling_tau_s: float = 1800.0
    ageing_per_mas: float = 0.0
    # chambers: 1 sealed, 2 vented (or sealed too)
    mgy_per_count_1: float = 0.0200
    mgy_per_count_2: float = 0.0196
    leak_1_cps: float = 0.5
    leak_2_cps: float = 0.3
    vented_2: bool = True
    chamber_noise: float = 0.004
    converter_max_cps: float = 60_000.0
    reference_kpa: float = 101.325
    reference_c: float = 20.0
    room_kpa: float = 101.32
    chamber_c: float = 22.0
    # contactors and wiring
    k1_open_ms: int = 15
    k2_open_ms: int = 50
    contactor_close_ms: int = 20
    lamp_ma: int = 120
    lamp_trickle_ma: int = 4
    # which unit stands between room, contactors and host (a name of simulators/units.py), and its wire
    unit: str = "kerma-unit"
    unit_baud: int = 115200
    unit_site_key: bytes = b"SIMULATED site key of the example rig"


DEFAULT = Profile()
