"""Watches, bookmarks and locks: who marked which node, and what of it can stand in Cells?"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from migrate import note_codes
from migrate.cells.models.notes import LiveNotes
from migrate.errors import Code, Finding, finding
from migrate.extract.records import Bookmark, Lock, Preference, Role, Watch
from migrate.transform.actions import Action
from migrate.transform.metadata_actions import BATCH, LiftLocks, RemoveValues, SetBookmarks, SetLocks, SetWatches, WriteValues
from migrate.transform.parts import Lookup, Outcome
from migrate.transform.people import Person
from migrate.transform.remarks import Remarks
from migrate.transform.since import REMOVED, Kept
from migrate.transform.whereabouts import Whereabouts

EVENTS = {"change": ("change",), "read": ("read",), "both": ("change", "read")}
Target = tuple[str, str, dict[str, Any]]


class WatchesPart:
    """Who is told of what happens to a node. An administrator sets it for everybody, up to version 4."""

    kinds = ("watches",)

    def __init__(self, records: Iterable[Watch], where: Whereabouts, lookup: Lookup, live: LiveNotes, signs_in: Callable[[Person], bool]) -> None:
        self._records, self._where, self._lookup, self._live, self._signs_in = records, where, lookup, live, signs_in
        self._own_only = lookup.target.facts.major >= 5
        self.former: Mapping[tuple[str, str], frozenset[str]] = {}
        """(login, node) -> events that earlier runs set: where they are not there any more, the person took them away."""

    def _decided(self) -> Iterator[tuple[str, Person | None, dict[str, tuple[list[str], set[str]]], list[tuple[str, Code]]]]:
        """(old login, account, node -> (keys, events), skipped keys) of each person."""
        for login, group in groupby(self._records, key=lambda w: w.user):
            person = self._lookup.person(login)
            nodes: dict[str, tuple[list[str], set[str]]] = {}
            lost: list[tuple[str, Code]] = []
            for watch in group:
                node, why = self._where.find(watch.workspace, login, watch.path)
                if person is None:
                    why = note_codes.PERSON_LEFT
                elif self._own_only and not self._signs_in(person):
                    why = note_codes.NOT_WATCHED
                if why is not None or node is None or watch.type not in EVENTS:
                    lost.append((watch.key, why or note_codes.WRONG_TYPE))
                    continue
                keys, events = nodes.setdefault(node, ([], set()))
                keys.append(watch.key)
                events.update(EVENTS[watch.type])
            yield login, person, nodes, lost

    def _stands(self, login: str, node: str, events: set[str]) -> bool:
        """Whether nothing is to be set: all of it is there, or the person took away what an earlier run set, and that is left alone whatever
        the old server says meanwhile."""
        before = self._before(login, node)
        return events <= before or not self.former.get((login, node), frozenset()) <= before

    @property
    def kept(self) -> Iterator[Kept]:
        """Watches that people took away in Cells."""
        for _, person, nodes, _ in self._decided():
            for node, (_, events) in nodes.items():
                if person is not None and not events <= self._before(person.login, node) and self._stands(person.login, node, events):
                    yield Kept("watches", f"{person.login}: {node}", REMOVED, (("watches", f"{person.login}: {node}"),), gone=True)

    def _before(self, login: str, node: str) -> frozenset[str]:
        uuid = self._live.nodes.get(node)
        return self._live.watches.get((login, uuid), frozenset()) if uuid else frozenset()

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        for old, person, nodes, _ in self._decided():
            items = [([["watches", key] for key in keys], node, sorted(events | self._before(person.login, node)), sorted(self._before(person.login, node)))
                     for node, (keys, events) in nodes.items() if person is not None and not self._stands(person.login, node, events)]
            for part in _parts(items):
                if person is not None:
                    yield SetWatches(person.login, old, part), False

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for _, person, nodes, lost in self._decided():
            for key, why in lost:
                yield "watches", key, "skipped", why.code, None
            for node, (keys, events) in nodes.items():
                if person is not None and self._stands(person.login, node, events):
                    yield from (("watches", key, "already", None, None) for key in keys)

    @property
    def targets(self) -> Iterator[Target]:
        for _, person, nodes, _ in self._decided():
            for node, (keys, events) in nodes.items():
                for key in keys if person is not None else ():
                    yield "watches", key, {"node": node, "login": person.login if person else "", "events": sorted(events)}

    @property
    def findings(self) -> list[Finding]:
        return []

    @property
    def nodes(self) -> Iterator[str]:
        """Nodes that are watched."""
        return (node for _, _, nodes, _ in self._decided() for node in nodes)


class BookmarksPart:
    """Bookmarks, set in the person's own session where the tool can open one."""

    kinds = ("bookmarks",)

    def __init__(self, records: Iterable[Bookmark], where: Whereabouts, lookup: Lookup, signs_in: Callable[[Person], bool],
                 former: frozenset[tuple[str, str]], by_rpc: bool = False, unseen: frozenset[str] = frozenset()) -> None:
        """`signs_in`: whether an account's password is, or will be, known. `former`: (login, node) set by earlier runs. `by_rpc`: for
        others an internal job of Cells may be used. `unseen`: keys of those that an earlier run was refused, because the person does not see
        what they point to, and is not to see it now either."""
        self._records, self._where, self._lookup, self._signs_in, self._former = records, where, lookup, signs_in, former
        self._by_rpc, self._unseen = by_rpc, unseen

    def _decided(self) -> Iterator[tuple[str, Person | None, dict[str, list[str]], list[tuple[str, str, Code]]]]:
        for login, group in groupby(self._records, key=lambda b: b.user):
            person = self._lookup.person(login)
            nodes: dict[str, list[str]] = {}
            lost: list[tuple[str, str, Code]] = []
            for mark in group:
                node, why = self._where.find(mark.workspace, login, mark.path)
                if person is None:
                    why = note_codes.PERSON_LEFT
                elif node is not None and (person.login, node) not in self._former and not self._by_rpc and not self._signs_in(person):
                    why = note_codes.NO_SESSION
                elif mark.key in self._unseen:
                    why = why or note_codes.NOT_SEEN
                if why is not None or node is None:
                    lost.append((mark.key, node or "", why or note_codes.NODE_LEFT))
                else:
                    nodes.setdefault(node, []).append(mark.key)
            yield login, person, nodes, lost

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        for old, person, nodes, _ in self._decided():
            if person is None:
                continue
            items = [([["bookmarks", key] for key in keys], node) for node, keys in nodes.items() if (person.login, node) not in self._former]
            for part in _parts(items):
                yield SetBookmarks(person.login, old, part, person.uuid if self._by_rpc else ""), False

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for _, person, nodes, lost in self._decided():
            for key, _, why in lost:
                yield "bookmarks", key, "skipped", why.code, None
            for node, keys in nodes.items():
                if person is not None and (person.login, node) in self._former:
                    yield from (("bookmarks", key, "already", None, None) for key in keys)

    @property
    def targets(self) -> Iterator[Target]:
        for _, person, nodes, lost in self._decided():
            if person is None:
                continue
            for node, keys in nodes.items():
                yield from (("bookmarks", key, {"node": node, "login": person.login}) for key in keys)
            for key, node, why in lost:
                if why is note_codes.NO_SESSION:
                    yield "bookmarks", key, {"node": node, "login": person.login, "listed": True}

    @property
    def findings(self) -> list[Finding]:
        found = [finding(note_codes.NO_SESSION, "bookmarks", login) for login, _, _, lost in self._decided()
                 if any(why is note_codes.NO_SESSION for _, _, why in lost)]
        if self._by_rpc and any(nodes for _, _, nodes, _ in self._decided()):
            found.append(finding(note_codes.BOOKMARKS_BY_JOB, "bookmarks", "all"))
        return found


