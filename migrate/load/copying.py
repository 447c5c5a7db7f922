"""Copies the carried files of an old folder for a data source that indexes it as it lies: on the machine of Cells, resumable, with
dates, owners and permissions, under the names Cells can hold.

A file is written under a name of its own beside its place and renamed when it is whole and has its date; so what stands under
its name is complete. What is there with size and date is not copied again. Cells reads it all at the first index: its md5 of
the copy is compared with that of the old file, taken while copying."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from typing import Any

import structlog

from migrate.cells.hashes import Hasher
from migrate.errors import ExitStatus, MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import FileRow, Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.carry import FolderGone, SomeFilesFailed
from migrate.load.old_files import OldFiles
from migrate.load.tools import Result, Tools, performs
from migrate.text import shown
from migrate.transform.file_actions import CopyFolder

log = structlog.get_logger()
BATCH = 200
PIECE = 1 << 20


class CopyFailed(MigrationError):
    """A file or folder could not be copied to the folder that Cells shall index."""

    code = "E5010"
    title = "{path} could not be copied: {detail}"
    remedy = "Settle it (rights of this user, room on the disk), then run `apply` again: what is copied already is not copied again."
    exit_status = ExitStatus.INCOMPLETE


class NoRoom(MigrationError):
    """The disk of the copy is full, or has less room than the files need."""

    code = "E5011"
    title = "The disk of {folder} has {free} bytes left, and {needed} more are needed for the copy."
    remedy = "Make room, or name a folder on another disk in workspaces.csv, then run `apply` again."
    exit_status = ExitStatus.LOCAL


@performs(CopyFolder)
def copy_folder(tools: Tools, action: CopyFolder, look: bool) -> Result:
    """Local work only; nothing is sent to Cells."""
    return Copier(tools.ledger, action, tools.stop).run()


class Copier:
    """One old folder's copy. Reads the old side only; writes below `action.folder` only."""

    def __init__(self, ledger: Ledger, action: CopyFolder, stop: StopSignal) -> None:
        body = ledger.record("roots", action.root) or {}
        if not body.get("folder") or not os.path.isdir(body["folder"]):
            raise FolderGone(folder=shown(os.fsencode(body.get("folder") or action.root.replace("\0", " "))))
        self._ledger, self._stop, self._root = ledger, stop, action.root
        self._source, self._top = os.fsencode(body["folder"]), os.fsencode(action.folder)
        self._old = OldFiles(ledger, action.root, self._source)
        self._failed = 0

    def run(self) -> Result:
        """Number of files copied and bytes."""
        copied = size = 0
        self._prepare()
        for batch in _batches(self._rows("dir")):
            for row in batch:
                self._folder(row)
        for batch in _batches(self._rows("file")):
            self._stop.check()
            updates: list[tuple[int, dict[str, Any]]] = []
            for row in batch:
                try:
                    hashes = self._file(row)
                except OSError as error:
                    updates.append(self._refused(row, self._not_copied(row, error)))
                    continue
                except MigrationError as error:
                    updates.append(self._refused(row, error))
                    continue
                if hashes is not None:
                    copied, size = copied + 1, size + (row.size or 0)
                if hashes is not None or row.state is State.FAILED:
                    updates.append((row.id, {"state": State.STARTED, "code": None, **(hashes or {})}))
            self._ledger.update_files(updates)
        for batch in _batches(self._rows("dir")):
            for row in batch:
                self._date(self._place(row), self._old.path(row))
        self._date(self._top, self._source)
        if self._failed:
            raise SomeFilesFailed(failed=self._failed, folder=shown(self._source))
        return {"copied": copied, "bytes": size}

    def _rows(self, kind: str) -> Iterator[FileRow]:
        return (row for row in self._ledger.files(self._root, State.PLANNED, State.STARTED, State.FAILED) if row.type == kind)

    def _place(self, row: FileRow) -> bytes:
        return os.path.join(self._top, target_of(row).encode("utf-8"))

    def _prepare(self) -> None:
        """Make the folder; refuse one that lies in the old one, and a disk that is too small."""
        top, old = os.path.realpath(self._top), os.path.realpath(self._source)
        if top == old or top.startswith(old + b"/") or old.startswith(top + b"/"):
            raise CopyFailed(path=shown(self._top), detail="the copy would lie in the old folder, or over it")
        try:
            os.makedirs(self._top, exist_ok=True)
            needed = sum(row.size or 0 for row in self._rows("file") if not self._is_there(row))
            free = shutil.disk_usage(self._top).free
        except OSError as error:
            raise CopyFailed(path=shown(self._top), detail=error.strerror or "cannot be made") from None
        if needed > free:
            raise NoRoom(folder=shown(self._top), free=free, needed=needed)

    def _is_there(self, row: FileRow) -> bool:
        if row.md5 and row.sha256 is None:
            return False  # it was carried before, and is another file now: size and date may be the same
        try:
            found = os.lstat(self._place(row))
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == row.size and found.st_mtime_ns // 10**9 == row.mtime

    def _folder(self, row: FileRow) -> None:
        try:
            os.makedirs(self._place(row), exist_ok=True)
        except OSError as error:
            self._refused(row, self._not_copied(row, error))

    def _file(self, row: FileRow) -> dict[str, Any] | None:
        """Copy one file unless it is there; gives its hashes. OSError; LeadsOut, SourceGone, SourceUnreadable."""
        if self._is_there(row):
            return None
        old = self._old.place(row)
        place = self._place(row)
        part = os.path.join(os.path.dirname(place), b".part-" + hashlib.sha1(place, usedforsecurity=False).hexdigest().encode())
        hasher = Hasher()
        with open(old, "rb", buffering=0) as source, open(part, "wb", buffering=0) as target:
            _copy_bytes(source.fileno(), target.fileno(), hasher)
            os.fsync(target.fileno())
        _copy_state(old, part)
        os.replace(part, place)
        hashes = hasher.result()
        return {"md5": hashes.md5, "sha256": hashes.sha256, "content_hash": hashes.cells}

    def _date(self, place: bytes, old: bytes) -> None:
        try:
            _copy_state(old, place)
        except OSError as error:  # only the date of a folder, which Cells does not show
            log.warning("folder.date", path=shown(place), detail=error.strerror)

    def _not_copied(self, row: FileRow, error: OSError) -> MigrationError:
        """What an error of the disk means for a file; a full one ends the copy: NoRoom."""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(folder=shown(self._top), free=0, needed=row.size or 0) from None
        return CopyFailed(path=shown(row.path), detail=error.strerror or "cannot be copied")

    def _refused(self, row: FileRow, error: MigrationError) -> tuple[int, dict[str, Any]]:
        log.warning("file.not_copied", path=shown(row.path), code=error.code, detail=error.message)
        self._failed += 1
        return row.id, {"state": State.FAILED, "code": error.code}


def _copy_bytes(source: int, target: int, hasher: Hasher) -> None:
    """All bytes; stretches of zeros stay holes."""
    end = 0
    while piece := os.read(source, PIECE):
        hasher.update(piece)
        if piece.count(0) == len(piece):
            os.lseek(target, len(piece), os.SEEK_CUR)
        else:
            view = memoryview(piece)
            while view:
                view = view[os.write(target, view):]
        end += len(piece)
    os.ftruncate(target, end)


def _copy_state(old: bytes, place: bytes) -> None:
    """Permissions, extended attributes and times; the owner where this user may give files away."""
    shutil.copystat(old, place)
    found = os.stat(old)
    if os.geteuid() == 0:
        os.chown(place, found.st_uid, found.st_gid)
        os.chmod(place, stat.S_IMODE(found.st_mode))
        os.utime(place, ns=(found.st_atime_ns, found.st_mtime_ns))


def _batches(rows: Iterator[FileRow]) -> Iterator[list[FileRow]]:
    batch: list[FileRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
