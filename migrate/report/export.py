"""What became of each old id: the material for hand-over, for links in old mails, and for checks from outside."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Iterator, Mapping
from typing import IO, Any

from migrate.ledger import FileRow, Ledger, State
from migrate.text import shown

FIELDS = {
    "users": ("login", "uuid", "password"), "groups": ("path", "uuid"), "roles": ("uuid",), "teams": ("uuid",), "workspaces": ("uuid", "slug"),
    "shares": ("kind", "uuid", "slug", "url", "owner"),
}
UNCOUNTED = frozenset({"roots", "access"})


def build_export(ledger: Ledger) -> dict[str, Any]:
    """The whole object in memory. For large installations use `write_export`."""
    out = io.StringIO()
    write_export(ledger, out)
    return json.loads(out.getvalue())


def write_export(ledger: Ledger, out: IO[str]) -> None:
    """Write the contract object, streamed; plain ASCII JSON. No passwords: `password` only says how somebody signs in."""
    out.write("{")
    for kind, names in FIELDS.items():
        out.write(json.dumps(kind) + ": {")
        _joined(out, _members(ledger, kind, names))
        out.write("},\n")
    out.write('"files": ' + json.dumps(_files(ledger)) + ",\n")
    out.write('"renamed": [')
    _joined(out, (json.dumps(row) for row in renamed(ledger)))
    out.write('],\n"skipped": [')
    _joined(out, (json.dumps(row) for row in skipped(ledger)))
    out.write("]}\n")


def _members(ledger: Ledger, kind: str, names: tuple[str, ...]) -> Iterator[str]:
    taken: set[str] = set()
    for key, body in ledger.targets(kind):
        old = key.rpartition("\0")[2] if kind == "teams" else key
        if old in taken:
            old = key.replace("\0", "/")  # two owners with a team of the same id: the second one with its owner
        taken.add(old)
        yield json.dumps(old) + ": " + json.dumps({name: body.get(name) for name in names})


def _files(ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    files: dict[str, list[dict[str, Any]]] = {}
    for key, body in ledger.targets("roots"):
        workspace, user, group = owner_of(key)
        files.setdefault(workspace, []).append({"user": user, "group": group, "route": body.get("route"), "data_source": body.get("data_source"),
                                                "path": body.get("path")})
    return files


def renamed(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Files and folders whose path in Cells is not the old one, those inside renamed folders included. Skipped ones are not in Cells."""
    for row in ledger.files():
        if row.state is not State.SKIPPED and moved(row):
            workspace, user, group = owner_of(row.root)
            yield {"workspace": workspace, "user": user, "group": group, "old": "/" + shown(row.path).lstrip("/"), "new": "/" + str(row.target).strip("/")}


def moved(row: FileRow) -> bool:
    """Whether a file has another path in Cells; the form of accents (NFC) does not count."""
    return row.target is not None and row.target.strip("/") != unicodedata.normalize("NFC", shown(row.path)).strip("/")


def skipped(ledger: Ledger) -> Iterator[dict[str, Any]]:
    """Everything left out, with its reason."""
    for kind, key, _, code, _ in ledger.settled("skipped"):
        if kind not in UNCOUNTED:
            yield {"kind": kind, "subject": key.replace("\0", "/").strip("/"), "code": code}
    for row in ledger.files(None, State.SKIPPED):
        workspace, user, group = owner_of(row.root)
        yield {"kind": "files", "subject": "/".join(part for part in (workspace, user, group) if part) + ":" + shown(row.path), "code": row.code}


def owner_of(root: str) -> tuple[str, str | None, str | None]:
    """(workspace, user, group) of the key of a root."""
    workspace, user, group = (root.split("\0") + ["", ""])[:3]
    return workspace, user or None, group or None


def _joined(out: IO[str], items: Iterator[str]) -> None:
    for number, item in enumerate(items):
        out.write((",\n" if number else "") + item)


def password_of(body: Mapping[str, Any]) -> str:
    """How somebody signs in: kept, temporary, reset, none or existing."""
    return str(body.get("password") or "none")
