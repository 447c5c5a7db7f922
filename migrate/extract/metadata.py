"""What did people note about files: fields, watches, locks?

Values are read from where the workspace showed them at the end (in folders or outside, its META_SOURCES decide), so that
left-overs of an earlier setting do not come back. A bucket is private to its login and stays so. Hashes, caches and marks
of the application are not data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.metafiles import OTHER, SERIAL, XATTR, MetaStore, OutsideFile, metadata_in_folders, metastore_of, outside_files, read_outside
from migrate.extract.metastore import USERS_META, MetaFileError, StoredMeta, read_attributes, shown_values
from migrate.extract.names import Present, UnsafePath, entry_named, join, locate, node_path
from migrate.extract.places import Places, charset_of
from migrate.extract.plain import text
from migrate.extract.records import GroupPath, Lock, Login, Metadata, NodePath, Root, Watch, WorkspaceId
from migrate.extract.tree import Walk
from migrate.text import shown

if TYPE_CHECKING:
    from migrate.extract.context import Context

NODE_GONE = code(
    "F1611",
    Severity.INFO,
    "Metadata of {subject} is left out: the node is not there any more.",
    "Nothing needs to be done.",
)
WHOSE_UNKNOWN = code(
    "F1612",
    Severity.WARNING,
    "Metadata of {subject} cannot be given to one person: up to version 4.2 all users of a workspace wrote into one file, and "
    "{count} of them have a node of that name.",
    "Set these values by hand where they are needed.",
)
UNSAFE_KEY = code(
    "F1613",
    Severity.WARNING,
    "A metadata entry of {subject} names a path that leads out of its workspace; it is not followed.",
    "Nothing needs to be done, unless somebody tampered with the old installation.",
)
STORE_ELSEWHERE = code(
    "F1614",
    Severity.WARNING,
    "The metadata of workspace {subject} is kept on its remote storage and cannot be read here.",
    "Read it with the tools of that storage, if it is needed.",
)
ATTRIBUTE_DAMAGED = code(
    "F1615",
    Severity.ERROR,
    "An extended attribute of {subject} is damaged: {reason}.",
    "Restore the file with its attributes from a backup.",
)
OTHER_NAMESPACE = code(
    "F1616",
    Severity.INFO,
    "Workspace {subject} has metadata of the kind {namespace}, which has no place on the new server.",
    "Nothing needs to be done, unless an extension of your own needs it.",
)
WATCH_PEOPLE = code(
    "F1617",
    Severity.INFO,
    "{login} watched what certain people do with {subject}; the new server watches nodes only.",
    "Nothing needs to be done.",
)

OF_NOBODY = code(
    "F1618",
    Severity.INFO,
    "{what} of {subject} are left out: there is no such account any more.",
    "Nothing needs to be done.",
)
WATCH_ODD = code(
    "F1619",
    Severity.WARNING,
    "A watch of {login} on {subject} is of no known kind and is left out.",
    "Let the person watch the file or folder again.",
)

LOCK, WATCH, WATCH_USERS, COMMENTS = "simple_lock", "META_WATCH", "META_WATCH_USERS", "AJXP_META_SPACE_COMMENTS"
_OWN = frozenset({"file_hahser", "ajxp_shared", "ajxp_bookmarked", LOCK, WATCH, WATCH_USERS, COMMENTS, USERS_META})
_WATCH_TYPES = {"META_WATCH_CHANGE": "change", "META_WATCH_READ": "read", "META_WATCH_BOTH": "both"}


@dataclass(frozen=True, slots=True)
class NodeMeta:
    """One namespace of one existing node. `user`, `group`: whose folder."""

    workspace: str
    user: str | None
    group: str | None
    path: NodePath
    stored: StoredMeta


def read_metadata(context: Context) -> Iterator[Metadata]:
    """Fields that people filled in (`users_meta`), per node and bucket."""
    for node in content_metadata(context):
        if node.stored.namespace == USERS_META and node.stored.values:
            yield Metadata(
                workspace=WorkspaceId(node.workspace),
                path=node.path,
                values=shown_values(node.stored.values),
                user=Login(node.user) if node.user is not None else None,
                group=GroupPath(node.group) if node.group is not None else None,
                bucket=_login(context, node.stored.bucket) if node.stored.bucket is not None else None,
            )
        elif node.stored.namespace not in _OWN:
            context.findings(finding(OTHER_NAMESPACE, "metadata", node.workspace, namespace=node.stored.namespace))


def read_locks(context: Context) -> Iterator[Lock]:
    """Locks that people put on files (meta.simple_lock)."""
    for node in content_metadata(context):
        login = text(node.stored.values.get("lock_user")) if node.stored.namespace == LOCK else None
        if login and context.is_person(login):
            yield Lock(_login(context, login), WorkspaceId(node.workspace), node.path)
        elif login:
            context.findings(finding(OF_NOBODY, "locks", login, what="Locks"))


def read_watches(context: Context) -> Iterator[Watch]:
    """Watches of nodes (meta.watch), those on shared children under the child's id."""
    for node in workspace_metadata(context):
        if node.stored.namespace == WATCH:
            for login, stored in node.stored.values.items():
                kind = _WATCH_TYPES.get(text(stored) or "")
                if not context.is_person(login):
                    context.findings(finding(OF_NOBODY, "watches", login, what="Watches"))
                elif kind is None:
                    context.findings(finding(WATCH_ODD, "watches", _subject(node.workspace, None, node.path), login=login))
                else:
                    yield Watch(_login(context, login), WorkspaceId(node.workspace), node.path, kind)
        elif node.stored.namespace == WATCH_USERS:
            for people in node.stored.values.values():
                for login in people if isinstance(people, dict) else ():
                    name = text(login) or ""
                    context.findings(finding(WATCH_PEOPLE, "watches", _subject(node.workspace, None, node.path), login=name))


