"""Where is the old installation, which version wrote it, and where does everything of the dead machine lie now?

`locate` looks at a folder with `conf/` and `data/` (or an install root, or the packages' layouts), reads which drivers
were used, and gives an `Installation`. Paths of the dead machine keep their old spelling and are mapped by `here`."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate.errors import ExitStatus, Finding, MigrationError, Severity, code, finding
from migrate.extract.configuration import DriverConfiguration, drivers, instance_name, read_bootstrap
from migrate.extract.layout import find_conf, find_data, find_prefix, version_of_files
from migrate.extract.php.config import PhpConfig, read_config
from migrate.extract.records import InstallationFacts
from migrate.extract.regular import read_regular
from migrate.extract.static import read_plugin_files, static_workspaces

if TYPE_CHECKING:
    from migrate.extract.database import DatabaseSource
    from migrate.extract.store import Store

INSTALL_VARIABLE, DATA_VARIABLE = "AJXP_INSTALL_PATH", "AJXP_DATA_PATH"
NO_PREFIX = "/INSTALL_PATH"
"""Stands for the install folder of the dead machine where nothing tells its name."""


class NotAnInstallation(MigrationError):
    """The folder holds neither conf/ nor data/ of AjaXplorer or Pydio."""

    code = "E1010"
    title = "{folder} is not an installation of AjaXplorer or Pydio: {cause}."
    remedy = "Give the folder that holds conf/ and data/ (with --legacy); copy both from the old server if one is missing."
    exit_status = ExitStatus.LEGACY_UNREADABLE


class InstallationUnreadable(MigrationError):
    """The folder is there but this user may not read it."""

    code = "E1011"
    title = "{folder} cannot be read: {cause}."
    remedy = "Run as a user who may read the whole folder, or copy it so that you can."
    exit_status = ExitStatus.LEGACY_UNREADABLE


VERSION_UNKNOWN = code(
    "F1001",
    Severity.WARNING,
    "The version of the old server is not written down; from the shape of its files it is taken for {version}.",
    "Compare with what its administrators know. Values are recognised by their form, so the reading does not depend on it.",
)
NO_PREFIX_FOUND = code(
    "F1002",
    Severity.INFO,
    "Nothing tells in which folder the application was installed on the old machine.",
    "If shares are reported as outside their workspace, name it with --path-map OLD=NEW, e.g. /var/www/pydio=DIR.",
)
NO_DATA = code(
    "F1003",
    Severity.ERROR,
    "The data folder {path} of the configuration is not here; {used} is read instead.",
    "Copy it from the old server and name it with --path-map OLD=NEW.",
)


NO_BOOTSTRAP = code(
    "F1004",
    Severity.ERROR,
    "{subject} is missing, so nothing tells which drivers were used; {driver} is taken, because its storage is there.",
    "Copy plugins/boot.conf of the data folder too. Until then accounts of a directory may be taken for local ones.",
)


@dataclass
class Installation:
    """An old installation as found. Paths called `…_path` are of the dead machine (`str`), those called `…_folder` are
    here. `drivers`, `static` and `files` (options of plugins in conf/conf.*.inc) may hold passwords and have no repr.
    `version_certain`: false where the version is a guess."""

    root: Path
    conf_folder: Path
    data_folder: Path
    install_path: str
    data_path: str
    version: str
    path_map: tuple[tuple[str, str], ...]
    constants: Mapping[str, Any] = field(repr=False)
    drivers: DriverConfiguration = field(repr=False)
    static: Mapping[str, Mapping[str, Any]] = field(repr=False)
    server_uuid: str | None
    root_encoding: str | None
    database_option: str | None = field(default=None, repr=False)
    findings: list[Finding] = field(default_factory=list)
    version_certain: bool = True
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)

    @property
    def facts(self) -> InstallationFacts:
        """What was found, as a record."""
        return InstallationFacts(
            application="Pydio" if _numbers(self.version) >= (5, 0, 4) else "AjaXplorer",
            version=self.version,
            install_path=None if self.install_path == NO_PREFIX else self.install_path,
            conf=self.drivers.conf,
            auth=",".join(self.drivers.auth),
            database=self.database_kind,
        )

    @cached_property
    def databases(self) -> DatabaseSource | None:
        """Where the SQL databases are; None where nothing is in SQL. Raises what `find_databases` raises."""
        from migrate.extract.database import find_databases

        return find_databases(self)

    @property
    def database_kind(self) -> str | None:
        """`sqlite`, `mysql`, `postgresql` or None."""
        return self.databases.kind if self.databases is not None else None

    @property
    def charset(self) -> str | None:
        """Charset of file names, from AJXP_LOCALE or encoding.php (`en_US.ISO-8859-15`); None where it is UTF-8 or unknown."""
        locale = str(self.constants.get("AJXP_LOCALE") or self.root_encoding or "")
        name = locale.partition(".")[2].partition("@")[0]
        return name if name and name.lower().replace("-", "") != "utf8" else None

    def open_store(self) -> Store:
        """The storage behind this installation. Raises DatabaseMissing, DatabaseUnreadable and the like (status 5)."""
        from migrate.extract.serial import SerialStore
        from migrate.extract.sql import SqlStore

        if self.drivers.conf == "sql":
            assert self.databases is not None
            return SqlStore(self.databases, self)
        return SerialStore(self)

    def expand(self, text: str) -> str:
        """A stored path with AJXP_DATA_PATH and AJXP_INSTALL_PATH replaced; still a path of the dead machine."""
        return text.replace(DATA_VARIABLE, self.data_path).replace(INSTALL_VARIABLE, self.install_path)

    def find(self, path: str) -> Path | None:
        """Where a path of the dead machine lies now, None where that is not known or does not exist.

        `..` is resolved before mapping, so that no path climbs out of what it is mapped to. Links on the way are not
        followed here."""
        place = Path(self.here(path))
        return place if os.path.lexists(place) else None

    def here(self, path: str) -> str:
        """Like `find`, but always gives a path: an unmapped one lies below `external/` of the folder, where an
        administrator may put it, and never stands for a file of this machine that happens to have the same name."""
        clean = posixpath.normpath(self.expand(path).replace("\\", "/") or "/")
        for old, new in self._map:
            if clean == old or clean.startswith(old.rstrip("/") + "/"):
                return os.path.join(new, clean[len(old.rstrip("/")) :].lstrip("/")).rstrip("/") or "/"
        return os.path.join(self.root, "external", clean.lstrip("/"))

    translate = here

    @cached_property
    def _map(self) -> list[tuple[str, str]]:
        """Old prefix -> new prefix, longest first; what the administrator said comes before what was found."""
        given = sorted(self.path_map, key=lambda pair: -len(pair[0]))
        found = [(self.data_path, str(self.data_folder)), (self.install_path, str(self.root))]
        if (self.root / "conf") != self.conf_folder:
            found.append((self.install_path.rstrip("/") + "/conf", str(self.conf_folder)))
        return given + sorted(((_clean(old), new) for old, new in found if old), key=lambda pair: -len(pair[0]))

    @cached_property
    def public_path(self) -> str:
        """Folder of the public links on the dead machine, by constant (up to 3.2) or default; core.ajaxplorer options of
        later versions are in the storage (`PUBLIC_DOWNLOAD_FOLDER`)."""
        constant = self.constants.get("PUBLIC_DOWNLOAD_FOLDER")
        if isinstance(constant, str) and constant:
            return self.expand(constant)
        return self.install_path + "/public" if _numbers(self.version) < (3, 3) else self.data_path + "/public"

    @cached_property
    def public_folder(self) -> str | None:
        """The default public folder here, None where there is none."""
        place = self.here(self.public_path)
        return place if os.path.isdir(place) else None


def locate(legacy: Path, database: str | None = None, path_map: Mapping[str, str] | None = None) -> Installation:
    """Find and read the installation in `legacy`. `database`: a SQLAlchemy URL or a dump or SQLite file. `path_map`: old
    prefix -> new prefix. Raises NotAnInstallation or InstallationUnreadable; what is odd but readable is in `findings`."""
    legacy = Path(os.path.abspath(legacy))
    pairs = tuple((_clean(old), os.path.abspath(new)) for old, new in (path_map or {}).items())
    try:
        if not legacy.is_dir():
            raise NotAnInstallation(folder=legacy, cause="there is no such folder")
        os.listdir(legacy)
        root, conf = find_conf(legacy, pairs)
    except PermissionError as error:
        raise InstallationUnreadable(folder=legacy, cause=error.strerror) from None
    if conf is None:
        raise NotAnInstallation(folder=legacy, cause="no configuration files were found in conf/ or server/conf/")
    findings: list[Finding] = []
    known, plugins = _read_constants(conf, findings)
    data_expression = str(known.get(DATA_VARIABLE) or INSTALL_VARIABLE + "/data")
    data, data_found = find_data(root, data_expression, pairs)
    if not data_found and (conf / "conf.php").is_file():
        data, data_found = root, True  # up to 3.2 data lay in the install folder itself, beside the plugins' code
    if data is None:
        data = root
    if not data_found:
        findings.append(finding(NO_DATA, "installation", str(root), path=data_expression, used=data))
    boot, problems = read_bootstrap(data / "plugins" / "boot.conf")
    findings += problems
    directory = _directory(conf)
    static, problems = static_workspaces(conf, known, directory)
    findings += problems
    version, certain = version_of_files(conf, data, known, static)
    if not certain:
        findings.append(finding(VERSION_UNKNOWN, "installation", str(legacy), version=version))
    install = find_prefix(root, conf, data, data_expression)
    if install is None:
        findings.append(finding(NO_PREFIX_FOUND, "installation", str(legacy)))
    inc, problems = read_plugin_files(conf, known, directory)
    findings += problems
    if not boot and not plugins:
        boot = default_storage(root, data, _numbers(version))
        if boot:
            findings.append(finding(NO_BOOTSTRAP, "configuration", "bootstrap.json", driver=instance_name(boot["core.conf"]["UNIQUE_INSTANCE_CONFIG"])))
    chosen = drivers(boot, plugins, files=inc, newer=_numbers(version) >= (4, 3))
    findings += chosen.findings
    prefix = install or NO_PREFIX
    encoding = data / "plugins" / "boot.conf" / "encoding.php"
    root_encoding = read_config(encoding).variables.get("ROOT_ENCODING") if encoding.is_file() else None
    return Installation(
        root=root,
        conf_folder=conf,
        data_folder=data,
        install_path=prefix,
        data_path=_clean(data_expression.replace(INSTALL_VARIABLE, prefix)),
        version=version,
        path_map=pairs,
        constants=known,
        drivers=chosen,
        static=static,
        server_uuid=_server_uuid(data),
        root_encoding=root_encoding if isinstance(root_encoding, str) else None,
        database_option=database,
        findings=findings,
        version_certain=certain,
        files=inc,
    )


_CONTEXT_FILES = ("bootstrap_context.php", "bootstrap_conf.php", "base.conf.php", "conf.php", "VERSION.php", "bootstrap_plugins.php")


def default_storage(root: Path, data: Path, version: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """What bootstrap.json would hold where there is none: the storage that is there. Nothing for 4.2 and before (no such
    file then) and for the file drivers up to 6.0 (their default); `boot` is the application's own word for "not installed"."""
    from migrate.extract.database import find_dumps

    if version < (4, 3) or (version < (6, 2) and (data / "plugins" / "auth.serial" / "users.ser").is_file()):
        return {}
    databases = sorted((data / "plugins" / "conf.sql").glob("*.db"))
    kind = "sqlite3" if databases else "mysql" if find_dumps(root, data) else None
    if kind is not None:
        place = {"sqlite3_database": f"{DATA_VARIABLE}/plugins/conf.sql/{databases[0].name}"} if databases else {}
        preset = {"group_switch_value": kind, f"{kind}_driver": kind, **place}
        return {"core.conf": {"UNIQUE_INSTANCE_CONFIG": "conf.sql", "DIBI_PRECONFIGURATION": preset}, "core.auth": {"MASTER_INSTANCE_CONFIG": "auth.sql"}}
    serial = (data / "plugins" / "auth.serial").is_dir() or version < (6, 2)
    if serial and version < (6, 2):
        return {}
    name = "serial" if serial else "boot"
    return {"core.conf": {"UNIQUE_INSTANCE_CONFIG": "conf." + name}, "core.auth": {"MASTER_INSTANCE_CONFIG": "auth." + name}}


