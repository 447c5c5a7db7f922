"""`verify`: proves the result."""

from __future__ import annotations

from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.verifying import verify_target


@click.command(short_help="Prove the result from what Cells answers.")
@options.cells_again
@options.cells_database
@options.connection
@options.common
def verify(environment: Environment, cells_url: str | None, **connection: Any) -> int:
    """Read Cells on its own and compare people, rights and files with the old server. Exit 4 when anything differs.

    \b
    Example:
      run_migration.py verify --token-file token
    """
    with environment.progress("verifying") as progress:
        outcome = verify_target(environment.work, connection_of(cells_url, connection, environment), progress=progress, break_lock=environment.break_lock)
    return environment.answer(outcome)
