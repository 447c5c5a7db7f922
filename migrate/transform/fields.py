"""Which fields of Cells do the fields of the old workspaces become? One for each distinct definition, settled over all workspaces.

On the old server every workspace had its own definitions; in Cells a field is the same everywhere. Definitions of one id that
go together (text kinds, choices without contradiction) are one field; others become fields of their own, named for their type.
A field that is in Cells already is used when it goes together, and never changed unless fields.csv says `update`."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from migrate import note_codes
from migrate.cells.models.notes import Field
from migrate.errors import Code, Finding, finding
from migrate.extract.records import MetaField, Workspace
from migrate.transform import names
from migrate.transform.mapping import FieldLine, Proposal
from migrate.transform.metadata_actions import PutField

PREFIX = "usermeta-"
MAX_LABEL = 255
COMMENTS = PREFIX + "comments"
TYPES = {"string": "string", "textarea": "textarea", "text": "textarea", "creator": "string", "updater": "string", "stars_rate": "stars_rate",
         "css_label": "css_label", "choice": "choice", "tags": "tags", "boolean": "boolean", "date": "date", "integer": "integer"}
"""Old type -> type of Cells; anything else is text."""
PEOPLE = frozenset({"creator", "updater"})
_TEXTS = frozenset({"string", "textarea"})


def folded(name: str) -> str:
    """What two spellings of a field id have in common: values are stored under `doc-status`, the definition says `doc_status` (8.2)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "f-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def namespace_part(name: str) -> str:
    """A field id as part of a namespace: small letters, digits, `_` and `-`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return (re.sub(r"[^a-z0-9_-]+", "-", plain).strip("-") or folded(name))[:200]


@dataclass
class Variant:
    """One distinct definition. `key`: of its line in fields.csv. `action`: keep, skip or update. `skip`: why it is left out."""

    key: str
    id: str
    type: str
    label: str
    choices: dict[str, str] = field(default_factory=dict)
    visible: bool = False
    editable: bool = True
    users: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    namespace: str = ""
    order: int = 0
    skip: Code | None = None
    private: bool = False
    update: bool = False
    before: Field | None = None
    already: bool = False
    undefined: bool = False

    @property
    def definition(self) -> str:
        """JSON text for Cells."""
        body: dict[str, object] = {"type": self.type}
        if self.type == "choice":
            body["data"] = {"items": [{"key": k, "value": v} for k, v in self.choices.items()]}
        elif self.type == "date":
            body["data"] = {"format": "date", "display": "normal"}
        elif self.type == "integer":
            body["data"] = {"format": "general"}
        if not self.visible:
            body["hide"] = True
        return json.dumps(body, ensure_ascii=False, sort_keys=True)

    def takes(self, kind: str, choices: Mapping[str, str]) -> bool:
        """Whether a definition of this type goes together with this one."""
        if kind == self.type == "choice":
            return all(self.choices.get(k, v) == v for k, v in choices.items())
        return kind == self.type or {kind, self.type} <= _TEXTS

    def add(self, item: MetaField, kind: str, counted: bool) -> None:
        self.type = "textarea" if "textarea" in (kind, self.type) else kind
        choices = item.choices or {}
        for k in (*(k for k in item.choice_order if k in choices), *choices):
            self.choices.setdefault(k, choices[k])
        self.visible |= item.visible
        self.users += counted
        self.labels[item.label or item.id] += 1 + counted


class Fields:
    """All fields, decided. `of(workspace, value key)` finds the one that a stored value belongs to."""

    def __init__(self, workspaces: Iterable[Workspace], lines: Mapping[str, FieldLine], live: Mapping[str, Field], *, wide: bool = True,
                 former: Mapping[str, str] | None = None, undefined: Iterable[str] = ()) -> None:
        """`former`: namespace -> definition as an earlier run of this migration made it. `undefined`: ids of values that no
        workspace defines."""
        self._lines, self._live, self._wide, self._former = lines, live, wide, former or {}
        self._by_id: dict[str, list[Variant]] = {}
        self._of: dict[tuple[str, str], tuple[Variant, str]] = {}
        self._findings: list[Finding] = []
        self._known: list[tuple[Variant, tuple[str, ...]]] = []
        ids: dict[str, Counter[str]] = {}
        for workspace in sorted(workspaces, key=lambda w: (w.shared_child, w.id)):
            for item in workspace.meta_fields:
                ids.setdefault(folded(item.id), Counter())[item.id] += 1
                self._collect(workspace, item)
            if workspace.known_tags:  # one list for all tag fields of the workspace
                found = (self._of[(workspace.id, folded(item.id))][0] for item in workspace.meta_fields)
                self._known += [(variant, workspace.known_tags) for variant in found if variant.type == "tags"]
        for fold, variants in self._by_id.items():
            variants.sort(key=lambda v: (-v.users, v.type, json.dumps(v.choices, sort_keys=True)))
            name = ids[fold].most_common(1)[0][0]
            for number, variant in enumerate(variants):
                variant.id = name
                same = sum(v.type == variant.type for v in variants[:number])
                variant.key = name if number == 0 else f"{name}:{variant.type}" + (f":{same + 1}" if same else "")
        for name in sorted(set(undefined)):
            if folded(name) not in self._by_id:
                self._by_id[folded(name)] = [Variant(name, name, "string", name, visible=True, undefined=True)]
        taken: set[str] = {COMMENTS}
        for order, variant in enumerate(self.all):
            variant.order = 10 + order
            self._decide(variant, taken)
        for variants in self._by_id.values():
            kept = [v for v in variants if v.skip is None]
            if len(kept) > 1:
                self._findings.append(finding(note_codes.CLASH, "fields", variants[0].id, what=", ".join(_shown(v) for v in variants),
                                              names=", ".join(v.namespace for v in kept)))

    def _collect(self, workspace: Workspace, item: MetaField) -> None:
        kind = TYPES.get(item.type, "string")
        choices = item.choices or {} if kind == "choice" else {}
        variants = self._by_id.setdefault(folded(item.id), [])
        editable = item.type not in PEOPLE
        found = next((v for v in variants if v.editable == editable and v.takes(kind, choices)), None)
        if found is None:
            found = Variant("", item.id, kind, item.label or item.id, editable=editable)
            variants.append(found)
        found.add(item, kind, not workspace.shared_child)
        self._of[(workspace.id, folded(item.id))] = (found, item.type)

    def _decide(self, variant: Variant, taken: set[str]) -> None:
        line = self._lines.get(variant.key)
        variant.label = names.label(variant.labels.most_common(1)[0][0] if variant.labels else variant.id, self._wide, MAX_LABEL) or variant.id
        if len(variant.labels) > 1 and not (line and line.label):
            self._findings.append(finding(note_codes.LABELS, "fields", variant.id, name=variant.label))
        if line is not None:
            variant.label = names.label(line.label, self._wide, MAX_LABEL) or variant.label
            variant.type = line.type or variant.type
            variant.private = line.private == "show"
            variant.update = line.action == "update"
            variant.skip = note_codes.FIELD_SKIPPED if line.action == "skip" else None
        if variant.undefined and (line is None or line.action == "skip"):
            variant.skip = note_codes.FIELD_UNKNOWN
        variant.namespace = self._name(variant, line.name if line else "", taken)
        taken.add(variant.namespace)
        self._meet(variant)

    def _name(self, variant: Variant, wished: str, taken: set[str]) -> str:
        """The first name that is free, or that a field which goes together has."""
        base = PREFIX + (wished or namespace_part(variant.id))
        clash: Field | None = None
        for name in (base, f"{base}-{variant.type}", f"{base}-old", *(f"{base}-old-{n}" for n in range(2, 1000))):
            live = self._live.get(name)
            if name in taken:
                continue
            if live is None or self._fits(variant, live) or (variant.update and name == base):
                if clash is not None and name not in self._live:
                    self._findings.append(finding(note_codes.FIELD_THERE, "fields", clash.namespace, what=clash.type or "no type", name=name))
                return name
            clash = clash or live
        raise AssertionError("a thousand names are taken")

    def _fits(self, variant: Variant, live: Field) -> bool:
        if self._former.get(live.namespace):
            return True  # ours: it may follow the old definition
        if live.type == "choice" == variant.type:
            return all(live.choices.get(k, v) == v for k, v in variant.choices.items())
        return live.type == variant.type or (live.type == "textarea" and variant.type == "string")

    def _meet(self, variant: Variant) -> None:
        """What is to be done about a field of that name in Cells."""
        live = self._live.get(variant.namespace)
        if live is None or variant.skip is not None:
            return
        missing = [k for k in variant.choices if k not in live.choices] if variant.type == "choice" else []
        ours = self._former.get(variant.namespace)
        if same_definition(live.definition, variant.definition) or not (missing or variant.update or (ours and not same_definition(ours, variant.definition))):
            variant.already = True
        elif ours or variant.update:
            variant.before = live
            variant.choices = {**live.choices, **variant.choices} if live.type == variant.type == "choice" else variant.choices
            variant.already = same_definition(live.definition, variant.definition)
        else:
            variant.already = True
            self._findings.append(finding(note_codes.CHOICES_MISSING, "fields", variant.namespace, what=", ".join(missing)))

    # -- answers --------------------------------------------------------------------------------------------------------------

    @property
    def all(self) -> Iterator[Variant]:
        """Every field, in the order of the ids."""
        for _, variants in sorted(self._by_id.items()):
            yield from variants

    def of(self, workspace: str, key: str) -> tuple[Variant, str] | None:
        """(field, old type) of a stored value; of another workspace's definition of this id when its own has none."""
        found = self._of.get((workspace, folded(key)))
        if found is not None:
            return found
        variants = self._by_id.get(folded(key))
        return (variants[0], variants[0].type) if variants and variants[0].undefined else None

    def defined(self, workspace: str, key: str) -> bool:
        """Whether the workspace defines a field of this id."""
        return (workspace, folded(key)) in self._of

    @property
    def known_tags(self) -> Iterator[tuple[str, str]]:
        """(namespace, tag) that the old server offered, used or not, of tag fields that are carried as such."""
        for variant, tags in self._known:
            if variant.skip is None and variant.type == "tags":
                yield from ((variant.namespace, tag) for tag in tags)

    @property
    def actions(self) -> Iterator[tuple[PutField, bool]]:
        """A field for each definition that is carried."""
        for v in self.all:
            if v.skip is None:
                yield PutField(v.namespace, v.label, v.definition, v.order, v.editable, v.before.definition if v.before else "",
                               v.before.label if v.before else "", v.key), v.already

    @property
    def findings(self) -> list[Finding]:
        """Clashes, labels, fields that are there."""
        return list(dict.fromkeys(self._findings))

    @property
    def proposals(self) -> Iterator[Proposal]:
        """Lines for fields.csv: one for each field."""
        for v in self.all:
            if v.key not in self._lines:
                action = "skip" if v.undefined else "keep"
                note = "no workspace defines it any more" if v.undefined else f"{v.type}, in {v.users} workspaces, becomes {v.namespace}"
                yield Proposal("fields.csv", {"old_field": v.key, "action": action, "note": note})


def same_definition(one: str, other: str) -> bool:
    """Whether two definitions say the same."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def _shown(variant: Variant) -> str:
    return f"{variant.type} ({', '.join(variant.choices)})" if variant.choices else variant.type
