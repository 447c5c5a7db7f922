"""Which files does somebody else still have to send through the interfaces of Cells? Until they are there the desk they are sent through
stays open, also between two runs, with the rights that were lent for it."""

from __future__ import annotations

from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import Ledger, State
from migrate.transform.actions import CarryFolder, from_json


class NotAllSent(MigrationError):
    """Somebody else sends the files of a data source, and some are not in Cells yet."""

    code = "E5009"
    title = "{number} files and folders of {place} have not arrived in Cells, or are not what the old server holds."
    remedy = "Run WORK/copy/{data_source}.sh, which sends them, then `apply` again: it looks again, and does what waits for them."
    exit_status = ExitStatus.INCOMPLETE


def require_arrived(ledger: Ledger, data_source: str) -> None:
    """NotAllSent while somebody has to send files to this data source."""
    number = awaited(ledger, data_source)
    if number:
        raise NotAllSent(number=number, place=data_source, data_source=data_source)


def awaited(ledger: Ledger, data_source: str = "") -> int:
    """Number of files and folders that are not there yet, of this data source or of all."""
    number = 0
    for row in ledger.actions(State.PLANNED, State.STARTED, State.FAILED):
        if row.id.startswith("carry:"):
            action = from_json(row.body)
            if isinstance(action, CarryFolder) and action.sent and data_source in ("", action.node.split("/", 1)[0]):
                number += sum(files for state, (files, _) in ledger.file_totals(action.root).items() if state in ("planned", "started", "failed"))
    return number
