"""A tube of unknown truth from its name plate to a signed certificate and a treatment with it: console, controller and recorder as shipped, in virtual time.
`python -m verification.calibrate_story --page` writes docs/calibration.md, with a folder everything goes into that; the truth is compared only at its end."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
from PIL import Image
from rich.console import Console

from calibration.job import load_job
from calibration.procedures.audit import CAPSULES
from calibration.procedures.end_effect import SHORT_S, STARTS
from calibration.procedures.session import Session as Measured
from calibration.sign import make_keys
from calibration.write import text_of
from console import configuration
from console.calibrate import certificate_pages as pages
from console.calibrate import terminal as calibrate
from console.calibrate.draft import drafted
from console.calibrate.exposing import Hand, Kept, Person
from console.calibrate.face import CalibrateFace, Script, picture
from console.calibrate.sessions import known_of, measurable, opened
from console.calibrate.simulated_hand import Room
from console.certificate import certificate_of, checked_of
from console.configuration import Rig
from console.day import daily, sheets, work
from console.day.noted import FOLDER as NOTED
from console.day.noted import Notes
from console.day.sheets import Signer
from console.exit_codes import Exit
from console.run import raw_keys
from console.treat.session import Session
from console.treat.treat import Result, Wanted, treat
from controller.blob import Blob
from controller.kernel import Kernels, prepare
from controller.prescribed import Prescribed
from controller.requests import Snapshot
from hal.errors import ConfigurationError
from hal.readings import Purpose
from hal.units import Seconds
from records.commissioning import ITEMS
from simulators.control import Control
from simulators.laboratory import ALTITUDE_M, Laboratory
from simulators.unit_memory import UnitConfig, UnitMemory
from simulators.unknown import Unknown, unknown
from simulators.world import World
from verification.calibrate_job import CAPSULES_U_PCT, PLATE, job, plated
from verification.calibrate_script import FITTED, NAME, PHYSICIST, SECONDS, SESSIONS, by, command
from verification.certify import certify
from verification.rigs import with_values
from verification.setting import EXAMPLES, Setting, blob_of, lay_out, prescribed, recorder_of
from verification.virtual import WALL_S, VirtualRig
from verification.virtual_desk import VirtualDesk, VirtualNow

SEED: Final = 11
TICK_HZ: Final = 20
"""The slowest that a rig may be: an hour and a half at the terminal costs a third of what it costs at 100. Its tail is that of such a rig, whose off by wire
goes out up to 50 ms after the unit's own end."""
WIDTH: Final = 110
PRESS_S: Final = 1.0
"""No hand is quicker; a filament that a dry run let go cold comes to its stand-by meanwhile, or its current overshoots and the beam is ended."""
READINGS: Final = 5
LONG_S: Final = SHORT_S * STARTS
DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
PICTURES: Final = DOCS / "pictures"
CERTIFICATE: Final = DOCS / "calibration-certificate.toml"
PUBLIC: Final = DOCS / "calibration-physicist.pub"
"""What the page's story signed, and the key that proves it."""
HEAD_LINES: Final = 62
TAIL_LINES: Final = 34
AFTER: Final = ("draft", "sign", "verify", "pdf", "baseline", "commissioned in part", "commissioned")
"""What is typed when everything is measured; shown whole."""
WHOLE: Final = frozenset(name for name, _ in SESSIONS)
PICTURED: Final = {"conditioning": "top", NAME: "readings", f"dependence-{NAME}": "again", f"audit-{NAME}": "result"}
"""The step of which a picture is drawn."""
PICTURED_AS: Final = {name: name.removesuffix(f"-{NAME}") if name != NAME else "output" for name in PICTURED}
PAPER: Final = "certificate"
DPI: Final = "100"
COLOURS: Final = 32
"""A page is text and a few lines."""
DETECTOR: Final = work.Detector("QA-1 JIG-3003", "nC", True, ALTITUDE_M)
BASELINE: Final = "\n".join((
    "@room key TREAT", "@wait 0.5", "@read barometer", "@read thermometer", "@bench key RES chamber jig volts 300 range LOW", "@wait 5", "@bench key STA",
    "yes", "@bench key HLD", "@read electrometer nC", "yes",
)) + "\n"  # fmt: skip
"""Station pressure, temperature, the detector in its jig, its reading, and whether that is kept."""
MEASURED_ITEMS: Final = (
    "scales", "output", "end_effect", "linearity", "interrupt", "hvl", "kv_dependence", "applicator", "monitor", "leakage",
)  # fmt: skip
"""Of a commissioning, what these sessions show."""


