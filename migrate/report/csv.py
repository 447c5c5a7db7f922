"""Everything that is not green, as a spreadsheet: one line each, with reason and remedy."""

from __future__ import annotations

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from migrate.errors import Code, catalogue
from migrate.ledger import Ledger, State
from migrate.report.words import cell, key_shown
from migrate.text import shown

COLUMNS = ("what", "kind", "subject", "outcome", "code", "message", "what to do")


def write_csv(ledger: Ledger, path: Path) -> int:
    """Write the table (UTF-8 with mark, so that spreadsheets read it right; mode 0600); gives the number of lines."""
    number = 0

    def fill(out: IO[str]) -> None:
        nonlocal number
        table = csv.writer(out)
        table.writerow(COLUMNS)
        for row in rows(ledger):
            table.writerow([cell(value) for value in row])
            number += 1

    replace_file(path, fill, encoding="utf-8-sig", newline="")
    return number


def rows(ledger: Ledger) -> Iterator[tuple[str, ...]]:
    """Differences, failed and skipped items, warnings and errors, announced losses of access; streamed."""
    codes = catalogue()
    for difference in (ledger.get("verify") or {}).get("differences", []):
        yield ("difference", difference["kind"], difference["subject"], "wider" if difference.get("wider") else "differs", "",
               f"before: {difference['source'] or 'nothing'}; now: {difference['target'] or 'nothing'}", "")
    for kind, key, outcome, code, detail in ledger.settled("failed", "skipped"):
        entry = codes.get(code or "")
        yield ("item", kind, key_shown(key), outcome, code or "", detail or _title(entry, kind, key_shown(key)), _remedy(entry, kind, key_shown(key)))
    for row in ledger.files(None, State.FAILED, State.SKIPPED):
        entry = codes.get(row.code or "")
        subject = f"{key_shown(row.root)} › {shown(row.path)}"
        yield ("item", "files", subject, row.state.value, row.code or "", _title(entry, "files", subject), _remedy(entry, "files", subject))
    for stage, found in ledger.findings():
        if found.severity != "info" and stage != "verify":
            yield ("finding", found.kind, key_shown(found.subject), found.severity, found.code, found.message, found.remedy)
    for login, workspace, before, planned, code in ledger.access():
        if before != planned:
            entry = codes.get(code or "")
            yield ("access", "access", f"{login}: {workspace}", "changes", code or "", f"before: {before or 'none'}; in Cells: {planned or 'none'}",
                   _remedy(entry, "access", login))


def _title(entry: Code | None, kind: str, subject: str) -> str:
    return "" if entry is None else _filled(entry.title, kind, subject)


def _remedy(entry: Code | None, kind: str, subject: str) -> str:
    return "" if entry is None else _filled(entry.remedy, kind, subject)


def _filled(text: str, kind: str, subject: str) -> str:
    return text.replace("{subject}", subject).replace("{kind}", kind)


def replace_file(path: Path, fill: Callable[[IO[str]], None], *, encoding: str = "utf-8", newline: str | None = None) -> None:
    """Write a file beside `path` and put it in its place when it is whole, so that nobody ever sees half a report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)  # mkstemp makes it 0600
    try:
        with open(handle, "w", encoding=encoding, errors="backslashreplace", newline=newline) as out:
            fill(out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
