"""What happened, on one page for a person: the verdict first, then the sums, then what needs a look. Printable, self-contained."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from migrate.errors import Code, ExitStatus, catalogue
from migrate.ledger import Ledger
from migrate.report import gather, words
from migrate.report.csv import replace_file
from migrate.report.summary import counts_of, open_items, sentence_of

TITLES = {"assess": "What can be moved", "plan": "Rehearsal of the move", "apply": "The move to Cells", "verify": "Proof of the move"}


def write_assessment(ledger: Ledger, path: Path, **how: Any) -> Path:
    """The page of `assess`: what this installation is, what comes across, what not and why, what to do first."""
    return write_html(ledger, path, "assess", ExitStatus.OK, **how)


def write_plan(ledger: Ledger, path: Path, **how: Any) -> Path:
    """The page of `plan`: every change that would be made, and every loss, before anything is written."""
    return write_html(ledger, path, "plan", ExitStatus.OK, **how)


def write_report(ledger: Ledger, path: Path, **how: Any) -> Path:
    """The page of `apply`, and of `verify` once it has run."""
    verified = ledger.get("verify")
    status = ExitStatus.OK if not verified or verified.get("equal") else ExitStatus.DIFFERENT
    return write_html(ledger, path, "verify" if verified else "apply", status, **how)


def write_html(ledger: Ledger, path: Path, command: str, exit_status: ExitStatus, *, sentence: str | None = None, now: float | None = None,
               codes: Mapping[str, Code] | None = None) -> Path:
    """Write the page (UTF-8, mode 0600: it names people); gives its path. `sentence`: the verdict, if the caller has one.
    Whatever the names on the old server hold, they appear as text: markup is escaped, direction marks are shown."""
    text = render(view(ledger, command, exit_status, sentence=sentence, now=now, codes=codes))
    replace_file(path, lambda out: out.write(text))
    return path


def view(ledger: Ledger, command: str, exit_status: ExitStatus, *, sentence: str | None = None, now: float | None = None,
         codes: Mapping[str, Code] | None = None) -> dict[str, Any]:
    """Everything the page shows, as plain values."""
    codes = catalogue() if codes is None else codes
    counts = counts_of(ledger)
    verified = ledger.get("verify") if command == "verify" else None
    findings = gather.findings(ledger, codes, command)
    tone = _tone(command, exit_status, counts, verified, findings)
    return {
        "title": TITLES.get(command, TITLES["apply"]), "command": command, "tone": tone,
        "verdict": sentence or sentence_of(ledger, command, exit_status, counts),
        "carried": sentence_of(ledger, "apply", ExitStatus.OK, counts) if command == "verify" else None,
        "appraisal": ledger.get("appraisal") if command == "assess" else None,
        "installation": ledger.get("installation") or {}, "made": time.strftime("%Y-%m-%d %H:%M", time.localtime(now)),
        "steps": _steps(command, tone, counts, verified, findings),
        "counts": [{"kind": words.KINDS.get(kind, kind), **row, "open": open_items({kind: row}).get(kind, 0)} for kind, row in counts.items()],
        "carrying": command not in ("assess", "plan"),
        "reasons": gather.reasons(ledger, codes), "findings": findings, "verified": verified,
        "sizes": gather.sizes(ledger), "access": gather.access(ledger, codes) if command != "assess" else gather.access_before(ledger),
        "renamed": gather.renamed(ledger) if command != "assess" else {"rows": [], "number": 0},
        "people": gather.people(ledger, codes) if command != "assess" else {"rows": [], "number": 0, "ways": []},
        "actions": gather.actions(ledger) if command == "plan" else [],
    }


def render(values: Mapping[str, Any]) -> str:
    """The page as HTML."""
    return _template().render(**values)


@functools.lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    environment = jinja2.Environment(loader=jinja2.PackageLoader("migrate.report"), autoescape=True, undefined=jinja2.StrictUndefined,
                                     trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(plain=words.plain, size=words.size, many=words.many, key=words.key_shown, right=lambda r: words.RIGHTS.get(r, r),
                               number=lambda n: f"{n:,}")
    return environment.get_template("report.html.j2")


def _tone(command: str, exit_status: ExitStatus, counts: Mapping[str, Mapping[str, int]], verified: Mapping[str, Any] | None,
          findings: list[dict[str, Any]]) -> str:
    """good, look or bad."""
    if verified is not None and not verified.get("equal"):
        return "bad"
    if exit_status not in (ExitStatus.OK, ExitStatus.INCOMPLETE):
        return "bad"
    failed = sum(row.get("failed", 0) for row in counts.values())
    if command in ("assess", "plan"):
        return "good" if all(group["severity"] == "info" for group in findings) else "look"
    if failed or open_items(counts) or exit_status is ExitStatus.INCOMPLETE:
        return "look"
    return "good"


def _steps(command: str, tone: str, counts: Mapping[str, Mapping[str, int]], verified: Mapping[str, Any] | None,
           findings: list[dict[str, Any]]) -> list[str]:
    """What to do next, in order."""
    steps: list[str] = []
    if verified is not None and verified.get("wider"):
        steps.append("Take away in Cells the rights marked “wider” below: somebody may see there what they could not see before.")
    if any(group["severity"] == "error" for group in findings):
        steps.append("Settle what is marked “error” below; each entry says how.")
    if command == "assess":
        steps.append("Read what will not come across, and decide whether that is in order.")
        steps.append("Prepare the new server, check it with “doctor”, then rehearse with “plan”: it writes nothing.")
    elif command == "plan":
        steps.append("Check people, rights and new names below. What is not as you want it is changed in the mapping files; then plan again.")
        steps.append("When all is well: “apply”. It can be interrupted and run again at any time.")
    else:
        if sum(row.get("failed", 0) for row in counts.values()) or open_items(counts):
            steps.append("Settle what failed, then run “apply” again: it carries only what is missing.")
        if verified is None:
            steps.append("Run “verify”: it proves the result from what Cells itself answers.")
        elif not verified.get("equal"):
            steps.append("Run “apply” and “verify” again; what still differs then was changed in Cells by somebody.")
        else:
            steps.append("Tell people what is in “What each person must know”, then close the old server for writing.")
            steps.append("Run “finish”: it removes what only this tool needed in Cells.")
    return steps
