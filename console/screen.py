"""What people see: snapshots, offers and ends as text and tables, and as plain values for --json; every one of them says SIMULATED where it is.
It asks nobody anything and keeps nothing; the same snapshot always looks the same."""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
from msgspec import UNSET
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from console.exit_codes import WORDS, Exit
from console.second_calculation import Compared
from controller.lateness import BINS_US
from controller.prescribed import Prescribed
from controller.requests import DoseShown, Ended, Offer, RuleShown, Snapshot
from hal.readings import Purpose

OLD_S = 0.3
SILENT_S = 1.0
"""A screen older than the first says so; older than the second it no longer claims to know anything."""

STATES: dict[str, tuple[str, str]] = {
    "SELF_TEST": ("testing itself", "blue"),
    "STANDBY": ("off, nothing loaded", "white"),
    "PREPARATORY": ("setting up, beam off", "blue"),
    "ARMING": ("arming, beam off", "blue"),
    "READY": ("the next press starts the beam", "bold green"),
    "STARTING": ("BEAM COMING ON", "bold black on yellow"),
    "IRRADIATING": ("BEAM ON", "bold black on yellow"),
    "STOPPING": ("stopping, off not yet verified", "bold black on yellow"),
    "INTERRUPTED": ("interrupted, beam off", "bold dark_orange"),
    "TERMINATED": ("ended, beam off", "white"),
    "FAULT": ("FAULT, latched: a person must reset it", "bold white on red"),
    "STUCK_ON": (
        "BEAM MAY BE ON: press the emergency stop, switch the generator off at the mains",
        "bold white on red",
    ),
}
"""For each state its words and colour; the colour never says anything that the words do not."""

BEAMS: dict[str, str] = {"on": "bold black on yellow", "off": "white", "MAY BE ON": "bold white on red"}


def banner(simulated: bool, rig: str, emulated: str = "") -> str:
    """The first line of everything that is shown."""
    said = f"SIMULATED  rig {rig}: every device is a program, no X-rays" if simulated else f"rig {rig}"
    return said + (f"\n{emulated_words(emulated)}" if emulated else "")


def emulated_words(emulated: str) -> str:
    """Over everything that a bench rig without a safety unit shows."""
    return f"EMULATED safety unit: {emulated}"


def number(value: float | None, unit: str, digits: int = 2) -> str:
    """A value with its unit, or a dash for one that is not known."""
    return "-" if value is None else f"{value:.{digits}f} {unit}"


def state_words(snapshot: Snapshot) -> str:
    words, _ = STATES.get(snapshot.state, ("unknown state", ""))
    return f"{snapshot.state} ({words})"


def not_true(snapshot: Snapshot) -> tuple[RuleShown, ...]:
    """The interlocks that are asked now and are not true."""
    return tuple(rule for rule in snapshot.rules if rule.truth not in ("TRUE", "NOT_ASKED", "NOT_FITTED"))


def interlock_words(snapshot: Snapshot) -> str:
    """One line about all interlocks: all true, or how many not and the first thing to fix."""
    asked = [rule for rule in snapshot.rules if rule.truth not in ("NOT_ASKED", "NOT_FITTED")]
    wrong = not_true(snapshot)
    lacking = sum(1 for rule in snapshot.rules if rule.truth == "NOT_FITTED")
    if not wrong:
        return (f"all {len(asked)} true" if asked else "none asked") + (f", {lacking} NOT FITTED" if lacking else "")
    first = snapshot.first_to_fix or wrong[0].words or wrong[0].id
    return f"{len(wrong)} of {len(asked)} not true; first: {first}"


def dose_words(dose: DoseShown | None) -> str:
    """Dose at depth delivered of the dose that the fraction wants."""
    if dose is None:
        return "-"
    return f"{dose.delivered_mgy * dose.rx_factor / 1000:.3f} of {dose.d0_mgy * dose.rx_factor / 1000:.3f} Gy at depth"


def time_words(dose: DoseShown | None) -> str:
    return "-" if dose is None else f"{dose.beam_s:.1f} of {dose.set_time_s:.1f} s"


