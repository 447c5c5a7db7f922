"""Which drivers did the old server use, with which options? bootstrap.json and the PHP files that override it.

Rules of all versions: an instance may be an object with `instance_name`, one with `group_switch_value`, or a text; SQL
parameters may point to `core`, carry a driver prefix, or be flat; `conf/bootstrap_plugins.php`, where it still exists,
wins over bootstrap.json for core.conf and core.auth (AjaXplorer 3.3 to Pydio 8.2)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sqlalchemy.engine import URL

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.regular import read_regular

BAD_JSON = code(
    "F1020",
    Severity.ERROR,
    "{subject} is no valid JSON ({cause}); {used}.",
    "Compare the file with a backup of the old server.",
)
OVERRIDDEN = code(
    "F1021",
    Severity.INFO,
    "conf/bootstrap_plugins.php is present, so its drivers are used instead of those in bootstrap.json, as the application does.",
    "If that file is a leftover that the server no longer read, remove it from the copy.",
)
UNKNOWN_DATABASE = code(
    "F1022",
    Severity.ERROR,
    "The {subject} database uses driver {driver}, which cannot be opened directly.",
    "Give the database with --database URL, or a dump of it with --database FILE.sql.",
)


@dataclass(frozen=True, slots=True)
class DriverConfiguration:
    """`conf`, `auth`: driver names without type, master first. Options as stored, values may hold passwords.
    `sql`: purpose (`conf`, `auth`, …) -> SQL parameters (`driver`, `host`, `database`, `file`, …)."""

    conf: str
    auth: tuple[str, ...]
    core_conf: Mapping[str, Any] = field(default_factory=dict, repr=False)
    core_auth: Mapping[str, Any] = field(default_factory=dict, repr=False)
    conf_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    auth_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    boot: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    multi: Mapping[str, Any] = field(default_factory=dict, repr=False)
    by_driver: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    findings: tuple[Finding, ...] = ()

    def options_of(self, auth: str) -> Mapping[str, Any]:
        """Options of one of the auth drivers, by its short name."""
        return self.by_driver.get(auth, {})


def read_bootstrap(folder: Path) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
    """bootstrap.json of `DATA/plugins/boot.conf`, or its `.bak` where it is missing or damaged."""
    findings: list[Finding] = []
    for name in ("bootstrap.json", "bootstrap.json.bak"):
        path = folder / name
        try:
            content = json.loads(read_regular(path, 32 * 2**20).decode("utf-8-sig", "surrogateescape"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            cause = error.strerror if isinstance(error, OSError) else getattr(error, "msg", None) or "not readable"
            used = "the .bak beside it is used if there is one" if name.endswith("json") else "no settings were read from it"
            findings.append(finding(BAD_JSON, "configuration", name, cause=cause, used=used))
            continue
        if isinstance(content, dict):
            return {str(k): v for k, v in content.items() if isinstance(v, dict)}, findings
        findings.append(finding(BAD_JSON, "configuration", name, cause="no object", used="it was left out"))
    return {}, findings


def instance_name(value: Any) -> str | None:
    """`conf.sql` of any stored form of an instance; None where there is none (an empty list is PHP's empty object)."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, Mapping):
        name = value.get("instance_name") or value.get("group_switch_value")
        return name if isinstance(name, str) and name else None
    return None


def short(name: str | None) -> str:
    """`sql` of `conf.sql`."""
    return (name or "").rsplit(".", 1)[-1]


def drivers(boot: Mapping[str, Any], plugins: Mapping[str, Any], *, files: Mapping[str, Mapping[str, Any]] | None = None, newer: bool) -> DriverConfiguration:
    """The drivers in force. `plugins`: `$PLUGINS` of a PHP file (wins). `files`: options of plugins in conf/*.inc,
    which count where nothing else does. `newer`: bootstrap.json decides (4.3 and later)."""
    core_conf, core_auth = _mapping(boot.get("core.conf")), _mapping(boot.get("core.auth"))
    unique = core_conf.get("UNIQUE_INSTANCE_CONFIG")
    master, slave = core_auth.get("MASTER_INSTANCE_CONFIG"), core_auth.get("SLAVE_INSTANCE_CONFIG")
    conf, conf_options = short(instance_name(unique)) or "serial", _mapping(unique)
    auth = [short(n) for n in (instance_name(master), instance_name(slave)) if n]
    by_driver = {short(instance_name(value)): _mapping(value) for value in (slave, master) if instance_name(value)}
    multi = {**core_auth, **_mapping(core_auth.get("MULTI_MODE"))}
    found: list[Finding] = []
    php_conf, php_auth = _mapping(plugins.get("CONF_DRIVER")), _mapping(plugins.get("AUTH_DRIVER"))
    if (php_conf or php_auth) and newer and boot:
        found.append(finding(OVERRIDDEN, "configuration", "bootstrap_plugins.php"))
    if php_conf:
        conf, conf_options = short(str(php_conf.get("NAME", "serial"))), _mapping(php_conf.get("OPTIONS"))
    if php_auth:
        auth, by_driver, multi = _php_auth(php_auth)
    auth = list(auth) or [conf]
    by_driver = {name: {**in_files(files or {}, "auth." + name), **by_driver.get(name, {})} for name in auth}
    conf_options = {**in_files(files or {}, "conf." + conf), **conf_options}
    auth_options = _local(auth, by_driver)
    return DriverConfiguration(conf, tuple(auth), core_conf, core_auth, conf_options, auth_options, boot, multi, by_driver, tuple(found))


def in_files(files: Mapping[str, Mapping[str, Any]], plugin: str) -> dict[str, Any]:
    """Options of a plugin in conf/conf.<type>.inc and conf/conf.<type>.<name>.inc; the latter counts."""
    return {**files.get(plugin.split(".", 1)[0], {}), **files.get(plugin, {})}


def _local(auth: list[str], by_driver: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Options of the first driver with accounts of its own, else of the master."""
    chosen = next((name for name in auth if name in ("sql", "serial")), auth[0] if auth else "")
    return by_driver.get(chosen, {})


def _php_auth(driver: Mapping[str, Any]) -> tuple[list[str], dict[str, Mapping[str, Any]], Mapping[str, Any]]:
    """Driver names, master first, options of each, and options of auth.multi."""
    name, options = short(str(driver.get("NAME", "serial"))), _mapping(driver.get("OPTIONS"))
    if name != "multi":
        return [name], {name: options}, {}
    found: dict[str, Mapping[str, Any]] = {}
    keys: dict[str, str] = {}
    inner = options.get("DRIVERS")
    for key, entry in _mapping(inner).items():
        value = _mapping(entry)
        keys[str(key)] = own = short(str(value.get("NAME", key)))
        found[own] = _mapping(value.get("OPTIONS"))
    master = str(options.get("MASTER_DRIVER", ""))
    master = keys.get(master, short(master))
    return sorted(found, key=lambda n: n != master), found, options


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def sql_parameters(value: Any, preset: Any, expand: Callable[[str], str]) -> dict[str, str]:
    """SQL parameters of one driver in their flat form: `driver`, `host`, `database`, `username`, `password`, `file`, `dsn`.
    `value`: the SQL_DRIVER; `preset`: DIBI_PRECONFIGURATION of core.conf, used where SQL_DRIVER says `core`."""
    group = _mapping(value)
    if not group or group.get("group_switch_value") == "core":
        group = _mapping(preset)
    prefixed = "group_switch_value" in group
    flat: dict[str, str] = {}
    for key, entry in group.items():
        if key == "group_switch_value" or not isinstance(entry, (str, int, bool)):
            continue
        name = str(key).split("_", 1)[-1] if prefixed else str(key)
        text = ("true" if entry else "false") if isinstance(entry, bool) else str(entry)
        flat[name] = expand(text) if prefixed or name in ("file", "database") else text
    if prefixed and "driver" not in flat:
        flat["driver"] = str(group["group_switch_value"])
    return flat


def sqlite_file(parameters: Mapping[str, str]) -> str | None:
    """The SQLite file of SQL parameters (a path of the old machine), None for servers."""
    driver = parameters.get("driver", "")
    if driver.startswith("sqlite"):
        return parameters.get("file") or parameters.get("database") or ""
    if driver == "pdo" and parameters.get("dsn", "").startswith("sqlite"):
        return parameters["dsn"].split(":", 1)[-1]
    return None


def server_url(parameters: Mapping[str, str], exists: Callable[[str], bool] = lambda path: False) -> URL | None:
    """SQLAlchemy URL of a MySQL or PostgreSQL server, None where the driver is none of these. `host` may be `host:port`
    or `host:/path/to/socket` (a socket where that file exists)."""
    driver, dsn = parameters.get("driver", ""), {}
    if driver == "pdo":
        driver, _, rest = parameters.get("dsn", "").partition(":")
        dsn = dict(parse_qsl(rest.replace(";", "&")))
    get: Callable[[str], str | None] = lambda name: dsn.get(name) or parameters.get(name)  # noqa: E731
    if driver in ("mysql", "mysqli"):
        dialect = "mysql+pymysql"
    elif driver in ("postgre", "pgsql", "postgresql"):
        dialect = "postgresql+psycopg"
    else:
        return None
    host, _, port = (get("host") or "localhost").partition(":")
    query: dict[str, str] = {}
    number = port or get("port") or ""
    if port.startswith("/") and exists(port):
        query["unix_socket"] = port
    return URL.create(
        dialect,
        username=get("username") or get("user"),
        password=get("password"),
        host=host or "localhost",
        port=int(number) if number.isdigit() else None,
        database=get("database") or get("dbname"),
        query=query,
    )
