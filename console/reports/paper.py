"""A report on paper: the fraction's calculation term by term, its segments, its traces, and the course's table; SIMULATED on each page that is so.
It prints what the report says, rounds for people, and works out nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table

from calibration.print_words import markup, printable
from console.reports.drawn import traces
from console.reports.model import name_of
from console.reports.told import (
    Approval,
    AtLesion,
    ChartTold,
    Code,
    CourseReport,
    FractionReport,
    Lack,
    Order,
    Particulars,
    SecondTime,
    Segment,
    Stated,
    WarmUp,
)
from console.treat.particulars import FIELDS, NOT_STATED, Statement, told

WIDE: Final = 180 * mm
PHOTO: Final = 44 * mm
BLACK_LINE: Final = ("LINEBELOW", (0, 0), (-1, 0), 0.7, colors.black)
SEGMENT_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    ("started, UTC", "started_at", ""), ("ended, UTC", "ended_at", ""), ("operator", "operator", ""), ("ended by", "ended_by", ""),
    ("outcome", "outcome", ""), ("quality", "quality", ""),
    ("set time, s", "set_time_s", ".2f"), ("unit's timer, s", "timer_s", ".3f"), ("beam by host's clock, s", "host_beam_s", ".3f"),
    ("on to off, s", "on_to_off_s", ".3f"),
    ("delivered, mGy D0", "delivered_mgy", ".1f"), ("low, mGy D0", "low_mgy", ".1f"), ("high, mGy D0", "high_mgy", ".1f"),
    ("D1 channel 1, mGy", "d1_mgy", ".1f"), ("D2 channel 2, mGy", "d2_mgy", ".1f"),
    ("DT timer, mGy", "dt_mgy", ".1f"), ("DM kV-mA model, mGy", "dm_mgy", ".1f"),
    ("counts 1, running", "counts_1", "d"), ("counts 2, running", "counts_2", "d"), ("k_TP at loading", "k_tp", ".5f"),
    ("time nobody saw, s", "unknown_s", ".3f"),
    ("kV mean", "kv_mean", ".2f"), ("kV least", "kv_min", ".2f"), ("kV most", "kv_max", ".2f"),
    ("mA mean", "ma_mean", ".4f"), ("mA least", "ma_min", ".4f"), ("mA most", "ma_max", ".4f"), ("arc", "arc", ""),
)  # fmt: skip


class Sheets(Canvas):  # type: ignore[misc]
    """Pages that know how many they are, with foot and watermark."""

    def __init__(self, *arguments: Any, foot: str, simulated: bool, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._foot, self._simulated = printable(foot), simulated
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:  # noqa: N802 - the name that reportlab calls
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        pages = self._pages
        for number, page in enumerate(pages, 1):
            self.__dict__.update(page)
            self._marked(number, len(pages))
            super().showPage()
        super().save()

    def _marked(self, number: int, count: int) -> None:
        if self._simulated:
            self.saveState()
            self.setFillColor(colors.Color(0.75, 0.0, 0.0, alpha=0.13))
            self.setFont("Helvetica-Bold", 74)
            self.translate(105 * mm, 148 * mm)
            self.rotate(52)
            self.drawCentredString(0, 0, "SIMULATED")
            self.restoreState()
            self.setFillColor(colors.Color(0.7, 0.0, 0.0))
            self.setFont("Helvetica-Bold", 9)
            self.drawCentredString(105 * mm, 289 * mm, "SIMULATED: no patient was treated")
            self.setFillColor(colors.black)
        self.setFont("Helvetica", 6.5)
        self.drawString(15 * mm, 8 * mm, self._foot)
        self.drawRightString(195 * mm, 8 * mm, f"page {number} of {count}")


class Styles:
    """The few kinds of text."""

    def __init__(self) -> None:
        sheet = getSampleStyleSheet()
        self.title = sheet["Title"].clone("kerma-title", fontSize=15, leading=18, spaceAfter=2 * mm, alignment=0)
        self.head = sheet["Heading2"].clone(
            "kerma-head", fontSize=10.5, leading=12, spaceBefore=3.2 * mm, spaceAfter=1 * mm
        )
        self.text = sheet["BodyText"].clone("kerma-text", fontSize=8, leading=10, spaceBefore=0, spaceAfter=1 * mm)
        self.cell = self.text.clone("kerma-cell", fontSize=7.2, leading=8.6, spaceAfter=0)
        self.flag = self.text.clone(
            "kerma-flag", fontSize=9, leading=11, textColor=colors.Color(0.7, 0, 0), fontName="Helvetica-Bold"
        )
        self.big = self.text.clone("kerma-big", fontSize=12, leading=15, fontName="Helvetica-Bold")

    def cells(self, row: Sequence[str]) -> list[Paragraph]:
        return [Paragraph(markup(word), self.cell) for word in row]


def fraction_pdf(report: FractionReport, picture: bytes | None = None) -> bytes:
    """The fraction's report, with the small photo of its lesion; the same bytes for the same report and photo."""
    s, o, t = Styles(), report.order, report.totals
    story: list[Any] = [
        Paragraph(markup(f"Fraction {o.fraction} of {o.fractions}: {o.site}, {o.laterality}"), s.title),
        Paragraph(escape(f"{t.status}, {t.quality}: {_gy(t.delivered_rx_mgy)} of {_gy(o.rx_mgy)} at {o.depth_mm:g} mm depth ({t.off_pct:+.2f} %)"), s.big),
        *(Paragraph(markup(flag), s.flag) for flag in report.flags),
        Spacer(1, 1.5 * mm),
        _pairs(s, _who(report)),
        Paragraph("Signatures at the end", s.head),
        *(Paragraph(markup(line), s.text) for line in signed_off(report.chart)),
        *_corrections(s, report.chart),
        Paragraph("Lesion: photo and notes as they stood", s.head),
        *_lesion(s, report.lesion, picture),
        Paragraph("Before the beam: time-out and second calculation", s.head),
        *_confirmed(s, report.chart),
        Paragraph("Dose", s.head),
        _doses(s, report),
        Paragraph("Calculation, term by term", s.head),
        _calculation(s, report),
        Paragraph("Three accuracies, each by itself", s.head),
        *_accuracies(s, report),
    ]  # fmt: skip
    story += _segments(s, report.segments)
    if report.interruptions:
        story += [Paragraph("Interruptions", s.head), _interruptions(s, report)]
    drawing = traces(report)
    if drawing is not None:
        story.append(KeepTogether([Paragraph("Dose, kV and mA as recorded", s.head), drawing]))
    story += [Paragraph("Before this fraction", s.head), _pairs(s, _history(report))]
    if report.warm_up is not None:
        story += [Paragraph("Warm-up of the day", s.head), *_warm_up(s, report.warm_up)]
    story += [Paragraph("Codes that the table has for this day and tube voltage", s.head), _codes(s, report.codes)]
    story += [Paragraph("What these records do not hold", s.head), _lacks(s, report.lacks)]
    foot = f"fraction {report.id}, record {report.source.record_index}, SHA-256 {report.source.record_sha256}"
    return _built(story, f"Fraction {report.id}", foot, report.simulated)


