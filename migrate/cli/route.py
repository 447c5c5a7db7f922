"""Which way do the bytes of files take? Options of the commands that carry or prove them."""

from __future__ import annotations

import click

via = click.option(
    "--via", type=click.Choice(["s3", "dav"]), default="s3", show_default=True, envvar="MIGRATE_VIA",
    help="Way of the files' bytes. s3: the gateway of Cells (/io). dav: its webDAV (/dav), where only that is let through; slow, one file at a time.")

via_too = click.option(
    "--via", type=click.Choice(["s3", "dav"]), default="s3", envvar="MIGRATE_VIA",
    help="dav: prove besides that webDAV (/dav) works: with this token, and with the passwords of --passwords-file.")
