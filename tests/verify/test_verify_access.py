"""Verification of rights: wider, narrower, foreign workspaces, masks, shares, personal spaces."""

from __future__ import annotations

import pytest
from verify_world import ALICE, BOB, HOMES, PROJECTS, STAFF, build

from migrate.cells.models import Acl, LiveWorkspace
from migrate.verify import Difference, Options, verify

COMMON = "44444444-0000-4000-8000-000000000001"
PERSONAL = "44444444-0000-4000-8000-000000000002"


def only(verdict) -> Difference:
    assert len(verdict.differences) == 1, verdict.differences
    return verdict.differences[0]


def test_a_right_too_many_is_wider(world):
    ledger, reader = world
    reader.allow(BOB, "legacy/projects", "rw", PROJECTS)
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws1", "r", "rw", True)


def test_a_lost_right_is_narrower(world):
    ledger, reader = world
    reader.forbid(ALICE, "legacy/projects", "write")
    assert only(verify(ledger, reader)) == Difference("access", "alice: ws1", "rw", "r", False)


def test_a_deny_further_up_takes_everything_below(world):
    ledger, reader = world
    reader.allow(BOB, "DATASOURCE:legacy", "d")
    assert [(d.subject, d.source, d.target) for d in verify(ledger, reader).differences] == [("bob: ws1", "r", "none"), ("bob: ws2", "rw", "none")]


def test_read_without_the_workspace_does_not_show_it(world):
    ledger, reader = world
    reader.rules = [Acl(a.node, a.role, "" if a.role == BOB else a.workspace, a.action) for a in reader.rules]
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws2", "rw", "none", False)


def test_write_instead_of_read_is_both_and_therefore_wider(tmp_path):
    ledger, reader = build(tmp_path)
    reader.allow(BOB, "legacy/projects", "w", PROJECTS)
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws1", "r", "w", True)


def test_a_workspace_that_existed_and_is_open_to_all_is_seen_by_nobody_new(world):
    ledger, reader = world
    reader.spaces[COMMON] = LiveWorkspace(COMMON, "common-files", roots={"DATASOURCE:pydiods1": "pydiods1"}, default_rights="rw")
    reader.allow("ROOT_GROUP", "DATASOURCE:pydiods1", "rw", COMMON)
    found = verify(ledger, reader).differences
    assert [(d.subject.split(" ")[1], d.source, d.target, d.wider) for d in found] == [("common-files", "none", "rw", True)] * 2
    assert verify(ledger, reader, options=Options(allowed=frozenset({"common-files"}))).equal


def test_personal_files_nobody_had_are_named(world):
    ledger, reader = world
    reader.spaces[PERSONAL] = LiveWorkspace(PERSONAL, "personal-files", roots={"my-files": "my-files"})
    reader.allow("ROOT_GROUP", "my-files", "rw", PERSONAL)
    assert [d.subject.split(" ")[1] for d in verify(ledger, reader).differences] == ["personal-files", "personal-files"]
    reader.allow(ALICE, "my-files", "d")
    reader.allow(BOB, "my-files", "d")
    assert verify(ledger, reader).equal


def test_personal_files_stand_for_the_old_personal_workspace(world):
    ledger, reader = world
    ledger.replace_records("workspaces", [("ws3", {"id": "ws3", "label": "My Files", "scope": "user"})])
    ledger.replace_access([("alice", "ws3", "rw", "rw", None), ("bob", "ws3", "", "", None)])
    target = {"uuid": PERSONAL, "slug": "personal-files", "root": "my-files", "scope": "user", "existing": True}
    ledger.put_targets("workspaces", [("ws3", target)], replace=True)
    ledger.put_targets("roots", [("ws3\0alice\0", {"node": "my-files", "data_source": "personal", "path": "alice"})], replace=True)
    reader.rules, reader.nodes = [], {}
    ledger.end_scan(2)
    reader.spaces = {PERSONAL: LiveWorkspace(PERSONAL, "personal-files", "Personal Files", roots={"my-files": "my-files"})}
    reader.allow("ROOT_GROUP", "my-files", "rw", PERSONAL)
    reader.put_folder("personal/alice")
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws3", "none", "rw", True)


def test_somebody_elses_workspace_is_named(tmp_path):
    ledger, reader = build(tmp_path, access=[("alice", "ws1", "rw", "rw", None), ("alice", "ws2", "rw", "rw", None), ("bob", "ws2", "rw", "rw", None)])
    found = only(verify(ledger, reader))
    assert found.subject.startswith("bob: projects") and found.wider


def test_somebody_elses_folder_in_the_same_workspace_is_named(world):
    ledger, reader = world
    reader.allow(BOB, "legacy/homes/alice", "r", HOMES)
    found = only(verify(ledger, reader))
    assert (found.subject, found.target, found.wider) == ("bob: ws2 (folder legacy/homes/alice)", "r", True)


def without_folder(ledger, reader, node="legacy/homes/bob"):
    """bob never signed in on the old server: no old folder, an empty new one."""
    targets = [(key, body) for key, body in ledger.targets("roots") if "bob" not in key]
    ledger.put_targets("roots", targets, replace=True)
    reader.rules = [a for a in reader.rules if a.role != BOB]
    reader.put_folder(node)
    reader.allow(BOB, node, "rw", HOMES)


def test_somebody_without_an_old_folder_has_a_new_one(world):
    ledger, reader = world
    without_folder(ledger, reader)
    assert verify(ledger, reader).equal


