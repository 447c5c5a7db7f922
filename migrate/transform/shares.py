"""What becomes of each old share: a cell, a public link, both, or nothing for a reason? And what is left to do of it in Cells?

On doubt nothing is published. A link whose protection or target cannot be carried as it was stays out and is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from migrate.cells.models import LiveLink, LiveShares
from migrate.errors import Code, Finding, finding
from migrate.extract.records import Link, Share, from_plain
from migrate.rights import Right
from migrate.transform import names
from migrate.transform import share_codes as codes
from migrate.transform.actions import Action, NodeRef
from migrate.transform.parts import Outcome
from migrate.transform.people import Person
from migrate.transform.share_actions import CreateCell, CreateLink, EndShare, HandOverLink, ShareComplete, StoreLinkHashes
from migrate.transform.share_delta import Change, as_made, change, shows, untouched
from migrate.transform.share_links import Links, only_hash
from migrate.transform.share_options import ShareOptions, ShareWorld
from migrate.transform.share_rights import Cell, CellRights, readers_of, statements
from migrate.transform.share_told import Told, short, visible
from migrate.transform.since import Kept
from migrate.transform.standing import Standing, actions_of

OWNERLESS = ("F1711", "F1724")
HASH_CHUNK: Mapping[str, int] = {"rpc": 30, "sql": 500}
"""Links an action whose stored passwords go to Cells: a job of some tens of calls, a transaction of some hundreds."""


class Shares:
    """The part of a plan that carries shares (implements `parts.Part`). `records`: bodies of kind `shares`, re-iterable."""

    kinds = ("shares",)

    def __init__(self, records: Callable[[], Iterable[tuple[str, Mapping[str, Any]]]], world: ShareWorld, live: LiveShares,
                 options: ShareOptions) -> None:
        self._world, self._live, self._options = world, live, options
        self._wide = world.target.facts.features.wide_characters
        self._told = Told()
        self._make = Links(world, live, options, self._told)
        self._hashed: dict[str, str] = {}
        """Hash of a link -> old hash, where only the hash of its password is known."""
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
        self._told.findings += self._rights.findings
        if self._rights.more:
            self._told.findings.append(finding(codes.MORE_THROUGH_OTHERS, "shares", "", count=self._rights.more))
        self._withdrawn = self._stale()

    # -- one share ----------------------------------------------------------------------------------------------------------

    def _decide(self, share: Share) -> None:
        owner = self._owner(share)
        if owner is None:
            return
        where = self._node(share)
        if where is None:
            self._told.skip(share, codes.TARGET_LEFT_OUT)
            return
        node, is_file = where
        cell = self._cell(share, owner, node, is_file)
        link = self._make.of(share, owner, node, is_file) if share.link is not None else None
        if link is not None and cell is not None:
            self._both[share.key] = (cell.uuid, link.hash)
        elif link is not None:
            link = replace(link, record=share.key)
        elif cell is not None:
            cell.record = share.key
            self._told.skipped.pop(share.key, None)  # the people keep it; the finding about the link stays
        elif share.key not in self._told.skipped:
            self._told.skip(share, codes.GIVES_NOTHING)
        if cell is not None:
            self._cells.append(cell)
        if link is not None:
            self._links.append(link)
            if only_hash(share):
                self._hashed[link.hash] = link.key

    def _owner(self, share: Share) -> Person | None:
        revive = "ownerless" in self._options.revive and self._options.heir
        if share.problem and not (share.problem in OWNERLESS and revive):
            self._told.skip(share, codes.BROKEN, reason=share.problem)
            return None
        person = self._world.person(share.owner) if share.owner and not share.problem else None
        if person is None and revive:
            person = self._world.person(self._options.heir)
            if person is not None:
                self._told.say(codes.REVIVED, share, reason="its owner is gone")
        if person is None:
            self._told.skip(share, codes.OWNER_LEFT_OUT)
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
        label = short(names.label(share.label or visible(share.path).rpartition("/")[2], self._wide), 499) or "Share"
        slug = live.slug if live is not None else names.unique_slug(names.clean_slug(label) or "share", self._taken)
        self._taken.add(slug)
        cell = Cell("" if restricted and not share.entries else child, uuid, slug, label, str(node), owner,
                    short(names.label(share.description, self._wide), 999), is_file=is_file)
        for kind, name, right in entries:
            self._member(share, cell, kind, name, right)
        if not cell.people and not cell.grants:
            self._told.skip(share, codes.GIVES_NOTHING)
            return None
        if restricted and cell.people:
            self._told.say(codes.LINK_TO_CELL, share)
        return cell

    def _entries(self, share: Share) -> Iterator[tuple[str, str, Right]]:
        for entry in share.entries:
            if entry.right:
                yield entry.type, entry.id, entry.right

    def _targets(self, link: Link) -> Iterator[str]:
        """Old logins of the people to whom a link was restricted: named by login or by e-mail address."""
        for name in dict.fromkeys((*link.target_users, *link.target_names)):
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
        self._told.say(codes.MEMBER_LEFT_OUT, share, type=kind, name=name)

    def _team(self, share: Share, name: str) -> str | None:
        return self._world.team(share.owner, name) or self._world.role(name)

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

    def _changes(self, action: CreateLink, live: LiveLink) -> Change:
        return change(action, live, self._options.made_links.get(action.hash, ()), renew=action.hash in self._options.renewed)

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
            changed = self._changes(link, live).action if live is not None else None
            if changed is not None:
                yield changed, False
            yield HandOverLink(link.hash, link.owner_login, link.owner_uuid), live is not None and live.owners == {link.owner_uuid}
        for record, (uuid, hash_) in self._both.items():
            yield ShareComplete(uuid, hash_, record), self._done(record)
        yield from ((action, False) for action in self._stored())

    def _stored(self) -> Iterator[StoreLinkHashes]:
        """Links of this migration whose old password is still to be stored."""
        done, made, route = self._options.kept | self._options.refused, self._options.made_links, self._options.hash_route
        some = [(new, old) for new, old in self._hashed.items() if new not in done and (new in made or new not in self._live.links)]
        size = HASH_CHUNK.get(route, 0)
        for first in range(0, len(some) if size else 0, size or 1):
            part = some[first:first + size]
            yield StoreLinkHashes(route, tuple(new for new, _ in part), tuple(old for _, old in part))

    def _ended(self) -> Iterator[EndShare]:
        """What earlier runs made of shares that are gone from the old server, and that nobody changed in Cells since."""
        yield from self._make.ended
        yield from (action for action, what in self._gone() if not what)

    def _gone(self) -> Iterator[tuple[EndShare, str]]:
        """(removal, in words what people changed since) of what earlier runs made of shares that are gone."""
        hashes, cells = {link.hash for link in self._links} | {action.hash for action in self._make.ended}, {cell.uuid for cell in self._cells}
        for hash_, made in sorted(self._options.made_links.items()):
            live = self._live.links.get(hash_)
            if hash_ in hashes or live is None or not made or not live.owners & {made[0].owner_uuid, self._world.target.loader_uuid}:
                continue
            if not shows(self._world.target, live, made[0].node):
                continue
            last = as_made(live, made)
            yield EndShare(hash=hash_, owner_uuid=made[0].owner_uuid), "" if last is None or untouched(live, last) else "its rights, lock, end or limit"
        for uuid in sorted(self._options.made_cells - cells):
            if uuid in self._live.cells:
                others = {acl.role for acl in self._world.target.acls if acl.workspace == uuid and acl.action in ("read", "write")
                          and (acl.role, uuid) not in self._options.given and acl.role}
                yield EndShare(cell=uuid), "people were added" if others else ""

    def _done(self, record: str) -> bool:
        uuid, hash_ = self._both[record]
        cell = next(self._action_of(c) for c in self._cells if c.uuid == uuid)
        link = next(a for a in self._links if a.hash == hash_)
        return self._cell_stands(cell) and self._link_stands(link)

    def _link_stands(self, link: CreateLink) -> bool:
        live = self._live.links.get(link.hash)
        return live is not None and live.owners == {link.owner_uuid} and self._changes(link, live).action is None

    @property
    def outcomes(self) -> Iterator[Outcome]:
        """Shares that need no action."""
        for key, why in self._told.skipped.items():
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
                                       "password": "kept" if link.hash in self._options.kept else link.password}

    @property
    def findings(self) -> Iterable[Finding]:
        """What an administrator should know."""
        more = [finding(codes.ENDED_WITH_NOTHING, "shares", action.hash) for action in self._make.ended]
        for action, what in self._gone():
            more.append(finding(codes.GONE_BUT_CHANGED if what else codes.SHARE_ENDED, "shares", action.hash or action.cell, what=what))
        for link in self._links:
            live = self._live.links.get(link.hash)
            changed = self._changes(link, live) if live is not None else Change()
            if changed.action is not None and link.hash not in self._options.renewed:
                more.append(finding(codes.LINK_CHANGED, "shares", link.key, owner=link.owner_login))
            why = self._lock(link, live) if live is not None else None
            if why is not None:
                more.append(finding(why, "shares", link.key, owner=link.owner_login))
            if changed.opened:
                more.append(finding(codes.OPENED, "shares", link.key, owner=link.owner_login, what=", ".join(changed.opened)))
        return list(dict.fromkeys([*self._told.findings, *more]))

    def _lock(self, link: CreateLink, live: LiveLink) -> Code | None:
        """What is to be said of the password of a link that is there."""
        if link.password == "none":
            made = self._options.made_links.get(link.hash, ())
            return codes.LOCK_STAYS if live.protected and any(one.protected for one in made) else None
        return codes.PASSWORD_RENEWED if link.hash in self._options.renewed else codes.PASSWORD_OF_PEOPLE if link.hash in self._options.own_passwords else None

    @property
    def kept(self) -> Iterator[Kept]:
        """What a verification may find different because people changed it in Cells, or because nothing is ever opened."""
        for link in self._links:
            live = self._live.links.get(link.hash)
            made = self._options.made_links.get(link.hash, ())
            if live is None or not made:
                continue
            name = f"link {link.key}"
            if self._changes(link, live).opened:
                yield Kept("shares", link.key, "it was opened", (("opened", name), ("narrowed", name)), named=False)
            elif not untouched(live, as_made(live, made) or made[0]) or self._lock(link, live) is codes.LOCK_STAYS:
                yield Kept("shares", link.key, "it was narrowed", (("narrowed", name),), named=False)

    # -- people and children ----------------------------------------------------------------------------------------------------

    def access(self, rows: Iterable[tuple[str, str, str, str, str | None]]) -> Iterator[tuple[str, str, str, str, str | None]]:
        """The access table with what becomes of children: those that are cells count as carried; single files, which access
        records do not know, are added."""
        by_child = {cell.child: cell for cell in self._cells if cell.child}
        lost = {str(body): code for body, code in ((key.partition("\0")[0], code) for key, code in self._told.skipped.items()) if body}
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

