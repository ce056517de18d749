"""Makes the tables of the simulated tubes with SpekPy: air kerma against kV and aluminium, and the beams of table 3.4 found by their half-value layer.
It knows spectra only; the simulators read what it wrote and never import it, and neither the product nor its tests need SpekPy."""

from __future__ import annotations

import sys
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import spekpy

COMMAND = "python tools/tube_tables.py   (in an environment with tools/requirements-tube-tables.txt)"
OPTIONS = {"physics": "spekpy-v1", "mu_data_source": "nist"}
"""Pinned: what SpekPy takes when it is not told gives 6 to 7 % less output."""
ANODE_DEG = 30.0
BE_MM = 0.8
FOLDER = Path(__file__).parent.parent / "simulators" / "tables"
KVS = [10.0 + 2.5 * step for step in range(41)]
AL_MM = [
    *(0.0, 0.02),
    *(round(0.05 * step, 2) for step in range(1, 41)),
    *(2.0 + 0.25 * step for step in range(1, 9)),
    *(4.0 + 0.5 * step for step in range(1, 9)),
    *(8.0 + 1.0 * step for step in range(1, 9)),
]
BEAMS = ((50.0, 0.52), (70.0, 1.15), (69.5, 1.85), (80.0, 2.0), (100.0, 2.2), (50.0, 0.64))
"""kV and first half-value layer, mm Al: table 3.4 of the dossier, and the contact tube of the published figures."""


def spectrum(kv: float, al_mm: float) -> spekpy.Spek:
    """1 mAs at 1 m in vacuum through the window and some aluminium."""
    beam = spekpy.Spek(kvp=kv, th=ANODE_DEG, z=100.0, mas=1.0, **OPTIONS)
    return beam.multi_filter((("Be", BE_MM), ("Al", al_mm)))


def added_al_mm(kv: float, hvl_mm: float) -> float:
    """How much aluminium gives this half-value layer, to 0.001 mm."""
    low, high = 0.0, 8.0
    while high - low > 0.001:
        middle = 0.5 * (low + high)
        if spectrum(kv, middle).get_hvl1() < hvl_mm:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def main() -> int:
    """Write both tables; each names the command and the versions that made it."""
    made = f"# made by {COMMAND}; SpekPy {version('spekpy')}, {OPTIONS}, W anode {ANODE_DEG} deg, {BE_MM} mm Be"
    FOLDER.mkdir(exist_ok=True)
    lines = [
        f"{made}; air kerma, uGy per mAs at 1 m, by kV (rows) and mm Al (columns)",
        ",".join(["kv", *map(str, AL_MM)]),
    ]
    for kv in KVS:
        clear = spectrum(kv, 0.0)
        kermas = [clear.get_kerma()]
        for before, after in pairwise(AL_MM):
            kermas.append(clear.filter("Al", after - before).get_kerma())
        lines.append(",".join([str(kv), *(f"{kerma:.6g}" for kerma in kermas)]))
        sys.stderr.write(f"\r{kv:.1f} kV of {KVS[-1]:.1f}")
    (FOLDER / "tube_kerma.csv").write_text("\n".join(lines) + "\n")
    lines = [
        f"{made}; beams by their first half-value layer",
        "kv,hvl1_mm_al,added_al_mm,hvl2_mm_al,e_mean_kev,ugy_per_mas_1m",
    ]
    for kv, hvl_mm in BEAMS:
        al_mm = added_al_mm(kv, hvl_mm)
        beam = spectrum(kv, al_mm)
        row = (al_mm, beam.get_hvl2(), beam.get_emean(), beam.get_kerma())
        lines.append(",".join([str(kv), str(hvl_mm), *(f"{value:.5g}" for value in row)]))
    (FOLDER / "tube_beams.csv").write_text("\n".join(lines) + "\n")
    sys.stderr.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
