"""`apply` (alias `run`): carries out the plan."""

from __future__ import annotations

from typing import Any

import click

from migrate.cli import options, route
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.errors import ExitStatus
from migrate.interrupt import StopSignal
from migrate.transform.selection import Selection
from migrate.workflow.applying import apply_plan, preview


@click.command(short_help="Carry out the plan; resumes what was interrupted.")
@options.cells_again
@click.option("--dry-run", is_flag=True, help="Say what would be done, do nothing.")
@click.option("--accept-skips", is_flag=True, envvar="MIGRATE_ACCEPT_SKIPS", help="What the plan announced as left out is in order (exit 0).")
@click.option("--replan", is_flag=True, help="When the old server or Cells changed since the plan: plan again instead of refusing.")
@options.selection
@options.cells_database
@route.via
@options.connection
@options.common
def apply(environment: Environment, cells_url: str | None, dry_run: bool, accept_skips: bool, replan: bool,
          only: tuple[str, ...], user: tuple[str, ...], workspace: tuple[str, ...], **connection: Any) -> int:
    """Carry out what `plan` wrote. Ctrl-C once stops after what is in flight, twice at once; run it again and it goes on.
    Running it when all is done sends no write.

    \b
    Examples:
      run_migration.py apply --token-file token
      run_migration.py apply --token-file token --workers 4 --accept-skips
      run_migration.py apply --token-file token --user bob             # a pilot: one person; the rest waits for a later apply
    """
    if dry_run:
        return environment.answer(preview(environment.work))
    with StopSignal() as stop, environment.progress("applying") as progress:
        outcome = apply_plan(environment.work, connection_of(cells_url, connection, environment), accept_skips=accept_skips, replan=replan, stop=stop,
                             progress=progress, break_lock=environment.break_lock,
                             selection=Selection(frozenset(only), frozenset(user), frozenset(workspace)))
    status = environment.answer(outcome)
    return int(status if status is not None else ExitStatus.OK)


run = apply
