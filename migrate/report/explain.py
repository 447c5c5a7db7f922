"""What does a code mean, and what is to be done? The text of `explain CODE`, and the page of all codes."""

from __future__ import annotations

import re
import sys

from migrate.errors import Code, catalogue

AREAS = {
    "E1": "The old installation", "E2": "The plan and its mapping files", "E3": "Rights and shares", "E4": "Cells and the way to it", "E5": "Files",
    "E6": "This machine and the ledger", "F1": "Findings: the old installation", "F2": "Findings: the plan", "F3": "Findings: rights and shares",
    "F4": "Findings: Cells", "F5": "Findings: files", "F6": "Findings: verification", "S": "Reasons for leaving something out",
}
_FIELD = re.compile(r"\{(\w+)\}")
SEVERITIES = {"error": "error", "warning": "warning", "info": "for your information"}


def text_of(entry: Code) -> str:
    """The entry of a code as text for a terminal."""
    parts = [f"{entry.code} ({SEVERITIES[entry.severity.value]})", "", general(entry.title)]
    if entry.explanation and entry.explanation != entry.title:
        parts += ["", _joined(entry.explanation)]
    return "\n".join([*parts, "", "What to do: " + general(entry.remedy)])


def general(text: str) -> str:
    """A sentence with its {fields} as `…` names: `Link <hash> of <owner>`."""
    return _FIELD.sub(lambda match: "<" + match.group(1) + ">", text)


def codes_page() -> str:
    """`docs/codes.md`: every code of the program, by area. Write it with `python -m migrate.report.explain > docs/codes.md`."""
    entries = catalogue()
    lines = ["# Codes", "", "Every error, finding and reason of the program. `python run_migration.py explain CODE` prints an entry.",
             "This page is written by `python -m migrate.report.explain > docs/codes.md`; a test holds it to the program.", ""]
    area = None
    for entry in sorted(entries.values(), key=lambda e: (_rank(e.code), e.code)):
        if _area(entry.code) != area:
            area = _area(entry.code)
            lines += [f"## {area}", ""]
        lines += [*_entry(entry), ""]
    return "\n".join(lines)


def _entry(entry: Code) -> list[str]:
    lines = [f"### {entry.code}", "", f"*{SEVERITIES[entry.severity.value]}* — {_quoted(entry.title)}"]
    if entry.explanation and entry.explanation != entry.title:
        lines += ["", _quoted(_joined(entry.explanation))]
    return [*lines, "", "What to do: " + _quoted(entry.remedy)]


def _area(code: str) -> str:
    return AREAS.get(code[:2]) or AREAS.get(code[:1]) or "Others"


def _rank(code: str) -> int:
    order = list(AREAS.values())
    area = _area(code)
    return order.index(area) if area in order else len(order)


def _quoted(text: str) -> str:
    return _FIELD.sub(lambda match: "*" + match.group(1) + "*", text)


def _joined(text: str) -> str:
    """A docstring as one paragraph each."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


if __name__ == "__main__":
    sys.stdout.write(codes_page())
