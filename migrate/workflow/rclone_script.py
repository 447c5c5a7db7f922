"""Which commands bring old files to Cells by rclone?

Through the S3 gateway, into the loader's desk, which `apply` leaves open until everything is there. What rclone does by itself with a
gateway of this kind is switched off, each for something that Cells 4.1 answers: a part with `Content-MD5` is refused (so a file goes in one
piece, and what is larger than S3 takes in one piece goes by webDAV); the date of an object cannot be set by copying it onto itself (500,
tried for minutes); a look at a folder's own key is 500 (tried for minutes, unless its path ends in `/`)."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from migrate.ledger import FileRow, Ledger, State
from migrate.ledger.listed import target_of
from migrate.load.old_files import OldFiles
from migrate.text import shown
from migrate.transform.actions import DESK, OpenDesk, from_json
from migrate.workflow.script_text import one_line, quoted

OPEN = (State.PLANNED, State.STARTED, State.FAILED)
ONE_PIECE = 5 << 30
"""Bytes that S3 takes in one request."""
OTHERWISE = re.compile("[\x00-\x1f\x7f\u2400-\u2426\uff01-\uff5e\ufffd]")
"""What rclone writes in another way in lists and paths (it stands for characters that some storages cannot hold); in names that it reads
from a folder itself it knows them. So such files are shown to it by links in a folder of their own."""
NEVER = "\u201b"
"""The sign by which rclone marks such characters: a name that has it itself is not opened and not written (1.60)."""

HEAD = """# Files go to Cells by rclone, through the temporary workspace {desk}, which `apply` opens and removes again when all is there: run `apply`
# before and after. CELLS_TOKEN has to hold a token of the account that `apply` uses; RCLONE_CA_CERT can name a certificate.
desk={desk}
: "${{CELLS_TOKEN:?has to hold a token of the account that apply uses}}"
CELLS_URL=${{CELLS_URL:-{url}}}
command -v rclone >/dev/null || {{ echo 'rclone is not installed' >&2; exit 1; }}
for name in $(env | sed -n 's/^\\(AWS_[A-Za-z0-9_]*\\)=.*/\\1/p'); do unset "$name"; done  # they would change where rclone sends, or stop it
export RCLONE_CONFIG=/dev/null RCLONE_CONFIG_CELLS_TYPE=s3 RCLONE_CONFIG_CELLS_PROVIDER=Other RCLONE_CONFIG_CELLS_REGION=us-east-1
export RCLONE_CONFIG_CELLS_ENDPOINT="$CELLS_URL" RCLONE_CONFIG_CELLS_FORCE_PATH_STYLE=true RCLONE_CONFIG_CELLS_NO_CHECK_BUCKET=true
export RCLONE_CONFIG_CELLS_ACCESS_KEY_ID="$CELLS_TOKEN" RCLONE_CONFIG_CELLS_SECRET_ACCESS_KEY=gatewaysecret RCLONE_CONFIG_CELLS_UPLOAD_CUTOFF=5Gi
tell='--stats 1m --stats-one-line --stats-log-level NOTICE --low-level-retries 5 --copy-links'
links="$PWD/{source}.links"
rm -rf "$links"

send() {{  # list, old folder, folder in Cells
  rclone copy $tell --files-from-raw "$1" --no-traverse --checksum --no-update-modtime --transfers 4 "$2" "cells:io/$3/" || fail "$3"
}}
into() {{  # folder in Cells, for the next names: files that rclone gets to see under their new name
  at="$links/$1"; mkdir -p "$at" || fail "$at"
}}
name() {{  # old file, name in Cells
  ln -s "$1" "$at/$2" || fail "$1"
}}
"""
LARGE_HEAD = """# Files of more than 5 GiB go by webDAV, where login and token are asked for.
export RCLONE_CONFIG_DAV_TYPE=webdav RCLONE_CONFIG_DAV_VENDOR=other RCLONE_CONFIG_DAV_URL="$CELLS_URL/dav" RCLONE_CONFIG_DAV_USER={login}
RCLONE_CONFIG_DAV_PASS=$(printf %s "$CELLS_TOKEN" | rclone obscure -) || exit 1
export RCLONE_CONFIG_DAV_PASS
send_large() {{  # list, old folder, folder in Cells
  rclone copy $tell --files-from-raw "$1" --no-traverse --size-only --transfers 1 --timeout 0 "$2" "dav:$3" || fail "$3"
}}
"""
LOOK = """if [ -z "$(rclone lsf --low-level-retries 3 "cells:io/$desk/")" ]; then
  echo "Nothing was sent: the workspace $desk is not open for this token. Run apply first." >&2
  exit 1