def plain(snapshot: Snapshot) -> str:
    """One line for a screen that is no terminal."""
    mark = ("SIMULATED " if snapshot.simulated else "") + ("EMULATED " if snapshot.emulated else "")
    return (
        f"{mark}{snapshot.state:<12} beam {snapshot.beam:<9} "
        f"kV {_pair(snapshot.kv_set, snapshot.kv, 1)}  mA {_pair(snapshot.ma_set, snapshot.ma, 2)}  "
        f"dose {dose_words(snapshot.dose)}  time {time_words(snapshot.dose)}  interlocks {interlock_words(snapshot)}"
    )


def _pair(wanted: float | None, measured: float | None, digits: int) -> str:
    return f"{number(wanted, '', digits).strip()}/{number(measured, '', digits).strip()}"


def progress(snapshot: Snapshot, silent_s: float = 0.0) -> RenderableType:
    """The live picture of one treatment; `silent_s` is how old the snapshot is."""
    words, style = STATES.get(snapshot.state, ("unknown state", "bold white on red"))
    head = Text()
    if snapshot.simulated:
        head.append(" SIMULATED ", style="black on magenta")
        head.append(" ")
    if snapshot.emulated:
        head.append(" EMULATED ", style="black on dark_orange")
        head.append(" ")
    head.append(f" {snapshot.state}: {words} ", style=style)
    head.append("  beam ")
    head.append(snapshot.beam, style=BEAMS.get(snapshot.beam, "bold white on red"))
    table = Table.grid(padding=(0, 2))
    table.add_row("", "set", "measured", style="dim")
    table.add_row("kV", number(snapshot.kv_set, "kV", 1), number(snapshot.kv, "kV", 1))
    table.add_row("mA", number(snapshot.ma_set, "mA", 2), number(snapshot.ma, "mA", 2))
    lines: list[RenderableType] = [head, table]
    dose = snapshot.dose
    if dose is not None:
        part = Table.grid(padding=(0, 2))
        part.add_row(
            "dose", dose_words(dose), ProgressBar(total=max(dose.d0_mgy, 1e-9), completed=dose.delivered_mgy, width=30)
        )
        part.add_row("time", time_words(dose), f"rate {dose.rate_mgy_per_s:.1f} mGy/s (D0)")
        lines += [part, Text(channel_words(dose), style="dim")]
    lines.append(
        Text(f"interlocks  {interlock_words(snapshot)}", style="" if not not_true(snapshot) else "bold dark_orange")
    )
    lines += [Text(f"latched: {latch}", style="bold red") for latch in snapshot.latches]
    if snapshot.notice:
        lines.append(Text(snapshot.notice))
    if silent_s > SILENT_S:
        lines.append(
            Text(
                f"NO DATA for {silent_s:.1f} s: look at the warning lamp, press the emergency stop if in doubt",
                style="bold white on red",
            )
        )
    elif silent_s > OLD_S:
        lines.append(Text(f"{silent_s:.1f} s old", style="dim"))
    lines.append(Text("Ctrl-C is STOP", style="dim"))
    return Group(*lines)


NO_CHAMBERS: Final = "NOT FITTED"


def channel_words(dose: DoseShown) -> str:
    """The four channels of this segment side by side, and bounds and quality of the fraction, D0."""
    channels = (
        f"channel 1 {dose.d1_mgy:.1f}  channel 2 {dose.d2_mgy:.1f}" if dose.chambers else f"chambers {NO_CHAMBERS}"
    )
    return (
        f"{channels}  timer {dose.dt_mgy:.1f}  model {dose.dm_mgy:.1f} mGy (D0)"
        f"  fraction: low {dose.low_mgy:.1f}  high {dose.high_mgy:.1f}  {dose.quality}"
    )