def course_pdf(report: CourseReport) -> bytes:
    """The course's report; the same bytes for the same report."""
    s = Styles()
    story: list[Any] = [
        Paragraph(markup(f"Course {report.course_id} of patient {report.patient.id}"), s.title),
        Paragraph(markup(f"Second identifier {report.patient.id_2}; rig {report.rig}; days are of {report.time_zone}"), s.text),
        *(Paragraph(markup(flag), s.flag) for flag in report.flags),
        *_course_particulars(s, report),
        Paragraph("Sums by lesion, at the prescription's depth", s.head),
        _lesions(s, report),
        Paragraph("Low and high are sums of the bounds of every fraction; an UNKNOWN fraction counts in delivered with its high bound.", s.text),
        Paragraph("Fractions", s.head),
        _fractions(s, report),
        Paragraph("Who had signed each order, and the photo that stood", s.head),
        _signed(s, report),
        Paragraph("What these records do not hold", s.head),
        _lacks(s, report.lacks),
    ]  # fmt: skip
    foot = f"course {report.course_id}, record {report.source.record_index}, SHA-256 {report.source.record_sha256}"
    return _built(story, f"Course {report.course_id}", printable(foot), report.simulated)


def _built(story: list[Any], title: str, foot: str, simulated: bool) -> bytes:
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=15 * mm - 6, rightMargin=15 * mm - 6, topMargin=13 * mm, bottomMargin=14 * mm,
        title=f"SIMULATED: {title}" if simulated else title, author="Kerma", invariant=1,
    )  # fmt: skip

    def sheets(*arguments: Any, **named: Any) -> Sheets:
        return Sheets(*arguments, foot=foot, simulated=simulated, **named)

    document.build(story, canvasmaker=sheets)
    return out.getvalue()


