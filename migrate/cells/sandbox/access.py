"""What may this person see and do? The server's computation: last role per node, nearest mask upwards, deny anywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from migrate.cells.sandbox.nodes import Node, make_folders
from migrate.cells.sandbox.state import Person, Role, State, Workspace

RIGHTS = ("read", "write", "deny", "policy")


def roles_of(state: State, person: Person) -> list[Role | tuple[str, bool]]:
    """Roles in the order that decides: groups from the root down, automatic ones, assigned ones as stored, the own role last.

    A role that does not exist is a pair (uuid, is it a group's)."""
    out: list[Role | tuple[str, bool]] = []
    if person.profile not in ("shared", "anon"):
        out.append(state.role("ROOT_GROUP") or ("ROOT_GROUP", True))
        path = ""
        for part in person.group_path.strip("/").split("/") if person.group_path.strip("/") else ():
            path += "/" + part
            group = state.people.at(path)
            if group is not None:
                out.append(state.role(group.uuid) or (group.uuid, True))
    automatic = [r for r in state.roles.values() if person.profile in r.auto_applies]
    out.extend(sorted(automatic, key=lambda r: (r.force_override, r.uuid)))
    seen: set[str] = set()
    assigned = person.roles
    if state.profile == "5":
        assigned = sorted(assigned)   # the order is not asked of the database: seen by uuid on MySQL
    for uuid in assigned:
        if uuid.lower() not in seen and not (state.profile == "3.0.9" and state.role(uuid) in automatic):
            seen.add(uuid.lower())
            out.append(state.role(uuid) or (uuid, False))
    own = state.role(person.uuid)
    if own is not None:
        out.append(own)
    return out


@dataclass(slots=True)
class Access:
    """Compiled rights of one person: the mask of each node, and for each workspace its roots."""

    person: Person
    masks: dict[str, frozenset[str]] = field(default_factory=dict)
    roots: dict[str, list[str]] = field(default_factory=dict)
    quotas: dict[tuple[str, str], str] = field(default_factory=dict)


def compile_access(state: State, person: Person) -> Access:
    """Rights of `person`, kept until something that decides them changes."""
    cache = _CACHE.setdefault(id(state), {})
    known = cache.get(person.uuid)
    if known is not None and known[0] == state.version and known[1].person is person:
        return known[1]
    access = Access(person)
    for role in roles_of(state, person):
        uuid = role.uuid if isinstance(role, Role) else None
        if uuid is None:
            continue
        own: dict[str, set[str]] = {}
        for acl in state.acls.of_role(uuid):
            if acl.action == "quota" and acl.node:
                access.quotas[(acl.workspace, acl.node)] = acl.value
            if acl.action in RIGHTS and acl.node:
                own.setdefault(acl.node, set()).add(acl.action)
                if acl.workspace and acl.action in ("read", "write", "policy"):
                    roots = access.roots.setdefault(acl.workspace, [])
                    if acl.node not in roots:
                        roots.append(acl.node)
        for node, mask in own.items():
            access.masks[node] = frozenset(mask)
    cache[person.uuid] = (state.version, access)
    return access


_CACHE: dict[int, dict[str, tuple[int, Access]]] = {}


def forget(state: State) -> None:
    """Drop what was compiled for a server that is gone."""
    _CACHE.pop(id(state), None)


def resolve(state: State, node_id: str, person: Person) -> Node | None:
    """The node of an id; a virtual one leads to the person's own folder, made when absent."""
    if node_id in state.virtual_nodes:
        source = {"my-files": "personal", "cells": "cellsdata"}.get(node_id)
        if source is None:
            return None
        return make_folders(state, state.sources[source].root, person.name)[0]
    return state.nodes.get(node_id)


def mask_of(access: Access, node_id: str, node: Node | None, virtual: str = "") -> frozenset[str]:
    """The right on a node: nothing when a deny lies on the way up, else the nearest mask. `virtual` is the virtual root it is under."""
    chain = [n.uuid for n in node.ancestors()] if node is not None else [node_id]
    if virtual:
        source_root = chain[-1]
        keep = chain[:-2] if len(chain) > 1 else chain
        chain = [*keep, chain[-2] if len(chain) > 1 else "", virtual, source_root]
    nearest: frozenset[str] | None = None
    for uuid in chain:
        mask = access.masks.get(uuid)
        if mask is None:
            continue
        if "deny" in mask:
            return frozenset()
        if nearest is None:
            nearest = mask
    if nearest is None or "policy" in nearest:
        return frozenset()
    return nearest


def root_mask(state: State, access: Access, node_id: str) -> frozenset[str]:
    """The right on a workspace root, virtual or real, as it decides whether the workspace is listed."""
    mask = access.masks.get(node_id, frozenset())
    if "deny" in mask or "policy" in mask:
        return frozenset()
    return mask


def workspace_roots(state: State, access: Access, workspace: Workspace) -> list[str]:
    """Roots of a workspace that this person has, in a stable order; a denied one is not among them."""
    ids = [r for r in access.roots.get(workspace.uuid, []) if root_mask(state, access, r)]
    return sorted(ids)


def listed(state: State, access: Access) -> list[tuple[Workspace, str]]:
    """Workspaces that the person is shown, with `r`, `w` or `rw`. Shown is not accessible: a deny above is not looked at."""
    out = []
    for workspace in state.workspaces.values():
        letters = ""
        for root in workspace_roots(state, access, workspace):
            mask = root_mask(state, access, root)
            for action, letter in (("read", "r"), ("write", "w")):
                if action in mask and letter not in letters:
                    letters += letter
        if letters:
            out.append((workspace, "".join(sorted(letters))))
    return out


@dataclass(slots=True)
class Place:
    """Where a caller's path leads."""

    workspace: Workspace
    start: Node | None
    rest: str
    prefix: str
    virtual: str = ""
    root_ids: tuple[str, ...] = ()
    single_file: bool = False

    @property
    def node(self) -> Node | None:
        """The node itself; None when there is none (or the place is a list of roots)."""
        if self.start is None:
            return None
        return self.start.find(self.rest)

    def shown(self, node: Node) -> str:
        """The caller's path of a node at or below `start`."""
        if self.start is None:
            return self.prefix + "/"
        base = self.start.path.rstrip("/")
        below = node.path[len(base):].strip("/")
        if below:
            return self.prefix + "/" + below
        return self.prefix if self.single_file or "/" in self.prefix else self.prefix + "/"


def locate(state: State, access: Access, path: str) -> Place | None:
    """The place of `<slug>/<path>` for this person; None when he has no such workspace."""
    slug, _, rest = path.strip("/").partition("/")
    workspace = state.slug_of(slug)
    if workspace is None:
        return None
    roots = workspace_roots(state, access, workspace)
    if not roots:
        return None
    nodes = [(root, resolve(state, root, access.person)) for root in roots]
    known = [(root, node) for root, node in nodes if node is not None]
    if not known:
        return None
    if len(known) == 1 and known[0][1].is_folder:
        root, node = known[0]
        return Place(workspace, node, rest, slug, root if root in state.virtual_nodes else "", tuple(roots))
    if not rest:
        return Place(workspace, None, "", slug, root_ids=tuple(roots))
    first, _, below = rest.partition("/")
    for root, node in known:
        if root_name(node) == first:
            return Place(workspace, node, below, slug + "/" + first, root if root in state.virtual_nodes else "", tuple(roots),
                         single_file=not node.is_folder)
    return Place(workspace, None, rest, slug, root_ids=tuple(roots))


def root_name(node: Node) -> str:
    """How one of several roots, or a file root, is named below the slug: eight hex digits, a dash and its name."""
    return hashlib.md5(node.uuid.encode()).hexdigest()[:8] + "-" + node.name


def rights(access: Access, place: Place, node: Node) -> frozenset[str]:
    """The right of the person on a node of a place."""
    return mask_of(access, node.uuid, node, place.virtual)


def sees(state: State, access: Access, node: Node) -> list[tuple[Workspace, str]]:
    """Workspaces of the person in which a node appears, with its path there (readable or writable)."""
    out = []
    chain = {n.uuid for n in node.ancestors()}
    for workspace, _ in listed(state, access):
        for root in workspace_roots(state, access, workspace):
            if root in state.virtual_nodes and resolve_existing(state, root, access.person) is None:
                continue
            target = resolve(state, root, access.person)
            if target is None or target.uuid not in chain:
                continue
            place = locate(state, access, workspace.slug)
            if place is None:
                continue
            if place.start is None:
                place = locate(state, access, workspace.slug + "/" + root_name(target))
            if place is not None and place.start is target and rights(access, place, node):
                out.append((workspace, place.shown(node)))
    return out


def resolve_existing(state: State, node_id: str, person: Person) -> Node | None:
    """As `resolve`, without making the folder of a virtual root."""
    if node_id in state.virtual_nodes:
        source = {"my-files": "personal", "cells": "cellsdata"}.get(node_id)
        return state.sources[source].root.children.get(person.name) if source else None
    return state.nodes.get(node_id)
