"""What was stored of each workspace, and what does an option of it mean for a user?

`Definitions.option` resolves one option as the old application did (getContextOption and its variable filter, 3.3 to
8.2.5): parents, templates and variables. Damage is a finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.plain import items, normal_group, path_text, text, truth
from migrate.extract.store import Unreadable, WorkspaceRow

OPTION_UNREADABLE = code(
    "F1303",
    Severity.ERROR,
    "Option {option} of workspace {subject} cannot be read ({reason}).",
    "Restore the option from a backup; without it the workspace may lack its path, fields or filter.",
)
NO_OPTIONS = code(
    "F1304",
    Severity.WARNING,
    "Workspace {subject} has no options at all; the old application could not open it.",
    "Give the workspace its path again in the old application, or leave it behind.",
)
DUPLICATE_WORKSPACE = code(
    "F1305",
    Severity.WARNING,
    "Workspace id {subject} is stored twice; the first one is used.",
    "Remove the second row if it is a left-over.",
)

BUILTIN_DRIVERS = frozenset({"ajxp_conf", "ajxp_home", "ajxp_user", "ajxp_shared", "ajxp_admin", "inbox"})
_PARENT_OPTION = re.compile(r"AJXP_PARENT_OPTION:([\w-]*):?")
MAX_DEPTH = 50


class BrokenWorkspace(Exception):
    """An option cannot be resolved because a parent is missing or circular. Never leaves the extract room."""


@dataclass(frozen=True, slots=True)
class WorkspaceDefinition:
    """One stored workspace. `driver` without `access.`; `options`: name -> decoded PHP value (texts as str with
    surrogate escapes, `Unreadable` where damaged); `creator`: child_user_id, the only user who may use it; `slug` as stored."""

    id: str
    label: str
    slug: str
    driver: str
    parent_id: str | None
    owner: str | None
    creator: str | None
    template: bool
    infers: bool
    group: str | None
    options: Mapping[str, Any] = field(repr=False)
    static: bool = False

    @property
    def shared_child(self) -> bool:
        """Whether a user made it by sharing a folder or file."""
        return self.owner is not None

    @property
    def builtin(self) -> bool:
        """Whether it is a page of the application, not a place of files."""
        return self.driver in BUILTIN_DRIVERS

    @property
    def content_filter(self) -> Any:
        """The stored filter of a share of single files (a PhpObject), None without."""
        return self.options.get("content_filter")


@dataclass(frozen=True, slots=True)
class OldPaths:
    """What the path constants meant on the old machine, and whether users were enabled (else AJXP_USER is `shared`)."""

    install: str
    data: str
    users_enabled: bool = True


@dataclass(frozen=True, slots=True)
class _Visit:
    """Who opens which workspace: what the variables stand for."""

    opened: WorkspaceDefinition
    user: str | None
    group: str | None


class Definitions(Mapping[str, WorkspaceDefinition]):
    """All workspaces by id, with option resolution. `group_of`: login -> group path. `version`: (major, minor) of the
    application, since 6.4 looked at a parent's value before the workspace's own."""

    def __init__(
        self, entries: Iterable[WorkspaceDefinition], paths: OldPaths, group_of: Callable[[str], str], version: tuple[int, ...]
    ) -> None:
        self._entries = {entry.id: entry for entry in entries}
        self._paths = paths
        self._group_of = group_of
        self._version = version

    def __getitem__(self, key: str) -> WorkspaceDefinition:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def parent(self, workspace: WorkspaceDefinition) -> WorkspaceDefinition | None:
        """The parent workspace. Raises BrokenWorkspace when one is named but missing."""
        if workspace.parent_id is None:
            return None
        found = self._entries.get(workspace.parent_id)
        if found is None:
            raise BrokenWorkspace(workspace.id)
        return found

    def raw_option(self, workspace: str, name: str, _depth: int = 0) -> Any:
        """The option as stored, inherited where the workspace has none of its own; variables stay as they are.
        None where nobody has it. Raises BrokenWorkspace."""
        entry = self._entries[workspace]
        if _depth > MAX_DEPTH:
            raise BrokenWorkspace(workspace)
        if name in entry.options:
            return entry.options[name]
        if entry.infers and entry.parent_id is not None:
            return self.raw_option(self.parent(entry).id, name, _depth + 1)
        return None

    def option(self, workspace: str, name: str, user: str | None = None, group: str | None = None) -> Any:
        """The option as the application saw it for `user` (login). Without `user` the variables AJXP_USER and
        AJXP_GROUP_PATH* stay in the text, so that a scope can be told. `group` overrides the user's group.
        Texts are str with surrogate escapes, paths are those of the old machine. Raises BrokenWorkspace."""
        entry = self._entries[workspace]
        return self._option(entry, name, _Visit(entry, user, group), 0)

    def _option(self, entry: WorkspaceDefinition, name: str, visit: _Visit, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise BrokenWorkspace(entry.id)
        parent = self.parent(entry) if entry.infers else None
        if parent is not None:
            own = entry.options.get(name)
            inherited = self._option(parent, name, visit, depth + 1)
            if isinstance(inherited, str):
                changed = False
                if (6, 4) <= self._version[:2] < (6, 5):
                    stored = self.raw_option(parent.id, name)
                    changed = isinstance(stored, str) and ("AJXP_WORKSPACE_UUID" in stored or "AJXP_WORKSPACE_SLUG" in stored)
                if "AJXP_ALLOW_SUB_PATH" in inherited:
                    base = inherited.replace("AJXP_ALLOW_SUB_PATH", "").rstrip("/")
                    inherited = base + "/" + (own if isinstance(own, str) else "")
                    changed = True
                if changed:
                    return secure_path(inherited)
        if name in entry.options:
            return self._filter(entry.options[name], entry, visit, depth)
        return inherited if parent is not None else None

    def _filter(self, value: Any, entry: WorkspaceDefinition, visit: _Visit, depth: int) -> Any:
        if not isinstance(value, str):
            return value
        opened, user, group = visit.opened, visit.user, visit.group
        match = _PARENT_OPTION.search(value)
        if match:
            parent = self.parent(entry)
            if parent is None:
                raise BrokenWorkspace(entry.id)
            # The parent is resolved for the owner of the share, never for its visitor.
            base = self._option(parent, match[1], _Visit(parent, entry.owner, None), depth + 1)
            return value.replace(match[0], (base if isinstance(base, str) else "").rstrip("/"))
        if not self._paths.users_enabled:
            user, group = "shared", group or "shared"
        if user is not None:
            value = value.replace("AJXP_USER", user)
            if "AJXP_GROUP_PATH" in value and group is None:
                group = self._group_of(user)
        if group is not None:
            value = value.replace("AJXP_GROUP_PATH_FLAT", group.strip("/").replace("/", "_")).replace("AJXP_GROUP_PATH", group)
        value = value.replace("AJXP_INSTALL_PATH", self._paths.install).replace("AJXP_DATA_PATH", self._paths.data)
        if "AJXP_WORKSPACE_UUID" in value:
            value = value.replace("AJXP_WORKSPACE_UUID", opened.id).rstrip("/")
        if "AJXP_WORKSPACE_SLUG" in value:
            value = value.replace("AJXP_WORKSPACE_SLUG", opened.slug).rstrip("/")
        return value


def secure_path(path: str) -> str:
    """The path without `..` steps, `\\` and repeated slashes, as the application cleaned a sub path."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", "..", ".")]
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def read_definitions(rows: Iterable[WorkspaceRow], report: Callable[[Finding], None]) -> Iterator[WorkspaceDefinition]:
    """Definitions of the stored rows; damage is reported, never raised. Of two rows with one id the first counts."""
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            report(finding(DUPLICATE_WORKSPACE, "workspaces", row.id))
            continue
        seen.add(row.id)
        yield _definition(row, report)


