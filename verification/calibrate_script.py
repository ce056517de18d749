"""What is typed at the calibration of a simulated tube, session after session in the order of a tube swap; a line that begins with @ is a hand in the room.
It knows the words and the bench's labels; what the job file says is verification/calibrate_job.py, and who plays it verification/calibrate_story.py."""

from __future__ import annotations

from typing import Final

from calibration.procedures.audit import CAPSULES
from calibration.procedures.ma_offset import N as DRY_RUNS
from calibration.procedures.survey import PLACES

SECONDS: Final = 20.0
"""Long enough for the electrometer: at half of it five readings of a steady tube are one number, to its last digit, and nobody takes them for readings."""
CHAMBER_MM: Final = 61.0
FAR_MM: Final = 300.0
AL_MM: Final = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
KV: Final = 69.5
MA: Final = 1.6
SCALE_KV: Final = (40.0, 50.0, 60.0, KV)
SCALE_MA: Final = (0.8, 1.2, MA)
MA_AT_KV: Final = (50.0, 60.0, KV)
"""Where mA is scaled: emission rises with kV, so each kV has its own scale."""
G_PARTS: Final = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SEASONED_KV: Final = 70.0
NAME: Final = "a20-f2-70"
OTHER, NONE, CAP = "A30", "none", "CAP"
FITTED: Final = {"A20": 0x35, OTHER: 0x66, NONE: 0x99, CAP: 0xAA}
ENGRAVED: Final = {"sheets": "AL-1", "voltmeter": "VM-1", "survey-meter": "SV-1", "film": "FB-1"}
CAPSULES_NO: Final = "TLD-26-118"
SUPPLY: Final = "300.4 V"
"""No simulation has the chambers' supply in it: a person types what a voltmeter would show."""
LEAKS: Final = {"5 cm": ("3.1 mGy/h", "2.8 mGy/h", "3.4 mGy/h", "3.0 mGy/h", "4.2 mGy/h"),
                "1 m": ("0.011 mGy/h", "0.009 mGy/h", "0.012 mGy/h", "0.010 mGy/h", "0.014 mGy/h")}  # fmt: skip
TANK: Final = "0.008 mGy/h"
SPOT: Final = ("1.05 mm", "0.2 mm")
"""Nor has it what leaks through the head, or a film: these are what such a meter and such a film show."""

PHYSICIST, SECOND, SERVICE = "P. One", "S. Two", "E. Three"


