"""Logins: what a password and a PIN must be, how slowly they are guessed, what a cookie is worth and for how long, and the first administrator."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from access_by_hand import BADGE, CHEAP, HERE, PIN, SECRET, Rig, quiet
from argon2 import PasswordHasher

from console.access import passwords
from console.access.passwords import Hasher, wrong_badge, wrong_password, wrong_pin
from console.access.people import NO_FIT, Typed
from console.access.sessions import ENDED_AFTER_S, LOCKED_AFTER_S, OF_ONE, Sessions
from console.access.set_up import GOOD_FOR_S, TRIES
from console.access.throttle import FREE_TRIES, MOST_OF_SOURCE_S, MOST_S


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "access").staffed()


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "5 characters"), ("x" * 129, "129 characters"), ("I am Olga of room 4", "holds the name"), ("room 4 has aglo in it", "holds the name"),
        ("abababababab", "2 different"), ("password123456", "everybody tries"), ("Passwort-kerma!", "everybody tries"), ("", "0 characters"),
    ],
)  # fmt: skip
def test_t15_a_password_that_is_easily_guessed_is_refused(password: str, words: str) -> None:
    wrong = wrong_password(password, "olga")
    assert words in wrong and "first:" in wrong


@pytest.mark.parametrize("password", [SECRET, "Łukasz eats 7 pears", "a" * 8 + "bcdefgh", "   tab\tand spaces   "])
def test_a_long_password_is_taken_whatever_it_is_made_of(password: str) -> None:
    assert wrong_password(password, "olga") == ""


@pytest.mark.parametrize(
    "pin", ["", "12345", "123456", "987654", "135791", "000000", "454545", "12345x", "1" * 13, "٤٠٢٩١٥"]
)
def test_a_pin_in_a_row_or_of_other_digits_is_refused(pin: str) -> None:
    assert wrong_pin(pin)


def test_a_badge_is_what_a_reader_gives() -> None:
    assert wrong_pin(PIN) == wrong_badge(BADGE) == ""
    assert (
        wrong_badge("short") and wrong_badge("with space 1") and wrong_badge("x" * 65) and wrong_badge("line\nbreak 1")
    )


def test_hashes_are_argon2id_of_the_strength_that_the_program_names() -> None:
    """And the strength is not what the other tests use."""
    kept = Hasher()._nobody
    assert kept.startswith(f"$argon2id$v=19$m={passwords.MEMORY_KIB},t={passwords.PASSES},p={passwords.LANES}$")
    assert passwords.MEMORY_KIB >= 64 * 1024 and passwords.PASSES >= 3
    assert CHEAP.hashed(SECRET) != CHEAP.hashed(SECRET), "each has a salt of its own"


def test_a_password_in_two_spellings_is_one(rig: Rig) -> None:
    rig.office.password("olga", "caf\u00e9 at the corner", quiet)
    assert rig.people.who(rig.enter("olga", "cafe\u0301 at the corner"), False) is not None


class Counted(PasswordHasher):
    """argon2 that counts how often it works, and how many at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.works, self.at_once, self.most = 0, 0, 0

    def verify(self, kept: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]
        self.works += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        threading.Event().wait(0.002)
        try:
            return super().verify(kept, password)
        finally:
            self.at_once -= 1


def counted() -> tuple[Hasher, Counted]:
    hasher, counts = Hasher(8, 1), Counted()
    hasher._argon2 = counts
    return hasher, counts


def test_t5_a_name_that_is_unknown_or_disabled_costs_and_says_the_same(tmp_path: Path) -> None:
    """One argon2 of the same strength each, the same words, the same waiting: no name is found out by asking."""
    hasher, counts = counted()
    rig = Rig(tmp_path / "access", hasher=hasher).staffed()
    rig.office.enabled("paul", False, quiet)
    told: dict[str, list[str]] = {}
    for name in ("olga", "paul", "nobody.here"):
        rig.hand.now_s += 1e5
        before, told[name] = counts.works, []
        for _ in range(8):
            told[name].append(rig.enter(name, "not this one at all", source=name))
        assert counts.works - before == FREE_TRIES, name
    assert told["olga"] == told["paul"] == told["nobody.here"]
    assert told["olga"][0] == NO_FIT and "wait" in told["olga"][-1]
    assert hasher._nobody.split("$")[:4] == rig.users.book().users[0].password.split("$")[:4]


