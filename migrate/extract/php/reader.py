"""How is a PHP serialize() text read? The parser behind `migrate.extract.php.values`, with a stack of its own and hard limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from migrate.errors import ExitStatus, MigrationError


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text may cost at most. `size` in bytes; `depth` levels of containers; `elements` values in all."""

    size: int = 128 * 2**20
    depth: int = 300
    elements: int = 4_000_000


DEFAULT = Limits()
WIDE = Limits(size=4 * 2**30, elements=100_000_000)
"""For whole files such as users.ser, which grow with the number of people."""


class PhpValueError(MigrationError):
    """A stored PHP value is damaged, cut off or larger than the limits. Names offset and cause, never the data."""

    code = "E1001"
    title = "A stored PHP value cannot be read: {cause} at byte {offset}."
    remedy = "Restore the value from a backup, or set what it held by hand after the migration."
    exit_status = ExitStatus.INCOMPLETE

    def __init__(self, cause: str, offset: int) -> None:
        self.cause = cause
        self.offset = offset
        super().__init__(cause=cause, offset=offset)


@dataclass(frozen=True, slots=True, eq=True)
class PhpObject:
    """An object. `class_name` as stored; `properties` by bare name (the marks of private and protected are stripped);
    `payload` is the parsed content of a `C:` object (its raw bytes when that is no serialized value)."""

    class_name: str
    properties: dict[str, Any] = field(default_factory=dict, repr=False)
    payload: Any = field(default=None, repr=False)

    @property
    def short_name(self) -> str:
        """Last segment of the class name: the part that is the same before and after namespaces came (6.5)."""
        return self.class_name.rsplit("\\", 1)[-1]

    def get(self, name: str, default: Any = None) -> Any:
        """A property, or `default` where that version did not have it."""
        return self.properties.get(name, default)


@dataclass(frozen=True, slots=True)
class PhpCycle:
    """Stands where an object or array refers to one that contains it. `slot` is PHP's number of the target."""

    slot: int


PhpValue = None | bool | int | float | bytes | dict | PhpObject | PhpCycle


_STRING = re.compile(rb's:\+?([0-9]{1,12}):"')
_ESCAPED = re.compile(rb'S:\+?([0-9]{1,12}):"')
_INT = re.compile(rb"i:([+-]?[0-9]{1,40});")
_BOOL = re.compile(rb"b:([01]);")
_FLOAT = re.compile(rb"d:(NAN|-?INF|[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,6})?);")
_ARRAY = re.compile(rb"a:([0-9]{1,12}):\{")
_OBJECT = re.compile(rb'([OC]):\+?([0-9]{1,6}):"')
_COUNT = re.compile(rb":([0-9]{1,12}):\{")
_REF = re.compile(rb"([rR]):([0-9]{1,12});")
NUMERIC_KEY = re.compile(rb"(?:0|-?[1-9][0-9]{0,18})\Z")
_PLAUSIBLE = re.compile(rb'\Z|\}|N;|b:[01];|i:[+-]?[0-9]+;|d:|[sS]:[0-9]+:"|a:[0-9]+:\{|[OC]:[0-9]+:"|[rR]:[0-9]+;')


class _Frame:
    """A container that is being filled. `weight` and `height` count as if references were copied."""

    __slots__ = ("target", "values", "left", "key", "is_object", "slot", "weight", "height", "end", "raw")

    def __init__(self, target: Any, values: dict, left: int, is_object: bool, slot: int) -> None:
        self.target = target
        self.values = values
        self.left = left
        self.key: Any = None
        self.is_object = is_object
        self.slot = slot
        self.weight = 1
        self.height = 1
        self.end = -1  # for the payload of a C: object: where it has to end
        self.raw: tuple[int, int] | None = None  # slots and frames to return to when the payload is no value


