"""How is an old file read as the body of a request: once, hashed on the way, and with word of what happened to it meanwhile?

Any way to Cells (S3 gateway, another one) reads old files through `open_source` and `Region`, so that what a changed, cut or
unreadable file means is the same everywhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import IO, Any, TypeVar

from migrate.cells.hashes import Hasher
from migrate.errors import ExitStatus, MigrationError
from migrate.text import shown

Sent = TypeVar("Sent")


class SourceChanged(MigrationError):
    """The old file changed while it was read, several times. What was sent may be a mixture."""

    code = "E4302"
    title = "{file} changed while it was read."
    remedy = "Stop writing to the old server, then run `apply` again."
    exit_status = ExitStatus.INCOMPLETE
    retryable = True


class SourceUnreadable(MigrationError):
    """The old file cannot be opened or read, or is no ordinary file."""

    code = "E4303"
    title = "{file} cannot be read: {detail}"
    remedy = "Give this user the right to read it, or repair the disk, then run `apply` again."
    exit_status = ExitStatus.INCOMPLETE


class Moved(Exception):
    """The file became shorter while it was read: read again from the start."""


class Region:
    """A part of an open file as a body of its own, hashed while it is read. `failure`: why reading it ended early."""

    def __init__(self, file: IO[bytes], name: str, offset: int, size: int, hasher: Hasher) -> None:
        """`hasher` has taken everything before this region and is not changed; `self.hasher` goes on from there. The region is
        one of its parts, or the whole file."""
        self._file = file
        self._name = name
        self._offset = offset
        self._before = hasher
        self.size = size
        self.failure: MigrationError | Moved | None = None
        self.rewind()

    def rewind(self) -> None:
        """From the start of the region again."""
        self._left = self.size
        self.hasher = self._before.copy()
        self._file.seek(self._offset)

    @property
    def md5(self) -> str:
        """Of what was read since the start of the region."""
        return self.hasher.part_md5()

    def whole(self) -> bytes:
        """All bytes of the region."""
        return b"".join(iter(lambda: self.read(1 << 20), b""))

    def read(self, amount: int | None = -1) -> bytes:
        """At most `amount` bytes (not given: at most all); empty only at the end of the region."""
        wanted = self._left if amount is None or amount < 0 else min(amount, self._left)
        if not wanted:
            return b""
        try:
            data = self._file.read(wanted)
        except OSError as error:
            self.failure = SourceUnreadable(file=self._name, detail=error.strerror or "input/output error")
            raise self.failure from None
        if not data:
            self.failure = Moved()
            raise self.failure
        self._left -= len(data)
        self.hasher.update(data)
        return data

    def tell(self) -> int:
        """Position in the region."""
        return self.size - self._left

    def seek(self, offset: int, whence: int = 0) -> int:
        """Only to the start (a repeated request) or the end (a length asked for)."""
        if whence == 0 and offset == 0:
            self.rewind()
            return 0
        if whence == 2 and offset == 0:
            return self.size
        if whence in (0, 1) and (offset if whence == 0 else self.tell() + offset) == self.tell():
            return self.tell()
        raise OSError("this body is read from start to end")

    def __len__(self) -> int:
        return self.size


def open_source(file: str | bytes | os.PathLike[Any], name: str) -> IO[bytes]:
    """The file, opened for reading only; not blocking on pipes, and only ordinary files. SourceUnreadable (`name` is shown)."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        opened = os.fdopen(number, "rb", buffering=0)
    except OSError as error:
        raise SourceUnreadable(file=name, detail=error.strerror or "cannot be opened") from None
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise SourceUnreadable(file=name, detail="it is no ordinary file")
    return opened


def send_unchanged(file: str | bytes | os.PathLike[Any], size: int | None, tries: int,
                   send: Callable[[IO[bytes], str, os.stat_result], Sent]) -> tuple[Sent, os.stat_result]:
    """What `send(open file, its name for people, its state)` gives for a file that was the same before and after; again up to `tries`
    times when it moved meanwhile. `size`: what the inventory says. SourceChanged, SourceUnreadable, and what `send` raises."""
    name = shown(os.fsencode(file))
    for _ in range(tries):
        with open_source(file, name) as source:
            before = os.fstat(source.fileno())
            if size is not None and before.st_size != size:
                raise SourceChanged(file=name)
            try:
                sent = send(source, name, before)
            except Moved:
                continue
            after = os.fstat(source.fileno())
            if (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
                return sent, before
    raise SourceChanged(file=name)
