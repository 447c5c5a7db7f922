"""The whole way on the generated old installation, by the commands an administrator types."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from commands import command

from migrate.cells.sandbox import Sandbox

KINDS = ("found", "migrated", "already", "skipped", "failed")


@pytest.fixture
def migrated(small: Path, tmp_path: Path, sandbox: Sandbox) -> Path:
    """A work folder after a whole migration."""
    ran = command("migrate", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "w", "--json", "--accept-skips")
    assert ran.json["exit"] == ran.status and ran.status in (0, 3), ran.err
    assert ran.json["differences"] == []
    return tmp_path / "w"


def test_the_demonstration_is_complete_and_proven(tmp_path: Path) -> None:
    ran = command("demo", "--work", tmp_path / "demo", "--json")
    answer = ran.json
    assert ran.status == 0 and answer["differences"] == []
    assert answer["counts"]["users"]["found"] >= 30 and answer["counts"]["files"]["found"] >= 500
    assert all(row["failed"] == 0 for row in answer["counts"].values())
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000


def test_everything_found_has_an_outcome(migrated: Path) -> None:
    counts = command("status", "--work", migrated, "--json").json["counts"]
    assert {"users", "groups", "roles", "workspaces", "rights", "files", "shares"} <= set(counts)
    for kind, row in counts.items():
        assert row["found"] == sum(row[name] for name in KINDS[1:]), kind
        assert row["failed"] == 0, kind


def test_a_second_run_writes_nothing(small: Path, migrated: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    before = sandbox.snapshot()
    assert command("apply", "--work", migrated, "--json", "--accept-skips").json["requests"]["write"] == 0
    again = command("migrate", "--legacy", small, "--cells", sandbox.url, "--work", migrated, "--json", "--accept-skips").json
    assert again["requests"]["write"] == 0
    other = command("migrate", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "other", "--json", "--accept-skips").json
    assert other["requests"]["write"] == 0, "a fresh work folder finds everything by its natural key"
    assert other["counts"]["users"]["migrated"] == 0 and other["counts"]["files"]["migrated"] == 0
    assert sandbox.snapshot() == before


def test_the_old_folder_is_as_it_was(small: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    before = fingerprint(small)
    command("migrate", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "w")
    assert fingerprint(small) == before


def fingerprint(folder: Path) -> dict[str, tuple[int, int, str]]:
    return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_mode, hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "")
            for p in sorted(folder.rglob("*"))}


def test_a_plan_sends_no_write(small: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    before = sandbox.snapshot()
    ran = command("plan", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "w", "--json")
    assert ran.json["requests"]["write"] == 0 and sandbox.writes == 0 and sandbox.snapshot() == before
    assert "be carried out" in command("apply", "--dry-run", "--work", tmp_path / "w").out


def test_the_same_input_gives_the_same_plan(small: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    from migrate.ledger import Ledger

    plans = []
    for name in ("one", "two"):
        command("plan", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / name)
        with Ledger.open(tmp_path / name) as ledger:
            plans.append([(row.id, row.body) for row in ledger.actions()])
    assert plans[0] == plans[1] and plans[0]


def test_verify_finds_what_somebody_changed(migrated: Path, sandbox: Sandbox) -> None:
    export = json.loads(command("export", "--work", migrated).out)
    uuid = next(iter(export["workspaces"].values()))["uuid"]
    victim = next(u for u in export["users"].values() if u["password"] != "existing")
    node = next(a.node for a in sandbox.state.acls.rows.values() if a.workspace == uuid and a.action == "workspace-path")
    sandbox.call("PUT", "/a/acl", {"NodeID": node, "RoleID": victim["uuid"], "WorkspaceID": uuid, "Action": {"Name": "read", "Value": "1"}}, sandbox.token)
    ran = command("verify", "--work", migrated, "--json")
    assert ran.status == 4
    assert any(d["kind"] == "access" and victim["login"] in d["subject"] for d in ran.json["differences"])


def test_undo_takes_back_everything_but_content(migrated: Path, sandbox: Sandbox) -> None:
    with Sandbox() as fresh:
        untouched = fresh.snapshot()
    assert command("undo", "--work", migrated, "--yes").status == 0
    after = sandbox.snapshot()
    for part in ("people", "roles", "acls", "workspaces"):
        assert after[part] == untouched[part], part


def test_finish_refuses_until_the_result_is_proven(small: Path, tmp_path: Path, sandbox: Sandbox) -> None:
    work = tmp_path / "w"
    command("plan", "--legacy", small, "--cells", sandbox.url, "--work", work)
    command("apply", "--work", work)
    assert command("finish", "--work", work).status == 4
    assert command("verify", "--work", work).status == 0
    assert (work / "secrets.jsonl").exists()
    assert command("finish", "--work", work).status == 0
    assert not (work / "secrets.jsonl").exists()
    assert not any(w.slug.startswith("migration-desk") for w in sandbox.state.workspaces.values())


def test_the_export_names_what_became_of_everything(migrated: Path, sandbox: Sandbox) -> None:
    export = json.loads(command("export", "--work", migrated).out)
    assert set(export) >= {"users", "groups", "roles", "teams", "workspaces", "shares", "files", "renamed", "skipped"}
    for user in export["users"].values():
        assert set(user) >= {"login", "uuid", "password"} and user["password"] in ("kept", "temporary", "reset", "none", "existing")
    assert {w["uuid"] for w in export["workspaces"].values()} <= set(sandbox.state.workspaces)


def test_secrets_stay_in_their_file(migrated: Path) -> None:
    secrets = [json.loads(line)["value"] for line in (migrated / "secrets.jsonl").read_text().splitlines()]
    assert secrets and stat.S_IMODE((migrated / "secrets.jsonl").stat().st_mode) == 0o600
    for path in migrated.rglob("*"):
        if not path.is_file() or path.name == "secrets.jsonl":
            continue
        if path.name in ("accounts.csv", "link-passwords.csv") or path.parent.name == "letters":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, "what is handed over is nobody else's to read"
        else:
            data = path.read_bytes()
            assert not any(secret.encode() in data for secret in secrets), path
            assert b"sha256:1000:" not in data, path


def test_reports_are_written(migrated: Path) -> None:
    ran = command("report", "--work", migrated)
    assert ran.status in (0, 3)
    for name in ("report.html", "report.json", "not-green.csv"):
        assert (migrated / name).stat().st_size > 100
