"""The file of the ledger: opened with care, written in synced transactions, its damage told."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from migrate.ledger import schema
from migrate.ledger.errors import LedgerDamaged, LedgerFull, LedgerMissing
from migrate.ledger.mark import Mark

Self = TypeVar("Self", bound="Database")


class Database:
    """Open with `Ledger.create(work)` or `Ledger.open(work)`. Safe to use from several threads; writes are serialised."""

    NAME = "ledger.sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._mark = Mark(path)
        self._wrote = False
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 60})
        event.listen(self._engine, "connect", _pragmas)

    @classmethod
    def create(cls, work: Path) -> Self:
        """Open the ledger of a work folder, making both when absent."""
        work.mkdir(parents=True, exist_ok=True)
        path = work / cls.NAME
        if not path.exists():
            if Mark(path).exists:
                raise LedgerDamaged(path=path, detail="it is gone, and ledger.mark beside it says that there was one")
            cls._new(path)
        ledger = cls(path)
        ledger._check()
        return ledger

    @classmethod
    def _new(cls, path: Path) -> None:
        """Make an empty ledger beside, then give it its name: under that name there never is a half made or empty one."""
        beside = path.with_name(path.name + ".new")
        for name in (beside, *(beside.with_name(beside.name + end) for end in ("-wal", "-shm", "-journal"))):
            name.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        ledger = cls(beside)
        with ledger._guard(), ledger._engine.begin() as db:
            db.execute(text(f"PRAGMA application_id={schema.APPLICATION_ID}"))
            db.execute(text(f"PRAGMA user_version={schema.VERSION}"))
            schema.metadata.create_all(db)
        ledger.close()  # the last connection writes the log back and removes it
        os.rename(beside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @classmethod
    def open(cls, work: Path) -> Self:
        """Open an existing ledger; LedgerMissing when there is none, LedgerDamaged when it cannot be trusted."""
        path = work / cls.NAME
        if not path.is_file():
            if Mark(path).exists:
                raise LedgerDamaged(path=path, detail="it is gone, and ledger.mark beside it says that there was one")
            raise LedgerMissing(work=work)
        ledger = cls(path)
        ledger._check()
        return ledger

    def _check(self) -> None:
        problem = self._mark.problem()
        if problem:
            raise LedgerDamaged(path=self.path, detail=problem)
        least = self._mark.least()  # before the ledger is looked at: a run may be going on
        with self._read() as db:
            if db.execute(text("PRAGMA application_id")).scalar() != schema.APPLICATION_ID:
                raise LedgerDamaged(path=self.path, detail="it is not a ledger of this tool")
            version = db.execute(text("PRAGMA user_version")).scalar()
            if version != schema.VERSION:
                raise LedgerDamaged(path=self.path, detail=f"its layout is number {version}, this program knows {schema.VERSION}")
            # After a kill there is no hash to compare: the indices are, which hold the states a second time.
            problem = db.execute(text("PRAGMA integrity_check(1)" if self._mark.open else "PRAGMA quick_check(1)")).scalar()
            if problem != "ok":
                raise LedgerDamaged(path=self.path, detail=str(problem))
            problem = self._mark.older(_lines(db)) or self._mark.lost(_writes(db), least)
            if problem:
                raise LedgerDamaged(path=self.path, detail=problem)

    def close(self) -> None:
        """Release the file; its state is what the next run has to find."""
        lines = None
        if self._wrote:
            with suppress(LedgerDamaged, LedgerFull), self._read() as db:  # whoever met that has told it; the mark stays open
                lines = _lines(db)
        self._engine.dispose()  # the last connection writes the log back and removes it
        self._wrote = False
        if lines is not None:
            self._mark.closed(lines)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._lock, self._guard():
            with self._engine.begin() as db:
                if not self._wrote:
                    self._mark.opened(_lines(db))
                    self._wrote = True
                yield db
                number = _counted(db)
            self._mark.reached(number)  # never before its transaction is on disk

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._guard(), self._engine.connect() as db:
            yield db

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            cause = str(error.orig)
            if "malformed" in cause or "not a database" in cause:
                raise LedgerDamaged(path=self.path, detail=cause) from None
            raise LedgerFull(path=self.path, detail=cause) from None
        except DatabaseError as error:
            cause = str(error.orig)
            if "malformed" in cause or "not a database" in cause:
                raise LedgerDamaged(path=self.path, detail=cause) from None
            raise


def _lines(db: Connection) -> int:
    """How far the journal goes."""
    return db.execute(text("SELECT coalesce(max(seq), 0) FROM journal")).scalar() or 0


def _writes(db: Connection) -> int:
    """How many transactions were ever written."""
    return int(db.execute(text("SELECT value FROM meta WHERE key='writes'")).scalar() or 0)


def _counted(db: Connection) -> int:
    """Count the transaction as one of its own changes."""
    db.execute(text("INSERT INTO meta (key, value) VALUES ('writes', '1') ON CONFLICT (key) DO UPDATE SET value=CAST(value AS INTEGER)+1"))
    return _writes(db)


def _pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute("PRAGMA " + pragma)
    cursor.close()
