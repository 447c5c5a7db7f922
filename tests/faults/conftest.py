"""What the worst days share: the old installation, and the server as an undisturbed run leaves it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import night
import pytest
from calm import Calm

from fixtures.generator import build

os.environ.setdefault("MIGRATE_REAL_TOKEN", os.environ.get("CELLS_TOKEN", ""))  # the tests put the stand-in's token in its place


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(night.organisation(), tmp_path_factory.mktemp("night") / "old")


@pytest.fixture(scope="session")
def calm(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Calm:
    with night.Disturbed() as server:
        os.environ["CELLS_TOKEN"] = server.token
        server.armed = True
        ran = night.migrate(old, server.url, tmp_path_factory.mktemp("calm") / "w", "--json")
        assert ran.status == 0, ran.err
        for kind in ("users", "groups", "roles", "teams", "workspaces", "files", "shares", "metadata", "bookmarks", "watches", "locks"):
            assert ran.json["counts"][kind]["migrated"], f"the sweeps are to go over {kind} too"
        return Calm(old, server.snapshot(), server.seen)


@pytest.fixture
def server() -> Any:
    with night.Disturbed() as fresh:
        os.environ["CELLS_TOKEN"] = fresh.token
        yield fresh
