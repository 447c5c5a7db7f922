"""`plan`: the rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.interrupt import StopSignal
from migrate.workflow.keeping import Choice
from migrate.workflow.rehearsal import rehearse


@click.command(short_help="Rehearse: read both sides, write the plan, change nothing.")
@options.legacy
@options.cells
@options.planning
@options.passwords
@options.shares
@options.files
@options.notes
@options.delta
@click.option("--frozen", is_flag=True, help="For the last plan before the switch: look at the old server twice and prove that nothing moves "
              "there any more; else exit 9, and what moved is named.")
@click.option("--pause", type=click.FloatRange(0, 86400), default=60.0, show_default=True, metavar="SECONDS",
              help="With --frozen: time between the two looks, at least.")
@options.connection
@options.common
def plan(environment: Environment, legacy: Path, database: str | None, path_map: tuple[str, ...], cells_url: str, mappings: Path | None,
         masks: str, data_source: str, recycle: str, comments: str, frozen: bool, pause: float, **connection: Any) -> int:
    """Read the old installation and Cells, work out every change and write it to the work folder. Sends no write to Cells.
    Proposals for mapping files are written to WORK/mappings: edit them and plan again.

    \b
    Examples:
      run_migration.py plan --legacy /srv/old-pydio --cells https://cells.example.org --token-file token
      CELLS_TOKEN=... run_migration.py plan --legacy /srv/old-pydio --cells https://cells.example.org --masks ignore
    """
    with StopSignal() as stop, environment.progress("planning") as progress:
        way = connection_of(cells_url, connection, environment)
        outcome = rehearse(environment.work, legacy, database, options.paths(path_map), way, mappings=mappings,
                           masks=masks, data_source=data_source, recycle=recycle, comments=comments, passwords=Choice.of(connection),
                              shares=options.shares_of(connection), files=options.files_of(connection), notes=options.notes_of(connection),
                              delta=options.delta_of(connection),
                           frozen=pause if frozen else None, stop=stop,
                           progress=progress, break_lock=environment.break_lock)
    return environment.answer(outcome)
