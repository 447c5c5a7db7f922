"""The plan decides how each person signs in; on doubt it makes a temporary password, and it never touches an account it did not make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate.extract.records import User
from migrate.transform.actions import ClearHashJob, RequestReset, RestoreHashes, StoreHashes, from_json
from migrate.transform.mapping import UserLine
from migrate.transform.passwords import BY_INTERNAL_CALL, CASE_MATTERS, SCRIPT_TO_RUN, Passwords
from migrate.transform.people import Person
from migrate.transform.ways import DIRECTORY, NO_MAIL, NO_STORED, UNKNOWN_SCHEME, PasswordPolicy

BOB = User("bob", password_scheme="pbkdf2_sha256", email="bob@example.org")
KEEP = PasswordPolicy("keep")


def way(user: User, policy: PasswordPolicy = KEEP, asked: str = "", existing: bool = False) -> tuple[str, str | None]:
    found, why = policy.way(user, UserLine(user.login, password=asked) if asked else None, existing=existing)
    return found, why.code if why else None


@pytest.mark.parametrize("scheme", ["pbkdf2_sha256", "md5"])
def test_known_schemes_are_kept(scheme: str) -> None:
    assert way(replace(BOB, password_scheme=scheme)) == ("kept", None)


@pytest.mark.parametrize(("user", "policy", "wanted"), [
    (replace(BOB, password_scheme="unknown"), KEEP, ("temporary", UNKNOWN_SCHEME.code)),
    (replace(BOB, password_scheme="none"), KEEP, ("temporary", NO_STORED.code)),
    (replace(BOB, directory=True), KEEP, ("none", DIRECTORY.code)),
    (BOB, replace(KEEP, directory=True), ("none", DIRECTORY.code)),
    (BOB, PasswordPolicy(), ("temporary", None)),
    (BOB, PasswordPolicy("none"), ("none", None)),
    (BOB, PasswordPolicy("reset"), ("reset", None)),
    (replace(BOB, email=None), PasswordPolicy("reset"), ("temporary", NO_MAIL.code)),
])
def test_what_cannot_be_given_is_said_and_replaced(user: User, policy: PasswordPolicy, wanted: tuple[str, str | None]) -> None:
    assert way(user, policy) == wanted


def test_the_mapping_file_decides_for_single_people() -> None:
    assert way(BOB, asked="temporary") == ("temporary", None)
    assert way(BOB, PasswordPolicy("none"), asked="keep") == ("kept", None)
    assert way(replace(BOB, directory=True), asked="temporary") == ("temporary", None)


def test_an_account_that_was_there_before_keeps_its_own_password_whatever_is_asked() -> None:
    assert way(BOB, asked="temporary", existing=True) == ("existing", None)


def test_only_temporary_passwords_have_to_be_changed() -> None:
    assert PasswordPolicy().must_be_changed(BOB, None)
    assert not PasswordPolicy(must_change=False).must_be_changed(BOB, None)
    assert not KEEP.must_be_changed(BOB, None)


class People:
    """Records and look-up of a few people; `there`: logins Cells has, `others`: accounts made by somebody else."""

    def __init__(self, *users: User, there: tuple[str, ...] = (), others: tuple[str, ...] = ()) -> None:
        self.list, self.others = users, others
        self.target = type("Target", (), {"users": dict.fromkeys(there)})()

    def users(self):
        return iter(self.list)

    def person(self, login: str) -> Person | None:
        user = next(u for u in self.list if u.login == login)
        return Person(user, login, "uuid-" + login, existing=login in self.others)


def part(people: People, route: str = "sql", default: str = "keep", **more) -> Passwords:
    return Passwords(people, people, {}, PasswordPolicy(default, route), **more)


def stored(passwords: Passwords) -> list[str]:
    return [login for action, _ in passwords.actions if isinstance(action, StoreHashes) for login in action.logins]


def test_passwords_go_to_new_accounts_and_to_those_still_waiting_only() -> None:
    people = People(BOB, replace(BOB, login="old"), replace(BOB, login="waits"), replace(BOB, login="theirs"), there=("old", "waits", "theirs"),
                    others=("theirs",))
    assert stored(part(people, waiting=frozenset({"uuid-waits"}))) == ["bob", "waits"]


def test_people_are_taken_in_chunks_and_the_job_is_cleared_in_the_end() -> None:
    people = People(*(replace(BOB, login=f"u{n:03}") for n in range(65)))
    actions = [action for action, _ in part(people, "rpc").actions]
    assert [len(a.logins) for a in actions if isinstance(a, StoreHashes)] == [30, 30, 5]
    assert isinstance(actions[-1], ClearHashJob)
    assert len({a.id for a in actions}) == 4


def test_a_script_needs_no_action_but_says_that_it_is_to_be_run() -> None:
    passwords = part(People(BOB), "script")
    assert list(passwords.actions) == []
    assert [f.code for f in passwords.findings] == [SCRIPT_TO_RUN.code]
    assert [f.code for f in part(People(BOB), "rpc").findings] == [BY_INTERNAL_CALL.code]


def test_mails_are_asked_for_once() -> None:
    assert [(type(a), done) for a, done in part(People(BOB), default="reset").actions] == [(RequestReset, False)]
    assert [done for _, done in part(People(BOB, there=("bob",)), default="reset").actions] == [True]


def test_whom_the_case_of_letters_may_hit_is_listed_where_the_old_server_ignored_it() -> None:
    people = People(replace(BOB, login="Mallory"), BOB)
    assert [f.subject for f in part(people, any_case=True).findings if f.code == CASE_MATTERS.code] == ["Mallory"]
    assert not [f for f in part(people).findings if f.code == CASE_MATTERS.code]


def test_refused_ones_keep_their_temporary_password() -> None:
    assert list(part(People(BOB), refused={"uuid-bob": "bob"}).targets) == [("users", "bob", {"login": "bob", "uuid": "uuid-bob", "password": "temporary"})]


def test_actions_hold_no_stored_password_and_survive_the_ledger() -> None:
    action = StoreHashes("sql", ("bob",), ("uuid-bob",), ("bob",))
    assert from_json(action.to_json()) == action
    assert action.reverse() == RestoreHashes("sql", ("bob",), ("uuid-bob",))
    assert "sha256:1000" not in action.to_json()
