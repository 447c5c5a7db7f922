"""Connection options as one value."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import click

from migrate.cli.environment import Environment
from migrate.workflow.connect import Connection


def connection_of(url: str | None, given: Mapping[str, Any], environment: Environment | None = None) -> Connection:
    """What was said on the command line and in the environment about reaching Cells. The token itself comes from
    `CELLS_TOKEN`, a file, a command or what `login` kept in the work folder, never from an argument. On a terminal a person is asked when it ends."""
    work = environment.work if environment is not None else None
    asks = environment is not None and not environment.no_input and sys.stdin.isatty() and sys.stderr.isatty()
    return Connection(url=url, token_file=given.get("token_file"), token_command=given.get("token_command"), ca_bundle=given.get("ca_bundle"),
                      insecure=bool(given.get("insecure")), workers=int(given.get("workers") or 8), work=work,
                      database=given.get("cells_database"), via=given.get("via") or "s3", ask=_ask if asks else None)


def _ask() -> str:
    click.echo("\nThe token is not accepted any more. The run waits; nothing is lost.", err=True)
    return str(click.prompt("New personal access token (empty: stop here, go on later)", default="", show_default=False, hide_input=True, err=True))
