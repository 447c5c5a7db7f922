"""Brings the files of the old side to Cells, from the list in the ledger; each folder by its route, each file once, each proven."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from migrate.cells.content import Content
from migrate.cells.dav_content import DavContent
from migrate.cells.session import Session
from migrate.errors import MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger
from migrate.load.awaited import NotAllSent
from migrate.load.indexed import Indexed
from migrate.load.meter import Meter
from migrate.load.upload import Upload
from migrate.text import shown
from migrate.transform.actions import CarryFolder


class SomeFilesFailed(MigrationError):
    """Some files of a folder could not be carried; each has its own code in the report."""

    code = "E5002"
    title = "{failed} of the files and folders of {folder} could not be carried."
    remedy = "See each one's reason in the report, settle it and run `apply` again: only these are tried once more."


class FolderGone(MigrationError):
    """The old folder cannot be read any more."""

    code = "E5005"
    title = "The old folder {folder} is not there any more."
    remedy = "Mount it again, or name its new place with --path-map and plan again."


class Carrier:
    """Carries folders, several side by side; `workers` files of all of them at a time."""

    def __init__(self, ledger: Ledger, session: Session, *, stop: StopSignal, workers: int = 4,
                 progress: Callable[[str, int], None] = lambda _k, _n: None, content: Content | DavContent | None = None) -> None:
        """`content`: the way of the bytes; without it the S3 gateway. `progress` is told the kinds `files`, `folders`, `bytes`, and before the
        first of them what there is to carry: `all files` (with the folders), `all folders`, `all bytes`."""
        self._ledger, self._session, self._stop, self._progress = ledger, session, stop, progress
        self._workers = max(1, workers)
        self._content = content or Content(session, workers=self._workers)
        self._slots = threading.BoundedSemaphore(self._workers)
        self._meter: Meter | None = None
        self._lock = threading.Lock()

    def carry(self, action: CarryFolder, desk: Callable[[], str] | None) -> Mapping[str, Any]:
        """Bring the root's files to the action's node, or look whether somebody else did. `desk` gives the slug to write through, and is only
        asked when there is something to write; None for what is indexed as it lies."""
        root = self._ledger.record("roots", action.root)
        folder = (root or {}).get("folder")
        if not folder or not os.path.isdir(folder):
            raise FolderGone(folder=shown(os.fsencode(folder or action.root.replace("\0", " "))))
        if action.by_desk and desk is not None:
            upload = Upload(self._ledger, self._session, self._stop, self._content, action, desk, os.fsencode(folder), self._slots, self._workers, self._count)
            failed = self._look(action, desk, upload, os.fsencode(folder)) if action.sent else upload.run()
        else:
            structured = bool((dict(self._ledger.targets("roots")).get(action.root) or {}).get("folder")) or action.route == "in-place"
            failed = Indexed(self._ledger, self._session, self._stop, action, os.fsencode(folder), self._count).run(structured)
        if failed and action.sent:
            raise NotAllSent(number=failed, place=shown(os.fsencode(folder)), data_source=action.node.partition("/")[0])
        if failed:
            raise SomeFilesFailed(failed=failed, folder=shown(os.fsencode(folder)))
        return {"files": sum(n for n, _ in self._ledger.file_totals(action.root).values())}

    def _look(self, action: CarryFolder, desk: Callable[[], str], upload: Upload, folder: bytes) -> int:
        """What somebody else sends: folders are made for it, since who sends files makes no empty ones, and several that send at once
        would get into each other's way. Where something has not arrived the desk is opened, to send it through."""
        inner = action.node.partition("/")[2]
        failed = upload.folders()
        failed += Indexed(self._ledger, self._session, self._stop, action, folder, self._count,
                          read=lambda path: self._content.read("/".join(part for part in (desk(), inner, path) if part))).run(structured=False)
        if failed:
            desk()
        return failed

    def close(self) -> None:
        """Nothing is carried any more."""
        if self._meter is not None:
            self._meter.close()

    def _count(self, kind: str, number: int) -> None:
        """`files`, `folders` or `bytes` are there: for the bar on the terminal, and for `status` in another one."""
        meter = self._measure()
        meter.count(files=0 if kind == "bytes" else number, size=number if kind == "bytes" else 0, folders=number if kind == "folders" else 0)
        self._progress(kind, number)

    def _measure(self) -> Meter:
        with self._lock:
            if self._meter is None:
                self._meter = Meter(self._ledger)
                reading = self._meter.reading()
                self._progress("all files", reading.all_files)
                self._progress("all bytes", reading.all_bytes)
                self._progress("all folders", self._meter.folders)
            return self._meter
