"""A small old server in memory over a real folder: what tests of shares, metadata and files read instead of a database."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from py3rijndael import Rijndael

from migrate.extract.configuration import DriverConfiguration
from migrate.extract.context import Context
from migrate.extract.php.values import PhpObject
from migrate.extract.records import InstallationFacts
from migrate.extract.sink import FindingSink
from migrate.extract.store import RoleRow, StoredObject, UserRow, WorkspaceRow

OLD = "/var/www/old"


class Installation:
    """Was in /var/www/old on the dead machine, lies in a temporary folder now."""

    def __init__(self, top: Path, version: str = "8.2.5", conf: str = "sql") -> None:
        self.top = top
        self.facts = InstallationFacts("Pydio", version, OLD, conf, conf, "sqlite")
        self.install_path = OLD
        self.data_path = OLD + "/data"
        self.public_path = OLD + "/data/public"
        self.charset = None
        self.drivers = DriverConfiguration(conf, (conf,))
        self.version_certain = True

    def here(self, path: str) -> str:
        return str(self.top) + path[len(OLD) :] if path == OLD or path.startswith(OLD + "/") else path


class MemoryStore:
    """Rows as lists."""

    def __init__(self) -> None:
        self.user_rows: list[UserRow] = []
        self.group_rows: list[tuple[str, str]] = []
        self.role_rows: list[RoleRow] = []
        self.team_rows: list[tuple[str, str, str, str]] = []
        self.workspace_rows: list[WorkspaceRow] = []
        self.object_rows: list[StoredObject] = []
        self.preference_rows: list = []
        self.bookmark_rows: list = []
        self.comment_rows: list = []
        self.configs: dict = {}

    def users(self):
        return iter(sorted(self.user_rows, key=lambda row: row.login))

    def groups(self):
        return iter(self.group_rows)

    def roles(self):
        return iter(self.role_rows)

    roles_missing = False

    def teams(self):
        return iter(self.team_rows)

    def workspaces(self):
        return iter(self.workspace_rows)

    def plugin_configs(self):
        return self.configs

    def objects(self, store):
        return (row for row in self.object_rows if (row.store.startswith(store[:-1]) if store.endswith("*") else row.store == store))

    def preferences(self):
        return iter(self.preference_rows)

    def bookmarks(self):
        return iter(self.bookmark_rows)

    def comments(self):
        return iter(self.comment_rows)


class World:
    """Builds an old server piece by piece. `now` is 1 800 000 000."""

    def __init__(self, top: Path, version: str = "8.2.5", conf: str = "sql") -> None:
        self.top = top
        (top / "data" / "public").mkdir(parents=True)
        self.store = MemoryStore()
        self.context = Context(Installation(top, version, conf), self.store, FindingSink(), 1_800_000_000)

    def user(self, login: str, acls: dict | None = None, **rights: object) -> None:
        role = PhpObject("AJXP_Role", {"acls": php(acls or {})})
        stored = {"ajxp." + key: value for key, value in rights.items() if key not in ("password", "account")}
        self.store.user_rows.append(UserRow(login, bool(rights.get("account", True)), str(rights.get("password", "md5")), "/", stored, role))

    def role(self, id_: str, acls: dict | None = None, owner: str | None = None, actions: dict | None = None) -> None:
        role = PhpObject("AJXP_Role", {"acls": php(acls or {}), "actions": php(actions or {})})
        self.store.role_rows.append(RoleRow(id_, role, owner))

    def workspace(self, id_: str, path: str = "AJXP_DATA_PATH/files", **more: object) -> None:
        columns = {"display": id_, "accessType": "fs", **{k: v for k, v in more.items() if k in COLUMNS}}
        options = {k: v for k, v in more.items() if k not in COLUMNS}
        if path:
            options["PATH"] = path
        self.store.workspace_rows.append(WorkspaceRow(id_, columns, options))

    def child(self, id_: str, parent: str, owner: str, path: str, **more: object) -> None:
        self.workspace(id_, path, parent_uuid=parent, owner_user_id=owner, inferOptionsFromParent=True, **more)

    def link(self, hash_: str, inserted: int | None = None, **data: object) -> None:
        self.store.object_rows.append(StoredObject("share", hash_, php(data), None, None, inserted))

    def link_file(self, name: str, data: bytes, suffix: str = ".php") -> None:
        script = b'<?php\n   $cypheredData = base64_decode("%s");\n' % base64.b64encode(encrypt(data, name.encode()))
        (self.top / "data" / "public" / (name + suffix)).write_bytes(script)

    def file(self, path: str | bytes, content: bytes = b"x") -> None:
        """A file below the data folder, with the folders above it."""
        whole = os.path.join(os.fsencode(self.top / "data"), os.fsencode(path))
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as out:
            out.write(content)

    def codes(self) -> set[str]:
        return {entry.code for entry in self.context.findings}


COLUMNS = frozenset({"display", "accessType", "parent_uuid", "owner_user_id", "child_user_id", "inferOptionsFromParent", "isTemplate", "slug", "groupPath"})


def php(value: object) -> object:
    """A Python value in the shapes of a decoded PHP one."""
    if isinstance(value, dict):
        return {(int(k) if str(k).isdigit() else str(k).encode()): php(v) for k, v in value.items()}
    return value.encode() if isinstance(value, str) else value


def serialize(value: object) -> bytes:
    """PHP's serialize() for scalars and arrays."""
    if value is None:
        return b"N;"
    if isinstance(value, bool):
        return b"b:%d;" % value
    if isinstance(value, int):
        return b"i:%d;" % value
    if isinstance(value, dict):
        return b"a:%d:{%s}" % (len(value), b"".join(serialize(k) + serialize(v) for k, v in value.items()))
    raw = value if isinstance(value, bytes) else str(value).encode()
    return b's:%d:"%s";' % (len(raw), raw)


def encrypt(data: bytes, key: bytes) -> bytes:
    """As the application encrypted link files."""
    cipher = Rijndael(key.ljust(next(n for n in (16, 24, 32) if n >= len(key)), b"\0"), block_size=32)
    data += b"\0" * (-len(data) % 32)
    return b"".join(cipher.encrypt(data[i : i + 32]) for i in range(0, len(data), 32))


def stem_of(data: bytes) -> str:
    """The short name that the application gave to a link file."""
    return hashlib.md5(data).hexdigest()[:6]
