"""What is left when the roles of a user override one another? Rights, masks and parameters of the merged role.

An unreadable role takes away everything below it: it may have done so. Where masks are in use it denies all paths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import and_
from typing import Any

from migrate.extract.chain import Chain, Era
from migrate.extract.masks import Tree, merge
from migrate.extract.plain import text
from migrate.extract.roles import ALL, VALUE_CLEAR, StoredRole
from migrate.rights import Right


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged role. `acls`: workspace id -> text, where anything but `r`, `w`, `rw` gives nothing.
    `doubtful`: an unreadable role was in the chain, and it may have held a mask."""

    acls: Mapping[str, str]
    masks: Mapping[str, Tree]
    parameters: Mapping[str, Any] = field(repr=False)
    doubtful: bool = False

    def parameter(self, plugin: str, name: str) -> str | None:
        """Text of a parameter of all workspaces; None where nobody set it or it was taken back."""
        value = text(self.parameters.get(ALL, {}).get(plugin, {}).get(name))
        return value or None


def fold(chain: Chain, era: Era) -> Merged:
    """The merged role of a chain under the rules of an era."""
    masks: dict[str, Tree] = {}
    parameters: dict[str, Any] = {}
    doubtful = not chain.personal.readable
    for role in chain.lower:
        doubtful = doubtful or not role.readable
        _override_masks(masks, role)
        _override_parameters(parameters, role)
    acls = _fold_acls(chain.lower, chain.tied, era)
    if chain.external:
        kept = [role for role in chain.lower if role.id in chain.kept or not role.readable]
        for role in kept:
            _override_masks(masks, role)
            _override_parameters(parameters, role)
        acls = _fold_acls(kept, chain.tied, era)
    acls = _override_acls(acls, chain.personal, era)
    _override_masks(masks, chain.personal)
    _override_parameters(parameters, chain.personal)
    return Merged(acls, masks, parameters, doubtful)


def _fold_acls(roles: Iterable[StoredRole], tied: Collection[frozenset[str]], era: Era) -> dict[str, str]:
    """Later roles win. Among tied ones nothing says which is the last: the application's sort did, so what all of them allow is left."""
    acls: dict[str, str] = {}
    for _, found in groupby(roles, key=lambda role: next((same for same in tied if role.id in same), role.id)):
        same = list(found)
        for role in same:
            acls = _override_acls(acls, role, era)
        if len(same) > 1 and not all(role.readable for role in same):
            acls = {}
        elif len(same) > 1:
            for workspace in {name for role in same for name, right in role.acls.items() if right}:
                said = [Right.from_letters(role.acls[workspace]) for role in same if role.acls.get(workspace)]
                acls[workspace] = reduce(and_, said).letters or VALUE_CLEAR
    return acls


def _override_acls(lower: dict[str, str], role: StoredRole, era: Era) -> dict[str, str]:
    if not role.readable:
        return {}
    result = dict(lower) if lower else {}
    for workspace, right in role.acls.items():
        # From 6.2 on (and in what 4.2 wrote, whoever reads it) an empty right says nothing; in between it was written over the lower one.
        if right or (era.folds and not era.ordered and not role.legacy):
            result[workspace] = right
    return result


def _override_masks(masks: dict[str, Tree], role: StoredRole) -> None:
    for workspace, tree in role.masks.items():
        masks[workspace] = merge(masks[workspace], tree) if workspace in masks else tree


def _override_parameters(parameters: dict[str, Any], role: StoredRole) -> None:
    for scope, plugins in role.parameters.items():
        for plugin, names in plugins.items():
            target = parameters.setdefault(scope, {}).setdefault(plugin, {})
            for name, value in names.items():
                if text(value) == VALUE_CLEAR:
                    target.pop(name, None)
                elif value is not None and value != b"" and value != "":
                    target[name] = value
