"""Which files and folders are there? The index of every data source, in memory; the bytes are on disk."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.cells.sandbox.answers import Failure, json_text

if TYPE_CHECKING:
    from migrate.cells.sandbox.state import State

FOLDER = "COLLECTION"
FILE = "LEAF"
INDEX_CHARACTERS = 1020
"""A longer place is cut by the index, and then equals another one."""


@dataclass(slots=True, eq=False)
class Node:
    """A folder or file of the index. `content` is where its bytes are; `settles` until when the etag reads `temporary`."""

    uuid: str
    name: str
    type: str
    parent: Node | None = None
    source: str = ""
    size: int = 0
    mtime: int = 0
    mode: int = 0
    etag: str = ""
    content_hash: str = ""
    mime: str = ""
    content: Path | None = None
    settles: float = 0.0
    reach: int = 1
    """Characters of the numbers on the way to it, which the index keeps."""
    children: dict[str, Node] = field(default_factory=dict)

    @property
    def is_folder(self) -> bool:
        """Whether it can have children (on a flat source a file can, too)."""
        return self.type == FOLDER

    @property
    def path(self) -> str:
        """Raw tree path: `source/folder/file`; the root of a source is `source/`."""
        names = [node.name for node in self.ancestors() if node.parent is not None]
        return f"{self.source}/{'/'.join(reversed(names))}"

    @property
    def total(self) -> int:
        """Own size, or the sum of what is below."""
        total, left = 0, [self]
        while left:  # no recursion: folders may be hundreds of levels deep
            node = left.pop()
            total += node.size
            left += node.children.values() if node.is_folder else ()
        return total

    def find(self, path: str) -> Node | None:
        """Node of a path below this one; `""` is the node itself."""
        node: Node | None = self
        for part in path.strip("/").split("/") if path.strip("/") else ():
            node = node.children.get(part) if node else None
            if node is None:
                return None
        return node

    def sorted_children(self) -> list[Node]:
        """Children in the order of their bytes, as the index lists them."""
        return [self.children[name] for name in sorted(self.children, key=lambda n: n.encode("utf-8", "surrogateescape"))]

    def walk(self) -> Iterator[Node]:
        """Everything below, depth first."""
        for child in self.sorted_children():
            yield child
            yield from child.walk()

    def ancestors(self) -> Iterator[Node]:
        """This node, its parent, … up to the root of the source."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


@dataclass(slots=True, eq=False)
class Source:
    """A data source."""

    name: str
    root: Node
    flat: bool = True
    folder: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    read_only: bool = False
    ready_at: float = 0.0
    keys: tuple[str, str] = field(default=("", ""), repr=False)

    @classmethod
    def create(cls, state: State, name: str, flat: bool, folder: str, configuration: dict[str, Any] | None = None) -> Source:
        """A source with an empty index."""
        root = Node("DATASOURCE:" + name, "", FOLDER, source=name, mtime=state.now())
        state.nodes[root.uuid] = root
        return cls(name, root, flat, folder, configuration or {})


def add_node(state: State, parent: Node, name: str, type_: str, **values: Any) -> Node:
    """Enter a new node below `parent`. 500 where the index cannot hold its place."""
    reach = parent.reach + 1 + len(str(len(parent.children) + 1))
    if reach > INDEX_CHARACTERS:
        raise Failure(500, "Error while inserting node: Error 1062: Duplicate entry for key 'idx_tree_u1'")
    node = Node(values.pop("uuid", None) or state.new_uuid(), name, type_, parent, parent.source, reach=reach, **values)
    node.mtime = node.mtime or state.now()
    parent.children[name] = node
    state.nodes[node.uuid] = node
    return node


def make_folders(state: State, start: Node, path: str) -> tuple[Node, bool]:
    """The folder of a path below `start`, made with its parents when absent; gives it and whether it is new."""
    node, new = start, False
    source = state.sources[start.source]
    for part in path.strip("/").split("/") if path.strip("/") else ():
        child = node.children.get(part)
        if child is None:
            child = new_folder(state, source, node, part)
            new = True
        node = child
    return node, new


def new_folder(state: State, source: Source, parent: Node, name: str) -> Node:
    """A folder; on a structured source with the `.pydio` file that carries its uuid (in the index only)."""
    folder = add_node(state, parent, name, FOLDER)
    if source.flat:
        folder.etag = unique_etag(folder)
    else:
        marker(state, folder)
    return folder


def marker(state: State, folder: Node) -> Node:
    """The `.pydio` entry of a structured folder: 36 bytes, the folder's uuid. Never written to disk here."""
    import hashlib
    blob = state.content / ("marker-" + folder.uuid.replace(":", "_"))
    blob.write_text(folder.uuid, "utf-8")
    return add_node(state, folder, ".pydio", FILE, size=36, mode=0o777, content=blob, etag=hashlib.md5(folder.uuid.encode()).hexdigest())


def unique_etag(node: Node) -> str:
    """Some etag of 32 hex digits for a folder; has no meaning."""
    import hashlib
    return hashlib.md5(node.uuid.encode()).hexdigest()


def drop_node(state: State, node: Node) -> None:
    """Remove a node and what is below from the index, bytes of uploads included."""
    for child in list(node.children.values()):
        drop_node(state, child)
    if node.parent is not None:
        node.parent.children.pop(node.name, None)
    state.nodes.pop(node.uuid, None)
    state.acls.remove(state.acls.of_node(node.uuid))
    for key in [k for k, meta in state.user_meta.items() if meta["NodeUuid"] == node.uuid]:
        del state.user_meta[key]
    if node.content is not None and node.content.is_relative_to(state.content):
        node.content.unlink(missing_ok=True)
    state.changed()


def move_node(node: Node, parent: Node, name: str) -> None:
    """Give a node another place; its uuid stays."""
    if node.parent is not None:
        node.parent.children.pop(node.name, None)
    node.parent, node.name = parent, name
    parent.children[name] = node
    for below in node.walk():
        below.source = parent.source
    node.source = parent.source


def nfc(path: str) -> str:
    """The form in which the gateway stores names."""
    return unicodedata.normalize("NFC", path)


def technical_meta(state: State, node: Node) -> dict[str, str]:
    """`MetaStore` of a node without user metadata: JSON texts."""
    meta = {"name": json_text(node.name)}
    settled = node.settles <= state.clock()
    if node.mime and settled:
        meta["mime"] = json_text(node.mime)
    if node.content_hash and state.profile != "3.0.9" and (settled or not state.sources[node.source].flat):
        meta["x-cells-hash"] = json_text(node.content_hash)
    return dict(sorted(meta.items()))


def node_answer(state: State, node: Node, path: str | None = None, extra: dict[str, str] | None = None) -> dict[str, Any]:
    """A node as JSON; `path` as the caller sees it."""
    settled = node.settles <= state.clock()
    size = node.total
    out: dict[str, Any] = {"Uuid": node.uuid, "Path": node.path if path is None else path, "Type": node.type}
    if size:
        out["Size"] = str(size)
    if node.mtime:
        out["MTime"] = str(node.mtime)
    if node.mode and settled:
        out["Mode"] = node.mode
    etag = node.etag if settled or (state.sources[node.source].flat and node.etag) else "temporary"
    if etag:
        out["Etag"] = etag
    out["MetaStore"] = dict(sorted({**technical_meta(state, node), **(extra or {})}.items()))
    return out
