"""What a finished session gives to a row of the periodic tests: the number that was measured, held against the certificate in force where the row says so.
It reads no file and signs nothing; which session is the last one, and who measured it, is said to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Final

from calibration.dosimetry.beam import half_value_layers
from calibration.dosimetry.units import MillimetresAl
from calibration.gates import named
from calibration.given import Known, beside, key_of, worked
from calibration.job import JobTable, OutputTable
from calibration.job_parts import FittedJob
from calibration.output import Output
from calibration.periodic import Test
from calibration.procedures.applicator import applicator
from calibration.procedures.end_effect import timing
from calibration.procedures.hvl import layers
from calibration.procedures.interrupt import interrupted
from calibration.procedures.session import Session
from calibration.procedures.survey import focal_spot
from calibration.schema import CertificateTable, CombinationTable
from calibration.schema import worked as worked_again

OUTPUT: Final = ""
"""The kind of a session that is called like its output."""
IN_WATER: Final = frozenset({"b_w", "mu_ratio"})
"""What a dose rate in water has, and a reading in air has not."""


def _output(job: JobTable, name: str, session: Session, known: Known) -> tuple[OutputTable, Output]:
    one = job.output(name)
    return one, worked(job, one, session, beside(one, known))


def _combination(table: CertificateTable, one: OutputTable, applicator_id: str = "") -> CombinationTable:
    """The certificate's own of an output, or of another applicator in the same beam. ValueError: it has none, or nobody measured it."""
    key = key_of(one) if not applicator_id else (one.kv, one.ma, one.filter, applicator_id)
    found = next((c for c in table.combinations if (c.kv, c.ma, c.filter, c.applicator) == key), None)
    if found is None or found.measured is None:
        raise ValueError(
            f"certificate {table.id} has no measured {named(key)}, and nothing can be held against it; measure that first"
        )
    return found


def _r0(job: JobTable, name: str, session: Session, known: Known, table: CertificateTable) -> float:
    one, found = _output(job, name, session, known)
    return 100.0 * (found.r0_mgy_per_s / _combination(table, one).r0_mgy_per_s - 1.0)


def _cov(job: JobTable, name: str, session: Session, known: Known, _table: CertificateTable) -> float:
    _, found = _output(job, name, session, known)
    return 100.0 * found.cov


def _dt(job: JobTable, name: str, session: Session, _known: Known, table: CertificateTable) -> float:
    return timing(session).dt_s - _combination(table, _of(job, name)).dt_s


def _hvl(job: JobTable, name: str, session: Session, _known: Known, table: CertificateTable) -> float:
    m = _combination(table, _of(job, name)).measured
    assert m is not None
    was, _ = half_value_layers([(MillimetresAl(one.al_mm), one.reading) for one in m.layers])
    return 100.0 * (layers(session).hvl_1_mm_al / was.value - 1.0)


def _pieces(_job: JobTable, _name: str, session: Session, _known: Known, _table: CertificateTable) -> float:
    return 100.0 * (interrupted(session).ratio - 1.0)


def _spot(_job: JobTable, _name: str, session: Session, _known: Known, _table: CertificateTable) -> float:
    return focal_spot(session).off_mm


def _factor(job: JobTable, name: str, session: Session, _known: Known, table: CertificateTable) -> float:
    """A factor in air, against the same of the certificate: a cut-out's readings, or both applicators' outputs without what water adds."""
    row: FittedJob = next(one for one in job.fitted if name == f"fitted-{one.name}")
    reference, factor = job.output(row.reference), applicator(session).factor
    if not row.cutout:
        mine, whole = (_in_air(table, _combination(table, reference, at)) for at in (row.applicator, ""))
        return 100.0 * (factor / (mine / whole) - 1.0)
    held = [one for one in table.facts.cutouts if (one.id, one.applicator) == (row.cutout, row.applicator)]
    if not held:
        raise ValueError(
            f"certificate {table.id} has no cut-out {row.cutout} in {row.applicator}, and nothing can be held against it; sign it first"
        )
    return 100.0 * (factor / (fmean(held[0].readings_nc) / fmean(held[0].reference_nc)) - 1.0)


def _in_air(table: CertificateTable, c: CombinationTable) -> float:
    found = worked_again(table, c)
    return found.r0_mgy_per_s / math.prod(one.value for one in found.chain.factors if one.name in IN_WATER)


def _of(job: JobTable, name: str) -> OutputTable:
    return job.output(name.partition("-")[2])


Gives = Callable[[JobTable, str, Session, Known, CertificateTable], float]
GIVES: Final[Mapping[str, tuple[str, Gives]]] = {
    "output": (OUTPUT, _r0), "reference": (OUTPUT, _r0), "reproducibility": (OUTPUT, _cov), "end_effect": ("timer", _dt), "hvl": ("hvl", _hvl),
    "interrupt": ("interrupt", _pieces), "focal_spot": ("spot", _spot), "applicator_factors": ("fitted", _factor),
}  # fmt: skip
"""The tests that a session measures: of which kind it is, and what it gives in the test's unit."""
SINCE: Final = frozenset({"output", "reference", "end_effect", "hvl", "applicator_factors"})
"""Held against the certificate: a session of before it is what the certificate may stand on, and would agree with itself."""
EACH: Final = frozenset({"output"})
"""Of each combination of the certificate, and not of one."""


def kind(job: JobTable, name: str) -> str:
    """Of what kind the session of a name is: outputs are called like themselves."""
    return OUTPUT if any(one.name == name for one in job.outputs) else name.partition("-")[0]


def missing(test: Test, job: JobTable, measured: tuple[str, ...], table: CertificateTable) -> str:
    """Which combinations of the certificate none of these sessions is of, where the test is of each; or ""."""
    if test.id not in EACH:
        return ""
    done = {key_of(job.output(name)) for name in measured}
    keys = [(c.kv, c.ma, c.filter, c.applicator) for c in table.combinations]
    return "; ".join(named(key) for key in keys if key not in done)


def value(test: Test, job: JobTable, name: str, session: Session, known: Known, table: CertificateTable) -> float:
    """The number for the row. ValueError: the session is of another kind, of before the certificate, or cannot be worked out."""
    of, gives = GIVES[test.id]
    if kind(job, name) != of:
        raise ValueError(f"{session.id} is no session that measures {test.what}; take one of {of or 'an output'}")
    if test.id in SINCE and (session.last_at is None or session.last_at <= table.effective_at):
        raise ValueError(
            f"{session.id} ended before certificate {table.id} was in force, which may stand on it; measure anew, and take that"
        )
    return gives(job, name, session, known, table)
