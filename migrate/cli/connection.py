"""Connection options as one value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migrate.workflow.connect import Connection


def connection_of(url: str | None, given: Mapping[str, Any], work: Path | None = None) -> Connection:
    """What was said on the command line and in the environment about reaching Cells. The token itself comes from
    `CELLS_TOKEN`, a file, a command or what `login` kept in `work`, never from an argument."""
    return Connection(url=url, token_file=given.get("token_file"), token_command=given.get("token_command"), ca_bundle=given.get("ca_bundle"),
                      insecure=bool(given.get("insecure")), workers=int(given.get("workers") or 8), work=work,
                      database=given.get("cells_database"))
