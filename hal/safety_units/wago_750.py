"""A WAGO 750 Modbus TCP coupler with digital modules as the safety unit of a bench rig, its registers, bits and the traps of its watchdog as tables.
It knows addresses and their order; what is done with them is hal/safety_units/bench_io.py, and no exposure ends here: bench only."""

from __future__ import annotations

from typing import Final

from hal.machine import Fitted
from hal.modbus import Question, read, read_coils, read_inputs, write_coils, write_one
from hal.readings import Contact, Relay
from hal.registry import OpenPipe, SafetyUnit, SafetyUnitDriver, SafetyUnitSetting
from hal.safety_units.bench_io import BenchUnit, Device, Notes, Step
from hal.safety_units.emulated import Outputs, Pins

# Registers [WAGO; public manuals of the 750 couplers].
WD_TIME: Final = 0x1000
"""x 100 ms; may be written only while the watchdog is stopped."""
WD_MASK_LOW: Final = 0x1001
"""Function codes 1 to 16 that feed it: bit (code - 1)."""
WD_MASK_HIGH: Final = 0x1002
WD_TRIGGER: Final = 0x1003
"""A changed value that is not 0 starts it."""
WD_STOP: Final = 0x1005
WD_STATE: Final = 0x1006
WD_RESTART: Final = 0x1007
WD_ALTERNATIVE: Final = 0x100A
"""The other watchdog lets outputs come back by themselves: it must not be on (a re-arming fail-safe is a trap)."""
MAC: Final = 0x1031
MODULES: Final = 0x2030
OUTPUTS_BACK: Final = 0x0200
"""Coil address at which the outputs read back; the outputs themselves are written from coil 0 on."""

OFF, RUNNING, EXPIRED = 0, 1, 2
STOP_WORDS: Final = (0xAAAA, 0x5555)

STRIP: Final = (0x9001, 0x9001, 0x9001, 0x9001, 0x8802)
"""The terminal strip, in order: four modules of 16 inputs, one of 8 outputs (bit 15 digital, bits 8-14 size, bit 0 input, bit 1 output)."""
INPUT_BITS: Final = 64
OUTPUT_BITS: Final = 8
FEEDS: Final = 1 << 14
"""Function code 15 alone feeds the watchdog: writing the outputs. Reading proves nothing."""
WATCHDOG_STEPS: Final = 3
WATCHDOG_S: Final = 0.1 * WATCHDOG_STEPS
"""The shortest in practice: one lost TCP segment comes again after 200 ms at the earliest."""
STEP_S: Final = 0.1
CUT_S: Final = 0.02 + 0.05
"""One cycle of coupler and local bus (20 ms allowed) and a contactor's opening (50 ms)."""

# Inputs, module 1: contacts, channel A, in the places that hal.readings.Contact has; then mirrors, high-voltage contact, lamps, looped pulse.
K1_OPEN, K2_OPEN, HV, BEAM_LAMP, READY_LAMP, LOOP = 8, 9, 10, 11, 12, 13
# Module 2: the same contacts, channel B. Module 3: applicator and filter code of reader A, 8 bits each; module 4: of reader B.
# Outputs.
OUT_K1, OUT_K2, OUT_BEAM_LAMP, OUT_READY_LAMP, OUT_PULSE = 0, 1, 2, 3, 4

CONTACTS: Final = (
    Contact.ESTOP | Contact.DOOR | Contact.KEY_TREAT | Contact.KEY_SERVICE | Contact.APPLICATOR | Contact.SWITCH
).value
SIGNS: Final = (
    (K1_OPEN, Relay.K1_MIRROR_OPEN.value),
    (K2_OPEN, Relay.K2_MIRROR_OPEN.value),
    (HV, Relay.HV_SEEN.value),
    (BEAM_LAMP, Relay.BEAM_LAMP_OK.value),
    (READY_LAMP, Relay.READY_LAMP_OK.value),
)
DRIVEN: Final = ((OUT_K1, Relay.K1_COMMAND.value), (OUT_K2, Relay.K2_COMMAND.value))
LOCAL: Final = 0x02
"""Bit of a MAC's first byte: locally administered, as every simulated coupler's is and no bought one's."""

