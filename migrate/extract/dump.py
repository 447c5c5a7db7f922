"""How does a database dump become tables again? mysqldump and plain pg_dump files, into a private SQLite file, byte for byte.

Tables that no part of the migration reads (logs, indexes, queues) are left out. What a cut-off or damaged dump still
holds is kept, and the rest reported."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import Any

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.charset import unescape_bytea
from migrate.extract.database import DatabaseUnreadable, open_dump
from migrate.extract.dumptext import Damaged, Statements, copy_row, rows_of, without_comments

CUT_OFF = code(
    "F1043",
    Severity.ERROR,
    "The dump {subject} ends in the middle ({where}); what comes before was read, the rest is missing.",
    "Make the dump again, or copy it again, and compare the sizes.",
)
BAD_ROWS = code(
    "F1044",
    Severity.ERROR,
    "The dump {subject} has damaged rows of table {table} in statement {number}; {kept} rows before them were read.",
    "Make the dump again.",
)
TWO_DATABASES = code(
    "F1045",
    Severity.WARNING,
    "The dump {subject} holds table {table} of a second database ({database}), which was not read.",
    "Dump only the database of the old server.",
)
NO_END_MARK = code(
    "F1046",
    Severity.WARNING,
    "The dump {subject} has no closing line of the program that wrote it; it may be incomplete.",
    "Compare its size with the original, or make it again.",
)

GRANTING = ("ajxp_roles", "ajxp_user_rights")
"""Tables that also take away: a role can deny, a right can lock an account or make it an external one."""
_UNUSED = {b"ajxp_log", b"ajxp_index", b"ajxp_changes", b"ajxp_mq_queues", b"ajxp_mail_queue", b"ajxp_mail_sent", b"ajxp_tasks_nodes"}
_NAME = rb"(?:`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\"|[A-Za-z_][A-Za-z0-9_$]*)"
_TABLE = rb"(?P<table>" + _NAME + rb"(?:\s*\.\s*" + _NAME + rb")?)"
_CREATE = re.compile(rb"CREATE\s+(?:TEMPORARY\s+|UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?" + _TABLE + rb"\s*\(", re.IGNORECASE)
_INSERT = re.compile(
    rb"(?:INSERT|REPLACE)\s+(?:IGNORE\s+|DELAYED\s+|LOW_PRIORITY\s+)*(?:INTO\s+)?"
    + _TABLE
    + rb"\s*(?:\((?P<columns>[^)]*)\)\s*)?(?:OVERRIDING\s+\w+\s+VALUE\s+)?VALUES?\s*",
    re.IGNORECASE,
)
_COPY = re.compile(rb"COPY\s+" + _TABLE + rb"\s*(?:\((?P<columns>[^)]*)\))?\s*FROM\s+stdin", re.IGNORECASE)
_USE = re.compile(rb"USE\s+(" + _NAME + rb")", re.IGNORECASE)
_CONNECT = re.compile(rb"^\\connect\s+(?:-\S+\s+)*(\S+)", re.MULTILINE)
_NAMES = re.compile(rb"SET\s+NAMES\s+'?(\w+)", re.IGNORECASE)
_PG_ENCODING = re.compile(rb"SET\s+client_encoding\s*=\s*'([\w-]+)'", re.IGNORECASE)
_COLUMN = re.compile(rb"\s*(?P<name>" + _NAME + rb")\s+\"?(?P<type>[A-Za-z]+)", re.IGNORECASE)
_NO_COLUMN = {b"primary", b"key", b"unique", b"constraint", b"index", b"fulltext", b"check", b"exclude", b"foreign", b"spatial", b"like"}
_PIECE = re.compile(rb"'(?:[^'\\]|\\.|'')*'|`[^`]*`|\"[^\"]*\"|[(),]|[^'`\"(),]+", re.DOTALL)


def dump_kind(path: Path) -> str:
    """`mysql` or `postgresql`, by how a dump looks. Raises DatabaseUnreadable for formats that are no text."""
    try:
        with open_dump(path) as file:
            head = file.read(1 << 20)
    except (OSError, EOFError) as error:
        raise DatabaseUnreadable(what=path, cause=getattr(error, "strerror", None) or "it is no complete gzip file") from None
    if head.startswith(b"PGDMP"):
        raise DatabaseUnreadable(what=path, cause="it is in the custom format of pg_dump; turn it into text with `pg_restore -f FILE.sql`")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DatabaseUnreadable(what=path, cause="it is UTF-16 (written by PowerShell?), which damages binary values; dump it again")
    postgres = b"PostgreSQL database" in head or re.search(rb"^COPY .* FROM stdin;|^SET client_encoding", head, re.MULTILINE)
    return "postgresql" if postgres else "mysql"


def load_dump(path: Path, target: Path, incomplete: set[str] | None = None) -> list[Finding]:
    """Read the dump `path` into the new SQLite file `target`. `incomplete`: gets the names of tables of which rows are
    missing, among those whose loss could widen a right. Raises DatabaseUnreadable when it holds no table of the
    application at all."""
    kind = dump_kind(path)
    loader = _Loader(path, target, kind == "postgresql")
    try:
        with open_dump(path) as file:
            loader.read(Statements(file, kind == "postgresql"))
    except (EOFError, OSError) as error:
        where = getattr(error, "strerror", None) or "in the compressed data"
        loader.findings.append(finding(CUT_OFF, "installation", path.name, where=where))
        loader.ends_early()
    finally:
        loader.close()
    if not any(name.startswith("ajxp_") for name in loader.tables):
        raise DatabaseUnreadable(what=path, cause="it holds no table of AjaXplorer or Pydio")
    if incomplete is not None:
        incomplete |= loader.incomplete
    return loader.findings


class _Loader:
    def __init__(self, path: Path, target: Path, postgres: bool) -> None:
        self.path = path
        self.postgres = postgres
        self.findings: list[Finding] = []
        self.tables: dict[str, list[tuple[str, str]]] = {}  # name -> (column, type)
        self.origin: dict[str, str] = {}
        self.database = ""
        self.incomplete: set[str] = set()
        self.last = ""
        self.encoding: str | None = None
        self.number = 0
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))  # private from its first moment: password hashes go there
        self.connection = sqlite3.connect(target)
        self.connection.execute("PRAGMA journal_mode=OFF")
        self.connection.execute("PRAGMA synchronous=OFF")

    def close(self) -> None:
        self.connection.commit()
        self.connection.close()

    def read(self, statements: Statements) -> None:
        marked, last = False, b""
        for raw in statements:
            self.number += 1
            statement = without_comments(raw)
            if self.postgres and (connect := _CONNECT.search(raw[: len(raw) - len(statement)])):
                self.database = _name(connect[1])
            marked = marked or b"dump" in raw[:400].lower() and raw.lstrip().startswith(b"--")
            last = raw
            word = statement[:12].split(None, 1)[0].upper() if statement.strip() else b""
            if word == b"CREATE":
                self._create(statement)
            elif word in (b"INSERT", b"REPLACE"):
                self._insert(statement)
            elif word == b"COPY" and statements.is_copy(raw):
                self._copy(statement, statements)
            elif word == b"USE" and (match := _USE.match(statement)):
                self.database = _name(match[1])
            elif word == b"SET":
                self._set(statement)
        if statements.cut_off:
            where = f"statement {self.number}: {last.strip()[:40].decode('ascii', 'replace').split('(')[0].strip()}"
            self.findings.append(finding(CUT_OFF, "installation", self.path.name, where=where))
            self.ends_early()
        elif marked and not self._closed():
            self.findings.append(finding(NO_END_MARK, "installation", self.path.name))

    def ends_early(self) -> None:
        """The table that was being read is incomplete, and what was not reached is missing."""
        self.incomplete.add(self.last)
        self.incomplete |= {name for name in GRANTING if name not in self.tables}

    def _closed(self) -> bool:
        size = self.path.stat().st_size
        with open_dump(self.path) as file:
            if self.path.suffix != ".gz":
                file.seek(max(0, size - 4096))
                tail = file.read()
            else:
                tail = b""
                while chunk := file.read(1 << 20):
                    tail = (tail + chunk)[-4096:]
        return b"Dump completed" in tail or b"dump complete" in tail or b"-- phpMyAdmin" in tail or b"CHARACTER_SET_CLIENT" in tail

    def _set(self, statement: bytes) -> None:
        match = _NAMES.match(statement) or _PG_ENCODING.match(statement)
        if match is None:
            return
        name = match[1].decode("ascii").lower()
        # latin1 stays as it is: such dumps hold the raw UTF-8 bytes that old versions put into latin1 columns.
        plain = ("utf8", "utf8mb3", "utf8mb4", "utf_8", "utf-8", "latin1", "binary", "sql_ascii", "default")
        self.encoding = None if name in plain else name

    def _create(self, statement: bytes) -> None:
        match = _CREATE.match(statement)
        if match is None:
            return
        table = _table(match["table"])
        if table in self.tables:
            if self.origin.get(table) != self.database:
                self.findings.append(finding(TWO_DATABASES, "installation", self.path.name, table=table, database=self.database))
            return
        columns: list[tuple[str, str]] = []
        depth, item = 0, b""
        for piece in _PIECE.finditer(statement, match.end() - 1):
            token = piece[0]
            depth += (token == b"(") - (token == b")")
            if (token == b"," and depth == 1) or depth == 0:
                found = _COLUMN.match(item)
                if found and found["name"].lower() not in _NO_COLUMN:
                    columns.append((_name(found["name"]), found["type"].decode("ascii").lower()))
                item = b""
                if depth == 0:
                    break
            elif not (token == b"(" and depth == 1):
                item += token
        self._make(table, columns)

    def _make(self, table: str, columns: list[tuple[str, str]]) -> None:
        seen: set[str] = set()
        unique = [(c, t) for c, t in columns if not (c.lower() in seen or seen.add(c.lower()))]
        if not unique or not table.startswith("ajxp_"):
            return
        self.tables[table] = unique
        self.last = table
        self.origin[table] = self.database
        spec = ", ".join(f"{_quoted(name)} {'INTEGER' if 'int' in kind or kind == 'serial' else 'BLOB'}" for name, kind in unique)
        self.connection.execute(f"CREATE TABLE {_quoted(table)} ({spec})")

    def _target(self, table_text: bytes, columns_text: bytes | None) -> tuple[str, list[tuple[str, str]]] | None:
        table = _table(table_text)
        if not table.startswith("ajxp_") or table.encode() in _UNUSED:
            return None
        given = [_name(c.strip()) for c in columns_text.split(b",")] if columns_text else None
        if table not in self.tables:
            if given is None:
                return None
            self._make(table, [(c, "text") for c in given])
        if self.origin.get(table) != self.database:
            return None
        known = dict(self.tables.get(table, []))
        if given is None:
            return table, self.tables[table]
        return table, [(c, known.get(c, "")) for c in given]

    def _insert(self, statement: bytes) -> None:
        match = _INSERT.match(statement)
        target = self._target(match["table"], match["columns"]) if match else None
        if match is None or target is None:
            return
        self.last = target[0]
        kept = 0
        try:
            for row in rows_of(statement, match.end(), self.postgres):
                if not self._add(*target, row):
                    raise Damaged(0)
                kept += 1
        except Damaged:
            table = target[0]
            self.incomplete.add(table)
            self.findings.append(finding(BAD_ROWS, "installation", self.path.name, table=table, number=self.number, kept=kept))

    def _copy(self, statement: bytes, statements: Statements) -> None:
        match = _COPY.match(statement)
        target = self._target(match["table"], match["columns"]) if match else None
        kept, bad = 0, False
        self.last = target[0] if target is not None else self.last
        for line in statements.copy_lines():
            if target is not None:
                good = self._add(*target, copy_row(line))
                kept += good
                bad = bad or not good
        if bad and target is not None:
            self.incomplete.add(target[0])
            self.findings.append(finding(BAD_ROWS, "installation", self.path.name, table=target[0], number=self.number, kept=kept))

    def _add(self, table: str, columns: list[tuple[str, str]], row: list[Any]) -> bool:
        if len(row) != len(columns):
            return False
        known = {name for name, _ in self.tables[table]}
        names = [name for name, _ in columns if name in known]
        values = [self._converted(v, kind) for v, (name, kind) in zip(row, columns, strict=True) if name in known]
        marks = ", ".join("?" * len(names))
        self.connection.execute(f"INSERT INTO {_quoted(table)} ({', '.join(map(_quoted, names))}) VALUES ({marks})", values)
        return True

    def _converted(self, value: Any, kind: str) -> Any:
        if value is None:
            return None
        if "int" in kind or kind == "serial":
            text = value if isinstance(value, bytes) else str(value).encode()
            return int(text) if text.lstrip(b"-").isdigit() and len(text) < 19 else text
        if isinstance(value, int):
            return str(value).encode()
        if kind == "bytea":
            return unescape_bytea(value) if b"\\" in value else value
        if self.encoding and kind not in ("blob", "longblob", "mediumblob", "tinyblob", "binary", "varbinary"):
            try:
                return value.decode(self.encoding).encode("utf-8")
            except (UnicodeDecodeError, LookupError):
                return value
        return value


def _name(text: bytes) -> str:
    quote = text[:1]
    if quote in (b"`", b'"') and len(text) > 1:
        text = text[1:-1].replace(quote * 2, quote)
    return text.decode("utf-8", "replace")


def _table(text: bytes) -> str:
    parts = re.findall(_NAME, text)
    return _name(parts[-1]).lower() if parts else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
