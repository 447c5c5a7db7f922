"""What does a PHP serialize() text say? Bytes in, values out; nothing is ever executed and no input can exhaust the machine.

PHP strings stay `bytes` (lengths count bytes, file names need not be UTF-8), arrays become ordered dicts with `int` or
`bytes` keys, objects become `PhpObject`. References (`r:`, `R:`) are resolved with PHP's own numbering of slots, which
runs on through the payload of `C:` objects. Works for all legacy versions (AjaXplorer 2 to Pydio 8.2.5).

Limits (`Limits`): size in bytes, depth of nesting and number of elements, the last two counted as if references were
copied, so that a small text cannot stand for a huge tree. The defaults (128 MiB, 300 levels, 4 million elements) are
far above anything an old server wrote in one value; whole user files are read with wider ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from migrate.extract.php.reader import DEFAULT, NUMERIC_KEY, WIDE, Limits, PhpCycle, PhpObject, PhpValue, PhpValueError, Reader

__all__ = [
    "DEFAULT", "WIDE", "Limits", "Loaded", "PhpCycle", "PhpObject", "PhpValue", "PhpValueError", "as_text_key", "decode_value", "from_json",
    "loads", "loads_ex", "loads_repaired", "path_text", "plain", "read_items", "text", "truth",
]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value and what was noticed on the way. `trailing`: bytes after the value, which PHP ignores.
    `repaired`: offsets of strings whose stored length was wrong (repair mode only)."""

    value: Any = field(repr=False)
    trailing: int = 0
    repaired: tuple[int, ...] = ()


def loads(data: bytes, *, limits: Limits = DEFAULT) -> Any:
    """The value of a serialized text. Raises PhpValueError, nothing else. Trailing bytes are ignored, as PHP does."""
    return loads_ex(data, limits=limits).value


def loads_ex(data: bytes, *, limits: Limits = DEFAULT) -> Loaded:
    """Like `loads`, and tells how many bytes followed the value."""
    reader = Reader(data, limits, repair=False)
    value = reader.read()
    return Loaded(value, len(data) - reader.pos)


def loads_repaired(data: bytes, *, limits: Limits = DEFAULT) -> Loaded:
    """Like `loads_ex`, but accepts strings whose length is wrong (dumps edited by hand or converted to another
    charset): such a string ends at the next `";` after which the text can go on. `repaired` names every use; the
    caller must report it, because a guess about where a string ends may be wrong."""
    reader = Reader(data, limits, repair=True)
    value = reader.read()
    return Loaded(value, len(data) - reader.pos, tuple(reader.repaired))


def read_items(data: bytes, *, limits: Limits = WIDE) -> Iterator[tuple[int | bytes, Any]]:
    """Key and value of each entry of a top-level array, one after the other, for files with one entry per user or
    role. What comes before a damaged place is given, then PhpValueError is raised."""
    yield from Reader(data, limits, repair=False).items()


PHP_PREFIX = b"$phpserial$"
JSON_PREFIX = b"$json$"
_CONTAINER = re.compile(rb'a:[0-9]+:\{|O:[0-9]+:"|C:[0-9]+:"')


def decode_value(data: bytes, *, bare: bool = False, limits: Limits = DEFAULT) -> Any:
    """A stored value with its marks taken off: `$phpserial$` + serialize, `$json$` + JSON, otherwise the bytes as they
    are. `bare`: the place holds serialize text without a mark in old rows (META_SOURCES, CUSTOM_PARAMS, `ajxp.roles`):
    then an unmarked array or object is read too. JSON gives the same shapes as PHP: `bytes`, `int` keys. Raises
    PhpValueError."""
    if data.startswith(PHP_PREFIX):
        return loads(data[len(PHP_PREFIX) :], limits=limits)
    if data.startswith(JSON_PREFIX):
        return from_json(data[len(JSON_PREFIX) :], limits=limits)
    if bare and _CONTAINER.match(data):
        return loads(data, limits=limits)
    return data


def from_json(data: bytes, *, limits: Limits = DEFAULT) -> Any:
    """JSON text as PHP values (`json_decode($text, true)`): strings `bytes`, digit keys `int`, lists dicts from 0 on."""
    if len(data) > limits.size:
        raise PhpValueError(f"it is larger than {limits.size} bytes", 0)
    try:
        return _php_shape(json.loads(data), limits.depth)
    except RecursionError:
        raise PhpValueError(f"it is nested more than {limits.depth} levels deep", 0) from None
    except ValueError as error:
        raise PhpValueError("it is no JSON", getattr(error, "pos", 0)) from None


def _php_shape(value: Any, depth: int) -> Any:
    if depth < 0:
        raise PhpValueError("it is nested too deep", 0)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return {i: _php_shape(v, depth - 1) for i, v in enumerate(value)}
    if isinstance(value, dict):
        return {_php_key(k): _php_shape(v, depth - 1) for k, v in value.items()}
    return value


def _php_key(key: str) -> int | bytes:
    data = key.encode("utf-8", "surrogatepass")
    return int(data) if NUMERIC_KEY.match(data) and -(2**63) < int(data) < 2**63 else data


def text(value: Any, charset: str | None = None) -> str | None:
    """A PHP scalar as text: bytes are UTF-8, else `charset` (the old server's locale), else Windows-1252, else Latin-1.
    Numbers and booleans as PHP writes them (`true` is "1", `false` is ""). None for everything that is no scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        for encoding in ("utf-8", charset, "cp1252"):
            if encoding:
                try:
                    return value.decode(encoding)
                except (UnicodeDecodeError, LookupError):
                    continue
        return value.decode("latin-1")
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return None


def path_text(value: Any) -> str | None:
    """A PHP string that is a path: UTF-8, other bytes carried by surrogate escapes (`os.fsencode` gives them back)."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else text(value)


def as_text_key(key: int | bytes | str) -> str:
    """An array key as text: PHP made an int of every all-digit id or login."""
    return key.decode("utf-8", "surrogateescape") if isinstance(key, bytes) else str(key)


_TRUTH = {"true": True, "1": True, "yes": True, "on": True, "t": True}
_TRUTH |= {"false": False, "0": False, "": False, "no": False, "off": False, "f": False}


def truth(value: Any) -> bool | None:
    """A boolean however it was stored (`b:1`, `i:1`, `"true"`, `"1"`, and the opposites). None when it is none of these."""
    if isinstance(value, (bool, int, float)):
        return bool(value)
    if value is None:
        return None
    word = (text(value) or "").strip().lower() if isinstance(value, (bytes, str)) else "?"
    return _TRUTH.get(word)


def plain(value: Any, charset: str | None = None) -> Any:
    """A whole value as `str`-keyed dicts and `str`, for parameters and options that are only shown or handed on.
    Objects become dicts of their properties, cycles None. The depth is that of a read value, so recursion is bounded."""
    if isinstance(value, PhpObject):
        value = value.properties
    if isinstance(value, dict):
        return {as_text_key(k): plain(v, charset) for k, v in value.items()}
    if isinstance(value, bytes):
        return text(value, charset)
    return None if isinstance(value, PhpCycle) else value
