"""What our DICOM is held against, and none of it ours: the validator dciodvfy of dicom3tools, and storescp of dcmtk behind a listener on loopback.
It knows how to start them and to read what they say; it knows no record."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

TOOLS = ("dciodvfy", "storescp")


def tool(name: str) -> str:
    """Where it is; not in this Python's own folder, where pynetdicom has a storescp that is another. RuntimeError where it is not: nothing is held against
    it then, and nobody may think so."""
    own = Path(sys.executable).parent
    elsewhere = [folder for folder in os.get_exec_path() if Path(folder) != own]
    found = shutil.which(name, path=os.pathsep.join(elsewhere))
    if found is None:
        raise RuntimeError(f"{name} is not on this machine; first: make dicom-tools")
    return found


@dataclass(frozen=True)
class Judged:
    """What dciodvfy says of one file: the kind of object that it saw, its errors, and its warnings but those on private elements."""

    kind: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    private: int


def judged(path: Path) -> Judged:
    """Ask dciodvfy; what it cannot read at all is an error."""
    said = subprocess.run([tool("dciodvfy"), str(path)], capture_output=True, text=True, timeout=60, check=False)
    lines = [line.strip() for line in (said.stdout + said.stderr).splitlines() if line.strip()]
    kind = next((line for line in lines if " " not in line), "")
    errors = [line for line in lines if "Error" in line]
    if said.returncode != 0 and not errors:
        errors.append(f"ended with {said.returncode}")
    if not kind:
        errors.append("saw no kind of object")
    private = [line for line in lines if "Unrecognized tag" in line]
    warnings = [line for line in lines if "Warning" in line and line not in private]
    return Judged(kind, tuple(errors), tuple(warnings), len(private))


class StoreScp:
    """storescp on a port of loopback that stays the same while it dies and comes back. `options` are its own: --refuse, --abort-after."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def where(self) -> str:
        return f"STORE@127.0.0.1:{self.port}"

    @property
    def got(self) -> dict[str, Path]:
        """What it keeps, by SOP instance UID (its files are named KIND.UID)."""
        return {path.name.partition(".")[2]: path for path in self.folder.iterdir()}

    def start(self, *options: str) -> None:
        """One storescp for each association, as under inetd."""
        self.stop()
        listener = socket.create_server(("127.0.0.1", self.port))
        command = [tool("storescp"), "--inetd", *options, "-od", str(self.folder)]
        self._listener = listener
        self._thread = threading.Thread(target=_serve, args=(listener, command), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Nobody listens any more."""
        if self._listener is not None and self._thread is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join(10.0)
        self._listener = self._thread = None


def _serve(listener: socket.socket, command: list[str]) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            subprocess.run(
                command,
                stdin=connection.fileno(),
                stdout=connection.fileno(),
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
