"""The right world, fresh for every test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from world import FakeReader, build  # noqa: E402

from migrate.ledger import Ledger  # noqa: E402


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Ledger, FakeReader]]:
    ledger, reader = build(tmp_path)
    yield ledger, reader
    ledger.close()
