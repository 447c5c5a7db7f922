"""What do conf.serial and auth.serial hold? Users, roles, workspaces and options in `.ser` files (2.5 to Pydio 6.4)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract.accounts import FILES, from_other_drivers
from migrate.extract.charset import column_text
from migrate.extract.layout import parse_version
from migrate.extract.logins import from_key, to_key
from migrate.extract.php.values import PhpObject, as_text_key, path_text, plain, truth
from migrate.extract.regular import read_regular
from migrate.extract.serialfiles import accounts, serial_files
from migrate.extract.sink import FindingSink
from migrate.extract.spool import Spool
from migrate.extract.staticrows import static_rows, with_boot
from migrate.extract.store import CommentRow, RoleRow, StoredObject, Unreadable, UserRow, WorkspaceRow
from migrate.extract.tables import Tables
from migrate.text import shown

if TYPE_CHECKING:
    from migrate.extract.installation import Installation

PERSONAL = "AJXP_USR_/"
GROUP_KEY = "AJXP_GROUP:"
_ACCOUNT, _GROUP, _FOLDER = 1, 2, 3
_LARGEST_PICTURE = 64 * 2**20
_USER_FILES = ("rights.ser", "role.ser")

STALE_FOLDER = code(
    "F1063",
    Severity.INFO,
    "{count} users have several folders in auth.serial; the one of their present group counts, older copies were left out.",
    "Nothing to do: the old server read only that one.",
)
FOLDER_UNCERTAIN = code(
    "F1065",
    Severity.ERROR,
    "{subject} has folders in auth.serial for the groups {groups}, and groups.ser does not tell which one counts; none was read.",
    "Restore groups.ser from a backup, or remove the outdated folders from the copy.",
    "A user that was moved to another group leaves a folder behind, whose rights may since have been taken away.",
)
NO_OBJECT = code(
    "F1064",
    Severity.ERROR,
    "The entry {subject} of {file} is no {what}; it was left out.",
    "Compare the file with a backup.",
)


class SerialStore:
    """The `Store` over files. `findings`: what was found while reading."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.findings = FindingSink()
        self.files = serial_files(installation, self.findings)

    def close(self) -> None:
        """Remove the temporary file."""
        if "_people" in self.__dict__:
            self._people.close()
            del self.__dict__["_people"]
        if self.installation.databases is not None:
            self.installation.databases.close()

    # users

    def _key(self, login: str) -> bytes:
        return login.lower().encode("utf-8", "surrogateescape")

    @cached_property
    def _people(self) -> Spool:
        spool = Spool()
        # Everything goes in as bytes: SQLite refuses text with surrogate escapes, and nothing here need be UTF-8.
        spool.add(_ACCOUNT, ((self._key(login), os.fsencode(login), to_key(hash_ or ""), None) for login, hash_ in self._accounts()))
        members = (
            (self._key(login), os.fsencode(login), path, None)
            for login, path in self.files.items(self.files.groups)
            if not login.startswith(GROUP_KEY) and isinstance(path, bytes)
        )
        spool.add(_GROUP, members)
        spool.add(_FOLDER, ((self._key(os.fsdecode(login)), login, group, folder) for login, group, folder in self._folders()))
        return spool.with_index()

    def _accounts(self) -> Iterator[tuple[str, str | None]]:
        drivers = self.installation.drivers.auth
        databases = self.installation.databases
        if "sql" in drivers and databases is not None:
            for login, password in Tables(databases.engine(), "of auth.sql").rows("ajxp_users", "login", "password"):
                yield column_text(login) or "", column_text(password)
        if any(name in drivers for name in (*FILES, "custom_db")):
            yield from from_other_drivers(self.installation, self.findings)
        elif "sql" not in drivers:
            yield from accounts(self.files)

    def _folders(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """(login, group path, folder) of every folder that is a user's: it holds rights.ser or role.ser. Links are not
        followed."""
        top = os.fsencode(self.files.user_folders)
        for folder, names, present in os.walk(top):
            names.sort()
            if folder != top and any(os.fsencode(name) in present for name in _USER_FILES):
                group = os.path.dirname(folder[len(top) :])
                yield os.path.basename(folder), group or b"/", folder

    def users(self) -> Iterator[UserRow]:
        """See `Store.users`. A folder belongs to the login of exactly its name, else to the only one that differs by case."""
        stale = 0
        for login, hash_, group, folders in self._each_person():
            stale += len(folders) > 1
            yield self._user(login, hash_ is not None, hash_ or None, group, folders)
        if stale:
            self.findings(finding(STALE_FOLDER, "users", "", count=stale))

    def _each_person(self) -> Iterator[tuple[str, str | None, str | None, list[tuple[str, Path]]]]:
        """Login, password hash (None without account), group of groups.ser, and (group path, folder) of each folder."""
        for _key, rows in self._people.groups():
            logins = {name: hash_ for kind, name, hash_, _ in rows if kind == _ACCOUNT}
            exact = set(logins) or {name for kind, name, *_ in rows if kind == _FOLDER}
            for login in sorted(exact):
                own = [row for row in rows if row[1] == login or (len(exact) == 1 and row[1] not in exact)]
                hash_ = from_key(logins[login]) if login in logins else None
                group = next((from_key(row[2]) for row in reversed(own) if row[0] == _GROUP), None)
                folders = [("/" + from_key(row[2]).strip("/"), Path(os.fsdecode(row[3]))) for row in own if row[0] == _FOLDER]
                yield os.fsdecode(login), hash_, group, folders

    def _user(self, login: str, account: bool, hash_: str | None, group: str | None, folders: list[tuple[str, Path]]) -> UserRow:
        folder = self._current(login, group, folders)
        if folder is None and folders:
            lost = Unreadable("which of several folders counts cannot be told", 0)
            return UserRow(login, account, hash_, group, {"ajxp.roles": lost}, lost)
        rights: dict[str, Any] = {}
        role: Any = None
        if folder is not None:
            stored = self.files.read(folder / "rights.ser")
            if isinstance(stored, Mapping):
                rights = {as_text_key(key): path_text(value) if isinstance(value, bytes) else value for key, value in stored.items()}
            elif stored is not None:
                rights = {"ajxp.roles": stored if isinstance(stored, Unreadable) else Unreadable("it holds no array", 0)}
            role = self.files.read(folder / "role.ser")
            if role is None and "ajxp.group_path" in rights:
                role = Unreadable("role.ser is gone; every version that stores a group wrote one", 0)
        own = rights.get("ajxp.group_path")
        return UserRow(login, account, hash_, own if isinstance(own, str) and own else group, rights, role)

    def _current(self, login: str, group: str | None, folders: list[tuple[str, Path]]) -> Path | None:
        """The folder that the application would read: below the group of groups.ser, else the top one. Where that does not
        tell (groups.ser is damaged or gone), the only one that names its own place; None where none or several do: an older
        copy may hold rights that were taken away since."""
        if len(folders) < 2:
            return folders[0][1] if folders else None
        by_group = dict(folders)
        wanted = "/" + group.strip("/") if group is not None else "/" if self.files.intact(self.files.groups) else ""
        chosen = by_group.get(wanted) or (by_group.get("/") if wanted else None)
        if chosen is None:
            possible = [folder for place, folder in folders if self._names_itself(place, folder)]
            chosen = possible[0] if len(possible) == 1 else None
        if chosen is None:
            self.findings(finding(FOLDER_UNCERTAIN, "users", login, groups=", ".join(sorted(by_group))))
            return None
        return chosen

    def _names_itself(self, place: str, folder: Path) -> bool:
        """Whether a user folder may be the one at `place`: its rights.ser says so, or cannot say anything."""
        stored = self.files.read(folder / "rights.ser")
        if not isinstance(stored, Mapping):
            return True
        return "/" + (path_text(stored.get(b"ajxp.group_path")) or "").strip("/") == place

    def _each_user_file(self, name: str) -> Iterator[tuple[str, Any]]:
        for login, _hash, group, folders in self._each_person():
            folder = self._current(login, group, folders)
            if folder is not None:
                yield login, self.files.read(folder / name)

    def preferences(self) -> Iterator[tuple[str, str, Any]]:
        """See `Store.preferences`."""
        for login, stored in self._each_user_file("prefs.ser"):
            for name, value in stored.items() if isinstance(stored, Mapping) else ():
                yield login, as_text_key(name), value

    def bookmarks(self) -> Iterator[tuple[str, str, str, str]]:
        """See `Store.bookmarks`; old entries are a path without title."""
        for login, stored in self._each_user_file("bookmarks.ser"):
            for workspace, entries in stored.items() if isinstance(stored, Mapping) else ():
                for entry in entries.values() if isinstance(entries, Mapping) else ():
                    path, title = (entry.get(b"PATH"), entry.get(b"TITLE")) if isinstance(entry, Mapping) else (entry, b"")
                    if isinstance(path, (bytes, int)):
                        yield login, as_text_key(workspace), path_text(path) or "/", path_text(title) or ""

    # groups, roles, teams

    def groups(self) -> Iterator[tuple[str, str]]:
        """See `Store.groups`; the label is part of the key in groups.ser."""
        for key, path in self.files.items(self.files.groups):
            if key.startswith(GROUP_KEY) and isinstance(path, bytes):
                yield path_text(path) or "/", key[len(GROUP_KEY) :]

    def roles(self) -> Iterator[RoleRow]:
        """See `Store.roles`."""
        for role, value in self.files.items(self.files.roles):
            if not role.startswith(PERSONAL):
                yield RoleRow(role, value)

    @property
    def roles_missing(self) -> bool:
        """See `Store.roles_missing`. From 4.3 on there was always such a file."""
        present = self.files.roles.is_file() or parse_version(self.installation.version) < (4, 3)
        return not present or not self.files.undamaged(self.files.roles)

    def teams(self) -> Iterator[tuple[str, str, str, str]]:
        """None: teams came with SQL."""
        yield from ()

    # workspaces

    def workspaces(self) -> Iterator[WorkspaceRow]:
        """See `Store.workspaces`: static ones first."""
        static = set()
        for row in static_rows(self.installation):
            static.add(row.id)
            yield row
        for key, value in self.files.items(self.files.workspaces):
            if not isinstance(value, PhpObject):
                self.findings(finding(NO_OBJECT, "workspaces", key, file=self.files.workspaces.name, what="workspace"))
            elif key not in static:
                yield _workspace(key, value)

    def plugin_configs(self) -> Mapping[str, Mapping[str, Any]]:
        """See `Store.plugin_configs`. Texts were stored with escaped line ends."""
        found: dict[str, dict[str, Any]] = {}
        for plugin, options in self.files.items(self.files.plugins):
            if isinstance(options, Mapping):
                found[plugin] = _unescape(plain(options))
        return with_boot(found, self.installation)

    # binaries; the simple store and the feed came with SQL

    def objects(self, store: str) -> Iterator[StoredObject]:
        """Pictures, as `users_binaries.<login>` and the like; nothing else is in files."""
        prefix, anything = store.rstrip("*"), store.endswith("*")
        for kind in ("users", "repos", "roles", "plugins"):
            top = self.files.binaries / kind
            owners = sorted(os.listdir(top)) if top.is_dir() else []
            for owner in owners:
                name = f"{kind}_binaries.{owner}"
                if not (name.startswith(prefix) if anything else name == prefix) or not (top / owner).is_dir():
                    continue
                for file in sorted((top / owner).iterdir()):
                    try:
                        content, when = read_regular(file, _LARGEST_PICTURE), int(file.stat().st_mtime)
                    except OSError:
                        continue  # a folder, a link, or a file that nobody may read: no picture
                    yield StoredObject(name, shown(os.fsencode(file.name)), None, content, None, when)

    def comments(self) -> Iterator[CommentRow]:
        """None: the feed came with SQL."""
        yield from ()


def _workspace(key: str, value: PhpObject) -> WorkspaceRow:
    options = value.get("options")
    read = {as_text_key(name): option for name, option in options.items()} if isinstance(options, Mapping) else {}
    content = value.get("contentFilter")
    if isinstance(content, PhpObject):
        read["content_filter"] = content
    elif isinstance(data := value.get("contentFilterData"), Mapping) and data:
        read["content_filter"] = PhpObject("ContentFilter", {"filters": data})
    if isinstance(path := value.get("path"), bytes) and path:  # 2.x kept it beside the options
        read.setdefault("PATH", path)
    columns = {
        "uuid": key,
        "parent_uuid": path_text(value.get("parentId")) or None,
        "owner_user_id": path_text(value.get("owner")) or None,
        "child_user_id": path_text(value.get("uniqueUser")) or None,
        "display": path_text(value.get("display")) or path_text(value.get("displayStringId")),
        "accessType": path_text(value.get("accessType")),
        "isTemplate": bool(truth(value.get("isTemplate"))),
        "inferOptionsFromParent": bool(truth(value.get("inferOptionsFromParent"))),
        "slug": path_text(value.get("slug")) or None,
        "groupPath": path_text(value.get("groupPath")) or None,
    }
    return WorkspaceRow(key, columns, read)


def _unescape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unescape(inner) for key, inner in value.items()}
    if isinstance(value, str):
        return value.replace("\\r", "\r").replace("\\n", "\n")
    return value
