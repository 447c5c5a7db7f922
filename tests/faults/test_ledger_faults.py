"""Whatever the disk does to the ledger, the run says so, nothing is started anew in silence, and the next run ends as a calm one."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import night
import pytest
import scenes
from calm import Calm
from film import Tried
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from migrate.ledger import Ledger


@contextmanager
def failing_commit(number: int, *, after: bool) -> Iterator[list[int]]:
    """The commit with this number fails: before it is written, or after (the disk has it, and the program is told that it failed)."""
    count = [0]

    commit = SQLiteDialect_pysqlite.do_commit

    def fail(dialect: SQLiteDialect_pysqlite, connection: Any) -> None:
        count[0] += 1
        if count[0] == number:
            if after:
                commit(dialect, connection)
            raise sqlite3.OperationalError("disk I/O error")
        commit(dialect, connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLiteDialect_pysqlite, "do_commit", fail)
        yield count


@contextmanager
def failing_call(number: int) -> Iterator[list[int]]:
    """The call with this number that writes, syncs, renames or makes a file of ours (the ledger apart) finds the disk full."""
    count = [0]

    def wrapped(real: Any, writes: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            if writes(*arguments):
                count[0] += 1
                if count[0] == number:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **more)
        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "replace", "rename"):
            patch.setattr(os, name, wrapped(getattr(os, name), lambda *_: True))
        patch.setattr(os, "write", wrapped(os.write, lambda handle, *_: handle > 2))
        patch.setattr(os, "open", wrapped(os.open, lambda _path, flags, *_: bool(flags & os.O_CREAT)))
        yield count


@pytest.mark.parametrize("name", ["apply", "undo"])
@pytest.mark.parametrize("way", ["commit before", "commit after", "call"])
def test_a_disk_operation_that_fails_ends_the_run_and_the_next_one_goes_on(
    name: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The half write sweep: each commit of the ledger in turn fails before it is written, or is written and told as failed; each other
    operation of the disk fails in turn."""
    monkeypatch.setenv("MIGRATE_WORKERS", "1")  # several share commits, and a number means another one in each run

    def failing(number: int) -> Any:
        return failing_call(number) if way == "call" else failing_commit(number, after=way.endswith("after"))

    with scenes.scene(name, tmp_path / "s") as scene:
        scene.film()
        scene.start()
        with failing(-1) as count:
            scene.act()
        tried = Tried(f"half writes, {name}, {way}", count[0])
        for number in night.positions(count[0], 2):
            scene.start()
            with failing(number) as reached:
                broken = scene.act()
            if reached[0] < number:
                continue  # workers share commits, so that one run has fewer than another: nothing failed
            tried.positions += 1
            different = scene.resumed(f"{way} {number}")
            harmless = way == "call" and broken.status == 0  # a lock beside the work folder, or the mark at the very end
            if "Traceback" in broken.err or not (harmless or (broken.status == 10 and "What to do: " in broken.err)):
                different += f" {way} {number}: exit {broken.status} {broken.err[-600:]}"
            tried.compared += 1
            tried.differences += [different] if different else []
    print(f"\n{tried}".replace("requests", "operations"))
    assert tried.positions and not tried.differences, "\n".join(tried.differences)


def test_the_half_write_sweep_reports_a_loader_that_repeats_without_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit after a link was made fails: whoever does not look makes it twice, or takes it for somebody else's."""
    scenes.blind(monkeypatch)
    monkeypatch.setenv("MIGRATE_WORKERS", "1")
    with scenes.scene("apply", tmp_path / "s") as scene:
        scene.film()
        scene.start()
        seen: list[int] = []
        with failing_commit(-1, after=False) as count:
            scene.server.which, scene.server.at, scene.server.when = "PUT /a/share/link", 1, night.AFTER
            scene.server.strike, scene.server.armed = (lambda: seen.append(count[0])), True
            scene.act()
            scene.server.armed = False
        told = []
        for later in range(1, 5):  # several workers commit: which of the next commits is that of the link is not fixed
            scene.start()
            with failing_commit(seen[0] + later, after=False):
                scene.act()
            told.append(scene.resumed("blind"))
        assert any(told)


