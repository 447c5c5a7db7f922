"""Makes fields and tags, writes values of fields on nodes and takes them back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migrate.cells.api import metadata as api
from migrate.cells.errors import CellsRefused, NoAnswer, WrongAnswer
from migrate.cells.models.notes import Field, Value
from migrate.cells.notes import find_nodes
from migrate.errors import MigrationError
from migrate.load import loans
from migrate.load.nodes import NodeMissing
from migrate.load.tools import Result, Tools, performs
from migrate.transform.actions import DESK, OpenDesk, from_json
from migrate.transform.metadata_actions import ForgetTags, OfferTags, PutField, RemoveField, RemoveValues, WriteValues

INDEX_SECONDS = 20.0
"""How long a node that is not there is waited for: the index of a data source comes after the file."""
SHOWN_SECONDS = 45.0
"""How long a field that was just made may not show. Cells inserts a field before its policies, not together; whoever lists fields in between
(its own search service does after each change) makes it remember for 30 s that there are none, and without policies nobody sees the field
(4.1: seen on a busy server)."""
VALUES = 25
"""Values of one request; a refused one ends it. A server with two cores takes about 0.3 s for each, however they are sent (seen on 4.1)."""
BYTES = 1 << 20


class NotesFailed(MigrationError):
    """Some items of a batch could not be written; each is told at its own record."""

    code = "E4801"
    title = "{number} of {total} things people noted could not be written ({example})."
    remedy = "See the records that failed; settle what they say and run `apply` again: it writes only what is missing."


class FieldLost(MigrationError):
    """A field could not be read back after it was written: Cells deletes a definition before it inserts it."""

    code = "E4802"
    title = "The field {namespace} is not as it was written; Cells may have lost its definition."
    remedy = "Run `apply` again; values of nodes stay where they are."


@performs(PutField)
def put_field(tools: Tools, action: PutField, look: bool) -> Result:
    """Natural key: the namespace. A field that is there is only replaced when the plan knows what it was."""
    there = api.list_fields(tools.session).get(action.namespace)
    wanted = Field(action.namespace, action.label, action.definition, action.order, True, ("*",), ("*",) if action.editable else ("profile:admin",))
    if there is not None and (_says(there.definition, action.definition) or not action.before):
        return {} if look else {"adopted": True}
    try:
        api.put_field(tools.session, wanted)
    except CellsRefused:
        if not _is_there(tools, wanted):
            raise
    tools.wait(lambda: _is_there(tools, wanted), SHOWN_SECONDS, lambda: FieldLost(namespace=action.namespace))
    return {}


def _is_there(tools: Tools, wanted: Field) -> bool:
    there = api.list_fields(tools.session).get(wanted.namespace)
    return there is not None and _says(there.definition, wanted.definition)


def _says(one: str, other: str) -> bool:
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


@performs(RemoveField)
def remove_field(tools: Tools, action: RemoveField, look: bool) -> Result:
    """The definition; values of people who used it meanwhile stay in the database."""
    if action.namespace in api.list_fields(tools.session):
        api.delete_field(tools.session, action.namespace)
    return {}


@performs(OfferTags)
def offer_tags(tools: Tools, action: OfferTags, look: bool) -> Result:
    """Those that are not offered yet, one after the other."""
    known = set(api.list_tags(tools.session, action.namespace))
    added = [tag for tag in action.tags if tag not in known]
    if added:
        tools.ledger.keep_former(action.id, action.to_json(), {"tags": sorted(known)})
    for tag in added:
        tools.stop.check()
        api.add_tag(tools.session, action.namespace, tag)
    return {"added": len(added)}


@performs(ForgetTags)
def forget_tags(tools: Tools, action: ForgetTags, look: bool) -> Result:
    """All of a field of ours; of a field of others those that were not offered before. The server can only forget all of a field, so
    the others are offered again; which they are is on disk before."""
    now, key = api.list_tags(tools.session, action.namespace), "tags-left:" + action.namespace
    if not action.tags:
        if now:
            api.clear_tags(tools.session, action.namespace)
        return {}
    former = set((tools.ledger.former("tags:" + action.namespace) or {}).get("tags", ()))
    left = list(dict.fromkeys([*(tools.ledger.get(key) or ()), *(tag for tag in now if tag in former or tag not in action.tags)]))
    if len(left) < len(now):
        tools.ledger.put(key, left)
        api.clear_tags(tools.session, action.namespace)
        now = ()
    for tag in left:
        if tag not in now:
            api.add_tag(tools.session, action.namespace, tag)
    tools.ledger.put(key, None)
    return {}


@dataclass
class Batch:
    """Items of an action with what became of them. `records`: of each item; `errors`: item number -> why it failed."""

    tools: Tools
    items: Sequence[Sequence[Any]]
    errors: dict[int, MigrationError] = field(default_factory=dict)
    uuids: dict[int, str] = field(default_factory=dict)

    def locate(self) -> None:
        """Find the nodes; those that are missing are waited for a moment."""
        missing = {str(item[1]): None for item in self.items}
        found: dict[str, str] = {}
        waited = 0.0
        while True:
            found.update(find_nodes(self.tools.session, missing))
            missing = {path: None for path in missing if path not in found}
            if not missing or waited >= INDEX_SECONDS:
                break
            self.tools.stop.check()
            self.tools.stop.wait(2.0)
            waited += 2.0
        for number, item in enumerate(self.items):
            if item[1] in found:
                self.uuids[number] = found[item[1]]
            else:
                self.errors[number] = NodeMissing(node=item[1])

    def settle(self, skipped: Mapping[int, str] | None = None) -> Result:
        """Say what became of each record; NotesFailed when any failed."""
        rows: list[tuple[str, str, str | None, str | None, str | None]] = []
        for number, item in enumerate(self.items):
            error = self.errors.get(number)
            for kind, key in item[0]:
                if error is not None:
                    rows.append((kind, key, "failed", error.code, error.message))
                elif skipped and number in skipped:
                    rows.append((kind, key, "skipped", skipped[number], None))
                else:
                    rows.append((kind, key, "migrated", None, None))
        self.tools.ledger.settle_many(rows)
        if self.errors:
            first = next(iter(self.errors.values()))
            raise NotesFailed(number=len(self.errors), total=len(self.items), example=first.message)
        return {"number": len(self.items)}


@performs(WriteValues)
def write_values(tools: Tools, action: WriteValues, look: bool) -> Result:
    """Natural key: (node, field). What is there is read first, so that nothing is written twice; after a failure item by item."""
    batch = Batch(tools, action.items)
    batch.locate()
    writer = Writer(tools, batch, action.sources)
    writer.write()
    return batch.settle()


class Writer:
    """Writes what is missing of a batch, together first, then one by one."""

    def __init__(self, tools: Tools, batch: Batch, sources: Sequence[str]) -> None:
        self._tools, self._batch, self._sources = tools, batch, sources

    def _missing(self) -> list[tuple[int, str, str]]:
        """(item, namespace, JSON text) of what the server does not hold as wanted."""
        there = {(v.node, v.namespace): v.json for v in api.search_values(self._tools.session, list(self._batch.uuids.values()))}
        wanted = ((n, ns, text) for n, uuid in self._batch.uuids.items() for ns, text in self._batch.items[n][2].items()
                  if n not in self._batch.errors and not ((uuid, ns) in there and _says(there[(uuid, ns)], text)))
        return list(wanted)

    def write(self) -> None:
        missing = self._missing()
        if not missing:
            return
        for source in self._sources:
            self._tools.desks.slug(source)
        alone = False
        for part in _portions(missing):
            self._tools.stop.check()
            try:
                api.write_values(self._tools.session, {(self._batch.uuids[n], ns): text for n, ns, text in part})
            except (NoAnswer, WrongAnswer):
                alone = True
            except CellsRefused as error:
                if not api.is_refusal(error) and error.status != 0:
                    raise
                alone = True
        if alone:
            for number, namespace, text in self._missing():
                self._one(number, namespace, text)

    def _one(self, number: int, namespace: str, text: str) -> None:
        """A single value: once more for rules that take effect late, once more with a lent right."""
        self._tools.stop.check()
        uuid, path = self._batch.uuids[number], str(self._batch.items[number][1])
        for attempt in range(3):
            try:
                api.write_values(self._tools.session, {(uuid, namespace): text})
                return
            except CellsRefused as error:
                if not loans.refused_for_rights(error) or attempt == 2:
                    self._batch.errors.setdefault(number, error)
                    return
                role = self._tools.desks.role(path.split("/", 1)[0])
                if attempt == 1 and not (role and loans.lend(self._tools.session, self._tools.ledger, role, path)):
                    self._batch.errors.setdefault(number, error)
                    return
                self._tools.stop.wait(2.0)


def _portions(missing: Sequence[tuple[int, str, str]]) -> Iterable[list[tuple[int, str, str]]]:
    part: list[tuple[int, str, str]] = []
    size = 0
    for entry in missing:
        if part and (len(part) >= VALUES or size + len(entry[2]) > BYTES):
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry[2])
    if part:
        yield part


@performs(RemoveValues)
def remove_values(tools: Tools, action: RemoveValues, look: bool) -> Result:
    """Values that are still as they were written. Opens the desks that the plan used; they are closed after. A value that Cells keeps (a
    person locked the file) leaves the others of its batch alone; NotesFailed says how many stay."""
    found = dict(find_nodes(tools.session, [str(item[1]) for item in action.items]))
    wanted = {(found[item[1]], ns): text for item in action.items if item[1] in found for ns, text in item[2].items()}

    def ours() -> list[Value]:
        return [v for v in api.search_values(tools.session, list(found.values())) if (v.node, v.namespace) in wanted
                and _says(v.json, wanted[(v.node, v.namespace)])]

    there, refused = ours(), False
    if there:
        allow_desks(tools, action.sources)
        for path in sorted({str(item[1]) for item in action.items if item[1] in found}):
            tools.writable(path)
        for start in range(0, len(there), VALUES):
            tools.stop.check()
            refused = not _removed(tools, there[start:start + VALUES]) or refused
    paths = {uuid: path for path, uuid in found.items()}
    errors = {value.uuid: f"{paths[value.node]}: {error.message}" for value in ours() if (error := _kept(tools, value)) is not None} if refused else {}
    left = [errors[value.uuid] for value in ours() if value.uuid in errors] if errors else []
    if left:
        raise NotesFailed(number=len(left), total=len(there), example=left[0])
    return {"removed": len(there)}


def _removed(tools: Tools, values: Sequence[Value]) -> bool:
    """Whether a batch went; False when one of them is in the way of all, or nobody answered."""
    try:
        api.delete_values(tools.session, values)
    except (NoAnswer, WrongAnswer):
        return False
    except CellsRefused as error:
        if not api.is_refusal(error):
            raise
        return False
    return True


def _kept(tools: Tools, value: Value) -> CellsRefused | None:
    """Remove a single value; why it stays, when it seems to."""
    tools.stop.check()
    try:
        api.delete_values(tools.session, [value])
    except CellsRefused as error:
        if not api.is_refusal(error) and not isinstance(error, (NoAnswer, WrongAnswer)):
            raise
        return error
    return None


def allow_desks(tools: Tools, sources: Iterable[str]) -> None:
    """Desks as the journal knows them may be opened again (undo): the newest plan may have needed none, and their opening may be taken back already."""
    wanted = set(sources)
    for _, body in tools.ledger.ever(DESK):
        desk = from_json(body)
        if isinstance(desk, OpenDesk) and desk.data_source in wanted:
            tools.desks.allow(desk.data_source, desk.uuid, desk.slug, desk.loader_role)
