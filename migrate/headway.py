"""How far is the carrying of content, and how long will it take?

A file costs a call and its bytes, a folder a part of a call; these costs are experience with a server of two cores, and what was measured
in the last minutes says how many times slower or faster this server is. So thousands of small files and one large one give the same
honest answer, and the folders, which come first, promise nothing for the files."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

FILE_SECONDS, FOLDER_SECONDS, BYTE_SECONDS = 1 / 20, 1 / 75, 1 / 20_000_000
"""What one more file, one more folder, and one more byte, costs on a server of two cores."""
LOOK_BACK = 300.0
"""Seconds of the past that say how fast it goes now."""
ENOUGH = 10.0
"""Seconds after which a guess may be made."""
STEP = 5.0


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
        seconds = max(self.seconds, 0.001)
        ahead = "the end cannot be told yet" if self.left is None else f"about {span(self.left)} left"
        return (f"{self.files} of {self.all_files} files and folders, {self.bytes / 2**20:.0f} of {self.all_bytes / 2**20:.0f} MiB, "
                f"{self.files / seconds:.1f} a second, {self.bytes / seconds / 2**20:.1f} MiB/s, {ahead}")


def span(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


class Way:
    """Counts what is there of what has to be; not safe for several threads by itself. `files` are files and folders, `folders` those of them
    that are folders."""

    def __init__(self, files: int = 0, size: int = 0, folders: int = 0, *, clock: Callable[[], float] = time.monotonic,
                 wall: Callable[[], float] = time.time) -> None:
        self._clock, self._wall = clock, wall
        self._all = {"all files": files, "all bytes": size, "all folders": folders}
        self._files = self._bytes = self._folders = 0
        self._start = clock()
        self._past: deque[tuple[float, float]] = deque([(self._start, 0.0)])

    def expect(self, kind: str, number: int) -> None:
        """There are so many `all files`, `all folders` or `all bytes` to carry."""
        self._all[kind] = number

    def count(self, files: int = 0, size: int = 0, folders: int = 0) -> None:
        """So much more is there."""
        self._files, self._bytes, self._folders = self._files + files, self._bytes + size, self._folders + folders
        now = self._clock()
        if now - self._past[-1][0] >= STEP:
            self._past.append((now, self._cost()))
            while len(self._past) > 2 and self._past[1][0] < now - LOOK_BACK:
                self._past.popleft()

    def reading(self) -> Reading:
        """Where it stands now."""
        now = self._clock()
        since, before = self._past[0]
        done = self._cost() - before
        left = max(0.0, _cost(*self._all.values()) - self._cost())
        known = now - since >= ENOUGH and done > 0
        return Reading(self._files, max(self._files, self._all["all files"]), self._bytes, max(self._bytes, self._all["all bytes"]),
                       now - self._start, left * (now - since) / done if known else None, self._wall())

    def _cost(self) -> float:
        return _cost(self._files, self._bytes, self._folders)


def _cost(files: int, size: int, folders: int) -> float:
    return (files - folders) * FILE_SECONDS + folders * FOLDER_SECONDS + size * BYTE_SECONDS
