"""Who were the people of the old server? Accounts of its own tables and files, and of directories; never technical users."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract import folders
from migrate.extract.chain import chain_of, group_of_row, is_admin, parent_of, profile_of
from migrate.extract.fold import fold
from migrate.extract.locking import locks_of
from migrate.extract.logins import DIRECTORY, LEFTOVER, PERSON, TECHNICAL, KnownLogin, LoginIndex, to_key
from migrate.extract.plain import items, path_text, size_bytes, text
from migrate.extract.records import GroupPath, Login, RoleId, User, WorkspaceId
from migrate.extract.roles import VALUE_CLEAR, StoredRole
from migrate.extract.store import Unreadable, UserRow

if TYPE_CHECKING:
    from migrate.extract.context import Context

LEFTOVER_RIGHTS = code(
    "F1101",
    Severity.INFO,
    "Rights or a folder of {subject} are stored, but there is no such account any more; it is left out.",
    "Nothing to do, unless this person should still exist: then create the account in the old application first.",
)
TECHNICAL_USERS = code(
    "F1103",
    Severity.INFO,
    "{count} technical users behind public links and the like are not people; they are left out.",
    "Nothing to do: links get technical users of their own in Cells.",
)
PARENT_MISSING = code(
    "F1104",
    Severity.WARNING,
    "The external user {subject} belongs to {parent}, who does not exist any more.",
    "Decide whether this account is still wanted; it keeps only the rights given to it by name.",
)
PARENT_LOOP = code(
    "F1105",
    Severity.WARNING,
    "The external user {subject} is its own ancestor.",
    "Correct the parent of this user in the old application.",
)
CASE_TWINS = code(
    "F1106",
    Severity.WARNING,
    "The logins {logins} differ only by upper and lower case.",
    "Rename one of them with the mapping of users; Cells would take them for one.",
)
PASSWORD_UNKNOWN = code(
    "F1108",
    Severity.WARNING,
    "The stored password of {subject} has an unknown form and cannot be carried over.",
    "The account gets a new password.",
)

MAYBE_DIRECTORY = code(
    "F1111",
    Severity.WARNING,
    "{count} local accounts may be copies of directory accounts, with the password the directory had when they last signed in:"
    " auth.multi was set to copy them. All are taken for directory accounts, without a password.",
    "Give `temporary` or `keep` for accounts that were always local, in the column `password` of users.csv.",
)

RESERVED = frozenset({"guest", "shared", "ajxp.admin.users"})
LINK_LOGIN = re.compile(r"(?:.*[^0-9a-zA-Z])?[0-9a-f]{12}\Z")
_LOCAL = frozenset({"sql", "serial"})
_PBKDF2 = re.compile(r"sha256:[0-9]+:[^:]+:[^:]+\Z")
_MD5 = re.compile(r"[0-9a-fA-F]{32}\Z")


def is_local(auth: str) -> bool:
    """Whether every named auth driver keeps its accounts in the old server itself (`sql`, `serial`)."""
    drivers = {part.removeprefix("auth.") for part in re.split(r"[^\w.]+", auth) if part}
    return drivers <= _LOCAL


def index_logins(context: Context) -> LoginIndex:
    """Every login with its kind, in one pass; directory accounts also by what they own."""
    index = LoginIndex()
    technical = 0
    for row in context.store.users():
        kind = _kind(context, row)
        technical += kind == TECHNICAL
        if kind == LEFTOVER:
            context.findings(finding(LEFTOVER_RIGHTS, "users", row.login))
        readable = row.role is not None and not isinstance(row.role, Unreadable)
        index.add(KnownLogin(row.login, kind, group_of_row(row), parent_of(row), readable))
    if technical:
        context.findings(finding(TECHNICAL_USERS, "users", "", count=technical))
    if not context.local_accounts:
        for login in _owners(context):
            if login and not index.like(login) and not is_technical_name(login) and login not in context.extra_technical:
                index.add(KnownLogin(login, DIRECTORY, "/", None, stored=False))
    for twins in index.case_pairs():
        context.findings(finding(CASE_TWINS, "users", twins[0], logins=", ".join(twins)))
    return index


def _kind(context: Context, row: UserRow) -> str:
    if "ajxp.hidden" in row.rights or row.login in RESERVED or row.login in context.extra_technical:
        return TECHNICAL
    if parent_of(row) is not None and LINK_LOGIN.match(row.login) and _behind_a_link(row):
        return TECHNICAL
    if row.account:
        return PERSON
    if is_technical_name(row.login):
        return TECHNICAL
    return LEFTOVER if context.local_accounts else DIRECTORY


def _behind_a_link(row: UserRow) -> bool:
    """Before 5.3 nothing flags the user of a link; its display name begins with a translated word in brackets."""
    parameters = getattr(row.role, "properties", {}).get("parameters")
    for _, plugins in items(parameters):
        for plugin, names in items(plugins):
            if plugin == "core.conf":
                return (text(dict(items(names)).get("USER_DISPLAY_NAME")) or "").startswith("[")
    return False


def is_technical_name(login: str) -> bool:
    """Whether a name without account is one that the application gave to link users or reserves."""
    return login in RESERVED or LINK_LOGIN.match(login) is not None


def _owners(context: Context) -> Iterator[str]:
    """Logins that own something: workspaces, shares, personal folders."""
    for entry in context.workspaces.values():
        yield from (login for login in (entry.owner, entry.creator) if login)
    for stored in context.store.objects("share"):
        yield from (path_text(value) or "" for key, value in items(stored.data) if key == "OWNER_ID")
    yield from folders.user_folder_names(context)


class Preferences:
    """The few preferences that say something about a person (lang and CUSTOM_PARAMS, up to 4.2), by login, on disk."""

    NAMES = ("lang", "CUSTOM_PARAMS")

    def __init__(self, rows: Iterator[tuple[str, str, Any]]) -> None:
        self._db = sqlite3.connect("")
        self._db.execute("CREATE TABLE preference (login BLOB, name TEXT, value TEXT, PRIMARY KEY (login, name)) WITHOUT ROWID")
        for login, name, value in rows:
            if name in self.NAMES and not isinstance(value, Unreadable):
                found = {key: text(entry) for key, entry in items(value)} if name == "CUSTOM_PARAMS" else text(value)
                row = (to_key(login), name, json.dumps(found))
                self._db.execute("INSERT OR REPLACE INTO preference VALUES (?, ?, ?)", row)

    def get(self, login: str, name: str) -> Any:
        """The preference (a text, or a mapping for CUSTOM_PARAMS); None without."""
        row = self._db.execute("SELECT value FROM preference WHERE login = ? AND name = ?", (to_key(login), name)).fetchone()
        return json.loads(row[0]) if row else None


def people_rows(context: Context) -> Iterator[UserRow]:
    """The stored rows of people, by login; directory accounts without any row come last, as empty rows."""
    for row in context.store.users():
        known = context.logins.get(row.login)
        if known is not None and known.is_person:
            yield row
    if not context.local_accounts:
        for known in context.logins.people():
            if not known.stored:
                yield UserRow(known.login, account=False)


def read_users(context: Context, avatar: Callable[[str], bytes | None]) -> Iterator[User]:
    """Every person. `avatar`: gives the picture of a login."""
    preferences = Preferences(context.store.preferences())
    copied = 0
    for row in people_rows(context):
        copied += context.copied_accounts and row.account
        yield _user(context, row, preferences, avatar)
    if copied:
        context.findings(finding(MAYBE_DIRECTORY, "users", "", count=copied))


def _user(context: Context, row: UserRow, preferences: Preferences, avatar: Callable[[str], bytes | None]) -> User:
    chain = chain_of(context, row)
    merged = fold(chain, context.era)
    parent = _parent(context, row)
    scheme = password_scheme(row.password)
    if scheme == "unknown":
        context.findings(finding(PASSWORD_UNKNOWN, "users", row.login))
    custom = preferences.get(row.login, "CUSTOM_PARAMS")
    custom = custom if isinstance(custom, Mapping) else {}
    picture = avatar(row.login)
    start = merged.parameter("core.conf", "DEFAULT_START_REPOSITORY")
    return User(
        login=Login(row.login),
        group=GroupPath(group_of_row(row)),
        profile=profile_of(row),
        admin=is_admin(row),
        parent=Login(parent) if parent else None,
        locks=locks_of(context, row, chain.personal, merged),
        roles=tuple(RoleId(name) for name in chain.given),
        applied_roles=tuple(RoleId(name) for name in chain.applied),
        display_name=_own(chain.personal, "USER_DISPLAY_NAME") or custom.get("USER_DISPLAY_NAME") or None,
        email=_own(chain.personal, "email") or custom.get("email") or None,
        language=merged.parameter("core.conf", "lang") or preferences.get(row.login, "lang") or None,
        password_scheme=scheme,
        password_hash=row.password if scheme in ("pbkdf2_sha256", "md5") else None,
        quota_bytes=size_bytes(merged.parameter("meta.quota", "DEFAULT_QUOTA") or next(filter(None, map(custom.get, context.quota_fields)), None)),
        avatar_sha256=hashlib.sha256(picture).hexdigest() if picture else None,
        start_workspace=WorkspaceId(start) if start in context.workspaces else None,
        directory=not row.account or context.copied_accounts,
    )


def _own(personal: StoredRole, name: str) -> str | None:
    """A parameter of the personal role. What came from 4.2 stands under the conf driver, not under core.conf."""
    for plugin in ("core.conf", "conf.sql", "conf.serial"):
        value = text(personal.parameter(plugin, name))
        if value and value != VALUE_CLEAR:
            return value
    return None


def _parent(context: Context, row: UserRow) -> str | None:
    parent = parent_of(row)
    if parent is None:
        return None
    known = context.login(parent)
    if known is None or not known.is_person:
        context.findings(finding(PARENT_MISSING, "users", row.login, parent=parent))
        return parent
    seen = {row.login}
    above: KnownLogin | None = known
    while above is not None and above.login not in seen:
        seen.add(above.login)
        above = context.login(above.parent) if above.parent else None
    if above is not None:
        context.findings(finding(PARENT_LOOP, "users", row.login))
    return known.login


def password_scheme(stored: str | None) -> str:
    """`pbkdf2_sha256`, `md5`, `none` or `unknown`."""
    if not stored:
        return "none"
    if _PBKDF2.match(stored):
        return "pbkdf2_sha256"
    return "md5" if _MD5.match(stored) else "unknown"