def cut(log: Path) -> None:
    os.truncate(log, log.stat().st_size // 2)


def flipped(log: Path) -> None:
    data = bytearray(log.read_bytes())
    data[len(data) // 3] ^= 0xFF
    log.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flipped, Path.unlink], ids=["cut", "flipped", "removed"])
def test_a_damaged_log_of_a_killed_run_is_named_and_can_be_taken_for_an_older_state_on_purpose(calm: Calm, tmp_path: Path, server: night.Disturbed,
                                                                                              damage: Any) -> None:
    """SQLite takes it for the end. Nothing goes on from there in silence; who wants that removes the mark, and what was done since is found in Cells."""
    work = tmp_path / "w"
    assert night.killed(server, calm.requests // 2, night.AFTER, lambda: night.migrate(calm.old, server.url, work))
    damage(work / "ledger.sqlite-wal")
    before = server.snapshot()
    for ran in (night.command("apply", "--work", work, "--accept-skips"), night.command("undo", "--work", work, "--yes"),
                night.migrate(calm.old, server.url, work)):
        assert ran.status == 10 and "E6002" in ran.err and "changes are missing" in ran.err, ran.out + ran.err
    assert not night.changed(before, server.snapshot())
    (work / "ledger.mark").unlink()
    assert night.migrate(calm.old, server.url, work).status == 0
    assert not night.changed(calm.snapshot, server.snapshot())


def _limited(limit: int, arguments: list[object]) -> subprocess.CompletedProcess[str]:
    """A command whose files cannot grow beyond `limit` bytes: what a full disk does to writing, in the middle of a write."""
    return subprocess.run([sys.executable, "run_migration.py", *map(str, arguments)], cwd=Path(__file__).parents[2], capture_output=True, text=True,
                          timeout=120, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))


@pytest.mark.parametrize("limit", [0, 9_000, 200_000, 330_000] if not night.EVERY else range(0, 1_200_000, 30_000))
def test_a_full_disk_is_told_and_gone_on_with(calm: Calm, tmp_path: Path, server: night.Disturbed, limit: int) -> None:
    arguments = ["migrate", "--legacy", calm.old, "--cells", server.url, "--work", tmp_path / "w", "--accept-skips", "--quiet"]
    ran = _limited(limit, arguments)
    if limit < 400_000:
        assert ran.returncode == 10, (ran.returncode, ran.stdout, ran.stderr)
        assert "What to do: " in ran.stderr and "Traceback" not in ran.stderr
    again = night.command(*arguments)
    assert again.status == 0, again.err
    assert not night.changed(calm.snapshot, server.snapshot())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_small_disk_that_runs_full_and_is_given_room(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    work = tmp_path / "small"
    work.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(work)], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        ran = night.migrate(calm.old, server.url, work)
        assert ran.status == 10 and "What to do: " in ran.err, (ran.status, ran.err)
        subprocess.run(["mount", "-o", "remount,size=30m", str(work)], check=True)
        again = night.migrate(calm.old, server.url, work)
        assert again.status == 0, again.err
        assert not night.changed(calm.snapshot, server.snapshot())
    finally:
        subprocess.run(["umount", str(work)], check=False)


