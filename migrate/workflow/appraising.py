"""What does moving this very installation mean? What it is, what comes across, what does not and why, how large, what to do before.

Everything comes from the ledger after a survey, in one pass over each kind; nothing is asked of Cells."""

from __future__ import annotations

import heapq
import importlib
import os
import pkgutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate import transform
from migrate.ledger import Ledger
from migrate.text import shown
from migrate.transform.names import MAX_NAME_BYTES, stored_name
from migrate.workflow.survey import REST

LOCAL_DRIVERS = frozenset({"fs"})
PAGES = frozenset({"ajxp_conf", "ajxp_admin", "ajxp_home", "ajxp_user", "ajxp_shared", "inbox", "jsapi", "demo"})
"""Workspaces of old versions that are pages of the application, not files."""
OBJECT_STORES = frozenset({"s3", "swift", "hpcloud"})
LARGEST = 10
EXAMPLES = 5

CARRIED = {
    "users": "People, with name, e-mail, group, locks and quota, as Cells users",
    "groups": "Groups, as Cells groups",
    "roles": "Roles, as Cells roles with their rights",
    "teams": "Teams, as Cells teams of their owners",
    "workspaces": "Workspaces, on data sources of Cells",
    "files": "Files and folders, with their times",
    "shares": "Shares: with people as cells, by link as public links",
    "metadata": "Values that people gave to files, as metadata of Cells",
    "bookmarks": "Bookmarks",
    "watches": "Watches, as notifications of Cells",
    "comments": "Comments, as comments of Cells",
    "locks": "Locks on files",
    "preferences": "Personal preferences that Cells knows",
}
RULES = {
    "charset": "are not UTF-8 and are converted", "nfc": "have accents in two parts (as macOS writes them) and are composed",
    "characters": "hold characters that Cells cannot store (%, \\) and get look-alikes", "wide": "hold characters beyond the basic plane",
    "reserved": "have a name that Cells keeps for itself", "length": f"are longer than {MAX_NAME_BYTES} bytes and are shortened",
}


@dataclass
class Obstacle:
    """One row of the table of what does not come across as it is: how many, why, and what to do about it."""

    what: str
    why: str
    todo: str
    number: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, example: str) -> None:
        """Count one more; the first few are named."""
        self.number += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


