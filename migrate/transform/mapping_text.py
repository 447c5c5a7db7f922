"""How is a mapping file read and written? Text of CSV files in, decisions and all mistakes out, and back; no I/O.

A file is CSV in UTF-8 with a line of column names; lines that start with `#` are comments. Empty cells mean "as proposed".
Cells that a spreadsheet would take for a formula have a `'` in front, which reading takes away again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from migrate.transform.mapping import LAYOUTS, Layout, Mappings, Problem, Proposal, UserLine, WorkspaceLine

FORMULA = re.compile(r"['=+\-@\t\r]")


def parse(texts: Mapping[str, str]) -> tuple[Mappings, list[Problem]]:
    """Read the text of mapping files, by file name. All mistakes of all files are found; lines with mistakes are left out."""
    problems: list[Problem] = []
    read = {name: _read(layout, texts[name], problems) if name in texts else {} for name, layout in LAYOUTS.items()}
    for name in texts:
        if name not in LAYOUTS and name.endswith(".csv"):
            problems.append(Problem(name, 1, "", f"there is no mapping file of this name; known are {', '.join(LAYOUTS)}"))
    _across(read, problems)
    return Mappings(read["users.csv"], read["groups.csv"], read["roles.csv"], read["workspaces.csv"], read["fields.csv"], read["layouts.csv"]), problems


def _read(layout: Layout, text: str, problems: list[Problem]) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    header: list[str] | None = None
    for line, cells in _records(layout.file, text, problems):
        if header is None:
            header = [cell.strip() for cell in cells]
            _check_header(layout, line, header, problems)
            continue
        if len(cells) > len(header):
            problems.append(Problem(layout.file, line, "", f"it has {len(cells)} cells, but there are {len(header)} columns; quote cells that hold a comma"))
            continue
        values = {
            name: unguarded(cell) if name == layout.key else unguarded(cell.strip())
            for name, cell in zip(header, cells, strict=False)
            if name in layout.columns and cell.strip()
        }
        key = values.get(layout.key, "")
        before = len(problems)
        if not key:
            problems.append(Problem(layout.file, line, layout.key, "it is empty"))
        elif key in rows:
            problems.append(Problem(layout.file, line, layout.key, f"'{key}' stands in the file twice"))
        for name, value in values.items():
            wrong = layout.checks[name](value) if name in layout.checks else None
            if wrong:
                problems.append(Problem(layout.file, line, name, wrong))
        row = layout.row(**values) if key else None
        if row is not None:
            problems.extend(Problem(layout.file, line, column, what) for column, what in _inside(row))
        if len(problems) == before:
            rows[key] = row
    return rows


def _records(name: str, text: str, problems: list[Problem]) -> Iterable[tuple[int, list[str]]]:
    """(line number, cells) of every line that is no comment. Quoted cells may hold line ends."""
    pending, start = "", 0
    for number, line in enumerate(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"), 1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        start = start if pending else number
        pending += line + "\n"
        if pending.count('"') % 2:
            continue
        try:
            lines = list(csv.reader(io.StringIO(pending, newline=""), strict=True))
            if len(lines) > 1:
                raise csv.Error("a line ends inside a cell that is not quoted")
            cells = lines[0] if lines else []
        except csv.Error as error:
            problems.append(Problem(name, start, "", f"it is no CSV ({error})"))
            cells = []
        pending = ""
        if any(cell.strip() for cell in cells):
            yield start, cells
    if pending:
        problems.append(Problem(name, start, "", 'a quote (") is opened and not closed'))


def _check_header(layout: Layout, line: int, header: list[str], problems: list[Problem]) -> None:
    for name in header:
        if name and name not in layout.columns:
            problems.append(Problem(layout.file, line, name, f"there is no such column; known are {', '.join(layout.columns)}"))
    if layout.key not in header:
        problems.append(Problem(layout.file, line, layout.key, "this column is missing"))
    for name in {n for n in header if n and header.count(n) > 1}:
        problems.append(Problem(layout.file, line, name, "this column is there twice"))


def _inside(row: Any) -> Iterable[tuple[str, str]]:
    if isinstance(row, UserLine) and row.action == "merge" and not row.new_login:
        yield "new_login", "merge needs the login of the Cells account"
    if isinstance(row, WorkspaceLine):
        if row.action == "merge" and not row.cells_workspace:
            yield "cells_workspace", "merge needs the slug of the Cells workspace"
        if row.route == "in-place" and not row.data_source:
            yield "data_source", "in-place needs the name of a data source"
        if row.folder and row.route not in ("in-place", "external"):
            yield "folder", "a folder is only used with route in-place or external"
        if row.route == "external" and row.folder and not row.data_source:
            yield "data_source", "a folder needs the name of the data source it becomes"
        if row.route == "in-place" and row.action == "merge":
            yield "route", "in-place and merge do not go together"


def _across(read: Mapping[str, Mapping[str, Any]], problems: list[Problem]) -> None:
    for file, column in (("users.csv", "new_login"), ("groups.csv", "new_path"), ("workspaces.csv", "slug"), ("fields.csv", "name")):
        seen: dict[str, str] = {}
        for key, row in read[file].items():
            value = getattr(row, column)
            if value and row.action != "skip":
                if value in seen:
                    problems.append(Problem(file, 0, column, f"'{value}' is given to both '{seen[value]}' and '{key}'"))
                seen[value] = key
    folders: dict[str, str] = {}
    for key, row in read["workspaces.csv"].items():
        if row.folder and folders.setdefault(row.data_source, row.folder) != row.folder:
            problems.append(Problem("workspaces.csv", 0, "folder", f"data source '{row.data_source}' has another folder for '{key}' than in an earlier line"))


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell and FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """The value of a guarded cell."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and FORMULA.match(cell[1]) else cell


