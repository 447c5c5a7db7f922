"""A shelf in memory and one in a file give the same."""

from __future__ import annotations

import pytest

from migrate.shelf import DiskShelf, Shelf

BAD = "caf\udce9"


@pytest.fixture(params=[Shelf, DiskShelf])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    return request.param()


def test_rows_come_back_in_their_order_as_often_as_asked(shelf: Shelf):
    rows = shelf.rows([1, {"a": [BAD]}, ("x", None)] for _ in range(1))
    assert list(rows) == list(rows) == [[1, {"a": [BAD]}, ["x", None]]]


def test_groups_are_together_in_order_of_their_keys(shelf: Shelf):
    found = shelf.groups([("b", 1), ("", 2), ("b", 3), (BAD, [4])])
    assert [(key, list(rows)) for key, rows in found] == [("", [2]), ("b", [1, 3]), (BAD, [[4]])]


def test_a_key_is_new_once(shelf: Shelf):
    first = shelf.first()
    assert [first("a"), first(BAD), first("a"), first(BAD)] == [True, True, False, False]


def test_a_mapping_knows_texts_and_pairs_and_the_first_value_counts(shelf: Shelf):
    found = shelf.mapping([(("u", BAD), "1"), (("u", BAD), "2"), (("v", "n"), BAD)])
    assert found.get(("u", BAD)) == "1" and found[("v", "n")] == BAD and ("x", "y") not in found and len(found) == 2
    assert set(found) == {("u", BAD), ("v", "n")}
    assert dict(shelf.mapping([("a", "b")])) == {"a": "b"}


def test_rows_may_be_made_while_others_are_read(shelf: Shelf):
    source = shelf.rows(range(500))
    first = shelf.first()
    assert list(shelf.rows(n for n in source if first(str(n % 7)))) == list(range(7))
