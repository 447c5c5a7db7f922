"""Does an anonymous visitor get through each link what the old one gave, and do exactly the right people have each cell?

Links are opened as a browser does: page, sign-in of the hidden user, listing with sizes and checksums. No file is fetched, so
nothing counts as a download. A password that is not known here is never guessed: ten wrong ones lock a link."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.cells.api import acls, discovery, shares, tree
from migrate.cells.auth import GivenToken
from migrate.cells.errors import LoginRefused, NoAnswer, NotFound
from migrate.cells.models import LiveLink, Node, PublicPage, SharedSpace
from migrate.cells.session import Session
from migrate.errors import Severity, code, finding
from migrate.ledger import Ledger, State
from migrate.rights import Right
from migrate.text import shown
from migrate.transform.actions import from_json
from migrate.transform.share_actions import CreateCell, CreateLink, ShareRight
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected, root_path
from migrate.verify.share_people import SAMPLE, Enter, PeopleCheck
from migrate.verify.share_probe import NAME, probe
from migrate.verify.sight import Sight

NOT_OPENED = code("F6120", Severity.INFO, "Link {subject} has a password that is not known here; only its page was looked at.", "Open it once by hand.",
                  "This is so when the old password was put into the database of Cells, or in a work folder that did not make the link.")
SETTLED = ("migrated", "already")
KEPT_OUT = ("S3110",)
"""Reasons for leaving a link out because its address is somebody else's: then a page there is in order."""

Passwords = Callable[[str], "list[str]"]
"""Old hash -> passwords that may open the link, the likeliest first (at most two are tried)."""


