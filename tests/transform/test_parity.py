"""Nobody may see in Cells what was not to be seen before, and nobody loses anything that can be kept."""

from __future__ import annotations

import dataclasses
import random

import pytest
from builders import ADMIN, SEED, Records, after, fresh_target, reach
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate.cells.models import Acl, Features, LiveWorkspace, Target
from migrate.cells.models import Group as CellsGroup
from migrate.cells.models import Role as CellsRole
from migrate.cells.models import User as CellsUser
from migrate.extract.records import CLEAR, Access, Group, Role, Root, User, Workspace
from migrate.rights import Right
from migrate.transform.actions import CreateUser, RemoveRight, SetRight
from migrate.transform.plan import PlanOptions, make_plan
from migrate.transform.standing import actions_of

WORKSPACES = ("p", "q", "r", "mine", "each")
GROUPS = ("/a", "/a/b", "/c")
ROLES = ("one", "two", "three")
acl = st.sampled_from(["", "r", "w", "rw", CLEAR])
acls = st.dictionaries(st.sampled_from(WORKSPACES), acl)
right = st.sampled_from([Right.NONE, Right.READ, Right.WRITE, Right.READ_WRITE])


@st.composite
def worlds(draw: st.DrawFn, layout: str = "apart") -> Records:
    """Roles that say anything and people who have any right: the old fold is not assumed, only its result counts."""
    users, access = [], []
    for number in range(draw(st.integers(1, 6))):
        login = f"u{number}"
        given_roles = tuple(draw(st.lists(st.sampled_from(ROLES), unique=True)))
        outside = draw(st.booleans()) and draw(st.booleans())
        users.append(
            User(
                login,
                draw(st.sampled_from(("/", *GROUPS))),
                "shared" if outside else "standard",
                parent="boss" if outside else None,
                admin=draw(st.booleans()) and not outside,
                roles=given_roles,
                applied_roles=given_roles,
            )
        )
        access.append(Access(login, {w: r for w in WORKSPACES if (r := draw(right))}))
    roles = [Role(name, name, acls=draw(acls)) for name in ROLES]
    roles += [Role("AJXP_GRP_" + path, acls=draw(acls)) for path in ("/", *GROUPS)]
    folders = {
        "apart": {"p": "/old/p", "q": "/old/q", "r": "/old/r"},
        "nested": {"p": "/old/p", "q": "/old/p/in/q", "r": "/old/p/in/q/r"},
        "same": {"p": "/old/p", "q": "/old/p", "r": "/old/r"},
    }[layout]
    workspaces = [Workspace(w, w.upper(), w, "fs", scope="user" if w in ("mine", "each") else "shared") for w in WORKSPACES]
    return Records(users, [Group(p, p) for p in GROUPS], roles, [], workspaces, [Root(w, None, None, f) for w, f in folders.items()], access)


def results(world: Records, target: Target, masks: str = "enforce") -> tuple[dict[tuple[str, str], tuple[str, str]], Target]:
    plan = make_plan(world, target, options=PlanOptions(SEED, masks=masks))
    done = after(target, [action for action, _ in plan.actions])
    spots = {wid: body["uuid"] for kind, wid, body in plan.targets if kind == "workspaces"}
    logins = {login: body["login"] for kind, login, body in plan.targets if kind == "users"}
    found = {}
    for access in world.access():
        given_there = reach(done, logins[access.login])
        for wid, uuid in spots.items():
            found[access.login, wid] = (access.workspaces.get(wid, Right.NONE).letters, given_there.get(uuid, Right.NONE).letters)
    return found, done


@given(worlds())
@settings(max_examples=60, deadline=None)
def test_whatever_groups_and_roles_say_everybody_has_in_cells_what_the_old_server_gave(world: Records) -> None:
    found, done = results(world, fresh_target())
    assert {pair: cells for pair, (_, cells) in found.items()} == {pair: before for pair, (before, _) in found.items()}


@given(worlds())
@settings(max_examples=30, deadline=None)
def test_the_plan_says_exactly_what_cells_will_answer(world: Records) -> None:
    found, _ = results(world, fresh_target())
    rows = {(login, wid): planned for login, wid, _, planned, _ in make_plan(world, fresh_target(), options=PlanOptions(SEED)).access}
    assert {pair: cells for pair, (_, cells) in found.items() if cells} == {pair: planned for pair, planned in rows.items() if planned}
    assert set(rows) == {(access.login, wid) for access in world.access() for wid in access.workspaces}


