"""Is the ledger as the last run left it? A small file beside it holds its hash and how far its journal goes.

SQLite notices a broken structure, not a changed value, nor an older copy put in the place of a newer one. Before a run writes for the
first time, the mark says `open`; when it has closed the ledger, `closed` with the hash of the file. A closed ledger has to have that
hash. After a kill the mark is still open: then the journal has to go at least as far as when the run began, and the ledger has to hold
every transaction up to the number in `ledger.head`, which is written after each: what SQLite kept in its log beside the ledger may have
been removed, cut off or damaged, and SQLite takes that for the end."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

NAME = "ledger.mark"
HEAD = "ledger.head"
_CHUNK = 1 << 20


class Mark:
    """`WORK/ledger.mark`. Without one (removed on purpose, or a work folder of an older version) nothing is compared."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._path = ledger.with_name(NAME)
        self._head = ledger.with_name(HEAD)

    def problem(self) -> str:
        """What is wrong with a closed ledger; empty when nothing is, or when it cannot be told from the file."""
        kept = self._read()
        if kept.get("state") != "closed" or self._in_use():
            return ""
        if kept.get("sha256") != _hash(self._ledger):
            return "it is not as the last run left it: changed, cut off, or an older copy was put in its place"
        return ""

    @property
    def exists(self) -> bool:
        """Whether there was a ledger that was written to."""
        return self._path.exists()

    @property
    def open(self) -> bool:
        """Whether a run ended without closing the ledger."""
        return self._read().get("state") == "open"

    def older(self, journal: int) -> str:
        """What is wrong when the journal of an open ledger ends with line `journal`; empty when nothing is."""
        kept = self._read()
        least = kept.get("journal", 0)
        if kept.get("state") == "open" and isinstance(least, int) and journal < least:
            return f"its journal ends at line {journal} and went to line {least} before: an older copy was put in its place"
        return ""

    def reached(self, number: int) -> None:
        """Transaction `number` is on disk. Not synced: after a power failure the number may be an older one, never a newer. What cannot
        be written only says less."""
        with contextlib.suppress(OSError):
            handle = os.open(self._head, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(handle, b"%020d\n" % number, 0)
            finally:
                os.close(handle)

    def least(self) -> int:
        """The number of the last transaction that is known to have been written; 0 when that cannot be told."""
        if not self.open:
            return 0
        try:
            text = self._head.read_bytes()
        except OSError:
            return 0
        return int(text) if len(text) == 21 and text[:20].isdigit() else 0

    def lost(self, writes: int, least: int) -> str:
        """What is wrong when a ledger holds `writes` transactions; empty when nothing is."""
        if writes < least:
            return (f"its last {least - writes} changes are missing: {self._ledger.name}-wal, which SQLite keeps beside it, was removed or damaged, "
                    "or an older copy was put in its place")
        return ""

    def opened(self, journal: int) -> None:
        """A run is about to write."""
        self._head.unlink(missing_ok=True)  # of an earlier run
        self._write({"state": "open", "journal": journal})

    def closed(self, journal: int) -> None:
        """The ledger is closed. A disk that is full now leaves the mark open, which only says less."""
        if not self._in_use():
            with contextlib.suppress(OSError):
                self._write({"state": "closed", "journal": journal, "sha256": _hash(self._ledger)})

    def _in_use(self) -> bool:
        """Another process has the ledger open, or a killed one had: part of it is in SQLite's log."""
        return self._ledger.with_name(self._ledger.name + "-wal").exists()

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            kept = None
        return kept if isinstance(kept, dict) else {"state": "open"}  # it says nothing; look harder at the ledger itself

    def _write(self, kept: dict[str, Any]) -> None:
        fresh = self._path.with_name(NAME + ".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            data = json.dumps(kept).encode()
            if os.write(handle, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(fresh))
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(fresh, self._path)


def _hash(path: Path) -> str:
    total = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_CHUNK):
            total.update(piece)
    return total.hexdigest()
