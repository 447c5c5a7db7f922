"""`verify`: proves the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.verifying import verify_target


@click.command(short_help="Prove the result from what Cells answers.")
@options.cells_again
@click.option("--passwords", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="CSV of login,password (mode 0600) of people who are signed in as a check; nobody's password is ever guessed.")
@click.option("--probe", is_flag=True, help="With --passwords: also write and remove a small file where a person may write.")
@options.connection
@options.common
def verify(environment: Environment, cells_url: str | None, passwords: Path | None, probe: bool, **connection: Any) -> int:
    """Read Cells on its own and compare people, rights and files with the old server. Exit 4 when anything differs.

    \b
    Example:
      run_migration.py verify --token-file token
    """
    with environment.progress("verifying") as progress:
        outcome = verify_target(environment.work, connection_of(cells_url, connection), passwords=passwords, probe=probe, progress=progress)
    return environment.answer(outcome)
