"""Carries out one Action on a server; what each kind does is in the modules by family."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from migrate.cells.errors import CellsRefused, NoAnswer
from migrate.cells.session import Session
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets
from migrate.ledger.lock import Mark
from migrate.load import copying, date_field, dates, extras, link_passwords, marks, metadata, passwords, people, places, purge, rights, shares  # noqa: F401 - they register what they perform
from migrate.load.desk import Desks
from migrate.load.loans import Access
from migrate.load.nodes import Nodes
from migrate.load.passwords import Keeping
from migrate.load.tools import Carry, Tools, effect_of
from migrate.transform.actions import Action, OpenDesk

TRIES = 4


class Loader:
    """Performs Actions on one server; safe for several workers (the engine never gives one object to two)."""

    def __init__(self, session: Session, ledger: Ledger, secrets: Secrets, stop: StopSignal, carry: Carry,
                 keeping: Keeping | None = None, pictures: Callable[[str], bytes | None] = lambda _login: None,
                 storage_keys: Callable[[str], tuple[str, str] | None] = lambda _workspace: None, *, break_lock: bool = False) -> None:
        """`break_lock`: what another machine's run left open in Cells is taken over."""
        mark = Mark(folder_id(ledger), break_lock=break_lock)
        self.tools = Tools(session, ledger, secrets, stop, Nodes(session), Desks(session, stop, mark), carry, Access(session, ledger, stop.wait), keeping,
                           pictures, storage_keys)

    def alone(self, desks: Iterable[OpenDesk]) -> None:
        """AnotherRun when one of these desks is open for a run of another machine."""
        for desk in desks:
            self.tools.desks.known(desk.uuid)

    def perform(self, action: Action, *, resumed: bool) -> Mapping[str, Any]:
        """Do it. When the server gave no answer, look whether it was done and repeat at most once. An internal error of the server
        (a deadlock of its database among parallel writes is one, and on 3.x no text tells which) is tried again a few times."""
        effect = effect_of(action)
        unanswered = False
        for attempt in range(TRIES):
            try:
                return effect(self.tools, action, resumed or attempt > 0)
            except NoAnswer:
                if unanswered:
                    raise
                unanswered = True
                self.tools.stop.wait(1.0)
            except CellsRefused as error:
                if type(error) is not CellsRefused or error.status != 500 or attempt + 1 == TRIES:
                    raise
                self.tools.stop.wait(random.uniform(0.2, 0.6) * (attempt + 1))
        raise AssertionError("the loop returns or raises")


def folder_id(ledger: Ledger) -> str:
    """Tells this work folder from others, and its copies alike."""
    known = ledger.get("folder-id")
    if not known:
        known = uuid.uuid4().hex[:12]
        ledger.put("folder-id", known)
    return str(known)
