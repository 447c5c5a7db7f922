"""Where are the mapping files, and what do they say? Reads and writes the CSV files; what they mean is in `transform.mapping`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from migrate.errors import ExitStatus, MigrationError
from migrate.transform.mapping import LAYOUTS, Mappings, Problem, Proposal
from migrate.transform.mapping_text import parse, template, with_proposals

__all__ = ["MappingProblems", "MappingUnreadable", "Mappings", "read_mappings", "write_proposals", "write_templates"]


class MappingProblems(MigrationError):
    """Mapping files have mistakes. All of them are named at once; nothing is planned before they are corrected."""

    code = "E2101"
    title = "The mapping files have {count} mistakes:\n{list}"
    remedy = "Correct these lines in {folder} and plan again; docs/mappings.md explains every column."
    exit_status = ExitStatus.USAGE

    def __init__(self, folder: Path, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(folder=folder, count=len(problems), list="\n".join(f"  {p}" for p in problems))


class MappingUnreadable(MigrationError):
    """A mapping file cannot be read or written at all."""

    code = "E2102"
    title = "The mapping file {path} cannot be used: {detail}."
    remedy = "Make it readable and save it as UTF-8 text (in a spreadsheet: CSV UTF-8, comma)."
    exit_status = ExitStatus.USAGE


def read_mappings(folder: Path) -> Mappings:
    """The decisions in `folder`; absent files and an absent folder mean none. Raises MappingProblems or MappingUnreadable."""
    texts: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv")) if folder.is_dir() else []:
        texts[path.name] = _read(path)
    mappings, problems = parse(texts)
    if problems:
        raise MappingProblems(folder, problems)
    return mappings


def write_proposals(folder: Path, proposals: Iterable[Proposal]) -> list[str]:
    """Append proposed lines to the files of `folder`, making them when absent. Lines that are there are never changed.
    Returns `file: key` of each new line."""
    by_file: dict[str, list[Proposal]] = {name: [] for name in LAYOUTS}
    for proposal in proposals:
        by_file[proposal.file].append(proposal)
    new: list[str] = []
    for name, lines in by_file.items():
        path = folder / name
        old = _read(path) if path.exists() else None
        text, added = with_proposals(LAYOUTS[name], old, lines)
        if text != old:
            _write(path, text)
        new += [f"{name}: {key}" for key in added]
    return new


def write_templates(folder: Path) -> None:
    """Write empty, documented files where there are none."""
    for name, layout in LAYOUTS.items():
        if not (folder / name).exists():
            _write(folder / name, template(layout))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise MappingUnreadable(path=path, detail=error.strerror or error) from error


def _write(path: Path, text: str) -> None:
    """All or nothing: a full disk leaves the former file."""
    fresh = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(fresh, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise MappingUnreadable(path=path, detail=error.strerror or error) from error
