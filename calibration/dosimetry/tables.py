"""The tables of the in-air method and how they are read: linear between neighbours, in a fixed order, and never beyond what was tabulated.
It holds published numbers only; what was measured on a machine stands in its certificate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from calibration.dosimetry.chain import Factor
from calibration.dosimetry.units import MilligraysPerNanocoulomb, Millimetres, MillimetresAl, bare
from calibration.formulas import linear

Backscatter = Mapping[float, Mapping[float, Mapping[float, float]]]
"""Factor by HVL in mm Al, field diameter in mm, SSD in mm."""

TG61_TABLE_5: Final = "AAPM TG-61 table 5 (Med. Phys. 28, 868, 2001), as transcribed by an open repository"
TG61_MU: Final = (
    "AAPM TG-61 (Med. Phys. 28, 868, 2001), mu_en/rho water to air by HVL, as transcribed by an open repository"
)
U_B_W_PCT: Final = 1.5
U_MU_PCT: Final = 1.5
"""Standard uncertainties of the two (k = 1); assumptions from memory of TG-61's budget, to be checked against the report."""


def _tabulated(
    hvl: float, rows: dict[float, dict[float, float]]
) -> tuple[float, Mapping[float, Mapping[float, float]]]:
    return hvl, MappingProxyType({diameter: MappingProxyType(ssds) for diameter, ssds in rows.items()})


B_W: Final[Backscatter] = MappingProxyType(
    dict(
        (
            _tabulated(0.5, {10.0: {50.0: 1.036}, 20.0: {50.0: 1.057, 100.0: 1.058, 150.0: 1.058}, 30.0: {50.0: 1.066, 100.0: 1.069},
                             50.0: {50.0: 1.074, 100.0: 1.079, 150.0: 1.079}}),
            _tabulated(1.0, {10.0: {50.0: 1.046}, 20.0: {50.0: 1.081, 100.0: 1.083, 150.0: 1.083}, 30.0: {50.0: 1.098, 100.0: 1.103},
                             50.0: {50.0: 1.116, 100.0: 1.126, 150.0: 1.128}}),
            _tabulated(1.5, {10.0: {50.0: 1.051}, 20.0: {50.0: 1.092, 100.0: 1.094, 150.0: 1.095}, 30.0: {50.0: 1.115, 100.0: 1.120},
                             50.0: {50.0: 1.140, 100.0: 1.152, 150.0: 1.155}}),
            _tabulated(2.0, {10.0: {50.0: 1.056}, 20.0: {50.0: 1.104, 100.0: 1.105, 150.0: 1.106}, 30.0: {50.0: 1.132, 100.0: 1.135},
                             50.0: {50.0: 1.163, 100.0: 1.177, 150.0: 1.180}}),
            _tabulated(3.0, {10.0: {50.0: 1.060}, 20.0: {50.0: 1.115, 100.0: 1.120, 150.0: 1.118}, 30.0: {50.0: 1.150, 100.0: 1.159},
                             50.0: {50.0: 1.191, 100.0: 1.211, 150.0: 1.213}}),
        )
    )
)  # fmt: skip
MU_RATIO: Final = ((0.5, 1.028), (1.0, 1.020), (1.5, 1.017), (2.0, 1.018), (3.0, 1.021))
"""mu_en/rho of water to air against HVL in mm Al."""


def b_w(
    hvl: MillimetresAl,
    diameter: Millimetres,
    ssd: Millimetres,
    table: Backscatter = B_W,
    source: str = TG61_TABLE_5,
    u_pct: float = U_B_W_PCT,
) -> Factor:
    """Backscatter factor: linear in SSD, then in diameter, then in HVL. ValueError outside the table, also where only one neighbour is tabulated."""
    h, d, f = bare(MillimetresAl, hvl), bare(Millimetres, diameter), bare(Millimetres, ssd)

    def at(one: float) -> float:
        fields = table[one]
        return linear([(size, linear(sorted(fields[size].items()), f)) for size in _around(tuple(fields), d)], d)

    return Factor("b_w", linear([(one, at(one)) for one in _around(tuple(table), h)], h), u_pct, source)


def mu_ratio(hvl: MillimetresAl) -> Factor:
    """Ratio of mu_en/rho, water to air, in air: linear in HVL."""
    return Factor("mu_ratio", linear(MU_RATIO, bare(MillimetresAl, hvl)), U_MU_PCT, TG61_MU)


def n_k(
    qualities: Sequence[tuple[MillimetresAl, MilligraysPerNanocoulomb, float]], hvl: MillimetresAl, source: str
) -> Factor:
    """A chamber's coefficient, mGy per nC, linear in HVL between two calibrated qualities (HVL, coefficient, u in % at k = 1); the larger u counts."""
    rows = sorted((bare(MillimetresAl, h), bare(MilligraysPerNanocoulomb, n), u) for h, n, u in qualities)
    at = bare(MillimetresAl, hvl)
    value = linear([(h, n) for h, n, _ in rows], at)
    near = _around(tuple(h for h, _, _ in rows), at)
    return Factor("n_k", value, max(u for h, _, u in rows if h in near), source)


def pdd_pct(table: Sequence[tuple[Millimetres, float]], depth: Millimetres) -> float:
    """Percentage depth dose at a depth, linear in depth; 100 at the surface."""
    return linear([(bare(Millimetres, z), pct) for z, pct in table], bare(Millimetres, depth))


def _around(nodes: Sequence[float], x: float) -> tuple[float, ...]:
    """The node at x, or its two neighbours. ValueError outside."""
    ordered = sorted(nodes)
    if not ordered[0] <= x <= ordered[-1]:
        raise ValueError(f"{x} is outside the table, {ordered[0]} to {ordered[-1]}; nothing is extrapolated")
    if x in ordered:
        return (x,)
    low = max(node for node in ordered if node < x)
    return low, min(node for node in ordered if node > x)
