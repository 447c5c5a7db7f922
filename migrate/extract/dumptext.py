"""How is a database dump cut into statements and values? A streaming tokenizer for mysqldump and plain pg_dump.

Only as much is kept in memory as one statement takes (about a megabyte in what mysqldump writes)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

_CHUNK = 1 << 20
_MAX_STATEMENT = 1 << 30
_MYSQL_STOP = re.compile(rb"['\"`]|--[ \t\r\n]|#|/\*|;")
_PG_STOP = re.compile(rb"[eE]?'|\"|--|/\*|\$[A-Za-z_0-9]*\$|;")
_STRING = {
    b"'": re.compile(rb"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'", re.DOTALL),
    b'"': re.compile(rb'"[^"\\]*(?:(?:\\.|"")[^"\\]*)*"', re.DOTALL),
    b"`": re.compile(rb"`[^`]*(?:``[^`]*)*`"),
}
_PG_STRING = re.compile(rb"'[^']*(?:''[^']*)*'")
_PG_NAME = re.compile(rb'"[^"]*(?:""[^"]*)*"')
_DELIMITER = re.compile(rb"\s*DELIMITER[ \t]+(\S+)[^\n]*(?:\n|\Z)", re.IGNORECASE)
_COPY = re.compile(rb"\s*COPY\s.*\sFROM\s+stdin\b", re.IGNORECASE | re.DOTALL)


class Statements:
    """The statements of a dump. After a COPY statement call `copy_lines` before going on. `cut_off`: the dump ended in
    the middle of a statement (which is given all the same, as far as it goes)."""

    def __init__(self, file: BinaryIO, postgres: bool) -> None:
        self._file = file
        self._postgres = postgres
        self._buffer = b""
        self._end = False
        self.cut_off = False
        self._delimiter = b";"

    def __iter__(self) -> Iterator[bytes]:
        while True:
            statement = self._next()
            if statement is None:
                return
            yield statement

    def _more(self) -> bool:
        """Read on; as much again as is there, so that long statements are scanned a few times only."""
        if self._end or len(self._buffer) > _MAX_STATEMENT:
            return False
        chunk = self._file.read(max(_CHUNK, len(self._buffer)))
        self._end = not chunk
        self._buffer += chunk
        return bool(chunk)

    def _next(self) -> bytes | None:
        if not self._buffer and not self._more():
            return None
        while not self._postgres and (match := _DELIMITER.match(self._buffer)):
            if match.end() == len(self._buffer) and self._more():
                continue
            self._delimiter = match[1]
            self._buffer = self._buffer[match.end() :]
        stop = _PG_STOP if self._postgres else _MYSQL_STOP
        if self._delimiter != b";":
            stop = re.compile(re.escape(self._delimiter))
        pos = 0
        while True:
            match = stop.search(self._buffer, pos)
            if match is None or (match.end() == len(self._buffer) and not self._end):
                # A stop may be cut by the end of the buffer: keep its last bytes for the next look.
                pos = match.start() if match else max(pos, len(self._buffer) - 8)
                if not self._more() and (match is None or self._end):
                    if match is None:
                        return self._rest()
                continue
            if match[0] in (b";", self._delimiter):
                statement = self._buffer[: match.start()]
                self._buffer = self._buffer[match.end() :]
                return statement
            end = self._skip(match)
            if end is None:
                if not self._more():
                    return self._rest()
                pos = match.start()
                continue
            pos = end

    def _rest(self) -> bytes | None:
        rest, self._buffer = self._buffer, b""
        self._end = True
        if not without_comments(rest).strip():
            return None
        self.cut_off = True
        return rest

    def _skip(self, match: re.Match[bytes]) -> int | None:
        """The end of the string or comment that starts here; None when it is not all in the buffer."""
        token, buffer, start = match[0], self._buffer, match.start()
        if token[:2] == b"--" or token == b"#":
            end = buffer.find(b"\n", start)
            return end + 1 if end >= 0 else (len(buffer) if self._end else None)
        if token == b"/*":
            end = buffer.find(b"*/", start + 2)
            return end + 2 if end >= 0 else None
        if token.startswith(b"$"):
            end = buffer.find(token, match.end())
            return end + len(token) if end >= 0 else None
        quote = token[-1:]
        if self._postgres:
            pattern = _PG_NAME if quote == b'"' else _STRING[b"'"] if len(token) == 2 else _PG_STRING
        else:
            pattern = _STRING[quote]
        found = pattern.match(buffer, match.end() - 1)
        # The closing quote at the very end of the buffer may be the first half of a doubled one.
        if found is None or (found.end() == len(buffer) and not self._end):
            return None
        return found.end()

    @staticmethod
    def is_copy(statement: bytes) -> bool:
        """Whether data lines follow this statement."""
        return _COPY.match(without_comments(statement)) is not None

    def copy_lines(self) -> Iterator[bytes]:
        """The data lines after a COPY statement, without line ends, up to `\\.`."""
        first = True
        while True:
            while (end := self._buffer.find(b"\n")) < 0:
                if not self._more():
                    self.cut_off = True
                    if self._buffer:
                        yield self._buffer
                    self._buffer = b""
                    return
            start = 0
            while end >= 0:
                line = self._buffer[start:end].removesuffix(b"\r")
                start = end + 1
                if line == b"\\.":
                    self._buffer = self._buffer[start:]
                    return
                if line or not first:
                    yield line
                first = False
                end = self._buffer.find(b"\n", start)
            self._buffer = self._buffer[start:]


# Lines such as `\restrict` and `\connect` are commands to psql, which pg_dump writes between statements.
_LEADING = re.compile(rb"(?:\s+|--[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|\\[a-z]+[^\n]*(?:\n|\Z)|/\*(?![!M]).*?\*/)+", re.DOTALL)
_CONDITIONAL = re.compile(rb"/\*M?!(?:[0-9]{5,6})?\s*(.*?)\s*\*/\s*\Z", re.DOTALL)


def without_comments(statement: bytes) -> bytes:
    """A statement without what stands before it, and out of its `/*! … */`."""
    match = _LEADING.match(statement)
    body = statement[match.end() :] if match else statement
    inner = _CONDITIONAL.match(body)
    return inner[1] if inner else body


class Damaged(Exception):
    """A value or row is not as it should be; `offset` within the statement."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(offset)


