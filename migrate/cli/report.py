"""`report`: writes the report again."""

from __future__ import annotations

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.reporting import write_report


@click.command(short_help="Write the report again: HTML, JSON, CSV.")
@options.common
def report(environment: Environment) -> int:
    """Write WORK/report.html (for people), report.json (for programs) and not-green.csv (for a spreadsheet) from the ledger.

    \b
    Example:
      run_migration.py report --work migration
    """
    return environment.answer(write_report(environment.work))
