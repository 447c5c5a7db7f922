"""How does `verify --deep` get at the bytes? Cells has no administrative way to read files: through a desk, made for it and removed again."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from migrate.cells.api import workspaces
from migrate.cells.content import Content
from migrate.cells.reader import whoami
from migrate.cells.session import Session
from migrate.extract.files import sha256_of
from migrate.interrupt import StopSignal
from migrate.ledger import FileRow, Ledger
from migrate.load.desk import Desks
from migrate.load.engine import ends_the_run
from migrate.load.loans import Access
from migrate.load.old_files import OldFiles
from migrate.verify.deep import DeepCheck
from migrate.workflow.noting import return_loans

NAMESPACE = uuid.UUID("0b9b6f0e-5a0c-4d1f-8e0a-5f6a3c1f7d42")
SLUG = "migration-desk-reading"
FACT = "reading-desks"


@contextmanager
def deep_check(ledger: Ledger, session: Session, *, percent: int, stop: StopSignal, progress: Callable[[str, int], None],
               workers: int = 4) -> Iterator[DeepCheck]:
    """The check, while its desks may be opened; they are gone at the end. One that a killed run left is removed first."""
    close_left(ledger, session)
    owner, _ = whoami(session)
    desks, access = Desks(session, stop), Access(session, ledger, stop.wait)
    content = Content(session, workers=workers)
    sources = sorted({str(body["data_source"]) for _, body in ledger.targets("roots") if body.get("data_source")} | {"personal"})
    made = {source: str(uuid.uuid5(NAMESPACE, f"{ledger.path.resolve()}:{source}")) for source in sources}
    for source, desk in made.items():
        desks.allow(source, desk, f"{SLUG}-{source}", owner.uuid)
    ledger.put(FACT, sorted(made.values()))

    def read(path: str, again: bool) -> Iterator[bytes]:
        source, _, inner = path.partition("/")
        slug = desks.slug(source)
        if again:  # perhaps the loader's own account may not look there
            access.ensure(owner.uuid, path.rpartition("/")[0] or source, for_good=True)
        return content.read(f"{slug}/{inner}")

    def old(row: FileRow) -> str | None:
        folder = (ledger.record("roots", row.root) or {}).get("folder")
        try:
            return sha256_of(OldFiles(ledger, row.root, folder.encode("utf-8", "surrogateescape")).place(row)) if folder else None
        except OSError:
            return None

    try:
        yield DeepCheck(ledger, read, old, percent=percent, workers=workers, ends=ends_the_run, check=stop.check, progress=progress)
    finally:
        close_left(ledger, session)
        return_loans(session, ledger)


def close_left(ledger: Ledger, session: Session) -> None:
    """Remove the desks of a reading that was killed."""
    for desk in ledger.get(FACT) or []:
        there = workspaces.get_workspace(session, desk)
        if there is not None:
            workspaces.delete_workspace(session, desk, there.slug)
    ledger.put(FACT, None)
