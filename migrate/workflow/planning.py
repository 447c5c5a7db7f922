"""The rehearsal: reads both sides, works out every change, writes the plan to the ledger. Sends no write."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from migrate.cells.models import Acl, Target
from migrate.errors import Finding, Severity, code, finding
from migrate.extract.source import Source
from migrate.ledger import Ledger, State
from migrate.transform.actions import Action, CarryFolder, CreateFolder
from migrate.transform.mapping import Mappings
from migrate.transform.plan import Plan, PlanOptions, make_plan
from migrate.workflow.survey import REST
from migrate.workflow.targets import name_files
from migrate.workflow.view import RecordView

NOT_CARRIED = code("S2900", Severity.WARNING, "{kind} are read and listed, but this version does not carry them to Cells yet.",
                   "Keep the old server readable; a later version carries them, and a second run adds only what is missing.")

NAMESPACE = uuid.UUID("6f0f5a5e-6d35-4c1e-9c0e-8d7b2a1f4e55")


def seed_of(source: Source) -> str:
    """The seed of all chosen uuids: the same installation gives the same ones, wherever its copy lies."""
    facts = source.facts
    identity = getattr(source, "identity", None) or f"{facts.application}:{facts.install_path}"
    return str(uuid.uuid5(NAMESPACE, str(identity)))


def store_plan(ledger: Ledger, target: Target, mappings: Mappings, options: PlanOptions, *, recycle: str, mapping_folder: Path,
               progress: Callable[[str, int], None], extra: list[Finding]) -> Plan:
    """Work out the plan and put it into the ledger with its fingerprints."""
    plan = make_plan(RecordView(ledger), target, mappings, options)
    findings: list[Finding] = list(extra)
    ledger.settle_many(_not_carried(ledger, findings))
    for kind in ("users", "groups", "roles", "teams", "workspaces"):
        _reset(ledger, kind)
    ledger.settle_many((kind, key, outcome, why, detail) for kind, key, outcome, why, detail in plan.outcomes)
    by_kind: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for kind, key, body in plan.targets:
        by_kind.setdefault(kind, []).append((key, body))
    for kind in ("users", "groups", "roles", "teams", "workspaces", "roots"):
        ledger.put_targets(kind, by_kind.get(kind, []), replace=True)
    findings += name_files(ledger, recycle=recycle, progress=progress)
    ledger.replace_access(plan.access)
    ledger.replace_plan(_needed(ledger, list(plan.actions)))
    ledger.replace_findings("plan", [*plan.findings, *findings])
    ledger.put("target-fingerprint", target_fingerprint(target, plan_objects(ledger)))
    ledger.put("mapping-fingerprint", mapping_fingerprint(mapping_folder))
    return plan


def _reset(ledger: Ledger, kind: str) -> None:
    ledger.settle_many([(kind, key, None, None, None) for key, _, _ in list(ledger.unsettled(kind))])


def _not_carried(ledger: Ledger, findings: list[Finding]) -> Iterator[tuple[str, str, str, str, None]]:
    for kind in REST:
        number = 0
        for key, _ in ledger.records(kind):
            number += 1
            yield kind, key, "skipped", NOT_CARRIED.code, None
        if number:
            findings.append(finding(NOT_CARRIED, kind, f"{number} {kind}"))


def _needed(ledger: Ledger, actions: list[tuple[Action, bool]]) -> Iterator[tuple[Action, State]]:
    """Actions with their state. Content that is all there needs no carrying, and a desk is opened only for work on its data source."""
    busy: set[str] = set()
    states: list[State] = []
    for action, already in actions:
        if isinstance(action, CarryFolder):
            totals = ledger.file_totals(action.root)
            already = not any(n for s, (n, _) in totals.items() if s in ("planned", "started", "failed"))
            if not already and action.route == "upload":
                busy.add(action.node.split("/", 1)[0])
        elif isinstance(action, CreateFolder) and not already:
            busy.add(action.node.split("/", 1)[0])
        states.append(State.ALREADY if already else State.PLANNED)
    for (action, _), state in zip(actions, states, strict=True):
        source = getattr(action, "data_source", None)
        if source is not None:
            if source not in busy:
                continue
            state = State.PLANNED
        yield action, state


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

