"""Which node of Cells does each old workspace show, and which data source holds it?

Per-user workspaces: one becomes people's personal files (`my-files`), each other one a workspace in which every person's own
role names that person's folder. Rights in Cells belong to nodes, so folders that several workspaces show need care."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migrate.cells.models import MY_FILES, LiveWorkspace, Target
from migrate.errors import Code, Finding, finding
from migrate.extract.records import Root, Workspace
from migrate.transform import codes, names
from migrate.transform.actions import CreateDataSource, CreateWorkspace, NodeRef
from migrate.transform.buckets import BUCKET, bucket_of, is_bucket
from migrate.transform.identity import Identity
from migrate.transform.in_place import HANDED_OVER, LEFT_OUT, NOT_HANDED_OVER, REFUSED, InPlace, originals, refusal
from migrate.transform.mapping import Mappings, Proposal, WorkspaceLine

PAGES = frozenset(
    {
        "ajxp_home",
        "ajxp_conf",
        "ajxp_user",
        "ajxp_shared",
        "ajxp_admin",
        "inbox",
        "homepage",
        "settings",
        "imap",
        "mysql",
        "wms",
        "jsapi",
        "demo",
        "notification",
        "ajxp_logs",
    }
)
PERSONAL_SOURCE = "personal"
DESK_SLUG = "migration-desk"
SHARED, PERSONAL, USER, GROUP = "shared", "personal", "user", "group"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a workspace is in Cells. `root`: its node. `kind`: `shared` (everybody the same folder), `personal` (my-files),
    `user`, `group` (a folder below the root for each person or group). `made`: this migration makes the workspace.
    `own_only`: rights stand on people's own roles only, because another workspace shows the same node. `folder`: of a data source
    that indexes it as it lies, as the Cells machine sees it; `original`: it is the old folder itself, not a copy."""

    workspace: Workspace
    uuid: str
    slug: str
    label: str
    root: str
    data_source: str
    kind: str = SHARED
    made: bool = True
    route: str = "upload"
    own_only: bool = False
    folder: str = ""
    original: bool = False

    def action(self, wide: bool) -> CreateWorkspace:
        description = names.label(self.workspace.description, wide, 1000)
        return CreateWorkspace(self.uuid, self.slug, self.label, NodeRef(self.root), description, self.workspace.id)


@dataclass
class Placement:
    """`places`: by old workspace id. `skipped`: old id -> why. `nested`: node -> nodes of places inside it."""

    places: dict[str, Place] = field(default_factory=dict)
    skipped: dict[str, Code] = field(default_factory=dict)
    sources: dict[str, CreateDataSource] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    carried_by: dict[str, str] = field(default_factory=dict)
    """Workspaces whose folder lies in (or is) that of another one: old id -> old id of the workspace that carries the files."""

    def skip(self, workspace: Workspace, why: Code, **details: object) -> None:
        self.skipped[workspace.id] = why


def plan_placement(
    workspaces: Iterable[Workspace], shared_roots: Mapping[str, Root], target: Target, mappings: Mappings, identity: Identity, default_source: str,
    in_place: InPlace | None = None, roots_in_place: Mapping[str, Sequence[Root]] | None = None,
) -> Placement:
    """`shared_roots`: the only folder of each workspace that has one for everybody. `roots_in_place`: all folders of each workspace
    that Cells shall index as it lies."""
    result = Placement()
    unfinished = in_place.unfinished if in_place else frozenset()
    target = replace(target, data_sources={name: source for name, source in target.data_sources.items() if name not in unfinished})
    everything = {w.id: w for w in workspaces}
    mounted = {wid for wid, root in shared_roots.items() if root.folder is not None}
    wide = target.facts.features.wide_characters
    kept = [w for w in sorted(everything.values(), key=lambda w: w.id) if _kept(result, w, everything, mappings, mounted)]
    personal = _personal_workspace(result, kept, target, mappings)
    ours = {identity.workspace(w.id) for w in kept}
    taken = {w.slug for w in target.workspaces.values() if w.uuid not in ours}
    taken |= {line.slug for line in mappings.workspaces.values() if line.slug}
    wants_default = any(_line(mappings, w).action != "merge" and not _line(mappings, w).data_source and w is not personal for w in kept)
    source = _default_source(result, target, default_source, ours) if wants_default else default_source
    for workspace in kept:
        line = _line(mappings, workspace)
        place: Place | None
        if workspace is personal:
            place = _personal_place(workspace, target)
        elif line.action == "merge":
            place = _merged_place(result, workspace, line, target)
        else:
            place = _new_place(result, workspace, line, target, identity, taken, source, wide)
            shown_by = _shown_by(place.root, target, ours)
            if shown_by is not None:
                result.skip(workspace, codes.WORKSPACE_EXPOSED)
                reason = f"{place.root} is shown by the workspace {shown_by.slug} of Cells, whose people would see the files"
                result.findings.append(finding(codes.NOT_PLACED, "workspaces", workspace.id, reason=reason))
                continue
            place = _indexed_place(result, place, line, target, in_place or InPlace(), (roots_in_place or {}).get(workspace.id, ()))
        if place is not None:
            result.places[workspace.id] = place
            _propose(result, place, line, mappings)
    _shared_nodes(result, shared_roots)
    return result


