"""Who may see and change an object itself (not its content): the resource policies that writes carry."""

from __future__ import annotations

from typing import Any

Policies = list[dict[str, Any]]


def policy(action: str, subject: str) -> dict[str, Any]:
    """Allow `action` (OWNER, READ, WRITE) to `subject` (`user:<login>`, `role:<uuid>`, `profile:<p>`, for OWNER a user uuid)."""
    return {"Action": action, "Subject": subject, "Effect": "allow"}


def owned_by(uuid: str, login: str) -> Policies:
    """An object of one person that administrators may change: teams, cells, links."""
    return [policy("OWNER", uuid), policy("READ", "user:" + login), policy("WRITE", "user:" + login), policy("WRITE", "profile:admin")]
