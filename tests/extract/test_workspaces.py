"""What an option means, and what a workspace's record says."""

import pytest
from people_world import add_user, role_object
from world import World, php

from migrate.extract.definitions import BrokenWorkspace, secure_path
from migrate.extract.store import Unreadable, WorkspaceRow
from migrate.extract.workspaces import meta_fields, workspace_record


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    add_user(world, "bob", role_object(), group="/staff/design")
    add_user(world, "ann", role_object(), group="/")
    return world


def option(world, workspace, name="PATH", user=None, group=None):
    return world.context.workspaces.option(workspace, name, user, group)


def record(world, workspace):
    definitions = world.context.workspaces
    return workspace_record(definitions, definitions[workspace], world.context.findings, world.context.plugin_options)


def test_variables_are_replaced_for_the_user_who_asks(world):
    world.workspace("w", "AJXP_DATA_PATH/AJXP_USER_files/AJXP_GROUP_PATH_FLAT/xAJXP_GROUP_PATH")
    assert option(world, "w", user="bob") == "/var/www/old/data/bob_files/staff_design/x/staff/design"
    assert option(world, "w", user="ann") == "/var/www/old/data/ann_files//x/"
    assert option(world, "w") == "/var/www/old/data/AJXP_USER_files/AJXP_GROUP_PATH_FLAT/xAJXP_GROUP_PATH"


def test_a_parent_option_is_resolved_for_the_owner_never_for_the_visitor(world):
    world.workspace("my", "AJXP_DATA_PATH/personal/AJXP_USER/")
    world.child("share", "my", "ann", "AJXP_PARENT_OPTION:PATH:/docs/2019")
    world.child("reshare", "share", "bob", "AJXP_PARENT_OPTION:PATH:/sub")
    assert option(world, "share", user="bob") == "/var/www/old/data/personal/ann/docs/2019"
    assert option(world, "reshare", user="carol") == "/var/www/old/data/personal/ann/docs/2019/sub"


def test_an_own_empty_value_beats_the_parent(world):
    world.workspace("w", RECYCLE_BIN="recycle_bin")
    world.child("share", "w", "ann", "AJXP_PARENT_OPTION:PATH:/docs", RECYCLE_BIN="")
    world.child("other", "w", "ann", "AJXP_PARENT_OPTION:PATH:/docs")
    assert option(world, "share", "RECYCLE_BIN") == ""
    assert option(world, "other", "RECYCLE_BIN") == "recycle_bin"


def test_a_sub_path_is_added_to_the_parents_and_cannot_climb(world):
    world.workspace("tpl", "/srv/base/AJXP_ALLOW_SUB_PATH", isTemplate=True)
    world.workspace("child", "../../etc/secret", parent_uuid="tpl", inferOptionsFromParent=True)
    assert option(world, "child") == "/srv/base/etc/secret"
    assert secure_path("/a/../../b//./c\\..\\d") == "/a/b/c/d"


def test_the_workspace_in_a_templates_path_is_the_one_that_is_opened(world):
    world.workspace("tpl", "/srv/AJXP_WORKSPACE_UUID/AJXP_WORKSPACE_SLUG", isTemplate=True)
    world.workspace("child", "", parent_uuid="tpl", inferOptionsFromParent=True, slug="my-space")
    assert option(world, "child") == "/srv/child/my-space"


def test_in_6_4_a_parents_workspace_variable_beats_the_childs_own_value(tmp_path):
    for version, expected in (("6.4.2", "/srv/child"), ("8.2.5", "/own")):
        world = World(tmp_path / version, version)
        world.workspace("tpl", "/srv/AJXP_WORKSPACE_UUID", isTemplate=True)
        world.workspace("child", "/own", parent_uuid="tpl", inferOptionsFromParent=True)
        assert option(world, "child") == expected


def test_with_users_switched_off_everybody_is_shared(world):
    world.store.configs["core.auth"] = {"ENABLE_USERS": "false"}
    world.workspace("w", "AJXP_DATA_PATH/personal/AJXP_USER")
    assert option(world, "w") == "/var/www/old/data/personal/shared"
    assert record(world, "w").scope == "shared"


