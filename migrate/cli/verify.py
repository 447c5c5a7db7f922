"""`verify`: proves the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from migrate.cli import options, route
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.interrupt import StopSignal
from migrate.workflow.verifying import verify_target


@click.command(short_help="Prove the result from what Cells answers.")
@options.cells_again
@click.option("--passwords-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), envvar="MIGRATE_PASSWORDS_FILE",
              help="Known old passwords (CSV: old login, password; mode 0600): these people are signed in for a moment, each once.")
@click.option("--plant-accounts", is_flag=True, help="Prove that old passwords work with accounts made for it and removed again (writes to Cells).")
@click.option("--deep", is_flag=True, help="Download every file and compare its bytes with what was read on the old server. Without it sizes and "
              "checksums are compared as Cells lists them. Opens a temporary workspace to read through, and removes it.")
@click.option("--sample", type=click.IntRange(1, 100), default=100, show_default=True, metavar="PERCENT",
              help="With --deep: only so many of a hundred files; the same ones each time.")
@click.option("--share-sessions", type=click.Choice(["none", "sample", "all"]), default="sample", show_default=True,
              help="Which people with shares are asked in sessions of their own whether they find them, where they can be signed in.")
@click.option("--probe", is_flag=True,
              help="Try to upload a small file through each public link and remove it again (writes to Cells; owners may get a notice).")
@options.cells_database
@route.via_too
@options.connection
@options.common
def verify(environment: Environment, cells_url: str | None, passwords_file: Path | None, plant_accounts: bool, deep: bool, sample: int,
           share_sessions: str, probe: bool, **connection: Any) -> int:
    """Read Cells on its own and compare people, rights and files with the old server. Exit 4 when anything differs.

    \b
    Example:
      run_migration.py verify --token-file token
      run_migration.py verify --token-file token --deep --sample 10
    """
    with StopSignal() as stop, environment.progress("verifying") as progress:
        outcome = verify_target(environment.work, connection_of(cells_url, connection, environment), progress=progress, break_lock=environment.break_lock,
                                passwords_file=passwords_file, plant=plant_accounts, deep=sample if deep else 0, stop=stop,
                                people=share_sessions, probe=probe)
    return environment.answer(outcome)
