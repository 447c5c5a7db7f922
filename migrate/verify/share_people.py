"""Do people find what they own and what was shared with them, and nothing else? Asked in their own sessions, where they can be signed in.

Rules read with an administrator's eyes prove rights; this proves that the server makes of them what people see."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from migrate.cells.api import discovery, shares
from migrate.cells.errors import CellsUnusable
from migrate.cells.models import LiveLink
from migrate.cells.session import Session
from migrate.errors import Severity, code, finding
from migrate.ledger import Ledger
from migrate.rights import Right
from migrate.text import shown
from migrate.transform.share_actions import CreateCell, CreateLink, ShareRight
from migrate.verify.difference import Verdict
from migrate.verify.sight import Sight

SAMPLE = 25
"""People that are signed in unless all are asked for."""
NOT_ASKED = code("F6121", Severity.INFO, "{subject} people with shares were not asked in their own sessions: no password or token of theirs is at hand, or a "
                 "sample was enough.", "Run `verify --share-sessions all` to ask everybody whose temporary password still holds.")

NOT_LISTED = code("F6123", Severity.WARNING, "Share {subject} belongs to {owner}, who may not see what it shows: Cells does not list it among the person's own "
                  "shares.", "Give {owner} a right on {node}, or hand the share to somebody who has one; administrators see and change it in any case.",
                  "Cells lists a link or cell only for an owner who sees its file or folder through a workspace or cell. The rules give this one no right "
                  "there, and a right that was lost on the way is a difference of its own. An owner who may see it and does not find it is a difference.")

Enter = Callable[[str], "Session | None"]
"""Login in Cells -> a session of that person; None when nothing is at hand."""


@dataclass
class PeopleCheck:
    """One comparison. `most`: how many people are signed in, None for all. `links`: of this plan, as they are now."""

    ledger: Ledger
    verdict: Verdict
    enter: Enter
    cells: Mapping[str, CreateCell]
    own: Mapping[str, Mapping[str, ShareRight]]
    links: Mapping[str, tuple[CreateLink, LiveLink]]
    sight: Sight
    most: int | None = SAMPLE

    def run(self) -> None:
        """Owners and members, in order of their logins."""
        people = {old: target for old, target in self.ledger.targets("users") if target.get("login") and target.get("uuid")}
        by_login = {str(target["login"]): old for old, target in people.items()}
        children = {key: str(target["uuid"]) for key, target in self.ledger.targets("shares") if target.get("kind") == "cell"}
        given: dict[str, dict[str, Right]] = {}
        for old, workspace, _, planned, _ in self.ledger.access():
            if workspace in children and old in people and planned:
                given.setdefault(str(people[old]["login"]), {})[children[workspace]] = Right.from_letters(planned)
        owners = {cell.owner_login for cell in self.cells.values()} | {plan.owner_login for plan, _ in self.links.values()}
        concerned = sorted({*given, *owners} & by_login.keys())
        asked = 0
        for login in concerned:
            if self.most is not None and asked >= self.most:
                break
            session = self.enter(login)
            if session is None:
                continue
            with session:
                try:
                    self._person(session, login, str(people[by_login[login]]["uuid"]), given.get(login, {}))
                    asked += 1
                except CellsUnusable:
                    continue  # the account was locked or given another password this moment
        self.verdict.checked["people asked about shares"] += asked
        if asked < len(concerned):
            self.verdict.findings.append(finding(NOT_ASKED, "shares", str(len(concerned) - asked)))

    def _person(self, session: Session, login: str, uuid: str, given: Mapping[str, Right]) -> None:
        told = {key: Right.from_letters(letters) for key, letters in discovery.accesses(session).items()}
        mine = shares.own_shares(session)
        for key, cell in self.cells.items():
            name, seen = f"cell {cell.label}: {login} (signed in)", told.get(key, Right.NONE)
            wanted = given.get(key, Right.NONE)
            said = self.own.get(key, {}).get(uuid)
            if cell.owner_login == login:
                if not seen or key not in mine:
                    self._not_found(name, cell.label, uuid, login, cell.node)
            elif not wanted.within(seen):
                self.verdict.differs("shares", name, wanted.letters, seen.letters or "none")
            elif seen and not wanted and (said is None or not seen.within(said.right)):
                self.verdict.differs("shares", name, "none", seen.letters, wider=True)
        for node, links in self._owned(login).items():
            if not mine.isdisjoint({*links, *(root for _, link in self.links.values() if link.uuid in links for root in link.roots)}):
                continue
            for key in links.values():
                self._not_found(f"link {key}: {login} (signed in)", key, uuid, login, node)

    def _not_found(self, name: str, key: str, uuid: str, login: str, node: str) -> None:
        """An owner does not find a share: a difference, unless the rules let the owner see nothing of what it shows."""
        if self.sight.sees(uuid, login, node):
            self.verdict.differs("shares", name, "finds it among the own shares", "does not find it")
        else:
            self.verdict.findings.append(finding(NOT_LISTED, "shares", key, owner=login, node=shown(node.encode("utf-8", "surrogateescape"))))

    def _owned(self, login: str) -> dict[str, dict[str, str]]:
        """Node -> uuid of each of the person's links on it -> old hash: of several on a node the server lists one."""
        by_node: dict[str, dict[str, str]] = {}
        for plan, link in self.links.values():
            if plan.owner_login == login:
                by_node.setdefault(str(plan.node), {})[link.uuid] = plan.key
        return by_node
