"""The walk over files: every name byte for byte, nothing technical, nothing outside, no limit of depth."""

import hashlib
import os
import socket

import pytest
from world import OLD, World, serialize

from migrate.extract.files import read_files
from migrate.extract.recycled import read_recycled


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.user("alice")
    world.workspace("ws", "AJXP_DATA_PATH/ws", RECYCLE_BIN="recycle_bin")
    (tmp_path / "data" / "ws").mkdir()
    return world


def found(world, hashes=False):
    return {entry.path: entry for entry in read_files(world.context, hashes)}


def test_files_and_folders_come_with_size_time_and_hash(world):
    world.file("ws/a/b.txt", b"hello")
    os.utime(world.top / "data/ws/a/b.txt", ns=(0, 1_234_567_890_999_999_999))
    entries = found(world, hashes=True)
    assert set(entries) == {"/a", "/a/b.txt"}
    entry = entries["/a/b.txt"]
    assert (entry.type, entry.size, entry.mtime, entry.in_recycle_bin) == ("file", 5, 1_234_567_890, False)
    assert entry.sha256 == hashlib.sha256(b"hello").hexdigest()
    assert (entries["/a"].type, entries["/a"].size, entries["/a"].sha256) == ("dir", None, None)


def test_hashes_are_only_read_when_asked_for(world):
    world.file("ws/b.txt")
    assert found(world)["/b.txt"].sha256 is None


NASTY = ["caf\xe9.txt".encode("latin-1"), b"a\nb", b" lead and trail ", b"..dots..", "日本.txt".encode(), b"\xff\xfe", b"back\\slash", b"2019", b"'\"&<%+"]


@pytest.mark.parametrize("name", NASTY)
def test_every_name_survives_byte_for_byte(world, name):
    world.file(b"ws/" + name)
    (path,) = found(world)
    assert os.fsencode(path) == b"/" + name


def test_what_the_application_put_there_is_left_out(world):
    for name in (".ajxp_meta", "sub/.ajxp_meta", "recycle_bin/.ajxp_recycle_cache.ser", ".ajxp_template", "big.iso.dlpart", "__big.iso.ser"):
        world.file("ws/" + name)
    world.file("ws/recycle_bin/old.txt")
    entries = found(world)
    assert set(entries) == {"/sub", "/recycle_bin", "/recycle_bin/old.txt"}
    assert entries["/recycle_bin"].in_recycle_bin and entries["/recycle_bin/old.txt"].in_recycle_bin
    assert "F1507" in world.codes()


def test_dot_files_and_look_alikes_are_peoples_data(world):
    names = {".htaccess", ".hidden", "index.html", "web.config", "sub/.ajxp_template", "recycle_binary", "sub/recycle_bin/x", "notes.ser"}
    for name in names:
        world.file("ws/" + name)
    assert {"/" + name for name in names} <= set(found(world))
    assert not any(entry.in_recycle_bin for entry in found(world).values())


def test_product_files_are_left_out_of_the_shipped_folders_only(world):
    world.workspace("0", "AJXP_DATA_PATH/files")
    for name in (".htaccess", "web.config", "index.html", "sub/.htaccess", "mine.txt"):
        world.file("files/" + name)
    assert {path for path, entry in found(world).items() if entry.workspace == "0"} == {"/sub", "/sub/.htaccess", "/mine.txt"}


def test_page_that_somebody_wrote_is_kept_in_a_shipped_folder(world):
    world.workspace("0", "AJXP_DATA_PATH/files")
    world.file("files/index.html", b"<html>" + b"x" * 100)
    assert "/index.html" in found(world)


def test_tree_deeper_than_recursion_is_walked(world):
    top, depth = str(world.top / "data" / "ws"), 1200
    folders = [top + "/d" * n for n in range(1, depth + 1)]
    for folder in folders:
        os.mkdir(folder)
    try:
        assert len(found(world)) == depth
    finally:
        for folder in reversed(folders):
            os.rmdir(folder)


