"""`inventory`: everything the old server holds, as one JSON object."""

from __future__ import annotations

from pathlib import Path

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.inventory import take_inventory


@click.command(short_help="Everything the old server holds, as JSON.")
@options.legacy
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file (mode 0600) instead of stdout.")
@click.option("--hash", "hashes", is_flag=True, help="Add the SHA-256 of every file (reads them all).")
@click.option("--with-secrets", is_flag=True, help="Show clear passwords of links where the old format stores them.")
@options.common
def inventory(environment: Environment, legacy: Path, database: str | None, path_map: tuple[str, ...], output: Path | None, hashes: bool,
              with_secrets: bool) -> int:
    """Everything the old server holds, as one JSON object. Needs no PHP, no running server and no Cells.

    \b
    Examples:
      run_migration.py inventory --legacy /srv/old-pydio --output old.json
      run_migration.py inventory --legacy /srv/old-pydio --database dump.sql --path-map /srv=/mnt/backup/srv --hash --output old.json
    """
    outcome = take_inventory(legacy, database, options.paths(path_map), output, hashes=hashes, with_secrets=with_secrets)
    if output is None:
        environment.say(outcome.verdict)
        return outcome.exit
    return environment.answer(outcome)
