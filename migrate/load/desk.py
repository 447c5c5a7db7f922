"""The loader's desk: a temporary workspace over a data source, because Cells has no administrative way to write files.

It belongs to the loader's own role alone, has a uuid of its own kind, and is removed at the end of every run, unless somebody else still
has to send files through it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from migrate.cells.api import acls, tree, workspaces
from migrate.cells.models import Acl, LiveWorkspace, data_source_root
from migrate.cells.session import Session
from migrate.errors import MigrationError
from migrate.interrupt import StopSignal
from migrate.ledger.lock import AnotherRun, Mark

PATIENCE = 60.0


class DeskClosed(MigrationError):
    """Cells did not let the loader write through its temporary workspace."""

    code = "E4903"
    title = "The data source {data_source} could not be opened for writing: {detail}."
    remedy = "Look in Cells whether the data source is running and not read-only, then run `apply` again."


class Desks:
    """Opens desks when something is to be written, and closes them; each is opened once a run, whatever earlier runs left."""

    def __init__(self, session: Session, stop: StopSignal, mark: Mark | None = None) -> None:
        """`mark`: says in Cells whose desks these are."""
        self._session = session
        self._stop = stop
        self._mark = mark
        self._allowed: dict[str, tuple[str, str, str]] = {}
        self._open: dict[str, str] = {}
        self.stays: Callable[[str], bool] = lambda _data_source: False
        """Whether the desk of a data source stays open at the end of this run."""
        self._lock = threading.Lock()

    def allow(self, data_source: str, uuid: str, slug: str, role: str) -> None:
        """From now on a desk of this uuid and slug may be opened for `role`. Nothing is written yet: perhaps nothing is to do."""
        with self._lock:
            self._allowed[data_source] = (uuid, slug, role)

    def role(self, data_source: str) -> str:
        """The role that a desk is opened for; empty when none may be."""
        with self._lock:
            return self._allowed.get(data_source, ("", "", ""))[2]

    def slug(self, data_source: str) -> str:
        """Slug of the desk as the server has it; opens it first, and waits until it can be written to."""
        with self._lock:
            if data_source not in self._open:
                if data_source not in self._allowed:
                    raise DeskClosed(data_source=data_source, detail="the plan does not write there")
                self._open[data_source] = self._make(data_source, *self._allowed[data_source])
            return self._open[data_source]

    def _make(self, data_source: str, uuid: str, slug: str, role: str) -> str:
        root = data_source_root(data_source)
        there = self.known(uuid)
        about = f"Temporary; removed by the migration. {self._mark or ''}".rstrip()
        wanted = LiveWorkspace(uuid, slug, f"Migration desk ({data_source})", about, "ADMIN", {root: data_source})
        made = there or workspaces.put_workspace(self._session, wanted)
        rules = [Acl(root, role, uuid, "read"), Acl(root, role, uuid, "write")]
        acls.add_acls(self._session, rules, acls.search_acls(self._session, roles=[role], workspaces=[uuid]) if there else [])
        self._wait(data_source, made.slug)
        return made.slug

    def known(self, uuid: str) -> LiveWorkspace | None:
        """The desk when it is open already. AnotherRun when a run of another machine, or of another work folder, opened it and may be going on."""
        there = workspaces.get_workspace(self._session, uuid)
        other = self._mark.other(there.description) if there is not None and self._mark is not None else ""
        if other:
            raise AnotherRun(work=self._session.url, holder=other)
        return there

    def close(self, data_source: str, uuid: str) -> None:
        """Remove the desk; its files stay."""
        with self._lock:
            self._open.pop(data_source, None)
            there = self.known(uuid)
            if there is not None:
                workspaces.delete_workspace(self._session, uuid, there.slug)

    def _wait(self, data_source: str, slug: str) -> None:
        """Rights take effect late (0.06 to some seconds): look until the desk answers."""
        waited = 0.0
        while not tree.caller_can_stat(self._session, slug):
            self._stop.check()
            if waited >= PATIENCE:
                raise DeskClosed(data_source=data_source, detail=f"it is not visible after {PATIENCE:.0f} s")
            self._stop.wait(0.5)
            waited += 0.5
