"""Logins of a rig's users: who comes in with what, who is at a cookie, and what a role may ask. Every wrong login has the same words and costs the same.
It opens no socket and writes no audit; whoever asks does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from console.access import table, users
from console.access.passwords import Hasher, plain, wrong_badge, wrong_password, wrong_pin
from console.access.sessions import Sessions
from console.access.set_up import SetUpCode
from console.access.table import ADMINISTRATOR, Situation
from console.access.throttle import Throttle
from console.access.users import Book, User, Users
from hal.errors import ConfigurationError

NO_FIT: Final = "name and secret do not fit, or this login is no more; first: type both anew, or ask an administrator"
TOO_MANY: Final = "too many wrong tries"
BADGE: Final = "badge"


@dataclass(frozen=True)
class Person:
    """Whose login a cookie is. Locked: it watches until its secret is given again."""

    name: str
    role: str
    locked: bool = False


@dataclass(frozen=True)
class Typed:
    """What was typed, or read from a badge, and from where. With a badge the secret is its PIN, and the name is not looked at."""

    name: str
    secret: str
    source: str
    badge: str = ""


@dataclass(frozen=True)
class Entry:
    """What came of a login: a cookie, or words. `name` is a user's or empty: what was typed for a name may have been a password."""

    cookie: str
    words: str
    name: str = ""
    role: str = ""


class People:
    """The access of a rig with users, or of one that has none yet and waits for its first administrator."""

    def __init__(self, kept: Users, hasher: Hasher, now: Callable[[], float], wall: Callable[[], float]) -> None:
        self._users = kept
        self._hasher = hasher
        self.office: Office | None = Office(kept, hasher, wall)
        self._now, self._wall = now, wall
        self._throttle = Throttle()
        self._sessions = Sessions()
        self._code: SetUpCode | None = None

    @property
    def first_run(self) -> bool:
        """Whether there is no user yet; a file that cannot be read is no first run."""
        try:
            return not self._users.book().users
        except ConfigurationError:
            return False

    @property
    def badges(self) -> bool:
        """Whether anybody logs in by badge."""
        try:
            return any(one.badge and one.enabled for one in self._users.book().users)
        except ConfigurationError:
            return False

    def set_up_code(self) -> str:
        """A new code for the first administrator, for the machine's own terminal alone."""
        self._code = SetUpCode(self._now())
        return self._code.shown

    def enter(self, typed: Typed) -> Entry:
        """Log in; argon2 is worked here, so never on the thread of the pages."""
        found = self._proven(typed)
        if isinstance(found, str):
            return Entry("", found, self._whose(typed))
        cookie = self._sessions.open(found.name, found.role, found.stamp, self._now())
        return Entry(cookie, "", found.name, found.role)

    def witness(self, typed: Typed, beside: str) -> Entry:
        """A second person, by a login of his own that opens no session."""
        found = self._proven(typed)
        if isinstance(found, str):
            return Entry("", found, self._whose(typed))
        if found.name == beside or found.role not in table.WITNESSES:
            return Entry(
                "", f"the second person must be another than {beside}, and {' or '.join(table.WITNESSES)}", found.name
            )
        return Entry("", "", found.name, found.role)

    def again(self, typed: Typed, name: str) -> Entry:
        """The secret of a person who is logged in, asked again for a signature or for the rest of a fraction; no session is opened. argon2 is worked here."""
        found = self._proven(typed)
        if isinstance(found, str):
            return Entry("", found, self._whose(typed))
        if found.name != name:
            return Entry("", f"this is the secret of another than {name}; first: give your own", found.name)
        return Entry("", "", found.name, found.role)

    def own_password(self, typed: Typed, name: str, password: str, noted: Callable[[str, str], None]) -> Entry:
        """Another password of one's own, by the old one. Every login of this person ends, and a new one is here. argon2 is worked here."""
        proven = self.again(typed, name)
        if proven.words:
            return proven
        if plain(password) == plain(typed.secret):
            return Entry("", "the new password is the old one; first: take another", name)
        try:
            Office(self._users, self._hasher, self._wall).password(name, password, noted)
            user = self._users.book().named(name)
        except ConfigurationError as error:
            return Entry("", str(error), name)
        self._sessions.close_all(name)
        if user is None or not user.enabled:
            return Entry("", "the password was changed, and this login is no more; first: ask an administrator", name)
        return Entry(self._sessions.open(name, user.role, user.stamp, self._now()), "", name, user.role)

    def who(self, cookie: str, beam: bool) -> Person | None:
        """Who is there. A user that was changed since the login is gone with the beam's end, not before."""
        kept = self._sessions.look(cookie, self._now(), beam)
        if kept is None:
            return None
        if not beam and not self._stands(kept.name, kept.stamp):
            self._sessions.close(cookie)
            return None
        return Person(kept.name, kept.role, kept.locked)

    def touch(self, cookie: str) -> None:
        self._sessions.touch(cookie, self._now())

    def leave(self, cookie: str) -> None:
        self._sessions.close(cookie)

    def leave_all(self, name: str) -> int:
        return self._sessions.close_all(name)

    def may(self, role: str, command: str, where: Situation) -> bool:
        return table.may(role, command, where)

    def set_up(self, code: str, name: str, password: str, noted: Callable[[str, str], None]) -> str:
        """Make the first administrator by the code. Words where it is not done. argon2 is worked here."""
        if self._code is None or not self.first_run:
            return "this rig has its users; first: ask an administrator"
        wrong = users.wrong_name(name) or wrong_password(password, name) or self._code.wrong(code, self._now())
        if wrong:
            return wrong
        first = User(name, ADMINISTRATOR, self._hasher.hashed(password), 1, self._wall())

        def alone(book: Book) -> Book:
            if book.users:
                raise ConfigurationError("this rig has its users; first: ask an administrator")
            return book.with_user(first)

        try:
            self._users.change(alone, noted)
        except ConfigurationError as error:
            return str(error)
        self._code.spend()
        return ""

    def _stands(self, name: str, stamp: int) -> bool:
        try:
            user = self._users.book().named(name)
        except ConfigurationError:
            return False
        return user is not None and user.enabled and user.stamp == stamp

    def _proven(self, typed: Typed) -> User | str:
        """The user, or words. One argon2 whoever it is; a try that must wait costs none, and says so for any name alike."""
        now_s = self._now()
        key = f"{BADGE} {typed.badge}" if typed.badge else plain(typed.name).casefold()
        wait_s = self._throttle.wait_s(key, typed.source, now_s)
        if wait_s > 0.0:
            return f"{TOO_MANY}; first: wait {wait_s:.0f} s"
        self._throttle.tried(key, typed.source, now_s)
        try:
            user = self._user(typed)
        except ConfigurationError as error:
            return str(error)
        kept = None if user is None or not user.enabled else user.pin if typed.badge else user.password
        secret = bound(typed.badge, typed.secret) if typed.badge else typed.secret
        if not self._hasher.fits(kept or None, secret) or user is None:
            return NO_FIT
        self._throttle.right(key, typed.source)
        return user

    def _user(self, typed: Typed) -> User | None:
        book = self._users.book()
        return book.of_badge(typed.badge) if typed.badge else book.named(typed.name.strip().casefold())

    def _whose(self, typed: Typed) -> str:
        try:
            user = self._user(typed)
        except ConfigurationError:
            return ""
        return user.name if user is not None else ""


