"""Where the folders of workspaces lie: one, one per user, one per group."""

import os

import pytest
from people_world import add_role, add_user, role_object
from world import World, php


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    for login, group in (("ann", "/"), ("bob", "/staff/design")):
        add_user(world, login, role_object(), group=group)
    return world


def folders(world, workspace):
    """owner -> folder below data/."""
    data = str(world.top / "data")
    return {root.user or root.group: os.path.relpath(root.folder, data) for root in world.context.roots() if root.workspace == workspace}


def test_a_shared_folder_is_found_through_the_old_prefix(world):
    world.file("files/a.txt")
    world.workspace("w", "AJXP_DATA_PATH/files", RECYCLE_BIN="trash", META_SOURCES=php({"metastore.serial": {"METADATA_FILE": ".m"}}))
    (root,) = world.context.roots()
    assert root.folder == str(world.top / "data" / "files") and not root.missing
    assert (root.recycle_bin, root.excluded) == ("trash", (".m", ".ajxp_recycle_cache.ser"))


def test_a_folder_that_is_not_here_is_missing_and_a_finding(world):
    world.workspace("w", "/var/www/old/data/nowhere")
    (root,) = world.context.roots()
    assert root.missing and "F1401" in world.codes()


def test_each_user_folder_belongs_to_the_login_of_its_name(world):
    for name in ("ann/docs", "bob/docs", "zoe/docs", "0a1b2c3d4e5f/docs"):
        world.file(f"homes/{name}/a.txt")
    world.file("homes/index.html")
    world.workspace("w", "AJXP_DATA_PATH/homes/AJXP_USER/docs")
    assert folders(world, "w") == {"ann": "homes/ann/docs", "bob": "homes/bob/docs"}
    unknown = [entry for entry in world.context.findings if entry.code == "F1402"]
    assert ["zoe" in entry.message for entry in unknown] == [True]
    assert "F1403" in world.codes()


def test_a_login_may_be_only_a_part_of_the_folder_name(world):
    world.file("x/bob_files/a.txt")
    world.file("x/other/a.txt")
    world.workspace("w", "AJXP_DATA_PATH/x/AJXP_USER_files")
    assert folders(world, "w") == {"bob": "x/bob_files"}


def test_a_folder_that_differs_by_case_is_the_users_when_it_is_the_only_one(world):
    world.file("personal/Bob/a.txt")
    world.file("personal/ann/a.txt")
    world.file("personal/Ann/a.txt")
    world.workspace("w", "AJXP_DATA_PATH/personal/AJXP_USER")
    assert folders(world, "w") == {"ann": "personal/ann", "bob": "personal/Bob"}
    assert {"F1404", "F1405"} <= world.codes()


def test_a_folder_that_is_another_workspace_is_nobodys_and_no_finding(world):
    world.file("tpl/bob/a.txt")
    world.file("tpl/common/a.txt")
    world.workspace("tpl", "AJXP_DATA_PATH/tpl/AJXP_USER", isTemplate=True)
    world.workspace("mine", "", parent_uuid="tpl", inferOptionsFromParent=True)
    world.workspace("common", "AJXP_DATA_PATH/tpl/common", parent_uuid="tpl", inferOptionsFromParent=True)
    assert folders(world, "mine") == {"bob": "tpl/bob"}
    assert folders(world, "tpl") == {}
    assert "F1402" not in world.codes()


def test_group_folders_are_those_of_known_groups_that_may_see_the_workspace(world):
    add_role(world, "AJXP_GRP_/partners", role_object())
    for name in ("staff", "staff_design", "partners", "nobody"):
        world.file(f"groups/{name}/a.txt")
    world.store.group_rows = [("/staff", "Staff")]
    world.workspace("all", "AJXP_DATA_PATH/groups/AJXP_GROUP_PATH_FLAT/.")
    world.workspace("design", "AJXP_DATA_PATH/groups/AJXP_GROUP_PATH_FLAT", groupPath="/staff/design")
    assert folders(world, "design") == {"/staff/design": "groups/staff_design"}
    assert folders(world, "all")["/partners"] == "groups/partners"


def test_two_groups_with_one_flat_folder_are_a_finding(world):
    world.store.group_rows = [("/a_b", "x"), ("/a/b", "y")]
    world.file("groups/a_b/f")
    world.workspace("w", "AJXP_DATA_PATH/groups/AJXP_GROUP_PATH_FLAT", groupPath="/a")
    assert folders(world, "w") == {"/a/b": "groups/a_b"}
    assert "F1408" in world.codes()


def test_a_path_with_user_and_group_is_asked_for_each_person(world):
    world.file("g/staff/design/bob/f")
    world.file("g/ann/f")
    world.workspace("w", "AJXP_DATA_PATH/gAJXP_GROUP_PATH/AJXP_USER")
    assert folders(world, "w") == {"bob": "g/staff/design/bob", "ann": "g/ann"}


def test_remote_storages_have_a_root_without_a_folder(world):
    world.workspace("s3", "bucket/AJXP_USER", accessType="s3")
    world.workspace("page", "", accessType="ajxp_conf")
    world.workspace("mail", "", accessType="imap")
    (root,) = world.context.roots()
    assert (root.workspace, root.folder) == ("s3", None)
    assert "F1406" in world.codes()


def test_children_of_shares_have_no_folder_of_their_own(world):
    world.file("files/docs/a.txt")
    world.workspace("w")
    world.child("share", "w", "ann", "AJXP_PARENT_OPTION:PATH:/docs")
    assert [root.workspace for root in world.context.roots()] == ["w"]


def test_a_workspace_whose_path_cannot_be_told_is_a_finding(world):
    world.workspace("w", "", parent_uuid="gone", inferOptionsFromParent=True)
    (root,) = world.context.roots()
    assert root.missing and root.folder is None and "F1409" in world.codes()


def test_a_mounted_workspace_is_a_finding(world):
    world.file("mnt/a.txt")
    world.workspace("w", "AJXP_DATA_PATH/mnt", META_SOURCES=php({"meta.mount": {"MOUNT_POINT": "x"}}))
    list(world.context.roots())
    assert "F1407" in world.codes()


def test_user_folders_whose_names_are_not_utf8_keep_their_bytes(world):
    add_user(world, "caf\udce9", role_object())
    world.file(b"personal/caf\xe9/a.txt")
    world.workspace("w", "AJXP_DATA_PATH/personal/AJXP_USER")
    (root,) = world.context.roots()
    assert os.fsencode(root.folder).endswith(b"personal/caf\xe9") and root.user == "caf\udce9"


def test_a_login_that_climbs_gets_nobody_elses_folder(world):
    add_user(world, "../ann", role_object(), group="/staff")
    world.file("g/staff/bob/f")
    world.file("g/ann/f")
    world.workspace("w", "AJXP_DATA_PATH/gAJXP_GROUP_PATH/AJXP_USER")
    assert folders(world, "w") == {"ann": "g/ann"}
    assert "F1410" in world.codes()


def test_a_workspace_whose_plugin_kept_older_versions_says_so_and_names_their_folder(world):
    world.file("files/a.txt")
    world.workspace("w", "AJXP_DATA_PATH/files", META_SOURCES=php({"metastore.serial": {}, "meta.git": {}}))
    (root,) = world.context.roots()
    assert root.history == ".git" and "F1412" in world.codes()
