"""How do the notes of people (values, comments, watches, bookmarks, locks, quotas, pictures) enter a plan, and what is handed over?

Reads in bulk what Cells holds about the nodes concerned, ties the parts of `transform` to ledger and secrets, and writes the
files for people: the archive of comments, the bookmarks that only their owners can set."""

from __future__ import annotations

import csv
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate import note_codes
from migrate.cells.models import Target
from migrate.cells.models.notes import LiveNotes
from migrate.cells.notes import read_notes
from migrate.cells.session import Session
from migrate.errors import MigrationError, known
from migrate.extract.records import Bookmark, Comment, Lock, Metadata, Preference, Watch, from_plain
from migrate.extract.source import Source
from migrate.ledger import Ledger, Secrets, State
from migrate.ledger.listed import is_sent
from migrate.load.date_field import DONE as DATES_WRITTEN
from migrate.load.loans import give_back
from migrate.load.sessions import KNOWN, TOKEN, at_hand
from migrate.logs import keep_out
from migrate.report.words import plain
from migrate.shelf import DiskShelf, Shelf
from migrate.text import shown
from migrate.transform.actions import from_json
from migrate.transform.date_field import DateFieldPart
from migrate.transform.fields import Fields, folded
from migrate.transform.limits import AccountsPart, LimitsPart
from migrate.transform.lookup import PlanLookup
from migrate.transform.mapping import Mappings
from migrate.transform.mapping_text import guarded
from migrate.transform.marks import BookmarksPart, LocksPart, PreferencesPart, WatchesPart, written
from migrate.transform.metadata_actions import SetBookmarks, SetPicture
from migrate.transform.notes import Comments, NotesPart, Values, stamp
from migrate.transform.parts import Part
from migrate.transform.people import Person
from migrate.transform.whereabouts import Whereabouts
from migrate.verify.logins import read_people
from migrate.workflow.memory import marks_set
from migrate.workflow.settings import Settings
from migrate.workflow.view import RecordView

DERIVED = ("fields", "quotas", "start workspaces", "pictures")
"""Kinds that are counted although the old server keeps no records of them alone."""
COMMENTS_FILE, BOOKMARKS_FILE, LEFT_FILE = "comments.csv", "bookmarks.csv", "values-left-out.csv"


REASONS = {note_codes.FIELD_UNKNOWN.code: "no workspace defines the field any more", note_codes.FIELD_SKIPPED.code: "fields.csv leaves the field out",
           note_codes.PRIVATE.code: "only one person saw it", note_codes.WRONG_TYPE.code: "not of the type of the field",
           note_codes.TOO_LONG.code: "longer than 65535 bytes", note_codes.OTHER_VALUE.code: "the file has another value of this field already"}


@dataclass(frozen=True)
class Eyes:
    """What a plan may look at for notes. `read`: (target, nodes, those watched, shelf) -> what Cells holds; `knows`: whether the tool knows a password or
    token of an account (login in Cells, old login); `comments`: `field`, `archive` or `both`; `by_rpc`: bookmarks by an internal job."""

    read: Callable[[Target, Iterable[str], Iterable[str], Shelf], LiveNotes] = lambda _target, _nodes, _watched, _shelf: LiveNotes()
    knows: Callable[[str, str], bool] = lambda _login, _old: False
    comments: str = "both"
    by_rpc: bool = False
    dates: bool = False

    @classmethod
    def of(cls, session: Session, secrets: Secrets, settings: Settings) -> Eyes:
        """Look with this session."""
        return cls(lambda *what: read_notes(session, *what), lambda login, old: at_hand(secrets, login, old), settings.comments,
                   settings.notes.get("bookmarks_by") == "rpc", settings.files.get("dates") == "field")


