"""Which folders may somebody see whose workspace is masked? A mask is a whitelist of paths: ignoring it widens access."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from migrate.extract.records import Access
from migrate.rights import Right
from migrate.transform import names


@dataclass(frozen=True, slots=True)
class Narrowed:
    """`whole`: the mask covers the root itself with this right. `roots`: topmost covered folders. `inside`: folders below those
    with another right (NONE = shut). `absent`: covered paths that are no folders on disk; nothing is given there."""

    whole: Right | None = None
    roots: dict[str, Right] = field(default_factory=dict)
    inside: dict[str, Right] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


def applies(access: Access, workspace: str, enforce: bool) -> bool:
    """Whether masks narrow this person's view of a workspace."""
    return enforce and bool(access.paths.get(workspace))


def narrow(paths: Mapping[str, Right], ceiling: Right, entry: Callable[[str], str | None]) -> Narrowed:
    """What to give for covered paths. `ceiling`: the right on the workspace, never exceeded. `entry`: `dir`, `file` or None for
    what lies under a path; only folders can be given, and a shut path that is not there needs nothing."""
    whole: Right | None = None
    roots: dict[str, Right] = {}
    inside: dict[str, Right] = {}
    absent: list[str] = []
    for path in sorted(paths, key=lambda p: (p.count("/") if p != "/" else 0, p)):
        right = paths[path] & ceiling
        if path == "/":
            whole = right or None
            continue
        above = _nearest(path, roots, inside, whole)
        if above is None and not right:
            continue
        if above is not None and right == above:
            continue
        kind = entry(path)
        if kind != "dir":
            # A shut file inside something given cannot be shut on its own: what holds it is not given either.
            if kind == "file" and not right:
                _withdraw(path, roots, inside)
                whole = None
            absent.append(path)
            continue
        if above is None:
            roots[path] = right
        else:
            inside[path] = right
    return Narrowed(whole, roots, inside, tuple(absent))


def _nearest(path: str, roots: Mapping[str, Right], inside: Mapping[str, Right], whole: Right | None) -> Right | None:
    parts = path.strip("/").split("/")
    for count in range(len(parts) - 1, 0, -1):
        above = "/" + "/".join(parts[:count])
        if above in inside:
            return inside[above]
        if above in roots:
            return roots[above]
    return whole


def _withdraw(path: str, roots: dict[str, Right], inside: dict[str, Right]) -> None:
    for known in [p for p in roots if path.startswith(p + "/")]:
        del roots[known]
        for below_it in [p for p in inside if p.startswith(known + "/")]:
            del inside[below_it]


def below(node: str, path: str) -> str:
    """The node of a path inside a workspace, with the names that files have in Cells."""
    parts = [names.stored_name(part.encode("utf-8", "surrogateescape"))[0] for part in path.strip("/").split("/") if part]
    return "/".join([node, *parts])
