"""`demo`: everything, on the bundled old server, against the built-in stand-in."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from migrate.cli import options
from migrate.cli.environment import Environment
from migrate.workflow.demonstrating import demonstrate


@click.command(short_help="All of it on a bundled old server, against a built-in stand-in.")
@click.option("--keep", is_flag=True, help="Do not start from an empty demonstration folder.")
@options.common
def demo(environment: Environment, keep: bool) -> int:
    """Assess, plan, apply, verify and report the bundled old installation against the built-in stand-in for Cells.
    Needs nothing and changes nothing but the folder `demo-migration` (or --work).

    \b
    Example:
      run_migration.py demo
    """
    work = environment.work if environment.work != Path("migration") else Path("demo-migration")
    if work.exists() and not keep and (work / "DEMO").exists():
        shutil.rmtree(work)
    with environment.progress("demonstrating") as progress:
        outcome = demonstrate(work, progress=progress, say=environment.say)
    return environment.answer(outcome)
