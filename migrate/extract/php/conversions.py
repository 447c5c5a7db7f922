"""What does PHP make of a value: as text, as a number, as a key of an array, and by functions that depend on nothing else?

Strings are `str` with surrogate escapes, arrays dicts, as in `evaluate`."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import Any

MAX_TEXT = 1 << 20
_INT_KEY = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_NUMBER = re.compile(r"\s*[+-]?[0-9]{1,18}")


def decode(data: bytes) -> str:
    """Source bytes as text that keeps every byte."""
    return data.decode("utf-8", "surrogateescape")


def array_key(value: Any) -> int | str:
    """PHP's array key of a value: digit strings, booleans and floats become integers, null the empty string."""
    if isinstance(value, bool) or isinstance(value, float):
        return int(value)
    if isinstance(value, int):
        return value
    if value is None:
        return ""
    if isinstance(value, str):
        return int(value) if _INT_KEY.match(value) else value
    raise TypeError("no array key")


def next_key(array: dict[int | str, Any]) -> int:
    """The key of `$array[] = …`."""
    return max((k for k in array if isinstance(k, int) and k >= 0), default=-1) + 1


def to_text(value: Any) -> str:
    """PHP's string of a scalar. Raises TypeError for arrays."""
    if isinstance(value, str):
        return value
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value == value and abs(value) < 1e15 and value.is_integer() else repr(value)
    raise TypeError("no text")


def truthy(value: Any) -> bool:
    """PHP's idea of true."""
    return bool(value) and value != "0"


def to_int(value: Any) -> int:
    if isinstance(value, (bool, int, float)):
        return int(value)
    match = _NUMBER.match(to_text(value))
    return int(match[0]) if match else 0


def _dirname(path: Any, levels: Any = 1) -> str:
    text = to_text(path)
    for _ in range(min(int(levels), 64)):
        text = posixpath.dirname(text.rstrip("/")) or ("/" if text.startswith("/") else ".")
    return text


def _merge(*arrays: Any) -> dict[int | str, Any]:
    merged: dict[int | str, Any] = {}
    for array in arrays:
        for key, value in array.items():
            merged[key if isinstance(key, str) else next_key(merged)] = value
    return merged


def _replace(search: Any, replacement: Any, subject: Any) -> str:
    if not to_text(search):
        return to_text(subject)
    text = to_text(subject)
    if len(text) * (1 + len(to_text(replacement))) > MAX_TEXT:
        raise ValueError("too long")
    return text.replace(to_text(search), to_text(replacement))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dirname": _dirname,
    "basename": lambda path: posixpath.basename(to_text(path).rstrip("/")),
    "array_merge": _merge,
    "str_replace": _replace,
    "trim": lambda text, chars=" \n\r\t\v\0": to_text(text).strip(to_text(chars)),
    "rtrim": lambda text, chars=" \n\r\t\v\0": to_text(text).rstrip(to_text(chars)),
    "ltrim": lambda text, chars=" \n\r\t\v\0": to_text(text).lstrip(to_text(chars)),
    "strtolower": lambda text: to_text(text).lower(),
    "strtoupper": lambda text: to_text(text).upper(),
    "implode": lambda glue, parts: to_text(glue).join(to_text(p) for p in list(parts.values())[:10_000]),
    "intval": lambda value: to_int(value),
    "array": lambda *values: dict(enumerate(values)),
}
"""Called with their arguments only; they may raise what Python raises for wrong ones."""
