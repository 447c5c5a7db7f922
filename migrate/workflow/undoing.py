"""`undo`: takes back what the journal says this migration made and nobody changed since, in reverse order; nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrate.cells.errors import OtherObject
from migrate.cells.reader import read_facts, whoami
from migrate.errors import ExitStatus, Finding, MigrationError, Severity, code, finding, finding_of
from migrate.interrupt import StopSignal
from migrate.ledger import Ledger, Secrets, WorkLock
from migrate.ledger.lock import ServerLock
from migrate.load import loans
from migrate.load.engine import NeedFailed, ends_the_run
from migrate.load.perform import Loader
from migrate.load.places import ConflictingData
from migrate.load.purge import purge_folder
from migrate.load.shares import AddressTaken
from migrate.load.untouched import KINDS, changed_since
from migrate.transform.actions import DESK, Action, CarryFolder, CloseDesk, CreateFolder, DeleteGroup, OpenDesk, RemoveRight, SetRight, from_json
from migrate.transform.metadata_actions import RemoveField, RemoveValues
from migrate.transform.share_actions import CreateCell, DeleteLink, ShareRight
from migrate.workflow.connect import Connection
from migrate.workflow.keeping import keeping_for
from migrate.workflow.outcome import Outcome
from migrate.workflow.settings import Settings
from migrate.workflow.stage import stage

PURGE = ("files", "groups", "rights", "roles", "shares", "users", "workspaces")
"""What `--purge` takes: kinds that are taken back although people changed them; `files`: content, which stays otherwise."""

FOREIGN = frozenset({OtherObject.code, AddressTaken.code, ConflictingData.code})
"""Why an action failed that met something of others."""

CONTENT = 872
"""The phase in which content is removed."""

CHANGED = code("F4950", Severity.WARNING, "{subject} was changed in Cells since it was made ({what}); it stays.",
               "Look at it in Cells. To take it back all the same: undo with --purge {purge}.")
CONTENT_KEPT = code("F4951", Severity.INFO, "{number} files and folders of {subject} hold something else than what was sent, or something besides; they stay.",
                    "Remove them in Cells if they are not wanted.")


@dataclass(frozen=True)
class Step:
    """One effect and what takes it back. `known`: its end was recorded, so the server can be compared with it."""

    name: str
    body: str
    effect: Action
    reverse: Action | None
    known: bool

    @property
    def order(self) -> tuple[int, int]:
        """Content when nothing is locked any more and its workspaces are still there; groups from the innermost out."""
        if self.reverse is None:
            return CONTENT, 0
        return self.reverse.phase, -self.reverse.path.count("/") if isinstance(self.reverse, DeleteGroup) else 0


def undo_migration(work: Path, connection: Connection, *, dry_run: bool, stop: StopSignal, progress: Callable[[str, int], None],
                   break_lock: bool = False, purge: Collection[str] = ()) -> Outcome:
    """Reverse every recorded effect that was not taken back yet. Resumable: each reversal is journaled when it is done. The dry run
    reads the server, so that it names what would stay."""
    with WorkLock(work, break_lock=break_lock), Ledger.open(work) as ledger:
        settings = Settings.load(ledger, work)
        with ServerLock(connection.url or settings.cells), stage(ledger, "undo --dry-run" if dry_run else "undo"):
            return _undo(work, ledger, settings, connection, dry_run=dry_run, stop=stop, progress=progress, purge=purge, break_lock=break_lock)


def _undo(work: Path, ledger: Ledger, settings: Settings, connection: Connection, *, dry_run: bool, stop: StopSignal,
          progress: Callable[[str, int], None], purge: Collection[str], break_lock: bool) -> Outcome:
    steps = sorted(_steps(ledger, purge), key=lambda step: step.order)
    given = frozenset(pair for step in steps for pair in _gives(step.effect))
    desks = _desks(ledger, steps)
    findings: list[Finding] = []
    lines: list[str] = []
    done = failed = 0
    held: set[str] = set()
    with connection.session(settings.cells, writes=not dry_run) as session:
        read_facts(session)
        owner, _ = whoami(session)
        ledger.put("loader", owner.uuid)
        secrets = Secrets(work)
        keeping = keeping_for(settings, secrets, session, connection)
        loader = Loader(session, ledger, secrets, stop, _carries_nothing, keeping, break_lock=break_lock)
        try:
            for step in steps:
                stop.check()
                if desks and step.order[0] > CONTENT and not dry_run:
                    _close(loader, desks)  # a data source cannot go while a workspace is on it
                try:
                    _waits_for_values(step, held)
                    told = _take_back(loader, ledger, step, given, purge, dry_run=dry_run)
                except MigrationError as error:
                    if ends_the_run(error):
                        raise
                    failed += 1
                    held |= _fields(step)
                    findings.append(finding_of(error, "undo", step.name))
                else:
                    findings += told
                    if not any(found.code == CHANGED.code for found in told):
                        done += 1
                        lines.append(f"{type(step.reverse or step.effect).__name__}: {step.name}")
                progress("undo", 1)
            if not dry_run:
                _close(loader, desks)
                loans.give_back(session, ledger)
        finally:
            keeping.close()
        read, write = session.requests.read, session.requests.write
    kept = sum(found.code == CHANGED.code for found in findings)
    if dry_run:
        return Outcome(f"{done} things would be taken back, {kept} would stay because people changed them.", read=read, write=write,
                       findings=findings, lines=[*lines, *(found.message for found in findings)])
    if not failed:
        _forget(ledger, {step.name for step in steps}, everything=not kept)
        ledger.forget_outcomes()
    verdict = f"{done} things were taken back" + (f", {kept} stay because people changed them" if kept else "") + \
        (f", {failed} could not be; see the findings." if failed else ".")
    return Outcome(verdict, ExitStatus.INCOMPLETE if failed or kept else ExitStatus.OK, read=read, write=write, findings=findings,
                   lines=[found.message for found in findings])


def _forget(ledger: Ledger, names: Collection[str], *, everything: bool) -> None:
    """What nothing takes back (a picture, a link handed over) went with what was made, or is made again when a later plan misses it: the
    journal does not hold it against Cells. Without `everything` (people's changes stay) only what hung on something that was taken back.
    Content stays known: a later purge may name it."""
    left = {name for name, _, _ in ledger.effects()}
    for name, body, _ in ledger.effects():
        effect = from_json(body)
        hung = any(need in names and need not in left for need in effect.needs())
        if effect.reverse() is None and not isinstance(effect, CarryFolder) and (everything or hung or isinstance(effect, CreateFolder)):
            ledger.journal_undone(name, body)


def _desks(ledger: Ledger, steps: list[Step]) -> list[CloseDesk]:
    """What closes the desks that taking back may open; also those whose opening was taken back already by an undo that was killed:
    they may be open again."""
    opened = [*(step.effect for step in steps), *(from_json(body) for _, body in ledger.ever(DESK))]
    return list({e.uuid: CloseDesk(e.uuid, e.slug, e.data_source) for e in opened if isinstance(e, OpenDesk)}.values())


def _steps(ledger: Ledger, purge: Collection[str]) -> list[Step]:
    """Content is not taken back by itself: it goes with its data source or stays, unless a purge of files is asked for."""
    steps = []
    for name, body, result in ledger.effects(begun=True):
        action = from_json(body)
        if (result or {}).get("adopted") or (result is None and _is_somebody_elses(ledger, name)):
            continue
        if isinstance(action, CarryFolder):
            if "files" in purge:
                steps.append(Step(name, body, action, None, result is not None))
            continue
        reverse = action.reverse()
        if isinstance(reverse, RemoveRight):
            reverse = dataclasses.replace(reverse, former=tuple((ledger.former(name) or {}).get("rules", ())))
        if isinstance(reverse, DeleteLink) and result is not None:
            reverse = dataclasses.replace(reverse, uuid=str(result.get("uuid") or ""))
        if reverse is not None:
            steps.append(Step(name, body, action, reverse, result is not None))
    return steps


def _is_somebody_elses(ledger: Ledger, name: str) -> bool:
    """Whether an action failed because others had made the thing meanwhile: it is theirs."""
    row = ledger.action(name)
    return row is not None and row.code in FOREIGN


def _take_back(loader: Loader, ledger: Ledger, step: Step, given: frozenset[tuple[str, str]], purge: Collection[str], *, dry_run: bool) -> list[Finding]:
    """Gives what is to be said. What people changed stays, and stays in the journal as ours."""
    kind = KINDS.get(type(step.effect), "")
    if kind and kind not in purge:
        what = changed_since(loader.tools, step.effect, given, known=step.known and not ledger.undo_begun(step.name))
        if what:
            return [finding(CHANGED, kind, step.name, what=what, purge=kind)]
    if dry_run:
        return []
    told: list[Finding] = []
    ledger.undo_begins(step.name, step.body)
    if step.reverse is None and isinstance(step.effect, CarryFolder):
        _, kept = purge_folder(loader.tools, step.effect)
        if kept:
            told.append(finding(CONTENT_KEPT, "files", step.name, number=kept))
    elif step.reverse is not None:
        loader.perform(step.reverse, resumed=True)
    ledger.journal_undone(step.name, step.body)
    return told


def _fields(step: Step) -> set[str]:
    """Fields of the values that a step takes back."""
    return {namespace for item in step.reverse.items for namespace in item[2]} if isinstance(step.reverse, RemoveValues) else set()


def _waits_for_values(step: Step, held: Collection[str]) -> None:
    """A field whose values could not all go stays for now: without it nobody sees them any more, nor can take them away."""
    if isinstance(step.reverse, RemoveField) and step.reverse.namespace in held:
        raise NeedFailed(need=f"removing all values of {step.reverse.namespace}")


def _close(loader: Loader, desks: list[CloseDesk]) -> None:
    """Desks that taking back opened."""
    while desks:
        loader.perform(desks.pop(), resumed=True)


def _gives(effect: Action) -> list[tuple[str, str]]:
    """(role, workspace or cell) of the rights that an effect gave."""
    if isinstance(effect, SetRight):
        return [(effect.role, effect.workspace)]
    if isinstance(effect, ShareRight):
        return [(effect.role, effect.cell)]
    return [(role, effect.uuid) for role in effect.rights()] if isinstance(effect, CreateCell) else []


def _carries_nothing(_action: CarryFolder, _desk: Callable[[], str] | None) -> Mapping[str, Any]:
    raise TypeError("undo carries nothing")
