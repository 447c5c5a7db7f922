"""What do conf.sql, auth.sql and feed.sql hold? Their rows, decoded, for SQLite, MySQL and PostgreSQL of every schema age.

Memory stays flat: tables are streamed, and what has to be brought together goes through a temporary file. Rows that
occur twice follow the old readers: the first account and the last of rights, roles, preferences and options counts."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract.accounts import from_other_drivers
from migrate.extract.charset import column_text, read_marked, read_serialized
from migrate.extract.configuration import server_url, sql_parameters, sqlite_file
from migrate.extract.database import DatabaseSource
from migrate.extract.logins import to_key
from migrate.extract.php.values import plain
from migrate.extract.sink import FindingSink
from migrate.extract.spool import Spool
from migrate.extract.staticrows import static_rows, with_boot
from migrate.extract.store import CommentRow, RoleRow, StoredObject, Unreadable, UserRow, WorkspaceRow
from migrate.extract.tables import Tables

if TYPE_CHECKING:
    from migrate.extract.installation import Installation

PERSONAL = "AJXP_USR_/"
_ACCOUNT, _RIGHT, _ROLE, _OPTION, _ROW = 1, 2, 3, 4, 5
_BARE_PREFERENCES = {"CUSTOM_PARAMS", "AJXP_WALLET", "AJXP_WEBDAV_DATA", "history", "repository_last_connected", "meta.quota"}
_COLUMN_ENDS = (20, 255, 2000, 65535)
"""Lengths of text columns of all schema ages."""
_BARE_RIGHTS = {"ajxp.roles", "ajxp.roles.order", "ajxp.actions"}

NO_USERS_TABLE = code(
    "F1050",
    Severity.ERROR,
    "The database has no table {subject}; what it would hold is missing.",
    "Check that this is the database of the old server and that the copy is complete.",
)
DUPLICATE = code(
    "F1051",
    Severity.WARNING,
    "{kind} {subject} is stored more than once with different content; {used} counts, as in the old server.",
    "Check the result in the new server.",
)
UNREADABLE_VALUE = code(
    "F1052",
    Severity.ERROR,
    "A stored value of {kind} {subject} ({what}) cannot be read: {reason}.",
    "Restore it from a backup, or set by hand what it held. Until then it grants nothing.",
)
FEED_ELSEWHERE = code(
    "F1053",
    Severity.WARNING,
    "Comments were kept in another database ({subject}), which cannot be opened here: {cause}",
    "Give a dump that holds all tables with --database, or accept that comments are not migrated.",
)


class SqlStore:
    """The `Store` over SQL databases. `findings`: what was found while reading; call `close` at the end."""

    def __init__(self, source: DatabaseSource, installation: Installation | None = None) -> None:
        self.source = source
        self.installation = installation
        self.findings = FindingSink()
        self._main = Tables(source.engine(), "of conf.sql")
        self._auth = Tables(source.engine(source.auth), "of auth.sql") if source.auth is not None else self._main
        for entry in source.findings:
            self.findings(entry)
        for table in ("ajxp_users", "ajxp_user_rights", "ajxp_repo"):
            if not (self._auth if table == "ajxp_users" else self._main).has(table):
                self.findings(finding(NO_USERS_TABLE, "installation", table))

    @property
    def drivers(self) -> tuple[str, ...]:
        """Auth drivers, master first."""
        return self.installation.drivers.auth if self.installation is not None else ("sql",)

    @property
    def roles_missing(self) -> bool:
        """See `Store.roles_missing`."""
        return "ajxp_roles" in self.source.incomplete or (self._main.has("ajxp_groups") and not self._main.has("ajxp_roles"))

    @property
    def version_hint(self) -> int | None:
        """`ajxp_version.db_build` (6.0 and later), None where there is none."""
        return next((row[0] for row in self._main.rows("ajxp_version", "db_build") if isinstance(row[0], int)), None)

    def tables(self) -> dict[str, tuple[str, ...]]:
        """Table -> columns of the main database, in lower case: the fingerprint of a schema."""
        return {table: tuple(columns) for table, columns in self._main.schema.items()}

    def close(self) -> None:
        """Close connections and temporary files."""
        for name in ("_people", "_options"):
            if name in self.__dict__:
                getattr(self, name).close()
                del self.__dict__[name]
        self.source.close()

    # users

    @property
    def _own_accounts(self) -> bool:
        """Whether the table of auth.sql counts: beside other drivers its rows are left-overs or copies that nobody asked."""
        return "sql" in self.drivers or not any(name in ("serial", "remote", "custom_db") for name in self.drivers)

    def _key(self, login: str) -> bytes:
        """auth.sql compares logins without regard to case; other drivers need not."""
        return (login.lower() if "sql" in self.drivers else login).encode("utf-8", "surrogateescape")

    @cached_property
    def _people(self) -> Spool:
        spool = Spool()
        if self._own_accounts:
            users = self._auth.rows("ajxp_users", "login", "password", "groupPath", order="rid")
            spool.add(_ACCOUNT, ((self._key(column_text(r[0]) or ""), *r) for r in users))
        others = from_other_drivers(self.installation, self.findings)
        spool.add(_ACCOUNT, ((self._key(login), to_key(login), to_key(hash_ or "") or None, None) for login, hash_ in others))
        rights = self._main.rows("ajxp_user_rights", "login", "repo_uuid", "rights", order="rid")
        spool.add(_RIGHT, ((self._key(column_text(r[0]) or ""), *r) for r in rights))
        roles = self._main.rows("ajxp_roles", "role_id", "serial_role", order="rid")
        prefix = PERSONAL.encode()
        personal = ((r[0][len(prefix) :], r[1]) for r in roles if isinstance(r[0], bytes) and r[0].startswith(prefix))
        spool.add(_ROLE, ((self._key(column_text(login) or ""), login, value, None) for login, value in personal))
        return spool.with_index()

    def users(self) -> Iterator[UserRow]:
        """See `Store.users`. Rights and roles belong to the login that equals but for case; where two accounts differ
        by case only, each gets what carries its exact name, and the all lower-case one the rest."""
        for key, rows in self._people.groups():
            accounts: dict[str, tuple[Any, Any]] = {}
            for kind, login, password, group in rows:
                name = column_text(login) or ""
                if kind != _ACCOUNT:
                    continue
                if name in accounts and accounts[name] != (password, group):
                    self.findings(finding(DUPLICATE, "users", name, used="the first"))
                accounts.setdefault(name, (password, group))
            names = list(accounts) or self._names(rows)
            if not names or not key:
                continue
            plain_name = key.decode("utf-8", "surrogateescape")
            heir = plain_name if plain_name in names else names[0]
            for name in sorted(names):
                mine = [r for r in rows if r[0] != _ACCOUNT and self._belongs(column_text(r[1]) or "", name, names, heir)]
                yield self._user(name, accounts.get(name), mine)

    @staticmethod
    def _names(rows: list[tuple[int, Any, Any, Any]]) -> list[str]:
        """Without an account there is one person, named as in the personal role, else as in the rights."""
        ordered = [r for r in rows if r[0] == _ROLE] + [r for r in rows if r[0] == _RIGHT]
        return [column_text(ordered[0][1]) or ""] if ordered else []

    @staticmethod
    def _belongs(owner: str, name: str, names: list[str], heir: str) -> bool:
        return owner == name or (owner not in names and name == heir)

    def _user(self, login: str, account: tuple[Any, Any] | None, rows: list[tuple[int, Any, Any, Any]]) -> UserRow:
        rights: dict[str, Any] = {}
        role: Any = None
        raw: bytes | None = None
        for kind, _owner, first, second in rows:
            if kind == _RIGHT:
                name = column_text(first) or ""
                rights[name] = self._right(login, name, second)
            elif kind == _ROLE:
                if raw is not None and raw != first:
                    self.findings(finding(DUPLICATE, "roles", PERSONAL + login, used="the last"))
                raw = first
                role = self._checked(_role(first), "roles", PERSONAL + login, "role")
        password, group = account or (None, None)
        if "ajxp_user_rights" in self.source.incomplete and "ajxp.admin" not in rights:  # an intact user always has it
            rights["ajxp.roles"] = Unreadable("the table of rights is damaged", 0)
        return UserRow(login, account is not None, column_text(password) or None, column_text(group), rights, role)

    def _right(self, login: str, name: str, value: Any) -> Any:
        if not isinstance(value, bytes):
            return column_text(value)
        read = self._checked(read_marked(value, bare=name in _BARE_RIGHTS), "users", login, name)
        return column_text(read) if isinstance(read, bytes) else read

    def _checked(self, value: Any, kind: str, subject: str, what: str) -> Any:
        if isinstance(value, Unreadable):
            self.findings(finding(UNREADABLE_VALUE, kind, subject, what=what, reason=value.reason + self._why_cut(value)))
        return value

    def _why_cut(self, value: Unreadable) -> str:
        """Old MySQL servers cut silently: at the end of a column, or at the first character of 4 bytes (in utf8 columns)."""
        if "cut off" not in value.reason:
            return ""
        if value.size in _COLUMN_ENDS:
            return f"; it fills its column of {value.size} bytes, which cut it"
        return "; MySQL cut text at its first character of 4 bytes, such as an emoji" if self._kind == "mysql" else ""

    @cached_property
    def _kind(self) -> str:
        return self.source.kind

    def preferences(self) -> Iterator[tuple[str, str, Any]]:
        """See `Store.preferences`; of duplicates the last."""
        spool = Spool()
        rows = self._main.rows("ajxp_user_prefs", "login", "name", "val", order="rid")
        spool.add(_ROW, ((self._key(column_text(r[0]) or "") + b"\0" + (_bytes(r[1]) or b""), *r) for r in rows))
        for _key, group in spool.with_index().groups():
            _kind, login, name, value = group[-1]
            owner, title = column_text(login) or "", column_text(name) or ""
            read = read_marked(_bytes(value), bare=title in _BARE_PREFERENCES)
            yield owner, title, self._checked(read, "preferences", owner, title)
        spool.close()

    def bookmarks(self) -> Iterator[tuple[str, str, str, str]]:
        """See `Store.bookmarks`."""
        for login, workspace, path, title in self._main.rows("ajxp_user_bookmarks", "login", "repo_uuid", "path", "title", order="rid"):
            yield column_text(login) or "", column_text(workspace) or "", column_text(path) or "/", column_text(title) or ""

    # groups, roles, teams

    def groups(self) -> Iterator[tuple[str, str]]:
        """See `Store.groups`."""
        for path, label in self._main.rows("ajxp_groups", "groupPath", "groupLabel"):
            yield column_text(path) or "/", column_text(label) or ""

    def roles(self) -> Iterator[RoleRow]:
        """See `Store.roles`; of duplicates (the same id and owner) the last."""
        spool = Spool()
        prefix = PERSONAL.encode()
        rows = self._main.rows("ajxp_roles", "role_id", "serial_role", "owner_user_id", order="rid")
        shared = (r for r in rows if isinstance(r[0], bytes) and not r[0].startswith(prefix))
        spool.add(_ROW, ((r[0] + b"\0" + (_bytes(r[2]) or b""), *r) for r in shared))
        for _key, group in spool.with_index().groups():
            _kind, role_id, value, owner = group[-1]
            name = column_text(role_id) or ""
            if any(other[2] != value for other in group):
                self.findings(finding(DUPLICATE, "roles", name, used="the last"))
            yield RoleRow(name, self._checked(_role(_bytes(value)), "roles", name, "role"), column_text(owner) or None)
        spool.close()

    def teams(self) -> Iterator[tuple[str, str, str, str]]:
        """See `Store.teams`."""
        for team, label, owner, member in self._main.rows("ajxp_user_teams", "team_id", "team_label", "owner_id", "user_id"):
            yield column_text(team) or "", column_text(label) or "", column_text(owner) or "", column_text(member) or ""

    # workspaces

    _COLUMNS = ("uuid", "parent_uuid", "owner_user_id", "child_user_id", "display", "accessType", "slug", "groupPath")
    _SWITCHES = ("isTemplate", "inferOptionsFromParent")

    @cached_property
    def _options(self) -> Spool:
        spool = Spool()
        options = self._main.rows("ajxp_repo_options", "uuid", "name", "val", order="oid")
        spool.add(_OPTION, ((_bytes(r[0]) or b"", r[1], r[2], None) for r in options))
        return spool.with_index()

    def workspaces(self) -> Iterator[WorkspaceRow]:
        """See `Store.workspaces`: static ones first."""
        static = set()
        for row in static_rows(self.installation):
            static.add(row.id)
            yield row
        seen: set[bytes] = set()
        for values in self._main.rows("ajxp_repo", *self._COLUMNS, *self._SWITCHES):
            uuid = _bytes(values[0]) or b""
            if uuid in seen or column_text(uuid) in static:
                self.findings(finding(DUPLICATE, "workspaces", column_text(uuid) or "", used="the first"))
                continue
            seen.add(uuid)
            columns: dict[str, Any] = {name: column_text(value) for name, value in zip(self._COLUMNS, values, strict=False)}
            for name, value in zip(self._SWITCHES, values[len(self._COLUMNS) :], strict=True):
                columns[name] = _switch(value)
            workspace = columns["uuid"] or ""
            options: dict[str, Any] = {}
            for name, value, _none in self._options.of(uuid, _OPTION):
                option = column_text(name) or ""
                read = read_marked(_bytes(value), bare=option in ("META_SOURCES", "content_filter"))
                options[option] = self._checked(read, "workspaces", workspace, option)
            yield WorkspaceRow(workspace, columns, options)

    def plugin_configs(self) -> Mapping[str, Mapping[str, Any]]:
        """See `Store.plugin_configs`; with what bootstrap.json holds."""
        found: dict[str, dict[str, Any]] = {}
        for plugin, configs in self._main.rows("ajxp_plugin_configs", "id", "configs"):
            name = column_text(plugin) or ""
            value = self._checked(read_serialized(_bytes(configs)), "plugins", name, "options")
            if isinstance(value, dict):
                found[name] = plain(value)
        return with_boot(found, self.installation)

    # the simple store and the feed

    def objects(self, store: str) -> Iterator[StoredObject]:
        """See `Store.objects`."""
        prefix, anything = store.rstrip("*").encode(), store.endswith("*")
        columns = ("object_id", "store_id", "serialized_data", "binary_data", "related_object_id", "insertion_date")
        where = None if anything or not re.fullmatch(r"[A-Za-z0-9_.]+", store) else {"store_id": prefix}
        for row in self._main.rows("ajxp_simple_store", *columns, where=where):
            name = _bytes(row[1]) or b""
            if not (name.startswith(prefix) if anything else name == prefix):
                continue
            object_id, store_id = column_text(row[0]) or "", column_text(name) or ""
            data = self._checked(read_serialized(_bytes(row[2])), "shares" if store_id == "share" else "objects", object_id, store_id)
            yield StoredObject(store_id, object_id, data, _bytes(row[3]), column_text(row[4]), _epoch(row[5]))

    def comments(self) -> Iterator[CommentRow]:
        """See `Store.comments`; from the database that feed.sql was configured for."""
        columns = ("edate", "user_id", "repository_id", "index_path", "content", "repository_scope", "repository_owner", "user_group")
        for row in self._feed.rows("ajxp_feed", *columns, where={"etype": b"meta", "htype": b"comment"}, order="id"):
            time_, user, workspace, path, content, scope, owner, group = row
            read = self._checked(read_serialized(_bytes(content)), "comments", column_text(path) or "", "comment")
            yield CommentRow(
                column_text(user) or "",
                column_text(workspace) or "",
                column_text(path) or "/",
                read,
                int(time_ or 0),
                column_text(scope) or "ALL",
                column_text(owner),
                column_text(group),
            )

    @cached_property
    def _feed(self) -> Tables:
        """feed.sql has SQL parameters of its own, since 4.3 below core.notifications."""
        if self.installation is None or self.installation.database_option:
            return self._main
        configured = self.plugin_configs().get("core.notifications", {}).get("UNIQUE_FEED_INSTANCE")
        driver = configured.get("SQL_DRIVER") if isinstance(configured, Mapping) else None
        if not isinstance(driver, Mapping) or driver.get("group_switch_value", "core") == "core":
            return self._main
        parameters = sql_parameters(driver, None, self.installation.expand)
        file = sqlite_file(parameters)
        place = self.installation.find(file) if file else server_url(parameters)
        if place is None:
            self.findings(finding(FEED_ELSEWHERE, "comments", file or "unknown", cause="it is not here."))
            return self._main
        return Tables(self.source.engine(place), "of feed.sql")


def _role(stored: bytes | None) -> Any:
    """The application never stores an empty role: what it held (a denial, perhaps) is lost, which is not the same as none."""
    return read_serialized(stored) if stored else Unreadable("it is empty", 0)


def _bytes(value: Any) -> bytes | None:
    return None if value is None else value if isinstance(value, bytes) else str(value).encode()


def _switch(value: Any) -> bool | None:
    return None if value is None else column_text(value) in ("1", "t", "true", "True")


def _epoch(value: Any) -> int | None:
    """Epoch seconds of a stored time (the zone of the old database is not stored; taken for UTC)."""
    if isinstance(value, int):
        return value
    try:
        return calendar.timegm(time.strptime((column_text(value) or "")[:19], "%Y-%m-%d %H:%M:%S"))
    except ValueError:
        return None
