"""How names get into requests: what may stand in a URL, and what must stand in the body instead.

A `%` in a URL that is not followed by two hex digits is answered 200 and does nothing (4.x); `*` in a login is a
wildcard for GET and DELETE; `/a/role/{Uuid}` takes one segment only. So real names go into the body, and the URL gets a
segment that is merely safe: for PUT the body's `Login`, `Uuid`, `Slug` win (all versions)."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import quote

from migrate.cells.errors import RefusedToSend

_SAFE = re.compile(r"[A-Za-z0-9._@-]{1,200}\Z")
DATA_SOURCE_NAME = re.compile(r"[0-9a-z]{1,33}\Z")


def stand_in(name: str) -> str:
    """A URL segment for a PUT whose body names the object: the name itself where it is harmless, else a digest of it."""
    if _SAFE.match(name) and name not in (".", ".."):
        return name
    return "by-body-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def segment(name: str, *, method: str, what: str) -> str:
    """A name as one URL segment, for calls that have no body to name the object. RefusedToSend for names that a URL
    cannot carry or that match others: empty, `.`, `..`, `*`, `/`, `%`, control characters."""
    if not name or name in (".", "..") or any(c in name for c in "*/%\\") or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise RefusedToSend(method=method, path=what, status=0, reason=f"{name!r} cannot be named safely in a URL")
    return quote(name, safe="")


def node_path(path: str, *, exact: bool = False) -> str:
    """A node path for a JSON body: NFC, without slashes at the ends; empty, `.` and `..` parts are refused (endless redirects).
    `exact`: in the form it has; files that were indexed in place may have names in decomposed form (NFD), found by that alone."""
    clean = path.strip("/") if exact else unicodedata.normalize("NFC", path.strip("/"))
    if not clean or any(part in ("", ".", "..") for part in clean.split("/")):
        raise RefusedToSend(method="tree", path=path, status=0, reason="the path has empty, '.' or '..' parts")
    return clean


def own_group_path(parent: str, label: str) -> str:
    """Path of a group or `/`-cleaned path: parent `/staff/`, label `it` gives `/staff/it`; no trailing slash; root is `/`."""
    parts = [p for p in f"{parent}/{label}".split("/") if p]
    return "/" + "/".join(parts)


def parent_and_label(path: str) -> tuple[str, str]:
    """`/staff/it` gives (`/staff`, `it`). RefusedToSend for the root: an empty `GroupLabel` overwrites ROOT_GROUP."""
    clean = own_group_path(path, "")
    parent, _, label = clean.rpartition("/")
    if not label:
        raise RefusedToSend(method="PUT", path="group", status=0, reason="the root group is not to be written")
    return parent or "/", label
