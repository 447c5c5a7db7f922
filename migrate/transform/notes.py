"""Values of fields and comments: what is to be written on which node of Cells?

One value for each node and field. What only one person saw is left out unless fields.csv allows the field; a value that
somebody changed in Cells since it was carried stays as it is there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migrate import note_codes
from migrate.cells.models.notes import Field, LiveNotes
from migrate.errors import Code, Finding, finding, known
from migrate.extract.records import Comment, Metadata, from_plain, to_plain
from migrate.shelf import First, Shelf
from migrate.text import shown
from migrate.transform.actions import Action
from migrate.transform.fields import COMMENTS, Fields, Variant
from migrate.transform.metadata_actions import BATCH, OfferTags, PutField, WriteValues
from migrate.transform.parts import Lookup, Outcome
from migrate.transform.remarks import Remarks
from migrate.transform.values import MAX_BYTES, convert
from migrate.transform.whereabouts import Whereabouts

Former = Mapping[tuple[str, str], str]
"""(node, namespace) -> JSON text that an earlier run wrote."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is to stand on a node. `records`: (kind, key) settled with it; `write`: what is not there yet; `skip`: why nothing is
    written at all."""

    records: tuple[tuple[str, str], ...]
    node: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    write: Mapping[str, str] = field(default_factory=dict)
    skip: Code | None = None
    left: Mapping[str, str] = field(default_factory=dict)
    """Old field -> code, of values that are left out."""


class Values:
    """Decides values of fields, record by record, as often as asked."""

    def __init__(self, records: Iterable[Metadata], fields: Fields, where: Whereabouts, lookup: Lookup, live: LiveNotes, former: Former,
                 shelf: Shelf | None = None) -> None:
        """`records` can be gone through again. `shelf`: where what is decided lies."""
        self.shelf = shelf or Shelf()
        self._records, self.fields, self._where, self._lookup, self._live, self._former = records, fields, where, lookup, live, former
        self._wide = lookup.target.facts.features.wide_characters
        self.source_wins = False
        """Whether what people removed or changed in Cells is written again."""

    def decide(self, remarks: Remarks) -> Iterator[Note]:
        """One Note a record: what everybody saw first, so that it wins over what only one person saw."""
        taken = self.shelf.first()
        for private in (False, True):
            for record in self._records:
                if (record.bucket is not None) is private:
                    yield self._note(record, remarks, taken)

    def _note(self, record: Metadata, remarks: Remarks, taken: First) -> Note:
        key = (("metadata", record.key),)
        node, why = self._where.find(record.workspace, record.user, record.path, record.group)
        if node is None:
            return Note(key, skip=why)
        values: dict[str, str] = {}
        reasons: list[Code] = []
        left: dict[str, str] = {}
        for name, raw in record.values.items():
            text, variant, code = self._value(record, name, raw, remarks)
            if text is not None and variant is not None and not taken(f"{node}\0{variant.namespace}"):
                text, code = None, note_codes.OTHER_VALUE
            if text is None or variant is None:
                if code is not None:
                    reasons.append(code)
                    if code is not note_codes.EMPTY:
                        left[name] = code.code
                        remarks.add(code, "metadata", variant.key if variant else name, _place(record.workspace, record.path))
                continue
            values[variant.namespace] = text
        if not values:
            return Note(key, node, skip=_worst(reasons), left=left)
        return self.compared(Note(key, node, values, left=left), remarks)

    def _value(self, record: Metadata, name: str, raw: Any, remarks: Remarks) -> tuple[str | None, Variant | None, Code | None]:
        found = self.fields.of(record.workspace, name) or self.fields.of(self._where.workspace_of(record.workspace), name)
        if found is None:
            return None, None, note_codes.FIELD_UNKNOWN
        variant, old_type = found
        if variant.skip is not None:
            return None, variant, variant.skip
        if record.bucket is not None and not variant.private:
            return None, variant, note_codes.PRIVATE
        result = convert(variant, old_type, raw, self._login_of, self._wide)
        for note in result.notes:
            remarks.add(note, "metadata", variant.key, _place(record.workspace, record.path))
        return result.text, variant, result.skip

    def _login_of(self, old: str) -> str | None:
        person = self._lookup.person(old)
        return person.login if person is not None else None

    def compared(self, note: Note, remarks: Remarks, *, ours: bool = False) -> Note:
        """The note with what is left to write. A value that is there and was not written by an earlier run in this form stays;
        `ours`: nobody but administrators can change it, so it is brought up to date."""
        uuid = self._live.nodes.get(note.node)
        write, values = {}, dict(note.values)
        for namespace, text in note.values.items():
            there = self._live.values.get((uuid, namespace)) if uuid is not None else None
            if there is None:
                if not self.source_wins and self._former.get((note.node, namespace)) is not None:
                    values.pop(namespace)  # somebody in Cells removed it, or the file
                    remarks.add(note_codes.VALUE_GONE, "metadata", namespace, _place("", note.node))
                else:
                    write[namespace] = text
            elif not same(there, text):
                before = self._former.get((note.node, namespace))
                if ours or self.source_wins or (before is not None and same(before, there)):
                    write[namespace] = text
                else:
                    values[namespace] = there
                    remarks.add(note_codes.VALUE_KEPT, "metadata", namespace, _place("", note.node))
        return Note(note.records, note.node, values, write, left=note.left)


class Comments:
    """Comments as a text for each node, and which stay in the archive only. `mode`: `field`, `archive` or `both`."""

    def __init__(self, records: Iterable[Comment], where: Whereabouts, lookup: Lookup, values: Values, live: LiveNotes, mode: str) -> None:
        self._values, self._lookup, self.mode = values, lookup, mode
        self._found = False

        def placed() -> Iterator[tuple[str, Any]]:
            for comment in records:
                node, why = where.find(comment.workspace, comment.owner or comment.user, comment.path, comment.group)
                self._found |= node is not None
                yield node or "", [to_plain(comment), (why or note_codes.NODE_LEFT).code]

        self._of_node = values.shelf.groups(placed())
        there = live.fields.get(COMMENTS)
        self.namespace = COMMENTS if there is None or there.type in ("textarea", "string") else COMMENTS + "-old"

    @property
    def field(self) -> PutField | None:
        """The field that shows them; only administrators write it."""
        if self.mode == "archive" or not self._found:
            return None
        return PutField(self.namespace, "Comments", json.dumps({"type": "textarea"}), 9, editable=False, record="(comments)")

    def decide(self, remarks: Remarks) -> Iterator[Note]:
        """A note for each node with comments, and one for each comment whose node is not carried: it stays in the archive."""
        for node, rows in self._of_node:
            if not node:
                yield from (Note((("comments", from_plain(Comment, body).key),), skip=known(why)) for body, why in rows)
                continue
            comments = [from_plain(Comment, body) for body, _ in rows]
            records = tuple(("comments", c.key) for c in comments)
            if self.mode == "archive":
                yield Note(records, node, skip=note_codes.COMMENT_ARCHIVED)
                continue
            text = self._text(node, comments, remarks)
            yield self._values.compared(Note(records, node, {self.namespace: text}), remarks, ours=True)

    def _text(self, node: str, comments: list[Comment], remarks: Remarks) -> str:
        """Oldest first, a line with date and author before each; the newest that fit."""
        kept: list[str] = []
        for comment in sorted(comments, key=lambda c: (c.time, c.user, c.content), reverse=True):
            person = self._lookup.person(comment.user)
            author = person.login if person is not None else comment.user
            entry = f"{stamp(comment.time)} {author}: {clean(comment.content)}"
            if len(json.dumps("\n".join([entry, *kept]), ensure_ascii=False).encode()) > MAX_BYTES - 8:
                remarks.add(note_codes.COMMENTS_CUT, "comments", _place("", node), "")
                break
            kept.insert(0, entry)
        return json.dumps("\n".join(kept), ensure_ascii=False)


def stamp(seconds: int) -> str:
    """`2018-03-01 12:00 UTC`; nothing for times that are none."""
    try:
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return "(no date)"


def clean(text: str) -> str:
    """Text without control characters and broken characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32 and ord(c) != 127)


