"""Undo removes exactly what this migration made and nobody changed since, puts back what it changed, and can be interrupted too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import night
import pytest
from calm import Calm

from migrate.ledger import Ledger, State

TAKEN_BACK = ("people", "roles", "acls", "workspaces", "links", "namespaces", "values", "tags", "subscriptions", "sources")


def settle(snapshot: dict[str, Any]) -> dict[str, Any]:
    return {part: snapshot[part] for part in TAKEN_BACK}


def undo(work: Path, *more: object) -> night.Ran:
    return night.command("undo", "--work", work, "--yes", "--quiet", *more)


@pytest.fixture
def fresh() -> dict[str, Any]:
    with night.Disturbed() as untouched:
        return untouched.snapshot()


@pytest.fixture
def moved(calm: Calm, tmp_path: Path, server: night.Disturbed) -> Path:
    assert night.migrate(calm.old, server.url, tmp_path / "w").status == 0
    return tmp_path / "w"


def test_everything_but_content_is_as_before(moved: Path, server: night.Disturbed, fresh: dict[str, Any]) -> None:
    planned = undo(moved, "--dry-run", "--json").json
    assert planned["requests"]["write"] == 0 and planned["findings"] == []
    ran = undo(moved)
    assert ran.status == 0, ran.out + ran.err
    assert not night.changed(settle(fresh), settle(server.snapshot()))
    assert "0 things" in undo(moved).out, "a second undo finds nothing"


def test_a_purge_of_files_takes_the_content_too(moved: Path, server: night.Disturbed, fresh: dict[str, Any]) -> None:
    ran = undo(moved, "--purge", "files")
    assert ran.status == 0, ran.out + ran.err
    left = [path for path in server.snapshot()["nodes"] if path.endswith((".txt", ".pdf"))]
    assert not left
    assert not night.changed(settle(fresh), settle(server.snapshot()))


@pytest.mark.parametrize("purge", [(), ("--purge", "files")], ids=["", "files"])
def test_what_was_taken_back_is_made_once_more_by_the_same_work_folder(calm: Calm, moved: Path, server: night.Disturbed, purge: tuple[str, ...]) -> None:
    """Nothing of it counts as removed by people, pictures neither."""
    assert undo(moved, *purge).status == 0
    again = night.migrate(calm.old, server.url, moved, "--json")
    assert again.status == 0 and not [f for f in again.json["findings"] if f["code"] == "F2910"], again.out
    now = server.snapshot()
    now["nodes"] = {path: node for path, node in now["nodes"].items() if not path.startswith("personal/deleted-")}
    different = night.changed(calm.snapshot, now)
    different.pop("binaries", None)  # the server keeps the picture of an account that is gone
    assert not different
    assert night.migrate(calm.old, server.url, moved, "--json").json["requests"]["write"] == 0
    assert undo(moved, *purge).status == 0


def test_an_undo_that_is_killed_is_gone_on_with(calm: Calm, tmp_path: Path, fresh: dict[str, Any]) -> None:
    tried, differences = 0, []
    with night.Disturbed() as counting:
        night.os.environ["CELLS_TOKEN"] = counting.token
        night.migrate(calm.old, counting.url, tmp_path / "count")
        counting.armed = True
        undo(tmp_path / "count")
        total = counting.seen
    for place, number in enumerate(night.positions(total, 3)):
        with night.Disturbed() as server:
            night.os.environ["CELLS_TOKEN"] = server.token
            work = tmp_path / str(number)
            night.migrate(calm.old, server.url, work)
            night.killed(server, number, (night.BEFORE, night.AFTER)[place % 2], lambda work=work: undo(work))  # type: ignore[misc]
            ran = undo(work)
            found = night.changed(settle(fresh), settle(server.snapshot()))
            tried += 1
            if ran.status or found:
                differences.append(f"{number}: exit {ran.status} {found} {ran.out[-300:]} {ran.err[-300:]}")
    print(f"killed undo: positions tried {tried} of {total}, states compared {tried}, differences {len(differences)}")
    assert not differences, differences


def test_what_a_killed_run_made_is_taken_back_too(calm: Calm, tmp_path: Path, fresh: dict[str, Any]) -> None:
    for number, which in ((2, "PUT /a/user"), (1, "PUT /a/share/link"), (1, "PUT /a/workspace"), (3, "PUT /a/acl")):
        with night.Disturbed() as server:
            night.os.environ["CELLS_TOKEN"] = server.token
            server.which = which
            work = tmp_path / f"{number}{which[-4:].strip('/')}"
            assert night.killed(server, number, night.AFTER, lambda work=work, server=server: night.migrate(calm.old, server.url, work))  # type: ignore[misc]
            ran = undo(work)
            assert ran.status == 0, ran.out + ran.err
            assert not night.changed(settle(fresh), settle(server.snapshot())), which


def test_what_people_changed_stays_and_is_named(moved: Path, server: night.Disturbed) -> None:
    body = server.call("GET", "/a/user/bo")
    body["Attributes"]["displayName"] = "Bo the Second"
    server.call("PUT", "/a/user/bo", body)
    ran = undo(moved, "--json")
    assert ran.status == 3
    assert [f["subject"] for f in ran.json["findings"] if f["code"] == "F4950"] == ["user:bo"]
    people = server.snapshot()["people"]
    assert any(name.endswith("/bo") for name in people) and not any(name.endswith("/ann") for name in people)
    assert undo(moved, "--purge", "users").status == 0
    assert not any(name.endswith("/bo") for name in server.snapshot()["people"])


def test_rights_that_were_there_before_are_put_back(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    before = server.snapshot()["acls"]
    assert night.migrate(calm.old, server.url, tmp_path / "w").status == 0
    with Ledger.open(tmp_path / "w") as ledger:
        formers = [ledger.former(row.id) for row in ledger.actions(State.DONE)]
    assert undo(tmp_path / "w").status == 0
    assert server.snapshot()["acls"] == before, [f for f in formers if f]


def test_people_who_work_in_cells_meanwhile_are_not_disturbed(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    """Objects of others, made before and during the run, are the same after the migration and after its undo."""
    for login in ("karl", "lotte"):
        server.call("PUT", f"/a/user/{login}", {"Login": login, "Password": "Foreign-123456", "GroupPath": "/", "Attributes": {"profile": "standard"}})
    server.call("PUT", "/a/user/others", {"Login": "others", "IsGroup": True, "GroupPath": "/", "GroupLabel": "others", "Uuid": "foreign-group"})
    root = "DATASOURCE:pydiods1"
    server.call("PUT", "/a/workspace/foreign", {"Label": "Foreign", "Slug": "foreign", "Scope": "ADMIN", "UUID": "foreign-ws",
                                                "RootNodes": {root: {"Uuid": root, "Path": "pydiods1"}}})

    def foreign() -> dict[str, Any]:
        shot = server.snapshot()
        picked = {part: {k: v for k, v in shot[part].items() if any(name in k for name in ("karl", "lotte", "mona", "others", "foreign"))}
                  for part in ("people", "roles", "workspaces")}
        return {**picked, "acls": [a for a in shot["acls"] if "foreign" in str(a)]}

    before = foreign()
    made = []

    def work_on() -> None:
        made.append(True)
        server.armed = False
        server.call("PUT", "/a/user/mona", {"Login": "mona", "Password": "Foreign-123456", "GroupPath": "/", "Attributes": {"profile": "standard"}})

    server.at, server.when, server.armed, server.strike = calm.requests // 2, night.AFTER, True, work_on
    assert night.migrate(calm.old, server.url, tmp_path / "w").status == 0
    during = foreign()
    assert made and {k: v for k, v in during["people"].items() if "mona" not in k} == before["people"]
    assert during["workspaces"] == before["workspaces"] and during["acls"] == before["acls"]
    assert undo(tmp_path / "w").status == 0
    assert foreign() == during
