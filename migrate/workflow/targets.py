"""Where each old file goes: names that Cells would lose are rewritten, what is not carried is set aside with a reason."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrate.errors import Finding, Severity, code, finding
from migrate.ledger import FileRow, Ledger, State
from migrate.text import shown
from migrate.transform.names import MAX_FLAT_KEY_BYTES, MAX_KEY_BYTES, StoredName, reserved, stored_name, stored_names
from migrate.workflow.depth import Depths

IN_RECYCLE_BIN = code("S5001", Severity.WARNING, "In a recycle bin of the old server; bins are not carried.", "Plan with --recycle carry to bring them along.")
NOBODYS_FOLDER = code("S5002", Severity.INFO, "In a folder of a workspace or person that is not carried.",
                      "See why that workspace or account is left out; carry it by the mapping files.")
NO_SUCH_FOLDER = code("S5003", Severity.WARNING, "The path is longer than its data source can hold (1024 bytes on a disk, 3500 in a flat one).",
                      "Shorten the names of its folders in the old place and plan again.")
TOO_DEEP = code("S5011", Severity.WARNING, "It lies below so many folders that the index of Cells cannot hold its place.",
                "Move the deep folders up in the old place and plan again.",
                "Cells keeps the numbers of all folders on the way in 1020 characters: about 500 levels of folders that hold a few things each, fewer where "
                "they hold many.")
WITH_ANOTHER = code("S5004", Severity.INFO, "Comes with the folder of another workspace that holds it: the same file on disk.", "Nothing to do.")
SKIPPED_IN_PLACE = code("S5005", Severity.WARNING, "Cells leaves a file of this name out when it indexes the old folder itself (bytes that are not UTF-8).",
                        "Rename it in the old place, or let Cells index a copy, in which the tool renames it.")
RESERVED = code("S5007", Severity.WARNING, "Cells takes a file of this name for its own when it indexes the old folder itself, and may write over it.",
                "Rename it in the old place before Cells indexes it, or let Cells index a copy, in which the tool renames it.")
OLD_VERSION = code("S5008", Severity.INFO, "History that a plugin of the old server kept of the files; Cells takes the present ones.",
                   "Keep the folder on the old server, or copy it by hand, if the history is wanted.")
BEHIND_LINK = code("S5009", Severity.WARNING, "Behind a symbolic link to a folder, which Cells does not follow when it indexes the old folder itself.",
                   "Let Cells index a copy, in which the tool follows such links.")
HIDDEN = code("S5006", Severity.INFO, "Its name starts with a dot, and such files are not carried.", "Plan with --hidden-files carry to bring them along.")
NOT_FETCHED = code("F5015", Severity.WARNING, "{number} files and folders in {subject} have a `%` or a backslash in their name: "
                   "Cells lists them, but nobody can open them.",
                   "Rename them in the old place before Cells indexes it, or let Cells index a copy, in which the tool renames them.")
RENAMED = code("F5001", Severity.INFO, "{number} files and folders in {subject} get another name ({rules}), because Cells would lose them under the old one.",
               "The export lists old and new names; the rule reads backwards.",
               "Names are stored in composed form (NFC); `%` without two hexadecimal digits, `\\`, NUL, other bytes than UTF-8, too long names are rewritten.")

RECYCLE_BIN = "recycle_bin"
"""Name of the recycle bin of a workspace of Cells, below its root."""
Row = tuple[int, dict[str, Any]]


def name_files(ledger: Ledger, *, recycle: str, progress: Callable[[str, int], None] = lambda _k, _n: None, wide: bool = True,
               hidden: str = "carry", structured: frozenset[str] = frozenset()) -> list[Finding]:
    """Give every file of the ledger its target name (None = kept) and set aside what is not carried. Files that are already
    in Cells keep their state. Streams; only renamed folders are held in memory. `wide`: whether the server stores characters above
    U+FFFF; `structured`: data sources of Cells that are not flat."""
    carried: dict[str, str] = {}
    originals: set[str] = set()
    limits: dict[str, int] = {}
    nodes: dict[str, str] = {}
    for key, body in ledger.targets("roots"):
        limits[key] = _limit(body, structured)
        nodes[key] = str(body.get("node") or "")
        carried[key] = "" if body.get("carried_by") is None else WITH_ANOTHER.code
        if body.get("original"):
            originals.add(key)
    charsets = _charsets(ledger)
    histories = {key: os.fsencode(body["history"]) for key, body in ledger.records("roots") if body.get("history")}
    findings: list[Finding] = []
    batch: list[Row] = []
    folder: _Folder | None = None
    depths = Depths(ledger, "", "")
    for row in ledger.files():
        if folder is None or folder.root != row.root:
            if folder is not None:
                findings += folder.findings()
            kind = _Original if row.root in originals else _Folder
            folder = kind(ledger, row.root, charsets.get(row.root.split("\0")[0]), wide, recycle == "restore")
            depths = Depths(ledger, row.root, nodes.get(row.root, ""))
        values = _values(row, folder, carried.get(row.root), recycle, hidden, histories.get(row.root), limits.get(row.root, MAX_KEY_BYTES), depths)
        if values:
            batch.append((row.id, values))
            if len(batch) >= 1000:
                ledger.update_files(batch)
                batch = []
        progress("files", 1)
    if folder is not None:
        findings += folder.findings()
    ledger.update_files(batch)
    return findings


def _values(row: FileRow, folder: _Folder, carried: str | None, recycle: str, hidden: str, history: bytes | None,
            limit: int, depths: Depths) -> dict[str, Any]:
    target = folder.target(row)
    reason = _reason(row, target, carried, recycle, limit)
    if reason is None and history is not None and history in row.path.split(b"/"):
        reason = OLD_VERSION.code
    if reason is None and hidden == "skip" and b"/." in row.path:
        reason = HIDDEN.code
    if reason is None and depths.too_deep(row.path):
        reason = TOO_DEEP.code
    reason = reason or folder.refused(row)
    values: dict[str, Any] = {}
    if target != row.target:
        values["target"] = target
    if reason is not None:
        if row.code != reason or row.state is not State.SKIPPED:
            values |= {"state": State.SKIPPED, "code": reason}
    elif row.state in (State.SKIPPED, State.FAILED) or (target != row.target and row.state in (State.DONE, State.ALREADY)):
        values |= {"state": State.PLANNED, "code": None}
    return values


def _limit(body: Mapping[str, Any], structured: frozenset[str]) -> int:
    """Bytes of a path below the node of a root."""
    node = str(body.get("node") or "")
    on_disk = body.get("route") != "upload" or bool(body.get("folder")) or str(body.get("data_source")) in structured
    return (MAX_KEY_BYTES if on_disk else MAX_FLAT_KEY_BYTES) - len(node.partition("/")[2].encode("utf-8", "surrogatepass"))


def _reason(row: FileRow, target: str | None, carried: str | None, recycle: str, limit: int) -> str | None:
    """Why a file is not carried by itself. `carried`: empty when its folder is, a reason code, None when nobody's."""
    if carried is None:
        return NOBODYS_FOLDER.code
    if carried:
        return carried
    if row.recycle and recycle == "skip":
        return IN_RECYCLE_BIN.code
    size = len(target.encode("utf-8", "surrogatepass")) if target is not None else len(row.path)
    return NO_SUCH_FOLDER.code if size > limit else None


