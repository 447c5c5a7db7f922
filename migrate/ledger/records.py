"""What the old server holds and what became of it: records, outcomes, findings, rights, what old ids are now."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, select, text, update
from sqlalchemy.dialects.sqlite import insert as upsert

from migrate.errors import Finding
from migrate.ledger import schema
from migrate.ledger.database import Database
from migrate.ledger.rows import BATCH, batches, key_of, text_of

UNCOUNTED = frozenset({"roots", "access", "children", "own-roles"})
"""Kinds of records that are material of a plan, not things an administrator counts."""


class Records(Database):
    """Facts, records, findings, access and targets."""


    def get(self, key: str) -> Any:
        """A stored fact (JSON value), None when absent."""
        with self._read() as db:
            value = db.execute(select(schema.meta.c.value).where(schema.meta.c.key == key)).scalar()
        return None if value is None else json.loads(value)

    def facts(self, prefix: str) -> list[tuple[str, Any]]:
        """All stored facts whose key begins so, but those that are null."""
        table = schema.meta
        with self._read() as db:
            rows = db.execute(select(table.c.key, table.c.value).where(table.c.key.startswith(prefix, autoescape=True))).all()
        return [(key, json.loads(value)) for key, value in rows if value != "null"]

    def put(self, key: str, value: Any) -> None:
        """Store a fact (anything JSON)."""
        row = {"key": key, "value": json.dumps(value)}
        statement = upsert(schema.meta).values(row)
        with self._write() as db:
            db.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": row["value"]}))


    def replace_records(self, kind: str, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Store all records of a kind, streamed: new and changed ones are written, vanished ones removed; outcomes of
        unchanged records stay. Keys given twice: the first counts. Returns how many there are."""
        table, count = schema.records, 0
        with self._write() as db:
            db.execute(text("CREATE TEMP TABLE IF NOT EXISTS fresh (key TEXT PRIMARY KEY, body TEXT)"))
            db.execute(text("DELETE FROM fresh"))
            for batch in batches(rows):
                db.execute(text("INSERT OR IGNORE INTO fresh VALUES (:key, :body)"),
                           [{"key": key_of(k), "body": json.dumps(b, sort_keys=True)} for k, b in batch])
            db.execute(text("DELETE FROM records WHERE kind=:kind AND key NOT IN (SELECT key FROM fresh)"), {"kind": kind})
            db.execute(text("UPDATE records SET outcome=NULL, code=NULL, detail=NULL, body=(SELECT body FROM fresh WHERE fresh.key=records.key) "
                            "WHERE kind=:kind AND body<>(SELECT body FROM fresh WHERE fresh.key=records.key)"), {"kind": kind})
            db.execute(text("INSERT OR IGNORE INTO records(kind, key, body) SELECT :kind, key, body FROM fresh"), {"kind": kind})
            count = db.execute(select(func.count()).select_from(table).where(table.c.kind == kind)).scalar() or 0
            db.execute(text("DELETE FROM fresh"))
        return count

    def records(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, body) of a kind in key order, streamed in pages (safe to write while reading)."""
        table = schema.records
        yield from self._paged(select(table.c.key, table.c.body).where(table.c.kind == kind), table.c.key)

    def record(self, kind: str, key: str) -> dict[str, Any] | None:
        """One record's body."""
        table = schema.records
        with self._read() as db:
            body = db.execute(select(table.c.body).where(table.c.kind == kind, table.c.key == key_of(key))).scalar()
        return None if body is None else json.loads(body)

    def settle(self, kind: str, key: str, outcome: str, code: str | None = None, detail: str | None = None) -> None:
        """Say what became of a record: `migrated`, `already`, `skipped` (with a reason code), `failed` (with an error code)."""
        self.settle_many([(kind, key, outcome, code, detail)])

    def settle_many(self, rows: Iterable[tuple[str, str, str | None, str | None, str | None]]) -> None:
        """`settle` for many: (kind, key, outcome, code, detail)."""
        table = schema.records
        with self._write() as db:
            for kind, key, outcome, code, detail in rows:
                db.execute(update(table).where(table.c.kind == kind, table.c.key == key_of(key)).values(outcome=outcome, code=code, detail=detail))

    def unsettled(self, kind: str) -> Iterator[tuple[str, str, str | None]]:
        """(key, outcome, code) of every record of a kind."""
        table = schema.records
        with self._read() as db:
            for key, outcome, code in db.execute(select(table.c.key, table.c.outcome, table.c.code).where(table.c.kind == kind)):
                yield text_of(key), outcome, code

    def unsettle(self, kind: str) -> None:
        """Forget what became of all records of a kind: a new plan says it anew."""
        table = schema.records
        with self._write() as db:
            db.execute(update(table).where(table.c.kind == kind, table.c.outcome.isnot(None)).values(outcome=None, code=None, detail=None))

    def standing(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, target) of the records of a kind that are said to be in Cells, in key order, streamed in pages."""
        records, targets = schema.records, schema.targets
        query = select(targets.c.key, targets.c.body).join(records, (records.c.kind == targets.c.kind) & (records.c.key == targets.c.key)).where(
            targets.c.kind == kind, records.c.outcome.in_(["migrated", "already"]))
        yield from self._paged(query, targets.c.key)

    def _paged(self, query: Select[Any], key: ColumnElement[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        """(key, body) of a query for both, in key order; no cursor stays open between pages."""
        last = None
        while True:
            page_query = query.order_by(key).limit(BATCH)
            with self._read() as db:
                page = db.execute(page_query if last is None else page_query.where(key > last)).all()
            if not page:
                return
            for name, body in page:
                yield text_of(name), json.loads(body)
            last = page[-1][0]

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
                yield row[0], text_of(row[1]), row[2], row[3], row[4]


    def replace_findings(self, stage: str, found: Iterable[Finding]) -> int:
        """Store the findings of a stage (`extract`, `plan`, `apply`, `verify`), each once, instead of its former ones."""
        with self._write() as db:
            db.execute(delete(schema.findings).where(schema.findings.c.stage == stage))
            for batch in batches(found):
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


    def replace_access(self, rows: Iterable[tuple[str, str, str, str, str | None]]) -> None:
        """(login, workspace, before, planned, code) for every pair, instead of the former ones."""
        with self._write() as db:
            db.execute(delete(schema.access))
            for batch in batches(rows):
                db.execute(insert(schema.access), [{"login": key_of(login), "workspace": key_of(workspace), "before": before, "planned": planned,
                                                    "code": code, "outcome": "skipped" if code else None}
                                                   for login, workspace, before, planned, code in batch])

    def access(self) -> Iterator[tuple[str, str, str, str, str | None]]:
        """(login, workspace, before, planned, code), ordered."""
        with self._read() as db:
            for row in db.execute(select(schema.access).order_by(schema.access.c.login, schema.access.c.workspace)):
                yield text_of(row.login), text_of(row.workspace), row.before, row.planned, row.code

    def settle_access(self, rows: Iterable[tuple[str, str, str, str | None]]) -> None:
        """(login, workspace, outcome, code): what became of a person's right on a workspace."""
        table = schema.access
        with self._write() as db:
            for login, workspace, outcome, code in rows:
                db.execute(update(table).where(table.c.login == key_of(login), table.c.workspace == key_of(workspace)).values(outcome=outcome, code=code))

    def put_targets(self, kind: str, rows: Iterable[tuple[str, Mapping[str, Any]]], *, replace: bool = False) -> None:
        """Remember what old ids become."""
        with self._write() as db:
            if replace:
                db.execute(delete(schema.targets).where(schema.targets.c.kind == kind))
            for batch in batches(rows):
                values = [{"kind": kind, "key": key_of(k), "body": json.dumps(b, sort_keys=True)} for k, b in batch]
                statement = upsert(schema.targets)
                db.execute(statement.on_conflict_do_update(index_elements=["kind", "key"], set_={"body": statement.excluded.body}), values)

    def targets(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(old key, what it became), ordered."""
        table = schema.targets
        with self._read() as db:
            for key, body in db.execute(select(table.c.key, table.c.body).where(table.c.kind == kind).order_by(table.c.key)):
                yield text_of(key), json.loads(body)


def _count(result: dict[str, dict[str, int]], kind: str, outcome: str | None, n: int) -> None:
    row = result.setdefault(kind, {"found": 0, "migrated": 0, "already": 0, "skipped": 0, "failed": 0, "open": 0})
    row["found"] += n
    row[outcome or "open"] += n


def _finding_row(stage: str, found: Finding) -> dict[str, str]:
    return {"stage": stage, "code": found.code, "severity": found.severity, "kind": found.kind,
            "subject": json.dumps(found.subject), "message": json.dumps(found.message), "remedy": json.dumps(found.remedy)}
