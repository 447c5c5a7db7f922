"""Inventory, plan, checkpoint and journal of one migration: one SQLite file in the work folder, beside a secrets file and a lock."""

from migrate.ledger.errors import LedgerDamaged, LedgerFull, LedgerMissing
from migrate.ledger.ledger import Ledger
from migrate.ledger.lock import AnotherRun, WorkLock
from migrate.ledger.rows import ActionRow, FileRow, State
from migrate.ledger.secrets import Secrets

__all__ = ["ActionRow", "AnotherRun", "FileRow", "Ledger", "LedgerDamaged", "LedgerFull", "LedgerMissing", "Secrets", "State", "WorkLock"]
