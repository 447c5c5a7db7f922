"""The right world, fresh for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from verify_world import FakeReader, build

from migrate.ledger import Ledger


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Ledger, FakeReader]]:
    ledger, reader = build(tmp_path)
    yield ledger, reader
    ledger.close()
