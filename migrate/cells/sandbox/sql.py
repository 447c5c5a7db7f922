"""What do the tool's SQL scripts do to a server? The two statements it writes: a password hash, a file date."""

from __future__ import annotations

import re

from migrate.cells.sandbox.state import State

_TEXT = r"'((?:[^']|'')*)'"
_HASH = re.compile(rf"UPDATE\s+[`\"]?idm_user_idx_tree[`\"]?\s+SET\s+[`\"]?etag[`\"]?\s*=\s*{_TEXT}\s+WHERE\s+[`\"]?uuid[`\"]?\s*=\s*{_TEXT}"
                   r"\s+AND\s+[`\"]?leaf[`\"]?\s*=\s*1", re.IGNORECASE)
_DATE = re.compile(rf"UPDATE\s+[`\"]?data_index_(\w+?)_idx_tree[`\"]?\s+SET\s+[`\"]?mtime[`\"]?\s*=\s*(\d+)\s+WHERE\s+[`\"]?uuid[`\"]?\s*=\s*{_TEXT}",
                   re.IGNORECASE)


def run(state: State, script: str) -> int:
    """Apply the updates of a script; gives how many rows changed."""
    rows = 0
    for digest, uuid in _HASH.findall(script):
        person = state.people.by_uuid.get(uuid.replace("''", "'"))
        if person is not None and not person.is_group:
            person.password = digest.replace("''", "'")
            rows += 1
    for source, date, uuid in _DATE.findall(script):
        node = state.nodes.get(uuid)
        if node is not None and node.source == source:
            node.mtime = int(date)
            rows += 1
    return rows
