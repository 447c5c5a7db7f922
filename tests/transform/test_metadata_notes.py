"""Who noted what about which node: private stays private, a change made in Cells stays, shares lead to the shared folder."""

from __future__ import annotations

import json
from types import SimpleNamespace

from migrate import note_codes
from migrate.cells.models.notes import LiveNotes
from migrate.extract.records import Access, Bookmark, Comment, Lock, Login, Metadata, MetaField, NodePath, Role, RoleId, User, Watch, Workspace, WorkspaceId
from migrate.rights import Right
from migrate.transform.fields import Fields
from migrate.transform.limits import LimitsPart, size_of
from migrate.transform.mapping import FieldLine
from migrate.transform.marks import BookmarksPart, LocksPart, WatchesPart
from migrate.transform.metadata_actions import LiftLocks, OfferTags, SetLocks, WriteValues
from migrate.transform.notes import Comments, NotesPart, Values
from migrate.transform.people import Person
from migrate.transform.placement import PERSONAL, SHARED, USER, Place
from migrate.transform.remarks import Remarks
from migrate.transform.whereabouts import Whereabouts
from tests.transform.builders import Records

W = WorkspaceId("w")
NOTE = MetaField("note", "string", "Note")
WORKSPACE = Workspace(W, "W", "w", "fs", meta_fields=(NOTE, MetaField("tags", "tags")))


class Lookup:
    """A world where workspace `w` lies in `legacy/w` and everything in it is carried, but `/gone` and what lies in `/bin`."""

    def __init__(self, major: int = 4, existing: tuple[str, ...] = (), missing: tuple[str, ...] = ("nobody",)) -> None:
        self.target = SimpleNamespace(facts=SimpleNamespace(major=major, features=SimpleNamespace(wide_characters=True)), users={}, acls=(), nodes={})
        self._existing, self._missing = existing, missing

    def person(self, login):
        if login in self._missing:
            return None
        return Person(User(Login(login)), "new-" + login, "uuid-" + login, existing=login in self._existing)

    def place(self, workspace):
        return Place(WORKSPACE, "ws", "w", "W", "legacy/w", "legacy", SHARED) if workspace == "w" else None

    def carried(self, workspace, login, path, group=None):
        return None if path == "/gone" else not path.startswith("/bin")

    def node_in(self, workspace, login, path, group=None):
        return "legacy/w" + (path if path != "/" else "")

    def changed(self, workspace, login, path, size):
        return path == "/changed"

    def group(self, path):
        return "group" + path

    def role(self, role):
        return "role-" + role

    def node(self, workspace, login, path):
        return f"legacy/{workspace}/{login}"


def parts(records, *, live=None, former=None, lines=None, comments=(), mode="both", undefined=()):
    lookup, live = Lookup(), live or LiveNotes()
    where = Whereabouts.of(lookup, [{"child_workspace_id": "c", "workspace": "w", "owner": "bob", "path": "/shared", "is_file": False},
                                    {"child_workspace_id": "f", "workspace": "c", "owner": "bob", "path": "/one.txt", "is_file": True}])
    values = Values(records, Fields([WORKSPACE], lines or {}, live.fields, undefined=undefined), where, lookup, live, former or {})
    return NotesPart(values, Comments(list(comments), where, lookup, values, live, mode), live)


def written(part):
    return {item[1]: item[2] for action, _ in part.actions if isinstance(action, WriteValues) for item in action.items}


def outcomes(part):
    return {key: (what, code) for kind, key, what, code, _ in part.outcomes if kind != "fields"}


def noted(path="/a", bucket=None, workspace="w", **values):
    return Metadata(WorkspaceId(workspace), NodePath(path), values, bucket=bucket)


def test_a_value_is_written_on_the_node_the_path_became():
    assert written(parts([noted(note="x")])) == {"legacy/w/a": {"usermeta-note": '"x"'}}


def test_what_one_person_saw_is_left_out_unless_the_field_is_allowed():
    record = noted(note="secret", bucket=Login("bob"))
    part = parts([record])
    assert written(part) == {} and outcomes(part)[record.key] == ("skipped", note_codes.PRIVATE.code)
    assert note_codes.PRIVATE.code in {f.code for f in part.findings}
    assert written(parts([record], lines={"note": FieldLine("note", private="show")})) == {"legacy/w/a": {"usermeta-note": '"secret"'}}


def test_what_everybody_saw_wins_over_what_one_person_saw():
    mine, ours = noted(note="mine", bucket=Login("a")), noted(note="ours")
    part = parts([mine, ours], lines={"note": FieldLine("note", private="show")})
    assert written(part) == {"legacy/w/a": {"usermeta-note": '"ours"'}}
    assert outcomes(part)[mine.key] == ("skipped", note_codes.OTHER_VALUE.code)


