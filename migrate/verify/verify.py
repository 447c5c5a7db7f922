"""Is the new server what the old one was? Reads Cells anew and compares it with the records of the old installation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from migrate.cells.models import AccessModel, Acl
from migrate.errors import finding
from migrate.ledger import Ledger
from migrate.verify.access import AccessCheck, Places, masked_paths, paths_needed
from migrate.verify.difference import UNLOCATED, Options, Verdict
from migrate.verify.expected import Expected
from migrate.verify.files import check_files, load_expected, tops_of, walk
from migrate.verify.kept import accept_kept
from migrate.verify.people import check_groups, check_roles, check_users
from migrate.verify.places import check_workspaces
from migrate.verify.reader import Reader
from migrate.verify.scratch import Scratch

STAGE = "verify"


Further = Callable[[Expected, Verdict], None]
"""A comparison of a further kind, which adds to the verdict."""


def verify(ledger: Ledger, reader: Reader, *, options: Options | None = None, further: Iterable[Further] = ()) -> Verdict:
    """Compare everything. The ledger says what the old server held and which ids were chosen, never what Cells holds.

    The verdict is kept in the ledger (fact `verify`, findings of stage `verify`) for `report` and `finish`. Errors of the
    way to the server (CELLS_UNREACHABLE, NOT_AUTHORISED) pass through: half a comparison is none."""
    options = options or Options()
    verdict = Verdict()
    expected = Expected.of(ledger)
    users = {user.login: user for user in reader.users()}
    workspaces = {workspace.uuid: workspace for workspace in reader.workspaces()}
    acls = list(reader.acls())
    if options.wants("users"):
        check_users(ledger, expected, users, verdict, ordered=reader.ordered)
    if options.wants("groups"):
        check_groups(ledger, expected, reader.groups(), verdict)
    if options.wants("roles") or options.wants("teams"):
        check_roles(ledger, expected, {role.uuid: role for role in reader.roles()}, verdict)
    if options.wants("workspaces"):
        check_workspaces(ledger, expected, workspaces, verdict)
    with Scratch(ledger.path.parent) as scratch:
        load_expected(ledger, expected, scratch)
        places = Places()
        ruled = frozenset(acl.node for acl in acls if acl.node)
        if options.files and options.wants("files"):
            for uuid, path in walk(reader, tops_of(expected), scratch, ruled, options).items():
                places.put(uuid, path)
            check_files(expected, scratch, reader, verdict, options)
        if options.wants("access"):
            check = AccessCheck(expected, AccessModel.of(acls), places, workspaces, scratch, verdict, options)
            _locate(ledger, reader, check, acls)
            check.run(ledger, users)
    for check in further:
        check(expected, verdict)
    accept_kept(ledger, verdict)
    ledger.put(STAGE, verdict.as_json())
    ledger.replace_findings(STAGE, [*verdict.findings, *(d.as_finding() for d in verdict.differences)])
    return verdict


def _locate(ledger: Ledger, reader: Reader, check: AccessCheck, acls: list[Acl]) -> None:
    """Find out where every node with rules lies, and the ids of all folders above the roots and masked folders."""
    places = check.places
    for path, node in reader.stat(sorted(paths_needed(check.expected, check.workspaces.values()) | masked_paths(ledger, check))).items():
        places.put(node.uuid, path)
    for workspace in check.workspaces.values():
        for uuid, path in workspace.roots.items():
            if "/" in path.strip("/") and uuid not in places.paths:
                places.put(uuid, path.strip("/"))
    known = set(places.paths)
    targets = {body.get("uuid") for body in (*check.expected.workspaces.values(), *check.expected.shares.values())}
    virtual = {uuid for workspace in check.workspaces.values() for uuid, path in workspace.roots.items() if "/" not in path.strip("/")}
    lost = {acl.node for acl in acls if acl.node and acl.action in ("read", "write", "deny", "policy")} - known - virtual
    lost = {node for node in lost if not node.startswith("DATASOURCE:") and not node.endswith("-ROOT")}
    for uuid, path in reader.locate(sorted(lost)).items():
        places.put(uuid, path)
        lost.discard(uuid)
    for acl in acls:
        if acl.node in lost and acl.action in ("read", "write") and acl.workspace in targets:
            check.verdict.findings.append(finding(UNLOCATED, "access", f"node {acl.node}"))
