"""How does text of the old server stand in a script? Everything is data: quoted where a command reads it, and without line ends where a
comment tells it."""

from __future__ import annotations

import os


def one_line(text: str) -> str:
    """For a comment: whatever would end the line is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def quoted(text: bytes) -> str:
    """For sh, whatever the bytes."""
    return "'" + os.fsdecode(text).replace("'", "'\"'\"'") + "'"
