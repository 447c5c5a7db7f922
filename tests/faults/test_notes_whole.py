"""What people wrote about their files, from an old installation with nasty notes to Cells and back to a plan: whole runs."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import night
import pytest

from fixtures.generator import build
from fixtures.generator.description import Comment, File, Mark, Metadata, MetaField, Rights, User, Workspace
from migrate.cells.api import metadata, tree
from migrate.cells.auth import GivenToken
from migrate.cells.session import Session

SECRET = "only ann may read this"  # noqa: S105
PLUGINS = ("meta.comments", "meta.filehasher", "meta.watch", "meta.simple_lock")


def organisation() -> Any:
    """Two workspaces that mean different things by one id, values of every wrong kind, private ones, marks of people who left."""
    was = night.organisation()
    dock = next(w for w in was.workspaces if w.id == "dock")
    fields = (MetaField("status", "choice", "Status", choices={"a": "Alpha", "b": "Beta"}), MetaField("rating", "stars_rate", "Rating"),
              MetaField("words", "tags", "Words"), MetaField("note", "textarea", "Note"), MetaField("colour", "css_label", "Colour"))
    quay = Workspace("quay", "Quay", "quay", "AJXP_DATA_PATH/workspaces/quay", plugins=PLUGINS,
                     fields=(MetaField("status", "string", "Status"), MetaField("note", "string", "Remark")))
    return dataclasses.replace(
        was,
        users=(*was.users, User("locked", "Night-8", locks=("logout",), rights=Rights(acls={"dock": "rw"}))),
        workspaces=(*(w for w in was.workspaces if w.id != "dock"), dataclasses.replace(dock, fields=fields), quay),
        files=(*was.files, File("dock", b"/a.txt", 3, 1_300_000_000), File("dock", b"/b.txt", 3, 1_300_000_000), File("quay", b"/c.txt", 3, 1_300_000_000)),
        metadata=(
            Metadata("dock", "/a.txt", {"status": "a", "rating": "4", "words": "x, y,été", "note": "<b>bold</b> & é\x07", "colour": "todo"}),
            Metadata("dock", "/b.txt", {"status": "unknown", "rating": "9", "words": " , ", "note": "n" * 70_000, "colour": "purple", "nobody_knows": "v"}),
            Metadata("dock", "/gone.txt", {"note": "of a file that is gone"}),
            Metadata("dock", "/Plans/site.txt", {"note": SECRET}, bucket="ann"),
            Metadata("quay", "/c.txt", {"status": "free text", "note": "short"}),
        ),
        marks=(
            Mark("bookmark", "ann", "dock", "/Plans", "Plans"), Mark("bookmark", "locked", "dock", "/a.txt", "A"),
            Mark("bookmark", "bo", "dock", "/gone.txt", "Gone"),
            Mark("watch", "bo", "dock", "/Plans", "both"), Mark("watch", "ghost", "dock", "/Plans", "read"),
            Mark("lock", "ann", "dock", "/Plans/site.txt"), Mark("lock", "ghost", "dock", "/a.txt"),
        ),
        comments=(Comment("bo", "dock", "/a.txt", "second <i>é</i>", 1_500_000_100), Comment("ann", "dock", "/a.txt", "first\nline", 1_500_000_000),
                  Comment("ghost", "dock", "/a.txt", "from one who left", 1_500_000_050), Comment("bo", "dock", "/gone.txt", "on a gone file", 1_500_000_000)),
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(organisation(), tmp_path_factory.mktemp("notes") / "old")


def look(server: night.Disturbed) -> Session:
    return Session(server.url, GivenToken(server.token))


def values(session: Session, path: str) -> dict[str, Any]:
    node = tree.admin_stat(session, path)
    assert node is not None, path
    return {v.namespace.removeprefix("usermeta-"): json.loads(v.json) for v in metadata.search_values(session, [node.uuid])}


def reasons(ran: night.Ran, work: Path, kind: str) -> set[str]:
    exported = json.loads(night.command("export", "--work", work).out)
    return {entry["code"] for entry in exported["skipped"] if entry["kind"] == kind}


def test_every_note_is_in_cells_or_has_its_reason(installation: Path, server: night.Disturbed, tmp_path: Path) -> None:
    work = tmp_path / "w"
    ran = night.migrate(installation, server.url, work, "--json")
    assert ran.status == 0, ran.err
    for kind, count in ran.json["counts"].items():
        assert count["found"] == count["migrated"] + count["already"] + count["skipped"] + count["failed"], kind
    with look(server) as session:
        a, b, c = (values(session, f"legacy/{path}") for path in ("dock/a.txt", "dock/b.txt", "quay/c.txt"))
        assert {k: a[k] for k in ("status", "rating", "words", "note", "colour")} == {
            "status": "a", "rating": 4, "words": "x,y,été", "note": "<b>bold</b> & é", "colour": "todo"}
        assert "status" in b and "rating" not in b and "note" not in b and "nobody_knows" not in b
        other = {k: v for k, v in c.items() if k.startswith("status")}
        assert list(other.values()) == ["free text"] and "status" not in other, "a text is no choice"
        assert c["note"] == "short"
        assert a["comments"].splitlines() == ["2017-07-14 02:40 UTC ann: first", "line", "2017-07-14 02:40 UTC ghost: from one who left",
                                              "2017-07-14 02:41 UTC bo: second <i>é</i>"]
    codes = {f["code"] for f in json.loads(night.command("report", "--work", work, "--json").out)["findings"]}
    assert {"F2701", "F2702", "F2703", "F2706", "S2703", "S2705", "S2706", "S2707", "F1611", "F1618", "F1622"} <= codes, codes
    rows = list(csv.reader((work / "comments.csv").open(encoding="utf-8")))
    assert sorted(row[4] for row in rows[1:]) == ["first\nline", "from one who left", "on a gone file", "second <i>é</i>"]
    left = {(row[2], row[3]) for row in csv.reader((work / "values-left-out.csv").open(encoding="utf-8"))}
    assert {("rating", "S2706"), ("note", "S2707"), ("note", "S2705"), ("nobody-knows", "S2703")} <= left, left
    assert SECRET not in (work / "values-left-out.csv").read_text("utf-8")
    assert reasons(ran, work, "comments") == {"S2701"} and "S2711" in reasons(ran, work, "bookmarks")
    assert "locked" in (work / "bookmarks.csv").read_text("utf-8")
    again = night.migrate(installation, server.url, work, "--json")
    assert again.status == 0 and again.json["requests"]["write"] == 0


def test_what_one_person_noted_is_nowhere_unless_the_field_is_allowed(installation: Path, server: night.Disturbed, tmp_path: Path) -> None:
    work = tmp_path / "w"
    assert night.migrate(installation, server.url, work).status == 0
    assert SECRET not in json.dumps(list(server.state.user_meta.values()))
    assert "S2705" in reasons(night.Ran(0, "", ""), work, "metadata")
    file = work / "mappings" / "fields.csv"
    lines = file.read_text("utf-8").splitlines()
    header = next(line for line in lines if line.startswith("old_field")).split(",")
    allowed = ",".join({"old_field": "note", "private": "show", "action": "keep"}.get(name, "") for name in header)
    file.write_text("\n".join(line if not line.startswith("note,") else allowed for line in lines) + "\n", "utf-8")
    assert night.migrate(installation, server.url, work).status == 0
    with look(server) as session:
        assert values(session, "legacy/dock/Plans/site.txt")["note"] == SECRET


def test_bookmarks_by_an_internal_job_together_with_kept_passwords(installation: Path, server: night.Disturbed, tmp_path: Path) -> None:
    work = tmp_path / "w"
    ran = night.migrate(installation, server.url, work, "--json", "--bookmarks-by", "rpc", "--passwords", "keep", "--keep-by", "rpc")
    assert ran.status == 0, ran.err
    assert not any(entry["kind"] == "bookmarks" and entry["code"] == "S2711" for entry in json.loads(night.command("export", "--work", work).out)["skipped"])
    with look(server) as session:
        wanted = tree.admin_stat(session, "legacy/dock/Plans")
        token, _ = session.sign_in("ann", "Night-1")  # the old password: bookmarks were set while the generated one was in force
        with session.as_somebody(GivenToken(token)) as ann:
            assert [node.uuid for node in metadata.bookmarks(ann)] == [wanted.uuid]
    mine = [m for m in server.state.user_meta.values() if m["Namespace"] == "bookmark"]
    assert len(mine) == 2 and len({m["owner"] for m in mine}) == 2
    again = night.migrate(installation, server.url, work, "--json", "--bookmarks-by", "rpc", "--passwords", "keep", "--keep-by", "rpc")
    assert again.json["requests"]["write"] == 0


def week_later(tmp_path: Path) -> Path:
    was = organisation()
    files = tuple(dataclasses.replace(f, size=901, mtime=1_400_000_000) if f.path == b"/Plans/site.txt" else f for f in was.files)
    return build(dataclasses.replace(was, files=files), tmp_path / "old")


@pytest.mark.parametrize("when", [night.BEFORE, night.AFTER])
def test_a_lock_is_lifted_for_a_changed_file_and_put_back_also_after_a_kill(server: night.Disturbed, tmp_path: Path, when: str) -> None:
    old, work = build(organisation(), tmp_path / "old"), tmp_path / "w"
    assert night.migrate(old, server.url, work).status == 0
    with look(server) as session:
        node = tree.admin_stat(session, "legacy/dock/Plans/site.txt")
        assert metadata.list_locks(session) == {node.uuid: "ann"}
    shutil.rmtree(old)
    week_later(tmp_path)
    server.which = r"(PUT|POST) /a/acl"  # the lock is lifted by the first of them, and put back by the last
    assert night.killed(server, 2, when, lambda: night.migrate(old, server.url, work))
    ran = night.migrate(old, server.url, work, "--json")
    assert ran.status == 0, ran.err
    with look(server) as session:
        after = tree.admin_stat(session, "legacy/dock/Plans/site.txt")
        assert after.size == 901 and metadata.list_locks(session) == {after.uuid: "ann"}
    assert night.migrate(old, server.url, work, "--json").json["requests"]["write"] == 0
