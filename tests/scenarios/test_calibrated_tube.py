"""A full calibration of a simulated tube of unknown truth at the terminal, from its name plate to a signed certificate, and a fraction with it."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from calibration.certificate import read_certificate
from calibration.given import Known
from calibration.job import load_job
from calibration.planned import offered
from calibration.procedures.dark import counted
from calibration.procedures.session import Session
from console import configuration
from console.arcs import RULES
from console.calibrate.sessions import FOLDER, read
from console.exit_codes import Exit
from console.reports.gather import gather
from console.reports.stated import certificates, stated_of
from controller.kernel import Kernels
from records.fractions import JOURNAL_NAME
from verification.calibrate_job import PDD, plated
from verification.calibrate_script import (
    AL_MM,
    CAP,
    DARK,
    G_PARTS,
    KV,
    MA,
    NAME,
    OF_DOSE,
    SCALE_MA,
    SECOND,
    SERVICE,
    SESSIONS,
    command,
)
from verification.calibrate_story import (
    AFTER,
    BASELINE,
    CERTIFICATE,
    DOCS,
    PICTURED_AS,
    PICTURES,
    PUBLIC,
    SEED,
    Story,
    Told,
    told,
)
from verification.report_example import measured
from verification.virtual import WALL_S

PAGE = (DOCS / "calibration.md").read_text(encoding="utf-8")
TRANSCRIPT = (DOCS / "calibration-transcript.txt").read_text(encoding="utf-8")
ALL = frozenset(name for name, _script in SESSIONS)
VERBS = ("ok", "go", "air", "accept", "reject", "yes")


def test_the_page_shows_what_the_story_types_under_the_command_that_takes_it() -> None:
    """And the transcript has each of them, in the order of the story."""
    for name, script in (*SESSIONS, ("baseline", BASELINE)):
        assert f"```text\n{script}```" in PAGE, name
    for name, _script in SESSIONS:
        assert f"`{command(name)}`" in PAGE, name
    places = [TRANSCRIPT.index(f"$ {command(name)}\n") for name, _script in SESSIONS]
    assert places == sorted(places) and "$ kerma certificate provisional" in TRANSCRIPT[: places[0]]
    for line in (
        "kerma certificate sign",
        "kerma certificate verify",
        "kerma certificate pdf",
        "kerma daily --config",
        "kerma sheet commission",
    ):
        assert line in TRANSCRIPT[places[-1] :], line


def test_every_line_of_the_scripts_is_one_that_the_terminal_knows() -> None:
    """A hand, a note, a word of the person, or a number with its unit; and each session that the tube swap asks for is there once."""
    for name, script in SESSIONS:
        for line in script.splitlines():
            word = line.partition(" ")[0]
            assert (
                line.startswith(("@room ", "@bench ", "@read ", "@wait ", "#"))
                or line == "@air"
                or word in VERBS
                or word[0].isdigit()
            ), (name, line)
    kinds = [name.removesuffix(f"-{NAME}") for name, _script in SESSIONS]
    assert len(set(kinds)) == len(kinds) == 21 and kinds[:2] == ["conditioning", "offset"]
    assert {name for name, _script in SESSIONS} > OF_DOSE


def test_the_pictures_are_there_and_small() -> None:
    """Steps on a terminal, and every page of the signed certificate."""
    shown = [f"calibrate-{one}.svg" for one in PICTURED_AS.values()]
    papers = sorted(one.name for one in PICTURES.glob("certificate-*.png"))
    assert len(papers) >= 8
    for one in (*shown, *papers):
        assert f"(pictures/{one})" in PAGE and (PICTURES / one).stat().st_size < 300_000, one


def test_the_certificate_beside_the_page_is_the_one_that_it_tells_of(tmp_path: Path) -> None:
    """Signed by the key that lies there too, with the page's rate and its stated uncertainty; and a report takes that uncertainty from it."""
    checked = read_certificate(CERTIFICATE, PUBLIC)
    (c,) = checked.table.combinations
    assert c.measured is not None and checked.table.basis == "measured"
    assert f"R0 {c.r0_mgy_per_s:.3f} mGy/s, stated k = 2 uncertainty {c.measured.u_pct_k2:.2f} %" in PAGE
    rig = configuration.load(measured(tmp_path).rig_file, 0)
    (start, *_) = (one.start for one in gather(rig.records / JOURNAL_NAME).book.exposures.values())
    said = stated_of(start, certificates(rig))
    assert said.u_r0_pct_k1 == pytest.approx(c.measured.u_pct_k2 / 2.0, rel=1e-3) and said.u_pdd_pct_k1 is not None