@dataclass
class Told:
    """What the story leaves: what was typed, under which command, what was shown, and how the numbers stand to the truth."""

    scripts: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, str] = field(default_factory=dict)
    certificate: bytes = b""
    public: bytes = b""
    pdf: bytes = b""
    r0_mgy_per_s: float = 0.0
    u_pct_k2: float = 0.0
    true_r0_mgy_per_s: float = 0.0
    dt_s: float = 0.0
    true_dt_s: float = 0.0
    asked_mgy: float = 0.0
    given_mgy: float = 0.0
    treated: Result | None = None
    arcs: int = 0


class Earlier:
    """The clock of who made the plate's certificate, five minutes before the program was begun."""

    def monotonic(self) -> Seconds:
        return Seconds(0.0)

    def wall(self) -> Seconds:
        return Seconds(WALL_S - 300.0)

    def sleep_until(self, deadline: Seconds) -> None:
        raise AssertionError(f"nobody waits until {deadline} here")


class Story:
    """One unknown machine, its rig and bench, in a folder of its own. A certificate is put in force by ending the program and beginning it anew."""

    def __init__(
        self, folder: Path, kernels: Kernels, seed: int = SEED, names: frozenset[str] = WHOLE, tick_hz: int = TICK_HZ
    ) -> None:
        self.machine: Unknown = unknown(seed)
        self.seed, self.kernels, self.folder, self.names = seed, kernels, folder, names
        self.setting: Setting = lay_out(folder / "rig", folder / "records", "time", 15020)
        text = with_values(self.setting.rig_file.read_text(encoding="utf-8"), {
            "rig": {"tick_hz": str(tick_hz)},
            "tube": {"serial": f'"{self.machine.profile.tube_serial}"'}, "certificate": {"signer_public_key": '"physicist.pub"'},
            "simulated": {"laboratory": str(seed)},
        })  # fmt: skip
        self.setting.rig_file.write_text(text, encoding="utf-8")
        self.certificate = self.setting.folder / "certificate-time.toml"
        self.public = self.setting.folder / "physicist.pub"
        self.public.unlink()
        make_keys(self.key, self.public, "SIMULATED: signs for nothing but this folder")
        self.world = World(self.machine.profile, seed, UnitConfig(site_key=_site_key(self.setting)), UnitMemory())
        self.laboratory = Laboratory(self.machine, self.world.plant, seed, lambda: self.world.now_us)
        self.world.equip(self.laboratory)
        self.bare: dict[str, Any] = certify(self.machine.profile, seed)
        self.told = Told()
        self.doses_mgy: dict[str, list[float]] = {}
        self.capsules_off = random.Random(f"capsules {seed}").gauss(0.0, 0.01 * CAPSULES_U_PCT)
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
        document = tomllib.loads((EXAMPLES / "plate.toml").read_text(encoding="utf-8"))
        (first,) = document["combinations"]
        rows = [
            first | {"kv": kv, "ma": ma, "applicator": name, "applicator_code": FITTED[name]}
            for kv, ma, name in plated()
        ]
        document |= PLATE | {"tube_serial": self.machine.profile.tube_serial, "combinations": rows}
        plate = self.setting.folder / "plate.toml"
        plate.write_text(text_of(document), encoding="utf-8")
        self.certificate.unlink()
        self.says(
            "plate",
            f"kerma certificate provisional plate.toml {self.certificate.name}",
            lambda: pages.plate(plate, self.certificate, Earlier()),
        )
        self.job_file.write_text(
            text_of(job(self.machine, self.laboratory.papers(), self.bare, self.names)), encoding="utf-8"
        )

    def begin(self) -> VirtualRig:
        """The program, with the certificate of the name plate."""
        setting, physicists = self.setting, raw_keys(self.public)
        recorder = msgspec.structs.replace(recorder_of(setting.folder, setting.records), physicists=physicists)
        return VirtualRig(self._blob(), recorder, self.kernels, setting.folder, self.world)

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

    def says(self, name: str, line: str, does: Callable[[], Exit], wanted: Exit = Exit.AS_INTENDED) -> None:
        """A command that asks nothing: what it prints is kept. RuntimeError: it did not end so."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            try:
                code = does()
            except ConfigurationError as error:
                out.write(f"{error}\n")
                code = Exit.USAGE
        if code is not wanted:
            raise RuntimeError(f"{line} ended with {code.name}:\n{out.getvalue()}")
        self.told.commands[name], self.told.shown[name] = line, out.getvalue()

    def hands(self, rig: VirtualRig, name: str) -> Room:
        """The simulated room and bench, and a house that reads its capsules as well as it says."""
        control = Control(self.world)

        def answers(request: dict[str, Any]) -> dict[str, Any]:
            if request == {"do": "read", "instrument": CAPSULES}:
                mgy = self.world.plant.dose_mgy - self.doses_mgy[name][-1]
                return {"ok": True, "text": f"{mgy * (1.0 + self.capsules_off):.0f}", "unit": "mGy"}
            return dict(json.loads(control.answer(json.dumps(request).encode())))

        return Room(answers, rig.wait)

    def presses(self, rig: VirtualRig, name: str) -> Callable[[], str]:
        """The hand at the switch; the true dose before each press is remembered."""

        def pressed() -> str:
            rig.wait(PRESS_S)
            self.doses_mgy.setdefault(name, []).append(self.world.plant.dose_mgy)
            rig.press()
            return ""

        return pressed

    def measure(self, rig: VirtualRig, name: str, script: str) -> Exit:
        """`kerma calibrate NAME --plain --script`, in this rig's time; the snapshots of its beam are kept for the picture."""
        console = Console(file=io.StringIO(), record=True, width=WIDTH)
        job_table, clock = load_job(self.job_file), VirtualNow(rig)
        at = datetime.fromtimestamp(clock.wall(), UTC)
        known = known_of(self.rig, job_table, at, {})
        planned = measurable(job_table, name, at, known)
        for words in calibrate.unwarmed(job_table, name, known, Kept(self.database()), clock, UTC):
            console.print(words, markup=False, highlight=False)
        line = Session(VirtualDesk(rig), self.folder / "stop", clock)
        who, role = by(name)
        asked = calibrate.Asked(self.setting.rig_file, name, by=who, role=role, plain=True, script=Path("script"))
        calibrate.checked(asked, self.rig, planned.procedure.limits)
        beam = list[Snapshot]()
        rig.watcher = lambda shown: beam.append(shown) if shown.state == "IRRADIATING" else None
        site = calibrate.Site(self.rig, job_table, planned, rig.blob.certificate, clock)
        lines = Script(script.splitlines(), self.hands(rig, name))
        with opened(self.rig, name, planned, at, anew=False) as journal:
            code = calibrate.guided(
                site,
                journal,
                line,
                lines,
                asked,
                console,
                None,
                self.presses(rig, name),
                Path(rig.recorder_config.database),
            )
            if name in PICTURED and code is Exit.AS_INTENDED:
                self.told.pictures[name] = drawn(site, journal.session, PICTURED[name], beam, Person(who, role))
        rig.watcher = None
        self.doses_mgy.setdefault(name, []).append(self.world.plant.dose_mgy)
        self.told.scripts[name], self.told.commands[name] = script, command(name)
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

    def baseline(self, rig: VirtualRig) -> None:
        """`kerma daily --baseline`: what the days' readings will be held against, by a detector outside the head."""
        name, clock, console = "baseline", VirtualNow(rig), Console(file=io.StringIO(), record=True, width=WIDTH)
        certificate, signer = certificate_of(self.rig, clock.wall()), Signer(PHYSICIST, "physicist", self.key)
        line = Session(VirtualDesk(rig), self.folder / "stop", clock)
        face = CalibrateFace(console, Script(BASELINE.splitlines(), self.hands(rig, name)), "", plain=True)
        hand = Hand(
            line, certificate, Kept(self.database()), Person(PHYSICIST, "physicist"), face, self.presses(rig, name), None, Purpose.DAILY
        )  # fmt: skip
        wanted = work.baseline_of(certificate, DETECTOR, ALTITUDE_M)
        self.told.scripts[name] = BASELINE
        self.says(
            name, f'kerma daily --config rig.toml --baseline --device "{DETECTOR.device}" --altitude {ALTITUDE_M:g} --key physicist.pem --who "{PHYSICIST}"',
            lambda: daily.baseline(
                line, hand, certificate, wanted, face, Notes(self.rig.records / NOTED), lambda base: work.kept_baseline(self.rig, base, signer, clock)
            ),
        )  # fmt: skip
        self.told.shown[name] = console.export_text() + self.told.shown[name]

    def commission(self, rig: VirtualRig) -> None:
        """`kerma sheet commission`, with what was measured here, which opens nothing; then with all of it."""
        clock, signer = VirtualNow(rig), Signer(PHYSICIST, "physicist", self.key)
        checked = checked_of(self.rig, clock.wall())
        audit = checked.table.audit
        assert audit is not None
        stated = {"kind": audit.kind, "by": audit.by, "on": f"{audit.at:%Y-%m-%d}", "ratio": audit.ratio}
        for name, items in (
            ("commissioned in part", MEASURED_ITEMS),
            ("commissioned", tuple(item for item, _ in ITEMS)),
        ):
            rows = [
                {"kv": c.kv, "ma": c.ma, "filter": c.filter, "applicator": c.applicator, "items": list(items)}
                for c in checked.table.combinations
            ]
            document = {
                "tube_serial": checked.table.tube_serial, "machine_serial": checked.table.machine_serial, "certificate_sha256": checked.sha256.hex(),
                "audit": stated, "combinations": rows,
            }  # fmt: skip
            path = self.setting.folder / "commission.toml"
            path.write_text(text_of(document), encoding="utf-8")
            self.told.scripts[name] = path.read_text(encoding="utf-8")
            self.says(
                name, f'kerma sheet commission commission.toml --key physicist.pem --who "{PHYSICIST}"',
                lambda path=path: sheets.commissioned(self.rig, clock, path, signer),  # type: ignore[misc]
                Exit.USAGE if items is MEASURED_ITEMS else Exit.AS_INTENDED,
            )  # fmt: skip

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


