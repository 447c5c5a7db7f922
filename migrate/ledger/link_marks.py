"""Which password of the old server was a link last given? A keyed digest beside the other secrets lets a later run see another one.

The ledger holds neither passwords nor stored forms; the digest says nothing to who does not have the key, which lies in the same
private file."""

from __future__ import annotations

import hashlib
import hmac
import secrets as generator

from migrate.ledger.secrets import Secrets

KEY = ("link-mark-key", "key")
MARK = "link-mark"
OPEN_END = "?"
"""Stands for a change that was begun: whatever the old server says, the link is to be given its password again."""


def form_of(password: str | None, stored: str | None) -> str:
    """One text for what protects a link: its clear password where the old server has it, else the stored form; empty when neither is known."""
    return "clear\0" + password if password else "stored\0" + stored if stored else ""


def keep(secrets: Secrets, old_hash: str, form: str) -> None:
    """Remember, on disk at return, that the link is (about to be) given this; nothing is written for an unknown form or twice the same."""
    if form and secrets.get(MARK, old_hash) != (mark := _digest(secrets, old_hash, form)):
        secrets.put(MARK, old_hash, mark)


def begin(secrets: Secrets, old_hash: str) -> None:
    """Another password is about to be set: until `keep`, the link counts as one that has the former one."""
    if secrets.get(MARK, old_hash) is not None:
        secrets.put(MARK, old_hash, OPEN_END)


def differs(secrets: Secrets, old_hash: str, form: str) -> bool:
    """Whether the old server has another password than the link was last given. An unknown form, or a link without a mark, tells nothing."""
    mark = secrets.get(MARK, old_hash)
    return bool(form) and mark is not None and not hmac.compare_digest(mark, _digest(secrets, old_hash, form))


def _digest(secrets: Secrets, old_hash: str, form: str) -> str:
    key = secrets.password(*KEY, lambda: generator.token_hex(32))
    return hmac.new(key.encode(), (old_hash + "\0" + form).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