@dataclass(frozen=True)
class Former:
    """What earlier runs of this work folder did, as far as it is not taken back."""

    values: Mapping[tuple[str, str], str]
    fields: Mapping[str, str]
    bookmarks: frozenset[tuple[str, str]]
    pictures: Mapping[str, str]
    unseen: frozenset[str] = frozenset()
    """Keys of bookmarks that a run could not set, because the person does not see what they point to."""

    @classmethod
    def of(cls, ledger: Ledger) -> Former:
        """From journal, targets and outcomes, before a new plan replaces them. A record that changed at the source has no outcome any
        more, but the journal knows what was written."""
        made = {key for key, outcome, _ in ledger.unsettled("fields") if outcome in ("migrated", "already")}
        fields = {body["namespace"]: body["definition"] for key, body in ledger.targets("fields") if key in made}
        marked: set[tuple[str, str]] = set()
        pictures: dict[str, str] = {}
        for name, body, result in ledger.effects():  # newest first
            if name.startswith("picture:") and not (result or {}).get("adopted"):
                action = from_json(body)
                if isinstance(action, SetPicture):
                    pictures.setdefault(action.login, action.sha256)
            elif name.startswith("bookmarks:"):
                action = from_json(body)
                if isinstance(action, SetBookmarks):
                    marked.update((action.login, node) for node in (result or {}).get("set", ()))
        unseen = frozenset(key for key, _, reason in ledger.unsettled("bookmarks") if reason == note_codes.NOT_SEEN.code)
        return cls(DiskShelf().mapping(_formerly(ledger)), fields, frozenset(marked), pictures, unseen)


def _formerly(ledger: Ledger) -> Iterator[tuple[tuple[str, str], str]]:
    """((node, namespace), JSON text) that stands by what earlier runs said; of one that is given twice the first counts."""
    for name, body, _ in ledger.effects():  # newest first
        if name.startswith("values:"):
            for _, node, texts in getattr(from_json(body), "items", ()):
                yield from (((node, namespace), text) for namespace, text in texts.items())
    for kind in ("metadata", "comments"):
        for _, body in ledger.standing(kind):
            yield from (((body["node"], namespace), text) for namespace, text in body.get("values", {}).items())


@dataclass(frozen=True)
class Stream:
    """Records of a kind, revived, as often as asked."""

    records: RecordView
    kind: str
    cls: type[Any]

    def __iter__(self) -> Iterator[Any]:
        return (from_plain(self.cls, body) for _, body in self.records.of_kind(self.kind))


def note_parts(records: RecordView, lookup: PlanLookup, ledger: Ledger, mappings: Mappings, eyes: Eyes, former: Former, *,
               source_wins: bool = False) -> list[Part]:
    """The parts of a plan for notes."""
    where = Whereabouts.of(lookup, (body for _, body in records.of_kind("shares")))
    streams = {kind: Stream(records, kind, cls) for kind, cls in
               (("metadata", Metadata), ("comments", Comment), ("watches", Watch), ("bookmarks", Bookmark), ("locks", Lock))}
    shelf = DiskShelf()
    watched = (node for record in streams["watches"] if (node := where.find(record.workspace, record.user, record.path)[0]) is not None)
    live = eyes.read(lookup.target, _nodes(streams, where, shelf), watched, shelf)
    fields = Fields(records.workspaces(), mappings.fields, live.fields, wide=lookup.target.facts.features.wide_characters, former=former.fields,
                    undefined=_undefined(records, streams["metadata"]))
    values = Values(streams["metadata"], fields, where, lookup, live, former.values, shelf)
    values.source_wins = source_wins
    notes = NotesPart(values, Comments(streams["comments"], where, lookup, values, live, eyes.comments), live)

    def signs_in(person: Person) -> bool:
        new = person.login not in lookup.target.users and not person.existing
        return "logout" not in person.user.locks and (new or eyes.knows(person.login, person.user.login))

    writing = written(notes.actions, {path for path, uuid in live.nodes.items() if uuid in live.locks}) if live.locks else ()
    watches = WatchesPart(streams["watches"], where, lookup, live, signs_in)
    locks = LocksPart(streams["locks"], where, lookup, live, writing.__contains__)
    if not source_wins:
        watches.former, locks.former = marks_set(ledger)
    return [notes, watches,
            BookmarksPart(streams["bookmarks"], where, lookup, signs_in, former.bookmarks, eyes.by_rpc, _still_unseen(records, streams["bookmarks"], former)),
            locks, PreferencesPart(Stream(records, "preferences", Preference), lookup, records.roles),
            LimitsPart(records, lookup), AccountsPart(records, lookup, live, former.pictures),
            DateFieldPart(_dated(ledger) if eyes.dates else {}, live.fields)]


