"""Which node did the application mark as shared? A cross-check, used only where the share itself does not tell.

Marks are in the metadata of the parent workspace, in a form of their own in each era; they survive deleted shares and are
sometimes missing, so they never make a share, they only help to find the node of one whose stored path is stale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from migrate.extract.metafiles import outside_files, read_outside
from migrate.extract.names import UnsafePath, node_path
from migrate.extract.plain import items, path_text
from migrate.extract.records import NodePath

if TYPE_CHECKING:
    from migrate.extract.context import Context

NAMESPACE = "ajxp_shared"


class ShareMarks:
    """Marks by (workspace, hash or child id). Read when first asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._paths: dict[tuple[str, str], NodePath | None] | None = None

    def path_of(self, workspace: str, names: Iterable[str]) -> NodePath | None:
        """The only node of the workspace that is marked with one of the names (hashes or child ids); None without one,
        or when several are."""
        if self._paths is None:
            self._paths = self._read()
        found = {self._paths[workspace, name] for name in names if (workspace, name) in self._paths}
        return found.pop() if len(found) == 1 else None

    def _read(self) -> dict[tuple[str, str], NodePath | None]:
        paths: dict[tuple[str, str], NodePath | None] = {}
        for place in outside_files(self._context):
            for entry in read_outside(self._context, place):
                if entry.namespace != NAMESPACE:
                    continue
                try:
                    path = node_path(entry.key)
                except UnsafePath:
                    continue
                for name in marked(entry.values):
                    key = (place.workspace, name)
                    # Two nodes with one mark (a copy of a folder): neither is proof.
                    paths[key] = path if paths.get(key, path) == path else None
        return paths


def marked(values: Mapping[str, Any]) -> Iterator[str]:
    """Hashes and child ids in a mark: `shares` (6.0 and later) or `element` (one name, or an array of them, before)."""
    for name in ("shares", "element"):
        stored = values.get(name)
        if isinstance(stored, dict):
            yield from (key for key, _ in items(stored))
        elif path_text(stored):
            yield path_text(stored) or ""
