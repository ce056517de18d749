"""The users of one rig: name, role, hashes; a file of their own beside the records, replaced whole at each change. No user is ever removed, so that a name in a
record stays one person's. It hashes nothing and knows no session."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from console.access import whole_file
from console.access.table import ADMINISTRATOR, ROLES
from hal.errors import ConfigurationError
from records.files import FileSystem

NAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,31}")
RESERVED: Final = frozenset({"nobody", "demonstration", "terminal", "console", "root"})
USERS: Final = "users.json"
MOST: Final = 500
FORMAT: Final = 1


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person. `stamp` changes with everything that ends logins: role, password, badge, disabling."""

    name: str
    role: str
    password: str
    stamp: int
    made_s: float
    enabled: bool = True
    badge: str = ""
    pin: str = ""


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. `salt` keeps a badge's number out of the file."""

    format: int
    salt: str
    users: tuple[User, ...]

    def named(self, name: str) -> User | None:
        return next((one for one in self.users if one.name == name), None)

    def of_badge(self, badge: str) -> User | None:
        """Whose badge it is."""
        kept = badge_hash(self.salt, badge)
        return next((one for one in self.users if one.badge and hmac.compare_digest(one.badge, kept)), None)

    def changed(self, name: str, **changes: object) -> Book:
        """One user otherwise, with a new stamp. Raises ConfigurationError."""
        user = self.named(name)
        if user is None:
            raise ConfigurationError(f"there is no user {name}; first: kerma users list")
        after = msgspec.structs.replace(user, stamp=user.stamp + 1, **changes)
        book = msgspec.structs.replace(self, users=tuple(after if one is user else one for one in self.users))
        if user.role == ADMINISTRATOR and user.enabled and not any(_administers(one) for one in book.users):
            raise ConfigurationError(f"{name} is the last administrator; first: make another one")
        return book

    def with_user(self, user: User) -> Book:
        """One more. Raises ConfigurationError where the name, the role or the badge cannot be had."""
        wrong = wrong_name(user.name)
        if wrong:
            raise ConfigurationError(wrong)
        _known(user.role)
        if self.named(user.name) is not None:
            raise ConfigurationError(
                f"there is a user {user.name} already; a name is never given twice; first: take another"
            )
        if len(self.users) >= MOST:
            raise ConfigurationError(f"there are {MOST} users; first: see which are still people of this machine")
        return msgspec.structs.replace(self, users=(*self.users, user))


def wrong_name(name: str) -> str:
    """Why a name cannot be had; empty where it can."""
    if NAME.fullmatch(name) and name not in RESERVED:
        return ""
    return (
        f"the name {name[:40]!r} cannot be had; first: take 2 to 32 of a-z, 0-9, dot, dash, underline, a letter first; "
        f"not {', '.join(sorted(RESERVED))}"
    )


def with_role(book: Book, name: str, role: str) -> Book:
    """Raises ConfigurationError."""
    _known(role)
    return book.changed(name, role=role)


def with_badge(book: Book, name: str, badge: str, pin: str) -> Book:
    """A badge, or none; two people cannot have one. Raises ConfigurationError."""
    owner = book.of_badge(badge) if badge else None
    if owner is not None and owner.name != name:
        raise ConfigurationError(f"this badge is {owner.name}'s; first: take it away there")
    user = book.named(name)
    if badge and user is not None and user.role == ADMINISTRATOR:
        raise ConfigurationError("an administrator logs in by password alone; first: take another role")
    return book.changed(name, badge=badge_hash(book.salt, badge) if badge else "", pin=pin if badge else "")


def badge_hash(salt: str, badge: str) -> str:
    """What stands for a badge in the file."""
    return hmac.new(salt.encode(), badge.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class Users:
    """The file. Read anew whenever it has changed, so that a change at the terminal counts at once; one that cannot be read lets nobody in."""

    def __init__(self, folder: Path, files: FileSystem) -> None:
        self.path = folder / USERS
        self._lock = folder / "users.lock"
        self._files = files
        self._seen: tuple[int, int, int] = (0, 0, 0)
        self._book: Book | None = None

    def book(self) -> Book:
        """All users now; none where there is no file yet. Raises ConfigurationError."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            self._book = None
            return Book(FORMAT, "", ())
        except OSError as error:
            raise ConfigurationError(
                f"{self.path}: cannot be looked at ({error.strerror}); first: mend that"
            ) from error
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._book is None or seen != self._seen:
            if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077:
                raise ConfigurationError(
                    f"{self.path}: may be read by others (mode {stat.S_IMODE(found.st_mode):04o}, wanted 0600); first: see who could, chmod 600"
                )
            self._book, self._seen = self._read(), seen
        return self._book

    def digest(self) -> str:
        """SHA-256 of the file as it is; empty where there is none. Raises ConfigurationError."""
        try:
            return hashlib.sha256(self._files.read(self.path)).hexdigest()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise ConfigurationError(f"{self.path}: cannot be read ({error.strerror}); first: mend that") from error

    def change(self, how: Callable[[Book], Book], noted: Callable[[str, str], None]) -> Book:
        """Change them. `noted` is told the digests before and after, and what it raises keeps the change from being made. Raises ConfigurationError."""
        with whole_file.alone(self._files, self._lock):
            before = self.book()
            if not before.salt:
                before = msgspec.structs.replace(before, salt=secrets.token_hex(16))
            after = how(before)
            data = msgspec.json.format(msgspec.json.encode(after), indent=1)
            noted(self.digest(), hashlib.sha256(data).hexdigest())
            try:
                whole_file.put(self._files, self.path, data)
            except OSError as error:
                raise ConfigurationError(
                    f"{self.path}: cannot be written ({error.strerror}); first: see the disk, then kerma users list"
                ) from error
        return after

    def _read(self) -> Book:
        try:
            book = msgspec.json.decode(self._files.read(self.path), type=Book)
        except (OSError, msgspec.DecodeError) as error:
            raise ConfigurationError(
                f"{self.path}: cannot be read ({error}); first: put it back from a backup, kerma audit verify says which"
            ) from error
        names = [one.name for one in book.users]
        if (
            book.format != FORMAT
            or len(set(names)) != len(names)
            or any(one.role not in ROLES or not NAME.fullmatch(one.name) for one in book.users)
            or not any(_administers(one) for one in book.users)
        ):
            raise ConfigurationError(
                f"{self.path}: holds no book of users (format {book.format}, each name once, known roles, an administrator); first: put it back from a backup"
            )
        return book


def _administers(user: User) -> bool:
    return user.role == ADMINISTRATOR and user.enabled


def _known(role: str) -> None:
    if role not in ROLES:
        raise ConfigurationError(f"there is no role {role[:40]!r}; first: take one of {', '.join(ROLES)}")
