"""Do the workspaces stand in Cells as planned: uuid, slug, label, roots?"""

from __future__ import annotations

from collections.abc import Mapping

from migrate.cells.models import MY_FILES, LiveWorkspace
from migrate.ledger import Ledger
from migrate.verify.difference import Verdict
from migrate.verify.expected import Expected
from migrate.verify.people import LEFT_OUT, narrow


def check_workspaces(ledger: Ledger, expected: Expected, live: Mapping[str, LiveWorkspace], verdict: Verdict) -> None:
    """Every workspace that was carried. `live`: by uuid."""
    left_out = {key for kind, key, *_ in ledger.settled(*LEFT_OUT) if kind == "workspaces"}
    for old, record in ledger.records("workspaces"):
        if old in left_out or record.get("template"):
            continue
        target = expected.workspaces.get(old)
        if target is None or not target.get("uuid"):
            verdict.differs("workspaces", old, record.get("label") or old, "missing: neither carried nor announced as left out")
            continue
        verdict.checked["workspaces"] += 1
        workspace = live.get(target["uuid"])
        if workspace is None:
            verdict.differs("workspaces", old, f"workspace {target['uuid']}", "missing")
            continue
        if target.get("slug") and workspace.slug != target["slug"]:
            verdict.differs("workspaces", old, f"slug {target['slug']}", f"slug {workspace.slug or 'none'}")
        label = record.get("label") or ""
        if label and workspace.label not in (label, narrow(label)) and ("workspaces", old) not in expected.announced and not target.get("existing"):
            verdict.differs("workspaces", old, f"label {label}", f"label {workspace.label or 'none'}")
        wanted = str(target.get("root") or target.get("node") or "").strip("/")
        if wanted and record.get("scope", "shared") == "shared":
            roots = {path.strip("/") for path in workspace.roots.values()} | set(workspace.roots)
            if wanted not in roots and not (wanted == MY_FILES and MY_FILES in workspace.roots) and "DATASOURCE:" + wanted not in workspace.roots:
                verdict.differs("workspaces", old, f"root {wanted}", "root " + (", ".join(sorted(map(str, workspace.roots.values()))) or "none"))
            elif len(workspace.roots) > 1:
                extra = sorted(path for uuid, path in workspace.roots.items() if path.strip("/") != wanted and uuid not in (wanted, "DATASOURCE:" + wanted))
                verdict.differs("workspaces", old, f"root {wanted} only", "further roots " + ", ".join(extra), wider=True)
        elif wanted and not workspace.roots:
            verdict.differs("workspaces", old, f"root {wanted}", "no root")