def _line(mappings: Mappings, workspace: Workspace) -> WorkspaceLine:
    return mappings.workspaces.get(workspace.id) or WorkspaceLine(workspace.id)


def _kept(result: Placement, workspace: Workspace, everything: Mapping[str, Workspace], mappings: Mappings, mounted: Collection[str]) -> bool:
    """Whether it is carried. `mounted`: workspaces of which a folder is on this machine."""
    parent = everything.get(workspace.parent or "")
    driver = workspace.driver or (parent.driver if parent is not None else "")
    line = _line(mappings, workspace)
    if workspace.shared_child or workspace.owner is not None:
        result.skip(workspace, codes.WORKSPACE_SHARE)
    elif workspace.template:
        result.skip(workspace, codes.WORKSPACE_TEMPLATE)
    elif driver in PAGES:
        result.skip(workspace, codes.WORKSPACE_PAGE)
    elif line.action == "skip":
        result.skip(workspace, codes.WORKSPACE_SKIPPED)
    elif driver != "fs" and not (line.route in ("in-place", "external") or line.data_source or line.action == "merge" or workspace.id in mounted):
        result.skip(workspace, codes.WORKSPACE_REMOTE)
        result.findings.append(finding(codes.REMOTE_STORAGE, "workspaces", workspace.id, driver=driver or "unknown"))
        result.proposals.append(
            Proposal("workspaces.csv", {"old_workspace": workspace.id, "action": "keep", "note": f"left out: on another storage ({driver})"})
        )
    else:
        return True
    return False


def _personal_workspace(result: Placement, kept: list[Workspace], target: Target, mappings: Mappings) -> Workspace | None:
    """The per-user workspace that becomes people's personal files, when the server has them."""
    if personal_files(target) is None or PERSONAL_SOURCE not in target.data_sources:
        return None
    candidates = [
        w
        for w in kept
        if w.scope == "user" and _line(mappings, w).personal != "no" and _line(mappings, w).action == "keep" and not _line(mappings, w).data_source
    ]
    if not candidates:
        return None
    named = [w for w in candidates if _line(mappings, w).personal == "yes"]
    usual = [w for w in candidates if w.slug == "my-files"] + [w for w in candidates if w.builtin and w.id == "1"] + [w for w in candidates if w.builtin]
    chosen = (named or usual or candidates)[0]
    result.findings.append(finding(codes.PERSONAL_CHOSEN, "workspaces", chosen.id))
    for other in named[1:]:
        result.findings.append(finding(codes.NOT_PLACED, "workspaces", other.id, reason="another workspace is people's personal files already"))
    return chosen


def personal_files(target: Target) -> LiveWorkspace | None:
    """The workspace of Cells on the virtual root `my-files`."""
    found = [w for w in target.workspaces.values() if w.scope == "ADMIN" and MY_FILES in w.roots]
    return min(found, key=lambda w: (w.slug != "personal-files", w.slug), default=None)


def _personal_place(workspace: Workspace, target: Target) -> Place:
    live = personal_files(target)
    assert live is not None
    return Place(workspace, live.uuid, live.slug, live.label, MY_FILES, PERSONAL_SOURCE, PERSONAL, made=False)


def _merged_place(result: Placement, workspace: Workspace, line: WorkspaceLine, target: Target) -> Place | None:
    live = next((w for w in target.workspaces.values() if w.slug == line.cells_workspace and w.scope == "ADMIN"), None)
    reason = None
    if live is None:
        reason = f"there is no workspace {line.cells_workspace} in Cells"
    elif len(live.roots) != 1:
        reason = f"{line.cells_workspace} has {len(live.roots)} roots, so it is not clear where the files go"
    elif MY_FILES in live.roots:
        reason = "personal files are chosen with the column personal"
    if reason is not None or live is None:
        result.skip(workspace, codes.WORKSPACE_SKIPPED)
        result.findings.append(finding(codes.NOT_PLACED, "workspaces", workspace.id, reason=reason))
        return None
    root = next(iter(live.roots.values())).strip("/")
    kind = workspace.scope if workspace.scope in (USER, GROUP) else SHARED
    return Place(workspace, live.uuid, live.slug, live.label, root, root.split("/", 1)[0], kind, made=False)