class _Folder:
    """Names below one root. `_moved`: folders whose own or a parent's name changed -> their target path."""

    def __init__(self, ledger: Ledger, root: str, charset: str | None, wide: bool, restore: bool = False) -> None:
        """`restore`: what lies in the recycle bin goes to the one of Cells, whatever the old one is called."""
        self.root = root
        self._restore = restore
        self._ledger, self._charset, self._wide = ledger, charset, wide
        self._moved: dict[bytes, str] = {}
        self._settled: dict[bytes, dict[bytes, StoredName]] = {}
        self._count = 0
        self._rules: set[str] = set()

    def target(self, row: FileRow) -> str | None:
        """Path below the root without leading slash; None when it is the old one."""
        parent, _, name = row.path.rpartition(b"/")
        if self._restore and row.recycle and not parent.strip(b"/") and row.type == "dir" and name != RECYCLE_BIN.encode():
            self._moved[row.path] = RECYCLE_BIN
            return RECYCLE_BIN
        text, rule = stored_name(name, self._charset, self._wide)
        if rule is not None:
            if parent not in self._settled:
                self._settled[parent] = stored_names(self._children(parent), self._charset, self._wide)
            text = self._settled[parent][name].text
            self._count += 1
            self._rules |= set(rule.split("+"))
        above = self._moved.get(parent)
        if rule is None and above is None:
            return None
        if above is None:
            above = parent.decode("utf-8").strip("/")
        target = f"{above}/{text}" if above else text
        if row.type == "dir":
            self._moved[row.path] = target
        return target

    def refused(self, row: FileRow) -> str | None:
        """Why this name cannot be carried at all; a folder whose files get new names carries every one."""
        return None

    def _children(self, parent: bytes) -> Iterator[bytes]:
        for row in self._ledger.files_below(self.root, parent):
            rest = row[len(parent) + 1:]
            if b"/" not in rest:
                yield rest

    def findings(self) -> list[Finding]:
        """One line a root when names changed."""
        if not self._count:
            return []
        return [finding(RENAMED, "files", shown(self.root.replace("\0", " ").encode("utf-8", "surrogateescape")).strip(), number=self._count,
                        rules=", ".join(sorted(self._rules)))]


