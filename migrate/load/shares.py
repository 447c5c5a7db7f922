"""Makes and removes cells and public links. A link is looked up by its hash first: a second one would leave an orphan behind."""

from __future__ import annotations

from typing import Any

from migrate.cells.api import acls, policies, shares, users, workspaces
from migrate.cells.errors import AlreadyExists, CellsRefused, NotAdministrator, NotFound, OtherObject, TokenRefused
from migrate.cells.models import LiveLink, LiveWorkspace
from migrate.errors import MigrationError
from migrate.ledger import link_marks
from migrate.load import owner_sessions
from migrate.load.nodes import NodeMissing
from migrate.load.rights import rules_of
from migrate.load.tools import Result, Tools, performs
from migrate.transform.actions import NodeRef, SetRight
from migrate.transform.share_actions import CreateCell, CreateLink, DeleteCell, DeleteLink, EndShare, HandOverLink, ShareComplete, ShareRight, UpdateLink

KNOWN, NEW = "link", "new-link"
"""Kinds of secrets: clear passwords of the old server, and those that were made up."""
SEEN_SECONDS = 30.0


class LinkUnprotected(MigrationError):
    """A link that should ask for a password was open after it was made. It was removed again at once."""

    code = "E3101"
    title = "The link {hash} was made without its password and removed again."
    remedy = "Look whether the share options of Cells allow passwords, then run `apply` again."


class AddressTaken(MigrationError):
    """Somebody made a link of this address in Cells since the plan."""

    code = "E3102"
    title = "The address {hash} belongs to another link in Cells."
    remedy = "Remove or rename that link, then plan again."


class PasswordStays(MigrationError):
    """Cells took an update of a link but kept its former password: it makes a new hidden user for another one, and did not."""

    code = "E3103"
    title = "Cells did not replace the password of the link {hash}; the former one still opens it."
    remedy = "Change the password of this link in Cells by hand, or remove the link, then plan again."


# -- cells ------------------------------------------------------------------------------------------------------------------


@performs(CreateCell)
def create_cell(tools: Tools, action: CreateCell, look: bool) -> Result:
    """Natural key: our uuid. As a workspace of scope ROOM, so that the uuid can be chosen and the administrator gets no right."""
    root = tools.nodes.uuid(action.node)
    there = workspaces.get_workspace(tools.session, action.uuid)
    slug = there.slug if there is not None else action.slug
    label, description = (there.label, there.description) if there is not None else (action.label, action.description)
    rules = policies.owned_by(action.owner_uuid, action.owner_login)
    rules += [policies.policy("READ", "role:" + role) for role in action.readers]
    made = workspaces.put_workspace(tools.session, LiveWorkspace(action.uuid, slug, label, description, "ROOM", {root: action.node}), rules)
    present = acls.search_acls(tools.session, actions=acls.RIGHTS, workspaces=[action.uuid])
    wanted = [rule for role, right in action.rights().items() for rule in rules_of(SetRight(role, action.node, action.uuid, right), root)]
    acls.add_acls(tools.session, wanted, present)
    keys = {rule.key for rule in wanted}
    for rule in present:
        if rule.role in action.withdraw or (rule.role in action.rights() and rule.key not in keys):
            acls.delete_acl(tools.session, rule)
    return {"uuid": action.uuid, "slug": made.slug or slug, "node": root}


@performs(ShareRight)
def share_right(tools: Tools, action: ShareRight, look: bool) -> Result:
    """Natural key: (node, role, cell). Missing rules come before contradicting ones go."""
    node = tools.nodes.uuid(action.node)
    present = acls.search_acls(tools.session, actions=acls.RIGHTS, roles=[action.role], workspaces=[action.cell])
    wanted = rules_of(SetRight(action.role, action.node, action.cell, action.right, action.mode), node)
    acls.add_acls(tools.session, wanted, present)
    keys = {rule.key for rule in wanted}
    for rule in present:
        if rule.key not in keys:
            acls.delete_acl(tools.session, rule)
    return {"node": node}


