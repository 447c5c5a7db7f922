"""`verify`: proves the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from migrate.cli import options, route
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.verifying import verify_target


@click.command(short_help="Prove the result from what Cells answers.")
@options.cells_again
@click.option("--passwords-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), envvar="MIGRATE_PASSWORDS_FILE",
              help="Known old passwords (CSV: old login, password; mode 0600): these people are signed in for a moment, each once.")
@click.option("--plant-accounts", is_flag=True, help="Prove that old passwords work with accounts made for it and removed again (writes to Cells).")
@options.cells_database
@route.via_too
@options.connection
@options.common
def verify(environment: Environment, cells_url: str | None, passwords_file: Path | None, plant_accounts: bool, **connection: Any) -> int:
    """Read Cells on its own and compare people, rights and files with the old server. Exit 4 when anything differs.

    \b
    Example:
      run_migration.py verify --token-file token
    """
    with environment.progress("verifying") as progress:
        outcome = verify_target(environment.work, connection_of(cells_url, connection, environment), progress=progress, break_lock=environment.break_lock,
                                passwords_file=passwords_file, plant=plant_accounts)
    return environment.answer(outcome)
