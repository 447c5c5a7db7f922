"""Which node does each old folder become? Those of workspaces, and of people and groups in workspaces with a folder for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from migrate.errors import Finding, finding
from migrate.extract.records import Root
from migrate.transform import codes, names
from migrate.transform.groups import clean
from migrate.transform.in_place import InPlace
from migrate.transform.mapping import Mappings
from migrate.transform.people import People, Person
from migrate.transform.placement import GROUP, PERSONAL, PERSONAL_SOURCE, SHARED, USER, Place, Placement
from migrate.transform.records_view import Records

NO_FOLDER = "_root"
"""Name of the folder of the root group in a per-group workspace, whose own name is empty."""


def roots_in_place(records: Records, mappings: Mappings) -> Mapping[str, list[Root]]:
    """The old folders of every workspace that shall be indexed as it lies."""
    wanted = {wid for wid, line in mappings.workspaces.items() if line.route in ("in-place", "external")}
    found: dict[str, list[Root]] = {}
    for root in records.roots() if wanted else ():
        if root.workspace in wanted and root.folder and not root.missing:
            found.setdefault(root.workspace, []).append(root)
    return found


class Folders:
    """`wide`: whether the server stores characters beyond the basic plane. Nodes are `data source/path`."""

    def __init__(self, records: Records, placement: Placement, people: People, in_place: InPlace, single: Mapping[str, Root], *, wide: bool) -> None:
        self._records, self._placement, self._people, self._options, self._single, self._wide = records, placement, people, in_place, single, wide

    @cached_property
    def _as_they_lie(self) -> Mapping[tuple[str, str], str]:
        """Where people's and groups' folders are in old folders that become data sources themselves: (workspace, user or group) ->
        path below the data source. In a copy they are named like in any other data source."""
        places = {wid: place for wid, place in self._placement.places.items() if place.original}
        found: dict[tuple[str, str], str] = {}
        for root in self._records.roots() if places else ():
            place = places.get(root.workspace)
            inside = self._options.inside(root.folder, place.folder) if place is not None and root.folder else None
            if inside is not None:
                found[root.workspace, root.user or root.group or ""] = inside
        return found

    def of(self, place: Place, person: Person) -> str | None:
        """The node of a person in a workspace with a folder for each."""
        if place.kind == USER:
            return self._named(place, person.user.login, person.login)
        group = clean(person.user.group)[0]
        return self._named(place, group, group.strip("/").replace("/", "_") or NO_FOLDER)

    def _named(self, place: Place, old: str, name: str) -> str:
        as_it_lies = self._as_they_lie.get((place.workspace.id, old))
        if as_it_lies is not None:
            return f"{place.data_source}/{as_it_lies}".rstrip("/")
        return place.root + "/" + names.stored_name(name.encode("utf-8", "surrogateescape"), wide=self._wide)[0]

    def entry(self, place: Place, person: Person, path: str) -> str | None:
        """What lies at a path of the person's folder: `file`, `folder`, or None where the records cannot tell."""
        look: Callable[[str, str], str | None] | None = getattr(self._records, "entry", None)
        if look is None:
            return None
        user = person.user.login if place.kind in (USER, PERSONAL) else ""
        group = person.user.group if place.kind == GROUP else ""
        return look(f"{place.workspace.id}\0{user}\0{group}", path)

    def node_of(self, root: Root, place: Place) -> str | None:
        """The node that an old folder becomes; None for one of nobody, and one that is not part of a folder that was handed over."""
        if place.original and (root.workspace, root.user or root.group or "") not in self._as_they_lie:
            return None
        if place.kind == SHARED or (root.user is None and root.group is None):
            return place.root if place.kind != PERSONAL else None
        if place.kind == GROUP:
            group = clean(root.group or "/")[0]
            return self._named(place, root.group or "/", group.strip("/").replace("/", "_") or NO_FOLDER)
        login = self._people.cells_login(root.user or "")
        if login is None:
            return None
        return f"{PERSONAL_SOURCE}/{login}" if place.kind == PERSONAL else self._named(place, root.user or "", login)

    def carried(self) -> Iterator[tuple[Root, str, Place]]:
        """Old folders that are on this machine, the node each becomes, and the workspace."""
        for root in self._records.roots():
            place = self._placement.places.get(root.workspace)
            if place is None or root.folder is None or root.missing or root.workspace in self._placement.carried_by:
                continue
            node = self.node_of(root, place)
            if node is not None:
                yield root, node, place

    def targets(self) -> Iterator[tuple[str, str, dict[str, str | None]]]:
        """(`roots`, old key, what it becomes); last those whose files come with another folder that holds them."""
        for root, node, where in self.carried():
            source, _, path = node.partition("/")
            yield "roots", root.key, {"node": node, "data_source": source, "path": path, "route": where.route, **_storage_of(where)}
        for wid, carrier in self._placement.carried_by.items():
            place, root, other = self._placement.places[wid], self._single[wid], self._single[carrier]
            source, _, path = place.root.partition("/")
            yield "roots", root.key, {"node": place.root, "data_source": source, "path": path, "route": place.route, "carried_by": other.key}

    @property
    def findings(self) -> Iterator[Finding]:
        """Workspaces whose folder is not on this machine."""
        for wid, place in self._placement.places.items():
            root = self._single.get(wid)
            if place.kind == SHARED and place.made and (root is None or root.folder is None or root.missing) and place.route == "upload":
                yield finding(codes.FOLDER_MISSING, "workspaces", wid)


def _storage_of(place: Place) -> dict[str, str | None]:
    """What the names and the carrying of a folder depend on, when it is indexed as it lies."""
    return {"folder": place.folder, "original": "yes" if place.original else None} if place.folder else {}
