"""Which hashes prove that Cells holds the same bytes, computed while a file is read once.

* md5: the `Etag` of files uploaded in one piece, and of every file in a structured data source;
* multipart etag: md5 over the md5s of the parts, a dash, their number: the `Etag` of files uploaded in parts to a flat one;
* cells hash: `x-cells-hash`, md5 over the md5s of blocks of 10 MiB (4.x; on 5 where its method says so)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from migrate.cells.models import Node

BLOCK = 10 * 1024 * 1024
"""Bytes of a block of `x-cells-hash`; parts have to be multiples of it, or the server's hash is another one."""
MAX_PARTS = 5000
_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_MULTIPART = re.compile(r"([0-9a-f]{32})-(\d+)\Z")


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)


@dataclass(frozen=True, slots=True)
class Hashes:
    """What a content is recognised by. `part_size`: bytes of the parts it was sent in, 0 when sent in one piece."""

    size: int
    md5: str
    sha256: str
    cells: str
    part_etag: str
    part_size: int = 0


class Hasher:
    """Takes the bytes in order, in pieces of any size."""

    def __init__(self, part_size: int = 0) -> None:
        """`part_size`: a multiple of BLOCK, or 0 for one piece."""
        if part_size % BLOCK:
            raise ValueError("parts have to be multiples of 10 MiB")
        self._part_size = part_size
        self._size = 0
        self._whole, self._sha256, self._block, self._part = _md5(), hashlib.sha256(), _md5(), _md5()
        self._of_blocks, self._of_parts = _md5(), _md5()
        self._parts, self._last = 0, ""

    def update(self, data: bytes) -> None:
        """The next bytes."""
        view = memoryview(data)
        self._whole.update(view)
        self._sha256.update(view)
        while len(view):
            room = BLOCK - self._size % BLOCK
            piece, view = view[:room], view[room:]
            self._block.update(piece)
            if self._part_size:  # else the one part is the whole
                self._part.update(piece)
            self._size += len(piece)
            if self._size % BLOCK == 0:
                self._of_blocks.update(self._block.digest())
                self._block = _md5()
            if self._part_size and self._size % self._part_size == 0:
                self._close_part()

    def copy(self) -> Hasher:
        """A second one in the same state; what either takes later does not concern the other."""
        other = Hasher(self._part_size)
        other._size, other._parts, other._last = self._size, self._parts, self._last
        for name in ("_whole", "_sha256", "_block", "_part", "_of_blocks", "_of_parts"):
            setattr(other, name, getattr(self, name).copy())
        return other

    def part_md5(self) -> str:
        """MD5 of the part that the bytes so far ended in; of all bytes when there are no parts."""
        if not self._part_size:
            return self._whole.hexdigest()
        return self._part.hexdigest() if self._size % self._part_size or not self._parts else self._last

    def _close_part(self) -> None:
        part = self._part if self._part_size else self._whole
        self._of_parts.update(part.digest())
        self._last = part.hexdigest()
        self._parts += 1
        self._part = _md5()

    def result(self) -> Hashes:
        """The hashes of all bytes so far. To be called once, at the end."""
        if self._size == 0 or self._size % BLOCK:
            self._of_blocks.update(self._block.digest())
        if not self._parts or not self._part_size or self._size % self._part_size:
            self._close_part()
        return Hashes(self._size, self._whole.hexdigest(), self._sha256.hexdigest(), self._of_blocks.hexdigest(),
                      f"{self._of_parts.hexdigest()}-{self._parts}", self._part_size)


def hashes_of(pieces: Iterable[bytes], part_size: int = 0) -> Hashes:
    """The hashes of a content given in pieces."""
    hasher = Hasher(part_size)
    for piece in pieces:
        hasher.update(piece)
    return hasher.result()


class Body(Protocol):
    """What can be read twice."""

    def read(self, amount: int | None = -1) -> bytes: ...

    def rewind(self) -> None: ...


def md5_of(body: Body) -> str:
    """MD5 of a body, which stands at its start again afterwards."""
    total = _md5()
    while data := body.read(1 << 20):
        total.update(data)
    body.rewind()
    return total.hexdigest()


def part_size_for(size: int, smallest: int = 2 * BLOCK) -> int:
    """Bytes of the parts for a file of this size: a multiple of 10 MiB that gives at most 5000 parts."""
    needed = -(-size // MAX_PARTS)
    return max(smallest, -(-needed // BLOCK) * BLOCK)


def settled(node: Node) -> bool:
    """Whether the `Etag` is final: a structured source says `temporary` for some seconds after a write."""
    return node.is_file and node.etag not in ("", "temporary")


def same_content(node: Node, hashes: Hashes) -> bool | None:
    """Whether the node holds these bytes; None when the server knows no hash that could tell (sizes are equal then).

    The `Etag` goes before `x-cells-hash`: after two quick writes a flat source keeps the hash of the first."""
    if not node.is_file or node.size != hashes.size:
        return False
    if node.etag and not node.etag.startswith("0" * 32):
        if _MD5.match(node.etag):
            return node.etag == hashes.md5
        match = _MULTIPART.match(node.etag)
        if match and int(match[2]) == (hashes.part_etag and int(hashes.part_etag.rpartition("-")[2])):
            return node.etag == hashes.part_etag
    if node.content_hash:
        return node.content_hash == hashes.cells
    return None


def cut_otherwise(node: Node, hashes: Hashes) -> bool:
    """Whether the node's `Etag` is that of several parts which are not ours (webDAV and browsers cut as they like; `x-cells-hash`
    differs then, too), so that only reading it back tells."""
    return in_parts(node) and node.size == hashes.size and not same_content(node, hashes)


def in_parts(node: Node) -> bool:
    """Whether the node's `Etag` is that of several parts."""
    match = _MULTIPART.match(node.etag or "")
    return node.is_file and match is not None and int(match[2]) > 1
