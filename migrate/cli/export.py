"""`export`: what became of each old id."""

from __future__ import annotations

from pathlib import Path

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.reporting import export_ids


@click.command(short_help="What became of each old id, as JSON.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file (mode 0600) instead of stdout.")
@options.common
def export(environment: Environment, output: Path | None) -> int:
    """One JSON object: old users, groups, roles, teams, workspaces and files with what they are in Cells.

    \b
    Example:
      run_migration.py export --output became.json
    """
    outcome = export_ids(environment.work, output)
    if output is None:
        environment.say(outcome.verdict)
        return outcome.exit
    return environment.answer(outcome)
