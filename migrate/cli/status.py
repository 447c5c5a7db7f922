"""`status`: where a migration stands."""

from __future__ import annotations

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.reporting import standing


@click.command(short_help="Where it stands.")
@options.common
def status(environment: Environment) -> int:
    """What is planned, done, skipped and failed in the work folder, and what to do next.

    \b
    Example:
      run_migration.py status --work migration
    """
    return environment.answer(standing(environment.work))