def test_values_on_nodes_that_are_not_there_or_not_carried_have_a_reason():
    gone, binned, elsewhere, odd = noted("/gone", note="x"), noted("/bin/x", note="x"), noted(workspace="other", note="x"), noted(ghost="x")
    said = outcomes(parts([gone, binned, elsewhere, odd], undefined=["ghost"]))
    assert [said[r.key][1] for r in (gone, binned, elsewhere, odd)] == [
        note_codes.NODE_GONE.code, note_codes.NODE_LEFT.code, note_codes.NODE_LEFT.code, note_codes.FIELD_UNKNOWN.code]


def test_values_of_a_share_are_those_of_the_shared_folder():
    assert set(written(parts([noted("/x", workspace="c", note="1"), noted("/one.txt", workspace="f", note="2")]))) == {
        "legacy/w/shared/x", "legacy/w/shared/one.txt"}


def test_a_value_that_is_there_is_not_written_again():
    live = LiveNotes(nodes={"legacy/w/a": "u"}, values={("u", "usermeta-note"): '"x"'})
    part = parts([noted(note="x")], live=live)
    assert written(part) == {} and set(outcomes(part).values()) == {("already", None)}


def test_a_value_changed_in_cells_stays_and_one_changed_on_the_old_server_is_carried():
    live = LiveNotes(nodes={"legacy/w/a": "u"}, values={("u", "usermeta-note"): '"there"'})
    kept = parts([noted(note="x")], live=live, former={("legacy/w/a", "usermeta-note"): '"x"'})
    assert written(kept) == {} and note_codes.VALUE_KEPT.code in {f.code for f in kept.findings}
    carried = parts([noted(note="x")], live=live, former={("legacy/w/a", "usermeta-note"): '"there"'})
    assert written(carried) == {"legacy/w/a": {"usermeta-note": '"x"'}}


def test_tags_are_offered_before_they_are_used():
    offers = [(a.namespace, a.tags) for a, _ in parts([noted(tags="b, a"), noted("/b", tags="a,c")]).actions if isinstance(a, OfferTags)]
    assert offers == [("usermeta-tags", ("b", "a", "c"))]


def said_by(user, text, when):
    return Comment(Login(user), W, NodePath("/a"), text, when)


def test_comments_are_one_text_on_the_file_oldest_first():
    part = parts([], comments=[said_by("bob", "second\x00", 1_500_000_060), said_by("alice", "first <b>", 1_500_000_000)])
    text = json.loads(written(part)["legacy/w/a"]["usermeta-comments"])
    assert text == "2017-07-14 02:40 UTC new-alice: first <b>\n2017-07-14 02:41 UTC new-bob: second"
    assert "usermeta-comments" in {a.namespace for a, _ in part.actions if hasattr(a, "definition")}


def test_of_too_many_comments_the_newest_are_shown_and_it_is_told():
    part = parts([], comments=[said_by("bob", f"{n:05}" + "x" * 6000, 1_500_000_000 + n) for n in range(20)])
    text = written(part)["legacy/w/a"]["usermeta-comments"]
    assert len(text.encode()) <= 65_535 and "00019x" in text and "00000x" not in text
    assert note_codes.COMMENTS_CUT.code in {f.code for f in part.findings}


def test_comments_for_the_archive_only_make_no_field():
    comment = said_by("bob", "x", 1)
    part = parts([], comments=[comment], mode="archive")
    assert written(part) == {} and outcomes(part)[comment.key] == ("skipped", note_codes.COMMENT_ARCHIVED.code)


WHERE = Whereabouts(Lookup(), {})


def test_both_is_change_and_read_and_two_watches_of_one_node_are_one():
    watches = [Watch(Login("bob"), W, NodePath("/a"), "change"), Watch(Login("bob"), W, NodePath("/a"), "read"), Watch(Login("bob"), W, NodePath("/b"), "both")]
    (action, _), = WatchesPart(watches, WHERE, Lookup(), LiveNotes(), lambda _: True).actions
    assert [(i[1], i[2]) for i in action.items] == [("legacy/w/a", ["change", "read"]), ("legacy/w/b", ["change", "read"])]


def test_a_watch_that_stands_is_already_there_and_more_of_the_person_stays():
    live = LiveNotes(nodes={"legacy/w/a": "u"}, watches={("new-bob", "u"): frozenset({"read"})})
    one = WatchesPart([Watch(Login("bob"), W, NodePath("/a"), "read")], WHERE, Lookup(), live, lambda _: True)
    assert list(one.actions) == [] and [o[2] for o in one.outcomes] == ["already"]
    (action, _), = WatchesPart([Watch(Login("bob"), W, NodePath("/a"), "change")], WHERE, Lookup(), live, lambda _: True).actions
    assert action.items[0][2:] == (["change", "read"], ["read"])


