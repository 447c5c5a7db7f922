"""An invented database of an old server, in the dialect of each server, and throw-away servers to hold it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

BLOB = bytes(range(256)) + b"'\\\"\0\n\r\x1a%_--/*;`"
NASTY = "O'Neil \\ \"x\"; -- é € \t/* `# $$ \n\\n"


def php(value: Any) -> bytes:
    import phpserialize

    return phpserialize.dumps(value)


def role(role_id: str, right: str = "rw", label: str = "x") -> bytes:
    """A role of 8.2 with protected properties (NUL bytes)."""
    name = label.encode()
    return (
        b'O:25:"Pydio\\Conf\\Core\\AJXP_Role":3:{s:9:"\0*\0roleId";%ss:7:"\0*\0acls";a:1:{i:0;%s}s:13:"\0*\0parameters";a:1:{s:1:"l";%s}}'
        % (php(role_id.encode()), php(right.encode()), php(name))
    )


MARKED = b"$phpserial$"
ROWS: dict[str, tuple[tuple[str, ...], list[tuple[Any, ...]]]] = {
    "ajxp_users": (("login", "password", "groupPath"), [("bob", "161ebd7d45089b3446ee4e0d86dbcf92", "/"), ("zoë", "sha256:1000:a:b", "/sälès")]),
    "ajxp_user_rights": (
        ("rid", "login", "repo_uuid", "rights"),
        [
            (1, "bob", "ajxp.admin", "1"),
            (2, "Bob", "ajxp.roles", (MARKED + php({b"EDITORS": True})).decode()),
            (3, "bob", "1", "r"),
            (4, "bob", "1", "rw"),
            (5, "carol", "ajxp.parent_user", "bob"),
        ],
    ),
    "ajxp_user_prefs": (("rid", "login", "name", "val"), [(1, "bob", "lang", b"fr"), (2, "zoë", "CUSTOM_PARAMS", php({b"email": "zoë@x".encode()}))]),
    "ajxp_user_bookmarks": (("rid", "login", "repo_uuid", "path", "title"), [(1, "bob", "0", "/" + NASTY, NASTY)]),
    "ajxp_repo": (
        ("uuid", "parent_uuid", "owner_user_id", "display", "accessType", "isTemplate", "inferOptionsFromParent", "slug", "groupPath"),
        [("a" * 32, None, None, NASTY, "fs", False, False, "docs", None), ("b" * 32, "a" * 32, "bob", "child", "fs", False, True, "c", "/sälès")],
    ),
    "ajxp_repo_options": (
        ("oid", "uuid", "name", "val"),
        [(1, "a" * 32, "PATH", b"/srv/caf\xe9"), (2, "a" * 32, "CREATE", MARKED + b"b:1;"), (3, "a" * 32, "META_SOURCES", php({b"m": {}}))],
    ),
    "ajxp_roles": (
        ("role_id", "serial_role", "owner_user_id", "last_updated"),
        [("EDITORS", role("EDITORS", label=NASTY), None, 1), ("AJXP_USR_/Bob", role("AJXP_USR_/Bob"), None, 2), ("team-1", role("team-1"), "bob", 3)],
    ),
    "ajxp_groups": (("groupPath", "groupLabel"), [("/sälès", "Sälès 'EU'")]),
    "ajxp_plugin_configs": (("id", "configs"), [("core.ajaxplorer", php({b"APPLICATION_TITLE": "Fïles".encode()}))]),
    "ajxp_simple_store": (
        ("object_id", "store_id", "serialized_data", "binary_data", "related_object_id", "insertion_date"),
        [
            ("9f2c41", "share", php({b"REPOSITORY": b"b" * 32, b"t": NASTY.encode()}).decode(), None, None, "2020-01-02 03:04:05"),
            ("x.png", "users_binaries.bob", None, BLOB, None, "2020-01-02 03:04:05"),
        ],
    ),
    "ajxp_user_teams": (("team_id", "user_id", "team_label", "owner_id"), [("t-1", "zoë", "Team", "bob")]),
    "ajxp_feed": (
        ("id", "edate", "etype", "htype", "index_path", "user_id", "repository_id", "repository_scope", "repository_owner", "user_group", "content"),
        [
            (1, 1500000000, "meta", "comment", "/a", "bob", "0", "ALL", None, "/", b's:8:"SGVsbG8=";'),
            (2, 1500000001, "event", "x", "/a", "bob", "0", "ALL", None, "/", b"N;"),
        ],
    ),
}
_INT = {"rid", "oid", "id", "edate", "last_updated"}
_BINARY = {"val", "configs", "binary_data", "content", "serial_role"}
_BOOL = {"isTemplate", "inferOptionsFromParent"}


def _type(dialect: str, table: str, column: str) -> str:
    if column in _BOOL:
        return "BOOLEAN" if dialect == "postgresql" else "INTEGER"
    if column in _INT and not (table == "ajxp_plugin_configs"):
        return "INTEGER"
    if column == "insertion_date":
        return "TIMESTAMP"
    if column in _BINARY:
        if dialect == "mysql":
            return "MEDIUMTEXT" if column == "serial_role" else "LONGBLOB"  # roles are text on MySQL, NUL bytes and all
        return "bytea" if dialect == "postgresql" else "BLOB"
    return "VARCHAR(255)" if dialect == "mysql" and column != "serialized_data" and column != "rights" else "TEXT"


def fill(engine: sqlalchemy.Engine, leave_out: set[str] = frozenset()) -> None:
    """Make the tables. `leave_out`: tables and `table.column`s an older schema did not have."""
    dialect = engine.dialect.name
    quote = "`" if dialect == "mysql" else '"'
    with engine.begin() as connection:
        for table, (columns, rows) in ROWS.items():
            if table in leave_out:
                continue
            kept = [c for c in columns if f"{table}.{c}" not in leave_out]
            spec = ", ".join(f"{quote}{c}{quote} {_type(dialect, table, c)} NULL" for c in kept)
            connection.exec_driver_sql(f"CREATE TABLE {table} ({spec})" + (" DEFAULT CHARSET=utf8" if dialect == "mysql" else ""))
            mark = "?" if dialect == "sqlite" else "%s"
            statement = f"INSERT INTO {table} ({', '.join(quote + c + quote for c in kept)}) VALUES ({', '.join([mark] * len(kept))})"
            for row in rows:
                connection.exec_driver_sql(statement, tuple(v for c, v in zip(columns, row, strict=True) if c in kept))


def sqlite_file(path: Path, leave_out: set[str] = frozenset()) -> Path:
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    fill(engine, leave_out)
    engine.dispose()
    return path


def content(store: Any) -> dict[str, Any]:
    """Everything a store gives, comparable."""
    from migrate.extract.php.values import PhpObject

    def flat(value: Any) -> Any:
        if isinstance(value, PhpObject):
            return (value.class_name, flat(value.properties), flat(value.payload))
        if isinstance(value, dict):
            return tuple((k, flat(v)) for k, v in value.items())
        return value

    return {
        "users": [(u.login, u.account, u.password, u.group, flat(dict(u.rights)), flat(u.role)) for u in store.users()],
        "groups": list(store.groups()),
        "roles": [(r.id, r.owner, flat(r.value)) for r in store.roles()],
        "teams": list(store.teams()),
        "workspaces": [(w.id, flat(dict(w.columns)), flat(dict(w.options))) for w in store.workspaces()],
        "plugins": flat(dict(store.plugin_configs())),
        "objects": [(o.store, o.id, flat(o.data), o.binary, o.related, o.inserted) for o in store.objects("*")],
        "preferences": [(a, b, flat(c)) for a, b, c in store.preferences()],
        "bookmarks": list(store.bookmarks()),
        "comments": list(store.comments()),
    }


def _port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _folder(owner: str | None) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="olddb-"))
    if owner:
        os.chown(folder, pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)
    return folder


def _account(name: str) -> str | None:
    """The account a server must run under when the tests are run by root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(name)
    except KeyError:
        pytest.skip(f"run by root, and there is no account {name} to run the server under")
    return name


