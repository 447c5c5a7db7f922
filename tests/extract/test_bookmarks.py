"""Bookmarks, preferences and avatars: what people chose, without credentials."""

import pytest
from world import World, php

from migrate.extract.avatars import avatar
from migrate.extract.bookmarks import read_bookmarks, read_preferences
from migrate.extract.store import StoredObject, Unreadable


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.user("alice")
    world.workspace("ws")
    return world


def test_bookmarks_of_people_in_workspaces_that_are_there(world):
    world.store.bookmark_rows = [
        ("ALICE", "ws", "docs/", "Docs"),
        ("alice", "ws", "", "Top"),
        ("ghost", "ws", "/docs", "Docs"),
        ("alice", "gone", "/docs", "Docs"),
        ("alice", "ws", "/../x", "Out"),
    ]
    assert [(b.user, b.path, b.title) for b in read_bookmarks(world.context)] == [("alice", "/docs", "Docs"), ("alice", "/", "Top")]
    assert {"F1631", "F1632"} <= world.codes()


@pytest.mark.parametrize("name", ["AJXP_WALLET", "AJXP_WEBDAV_DATA", "google_otp_secret", "API_KEY", "meta.quota", "history", "my_password"])
def test_credentials_and_caches_are_no_preferences(world, name):
    world.store.preference_rows = [("alice", name, b"x"), ("alice", "display", b"thumb")]
    assert [(p.user, p.name, p.value) for p in read_preferences(world.context)] == [("alice", "display", "thumb")]


def test_credentials_inside_a_preference_are_left_out(world):
    world.store.preference_rows = [("alice", "panel", php({"size": 3, "ftp": {"FTP_PASS": "x", "FTP_HOST": "h"}}))]
    assert [p.value for p in read_preferences(world.context)] == [{"size": 3, "ftp": {"FTP_HOST": "h"}}]


def test_damaged_preference_is_a_finding(world):
    world.store.preference_rows = [("alice", "display", Unreadable("cut off", 3))]
    assert list(read_preferences(world.context)) == []
    assert "F1633" in world.codes()


PNG = b"\x89PNG\r\n\x1a\n"


def test_avatar_is_the_named_picture_else_the_newest(world):
    world.store.object_rows = [
        StoredObject("users_binaries.alice", name, None, PNG + name.encode(), None, when) for name, when in (("a.png", 5), ("b.png", 9), ("c.png", 7))
    ]
    assert avatar(world.context, "alice") == PNG + b"b.png"
    assert avatar(world.context, "alice", "c.png") == PNG + b"c.png"
    assert avatar(world.context, "alice", "none.png") is None
    assert avatar(world.context, "bob") is None


def test_of_several_pictures_the_personal_role_chooses(world):
    parameters = php({"AJXP_REPO_SCOPE_ALL": {"core.conf": {"avatar": "a.png"}}})
    world.store.user_rows[0].role.properties["parameters"] = parameters
    world.store.object_rows = [
        StoredObject("users_binaries.alice", name, None, PNG + name.encode(), None, when) for name, when in (("a.png", 5), ("b.png", 9))
    ]
    assert avatar(world.context, "alice") == PNG + b"a.png"


@pytest.mark.parametrize("name", ["../x.png", "", ".."])
def test_avatar_name_that_is_no_name_gives_nothing(world, name):
    assert avatar(world.context, "alice", name) is None
