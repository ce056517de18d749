"""A tube of unknown truth from its name plate to a signed certificate and a treatment with it: console, controller and recorder as shipped, in virtual time.
`python -m verification.calibrate_story --page` writes docs/calibration.md, with a folder everything goes into that; the truth is compared only at its end."""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from calibration.certificate import sign_certificate
from calibration.job import load_job
from calibration.paper import write_pdf
from calibration.procedures.end_effect import SHORT_S, STARTS
from calibration.procedures.session import Session as Measured
from calibration.provisional import load_plate, provisional
from calibration.sign import make_keys
from calibration.write import text_of, write_certificate
from console import configuration
from console.calibrate import terminal as calibrate
from console.calibrate.draft import drafted
from console.calibrate.exposing import Person
from console.calibrate.face import CalibrateFace, Script, picture
from console.calibrate.sessions import known_of, measurable, opened
from console.calibrate.simulated_hand import Room
from console.certificate import checked_of
from console.configuration import Rig
from console.exit_codes import Exit
from console.treat.session import Session
from console.treat.treat import Result, Wanted, treat
from controller.blob import Blob
from controller.kernel import Kernels, prepare
from controller.prescribed import Prescribed
from controller.requests import Snapshot
from simulators.control import Control
from simulators.laboratory import Laboratory
from simulators.unit_memory import UnitConfig, UnitMemory
from simulators.unknown import PLANE_MM, Unknown, unknown
from simulators.world import World
from verification.certify import certify
from verification.rigs import with_values
from verification.setting import EXAMPLES, Setting, blob_of, lay_out, prescribed, recorder_of
from verification.virtual import WALL_S, VirtualRig
from verification.virtual_desk import VirtualDesk, VirtualNow

SEED: Final = 7
SECONDS: Final = 10.0
CHAMBER_MM: Final = 61.0
KV: Final = 69.5
MA: Final = 1.6
WHO: Final = "P. One"
WIDTH: Final = 110
NAME: Final = "a20-f2-70"
AL_MM: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
FAR_MM: Final = 300.0
SCALE_KV: Final = (40.0, 50.0, 60.0, KV)
OTHER, NONE = "A30", "none"
FITTED: Final = {"A20": 0x35, OTHER: 0x66, NONE: 0x99}
ENGRAVED: Final = {"sheets": "AL-1", "voltmeter": "VM-1"}
SUPPLY: Final = "300.4 V"
"""No simulation has the chambers' supply in it: a person types what a voltmeter would show."""
PDD: Final = ((0.0, 100.0), (1.0, 95.0), (2.0, 90.0), (3.0, 85.0), (4.0, 79.0), (5.0, 74.0))
DAY: Final = timedelta(days=1)
PRESS_S: Final = 1.0
"""No hand is quicker; a filament that a dry run let go cold comes to its stand-by meanwhile, or its current overshoots and the beam is ended."""
READINGS: Final = 5
LONG_S: Final = SHORT_S * STARTS
DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
HEAD_LINES: Final = 62
TAIL_LINES: Final = 34


@dataclass
class Told:
    """What the story leaves: what was typed, what was shown, and how the numbers stand to the truth."""

    scripts: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    picture: str = ""
    certificate: bytes = b""
    pdf: bytes = b""
    r0_mgy_per_s: float = 0.0
    u_pct_k2: float = 0.0
    true_r0_mgy_per_s: float = 0.0
    dt_s: float = 0.0
    true_dt_s: float = 0.0
    asked_mgy: float = 0.0
    given_mgy: float = 0.0
    treated: Result | None = None


