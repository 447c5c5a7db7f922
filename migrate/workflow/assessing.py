"""Says what an old installation is and what will come across, before there is a Cells to ask."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from migrate.errors import ExitStatus
from migrate.ledger import Ledger, Secrets, WorkLock
from migrate.report import html
from migrate.workflow.appraising import appraise
from migrate.workflow.inventory import unreadable
from migrate.workflow.outcome import Outcome
from migrate.workflow.settings import Settings
from migrate.workflow.survey import survey


def assess_installation(work: Path, legacy: Path, database: str | None, path_map: Mapping[str, str], *, progress: Callable[[str, int], None],
                        break_lock: bool = False) -> Outcome:
    """Survey into the ledger of `work` and write assessment.html. Exit 3 when something could not be read."""
    settings = Settings(legacy=str(legacy.resolve()), path_map=dict(path_map), database_given=database is not None, now=int(time.time()))
    with WorkLock(work, break_lock=break_lock), Ledger.create(work) as ledger:
        secrets = Secrets(work)
        source = settings_source(settings, database)
        try:
            survey(ledger, source, progress=progress)
        finally:
            source.close()
        if ledger.get("settings") is None:
            settings.save(ledger, secrets, database)
        findings = [f for _, f in ledger.findings("extract")]
        ledger.put("appraisal", appraise(ledger))
        page = html.write_assessment(ledger, work / "assessment.html")
        counts = ledger.counts()
        facts, told = ledger.get("installation"), ledger.get("appraisal")
    lost = unreadable(findings)
    what = f"{facts['application']} {facts['version']} with {_sum(counts, 'users')} users, {_sum(counts, 'workspaces')} workspaces and " \
           f"{_sum(counts, 'files')} files and folders"
    verdict = f"{what}: everything could be read." if not lost else f"{what}; {len(lost)} things could not be read, see the findings."
    return Outcome(verdict, ExitStatus.INCOMPLETE if lost else ExitStatus.OK, counts=counts, findings=findings,
                   lines=[*told["sentences"], *_lines(told), f"Report: {page}"],
                   extra={"report": str(page), "installation": facts, "appraisal": told})


def _lines(told: Mapping[str, Any]) -> list[str]:
    """The table of what does not come across, and what to do before, for the console."""
    lines = ["What does not come across as it is:"] if told["lacks"] else []
    lines += [f"  {row['number']:,} × {row['what']}. {row['why']} {row['todo']}" for row in told["lacks"]]
    return [*lines, "What to do before:", *(f"  {number}. {step}" for number, step in enumerate(told["before"], 1))]


def settings_source(settings: Settings, database: str | None):
    """Open the source with a database address that may not be remembered yet."""
    from migrate.extract.source import Source

    return Source.open(Path(settings.legacy), database=database, path_map=dict(settings.path_map), now=settings.now)


def _sum(counts: Mapping[str, Mapping[str, int]], kind: str) -> int:
    return counts.get(kind, {}).get("found", 0)
