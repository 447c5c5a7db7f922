"""Copies the carried files of an old folder for a data source that indexes it as it lies: on the machine of Cells, resumable, with
dates, owners and permissions, under the names Cells can hold.

A file is written under a name of its own beside its place and renamed when it is whole and has its date; so what stands under
its name is complete. What is there with size and date is not copied again; what is there and is not ours is never written over.
Cells reads it all at the first index: its md5 of the copy is compared with that of the old file, taken while copying."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from typing import Any

import structlog

from migrate.errors import ExitStatus, MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import FileRow, Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.carry import FolderGone, SomeFilesFailed
from migrate.load.old_files import OldFiles
from migrate.load.one_copy import begins_like, copy_file, copy_state, md5_of
from migrate.load.tools import Result, Tools, performs
from migrate.load.upload import ChangedInCells
from migrate.text import shown
from migrate.transform.file_actions import CopyFolder

log = structlog.get_logger()
BATCH = 200
BATCH_BYTES = 256 << 20
PART = b".part-"
UNFINISHED = re.compile(re.escape(PART) + rb"[0-9a-f]{40}")


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
        self._failed = self._copied = self._bytes = 0
        self._inside = b""

    def run(self) -> Result:
        """Number of files copied and bytes."""
        self._prepare()
        for row in self._rows("dir"):
            self._folder(row)
        for batch in self._batches():
            self._stop.check()
            self._copy(batch)
        for row in self._rows("dir"):
            self._date(self._place(row), self._old.path(row))
            self._tidy(target_of(row))
        self._date(self._top, self._source)
        self._tidy("")
        if self._failed:
            raise SomeFilesFailed(failed=self._failed, folder=shown(self._source))
        return {"copied": self._copied, "bytes": self._bytes}

    def _batches(self) -> Iterator[list[FileRow]]:
        """Files that are copied before they are all given their names: some hundred, or few large ones."""
        batch: list[FileRow] = []
        size = 0
        for row in self._rows("file"):
            batch.append(row)
            size += row.size or 0
            if len(batch) >= BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        yield batch

    def _copy(self, batch: list[FileRow]) -> None:
        """Write all beside their places, remember by what they are known as ours, then give them their names."""
        updates: list[tuple[int, dict[str, Any]]] = []
        ready: list[tuple[FileRow, bytes, bytes]] = []
        full: NoRoom | None = None
        try:
            for row in batch:
                if self._is_there(row):
                    if row.state is State.FAILED:
                        updates.append((row.id, {"state": State.STARTED, "code": None}))
                    continue
                place = self._place(row)
                part = os.path.join(os.path.dirname(place), PART + hashlib.sha1(place, usedforsecurity=False).hexdigest().encode())
                try:
                    self._must_be_free(row, place)
                    ready.append((row, part, place))
                    updates.append((row.id, {"state": State.STARTED, "code": None, **copy_file(self._old.place(row), part)}))
                except (OSError, MigrationError) as error:
                    try:
                        updates.append(self._refused(row, self._meaning(row, error)))
                    except NoRoom as no_room:  # what is whole is kept
                        full = no_room
                        break
            self._ledger.update_files(updates)
            done = {file_id for file_id, values in updates if values["state"] is State.STARTED}
            self._ledger.update_files(list(self._named([item for item in ready if item[0].id in done])))
            if full is not None:
                raise full
        finally:
            for _, part, _ in ready:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part)

    def _named(self, ready: list[tuple[FileRow, bytes, bytes]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Give them their names; the outcome of those that cannot have it."""
        for row, part, place in ready:
            try:
                size = os.stat(part).st_size
                os.replace(part, place)
            except OSError as error:
                yield self._refused(row, self._meaning(row, error))
                continue
            self._copied, self._bytes = self._copied + 1, self._bytes + size

    def _must_be_free(self, row: FileRow, place: bytes) -> None:
        """No place is written to through a link, and nothing is written over that is not a copy of ours, or the beginning of one.
        CopyFailed, ChangedInCells, OSError."""
        self._must_be_inside(row, os.path.dirname(place))
        try:
            found = os.lstat(place)
        except FileNotFoundError:
            return
        if not stat.S_ISREG(found.st_mode):
            raise CopyFailed(path=shown(row.path), detail=f"{shown(place)} is there already, and is no ordinary file")
        if not (begins_like(place, self._old.place(row)) or {row.md5, row.etag} & {md5_of(place)}):
            raise ChangedInCells(path=shown(row.path))

    def _must_be_inside(self, row: FileRow, folder: bytes) -> None:
        """The folder of the copy is not behind a link. CopyFailed."""
        if folder == self._inside:
            return
        if os.path.realpath(folder) != os.path.normpath(os.path.join(os.path.realpath(self._top), os.path.relpath(folder, self._top))):
            raise CopyFailed(path=shown(row.path), detail=f"a symbolic link stands where {shown(folder)} should be")
        self._inside = folder

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
            needed = sum(self._needs(row) for row in self._rows("file") if not self._is_there(row))
            free = shutil.disk_usage(self._top).free
        except OSError as error:
            raise CopyFailed(path=shown(self._top), detail=error.strerror or "cannot be made") from None
        if needed > free:
            raise NoRoom(folder=shown(self._top), free=free, needed=needed)

    def _needs(self, row: FileRow) -> int:
        """Bytes on disk; a file with holes needs fewer than its size."""
        try:
            return min(row.size or 0, os.stat(self._old.path(row)).st_blocks * 512)
        except OSError:
            return 0  # told when it is copied

    def _is_there(self, row: FileRow) -> bool:
        if row.md5 and row.sha256 is None:
            return False  # it was carried before, and is another file now: size and date may be the same
        try:
            found = os.lstat(self._place(row))
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == row.size and found.st_mtime_ns // 10**9 == row.mtime

    def _folder(self, row: FileRow) -> None:
        place = self._place(row)
        try:
            self._must_be_inside(row, os.path.dirname(place))
            os.makedirs(place, exist_ok=True)
            self._must_be_inside(row, place)
        except (OSError, CopyFailed) as error:
            self._ledger.update_files([self._refused(row, self._meaning(row, error))])

    def _date(self, place: bytes, old: bytes) -> None:
        try:
            copy_state(old, place)
        except OSError as error:  # only the date of a folder, which Cells does not show
            log.warning("folder.date", path=shown(place), detail=error.strerror)

    def _tidy(self, path: str) -> None:
        """Remove what a killed run left of a file that is not on the old server any more."""
        folder = os.path.join(self._top, path.encode("utf-8"))
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if UNFINISHED.fullmatch(entry.name) and self._ledger.file_type(self._root, b"/" + os.path.relpath(entry.path, self._top)) is None:
                    os.unlink(entry.path)

    def _meaning(self, row: FileRow, error: OSError | MigrationError) -> MigrationError:
        """What an error means for a file; a full disk ends the copy: NoRoom."""
        if isinstance(error, MigrationError):
            return error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(self._top).free if error.errno == errno.ENOSPC else 0
            raise NoRoom(folder=shown(self._top), free=free, needed=row.size or 0) from None
        return CopyFailed(path=shown(row.path), detail=error.strerror or "cannot be copied")

    def _refused(self, row: FileRow, error: MigrationError) -> tuple[int, dict[str, Any]]:
        log.warning("file.not_copied", path=shown(row.path), code=error.code, detail=error.message)
        self._failed += 1
        return row.id, {"state": State.FAILED, "code": error.code}
