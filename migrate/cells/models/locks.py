"""How are accounts locked? By a list of words in one attribute, JSON in a text."""

from __future__ import annotations

import json
from collections.abc import Mapping

LOCKS = "locks"
LOCKED, TO_CHANGE = "logout", "pass_change"
"""Nobody signs in; the password is to be changed first."""


def locks_of(attributes: Mapping[str, str]) -> list[str]:
    """Locks of an account; none for text that says nothing."""
    try:
        value = json.loads(attributes.get(LOCKS) or "[]")
    except ValueError:
        return []
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
