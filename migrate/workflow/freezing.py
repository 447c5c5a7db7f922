"""Is the old server frozen? Two looks at everything, database and folders: what moved between them is named."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from migrate.errors import Finding, Severity, code, finding
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.text import shown
from migrate.workflow.settings import Settings
from migrate.workflow.survey import PEOPLE, REST, survey

MOVED = code("F2920", Severity.ERROR, "{kind}: {subject} was {what} on the old server between two looks: it is not frozen.",
             "Stop the old application (web server, scheduled tasks, synchronisation, mounts that others write to), then run `plan --frozen` again.",
             "The last transfer is only complete when nothing changes on the old server any more. Both looks read the database and list all folders.")
NAMED = 200
"""How many moved things are named one by one; all are counted."""
KINDS = (*PEOPLE, "children", "own-roles", *REST)
KEY = "frozen"
"""Fact: when the two looks were (epoch seconds) and how much moved between them."""
K = TypeVar("K", str, "tuple[str, bytes]")


def second_look(work: Path, ledger: Ledger, secrets: Secrets, settings: Settings, *, first: float, pause: float, stop: StopSignal | None,
                now: Callable[[], float], progress: Callable[[str, int], None] = lambda _k, _n: None) -> list[Finding]:
    """Look again, at least `pause` seconds after the first look ended at `first`, and compare with the ledger. Remembers the result."""
    waiting = max(0.0, pause - max(0.0, now() - first))
    if (stop or StopSignal()).wait(waiting) and stop is not None:
        stop.check()
    with tempfile.TemporaryDirectory(prefix="second-look-", dir=work) as beside, Ledger.create(Path(beside)) as again:
        source = settings.open_source(secrets)
        try:
            survey(again, source, progress=progress)
        finally:
            source.close()
        if stop is not None:
            stop.check()
        moved = 0
        findings: list[Finding] = []
        for kind, subject, what in differences(ledger, again):
            moved += 1
            if moved <= NAMED:
                findings.append(finding(MOVED, kind, subject, what=what))
    ledger.put(KEY, {"first": int(first), "second": int(now()), "moved": moved})
    return findings


def differences(one: Ledger, two: Ledger) -> Iterator[tuple[str, str, str]]:
    """(kind, subject, `added`, `removed` or `changed`) of everything that is not the same in two surveys."""
    for kind in KINDS:
        for key, what in _compared(iter(one.records(kind)), iter(two.records(kind))):
            yield kind, key.replace("\0", " ").strip(), what
    for (root, path), what in _compared(_files(one), _files(two)):
        yield "files", f"{root.replace(chr(0), ' ').strip()}: {shown(path)}", what


def _files(ledger: Ledger) -> Iterator[tuple[tuple[str, bytes], Any]]:
    return (((row.root, row.path), (row.type, row.size if row.type == "file" else None, row.mtime)) for row in ledger.files())


def _compared(one: Iterator[tuple[K, Any]], two: Iterator[tuple[K, Any]]) -> Iterator[tuple[K, str]]:
    """Both in order of keys; nothing is held."""
    left, right = next(one, None), next(two, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield left[0], "removed"
            left = next(one, None)
        elif left is None or right[0] < left[0]:
            yield right[0], "added"
            right = next(two, None)
        else:
            if left[1] != right[1]:
                yield left[0], "changed"
            left, right = next(one, None), next(two, None)
