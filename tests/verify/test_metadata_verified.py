"""Verification reads back what people noted, and says so when something is missing or another thing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from migrate.cells.api import acls, activity, metadata, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.models import Acl, LiveWorkspace, User, data_source_root
from migrate.cells.models.notes import Field
from migrate.cells.reader import whoami
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.ledger import Ledger
from migrate.load.sessions import REFUSED, signed_in
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.metadata import notes_check

NODE = "pydiods1/file"


PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


class World:
    """A stand-in that holds one thing of each kind, and a ledger that says so."""

    def __init__(self, server: Sandbox, work: Path) -> None:
        self.session = Session(server.url, GivenToken(server.token))
        me = whoami(self.session)[0]
        self.ledger = Ledger.create(work)
        root = data_source_root("pydiods1")
        workspaces.put_workspace(self.session, LiveWorkspace("ws", "ws", "ws", "", "ADMIN", {root: "pydiods1"}))
        users.create_user(self.session, User("bob-uuid", "bob", attributes={"profile": "standard"}), "correct horse battery")
        users.set_avatar(self.session, "bob", PNG, "image/png")
        acls.add_acls(self.session, [Acl(root, who, "ws", right) for who in (me.uuid, "bob-uuid") for right in ("read", "write")], [])
        self.node = tree.create_folders(self.session, ["ws/file"])[0].uuid
        metadata.put_field(self.session, Field("usermeta-n", "N", '{"type": "string"}'))
        metadata.write_values(self.session, {(self.node, "usermeta-n"): '"x"'})
        activity.watch(self.session, "bob", self.node, ["change", "read"])
        acls.put_acl(self.session, Acl(root, "bob-uuid", "ws", "quota", "5"))
        token, _ = self.session.sign_in("bob", "correct horse battery")
        with self.session.as_somebody(GivenToken(token)) as bob:
            metadata.add_bookmarks(bob, [self.node])
        metadata.add_lock(self.session, self.node, "bob")
        for kind, body in {
            "metadata": {"node": NODE, "values": {"usermeta-n": '"x"'}}, "watches": {"node": NODE, "login": "bob", "events": ["change"]},
            "locks": {"node": NODE, "login": "bob"}, "bookmarks": {"node": NODE, "login": "bob"},
            "quotas": {"role": "bob-uuid", "workspace": "ws", "node": "pydiods1", "bytes": 5},
            "pictures": {"login": "bob", "sha256": hashlib.sha256(PNG).hexdigest()},
            "fields": {"namespace": "usermeta-n", "label": "N", "definition": '{"type": "string"}'},
        }.items():
            self.ledger.replace_records(kind, [("key", {})])
            self.ledger.put_targets(kind, [("key", body)])
            self.ledger.settle(kind, "key", "migrated")

    def differences(self, password: str | None = "correct horse battery") -> list[str]:
        verdict, known = Verdict(), SimpleNamespace(get=lambda kind, _key: password if kind == "user" else None)
        notes_check(self.ledger, self.session, lambda login, old: signed_in(self.session, self.ledger, known, login, old))(Expected.of(self.ledger), verdict)
        self.verdict = verdict
        return [d.kind for d in verdict.differences]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Sandbox() as server:
        found = World(server, tmp_path)
        yield found
        found.session.close()
        found.ledger.close()


def test_what_is_there_is_compared_and_equal(world: World):
    assert world.differences() == []
    assert {kind: n for kind, n in world.verdict.checked.items() if n} == dict.fromkeys(
        ("metadata", "watches", "locks", "bookmarks", "quotas", "pictures", "fields"), 1)


def test_each_spoilt_thing_is_found(world: World):
    metadata.remove_lock(world.session, world.node, "bob")
    assert world.differences() == ["locks"]
    metadata.write_values(world.session, {(world.node, "usermeta-n"): '"y"'})
    activity.watch(world.session, "bob", world.node, ["read"])
    acls.delete_acl(world.session, Acl(data_source_root("pydiods1"), "bob-uuid", "ws", "quota", "5"))
    metadata.delete_field(world.session, "usermeta-n")
    users.put_user(world.session, User("bob-uuid", "bob", attributes={"profile": "standard"}))
    assert sorted(world.differences()) == ["fields", "locks", "metadata", "pictures", "quotas", "watches"]
    token, _ = world.session.sign_in("bob", "correct horse battery")
    with world.session.as_somebody(GivenToken(token)) as bob:
        metadata.remove_bookmarks(bob, [world.node])
    assert "bookmarks" in world.differences()


def test_a_picture_is_compared_byte_by_byte(world: World):
    users.set_avatar(world.session, "bob", PNG + b"1", "image/png")
    assert world.differences() == ["pictures"]


def test_bookmarks_that_cannot_be_read_are_told_and_a_refused_password_is_not_tried_again(world: World):
    assert world.differences("wrong password") == [] and world.ledger.get(REFUSED) == ["bob"]
    assert [f.code for f in world.verdict.findings] == ["F6201"]
    world.session.sign_in = lambda *_: pytest.fail("it was tried again")  # type: ignore[method-assign]
    assert world.differences("wrong password") == []


def test_what_was_left_out_is_not_asked_for(world: World):
    world.ledger.settle("metadata", "key", "skipped", "S2705")
    metadata.remove_lock(world.session, world.node, "bob")
    metadata.write_values(world.session, {(world.node, "usermeta-n"): '"y"'})
    assert world.differences() == ["locks"]
