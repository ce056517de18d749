"""Which signatures an order needs before it may be loaded: a file of its own beside the rig file, and what counts where there is none.
It knows no order and no signature."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from console.access.table import CLINICAL, PHYSICIAN, PHYSICIST, SIMULATED
from console.strict import Strict, read, refusal
from hal.errors import ConfigurationError

NAME: Final = "approvals.toml"
BOTH: Final = (PHYSICIAN, PHYSICIST)

Role = Literal["physician", "physicist"]


class Needed(Strict):
    """[load]: whose signatures are asked for on a rig that treats, and on a simulated one."""

    clinical: list[Role] = Field(max_length=2, description='write ["physician", "physicist"], one of them, or []')
    simulated: list[Role] = Field(
        default=[],
        max_length=2,
        description='write [] or which of "physician", "physicist" a simulated rig asks for too',
    )


class PolicyFile(Strict):
    """approvals.toml."""

    load: Needed


def needed(rig_file: Path, simulated: bool, uid: int) -> tuple[str, ...]:
    """The roles that must have signed an order of this rig. Raises ConfigurationError; what cannot be read asks for nothing less."""
    path = rig_file.parent / NAME
    try:
        found = path.lstat()
    except FileNotFoundError:
        return () if simulated else BOTH
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be looked at ({error.strerror}); first: mend that") from error
    if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o022 or found.st_uid not in (uid, 0):
        mode = f"{stat.S_IMODE(found.st_mode):04o}, user {found.st_uid}"
        raise ConfigurationError(
            f"{path}: is a link, another's, or others may write it ({mode}); first: see who could, chmod 644"
        )
    load = read(path, PolicyFile).model.load
    asked = load.simulated if simulated else load.clinical
    if len(set(asked)) != len(asked):
        raise ConfigurationError(
            refusal(
                path, f"load.{SIMULATED if simulated else CLINICAL}", asked, "names a role twice", "write each once"
            )
        )
    return tuple(role for role in BOTH if role in asked)


def asked_of(rig_file: Path, simulated: bool) -> tuple[str, ...]:
    """The same for whoever runs this process."""
    return needed(rig_file, simulated, os.getuid())


def words(asked: tuple[str, ...]) -> str:
    """For people."""
    return f"an order needs the signature of {' and '.join(asked)}" if asked else "no signature is asked for"
