"""A ledger after a run, with names that try to break a report."""

from __future__ import annotations

from pathlib import Path

from migrate.errors import Code, Finding, Severity
from migrate.ledger import Ledger

EVIL = '<script>alert("x")</script>'
BIDI = "invoice\u202efdp.exe"
FORMULA = '=HYPERLINK("http://evil.example","click")'
CODES = {
    "S2002": Code("S2002", Severity.INFO, "The mapping file says to leave the account {subject} out.", "Change its line in users.csv to carry it."),
    "S5001": Code("S5001", Severity.INFO, "In a recycle bin of the old server.", "Plan with --recycle carry to bring it along."),
    "E4101": Code("E4101", Severity.ERROR, "Cells refused {method} {path}: {status} {reason}", "See the report."),
    "S3001": Code("S3001", Severity.WARNING, "A mask that Cells cannot express.", "Give {subject} the right by hand."),
    "F1201": Code("F1201", Severity.WARNING, "The role {subject} is odd.", "Look at it.", "Odd roles give nothing."),
}


def build(work: Path) -> Ledger:
    """Six people (one skipped, one failed), two workspaces, files renamed, skipped and failed."""
    ledger = Ledger.create(work)
    ledger.put("installation", {"application": "Pydio", "version": "8.2.5", "conf": "sql", "auth": "sql", "database": "mysql", "install_path": "/var/www"})
    logins = ["alice", "bob", EVIL, FORMULA, "gone", "broken"]
    ledger.replace_records("users", [(login, {"login": login, "group": "/"}) for login in logins])
    ledger.settle_many([("users", login, "migrated", None, None) for login in logins[:4]])
    ledger.settle("users", "gone", "skipped", "S2002")
    ledger.settle("users", "broken", "failed", "E4101", "Cells refused PUT /a/user: 500")
    ledger.replace_records("workspaces", [("ws1", {"id": "ws1", "label": "Projects"}), ("ws2", {"id": "ws2", "label": EVIL})])
    ledger.settle_many([("workspaces", w, "already", None, None) for w in ("ws1", "ws2")])
    ledger.replace_records("roots", [("ws1\0\0", {"workspace": "ws1", "missing": False}), ("ws2\0bob\0", {"workspace": "ws2", "missing": True})])
    ledger.replace_records("access", [("alice", {"login": "alice", "workspaces": {"ws1": "rw"}})])
    ledger.replace_access([("alice", "ws1", "rw", "rw", None), (EVIL, "ws1", "rw", "r", "S3001"), (FORMULA, "ws2", "r", "", "S3001")])
    ledger.settle_access([("alice", "ws1", "migrated", None)])
    ledger.put_targets("users", [("alice", {"login": "alice", "uuid": "u1", "password": "kept"}),
                                 ("bob", {"login": "bob.b", "uuid": "u2", "password": "temporary"}),
                                 (EVIL, {"login": "evil", "uuid": "u3", "password": "reset"})])
    ledger.put_targets("groups", [("/staff", {"path": "/staff", "uuid": "g1"})])
    ledger.put_targets("teams", [("alice\0t1", {"uuid": "t1"}), ("bob\0t1", {"uuid": "t2"})])
    ledger.put_targets("workspaces", [("ws1", {"uuid": "w1", "slug": "projects", "node": "legacy/projects"})])
    ledger.put_targets("shares", [("abc123", {"kind": "link", "uuid": "l1", "slug": "s", "url": "https://new/public/abc123", "owner": "alice"})])
    ledger.put_targets("roots", [("ws1\0\0", {"node": "legacy/projects", "data_source": "legacy", "path": "projects", "route": "upload"}),
                                 ("ws2\0bob\0", {"node": "my-files", "data_source": "personal", "path": "bob", "route": "upload"})])
    paths = [b"/caf\xe9.txt", b"/100%.txt", b"/docs", b"/docs/plain.txt", b"/docs/" + BIDI.encode(), b"/e\xcc\x81.txt", b"/bin/x", b"/bad"]
    ledger.scan_files([{"root": "ws1\0\0", "path": p, "type": "dir" if p == b"/docs" else "file",
                       "size": 1000, "mtime": 1, "recycle": False} for p in paths], 1)
    new = {b"/caf\xe9.txt": "café.txt", b"/100%.txt": "100=25.txt", b"/docs/" + BIDI.encode(): "docs/invoice.exe", b"/e\xcc\x81.txt": "é.txt"}
    for row in list(ledger.files()):
        state, code = {b"/bin/x": ("skipped", "S5001"), b"/bad": ("failed", "E4101")}.get(row.path, ("done", None))
        ledger.update_files([(row.id, {"state": state, "code": code, "target": new.get(row.path)})])
    ledger.replace_findings("extract", [Finding("F1201", "warning", "roles", EVIL, f"The role {EVIL} is odd.", "Look at it."),
                                        Finding("F1201", "warning", "roles", BIDI, f"The role {BIDI} is odd.", "Look at it.")])
    return ledger
