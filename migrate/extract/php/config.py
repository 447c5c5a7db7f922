"""What does a PHP configuration file define? The file is parsed as a language (tree-sitter) and never executed.

Understood: `define`, `const`, assignments to variables and their elements, arrays, texts with variables, constants,
conditions over constants, and a few functions without side effects. What cannot be told is a finding with file, line
and the source line; the rest of the file is still read. Bounded: files up to 4 MiB, expressions up to 60 levels."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tree_sitter_php
from tree_sitter import Language, Node, Parser

from migrate.errors import Finding, Severity, code, finding
from migrate.extract.php.conversions import array_key, decode, next_key, to_text, truthy
from migrate.extract.php.evaluate import Evaluator, Unknown
from migrate.extract.regular import read_regular
from migrate.text import shown

MAX_SIZE = 4 * 2**20

UNKNOWN = code(
    "F1010",
    Severity.WARNING,
    "{subject}, line {line}: this value is computed when PHP runs and was not read: {source}",
    "Look up the value and enter it in the mapping files, or replace the expression by the plain value in a copy of the file.",
    "Configuration files are read as data and never executed, so calls like getenv() have no known result.",
)
COMPUTED = code(
    "F1016",
    Severity.INFO,
    "{subject}, line {line}: computed when PHP runs and not read; nothing that is carried over depends on it: {source}",
    "Nothing to do.",
    "The files that came with the application compute version texts, log names and caches. Only workspaces, drivers, folders, keys"
    " and file name encodings matter here.",
)
BROKEN = code(
    "F1011",
    Severity.ERROR,
    "{subject}, line {line}: this is no valid PHP; what stands around it was read as far as possible.",
    "Compare the file with a backup; a file cut off in the middle may miss workspaces or drivers.",
)
TOO_BIG = code(
    "F1012",
    Severity.ERROR,
    "{subject} is larger than {limit} bytes and was not read.",
    "Configuration files of this application are small; check what this file is.",
)
UNREADABLE = code(
    "F1013",
    Severity.ERROR,
    "{subject} cannot be read: {cause}.",
    "Give the user that runs this tool read access to the file, or copy the installation again.",
)
CONDITION = code(
    "F1014",
    Severity.WARNING,
    "{subject}, line {line}: what is set here depends on something only a running PHP knows, and was left out: {source}",
    "Look up which values were in force and enter them in the mapping files.",
)
INCLUDED = code(
    "F1015",
    Severity.INFO,
    "{subject}, line {line}: another file is included here and was not followed: {source}",
    "If that file defines workspaces or drivers, copy its definitions into this file (in a copy of the installation).",
)

_SECRET = re.compile(r"pass|pwd|secret|token|credential|private|salt|dsn|api_?key|access_?key|_key|://[^/\s]*@", re.IGNORECASE)
_MATTERS = re.compile(
    rb"\$(?:REPOSITORIES|PLUGINS|CONF_STORAGE|AUTH_DRIVER|DRIVER_CONF|ROOT_ENCODING|USERS|sqlDriver)\b|"
    rb"(?:define\s*\(\s*|const\s+)[\"']?(?:AJXP_DATA_PATH|AJXP_LOCALE|AJXP_SAFE_SECRET_KEY|PUBLIC_DOWNLOAD_FOLDER|PUBLIC_DOWNLOAD_URL|"
    rb"ENABLE_USERS|ALLOW_GUEST_BROWSING|USERS_DIR|(?:AJXP_)?INSTALL_PATH)\b"
)
"""What this program reads from configuration files."""
_DOES_NOT_MATTER = re.compile(rb"[\"'](?:LOG_DRIVER|LOG_FILE_NAME|LOG_PATH)[\"']")
_SHIPPED = re.compile(r"(?:bootstrap_\w+|base\.conf|conf|VERSION|extensions\.conf|encoding)\.php|conf\..*\.inc")
_DEEP = 200
_BLOCKS = {"foreach_statement", "for_statement", "while_statement", "do_statement", "switch_statement", "try_statement"}
_INCLUDES = {"require_once_expression", "require_expression", "include_expression", "include_once_expression"}


@dataclass(frozen=True, slots=True)
class PhpConfig:
    """What one file defines. Strings are `str`, arrays dicts with `int` or `str` keys. `returned`: value of a top-level
    `return`. Values may hold passwords, so they have no repr."""

    constants: Mapping[str, Any] = field(default_factory=dict, repr=False)
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    findings: tuple[Finding, ...] = ()
    returned: Any = field(default=None, repr=False)


def read_config(
    path: Path,
    constants: Mapping[str, Any] | None = None,
    *,
    variables: Mapping[str, Any] | None = None,
    name: str | None = None,
    directory: str | None = None,
) -> PhpConfig:
    """Read the file at `path`. `constants`, `variables`: known before (both are given back with what the file adds).
    `name`: how findings call the file. `directory`: the folder of the file on the old machine, for `__DIR__`."""
    name = name or path.name
    try:
        source = read_regular(path, MAX_SIZE + 1)
    except OSError as error:
        if error.errno == errno.EFBIG:
            return PhpConfig(dict(constants or {}), dict(variables or {}), (finding(TOO_BIG, "configuration", name, limit=MAX_SIZE),))
        found = finding(UNREADABLE, "configuration", name, cause=error.strerror or "unknown reason")
        return PhpConfig(dict(constants or {}), dict(variables or {}), (found,))
    return parse_config(source, constants, variables=variables, name=name, directory=directory or str(path.parent))


def parse_config(
    source: bytes,
    constants: Mapping[str, Any] | None = None,
    *,
    variables: Mapping[str, Any] | None = None,
    name: str = "file.php",
    directory: str = "/",
) -> PhpConfig:
    """Like `read_config`, from bytes. Never raises for any input."""
    if len(source) > MAX_SIZE:
        return PhpConfig(dict(constants or {}), dict(variables or {}), (finding(TOO_BIG, "configuration", name, limit=MAX_SIZE),))
    tree = Parser(Language(tree_sitter_php.language_php())).parse(source)
    run = _Run(source, dict(constants or {}), dict(variables or {}), name, directory)
    run.block(tree.root_node)
    if tree.root_node.has_error:
        run.report_errors(tree.root_node)
    return PhpConfig(run.constants, run.variables, tuple(run.findings), run.returned)


class _Stop(Exception):
    """`return` or `exit`: what follows is not reached."""


class _Run:
    def __init__(self, source: bytes, constants: dict[str, Any], variables: dict[str, Any], name: str, directory: str) -> None:
        self.lines = source.split(b"\n")
        self.constants = constants
        self.variables = variables
        self.name = name
        self.findings: list[Finding] = []
        self.returned: Any = None
        self.evaluator = Evaluator(constants, variables, directory, directory.rstrip("/") + "/" + name.rsplit("/", 1)[-1])
        self.evaluator.missed = self.unknown  # type: ignore[method-assign]
        self.depth = 0

    def block(self, node: Node) -> None:
        try:
            self._statements(node)
        except _Stop:
            return

    def _statements(self, node: Node) -> None:
        self.depth += 1
        if self.depth > 60:
            self.report(CONDITION, node)
        else:
            for child in node.named_children:
                self.statement(child)
        self.depth -= 1

    def statement(self, node: Node) -> None:
        kind = node.type
        if kind == "expression_statement":
            self.expression(node.named_children[0]) if node.named_children else None
        elif kind in ("compound_statement", "ERROR", "colon_block", "namespace_definition", "declare_statement"):
            self._statements(node)
        elif kind == "if_statement":
            self._if(node)
        elif kind == "const_declaration":
            for element in node.named_children:
                if element.type == "const_element":
                    self._constant(decode(element.named_children[0].text or b""), element.named_children[-1])
        elif kind == "unset_statement":
            for target in node.named_children:
                if target.type == "variable_name":
                    self.variables.pop(decode(target.text or b"").lstrip("$"), None)
        elif kind in ("return_statement", "exit_statement"):
            if kind == "return_statement" and node.named_children:
                self.returned = self._value(node.named_children[0])
            raise _Stop
        elif kind in _BLOCKS:
            self.report(CONDITION, node)

    def expression(self, node: Node) -> None:
        kind = node.type
        if kind in ("assignment_expression", "reference_assignment_expression"):
            self._assign(node, None)
        elif kind == "augmented_assignment_expression":
            self._assign(node, decode((node.child_by_field_name("operator") or node.children[1]).text or b""))
        elif kind in ("parenthesized_expression", "error_suppression_expression") and node.named_children:
            self.expression(node.named_children[-1])
        elif kind == "function_call_expression":
            self._call(node)
        elif kind in _INCLUDES:
            self.report(INCLUDED, node)
        elif kind == "exit_expression":
            raise _Stop
        elif kind == "binary_expression":  # defined("X") || define("X", 1)
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            operator = decode((node.child_by_field_name("operator") or node).text or b"").lower()
            if left is not None and right is not None and operator in ("||", "or", "&&", "and"):
                try:
                    if truthy(self.evaluator.value(left)) != (operator in ("||", "or")):
                        self.expression(right)
                except Unknown:
                    self.report(CONDITION, node)

    def _call(self, node: Node) -> None:
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None or (function.text or b"").lstrip(b"\\").lower() != b"define":
            return
        parts = [c.named_children[-1] for c in arguments.named_children if c.type == "argument" and c.named_children]
        if len(parts) < 2:
            return
        try:
            name = to_text(self.evaluator.value(parts[0]))
        except (Unknown, TypeError):
            self.unknown(parts[0])
            return
        self._constant(name, parts[1])

    def _constant(self, name: str, node: Node) -> None:
        if name in self.constants:  # PHP keeps the first definition
            return
        try:
            self.constants[name] = self.evaluator.value(node)
        except Unknown as unknown:
            self.unknown(unknown.node)

    def _value(self, node: Node) -> Any:
        try:
            return self.evaluator.value(node)
        except Unknown as unknown:
            self.unknown(unknown.node)
            return None

    def _assign(self, node: Node, operator: str | None) -> None:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return
        if right.type in ("assignment_expression", "reference_assignment_expression"):  # $a = $b = 1
            self._assign(right, None)
            right = right.child_by_field_name("left") or right
        try:
            value = self.evaluator.value(right)
            if operator == ".=":
                value = self.evaluator.text(to_text(self.evaluator.value(left)) + to_text(value), node)
            elif operator == "+=" and isinstance(value, dict):
                value = {**value, **self.evaluator.value(left)}
            elif operator is not None:
                raise Unknown(node)
            self._store(left, value)
        except Unknown as unknown:
            self.unknown(unknown.node)
            self._forget(left)
        except TypeError:
            self.unknown(node)
            self._forget(left)

    def _store(self, target: Node, value: Any) -> None:
        keys: list[Any] = []
        while target.type == "subscript_expression" and len(keys) < 60:
            parts = target.named_children
            keys.append(array_key(self.evaluator.value(parts[1])) if len(parts) > 1 else None)
            target = parts[0]
        if target.type != "variable_name":
            raise Unknown(target)
        name = decode(target.text or b"").lstrip("$")
        if not keys:
            self.variables[name] = value
            return
        place = self.variables.get(name)
        if not isinstance(place, dict):
            place = self.variables[name] = {}
        for key in reversed(keys[1:]):
            key = next_key(place) if key is None else key
            inner = place.get(key)
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        if keys[0] is None:
            self.evaluator.spend(len(place) // 64, target)
        place[next_key(place) if keys[0] is None else keys[0]] = value

    def _forget(self, target: Node) -> None:
        """An old value must not outlive an assignment that could not be read."""
        if target.type == "variable_name":
            self.variables.pop(decode(target.text or b"").lstrip("$"), None)

    def _if(self, node: Node) -> None:
        branches = [node, *(c for c in node.named_children if c.type in ("else_if_clause", "else_clause"))]
        for branch in branches:
            condition, body = branch.child_by_field_name("condition"), branch.child_by_field_name("body")
            if condition is not None and branch.type != "else_clause":
                try:
                    if not truthy(self.evaluator.value(condition)):
                        continue
                except Unknown:
                    self.report(CONDITION, branch)
                    return
            if body is not None:
                self.depth += 1
                if self.depth > 60:
                    self.report(CONDITION, branch)
                else:
                    self.statement(body)
                self.depth -= 1
            return

    # findings

    def unknown(self, node: Node) -> None:
        self.report(UNKNOWN, node)

    def report(self, entry: Any, node: Node, deep: bool = False) -> None:
        if len(self.findings) < 200:
            if entry is not BROKEN and not deep and _SHIPPED.match(self.name) and not self._matters(node):
                entry = COMPUTED
            self.findings.append(finding(entry, "configuration", self.name, line=node.start_point[0] + 1, source=self._line(node, deep)))

    def _matters(self, node: Node) -> bool:
        """Whether the statement around `node` sets something this program reads; variables it uses elsewhere may."""
        around = node
        for _level in range(64):
            if around.parent is None or around.parent.type in ("program", "compound_statement", "colon_block"):
                break
            if around.type == "array_element_initializer" and _DOES_NOT_MATTER.match(around.text or b""):
                return False
            around = around.parent
        text = around.text or b""
        if _DOES_NOT_MATTER.search(text[:80]):
            return False
        return _MATTERS.search(text) is not None

    def report_errors(self, root: Node) -> None:
        """The first places the parser could not make sense of."""
        queue, found = [(root, 0)], 0
        while queue and found < 5:
            node, depth = queue.pop()
            if node.type == "ERROR" or node.is_missing:
                found += 1
                self.report(BROKEN, node, deep=depth > _DEEP)
            elif node.has_error:
                queue.extend((child, depth + 1) for child in reversed(node.children))

    def _line(self, node: Node, deep: bool) -> str:
        """The source line, unless it or what it is assigned to looks like a secret."""
        if deep:  # the parser finds a parent from the root down: what a line belongs to would take seconds to tell
            return "(line not shown: it is nested too deep)"
        row = node.start_point[0]
        line = self.lines[row].strip() if row < len(self.lines) else b""
        around, above = decode(line[:4096]), node
        for _level in range(40):
            if above.parent is None or above.type in ("expression_statement", "program", "compound_statement"):
                break
            if above.type in ("array_element_initializer", "argument", "assignment_expression") and above.named_children:
                around += " " + decode((above.named_children[0].text or b"")[:200])
            if above.type == "arguments" and above.named_children:
                around += " " + decode((above.named_children[0].text or b"")[:200])
            above = above.parent
        if _SECRET.search(around):
            return "(line not shown: it may hold a password)"
        text = shown(line)
        return text if len(text) <= 160 else text[:157] + "..."
