"""`doctor`: is this server fit, is this token fit."""

from __future__ import annotations

from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.doctoring import examine


@click.command(short_help="Is this Cells and this token fit for a migration?")
@options.cells
@options.cells_database
@options.connection
@options.common
def doctor(environment: Environment, cells_url: str, **connection: Any) -> int:
    """Check the way to Cells, its version, the token, clocks and data sources; each line good or with a remedy. Changes nothing.

    \b
    Example:
      run_migration.py doctor --cells https://cells.example.org --token-file token
    """
    return environment.answer(examine(connection_of(cells_url, connection, environment)))