def _login(context: Context, stored: str) -> Login:
    """The login as the account has it, however the old text spelt it."""
    known = context.login(stored)
    return Login(known.login if known is not None else stored)


def content_metadata(context: Context) -> Iterator[NodeMeta]:
    """What belongs to the content (fields, locks): from the folders, or from outside where the workspace keeps it there."""
    for root in context.roots():
        store = metastore_of(context, root.workspace)
        if store.kind == SERIAL and not store.outside:
            yield from _in_folders(context, root, store)
        elif store.kind == XATTR:
            yield from _in_attributes(context, root, "1")
        elif store.kind == OTHER:
            context.findings(finding(STORE_ELSEWHERE, "metadata", root.workspace))
    yield from _outside(context, only_outside_stores=True)


def workspace_metadata(context: Context) -> Iterator[NodeMeta]:
    """What belongs to a workspace (watches, comments without a feed), from outside files or attributes."""
    for root in context.roots():
        if metastore_of(context, root.workspace).kind == XATTR:
            yield from _in_attributes(context, root, "2")
    yield from _outside(context, only_outside_stores=False)


def _in_folders(context: Context, root: Root, store: MetaStore) -> Iterator[NodeMeta]:
    charset = charset_of(context, root.workspace)
    for folder, real, entries in metadata_in_folders(context, root, store.name):
        present = Present(os.fsencode(real))
        for entry in entries:
            name = entry_named(entry.key, present, charset)
            if name is None:
                unsafe = b"/" in entry.key or entry.key in (b"", b".", b"..") or b"\0" in entry.key
                report = UNSAFE_KEY if unsafe else NODE_GONE
                context.findings(finding(report, "metadata", _subject(root.workspace, root.user or root.group, join(folder, os.fsdecode(entry.key)))))
                continue
            yield NodeMeta(root.workspace, root.user, root.group, join(folder, os.fsdecode(name)), entry)


def _in_attributes(context: Context, root: Root, scope: str) -> Iterator[NodeMeta]:
    if root.folder is None or root.missing or not os.path.isdir(root.folder):
        return
    for item in Walk(root.folder, lambda what, path, detail: None, translate=context.here):
        path = NodePath(os.fsdecode(item.path))
        try:
            for stored_scope, entry in read_attributes(item.real):
                if stored_scope == scope:
                    yield NodeMeta(root.workspace, root.user, root.group, path, _true_names(entry))
        except MetaFileError as error:
            context.findings(finding(ATTRIBUTE_DAMAGED, "metadata", _subject(root.workspace, root.user, path), reason=error.reason))


def _true_names(entry: StoredMeta) -> StoredMeta:
    """Attribute names are in lower case; give the known namespaces their capitals back."""
    known = {name.lower(): name for name in _OWN}
    return StoredMeta(entry.key, entry.bucket, known.get(entry.namespace, entry.namespace), entry.values)


def _outside(context: Context, only_outside_stores: bool) -> Iterator[NodeMeta]:
    places = Places(context)
    for place in outside_files(context):
        if only_outside_stores:
            store = metastore_of(context, place.workspace)
            if store.kind != SERIAL or not store.outside:
                continue
        for entry in read_outside(context, place):
            try:
                path = node_path(entry.key)
            except UnsafePath:
                context.findings(finding(UNSAFE_KEY, "metadata", place.workspace))
                continue
            if place.mixed:
                yield from _of_one_person(context, places, place, path, entry)
                continue
            found, known = places.find(place.workspace, place.user, path) if place.group is None else _in_group(places, place, path)
            if found is None and known:
                context.findings(finding(NODE_GONE, "metadata", _subject(place.workspace, place.user or place.group, path)))
                continue
            yield NodeMeta(place.workspace, place.user, place.group, found or path, entry)


def _in_group(places: Places, place: OutsideFile, path: NodePath) -> tuple[NodePath | None, bool]:
    root = places.group_root(place.workspace, place.group or "/")
    if root is None or root.folder is None:
        return None, False
    return (None if root.missing else locate(root.folder, path, places.charset(place.workspace))), True


def _of_one_person(context: Context, places: Places, place: OutsideFile, path: NodePath, entry: StoredMeta) -> Iterator[NodeMeta]:
    """An entry of a file that all users of a workspace shared (up to 4.2): whose node it is has to be proven.

    A private bucket names its user. Otherwise the node must be there in one user's folder only; else nobody gets it."""
    charset = places.charset(place.workspace)
    having = []
    for root in places.roots(place.workspace, entry.bucket):
        if root.folder is not None and not root.missing:
            found = locate(root.folder, path, charset)
            if found is not None:
                having.append((root, found))
    if len(having) == 1:
        root, found = having[0]
        yield NodeMeta(place.workspace, root.user, root.group, found, entry)
    elif entry.namespace in (USERS_META, LOCK, WATCH):
        report = WHOSE_UNKNOWN if having else NODE_GONE
        context.findings(finding(report, "metadata", _subject(place.workspace, None, path), count=len(having)))


def _subject(workspace: str, whose: str | None, path: str) -> str:
    return f"{workspace}{f' ({whose})' if whose else ''}:{shown(os.fsencode(path))}"
