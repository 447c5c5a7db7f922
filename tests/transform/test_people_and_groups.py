"""Accounts, groups, roles and teams of the old server and what they become."""

from __future__ import annotations

import json
import uuid

import pytest
from builders import SEED, Records, after, fresh_target, plain_world

from migrate.cells.models import Features
from migrate.cells.models import User as CellsUser
from migrate.extract.records import Access, Group, Role, Team, User
from migrate.rights import Right
from migrate.transform.actions import CreateGroup, CreateRole, CreateUser, from_json
from migrate.transform.identity import Identity
from migrate.transform.mapping import GroupLine, Mappings, RoleLine, UserLine
from migrate.transform.plan import Plan, PlanOptions, make_plan


def planned(world: Records, mappings: Mappings | None = None, **target: object) -> Plan:
    return make_plan(world, fresh_target(**target), mappings, PlanOptions(SEED))


def of(plan: Plan, kind: type) -> dict[str, object]:
    return {str(getattr(a, "login", "") or getattr(a, "path", "") or a.label): a for a, _ in plan.actions if isinstance(a, kind)}


def codes(plan: Plan) -> set[str]:
    return {f.code for f in plan.findings}


def outcome(plan: Plan, kind: str, key: str) -> tuple[str, str | None]:
    return next((what, why) for k, i, what, why, _ in plan.outcomes if (k, i) == (kind, key))


def test_ids_come_from_the_seed_and_the_old_id_alone() -> None:
    assert Identity(SEED).user("bob") == Identity(SEED).user("bob") != Identity(SEED).group("bob")
    assert Identity(SEED).user("é") == str(uuid.uuid5(uuid.UUID(SEED), "user:é")) != Identity(SEED).user("\udce9")
    assert Identity("x").user("bob") != Identity("y").user("bob")
    assert Identity(SEED).user("\udce9") != Identity(SEED).user("?")


def test_every_action_survives_the_ledger() -> None:
    for action, _ in planned(plain_world()).actions:
        assert from_json(action.to_json()) == action


def test_profile_locks_language_and_names_are_in_the_first_write() -> None:
    user = User("bob", display_name="Bób\x00", email="b@x.y", language="fr", locks=("logout", "pass_change", "odd"))
    plan = planned(Records([user]))
    assert of(plan, CreateUser)["bob"].attributes == {
        "profile": "standard",
        "displayName": "Bób",
        "email": "b@x.y",
        "parameter:core.conf:lang": '"fr"',
        "locks": json.dumps(["logout", "pass_change"]),
    }
    assert "F2006" in codes(plan)


@pytest.mark.parametrize(
    ("user", "profile"),
    [
        (User("a", admin=True), "admin"),
        (User("a", "/staff", admin=True, profile="admin"), "standard"),
        (User("a", parent="b"), "shared"),
        (User("a", parent="b", admin=True), "shared"),
        (User("a", profile="guest"), "standard"),
        (User("a"), "standard"),
    ],
)
def test_nobody_becomes_more_than_before(user: User, profile: str) -> None:
    assert of(planned(Records([user])), CreateUser)["a"].attributes["profile"] == profile


def test_an_outside_account_names_its_owner_and_has_no_role_of_everybody() -> None:
    plan = planned(Records([User("boss"), User("ext", profile="shared", parent="boss"), User("lost", parent="nobody")]))
    users = of(plan, CreateUser)
    assert (users["ext"].owner_login, users["ext"].roles) == ("boss", ())
    assert users["lost"].owner_login == "" and "F2007" in codes(plan)


def test_an_account_of_the_same_login_is_kept_and_said_so() -> None:
    kept = CellsUser("u-1", "bob", "/", ("ROOT_GROUP", "u-1"), {"profile": "admin"})
    plan = planned(Records([User("bob", display_name="Other", locks=("logout",))]), users={"bob": kept})
    assert of(plan, CreateUser) == {} and outcome(plan, "users", "bob")[0] == "already" and "F2001" in codes(plan)
    assert [p.values["old_login"] for p in plan.proposals if p.file == "users.csv"] == ["bob"]