def _gy(mgy: float) -> str:
    return f"{mgy / 1000:.3f} Gy"


def words(value: object, form: str = "", none: str = "-") -> str:
    """A value for people; what is not known is a dash."""
    if value is None or value == "":
        return none
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, form) if form and isinstance(value, int | float) else str(value)


def _who(report: FractionReport) -> list[tuple[str, str]]:
    o, m, b = report.order, report.machine, report.beam
    check = report.daily_check
    said = (
        "none that the records believed before this fraction"
        if check is None
        else f"{check.words}; signed by {check.who} as {check.role}, {check.at}"
    )
    return [
        ("patient", f"{named(report.particulars)}; {report.patient.id}, second identifier {report.patient.id_2}"),
        *particulars(report.particulars),
        ("course, lesion", f"{o.course_id}, {o.lesion_id}"),
        ("prescription", f"{o.prescription_id} version {o.version}; its file names {', '.join(o.approved_by)}; file SHA-256 {o.sha256[:16]}..."),
        *(("approval", line) for line in approved(report.approval)),
        ("purpose, day", f"{o.purpose}, {report.day} ({report.time_zone})"),
        *(("set-up", line) for line in set_up(o)),
        ("beam", f"{b.kv_set:g} kV, {b.ma_set:g} mA, filter {b.filter_id} (code {b.filter_code}), applicator {b.applicator_id} (code {b.applicator_code}), "
                 f"effective SSD {b.effective_ssd_mm:g} mm; ended by {'the timer' if b.ends_by == 'time' else 'the counts of channel 1'}"),
        ("machine", f"rig {m.rig}, machine {words(m.machine_serial)}, tube {words(m.tube_serial)}, program {m.software_version}"),
        ("certificate", f"{m.certificate_id}, content SHA-256 {m.certificate_sha256[:16]}..."),
        ("daily check", said),
        ("air of the day", _air(report)),
        *(("override", f"{one.words}; signed by {one.who} as {one.role}, {one.at}") for one in report.overrides),
    ]  # fmt: skip


def named(said: Particulars | None) -> str:
    """Name and birth date as they are stated now."""
    now = None if said is None else said.now
    return f"{name_of(now) or f'name {NOT_STATED}'}, born {words(now.birth_date if now is not None else None, none=NOT_STATED)}"


def particulars(said: Particulars | None) -> list[tuple[str, str]]:
    """What else is stated, by whom, and what stood before it, each in a row."""
    if said is None:
        return [("particulars", "nobody looked for them")]
    rows = [(what, told) for what, told in _stated(said.now).items() if what not in ("name", "born")]
    if said.now is not None:
        rows.append(("stated by", _by(said.now)))
    rows += [
        ("stated before", f"{'; '.join(f'{what} {told}' for what, told in _stated(one).items())}; {_by(one)}")
        for one in reversed(said.before)
    ]
    return [*rows, *([("particulars", said.words)] if said.words else [])]


def _by(one: Stated) -> str:
    return f"{one.who} ({one.role}), {one.at}, entry {one.number}{f': {one.reason}' if one.reason else ''}"


def _stated(one: Stated | None) -> dict[str, str]:
    """In the words of the pages; what is not stated says so."""
    fields = {name: getattr(one, name) or "" for name in FIELDS} if one is not None else {}
    return told(Statement(**fields))


