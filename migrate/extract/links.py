"""Which links did people make? Rows of the store (5.3 and later) and files of the public folder (up to 6.4) in one form.

A link is protected in one of three ways, and two of them look alike: `PRELOG_USER` opens without a question, `PRESET_LOGIN`
asks for the hidden user's password, **neither** means that the visitor has to sign in with an account of his own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrate.errors import Severity, code, finding
from migrate.extract.linkfiles import COUNTERS_UNREADABLE, LINK_FILE_UNREADABLE, BadLinkFile, LinkFile, read_counters, read_link_files
from migrate.extract.linkterms import STRICT_FROM, expiry, limit, used_up_by_one
from migrate.extract.php.values import PhpObject, PhpValueError
from migrate.extract.plain import items, number, path_text, text, truth
from migrate.extract.store import StoredObject, Unreadable

if TYPE_CHECKING:
    from migrate.extract.context import Context

LINK_UNREADABLE = code(
    "F1703",
    Severity.ERROR,
    "The stored link {subject} cannot be read ({reason}); it is not published.",
    "Ask its owner to share again.",
)
EXPIRY_REPAIRED = code(
    "F1704",
    Severity.INFO,
    "The expiry of link {subject} had been multiplied by an earlier conversion of the old server; its first date is used.",
    "Nothing needs to be done.",
)
PASSWORD_RECOVERED = code(
    "F1705",
    Severity.WARNING,
    "Link {subject} lost its password in an earlier conversion of the old server; the first one is used again.",
    "Tell its owner, because the link may have been open since then.",
)
TWICE = code(
    "F1706",
    Severity.WARNING,
    "Link {subject} is stored twice; the first row of the database counts, then the file.",
    "Remove the other one if it is a left-over.",
)

MINISITE, PUBLICLET, CELL = "minisite", "publiclet", "repository"
_INFLATED = 10**11
_MARK = re.compile(r"repo-[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\Z")
_HASH = re.compile(r"[^\x00-\x1f/\\]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link as stored. `kind`: MINISITE (a child workspace) or PUBLICLET (one file, no child).

    `child`: child workspace id of a minisite. `workspace`, `file`: what a publiclet shows. `hidden`: the technical user.
    `open`: PRELOG_USER; `asks_password`: PRESET_LOGIN, or a publiclet's own password. Neither: sign-in required.
    `expires_at` in epoch seconds; `limit` None = unlimited; `count` None = unknown; `counted`: counters were
    stored, for this link or others."""

    hash: str
    kind: str
    owner: str | None
    child: str | None = None
    workspace: str | None = None
    file: Any = None
    hidden: str | None = None
    open: bool = False
    asks_password: bool = False
    password: str | None = field(default=None, repr=False)
    no_download: bool = False
    expires_at: int | None = None
    limit: int | None = None
    count: int | None = 0
    counted: bool = True
    layout: str | None = None
    targets: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    restricted: bool = False
    remote: bool = False
    genuine: bool = False


def read_links(context: Context) -> Iterator[StoredLink]:
    """Every link, the store's first; damaged ones are findings. A hash that is in both is given once."""
    folder = public_folder(context)
    counters = _counters(context, folder)
    first_passwords = _passwords_before_conversion(folder)
    seen: set[str] = set()
    for row in context.store.objects("share"):
        link = _from_row(context, row, counters, first_passwords)
        if link is not None and link.hash in seen:
            context.findings(finding(TWICE, "shares", link.hash))
        elif link is not None:
            seen.add(link.hash)
            yield link
    for entry in read_link_files(folder):
        if isinstance(entry, BadLinkFile):
            context.findings(finding(LINK_FILE_UNREADABLE, "shares", entry.hash, reason=entry.reason))
        elif entry.hash in seen:
            context.findings(finding(TWICE, "shares", entry.hash))
        else:
            yield stored_link(entry.hash, entry.data, counters, genuine=entry.genuine, strict=context.era.version >= STRICT_FROM)


def public_folder(context: Context) -> str | None:
    """The folder of link files on this machine; None when it is not there.

    The option of core.ajaxplorer, else where the packages put it, the last being that of 3.2 and before."""
    data, install = (str(path).rstrip("/") for path in (context.installation.data_path, context.installation.install_path))
    option = path_text(context.plugin_option("core.ajaxplorer", "PUBLIC_DOWNLOAD_FOLDER")) or ""
    option = option.replace("AJXP_INSTALL_PATH", install).replace("AJXP_DATA_PATH", data)
    for folder in (option, context.installation.public_path, f"{data}/public", f"{install}/data/public", f"{install}/public"):
        if folder.startswith("/") and os.path.isdir(context.here(folder)):
            return context.here(folder)
    return None


def public_paths(context: Context) -> tuple[str, ...]:
    """Paths below which links were reached beside `/public`, by the options of core.ajaxplorer; `/` for the top of a host of their own."""
    found = [path_text(context.plugin_option("core.ajaxplorer", "PUBLIC_BASEURI")) or ""]
    folder = path_text(context.plugin_option("core.ajaxplorer", "PUBLIC_DOWNLOAD_FOLDER")) or ""
    if folder.startswith("AJXP_INSTALL_PATH/"):
        found.append(folder.removeprefix("AJXP_INSTALL_PATH"))
    address = (path_text(context.plugin_option("core.ajaxplorer", "PUBLIC_DOWNLOAD_URL")) or "").strip()
    if "://" in address:
        found.append("/" + address.partition("://")[2].partition("?")[0].partition("/")[2])
    paths = ("/" + path.strip().strip("/") for path in found if path.strip())
    return tuple(dict.fromkeys(path for path in paths if path != "/public"))


