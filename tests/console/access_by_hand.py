"""What the tests of access share: a clock that stands, a hasher that costs nothing, and a rig's people made by hand.
It proves nothing by itself."""

from __future__ import annotations

from pathlib import Path

from console.access.audit import Audit, Told
from console.access.passwords import Hasher
from console.access.people import Office, People, Typed
from console.access.users import Users
from console.web.clerk import Clerk
from hal.errors import ConfigurationError
from records.files import FileSystem, PosixFiles

SECRET = "plum harvest on tuesday"
PIN, BADGE = "402915", "0004711-A9"
HERE = "127.0.0.1"
CHEAP = Hasher(memory_kib=8, passes=1)


class Hand:
    """Time as a test says it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now(self) -> float:
        return self.now_s

    def wall(self) -> float:
        return 1.8e9 + self.now_s


def quiet(_before: str, _after: str) -> None:
    """A change that nobody is told of."""


class Rig:
    """People of one folder."""

    def __init__(self, folder: Path, files: FileSystem | None = None, hasher: Hasher = CHEAP) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hand = Hand()
        self.users = Users(folder, files or PosixFiles())
        self.office = Office(self.users, hasher, self.hand.wall)
        self.people = People(self.users, hasher, self.hand.now, self.hand.wall)

    def staffed(self) -> Rig:
        """An administrator, an operator with a badge, a physician, a physicist and a service engineer."""
        roles = {"ada": "administrator", "olga": "operator", "mia": "physician", "paul": "physicist", "sven": "service"}
        for name, role in roles.items():
            self.office.add(name, role, SECRET, quiet)
        self.office.badge("olga", BADGE, PIN, quiet)
        return self

    def enter(self, name: str, secret: str = SECRET, badge: str = "", source: str = HERE) -> str:
        """The cookie, or the words."""
        entry = self.people.enter(Typed(name, secret, source, badge))
        return entry.cookie or entry.words


class AuditByHand(Audit):
    """Keeps its entries in a list; `full` is a disk with no room."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, str, dict[str, object]]] = []
        self.full = False

    def note(self, what: str, who: str, role: str, told: Told) -> int:
        if self.full:
            raise ConfigurationError("the audit cannot be written (No space left on device); first: make room")
        self.entries.append((what, who, role, dict(told)))
        return len(self.entries)


class ClerkByHand(Clerk):
    """A clerk whose entries a test looks at."""

    def __init__(self) -> None:
        self.kept = AuditByHand()
        super().__init__(self.kept)

    def whats(self, what: str) -> list[dict[str, object]]:
        """What was told with the entries of one kind, when all that wait are written."""
        self._hand.submit(bool).result(5.0)
        return [told for one, _, _, told in self.kept.entries if one == what]
