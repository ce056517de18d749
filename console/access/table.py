"""Who may ask for what, where and when: one table of commands by role, mode, key and state. What it does not name is denied; STOP is everybody's.
It knows no login and asks no device; the desk judges each request once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from controller.requests import Snapshot
from records import approved

NOBODY: Final = "nobody"
OPERATOR, PHYSICIAN, PHYSICIST = "operator", approved.PHYSICIAN, approved.PHYSICIST
SERVICE, ADMINISTRATOR = "service", "administrator"
ROLES: Final = (OPERATOR, PHYSICIAN, PHYSICIST, SERVICE, ADMINISTRATOR)
"""What a user may be."""
EVERYBODY: Final = (NOBODY, *ROLES)
TREATING: Final = (OPERATOR, PHYSICIST)
AT_THE_MACHINE: Final = (OPERATOR, PHYSICIST, SERVICE)
APPROVING: Final = (PHYSICIAN, PHYSICIST)
"""Who signs orders: a physician holds no control and starts nothing, and each approves in one meaning alone."""
OF_PATIENTS: Final = (OPERATOR, PHYSICIAN, PHYSICIST)

SIMULATED, CLINICAL = "simulated", "clinical"
MODES: Final = (SIMULATED, CLINICAL)
KEYS: Final = ("TREAT", "SERVICE", "NOT_SHOWN")
"""Where the key stands as far as the desk shows it: it does while something is loaded."""
IDLE, LOADED, BEAM, FAULT, NO_DATA = "idle", "loaded", "beam", "fault", "no_data"
GROUPS: Final = {
    IDLE: ("SELF_TEST", "STANDBY", "INTERRUPTED", "TERMINATED"),
    LOADED: ("PREPARATORY", "ARMING", "READY"),
    BEAM: ("STARTING", "IRRADIATING", "STOPPING"),
    FAULT: ("FAULT", "STUCK_ON"),
    NO_DATA: (),
}
"""States that give the same leave; NO_DATA where the desk does not answer, and for a state that stands nowhere here."""
KNOWN: Final = (IDLE, LOADED, BEAM, FAULT)
AT_REST: Final = (IDLE, LOADED, FAULT)
KEY_OF: Final = {"TREAT": "TREAT", "DAILY": "TREAT", "WARMUP": "TREAT", "CALIBRATE": "SERVICE", "DRY_RUN": "SERVICE"}


@dataclass(frozen=True)
class Situation:
    """Mode, key and group of states at one moment."""

    mode: str
    key: str
    group: str


@dataclass(frozen=True)
class Row:
    """One command: what it is, and the roles, modes, keys and groups of states in which it may be asked; each of them must hold.

    `starts`: it leads towards a beam, gives power or takes data away, and is refused where it cannot be written into the audit first.
    `again`: whoever asks it gives the own secret once more; a login alone is not enough, for a page may be left open.
    """

    command: str
    what: str
    roles: tuple[str, ...]
    groups: tuple[str, ...] = tuple(GROUPS)
    modes: tuple[str, ...] = MODES
    keys: tuple[str, ...] = KEYS
    starts: bool = True
    again: bool = False


STOP: Final = "stop"
TREAT_OR_NOT_SHOWN: Final = ("TREAT", "NOT_SHOWN")
SERVICE_OR_NOT_SHOWN: Final = ("SERVICE", "NOT_SHOWN")
"""The desk refuses a key in the wrong place itself; here only one that is known to stand wrongly is."""

TABLE: Final = (
    Row(STOP, "STOP", EVERYBODY, starts=False),
    Row("watch", "see what the machine does", EVERYBODY, starts=False),
    Row("orders", "see the orders, with patients and approvals", OF_PATIENTS, starts=False),
    Row("lesion", "attach a photo or note to a lesion, or take it away", OF_PATIENTS, (IDLE, LOADED, FAULT, NO_DATA)),
    Row("order", "write a new order, which counts for nothing yet", APPROVING, (IDLE, LOADED, FAULT, NO_DATA)),
    Row("approve", "sign an order, or withdraw a signature", APPROVING, again=True),
    Row("control", "take control, or over", AT_THE_MACHINE),
    Row("leave", "give control back", AT_THE_MACHINE, starts=False),
    Row("load", "load a fraction", TREATING, (IDLE, LOADED), keys=TREAT_OR_NOT_SHOWN),
    Row("resume", "load the rest of a fraction", TREATING, (IDLE, LOADED), keys=TREAT_OR_NOT_SHOWN, again=True),
    Row("confirm", "confirm what was read back", TREATING, (IDLE, LOADED), keys=TREAT_OR_NOT_SHOWN),
    Row("edit", "unload", AT_THE_MACHINE, KNOWN, starts=False),
    Row("close", "close an ended fraction", TREATING, AT_REST, starts=False),
    Row("retest", "ask for the self-test", AT_THE_MACHINE, AT_REST),
    Row("reset", "clear the latches of one's own class", AT_THE_MACHINE, AT_REST),
    Row("room", "press the simulated beam-on switch and hold it", AT_THE_MACHINE, KNOWN, (SIMULATED,)),
    Row("release", "let go of the simulated beam-on switch", AT_THE_MACHINE, modes=(SIMULATED,), starts=False),
    Row("records", "see patients, fractions and traces", OF_PATIENTS, starts=False),
    Row("sign_off", "sign a fraction at its end", TREATING, (IDLE, LOADED, FAULT, NO_DATA), again=True),
    Row("correct", "correct a person's words beside a record", OF_PATIENTS, (IDLE, LOADED, FAULT, NO_DATA), again=True),
    Row("report", "take the report of a fraction or course", OF_PATIENTS),
    Row("service", "see traces, wires, faults and counters, without patients", AT_THE_MACHINE, starts=False),
    Row("bundle", "take a support bundle, without patients", (PHYSICIST, SERVICE)),
    Row("maintain", "say that a part was serviced; it is counted anew", (PHYSICIST, SERVICE), (IDLE, FAULT, NO_DATA)),
    Row("procedure", "begin or take up a calibration procedure", (PHYSICIST, SERVICE), (IDLE,), keys=SERVICE_OR_NOT_SHOWN),
    Row("step", "type at a calibration procedure", (PHYSICIST, SERVICE), AT_REST, keys=SERVICE_OR_NOT_SHOWN),
    Row("day", "begin a warm-up or the day's check", TREATING, (IDLE,), keys=TREAT_OR_NOT_SHOWN),
    Row("answer", "answer at a warm-up or the day's check", TREATING, AT_REST, keys=TREAT_OR_NOT_SHOWN),
    Row("sign", "sign the day's check with one's own secret", TREATING, AT_REST, keys=TREAT_OR_NOT_SHOWN, again=True),
    Row("simulator", "move the simulated room", AT_THE_MACHINE, modes=(SIMULATED,)),
    Row("own", "change one's own password", ROLES, (IDLE, FAULT, NO_DATA), again=True),
    Row("people", "see and change users", (ADMINISTRATOR,), (IDLE, LOADED, FAULT, NO_DATA)),
    Row("audit", "verify the audit and take its checkpoint", (PHYSICIST, ADMINISTRATOR), (IDLE, LOADED, FAULT, NO_DATA)),
)  # fmt: skip
ROW: Final = {row.command: row for row in TABLE}

TWO_PERSONS: Final = frozenset({("reset", "STUCK_ON")})
"""Commands in states that a second person must witness, with a login of his own (docs/states.md)."""
WITNESSES: Final = AT_THE_MACHINE


def may(role: str, command: str, where: Situation) -> bool:
    """Whether the table names this cell. STOP needs no role and no situation."""
    if command == STOP:
        return True
    row = ROW.get(command)
    return (
        row is not None
        and role in row.roles
        and where.mode in row.modes
        and where.key in row.keys
        and where.group in row.groups
    )


def why_not(role: str, command: str, where: Situation) -> str:
    """Why a cell is denied, and what to do first."""
    row = ROW.get(command)
    if row is None:
        return f"there is no command {command}"
    if role not in row.roles:
        return f"{command} is not for the role {role} here; first: log in as {' or '.join(row.roles)}"
    if where.mode not in row.modes:
        return f"{command} is for a {' or '.join(row.modes)} rig alone"
    if where.group not in row.groups:
        now = "the desk does not answer" if where.group == NO_DATA else f"the machine is in the group {where.group}"
        return f"{command} is not to be had now: {now}; first: wait until it is {' or '.join(row.groups)}"
    return f"the key stands in {where.key}; first: turn it to {row.keys[0]}"


def starts(command: str) -> bool:
    """Whether it is refused where it cannot be audited; what the table does not name is."""
    row = ROW.get(command)
    return row is None or row.starts


def situation(shown: Snapshot | None, simulated: bool, answers: bool) -> Situation:
    """Where the machine stands by the newest snapshot, if the desk answers."""
    mode = SIMULATED if simulated else CLINICAL
    if shown is None or not answers:
        return Situation(mode, "NOT_SHOWN", NO_DATA)
    group = next((name for name, states in GROUPS.items() if shown.state in states), NO_DATA)
    turned = any(rule.id == "key" and rule.truth == "TRUE" for rule in shown.rules)
    key = KEY_OF.get(shown.offer.purpose.name, "NOT_SHOWN") if shown.offer is not None and turned else "NOT_SHOWN"
    return Situation(mode, key, group)


def beam_may_be_on(shown: Snapshot | None) -> bool:
    """By the newest snapshot, however old: who loses the desk in beam has seen no end of it."""
    return shown is not None and (shown.state in GROUPS[BEAM] or shown.beam != "off")
