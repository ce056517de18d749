"""What the physician ordered, what the certificate says, and what the records know of the fraction, as frozen numbers that the real-time process is given.
It computes nothing; controller/settings.py makes settings of the three."""

from __future__ import annotations

from enum import Enum

import msgspec
from msgspec import UNSET, UnsetType

from hal.readings import Purpose, Termination, TimerStart


class Quality(Enum):
    """How far a delivered dose can be relied on (docs/dose.md): all channels valid; one lost or a small charged gap; not known."""

    GOOD = "GOOD"
    DEGRADED = "DEGRADED"
    UNKNOWN = "UNKNOWN"


class Backing(Enum):
    """What lies behind the lesion. Published backscatter is that of deep tissue: behind a thin part or over lead there is less of it than it says."""

    FULL = "full"
    THIN = "thin"
    LEAD = "lead"


class SetUp(msgspec.Struct, frozen=True):
    """What an order says of the patient's set-up besides gap and factor: water-equivalent millimetres on the skin under the applicator, what backs the lesion,
    the cut-out by name ("": none), what is shielded and how, and what of the neighbourhood bears less."""

    bolus_mm: float = 0.0
    backing: Backing = Backing.FULL
    cutout_id: str = ""
    cutout_diameter_mm: float = 0.0
    cutout_measured_by: str = ""
    shield_notes: str = ""
    tolerance_flags: tuple[str, ...] = ()


class Lead(msgspec.Struct, frozen=True):
    """A cut-out in an applicator, measured in one combination's beam: its factor at the surface, and its own depth dose (mm, % of its surface)."""

    id: str
    factor: float
    pdd: tuple[tuple[float, float], ...]


class Combination(msgspec.Struct, frozen=True):
    """One measured combination of the certificate; dose rates in D0 (water, surface, central axis, applicator plane).

    `kv_read` and `ma_read` are what the generator's own meters were certified to show at it (0: the set-points themselves). `pdd` is the open field's;
    `leads` are the cut-outs whose own depth dose was measured in this beam. `measured_wall_s`: when the first reading of its output was taken; unset, and
    then written nowhere, where nothing was read (a simulated plant's own word, a name plate) and in what an older program wrote.
    """

    kv: float
    ma: float
    filter_id: str
    filter_code: int
    applicator_id: str
    applicator_code: int
    r0_mgy_per_s: float
    dt_s: float
    tail_mgy: float
    n1_mgy_per_count: float
    n2_mgy_per_count: float
    leak1_cps: float
    leak2_cps: float
    g_kv: tuple[tuple[float, float], ...]
    pdd: tuple[tuple[float, float], ...]
    effective_ssd_mm: float
    max_skin_mgy: float
    max_time_s: float
    closed_end: bool = False
    gap_table: tuple[tuple[float, float], ...] = ()
    kv_read: float = 0.0
    ma_read: float = 0.0
    leads: tuple[Lead, ...] = ()
    measured_wall_s: float | UnsetType = UNSET


class Certificate(msgspec.Struct, frozen=True):
    """The numbers of a verified calibration certificate; wall times are seconds since 1970 UTC. `vented_2` says that channel 2 needs k_TP.

    `provisional`: of a name plate, for calibration only.
    `ref_pressure_kpa` and `ref_temperature_c` are the conditions for which n2 holds; `press_to_hv_s` the certified time from K1 closing to HV seen;
    `*_fw` the firmware that was measured with, as the devices say it ("": not stated).
    """

    id: str
    sha256: bytes
    tube_serial: str
    machine_serial: str
    software_version: str
    effective_wall_s: float
    expires_wall_s: float
    termination: Termination
    timer_start: TimerStart
    capacitance_nf: float
    off_latency_s: float
    press_to_hv_s: float
    ramp_s: float
    filament_limit_counts: int
    filament_preheat_counts: int
    vented_2: bool
    ref_pressure_kpa: float
    ref_temperature_c: float
    combinations: tuple[Combination, ...]
    provisional: bool = False
    safety_unit_fw: str = ""
    generator_fw: str = ""


class Prescribed(msgspec.Struct, frozen=True):
    """One fraction as ordered; read strictly from a file by the console, whose SHA-256 is `sha256`. Dose at depth in mGy, times in hours where named.

    What an older form of the file does not say is unset, and then written nowhere: its bytes in the records, and the name of its signed values, stay what
    they were. `by_signature`: the file names no approver, and both signatures are needed whatever a rig asks for.
    """

    prescription_id: str
    version: int
    sha256: bytes
    patient_id: str
    patient_id_2: str
    course_id: str
    lesion_id: str
    site: str
    laterality: str
    rx_mgy: float
    depth_mm: float
    fraction: int
    fractions: int
    min_interval_h: float
    kv: float
    ma: float
    filter_id: str
    applicator_id: str
    gap_mm: float
    cutout_factor: float
    approved_by: tuple[str, ...]
    purpose: Purpose = Purpose.TREAT
    set_up: SetUp | UnsetType = UNSET
    by_signature: bool | UnsetType = UNSET

    @property
    def cutout_id(self) -> str:
        """The cut-out that the order names, "" for none."""
        return "" if self.set_up is UNSET else self.set_up.cutout_id

    @property
    def bolus_mm(self) -> float:
        """Water-equivalent thickness between applicator plane and skin."""
        return 0.0 if self.set_up is UNSET else self.set_up.bolus_mm

    @property
    def reach_mm(self) -> float:
        """How deep in water the dose is prescribed: what lies on the skin counts as water above it."""
        return self.depth_mm + self.bolus_mm

    @property
    def flags(self) -> tuple[str, ...]:
        """What whoever signs this order has to accept by name."""
        if self.set_up is UNSET:
            return ()
        backing = () if self.set_up.backing is Backing.FULL else (f"backing_{self.set_up.backing.value}",)
        return (*backing, *self.set_up.tolerance_flags)


class Clearance(msgspec.Struct, frozen=True):
    """What the records say of one fraction, in answer to the query of sequence `query_seq`.

    `refused` is empty when it may be delivered or resumed. Doses in D0 mGy summed over its segments; `beam_ms`, `k1_ms`, counts are not here:
    the safety unit keeps those. `hour_mas` is the charge that was asked for under the same purpose within the last hour.
    `token` is the retained token of the open exposure (0: none). `open` says that a partial fraction is open.
    """

    query_seq: int
    fraction_tag: int
    refused: str
    open: bool
    token: int
    segments: int
    resumes: int
    trips: int
    delivered_mgy: float
    low_mgy: float
    high_mgy: float
    beam_s: float
    quality: Quality
    last_end_wall_s: float
    same_day: bool
    day_check_until_wall_s: float
    wall_s: float
    hour_mas: float = 0.0
