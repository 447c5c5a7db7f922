"""The same story told to every server: what a call makes can be read back, repeated, and taken away without touching more."""

from __future__ import annotations

import time

import pytest

from migrate.cells.api import acls, datasources, discovery, groups, jobs, policies, roles, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.errors import (
    AlreadyExists,
    CellsRefused,
    LoginRefused,
    NotAdministrator,
    NotAllowed,
    NotFound,
    OtherObject,
    RefusedToSend,
    TokenRefused,
)
from migrate.cells.models import Acl, DataSource, Group, LiveWorkspace, Role, User
from migrate.cells.reader import read_facts, read_target, whoami
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session

PASSWORD = "a long random password 1"


def jane(place, name="jane", **fields):
    return User(place.uuid(name), f"{place.prefix}-{name}", **{"attributes": {"profile": "standard", "displayName": "Jané"}, **fields})


def poll(look, seconds=10.0):
    """What `look` gives as soon as it is true; the server does some things a moment later."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_an_account_has_the_uuid_group_roles_and_attributes_that_were_chosen(place):
    session = place.session
    role = roles.put_role(session, Role(place.uuid("role"), "Éditeurs"))
    group = groups.put_group(session, Group(place.uuid("group"), f"/{place.prefix}/staff", "Staff of Jané"))
    made = users.create_user(session, jane(place, group_path=group.path, roles=(role.uuid,)), PASSWORD)
    assert made.uuid == place.uuid("jane")
    read = users.get_user(session, made.login)
    assert read.group_path == f"/{place.prefix}/staff"
    assert role.uuid in read.roles
    assert read.roles[-1] == read.uuid  # the own role is last
    assert read.roles.index(group.uuid) < read.roles.index(role.uuid)
    assert read.attributes["displayName"] == "Jané"
    assert users.get_user_by_uuid(session, made.uuid) == read
    assert session.sign_in(made.login, PASSWORD)[0]


def test_a_replaced_account_keeps_what_is_sent_and_its_password(place):
    session = place.session
    users.create_user(session, jane(place), PASSWORD)
    users.put_user(session, jane(place, attributes={"profile": "standard", "displayName": "New", "email": "j@example.org"}))
    read = users.get_user(session, jane(place).login)
    assert (read.attributes["displayName"], read.attributes["email"]) == ("New", "j@example.org")
    assert session.sign_in(read.login, PASSWORD)[0]


def test_given_roles_keep_their_order(place):
    session = place.session
    names = [roles.put_role(session, Role(place.uuid(n), n)).uuid for n in ("zulu", "alpha", "mike")]
    users.create_user(session, jane(place), PASSWORD)
    users.put_user_roles(session, jane(place).uuid, jane(place).login, names)
    assert [r for r in users.get_user(session, jane(place).login).roles if r in names] == names


@pytest.mark.parametrize("name", ["with blank", "ünï", "a+b@c", "q?x&y#z", "quote'\"", "50%", "st*r"])
def test_logins_that_a_url_cannot_carry_are_made_and_found_all_the_same(place, name):
    session = place.session
    user = User(place.uuid("odd"), f"{place.prefix}-{name}", attributes={"profile": "standard"})
    assert users.create_user(session, user, PASSWORD).uuid == user.uuid
    assert [u.uuid for u in users.find_users(session, user.login)] == [user.uuid]
    assert users.delete_user(session, user.login, user.uuid) is True
    assert users.find_users(session, user.login) == []
    assert users.get_user_by_uuid(session, user.uuid) is None


def test_a_search_for_one_login_does_not_find_those_that_a_star_would_match(place):
    session = place.session
    users.create_user(session, jane(place, "a1"), PASSWORD)
    users.create_user(session, jane(place, "a2"), PASSWORD)
    assert users.find_users(session, f"{place.prefix}-a*") == []
    assert users.delete_user(session, f"{place.prefix}-a*", place.uuid("a1")) is False
    assert users.get_user(session, jane(place, "a1").login)


def test_only_the_meant_account_is_deleted(place):
    session = place.session
    users.create_user(session, jane(place), PASSWORD)
    with pytest.raises(OtherObject):
        users.delete_user(session, jane(place).login, "another uuid")
    assert users.delete_user(session, jane(place).login, jane(place).uuid) is True
    assert users.delete_user(session, jane(place).login, jane(place).uuid) is False


@pytest.mark.parametrize(("user", "password"), [
    (User("", "x", attributes={"profile": "standard"}), PASSWORD), (User("u", "", attributes={"profile": "standard"}), PASSWORD),
    (User("u", "x"), PASSWORD), (User("u", "x/y", attributes={"profile": "standard"}), PASSWORD),
    (User("u", "x\n", attributes={"profile": "standard"}), PASSWORD),
    (User("u", "x" * 251, attributes={"profile": "standard"}), PASSWORD), (User("u", "x", attributes={"profile": "standard"}), "short"),
    (User("u", "x", attributes={"profile": "standard", "pydio:password_hashed": "true"}), PASSWORD)])
def test_accounts_that_would_do_harm_are_not_sent(place, user, password):
    before = place.session.requests.write
    with pytest.raises(RefusedToSend):
        users.create_user(place.session, user, password)
    assert place.session.requests.write == before


def test_everybody_is_listed_once_whatever_the_size_of_the_pages(place):
    session = place.session
    for n in range(7):
        users.create_user(session, jane(place, f"n{n}"), PASSWORD)
    wanted = sorted(place.uuid(f"n{n}") for n in range(7))
    for page in (1, 3, 7, 500):
        assert sorted(u.uuid for u in users.search_users(session, page=page) if u.login.startswith(place.prefix)) == wanted
    assert users.count_users(session) in (0, len(list(users.search_users(session))))


def test_the_root_group_is_never_written(place):
    for path in ("/", "", "//"):
        with pytest.raises(RefusedToSend):
            groups.put_group(place.session, Group("g", path))
    assert next(r for r in roles.search_roles(place.session) if r.uuid == "ROOT_GROUP").label == "Root Group"


def test_a_group_is_repeatable_has_a_role_and_goes_only_when_it_is_empty(place):
    session = place.session
    group = Group(place.uuid("g"), f"/{place.prefix}", "Größe")
    assert groups.put_group(session, group).uuid == group.uuid
    assert groups.put_group(session, group) == groups.get_group(session, group.path)
    assert roles.get_role(session, group.uuid).group_role
    users.create_user(session, jane(place, group_path=group.path), PASSWORD)
    with pytest.raises(RefusedToSend):
        groups.delete_group(session, group)
    users.delete_user(session, jane(place).login, jane(place).uuid)
    assert groups.delete_group(session, group) is True
    assert poll(lambda: groups.get_group(session, group.path) is None)
    assert groups.delete_group(session, group) is False


def test_a_group_is_not_put_where_a_person_is(place):
    session = place.session
    users.create_user(session, jane(place), PASSWORD)
    with pytest.raises(AlreadyExists):
        groups.put_group(session, Group(place.uuid("g"), "/" + jane(place).login))
    assert users.get_user(session, jane(place).login).profile == "standard"


def test_a_team_belongs_to_its_owner(place):
    session = place.session
    users.create_user(session, jane(place), PASSWORD)
    team = Role(place.uuid("team"), "Équipe", is_team=True)
    roles.put_role(session, team, policies.owned_by(jane(place).uuid, jane(place).login))
    assert roles.get_role(session, team.uuid) == team
    assert roles.delete_role(session, team.uuid) is True
    assert roles.delete_role(session, team.uuid) is False


def test_roles_of_cells_itself_are_left_alone(place):
    for name in ("ROOT_GROUP", "ADMINS", "root_group"):
        with pytest.raises(RefusedToSend):
            roles.put_role(place.session, Role(name, "x"))
        with pytest.raises(RefusedToSend):
            roles.delete_role(place.session, name)


def test_roles_are_found_in_bulk_and_exactly(place):
    session = place.session
    made = [roles.put_role(session, Role(place.uuid(f"r{n}"), "r")).uuid for n in range(3)]
    found = roles.get_roles(session, [*made, place.uuid("R0"), place.uuid("nothing")])
    assert sorted(r.uuid for r in found) == sorted(made)


def test_a_rule_is_added_once_and_removed_alone(place):
    session = place.session
    role = roles.put_role(session, Role(place.uuid("r"), "r")).uuid
    node = place.uuid("node")
    here, there, bare = (Acl(node, role, ws, "read") for ws in (place.uuid("ws1"), place.uuid("ws2"), ""))
    assert acls.add_acls(session, [here, there, bare], []) == 3
    assert acls.add_acls(session, [here, there, bare], []) == 3  # nothing known beforehand: they are looked up and are there
    assert acls.search_acls(session, roles=[role]) == sorted([here, there, bare], key=lambda a: a.key)
    with pytest.raises(CellsRefused):
        acls.put_acl(session, here)
    assert acls.delete_acl(session, bare) == 1
    assert acls.search_acls(session, roles=[role]) == [here, there]
    assert acls.delete_acl(session, here) == 1
    assert acls.delete_acl(session, here) == 0
    assert acls.search_acls(session, roles=[role]) == [there]


@pytest.mark.parametrize("acl", [
    Acl("", "r", "w", "read"), Acl("n", "", "w", "read"), Acl("n", "r", "w", ""), Acl("n", "r*", "w", "read"), Acl("n", "r", "*", "read")])
def test_a_rule_with_an_open_key_is_never_removed(place, acl):
    before = place.session.requests.write
    with pytest.raises(RefusedToSend):
        acls.delete_acl(place.session, acl)
    assert place.session.requests.write == before


def test_a_workspace_is_repeatable_and_goes_only_under_its_own_slug(place):
    session = place.session
    tree.create_folders(session, [f"common-files/{place.prefix}/root"])
    root = poll(lambda: tree.admin_stat(session, f"pydiods1/{place.prefix}/root"))
    wanted = LiveWorkspace(place.uuid("ws"), place.prefix + "-ws", "Docs Ü", "of people", "ADMIN", {root.uuid: root.path}, "")
    assert workspaces.put_workspace(session, wanted).slug == wanted.slug
    workspaces.put_workspace(session, wanted)
    assert workspaces.get_workspace(session, wanted.uuid) == wanted
    with pytest.raises(OtherObject):
        workspaces.delete_workspace(session, wanted.uuid, "another-slug")
    assert workspaces.delete_workspace(session, wanted.uuid, wanted.slug) is True
    assert workspaces.delete_workspace(session, wanted.uuid, wanted.slug) is False
    assert tree.admin_stat(session, root.path)


def test_a_workspace_without_roots_is_not_sent(place):
    for roots in ({}, {"": "x"}, {"u": ""}):
        with pytest.raises(RefusedToSend):
            workspaces.put_workspace(place.session, LiveWorkspace("u", "slug", roots=roots))
    with pytest.raises(RefusedToSend):
        workspaces.put_workspace(place.session, LiveWorkspace("u", "Not A Slug", roots={"u": "x"}))


def test_folders_are_made_with_parents_twice_without_harm(place):
    session = place.session
    top = f"common-files/{place.prefix}"
    names = {f"{top}/a/b/ç%41": 1_262_304_000, f"{top}/a/100% sure": 1_262_304_000}
    tree.create_folders(session, names)
    tree.create_folders(session, names)
    for name in names:
        node = poll(lambda name=name: tree.stat(session, name))
        assert not node.is_file
        assert node.mtime == 1_262_304_000
    assert sorted(n.path for n in tree.children(session, top + "/a")) == sorted([f"{top}/a/b", f"{top}/a/100% sure"])
    assert [n.path for n in tree.admin_list(session, f"pydiods1/{place.prefix}/a/b")] == [f"pydiods1/{place.prefix}/a/b/ç%41"]
    many = [n.path for n in tree.admin_list(session, f"pydiods1/{place.prefix}/a", page=1)]
    assert sorted(many) == [f"pydiods1/{place.prefix}/a/100% sure", f"pydiods1/{place.prefix}/a/b"]


def test_deep_folders_go_in_smaller_calls_because_each_takes_longer():
    with Sandbox() as server, Session(server.url, GivenToken(server.token)) as session:
        before = session.requests.write
        tree.create_folders(session, [f"common-files/flat/{number}" for number in range(50)])
        assert session.requests.write == before + 1
        chain = ["common-files/deep" + "/d" * depth for depth in range(150, 200)]
        tree.create_folders(session, chain)
        assert session.requests.write - before - 1 == 17  # three or four folders each, not fifty
        assert all(tree.stat(session, path) for path in (chain[0], chain[-1]))


def test_what_is_missing_is_told_as_missing(place):
    session = place.session
    assert tree.stat(session, f"common-files/{place.prefix}") is None
    assert tree.admin_stat(session, f"pydiods1/{place.prefix}/x") is None
    with pytest.raises(NotFound):
        tree.children(session, f"common-files/{place.prefix}")
    with pytest.raises(NotFound):
        list(tree.admin_list(session, f"pydiods1/{place.prefix}"))
    assert users.get_user(session, place.prefix) is None
    assert groups.get_group(session, "/" + place.prefix) is None
    assert workspaces.get_workspace(session, place.prefix) is None
    assert datasources.get_data_source(session, place.prefix.replace("-", "")) is None
    assert jobs.tasks_of(session, "resync-ds-" + place.prefix) is None


def test_paths_that_lead_elsewhere_are_not_sent(place):
    for path in ("a/../b", "a//b", "", "/", "./a"):
        with pytest.raises(RefusedToSend):
            tree.create_folders(place.session, [path])
    with pytest.raises(RefusedToSend):
        tree.delete_nodes(place.session, ["common-files"])
    with pytest.raises(RefusedToSend):
        datasources.create_data_source(place.session, DataSource("Not-A-Name", folder="/x/y", peer="p"))


def test_deleted_nodes_are_gone(place):
    session = place.session
    top = f"common-files/{place.prefix}"
    tree.create_folders(session, [top + "/x"])
    assert poll(lambda: tree.stat(session, top + "/x"))
    tree.delete_nodes(session, [top + "/x"], permanently=True)
    assert poll(lambda: tree.stat(session, top + "/x") is None)


def test_the_server_is_known_and_its_administrator_proven(place):
    facts, _ = read_facts(place.session)
    assert facts.major == (3 if place.version == "3.0.9" else 4)
    assert facts.features.content_hash is (place.version != "3.0.9")
    assert facts.features.wide_characters is (place.version != "3.0.9")
    loader, findings = whoami(place.session)
    assert findings == []
    assert users.get_user(place.session, loader.login).uuid == loader.uuid
    assert "ADMINS" in loader.roles
    assert place.session.requests.write == 0


def test_a_person_is_no_administrator_and_a_dead_token_is_told(place):
    session = place.session
    users.create_user(session, jane(place), PASSWORD)
    token, _ = session.sign_in(jane(place).login, PASSWORD)
    person = session.as_somebody(GivenToken(token))
    with pytest.raises(NotAdministrator, match="jane"):
        whoami(person)
    with pytest.raises(NotAllowed):
        acls.search_acls(person)
    assert discovery.state(person).login == jane(place).login
    with pytest.raises(TokenRefused):
        read_facts(session.as_somebody(GivenToken("x" * 43 + "." + "y" * 43)))
    with pytest.raises(LoginRefused):
        session.sign_in(jane(place).login, "wrong")


def test_the_target_holds_what_the_server_holds(place):
    session = place.session
    users.create_user(session, jane(place), PASSWORD)
    users.create_user(session, jane(place, "ghost", attributes={"profile": "shared", "hidden": "true"}), PASSWORD)
    groups.put_group(session, Group(place.uuid("g"), f"/{place.prefix}"))
    tree.create_folders(session, [f"common-files/{place.prefix}"])
    poll(lambda: tree.admin_stat(session, f"pydiods1/{place.prefix}"))
    facts, _ = read_facts(session)
    loader, _ = whoami(session)
    before = session.requests.write
    target = read_target(session, facts, loader, [f"pydiods1/{place.prefix}", "pydiods1/nothing", "nosuchsource/x"])
    assert session.requests.write == before
    assert target.loader_uuid == loader.uuid
    assert jane(place).login in target.users
    assert jane(place, "ghost").login not in target.users
    assert target.roles[place.uuid("ghost")].user_role
    assert target.groups[f"/{place.prefix}"].uuid == place.uuid("g")
    assert target.nodes["pydiods1"] == "DATASOURCE:pydiods1"
    assert target.nodes["my-files"] == "my-files"
    assert target.nodes[f"pydiods1/{place.prefix}"]
    assert "pydiods1/nothing" not in target.nodes
    assert "pydiods1" in target.data_sources
    assert {w.slug for w in target.workspaces.values()} >= {"common-files", "personal-files"}
    assert any(a.role == "ROOT_GROUP" and a.node == "my-files" and a.action == "read" for a in target.acls)
