"""What becomes of each old share, decided from values alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.cells.models import LiveLink, LiveShares, effective
from migrate.extract.records import Access, Link, Root, Share, ShareEntry, Team, User, Workspace, to_plain
from migrate.rights import Right
from migrate.transform.actions import from_json
from migrate.transform.lookup import PlanLookup
from migrate.transform.plan import PlanOptions, make_plan
from migrate.transform.share_actions import CreateCell, CreateLink, EndShare, HandOverLink, ShareComplete, ShareRight, UpdateLink
from migrate.transform.share_links import MONTH, usable_hash
from migrate.transform.share_options import MadeLink, ShareOptions
from migrate.transform.shares import Shares
from migrate.transform.standing import lineage
from tests.transform.builders import ADMIN, SEED, Records, fresh_target, plain_world

R, W, RW = Right.READ, Right.WRITE, Right.READ_WRITE
NOW = 1_700_000_000


class Disk(Records):
    """A world whose folders hold what `disk` says."""

    def user(self, login):
        return next((u for u in self.user_list if u.login == login), None)

    def root(self, key):
        return next((r for r in self.root_list if r.key == key), None)

    def target(self, root, path):
        return None

    def carried(self, root, path):
        return None if (root, path) not in self.disk else not path.startswith("/recycle")


DISK = {("p\0\0", "/docs"): "dir", ("p\0\0", "/docs/a.txt"): "file", ("p\0\0", "/recycle/old"): "dir", ("1\0alice\0", "/mine.txt"): "file"}


def world(**changes) -> Disk:
    base = plain_world()
    values = {name: getattr(base, name) for name in ("user_list", "group_list", "role_list", "team_list", "workspace_list", "root_list", "access_list")}
    return Disk(**{**values, "disk": DISK, **changes})


def share(path="/docs", *, child="c1", owner="alice", link=None, entries=(), **more) -> Share:
    return Share(child, owner, "p", path, path.endswith(".txt"), label=more.pop("label", "Docs"), entries=tuple(entries), link=link, **more)


def link(hash_="abc123", **more) -> Link:
    return Link(hash_, **{"read": True, "download": True, **more})


def part(shares: Iterable[Share], records: Disk | None = None, live: LiveShares | None = None, target=None, **options) -> Shares:
    records = records or world()
    target = target or fresh_target()
    plan = make_plan(records, target, None, PlanOptions(SEED))
    rows = [(s.key, to_plain(s)) for s in shares]
    return Shares(lambda: rows, PlanLookup(plan, records, target), live or LiveShares(), ShareOptions(now=NOW, **options))


def made(planned: Shares, kind):
    return [action for action, _ in planned.actions if isinstance(action, kind)]


def outcome(planned: Shares) -> dict[str, str | None]:
    return {key: code for _, key, _, code, _ in planned.outcomes}


def only_link(planned: Shares) -> CreateLink:
    found = made(planned, CreateLink)
    assert len(found) == 1
    return found[0]


# -- links ------------------------------------------------------------------------------------------------------------------


def test_a_link_keeps_its_address_and_is_handed_to_its_owner():
    planned = part([share(link=link())])
    action = only_link(planned)
    assert (action.hash, action.owner_login, action.password) == ("abc123", "alice", "none")
    assert action.node == "legacy/projects/docs"
    assert [a.owner_login for a in made(planned, HandOverLink)] == ["alice"]
    assert dict(outcome(planned)) == {}


def test_a_link_to_a_file_gives_that_file():
    action = only_link(part([share("/docs/a.txt", link=link(layout="ajxp_unique_strip"))]))
    assert action.node == "legacy/projects/docs/a.txt"
    assert action.template == "pydio_unique_strip"


def test_a_link_in_a_personal_folder_leads_to_the_owners_folder():
    record = Share("c", "alice", "1", "/mine.txt", True, label="mine.txt", link=link())
    assert only_link(part([record])).node == "personal/alice/mine.txt"


@pytest.mark.parametrize("old, permissions, template", [
    (link(), ("Preview", "Download"), "pydio_shared_folder"),
    (link(download=False), ("Preview",), "pydio_shared_folder"),
    (link(read=False, download=False, write=True, layout="ajxp_dropbox_template"), ("Upload",), "pydio_dropbox_template"),
    (link(write=True), ("Preview", "Download", "Upload"), "pydio_shared_folder"),
    (link(layout="ajxp_film_strip"), ("Preview", "Download"), "pydio_film_strip"),
    (link(layout="ajxp_dropbox_template"), ("Preview", "Download"), "pydio_shared_folder"),
])
def test_a_link_gives_what_it_gave(old, permissions, template):
    action = only_link(part([share(link=old)]))
    assert (action.permissions, action.template) == (permissions, template)


def test_layouts_can_be_mapped_and_unknown_ones_are_told():
    planned = part([share(link=link(layout="my_own"))])
    assert "F3118" in {f.code for f in planned.findings}
    assert only_link(part([share(link=link(layout="my_own"))], layouts={"my_own": "pydio_film_strip"})).template == "pydio_film_strip"


@pytest.mark.parametrize("record, code", [
    (share(link=link(), problem="F1714"), "S3101"),
    (share(link=link(), owner="nobody"), "S3102"),
    (share(link=link(restricted=True, target_users=("d41d8c",))), "S3103"),
    (share(link=link(login_required=True)), "S3104"),
    (share(link=link(expires_at=NOW - 1, expired=True)), "S3105"),
    (share(link=link(expires_at=NOW)), "S3105"),
    (share(link=link(download_limit=3, download_count=3)), "S3106"),
    (share(link=link(download_limit=3, download_count=7)), "S3106"),
    (share("/gone", link=link()), "S3107"),
    (share("/recycle/old", link=link()), "S3107"),
    (share(link=link(read=False, download=False)), "S3109"),
])
def test_what_must_not_be_published_is_not_and_says_why(record, code):
    planned = part([record])
    assert not made(planned, CreateLink) and not made(planned, CreateCell)
    assert outcome(planned) == {record.key: code}
    assert code in {f.code for f in planned.findings}


def test_a_link_for_looking_only_is_published_with_a_finding_or_left_out_by_option():
    record = share(link=link(download=False))
    assert "F3112" in {f.code for f in part([record]).findings}
    assert outcome(part([record], strict_no_download=True)) == {record.key: "S3108"}


@given(limit=st.integers(0, 50), count=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_remaining_downloads_are_the_limit_less_the_count_and_never_unlimited(limit, count):
    actions = made(part([share(link=link(download_limit=limit, download_count=count))]), CreateLink)
    assert [a.downloads for a in actions] == ([limit - count] if limit > count else [])


def test_a_link_with_a_password_is_never_planned_open():
    planned = part([share(link=link(has_password=True, password_hash="sha256:1000:x:y"))])
    assert only_link(planned).password == "protected"
    assert "F3113" in {f.code for f in planned.findings}
    assert "sha256" not in only_link(planned).to_json()


@pytest.mark.parametrize("hash_, usable", [
    ("abc123", True), ("alice-report-2018", True), ("Ab_c.d~e", True), ("a b", False), ("a/b", False), ("..", False), (".", False), ("", False),
    ("50%", False), ("50%25", True), ("a\\b", False), ("été", False), ("a\nb", False), ("x" * 2000, False),
])
def test_hashes_that_cells_cannot_open_are_known(hash_, usable):
    assert usable_hash(hash_) is usable


def test_an_unusable_hash_gets_a_new_address_that_stays_the_same():
    first, second = (only_link(part([share(link=link("50%"))])) for _ in range(2))
    assert first.hash == second.hash != "50%"
    assert first.old_hash == first.key == "50%"


def test_dead_links_live_again_only_when_asked():
    expired, used_up = share(link=link(expires_at=5, expired=True)), share(link=link(download_limit=2, download_count=2))
    assert only_link(part([expired], revive=frozenset({"expired"}))).expires == NOW + MONTH
    assert only_link(part([used_up], revive=frozenset({"exhausted"}))).downloads == 2
    assert not made(part([used_up], revive=frozenset({"expired"})), CreateLink)
    ownerless = share(link=link(), owner="ghost", problem="F1711")
    assert only_link(part([ownerless], revive=frozenset({"ownerless"}), heir="alice")).owner_login == "alice"
    assert not made(part([replace(ownerless, problem="F1714")], revive=frozenset({"ownerless"}), heir="alice"), CreateLink)


def live_link(planned: CreateLink, **changes) -> LiveLink:
    values = {"uuid": "u", "hash": planned.hash, "label": planned.label, "user_login": "0" * 16, "user_uuid": "h", "protected": planned.password != "none",
              "permissions": frozenset(planned.permissions) | {"Preview"}, "template": planned.template, "roots": ("n",), "access_end": planned.expires,
              "max_downloads": planned.downloads, "policies": frozenset({("OWNER", planned.owner_uuid)})}
    return LiveLink(**{**values, **changes})


def as_made(planned: CreateLink, **changes) -> MadeLink:
    made = MadeLink(planned.owner_uuid, planned.permissions, planned.password != "none", planned.expires, planned.downloads, planned.downloads)
    return replace(made, **changes)


def again(record: Share, **changes) -> Shares:
    planned = only_link(part([record]))
    return part([record], live=LiveShares({planned.hash: live_link(planned, **changes)}))


def test_a_link_that_is_there_is_not_made_again():
    record = share(link=link(download_limit=5, expires_at=NOW + 100))
    planned = again(record)
    assert all(already for _, already in planned.actions)
    assert outcome(planned) == {record.key: None}


def test_the_address_of_somebody_elses_link_is_left_alone():
    record = share(link=link())
    planned = again(record, policies=frozenset({("OWNER", "stranger")}))
    assert outcome(planned) == {record.key: "S3110"} and not made(planned, CreateLink)


def test_a_link_that_was_not_handed_over_yet_is_handed_over():
    planned = again(share(link=link()), policies=frozenset({("OWNER", ADMIN)}))
    assert [(type(a), already) for a, already in planned.actions] == [(CreateLink, False), (HandOverLink, False)]  # looked at once more


def test_an_update_subtracts_what_was_downloaded_in_cells_because_the_counter_starts_anew():
    planned = again(share(link=link(download_limit=10, download_count=4)), max_downloads=8, downloads=5)
    assert [a.downloads for a in made(planned, UpdateLink)] == [1]


def test_a_link_with_nothing_left_goes_instead_of_becoming_unlimited():
    planned = again(share(link=link(download_limit=10, download_count=4)), max_downloads=8, downloads=6)
    assert not made(planned, UpdateLink)


def test_what_an_owner_narrowed_in_cells_stays():
    planned = again(share(link=link(download_limit=9, write=True)), max_downloads=2, permissions=frozenset({"Preview"}), access_end=NOW + 5)
    assert not made(planned, UpdateLink)


def test_a_link_that_is_gone_from_the_old_server_is_removed():
    planned = only_link(part([share(link=link())]))
    ended = part([], live=LiveShares({planned.hash: live_link(planned)}), made_links={planned.hash: (as_made(planned),)})
    assert [a.hash for a in made(ended, EndShare)] == [planned.hash]
    assert not made(part([], live=LiveShares({planned.hash: live_link(planned)})), EndShare)


# -- cells ------------------------------------------------------------------------------------------------------------------


def with_access(**more: Access) -> Disk:
    base = world()
    base.access_list = [replace(a, workspaces={**a.workspaces, **more[a.login].workspaces}) if a.login in more else a for a in base.access_list]
    return base


def said(planned: Shares) -> dict[str, Right]:
    names = {"alice": planned._world.person("alice").uuid, "bob": planned._world.person("bob").uuid}
    return {next(k for k, v in names.items() if v == a.role): a.right for a in made(planned, ShareRight)}


def test_a_shared_folder_becomes_a_cell_of_its_owner_with_a_chosen_uuid():
    records = with_access(bob=Access("bob", {"c1": R}))
    record = share(entries=[ShareEntry("user", "bob", R)])
    planned, twice = (part([record], records) for _ in range(2))
    cell = made(planned, CreateCell)[0]
    assert cell == made(twice, CreateCell)[0]
    assert (cell.owner_login, cell.node, cell.record) == ("alice", "legacy/projects/docs", record.key)
    assert said(planned) == {"alice": RW, "bob": R}
    assert set(cell.readers) == {a.role for a in made(planned, ShareRight)}


def test_the_share_does_not_take_away_what_the_workspace_gives():
    records = with_access(alice=Access("alice", {"c1": R}))
    planned = part([share(owner="bob", entries=[ShareEntry("user", "alice", R)])], records)
    assert said(planned)["alice"] == RW  # she may write there through the workspace
    assert "F3117" in {f.code for f in planned.findings}


def test_a_group_gets_its_right_on_its_role_and_members_only_what_differs():
    records = with_access(bob=Access("bob", {"c1": R}))
    planned = part([share(entries=[ShareEntry("group", "/staff", R)])], records)
    cell = made(planned, CreateCell)[0]
    assert list(cell.rights().values()) == [R]
    assert "bob" not in said(planned)


def test_who_was_invited_without_the_workspace_sees_the_cell_and_nothing_else():
    records = with_access(bob=Access("bob", {"c1": RW}))
    records.access_list = [replace(a, workspaces={w: r for w, r in a.workspaces.items() if w != "p" or a.login != "bob"}) for a in records.access_list]
    planned = part([share(entries=[ShareEntry("user", "bob", RW)])], records)
    bob = planned._world.person("bob")
    own = {a.node: frozenset({"read", "write"}) for a in made(planned, ShareRight) if a.role == bob.uuid}
    assert effective(own, lineage("legacy/projects/docs/a.txt")) == RW
    assert not effective(own, lineage("legacy/projects/other.txt"))


def test_single_files_between_people_are_counted_as_access_although_no_record_knows_them():
    planned = part([share("/docs/a.txt", entries=[ShareEntry("user", "bob", R)])])
    assert ("bob", "c1", "r", "r", None) in list(planned.access([]))


def test_a_share_inside_a_share_leads_to_the_real_folder():
    outer = share(entries=[ShareEntry("user", "bob", RW)])
    inner = Share("c2", "bob", "c1", "/a.txt", True, label="a", link=link("inner"))
    action = only_link(part([outer, inner], with_access(bob=Access("bob", {"c1": RW}))))
    assert (action.node, action.owner_login) == ("legacy/projects/docs/a.txt", "bob")


def test_a_link_that_asked_for_a_sign_in_is_a_cell_for_its_people_and_never_public():
    record = share(link=link(login_required=True), entries=[ShareEntry("user", "bob", R)])
    planned = part([record], with_access(bob=Access("bob", {"c1": R})))
    assert made(planned, CreateCell) and not made(planned, CreateLink)


def test_a_restricted_link_becomes_a_cell_for_those_who_have_an_account():
    records = world(user_list=[User("alice", roles=("ed",), applied_roles=("ed",)), User("bob", "/staff", email="Bob@Example.org")])
    record = share(link=link(restricted=True, target_users=("d41d8c", "98f00b"), target_names=("bob@example.org", "zoe@example.org")))
    planned = part([record], records)
    assert not made(planned, CreateLink)
    assert said(planned)["bob"] == R
    assert "F3111" in {f.code for f in planned.findings}


def test_people_and_link_of_one_share_settle_one_record():
    record = share(link=link(), entries=[ShareEntry("user", "bob", R)])
    planned = part([record], with_access(bob=Access("bob", {"c1": R})))
    assert [a.record for a in made(planned, ShareComplete)] == [record.key]
    assert not any(a.record for a in [*made(planned, CreateCell), *made(planned, CreateLink)])


def test_members_who_are_not_carried_are_told():
    record = share(entries=[ShareEntry("user", "ghost", R), ShareEntry("user", "bob", R)])
    assert "F3115" in {f.code for f in part([record], with_access(bob=Access("bob", {"c1": R}))).findings}


def test_a_team_gets_its_right_by_its_role():
    records = with_access(bob=Access("bob", {"c1": R}))
    records.team_list = [Team("t1", "Team", "alice", ("bob",))]
    cell = made(part([share(entries=[ShareEntry("team", "t1", R)])], records), CreateCell)[0]
    assert len(cell.grants) == 1


def test_every_action_survives_the_ledger():
    record = share(link=link(has_password=True, download_limit=3), entries=[ShareEntry("user", "bob", R)])
    for action, _ in part([record], with_access(bob=Access("bob", {"c1": R}))).actions:
        assert from_json(action.to_json()) == action


def test_a_second_plan_over_the_same_shares_is_the_same():
    records = with_access(bob=Access("bob", {"c1": R}))
    shares = [share(entries=[ShareEntry("user", "bob", R)], link=link()), share("/docs/a.txt", child="c2", link=link("other"))]
    assert [a for a, _ in part(shares, records).actions] == [a for a, _ in part(shares, records).actions]


def test_a_share_of_a_workspace_that_is_not_carried_is_left_out():
    records = world(workspace_list=[*world().workspace_list, Workspace("f", "Far", "far", "ftp")], root_list=[*world().root_list, Root("f", None, None, None)])
    record = Share("c9", "alice", "f", "/x", False, link=link())
    assert outcome(part([record], records)) == {record.key: "S3107"}
