"""Which files changed on both sides since they were carried? What people changed or removed in Cells is not overwritten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from migrate.errors import Severity, code
from migrate.ledger import Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.listings import Listings
from migrate.transform.since import CHANGED, GONE, REMOVED, Kept

CHANGED_THERE = code("S2921", Severity.WARNING, "It changed on the old server, and somebody changed it in Cells since it was carried; that stays.",
                     "Compare both. To let the old one win: plan with --source-wins.")
OPEN_STATES = (State.PLANNED, State.STARTED, State.FAILED)


def meet_files(ledger: Ledger, look: Callable[[str], Listings], *, source_wins: bool) -> list[Kept]:
    """Set aside files that are to be sent anew although Cells does not hold them as they were sent; gives them. With `source_wins` they
    are sent, and only named."""
    nodes = {key: str(body["node"]) for key, body in ledger.targets("roots") if body.get("route") == "upload"}
    kept: list[Kept] = []
    updates: list[tuple[int, dict[str, Any]]] = []
    root, listings = "", None
    for row in ledger.files(None, *OPEN_STATES):
        node = nodes.get(row.root)
        if row.type != "file" or not row.etag or node is None:
            continue
        if row.root != root or listings is None:
            root, listings = row.root, look(node)
        there = listings.find(target_of(row))
        path = f"{node}/{target_of(row)}"
        if there is not None and (not there.is_file or there.etag in (row.etag, row.md5, "", "temporary")):
            continue
        gone = there is None
        kept.append(Kept("files", path, REMOVED if gone else CHANGED, (("files", path),), gone))
        if not source_wins:
            updates.append((row.id, {"state": State.SKIPPED, "code": GONE.code if gone else CHANGED_THERE.code}))
        elif there is not None:
            updates.append((row.id, {"etag": there.etag}))  # what is there may be replaced
    ledger.update_files(updates)
    return kept
