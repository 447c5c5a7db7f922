"""Reads an old installation into the ledger: every record once, every file as a line, every finding."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from migrate.extract.records import to_plain
from migrate.extract.source import Source
from migrate.ledger import Ledger
from migrate.load.old_files import links_key

PEOPLE = ("users", "groups", "roles", "teams", "workspaces", "roots", "access")
"""What a plan of people, rights and workspaces needs; `roots` and `access` are not counted as kinds."""
REST = ("shares", "metadata", "bookmarks", "watches", "comments", "locks", "preferences")

Rows = Iterator[tuple[str, Mapping[str, Any]]]


def _nobody(_record: Any) -> None:
    """Hears nothing."""


def survey(ledger: Ledger, source: Source, *, hashes: bool = False, progress: Callable[[str, int], None] = lambda _k, _n: None,
           hear: Callable[[Any], None] = _nobody) -> str:
    """Store everything the installation holds; gives the fingerprint of its records (files excepted: they are looked at again when
    they are carried; `hashes`: each is read, to find those that changed behind an unchanged size and date). Children of shares are
    kept apart from workspaces (they are counted as shares), roles of one person or group from roles. `hear` is given every share
    with its secrets, which are not stored."""
    total = Digest()
    for kind in PEOPLE + REST:
        if kind == "workspaces":
            plain = list(_rows(source, kind, total, progress))
            ledger.replace_records("workspaces", (r for r in plain if not r[1]["shared_child"]))
            ledger.replace_records("children", (r for r in plain if r[1]["shared_child"]))
        elif kind == "roles":
            ledger.replace_records("roles", (r for r in _rows(source, kind, total, progress) if not _of_one(r[0])))
            ledger.replace_records("own-roles", (r for r in _rows(source, kind, Digest(), progress) if _of_one(r[0])))
        else:
            ledger.replace_records(kind, _rows(source, kind, total, progress, hear if kind == "shares" else _nobody))
    scan = int(ledger.get("scan") or 0) + 1
    links: dict[str, dict[str, str]] = {}
    ledger.scan_files(_files(source, hashes, progress, links), scan)
    for key, _ in ledger.records("roots"):
        ledger.put(links_key(key), links.get(key))
    ledger.end_scan(scan)
    ledger.put("scan", scan)
    ledger.put("installation", to_plain(source.facts))
    ledger.put("public-folders", list(source.public_paths()))
    ledger.replace_findings("extract", source.findings())
    fingerprint = total.text()
    ledger.put("source-fingerprint", fingerprint)
    return fingerprint


def _of_one(role: str) -> bool:
    """Whether a role is that of one person or group: it comes with the person or group and is not counted on its own."""
    return role.startswith(("AJXP_USR_/", "AJXP_GRP_/"))


def fingerprint(source: Source) -> str:
    """What `survey` would give for the installation as it is now, without storing anything."""
    total = Digest()
    for kind in PEOPLE + REST:
        for _ in _rows(source, kind, total, lambda _k, _n: None):
            pass
    return total.text()


class Digest:
    """Hash of a set of records that does not depend on their order: the sum of their SHA-256."""

    def __init__(self) -> None:
        self._sum = 0

    def add(self, kind: str, key: str, body: str) -> None:
        """Count one record in."""
        digest = hashlib.sha256(json.dumps([kind, key]).encode() + body.encode()).digest()
        self._sum = (self._sum + int.from_bytes(digest, "big")) % (1 << 256)

    def text(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum:064x}"


def _rows(source: Source, kind: str, total: Digest, progress: Callable[[str, int], None],
          hear: Callable[[Any], None] = _nobody) -> Rows:
    for record in getattr(source, kind)():
        hear(record)
        body = to_plain(record)
        total.add(kind, record.key, json.dumps(body, sort_keys=True))
        progress(kind, 1)
        yield record.key, body


def _files(source: Source, hashes: bool, progress: Callable[[str, int], None], links: dict[str, dict[str, str]]) -> Iterator[Mapping[str, Any]]:
    """Lines of the list. `links` is filled: root -> path (hexadecimal) -> place, of links that lead to paths of the dead machine."""
    for entry in source.files(hashes=hashes):
        progress("files", 1)
        row: dict[str, Any] = {"root": f"{entry.workspace}\0{entry.user or ''}\0{entry.group or ''}",
                               "path": entry.path.encode("utf-8", "surrogateescape"), "type": entry.type, "size": entry.size,
                               "mtime": entry.mtime, "recycle": entry.in_recycle_bin, "sha256": entry.sha256}
        if entry.real is not None:
            known = links.setdefault(row["root"], {})
            if not any(above.hex() in known for above in _folders_above(row["path"])):
                known[row["path"].hex()] = os.fsencode(entry.real).hex()
        yield row


def _folders_above(path: bytes) -> Iterator[bytes]:
    while path := path.rpartition(b"/")[0]:
        yield path
