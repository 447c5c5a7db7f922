"""Which keys open the storage of a workspace that is not on the old server? Read when they are needed, kept nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrate.extract.definitions import BrokenWorkspace
from migrate.extract.plain import text

if TYPE_CHECKING:
    from migrate.extract.context import Context


def storage_keys(context: Context, workspace: str) -> tuple[str, str] | None:
    """Access key and secret (`API_KEY`, `SECRET_KEY` of driver `s3`, clear text in 4.3 to 8.2); None when one of them is missing."""
    found = []
    for name in ("API_KEY", "SECRET_KEY"):
        try:
            value = text(context.workspaces.option(workspace, name))
        except (BrokenWorkspace, KeyError):
            return None
        if not value:
            return None
        found.append(value.strip())
    return found[0], found[1]
