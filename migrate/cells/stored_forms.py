"""Does this password open that stored form? Forms that Cells takes: its own PBKDF2 texts, those of the old software, MD5.

As its verifier does (common/auth/hasher.go of 4.x and 5): four parts are PBKDF2, with the salt decoded from base64 or, as PHP
did it, with the salt's text itself; anything else is the MD5 of the password in small hexadecimal digits."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets

_PBKDF2 = re.compile(r"sha256:[1-9]\d{0,6}:[A-Za-z0-9+/=]{8,128}:[A-Za-z0-9+/]{16,128}={0,2}\Z")
_MD5 = re.compile(r"[0-9a-f]{32}\Z")


def scheme_of(form: str) -> str | None:
    """`pbkdf2_sha256` or `md5`; None for what Cells would not take, or what is damaged."""
    if _PBKDF2.match(form):
        return "pbkdf2_sha256"
    return "md5" if _MD5.match(form) else None


def opens(form: str, password: str) -> bool:
    """Whether the password belongs to the stored form; False for a form that is none."""
    parts = form.split(":")
    if len(parts) < 4:
        return bool(form) and hmac.compare_digest(hashlib.md5(password.encode(), usedforsecurity=False).hexdigest(), form)
    algorithm, iterations, salt, key = parts[:4]
    if algorithm not in ("sha256", "sha1") or not iterations.isdigit() or not 0 < int(iterations) < 10_000_000:
        return False
    wanted, decoded = _decoded(key), _decoded(salt)
    salts = [salt.encode()] if decoded is None else [decoded, salt.encode()]
    return bool(wanted) and any(
        hmac.compare_digest(hashlib.pbkdf2_hmac(algorithm, password.encode(), s, int(iterations), len(wanted or b"")), wanted or b"") for s in salts)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def old_form(password: str, scheme: str) -> str:
    """A stored form as the old software made it (8.x: salt of 32 bytes, used as its text), to try a route with."""
    if scheme == "md5":
        return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    salt = base64.b64encode(secrets.token_bytes(32)).decode()
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 1000, 24)
    return f"sha256:1000:{salt}:{base64.b64encode(key).decode()}"
