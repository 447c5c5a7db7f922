"""Who could reach what: the fold of roles, era by era (rules read from 4.2.3, 5.2.5, 6.4.2, 7.0.4 and 8.2.5)."""

from dataclasses import replace

import pytest
from people_world import CLEAR, add_role, add_user, mask, old_role, paths, rights, role_object
from world import World

from migrate.extract.access import listed
from migrate.extract.people import people_rows
from migrate.extract.php.values import PhpObject
from migrate.extract.store import Unreadable


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for name in ("docs", "inbound", "other"):
        world.workspace(name)
    return world


def old_world(tmp_path, version, conf="sql"):
    world = World(tmp_path, version, conf)
    for name in ("docs", "inbound", "other"):
        world.workspace(name)
    return world


def test_a_subgroup_overrides_its_group_and_the_personal_role_overrides_all(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "r", "inbound": "r", "other": "r"}))
    add_role(world, "AJXP_GRP_/staff", role_object({"docs": "rw", "inbound": CLEAR}))
    add_role(world, "AJXP_GRP_/staff/design", role_object({"docs": "w"}))
    add_user(world, "bob", role_object({"other": CLEAR}), group="/staff/design")
    assert rights(world, "bob") == {"docs": "w"}


def test_the_order_of_roles_decides_whatever_their_names(world):
    add_role(world, "aaa", role_object({"docs": "r"}))
    add_role(world, "zzz", role_object({"docs": "rw"}))
    add_user(world, "ann", role_object(), roles={"aaa": 5, "zzz": 1})
    add_user(world, "bob", role_object(), roles={"aaa": 1, "zzz": 5})
    assert rights(world, "ann") == {"docs": "r"}
    assert rights(world, "bob") == {"docs": "rw"}


def test_rights_in_the_role_of_links_count_for_people_who_were_given_it(world):
    add_role(world, "MINISITE_NODOWNLOAD", role_object({"docs": "r"}))
    add_user(world, "bob", role_object(), roles={"MINISITE_NODOWNLOAD": 1})
    add_user(world, "ann", role_object())
    assert (rights(world, "bob"), rights(world, "ann")) == ({"docs": "r"}, {})


def test_where_no_order_decides_among_roles_that_disagree_the_lesser_right_is_taken_and_told(world):
    add_role(world, "aaa", role_object({"docs": "rw", "inbound": "r", "other": "rw"}))
    add_role(world, "zzz", role_object({"docs": CLEAR, "inbound": "rw"}))
    add_role(world, "auto", role_object(applies=("all",)))
    add_user(world, "old", role_object(), roles=("aaa", "zzz"))
    add_user(world, "new", role_object(), roles={"zzz": 1, "aaa": 2})
    assert rights(world, "old") == {"inbound": "r", "other": "rw"}
    assert "F1209" in world.codes()
    assert rights(world, "new") == {"docs": "rw", "inbound": "r", "other": "rw"}


def test_without_a_stored_order_and_without_roles_that_apply_by_themselves_ids_decide(world):
    add_role(world, "aaa", role_object({"docs": "r"}))
    add_role(world, "zzz", role_object({"docs": "rw"}))
    add_user(world, "bob", role_object(), roles=("zzz", "aaa"))
    assert rights(world, "bob") == {"docs": "rw"}


def test_a_role_that_always_overrides_comes_after_the_ordered_ones(world):
    add_role(world, "sticky", role_object({"docs": CLEAR}, parameters={"ROLE_FORCE_OVERRIDE": True}))
    add_role(world, "late", role_object({"docs": "rw"}))
    add_user(world, "bob", role_object(), roles={"sticky": 0, "late": 9})
    assert rights(world, "bob") == {}


def test_an_empty_right_keeps_the_lower_one_but_clear_takes_it(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw", "other": "rw"}))
    add_user(world, "bob", role_object({"docs": "", "other": CLEAR}))
    assert rights(world, "bob") == {"docs": "rw"}


def test_before_6_2_an_empty_right_was_written_over_the_lower_one(tmp_path):
    world = old_world(tmp_path, "5.2.5")
    add_role(world, "readers", role_object({"docs": "r"}))
    add_user(world, "bob", role_object({"docs": ""}), roles=("readers",))
    assert rights(world, "bob") == {}


def test_an_empty_right_that_4_2_wrote_says_nothing_under_a_later_version_either(tmp_path):
    world = old_world(tmp_path, "5.0.3", "serial")
    add_role(world, "editors", old_role({"docs": "rw", "inbound": "r"}))
    add_role(world, "later", old_role({"inbound": ""}))
    add_user(world, "ann", roles=("editors", "later"), _own={"docs": ""})
    assert rights(world, "ann") == {"docs": "rw", "inbound": "r"}


def test_before_6_2_roles_follow_their_ids_and_there_is_no_root_group(tmp_path):
    world = old_world(tmp_path, "5.2.5")
    add_role(world, "AJXP_GRP_/", role_object({"other": "rw"}))
    add_role(world, "ROOT_ROLE", role_object({"docs": "r"}, applies=("standard", "admin")))
    add_role(world, "AJXP_GRP_/staff", role_object({"docs": "rw", "inbound": "w"}))
    add_user(world, "bob", role_object(), group="/staff", roles={"ROOT_ROLE": 0})
    assert rights(world, "bob") == {"docs": "r", "inbound": "w"}


def test_file_drivers_never_apply_the_root_group(tmp_path):
    world = old_world(tmp_path, "6.4.2", "serial")
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}))
    add_role(world, "AJXP_GRP_/staff", role_object({"other": "rw"}))
    add_user(world, "bob", role_object(), group="/staff", admin=False)
    assert rights(world, "bob") == {"other": "rw"}