class Reader:
    """Reads one value with a stack of its own, so that no depth of nesting can exhaust Python's."""

    def __init__(self, data: bytes, limits: Limits, repair: bool) -> None:
        if len(data) > limits.size:
            raise PhpValueError(f"it is larger than {limits.size} bytes", 0)
        self.data = data
        self.limits = limits
        self.repair = repair
        self.repaired: list[int] = []
        self.pos = 0
        self.elements = 0
        # No value takes less than two bytes: bounds the work even where damaged payloads make the reader step back.
        self.most = min(limits.elements, len(data) // 2 + 1)
        # Slots are only remembered where something refers to them.
        self.slots: list[Any] | None = [None] if (b"r:" in data or b"R:" in data) else None
        self.sizes: dict[int, tuple[int, int]] = {}  # id of a finished container -> weight, height
        self.open: set[int] = set()  # slots of containers not finished yet

    def fail(self, cause: str, pos: int | None = None) -> PhpValueError:
        return PhpValueError(cause, self.pos if pos is None else pos)

    def read(self) -> Any:
        return next(self._run(None))[1]

    def items(self) -> Iterator[tuple[int | bytes, Any]]:
        match = _ARRAY.match(self.data, 0)
        if match is None:
            raise self.fail("there is no array where one is expected")
        self.pos = match.end()
        yield from self._run(int(match[1]))

    def _run(self, top: int | None) -> Iterator[tuple[Any, Any]]:
        """The loop. `top`: number of entries of a top-level array whose entries are given one by one, or None."""
        stack: list[_Frame] = []
        left = 1 if top is None else top
        key: Any = None
        outer = 0 if top is None else 1
        if outer:
            self._slot(None)
            self.open.add(1)
        while left:
            if outer:
                key = self._key(False)
            while True:
                try:
                    done, value = self._step(stack, outer)
                except PhpValueError as error:
                    self._keep_payload(stack, error)
                    continue
                if done:
                    break
            left -= 1
            yield key, value
        if outer:
            self._expect(b"}")

    def _step(self, stack: list[_Frame], outer: int) -> tuple[bool, Any]:
        """Read one value, or close one container. (True, value) when a top-level value is complete."""
        frame = stack[-1] if stack else None
        weight, height = 1, 0
        if frame is None or frame.left:
            if frame is not None and frame.end < 0:
                frame.key = self._key(frame.is_object)
            value, opened = self._value(len(stack) + outer)
            if opened is not None:
                stack.append(opened)
                return False, None
            if isinstance(value, (dict, PhpObject)):
                weight, height = self.sizes.get(id(value), (1, 1))
        else:
            self._close(frame)
            stack.pop()
            value, weight, height = frame.target, frame.weight, frame.height
        if not stack:
            return True, value
        frame = stack[-1]
        frame.weight += weight
        frame.height = max(frame.height, height + 1)
        if frame.weight > self.limits.elements:
            raise self.fail(f"it stands for more than {self.limits.elements} values")
        if len(stack) + height > self.limits.depth:
            raise self.fail(f"it is nested more than {self.limits.depth} levels deep")
        if frame.end >= 0:
            object.__setattr__(frame.target, "payload", value)
        else:
            frame.values[frame.key] = value
        frame.left -= 1
        return False, None

    def _close(self, frame: _Frame) -> None:
        if frame.end >= 0 and not self.repair and self.pos != frame.end:
            if self.pos > frame.end:
                raise self.fail("the content of an object is longer than stated")
            self.pos = frame.end  # PHP ignores what follows the value inside the payload
        self._expect(b"}")
        if self.slots is not None:
            self.open.discard(frame.slot)
            self.sizes[id(frame.target)] = (frame.weight, frame.height)

    def _keep_payload(self, stack: list[_Frame], error: PhpValueError) -> None:
        """The innermost `C:` payload that is no serialized value is kept as bytes; without one the error stands."""
        for depth in range(len(stack) - 1, -1, -1):
            frame = stack[depth]
            if frame.raw is not None and self.data[frame.end : frame.end + 1] == b"}":
                start, slots = frame.raw
                for inner in stack[depth + 1 :]:
                    self.open.discard(inner.slot)
                del stack[depth + 1 :]
                if self.slots is not None:
                    del self.slots[slots:]
                object.__setattr__(frame.target, "payload", self.data[start : frame.end])
                self.pos, frame.raw, frame.left = frame.end, None, 0
                return
        raise error

    def _value(self, depth: int) -> tuple[Any, _Frame | None]:
        data, pos = self.data, self.pos
        kind = data[pos : pos + 1]
        if not kind:
            raise self.fail("it is cut off")
        self._count()
        if kind == b"s":
            value: Any = self._string(_STRING)
        elif kind == b"i":
            value = int(self._match(_INT, "a number is damaged")[1])
        elif kind == b"a":
            match = self._match(_ARRAY, "the start of an array is damaged")
            values: dict = {}
            return None, self._open(values, values, int(match[1]), False, depth)
        elif kind == b"b":
            value = self._match(_BOOL, "a boolean is damaged")[1] == b"1"
        elif kind == b"N":
            if data[pos : pos + 2] != b"N;":
                raise self.fail("a null is damaged")
            self.pos += 2
            value = None
        elif kind == b"d":
            value = float(self._match(_FLOAT, "a float is damaged")[1])
        elif kind in b"OC":
            return None, self._object(depth)
        elif kind in b"rR":
            return self._reference(kind), None
        elif kind == b"S":
            value = self._string(_ESCAPED)
        else:
            raise self.fail("there is no value where one is expected")
        self._slot(value)
        return value, None

    def _object(self, depth: int) -> _Frame:
        match = self._match(_OBJECT, "the start of an object is damaged")
        size = int(match[2])
        start = match.end()
        end = start + size
        if self.data[end : end + 1] != b'"':
            if not self.repair or (end := self.data.find(b'":', start, start + 1024)) < 0:
                raise self.fail("the length of a class name is wrong", start)
            self.repaired.append(start)
        name = self.data[start:end].decode("utf-8", "backslashreplace")
        self.pos = end + 1
        count = int(self._match(_COUNT, "the start of an object is damaged")[1])
        target = PhpObject(name)
        if match[1] == b"O":
            return self._open(target, target.properties, count, True, depth)
        if self.pos + count > len(self.data):
            raise self.fail("it is cut off", len(self.data))
        frame = self._open(target, target.properties, 1, True, depth)
        frame.end = self.pos + count
        if not self.repair:
            frame.raw = (self.pos, len(self.slots) if self.slots is not None else 0)
        return frame

    def _open(self, target: Any, values: dict, left: int, is_object: bool, depth: int) -> _Frame:
        if depth + 1 > self.limits.depth:
            raise self.fail(f"it is nested more than {self.limits.depth} levels deep")
        # An entry takes at least six bytes (`i:0;N;`): a count that cannot be true is refused before any work.
        if left * 6 > len(self.data) - self.pos and left > 1:
            raise self.fail("it announces more entries than there is room for")
        frame = _Frame(target, values, left, is_object, self._slot(target))
        self.open.add(frame.slot)
        return frame

    def _reference(self, kind: bytes) -> Any:
        match = _REF.match(self.data, self.pos)
        if match is None or self.slots is None:
            raise self.fail("a reference is damaged")
        number = int(match[2])
        if not 0 < number < len(self.slots):
            raise self.fail("a reference points to nothing")
        self.pos = match.end()
        value = PhpCycle(number) if number in self.open else self.slots[number]
        if kind == b"r":
            self._slot(value)
        return value

    def _key(self, is_object: bool) -> Any:
        kind = self.data[self.pos : self.pos + 1]
        if kind == b"i":
            number = int(self._match(_INT, "a key is damaged")[1])
            return str(number) if is_object else number
        if kind not in (b"s", b"S"):
            raise self.fail("there is no key where one is expected" if kind else "it is cut off")
        key = self._string(_STRING if kind == b"s" else _ESCAPED)
        if is_object:
            return key.rsplit(b"\0", 1)[-1].decode("utf-8", "surrogateescape")
        # PHP turns "12" into 12, but leaves "01", "-0" and what does not fit into 64 bits.
        if NUMERIC_KEY.match(key) and -(2**63) < int(key) < 2**63:
            return int(key)
        return key

    def _string(self, pattern: re.Pattern[bytes]) -> bytes:
        match = self._match(pattern, "the start of a string is damaged")
        start = match.end()
        size = int(match[1])
        if pattern is _ESCAPED:
            return self._escaped(start, size)
        end = start + size
        if self.data[end : end + 2] != b'";':
            if not self.repair:
                cut = end + 2 > len(self.data)
                raise self.fail("a string is cut off or its length is wrong" if cut else "the length of a string is wrong", start)
            end = self._end_of_string(start)
            self.repaired.append(start)
        self.pos = end + 2
        return self.data[start:end]

    def _escaped(self, start: int, size: int) -> bytes:
        """`S:` of early PHP 5.3/6 builds: `\\xx` stands for one byte; the length counts the decoded bytes."""
        out = bytearray()
        pos = start
        while len(out) < size:
            step = self.data[pos : pos + 1]
            if step == b"\\":
                try:
                    out.append(int(self.data[pos + 1 : pos + 3].decode("ascii"), 16))
                except ValueError:
                    raise self.fail("an escaped string is damaged", pos) from None
                pos += 3
            elif step:
                out += step
                pos += 1
            else:
                raise self.fail("it is cut off", pos)
        if self.data[pos : pos + 2] != b'";':
            raise self.fail("the length of a string is wrong", start)
        self.pos = pos + 2
        return bytes(out)

    def _end_of_string(self, start: int) -> int:
        end = start
        while (end := self.data.find(b'";', end)) >= 0:
            if _PLAUSIBLE.match(self.data, end + 2):
                return end
            end += 2
        raise self.fail("a string has no end", start)

    def _match(self, pattern: re.Pattern[bytes], cause: str) -> re.Match[bytes]:
        match = pattern.match(self.data, self.pos)
        if match is None:
            raise self.fail("it is cut off" if len(self.data) - self.pos < 2 else cause)
        self.pos = match.end()
        return match

    def _expect(self, token: bytes) -> None:
        if self.data[self.pos : self.pos + 1] != token:
            raise self.fail("an array or object does not end where it should")
        self.pos += 1

    def _count(self) -> None:
        self.elements += 1
        if self.elements > self.most:
            raise PhpValueError(f"it holds more than {self.most} values", self.pos)

    def _slot(self, value: Any) -> int:
        if self.slots is None:
            return 0
        self.slots.append(value)
        return len(self.slots) - 1
