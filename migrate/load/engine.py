"""Runs the actions of a plan: in order of phase, in parallel where they are independent, each journaled before and after.

A phase ends before the next begins. Inside a phase, actions of one lane (one login, one role, one workspace) follow one
another in plan order; lanes run side by side. An action whose need failed fails with it; everything else goes on."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from migrate.errors import ExitStatus, MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger import ActionRow, Ledger, State
from migrate.transform.actions import Action, from_json

WINDOW = 4000
"""How many actions of a phase are held in memory at once."""

log = structlog.get_logger()


class NeedFailed(MigrationError):
    """Something this depends on could not be done, so this was not tried."""

    code = "E4901"
    title = "Not tried, because {need} failed."
    remedy = "Settle that first, then run `apply` again: it tries what failed once more."


class Performer(Protocol):
    """Carries out one action. `resumed`: an earlier run may have done it, so look before acting."""

    def perform(self, action: Action, *, resumed: bool) -> Mapping[str, Any]:
        """Do it and return what is worth remembering (ids, counts); raise MigrationError when it cannot be done."""


@dataclass
class Tally:
    """What a run did. `fatal`: the error that ended it early, if any."""

    done: int = 0
    failed: int = 0
    fatal: MigrationError | None = None
    statuses: set[ExitStatus] = field(default_factory=set)


class Engine:
    """Executes what the ledger holds as planned or started."""

    def __init__(self, ledger: Ledger, performer: Performer, *, workers: int = 4, stop: StopSignal | None = None,
                 progress: Callable[[str, int], None] = lambda _kind, _n: None, chosen: Callable[[Action], bool] | None = None) -> None:
        """`chosen`: what is carried out now; the rest stays as it is in the ledger. None: everything."""
        self._ledger = ledger
        self._performer = performer
        self._workers = max(1, workers)
        self._stop = stop or StopSignal()
        self._progress = progress
        self._chosen = chosen
        self._failed: set[str] = {row.id for row in ledger.actions(State.FAILED)}
        self._tally = Tally()
        self._guard = threading.Lock()

    def run(self) -> Tally:
        """Until nothing is left, the run is interrupted, or an error ends it for all (token, connection, disk)."""
        rows: Iterator[ActionRow] = self._ledger.actions(State.PLANNED, State.STARTED)
        if self._chosen is not None:
            wanted = self._chosen
            rows = (row for row in rows if wanted(from_json(row.body)))
        with ThreadPoolExecutor(self._workers, thread_name_prefix="load") as pool:
            for _phase, in_phase in itertools.groupby(rows, key=lambda row: row.phase):
                for part in _parts(in_phase, WINDOW):
                    self._run_part(pool, part)
                    if self._tally.fatal:
                        raise self._tally.fatal
                    self._stop.check()
        return self._tally

    def _run_part(self, pool: ThreadPoolExecutor, part: list[ActionRow]) -> None:
        lanes: dict[str, deque[ActionRow]] = {}
        for row in part:
            lanes.setdefault(row.lane, deque()).append(row)
        waiting = deque(lanes.values())
        running: set[Future[deque[ActionRow]]] = set()
        while waiting or running:
            while waiting and len(running) < self._workers and not self._halted:
                running.add(pool.submit(self._step, waiting.popleft()))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                rest = future.result()
                if rest:
                    waiting.append(rest)

    @property
    def _halted(self) -> bool:
        return self._stop.stopping or self._tally.fatal is not None

    def _step(self, lane: deque[ActionRow]) -> deque[ActionRow]:
        row = lane.popleft()
        try:
            self._one(row)
        except MigrationError as error:
            with self._guard:
                self._tally.fatal = self._tally.fatal or error
        return lane

    def _one(self, row: ActionRow) -> None:
        action = from_json(row.body)
        need = next((n for n in action.needs() if n in self._failed), None)
        try:
            if need is not None:
                raise NeedFailed(need=need)
            resumed = row.state is State.STARTED
            self._ledger.start(row)  # also what an earlier run did: from now on it may be half done, and that it was done counts no more
            result = self._performer.perform(action, resumed=resumed)
        except MigrationError as error:
            if ends_the_run(error):
                raise
            self._ledger.fail(row, error.code, error.message)
            if row.record:
                self._ledger.settle(row.kind, row.record, "failed", error.code, error.message)
            log.warning("action.failed", action=row.id, code=error.code, detail=error.message)
            with self._guard:
                self._failed.add(row.id)
                self._tally.failed += 1
        else:
            self._ledger.done(row, result)
            if row.record:
                self._ledger.settle(row.kind, row.record, "migrated")
            with self._guard:
                self._tally.done += 1
        self._progress(row.kind, 1)


def ends_the_run(error: MigrationError) -> bool:
    """Whether an error concerns the whole run (connection, token, disk, interruption) and not one object."""
    return error.exit_status in (ExitStatus.CELLS_UNREACHABLE, ExitStatus.NOT_AUTHORISED, ExitStatus.LOCAL, ExitStatus.INTERRUPTED,
                                 ExitStatus.LOCKED, ExitStatus.STALE_PLAN)


def _parts(rows: Iterator[ActionRow], size: int) -> Iterator[list[ActionRow]]:
    while part := list(itertools.islice(rows, size)):
        yield part