def template(layout: Layout) -> str:
    """An empty file: what it is for, every column, the header."""
    lines = [f"# {layout.file}: {(layout.row.__doc__ or '').split(': ', 1)[-1]}", "# Empty cells mean: as proposed. Lines that start with # are comments.", "#"]
    lines += [f"# {name}: {meaning}" for name, meaning in layout.columns.items()]
    return "\n".join(lines) + "\n" + ",".join(layout.columns) + "\n"


def csv_line(layout: Layout, values: Mapping[str, str], header: list[str] | None = None) -> str:
    """One line of a file, with a line end."""
    cells = [guarded(values.get(name, "")) for name in header or list(layout.columns)]
    out = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if cells[0].lstrip().startswith("#") else csv.QUOTE_MINIMAL  # or it would be a comment
    csv.writer(out, lineterminator="\n", quoting=quoting).writerow(cells)
    return out.getvalue()


def with_proposals(layout: Layout, text: str | None, proposals: Iterable[Proposal]) -> tuple[str, list[str]]:
    """The file with proposed lines appended whose key it does not have yet; and their keys. Existing lines stay byte for byte."""
    body = template(layout) if text is None or not text.strip() else text
    problems: list[Problem] = []
    header, known = list(layout.columns), set()
    for index, (_, cells) in enumerate(_records(layout.file, body, problems)):
        if index == 0:
            header = [cell.strip() for cell in cells]
            continue
        at = header.index(layout.key) if layout.key in header else 0
        if at < len(cells):
            known.add(unguarded(cells[at]))
    if problems or layout.key not in header:
        return body, []
    added: list[str] = []
    lines: list[str] = []
    for proposal in proposals:
        key = proposal.values.get(layout.key, "")
        if key and key not in known and "\0" not in key:  # a NUL is no CSV for some readers
            known.add(key)
            added.append(key)
            lines.append(csv_line(layout, proposal.values, header))
    if lines and not body.endswith("\n"):
        body += "\n"
    return body + "".join(lines), added
