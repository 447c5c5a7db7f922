"""Where do the bytes of a file lie, and what are their hashes? Streams to a private folder, never into memory."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BLOCK = 10 * 1024 * 1024
CHUNK = 1024 * 1024


@dataclass(slots=True)
class Stored:
    """Bytes on disk and what is known of them."""

    path: Path
    size: int
    md5: str
    sha256: str
    cells_hash: str


class Digest:
    """MD5, SHA-256 and the MD5 over the MD5s of 10 MiB blocks, in one pass."""

    def __init__(self) -> None:
        self.size = 0
        self.md5 = hashlib.md5()
        self.sha256 = hashlib.sha256()
        self._blocks = hashlib.md5()
        self._block = hashlib.md5()
        self._in_block = 0
        self._any = False

    def update(self, data: bytes) -> None:
        """More bytes."""
        self.size += len(data)
        self.md5.update(data)
        self.sha256.update(data)
        view = memoryview(data)
        while view:
            part = view[:BLOCK - self._in_block]
            self._block.update(part)
            self._in_block += len(part)
            view = view[len(part):]
            if self._in_block == BLOCK:
                self._close()

    def _close(self) -> None:
        self._blocks.update(self._block.digest())
        self._block, self._in_block, self._any = hashlib.md5(), 0, True

    def cells_hash(self) -> str:
        """`x-cells-hash` of what was given; call once, at the end."""
        if self._in_block or not self._any:
            self._close()
        return self._blocks.hexdigest()


def store(folder: Path, chunks: Iterable[bytes]) -> Stored:
    """Write chunks to a new file of `folder`."""
    path = folder / secrets.token_hex(12)
    digest = Digest()
    with path.open("wb") as out:
        for chunk in chunks:
            digest.update(chunk)
            out.write(chunk)
    return Stored(path, digest.size, digest.md5.hexdigest(), digest.sha256.hexdigest(), digest.cells_hash())


def read_chunks(path: Path, start: int = 0, length: int | None = None) -> Iterable[bytes]:
    """Bytes of a file, in pieces."""
    with path.open("rb") as source:
        source.seek(start)
        left = length
        while left is None or left > 0:
            chunk = source.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            if left is not None:
                left -= len(chunk)
            yield chunk
