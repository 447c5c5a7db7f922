"""When a stored link ends and how often it may be fetched, in every way it was ever stored. Compared with what PHP makes of it."""

from __future__ import annotations

import math

import pytest

from migrate.extract.links import stored_link
from migrate.extract.linkterms import PAST, expiry, limit

LATER = 2_000_000_000


@pytest.mark.parametrize(("value", "before", "since"), [
    (None, None, None), (LATER, LATER, LATER), (str(LATER), LATER, LATER), (b"2000000000", LATER, LATER), (2e9, LATER, LATER),
    (0, None, PAST), ("0", None, PAST), ("", None, PAST), (b"", None, PAST), (False, None, PAST),
    (-5, PAST, PAST), ("-5", PAST, PAST), ("2010-01-01", 2010, 2010), ("soon", PAST, PAST), ("2000000000 or so", LATER, LATER), (" 2000000000", LATER, LATER),
    (True, PAST, PAST), ({}, PAST, PAST), (math.nan, PAST, PAST), (math.inf, None, None), ("1e9", 10**9, 10**9), ("0.0", PAST, PAST)])
def test_an_end_is_read_as_the_application_compared_it_and_never_as_none_when_it_cannot_be_read(value: object, before: int | None, since: int | None) -> None:
    """Before 6.5 an end of nothing was none; since then an end that is stored is one."""
    assert (expiry(value, strict=False), expiry(value, strict=True)) == (before, since)


@pytest.mark.parametrize(("value", "allowed"), [
    (None, None), (0, None), (-1, None), ("-1", None), ("", None), ("0", None), (b"", None), ("none", None), (5, 5), ("5", 5), (b"5", 5), ("5 times", 5),
    (2.5, 3), (True, 1), (False, None), ({}, None), (math.inf, None)])
def test_a_limit_below_one_was_none_and_text_counts_by_its_digits(value: object, allowed: int | None) -> None:
    assert limit(value) == allowed


def test_a_link_that_one_of_those_it_was_sent_to_used_up_is_used_up() -> None:
    targets = {b"bo": {b"display": b"Bo", b"download_count": 3}, b"cy": {b"download_count": 0}}
    row = {"SHARE_TYPE": b"minisite", "REPOSITORY": b"c", "PRELOG_USER": b"x", "DOWNLOAD_LIMIT": 3, "DOWNLOAD_COUNT": 1, "TARGET_USERS": targets}
    link = stored_link("h", row, {})
    assert (link.limit, link.count) == (3, 3)
    assert stored_link("h", {**row, "DOWNLOAD_LIMIT": 4}, {}).count == 1
