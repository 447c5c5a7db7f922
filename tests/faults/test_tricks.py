"""Somebody tries to make the tool lose or double one thing: other work folders, another server, a server that was put back, other mapping
files after half a run, a clock that goes back, an old server that is not as frozen as it was said."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import night
import pytest
from calm import Calm
from week import Week

from migrate.ledger import Ledger
from migrate.ledger.lock import AnotherRun, ServerLock
from migrate.workflow.settings import Settings

ROOT = Path(__file__).parents[2]


def people(server: night.Disturbed) -> list[str]:
    return sorted(name.rpartition("/")[2] for name in server.snapshot()["people"])


def test_a_second_work_folder_doubles_nothing_and_keeps_what_people_changed(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    assert night.migrate(calm.old, server.url, tmp_path / "one").status == 0
    second = night.migrate(calm.old, server.url, tmp_path / "two", "--json")
    assert second.json["requests"]["write"] == 0 and not night.changed(calm.snapshot, server.snapshot())
    body = server.call("GET", "/a/user/bo")
    body["Attributes"]["displayName"] = "Bo of Cells"
    server.call("PUT", "/a/user/bo", body)
    server.call("DELETE", "/a/user/ann")
    for work in ("one", "two"):
        again = night.migrate(calm.old, server.url, tmp_path / work, "--json").json
        assert again["requests"]["write"] == 0, work
        assert [f["subject"] for f in again["findings"] if f["code"] == "F2910" and f["kind"] == "users"] == ["ann"], work
    assert "ann" not in people(server)


def test_a_copied_work_folder_is_as_good_as_the_first(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    assert night.killed(server, calm.requests // 2, night.AFTER, lambda: night.migrate(calm.old, server.url, tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    for work in ("one", "two"):
        assert night.migrate(calm.old, server.url, tmp_path / work).status == 0
        assert not night.changed(calm.snapshot, server.snapshot()), work


def test_two_work_folders_are_not_let_at_one_server_together(tmp_path: Path) -> None:
    with ServerLock("http://cells.example"), pytest.raises(AnotherRun, match=f"process {os.getpid()} on {socket.gethostname()}"), \
            ServerLock("http://CELLS.example/"):
        pass
    with ServerLock("http://cells.example"), ServerLock("http://other.example"):
        pass


def test_of_two_runs_started_together_one_works_and_one_is_told(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    command = [sys.executable, "run_migration.py", "migrate", "--legacy", str(calm.old), "--cells", server.url, "--work", str(tmp_path / "w"),
               "--accept-skips", "--quiet"]
    runs = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [run.communicate(timeout=300)[1] for run in runs]
    statuses = sorted(run.returncode for run in runs)
    assert statuses in ([0, 8], [0, 0]), told
    if statuses == [0, 8]:
        assert any(f"process {run.pid} on" in text for run in runs for text in told)
    assert not night.changed(calm.snapshot, server.snapshot())


def test_a_work_folder_keeps_to_its_server(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    assert night.migrate(calm.old, server.url, tmp_path / "w").status == 0
    with night.Disturbed() as other:
        os.environ["CELLS_TOKEN"] = other.token
        ran = night.migrate(calm.old, other.url, tmp_path / "w")
        assert ran.status == 9 and "E2005" in ran.err and other.writes == 0
    os.environ["CELLS_TOKEN"] = server.token
    assert night.command("status", "--work", tmp_path / "w").out.count(server.url)


@pytest.fixture
def put_back(calm: Calm, tmp_path: Path) -> Iterator[night.Disturbed]:
    """A server that was migrated to and then put back to its first day, under the same address."""
    with night.Disturbed() as first:
        os.environ["CELLS_TOKEN"] = first.token
        port = int(first.url.rpartition(":")[2])
        assert night.migrate(calm.old, first.url, tmp_path / "w").status == 0
    with night.Disturbed(port) as again:
        os.environ["CELLS_TOKEN"] = again.token
        yield again


def test_a_server_that_was_put_back_is_filled_again(calm: Calm, tmp_path: Path, put_back: night.Disturbed) -> None:
    ran = night.migrate(calm.old, put_back.url, tmp_path / "w", "--json")
    assert ran.status == 0, ran.err
    assert [f["code"] for f in ran.json["findings"] if f["code"] == "F2914"]
    assert not night.changed(calm.snapshot, put_back.snapshot())
    empty = night.command("undo", "--work", tmp_path / "w", "--yes", "--quiet")
    assert empty.status == 0 and people(put_back) == ["", "admin"]  # the root group has no name


def test_another_login_in_the_mapping_file_after_a_run_makes_no_second_account(tmp_path: Path, server: night.Disturbed) -> None:
    week = Week(tmp_path, server)
    (week.work / "mappings").mkdir(exist_ok=True)
    (week.work / "mappings" / "users.csv").write_text("old_login,action,new_login\nbo,keep,robert\n")
    before = people(server)
    ran = week.plan()
    assert week.named(ran, "F2011") == ["bo"]
    week.apply()
    assert people(server) == before


def test_a_user_made_again_by_people_gets_nothing_of_the_old_one(tmp_path: Path, server: night.Disturbed) -> None:
    week = Week(tmp_path, server)
    server.call("DELETE", "/a/user/ann")
    server.call("PUT", "/a/user/ann", {"Login": "ann", "Password": "Foreign-123456", "GroupPath": "/", "Attributes": {"profile": "standard"}})
    ran = week.plan()
    assert week.named(ran, "F2913") == ["ann"]
    week.apply()
    uuid = week.user("ann")["Uuid"]  # type: ignore[index]
    rules = server.call("POST", "/a/acl", {"Queries": [{"RoleIDs": [uuid]}]}).get("ACLs") or []
    assert not [rule for rule in rules if rule["Action"]["Name"] in ("read", "write")]


def test_a_clock_that_goes_back_revives_nothing(tmp_path: Path) -> None:
    with Ledger.create(tmp_path) as ledger:
        assert Settings(legacy="/old", now=2_000).not_before(ledger).now == 2_000
        assert Settings(legacy="/old", now=1_000).not_before(ledger).now == 2_000
        assert Settings(legacy="/old", now=3_000).not_before(ledger).now == 3_000


def test_frozen_is_proven_by_two_looks_and_what_moved_is_named(tmp_path: Path, server: night.Disturbed) -> None:
    week = Week(tmp_path, server)
    still = week.plan("--frozen", "--pause", "0")
    assert "is frozen" in still.json["verdict"] and still.json["frozen"]["moved"] == 0
    plans = next(week.old.rglob("site.txt"))
    seen = []

    def moves() -> None:
        seen.append(True)
        os.utime(plans, (1_600_000_000, 1_600_000_000))
        (plans.parent / "late.txt").write_text("late")

    server.seen, server.at, server.which, server.when, server.strike, server.armed = 0, 2, "", night.BEFORE, moves, True
    ran = night.command("plan", "--legacy", week.old, "--cells", server.url, "--work", week.work, "--json", "--frozen", "--pause", "0")
    server.armed = False
    if not [f for f in ran.json["findings"] if f["code"] == "F2920"]:  # it moved before the first look had passed: once more, between the looks
        pytest.skip("the change fell before the first look")
    assert seen and ran.status == 9 and "NOT frozen" in ran.json["verdict"]
    assert any("late.txt" in f["subject"] for f in ran.json["findings"] if f["code"] == "F2920")
    assert "NOT frozen" in night.command("status", "--work", week.work).out


def test_status_tells_what_was_cut_off_and_how_to_go_on(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    work = tmp_path / "w"
    assert night.killed(server, calm.requests // 2, night.AFTER, lambda: night.migrate(calm.old, server.url, work))
    told = night.command("status", "--work", work).out
    assert "migrate" in told and "cut off" in told and "the same command again" in told
    assert night.migrate(calm.old, server.url, work).status == 0
    told = night.command("status", "--work", work).out
    assert "Last command: migrate" in told and "done" in told and "cut off" not in told


def test_a_server_that_was_put_back_has_nothing_to_take_back(tmp_path: Path, put_back: night.Disturbed) -> None:
    assert night.command("undo", "--work", tmp_path / "w", "--yes", "--quiet", "--purge", "files").status == 0
    assert put_back.writes == 0
