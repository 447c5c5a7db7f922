"""Which files did the old application, or Cells, put into people's folders for itself?

Asked by the reading side, which leaves them out, and by verification, which accepts them where Cells shows a folder as it lies."""

from __future__ import annotations

import os
import re
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


CELLS_MARK = b".pydio"
CELLS_STATE = b".minio.sys"
_UUID = re.compile(rb"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\s*\Z")


def is_cells_mark(path: bytes, name: bytes, is_dir: bool) -> bool:
    """Whether Cells itself made this when it was given the folder: a `.pydio` with nothing but a uuid in every folder, `.minio.sys`
    beside the folder. Files of people with these names hold something else. `path`: where it lies now. OSError."""
    if is_dir:
        return name == CELLS_STATE and os.path.isfile(path + b"/format.json")
    if name != CELLS_MARK or os.path.getsize(path) > 40:
        return False
    with open(path, "rb") as file:
        return _UUID.match(file.read(64)) is not None


def left_by_application(path: str, excluded: Collection[str]) -> bool:
    """Whether a file at `path` (below its root, no leading slash) is one of these. `excluded`: names of this workspace's metadata
    files. Product files count at the top only."""
    folder, _, text = path.rpartition("/")
    name = text.encode("utf-8", "surrogateescape")
    return (text in excluded or name in (METADATA, RECYCLE_CACHE) or is_unfinished(name)
            or (not folder and (name in ROOT_MARKS or name in PRODUCT_FILES)))
