"""How does a stored PHP value read as text, number, truth or plain JSON?

Values come decoded but in bytes (`migrate.extract.php.values`) or as `str` where the old schema had text columns. Text is
UTF-8; bytes that are not are kept as surrogate escapes in paths (`path_text`) and read as cp1252 in labels (`text`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from migrate.extract.php.values import PhpObject

_SIZE = re.compile(r"\s*([0-9]{1,15})[0-9]*\s*([KMGTP]?)", re.IGNORECASE)
_POWER = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "P": 50}
_NO = frozenset({"", "0", "false", "off", "no", "null"})


def text(value: Any, default: str | None = None) -> str | None:
    """Readable text of a scalar; `default` for null, arrays and objects. PHP's `true` is `1`, `false` the empty text."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return value.decode("cp1252", "replace")
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, (int, float)):
        return str(value)
    return default


def path_text(value: Any, default: str | None = None) -> str | None:
    """Like `text`, but bytes that are not UTF-8 survive as surrogate escapes: for paths, ids and logins."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else text(value, default)


def key_text(key: int | bytes | str) -> str:
    """An array key as id: PHP turns `"0"` or an all-digit login into an integer, ids are always text here."""
    return path_text(key) or ""


def truth(value: Any) -> bool:
    """Whether an option is on. The text `false` is off: it is a non-empty string, and PHP forms store it for switches."""
    if isinstance(value, (bytes, str)):
        return (text(value) or "").strip().lower() not in _NO
    return bool(value)


def number(value: Any, default: int | None = None) -> int | None:
    """A whole number, also from text or float; `default` where there is none."""
    try:
        return int(float(text(value) or ""))
    except (ValueError, OverflowError):
        return default


def size_bytes(value: Any) -> int | None:
    """`2G` or `500M` (powers of 1024, first letter counts) in bytes; None for nothing, 0 or text without a number."""
    match = _SIZE.match(text(value) or "")
    return (int(match[1]) << _POWER[match[2].upper()]) or None if match else None


def items(value: Any) -> Iterator[tuple[str, Any]]:
    """Key and value of an array, keys as text; nothing for anything else."""
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield key_text(key), entry


def plain(value: Any, depth: int = 40) -> Any:
    """JSON-ready copy. Lists (keys 0, 1, …) stay lists; objects are named only, since they hold program state."""
    if depth <= 0:
        return None
    if isinstance(value, Mapping):
        if value and list(value) == list(range(len(value))):
            return [plain(entry, depth - 1) for entry in value.values()]
        return {text(key, ""): plain(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry, depth - 1) for entry in value]
    if isinstance(value, PhpObject):
        return {"object": value.short_name}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return text(value)


def normal_group(value: Any) -> str:
    """A group path as `/` or `/staff/design`, whatever slashes were stored."""
    return "/" + "/".join(part for part in (path_text(value) or "").split("/") if part)
