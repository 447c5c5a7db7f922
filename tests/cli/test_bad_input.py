"""Whatever is wrong, an administrator gets one code, one sentence, the next step and the contract's exit status."""

from __future__ import annotations

import http.server
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from commands import Ran, command

from migrate.cells.sandbox import Sandbox
from migrate.interrupt import Interrupted


def refused(ran: Ran, code: str, status: int) -> None:
    """One line `CODE: sentence` and one with what to do; no traceback; the exit status."""
    assert ran.status == status, ran.err
    assert f"{code}: " in ran.err and "What to do: " in ran.err
    assert "Traceback" not in ran.err


def test_a_folder_that_is_no_installation(tmp_path: Path) -> None:
    refused(command("assess", "--legacy", tmp_path, "--work", tmp_path / "w"), "E1010", 5)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    ran = command("assess", "--legacy", tmp_path / "nothing", "--work", tmp_path / "w")
    assert ran.status == 5 and "What to do" in ran.err


def test_a_missing_database(legacy: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(legacy, tmp_path / "old", symlinks=True)
    for path in copy.rglob("*.db"):
        path.unlink()
    ran = command("assess", "--legacy", copy, "--work", tmp_path / "w")
    assert ran.status == 5 and "What to do" in ran.err and "Traceback" not in ran.err


def test_a_database_that_is_cut_off(legacy: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(legacy, tmp_path / "old", symlinks=True)
    path = next(copy.rglob("*.db"))
    path.write_bytes(path.read_bytes()[:5000])
    ran = command("assess", "--legacy", copy, "--work", tmp_path / "w")
    assert ran.status in (3, 5) and "Traceback" not in ran.err


def test_a_database_that_somebody_writes_to_is_still_only_read(legacy: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(legacy, tmp_path / "old", symlinks=True)
    path = next(copy.rglob("*.db"))
    holder = sqlite3.connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        before = sorted(p.name for p in path.parent.iterdir())
        ran = command("assess", "--legacy", copy, "--work", tmp_path / "w")
        assert ran.status in (0, 3, 5) and "Traceback" not in ran.err
        assert sorted(p.name for p in path.parent.iterdir()) == before
    finally:
        holder.rollback()
        holder.close()


def test_no_token(legacy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELLS_TOKEN", raising=False)
    refused(command("plan", "--legacy", legacy, "--cells", "http://127.0.0.1:1", "--work", tmp_path), "E4010", 7)


def test_a_token_that_is_not_known(legacy: Path, tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLS_TOKEN", "A" * 43 + "." + "B" * 43)
    refused(command("plan", "--legacy", legacy, "--cells", sandbox.url, "--work", tmp_path), "E4011", 7)


def test_nothing_listens_there(legacy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLS_TOKEN", "A" * 43 + "." + "B" * 43)
    ran = command("plan", "--legacy", legacy, "--cells", "http://127.0.0.1:9", "--work", tmp_path)
    refused(ran, "E4001", 6)


def test_something_else_listens_there(legacy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "13")
            self.end_headers()
            self.wfile.write(b"<html></html>")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("CELLS_TOKEN", "A" * 43 + "." + "B" * 43)
    try:
        refused(command("plan", "--legacy", legacy, "--cells", f"http://127.0.0.1:{server.server_port}", "--work", tmp_path), "E4002", 6)
    finally:
        server.shutdown()


def test_an_address_without_tls_where_tls_is_asked(legacy: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    refused(command("plan", "--legacy", legacy, "--cells", sandbox.url.replace("http:", "https:"), "--work", tmp_path), "E4003", 6)


def test_no_plan_yet(tmp_path: Path, sandbox: Sandbox) -> None:
    refused(command("apply", "--work", tmp_path / "w"), "E6004", 2)
    refused(command("verify", "--work", tmp_path / "w"), "E6004", 2)


def test_a_mapping_file_with_mistakes_names_file_line_and_column(legacy: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    mappings = tmp_path / "mappings"
    mappings.mkdir()
    (mappings / "users.csv").write_text("old_login,action\n# a comment\nbob,fly\n")
    ran = command("plan", "--legacy", legacy, "--cells", sandbox.url, "--work", tmp_path / "w", "--mappings", mappings)
    refused(ran, "E2101", 2)
    assert "users.csv line 3" in ran.err and "action" in ran.err


def test_a_second_run_at_the_same_time(legacy: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    from migrate.ledger import WorkLock

    with WorkLock(tmp_path):
        refused(command("plan", "--legacy", legacy, "--cells", sandbox.url, "--work", tmp_path), "E6001", 8)


def test_a_plan_that_is_stale_is_refused_and_replanned_on_request(legacy: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    copy = shutil.copytree(legacy, tmp_path / "old", symlinks=True)
    assert command("plan", "--legacy", copy, "--cells", sandbox.url, "--work", tmp_path / "w").status in (0, 3)
    path = next(copy.rglob("*.db"))
    database = sqlite3.connect(path)
    database.execute("UPDATE ajxp_groups SET groupLabel = groupLabel || ' (new)'")
    database.commit()
    database.close()
    refused(command("apply", "--work", tmp_path / "w"), "E2006", 9)
    assert command("apply", "--work", tmp_path / "w", "--replan", "--accept-skips").status == 0


def test_a_ledger_that_was_destroyed_is_not_started_anew(legacy: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    command("plan", "--legacy", legacy, "--cells", sandbox.url, "--work", tmp_path)
    path = tmp_path / "ledger.sqlite"
    data = bytearray(path.read_bytes())
    data[:200] = os.urandom(200)
    path.write_bytes(bytes(data))
    refused(command("apply", "--work", tmp_path), "E6002", 10)


def test_wrong_options_are_usage(tmp_path: Path) -> None:
    assert command("plan", "--nonsense").status == 2
    assert command("assess", "--legacy", tmp_path, "--path-map", "relative=x").status == 2
    ran = command("explain", "E9999")
    refused(ran, "E2002", 2)


def test_settings_of_the_work_folder_are_checked(tmp_path: Path) -> None:
    (tmp_path / "migration.toml").write_text("cells = [broken")
    refused(command("status", "--work", tmp_path), "E2001", 2)
    (tmp_path / "migration.toml").write_text('token = "x"')
    refused(command("status", "--work", tmp_path), "E2001", 2)


def test_json_is_one_object_also_when_things_go_wrong(tmp_path: Path) -> None:
    ran = command("verify", "--work", tmp_path / "w", "--json")
    assert ran.json["exit"] == 2 and ran.json["command"] == "verify" and ran.json["findings"][0]["code"] == "E6004"


def test_verify_proves_nothing_where_a_plan_was_begun_and_not_finished(small: Path, tmp_path: Path, sandbox: Sandbox,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    """The records are there and nothing to compare them with: that is no proof."""
    def interrupted(*_: object, **__: object) -> None:
        raise Interrupted

    with monkeypatch.context() as broken:
        broken.setattr("migrate.workflow.rehearsal.store_plan", interrupted)
        assert command("plan", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "w").status == 130
    refused(command("verify", "--work", tmp_path / "w"), "E2003", 2)
