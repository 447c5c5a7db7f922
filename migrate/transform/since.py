"""What changed since an earlier run, and on which side? What people changed in Cells since then is theirs: it is kept and named.

Three states are compared: what this migration said last (`said`, from the journal), what Cells says now, what the old server says
now. Where only the old server moved on, Cells follows. Where Cells is not as it was left, people were there: nothing is overwritten,
unless the administrator says that the old server wins."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.cells.models import Target
from migrate.errors import Code, Finding, Severity, code, finding
from migrate.transform.actions import Action, CreateDataSource, CreateFolder, CreateGroup, CreateRole, CreateUser, CreateWorkspace, RetireUser, SetRight
from migrate.transform.metadata_actions import PutField, SetParameter, SetPicture, SetQuota
from migrate.transform.share_actions import CreateCell, CreateLink, HandOverLink, ShareComplete, ShareRight
from migrate.transform.standing import Standing, actions_of

KEPT = code("F2910", Severity.WARNING, "{subject}: {what} in Cells since this migration last wrote it; it stays as people made it.",
            "Nothing to do if that is wanted. To let the old server win: plan again with --source-wins.",
            "The journal knows what this migration wrote. Cells now says something else, so somebody changed it there.")
OVERWRITTEN = code("F2911", Severity.WARNING,
                   "{subject}: {what} in Cells since this migration last wrote it; --source-wins brings back what the old server says.",
                   "Leave out --source-wins to keep what people made.")
GONE = code("S2912", Severity.WARNING, "Somebody removed it in Cells since this migration made it; it is not made again.",
            "Nothing to do if that is wanted. To make it again: plan with --source-wins.")
ANOTHER_ACCOUNT = code("F2913", Severity.WARNING,
                       "{subject}: the account of this login is not the one this migration made; somebody made another one in Cells. It gets no old rights.",
                       "If it is the same person: plan with --source-wins, which gives it the old rights.")
PUT_BACK = code("F2914", Severity.WARNING, "Cells does not hold {gone} of {made} things that this migration made, the role of everybody among them: "
                "it was put back to an earlier state. What is gone is made again.",
                "Nothing to do. If somebody removed it on purpose: undo, or leave this plan alone.")

REMOVED, CHANGED = "it was removed", "it was changed"
PURPOSE = ("before", "withdraw", "readers", "parent_made", "record", "why")
"""Fields of actions that say how, not what."""
WATCHED: tuple[type[Action], ...] = (CreateGroup, CreateRole, CreateUser, RetireUser, CreateWorkspace, SetRight, ShareRight, CreateCell, CreateLink,
                                     HandOverLink, ShareComplete, SetQuota, SetParameter, SetPicture, CreateFolder, CreateDataSource, PutField)
SILENT: tuple[type[Action], ...] = (HandOverLink, ShareComplete)
"""What follows from others and is not named on its own."""
SUBJECTS = {SetRight: "rights", ShareRight: "rights", CreateFolder: "files", CreateDataSource: "files"}


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that is left as people made it. `kind`, `subject`: as the report names it; `match`: (kind, subject) under which a
    verification may find it different; `gone`: it is not in Cells any more. `record`: (kind, key) of the old record.
    `named`: whether it is told; what only follows from something else is not."""

    kind: str
    subject: str
    what: str
    match: tuple[tuple[str, str], ...] = ()
    gone: bool = False
    record: tuple[str, str] | None = None
    named: bool = True


