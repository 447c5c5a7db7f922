"""Which files do conf.serial and auth.serial keep, and what is in each? Reading of single `.ser` files, damage included."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.php.values import WIDE, PhpValueError, as_text_key, loads_ex, loads_repaired, read_items
from migrate.extract.regular import read_regular
from migrate.extract.sink import FindingSink
from migrate.extract.store import Unreadable

if TYPE_CHECKING:
    from migrate.extract.installation import Installation

FILE_DAMAGED = code(
    "F1060",
    Severity.ERROR,
    "{subject} is damaged ({cause}); {kept} entries before the damage were read, the rest is missing.",
    "Restore the file from a backup; until then what is missing is not migrated.",
)
FILE_REPAIRED = code(
    "F1061",
    Severity.WARNING,
    "{subject} holds {count} texts with a wrong length (edited by hand or converted); they were read up to their closing quote.",
    "Compare what was read from this file with the old server.",
)
FILE_UNREADABLE = code(
    "F1062",
    Severity.ERROR,
    "{subject} cannot be read: {cause}.",
    "Give the user that runs this tool read access, or copy the installation again.",
)


@dataclass(frozen=True, slots=True)
class SerialFiles:
    """Where the files are here. A file may be missing: not every version writes each."""

    users: Path
    user_folders: Path
    groups: Path
    roles: Path
    workspaces: Path
    plugins: Path
    binaries: Path
    findings: FindingSink = field(repr=False)
    _bad: set[Path] = field(default_factory=set, repr=False)

    def shown(self, path: Path) -> str:
        """A short name for findings."""
        return os.fsencode(path.relative_to(path.parents[min(2, len(path.parents) - 1)])).decode("utf-8", "backslashreplace")

    def read(self, path: Path) -> Any:
        """The value of a file: None where it is missing, Unreadable (and a finding) where it is damaged or empty."""
        data = self._bytes(path)
        if not data:
            return Unreadable("it cannot be read or is empty", 0) if path in self._bad else None
        try:
            return loads_ex(data, limits=WIDE).value
        except PhpValueError as error:
            return self._repaired(path, data, error)

    def items(self, path: Path) -> Iterator[tuple[str, Any]]:
        """Entries of a file that holds an array, one after the other. Damage is a finding; what comes before it is given."""
        data = self._bytes(path)
        if not data:
            return
        kept = 0
        try:
            for key, value in read_items(data):
                yield as_text_key(key), value
                kept += 1
        except PhpValueError as error:
            repaired = self._repaired(path, data, error, kept)
            if isinstance(repaired, Mapping):
                # Entries keep their order, so the first `kept` were given already.
                for number, (key, value) in enumerate(repaired.items()):
                    if number >= kept:
                        yield as_text_key(key), value

    def _repaired(self, path: Path, data: bytes, error: PhpValueError, kept: int = 0) -> Any:
        if "length" in error.cause:
            try:
                loaded = loads_repaired(data, limits=WIDE)
            except PhpValueError:
                pass
            else:
                self.findings(finding(FILE_REPAIRED, "files", self.shown(path), count=len(loaded.repaired)))
                return loaded.value
        cause = f"{error.cause} at byte {error.offset}"
        self._bad.add(path)
        self.findings(finding(FILE_DAMAGED, "files", self.shown(path), cause=cause, kept=kept))
        return Unreadable(cause, len(data))

    def intact(self, path: Path) -> bool:
        """Whether a file is there and was read to its end, as far as it was read until now."""
        return path.is_file() and path not in self._bad

    def undamaged(self, path: Path) -> bool:
        """Whether no damage was noticed in a file, which may be missing."""
        return path not in self._bad

    def _bytes(self, path: Path) -> bytes | None:
        """The content of a regular file. The application never leaves an empty one: such a file was cut off."""
        try:
            data = read_regular(path, WIDE.size)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._bad.add(path)
            self.findings(self._problem(path, error))
            return None
        if not data:
            self._bad.add(path)
            self.findings(finding(FILE_DAMAGED, "files", self.shown(path), cause="it is empty", kept=0))
        return data

    def _problem(self, path: Path, error: OSError) -> Finding:
        return finding(FILE_UNREADABLE, "files", self.shown(path), cause=error.strerror or "unknown reason")


def serial_files(installation: Installation, findings: FindingSink) -> SerialFiles:
    """The files by options of the drivers, else by the defaults of the era (up to 3.2 they lay below `server/`)."""
    conf, auth = installation.drivers.conf_options, installation.drivers.auth_options
    root, data = installation.root, installation.data_folder
    old = next((root / place for place in ("server/users", "users") if (root / place / "users.ser").is_file()), None)
    old = old if installation.conf_folder.parent.name == "server" or not (data / "plugins" / "auth.serial").is_dir() else None
    home = old or data / "plugins" / "auth.serial"
    store = root / "server" / "conf" if old is not None else data / "plugins" / "conf.serial"

    def place(options: Mapping[str, Any], name: str, default: Path) -> Path:
        value = options.get(name)
        if isinstance(value, str) and value:
            return Path(installation.here(value))
        return default

    folders = place(conf, "USERS_DIRPATH", home)
    workspaces = place(conf, "REPOSITORIES_FILEPATH", store / "repo.ser")
    return SerialFiles(
        users=place(auth, "USERS_FILEPATH", home / "users.ser"),
        user_folders=folders,
        groups=folders / "groups.ser",
        roles=place(conf, "ROLES_FILEPATH", home / "roles.ser"),
        workspaces=workspaces,
        plugins=workspaces.parent / "plugins_configs.ser",
        binaries=data / "plugins" / "conf.serial" / "binaries",
        findings=findings,
    )


def accounts(files: SerialFiles) -> Iterator[tuple[str, str]]:
    """(login, password hash) of users.ser."""
    for login, value in files.items(files.users):
        if isinstance(value, bytes) and login:
            yield login, value.decode("utf-8", "surrogateescape")
