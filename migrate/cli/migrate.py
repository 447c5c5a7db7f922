"""`migrate`: plan, apply, verify and report in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from migrate.cli import options, route
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.interrupt import StopSignal
from migrate.workflow.keeping import Choice
from migrate.workflow.migrating import migrate_all


@click.command(short_help="Plan, apply, verify and report in one, unattended.")
@options.legacy
@options.cells
@options.planning
@options.passwords
@options.shares
@options.files
@options.notes
@options.delta
@click.option("--accept-skips", is_flag=True, envvar="MIGRATE_ACCEPT_SKIPS", help="What the plan announced as left out is in order (exit 0).")
@route.via
@options.connection
@options.common
def migrate(environment: Environment, legacy: Path, database: str | None, path_map: tuple[str, ...], cells_url: str, mappings: Path | None,
            masks: str, data_source: str, recycle: str, comments: str, accept_skips: bool, **connection: Any) -> int:
    """Everything in one go: plan, apply, verify, report. Interrupt it at will and run it again; when all is there it writes nothing.

    \b
    Example:
      CELLS_TOKEN=... run_migration.py migrate --legacy /srv/old-pydio --cells https://cells.example.org --no-input
    """
    with StopSignal() as stop, environment.progress("migrating") as progress:
        way = connection_of(cells_url, connection, environment)
        outcome = migrate_all(environment.work, legacy, database, options.paths(path_map), way, mappings=mappings,
                              masks=masks, data_source=data_source, recycle=recycle, comments=comments, passwords=Choice.of(connection),
                              shares=options.shares_of(connection), files=options.files_of(connection), notes=options.notes_of(connection),
                              delta=options.delta_of(connection),
                              accept_skips=accept_skips, stop=stop, progress=progress,
                              say=environment.say, break_lock=environment.break_lock)
    return environment.answer(outcome)
