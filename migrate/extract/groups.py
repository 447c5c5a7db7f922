"""Which groups were there? Those with a row, and those that only people or group roles name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migrate.errors import Severity, code, finding
from migrate.extract.chain import group_levels
from migrate.extract.plain import normal_group
from migrate.extract.records import ROOT_GROUP, Group, GroupPath
from migrate.extract.roles import GROUP_PREFIX

if TYPE_CHECKING:
    from migrate.extract.context import Context

NO_ROW = code(
    "F1211",
    Severity.INFO,
    "Group {subject} has no entry of its own, but people are in it; it is named after the last part of its path.",
    "Give it a better label in Cells if you like.",
)
ROLE_OF_NO_GROUP = code(
    "F1212",
    Severity.INFO,
    "The rights of group {subject} reach nobody: there is no such group.",
    "Nothing to do.",
)
LABELS_DIFFER = code(
    "F1213",
    Severity.INFO,
    "Group {subject} is stored more than once; the label {label} is used.",
    "Nothing to do.",
)


def read_groups(context: Context) -> Iterator[Group]:
    """Every group but the root, by path, each once. Levels between a group and the root are groups as well."""
    labels: dict[str, str] = {}
    for stored, label in context.store.groups():
        path = normal_group(stored)
        if path in labels and labels[path] != label:
            context.findings(finding(LABELS_DIFFER, "groups", path, label=label))
        labels[path] = label
    labels.pop(ROOT_GROUP, None)
    named = {level for path in [*labels, *context.logins.groups()] for level in group_levels(path)}
    for path in sorted(named):
        if path not in labels:
            context.findings(finding(NO_ROW, "groups", path))
        yield Group(GroupPath(path), labels.get(path) or path.rsplit("/", 1)[-1], has_row=path in labels)
    for role_id in context.roles:
        path = role_id.removeprefix(GROUP_PREFIX)
        if path != role_id and normal_group(path) not in named | {ROOT_GROUP}:
            context.findings(finding(ROLE_OF_NO_GROUP, "groups", path))
