"""`sandbox`: serves the stand-in for a Cells server."""

from __future__ import annotations

import click

from migrate.cells.sandbox.server import run as serve


@click.command(short_help="Serve a stand-in for Cells, to rehearse against.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--latency", "latency_ms", type=click.IntRange(0), default=0, show_default=True, metavar="MS", help="Delay of every answer.")
def sandbox(port: int, latency_ms: int) -> int:
    """Serve an in-memory stand-in for a Cells server on 127.0.0.1. When it is ready it prints one JSON line
    {"url": ..., "token": ...}; it forgets everything when it ends (Ctrl-C).

    \b
    Example:
      run_migration.py sandbox --port 8080
    """
    serve(port, latency_ms)
    return 0
