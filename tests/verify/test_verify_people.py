"""Verification of people, groups, roles, teams: each planted fault is found, and nothing else."""

from __future__ import annotations

import dataclasses

import pytest
from verify_world import ALICE, AUDITORS, BOB, EDITORS, STAFF, TEAM, build, user_body

from migrate.cells.models import Role
from migrate.errors import Finding
from migrate.ledger import State
from migrate.transform.actions import CreateUser
from migrate.verify import Difference, verify


def only(verdict) -> Difference:
    assert len(verdict.differences) == 1, verdict.differences
    return verdict.differences[0]


def test_the_right_server_has_no_difference(world):
    verdict = verify(*world)
    assert verdict.differences == []
    assert verdict.equal and verdict.exit_status == 0
    assert verdict.checked["users"] == 2 and verdict.checked["access"] == 4 and verdict.checked["files"] == 5


def test_a_missing_user_is_named(world):
    ledger, reader = world
    ledger.replace_access([])
    del reader.user_list["bob"]
    assert only(verify(ledger, reader)) == Difference("users", "bob", "account bob", "missing")


def test_a_missing_user_has_lost_his_access_too(world):
    ledger, reader = world
    del reader.user_list["bob"]
    assert [(d.kind, d.subject) for d in verify(ledger, reader).differences] == [("users", "bob"), ("access", "bob: ws1"), ("access", "bob: ws2")]


def test_an_account_with_another_uuid_is_a_difference(world):
    ledger, reader = world
    reader.user_list["bob"] = dataclasses.replace(reader.user_list["bob"], uuid="other")
    kinds = [(d.kind, d.source) for d in verify(ledger, reader).differences]
    assert ("users", f"uuid {BOB}") in kinds


def test_somebody_else_with_a_uuid_of_ours_is_named(world):
    ledger, reader = world
    reader.user_list["mallory"] = dataclasses.replace(reader.user_list["bob"], login="mallory")
    found = only(verify(ledger, reader))
    assert (found.kind, found.subject, found.wider) == ("users", "mallory", True)


@pytest.mark.parametrize(("attribute", "value", "target"), [
    ("displayName", "Robert", "display name Robert"), ("email", "x@y.z", "e-mail x@y.z"),
    ("email", "", "e-mail none"), ("profile", "shared", "profile shared")])
def test_a_wrong_attribute_is_named(world, attribute, value, target):
    ledger, reader = world
    reader.change_user("bob", attributes={**reader.user_list["bob"].attributes, attribute: value})
    found = only(verify(ledger, reader))
    assert (found.kind, found.subject, found.target, found.wider) == ("users", "bob", target, False)


def test_an_administrator_who_was_none_is_wider(world):
    ledger, reader = world
    reader.change_user("bob", attributes={**reader.user_list["bob"].attributes, "profile": "admin"})
    assert only(verify(ledger, reader)).wider


def test_a_wrong_group_is_named(world):
    ledger, reader = world
    reader.change_user("bob", group_path="/")
    assert only(verify(ledger, reader)) == Difference("users", "bob", "group /staff", "group /")


def test_a_lost_lock_is_wider(tmp_path):
    ledger, reader = build(tmp_path, users={"alice": user_body("alice", locks=["logout"]), "bob": user_body("bob")})
    assert only(verify(ledger, reader)) == Difference("users", "alice", "locked (logout)", "not locked", True)
    reader.change_user("alice", attributes={**reader.user_list["alice"].attributes, "locks": '["logout"]'})
    assert verify(ledger, reader).equal


def test_a_lock_that_is_not_json_locks_nobody(tmp_path):
    ledger, reader = build(tmp_path, users={"alice": user_body("alice", locks=["logout"]), "bob": user_body("bob")})
    reader.change_user("alice", attributes={**reader.user_list["alice"].attributes, "locks": "logout"})
    assert only(verify(ledger, reader)).target == "not locked"


def test_roles_in_another_order_are_a_difference(world):
    ledger, reader = world
    reader.change_user("bob", roles=("ROOT_GROUP", STAFF, AUDITORS, EDITORS, TEAM, BOB))
    assert only(verify(ledger, reader)) == Difference("users", "bob", "roles in order EDITORS, AUDITORS", "roles in order AUDITORS, EDITORS")


def test_the_order_of_roles_does_not_count_where_the_server_keeps_none(world):
    ledger, reader = world
    reader.ordered = False
    reader.change_user("bob", roles=("ROOT_GROUP", STAFF, AUDITORS, EDITORS, TEAM, BOB))
    assert verify(ledger, reader).equal