def offer(prescribed: Prescribed, offered: Offer, compared: tuple[Compared, ...], simulated: bool) -> RenderableType:
    """What was read back from the devices beside the second calculation: what a person confirms."""
    who = Table.grid(padding=(0, 2))
    who.add_row("patient", f"{prescribed.patient_id}  ({prescribed.patient_id_2})")
    who.add_row("lesion", f"{prescribed.lesion_id}  {prescribed.site}, {prescribed.laterality}")
    who.add_row(
        "fraction",
        f"{prescribed.fraction} of {prescribed.fractions}, segment {offered.segment}, {offered.purpose.name}",
    )
    who.add_row(
        "prescription",
        f"{prescribed.prescription_id} version {prescribed.version}, approved by {', '.join(prescribed.approved_by)}",
    )
    who.add_row(
        "depth", f"{prescribed.depth_mm:g} mm, gap {prescribed.gap_mm:g} mm, cut-out {prescribed.cutout_factor:g}"
    )
    for name, said in set_up_lines(prescribed):
        who.add_row(name, said)
    table = Table(title=("SIMULATED  " if simulated else "") + "read back from the devices", title_justify="left")
    table.add_column("")
    table.add_column("read back", justify="right")
    table.add_column("second calculation", justify="right")
    table.add_column("")
    for line in compared:
        table.add_row(
            line.name, line.offered, line.calculated, "agrees" if line.agrees else Text("DIFFERS", style="bold red")
        )
    device = (
        f"device integers: kV {offered.kv_counts}, mA {offered.ma_counts} counts; timer preset {offered.timer_preset_ms} ms; "
        f"count preset {offered.count_preset}; plan {offered.digest.hex()[:16]}; "
        f"certificate {offered.certificate_sha256.hex()[:16]}"
    )
    return Group(who, table, Text(device, style="dim"))


def set_up_lines(prescribed: Prescribed) -> tuple[tuple[str, str], ...]:
    """What lies on, in and behind the patient, as ordered; an order of the older form says nothing of it."""
    said = prescribed.set_up
    if said is UNSET:
        return (("set-up", "bolus, backing, shields: not stated by this order"),)
    lines = [("set-up", f"bolus or cover {said.bolus_mm:g} mm, backing {said.backing.value}")]
    if said.cutout_id:
        lines.append(
            ("cut-out", f"{said.cutout_id}, {said.cutout_diameter_mm:g} mm, measured by {said.cutout_measured_by}")
        )
    if said.shield_notes:
        lines.append(("shields", said.shield_notes))
    if prescribed.flags:
        lines.append(("FLAGGED", ", ".join(prescribed.flags)))
    return tuple(lines)


def end(prescribed: Prescribed | None, ended: Ended, code: Exit, record: str, simulated: bool) -> RenderableType:
    """The summary of an exposure's end."""
    table = Table(
        title=("SIMULATED  " if simulated else "") + f"fraction: {ended.outcome}",
        title_justify="left",
        show_header=False,
    )
    for name, words in end_lines(prescribed, ended, code, record):
        table.add_row(name, words)
    return table


def end_lines(prescribed: Prescribed | None, ended: Ended, code: Exit, record: str) -> tuple[tuple[str, str], ...]:
    """The summary as pairs of name and words."""
    dose, factor = ended.dose, ended.dose.rx_factor
    lines: list[tuple[str, str]] = []
    if prescribed is not None:
        lines.append(
            (
                "prescription",
                f"{prescribed.rx_mgy / 1000:.3f} Gy at {prescribed.depth_mm:g} mm, {prescribed.prescription_id} version {prescribed.version}",
            )
        )
        lines.append(
            (
                "fraction",
                f"{prescribed.fraction} of {prescribed.fractions}, segment {ended.segment}, patient {prescribed.patient_id}, lesion {prescribed.lesion_id}",
            )
        )
    lines += [
        ("delivered at depth", f"{dose.delivered_mgy * factor / 1000:.3f} Gy"),
        (
            "delivered (D0)",
            f"{dose.delivered_mgy:.1f} mGy, low {dose.low_mgy:.1f}, high {dose.high_mgy:.1f}, quality {dose.quality}",
        ),
        ("channel 1, this segment", f"{dose.d1_mgy:.1f} mGy" if dose.chambers else NO_CHAMBERS),
        ("channel 2, this segment", f"{dose.d2_mgy:.1f} mGy" if dose.chambers else NO_CHAMBERS),
        ("timer, this segment", f"{dose.dt_mgy:.1f} mGy"),
        ("model of kV and mA", f"{dose.dm_mgy:.1f} mGy"),
        ("rest (D0)", f"{ended.rest_mgy:.1f} mGy"),
        ("beam time, this segment", f"{dose.beam_s:.2f} s of {dose.set_time_s:.2f} s"),
        ("reason", reason_words(ended)),
    ]
    if ended.reaction_s is not None:
        lines.append(("decision to off", f"{ended.reaction_s * 1000:.1f} ms"))
    lines += [
        ("record", f"{record}{'' if ended.durable else ' (NOT YET DURABLE)'}"),
        ("result", f"{WORDS[code]} (exit {int(code)})"),
    ]
    return tuple(lines)


