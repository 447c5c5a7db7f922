"""Metadata of nodes: in folders and outside, shared and private, old and new formats; never given to the wrong person."""

import base64

import pytest
from world import World, php, serialize

from migrate.extract.bookmarks import read_bookmarks
from migrate.extract.feed import read_comments
from migrate.extract.metadata import read_locks, read_metadata, read_watches
from migrate.extract.metastore import MetaFileError, parse_meta
from migrate.extract.store import CommentRow, Unreadable

ALL = "AJXP_METADATA_SHAREDUSER"
IN_FOLDERS = php({"metastore.serial": {"METADATA_FILE": ".ajxp_meta", "METADATA_FILE_LOCATION": "infolders"}})
OUTSIDE = php({"metastore.serial": {"METADATA_FILE_LOCATION": "outside"}})


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.user("alice")
    world.user("bob")
    world.workspace("ws", "AJXP_DATA_PATH/ws", META_SOURCES=IN_FOLDERS)
    world.workspace("1", "AJXP_DATA_PATH/personal/AJXP_USER", META_SOURCES=OUTSIDE)
    world.workspace("g", "AJXP_DATA_PATH/groups/AJXP_GROUP_PATH_FLAT", META_SOURCES=OUTSIDE)
    world.store.group_rows.append(("/sales/eu", "EU"))
    (tmp_path / "data" / "ws").mkdir()
    return world


def meta(values, bucket=ALL, namespace="users_meta"):
    return {bucket: {namespace: values}}


def outside(world, name, nodes):
    world.file("plugins/metastore.serial/ajxp_meta_" + name, serialize(nodes))


def found(world):
    return [(m.workspace, m.user, m.group, m.bucket, m.path, dict(m.values)) for m in read_metadata(world.context)]


def test_metadata_of_files_and_folders_lies_beside_them(world):
    world.file("ws/docs/a.txt")
    world.file("ws/docs/.ajxp_meta", serialize({"a.txt": meta({"tags": "été"})}))
    world.file("ws/.ajxp_meta", serialize({"docs": meta({"stars_rate": "5"})}))
    assert sorted(found(world)) == [
        ("ws", None, None, None, "/docs", {"stars_rate": "5"}),
        ("ws", None, None, None, "/docs/a.txt", {"tags": "été"}),
    ]


def test_private_bucket_stays_with_its_login(world):
    world.file("ws/a.txt")
    world.file("ws/.ajxp_meta", serialize({"a.txt": {ALL: {"users_meta": {"x": "1"}}, "bob": {"users_meta": {"x": "2"}}}}))
    assert [(bucket, values) for *_, bucket, _, values in found(world)] == [(None, {"x": "1"}), ("bob", {"x": "2"})]


def test_folder_called_2019_is_found_by_its_integer_key(world):
    world.file("ws/2019/a")
    world.file("ws/.ajxp_meta", serialize({2019: meta({"x": "1"})}))
    assert [path for *_, path, _ in found(world)] == ["/2019"]


def test_rubbish_after_the_value_is_ignored(world):
    world.file("ws/a")
    world.file("ws/.ajxp_meta", serialize({"a": meta({"x": "1"})}) + b':0;s:5:"hello";')
    assert len(found(world)) == 1


def test_flat_format_of_3_x_is_read_with_its_entities(world):
    world.file("ws/a & b")
    world.file("ws/.ajxp_meta", serialize({"a &amp; b": {"comment": "1 &lt; 2"}}))
    assert found(world) == [("ws", None, None, None, "/a & b", {"comment": "1 < 2"})]


def test_mark_of_an_upgraded_file_is_no_node():
    assert [entry.key for entry in parse_meta(serialize({"AJXP_METASTORE_UPGRADED": True, "a": meta({"x": "1"})}))] == [b"a"]


@pytest.mark.parametrize("data", [b"a:1:{broken", b"i:5;", b"\x00\x01"])
def test_damaged_file_is_an_error_of_its_own(data):
    with pytest.raises(MetaFileError):
        parse_meta(data)


def test_damaged_file_is_a_finding_and_the_rest_goes_on(world):
    world.file("ws/docs/.ajxp_meta", b"a:1:{broken")
    world.file("ws/.ajxp_meta", serialize({"docs": meta({"x": "1"})}))
    assert len(found(world)) == 1
    assert "F1601" in world.codes()


def test_metadata_of_a_node_that_is_gone_is_a_finding(world):
    world.file("ws/.ajxp_meta", serialize({"gone": meta({"x": "1"})}))
    assert found(world) == []
    assert "F1611" in world.codes()


@pytest.mark.parametrize("key", ["../secret", "..", "", "/etc/passwd"])
def test_key_that_leads_elsewhere_is_not_followed(world, key):
    world.file("secret")
    world.file("ws/.ajxp_meta", serialize({key: meta({"x": "1"})}))
    assert found(world) == []
    assert "F1613" in world.codes()


