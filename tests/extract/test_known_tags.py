"""Tags that the old application offered, whether they were used or not."""

import pytest
from world import World

from migrate.extract.store import StoredObject, Unreadable
from migrate.extract.tags import known_tags


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.workspace("ws")
    return world


def row(workspace, data):
    return StoredObject("meta_user_tags", workspace, data, None, None, None)


def test_tags_of_a_workspace_are_each_once_in_their_order(world):
    world.store.object_rows = [row("ws", {0: b"urgent", 1: "\u00e9t\u00e9".encode(), 2: b" urgent ", 3: b"", 4: b"a,b"}), row("other", {0: b"x"})]
    assert known_tags(world.context) == {"ws": ("urgent", "\u00e9t\u00e9", "a", "b"), "other": ("x",)}


@pytest.mark.parametrize("data", [Unreadable("it is cut off", 9), b"no list", 7])
def test_a_damaged_list_is_a_finding_and_the_rest_goes_on(world, data):
    world.store.object_rows = [row("ws", data), row("other", {0: b"x"})]
    assert known_tags(world.context) == {"other": ("x",)} and "F1641" in world.codes()