class _Original(_Folder):
    """Names below an old folder that Cells indexes itself: nothing can be renamed there. A link to a file is indexed as a file."""

    def __init__(self, ledger: Ledger, root: str, charset: str | None, wide: bool, restore: bool = False) -> None:
        super().__init__(ledger, root, charset, wide, restore)
        self._top = os.fsencode((ledger.record("roots", root) or {}).get("folder") or "")
        self._links: set[bytes] = set()

    def target(self, row: FileRow) -> str | None:
        """The exact name where Cells would otherwise be asked for its composed form."""
        try:
            text = row.path.decode("utf-8").strip("/")
        except UnicodeDecodeError:
            return None
        if row.type == "dir" and os.path.islink(self._top + row.path):
            self._links.add(row.path)
        if unlisted(text.rpartition("/")[2]):
            self._count += 1
        return text if text != unicodedata.normalize("NFC", text) else None

    def refused(self, row: FileRow) -> str | None:
        try:
            row.path.decode("utf-8")
        except UnicodeDecodeError:
            return SKIPPED_IN_PLACE.code
        parts = row.path.split(b"/")
        if self._links and any(b"/".join(parts[:depth]) in self._links for depth in range(2, len(parts) + 1)):
            return BEHIND_LINK.code
        return RESERVED.code if any(map(reserved, os.fsdecode(row.path).strip("/").split("/"))) else None

    def findings(self) -> list[Finding]:
        """One line a root when names cannot be opened."""
        name = shown(self.root.replace("\0", " ").encode("utf-8", "surrogateescape")).strip()
        return [finding(NOT_FETCHED, "files", name, number=self._count)] if self._count else []


def unlisted(name: str) -> bool:
    """Whether Cells would list a file of this name and never give it out."""
    return "characters" in (stored_name(name.encode("utf-8", "surrogateescape"))[1] or "").split("+")


def _charsets(ledger: Ledger) -> dict[str, str]:
    return {key: str(body["options"]["CHARSET"]) for key, body in ledger.records("workspaces") if body.get("options", {}).get("CHARSET")}
