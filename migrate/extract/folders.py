"""Where on this machine are the folders of each workspace? One, one per user, or one per group.

Folders of users are what a directory listing shows, each checked against the known logins: by exact name, else by the
only login that differs by case (old installations kept `Bob` for the login `bob`)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.definitions import BrokenWorkspace, WorkspaceDefinition
from migrate.extract.logins import TECHNICAL
from migrate.extract.plain import items, normal_group, text
from migrate.extract.records import GroupPath, Login, Root, WorkspaceId
from migrate.extract.roles import GROUP_PREFIX
from migrate.text import shown

if TYPE_CHECKING:
    from migrate.extract.context import Context

FOLDER_MISSING = code(
    "F1401",
    Severity.WARNING,
    "The folder of workspace {subject} ({path}) is not on this machine.",
    "Copy it here and name the place with --path-map OLD=NEW, or accept that its files are left behind.",
)
UNKNOWN_FOLDER = code(
    "F1402",
    Severity.WARNING,
    "The folder {name} of workspace {subject} belongs to nobody who is known; its files are left out.",
    "If they are still wanted, give the folder to a person or copy it by hand.",
)
TECHNICAL_FOLDER = code(
    "F1403",
    Severity.INFO,
    "Workspace {subject} has {count} folders of technical users (visitors of links); they are left out.",
    "Look into them before deleting the old server; visitors of links seldom own files.",
)
FOLDER_CASE = code(
    "F1404",
    Severity.INFO,
    "The folder {name} of workspace {subject} is taken as that of {login}: it differs by case only.",
    "Nothing to do.",
)
FOLDER_TWICE = code(
    "F1405",
    Severity.WARNING,
    "Workspace {subject} has two folders for {login} that differ by case; {name} is left out.",
    "Merge the two folders by hand if both hold something.",
)
REMOTE = code(
    "F1406",
    Severity.WARNING,
    "The files of workspace {subject} are not on the old server (driver {driver}).",
    "{way}",
)
MOUNTED = code(
    "F1407",
    Severity.WARNING,
    "The folder of workspace {subject} was mounted when somebody signed in; here it may be empty.",
    "Mount the storage before the migration, or connect it to Cells.",
)
SAME_GROUP_FOLDER = code(
    "F1408",
    Severity.WARNING,
    "The groups {one} and {other} share one folder of workspace {subject}; it is taken for {one}.",
    "Check who may see it in Cells.",
)
NOT_RESOLVED = code(
    "F1409",
    Severity.ERROR,
    "The folder of workspace {subject} cannot be told: its parent is missing, circular or unreadable.",
    "Correct the workspace in the old database.",
)

NO_FOLDER_NAME = code(
    "F1410",
    Severity.WARNING,
    "The login {subject} cannot be the name of a folder; no folder of workspace {workspace} is taken for it.",
    "Copy the files of this person by hand, if there are any.",
)

OLD_VERSIONS = code(
    "F1412",
    Severity.WARNING,
    "Workspace {subject} kept older versions of its files (plugin {plugin}); Cells takes the present ones only.",
    "Keep the folders {name} of the old server if the history is wanted; a policy of the data source lets Cells keep versions from now on.",
)
HISTORIES = {"meta.git": ".git", "meta.svn": ".svn"}
"""Plugin -> name of the folder in which it keeps older versions."""

MOUNTS = "/remote"
"""`--path-map /remote/<workspace id>=/mnt/x` says where the storage of a workspace is mounted."""
MOUNTERS = {"smb": "mount.cifs", "ftp": "rclone or curlftpfs", "sftp": "sshfs or rclone", "sftp_psl": "sshfs or rclone", "ssh": "sshfs",
            "webdav": "davfs2 or rclone",
            "s3": "rclone or s3fs", "dropbox": "rclone", "swift": "rclone", "hpcloud": "rclone", "remote_fs": "NFS or sshfs"}
"""Driver of the old application -> program that mounts such a storage."""

LOCAL_DRIVERS = frozenset({"fs", "encfs"})
_NO_FILES = frozenset({"imap", "mysql", "wms", "jsapi", "demo"})
DEFAULT_METADATA_FILE = ".ajxp_meta"
RECYCLE_CACHE = ".ajxp_recycle_cache.ser"
_USER = "AJXP_USER"
_GROUP = "AJXP_GROUP_PATH"


def roots(context: Context) -> Iterator[Root]:
    """The folders of every workspace that holds files of its own: no templates, no application pages, no children of shares."""
    for entry in context.workspaces.values():
        if not (entry.template or entry.builtin or entry.shared_child or entry.driver in _NO_FILES):
            yield from _roots_of(context, entry)


def _mounted(entry: WorkspaceDefinition, path: object) -> str:
    """The name under which --path-map says where a storage is mounted; parts for people or groups stay in it."""
    parts = path.split("/") if isinstance(path, str) else []
    inside = next((parts[index:] for index, part in enumerate(parts) if _USER in part or _GROUP in part), [])
    return "/".join([f"{MOUNTS}/{entry.id}", *inside])


def _way(driver: str, mount: str) -> str:
    """What can be done about files on another storage."""
    mounting = f"Mount it with {MOUNTERS.get(driver, 'what can mount it')} and plan with --path-map {mount}=WHERE; then it is carried like a folder"
    if driver == "s3":
        return ("Where the bucket stays: route in-place and data_source in workspaces.csv, with --hand-over-original, make it a data source of Cells. "
                f"Otherwise: {mounting[0].lower()}{mounting[1:]}.")
    return mounting + " (by upload, or copied for route in-place)."


def _roots_of(context: Context, entry: WorkspaceDefinition) -> Iterator[Root]:
    mount = f"{MOUNTS}/{entry.id}"
    remote = entry.driver not in LOCAL_DRIVERS
    if remote and not os.path.isdir(context.here(mount)):
        context.findings(finding(REMOTE, "workspaces", entry.id, driver=entry.driver, way=_way(entry.driver, mount)))
        yield _root(context, entry, None)
        return
    try:
        pattern = context.workspaces.option(entry.id, "PATH")
        if remote:
            pattern = _mounted(entry, pattern)
        sources = {name for name, _ in items(context.workspaces.raw_option(entry.id, "META_SOURCES"))}
    except BrokenWorkspace:
        pattern, sources = None, set()
    if not isinstance(pattern, str) or not pattern.strip("/ "):
        context.findings(finding(NOT_RESOLVED, "workspaces", entry.id))
        yield _root(context, entry, None, missing=True)
        return
    if "meta.mount" in sources:
        context.findings(finding(MOUNTED, "workspaces", entry.id))
    for plugin in sorted(sources & HISTORIES.keys()):
        context.findings(finding(OLD_VERSIONS, "workspaces", entry.id, plugin=plugin, name=HISTORIES[plugin]))
    if _GROUP in pattern and _USER in pattern:
        yield from _roots_of_each_user(context, entry)
    elif _USER in pattern:
        yield from _roots_by_listing(context, entry, pattern)
    elif _GROUP in pattern:
        yield from _roots_by_group(context, entry)
    else:
        folder = context.here(pattern)
        missing = not os.path.isdir(folder)
        if missing:
            context.findings(finding(FOLDER_MISSING, "workspaces", entry.id, path=shown(os.fsencode(pattern))))
        yield _root(context, entry, folder, missing=missing)


def _root(
    context: Context, entry: WorkspaceDefinition, folder: str | None, user: str | None = None, group: str | None = None, missing: bool = False
) -> Root:
    bin_name = _option_text(context, entry, "RECYCLE_BIN", user, group).strip().strip("/")
    return Root(
        workspace=WorkspaceId(entry.id),
        user=Login(user) if user is not None else None,
        group=GroupPath(group) if group is not None else None,
        folder=folder,
        missing=missing,
        recycle_bin=bin_name or None,
        excluded=(metadata_file(context, entry), RECYCLE_CACHE),
        history=_history(context, entry),
    )


def _history(context: Context, entry: WorkspaceDefinition) -> str | None:
    try:
        plugins = {name for name, _ in items(context.workspaces.raw_option(entry.id, "META_SOURCES"))}
    except BrokenWorkspace:
        return None
    return next((HISTORIES[name] for name in sorted(plugins & HISTORIES.keys())), None)


def _option_text(context: Context, entry: WorkspaceDefinition, name: str, user: str | None, group: str | None) -> str:
    try:
        value = context.workspaces.option(entry.id, name, user, group)
    except BrokenWorkspace:
        return ""
    return value if isinstance(value, str) else ""


def metadata_file(context: Context, entry: WorkspaceDefinition) -> str:
    """Name of the metadata file in the folders of a workspace."""
    try:
        sources = context.workspaces.raw_option(entry.id, "META_SOURCES")
    except BrokenWorkspace:
        sources = None
    for plugin, parameters in items(sources):
        options = dict(items(parameters))
        name = options.get("METADATA_FILE") if plugin == "metastore.serial" else options.get("meta_file_name") if plugin == "meta.serial" else None
        if text(name):
            return text(name) or ""
    return DEFAULT_METADATA_FILE


def user_folder_names(context: Context) -> Iterator[str]:
    """Names that stand for a login in the folders of per-user workspaces, whoever they are."""
    for entry in context.workspaces.values():
        if entry.template or entry.shared_child or entry.driver not in LOCAL_DRIVERS:
            continue
        pattern = _option_text(context, entry, "PATH", None, None)
        if _USER in pattern and _GROUP not in pattern:
            yield from (name for name, _ in _listing(context, pattern))


def _listing(context: Context, pattern: str) -> Iterator[tuple[str, str]]:
    """(name that stands for AJXP_USER, folder now) of each folder that fits the pattern, sorted by name."""
    parts = pattern.split("/")
    place = next(i for i, part in enumerate(parts) if _USER in part)
    base = context.here("/".join(parts[:place]) or "/")
    fits = re.compile("(.+)".join(re.escape(part) for part in parts[place].split(_USER, 1)) + r"\Z", re.DOTALL)
    try:
        names = sorted(entry.name for entry in os.scandir(base) if entry.is_dir())
    except OSError:
        return
    for name in names:
        match = fits.match(name)
        if match is None:
            continue
        rest = "/".join(parts[place + 1 :]).replace(_USER, match[1])
        folder = os.path.join(base, name, rest) if rest else os.path.join(base, name)
        if os.path.isdir(folder):
            yield match[1], folder


def _roots_by_listing(context: Context, entry: WorkspaceDefinition, pattern: str) -> Iterator[Root]:
    """Two passes: exact names first, so that a folder that differs by case never takes the place of the right one."""
    technical, others = 0, []
    elsewhere = _folders_of_others(context, entry)
    for name, folder in _listing(context, pattern):
        known = context.logins.get(name)
        if known is not None and known.is_person:
            yield _root(context, entry, folder, user=known.login)
        elif known is not None and known.kind == TECHNICAL or context.is_technical_name(name):
            technical += 1
        elif os.path.normpath(folder) not in elsewhere:
            others.append((name, folder))
    taken: set[str] = set()
    for name, folder in others:
        alike = [known for known in context.logins.like(name) if known.is_person]
        label = shown(os.fsencode(name))
        if len(alike) != 1:
            context.findings(finding(UNKNOWN_FOLDER, "workspaces", entry.id, name=label))
            continue
        login = alike[0].login
        exact = _option_text(context, entry, "PATH", login, None)
        if login in taken or os.path.isdir(context.here(exact)) and not os.path.samefile(context.here(exact), folder):
            context.findings(finding(FOLDER_TWICE, "workspaces", entry.id, name=label, login=login))
            continue
        taken.add(login)
        context.findings(finding(FOLDER_CASE, "workspaces", entry.id, name=label, login=login))
        yield _root(context, entry, folder, user=login)
    if technical:
        context.findings(finding(TECHNICAL_FOLDER, "workspaces", entry.id, count=technical))


def _folders_of_others(context: Context, entry: WorkspaceDefinition) -> set[str]:
    """Folders of workspaces that all users share: one of them may lie among the folders of users."""
    found = set()
    for other in context.workspaces.values():
        if other.id == entry.id or other.shared_child or other.driver not in LOCAL_DRIVERS:
            continue
        path = _option_text(context, other, "PATH", None, None)
        if path and _USER not in path and _GROUP not in path:
            found.add(os.path.normpath(context.here(path)))
    return found


def _roots_of_each_user(context: Context, entry: WorkspaceDefinition) -> Iterator[Root]:
    """A path with user and group: only asking for each person finds the folders."""
    for known in context.logins.people():
        if "/" in known.login or known.login in (".", ".."):
            context.findings(finding(NO_FOLDER_NAME, "users", known.login, workspace=entry.id))
            continue
        folder = context.here(_option_text(context, entry, "PATH", known.login, None))
        if os.path.isdir(folder):
            yield _root(context, entry, folder, user=known.login)


def _roots_by_group(context: Context, entry: WorkspaceDefinition) -> Iterator[Root]:
    owners: dict[str, str] = {}
    for group in known_groups(context):
        if entry.group is not None and not group.startswith(entry.group):
            continue
        folder = os.path.normpath(context.here(_option_text(context, entry, "PATH", None, group)))
        if not os.path.isdir(folder):
            continue
        if folder in owners:
            context.findings(finding(SAME_GROUP_FOLDER, "workspaces", entry.id, one=owners[folder], other=group))
            continue
        owners[folder] = group
        yield _root(context, entry, folder, group=group)


def known_groups(context: Context) -> list[str]:
    """Paths of all groups: stored, of people, and of group roles whose path is sound; `/` first."""
    found = {"/"} | {normal_group(path) for path, _ in context.store.groups()} | set(context.logins.groups())
    found |= {normal_group(name.removeprefix(GROUP_PREFIX)) for name in context.roles if name.startswith(GROUP_PREFIX) and "AJXP_GRP_" not in name[9:]}
    return sorted(found)
