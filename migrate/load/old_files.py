"""Where does a file of the list lie on disk, and is it still the one that was listed?

Between the listing and the sending a file may vanish, grow, become unreadable, or be replaced by a symbolic link that leads out of
its workspace: what lies there is not the workspace's, and must not be sent to people who could not see it before."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping

from migrate.cells.bodies import SourceUnreadable
from migrate.errors import ExitStatus, MigrationError
from migrate.ledger import FileRow, Ledger
from migrate.text import shown

LINKS = "links:"
"""Facts of the ledger: for each root, links whose stored target is a path of the dead machine, and where that lies now."""


class SourceGone(MigrationError):
    """The old file was there when the old server was read, and is not any more."""

    code = "E5014"
    title = "{file} was removed, renamed or replaced on the old server after it was read."
    remedy = "Nothing, if that was meant: the next `plan` sees it as it is then. Else bring it back and run `apply` again."
    exit_status = ExitStatus.INCOMPLETE


class LeadsOut(MigrationError):
    """What was a file or folder is now a symbolic link to somewhere outside its workspace."""

    code = "E5015"
    title = "{file} leads out of its workspace now (a symbolic link made after the old server was read); it is not followed."
    remedy = "Make the target a workspace of its own, or put the file back in its place, then run `plan` and `apply` again."
    exit_status = ExitStatus.INCOMPLETE


class OldFiles:
    """The files of one root on disk. Only reads."""

    def __init__(self, ledger: Ledger, root: str, folder: bytes) -> None:
        self._folder, self._top = folder, os.path.realpath(folder)
        links: Mapping[str, str] = ledger.get(links_key(root)) or {}
        self._links = {bytes.fromhex(path): bytes.fromhex(real) for path, real in links.items()}

    def place(self, row: FileRow) -> bytes:
        """Where to read it. SourceGone, LeadsOut, SourceUnreadable."""
        path = self.path(row)
        real = os.path.realpath(path)
        if real != self._top and not real.startswith(self._top.rstrip(b"/") + b"/"):
            raise LeadsOut(file=shown(path))
        try:
            state = os.stat(real)
        except (FileNotFoundError, NotADirectoryError):
            raise SourceGone(file=shown(path)) from None
        except OSError as error:
            raise SourceUnreadable(file=shown(path), detail=error.strerror or "cannot be read") from None
        if not stat.S_ISREG(state.st_mode):
            raise SourceGone(file=shown(path))
        return real

    def path(self, row: FileRow) -> bytes:
        """Its path on this machine, also where a link above it (or itself) names a folder of the dead one. Nothing is asked of the disk."""
        path = row.path
        if self._links:
            above = path
            while above.strip(b"/"):
                if above in self._links:
                    return self._links[above] + path[len(above):]
                above = above.rpartition(b"/")[0]
        return os.path.join(self._folder, path.lstrip(b"/"))


def links_key(root: str) -> str:
    """Name of the fact that keeps the links of a root: path in the root -> place on this machine, both in hexadecimal."""
    return LINKS + hashlib.sha256(os.fsencode(root)).hexdigest()
