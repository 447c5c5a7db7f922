"""The table of Cells that holds accounts: reads and sets stored passwords by SQL. Named by the server's owner, never looked for.

Rests on `idm_user_idx_tree(uuid, leaf, name, etag)` of 3.x, 4.x and 5 (MySQL/MariaDB; on 5 PostgreSQL and SQLite too). The login
service reads the row at each sign-in, so a change counts at once. Former values are saved in a table of our own first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import Column, MetaData, String, Table, and_, column, create_engine, delete, inspect, select, table, update
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from migrate.errors import ExitStatus, MigrationError
from migrate.logs import keep_out

SAVED = "migration_kept_passwords"
ACCOUNTS = "idm_user_idx_tree"
LEAF = 1
BATCH = 500


class DatabaseUnusable(MigrationError):
    """The database of Cells cannot be reached or does not hold the table of accounts."""

    code = "E4920"
    title = "The database of Cells cannot be used: {detail}."
    remedy = "Check the address (MIGRATE_CELLS_DATABASE) and its rights (SELECT, UPDATE, CREATE TABLE), or leave it out and run keep-passwords.sql."
    exit_status = ExitStatus.INCOMPLETE


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A row of the table. `form` is in no repr."""

    uuid: str
    name: str
    leaf: int

    form: str = ""

    def __repr__(self) -> str:
        return f"StoredAccount({self.uuid!r}, {self.name!r}, leaf={self.leaf})"


class CellsDatabase:
    """Stored passwords of accounts, by uuid. Errors are DatabaseUnusable, without statement or values."""

    def __init__(self, url: str) -> None:
        try:
            address = make_url(url)
            keep_out(address.password if isinstance(address.password, str) else None)
            keep_out(url if address.password else None)
            self._engine: Engine = create_engine(address, pool_pre_ping=True, hide_parameters=True)
        except (ArgumentError, ImportError) as error:
            raise DatabaseUnusable(detail=f"its address is not understood ({type(error).__name__})") from None
        self._accounts = table(ACCOUNTS, column("uuid"), column("leaf"), column("name"), column("etag"))
        meta = MetaData()
        self._saved = Table(SAVED, meta, Column("uuid", String(128), primary_key=True), Column("former", String(255), nullable=False),
                            Column("stored", String(255), nullable=False))

    def __repr__(self) -> str:
        return "<CellsDatabase>"

    @property
    def engine(self) -> Engine:
        """For other tables of the same database."""
        return self._engine

    def check(self) -> None:
        """Find the table of accounts; its prefix is configuration of the server, its end is not."""
        try:
            names = [n for n in inspect(self._engine).get_table_names() if n.endswith("user_idx_tree")]
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=_reason(error)) from None
        names = [ACCOUNTS] if ACCOUNTS in names else names
        if len(names) != 1:
            raise DatabaseUnusable(detail=f"it has {len(names)} tables …user_idx_tree instead of one")
        self._accounts = table(names[0], column("uuid"), column("leaf"), column("name"), column("etag"))

    def read(self, uuids: Sequence[str]) -> dict[str, StoredAccount]:
        """The accounts of these uuids that are there."""
        found: dict[str, StoredAccount] = {}
        t = self._accounts
        try:
            with self._engine.connect() as db:
                for some in _pieces(uuids):
                    rows = db.execute(select(t.c.uuid, t.c.name, t.c.leaf, t.c.etag).where(t.c.uuid.in_(some)))
                    found |= {_text(r.uuid): StoredAccount(_text(r.uuid), _text(r.name), int(r.leaf or 0), _text(r.etag)) for r in rows}
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=_reason(error)) from None
        return found

    def store(self, changes: Sequence[tuple[str, str, str]]) -> list[str]:
        """(uuid, former form, new form): save the former one, then set the new one where the former one still stands. One
        transaction; gives the uuids that were changed."""
        changed = []
        t, s = self._accounts, self._saved
        try:
            s.create(self._engine, checkfirst=True)
            with self._engine.begin() as db:
                for uuid, former, form in changes:
                    done = db.execute(update(t).where(and_(t.c.uuid == uuid, t.c.leaf == LEAF, t.c.etag == former)).values(etag=form))
                    if done.rowcount != 1:
                        continue
                    db.execute(delete(s).where(s.c.uuid == uuid))
                    db.execute(s.insert().values(uuid=uuid, former=former, stored=form))
                    changed.append(uuid)
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=_reason(error)) from None
        return changed

    def restore(self, uuids: Sequence[str]) -> int:
        """Put former forms back where the one we set still stands, and forget them. Gives how many."""
        number = 0
        t, s = self._accounts, self._saved
        try:
            if not inspect(self._engine).has_table(SAVED):
                return 0
            with self._engine.begin() as db:
                for some in _pieces(uuids):
                    for row in db.execute(select(s).where(s.c.uuid.in_(some))).all():
                        number += db.execute(update(t).where(and_(t.c.uuid == row.uuid, t.c.leaf == LEAF, t.c.etag == row.stored))
                                             .values(etag=row.former)).rowcount
                    db.execute(delete(s).where(s.c.uuid.in_(some)))
                empty = db.execute(select(s.c.uuid).limit(1)).first() is None
            if empty:
                s.drop(self._engine)
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=_reason(error)) from None
        return number

    def forget(self, uuids: Sequence[str]) -> None:
        """Keep no former forms of these: what they replaced is known elsewhere, or nobody will ask for it."""
        s = self._saved
        try:
            if not inspect(self._engine).has_table(SAVED):
                return
            with self._engine.begin() as db:
                for some in _pieces(uuids):
                    db.execute(delete(s).where(s.c.uuid.in_(some)))
                empty = db.execute(select(s.c.uuid).limit(1)).first() is None
            if empty:
                s.drop(self._engine)
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=_reason(error)) from None

    def token_end(self, token: str) -> float | None:
        """When a personal access token ends, as epoch seconds; None for one that is renewed by use, or is none. 4.x and 5 keep its
        SHA-256 only; older servers are not asked."""
        t = table("idm_personal_tokens", column("access_token"), column("expire_at"), column("auto_refresh"))
        digest = "sha256:" + hashlib.sha256(token.encode()).hexdigest()
        try:
            with self._engine.connect() as db:
                row = db.execute(select(t.c.expire_at, t.c.auto_refresh).where(t.c.access_token == digest)).first()
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=_reason(error)) from None
        return None if row is None or row.auto_refresh else float(row.expire_at)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _reason(error: SQLAlchemyError) -> str:
    """The driver's first words; never the statement or its values."""
    cause = getattr(error, "orig", None)
    return " ".join(str(cause if cause is not None else type(error).__name__).split())[:200]


def _pieces(items: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(items)
    while some := list(islice(iterator, BATCH)):
        yield some
