"""`assess`: what will and will not come across, without Cells."""

from __future__ import annotations

from pathlib import Path

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.assessing import assess_installation


@click.command(short_help="What will and what will not come across.")
@options.legacy
@options.common
def assess(environment: Environment, legacy: Path, database: str | None, path_map: tuple[str, ...]) -> int:
    """Read the old installation and say what it is, what comes across, what does not and why. Needs no Cells.

    \b
    Example:
      run_migration.py assess --legacy /srv/old-pydio --work migration
    """
    with environment.progress("reading") as progress:
        outcome = assess_installation(environment.work, legacy, database, options.paths(path_map), progress=progress, break_lock=environment.break_lock)
    return environment.answer(outcome)
