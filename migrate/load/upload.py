"""Brings the files of one old folder to Cells by uploading them: each once, each proven.

Folders first, with their dates where the data source keeps them; then files side by side. What an earlier run may have sent
is looked up in the listing (one call for a folder, none for a file) and compared by content before it is sent again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from typing import Any

import structlog

from migrate.cells.api import tree
from migrate.cells.content import MULTIPART_FROM, Content, SourceUnreadable, Unfinished
from migrate.cells.dav_content import DavContent
from migrate.cells.errors import CellsRefused
from migrate.cells.hashes import Hashes, cut_otherwise, hashes_of, in_parts, part_size_for, same_content
from migrate.cells.models import Node
from migrate.cells.session import Session
from migrate.errors import MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import FileRow, Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.announced import Announcements
from migrate.load.engine import ends_the_run
from migrate.load.listings import Listings, OtherKindThere
from migrate.load.old_files import OldFiles
from migrate.text import shown
from migrate.transform.actions import CarryFolder

log = structlog.get_logger()
FOLDER_BATCH = 50
FILE_BATCH = 64
"""Lines of the list that are marked as begun, and written down as done, in one transaction."""

UPLOADS = "upload:"
"""Facts of the ledger: uploads in parts that are not complete, by number of the file."""

Update = tuple[int, Mapping[str, Any]]


class ChangedInCells(MigrationError):
    """Cells has a file of this name with another content, and it is not the one this migration put there."""

    code = "E5006"
    title = "{path}: Cells has another content under this name, which this migration did not put there; it is kept."
    remedy = "Compare both; rename or remove the one in Cells if the old one is wanted, then run `apply` again."


class Upload:
    """One folder's way through the S3 gateway, or webDAV."""

    def __init__(self, ledger: Ledger, session: Session, stop: StopSignal, content: Content | DavContent, action: CarryFolder, desk: Callable[[], str],
                 folder: bytes, slots: threading.BoundedSemaphore, workers: int, count: Callable[[str, int], None]) -> None:
        """`slots`: how many files may be under way in all folders together; `count` is told `files`, `folders` and `bytes` that are there."""
        self._ledger, self._session, self._stop, self._content = ledger, session, stop, content
        self._slots, self._workers, self._count = slots, workers, count
        self._root, self._node, self._desk = action.root, action.node, desk
        self._old = OldFiles(ledger, action.root, folder)
        self._listings = Listings(self._session, action.node)
        self._announced = Announcements(ledger)
        self._inner = action.node.partition("/")[2]
        self._begun: dict[int, Mapping[str, Any]] = {int(key.removeprefix(UPLOADS)): known for key, known in ledger.facts(UPLOADS)}
        self._large = set(self._begun)
        self._failed = 0

    def run(self) -> int:
        """Number of files and folders that failed."""
        self.folders()
        running: dict[Future[Update], FileRow] = {}
        with ThreadPoolExecutor(self._workers, thread_name_prefix="carry") as pool:
            try:
                for batch in _batches(self._files(), FILE_BATCH):
                    self._stop.check()
                    self._ledger.update_files((row.id, {"state": State.STARTED}) for row in batch)
                    running.update((pool.submit(self._send, row), row) for row in batch)
                    while len(running) > FILE_BATCH:  # always enough under way: one slow file holds up nobody
                        self._settle(running)
                while running:
                    self._settle(running)
                self._give_up()
            except BaseException:
                for future in running:
                    future.cancel()
                while running:
                    self._settle(running, quietly=True)
                raise
        return self._failed

    def _give_up(self) -> None:
        """Uploads in parts of files that are gone: what Cells shows of them is neither whole nor wanted."""
        source = self._node.partition("/")[0]
        for key, known in self._ledger.facts(UPLOADS):
            if known.get("source") == source and not self._ledger.is_left(int(key.removeprefix(UPLOADS))):
                if known["id"]:
                    self._content.abort(f"{self._desk()}/{known['path']}", known["id"])
                self._ledger.put(key, None)

    def _files(self) -> Iterator[FileRow]:
        return (row for row in self._ledger.files(self._root, State.PLANNED, State.STARTED, State.FAILED) if row.type == "file")

    def _settle(self, running: dict[Future[Update], FileRow], *, quietly: bool = False) -> None:
        """Wait for some files and write down what became of them. An error that ends the run is raised, unless `quietly` (it is known)."""
        finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
        updates: list[Update] = []
        fatal: MigrationError | None = None
        for future in finished:
            row = running.pop(future)
            if future.cancelled():
                continue
            try:
                updates.append(future.result())
            except MigrationError as error:
                if ends_the_run(error):
                    fatal = fatal or error
                    continue
                updates.append(self._refused(row, error))
        if updates:
            self._ledger.update_files(updates)
            for file_id in [number for number, values in updates if number in self._large and values["state"] is not State.FAILED]:
                self._ledger.put(f"{UPLOADS}{file_id}", None)
            self._count("files", len(updates))
        if fatal is not None and not quietly:
            raise fatal

    def folders(self) -> int:
        """Only the folders, with their dates where the data source keeps them. Number of those that failed so far."""
        rows = (row for row in self._ledger.files(self._root, State.PLANNED, State.STARTED, State.FAILED) if row.type == "dir")
        for batch in _batches(rows, FOLDER_BATCH):
            self._stop.check()
            wanted: dict[str, int] = {}
            updates: list[Update] = []
            for row in batch:
                there = self._listings.find(target_of(row))
                if there is None:
                    wanted[self._path(row)] = row.mtime or 0
                elif there.is_file:
                    updates.append(self._refused(row, OtherKindThere(path=shown(row.path))))
                    continue
                updates.append((row.id, {"state": State.DONE if there is None or row.state is State.STARTED else State.ALREADY, "code": None}))
            self._ledger.update_files((row.id, {"state": State.STARTED}) for row in batch)
            if wanted:
                updates = self._make(wanted, batch, updates)
            self._ledger.update_files(updates)
            self._count("folders", len(batch))
        return self._failed

    def _make(self, wanted: Mapping[str, int], batch: list[FileRow], updates: list[Update]) -> list[Update]:
        """Create the folders of a batch; when the call is refused, one by one, so that each has its own outcome."""
        try:
            tree.create_folders(self._session, wanted)
            return updates
        except CellsRefused as error:
            if ends_the_run(error):
                raise
        settled = dict(updates)
        for row in batch:
            path = self._path(row)
            if path not in wanted:
                continue
            try:
                tree.create_folders(self._session, {path: wanted[path]})
            except CellsRefused as error:
                settled[row.id] = self._refused(row, error)[1]
        return list(settled.items())

    def _send(self, row: FileRow) -> Update:
        """Send one file, unless Cells has its content already."""
        with self._slots:
            self._stop.check()
            return self._send_one(row, self._old.place(row))

    def _send_one(self, row: FileRow, source: bytes) -> Update:
        there = self._listings.find(target_of(row))
        if there is not None:
            if not there.is_file:
                raise OtherKindThere(path=shown(row.path))
            known = self._same(there, source, row)
            if known is not None:
                self._count("bytes", there.size)
                return row.id, {**known, "state": State.DONE if row.state is State.STARTED else State.ALREADY, "code": None}
            if there.etag not in (row.etag, row.md5, "", "temporary", *self._begun.get(row.id, {}).get("own", ())) and not self._announced_there(there, row):
                raise ChangedInCells(path=shown(row.path))
        kept = self._kept(row, source)
        before = there.etag if there is not None else row.etag
        stored = self._content.put_file(self._desk(), self._below(row), source, unfinished=kept, progress=self._sent_part if kept else self._sent,
                                        announce=lambda md5: self._announced.write(row.id, md5=md5, etag=before))
        hashes = stored.hashes
        return row.id, {"state": State.DONE, "code": None, "md5": hashes.md5, "sha256": hashes.sha256, "content_hash": hashes.cells,
                        "etag": stored.etag, "size": hashes.size, "mtime": stored.mtime}

    def _sent(self, size: int) -> None:
        """So many bytes more are in Cells."""
        self._count("bytes", size)

    def _sent_part(self, size: int) -> None:
        """Between two parts of a large file the run may be stopped: it goes on there."""
        self._count("bytes", size)
        self._stop.check()

    def _kept(self, row: FileRow, source: bytes) -> Kept | None:
        """What an earlier run knew of the parts of a large file; an upload of what the file was before is given up."""
        if (row.size or 0) < MULTIPART_FROM:
            begun = self._begun.get(row.id, {})
            if begun.get("id"):  # it was large: before the new content is there, which giving up would take away
                self._content.abort(self._path(row), begun["id"])
                self._ledger.put(f"{UPLOADS}{row.id}", {**begun, "id": "", "parts": {}})
            return None
        self._large.add(row.id)
        kept = Kept(self._ledger, row, source, self._node.partition("/")[0], self._below(row))
        if kept.void:
            self._content.abort(self._path(row), kept.void)
        return kept

    def _same(self, there: Node, source: bytes, row: FileRow) -> dict[str, Any] | None:
        """Hashes of the old file when Cells holds the same bytes; None when it does not (or cannot tell). What was put together of
        parts that cannot be foretold (sent by webDAV or in a browser) is read back."""
        try:
            if os.path.getsize(source) != there.size:
                return None
            with open(source, "rb") as file:
                hashes = hashes_of(iter(lambda: file.read(1 << 20), b""), part_size_for(there.size) if there.size >= MULTIPART_FROM else 0)
        except OSError as error:
            raise SourceUnreadable(file=shown(source), detail=error.strerror or "cannot be read") from None
        if not same_content(there, hashes) and not (cut_otherwise(there, hashes) and self._read_back(row).sha256 == hashes.sha256):
            return None
        return {"md5": hashes.md5, "sha256": hashes.sha256, "content_hash": hashes.cells, "etag": there.etag}

    def _announced_there(self, there: Node, row: FileRow) -> bool:
        """Whether it is what a run was sending when it was killed, although the old file is another since: of what the server cut into parts
        itself (webDAV) only the md5 of the whole was known before."""
        return bool(row.md5) and in_parts(there) and self._read_back(row).md5 == row.md5

    def _read_back(self, row: FileRow) -> Hashes:
        return hashes_of(self._content.read(f"{self._desk()}/{self._below(row)}"))

    def _refused(self, row: FileRow, error: MigrationError) -> Update:
        log.warning("file.failed", path=shown(row.path), code=error.code, detail=error.message)
        self._failed += 1
        return row.id, {"state": State.FAILED, "code": error.code}

    def _below(self, row: FileRow) -> str:
        return "/".join(part for part in (self._inner, target_of(row)) if part)

    def _path(self, row: FileRow) -> str:
        return f"{self._desk()}/{self._below(row)}"