def test_outside_files_belong_to_a_user_or_a_group(world):
    world.file("personal/alice/a.txt")
    world.file("groups/sales_eu/b.txt")
    outside(world, "1_alice", {"/a.txt": meta({"x": "1"})})
    outside(world, "g___sales__eu", {"/b.txt": meta({"x": "2"})})
    assert found(world) == [
        ("1", "alice", None, None, "/a.txt", {"x": "1"}),
        ("g", None, "/sales/eu", None, "/b.txt", {"x": "2"}),
    ]


def test_ids_and_logins_with_underscores_are_told_apart(world):
    world.user("my_login")
    world.workspace("1_my", "AJXP_DATA_PATH/other/AJXP_USER", META_SOURCES=OUTSIDE)
    world.user("login")
    world.file("personal/my_login/a")
    world.file("other/login/a")
    outside(world, "1_my_login", {"/a": meta({"x": "1"})})
    assert [(w, u) for w, u, *_ in found(world)] == [("1_my", "login")]  # the longest id that is a workspace


def test_backups_and_files_of_nobody_are_left_out(world):
    world.file("personal/alice/a.txt")
    outside(world, "1_alice.bak", {"/a.txt": meta({"x": "old"})})
    outside(world, "1_ghost", {"/a.txt": meta({"x": "ghost"})})
    outside(world, "unknown", {"/a.txt": meta({"x": "unknown"})})
    assert found(world) == []
    assert {f.subject for f in world.context.findings if f.code == "F1602"} == {"ajxp_meta_1_ghost", "ajxp_meta_unknown"}


def test_left_over_of_another_location_does_not_come_back(world):
    world.file("ws/a.txt")
    outside(world, "ws", {"/a.txt": meta({"x": "stale"})})
    world.file("personal/alice/a.txt")
    world.file("personal/alice/.ajxp_meta", serialize({"a.txt": meta({"x": "stale"})}))
    assert found(world) == []


def test_file_shared_by_all_users_gives_a_node_only_to_whom_it_must_be(world):
    world.file("personal/alice/only-alice.txt")
    for login in ("alice", "bob"):
        world.file(f"personal/{login}/both.txt")
    nodes = {"/only-alice.txt": meta({"x": "1"}), "/both.txt": meta({"x": "2"}), "/gone": meta({"x": "3"})}
    outside(world, "1", nodes)
    assert found(world) == [("1", "alice", None, None, "/only-alice.txt", {"x": "1"})]
    assert {"F1611", "F1612"} <= world.codes()


def test_private_bucket_of_a_file_shared_by_all_users_proves_whose_it_is(world):
    for login in ("alice", "bob"):
        world.file(f"personal/{login}/both.txt")
    outside(world, "1", {"/both.txt": meta({"x": "1"}, bucket="bob")})
    assert found(world) == [("1", "bob", None, "bob", "/both.txt", {"x": "1"})]


def test_hashes_marks_and_caches_are_not_metadata(world):
    world.file("ws/a.txt")
    node = {ALL: {"file_hahser": {"md5": "x"}, "ajxp_shared": {"shares": {}}, "simple_lock": {"lock_user": "bob"}}}
    world.file("ws/.ajxp_meta", serialize({"a.txt": node}))
    assert found(world) == []


def test_unknown_kinds_of_metadata_are_reported_once(world):
    for name in ("a", "b"):
        world.file("ws/" + name)
    world.file("ws/.ajxp_meta", serialize({name: meta({"k": "v"}, namespace="etherpad") for name in ("a", "b")}))
    assert found(world) == []
    assert len([f for f in world.context.findings if f.code == "F1616"]) == 1


def test_lock_names_who_holds_it(world):
    world.file("ws/a.txt")
    world.file("ws/.ajxp_meta", serialize({"a.txt": meta({"lock_user": "bob"}, namespace="simple_lock")}))
    assert [(x.user, x.workspace, x.path) for x in read_locks(world.context)] == [("bob", "ws", "/a.txt")]


def test_watch_on_both_stays_one_record_and_dead_people_watch_nothing(world):
    world.file("ws/a.txt")
    watchers = {"alice": "META_WATCH_CHANGE", "bob": "META_WATCH_BOTH", "ghost": "META_WATCH_READ"}
    outside(world, "ws", {"/a.txt": meta(watchers, namespace="META_WATCH"), "/": meta({"bob": "META_WATCH_READ"}, namespace="META_WATCH")})
    watches = [(x.user, x.workspace, x.path, x.type) for x in read_watches(world.context)]
    assert watches == [("alice", "ws", "/a.txt", "change"), ("bob", "ws", "/a.txt", "both"), ("bob", "ws", "/", "read")]


