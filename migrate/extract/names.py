"""What path or text do these stored bytes mean, and which directory entry do they name?

Paths come from four places that disagree about encodings: the file system (bytes), `.ajxp_meta` keys (bytes as the storage
had them, or XML entities in 3.x), the database (UTF-8, mostly) and options (the storage's charset). A path is carried as
`str` with surrogate escapes, so that no byte is lost; names are compared under several readings only to find a match."""

from __future__ import annotations

import html
import os
import unicodedata
from collections.abc import Container, Iterator
from typing import Any

from migrate.errors import ExitStatus, MigrationError
from migrate.extract.records import NodePath
from migrate.text import shown


class UnsafePath(MigrationError):
    """A stored path would lead out of its workspace (`..`, a NUL byte). It is not followed."""

    code = "E1041"
    title = "The stored path {path} leads out of its workspace."
    remedy = "Nothing needs to be done, unless somebody tampered with the old installation."
    exit_status = ExitStatus.INCOMPLETE

    def __init__(self, path: str) -> None:
        super().__init__(path=shown(os.fsencode(path)))


def node_path(stored: bytes | str | int | None) -> NodePath:
    """The path inside a workspace that was stored as `stored`: leading slash, none at the end, no empty or `.` steps.

    Integers are names such as `2019` that PHP turned into array indexes. Raises UnsafePath for `..` and NUL bytes."""
    if isinstance(stored, bytes):
        text = os.fsdecode(stored)
    else:
        text = "" if stored is None else str(stored)
    steps = [step for step in text.split("/") if step not in ("", ".")]
    if ".." in steps or "\0" in text:
        raise UnsafePath(text)
    return NodePath("/" + "/".join(steps))


def join(folder: str, name: str) -> NodePath:
    """A path below another one; both may have slashes on either side."""
    inner = (folder.strip("/") + "/" + name.strip("/")).strip("/")
    return NodePath("/" + inner)


def relative_to(path: str, folder: str) -> NodePath | None:
    """`path` as seen from `folder` (both absolute, of one machine), `/` for the folder itself; None when it is elsewhere.

    Whole steps are compared: `/srv/docs2` is not in `/srv/docs`."""
    path, folder = _clean(path), _clean(folder)
    if path == folder:
        return NodePath("/")
    if folder == "/":
        return NodePath(path)
    return NodePath(path[len(folder) :]) if path.startswith(folder + "/") else None


def _clean(path: str) -> str:
    """Absolute path with `/` between steps, without `.` and double slashes. Windows paths keep their drive as a first step."""
    steps = [step for step in path.replace("\\", "/").split("/") if step not in ("", ".")] if _windows(path) else [
        step for step in path.split("/") if step not in ("", ".")
    ]
    return "/" + "/".join(steps)


def _windows(path: str) -> bool:
    return len(path) > 2 and path[0].isalpha() and path[1] == ":" and path[2] in "\\/"


def readings(name: bytes, charset: str | None = None) -> Iterator[bytes]:
    """Byte forms under which `name` may lie on disk, the most literal first, each once: as stored, without XML entities
    (3.x), composed and decomposed (a storage hosted on macOS), in the storage's charset, and out of it."""
    seen = set()
    for form in _forms(name, charset):
        if form not in seen and form not in (b"", b".", b"..") and b"/" not in form and b"\0" not in form:
            seen.add(form)
            yield form


def _forms(name: bytes, charset: str | None) -> Iterator[bytes]:
    yield name
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        for encoding in (charset, "cp1252", "cp850", "latin-1"):
            if encoding:
                try:
                    text = name.decode(encoding)
                except (UnicodeDecodeError, LookupError):
                    continue
                yield text.encode("utf-8")
                yield unicodedata.normalize("NFD", text).encode("utf-8")
        return
    for variant in (text, html.unescape(text)):
        for kind in ("NFC", "NFD"):
            normal = unicodedata.normalize(kind, variant)
            yield variant.encode("utf-8")
            yield normal.encode("utf-8")
        for encoding in (charset, "cp1252", "cp850"):
            if encoding:
                try:
                    yield unicodedata.normalize("NFC", variant).encode(encoding)
                except (UnicodeEncodeError, LookupError):
                    continue


def entry_named(name: bytes, entries: Container[bytes], charset: str | None = None) -> bytes | None:
    """Which of the directory entries `name` means; None when no reading of it is there."""
    return next((form for form in readings(name, charset) if form in entries), None)


class Present:
    """The entries of one real folder as a container, asked one by one (a folder may hold millions)."""

    def __init__(self, folder: bytes) -> None:
        self.folder = folder

    def __contains__(self, name: Any) -> bool:
        try:
            os.lstat(os.path.join(self.folder, name))
        except (OSError, ValueError):
            return False
        return True


def locate(folder: str, path: str, charset: str | None = None) -> NodePath | None:
    """The path of an existing node below the real `folder` that `path` means, in the bytes the storage uses; None when
    there is none. Symbolic links that leave the folder are not followed: such a node counts as absent."""
    top = os.fsencode(folder)
    real_top = os.path.realpath(top)
    here, found = top, []
    for step in path.strip("/").split("/"):
        if not step:
            continue
        name = entry_named(os.fsencode(step), Present(here), charset)
        if name is None:
            return None
        here = os.path.join(here, name)
        if os.path.islink(here) and not within(os.path.realpath(here), real_top):
            return None
        found.append(os.fsdecode(name))
    if not found and not os.path.isdir(top):
        return None
    return NodePath("/" + "/".join(found))


def within(path: bytes, folder: bytes) -> bool:
    """Whether the real path lies in the real folder, or is it."""
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")