def carried_kinds() -> frozenset[str]:
    """Kinds beside people, rights, workspaces and files that this program carries: what the parts of a plan say of themselves."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(transform.__path__, transform.__name__ + "."):
        for value in vars(importlib.import_module(module.name)).values():
            kinds = getattr(value, "kinds", None) if isinstance(value, type) else None
            found.update(kinds if isinstance(kinds, tuple) else ())
    return frozenset(found & set(REST))


def appraise(ledger: Ledger) -> dict[str, Any]:
    """`sentences` (what it is), `comes` and `lacks` (tables), `largest`, `before` (steps), as plain values."""
    facts = ledger.get("installation") or {}
    counts = {kind: row.get("found", 0) for kind, row in ledger.counts().items()}
    people = _people(ledger)
    lacks = [*_workspaces(ledger), *_people_obstacles(people), *_rights(ledger), *_shares(ledger)]
    files = _Files(ledger)
    lacks += files.obstacles
    carried = carried_kinds()
    comes = [{"kind": kind, "what": CARRIED[kind], "number": counts.get(kind, 0)} for kind in CARRIED
             if counts.get(kind) and (kind not in REST or kind in carried)]
    for kind in REST:
        if counts.get(kind) and kind not in carried:
            row = Obstacle(CARRIED[kind], "This version reads and lists them, but does not carry them.", "Keep the old server readable.", counts[kind])
            lacks.append(row)
    lacks += _by_findings(ledger)
    shown_lacks = [{"what": row.what, "number": row.number, "why": row.why, "todo": row.todo, "examples": row.examples} for row in lacks if row.number]
    return {"sentences": _sentences(facts, counts, people, files), "comes": comes, "lacks": shown_lacks,
            "largest": [{"workspace": w, "path": p, "bytes": size} for size, p, w in files.largest], "names": dict(files.rules),
            "before": _before(facts, people, lacks, files)}


@dataclass
class _People:
    number: int = 0
    admins: int = 0
    group_admins: int = 0
    external: int = 0
    locked: int = 0
    directory: list[str] = field(default_factory=list)
    directories: int = 0
    no_mail: int = 0
    schemes: Counter[str] = field(default_factory=Counter)


def _people(ledger: Ledger) -> _People:
    found = _People()
    for login, body in ledger.records("users"):
        found.number += 1
        top = body.get("group", "/") == "/"
        found.admins += bool(body.get("admin")) and top
        found.group_admins += bool(body.get("admin")) and not top
        found.external += body.get("parent") is not None
        found.locked += "logout" in (body.get("locks") or ())
        found.no_mail += not body.get("email")
        found.schemes[body.get("password_scheme") or "none"] += 1
        if body.get("directory"):
            found.directories += 1
            if len(found.directory) < EXAMPLES:
                found.directory.append(login)
    return found


def _people_obstacles(people: _People) -> Iterator[Obstacle]:
    if people.directories:
        yield Obstacle("Accounts of a directory", "Their passwords are in the directory (LDAP, a web site, …), not in the old server.",
                       "Connect Cells to the directory, or give them passwords with users.csv.", people.directories, people.directory)
    if people.group_admins:
        yield Obstacle("Administrators of one group", "They manage only their group; in Cells they do not become administrators of everything.",
                       "Delegate the administration of these groups in Cells by hand.", people.group_admins)
    unknown = people.schemes["unknown"]
    if unknown:
        yield Obstacle("Passwords in an unknown form", "Cells could not check them.", "These people get new passwords.", unknown)


def _workspaces(ledger: Ledger) -> Iterator[Obstacle]:
    remote = Obstacle("Workspaces on another server", "Their files are not on the old server (FTP, SFTP, SMB, WebDAV, …), so they are not copied.",
                      "Copy the files yourself, or mount that server on the machine of Cells and use the folder as a data source.")
    objects = Obstacle("Workspaces in an object store", "Their content is in S3 or Swift, not on the disk.",
                       "Make a data source of Cells from the same bucket, and name it in workspaces.csv.")
    pages = Obstacle("Pages of the old application", "They are no files (settings, inbox, dashboard, list of shares); Cells has pages of its own.",
                     "Nothing to do.")
    templates = Obstacle("Templates of workspaces", "They are patterns, not workspaces; what was made from them comes across.", "Nothing to do.")
    mounted = Obstacle("Workspaces that are mounted or encrypted on use",
                       "Their folder is empty, or unreadable, while nobody is signed in (meta.mount, encfs).",
                       "Mount or decrypt them before the files are carried, and name the place with --path-map.")
    keys = Obstacle("Workspaces with stored credentials", "User names and keys of a storage are not carried over.",
                    "Enter them again where Cells asks for them.")
    for key, body in ledger.records("workspaces"):
        label, driver, options = str(body.get("label") or key), str(body.get("driver") or ""), body.get("options") or {}
        if driver in PAGES:
            pages.add(label)
            continue
        if body.get("template"):
            templates.add(label)
            continue
        if driver in OBJECT_STORES:
            objects.add(label)
        elif driver not in LOCAL_DRIVERS:
            remote.add(f"{label} ({driver})")
        sources = options.get("META_SOURCES")
        if isinstance(sources, Mapping) and ("meta.mount" in sources or "cypher.encfs" in sources):
            mounted.add(label)
        if any(name in options for name in ("ENCODED_CREDENTIALS", "SECRET_KEY", "FTP_PASS", "PASS", "PASSWORD")):
            keys.add(label)
    yield from (remote, objects, mounted, keys, templates, pages)


def _rights(ledger: Ledger) -> Iterator[Obstacle]:
    masks = Obstacle("Roles with masks on paths", "A mask hides everything but some folders. Cells has rights on folders instead;"
                     " what cannot be said that way becomes less access, never more.", "Look at these people in the rehearsal (plan).")
    for key, body in ledger.records("roles"):
        if body.get("masks"):
            masks.add(str(body.get("label") or key))
    yield masks


def _shares(ledger: Ledger) -> Iterator[Obstacle]:
    broken = Obstacle("Shares that cannot be trusted", "Their owner, target or protection is gone or unreadable: they are listed and never published.",
                      "Ask their owners to share again.")
    restricted = Obstacle("Links for named visitors only", "Cells has no such restriction, so these links are not opened for everybody.",
                          "Make cells for these visitors, or links with a password.")
    private = Obstacle("Links that ask for an account", "Their recipients reach them as a cell after signing in.", "Tell their recipients.")
    spent = Obstacle("Links that have expired or are used up", "They opened for nobody any more.", "Nothing to do.")
    for _key, body in ledger.records("shares"):
        link, name = body.get("link"), str(body.get("label") or (body.get("link") or {}).get("hash") or "")
        if body.get("problem"):
            broken.add(name)
        elif link is not None:
            limit = link.get("download_limit")
            if link.get("restricted"):
                restricted.add(name)
            elif link.get("expired") or (limit and (link.get("download_count") or 0) >= limit):
                spent.add(name)
            elif link.get("login_required"):
                private.add(name)
    yield from (broken, restricted, private, spent)


class _Files:
    """One pass over the files: sizes, names, bins."""

    def __init__(self, ledger: Ledger) -> None:
        self.number = self.folders = self.bytes = 0
        self.rules: Counter[str] = Counter()
        self.links = sum(1 for _, body in ledger.records("shares") if body.get("link"))
        labels = {key: str(body.get("label") or key) for key, body in ledger.records("workspaces")}
        bins = Obstacle("Things in recycle bins", "People deleted them; they stay behind unless asked for.", "Plan with --recycle carry to bring them along.")
        renamed = Obstacle("Files and folders with other names", "", "The list of new names is part of every report.")
        largest: list[tuple[int, str, str]] = []
        for row in ledger.files():
            if row.recycle:
                bins.add(shown(row.path))
            if row.type == "dir":
                self.folders += 1
            else:
                self.number += 1
                self.bytes += row.size or 0
                entry = (row.size or 0, shown(row.path), labels.get(row.root.split("\0", 1)[0], ""))
                (heapq.heappush if len(largest) < LARGEST else heapq.heappushpop)(largest, entry)
            rule = stored_name(os.path.basename(row.path))[1]
            if rule is not None:
                self.rules.update(rule.split("+"))
                renamed.add(shown(row.path))
        renamed.why = "Of their names, " + "; ".join(f"{number} {RULES.get(rule, rule)}" for rule, number in self.rules.most_common()) + "."
        missing = Obstacle("Folders of workspaces that are not in the copy", "Their files cannot be carried.",
                           "Copy them too, and name the place with --path-map OLD=NEW.")
        for _key, body in ledger.records("roots"):
            if body.get("missing"):
                missing.add(labels.get(body.get("workspace", ""), body.get("workspace", "")) + (f" of {body['user']}" if body.get("user") else ""))
        self.missing = missing.number
        self.largest = sorted(largest, reverse=True)
        self.obstacles = [bins, renamed, missing]


ABOUT = {
    "F1206": ("Second factors", "The secrets of one-time passwords stay behind: these people sign in with their password alone."),
    "F1207": ("Stored passwords of people", "Credentials for other servers, kept for single people, stay behind."),
    "F1203": ("Rights on workspaces that are gone", "They had no effect any more."),
    "F1205": ("Roles that are gone", "The old application ignored them."),
    "F1101": ("Rights without an account", "They belong to nobody any more."),
}


def _by_findings(ledger: Ledger) -> Iterator[Obstacle]:
    found: dict[str, Obstacle] = {}
    for _, entry in ledger.findings("extract"):
        if entry.code in ABOUT:
            what, why = ABOUT[entry.code]
            found.setdefault(entry.code, Obstacle(what, why, entry.remedy)).add(entry.subject)
    yield from found.values()


def _sentences(facts: Mapping[str, Any], counts: Mapping[str, int], people: _People, files: _Files) -> list[str]:
    name = f"{facts.get('application', 'An old server')} {facts.get('version', '')}".strip()
    store = {"sqlite": "a SQLite file", "mysql": "a MySQL or MariaDB database", "postgresql": "a PostgreSQL database"}.get(facts.get("database") or "", "files")
    auth = str(facts.get("auth") or "")
    local = set(auth.split(",")) <= {"sql", "serial"}
    source = "accounts are its own" if local else f"accounts come from {auth.replace(',', ' and ')}"
    where = f", installed in {facts['install_path']}" if facts.get("install_path") else ""
    parts = [_many(people.number, "person", "people"), f"{people.admins:,} of them administrators"]
    special = ((people.external, "external"), (people.locked, "locked"), (people.directories, "from a directory"))
    parts += [f"{number:,} {word}" for number, word in special if number]
    size = f"It holds {_many(files.number, 'file', 'files')} and {_many(files.folders, 'folder', 'folders')}, {_size(files.bytes)} in all"
    return [f"This is {name}{where}. It keeps its settings in {store}; its {source}.",
            ", ".join(parts) + "; " + ", ".join(_many(counts.get(kind, 0), kind[:-1], kind) for kind in ("groups", "roles", "teams")) + ".",
            size + f", in {_many(counts.get('workspaces', 0), 'workspace', 'workspaces')}, and {_many(counts.get('shares', 0), 'share', 'shares')}"
            f" ({files.links:,} with a link)."]


def _before(facts: Mapping[str, Any], people: _People, lacks: list[Obstacle], files: _Files) -> list[str]:
    steps = ["Stop the old server, or set it to read-only, before the last copy is made: what changes afterwards is not carried."]
    if files.missing:
        steps.append(f"Copy the {files.missing:,} folders that are missing here, and name them with --path-map.")
    steps.append(f"Have {_size(files.bytes)} free where Cells keeps its data, and as much again if versions are kept.")
    if people.directories:
        steps.append("Decide how people of the directory sign in: connect Cells to it first, or give them passwords.")
    local = people.number - people.directories
    if local:
        steps.append(f"Decide on passwords: {people.schemes['pbkdf2_sha256'] + people.schemes['md5']:,} could be kept (plan --passwords keep);"
                     " otherwise everybody gets a new one.")
    if people.no_mail:
        steps.append(f"{people.no_mail:,} people have no e-mail address: they cannot be sent a link to set a password.")
    if files.links:
        steps.append(f"{files.links:,} links have addresses of the old server, also as <hash>.php before 6.2: let its name point to Cells,"
                     " or keep a redirect; the report of the migration has the list.")
    if str(facts.get("version", "")).split(".")[0] in ("2", "3", "4"):
        steps.append("Passwords of this version are plain MD5: ask people to choose new ones in Cells.")
    return steps


def _many(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _size(number: int) -> str:
    value, units = float(number), ["bytes", "KB", "MB", "GB", "TB"]
    while value >= 1024 and len(units) > 1:
        value, units = value / 1024, units[1:]
    return f"{value:,.0f} {units[0]}" if units[0] == "bytes" or value >= 100 else f"{value:,.1f} {units[0]}"