def _still_unseen(records: RecordView, bookmarks: Iterable[Bookmark], former: Former) -> frozenset[str]:
    """Bookmarks that an earlier run found pointing to what the person does not see, and whose workspace the old server does not show him now:
    setting them would be refused again."""
    if not former.unseen:
        return frozenset()
    waiting = {mark.key: mark for mark in bookmarks if mark.key in former.unseen}
    people = {mark.user for mark in waiting.values()}
    access = {entry.login: entry.workspaces for entry in records.access() if entry.login in people}
    return frozenset(key for key, mark in waiting.items() if mark.workspace not in access.get(mark.user, {}))


def _dated(ledger: Ledger) -> dict[str, bool]:
    """Data sources that take uploaded files -> whether the old dates of all of them stand in the field already."""
    sources: dict[str, bool] = {}
    for key, body in ledger.targets("roots"):
        if is_sent(body):
            name = str(body["data_source"])
            waiting = any(ledger.file_totals(key).get(state.value) for state in (State.PLANNED, State.STARTED, State.FAILED))
            sources[name] = sources.get(name, True) and not waiting and ledger.get(DATES_WRITTEN + name) is True
    return sources


def _nodes(streams: Mapping[str, Stream], where: Whereabouts, shelf: Shelf) -> Iterator[str]:
    """Nodes that anything is noted about, each once. Bookmarks tell nothing that an administrator could read."""
    first = shelf.first()
    for kind, stream in streams.items():
        for record in stream if kind != "bookmarks" else ():
            login = record.owner or record.user if kind == "comments" else record.user
            node, _ = where.find(record.workspace, login, record.path, getattr(record, "group", None))
            if node is not None and first(node):
                yield node


def _undefined(records: RecordView, metadata: Iterable[Metadata]) -> set[str]:
    """Ids of values that no workspace defines."""
    known = {folded(item.id) for workspace in records.workspaces() for item in workspace.meta_fields}
    return {name for record in metadata for name in record.values if folded(name) not in known}


