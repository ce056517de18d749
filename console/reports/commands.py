"""`kerma records report`, `course`, `schema` and `follow`: which records, which files, and words for people.
It works out nothing; what a report says is console/reports/model.py and course.py."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

from calibration.certificate import Checked
from console import screen
from console.configuration import Rig
from console.exit_codes import Exit
from console.kept import rig_of
from console.reports import flat, keep
from console.reports.beside import Beside, starts_of
from console.reports.codes import CODES, load_codes
from console.reports.course import course_report, courses
from console.reports.follow import POLL_S, Follower
from console.reports.gather import Gathered, gather
from console.reports.model import Site, fraction_report
from console.reports.stated import certificates, stated_of
from console.reports.told import CourseReport, FractionReport
from console.treat.plain_words import PlainConsole
from controller.entries import Start
from hal.clock import Clock
from hal.errors import ConfigurationError
from records.book import Fraction
from records.fractions import JOURNAL_NAME

Report = FractionReport | CourseReport


def site_of(rig: Rig, codes: Path | None = None) -> Site:
    """Its zone, and the table of codes: the program's own unless another file is named. Raises ConfigurationError."""
    return Site(rig.name, rig.time_zone, load_codes(codes or CODES))


def journal_of(rig: Rig) -> Path:
    journal = rig.records / JOURNAL_NAME
    if not journal.is_dir():
        raise ConfigurationError(f"{journal}: there are no records yet; first: treat, or name the rig with --config")
    return journal


def made(found: Gathered, name: str, site: Site, at_hand: tuple[Checked, ...], beside: Beside) -> FractionReport:
    """The report of one fraction, with what its own certificate states and what stood beside the records."""
    start = found.book.exposures[found.book.fractions[name].tokens[-1]].start
    return fraction_report(found, name, site, stated_of(start, at_hand), beside)


def fraction(
    config: Path | None, name: str, wanted: tuple[bool, bool, bool], out: Path | None, codes: Path | None
) -> Exit:
    """One fraction, by its id or the start of it."""
    rig = rig_of(config)
    found = gather(journal_of(rig))
    names = [one for one in found.book.fractions if one == name] or [
        one for one in found.book.fractions if one.startswith(name)
    ]
    if len(names) != 1:
        raise ConfigurationError(f"{name}: {len(names)} fractions begin so; first: take an id from kerma records list")
    beside = Beside(rig.records)
    report = made(found, names[0], site_of(rig, codes), certificates(rig), beside)
    return _given(rig, report, wanted, out, beside.picture(report))


def course(
    config: Path | None, name: str, patient: str, wanted: tuple[bool, bool, bool], out: Path | None, codes: Path | None
) -> Exit:
    """One course of one patient; the patient may be left out where one alone has a course of this name."""
    rig = rig_of(config)
    found = gather(journal_of(rig), lambda _fraction, _start: False)
    named = [(who, what) for who, what in courses(found) if what == name and patient in ("", who)]
    if len(named) != 1:
        first = "name the patient with --patient" if named else "take the course from kerma records list --json"
        raise ConfigurationError(f"course {name}: {len(named)} patients have it; first: {first}")
    try:
        report = course_report(found, *named[0], site_of(rig, codes), Beside(rig.records))
    except KeyError as error:
        raise ConfigurationError(f"course {name}: no fraction of it had beam; first: treat") from error
    return _given(rig, report, wanted, out)


