"""`explain`: a finding, error or reason code in words."""

from __future__ import annotations

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.explaining import explain_code


@click.command(short_help="A code in words.")
@click.argument("code")
@options.common
def explain(environment: Environment, code: str) -> int:
    """What a code means and what to do about it.

    \b
    Example:
      run_migration.py explain E6001
    """
    return environment.answer(explain_code(code))
