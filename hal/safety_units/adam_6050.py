"""An Advantech ADAM-6050 Modbus TCP module as the safety unit of a bench rig, its points and registers as tables.
It knows addresses and their order; what is done with them is hal/safety_units/bench_io.py, and no exposure ends here: bench only."""

from __future__ import annotations

from typing import Final

from hal.machine import Fitted
from hal.modbus import Question, read, write_coils
from hal.readings import Contact, Health, Relay
from hal.registry import OpenPipe, SafetyUnit, SafetyUnitDriver, SafetyUnitSetting
from hal.safety_units.bench_io import BenchUnit, Device, Notes, Step
from hal.safety_units.emulated import Outputs, Pins

# Points and registers, 0-based [ADAM]; those marked [mem] are from memory of the family and are checked where they can be.
OUTPUT_AT: Final = 16
OUTPUT_BITS: Final = 6
COUNTER_AT: Final = 0
"""Two registers a counter, low word first [mem]."""
NAME_AT: Final = 210
"""Name in two words, version in two [the family's relative numbers: assumed]."""
INPUT_WORD, OUTPUT_WORD = 300, 302
LOCAL_LOGIC: Final = 305
"""Flags of the module's own logic [mem]: it could drive an output by itself, and must be off."""
NAME: Final = 0x6050
SIMULATED_VERSION: Final = 0x53494D00
"""'SIM': no bought module has this version."""

IDLE_S: Final = 1.0
"""The host-idle time that the module must be given in its utility, with every fail-safe value LOW; neither can be read over Modbus as known."""
WATCHDOG_S: Final = 1.1
"""What is seen at every opening: within this silence the outputs have gone LOW."""
CUT_S: Final = 0.05 + 0.05
"""The module's own cycle (50 ms allowed) and a contactor's opening (50 ms)."""
COUNTS_MOST_PER_S: Final = 3000.0
"""The module counts no faster [mem]; what comes near it is saturated: high, never low."""
NEAR: Final = 0.98

# Inputs 0-7: contacts in the places of hal.readings.Contact (0-5), then the mirrors; 8, 9: the second channel of two; 10, 11: the chambers' pulses.
K1_OPEN, K2_OPEN, ESTOP_B, DOOR_B, CHAMBER_1 = 6, 7, 8, 9, 10
OUT_K1, OUT_K2, OUT_BEAM_LAMP, OUT_READY_LAMP = 0, 1, 2, 3
CONTACTS: Final = 0x3F
PAIRED: Final = (Contact.ESTOP | Contact.DOOR).value
SIGNS: Final = ((K1_OPEN, Relay.K1_MIRROR_OPEN.value), (K2_OPEN, Relay.K2_MIRROR_OPEN.value))
DRIVEN: Final = ((OUT_K1, Relay.K1_COMMAND.value), (OUT_K2, Relay.K2_COMMAND.value))
SUPPLIES: Final = (Health.HT1 | Health.HT2).value
"""Not wired: `fitted` says so, and its rule is NOT FITTED. Set, so that what is counted is taken for a count."""

READ_POINTS: Final = read("points", INPUT_WORD, OUTPUT_WORD - INPUT_WORD + 1)
READ_COUNTERS: Final = read("counters", COUNTER_AT + 2 * CHAMBER_1, 4)
READ_NAME: Final = read("name", NAME_AT, 4)
READ_LOGIC: Final = read("local logic", LOCAL_LOGIC, 1)


def _none(_notes: Notes, _data: bytes) -> str:
    return ""


def _name(notes: Notes, data: bytes) -> str:
    notes["name"] = int.from_bytes(data[:4], "big")
    notes["version"] = int.from_bytes(data[4:], "big")
    return ""


def _logic(_notes: Notes, data: bytes) -> str:
    flags = int.from_bytes(data, "big")
    return "" if flags == 0 else f"its local logic is on (flags {flags:#06x}); switch it off in its utility"


def _outputs_are(bits: int, first: str, quiet_s: float = 0.0) -> Step:
    def check(_notes: Notes, data: bytes) -> str:
        got = int.from_bytes(data[4:6], "big")
        return "" if got == bits else f"outputs read back {got:#04x} instead of {bits:#04x}; {first}"

    return Step(READ_POINTS.name, lambda _notes: READ_POINTS, check, quiet_s=quiet_s)


def _put(bits: int) -> Step:
    return Step("put", lambda _notes: write_coils("put", OUTPUT_AT, bits, OUTPUT_BITS), _none)