def test_the_new_folder_of_one_is_not_the_folder_of_another(world):
    ledger, reader = world
    without_folder(ledger, reader, "legacy/homes/alice")
    assert sorted((d.target, d.wider) for d in verify(ledger, reader).differences) == [("none", False), ("rw", True)]


def test_two_people_without_old_folders_do_not_share_a_new_one(world):
    ledger, reader = world
    without_folder(ledger, reader)
    ledger.put_targets("roots", [("ws1\0\0", dict(ledger.targets("roots"))["ws1\0\0"])], replace=True)
    del reader.nodes["legacy/homes/alice"]
    reader.rules = [a for a in reader.rules if a.workspace != HOMES]
    for role in (ALICE, BOB):
        reader.allow(role, "legacy/homes/bob", "rw", HOMES)
    assert {(d.subject.split(":")[0], d.target) for d in verify(ledger, reader).differences} == {("bob", "rw"), ("bob", "none")}


def test_an_announced_loss_is_accepted_and_counted(tmp_path):
    ledger, reader = build(tmp_path, access=[("alice", "ws1", "rw", "rw", None), ("alice", "ws2", "rw", "rw", None),
                                             ("bob", "ws1", "rw", "r", "S3001"), ("bob", "ws2", "rw", "rw", None)])
    verdict = verify(ledger, reader)
    assert verdict.equal and verdict.accepted == {"S3001": 1}


def test_an_announced_loss_does_not_excuse_a_gain(tmp_path):
    ledger, reader = build(tmp_path, access=[("alice", "ws1", "rw", "rw", None), ("alice", "ws2", "rw", "rw", None),
                                             ("bob", "ws1", "", "", "S3001"), ("bob", "ws2", "rw", "rw", None)])
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws1", "none", "r", True)


def test_a_workspace_left_out_without_a_word_is_a_loss(tmp_path):
    ledger, reader = build(tmp_path, access=[("alice", "ws1", "rw", "rw", None), ("alice", "ws2", "rw", "rw", None), ("alice", "gone", "r", "", None),
                                             ("bob", "ws1", "r", "r", None), ("bob", "ws2", "rw", "rw", None)])
    assert only(verify(ledger, reader)) == Difference("access", "alice: gone", "r", "none", False)


MASKED = {"bob": {"ws1": {"/docs": ""}}}


def test_a_masked_folder_that_is_open_in_cells_is_not_overlooked(tmp_path):
    ledger, reader = build(tmp_path, paths=MASKED)
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws1:/docs", "none", "r", True)
    reader.allow(BOB, "legacy/projects/docs", "d")
    assert verify(ledger, reader).equal


def test_a_renamed_masked_folder_is_found_under_its_new_name(tmp_path):
    ledger, reader = build(tmp_path, paths=MASKED)
    ledger.update_files((row.id, {"target": row.path.decode().lstrip("/").replace("docs", "papers")}) for row in list(ledger.files()))
    for path in [p for p in reader.nodes if "/docs" in p]:
        del reader.nodes[path]
    reader.put_folder("legacy/projects/papers")
    reader.put_file("legacy/projects/papers/b.txt", b"beta")
    reader.put_file("legacy/projects/papers/empty", b"")
    assert only(verify(ledger, reader)).subject == "bob: ws1:/papers"
    reader.allow(BOB, "legacy/projects/papers", "d")
    assert verify(ledger, reader).equal


def test_a_folder_closed_without_reason_is_narrower(world):
    ledger, reader = world
    reader.allow(BOB, "legacy/projects/docs", "d")
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws1:/docs", "r", "none", False)


def test_a_folder_opened_without_reason_is_wider(world):
    ledger, reader = world
    reader.allow(BOB, "legacy/projects/docs", "rw")
    assert only(verify(ledger, reader)) == Difference("access", "bob: ws1:/docs", "r", "rw", True)


def test_only_a_sub_folder_was_visible_and_is_the_root_now(tmp_path):
    ledger, reader = build(tmp_path, paths={"bob": {"ws1": {"/": "", "/docs": "r"}}})
    reader.rules = [a for a in reader.rules if a.role != STAFF]
    reader.allow(BOB, "legacy/projects/docs", "r", PROJECTS)
    assert verify(ledger, reader).equal


@pytest.fixture
def shared(tmp_path):
    """alice gave bob /docs to write, as a share of her workspace."""
    ledger, reader = build(tmp_path, access=[("alice", "ws1", "rw", "rw", None), ("alice", "ws2", "rw", "rw", None), ("bob", "child", "rw", "rw", None),
                                             ("bob", "ws1", "r", "r", None), ("bob", "ws2", "rw", "rw", None)])
    ledger.put_targets("shares", [("child", {"kind": "cell", "uuid": COMMON, "slug": "docs", "owner": "alice"})])
    reader.spaces[COMMON] = LiveWorkspace(COMMON, "docs", "docs", scope="ROOM", roots={"n:legacy/projects/docs": "legacy/projects/docs"})
    reader.allow(BOB, "legacy/projects/docs", "rw", COMMON)
    return ledger, reader


def test_what_a_share_gave_may_show_in_the_workspace_around_it(shared):
    assert verify(*shared).equal


def test_a_share_that_gives_less_is_a_loss(shared):
    ledger, reader = shared
    reader.forbid(BOB, "legacy/projects/docs", "write")
    assert only(verify(ledger, reader)) == Difference("access", "bob: child", "rw", "r", False)


def test_pages_of_the_web_client_are_no_workspaces(world):
    ledger, reader = world
    reader.rules.append(Acl("homepage-ROOT", "ROOT_GROUP", "homepage", "read"))
    assert verify(ledger, reader).equal