class Kept(Unfinished):
    """An upload in parts, remembered in the ledger: a run that was killed goes on with it, part by part. `void`: the id of one that was
    begun when the file was another. What Cells may show of the file since (`own`) is remembered until its outcome is written down."""

    def __init__(self, ledger: Ledger, row: FileRow, source: bytes, data_source: str, path: str) -> None:
        super().__init__()
        self._ledger, self._key, self._state, self.void = ledger, f"{UPLOADS}{row.id}", "", ""
        self._own: list[str] = []
        self._where = {"source": data_source, "path": path}
        try:
            found = os.stat(source)
        except OSError:
            return  # said when it is opened
        self._state = f"{found.st_size}:{found.st_mtime_ns}"
        known = ledger.get(self._key) or {}
        self._own = list(known.get("own", ()))
        if known.get("state") == self._state:
            self.upload_id, self.parts = str(known.get("id", "")), {int(n): str(e) for n, e in known.get("parts", {}).items()}
        else:
            self.void = str(known.get("id", ""))

    def opened(self, upload_id: str) -> None:
        super().opened(upload_id)
        self._keep()

    def sent(self, number: int, etag: str) -> None:
        if self.parts.get(number) != etag:
            super().sent(number, etag)
            self._keep()

    def closing(self, hashes: Hashes) -> None:
        self._own = [*self._own[-2:], hashes.md5, hashes.part_etag]  # the one before, too: it may be what is there
        self._keep()

    def ended(self) -> None:
        super().ended()
        self._keep()

    def _keep(self) -> None:
        known = {"id": self.upload_id, "parts": self.parts, "own": self._own, "state": self._state, **self._where}
        self._ledger.put(self._key, known if self.upload_id or self._own else None)


def _batches(rows: Iterator[FileRow], size: int) -> Iterator[list[FileRow]]:
    while batch := list(islice(rows, size)):
        yield batch
