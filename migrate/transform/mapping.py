"""What did the administrator decide in the mapping files? Text of CSV files in, decisions or a list of mistakes out; no I/O.

A file is CSV in UTF-8 with a line of column names; lines that start with `#` are comments. Empty cells mean "as proposed".
Cells that a spreadsheet would take for a formula have a `'` in front, which reading takes away again."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

TEMPLATES = ("pydio_shared_folder", "pydio_film_strip", "pydio_unique_strip", "pydio_unique_dl", "pydio_dropbox_template")
FORMULA = re.compile(r"['=+\-@\t\r]")


@dataclass(frozen=True, slots=True)
class UserLine:
    """users.csv: what becomes of an account."""

    old_login: str
    action: str = "keep"
    new_login: str = ""
    profile: str = ""
    note: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class GroupLine:
    """groups.csv: what becomes of a group."""

    old_path: str
    action: str = "keep"
    new_path: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RoleLine:
    """roles.csv: what becomes of a role."""

    old_role: str
    action: str = "keep"
    label: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class WorkspaceLine:
    """workspaces.csv: what becomes of a workspace and where its files go."""

    old_workspace: str
    action: str = "keep"
    slug: str = ""
    label: str = ""
    cells_workspace: str = ""
    personal: str = ""
    data_source: str = ""
    route: str = ""
    folder: str = ""
    path: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class FieldLine:
    """fields.csv: what becomes of a field that people filled in for files."""

    old_field: str
    action: str = "keep"
    name: str = ""
    label: str = ""
    type: str = ""
    private: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class LayoutLine:
    """layouts.csv: which page of Cells shows a public link."""

    old_layout: str
    template: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mappings:
    """All decisions, by old login, path or id. Nothing in them: everything as proposed."""

    users: Mapping[str, UserLine] = field(default_factory=dict)
    groups: Mapping[str, GroupLine] = field(default_factory=dict)
    roles: Mapping[str, RoleLine] = field(default_factory=dict)
    workspaces: Mapping[str, WorkspaceLine] = field(default_factory=dict)
    fields: Mapping[str, FieldLine] = field(default_factory=dict)
    layouts: Mapping[str, LayoutLine] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A mistake in a mapping file. `line` counts from 1; `column` is "" when the whole line is meant."""

    file: str
    line: int
    column: str
    what: str

    def __str__(self) -> str:
        where = f"{self.file} line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A line that the plan would put into a mapping file: `values` by column."""

    file: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of one file, each with what it means and how it is checked (a message, or None when fine)."""

    file: str
    row: type[Any]
    columns: Mapping[str, str]
    checks: Mapping[str, Callable[[str], str | None]]

    @property
    def key(self) -> str:
        return next(iter(self.columns))


def _one_of(*values: str) -> Callable[[str], str | None]:
    return lambda value: None if value in values else f"'{value}' is not one of {', '.join(values)}"


def _login(value: str) -> str | None:
    if len(value) > 250:
        return "a login has at most 250 characters"
    return "a login has no / \\ % * or control characters" if re.search("[/\\\\%*\x00-\x1f]", value) or value in (".", "..") else None


def _group(value: str) -> str | None:
    if not value.startswith("/") or value == "/":
        return "a group path starts with / and names a group, like /sales/eu"
    parts = value.strip("/").split("/")
    return "a level of the path is empty, too long or has characters that Cells mishandles" if any(not p or _login(p) for p in parts) else None


def _slug(value: str) -> str | None:
    return None if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", value) else "a slug has small letters, digits and single - only"


def _data_source(value: str) -> str | None:
    return None if re.fullmatch(r"[0-9a-z]{1,33}", value) else "a data source has at most 33 small letters and digits"


def _folder(value: str) -> str | None:
    if not value.startswith("/") or len([p for p in value.split("/") if p]) < 2:
        return "name a folder at least two levels deep, from /, as the Cells machine sees it"
    return "the folder must not hold . or .. parts" if any(p in (".", "..") for p in value.split("/")) else None


def _path(value: str) -> str | None:
    parts = value.strip("/").split("/")
    return "a path inside the data source has no empty, . or .. parts" if any(p in ("", ".", "..") for p in parts) else None


def _field_name(value: str) -> str | None:
    return None if re.fullmatch(r"[a-z0-9_-]{1,200}", value) else "the name of a field has small letters, digits, _ and - only"


LAYOUTS: Mapping[str, Layout] = {
    layout.file: layout
    for layout in (
        Layout(
            "users.csv",
            UserLine,
            {
                "old_login": "login on the old server, exactly",
                "action": "keep (default), skip (leave the account out) or merge (give its rights and files to the existing Cells account new_login)",
                "new_login": "login in Cells, when it shall differ",
                "profile": "standard, shared or admin, when it shall differ",
                "note": "for you; not read",
                "password": "temporary, keep, reset or none, when it shall differ from --passwords",
            },
            {"action": _one_of("keep", "skip", "merge"), "new_login": _login, "profile": _one_of("standard", "shared", "admin"),
             "password": _one_of("temporary", "keep", "reset", "none")},
        ),
        Layout(
            "groups.csv",
            GroupLine,
            {
                "old_path": "path on the old server, like /sales/eu",
                "action": "keep (default) or skip (its people go to the group above)",
                "new_path": "path in Cells, when it shall differ",
                "note": "for you; not read",
            },
            {"action": _one_of("keep", "skip"), "new_path": _group},
        ),
        Layout(
            "roles.csv",
            RoleLine,
            {
                "old_role": "id of the role on the old server",
                "action": "keep (default) or skip (what it gave goes onto people's own roles)",
                "label": "name shown in Cells, when it shall differ",
                "note": "for you; not read",
            },
            {"action": _one_of("keep", "skip")},
        ),
        Layout(
            "workspaces.csv",
            WorkspaceLine,
            {
                "old_workspace": "id of the workspace on the old server",
                "action": "keep (default), skip (leave it out) or merge (onto the existing workspace cells_workspace)",
                "slug": "address in Cells: small letters, digits and -",
                "label": "name shown in Cells",
                "cells_workspace": "slug of the existing Cells workspace to merge onto",
                "personal": "yes: this per-user workspace becomes people's personal files; no: it becomes a workspace of its own",
                "data_source": "name of the data source that shall hold the files (made when there is none of that name)",
                "route": "upload (default: files are sent to Cells), in-place (Cells indexes a folder as it lies; dates are kept, Cells writes into it) "
                "or external (somebody else copies the files; lists and commands are written, what arrived is checked)",
                "folder": "in-place or external: the folder as the Cells machine sees it, usually for a copy; it becomes the root of data_source",
                "path": "folder inside the data source, when it shall not be the slug (upload) or the data source's root (in-place)",
                "note": "for you; not read",
            },
            {
                "action": _one_of("keep", "skip", "merge"),
                "slug": _slug,
                "cells_workspace": lambda _: None,
                "personal": _one_of("yes", "no"),
                "data_source": _data_source,
                "route": _one_of("upload", "in-place", "external"),
                "folder": _folder,
                "path": _path,
            },
        ),
        Layout(
            "layouts.csv",
            LayoutLine,
            {
                "old_layout": "layout of public links on the old server, such as ajxp_shared_folder",
                "template": "page of Cells: pydio_shared_folder, pydio_film_strip, pydio_unique_strip, pydio_unique_dl or pydio_dropbox_template",
                "note": "for you; not read",
            },
            {"template": _one_of("", *TEMPLATES)},
        ),
        Layout(
            "fields.csv",
            FieldLine,
            {
                "old_field": "id of the field on the old server; with `:type` behind it for a second definition of the same id",
                "action": "keep (default), skip (leave the field and its values out) or update (change the field of that name in Cells, where there is one)",
                "name": "name in Cells behind `usermeta-`, when it shall differ",
                "label": "label shown in Cells, when it shall differ",
                "type": "string, textarea, stars_rate, css_label, choice, tags, boolean, date or integer, when it shall differ",
                "private": "show: values that only one person saw become visible to everybody who sees the file; skip (default): they are left out",
                "note": "for you; not read",
            },
            {"action": _one_of("keep", "skip", "update"), "name": _field_name, "private": _one_of("show", "skip"),
             "type": _one_of("string", "textarea", "stars_rate", "css_label", "choice", "tags", "boolean", "date", "integer")},
        ),
    )
}


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


def columns_of(row: type[Any]) -> list[str]:
    """Column names of a line, in order."""
    return [f.name for f in fields(row)]
