"""`logout`: remove the kept token or sign-in."""

from __future__ import annotations

from pathlib import Path

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.connect import Connection
from migrate.workflow.signing_in import sign_out


@click.command(short_help="Remove the kept token or sign-in.")
@click.option("--ca-bundle", type=click.Path(path_type=Path, exists=True), envvar="MIGRATE_CA_BUNDLE", help="Certificates to trust.")
@click.option("--insecure", is_flag=True, envvar="MIGRATE_INSECURE", help="Do not verify TLS. Said loudly; for a laboratory only.")
@options.common
def logout(environment: Environment, ca_bundle: Path | None, insecure: bool) -> int:
    """Remove what `login` keeps in the work folder. A sign-in by browser is revoked in Cells too.

    \b
    Example:
      run_migration.py logout
    """
    return environment.answer(sign_out(environment.work, Connection(ca_bundle=ca_bundle, insecure=insecure)))