def reason_words(ended: Ended) -> str:
    """Why it ended: event, rule, words."""
    rule = f" by {ended.rule}" if ended.rule else ""
    return f"{ended.event}{rule}" + (f": {ended.words}" if ended.words else "")


def late_by(counts: tuple[int, ...]) -> str:
    """The histogram of lateness: how many ticks began within which time of their deadline, empty bins left out."""
    edges = [f"{edge:g} us" if edge < 1000 else f"{edge / 1000:g} ms" for edge in BINS_US]
    shown = [f"{edge}: {count}" for edge, count in zip(edges, counts, strict=False) if count]
    return ", ".join(shown) or "-"


def status(snapshot: Snapshot) -> RenderableType:
    """One snapshot, whole: state, values, every interlock with its age, dose, links, lateness."""
    said = banner(snapshot.simulated, snapshot.rig, snapshot.emulated)
    head = Text(said, style="black on magenta" if snapshot.simulated else "")
    facts = Table.grid(padding=(0, 2))
    p50, p99, worst = snapshot.lateness_us
    for name, words in (
        ("state", f"{state_words(snapshot)} for {snapshot.since_s:.1f} s"),
        ("beam", snapshot.beam),
        ("kV", f"set {number(snapshot.kv_set, 'kV', 1)}, measured {number(snapshot.kv, 'kV', 1)}"),
        ("mA", f"set {number(snapshot.ma_set, 'mA', 2)}, measured {number(snapshot.ma, 'mA', 2)}"),
        (
            "safety unit",
            f"{snapshot.unit_state or '-'}, K1 {_contact(snapshot.k1_open)}, K2 {_contact(snapshot.k2_open)}",
        ),
        ("dose", dose_words(snapshot.dose)),
        ("time", time_words(snapshot.dose)),
        ("first to fix", snapshot.first_to_fix or "nothing"),
        ("latches", "; ".join(snapshot.latches) or "none"),
        ("open fractions", "; ".join(snapshot.open_fractions) or "none"),
        ("links", "; ".join(snapshot.links) or "-"),
        ("recorder", f"{snapshot.recorder_lag_s:.2f} s behind"),
        (
            "ticks",
            f"{snapshot.tick}, late {snapshot.late_ticks}, skipped {snapshot.skipped_ticks}, late by {p50:.0f}/{p99:.0f}/{worst:.0f} us (median, p99, worst)",
        ),
        ("begun late by", late_by(snapshot.lateness_counts)),
        ("process", f"pid {snapshot.pid}, instance {snapshot.instance}"),
        ("notice", snapshot.notice or "-"),
    ):
        facts.add_row(name, words)
    lines: list[RenderableType] = [head, facts]
    if snapshot.dose is not None:
        lines.append(Text(channel_words(snapshot.dose)))
    rules = Table(show_edge=False)
    for name in ("interlock", "truth", "age", "words"):
        rules.add_column(name)
    for rule in snapshot.rules:
        style = (
            "" if rule.truth == "TRUE" else ("dim" if rule.truth in ("NOT_ASKED", "NOT_FITTED") else "bold dark_orange")
        )
        rules.add_row(
            rule.id, rule.truth, "-" if rule.age_s is None else f"{rule.age_s * 1000:.0f} ms", rule.words, style=style
        )
    lines.append(rules)
    lines += [Text(f"wire {wire.words()}") for wire in snapshot.wires]
    if snapshot.ended is not None:
        lines.append(Text(f"last exposure: {snapshot.ended.outcome}, {reason_words(snapshot.ended)}"))
    return Group(*lines)


def _contact(is_open: bool | None) -> str:
    return "not known" if is_open is None else ("open" if is_open else "CLOSED")


def yes(truth: bool) -> str:
    return "true" if truth else "false"


def values(thing: msgspec.Struct) -> Any:
    """A word of the controller as plain values for JSON: bytes in hex, enums by their values."""
    return _plain(msgspec.to_builtins(thing, builtin_types=(bytes,)))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: Purpose(inner).name if name == "purpose" else _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