READ_INPUTS: Final = read_inputs("inputs", 0, INPUT_BITS)
READ_BACK: Final = read_coils("outputs", OUTPUTS_BACK, OUTPUT_BITS)
READ_STATE: Final = read("watchdog state", WD_STATE, 1)
READ_MAC: Final = read("mac", MAC, 3)
READ_MODULES: Final = read("modules", MODULES, len(STRIP) + 1)
RESTART: Final = write_one("restart", WD_RESTART, 1)


def _word(data: bytes) -> int:
    return int.from_bytes(data[:2], "big")


def _none(_notes: Notes, _data: bytes) -> str:
    return ""


def _modules(notes: Notes, data: bytes) -> str:
    """The strip must be the table's, to the last module; a wrong one is told with identity, not here."""
    found = tuple(_word(data[at : at + 2]) for at in range(0, len(data), 2))
    notes["strip ok"] = int(found == (*STRIP, 0))
    for place, word in enumerate(found):
        notes[f"module {place}"] = word
    return ""


def _mac(notes: Notes, data: bytes) -> str:
    notes["mac"] = int.from_bytes(data, "big")
    return ""


def _equals(value: int, what: str) -> Step:
    """A register read back; it must hold this."""

    def check(_notes: Notes, data: bytes) -> str:
        got = _word(data)
        return "" if got == value else f"{what} reads back {got:#06x}, set {value:#06x}"

    return Step(what, lambda _notes: _REGISTERS[what], check)


_REGISTERS: Final = {
    "watchdog time": read("watchdog time", WD_TIME, 1),
    "watchdog mask 1-16": read("watchdog mask 1-16", WD_MASK_LOW, 1),
    "watchdog mask 17-32": read("watchdog mask 17-32", WD_MASK_HIGH, 1),
    "watchdog state": READ_STATE,
    "alternative watchdog": read("alternative watchdog", WD_ALTERNATIVE, 1),
}


def _writes(name: str, at: int, value: int) -> Step:
    return Step(name, lambda _notes: write_one(name, at, value), _none)


def _found_state(notes: Notes, data: bytes) -> str:
    """A watchdog that does not run although it was set up: the coupler has lost its power since."""
    notes["was_off"] = int(_word(data) == OFF)
    return ""


def _old_trigger(notes: Notes, data: bytes) -> str:
    notes["trigger"] = _word(data)
    return ""


def _trigger(notes: Notes) -> Question:
    """Another value than the one that stands there, and not 0."""
    return write_one("watchdog trigger", WD_TRIGGER, notes["trigger"] % 0xFFFE + 1)


def _outputs_are(bits: int, words: str) -> Step:
    def check(_notes: Notes, data: bytes) -> str:
        return "" if data[0] == bits else f"outputs read back {data[0]:#04x}, {words} {bits:#04x}"

    return Step(READ_BACK.name, lambda _notes: READ_BACK, check)


def _put(bits: int) -> Step:
    return Step("put", lambda _notes: write_coils("put", 0, bits, OUTPUT_BITS), _none)


_HELD: Final = (
    _equals(WATCHDOG_STEPS, "watchdog time"),
    _equals(FEEDS, "watchdog mask 1-16"),
    _equals(0, "watchdog mask 17-32"),
)
STEPS: Final[tuple[Step, ...]] = (
    # Who is it? Reads only.
    Step(READ_MODULES.name, lambda _notes: READ_MODULES, _modules),
    Step(READ_MAC.name, lambda _notes: READ_MAC, _mac),
    # The first write: everything off.
    _put(0),
    _outputs_are(0, "written"),
    # Stop, set, read back.
    Step(READ_STATE.name, lambda _notes: READ_STATE, _found_state),
    _writes("watchdog stop 1", WD_STOP, STOP_WORDS[0]),
    _writes("watchdog stop 2", WD_STOP, STOP_WORDS[1]),
    _equals(OFF, "watchdog state"),
    _writes("watchdog time", WD_TIME, WATCHDOG_STEPS),
    _writes("watchdog mask 1-16", WD_MASK_LOW, FEEDS),
    _writes("watchdog mask 17-32", WD_MASK_HIGH, 0),
    *_HELD,
    Step("alternative watchdog", lambda _notes: _REGISTERS["alternative watchdog"],
         lambda _notes, data: "" if _word(data) == 0 else f"the alternative watchdog is on ({_word(data)}); switch it off", optional=True),
    # Start, and prove it: a lamp is lit, nothing is written, and everything must be answered with exception 4 in time.
    Step("watchdog old trigger", lambda _notes: read("watchdog old trigger", WD_TRIGGER, 1), _old_trigger),
    Step("watchdog trigger", _trigger, _none),
    _equals(RUNNING, "watchdog state"),
    _put(1 << OUT_READY_LAMP),
    _outputs_are(1 << OUT_READY_LAMP, "written"),
    Step(READ_STATE.name, lambda _notes: READ_STATE, _none, expires_s=(WATCHDOG_S - STEP_S - 0.02, WATCHDOG_S + STEP_S)),
    Step(RESTART.name, lambda _notes: RESTART, _none),
    # Again what it is: the lamp must be out, and the set-up must have stayed.
    _outputs_are(0, "after the watchdog"),
    _equals(RUNNING, "watchdog state"),
    *_HELD,
    _put(0),
)  # fmt: skip