def _air(report: FractionReport) -> str:
    """The readings of the day with their time, beside what each segment was corrected by."""
    k_tp = ", ".join(f"{one.k_tp:.5f}" for one in report.segments) or "-"
    air = report.air
    read = (
        "no daily check of this day is in these records before this fraction"
        if air is None
        else f"{air.p_kpa:g} kPa, {air.t_c:g} C, read for the daily check between {air.begun_at} and {air.signed_at}"
    )
    return f"{read}; k_TP as it was frozen at loading, by segment: {k_tp}"


def set_up(o: Order) -> list[str]:
    """What the order says of the patient's set-up, in lines; an older form of it says nothing of bolus, backing, shields and flags."""
    if not o.set_up_stated:
        return ["bolus or cover, backing, shields: not stated, the order is of an older form"]
    cut = (
        f"cut-out {o.cutout_id}, {o.cutout_diameter_mm:g} mm, measured by {o.cutout_measured_by}"
        if o.cutout_id
        else "no cut-out"
    )
    lines = [f"bolus or cover {o.bolus_or_cover_mm:g} mm; backing {o.backing}; {cut}"]
    return lines + ([f"shields: {o.shield_notes}"] if o.shield_notes else [])


def approved(approval: Approval | None) -> list[str]:
    """An approval in lines: what stood, each signature, and whether their chain is whole."""
    if approval is None:
        return ["nobody looked for signatures"]
    lines = [
        f"{one.meaning}: {one.who} ({one.role}), {one.at}, signature {one.number}{', AFTER THE FIRST BEAM' if one.late else ''}"
        f"{', accepting ' + ', '.join(one.accepted) if one.accepted else ''}"
        for one in approval.signatures
    ]
    chain = f"chain of signatures: {'whole' if approval.chain_whole else 'NOT WHOLE'}, key {approval.chain_key[:16] or 'none'}"
    return [approval.words, *lines, chain]


def signed_off(chart: ChartTold | None) -> list[str]:
    """Each signature at the end in a line, and what is not signed."""
    if chart is None:
        return ["Nobody looked for signatures at the end."]
    lines = [
        f"{one.meaning}: {one.who} ({one.role}), {one.at}, entry {one.number}{'' if one.covers else ', OVER AN EARLIER STATE OF THE RECORD'}"
        for one in chart.signatures
    ]
    lines += [f"{meaning}: NOT SIGNED{' IN THIS CHART' if chart.gone else ''}" for meaning in chart.unsigned]
    lines += [f"LOOK: {one}" for one in chart.gone]
    chain = f"chain of the chart: {'whole' if chart.chain_whole else 'NOT WHOLE'}, key {chart.chain_key[:16] or 'none'}"
    return [*(lines or ["no signature is asked for"]), chain]


def _corrections(s: Styles, chart: ChartTold | None) -> list[Any]:
    if chart is None or not chart.corrections:
        return []
    rows = [
        (one.field, one.recorded or "-", one.corrected, f"{one.who} ({one.role}), {one.at}, entry {one.number}", one.reason)
        for one in chart.corrections
    ]  # fmt: skip
    heads = ("field", "as recorded", "should be", "by", "why")
    return [
        Paragraph("Corrections: both stand, and nothing is counted anew by them", s.head),
        _table(s, heads, rows, (24, 36, 40, 44, 36)),
    ]


def _confirmed(s: Styles, chart: ChartTold | None) -> list[Any]:
    if chart is None:
        return [Paragraph("Nobody looked for them.", s.text)]
    parts: list[Any] = (
        [Paragraph(markup(f"{chart.words[:1].upper()}{chart.words[1:]}."), s.text)] if chart.words else []
    )
    rows: list[tuple[str, str]] = []
    for one in chart.confirmations:
        role = f" ({one.role})" if one.role else ""
        items = ", ".join(f"{tick.item}{f' {tick.at}' if tick.at else ''}" for tick in one.ticked)
        rows += [
            (f"segment {one.segment}", f"confirmed by {one.who}{role} at the {one.place}, {one.at}"),
            ("presets", f"timer {one.timer_preset_s:.2f} s, channel 1 {one.count_preset} counts"),
            ("time-out", items or "nothing was ticked item by item"),
            *(("second calculation", _second(time)) for time in one.times),
            *(("DIFFERED", f"{line.name}: offered {line.offered}, calculated {line.calculated}") for line in one.lines if not line.agrees),
        ]  # fmt: skip
    return [*parts, _pairs(s, rows)] if rows else parts


