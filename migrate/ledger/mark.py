"""Is the ledger as the last run left it? A small file beside it holds its hash and how far its journal goes.

SQLite notices a broken structure, not a changed value, nor an older copy put in the place of a newer one. Before a run writes for the
first time, the mark says `open`; when it has closed the ledger, `closed` with the hash of the file. A closed ledger has to have that
hash. After a kill the mark is still open: then the journal has to go at least as far as when the run began."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

NAME = "ledger.mark"
_CHUNK = 1 << 20


class Mark:
    """`WORK/ledger.mark`. Without one (removed on purpose, or a work folder of an older version) nothing is compared."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._path = ledger.with_name(NAME)

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

    def opened(self, journal: int) -> None:
        """A run is about to write."""
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