class LocksPart:
    """Locks of files, set last in their holders' names, and lifted while there is work on the files."""

    kinds = ("locks",)

    def __init__(self, records: Iterable[Lock], where: Whereabouts, lookup: Lookup, live: LiveNotes, writes: Callable[[str], bool]) -> None:
        """`writes`: whether this plan writes values on a node. New content of the file counts too."""
        self._where, self._lookup, self._live, self._writes = where, lookup, live, writes
        self._changed: set[str] = set()
        self.former: frozenset[str] = frozenset()
        """Nodes that earlier runs locked: where no lock stands any more, somebody in Cells took it away."""
        self.cleared: frozenset[str] = frozenset()
        """Nodes that the plan takes values from; a lock stops that as it stops writing."""
        self._wanted: dict[str, tuple[str, list[str]]] = {}
        self._lost: list[tuple[str, Code]] = []
        for lock in records:
            self._add(lock)

    def _add(self, lock: Lock) -> None:
        person = self._lookup.person(lock.user)
        node, why = self._where.find(lock.workspace, lock.user, lock.path)
        if person is None:
            why = note_codes.PERSON_LEFT
        elif node is not None:
            holder = self._wanted.setdefault(node, (person.login, []))[0]
            there = self._live.locks.get(self._live.nodes.get(node, ""), holder)
            if person.login != holder or there != holder:
                why = note_codes.LOCK_OF_OTHER
        if why is not None or node is None:
            self._lost.append((lock.key, why or note_codes.NODE_LEFT))
        else:
            self._wanted[node][1].append(lock.key)
            if self._stands(node) and self._where.changed(lock.workspace, lock.user, lock.path, self._live.sizes.get(self._live.nodes.get(node, ""))):
                self._changed.add(node)

    @property
    def nodes(self) -> frozenset[str]:
        """Nodes that are to be locked."""
        return frozenset(self._wanted)

    def _busy(self, node: str) -> bool:
        return node in self._changed or node in self.cleared or self._writes(node)

    @property
    def kept(self) -> Iterator[Kept]:
        """Locks that somebody took away in Cells."""
        for node in sorted(self.former & self._wanted.keys()):
            if not self._stands(node):
                yield Kept("locks", node, REMOVED, (("locks", node),), gone=True)

    def _stands(self, node: str) -> bool:
        return self._live.nodes.get(node, "") in self._live.locks

    @property
    def actions(self) -> Iterator[tuple[Action, bool]]:
        kept = {node: holder for node, (holder, keys) in self._wanted.items() if keys}
        lifted = {node: holder for node, holder in kept.items() if self._stands(node) and self._busy(node)}
        for part in _parts([(node, holder) for node, holder in lifted.items()]):
            yield LiftLocks(part), False
        items = [([["locks", key] for key in self._wanted[node][1]], node, holder) for node, holder in kept.items()
                 if node in lifted or not (self._stands(node) or node in self.former)]
        for part in _parts(items):
            yield SetLocks(part), False

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for key, why in self._lost:
            yield "locks", key, "skipped", why.code, None
        for node, (_, keys) in self._wanted.items():
            if self._stands(node) and not self._busy(node) or not self._stands(node) and node in self.former:
                yield from (("locks", key, "already", None, None) for key in keys)

    @property
    def targets(self) -> Iterator[Target]:
        for node, (holder, keys) in self._wanted.items():
            yield from (("locks", key, {"node": node, "login": holder}) for key in keys)

    @property
    def findings(self) -> list[Finding]:
        return []