def _definition(row: WorkspaceRow, report: Callable[[Finding], None]) -> WorkspaceDefinition:
    columns = row.columns
    options: dict[str, Any] = {}
    for name, value in items(row.options):
        if isinstance(value, Unreadable):
            report(finding(OPTION_UNREADABLE, "workspaces", row.id, option=name, reason=value.reason))
        options[name] = path_text(value) if isinstance(value, (bytes, str)) else value
    parent = path_text(columns.get("parent_uuid")) or None
    if not options and not parent and not row.static:
        report(finding(NO_OPTIONS, "workspaces", row.id))
    label = text(columns.get("display")) or row.id
    group = path_text(columns.get("groupPath")) or None
    return WorkspaceDefinition(
        id=row.id,
        label=label,
        slug=text(options.get("AJXP_SLUG")) or text(columns.get("slug")) or slugify(label),
        driver=(text(columns.get("accessType")) or "").removeprefix("access."),
        parent_id=parent,
        owner=path_text(columns.get("owner_user_id")) or None,
        creator=path_text(columns.get("child_user_id")) or None,
        template=truth(columns.get("isTemplate")),
        infers=truth(columns.get("inferOptionsFromParent")),
        group=normal_group(group) if group else None,
        options=options,
        static=row.static,
    )


def slugify(label: str) -> str:
    """A stand-in for a slug that was never stored."""
    return re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-") or "workspace"
