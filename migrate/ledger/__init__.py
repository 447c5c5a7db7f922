"""Inventory, plan, checkpoint and journal of one migration: one SQLite file in the work folder, beside a secrets file and a lock."""

from migrate.ledger.ledger import ActionRow, FileRow, Ledger, LedgerDamaged, LedgerFull, LedgerMissing, State
from migrate.ledger.lock import AnotherRun, WorkLock
from migrate.ledger.secrets import Secrets

__all__ = ["ActionRow", "AnotherRun", "FileRow", "Ledger", "LedgerDamaged", "LedgerFull", "LedgerMissing", "Secrets", "State", "WorkLock"]
