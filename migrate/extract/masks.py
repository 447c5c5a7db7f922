"""Which paths does a mask leave? Trees of permissions (6.2 to 8.2), merged as the old application merged them.

A tree is a dict from path segment to a tree or to a leaf, an int of the bits READ 1, WRITE 2, DENY 4; 0 denies as well.
A mask is a whitelist: what no branch covers is invisible, so a mask that cannot be read becomes `DENY_ALL`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Union

from migrate.extract.php.values import PhpObject
from migrate.extract.plain import key_text
from migrate.rights import Right

READ, WRITE, DENY = 1, 2, 4
Tree = dict[str, Union[int, "Tree"]]
DENY_ALL: Tree = {"": DENY}
MAX_DEPTH = 200


class BadMask(ValueError):
    """The stored mask is not a tree of permissions."""


def read_mask(value: Any) -> Tree:
    """The tree of a stored AJXP_PermissionMask. Raises BadMask for anything else."""
    if not isinstance(value, PhpObject) or value.short_name != "AJXP_PermissionMask":
        raise BadMask("not a mask")
    tree = value.payload if value.payload is not None else value.get("permissionTree")
    if tree is None and "permissionTree" in value.properties:
        return {}
    if not isinstance(tree, Mapping):
        raise BadMask("no tree")
    return _branch(tree, 0)


def _branch(tree: Mapping, depth: int) -> Tree:
    if depth > MAX_DEPTH:
        raise BadMask("too deep")
    branch: Tree = {}
    for key, value in tree.items():
        if isinstance(value, PhpObject) and value.short_name == "AJXP_Permission":
            bits = value.get("value", 0)
            if isinstance(bits, bool) or not isinstance(bits, int):
                raise BadMask("no permission bits")
            branch[key_text(key)] = bits
        elif isinstance(value, Mapping):
            branch[key_text(key)] = _branch(value, depth + 1)
        else:
            raise BadMask("unknown leaf")
    return branch


def merge(lower: Tree, upper: Tree) -> Tree:
    """What the tree of a later role makes of that of earlier ones: leaf over branch and branch over leaf replace it,
    branches merge, two leaves combine (a denial stays)."""
    result = dict(lower)
    for key, value in upper.items():
        below = result.get(key)
        if isinstance(value, int) and isinstance(below, int):
            result[key] = _combined(below, value)
        elif isinstance(value, dict) and isinstance(below, dict):
            result[key] = merge(below, value)
        else:
            result[key] = value
    return result


def _combined(lower: int, upper: int) -> int:
    if upper in (0, DENY):
        return DENY
    granted = upper & (READ | WRITE)
    if lower & READ and lower & WRITE and granted in (READ, WRITE):
        return (lower & ~(READ | WRITE)) | granted
    return lower | granted


def leaves(tree: Tree, prefix: str = "") -> Iterator[tuple[str, Right]]:
    """(path, right) of every covered path; the right is NONE where the mask denies. Paths as in records: `/docs/a`."""
    for key, value in tree.items():
        path = f"{prefix}/{key}"
        if isinstance(value, dict):
            yield from leaves(value, path)
        else:
            yield "/" + path.strip("/"), right_of(value)


def right_of(bits: int) -> Right:
    """A leaf as a right; the bit DENY wins over what else is set."""
    return Right.NONE if bits & DENY else Right(bits & (READ | WRITE))
