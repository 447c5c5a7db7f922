"""Under which path does a file of the list stand in Cells?"""

from __future__ import annotations

import unicodedata
from typing import Protocol


class Listed(Protocol):
    """What is needed of a line of the list. `target`: None when the old name is kept (in composed form)."""

    @property
    def path(self) -> bytes: ...

    @property
    def target(self) -> str | None: ...


def target_of(row: Listed) -> str:
    """Path below the node of its root, without leading slash, as Cells stores it."""
    return row.target if row.target is not None else unicodedata.normalize("NFC", row.path.decode("utf-8")).strip("/")
