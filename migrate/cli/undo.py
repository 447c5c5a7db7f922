"""`undo`: takes back what this migration made."""

from __future__ import annotations

from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.errors import ExitStatus
from migrate.interrupt import StopSignal
from migrate.workflow.undoing import PURGE, undo_migration


@click.command(short_help="Remove what this migration made, and only that.")
@options.cells_again
@click.option("--dry-run", is_flag=True, help="List what would be removed, remove nothing.")
@click.option("--purge", multiple=True, type=click.Choice(PURGE),
              help="Take these back although people changed them since; `files`: also remove the content that was carried. Repeatable.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.cells_database
@options.connection
@options.common
def undo(environment: Environment, cells_url: str | None, dry_run: bool, yes: bool, purge: tuple[str, ...], **connection: Any) -> int:
    """Take back what the journal of this work folder says was made: rights, workspaces, users, groups, roles, in reverse order.
    Accounts, groups and workspaces that were there before are left as they are, rights that were there before are put back. What
    people changed in Cells since stays and is named; files stay in their data source. Both go only when --purge says so.

    \b
    Example:
      run_migration.py undo --dry-run --token-file token
      run_migration.py undo --purge files --token-file token
    """
    if not dry_run and not yes:
        if environment.no_input:
            raise click.UsageError("undo asks before it removes anything: give --yes or --dry-run.")
        click.confirm("Remove from Cells everything this migration made?", abort=True, err=True)
    with StopSignal() as stop, environment.progress("undoing") as progress:
        outcome = undo_migration(environment.work, connection_of(cells_url, connection, environment), dry_run=dry_run, stop=stop, progress=progress,
                                 break_lock=environment.break_lock, purge=purge)
    status = environment.answer(outcome)
    return int(status if status is not None else ExitStatus.OK)
