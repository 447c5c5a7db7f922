"""Two machines on one Cells: the second sees in Cells that the first is at work, who that is, and leaves everything alone."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import night
import pytest
from calm import Calm

from migrate.ledger.lock import Mark


def desks(server: night.Disturbed) -> list[str]:
    return [name for name in server.snapshot()["workspaces"] if "migration-desk" in name]


def killed_at_its_desk(calm: Calm, work: Path, server: night.Disturbed) -> None:
    server.which = "PUT /io/"
    assert night.killed(server, 1, night.AFTER, lambda: night.migrate(calm.old, server.url, work))


def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "another-machine")


def test_a_run_of_another_machine_is_seen_and_named(calm: Calm, tmp_path: Path, server: night.Disturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at_its_desk(calm, tmp_path / "w", server)  # for the other machine it may well be going on
    before = server.snapshot()
    here = socket.gethostname()
    elsewhere(monkeypatch)
    ran = night.migrate(calm.old, server.url, tmp_path / "other")
    assert ran.status == 8 and "E6001" in ran.err and f" on {here}, since " in ran.err
    assert not night.changed(before, server.snapshot()), "nothing was written"
    assert desks(server)
    broken = night.migrate(calm.old, server.url, tmp_path / "other", "--break-lock")
    assert broken.status == 0 and not desks(server), broken.out + broken.err


def test_a_copy_of_the_work_folder_on_another_machine_does_not_go_on_beside_it(calm: Calm, tmp_path: Path, server: night.Disturbed,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at_its_desk(calm, tmp_path / "w", server)
    shutil.copytree(tmp_path / "w", tmp_path / "copy")
    (tmp_path / "copy" / "lock").write_text("")  # without the name that the lock holds
    here = socket.gethostname()
    elsewhere(monkeypatch)
    for command in ("apply", "undo"):
        ran = night.command(command, "--work", tmp_path / "copy", "--quiet", *(("--yes",) if command == "undo" else ("--accept-skips",)))
        assert ran.status == 8 and here in ran.err, ran.out + ran.err
    assert night.migrate(calm.old, server.url, tmp_path / "copy", "--break-lock").status == 0
    assert not night.changed(calm.snapshot, server.snapshot())


def test_what_a_killed_run_of_this_machine_left_is_taken_over_by_any_work_folder(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    killed_at_its_desk(calm, tmp_path / "w", server)
    assert night.migrate(calm.old, server.url, tmp_path / "other").status == 0 and not desks(server)


def test_a_text_that_is_no_mark_says_nothing() -> None:
    mark = Mark("0a1b")
    assert not mark.other("") and not mark.other("Temporary; removed by the migration.") and not mark.other(str(mark))
    far = "x Run by process 7 on far.example since 2026-01-02 03:04:05 UTC, work folder 99."
    assert mark.other(far) == "process 7 on far.example, since 2026-01-02 03:04:05 UTC"
