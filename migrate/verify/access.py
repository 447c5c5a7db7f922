"""May everybody in Cells do exactly what they could on the old server? Computed from the live rules, compared per person."""

from __future__ import annotations

import itertools
import posixpath
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.cells.models import MY_FILES, AccessModel, LiveWorkspace, Masks, User, data_source_root, effective, node_parents
from migrate.errors import finding
from migrate.ledger import Ledger
from migrate.rights import Right
from migrate.verify.difference import UNLOCATED, Options, Verdict
from migrate.verify.expected import PERSONAL, Expected
from migrate.verify.people import existed
from migrate.verify.scratch import Scratch


@dataclass
class Places:
    """Where nodes lie: id -> path and back. Roots of data sources are known by their names."""

    paths: dict[str, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)

    def put(self, uuid: str, path: str) -> None:
        """Remember a node."""
        self.paths[uuid] = path
        self.ids[path] = uuid

    def path(self, node: str, login: str) -> str | None:
        """Path of a node as this person reaches it; None when unknown."""
        if node == MY_FILES:
            return f"{PERSONAL}/{login}"
        if node.startswith("DATASOURCE:"):
            return node[len("DATASOURCE:"):]
        return self.paths.get(node)

    def chain(self, path: str) -> list[str]:
        """Ids from a path up to its data source. A personal folder also stands for `my-files`; unknown folders have no rules."""
        chain: list[str] = []
        for part in node_parents(path):
            if part in self.ids:
                chain.append(self.ids[part])
            if part.count("/") == 1 and part.startswith(PERSONAL + "/"):
                chain.append(MY_FILES)
            if "/" not in part:
                chain.append(data_source_root(part))
        return chain


@dataclass(frozen=True)
class Pair:
    """A person and an old workspace. `home`: path of the folder that is the root for this person; `paths`: path in Cells -> right."""

    workspace: str
    before: Right
    planned: Right
    code: str | None
    uuid: str | None
    home: str | None
    paths: Mapping[str, Right]

    def right_at(self, path: str) -> Right:
        """Right the old server gave on a path at or below `home`: that of the nearest masked folder upwards, else the workspace's."""
        if not self.before and not self.paths:
            return Right.NONE
        for part in node_parents(path):
            if part in self.paths:
                return self.paths[part]
        return self.before

    def covers(self, path: str) -> bool:
        """Whether a path lies in this workspace as this person has it."""
        return self.home is not None and (path == self.home or path.startswith(self.home + "/"))


