"""How does one S3 call reach the gateway of Cells, and which refusals are worth another try?

The access key is the token, the server signs again. Payloads are not signed (chunk signatures would break). Errors that look
as if a repeat could help (503 for a body that does not match its md5) end after a few tries."""

from __future__ import annotations

import functools
import logging
import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrate.cells.bodies import Region
from migrate.cells.errors import CellsRefused, NotAllowed, NotFound, QuotaExceeded
from migrate.cells.session import Session
from migrate.logs import redact

BUCKET = "io"
TRIES = 3
IN_MEMORY = 32 << 20
"""Pieces up to this size are read first and then sent; larger ones are streamed and proven by their ETag."""
OPENING = (1.0, 2.0, 4.0)
"""Seconds to wait for a right that was just given: the gateway knows it about two seconds later."""

log = structlog.get_logger()
for _name in ("boto3", "botocore", "s3transfer"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # their debug output holds the access key, which is the token


class UploadFailed(CellsRefused):
    """The gateway refused the file, or said it had it and had not (200 without ETag, another ETag)."""

    code = "E4304"
    title = "{path} could not be stored in Cells: {status} {reason}"
    remedy = "Look whether the data source has room and its services run, then run `apply` again."


class Gateway:
    """S3 calls to one server. May be used by several threads."""

    def __init__(self, session: Session, *, connections: int = 0, sleep: Callable[[float], Any] = time.sleep) -> None:
        """`connections`: how many calls may run at the same time; at least as many as the session has workers."""
        self._session = session
        self._connections = max(4, session.workers, connections)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._client: Any = None
        self._client_token = ""
        self._open: set[str] = set()
        self._waited: set[str] = set()

    def is_open(self, slug: str) -> None:
        """A workspace that took something is open: its refusals are no matter of waiting for a right."""
        self._open.add(slug)

    def call(self, operation: str, key: str, *, slug: str = "", read: bool = False, region: Region | None = None, **arguments: Any) -> Any:
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
            signature_version="s3v4", region_name="us-east-1", max_pool_connections=self._connections, connect_timeout=10, read_timeout=300,
            retries={"total_max_attempts": 1}, proxies=self._session.proxies, request_checksum_calculation="when_required",
            response_checksum_validation="when_required", s3={"addressing_style": "path", "payload_signing_enabled": False})
        with _TOOLS_LOCK:  # making clients is not thread-safe, using them is
            return _tools().client(
                "s3", endpoint_url=self._session.url, aws_access_key_id=token, aws_secret_access_key="gatewaysecret", verify=self._session.verify,
                config=config)


def stream(gateway: Gateway, operation: str, slug: str, key: str, region: Region, target: dict[str, Any]) -> str:
    """Send a region while it is read; gives the ETag. Sent once more when the ETag is not the md5 of what was read."""
    send: dict[str, Any] = {**target, "slug": slug, "region": region, "Body": region, "ContentLength": region.size}
    etag = etag_of(gateway.call(operation, key, **send), key)
    if etag != region.md5:
        region.rewind()
        etag = etag_of(gateway.call(operation, key, **send), key)
    return etag


_TOOLS_LOCK = threading.Lock()


@functools.cache
def _tools() -> boto3.session.Session:
    """Files and variables of the AWS tools on this machine must not change where we send, nor with which certificates."""
    nothing = {name: (None, None, os.devnull, None) for name in ("config_file", "credentials_file")}
    core = botocore.session.Session(session_vars={**nothing, "profile": (None, None, None, None)})
    return boto3.session.Session(botocore_session=core)


def etag_of(answer: Any, key: str) -> str:
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
