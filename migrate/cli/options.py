"""Options that several commands share. Flags win over `MIGRATE_…` variables, these over `migration.toml` in the work folder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from migrate import logs
from migrate.cli.environment import Environment
from migrate.errors import ExitStatus, MigrationError
from migrate.transform.ways import POLICIES

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]


class SettingsUnreadable(MigrationError):
    """`migration.toml` is not valid TOML, or names an option that does not exist."""

    code = "E2001"
    title = "{path} cannot be used: {detail}."
    remedy = "Correct that line; keys are the long options without dashes in front, e.g. cells = \"https://cells.example.org\"."
    exit_status = ExitStatus.USAGE


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _stack(*decorators: Decorator) -> Decorator:
    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function
    return apply


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--work --json --quiet --no-input --log-format --verbose`; the function gets an Environment as first argument."""

    @_stack(
        click.option("--work", type=click.Path(path_type=Path, file_okay=False), default=Path("migration"), show_default=True, is_eager=True,
                     envvar="MIGRATE_WORK", callback=_settings, help="Folder of this migration: ledger, reports, mapping files."),
        click.option("--json", "asked_json", is_flag=True, help="Print exactly one JSON object on stdout."),
        click.option("--quiet", is_flag=True, envvar="MIGRATE_QUIET", help="No talk and no progress."),
        click.option("--verbose", is_flag=True, envvar="MIGRATE_VERBOSE", help="Log every event."),
        click.option("--no-input", is_flag=True, envvar="MIGRATE_NO_INPUT", help="Never ask; what would need an answer is refused."),
        click.option("--log-format", type=click.Choice(["text", "json"]), default="text", envvar="MIGRATE_LOG_FORMAT", help="Form of the log on stderr."),
        click.option("--break-lock", is_flag=True, help="Take over the work folder of a run that is certainly gone."),
    )
    @click.pass_context
    @functools.wraps(function)
    def command(context: click.Context, /, *, work: Path, asked_json: bool, quiet: bool, verbose: bool, no_input: bool, log_format: str,
                break_lock: bool, **rest: Any) -> int:
        logs.configure(log_format, quiet, verbose)
        environment = Environment(context.info_name or "", work, asked_json, quiet, no_input, log_format, break_lock)
        return int(function(environment, **rest))

    return command


def _settings(context: click.Context, _: click.Parameter, work: Path) -> Path:
    path = work / "migration.toml"
    if path.is_file():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingsUnreadable(path=path, detail=error) from None
        if any(key in ("token", "cells-token", "password") for key in values):
            raise SettingsUnreadable(path=path, detail="a token or password does not belong into this file; use token-file")
        known = {name: parameter for parameter in context.command.params for name in (o.lstrip("-") for o in parameter.opts)}
        context.default_map = {known[key].name: value for key, value in values.items() if key in known} | (context.default_map or {})
    return work


legacy = _stack(
    click.option("--legacy", type=click.Path(path_type=Path), required=True, envvar="MIGRATE_LEGACY",
                 help="Folder of the old installation (the one with conf/ and data/). Only ever read."),
    click.option("--database", metavar="URL|FILE.sql", envvar="MIGRATE_DATABASE",
                 help="Its database, when it is not where its configuration says: a SQLAlchemy URL or a dump. A password in the URL is better "
                      "given by MIGRATE_DATABASE than on the command line."),
    click.option("--path-map", multiple=True, metavar="OLD=NEW", help="Where a folder of the dead machine lies now, e.g. /srv=/mnt/backup/srv. Repeatable."),
)

connection = _stack(
    click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), envvar="MIGRATE_TOKEN_FILE",
                 help="File that holds an administrator's personal access token (mode 0600)."),
    click.option("--token-command", metavar="CMD", envvar="MIGRATE_TOKEN_COMMAND", help="Command that prints such a token; run again when the token ends."),
    click.option("--ca-bundle", type=click.Path(path_type=Path, exists=True), envvar="MIGRATE_CA_BUNDLE", help="Certificates to trust."),
    click.option("--insecure", is_flag=True, envvar="MIGRATE_INSECURE", help="Do not verify TLS. Said loudly; for a laboratory only."),
    click.option("--workers", type=click.IntRange(1, 64), default=8, show_default=True, envvar="MIGRATE_WORKERS", help="Requests at the same time."),
)

cells_database = click.option(
    "--cells-database", metavar="URL", envvar="MIGRATE_CELLS_DATABASE",
    help="Database of Cells (SQLAlchemy URL), to put old passwords of people (--passwords keep) and links (--link-passwords sql) into it and to prove them. "
         "Better given by MIGRATE_CELLS_DATABASE than on the command line, since it holds a password.")

