"""Where are the SQL databases of an old installation, and how are they opened without touching them?

A SQLite file is opened read-only and immutable, so that not even a journal is created; a file with a write-ahead log or
a hot journal is copied to a private folder first. A dump is read into such a folder (`migrate.extract.dump`)."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy
from sqlalchemy.engine import URL, Engine, make_url

from migrate.errors import ExitStatus, Finding, MigrationError, Severity, code, finding
from migrate.extract.configuration import server_url, sql_parameters, sqlite_file

if TYPE_CHECKING:
    from migrate.extract.installation import Installation


class DatabaseMissing(MigrationError):
    """The database that the configuration names is not there."""

    code = "E1012"
    title = "The database {what} of the old server is not here."
    remedy = "Copy it, or give it with --database: a SQLAlchemy URL, a SQLite file or a dump (FILE.sql)."
    exit_status = ExitStatus.LEGACY_UNREADABLE


class DatabaseUnreadable(MigrationError):
    """The database is there but cannot be read: damaged, locked, refused, or no such file."""

    code = "E1013"
    title = "The database {what} cannot be read: {cause}."
    remedy = "Check that it is complete and readable; a damaged SQLite file can be recovered with `sqlite3 FILE .recover`."
    exit_status = ExitStatus.LEGACY_UNREADABLE


class DatabaseOptionWrong(MigrationError):
    """What --database names is no URL of a known kind, no SQLite file and no dump."""

    code = "E1014"
    title = "--database {what} is neither a database URL that can be opened, nor a SQLite file, nor a dump: {cause}."
    remedy = "Examples: mysql+pymysql://user@host/pydio, postgresql+psycopg://user@host/pydio, /backup/pydio.sql."
    exit_status = ExitStatus.LEGACY_UNREADABLE


DUMP_USED = code(
    "F1040",
    Severity.INFO,
    "The database is read from the dump {subject} beside the installation, not from the server of the configuration.",
    "Check that the dump is recent; give --database URL to read from a server instead.",
)
OTHER_DUMPS = code(
    "F1041",
    Severity.INFO,
    "Of several dumps {subject} was chosen: {others} were not read. The rule: the dump with the configured database's tables"
    " that was written last; at the same time the one with binary values in hexadecimal.",
    "Name another one with --database FILE.sql if this is the wrong one.",
)
COPIED = code(
    "F1042",
    Severity.INFO,
    "The SQLite file {subject} had changes in a log beside it; a private copy was read.",
    "Nothing to do. To be sure that nothing is missing, stop the old server before copying its data.",
)

SQLITE_MAGIC = b"SQLite format 3\0"


@dataclass
class DatabaseSource:
    """The databases of an installation by purpose. `main`: a SQLite file, dump (Path) or URL of a server; `auth`: another
    one, if users are kept elsewhere. `incomplete`: tables of a damaged dump of which rows are missing, once it was opened."""

    main: Path | URL = field(repr=False)
    auth: Path | URL | None = field(default=None, repr=False)
    findings: list[Finding] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)
    _engines: dict[str, Engine] = field(default_factory=dict, repr=False)
    _folder: tempfile.TemporaryDirectory | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """`sqlite`, `mysql` or `postgresql`: what the old server used (of a dump: which program wrote it)."""
        if isinstance(self.main, URL):
            name = self.main.get_backend_name()
            return "mysql" if name == "mariadb" else name
        if is_sqlite(self.main):
            return "sqlite"
        from migrate.extract.dump import dump_kind

        return dump_kind(self.main)

    def engine(self, place: Path | URL | None = None) -> Engine:
        """An engine on `place` (the main database by default), opened for reading only."""
        place = place or self.main
        key = str(place)
        if key not in self._engines:
            self._engines[key] = self._open(place)
        return self._engines[key]

    def private_folder(self) -> Path:
        """A folder of this process only (0700), removed by `close`."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="legacy-")
        return Path(self._folder.name)

    def close(self) -> None:
        """Close all connections and remove private copies."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _open(self, place: Path | URL) -> Engine:
        if isinstance(place, URL):
            return self._server(place)
        if not place.is_file():
            raise DatabaseMissing(what=place)
        try:
            if is_sqlite(place):
                return self._sqlite(place)
            from migrate.extract.dump import load_dump

            target = self.private_folder() / f"dump{len(self._engines)}.db"
            self.findings += load_dump(place, target, self.incomplete)
            return sqlite_engine(target)
        except OSError as error:
            raise DatabaseUnreadable(what=place, cause=error.strerror or "unknown reason") from None

    def _sqlite(self, path: Path) -> Engine:
        beside = [Path(str(path) + end) for end in ("-wal", "-journal")]
        if any(p.is_file() and p.stat().st_size for p in beside):
            copy = self.private_folder() / f"copy{len(self._engines)}.db"
            shutil.copyfile(path, copy)
            for extra in beside:
                if extra.is_file():
                    shutil.copyfile(extra, str(copy) + str(extra)[len(str(path)) :])
            self.findings.append(finding(COPIED, "installation", path.name))
            try:
                with sqlite3.connect(copy) as connection:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    connection.execute("PRAGMA journal_mode=DELETE")
                connection.close()
            except sqlite3.DatabaseError as error:
                raise DatabaseUnreadable(what=path, cause=str(error)) from None
            path = copy
        engine = sqlite_engine(path)
        try:
            with engine.connect() as connection:
                state = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        except sqlalchemy.exc.DBAPIError as error:
            raise DatabaseUnreadable(what=path, cause=_cause(error)) from None
        if state not in (b"ok", "ok"):
            raise DatabaseUnreadable(what=path, cause="it is damaged (quick_check)")
        return engine

    def _server(self, url: URL) -> Engine:
        options: dict[str, object] = {"connect_timeout": 15}
        if url.get_backend_name() in ("mysql", "mariadb"):
            options |= {"charset": "utf8mb4", "init_command": "SET SESSION TRANSACTION READ ONLY"}
        else:
            options["options"] = "-c default_transaction_read_only=on -c bytea_output=hex"
        try:
            engine = sqlalchemy.create_engine(url, connect_args=options, hide_parameters=True, pool_size=2)
            with engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            what = url.render_as_string(hide_password=True)
            raise DatabaseUnreadable(what=what, cause=_cause(error)) from None
        return engine


def _cause(error: Exception) -> str:
    """The driver's reason in one line, without statement or parameters."""
    inner = getattr(error, "orig", None) or error
    return str(inner).strip().splitlines()[0][:200] if str(inner).strip() else type(inner).__name__


