"""Is a file or folder too deep for the index of Cells?

Cells numbers the entries of each folder, and keeps for everything the numbers on the way to it, with dots between, in 1020 characters.
What is longer is cut: it cannot be found again, and the next one is refused (4.1). A chain of folders that hold one
thing each comes to 509 levels, one of folders that hold hundreds to about 250."""

from __future__ import annotations

from collections import Counter

from migrate.ledger import Ledger

CHARACTERS = 1020
SHALLOW = 140
"""Levels that fit in any case: six digits and a dot for each are 980 characters."""


class Depths:
    """For the files of one root; everything below it is counted only when something is deep. `node`: what the root becomes."""

    def __init__(self, ledger: Ledger, root: str, node: str) -> None:
        self._ledger, self._root = ledger, root
        self._above = 1 + sum(4 for part in node.split("/")[1:] if part)
        """Characters of the data source's own number, and of folders of Cells on the way to the root: up to 999 beside each."""
        self._counts: Counter[bytes] | None = None
        self._lengths: dict[bytes, int] = {b"": self._above}

    def too_deep(self, path: bytes) -> bool:
        """Whether its place, as the numbers are given when folders were empty before, may be longer than the index can hold."""
        if path.count(b"/") <= SHALLOW:
            return False
        if self._counts is None:
            self._counts = Counter(below.rpartition(b"/")[0] for below in self._ledger.files_below(self._root, b""))
        return self._length(path) > CHARACTERS

    def _length(self, path: bytes) -> int:
        assert self._counts is not None
        parts = []
        while path not in self._lengths:
            parts.append(path)
            path = path.rpartition(b"/")[0]
        total = self._lengths[path]
        for part in reversed(parts):
            total += 1 + len(str(self._counts[part.rpartition(b"/")[0]] + 1))  # one more: the mark that Cells puts into a folder on disk
            if part.count(b"/") % 16 == 0:
                self._lengths[part] = total
        return total