@pytest.mark.grid
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [7, SEED])
def test_from_name_plate_to_treatment(tmp_path: Path, kernels: Kernels, seed: int) -> None:
    """R0 within the certificate's own k = 2, the dose within that and what a day adds; one is the page's, whole, the other by what a dose comes from."""
    found = told(tmp_path, kernels, seed, names=ALL if seed == SEED else OF_DOSE)
    off = found.r0_mgy_per_s / found.true_r0_mgy_per_s - 1.0
    assert abs(off) < found.u_pct_k2 / 100.0 and 4.0 < found.u_pct_k2 < 6.0
    assert found.dt_s == pytest.approx(found.true_dt_s, abs=0.01)
    assert found.treated is not None and found.treated.code is Exit.AS_INTENDED
    assert abs(found.given_mgy / found.asked_mgy - 1.0) < 1.5 * found.u_pct_k2 / 100.0
    certificate = tomllib.loads(found.certificate.decode())
    (c,) = certificate["combinations"]
    assert len(c["measured"]["layers"]) == len(AL_MM)
    assert (c["leak1_cps"], c["leak2_cps"]) == (pytest.approx(0.5, abs=0.1), pytest.approx(0.3, abs=0.1))
    assert c["n1_mgy_per_count"] != c["n2_mgy_per_count"] and "applicator A30 against A20" in found.shown["draft"]
    assert found.pdf.startswith(b"%PDF") and b'basis = "measured"' in found.certificate
    assert found.shown[NAME].count("complete, 20.00 s by the safety unit") == 8
    assert found.arcs == 0
    if seed == SEED:
        _whole(found, certificate)


def _whole(found: Told, certificate: dict[str, Any]) -> None:
    """The page's tube: nothing that a session measures is typed, and each number came of its session."""
    (c,), facts = certificate["combinations"], certificate["facts"]
    assert f"R0 {found.r0_mgy_per_s:.3f} mGy/s" in PAGE
    assert [(one["unit"], one["at_kv"]) for one in facts["scales"]] == [
        ("kV", 0.0),
        ("mA", 50.0),
        ("mA", 60.0),
        ("mA", KV),
    ]
    assert len(facts["ma_offset"]) == 3 and all(one["meter_ma"] for one in facts["ma_offset"])
    assert [one["at"] for one in c["measured"]["ma_steps"]] == pytest.approx([0.5 * MA, 0.75 * MA, MA], abs=0.001)
    assert len(c["g_kv"]) == len(G_PARTS) + 1 and c["g_kv"][1]["rel"] < 0.05, (
        "one point is typed, below what the desk exposes"
    )
    assert 0.98 < facts["interrupt_ratio"] < 1.02 and facts["tube"]["leak_survey"]["by"] == SERVICE
    assert facts["tube"]["ma_seconds"] > 400.0 and facts["tube"]["arcs_total"] == 3
    assert (certificate["second_check"]["who"], certificate["second_check"]["chamber"]) == (SECOND, "B")
    audit = certificate["audit"]
    assert audit["kind"] == "TLD" and audit["u_pct"] == 1.5 and 0.95 < audit["ratio"] < 1.05 and audit["ratio"] != 1.0
    typed = found.shown["draft"].replace("\n", " ").partition("typed, and measured by no session here: ")[2]
    assert typed.startswith("depth dose; flatness") and "which a session measures" not in typed and "tail" not in typed
    assert 0.2 < c["tail_mgy"] < 4.0 and c["measured"]["u_tail_mgy"] > 0.0
    assert "not done: depth_dose, field, interlocks, times, records" in found.shown["commissioned in part"].replace(
        "\n", " "
    )
    assert found.shown["commissioned"] == found.shown["baseline"].splitlines()[-1] + "\n" == "in the records\n"
    assert set(found.pictures) == set(PICTURED_AS) and all(found.shown[name] for name in AFTER)


