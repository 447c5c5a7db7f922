"""How does a large file go to Cells in parts: several at once, each proven, and on from where an earlier run was broken off?

The old file is read once, in order, so that its hashes need no second reading; parts are sent side by side meanwhile. What
is in memory is bounded for all files together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any

import structlog

from migrate.cells import gateway as s3
from migrate.cells.bodies import Moved, Region, SourceUnreadable
from migrate.cells.errors import NotFound
from migrate.cells.gateway import BUCKET, Gateway, UploadFailed, etag_of, stream
from migrate.cells.hashes import Hasher, Hashes, part_size_for
from migrate.errors import MigrationError

AT_ONCE = 4
"""Parts of all files that are sent at the same time."""

log = structlog.get_logger()


class Unfinished:
    """An upload in parts that a broken run can go on with. `upload_id` is empty when there is none; `parts`: number -> ETag of
    what Cells confirmed. Kept in memory only; a subclass remembers it elsewhere."""

    def __init__(self) -> None:
        self.upload_id = ""
        self.parts: dict[int, str] = {}

    def opened(self, upload_id: str) -> None:
        """A new upload begins; what was known before is void."""
        self.upload_id, self.parts = upload_id, {}

    def sent(self, number: int, etag: str) -> None:
        """Cells confirmed a part."""
        self.parts[number] = etag

    def closing(self, hashes: Hashes) -> None:
        """The parts are about to be put together: Cells then has a file of these hashes."""

    def ended(self) -> None:
        """The upload is complete, or given up."""
        self.upload_id, self.parts = "", {}


def no_progress(_bytes: int) -> None:
    """Nobody wants to know."""


def not_announced(_md5: str) -> None:
    """Nobody wants to know."""


class Parts:
    """Uploads in parts to one server. May be used by several threads: at most AT_ONCE + 1 parts of all files are in memory."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._pool: ThreadPoolExecutor | None = None
        self._room = threading.BoundedSemaphore(AT_ONCE + 1)
        self._lock = threading.Lock()

    def put(self, slug: str, key: str, source: IO[bytes], name: str, size: int, *, on_upload_id: Callable[[str], None] | None = None,
            unfinished: Unfinished | None = None, progress: Callable[[int], None] = no_progress) -> tuple[str, Hasher, bool]:
        """Send the file; gives the ETag, the hashes and whether every part was proven. `progress` is told the bytes of each part
        that is there, and may raise to stop between two parts: with `unfinished` the upload then stays open."""
        return _Upload(self, slug, key, source, name, size, unfinished, progress).run(on_upload_id)

    def _workers(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="part")
            return self._pool


