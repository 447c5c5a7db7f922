"""What roles, groups and teams say, in the forms of all versions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from people_world import CLEAR, add_role, add_user, mask, old_role, person, rights, role_object
from world import World, php

from migrate.extract.groups import read_groups
from migrate.extract.masks import DENY, READ, WRITE, BadMask, leaves, merge, read_mask
from migrate.extract.php.values import PhpObject
from migrate.extract.roles import StoredRole, left_behind, read_role, role_record
from migrate.extract.store import Unreadable
from migrate.extract.teams import read_teams
from migrate.rights import Right


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def record(value, report=lambda entry: None):
    return role_record(read_role("x", value, report))


def test_clear_and_unknown_letters_are_clear_and_empty_stays_empty():
    role = record(role_object({"a": "rw", "b": CLEAR, "c": "", "d": "n", "e": "d", "0": "w"}))
    assert role.acls == {"a": "rw", "b": "clear", "c": "", "d": "clear", "e": "clear", "0": "w"}


def test_an_old_role_mixes_rights_and_actions():
    role = record(old_role({"0": "r", "ajxp.actions": {"ajxp.all": {"upload": False}}}, default=True))
    assert role.acls == {"0": "r"}
    assert role.applies == ("all",)
    assert role.actions == {"AJXP_REPO_SCOPE_ALL": {"plugin.all": {"upload": False}}}


def test_masks_become_paths_with_rights():
    tree = mask(Specs=1, Secret=4, Nothing=0)
    tree.payload[b"docs"] = {b"a": PhpObject("Pydio\\Access\\Core\\Filter\\AJXP_Permission", {"value": 3}), 2019: PhpObject("AJXP_Permission", {"value": 2})}
    role = record(role_object(masks={b"w": tree}))
    assert role.masks == {"w": {"/Specs": "r", "/Secret": "deny", "/Nothing": "deny", "/docs/a": "rw", "/docs/2019": "w"}}


def test_the_label_is_a_parameter_since_6_and_a_property_before():
    assert record(role_object(parameters={"ROLE_DISPLAY_NAME": "Éditeurs"})).label == "Éditeurs"
    assert record(role_object(roleLabel="Old label")).label == "Old label"


def test_passwords_and_second_factors_are_left_out_of_parameters():
    role = role_object()
    role.properties["parameters"] = php(
        {
            "ws": {"access.ftp": {"USER": "alice", "PASS": "x"}, "other": {"field": "$pydio_password$abc"}},
            "AJXP_REPO_SCOPE_ALL": {"authfront.otp": {"google": "SEED"}, "core.conf": {"lang": "fr"}},
        }
    )
    assert record(role).parameters == {"ws": {"access.ftp": {"USER": "alice"}}, "AJXP_REPO_SCOPE_ALL": {"core.conf": {"lang": "fr"}}}


def test_what_is_no_role_is_unreadable_and_a_finding():
    for value in (Unreadable("cut", 3), None, b"text", {1: 2}, PhpObject("stdClass", {})):
        found = []
        assert not read_role("x", value, found.append).readable
        assert [entry.code for entry in found] == ["F1201"]


def test_a_role_stored_twice_counts_once_and_the_last_wins(world):
    add_role(world, "a", role_object({"0": "r"}))
    add_role(world, "a", role_object({"0": "w"}))
    assert world.context.roles["a"].acls == {"0": "w"}
    assert "F1204" in world.codes()


def test_roles_of_links_are_not_in_the_book(world):
    add_role(world, "AJXP_SHARED-" + "a" * 32, role_object())
    add_role(world, "MINISITE_NODOWNLOAD", role_object())
    add_role(world, "editors", role_object())
    assert list(world.context.roles) == ["editors"]


trees = st.recursive(
    st.sampled_from([0, READ, WRITE, READ | WRITE, DENY]),
    lambda children: st.dictionaries(st.sampled_from("abc"), children, min_size=1, max_size=3),
    max_leaves=8,
).filter(lambda tree: isinstance(tree, dict))


@settings(max_examples=60, deadline=None)
@given(trees, trees)
def test_merging_masks_covers_every_path_of_the_upper_one(lower, upper):
    merged = dict(leaves(merge(lower, upper)))
    assert set(dict(leaves(upper))) <= set(merged)
    for path, right in leaves(upper):
        if right is Right.NONE:
            assert merged[path] is Right.NONE


def test_a_denial_below_stays_a_denial():
    assert dict(leaves(merge({"a": DENY}, {"a": READ}))) == {"/a": Right.NONE}
    assert dict(leaves(merge({"a": READ | WRITE}, {"a": READ}))) == {"/a": Right.READ}
    assert dict(leaves(merge({"a": READ}, {"a": WRITE}))) == {"/a": Right.READ_WRITE}


def test_what_is_no_tree_of_permissions_is_no_mask():
    for value in (b"x", PhpObject("AJXP_PermissionMask", {}, b"raw"), PhpObject("AJXP_PermissionMask", {}, {b"a": b"x"})):
        with pytest.raises(BadMask):
            read_mask(value)


def test_groups_without_a_row_and_levels_between_are_groups(world):
    world.store.group_rows = [("/staff", "Staff"), ("staff/", "Staff"), ("/", "Root")]
    add_user(world, "bob", role_object(), group="/partners/eu")
    add_role(world, "AJXP_GRP_/staff/AJXP_GRP_/partners", role_object())
    groups = [(group.path, group.label, group.has_row) for group in read_groups(world.context)]
    assert groups == [("/partners", "partners", False), ("/partners/eu", "eu", False), ("/staff", "Staff", True)]
    assert {"F1211", "F1212"} <= world.codes()


def test_teams_of_the_table_and_owned_roles_are_both_read(world):
    for login in ("ann", "bob"):
        add_user(world, login, role_object(), roles=("team-8",) if login == "bob" else ())
    world.store.team_rows = [("team-5", "Old", "ann", "bob"), ("team-5", "Old", "ann", "gone"), ("team-0", "", "ann", "Bob")]
    add_role(world, "team-8", role_object(parameters={"ROLE_DISPLAY_NAME": "New"}), owner="ann")
    add_role(world, "empty-8", role_object(), owner="ann")
    teams = {team.id: (team.label, team.members, team.has_role) for team in read_teams(world.context)}
    assert teams == {
        "team-5": ("Old", ("bob",), False),
        "team-0": ("team-0", ("bob",), False),
        "team-8": ("New", ("bob",), True),
        "empty-8": ("empty-8", (), True),
    }
    assert {"F1221", "F1223"} <= world.codes()


def test_roles_known_to_be_missing_take_away_what_they_may_have_taken(tmp_path):
    world = World(tmp_path)
    world.workspace("ws")
    add_role(world, "AJXP_GRP_/", role_object({"ws": "rw"}))
    add_user(world, "ann", role_object({}), roles=("LOST",))
    assert rights(world, "ann") == {"ws": "rw"}  # a role that was deleted is ignored, as the application did
    other = World(tmp_path / "b")
    other.workspace("ws")
    other.store.roles_missing = True
    add_role(other, "AJXP_GRP_/", role_object({"ws": "rw"}))
    add_user(other, "ann", role_object({}), roles=("LOST",))
    add_user(other, "bob")
    assert rights(other, "ann") == {} and rights(other, "bob") == {}
    assert person(other, "bob").locks == ("logout",)  # his personal role may be among the missing ones
    assert "F1208" in {f.code for f in other.context.findings}


def test_second_factors_and_stored_credentials_are_told_apart_from_other_parameters():
    secrets = {"authfront.otp": {"google": b"SECRET", "google_enabled": b"true"}}
    book = {"AJXP_REPO_SCOPE_ALL": secrets, "ws": {"access.ftp": {"FTP_PASS": b"$pydio_password$x"}}}
    assert {entry.code for entry in left_behind(StoredRole("AJXP_USR_/ann", parameters=book))} == {"F1206", "F1207"}
    assert left_behind(StoredRole("x", parameters={"AJXP_REPO_SCOPE_ALL": {"authfront.otp": {"google_enabled": b"false"}}})) == set()