def without_people(notes: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of the choices about notes may stand in the settings."""
    return {name: value for name, value in (notes or {}).items() if name != "passwords_file"}


def keep_people(secrets: Secrets, notes: Mapping[str, Any] | None) -> None:
    """Remember passwords and tokens that were handed in, where only secrets are; `finish` removes them."""
    file = (notes or {}).get("passwords_file")
    for login, found in read_people(file).items() if file is not None else ():
        for kind, value in zip((KNOWN, TOKEN), found, strict=True):
            if value:
                keep_out(value)
                if secrets.get(kind, login) != value:
                    secrets.put(kind, login, value)


def store_derived(ledger: Ledger, parts: Iterable[Part]) -> None:
    """Make counted things of what has no records: fields, quotas, …"""
    rows: dict[str, list[tuple[str, Mapping[str, Any]]]] = {kind: [] for kind in DERIVED}
    for part in parts:
        for kind, found in getattr(part, "derived", ()):
            rows[kind] += found
    for kind, found in rows.items():
        ledger.replace_records(kind, found)
        ledger.unsettle(kind)


class Pictures:
    """Pictures of people and keys of storages, read from the old server when they are asked for, on a thread of their own: a Source
    belongs to one thread."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self._settings, self._secrets = settings, secrets
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._source: Source | None = None

    def __call__(self, login: str) -> bytes | None:
        return self._thread.submit(self._read, login).result()

    def storage_keys(self, workspace: str) -> tuple[str, str] | None:
        """Access key and secret of a workspace in an S3 storage."""
        return self._thread.submit(lambda: self._opened().storage_keys(workspace)).result()

    def _read(self, login: str) -> bytes | None:
        return self._opened().avatar(login)

    def _opened(self) -> Source:
        if self._source is None:
            self._source = self._settings.open_source(self._secrets)
        return self._source

    def close(self) -> None:
        """Release the old server's files."""
        self._thread.submit(self._release).result()
        self._thread.shutdown()

    def _release(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None


def return_loans(session: Session, ledger: Ledger) -> int:
    """Give back what the loader lent itself, whatever happened. A server that cannot be reached is asked by the next run."""
    if not ledger.get("loans"):
        return 0
    return give_back(session, ledger)


def hand_over_notes(work: Path, ledger: Ledger, settings: Settings) -> list[str]:
    """Write the archive of comments and the list of bookmarks; gives a line for each file."""
    lines = []
    if any(True for _ in ledger.records("comments")):
        number = _write(work / COMMENTS_FILE, ("workspace", "path", "time", "author", "comment", "in Cells"), _comments(ledger))
        lines.append(f"Archive of {number} comments: {work / COMMENTS_FILE}")
    waiting = list(_bookmarks(ledger))
    if waiting:
        _write(work / BOOKMARKS_FILE, ("person", "workspace", "path", "title", "path in Cells"), waiting)
        lines.append(f"{len(waiting)} bookmarks that only their owners can set: {work / BOOKMARKS_FILE}")
    left = _left(ledger)
    first = next(left, None)
    if first is not None:
        number = _write(work / LEFT_FILE, ("workspace", "path", "field", "code", "reason", "path in Cells"), itertools.chain([first], left))
        lines.append(f"{number} values of fields that are left out: {work / LEFT_FILE}")
    return lines


def _left(ledger: Ledger) -> Iterator[tuple[str, ...]]:
    """Each value that is left out, with its reason. The values themselves are not repeated: some were one person's own."""
    labels = {key: str(body.get("label") or key) for key, body in ledger.records("workspaces")}
    for key, target in ledger.targets("metadata"):
        for name, why in target.get("left", {}).items():
            body = ledger.record("metadata", key) or {}
            entry = known(why)
            reason = entry.remedy if entry is not None else ""
            yield (labels.get(body.get("workspace", ""), body.get("workspace", "")), shown(str(body.get("path", "")).encode("utf-8", "surrogateescape")),
                   name, why, REASONS.get(why, reason), target["node"])


def _comments(ledger: Ledger) -> Iterator[tuple[str, ...]]:
    labels = {key: str(body.get("label") or key) for key, body in ledger.records("workspaces")}
    targets = {key: body["node"] for key, body in ledger.targets("comments")}
    for key, body in ledger.records("comments"):
        yield (labels.get(body["workspace"], body["workspace"]), shown(body["path"].encode("utf-8", "surrogateescape")), stamp(int(body["time"])),
               body["user"], body["content"].encode("utf-8", "replace").decode(), targets.get(key, ""))


def _bookmarks(ledger: Ledger) -> Iterator[tuple[str, ...]]:
    labels = {key: str(body.get("label") or key) for key, body in ledger.records("workspaces")}
    targets = dict(ledger.targets("bookmarks"))
    for key, outcome, code in ledger.unsettled("bookmarks"):
        if outcome != "skipped" or code != note_codes.NO_SESSION.code:
            continue
        body = ledger.record("bookmarks", key) or {}
        target = targets.get(key, {})
        yield (str(target.get("login") or body.get("user", "")), labels.get(body.get("workspace", ""), body.get("workspace", "")),
               shown(str(body.get("path", "")).encode("utf-8", "surrogateescape")), str(body.get("title", "")), str(target.get("node", "")))


class FileNotWritten(MigrationError):
    """A hand-over file could not be written."""

    code = "E6121"
    title = "{path} could not be written: {detail}."
    remedy = "Free room in the work folder and run `apply` again; what it says is in the ledger too."


def _write(path: Path, header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> int:
    """A CSV file that only its owner can read: comments can be anything. No cell is a formula."""
    number = 0
    fresh = path.with_name(path.name + ".new")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8", errors="replace", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(header)
            for row in rows:
                writer.writerow([guarded("\n".join(plain(line) for line in cell.split("\n"))) for cell in row])
                number += 1
            out.flush()
            os.fsync(out.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise FileNotWritten(path=path, detail=error.strerror or error) from error
    return number


def open_sources(ledger: Ledger) -> set[str]:
    """Data sources that batches of values still write to."""
    rows = (from_json(row.body) for row in ledger.actions(State.PLANNED, State.STARTED) if row.kind == "metadata")
    return {source for action in rows for source in getattr(action, "sources", ())}
