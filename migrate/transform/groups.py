"""Where does each group stand in Cells? Paths, technical names, groups that are there already, groups without a row."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from migrate.cells.models import Target
from migrate.errors import Finding, finding
from migrate.extract.records import Group
from migrate.transform import codes, names
from migrate.transform.actions import CreateGroup
from migrate.transform.identity import Identity
from migrate.transform.mapping import Mappings, Proposal

MAX_LEVELS = 60


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """A group in Cells. `adopted`: it was there before, so its role gets no rights. `already`: ours and as wanted."""

    old: str
    path: str
    uuid: str
    label: str
    adopted: bool = False
    already: bool = False
    recorded: bool = True
    parent_made: bool = False

    def action(self) -> CreateGroup:
        return CreateGroup(self.uuid, self.path, self.label, self.old if self.recorded else "", self.parent_made)


@dataclass
class Groups:
    """All groups. `places`: by old path, parents first; `skipped`: old paths that the mapping leaves out; `where`: old -> new path."""

    places: dict[str, GroupPlace] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    where: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)

    def path_of(self, old: str) -> str:
        """The path in Cells for members of an old group; the nearest group above when it is left out, `/` for the root."""
        for above in _lineage(clean(old)[0])[::-1]:
            if above in self.where:
                return self.where[above]
        return "/"

    def chain(self, path: str) -> list[str]:
        """Uuids of the groups on a path in Cells, from the top down; unknown ones are left out."""
        made = self._by_path()
        return [made[p] for p in _lineage(path) if p in made]

    def _by_path(self) -> dict[str, str]:
        if len(self._uuids) != len(self.places):
            self._uuids = {place.path: place.uuid for place in self.places.values()}
        return self._uuids

    _uuids: dict[str, str] = field(default_factory=dict)


def plan_groups(
    groups: Iterable[Group], used: Iterable[str], logins: Container[str], target: Target, mappings: Mappings, identity: Identity, wide: bool
) -> Groups:
    """`used`: group paths of people. `logins`: every login that Cells has or will have: a group and a user of one name are
    one node of its tree (4.x), and a login may find the group (5), so such groups get another technical name."""
    result = Groups()
    labels: dict[str, tuple[str, str]] = {}
    for group in groups:
        path, odd = clean(group.path)
        if odd:
            result.findings.append(finding(codes.GROUP_ODD, "groups", group.path, reason=odd))
        if path != "/":
            labels.setdefault(path, (group.path, group.label))
    implied = {level for path in [*labels, *(clean(p)[0] for p in used)] for level in _lineage(path)}
    for path in sorted(implied | set(labels), key=lambda p: (p.count("/"), p)):
        old, label = labels.get(path, (path, path.rpartition("/")[2]))
        _place(result, path, old, label, path in labels, logins, target, mappings, identity, wide)
    return result


def _place(
    result: Groups, path: str, old: str, label: str, recorded: bool, logins: Container[str], target: Target, mappings: Mappings, identity: Identity, wide: bool
) -> None:
    line = mappings.groups.get(old) or mappings.groups.get(path)
    if line is not None and line.action == "skip":
        result.skipped.add(path)
        return
    parent = result.path_of(path.rpartition("/")[0])
    name, why = names.group_name(path.rpartition("/")[2], wide)
    name, taken = _free(name, parent, set(result.where.values()), logins)
    why = why or taken
    new = parent.rstrip("/") + "/" + name
    wrong = _cannot_be(result, line.new_path, target, logins) if line is not None and line.new_path else ""
    if wrong:
        result.findings.append(finding(codes.GROUP_LINE_WRONG, "groups", old, new=new, reason=wrong))
    if line is not None and line.new_path and not wrong:
        new = line.new_path
    else:
        if why:
            result.findings.append(finding(codes.GROUP_RENAMED, "groups", old, new=new, reason=why))
            result.proposals.append(Proposal("groups.csv", {"old_path": old, "action": "keep", "note": f"becomes {new}: {why}"}))
    above = new.rpartition("/")[0]
    above_ours = next((p for p in result.places.values() if p.path == above and not p.adopted), None)
    found, uuid = target.groups.get(new), identity.group(path)
    adopted = found is not None and found.uuid != uuid
    shown = names.label(label, wide, 255) or name
    if adopted and found is not None:
        uuid = found.uuid
        result.findings.append(finding(codes.GROUP_ADOPTED, "groups", old))
        if line is None:
            result.proposals.append(Proposal("groups.csv", {"old_path": old, "action": "keep", "note": "this group exists in Cells: the same?"}))
    already = adopted or (found is not None and found.display_name == shown)
    result.places[path] = GroupPlace(old, new, uuid, shown, adopted, already, recorded, above_ours is not None)
    result.where[path] = new


def _cannot_be(result: Groups, path: str, target: Target, logins: Container[str]) -> str:
    """Why a path that the mapping file wants cannot be taken; empty = it can."""
    above, _, name = path.rpartition("/")
    if path in result.where.values():
        return "another group stands there"
    if above and above not in result.where.values() and above not in target.groups:
        return f"there will be no group {above}"
    return "an account has this name" if name in logins else ""


def _free(name: str, parent: str, taken: set[str], logins: Container[str]) -> tuple[str, str | None]:
    """A name that is no login and no other group of this level."""
    base, number, why = name[:200], 1, None
    while True:
        if name in logins:
            why = "an account has this name"
        elif parent.rstrip("/") + "/" + name in taken:
            why = why or "another group has this name"
        else:
            return name, why
        name = f"{base}-group" if number == 1 else f"{base}-group{number}"
        number += 1


def clean(path: str) -> tuple[str, str | None]:
    """`/a/b` without empty, `.` and `..` levels, and what was odd (None = nothing)."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")][:MAX_LEVELS]
    tidy = "/" + "/".join(parts)
    if tidy == path or path == "" or tidy == "/" == path.rstrip("/") + "/":
        return tidy, None
    return tidy, "it has empty or dotted levels, or is too deep"


def _lineage(path: str) -> list[str]:
    """`/a/b` gives `/a`, `/a/b`."""
    parts = [part for part in path.split("/") if part]
    return ["/" + "/".join(parts[:n]) for n in range(1, len(parts) + 1)]
