"""What a later run does to links that are there: it takes off what became less on the old server and leaves what people changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate.cells.models import LiveLink
from migrate.transform.share_actions import CreateLink, EndShare, UpdateLink
from migrate.transform.share_delta import change
from migrate.transform.share_options import MadeLink

OWNER, END = "owner-uuid", 2_000_000_000
PLAN = CreateLink("h", "ds/f", "F", ("Preview", "Download"), "pydio_shared_folder", "ann", OWNER, expires=END, downloads=8)


def live(plan: CreateLink = PLAN, **changes) -> LiveLink:
    values = {"uuid": "u", "hash": plan.hash, "label": "F", "user_login": "0" * 16, "user_uuid": "x", "protected": plan.password != "none",
              "permissions": frozenset(plan.permissions), "template": plan.template, "roots": ("n",), "access_end": plan.expires,
              "max_downloads": plan.downloads, "policies": frozenset({("OWNER", OWNER)})}
    return LiveLink(**{**values, **changes})


def made(plan: CreateLink = PLAN, **changes) -> tuple[MadeLink, ...]:
    return (replace(MadeLink(OWNER, plan.permissions, plan.password != "none", plan.expires, plan.downloads, plan.downloads), **changes),)


def test_nothing_new_changes_nothing_whatever_was_downloaded_in_cells():
    assert change(PLAN, live(downloads=5), made()).action is None


def test_downloads_of_both_servers_since_the_last_run_are_taken_off():
    found = change(replace(PLAN, downloads=6), live(downloads=3), made()).action
    assert isinstance(found, UpdateLink) and (found.downloads, found.counted) == (3, 6)


def test_the_count_goes_on_from_what_the_last_run_set_and_not_from_the_old_limit():
    """The counter of Cells started anew at the last update: what was downloaded before it must not come back."""
    before = made(downloads=3, counted=6)
    later = live(max_downloads=3, downloads=1)
    assert change(replace(PLAN, downloads=6), later, before).action is None
    found = change(replace(PLAN, downloads=5), later, before).action
    assert isinstance(found, UpdateLink) and (found.downloads, found.counted) == (1, 5)


def test_with_nothing_left_the_link_goes_and_never_becomes_unlimited():
    assert isinstance(change(replace(PLAN, downloads=5), live(downloads=5), made()).action, EndShare)
    assert isinstance(change(replace(PLAN, downloads=1), live(downloads=8), made()).action, EndShare)


def test_a_run_that_ended_before_its_update_reached_the_server_is_made_up_for():
    newest, before = made(downloads=3, counted=6)[0], made()[0]
    found = change(replace(PLAN, downloads=6), live(downloads=3), (newest, before)).action
    assert isinstance(found, UpdateLink) and found.downloads == 3
    assert change(replace(PLAN, downloads=6), live(max_downloads=3), (newest, before)).action is None


def test_what_two_runs_had_taken_off_is_not_taken_off_again_when_the_third_was_killed():
    """The third run reached the server or did not; what certainly stood last is what the second set."""
    killed, second, first = made(downloads=5, counted=5, certain=False)[0], made(downloads=6, counted=6)[0], made()[0]
    assert change(replace(PLAN, downloads=5), live(max_downloads=5), (killed, second, first)).action is None
    found = change(replace(PLAN, downloads=5), live(max_downloads=6), (killed, second, first)).action
    assert isinstance(found, UpdateLink) and found.downloads == 5
    touched = change(replace(PLAN, downloads=5), live(max_downloads=4), (killed, second, first)).action
    assert isinstance(touched, UpdateLink) and touched.downloads == 3


def test_a_password_that_changed_on_the_old_server_is_renewed_and_nothing_else_changes():
    closed = replace(PLAN, password="protected", old_hash="50% off")
    found = change(closed, live(closed, downloads=3), made(closed), renew=True).action
    assert isinstance(found, UpdateLink) and found.renew and found.key == "50% off"
    assert (found.downloads, found.expires, set(found.permissions)) == (5, END, {"Preview", "Download"})
    assert change(closed, live(closed), made(closed)).action is None
    assert change(replace(PLAN, password="none"), live(closed), made(closed), renew=True).action is None


def test_more_on_the_old_server_gives_no_more_in_cells():
    assert change(replace(PLAN, downloads=20, expires=END + 100, permissions=("Preview", "Download", "Upload")), live(), made()).action is None
    assert change(replace(PLAN, downloads=0, expires=0), live(), made()).action is None


def test_rights_that_became_less_are_taken_off_reading_too():
    box = replace(PLAN, permissions=("Upload",), downloads=0)
    stands = live(permissions=frozenset({"Preview", "Upload"}), max_downloads=0)
    found = change(box, stands, made(permissions=("Preview", "Upload"), downloads=0, counted=0)).action
    assert isinstance(found, UpdateLink) and found.permissions == ("Upload",)


def test_a_link_that_would_give_nothing_any_more_goes():
    gone = change(replace(PLAN, permissions=("Upload",), downloads=0), live(max_downloads=0), made(downloads=0, counted=0)).action
    assert isinstance(gone, EndShare)


def test_what_people_narrowed_stays():
    narrowed = live(permissions=frozenset({"Preview"}), access_end=END - 5, max_downloads=2)
    assert change(PLAN, narrowed, made()).action is None and change(PLAN, narrowed).action is None


@pytest.mark.parametrize(("changes", "word"), [
    ({"permissions": frozenset({"Preview", "Download", "Upload"})}, "its rights"), ({"access_end": 0}, "its end"),
    ({"access_end": END + 10**6}, "its end"), ({"max_downloads": 0}, "its limit"), ({"max_downloads": 50}, "its limit")])
def test_what_people_opened_in_cells_stays_and_is_told(changes, word):
    found = change(PLAN, live(**changes), made())
    assert found.action is None and found.opened == (word,)


def test_without_knowledge_of_the_last_run_less_is_given():
    for changes in ({"permissions": frozenset({"Download", "Upload"})}, {"access_end": 0}, {"max_downloads": 0}):
        assert isinstance(change(PLAN, live(**changes)).action, UpdateLink)


def test_a_password_that_the_link_lost_is_set_again():
    closed = replace(PLAN, password="protected")
    found = change(closed, live(closed, protected=False), made(closed)).action
    assert isinstance(found, UpdateLink) and found.password == "protected" and found.downloads == 8


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.booleans(), st.sampled_from([0, END - 9, END, END + 9]))
def test_a_later_run_never_gives_more_than_stands(left, counted, limit, used, known, end):
    plan = replace(PLAN, downloads=left)
    stands = live(max_downloads=limit, downloads=min(used, limit), access_end=end)
    found = change(plan, stands, made(downloads=limit, counted=counted) if known else ()).action
    if isinstance(found, UpdateLink):
        assert set(found.permissions) <= {"Preview", "Download"}
        assert not limit or 0 < found.downloads <= limit - min(used, limit)
        assert not end or (found.expires and found.expires <= end)