def _second(time: SecondTime) -> str:
    floor = f" or {time.bound_s:g} s" if time.bound_s else ""
    return (
        f"{time.method} ({time.source}): {time.calculated_s:.2f} s, offered {time.offered_s:.2f} s, {time.diff_pct:+.2f} %, "
        f"bound {time.bound_pct:g} %{floor}: {'agrees' if time.agrees else 'DIFFERS'}"
    )


def _warm_up(s: Styles, warm: WarmUp) -> list[Any]:
    idle = "an unknown time" if warm.idle_h is None else f"{warm.idle_h:.1f} h"
    steady = "not steady" if warm.steady_kv is None else f"steady at {warm.steady_kv:g} kV"
    apart = "" if warm.steady_pct is None else f", the last three within {warm.steady_pct:.2f} %"
    said = f"After {idle} without beam: {warm.given_s:.0f} s given of {warm.needed_s:.0f} s, {steady}{apart}."
    lines = [said, *([f"{warm.words[:1].upper()}{warm.words[1:]}."] if warm.words else [])]
    told: list[Any] = [Paragraph(markup(line), s.text) for line in lines]
    rows = [
        (one.at, f"{one.kv:g} kV, {one.ma:g} mA", f"{one.beam_s:.2f}", words(one.rate_mgy_per_s, ".3f")) for one in warm.steps
    ]  # fmt: skip
    heads = ("exposure, UTC", "set", "beam, s", "channel 1, mGy/s")
    return [*told, _table(s, heads, rows, (56, 52, 30, 42))] if rows else told


def _lesion(s: Styles, lesion: AtLesion | None, picture: bytes | None) -> list[Any]:
    """The photo with whose it is beside it; then the notes, each by itself, for there may be pages of them."""
    if lesion is None:
        return [Paragraph("Nobody looked for a photo or notes.", s.text)]
    lines = [f"{lesion.words[:1].upper()}{lesion.words[1:]}."] if lesion.words else []
    if lesion.photo is not None:
        one = lesion.photo
        lines.append(f"Photo {one.number}: {one.who} ({one.role}), {one.at}, SHA-256 {one.sha256}.")
        lines += [f"NOT SHOWN: {one.words}"] if one.words else []
    told: list[Any] = [Paragraph(markup(line), s.text) for line in lines]
    if picture is not None:
        shown = Image(io.BytesIO(picture), PHOTO, PHOTO, kind="proportional")
        table = Table([[shown, told]], colWidths=[PHOTO + 4 * mm, WIDE - PHOTO - 4 * mm], hAlign="LEFT")
        table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
        told = [table]
    notes = [f"Note {one.number}: {one.words} ({one.who}, {one.role}, {one.at})" for one in lesion.notes]
    return told + [Paragraph(markup(line), s.text) for line in notes]


def _signed(s: Styles, report: CourseReport) -> Table:
    rows: list[tuple[str, str, str]] = []
    for one in report.fractions:
        photo = one.lesion.photo.sha256 if one.lesion is not None and one.lesion.photo is not None else "-"
        first, *others = approved(one.approval)
        rows += [
            (f"{one.fraction}/{one.fractions}, {one.lesion_id}", first, photo),
            *(("", line, "") for line in others),
            *(("", f"at the end: {line}", "") for line in signed_off(one.chart)),
        ]
    return _table(s, ("fraction", "signatures", "photo, SHA-256"), rows, (20, 100, 60))


def _pairs(s: Styles, rows: Sequence[tuple[str, str]]) -> Table:
    """What people wrote may fill more than a page, letter by letter as its number: then a row goes on overleaf, and is no reason for no report."""
    table = _table(s, [], rows, (34, 146))
    table.splitInRow = 1
    return table


def _table(
    s: Styles, heads: Sequence[str], rows: Sequence[Sequence[str]], widths_mm: Sequence[float], repeat: bool = True
) -> Table:
    body = [s.cells(row) for row in rows]
    head = [s.cells(heads)] if heads else []
    table = Table(
        [*head, *body], colWidths=[width * mm for width in widths_mm], repeatRows=1 if heads and repeat else 0
    )
    style: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 0.8),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 0.8),
        ("LINEBELOW", (0, 0), (-1, -1), 0.25, colors.lightgrey),
    ]
    table.hAlign = "LEFT"
    table.setStyle([*style, BLACK_LINE] if heads else style)
    return table


