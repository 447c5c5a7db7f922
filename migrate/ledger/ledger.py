"""The truth of a migration: what was found, what is planned, what was done, in one crash-safe SQLite file.

Write order is the safety argument: an action is committed as started before its first request and as done after its
answer was read, each commit synced (WAL, synchronous=FULL). A crash leaves at most one started action a worker; the
next run looks it up on the server by its natural key and finishes or adopts it."""

from __future__ import annotations

import enum
import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import case, create_engine, delete, event, func, insert, select, text, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError, OperationalError

from migrate.errors import ExitStatus, Finding, MigrationError
from migrate.ledger import schema

BATCH = 1000
_MARK = "\x01"
UNCOUNTED = frozenset({"roots", "access", "children", "own-roles"})
"""Kinds of records that are material of a plan, not things an administrator counts."""


class LedgerDamaged(MigrationError):
    """The ledger is not readable any more (torn, corrupted, or not a ledger). It is never restarted in silence."""

    code = "E6002"
    title = "The ledger {path} is damaged: {detail}."
    remedy = "Keep the file, restore the work folder from a copy, or plan anew in another --work folder: what is already in Cells is found there."
    exit_status = ExitStatus.LOCAL


class LedgerFull(MigrationError):
    """The disk of the work folder is full or not writable. What was done is recorded; what was not recorded is looked up again."""

    code = "E6003"
    title = "The ledger {path} could not be written: {detail}."
    remedy = "Free room on that disk (or make the folder writable) and run the same command again: it goes on where it stopped."
    exit_status = ExitStatus.LOCAL
    retryable = True


class LedgerMissing(MigrationError):
    """The command needs a work folder in which `plan` (or `assess`) has run."""

    code = "E6004"
    title = "There is no ledger in {work}."
    remedy = "Run `plan` first, or name the right folder with --work."
    exit_status = ExitStatus.USAGE


