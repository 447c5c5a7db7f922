"""The ledger keeps what it was told, survives what a night can bring, and never pretends."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from migrate.errors import Finding
from migrate.ledger import AnotherRun, Ledger, LedgerDamaged, LedgerFull, LedgerMissing, Secrets, State, WorkLock
from migrate.transform.actions import CreateGroup, CreateRole


@pytest.fixture
def ledger(tmp_path: Path):
    with Ledger.create(tmp_path) as opened:
        yield opened


def test_names_that_are_not_utf8_come_back_byte_for_byte(ledger: Ledger) -> None:
    name = os.fsdecode(b"caf\xe9")
    ledger.replace_records("users", [(name, {"login": name})])
    assert list(ledger.records("users")) == [(name, {"login": name})]
    assert ledger.record("users", name) == {"login": name}


def test_surveying_again_keeps_the_outcome_of_unchanged_records_only(ledger: Ledger) -> None:
    ledger.replace_records("users", [("ann", {"a": 1}), ("bob", {"a": 1}), ("gone", {"a": 1})])
    for login in ("ann", "bob", "gone"):
        ledger.settle("users", login, "migrated")
    ledger.replace_records("users", [("ann", {"a": 1}), ("bob", {"a": 2}), ("new", {"a": 1})])
    assert {key: outcome for key, outcome, _ in ledger.unsettled("users")} == {"ann": "migrated", "bob": None, "new": None}


def test_counts_add_up_over_records_files_and_rights(ledger: Ledger) -> None:
    ledger.replace_records("users", [("ann", {}), ("bob", {})])
    ledger.settle("users", "ann", "skipped", "S2001")
    ledger.replace_records("roots", [("r", {})])
    ledger.scan_files([{"root": "r", "path": b"/a", "type": "file", "size": 1, "mtime": 1, "recycle": False}], 1)
    ledger.replace_access([("ann", "w", "r", "", "S2001"), ("bob", "w", "rw", "rw", None)])
    ledger.settle_access([("bob", "w", "migrated", None)])
    counts = ledger.counts()
    assert set(counts) == {"users", "files", "rights"}
    assert counts["users"] == {"found": 2, "migrated": 0, "already": 0, "skipped": 1, "failed": 0, "open": 1}
    assert counts["rights"]["migrated"] == 1 and counts["rights"]["skipped"] == 1
    assert ("users", "skipped", "S2001", 1) in ledger.reasons()


def test_a_changed_file_is_planned_again_and_an_unchanged_one_stays_done(ledger: Ledger) -> None:
    row = {"root": "r", "path": b"/x\xff", "type": "file", "size": 1, "mtime": 2, "recycle": False}
    ledger.scan_files([row], 1)
    ledger.update_files([(next(ledger.files()).id, {"state": State.DONE, "md5": "m"})])
    ledger.scan_files([row], 2)
    assert next(ledger.files()).state is State.DONE
    ledger.scan_files([{**row, "size": 9}], 3)
    changed = next(ledger.files())
    assert (changed.state, changed.md5, changed.size) == (State.PLANNED, "m", 9), "what was stored last stays known"
    ledger.scan_files([], 4)
    ledger.end_scan(4)
    assert list(ledger.files()) == []


def test_another_content_behind_the_same_size_and_date_is_planned_again_when_it_was_read(ledger: Ledger) -> None:
    row = {"root": "r", "path": b"/x", "type": "file", "size": 1, "mtime": 2, "recycle": False}
    ledger.scan_files([row], 1)
    ledger.update_files([(next(ledger.files()).id, {"state": State.DONE, "md5": "m", "sha256": "one"})])
    ledger.scan_files([{**row, "sha256": "one"}], 2)
    ledger.scan_files([row], 3)
    kept = next(ledger.files())
    assert (kept.state, kept.sha256) == (State.DONE, "one")
    ledger.scan_files([{**row, "sha256": "two"}], 4)
    changed = next(ledger.files())
    assert (changed.state, changed.sha256, changed.md5) == (State.PLANNED, None, "m")


def test_a_plan_made_again_looks_up_what_was_already_done(ledger: Ledger) -> None:
    role = CreateRole("r1", "Editors")
    ledger.replace_plan([(role, State.PLANNED)])
    row = next(ledger.actions())
    ledger.start(row)
    ledger.done(row, {"uuid": "r1"})
    ledger.replace_plan([(role, State.PLANNED), (CreateGroup("g1", "/a", "A"), State.PLANNED)])
    assert {r.id: r.state for r in ledger.actions()} == {"role:r1": State.STARTED, "group:/a": State.PLANNED}


def test_actions_come_in_order_of_phase_then_plan(ledger: Ledger) -> None:
    ledger.replace_plan([(CreateRole("r1", "R"), State.PLANNED), (CreateGroup("g", "/b", ""), State.PLANNED), (CreateGroup("h", "/a", ""), State.PLANNED)])
    assert [r.id for r in ledger.actions(State.PLANNED)] == ["group:/b", "group:/a", "role:r1"]


def test_effects_are_what_was_done_and_not_taken_back(ledger: Ledger) -> None:
    ledger.replace_plan([(CreateRole("r1", "R"), State.PLANNED), (CreateRole("r2", "R"), State.PLANNED), (CreateRole("r3", "R"), State.PLANNED)])
    one, two, three = ledger.actions()
    for row in (one, two):
        ledger.start(row)
        ledger.done(row, {})
    ledger.start(three)
    ledger.done(three, {}, adopted=True)
    ledger.journal_undone(one.id, one.body)
    assert [action for action, _, _ in ledger.effects()] == ["role:r2"]


def test_findings_are_kept_once_a_stage(ledger: Ledger) -> None:
    twice = Finding("F6999", "info", "users", "ann\udce9", "Only this test uses it.", "Nothing to do.")
    assert ledger.replace_findings("plan", [twice, twice]) == 1
    assert [f for _, f in ledger.findings("plan")] == [twice]


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / Ledger.NAME).executescript("CREATE TABLE x(y)")
    with pytest.raises(LedgerDamaged):
        Ledger.open(tmp_path)


def test_a_torn_ledger_is_reported_and_not_started_anew(tmp_path: Path) -> None:
    with Ledger.create(tmp_path) as ledger:
        ledger.replace_records("users", ((f"user{i}", {"x": "y" * 500}) for i in range(500)))
    path = tmp_path / Ledger.NAME
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(LedgerDamaged):
        with Ledger.open(tmp_path) as again:
            list(again.records("users"))


def test_a_missing_ledger_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerMissing):
        Ledger.open(tmp_path)


def test_a_full_disk_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    with Ledger.create(tmp_path) as ledger:
        ledger._engine.dispose()

        def tiny(connection, _record):
            connection.execute("PRAGMA max_page_count=40")

        from sqlalchemy import event

        event.listen(ledger._engine, "connect", tiny)
        with pytest.raises(LedgerFull) as caught:
            ledger.replace_records("users", ((f"user{i}", {"x": "y" * 4000}) for i in range(500)))
        assert "room" in caught.value.next_step


def test_a_killed_process_leaves_what_it_committed(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from migrate.ledger import Ledger\n"
        "ledger = Ledger.create(Path(sys.argv[1])); ledger.put('a', 1); print('ready', flush=True)\n"
        "ledger.put('b', 2); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, check=False)
    with Ledger.open(tmp_path) as ledger:
        assert (ledger.get("a"), ledger.get("b")) == (1, 2)


def test_only_one_run_holds_a_work_folder(tmp_path: Path) -> None:
    with WorkLock(tmp_path):
        with pytest.raises(AnotherRun, match="process"):
            with WorkLock(tmp_path):
                pass
    with WorkLock(tmp_path):
        pass


def test_a_generated_password_is_none_that_a_spreadsheet_takes_for_a_formula(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(["-ZW7lnGyrjkEfPO", "_W7lnGyrjkEfPO-", "=1+1", "W7lnGyrjkEfPO-_"])
    monkeypatch.setattr("migrate.ledger.secrets.generator.token_urlsafe", lambda _: next(drawn))
    assert Secrets(tmp_path).password("link", "a1") == "W7lnGyrjkEfPO-_"


def test_secrets_are_private_and_survive_a_torn_line(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    first = secrets.password("user", "ann")
    assert secrets.path.stat().st_mode & 0o777 == 0o600
    with secrets.path.open("a") as file:
        file.write('{"kind": "user", "key": "bo')
    again = Secrets(tmp_path)
    assert again.get("user", "ann") == first and again.get("user", "bob") is None
    second = again.password("user", "bob")
    assert Secrets(tmp_path).get("user", "bob") == second and Secrets(tmp_path).get("user", "ann") == first


def test_the_ledger_itself_is_private(tmp_path: Path) -> None:
    with Ledger.create(tmp_path):
        assert (tmp_path / Ledger.NAME).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_only_has_another_date_is_not_carried_again(tmp_path: Path) -> None:
    ledger = Ledger.create(tmp_path)
    row = {"root": "r", "path": b"/d", "type": "dir", "size": None, "mtime": 2, "recycle": False}
    ledger.scan_files([row], 1)
    ledger.update_files((found.id, {"state": State.DONE}) for found in list(ledger.files("r")))
    ledger.scan_files([{**row, "mtime": 5}], 2)
    assert [(found.state, found.mtime) for found in ledger.files("r")] == [(State.DONE, 5)]
    ledger.scan_files([{**row, "type": "file", "size": 1}], 3)
    assert [found.state for found in ledger.files("r")] == [State.PLANNED]