class Story:
    """One unknown machine, its rig and bench, in a folder of its own. A certificate is put in force by ending the program and beginning it anew."""

    def __init__(self, folder: Path, kernels: Kernels, seed: int = SEED) -> None:
        self.machine: Unknown = unknown(seed)
        self.seed, self.kernels, self.folder = seed, kernels, folder
        self.setting: Setting = lay_out(folder / "rig", folder / "records", "time", 15020)
        text = with_values(self.setting.rig_file.read_text(encoding="utf-8"), {
            "tube": {"serial": f'"{self.machine.profile.tube_serial}"'}, "certificate": {"signer_public_key": '"physicist.pub"'},
            "simulated": {"laboratory": str(seed)},
        })  # fmt: skip
        self.setting.rig_file.write_text(text, encoding="utf-8")
        self.certificate = self.setting.folder / "certificate-time.toml"
        (self.setting.folder / "physicist.pub").unlink()
        make_keys(self.key, self.setting.folder / "physicist.pub", "SIMULATED: signs for nothing but this folder")
        self.world = World(self.machine.profile, seed, UnitConfig(site_key=_site_key(self.setting)), UnitMemory())
        self.laboratory = Laboratory(self.machine, self.world.plant, seed, lambda: self.world.now_us)
        self.world.equip(self.laboratory)
        self.bare: dict[str, Any] = certify(self.machine.profile, seed)
        self.told = Told()
        self.doses_mgy: dict[str, list[float]] = {}
        self._names()

    @property
    def key(self) -> Path:
        return self.setting.folder / "physicist.pem"

    @property
    def rig(self) -> Rig:
        return configuration.load(self.setting.rig_file, os.getuid())

    @property
    def job_file(self) -> Path:
        return self.setting.folder / calibrate.JOB

    def _names(self) -> None:
        """The certificate of the name plate, and the job file that people write beside it."""
        now = datetime.fromtimestamp(WALL_S, UTC)
        plate = load_plate(EXAMPLES / "plate.toml")
        (first,) = plate.combinations
        more = [
            first.model_copy(
                update={
                    "kv": kv,
                }
            )
            for kv in SCALE_KV[:-1]
        ]
        more += [
            first.model_copy(update={"applicator": name, "applicator_code": FITTED[name]}) for name in (OTHER, NONE)
        ]
        plate = plate.model_copy(
            update={"tube_serial": self.machine.profile.tube_serial, "combinations": [first, *more]}
        )
        self.certificate.unlink()
        write_certificate(self.certificate, provisional(plate, version("kerma"), now - timedelta(minutes=5)))
        self.job_file.write_text(text_of(job(self.machine, self.laboratory.papers(), self.bare)), encoding="utf-8")

    def begin(self) -> VirtualRig:
        """The program, with the certificate of the name plate."""
        setting = self.setting
        return VirtualRig(
            self._blob(), recorder_of(setting.folder, setting.records), self.kernels, setting.folder, self.world
        )

    def anew(self, rig: VirtualRig) -> None:
        """The program ends and is begun again, with the certificate that lies there now."""
        rig.kill_host()
        rig.blob = self._blob()
        rig.start_host()

    def _blob(self) -> Blob:
        blob = blob_of(self.setting, WALL_S + self.world.now_us * 1e-6)
        paper = msgspec.structs.replace(
            blob.certificate, safety_unit_fw="", generator_fw=""
        )  # as kerma run has it on a simulated rig
        return msgspec.structs.replace(blob, certificate=paper)

    def measure(self, rig: VirtualRig, name: str, script: str) -> Exit:
        """`kerma calibrate NAME --plain --script`, in this rig's time; the snapshots of its beam are kept for the picture."""
        console = Console(file=io.StringIO(), record=True, width=WIDTH)
        job_table, clock = load_job(self.job_file), VirtualNow(rig)
        at = datetime.fromtimestamp(clock.wall(), UTC)
        planned = measurable(job_table, name, at, known_of(self.rig, job_table, at, {}))
        line = Session(VirtualDesk(rig), self.folder / "stop", clock)
        asked = calibrate.Asked(self.setting.rig_file, name, by=WHO, plain=True, script=Path("script"))
        control, beam = Control(self.world), list[Snapshot]()
        rig.watcher = lambda shown: beam.append(shown) if shown.state == "IRRADIATING" else None

        def answers(request: dict[str, Any]) -> dict[str, Any]:
            return dict(json.loads(control.answer(json.dumps(request).encode())))

        def pressed() -> str:
            rig.wait(PRESS_S)
            self.doses_mgy.setdefault(name, []).append(self.world.plant.dose_mgy)
            rig.press()
            return ""

        site = calibrate.Site(self.rig, job_table, planned, rig.blob.certificate, clock)
        lines = Script(script.splitlines(), Room(answers, rig.wait))
        with opened(self.rig, name, planned, at, anew=False) as journal:
            code = calibrate.guided(
                site, journal, line, lines, asked, console, None, pressed, Path(rig.recorder_config.database)
            )
            if name == NAME and code is Exit.AS_INTENDED:
                self.told.picture = drawn(site, journal.session, beam)
        rig.watcher = None
        self.doses_mgy.setdefault(name, []).append(self.world.plant.dose_mgy)
        self.told.scripts[name] = script
        self.told.shown[name] = console.export_text()
        return code

    def database(self) -> Path:
        return Path(recorder_of(self.setting.folder, self.setting.records).database)

    def truth(self) -> tuple[float, float]:
        """R0 over the output's readings and the end effect, by the true dose of each exposure: what a session would find whose every reading is right."""
        timed, read = (
            [after - before for before, after in pairwise(self.doses_mgy[name])] for name in (f"timer-{NAME}", NAME)
        )
        short = [timed[n] for n in (1, 4, 11, 14)]
        long = [timed[n] for n in (2, 3, 12, 13)]
        rate = (sum(long) - sum(short)) / (4 * (LONG_S - SHORT_S))
        dt_s = (sum(short) + sum(long)) / (8.0 * rate) - 0.5 * (SHORT_S + LONG_S)
        return sum(read[:READINGS]) / READINGS / (SECONDS + dt_s), dt_s

    def treat(self, rig: VirtualRig, order: Prescribed) -> Result:
        """One fraction at the desk, as `kerma treat` does it; the true dose in the plane is of this fraction alone."""
        before = self.world.plant.dose_mgy
        session = Session(VirtualDesk(rig), self.folder / "stop", VirtualNow(rig))

        def pressed() -> str:
            rig.press()
            return ""

        result = treat(session, Wanted(order, rig.blob.certificate, "A. Nurse", yes=True, press=pressed), Silent())
        self.told.given_mgy = self.world.plant.dose_mgy - before
        return result