def test_roles_apply_by_themselves_to_a_profile_and_below_their_group_only(world):
    add_role(world, "everybody", role_object({"docs": "r"}, applies=("standard",)))
    add_role(world, "staff", role_object({"other": "r"}, applies=("all",), groupPath="/staff"))
    add_user(world, "bob", role_object(), group="/staff")
    add_user(world, "eve", role_object(), profile="guest")
    assert rights(world, "bob") == {"docs": "r", "other": "r"}
    assert rights(world, "eve") == {}


def test_external_users_keep_only_their_own_rights_teams_and_shared_roles(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}))
    add_role(world, "editors", role_object({"docs": "rw"}))
    add_role(world, "guests", role_object({"inbound": "w"}, applies=("shared",)))
    add_role(world, "team-1", role_object({"docs": "r"}), owner="ann")
    add_user(world, "ann", role_object())
    add_user(world, "ext", role_object({"other": "r"}), parent_user="ann", roles={"editors": 0, "team-1": 1})
    assert rights(world, "ext") == {"docs": "r", "inbound": "w", "other": "r"}


def test_before_8_external_users_lose_owned_roles_and_before_5_3_shared_ones_too(tmp_path):
    for version, expected in (("7.0.4", {"inbound": "w"}), ("5.2.5", {})):
        (tmp_path / version).mkdir()
        world = old_world(tmp_path / version, version)
        add_role(world, "guests", role_object({"inbound": "w"}, applies=("shared",)))
        add_role(world, "team-1", role_object({"docs": "r"}), owner="ann")
        add_user(world, "ann", role_object())
        add_user(world, "ext", role_object(), parent_user="ann", roles={"team-1": 1})
        assert rights(world, "ext") == expected


def test_an_external_user_whose_parent_is_gone_keeps_only_personal_rights(world):
    add_role(world, "team-1", role_object({"docs": "r"}), owner="ann")
    add_user(world, "ext", role_object({"other": "r"}), parent_user="ann", roles={"team-1": 1})
    assert rights(world, "ext") == {"other": "r"}


def test_up_to_4_2_the_users_own_right_wins_then_the_first_role(tmp_path):
    world = old_world(tmp_path, "4.2.3")
    add_role(world, "first", old_role({"docs": "r", "inbound": "w"}))
    add_role(world, "second", old_role({"docs": "rw", "inbound": "rw", "other": "rw"}))
    own = {"_own": {"inbound": "n", "other": ""}}
    add_user(world, "bob", None, roles=("first", "second"), **own)
    assert rights(world, "bob") == {"docs": "r", "other": "rw"}


def test_rights_of_users_who_never_signed_in_since_4_3_still_count_and_n_takes_away(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}))
    add_user(world, "carol", None, _own={"other": "rw", "docs": "n"})
    assert rights(world, "carol") == {"other": "rw"}


def test_old_rights_beside_a_personal_role_are_dead(world):
    add_user(world, "carol", role_object({"docs": "r"}), _own={"other": "rw"})
    assert rights(world, "carol") == {"docs": "r"}


def test_a_workspace_of_a_group_is_invisible_outside_even_with_a_grant(world):
    world.workspace("design", groupPath="/staff/design")
    add_user(world, "bob", role_object({"design": "rw"}), group="/staff/design/junior")
    add_user(world, "ann", role_object({"design": "rw"}), group="/staff")
    assert rights(world, "bob") == {"design": "rw"}
    assert rights(world, "ann") == {}


def test_templates_foreign_own_workspaces_and_dead_ids_are_never_reachable(world):
    world.workspace("pattern", isTemplate=True)
    world.workspace("mine", child_user_id="ann")
    add_user(world, "bob", role_object({"pattern": "rw", "mine": "rw", "f" * 32: "rw"}))
    assert rights(world, "bob") == {}


