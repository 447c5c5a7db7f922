"""Verification says of kept passwords what it proved: stored, not stored yet, changed since, or that nothing was tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate.cells.stored_forms import old_form
from migrate.ledger import Ledger
from migrate.verify import passwords as checks
from migrate.verify.difference import Verdict


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger.create(tmp_path)
    made.replace_records("users", [("bob", {"locks": []}), ("dave", {"locks": ["logout"]}), ("eve", {"locks": []})])
    ways = {"bob": "kept", "dave": "kept", "eve": "temporary"}
    made.put_targets("users", [(login, {"login": login, "uuid": "u-" + login, "password": way}) for login, way in ways.items()])
    return made


def verdict_of(ledger: Ledger, forms: dict[str, str]) -> Verdict:
    verdict = Verdict()
    checks.stored(ledger, lambda login: "form of " + login, lambda uuids: {u: forms[u] for u in uuids if u in forms}, lambda _: "generated")(None, verdict)
    return verdict


def test_what_is_stored_as_on_the_old_server_is_proven(ledger: Ledger) -> None:
    verdict = verdict_of(ledger, {"u-bob": "form of bob", "u-dave": "form of dave"})
    assert verdict.equal and verdict.checked["stored passwords"] == 2


def test_a_password_that_is_not_stored_yet_is_a_difference(ledger: Ledger) -> None:
    verdict = verdict_of(ledger, {"u-bob": old_form("generated", "pbkdf2_sha256"), "u-dave": "form of dave"})
    assert [(d.subject, d.target) for d in verdict.differences] == [("bob", "not stored yet")]


def test_a_person_who_chose_a_new_password_is_no_difference(ledger: Ledger) -> None:
    verdict = verdict_of(ledger, {"u-bob": old_form("bob's own", "pbkdf2_sha256"), "u-dave": "form of dave"})
    assert verdict.equal and [f.code for f in verdict.findings] == ["F6141"]


def test_an_account_without_a_row_is_a_difference(ledger: Ledger) -> None:
    assert [d.subject for d in verdict_of(ledger, {"u-dave": "form of dave"}).differences] == ["bob"]


def test_that_nothing_was_tried_is_said(ledger: Ledger) -> None:
    verdict = Verdict()
    checks.unproven(ledger)(None, verdict)
    assert verdict.equal and [(f.code, f.subject) for f in verdict.findings] == [("F6140", "2")]
