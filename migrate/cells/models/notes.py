"""What people noted about nodes on a Cells server: fields and values, watches, locks, parameters, as frozen values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Field:
    """A field that people can fill in (a user-meta namespace). `definition`: JSON text; `readers`, `writers`: subjects of the
    policies (`*`, `profile:admin`, …); without any nobody, not even an administrator, sees the field."""

    namespace: str
    label: str
    definition: str
    order: int = 0
    indexable: bool = True
    readers: tuple[str, ...] = (EVERYBODY,)
    writers: tuple[str, ...] = (EVERYBODY,)

    @property
    def type(self) -> str:
        """`string`, `choice`, …; empty when the definition says none."""
        value = self._value.get("type")
        return value if isinstance(value, str) else ""

    @property
    def choices(self) -> dict[str, str]:
        """Key -> label of a choice field, in both forms that Cells reads (items, or `k1|v1,k2|v2`)."""
        data = self._value.get("data")
        if isinstance(data, str):
            pairs = [part.partition("|") for part in data.split(",") if part]
            return {key: shown or key for key, _, shown in pairs}
        items = data.get("items") if isinstance(data, dict) else None
        return {str(i.get("key", "")): str(i.get("value", "")) for i in items if isinstance(i, dict)} if isinstance(items, list) else {}

    @property
    def _value(self) -> dict[str, Any]:
        try:
            value = json.loads(self.definition or "{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Value:
    """One value: `json` is JSON text as stored. `uuid` is needed to remove it."""

    uuid: str
    node: str
    namespace: str
    json: str


@dataclass(frozen=True, slots=True)
class Watch:
    """What a person is told about a node: `change`, `read`."""

    login: str
    node: str
    events: frozenset[str]


@dataclass(frozen=True, slots=True)
class LiveNotes:
    """What a server holds about the nodes a plan has notes for. `nodes`: path (data source first) -> uuid of those that are
    there. `values`: (uuid, namespace) -> JSON text. `watches`: (login, uuid) -> events. `locks`: uuid -> login; `sizes`: bytes of locked nodes by uuid.
    `parameters`: (role, name) -> JSON text. `tags`: namespace -> known tags."""

    fields: Mapping[str, Field] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    watches: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    locks: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    parameters: Mapping[tuple[str, str], str] = field(default_factory=dict)
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
