"""Fixtures that several rooms use. What is not part of the project lies beside it (or where MIGRATE_SHARED says)."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MIGRATE_SHARED") or Path(__file__).resolve().parents[2] / "shared")


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