passwords = _stack(
    click.option("--passwords", type=click.Choice(POLICIES), default="temporary", show_default=True, envvar="MIGRATE_PASSWORDS",
                 help="How people sign in: a temporary password handed over to each; keep the old one (see --keep-by); reset by a mail of Cells; none. "
                      "For single people: column password of users.csv."),
    click.option("--keep-by", type=click.Choice(["sql", "rpc"]), default="sql", show_default=True, envvar="MIGRATE_KEEP_BY",
                 help="With `keep`. sql: a script for the database of Cells, for you to run, or run by the tool with --cells-database. rpc: an internal "
                      "job of Cells; stored passwords then stand in its logs. Both go round a guard of Cells; it is your server."),
    cells_database,
    click.option("--password-length", type=click.IntRange(16, 64), default=16, show_default=True, help="Characters of a temporary password."),
    click.option("--password-alphabet", metavar="CHARACTERS", default="", help="Its characters (default: letters and digits without look-alikes)."),
    click.option("--password-must-change/--no-password-must-change", default=True, show_default=True,
                 help="A temporary password has to be changed at the first sign-in."),
)

shares = _stack(
    click.option("--strict-no-download", is_flag=True, envvar="MIGRATE_STRICT_NO_DOWNLOAD",
                 help="Leave out links that were for looking only: Cells hides the download button, but gives the files to who asks for them."),
    click.option("--revive", type=click.Choice(["expired", "exhausted", "ownerless"]), multiple=True,
                 help="Publish dead links again: expired ones for 30 days, used up ones with their whole limit, ownerless shares for --new-owner. Repeatable."),
    click.option("--new-owner", metavar="LOGIN", default="", help="Old login that gets the shares whose owner is gone, with --revive ownerless."),
    click.option("--link-passwords", type=click.Choice(["new", "sql", "rpc"]), default="new", show_default=True, envvar="MIGRATE_LINK_PASSWORDS",
                 help="Links whose password only the old server knows. new: a new one, told to the owner. sql: besides, the old one is brought back by a "
                      "script for the database of Cells, or by the tool with --cells-database. rpc: by an internal job of Cells, in whose logs the stored "
                      "passwords then stand."),
)


def shares_of(given: dict[str, Any]) -> dict[str, Any]:
    """What was said about shares, taken out of `given`."""
    names = ("strict_no_download", "revive", "new_owner", "link_passwords")
    found = {name: given.pop(name, None) for name in names}
    found["revive"] = sorted(found["revive"] or ())
    if "ownerless" in found["revive"] and not found["new_owner"]:
        raise click.UsageError("--revive ownerless needs --new-owner LOGIN")
    return found


files = _stack(
    click.option("--in-place-copy", type=click.Choice(["script", "run"]), default="script", show_default=True, envvar="MIGRATE_IN_PLACE_COPY",
                 help="Copies for workspaces with route in-place. script: WORK/copy holds a script for the machine of Cells. run: this is that machine, "
                      "copy when the plan is applied."),
    click.option("--hand-over-original", is_flag=True, envvar="MIGRATE_HAND_OVER_ORIGINAL",
                 help="The folder of a workspace with route in-place may be the old one itself. Cells then writes .pydio into every folder of it."),
    click.option("--dates", type=click.Choice(["none", "sql", "field"]), default="none", show_default=True, envvar="MIGRATE_DATES",
                 help="Dates of uploaded files, which Cells sets to the time of the upload. none: stay so. sql: a script for the database of Cells "
                      "(WORK/dates.sql), or done by the tool with --cells-database. field: as a field of each file (slow: 0.3 s a file). Files in place "
                      "keep theirs anyway."),
    click.option("--hidden-files", type=click.Choice(["carry", "skip"]), default="carry", show_default=True, envvar="MIGRATE_HIDDEN_FILES",
                 help="Files and folders whose name starts with a dot; Cells keeps but does not show them."),
)


def files_of(given: dict[str, Any]) -> dict[str, Any]:
    """What was said about files, taken out of `given`."""
    return {name: given.pop(name, None) for name in ("in_place_copy", "hand_over_original", "dates", "hidden_files")}


