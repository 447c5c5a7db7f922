"""Which files did the old application put into people's folders for itself?

Asked by the reading side, which leaves them out, and by verification, which accepts them where Cells shows a folder as it lies."""

from __future__ import annotations

from collections.abc import Collection

METADATA = b".ajxp_meta"
RECYCLE_CACHE = b".ajxp_recycle_cache.ser"
ROOT_MARKS = frozenset({b".ajxp_template", b".ajxp_mount"})
"""At the top of a folder only."""
PRODUCT_FILES = frozenset({b".htaccess", b"web.config", b"index.html"})
"""Shipped with the product, at the top of its own data folders."""


def is_unfinished(name: bytes) -> bool:
    """A transfer that was broken off, or its state."""
    return name.endswith(b".dlpart") or (name.startswith(b"__") and name.endswith(b".ser"))


def left_by_application(path: str, excluded: Collection[str]) -> bool:
    """Whether a file at `path` (below its root, no leading slash) is one of these. `excluded`: names of this workspace's metadata
    files. Product files count at the top only."""
    folder, _, text = path.rpartition("/")
    name = text.encode("utf-8", "surrogateescape")
    return (text in excluded or name in (METADATA, RECYCLE_CACHE) or is_unfinished(name)
            or (not folder and (name in ROOT_MARKS or name in PRODUCT_FILES)))