def _who(notes: Notes, setting: SafetyUnitSetting) -> tuple[str, str, str]:
    """Serial number (the MAC in hex), firmware words, and what is wrong."""
    serial = f"{notes['mac']:012X}"
    local = bool(notes["mac"] >> 40 & LOCAL)
    strip = "-".join(f"{notes[f'module {place}']:04X}" for place in range(len(STRIP)))
    wanted = "-".join(f"{word:04X}" for word in STRIP)
    wrong = ""
    if not notes["strip ok"]:
        wrong = f"the terminal strip reads {strip}, this driver's is {wanted} and no more: rebuild it in that order"
    elif serial != setting.serial.upper():
        wrong = f"the coupler's MAC is {serial!r}, the configuration says {setting.serial!r}"
    elif local is not setting.simulated:
        wrong = f"the coupler is {'simulated' if local else 'real'}, the configuration says {'simulated' if setting.simulated else 'real'}"
    return serial, f"WAGO 750, strip {strip}", wrong


def _pins(inputs: bytes, outputs: bytes, asked_at_s: float) -> Pins:
    """64 inputs and 8 outputs, the first in the lowest bit."""
    bits = int.from_bytes(inputs, "little")
    driven = outputs[0]
    relays = 0
    for place, sign in SIGNS:
        if bits >> place & 1:
            relays |= sign
    for place, sign in DRIVEN:
        if driven >> place & 1:
            relays |= sign
    return Pins(
        asked_at_s,
        bits & CONTACTS,
        bits >> 16 & CONTACTS,
        relays,
        applicator_a=inputs[4],
        applicator_b=inputs[6],
        filter_a=inputs[5],
        filter_b=inputs[7],
    )


def _outputs(outputs: Outputs, pulse: bool) -> Question:
    bits = (
        outputs.k1 << OUT_K1
        | outputs.k2 << OUT_K2
        | outputs.beam_lamp << OUT_BEAM_LAMP
        | outputs.ready_lamp << OUT_READY_LAMP
        | pulse << OUT_PULSE
    )
    return write_coils("put", 0, bits, OUTPUT_BITS)


FITTED: Final = Fitted.CODES | Fitted.LAMPS | Fitted.PAIRS | Fitted.SCAN

DEVICE: Final = Device(
    words="the WAGO coupler",
    steps=STEPS,
    identifies=2,
    who=_who,
    again=READ_MAC,
    known_by=lambda notes, data: int.from_bytes(data, "big") == notes.get("mac"),
    status=READ_INPUTS,
    read_back=READ_BACK,
    supervise=READ_STATE,
    supervised=lambda data: "" if _word(data) == RUNNING else f"its watchdog does not run (state {_word(data)})",
    restart=RESTART,
    outputs=_outputs,
    pins=_pins,
    looped=lambda inputs: bool(inputs[1] >> (LOOP - 8) & 1),
    fitted=FITTED,
)


def make(setting: SafetyUnitSetting, open_pipe: OpenPipe) -> SafetyUnit:
    return BenchUnit(setting, open_pipe, DEVICE)


DRIVER: Final = SafetyUnitDriver(
    name="wago-750",
    words=(
        "EMULATED safety unit on a bought WAGO 750 coupler, Modbus TCP, bench only: contacts in two channels, codes, lamps, two contactors, "
        f"the coupler's watchdog at {WATCHDOG_S * 1000:.0f} ms; no exposure timer, no lease, no count limits, no chambers, no memory"
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
    unit_tests=(3, 4),
    watchdog_s=WATCHDOG_S,
    cut_s=CUT_S,
    retains=False,
    emulated="this computer stands in for the safety unit on bought I/O: bench only",
)
