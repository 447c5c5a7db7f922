"""How are the folders of an old installation laid out? Zip, deb, rpm and container layouts, versions and old prefixes."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate.extract.regular import read_regular

_CONF_FILES = ("bootstrap_context.php", "bootstrap_repositories.php", "bootstrap_plugins.php", "VERSION", "conf.php")
_DATA_FOLDERS = ("plugins", "files", "personal", "public")
_PACKAGED = ("etc/pydio", "etc/ajaxplorer", "server/conf", "usr/share/pydio/conf", "external/etc/pydio", "external/etc/ajaxplorer")
_INSTALL = "AJXP_INSTALL_PATH"


def parse_version(version: str) -> tuple[int, int]:
    """`8.2.5` as (8, 2); (0, 0) for what is no version."""
    parts = []
    for part in version.split(".")[:2]:
        digits = "".join(c for c in part if c.isdigit())
        parts.append(int(digits) if digits else 0)
    return (*parts, 0, 0)[:2]


def is_conf(folder: Path) -> bool:
    """Whether a folder holds configuration files of the application."""
    return any((folder / name).is_file() for name in _CONF_FILES)


def find_conf(legacy: Path, path_map: tuple[tuple[str, str], ...]) -> tuple[Path, Path | None]:
    """(root, conf folder). The root is `legacy`, the folder above a given conf/, or the only subfolder with a conf/."""
    if legacy.name == "conf" and is_conf(legacy):
        server = legacy.parent.name == "server"
        return (legacy.parent.parent if server else legacy.parent), legacy
    for root in (legacy, *_subfolders(legacy)):
        for name in ("conf", *_PACKAGED):
            if is_conf(root / name):
                return root, root / name
        link = root / "conf"
        if link.is_symlink():  # /etc/pydio of the dead machine
            target = os.readlink(link)
            for old, new in path_map:
                if target == old or target.startswith(old.rstrip("/") + "/"):
                    place = Path(new + target[len(old.rstrip("/")) :])
                    if is_conf(place):
                        return root, place
    for old, new in path_map:
        for name in ("/etc/pydio", "/etc/ajaxplorer"):
            place = Path(new + name[len(old.rstrip("/")) :]) if name == old or name.startswith(old.rstrip("/") + "/") else None
            if place is not None and is_conf(place):
                return legacy, place
    return legacy, None


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink())[:200]


def find_data(root: Path, expression: str, path_map: tuple[tuple[str, str], ...]) -> tuple[Path | None, bool]:
    """(data folder here, whether it is the one of the configuration). `expression`: AJXP_DATA_PATH, perhaps starting with
    AJXP_INSTALL_PATH."""
    candidates: list[Path] = []
    if expression.startswith(_INSTALL):
        candidates.append(Path(os.path.normpath(f"{root}/{expression[len(_INSTALL) :].lstrip('/')}")))
    else:
        for old, new in sorted(path_map, key=lambda pair: -len(pair[0])):
            if expression == old or expression.startswith(old.rstrip("/") + "/"):
                candidates.append(Path(new + expression[len(old.rstrip("/")) :]))
        candidates += [root / "external" / expression.lstrip("/"), root / expression.lstrip("/"), root / "data"]
    for place in candidates:
        if any((place / name).is_dir() for name in _DATA_FOLDERS):
            return place, True
    for place in (root / "data", root):
        if (place / "plugins" / "boot.conf").is_dir() or (place / "plugins" / "auth.serial").is_dir():
            return place, False
    return None, False


def version_of_files(conf: Path, data: Path, constants: Mapping[str, Any], workspaces: Collection[str] = ()) -> tuple[str, bool]:
    """(version, whether it is written down). Without a version file (or with the empty one of a source checkout) the shape
    of the folders gives a rough one. `workspaces`: ids of those in configuration files."""
    try:
        text = read_regular(conf / "VERSION", 1 << 16)[:200].decode("ascii", "replace").split("__")[0].strip()
    except OSError:
        text = ""
    for candidate in (text, str(constants.get("AJXP_VERSION") or "")):
        if re.match(r"[0-9]+\.[0-9]", candidate):
            return candidate, True
    return _version_of_shape(conf, data, constants, workspaces), False


def _version_of_shape(conf: Path, data: Path, constants: Mapping[str, Any], workspaces: Collection[str]) -> str:
    """The first version whose configuration looks like this: constants it introduced, and its default workspaces."""
    boot = data / "plugins" / "boot.conf"
    if conf.parent.name == "server" or (conf / "conf.php").is_file():
        return "2.2" if conf.parent.name != "server" else "3.2" if "ajxp_shared" in workspaces else "2.5"
    signs = (
        ("8.0", (boot / "admin_counted").is_file() or ("inbox" in workspaces and "ajxp_user" not in workspaces)),
        ("6.5", "AJXP_VENDOR_FOLDER" in constants),
        ("6.4", "inbox" in workspaces),
        ("6.2", "AJXP_PLUGINS_BOOTSTRAP_CACHE" in constants or (boot / "server_uuid").is_file()),
        ("6.0", (conf / "VERSION.php").is_file()),
        ("5.3", "ajxp_home" in workspaces),
        ("5.1", "ajxp_user" in workspaces),
        ("5.0", "PBKDF2_HASH_ALGORITHM" in constants),
        ("4.3", "AJXP_PLUGINS_QUERIES_CACHE" in constants or (boot / "bootstrap.json").is_file()),
        ("4.2", (conf / "bootstrap_conf.php").is_file()),
    )
    return next((version for version, seen in signs if seen), "4.0")


_TAILS = (
    rb"publicLet\.inc\.php|index\.php\([0-9]|base\.conf\.php|core/src/(?:pydio|lib)/|core/classes/class\.|server/classes/|"
    rb"plugins/(?:core|access|meta|conf|auth|action|mailer|log|metastore|index)\.[a-z_]+"
)
_BEFORE = re.compile(rb"((?:[A-Za-z]:)?/[^\x00-\x20\"'<>:;|*?\\()=,]*)\Z")


def find_prefix(root: Path, conf: Path, data: Path, data_expression: str) -> str | None:
    """The install folder on the dead machine: what absolute paths in link files, databases, user files and logs agree on."""
    tails = _TAILS
    if data_expression.startswith(_INSTALL + "/"):
        inner = re.escape(data_expression[len(_INSTALL) + 1 :].rstrip("/").encode("utf-8", "surrogateescape"))
        tails += rb"|" + inner + rb"/(?:files|personal|plugins|public|workspaces|groups|tmp)(?=[/\"'\x00])"
    pattern = re.compile(rb"/(?:" + tails + rb")")
    votes: Counter[bytes] = Counter()
    for path, weight in _evidence(root, data):
        _vote(path, weight, pattern, votes)
        if sum(votes.values()) > 400:
            break
    votes.pop(b"", None)
    if not votes:
        return None
    return votes.most_common(1)[0][0].decode("utf-8", "surrogateescape")


def _evidence(root: Path, data: Path) -> Iterator[tuple[Path, int]]:
    for folder, pattern, weight, most in (
        (data / "public", "*.php", 20, 50),
        (root / "public", "*.php", 20, 50),
        (data / "plugins", "conf.serial/repo.ser", 2, 1),
        (data / "plugins", "conf.sql/*.db", 1, 3),
        (root, "server/conf/repo.ser", 2, 1),
        (data / "logs", "*.txt", 1, 5),
        (root, "*dump/*.sql", 1, 2),
        (root, "*.sql", 1, 2),
    ):
        found = 0
        try:
            for path in sorted(folder.glob(pattern)):
                if path.is_file() and found < most:
                    found += 1
                    yield path, weight
        except OSError:
            continue


def _vote(path: Path, weight: int, pattern: re.Pattern[bytes], votes: Counter[bytes]) -> None:
    try:
        with path.open("rb") as file:
            for _ in range(16):
                chunk = file.read(1 << 20)
                if not chunk:
                    return
                for match in pattern.finditer(chunk):
                    before = _BEFORE.search(chunk, max(0, match.start() - 300), match.start())
                    if before and b"//" not in before[1]:
                        votes[before[1]] += weight
    except OSError:
        return