def test_shares_are_listed_for_whoever_got_them_but_not_for_their_owner(world):
    world.child("c1", "docs", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    add_user(world, "ann", role_object({"c1": "rw"}))
    add_user(world, "bob", role_object({"c1": "r"}))
    assert rights(world, "ann") == {}
    assert rights(world, "bob") == {"c1": "r"}


def test_a_share_whose_parent_is_gone_or_circular_gives_nothing(world):
    world.child("orphan", "nowhere", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    world.child("loop1", "loop2", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    world.child("loop2", "loop1", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    add_user(world, "bob", role_object({"orphan": "r", "loop1": "r"}))
    assert rights(world, "bob") == {}


def test_the_settings_page_is_for_administrators(world):
    world.workspace("ajxp_conf", "", accessType="ajxp_conf", note="x")
    add_user(world, "root", role_object(), admin="1")
    add_user(world, "bob", role_object({"ajxp_conf": "rw"}))
    assert rights(world, "root") == {"ajxp_conf": "rw"}
    assert rights(world, "bob") == {}


@pytest.mark.parametrize(("version", "gained"), [
    ("4.2.3", {"docs", "inbound", "other", "files", "child"}), ("5.2.5", {"docs", "inbound", "other", "files"}), ("5.3.4", {"files"}),
    ("6.0.8", {"docs", "inbound", "other", "files"}), ("6.4.2", set()), ("8.2.5", set())])
def test_up_to_6_0_the_next_sign_in_gives_an_administrator_every_workspace(tmp_path, version, gained):
    world = old_world(tmp_path, version)
    world.workspace("files")
    world.store.workspace_rows[-1] = replace(world.store.workspace_rows[-1], static=True)
    world.workspace("child", parent_uuid="docs")
    world.workspace("staff", groupPath="/staff")
    add_user(world, "root", role_object({"docs": CLEAR}), admin="1")
    add_user(world, "bob", role_object())
    add_user(world, "gone", role_object(), admin="1", lock="logout")
    assert {name for name, right in rights(world, "root").items() if right == "rw"} == gained
    assert rights(world, "bob") == rights(world, "gone") == {}


def test_a_guessed_version_gives_an_administrator_no_more_than_is_stored(tmp_path):
    world = old_world(tmp_path, "5.2.5")
    world.context.installation.version_certain = False
    add_user(world, "root", role_object({"docs": "r"}), admin="1")
    assert rights(world, "root") == {"docs": "r"}


def test_up_to_4_2_the_sign_in_of_an_administrator_left_to_the_roles_what_one_of_them_gives(tmp_path):
    world = old_world(tmp_path, "4.2.3", "serial")
    add_role(world, "readers", old_role({"docs": "r"}))
    add_role(world, "writers", old_role({"docs": "rw", "inbound": "rw"}))
    add_user(world, "root", roles=("readers", "writers"), admin="1")
    assert rights(world, "root") == {"docs": "r", "inbound": "rw", "other": "rw"}


def test_the_option_that_spares_administrators_every_workspace_is_heeded_where_it_existed(tmp_path):
    for version, gained in (("5.2.5", "rw"), ("6.0.8", None)):
        (tmp_path / version).mkdir()
        world = old_world(tmp_path / version, version)
        world.store.configs["core.ajaxplorer"] = {"SKIP_ADMIN_RIGHTS_ALL_REPOS": True}
        add_user(world, "root", role_object(), admin="1")
        assert rights(world, "root").get("docs") == gained


def test_masks_merge_by_tree_and_only_narrow_the_right(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}, masks={b"docs": mask(Specs=3, Secret=4, Plans=1)}))
    add_user(world, "bob", role_object({}, masks={b"docs": mask(Specs=1, Secret=3)}))
    assert paths(world, "bob", "docs") == {"/Specs": "r", "/Secret": "", "/Plans": "r"}


def test_a_mask_never_gives_more_than_the_right(world):
    add_user(world, "bob", role_object({"docs": "r"}, masks={b"docs": mask(Specs=3)}))
    assert paths(world, "bob", "docs") == {"/Specs": "r"}


def test_a_mask_that_cannot_be_read_denies_everything(world):
    add_user(world, "bob", role_object({"docs": "rw"}, masks={b"docs": PhpObject("Other", {})}))
    assert paths(world, "bob", "docs") == {"/": ""}
    assert "F1202" in world.codes()


def test_an_unreadable_personal_role_takes_away_what_groups_gave(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}))
    add_user(world, "bob", Unreadable("cut off", 9))
    assert rights(world, "bob") == {}
    assert "F1201" in world.codes()


def test_an_unreadable_group_takes_away_what_lies_below_it_only(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}))
    add_role(world, "AJXP_GRP_/staff", Unreadable("cut off", 9))
    add_user(world, "bob", role_object({"other": "r"}), group="/staff")
    add_user(world, "ann", role_object(), group="/")
    assert rights(world, "bob") == {"other": "r"}
    assert rights(world, "ann") == {"docs": "rw"}


