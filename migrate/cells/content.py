"""How the bytes of a file get into Cells (and out again): the S3 gateway, bucket `io`.

A small file goes with its md5, so that the server compares; of a large one the ETags of the parts are compared. A 200 without
ETag stored nothing. A file is read once; its size and time are looked at before and after, so that what changes under the run
is told. A sibling (another way in) gives the same `put_file`, `read` and `abort`."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import structlog
from botocore.exceptions import BotoCoreError

from migrate.cells import gateway as s3
from migrate.cells.bodies import Region, SourceChanged, SourceUnreadable, send_unchanged
from migrate.cells.errors import NotFound, WriteForbidden
from migrate.cells.gateway import BUCKET, OPENING, TRIES, Gateway, UploadFailed, etag_of, stream
from migrate.cells.hashes import Hasher, Hashes, md5_of
from migrate.cells.keys import key_of
from migrate.cells.multipart import AT_ONCE, Parts, Unfinished, no_progress, not_announced
from migrate.cells.session import Session

__all__ = ["OPENING", "Content", "SourceChanged", "SourceUnreadable", "Stored", "Unfinished", "UploadFailed"]
MULTIPART_FROM = 100 << 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Stored:
    """What Cells confirmed. `path`: slug and path as stored (NFC). `etag` of the answer; `hashes` of the bytes read; `mtime` of
    the old file. `proven`: the server compared the bytes, or its ETag is their md5 (not so over an encrypted storage)."""

    path: str
    etag: str
    hashes: Hashes
    mtime: int
    proven: bool = True


class Content:
    """Files of one server. May be used by several threads; a small file takes up to 32 MiB of memory, parts of all large files
    together about 100 MiB."""

    def __init__(self, session: Session, *, multipart_from: int = MULTIPART_FROM, workers: int = 0, sleep: Callable[[float], Any] = time.sleep) -> None:
        """`workers`: how many threads will use it; at least those of the session."""
        self._session = session
        self._multipart_from = multipart_from
        self._gateway = Gateway(session, connections=max(workers, session.workers) + AT_ONCE, sleep=sleep)
        self._parts = Parts(self._gateway)

    def put_file(self, slug: str, path: str, file: str | bytes | os.PathLike[Any], size: int | None = None, *, structured: bool = False,
                 on_upload_id: Callable[[str], None] | None = None, unfinished: Unfinished | None = None,
                 progress: Callable[[int], None] = no_progress, announce: Callable[[str], None] = not_announced) -> Stored:
        """Store a file of this machine as `slug/path`, replacing what is there. Missing folders are made (make them first when
        several workers fill one). Never for a path that is a folder: a structured source damages it.

        `size`: what the inventory says; another one is SourceChanged. `on_upload_id` is told the id of a multipart upload
        before its first part, so that it can be aborted after a crash. `unfinished`: an upload in parts goes on where it was, and is
        left open when the run ends early; parts are read again, and sent only when they are not there or not the same. `progress` is
        told the bytes that are there, part by part for large files, and may raise to stop between two parts. `announce` is told the md5 of
        a file that goes in one piece before it is sent (`unfinished.closing` the hashes of another before it is put together).
        NameLost, SourceUnreadable, UploadFailed, NotAllowed,
        NotFound (no such workspace, or no right), QuotaExceeded concern this file; CellsUnreachable and TokenRefused the run."""
        if not self._session.allow_writes:
            raise WriteForbidden(method="PUT", path=path)
        key = key_of(slug, path, structured=structured)

        def send(source: IO[bytes], name: str, state: os.stat_result) -> tuple[str, Hasher, bool]:
            if state.st_size < self._multipart_from:
                return self._whole(slug, key, Region(source, name, 0, state.st_size, Hasher()), progress, announce)
            return self._parts.put(slug, key, source, name, state.st_size, on_upload_id=on_upload_id, unfinished=unfinished, progress=progress)

        (etag, hasher, proven), state = send_unchanged(file, size, TRIES, send)
        self._gateway.is_open(slug)
        log.debug("file.stored", path=key, size=state.st_size)
        return Stored(key, etag, hasher.result(), int(state.st_mtime), proven)

    def read(self, path: str, piece: int = 1 << 20) -> Iterator[bytes]:
        """The bytes of a file by slug and path. NotFound. Counts as a download in the server's log and for links."""
        slug, _, rest = path.partition("/")
        key = key_of(slug, rest)
        answer = self._gateway.call("get_object", key, read=True, Bucket=BUCKET, Key=key)
        body = answer["Body"]
        length, seen = answer.get("ContentLength"), 0
        try:
            for data in body.iter_chunks(piece):
                seen += len(data)
                yield data
        except BotoCoreError as error:
            raise UploadFailed(method="GET", path=path, status=0, reason=f"the download broke off ({type(error).__name__})") from None
        finally:
            body.close()
        if length is not None and seen != length:
            raise UploadFailed(method="GET", path=path, status=0, reason=f"{seen} bytes came instead of {length}")

    def abort(self, path: str, upload_id: str) -> None:
        """Give up a multipart upload that a crash left behind; nothing when it is gone already."""
        slug, _, rest = path.partition("/")
        key = key_of(slug, rest)
        try:
            self._gateway.call("abort_multipart_upload", key, Bucket=BUCKET, Key=key, UploadId=upload_id)
        except NotFound:
            return

    def _whole(self, slug: str, key: str, region: Region, progress: Callable[[int], None],
               announce: Callable[[str], None]) -> tuple[str, Hasher, bool]:
        """Send a file in one piece. A small one carries its md5, so that the server compares."""
        target = {"Bucket": BUCKET, "Key": key}
        if region.size <= s3.IN_MEMORY:
            body = region.whole()
            md5 = base64.b64encode(bytes.fromhex(region.md5)).decode("ascii")
            announce(region.md5)
            etag, proven = etag_of(self._gateway.call("put_object", key, slug=slug, Body=body, ContentMD5=md5, **target), key), True
        else:
            if announce is not not_announced:
                announce(md5_of(region))
            etag = stream(self._gateway, "put_object", slug, key, region, target)
            proven = etag == region.md5
        progress(region.size)
        return etag, region.hasher, proven
