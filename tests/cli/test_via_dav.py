"""The whole way with webDAV as the way of the bytes, and what `verify` proves of it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from commands import command

from migrate.cells.sandbox import Sandbox
from migrate.cells.sandbox.faults import LOST

MIB = 1 << 20


@pytest.fixture
def old(small: Path, tmp_path: Path) -> Path:
    """An installation with a file of each kind that webDAV treats in a way of its own."""
    copy = Path(shutil.copytree(small, tmp_path / "old"))
    folder = next(p for p in sorted(copy.rglob("workspaces/*")) if p.is_dir())
    for name, data in (("large.bin", os.urandom(6 * MIB)), ("empty.txt", b""), (".hidden", b"dot"), ("._mac", b"fork"), ("Ünï #1.txt", b"text")):
        (folder / name).write_bytes(data)
    return copy


def carry(old: Path, sandbox: Sandbox, work: Path, *more: object) -> dict:
    ran = command("migrate", "--legacy", old, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips", *more)
    assert ran.json["exit"] == ran.status, ran.err
    assert ran.status != 1, ran.err
    return ran.json


def stored(sandbox: Sandbox, prefix: str) -> int:
    return sum(1 for method, path, status in sandbox.log if method == "PUT" and path.startswith(prefix) and status in (200, 201))


def test_everything_is_there_and_only_what_webdav_cannot_hold_went_another_way(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.keep_log = True
    done = carry(old, sandbox, tmp_path / "w", "--via", "dav")
    assert done["exit"] == 0 and done["differences"] == []
    assert stored(sandbox, "/dav/") >= 20
    empty = sum(1 for p in old.rglob("*") if p.is_file() and not p.stat().st_size)
    assert 2 <= stored(sandbox, "/io/") <= empty + 1
    assert not re.search(r"migration-[0-9a-f]{16}\.part", json.dumps(sandbox.snapshot())), "no file is left under the name it had on the way"
    assert carry(old, sandbox, tmp_path / "w", "--via", "dav")["requests"]["write"] == 0


def test_large_files_that_came_by_webdav_are_known_by_reading_them_back(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    carry(old, sandbox, tmp_path / "w", "--via", "dav")
    sandbox.keep_log = True
    other = carry(old, sandbox, tmp_path / "other")  # a fresh work folder, by the gateway
    assert other["exit"] == 0 and other["differences"] == []
    assert other["counts"]["files"]["migrated"] == 0 and stored(sandbox, "/io/") == 0


def test_a_file_whose_answer_was_lost_is_not_sent_twice(old: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    """The run ends while nobody knows whether the file arrived; the next one looks before it sends."""
    sandbox.faults.add(LOST, "PUT", "/dav/.*large", times=99)
    first = command("migrate", "--legacy", old, "--cells", sandbox.url, "--work", tmp_path / "w", "--json", "--accept-skips", "--via", "dav")
    assert first.status == 6
    sandbox.faults.clear()
    sandbox.keep_log = True
    again = carry(old, sandbox, tmp_path / "w", "--via", "dav")
    assert again["exit"] == 0 and again["differences"] == []
    assert not [path for method, path, _ in sandbox.log if method == "PUT" and "large" in path]


def test_verify_signs_in_by_webdav_with_what_is_known(small: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    work = tmp_path / "w"
    command("migrate", "--legacy", small, "--cells", sandbox.url, "--work", work, "--json", "--accept-skips")
    ran = command("verify", "--work", work, "--json", "--via", "dav")
    assert ran.status == 0 and ran.json["differences"] == []
    sandbox.faults.add("expired", path="/dav/", times=99)
    ran = command("verify", "--work", work, "--json", "--via", "dav")
    assert ran.status == 4 and [d["kind"] for d in ran.json["differences"]] == ["webdav"]
