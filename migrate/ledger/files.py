"""The list of files to carry: any carrier reads it and reports back into it."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from migrate.ledger import schema
from migrate.ledger.database import Database
from migrate.ledger.rows import BATCH, FileRow, State, batches, key_of, text_of

GONE = "gone-files"
"""Kind of targets under which files are remembered that left the old server."""


def target_of_gone(entry: Mapping[str, Any]) -> str:
    """Path below the root's node of an entry of `gone_files`."""
    return str(entry["target"]) if entry["target"] else unicodedata.normalize("NFC", entry["path"].decode("utf-8", "replace").strip("/"))


class Files(Database):
    """Files and folders with their targets, states and hashes."""


    def scan_files(self, rows: Iterable[Mapping[str, Any]], scan: int) -> None:
        """Store a listing of the disk: rows with root, path (bytes), type, size, mtime, recycle, and sha256 where the files were read.
        `scan` numbers the listing; unchanged rows keep state and hashes, changed ones become planned; of a folder the date does not count.
        End with `end_scan`."""
        table = schema.files
        for batch in batches(rows):
            values = [{"sha256": None, **r, "recycle": int(r["recycle"]), "state": "planned", "seen": scan} for r in batch]
            statement = upsert(table)
            new = statement.excluded
            dated = table.c.mtime.is_(new.mtime) | (new.type == "dir")  # a folder gets a new date from whatever is put into it, marks of Cells too
            same = table.c.size.is_(new.size) & dated & (table.c.type == new.type)
            same &= new.sha256.is_(None) | table.c.sha256.is_(None) | (table.c.sha256 == new.sha256)
            keep = {c: _case(same, table.c[c]) for c in ("sha256", "target", "code")}  # etag and md5 stay: what was stored last
            statement = statement.on_conflict_do_update(
                index_elements=["root", "path"],
                set_={"seen": new.seen, "size": new.size, "mtime": new.mtime, "type": new.type, "recycle": new.recycle,
                      "state": _case(same, table.c.state, "planned"), **keep})
            with self._write() as db:
                db.execute(statement, values)

    def end_scan(self, scan: int) -> None:
        """Forget files that the last listing did not find. Those that were brought to Cells are remembered as gone (`gone_files`)
        until a listing finds them again."""
        table, gone = schema.files, schema.targets
        sent = table.c.state.in_(["done", "already"]) | (table.c.etag != "") | ((table.c.state == "started") & (table.c.md5 != ""))  # killed while sending, too
        lost = select(table).where(table.c.seen != scan, sent).order_by(table.c.root, table.c.path)
        with self._write() as db:
            for row in db.execute(lost).all():
                body = {"root": row.root, "path": row.path.hex(), "type": row.type, "target": row.target, "etag": row.etag or row.md5, "size": row.size}
                statement = upsert(gone).values(kind=GONE, key=f"{row.root}\0{row.path.hex()}", body=json.dumps(body))
                db.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_={"body": statement.excluded.body}))
            back = select(table.c.root + "\0" + func.lower(func.hex(table.c.path))).where(table.c.seen == scan)
            if db.execute(select(func.count()).select_from(gone).where(gone.c.kind == GONE)).scalar():
                db.execute(delete(gone).where(gone.c.kind == GONE, gone.c.key.in_(back)))
            db.execute(delete(schema.files).where(schema.files.c.seen != scan))

    def gone_files(self) -> Iterator[dict[str, Any]]:
        """What was brought to Cells and is not on the old server any more: root, path (bytes), type, target, etag, size."""
        table = schema.targets
        with self._read() as db:
            for (body,) in db.execute(select(table.c.body).where(table.c.kind == GONE).order_by(table.c.key)):
                found = json.loads(body)
                yield {**found, "root": text_of(found["root"]), "path": bytes.fromhex(found["path"])}

    def forget_gone(self, root: str, targets: Iterable[str]) -> None:
        """These (paths below the root's node) are not in Cells any more either."""
        doomed = set(targets)
        keys = [f"{key_of(root)}\0{entry['path'].hex()}" for entry in self.gone_files() if entry["root"] == root and target_of_gone(entry) in doomed]
        with self._write() as db:
            for key in keys:
                db.execute(delete(schema.targets).where(schema.targets.c.kind == GONE, schema.targets.c.key == key))

    def reopen_files(self, root: str | None = None) -> None:
        """Files that count as brought are looked up again when they are carried: Cells was put back, or they go elsewhere now."""
        table = schema.files
        statement = update(table).where(table.c.state.in_(["done", "already"])).values(state="planned")
        with self._write() as db:
            db.execute(statement if root is None else statement.where(table.c.root == key_of(root)))

    def forget_sent(self) -> None:
        """Cells was put back: what was sent does not count any more. That a file is missing there does not say that people removed it, and
        what left the old server meanwhile is not there either. Its md5 stays, by which a file that is there after all is known as ours."""
        with self._write() as db:
            db.execute(update(schema.files).where(schema.files.c.state.in_(["done", "already"])).values(state="planned"))
            db.execute(update(schema.files).values(etag=None))
            db.execute(delete(schema.targets).where(schema.targets.c.kind == GONE))

    def files(self, root: str | None = None, *states: State) -> Iterator[FileRow]:
        """Files in order of root and path, streamed in pages."""
        table = schema.files
        last: tuple[str, bytes] | None = None
        while True:
            query = select(table).order_by(table.c.root, table.c.path).limit(BATCH)
            if root is not None:
                query = query.where(table.c.root == key_of(root))
            if states:
                query = query.where(table.c.state.in_([s.value for s in states]))
            if last is not None:
                query = query.where((table.c.root > last[0]) | ((table.c.root == last[0]) & (table.c.path > last[1])))
            with self._read() as db:
                page = db.execute(query).all()
            if not page:
                return
            for r in page:
                yield FileRow(r.id, text_of(r.root), r.path, r.type, r.size, r.mtime, bool(r.recycle), text_of(r.target) if r.target else r.target,
                              State(r.state), r.code, r.sha256, r.md5, r.etag, r.content_hash)
            last = (page[-1].root, page[-1].path)

    def is_left(self, file_id: int) -> bool:
        """Whether the list still has this file, and it is still to be carried."""
        table = schema.files
        with self._read() as db:
            state = db.execute(select(table.c.state).where(table.c.id == file_id)).scalar()
        return state in ("planned", "started")

    def file_type(self, root: str, path: bytes) -> str | None:
        """`file`, `dir` or None for one path of a root."""
        table = schema.files
        with self._read() as db:
            return db.execute(select(table.c.type).where(table.c.root == key_of(root), table.c.path == path)).scalar()

    def file_is(self, root: str, path: bytes) -> tuple[State, int | None] | None:
        """State and size of one path of a root, None when the folder does not hold it."""
        table = schema.files
        with self._read() as db:
            row = db.execute(select(table.c.state, table.c.size).where(table.c.root == key_of(root), table.c.path == path)).first()
        return None if row is None else (State(row.state), row.size)

    def file_state(self, root: str, path: bytes) -> State | None:
        """State of one path of a root, None when the folder does not hold it."""
        table = schema.files
        with self._read() as db:
            state = db.execute(select(table.c.state).where(table.c.root == key_of(root), table.c.path == path)).scalar()
        return None if state is None else State(state)

    def file_target(self, root: str, path: bytes) -> str | None:
        """Where one path of a root goes, when not under its own name."""
        table = schema.files
        with self._read() as db:
            target = db.execute(select(table.c.target).where(table.c.root == key_of(root), table.c.path == path)).scalar()
        return None if target is None else text_of(target)

    def files_below(self, root: str, parent: bytes) -> list[bytes]:
        """Paths of everything below a folder (`parent` without trailing slash, empty for the root itself)."""
        table = schema.files
        query = select(table.c.path).where(table.c.root == key_of(root), table.c.path > parent + b"/", table.c.path < parent + b"0")
        with self._read() as db:
            return [path for (path,) in db.execute(query)]

    def update_files(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Change columns of files by id, in one transaction (state as text)."""
        with self._write() as db:
            for file_id, values in rows:
                values = {k: (v.value if isinstance(v, State) else v) for k, v in values.items()}
                db.execute(update(schema.files).where(schema.files.c.id == file_id).values(**values))

    def sizes_of_roots(self, *, left: bool = False) -> dict[str, int]:
        """root -> bytes of its carried files; `left`: of those that are still to be carried."""
        table = schema.files
        query = select(table.c.root, func.coalesce(func.sum(table.c.size), 0)).group_by(table.c.root)
        query = query.where(table.c.state.in_(["planned", "started", "failed"]) if left else table.c.state != "skipped")
        with self._read() as db:
            return {text_of(root): size for root, size in db.execute(query)}

    def file_totals(self, root: str | None = None) -> dict[str, tuple[int, int]]:
        """state -> (number of files and folders, bytes)."""
        table = schema.files
        query = select(table.c.state, func.count(), func.coalesce(func.sum(table.c.size), 0)).group_by(table.c.state)
        if root is not None:
            query = query.where(table.c.root == key_of(root))
        with self._read() as db:
            return {s: (n, b) for s, n, b in db.execute(query)}

    def folders_in(self, *states: State) -> int:
        """Number of folders in one of these states."""
        table = schema.files
        query = select(func.count()).where(table.c.type == "dir", table.c.state.in_([state.value for state in states]))
        with self._read() as db:
            return int(db.execute(query).scalar() or 0)


def _case(condition: Any, value: Any, otherwise: Any = None) -> Any:
    return case((condition, value), else_=otherwise)