@performs(DeleteCell)
def delete_cell(tools: Tools, action: DeleteCell, look: bool) -> Result:
    """By our uuid, and only while it is a cell. As a workspace: a cell without rights cannot be deleted as one."""
    _end_cell(tools, action.uuid)
    return {}


def _end_cell(tools: Tools, uuid: str) -> None:
    there = workspaces.get_workspace(tools.session, uuid)
    if there is None:
        return
    if there.scope != "ROOM":
        raise OtherObject(method="DELETE", path="cell " + uuid, status=0, reason="it is no cell")
    workspaces.delete_workspace(tools.session, uuid, there.slug)
    for rule in acls.search_acls(tools.session, actions=acls.RIGHTS, workspaces=[uuid]):
        acls.delete_acl(tools.session, rule)


# -- links ------------------------------------------------------------------------------------------------------------------


@performs(CreateLink)
def create_link(tools: Tools, action: CreateLink, look: bool) -> Result:
    """Natural key: the hash. What an interrupted or failed creation left (a workspace and a hidden user without an address)
    is removed before and after."""
    node = tools.nodes.uuid(action.node)
    password = _password(tools, action.hash, action.key) if action.password != "none" else ""
    link = _there(tools, action, node, thorough=look)
    if link is not None and password and not link.protected:
        shares.delete_link(tools.session, link.uuid)  # it was made open by an attempt that ended before it was looked at
        link = None
    if link is None and password:
        link_marks.keep(tools.secrets, action.key, _form(tools, action.key))  # first: whatever is made from here on has this one
    if link is None:
        link = _make(tools, action, node, password)
    if password:
        _prove_protection(tools, action.hash, link)
    space = workspaces.get_workspace(tools.session, link.uuid)
    became = {"kind": "link", "uuid": link.uuid, "slug": space.slug if space else None, "url": tools.session.url + shares.public_path(action.hash),
              "owner": action.owner_login, "hash": action.hash, "node": action.node, "password": action.password}
    tools.ledger.put_targets("shares", [(action.key, became)])
    return {"uuid": link.uuid, "user": link.user_uuid}


def _password(tools: Tools, hash_: str, old_hash: str) -> str:
    """The old password where it is known, else the one made up for the owner; on disk before it is sent."""
    return tools.secrets.get(KNOWN, old_hash) or tools.secrets.password(NEW, old_hash)


def _form(tools: Tools, old_hash: str) -> str:
    """What protects the link on the old server, as far as this run can read it."""
    links = tools.keeping.links if tools.keeping is not None else None
    known = tools.secrets.get(KNOWN, old_hash)
    return link_marks.form_of(known, links.get(old_hash) if links is not None and not known else None)


def _see(tools: Tools, node: str) -> None:
    """Links can only be made on what the administrator sees (and may write, for upload): through the desk of the data source."""
    tools.writable(node)


def _there(tools: Tools, action: CreateLink, node: str, *, thorough: bool) -> LiveLink | None:
    """The link of this hash, when it is ours; AddressTaken when it is somebody else's. `thorough`: an earlier attempt may have
    left something, or the link is there and its page is not shown (used up meanwhile)."""
    page = shares.open_page(tools.session, action.hash)
    found = shares.get_link(tools.session, page.uuid) if page.uuid else None
    if found is None and thorough:
        found = _search(tools, action)
    if found is None:
        return None
    owners = {action.owner_uuid, _loader(tools)}
    if not found.owners & owners or (found.roots and node not in found.roots):
        raise AddressTaken(hash=action.hash)
    return found


def _search(tools: Tools, action: CreateLink) -> LiveLink | None:
    """Among the links of this label: the one with our hash; those without any are remains and go."""
    loader = _loader(tools)
    for space in list(shares.search_shares(tools.session, "LINK")):
        if space.label != action.label or not space.owners & {loader, action.owner_uuid}:
            continue
        try:
            link = shares.get_link(tools.session, space.uuid)
        except CellsRefused as error:
            if error.status != 500:
                raise
            if space.owners <= {loader, action.owner_uuid}:
                _remove_orphan(tools, space.uuid, space.slug, space.readers)
            continue
        if link is not None and link.hash == action.hash:
            return link
    return None