def test_logins_are_matched_exactly_and_near_ones_are_told() -> None:
    plan = planned(Records([User("Bob"), User("alice"), User("ALICE")]), users={"bob": CellsUser("u-1", "bob")})
    assert set(of(plan, CreateUser)) == {"Bob", "alice", "ALICE"}
    assert sum(f.code == "F2003" for f in plan.findings) == 2


def test_a_renamed_login_never_takes_that_of_somebody_else() -> None:
    plan = planned(Records([User("e\u0301"), User("\u00e9")]))
    assert set(of(plan, CreateUser)) == {"\u00e9"} and outcome(plan, "users", "e\u0301") == ("skipped", "S2004")


def test_mapping_of_accounts_renames_skips_and_merges() -> None:
    lines = {"a": UserLine("a", new_login="anna"), "b": UserLine("b", "skip"), "c": UserLine("c", "merge", "carl"), "d": UserLine("d", profile="admin")}
    world = Records([User(x) for x in "abcd"], access_list=[Access(x, {"p": Right.READ}) for x in "abcd"], workspace_list=plain_world().workspace_list)
    plan = planned(world, Mappings(lines), users={"carl": CellsUser("u-carl", "carl", roles=("u-carl",))})
    assert set(of(plan, CreateUser)) == {"anna", "d"} and of(plan, CreateUser)["d"].attributes["profile"] == "admin"
    assert outcome(plan, "users", "b") == ("skipped", "S2002")
    assert [(was, now, code) for login, _, was, now, code in plan.access if login == "b"] == [("r", "", "S2002")]
    assert [a.role for a, _ in plan.actions if type(a).__name__ == "SetRight" and a.role == "u-carl"] == ["u-carl"]


def test_characters_that_an_old_cells_cannot_store_are_left_out_and_told() -> None:
    plan = planned(Records([User("bob", display_name="B 😀")]), features=Features(wide_characters=False))
    assert of(plan, CreateUser)["bob"].attributes["displayName"] == "B" and "F2005" in codes(plan)


def test_groups_come_with_their_parents_first_also_those_without_a_row() -> None:
    plan = planned(Records([User("u", "/x/y/z")], [Group("/a/b", "B"), Group("/a", "A")]))
    paths = [a.path for a, _ in plan.actions if isinstance(a, CreateGroup)]
    assert paths == ["/a", "/x", "/a/b", "/x/y", "/x/y/z"]
    assert [bool(a.record) for a, _ in plan.actions if isinstance(a, CreateGroup)] == [True, False, True, False, False]


def test_a_group_named_like_a_login_gets_another_technical_name() -> None:
    plan = planned(Records([User("sales"), User("bob", "/sales/eu")], [Group("/sales", "Sales"), Group("/sales/eu", "EU"), Group("/sales-group", "X")]))
    places = {old: body["path"] for kind, old, body in plan.targets if kind == "groups"}
    assert places["/sales"].startswith("/sales-group") and len(set(places.values())) == 3 and "sales" not in {p.rpartition("/")[2] for p in places.values()}
    assert of(plan, CreateUser)["bob"].group_path == places["/sales/eu"] and "F2101" in codes(plan)


def test_members_of_a_group_left_out_go_to_the_one_above() -> None:
    plan = planned(Records([User("u", "/a/b")], [Group("/a", "A"), Group("/a/b", "B")]), Mappings(groups={"/a/b": GroupLine("/a/b", "skip")}))
    assert of(plan, CreateUser)["u"].group_path == "/a" and outcome(plan, "groups", "/a/b") == ("skipped", "S2101")


