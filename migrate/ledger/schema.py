"""Tables of the ledger. Text columns hold JSON with ASCII escapes, so names that are not UTF-8 survive."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint

VERSION = 1
APPLICATION_ID = 0x50324343

metadata = MetaData()

meta = Table(
    "meta", metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

records = Table(
    "records", metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("body", String, nullable=False),
    Column("outcome", String),
    Column("code", String),
    Column("detail", String),
    Index("records_outcome", "kind", "outcome"),
)
"""What the old server holds, and what became of it: outcome migrated, already, skipped (code) or failed (code)."""

findings = Table(
    "findings", metadata,
    Column("id", Integer, primary_key=True),
    Column("stage", String, nullable=False),
    Column("code", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("message", String, nullable=False),
    Column("remedy", String, nullable=False),
    UniqueConstraint("stage", "code", "kind", "subject", "message"),
)

actions = Table(
    "actions", metadata,
    Column("id", String, primary_key=True),
    Column("seq", Integer, nullable=False),
    Column("phase", Integer, nullable=False),
    Column("lane", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("record", String, nullable=False),
    Column("body", String, nullable=False),
    Column("state", String, nullable=False),
    Column("code", String),
    Column("detail", String),
    Column("result", String),
    Index("actions_todo", "state", "phase", "seq"),
)

journal = Table(
    "journal", metadata,
    Column("seq", Integer, primary_key=True),
    Column("time", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("event", String, nullable=False),
    Column("body", String, nullable=False),
    Column("result", String),
    Index("journal_action", "action"),
)
"""Append-only. event: started, former (what was there before), done, adopted, failed, undoing (being taken back), undone."""

files = Table(
    "files", metadata,
    Column("id", Integer, primary_key=True),
    Column("root", String, nullable=False),
    Column("path", LargeBinary, nullable=False),
    Column("type", String, nullable=False),
    Column("size", Integer),
    Column("mtime", Integer),
    Column("recycle", Integer, nullable=False),
    Column("target", String),
    Column("state", String, nullable=False),
    Column("code", String),
    Column("sha256", String),
    Column("md5", String),
    Column("etag", String),
    Column("content_hash", String),
    Column("seen", Integer, nullable=False),
    UniqueConstraint("root", "path"),
    Index("files_state", "root", "state"),
)
"""Every file and folder to carry. `path`: bytes inside the workspace. `target`: path below the root's node, NFC, perhaps renamed."""

access = Table(
    "access", metadata,
    Column("login", String, primary_key=True),
    Column("workspace", String, primary_key=True),
    Column("before", String, nullable=False),
    Column("planned", String, nullable=False),
    Column("code", String),
    Column("outcome", String),
)
"""Right letters of each person on each workspace: on the old server and as the plan computes them for Cells."""

targets = Table(
    "targets", metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("body", String, nullable=False),
)
"""What each old id became: the material of `export`."""
