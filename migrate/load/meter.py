"""How far is the carrying of content, and how long will it take?

A file costs a call and its bytes; both costs are experience with a server of two cores, and what was measured in the last minutes
says how many times slower or faster this server is. So thousands of small files and one large one give the same honest answer."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from migrate.ledger import Ledger, State

KEY = "carrying"
FILE_SECONDS, BYTE_SECONDS = 1 / 30, 1 / 20_000_000
"""What one more file, and one more byte, costs on a server of two cores."""
LOOK_BACK = 300.0
"""Seconds of the past that say how fast it goes now."""
ENOUGH = 10.0
"""Seconds after which a guess may be made."""
WRITE_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class Reading:
    """Where it stands: files (and folders) and bytes done of all, the seconds it took, and those that are left (None: not known yet).
    `time`: epoch seconds of the reading."""

    files: int
    all_files: int
    bytes: int
    all_bytes: int
    seconds: float
    left: float | None
    time: float

    @property
    def sentence(self) -> str:
        """For people."""
        pace = self.bytes / self.seconds / 2**20 if self.seconds else 0.0
        ahead = "the end cannot be told yet" if self.left is None else f"about {span(self.left)} left"
        return (f"{self.files} of {self.all_files} files and folders, {self.bytes / 2**20:.0f} of {self.all_bytes / 2**20:.0f} MiB, "
                f"{self.files / max(self.seconds, 0.001):.1f} a second, {pace:.1f} MiB/s, {ahead}")


def span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


class Meter:
    """Counts what is carried. Safe for several threads; its reading is kept in the ledger for `status`."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self._ledger, self._clock, self._wall = ledger, clock, wall
        totals = ledger.file_totals()
        open_states = [totals.get(state.value, (0, 0)) for state in (State.PLANNED, State.STARTED, State.FAILED)]
        self._all = (sum(number for number, _ in open_states), sum(size for _, size in open_states))
        self._files = self._bytes = 0
        self._start = clock()
        self._written = self._start - WRITE_EVERY
        self._past: deque[tuple[float, float]] = deque([(self._start, 0.0)])
        self._lock = threading.Lock()

    def count(self, files: int = 0, size: int = 0) -> None:
        """So much more is there."""
        with self._lock:
            self._files, self._bytes = self._files + files, self._bytes + size
            now = self._clock()
            if now - self._written < WRITE_EVERY:
                return
            self._written = now
            self._past.append((now, self._cost(self._files, self._bytes)))
            while len(self._past) > 2 and self._past[1][0] < now - LOOK_BACK:
                self._past.popleft()
            reading = self._reading()
        self._ledger.put(KEY, asdict(reading))

    def reading(self) -> Reading:
        """Where it stands now."""
        with self._lock:
            return self._reading()

    def close(self) -> None:
        """The carrying is over: `status` shall not show it as going on."""
        self._ledger.put(KEY, None)

    def _reading(self) -> Reading:
        now = self._clock()
        since, cost = self._past[0]
        done = self._cost(self._files, self._bytes) - cost
        left = max(0.0, self._cost(*self._all) - self._cost(self._files, self._bytes))
        seconds = now - since
        known = seconds >= ENOUGH and done > 0
        return Reading(self._files, max(self._files, self._all[0]), self._bytes, max(self._bytes, self._all[1]), now - self._start,
                       left * seconds / done if known else None, self._wall())

    @staticmethod
    def _cost(files: int, size: int) -> float:
        return files * FILE_SECONDS + size * BYTE_SECONDS


def carrying(ledger: Ledger) -> Reading | None:
    """The last reading of a run that carries, or was killed while it did; None when none does."""
    kept: dict[str, Any] | None = ledger.get(KEY)
    return None if kept is None else Reading(**kept)
