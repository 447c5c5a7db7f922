"""What happened since the last run, line by line: on the old server, and in Cells by people. For the plan's findings and changes.csv."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from migrate.cells.models import Target
from migrate.errors import Finding, Severity, code, finding
from migrate.ledger import Ledger, State
from migrate.ledger.files import target_of_gone
from migrate.report.csv import replace_file
from migrate.text import shown
from migrate.transform.actions import Action, CreateGroup, CreateRole, CreateUser, CreateWorkspace, from_json
from migrate.transform.mapping_text import guarded
from migrate.transform.plan import Plan, PlanOptions
from migrate.transform.since import ANOTHER_ACCOUNT, GONE, Kept, Since, findings_of

PERSON_LOCKED = code("F2915", Severity.WARNING, "{subject} is not on the old server any more: the account in Cells is locked and loses the rights that "
                     "this migration gave it; everything else stays.",
                     "Unlock it in Cells if it is still wanted, or plan with --removed-people keep. To delete it: --delete-removed users.")
PERSON_KEPT = code("F2916", Severity.WARNING, "{subject} is not on the old server any more: the account in Cells stays open, without the rights that this "
                   "migration gave it.", "Plan with --removed-people lock, or lock it in Cells.")
DELETED = code("F2917", Severity.WARNING, "{subject} is not on the old server any more and is deleted in Cells, as --delete-removed says.",
               "Leave out --delete-removed to keep it.")
STAYS = code("F2918", Severity.INFO, "{subject} is not on the old server any more; in Cells it stays, without the rights that this migration gave.",
             "Remove it in Cells if nobody uses it, or plan with --delete-removed {kind}.")
FILES_GONE = code("F2919", Severity.INFO,
                  "{subject}: {number} files and folders are not on the old server any more; in Cells they stay (listed in changes.csv).",
                  "Remove them in Cells if they are not wanted, or plan with --delete-removed files.")

KEPT_KEY = "kept"
"""Fact: what people changed and the plan leaves, for `verify`."""
FILE = "changes.csv"
GAVE = "a right was given"


def known_names(ledger: Ledger) -> dict[str, str]:
    """Uuid -> the old name of what it became; empty before the first run."""
    if not ledger.has_history():
        return {}
    return {str(body["uuid"]): key for kind in ("users", "groups", "roles", "teams", "workspaces", "shares") for key, body in ledger.targets(kind)
            if body.get("uuid")}


def known_people(ledger: Ledger) -> frozenset[str]:
    """Uuids of everybody's accounts; empty before the first run."""
    return frozenset(str(body["uuid"]) for _, body in ledger.targets("users") if body.get("uuid")) if ledger.has_history() else frozenset()


def others_of(target: Target, options: PlanOptions) -> set[str]:
    """Uuids of accounts that people in Cells made under the login of one that this migration had made."""
    return {found.uuid for login, before in options.stated.items() if (found := target.users.get(login)) is not None and found.uuid != before.uuid}


def outcomes_of(kept: list[Kept], source_wins: bool) -> Iterator[tuple[str, str, str, str | None, str | None]]:
    """What becomes of the records behind what is kept."""
    for entry in kept if not source_wins else ():
        if entry.record is not None:
            kind, key = entry.record
            yield kind, key, "skipped" if entry.gone else "already", GONE.code if entry.gone else None, entry.what + " in Cells"


def week_findings(ledger: Ledger, plan: Plan, since: Since, options: PlanOptions) -> list[Finding]:
    """Everything that is to be named; remembers for `verify` what stays as people made it."""
    kept = list(since.kept)
    for role, node, workspace in plan.people_gave():
        name = since.names.get(role, role)
        kept.append(Kept("rights", f"right of {name} on {since.names.get(workspace, workspace)} ({node})", GAVE,
                         (("access", f"{name if role in since.persons else ''}\0{since.names.get(workspace, '')}"),)))
    for person, changed in plan.people_changed():
        kept.append(Kept("users", person.user.login, ", ".join(changed), (("users", person.user.login), ("access", f"{person.user.login}\0"),
                                                                          ("teams", person.user.login)), named=False))
    found = findings_of(kept, options.source_wins)
    for uuid in sorted(since.others):
        login = next((login for login, user in since.target.users.items() if user.uuid == uuid), uuid)
        kept.append(Kept("users", login, "another account", (("access", f"{login}\0"), ("users", login)), named=False))
        found.append(finding(ANOTHER_ACCOUNT, "users", login))
    found += _removed(ledger, plan, since, options)
    nodes = {key: str(body["node"]) for key, body in ledger.targets("roots")}
    for gone in ledger.gone_files() if "files" not in options.delete_removed else ():
        inner = target_of_gone(gone)
        kept.append(Kept("files", f"{nodes.get(gone['root'], '')}/{inner}", "removed on the old server",
                         (("files", f"{nodes.get(gone['root'], '')}/{inner}"),), named=False))
    stays = [] if options.source_wins else kept
    ledger.put(KEPT_KEY, [{"kind": k.kind, "subject": k.subject, "what": k.what, "match": [list(m) for m in k.match], "named": k.named} for k in stays])
    return found


