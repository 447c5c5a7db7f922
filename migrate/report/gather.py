"""Collects from the ledger what the page shows: grouped, counted, and cut where a page would be too long for anybody to read."""

from __future__ import annotations

import itertools
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.errors import Code
from migrate.ledger import Ledger
from migrate.report.export import moved, owner_of, password_of
from migrate.report.words import KINDS, PASSWORDS
from migrate.text import shown

SHOWN = 50
"""Entries of one finding on the page; the spreadsheet has all."""
ROWS = 500
MATRIX = 1500
"""Pairs of person and workspace up to which the whole matrix is on the page."""
SEVERITIES = ("error", "warning", "info")
STAGES = {"assess": ("extract",), "plan": ("extract", "plan")}


def findings(ledger: Ledger, codes: Mapping[str, Code], command: str) -> list[dict[str, Any]]:
    """Findings of the stages that matter to a command, by code, the severe ones first; equal ones of several stages once."""
    groups: dict[str, dict[str, Any]] = {}
    seen: set[tuple[str, str, str, str]] = set()
    for stage, found in ledger.findings(*STAGES.get(command, ())):
        if stage == "verify":
            continue  # differences have a table of their own
        mark = (found.code, found.kind, found.subject, found.message)
        if mark in seen:
            continue
        seen.add(mark)
        entry = codes.get(found.code)
        group = groups.setdefault(found.code, {"code": found.code, "severity": found.severity, "explanation": _about(entry), "items": [], "number": 0,
                                               "remedies": Counter()})
        group["number"] += 1
        group["remedies"][found.remedy] += 1
        if len(group["items"]) < SHOWN:
            group["items"].append({"kind": KINDS.get(found.kind, found.kind), "subject": found.subject, "message": found.message, "remedy": found.remedy})
    for group in groups.values():
        remedies = group.pop("remedies")
        group["remedy"] = next(iter(remedies)) if len(remedies) == 1 else None
        group["more"] = group["number"] - len(group["items"])
    return sorted(groups.values(), key=lambda g: (SEVERITIES.index(g["severity"]) if g["severity"] in SEVERITIES else 1, g["code"]))


def _about(entry: Code | None) -> str:
    return " ".join(entry.explanation.split()) if entry is not None and entry.explanation != entry.title else ""


def reasons(ledger: Ledger, codes: Mapping[str, Code]) -> list[dict[str, Any]]:
    """Everything left out or failed, by kind and reason, with examples."""
    rows = []
    labels = _labels(ledger)
    for kind, outcome, code, number in ledger.reasons():
        if kind in ("roots", "access", "children"):
            continue
        entry = codes.get(code)
        rows.append({"kind": KINDS.get(kind, kind), "outcome": "failed" if outcome == "failed" else "left out", "code": code, "number": number,
                     "title": _general(entry.title if entry else code, kind), "remedy": _general(entry.remedy if entry else "", kind),
                     "examples": list(itertools.islice(_subjects(ledger, kind, outcome, code, labels), 5)) if kind != "files" else []})
    return sorted(rows, key=lambda r: (r["outcome"] != "failed", -r["number"]))


def _subjects(ledger: Ledger, kind: str, outcome: str, code: str, labels: Mapping[str, str]) -> Iterator[str]:
    """Keys of what has this reason, workspaces by their names; of what failed, with what the server said."""
    for its_kind, key, _, its_code, detail in ledger.settled(outcome):
        if its_kind == kind and (its_code or "") == code:
            key = "\0".join(labels.get(part, part) for part in key.split("\0"))
            yield f"{key}: {detail}" if detail and outcome == "failed" else key


def _general(text: str, kind: str) -> str:
    """A title without a subject: fields become an ellipsis, `{kind}` the kind."""
    text = text.replace("{kind}", KINDS.get(kind, kind)).replace("{subject}", "…")
    while "{" in text and "}" in text[text.index("{"):]:
        start = text.index("{")
        text = text[:start] + "…" + text[text.index("}", start) + 1:]
    return text


def sizes(ledger: Ledger) -> dict[str, Any]:
    """Files and bytes for each workspace, the largest first."""
    labels = _labels(ledger)
    per: dict[str, list[int]] = {}
    for key, body in ledger.records("roots"):
        workspace = owner_of(key)[0]
        row = per.setdefault(workspace, [0, 0, 0, 0])
        row[2] += 1
        row[3] += bool(body.get("missing"))
        for number, size in ledger.file_totals(key).values():
            row[0] += number
            row[1] += size
    rows = [{"workspace": labels.get(w, w), "files": n, "bytes": b, "folders": f, "missing": m} for w, (n, b, f, m) in per.items()]
    rows.sort(key=lambda r: (-r["bytes"], -r["files"], r["workspace"]))
    return {"rows": rows[:ROWS], "number": len(rows), "files": sum(r["files"] for r in rows), "bytes": sum(r["bytes"] for r in rows)}