class State(str, enum.Enum):
    """Life of an action or file. ALREADY: the server had it as wanted; nothing was written."""

    PLANNED = "planned"
    STARTED = "started"
    DONE = "done"
    ALREADY = "already"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A planned action with its state. `body` is the Action's JSON; `result` what the server answered (ids, no secrets)."""

    id: str
    seq: int
    phase: int
    lane: str
    kind: str
    record: str
    body: str
    state: State
    code: str | None
    detail: str | None
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file or folder to carry; see `schema.files`."""

    id: int
    root: str
    path: bytes
    type: str
    size: int | None
    mtime: int | None
    recycle: bool
    target: str | None
    state: State
    code: str | None
    sha256: str | None
    md5: str | None
    etag: str | None
    content_hash: str | None


class Ledger:
    """Open with `Ledger.create(work)` or `Ledger.open(work)`. Safe to use from several threads; writes are serialised."""

    NAME = "ledger.sqlite"

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 60})
        event.listen(self._engine, "connect", _pragmas)

    @classmethod
    def create(cls, work: Path) -> Ledger:
        """Open the ledger of a work folder, making both when absent."""
        work.mkdir(parents=True, exist_ok=True)
        path = work / cls.NAME
        new = not path.exists()
        if new:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        ledger = cls(path)
        if new or path.stat().st_size == 0:
            with ledger._write() as db:
                db.execute(text(f"PRAGMA application_id={schema.APPLICATION_ID}"))
                db.execute(text(f"PRAGMA user_version={schema.VERSION}"))
                schema.metadata.create_all(db)
        ledger._check()
        return ledger

    @classmethod
    def open(cls, work: Path) -> Ledger:
        """Open an existing ledger; LedgerMissing when there is none, LedgerDamaged when it cannot be trusted."""
        path = work / cls.NAME
        if not path.is_file():
            raise LedgerMissing(work=work)
        ledger = cls(path)
        ledger._check()
        return ledger

    def _check(self) -> None:
        with self._read() as db:
            if db.execute(text("PRAGMA application_id")).scalar() != schema.APPLICATION_ID:
                raise LedgerDamaged(path=self.path, detail="it is not a ledger of this tool")
            version = db.execute(text("PRAGMA user_version")).scalar()
            if version != schema.VERSION:
                raise LedgerDamaged(path=self.path, detail=f"its layout is number {version}, this program knows {schema.VERSION}")
            problem = db.execute(text("PRAGMA quick_check(1)")).scalar()
            if problem != "ok":
                raise LedgerDamaged(path=self.path, detail=str(problem))

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._lock, self._guard(), self._engine.begin() as db:
            yield db

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

    # -- facts about the migration itself -------------------------------------------------------------------------

    def get(self, key: str) -> Any:
        """A stored fact (JSON value), None when absent."""
        with self._read() as db:
            value = db.execute(select(schema.meta.c.value).where(schema.meta.c.key == key)).scalar()
        return None if value is None else json.loads(value)

    def put(self, key: str, value: Any) -> None:
        """Store a fact (anything JSON)."""
        row = {"key": key, "value": json.dumps(value)}
        statement = upsert(schema.meta).values(row)
        with self._write() as db:
            db.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": row["value"]}))

    # -- what the old server holds --------------------------------------------------------------------------------

    def replace_records(self, kind: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Store all records of a kind, streamed: new and changed ones are written, vanished ones removed; outcomes of
        unchanged records stay. Keys given twice: the first counts. Returns how many there are."""
        table, count = schema.records, 0
        with self._write() as db:
            db.execute(text("CREATE TEMP TABLE IF NOT EXISTS fresh (key TEXT PRIMARY KEY, body TEXT)"))
            db.execute(text("DELETE FROM fresh"))
            for batch in _batches(rows):
                db.execute(text("INSERT OR IGNORE INTO fresh VALUES (:key, :body)"),
                           [{"key": _key(k), "body": json.dumps(b, sort_keys=True)} for k, b in batch])
            db.execute(text("DELETE FROM records WHERE kind=:kind AND key NOT IN (SELECT key FROM fresh)"), {"kind": kind})
            db.execute(text("UPDATE records SET outcome=NULL, code=NULL, detail=NULL, body=(SELECT body FROM fresh WHERE fresh.key=records.key) "
                            "WHERE kind=:kind AND body<>(SELECT body FROM fresh WHERE fresh.key=records.key)"), {"kind": kind})
            db.execute(text("INSERT OR IGNORE INTO records(kind, key, body) SELECT :kind, key, body FROM fresh"), {"kind": kind})
            count = db.execute(select(func.count()).select_from(table).where(table.c.kind == kind)).scalar() or 0
            db.execute(text("DELETE FROM fresh"))
        return count

    def records(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, body) of a kind in key order, streamed in pages (safe to write while reading)."""
        table, last = schema.records, None
        while True:
            query = select(table.c.key, table.c.body).where(table.c.kind == kind).order_by(table.c.key).limit(BATCH)
            if last is not None:
                query = query.where(table.c.key > last)
            with self._read() as db:
                page = db.execute(query).all()
            if not page:
                return
            for key, body in page:
                yield _unkey(key), json.loads(body)
            last = page[-1][0]

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """One record's body."""
        table = schema.records
        with self._read() as db:
            body = db.execute(select(table.c.body).where(table.c.kind == kind, table.c.key == _key(key))).scalar()
        return None if body is None else json.loads(body)

    def settle(self, kind: str, key: str, outcome: str, code: str | None = None, detail: str | None = None) -> None:
        """Say what became of a record: `migrated`, `already`, `skipped` (with a reason code), `failed` (with an error code)."""
        self.settle_many([(kind, key, outcome, code, detail)])

    def settle_many(self, rows: Iterable[tuple[str, str, str | None, str | None, str | None]]) -> None:
        """`settle` for many: (kind, key, outcome, code, detail)."""
        table = schema.records
        with self._write() as db:
            for kind, key, outcome, code, detail in rows:
                db.execute(update(table).where(table.c.kind == kind, table.c.key == _key(key)).values(outcome=outcome, code=code, detail=detail))

    def unsettled(self, kind: str) -> Iterator[tuple[str, str, str | None]]:
        """(key, outcome, code) of every record of a kind."""
        table = schema.records
        with self._read() as db:
            for key, outcome, code in db.execute(select(table.c.key, table.c.outcome, table.c.code).where(table.c.kind == kind)):
                yield _unkey(key), outcome, code

    def counts(self) -> dict[str, dict[str, int]]:
        """kind -> found, migrated, already, skipped, failed, open (not settled). Files and access pairs are counted from their tables."""
        result: dict[str, dict[str, int]] = {}
        table = schema.records
        with self._read() as db:
            for kind, outcome, n in db.execute(select(table.c.kind, table.c.outcome, func.count()).group_by(table.c.kind, table.c.outcome)):
                _count(result, kind, outcome, n)
            files = schema.files
            for state, n in db.execute(select(files.c.state, func.count()).group_by(files.c.state)):
                outcome = {"done": "migrated", "already": "already", "skipped": "skipped", "failed": "failed"}.get(state)
                _count(result, "files", outcome, n)
            for outcome, n in db.execute(select(schema.access.c.outcome, func.count()).group_by(schema.access.c.outcome)):
                _count(result, "rights", outcome, n)
        return {kind: row for kind, row in result.items() if kind not in UNCOUNTED}

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """(kind, outcome, code, number) of everything skipped or failed."""
        table, files = schema.records, schema.files
        with self._read() as db:
            rows = [tuple(r) for r in db.execute(
                select(table.c.kind, table.c.outcome, table.c.code, func.count()).where(table.c.outcome.in_(["skipped", "failed"]))
                .group_by(table.c.kind, table.c.outcome, table.c.code))]
            rows += [("files", s, c or "", n) for s, c, n in db.execute(
                select(files.c.state, files.c.code, func.count()).where(files.c.state.in_(["skipped", "failed"])).group_by(files.c.state, files.c.code))]
            pairs = schema.access
            rows += [("rights", o, c or "", n) for o, c, n in db.execute(
                select(pairs.c.outcome, pairs.c.code, func.count()).where(pairs.c.outcome.in_(["skipped", "failed"]))
                .group_by(pairs.c.outcome, pairs.c.code))]
        return sorted((k, o, c or "", n) for k, o, c, n in rows)

    def settled(self, *outcomes: str) -> Iterator[tuple[str, str, str, str | None, str | None]]:
        """(kind, key, outcome, code, detail) of records with one of these outcomes."""
        table = schema.records
        with self._read() as db:
            for row in db.execute(select(table.c.kind, table.c.key, table.c.outcome, table.c.code, table.c.detail)
                                  .where(table.c.outcome.in_(outcomes)).order_by(table.c.kind, table.c.key)):
                yield row[0], _unkey(row[1]), row[2], row[3], row[4]

    # -- findings ---------------------------------------------------------------------------------------------------

    def replace_findings(self, stage: str, found: Iterable[Finding]) -> int:
        """Store the findings of a stage (`extract`, `plan`, `apply`, `verify`), each once, instead of its former ones."""
        with self._write() as db:
            db.execute(delete(schema.findings).where(schema.findings.c.stage == stage))
            for batch in _batches(found):
                db.execute(insert(schema.findings).prefix_with("OR IGNORE"), [_finding_row(stage, f) for f in batch])
            return db.execute(select(func.count()).select_from(schema.findings).where(schema.findings.c.stage == stage)).scalar() or 0

    def add_finding(self, stage: str, found: Finding) -> None:
        """Store one more finding of a stage."""
        with self._write() as db:
            db.execute(insert(schema.findings).prefix_with("OR IGNORE"), [_finding_row(stage, found)])

    def findings(self, *stages: str) -> Iterator[tuple[str, Finding]]:
        """(stage, finding), errors first."""
        table = schema.findings
        query = select(table).order_by(table.c.severity, table.c.code, table.c.kind, table.c.subject)
        if stages:
            query = query.where(table.c.stage.in_(stages))
        with self._read() as db:
            for row in db.execute(query):
                yield row.stage, Finding(row.code, row.severity, row.kind, json.loads(row.subject), json.loads(row.message), json.loads(row.remedy))

    # -- the plan -----------------------------------------------------------------------------------------------------

    def replace_plan(self, planned: Iterable[tuple[Any, State]]) -> None:
        """Store a new plan: (Action, PLANNED or ALREADY) in order. What the journal knows as done with the same body and is
        planned again stays to be looked up, not repeated blindly: its state becomes STARTED."""
        with self._write() as db:
            db.execute(delete(schema.actions))
            for number, batch in enumerate(_batches(planned)):
                rows = []
                for offset, (action, state) in enumerate(batch):
                    rows.append({"id": _key(action.id), "seq": number * BATCH + offset, "phase": action.phase, "lane": _key(action.lane),
                                 "kind": action.kind, "record": _key(getattr(action, "record", "")), "body": action.to_json(), "state": state.value})
                db.execute(insert(schema.actions), rows)
            db.execute(text("UPDATE actions SET state='started' WHERE state='planned' AND EXISTS (SELECT 1 FROM journal "
                            "WHERE journal.action=actions.id AND journal.event IN ('started','done','adopted') AND journal.seq="
                            "(SELECT max(j.seq) FROM journal j WHERE j.action=actions.id))"))

    def actions(self, *states: State) -> Iterator[ActionRow]:
        """Actions in order of phase and plan, streamed in pages; without states: all."""
        table = schema.actions
        last: tuple[int, int] = (-1, -1)
        while True:
            query = select(table).order_by(table.c.phase, table.c.seq).limit(BATCH)
            query = query.where((table.c.phase > last[0]) | ((table.c.phase == last[0]) & (table.c.seq > last[1])))
            if states:
                query = query.where(table.c.state.in_([s.value for s in states]))
            with self._read() as db:
                page = db.execute(query).all()
            if not page:
                return
            for row in page:
                yield _action_row(row)
            last = (page[-1].phase, page[-1].seq)

    def action(self, action_id: str) -> ActionRow | None:
        """One action by id."""
        with self._read() as db:
            row = db.execute(select(schema.actions).where(schema.actions.c.id == _key(action_id))).first()
        return None if row is None else _action_row(row)

    def action_states(self) -> dict[str, int]:
        """state -> number."""
        with self._read() as db:
            return {s: n for s, n in db.execute(select(schema.actions.c.state, func.count()).group_by(schema.actions.c.state))}

    def start(self, row: ActionRow) -> None:
        """Commit the intent, before the first request."""
        self._journal(row, State.STARTED, "started", None)

    def done(self, row: ActionRow, result: Mapping[str, Any] | None = None, *, adopted: bool = False) -> None:
        """Commit the effect, after the answer was read. `adopted`: it was there already."""
        self._journal(row, State.ALREADY if adopted else State.DONE, "adopted" if adopted else "done", result)

    def fail(self, row: ActionRow, code: str, detail: str) -> None:
        """Record that an action could not be done; the rest goes on."""
        self._journal(row, State.FAILED, "failed", None, code, detail)

    def reopen_failed(self) -> int:
        """Failed actions become planned again (a later run tries them once more). Returns how many."""
        with self._write() as db:
            files = db.execute(update(schema.files).where(schema.files.c.state == "failed").values(state="planned", code=None)).rowcount
            return files + db.execute(update(schema.actions).where(schema.actions.c.state == "failed").values(state="started", code=None, detail=None)).rowcount

    def reopen(self, action_id: str) -> None:
        """An action is to be done once more (a temporary thing that was already removed)."""
        with self._write() as db:
            db.execute(update(schema.actions).where(schema.actions.c.id == _key(action_id)).values(state="started"))

    def _journal(self, row: ActionRow, state: State, what: str, result: Mapping[str, Any] | None, code: str | None = None, detail: str | None = None) -> None:
        encoded = None if result is None else json.dumps(result, sort_keys=True)
        with self._write() as db:
            db.execute(insert(schema.journal).values(time=int(time.time()), action=_key(row.id), event=what, body=row.body, result=encoded))
            db.execute(update(schema.actions).where(schema.actions.c.id == _key(row.id)).values(state=state.value, result=encoded, code=code, detail=detail))

    def journal_undone(self, action_id: str, body: str) -> None:
        """Record that an effect was taken back."""
        with self._write() as db:
            db.execute(insert(schema.journal).values(time=int(time.time()), action=_key(action_id), event="undone", body=body))

    def effects(self) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
        """(action id, body, result) of everything this migration did and did not take back, newest first."""
        with self._read() as db:
            rows = db.execute(text("SELECT action, body, result FROM journal j WHERE event='done' AND NOT EXISTS "
                                   "(SELECT 1 FROM journal k WHERE k.action=j.action AND k.seq>j.seq AND k.event IN ('undone','done')) "
                                   "ORDER BY seq DESC")).all()
        for action, body, result in rows:
            yield _unkey(action), body, None if result is None else json.loads(result)

    def forget_outcomes(self) -> None:
        """After everything was taken back: nothing is migrated any more, the plan is to be made anew."""
        with self._write() as db:
            db.execute(update(schema.records).values(outcome=None, code=None, detail=None))
            db.execute(update(schema.files).values(state="planned", code=None))
            db.execute(update(schema.access).values(outcome=None))
            db.execute(delete(schema.actions))
            db.execute(delete(schema.meta).where(schema.meta.c.key.in_(["target-fingerprint", "verify"])))

    # -- files ----------------------------------------------------------------------------------------------------------

    def scan_files(self, rows: Iterable[Mapping[str, Any]], scan: int) -> None:
        """Store a listing of the disk: rows with root, path (bytes), type, size, mtime, recycle. `scan` numbers the listing;
        unchanged rows keep state and hashes, changed ones become planned. End with `end_scan`."""
        table = schema.files
        for batch in _batches(rows):
            values = [{**r, "recycle": int(r["recycle"]), "state": "planned", "seen": scan} for r in batch]
            statement = upsert(table)
            new = statement.excluded
            same = (table.c.size.is_(new.size)) & (table.c.mtime.is_(new.mtime)) & (table.c.type == new.type)
            keep = {c: _case(same, table.c[c]) for c in ("sha256", "target", "code")}  # etag and md5 stay: what was stored last
            statement = statement.on_conflict_do_update(
                index_elements=["root", "path"],
                set_={"seen": new.seen, "size": new.size, "mtime": new.mtime, "type": new.type, "recycle": new.recycle,
                      "state": _case(same, table.c.state, "planned"), **keep})
            with self._write() as db:
                db.execute(statement, values)

    def end_scan(self, scan: int) -> None:
        """Forget files that the last listing did not find."""
        with self._write() as db:
            db.execute(delete(schema.files).where(schema.files.c.seen != scan))

    def files(self, root: str | None = None, *states: State) -> Iterator[FileRow]:
        """Files in order of root and path, streamed in pages."""
        table = schema.files
        last: tuple[str, bytes] | None = None
        while True:
            query = select(table).order_by(table.c.root, table.c.path).limit(BATCH)
            if root is not None:
                query = query.where(table.c.root == _key(root))
            if states:
                query = query.where(table.c.state.in_([s.value for s in states]))
            if last is not None:
                query = query.where((table.c.root > last[0]) | ((table.c.root == last[0]) & (table.c.path > last[1])))
            with self._read() as db:
                page = db.execute(query).all()
            if not page:
                return
            for r in page:
                yield FileRow(r.id, _unkey(r.root), r.path, r.type, r.size, r.mtime, bool(r.recycle), _unkey(r.target) if r.target else r.target,
                              State(r.state), r.code, r.sha256, r.md5, r.etag, r.content_hash)
            last = (page[-1].root, page[-1].path)

    def file_type(self, root: str, path: bytes) -> str | None:
        """`file`, `dir` or None for one path of a root."""
        table = schema.files
        with self._read() as db:
            return db.execute(select(table.c.type).where(table.c.root == _key(root), table.c.path == path)).scalar()

    def file_state(self, root: str, path: bytes) -> State | None:
        """State of one path of a root, None when the folder does not hold it."""
        table = schema.files
        with self._read() as db:
            state = db.execute(select(table.c.state).where(table.c.root == _key(root), table.c.path == path)).scalar()
        return None if state is None else State(state)

    def file_target(self, root: str, path: bytes) -> str | None:
        """Where one path of a root goes, when not under its own name."""
        table = schema.files
        with self._read() as db:
            target = db.execute(select(table.c.target).where(table.c.root == _key(root), table.c.path == path)).scalar()
        return None if target is None else _unkey(target)

    def files_below(self, root: str, parent: bytes) -> list[bytes]:
        """Paths of everything below a folder (`parent` without trailing slash, empty for the root itself)."""
        table = schema.files
        query = select(table.c.path).where(table.c.root == _key(root), table.c.path > parent + b"/", table.c.path < parent + b"0")
        with self._read() as db:
            return [path for (path,) in db.execute(query)]

    def update_files(self, rows: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Change columns of files by id, in one transaction (state as text)."""
        with self._write() as db:
            for file_id, values in rows:
                values = {k: (v.value if isinstance(v, State) else v) for k, v in values.items()}
                db.execute(update(schema.files).where(schema.files.c.id == file_id).values(**values))

    def file_totals(self, root: str | None = None) -> dict[str, tuple[int, int]]:
        """state -> (number of files and folders, bytes)."""
        table = schema.files
        query = select(table.c.state, func.count(), func.coalesce(func.sum(table.c.size), 0)).group_by(table.c.state)
        if root is not None:
            query = query.where(table.c.root == _key(root))
        with self._read() as db:
            return {s: (n, b) for s, n, b in db.execute(query)}

    # -- access and targets ------------------------------------------------------------------------------------------

    def replace_access(self, rows: Iterable[tuple[str, str, str, str, str | None]]) -> None:
        """(login, workspace, before, planned, code) for every pair, instead of the former ones."""
        with self._write() as db:
            db.execute(delete(schema.access))
            for batch in _batches(rows):
                db.execute(insert(schema.access), [{"login": _key(login), "workspace": _key(workspace), "before": before, "planned": planned,
                                                    "code": code, "outcome": "skipped" if code else None}
                                                   for login, workspace, before, planned, code in batch])

    def access(self) -> Iterator[tuple[str, str, str, str, str | None]]:
        """(login, workspace, before, planned, code), ordered."""
        with self._read() as db:
            for row in db.execute(select(schema.access).order_by(schema.access.c.login, schema.access.c.workspace)):
                yield _unkey(row.login), _unkey(row.workspace), row.before, row.planned, row.code

    def settle_access(self, rows: Iterable[tuple[str, str, str, str | None]]) -> None:
        """(login, workspace, outcome, code): what became of a person's right on a workspace."""
        table = schema.access
        with self._write() as db:
            for login, workspace, outcome, code in rows:
                db.execute(update(table).where(table.c.login == _key(login), table.c.workspace == _key(workspace)).values(outcome=outcome, code=code))

    def put_targets(self, kind: str, rows: Iterable[tuple[str, Mapping[str, Any]]], *, replace: bool = False) -> None:
        """Remember what old ids become."""
        with self._write() as db:
            if replace:
                db.execute(delete(schema.targets).where(schema.targets.c.kind == kind))
            for batch in _batches(rows):
                values = [{"kind": kind, "key": _key(k), "body": json.dumps(b, sort_keys=True)} for k, b in batch]
                statement = upsert(schema.targets)
                db.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_={"body": statement.excluded.body}), values)

    def targets(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(old key, what it became), ordered."""
        table = schema.targets
        with self._read() as db:
            for key, body in db.execute(select(table.c.key, table.c.body).where(table.c.kind == kind).order_by(table.c.key)):
                yield _unkey(key), json.loads(body)


def _pragmas(connection: Any, _: Any) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute("PRAGMA " + pragma)
    cursor.close()


def _key(value: str) -> str:
    """Text that SQLite can store: names with surrogate escapes go as JSON behind a mark."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return _MARK + json.dumps(value)
    return value


def _unkey(value: str) -> str:
    return json.loads(value[1:]) if value.startswith(_MARK) else value


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _count(result: dict[str, dict[str, int]], kind: str, outcome: str | None, n: int) -> None:
    row = result.setdefault(kind, {"found": 0, "migrated": 0, "already": 0, "skipped": 0, "failed": 0, "open": 0})
    row["found"] += n
    row[outcome or "open"] += n


def _finding_row(stage: str, found: Finding) -> dict[str, str]:
    return {"stage": stage, "code": found.code, "severity": found.severity, "kind": found.kind,
            "subject": json.dumps(found.subject), "message": json.dumps(found.message), "remedy": json.dumps(found.remedy)}


def _action_row(row: Any) -> ActionRow:
    return ActionRow(_unkey(row.id), row.seq, row.phase, row.lane, row.kind, _unkey(row.record), row.body, State(row.state), row.code, row.detail,
                     None if row.result is None else json.loads(row.result))


def _case(condition: Any, value: Any, otherwise: Any = None) -> Any:
    return case((condition, value), else_=otherwise)
