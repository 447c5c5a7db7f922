"""The old server lived on for a week: the second plan holds what changed there and nothing else; what people did in Cells stays."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
from pathlib import Path

import night
from calm import Calm

from fixtures.generator import build
from fixtures.generator.description import Entry, File, Mark, Rights, Role, Share, User, Workspace
from migrate.ledger import Ledger, State


def week_later(tmp_path: Path, old: Path) -> Path:
    """The same installation, at the same place, after: a new user, one gone, a right changed, a role renamed, a file changed, one new,
    one gone, a new workspace, a share ended, another begun."""
    was = night.organisation()
    users = [dataclasses.replace(u, rights=Rights(acls={"dock": "r"})) if u.login == "ann" else u for u in was.users if u.login != "ext"]
    now = dataclasses.replace(
        was,
        users=(*users, User("new", "Night-9", "/crew", display_name="New", rights=Rights(acls={"quay": "rw"}))),
        teams=(dataclasses.replace(next(iter(was.teams)), members=("bo", "new")),),
        roles=(Role("editors", "Editors in chief", Rights(acls={"dock": "rw"})),),
        workspaces=(*was.workspaces, Workspace("quay", "Quay", "quay", "AJXP_DATA_PATH/workspaces/quay")),
        files=(*(dataclasses.replace(f, size=900, mtime=1_400_000_000) if f.path == b"/Plans/site.txt" else f for f in was.files
                 if f.path != "/Plans/été ☂.txt".encode()),
               File("quay", b"/crane.txt", 50, 1_400_000_001), File("1", b"/diary.txt", 60, 1_400_000_002, "ann")),
        shares=(Share("plans", "ann", "dock", "/Plans", label="Plans", entries=(Entry("user", "bo", "rw"), Entry("group", "/crew", "r"))),
                *(s for s in was.shares if s.id == "public")),
    )
    moved = tmp_path / "old"
    shutil.rmtree(moved, ignore_errors=True)
    assert old == moved
    return build(now, moved)


def test_a_second_run_carries_the_week_and_nothing_else(tmp_path: Path, server: night.Disturbed) -> None:
    old = build(night.organisation(), tmp_path / "old")
    work = tmp_path / "w"
    assert night.migrate(old, server.url, work).status == 0
    body = server.call("GET", "/a/user/bo")
    body["Attributes"]["displayName"] = "Bo of Cells"  # what people change in Cells meanwhile
    server.call("PUT", "/a/user/bo", body)
    before = server.snapshot()
    week_later(tmp_path, old)

    planned = night.command("plan", "--legacy", old, "--cells", server.url, "--work", work, "--json")
    assert planned.status in (0, 3) and planned.json["requests"]["write"] == 0, planned.err
    with Ledger.open(work) as ledger:
        todo = [row.id for row in ledger.actions(State.PLANNED, State.STARTED)]
        files = sorted(row.path for row in ledger.files(None, State.PLANNED))
    assert "user:new" in todo and any("quay" in step for step in todo)
    assert not any(step in todo for step in ("user:ann", "user:bo", "group:/crew", "group:/crew/night", "link:a1b2c3")), todo
    assert files == [b"/Plans/site.txt", b"/crane.txt", b"/diary.txt"], files

    assert night.command("apply", "--work", work, "--accept-skips", "--quiet").status == 0
    after = server.snapshot()
    assert any(name.endswith("/new") for name in after["people"])
    ann = next(name for name in after["people"] if name.endswith("/ann"))
    assert not any(rule[1] == ann and rule[3] == "write" and "dock" in rule[0] and "Plans" not in rule[0] for rule in after["acls"]), "a right taken back"
    assert any(value["attributes"].get("displayName") == "Bo of Cells" for value in after["people"].values()), "people's changes are never overwritten"
    assert any(name.endswith("/ext") for name in after["people"]), "nobody is deleted"
    assert set(before["nodes"]) <= set(after["nodes"]), "no file is deleted"
    assert any(node["size"] == 900 for node in after["nodes"].values())

    again = night.migrate(old, server.url, work, "--json").json
    assert again["requests"]["write"] == 0


def test_a_file_that_changed_behind_its_size_and_date_is_found_by_its_content(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    old, work = tmp_path / "old", tmp_path / "w"
    shutil.copytree(calm.old, old, symlinks=True)
    assert night.migrate(old, server.url, work).status == 0
    file = next(path for path in sorted(old.rglob("site.txt")))
    date, other = file.stat().st_mtime_ns, bytes(255 - byte for byte in file.read_bytes())
    file.write_bytes(other)
    os.utime(file, ns=(date, date))
    assert night.migrate(old, server.url, work, "--json").json["requests"]["write"] == 0
    found = night.migrate(old, server.url, work, "--json", "--compare-content").json
    assert found["exit"] == 0 and found["requests"]["write"] > 0 and found["differences"] == []
    sums = {node["etag"] for node in server.snapshot()["nodes"].values()}
    assert hashlib.md5(other, usedforsecurity=False).hexdigest() in sums
    assert night.migrate(old, server.url, work, "--json", "--compare-content").json["requests"]["write"] == 0


def test_a_bookmark_of_what_the_person_does_not_see_is_told_and_not_tried_again(tmp_path: Path, server: night.Disturbed) -> None:
    was = night.organisation()
    closed = dataclasses.replace(was, workspaces=(*was.workspaces, Workspace("vault", "Vault", "vault", "AJXP_DATA_PATH/workspaces/vault")),
                                 files=(*was.files, File("vault", b"/plan.txt", 5, 1_400_000_003)),
                                 marks=(*was.marks, Mark("bookmark", "ann", "vault", "/plan.txt", "Once")))
    old, work = build(closed, tmp_path / "old"), tmp_path / "w"
    first = night.migrate(old, server.url, work, "--json").json
    assert first["exit"] == 0 and "S2712" in night.command("export", "--work", work).out
    again = night.migrate(old, server.url, work, "--json").json
    assert again["requests"]["write"] == 0 and again["counts"]["bookmarks"] == {**again["counts"]["bookmarks"], "skipped": 1, "failed": 0}
    rights = [dataclasses.replace(u, rights=Rights(acls={**u.rights.acls, "vault": "r"})) if u.login == "ann" else u for u in closed.users]
    shutil.rmtree(old)
    build(dataclasses.replace(closed, users=tuple(rights)), old)
    later = night.migrate(old, server.url, work, "--json").json
    assert later["exit"] == 0 and later["counts"]["bookmarks"]["skipped"] == 0, later


def test_nothing_changed_between_two_looks(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    assert night.migrate(calm.old, server.url, tmp_path / "w").status == 0
    second = night.command("plan", "--legacy", calm.old, "--cells", server.url, "--work", tmp_path / "w")
    assert "there is nothing to do" in second.out
