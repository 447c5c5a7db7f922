"""What is in the tables of an old database? Streams of rows as exact bytes, for every schema age and every server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import sqlalchemy
from sqlalchemy.engine import Engine

from migrate.extract.database import DatabaseUnreadable, _cause

_BINARY = ("blob", "binary", "bytea")


class Tables:
    """Tables of one database. Missing tables and columns are normal: they came with later versions."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._backend = engine.dialect.name

    @cached_property
    def schema(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Table -> column (lower case) -> (name as written, type in lower case). Table names in lower case."""
        found: dict[str, dict[str, tuple[str, str]]] = {}
        for table, column, kind in self._columns():
            found.setdefault(table.lower(), {})[column.lower()] = (column, kind.lower())
        return found

    def _columns(self) -> Iterator[tuple[str, str, str]]:
        if self._backend == "sqlite":
            for (table,) in list(self._run("SELECT name FROM sqlite_master WHERE type = 'table'")):
                name = _text(table)
                for row in list(self._run(f"PRAGMA table_info({_quote(name, chr(34))})")):
                    yield name, _text(row[1]), _text(row[2])
            return
        schema = "DATABASE()" if self._backend in ("mysql", "mariadb") else "current_schema()"
        query = f"SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = {schema}"
        for row in list(self._run(query)):
            yield _text(row[0]), _text(row[1]), _text(row[2])

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is such a table (and column)."""
        columns = self.schema.get(table)
        return columns is not None and (column is None or column.lower() in columns)

    def rows(self, table: str, *columns: str, where: dict[str, bytes] | None = None, order: str | None = None) -> Iterator[tuple[Any, ...]]:
        """Rows of a table, columns as exact bytes (numbers as int), None for NULL and for columns that do not exist.
        Nothing for a missing table. `where`: column -> text it must equal; `order`: a number column."""
        known = self.schema.get(table)
        if known is None:
            return
        quote = "`" if self._backend in ("mysql", "mariadb") else '"'
        name = _quote(table, quote)
        shown = ", ".join(self._select(known, column, quote) for column in columns)
        query = f"SELECT {shown} FROM {name}"
        conditions = {c: v for c, v in (where or {}).items() if c.lower() in known}
        if where and len(conditions) < len(where):
            return
        if conditions:
            # The values are words of this program, never data. SQLite holds them as text or as bytes.
            tests = []
            for column, word in conditions.items():
                named = _quote(known[column.lower()][0], quote)
                is_lite = self._backend == "sqlite"
                tests.append(f"CAST({named} AS BLOB) = X'{word.hex()}'" if is_lite else f"{named} = '{word.decode('ascii')}'")
            query += " WHERE " + " AND ".join(tests)
        if order and order.lower() in known:
            query += f" ORDER BY {_quote(known[order.lower()][0], quote)}"
        elif self._backend == "sqlite" and order:
            query += " ORDER BY rowid"
        for row in self._run(query):
            yield tuple(_plain(value) for value in row)

    def _select(self, known: dict[str, tuple[str, str]], column: str, quote: str) -> str:
        if column.lower() not in known:
            return "NULL"
        name, kind = known[column.lower()]
        quoted = _quote(name, quote)
        if self._backend in ("mysql", "mariadb"):
            if any(word in kind for word in ("int", "timestamp", "date")):
                return quoted
            return f"CAST({quoted} AS BINARY)"  # what is stored, without conversion to the connection's charset
        if self._backend == "postgresql" and not any(word in kind for word in (*_BINARY, "int", "bool", "timestamp", "date")):
            return f"convert_to({quoted}::text, 'UTF8')"
        return quoted

    def _run(self, query: str) -> Iterator[Any]:
        try:
            with self._engine.connect().execution_options(stream_results=True, max_row_buffer=500) as connection:
                yield from connection.exec_driver_sql(query)
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise DatabaseUnreadable(what=self._name, cause=_cause(error)) from None


def _quote(name: str, quote: str) -> str:
    return quote + name.replace(quote, quote * 2) + quote


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "surrogateescape") if isinstance(value, (bytes, bytearray, memoryview)) else str(value)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bytes, int, float)):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8", "surrogateescape")