class Silent:
    """An operator's face that shows nothing."""

    def say(self, words: str) -> None:
        """Nothing is shown."""

    def show_offer(self, *_shown: object) -> None:
        """Nothing is shown."""

    def ask(self, words: str) -> None:
        """Nothing is asked: --yes."""

    def typed(self) -> str | None:
        return None

    def progress(self, snapshot: Snapshot, silent_s: float) -> None:
        """Nothing is shown."""


def _site_key(setting: Setting) -> bytes:
    return configuration.site_key(configuration.load(setting.rig_file, os.getuid()))


def job(machine: Unknown, papers: dict[str, Any], bare: dict[str, Any]) -> dict[str, Any]:
    """The job file as a document. g(kV) and linearity in mA are typed, of sessions that the story does not show."""
    rate = 0.1
    return {
        "certificate": {
            "id": f"SIM-{machine.seed:04d}-1", "version": 1, "supersedes": "", "simulated": True, "tube_serial": machine.profile.tube_serial,
            "machine_serial": "KU-SIM-0001", "safety_unit_fw": "simulated", "generator_fw": f"{machine.profile.dsp_part} {machine.profile.dsp_version}",
            "ramp_profile": "as delivered", "expires_at": datetime.fromtimestamp(WALL_S, UTC).replace(microsecond=0) + 365 * DAY,
            "termination": "time", "timer_start": "hv_seen", "capacitance_nf": round(float(bare["capacitance_nf"]), 4), "off_latency_s": 0.02,
            "press_to_hv_s": float(bare["press_to_hv_seen_s"]), "ramp_s": round(0.03 + machine.drawn["ramp"] * 1e-3, 3), "filament_limit_counts": 2866,
            "filament_preheat_counts": 2375, "vented_2": True, "ref_pressure_kpa": 101.325, "ref_temperature_c": 20.0,
            "audit": {"kind": "simulated", "by": "none: a simulated tube", "tube_serial": machine.profile.tube_serial,
                      "at": datetime.fromtimestamp(WALL_S, UTC).replace(microsecond=0), "ratio": 1.0, "u_pct": 1.5},
            "facts": {"applicators": [_applicator(name, code) for name, code in FITTED.items()]},
        },
        "instruments": instruments(papers),
        "outputs": [{
            "name": NAME, "kv": KV, "ma": MA, "filter": "F2", "applicator": "A20", "seconds": SECONDS, "most_nc": 5.0, "expected_nc": 1.05, "low_v": 150.0,
            "source": "typed",
            "combination": {
                "filter_code": 0xF2, "applicator_code": 0x35, "effective_ssd_mm": PLANE_MM,
                "max_skin_mgy": 15000.0, "max_time_s": 300.0, "closed_end": False, "g_kv": bare["g_kv"],
                "pdd": [{"depth_mm": z, "pct": pct} for z, pct in PDD],
            },
            "measured": {
                "quantity": "AIR_KERMA_RATE_IN_AIR", "chamber": "A", "electrometer": "electrometer", "barometer": "barometer", "thermometer": "thermometer",
                "operating_v": 300.0, "low_v": 150.0, "chamber_ref_to_focus_mm": CHAMBER_MM, "plane_to_focus_mm": PLANE_MM,
                "position_half_width_mm": 0.3, "field_mm": 20.0,
                "ma_steps": [{"at": at, "reading": round(at * rate, 5)} for at in (0.8, 1.2, 1.6)],
                "terms": [{"term": "quality", "type": "B", "stated": 1.0, "distribution": "normal", "pct_per_unit": 1.0, "source": "E11"}],
                "pdd_source": "published", "u_pdd_pct": 2.0, "flatness_pct": 5.0,
            },
            "hvl": {
                "applicator": NONE, "sheets": "sheets", "stack_mm": list(AL_MM), "chamber_mm": FAR_MM, "aperture_mm": 20.0, "expected_mm": 1.95,
                "most_nc": 5.0,
            },
            "monitor": {"supply_v": 300.0, "voltmeter": "voltmeter"},
        }],
        "scales": [{"name": "kv", "unit": "kV", "at": list(SCALE_KV), "ma": MA, "filter": "F2", "applicator": "A20", "meter": "kvp-meter"}],
        "fitted": [{"name": "a30", "reference": NAME, "applicator": OTHER}],
    }  # fmt: skip