@contextmanager
def _running(command: list[str], url: sqlalchemy.URL, owner: str | None, folder: Path) -> Iterator[sqlalchemy.URL]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=owner, cwd=folder)
    try:
        for _ in range(150):
            try:
                engine = sqlalchemy.create_engine(url)
                with engine.connect():
                    break
            except sqlalchemy.exc.OperationalError:
                if process.poll() is not None:
                    pytest.skip("the server did not start here")
                time.sleep(0.1)
        else:
            pytest.skip("the server did not answer in time")
        engine.dispose()
        yield url
    finally:
        process.send_signal(signal.SIGINT if "postgres" in command[0] else signal.SIGTERM)
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def mariadb() -> Iterator[sqlalchemy.URL]:
    """A MariaDB server on loopback with an empty database `old`."""
    daemon, setup = shutil.which("mariadbd") or shutil.which("mysqld"), shutil.which("mariadb-install-db") or shutil.which("mysql_install_db")
    if not daemon or not setup:
        pytest.skip("no MariaDB server on this machine")
    owner = _account("mysql")
    folder = _folder(owner)
    data, port = folder / "data", _port()
    base = [f"--datadir={data}", "--no-defaults"]
    user = [f"--user={owner}"] if owner else []
    install = [setup, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *user]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    options = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/s", f"--pid-file={folder}/pid", "--sql-mode=", "--innodb-buffer-pool-size=16M"]
    url = sqlalchemy.URL.create("mysql+pymysql", "root", host="127.0.0.1", port=port)
    with _running([daemon, base[1], base[0], *options, *user], url, owner, folder):
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE DATABASE old CHARACTER SET utf8")
        engine.dispose()
        yield url.set(database="old", query={"charset": "utf8mb4"})


@contextmanager
def postgres() -> Iterator[sqlalchemy.URL]:
    """A PostgreSQL server on loopback."""
    found = sorted(glob("/usr/lib/postgresql/*/bin/postgres")) or [p for p in [shutil.which("postgres")] if p]
    if not found or not (Path(found[-1]).parent / "initdb").exists():
        pytest.skip("no PostgreSQL server on this machine")
    binaries, owner = Path(found[-1]).parent, _account("postgres")
    folder, port = _folder(owner), _port()
    data = folder / "data"
    setup = [str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "old", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(setup, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=owner, cwd=folder)
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-F"]
    url = sqlalchemy.URL.create("postgresql+psycopg", "old", host="127.0.0.1", port=port, database="postgres")
    with _running(command, url, owner, folder):
        yield url