def _new_place(
    result: Placement, workspace: Workspace, line: WorkspaceLine, target: Target, identity: Identity, taken: set[str], source: str, wide: bool
) -> Place:
    uuid = identity.workspace(workspace.id)
    live = target.workspaces.get(uuid)
    old = workspace.slug or workspace.label
    if line.slug:
        slug = names.unique_slug(line.slug, {w.slug for w in target.workspaces.values() if w.uuid != uuid})
    else:
        slug = names.unique_slug(names.clean_slug(old) or names.clean_slug(workspace.label), taken)
    shown = names.label(line.label or workspace.label, wide) or slug
    data_source = line.data_source or source
    in_place = line.route == "in-place" or (line.route == "external" and bool(line.folder))
    root = f"{data_source}/{line.path.strip('/')}" if line.path else data_source if in_place else f"{data_source}/{slug}"
    if live is not None:
        slug, root = slug if line.slug else live.slug, next(iter(live.roots.values()), root).strip("/")
        data_source = root.split("/", 1)[0]
    taken.add(slug)
    if slug != workspace.slug and workspace.slug:
        result.findings.append(finding(codes.SLUG_CHANGED, "workspaces", workspace.id, new=slug, old=workspace.slug))
    if data_source not in target.data_sources and data_source not in result.sources:
        result.sources[data_source] = CreateDataSource(data_source, line.folder, not in_place, "" if in_place else _beside(result, target))
    kind = workspace.scope if workspace.scope in (USER, GROUP) else SHARED
    return Place(workspace, uuid, slug, shown, root, data_source, kind, route=line.route or "upload")


def _indexed_place(result: Placement, place: Place, line: WorkspaceLine, target: Target, in_place: InPlace, roots: Sequence[Root]) -> Place | None:
    """The place with its folder, when Cells shall index that as it lies and will; None, with a finding, when it would not."""
    name, wid = place.data_source, place.workspace.id
    there = target.data_sources.get(name)
    if line.route == "upload" or not line.route or (line.route == "external" and not line.folder and (there is None or there.flat)):
        return place
    planned = result.sources.get(name)
    if is_bucket(place.workspace) and not line.folder and all(root.folder is None for root in roots):
        return _bucket_place(result, place, there is not None, place.uuid in target.workspaces or bool(line.path), in_place)
    folder = line.folder or (planned.folder if planned else "") or (there.folder if there else "") or ""
    others = {s.name: s.folder for s in target.data_sources.values() if s.storage == "LOCAL" and s.folder}
    others |= {s.name: s.folder for s in result.sources.values() if s.folder and s.name != name}
    why: str | None = None
    if there is not None and there.flat:
        why = "a data source of this name exists and keeps files by number, so it cannot show a folder"
    elif there is not None and there.storage != "LOCAL" and not folder:
        return place  # a storage that both servers reach: Cells was given it by its administrator, and shows it as it lies
    elif not folder:
        why = "no folder is named for it"
    else:
        why = refusal(name, folder, others, in_place)
    if why is not None:
        return _left_out(result, place, REFUSED, folder=folder or "-", name=name, reason=why)
    original = originals(roots, folder, in_place)
    if original and not in_place.hand_over:
        return _left_out(result, place, NOT_HANDED_OVER, folder=folder, name=name)
    if original and place.kind == SHARED:
        inside = in_place.inside(roots[0].folder or "", folder)
        if inside is None:
            return _left_out(result, place, REFUSED, folder=folder, name=name, reason="it lies inside the old folder of the workspace")
        place = replace(place, root=f"{name}/{inside}".rstrip("/"))
    if original:
        result.findings.append(finding(HANDED_OVER, "workspaces", wid, folder=folder, name=name, parent=posixpath.dirname(folder.rstrip("/"))))
    return replace(place, folder=folder.rstrip("/"), original=original)


def _bucket_place(result: Placement, place: Place, exists: bool, rooted: bool, in_place: InPlace) -> Place | None:
    """The place in a bucket that stays where it is: Cells is given the bucket. `rooted`: where in it is decided. Else it is the folder that the
    old workspace showed, also when the bucket was given to Cells before: never more of it."""
    name = place.data_source
    bucket = bucket_of(place.workspace)
    if exists:
        return place if rooted or isinstance(bucket, str) else replace(place, root=f"{name}/{bucket.base}".rstrip("/"))
    if isinstance(bucket, str):
        return _left_out(result, place, REFUSED, folder=str(place.workspace.options.get("CONTAINER") or "-"), name=name, reason=bucket)
    if not in_place.hand_over:
        return _left_out(result, place, NOT_HANDED_OVER, folder=bucket.shown, name=name)
    result.sources[name] = bucket.action(name, place.workspace.id)
    result.findings.append(finding(BUCKET, "workspaces", place.workspace.id, bucket=bucket.shown, name=name))
    return place if rooted else replace(place, root=f"{name}/{bucket.base}".rstrip("/"))


