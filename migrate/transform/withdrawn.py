"""What did earlier runs bring that the old server does not have any more? It is taken back where Cells still holds it as it was brought.

People's locks and rights are dealt with where they are planned; here are the small things (values, watches, bookmarks, locks of
files, quotas), and on request what would be deleted: groups, roles, workspaces, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.cells.models import MY_FILES, Target, data_source_root
from migrate.errors import Finding, Severity, code, finding
from migrate.transform.actions import Action, CreateGroup, CreateRole, CreateWorkspace
from migrate.transform.file_actions import RemoveFiles
from migrate.transform.metadata_actions import (
    BATCH,
    RemoveBookmarks,
    RemoveLocks,
    RemoveValues,
    RestoreQuota,
    RestoreWatches,
    SetBookmarks,
    SetLocks,
    SetQuota,
    SetWatches,
    WriteValues,
)
from migrate.transform.parts import Outcome

Pair = tuple[str, str]

NOT_READ = code("F2921", Severity.WARNING,
                "Part of the old server's {subject} could not be read this time; what earlier runs brought of it is left in Cells as it is.",
                "See the errors about {subject}. Make that readable and plan again: then what is really gone there is taken back.",
                "What cannot be read looks like what was removed. Nothing is taken out of Cells for that.")
DOUBT: dict[str, frozenset[str]] = {
    "metadata": frozenset({"metadata", "locks"}), "comments": frozenset({"metadata"}), "locks": frozenset({"locks"}),
    "watches": frozenset({"watches"}), "bookmarks": frozenset({"bookmarks"}), "preferences": frozenset({"quotas"}),
    "users": frozenset({"quotas", "bookmarks", "watches"}), "groups": frozenset({"groups"}), "roles": frozenset({"roles", "quotas"}),
    "teams": frozenset({"roles"}), "files": frozenset({"files"}),
    "workspaces": frozenset({"metadata", "locks", "watches", "bookmarks", "quotas", "workspaces", "files"}),
    "installation": frozenset({"metadata", "locks", "watches", "bookmarks", "quotas", "workspaces", "files", "groups", "roles"}),
}
"""Kind of an error in reading -> what is not taken back then. Comments are values, too."""


@dataclass
class Wanted:
    """What the new plan wants, by natural keys. `values`: (node, namespace); `watches`: (login, node) -> events; `bookmarks`: (login, node);
    `locks`: nodes; `quotas`: (role, workspace, node); `uuids`: of groups, roles, teams, workspaces."""

    values: set[Pair] = field(default_factory=set)
    watches: dict[Pair, frozenset[str]] = field(default_factory=dict)
    bookmarks: set[Pair] = field(default_factory=set)
    locks: set[str] = field(default_factory=set)
    quotas: set[tuple[str, str, str]] = field(default_factory=set)
    uuids: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, targets: Mapping[str, Iterable[Mapping[str, Any]]]) -> Wanted:
        """From what the ledger keeps of the plan: kind -> bodies of targets."""
        wanted = cls()
        for kind in ("metadata", "comments"):
            wanted.values |= {(str(b["node"]), ns) for b in targets.get(kind, ()) for ns in b.get("values", {})}
        for body in targets.get("watches", ()):
            key = (str(body["login"]), str(body["node"]))
            wanted.watches[key] = wanted.watches.get(key, frozenset()) | frozenset(body["events"])
        wanted.bookmarks = {(str(b["login"]), str(b["node"])) for b in targets.get("bookmarks", ())}
        wanted.locks = {str(b["node"]) for b in targets.get("locks", ())}
        wanted.quotas = {(str(b["role"]), str(b["workspace"]), str(b["node"])) for b in targets.get("quotas", ())}
        wanted.uuids = {str(b["uuid"]) for kind in ("groups", "roles", "teams", "workspaces") for b in targets.get(kind, ()) if b.get("uuid")}
        return wanted


class Withdrawn:
    """A part of a plan. `history`: what earlier runs did, newest first; `gone`: root -> (node, [(path below, etag, type)]) of files that
    left the old server; `delete`: kinds that are deleted."""

    kinds: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    targets: tuple[tuple[str, str, dict[str, Any]], ...] = ()

    def __init__(self, history: Iterable[Action], wanted: Wanted, target: Target, *, keep: Iterable[str] = (), delete: frozenset[str] = frozenset(),
                 gone: Mapping[str, tuple[str, list[tuple[str, str, str]]]] | None = None, unread: Iterable[str] = ()) -> None:
        """`keep`: uuids that stay whatever is deleted. `unread`: kinds of which something could not be read this time."""
        self._wanted, self._target, self._gone, self._keep = wanted, target, gone or {}, frozenset(keep)
        self._unread = frozenset(unread) & DOUBT.keys()
        self._doubtful = frozenset[str]().union(*(DOUBT[kind] for kind in self._unread))
        self._delete = delete - self._doubtful
        self._held = delete & self._doubtful
        self._values: dict[Pair, str | None] = {}
        self._watches: dict[Pair, tuple[str, tuple[Any, ...]] | None] = {}
        self._bookmarks: dict[Pair, str | None] = {}
        self._locks: dict[str, str | None] = {}
        self._quotas: dict[tuple[str, str, str], SetQuota | None] = {}
        self._made: list[CreateGroup | CreateRole | CreateWorkspace] = []
        for action in history:
            self._remember(action)

    def _remember(self, action: Action) -> None:
        """The newest word on each thing counts."""
        if isinstance(action, (WriteValues, RemoveValues)):
            for _, node, texts in action.items:
                for namespace, text in texts.items():
                    self._values.setdefault((node, namespace), text if isinstance(action, WriteValues) else None)
        elif isinstance(action, (SetWatches, RestoreWatches)):
            for item in action.items:
                self._watches.setdefault((action.login, item[1]), (action.old_login, tuple(item)) if isinstance(action, SetWatches) else None)
        elif isinstance(action, (SetBookmarks, RemoveBookmarks)):
            for item in action.items:
                self._bookmarks.setdefault((action.login, item[1]), action.old_login if isinstance(action, SetBookmarks) else None)
        elif isinstance(action, (SetLocks, RemoveLocks)):
            for _, node, login in action.items:
                self._locks.setdefault(node, login if isinstance(action, SetLocks) else None)
        elif isinstance(action, (SetQuota, RestoreQuota)):
            self._quotas.setdefault((action.role, action.workspace, action.node), action if isinstance(action, SetQuota) else None)
        elif isinstance(action, (CreateGroup, CreateRole, CreateWorkspace)):
            self._made.append(action)

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """In no order: their phases put them at the end of a run."""
        for kind, action in self._all():
            if kind in self._doubtful:
                self._held |= {kind}
            else:
                yield action, False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is held back because of doubt; complete when `actions` were read."""
        return tuple(finding(NOT_READ, kind, kind) for kind in sorted(self._unread) if DOUBT[kind] & self._held)

    def _all(self) -> Iterator[tuple[str, Action]]:
        yield from (("metadata", action) for action in self._of_values())
        yield from (("watches", action) for action in self._of_watches())
        yield from (("bookmarks", action) for action in self._of_bookmarks())
        locks = [[[], node, login] for node, login in sorted(self._locks.items()) if login is not None and node not in self._wanted.locks]
        for start in range(0, len(locks), BATCH):
            yield "locks", RemoveLocks(tuple(locks[start:start + BATCH]))
        for key, quota in sorted(self._quotas.items()):
            if quota is not None and key not in self._wanted.quotas and self._live_quota(quota) == quota.amount:
                yield "quotas", RestoreQuota(quota.role, quota.workspace, quota.node, quota.before)
        yield from (("", action) for action in self._deletions())

    def _of_values(self) -> Iterator[Action]:
        gone: dict[str, list[Any]] = {}
        for (node, namespace), text in sorted(self._values.items()):
            if text is not None and (node, namespace) not in self._wanted.values:
                gone.setdefault(node.split("/", 1)[0], []).append([[], node, {namespace: text}])
        for source, items in sorted(gone.items()):
            for start in range(0, len(items), BATCH):
                yield RemoveValues(tuple(items[start:start + BATCH]), (source,))

    def _of_watches(self) -> Iterator[Action]:
        gone: dict[tuple[str, str], list[Any]] = {}
        for (login, node), known in sorted(self._watches.items()):
            if known is None:
                continue
            old_login, (_, _, events, before) = known
            left = self._wanted.watches.get((login, node), frozenset()) | frozenset(before)
            if not frozenset(events) <= left:
                gone.setdefault((login, old_login), []).append([[], node, list(events), sorted(left)])
        for (login, old_login), items in sorted(gone.items()):
            yield RestoreWatches(login, old_login, tuple(items))

    def _of_bookmarks(self) -> Iterator[Action]:
        gone: dict[tuple[str, str], list[Any]] = {}
        for (login, node), old_login in sorted(self._bookmarks.items()):
            if old_login is not None and (login, node) not in self._wanted.bookmarks and login in self._target.users:
                gone.setdefault((login, old_login), []).append([[], node])
        for (login, old_login), items in sorted(gone.items()):
            yield RemoveBookmarks(login, old_login, tuple(items))

    def _live_quota(self, quota: SetQuota) -> str:
        node = MY_FILES if quota.node == MY_FILES else self._target.nodes.get(quota.node, "")
        node = node or ("" if "/" in quota.node else data_source_root(quota.node))
        return next((a.value for a in self._target.acls if a.action == "quota" and (a.role, a.workspace) == (quota.role, quota.workspace)
                     and (not node or a.node == node)), "")

    def _deletions(self) -> Iterator[Action]:
        for made in self._made:
            if made.uuid in self._wanted.uuids | self._keep or made.kind not in self._delete | ({"teams"} if "roles" in self._delete else set()):
                continue
            reverse = made.reverse()
            if reverse is not None and self._untouched(made):
                yield reverse
        for root, (node, files) in sorted(self._gone.items()) if "files" in self._delete else ():
            for start in range(0, len(files), BATCH):
                yield RemoveFiles(root, node, tuple(list(file) for file in files[start:start + BATCH]))

    def _untouched(self, made: CreateGroup | CreateRole | CreateWorkspace) -> bool:
        if isinstance(made, CreateGroup):
            group = self._target.groups.get(made.path)
            return group is not None and (group.uuid, group.display_name) == (made.uuid, made.display_name)
        if isinstance(made, CreateRole):
            role = self._target.roles.get(made.uuid)
            return role is not None and role.label == made.label
        live = self._target.workspaces.get(made.uuid)
        return live is not None and (live.label, live.description) == (made.label, made.description)
