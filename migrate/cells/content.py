"""How the bytes of a file get into Cells (and out again): the S3 gateway, bucket `io`.

The access key is the token, the server signs again. Payloads are not signed (chunk signatures would break); instead the
md5 goes along, or the ETag of the answer is compared. A 200 without ETag stored nothing. A file is read once; its size
and time are looked at before and after, so that what changes under the run is told."""

from __future__ import annotations

import base64
import functools
import hashlib
import logging
import os
import random
import stat
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import boto3
import botocore.session
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrate.cells.errors import CellsRefused, NotAllowed, NotFound, QuotaExceeded, WriteForbidden
from migrate.cells.hashes import Hasher, Hashes, part_size_for
from migrate.cells.keys import key_of
from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError
from migrate.logs import redact
from migrate.text import shown

BUCKET = "io"
MULTIPART_FROM = 100 << 20
IN_MEMORY = 32 << 20
"""Pieces up to this size are read first and sent with their md5; larger ones are streamed and proven by the ETag."""
TRIES = 3
OPENING = (1.0, 2.0, 4.0)
"""Seconds to wait for a right that was just given: the gateway knows it about two seconds later."""

log = structlog.get_logger()
for _name in ("boto3", "botocore", "s3transfer"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # their debug output holds the access key, which is the token


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


class UploadFailed(CellsRefused):
    """The gateway refused the file, or said it had it and had not (200 without ETag, another ETag)."""

    code = "E4304"
    title = "{path} could not be stored in Cells: {status} {reason}"
    remedy = "Look whether the data source has room and its services run, then run `apply` again."


@dataclass(frozen=True, slots=True)
class Stored:
    """What Cells confirmed. `path`: slug and path as stored (NFC). `etag` of the answer; `hashes` of the bytes read; `mtime` of
    the old file. `proven`: the server compared the bytes, or its ETag is their md5 (not so over an encrypted storage)."""

    path: str
    etag: str
    hashes: Hashes
    mtime: int
    proven: bool = True


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

    def ended(self) -> None:
        """The upload is complete, or given up."""
        self.upload_id, self.parts = "", {}


class Content:
    """Files of one server. May be used by several threads; each call holds at most about 32 MiB in memory."""

    def __init__(self, session: Session, *, multipart_from: int = MULTIPART_FROM, sleep: Callable[[float], Any] = time.sleep) -> None:
        self._session = session
        self._multipart_from = multipart_from
        self._sleep = sleep
        self._lock = threading.Lock()
        self._client: Any = None
        self._client_token = ""
        self._open: set[str] = set()
        self._waited: set[str] = set()

    def put_file(self, slug: str, path: str, file: str | bytes | os.PathLike[Any], size: int | None = None, *, structured: bool = False,
                 on_upload_id: Callable[[str], None] | None = None, unfinished: Unfinished | None = None) -> Stored:
        """Store a file of this machine as `slug/path`, replacing what is there. Missing folders are made (make them first when
        several workers fill one). Never for a path that is a folder: a structured source damages it.

        `size`: what the inventory says; another one is SourceChanged. `on_upload_id` is told the id of a multipart upload
        before its first part, so that it can be aborted after a crash. `unfinished`: an upload in parts goes on where it was, and is
        left open when the run ends early; parts are read again, and sent only when they are not there or not the same.
        NameLost, SourceUnreadable, UploadFailed, NotAllowed,
        NotFound (no such workspace, or no right), QuotaExceeded concern this file; CellsUnreachable and TokenRefused the run."""
        if not self._session.allow_writes:
            raise WriteForbidden(method="PUT", path=path)
        key = key_of(slug, path, structured=structured)
        name = shown(os.fsencode(file))
        for _ in range(TRIES):
            with _open(file, name) as source:
                before = os.fstat(source.fileno())
                if size is not None and before.st_size != size:
                    raise SourceChanged(file=name)
                try:
                    stored = self._store(slug, key, source, name, before.st_size, int(before.st_mtime), on_upload_id, unfinished)
                except _Moved:
                    continue
                after = os.fstat(source.fileno())
                if (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns):
                    return stored
        raise SourceChanged(file=name)

    def read(self, path: str, piece: int = 1 << 20) -> Iterator[bytes]:
        """The bytes of a file by slug and path. NotFound. Counts as a download in the server's log and for links."""
        slug, _, rest = path.partition("/")
        key = key_of(slug, rest)
        answer = self._call("get_object", key, read=True, Bucket=BUCKET, Key=key)
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
            self._call("abort_multipart_upload", key, Bucket=BUCKET, Key=key, UploadId=upload_id)
        except NotFound:
            return

    # ------------------------------------------------------------------ pieces

    def _store(self, slug: str, key: str, source: IO[bytes], name: str, size: int, mtime: int, on_upload_id: Callable[[str], None] | None,
               unfinished: Unfinished | None = None) -> Stored:
        start = time.monotonic()
        if size < self._multipart_from:
            region = _Region(source, name, 0, size, Hasher())
            etag, proven = self._piece("put_object", slug, key, region, {"Bucket": BUCKET, "Key": key})
            hasher = region.hasher
        else:
            etag, hasher, proven = self._multipart(slug, key, source, name, size, on_upload_id, unfinished)
        self._open.add(slug)
        log.debug("file.stored", path=key, size=size, ms=round((time.monotonic() - start) * 1000))
        return Stored(key, etag, hasher.result(), mtime, proven)

    def _multipart(self, slug: str, key: str, source: IO[bytes], name: str, size: int, on_upload_id: Callable[[str], None] | None,
                   unfinished: Unfinished | None) -> tuple[str, Hasher, bool]:
        target = {"Bucket": BUCKET, "Key": key}
        part_size = part_size_for(size)
        hasher = Hasher(part_size)
        memory = unfinished if unfinished is not None else Unfinished()
        resumed = bool(memory.upload_id)
        upload_id = memory.upload_id or self._call("create_multipart_upload", key, slug=slug, **target).get("UploadId")
        if not upload_id:
            raise UploadFailed(method="POST", path=key, status=200, reason="no upload was opened")
        try:
            if not resumed:
                memory.opened(upload_id)
                if on_upload_id:
                    on_upload_id(upload_id)
            parts, proven = [], True
            for number, offset in enumerate(range(0, size, part_size), 1):
                region = _Region(source, name, offset, min(part_size, size - offset), hasher)
                etag, same = self._again_or_new(slug, key, region, {**target, "UploadId": upload_id, "PartNumber": number}, memory.parts.get(number))
                memory.sent(number, etag)
                hasher, proven = region.hasher, proven and same
                parts.append({"PartNumber": number, "ETag": etag})
            done = self._call("complete_multipart_upload", key, slug=slug, **target, UploadId=upload_id, MultipartUpload={"Parts": parts})
            memory.ended()
            return _etag(done, key), hasher, proven
        except NotFound:
            memory.ended()
            if not resumed:
                self._abort_quietly(key, upload_id)
                raise
            source.seek(0)  # Cells has forgotten the upload of the earlier run: from the start
            return self._multipart(slug, key, source, name, size, on_upload_id, memory)
        except BaseException as error:  # an interruption too must not leave a node that stays "temporary", unless it can go on
            if unfinished is None or isinstance(error, (_Moved, SourceUnreadable)):
                memory.ended()
                self._abort_quietly(key, upload_id)
            raise

    def _again_or_new(self, slug: str, key: str, region: _Region, target: dict[str, Any], confirmed: str | None) -> tuple[str, bool]:
        """A part that Cells confirmed before is only read and compared; others are sent."""
        if confirmed is not None:
            while region.read(1 << 20):
                pass
            if region.md5 == confirmed:
                return confirmed, True
            region.rewind()
        return self._piece("upload_part", slug, key, region, target)

    def _abort_quietly(self, key: str, upload_id: str) -> None:
        try:
            self._call("abort_multipart_upload", key, Bucket=BUCKET, Key=key, UploadId=upload_id)
        except MigrationError as error:  # the first error is the one to tell
            log.warning("upload.not_aborted", path=key, upload=upload_id, detail=error.message)

    def _piece(self, operation: str, slug: str, key: str, region: _Region, target: dict[str, Any]) -> tuple[str, bool]:
        """Send one piece; gives its ETag and whether that proves the bytes. A whole small file carries its md5, so that the
        server compares; parts must not (400 InvalidDigest or 502 on 4.1), so the ETag is compared with what was sent."""
        send: dict[str, Any] = {**target, "slug": slug}
        if region.size <= IN_MEMORY:
            send["Body"] = region.whole()
            if operation == "put_object":
                return _etag(self._call(operation, key, ContentMD5=_md5_header(region.md5), **send), key), True
        else:
            send.update(region=region, Body=region, ContentLength=region.size)
        etag = _etag(self._call(operation, key, **send), key)
        if etag != region.md5:
            if region.size > IN_MEMORY:
                region.rewind()
            etag = _etag(self._call(operation, key, **send), key)
        return etag, etag == region.md5

    # ------------------------------------------------------------------ calls

    def _call(self, operation: str, key: str, *, slug: str = "", read: bool = False, region: _Region | None = None, **arguments: Any) -> Any:
        """One S3 call, repeated where that can help: every call here may be repeated, the same bytes go to the same key."""
        for attempt in range(1, 10):
            client, token = self._client_now()
            self._session.requests.add(read=read)
            try:
                return getattr(client, operation)(**arguments)
            except ClientError as error:
                status, name, text = _told(error)
            except BotoCoreError as error:
                if region and region.failure:  # it is the old file that could not be read
                    raise region.failure from None
                status, name, text = 0, type(error).__name__, "no answer"
            again = self._again(operation, key, slug, token, attempt, status, name, text)
            if not again:
                raise _refusal(operation, key, status, name, text)
            if region:
                region.rewind()
        raise UploadFailed(method=operation, path=key, status=status, reason=f"{name} {text}")

    def _again(self, operation: str, key: str, slug: str, token: str, attempt: int, status: int, name: str, text: str) -> bool:
        """Whether to try once more, after the wait that is due."""
        log.debug("request.refused", method=operation, path=key, status=status, code=name, attempt=attempt)
        if status in (401, 403):
            # Bad token and missing right look alike here. The interface can tell: this read renews the token, or ends the run.
            self._session.get("/a/config/discovery")
            if self._session.tokens.token() != token and attempt < TRIES:
                return True
        if status in (403, 404) and slug and slug not in self._open and slug not in self._waited and name != "NoSuchUpload":
            if attempt <= len(OPENING):
                self._sleep(OPENING[attempt - 1])
                return True
            self._waited.add(slug)
        if status in (0, 429, 500, 502, 503, 504) and attempt < TRIES:
            self._session.get("/a/config/discovery")  # waits as long as the server is away, or ends the run
            self._sleep(random.uniform(0.5, 1.0) * 2 ** attempt)
            return True
        return False

    def _client_now(self) -> tuple[Any, str]:
        token = self._session.tokens.token()
        with self._lock:
            if token != self._client_token:
                self._client, self._client_token = self._make_client(token), token
            return self._client, token

    def _make_client(self, token: str) -> Any:
        config = Config(
            signature_version="s3v4", region_name="us-east-1", max_pool_connections=max(4, self._session.workers), connect_timeout=10, read_timeout=300,
            retries={"total_max_attempts": 1}, proxies=self._session.proxies, request_checksum_calculation="when_required",
            response_checksum_validation="when_required", s3={"addressing_style": "path", "payload_signing_enabled": False})
        with _TOOLS_LOCK:  # making clients is not thread-safe, using them is
            return _tools().client(
                "s3", endpoint_url=self._session.url, aws_access_key_id=token, aws_secret_access_key="gatewaysecret", verify=self._session.verify,
                config=config)


_TOOLS_LOCK = threading.Lock()


@functools.cache
def _tools() -> boto3.session.Session:
    """Files and variables of the AWS tools on this machine must not change where we send, nor with which certificates."""
    nothing = {name: (None, None, os.devnull, None) for name in ("config_file", "credentials_file")}
    core = botocore.session.Session(session_vars={**nothing, "profile": (None, None, None, None)})
    return boto3.session.Session(botocore_session=core)


class _Moved(Exception):
    """The file became shorter while it was read: read again from the start."""


class _Region:
    """A part of an open file as a body of its own, hashed while it is read. `failure`: why reading it ended early."""

    def __init__(self, file: IO[bytes], name: str, offset: int, size: int, hasher: Hasher) -> None:
        """`hasher` has taken everything before this region and is not changed; `self.hasher` goes on from there."""
        self._file = file
        self._name = name
        self._offset = offset
        self._before = hasher
        self.size = size
        self.failure: MigrationError | _Moved | None = None
        self.rewind()

    def rewind(self) -> None:
        """From the start of the region again."""
        self._left = self.size
        self._hash = hashlib.md5(usedforsecurity=False)
        self.hasher = self._before.copy()
        self._file.seek(self._offset)

    @property
    def md5(self) -> str:
        """Of what was read since the start of the region."""
        return self._hash.hexdigest()

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
            self.failure = _Moved()
            raise self.failure
        self._left -= len(data)
        self._hash.update(data)
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


def _open(file: str | bytes | os.PathLike[Any], name: str) -> IO[bytes]:
    """The file, opened for reading only; not blocking on pipes, and only ordinary files."""
    try:
        number = os.open(file, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
        opened = os.fdopen(number, "rb", buffering=0)
    except OSError as error:
        raise SourceUnreadable(file=name, detail=error.strerror or "cannot be opened") from None
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise SourceUnreadable(file=name, detail="it is no ordinary file")
    return opened


def _md5_header(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode("ascii")


def _etag(answer: Any, key: str) -> str:
    """The ETag without quotes. UploadFailed when there is none: then nothing was stored, whatever the status."""
    etag = str(answer.get("ETag") or "").strip('"')
    if not etag:
        raise UploadFailed(method="PUT", path=key, status=200, reason="an answer without ETag, so nothing was stored")
    return etag


def _told(error: ClientError) -> tuple[int, str, str]:
    meta = error.response.get("ResponseMetadata", {})
    told = error.response.get("Error", {})
    return int(meta.get("HTTPStatusCode") or 0), str(told.get("Code", "")), redact(str(told.get("Message", "")))[:300]


def _refusal(operation: str, key: str, status: int, name: str, text: str) -> CellsRefused:
    fields = {"method": operation, "path": key, "status": status, "reason": f"{name} {text}".strip()}
    if status == 422 or "quota" in f"{name} {text}".lower():
        return QuotaExceeded(**fields)
    if status in (401, 403):
        return NotAllowed(**fields)
    if status == 404:
        return NotFound(**fields)
    return UploadFailed(**fields)