def access(ledger: Ledger, codes: Mapping[str, Code]) -> dict[str, Any]:
    """Before and after, per workspace; every planned change; the whole matrix where it is small."""
    labels = _labels(ledger)
    per: dict[str, dict[str, Counter[str]]] = {}
    changes: list[dict[str, Any]] = []
    matrix: list[tuple[str, str, str, str]] = []
    number = changed = 0
    for login, workspace, before, planned, code in ledger.access():
        number += 1
        row = per.setdefault(workspace, {"before": Counter(), "after": Counter()})
        row["before"][before] += 1
        row["after"][planned] += 1
        if before != planned:
            changed += 1
            if len(changes) < ROWS:
                entry = codes.get(code or "")
                changes.append({"login": login, "workspace": labels.get(workspace, workspace), "before": before, "after": planned, "code": code or "",
                                "why": _general(entry.title, "rights") if entry else "", "wider": _wider(before, planned)})
        if number <= MATRIX:
            matrix.append((login, labels.get(workspace, workspace), before, planned))
    rows = [{"workspace": labels.get(w, w), **{side: {r: c[r] for r in ("r", "w", "rw")} for side, c in row.items()}} for w, row in per.items()]
    return {"rows": sorted(rows, key=lambda r: r["workspace"])[:ROWS], "number": number, "changes": changes, "changed": changed,
            "matrix": _matrix(matrix) if number <= MATRIX else None, "before_only": False}


def access_before(ledger: Ledger) -> dict[str, Any]:
    """What people can reach on the old server, for the page before any plan."""
    labels = _labels(ledger)
    per: dict[str, Counter[str]] = {}
    number = 0
    for _, body in ledger.records("access"):
        for workspace, right in body.get("workspaces", {}).items():
            number += 1
            per.setdefault(workspace, Counter())[right] += 1
    rows = [{"workspace": labels.get(w, w), "before": {r: c[r] for r in ("r", "w", "rw")}, "after": {}} for w, c in per.items()]
    return {"rows": sorted(rows, key=lambda r: r["workspace"])[:ROWS], "number": number, "changes": [], "changed": 0, "matrix": None, "before_only": True}


def _wider(before: str, after: str) -> bool:
    return bool(set(after) - set(before))


def _matrix(pairs: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    columns = sorted({workspace for _, workspace, _, _ in pairs})
    rows: dict[str, dict[str, tuple[str, str]]] = {}
    for login, workspace, before, after in pairs:
        rows.setdefault(login, {})[workspace] = (before, after)
    return {"columns": columns, "rows": [{"login": login, "cells": [cells.get(c) for c in columns]} for login, cells in sorted(rows.items())]}


def renamed(ledger: Ledger) -> dict[str, Any]:
    """Files and folders that get another name of their own; what lies in a renamed folder follows it without being listed."""
    labels = _labels(ledger)
    rows, number = [], 0
    for row in ledger.files():
        if row.state.value == "skipped" or not moved(row):
            continue
        old = shown(row.path)
        if unicodedata.normalize("NFC", posixpath.basename(old)) == posixpath.basename(str(row.target)):
            continue
        number += 1
        if len(rows) < ROWS:
            workspace, user, group = owner_of(row.root)
            rows.append({"workspace": labels.get(workspace, workspace), "owner": user or group or "", "old": "/" + old.lstrip("/"),
                         "new": "/" + str(row.target).strip("/")})
    return {"rows": rows, "number": number}


def people(ledger: Ledger, codes: Mapping[str, Code]) -> dict[str, Any]:
    """What each person must know: how to sign in, what is lost or has another name. Who finds everything as before is only counted."""
    labels = _labels(ledger)
    lost: dict[str, list[str]] = {}
    for login, workspace, before, planned, _ in ledger.access():
        if set(before) - set(planned) and (login in lost or len(lost) < ROWS * 4):
            lost.setdefault(login, []).append(f"{labels.get(workspace, workspace)}: {_loss(before, planned)}")
    rows, number, ways = [], 0, Counter[str]()
    for login, body in ledger.targets("users"):
        way = password_of(body)
        ways[way] += 1
        notes = []
        if body.get("login") and body["login"] != login:
            notes.append(f"Signs in as {body['login']} from now on.")
        notes += lost.get(login, [])
        if not notes:
            continue
        number += 1
        if len(rows) < ROWS:
            rows.append({"login": login, "way": PASSWORDS.get(way, way), "notes": notes})
    return {"rows": rows, "number": number, "ways": [{"way": PASSWORDS.get(way, way), "number": count} for way, count in ways.most_common()]}


def _loss(before: str, planned: str) -> str:
    if not planned:
        return "no longer there"
    return "read only from now on" if planned == "r" else "upload only from now on"


def actions(ledger: Ledger) -> list[dict[str, Any]]:
    """What the plan would change, by kind."""
    kinds: Counter[tuple[str, str]] = Counter()
    for row in ledger.actions():
        kinds[(row.kind, row.state.value)] += 1
    names = {"technical": "Preparation (folders, data sources)", "grants": "Rules of access"}
    result: dict[str, dict[str, Any]] = {}
    for (kind, state), number in kinds.items():
        entry = result.setdefault(kind, {"kind": names.get(kind) or KINDS.get(kind, kind), "todo": 0, "there": 0})
        entry["there" if state in ("already", "done") else "todo"] += number
    return list(result.values())


def _labels(ledger: Ledger) -> dict[str, str]:
    """Workspace id -> label; equal labels get their id beside, so that nobody mixes them up."""
    labels = {key: str(body.get("label") or key) for kind in ("workspaces", "children") for key, body in ledger.records(kind)}
    times = Counter(labels.values())
    return {key: label if times[label] == 1 else f"{label} ({key[:8]})" for key, label in labels.items()}