def _counters(context: Context, folder: str | None) -> dict[str, int] | None:
    try:
        return read_counters(folder)
    except (OSError, PhpValueError) as error:
        reason = error.message if isinstance(error, PhpValueError) else error.strerror or "unreadable"
        context.findings(finding(COUNTERS_UNREADABLE, "shares", "counters", reason=reason))
        return None


def _passwords_before_conversion(folder: str | None) -> dict[str, str]:
    """hash -> clear password of links whose file was moved into the database, which dropped it."""
    found = {}
    for entry in read_link_files(folder, migrated=True):
        password = text(entry.data.get("PASSWORD")) if isinstance(entry, LinkFile) else None
        if password:
            found[entry.hash] = password
    return found


def _from_row(context: Context, row: StoredObject, counters: dict[str, int] | None, first_passwords: Mapping[str, str]) -> StoredLink | None:
    if isinstance(row.data, Unreadable) or not isinstance(row.data, dict) or not _HASH.match(row.id):
        if not row.id.startswith("repo-"):
            named = "it holds no array" if _HASH.match(row.id) else "its name cannot be one of a link"
            reason = row.data.reason if isinstance(row.data, Unreadable) else named
            context.findings(finding(LINK_UNREADABLE, "shares", row.id, reason=reason))
        return None
    data = dict(items(row.data))
    if text(data.get("SHARE_TYPE")) == CELL:
        return None  # the mark of a share with people (8.0 and later); such shares are found by their rights
    if (text(data.get("SHARE_TYPE")) or MINISITE) not in (MINISITE, PUBLICLET, "file"):
        context.findings(finding(LINK_UNREADABLE, "shares", row.id, reason="it says to be of a kind that no version knew"))
        return None
    if _MARK.match(row.id):
        # Named like such a mark: with a damaged kind it must not become an address that opens what people share.
        context.findings(finding(LINK_UNREADABLE, "shares", row.id, reason="it is named like a share with people, but its kind says something else"))
        return None
    password = None
    if row.id in first_passwords and not text(data.get("PASSWORD")) and not data.get("PRESET_LOGIN"):
        password = first_passwords[row.id]
        context.findings(finding(PASSWORD_RECOVERED, "shares", row.id))
    expires = number(data.get("EXPIRE_TIME"), 0) or 0
    if expires > _INFLATED and row.inserted:
        data["EXPIRE_TIME"] = (expires - row.inserted) // 86400
        context.findings(finding(EXPIRY_REPAIRED, "shares", row.id))
    return stored_link(row.id, data, counters, password=password, strict=context.era.version >= STRICT_FROM)


def stored_link(hash_: str, data: Mapping[str, Any], counters: Mapping[str, int] | None, *, password: str | None = None, genuine: bool = False,
                strict: bool = False) -> StoredLink:
    """The link of a stored array (keys as text, values as decoded). `strict`: see `linkterms.expiry`."""
    workspace = data.get("REPOSITORY")
    kind = text(data.get("SHARE_TYPE")) or (PUBLICLET if isinstance(workspace, PhpObject) or "FILE_PATH" in data else MINISITE)
    kind = PUBLICLET if kind in (PUBLICLET, "file") or isinstance(workspace, PhpObject) else MINISITE
    prelog, preset = path_text(data.get("PRELOG_USER")), path_text(data.get("PRESET_LOGIN"))
    clear = password or (text(data.get("PASSWORD")) if kind == PUBLICLET else None) or None
    own_count = number(data.get("DOWNLOAD_COUNT"))
    outside = None if counters is None else counters.get(hash_, 0)
    count = max(own_count or 0, outside or 0) if own_count is not None or outside is not None else None
    allowed = limit(data.get("DOWNLOAD_LIMIT"))
    if allowed is not None and used_up_by_one(data.get("TARGET_USERS"), allowed):
        count = max(count or 0, allowed)
    targets = dict(items(data.get("TARGET_USERS")))
    names = (text(dict(items(entry)).get("display")) for entry in targets.values())
    return StoredLink(
        hash=hash_,
        kind=kind,
        owner=path_text(data.get("OWNER_ID")) or None,
        child=path_text(workspace) if kind == MINISITE else None,
        workspace=_workspace_of(workspace) if kind == PUBLICLET else None,
        file=data.get("FILE_PATH"),
        hidden=(preset or prelog) if kind == MINISITE else None,
        open=bool(prelog and not preset) or (kind == PUBLICLET and not clear),
        asks_password=bool(preset) or clear is not None,
        password=clear,
        no_download=truth(data.get("DOWNLOAD_DISABLED")),
        expires_at=expiry(data.get("EXPIRE_TIME"), strict=strict),
        limit=allowed,
        count=count,
        counted=own_count is not None or counters is None or bool(counters),
        layout=text(data.get("AJXP_TEMPLATE_NAME")) or None,
        targets=tuple(targets),
        target_names=tuple(name for name in names if name),
        # The application asked only whether the key is there: it locks the link even when it says false.
        restricted="RESTRICT_TO_TARGET_USERS" in data,
        remote=text(data.get("TARGET")) == "remote",
        genuine=genuine,
    )


def _workspace_of(stored: Any) -> str | None:
    """Id of the workspace embedded in a publiclet. `uuid` is made up for static workspaces, `id` is the real one."""
    if not isinstance(stored, PhpObject):
        return path_text(stored) or None
    for name in ("id", "uuid"):
        value = path_text(stored.get(name))
        if value:
            return value
    return None