@dataclass
class AccessCheck:
    """One comparison over all people. `workspaces`: live ones by uuid."""

    expected: Expected
    model: AccessModel
    places: Places
    workspaces: Mapping[str, LiveWorkspace]
    scratch: Scratch
    verdict: Verdict
    options: Options
    claimed: dict[str, str] = field(default_factory=dict)
    """New folder of somebody who had none on the old server -> whose it is (a login, or a group path)."""

    def run(self, ledger: Ledger, users: Mapping[str, User]) -> None:
        """Every person that was carried, one after the other, in constant memory."""
        for login, rows in itertools.groupby(ledger.access(), key=lambda row: row[0]):
            target = self.expected.users.get(login)
            user = users.get(target["login"]) if target else None
            record = ledger.record("users", login) or {}
            masks, roots = (self.model.masks(user.roles), self.model.roots(user.roles)) if user is not None else ({}, {})
            pairs = [self._pair(ledger, login, record.get("group") or "/", row, roots) for row in rows]
            if target is None or user is None:
                for pair in pairs:
                    self.verdict.checked["access"] += 1
                    if pair.code:
                        self.verdict.accepted[pair.code] += 1
                    elif pair.before and target is not None:
                        self._differs(login, pair.workspace, "", pair.before, Right.NONE)
                continue
            for pair in pairs:
                self._compare(login, user, pair, pairs, masks, roots)
            if not existed(target):
                self._others(login, user, pairs, masks, roots)
            self.options.progress("access", len(pairs))

    def _pair(self, ledger: Ledger, login: str, group: str, row: tuple[str, str, str, str, str | None],
              roots: Mapping[str, set[str]]) -> Pair:
        _, old, before, planned, code = row
        target = self.expected.workspace(old)
        home = self.expected.home(old, login, group)
        if home is None and target is not None and self.expected.personal(old):
            home = self._new_folder(old, login, group, target["uuid"], roots.get(target["uuid"], set()))
        elif home is None and target is not None:
            live = self.workspaces.get(target["uuid"])
            known = sorted(path.strip("/") for path in live.roots.values()) if live else []
            home = known[0] if len(known) == 1 and known[0] != MY_FILES else None  # a cell: its root is what was shared
        masks: dict[str, Right] = {}
        stored = (ledger.record("access", login) or {}).get("paths", {}).get(old) or {} if self.options.masks else {}
        for path, letters in stored.items():
            if home is not None:
                masks[self._in_cells(old, login, group, home, path)] = Right.from_letters(letters)
        code = None if code and code.startswith("E") else code  # an error code says that the right failed, not that its loss was announced
        return Pair(old, Right.from_letters(before), Right.from_letters(planned), code, target["uuid"] if target else None, home, masks)

    def _new_folder(self, old: str, login: str, group: str, uuid: str, seen: set[str]) -> str | None:
        """The empty folder that somebody without one on the old server got: a folder right below the workspace's root that is
        nobody else's. The first one to have it keeps it; for everybody after that it is a foreign folder."""
        live = self.workspaces.get(uuid)
        tops = {path.strip("/") for path in live.roots.values()} if live else set()
        taken = set(self.expected.roots.values())
        whose = group if self.expected.workspaces[old].get("scope") == "group" else login
        for node in sorted(seen):
            path = self.places.path(node, self.expected.users.get(login, {}).get("login", login))
            if path is not None and node == MY_FILES:
                return path
            if path is not None and posixpath.dirname(path) in tops and path not in taken and self.claimed.setdefault(path, whose) == whose:
                return path
        return None

    def _in_cells(self, old: str, login: str, group: str, home: str, path: str) -> str:
        """Path in Cells of a masked path, renamed folders included."""
        if path == "/":
            return home
        for key in (f"{old}\0{login}\0", f"{old}\0\0{group}", f"{old}\0\0"):
            found = self.scratch.path_of(key, path.encode("utf-8", "surrogateescape"))
            if found is not None:
                return found
        return posixpath.join(home, unicodedata.normalize("NFC", path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")).strip("/"))

    def _compare(self, login: str, user: User, pair: Pair, pairs: Iterable[Pair], masks: Masks, roots: Mapping[str, set[str]]) -> None:
        self.verdict.checked["access"] += 1
        if pair.uuid is None:
            if pair.code:
                self.verdict.accepted[pair.code] += 1
            elif pair.before:
                self._differs(login, pair.workspace, "", pair.before, Right.NONE)
            return
        seen = {node: self.places.path(node, user.login) for node in roots.get(pair.uuid, ())}
        inside = [path for path in seen.values() if path is not None and pair.covers(path)]
        for node, path in seen.items():
            if path is None and node not in self.workspaces.get(pair.uuid, LiveWorkspace("", "")).roots:
                self.verdict.findings.append(finding(UNLOCATED, "access", f"node {node} of workspace {pair.workspace}"))
            if path is not None and not pair.covers(path) and (pair.home is not None or self.expected.personal(pair.workspace)):
                right = effective(masks, self.places.chain(path))
                allowed = self._allowed(path, pairs)
                if right and not right.within(allowed):
                    self._differs(login, pair.workspace, f" (folder {path})", allowed, right)
        if pair.home is None:
            live = Right.NONE
            for node, path in seen.items():
                if path is None or not self.expected.personal(pair.workspace):  # otherwise it was said above to be somebody else's
                    live |= effective(masks, self.places.chain(path) if path else [node])
            self._judge(login, pair, "", pair.before, live)
            return
        home = next((p for p in inside if p == pair.home), None)
        at_home = effective(masks, self.places.chain(pair.home)) if home else Right.NONE
        before = pair.right_at(pair.home)
        if before and before.within(at_home):
            at_home &= before | ~self._allowed(pair.home, pairs)  # what another workspace on this folder gave is no surplus here
        self._judge(login, pair, "", before, at_home)
        below = {path for node, mask in masks.items() if mask and (path := self.places.path(node, user.login)) and path != pair.home and pair.covers(path)}
        for path in sorted(below | {p for p in pair.paths if p != pair.home}):
            reached = any(path == root or path.startswith(root + "/") for root in inside)
            live = effective(masks, self.places.chain(path)) if reached else Right.NONE
            before, allowed = pair.right_at(path), self._allowed(path, pairs)
            if not live.within(allowed):
                self._differs(login, pair.workspace, ":/" + posixpath.relpath(path, pair.home), allowed, live)
            elif not before.within(live):
                self._judge(login, pair, ":/" + posixpath.relpath(path, pair.home), before, live & before)

    def _allowed(self, path: str, pairs: Iterable[Pair]) -> Right:
        """All that the old server let this person do at a place, through any workspace or share. Rules of Cells hold per node,
        whatever the workspace: a right got through a share also shows in the workspace around it."""
        allowed = Right.NONE
        for pair in pairs:
            if pair.covers(path):
                allowed |= pair.right_at(path)
        return allowed

    def _judge(self, login: str, pair: Pair, where: str, before: Right, live: Right) -> None:
        if live == before:
            return
        if pair.code and (live.within(before) or live == pair.planned and not where):
            self.verdict.accepted[pair.code] += 1
            return
        self._differs(login, pair.workspace, where, before, live)

    def _others(self, login: str, user: User, pairs: Iterable[Pair], masks: Masks, roots: Mapping[str, set[str]]) -> None:
        """Workspaces that this person sees in Cells and that none of his old ones became."""
        mine = {pair.uuid for pair in pairs if pair.uuid}
        for uuid, nodes in roots.items():
            workspace = self.workspaces.get(uuid)
            if workspace is None or uuid in mine or uuid in self.options.allowed or workspace.slug in self.options.allowed:
                continue  # ids without a workspace are pages of the web client (home, settings)
            right = Right.NONE
            for node in nodes:
                path = self.places.path(node, user.login)
                live = effective(masks, self.places.chain(path) if path else [node])
                if path is None or workspace.scope != "ROOM" or not live.within(self._allowed(path, pairs)):
                    right |= live  # a cell on what the person could do anyway, such as an owner's, shows nothing new
            if right:
                self.verdict.checked["access"] += 1
                self._differs(login, workspace.slug or uuid, " (in Cells before, or somebody else's)", Right.NONE, right)

    def _differs(self, login: str, workspace: str, where: str, before: Right, live: Right) -> None:
        self.verdict.differs("access", f"{login}: {workspace}{where}", before.letters or "none", live.letters or "none", wider=not live.within(before))


def paths_needed(expected: Expected, workspaces: Iterable[LiveWorkspace]) -> set[str]:
    """Folders whose ids the comparison needs: all roots and everything above them."""
    needed: set[str] = set()
    for path in itertools.chain(expected.roots.values(), *(w.roots.values() for w in workspaces)):
        path = path.strip("/")
        if path and path != MY_FILES:
            needed.update(node_parents(path))
    return {path for path in needed if "/" in path}


def masked_paths(ledger: Ledger, check: Any) -> set[str]:
    """Paths in Cells of every folder that had a mask for somebody, with all folders above them."""
    needed: set[str] = set()
    for login, record in ledger.records("access"):
        group = (ledger.record("users", login) or {}).get("group") or "/"
        for old, paths in (record.get("paths") or {}).items():
            home = check.expected.home(old, login, group)
            if home is not None:
                for path in paths:
                    needed.update(node_parents(check._in_cells(old, login, group, home, path)))
    return {path for path in needed if "/" in path}