delta = _stack(
    click.option("--compare-content", is_flag=True, envvar="MIGRATE_COMPARE_CONTENT",
                 help="A later plan reads every old file again: one whose content changed while its size and date stayed is carried, too. Takes as long as "
                      "reading all files."),
    click.option("--source-wins", is_flag=True, help="A later plan brings back what people changed or removed in Cells since the last run, each "
                                                     "named in the plan. Without it their changes stay."),
    click.option("--removed-people", type=click.Choice(["lock", "keep"]), default="lock", show_default=True, envvar="MIGRATE_REMOVED_PEOPLE",
                 help="Accounts of an earlier run whose people the old server has no more. lock: nobody signs in with them. keep: they stay open. Rights that "
                      "the migration gave are taken back either way."),
    click.option("--delete-removed", type=click.Choice(["files", "groups", "roles", "users", "workspaces"]), multiple=True,
                 help="Delete in Cells what an earlier run made and the old server has no more, unless somebody changed it. Not undone by `undo`. Repeatable."),
)


def delta_of(given: dict[str, Any]) -> dict[str, Any]:
    """What was said about changes since an earlier run, taken out of `given`."""
    found = {name: given.pop(name, None) for name in ("compare_content", "source_wins", "removed_people", "delete_removed")}
    return {**found, "delete_removed": sorted(found["delete_removed"] or ())}


passwords_file = click.option(
    "--passwords-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), envvar="MIGRATE_PASSWORDS_FILE",
    help="Known passwords of people (CSV: old login, password, and a token where there is one; mode 0600). Bookmarks of people who had an account in "
         "Cells before are set with them. Each is tried once.")

notes = _stack(
    passwords_file,
    click.option("--bookmarks-by", type=click.Choice(["session", "rpc"]), default="session", show_default=True, envvar="MIGRATE_BOOKMARKS_BY",
                 help="Bookmarks, which only their owner may set. session: as the person, with the password this tool made or one of --passwords-file; "
                      "for others they are listed in bookmarks.csv. rpc: for others by an internal job of Cells that asks nobody."),
)


def notes_of(given: dict[str, Any]) -> dict[str, Any]:
    """What was said about notes, taken out of `given`."""
    return {name: given.pop(name, None) for name in ("bookmarks_by", "passwords_file")}


cells = click.option("--cells", "cells_url", required=True, metavar="URL", envvar="MIGRATE_CELLS", help="Address of the new server.")

cells_again = click.option("--cells", "cells_url", metavar="URL", envvar="MIGRATE_CELLS", help="Address of the new server (default: the one planned for).")

selection = _stack(
    click.option("--only", multiple=True, metavar="KIND", envvar="MIGRATE_ONLY",
                 help="Carry out only this kind now (users, workspaces, files, shares, metadata, …) and what it needs. Repeatable."),
    click.option("--user", multiple=True, metavar="LOGIN", envvar="MIGRATE_USER",
                 help="Carry out only what concerns this old login now: account, rights, personal files, shares. Repeatable."),
    click.option("--workspace", multiple=True, metavar="ID", envvar="MIGRATE_WORKSPACE",
                 help="Carry out only this old workspace (its id) now, with its files and shares. Repeatable."),
)

planning = _stack(
    click.option("--mappings", type=click.Path(path_type=Path, file_okay=False), envvar="MIGRATE_MAPPINGS",
                 help="Folder of edited mapping files (default: WORK/mappings)."),
    click.option("--masks", type=click.Choice(["enforce", "ignore"]), default="enforce", show_default=True, envvar="MIGRATE_MASKS",
                 help="Whether path masks of roles were enforced. `ignore` only if this build never did (the free Pydio 8 did not)."),
    click.option("--data-source", default="legacy", show_default=True, envvar="MIGRATE_DATA_SOURCE", help="Data source in Cells that takes the old files."),
    click.option("--recycle", type=click.Choice(["skip", "carry", "restore"]), default="skip", show_default=True, envvar="MIGRATE_RECYCLE",
                 help="Content of recycle bins. carry: as a folder. restore: into the recycle bin of the workspace in Cells."),
    click.option("--comments", type=click.Choice(["both", "field", "archive"]), default="both", show_default=True, envvar="MIGRATE_COMMENTS",
                 help="Comments on files: as a field of the file in Cells, in the file comments.csv beside the report, or both."),
)


def paths(pairs: tuple[str, ...]) -> dict[str, str]:
    """`OLD=NEW` pairs as a mapping; click's usage error for a broken one."""
    result = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not equals or not old.startswith("/") or not new:
            raise click.BadParameter(f"{pair!r} is not OLD=NEW with an absolute OLD", param_hint="--path-map")
        result[old] = new
    return result