def test_the_plate_lists_what_the_sessions_expose() -> None:
    """An exposure whose combination the certificate in force has not is refused at the desk, one by one."""
    listed = plated()
    assert (
        len(set(listed)) == len(listed)
        and {(KV, ma, "A20") for ma in SCALE_MA} < set(listed)
        and (70.0, MA, CAP) in listed
    )
    assert PDD[0] == (0.0, 100.0)


@pytest.mark.grid
@pytest.mark.timeout(600)
@pytest.mark.parametrize("tick_hz", [20, 100])
def test_g22_an_arc_at_the_desk_ends_its_exposure_and_stands_in_the_record(
    tick_hz: int, tmp_path: Path, kernels: Kernels
) -> None:
    """Hazard G22: a tube that arcs in its ladder loses the beam; the exposure's record says so to the session, whichever rule saw it, and no person has to
    count."""
    story = Story(tmp_path, kernels, tick_hz=tick_hz)
    rig, arced = story.begin(), list[int]()

    def arcs() -> None:
        shown = rig.snapshot()
        if (
            not arced
            and shown is not None
            and shown.state == "IRRADIATING"
            and shown.dose is not None
            and shown.dose.beam_s > 2.0
        ):
            story.world.plant.tube.arc()
            arced.append(story.world.plant.tube.arcs)

    rig.each_turn["arc"] = arcs
    try:
        story.measure(rig, "conditioning", f"@room key SERVICE applicator {0xAA}\n@wait 0.5\nok\ngo\nleave\n")
    finally:
        rig.close()
    (shot,) = session_of(story, "conditioning").shots
    assert arced == [1] and shot.arcs == 1.0 and shot.spoiled.startswith("ended by interrupted, TRIP_STOP, ")
    assert any(f"TRIP_STOP, {rule}" in shot.spoiled for rule in RULES)


def session_of(story: Story, name: str) -> Session:
    """The one session of this name, as its file tells it."""
    (path,) = (story.rig.records / FOLDER).glob(f"{name}.*.jsonl")
    return read(path, offered(load_job(story.job_file), name, datetime.fromtimestamp(WALL_S, UTC), Known()))


@pytest.mark.grid
@pytest.mark.timeout(300)
def test_counts_in_the_dark_are_what_the_chambers_count_of_nothing(tmp_path: Path, kernels: Kernels) -> None:
    """Half a count a second falls between all windows that the unit shows at rest; in 12 dry runs it is counted (ADR 0027).

    The simulated leakage comes as regular pulses: a window of 7 s holds 3 or 4 of them, by where it begins. Whatever takes a tick more or less before it
    (a poll, a hand's pause, the tick itself) moves all twelve, and the mean is any value between 0.43 and 0.57 a second. So no fixed mean stands here, but
    what must hold of each window: the leakage of that time, one pulse more or less."""
    story = Story(tmp_path, kernels, 7, tick_hz=100)
    rig, name = story.begin(), f"dark-{NAME}"
    try:
        assert story.measure(rig, name, DARK) is Exit.AS_INTENDED
    finally:
        rig.close()
    shown, profile = story.told.shown[name], story.machine.profile
    assert shown.count("complete, 5.00 s by the safety unit") == 12
    session = session_of(story, name)
    seconds = session.values("dark", "counted_s")
    assert len(seconds) == 12 and all(6.95 < one < 7.1 for one in seconds)
    for channel, leak_cps in ((1, profile.leak_1_cps), (2, profile.leak_2_cps)):
        counts = session.values("dark", f"counts_{channel}")
        assert [n for n, s in zip(counts, seconds, strict=True) if abs(n - leak_cps * s) > 1.0] == []
        found = counted(sum(counts), sum(seconds))
        assert (
            f"dark {channel}: {found.cps:.4g} cps" in shown and f"at most {channel}: {found.most_cps:.4g} cps" in shown
        )
        assert found.cps - 2.0 * found.u_cps < leak_cps < found.most_cps
    assert story.world.plant.dose_mgy < 1e-9
