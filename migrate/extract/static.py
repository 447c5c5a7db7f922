"""Which workspaces are defined in configuration files? `$REPOSITORIES`, and what upgrades left of it beside the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.php.config import read_config

FROM_OLD_FILE = code(
    "F1030",
    Severity.WARNING,
    "Workspace {subject} is defined only in {file}, which an upgrade of the old server left behind.",
    "Check whether it is still wanted; the old server no longer showed it after that upgrade.",
)
_ACTIVE = ("bootstrap_repositories.php", "conf.php")


def static_workspaces(conf: Path, constants: Mapping[str, Any], directory: str) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
    """Workspace id (the array key as text) -> definition with `DISPLAY`, `DRIVER`, `DRIVER_OPTIONS`, … and `_file`, the
    name of the file. `directory`: the conf folder on the old machine, for `__FILE__`. Entries that exist only in left-over
    files (`.pre-update`, `.orig`, `.new-…`) come last."""
    found: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for path in _files(conf):
        active = path.name in _ACTIVE
        read = read_config(path, constants, directory=directory)
        if active and path.name != "conf.php":  # conf.php is read, and its findings reported, with the constants
            findings += read.findings
        entries = read.variables.get("REPOSITORIES")
        for key, entry in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(entry, dict) or str(key) in found:
                continue
            found[str(key)] = {**entry, "_file": path.name}
            if not active:
                findings.append(finding(FROM_OLD_FILE, "workspaces", str(key), file=path.name))
    return found, findings


def read_plugin_files(conf: Path, constants: Mapping[str, Any], directory: str) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
    """Plugin id (or type) -> options of `$DRIVER_CONF` in conf/conf.<type>[.<name>].inc; all versions merged these first."""
    found: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for path in sorted(conf.glob("conf.*.inc")):
        read = read_config(path, constants, directory=directory)
        findings += read.findings
        options = read.variables.get("DRIVER_CONF")
        if isinstance(options, dict):
            found[path.name[len("conf.") : -len(".inc")]] = {str(key): value for key, value in options.items()}
    return found, findings


def _files(conf: Path) -> Iterator[Path]:
    for name in _ACTIVE:
        if (conf / name).is_file():
            yield conf / name
    extension = conf.parent / "plugins"
    yield from sorted(extension.glob("*/repositories.php")) if extension.is_dir() else ()
    for suffix in (".pre-update", ".orig", ".new-*"):
        yield from sorted(conf.glob("bootstrap_repositories.php" + suffix), reverse=True)