def _remove_orphan(tools: Tools, uuid: str, slug: str, readers: frozenset[str]) -> None:
    """A workspace and a hidden user that no hash leads to."""
    workspaces.delete_workspace(tools.session, uuid, slug)
    for login in readers:
        for user in users.find_users(tools.session, login):
            if user.hidden and len(login) == 16:
                users.delete_user(tools.session, login, user.uuid)


def _make(tools: Tools, action: CreateLink, node: str, password: str) -> LiveLink:
    body: dict[str, Any] = {"Label": action.label, "Description": action.description, "RootNodes": [{"Uuid": node}],
                            "Permissions": list(action.permissions), "ViewTemplateName": action.template}
    if action.expires:
        body["AccessEnd"] = str(action.expires)
    if action.downloads:
        body["MaxDownloads"] = str(action.downloads)
    try:
        made = _put(tools, action.owner_login, action.node, body, password=password, custom_hash=action.hash)
    except CellsRefused as error:
        _search(tools, action)
        if isinstance(error, AlreadyExists):
            raise AddressTaken(hash=action.hash) from None
        raise
    if made.hash != action.hash or not made.user_uuid:
        shares.delete_link(tools.session, made.uuid)
        raise OtherObject(method="PUT", path="/a/share/link", status=200, reason="the link has another address than the one asked for")
    return made


def _put(tools: Tools, owner: str, node: str, body: dict[str, Any], **more: Any) -> LiveLink:
    """By the owner's own session where one is at hand and sees the node: then the server knows him as the one who shared. Else by the
    administrator, through the desk of the data source."""
    person = owner_sessions.session_of(tools, owner)
    if person is not None:
        with person:
            try:
                return shares.put_link(person, body, **more)
            except (TokenRefused, NotAdministrator):
                owner_sessions.forget(tools, owner)
            except CellsRefused as error:
                if isinstance(error, AlreadyExists) or error.status not in (401, 403, 404):
                    raise
    _see(tools, node)
    tries = 0
    while True:
        try:
            return shares.put_link(tools.session, body, **more)
        except CellsRefused as error:
            if error.status != 403 or tries >= 5:
                raise
            tries += 1  # the desk was opened a moment ago: rights take effect late
            tools.stop.wait(0.5 * tries)


def _prove_protection(tools: Tools, hash_: str, link: LiveLink) -> None:
    """A password that the server did not take makes an open link, without a word: look at the page, and close it at once."""
    page = shares.open_page(tools.session, hash_)
    if page.state == "open" or (page.uuid and page.uuid != link.uuid):
        shares.delete_link(tools.session, link.uuid)
        raise LinkUnprotected(hash=hash_)


@performs(UpdateLink)
def update_link(tools: Tools, action: UpdateLink, look: bool) -> Result:
    """By its uuid, as read and with changes. Repeating is safe: the remaining downloads were worked out by the plan, and the
    server counts from there."""
    link = shares.get_link(tools.session, action.uuid)
    if link is None or link.hash != action.hash:
        raise NotFound(method="GET", path="link " + action.hash, status=404, reason="it was removed or renamed; plan again")
    password = ""
    if action.password != "none" and (action.renew or not link.protected):
        if action.renew and not tools.secrets.get(KNOWN, action.key):
            tools.secrets.forget(NEW, action.key)  # who was told the former one does not get in with it any more
        password = _password(tools, action.hash, action.key)
        link_marks.begin(tools.secrets, action.key)
    root = tools.nodes.uuid(action.node)
    body = {**{k: v for k, v in link.body.items() if k not in ("PoliciesContextEditable", "CurrentDownloads", "Policies")},
            "RootNodes": [{"Uuid": root}], "Permissions": list(action.permissions), "AccessEnd": str(action.expires), "MaxDownloads": str(action.downloads)}
    made = _put(tools, action.owner_login, action.node, body, password=password, protected=link.protected)
    if password or link.protected:
        _prove_protection(tools, action.hash, made)
    if password and link.protected and made.user_uuid == link.user_uuid:
        raise PasswordStays(hash=action.hash)
    if password:
        link_marks.keep(tools.secrets, action.key, _form(tools, action.key))
    _hand_over(tools, made, action.owner_login, action.owner_uuid)
    return {"uuid": made.uuid, **({"user": made.user_uuid} if password else {})}


