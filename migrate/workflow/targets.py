"""Where each old file goes: names that Cells would lose are rewritten, what is not carried is set aside with a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from migrate.errors import Finding, Severity, code, finding
from migrate.ledger import FileRow, Ledger, State
from migrate.text import shown
from migrate.transform.names import MAX_KEY_BYTES, StoredName, stored_name, stored_names

IN_RECYCLE_BIN = code("S5001", Severity.WARNING, "In a recycle bin of the old server; bins are not carried.", "Plan with --recycle carry to bring them along.")
NOBODYS_FOLDER = code("S5002", Severity.INFO, "In a folder of a workspace or person that is not carried.",
                      "See why that workspace or account is left out; carry it by the mapping files.")
NO_SUCH_FOLDER = code("S5003", Severity.WARNING, "The path is longer than Cells can hold ({size} bytes, at most {limit}).",
                      "Shorten the names of its folders in the old place and plan again.")
WITH_ANOTHER = code("S5004", Severity.INFO, "Comes with the folder of another workspace that holds it: the same file on disk.", "Nothing to do.")
RENAMED = code("F5001", Severity.INFO, "{number} files and folders in {subject} get another name ({rules}), because Cells would lose them under the old one.",
               "The export lists old and new names; the rule reads backwards.",
               "Names are stored in composed form (NFC); `%` without two hexadecimal digits, `\\`, NUL, other bytes than UTF-8, too long names are rewritten.")

Row = tuple[int, dict[str, Any]]


def name_files(ledger: Ledger, *, recycle: str, progress: Callable[[str, int], None] = lambda _k, _n: None, wide: bool = True) -> list[Finding]:
    """Give every file of the ledger its target name (None = kept) and set aside what is not carried. Files that are already
    in Cells keep their state. Streams; only renamed folders are held in memory."""
    carried = {key: "" if body.get("carried_by") is None else WITH_ANOTHER.code for key, body in ledger.targets("roots")}
    charsets = _charsets(ledger)
    findings: list[Finding] = []
    batch: list[Row] = []
    folder: _Folder | None = None
    for row in ledger.files():
        if folder is None or folder.root != row.root:
            if folder is not None:
                findings += folder.findings()
            folder = _Folder(ledger, row.root, charsets.get(row.root.split("\0")[0]), wide)
        values = _values(row, folder, carried.get(row.root), recycle)
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


def _values(row: FileRow, folder: _Folder, carried: str | None, recycle: str) -> dict[str, Any]:
    target = folder.target(row)
    reason = _reason(row, target, carried, recycle)
    values: dict[str, Any] = {}
    if target != row.target:
        values["target"] = target
    if reason is not None:
        if row.code != reason or row.state is not State.SKIPPED:
            values |= {"state": State.SKIPPED, "code": reason}
    elif row.state in (State.SKIPPED, State.FAILED) or (target != row.target and row.state in (State.DONE, State.ALREADY)):
        values |= {"state": State.PLANNED, "code": None}
    return values


def _reason(row: FileRow, target: str | None, carried: str | None, recycle: str) -> str | None:
    """Why a file is not carried by itself. `carried`: empty when its folder is, a reason code, None when nobody's."""
    if carried is None:
        return NOBODYS_FOLDER.code
    if carried:
        return carried
    if row.recycle and recycle == "skip":
        return IN_RECYCLE_BIN.code
    size = len(target.encode("utf-8", "surrogatepass")) if target is not None else len(row.path)
    return NO_SUCH_FOLDER.code if size > MAX_KEY_BYTES else None


class _Folder:
    """Names below one root. `_moved`: folders whose own or a parent's name changed -> their target path."""

    def __init__(self, ledger: Ledger, root: str, charset: str | None, wide: bool) -> None:
        self.root = root
        self._ledger, self._charset, self._wide = ledger, charset, wide
        self._moved: dict[bytes, str] = {}
        self._settled: dict[bytes, dict[bytes, StoredName]] = {}
        self._count = 0
        self._rules: set[str] = set()

    def target(self, row: FileRow) -> str | None:
        """Path below the root without leading slash; None when it is the old one."""
        parent, _, name = row.path.rpartition(b"/")
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


def _charsets(ledger: Ledger) -> dict[str, str]:
    return {key: str(body["options"]["CHARSET"]) for key, body in ledger.records("workspaces") if body.get("options", {}).get("CHARSET")}
