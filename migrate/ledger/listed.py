"""Under which path does a file of the list stand in Cells?"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Protocol


class Listed(Protocol):
    """What is needed of a line of the list. `target`: None when the old name is kept (in composed form)."""

    @property
    def path(self) -> bytes: ...

    @property
    def target(self) -> str | None: ...


def target_of(row: Listed) -> str:
    """Path below the node of its root, without leading slash, as Cells stores it."""
    return row.target if row.target is not None else unicodedata.normalize("NFC", row.path.decode("utf-8")).strip("/")


def is_sent(body: Mapping[str, Any]) -> bool:
    """Whether the files of a root go through the interfaces of Cells, by us or by somebody else: then their date in Cells is that of the
    sending. `body`: what the root becomes."""
    return not body.get("carried_by") and (body.get("route") == "upload" or (body.get("route") == "external" and not body.get("folder")))
