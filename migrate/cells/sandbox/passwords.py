"""Does this password open the account? The stored forms: the server's own, old PBKDF2 texts and old MD5."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets


def make(password: str) -> str:
    """A stored form for a new password. Few iterations: the stand-in holds test passwords only."""
    salt = secrets.token_bytes(32)
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 10, 24)
    return f"sha256:10:{base64.b64encode(salt).decode()}:{base64.b64encode(key).decode()}"


def weak_default(uuid: str, created: int) -> str:
    """What version 5 stores for an account made without a password: an MD5 that can be computed from public values."""
    return hashlib.md5(f"{uuid}{created}".encode()).hexdigest()


def verify(stored: str, password: str) -> bool:
    """Whether `password` opens `stored`: MD5 hex, or `algorithm:iterations:salt:key` with the salt as base64 or as text."""
    if not stored or not password:
        return False
    parts = stored.split(":")
    if len(parts) < 4:
        return hmac.compare_digest(hashlib.md5(password.encode()).hexdigest(), stored)
    algorithm, iterations, salt, key = parts[0], parts[1], parts[2], parts[3]
    if algorithm not in ("sha256", "sha1") or not iterations.isdigit():
        return False
    wanted = base64.b64decode(key + "=" * (-len(key) % 4))
    salts = [salt.encode()]
    try:
        salts.insert(0, base64.b64decode(salt, validate=True))
    except binascii.Error:
        pass   # only the older, textual treatment of the salt is left
    return any(hmac.compare_digest(hashlib.pbkdf2_hmac(algorithm, password.encode(), s, int(iterations), len(wanted)), wanted) for s in salts)