def test_missing_and_circular_parents_are_broken_not_endless(world):
    world.child("orphan", "nowhere", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    world.child("a", "b", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    world.child("b", "a", "ann", "AJXP_PARENT_OPTION:PATH:/x")
    for name in ("orphan", "a"):
        with pytest.raises(BrokenWorkspace):
            option(world, name, user="ann")
        record(world, name)
    assert {"F1301", "F1302"} <= world.codes()


def test_the_scope_follows_the_path_also_when_a_template_gives_it(world):
    world.workspace("tpl", "/srv/tpl/AJXP_USER", isTemplate=True)
    world.workspace("mine", "", parent_uuid="tpl", inferOptionsFromParent=True, child_user_id="bob")
    world.workspace("fixed", "/srv/tpl/one", parent_uuid="tpl", inferOptionsFromParent=True)
    world.workspace("groups", "/srv/AJXP_GROUP_PATH_FLAT")
    world.child("share", "mine", "bob", "AJXP_PARENT_OPTION:PATH:/docs")
    assert {name: record(world, name).scope for name in ("tpl", "mine", "fixed", "groups", "share")} == {
        "tpl": "user",
        "mine": "user",
        "fixed": "shared",
        "groups": "group",
        "share": "shared",
    }
    assert record(world, "mine").creator == "bob" and record(world, "tpl").template


def test_credentials_do_not_show_among_the_options(world):
    world.workspace("s3", "pydio", API_KEY="AKIA", SECRET_KEY="s", PASS="p", ENCODED_CREDENTIALS="x", CONTAINER="bucket")
    world.workspace("mount", "/srv", META_SOURCES=php({"meta.mount": {"MOUNT_PASS": "x", "UNC_PATH": "//h/s"}}))
    assert record(world, "s3").options == {"PATH": "pydio", "CONTAINER": "bucket"}
    assert record(world, "mount").options["META_SOURCES"] == {"meta.mount": {"UNC_PATH": "//h/s"}}


def test_a_damaged_option_is_a_finding_and_the_workspace_stays(world):
    world.workspace("w", "/srv", META_SOURCES=Unreadable("cut off", 255))
    assert record(world, "w").meta_fields == ()
    assert "F1303" in world.codes()


def test_a_workspace_without_any_option_is_a_finding(world):
    world.store.workspace_rows.append(WorkspaceRow("w", {"display": "W", "accessType": "fs"}, {}))
    assert record(world, "w").path is None
    assert "F1304" in world.codes()


def test_fields_of_meta_user_in_their_order_with_choices():
    fields = list(
        meta_fields(
            php(
                {
                    "meta.user": {
                        **{"meta_fields": "stars_rate", "meta_types": "stars_rate", "meta_labels": "Note"},
                        **{"meta_fields_2": "state", "meta_types_2": "choice", "meta_additional_2": "a|Aa,b", "meta_visibility_2": "hidden"},
                        **{"meta_fields_10": "late", "meta_labels_10": ""},
                        **{"meta_fields_1": "second", "meta_types_1": "textarea"},
                    }
                }
            )
        )
    )
    assert [field.id for field in fields] == ["stars_rate", "second", "state", "late"]
    assert fields[2].choices == {"a": "Aa", "b": "b"} and not fields[2].visible
    assert (fields[3].type, fields[3].label) == ("string", "late")


def test_old_configurations_list_fields_with_commas_and_types_by_name():
    fields = list(meta_fields(php({"meta.serial": {"meta_fields": "area_notes,css_label, x", "meta_labels": "Notes,Label"}})))
    assert [(field.id, field.type, field.label) for field in fields] == [
        ("area_notes", "textarea", "Notes"),
        ("css_label", "css_label", "Label"),
        ("x", "string", "x"),
    ]


def test_quota_and_fields_fall_back_to_the_options_of_the_plugin(world):
    world.store.configs = {"meta.quota": {"DEFAULT_QUOTA": b"2G"}, "meta.user": {"meta_fields": b"tags"}}
    world.workspace("own", "/srv", META_SOURCES=php({"meta.quota": {"DEFAULT_QUOTA": "500M"}, "meta.user": {"meta_fields": "x"}}))
    world.workspace("default", "/srv", META_SOURCES=php({"meta.quota": {}, "meta.user": {}}))
    world.workspace("none", "/srv")
    assert [record(world, name).quota_bytes for name in ("own", "default", "none")] == [500 << 20, 2 << 30, None]
    assert [[field.id for field in record(world, name).meta_fields] for name in ("own", "default", "none")] == [["x"], ["tags"], []]
