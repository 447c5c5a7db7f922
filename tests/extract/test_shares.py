"""Shares and links: who may see what, how a link is protected, and that doubt never gives access."""

import pytest
from world import OLD, World, php, serialize

from migrate.extract.php.values import PhpObject
from migrate.extract.shares import read_shares, technical_logins
from migrate.rights import Right

HIDDEN = "0123456789ab"


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.user("alice")
    world.user("bob", {"child": "rw"})
    world.workspace("ws")
    world.file("files/Docs/a.txt")
    return world


def linked(world, right="r", hash_="abc123", **data):
    """A share of /Docs with a link and nobody named."""
    world.child("linked", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user(HIDDEN, {"linked": right}, hidden=b"true", parent_user=b"alice", password="sha256:1:s:h")
    world.link(hash_, **{"OWNER_ID": "alice", "SHARE_TYPE": "minisite", "REPOSITORY": "linked", "PRELOG_USER": HIDDEN, **data})


def only(world):
    world.context.extra_technical |= technical_logins(world.context)
    (share,) = read_shares(world.context)
    return share


def test_share_with_a_person_is_found_by_rights_even_without_a_row_of_its_own(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs", display="Papers", USER_DESCRIPTION="all of them")
    share = only(world)
    assert (share.owner, share.workspace, share.path, share.is_file) == ("alice", "ws", "/Docs", False)
    assert [(e.type, e.id, e.right.letters) for e in share.entries] == [("user", "bob", "rw")]
    assert (share.label, share.description, share.link, share.problem) == ("Papers", "all of them", None, None)


def test_groups_and_teams_are_recipients_and_other_roles_are_reported(world):
    world.store.group_rows.append(("/staff", "Staff"))
    world.store.team_rows.append(("team-1", "Team", "alice", "bob"))
    for role, owner in (("AJXP_GRP_/staff", None), ("team-1", None), ("dream", "alice"), ("EDITORS", None), ("AJXP_GRP_/gone", None)):
        world.role(role, {"child": "r"}, owner)
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    share = only(world)
    assert [(e.type, e.id) for e in share.entries] == [("user", "bob"), ("group", "/staff"), ("team", "dream"), ("team", "team-1")]
    assert {"F1719", "F1720"} <= world.codes()


def test_absolute_path_of_a_child_is_expressed_inside_its_parent(world):
    world.child("child", "ws", "alice", OLD + "/data/files/Docs")
    assert only(world).path == "/Docs"


def test_absolute_path_is_resolved_for_the_owner_of_a_per_user_workspace(world):
    world.workspace("mine", "AJXP_DATA_PATH/personal/AJXP_USER")
    world.file("personal/alice/Photos/p.png")
    world.child("child", "mine", "ALICE", OLD + "/data/personal/alice/Photos")
    share = only(world)
    assert (share.owner, share.path, share.problem) == ("alice", "/Photos", None)


def test_absolute_path_elsewhere_is_not_published(world):
    world.child("child", "ws", "alice", OLD + "/data/filesystem/Docs")
    share = only(world)
    assert share.problem == "F1715"


def test_stale_path_is_found_again_by_the_mark_on_the_node(world):
    world.child("child", "ws", "alice", "/mnt/before/Docs")
    mark = {"/Docs": {"alice": {"ajxp_shared": {"shares": {"child": {"type": "repository"}}}}}}
    world.file("plugins/metastore.serial/ajxp_meta_ws", serialize(mark))
    share = only(world)
    assert (share.path, share.problem) == ("/Docs", None)


@pytest.mark.parametrize("path", ["AJXP_PARENT_OPTION:PATH:/../personal", OLD + "/data/files/../personal"])
def test_path_that_leads_out_of_the_workspace_is_not_published(world, path):
    world.child("child", "ws", "alice", path)
    assert only(world).problem == "F1715"


def test_single_file_is_the_file_and_not_its_workspace(world):
    content = PhpObject("ContentFilter", {"filters": php({"/Docs/a.txt": "/7de574a4f6/a.txt"})})
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/", content_filter=content)
    share = only(world)
    assert (share.path, share.is_file, share.problem) == ("/Docs/a.txt", True, None)


@pytest.mark.parametrize("content", [PhpObject("ContentFilter", {}), 5, PhpObject("ContentFilter", {"filters": {}})])
def test_file_filter_that_cannot_be_read_does_not_give_away_the_workspace(world, content):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/", content_filter=content)
    assert only(world).problem == "F1715"


def test_selection_of_files_is_not_published(world):
    world.file("files/Docs/b.txt")
    content = PhpObject("ContentFilter", {"filters": php({"/Docs/a.txt": "/1/a.txt", "/Docs/b.txt": "/2/b.txt"})})
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/", content_filter=content)
    assert only(world).problem == "F1716"


def test_share_inside_a_share_is_relative_to_the_share(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.child("again", "child", "bob", "AJXP_PARENT_OPTION:PATH:/Sub")
    world.user("carol", {"again": "r"})
    world.file("files/Docs/Sub/x")
    found = {share.child_workspace_id: share for share in read_shares(world.context)}
    assert (found["again"].workspace, found["again"].path, found["again"].problem) == ("child", "/Sub", None)


def test_open_link_has_the_rights_of_its_hidden_user(world):
    linked(world, "rw", AJXP_TEMPLATE_NAME="ajxp_shared_folder")
    share = only(world)
    assert (share.link.read, share.link.write, share.link.download) == (True, True, True)
    assert (share.link.has_password, share.link.password_hash, share.link.layout) == (False, None, "ajxp_shared_folder")
    assert share.entries == ()


def test_write_only_link_stays_write_only(world):
    linked(world, "w")
    link = only(world).link
    assert (link.read, link.write, link.download) == (False, True, False)


def test_download_page_shows_no_preview(world):
    linked(world, "r", AJXP_TEMPLATE_NAME="ajxp_unique_dl")
    link = only(world).link
    assert (link.read, link.download) == (False, True)


def test_download_is_off_by_flag_or_by_the_role_of_the_child(world):
    linked(world, "r", DOWNLOAD_DISABLED=True)
    assert only(world).link.download is False


def test_download_is_off_by_the_role_of_the_child(world):
    linked(world, "r")
    world.role("AJXP_SHARED-linked", actions={"linked": {"access.fs": {"download": False}}})
    assert only(world).link.download is False


def test_download_is_off_by_a_role_of_the_hidden_user(world):
    world.child("linked", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user(HIDDEN, {"linked": "r"}, hidden=b"true", roles=php({"MINISITE_NODOWNLOAD": True}))
    world.link("abc123", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="linked", PRELOG_USER=HIDDEN)
    assert only(world).link.download is False


def test_preset_login_is_a_password_and_its_hash_is_the_hidden_users(world):
    linked(world, PRELOG_USER="", PRESET_LOGIN=HIDDEN)
    link = only(world).link
    assert (link.has_password, link.password_hash, link.login_required) == (True, "sha256:1:s:h", False)
    assert "sha256" not in repr(link)


def test_address_without_hidden_user_needs_a_sign_in_and_is_never_public(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.link("abc123", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="child", PRELOG_USER=None)
    share = only(world)
    assert share.link.login_required and [e.id for e in share.entries] == ["bob"]


@pytest.mark.parametrize("data", [{"PRELOG_USER": "ffffffffffff"}, {"PRELOG_USER": "", "PRESET_LOGIN": "ffffffffffff"}])
def test_link_whose_hidden_user_is_gone_is_not_published(world, data):
    linked(world, **data)
    share = only(world)
    assert share.problem == "F1714"
    assert (share.link.read, share.link.write, share.link.download) == (False, False, False)


def test_person_named_as_hidden_user_stays_a_person(world):
    linked(world, PRELOG_USER="carol")
    world.user("carol", {"linked": "rw"})
    assert technical_logins(world.context) == set()
    cell, link = read_shares(world.context)
    assert [entry.id for entry in cell.entries] == ["carol"]
    assert (link.problem, link.link.write) == ("F1714", False)


def test_trouble_with_a_link_does_not_take_the_share_from_its_people(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.link("abc123", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="child", PRELOG_USER="ffffffffffff")
    cell, link = read_shares(world.context)
    assert (cell.link, cell.problem, [e.id for e in cell.entries]) == (None, None, ["bob"])
    assert (link.link.hash, link.problem, link.entries) == ("abc123", "F1714", ())


def test_two_links_of_one_second_share_their_hidden_user(world):
    linked(world, "r")
    world.link("def456", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="linked", PRELOG_USER=HIDDEN)
    assert [(s.link.hash, s.link.read) for s in read_shares(world.context)] == [("abc123", True), ("def456", True)]


def test_hidden_user_of_5_x_without_a_flag_is_technical(world):
    world.child("linked", "ws", "alice", OLD + "/data/files/Docs")
    world.user("ext_" + HIDDEN, {"linked": "r"}, parent_user=b"alice", profile=b"shared")
    world.link("abc123", OWNER_ID="alice", REPOSITORY="linked", PRELOG_USER="ext_" + HIDDEN)
    share = only(world)
    assert "ext_" + HIDDEN in technical_logins(world.context)
    assert share.entries == () and share.link.read


@pytest.mark.parametrize("value", [True, False, None])
def test_link_for_certain_people_is_restricted_by_the_presence_of_the_key(world, value):
    linked(world, RESTRICT_TO_TARGET_USERS=value, TARGET_USERS={"d41d8c": {"display": "zoe@example.net", "download_count": 0}})
    link = only(world).link
    assert link.restricted and link.target_users == ("d41d8c",) and link.target_names == ("zoe@example.net",)


def test_expiry_is_judged_by_the_given_time(world):
    linked(world, EXPIRE_TIME=1_799_999_999)
    assert only(world).link.expired


def test_expiry_in_the_future_is_kept(world):
    linked(world, EXPIRE_TIME=1_800_000_001)
    link = only(world).link
    assert (link.expires_at, link.expired) == (1_800_000_001, False)


def test_expiry_multiplied_by_the_old_conversion_is_recovered(world):
    world.child("linked", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user(HIDDEN, {"linked": "r"}, hidden=b"true")
    world.link("abc123", 1_500_000_000, REPOSITORY="linked", OWNER_ID="alice", PRELOG_USER=HIDDEN, EXPIRE_TIME=1_500_000_000 + 1_510_000_000 * 86400)
    assert only(world).link.expires_at == 1_510_000_000


def test_counter_beside_the_link_files_counts_for_stored_links_too(world):
    world.file("public/.ajxp_publiclet_counters.ser", b"a:1:{i:123456;i:3;}")
    linked(world, hash_="123456", DOWNLOAD_LIMIT=3)
    link = only(world).link
    assert (link.download_limit, link.download_count) == (3, 3)


def test_unreadable_counters_do_not_open_a_limited_link_again(world):
    world.file("public/.ajxp_publiclet_counters.ser", b"a:1:{s:6:broken")
    linked(world, DOWNLOAD_LIMIT=3)
    link = only(world).link
    assert link.download_count == link.download_limit == 3
    assert "F1702" in world.codes()


def test_share_of_somebody_who_is_gone_is_listed_and_not_published(world):
    world.child("child", "ws", "ghost", "AJXP_PARENT_OPTION:PATH:/Docs")
    assert only(world).problem == "F1711"


def test_share_of_a_node_that_is_gone_is_listed_and_not_published(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Nowhere")
    assert only(world).problem == "F1712"


def test_link_whose_child_is_gone_is_listed_and_not_published(world):
    world.link("abc123", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="gone", PRELOG_USER=HIDDEN)
    share = only(world)
    assert (share.problem, share.link.hash, share.link.read) == ("F1713", "abc123", False)


def test_child_that_names_nobody_and_has_no_link_is_left_out(world):
    world.child("empty", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    assert list(read_shares(world.context)) == []
    assert "F1718" in world.codes()


def test_mark_of_a_share_with_people_is_no_link(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.link("repo-child", SHARE_TYPE="repository", OWNER_ID="alice", REPOSITORY="child")
    assert only(world).link is None


def test_damaged_row_is_a_finding_and_the_rest_goes_on(world):
    from migrate.extract.store import StoredObject, Unreadable

    world.store.object_rows.append(StoredObject("share", "broken", Unreadable("cut off at byte 12", 40), None, None, None))
    linked(world)
    assert only(world).link.hash == "abc123"
    assert "F1703" in world.codes()


def test_owner_is_no_recipient_of_his_own_share(world):
    world.child("child", "ws", "bob", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user("carol", {"child": "r"})
    assert [e.id for e in only(world).entries] == ["carol"]


def test_share_from_a_personal_folder_that_was_never_made_is_not_published(world):
    world.workspace("mine", "AJXP_DATA_PATH/personal/AJXP_USER")
    world.child("child", "mine", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    assert only(world).problem == "F1712"


def test_right_cleared_is_no_right(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user("carol", {"child": "AJXP_VALUE_CLEAR"})
    assert [e.id for e in only(world).entries] == ["bob"]


def test_rights_of_users_who_never_signed_in_since_4_3_count(world):
    from migrate.extract.store import UserRow

    world.store.user_rows.append(UserRow("old", True, "md5", "/", {"child": b"r"}, None))
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    assert [(e.id, e.right) for e in only(world).entries] == [("bob", Right.READ_WRITE), ("old", Right.READ)]


def test_everybody_is_a_recipient_only_where_the_root_group_applied(tmp_path):
    for version, reached in (("8.2.5", ["/"]), ("5.2.5", [])):
        world = World(tmp_path / version, version)
        world.user("alice")
        world.user("bob", {"child": "r"})
        world.workspace("ws")
        world.file("files/Docs/a.txt")
        world.role("AJXP_GRP_/", {"child": "r"})
        world.child("child", "ws", "alice", OLD + "/data/files/Docs")
        assert [entry.id for entry in only(world).entries if entry.type == "group"] == reached


def test_single_file_with_a_stale_path_is_found_again_by_its_mark(world):
    content = PhpObject("ContentFilter", {"filters": php({"/Docs/a.txt": "/7de574a4f6/a.txt"})})
    world.child("child", "ws", "alice", "/mnt/before/", content_filter=content)
    mark = {"/Docs/a.txt": {"alice": {"ajxp_shared": {"shares": {"child": {"type": "repository"}}}}}}
    world.file("plugins/metastore.serial/ajxp_meta_ws", serialize(mark))
    share = only(world)
    assert (share.path, share.is_file, share.problem) == ("/Docs/a.txt", True, None)


def test_row_stored_twice_gives_one_link(world):
    linked(world, "r")
    world.link("abc123", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="linked", PRELOG_USER=HIDDEN, DOWNLOAD_LIMIT=1)
    assert only(world).link.download_limit is None
    assert "F1706" in world.codes()


def test_link_on_a_workspace_that_nobody_shared_is_not_published(world):
    world.user(HIDDEN, {"ws": "rw"}, hidden=b"true")
    world.link("abc123", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="ws", PRELOG_USER=HIDDEN)
    share = only(world)
    assert share.problem and not (share.link.read or share.link.write or share.link.download)


@pytest.mark.parametrize("kind", ["repositor", "minisite", "", None])
def test_the_mark_of_a_share_with_people_never_becomes_a_link_whatever_its_kind_says(world, kind):
    """A damaged SHARE_TYPE in a row `repo-<uuid>` must not make an address of what people share."""
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    name = "repo-0123456789abcdef0123456789abcdef"
    world.link(name, **({} if kind is None else {"SHARE_TYPE": kind}), OWNER_ID="alice", REPOSITORY="child", PRELOG_USER="0123456789ab")
    share = only(world)
    assert share.link is None and [entry.id for entry in share.entries] == ["bob"]
    assert "F1703" in world.codes()


def test_a_link_of_a_kind_that_no_version_knew_is_not_published(world):
    linked(world, SHARE_TYPE="strange")
    assert not [share for share in read_shares(world.context) if share.link is not None]
    assert "F1703" in world.codes()