@dataclass
class Since:
    """Decides for single Actions. `said(id)`: the Action as this work folder last carried it out, None when it never did or
    took it back. `names`: uuid -> what people call it."""

    target: Target
    said: Callable[[str], Action | None]
    source_wins: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    persons: Container[str] = frozenset()
    """Uuids of people, whose own roles have the same."""
    links: frozenset[str] = frozenset()
    """Addresses of links in Cells."""
    left: set[str] = field(default_factory=set)
    """Ids of Actions that are left alone."""
    kept: list[Kept] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    """Uuids of what people removed: nothing is said about them any more."""
    others: set[str] = field(default_factory=set)
    """Uuids of accounts that people made under the login of one of ours."""

    def __post_init__(self) -> None:
        self._standing = Standing.of(self.target)

    def leaves(self, action: Action) -> bool:
        """Whether an Action that Cells does not hold as wanted is left alone, because people were there since. Remembers why."""
        if not isinstance(action, WATCHED):
            return False
        leaves = self._leaves(action)
        if leaves:
            self.left.add(action.id)
        return leaves

    def _leaves(self, action: Action) -> bool:
        before = self.said(action.id)
        if isinstance(action, (SetRight, ShareRight)) and self._concerns_lost(action):
            return not self.source_wins
        if before is None:
            return False
        gone = self._gone(action)
        if not gone and not isinstance(action, RetireUser) and self._moved_on(before, action) and self._stands(before) is not False:
            return False  # only the old server moved on
        self._remember(action, gone)
        return not self.source_wins

    def _moved_on(self, before: Action, action: Action) -> bool:
        """Whether the old server wants something else now."""
        if isinstance(before, CreateUser) and isinstance(action, CreateUser):
            return True  # what people changed of an account is kept attribute by attribute before
        if isinstance(before, SetQuota) and isinstance(action, SetQuota) and action.before != before.amount:
            return False  # `before` is what Cells says now
        if isinstance(before, SetParameter) and isinstance(action, SetParameter) and action.before != before.value:
            return False
        if isinstance(before, CreateCell) and isinstance(action, CreateCell) and (action.withdraw or before.readers != action.readers):
            return True
        return essence(before) != essence(action)

    def _concerns_lost(self, action: SetRight | ShareRight) -> bool:
        place = action.workspace if isinstance(action, SetRight) else action.cell
        if action.role in self.others:
            return True
        return action.role in self.lost or place in self.lost

    def _gone(self, action: Action) -> bool:
        target = self.target
        if isinstance(action, CreateUser):
            there = action.login in target.users
        elif isinstance(action, CreateGroup):
            there = action.path in target.groups
        elif isinstance(action, CreateRole):
            there = action.uuid in target.roles
        elif isinstance(action, CreateWorkspace):
            there = action.uuid in target.workspaces
        elif isinstance(action, CreateFolder):
            there = str(action.node) in target.nodes
        elif isinstance(action, CreateDataSource):
            there = action.name in target.data_sources
        elif isinstance(action, CreateCell):
            there = action.uuid in target.workspaces
        elif isinstance(action, (CreateLink, HandOverLink)):
            there = action.hash in self.links
        elif isinstance(action, ShareComplete):
            there = action.hash in self.links and action.cell in target.workspaces
        elif isinstance(action, SetRight):
            there = bool(self._standing.says(action.role, action.node, action.workspace))
        elif isinstance(action, ShareRight):
            there = bool(self._standing.says(action.role, action.node, action.cell))
        elif isinstance(action, (SetQuota, SetParameter)):
            there = bool(action.before)
        else:
            there = True
        if not there and isinstance(action, (CreateUser, CreateGroup, CreateRole, CreateWorkspace, CreateCell)) and not self.source_wins:
            self.lost.add(action.uuid)
        return not there

    def _stands(self, before: Action) -> bool | None:
        """Whether Cells still says what was said then; None where that cannot be told."""
        target = self.target
        if isinstance(before, SetRight):
            return self._standing.says(before.role, before.node, before.workspace) == actions_of(before.right, before.mode)
        if isinstance(before, ShareRight):
            return self._standing.says(before.role, before.node, before.cell) == actions_of(before.right, before.mode)
        if isinstance(before, CreateGroup):
            group = target.groups.get(before.path)
            return group is not None and group.display_name == before.display_name
        if isinstance(before, CreateRole):
            role = target.roles.get(before.uuid)
            return role is not None and role.label == before.label
        if isinstance(before, CreateWorkspace):
            live = target.workspaces.get(before.uuid)
            return live is not None and (live.label, live.description) == (before.label, before.description)
        return None

    def _remember(self, action: Action, gone: bool) -> None:
        record = str(getattr(action, "record", ""))
        match = tuple(self._match(action))
        if gone and isinstance(action, (CreateUser, CreateGroup, CreateRole)):
            match += (("members", action.uuid),)  # of cells: what is gone has no name there any more
        self.kept.append(Kept(SUBJECTS.get(type(action), action.kind), self.subject(action), REMOVED if gone else CHANGED, match, gone,
                              (action.kind, record) if record else None, not isinstance(action, SILENT)))

    def subject(self, action: Action) -> str:
        """What an administrator calls the thing an Action is about."""
        if isinstance(action, (SetRight, ShareRight)):
            place = action.workspace if isinstance(action, SetRight) else action.cell
            return f"right of {self.names.get(action.role, action.role)} on {self.names.get(place, place) or action.node} ({action.node})"
        record = str(getattr(action, "record", ""))
        if isinstance(action, SetQuota):
            return "quota of " + record.replace("\0", " on ")
        if isinstance(action, CreateLink):
            return action.key
        for name in ("login", "path", "label", "node", "name", "namespace"):
            value = getattr(action, name, "")
            if value:
                return str(value)
        return record or action.id

    def _match(self, action: Action) -> Iterable[tuple[str, str]]:
        """Differences that a verification may find because of it."""
        record = str(getattr(action, "record", ""))
        if isinstance(action, (SetRight, ShareRight)):
            place = action.workspace if isinstance(action, SetRight) else action.cell
            workspace = self.names.get(place, "")
            yield "access", f"{self.names.get(action.role, '') if action.role in self.persons else ''}\0{workspace}"
            yield "shares", workspace
        elif isinstance(action, CreateUser):
            yield from ((kind, record) for kind in ("users", "access", "teams", "watches", "bookmarks", "pictures", "start workspaces", "quotas", "passwords"))
        elif isinstance(action, CreateLink):
            yield from (("shares", f"link {action.hash}"), ("shares", action.key), ("shares", action.hash))
        elif isinstance(action, CreateCell):
            yield from (("shares", f"cell {action.label}"), ("shares", record), ("access", f"\0{self.names.get(action.uuid, '')}"))
        elif isinstance(action, CreateWorkspace):
            yield from (("workspaces", record), ("access", f"\0{record}"))
        elif isinstance(action, SetQuota):
            yield "quotas", record.replace("\0", " on ")
        elif isinstance(action, CreateFolder):
            yield "files", str(action.node)
        else:
            yield action.kind, record


def essence(action: Action) -> dict[str, Any]:
    """What an Action wants, without how it gets there."""
    return {f.name: getattr(action, f.name) for f in dataclasses.fields(action) if f.name not in PURPOSE}


def findings_of(kept: Iterable[Kept], source_wins: bool) -> list[Finding]:
    """One finding for each thing that people changed."""
    entry: Code = OVERWRITTEN if source_wins else KEPT
    return list(dict.fromkeys(finding(entry, k.kind, k.subject, what=k.what) for k in kept if k.named))