def _left_out(result: Placement, place: Place, why: Code, **details: object) -> None:
    wid = place.workspace.id
    result.skip(place.workspace, LEFT_OUT)
    result.findings.append(finding(why, "workspaces", wid, **details))
    planned = result.sources.get(place.data_source)
    if planned is not None and not any(p.data_source == place.data_source for p in result.places.values()):
        del result.sources[place.data_source]


def _beside(result: Placement, target: Target) -> str:
    """A local data source next to whose folder a new one can be made: the server's default one if it is local."""
    local = [s for s in target.data_sources.values() if s.storage == "LOCAL"]
    chosen = min(local, key=lambda s: (s.name != "pydiods1", s.name in (PERSONAL_SOURCE, "cellsdata"), not s.flat, s.name), default=None)
    if chosen is None:
        result.findings.append(finding(codes.NO_DATA_SOURCE, "workspaces", "", reason="no data source of this Cells lies in a local folder"))
        return ""
    return chosen.name


def _default_source(result: Placement, target: Target, wanted: str, ours: set[str]) -> str:
    """The data source for old files: the wanted name unless a workspace of others shows it, then the next free one."""
    name, number = wanted, 2
    while True:
        shown_by = _shown_by(name, target, ours)
        if shown_by is None:
            break
        fresh = f"{wanted}{number}"
        result.findings.append(finding(codes.DATA_SOURCE_TAKEN, "workspaces", shown_by.slug, name=name, other=shown_by.slug, new=fresh))
        name, number = fresh, number + 1
    if name not in target.data_sources:
        result.sources[name] = CreateDataSource(name, "", True, _beside(result, target))
    return name


def _shown_by(node: str, target: Target, ours: set[str]) -> LiveWorkspace | None:
    """A workspace of others that shows a node: its root is the node or lies above it."""
    for live in sorted(target.workspaces.values(), key=lambda w: w.uuid):
        if live.uuid in ours or live.scope != "ADMIN" or live.slug.startswith(DESK_SLUG):
            continue
        if any((node + "/").startswith(path.strip("/") + "/") for path in live.roots.values() if path.strip("/")):
            return live
    return None


def _propose(result: Placement, place: Place, line: WorkspaceLine, mappings: Mappings) -> None:
    if place.workspace.id not in mappings.workspaces:
        note = "people's personal files" if place.kind == PERSONAL else f"{place.label}: /{place.slug} in {place.root}"
        result.proposals.append(Proposal("workspaces.csv", {"old_workspace": place.workspace.id, "action": "keep", "note": note}))


def _shared_nodes(result: Placement, roots: Mapping[str, Root]) -> None:
    """Workspaces whose old folders are the same or lie in one another share nodes, so that files are carried once."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for wid, root in roots.items():
        place = result.places.get(wid)
        if place is not None and root.folder is not None and not root.missing and place.kind == SHARED and place.made:
            groups.setdefault("" if place.route == "upload" else place.data_source, []).append((posixpath.normpath(root.folder), wid))
    for group in groups.values():
        _nested_nodes(result, sorted(group))
    _merged_nodes(result)


def _nested_nodes(result: Placement, folders: list[tuple[str, str]]) -> None:
    outer: list[tuple[str, str]] = []
    for folder, wid in folders:
        while outer and not (folder == outer[-1][0] or folder.startswith(outer[-1][0].rstrip("/") + "/")):
            outer.pop()
        if not outer:
            outer.append((folder, wid))
            continue
        above, above_id = outer[-1]
        base = result.places[above_id]
        carrier = result.carried_by.get(above_id, above_id)
        result.carried_by[wid] = carrier
        if folder == above:
            result.places[above_id] = replace(base, own_only=True)
            result.places[wid] = replace(result.places[wid], root=base.root, data_source=base.data_source, own_only=True)
            result.findings.append(finding(codes.SAME_FOLDER, "workspaces", wid, other=above_id))
        else:
            inside = [names.stored_name(part.encode("utf-8", "surrogateescape"))[0] for part in folder[len(above.rstrip("/")) + 1 :].split("/")]
            result.places[wid] = replace(result.places[wid], root="/".join([base.root, *inside]), data_source=base.data_source)
            result.findings.append(finding(codes.NESTED_FOLDER, "workspaces", wid, other=above_id))
            outer.append((folder, wid))


def _merged_nodes(result: Placement) -> None:
    """Places of any kind that ended on one node (merged onto one workspace, mapped to one path)."""
    by_root: dict[str, list[str]] = {}
    for wid, place in result.places.items():
        if place.kind == SHARED:
            by_root.setdefault(place.root, []).append(wid)
    for ids in by_root.values():
        for wid in ids if len(ids) > 1 else []:
            result.places[wid] = replace(result.places[wid], own_only=True)
