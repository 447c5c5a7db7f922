"""The reference of commands, options and exit statuses as a page: `python -m migrate.cli.reference > docs/commands.md`."""

from __future__ import annotations

import inspect
import re

import click

from migrate.cli.app import COMMANDS, cli
from migrate.errors import SEVERITY, ExitStatus

HEAD = """# Commands

Start any of them with `python run_migration.py COMMAND` (or `python -m migrate COMMAND`). Options may also stand in `migration.toml`
in the work folder (long names without dashes: `cells = "https://..."`) or in the environment variable given with each; a flag wins.
Results go to stdout, talk and progress to stderr. With `--json` exactly one JSON object is printed on stdout.
"""

MEANINGS = {
    ExitStatus.OK: "done, all in order",
    ExitStatus.INTERNAL: "internal error, a defect of the program",
    ExitStatus.USAGE: "wrong use: an option, a mapping file, a missing plan",
    ExitStatus.INCOMPLETE: "finished, but items were skipped or failed, or something of the old server could not be read",
    ExitStatus.DIFFERENT: "verification found differences",
    ExitStatus.LEGACY_UNREADABLE: "the old installation cannot be read",
    ExitStatus.CELLS_UNREACHABLE: "Cells cannot be reached, or it is not a Cells",
    ExitStatus.NOT_AUTHORISED: "token missing, refused or without rights",
    ExitStatus.LOCKED: "another run holds the work folder",
    ExitStatus.STALE_PLAN: "the plan is stale",
    ExitStatus.LOCAL: "a problem of this machine's disk or of the ledger",
    ExitStatus.INTERRUPTED: "interrupted, can be resumed",
}


def commands_page() -> str:
    """The whole page, in Markdown."""
    context = click.Context(cli, info_name="run_migration.py")
    parts = [HEAD]
    for name in COMMANDS:
        if name == "run":
            continue
        command = cli.get_command(context, name)
        assert command is not None
        parts.append(_command(name, command))
    parts.append(_statuses())
    return "\n".join(parts)


def _command(name: str, command: click.Command) -> str:
    title = f"## {name}" + (" (alias `run`)" if name == "apply" else "")
    arguments = "".join(f" {p.name.upper()}" for p in command.params if isinstance(p, click.Argument) and p.name)
    rows = [f"| {_flags(p)} | {_help(p)} |" for p in command.params if isinstance(p, click.Option)]
    table = ["| option | meaning |", "|---|---|", *rows] if rows else []
    return "\n".join([title, "", f"    run_migration.py {name}{arguments} [options]", "", _prose(command.help or ""), "", *table, ""])


def _prose(text: str) -> str:
    """Help text as Markdown; blocks that click keeps as they are become code."""
    blocks = []
    for block in inspect.cleandoc(text).split("\n\n"):
        if block.startswith("\b"):
            lines = block.split("\n")[1:]
            head, rest = lines[0], lines[1:]
            blocks.append(head + "\n\n" + "\n".join("    " + line.strip() for line in rest))
        else:
            blocks.append(block)
    return "\n\n".join(blocks)


def _flags(option: click.Option) -> str:
    value = "" if option.is_flag else " " + (option.metavar or _type(option))
    return ", ".join(f"`{flag}{value}`" for flag in option.opts).replace("|", "\\|")


def _type(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return "|".join(str(c) for c in option.type.choices)
    return {"integer range": "N", "integer": "N", "text": "TEXT", "path": "PATH"}.get(option.type.name, option.type.name.upper())


def _help(option: click.Option) -> str:
    text = re.sub(r"\s+", " ", option.help or "").replace("|", "\\|")
    extra = []
    if option.required:
        extra.append("required")
    if option.multiple:
        extra.append("repeatable")
    if option.show_default and option.default is not None and not option.is_flag:
        extra.append(f"default `{option.default}`")
    if option.envvar:
        extra.append(f"`{option.envvar}`")
    return text + (f" ({'; '.join(extra)})" if extra else "")


def _statuses() -> str:
    order = ", ".join(str(number) for number in SEVERITY if number)
    rows = [f"| {status.value} | {MEANINGS[status]} |" for status in ExitStatus]
    return "\n".join(["## Exit statuses", "", f"With several reasons the first of {order} wins.", "", "| status | meaning |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    click.echo(commands_page(), nl=False)
