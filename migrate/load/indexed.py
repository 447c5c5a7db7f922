"""Did everything arrive that Cells indexed by itself, or that somebody else copied? Compares the list of the disk with that of the
index, content and dates included. Names that Cells skips in silence are found here, each with its own code."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import structlog

from migrate.cells.api import jobs
from migrate.cells.content import SourceUnreadable
from migrate.cells.hashes import Hashes, cut_otherwise, hashes_of, same_content
from migrate.cells.models import Node
from migrate.cells.session import Session
from migrate.errors import MigrationError, Severity, code, finding
from migrate.interrupt import StopSignal
from migrate.ledger import FileRow, Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.listings import Listings, NotIndexed, OtherKindThere
from migrate.load.old_files import OldFiles
from migrate.load.places import IndexFailed
from migrate.text import shown
from migrate.transform.actions import CarryFolder

log = structlog.get_logger()
BATCH = 64
INDEX_SECONDS = 24 * 3600.0
DATES = code("F5013", Severity.WARNING, "{number} files of {subject} are in Cells with another date than the old one (first: {first}).",
             "The copy was made without dates: copy again with `rsync -a` or `cp -a` before Cells indexes it; later dates are not taken over.",
             "Cells takes the date of a file when it indexes it for the first time. A date that is changed on disk afterwards is not noticed.")

Update = tuple[int, Mapping[str, Any]]


class DifferentThere(MigrationError):
    """A file that was copied for Cells is not what the old server holds."""

    code = "E5007"
    title = "{path}: Cells has another content ({live}) than the old server ({old})."
    remedy = "Copy this file again (it may have changed after it was copied), then run `apply` again."


class NotArrived(MigrationError):
    """A file that somebody else was to copy is not in Cells."""

    code = "E5008"
    title = "{path} has not arrived in Cells."
    remedy = "Run the script of its data source in WORK/copy, then run `apply` again: it looks again."


class Indexed:
    """Checks one old folder whose files are brought by others."""

    def __init__(self, ledger: Ledger, session: Session, stop: StopSignal, action: CarryFolder, folder: bytes, progress: Callable[..., None],
                 read: Callable[[str], Iterable[bytes]] | None = None) -> None:
        """`read`: gives the bytes in Cells of a path below the action's node, for files whose checksums tell nothing."""
        self._ledger, self._session, self._stop, self._action, self._progress = ledger, session, stop, action, progress
        self._old = OldFiles(ledger, action.root, folder)
        self._source = action.node.split("/", 1)[0]
        self._missing: type[MigrationError] = NotIndexed if action.route == "in-place" else NotArrived
        self._read = read
        self._other_dates: Counter[str] = Counter()
        self._first = ""

    def run(self, structured: bool) -> int:
        """Number of files and folders that are not as they should be. `structured`: the source can be indexed once more."""
        wrong = self._look(final=not structured)
        if wrong and structured:
            self._index_again()
            wrong = self._look(final=True)
        if self._other_dates:
            name = shown(os.fsencode(self._action.root.replace("\0", " "))).strip()
            self._ledger.add_finding("apply", finding(DATES, "files", name, number=self._other_dates["files"], first=self._first))
        return wrong

    def _look(self, *, final: bool) -> int:
        listings = Listings(self._session, self._action.node)
        wrong = 0
        for batch in _batches(self._ledger.files(self._action.root, State.PLANNED, State.STARTED, State.FAILED)):
            self._stop.check()
            updates: list[Update] = []
            size = 0
            for row in batch:
                try:
                    found = self._compare(row, listings.find(target_of(row)))
                except MigrationError as error:
                    wrong += 1
                    if final:
                        why = row.code if isinstance(error, (self._missing, DifferentThere)) and _told_before(row) else error.code
                        log.warning("file.missing", path=shown(row.path), code=why)
                        updates.append((row.id, {"state": State.FAILED, "code": why}))
                    continue
                size += row.size or 0
                updates.append((row.id, {"state": State.DONE, "code": None, **found}))
            self._ledger.update_files(updates)
            settled = dict(updates)
            folders = sum(row.type == "dir" and row.id in settled for row in batch)
            self._progress("folders", folders)
            self._progress("files", len(updates) - folders)
            self._progress("bytes", size)
        return wrong

    def _compare(self, row: FileRow, node: Node | None) -> dict[str, Any]:
        if node is None:
            raise self._missing(path=shown(row.path))
        if node.is_file != (row.type == "file"):
            raise OtherKindThere(path=shown(row.path))
        if not node.is_file:
            return {}
        if (node.size, node.mtime) != (row.size, row.mtime):
            row = self._as_it_is_now(row)
        if node.size != row.size:
            raise DifferentThere(path=shown(row.path), live=f"{node.size} bytes", old=f"{row.size} bytes")
        hashes = self._hashes(row)
        if not self._same(row, node, hashes):
            raise DifferentThere(path=shown(row.path), live=node.etag, old=hashes.md5)
        if self._action.route == "in-place" and node.mtime != row.mtime:
            self._other_dates["files"] += 1
            self._first = self._first or shown(row.path)
        return {"md5": hashes.md5, "sha256": hashes.sha256, "content_hash": hashes.cells, "etag": node.etag, "size": row.size, "mtime": row.mtime}

    def _as_it_is_now(self, row: FileRow) -> FileRow:
        """It may have changed after it was listed, and before it was copied."""
        try:
            found = os.stat(self._old.place(row))
        except (OSError, MigrationError):
            return row  # what is in Cells is compared with what was listed
        now = (found.st_size, found.st_mtime_ns // 10**9)
        return row if now == (row.size, row.mtime) else replace(row, size=now[0], mtime=now[1], sha256=None)

    def _same(self, row: FileRow, node: Node, hashes: Hashes) -> bool:
        """Whether Cells has these bytes. What was sent in parts of somebody's choosing has no checksum that could be foretold: it is read back."""
        same = same_content(node, hashes)
        if self._read is not None and (same is None or cut_otherwise(node, hashes)):
            return hashes_of(self._read(target_of(row))).sha256 == hashes.sha256
        return same is not False

    def _hashes(self, row: FileRow) -> Hashes:
        """Of the old file: as taken when it was copied, or read now. LeadsOut, SourceGone, SourceUnreadable."""
        if row.sha256 and row.md5 and row.content_hash:  # a changed file has lost its sha256
            return Hashes(row.size or 0, row.md5, row.sha256, row.content_hash, "-1")
        path = self._old.place(row)
        try:
            with open(path, "rb", buffering=0) as file:
                return hashes_of(iter(lambda: file.read(1 << 20), b""))
        except OSError as error:
            raise SourceUnreadable(file=shown(path), detail=error.strerror or "cannot be read") from None

    def _index_again(self) -> None:
        """A resync finds what was added or changed on disk since the first index. IndexFailed."""
        job = jobs.resync_job(self._source)
        before = {task.id for task in jobs.tasks_of(self._session, job) or []}
        jobs.resync(self._session, self._source)
        waited, pause = 0.0, 1.0
        while True:
            self._stop.check()
            fresh = [task for task in jobs.tasks_of(self._session, job) or [] if task.id not in before]
            if fresh and fresh[0].ended:
                if fresh[0].status == "Error":
                    raise IndexFailed(name=self._source, detail=fresh[0].message or fresh[0].status)
                return
            if waited >= INDEX_SECONDS or (not fresh and waited > 120):
                raise IndexFailed(name=self._source, detail="the job does not start" if not fresh else "the job does not end")
            self._stop.wait(pause)
            waited, pause = waited + pause, min(pause * 1.5, 5.0)


def _told_before(row: FileRow) -> bool:
    """Whether it is known why a file is not there: it could not be copied."""
    return row.state is State.FAILED and row.code not in (None, NotIndexed.code, NotArrived.code, DifferentThere.code, OtherKindThere.code)


def _batches(rows: Iterator[FileRow]) -> Iterator[list[FileRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
