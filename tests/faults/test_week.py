"""Every kind × what the old server did to it in a week × what people in Cells did to it: what is carried, what is kept, what is named."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import night
import pytest
from week import Week, user_of, without_user

from fixtures.generator.description import File, Group, Metadata, Organisation, Rights, Role, Workspace
from migrate.cells.api import acls, activity, groups, metadata, parameters, roles, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.content import Content
from migrate.cells.models import Acl, LiveWorkspace
from migrate.cells.models import Role as CellsRole
from migrate.cells.session import Session

Org = Organisation


@pytest.fixture
def week(tmp_path: Path, server: night.Disturbed) -> Week:
    return Week(tmp_path, server)


def person(week: Week, login: str) -> dict[str, Any]:
    found = next((value for name, value in week.server.snapshot()["people"].items() if name.endswith("/" + login)), None)
    assert found is not None, login
    return found  # type: ignore[no-any-return]


# -- accounts: one attribute of bo, three things on the old side, three in Cells ---------------------------------------------------


def renamed_old(was: Org) -> Org:
    return user_of(was, "bo", display_name="Bo of the old server")


def renamed_in_cells(week: Week) -> None:
    week.change_user("bo", displayName="Bo of Cells")


def deleted_in_cells(week: Week) -> None:
    week.server.call("DELETE", "/a/user/bo")


@pytest.mark.parametrize(("old", "cells", "name", "named"), [
    (renamed_old, None, "Bo of the old server", ""),
    (None, renamed_in_cells, "Bo of Cells", "F2010"),
    (renamed_old, renamed_in_cells, "Bo of Cells", "F2010"),
    (None, deleted_in_cells, None, "F2910"),
    (renamed_old, deleted_in_cells, None, "F2910"),
], ids=["changed old", "changed in Cells", "changed on both sides", "removed in Cells", "changed old, removed in Cells"])
def test_an_account(week: Week, old: Any, cells: Any, name: str | None, named: str) -> None:
    week.passes(old, cells)
    ran = week.plan()
    assert ("bo" in week.named(ran, named)) if named else not week.named(ran, "F2910") + week.named(ran, "F2010"), ran.json["findings"]
    week.apply()
    found = week.user("bo")
    assert (found and found["Attributes"]["displayName"]) == name
    week.quiet()
    week.plan("--source-wins")
    assert week.apply() and week.user("bo")["Attributes"]["displayName"] == ("Bo of the old server" if old else "Bo")  # type: ignore[index]


def test_who_left_the_old_server_is_locked_and_has_no_rights_left(week: Week) -> None:
    week.passes(lambda was: without_user(was, "bo"))
    ran = week.plan()
    assert week.named(ran, "F2915") == ["bo"] and "bo,removed" in week.changes()
    week.apply()
    assert "logout" in person(week, "bo")["attributes"]["locks"]
    assert not [rule for rule in week.server.snapshot()["acls"] if "/bo" in str(rule) and ("read" in rule or "write" in rule)]
    week.quiet()


def test_who_left_stays_open_or_goes_when_that_is_said(week: Week) -> None:
    week.passes(lambda was: without_user(was, "bo"))
    assert week.named(week.plan("--removed-people", "keep"), "F2916") == ["bo"] and "retire:bo" not in week.todo()
    assert week.named(week.plan("--delete-removed", "users"), "F2917") == ["bo"]
    week.apply()
    assert week.user("bo") is None and week.user("ann") is not None
    week.passes(lambda was: was)  # and comes back
    week.plan()
    week.apply()
    assert week.user("bo") is not None


def test_who_comes_back_is_unlocked_and_who_was_unlocked_in_cells_stays_so(week: Week) -> None:
    week.passes(lambda was: without_user(was, "bo"))
    week.plan()
    week.apply()
    week.change_user("bo", locks="[]")
    assert "bo" in week.named(week.plan(), "F2910")
    week.apply()
    assert "logout" not in person(week, "bo")["attributes"].get("locks", "")
    week.passes(lambda was: was)
    week.plan()
    week.apply()
    assert "logout" not in person(week, "bo")["attributes"].get("locks", "")


def test_a_lock_of_the_old_server_is_put_on_and_taken_off(week: Week) -> None:
    week.passes(lambda was: user_of(was, "bo", locks=("logout",)), lambda w: w.change_user("bo", email="bo@cells.example"))
    week.plan()
    week.apply()
    assert "logout" in person(week, "bo")["attributes"]["locks"] and person(week, "bo")["attributes"]["email"] == "bo@cells.example"
    week.passes(lambda was: was)
    week.plan()
    week.apply()
    assert "logout" not in person(week, "bo")["attributes"].get("locks", "")


def test_roles_and_settings_that_people_gave_stay_when_the_account_changes(week: Week) -> None:
    week.server.call("PUT", "/a/role/own-role", {"Uuid": "own-role", "Label": "Made in Cells"})

    def gives(w: Week) -> None:
        body = w.server.call("GET", "/a/user/ann")
        body["Roles"] = [r for r in body["Roles"] if not r.get("GroupRole") and not r.get("UserRole")] + [{"Uuid": "own-role"}]
        body["Attributes"]["theme"] = "dark"
        w.server.call("PUT", "/a/user/ann", body)

    week.passes(lambda was: user_of(was, "ann", email="new@night.example"), gives)
    week.plan()
    week.apply()
    found = week.user("ann")
    assert found is not None and found["Attributes"]["email"] == "new@night.example" and found["Attributes"]["theme"] == "dark"
    assert "own-role" in [r["Uuid"] for r in found["Roles"]]
    week.quiet()


# -- everything else: one thing of each kind, all at once ----------------------------------------------------------------------------


class Things:
    """One thing of each kind, as `old`, `new` or `cells`, or None when it is not there."""

    def __init__(self, week: Week) -> None:
        self.week = week
        self.session = Session(week.server.url, GivenToken(week.server.token), allow_writes=True)
        self.bo = next(u for u in users.find_users(self.session, "bo")).uuid
        self.ann = next(u for u in users.find_users(self.session, "ann")).uuid

    # -- as they are

    def group(self) -> str | None:
        found = groups.get_group(self.session, "/spare")
        return None if found is None else found.display_name

    def role(self) -> str | None:
        return next((r.label for r in roles.search_roles(self.session) if r.uuid == self._role), None)

    def workspace(self) -> str | None:
        found = workspaces.get_workspace(self.session, self._attic.uuid)
        return None if found is None else found.label

    def right(self) -> str | None:
        said = {acl.action for acl in self._rules()}
        return {frozenset(): None, frozenset({"read"}): "new", frozenset({"read", "write"}): "old", frozenset({"deny"}): "cells"}[frozenset(said)]

    def file(self) -> str | None:
        found = tree.admin_stat(self.session, "legacy/dock/Plans/plan.txt")
        return None if found is None else {30: "old", 60: "new"}.get(found.size, "cells")

    def value(self) -> str | None:
        found = next((v.json for v in metadata.search_values(self.session, [self._plans]) if v.namespace == "usermeta-doc_status"), None)
        return {None: None, '"draft"': "old", '"final"': "new"}.get(found, "cells")

    def watch(self) -> str | None:
        found = next((w.events for w in activity.watches(self.session, [self._plans], "bo") if w.login == "bo"), frozenset())
        return {frozenset({"change"}): "old", frozenset({"change", "read"}): "new", frozenset({"read"}): "cells", frozenset(): None}[found]

    def quota(self) -> str | None:
        found = next(iter(acls.search_acls(self.session, actions=["quota"], roles=[self.ann])), None)
        return None if found is None else {str(1 << 30): "old", str(2 << 30): "new"}.get(found.value, "cells")

    def _rules(self) -> list[Acl]:
        return [a for a in acls.search_acls(self.session, actions=acls.RIGHTS, roles=[self.bo]) if a.workspace == self._attic.uuid]

    def remember(self) -> Things:
        self._role = next(r.uuid for r in roles.search_roles(self.session) if r.label == "old")
        self._attic = next(w for w in workspaces.search_workspaces(self.session) if w.label == "old")
        self._plans = (tree.admin_stat(self.session, "legacy/dock/Plans") or self.week).uuid  # type: ignore[union-attr]
        return self

    # -- what people do in Cells

    def change(self, week: Week) -> None:
        s = self.session
        found = groups.get_group(s, "/spare")
        assert found is not None
        groups.put_group(s, dataclasses.replace(found, display_name="cells"))
        roles.put_role(s, CellsRole(self._role, "cells"))
        workspaces.put_workspace(s, dataclasses.replace(self._attic, label="cells"))
        node = next(iter(self._attic.roots))
        present = self._rules()
        acls.add_acls(s, [Acl(node, self.bo, self._attic.uuid, "deny")], present)
        for acl in present:
            acls.delete_acl(s, acl)
        with self._seeing():
            path = self.week.work.parent / "people.txt"
            path.write_bytes(b"of people in Cells")
            Content(s).put_file("people", "dock/Plans/plan.txt", str(path))
            metadata.write_values(s, {(self._plans, "usermeta-doc_status"): '"cells"'})
        activity.watch(s, "bo", self._plans, ["read"])
        quota = next(iter(acls.search_acls(s, actions=["quota"], roles=[self.ann])))
        parameters.state(s, dataclasses.replace(quota, value="77"))

    @contextlib.contextmanager
    def _seeing(self) -> Iterator[None]:
        """The administrator sees the files for a while."""
        workspaces.put_workspace(self.session, LiveWorkspace("people-desk", "people", "People", "", "ADMIN", {"DATASOURCE:legacy": "legacy"}))
        rules = [Acl("DATASOURCE:legacy", users.find_users(self.session, "admin")[0].uuid, "people-desk", name) for name in ("read", "write")]
        acls.add_acls(self.session, rules, [])
        yield
        workspaces.delete_workspace(self.session, "people-desk", "people")
        for rule in rules:
            acls.delete_acl(self.session, rule)

    def remove(self, week: Week) -> None:
        s = self.session
        found = groups.get_group(s, "/spare")
        assert found is not None
        groups.delete_group(s, found)
        roles.delete_role(s, self._role)
        for acl in self._rules():
            acls.delete_acl(s, acl)
        workspaces.delete_workspace(s, self._attic.uuid, self._attic.slug)
        with self._seeing():
            metadata.delete_values(s, [v for v in metadata.search_values(s, [self._plans]) if v.namespace == "usermeta-doc_status"])
        activity.watch(s, "bo", self._plans, [])
        parameters.withdraw(s, next(iter(acls.search_acls(s, actions=["quota"], roles=[self.ann]))))


def as_old(state: str | None) -> Org:
    """The old server with each thing as it was (`old`), changed (`new`) or without it (None)."""
    was = night.organisation()
    here = state is not None
    right = {"old": "rw", "new": "r", None: ""}[state]
    quota = {"old": "1G", "new": "2G", None: None}[state]
    people = tuple(dataclasses.replace(u, rights=Rights(acls={"dock": "r", **({"attic": right} if right and here else {})})) if u.login == "bo"
                   else dataclasses.replace(u, quota=quota) if u.login == "ann" else u for u in was.users)
    plan = (File("dock", b"/Plans/plan.txt", 60 if state == "new" else 30, 1_400_000_000 if state == "new" else 1_300_000_000),) if here else ()
    status = {"old": "draft", "new": "final", None: None}[state]
    marks = tuple(dataclasses.replace(m, text="both") if m.kind == "watch" and state == "new" else m for m in was.marks if m.kind != "watch" or here)
    return dataclasses.replace(
        was, users=people, files=(*was.files, *plan), marks=marks,
        groups=(*was.groups, *((Group("/spare", state),) if here else ())), roles=(*was.roles, *((Role("spare", state),) if here else ())),
        workspaces=(*was.workspaces, *((Workspace("attic", state or "", "attic", "AJXP_DATA_PATH/workspaces/attic"),) if here else ())),
        metadata=(Metadata("dock", "/Plans", {"tags_f": "harbour", **({"doc_status": status} if status else {})}),))


KINDS = ("group", "role", "workspace", "right", "file", "value", "watch", "quota")
STAYS = ("group", "role", "workspace", "file")
"""What is not deleted in Cells unless that is asked for."""
NAMED = {"group": "/spare", "right": "right of bo", "file": "plan.txt", "value": "doc_status", "watch": "bo: ",
         "quota": "quota of ann"}


@pytest.mark.parametrize("cells", [None, "change", "remove"], ids=["untouched in Cells", "changed in Cells", "removed in Cells"])
@pytest.mark.parametrize("old", ["old", "new", None], ids=["as it was", "changed old", "removed old"])
def test_everything_else(tmp_path: Path, server: night.Disturbed, old: str | None, cells: str | None) -> None:
    week = Week(tmp_path, server, as_old("old"))
    things = Things(week).remember()
    states = {kind: getattr(things, kind)() for kind in KINDS}
    assert set(states.values()) == {"old"}, states
    week.passes(lambda _was: as_old(old), getattr(things, cells) if cells else None)
    ran = week.plan()
    named = [f["subject"] + f["message"] for f in ran.json["findings"] if f["code"] in ("F2910", "F2710", "F2719")]
    week.apply()
    for kind in KINDS:
        got = getattr(things, kind)()
        removed = cells == "remove" and kind != "file"
        wanted = None if removed else "cells" if cells == "change" else old if old is not None else "old" if kind in STAYS else None
        assert got == wanted, f"{kind}: {got} instead of {wanted}"
        follows = kind == "right" and cells == "remove"  # it went with its workspace, which is named
        if cells and old is not None and not follows and not (kind == "file" and (cells == "remove" or old == "old")):
            name = NAMED.get(kind) or old  # roles and workspaces by their label
            assert any(name in text for text in named), f"{kind} is not named: {named}"
    again = night.migrate(week.old, server.url, week.work, "--json").json
    assert again["requests"]["write"] == 0, week.todo()
    if cells == "change" and old == "new":
        week.plan("--source-wins")
        week.apply()
        assert {kind: getattr(things, kind)() for kind in KINDS} == dict.fromkeys(KINDS, "new")


def test_what_left_the_old_server_is_deleted_when_that_is_named(tmp_path: Path, server: night.Disturbed) -> None:
    week = Week(tmp_path, server, as_old("old"))
    things = Things(week).remember()
    week.passes(lambda _was: as_old(None))
    ran = week.plan("--delete-removed", "files", "--delete-removed", "roles", "--delete-removed", "workspaces", "--delete-removed", "groups")
    assert ran.json["requests"]["write"] == 0
    week.apply()
    assert {kind: getattr(things, kind)() for kind in KINDS} == dict.fromkeys(KINDS)
    assert tree.admin_stat(things.session, "legacy/dock/Plans/site.txt") is not None