def test_where_masks_are_in_use_an_unreadable_role_leaves_nothing(world):
    add_role(world, "masked", role_object({"other": "r"}, masks={b"other": mask(a=1)}))
    add_role(world, "AJXP_GRP_/staff", Unreadable("cut off", 9))
    add_user(world, "bob", role_object({"other": "r"}), group="/staff")
    assert rights(world, "bob") == {}


def test_an_unreadable_list_of_roles_may_have_taken_away_what_groups_gave(world):
    add_role(world, "AJXP_GRP_/", role_object({"docs": "rw"}))
    add_user(world, "bob", role_object({"other": "r"}), roles=())
    world.store.user_rows[-1].rights["ajxp.roles"] = Unreadable("cut off", 9)
    assert rights(world, "bob") == {"other": "r"}
    assert "F1102" in world.codes()


def test_a_locked_account_keeps_its_rights_but_is_listed_without_any(world):
    add_user(world, "bob", role_object({"docs": "rw"}, parameters={"USER_LOCK_ACTION": "logout"}))
    row = next(people_rows(world.context))
    assert rights(world, "bob") == {"docs": "rw"}
    assert dict(listed(world.context, row).workspaces) == {}


def test_since_6_4_shares_of_single_files_are_no_workspaces_in_the_list(tmp_path):
    for version, expected in (("8.2.5", {}), ("5.3.4", {"c1": "r"})):
        (tmp_path / version).mkdir()
        world = old_world(tmp_path / version, version)
        world.child("c1", "docs", "ann", "AJXP_PARENT_OPTION:PATH:/", content_filter=PhpObject("ContentFilter", {}))
        add_user(world, "bob", role_object({"c1": "r"}))
        row = next(people_rows(world.context))
        assert {name: right.letters for name, right in listed(world.context, row).workspaces.items()} == expected
        assert rights(world, "bob") == {"c1": "r"}


def test_with_sharing_between_users_switched_off_shares_are_seen_by_nobody_but_external_users(world):
    world.store.configs["core.conf"] = {"ALLOW_CROSSUSERS_SHARING": False}
    world.child("c1", "docs", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    add_user(world, "ann", role_object())
    add_user(world, "bob", role_object({"c1": "r"}))
    add_user(world, "ext", role_object({"c1": "r"}), parent_user="ann")
    assert rights(world, "bob") == {}
    assert rights(world, "ext") == {"c1": "r"}


@pytest.mark.parametrize(("version", "option", "seen"), [
    ("4.2.3", None, {"team": "r"}), ("4.2.3", True, {"team": "r"}), ("4.2.3", False, {}), ("3.2.4", None, {}), ("3.2.4", True, {})])
def test_up_to_4_2_sharing_between_users_was_an_option_of_the_core(tmp_path, version, option, seen):
    world = old_world(tmp_path, version, "serial")
    world.child("team", "docs", "ann", "AJXP_DATA_PATH/files/team")
    if option is not None:
        world.store.configs["core.ajaxplorer"] = {"ALLOW_CROSSUSERS_SHARING": option}
    add_user(world, "ann")
    add_user(world, "bob", _own={"team": "r"})
    add_user(world, "ext", parent_user="ann", _own={"team": "r"})
    assert (rights(world, "bob"), rights(world, "ext")) == (seen, {"team": "r"})


@pytest.mark.parametrize(("version", "seen"), [("3.2.4", {}), ("4.2.3", {"docs": "w"})])
def test_3_2_listed_for_external_users_only_what_they_may_read(tmp_path, version, seen):
    world = old_world(tmp_path, version, "serial")
    add_user(world, "ann")
    add_user(world, "ext", parent_user="ann", _own={"docs": "w"})
    assert rights(world, "ext") == seen


def test_with_unknown_roles_only_personal_rights_are_certain(world):
    add_role(world, "everybody", role_object({"docs": "rw"}, applies=("standard",)))
    add_user(world, "bob", role_object({"other": "r"}))
    world.store.user_rows[-1].rights["ajxp.roles"] = Unreadable("cut off", 9)
    assert rights(world, "bob") == {"other": "r"}


def test_an_account_without_a_rights_file_might_be_external_and_gets_no_roles(tmp_path):
    world = old_world(tmp_path, "5.2.5", "serial")
    add_role(world, "ROOT_ROLE", role_object({"docs": "rw"}, applies=("standard",)))
    add_user(world, "bob", role_object({"other": "r"}))
    add_user(world, "ann", role_object(), admin=False)
    assert rights(world, "bob") == {"other": "r"}
    assert rights(world, "ann") == {"docs": "rw"}
    assert "F1110" in world.codes()
