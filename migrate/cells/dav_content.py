"""How do the bytes of a file get into Cells where only webDAV is let through? The sibling of `content`, slower by far.

The server cuts what it is sent into parts of its own choosing, so from 5 MiB on no checksum of Cells can be foretold for a flat data
source: such a file is read back and compared. What webDAV cannot hold (empty files, names that begin with `._`) goes
through the S3 gateway. Names with a dot in front are refused for new files only: sent under another name, then renamed."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

import structlog

from migrate.cells.api import tree
from migrate.cells.bodies import Region, send_unchanged
from migrate.cells.content import Content, Stored
from migrate.cells.dav import TRIES, Dav
from migrate.cells.errors import CellsRefused, CellsUnusable, WriteForbidden
from migrate.cells.gateway import UploadFailed
from migrate.cells.hashes import Hasher, Hashes, hashes_of, md5_of, same_content, settled
from migrate.cells.keys import key_of
from migrate.cells.models import Node
from migrate.cells.multipart import Unfinished, no_progress, not_announced
from migrate.cells.session import Session
from migrate.errors import ExitStatus

SETTLING = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between looks until a file that was sent is entered with its final size."""
MAC = "._"

log = structlog.get_logger()


class DavCannot(CellsRefused):
    """webDAV of Cells stores no empty file and none whose name begins with `._`, and the S3 gateway did not take it either."""

    code = "E4305"
    title = "{path} cannot be stored by webDAV ({what}), and the S3 gateway did not take it: {reason}"
    remedy = "Run `apply` without `--via dav` where the S3 gateway (/io) can be reached: only what is missing is sent."
    exit_status = ExitStatus.INCOMPLETE


class DavContent:
    """Files of one server by webDAV. May be used by several threads; they wait for one another."""

    def __init__(self, session: Session, login: Callable[[], str], *, sleep: Callable[[float], Any] = time.sleep) -> None:
        self._session, self._sleep = session, sleep
        self._dav = Dav(session, login, sleep=sleep)
        self._other = Content(session, sleep=sleep)
        self._there: set[str] = set()
        self._making = threading.Lock()

    def put_file(self, slug: str, path: str, file: str | bytes | os.PathLike[Any], size: int | None = None, *, structured: bool = False,
                 on_upload_id: Callable[[str], None] | None = None, unfinished: Unfinished | None = None,
                 progress: Callable[[int], None] = no_progress, announce: Callable[[str], None] = not_announced) -> Stored:
        """As `Content.put_file`. A file is sent in one request, so nothing is resumed within it, and
        `on_upload_id` and `unfinished` are for the sibling. Proven by `Etag`, or by reading it back. What is announced tells only of files
        that the server does not cut."""
        if not self._session.allow_writes:
            raise WriteForbidden(method="PUT", path=path)
        key = key_of(slug, path, structured=structured)

        def send(source: IO[bytes], name: str, state: os.stat_result) -> Hashes | Stored:
            what = _beyond(key, state.st_size)
            return self._by_the_other(what, slug, path, file, size, structured) if what else self._send(key, source, name, state.st_size, announce)

        sent, state = send_unchanged(file, size, TRIES, send)
        if isinstance(sent, Stored):
            return sent
        progress(state.st_size)
        return Stored(key, self._proven(key, sent).etag, sent, int(state.st_mtime))

    def read(self, path: str, piece: int = 1 << 20) -> Iterator[bytes]:
        """The bytes of a file by slug and path. NotFound."""
        return self._dav.read(path, piece)

    def abort(self, path: str, upload_id: str) -> None:
        """For an upload that an earlier run began by the S3 gateway."""
        self._other.abort(path, upload_id)

    def _by_the_other(self, what: str, slug: str, path: str, file: str | bytes | os.PathLike[Any], size: int | None, structured: bool) -> Stored:
        try:
            return self._other.put_file(slug, path, file, size, structured=structured)
        except CellsUnusable:
            raise
        except CellsRefused as error:
            raise DavCannot(method="PUT", path=path, status=error.status, what=what, reason=error.reason) from None

    def _send(self, key: str, source: IO[bytes], name: str, size: int, announce: Callable[[str], None]) -> Hashes:
        region = Region(source, name, 0, size, Hasher())
        if announce is not not_announced:
            announce(md5_of(region))
        folder, _, last = key.rpartition("/")
        self._ensure(folder)
        if last.startswith(".") and tree.stat(self._session, key) is None:
            # always the same name for the same file, so that what a broken run left is replaced by the next one
            between = f"{folder}/migration-{hashlib.sha256(key.encode()).hexdigest()[:16]}.part"
            self._dav.put(between, region, size)
            self._dav.move(between, key)
        else:
            self._dav.put(key, region, size)
        return region.hasher.result()

    def _ensure(self, folder: str) -> None:
        """webDAV makes no folder on the way (the S3 gateway does): each is looked for once."""
        with self._making:
            if folder in self._there or "/" not in folder:
                return
            if tree.stat(self._session, folder) is None:
                tree.create_folders(self._session, [folder])
            self._there.add(folder)

    def _proven(self, key: str, hashes: Hashes) -> Node:
        """The file as Cells has it now. UploadFailed when it is not what was sent."""
        node = None
        for pause in (*SETTLING, 0.0):
            node = tree.stat(self._session, key)
            if node is not None and settled(node) and node.size == hashes.size:
                break
            self._sleep(pause)
        if node is None or not node.is_file or node.size != hashes.size:
            raise UploadFailed(method="PUT", path=key, status=201, reason="Cells says it has it, and has it not")
        if not same_content(node, hashes) and hashes_of(self._dav.read(key)).sha256 != hashes.sha256:
            raise UploadFailed(method="PUT", path=key, status=201, reason="what Cells gives back is not what was sent")
        return node


def _beyond(key: str, size: int) -> str:
    """Why webDAV cannot hold this file; empty when it can."""
    if not size:
        return "it is empty"
    return "its name begins with ._" if key.rpartition("/")[2].startswith(MAC) else ""
