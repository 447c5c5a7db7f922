"""The truth of a migration: what was found, what is planned, what was done, in one crash-safe SQLite file.

Write order is the safety argument: an action is committed as started before its first request and as done after its
answer was read, each commit synced (WAL, synchronous=FULL). A crash leaves at most one started action a worker; the
next run looks it up on the server by its natural key and finishes or adopts it."""

from __future__ import annotations

from migrate.ledger.files import Files
from migrate.ledger.journal import Journal
from migrate.ledger.records import Records


class Ledger(Records, Journal, Files):
    """Open with `Ledger.create(work)` or `Ledger.open(work)`. Safe to use from several threads; writes are serialised."""