def test_marks_of_people_who_left_are_told(world):
    world.file("ws/a.txt")
    world.file("ws/.ajxp_meta", serialize({"a.txt": meta({"lock_user": "ghost"}, namespace="simple_lock")}))
    outside(world, "ws", {"/a.txt": meta({"ghost": "META_WATCH_READ", "bob": "META_WATCH_MAYBE"}, namespace="META_WATCH")})
    world.store.bookmark_rows = [("ghost", "ws", "/a.txt", "A")]
    assert [*read_locks(world.context), *read_watches(world.context), *read_bookmarks(world.context)] == []
    assert {(f.code, f.kind) for f in world.context.findings if f.code in ("F1618", "F1619")} == {
        ("F1618", "locks"), ("F1618", "watches"), ("F1619", "watches"), ("F1618", "bookmarks")}


def test_comments_of_people_who_left_are_kept_under_their_name(world):
    world.store.comment_rows = [comment(b"eA==", user="ghost"), comment(b"eQ==", user="")]
    assert [(c.user, c.content) for c in read_comments(world.context)] == [("ghost", "x"), ("(unknown)", "y")] and "F1622" in world.codes()


def test_watch_on_a_shared_child_is_kept_under_the_child(world):
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/docs")
    world.file("ws/docs/a.txt")
    outside(world, "child", {"/a.txt": meta({"bob": "META_WATCH_CHANGE"}, namespace="META_WATCH")})
    assert [(x.workspace, x.path) for x in read_watches(world.context)] == [("child", "/a.txt")]


def comment(content, **more):
    row = {"user": "bob", "workspace": "ws", "path": "/a.txt", "content": content, "time": 5, "scope": "ALL", "owner": None, "group": None}
    return CommentRow(**{**row, **more})


def test_comment_text_is_base64_of_what_was_typed(world):
    world.store.comment_rows = [comment(base64.b64encode('é & <b>"x"</b>'.encode()))]
    assert [(c.user, c.workspace, c.path, c.content, c.time) for c in read_comments(world.context)] == [
        ("bob", "ws", "/a.txt", 'é & <b>"x"</b>', 5)
    ]


def test_comment_in_a_per_user_workspace_tells_whose_folder(world):
    world.store.comment_rows = [comment(b"eA==", workspace="1", scope="USER", owner="alice")]
    assert [c.owner for c in read_comments(world.context)] == ["alice"]


@pytest.mark.parametrize("content", [Unreadable("cut off", 3), b"***", None])
def test_damaged_comment_is_a_finding_and_the_rest_goes_on(world, content):
    world.store.comment_rows = [comment(content), comment(b"eA==")]
    assert [c.content for c in read_comments(world.context)] == ["x"]
    assert "F1621" in world.codes()


def test_comments_in_metadata_are_read_where_no_feed_was_active(world):
    world.file("ws/a.txt")
    outside(world, "ws", {"/a.txt": meta({0: {"date": 1500000000, "author": "bob", "content": "ok"}}, namespace="AJXP_META_SPACE_COMMENTS")})
    assert [(c.user, c.path, c.content, c.time) for c in read_comments(world.context)] == [("bob", "/a.txt", "ok", 1500000000)]


def test_watch_on_a_shared_file_keeps_the_path_that_its_users_saw(world):
    from migrate.extract.php.values import PhpObject

    content = PhpObject("ContentFilter", {"filters": php({"/docs/a.txt": "/7de574a4f6/a.txt"})})
    world.child("child", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/", content_filter=content)
    world.file("ws/docs/a.txt")
    outside(world, "child", {"/7de574a4f6/a.txt": meta({"bob": "META_WATCH_READ"}, namespace="META_WATCH")})
    assert [(x.user, x.path, x.type) for x in read_watches(world.context)] == [("bob", "/7de574a4f6/a.txt", "read")]


def test_extended_attributes_are_read_where_the_file_system_has_them(world):
    import os

    world.workspace("x", "AJXP_DATA_PATH/x", META_SOURCES=php({"metastore.xattr": {}}))
    world.file("x/a.txt")
    path = world.top / "data" / "x" / "a.txt"
    try:
        os.setxattr(path, "user.users_meta-1-ajxp_metadata_shareduser", base64.b64encode(serialize({"stars_rate": "4"})))
        os.setxattr(path, "user.meta_watch-2-ajxp_metadata_shareduser", base64.b64encode(serialize({"bob": "META_WATCH_READ"})))
    except OSError:
        pytest.skip("this file system has no extended attributes")
    assert [(m.workspace, m.path, dict(m.values)) for m in read_metadata(world.context)] == [("x", "/a.txt", {"stars_rate": "4"})]
    assert [(w.user, w.workspace, w.path, w.type) for w in read_watches(world.context)] == [("bob", "x", "/a.txt", "read")]


def test_metadata_file_that_is_a_link_is_not_followed(world):
    world.file("secret", serialize({"a": meta({"x": "1"})}))
    world.file("ws/a")
    (world.top / "data" / "ws" / ".ajxp_meta").symlink_to("../secret")
    assert found(world) == []
    assert "F1601" in world.codes()