fi
"""
END = """if [ -d "$links/s3" ]; then
  rclone copy $tell --no-traverse --checksum --no-update-modtime --transfers 4 "$links/s3" "cells:io/$desk/" || fail 'files with other names'
fi
if [ -d "$links/dav" ]; then
  rclone copy $tell --no-traverse --size-only --transfers 1 --timeout 0 "$links/dav" "dav:$desk" || fail 'large files with other names'
fi
rm -rf "$links"
if [ "$failed" = 0 ]; then echo 'All was sent. Run apply: it looks whether all arrived.'; fi
"""


class Rclone:
    """The commands for one data source. `folder`: where lists go; `url`: address of Cells; `login`: of the account that `apply` uses."""

    def __init__(self, ledger: Ledger, folder: Path, source: str, url: str, login: str) -> None:
        self._ledger, self._folder, self._source, self._url, self._login = ledger, folder, source, url, login
        self._begun = self._by_dav = False

    def commands(self, number: int, key: str, old: bytes, node: str) -> Iterator[str]:
        """For one old folder, the `number`-th of the data source."""
        inner = node.partition("/")[2]
        if not self._begun:
            self._begun = True
            yield HEAD.format(desk=shlex.quote(self._desk()), url=shlex.quote(self._url), source=self._source)
            if inner:  # its folder is there once `apply` has run
                yield LOOK
        files = OldFiles(self._ledger, key, old)
        linked: list[tuple[str, FileRow]] = []
        never: list[str] = []
        counts = {"send": 0, "send_large": 0}
        lists = {command: self._folder / f"{self._source}-{number}.{command}.lines" for command in counts}
        with open(lists["send"], "wb") as small, open(lists["send_large"], "wb") as large:
            for row in self._ledger.files(key, *OPEN):
                if row.type != "file":
                    continue
                target, big = target_of(row), (row.size or 0) > ONE_PIECE
                if NEVER in inner + target or big and "/." in f"/{inner}/{target}":  # webDAV takes no name with a dot in front
                    never.append(f"# by hand: {one_line(shown(files.path(row)))} -> {one_line(f'{inner}/{target}')}")
                elif files.path(row) != os.path.join(old, target.encode("utf-8")) or OTHERWISE.search(inner + target):
                    linked.append((f"{'dav' if big else 's3'}/{inner}/{target}", row))
                else:
                    (large if big else small).write(target.encode("utf-8") + b"\n")
                    counts["send_large" if big else "send"] += 1
        if (counts["send_large"] or any(target.startswith("dav/") for target, _ in linked)) and not self._by_dav:
            self._by_dav = True
            yield LARGE_HEAD.format(login=shlex.quote(self._login))
        for command, many in counts.items():
            if many:
                yield f"{command} {quoted(os.fsencode(lists[command].name))} {quoted(old)} \"$desk\"/{quoted(os.fsencode(inner))}"
            else:
                lists[command].unlink()
        above = None
        for target, row in linked:
            if target.rpartition("/")[0] != above:
                above = target.rpartition("/")[0]
                yield f"into {quoted(above.encode('utf-8'))}"
            yield f"name {quoted(files.path(row))} {quoted(target.rpartition('/')[2].encode('utf-8'))}"
        if never:
            yield from never
            yield f"fail '{len(never)} files with names that rclone cannot send: look for \"by hand\" in this script'"

    def end(self) -> Iterator[str]:
        """After all folders."""
        if self._begun:
            yield END

    def _desk(self) -> str:
        desks = (from_json(row.body) for row in self._ledger.actions() if row.id == DESK + self._source)
        return next((desk.slug for desk in desks if isinstance(desk, OpenDesk)), "")