def _applicator(name: str, code: int) -> dict[str, Any]:
    """As engraved."""
    mm = 30.0 if name == OTHER else 20.0
    return {
        "id": name, "serial": f"AP-{name}", "code": code, "kind": "calibration_none" if name == NONE else "clinical", "shape": "circle", "diameter_mm": mm,
        "end": "open", "plane_to_focus_mm": PLANE_MM, "effective_ssd_mm": PLANE_MM, "u_mm": 0.3, "contact_sensor": True, "lot": "L1", "recalled": False,
        "max_skin_mgy": 15000.0, "max_time_s": 300.0,
    }  # fmt: skip


def instruments(papers: dict[str, Any]) -> list[dict[str, Any]]:
    """What lies on the bench, as its papers say."""

    def day(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    paper = papers["chambers"]["A"]
    since, until = day("2026-01-31"), day("2028-01-31")
    chamber = {
        "kind": "chamber", "id": "A", "model": "simulated soft X-ray chamber", "serial": paper["serial"],
        "cal": {"lab": "ADCL", "at": day(paper["date"]), "expires_at": day(paper["expires"]), "certificate_no": paper["certificate"]},
        "type": "pp", "volume_cc": 0.02, "sensitive_mm": paper["sensitive_mm"], "ref_point_mm_from_face": 0.5, "vented": True, "foil_mm": 0.1,
        "polarising_v": float(paper["volts"]), "stem_factor": paper["stem_factor"], "u_stem_pct": 0.5,
        "nk": [{"hvl_mm_al": hvl, "kv": 70.0, "mgy_per_nc": 1000.0 * n_k, "u_pct_k1": 0.7} for hvl, n_k in paper["n_k_gy_per_nc"].items()],
        "coefficient": "air_kerma", "ref_form": paper["ref_form"], "ref_t_c": paper["ref_c"], "ref_p_kpa": paper["ref_kpa"], "protocol": "TG61",
    }  # fmt: skip
    more: dict[str, dict[str, Any]] = {
        "electrometer": {"factor": papers["electrometer_factor"], "u_pct": 0.2, "leakage_na": 0.0},
        "barometer": {"reads": "station", "altitude_m": papers["altitude_m"]},
        "thermometer": {"u_c": 0.5},
        "kvp-meter": {"u_pct_k1": 1.5, "least_kv": 35.0, "most_kv": 110.0},
        "sheets": {"kind": "hvl_set", "purity_pct": 99.9, "sheets_mm": [0.5, 0.5, 1.0, 2.0, 4.0]},
        "voltmeter": {"kind": "qa_device", "jig": "none"},
    }
    serials = {name: row["serial"] for name, row in papers["instruments"].items()} | ENGRAVED
    cal = {"lab": "Example laboratory", "at": since, "expires_at": until}
    return [chamber, *(
        {"kind": kind.replace("-", "_"), "id": kind, "model": f"simulated {kind}", "serial": serials[kind],
         "cal": cal | {"certificate_no": f"EX-{kind}"}, **facts}
        for kind, facts in more.items()
    )]  # fmt: skip


DARK: Final = "\n".join(("@room key SERVICE", "@wait 0.5", "ok", *["go"] * 12, "accept")) + "\n"
"""What the chambers count of nothing."""
WARM: Final = "\n".join((
    "@room key SERVICE", "@wait 0.5", "ok", "go", "go", "go", "reject 0 tube not yet steady", "go", "reject 1 tube not yet steady", "go", "accept",
)) + "\n"  # fmt: skip
"""Beam until three exposures agree."""


def _one(*last: str) -> tuple[str, ...]:
    """One exposure with the electrometer: reset, started, exposed, held, read."""
    return ("@bench key RES", "@bench key STA", "go", "@bench key HLD", "@read electrometer nC", *last)


TIMER: Final = "\n".join((
    "# 30 s of radiation, against a meter that is none of the machine's",
    f"@bench key RES chamber A distance_mm {CHAMBER_MM} volts 300 range LOW", "@wait 5", "ok EL-4004 KV-5005", "@air", "go", "@read timer", "accept",
    "# a minute without beam", "ok", "@bench key RES", "@bench key STA", "@wait 60", "@bench key HLD", "go", "@read electrometer nC", "accept",
    "# short, long, long, short; six short ones; and once more", *_one("accept") * 4, *_one() * 6, "accept", *_one("accept") * 4,
)) + "\n"  # fmt: skip
"""Timer and end effect."""
OUTPUT: Final = "\n".join((
    "# asked: is a reading corrected once only?", f"@room applicator {FITTED['A20']}", "ok EL-4004 CH-A-1001", "@air", *["go", "yes"] * 3, "accept",
    "# readings", f"@bench key RES chamber A distance_mm {CHAMBER_MM} volts 300 range LOW", "@wait 5", "ok", "@air", *_one() * 5, "accept",
    "# leakage, as long without beam", "ok", "@bench key RES", "@bench key STA", f"@wait {SECONDS}", "@bench key HLD", "go", "@read electrometer nC", "accept",
    "# further away", f"@bench distance_mm {CHAMBER_MM + 20.0}", "ok", *_one("accept"),
    "# the other sign", f"@bench distance_mm {CHAMBER_MM} key RES volts -300", "@wait 150", "ok", *_one("accept"),
    "# half the voltage", "@bench key RES volts 150", "@wait 150", "ok", "@air", *_one("accept"),
)) + "\n"  # fmt: skip


HVL: Final = "\n".join((
    "# leakage, a minute without beam", f"@room applicator {FITTED[NONE]}",
    f"@bench key RES chamber A distance_mm {FAR_MM} al_mm 0 volts 300 range LOW", "@wait 5", "ok EL-4004", "@air", "@bench key RES", "@bench key STA",
    "@wait 60", "@bench key HLD", "go", "@read electrometer nC", "accept", "# without aluminium", *_one("accept"),
    *(line for mm in AL_MM[1:] for line in (f"# {mm:g} mm Al", f"@bench al_mm {mm:g}", "ok", "@air", *_one("accept"))),
    "# and without it again", "@bench al_mm 0", "ok", *_one("accept"),
)) + "\n"  # fmt: skip
"""Half-value layers."""
SCALE: Final = "\n".join(("ok KV-5005", "@air", *("go", "@read kvp-meter", "accept") * (2 * len(SCALE_KV)))) + "\n"
"""kV up and down."""
TAIL: Final = (
    "\n".join(
        (
            "# what both chambers count after the unit's end; no chamber in the beam is needed",
            "ok",
            *["go"] * 6,
            "accept",
        )
    )
    + "\n"
)
"""The tail."""
MONITOR: Final = "\n".join((
    "# the chambers' supply", f"ok EL-4004 {ENGRAVED['voltmeter']}", "@air", "go", SUPPLY, "accept",
    "# counts for a dose", f"@bench key RES chamber A distance_mm {CHAMBER_MM} al_mm 0 volts 300 range LOW", "@wait 5", "ok", *_one() * 5, "accept",
    "# once more when the head is warmer: here it has not warmed by 3 K, and the reason is written", "ok", "@air", *_one() * 2,
    "accept the seal was proved in the shop, M-17",
)) + "\n"  # fmt: skip
"""Monitor chambers."""
APPLICATOR: Final = "\n".join((
    "# the reference", f"@bench key RES chamber A distance_mm {CHAMBER_MM} al_mm 0 volts 300 range LOW", "@wait 5", "ok EL-4004", "@air", *_one() * 5, "accept",
    "# the other applicator", f"@room applicator {FITTED[OTHER]}", "ok", *_one() * 5, "accept",
    "# the reference again", f"@room applicator {FITTED['A20']}", "ok", "@air", *_one() * 5, "accept",
)) + "\n"  # fmt: skip
"""Another applicator against the reference."""
SESSIONS: Final = (
    (f"dark-{NAME}", DARK), (f"warm-{NAME}", WARM),
    ("scale-kv", SCALE), (f"timer-{NAME}", TIMER), (f"hvl-{NAME}", HVL), (NAME, OUTPUT), (f"tail-{NAME}", TAIL),
    (f"monitor-{NAME}", MONITOR),
    ("fitted-a30", APPLICATOR),
)  # fmt: skip


def told(folder: Path, kernels: Kernels, seed: int = SEED, watch: Callable[[str], None] = lambda _words: None) -> Told:
    """The whole story. Every step that does not go as it should raises."""
    story = Story(folder, kernels, seed)
    rig = story.begin()
    try:
        _told(story, rig, folder, watch)
    finally:
        rig.close()
    return story.told


def _told(story: Story, rig: VirtualRig, folder: Path, watch: Callable[[str], None]) -> None:
    clock, found = VirtualNow(rig), story.told
    for name, script in SESSIONS:
        watch(f"kerma calibrate {name}")
        code = story.measure(rig, name, script)
        if code is not Exit.AS_INTENDED:
            raise RuntimeError(f"kerma calibrate {name} ended with {code.name}:\n{found.shown[name][-3000:]}")
    watch("draft, signature, paper")
    out, console = story.setting.folder / "draft.toml", Console(file=io.StringIO(), record=True, width=120)
    drafted(story.rig, load_job(story.job_file), out, clock, console, story.database())
    found.shown["draft"] = console.export_text()
    sign_certificate(out, story.key, WHO, clock.wall())
    out.replace(story.certificate)
    pdf = folder / "certificate.pdf"
    write_pdf(pdf, checked_of(story.rig, clock.wall()), [])
    found.certificate, found.pdf = story.certificate.read_bytes(), pdf.read_bytes()
    (c,) = checked_of(story.rig, clock.wall()).table.combinations
    found.r0_mgy_per_s, found.u_pct_k2 = c.r0_mgy_per_s, c.measured.u_pct_k2 if c.measured is not None else 0.0
    found.true_r0_mgy_per_s, found.true_dt_s = story.truth()
    found.dt_s = c.dt_s
    watch("a fraction with it")
    story.anew(rig)
    rig.room(key="TREAT")
    found.treated = story.treat(rig, treatment())
    found.asked_mgy = found.treated.offer.d0_mgy if found.treated.offer is not None else 0.0


def treatment() -> Prescribed:
    """2 Gy at 3 mm."""
    return msgspec.structs.replace(prescribed(), rx_mgy=2000.0, sha256=hashlib.sha256(b"calibrated").digest())


def drawn(site: calibrate.Site, session: Measured, beam: list[Snapshot]) -> str:
    """One terminal screen as SVG: the output's readings step, the trace in the middle of its last exposure, and its readings."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH)
    place = next(n for n, step in enumerate(session.procedure.steps) if step.id == "readings")
    there = replace(
        session, place=place, connected=True, held=tuple(one for one in session.held if one.step == "readings")
    )
    face = CalibrateFace(console, Script([], str), calibrate.banner(site, there, Person(WHO, "physicist")), plain=True)
    face.step(there, 0.0)
    last = [one for one in beam if one.dose is not None and one.dose.beam_s < 0.7 * SECONDS]
    first = max(
        n for n, one in enumerate(last) if n == 0 or last[n - 1].dose is None or _beam_s(one) < _beam_s(last[n - 1])
    )
    trace = tuple(
        (one.kv or 0.0, one.ma or 0.0, one.dose.rate_mgy_per_s if one.dose is not None else 0.0) for one in last[first:]
    )
    console.print(picture(last[-1], trace, 0.0))
    face.readings(there)
    return console.export_svg(title="kerma calibrate a20-f2-70", unique_id="calibrate")


def _beam_s(shown: Snapshot) -> float:
    return shown.dose.beam_s if shown.dose is not None else 0.0


def page(text: str, found: Told) -> str:
    """The page with its made parts."""
    whole = found.shown[NAME].splitlines()
    shown = [*whole[:HEAD_LINES], "...", *whole[-TAIL_LINES:], "", *found.shown["draft"].splitlines()[:-1]]
    typed = [
        f"`kerma calibrate --config rig.toml {name} --script FILE`\n\n```text\n{script}```\n"
        for name, script in found.scripts.items()
    ]
    for name, body in (
        ("typed", "\n".join(typed)),
        ("shown", f"```text\n{_lines(shown)}```\n"),
        ("truth", f"```text\n{summary(found)}\n```\n"),
    ):
        head, tail = f"<!-- made by verification.calibrate_story: {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = text.partition(head)
        if not rest or tail not in rest:
            raise ValueError(f"the page has no place for {name}")
        text = before + head + body + tail + rest.partition(tail)[2]
    return text


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in lines)


def summary(told: Told) -> str:
    """How the numbers stand to the truth, in words."""
    off, given = (
        100.0 * (told.r0_mgy_per_s / told.true_r0_mgy_per_s - 1.0),
        100.0 * (told.given_mgy / told.asked_mgy - 1.0),
    )
    return (
        f"R0 {told.r0_mgy_per_s:.3f} mGy/s, stated k = 2 uncertainty {told.u_pct_k2:.2f} %; true {told.true_r0_mgy_per_s:.3f}: {off:+.2f} % off\n"
        f"end effect {1000 * told.dt_s:+.1f} ms; true {1000 * told.true_dt_s:+.1f} ms\n"
        f"D0 asked {told.asked_mgy:.1f} mGy, truly given {told.given_mgy:.1f}: {given:+.2f} %"
    )


def _watched(words: str) -> None:
    sys.stderr.write(f"{words}\n")


def main(arguments: list[str]) -> int:
    """`--page` writes docs/calibration.md, its transcript and its picture; a folder gets everything that the story leaves."""
    with tempfile.TemporaryDirectory() as folder:
        found = told(Path(folder), prepare(), watch=_watched)
        here = f"{folder}/rig/"
    if arguments == ["--page"]:
        path = DOCS / "calibration.md"
        path.write_text(page(path.read_text(encoding="utf-8"), found), encoding="utf-8")
        (DOCS / "calibration-transcript.txt").write_text(
            _lines("\n".join(found.shown.values()).replace(here, "").splitlines()), encoding="utf-8"
        )
        (DOCS / "pictures" / "calibrate-output.svg").write_text(_lines(found.picture.splitlines()), encoding="utf-8")
    else:
        out = Path(arguments[0])
        out.mkdir(parents=True, exist_ok=True)
        (out / "certificate.toml").write_bytes(found.certificate)
        (out / "certificate.pdf").write_bytes(found.pdf)
        for name, text in (*found.scripts.items(), *((f"{name}.txt", text) for name, text in found.shown.items())):
            (out / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"{summary(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
