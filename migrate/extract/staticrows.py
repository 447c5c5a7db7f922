"""How do workspaces and options of configuration files look beside those of a storage?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from migrate.extract.configuration import in_files
from migrate.extract.store import WorkspaceRow

if TYPE_CHECKING:
    from migrate.extract.installation import Installation

_TOP_LEVEL = ("PATH", "CREATE", "RECYCLE_BIN")


def static_rows(installation: Installation | None) -> Iterator[WorkspaceRow]:
    """Workspaces of `$REPOSITORIES`. Columns as in SQL, and `display_id`, the number of a translated label."""
    for key, entry in (installation.static if installation is not None else {}).items():
        options = entry.get("DRIVER_OPTIONS")
        options = dict(options) if isinstance(options, Mapping) else {}
        for name in _TOP_LEVEL:  # 2.x had them beside DRIVER_OPTIONS
            if name in entry:
                options.setdefault(name, entry[name])
        columns = {
            "uuid": key,
            "parent_uuid": None,
            "owner_user_id": None,
            "child_user_id": None,
            "display": _text(entry.get("DISPLAY")),
            "display_id": _text(entry.get("DISPLAY_ID")),
            "accessType": _text(entry.get("DRIVER")),
            "isTemplate": bool(entry.get("IS_TEMPLATE")),
            "inferOptionsFromParent": False,
            "slug": _text(entry.get("AJXP_SLUG")),
            "groupPath": _text(options.get("AJXP_GROUP_PATH_PARAMETER")),
        }
        yield WorkspaceRow(key, columns, options, static=True)


def with_boot(stored: dict[str, dict[str, Any]], installation: Installation | None) -> dict[str, dict[str, Any]]:
    """Options of plugins, with those that bootstrap.json holds (they win: the application asks there first)."""
    if installation is not None:
        for plugin in {*stored, *installation.files}:
            stored[plugin] = {**in_files(installation.files, plugin), **stored.get(plugin, {})}
    for plugin, options in (installation.drivers.boot if installation is not None else {}).items():
        stored[plugin] = {**stored.get(plugin, {}), **options}
    return stored


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, Mapping) else str(value)