_SPACE = re.compile(rb"(?:\s+|/\*.*?\*/)*", re.DOTALL)
_VALUE = re.compile(
    rb"(?P<null>NULL\b)|(?:_[a-z0-9]+\s*|N(?='))?(?P<text>')|(?P<escaped>E')|0x(?P<hex>[0-9a-f]*)|x'(?P<xhex>[0-9a-f]*)'|b'(?P<bits>[01]+)'"
    rb"|(?P<number>[+-]?[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)|(?P<word>[a-z_]+(?:\(\))?)",
    re.IGNORECASE,
)
_CAST = re.compile(rb"::\s*[a-z_ ]+(?:\[\])?", re.IGNORECASE)
_MYSQL_ESCAPE = re.compile(rb"\\(.)|''", re.DOTALL)
_MYSQL_LETTERS = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a", b"%": b"\\%", b"_": b"\\_"}
_PG_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)|''", re.DOTALL)
_PG_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


def rows_of(statement: bytes, start: int, postgres: bool) -> Iterator[list[Any]]:
    """Rows of `VALUES (…),(…)` from offset `start`: bytes, int or None. Raises Damaged after the last good row."""
    pos = _space(statement, start)
    while statement[pos : pos + 1] == b"(":
        row: list[Any] = []
        pos += 1
        while True:
            value, pos = _value(statement, _space(statement, pos), postgres)
            row.append(value)
            pos = _space(statement, pos)
            mark = statement[pos : pos + 1]
            pos += 1
            if mark == b")":
                break
            if mark != b",":
                raise Damaged(pos - 1)
        yield row
        pos = _space(statement, pos)
        if statement[pos : pos + 1] != b",":
            break
        pos = _space(statement, pos + 1)
        if pos >= len(statement):
            raise Damaged(pos)
    rest = statement[pos : pos + 12].strip().upper()
    if rest and not rest.startswith((b"ON ", b"/*", b"AS ", b"RETURNING")):
        raise Damaged(pos)


def _space(statement: bytes, pos: int) -> int:
    if statement[pos : pos + 1] not in b" \t\r\n/" or pos >= len(statement):
        return pos
    match = _SPACE.match(statement, pos)
    return match.end() if match else pos


def _value(statement: bytes, pos: int, postgres: bool) -> tuple[Any, int]:
    match = _VALUE.match(statement, pos)
    if match is None:
        raise Damaged(pos)
    kind = match.lastgroup
    end = match.end()
    value: Any = None
    if kind in ("text", "escaped"):
        quoted = (_PG_STRING if postgres and kind == "text" else _STRING[b"'"]).match(statement, end - 1)
        if quoted is None:
            raise Damaged(pos)
        end = quoted.end()
        inner = statement[quoted.start() + 1 : end - 1]
        if postgres:
            value = inner.replace(b"''", b"'") if kind == "text" else _PG_ESCAPE.sub(_pg_letter, inner)
        else:
            value = _MYSQL_ESCAPE.sub(_mysql_letter, inner) if b"\\" in inner or b"''" in inner else inner
    elif kind in ("hex", "xhex"):
        digits = match[kind]
        value = bytes.fromhex((digits if len(digits) % 2 == 0 else b"0" + digits).decode("ascii"))
    elif kind == "bits":
        value = int(match["bits"], 2)
    elif kind == "number":
        text = match["number"]
        digits = text.lstrip(b"+-")
        # SQLite holds 64 bits; what is longer stays text.
        value = int(text) if digits.isdigit() and len(digits) <= 19 and -(2**63) <= int(text) < 2**63 else text
    elif kind == "word":
        word = match["word"].lower()
        value = {b"true": b"t", b"false": b"f"}.get(word, None)
        if value is None and word not in (b"null", b"default", b"current_timestamp", b"current_timestamp()"):
            raise Damaged(pos)
    cast = _CAST.match(statement, end) if postgres else None
    return value, cast.end() if cast else end


def _mysql_letter(match: re.Match[bytes]) -> bytes:
    letter = match[1]
    return b"'" if letter is None else _MYSQL_LETTERS.get(letter, letter)


def _pg_letter(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code is None:
        return b"'"
    if code[:1] == b"x" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code.isdigit():
        return bytes([int(code, 8) & 0xFF])
    return _PG_LETTERS.get(code, code)


def copy_row(line: bytes) -> list[bytes | None]:
    """The fields of a COPY line in text format."""
    return [None if cell == b"\\N" else _PG_ESCAPE.sub(_pg_letter, cell) if b"\\" in cell else cell for cell in line.split(b"\t")]