@given(worlds(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_on_a_server_that_forgets_the_order_of_roles_the_result_is_the_same_in_any_order(world: Records, chance: random.Random) -> None:
    plan = make_plan(world, fresh_target(Features(role_order=False)), options=PlanOptions(SEED))
    done = after(fresh_target(), [action for action, _ in plan.actions])
    spots = {wid: body["uuid"] for kind, wid, body in plan.targets if kind == "workspaces"}
    technical = {g.uuid for g in done.groups.values()} | {"ROOT_GROUP"}
    for access in world.access():
        *roles, own = done.users[access.login].roles
        middle = [r for r in roles if r not in technical]
        chance.shuffle(middle)
        given_there = reach(done, access.login, [r for r in roles if r in technical] + middle + [own])
        assert {wid: given_there.get(uuid, Right.NONE) for wid, uuid in spots.items()} == {wid: access.workspaces.get(wid, Right.NONE) for wid in spots}


@given(worlds())
@settings(max_examples=30, deadline=None)
def test_without_closing_policies_people_are_shut_out_by_denial_and_still_have_the_rest(world: Records) -> None:
    found, _ = results(world, fresh_target(Features(policy_closes=False, role_order=False)))
    assert all(before == cells for before, cells in found.values())


@given(worlds("nested"), st.booleans())
@settings(max_examples=60, deadline=None)
def test_folders_in_folders_never_give_more(world: Records, policy_closes: bool) -> None:
    found, _ = results(world, fresh_target(Features(policy_closes=policy_closes)))
    assert all(Right.from_letters(cells).within(Right.from_letters(before)) for before, cells in found.values())
    if policy_closes:
        assert all(before == cells for before, cells in found.values())


@given(worlds("same"))
@settings(max_examples=60, deadline=None)
def test_one_folder_in_two_workspaces_never_gives_more_and_the_better_one_stays(world: Records) -> None:
    found, _ = results(world, fresh_target())
    assert all(Right.from_letters(cells).within(Right.from_letters(before)) for before, cells in found.values())
    for login in {login for login, _ in found}:
        before = {found[login, w][0] for w in "pq"} - {""}
        if before and before != {"r", "w"}:
            assert max(before, key=len) in {found[login, w][1] for w in "pq"}


@given(worlds())
@settings(max_examples=30, deadline=None)
def test_new_people_see_nothing_that_was_in_cells_before(world: Records) -> None:
    target = fresh_target()
    _, done = results(world, target)
    before = {"ws-common"}
    assert all(not before & set(reach(done, user.login)) for user in world.users())


@given(worlds())
@settings(max_examples=30, deadline=None)
def test_the_same_plan_once_more_has_nothing_to_write(world: Records) -> None:
    _, done = results(world, fresh_target())
    again = make_plan(world, done, options=PlanOptions(SEED))
    assert [a for a, already in again.actions if not already and type(a).__name__ != "CarryFolder"] == []


@given(worlds(), worlds())
@settings(max_examples=40, deadline=None)
def test_a_later_run_brings_the_rights_of_the_old_server_as_they_are_then(first: Records, second: Records) -> None:
    plan = make_plan(first, fresh_target(), options=PlanOptions(SEED))
    actions = [action for action, _ in plan.actions]
    done = after(fresh_target(), actions)
    rights = {(a.role, str(a.node), a.workspace): actions_of(a.right, a.mode) for a in actions if isinstance(a, SetRight)}
    later = make_plan(second, done, options=PlanOptions(SEED, given=rights, stated={a.login: a for a in actions if isinstance(a, CreateUser)}))
    then = after(done, [action for action, already in later.actions if not already])
    spots = {wid: body["uuid"] for kind, wid, body in later.targets if kind == "workspaces"}
    for access in second.access():
        given_there = reach(then, access.login)
        assert {w: given_there.get(u, Right.NONE) for w, u in spots.items()} == {w: access.workspaces.get(w, Right.NONE) for w in spots}


def test_an_account_that_was_there_keeps_what_it_had_and_gets_its_old_rights() -> None:
    before = fresh_target()
    alice = CellsUser("uuid-alice", "alice", "/", ("ROOT_GROUP", "team-x", "uuid-alice"), {"profile": "standard"})
    target = fresh_target(users={**before.users, "alice": alice}, roles={**before.roles, "team-x": CellsRole("team-x", "X")})
    world = Records(
        [User("alice", applied_roles=("one",))],
        [],
        [Role("one", acls={"p": "rw"})],
        [],
        [Workspace("p", "P", "p", "fs")],
        [Root("p", None, None, "/old/p")],
        [Access("alice", {"p": Right.READ})],
    )
    found, done = results(world, target)
    assert found["alice", "p"] == ("r", "r")
    assert done.users["alice"] == alice
    assert reach(done, "alice")["ws-common"] == Right.READ_WRITE


def test_members_of_a_group_that_was_there_gain_nothing_and_newcomers_do_not_get_its_rights() -> None:
    before = fresh_target()
    target = fresh_target(
        users={**before.users, "old": CellsUser("uuid-old", "old", "/a", ("ROOT_GROUP", "uuid-a", "uuid-old"), {"profile": "standard"})},
        groups={"/a": CellsGroup("uuid-a", "/a", "A")},
        roles={**before.roles, "uuid-a": CellsRole("uuid-a", "Group a", group_role=True)},
        workspaces={**before.workspaces, "ws-secret": LiveWorkspace("ws-secret", "secret", "Secret", roots={"n-secret": "pydiods1/secret"})},
        acls=(*before.acls, Acl("n-secret", "uuid-a", "ws-secret", "read")),
    )
    world = Records(
        [User("bob", "/a")],
        [Group("/a", "A")],
        [Role("AJXP_GRP_/a", acls={"p": "rw"})],
        [],
        [Workspace("p", "P", "p", "fs")],
        [Root("p", None, None, "/old/p")],
        [Access("bob", {"p": Right.READ_WRITE})],
    )
    found, done = results(world, target)
    assert found["bob", "p"] == ("rw", "rw")
    assert "ws-secret" not in reach(done, "bob")
    assert reach(done, "old") == reach(target, "old")


def test_an_outside_person_gets_only_what_is_named_on_the_own_role() -> None:
    world = Records(
        [User("boss"), User("ext", profile="shared", parent="boss")],
        [],
        [Role("AJXP_GRP_/", acls={"p": "rw"})],
        [],
        [Workspace("p", "P", "p", "fs"), Workspace("1", "Mine", "my-files", "fs", scope="user")],
        [Root("p", None, None, "/old/p")],
        [Access("boss", {"p": Right.READ_WRITE}), Access("ext", {"p": Right.READ})],
    )
    found, _ = results(world, fresh_target())
    assert found["ext", "p"] == ("r", "r")
    assert found["boss", "1"] == ("", "")


MASKED = Records(
    [User("m", applied_roles=("one",)), User("n", applied_roles=("one", "two"))],
    [],
    [Role("one", acls={"p": "rw"}, masks={"p": {"/docs": "r", "/new": "rw", "/shut": "deny"}}), Role("two", acls={"p": "rw"})],
    [],
    [Workspace("p", "P", "p", "fs")],
    [Root("p", None, None, "/old/p")],
    [
        Access(login, {"p": Right.READ_WRITE}, {"p": {"/docs": Right.READ, "/new": Right.READ_WRITE, "/shut": Right.NONE, "/gone": Right.READ}})
        for login in "mn"
    ],
    {("p\0\0", "/docs"): "dir", ("p\0\0", "/new"): "dir", ("p\0\0", "/shut"): "dir"},
)


def inside(target: Target, login: str, node: str) -> Right:
    from migrate.cells.models import effective, node_parents
    from migrate.cells.models.access import AccessModel
    from migrate.transform.standing import node_paths

    paths = node_paths(target)
    rules = AccessModel.of([Acl(paths.get(a.node, a.node), a.role, a.workspace, a.action) for a in target.acls])
    return effective(rules.masks(target.users[login].roles), node_parents(node))


@pytest.mark.parametrize("login", ["m", "n"])
@pytest.mark.parametrize("policy_closes", [True, False])
def test_a_mask_leaves_only_the_folders_it_covers(login: str, policy_closes: bool) -> None:
    _, done = results(MASKED, fresh_target(Features(policy_closes=policy_closes)))
    assert inside(done, login, "legacy/p") == Right.NONE
    assert inside(done, login, "legacy/p/other") == Right.NONE
    assert inside(done, login, "legacy/p/shut") == Right.NONE
    if policy_closes or login == "m":
        assert inside(done, login, "legacy/p/docs/deep") == Right.READ
        assert inside(done, login, "legacy/p/new") == Right.READ_WRITE


def test_a_masked_folder_that_is_not_on_disk_is_not_made_and_is_reported() -> None:
    plan = make_plan(MASKED, fresh_target(), options=PlanOptions(SEED))
    assert not [a for a, _ in plan.actions if "gone" in a.id]
    assert any(f.code == "F2306" and f.subject == "m" for f in plan.findings)


def test_ignoring_masks_is_said_for_each_role_that_has_them() -> None:
    plan = make_plan(MASKED, fresh_target(), options=PlanOptions(SEED, masks="ignore"))
    assert any(f.code == "F2307" and f.subject == "one" for f in plan.findings)
    assert {planned for _, _, _, planned, _ in plan.access} == {"rw"}


def test_everybody_is_a_role_of_its_own_and_the_root_group_of_cells_stays_as_it_is() -> None:
    world = Records(
        [User("a")],
        [],
        [Role("AJXP_GRP_/", acls={"p": "rw"})],
        [],
        [Workspace("p", "P", "p", "fs")],
        [Root("p", None, None, "/old/p")],
        [Access("a", {"p": Right.READ_WRITE})],
    )
    plan = make_plan(world, fresh_target(), options=PlanOptions(SEED))
    assert not [a for a, _ in plan.actions if getattr(a, "role", "") in ("ROOT_GROUP", "ADMINS", "EXTERNAL_USERS", ADMIN)]


@given(worlds())
@settings(max_examples=20, deadline=None)
def test_no_right_has_to_be_withdrawn_after_the_fact(world: Records) -> None:
    plan = make_plan(world, fresh_target(), options=PlanOptions(SEED))
    assert [f for f in plan.findings if f.code in ("F2302", "F2303")] == []


def test_what_is_open_to_everybody_in_cells_is_closed_once_on_the_role_of_all() -> None:
    world = Records([User("a"), User("b")])
    plan = make_plan(world, fresh_target(), options=PlanOptions(SEED))
    closed = [a for a, _ in plan.actions if type(a).__name__ == "SetRight" and a.mode != "allow"]
    assert {(a.workspace, a.mode) for a in closed} == {("ws-common", "close"), ("ws-personal", "deny")}
    assert len({a.role for a in closed}) == 1


def test_a_workspace_that_a_busy_server_lists_without_its_root_is_closed_and_stays_closed() -> None:
    world = Records([User("a"), User("b")])
    blind = {uuid: dataclasses.replace(live, roots={}) for uuid, live in fresh_target().workspaces.items()}
    first = make_plan(world, fresh_target(workspaces=blind), options=PlanOptions(SEED))
    actions = [action for action, _ in first.actions]
    assert {(a.workspace, a.mode) for a in actions if isinstance(a, SetRight) and a.mode != "allow"} == {("ws-common", "close"), ("ws-personal", "deny")}
    rights = {(a.role, str(a.node), a.workspace): actions_of(a.right, a.mode) for a in actions if isinstance(a, SetRight)}
    done = after(fresh_target(), actions)
    unruled = tuple(acl for acl in done.acls if acl.role != "ROOT_GROUP")  # and the rules that opened it were not listed either
    for seen in (dataclasses.replace(done, workspaces={**done.workspaces, **blind}), dataclasses.replace(done, acls=unruled)):
        later = make_plan(world, seen, options=PlanOptions(SEED, given=rights, stated={a.login: a for a in actions if isinstance(a, CreateUser)}))
        assert [a for a, already in later.actions if isinstance(a, RemoveRight) and not already] == []


def test_outside_people_do_not_get_what_cells_gives_to_all_outside_people() -> None:
    before = fresh_target()
    target = fresh_target(acls=(*before.acls, Acl("DATASOURCE:pydiods1", "EXTERNAL_USERS", "ws-common", "read")))
    world = Records([User("ext", profile="shared", parent="boss")])
    _, done = results(world, target)
    assert "ws-common" in reach(target, "admin")
    assert reach(done, "ext") == {}
