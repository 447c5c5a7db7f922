"""The same comparison over HTTP: a real client against the stand-in, spoilt afterwards; and sign-ins of real people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from verify_world import ALICE, BOB

from migrate.cells.api import acls, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.models import Acl, LiveWorkspace, User
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.ledger import Ledger
from migrate.verify import Verdict, verify
from migrate.verify.logins import PasswordsUnsafe, check_logins, read_passwords
from migrate.verify.target import CellsReader

WS = "55555555-0000-4000-8000-000000000001"
PASSWORDS = {"alice": "correct horse battery", "bob": "staple staple staple"}


@dataclass
class Scene:
    """alice (rw) and bob (r) on `pydiods1/projects` with a folder in it; `loader` may write there."""

    ledger: Ledger
    session: Session
    server: Sandbox

    def verify(self) -> Verdict:
        return verify(self.ledger, CellsReader(self.session))

    def node(self, path: str) -> str:
        found = tree.admin_stat(self.session, path)
        assert found is not None
        return found.uuid


@pytest.fixture(params=["4.1", "3.0.9", "5"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    with Sandbox(profile=request.param) as server, Session(server.url, GivenToken(server.token)) as session, Ledger.create(tmp_path) as ledger:
        admin = next(u for u in users.search_users(session) if u.profile == "admin")
        desk = LiveWorkspace("desk", "desk", "Desk", roots={"DATASOURCE:pydiods1": "pydiods1"})
        workspaces.put_workspace(session, desk)
        for action in ("read", "write"):
            acls.put_acl(session, Acl("DATASOURCE:pydiods1", admin.uuid, "desk", action))
        tree.create_folders(session, ["desk/projects", "desk/projects/docs"])
        for login, uuid in (("alice", ALICE), ("bob", BOB)):
            users.create_user(session, User(uuid, login, "/", (), {"profile": "standard", "displayName": login.title()}), PASSWORDS[login])
        root = tree.admin_stat(session, "pydiods1/projects")
        workspaces.put_workspace(session, LiveWorkspace(WS, "projects", "Projects", roots={root.uuid: root.path}))
        for role, action in ((ALICE, "read"), (ALICE, "write"), (BOB, "read")):
            acls.put_acl(session, Acl(root.uuid, role, WS, action))
        for space in workspaces.search_workspaces(session, scope="ADMIN"):
            if space.slug in ("common-files", "personal-files"):  # what the plan does: nobody sees what they did not see before
                for role in (ALICE, BOB):
                    acls.put_acl(session, Acl(next(iter(space.roots)), role, "", "policy", "none") if space.slug == "common-files"
                                 else Acl("my-files", role, "", "deny"))
        fill(ledger)
        yield Scene(ledger, session, server)


def fill(ledger: Ledger) -> None:
    people = {login: {"login": login, "group": "/", "profile": "standard", "display_name": login.title(), "roles": [], "applied_roles": []}
              for login in PASSWORDS}
    ledger.replace_records("users", people.items())
    ledger.replace_records("workspaces", [("ws1", {"id": "ws1", "label": "Projects", "scope": "shared"})])
    ledger.replace_access([("alice", "ws1", "rw", "rw", None), ("bob", "ws1", "r", "r", None)])
    ledger.put_targets("users", [(login, {"login": login, "uuid": uuid, "password": "reset"}) for login, uuid in (("alice", ALICE), ("bob", BOB))])
    ledger.put_targets("workspaces", [("ws1", {"uuid": WS, "slug": "projects", "root": "pydiods1/projects", "scope": "shared"})])
    ledger.put_targets("roots", [("ws1\0\0", {"node": "pydiods1/projects"})])
    ledger.scan_files([{"root": "ws1\0\0", "path": b"/docs", "type": "dir", "size": None, "mtime": 1, "recycle": False}], 1)


def test_what_was_made_right_has_no_difference(scene):
    verdict = scene.verify()
    assert verdict.differences == [] and verdict.checked == {"users": 2, "workspaces": 1, "files": 1, "access": 2}
    assert not verdict.findings


def test_every_tampering_is_seen_over_http(scene):
    acls.put_acl(scene.session, Acl(scene.node("pydiods1/projects/docs"), BOB, "", "write"))
    tree.create_folders(scene.session, ["desk/projects/intruder"])
    found = {(d.kind, d.subject, d.target, d.wider) for d in scene.verify().differences}
    assert found == {("access", "bob: ws1:/docs", "w", True), ("files", "pydiods1/projects/intruder", "extra folder", False)}


def test_a_missing_data_source_shows_as_missing_files(scene):
    scene.ledger.put_targets("roots", [("ws1\0\0", {"node": "legacy/projects"})])
    found = [(d.kind, d.target) for d in scene.verify().differences if d.kind == "files"]
    assert found == [("files", "missing")]


def test_verification_sends_no_write(scene):
    before = scene.session.requests.write
    scene.verify()
    assert scene.session.requests.write == before


def test_people_who_sign_in_find_what_was_planned(scene):
    verdict = Verdict()
    check_logins(scene.ledger, scene.session, PASSWORDS, verdict, probe=True)
    assert verdict.differences == [] and verdict.findings == [] and verdict.checked["sign-ins"] == 2
    assert [n.path for n in tree.admin_list(scene.session, "pydiods1/projects") if "migration-check" in n.path] == []


def test_a_sign_in_shows_a_right_too_many(scene):
    acls.put_acl(scene.session, Acl(scene.node("pydiods1/projects"), BOB, WS, "write"))
    verdict = Verdict()
    check_logins(scene.ledger, scene.session, {"bob": PASSWORDS["bob"]}, verdict)
    assert [(d.subject, d.source, d.target, d.wider) for d in verdict.differences] == [("bob: ws1 (signed in)", "r", "rw", True)]


def test_a_wrong_password_is_tried_once_and_said(scene):
    verdict = Verdict()
    check_logins(scene.ledger, scene.session, {"bob": "wrong"}, verdict)
    assert [f.code for f in verdict.findings] == ["F6110"] and "wrong" not in verdict.findings[0].message


def test_a_password_file_that_others_may_read_is_refused(tmp_path):
    path = tmp_path / "passwords.csv"
    path.write_text('alice,"a,b"\n')
    os.chmod(path, 0o644)
    with pytest.raises(PasswordsUnsafe, match="others may read it"):
        read_passwords(path)
    os.chmod(path, 0o600)
    assert read_passwords(path) == {"alice": "a,b"}
    path.write_text("alice,secret,token,more\n")
    with pytest.raises(PasswordsUnsafe) as error:
        read_passwords(path)
    assert "secret" not in str(error.value)
