"""When does a stored link end, and how often may it still be fetched? As PHP compared what was stored, whatever its type.

A date that cannot be compared counts as past: what nobody can read must not open for ever."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from migrate.extract.plain import items, number, text

PAST = 1
"""Epoch second that stands for an end long ago."""
STRICT_FROM = (6, 5)
"""From this version on an end of 0 that is stored is one: the application asked only whether there is any."""
_LEADING = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")


def expiry(value: Any, *, strict: bool) -> int | None:
    """End in epoch seconds; None: never. `strict`: as 6.5 and later read it."""
    if value is None or (not strict and value in (b"", "", b"0", "0", False, 0)):
        return None
    if isinstance(value, (bytes, str)):
        value = _leading(text(value) or "")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        return PAST
    if math.isinf(value):
        return None if value > 0 else PAST
    return max(int(value), PAST)


def limit(value: Any) -> int | None:
    """Downloads that are allowed; None: any number. Text counts by the digits that it begins with; nothing below 1 was a limit."""
    if isinstance(value, (bytes, str)):
        value = _leading(text(value) or "")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return 1 if value is True else None
    return max(math.ceil(value), 0) or None


def used_up_by_one(targets: Any, allowed: int | None) -> bool:
    """Whether one of the people a link was sent to (8.0 and later) has fetched it as often as allowed: then it ended for everybody."""
    counts = (number(dict(items(entry)).get("download_count"), 0) or 0 for _, entry in items(targets) if isinstance(entry, Mapping))
    return allowed is not None and any(count >= allowed for count in counts)


def _leading(value: str) -> float:
    """The number at the beginning of a text, 0 without any."""
    match = _LEADING.match(value)
    return float(match[1]) if match else 0.0