def told(
    folder: Path, kernels: Kernels, seed: int = SEED, watch: Callable[[str], None] = lambda _words: None, names: frozenset[str] = WHOLE
) -> Told:  # fmt: skip
    """The whole story, or these sessions of it with the rest of the job file typed. Every step that does not go as it should raises."""
    story = Story(folder, kernels, seed, names)
    rig = story.begin()
    try:
        _told(story, rig, watch)
    finally:
        rig.close()
    return story.told


def _told(story: Story, rig: VirtualRig, watch: Callable[[str], None]) -> None:
    found, clock = story.told, VirtualNow(rig)
    _listed(story, rig, "list")
    if story.names != WHOLE:  # the session that turns it, the first of the whole story, may not be among them
        rig.room(key="SERVICE")
        rig.wait(0.5)
    for name, script in SESSIONS:
        if name in story.names:
            watch(f"kerma calibrate {name}")
            code = story.measure(rig, name, script)
            if code is not Exit.AS_INTENDED:
                raise RuntimeError(f"kerma calibrate {name} ended with {code.name}:\n{found.shown[name][-3000:]}")
    found.arcs = story.world.plant.tube.arcs
    watch("draft, signature, paper")
    _signed(story, rig)
    (c,) = checked_of(story.rig, clock.wall()).table.combinations
    found.r0_mgy_per_s, found.u_pct_k2 = c.r0_mgy_per_s, c.measured.u_pct_k2 if c.measured is not None else 0.0
    found.true_r0_mgy_per_s, found.true_dt_s = story.truth()
    found.dt_s = c.dt_s
    watch("baseline, commissioning, a fraction with it")
    story.anew(rig)
    rig.room(key="TREAT")
    story.baseline(rig)
    story.commission(rig)
    found.treated = story.treat(rig, treatment())
    found.asked_mgy = found.treated.offer.d0_mgy if found.treated.offer is not None else 0.0


