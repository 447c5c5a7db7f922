"""Which lists and commands does the administrator get for copies made by hand?

Everything in a script that comes from the old server is data: quoted where a command reads it, and without line ends where a
comment tells it."""

from __future__ import annotations

import csv
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate.ledger import FileRow, Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.old_files import links_key
from migrate.text import shown
from migrate.transform.mapping_text import guarded
from migrate.workflow.rclone_script import Rclone
from migrate.workflow.script_text import one_line, quoted

OPEN = (State.PLANNED, State.STARTED, State.FAILED)


def write_scripts(work: Path, ledger: Ledger, url: str, login: str) -> list[str]:
    """WORK/copy: for every data source over a folder, a script that copies what the plan carries there, and its lists. Gives
    what was written, in words. `url`: address of Cells; `login`: of the account that the tool uses there."""
    jobs: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for key, body in ledger.targets("roots"):
        if body.get("route") in ("in-place", "external") and not body.get("original") and not body.get("carried_by"):
            jobs.setdefault(str(body["data_source"]), []).append((key, body))
    written = []
    renamed = write_renamed(work / "renamed.csv", ledger)
    if renamed:
        written.append(f"{work / 'renamed.csv'}: {renamed} files and folders that get another name")
    folder = work / "copy"
    for stale in (path for pattern in ("*.sh", "*.list", "*.lines") for path in folder.glob(pattern)):
        stale.unlink()  # of an earlier plan: it would put back what people changed in Cells since
    for source, roots in sorted(jobs.items()):
        folder.mkdir(mode=0o700, exist_ok=True)
        lines = list(_script(ledger, folder, source, roots, Rclone(ledger, folder, source, url, login)))
        if lines:
            script = folder / f"{source}.sh"
            script.write_text(HEAD.format(source=one_line(source)) + "\n".join(lines) + "\n\n" + TAIL, encoding="utf-8", errors="surrogateescape")
            script.chmod(0o700)
            written.append(f"{script}: copies the files of data source {source}")
    return written


def write_renamed(path: Path, ledger: Ledger) -> int:
    """CSV of every file and folder that gets another name itself: root, old path, path in Cells. Bytes that are not UTF-8 are shown
    as `\\xNN`. Gives how many."""
    number = 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="") as out:  # it names people's files
        lines = csv.writer(out, lineterminator="\n")
        lines.writerow(["workspace", "user", "group", "old", "new"])
        for row in ledger.files():
            if row.target is None or row.state is State.SKIPPED or _parent_only(row.path, row.target):
                continue
            whose = [shown(os.fsencode(part)) for part in row.root.split("\0")]
            lines.writerow([guarded(cell) for cell in (*whose, shown(row.path), "/" + row.target)])
            number += 1
    return number


HEAD = """#!/bin/sh
# Copies the old files of data source {source} to where Cells finds them. Run it where both places can be reached: for a folder, on
# the machine of Cells; for rclone, anywhere. It may be broken off and run again. The old side is only read. What cannot be copied is
# told, the rest goes on, and the end is 1. What lies at the new place under the same name and is another file is kept in replaced/.
set -u
cd "$(dirname "$0")" || exit 1
failed=0

fail() {{
  printf '%s\\n' "Not complete: $1" >&2
  failed=1
}}
like() {{  # old folder, new folder: there, with owner, permissions and date
  mkdir -p "$2" || {{ fail "$2"; return 1; }}
  if [ "$(id -u)" = 0 ]; then chown --reference="$1" "$2" || fail "$2"; fi
  chmod --reference="$1" "$2" && touch -r "$1" "$2" || fail "$2"
}}
copy() {{  # list, old folder, new folder
  like "$2" "$3" || return
  if command -v rsync >/dev/null; then
    rsync -aHAXSL --backup --backup-dir="$PWD/replaced/$1" --from0 --files-from="$1" "$2/" "$3/" || fail "$3"
  else
    rm -f "$1.unread"
    {{ tar -C "$2" --format=posix --xattrs --acls -chSf - --no-recursion --null --verbatim-files-from -T "$1" || : > "$1.unread"; }} |
      tar -C "$3" --xattrs --acls -xpf - || fail "$3"
    if [ -e "$1.unread" ]; then rm "$1.unread"; fail "$3"; fi
  fi
  like "$2" "$3"
}}
copy_file() {{  # old file, new file: where the old path leads through a link to a place of another machine
  mkdir -p "$(dirname "$2")" && cp -pT "$1" "$2" || fail "$2"
}}
rename() {{  # folder, old name, new name: what Cells could not hold
  if [ -d "$1/$2" ] && [ -d "$1/$3" ]; then cp -a "$1/$2/." "$1/$3/" && rm -rf "$1/$2" || fail "$1/$3"
  elif [ -e "$1/$2" ]; then mv -T "$1/$2" "$1/$3" || fail "$1/$3"
  fi
}}

"""
TAIL = """exit "$failed"
"""