def test_on_version_5_watches_need_the_person():
    part = WatchesPart([Watch(Login("bob"), W, NodePath("/a"), "read")], WHERE, Lookup(5), LiveNotes(), lambda _: False)
    assert [o[3] for o in part.outcomes] == [note_codes.NOT_WATCHED.code]


def test_bookmarks_of_people_whose_password_is_not_known_are_listed():
    mark = Bookmark(Login("bob"), W, NodePath("/a"), "A")
    part = BookmarksPart([mark], WHERE, Lookup(), lambda _: False, frozenset())
    assert list(part.actions) == [] and [(o[2], o[3]) for o in part.outcomes] == [("skipped", note_codes.NO_SESSION.code)]
    assert [body["listed"] for _, _, body in part.targets] == [True]


def test_a_bookmark_set_by_an_earlier_run_is_not_set_again_whatever_the_person_did_with_it():
    part = BookmarksPart([Bookmark(Login("bob"), W, NodePath("/a"))], WHERE, Lookup(), lambda _: False, frozenset({("new-bob", "legacy/w/a")}))
    assert list(part.actions) == [] and [o[2] for o in part.outcomes] == ["already"]


def test_a_lock_is_lifted_only_when_its_file_changes():
    live = LiveNotes(nodes={"legacy/w/changed": "u1", "legacy/w/same": "u2"}, locks={"u1": "new-bob", "u2": "new-bob"})
    locks = [Lock(Login("bob"), W, NodePath("/changed")), Lock(Login("bob"), W, NodePath("/same"))]
    part = LocksPart(locks, WHERE, Lookup(), live, lambda _: False)
    assert [(type(a), [i[-2] for i in a.items]) for a, _ in part.actions] == [(LiftLocks, ["legacy/w/changed"]), (SetLocks, ["legacy/w/changed"])]
    assert LiftLocks.phase < WriteValues.phase < SetLocks.phase


def test_a_lock_of_somebody_else_in_cells_stays():
    part = LocksPart([Lock(Login("bob"), W, NodePath("/a"))], WHERE, Lookup(), LiveNotes(nodes={"legacy/w/a": "u"}, locks={"u": "eve"}), lambda _: False)
    assert list(part.actions) == [] and [o[3] for o in part.outcomes] == [note_codes.LOCK_OF_OTHER.code]


def test_sizes_of_quotas():
    assert [size_of(x) for x in ("500M", "2G", "1024", 10, "0", "", None, "lots")] == [524_288_000, 2_147_483_648, 1024, 10, None, None, None, None]


def test_a_quota_is_what_the_old_fold_gave():
    p = Workspace(WorkspaceId("p"), "P", "p", "fs")
    u = Workspace(WorkspaceId("u"), "U", "u", "fs", quota_bytes=7)
    shared = Workspace(W, "W", "w", "fs", quota_bytes=100)
    places = {"p": Place(p, "ws-p", "p", "P", "my-files", "personal", PERSONAL), "u": Place(u, "ws-u", "u", "U", "legacy/u", "legacy", USER),
              "w": Place(shared, "ws", "w", "W", "legacy/w", "legacy", SHARED)}
    lookup = Lookup()
    lookup.place = places.get
    everywhere = {x: Right.READ_WRITE for x in places}
    records = Records(user_list=[User(Login("alice"), quota_bytes=50), User(Login("bob"), applied_roles=(RoleId("ed"),), quota_bytes=60), User(Login("carl"))],
                      role_list=[Role(RoleId("ed"), parameters={"w": {"meta.quota": {"DEFAULT_QUOTA": "2K"}}}),
                                 Role(RoleId("AJXP_USR_/carl"), parameters={"p": {"meta.quota": {"DEFAULT_QUOTA": "1K"}}})],
                      workspace_list=[p, u, shared], access_list=[Access(Login(n), everywhere) for n in ("alice", "bob", "carl")])
    found = {(a.role, a.workspace): int(a.amount) for a, _ in LimitsPart(records, lookup).actions}
    assert found == {("ROOT_GROUP", "ws"): 100, ("role-ed", "ws"): 2048, ("uuid-alice", "ws-p"): 50, ("uuid-alice", "ws-u"): 50, ("uuid-alice", "ws"): 50,
                     ("uuid-bob", "ws-p"): 60, ("uuid-bob", "ws-u"): 60, ("uuid-carl", "ws-p"): 1024, ("uuid-carl", "ws-u"): 7}


def test_many_findings_of_one_kind_are_one():
    remarks = Remarks()
    for n in range(1000):
        remarks.add(note_codes.WRONG_TYPE, "metadata", "note", f"/{n}")
    (one,) = remarks.findings()
    assert "1000" in one.message and "/0" in one.message