def sqlite_engine(path: Path) -> Engine:
    """A read-only, immutable engine; text comes as bytes, because what is stored need not be UTF-8."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        connection.text_factory = bytes
        return connection

    # NullPool: every stream has its own connection and nothing stays open. SQLAlchemy asks SQLite nothing that needs text.
    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=sqlalchemy.pool.NullPool, hide_parameters=True)


def is_sqlite(path: Path) -> bool:
    """Whether a file is a SQLite database, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(16) == SQLITE_MAGIC
    except OSError:
        return False


def find_databases(installation: Installation) -> DatabaseSource | None:
    """Where the databases of `installation` are. None where neither configuration nor users are in SQL."""
    chosen = installation.drivers
    if installation.database_option:
        return DatabaseSource(_from_option(installation.database_option))
    if chosen.conf != "sql" and "sql" not in chosen.auth:
        return None
    preset = chosen.core_conf.get("DIBI_PRECONFIGURATION")
    parameters = {
        "conf": sql_parameters(chosen.conf_options.get("SQL_DRIVER"), preset, installation.expand),
        "auth": sql_parameters(chosen.auth_options.get("SQL_DRIVER"), preset, installation.expand),
    }
    first, findings = _place(installation, parameters["conf" if chosen.conf == "sql" else "auth"])
    second = None
    if "sql" in chosen.auth and chosen.conf == "sql" and parameters["auth"] != parameters["conf"] and chosen.auth_options.get("SQL_DRIVER"):
        second, more = _place(installation, parameters["auth"])
        findings += more
    return DatabaseSource(first, second if str(second) != str(first) else None, findings)


def _from_option(option: str) -> Path | URL:
    if "://" not in option:
        path = Path(os.path.abspath(option))
        if not path.is_file():
            raise DatabaseMissing(what=option)
        return path
    try:
        url = make_url(option)
    except (sqlalchemy.exc.ArgumentError, ValueError):
        raise DatabaseOptionWrong(what="(URL not shown)", cause="it is no valid URL") from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = Path(url.database or "")
        if not path.is_file():
            raise DatabaseMissing(what=path)
        return path
    if backend in ("mysql", "mariadb"):
        return url.set(drivername=f"{backend}+pymysql")
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseOptionWrong(what=url.render_as_string(hide_password=True), cause=f"{backend} is not supported")


def place_of(installation: Installation, parameters: dict[str, str]) -> Path | URL:
    """Where the database of SQL parameters is: a SQLite file, a dump beside the installation, or a server. Raises
    DatabaseMissing for a driver that cannot be opened."""
    return _place(installation, parameters)[0]


def _place(installation: Installation, parameters: dict[str, str]) -> tuple[Path | URL, list[Finding]]:
    file = sqlite_file(parameters)
    if file is not None:
        old = file or installation.data_path + "/plugins/conf.sql/pydio.db"
        place = Path(installation.here(old))
        if not place.is_file():
            beside = sorted((installation.data_folder / "plugins" / "conf.sql").glob("*.db"))
            if len(beside) == 1:
                return beside[0], []
        return place, []
    dumps = find_dumps(installation.root, installation.data_folder)
    if dumps:
        return dumps[0], _dump_findings(dumps)
    url = server_url(parameters, os.path.exists)
    if url is None:
        raise DatabaseMissing(what=f"(driver {parameters.get('driver') or 'not configured'})")
    return url, []


def _dump_findings(dumps: list[Path]) -> list[Finding]:
    found = [finding(DUMP_USED, "installation", dumps[0].name)]
    if len(dumps) > 1:
        found.append(finding(OTHER_DUMPS, "installation", dumps[0].name, others=", ".join(p.name for p in dumps[1:6])))
    return found


def find_dumps(root: Path, data: Path) -> list[Path]:
    """Dumps beside an installation that hold its tables, best first: written last (to the minute), then with hexadecimal
    binary values, then by name. Looks into the folder itself and `mysqldump`, `dump`, `dumps`, `backup`, `sql`, `database`."""
    ranked: list[tuple[int, int, str, Path]] = []
    for folder in (root, *(root / n for n in ("mysqldump", "pgdump", "pg_dump", "dump", "dumps", "backup", "sql", "database", "db"))):
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if path.name.endswith((".sql", ".sql.gz", ".dump")) and path.is_file():
                head = _head(path)
                if b"ajxp_" in head:
                    ranked.append((-int(path.stat().st_mtime // 60), -(b",0x" in head), path.name, path))
    return [path for *_rank, path in sorted(ranked)]


def _head(path: Path) -> bytes:
    try:
        with open_dump(path) as file:
            return file.read(4 << 20)
    except (OSError, EOFError):
        return b""


def open_dump(path: Path):  # noqa: ANN201 - a binary file object, plain or decompressed
    """A dump for reading, decompressed where it is gzip."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")