class _Upload:
    """One file's way."""

    def __init__(self, parts: Parts, slug: str, key: str, source: IO[bytes], name: str, size: int, unfinished: Unfinished | None,
                 progress: Callable[[int], None]) -> None:
        self._parts, self._gateway = parts, parts._gateway
        self._slug, self._key, self._source, self._name, self._size = slug, key, source, name, size
        self._target: dict[str, Any] = {"Bucket": BUCKET, "Key": key}
        self._keeps = unfinished is not None
        self._memory = unfinished if unfinished is not None else Unfinished()
        self._progress = progress
        self._step = part_size_for(size)
        self._running: dict[int, Future[str]] = {}
        self._md5s: dict[int, str] = {}

    def run(self, on_upload_id: Callable[[str], None] | None) -> tuple[str, Hasher, bool]:
        """Open or go on, send, complete. What Cells has forgotten begins anew."""
        resumed = bool(self._memory.upload_id)
        upload_id = self._memory.upload_id or self._gateway.call("create_multipart_upload", self._key, slug=self._slug, **self._target).get("UploadId")
        if not upload_id:
            raise UploadFailed(method="POST", path=self._key, status=200, reason="no upload was opened")
        try:
            if not resumed:
                self._memory.opened(upload_id)
                if on_upload_id:
                    on_upload_id(upload_id)
            hasher = self._send_all({**self._target, "UploadId": upload_id})
            proven = all(self._memory.parts.get(number) == md5 for number, md5 in self._md5s.items())
            self._memory.closing(hasher.copy().result())
            etag = self._complete(upload_id, hasher)
            self._memory.ended()
            return etag, hasher, proven
        except NotFound:
            self._memory.ended()
            if not resumed:
                self._abort(upload_id)
                raise
            self._source.seek(0)  # Cells has forgotten the upload of the earlier run: from the start
            self._md5s.clear()
            return self.run(on_upload_id)
        except BaseException as error:  # an interruption too must not leave a node that stays "temporary", unless it can go on
            if not self._keeps or isinstance(error, (Moved, SourceUnreadable)):
                self._memory.ended()
                self._abort(upload_id)
            raise

    def _send_all(self, target: dict[str, Any]) -> Hasher:
        """Every part that Cells has not confirmed yet; those it has are read and compared."""
        hasher = Hasher(self._step)
        try:
            for number, offset in enumerate(range(0, self._size, self._step), 1):
                region = Region(self._source, self._name, offset, min(self._step, self._size - offset), hasher)
                hasher = self._part(number, region, target)
            for number in list(self._running):
                self._confirm(number)
        finally:
            for future in self._running.values():  # those under way must not go on when the upload is given up
                future.cancel()
            for number in list(self._running):
                self._settle(number)
        return hasher

    def _part(self, number: int, region: Region, target: dict[str, Any]) -> Hasher:
        confirmed = self._memory.parts.get(number)
        if confirmed is not None:
            while region.read(1 << 20):
                pass
        if confirmed is not None and region.md5 == confirmed:
            self._there(number, region)
            return region.hasher
        region.rewind()
        if region.size > s3.IN_MEMORY:
            self._memory.sent(number, stream(self._gateway, "upload_part", self._slug, self._key, region, {**target, "PartNumber": number}))
            self._there(number, region)
            return region.hasher
        for ready in [n for n, future in self._running.items() if future.done()]:
            self._confirm(ready)
        room = self._parts._room
        room.acquire()
        try:
            body = region.whole()
            self._md5s[number] = region.md5
            future = self._parts._workers().submit(self._send, body, region.md5, {**target, "PartNumber": number})
        except BaseException:
            room.release()
            raise
        future.add_done_callback(lambda _: room.release())  # not by the reader of this file: all readers may be waiting for room
        self._running[number] = future
        return region.hasher

    def _there(self, number: int, region: Region) -> None:
        self._md5s[number] = region.md5
        self._progress(region.size)

    def _send(self, body: bytes, md5: str, target: dict[str, Any]) -> str:
        """Send a part that is in memory; once more when its ETag is not the md5 (no header may carry that: 400 or 502 on 4.1)."""
        etag = etag_of(self._gateway.call("upload_part", self._key, slug=self._slug, Body=body, **target), self._key)
        if etag != md5:
            etag = etag_of(self._gateway.call("upload_part", self._key, slug=self._slug, Body=body, **target), self._key)
        return etag

    def _confirm(self, number: int) -> None:
        """Wait for a part, write down that Cells has it, tell the progress."""
        try:
            etag = self._running[number].result()
        finally:
            self._settle(number)
        self._memory.sent(number, etag)
        self._progress(min(self._step, self._size - (number - 1) * self._step))

    def _settle(self, number: int) -> None:
        """The part is not under way any more; what came of it on the way out of an error is still worth remembering."""
        future = self._running.pop(number)
        if not future.cancelled() and future.exception() is None:
            self._memory.sent(number, future.result())

    def _complete(self, upload_id: str, hasher: Hasher) -> str:
        """Put the parts together. Where the answer was lost and the repeat finds no upload any more, the object itself tells."""
        parts = [{"PartNumber": number, "ETag": self._memory.parts[number]} for number in sorted(self._md5s)]
        try:
            done = self._gateway.call("complete_multipart_upload", self._key, slug=self._slug, **self._target, UploadId=upload_id,
                                      MultipartUpload={"Parts": parts})
        except NotFound:
            there = str(self._gateway.call("head_object", self._key, read=True, **self._target).get("ETag") or "").strip('"')
            hashes = hasher.copy().result()
            if there not in (hashes.part_etag, hashes.md5):
                raise
            done = {"ETag": there}
        return etag_of(done, self._key)

    def _abort(self, upload_id: str) -> None:
        try:
            self._gateway.call("abort_multipart_upload", self._key, **self._target, UploadId=upload_id)
        except MigrationError as error:  # the first error is the one to tell
            log.warning("upload.not_aborted", path=self._key, upload=upload_id, detail=error.message)