def _removed(ledger: Ledger, plan: Plan, since: Since, options: PlanOptions) -> Iterator[Finding]:
    for before in plan.removed_people():
        entry = DELETED if "users" in options.delete_removed else PERSON_LOCKED if options.removed_people == "lock" else PERSON_KEPT
        yield finding(entry, "users", before.login)
    planned = {row.id for row in ledger.actions()} if ledger.has_history() else set()
    for name, body, _ in ledger.effects():
        action = from_json(body)
        if name in planned or isinstance(action, CreateUser) or not _stands(action, since.target):
            continue
        kind = action.kind
        yield finding(DELETED if kind in options.delete_removed else STAYS, kind, since.subject(action))
    roots: Counter[str] = Counter(row["root"] for row in ledger.gone_files())
    for root, number in sorted(roots.items()):
        yield finding(FILES_GONE, "files", root.replace("\0", " ").strip(), number=number)


def _stands(action: Action, target: Target) -> bool:
    if isinstance(action, CreateGroup):
        return action.path in target.groups and target.groups[action.path].uuid == action.uuid
    if isinstance(action, CreateRole):
        return action.uuid in target.roles
    return isinstance(action, CreateWorkspace) and action.uuid in target.workspaces


def write_changes(ledger: Ledger, work: Path, said: Any) -> tuple[list[str], Path | None]:
    """WORK/changes.csv: one line for each thing that changed on one of the sides since the last run. Gives lines for people, and the
    path; nothing when there was no run."""
    if not ledger.has_history():
        return [], None
    lines: list[tuple[str, str, str, str]] = []
    for row in ledger.actions(State.PLANNED, State.STARTED):
        if row.kind != "technical":
            body = json.loads(row.body)
            name = next((str(body[k]) for k in ("login", "path", "hash", "label", "node", "namespace") if body.get(k)), row.id)
            lines.append(("old server", row.kind, name, "new" if said(row.id) is None else "changed"))
    for root, path, etag in ((r.root, r.path, r.etag) for r in ledger.files(None, State.PLANNED)):
        lines.append(("old server", "files", f"{root.replace(chr(0), ' ').strip()}: {shown(path)}", "changed" if etag else "new"))
    for entry in ledger.gone_files():
        lines.append(("old server", "files", f"{entry['root'].replace(chr(0), ' ').strip()}: {shown(entry['path'])}", "removed"))
    for _, found in ledger.findings("plan"):
        if found.code in (PERSON_LOCKED.code, PERSON_KEPT.code, DELETED.code, STAYS.code):
            lines.append(("old server", found.kind, found.subject, "removed"))
    for kept in (entry for entry in ledger.get(KEPT_KEY) or () if entry["named"] or entry["kind"] == "users"):
        lines.append(("Cells", kept["kind"], kept["subject"], f"{kept['what']}: kept"))
    counts = Counter((side, what if side == "old server" else "kept") for side, _, _, what in lines)
    path = work / FILE

    def write(out: io.TextIOBase) -> None:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["side", "kind", "subject", "change"])
        table.writerows([guarded(cell) for cell in line] for line in lines)

    replace_file(path, write)
    if not lines:
        return ["Since the last run nothing changed on either side."], path
    told = ", ".join(f"{counts['old server', what]} {what}" for what in ("new", "changed", "removed") if counts["old server", what]) or "nothing"
    people = counts["Cells", "kept"]
    return [f"Since the last run: on the old server {told}; in Cells {people or 'nothing'} changed by people" + (" (kept)" if people else "")
            + f". Line by line: {path}"], path
