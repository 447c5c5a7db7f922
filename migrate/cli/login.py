"""`login`: keep a checked token, or a sign-in that renews itself, for the commands that follow."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from migrate.cli import options
from migrate.cli.connection import connection_of
from migrate.cli.environment import Environment
from migrate.workflow.signing_in import sign_in, sign_in_by_code, sign_in_by_dex

DEX_SECRET = "CELLS_DEX_SECRET"


@click.command(short_help="Check a token, or sign in by browser, and keep it in the work folder.")
@options.cells
@click.option("--oauth", is_flag=True, help="Sign in through the page of Cells, in a browser on this machine; renewed by itself.")
@click.option("--oob", is_flag=True, help="With --oauth: the browser is elsewhere; copy the code that Cells shows.")
@click.option("--as", "login_name", metavar="LOGIN", help="With --oauth or --dex: without a browser; the password is asked for, or read from standard input.")
@click.option("--dex", is_flag=True, help="Cells 1.x: login and password at its Dex token service.")
@click.option("--dex-path", default="/dex/token", show_default=True, help="Path of that service.")
@click.option("--dex-client", default="cells-front", show_default=True, help=f"Its client; the client's secret is read from {DEX_SECRET}.")
@options.connection
@options.common
def login(environment: Environment, cells_url: str, oauth: bool, oob: bool, login_name: str | None, dex: bool, dex_path: str, dex_client: str,
          **connection: Any) -> int:
    """Keep a way in for the commands that follow, after checking that it is an administrator's. Without options a personal access
    token, asked for or read from standard input, kept in WORK/token; with --oauth a sign-in, kept in WORK/oauth.json (both 0600).

    \b
    Examples:
      run_migration.py login --cells https://cells.example.org
      cells admin user token -u admin -e 24h -q | run_migration.py login --cells https://cells.example.org
      run_migration.py login --cells https://cells.example.org --oauth
      run_migration.py login --cells https://cells.example.org --oauth --as admin < password-file
    """
    way = connection_of(cells_url, connection, environment)
    if dex:
        if not login_name:
            raise click.UsageError("--dex needs --as LOGIN.")
        secret = os.environ.get(DEX_SECRET, "")
        return environment.answer(sign_in_by_dex(environment.work, way, login_name, _entered(environment, "Password"), path=dex_path, client=dex_client,
                                                 secret=secret))
    if oauth:
        password = _entered(environment, "Password") if login_name else None
        return environment.answer(sign_in_by_code(environment.work, way, login=login_name, password=password, oob=oob, show=_show,
                                                  enter=lambda: _entered(environment, "Code")))
    return environment.answer(sign_in(environment.work, way, _entered(environment, "Personal access token")))


def _show(address: str) -> None:
    """Where to go. The browser is started only where there is one to see."""
    click.echo(f"Open this address in a browser and sign in as an administrator:\n  {address}", err=True)
    if sys.stderr.isatty() and (os.environ.get("DISPLAY") or sys.platform == "darwin"):
        click.launch(address)


def _entered(environment: Environment, what: str) -> str:
    if sys.stdin.isatty():
        if environment.no_input:
            raise click.UsageError(f"login asks for it ({what}): pipe it into standard input, or leave --no-input out.")
        return str(click.prompt(what, hide_input=True, err=True))
    return sys.stdin.read(20_000).rstrip("\r\n")


