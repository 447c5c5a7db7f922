"""The rehearsal: reads both sides, works out every change, writes the plan to the ledger. Sends no write."""

from __future__ import annotations

import hashlib
import itertools
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from migrate.cells.models import Acl, LiveShares, Target
from migrate.errors import Finding, Severity, code, finding
from migrate.extract.source import Source
from migrate.ledger import Ledger, State
from migrate.load.listings import Listings
from migrate.transform.actions import Action, CarryFolder, CloseDesk, CreateDataSource, CreateFolder, OpenDesk, SetRight
from migrate.transform.file_actions import CopyFolder, KeepDates, RemoveFiles, WriteDates
from migrate.transform.identity import Identity
from migrate.transform.lookup import PlanLookup
from migrate.transform.mapping import Mappings, Proposal
from migrate.transform.marks import LocksPart, written
from migrate.transform.metadata_actions import RemoveValues, WriteValues
from migrate.transform.parts import Outcome, Part
from migrate.transform.passwords import Passwords
from migrate.transform.plan import Plan, PlanOptions, make_plan
from migrate.transform.share_actions import CreateLink, UpdateLink
from migrate.transform.since import Since
from migrate.workflow.keeping import waiting
from migrate.workflow.meeting import meet_files
from migrate.workflow.memory import Memory, keep_seen, withdrawn
from migrate.workflow.noting import DERIVED, Eyes, Former, note_parts, store_derived
from migrate.workflow.room import room_findings
from migrate.workflow.sharing import shares_part, without_our_cells
from migrate.workflow.survey import REST
from migrate.workflow.targets import name_files
from migrate.workflow.view import RecordView
from migrate.workflow.week import known_names, known_people, others_of, outcomes_of, week_findings

NOT_CARRIED = code("S2900", Severity.WARNING, "{kind} are read and listed, but this version does not carry them to Cells yet.",
                   "Keep the old server readable; a later version carries them, and a second run adds only what is missing.")

TARGETS = ("users", "groups", "roles", "teams", "workspaces", "roots", *REST)
"""Kinds for which the ledger keeps what old ids become."""

NAMESPACE = uuid.UUID("6f0f5a5e-6d35-4c1e-9c0e-8d7b2a1f4e55")


def seed_of(source: Source) -> str:
    """The seed of all chosen uuids: the same installation gives the same ones, wherever its copy lies."""
    facts = source.facts
    identity = getattr(source, "identity", None) or f"{facts.application}:{facts.install_path}"
    return str(uuid.uuid5(NAMESPACE, str(identity)))