CARRIED_SETTINGS = frozenset({("core.conf", name) for name in ("lang", "avatar", "DEFAULT_START_REPOSITORY", "USER_LOCK_ACTION")}
                             | {("meta.quota", "DEFAULT_QUOTA")})
CARRIED_ANYWHERE = frozenset({"email", "USER_DISPLAY_NAME"})
"""Settings that become part of accounts and quotas; they stand under `core.conf` or under the driver of the configuration."""


class PreferencesPart:
    """Settings of the old web client. The language is part of the account; the rest has no equivalent."""

    kinds = ("preferences",)
    actions: tuple[tuple[Action, bool], ...] = ()
    targets: tuple[Target, ...] = ()

    def __init__(self, records: Iterable[Preference], lookup: Lookup, roles: Callable[[], Iterable[Role]] = tuple) -> None:
        """`roles`: all roles, those of people included; their settings are told when they stay behind."""
        self._records, self._lookup, self._roles = records, lookup, roles

    @property
    def findings(self) -> Iterator[Finding]:
        remarks = Remarks()
        for role in self._roles():
            for plugins in role.parameters.values():
                for plugin, options in plugins.items() if isinstance(plugins, dict) else ():
                    for name in options if isinstance(options, dict) else ():
                        if (plugin, name) not in CARRIED_SETTINGS and name not in CARRIED_ANYWHERE:
                            remarks.add(note_codes.SETTINGS_LEFT, "preferences", plugin, f"{name} of {role.id}")
        return remarks.findings()

    @property
    def outcomes(self) -> Iterator[Outcome]:
        for preference in self._records:
            person = self._lookup.person(preference.user)
            if person is None:
                yield "preferences", preference.key, "skipped", note_codes.PERSON_LEFT.code, None
            elif preference.name == "lang" and preference.value == person.user.language and not person.existing:
                yield "preferences", preference.key, "already", None, "it is set with the account"
            else:
                yield "preferences", preference.key, "skipped", note_codes.NO_EQUIVALENT.code, None


def _parts(items: list[Any]) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(items), BATCH):
        yield tuple(items[start:start + BATCH])


def written(actions: Iterable[tuple[Action, bool]], among: Container[str]) -> frozenset[str]:
    """Those of these nodes that a plan writes values to, or takes values from."""
    items = (item for action, _ in actions if isinstance(action, (WriteValues, RemoveValues)) for item in action.items)
    return frozenset(str(item[1]) for item in items if str(item[1]) in among)