def _script(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def _one(*last: str) -> tuple[str, ...]:
    """One exposure with the electrometer: reset, started, exposed, held, read."""
    return ("@bench key RES", "@bench key STA", "go", "@bench key HLD", "@read electrometer nC", *last)


def _without(seconds: float) -> tuple[str, ...]:
    """What chamber and electrometer gather of nothing."""
    return (
        "@bench key RES",
        "@bench key STA",
        f"@wait {seconds:g}",
        "@bench key HLD",
        "go",
        "@read electrometer nC",
        "accept",
    )


def _placed(chamber: str = "A", mm: float = CHAMBER_MM, al: str = "") -> tuple[str, str]:
    """The chamber at its place, and as long as its supply wants."""
    return f"@bench key RES chamber {chamber} distance_mm {mm:g}{al} volts 300 range LOW", "@wait 5"


CONDITIONING: Final = _script(
    "# the cap on the head; kV rung by rung, each stands without an arc",
    f"@room key SERVICE applicator {FITTED[CAP]}", "@wait 0.5", "ok",
    *("go", "# the tube rests", "@wait 11", "go", "accept", "@wait 11") * 2, "go", "@wait 11", "go", "accept",
)  # fmt: skip
"""Seasoning, before anything else is asked of the tube."""
OFFSET: Final = _script(
    "# the cap off, the reference applicator on; high voltage over a cold filament", f"@room key SERVICE applicator {FITTED['A20']}", "@wait 0.5",
    "ok MA-7007", "@air", *(*("go", "@read ma-meter") * DRY_RUNS, "accept") * (2 * len(MA_AT_KV)),
)  # fmt: skip
"""Three exposures at each kV on the way up, and three on the way down."""
KV_SCALE: Final = _script("ok KV-5005", "@air", *("go", "@read kvp-meter", "accept") * (2 * len(SCALE_KV)))
"""kV up and down."""
MA_SCALE: Final = _script("ok MA-7007", "@air", *("go", "@read ma-meter", "accept") * (2 * len(SCALE_MA)))
"""mA up and down, at one kV."""
SURVEY: Final = _script(
    "# the meter before its check source", f"@room applicator {FITTED[CAP]}", "ok SV-1", "@air", "go", "yes", "accept",
    *(line for place in range(len(PLACES)) for far in LEAKS for line in ("ok", "go", LEAKS[far][place], "accept")),
    "# the tank", "ok", "@air", "go", TANK, "accept",
)  # fmt: skip
"""Around the head, near and far, and the tank."""
FOCUS: Final = _script(
    "# a film behind the pinhole; then the film on the viewer", f"@room applicator {FITTED['A20']}", "ok FB-1", "@air", "go", "yes", "accept", "ok",
    *(line for said in SPOT for line in ("go", said)), "accept",
)  # fmt: skip
"""Focal spot."""
DARK: Final = _script("@room key SERVICE", "@wait 0.5", "ok", *["go"] * 12, "accept")
"""What the chambers count of nothing."""
NEXT_HOUR: Final = _script(
    "# service is done, and is a part of the 3000 mAs of this hour: the physicist comes a quarter of an hour later",
    "@wait 900",
)
WARM: Final = _script(
    "@room key SERVICE", "@wait 0.5", "ok", "go", "go", "go", "reject 0 tube not yet steady", "go", "reject 1 tube not yet steady", "go", "accept",
)  # fmt: skip
"""Beam until three exposures agree."""
HVL: Final = _script(
    "# leakage, a minute without beam", f"@room applicator {FITTED[NONE]}", *_placed(mm=FAR_MM, al=" al_mm 0"), "ok EL-4004", "@air", *_without(60),
    "# without aluminium", *_one("accept"),
    *(line for mm in AL_MM[1:] for line in (f"# {mm:g} mm Al", f"@bench al_mm {mm:g}", "ok", "@air", *_one("accept"))),
    "# and without it again", "@bench al_mm 0", "ok", *_one("accept"),
)  # fmt: skip
"""Half-value layers."""


def _output(chamber: str, serial: str) -> str:
    """The output, with one chamber."""
    return _script(
        "# asked: is a reading corrected once only?", f"@room applicator {FITTED['A20']}", f"ok EL-4004 {serial}", "@air", *["go", "yes"] * 3, "accept",
        "# readings", *_placed(chamber, al=" al_mm 0"), "ok", "@air", *_one() * 5, "accept",
        "# leakage, as long without beam", "ok", *_without(SECONDS), "# further away", f"@bench distance_mm {CHAMBER_MM + 20.0:g}", "ok", *_one("accept"),
        "# the other sign", f"@bench distance_mm {CHAMBER_MM:g} key RES volts -300", "@wait 150", "ok", *_one("accept"),
        "# half the voltage", "@bench key RES volts 150", "@wait 150", "ok", "@air", *_one("accept"),
    )  # fmt: skip


OUTPUT: Final = _output("A", "CH-A-1001")
SECOND_OUTPUT: Final = _output("B", "CH-B-2002")
"""The second physicist, with the other chamber."""
TIMER: Final = _script(
    "# 30 s of radiation, against a meter that is none of the machine's", *_placed(), "ok EL-4004 KV-5005", "@air", "go", "@read timer", "accept",
    "# a minute without beam", "ok", *_without(60), "# short, long, long, short; six short ones; and once more",
    *_one("accept") * 4, *_one() * 6, "accept", *_one("accept") * 4,
)  # fmt: skip
"""Timer and end effect."""
DEPENDENCE: Final = _script(
    "# a minute without beam, then from the highest kV down, and the highest again", *_placed(), "ok EL-4004", "@air", *_without(60),
    *(line for _ in G_PARTS for line in _one("accept")), *_one("accept"),
)  # fmt: skip
"""g(kV)."""
LINEARITY: Final = _script(
    "# half, three quarters and all of the mA", *_placed(), "ok EL-4004", "@air", *_one("accept") * 3
)
"""Linearity in mA."""
TAIL: Final = _script(
    "# what both chambers count after the unit's end; no chamber in the beam is needed", "ok", *["go"] * 6, "accept"
)
"""The tail."""
MONITOR: Final = _script(
    "# the chambers' supply", f"ok EL-4004 {ENGRAVED['voltmeter']}", "@air", "go", SUPPLY, "accept",
    "# counts for a dose", *_placed(al=" al_mm 0"), "ok", *_one() * 5, "accept",
    "# once more when the head is warmer: here it has not warmed by 3 K, and the reason is written", "ok", "@air", *_one() * 2,
    "accept the seal was proved in the shop, M-17",
)  # fmt: skip
"""Monitor chambers."""
INTERRUPT: Final = _script(
    "# a dose in one, in three pieces, in one", *_placed(), "ok EL-4004", "@air", *(*_one() * 2, "accept") * 5
)
"""Interrupt error."""
APPLICATOR: Final = _script(
    "# the reference", *_placed(al=" al_mm 0"), "ok EL-4004", "@air", *_one() * 5, "accept",
    "# the other applicator", f"@room applicator {FITTED[OTHER]}", "ok", *_one() * 5, "accept",
    "# the reference again", f"@room applicator {FITTED['A20']}", "ok", "@air", *_one() * 5, "accept",
)  # fmt: skip
"""Another applicator against the reference."""
AUDIT: Final = _script(
    "# capsules of another house in the plane", f"@room applicator {FITTED['A20']}", f"ok {CAPSULES_NO}", "@air", "go", "yes", "accept",
    "# what that house read of them; a session is left, and taken up again when its result is here", "ok", "go", f"@read {CAPSULES}", "accept",
)  # fmt: skip
"""The output, audited by others."""

SESSIONS: Final = (
    ("conditioning", CONDITIONING), ("offset", OFFSET), ("scale-kv", KV_SCALE), ("scale-ma-50", MA_SCALE), ("scale-ma-60", MA_SCALE),
    ("scale-ma", MA_SCALE), ("survey", SURVEY), ("spot", FOCUS), (f"dark-{NAME}", NEXT_HOUR + DARK), (f"warm-{NAME}", WARM), (f"hvl-{NAME}", HVL),
    (NAME, OUTPUT), (f"timer-{NAME}", TIMER), (f"dependence-{NAME}", DEPENDENCE), (f"linearity-{NAME}", LINEARITY), (f"tail-{NAME}", TAIL),
    (f"monitor-{NAME}", MONITOR),
    (f"interrupt-{NAME}", INTERRUPT), (f"second-{NAME}", SECOND_OUTPUT), (f"audit-{NAME}", AUDIT), ("fitted-a30", APPLICATOR),
)  # fmt: skip
"""In the order of a tube swap: seasoning, offset, scales, leakage, focal spot, half-value layer, output, end effect, g(kV), linearity, tail,
monitor chambers, interrupt, second check, audit, the other applicator."""
OF_DOSE: Final = frozenset({
    "scale-kv", f"dark-{NAME}", f"warm-{NAME}", f"hvl-{NAME}", NAME, f"timer-{NAME}", f"tail-{NAME}", f"monitor-{NAME}", "fitted-a30",
})  # fmt: skip
"""What a dose comes from: many tubes are calibrated by these alone, and the rest of their job file is typed (verification/whole_tubes.py)."""
OF_SERVICE: Final = ("conditioning", "offset", "scale", "survey", "spot")


def by(name: str) -> tuple[str, str]:
    """Who does a session, and in which role."""
    kind = name.partition("-")[0]
    if kind in OF_SERVICE:
        return SERVICE, "service"
    return (SECOND if kind == "second" else PHYSICIST), "physicist"


def command(name: str) -> str:
    """As it is typed at the shell."""
    who, role = by(name)
    said = "" if role == "physicist" else f" --role {role}"
    return f'kerma calibrate --config rig.toml {name} --by "{who}"{said} --script FILE'
