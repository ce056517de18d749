"""Where the processes of one rig meet when its file does not say: folders on tmpfs, and whose they must be.
It opens no socket; finding a rig that runs is a look at names only."""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path

from hal.errors import ConfigurationError

SHM = Path("/dev/shm")
SOCKET_PATH_MAX_BYTES = 107
"""An AF_UNIX address holds 108 bytes with its ending zero (unix(7))."""


@dataclass(frozen=True)
class Places:
    """Folders and sockets of one rig. `shm` holds one folder for each instance; `lock` is held by the real-time process as long as it lives."""

    shm: Path
    desk: Path
    stop: Path

    @property
    def lock(self) -> Path:
        return self.desk.with_name(self.desk.name + ".lock")

    @property
    def instance(self) -> Path:
        """A file that names the instance that was started last."""
        return self.desk.with_name(self.desk.name + ".instance")

    @property
    def rig_file(self) -> Path:
        """A file that names the rig file of that instance."""
        return self.desk.with_name(self.desk.name + ".rig")

    @property
    def alive(self) -> bool:
        """Whether a process holds the rig's lock now; a lock that cannot be looked at counts as held."""
        from records.files import held_by_another  # not at the top: STOP loads this file, and no other room

        return held_by_another(self.lock)


def default(rig: str, uid: int, shm: Path = SHM) -> Places:
    """No environment variable decides where STOP goes, so that every terminal of one machine finds the same sockets."""
    home = shm / f"kerma-{uid}" / rig
    return Places(home, home / "desk.sock", home / "stop.sock")


def of_file(path: Path, uid: int, shm: Path = SHM) -> Places | None:
    """Where the rig of this file meets, read as leniently as can be: only what STOP needs. None where even that is not there."""
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8", "replace"))
        name = document["rig"]["name"]
        if not isinstance(name, str):
            return None
        usual = default(name, uid, shm)
        paths = document.get("paths", {})
        folder = Path(os.path.abspath(path)).parent
        found = [
            Path(os.path.abspath(folder / paths[name])) if name in paths else kept for name, kept in vars(usual).items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Places(*found)


def running(shm: Path = SHM, rig: str = "*") -> tuple[Places, ...]:
    """Every rig on this machine that has a stop socket in a default place, of any user."""
    return tuple(
        Places(stop.parent, stop.parent / "desk.sock", stop) for stop in sorted(shm.glob(f"kerma-*/{rig}/stop.sock"))
    )


def the_one(shm: Path = SHM) -> Places:
    """The rig of this machine, where a command was given no file: the only one that runs, or else the only one that ever did.

    Raises ConfigurationError where there is none, or more than one.
    """
    found = running(shm)
    chosen = tuple(one for one in found if one.alive) or found
    if len(chosen) == 1:
        return chosen[0]
    which = f"{len(chosen)} rigs: " + ", ".join(str(one.shm) for one in chosen) if chosen else f"no rig under {shm}"
    raise ConfigurationError(f"this machine has {which}; first: say which with --config RIG.toml")


def own(folder: Path, uid: int, mode: int) -> None:
    """Make a folder, or see that it is ours: no link, our user's, not writable by others, and so the way to it; anybody may write to /dev/shm.

    Raises ConfigurationError.
    """
    way = (*reversed(Path(os.path.abspath(folder)).parents), Path(os.path.abspath(folder)))
    for step in way:
        try:
            if not step.exists():
                step.mkdir(mode=mode)
            found = step.lstat() if step == way[-1] else step.stat()
        except OSError as error:
            words = (
                f"cannot be made ({error.strerror}); first: set [paths] and [records] to folders that may be written"
            )
            raise ConfigurationError(f"{step}: {words}") from error
        guarded = bool(found.st_mode & stat.S_ISVTX) and step != way[-1]
        foreign = found.st_uid != uid and (step == way[-1] or found.st_uid != 0)
        if not stat.S_ISDIR(found.st_mode) or foreign or (found.st_mode & 0o022 and not guarded):
            raise ConfigurationError(
                f"{step}: is a link, belongs to user {found.st_uid} or may be written by others (mode {stat.S_IMODE(found.st_mode):o}), "
                f"wanted a folder of user {uid} that only {uid} may write; first: mend that, or set [paths] and [records] elsewhere"
            )


def filesystem(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, by the text of /proc/self/mountinfo; empty if none fits."""
    best, kind = "", ""
    for line in mounts.splitlines():
        head, _, tail = line.partition(" - ")
        point = head.split()[4].encode().decode("unicode_escape")
        if (str(path) + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best):
            best, kind = point, tail.split()[0]
    return kind


def nearest(path: Path) -> Path:
    """The nearest folder on the way to `path` that exists."""
    path = Path(os.path.abspath(path))
    return next(folder for folder in (path, *path.parents) if folder.exists())
