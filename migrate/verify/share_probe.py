"""Can strangers upload through a link if, and only if, they could before? Tried with a small file that is removed again.

Only on request: it writes into people's drop boxes for a moment, and their owners may get a notice of it."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from migrate.cells.api import tree
from migrate.cells.content import Content
from migrate.cells.errors import CellsRefused
from migrate.cells.session import Session
from migrate.errors import MigrationError, Severity, code, finding
from migrate.transform.share_actions import CreateLink
from migrate.verify.difference import Verdict

LEFT_BEHIND = code("F6122", Severity.WARNING, "The test file {path}, which link {subject} took, could not be removed.", "Delete it in Cells.")
NAME = "migration-check-"


def probe(admin: Session, visitor: Session, slug: str, name: str, plan: CreateLink, verdict: Verdict) -> None:
    """Upload as this visitor. `admin` and `visitor` must be allowed to write; `slug`: of the link's workspace."""
    leaf = NAME + secrets.token_hex(6) + ".txt"
    verdict.checked["uploads tried"] += 1
    wanted = "Upload" in plan.permissions
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / leaf
        file.write_bytes(b"A test of the migration. It can be deleted.\n")
        try:
            Content(visitor, sleep=lambda _seconds: None).put_file(slug, leaf, file)
        except MigrationError as error:
            if wanted and tree.admin_stat(admin, f"{plan.node}/{leaf}") is None:
                verdict.differs("shares", name, "takes uploads", f"refuses them ({error.code})")
                return
    if tree.admin_stat(admin, f"{plan.node}/{leaf}") is None:
        if wanted:
            verdict.differs("shares", name, "takes uploads", "what was sent did not arrive")
        return
    if not wanted:
        verdict.differs("shares", name, "takes no uploads", "takes them", wider=True)
    if not _removed(visitor, slug, leaf):
        verdict.findings.append(finding(LEFT_BEHIND, "shares", plan.key, path=f"{plan.node}/{leaf}"))


def _removed(visitor: Session, slug: str, leaf: str) -> bool:
    try:
        tree.delete_nodes(visitor, [f"{slug}/{leaf}"], permanently=True)
    except CellsRefused:
        return False
    return True