@pytest.mark.parametrize("path", ["//a//b/", "/a/../b", "/" + "/".join("x" * 500), "", "/", "a*/%"])
def test_an_odd_group_path_is_cleaned_and_never_reaches_the_root_group(path: str) -> None:
    plan = planned(Records([User("u", path)], [Group(path, "odd")]))
    for group in of(plan, CreateGroup).values():
        assert group.path.startswith("/") and all(part not in ("", ".", "..") and not set(part) & set("*%") for part in group.path[1:].split("/"))


def test_roles_keep_the_old_order_behind_that_of_everybody() -> None:
    world = Records([User("u", applied_roles=("b", "gone", "a"))], role_list=[Role("a", "A"), Role("b", "B"), Role("AJXP_SHARED-x"), Role("GUEST")])
    plan = planned(world)
    made = {a.label: a.uuid for a, _ in plan.actions if isinstance(a, CreateRole)}
    assert of(plan, CreateUser)["u"].roles == (made["Everybody of the old server"], made["B"], made["A"])
    assert outcome(plan, "roles", "GUEST") == ("skipped", "S2105")


def test_a_role_left_out_takes_no_right_away() -> None:
    plan = planned(plain_world(), Mappings(roles={"ed": RoleLine("ed", "skip")}))
    rows = {(login, wid): (was, now) for login, wid, was, now, _ in plan.access}
    assert rows["alice", "p"] == ("rw", "rw")


def test_a_team_belongs_to_its_owner_and_its_members_have_it() -> None:
    world = Records(
        [User("boss"), User("m"), User("ext", parent="boss")],
        role_list=[Role("t-1", acls={"p": "r"}, owner="boss")],
        team_list=[Team("t-1", "Dream", "boss", ("m", "ext"), has_role=True), Team("t-2", "Lost", "gone", ("m",))],
    )
    plan = planned(world)
    teams = {a.label: a for a, _ in plan.actions if isinstance(a, CreateRole) and a.is_team}
    assert (teams["Dream"].owner_login, teams["Dream"].kind, teams["Lost"].owner_login) == ("boss", "teams", "")
    assert teams["Dream"].owner_uuid == of(plan, CreateUser)["boss"].uuid
    assert all(teams["Dream"].uuid in of(plan, CreateUser)[login].roles for login in ("m", "ext"))
    assert outcome(plan, "roles", "t-1") == ("skipped", "S2104") and "F2104" in codes(plan)


def test_everything_found_is_planned_or_has_an_outcome() -> None:
    world = plain_world()
    plan = planned(world)
    planned_keys = {(a.kind, a.record) for a, already in plan.actions if getattr(a, "record", "") and not already}
    settled = {(kind, key) for kind, key, *_ in plan.outcomes}
    for kind in ("users", "groups", "roles", "teams", "workspaces"):
        for record in getattr(world, kind)():
            assert ((kind, record.key) in planned_keys) != ((kind, record.key) in settled), (kind, record.key)


def test_a_password_changed_in_cells_does_not_ask_for_another_change() -> None:
    world = Records([User("bob", locks=("pass_change",))])
    done = after(fresh_target(), [a for a, _ in planned(world).actions])
    found = done.users["bob"]
    done.users["bob"] = CellsUser(found.uuid, "bob", "/", found.roles, {**found.attributes, "locks": "null", "avatar": "x"})  # type: ignore[index]
    again = make_plan(world, done, options=PlanOptions(SEED))
    assert [a for a, already in again.actions if not already] == []


def test_a_lock_that_was_lifted_is_set_again_and_a_new_name_is_carried() -> None:
    first = [a for a, _ in planned(Records([User("bob")])).actions]
    done = after(fresh_target(), first)
    written = {a.login: a for a in first if isinstance(a, CreateUser)}
    for changed in (User("bob", locks=("logout",)), User("bob", display_name="Bob"), User("bob", "/new")):
        again = make_plan(Records([changed]), done, options=PlanOptions(SEED, stated=written))
        assert "bob" in [getattr(a, "login", "") for a, already in again.actions if not already]