def _script(ledger: Ledger, folder: Path, source: str, roots: list[tuple[str, Mapping[str, Any]]], rclone: Rclone) -> Iterator[str]:
    action = ledger.action("datasource:" + source)
    fresh = action is not None and action.state in OPEN
    for number, (key, body) in enumerate(roots, 1):
        old = os.fsencode((ledger.record("roots", key) or {}).get("folder") or "")
        totals = [total for state, total in ledger.file_totals(key).items() if state in OPEN]
        if old and not totals and fresh and body.get("folder"):
            yield f"like {quoted(old)} {quoted(_place(body, source))}"  # nothing in it, but Cells wants the folder
        if not old or not totals:
            continue
        count, size = sum(number for number, _ in totals), sum(size for _, size in totals)
        yield f"# {one_line(' '.join(key.split(chr(0))).strip())}: {count} files and folders, {size} bytes"
        if body.get("folder"):
            yield from _copy(ledger, folder / f"{source}-{number}", key, old, _place(body, source))
        else:
            yield from rclone.commands(number, key, old, str(body["node"]))
    yield from rclone.end()


def _place(body: Mapping[str, Any], source: str) -> bytes:
    return os.fsencode(str(body["folder"]) + str(body["node"]).removeprefix(source))


def _copy(ledger: Ledger, lists: Path, key: str, old: bytes, place: bytes) -> Iterator[str]:
    """Into a folder. What lies behind links to places of the dead machine is taken from where that is now."""
    links = {bytes.fromhex(path): bytes.fromhex(real) for path, real in (ledger.get(links_key(key)) or {}).items()}
    renames: list[tuple[bytes, str]] = []
    behind: dict[bytes, list[FileRow]] = {}
    with open(lists.with_name(lists.name + ".list"), "wb") as out:
        for row in ledger.files(key, *OPEN):
            link = next((above for above in _above(row.path) if above in links), None) if links else None
            if link is None:
                out.write(b"./" + row.path.lstrip(b"/") + b"\0")  # a name that begins with # or ; would be a comment for rsync
            else:
                behind.setdefault(link, []).append(row)
            if target_of(row).encode("utf-8") != row.path.strip(b"/") and not _parent_only(row.path, target_of(row)):
                renames.append((row.path.strip(b"/"), target_of(row)))
    yield f"copy {shlex.quote(lists.name + '.list')} {quoted(old)} {quoted(place)}"
    for number, (link, rows) in enumerate(behind.items(), 1):
        yield from _behind(lists.with_name(f"{lists.name}-link{number}.list"), rows, link, links[link], place + link)
    for path, target in sorted(renames, key=lambda pair: -pair[0].count(b"/")):  # deepest first: names above still stand
        above, _, name = path.rpartition(b"/")
        yield f"rename {quoted(os.path.join(place, above))} {quoted(name)} {quoted(target.rpartition('/')[2].encode())}"


def _behind(listing: Path, rows: list[FileRow], link: bytes, real: bytes, place: bytes) -> Iterator[str]:
    if [row.path for row in rows if row.type == "file"] == [link]:
        yield f"copy_file {quoted(real)} {quoted(place)}"
        return
    listing.write_bytes(b"".join(b"./" + row.path[len(link):].lstrip(b"/") + b"\0" for row in rows))
    yield f"copy {shlex.quote(listing.name)} {quoted(real)} {quoted(place)}"


def _above(path: bytes) -> Iterator[bytes]:
    """The path and the folders above it."""
    while path.strip(b"/"):
        yield path
        path = path.rpartition(b"/")[0]


def _parent_only(path: bytes, target: str) -> bool:
    """Whether only a folder above was renamed."""
    return path.rpartition(b"/")[2] == target.rpartition("/")[2].encode("utf-8")
