"""Is every file in Cells that should be there, with its size and content, and nothing else?"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from migrate.cells.models import Node
from migrate.errors import finding
from migrate.ledger import FileRow, Ledger, State
from migrate.text import shown
from migrate.verify.difference import FOLDER_DATES, UNHASHED, Options, Verdict
from migrate.verify.expected import Expected
from migrate.verify.leftovers import Leftovers
from migrate.verify.reader import Reader
from migrate.verify.scratch import Scratch

TECHNICAL = frozenset({".pydio", ".minio.sys"})
"""Names Cells itself writes; never content. `.pydio` lies in every folder of a source that is indexed in place."""
RECYCLE = "recycle_bin"
MD5 = re.compile(r"[0-9a-f]{32}\Z")
PARTS = re.compile(r"[0-9a-f]{32}-\d+\Z")
BATCH = 500


def load_expected(ledger: Ledger, expected: Expected, scratch: Scratch) -> None:
    """Write down what should be there, from the list of old files and their planned paths."""
    rows: list[Any] = []
    names: list[tuple[str, bytes, str]] = []
    for row in ledger.files():
        base = expected.roots.get(row.root)
        if base is None:
            continue
        path = target_path(base, row)
        names.append((row.root.encode("utf-8", "backslashreplace").decode(), row.path, path))
        if row.state is not State.SKIPPED:
            moved = int(row.target is not None and row.target.strip("/") != shown(row.path).strip("/"))
            rows.append((path, row.root.encode("utf-8", "backslashreplace").decode(), row.path, row.type, row.size,
                         row.mtime if row.root in (expected.uploaded if row.type == "dir" else expected.dated) else None, row.md5, row.etag,
                         row.content_hash, moved, row.id))
        if len(names) >= BATCH:
            scratch.expect(rows)
            scratch.name(names)
            rows, names = [], []
    scratch.expect(rows)
    scratch.name(names)


def target_path(base: str, row: FileRow) -> str:
    """Path in Cells, data source first: the planned one, otherwise the old name in the normal form Cells stores (NFC)."""
    inside = row.target if row.target is not None else unicodedata.normalize("NFC", shown(row.path))
    return posixpath.join(base, inside.strip("/")).encode("utf-8", "backslashreplace").decode()


def walk(reader: Reader, tops: Iterable[str], scratch: Scratch, wanted: frozenset[str], options: Options) -> dict[str, str]:
    """List everything below `tops`, folder by folder and several at a time, into the scratch table. Gives the paths of the
    nodes in `wanted` (uuids that have access rules). A folder that does not exist gives nothing: its files show as missing."""
    located: dict[str, str] = {}
    pending: list[str] = _top_most(tops)
    running: set[Future[list[Node]]] = set()
    with ThreadPoolExecutor(max(1, options.workers), thread_name_prefix="verify") as pool:
        while pending or running:
            while pending and len(running) < options.workers * 2:
                running.add(pool.submit(_list, reader, pending.pop(), scratch))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                nodes, folders = future.result()
                pending.extend(folders)
                for uuid, path in nodes:
                    if uuid in wanted:
                        located[uuid] = path
                options.progress("files", len(nodes))
    return located


def _list(reader: Reader, folder: str, scratch: Scratch) -> tuple[list[tuple[str, str]], list[str]]:
    """Ids and sub-folders of one folder. Memory: the width of one folder."""
    seen: list[tuple[str, str]] = []
    folders: list[str] = []
    for batch in _batches(reader.children(folder)):
        rows = []
        for node in batch:
            name = posixpath.basename(node.path)
            if name in TECHNICAL:
                continue
            seen.append((node.uuid, node.path))
            rows.append((node.path, "file" if node.is_file else "dir", node.size, node.mtime, node.etag, node.content_hash))
            if not node.is_file:
                folders.append(node.path)
        scratch.found(rows)
    return seen, folders


def check_files(expected: Expected, scratch: Scratch, reader: Reader, verdict: Verdict, options: Options) -> None:
    """Compare both listings; every missing, extra or different file is named."""
    _settle(scratch, reader, options)
    weak: Counter[str] = Counter()
    folders: list[str] = []
    for row in scratch.pairs():
        (path, root, source, kind, size, mtime, md5, etag, content_hash, _moved, _id, live_kind, live_size, live_mtime, live_etag, live_hash, there) = row
        verdict.checked["files"] += 1
        if not there:
            verdict.differs("files", path, describe(kind, size), "missing")
            continue
        if live_kind != kind:
            verdict.differs("files", path, kind, live_kind)
            continue
        if kind == "dir":
            if mtime is not None and live_mtime != mtime:
                folders.append(path)
            continue
        if size is not None and live_size != size:
            verdict.differs("files", path, f"{size} bytes", f"{live_size} bytes")
            continue
        if md5 is None and options.checksum is not None:
            md5 = options.checksum(root, source)
        same = same_content(size, md5, etag, content_hash, live_etag or "", live_hash)
        if same is None:
            weak["files"] += 1
        elif same and mtime is not None and live_mtime != mtime:
            verdict.differs("files", path, f"dated {_day(mtime)}", f"dated {_day(live_mtime)}")
        elif not same:
            verdict.differs("files", path, f"content md5 {md5 or etag or content_hash}", f"content {live_etag or live_hash}")
    if folders:
        verdict.findings.append(finding(FOLDER_DATES, "files", str(len(folders)), first=folders[0]))
    if weak["files"]:
        verdict.findings.append(finding(UNHASHED, "files", str(weak["files"])))
    _check_extras(expected, scratch, verdict)


def same_content(size: int | None, md5: str | None, etag: str | None, content_hash: str | None, live_etag: str, live_hash: str | None) -> bool | None:
    """Whether checksums agree; None when none can be compared. `Etag` first: on flat sources the content hash of a file that was
    overwritten at once may stay the old one for good. A multipart `Etag` is compared with ours of the same form, else the hash."""
    live_etag = live_etag.strip('"').lower()
    if MD5.match(live_etag) and md5:
        return live_etag == md5
    if PARTS.match(live_etag) and etag and PARTS.match(etag.strip('"').lower()):
        return live_etag == etag.strip('"').lower()
    if live_hash and content_hash:
        return live_hash == content_hash
    if MD5.match(live_etag) and etag and MD5.match(etag.strip('"').lower()):
        return live_etag == etag.strip('"').lower()
    if size == 0:
        return True
    return None


def _settle(scratch: Scratch, reader: Reader, options: Options) -> None:
    """Ask again for files that are still being written (`Etag` is `temporary` for some seconds on structured sources)."""
    for attempt in range(options.patience):
        paths = scratch.unfinished()
        if not paths:
            return
        if attempt:
            options.wait(options.pause)
        for batch in _batches(iter(paths)):
            nodes = reader.stat(batch)
            scratch.found((n.path, "file" if n.is_file else "dir", n.size, n.mtime, n.etag, n.content_hash) for n in nodes.values())


def _check_extras(expected: Expected, scratch: Scratch, verdict: Verdict) -> None:
    """What is in Cells below our folders and not on the old server. Folders that are roots, or lead to one, are ours."""
    ours = set(expected.roots.values())
    leading = {path[:index] for path in ours for index in range(len(path)) if path[index] == "/"}
    leftovers = Leftovers(expected, scratch)
    for path, kind, size in scratch.extras():
        if path in ours or path in leading:
            continue
        if leftovers.accept(path):
            continue
        if kind == "dir" and posixpath.basename(path) == RECYCLE:
            continue  # Cells makes it when somebody deletes the first file; what lies in it is named
        verdict.differs("files", path, "nothing", "extra " + describe(kind, size))
    leftovers.tell(verdict)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def describe(kind: str, size: int | None) -> str:
    """`folder`, or `file of 12 bytes`."""
    return "folder" if kind == "dir" else f"file of {size or 0} bytes"


def tops_of(expected: Expected) -> list[str]:
    """Folders to list: every root, without those inside another."""
    return _top_most(expected.roots.values())


def _top_most(paths: Iterable[str]) -> list[str]:
    chosen: list[str] = []
    for path in sorted(set(paths), key=lambda p: p + "/"):
        if not chosen or not (path + "/").startswith(chosen[-1] + "/"):
            chosen.append(path)
    return chosen


def source_bytes(path: str) -> bytes:
    """Exact bytes of an old path."""
    return os.fsencode(path)


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