@performs(HandOverLink)
def hand_over_link(tools: Tools, action: HandOverLink, look: bool) -> Result:
    """Owner, and who may change it, by policies; the hidden user keeps sight of the link."""
    link = None
    row = tools.ledger.action("link:" + action.hash)
    if row is not None and row.result and row.result.get("uuid"):
        link = shares.get_link(tools.session, str(row.result["uuid"]))
    if link is None:
        link = next((known for known in shares.read_links(tools.session) if known.hash == action.hash), None)
    if link is None:
        raise NotFound(method="GET", path="link " + action.hash, status=404, reason="it was removed meanwhile; run `apply` again")
    if not link.owners & {action.owner_uuid, _loader(tools)}:
        raise AddressTaken(hash=action.hash)
    _hand_over(tools, link, action.owner_login, action.owner_uuid)
    return {"uuid": link.uuid}


def _hand_over(tools: Tools, link: LiveLink, login: str, uuid: str) -> None:
    rules = policies.owned_by(uuid, login)
    rules += [policies.policy("READ", subject) for action, subject in sorted(link.policies)
              if action == "READ" and (subject.startswith("role:") or subject == "user:" + link.user_login)]
    if not any(rule["Subject"] == "user:" + link.user_login for rule in rules):
        rules.append(policies.policy("READ", "user:" + link.user_login))
    if {(rule["Action"], rule["Subject"]) for rule in rules} != link.policies:
        shares.put_policies(tools.session, link.uuid, rules)


@performs(DeleteLink)
def delete_link(tools: Tools, action: DeleteLink, look: bool) -> Result:
    """By its hash, and only when it is the owner's or the loader's."""
    _end_link(tools, action.hash, action.owner_uuid, action.node, action.uuid)
    return {}


def _end_link(tools: Tools, hash_: str, owner: str, node: NodeRef = NodeRef(""), uuid: str = "") -> None:  # noqa: B008 - a text
    """`node`, `uuid`: what ours shows and is called; a link of this address that shows something else is somebody's own."""
    page = shares.open_page(tools.session, hash_)
    link = shares.get_link(tools.session, page.uuid) if page.uuid else None
    if link is None:  # used up or expired: its page is not shown
        link = next((known for known in shares.read_links(tools.session) if known.hash == hash_), None)
    if link is not None and link.owners & {owner, _loader(tools)} and _is_ours(tools, link, node, uuid):
        shares.delete_link(tools.session, link.uuid)


def _is_ours(tools: Tools, link: LiveLink, node: NodeRef, uuid: str) -> bool:
    if uuid:
        return link.uuid == uuid
    if not node or not link.roots:
        return True
    try:
        return tools.nodes.uuid(node) in link.roots
    except NodeMissing:
        return False


@performs(EndShare)
def end_share(tools: Tools, action: EndShare, look: bool) -> Result:
    """What an earlier run made and the old server does not have any more."""
    if action.hash:
        _end_link(tools, action.hash, action.owner_uuid)
    else:
        _end_cell(tools, action.cell)
    return {}


@performs(ShareComplete)
def share_complete(tools: Tools, action: ShareComplete, look: bool) -> Result:
    """Nothing to send: that its needs were met is the result."""
    return {}


def _loader(tools: Tools) -> str:
    """Uuid of the token's owner, who makes links before they are handed over."""
    known: str = tools.ledger.get("loader") or ""
    return known


