"""Whatever is stored in links, children and metadata: findings and less access, never an exception."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from world import World, serialize

from migrate.extract.feed import read_comments
from migrate.extract.linkfiles import read_link_files
from migrate.extract.metadata import read_locks, read_metadata, read_watches
from migrate.extract.metastore import MetaFileError, parse_meta
from migrate.extract.php.values import PhpObject
from migrate.extract.records import to_plain
from migrate.extract.shares import read_shares, technical_logins
from migrate.extract.store import StoredObject, Unreadable, WorkspaceRow

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**13), 10**13),
    st.floats(),
    st.sampled_from([b"", b"child", b"ws", b"alice", b"0123456789ab", b"/../x", b"/a", b"\xff\xfe", b"1e400", b"NaN", b"a\0b"]),
)
KEYS = st.one_of(st.integers(0, 3), st.sampled_from([b"users_meta", b"alice", b"", b"..", b"a", b"\xff"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(PhpObject, st.just("X"), st.dictionaries(st.sampled_from(["id", "filters", "acls"]), inner, max_size=2)),
        st.just(Unreadable("cut off", 3)),
    ),
    max_leaves=6,
)
FIELDS = ["SHARE_TYPE", "REPOSITORY", "OWNER_ID", "PRELOG_USER", "PRESET_LOGIN", "EXPIRE_TIME", "DOWNLOAD_LIMIT", "DOWNLOAD_COUNT"]
FIELDS += ["TARGET_USERS", "PASSWORD", "FILE_PATH", "AJXP_TEMPLATE_NAME", "DOWNLOAD_DISABLED", "TARGET"]
ROWS = st.one_of(VALUES, st.dictionaries(st.sampled_from([name.encode() for name in FIELDS]), VALUES, max_size=8))
OPTIONS = st.dictionaries(st.sampled_from(["PATH", "content_filter", "META_SOURCES", "USER_DESCRIPTION", "CHARSET"]), VALUES, max_size=4)


def small_world(folder):
    world = World(Path(folder))
    world.user("alice")
    world.user("0123456789ab", {"child": "rw"}, hidden=b"true")
    world.workspace("ws")
    world.file("files/a")
    return world


@settings(max_examples=80, deadline=None)
@given(ROWS, OPTIONS, st.sampled_from(["ws", "child", "gone", None]))
def test_any_link_on_any_child_gives_records_or_findings(row, options, parent):
    with tempfile.TemporaryDirectory() as folder:
        world = small_world(folder)
        columns = {"display": "child", "accessType": "fs", "parent_uuid": parent, "owner_user_id": "alice", "inferOptionsFromParent": True}
        world.store.workspace_rows.append(WorkspaceRow("child", columns, options))
        world.store.object_rows.append(StoredObject("share", "abc123", row, None, None, 5))
        world.context.extra_technical |= technical_logins(world.context)
        for share in read_shares(world.context):
            to_plain(share)
            assert share.link is None or share.link.has_password or share.problem or share.link.login_required or b"PRELOG_USER" in row
            assert ".." not in share.path.split("/")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_link_file_or_not(data):
    with tempfile.TemporaryDirectory() as folder:
        world = small_world(folder)
        world.link_file("abcdef", data)
        list(read_link_files(str(world.top / "data" / "public")))
        list(read_shares(world.context))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=120))
def test_any_bytes_are_a_metadata_file_or_an_error_of_its_own(data):
    try:
        parse_meta(data)
    except MetaFileError:
        pass


PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "alice", "..", "META_WATCH_READ", "é"])),
    lambda inner: st.dictionaries(
        st.sampled_from(["a", "..", "/a", "AJXP_METADATA_SHAREDUSER", "alice", "users_meta", "META_WATCH", "simple_lock", "lock_user", 1]), inner, max_size=3
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(PLAIN)
def test_any_shape_of_metadata_gives_records_or_findings(value):
    with tempfile.TemporaryDirectory() as folder:
        world = small_world(folder)
        world.workspace("meta", "AJXP_DATA_PATH/files", META_SOURCES={b"metastore.serial": {}})
        world.file("files/.ajxp_meta", serialize(value))
        world.file("plugins/metastore.serial/ajxp_meta_meta", serialize(value))
        for stream in (read_metadata, read_locks, read_watches, read_comments):
            for record in stream(world.context):
                to_plain(record)
                assert ".." not in record.path.split("/")
