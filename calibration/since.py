"""What beside R0 moved since the certificate before: half-value layer, end effect, the factor of a gap, cut-outs and the depth dose under them; each with the
bound that refuses a draft. R0 itself and what its change asks for are calibration/gates.py; a part that was exchanged explains what is refused here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from calibration.dosimetry.beam import half_value_layers
from calibration.dosimetry.units import MillimetresAl
from calibration.facts import CutoutTable, LeadDepthTable
from calibration.gates import REFUSE_PCT
from calibration.history import depth_moved, gap_moved
from calibration.procedures import applicator, hvl
from calibration.schema import CertificateTable, CombinationTable


@dataclass(frozen=True)
class Moved:
    """One number now and then, and from which change on it is refused (None: it is told only)."""

    what: str
    now: float
    was: float
    unit: str
    most_pct: float | None

    @property
    def change_pct(self) -> float:
        return 100.0 * (self.now / self.was - 1.0)

    @property
    def refused(self) -> bool:
        return self.most_pct is not None and abs(self.change_pct) > self.most_pct

    @property
    def words(self) -> str:
        change = f"{self.change_pct:+.2f} %" if self.most_pct is not None else f"{self.now - self.was:+.4f} {self.unit}"
        return f"{self.what}: {self.now:.4f} {self.unit}, was {self.was:.4f}, {change}".replace(" ,", ",")


def since(document: Mapping[str, Any], last: CertificateTable) -> Iterator[Moved]:
    """A draft against the certificate before (hazards A1 and A2): what is typed as expected, or as a history, is typed by who measures.

    A cut-out of a certificate whose factors were in air is compared in air."""
    for c in document["combinations"]:
        key = (c["kv"], c["ma"], c["filter"], c["applicator"])
        named = f"{key[0]:g} kV, {key[1]:g} mA, {key[2]}, {key[3]}"
        was = next((one for one in last.combinations if (one.kv, one.ma, one.filter, one.applicator) == key), None)
        if was is None:
            continue
        if was.measured is not None:
            old = [(one.al_mm, one.reading) for one in was.measured.layers]
            new = [(float(one["al_mm"]), float(one["reading"])) for one in c["measured"]["layers"]]
            yield Moved(f"{named}: HVL", _hvl(new), _hvl(old), "mm Al", 100.0 * hvl.STOP)
        yield Moved(f"{named}: end effect", c["dt_s"], was.dt_s, "s", None)
        gap = gap_moved(CombinationTable.model_validate(c), was)
        if gap is not None and gap.now != gap.was:
            yield Moved(f"{named}: factor at a gap of {gap.mm:g} mm", gap.now, gap.was, "", REFUSE_PCT)
    before = {(one.id, one.applicator): one for one in last.facts.cutouts}
    for one in document.get("facts", {}).get("cutouts", []):
        lead = before.get((one["id"], one["applicator"]))
        if lead is not None:
            whole = lead.b_w_ratio is not None and "b_w_ratio" in one
            now = one["factor"] if whole else one["factor"] / one.get("b_w_ratio", {}).get("value", 1.0)
            yield Moved(
                f"cut-out {one['id']} in {one['applicator']}{'' if whole else ', in air'}", now, lead.factor if whole else lead.in_air, "",
                100.0 * applicator.STOP,
            )  # fmt: skip
            yield from _under(one, lead)


def _under(one: Mapping[str, Any], was: CutoutTable) -> Iterator[Moved]:
    """The depth dose under a cut-out, which no session measures, in the same beam as before."""
    ratio, now = one.get("b_w_ratio"), one.get("depth")
    if ratio is None or now is None or was.b_w_ratio is None or was.depth is None:
        return
    if (ratio["kv"], ratio["filter"]) != (was.b_w_ratio.kv, was.b_w_ratio.filter):
        return
    depth = depth_moved(LeadDepthTable.model_validate(now).pdd, was.depth.pdd)
    if depth is not None and depth.now != depth.was:
        named = f"cut-out {was.id} in {was.applicator}: depth dose at {depth.mm:g} mm"
        yield Moved(named, depth.now, depth.was, "%", REFUSE_PCT)


def _hvl(layers: Sequence[tuple[float, float]]) -> float:
    return half_value_layers([(MillimetresAl(mm), reading) for mm, reading in layers])[0].value
