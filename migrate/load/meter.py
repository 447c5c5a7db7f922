"""Keeps in the ledger how far the carrying of content is, so that `status` can tell it while another process carries."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from migrate.headway import Reading, Way
from migrate.ledger import Ledger, State

KEY = "carrying"
LEFT = (State.PLANNED, State.STARTED, State.FAILED)
WRITE_EVERY = 5.0
"""Seconds between two notes in the ledger."""


class Meter:
    """Counts what is carried. Safe for several threads. `folders`: how many there are to make."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._ledger, self._clock = ledger, clock
        totals = ledger.file_totals()
        left = [totals.get(state.value, (0, 0)) for state in LEFT]
        self.folders = ledger.folders_in(*LEFT)
        self._way = Way(sum(number for number, _ in left), sum(size for _, size in left), self.folders, clock=clock, wall=wall)
        self._written = clock() - WRITE_EVERY
        self._lock = threading.Lock()

    def count(self, files: int = 0, size: int = 0, folders: int = 0) -> None:
        """So much more is there; `folders` are counted in `files`."""
        with self._lock:
            self._way.count(files, size, folders)
            now = self._clock()
            if now - self._written < WRITE_EVERY:
                return
            self._written = now
            reading = self._way.reading()
        self._ledger.put(KEY, asdict(reading))

    def reading(self) -> Reading:
        """Where it stands now."""
        with self._lock:
            return self._way.reading()

    def close(self) -> None:
        """The carrying is over: `status` shall not show it as going on."""
        self._ledger.put(KEY, None)


def carrying(ledger: Ledger) -> Reading | None:
    """The last note of a run that carries, or was killed while it did; None when none does, or all of it is there and the run goes on
    with what comes after the content."""
    kept: dict[str, Any] | None = ledger.get(KEY)
    reading = None if kept is None else Reading(**kept)
    return None if reading is None or reading.files >= reading.all_files else reading
