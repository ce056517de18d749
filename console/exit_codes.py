"""What the shell is told: one table of exit codes for every command, with the words that people read beside them.
It decides nothing; how an exposure ended is the real-time process's word."""

from __future__ import annotations

from enum import IntEnum

from controller.requests import Ended, Snapshot


class Exit(IntEnum):
    """Exit codes of `kerma` (docs/command-line.md); 1 is left to what Python itself gives for an unexpected error."""

    AS_INTENDED = 0
    USAGE = 2
    INTERRUPTED = 3
    FAULT = 4
    STUCK_ON = 5
    VOID = 6
    NO_ANSWER = 7
    REFUSED = 8
    NOT_CONFIRMED = 9
    BACKUP_END = 10
    UNFIT = 11
    NOT_RECORDED = 12
    DIFFERENT = 13
    NOT_WHOLE = 14
    INCONCLUSIVE = 75


DRIVER_CHECK_FAILED = 1
"""`kerma drivers check` where something failed; the number is part of its contract."""
STOP_NOT_SEEN = 2
"""`kerma stop` without a snapshot that shows no beam; the number is part of its contract."""

WORDS: dict[Exit, str] = {
    Exit.AS_INTENDED: "it ended as intended",
    Exit.USAGE: "the command line, a file or the configuration was refused; kerma stop: NO ANSWER",
    Exit.INTERRUPTED: "the fraction was interrupted; the rest may be delivered with --resume",
    Exit.FAULT: "a fault ended it; a person must reset it",
    Exit.STUCK_ON: "beam may be on: press the emergency stop, switch the generator off at the mains",
    Exit.VOID: "no beam was ever on",
    Exit.NO_ANSWER: "the real-time process does not answer",
    Exit.REFUSED: "the real-time process, or the second calculation, refused it",
    Exit.NOT_CONFIRMED: "the person did not confirm; nothing was delivered",
    Exit.BACKUP_END: "a backup ended the beam; a physicist must look before anything else",
    Exit.UNFIT: "kerma doctor: this machine is not fit",
    Exit.NOT_RECORDED: "it ended, but its record was not on the disk in time",
    Exit.DIFFERENT: "kerma replay: a decision comes out otherwise than it was recorded",
    Exit.NOT_WHOLE: "kerma replay: a record does not reach the end of its exposure; what there is of it comes out the same",
    Exit.INCONCLUSIVE: "the machine took the processor away; repeat it",
}

OUTCOMES: dict[str, Exit] = {
    "TERMINATED": Exit.AS_INTENDED,
    "INTERRUPTED": Exit.INTERRUPTED,
    "FAULT": Exit.FAULT,
    "STUCK_ON": Exit.STUCK_ON,
    "VOID": Exit.VOID,
}

BACKUP_EVENT = "TIME_END"


def of_end(ended: Ended) -> Exit:
    """The exit code of an exposure's end; an outcome that is not known is a fault."""
    if ended.void:
        return Exit.VOID
    if ended.outcome == "TERMINATED" and ended.event == BACKUP_EVENT:
        return Exit.BACKUP_END
    return OUTCOMES.get(ended.outcome, Exit.FAULT)


def of_state(snapshot: Snapshot) -> Exit:
    """The exit code for a state that was reached without an exposure's end."""
    return {"STUCK_ON": Exit.STUCK_ON, "FAULT": Exit.FAULT}.get(snapshot.state, Exit.REFUSED)


def table() -> str:
    """The whole table as text, one line each; docs/command-line.md holds the same lines, and a test compares them."""
    return "\n".join(f"{int(code):>3}  {code.name:<14} {WORDS[code]}" for code in Exit)
