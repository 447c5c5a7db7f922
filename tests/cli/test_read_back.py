"""`verify --deep` downloads what was carried: what the storage of Cells spoilt is found, though its listing looks right."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.commands import command

from migrate.cells.sandbox import Sandbox


@pytest.fixture
def migrated(small: Path, tmp_path: Path, sandbox: Sandbox) -> Path:
    ran = command("migrate", "--legacy", small, "--cells", sandbox.url, "--work", tmp_path / "work", "--json", "--accept-skips")
    assert ran.status == 0, ran.out + ran.err
    return tmp_path / "work"


def contents(sandbox: Sandbox) -> list[Path]:
    """Where the stand-in keeps the bytes of files that were uploaded."""
    nodes = [node for source in ("legacy", "personal") for node in sandbox.state.sources[source].root.walk()]
    return [node.content for node in nodes if not node.is_folder and node.content is not None]


def test_what_is_whole_is_proven_and_the_way_there_is_removed(migrated: Path, sandbox: Sandbox) -> None:
    ran = command("verify", "--work", migrated, "--deep", "--json")
    assert ran.status == 0, ran.out
    assert f"{len(contents(sandbox))} downloads" in ran.json["verdict"]
    assert not [w for w in sandbox.state.workspaces.values() if w.slug.startswith("migration-desk")]


def test_bytes_that_changed_behind_an_unchanged_checksum_are_named(migrated: Path, sandbox: Sandbox) -> None:
    spoilt = max(contents(sandbox), key=lambda path: path.stat().st_size)
    spoilt.write_bytes(b"x" * spoilt.stat().st_size)
    assert command("verify", "--work", migrated, "--json").status == 0
    ran = command("verify", "--work", migrated, "--deep", "--json")
    assert ran.status == 4
    (found,) = ran.json["differences"]
    assert found["kind"] == "files" and found["target"].startswith("sha256")


def test_a_sample_reads_less_and_the_same_each_time(migrated: Path, sandbox: Sandbox) -> None:
    first, second = (command("verify", "--work", migrated, "--deep", "--sample", 50, "--json") for _ in range(2))
    assert first.json["verdict"] == second.json["verdict"]
    number = int(first.json["verdict"].partition(" downloads")[0].rpartition(" ")[2])
    assert 0 < number < len(contents(sandbox))