def _read_constants(conf: Path, findings: list[Finding]) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Constants and `$PLUGINS` of the configuration files. AJXP_INSTALL_PATH stays a variable: its value is not here."""
    constants: dict[str, Any] = {name: INSTALL_VARIABLE for name in (INSTALL_VARIABLE, "INSTALL_PATH")}
    constants["AJXP_CONF_PATH"] = INSTALL_VARIABLE + "/conf"
    directory = _directory(conf)
    variables: Mapping[str, Any] = {}
    for name in _CONTEXT_FILES:
        path = conf / name
        if path.is_file():
            read: PhpConfig = read_config(path, constants, variables=variables, directory=directory)
            constants, variables = dict(read.constants), read.variables
            findings.extend(read.findings)
    plugins = dict(variables.get("PLUGINS") or {}) if isinstance(variables.get("PLUGINS"), dict) else {}
    for old, new in (("CONF_STORAGE", "CONF_DRIVER"), ("AUTH_DRIVER", "AUTH_DRIVER")):
        if isinstance(variables.get(old), dict) and new not in plugins:
            plugins[new] = variables[old]
    return constants, plugins


def _directory(conf: Path) -> str:
    """The conf folder as the old machine called it."""
    return INSTALL_VARIABLE + ("/server/conf" if conf.parent.name == "server" else "/conf")


def _server_uuid(data: Path) -> str | None:
    try:
        text = read_regular(data / "plugins" / "boot.conf" / "server_uuid", 4096).decode("ascii").strip()
    except (OSError, ValueError):
        return None
    return text if len(text) == 32 else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in version.split(".")[:3])


def _clean(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/"))