def _given(
    rig: Rig, report: Report, wanted: tuple[bool, bool, bool], out: Path | None, picture: bytes | None = None
) -> Exit:
    """Printed where CSV or JSON is asked for, else written: the PDF alone, or all three."""
    pdf, as_csv, as_json = wanted
    if as_json or as_csv:
        raw = flat.as_json(report) if as_json else flat.as_csv(report).encode()
        sys.stdout.write(raw.decode())
        return Exit.AS_INTENDED
    some = keep.files(report, picture)
    if pdf:
        some = {name: data for name, data in some.items() if name.endswith(".pdf")}
    folder = out or rig.records / keep.FOLDER
    console = PlainConsole()
    console.print(screen.banner(report.simulated, rig.name), markup=False)
    try:
        written = keep.keep(folder, some)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: the report cannot be written ({error.strerror or error}); first: see to the disk, then ask again"
        ) from error
    for name in some:
        said = "written" if folder / name in written else "is there already, the same"
        console.print(f"{folder / name}: {said}", markup=False, highlight=False, soft_wrap=True)
    for flag in report.flags:
        console.print(f"look: {flag}", markup=False, highlight=False, soft_wrap=True)
    return Exit.AS_INTENDED


def schema() -> Exit:
    """The JSON Schema of both documents."""
    sys.stdout.write(flat.schema())
    return Exit.AS_INTENDED


def write_all(rig: Rig, site: Site, done: set[str]) -> list[Path]:
    """Every report that is not there yet; a fraction whose exposure has no end yet waits. `done` grows by what need not be looked at again: a closed fraction,
    with the chart's entries by which it was last signed, corrected or named, and of what is gone. OSError; ConfigurationError where a report lies there that
    says something else."""
    if not (rig.records / JOURNAL_NAME).is_dir():
        return []
    beside = Beside(rig.records)
    found = gather(journal_of(rig), lambda fraction, start: _key(beside, fraction, start) not in done)
    at_hand, written = certificates(rig), list[Path]()
    folder = rig.records / keep.FOLDER
    reports: list[Report] = []
    otherwise: list[str] = []
    for name, fraction_ in found.book.fractions.items():
        if (
            _key(beside, fraction_, starts_of(found, fraction_)[-1]) not in done
            and fraction_.id in found.told
            and found.book.tally(fraction_).running == 0
        ):
            reports.append(made(found, name, site, at_hand, beside))
    for who, what in courses(found):
        try:
            reports.append(course_report(found, who, what, site, beside))
        except KeyError:
            continue
    for report in reports:
        if not (folder / f"{keep.stem(report)}.json").exists():
            try:
                picture = beside.picture(report) if isinstance(report, FractionReport) else None
                written += keep.keep(folder, keep.files(report, picture))
            except keep.KeptOtherwiseError as error:
                otherwise.append(str(error))
                continue
        if isinstance(report, FractionReport) and report.totals.closed:
            done.add(f"{report.id} {report.source.chart_entry} {report.source.chart_gone}")
    if otherwise:
        raise ConfigurationError("\n".join(otherwise))
    return written


def _key(beside: Beside, fraction: Fraction, start: Start) -> str:
    return f"{fraction.id} {beside.entry(fraction, start.prescribed)} {beside.gone(fraction, start.prescribed)}"


def follow(config: Path | None, clock: Clock, once: bool) -> Exit:
    """Write what is missing, then go on looking until asked to end. With `once` an error ends it; else it is said, and tried again later."""
    rig = rig_of(config)
    site, done = site_of(rig), set[str]()
    if once:
        journal_of(rig)
        try:
            _say(write_all(rig, site, done))
        except OSError as error:
            raise ConfigurationError(
                f"{rig.records / keep.FOLDER}: reports cannot be written ({error.strerror or error}); first: see to the disk"
            ) from error
        return Exit.AS_INTENDED
    follower = Follower(rig.records, lambda: write_all(rig, site, done))
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _: ended.append(got))
    while not ended:
        now_s = clock.monotonic()
        written, words = follower.step(now_s)
        _say(written)
        if words:
            print(json.dumps({"report": "not written", "words": words}), file=sys.stderr, flush=True)
        clock.sleep_until(type(now_s)(now_s + POLL_S))
    return Exit.AS_INTENDED


def _say(written: list[Path]) -> None:
    for path in written:
        line: dict[str, Any] = {"report": "written", "file": str(path)}
        print(json.dumps(line), flush=True)
