"""A machine of unknown truth: from a draw of the terms, the data sheet of a rig that is not what its name plate says.
It knows how each term acts on tube, filters, applicators and monitor chambers; the instruments that find it out are in simulators/laboratory.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from simulators import beams, published, terms
from simulators.profile import DEFAULT, Applicator, Profile

PLANE_MM: Final = 60.0
"""From the focus to the applicators' plane, as engraved."""
FILTER_MM: Final = {"F1": 1.0, "F2": 1.9, "F3": 3.2}
"""Engraved."""
IN_AIR: Final = {10: 0.972, 15: 0.990, 20: 1.0, 30: 1.022}
"""What the formula makes of each applicator in air, against the one of 20 mm."""
AGEING_MAS: Final = 500_000.0
CURVE_STEP_KV: Final = 0.25
RIGHT_KV: Final = tuple(5.0 * step for step in range(2, 23))


def diameter_mm(applicator: Applicator) -> int:
    """Of the field; where it has none of its own (calibration, conditioning) that of the reference applicator."""
    name = applicator.name
    return int(name.removesuffix(" mm")) if name.endswith(" mm") else 20


@dataclass(frozen=True)
class Unknown:
    """One machine and one bench: `drawn` is the truth."""

    seed: int
    drawn: Mapping[str, float]

    def al_mm(self, filter_code: int) -> float:
        """Aluminium that is truly in the beam."""
        name = next((row.name for row in DEFAULT.filters if row.code == filter_code), "")
        mine = FILTER_MM[name] * (1.0 + self.drawn[f"filter_{name}"]) if name else 0.0
        return mine + self.drawn["inherent"]

    def true_kv(self, set_kv: float) -> float:
        """What the tube gets for a set-point."""
        return set_kv * (1.0 + self.drawn["kv_scale"]) + self.drawn["kv_offset"]

    def hvl_mm_al(self, kv: float, filter_code: int) -> float:
        """First half-value layer at this true kV."""
        return beams.kermas().hvl1_mm_al(kv, self.al_mm(filter_code))

    def dose_per_kerma(self, kv: float, filter_code: int, diameter_mm: int) -> float:
        """True D0 over air kerma in air at the same place: backscatter and the ratio of mass energy absorption, with their unknown errors."""
        right = beams.straight(self._right[filter_code, diameter_mm], kv)
        return right * (1.0 + self.drawn["b_w"]) * (1.0 + self.drawn["mu"])

    @cached_property
    def _right(self) -> dict[tuple[int, int], dict[float, float]]:
        """The same by the protocol's tables, for each filter and diameter, by kV."""
        right: dict[tuple[int, int], dict[float, float]] = {}
        for code in (0, *(row.code for row in DEFAULT.filters)):
            for kv in RIGHT_KV:
                hvl = self.hvl_mm_al(kv, code)
                for mm in IN_AIR:
                    value = beams.backscatter(hvl, mm, PLANE_MM) * beams.water_to_air(hvl)
                    right.setdefault((code, mm), {})[kv] = value
        return right

    def in_air(self, diameter_mm: int) -> float:
        """True output in air of an applicator against the table of the tube."""
        return IN_AIR[diameter_mm] * (1.0 + self.drawn[f"applicator_{diameter_mm}"])

    def on_treatment_day(self) -> Unknown:
        """The same machine on the day of a treatment: its output has moved since it was calibrated."""
        moved = (1.0 + self.drawn["output"]) * (1.0 + self.drawn["day_output"]) - 1.0
        return replace(self, drawn={**self.drawn, "output": moved})

    def at_depth_mgy(self, d0_mgy: float, depth_mm: float, table_pct: float) -> float:
        """True dose at this depth for a true D0 in the plane: the table's depth dose with its error, the air that was left, and what the control added."""
        d = self.drawn
        gap = ((PLANE_MM + depth_mm) / (PLANE_MM + d["gap"] + depth_mm)) ** 2
        return d0_mgy * table_pct / 100.0 * (1.0 + d["pdd"]) * gap * (1.0 + d["control"])

    @cached_property
    def profile(self) -> Profile:
        """The rig that is so, with the default supply."""
        return self.behind(DEFAULT)

    def behind(self, base: Profile) -> Profile:
        """The same tube, head and contactors behind another supply."""
        d, table = self.drawn, beams.kermas()
        kv, reference = base.rate_kv, base.filter_code
        through = {0: self.al_mm(0), **{row.code: self.al_mm(row.code) for row in base.filters}}
        at = {code: table.at(kv, al_mm) for code, al_mm in through.items()}
        against = {code: self.dose_per_kerma(kv, code, 20) for code in through}
        kerma_mgy_s = at[reference] * 1e-3 * (1000.0 / PLANE_MM) ** 2 * base.rate_ma * published.scale()
        rate = kerma_mgy_s * (1.0 + d["output"]) * self.in_air(20) * against[reference]
        outputs = {code: at[code] * against[code] / (at[reference] * against[reference]) for code in through}
        return replace(
            base,
            kv_true_scale=1.0 + d["kv_scale"],
            kv_true_offset_kv=d["kv_offset"],
            ma_true_scale=1.0 + d["ma_scale"],
            bleeder_gohm=d["bleeder"],
            cable_nf=d["cable"],
            ramp_ms=round(d["ramp"]),
            k1_open_ms=round(d["k1"]),
            rate_mgy_per_s=rate,
            no_filter_output=outputs[0],
            filters=tuple(replace(row, output=outputs[row.code]) for row in base.filters),
            applicators=tuple(self._applicator(row) for row in base.applicators),
            curves=tuple(self._curves()),
            curve_step_kv=CURVE_STEP_KV,
            sag_part=terms.SAG + d["sag"],
            first_part=d["first_minute"],
            ageing_per_mas=d["ageing"] / AGEING_MAS,
            mgy_per_count_1=base.mgy_per_count_1 / (1.0 + d["monitor_1"]),
            mgy_per_count_2=base.mgy_per_count_2 / (1.0 + d["monitor_2"]),
            tube_serial=f"SIM-UNKNOWN-{self.seed:04d}",
        )

    def _curves(self) -> Iterator[tuple[int, int, tuple[float, ...]]]:
        """D0 by kV behind each filter and applicator, against what the outputs of both say at the reference kV."""
        table, base = beams.kermas(), DEFAULT
        steps = [step * CURVE_STEP_KV for step in range(int(table.kvs[-1] / CURVE_STEP_KV) + 1)]
        kv0, ref = base.rate_kv, base.filter_code
        for code, al_mm in ((0, self.al_mm(0)), *((row.code, self.al_mm(row.code)) for row in base.filters)):
            kermas = [table.at(kv, al_mm) for kv in steps]
            at_20 = table.at(kv0, al_mm) * self.dose_per_kerma(kv0, code, 20) / self.dose_per_kerma(kv0, ref, 20)
            made = {}
            for mm in IN_AIR:
                unit = at_20 * self.dose_per_kerma(kv0, ref, mm)
                curve = (k * self.dose_per_kerma(kv, code, mm) / unit for k, kv in zip(kermas, steps, strict=True))
                made[mm] = tuple(curve)
            for row in base.applicators:
                yield code, row.code, made[diameter_mm(row)]

    def _applicator(self, row: Applicator) -> Applicator:
        if not row.name.endswith(" mm"):
            return row
        mm, kv, code = diameter_mm(row), DEFAULT.rate_kv, DEFAULT.filter_code
        ratio = self.dose_per_kerma(kv, code, mm) / self.dose_per_kerma(kv, code, 20)
        return replace(row, output=self.in_air(mm) / self.in_air(20) * ratio)


def unknown(seed: int, known: Mapping[str, float] | None = None) -> Unknown:
    """The machine and bench of this seed; `known` sets terms by name."""
    return Unknown(seed, terms.draw(seed, known))


def as_engraved() -> Unknown:
    """A machine that is what its name plate says, measured without error: what is left is noise."""
    return Unknown(0, terms.nothing())
