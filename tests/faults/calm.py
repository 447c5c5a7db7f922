"""What an undisturbed run leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Calm:
    """An undisturbed run: the old installation, the server after it, and how many requests it took."""

    old: Path
    snapshot: dict[str, Any]
    requests: int