def test_links_inside_are_followed_once_and_loops_end(world):
    world.file("ws/real/x.txt")
    top = world.top / "data" / "ws"
    (top / "again").symlink_to("real")
    (top / "third").symlink_to(top / "real")
    (top / "real" / "loop").symlink_to("..")
    (top / "copy.txt").symlink_to("real/x.txt")
    entries = found(world, hashes=True)
    assert "/copy.txt" in entries and entries["/copy.txt"].sha256 == hashlib.sha256(b"x").hexdigest()
    assert len({"/again/x.txt", "/third/x.txt"} & set(entries)) == 1
    assert "/real/x.txt" in entries
    assert "F1504" in world.codes()


def test_links_that_lead_out_or_nowhere_are_reported_and_not_followed(world):
    world.file("secret/password.txt")
    top = world.top / "data" / "ws"
    (top / "out").symlink_to("../secret")
    (top / "out.txt").symlink_to(world.top / "data" / "secret" / "password.txt")
    (top / "broken").symlink_to("nowhere")
    assert found(world, hashes=True) == {}
    assert {"F1502", "F1503"} <= world.codes()


def test_link_with_the_address_of_the_dead_machine_is_followed_inside(world):
    world.file("ws/real/x.txt")
    (world.top / "data" / "ws" / "linked").symlink_to(OLD + "/data/ws/real")
    assert "/linked/x.txt" in found(world)


def test_sockets_and_pipes_are_not_opened(world):
    os.mkfifo(world.top / "data" / "ws" / "pipe")
    place = os.getcwd()
    os.chdir(world.top / "data" / "ws")  # the path of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("sock")
            assert found(world, hashes=True) == {}
    finally:
        os.chdir(place)
    assert "F1505" in world.codes()


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_unreadable_folder_is_a_finding_and_the_rest_goes_on(world):
    world.file("ws/closed/x")
    world.file("ws/open/y")
    (world.top / "data/ws/closed").chmod(0)
    try:
        assert "/open/y" in found(world)
    finally:
        (world.top / "data/ws/closed").chmod(0o700)
    assert "F1501" in world.codes()


def test_folder_that_vanishes_under_the_walk_is_a_finding(world, monkeypatch):
    world.file("ws/closed/x")
    world.file("ws/open/y")
    real = os.scandir

    def scandir(path):
        if os.fsencode(path).endswith(b"/closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr("migrate.extract.tree.os.scandir", scandir)
    assert set(found(world)) == {"/closed", "/open", "/open/y"}
    assert "F1501" in world.codes()


def test_each_user_has_files_of_his_own(world):
    world.user("bob")
    world.workspace("mine", "AJXP_DATA_PATH/personal/AJXP_USER")
    world.file("personal/alice/a.txt")
    world.file("personal/bob/b.txt")
    assert {(e.user, e.path) for e in read_files(world.context) if e.workspace == "mine"} == {("alice", "/a.txt"), ("bob", "/b.txt")}


def test_old_folder_is_not_changed_by_reading_it(world):
    world.file("ws/a/b.txt")
    before = {p: os.stat(p).st_mtime_ns for p in world.top.rglob("*")}
    found(world, hashes=True)
    assert {p: os.stat(p).st_mtime_ns for p in world.top.rglob("*")} == before


def test_origin_of_what_lies_in_the_recycle_bin(world):
    for name in ("old.txt", "2019"):
        world.file("ws/recycle_bin/" + name)
    origins = {"old.txt": "/docs/été", 2019: "/", "gone.txt": "/", "old.txt ": "/../x"}
    world.file("ws/recycle_bin/.ajxp_recycle_cache.ser", serialize(origins))
    found_origins = [(r.path, r.origin) for r in read_recycled(world.context)]
    assert found_origins == [("/recycle_bin/old.txt", "/docs/été"), ("/recycle_bin/2019", "/")]


def test_damaged_list_of_origins_is_a_finding(world):
    world.file("ws/recycle_bin/.ajxp_recycle_cache.ser", b"a:1:{s:")
    assert list(read_recycled(world.context)) == []
    assert "F1512" in world.codes()