@pytest.mark.parametrize("damage", ["header", "middle", "short", "empty", "text"])
def test_a_damaged_ledger_is_named_and_never_started_anew(calm: Calm, tmp_path: Path, server: night.Disturbed, damage: str) -> None:
    work = tmp_path / "w"
    assert night.command("plan", "--legacy", calm.old, "--cells", server.url, "--work", work).status in (0, 3)
    path = work / Ledger.NAME
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:100] = bytes(100)
    elif damage == "middle":
        data[8192:40960] = os.urandom(32768)
    elif damage == "short":
        data = data[: len(data) // 3]
    elif damage == "empty":
        data = bytearray()
    else:
        data = bytearray(b"not a ledger at all\n")
    path.write_bytes(bytes(data))
    for name in ("-wal", "-shm"):
        shutil.rmtree(f"{path}{name}", ignore_errors=True)
        Path(f"{path}{name}").unlink(missing_ok=True)
    for line in (["status"], ["apply"], ["migrate", "--legacy", calm.old, "--cells", server.url], ["plan", "--legacy", calm.old, "--cells", server.url]):
        ran = night.command(*line, "--work", work)
        assert ran.status == 10 and "E6002" in ran.err and "What to do: " in ran.err, (line, ran.status, ran.err)
    assert server.writes == 0


def _alter(work: Path, how: str, before: bytes) -> None:
    """Damage that SQLite itself does not see."""
    path = work / Ledger.NAME
    data = bytearray(path.read_bytes())
    if how == "a value":
        place = data.rindex(b"/crew")
        data[place:place + 5] = b"/screw"[:5]
    elif how == "a row":
        with sqlite3.connect(path) as db:
            db.execute("DELETE FROM journal WHERE seq=(SELECT max(seq) FROM journal)")
        db.close()
        return
    elif how == "older":
        data = bytearray(before)
    elif how == "gone":
        path.unlink()
        return
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("how", ["a value", "a row", "older", "gone"])
def test_a_ledger_that_was_changed_behind_our_back_is_named(calm: Calm, tmp_path: Path, server: night.Disturbed, how: str) -> None:
    """A changed value, a line less, an older copy: SQLite finds nothing wrong with any of them."""
    work = tmp_path / "w"
    assert night.command("plan", "--legacy", calm.old, "--cells", server.url, "--work", work).status in (0, 3)
    before = (work / Ledger.NAME).read_bytes()
    assert night.command("apply", "--work", work, "--accept-skips").status == 0
    kept = (work / Ledger.NAME).read_bytes()
    _alter(work, how, before)
    writes = server.writes
    for line in (["status"], ["apply"], ["undo", "--yes"], ["plan", "--legacy", calm.old, "--cells", server.url]):
        ran = night.command(*line, "--work", work)
        assert ran.status == 10 and "E6002" in ran.err and "ledger.mark" in ran.err, (line, ran.status, ran.err)
    assert server.writes == writes
    (work / Ledger.NAME).write_bytes(kept)
    assert night.migrate(calm.old, server.url, work, "--json").json["requests"]["write"] == 0, "the good copy is taken as it is"


def test_an_older_copy_after_a_kill_is_named(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    work = tmp_path / "w"
    assert night.command("plan", "--legacy", calm.old, "--cells", server.url, "--work", work).status in (0, 3)
    before = (work / Ledger.NAME).read_bytes()
    assert night.command("apply", "--work", work, "--accept-skips").status == 0
    assert night.killed(server, 20, night.BEFORE, lambda: night.migrate(calm.old, server.url, work))
    for name in ("", "-wal", "-shm"):
        (work / (Ledger.NAME + name)).unlink(missing_ok=True)
    (work / Ledger.NAME).write_bytes(before)
    ran = night.command("status", "--work", work)
    assert ran.status == 10 and "older copy" in ran.err, ran.err


def test_a_changed_line_of_the_secrets_file_is_named_and_a_torn_last_one_is_not(calm: Calm, tmp_path: Path, server: night.Disturbed) -> None:
    """With another password than the one that was sent, the wrong one would be handed over."""
    work = tmp_path / "w"
    assert night.migrate(calm.old, server.url, work).status == 0
    path = work / "secrets.jsonl"
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    for bad in (lines[0].replace(b'"value": "', b'"value": "x'), b"garbage\n", lines[0][:10] + b"\n", b"\xff\xfe\n", b"[1]\n"):
        path.write_bytes(bad + b"".join(lines[1:]))
        for line in (["migrate", "--legacy", calm.old, "--cells", server.url, "--accept-skips"], ["apply"], ["verify"]):
            ran = night.command(*line, "--work", work)
            assert ran.status == 10 and "E6008" in ran.err and "line 1" in ran.err, (bad, line, ran.status, ran.err)
            assert b"value" not in ran.err.encode()
    path.write_bytes(good + b'{"kind": "pass')
    assert night.migrate(calm.old, server.url, work).status == 0
