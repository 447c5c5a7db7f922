"""Says what a code means."""

from __future__ import annotations

from migrate.errors import ExitStatus, MigrationError, catalogue
from migrate.workflow.outcome import Outcome


class UnknownCode(MigrationError):
    """The code is not in the catalogue."""

    code = "E2002"
    title = "There is no code {given}."
    remedy = "Codes look like E4001, F1203 or S2001; they are listed in docs/codes.md."
    exit_status = ExitStatus.USAGE


def explain_code(given: str) -> Outcome:
    """Title, explanation and remedy of a code; UnknownCode otherwise."""
    entry = catalogue().get(given.strip().upper())
    if entry is None:
        raise UnknownCode(given=given)
    lines = [f"{entry.code} ({entry.severity.value})", ""]
    if entry.explanation:
        lines += [entry.explanation, ""]
    return Outcome(f"{entry.title} What to do: {entry.remedy}", lines=lines,
                   extra={"code": entry.code, "severity": entry.severity.value, "title": entry.title, "remedy": entry.remedy,
                          "explanation": entry.explanation})
