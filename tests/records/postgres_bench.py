"""A PostgreSQL of a test's own: a cluster in a folder, on a socket in it, with as many databases as are asked for; ended by its process id.
It is started as another user where the tests are root, for PostgreSQL never runs as root."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
WITHIN_S, TRIES = 60, 20
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "30",
    "shared_buffers": "16MB",
}
"""No power is cut here: what a killed server leaves is in the kernel's hands."""


@dataclass
class Server:
    """One cluster; `folder` holds its data and its socket."""

    folder: Path
    made: dict[Path, str] = field(default_factory=dict)
    free: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://kerma@/{database}?host={self.folder}"

    def place(self, folder: Path) -> str:
        """A database of its own for this folder of records, empty at the first question."""
        if folder not in self.made:
            name = self.free.pop() if self.free else f"records_{len(self.made) + 1}"
            if name not in {str(row[0]) for row in self.ask("SELECT datname FROM pg_database")}:
                self.ask(f"CREATE DATABASE {name}")
            self.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
            self.made[folder] = self.url(name)
        return self.made[folder]

    def give_back(self) -> None:
        """A test is over: the next one may have its databases, for a new one is 300 files."""
        self.free += [url.partition("?")[0].rpartition("/")[2] for url in self.made.values()]
        self.made.clear()

    def ask(self, words: str, database: str = "postgres") -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=WITHIN_S) as connection:
            cursor = connection.execute(words.encode())
            return cursor.fetchall() if cursor.description is not None else []

    def start(self) -> None:
        """A child of ours; a server that was killed may still have children of its own, which end by themselves."""
        settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        for _ in range(TRIES):
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(
                    _command("postgres", "-D", "data", "-k", str(self.folder), *settings),
                    cwd=self.folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            while not self._ended():
                with suppress(psycopg.OperationalError):
                    self.ask("SELECT 1")
                    return
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def _ended(self) -> bool:
        """After a moment."""
        assert self.process is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(0.1)
            return True
        return False

    def end(self, number: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once, without a last checkpoint; SIGKILL as it is."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(WITHIN_S)


def _command(program: str, *arguments: str) -> list[str]:
    """Ended with the tests, however those end."""
    other = ["--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", "--pdeathsig=QUIT", *other, str(PROGRAMS[-1] / program), *arguments]


@contextmanager
def running() -> Iterator[Server]:
    """A server that nobody used before; nothing stays of it."""
    assert PROGRAMS, "PostgreSQL is not on this machine; first: make postgres-tools"
    folder = Path(tempfile.mkdtemp(prefix="kerma-pg-"))
    try:
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        server = Server(folder)
        made = _command(
            "initdb", "-D", "data", "-U", "kerma", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"
        )
        subprocess.run(made, cwd=folder, env=ENVIRONMENT, check=True, timeout=WITHIN_S, capture_output=True)
        server.start()
        try:
            yield server
        finally:
            server.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
