"""Before any plan the assessment says what this installation is, what comes across, what does not and why, and what to do first."""

from __future__ import annotations

import pytest

from migrate.errors import Finding
from migrate.ledger import Ledger
from migrate.report import html
from migrate.workflow.appraising import CARRIED, appraise, carried_kinds
from migrate.workflow.survey import REST


def share(**link):
    return {"label": "s", "problem": None, "link": {"hash": "abc", **link} if link else None}


@pytest.fixture
def ledger(tmp_path):
    with Ledger.create(tmp_path) as ledger:
        ledger.put("installation", {"application": "AjaXplorer", "version": "4.2.3", "conf": "serial", "auth": "ldap,serial", "database": None,
                                    "install_path": "/var/www/old"})
        people = {"ann": {"admin": True, "group": "/", "password_scheme": "md5", "email": "a@x"}, "bob": {"admin": True, "group": "/staff"},
                  "dir": {"directory": True, "password_scheme": "none"}, "ext": {"parent": "ann", "locks": ["logout"]}}
        ledger.replace_records("users", [(login, {"login": login, **body}) for login, body in people.items()])
        spaces = {"a": {"driver": "fs", "label": "Docs"}, "b": {"driver": "sftp", "label": "Far"}, "c": {"driver": "s3", "options": {"SECRET_KEY": "x"}},
                  "d": {"driver": "ajxp_home"}, "e": {"driver": "fs", "template": True}, "f": {"driver": "fs", "options": {"META_SOURCES": {"meta.mount": {}}}}}
        ledger.replace_records("workspaces", spaces.items())
        ledger.replace_records("roots", [("a\0\0", {"workspace": "a", "missing": False}), ("f\0bob\0", {"workspace": "f", "user": "bob", "missing": True})])
        ledger.replace_records("roles", [("R", {"label": "Masked", "masks": {"a": {"/x": "r"}}})])
        ledger.replace_records("shares", [("1", share(restricted=True)), ("2", share(expired=True)), ("3", {**share(), "problem": "F1708"}),
                                          ("4", share(download_limit=2, download_count=2)), ("5", share(login_required=True))])
        files = [(b"/big", 5000, False), (b"/caf\xe9", 10, False), (b"/50%", 1, False), (b"/bin/x", 1, True)]
        ledger.scan_files([{"root": "a\0\0", "path": p, "type": "file", "size": s, "mtime": 1, "recycle": r} for p, s, r in files], 1)
        ledger.replace_findings("extract", [Finding("F1206", "warning", "users", "ann", "otp", "Set it up again.")])
        yield ledger


def test_it_says_what_this_installation_is(ledger):
    said = " ".join(appraise(ledger)["sentences"])
    assert "AjaXplorer 4.2.3, installed in /var/www/old" in said
    assert "accounts come from ldap and serial" in said
    assert "4 people, 1 of them administrators, 1 external, 1 locked, 1 from a directory" in said
    assert "4 files" in said and "5 shares (4 with a link)" in said


def test_what_does_not_come_across_is_counted_with_its_reason(ledger):
    lacks = {row["what"]: row for row in appraise(ledger)["lacks"]}
    counted = {what: row["number"] for what, row in lacks.items()}
    assert counted == {
        "Workspaces on another server": 1, "Workspaces in an object store": 1, "Workspaces that are mounted or encrypted on use": 1,
        "Workspaces with stored credentials": 1, "Templates of workspaces": 1, "Pages of the old application": 1, "Accounts of a directory": 1,
        "Administrators of one group": 1, "Roles with masks on paths": 1, "Shares that cannot be trusted": 1, "Links for named visitors only": 1,
        "Links that ask for an account": 1, "Links that have expired or are used up": 2, "Things in recycle bins": 1, "Files and folders with other names": 2,
        "Folders of workspaces that are not in the copy": 1, "Second factors": 1}
    assert lacks["Workspaces on another server"]["examples"] == ["Far (sftp)"]
    assert all(row["why"] and row["todo"] for row in lacks.values())


def test_names_are_counted_by_the_rule_that_changes_them(ledger):
    assert appraise(ledger)["names"] == {"charset": 1, "characters": 1}


def test_the_largest_files_and_the_steps_before_are_named(ledger):
    told = appraise(ledger)
    assert told["largest"][0] == {"workspace": "Docs", "path": "/big", "bytes": 5000}
    assert any("plain MD5" in step for step in told["before"])
    assert any("1 folders that are missing" in step for step in told["before"])


def test_what_the_program_carries_is_what_its_parts_say():
    assert carried_kinds() <= set(REST)
    assert {"shares", "metadata", "bookmarks"} <= carried_kinds()
    assert set(CARRIED) >= set(REST)


def test_a_kind_that_nothing_carries_is_among_the_losses(ledger, monkeypatch):
    monkeypatch.setattr("migrate.workflow.appraising.carried_kinds", lambda: frozenset(REST) - {"shares"})
    told = appraise(ledger)
    assert "shares" not in {row["kind"] for row in told["comes"]}
    assert CARRIED["shares"] in {row["what"] for row in told["lacks"]}


def test_the_page_shows_it_and_no_name_becomes_markup(ledger, tmp_path):
    ledger.replace_records("workspaces", [("b", {"driver": "sftp", "label": "<script>x</script>"})])
    ledger.put("appraisal", appraise(ledger))
    text = html.write_assessment(ledger, tmp_path / "page.html").read_text("utf-8")
    assert "What this installation is" in text and "Workspaces on another server" in text and "What to do before" in text
    assert "<script>" not in text
