"""Findings of the same kind about many records become one, with their number and an example."""

from __future__ import annotations

from collections.abc import Iterator

from migrate.errors import Code, Finding, finding


class Remarks:
    """Collects (code, kind, subject) with how often and the first example."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], tuple[Code, int, str]] = {}

    def add(self, entry: Code, kind: str, subject: str, example: str) -> None:
        """One more."""
        _, number, first = self._seen.get((entry.code, kind, subject), (entry, 0, example))
        self._seen[(entry.code, kind, subject)] = (entry, number + 1, first)

    def findings(self) -> Iterator[Finding]:
        """One finding for each code and subject."""
        for (_, kind, subject), (entry, number, example) in sorted(self._seen.items(), key=lambda item: item[0]):
            yield finding(entry, kind, subject, number=number, example=example)
