"""What is left when the roles of a user override one another? Rights, masks and parameters of the merged role.

An unreadable role takes away everything below it: it may have done so. Where masks are in use it denies all paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate.extract.chain import Chain, Era
from migrate.extract.masks import Tree, merge
from migrate.extract.plain import text
from migrate.extract.roles import ALL, VALUE_CLEAR, StoredRole


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
    acls: dict[str, str] = {}
    masks: dict[str, Tree] = {}
    parameters: dict[str, Any] = {}
    doubtful = not chain.personal.readable
    for role in chain.lower:
        doubtful = doubtful or not role.readable
        acls = _override_acls(acls, role, era)
        _override_masks(masks, role)
        _override_parameters(parameters, role)
    if chain.external:
        acls = {}
        for role in chain.lower:
            if role.id in chain.kept or not role.readable:
                acls = _override_acls(acls, role, era)
                _override_masks(masks, role)
                _override_parameters(parameters, role)
    acls = _override_acls(acls, chain.personal, era)
    _override_masks(masks, chain.personal)
    _override_parameters(parameters, chain.personal)
    return Merged(acls, masks, parameters, doubtful)


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