def _doses(s: Styles, report: FractionReport) -> Table:
    t = report.totals
    rows = [
        (name, words(low, ".1f"), words(delivered, ".1f"), words(high, ".1f"), words(ordered, ".1f"))
        for name, low, delivered, high, ordered in (
            (
                f"at {report.order.depth_mm:g} mm depth (D_Rx)",
                t.low_rx_mgy,
                t.delivered_rx_mgy,
                t.high_rx_mgy,
                report.order.rx_mgy,
            ),
            (
                "applicator's plane (D0)",
                t.low_d0_mgy,
                t.delivered_d0_mgy,
                t.high_d0_mgy,
                report.calculation.d0_recorded_mgy,
            ),
            ("at the skin", t.low_skin_mgy, t.delivered_skin_mgy, t.high_skin_mgy, report.calculation.skin_mgy),
        )
    ]
    times = f"{t.timer_sum_s:.3f} s; by the terms {words(t.timer_sum_by_terms_s, '.3f')} s (D0/R0 less dt for each of {len(report.segments)} segments)"
    rows += [
        ("rest", "", f"{t.rest_d0_mgy:.1f} D0", "", ""),
        ("sum of the timer", times, "", "", ""),
        ("resumes, trips", f"{t.resumes}, {t.trips}", "", "", ""),
        ("closed", f"yes: {t.closed_words}" if t.closed else "no: the rest may be resumed", "", "", ""),
    ]
    table = _table(s, ("mGy", "low", "delivered", "high", "ordered"), rows, (50, 30, 34, 30, 36))
    for row in (5, 6, 7):
        table.setStyle([("SPAN", (1, row), (-1, row))])
    return table


def _calculation(s: Styles, report: FractionReport) -> Table:
    c, b, o = report.calculation, report.beam, report.order
    thick = f"{o.bolus_or_cover_mm:g} mm"
    bolus = f": {o.depth_mm:g} mm below {thick} of bolus" if o.bolus_or_cover_mm else ""
    at_skin = (
        f"D0 x PDD(b) / 100 x ((f + b) / (f + g + b))^2, b = {thick} of bolus"
        if bolus
        else "D0 x (f / (f + g))^2 x cut-out"
    )
    gap = "gap table of the closed applicator" if b.closed_end else "((f + z) / (f + g + z))^2"
    rows = [
        ("D_Rx", f"{o.rx_mgy:.1f} mGy", "as prescribed"),
        ("PDD(z)", f"{words(c.pdd_pct, '.3f')} %", f"certificate's table, linear, at z = {o.depth_mm + o.bolus_or_cover_mm:g} mm{bolus}"),
        ("gap factor", words(c.gap_factor, ".5f"), f"{gap}, f = {b.effective_ssd_mm:g} mm, g = {o.gap_mm:g} mm"),
        ("cut-out factor", f"{c.cutout_factor:.4f}", "as prescribed"),
        ("F", f"{words(c.f_by_terms, '.6f')}; recorded {c.f_recorded:.6f}", "PDD / 100 x gap x cut-out, each once"),
        ("D0 = D_Rx / F", f"{words(c.d0_by_terms_mgy, '.2f')} mGy; recorded {c.d0_recorded_mgy:.2f} mGy", "water, surface, central axis, applicator's plane"),
        ("skin dose", f"{words(c.skin_mgy, '.2f')} mGy", at_skin),
        ("R0", f"{b.r0_mgy_per_s:.5f} mGy/s", "certificate, of this very combination"),
        ("dt", f"{b.dt_s:+.4f} s", f"end effect, a time; the timer starts at {b.timer_starts_at}"),
        ("tail", f"{b.tail_mgy:.4f} mGy", "dose after off, within the delivered dose"),
        ("T = D0 / R0 - dt", f"{words(c.time_by_terms_s, '.2f')} s", "of the whole fraction in one segment"),
        *_rated(report),
        ("agrees", "yes" if c.agrees else "NO: have the physicist look", "terms made anew beside what the machine used, to a millionth"),
    ]  # fmt: skip
    return _table(s, ("term", "value", "from"), rows, (30, 72, 78))