STEPS: Final[tuple[Step, ...]] = (
    # Who is it? A read.
    Step(READ_NAME.name, lambda _notes: READ_NAME, _name),
    # The first write: everything off.
    _put(0),
    _outputs_are(0, "written; check its wiring mode"),
    Step(READ_LOGIC.name, lambda _notes: READ_LOGIC, _logic, optional=True),
    # Prove host idle and fail-safe value: a lamp is lit, nothing at all is sent, and it must be out.
    _put(1 << OUT_READY_LAMP),
    _outputs_are(1 << OUT_READY_LAMP, "written"),
    _outputs_are(
        0,
        f"after {WATCHDOG_S:.1f} s without a word: set host idle to {IDLE_S:.0f} s and every fail-safe value to LOW in its utility",
        quiet_s=WATCHDOG_S,
    ),
    _put(0),
)


def _who(notes: Notes, setting: SafetyUnitSetting) -> tuple[str, str, str]:
    """No serial number is told; firmware words, and what is wrong."""
    name, version = notes["name"], notes["version"]
    simulated = version == SIMULATED_VERSION
    wrong = ""
    if name >> 16 != NAME:
        wrong = f"the module's name reads {name:08X}, an ADAM-6050's is {NAME:04X}...."
    elif simulated is not setting.simulated:
        wrong = f"the module is {'simulated' if simulated else 'real'}, the configuration says {'simulated' if setting.simulated else 'real'}"
    return "not told", f"ADAM-6050, version {version:08X}, which tells no serial number", wrong


def _pins(points: bytes, counters: bytes, asked_at_s: float) -> Pins:
    """Input word, a word between, output word; two counters, low word first."""
    inputs, driven = int.from_bytes(points[:2], "big"), int.from_bytes(points[4:6], "big")
    relays = 0
    for place, sign in SIGNS:
        if inputs >> place & 1:
            relays |= sign
    for place, sign in DRIVEN:
        if driven >> place & 1:
            relays |= sign
    a = inputs & CONTACTS
    b = a & ~PAIRED | (inputs >> ESTOP_B & 1) * Contact.ESTOP.value | (inputs >> DOOR_B & 1) * Contact.DOOR.value
    words = [int.from_bytes(counters[at : at + 2], "big") for at in range(0, 8, 2)]
    return Pins(
        asked_at_s,
        a,
        b,
        relays,
        counts_1=words[0] | words[1] << 16,
        counts_2=words[2] | words[3] << 16,
        health=SUPPLIES,
    )


def _outputs(outputs: Outputs, _pulse: bool) -> Question:
    bits = (
        outputs.k1 << OUT_K1
        | outputs.k2 << OUT_K2
        | outputs.beam_lamp << OUT_BEAM_LAMP
        | outputs.ready_lamp << OUT_READY_LAMP
    )
    return write_coils("put", OUTPUT_AT, bits, OUTPUT_BITS)


FITTED: Final = Fitted.CHAMBERS | Fitted.PAIRS

DEVICE: Final = Device(
    words="the ADAM-6050",
    steps=STEPS,
    identifies=1,
    who=_who,
    again=READ_NAME,
    known_by=lambda notes, data: (
        int.from_bytes(data, "big") == (notes.get("name", -1) << 32 | notes.get("version", -1))
    ),
    status=READ_POINTS,
    read_back=READ_COUNTERS,
    supervise=None,
    supervised=lambda _data: "",
    restart=None,
    outputs=_outputs,
    pins=_pins,
    looped=None,
    fitted=FITTED,
    counts_most_per_s=NEAR * COUNTS_MOST_PER_S,
)


def make(setting: SafetyUnitSetting, open_pipe: OpenPipe) -> SafetyUnit:
    return BenchUnit(setting, open_pipe, DEVICE)


DRIVER: Final = SafetyUnitDriver(
    name="adam-6050",
    words=(
        "EMULATED safety unit on a bought ADAM-6050, Modbus TCP, bench only: contacts (emergency stop and door in two channels), two contactors, "
        f"two chambers on its counters, host idle at {IDLE_S:.0f} s; no exposure timer, no lease, no count limits, no codes, no memory"
    ),
    make=make,
    polls=DEVICE.polls,
    worst_age_s=DEVICE.worst_age_s,
    off_s=lambda setting: setting.turnaround_s,
    hardware_timer=False,
    lease=False,
    second_contactor=True,
    count_limits=False,
    decode=DEVICE.decode,
    wires=("tcp",),
    fitted=FITTED,
    paired=PAIRED,
    unit_tests=(3, 4),
    watchdog_s=WATCHDOG_S,
    cut_s=CUT_S,
    retains=False,
    counts_most_per_s=COUNTS_MOST_PER_S,
    emulated="this computer stands in for the safety unit on bought I/O: bench only",
)
