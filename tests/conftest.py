"""Fixtures that several rooms use. What is not part of the project lies beside it (or where MIGRATE_SHARED says)."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MIGRATE_SHARED") or Path(__file__).resolve().parents[2] / "shared")

MEMORY_DISK = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
ROOM = 4 << 30
"""Free bytes that temporary files may need at most, with some to spare."""


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files go to a disk in memory where there is one with room: the ledger syncs every commit, thousands of times in a run
    of all tests, and there is no power cut to survive here. Worker processes inherit the place. MIGRATE_TEST_DISK=1 stays on the disk."""
    if hasattr(config, "workerinput") or config.option.basetemp or os.environ.get("MIGRATE_TEST_DISK") or os.environ.get("PYTEST_DEBUG_TEMPROOT"):
        return
    if not MEMORY_DISK.is_dir() or not os.access(MEMORY_DISK, os.W_OK) or min(shutil.disk_usage(MEMORY_DISK).free, _free_memory()) < ROOM:
        return
    if os.statvfs(MEMORY_DISK).f_flag & os.ST_NOEXEC:  # some tests run the scripts that the tool writes
        return
    place = tempfile.mkdtemp(prefix="migrate-tests-", dir=MEMORY_DISK)
    os.chmod(place, 0o1777)  # as every TMPDIR: database servers that tests start run as users of their own
    before = {name: os.environ.get(name) for name in ("TMPDIR", "PYTEST_DEBUG_TEMPROOT")}
    os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = place

    def remove() -> None:
        tempfile.tempdir = None
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(place, ignore_errors=True)

    config.add_cleanup(remove)


def _free_memory() -> int:
    """Bytes of memory that are free for use; 0 where nothing tells."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real installations and recordings; the test is skipped where there is none."""
    if not (SHARED / "legacy").is_dir():
        pytest.skip("the real installations are not on this machine")
    return SHARED


@pytest.fixture(scope="session")
def sample(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`sample("pydio-8.2.5-sqlite")`: a real installation, unpacked once per run. Never change what it gives."""
    unpacked: dict[str, Path] = {}

    def unpack(name: str) -> Path:
        if name not in unpacked:
            folder = tmp_path_factory.mktemp(name)
            with tarfile.open(shared / "legacy" / name / "install.tar.gz") as archive:
                archive.extractall(folder, filter="tar")
            unpacked[name] = folder
        return unpacked[name]

    return unpack
