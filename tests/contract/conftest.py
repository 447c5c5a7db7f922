"""Whom the promises are asked of."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from contract.target import Target

from migrate.cells.sandbox import Sandbox

REAL = pytest.param("real", marks=[pytest.mark.real_cells, pytest.mark.skipif(
    not (os.environ.get("CELLS_URL") and os.environ.get("CELLS_TOKEN")), reason="no real Cells named (CELLS_URL, CELLS_TOKEN)")])


@pytest.fixture(scope="module", params=["sandbox", REAL])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, bool]]:
    """Address, token, and whether it is a real one."""
    if request.param == "real":
        yield os.environ["CELLS_URL"].rstrip("/"), os.environ["CELLS_TOKEN"], True
        return
    with Sandbox() as sandbox:
        yield sandbox.url, sandbox.token, False


@pytest.fixture
def cells(server: tuple[str, str, bool]) -> Iterator[Target]:
    """With a folder and a prefix of its own; what a test makes is removed after it."""
    target = Target(*server)
    try:
        yield target
    finally:
        target.close()
