"""Who has an account where auth.sql does not tell? users.ser of auth.serial and auth.remote, the foreign table of auth.custom_db,
and accounts that auth.multi copied from a directory.

Any conf driver may stand beside any auth driver (3.3 to 8.2), so both storages ask here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from migrate.errors import MigrationError, Severity, code, finding
from migrate.extract.charset import column_text
from migrate.extract.configuration import server_url, sql_parameters, sqlite_file
from migrate.extract.plain import truth
from migrate.extract.serialfiles import accounts, serial_files
from migrate.extract.sink import FindingSink
from migrate.extract.tables import Tables

if TYPE_CHECKING:
    from migrate.extract.installation import Installation

FOREIGN_TABLE = code(
    "F1054",
    Severity.ERROR,
    "The accounts were in the foreign table {subject} (auth.custom_db), which cannot be read here: {cause}. They are listed as far as"
    " they own something, without passwords.",
    "Give a dump that holds this table too, with --database.",
)
CLEAR_PASSWORDS = code(
    "F1055",
    Severity.WARNING,
    "The foreign table {subject} held passwords in clear text; none was taken over.",
    "These people get new passwords.",
)
FILES = ("serial", "remote")
_LOCAL = ("sql", "serial")


def from_other_drivers(installation: Installation | None, findings: FindingSink) -> Iterator[tuple[str, str | None]]:
    """(login, password hash) of every account that is in none of the application's own tables."""
    if installation is None:
        return
    drivers = installation.drivers
    if any(name in FILES for name in drivers.auth):
        yield from accounts(serial_files(installation, findings))
    if "custom_db" in drivers.auth:
        yield from _foreign(installation, drivers.options_of("custom_db"), findings)


def _foreign(installation: Installation, options: Mapping[str, Any], findings: FindingSink) -> Iterator[tuple[str, str | None]]:
    table, login, password = (str(options.get("SQL_CUSTOM_TABLE" + end) or "") for end in ("", "_USER_FIELD", "_PWD_FIELD"))
    try:
        tables = _tables_of(installation, options.get("SQL_CUSTOM_DRIVER"))
        if tables is None or not table or not tables.has(table.lower(), login):
            findings(finding(FOREIGN_TABLE, "users", table or "(not named)", cause="it is not in the database that is here"))
            return
        hashed = str(options.get("SQL_CUSTOM_TABLE_PWD_HASH") or "").lower()
        if hashed == "clear":
            findings(finding(CLEAR_PASSWORDS, "users", table))
        for row in tables.rows(table.lower(), login, password):
            name = column_text(row[0])
            if name:
                yield name, None if hashed == "clear" else column_text(row[1])
    except MigrationError as error:
        findings(finding(FOREIGN_TABLE, "users", table, cause=error.message.rstrip(".")))


def _tables_of(installation: Installation, driver: Any) -> Tables | None:
    """The database of a driver's own SQL parameters: a SQLite file, the dump beside the installation, or a server."""
    from migrate.extract.database import DatabaseSource, place_of

    main = installation.databases
    if main is not None and (installation.database_option or not isinstance(driver, Mapping) or driver.get("group_switch_value", "") == "core"):
        return Tables(main.engine(), "of auth.custom_db")
    parameters = sql_parameters(driver, installation.drivers.core_conf.get("DIBI_PRECONFIGURATION"), installation.expand)
    if sqlite_file(parameters) is None and server_url(parameters) is None:
        return None
    place = place_of(installation, parameters)
    return Tables((main or DatabaseSource(place)).engine(place), "of auth.custom_db")


def copied_from_directory(installation: Installation) -> bool:
    """Whether accounts with a row may be a directory's: auth.multi with a directory as master wrote every person that signed
    in, with the hash of the directory's password, into the local driver (CACHE_MASTER_USERS_TO_SLAVE); without any driver of
    its own the application asked nobody else."""
    drivers = installation.drivers
    if not any(name in ("sql", *FILES, "custom_db") for name in drivers.auth):
        return True
    return len(drivers.auth) > 1 and drivers.auth[0] not in _LOCAL and truth(drivers.multi.get("CACHE_MASTER_USERS_TO_SLAVE"))
