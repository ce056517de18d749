"""What the certificate of a record states of its uncertainty, for the certificate that is at hand and only if it is the very one that the record names.
It reads a verified certificate and judges none."""

from __future__ import annotations

from calibration.certificate import Checked, read_certificate
from calibration.schema import worked
from console.configuration import Rig
from console.reports.model import Stated
from console.reports.told import Rated
from controller.entries import Start
from hal.errors import ConfigurationError


def certificates(rig: Rig) -> tuple[Checked, ...]:
    """The rig's certificate and every one that it accepted before, as far as they can be read."""
    kept = sorted((rig.records / "certificates").glob("*.toml")) if (rig.records / "certificates").is_dir() else []
    found: list[Checked] = []
    for path in (rig.certificate, *kept):
        try:
            found.append(read_certificate(path, rig.signer_public_key))
        except ConfigurationError:
            continue
    return tuple(found)


def stated_of(start: Start, at_hand: tuple[Checked, ...]) -> Stated:
    """Of R0 and of depth dose, for the combination of this START."""
    checked = next((one for one in at_hand if one.sha256 == start.certificate_sha256), None)
    name = start.certificate_id
    if checked is None:
        return Stated(None, None, f"not at hand: certificate {name} of this record")
    c = start.combination
    key = (c.kv, c.ma, c.filter_id, c.applicator_id)
    row = next((one for one in checked.table.combinations if (one.kv, one.ma, one.filter, one.applicator) == key), None)
    if row is None or row.measured is None:
        return Stated(None, None, f"certificate {name} ({checked.table.basis}) states none")
    output = worked(checked.table, row)
    scatter = next((one for one in output.chain.factors if one.name == "b_w"), None)
    return Stated(
        output.budget.u_pct_k1,
        row.measured.u_pdd_pct,
        f"certificate {name}, version {checked.table.version}",
        Rated(
            quantity=row.measured.quantity,
            chamber=row.measured.chamber,
            hvl1_mm_al=output.hvl_1.value,
            hvl2_mm_al=output.hvl_2.value,
            backscatter=None if scatter is None else scatter.value,
            backscatter_source="in the reading: dose to water" if scatter is None else scatter.source,
            pdd_source=row.measured.pdd_source,
        ),
    )
