"""Which tags did the old application offer? One list for each workspace (`meta_user_tags`, 4.3 and later with conf.sql)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.plain import items, text
from migrate.extract.store import Unreadable

if TYPE_CHECKING:
    from migrate.extract.context import Context

STORE = "meta_user_tags"
TAGS_UNREADABLE = code(
    "F1641",
    Severity.WARNING,
    "The list of tags of workspace {subject} cannot be read ({reason}); only tags that were given to files are offered.",
    "Nothing needs to be done; people can type their tags again.",
)


def known_tags(context: Context) -> dict[str, tuple[str, ...]]:
    """Workspace id -> tags in their order, each once, without blanks around them. Of two lists of one workspace both count."""
    found: dict[str, dict[str, None]] = {}
    for row in context.store.objects(STORE):
        if isinstance(row.data, Unreadable):
            context.findings(finding(TAGS_UNREADABLE, "workspaces", row.id, reason=row.data.reason))
            continue
        if not isinstance(row.data, dict) and row.data is not None:
            context.findings(finding(TAGS_UNREADABLE, "workspaces", row.id, reason="it is no list"))
            continue
        # A tag that was typed with commas is several: the application split values at commas, and so does Cells.
        tags = [tag.strip() for _, stored in items(row.data) for tag in (text(stored) or "").split(",")]
        found.setdefault(row.id, {}).update(dict.fromkeys(tag for tag in tags if tag))
    return {workspace: tuple(tags) for workspace, tags in found.items() if tags}