def test_a_guest_has_none_of_the_roles_that_did_not_count(tmp_path):
    users = {"alice": user_body("alice"), "bob": user_body("bob", parent="alice", applied_roles=[])}
    ledger, reader = build(tmp_path, users=users)
    profile = {**reader.user_list["bob"].attributes, "profile": "shared"}
    reader.change_user("bob", attributes=profile, roles=(STAFF, TEAM, BOB))
    assert verify(ledger, reader).equal
    reader.change_user("bob", roles=(STAFF, EDITORS, TEAM, BOB))
    assert only(verify(ledger, reader)) == Difference("users", "bob", "role not given", "role EDITORS", True)


def test_a_missing_role_is_named(world):
    ledger, reader = world
    reader.change_user("bob", roles=("ROOT_GROUP", STAFF, EDITORS, TEAM, BOB))
    assert only(verify(ledger, reader)) == Difference("users", "bob", "role AUDITORS", "role missing")


def test_a_role_nobody_gave_is_wider(tmp_path):
    ledger, reader = build(tmp_path, users={"alice": user_body("alice"), "bob": user_body("bob", roles=["EDITORS"], applied_roles=["EDITORS"])})
    assert only(verify(ledger, reader)) == Difference("users", "bob", "role not given", "role AUDITORS", True)


def test_a_lost_team_member_is_named(world):
    ledger, reader = world
    reader.change_user("bob", roles=("ROOT_GROUP", STAFF, EDITORS, AUDITORS, BOB))
    assert only(verify(ledger, reader)) == Difference("teams", "alice/t1", "member bob", "not a member")


def test_a_team_member_too_many_is_wider(world):
    ledger, reader = world
    reader.change_user("alice", roles=("ROOT_GROUP", STAFF, EDITORS, AUDITORS, TEAM, ALICE))
    found = only(verify(ledger, reader))
    assert (found.kind, found.target, found.wider) == ("teams", "member alice", True)


def test_a_missing_role_object_is_named(world):
    ledger, reader = world
    reader.role_list = [r for r in reader.role_list if r.uuid != AUDITORS]
    assert only(verify(ledger, reader)) == Difference("roles", "AUDITORS", "Auditors", "missing")


def test_a_team_that_became_an_ordinary_role_is_named(world):
    ledger, reader = world
    reader.role_list = [Role(r.uuid, r.label) for r in reader.role_list]
    assert only(verify(ledger, reader)).target == "role"


def test_a_missing_group_is_named(world):
    ledger, reader = world
    reader.group_list = []
    assert only(verify(ledger, reader)) == Difference("groups", "/staff", "group /staff", "missing")


def test_a_user_neither_carried_nor_announced_is_a_difference(world):
    ledger, reader = world
    ledger.replace_records("users", {"alice": user_body("alice"), "bob": user_body("bob"), "carol": user_body("carol")}.items())
    assert only(verify(ledger, reader)).subject == "carol"
    ledger.settle("users", "carol", "skipped", "S2001")
    assert verify(ledger, reader).equal


def test_a_deviation_counts_unless_the_plan_said_so(world):
    ledger, reader = world
    reader.change_user("bob", attributes={**reader.user_list["bob"].attributes, "email": ""})
    plan = CreateUser(BOB, "bob", "/staff", {"profile": "standard", "displayName": "Bob"}, (EDITORS, AUDITORS), record="bob")
    ledger.replace_plan([(plan, State.PLANNED)])
    assert only(verify(ledger, reader)).target == "e-mail none"
    ledger.replace_findings("plan", [Finding("F2999", "warning", "users", "bob", "The address is no address.", "")])
    assert verify(ledger, reader).equal


def test_an_account_that_was_in_cells_before_keeps_its_own_things(world):
    ledger, reader = world
    ledger.put_targets("users", [("bob", {"login": "bob", "uuid": BOB, "password": "existing"})])
    reader.change_user("bob", attributes={"profile": "admin", "displayName": "Bobby"})
    assert verify(ledger, reader).equal


def test_characters_an_old_server_cannot_store_are_no_difference(tmp_path):
    ledger, reader = build(tmp_path, users={"alice": user_body("alice", display_name="Alice 🎈"), "bob": user_body("bob")})
    reader.change_user("alice", attributes={**reader.user_list["alice"].attributes, "displayName": "Alice "})
    assert verify(ledger, reader).equal


def test_the_verdict_is_kept_for_the_report(world):
    ledger, reader = world
    reader.change_user("bob", group_path="/")
    verify(ledger, reader)
    kept = ledger.get("verify")
    assert kept["equal"] is False and kept["differences"][0]["subject"] == "bob"
    assert [f.code for _, f in ledger.findings("verify")] == ["F6103", "F6107"]
