"""Which metadata files are there, and whose nodes do they describe?

Two kinds. In folders: one file per folder, beside the nodes, for what belongs to the content (fields, locks). Outside:
`ajxp_meta_<workspace>[suffix]` in the data folder, for what belongs to a workspace (watches, marks, and everything where
the administrator chose so); the suffix tells the user or group whose folder is meant. Up to 4.2 there was no suffix, so
all users of a per-user workspace wrote into one file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract.definitions import BrokenWorkspace
from migrate.extract.folders import known_groups
from migrate.extract.metastore import DEFAULT_FILE, MetaFileError, StoredMeta, read_meta_file
from migrate.extract.names import join
from migrate.extract.plain import items, text
from migrate.extract.records import NodePath, Root
from migrate.extract.store import Unreadable
from migrate.extract.tree import Walk
from migrate.extract.workspaces import scope
from migrate.text import shown

if TYPE_CHECKING:
    from migrate.extract.context import Context

META_FILE_UNREADABLE = code(
    "F1601",
    Severity.ERROR,
    "The metadata file {subject} cannot be read ({reason}); what it says about its nodes is lost.",
    "Restore the file from a backup.",
)
META_FILE_FOREIGN = code(
    "F1602",
    Severity.INFO,
    "The metadata file {subject} belongs to no known workspace, user or group and is left out.",
    "Nothing needs to be done, unless the workspace was lost.",
)

SERIAL, XATTR, OTHER, NONE = "serial", "xattr", "other", "none"
PREFIX = "ajxp_meta_"


@dataclass(frozen=True, slots=True)
class MetaStore:
    """Where a workspace keeps metadata. `kind`: SERIAL (files), XATTR, OTHER (on a remote storage) or NONE.
    `outside`: everything is in the data folder. `name`: of the files in folders."""

    kind: str
    outside: bool = False
    name: str = DEFAULT_FILE


@dataclass(frozen=True, slots=True)
class OutsideFile:
    """A file of the data folder. `user`, `group`: whose folder, from the suffix; both None for shared folders.
    `mixed`: a per-user or per-group workspace without suffix, so several people's nodes are in one file."""

    path: str
    workspace: str
    user: str | None = None
    group: str | None = None
    mixed: bool = False


def metastore_of(context: Context, workspace: str) -> MetaStore:
    """Where a workspace keeps metadata, by its META_SOURCES (inherited ones included)."""
    try:
        sources = context.workspaces.raw_option(workspace, "META_SOURCES")
    except (BrokenWorkspace, KeyError):
        return MetaStore(NONE)
    if isinstance(sources, Unreadable):
        return MetaStore(SERIAL)  # the file names are almost always the default ones
    plugins = dict(items(sources))
    defaults = dict(items(context.plugin_options.get("metastore.serial")))
    if "metastore.serial" in plugins:
        options = {**defaults, **dict(items(plugins["metastore.serial"]))}
        outside = (text(options.get("METADATA_FILE_LOCATION")) or "infolders") == "outside"
        return MetaStore(SERIAL, outside, _file_name(options.get("METADATA_FILE")))
    if "meta.serial" in plugins:
        return MetaStore(SERIAL, False, _file_name(dict(items(plugins["meta.serial"])).get("meta_file_name")))
    if "metastore.xattr" in plugins:
        return MetaStore(XATTR)
    return MetaStore(OTHER if any(name.startswith("metastore.") for name in plugins) else NONE)


def _file_name(stored: Any) -> str:
    name = text(stored) or DEFAULT_FILE
    return name if "/" not in name and name not in (".", "..") else DEFAULT_FILE


def metadata_in_folders(context: Context, root: Root, name: str) -> Iterator[tuple[NodePath, str, list[StoredMeta]]]:
    """(folder path, real folder, entries) for every folder of a root that has a metadata file. Damage is a finding."""
    if root.folder is None or root.missing or not os.path.isdir(root.folder):
        return

    def ignore(what: str, path: bytes, detail: str) -> None:
        """The walk over files reports what cannot be read; here the same would be said twice."""

    def folders() -> Iterator[tuple[str, bytes]]:
        yield "/", os.fsencode(root.folder or "")
        for item in Walk(root.folder or "", ignore, translate=context.here):
            if item.is_dir:
                yield os.fsdecode(item.path), item.real

    for path, real in folders():
        try:
            entries = read_meta_file(os.path.join(real, os.fsencode(name)))
        except MetaFileError as error:
            subject = f"{root.workspace}:{shown(os.fsencode(join(path, name)))}"
            context.findings(finding(META_FILE_UNREADABLE, "metadata", subject, reason=error.reason))
            continue
        if entries:
            yield NodePath(path), os.fsdecode(real), entries


def outside_files(context: Context) -> Iterator[OutsideFile]:
    """The metadata files of the data folder that belong to a known workspace; backups (`.bak`) and others are left out."""
    folder = context.here(str(context.installation.data_path).rstrip("/") + "/plugins/metastore.serial")
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if not name.startswith(PREFIX) or name.endswith(".bak"):
            continue
        found = _owner(context, name.removeprefix(PREFIX))
        if found is None:
            context.findings(finding(META_FILE_FOREIGN, "metadata", shown(os.fsencode(name))))
            continue
        workspace, user, group, mixed = found
        yield OutsideFile(os.path.join(folder, name), workspace, user, group, mixed)


def _owner(context: Context, rest: str) -> tuple[str, str | None, str | None, bool] | None:
    """Workspace, user and group that the rest of a file name stands for: ids and logins may hold `_`, so what is known is
    compared, the longest id first."""
    ends = [len(rest)] + [n for n in range(len(rest) - 1, 0, -1) if rest[n] == "_"]
    for end in ends:
        workspace, suffix = rest[:end], rest[end:]
        definition = context.workspaces.get(workspace)
        if definition is None:
            continue
        kind = scope(context.workspaces, definition)
        if not suffix:
            return workspace, None, None, kind != "shared"
        who = suffix[1:]
        if kind == "group" or (kind == "shared" and who.startswith("__")):
            return workspace, None, _group(context, who), False
        known = context.login(who)
        if known is not None and known.is_person:
            return workspace, known.login, None, False
        if who.startswith("__"):
            return workspace, None, _group(context, who), False
    return None


def _group(context: Context, encoded: str) -> str:
    """A group path from its form in file names (`/` became `__`); known groups are compared, since names may hold `__`."""
    for path in known_groups(context):
        if path.replace("/", "__") == encoded:
            return path
    return "/" + "/".join(step for step in encoded.split("__") if step)


def read_outside(context: Context, place: OutsideFile) -> list[StoredMeta]:
    """The entries of an outside file; damage is a finding."""
    try:
        return read_meta_file(place.path)
    except MetaFileError as error:
        subject = shown(os.fsencode(os.path.basename(place.path)))
        context.findings(finding(META_FILE_UNREADABLE, "metadata", subject, reason=error.reason))
        return []