@dataclass
class ShareCheck:
    """One comparison. `checksum(root key, path)`: MD5 of an old file, None when it cannot be told."""

    ledger: Ledger
    session: Session
    expected: Expected
    verdict: Verdict
    passwords: Passwords
    checksum: Callable[[str, bytes], str | None] | None = None
    enter: Enter | None = None
    most: int | None = SAMPLE
    probe: bool = False
    """Whether uploads are tried. `enter`, `most`: see share_people."""
    standing: dict[str, tuple[CreateLink, LiveLink]] = field(default_factory=dict)

    def run(self) -> None:
        """All links and cells that were planned, and that nothing was published which was left out."""
        outcomes = {key: (outcome, why) for key, outcome, why in self.ledger.unsettled("shares")}
        actions = {a.id: a for row in self.ledger.actions() if isinstance(a := from_json(row.body), (CreateCell, CreateLink, ShareRight))}
        links = {a.key: a for a in actions.values() if isinstance(a, CreateLink)}
        cells = {a.uuid: a for a in actions.values() if isinstance(a, CreateCell)}
        own: dict[str, dict[str, ShareRight]] = {}
        for action in actions.values():
            if isinstance(action, ShareRight):
                own.setdefault(action.cell, {})[action.role] = action
        if not outcomes:
            return
        spaces = {space.uuid: space for scope in ("ROOM", "LINK") for space in shares.search_shares(self.session, scope)}
        for key, body in self.ledger.records("shares"):
            hash_ = (body.get("link") or {}).get("hash")
            outcome, why = outcomes.get(key, (None, None))
            if hash_ and hash_ in links and outcome in SETTLED:
                self._link(hash_, body, links[hash_], spaces)
            elif hash_ and hash_ not in links:
                self._kept_out(hash_, why or "")
        for uuid, cell in cells.items():
            self._cell(cell, own.get(uuid, {}), spaces.get(uuid))
        if self.enter is not None:
            there = {uuid: cell for uuid, cell in cells.items() if uuid in spaces}
            PeopleCheck(self.ledger, self.verdict, self.enter, there, own, self.standing, Sight(self.session), self.most).run()

    # -- links ------------------------------------------------------------------------------------------------------------

    def _kept_out(self, hash_: str, why: str) -> None:
        page = shares.open_page(self.session, hash_)
        if page.state in ("open", "password") and why not in KEPT_OUT:
            self.verdict.differs("shares", f"link {hash_}", "not published", "its page opens", wider=True)

    def _link(self, hash_: str, body: Mapping[str, Any], plan: CreateLink, spaces: Mapping[str, SharedSpace]) -> None:
        name, old = f"link {hash_}", body["link"]
        self.verdict.checked["links"] += 1
        page = shares.open_page(self.session, plan.hash)
        link = shares.get_link(self.session, page.uuid) if page.uuid else None
        if link is None:
            if plan.downloads or (plan.expires and plan.expires <= time.time()):
                return  # used up or at its end since then: its page is not shown any more, as it should be
            self.verdict.differs("shares", name, "opens", f"does not open ({page.state})")
            return
        wanted = "password" if old["has_password"] else "open"
        if page.state != wanted or link.protected != old["has_password"]:
            self.verdict.differs("shares", name, f"{wanted} page", f"{page.state} page", wider=page.state == "open")
            return
        self.standing[hash_] = (plan, link)
        self._terms(name, plan, link)
        self._rules(name, plan, link)
        if link.owners != {plan.owner_uuid}:
            self.verdict.differs("shares", name, f"belongs to {plan.owner_login}", "belongs to somebody else")
        self._content(name, hash_, body, plan, page, link, spaces.get(link.uuid))

    def _terms(self, name: str, plan: CreateLink, link: LiveLink) -> None:
        """End, downloads left and rights. What an owner narrowed since then is in order."""
        if plan.expires and (not link.access_end or link.access_end > plan.expires):
            self.verdict.differs("shares", name, f"ends {plan.expires}", f"ends {link.access_end or 'never'}", wider=True)
        if plan.downloads and (not link.max_downloads or link.max_downloads > plan.downloads):
            self.verdict.differs("shares", name, f"{plan.downloads} downloads left", f"{link.max_downloads or 'unlimited'} downloads left", wider=True)
        before = _right(frozenset(plan.permissions))
        live = _right(link.permissions)
        if live != before:
            self.verdict.differs("shares", name, before.letters or "none", live.letters or "none", wider=not live.within(before))
        if "Download" in link.permissions and "Download" not in plan.permissions:
            self.verdict.differs("shares", name, "no download button", "download button", wider=True)

    def _rules(self, name: str, plan: CreateLink, link: LiveLink) -> None:
        """The hidden user has exactly these rights on exactly this node, in no other workspace; nobody else has any there."""
        node = tree.admin_stat(self.session, plan.node)
        wanted = {(node.uuid if node else "?", link.user_uuid, action) for action in _actions(_right(frozenset(plan.permissions)))}
        live = {(a.node, a.role, a.action) for a in acls.search_acls(self.session, actions=acls.RIGHTS, workspaces=[link.uuid]) if a.role}
        live |= {(a.node, a.role, a.action) for a in acls.search_acls(self.session, actions=acls.RIGHTS, roles=[link.user_uuid])}
        if live != wanted:
            self.verdict.differs("shares", name, f"{len(wanted)} rules for its node", f"{len(live)} rules, {len(live - wanted)} of them others",
                                 wider=bool(live - wanted))

    def _content(self, name: str, hash_: str, body: Mapping[str, Any], plan: CreateLink, page: PublicPage, link: LiveLink, space: SharedSpace | None) -> None:
        visitor = self._visitor(name, hash_, plan, page)
        if visitor is None:
            return
        slug = space.slug if space is not None else link.uuid
        with visitor:
            others = discovery.accesses(visitor).keys() - {link.uuid}
            if others:
                self.verdict.differs("shares", name, "leads to what is shared", f"leads to {len(others)} other workspaces, too", wider=True)
            if self.probe and not body.get("is_file"):
                probe(self.session, visitor, slug, name, plan, self.verdict)
            try:
                nodes = [node for node in tree.children(visitor, slug) if not node.path.rpartition("/")[2].startswith(NAME)]
            except NotFound:
                nodes = []
        if not _right(frozenset(plan.permissions)).readable:
            if nodes:
                self.verdict.differs("shares", name, "nothing to see", f"{len(nodes)} nodes", wider=True)
            return
        where = self._where(body, plan)
        if where is not None:
            self._compare(name, where, nodes, body)

    def _visitor(self, name: str, hash_: str, plan: CreateLink, page: PublicPage) -> Session | None:
        tries = self.passwords(hash_)[:2] if page.state == "password" else [page.login + shares.OPEN_SUFFIX]
        if not tries:
            self.verdict.findings.append(finding(NOT_OPENED, "shares", hash_))
            return None
        for number, password in enumerate(tries, 1):
            try:
                token, _ = self.session.sign_in(page.login, password, minisite=plan.hash)
            except LoginRefused as error:
                if number == len(tries):
                    self.verdict.differs("shares", name, "opens", f"does not let visitors in: {error.fields.get('detail')}")
                continue
            return self.session.as_somebody(GivenToken(token))
        return None

    def _where(self, body: Mapping[str, Any], plan: CreateLink) -> tuple[str, str] | None:
        """(key of the old root, path of the node below it as stored in Cells), from the node of the plan."""
        users = self.expected.users
        for key, target in self.ledger.targets("roots"):
            path = root_path(key, target, users)
            if path is not None and (plan.node == path or str(plan.node).startswith(path + "/")) and not target.get("carried_by"):
                return key, str(plan.node)[len(path):].strip("/")
        return None

    def _compare(self, name: str, where: tuple[str, str], nodes: list[Node], body: Mapping[str, Any]) -> None:
        root, inner = where
        wanted: dict[str, tuple[str, int | None, bytes]] = {}
        for row in self.ledger.files(root):
            if row.state is State.SKIPPED:
                continue
            path = (row.target if row.target is not None else shown(row.path)).strip("/")
            if path == inner and row.type == "file":
                wanted = {path.rpartition("/")[2]: (row.type, row.size, row.path)}
                break
            parent, _, leaf = path.rpartition("/")
            if parent == inner and path != inner and not leaf.startswith("."):
                wanted[leaf] = (row.type, row.size, row.path)
        single = bool(wanted) and inner in (w[2].decode("utf-8", "surrogateescape").strip("/") for w in wanted.values()) or body.get("is_file")
        live: dict[str, Node] = {}
        for node in nodes:
            leaf = node.path.rpartition("/")[2]
            live[leaf[9:] if single and len(leaf) > 9 and leaf[8] == "-" else leaf] = node
        for leaf in sorted(live.keys() - wanted.keys()):
            self.verdict.differs("shares", f"{name}: {leaf}", "not shown", "shown", wider=True)
        for leaf, (kind, size, path) in sorted(wanted.items()):
            node_ = live.get(leaf)
            if node_ is None:
                self.verdict.differs("shares", f"{name}: {leaf}", "shown", "missing")
            elif (kind == "file") != node_.is_file or (kind == "file" and size != node_.size):
                self.verdict.differs("shares", f"{name}: {leaf}", f"{kind} of {size} bytes", f"{'file' if node_.is_file else 'folder'} of {node_.size} bytes")
            elif kind == "file" and self.checksum is not None and len(node_.etag) == 32 and (size or 0) < 10 << 20:
                old = self.checksum(root, path)
                if old is not None and old != node_.etag:
                    self.verdict.differs("shares", f"{name}: {leaf}", f"content {old}", f"content {node_.etag}")

    # -- cells --------------------------------------------------------------------------------------------------------------

    def _cell(self, plan: CreateCell, own: Mapping[str, ShareRight], space: SharedSpace | None) -> None:
        name = f"cell {plan.label}"
        self.verdict.checked["cells"] += 1
        if space is None:
            self.verdict.differs("shares", name, "a cell", "missing")
            return
        if space.owners != {plan.owner_uuid}:
            self.verdict.differs("shares", name, f"belongs to {plan.owner_login}", "belongs to somebody else")
        if {path.strip("/") for path in space.roots.values()} != {plan.node}:
            self.verdict.differs("shares", name, f"shows {plan.node}", "shows " + ", ".join(sorted(space.roots.values())), wider=True)
        wanted = {role: right for role, right in plan.rights().items() if right} | {role: said.right for role, said in own.items() if said.right}
        try:
            told = shares.get_cell(self.session, plan.uuid) or {}
        except NoAnswer:
            told = {}
        live = {role: Right.from_letters("".join(sorted(a["Name"][0] for a in acl.get("Actions", []) if a.get("Name") in ("read", "write"))))
                for role, acl in (told.get("ACLs") or {}).items()}
        for role in sorted(wanted.keys() | live.keys()):
            before, now = wanted.get(role, Right.NONE), live.get(role, Right.NONE)
            if before != now:
                who = _who(told, role)
                self.verdict.differs("shares", f"{name}: {who}", before.letters or "none", now.letters or "none", wider=not now.within(before))


def _who(cell: Mapping[str, Any], role: str) -> str:
    entry = (cell.get("ACLs") or {}).get(role) or {}
    user, group = entry.get("User") or {}, entry.get("Group") or {}
    return str(user.get("Login") or group.get("GroupLabel") or (entry.get("Role") or {}).get("Label") or role)


def _right(permissions: frozenset[str]) -> Right:
    return (Right.READ if permissions & {"Preview", "Download"} else Right.NONE) | (Right.WRITE if "Upload" in permissions else Right.NONE)


def _actions(right: Right) -> list[str]:
    return [name for flag, name in ((Right.READ, "read"), (Right.WRITE, "write")) if flag in right]


