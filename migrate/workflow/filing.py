"""How do the decisions on files reach the plan, and which lists and commands does the administrator get for copies made by hand?"""

from __future__ import annotations

import csv
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate.cells.session import Session
from migrate.errors import Finding, Severity, code, finding
from migrate.ledger import Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.dates import write_script
from migrate.load.places import MADE
from migrate.text import shown
from migrate.transform.in_place import InPlace
from migrate.transform.mapping_text import guarded
from migrate.workflow.settings import Settings

DATES_LOST = code("F5014", Severity.INFO, "The files of {subject} are uploaded: Cells shows the time of the upload as their date.",
                  "Plan with --dates sql to bring the old dates into the database of Cells, with --dates field to keep them beside the file, "
                  "or use route in-place, which keeps them.",
                  "The interface of Cells has no way to set the date of a file. Dates of folders are kept where the data source can.")
OPEN = (State.PLANNED, State.STARTED, State.FAILED)


@dataclass(frozen=True)
class FileChoice:
    """What was said on the command line about files. `in_place_copy`: `script` or `run`; `dates`: `none`, `sql` or `field`; `hidden_files`:
    `carry` or `skip`."""

    in_place_copy: str = "script"
    hand_over_original: bool = False
    dates: str = "none"
    hidden_files: str = "carry"

    @classmethod
    def of(cls, settings: Settings) -> FileChoice:
        """What this work folder was planned with."""
        return cls(**{name: value for name, value in settings.files.items() if value is not None})


def plan_options(settings: Settings, ledger: Ledger) -> dict[str, Any]:
    """Fields of PlanOptions."""
    choice = FileChoice.of(settings)
    begun = {action.removeprefix("datasource:"): ledger.action(action) for action, _ in ledger.unended("datasource:")}
    unfinished = frozenset(name for name, row in begun.items() if ledger.get(MADE + name) or (row is not None and row.state is State.STARTED))
    return {"in_place": InPlace(choice.hand_over_original, os.path.realpath, unfinished), "copy": choice.in_place_copy == "run",
            "dates": choice.dates == "sql" and bool(settings.passwords.get("database"))}


def hand_over_dates(work: Path, ledger: Ledger, settings: Settings, session: Session) -> list[str]:
    """The script for the dates of uploaded files, when it was asked for and the tool does not do it itself."""
    if FileChoice.of(settings).dates != "sql" or plan_options(settings, ledger)["dates"]:
        return []
    number = write_script(work / "dates.sql", ledger, session)
    return [f"Dates of {number} uploaded files: {work / 'dates.sql'}, for the database of Cells"] if number else []


def date_findings(ledger: Ledger, settings: Settings) -> list[Finding]:
    """Says before anything is sent which dates will be lost."""
    lost = sum(1 for _, body in ledger.targets("roots") if body.get("route") == "upload" and not body.get("carried_by"))
    return [finding(DATES_LOST, "files", f"{lost} folders")] if lost and FileChoice.of(settings).dates == "none" else []


def write_scripts(work: Path, ledger: Ledger, settings: Settings) -> list[str]:
    """WORK/copy: for every data source over a folder, a script that copies what the plan carries there, and its lists. Gives
    what was written, in words."""
    jobs: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for key, body in ledger.targets("roots"):
        if body.get("route") in ("in-place", "external") and not body.get("original") and not body.get("carried_by"):
            jobs.setdefault(str(body["data_source"]), []).append((key, body))
    written = []
    renamed = write_renamed(work / "renamed.csv", ledger)
    if renamed:
        written.append(f"{work / 'renamed.csv'}: {renamed} files and folders that get another name")
    for source, roots in sorted(jobs.items()):
        folder = work / "copy"
        folder.mkdir(mode=0o700, exist_ok=True)
        lines = list(_script(ledger, folder, source, roots))
        if lines:
            script = folder / f"{source}.sh"
            script.write_text(HEAD.format(source=source) + "\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
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
# the machine of Cells; for rclone, anywhere. It may be broken off and run again. The old side is only read.
set -eu
cd "$(dirname "$0")"

copy() {{  # list, old folder, new folder
  mkdir -p "$3"
  if command -v rsync >/dev/null; then
    rsync -aHAXL --from0 --files-from="$1" "$2/" "$3/"
  else
    tar -C "$2" -chf - --no-recursion --null --verbatim-files-from -T "$1" | tar -C "$3" -xpf -
  fi
}}
rename() {{  # folder, old name, new name: what Cells could not hold
  if [ -e "$1/$2" ]; then
    if [ -d "$1/$3" ] && [ -d "$1/$2" ]; then cp -a "$1/$2/." "$1/$3/" && rm -rf "$1/$2"; else mv -T "$1/$2" "$1/$3"; fi
  fi
}}

"""


def _script(ledger: Ledger, folder: Path, source: str, roots: list[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    for number, (key, body) in enumerate(roots, 1):
        old = (ledger.record("roots", key) or {}).get("folder")
        if not old:
            continue
        listing = folder / f"{source}-{number}.list"
        renames: list[tuple[bytes, str]] = []
        count = size = 0
        with open(listing, "wb") as out:
            for row in ledger.files(key, *OPEN):
                out.write(row.path.lstrip(b"/") + b"\0")
                count, size = count + 1, size + (row.size or 0)
                if target_of(row).encode("utf-8") != row.path.strip(b"/") and not _parent_only(row.path, target_of(row)):
                    renames.append((row.path.strip(b"/"), target_of(row)))
        if not count:
            listing.unlink()
            continue
        yield f"# {shown(os.fsencode(key.replace(chr(0), ' '))).strip()}: {count} files and folders, {size} bytes"
        if body.get("folder"):
            node = str(body["node"])
            place = str(body["folder"]) + node.removeprefix(source)
            yield f"copy {shlex.quote(listing.name)} {_quoted(os.fsencode(old))} {_quoted(os.fsencode(place))}"
            for path, target in sorted(renames, key=lambda pair: -pair[0].count(b"/")):  # deepest first: names above still stand
                above, _, name = path.rpartition(b"/")
                yield f"rename {_quoted(os.path.join(os.fsencode(place), above))} {_quoted(name)} {_quoted(target.rpartition('/')[2].encode())}"
        else:
            yield from _rclone(listing, os.fsencode(old), str(body["node"]))
            for path, target in renames:
                yield f"# give it another name, by hand: {shown(path)} -> {target}"


def _parent_only(path: bytes, target: str) -> bool:
    """Whether only a folder above was renamed."""
    return path.rpartition(b"/")[2] == target.rpartition("/")[2].encode("utf-8")


def _rclone(listing: Path, old: bytes, node: str) -> Iterator[str]:
    """Through the S3 gateway of Cells; a remote `cells` has to be configured (see docs/files.md)."""
    text = listing.read_bytes().replace(b"\n", b"\\n").replace(b"\0", b"\n")
    (lines := listing.with_suffix(".lines")).write_bytes(text)
    source, _, inner = node.partition("/")
    yield f"# SLUG: a workspace over the data source {source} into which, and into {inner or 'its top'}, the owner of the token may write"
    yield (f"rclone copy --files-from-raw {shlex.quote(lines.name)} {_quoted(old)} "
           f"\"cells:io/${{SLUG:?}}\"/{_quoted(os.fsencode(inner))} --s3-chunk-size 50Mi --s3-upload-cutoff 100Mi --transfers 4")


def _quoted(text: bytes) -> str:
    """For sh, whatever the bytes."""
    return "'" + os.fsdecode(text).replace("'", "'\"'\"'") + "'"
