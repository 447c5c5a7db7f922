"""What lies below a folder? A walk over raw names that keeps memory flat, meets no recursion limit and never leaves the folder.

Only one directory is open at a time, and of the folders on the way only the names of their unread subfolders are kept.
Symbolic links are followed when they stay inside the folder, each target once; the old server followed all of them, so
those that lead out or nowhere are reported."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from migrate.extract.names import within


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder. `path`: raw, from the top, `/a/b`. `real`: where to read it on this machine."""

    path: bytes
    real: bytes
    is_dir: bool
    size: int
    mtime: int


@dataclass(slots=True)
class _Folder:
    path: bytes
    real: bytes
    unread: list[tuple[bytes, bytes | None]]  # name, and the real place when it is behind a link


Problem = Callable[[str, bytes, str], None]
"""Called with what is wrong (`unreadable`, `broken`, `outside`, `loop`, `special`, `too_long`), the raw path, a detail."""


class Walk:
    """The items below `top`, parents before children. `skip(path, name, is_dir)` true: neither given nor entered.

    `translate` maps an absolute link target of the dead machine to this one (or gives it back unchanged)."""

    def __init__(
        self,
        top: str,
        problem: Problem,
        skip: Callable[[bytes, bytes, bool], bool] = lambda path, name, is_dir: False,
        translate: Callable[[str], str] = lambda path: path,
    ) -> None:
        self.top = os.fsencode(top)
        self.real_top = os.path.realpath(self.top)
        self.problem = problem
        self.skip = skip
        self.translate = translate
        self.followed: set[bytes] = set()

    def __iter__(self) -> Iterator[Item]:
        stack = [_Folder(b"", self.top, [])]
        yield from self._read(stack[0])
        while stack:
            if not stack[-1].unread:
                stack.pop()
                continue
            name, real = stack[-1].unread.pop()
            folder = _Folder(stack[-1].path + b"/" + name, real or stack[-1].real + b"/" + name, [])
            stack.append(folder)
            yield from self._read(folder)

    def _read(self, folder: _Folder) -> Iterator[Item]:
        """Give the entries of one folder and note its subfolders."""
        try:
            entries = os.scandir(folder.real)
        except OSError as error:
            self.problem("too_long" if error.errno == errno.ENAMETOOLONG else "unreadable", folder.path or b"/", error.strerror or "")
            return
        with entries:
            while True:
                try:
                    entry = next(entries, None)
                except OSError as error:
                    self.problem("unreadable", folder.path or b"/", error.strerror or "")
                    return
                if entry is None:
                    return
                item = self._item(folder, entry)
                if item is None:
                    continue
                if item.is_dir:
                    linked = item.real if item.real != folder.real + b"/" + entry.name else None
                    folder.unread.append((entry.name, linked))
                yield item

    def _item(self, folder: _Folder, entry: os.DirEntry[bytes]) -> Item | None:
        path, real = folder.path + b"/" + entry.name, folder.real + b"/" + entry.name
        try:
            state = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(state.st_mode):
                target = self._target(folder, path, real)
                if target is None:
                    return None
                real, state = target
        except OSError as error:
            self.problem("unreadable", path, error.strerror or "")
            return None
        is_dir = stat.S_ISDIR(state.st_mode)
        if self.skip(path, entry.name, is_dir):
            return None
        if not is_dir and not stat.S_ISREG(state.st_mode):
            self.problem("special", path, "")
            return None
        return Item(path, real, is_dir, state.st_size, state.st_mtime_ns // 10**9)

    def _target(self, folder: _Folder, path: bytes, link: bytes) -> tuple[bytes, os.stat_result] | None:
        """Where a link leads, when it may be followed; otherwise the problem is reported and None given."""
        text = os.fsdecode(os.readlink(link))
        real = os.path.realpath(link)
        if text.startswith("/") and not within(real, self.real_top):
            real = os.path.realpath(os.fsencode(self.translate(text)))
        if not within(real, self.real_top):
            self.problem("outside", path, text)
            return None
        try:
            state = os.stat(real)
        except OSError:
            self.problem("broken", path, text)
            return None
        if stat.S_ISDIR(state.st_mode):
            if within(os.path.realpath(folder.real), real) or real in self.followed:
                self.problem("loop", path, text)
                return None
            self.followed.add(real)
        return real, state
