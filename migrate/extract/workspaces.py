"""Which workspaces were there? Definitions become records: path, scope, fields, quota, options without credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.definitions import MAX_DEPTH, BrokenWorkspace, Definitions, WorkspaceDefinition
from migrate.extract.plain import items, plain, size_bytes, text
from migrate.extract.records import GroupPath, Login, MetaField, Workspace, WorkspaceId
from migrate.extract.store import Unreadable

PARENT_GONE = code(
    "F1301",
    Severity.WARNING,
    "Workspace {subject} depends on workspace {parent}, which is not there any more.",
    "Nobody could open it in the old application either; delete it there or restore its parent to bring it across.",
)
PARENT_CYCLE = code(
    "F1302",
    Severity.ERROR,
    "Workspace {subject} is its own ancestor; its inherited options cannot be told.",
    "Correct the parent of this workspace in the old database.",
)
_SECRET_OPTION = re.compile(r"PASS|SECRET|CREDENTIALS|API_KEY|TOKEN|ACCESS_KEY|(?:^|_)PWD", re.IGNORECASE)


def workspace_record(
    definitions: Definitions,
    entry: WorkspaceDefinition,
    report: Callable[[Finding], None],
    defaults: Mapping[str, Mapping[str, Any]] | None = None,
) -> Workspace:
    """The record of a definition. A broken parent is a finding; the record then has only what is its own.

    `defaults`: options of plugins, which stand in where a workspace has quota or fields switched on without saying more."""

    def option(name: str) -> Any:
        try:
            return definitions.raw_option(entry.id, name)
        except BrokenWorkspace:
            return entry.options.get(name)

    if entry.parent_id is not None and entry.parent_id not in definitions:
        report(finding(PARENT_GONE, "workspaces", entry.id, parent=entry.parent_id))
    elif is_circular(definitions, entry):
        report(finding(PARENT_CYCLE, "workspaces", entry.id))
    path = option("PATH")
    meta = option("META_SOURCES")
    return Workspace(
        id=WorkspaceId(entry.id),
        label=entry.label,
        slug=entry.slug,
        driver=entry.driver,
        path=path if isinstance(path, str) else None,
        owner=Login(entry.owner) if entry.owner else None,
        parent=WorkspaceId(entry.parent_id) if entry.parent_id else None,
        builtin=entry.builtin or entry.static,
        options=_shown_options(definitions, entry),
        quota_bytes=_quota(meta, defaults or {}),
        meta_fields=tuple(meta_fields(meta, defaults or {})),
        scope=scope(definitions, entry),
        group=GroupPath(entry.group) if entry.group and entry.group != "/" else None,
        creator=Login(entry.creator) if entry.creator else None,
        template=entry.template,
        shared_child=entry.shared_child,
        description=text(option("USER_DESCRIPTION")) or "",
    )


def is_circular(definitions: Definitions, entry: WorkspaceDefinition) -> bool:
    """Whether following the parents of a workspace never ends."""
    seen = {entry.id}
    current = definitions.get(entry.parent_id or "")
    while current is not None:
        if current.id in seen:
            return True
        seen.add(current.id)
        current = definitions.get(current.parent_id or "")
    return False


def scope(definitions: Definitions, entry: WorkspaceDefinition) -> str:
    """`user`, `group` or `shared`: how many folders the workspace has. A share has the one of its owner."""
    if entry.shared_child:
        return "shared"
    for name in ("PATH", "CONTAINER"):
        try:
            value = definitions.option(entry.id, name)
        except BrokenWorkspace:
            return "shared"
        if isinstance(value, str) and "AJXP_USER" in value:
            return "user"
        if isinstance(value, str) and "AJXP_GROUP_PATH" in value:
            return "group"
    return "shared"


def _shown_options(definitions: Definitions, entry: WorkspaceDefinition) -> dict[str, Any]:
    """Options as plain values, inherited ones included, without those that hold credentials."""
    merged: dict[str, Any] = {}
    current: WorkspaceDefinition | None = entry
    for _ in range(MAX_DEPTH):
        if current is None:
            break
        for name, value in current.options.items():
            merged.setdefault(name, value)
        current = definitions.get(current.parent_id or "") if current.infers else None
    return {
        name: _without_secrets(plain(value))
        for name, value in merged.items()
        if not _SECRET_OPTION.search(name) and not isinstance(value, Unreadable)
    }


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_secrets(entry) for name, entry in value.items() if not _SECRET_OPTION.search(name)}
    return value


def _quota(meta: Any, defaults: Mapping[str, Mapping[str, Any]]) -> int | None:
    for plugin, parameters in items(meta):
        if plugin == "meta.quota":
            stored = text(dict(items(parameters)).get("DEFAULT_QUOTA")) or defaults.get(plugin, {}).get("DEFAULT_QUOTA")
            return size_bytes(stored)
    return None


def custom_quota_fields(definitions: Definitions, defaults: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of custom user data that workspaces took a person's quota from, the usual one first."""
    found = {"USER_QUOTA": None}
    for entry in definitions.values():
        for plugin, parameters in (*items(entry.options.get("META_SOURCES")), *defaults.items()):
            name = text(dict(items(parameters)).get("CUSTOM_DATA_FIELD")) if plugin == "meta.quota" else None
            if name:
                found[name.strip()] = None
    return tuple(found)


def meta_fields(meta: Any, defaults: Mapping[str, Mapping[str, Any]] | None = None) -> Iterator[MetaField]:
    """The fields of `meta.user` (or `meta.serial` of 2.7 to 3.2) in a META_SOURCES value."""
    for plugin, parameters in items(meta):
        if plugin not in ("meta.user", "meta.serial"):
            continue
        values = dict(items(parameters))
        if not any(name.startswith("meta_fields") for name in values):
            values = {**(defaults or {}).get(plugin, {}), **values}
        names = (name for name in values if re.fullmatch(r"meta_fields(_[0-9]+)?", name))
        suffixes = sorted((name.removeprefix("meta_fields") for name in names), key=lambda suffix: int(suffix[1:] or 0))
        for suffix in suffixes:
            ids = _parts(values, "meta_fields", suffix, many=True)
            # Old configurations name all fields in one option, separated by commas; the others are then parallel lists.
            labels, kinds, shown = (_parts(values, key, suffix, len(ids) > 1) for key in ("meta_labels", "meta_types", "meta_visibility"))
            for index, name in enumerate(ids):
                if name:
                    yield _meta_field(name, *(part[index] if index < len(part) else "" for part in (labels, kinds, shown)), values, suffix)


def _parts(values: Mapping[str, Any], key: str, suffix: str, many: bool) -> list[str]:
    stored = text(values.get(key + suffix)) or ""
    return [part.strip() for part in stored.split(",")] if many else [stored.strip()]


def _meta_field(name: str, label: str, kind: str, visibility: str, values: Mapping[str, Any], suffix: str) -> MetaField:
    kind = kind or _guessed_type(name)
    choices = None
    if kind == "choice":
        pairs = [part.partition("|") for part in (text(values.get("meta_additional" + suffix)) or "").split(",") if part.strip()]
        choices = {key.strip(): (shown or key).strip() for key, _, shown in pairs}
    return MetaField(name, kind, label or name, choices, visibility != "hidden", tuple(choices or ()))


def _guessed_type(name: str) -> str:
    """Up to 4.2 a field had no type of its own, its name told it."""
    if name in ("stars_rate", "css_label", "tags"):
        return name
    return "textarea" if name.startswith("area_") else "string"
