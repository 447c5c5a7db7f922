"""`finish`: removes what the tool itself left."""

from __future__ import annotations

from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.finishing import finish_migration


@click.command(short_help="Remove what only the tool needed.")
@options.cells_again
@click.option("--dry-run", is_flag=True, help="List what would be removed, remove nothing.")
@options.connection
@options.common
def finish(environment: Environment, cells_url: str | None, dry_run: bool, **connection: Any) -> int:
    """Remove temporary workspaces and rights of the tool from Cells, and the file with temporary passwords from the work folder.
    Refuses while `verify` has not run or found differences. The tool's own token is yours to revoke; it is named.

    \b
    Example:
      run_migration.py finish --token-file token
    """
    way = connection_of(cells_url, connection, environment)
    return environment.answer(finish_migration(environment.work, way, dry_run=dry_run, break_lock=environment.break_lock))
