"""What does a PHP literal expression stand for? Static evaluation of parsed PHP, without running anything.

Strings are `str` (bytes that are not UTF-8 carried by surrogate escapes), arrays are dicts with `int` or `str` keys in
PHP's order. `Unknown` is raised for everything that only a running PHP could tell."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from tree_sitter import Node

from migrate.extract.php.conversions import FUNCTIONS, MAX_TEXT, array_key, decode, to_int, to_text, truthy

MAX_DEPTH = 60
MAX_CHAIN = 5000
MAX_VALUES = 500_000
"""Values copied or made while one file is evaluated: `$a = array($a, $a)` repeated must not grow without end."""


class Unknown(Exception):
    """This expression cannot be told without running PHP. `node` is the smallest part that cannot."""

    def __init__(self, node: Node) -> None:
        self.node = node
        super().__init__(node.type)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "e": "\x1b", "f": "\f", "\\": "\\", "$": "$", '"': '"'}
CONSTANTS: dict[str, Any] = {"DIRECTORY_SEPARATOR": "/", "PATH_SEPARATOR": ":", "PHP_EOL": "\n", "E_ALL": 32767, "LC_ALL": 6}


class Evaluator:
    """Expressions over known constants and variables. `directory`, `file`: what `__DIR__` and `__FILE__` stand for."""

    def __init__(self, constants: dict[str, Any], variables: dict[str, Any], directory: str, file: str) -> None:
        self.constants = constants
        self.variables = variables
        self.directory = directory
        self.file = file
        self._spent = 0
        self._depth = 0

    def value(self, node: Node) -> Any:
        """What `node` stands for. Raises Unknown."""
        kind = getattr(self, "_" + node.type, None)
        if kind is None or self._depth >= MAX_DEPTH:
            raise Unknown(node)
        self._depth += 1
        try:
            return kind(node)
        except (TypeError, ValueError, OverflowError):
            raise Unknown(node) from None
        finally:
            self._depth -= 1

    def copy(self, value: Any, node: Node) -> Any:
        """Arrays are values in PHP: a copy, paid for from the budget of the file."""
        self.spend(1, node)
        if isinstance(value, dict):
            return {key: self.copy(inner, node) for key, inner in value.items()}
        return value

    def spend(self, amount: int, node: Node) -> None:
        """Charge the budget of the file."""
        self._spent += amount
        if self._spent > MAX_VALUES:
            raise Unknown(node)

    def text(self, text: str, node: Node) -> str:
        """A made text, paid for by its length."""
        self.spend(1 + len(text) // 64, node)
        if len(text) > MAX_TEXT:
            raise Unknown(node)
        return text

    # literals

    def _integer(self, node: Node) -> int:
        digits = decode(node.text or b"").replace("_", "").lower()
        if digits.startswith("0") and digits.isdigit():
            return int(digits, 8)
        return int(digits, 0)

    def _float(self, node: Node) -> float:
        return float(decode(node.text or b"").replace("_", ""))

    def _boolean(self, node: Node) -> bool:
        return (node.text or b"").lower() == b"true"

    def _null(self, node: Node) -> None:
        return None

    def _string(self, node: Node) -> str:
        raw = node.text or b""
        return self.text(re.sub(r"\\([\\'])", r"\1", decode(raw[raw.index(b"'") + 1 : -1])), node)

    def _encapsed_string(self, node: Node) -> str:
        raw = node.text or b""
        return self._parts(node, node.children, node.start_byte + raw.index(b'"') + 1, node.end_byte - 1)

    def _heredoc(self, node: Node) -> str:
        body = node.child_by_field_name("value")
        start, end = node.child_by_field_name("identifier"), node.child_by_field_name("end_tag")
        if start is None or end is None:
            raise Unknown(node)
        first = start.end_byte
        quoted = self._source(node, first, end.start_byte)
        skip = quoted.index(b"\n") + 1
        text = self._parts(node, body.children, first + skip, end.start_byte) if body is not None else ""
        return re.sub(r"\r?\n[ \t]*\Z", "", text)

    def _nowdoc(self, node: Node) -> str:
        start, end = node.child_by_field_name("identifier"), node.child_by_field_name("end_tag")
        if start is None or end is None:
            raise Unknown(node)
        raw = self._source(node, start.end_byte, end.start_byte)
        return self.text(re.sub(r"\r?\n[ \t]*\Z", "", decode(raw[raw.index(b"\n") + 1 :])), node)

    def _source(self, node: Node, start: int, end: int) -> bytes:
        return (node.text or b"")[start - node.start_byte : end - node.start_byte]

    def _parts(self, node: Node, children: list[Node], start: int, end: int) -> str:
        """Text with variables in it. What lies between the parts is literal (the parser leaves line ends out)."""
        raw, base, out, at = node.text or b"", node.start_byte, [], start
        for child in children:
            if child.start_byte < start or child.end_byte > end or not child.is_named:
                if child.type in ("{", "}", "${"):
                    out.append(decode(raw[at - base : child.start_byte - base]))
                    at = child.end_byte
                continue
            out.append(decode(raw[at - base : child.start_byte - base]))
            if child.type == "string_content":
                out.append(decode(child.text or b""))
            elif child.type == "escape_sequence":
                out.append(_unescape(decode(child.text or b"")))
            else:
                out.append(to_text(self.value(child)))
            at = child.end_byte
        if at < end:
            out.append(decode(raw[at - base : end - base]))
        return self.text("".join(out), node)

    def _array_creation_expression(self, node: Node) -> dict[int | str, Any]:
        array: dict[int | str, Any] = {}
        following = 0
        for element in node.named_children:
            if element.type == "comment":
                continue
            if element.type != "array_element_initializer":
                raise Unknown(element)
            parts = [c for c in element.named_children if c.type != "comment"]
            if not parts or parts[0].type in ("variadic_unpacking", "by_ref"):
                raise Unknown(element)
            key: int | str = following if len(parts) == 1 else array_key(self.value(parts[0]))
            if isinstance(key, int) and key >= following:
                following = key + 1
            self.spend(1, element)
            try:
                array[key] = self.value(parts[-1])
            except Unknown as unknown:
                self.missed(unknown.node)
        return array

    def missed(self, node: Node) -> None:
        """Called for an array element that cannot be told; the rest of the array is kept."""
        raise Unknown(node)

    # names

    def _name(self, node: Node) -> Any:
        name = decode(node.text or b"").lstrip("\\")
        if name == "__DIR__":
            return self.directory
        if name == "__FILE__":
            return self.file
        for known in (self.constants, CONSTANTS):
            if name in known:
                return self.copy(known[name], node)
        raise Unknown(node)

    _qualified_name = _name

    def _variable_name(self, node: Node) -> Any:
        name = decode(node.text or b"").lstrip("$")
        if name not in self.variables:
            raise Unknown(node)
        return self.copy(self.variables[name], node)

    def _subscript_expression(self, node: Node) -> Any:
        parts = node.named_children
        array = self.value(parts[0])
        if len(parts) != 2 or not isinstance(array, dict):
            raise Unknown(node)
        index = parts[1]
        # Inside a text, `$a[key]` has a bare key.
        in_text = node.parent is not None and node.parent.type in ("encapsed_string", "heredoc_body") and index.type == "name"
        key = array_key(decode(index.text or b"") if in_text else self.value(index))
        if key not in array:
            raise Unknown(node)
        return array[key]

    # operators

    def _parenthesized_expression(self, node: Node) -> Any:
        return self.value(node.named_children[-1])

    def _error_suppression_expression(self, node: Node) -> Any:
        return self.value(node.named_children[-1])

    def _unary_op_expression(self, node: Node) -> Any:
        operator, value = decode(node.children[0].text or b""), self.value(node.named_children[-1])
        if operator == "!":
            return not truthy(value)
        if operator in "+-" and isinstance(value, (int, float)):
            return -value if operator == "-" else +value
        raise Unknown(node)

    def _binary_expression(self, node: Node) -> Any:
        # A long `a . b . c` leans to the left: walked in a loop, not by recursion.
        spine = [node]
        while (left := spine[-1].child_by_field_name("left")) is not None and left.type == "binary_expression":
            spine.append(left)
            if len(spine) > MAX_CHAIN:
                raise Unknown(node)
        first = spine[-1].child_by_field_name("left")
        if first is None:
            raise Unknown(node)
        value = self.value(first)
        for step in reversed(spine):
            operator, right = step.child_by_field_name("operator"), step.child_by_field_name("right")
            if operator is None or right is None:
                raise Unknown(step)
            value = self._operate(decode(operator.text or b"").lower(), value, right, step)
        return value

    def _operate(self, operator: str, left: Any, right_node: Node, node: Node) -> Any:
        if operator in ("&&", "and"):
            return truthy(left) and truthy(self.value(right_node))
        if operator in ("||", "or"):
            return truthy(left) or truthy(self.value(right_node))
        right = self.value(right_node)
        if operator == ".":
            return self.text(to_text(left) + to_text(right), node)
        if operator in ("==", "==="):
            return left == right if type(left) is type(right) or operator == "===" else to_text(left) == to_text(right)
        if operator in ("!=", "!==", "<>"):
            return left != right if type(left) is type(right) or operator == "!==" else to_text(left) != to_text(right)
        if operator == "+" and isinstance(left, dict) and isinstance(right, dict):
            return {**left, **{k: v for k, v in right.items() if k not in left}}
        if operator in ("+", "-", "*") and all(isinstance(v, (int, float)) for v in (left, right)):
            result = left + right if operator == "+" else left - right if operator == "-" else left * right
            if isinstance(result, int) and abs(result) >= 2**63:
                return float(result)
            return result
        if operator == "|" and isinstance(left, int) and isinstance(right, int):
            return left | right
        raise Unknown(node)

    def _conditional_expression(self, node: Node) -> Any:
        condition, body, other = (node.child_by_field_name(n) for n in ("condition", "body", "alternative"))
        if condition is None or other is None:
            raise Unknown(node)
        value = self.value(condition)
        return (self.value(body) if body is not None else value) if truthy(value) else self.value(other)

    def _cast_expression(self, node: Node) -> Any:
        kind, inner = node.child_by_field_name("type"), node.child_by_field_name("value")
        if kind is None or inner is None:
            raise Unknown(node)
        name, value = decode(kind.text or b"").lower(), self.value(inner)
        if name in ("int", "integer"):
            return to_int(value)
        if name in ("bool", "boolean"):
            return truthy(value)
        if name == "string":
            return to_text(value)
        if name == "array":
            return value if isinstance(value, dict) else {0: value}
        raise Unknown(node)

    # functions that depend on nothing but their arguments

    def _function_call_expression(self, node: Node) -> Any:
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = decode(function.text or b"").lstrip("\\").lower() if function is not None else ""
        call = FUNCTIONS.get(name)
        if arguments is None or (call is None and name not in ("defined", "constant", "realpath")):
            raise Unknown(node)
        values = [self.value(c.named_children[-1]) for c in arguments.named_children if c.type == "argument"]
        if name == "defined":
            return to_text(values[0]).lstrip("\\") in self.constants
        if name == "constant":
            return self.copy(self.constants[to_text(values[0])], node) if to_text(values[0]) in self.constants else self._fail(node)
        if name == "realpath":
            path = to_text(values[0])
            return posixpath.normpath(path if path.startswith("AJXP_INSTALL_PATH") else posixpath.join(self.directory, path))
        if call is None or not values:
            raise Unknown(node)
        result = call(*values)
        return self.text(result, node) if isinstance(result, str) else self.copy(result, node)

    @staticmethod
    def _fail(node: Node) -> Any:
        raise Unknown(node)


def _unescape(sequence: str) -> str:
    body = sequence[1:]
    if body in _ESCAPES:
        return _ESCAPES[body]
    if body[:1] == "x":
        return decode(bytes([int(body[1:], 16)]))
    if body[:2] == "u{":
        return chr(int(body[2:-1], 16))
    if body[:1].isdigit():
        return decode(bytes([int(body, 8) & 0xFF]))
    return sequence
