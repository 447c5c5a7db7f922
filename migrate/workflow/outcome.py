"""What a command came to: one sentence, an exit status, sums and findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.errors import ExitStatus, Finding


@dataclass
class Outcome:
    """The result of a command. `lines`: further text for people; `extra`: further keys of the JSON answer."""

    verdict: str
    exit: ExitStatus = ExitStatus.OK
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    read: int = 0
    write: int = 0
    findings: list[Finding] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self, command: str) -> dict[str, Any]:
        """The contract object printed by `--json`."""
        names = ("found", "migrated", "already", "skipped", "failed")
        return {
            "command": command,
            "verdict": self.verdict,
            "exit": int(self.exit),
            "counts": {kind: {n: row.get(n, 0) for n in names} for kind, row in self.counts.items()},
            "requests": {"read": self.read, "write": self.write},
            "findings": [dataclasses.asdict(f) for f in self.findings],
            **self.extra,
        }