def _listed(story: Story, rig: VirtualRig, name: str) -> None:
    """`kerma calibrate`: what may be measured, and what is open."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH)
    calibrate.listed(story.rig, load_job(story.job_file), VirtualNow(rig), console)
    story.told.commands[name], story.told.shown[name] = "kerma calibrate --config rig.toml", console.export_text()


def _signed(story: Story, rig: VirtualRig) -> None:
    """Draft, signature and paper; then it lies where the rig file looks for it."""
    clock, out, pdf = VirtualNow(rig), story.setting.folder / "draft.toml", story.setting.folder / "certificate.pdf"
    console = Console(file=io.StringIO(), record=True, width=WIDTH)
    drafted(story.rig, load_job(story.job_file), out, clock, console, story.database())
    story.told.commands["draft"], story.told.shown["draft"] = (
        "kerma calibrate --config rig.toml --draft draft.toml",
        console.export_text(),
    )
    story.says(
        "sign", f'kerma certificate sign draft.toml physicist.pem --who "{PHYSICIST}"', lambda: pages.sign(out, story.key, PHYSICIST, clock)
    )  # fmt: skip
    out.replace(story.certificate)
    name = story.certificate.name
    story.says(
        "verify", f"mv draft.toml {name}; kerma certificate verify {name} --key physicist.pub --config rig.toml",
        lambda: pages.verify(story.certificate, story.public, story.setting.rig_file, clock),
    )  # fmt: skip
    story.says(
        "pdf", f"kerma certificate pdf {name} certificate.pdf --key physicist.pub", lambda: pages.pdf(story.certificate, pdf, story.public, [])
    )  # fmt: skip
    story.told.certificate, story.told.public, story.told.pdf = (
        story.certificate.read_bytes(),
        story.public.read_bytes(),
        pdf.read_bytes(),
    )


def treatment() -> Prescribed:
    """2 Gy at 3 mm."""
    return msgspec.structs.replace(prescribed(), rx_mgy=2000.0, sha256=hashlib.sha256(b"calibrated").digest())


def drawn(site: calibrate.Site, session: Measured, step: str, beam: list[Snapshot], who: Person) -> str:
    """One terminal screen as SVG: a step, the trace in the middle of the session's last exposure, and the step's readings with what is said of them."""
    console = Console(file=io.StringIO(), record=True, width=WIDTH)
    place = next(n for n, one in enumerate(session.procedure.steps) if one.id == step)
    upto = {one.id for one in session.procedure.steps[: place + 1]}
    there = replace(
        session, place=place, connected=True, held=tuple(one for one in session.held if one.step in upto),
        shots=tuple(one for one in session.shots if one.step in upto),
    )  # fmt: skip
    face = CalibrateFace(console, Script([], str), calibrate.banner(site, there, who), plain=True)
    face.step(there, 0.0)
    first = max(n for n, one in enumerate(beam) if n == 0 or _beam_s(one) < _beam_s(beam[n - 1]))
    last = beam[first:]
    shown = [one for one in last if _beam_s(one) < 0.7 * _beam_s(last[-1])]
    trace = tuple(
        (one.kv or 0.0, one.ma or 0.0, one.dose.rate_mgy_per_s if one.dose is not None else 0.0) for one in shown
    )
    console.print(picture(shown[-1], trace, 0.0))
    face.readings(there)
    return console.export_svg(title=f"kerma calibrate {session.id.split('.')[0]}", unique_id="calibrate")


def _beam_s(shown: Snapshot) -> float:
    return shown.dose.beam_s if shown.dose is not None else 0.0


def page(text: str, found: Told, papers: Sequence[str]) -> str:
    """The page with its made parts; `papers` are the pictures of the certificate's pages."""
    whole = found.shown[NAME].splitlines()
    shown = [f"$ {found.commands[NAME]}", *whole[:HEAD_LINES], "...", *whole[-TAIL_LINES:], ""]
    for name in AFTER:
        shown += [f"$ {found.commands[name]}", *found.shown[name].splitlines(), ""]
    typed = [f"`{found.commands[name]}`\n\n```text\n{script}```\n" for name, script in found.scripts.items()]
    for name, body in (
        ("typed", "\n".join(typed)),
        ("shown", f"```text\n{_lines(shown[:-1])}```\n"),
        ("paper", "\n".join(f"![page {n} of the certificate](pictures/{one})\n" for n, one in enumerate(papers, 1))),
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


def transcript(found: Told) -> Iterator[str]:
    """Every command with what it showed, in the order of the story."""
    for name, line in found.commands.items():
        yield f"$ {line}"
        yield from found.shown[name].splitlines()
        yield ""


def drawn_pages(pdf: bytes, folder: Path) -> list[str]:
    """The pages of a PDF as pictures in a folder, few colours; their names. RuntimeError: nothing here draws one."""
    pdftoppm = shutil.which("pdftoppm")
    if pdftoppm is None:
        raise RuntimeError("pdftoppm is not on this machine; first: make paper-tools")
    for old in folder.glob(f"{PAPER}-*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as there:
        (Path(there) / "paper.pdf").write_bytes(pdf)
        subprocess.run([pdftoppm, "-r", DPI, "-png", f"{there}/paper.pdf", f"{there}/page"], check=True, timeout=120)
        made = sorted(Path(there).glob("page-*.png"))
        for n, one in enumerate(made, 1):
            Image.open(one).quantize(COLOURS).save(folder / f"{PAPER}-{n}.png", optimize=True)
    return [f"{PAPER}-{n}.png" for n in range(1, len(made) + 1)]


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
    """`--page` writes docs/calibration.md, its transcript, certificate and pictures; a folder gets everything that the story leaves."""
    with tempfile.TemporaryDirectory() as folder:
        found = told(Path(folder), prepare(), watch=_watched)
        here = f"{folder}/rig/"
    found.shown = {name: text.replace(here, "") for name, text in found.shown.items()}
    if arguments == ["--page"]:
        path = DOCS / "calibration.md"
        papers = drawn_pages(found.pdf, PICTURES)
        path.write_text(page(path.read_text(encoding="utf-8"), found, papers), encoding="utf-8")
        CERTIFICATE.write_bytes(found.certificate)
        PUBLIC.write_bytes(found.public)
        (DOCS / "calibration-transcript.txt").write_text(_lines(list(transcript(found))), encoding="utf-8")
        for name, svg in found.pictures.items():
            (PICTURES / f"calibrate-{PICTURED_AS[name]}.svg").write_text(_lines(svg.splitlines()), encoding="utf-8")
    else:
        out = Path(arguments[0])
        out.mkdir(parents=True, exist_ok=True)
        (out / "certificate.toml").write_bytes(found.certificate)
        (out / "physicist.pub").write_bytes(found.public)
        (out / "certificate.pdf").write_bytes(found.pdf)
        for name, text in (*found.scripts.items(), *((f"{name}.txt", text) for name, text in found.shown.items())):
            (out / name).write_text(text, encoding="utf-8")
        for name, svg in found.pictures.items():
            (out / f"{name}.svg").write_text(svg, encoding="utf-8")
    sys.stdout.write(f"{summary(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
