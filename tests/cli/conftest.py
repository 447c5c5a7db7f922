"""What the tests of the command line share: a stand-in server and an old installation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.generator import build, demo_installation
from fixtures.generator.organisation import of_size
from migrate.cells.sandbox import Sandbox


@pytest.fixture(scope="session")
def legacy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The generated old installation of the demonstration."""
    return demo_installation(tmp_path_factory.mktemp("legacy") / "demo")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated installation: six people, three workspaces of their own, some files."""
    return build(of_size(6, 3, 25), tmp_path_factory.mktemp("small") / "old")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A fresh stand-in whose token is in the environment."""
    with Sandbox() as server:
        monkeypatch.setenv("CELLS_TOKEN", server.token)
        yield server
