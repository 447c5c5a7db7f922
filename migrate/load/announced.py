"""By what will Cells show a file that is about to be sent? Written down before it is, so that a run that is killed between the sending
and its answer knows its own upload again, even when the old file has changed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from migrate.ledger import Ledger


class Announcements:
    """Writes such lines from several threads: what comes together is one synced transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[int, Mapping[str, Any]]] = []
        self._list, self._writing = threading.Lock(), threading.Lock()

    def write(self, file_id: int, *, md5: str, etag: str | None) -> None:
        """`md5`: of what will be sent; `etag`: what Cells holds of ours until then. On disk when this returns."""
        with self._list:
            self._waiting.append((file_id, {"md5": md5, "etag": etag, "sha256": None}))  # a hash of other bytes must not stand beside it
        with self._writing:  # who comes first writes for all that wait
            with self._list:
                some, self._waiting = self._waiting, []
            if some:
                try:
                    self._ledger.update_files(some)
                except BaseException:
                    with self._list:
                        self._waiting = some + self._waiting  # those that wait meet the same, and must not send
                    raise
