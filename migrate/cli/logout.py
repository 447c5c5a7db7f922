"""`logout`: remove the kept token."""

from __future__ import annotations

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.signing_in import sign_out


@click.command(short_help="Remove the kept token.")
@options.common
def logout(environment: Environment) -> int:
    """Remove the token that `login` keeps in the work folder.

    \b
    Example:
      run_migration.py logout
    """
    return environment.answer(sign_out(environment.work))
