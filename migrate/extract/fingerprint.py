"""Which version wrote this, when no file says so? By tables and columns, or by what stored objects hold (AjaXplorer 2.6 to Pydio 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrate.errors import finding
from migrate.extract.installation import VERSION_UNKNOWN, Installation
from migrate.extract.regular import read_regular
from migrate.extract.serial import SerialStore
from migrate.extract.sql import SqlStore

if TYPE_CHECKING:
    from migrate.extract.store import Store

SCHEMA: tuple[tuple[str, str | None, str], ...] = (
    ("ajxp_roles", "owner_user_id", "8.0"),
    ("ajxp_tasks", None, "6.5"),
    ("ajxp_mail_queue", "recipient", "6.4"),
    ("ajxp_roles", "last_updated", "6.2"),
    ("ajxp_version", None, "6.0"),
    ("ajxp_log", "source", "5.3"),
    ("ajxp_user_teams", None, "5.1"),
    ("ajxp_simple_store", "insertion_date", "5.1"),
    ("ajxp_groups", None, "4.3"),
    ("ajxp_simple_store", None, "4.3"),
    ("ajxp_repo", "istemplate", "4.0"),
    ("ajxp_repo", "parent_uuid", "3.2"),
    ("ajxp_roles", None, "3.1"),
    ("ajxp_users", None, "2.6"),
)
"""Table, column (None: the table itself) and the first version that had it, newest first."""
OBJECTS: tuple[tuple[bytes, str], ...] = (
    (b"\0contentFilterData", "6.4"),
    (b"\0*\0lastUpdated", "6.2"),
    (b"\0*\0contentFilter", "5.3"),
    (b'"AJXP_Role"', "4.3"),
    (b"\0*\0groupPath", "4.3"),
    (b"\0inferOptionsFromParent", "4.0"),
    (b'"AjxpRole"', "3.3"),
)
"""What files of the serial drivers hold from which version on, newest first."""


def version_of_schema(tables: Mapping[str, Sequence[str]]) -> str | None:
    """The first version with this schema. `tables`: table -> columns, all in lower case."""
    return next((version for table, column, version in SCHEMA if table in tables and (column is None or column in tables[table])), None)


def version_of_objects(texts: Sequence[bytes]) -> str | None:
    """The first version that wrote such objects."""
    return next((version for mark, version in OBJECTS if any(mark in text for text in texts)), None)


def settle_version(installation: Installation, store: Store) -> None:
    """Where the version is only guessed from folders: take what the storage tells, when that is newer or of SQL. An upgraded
    installation keeps old objects, so files can only raise the guess."""
    if installation.version_certain:
        return
    found = None
    if isinstance(store, SqlStore):
        found = version_of_schema(store.tables())
    elif isinstance(store, SerialStore):
        found = version_of_objects([_bytes(path) for path in (store.files.workspaces, store.files.roles)])
        found = max(found or "0", installation.version, key=_numbers)
    if found is None or found == installation.version:
        return
    installation.version = found
    known = [entry for entry in installation.findings if entry.code == VERSION_UNKNOWN.code]
    for entry in known:
        better = finding(VERSION_UNKNOWN, entry.kind, entry.subject, version=found)
        installation.findings[installation.findings.index(entry)] = replace(entry, message=better.message)


def _bytes(path: Path) -> bytes:
    try:
        return read_regular(path, 64 * 2**20)
    except OSError:
        return b""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
