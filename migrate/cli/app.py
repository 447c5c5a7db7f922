"""Puts the commands together and turns exceptions into exit statuses, in one place."""

from __future__ import annotations

import errno
import importlib
import json
import signal
import sys
import traceback
from collections.abc import Sequence

import click

from migrate import __version__
from migrate.errors import ExitStatus, MigrationError, finding_of
from migrate.ledger.errors import DiskFailed
from migrate.logs import redact
from migrate.workflow.outcome import Outcome

NO_DISK = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.ENAMETOOLONG})
"""What the operating system says when a file of ours cannot be written."""

COMMANDS = {
    "inventory": "inventory", "assess": "assess", "plan": "plan", "apply": "apply", "run": "apply", "verify": "verify", "undo": "undo",
    "finish": "finish", "status": "status", "report": "report", "export": "export", "explain": "explain", "doctor": "doctor",
    "login": "login", "logout": "logout", "migrate": "migrate", "demo": "demo", "sandbox": "sandbox",
}


class Commands(click.Group):
    """Loads a command's file when it is asked for."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module("migrate.cli." + COMMANDS[name])
        return getattr(module, name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="run_migration.py")
def cli() -> None:
    """Move an organisation from AjaXplorer / Pydio (3 to 8) to Pydio Cells.

    \b
    The usual way:
      run_migration.py assess  --legacy /srv/old-pydio            what is there, what will come across
      run_migration.py doctor  --cells https://cells.example.org  is the new server fit
      run_migration.py plan    --legacy /srv/old-pydio --cells https://cells.example.org
      run_migration.py apply                                      do it; interrupt and run again at will
      run_migration.py verify                                     prove it
      run_migration.py finish                                     remove what only the tool needed

    Nothing is ever written to the old installation. Try `run_migration.py demo` first: it needs nothing.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and leave with the contract's exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(int(run(arguments)))


def _terminated(_number: int, _frame: object) -> None:
    """SIGTERM is Ctrl-C for commands that have no loop of their own to end."""
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> ExitStatus:
    """Run one command line; gives its exit status. Every error ends here."""
    asked_json = "--json" in arguments
    command = next((a for a in arguments if not a.startswith("-")), "")
    try:
        status = cli.main(args=list(arguments), prog_name="run_migration.py", standalone_mode=False)
        return ExitStatus(status) if status is not None else ExitStatus.OK
    except MigrationError as error:
        return _failed(command, asked_json, error)
    except click.ClickException as error:
        if asked_json:
            click.echo(json.dumps(Outcome(error.format_message(), ExitStatus.USAGE).as_json(command)))
        error.show(sys.stderr)
        return ExitStatus.USAGE
    except (click.exceptions.Abort, KeyboardInterrupt):
        if asked_json:
            click.echo(json.dumps(Outcome("Interrupted. Run the same command again to go on.", ExitStatus.INTERRUPTED).as_json(command)))
        click.echo("Interrupted. Run the same command again to go on.", err=True)
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return ExitStatus.OK
    except OSError as error:
        if error.errno not in NO_DISK:
            click.echo(redact(traceback.format_exc()), err=True)
            return _failed(command, asked_json, MigrationError(detail="a defect of this program, see above"))
        return _failed(command, asked_json, DiskFailed(detail=f"{error.filename or 'the work folder'}: {error.strerror}"))
    except Exception:  # noqa: BLE001 - the one place where a defect of the program becomes its exit status; nothing goes on
        click.echo(redact(traceback.format_exc()), err=True)
        return _failed(command, asked_json, MigrationError(detail="a defect of this program, see above"))


def _failed(command: str, asked_json: bool, error: MigrationError) -> ExitStatus:
    message, remedy = redact(error.message), redact(error.next_step)
    if asked_json:
        found = finding_of(error, "run", command)
        click.echo(json.dumps(Outcome(message, error.exit_status, findings=[found]).as_json(command)))
    click.echo(f"{error.code}: {message}\n  What to do: {remedy}", err=True)
    return error.exit_status