def store_plan(ledger: Ledger, target: Target, mappings: Mappings, options: PlanOptions, *, recycle: str,
               progress: Callable[[str, int], None], extra: list[Finding], live: LiveShares | None = None,
               shares: Mapping[str, Any] | None = None, now: int = 0, eyes: Eyes | None = None, proposed: list[Proposal] | None = None,
               hidden: str = "carry", look: Callable[[str], Listings] | None = None) -> Plan:
    """Work out the plan and put it into the ledger with its fingerprints."""
    records = RecordView(ledger)
    plan = make_plan(records, without_our_cells(target, ledger, Identity(options.seed)), mappings, options)
    findings: list[Finding] = list(extra)
    moved = {key: body["node"] for key, body in ledger.targets("roots")}
    memory = Memory(ledger)
    since = Since(target, lambda action_id: memory.said(action_id), options.source_wins)
    former = Former.of(ledger)
    for kind in ("users", "groups", "roles", "teams", "workspaces", *REST):
        _reset(ledger, kind)
    ledger.settle_many(list(plan.outcomes))
    for kind in (*TARGETS, *DERIVED):
        ledger.put_targets(kind, (), replace=True)
    _put_targets(ledger, plan.targets)
    for key, body in ledger.targets("roots"):
        if options.source_wins or moved.get(key, body["node"]) != body["node"]:
            ledger.reopen_files(key)  # its files go elsewhere now, or may be missing there
    since.links = frozenset((live or LiveShares()).links)
    since.names, since.persons, since.others = known_names(ledger), known_people(ledger), others_of(target, options)
    findings += name_files(ledger, recycle=recycle, progress=progress, hidden=hidden,
                           structured=frozenset(name for name, source in target.data_sources.items() if not source.flat))
    if look is not None and ledger.has_history():
        since.kept += meet_files(ledger, look, source_wins=options.source_wins)
    lookup = PlanLookup(plan, records, target)
    parts = parts_of(records, lookup, ledger, mappings, options)  # after the files have their names
    shared = shares_part(records, lookup, live or LiveShares(), ledger, mappings, shares or {}, now)
    parts.append(shared)
    notes = note_parts(records, lookup, ledger, mappings, eyes or Eyes(), former, source_wins=options.source_wins)
    store_derived(ledger, notes)
    parts += notes
    if proposed is not None:
        proposed += [line for part in notes for line in getattr(part, "proposals", ())]
    locks = [part for part in parts if isinstance(part, LocksPart)]
    for part in parts:
        if part not in locks:
            _settle(ledger, part.outcomes)
        _put_targets(ledger, part.targets)
        findings += part.findings
    for part in parts:
        since.kept += getattr(part, "kept", ())
    taken_back = withdrawn(ledger, target, options)
    parts.append(taken_back)
    for part in locks:  # a file that loses a value is unlocked for that
        part.cleared = written(taken_back.actions, part.nodes)
        _settle(ledger, part.outcomes)
    ledger.settle_many(_not_carried(ledger, findings, {kind for part in parts for kind in part.kinds}))
    ledger.replace_access(shared.access(plan.access))
    ledger.replace_plan(_needed(ledger, plan, parts, since))
    findings += taken_back.findings
    ledger.settle_many(outcomes_of(since.kept, options.source_wins))
    keep_seen(ledger, since.left | {f"user:{person.login}" for person, _ in plan.people_changed()})
    findings += week_findings(ledger, plan, since, options)
    findings += room_findings(ledger, target)
    ledger.replace_findings("plan", [*plan.findings, *findings])
    ledger.put("target-fingerprint", target_fingerprint(target, plan_objects(ledger)))
    return plan


def _reset(ledger: Ledger, kind: str) -> None:
    ledger.unsettle(kind)


def _settle(ledger: Ledger, outcomes: Iterable[Outcome]) -> None:
    """Some at a time: parts read the ledger while they tell."""
    rows = iter(outcomes)
    while some := list(itertools.islice(rows, 1000)):
        ledger.settle_many(some)


def _put_targets(ledger: Ledger, targets: Iterable[tuple[str, str, Mapping[str, Any]]]) -> None:
    for kind, rows in groupby(targets, key=lambda row: row[0]):
        ledger.put_targets(kind, ((key, body) for _, key, body in rows))


def parts_of(records: RecordView, lookup: PlanLookup, ledger: Ledger, mappings: Mappings, options: PlanOptions) -> list[Part]:
    """What is planned beside people, rights, workspaces and files; one entry for each further kind that is carried."""
    made, refused = waiting(ledger)
    facts = ledger.get("installation") or {}
    return [Passwords(records, lookup, mappings.users, options.passwords, made, refused, any_case="sql" in str(facts.get("auth") or "").split(","))]


def _not_carried(ledger: Ledger, findings: list[Finding], carried: set[str]) -> Iterator[tuple[str, str, str, str, None]]:
    for kind in REST:
        if kind in carried:
            continue
        number = 0
        for key, _ in ledger.records(kind):
            number += 1
            yield kind, key, "skipped", NOT_CARRIED.code, None
        if number:
            findings.append(finding(NOT_CARRIED, kind, f"{number} {kind}"))


