"""Where did the things in a recycle bin come from?

The application kept `name -> folder` in a file inside the bin. The name is the one that the node had before, so of two
deleted nodes of one name only the later folder is known; it may be wrong for the earlier one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.files import RECYCLE_CACHE, node_name
from migrate.extract.names import Present, UnsafePath, entry_named, join, node_path
from migrate.extract.php.values import PhpValueError, loads
from migrate.extract.places import charset_of
from migrate.extract.records import Recycled, Root
from migrate.extract.regular import read_regular

if TYPE_CHECKING:
    from migrate.extract.context import Context

CACHE_UNREADABLE = code(
    "F1512",
    Severity.INFO,
    "The list of origins in the recycle bin {subject} cannot be read ({reason}); its content is there, but not where it came from.",
    "Nothing needs to be done; people move what they still want by hand.",
)
_LARGEST = 64 * 2**20


def read_recycled(context: Context) -> Iterator[Recycled]:
    """Origin of every node at the top of a recycle bin for which one is known and safe."""
    for root in context.roots():
        if root.folder is None or root.missing or not root.recycle_bin:
            continue
        yield from _of_root(context, root, root.recycle_bin)


def _of_root(context: Context, root: Root, name: str) -> Iterator[Recycled]:
    folder = os.path.join(os.fsencode(root.folder or ""), os.fsencode(name))
    cache = os.path.join(folder, RECYCLE_CACHE)
    if os.path.islink(folder) or os.path.islink(cache) or not os.path.isfile(cache):
        return
    try:
        stored = loads(read_regular(cache, _LARGEST))
    except (OSError, PhpValueError) as error:
        reason = error.message if isinstance(error, PhpValueError) else error.strerror
        context.findings(finding(CACHE_UNREADABLE, "files", node_name(root, name), reason=reason))
        return
    for key, origin in stored.items() if isinstance(stored, dict) else ():
        found = entry_named(str(key).encode() if isinstance(key, int) else key, Present(folder), charset_of(context, root.workspace))
        if found is None or not isinstance(origin, bytes):
            continue
        try:
            yield Recycled(root.workspace, root.user, root.group, join(name, os.fsdecode(found)), node_path(origin))
        except UnsafePath:
            continue
