"""Gives uploaded files their old dates: in the index table of the data source, by SQL, because Cells has no other way. Opt-in.

Rests on `data_index_<source>_idx_tree(uuid, leaf, mtime)` of 3.x, 4.x and 5 (MySQL/MariaDB; on 5 PostgreSQL and SQLite too). The
date counts at once, without a restart, and stays when a source is indexed again. Former dates are saved in a table of our own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from sqlalchemy import BigInteger, Column, MetaData, String, Table, and_, column, delete, inspect, select, table, update
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from migrate.cells.session import Session
from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import Ledger, State
from migrate.ledger.listed import is_sent, target_of
from migrate.load.awaited import require_arrived
from migrate.load.cells_database import LEAF, DatabaseUnusable
from migrate.load.listings import Listings
from migrate.load.tools import Result, Tools, performs
from migrate.transform.file_actions import KeepDates, RestoreDates

SAVED = "migration_kept_dates"
LAST = 2**31 - 1
"""The column of the index is an INT: one later date in a transaction would keep all others of it out. `verify` names the file."""
BATCH = 500
Change = tuple[str, int, int]
"""(node uuid, date in Cells, old date), in epoch seconds."""


class NoDatabase(MigrationError):
    """Old dates can only be set in the database of Cells, and none is named."""

    code = "E5012"
    title = "The dates of the files in {data_source} were not set: no database of Cells is named."
    remedy = "Name it with MIGRATE_CELLS_DATABASE or --cells-database and run `apply` again, or plan again without it and run WORK/dates.sql."
    exit_status = ExitStatus.INCOMPLETE


@performs(KeepDates)
def keep_dates(tools: Tools, action: KeepDates, look: bool) -> Result:
    """Sets what differs; a date is only changed where it still is the one that was read."""
    require_arrived(tools.ledger, action.data_source)
    dates = _dates(tools, action.data_source)
    changed = 0
    for some in _pieces(wanted(tools.ledger, tools.session, action.data_source)):
        tools.stop.check()
        changed += dates.store(some)
    tools.ledger.put("dates:" + action.data_source, True)
    return {"changed": changed}


@performs(RestoreDates)
def restore_dates(tools: Tools, action: RestoreDates, look: bool) -> Result:
    """Puts the saved dates back where ours still stands."""
    tools.ledger.put("dates:" + action.data_source, False)
    return {"restored": _dates(tools, action.data_source).restore()}


def _dates(tools: Tools, source: str) -> DatesTable:
    if tools.keeping is None or tools.keeping.database is None:
        raise NoDatabase(data_source=source)
    return DatesTable(tools.keeping.database.engine, source)


def wanted(ledger: Ledger, session: Session, source: str) -> Iterator[Change]:
    """Every uploaded file of a data source whose date in Cells is not the old one. Lists Cells folder by folder."""
    for key, body in ledger.targets("roots"):
        if body.get("data_source") != source or not is_sent(body):
            continue
        listings = Listings(session, str(body["node"]))
        for row in ledger.files(key, State.DONE, State.ALREADY):
            node = listings.find(target_of(row)) if row.type == "file" and row.mtime is not None else None
            if node is not None and node.is_file and node.size == row.size and row.mtime is not None and node.mtime != row.mtime and -LAST <= row.mtime <= LAST:
                yield node.uuid, node.mtime, row.mtime


def write_script(path: Path, ledger: Ledger, session: Session) -> int:
    """A script for MySQL/MariaDB, PostgreSQL or SQLite that sets the dates; gives the number of its statements. Beside it the
    one that takes it back."""
    sources = sorted({str(body["data_source"]) for _, body in ledger.targets("roots") if is_sent(body)})
    number = 0
    with open(path, "w", encoding="ascii") as out, open(path.with_name("dates-undo.sql"), "w", encoding="ascii") as back:
        out.write("-- Old dates of uploaded files. Run it on the database of Cells after the files were carried; they count at once.\n")
        back.write("-- Takes dates.sql back.\n")
        for source in sources:
            for uuid, now, old in wanted(ledger, session, source):
                if not _is_uuid(uuid):
                    continue
                start = f"UPDATE data_index_{source}_idx_tree SET mtime="
                out.write(f"{start}{old} WHERE uuid='{uuid}' AND leaf=1 AND mtime={now};\n")
                back.write(f"{start}{now} WHERE uuid='{uuid}' AND leaf=1 AND mtime={old};\n")
                number += 1
    return number


def _is_uuid(text: str) -> bool:
    return bool(text) and all(c.isalnum() or c == "-" for c in text) and text.isascii()


class DatesTable:
    """Dates in the index of one data source. Errors are DatabaseUnusable, without statement or values."""

    def __init__(self, engine: Engine, source: str) -> None:
        self._engine, self._source = engine, source
        try:
            names = [n for n in inspect(engine).get_table_names() if n.endswith(f"data_index_{source}_idx_tree")]
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=type(error).__name__) from None
        if len(names) != 1:
            raise DatabaseUnusable(detail=f"it has {len(names)} tables data_index_{source}_idx_tree instead of one")
        self._index = table(names[0], column("uuid"), column("leaf"), column("mtime"))
        self._saved = Table(SAVED, MetaData(), Column("uuid", String(128), primary_key=True), Column("source", String(64), nullable=False),
                            Column("former", BigInteger, nullable=False), Column("stored", BigInteger, nullable=False))

    def store(self, changes: Iterable[Change]) -> int:
        """Save the former date and set the old one, in one transaction; gives how many were changed."""
        t, s, changed = self._index, self._saved, 0
        try:
            s.create(self._engine, checkfirst=True)
            with self._engine.begin() as db:
                for uuid, former, old in changes:
                    done = db.execute(update(t).where(and_(t.c.uuid == uuid, t.c.leaf == LEAF, t.c.mtime == former)).values(mtime=old))
                    if done.rowcount == 1:
                        db.execute(delete(s).where(s.c.uuid == uuid))
                        db.execute(s.insert().values(uuid=uuid, source=self._source, former=former, stored=old))
                        changed += 1
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=type(error).__name__) from None
        return changed

    def restore(self) -> int:
        """Put former dates back where the one we set still stands, and forget them; gives how many."""
        t, s, number = self._index, self._saved, 0
        try:
            if not inspect(self._engine).has_table(SAVED):
                return 0
            with self._engine.begin() as db:
                for row in db.execute(select(s).where(s.c.source == self._source)).all():
                    number += db.execute(update(t).where(and_(t.c.uuid == row.uuid, t.c.leaf == LEAF, t.c.mtime == row.stored))
                                         .values(mtime=row.former)).rowcount
                db.execute(delete(s).where(s.c.source == self._source))
                empty = db.execute(select(s.c.uuid).limit(1)).first() is None
            if empty:
                s.drop(self._engine)
        except SQLAlchemyError as error:
            raise DatabaseUnusable(detail=type(error).__name__) from None
        return number


def _pieces(changes: Iterator[Change]) -> Iterator[list[Change]]:
    while some := list(islice(changes, BATCH)):
        yield some