def bound(badge: str, pin: str) -> str:
    """A PIN is worth nothing without its badge: both are hashed as one."""
    return f"{badge}\n{pin}"


class Office:
    """What an administrator does with users: each change checked, hashed, told and made. Words are raised as ConfigurationError."""

    def __init__(self, kept: Users, hasher: Hasher, wall: Callable[[], float]) -> None:
        self.users, self._hasher, self._wall = kept, hasher, wall

    def add(self, name: str, role: str, password: str, noted: Callable[[str, str], None]) -> None:
        self._checked(users.wrong_name(name) or wrong_password(password, name))
        user = User(name, role, self._hasher.hashed(password), 1, self._wall())
        self.users.change(lambda book: _begun(book, user), noted)

    def role(self, name: str, role: str, noted: Callable[[str, str], None]) -> None:
        """A badge goes with an administrator's role: he logs in by password alone."""

        def changed(book: Book) -> Book:
            book = users.with_role(book, name, role)
            return book.changed(name, badge="", pin="") if role == ADMINISTRATOR else book

        self.users.change(changed, noted)

    def enabled(self, name: str, enabled: bool, noted: Callable[[str, str], None]) -> None:
        self.users.change(lambda book: book.changed(name, enabled=enabled), noted)

    def password(self, name: str, password: str, noted: Callable[[str, str], None]) -> None:
        self._checked(wrong_password(password, name))
        kept = self._hasher.hashed(password)
        self.users.change(lambda book: book.changed(name, password=kept), noted)

    def badge(self, name: str, badge: str, pin: str, noted: Callable[[str, str], None]) -> None:
        """A badge with its PIN; an empty badge takes it away."""
        if badge:
            self._checked(wrong_badge(badge) or wrong_pin(pin))
        kept = self._hasher.hashed(bound(badge, pin)) if badge else ""
        self.users.change(lambda book: users.with_badge(book, name, badge, kept), noted)

    def _checked(self, wrong: str) -> None:
        if wrong:
            raise ConfigurationError(wrong)


def _begun(book: Book, user: User) -> Book:
    if not book.users and user.role != ADMINISTRATOR:
        raise ConfigurationError(
            f"the first user must be an administrator, not {user.role}; first: kerma users add NAME --role administrator"
        )
    return book.with_user(user)
