"""Bytes that may not be text: how names of an old file system are shown and carried."""

from __future__ import annotations

import base64


def shown(raw: bytes) -> str:
    r"""Readable form of a file name or path: UTF-8 where it is, otherwise bytes as `\xNN`. Not reversible; see `b64`."""
    return raw.decode("utf-8", "backslashreplace")


def is_utf8(raw: bytes) -> bool:
    """Whether the bytes are valid UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def b64(raw: bytes) -> str:
    """Base64 text of the exact bytes."""
    return base64.b64encode(raw).decode("ascii")
