"""How each person signs in: the policy, the mapping file, and what the old server knew of them decide."""

from __future__ import annotations

import pytest

from migrate.extract.records import Login, User
from migrate.transform.mapping import UserLine
from migrate.transform.ways import EXISTING, KEPT, NONE, RESET, TEMPORARY, PasswordPolicy
from migrate.workflow.keeping import Choice

MD5 = "161ebd7d45089b3446ee4e0d86dbcf92"


def person(scheme: str = "md5", **more: object) -> User:
    return User(Login("ann"), password_scheme=scheme, password_hash=MD5 if scheme == "md5" else None, **more)  # type: ignore[arg-type]


def way(user: User, default: str, asked: str = "", auth: str = "sql", existing: bool = False) -> tuple[str, str | None]:
    found, why = Choice(default).policy(auth).way(user, UserLine("ann", password=asked), existing=existing)
    return found, why.code if why else None


@pytest.mark.parametrize("scheme", ["md5", "pbkdf2_sha256"])
@pytest.mark.parametrize("auth", ["sql", "serial", "custom_db", "remote", "ldap,sql"])
def test_a_stored_form_of_the_old_server_itself_is_kept_whatever_driver_held_it(scheme: str, auth: str) -> None:
    assert way(person(scheme), "keep", auth=auth) == (KEPT, None)


@pytest.mark.parametrize(("scheme", "why"), [("unknown", "F2801"), ("none", "F2802")])
def test_what_cannot_be_kept_becomes_a_temporary_password_with_the_reason(scheme: str, why: str) -> None:
    assert way(person(scheme), "keep") == (TEMPORARY, why)


@pytest.mark.parametrize("default", ["keep", "none", "reset", "temporary"])
@pytest.mark.parametrize("auth", ["ldap", "cas"])
def test_people_of_a_directory_get_no_password_whatever_the_default(default: str, auth: str) -> None:
    assert way(person("none", directory=True, email="a@b.example"), default, auth=auth) == (NONE, "F2803")


def test_copies_of_directory_accounts_are_kept_only_where_somebody_says_that_they_were_local() -> None:
    copied = person(directory=True)
    assert way(copied, "keep", auth="ldap,sql") == (NONE, "F2803")
    assert way(copied, "none", asked="keep", auth="ldap,sql") == (KEPT, None)
    assert way(person("none", directory=True), "none", asked="keep", auth="ldap,sql") == (NONE, "F2803")
    assert way(copied, "keep", asked="temporary", auth="ldap,sql") == (TEMPORARY, None)


def test_a_mail_needs_an_address() -> None:
    assert way(person(email="a@b.example"), "reset") == (RESET, None)
    assert way(person(), "reset") == (TEMPORARY, "F2804")


@pytest.mark.parametrize("asked", ["", "keep", "temporary", "reset", "none"])
def test_an_account_that_cells_had_keeps_its_own_password(asked: str) -> None:
    assert way(person(email="a@b.example"), "keep", asked=asked, existing=True) == (EXISTING, None)


def test_only_temporary_passwords_have_to_be_changed() -> None:
    policy = PasswordPolicy("keep")
    assert not policy.must_be_changed(person(), None) and policy.must_be_changed(person("none"), None)
    assert not PasswordPolicy("temporary", must_change=False).must_be_changed(person(), None)


def test_a_temporary_password_begins_with_a_letter_or_digit_whatever_the_alphabet() -> None:
    assert {Choice("temporary", length=12, alphabet="=+-@a").make(8)[0] for _ in range(50)} == {"a"}
    assert len(Choice("temporary", length=12, alphabet="=+-@").make(16)) == 16
