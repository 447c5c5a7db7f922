"""In which encoding was this stored? Repairs of what old database connections did to UTF-8 text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migrate.extract.php.values import DEFAULT, Limits, PhpValueError, decode_value, loads_ex
from migrate.extract.store import Unreadable

_UNDEFINED = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
_TO_BYTE = {bytes([b]).decode("cp1252"): b for b in range(256) if b not in _UNDEFINED} | {chr(b): b for b in _UNDEFINED}
_TO_TEXT = {b: t for t, b in _TO_BYTE.items()}


def undouble(data: bytes) -> bytes | None:
    """The bytes before they were taken for latin1 and encoded once more (connections up to 4.2 into utf8 columns).
    None where that did not happen. MySQL's latin1 is Windows-1252 with five holes filled."""
    if data.isascii():
        return None
    try:
        once = bytes(_TO_BYTE[char] for char in data.decode("utf-8"))
        once.decode("utf-8")
    except (UnicodeDecodeError, KeyError):
        return None
    return once if not once.isascii() else None


def widen(data: bytes) -> bytes | None:
    """Latin1 bytes as the UTF-8 that a utf8 connection of 5.x and later saw. None where they are UTF-8 already."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(_TO_TEXT[byte] for byte in data).encode("utf-8")
    return None


def unescape_bytea(data: bytes) -> bytes | None:
    """The bytes of a PostgreSQL bytea literal kept in a text column (5.2 and older). None where it is no such literal."""
    if data.startswith(b"\\x"):
        try:
            return bytes.fromhex(data[2:].decode("ascii"))
        except ValueError:
            return None
    if b"\\" not in data:
        return None
    out, pos = bytearray(), 0
    while pos < len(data):
        if data[pos] != 0x5C:
            out.append(data[pos])
            pos += 1
        elif data[pos + 1 : pos + 2] == b"\\":
            out.append(0x5C)
            pos += 2
        elif len(octal := data[pos + 1 : pos + 4]) == 3 and octal.isdigit() and octal < b"400" and b"8" not in octal and b"9" not in octal:
            out.append(int(octal, 8))
            pos += 4
        else:
            return None
    return bytes(out)


def _variants(data: bytes) -> Iterator[bytes]:
    yield data
    for change in (undouble, widen, unescape_bytea):
        other = change(data)
        if other is not None:
            yield other


def read_serialized(data: bytes | None, *, limits: Limits = DEFAULT) -> Any:
    """The value of a serialized column: the first encoding in which it can be read to its last byte, else the first in
    which it can be read at all, else Unreadable. None for NULL and empty."""
    if not data:
        return None
    first: PhpValueError | None = None
    partial: list[Any] = []
    for variant in _variants(data):
        try:
            loaded = loads_ex(variant, limits=limits)
        except PhpValueError as error:
            first = first or error
            continue
        if loaded.trailing == 0 or not variant[-loaded.trailing :].strip(b"\0 \r\n\t"):
            return loaded.value
        partial.append(loaded.value)
    if partial:
        return partial[0]
    return Unreadable(f"{first.cause} at byte {first.offset}" if first else "it cannot be read", len(data))


def read_marked(data: bytes | None, *, bare: bool = False) -> Any:
    """The value of a column with marks (`$phpserial$`, `$json$`), read like `read_serialized`; plain text as bytes."""
    if data is None:
        return None
    first: PhpValueError | None = None
    for variant in _variants(data):
        try:
            return decode_value(variant, bare=bare)
        except PhpValueError as error:
            first = first or error
    return Unreadable(f"{first.cause} at byte {first.offset}" if first else "it cannot be read", len(data))


def column_text(data: Any) -> str | None:
    """Text of a column: UTF-8 (once encoded too often is undone), else Windows-1252. Ids and logins too."""
    if isinstance(data, (bytes, bytearray)):
        data = bytes(data)
        data = undouble(data) or widen(data) or data
        return data.decode("utf-8", "surrogateescape")
    return None if data is None else str(data)