def _rated(report: FractionReport) -> list[tuple[str, str, str]]:
    """How R0 was measured."""
    one = report.rated
    if one is None:
        return [("R0 measured", "-", "the certificate of this record is not at hand, or states no measurement")]
    scatter = "-" if one.backscatter is None else f"{one.backscatter:.4f}"
    return [
        ("R0 measured", one.quantity, f"chamber {one.chamber}; depth dose {one.pdd_source}"),
        (
            "half-value layers",
            f"{one.hvl1_mm_al:.3f} and {one.hvl2_mm_al:.3f} mm Al",
            "of this beam, by its certificate",
        ),
        ("backscatter B_w", scatter, one.backscatter_source),
    ]


def _accuracies(s: Styles, report: FractionReport) -> list[Any]:
    u, t = report.uncertainty, report.totals
    off = t.delivered_d0_mgy - report.calculation.d0_recorded_mgy
    primary = "channel 1" if report.beam.ends_by == "monitor" else "the timer"
    by_primary = bool(report.segments) and report.segments[-1].ended_by == "primary"
    control = (
        f"By {primary}, its own primary, the machine ended {off:+.1f} mGy D0 from what was asked. This is no accuracy of dose."
        if by_primary
        else f"The fraction was not ended by {primary}, its primary: there is no figure of it."
    )
    calibration = "not stated" if u.calibration_pct_k2 is None else f"{u.calibration_pct_k2:.2f} %"
    clinical = (
        "not stated, for a term is not"
        if u.clinical_pct_k2 is None
        else f"{u.clinical_pct_k2:.2f} %, which is {_gy(u.clinical_rx_mgy_k2 or 0.0)} of {_gy(report.order.rx_mgy)}"
    )
    rows = [(term.name, words(term.u_pct_k1, ".3f"), term.source) for term in u.clinical_terms]
    return [
        Paragraph(f"<b>Control.</b> {control}", s.text),
        Paragraph(escape(f"Calibration. The rate R0 at the surface, k = 2: {calibration}.").replace("Calibration.", "<b>Calibration.</b>"), s.text),
        Paragraph(escape(f"Clinical. The dose at depth in this patient, k = 2: {clinical}.").replace("Clinical.", "<b>Clinical.</b>"), s.text),
        _table(s, ("term of the clinical uncertainty", "u, k = 1, %", "from"), rows, (58, 26, 96)),
    ]  # fmt: skip


def _segments(s: Styles, segments: Sequence[Segment]) -> list[Any]:
    if not segments:
        return [Paragraph("Segments", s.head), Paragraph("No beam was on.", s.text)]
    parts: list[Any] = []
    for at in range(0, len(segments), 4):
        some = segments[at : at + 4]
        rows = [(name, *(words(getattr(one, key), form) for one in some)) for name, key, form in SEGMENT_ROWS]
        width = min(60.0, 146.0 / len(some))
        heads = (
            "",
            *(f"segment {one.number}, token {one.token}{', PROVISIONAL' if one.provisional else ''}" for one in some),
        )
        parts.append(
            KeepTogether([Paragraph("Segments", s.head), _table(s, heads, rows, (34, *(width for _ in some)))])
        )
    parts.append(Spacer(1, 1 * mm))
    parts += [
        Paragraph(markup(f"Segment {one.number} ended: {one.end_words}. An arc: {one.arc_words or '-'}."), s.text)
        for one in segments
    ]
    return parts


def _interruptions(s: Styles, report: FractionReport) -> Table:
    rows = [
        (
            str(one.after_segment),
            one.cause,
            words(one.pause_s, ".1f"),
            f"{one.delivered_d0_mgy:.1f}",
            f"{words(one.resumed_by)}{', physicist by' if one.physicist else ''}",
            words(one.reason),
        )
        for one in report.interruptions
    ]
    return _table(
        s, ("after", "cause", "pause, s", "given, mGy D0", "resumed by", "reason"), rows, (11, 72, 16, 21, 30, 30)
    )


