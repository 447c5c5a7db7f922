"""Which bookmarks and preferences of the interface did people keep?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.metadata import OF_NOBODY
from migrate.extract.names import UnsafePath, node_path
from migrate.extract.plain import plain
from migrate.extract.records import Bookmark, Login, Preference, WorkspaceId
from migrate.extract.roles import STORED_CREDENTIALS
from migrate.extract.store import Unreadable

if TYPE_CHECKING:
    from migrate.extract.context import Context

BOOKMARK_WORKSPACE = code(
    "F1631",
    Severity.INFO,
    "A bookmark of {subject} is left out: workspace {workspace} is not there any more.",
    "Nothing needs to be done.",
)
BOOKMARK_PATH = code(
    "F1632",
    Severity.WARNING,
    "A bookmark of {subject} names a path that leads out of its workspace; it is left out.",
    "Nothing needs to be done, unless somebody tampered with the old installation.",
)
PREFERENCE_UNREADABLE = code(
    "F1633",
    Severity.WARNING,
    "Preference {name} of {subject} cannot be read ({reason}).",
    "Nothing needs to be done; people set their preferences again.",
)

_SECRET = re.compile(r"WALLET|WEBDAV|PASS|SECRET|TOKEN|CREDENTIAL|OTP|PRIVATE|(?:^|[_.])(?:API_?)?KEYS?(?:$|[_.])", re.IGNORECASE)
_WALLET = "AJXP_WALLET"
_TECHNICAL = frozenset({"meta.quota", "history", "repository_last_connected", "CUSTOM_PARAMS"})
"""Caches, and what is read as a property of the person (CUSTOM_PARAMS)."""


def read_bookmarks(context: Context) -> Iterator[Bookmark]:
    """Bookmarks of people; `path` as the person saw it (virtual in a share of single files)."""
    for login, workspace, path, title in context.store.bookmarks():
        known = context.login(login)
        if known is None or not known.is_person:
            context.findings(finding(OF_NOBODY, "bookmarks", login, what="Bookmarks"))
            continue
        if workspace not in context.workspaces:
            context.findings(finding(BOOKMARK_WORKSPACE, "bookmarks", known.login, workspace=workspace))
            continue
        try:
            yield Bookmark(Login(known.login), WorkspaceId(workspace), node_path(path), title)
        except UnsafePath:
            context.findings(finding(BOOKMARK_PATH, "bookmarks", known.login))


def read_preferences(context: Context) -> Iterator[Preference]:
    """Preferences of people, without caches and without anything that may hold a credential (wallet, WebDAV, tokens)."""
    for login, name, value in context.store.preferences():
        if name in _TECHNICAL or (_SECRET.search(name) and name != _WALLET):
            continue
        known = context.login(login)
        if name == _WALLET:
            if known is not None and known.is_person and value:
                context.findings(finding(STORED_CREDENTIALS, "users", known.login))
            continue
        if known is None or not known.is_person:
            continue
        if isinstance(value, Unreadable):
            context.findings(finding(PREFERENCE_UNREADABLE, "preferences", known.login, name=name, reason=value.reason))
            continue
        yield Preference(Login(known.login), name, _without_secrets(plain(value)))


def _without_secrets(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_secrets(entry) for name, entry in value.items() if not _SECRET.search(str(name))}
    return value