def test_t5_argon2_works_one_at_a_time(tmp_path: Path) -> None:
    hasher, counts = counted()
    rig = Rig(tmp_path / "access", hasher=hasher).staffed()
    threads = [threading.Thread(target=rig.enter, args=(f"name{n}", "x", "", f"place{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    assert (counts.works, counts.most) == (8, 1)


def test_t5_a_thousand_tries_take_days_and_the_right_one_is_taken_when_its_time_has_come(tmp_path: Path) -> None:
    """Somebody who tries again the moment he may, from as many places as he likes."""
    hasher, counts = counted()
    rig = Rig(tmp_path / "access", hasher=hasher).staffed()
    began_s, tried, refused = rig.hand.now_s, 0, 0
    in_the_first_hour = 0
    while tried < 1000:
        before = counts.works
        said = rig.enter("olga", f"guess number {tried}", source=f"place {tried}") if tried < 40 else NO_FIT
        if tried >= 40:
            rig.people._throttle.tried("olga", f"place {tried}", rig.hand.now_s)
        worked = tried >= 40 or counts.works > before
        tried, refused = tried + worked, refused + (not worked)
        in_the_first_hour += worked and rig.hand.now_s - began_s <= 3600.0
        if tried >= FREE_TRIES and worked:
            assert "wait" in rig.enter("olga", SECRET, source="elsewhere"), "not even the right one, for a while"
        rig.hand.now_s += max(rig.people._throttle.wait_s("olga", "-", rig.hand.now_s), 0.0)
        assert said == NO_FIT
    assert rig.hand.now_s - began_s > 9 * 86400.0
    assert in_the_first_hour <= 17
    assert rig.people.who(rig.enter("olga", source="elsewhere"), False) is not None


def test_t5_one_place_is_shut_for_a_short_while_and_many_names_do_not_open_it(rig: Rig) -> None:
    """A password tried on each name in turn; the others of this machine wait no longer than half a minute."""
    tried = 0
    for n in range(2000):
        tried += rig.enter(f"name{n}", SECRET) == NO_FIT
        rig.hand.now_s += 0.1
    assert tried <= 30
    rig.hand.now_s += MOST_OF_SOURCE_S
    assert rig.people.who(rig.enter("paul"), False) is not None


def test_a_wait_ends_and_is_bounded(rig: Rig) -> None:
    for _ in range(100):
        rig.hand.now_s += rig.people._throttle.wait_s("olga", "p", rig.hand.now_s)
        rig.people._throttle.tried("olga", "p", rig.hand.now_s)
    assert 0.0 < rig.people._throttle.wait_s("olga", "p", rig.hand.now_s) <= MOST_S


def test_a_pin_is_worth_nothing_without_its_badge(rig: Rig) -> None:
    assert rig.people.who(rig.enter("", PIN, BADGE), False) is not None
    assert rig.enter("olga", PIN) == rig.enter("", PIN, BADGE + "x") == rig.enter("", SECRET, BADGE) == NO_FIT
    assert BADGE not in rig.users.path.read_text() and PIN not in rig.users.path.read_text()
    rig.office.badge("olga", "", "", quiet)
    assert rig.enter("", PIN, BADGE) == NO_FIT


def test_a_badge_is_one_persons_and_no_administrators(rig: Rig) -> None:
    with pytest.raises(Exception, match="olga's"):
        rig.office.badge("paul", BADGE, PIN, quiet)
    with pytest.raises(Exception, match="by password alone"):
        rig.office.badge("ada", "another-badge", PIN, quiet)
    rig.office.role("olga", "administrator", quiet)
    assert rig.enter("", PIN, BADGE) == NO_FIT


def test_t6_a_cookie_is_256_bits_and_only_its_hash_is_kept() -> None:
    sessions = Sessions()
    cookies = {sessions.open(f"n{n}", "operator", 1, 0.0) for n in range(50)}
    assert len(cookies) == 50 and all(len(cookie) == 43 for cookie in cookies)
    kept = repr(sessions.__dict__)
    assert not any(cookie in kept for cookie in cookies)


def test_t6_each_login_has_a_new_cookie_and_a_logout_ends_it(rig: Rig) -> None:
    first, second = rig.enter("olga"), rig.enter("olga")
    assert first != second
    rig.people.leave(first)
    assert rig.people.who(first, False) is None and rig.people.who(second, False) is not None
    assert rig.people.leave_all("olga") == 1
    assert rig.people.who(second, False) is None
    for made_up in ("", "x" * 43, "\ud800", first):
        assert rig.people.who(made_up, False) is None and rig.people.who(made_up, True) is None


@pytest.mark.parametrize("change", ["role", "disabled", "password"])
def test_t6_who_was_changed_logs_in_anew_but_not_in_beam(rig: Rig, change: str) -> None:
    cookie = rig.enter("olga")
    {
        "role": lambda: rig.office.role("olga", "service", quiet),
        "disabled": lambda: rig.office.enabled("olga", False, quiet),
        "password": lambda: rig.office.password("olga", SECRET + "!", quiet),
    }[change]()
    found = rig.people.who(cookie, True)
    assert found is not None and found.role == "operator", "the beam is not interrupted by a change of users"
    assert rig.people.who(cookie, False) is None
    assert rig.people.who(cookie, True) is None


def test_t6_an_idle_page_is_locked_then_logged_out_and_neither_in_beam(rig: Rig) -> None:
    cookie = rig.enter("olga")
    rig.hand.now_s += LOCKED_AFTER_S - 1
    rig.people.touch(cookie)
    rig.hand.now_s += LOCKED_AFTER_S - 1
    found = rig.people.who(cookie, False)
    assert found is not None and not found.locked, "a touch, and looks are none"
    for _ in range(100):
        rig.hand.now_s += 60.0
        found = rig.people.who(cookie, True)
        assert found is not None and not found.locked
    rig.hand.now_s += LOCKED_AFTER_S + 1
    found = rig.people.who(cookie, False)
    assert found is not None and found.locked
    rig.people.touch(cookie)
    found = rig.people.who(cookie, True)
    assert found is not None and found.locked, "a touch unlocks nothing, nor does a beam"
    rig.hand.now_s += ENDED_AFTER_S
    assert rig.people.who(cookie, False) is None


def test_more_logins_than_one_person_may_have_end_the_oldest(rig: Rig) -> None:
    cookies = [rig.enter("olga") for _ in range(OF_ONE + 2)]
    assert [rig.people.who(cookie, False) is not None for cookie in cookies] == [False, False, *[True] * OF_ONE]


def test_the_second_person_is_another_with_a_login_of_his_own(rig: Rig) -> None:
    def said(name: str, secret: str = SECRET) -> str:
        return rig.people.witness(Typed(name, secret, HERE), "sven").words

    assert said("paul") == ""
    assert "another than sven" in said("sven") and "another than sven" in said("ada")
    assert said("paul", "something else here") == NO_FIT


def test_t15_there_is_no_user_until_the_code_made_one(tmp_path: Path) -> None:
    """No default password: names and secrets that others ship let nobody in, nor does the empty one."""
    rig = Rig(tmp_path / "access")
    assert rig.people.first_run and not rig.users.path.exists()
    for name in ("admin", "administrator", "service", "root", "kerma", "demonstration", ""):
        for secret in ("", "admin", "kerma", "password", "0000", "1234"):
            rig.hand.now_s += 1e4
            assert rig.enter(name, secret, source=name) == NO_FIT
    assert rig.people.set_up("ANY-CODE", "ada", SECRET, quiet) != "", "no code was drawn"
    code = rig.people.set_up_code()
    assert "set-up code" in rig.people.set_up(code[:-1] + "!", "ada", SECRET, quiet)
    assert "characters" in rig.people.set_up(code, "ada", "short", quiet)
    assert rig.people.set_up(code.lower().replace("-", " "), "ada", SECRET, quiet) == ""
    assert not rig.people.first_run
    assert rig.people.set_up(code, "eve", SECRET, quiet) == rig.people.set_up(code, "ada", SECRET, quiet) != ""
    person = rig.people.who(rig.enter("ada"), False)
    assert person is not None and person.role == "administrator"


def test_t15_the_code_ends_by_time_by_tries_and_is_another_each_time(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "access")
    code = rig.people.set_up_code()
    rig.hand.now_s += GOOD_FOR_S + 1
    assert "has ended" in rig.people.set_up(code, "ada", SECRET, quiet)
    again = rig.people.set_up_code()
    assert again != code
    for _ in range(TRIES):
        assert "not the set-up code" in rig.people.set_up(code, "ada", SECRET, quiet)
    assert "has ended" in rig.people.set_up(again, "ada", SECRET, quiet)
    assert not rig.users.path.exists()
