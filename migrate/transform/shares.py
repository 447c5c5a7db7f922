"""What becomes of each old share: a cell, a public link, both, or nothing for a reason?

On doubt nothing is published. A link whose protection or target cannot be carried as it was stays out and is told."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from migrate.cells.models import LiveLink, LiveShares
from migrate.errors import Code, Finding, finding
from migrate.extract.records import Link, Share, from_plain
from migrate.rights import Right
from migrate.text import shown
from migrate.transform import names
from migrate.transform import share_codes as codes
from migrate.transform.actions import Action, ActionId, NodeRef
from migrate.transform.parts import Lookup, Outcome
from migrate.transform.people import Person
from migrate.transform.share_actions import CreateCell, CreateLink, EndShare, HandOverLink, ShareComplete, UpdateLink
from migrate.transform.share_layouts import template_of
from migrate.transform.share_rights import Cell, CellRights, World, readers_of, statements
from migrate.transform.standing import Standing, actions_of

MONTH = 30 * 86400
"""How long a revived link lives that had expired."""
OWNERLESS = ("F1711", "F1724")
_BAD_HASH = re.compile(r"[/\\\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")
MAX_HASH = 1000


@dataclass(frozen=True, slots=True)
class ShareOptions:
    """`strict_no_download`: links for looking only are left out. `revive`: of `expired`, `exhausted`, `ownerless`; `heir`: old
    login that gets what has no owner. `layouts`: old layout -> template of Cells. `now`: epoch seconds. `given`: (role, cell) of
    rights that earlier runs gave; `made`: hashes of links (-> owner uuid) and uuids of cells (-> "") that they made."""

    strict_no_download: bool = False
    revive: frozenset[str] = frozenset()
    heir: str = ""
    layouts: Mapping[str, str] = field(default_factory=dict)
    carry_hashes: bool = False
    now: int = 0
    given: frozenset[tuple[str, str]] = frozenset()
    made_links: Mapping[str, str] = field(default_factory=dict)
    made_cells: frozenset[str] = frozenset()


class ShareWorld(Lookup, World, Protocol):
    """The look-up of a plan, with what rights need."""

    def carried(self, workspace: str, login: str | None, path: str) -> bool:
        """Whether this node is among what is carried (a recycle bin may not be)."""

    def access_knows(self, children: frozenset[str]) -> frozenset[str]:
        """Those of these children that the access records name for anybody."""

    def logins_by_mail(self) -> Mapping[str, str]:
        """E-mail address in small letters -> old login, where it is one person's only."""


