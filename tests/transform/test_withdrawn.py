"""What left the old server is taken back; what could only not be read is not."""

from __future__ import annotations

import pytest
from builders import fresh_target

from migrate.transform.metadata_actions import RemoveLocks, RemoveValues, SetLocks, WriteValues
from migrate.transform.withdrawn import Wanted, Withdrawn

HISTORY = (WriteValues((((), "legacy/a.txt", {"usermeta-stars": "3"}),), ("legacy",)), SetLocks((((), "legacy/a.txt", "bob"),)))


def part(**given):
    return Withdrawn(HISTORY, Wanted(), fresh_target(), **given)


def test_values_and_locks_that_left_are_taken_back():
    assert {type(action) for action, _ in part().actions} == {RemoveValues, RemoveLocks}


@pytest.mark.parametrize(("unread", "left"), [("metadata", set()), ("workspaces", set()), ("installation", set()), ("locks", {RemoveValues}),
                                              ("roles", {RemoveValues, RemoveLocks})])
def test_what_could_not_be_read_stays_and_is_said(unread, left):
    taken = part(unread=[unread])
    assert {type(action) for action, _ in taken.actions} == left
    assert [f.code for f in taken.findings] == ([] if len(left) == 2 else ["F2921"])
