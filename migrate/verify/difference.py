"""What verification finds: single differences, and the verdict over all of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.errors import ExitStatus, Finding, Severity, code, finding

KEPT = 20_000
"""Differences that are kept one by one; all are counted."""

WIDER = code("F6101", Severity.ERROR, "{subject}: Cells gives more ({target}) than the old server gave ({source}).",
             "Take the surplus right away in Cells now, then run `verify` again.",
             "Somebody can see or change in Cells what he could not before. This is worse than a missing right: settle it first.")
NARROWER = code("F6102", Severity.WARNING, "{subject}: Cells gives less ({target}) than the old server gave ({source}).",
                "Give the missing right in Cells, or run `apply` again.",
                "Somebody lost a right that the plan had not announced as lost.")
DIFFERENT = code("F6103", Severity.ERROR, "{subject}: the old server had {source}, Cells has {target}.",
                 "Run `apply` again: it repairs what it made. What somebody changed in Cells by hand stays as it is.",
                 "An object in Cells is not what the old installation says it should be: missing, extra, or with another value.")
UNLOCATED = code("F6104", Severity.WARNING, "{subject} has access rules, and the server does not tell where it lies.",
                 "Look at this node in the Cells console. Rights on it could not be compared.",
                 "A rule names a node that no listing showed. It may be the rest of a deleted folder.")
UNHASHED = code("F6105", Severity.INFO, "{subject} of the files were compared by name and size only.",
                "Run `verify --deep` to compare the content of these too (downloads every file once).",
                "Files that are used where they lie are not read during the migration, so their checksum is not known.")


FOLDER_DATES = code("F6107", Severity.INFO, "{subject} uploaded folders have another date in Cells than on the old server (first: {first}).",
                    "Nothing; use a flat data source, or route in-place, when the dates of folders matter.",
                    "A flat data source keeps the date a folder is made with, until something in it changes; a structured one sets its own.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was. `kind`: users, groups, roles, teams, workspaces, access or files. `source`: the old
    server's value, `target`: the new one's, as text. `wider`: Cells gives more than the old server gave."""

    kind: str
    subject: str
    source: str
    target: str
    wider: bool = False

    def as_finding(self) -> Finding:
        """The same as a finding with a remedy."""
        entry = WIDER if self.wider else NARROWER if self.kind == "access" else DIFFERENT
        return finding(entry, self.kind, self.subject, source=self.source or "nothing", target=self.target or "nothing")

    def as_json(self) -> dict[str, Any]:
        """The contract form, with `wider` added."""
        return {"kind": self.kind, "subject": self.subject, "source": self.source, "target": self.target, "wider": self.wider}


@dataclass
class Verdict:
    """The result. `checked`: kind -> how many were compared; `total`: kind -> number of differences, beyond those kept."""

    differences: list[Difference] = field(default_factory=list)
    total: Counter[str] = field(default_factory=Counter)
    wider: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    """Reason code -> losses that the plan announced and that are therefore no differences."""
    findings: list[Finding] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        """Count a difference, keep it while there is room; wider ones are kept in any case."""
        self.total[difference.kind] += 1
        self.wider += difference.wider
        if difference.wider or len(self.differences) < KEPT:
            self.differences.append(difference)

    def differs(self, kind: str, subject: str, source: object, target: object, *, wider: bool = False) -> None:
        """`add` in short."""
        self.add(Difference(kind, subject, str(source), str(target), wider))

    @property
    def number(self) -> int:
        """How many differences there are."""
        return sum(self.total.values())

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        return not self.number

    @property
    def exit_status(self) -> ExitStatus:
        """4 when something differs."""
        return ExitStatus.OK if self.equal else ExitStatus.DIFFERENT

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        looked = ", ".join(f"{n} {'pairs of person and workspace' if kind == 'access' else kind}" for kind, n in self.checked.items() if n)
        if self.equal:
            return f"Cells holds what the old server held: {looked or 'nothing'} compared, no difference."
        found = ", ".join(f"{n} in {kind}" for kind, n in sorted(self.total.items()))
        wider = f" In {self.wider} of them Cells gives MORE access than before: settle these first." if self.wider else ""
        return f"{self.number} {'difference' if self.number == 1 else 'differences'} ({found}); compared: {looked or 'nothing'}.{wider}"

    def as_json(self) -> dict[str, Any]:
        """What is kept in the ledger for the report."""
        return {"sentence": self.sentence, "equal": self.equal, "number": self.number, "wider": self.wider, "total": dict(self.total),
                "checked": dict(self.checked), "accepted": dict(self.accepted), "differences": [d.as_json() for d in self.differences]}


@dataclass(frozen=True)
class Options:
    """How verification works. `allowed`: uuids or slugs of existing workspaces that everybody may see (the administrator's
    decision). `patience`: how often a node that is still being written is asked again, `wait(seconds)` between.
    `checksum(root key, path bytes)`: MD5 of the old file, for files whose MD5 the ledger does not know; None: do not read.
    `kinds`: only these kinds; empty: all. `masks`: path masks were enforced on the old server (the plan's decision)."""

    files: bool = True
    kinds: frozenset[str] = frozenset()
    masks: bool = True
    allowed: frozenset[str] = frozenset()
    workers: int = 4
    patience: int = 10
    pause: float = 1.0
    wait: Callable[[float], None] = time.sleep
    checksum: Callable[[str, bytes], str | None] | None = None
    progress: Callable[[str, int], None] = lambda _kind, _number: None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def wants(self, kind: str) -> bool:
        """Whether a kind is to be compared."""
        return not self.kinds or kind in self.kinds
