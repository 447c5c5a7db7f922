"""What did people share, with whom, and through which links?

A share is a child workspace: with people when somebody has a right on it, with a link when one names it, or both. Old
links to single files (publiclets) have no child. What cannot be trusted is listed with a `problem` and never published:
on doubt about a protection or a right there is less access than before, never more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from migrate.errors import Code, finding
from migrate.extract.children import NoTarget, Target, filtered_paths, target_of
from migrate.extract.definitions import WorkspaceDefinition
from migrate.extract.downloads import logged_downloads
from migrate.extract.grants import Grants, HiddenUser, Holder, collect_grants, made_by_application
from migrate.extract.links import MINISITE, PUBLICLET, StoredLink
from migrate.extract.marks import ShareMarks
from migrate.extract.names import UnsafePath, node_path
from migrate.extract.php.values import PhpObject
from migrate.extract.places import Places
from migrate.extract.plain import text
from migrate.extract.records import Link, Login, NodePath, Share, ShareEntry, WorkspaceId
from migrate.extract.sharefindings import (
    ANONYMOUS_OWNER,
    CHILD_GONE,
    COUNT_UNKNOWN,
    GROUP_UNKNOWN,
    LEFTOVER,
    OWNER_GONE,
    PROTECTION_UNKNOWN,
    REMOTE_RECEIVED,
    REMOTE_SENT,
    REMOTE_SHARE,
    RESTRICTED,
    ROLE_RECIPIENT,
    SELECTION,
    SIGN_IN,
    TARGET_GONE,
    TARGET_UNKNOWN,
    WORKSPACE_GONE,
)
from migrate.rights import Right

if TYPE_CHECKING:
    from migrate.extract.context import Context


@dataclass(slots=True)
class _Reading:
    """What is looked up again and again while shares are read."""

    context: Context
    grants: Grants
    places: Places
    marks: ShareMarks
    teams: dict[str, str]
    groups: set[str]
    by_child: dict[str, list[StoredLink]] = field(default_factory=dict)
    logged: dict[str, int] | None = field(default_factory=dict)

    def report(self, entry: Code, subject: str, **fields: object) -> str:
        self.context.findings(finding(entry, "shares", subject, **fields))
        return entry.code


def technical_logins(context: Context) -> set[str]:
    """Logins behind links of all versions, flagged or not: they are nobody. Needs no knowledge of users.

    Opening a file link of 5.x left traces of a user named like the link; such names count where the application chose
    them (a handle that a person chose may well be somebody's login)."""
    found = set()
    for link in context.links:
        if link.hidden and made_by_application(link.hidden):
            found.update((link.hidden, link.hidden.lower()))
        if link.kind == PUBLICLET and link.genuine:
            found.add(link.hash)
    return found


def read_shares(context: Context) -> Iterator[Share]:
    """Every share: children in the order of the storage (a child's first link carries its recipients), then file links."""
    links = context.links
    hidden = {link.hidden for link in links if link.hidden}
    reading = _Reading(context, collect_grants(context, hidden), Places(context), ShareMarks(context), _teams(context), _groups(context))
    if context.installation.facts.conf == "serial":
        uncounted = {link.hidden for link in links if link.hidden and link.limit and not link.counted}
        reading.logged = logged_downloads(context, uncounted) if uncounted else {}
    try:
        loose = []
        for link in links:
            if link.kind == MINISITE and link.child is not None:
                reading.by_child.setdefault(link.child, []).append(link)
            else:
                loose.append(link)
        for child in context.workspaces.values():
            if child.shared_child:
                yield from _shares_of(reading, child, reading.by_child.pop(child.id, []))
        for link in loose:
            yield _publiclet(reading, link)
        for orphans in reading.by_child.values():
            yield from (_orphan(reading, link) for link in orphans)
        _report_received(reading)
    finally:
        reading.grants.close()
        reading.places.close()


def _report_received(reading: _Reading) -> None:
    """Shares of other servers (6.3 and later) are addresses, not data."""
    for row in reading.context.store.objects("ocs_remote_share"):
        if isinstance(row.data, PhpObject):
            login, name, host = (text(row.data.get(field)) or "?" for field in ("user", "documentName", "host"))
            reading.report(REMOTE_RECEIVED, row.id, login=login, name=name, host=host)
    for row in reading.context.store.objects("ocs_invitation"):
        if isinstance(row.data, PhpObject):
            names = ("owner", "documentName", "targetUser", "targetHost")
            login, name, user, host = (text(row.data.get(field)) or "?" for field in names)
            reading.report(REMOTE_SENT, row.id, login=login, name=name, user=user, host=host)


def _teams(context: Context) -> dict[str, str]:
    """Team id -> owner, from the table of 5.1 to 7; teams of 8.x are roles with an owner."""
    return {team: owner for team, _, owner, _ in context.store.teams()}


def _groups(context: Context) -> set[str]:
    """Every group path, parents included."""
    found = {"/"}
    for path in (*(path for path, _ in context.store.groups()), *context.logins.groups()):
        steps = [step for step in path.split("/") if step]
        found.update("/" + "/".join(steps[: n + 1]) for n in range(len(steps)))
    return found


def _shares_of(reading: _Reading, child: WorkspaceDefinition, links: list[StoredLink]) -> Iterator[Share]:
    """The shares of one child: one per link, or one with people alone."""
    owner, problem = _owner(reading, child.owner or "", child.id)
    entries = tuple(_entries(reading, child, owner))
    if not entries and not links:
        reading.report(LEFTOVER, child.id, owner=owner)
        return
    target, target_problem = _target(reading, child, owner, links)
    workspace = child.parent_id or ""
    if workspace not in reading.context.workspaces:
        target_problem = reading.report(WORKSPACE_GONE, child.id, owner=owner, workspace=workspace)
    path, is_file, gone = _node(reading, child, target, owner)
    share = Share(
        child_workspace_id=WorkspaceId(child.id),
        owner=Login(owner),
        workspace=WorkspaceId(workspace),
        path=path,
        is_file=is_file,
        label=child.label,
        description=text(child.options.get("USER_DESCRIPTION")) or "",
        entries=entries,
        problem=problem or target_problem or gone,
    )
    if not links:
        yield share
    for stored in links:
        link, link_problem = _minisite(reading, child, stored, owner, entries)
        if link_problem and share.entries and not share.problem:
            # What is wrong with the link must not take the share from the people it names.
            yield share
            share = replace(share, entries=())
        yield replace(share, link=link, problem=share.problem or link_problem)
        share = replace(share, entries=())


def _owner(reading: _Reading, stored: str, subject: str) -> tuple[str, str | None]:
    """The owner's login as his account has it, and the problem when there is no such person."""
    known = reading.context.login(stored)
    if known is not None and known.is_person:
        return known.login, None
    return stored, reading.report(OWNER_GONE, subject, owner=stored or "nobody")


def _target(reading: _Reading, child: WorkspaceDefinition, owner: str, links: list[StoredLink]) -> tuple[Target, str | None]:
    """What a child shows; when its stored path is stale, the mark that the application left on the node tells."""
    try:
        return target_of(reading.context, child), None
    except NoTarget as error:
        if error.reason == "stale":
            found = _marked(reading, child, [child.id, *(link.hash for link in links)])
            if found is not None:
                return found, None
        return Target(NodePath("/")), reading.report(TARGET_UNKNOWN, child.id, owner=owner, reason=_REASONS[error.reason])


def _marked(reading: _Reading, child: WorkspaceDefinition, names: list[str]) -> Target | None:
    """What the mark on a node says that a child shows; a single file only when the mark is on a file of that name."""
    marked = reading.marks.path_of(child.parent_id or "", names)
    if marked is None:
        return None
    try:
        filtered = [node_path(path) for path in filtered_paths(child)]
    except (NoTarget, UnsafePath):
        return None
    if not filtered:
        return Target(marked)
    same = len(filtered) == 1 and os.path.basename(filtered[0]) == os.path.basename(marked)
    return Target(NodePath("/"), (marked,)) if same else None


_REASONS = {
    "parent": "its workspace is missing",
    "stale": "the stored path lies outside its workspace",
    "unsafe": "the stored path leads out of its workspace",
    "filter": "its list of files cannot be read",
}


def _node(reading: _Reading, child: WorkspaceDefinition, target: Target, owner: str) -> tuple[NodePath, bool, str | None]:
    """Path as the storage spells it, whether it is a file, and the problem when it is gone or a selection."""
    workspace = child.parent_id or ""
    problem = None
    if len(target.filtered) > 1:
        problem = reading.report(SELECTION, child.id, owner=owner, count=len(target.filtered))
    return _existing(reading, workspace, owner, target.path, len(target.filtered) == 1, child.id, problem)


def _existing(
    reading: _Reading, workspace: str, owner: str, path: NodePath, is_file: bool, subject: str, problem: str | None
) -> tuple[NodePath, bool, str | None]:
    found, known = reading.places.find(workspace, owner, path)
    if found is None:
        gone = reading.report(TARGET_GONE, subject, owner=owner, path=_shown(path)) if known else None
        return path, is_file, problem or gone
    place = reading.places.place(workspace, owner)
    if place is not None and place.root.folder is not None and found != "/":
        real = os.path.join(place.root.folder, place.inside.strip("/"), found.strip("/"))
        is_file = not os.path.isdir(real)
    return found, is_file, problem


def _shown(path: str) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _entries(reading: _Reading, child: WorkspaceDefinition, owner: str) -> Iterator[ShareEntry]:
    """Whom the child names: people, groups and teams with a right on it. The owner has it through the parent already."""
    for holder in reading.grants.of(child.id):
        if holder.kind == "user":
            known = reading.context.login(holder.id)
            if known is not None and known.is_person and known.login != owner:
                yield ShareEntry("user", known.login, holder.right)
        elif holder.kind == "group":
            # Before 6.2, and with the file drivers, the role of the root group applied to nobody.
            if holder.id in reading.groups and (holder.id != "/" or reading.context.era.root_group):
                yield ShareEntry("group", holder.id, holder.right)
            else:
                reading.report(GROUP_UNKNOWN, child.id, owner=owner, group=holder.id)
        elif _is_team(reading, holder):
            yield ShareEntry("team", holder.id, holder.right)
        else:
            reading.report(ROLE_RECIPIENT, child.id, owner=owner, role=holder.id)


def _is_team(reading: _Reading, holder: Holder) -> bool:
    return holder.owner is not None or holder.id in reading.teams


def _minisite(
    reading: _Reading, child: WorkspaceDefinition, stored: StoredLink, owner: str, entries: tuple[ShareEntry, ...]
) -> tuple[Link, str | None]:
    """The link of a child, and the problem that keeps it from being published."""
    no_download = stored.no_download or child.id in reading.grants.no_download
    if not stored.hidden:
        reading.report(SIGN_IN, stored.hash, owner=owner)
        right = Right.NONE
        for entry in entries:
            right |= entry.right
        return _link(reading, stored, right, no_download, login_required=True), None
    hidden = reading.grants.hidden.get(stored.hidden.lower())
    right = hidden.rights.get(child.id, Right.NONE) if hidden is not None else Right.NONE
    link = _link(reading, stored, right, no_download or (hidden is not None and hidden.no_download), hidden)
    _notes(reading, stored, owner)
    if hidden is None or right is Right.NONE or (stored.asks_password and not (hidden.password or stored.password)):
        return link, reading.report(PROTECTION_UNKNOWN, stored.hash, owner=owner)
    return link, None


def _link(
    reading: _Reading, stored: StoredLink, right: Right, no_download: bool, hidden: HiddenUser | None = None, login_required: bool = False
) -> Link:
    # `ajxp_unique_dl` is a page with a download button and no preview: the stored right is `r` all the same.
    preview = right.readable and stored.layout != "ajxp_unique_dl"
    return Link(
        hash=stored.hash,
        has_password=stored.asks_password,
        password=stored.password,
        password_hash=hidden.password if hidden is not None and stored.asks_password else None,
        read=preview,
        write=right.writable,
        download=right.readable and not no_download,
        expires_at=stored.expires_at,
        # Only the date counts here: whether the downloads are used up follows from limit and count.
        expired=stored.expires_at is not None and stored.expires_at < reading.context.now,
        download_limit=stored.limit,
        download_count=_count(reading, stored),
        layout=stored.layout,
        target_users=stored.targets,
        target_names=stored.target_names,
        restricted=stored.restricted,
        login_required=login_required,
    )


def _count(reading: _Reading, stored: StoredLink) -> int:
    """Downloads so far. Unknown counts as used up: 0 would open an exhausted link again."""
    if stored.count is None:
        return stored.limit or 0
    if stored.counted or stored.limit is None or stored.hidden is None:
        return stored.count
    if reading.context.installation.facts.conf != "serial":
        return stored.count
    if reading.logged is None:
        reading.report(COUNT_UNKNOWN, stored.hash, limit=stored.limit)
        return stored.limit
    return reading.logged.get(stored.hidden, 0)


def _notes(reading: _Reading, stored: StoredLink, owner: str) -> None:
    if stored.restricted:
        reading.report(RESTRICTED, stored.hash, owner=owner, names=", ".join(stored.target_names) or "nobody")
    if stored.remote:
        reading.report(REMOTE_SHARE, stored.hash, owner=owner)


def _publiclet(reading: _Reading, stored: StoredLink) -> Share:
    """A link to one file without a child workspace."""
    if stored.owner is None:
        owner, problem = "", reading.report(ANONYMOUS_OWNER, stored.hash)
    else:
        owner, problem = _owner(reading, stored.owner, stored.hash)
    link = _link(reading, stored, Right.READ, stored.no_download)
    _notes(reading, stored, owner)
    workspace = stored.workspace or ""
    path, is_file = NodePath("/"), True
    try:
        path = node_path(stored.file if isinstance(stored.file, (bytes, str)) else None)
    except UnsafePath:
        problem = problem or reading.report(TARGET_UNKNOWN, stored.hash, owner=owner, reason=_REASONS["unsafe"])
    if workspace not in reading.context.workspaces:
        problem = problem or reading.report(WORKSPACE_GONE, stored.hash, owner=owner, workspace=workspace or "?")
    elif path == "/":
        problem = problem or reading.report(TARGET_UNKNOWN, stored.hash, owner=owner, reason="no file is stored")
    else:
        path, is_file, problem = _existing(reading, workspace, owner, path, True, stored.hash, problem)
    return Share(
        child_workspace_id=None,
        owner=Login(owner),
        workspace=WorkspaceId(workspace),
        path=path,
        is_file=is_file,
        label=_shown(os.path.basename(path)),
        # The page of such a link offers the file and nothing else: no listing, no preview.
        link=replace(link, read=False),
        problem=problem,
    )


def _orphan(reading: _Reading, stored: StoredLink) -> Share:
    """A link whose child workspace is gone: listed, never published."""
    owner = stored.owner or ""
    return Share(
        child_workspace_id=WorkspaceId(stored.child) if stored.child else None,
        owner=Login(owner),
        workspace=WorkspaceId(""),
        path=NodePath("/"),
        is_file=False,
        link=_link(reading, stored, Right.NONE, True),
        problem=reading.report(CHILD_GONE, stored.hash, owner=owner),
    )