def _history(report: FractionReport) -> list[tuple[str, str]]:
    b = report.before
    lesion = b.with_this
    since = (
        "the first of this lesion in these records"
        if b.interval_h is None
        else f"{b.interval_h:.1f} h since fraction {b.previous_fraction}"
    )
    return [
        ("interval", f"{since}; at least {b.least_interval_h:g} h ordered: {'kept' if b.interval_kept else 'NOT KEPT'}"),
        ("same day, this lesion", ", ".join(b.same_day) or "no other fraction before this one"),
        ("same day, other lesions", ", ".join(b.same_day_lesions) or "none before this one"),
        ("course, this lesion", f"{lesion.fractions_given} of {lesion.fractions_ordered} fractions with this one: {_gy(lesion.delivered_rx_mgy)} "
                                f"of {_gy(lesion.ordered_rx_mgy)} at depth, low {_gy(lesion.low_rx_mgy)}, high {_gy(lesion.high_rx_mgy)}"),
    ]  # fmt: skip


def _codes(s: Styles, codes: Sequence[Code]) -> Any:
    if not codes:
        return Paragraph("None.", s.text)
    rows = [
        (
            f"{one.system} {one.code}",
            one.words,
            f"once for each {one.once_per}",
            f"to verify: {one.verify}" if one.verify else "",
        )
        for one in codes
    ]
    return _table(s, ("code", "for", "how often", ""), rows, (22, 78, 34, 46))


def _lacks(s: Styles, lacks: Sequence[Lack]) -> Table:
    return _table(s, ("not held", "what is"), [(one.field, one.words) for one in lacks], (76, 104))


def _lesions(s: Styles, report: CourseReport) -> Table:
    rows = [
        (
            f"{one.lesion_id}: {one.site}, {one.laterality}",
            f"{one.fractions_given} of {one.fractions_ordered}",
            *(
                f"{value / 1000:.3f}"
                for value in (one.ordered_rx_mgy, one.low_rx_mgy, one.delivered_rx_mgy, one.high_rx_mgy)
            ),
            "-" if one.delivered_skin_mgy is None else f"{one.delivered_skin_mgy / 1000:.3f}",
        )
        for one in report.lesions
    ]
    heads = ("lesion", "fractions", "ordered, Gy", "low, Gy", "delivered, Gy", "high, Gy", "skin, Gy")
    return _table(s, heads, rows, (56, 20, 22, 20, 24, 20, 18))


def _course_particulars(s: Styles, report: CourseReport) -> list[Any]:
    """Whose it is, lesion by lesion."""
    rows = [
        (f"{one.lesion_id}: {what}" if at == 0 else what, said)
        for one in report.particulars
        for at, (what, said) in enumerate((("patient", named(one.particulars)), *particulars(one.particulars)))
    ]
    return [Paragraph("Particulars as they are stated", s.head), _pairs(s, rows)] if rows else []


def _fractions(s: Styles, report: CourseReport) -> Table:
    rows = [
        (
            f"{one.fraction}/{one.fractions}",
            one.lesion_id,
            one.started_at[:16].replace("T", " "),
            f"{one.status}{', flagged' if one.flagged else ''}, {one.quality}",
            f"{one.delivered_rx_mgy / 1000:.3f} of {one.rx_mgy / 1000:.3f}",
            f"{one.low_rx_mgy / 1000:.3f} to {one.high_rx_mgy / 1000:.3f}",
            f"{one.timer_sum_s:.2f}",
            str(one.resumes),
            ("-" if one.interval_h is None else f"{one.interval_h:.1f}") + ("" if one.interval_kept else " NOT KEPT") + (" same day" if one.same_day else ""),
            ", ".join(one.codes),
        )
        for one in report.fractions
    ]  # fmt: skip
    heads = (
        "no.",
        "lesion",
        "started, UTC",
        "status",
        "at depth, Gy",
        "bounds, Gy",
        "timer, s",
        "resumes",
        "interval, h",
        "codes",
    )
    return _table(s, heads, rows, (12, 14, 24, 25, 23, 25, 14, 14, 17, 12))
