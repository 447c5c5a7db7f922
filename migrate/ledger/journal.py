"""The plan and the journal: what is to be done, what was begun, what is done."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Connection

from migrate.ledger import schema
from migrate.ledger.database import Database
from migrate.ledger.rows import BATCH, ActionRow, State, batches, key_of, text_of

PAGE = 100
FORGOTTEN = "journal-forgotten"
"""Fact: place in the journal up to which it does not count (see `forget_journal`)."""


class Journal(Database):
    """Actions with their states; every change of state is also a line of the append-only journal."""


    def replace_plan(self, planned: Iterable[tuple[Any, State]]) -> None:
        """Store a new plan: (Action, PLANNED or ALREADY) in order. What the journal knows as done with the same body and is
        planned again stays to be looked up, not repeated blindly: its state becomes STARTED. So does what is there already because a
        run began it and ended before it could write that down: it is ours, and the journal has to say so."""
        with self._write() as db:
            db.execute(delete(schema.actions))
            for number, batch in enumerate(batches(planned)):
                rows = []
                for offset, (action, state) in enumerate(batch):
                    rows.append({"id": key_of(action.id), "seq": number * BATCH + offset, "phase": action.phase, "lane": key_of(action.lane),
                                 "kind": action.kind, "record": key_of(getattr(action, "record", "")), "body": action.to_json(), "state": state.value})
                db.execute(insert(schema.actions), rows)
            for state, events in (("planned", "'started','former','done','adopted','undoing'"), ("already", "'started','former'")):
                db.execute(text(f"UPDATE actions SET state='started' WHERE state='{state}' AND EXISTS (SELECT 1 FROM journal "  # noqa: S608 - own words
                                f"WHERE journal.action=actions.id AND journal.event IN ({events}) AND journal.seq="
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
            row = db.execute(select(schema.actions).where(schema.actions.c.id == key_of(action_id))).first()
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
            db.execute(update(schema.actions).where(schema.actions.c.id == key_of(action_id)).values(state="started"))

    def _journal(self, row: ActionRow, state: State, what: str, result: Mapping[str, Any] | None, code: str | None = None, detail: str | None = None) -> None:
        encoded = None if result is None else json.dumps(result, sort_keys=True)
        with self._write() as db:
            db.execute(insert(schema.journal).values(time=int(time.time()), action=key_of(row.id), event=what, body=row.body, result=encoded))
            db.execute(update(schema.actions).where(schema.actions.c.id == key_of(row.id)).values(state=state.value, result=encoded, code=code, detail=detail))

    def undo_begins(self, action_id: str, body: str) -> None:
        """Commit that an effect is about to be taken back: whoever finds half of it later knows who took the other half."""
        with self._write() as db:
            db.execute(insert(schema.journal).values(time=int(time.time()), action=key_of(action_id), event="undoing", body=body))

    def undo_begun(self, action_id: str) -> bool:
        """Whether an effect was being taken back when a run ended."""
        with self._read() as db:
            last = db.execute(select(schema.journal.c.event).where(schema.journal.c.action == key_of(action_id))
                              .order_by(schema.journal.c.seq.desc()).limit(1)).scalar()
        return last == "undoing"

    def journal_undone(self, action_id: str, body: str) -> None:
        """Record that an effect was taken back."""
        with self._write() as db:
            db.execute(insert(schema.journal).values(time=int(time.time()), action=key_of(action_id), event="undone", body=body))

    def keep_former(self, action_id: str, body: str, former: Mapping[str, Any]) -> None:
        """Remember what an object was before this migration first changed it. On return it is on disk; the first of an action counts."""
        with self._write() as db:
            if _former(db, action_id) is None:
                db.execute(insert(schema.journal).values(time=int(time.time()), action=key_of(action_id), event="former", body=body,
                                                         result=json.dumps(former, sort_keys=True)))

    def former(self, action_id: str) -> Mapping[str, Any] | None:
        """What `keep_former` kept since the action was last taken back."""
        with self._read() as db:
            return _former(db, action_id)

    def last_done(self, action_id: str) -> tuple[int, str] | None:
        """(place in the journal, body) of an action whose last word is that it was carried out; None when it never was, was taken back,
        or was begun or failed since."""
        with self._read() as db:
            row = db.execute(text("SELECT seq, event, body FROM journal WHERE action=:action AND seq>:start ORDER BY seq DESC LIMIT 1"),
                             {"action": key_of(action_id), "start": _start(db)}).first()
        return None if row is None or row.event != "done" else (int(row.seq), str(row.body))

    def unsettled_since(self, action_id: str, place: int) -> bool:
        """Whether an action was begun behind this place of the journal and its last word is not that it is done or taken back: what Cells
        holds of it now may be half of it."""
        with self._read() as db:
            row = db.execute(text("SELECT seq, event FROM journal WHERE action=:action AND seq>:start ORDER BY seq DESC LIMIT 1"),
                             {"action": key_of(action_id), "start": max(place, _start(db))}).first()
        return row is not None and row.event in ("started", "former", "failed")

    def journal_end(self) -> int:
        """Place of the newest line of the journal; 0 when it is empty."""
        with self._read() as db:
            return int(db.execute(text("SELECT coalesce(max(seq), 0) FROM journal")).scalar() or 0)

    def forget_journal(self) -> None:
        """What the journal tells so far does not count any more, nor what became of the records by it: Cells was put back to an earlier
        state. The lines stay."""
        end = json.dumps(self.journal_end())
        statement = upsert(schema.meta).values(key=FORGOTTEN, value=end)
        with self._write() as db:
            db.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": end}))
            db.execute(update(schema.records).values(outcome=None, code=None, detail=None))

    def has_history(self) -> bool:
        """Whether anything was ever begun in this work folder."""
        with self._read() as db:
            return db.execute(text("SELECT 1 FROM journal LIMIT 1")).scalar() is not None

    def effects(self, *, begun: bool = False) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
        """(action id, body, result) of everything this migration did and did not take back, newest first. `begun`: with what was
        begun and has no recorded end (killed, failed): perhaps done, perhaps in part; without result."""
        with self._read() as db:
            rows = db.execute(text("SELECT seq FROM journal j WHERE event='done' AND NOT EXISTS "
                                   "(SELECT 1 FROM journal k WHERE k.action=j.action AND k.seq>j.seq AND k.event IN ('undone','done'))")).scalars().all()
            if begun:
                rows = [*rows, *db.execute(text(
                    "SELECT seq FROM journal j WHERE event='started' AND NOT EXISTS "
                    "(SELECT 1 FROM journal k WHERE k.action=j.action AND k.seq>j.seq AND k.event IN ('undone','started','done','adopted')) AND NOT EXISTS "
                    "(SELECT 1 FROM journal d WHERE d.action=j.action AND d.event='done' AND NOT EXISTS "
                    "(SELECT 1 FROM journal u WHERE u.action=d.action AND u.seq>d.seq AND u.event='undone'))")).scalars()]
            start = _start(db)
        wanted = sorted((seq for seq in rows if seq > start), reverse=True)
        table = schema.journal
        for at in range(0, len(wanted), PAGE):  # bodies in pages: together they may be many megabytes
            with self._read() as db:
                page = db.execute(select(table.c.action, table.c.event, table.c.body, table.c.result).where(table.c.seq.in_(wanted[at:at + PAGE]))
                                  .order_by(table.c.seq.desc())).all()
            for action, event, body, result in page:
                yield text_of(action), body, json.loads(result) if event == "done" and result is not None else None

    def unended(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(action id, body) of every action of this prefix whose last word is that it was begun or failed, newest first: perhaps done,
        also where an earlier run had done one of the same id."""
        with self._read() as db:
            rows = db.execute(text("SELECT action, body FROM journal j WHERE substr(action, 1, :length)=:prefix AND seq>:start AND event IN "
                                   "('started','failed') AND seq=(SELECT max(k.seq) FROM journal k WHERE k.action=j.action) ORDER BY seq DESC"),
                              {"length": len(prefix), "prefix": prefix, "start": _start(db)}).all()
        return ((text_of(row.action), str(row.body)) for row in rows)

    def ever(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(action id, newest body) of every action of this prefix that was ever begun, also of those that were taken back since: what
        was taken back may be needed once more to take back the rest."""
        with self._read() as db:
            rows = db.execute(text("SELECT action, body FROM journal j WHERE substr(action, 1, :length)=:prefix AND seq>:start AND seq="
                                   "(SELECT max(k.seq) FROM journal k WHERE k.action=j.action AND k.event IN ('started','done')) ORDER BY seq"),
                              {"length": len(prefix), "prefix": prefix, "start": _start(db)}).all()
        return ((text_of(row.action), str(row.body)) for row in rows)

    def forget_outcomes(self) -> None:
        """After everything was taken back: nothing is migrated any more, the plan is to be made anew."""
        with self._write() as db:
            db.execute(update(schema.records).values(outcome=None, code=None, detail=None))
            db.execute(update(schema.files).values(state="planned", code=None, etag=None))  # missing in Cells is not removed by people
            db.execute(update(schema.access).values(outcome=None))
            db.execute(delete(schema.actions))
            db.execute(delete(schema.meta).where(schema.meta.c.key.in_(["target-fingerprint", "verify"])))
            db.execute(delete(schema.targets).where(schema.targets.c.kind == "seen"))


def _start(db: Connection) -> int:
    """Place in the journal behind which it counts."""
    value = db.execute(select(schema.meta.c.value).where(schema.meta.c.key == FORGOTTEN)).scalar()
    return 0 if value is None else int(json.loads(value))


def _former(db: Connection, action_id: str) -> Mapping[str, Any] | None:
    kept = db.execute(text("SELECT result FROM journal j WHERE action=:action AND event='former' AND j.seq>:start AND NOT EXISTS "
                           "(SELECT 1 FROM journal k WHERE k.action=j.action AND k.seq>j.seq AND k.event='undone')"),
                      {"action": key_of(action_id), "start": _start(db)}).scalar()
    return None if kept is None else json.loads(kept)


def _action_row(row: Any) -> ActionRow:
    return ActionRow(text_of(row.id), row.seq, row.phase, row.lane, row.kind, text_of(row.record), row.body, State(row.state), row.code, row.detail,
                     None if row.result is None else json.loads(row.result))
