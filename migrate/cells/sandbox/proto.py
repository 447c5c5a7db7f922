"""Is this request body what the message allows? Strict protojson: unknown fields, wrong types and double keys are refused.

Positions in the error texts count characters from 1, like the server's; the blank after `proto:` is U+00A0."""

from __future__ import annotations

import json
import re
from typing import Any

from migrate.cells.sandbox.answers import Failure

Schema = Any   # "string" | "bool" | "int32" | "int64" | "any" | Enum | dict (message) | [Schema] (repeated) | Map

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_LITERALS = {"true": True, "false": False, "null": None}


class Enum(tuple):
    """Names of an enum in the order of their numbers."""


class Map:
    """A map from text to a value type."""

    def __init__(self, value: Schema) -> None:
        self.value = value


def decode(body: bytes, schema: Schema) -> dict[str, Any]:
    """The message as a dict with enums as names and integers as int; absent and `null` fields are missing.

    Raises Failure 500 with the server's text."""
    try:
        source = body.decode("utf-8")
    except UnicodeDecodeError as bad:
        start = body.rfind(b'"', 0, bad.start)
        raise _syntax(len(body[:start].decode("utf-8", "replace")) + 1, "invalid UTF-8 in string") from None
    reader = _Reader(source)
    value = reader.message(schema)
    reader.end()
    return value


def _syntax(column: int, what: str) -> Failure:
    return Failure(500, f"proto:\u00a0syntax error (line 1:{column}): {what}")


def _refuse(column: int, what: str) -> Failure:
    return Failure(500, f"proto:\u00a0(line 1:{column}): {what}")


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0

    def peek(self) -> str:
        self.at = _SPACE.match(self.source, self.at).end()   # type: ignore[union-attr]
        return self.source[self.at:self.at + 1]

    def unexpected(self) -> Failure:
        token = self.token()
        return _syntax(self.at + 1, f"unexpected token {token}")

    def token(self) -> str:
        first = self.peek()
        for pattern in (_STRING, _NUMBER):
            found = pattern.match(self.source, self.at)
            if found and found.group():
                return found.group()
        word = _WORD.match(self.source, self.at)
        if word and word.group() not in _LITERALS:
            raise _syntax(self.at + 1, f"invalid value {word.group()}")
        return word.group() if word else first

    def expect(self, character: str) -> None:
        if self.peek() != character:
            raise self.unexpected()
        self.at += 1

    def end(self) -> None:
        if self.peek():
            raise self.unexpected()

    def string(self) -> str:
        found = _STRING.match(self.source, self.at)
        if not found:
            raise _syntax(self.at + 1, f"invalid value {self.source[self.at:self.at + 10]}")
        self.at = found.end()
        return json.loads(found.group())

    def message(self, schema: dict[str, Schema]) -> dict[str, Any]:
        if self.peek() != "{":
            raise self.unexpected()
        self.at += 1
        out: dict[str, Any] = {}
        seen: set[str] = set()
        if self.peek() == "}":
            self.at += 1
            return out
        while True:
            self.peek()
            column = self.at + 1
            if self.source[self.at:self.at + 1] != '"':
                raise self.unexpected()
            name = self.string()
            if name not in schema:
                raise _refuse(column, f"unknown field {json.dumps(name, ensure_ascii=False)}")
            if name in seen:
                raise _refuse(column, f"duplicate field {json.dumps(name, ensure_ascii=False)}")
            seen.add(name)
            self.expect(":")
            value = self.value(schema[name])
            if value is not None:
                out[name] = value
            if self.peek() == ",":
                self.at += 1
                continue
            self.expect("}")
            return out

    def value(self, schema: Schema) -> Any:
        first = self.peek()
        if self.source.startswith("null", self.at):
            self.at += 4
            return None
        if schema == "any":
            return self.anything()
        if isinstance(schema, list):
            return self.repeated(schema[0])
        if isinstance(schema, Map):
            return self.mapping(schema)
        if isinstance(schema, dict):
            return self.message(schema)
        return self.scalar(schema, first)

    def anything(self) -> Any:
        try:
            value, end = json.JSONDecoder().raw_decode(self.source, self.at)
        except ValueError:
            raise self.unexpected() from None
        self.at = end
        return value

    def repeated(self, schema: Schema) -> list[Any]:
        if self.peek() != "[":
            raise self.unexpected()
        self.at += 1
        out: list[Any] = []
        if self.peek() == "]":
            self.at += 1
            return out
        while True:
            out.append(self.value(schema))
            if self.peek() == ",":
                self.at += 1
                continue
            self.expect("]")
            return out

    def mapping(self, schema: Map) -> dict[str, Any]:
        if self.peek() != "{":
            raise self.unexpected()
        self.at += 1
        out: dict[str, Any] = {}
        if self.peek() == "}":
            self.at += 1
            return out
        while True:
            self.peek()
            key = self.string()
            self.expect(":")
            out[key] = self.value(schema.value)
            if self.peek() == ",":
                self.at += 1
                continue
            self.expect("}")
            return out

    def scalar(self, schema: Schema, first: str) -> Any:
        column = self.at + 1
        token = self.token()
        kind = schema if isinstance(schema, str) else "enum"
        bad = _refuse(column, f"invalid value for {kind} type: {token}")
        if first == '"':
            raw = self.string()
            if kind == "string":
                return raw
            if kind in ("int32", "int64") and re.fullmatch(r"-?\d+", raw):
                return int(raw)
            if kind == "enum" and raw in schema:
                return raw
            raise bad
        self.at += len(token)
        if token in ("true", "false"):
            if kind == "bool":
                return token == "true"
            raise bad
        if re.fullmatch(r"-?\d+(?:\.0+)?", token):
            number = int(float(token)) if "." in token else int(token)
            if kind in ("int32", "int64"):
                return number
            if kind == "double":
                return float(number)
            if kind == "enum" and 0 <= number < len(schema):
                return schema[number]
        raise bad
