"""What can be decided in the mapping files? Their columns, what each allows, and the decisions as records. The text is `mapping_text`'s."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

TEMPLATES = ("pydio_shared_folder", "pydio_film_strip", "pydio_unique_strip", "pydio_unique_dl", "pydio_dropbox_template")


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
