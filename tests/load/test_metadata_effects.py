"""Notes of people reach the stand-in once and completely, whatever refuses, and what the loader lent itself is gone at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrate import note_codes
from migrate.cells.api import acls, activity, metadata, parameters, tree, users, workspaces
from migrate.cells.auth import GivenToken
from migrate.cells.errors import RefusedToSend
from migrate.cells.models import Acl, LiveWorkspace, User
from migrate.cells.models.notes import Field
from migrate.cells.reader import whoami
from migrate.cells.sandbox import Sandbox
from migrate.cells.session import Session
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, State
from migrate.load import loans
from migrate.load.extras import PictureOdd
from migrate.load.metadata import FieldLost, NotesFailed
from migrate.load.perform import Loader
from migrate.transform.metadata_actions import (
    LiftLocks,
    OfferTags,
    PutField,
    RemoveField,
    SetBookmarks,
    SetLocks,
    SetParameter,
    SetPicture,
    SetQuota,
    SetWatches,
    WriteValues,
)

SOURCE = "pydiods1"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


class World:
    """A stand-in with a folder of files, a person with a workspace on it, and a loader that may open a desk there."""

    def __init__(self, server: Sandbox, work: Path) -> None:
        self.session = Session(server.url, GivenToken(server.token), sleep=lambda _: None)
        self.me = whoami(self.session)[0]
        self.ledger, self.secrets = Ledger.create(work), Secrets(work)
        self.stop = StopSignal()
        self.stop.wait = lambda _seconds: False  # type: ignore[method-assign]
        self.loader = Loader(self.session, self.ledger, self.secrets, self.stop, lambda *_: {}, None, lambda _login: PNG)
        self.loader.tools.desks.allow(SOURCE, "desk-uuid", "migration-desk-test", self.me.uuid)
        slug = self.loader.tools.desks.slug(SOURCE)
        self.nodes = {n.path.rpartition("/")[2]: n.uuid for n in tree.create_folders(self.session, [f"{slug}/top/{x}" for x in "abcd"])}
        self.top = tree.admin_stat(self.session, f"{SOURCE}/top").uuid
        self.bob = users.create_user(self.session, User("bob-uuid", "bob", attributes={"profile": "shared"}), self.secrets.password("user", "bob"))
        workspaces.put_workspace(self.session, LiveWorkspace("ws", "bobs", "Bobs", "", "ADMIN", {self.nodes["a"]: f"{SOURCE}/top/a"}))
        acls.add_acls(self.session, [Acl(self.nodes["a"], "bob-uuid", "ws", "read")], [])
        for kind in ("metadata", "watches", "bookmarks", "locks"):
            self.ledger.replace_records(kind, [(x, {}) for x in "abcdz"])

    def do(self, action):
        return self.loader.perform(action, resumed=False)

    def path(self, name: str) -> str:
        return f"{SOURCE}/top/{name}"

    def values(self) -> dict[tuple[str, str], str]:
        names = {uuid: name for name, uuid in self.nodes.items()}
        return {(names[v.node], v.namespace): v.json for v in metadata.search_values(self.session, list(self.nodes.values()))
                if v.namespace.startswith("usermeta-")}

    def said(self, kind: str) -> dict[str, tuple[str | None, str | None]]:
        return {key: (outcome, code) for key, outcome, code in self.ledger.unsettled(kind) if outcome}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Sandbox() as server:
        found = World(server, tmp_path)
        yield found
        found.session.close()
        found.ledger.close()


def field(name: str = "usermeta-n") -> PutField:
    return PutField(name, "N", '{"type": "string"}')


def test_a_field_that_does_not_show_for_a_while_is_waited_for(world, monkeypatch):
    """Cells remembers for half a minute that a field that was just made has no policies, when somebody listed fields in between."""
    hidden, whole = [6], metadata.list_fields

    def late(session):
        fields = whole(session)
        if "usermeta-n" in fields and hidden[0]:
            hidden[0] -= 1
            fields.pop("usermeta-n")
        return fields

    monkeypatch.setattr(metadata, "list_fields", late)
    assert world.do(field()) == {}
    hidden[0] = 10_000
    with pytest.raises(FieldLost):
        world.do(field())



def write(world: World, *names: str, text: str = '"x"') -> WriteValues:
    return WriteValues(tuple(([["metadata", n]], world.path(n), {"usermeta-n": text}) for n in names), (SOURCE,))


def test_values_are_written_and_settled_and_a_second_time_nothing_is_sent(world: World):
    world.do(field())
    world.do(write(world, "a", "b"))
    assert world.values() == {("a", "usermeta-n"): '"x"', ("b", "usermeta-n"): '"x"'}
    assert world.said("metadata") == {"a": ("migrated", None), "b": ("migrated", None)}
    before = world.session.requests.write
    world.do(write(world, "a", "b"))
    world.do(field())
    assert world.session.requests.write == before


def test_one_refused_value_does_not_take_the_others_with_it(world: World):
    world.do(field())
    metadata.add_lock(world.session, world.nodes["b"], "bob")
    with pytest.raises(NotesFailed):
        world.do(write(world, "a", "b", "c"))
    assert {name for name, _ in world.values()} == {"a", "c"}
    assert {k: v[0] for k, v in world.said("metadata").items()} == {"a": "migrated", "b": "failed", "c": "migrated"}
    metadata.remove_lock(world.session, world.nodes["b"], "bob")
    world.do(write(world, "a", "b", "c"))
    assert {v[0] for v in world.said("metadata").values()} == {"migrated"}


def test_a_node_that_is_not_there_fails_alone(world: World):
    world.do(field())
    with pytest.raises(NotesFailed):
        world.do(write(world, "a", "z"))
    assert world.said("metadata")["z"] == ("failed", "E4902") and world.said("metadata")["a"][0] == "migrated"


def test_where_the_loader_may_only_read_it_lends_itself_the_right_and_gives_it_back(world: World):
    world.do(field())
    acls.put_acl(world.session, Acl(world.top, world.me.uuid, "ws", "read"))
    world.do(write(world, "a", "b"))
    assert len(world.values()) == 2
    assert [entry[0] for entry in world.ledger.get("loans")] == [world.top]
    assert loans.give_back(world.session, world.ledger) == 1
    left = acls.search_acls(world.session, actions=acls.RIGHTS, nodes=[world.top], roles=[world.me.uuid])
    assert [(a.action, a.workspace) for a in left] == [("read", "ws")] and world.ledger.get("loans") == []


def test_a_loan_is_written_down_before_it_is_made(world: World):
    acls.put_acl(world.session, Acl(world.top, world.me.uuid, "ws", "read"))
    seen: list[object] = []
    put = world.session.put

    def watching(path, body, **how):
        seen.append(world.ledger.get("loans"))
        return put(path, body, **how)

    world.session.put = watching  # type: ignore[method-assign]
    assert loans.lend(world.session, world.ledger, world.me.uuid, world.path("a"))
    assert seen and all(seen)


def test_nothing_is_lent_against_a_denial_of_the_loaders_own_role(world: World):
    acls.put_acl(world.session, Acl(world.top, world.me.uuid, "", "deny"))
    assert not loans.lend(world.session, world.ledger, world.me.uuid, world.path("a")) and not world.ledger.get("loans")


def test_a_field_of_others_is_not_replaced_and_one_that_is_planned_to_change_is(world: World):
    theirs = Field("usermeta-n", "Theirs", '{"type":"choice"}')
    metadata.put_field(world.session, theirs)
    world.do(field())
    assert metadata.list_fields(world.session)["usermeta-n"].definition == theirs.definition
    world.do(PutField("usermeta-n", "N", '{"type": "string"}', before=theirs.definition, before_label="Theirs"))
    assert metadata.list_fields(world.session)["usermeta-n"].type == "string"
    world.do(RemoveField("usermeta-n"))
    assert "usermeta-n" not in metadata.list_fields(world.session)


def test_values_are_taken_back_only_when_they_are_as_written(world: World):
    world.do(field())
    action = write(world, "a", "b")
    world.do(action)
    metadata.write_values(world.session, {(world.nodes["b"], "usermeta-n"): '"changed"'})
    world.do(action.reverse())
    assert world.values() == {("b", "usermeta-n"): '"changed"'}


def test_tags_are_offered_once_each(world: World):
    world.do(PutField("usermeta-t", "T", '{"type": "tags"}'))
    world.do(OfferTags("usermeta-t", ("a", "b")))
    assert world.do(OfferTags("usermeta-t", ("a", "b", "c"))) == {"added": 1}
    assert metadata.list_tags(world.session, "usermeta-t") == ("a", "b", "c")


def test_watches_are_set_for_others_and_what_they_watched_before_stays(world: World):
    activity.watch(world.session, "bob", world.nodes["a"], ["read"])
    action = SetWatches("bob", "bob", (([["watches", "a"]], world.path("a"), ["change"], ["read"]),))
    world.do(action)
    assert {w.login: set(w.events) for w in activity.watches(world.session, [world.nodes["a"]])} == {"bob": {"change", "read"}}


def test_nobody_watches_under_a_login_that_does_not_exist(world: World):
    with pytest.raises(NotesFailed):
        world.do(SetWatches("ghost", "ghost", (([["watches", "a"]], world.path("a"), ["change"], []),)))
    assert activity.watches(world.session, [world.nodes["a"]]) == [] and world.said("watches")["a"][0] == "failed"


def bookmarks(world: World, *names: str) -> SetBookmarks:
    return SetBookmarks("bob", "bob", tuple(([["bookmarks", n]], world.path(n)) for n in names))


def test_a_person_gets_his_bookmarks_of_what_he_sees(world: World):
    assert world.do(bookmarks(world, "a", "b")) == {"set": [world.path("a")]}
    assert world.said("bookmarks") == {"a": ("migrated", None), "b": ("skipped", note_codes.NOT_SEEN.code)}
    token, _ = world.session.sign_in("bob", world.secrets.get("user", "bob") or "")
    with world.session.as_somebody(GivenToken(token)) as bob:
        assert [n.uuid for n in metadata.bookmarks(bob)] == [world.nodes["a"]]


def test_a_refused_password_is_tried_once_and_the_bookmarks_are_listed(world: World):
    world.secrets.put("user", "bob", "not the password")
    tries: list[str] = []
    sign_in = world.session.sign_in
    world.session.sign_in = lambda login, *rest: (tries.append(login), sign_in(login, *rest))[1]  # type: ignore[method-assign]
    for _ in range(3):
        world.do(bookmarks(world, "a"))
    assert tries == ["bob"] and world.said("bookmarks") == {"a": ("skipped", note_codes.NO_SESSION.code)}


def test_a_locked_account_is_not_signed_in(world: World):
    users.put_user(world.session, User("bob-uuid", "bob", attributes={"profile": "shared", "locks": '["logout"]'}))
    world.session.sign_in = lambda *_: pytest.fail("it was tried")  # type: ignore[method-assign]
    world.do(bookmarks(world, "a"))
    assert world.said("bookmarks") == {"a": ("skipped", note_codes.NO_SESSION.code)}


def test_locks_are_set_in_the_holders_name_lifted_and_set_again(world: World):
    locks = SetLocks((([["locks", "a"]], world.path("a"), "bob"),))
    world.do(locks)
    world.do(locks)
    assert metadata.list_locks(world.session) == {world.nodes["a"]: "bob"}
    world.do(LiftLocks(((world.path("a"), "bob"),)))
    assert metadata.list_locks(world.session) == {}


def test_a_lock_of_somebody_else_is_neither_replaced_nor_lifted(world: World):
    metadata.add_lock(world.session, world.nodes["a"], "eve")
    world.do(SetLocks((([["locks", "a"]], world.path("a"), "bob"),)))
    world.do(LiftLocks(((world.path("a"), "bob"),)))
    assert metadata.list_locks(world.session) == {world.nodes["a"]: "eve"}
    assert world.said("locks") == {"a": ("skipped", note_codes.LOCK_OF_OTHER.code)}


def test_a_quota_replaces_another_amount_and_is_restored(world: World):
    first = SetQuota("bob-uuid", "ws", world.path("a"), "5", "")
    world.do(first)
    world.do(SetQuota("bob-uuid", "ws", world.path("a"), "9", "5"))
    assert [a.value for a in parameters.find(world.session, "quota", "bob-uuid")] == ["9"]
    world.do(SetQuota("bob-uuid", "ws", world.path("a"), "9", "5").reverse())
    assert [a.value for a in parameters.find(world.session, "quota", "bob-uuid")] == ["5"]
    world.do(first.reverse())
    assert parameters.find(world.session, "quota", "bob-uuid") == []
    assert acls.search_acls(world.session, actions=["read"], roles=["bob-uuid"], nodes=[world.nodes["a"]])


def test_a_start_workspace_is_stated_on_the_persons_role(world: World):
    action = SetParameter("bob-uuid", parameters.START_WORKSPACE, '"ws"')
    world.do(action)
    assert [a.value for a in parameters.find(world.session, parameters.START_WORKSPACE, "bob-uuid")] == ['"ws"']
    world.do(action.reverse())
    assert parameters.find(world.session, parameters.START_WORKSPACE, "bob-uuid") == []


def test_a_picture_is_sent_when_it_is_the_one_that_was_found(world: World):
    with pytest.raises(PictureOdd):
        world.do(SetPicture("bob", "bob-uuid", "another hash", "bob"))
    world.do(SetPicture("bob", "bob-uuid", hashlib.sha256(PNG).hexdigest(), "bob"))
    assert users.get_user(world.session, "bob").attributes["avatar"]


def test_removing_an_amount_never_takes_rights_with_it(world: World):
    for broken in (Acl("", "bob-uuid", "ws", "quota"), Acl("n", "", "ws", "quota"), Acl("n", "bob-uuid", "", "quota"), Acl("n", "*", "ws", "quota")):
        with pytest.raises(RefusedToSend):
            parameters.withdraw(world.session, broken)


# -- people who cannot be signed in -------------------------------------------------------------------------------------------------


def marked(world: World, password: str) -> set[str]:
    token, _ = world.session.sign_in("bob", password)
    with world.session.as_somebody(GivenToken(token)) as bob:
        return {node.uuid for node in metadata.bookmarks(bob)}


def test_a_password_that_was_handed_in_is_used_where_the_generated_one_is_gone(world: World):
    mine = world.secrets.password("user", "bob")
    world.secrets.put("user", "bob", "another one")
    world.secrets.put("known", "old-bob", mine)
    world.do(SetBookmarks("bob", "old-bob", (([["bookmarks", "a"]], world.path("a")),)))
    assert world.said("bookmarks") == {"a": ("migrated", None)} and world.ledger.get("refused-sign-ins") == ["bob"]
    assert marked(world, mine) == {world.nodes["a"]}


def test_a_token_that_was_handed_in_is_used_before_any_password(world: World):
    token, _ = world.session.sign_in("bob", world.secrets.password("user", "bob"))
    world.secrets.put("person-token", "old-bob", token)
    world.session.sign_in = lambda *_: pytest.fail("no password was needed")  # type: ignore[method-assign]
    world.do(SetBookmarks("bob", "old-bob", (([["bookmarks", "a"]], world.path("a")),)))
    assert world.said("bookmarks") == {"a": ("migrated", None)}


def test_an_internal_job_bookmarks_for_whom_no_session_can_be_opened_and_a_repeat_makes_no_second(world: World):
    mine = world.secrets.password("user", "bob")
    world.secrets.put("user", "bob", "another one")
    action = SetBookmarks("bob", "bob", (([["bookmarks", "a"]], world.path("a")),), by_rpc="bob-uuid")
    world.do(action)
    world.do(action)
    assert world.said("bookmarks") == {"a": ("migrated", None)} and marked(world, mine) == {world.nodes["a"]}


def test_an_internal_job_is_not_sent_for_another_account_of_that_login(world: World):
    world.secrets.put("user", "bob", "another one")
    with pytest.raises(NotesFailed):
        world.do(SetBookmarks("bob", "bob", (([["bookmarks", "a"]], world.path("a")),), by_rpc="somebody-else"))
    assert world.said("bookmarks")["a"][0] == "failed"


def test_a_picture_of_an_earlier_run_is_brought_up_to_date_and_one_of_the_person_stays(world: World):
    before, now = hashlib.sha256(PNG + b"old").hexdigest(), hashlib.sha256(PNG).hexdigest()
    users.set_avatar(world.session, "bob", PNG + b"old", "image/png")
    world.do(SetPicture("bob", "bob-uuid", now, "bob", before=before))
    assert users.get_avatar(world.session, "bob") == PNG
    users.set_avatar(world.session, "bob", PNG + b"of bob", "image/png")
    assert world.do(SetPicture("bob", "bob-uuid", now, "bob", before=before)) == {"adopted": True}
    assert users.get_avatar(world.session, "bob") == PNG + b"of bob"


def test_bookmarks_of_an_internal_job_are_taken_back_by_one(world: World):
    mine = world.secrets.password("user", "bob")
    world.secrets.put("user", "bob", "another one")
    action = SetBookmarks("bob", "bob", (([["bookmarks", "a"]], world.path("a")),), by_rpc="bob-uuid")
    world.ledger.replace_plan([(action, State.PLANNED)])
    row = world.ledger.action(action.id)
    world.ledger.start(row)
    world.ledger.done(row, world.do(action))
    world.do(action.reverse())
    assert marked(world, mine) == set()
