"""Which files and folders did people keep in their workspaces?

Every root is walked once, without memory of what was seen. What the application put there for itself is left out; dot
files and everything else are people's data, even where the old interface did not show them. Sizes and times come from the
file system, names are exact bytes (surrogate escapes), content is only read when hashes are asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate.errors import Code, Finding, Severity, code, finding
from migrate.extract.records import FileEntry, NodePath, Root
from migrate.extract.tree import Item, Walk
from migrate.leftovers import CELLS_MARK, CELLS_STATE, METADATA, PRODUCT_FILES, RECYCLE_CACHE, ROOT_MARKS, is_cells_mark, is_unfinished
from migrate.text import shown

if TYPE_CHECKING:
    from migrate.extract.context import Context

UNREADABLE = code(
    "F1501",
    Severity.ERROR,
    "{subject} cannot be read: {detail}.",
    "Give the account that runs the migration read access to it, then run again.",
)
LINK_BROKEN = code(
    "F1502",
    Severity.WARNING,
    "{subject} is a symbolic link to {detail}, which is not there.",
    "Restore the target if it is needed; the link itself cannot be carried over.",
)
LINK_OUTSIDE = code(
    "F1503",
    Severity.WARNING,
    "{subject} is a symbolic link to {detail}, outside its workspace; it is not followed.",
    "Make the target a workspace of its own, or copy its content in place of the link, if people need it.",
    "The old application followed such links, so people may have worked with what lies behind them.",
)
LINK_LOOP = code(
    "F1504",
    Severity.INFO,
    "{subject} is a symbolic link to {detail}, a folder that is carried over already or contains the link; it is not followed again.",
    "Nothing needs to be done.",
)
SPECIAL = code(
    "F1505",
    Severity.INFO,
    "{subject} is neither file nor folder (a socket, pipe or device) and is left out.",
    "Nothing needs to be done.",
)
TOO_LONG = code(
    "F1506",
    Severity.ERROR,
    "{subject} lies deeper than this machine can open; its content is left out.",
    "Shorten the names of the folders above it.",
)
PARTIAL = code(
    "F1507",
    Severity.INFO,
    "{subject} is an unfinished transfer of the old application and is left out.",
    "Nothing needs to be done.",
)
ENCRYPTED = code(
    "F1508",
    Severity.WARNING,
    "{subject} holds files encrypted with EncFS; they are carried over as they are, unreadable without that program.",
    "Mount the folder with its password on the old server and copy the clear files into the workspace.",
)
POINTER = code(
    "F1509",
    Severity.INFO,
    "{subject} only points to a document on an Etherpad server; the text is not in it.",
    "Export the document from the Etherpad server.",
)

_PROBLEMS: dict[str, Code] = {
    "unreadable": UNREADABLE,
    "broken": LINK_BROKEN,
    "outside": LINK_OUTSIDE,
    "loop": LINK_LOOP,
    "special": SPECIAL,
    "too_long": TOO_LONG,
}

_EMPTY_PAGE = 64
"""Bytes: the `index.html` of the product is an empty page; a longer one is somebody's."""

CHUNK = 1 << 20


def read_files(context: Context, hashes: bool = False) -> Iterator[FileEntry]:
    """Every file and folder of every root on this machine. `hashes`: also the SHA-256 of each file (reads everything).

    Roots that are elsewhere or missing have a finding of their own (`migrate.extract.folders`)."""
    report = context.findings
    product_roots = _product_roots(context)
    for root in context.roots():
        if root.folder is None or root.missing:
            continue
        product = os.path.realpath(os.fsencode(root.folder)) in product_roots
        yield from _Reader(root, report, product, context.here, hashes)


def _product_roots(context: Context) -> set[bytes]:
    """The data folders that were shipped with files of the product in them."""
    bases = (str(context.installation.data_path), str(context.installation.install_path))
    shipped = (context.here(f"{base.rstrip('/')}/{name}") for base in bases for name in ("files", "personal"))
    return {os.path.realpath(os.fsencode(folder)) for folder in shipped}


@dataclass(slots=True)
class _Reader:
    """The entries of one root."""

    root: Root
    report: Callable[[Finding], None]
    product: bool
    translate: Callable[[str], str]
    hashes: bool

    def __iter__(self) -> Iterator[FileEntry]:
        bin_path = b"/" + os.fsencode(self.root.recycle_bin.strip("/")) if self.root.recycle_bin else None
        for item in Walk(self.root.folder or "", self._problem, self._skip, self.translate):
            in_bin = bin_path is not None and (item.path == bin_path or item.path.startswith(bin_path + b"/"))
            yield FileEntry(
                workspace=self.root.workspace,
                user=self.root.user,
                group=self.root.group,
                path=NodePath(os.fsdecode(item.path)),
                type="dir" if item.is_dir else "file",
                size=None if item.is_dir else item.size,
                mtime=item.mtime,
                in_recycle_bin=in_bin,
                sha256=self._hash(item) if self.hashes and not item.is_dir else None,
                real=self._elsewhere(item),
            )

    def _elsewhere(self, item: Item) -> str | None:
        """Its real place, when following its path on this machine does not end there."""
        plain = os.fsencode(self.root.folder or "") + item.path
        return os.fsdecode(item.real) if item.real != plain and os.path.realpath(plain) != os.path.realpath(item.real) else None

    def _skip(self, path: bytes, name: bytes, is_dir: bool) -> bool:
        """Whether the application, or Cells, put it there and not a person."""
        if name in (CELLS_MARK, CELLS_STATE) and is_cells_mark(os.fsencode(self.root.folder or "") + path, name, is_dir):
            return True
        if is_dir:
            if name.startswith(b"ENCFS_RAW_"):
                self._note(ENCRYPTED, path)
            return False
        if name in (RECYCLE_CACHE, METADATA) or os.fsdecode(name) in self.root.excluded:
            return True
        at_root = path.count(b"/") == 1
        if at_root and (name in ROOT_MARKS or (self.product and name in PRODUCT_FILES and self._is_product_file(path, name))):
            return True
        if is_unfinished(name):
            self._note(PARTIAL, path)
            return True
        if name.endswith(b".pad"):
            self._note(POINTER, path)
        return False

    def _is_product_file(self, path: bytes, name: bytes) -> bool:
        return name != b"index.html" or os.lstat(os.fsencode(self.root.folder or "") + path).st_size <= _EMPTY_PAGE

    def _problem(self, what: str, path: bytes, detail: str) -> None:
        self._note(_PROBLEMS[what], path, detail)

    def _note(self, entry: Code, path: bytes, detail: str = "") -> None:
        self.report(finding(entry, "files", node_name(self.root, path), detail=shown(os.fsencode(detail))))

    def _hash(self, item: Item) -> str | None:
        try:
            return sha256_of(item.real)
        except OSError as error:
            self._problem("unreadable", item.path, error.strerror or "")
            return None


def sha256_of(path: bytes | str) -> str:
    """Hex SHA-256 of a file, read in pieces. Raises OSError."""
    digest, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK))
    with open(path, "rb", buffering=0) as source:
        while size := source.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def node_name(root: Root, path: bytes | str) -> str:
    """How a node is named in findings: workspace, whose folder, path; bytes that are not UTF-8 escaped."""
    whose = f" ({root.user})" if root.user else f" ({root.group})" if root.group else ""
    return f"{root.workspace}{whose}:{shown(os.fsencode(path))}"