def _needed(ledger: Ledger, plan: Plan, parts: Sequence[Part], since: Since) -> Iterator[tuple[Action, State]]:
    """Actions with their state, streamed. What people changed in Cells since an earlier run is left as it is; content that is all there
    needs no carrying; a desk is opened (and closed in the end) only for work on its data source."""
    busy: dict[str, OpenDesk] = {}
    everything = itertools.chain(plan.actions, *(part.actions for part in parts))
    working: set[str] = set()
    fresh: set[str] = set()
    for action, already in everything:
        working.update(_works_on(ledger, action, already))
        if isinstance(action, CreateDataSource) and not already:
            fresh.add(action.name)
    for action, already in plan.actions:
        if isinstance(action, OpenDesk):
            if already or action.data_source in working:
                busy[action.data_source] = action  # one that a killed run left open is closed in any case
            if action.data_source not in working:
                continue
            already = False
        elif isinstance(action, (CarryFolder, CopyFolder)):
            already = not _to_carry(ledger, action) and not (isinstance(action, CopyFolder) and action.data_source in fresh)  # an empty folder, too
        elif isinstance(action, KeepDates):
            already = action.data_source not in working and ledger.get("dates:" + action.data_source) is True
        yield action, State.ALREADY if already or since.leaves(action) else State.PLANNED
    for part in parts:
        for action, already in part.actions:
            yield action, State.ALREADY if already or since.leaves(action) else State.PLANNED
    for desk in busy.values():
        yield CloseDesk(desk.uuid, desk.slug, desk.data_source), State.PLANNED


def _works_on(ledger: Ledger, action: Action, already: bool) -> Iterator[str]:
    """The data source that this action writes to through a desk, if any."""
    if isinstance(action, CarryFolder) and action.by_desk and _to_carry(ledger, action):
        yield action.node.split("/", 1)[0]
    elif isinstance(action, (CreateFolder, CreateLink, UpdateLink)) and not already:
        yield action.node.split("/", 1)[0]
    elif isinstance(action, (WriteValues, WriteDates, RemoveValues)) and not already:
        yield from action.sources
    elif isinstance(action, RemoveFiles) and not already:
        yield action.node.split("/", 1)[0]


def _to_carry(ledger: Ledger, action: CarryFolder | CopyFolder) -> bool:
    return any(number for state, (number, _) in ledger.file_totals(action.root).items() if state in ("planned", "started", "failed"))


def plan_objects(ledger: Ledger) -> set[str]:
    """Uuids that the plan itself makes or changes: what they hold is not drift."""
    mine = set()
    for kind in ("users", "groups", "roles", "teams", "workspaces"):
        mine |= {body["uuid"] for _, body in ledger.targets(kind) if body.get("uuid")}
    for row in ledger.actions():
        body = json.loads(row.body)
        mine |= {body[k] for k in ("uuid", "role") if body.get(k)}
    return mine


def target_fingerprint(target: Target, mine: set[str]) -> str:
    """Hash of what the plan relied on and does not make itself: existing people it names, roles that apply by themselves and
    their rules, existing workspaces, data sources. Volatile fields (times, labels) are left out."""
    automatic = {r.uuid for r in target.roles.values() if any(r.auto_applies)} | {"ROOT_GROUP"}
    facts = {
        "server": [target.facts.url, target.facts.major],
        "roles": sorted((r.uuid, list(r.auto_applies)) for r in target.roles.values() if r.uuid in automatic and r.uuid not in mine),
        "rules": sorted(_rule(a) for a in target.acls if a.role in automatic and a.role not in mine and a.workspace not in mine
                        and a.action in ("read", "write", "deny", "policy")),
        "workspaces": sorted((w.uuid, w.slug, sorted(w.roots)) for w in target.workspaces.values() if w.uuid not in mine and w.scope == "ADMIN"
                             and not w.slug.startswith("migration-desk")),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _rule(acl: Acl) -> list[str]:
    return [acl.role, acl.workspace, acl.node, acl.action]


def mapping_fingerprint(folder: Path) -> str:
    """Hash of the mapping files as they are."""
    total = hashlib.sha256()
    for path in sorted(folder.glob("*.csv")) if folder.is_dir() else []:
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def folders_of(ledger: Ledger, target: Target, mappings: Mappings, options: PlanOptions) -> list[str]:
    """Folders whose uuids the plan wants to know, as far as their data source is there already. Works the plan out once without
    them: it is pure, and the roots do not depend on what is in Cells."""
    plan = make_plan(RecordView(ledger), target, mappings, options)
    wanted = {str(a.node) for a, _ in plan.actions if isinstance(a, (CreateFolder, SetRight, CarryFolder)) and "/" in a.node}
    return sorted(node for node in wanted if node.split("/", 1)[0] in target.data_sources)
