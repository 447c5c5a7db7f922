"""May Cells index this folder as it lies, and does the old server still own it?

Rules of structured local data sources, seen on 4.1 and 3.0.9: what is compared are the parents of the folders; a parent above
or below that of another source is refused, a symbolic link as the folder is taken and never works, one folder under two
sources is taken and indexed twice. Cells writes `.pydio` into every folder and `.minio.sys` beside it."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migrate.errors import Severity, code
from migrate.extract.records import Root

REFUSED = code(
    "F5010", Severity.ERROR, "The folder {folder} of workspace {subject} cannot become the data source {name}: {reason}.",
    "Choose another folder in workspaces.csv (the usual way: one data source over a parent folder of its own, workspaces inside it by the column path), "
    "then plan again. Until then the workspace is left out.",
    "Cells compares the parents of the folders of its data sources, wants at least two levels, and does not follow a symbolic link there.")
NOT_HANDED_OVER = code(
    "F5011", Severity.ERROR, "The folder {folder} of workspace {subject} is the old one itself, and Cells would write into it ({name}).",
    "Name a folder for a copy in workspaces.csv, or plan with --hand-over-original when the old folder itself shall become the storage of Cells.",
    "Cells writes a file .pydio into every folder (their dates change) and .minio.sys beside it. Without the named option nothing old is ever written to.")
HANDED_OVER = code(
    "F5012", Severity.WARNING, "The old folder {folder} itself becomes the storage of Cells (workspace {subject}, data source {name}).",
    "Take the old server out of use first. Cells writes .pydio into every folder of it and .minio.sys into {parent}; people and groups who had "
    "no folder of their own there yet get an empty one. What the plan leaves out (recycle bins, hidden files, files of the old application) stays in "
    "it, and people see it in Cells: remove from it what they shall not see before.")
LEFT_OUT = code("S5010", Severity.WARNING, "Its folder cannot be indexed as it lies; see the finding.",
                "Correct folder or data_source in workspaces.csv and plan again.")


def _itself(path: str) -> str:
    return posixpath.normpath(path)


@dataclass(frozen=True)
class InPlace:
    """What the administrator said about folders that Cells indexes as they lie. `hand_over`: the old folders themselves may be
    given away. `real`: the path behind symbolic links, on this machine (or the path itself). `unfinished`: names of data sources that an
    earlier run began to make and did not see ready: that Cells lists them says nothing of their index."""

    hand_over: bool = False
    real: Callable[[str], str] = _itself
    unfinished: frozenset[str] = frozenset()

    def inside(self, folder: str, source: str) -> str | None:
        """Path of an old folder as seen from the folder of a data source, "" for the same; None when it lies elsewhere."""
        old, new = self.real(folder), self.real(source)
        if old == new:
            return ""
        return old[len(new.rstrip("/")) + 1:] if old.startswith(new.rstrip("/") + "/") else None

    def touches(self, folder: str, source: str) -> bool:
        """Whether a data source over `source` would write into `folder`, or lie in it."""
        return self.inside(folder, source) is not None or self.inside(source, folder) is not None


def refusal(name: str, folder: str, others: Mapping[str, str], in_place: InPlace) -> str | None:
    """Why Cells would not take `folder` for the data source `name`, in words; None when it would. `others`: folders of the data
    sources that are there or planned, by name."""
    wanted = posixpath.normpath(folder)
    parent = posixpath.dirname(wanted)
    if parent in ("", "/"):
        return "it is not two levels deep"
    if any(part in ("", ".", "..") or not part.isprintable() for part in wanted.strip("/").split("/")):
        return "its path has parts that Cells mishandles"
    unlinked = posixpath.join(in_place.real(parent), posixpath.basename(wanted))
    if in_place.real(wanted) != unlinked:
        return f"it is a symbolic link to {in_place.real(wanted)}"
    for other, where in sorted(others.items()):
        there = posixpath.normpath(where)
        above = posixpath.dirname(there)
        if other == name:
            if there != wanted:
                return f"a data source of this name exists and has the folder {there}"
        elif there == wanted:
            return f"the data source {other} has the same folder"
        elif parent != above and (_below(parent, above) or _below(above, parent)):
            return f"its parent {parent} lies above or below {above}, the parent of the data source {other}"
    return None


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def originals(roots: Iterable[Root], folder: str, in_place: InPlace) -> bool:
    """Whether the folder of a data source holds, is, or lies in one of these old folders."""
    return any(root.folder is not None and in_place.touches(root.folder, folder) for root in roots)
