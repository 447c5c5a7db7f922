"""An old server that means harm: pipes, devices, links out of the tree, bombs in stored data. The run ends in time, in bounded memory,
reads nothing outside the old folder, and everything else is carried or named."""

from __future__ import annotations

import dataclasses
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import night
import pytest

from fixtures.generator import build
from fixtures.generator.description import File, User, Workspace

ROOT = Path(__file__).parents[2]
OUTSIDE = b"this lies outside of the old folder"


def put(path: Path, data: bytes) -> None:
    if path.is_symlink() or path.exists():
        path.unlink()
    path.write_bytes(data)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def huge(path: Path) -> None:
    path.unlink()
    with open(path, "wb") as file:
        file.truncate(30 << 30)  # a hole: it takes no room


BOMBS: dict[str, Callable[[Path], None]] = {
    "a pipe": pipe,
    "a device": device,
    "30 GiB": huge,
    "a huge count": lambda path: put(path, b'a:999999999:{i:0;s:999999999:"x";}'),
    "deep": lambda path: put(path, b"a:1:{i:0;" * 200_000 + b"N;" + b"}" * 200_000),
    "references": lambda path: put(path, b"a:2:{i:0;a:1:{i:0;R:1;}i:1;" + b"R:2;" * 3 + b"}"),
    "an object": lambda path: put(path, b'O:8:"Phar\\Evil":1:{s:4:"file";s:11:"/etc/passwd";}'),
    "a closure": lambda path: put(path, b'C:11:"ArrayObject":37:{x:i:0;a:1:{i:0;O:7:"Closure":0:{}};m:a:0:{}}'),
    "noise": lambda path: put(path, os.urandom(200_000)),
    "nothing": lambda path: put(path, b""),
}


def run(*line: object) -> subprocess.CompletedProcess[str]:
    """In a process with 2 GiB of memory, within a few minutes."""
    return subprocess.run([sys.executable, "run_migration.py", *map(str, line), "--no-input"],
                          cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)))


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(night.organisation(shares=()), tmp_path_factory.mktemp("hostile") / "old", "pydio5-serial")


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_in_place_of_a_stored_file_hurts_nobody(serial: Path, tmp_path: Path, bomb: str) -> None:
    """Every kind of stored file at once: people, rights, workspaces, roles, metadata."""
    old = tmp_path / "old"
    shutil.copytree(serial, old, symlinks=True)
    stored = [p for p in sorted((old / "data" / "plugins").rglob("*")) if p.is_file() and p.suffix in (".ser", ".php", "") and p.name != "users.ser"]
    assert len(stored) > 5
    for place, path in enumerate(stored):
        if place % 2:
            BOMBS[bomb](path)
    ran = run("assess", "--legacy", old, "--work", tmp_path / "w")
    assert ran.returncode in (0, 3, 4, 5), (ran.returncode, ran.stderr[-800:])
    assert "Traceback" not in ran.stderr and "E0000" not in ran.stderr, ran.stderr[-2000:]
    assert "root:x:" not in "".join(p.read_text(errors="replace") for p in (tmp_path / "w").rglob("*") if p.is_file() and p.stat().st_size < 5_000_000)


def test_what_lies_outside_is_not_read_and_what_blocks_is_left(tmp_path: Path, server: night.Disturbed) -> None:
    was = night.organisation()
    (tmp_path / "secret.txt").write_bytes(OUTSIDE)
    old = build(dataclasses.replace(
        was, users=(*was.users, User("../../evil", "Night-7"), User("..", "Night-8"), User("a/b\\c", "Night-8")),
        workspaces=(*was.workspaces, Workspace("up", "../../up", "../../up", "AJXP_DATA_PATH/workspaces/../../../secret-folder")),
        files=(*was.files, File("dock", b"/plain.txt", 10, 1_300_000_009))), tmp_path / "old")
    dock = old / "data" / "workspaces" / "dock"
    (dock / "out.txt").symlink_to(tmp_path / "secret.txt")
    (dock / "out").symlink_to(tmp_path)
    (dock / "passwd").symlink_to("/etc/passwd")
    (dock / "round").symlink_to(dock)
    (dock / "zero").symlink_to("/dev/zero")
    os.mkfifo(dock / "pipe")
    ran = run("migrate", "--legacy", old, "--cells", server.url, "--work", tmp_path / "w", "--accept-skips")
    assert ran.returncode in (0, 3), (ran.returncode, ran.stderr[-800:])
    assert "Traceback" not in ran.stderr
    names = {path.rpartition("/")[2] for path in server.snapshot()["nodes"]}
    assert "plain.txt" in names and not names & {"out.txt", "passwd", "zero", "pipe", "secret.txt"}, names
    for stored in server.state.content.iterdir():
        assert OUTSIDE not in stored.read_bytes() and b"root:x:" not in stored.read_bytes()
    for path in (tmp_path / "w").rglob("*"):
        assert path.resolve().is_relative_to((tmp_path / "w").resolve())
    assert not (tmp_path / "evil").exists() and not (tmp_path.parent / "evil").exists()


def test_a_file_that_becomes_a_link_while_the_run_is_under_way_is_not_followed(calm, tmp_path: Path, server: night.Disturbed) -> None:
    old = tmp_path / "old"
    shutil.copytree(calm.old, old, symlinks=True)
    (tmp_path / "secret.txt").write_bytes(OUTSIDE * 20)
    leaflet = next(old.rglob("leaflet.pdf"))

    def swap() -> None:
        leaflet.unlink()
        leaflet.symlink_to(tmp_path / "secret.txt")

    server.which, server.at, server.when, server.strike, server.armed = "PUT /a/user", 1, night.AFTER, swap, True
    ran = night.migrate(old, server.url, tmp_path / "w")
    assert leaflet.is_symlink() and ran.status, "it is told"
    assert not any(OUTSIDE in stored.read_bytes() for stored in server.state.content.iterdir())