def same(one: str, other: str) -> bool:
    """Whether two JSON texts are the same value."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return one == other


def _place(workspace: str, path: str) -> str:
    return f"{workspace}{':' if workspace else ''}{shown(path.encode('utf-8', 'surrogateescape'))}"


def _worst(reasons: list[Code]) -> Code:
    """The reason that says most, when nothing of a record is carried."""
    order = (note_codes.PRIVATE, note_codes.WRONG_TYPE, note_codes.TOO_LONG, note_codes.OTHER_VALUE, note_codes.FIELD_UNKNOWN, note_codes.FIELD_SKIPPED)
    return next((code for code in order if code in reasons), note_codes.EMPTY)


def batches(notes: Iterable[Note]) -> Iterator[WriteValues]:
    """What is to be written, some nodes at a time, each batch in one data source."""
    open_: dict[str, list[Any]] = {}
    for note in notes:
        if not note.write:
            continue
        source = note.node.split("/", 1)[0]
        items = open_.setdefault(source, [])
        items.append(([list(r) for r in note.records], note.node, dict(note.write)))
        if len(items) >= BATCH:
            yield WriteValues(tuple(open_.pop(source)), (source,))
    for source, items in sorted(open_.items()):
        yield WriteValues(tuple(items), (source,))


class NotesPart:
    """Metadata and comments, as a part of a plan."""

    kinds = ("metadata", "comments")

    def __init__(self, values: Values, comments: Comments, live: LiveNotes) -> None:
        self._values, self._comments, self._live = values, comments, live
        self._remarks = Remarks()
        self._decided: Iterable[Any] | None = None

    def _notes(self) -> Iterator[Note]:
        """Decided once, and read as often as asked."""
        if self._decided is None:
            self._decided = self._values.shelf.rows(
                [[list(r) for r in note.records], note.node, dict(note.values), dict(note.write), note.skip.code if note.skip else None, dict(note.left)]
                for note in self._both())
        for records, node, values, write, skip, left in self._decided:
            yield Note(tuple((kind, key) for kind, key in records), node, values, write, known(skip) if skip else None, left)

    def _both(self) -> Iterator[Note]:
        yield from self._values.decide(self._remarks)
        yield from self._comments.decide(self._remarks)

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        yield from self._values.fields.actions
        field_ = self._comments.field
        if field_ is not None:
            yield field_, self._live.fields.get(field_.namespace) is not None
        for namespace, tags in self._tags().items():
            offered = set(self._live.tags.get(namespace, ()))
            yield OfferTags(namespace, tuple(tags), namespace not in self._live.fields), offered.issuperset(tags)
        for batch in batches(self._notes()):
            yield batch, False

    def _tags(self) -> dict[str, list[str]]:
        tagged = {v.namespace for v in self._values.fields.all if v.type == "tags" and v.skip is None}
        found: dict[str, dict[str, None]] = {}
        for namespace, tag in self._values.fields.known_tags:
            found.setdefault(namespace, {})[clean(tag)] = None
        for note in self._notes() if tagged else ():
            for namespace in tagged & note.values.keys():
                value = json.loads(note.values[namespace])
                found.setdefault(namespace, {}).update(dict.fromkeys(t for t in str(value).split(",") if t.strip()))
        return {namespace: list(tags) for namespace, tags in sorted(found.items())}

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for note in self._notes():
            for kind, key in note.records:
                if note.skip is not None:
                    yield kind, key, "skipped", note.skip.code, None
                elif not note.write:
                    yield kind, key, "already", None, None
        for v in self._values.fields.all:
            if v.skip is not None:
                yield "fields", v.key, "skipped", v.skip.code, None
            elif v.already:
                yield "fields", v.key, "already", None, None
        field_ = self._comments.field
        if field_ is not None and field_.namespace in self._live.fields:
            yield "fields", field_.record, "already", None, None

    @property
    def targets(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for note in self._notes():
            if note.skip is None or note.left:
                for kind, key in note.records:
                    yield kind, key, {"node": note.node, "values": dict(note.values), **({"left": dict(note.left)} if note.left else {})}
        for action, _ in self._values.fields.actions:
            yield "fields", action.record, {"namespace": action.namespace, "label": action.label, "definition": action.definition}

    @property
    def derived(self) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
        """Things that are counted although the old server has no records of them: fields."""
        rows: list[tuple[str, dict[str, Any]]] = [(v.key, {"id": v.id, "type": v.type, "label": v.label}) for v in self._values.fields.all]
        if self._comments.field is not None:
            rows.append((self._comments.field.record, {"id": "comments", "type": "textarea", "label": "Comments"}))
        yield "fields", rows

    @property
    def findings(self) -> list[Finding]:
        carried = any(note.skip is None for note in self._notes())
        found = [*self._values.fields.findings, *self._remarks.findings(), finding(note_codes.NOT_DATA, "metadata", "all")]
        if carried:
            found.append(finding(note_codes.READABLE, "metadata", "all"))
        return found

    @property
    def proposals(self) -> Iterator[Any]:
        """Lines for fields.csv."""
        return self._values.fields.proposals

    @property
    def nodes(self) -> Iterator[str]:
        """Nodes with values or comments, to be looked up on the server."""
        return (note.node for note in self._notes() if note.node)


def field_of(action: PutField) -> Field:
    """The field that an action makes."""
    return Field(action.namespace, action.label, action.definition, action.order, True, ("*",), ("*",) if action.editable else ("profile:admin",))
