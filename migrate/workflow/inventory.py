"""Writes the inventory of an old installation to a file or to stdout."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from migrate.errors import ExitStatus, Finding, MigrationError
from migrate.extract.inventory import write_inventory
from migrate.extract.source import Source
from migrate.workflow.outcome import Outcome

UNREAD = ("error",)


class CannotWrite(MigrationError):
    """The output file could not be written."""

    code = "E6005"
    title = "{path} could not be written: {detail}."
    remedy = "Choose another place or free room on that disk."
    exit_status = ExitStatus.LOCAL


def take_inventory(legacy: Path, database: str | None, path_map: Mapping[str, str], output: Path | None, *, hashes: bool, with_secrets: bool) -> Outcome:
    """The object of the inventory contract, streamed to `output` (0600, replaced at the end) or stdout. Exit 3 when
    something could not be read."""
    source = Source.open(legacy, database=database, path_map=path_map, now=int(time.time()))
    try:
        if output is None:
            write_inventory(source, sys.stdout, hashes=hashes, with_secrets=with_secrets)
            sys.stdout.flush()
        else:
            _to_file(source, output, hashes=hashes, with_secrets=with_secrets)
        findings = list(source.findings())
    finally:
        source.close()
    unread = unreadable(findings)
    verdict = "The inventory is complete." if not unread else f"The inventory is written, but {len(unread)} things could not be read; see its findings."
    return Outcome(verdict, ExitStatus.INCOMPLETE if unread else ExitStatus.OK, findings=findings)


def unreadable(findings: list[Finding]) -> list[Finding]:
    """The findings that mean: something of the old server could not be read."""
    return [f for f in findings if f.severity in UNREAD]


def _to_file(source: Source, output: Path, *, hashes: bool, with_secrets: bool) -> None:
    part = output.with_name(output.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w", encoding="utf-8") as stream:
            write_inventory(source, stream, hashes=hashes, with_secrets=with_secrets)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(output)
    except OSError as error:
        raise CannotWrite(path=output, detail=error.strerror or error) from None
