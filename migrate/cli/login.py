"""`login`: keep a checked token for the commands that follow."""

from __future__ import annotations

import sys
from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.signing_in import sign_in


@click.command(short_help="Check a token and keep it in the work folder.")
@options.cells
@options.connection
@options.common
def login(environment: Environment, cells_url: str, **connection: Any) -> int:
    """Ask for a personal access token (or read it from standard input), check that it is an administrator's and keep it in
    WORK/token (mode 0600). Commands that follow use it when no other token is given.

    \b
    Examples:
      run_migration.py login --cells https://cells.example.org
      cells admin user token -u admin -e 24h -q | run_migration.py login --cells https://cells.example.org
    """
    if sys.stdin.isatty():
        if environment.no_input:
            raise click.UsageError("login asks for the token: pipe it into standard input, or leave --no-input out.")
        token = click.prompt("Personal access token", hide_input=True, err=True)
    else:
        token = sys.stdin.read(20_000)
    return environment.answer(sign_in(environment.work, connection_of(cells_url, connection), token))
