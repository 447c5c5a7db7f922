"""Link files of the public folder: encrypted with their own name, passwords in clear, counters beside them."""

import pytest
from world import World, serialize, stem_of

from migrate.extract.linkfiles import BadLinkFile, read_link_files
from migrate.extract.shares import read_shares, technical_logins


def publiclet(**more):
    """A link to one file as 4.x and 5.x wrote it."""
    repository = b'O:10:"Repository":3:{s:4:"uuid";s:32:"9881bfb5faabf3308885a90a1f8db3b2";s:2:"id";s:2:"ws";s:7:"options";a:0:{}}'
    fields = {"DRIVER": "fs", "FILE_PATH": "/Docs/a.txt", "EXPIRE_TIME": 0, "DOWNLOAD_LIMIT": 0, "PASSWORD": "", "OWNER_ID": "alice", **more}
    inner = b"".join(serialize(k) + serialize(v) for k, v in fields.items()) + serialize("REPOSITORY") + repository
    return b"a:%d:{%s}" % (len(fields) + 1, inner)


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, "5.2.5", "serial")
    world.user("alice")
    world.workspace("ws")
    world.file("files/Docs/a.txt")
    return world


def test_link_file_gives_file_owner_and_clear_password(world):
    data = publiclet(PASSWORD="s3cret é", EXPIRE_TIME=1_900_000_000, DOWNLOAD_LIMIT="5")
    world.link_file(stem_of(data), data)
    (share,) = read_shares(world.context)
    assert (share.child_workspace_id, share.owner, share.workspace, share.path, share.is_file) == (None, "alice", "ws", "/Docs/a.txt", True)
    link = share.link
    assert (link.has_password, link.password, link.expires_at, link.download_limit) == (True, "s3cret é", 1_900_000_000, 5)
    assert (link.read, link.write, link.download) == (False, False, True)
    assert "s3cret" not in repr(share)


def test_link_file_with_floats_and_a_counter(world):
    data = publiclet().replace(b'"EXPIRE_TIME";i:0;', b'"EXPIRE_TIME";d:1900000000.5;')
    world.link_file("112233", data)
    world.file("public/.ajxp_publiclet_counters.ser", b"a:1:{i:112233;i:2;}")
    (share,) = read_shares(world.context)
    assert (share.link.expires_at, share.link.download_count) == (1_900_000_000, 2)


def test_renamed_link_file_is_a_finding_and_no_share(world):
    data = publiclet()
    world.link_file(stem_of(data), data)
    public = world.top / "data" / "public"
    (public / f"{stem_of(data)}.php").rename(public / "copied.php")
    assert list(read_shares(world.context)) == []
    assert "F1701" in world.codes()


def test_other_scripts_of_the_product_are_passed_over(world):
    world.file("public/share.php", b'<?php base64_decode("AAAA");')
    world.file("public/other.php", b"<?php echo 1;")
    world.file("public/.htaccess", b"deny")
    assert list(read_link_files(str(world.top / "data" / "public"))) == []


@pytest.mark.parametrize("script", [b'base64_decode("AAAA")', b'base64_decode("=====")', b'base64_decode("A")'])
def test_damaged_link_files_are_told_apart_from_other_scripts(world, script):
    world.file("public/abc.php", script)
    (entry,) = read_link_files(str(world.top / "data" / "public"))
    assert isinstance(entry, BadLinkFile)


def test_name_that_the_application_chose_is_a_technical_login_and_a_chosen_handle_is_not(world):
    data = publiclet()
    world.link_file(stem_of(data), data)
    world.link_file("report-2018", data)
    assert technical_logins(world.context) == {stem_of(data)}


@pytest.mark.parametrize("path", ["/../../secret", "../x", ""])
def test_link_file_to_a_path_outside_is_not_published(world, path):
    world.link_file("abcdef", publiclet(FILE_PATH=path))
    (share,) = read_shares(world.context)
    assert share.problem == "F1715"


def test_password_lost_in_the_conversion_to_the_database_is_used_again(world):
    world.child("linked", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user("0123456789ab", {"linked": "r"}, hidden=b"true")
    world.link("abcdef", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="linked", PRELOG_USER="0123456789ab")
    world.link_file("abcdef", publiclet(PASSWORD="first"), ".php.migrated")
    (share,) = read_shares(world.context)
    assert (share.link.has_password, share.link.password) == (True, "first")
    assert "F1705" in world.codes()


def test_link_in_file_and_database_is_given_once(world):
    world.child("linked", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user("0123456789ab", {"linked": "r"}, hidden=b"true")
    world.link("abcdef", OWNER_ID="alice", SHARE_TYPE="minisite", REPOSITORY="linked", PRELOG_USER="0123456789ab")
    world.link_file("abcdef", publiclet())
    assert [share.child_workspace_id for share in read_shares(world.context)] == ["linked"]
    assert "F1706" in world.codes()


def test_link_of_2_x_without_owner_is_not_published(world):
    world.link_file("abcdef", publiclet(OWNER_ID=None))
    (share,) = read_shares(world.context)
    assert share.problem == "F1724"


def limited(tmp_path):
    """A limited folder link of 6.x with the file drivers, which never managed to store a counter."""
    world = World(tmp_path, "6.4.2", "serial")
    world.user("alice")
    world.workspace("ws")
    world.file("files/Docs/a.txt")
    world.child("linked", "ws", "alice", "AJXP_PARENT_OPTION:PATH:/Docs")
    world.user("0123456789ab", {"linked": "r"}, parent_user=b"alice")
    world.link_file("abcdef", serialize({"OWNER_ID": "alice", "REPOSITORY": "linked", "PRELOG_USER": "0123456789ab", "DOWNLOAD_LIMIT": 5}))
    return world


def test_downloads_of_a_link_without_counter_are_counted_in_the_logs(tmp_path):
    world = limited(tmp_path)
    line = b"11-22-26 00:54:55\t127.0.0.1\tINFO\t%s\taccess.fs\tDownload\tfiles=docs/a.txt\n"
    world.file("logs/log_11-22-26.txt", line % b"0123456789ab" + line % b"bob" + b"rubbish\n")
    world.file("logs/log_11-23-26.txt", line % b"0123456789ab")
    world.file("logs/ajxp_access.log", line % b"0123456789ab")
    (share,) = read_shares(world.context)
    assert (share.link.download_limit, share.link.download_count) == (5, 2)


def test_link_without_counter_and_without_logs_counts_as_used_up(tmp_path):
    world = limited(tmp_path)
    (share,) = read_shares(world.context)
    assert share.link.download_count == 5
    assert "F1726" in world.codes()


def test_counters_of_other_links_prove_that_this_one_was_not_used(tmp_path):
    world = limited(tmp_path)
    world.file("public/.ajxp_publiclet_counters.ser", serialize({"other": 3}))
    (share,) = read_shares(world.context)
    assert share.link.download_count == 0


def test_administrators_up_to_4_2_are_no_recipients_of_what_they_may_see(tmp_path):
    world = World(tmp_path, "4.2.3", "serial")
    for login in ("alice", "bob"):
        world.user(login)
    world.user("admin", {"child": "rw"}, admin=True)
    world.user("carol", {"child": "r"}, admin=False)
    world.workspace("ws")
    world.file("files/Docs/a.txt")
    world.child("child", "ws", "alice", "AJXP_DATA_PATH/files/Docs")
    (share,) = read_shares(world.context)
    assert [entry.id for entry in share.entries] == ["carol"]
