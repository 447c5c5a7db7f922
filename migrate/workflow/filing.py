"""How do the decisions on files reach the plan?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate.cells.session import Session
from migrate.errors import Finding, Severity, code, finding
from migrate.ledger import Ledger, State
from migrate.ledger.listed import is_sent
from migrate.load.dates import write_script
from migrate.load.places import MADE
from migrate.transform.in_place import InPlace
from migrate.workflow.settings import Settings

DATES_LOST = code("F5014", Severity.INFO, "The files of {subject} are uploaded: Cells shows the time of the upload as their date.",
                  "Plan with --dates sql to bring the old dates into the database of Cells, with --dates field to keep them beside the file, "
                  "or use route in-place, which keeps them.",
                  "The interface of Cells has no way to set the date of a file. Dates of folders are kept where the data source can.")


@dataclass(frozen=True)
class FileChoice:
    """What was said on the command line about files. `in_place_copy`: `script` or `run`; `dates`: `none`, `sql` or `field`; `hidden_files`:
    `carry` or `skip`."""

    in_place_copy: str = "script"
    hand_over_original: bool = False
    dates: str = "none"
    hidden_files: str = "carry"

    @classmethod
    def of(cls, settings: Settings) -> FileChoice:
        """What this work folder was planned with."""
        return cls(**{name: value for name, value in settings.files.items() if value is not None})


def plan_options(settings: Settings, ledger: Ledger) -> dict[str, Any]:
    """Fields of PlanOptions."""
    choice = FileChoice.of(settings)
    begun = {action.removeprefix("datasource:"): ledger.action(action) for action, _ in ledger.unended("datasource:")}
    unfinished = frozenset(name for name, row in begun.items() if ledger.get(MADE + name) or (row is not None and row.state is State.STARTED))
    return {"in_place": InPlace(choice.hand_over_original, os.path.realpath, unfinished), "copy": choice.in_place_copy == "run",
            "dates": choice.dates == "sql" and bool(settings.passwords.get("database"))}


def hand_over_dates(work: Path, ledger: Ledger, settings: Settings, session: Session) -> list[str]:
    """The script for the dates of uploaded files, when it was asked for and the tool does not do it itself."""
    if FileChoice.of(settings).dates != "sql" or plan_options(settings, ledger)["dates"]:
        return []
    number = write_script(work / "dates.sql", ledger, session)
    return [f"Dates of {number} uploaded files: {work / 'dates.sql'}, for the database of Cells"] if number else []


def date_findings(ledger: Ledger, settings: Settings) -> list[Finding]:
    """Says before anything is sent which dates will be lost."""
    lost = sum(1 for _, body in ledger.targets("roots") if is_sent(body))
    return [finding(DATES_LOST, "files", f"{lost} folders")] if lost and FileChoice.of(settings).dates == "none" else []
