"""What a work folder remembers of how it was planned, so that later commands need not be told again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from migrate.errors import ExitStatus, MigrationError
from migrate.extract.source import Source
from migrate.ledger import Ledger, Secrets
from migrate.workflow.connect import OtherServer


class NotPlanned(MigrationError):
    """The work folder has no plan yet."""

    code = "E2003"
    title = "Nothing is planned in {work}."
    remedy = "Run `plan --legacy DIR --cells URL --work {work}` first."
    exit_status = ExitStatus.USAGE


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything `plan` was told, but secrets. `database_given`: the address is in the secrets file."""

    legacy: str
    path_map: Mapping[str, str] = field(default_factory=dict)
    database_given: bool = False
    cells: str = ""
    mappings: str = ""
    masks: str = "enforce"
    data_source: str = "legacy"
    recycle: str = "skip"
    now: int = 0
    comments: str = "both"
    notes: Mapping[str, Any] = field(default_factory=dict)
    """`bookmarks_by`: `session` or `rpc`. Passwords that were handed in are in the secrets file."""
    shares: Mapping[str, Any] = field(default_factory=dict)
    """`strict_no_download`, `revive`, `new_owner`, `link_passwords`: see cli/options."""
    files: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `filing.FileChoice`."""
    delta: Mapping[str, Any] = field(default_factory=dict)
    """`compare_content`, `source_wins`, `removed_people`, `delete_removed`: how a later plan finds what changed since, and what it does with it."""
    passwords: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `passwords.Choice`."""

    def save(self, ledger: Ledger, secrets: Secrets, database: str | None) -> None:
        """Remember; a database address may hold a password and goes to the secrets file. OtherServer when this work folder has worked
        on another server: its journal would be wrong about this one."""
        known = (ledger.get("server") or {}).get("url")
        if known and self.cells and known.rstrip("/").lower() != self.cells.rstrip("/").lower() and ledger.has_history():
            raise OtherServer(planned=known, given=self.cells)
        if database is not None:
            secrets.put("database", "address", database)
        ledger.put("settings", asdict(self))

    def not_before(self, ledger: Ledger) -> Settings:
        """The same; where the clock of this machine was put back since an earlier plan, with the time of that: what had ended stays ended."""
        latest = max(self.now, int(ledger.get("latest-time") or 0))
        ledger.put("latest-time", latest)
        if latest == self.now:
            return self
        later = replace(self, now=latest)
        ledger.put("settings", asdict(later))
        return later

    @classmethod
    def load(cls, ledger: Ledger, work: Path) -> Settings:
        """What was remembered; NotPlanned when nothing was."""
        values: dict[str, Any] | None = ledger.get("settings")
        if values is None:
            raise NotPlanned(work=work)
        return cls(**values)

    def open_source(self, secrets: Secrets) -> Source:
        """The old installation, as it was named to `plan` or `assess`."""
        database = secrets.get("database", "address") if self.database_given else None
        return Source.open(Path(self.legacy), database=database, path_map=dict(self.path_map), now=self.now)