class Shares:
    """The part of a plan that carries shares (implements `parts.Part`). `records`: bodies of kind `shares`, re-iterable."""

    kinds = ("shares",)

    def __init__(self, records: Callable[[], Iterable[tuple[str, Mapping[str, Any]]]], world: ShareWorld, live: LiveShares,
                 options: ShareOptions) -> None:
        self._world, self._live, self._options = world, live, options
        self._wide = world.target.facts.features.wide_characters
        self._findings: list[Finding] = []
        self._skipped: dict[str, str] = {}
        self._cells: list[Cell] = []
        self._links: list[CreateLink] = []
        self._both: dict[str, tuple[str, str]] = {}
        """Record -> (cell, hash) where a share becomes both."""
        self._taken = {w.slug for w in world.target.workspaces.values()}
        self._bases: dict[str, Share] = {}
        shares = [from_plain(Share, body) for _, body in records()]
        for share in shares:
            if share.child_workspace_id:
                self._bases.setdefault(share.child_workspace_id, share)
        for share in shares:
            self._decide(share)
        known = world.access_knows(frozenset(cell.child for cell in self._cells if cell.child))
        self._rights = CellRights(world, self._cells, known, policy_closes=world.target.facts.features.policy_closes)
        self._standing = Standing.of(world.target)
        self._readers = readers_of(self._rights.members())
        self._findings += self._rights.findings
        if self._rights.more:
            self._findings.append(finding(codes.MORE_THROUGH_OTHERS, "shares", "", count=self._rights.more))
        self._withdrawn = self._stale()

    # -- one share ----------------------------------------------------------------------------------------------------------

    def _skip(self, share: Share, why: Code, **details: object) -> None:
        self._skipped.setdefault(share.key, why.code)
        if why.code not in {f.code for f in self._findings if f.subject == _subject(share)}:
            self._findings.append(finding(why, "shares", _subject(share), owner=share.owner or "nobody", path=_visible(share.path), **details))

    def _say(self, why: Code, share: Share, **details: object) -> None:
        self._findings.append(finding(why, "shares", _subject(share), owner=share.owner or "nobody", **details))

    def _decide(self, share: Share) -> None:
        owner = self._owner(share)
        if owner is None:
            return
        where = self._node(share)
        if where is None:
            self._skip(share, codes.TARGET_LEFT_OUT)
            return
        node, is_file = where
        cell = self._cell(share, owner, node, is_file)
        link = self._link(share, owner, node, is_file) if share.link is not None else None
        if link is not None and cell is not None:
            self._both[share.key] = (cell.uuid, link.hash)
        elif link is not None:
            link = replace(link, record=share.key)
        elif cell is not None:
            cell.record = share.key
            self._skipped.pop(share.key, None)  # the people keep it; the finding about the link stays
        elif share.key not in self._skipped:
            self._skip(share, codes.GIVES_NOTHING)
        if cell is not None:
            self._cells.append(cell)
        if link is not None:
            self._links.append(link)

    def _owner(self, share: Share) -> Person | None:
        revive = "ownerless" in self._options.revive and self._options.heir
        if share.problem and not (share.problem in OWNERLESS and revive):
            self._skip(share, codes.BROKEN, reason=share.problem)
            return None
        person = self._world.person(share.owner) if share.owner and not share.problem else None
        if person is None and revive:
            person = self._world.person(self._options.heir)
            if person is not None:
                self._say(codes.REVIVED, share, reason="its owner is gone")
        if person is None:
            self._skip(share, codes.OWNER_LEFT_OUT)
        return person

    def _node(self, share: Share) -> tuple[NodeRef, bool] | None:
        """The node that a share shows and whether it is a file; through the shares it lies in, if any (re-shares)."""
        workspace, owner, path = str(share.workspace), str(share.owner), str(share.path)
        for _ in range(20):
            base = self._bases.get(workspace)
            if base is None or self._world.place(workspace) is not None:
                break
            workspace, owner, path = str(base.workspace), str(base.owner), (base.path.rstrip("/") + ("" if path == "/" else path)) or "/"
        kind = self._world.kind(workspace, owner, path)
        node = self._world.node(workspace, owner, path)
        if kind is None or node is None or not self._world.carried(workspace, owner, path):
            return None
        return node, kind == "file"

    # -- cells --------------------------------------------------------------------------------------------------------------

    def _cell(self, share: Share, owner: Person, node: NodeRef, is_file: bool) -> Cell | None:
        entries = list(self._entries(share))
        link = share.link
        restricted = link is not None and link.restricted
        if restricted and link is not None:
            entries += [("user", login, Right.READ) for login in self._targets(link) if login != share.owner]
        if not entries:
            return None
        child = share.child_workspace_id or ""
        uuid = self._world.identity.of("cell", child or f"link:{link.hash if link else ''}")
        live = self._live.cells.get(uuid)
        label = _short(names.label(share.label or _visible(share.path).rpartition("/")[2], self._wide), 499) or "Share"
        slug = live.slug if live is not None else names.unique_slug(names.clean_slug(label) or "share", self._taken)
        self._taken.add(slug)
        cell = Cell("" if restricted and not share.entries else child, uuid, slug, label, str(node), owner,
                    _short(names.label(share.description, self._wide), 999), is_file=is_file)
        for kind, name, right in entries:
            self._member(share, cell, kind, name, right)
        if not cell.people and not cell.grants:
            self._skip(share, codes.GIVES_NOTHING)
            return None
        if restricted and cell.people:
            self._say(codes.LINK_TO_CELL, share)
        return cell

    def _entries(self, share: Share) -> Iterator[tuple[str, str, Right]]:
        for entry in share.entries:
            if entry.right:
                yield entry.type, entry.id, entry.right

    def _targets(self, link: Link) -> Iterator[str]:
        """Old logins of the people to whom a link was restricted: named by login or by e-mail address."""
        for name in link.target_users:
            login = name if self._world.person(name) is not None else self._world.logins_by_mail().get(name.lower())
            if login is not None and self._world.person(login) is not None:
                yield login

    def _member(self, share: Share, cell: Cell, kind: str, name: str, right: Right) -> None:
        if kind == "user":
            if self._world.person(name) is not None:
                cell.people[name] = cell.people.get(name, Right.NONE) | right
                return
        else:
            role = self._world.group(name) if kind == "group" else self._team(share, name)
            if role is not None:
                cell.grants[role] = right
                return
        self._say(codes.MEMBER_LEFT_OUT, share, type=kind, name=name)

    def _team(self, share: Share, name: str) -> str | None:
        return self._world.team(share.owner, name) or self._world.role(name)

    # -- links --------------------------------------------------------------------------------------------------------------

    def _link(self, share: Share, owner: Person, node: NodeRef, is_file: bool) -> CreateLink | None:
        link = share.link
        assert link is not None
        if link.restricted or link.login_required:
            self._skip(share, codes.FOR_NAMED_PEOPLE if link.restricted else codes.NOBODY_TO_SIGN_IN) if not share.entries else None
            return None
        permissions = tuple(name for name, has in (("Preview", link.read), ("Download", link.download), ("Upload", link.write)) if has)
        if not permissions:
            self._skip(share, codes.GIVES_NOTHING)
            return None
        life = self._life(share, link)
        if life is None:
            return None
        expires, downloads = life
        looking_only = link.read and not link.download
        if looking_only and self._options.strict_no_download:
            self._skip(share, codes.NO_DOWNLOAD)
            return None
        hash_ = self._hash(share, link)
        if not self._free(share, hash_, owner):
            return None
        template, known = template_of(link.layout, is_file, frozenset(permissions), self._options.layouts)
        if looking_only:
            self._say(codes.PREVIEW_ONLY, share)
        if link.has_password and share.child_workspace_id:  # file links of old versions hold it in clear text
            self._say(codes.CARRIED_PASSWORD if self._options.carry_hashes else codes.NEW_PASSWORD, share)
        if not known:
            self._say(codes.LAYOUT_UNKNOWN, share, layout=link.layout, new=template)
        label = _short(names.label(share.label or _visible(share.path).rpartition("/")[2], self._wide), 499) or "Link"
        return CreateLink(hash_, node, label, permissions, template, owner.login, owner.uuid, _short(names.label(share.description, self._wide), 999),
                          "protected" if link.has_password else "none", expires, downloads, link.hash if hash_ != link.hash else "")

    def _life(self, share: Share, link: Link) -> tuple[int, int] | None:
        """(end, downloads left) of a link that still lives; None when it is dead."""
        expires, downloads = link.expires_at or 0, 0
        if link.expired or (expires and expires <= self._options.now):
            if "expired" not in self._options.revive:
                self._skip(share, codes.EXPIRED)
                return None
            expires = self._options.now + MONTH
            self._say(codes.REVIVED, share, reason="it had expired")
        if link.download_limit is not None:
            downloads = link.download_limit - link.download_count
            if downloads <= 0:
                if "exhausted" not in self._options.revive or link.download_limit <= 0:
                    self._skip(share, codes.USED_UP)
                    return None
                downloads = link.download_limit
                self._say(codes.REVIVED, share, reason="its downloads were used up")
        return expires, downloads

    def _hash(self, share: Share, link: Link) -> str:
        if usable_hash(link.hash):
            return link.hash
        new = self._world.identity.of("link", link.hash).replace("-", "")[:16]
        self._say(codes.NEW_ADDRESS, share, new=new)
        return new

    def _free(self, share: Share, hash_: str, owner: Person) -> bool:
        """Whether nobody else's link has this address: a link of the owner, or one that was not handed over yet, is ours."""
        live = self._live.links.get(hash_)
        if live is None or live.owners & {owner.uuid, self._world.target.loader_uuid}:
            return True
        self._skip(share, codes.ADDRESS_TAKEN)
        return False

    # -- what there is to do ----------------------------------------------------------------------------------------------------

    def _action_of(self, cell: Cell) -> CreateCell:
        grants = tuple(sorted(f"{role}={right.letters}" for role, right in cell.grants.items() if right))
        readers = tuple(sorted({role for role, right in cell.grants.items() if right.readable} | self._readers.get(cell.uuid, set())))
        withdraw = tuple(sorted(role for role, uuid in self._withdrawn if uuid == cell.uuid))
        return CreateCell(cell.uuid, cell.slug, cell.label, NodeRef(cell.node), cell.owner.login, cell.owner.uuid, cell.description, grants, readers,
                          withdraw, cell.record)

    def _stale(self) -> set[tuple[str, str]]:
        """(role, cell) of rights that earlier runs gave and that are not planned any more, as far as they are still there."""
        wanted = {(role, cell.uuid) for cell in self._cells for role, right in cell.grants.items() if right}
        old = self._options.given - wanted
        if not old:
            return set()
        old -= {(said.role, said.cell) for said in statements(self._rights.members())}
        there = {(acl.role, acl.workspace) for acl in self._world.target.acls if acl.workspace in self._live.cells}
        return set(old & there)

    def _cell_stands(self, action: CreateCell) -> bool:
        live = self._live.cells.get(action.uuid)
        if live is None or action.withdraw:
            return False
        told = all(("READ", "role:" + role) in live.policies for role in action.readers)
        given = all(self._standing.says(role, action.node, action.uuid) == actions_of(right, "allow") for role, right in action.rights().items())
        return told and given and action.owner_uuid in live.owners and action.node in {p.strip("/") for p in live.roots.values()}

    def _changes(self, action: CreateLink, live: LiveLink) -> UpdateLink | EndShare | None:
        """What is to be narrowed on a link that is there. What its owner narrowed since then stays. An update starts the counter
        of Cells anew, so what was downloaded there is subtracted, too; a link with nothing left goes."""
        given = live.permissions - {"Preview"}
        wider = bool(given - set(action.permissions)) or (action.password != "none" and not live.protected)
        late = bool(action.expires) and (not live.access_end or live.access_end > action.expires)
        more = bool(action.downloads) and (not live.max_downloads or live.max_downloads > action.downloads)
        if not wider and not late and not more:
            return None
        limit = min((n for n in (action.downloads, live.max_downloads) if n), default=0)
        left = limit - live.downloads if limit else 0
        if limit and left <= 0:
            return EndShare(hash=action.hash, owner_uuid=action.owner_uuid)
        ends = min((n for n in (action.expires, live.access_end) if n), default=0)
        return UpdateLink(action.hash, live.uuid, action.node, action.permissions, action.template, action.owner_login, action.owner_uuid, ends, left,
                          action.password, action.record)

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        """(Action, already as wanted in Cells)."""
        yield from ((action, False) for action in self._ended())
        for cell in self._cells:
            action = self._action_of(cell)
            yield action, self._cell_stands(action)
        for said in statements(self._rights.members()):
            yield said, self._standing.says(said.role, said.node, said.cell) == actions_of(said.right, said.mode)
        for link in self._links:
            live = self._live.links.get(link.hash)
            yield link, live is not None and live.owners == {link.owner_uuid}  # else its maker ended before handing it over: looked at once more
            change = self._changes(link, live) if live is not None else None
            if change is not None:
                yield change, False
            yield HandOverLink(link.hash, link.owner_login, link.owner_uuid), live is not None and live.owners == {link.owner_uuid}
        for record, (uuid, hash_) in self._both.items():
            yield ShareComplete(uuid, hash_, record), self._done(record)

    def _ended(self) -> Iterator[EndShare]:
        """What earlier runs made of shares that are gone from the old server."""
        hashes, cells = {link.hash for link in self._links}, {cell.uuid for cell in self._cells}
        for hash_, owner in sorted(self._options.made_links.items()):
            if hash_ not in hashes and hash_ in self._live.links:
                yield EndShare(hash=hash_, owner_uuid=owner)
        for uuid in sorted(self._options.made_cells - cells):
            if uuid in self._live.cells:
                yield EndShare(cell=uuid)

    def _done(self, record: str) -> bool:
        uuid, hash_ = self._both[record]
        cell = next(self._action_of(c) for c in self._cells if c.uuid == uuid)
        link = next(a for a in self._links if a.hash == hash_)
        return self._cell_stands(cell) and self._link_stands(link)

    def _link_stands(self, link: CreateLink) -> bool:
        live = self._live.links.get(link.hash)
        return live is not None and live.owners == {link.owner_uuid} and self._changes(link, live) is None

    @property
    def outcomes(self) -> Iterator[Outcome]:
        """Shares that need no action."""
        for key, why in self._skipped.items():
            yield "shares", key, "skipped", why, None
        for cell in self._cells:
            if cell.record and self._cell_stands(self._action_of(cell)):
                yield "shares", cell.record, "already", None, None
        for link in self._links:
            if link.record and self._link_stands(link):
                yield "shares", link.record, "already", None, None
        for record in self._both:
            if self._done(record):
                yield "shares", record, "already", None, None

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """What each share becomes: a cell under its child workspace id, a link under its old hash (its uuid is Cells' choice)."""
        url = self._world.target.facts.url
        for cell in self._cells:
            key = cell.child or cell.record.rpartition("\0")[2] or cell.uuid
            yield "shares", key, {"kind": "cell", "uuid": cell.uuid, "slug": cell.slug, "url": f"{url}/ws-{cell.slug}/", "owner": cell.owner.login,
                                  "node": cell.node, "roles": sorted(role for role, right in cell.grants.items() if right)}
        for link in self._links:
            live = self._live.links.get(link.hash)
            space = self._world.target.workspaces.get(live.uuid) if live is not None else None
            yield "shares", link.key, {"kind": "link", "uuid": live.uuid if live else None, "slug": space.slug if space else None,
                                       "url": f"{url}/public/{link.hash}", "owner": link.owner_login, "hash": link.hash, "node": link.node,
                                       "password": link.password}

    @property
    def findings(self) -> Iterable[Finding]:
        """What an administrator should know."""
        ended = [finding(codes.SHARE_ENDED, "shares", a.hash or a.cell) for a in self._ended()]
        changed = [finding(codes.LINK_CHANGED, "shares", a.key, owner=a.owner_login) for a in self._links
                   if (live := self._live.links.get(a.hash)) is not None and self._changes(a, live) is not None]
        return list(dict.fromkeys([*self._findings, *ended, *changed]))

    # -- people and children ----------------------------------------------------------------------------------------------------

    def access(self, rows: Iterable[tuple[str, str, str, str, str | None]]) -> Iterator[tuple[str, str, str, str, str | None]]:
        """The access table with what becomes of children: those that are cells count as carried; single files, which access
        records do not know, are added."""
        by_child = {cell.child: cell for cell in self._cells if cell.child}
        lost = {str(body): code for body, code in ((key.partition("\0")[0], code) for key, code in self._skipped.items()) if body}
        seen: set[tuple[str, str]] = set()
        for login, workspace, before, planned, code in rows:
            if workspace in by_child:
                seen.add((login, workspace))
                carried = self._world.person(login) is not None
                yield login, workspace, before, before if carried else "", None if carried else code
            else:
                yield login, workspace, before, planned, lost.get(workspace, code) if code and workspace in self._bases else code
        for member in self._rights.members():
            if member.before and member.cell.child and (member.login, member.cell.child) not in seen:
                yield member.login, member.cell.child, member.before.letters, member.before.letters, None


def usable_hash(hash_: str) -> bool:
    """Whether Cells can open the page of this hash: no slash, no stray `%`, no dots alone, nothing that a URL loses."""
    return bool(hash_) and hash_ not in (".", "..") and len(hash_) <= MAX_HASH and not _BAD_HASH.search(hash_) \
        and unicodedata.normalize("NFC", hash_) == hash_ and hash_.isprintable()


def action_id(hash_: str) -> ActionId:
    """Id of the action that makes the link of this hash."""
    return ActionId("link:" + hash_)


def _subject(share: Share) -> str:
    return share.link.hash if share.link is not None else share.child_workspace_id or share.key


def _visible(path: str) -> str:
    return shown(path.encode("utf-8", "surrogateescape"))


def _short(text: str, limit: int) -> str:
    """At most `limit` bytes in UTF-8."""
    return text.encode("utf-8", "ignore")[:limit].decode("utf-8", "ignore")
